//! The log and its witnesses from end to end: the real program, real witness processes, a reader that is not ours.

use crate::cli::{PATIENCE, PROGRAM, Ran, Serving, installed, run, tell_story};
use keepwhole::installation::Installation;
use keepwhole::outside::asking::ask;
use keepwhole::outside::public::{IMMUTABLE, MUTABLE};
use keepwhole::outside::standing::STANDING;
use keepwhole::outside::{PublicLog, PublicServer, Said, WitnessAt};
use keepwhole_core::command::{Body, Command as Told};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Note, VerifierKey};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running witness, killed at the end.
pub(crate) struct Witness {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Witness {
    pub(crate) fn make(dir: &Path, name: &str) {
        let key = run(dir, &["journal", "vkey", "--data", "ex"]).out;
        std::fs::write(dir.join("logs.txt"), key.lines().next().unwrap()).unwrap();
        let named = format!("{name}.example/w");
        let made = run(
            dir,
            &[
                "witness", "init", "--dir", name, "--name", &named, "--logs", "logs.txt",
            ],
        );
        assert_eq!(made.code, 0, "{}", made.err);
    }

    pub(crate) fn start(dir: &Path, name: &str, listen: &str) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["witness", "serve", "--dir", name, "--listen", listen])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            line.trim().to_owned()
        };
        let url = line().strip_prefix("listening on ").unwrap().to_owned();
        let key = line().strip_prefix("key ").unwrap().to_owned();
        Self { child, url, key }
    }

    /// The same witness at the same address.
    pub(crate) fn restart(mut self, dir: &Path, name: &str) -> Self {
        let listen = self.url.strip_prefix("http://").unwrap().to_owned();
        self.kill();
        Self::start(dir, name, &listen)
    }

    fn kill(&mut self) {
        // Its own child; it may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}

fn two(dir: &Path) -> [Witness; 2] {
    let made = ["w1", "w2"].map(|name| {
        Witness::make(dir, name);
        Witness::start(dir, name, "127.0.0.1:0")
    });
    let lines: Vec<String> = made
        .iter()
        .zip(["w1", "w2"])
        .map(|(witness, name)| format!("witness {name} {} {}\n", witness.key, witness.url))
        .collect();
    let policy = format!("{}group both all w1 w2\nquorum both\n", lines.concat());
    std::fs::write(dir.join("policy"), &policy).unwrap();
    // What an outsider checks with: the log's key, the witnesses, the quorum.
    let keys = run(dir, &["journal", "vkey", "--data", "ex"]).out;
    let log = keys.lines().next().unwrap();
    std::fs::write(dir.join("trust"), format!("{log}\n{policy}")).unwrap();
    made
}

const WITNESSED: [&str; 2] = ["--witness-policy", "policy"];

pub(crate) fn published(dir: &Path) -> (Checkpoint, usize) {
    let bytes = std::fs::read(dir.join("ex/log/checkpoint")).unwrap();
    let note = Note::parse(&bytes).unwrap();
    (
        Checkpoint::parse_text(note.text()).unwrap(),
        note.lines().len(),
    )
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn status(dir: &Path) -> serde_json::Value {
    run(dir, &["status", "--data", "ex", "--json"]).json()
}

/// Appends an entry for each of these with the program standing still.
pub(crate) fn append(dir: &Path, since: impl IntoIterator<Item = u64>) {
    append_to(&dir.join("ex"), since);
}

fn append_to(dir: &Path, since: impl IntoIterator<Item = u64>) {
    let mut open = Installation::open(dir).unwrap();
    let at = open.sequencer.state().at + 1;
    let told: Vec<Told> = since
        .into_iter()
        .map(|since| Told {
            id: None,
            actor: None,
            body: Body::RecordDowntime { since },
        })
        .collect();
    open.sequencer.turn(at, &told).unwrap();
    open.publish().unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(done.unwrap().success());
}

#[test]
fn a_quorum_of_real_witnesses_cosigns_and_a_dead_one_delays_nobody() {
    let dir = installed();
    let dir = dir.path();
    let [w1, mut w2] = two(dir);
    tell_story(dir);
    let serving = Serving::start(dir, &WITNESSED);
    let (head, lines) = published(dir);
    assert_eq!(
        (head.size(), lines),
        (status(dir)["head"]["size"].as_u64().unwrap(), 3)
    );
    // One dead: no quorum, and the journal runs on.
    w2.kill();
    let before = head.size();
    assert_eq!(serving.stop("-TERM").0, Some(0));
    append(dir, [1]);
    let serving = Serving::start(dir, &WITNESSED);
    let seen = status(dir);
    assert!(
        seen["witnesses"]["witnesses"][1]["fault"].is_string(),
        "{seen}"
    );
    assert_eq!(
        seen["witnesses"]["witnesses"][0]["size"],
        seen["head"]["size"]
    );
    // Back again: the quorum is met without anybody doing anything.
    let w2 = w2.restart(dir, "w2");
    until("the quorum", || {
        let (head, lines) = published(dir);
        head.size() > before && lines == 3
    });
    assert_eq!(serving.stop("-TERM").0, Some(0));
    let (head, _) = published(dir);
    assert_eq!(
        status(dir)["witnesses"]["quorum_size"].as_u64(),
        Some(head.size())
    );
    for name in ["w1", "w2"] {
        let shown = run(dir, &["witness", "show", "--dir", name]);
        assert_eq!(shown.code, 0);
        assert!(
            shown
                .out
                .contains(&format!("{} entries, root {}", head.size(), head.root())),
            "{}",
            shown.out
        );
    }
    drop((w1, w2));
    proves_with_the_quorum(dir);
}

/// One entry travels with the cosigned checkpoint, and both programs' checks agree on what it shows.
fn proves_with_the_quorum(dir: &Path) {
    let proved = run(
        dir,
        &[
            "journal",
            "prove",
            "3",
            "--data",
            "ex",
            "--out",
            "p.tlog-proof",
        ],
    );
    assert_eq!(proved.code, 0, "{}", proved.err);
    let check = |entry: &str, trust: &str| -> Ran {
        run(
            dir,
            &["verify", "p.tlog-proof", "--entry", entry, "--trust", trust],
        )
    };
    let good = check("p.entry", "trust");
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert!(
        good.out.contains("proven") && good.out.contains("2 co-signed"),
        "{}",
        good.out
    );
    std::fs::write(dir.join("other"), b"another entry").unwrap();
    let other = check("other", "trust");
    assert_eq!(other.code, 1);
    assert!(other.out.contains("not proven"), "{}", other.out);
    // A quorum of witnesses that never signed.
    let trust = std::fs::read_to_string(dir.join("trust")).unwrap();
    let key = run(dir, &["witness", "vkey", "--dir", "w1"]).out;
    Witness::make(dir, "w3");
    let strange = run(dir, &["witness", "vkey", "--dir", "w3"]).out;
    std::fs::write(
        dir.join("strict"),
        trust.replace(key.trim(), strange.trim()),
    )
    .unwrap();
    assert_eq!(check("p.entry", "strict").code, 1);
    run(
        dir,
        &[
            "journal",
            "prove",
            "3",
            "--data",
            "ex",
            "--out",
            "p.tlog-proof",
        ],
    )
    .failed(1, &["p.tlog-proof"]);
    run(dir, &["journal", "prove", "999999", "--data", "ex"]).failed(1, &["not published"]);
    run(dir, &["verify", "p.tlog-proof"]).failed(2, &["--entry"]);
}

#[test]
fn rows_10_and_38_a_restored_backup_is_refused_with_the_exact_number_of_missing_entries() {
    let dir = installed();
    let dir = dir.path();
    let _witnesses = two(dir);
    tell_story(dir);
    copy(&dir.join("ex"), &dir.join("yesterday"));
    append(dir, 1..=7);
    assert_eq!(Serving::start(dir, &WITNESSED).stop("-TERM").0, Some(0));
    let (newest, lines) = published(dir);
    assert_eq!(lines, 3);
    std::fs::copy(dir.join("ex/log/checkpoint"), dir.join("newest")).unwrap();
    std::fs::rename(dir.join("ex"), dir.join("today")).unwrap();
    copy(&dir.join("yesterday"), &dir.join("ex"));
    let held = Installation::open(&dir.join("ex"))
        .unwrap()
        .sequencer
        .head();
    let missing = newest.size() - held.size;
    let refused = run(
        dir,
        &[
            "serve",
            "--data",
            "ex",
            "--listen",
            "127.0.0.1:0",
            "--witness-policy",
            "policy",
            "--json",
        ],
    );
    let says = [
        format!("`{missing}` are missing"),
        held.root.to_string(),
        newest.root().to_string(),
    ];
    refused.failed(3, &[&says[0], &says[1], &says[2]]);
    assert_eq!(refused.json()["error"]["code"], "truncated");
    assert!(missing >= 7);
    // Nor does it go on without being asked, and the two heads say what happened.
    run(dir, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"])
        .failed(3, &["an earlier run found"]);
    let compared = run(dir, &["journal", "compare", "newest", "ex/log/checkpoint"]);
    assert_eq!(compared.code, 1);
    assert!(
        compared.out.contains("ROLLBACK") && compared.out.contains(&newest.root().to_string()),
        "{}",
        compared.out
    );
    let compared = run(
        dir,
        &[
            "journal",
            "compare",
            "ex/log/checkpoint",
            "newest",
            "--data",
            "today",
        ],
    );
    assert_eq!(
        (compared.code, compared.out.contains("grew from")),
        (0, true),
        "{}",
        compared.out
    );
    // The right journal again: the quorum ends the alarm.
    std::fs::copy(dir.join("ex/log/alarm"), dir.join("today/log/alarm")).unwrap();
    std::fs::rename(dir.join("ex"), dir.join("behind")).unwrap();
    std::fs::rename(dir.join("today"), dir.join("ex")).unwrap();
    let (code, err) = Serving::start(dir, &WITNESSED).stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(err.contains("alarm of an earlier run is over"), "{err}");
}

#[test]
fn row_34_a_second_history_signed_with_the_stolen_key_is_a_fork_for_everybody() {
    let dir = installed();
    let dir = dir.path();
    let _witnesses = two(dir);
    tell_story(dir);
    copy(&dir.join("ex"), &dir.join("thief"));
    append(dir, [1]);
    assert_eq!(Serving::start(dir, &WITNESSED).stop("-TERM").0, Some(0));
    // The thief has a copy of the folder, keys included, and writes something else.
    std::fs::rename(dir.join("ex"), dir.join("real")).unwrap();
    std::fs::rename(dir.join("thief"), dir.join("ex")).unwrap();
    while Installation::open(&dir.join("ex"))
        .unwrap()
        .sequencer
        .head()
        .size
        <= published_size(dir, "real")
    {
        append(dir, [99]);
    }
    let refused = run(
        dir,
        &[
            "serve",
            "--data",
            "ex",
            "--listen",
            "127.0.0.1:0",
            "--witness-policy",
            "policy",
        ],
    );
    refused.failed(3, &["fork", "our head", "signed by our key"]);
    let shown = run(dir, &["witness", "show", "--dir", "w1"]);
    assert_eq!(shown.code, 1);
    assert!(
        shown.out.contains("NO PROOF") && shown.out.contains("--- sent head"),
        "{}",
        shown.out
    );
    // With the two signed heads anybody sees it.
    let compared = run(
        dir,
        &[
            "journal",
            "compare",
            "real/log/checkpoint",
            "ex/log/pending",
            "--data",
            "ex",
        ],
    );
    assert_eq!(compared.code, 1);
    assert!(
        compared.out.contains("FORK") && compared.out.contains("is the second"),
        "{}",
        compared.out
    );
}

#[test]
fn row_34_a_running_service_stops_when_a_witness_shows_a_head_of_its_key_that_is_not_its_own() {
    let dir = installed();
    let dir = dir.path();
    let [w1, mut w2] = two(dir);
    tell_story(dir);
    assert_eq!(Serving::start(dir, &WITNESSED).stop("-TERM").0, Some(0));
    copy(&dir.join("ex"), &dir.join("thief"));
    // Without its quorum the service asks again every few seconds, with it every minute. Whether the short run reached it
    // is chance, so its note of that goes.
    w2.kill();
    let noted = dir.join("ex").join(STANDING);
    if noted.exists() {
        std::fs::remove_file(noted).unwrap();
    }
    let serving = Serving::start(dir, &WITNESSED);
    append_to(&dir.join("thief"), [99]);
    let note = std::fs::read_to_string(dir.join("thief/log/checkpoint")).unwrap();
    let stolen = Checkpoint::parse_text(Note::parse(note.as_bytes()).unwrap().text()).unwrap();
    let at = WitnessAt {
        name: "w1".to_owned(),
        key: VerifierKey::parse(&w1.key).unwrap(),
        url: w1.url.clone(),
    };
    let said = ask(&at, &dir.join("thief"), &note, &stolen, &mut 0);
    assert!(matches!(said, Said::Cosigned { .. }), "{said:?}");
    let ours = published(dir).0;
    let (code, err) = serving.stop("-0");
    assert_eq!(code, Some(3), "{err}");
    for part in [&ours.root().to_string(), &stolen.root().to_string(), "w1"] {
        assert!(err.contains(part), "`{part}` is missing in: {err}");
    }
    assert!(dir.join("ex/log/alarm").exists());
    run(dir, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"])
        .failed(3, &["an earlier run found"]);
}

fn published_size(dir: &Path, which: &str) -> u64 {
    let bytes = std::fs::read(dir.join(which).join("log/checkpoint")).unwrap();
    Checkpoint::parse_text(Note::parse(&bytes).unwrap().text())
        .unwrap()
        .size()
}

#[test]
fn policies_that_ask_for_nobody_or_can_not_be_reached_are_refused() {
    let dir = installed();
    let dir = dir.path();
    Witness::make(dir, "w1");
    let key = run(dir, &["witness", "vkey", "--dir", "w1"]).out;
    let key = key.trim();
    for (policy, says) in [
        (String::from("quorum none\n"), "asks for no witness"),
        (format!("witness w {key}\nquorum w\n"), "has no address"),
        (
            format!("witness w {key} https://w.example\nquorum w\n"),
            "http://",
        ),
        (format!("witness w {key} http://w.example\n"), "quorum"),
        (
            format!(
                "log other.example+11111111+AAAA\nwitness w {key} http://w.example\nquorum w\n"
            ),
            "line `1`",
        ),
    ] {
        std::fs::write(dir.join("policy"), policy).unwrap();
        run(
            dir,
            &[
                "serve",
                "--data",
                "ex",
                "--listen",
                "127.0.0.1:0",
                "--witness-policy",
                "policy",
            ],
        )
        .failed(2, &[says]);
    }
}

/// Reads tiles over HTTP for `tlog_tiles`, a reader that is not ours.
pub(crate) struct Http(pub(crate) String);

impl tlog_tiles::TileReader for Http {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        Ok(tiles
            .iter()
            .map(|tile| {
                // It names the height of tiles in the path, as Go's checksum database does; C2SP does not.
                let path = tile.path();
                let path = path.strip_prefix("tile/8/").unwrap();
                get(&format!("{}/tile/{path}", self.0)).2
            })
            .collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// Status, caching and body.
pub(crate) fn get(url: &str) -> (u16, String, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut response = agent.get(url).call().unwrap();
    let header = response.headers().get("cache-control");
    let caching = header
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let status = response.status().as_u16();
    (status, caching, response.body_mut().read_to_vec().unwrap())
}

#[test]
fn a_foreign_reader_proves_entries_and_growth_over_http() {
    let dir = installed();
    let dir = dir.path();
    let early = published(dir).0;
    append(dir, 1..=300);
    let log = PublicLog::new(&dir.join("ex"), true);
    let server = PublicServer::start(TcpListener::bind("127.0.0.1:0").unwrap(), log).unwrap();
    let base = format!("http://{}/log", server.address());
    let (status, caching, note) = get(&format!("{base}/checkpoint"));
    assert_eq!((status, caching.as_str()), (200, MUTABLE));
    let head =
        tlog_tiles::Checkpoint::from_bytes(Note::parse(&note).unwrap().text().as_bytes()).unwrap();
    let (size, root) = (head.size(), *head.hash());
    assert!(size > 600);
    let reader = Http(base.clone());
    let hashes = tlog_tiles::TileHashReader::new(size, root, &reader);
    for index in [0, 255, 256, 511, size - 1] {
        let proof = tlog_tiles::prove_record(size, index, &hashes).unwrap();
        let (_, caching, bundle) = get(&format!("{base}/{}", bundle_of(index, size)));
        assert_eq!(caching, IMMUTABLE);
        let entries =
            keepwhole_verify::tile::decode_bundle(&bundle, width_of(index, size), true).unwrap();
        let leaf = tlog_tiles::record_hash(entries[usize::try_from(index % 256).unwrap()]);
        tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
    }
    let before = tlog_tiles::Hash(*early.root().as_bytes());
    let proof = tlog_tiles::prove_tree(size, early.size(), &hashes).unwrap();
    tlog_tiles::check_tree(&proof, size, root, early.size(), before).unwrap();
    for path in [
        "tile/0/999",
        "tile/0/00",
        "tile/../checkpoint",
        "..%2fkeys/log.key",
        "pending",
        "witnesses.json",
        "tile/0/000.p/256",
        "",
    ] {
        assert_eq!(get(&format!("{base}/{path}")).0, 404, "{path}");
    }
    // A partial tile that gave way to the full one is its beginning; entries are given out only where that is said.
    let (status, _, part) = get(&format!("{base}/tile/0/000.p/5"));
    assert_eq!((status, part.len()), (200, 160));
    let closed = PublicLog::new(&dir.join("ex"), false);
    assert!(closed.file("tile/entries/000").is_none());
    assert!(closed.file("tile/0/000").is_some());
}

fn width_of(index: u64, size: u64) -> u16 {
    keepwhole_verify::tile::width_of(index / 256, size).unwrap()
}

pub(crate) fn bundle_of(index: u64, size: u64) -> String {
    keepwhole_verify::tile::TileId {
        kind: keepwhole_verify::tile::TileKind::Entries,
        index: index / 256,
        width: width_of(index, size),
    }
    .path()
}
