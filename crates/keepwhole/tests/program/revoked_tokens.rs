//! Tokens while the journal takes nothing: what is revoked ends, what is new does not count, and the start does not hang.

use jiff::civil::date;
use keepwhole::edges::{EdgeError, Edges, NewIdentity, Note, add_token, remove_token};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::Command;
use keepwhole_core::reason::Reason;
use keepwhole_edge::settings::Settings;
use keepwhole_edge::{Done, Intake};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A journal that answers so many commands, and then keeps the rest and answers nothing.
struct Stuck {
    answers: Mutex<u32>,
    kept: Mutex<Vec<Done>>,
}

impl Stuck {
    fn after(answers: u32) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers),
            kept: Mutex::default(),
        })
    }
}

impl Intake for Stuck {
    fn submit(&self, _: Command, done: Done) {
        let mut left = self.answers.lock().unwrap();
        let Some(fewer) = left.checked_sub(1) else {
            self.kept.lock().unwrap().push(done);
            return;
        };
        *left = fewer;
        done(Ok(Reply {
            answer: Answer::Recorded,
            repeated: false,
            created: None,
            repeated_rows: 0,
        }));
    }

    fn decimals(&self, _: &str) -> Option<u8> {
        None
    }

    fn describe(&self, _: &Reason) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn unready(&self) -> Option<String> {
        None
    }
}

fn token(dir: &Path, name: &str) -> String {
    let new = NewIdentity {
        name,
        scope: "ledger",
        until: date(9999, 1, 1),
        certificate: None,
        token: true,
    };
    add_token(dir, &new).unwrap().unwrap()
}

fn started(dir: &Path, journal: Arc<Stuck>) -> Result<Edges, EdgeError> {
    let settings = Settings::parse("version = 1\n[api]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let note: Note = Arc::new(|_: &str| {});
    Edges::start(dir, &settings, journal, None, note)
}

/// The status of a request that is no more than its token.
fn status(at: SocketAddr, token: &str) -> u16 {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(
        stream,
        "POST /v1/owners HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_is_revoked_ends_also_while_the_journal_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir(dir.join("keys")).unwrap();
    let (stolen, own) = (token(dir, "stolen"), token(dir, "own"));
    let edges = started(dir, Stuck::after(1)).unwrap();
    let at = edges.api.unwrap();
    assert_ne!(status(at, &stolen), 401);
    // The file's time must be another one.
    std::thread::sleep(Duration::from_millis(50));
    remove_token(dir, "stolen").unwrap();
    let new = token(dir, "new");
    let begun = Instant::now();
    while status(at, &stolen) != 401 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it still counts");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_ne!(status(at, &own), 401, "what stays goes on");
    assert_eq!(status(at, &new), 401, "what is new waits for the journal");
    edges.stop();
}

#[test]
fn a_start_that_the_journal_does_not_answer_ends_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("keys")).unwrap();
    token(dir.path(), "own");
    let refused = started(dir.path(), Stuck::after(0))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("did not answer within 10 s"), "{refused}");
}
