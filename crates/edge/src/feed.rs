//! The unix-socket feed: batches of transfers as bytes, many on the way at once, for the exchange's ledger stream.
//!
//! docs/feed.md has every byte. A request is `u32 length | kind | id[16] | rows`, an answer `u32 length | id[16] | outcome |
//! text`; numbers are little-endian, `length` counts what follows it. Answers come in the order of the journal, each after
//! its rows are durable. Only the user that runs keepwhole can connect: the socket's mode is 0600 and the caller's user id
//! is asked of the kernel.

use crate::server::until_told;
use crate::{Intake, NoReply};
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::transfer::TransferBatch;
use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Longest request, bytes: a batch of 8,192 rows has at most 4 MiB.
pub const REQUEST_MAX: usize = 4 * 1024 * 1024;
/// Kind of a request that records transfers.
pub const TRANSFERS: u8 = 1;
/// How long answers may wait for a caller that does not read them, unless the bounds say otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long a caller for whom there is no place has to take the answer that says so.
const REFUSAL: Duration = Duration::from_secs(1);
/// Kind and id of a request.
const HEAD: usize = 17;

/// The first byte of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Recorded, or recorded before under the same id.
    Recorded = 0,
    /// Not recorded: the text is the reason as JSON.
    Refused = 1,
    /// Not a request: the text says why, and the connection ends.
    Malformed = 2,
    /// Send the same request again later: the text says when.
    Busy = 3,
    /// The journal stopped; nothing was acknowledged.
    Stopped = 4,
}

/// How the feed is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once; more are told so and closed.
    pub connections: usize,
    /// Requests of one connection that wait for their answers; then it is no longer read.
    pub in_flight: usize,
    /// How long answers may wait for a caller that does not read them; then its connection ends.
    pub patience: Duration,
}

/// Why the feed could not start.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Something else lies at the socket's path.
    #[error("`{}` is there and is not a socket; choose another path with `socket` in `[feed]`", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Another program answers there.
    #[error("another program listens on `{}`; stop it, or choose another path with `socket` in `[feed]`", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("can't listen on `{}`: {source}", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// The socket, bound.
#[derive(Debug)]
pub struct Feed {
    listener: UnixListener,
    path: PathBuf,
}

impl Feed {
    /// Binds the socket; a socket that nobody listens on any more is replaced. Must be called inside a runtime.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn bind(path: &Path) -> Result<Self, FeedError> {
        let system = |source| FeedError::System {
            path: path.to_path_buf(),
            source,
        };
        if let Ok(there) = fs::symlink_metadata(path) {
            let path = path.to_path_buf();
            if !there.file_type().is_socket() {
                return Err(FeedError::NotASocket { path });
            }
            if std::os::unix::net::UnixStream::connect(&path).is_ok() {
                return Err(FeedError::InUse { path });
            }
            fs::remove_file(&path).map_err(system)?;
        }
        let listener = UnixListener::bind(path).map_err(system)?;
        let only_owner = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path, only_owner).map_err(system)?;
        Ok(Self {
            listener,
            path: path.to_path_buf(),
        })
    }

    /// Answers until `stop` is ready, then removes the socket.
    pub async fn serve(
        self,
        intake: Arc<dyn Intake>,
        bounds: Bounds,
        stop: impl Future<Output = ()> + Send,
    ) {
        let places = Arc::new(Semaphore::new(bounds.connections));
        let (tell, told) = watch::channel(false);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        tokio::spawn(refuse(stream, bounds.connections));
                        continue;
                    };
                    let (intake, told) = (Arc::clone(&intake), told.clone());
                    tokio::spawn(async move {
                        connection(stream, intake, bounds, told).await;
                        drop(place);
                    });
                }
            }
        }
        // Nobody is left to hear only when every connection has ended already.
        let _ended = tell.send(true);
        // The next start replaces a socket that stays behind.
        let _left = fs::remove_file(&self.path);
    }
}

/// Says that there is no place for one more.
async fn refuse(mut stream: UnixStream, connections: usize) {
    let what = format!(
        "`{connections}` connections are open and more are not taken; close one, or raise `connections` in `[feed]`"
    );
    let answer = encode([0; 16], Outcome::Busy, &what);
    // One that does not take it either is closed all the same.
    let _left = tokio::time::timeout(REFUSAL, stream.write_all(&answer)).await;
}

