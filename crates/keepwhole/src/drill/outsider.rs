//! An outsider's raw requests: the real HTTP interface on a loopback socket, over the story's service.
//!
//! The format's one address for requests stands for the product's `POST /v1/transfers`: every address that takes a body
//! bounds it by the same code. The outsider got hold of a token, as without one nothing is read at all. A slow request
//! and the time that the interface allows are both a hundredth of what they are in use.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::civil::date;
use keepwhole_core::command::Command;
use keepwhole_core::reason::Reason as Product;
use keepwhole_edge::api::{Api, Bounds, WHOLE, router};
use keepwhole_edge::server::serve;
use keepwhole_edge::tokens::Tokens;
use keepwhole_edge::{Done, Intake, Limits, NoReply};
use serde_json::Value;
use tokio::sync::oneshot;

use super::scenario::Given;
use super::scenario::code::{Outcome, Reason};
use super::words::Said;
use crate::installation::reason_json;

const TOKEN: &str = "kw_found-by-an-outsider";
/// The product's address for the format's.
const ADDRESSES: &[(&str, &str)] = &[("/v1/withdrawals", "/v1/transfers")];
/// Largest body where the story names none, bytes: the product's default.
const BODY_MAX: usize = 1_048_576;
const RATES: Limits = Limits {
    all: 1_000,
    each: 1_000,
};
const CONNECTIONS: usize = 16;
/// How much faster than in use slow senders and the interface's patience are.
const HASTE: u32 = 100;
/// Bytes written at once by a sender that is not slow.
const CHUNK: usize = 64 * 1024;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a sender waits behind the head, so that an answer that needs no body is there.
const BREATH: Duration = Duration::from_millis(20);

/// A request as the story tells it.
pub(super) struct Request<'e> {
    pub(super) id: &'e str,
    pub(super) method: &'e str,
    pub(super) path: &'e str,
    pub(super) body_bytes: u64,
    pub(super) body: Option<&'e str>,
    pub(super) depth: Option<u64>,
    pub(super) slow_bps: Option<u64>,
}

/// A command on its way from the interface to the service.
type Ask = (Command, Done);

/// Answers for the service, which lives on the story's thread.
struct Desk {
    ask: Sender<Ask>,
    decimals: BTreeMap<String, u8>,
    up: Arc<AtomicBool>,
}

impl Intake for Desk {
    fn submit(&self, command: Command, done: Done) {
        if let Err(unsent) = self.ask.send((command, done)) {
            let (_, done) = unsent.0;
            done(Err(NoReply::Stopped));
        }
    }

    fn decimals(&self, asset: &str) -> Option<u8> {
        self.decimals.get(asset).copied()
    }

    fn describe(&self, reason: &Product) -> Value {
        reason_json(reason)
    }

    fn unready(&self) -> Option<String> {
        let up = self.up.load(Ordering::SeqCst);
        (!up).then(|| "the service is down".to_owned())
    }
}

