//! The edges of the real program: what a program of the exchange sends is booked once, over a kill and a new start.

use crate::cli::{PROGRAM, Ran, installed, run, tell_story};
use keepwhole_core::book::MovementKind;
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) const SETTINGS: &str =
    "version = 1\n[api]\nlisten = \"127.0.0.1:0\"\n[feed]\nsocket = \"feed.sock\"\n";

pub(crate) struct Served {
    pub(crate) child: Child,
    api: String,
}

impl Served {
    fn start(dir: &Path) -> Self {
        Self::start_as(Command::new(PROGRAM), dir).expect("serve did not start")
    }

    /// Starts `serve` by a command that has everything before its verb; `None` where it ended before it listened.
    pub(crate) fn start_as(mut command: Command, dir: &Path) -> Option<Self> {
        let mut child = command
            .args(["serve", "--data", "ex", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let Ok(told) = serde_json::from_str::<Value>(&line) else {
            child.wait().unwrap();
            return None;
        };
        assert!(told["feed"].as_str().unwrap().ends_with("feed.sock"));
        let api = told["api"].as_str().unwrap().trim_start_matches("http://");
        Some(Self {
            api: api.to_owned(),
            child,
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.api
    }

    pub(crate) fn post(&self, path: &str, token: &str, key: &str, body: &str) -> (u16, Value) {
        let answer = self.ask(path, token, key, body).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// The whole answer; an error where the program is gone before it.
    pub(crate) fn ask(
        &self,
        path: &str,
        token: &str,
        key: &str,
        body: &str,
    ) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.api)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn transfers(id: &str, units: u32) -> String {
    format!(
        r#"{{"transfers":[{{"id":"{id}","from":"outside","to":"customer-8","asset":"SOL","units":"{units}","kind":"deposit","effective":"2026-01-02T03:04:05+09:00"}}]}}"#
    )
}

fn owed(dir: &Path, customer: &str) -> String {
    let told = run(dir, &["balance", "--data", "ex", customer, "--json"]);
    told.json()["balances"][0]["owed"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) fn token(dir: &Path) -> String {
    let made = run(dir, &["token", "add", "ledger", "--data", "ex"]);
    assert_eq!(made.code, 0, "{}", made.err);
    made.out.trim().to_owned()
}

#[test]
fn a_batch_is_booked_once_over_a_kill_and_a_new_start() {
    let dir = installed();
    tell_story(dir.path());
    fs::write(dir.path().join("ex/keepwhole.toml"), SETTINGS).unwrap();
    let token = token(dir.path());
    let served = Served::start(dir.path());
    let (status, told) = served.post("/v1/transfers", &token, "k-1", &transfers("t-1", 5_000));
    assert_eq!(
        (status, told["outcome"].as_str()),
        (422, Some("refused")),
        "{told}"
    );
    assert_eq!(told["reason"]["code"], "unknown_customer");
    assert_eq!(told["reason"]["row"], 0);
    let owners = r#"{"owners":["customer-8"]}"#;
    assert_eq!(served.post("/v1/owners", &token, "o-1", owners).0, 200);
    let (status, told) = served.post("/v1/transfers", &token, "k-1", &transfers("t-1", 5_000));
    assert_eq!(
        (status, told["repeated"].as_bool()),
        (200, Some(false)),
        "{told}"
    );
    drop(served);
    let served = Served::start(dir.path());
    let (status, told) = served.post("/v1/transfers", &token, "k-1", &transfers("t-1", 5_000));
    assert_eq!(
        (status, told["repeated"].as_bool()),
        (200, Some(true)),
        "{told}"
    );
    // The same row in another batch is the same transfer; the same id with other content is not.
    let (status, told) = served.post("/v1/transfers", &token, "k-2", &transfers("t-1", 5_000));
    assert_eq!(
        (status, told["repeated_rows"].as_u64()),
        (200, Some(1)),
        "{told}"
    );
    let (status, told) = served.post("/v1/transfers", &token, "k-3", &transfers("t-1", 6_000));
    assert_eq!(
        (status, told["reason"]["row"].as_u64()),
        (422, Some(0)),
        "{told}"
    );
    // A token that is removed counts no more within seconds.
    assert_eq!(
        run(dir.path(), &["token", "remove", "ledger", "--data", "ex"]).code,
        0
    );
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(served.post("/v1/owners", &token, "o-2", owners).0, 401);
    drop(served);
    assert_eq!(owed(dir.path(), "customer-8"), "5000");
}

#[test]
fn the_feed_books_what_it_acknowledges() {
    let dir = installed();
    tell_story(dir.path());
    fs::write(dir.path().join("ex/keepwhole.toml"), SETTINGS).unwrap();
    let served = Served::start(dir.path());
    let mut stream = UnixStream::connect(dir.path().join("ex/feed.sock")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    for batch in 0u8..10 {
        let mut rows = TransferBatch::new();
        for row in 0..100 {
            let id = format!("{batch}-{row}");
            let row = TransferRow {
                id: &id,
                from: "outside",
                to: "customer-7",
                asset: "SOL",
                units: 3,
                kind: MovementKind::Deposit,
                effective: 1_767_290_645_000,
            };
            rows.push(&row).unwrap();
        }
        let length = u32::try_from(17 + rows.as_bytes().len()).unwrap();
        stream.write_all(&length.to_le_bytes()).unwrap();
        stream.write_all(&[1]).unwrap();
        stream.write_all(&[batch; 16]).unwrap();
        stream.write_all(rows.as_bytes()).unwrap();
    }
    for batch in 0u8..10 {
        let mut answer = [0; 21];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..4], 17u32.to_le_bytes());
        assert_eq!((answer[4], answer[20]), (batch, 0));
    }
    drop(served);
    assert_eq!(
        owed(dir.path(), "customer-7"),
        (1_235_000_000_000u64 + 3_000).to_string()
    );
}

#[test]
fn a_wrong_settings_file_stops_the_start_with_its_line() {
    let dir = installed();
    let start = || -> Ran {
        run(
            dir.path(),
            &["serve", "--data", "ex", "--listen", "127.0.0.1:0"],
        )
    };
    let file = dir.path().join("ex/keepwhole.toml");
    fs::write(&file, SETTINGS.replace("127.0.0.1", "0.0.0.0")).unwrap();
    start().failed(
        2,
        &[
            "keepwhole.toml",
            "line 3",
            "api.listen",
            "reached from other machines",
        ],
    );
    fs::write(&file, format!("{SETTINGS}in_flite = 3\n")).unwrap();
    start().failed(2, &["line 6", "unknown field `in_flite`"]);
    fs::write(&file, SETTINGS.replace("feed.sock", "origin")).unwrap();
    start().failed(1, &["is there and is not a socket"]);
    let tokens = dir.path().join("ex/keys/tokens");
    fs::write(&file, SETTINGS).unwrap();
    fs::write(&tokens, "ledger\n").unwrap();
    start().failed(2, &["can be read by others", "chmod 600"]);
}

#[test]
fn tokens_are_shown_once_and_kept_as_digests() {
    let dir = installed();
    let token = token(dir.path());
    assert!(token.starts_with("kw_") && token.len() == 67, "{token}");
    let kept = fs::read_to_string(dir.path().join("ex/keys/tokens")).unwrap();
    assert!(!kept.contains(&token[3..]), "{kept}");
    let add = |name: &str, days: &str| {
        run(
            dir.path(),
            &["token", "add", name, "--data", "ex", "--days", days],
        )
    };
    add("ledger", "30").failed(1, &["an identity `ledger` is there already"]);
    assert_eq!(add("Ledger", "30").code, 2);
    assert_eq!(add("other", "91").code, 2);
    let list = run(dir.path(), &["token", "list", "--data", "ex", "--json"]);
    assert_eq!(list.json()["tokens"][0]["name"], "ledger");
    assert!(!list.out.contains(&token), "{}", list.out);
    let removed = run(dir.path(), &["token", "remove", "nobody", "--data", "ex"]);
    removed.failed(1, &["no identity `nobody`"]);
    let removed = run(dir.path(), &["token", "remove", "ledger", "--data", "ex"]);
    assert_eq!(removed.code, 0, "{}", removed.err);
    let list = run(dir.path(), &["token", "list", "--data", "ex"]);
    assert!(list.out.contains("no tokens"), "{}", list.out);
    let nowhere = run(dir.path(), &["token", "list", "--data", "nowhere"]);
    nowhere.failed(2, &["no folder `nowhere`"]);
}