/// Reads requests and writes answers until the caller leaves, speaks nonsense, no longer reads, or the program stops.
async fn connection(
    stream: UnixStream,
    intake: Arc<dyn Intake>,
    bounds: Bounds,
    mut told: watch::Receiver<bool>,
) {
    let same_user = match (stream.peer_cred(), fs::metadata("/proc/self")) {
        (Ok(peer), Ok(own)) => peer.uid() == std::os::unix::fs::MetadataExt::uid(&own),
        _ => false,
    };
    if !same_user {
        return;
    }
    let (read, write) = stream.into_split();
    let (tell, answers) = mpsc::unbounded_channel();
    let mut writing = tokio::spawn(write_answers(write, answers, bounds.patience));
    tokio::select! {
        () = read_requests(read, intake, bounds.in_flight, tell) => {}
        () = until_told(&mut told) => {}
        // Nobody takes the answers any more. What is recorded stays recorded, and the same id asks again.
        _ended = &mut writing => return,
    }
    // Requests under way are answered as long as the caller reads.
    let _ended = writing.await;
}

type Answers = mpsc::UnboundedSender<(Vec<u8>, Option<OwnedSemaphorePermit>)>;

async fn read_requests(
    read: OwnedReadHalf,
    intake: Arc<dyn Intake>,
    in_flight: usize,
    tell: Answers,
) {
    let mut read = BufReader::with_capacity(256 * 1024, read);
    let places = Arc::new(Semaphore::new(in_flight));
    loop {
        let Ok(length) = read.read_u32_le().await else {
            return;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEAD..=REQUEST_MAX).contains(&length) {
            let what = format!("a request of `{length}` bytes; it has {HEAD} to {REQUEST_MAX}");
            let _left = tell.send((encode([0; 16], Outcome::Malformed, &what), None));
            return;
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let mut request = vec![0; length];
        if read.read_exact(&mut request).await.is_err() {
            return;
        }
        let (id, batch) = match parse(request) {
            Ok(parsed) => parsed,
            Err((id, what)) => {
                let _left = tell.send((encode(id, Outcome::Malformed, &what), None));
                return;
            }
        };
        let command = Command {
            id: Some(name_of(id)),
            actor: None,
            body: Body::RecordTransfers(batch),
        };
        let (tell, describing) = (tell.clone(), Arc::clone(&intake));
        intake.submit(
            command,
            Box::new(move |reply| {
                let answer = answer(id, reply, describing.as_ref());
                // A caller that left has its rows recorded all the same; the same id gets the same answer.
                let _left = tell.send((answer, Some(place)));
            }),
        );
    }
}

/// The command id of a request of the feed.
#[must_use]
pub fn name_of(id: [u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("feed/{hex}")
}

/// Id and rows of a request.
pub type Parsed = ([u8; 16], TransferBatch);

/// Reads what follows the length.
///
/// # Errors
/// The id, zeros where there is none, and what is wrong.
pub fn parse(mut request: Vec<u8>) -> Result<Parsed, ([u8; 16], String)> {
    let (Some((kind, id)), true) = (
        request
            .split_first_chunk::<1>()
            .and_then(|([kind], rest)| Some((*kind, *rest.first_chunk::<16>()?))),
        request.len() >= HEAD,
    ) else {
        return Err(([0; 16], "a request is cut short".to_owned()));
    };
    if kind != TRANSFERS {
        return Err((id, format!("a request of kind `{kind}`; only `1` is known")));
    }
    request.drain(..HEAD);
    match TransferBatch::from_bytes(request) {
        Ok(batch) => Ok((id, batch)),
        Err(fault) => Err((id, fault.to_string())),
    }
}

fn answer(id: [u8; 16], reply: Result<Reply, NoReply>, intake: &dyn Intake) -> Vec<u8> {
    match reply {
        Ok(reply) => match reply.answer.reason() {
            None => encode(id, Outcome::Recorded, ""),
            Some(reason) => encode(id, Outcome::Refused, &intake.describe(reason).to_string()),
        },
        Err(busy @ NoReply::Busy { .. }) => encode(id, Outcome::Busy, &busy.to_string()),
        Err(stopped @ NoReply::Stopped) => encode(id, Outcome::Stopped, &stopped.to_string()),
    }
}

fn encode(id: [u8; 16], outcome: Outcome, text: &str) -> Vec<u8> {
    let length = HEAD.saturating_add(text.len());
    let mut out = Vec::with_capacity(length.saturating_add(4));
    // A reason is a few hundred bytes.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&id);
    out.push(outcome as u8);
    out.extend_from_slice(text.as_bytes());
    out
}

async fn write_answers(
    mut write: OwnedWriteHalf,
    mut answers: mpsc::UnboundedReceiver<(Vec<u8>, Option<OwnedSemaphorePermit>)>,
    patience: Duration,
) {
    let mut out = Vec::new();
    while let Some((answer, place)) = answers.recv().await {
        out.extend_from_slice(&answer);
        let mut places = vec![place];
        while let Ok((answer, place)) = answers.try_recv() {
            out.extend_from_slice(&answer);
            places.push(place);
        }
        let written = tokio::time::timeout(patience, write.write_all(&out)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
        out.clear();
    }
}