/// The running interface.
pub(super) struct Interface {
    address: SocketAddr,
    asked: Receiver<Ask>,
    up: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Interface {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of its thread was printed where it happened, and no answer came.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Interface {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start(given: &Given) -> Result<Self, String> {
        let (ask, asked) = channel();
        let up = Arc::new(AtomicBool::new(true));
        let assets = given.assets.iter();
        let desk = Desk {
            ask,
            decimals: assets
                .map(|asset| (asset.id.clone(), asset.decimals))
                .collect(),
            up: Arc::clone(&up),
        };
        let most = given.policy.max_body_bytes;
        let bounds = Bounds {
            body_max: most.map_or(BODY_MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
            rates: RATES,
            whole: WHOLE / HASTE,
        };
        let line = Tokens::line("outsider", "ledger", TOKEN, date(9999, 1, 1));
        let tokens = Tokens::parse(&line).map_err(|fault| fault.to_string())?;
        let router = router(Api::new(Arc::new(desk), None, tokens, bounds, None));
        let said = |error: std::io::Error| error.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").map_err(said)?;
        let address = listener.local_addr().map_err(said)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(said)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let stop = async { drop(stopped.await) };
            // It ends when the story does; a request that got no answer is told as such.
            let _ended = runtime.block_on(serve(listener, router, CONNECTIONS, stop));
        });
        Ok(Self {
            address,
            asked,
            up,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Sends the request; what of it reaches the service goes through `serve`.
    ///
    /// # Errors
    /// That no answer came, or one that nobody knows.
    pub(super) fn request(
        &self,
        request: &Request<'_>,
        serve: &mut dyn FnMut(&Command) -> Result<keepwhole_core::answer::Reply, NoReply>,
    ) -> Result<Said, String> {
        let (address, head, body) = (self.address, head(request), Content::of(request)?);
        let client = std::thread::spawn(move || exchange(address, &head, &body));
        while !client.is_finished() {
            if let Ok((command, done)) = self.asked.recv_timeout(Duration::from_millis(5)) {
                done(serve(&command));
            }
        }
        let answer = client
            .join()
            .map_err(|_| "the sender panicked".to_owned())?
            .map_err(|error| error.to_string())?;
        said(&answer)
    }

    /// Whether the interface says that it is ready, asked as a load balancer does.
    ///
    /// # Errors
    /// That no answer came.
    pub(super) fn is_ready(&self, up: bool) -> Result<bool, String> {
        self.up.store(up, Ordering::SeqCst);
        let head = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let answer = exchange(self.address, head, &Content::default());
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    }
}

fn head(request: &Request<'_>) -> String {
    let Request {
        id,
        method,
        path,
        body_bytes,
        ..
    } = request;
    let found = ADDRESSES.iter().find(|(theirs, _)| theirs == path);
    let path = found.map_or(*path, |(_, ours)| ours);
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\nidempotency-key: {id}\r\ncontent-length: {body_bytes}\r\n\r\n"
    )
}

/// What is sent behind the head.
#[derive(Default)]
struct Content {
    /// Begins it.
    start: Vec<u8>,
    /// Spaces fill it to this length.
    bytes: u64,
    /// Between two bytes of a slow sender.
    pause: Option<Duration>,
}

impl Content {
    fn of(request: &Request<'_>) -> Result<Self, String> {
        let mut start = request.body.unwrap_or_default().as_bytes().to_vec();
        if let Some(depth) = request.depth {
            let depth = usize::try_from(depth).map_err(|error| error.to_string())?;
            start.extend(std::iter::repeat_n(b'[', depth));
            start.extend(std::iter::repeat_n(b']', depth));
        }
        start.truncate(usize::try_from(request.body_bytes).unwrap_or(usize::MAX));
        let pause = match request.slow_bps {
            None => None,
            Some(0) => return Err("a sender of no bytes a second sends nothing".to_owned()),
            Some(bps) => {
                let bps = u32::try_from(bps).unwrap_or(u32::MAX);
                Some(Duration::from_secs(1) / HASTE / bps)
            }
        };
        Ok(Self {
            start,
            bytes: request.body_bytes,
            pause,
        })
    }

    /// Sends it until `stop` says so or the other side no longer takes it.
    fn send(&self, stream: &mut TcpStream, stop: &dyn Fn() -> bool) {
        let spaces = [b' '; CHUNK];
        let mut sent = 0u64;
        while sent < self.bytes && !stop() {
            let most = if self.pause.is_some() { 1 } else { CHUNK };
            let left = usize::try_from(self.bytes.saturating_sub(sent)).unwrap_or(usize::MAX);
            let rest = usize::try_from(sent)
                .ok()
                .and_then(|sent| self.start.get(sent..))
                .filter(|rest| !rest.is_empty());
            let next = rest.unwrap_or(&spaces);
            let next = next.get(..most.min(left)).unwrap_or(next);
            if stream.write_all(next).is_err() {
                return;
            }
            sent = sent.saturating_add(u64::try_from(next.len()).unwrap_or(u64::MAX));
            if let Some(pause) = self.pause {
                std::thread::sleep(pause);
            }
        }
    }
}

/// Sends head and body and gives the answer, which may come before all is sent.
fn exchange(address: SocketAddr, head: &str, content: &Content) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reading = stream.try_clone()?;
    stream.write_all(head.as_bytes())?;
    let answered = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&answered);
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        // A connection that is reset behind its answer has given it.
        while let Ok(read) = reading.read(&mut part)
            && read > 0
        {
            answer.extend_from_slice(part.get(..read).unwrap_or_default());
            mark.store(true, Ordering::SeqCst);
        }
        mark.store(true, Ordering::SeqCst);
        answer
    });
    if content.bytes > 0 {
        std::thread::sleep(BREATH);
    }
    content.send(&mut stream, &|| answered.load(Ordering::SeqCst));
    let answer = reader
        .join()
        .map_err(|_| std::io::Error::other("the reader panicked"))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The interface's answer in the format's words.
fn said(answer: &str) -> Result<Said, String> {
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("the interface gave no answer: `{answer}`"))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(Said::plain(Outcome::Accepted));
    }
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let reason = match value.pointer("/error/code").and_then(Value::as_str) {
        Some("too_large") => Reason::TooLarge,
        Some("too_deep") => Reason::TooDeep,
        Some("timeout") => Reason::TooSlow,
        Some("malformed" | "body" | "length" | "content_type" | "idempotency_key") => {
            Reason::Malformed
        }
        Some("stopped" | "busy") => Reason::IoError,
        _ => return Err(format!("the interface answered `{answer}`")),
    };
    Ok(Said::because(Outcome::Rejected, reason))
}
