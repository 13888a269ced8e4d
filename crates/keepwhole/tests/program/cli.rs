//! The real program in a folder of its own: every verb's help, what wrong words are answered with, and every exit code.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use keepwhole::cli::command;
use keepwhole::installation::Installation;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command as Told, NewMovement};
use keepwhole_core::registry::Asset;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_keepwhole");
/// Longest wait for anything a running program does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a run printed and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The run failed in this way, with a message that holds all of these.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        for part in says {
            assert!(
                self.err.contains(part),
                "`{part}` is missing in: {}",
                self.err
            );
        }
        assert!(self.err.starts_with("error: "), "{}", self.err);
    }
}

pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .output();
    Ran::of(output.unwrap())
}

/// A folder with the installation `ex`.
pub(crate) fn installed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = run(
        dir.path(),
        &[
            "init",
            "--data",
            "ex",
            "--origin",
            "exchange.example/keepwhole",
        ],
    );
    assert_eq!(made.code, 0, "{}", made.err);
    dir
}

/// A running `serve`; killed when the test ends without stopping it.
pub(crate) struct Serving {
    child: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Serving {
    pub(crate) fn start(dir: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--data", "ex", "--listen", "127.0.0.1:0"];
        arguments.extend(more);
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("listening on http://") else {
            let mut why = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            panic!("serve said `{line}`: {why}");
        };
        Self {
            address: address.to_owned(),
            said,
            child,
        }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap();
        (status, answer)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it with a signal; the exit code and what else it said on standard error.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "serve did not end after {signal}"
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing follows the address on standard output");
        let mut err = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (status.code(), err)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Only this test's own child; it has ended already where the test stopped it.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Tells the installation `ex` a little story: an asset, a customer and what she is owed.
pub(crate) fn tell_story(dir: &Path) {
    let mut open = Installation::open(&dir.join("ex")).unwrap();
    let asset = Asset {
        id: "SOL".into(),
        decimals: 9,
        network: Some("solana".into()),
        confirmations: 1,
    };
    let opening = |units| NewMovement {
        from: "outside".into(),
        to: "customer-7".into(),
        asset: "SOL".into(),
        units,
        kind: MovementKind::Opening,
        reference: String::new(),
    };
    let owners = vec!["house".to_owned(), "customer-7".to_owned()];
    let bodies = [
        Body::RegisterAsset(asset),
        Body::RegisterOwners(owners),
        Body::RecordMovements(vec![opening(1_234_500_000_000)]),
        Body::RecordMovements(vec![opening(500_000_000)]),
    ];
    let at = open.sequencer.state().at + 1;
    for (number, body) in bodies.into_iter().enumerate() {
        let told = Told {
            id: Some(format!("story-{number}")),
            actor: None,
            body,
        };
        let replies = open.sequencer.turn(at, &[told]).unwrap();
        assert_eq!(
            replies[0].answer.word(),
            "recorded",
            "{:?}",
            replies[0].answer
        );
    }
    open.publish().unwrap();
}

#[test]
fn every_example_of_every_help_parses() {
    let dir = tempfile::tempdir().unwrap();
    let verbs: &[&[&str]] = &[
        &["init"],
        &["serve"],
        &["status"],
        &["balance"],
        &["book"],
        &["statement"],
        &["backup"],
        &["restore"],
        &["import"],
        &["export"],
        &["evidence"],
        &["token"],
        &["guard"],
        &["staff", "release-redress"],
        &["staff", "destroy-key"],
        &["staff", "declare-dead"],
        &["price"],
        &["price", "tell"],
        &["price", "list"],
        &["guard", "list"],
        &["guard", "credit"],
        &["guard", "wallet"],
        &["guard", "name-asset"],
        &["guard", "name-key"],
        &["staff", "register", "wallet"],
        &["staff", "register", "key"],
        &["staff", "register", "asset"],
        &["staff", "register", "safe"],
        &["staff", "register", "batch-code"],
        &["staff", "register", "holdings"],
        &["journal"],
        &["journal", "check"],
        &["journal", "show"],
        &["journal", "vkey"],
        &["journal", "export"],
        &["journal", "repair"],
        &["person"],
        &["person", "put"],
        &["person", "read"],
        &["person", "end"],
        &["person", "erase"],
        &["person", "hold"],
        &["person", "release"],
        &["person", "list"],
        &["person", "rewrap"],
        &["policy"],
        &["policy", "check"],
        &["policy", "show"],
        &["policy", "diff"],
        &["policy", "explain"],
        &["policy", "backtest"],
        &["policy", "adopt"],
        &["staff"],
        &["staff", "bootstrap"],
        &["staff", "list"],
        &["staff", "show"],
        &["staff", "enrol"],
        &["staff", "revoke"],
        &["staff", "reinstate"],
        &["staff", "reset"],
        &["staff", "renew"],
        &["staff", "rules"],
        &["staff", "approve"],
        &["staff", "cancel"],
        &["staff", "export-roster"],
        &["staff", "export-approvals"],
        &["key"],
        &["key", "root"],
        &["key", "declare"],
        &["key", "prepare"],
        &["key", "sign"],
        &["key", "rotate"],
        &["journal", "prove"],
        &["journal", "compare"],
        &["witness"],
        &["law"],
        &["verify"],
        &["demo"],
        &["drill"],
        &["bench"],
    ];
    for verb in verbs {
        let help = run(dir.path(), &[verb, &["--help"][..]].concat());
        assert_eq!(help.code, 0);
        let lines = help
            .out
            .lines()
            .filter_map(|line| line.strip_prefix("  keepwhole "));
        let examples: Vec<&str> = lines.collect();
        assert!(!examples.is_empty(), "`{verb:?}` has no example");
        for example in examples {
            let words = std::iter::once("keepwhole").chain(example.split_whitespace());
            let parsed = command().try_get_matches_from(words);
            parsed.unwrap_or_else(|error| panic!("`{example}`: {error}"));
        }
    }
    let listed: Vec<String> = command()
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    for verb in listed {
        assert!(
            verbs.iter().any(|known| known[0] == verb),
            "`{verb}` is not in this test"
        );
    }
}

#[test]
fn the_command_line_is_sound() {
    command().debug_assert();
}

#[test]
fn unknown_verbs_and_missing_arguments_are_usage() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["blance"]).failed(2, &["unrecognized subcommand 'blance'", "balance"]);
    run(dir.path(), &["status"]).failed(2, &["--data <DIR>"]);
    let bare = run(dir.path(), &[]);
    assert_eq!(bare.code, 2);
    assert!(bare.err.contains("Usage: keepwhole <COMMAND>"));
}

#[test]
fn a_missing_folder_suggests_init() {
    let dir = tempfile::tempdir().unwrap();
    for verb in [
        &["status", "--data", "none"][..],
        &["serve", "--data", "none"],
        &["balance", "--data", "none", "x"],
        &["journal", "check", "--data", "none"],
        &["journal", "vkey", "--data", "none"],
    ] {
        run(dir.path(), verb).failed(2, &["no folder `none`", "`keepwhole init --data none`"]);
    }
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    run(dir.path(), &["status", "--data", "empty"]).failed(
        2,
        &[
            "`empty` holds no installation",
            "`origin` is missing",
            "keepwhole init",
        ],
    );
}

#[test]
fn init_refuses_a_folder_with_something_in_it_and_a_name_that_is_none() {
    let dir = installed();
    run(dir.path(), &["init", "--data", "ex"]).failed(1, &["`ex` is not empty", "new or empty"]);
    let wrong = &[
        "init",
        "--data",
        "new",
        "--origin",
        "https://exchange.example",
    ];
    run(dir.path(), wrong).failed(
        2,
        &["`https://exchange.example`", "exchange.example/keepwhole"],
    );
    assert!(!dir.path().join("new").exists(), "nothing was made");
}

#[test]
fn keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = installed();
    for key in ["ex/keys/log.key", "ex/keys/bundle.key"] {
        let path = dir.path().join(key);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let key = dir.path().join("ex/keys/log.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    run(dir.path(), &["status", "--data", "ex"]).failed(3, &["keys/log.key", "0644", "chmod 600"]);
}

#[test]
fn an_unknown_customer_is_not_answered_with_others_names() {
    let dir = installed();
    tell_story(dir.path());
    let ran = run(dir.path(), &["balance", "--data", "ex", "customer-8"]);
    ran.failed(1, &["no customer `customer-8`", "letter case counts"]);
    assert!(!ran.err.contains("customer-7"), "{}", ran.err);
    run(dir.path(), &["balance", "--data", "ex", "outside"]).failed(1, &["no customer `outside`"]);
    let json = run(
        dir.path(),
        &["balance", "--data", "ex", "customer-8", "--json"],
    );
    assert_eq!(json.json()["error"]["code"], "unknown_customer");
    assert_eq!(json.json()["error"]["exit"], 1);
    let asset = &["balance", "--data", "ex", "customer-7", "--asset", "BTC"];
    run(dir.path(), asset).failed(1, &["no asset `BTC`", "registered are `SOL`"]);
}

#[test]
fn a_wrong_number_names_the_argument() {
    let dir = installed();
    let from = &["journal", "show", "--data", "ex", "--from", "-1"];
    assert_eq!(run(dir.path(), from).code, 2);
    let from = &["journal", "show", "--data", "ex", "--from", "ten"];
    run(dir.path(), from).failed(2, &["ten", "--from"]);
    let from = &["journal", "show", "--data", "ex", "--from", "100000"];
    run(dir.path(), from).failed(1, &["no entry `100000`"]);
    let customers = &["demo", "--customers", "1.5", "--no-serve"];
    run(dir.path(), customers).failed(2, &["1.5", "--customers"]);
    let few = &["demo", "--customers", "0", "--no-serve", "--out", "d"];
    run(dir.path(), few).failed(2, &["--customers 0", "10 to 1000000"]);
}

#[test]
fn broken_law_is_named_by_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("law")).unwrap();
    std::fs::write(
        dir.path().join("law/kr.toml"),
        "schema = \"keepwhole-law/1\"\n[[rule]\n",
    )
    .unwrap();
    let ran = run(dir.path(), &["law", "list", "--law", "law"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("kr.toml:2"), "{said}");
}

#[test]
fn verify_says_what_it_cannot_read() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["verify", "none.kwb"]).failed(2, &["can't read `none.kwb`"]);
    std::fs::write(dir.path().join("x.kwb"), b"no bundle").unwrap();
    let ran = run(dir.path(), &["verify", "x.kwb"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    std::fs::write(dir.path().join("p.json"), b"{}").unwrap();
    run(dir.path(), &["verify", "p.json"]).failed(2, &["package", "--trust FILE"]);
}
