//! The real program in a folder of its own: every verb's help, every message, every exit code, and a life from `init` to
//! `export`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use keepwhole::cli::command;
use keepwhole::installation::Installation;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command as Told, NewMovement};
use keepwhole_core::registry::Asset;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_keepwhole");
/// Longest wait for anything a running program does.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run printed and how it ended.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The run failed in this way, with a message that holds all of these.
    #[track_caller]
    fn failed(&self, code: i32, says: &[&str]) {
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

fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .output();
    Ran::of(output.unwrap())
}

/// A folder with the installation `ex`.
fn installed() -> TempDir {
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
struct Serving {
    child: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Serving {
    fn start(dir: &Path, more: &[&str]) -> Self {
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

    fn get(&self, path: &str) -> (u16, String) {
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

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it with a signal; the exit code and what else it said on standard error.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
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

fn segment(dir: &Path) -> PathBuf {
    let found = std::fs::read_dir(dir.join("ex/segments"))
        .unwrap()
        .next()
        .unwrap();
    found.unwrap().path()
}

/// Flips one bit inside the first record of the journal.
fn damage(dir: &Path) {
    let path = segment(dir);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[150] ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

/// Tells the installation `ex` a little story: an asset, a customer and what she is owed.
fn tell_story(dir: &Path) {
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
        &["journal"],
        &["journal", "check"],
        &["journal", "show"],
        &["journal", "vkey"],
        &["journal", "export"],
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
fn balances_are_exact_now_and_at_any_past_moment() {
    let dir = installed();
    tell_story(dir.path());
    let now = run(
        dir.path(),
        &["balance", "--data", "ex", "customer-7", "--json"],
    );
    assert_eq!(now.json()["balances"][0]["owed"], "1235000000000");
    assert_eq!(now.json()["balances"][0]["decimals"], 9);
    let text = run(dir.path(), &["balance", "--data", "ex", "customer-7"]);
    assert!(text.out.contains("1,235"), "{}", text.out);
    // The answer of the last command and its movement are the last two entries.
    let last = now.json()["as_of"]["entry"].as_u64().unwrap();
    let shown = run(dir.path(), &["journal", "show", "--data", "ex", "--json"]);
    let moved = shown
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["kind"] == "movement_recorded");
    let moved: Vec<Value> = moved.collect();
    assert_eq!(moved.len(), 2);
    assert_eq!(moved[1]["body"]["to"], "customer-7");
    assert_eq!(moved[1]["body"]["units"], "500000000");
    let second = moved[1]["index"].as_u64().unwrap();
    assert!(second <= last);
    let at = |moment: &str| {
        run(
            dir.path(),
            &[
                "balance",
                "--data",
                "ex",
                "customer-7",
                "--json",
                "--at",
                moment,
            ],
        )
    };
    let before = at(&(second - 1).to_string());
    assert_eq!(before.json()["balances"][0]["owed"], "1234500000000");
    assert_eq!(
        at(&second.to_string()).json()["balances"][0]["owed"],
        "1235000000000"
    );
    let time = now.json()["as_of"]["at"].as_str().unwrap().to_owned();
    assert_eq!(at(&time).json()["balances"], now.json()["balances"]);
    at("2001-01-01T00:00:00Z").failed(1, &["no customer `customer-7`", "empty journal"]);
    at("99999999").failed(
        1,
        &["no entry `99999999`", &format!("last entry is `{last}`")],
    );
    at("yesterday").failed(2, &["yesterday", "2025-11-27T04:42:00+09:00"]);
    at("2025-11-27 04:42").failed(2, &["time with its zone"]);
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
fn a_port_in_use_and_an_address_for_others_are_refused() {
    let dir = installed();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = format!("port `{}` of `127.0.0.1` is in use", address.port());
    run(
        dir.path(),
        &["serve", "--data", "ex", "--listen", &address.to_string()],
    )
    .failed(1, &[&port, "--listen 127.0.0.1:0"]);
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8650"] {
        run(dir.path(), &["serve", "--data", "ex", "--listen", open])
            .failed(1, &["no sign-in", "loopback"]);
    }
    run(dir.path(), &["serve", "--data", "ex", "--listen", "8650"])
        .failed(2, &["8650", "127.0.0.1:8650"]);
}

#[test]
fn a_held_lock_is_refused_and_reading_goes_on() {
    let dir = installed();
    let serving = Serving::start(dir.path(), &[]);
    let second = run(
        dir.path(),
        &["serve", "--data", "ex", "--listen", "127.0.0.1:0"],
    );
    second.failed(1, &["`ex` is in use by another keepwhole"]);
    let json = run(
        dir.path(),
        &["serve", "--data", "ex", "--listen", "127.0.0.1:0", "--json"],
    );
    assert_eq!(json.json()["error"]["code"], "lock_held");
    for verb in [&["status"][..], &["journal", "check"]] {
        let ran = run(dir.path(), &[verb, &["--data", "ex"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(serving.stop("-INT").0, Some(0));
}

/// Row 36 of the fault matrix: `KEEPWHOLE_ROUNDS` rounds (20 if absent; the full run has 1000).
#[test]
fn of_many_starts_at_once_exactly_one_serves() {
    const STARTS: usize = 8;
    let rounds = std::env::var("KEEPWHOLE_ROUNDS").ok();
    let rounds: usize = rounds.map_or(20, |rounds| rounds.parse().unwrap());
    let dir = installed();
    for round in 0..rounds {
        let start = || {
            Command::new(PROGRAM)
                .args(["serve", "--data", "ex", "--listen", "127.0.0.1:0", "--json"])
                .current_dir(dir.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let mut serving = 0;
        let mut refused = 0;
        let mut waiting = Vec::new();
        for mut child in (0..STARTS).map(|_| start()).collect::<Vec<_>>() {
            let mut said = BufReader::new(child.stdout.take().unwrap());
            let mut first = String::new();
            said.read_line(&mut first).unwrap();
            if first.contains("listening") {
                serving += 1;
                waiting.push(child);
                continue;
            }
            said.read_to_string(&mut first).unwrap();
            let error: Value = serde_json::from_str(&first).unwrap();
            assert_eq!(error["error"]["code"], "lock_held", "round {round}");
            assert_eq!(child.wait().unwrap().code(), Some(1), "round {round}");
            refused += 1;
        }
        assert_eq!((serving, refused), (1, STARTS - 1), "round {round}");
        for mut child in waiting {
            let pid = child.id().to_string();
            let sent = Command::new("kill").args(["-TERM", &pid]).status();
            assert!(sent.unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(0), "round {round}");
        }
    }
    let checked = run(dir.path(), &["journal", "check", "--data", "ex"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
}

/// Row 9 of the fault matrix: the n-th `fdatasync` of `init` answers EIO, for every n that there is.
#[test]
fn a_failed_sync_ends_the_program_and_acknowledges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let traced = |n: u32, name: &str| {
        let inject = format!("inject=fdatasync:error=EIO:when={n}");
        let words = [
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
            &inject,
        ];
        Command::new("strace")
            .args(words)
            .args([PROGRAM, "init", "--data", name, "--json"])
            .current_dir(dir.path())
            .output()
    };
    if !traced(10_000, "probe").is_ok_and(|probe| probe.status.success()) {
        println!(
            "SKIPPED: strace is not installed or not allowed here, so no sync was made to fail"
        );
        return;
    }
    let mut failed = 0;
    for n in 1..=100 {
        let name = format!("ex-{n}");
        let ran = Ran::of(traced(n, &name).unwrap());
        if ran.code == 0 {
            break;
        }
        ran.failed(3, &["Input/output error"]);
        assert_eq!(ran.json()["error"]["code"], "io_error", "fdatasync {n}");
        failed = n;
    }
    assert!(
        (5..100).contains(&failed),
        "{failed} syncs were made to fail"
    );
}

#[test]
fn a_damaged_journal_is_named_by_segment_frame_and_offset() {
    let dir = installed();
    damage(dir.path());
    let place = &[
        "segment `segments/00000000000000000000.kwj`",
        "frame `0`",
        "byte offset `0`",
        "--read-only",
    ];
    for verb in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["status"],
        &["balance", "x"],
        &["journal", "check"],
        &["journal", "show"],
    ] {
        run(dir.path(), &[verb, &["--data", "ex"]].concat()).failed(3, place);
    }
    let serving = Serving::start(dir.path(), &["--read-only"]);
    assert_eq!(serving.get("/").0, 200);
    let (code, err) = serving.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(err.contains("journal is damaged"), "{err}");
}

#[test]
fn a_life_from_init_to_export() {
    let dir = installed();
    tell_story(dir.path());
    let serving = Serving::start(dir.path(), &[]);
    for path in [
        "/",
        "/incidents",
        "/customers",
        "/customers/customer-7",
        "/journal",
        "/log/checkpoint",
    ] {
        let (status, page) = serving.get(path);
        assert_eq!(status, 200, "{path}: {page}");
    }
    assert!(serving.get("/customers/customer-7").1.contains("1,235"));
    assert!(serving.get("/journal").1.contains("movement_recorded"));
    assert_eq!(serving.get("/customers/nobody").0, 404);
    let (code, err) = serving.stop("-TERM");
    assert_eq!((code, err.as_str()), (Some(0), ""));

    let checked = run(dir.path(), &["journal", "check", "--data", "ex", "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert_eq!(checked.json()["whole"], true);
    let status = run(dir.path(), &["status", "--data", "ex", "--json"]).json();
    assert_eq!(status["head"]["size"], checked.json()["size"]);
    assert_eq!(status["checkpoint"]["behind"], 0);
    assert_eq!(status["coverage"][0]["short"], "1235000000000");
    // She is owed what no wallet holds: a finding, and with `--check` an exit code.
    assert_eq!(run(dir.path(), &["status", "--data", "ex"]).code, 0);
    let check = run(dir.path(), &["status", "--data", "ex", "--check"]);
    assert_eq!(check.code, 1);
    assert!(
        check.out.contains("SOL is short by 1,235 SOL"),
        "{}",
        check.out
    );

    let export = &["journal", "export", "--data", "ex", "--tiles", "out"];
    assert_eq!(run(dir.path(), export).code, 0);
    let checkpoint = std::fs::read_to_string(dir.path().join("out/checkpoint")).unwrap();
    assert!(checkpoint.starts_with("exchange.example/keepwhole\n"));
    assert!(dir.path().join("out/tile/entries").is_dir());
    run(dir.path(), export).failed(1, &["`out` is not empty"]);
}

#[test]
fn a_failed_append_ends_the_sequencer_and_says_why() {
    use keepwhole::journal::JournalError;
    use keepwhole::sequencer::{ServiceError, SystemClock};
    use std::sync::atomic::Ordering;
    let dir = installed();
    let open = Installation::open(&dir.path().join("ex")).unwrap();
    let running = open.run(Box::new(SystemClock::start(0)));
    // A later start took over, as its epoch in the lock file says.
    std::fs::write(dir.path().join("ex/LOCK"), "00000000000000000099\n").unwrap();
    let body = Body::RegisterOwners(vec!["house".to_owned()]);
    let told = Told {
        id: None,
        actor: None,
        body,
    };
    let answer = running.handle().submit(told);
    assert_eq!(answer.unwrap_err(), ServiceError::Stopped);
    let ended = running.ended();
    let began = Instant::now();
    while !ended.load(Ordering::SeqCst) {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    let why = running.stop().unwrap_err();
    assert!(
        matches!(why.journal(), Some(JournalError::Fenced { found: 99, .. })),
        "{why}"
    );
}

#[test]
fn keys_come_as_a_trust_file() {
    let dir = installed();
    let keys = run(dir.path(), &["journal", "vkey", "--data", "ex"]);
    let trust = keepwhole_verify::trust::Trust::parse("keys", &keys.out).unwrap();
    assert_eq!(trust.bundle_keys.len(), 1);
    assert_eq!(
        trust.bundle_keys[0].name(),
        "exchange.example/keepwhole/bundle"
    );
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

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = installed();
    let mut child = Command::new(PROGRAM)
        .args(["journal", "show", "--data", "ex"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.is_empty());
}

#[test]
fn every_kind_of_event_has_a_name_and_a_body() {
    let kinds = [
        include_str!("../../src/installation/record_json.rs"),
        include_str!("../../src/installation/record_case.rs"),
    ]
    .concat();
    let events = include_str!("../../../core/src/event.rs");
    let (_, events) = events.split_once("pub enum Event {").unwrap();
    let mut found = 0;
    for line in events.lines() {
        let Some(name) = line
            .strip_prefix("    ")
            .filter(|rest| rest.starts_with(char::is_uppercase))
        else {
            continue;
        };
        let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
        let snake: String = name
            .char_indices()
            .flat_map(|(at, c)| {
                let low = c.to_ascii_lowercase();
                if c.is_uppercase() && at > 0 {
                    vec!['_', low]
                } else {
                    vec![low]
                }
            })
            .collect();
        assert!(
            kinds.contains(&format!("=> \"{snake}\"")),
            "`{name}` has no kind"
        );
        let bodies = kinds.matches(&format!("Event::{name} ")).count()
            + kinds.matches(&format!("Event::{name}(")).count();
        assert!(bodies >= 2, "`{name}` has no body");
        found += 1;
    }
    assert!(found > 50, "the events were not found");
}

#[test]
fn init_says_what_it_made() {
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
    assert_eq!(
        masked(&made.out),
        include_str!("golden/init.txt").trim_end()
    );
}

#[test]
fn status_balance_and_check_say_this() {
    let dir = installed();
    tell_story(dir.path());
    let said = [
        &["status", "--data", "ex"][..],
        &["balance", "--data", "ex", "customer-7"],
        &["journal", "check", "--data", "ex"],
    ]
    .map(|verb| run(dir.path(), verb).out);
    let wanted = include_str!("golden/verbs.txt");
    assert_eq!(masked(&said.join("\n")), wanted.trim_end());
}

fn masked(said: &str) -> String {
    let lines: Vec<String> = said.lines().map(mask).collect();
    lines.join("\n")
}

/// Keys, roots and counts as letters, so that what is left is what the program says.
fn mask(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let (bracket, word) = word
            .strip_prefix('(')
            .map_or(("", word), |word| ("(", word));
        let hex = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let figure = |byte: u8| byte.is_ascii_digit() || b"-:.,".contains(&byte);
        let number = word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(figure);
        match word.split_once('+') {
            _ if hex => "ROOT".to_owned(),
            _ if number => format!("{bracket}N"),
            Some((name, _)) => format!("{name}+KEY"),
            None => format!("{bracket}{word}"),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
