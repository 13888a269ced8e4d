//! A guard over a real socket: redeems once per clearance, serves the log as its witnesses see it.

use crate::log::{head, leaf};
use crate::world::guard_key;
use keepwhole_signer::clock::{Clock as _, MachineClock};
use keepwhole_verify::clearance::{Clearance, Redemption, sign};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What it is told to do, and what it saw.
#[derive(Default)]
pub(crate) struct Desk {
    /// Says `held` to everything.
    pub(crate) is_halted: AtomicBool,
    /// Redemption by clearance digest.
    pub(crate) redeemed: Mutex<BTreeMap<String, Value>>,
    /// Authorization headers.
    pub(crate) tokens: Mutex<Vec<String>>,
}

/// Serves until the test ends; gives the port.
pub(crate) fn serve(desk: &Arc<Desk>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is no concern of the others.
            let _ = stream.map(|stream| exchange(stream, &desk));
        }
    });
    port
}

fn exchange(mut stream: TcpStream, desk: &Desk) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => desk.tokens.lock().unwrap().push(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, answer) = match first.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["POST", "/v1/guard/redemptions"] => (200, redeem(&body, desk).to_string()),
        ["GET", "/log/checkpoint"] => {
            let now = Some(MachineClock.now());
            (200, head(&[leaf(0, 0), leaf(1, 0)], &[now, now, None]))
        }
        _ => (404, String::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

fn redeem(body: &[u8], desk: &Desk) -> Value {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let clearance = Clearance::read(asked["clearance"].as_str().unwrap()).unwrap();
    if desk.is_halted.load(Ordering::SeqCst) {
        return json!({"outcome": "held", "reasons": [{"code": "halted", "says": "the wallet is halted"}]});
    }
    let digest = clearance.digest();
    let mut redeemed = desk.redeemed.lock().unwrap();
    let new = || {
        let redemption = Redemption {
            at: MachineClock.now(),
            clearance: digest,
            signer: asked["signer"].as_str().unwrap().to_owned(),
        };
        json!({
            "outcome": "redeemed",
            "reasons": [],
            "signature": sign(&redemption.sign_text(), &guard_key()).unwrap(),
            "redemption": redemption.to_text(),
        })
    };
    redeemed.entry(digest.to_hex()).or_insert_with(new).clone()
}
