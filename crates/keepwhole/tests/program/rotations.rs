//! Rotation of the log's key from end to end: the real program on both sides of the gap, witnesses, and a thief of the old key.

use crate::agreement::{inclusion, root_at, send};
use crate::cli::{Ran, Serving, installed, run};
use crate::witnesses::{Witness, append, copy, published};
use keepwhole::installation::Installation;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole_core::command::{Body, Command};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use keepwhole_verify::rotation::Rotation;
use std::path::Path;

const ORIGIN: &str = "exchange.example/keepwhole";
const ROOT: &str = "exchange.example/keepwhole/root";

#[track_caller]
fn good(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran
}

fn log_key(dir: &Path) -> Ed25519Signer {
    keys::load(&dir.join("ex"), KeyFile::Log, ORIGIN).unwrap()
}

/// Makes a root key outside the installation and declares it. Returns its verifier key.
fn declared(dir: &Path) -> String {
    good(run(
        dir,
        &["key", "root", "--origin", ORIGIN, "--out", "root.key"],
    ));
    let root = keys::load_at(&dir.join("root.key"), ROOT).unwrap();
    let root = root.key().to_string();
    good(run(
        dir,
        &["key", "declare", "--data", "ex", "--root", &root],
    ));
    root
}

/// Prepares and signs the next rotation into `note`.
fn signed(dir: &Path) {
    for file in ["text", "note"] {
        let _absent = std::fs::remove_file(dir.join(file));
    }
    good(run(
        dir,
        &["key", "prepare", "--data", "ex", "--out", "text"],
    ));
    good(run(
        dir,
        &["key", "sign", "text", "--root", "root.key", "--out", "note"],
    ));
}

fn rotate(dir: &Path) -> Ran {
    run(
        dir,
        &[
            "key",
            "rotate",
            "--data",
            "ex",
            "--statement",
            "note",
            "--json",
        ],
    )
}

/// A true head of this size, as whoever has a key can sign it.
fn head(dir: &Path, size: u64, by: &Ed25519Signer) -> String {
    let root = root_at(&dir.join("ex"), size);
    let head = Checkpoint::new(ORIGIN, size, root).unwrap();
    head.sign(&[by]).unwrap().to_string()
}

fn prove(dir: &Path, entry: u64, name: &str) {
    let (entry, out) = (entry.to_string(), format!("{name}.tlog-proof"));
    good(run(
        dir,
        &["journal", "prove", &entry, "--data", "ex", "--out", &out],
    ));
}

fn verify(dir: &Path, name: &str, trust: &str, more: &[&str]) -> Ran {
    let (proof, entry) = (format!("{name}.tlog-proof"), format!("{name}.entry"));
    let words = ["verify", &proof, "--entry", &entry, "--trust", trust];
    run(dir, &[&words[..], more].concat())
}

#[test]
fn row_33_proofs_verify_across_a_rotation_and_the_old_key_signs_nothing_more() {
    let dir = installed();
    let dir = dir.path();
    let root = declared(dir);
    append(dir, 1..=20);
    let (old, stolen) = (
        log_key(dir),
        std::fs::read(dir.join("ex/keys/log.key")).unwrap(),
    );
    std::fs::write(
        dir.join("trust"),
        format!("log {}\nquorum none\nroot {root}\n", old.key()),
    )
    .unwrap();
    prove(dir, 3, "before");
    let (earlier, _) = published(dir);
    std::fs::copy(dir.join("ex/log/checkpoint"), dir.join("earlier")).unwrap();
    signed(dir);
    let done = good(rotate(dir)).json();
    let entry = done["entry"].as_u64().unwrap();
    assert!(entry >= earlier.size());
    let new = log_key(dir);
    assert_ne!(new.key(), old.key());
    assert!(!dir.join("ex/keys/log.key.next").exists());
    append(dir, 1..=5);
    prove(dir, 3, "after");
    prove(dir, entry, "rotation");

    // What was proven stays proven; what is proven now needs the new key, which the rotation shows.
    good(verify(dir, "before", "trust", &[]));
    assert_eq!(verify(dir, "after", "trust", &[]).code, 1);
    good(verify(
        dir,
        "after",
        "trust",
        &["--rotation", "rotation.tlog-proof"],
    ));
    let said = good(verify(dir, "rotation", "trust", &[])).out;
    let lines: Vec<&str> = said.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            format!("log {}", new.key()),
            format!("retired {} {entry}", old.key())
        ]
    );
    let keys = good(run(dir, &["journal", "vkey", "--data", "ex"])).out;
    assert!(
        lines.iter().all(|line| keys.contains(line)) && keys.contains(&root),
        "{keys}"
    );
    std::fs::write(
        dir.join("followed"),
        format!("{}\nquorum none\n", lines.join("\n")),
    )
    .unwrap();
    good(verify(dir, "after", "followed", &[]));
    good(verify(dir, "before", "followed", &[]));

    // The thief signs a true head beyond the entry with the old key: refused, with the reason.
    let note = head(dir, entry + 1, &old);
    let proof = std::fs::read_to_string(dir.join("after.tlog-proof")).unwrap();
    let (path, _) = proof.split_once("\n\n").unwrap();
    let hashes = inclusion(&dir.join("ex"), 3, entry + 1);
    let path = path.lines().take(2).map(str::to_owned);
    let path: Vec<String> = path
        .chain(hashes.iter().map(|hash| hash.to_base64()))
        .collect();
    std::fs::write(
        dir.join("after.tlog-proof"),
        format!("{}\n\n{note}", path.join("\n")),
    )
    .unwrap();
    let refused = verify(dir, "after", "followed", &[]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.out.contains(&format!("ended at `{entry}`")),
        "{}",
        refused.out
    );
    // With the old key in its place the program itself does not start.
    let current = std::fs::read(dir.join("ex/keys/log.key")).unwrap();
    std::fs::write(dir.join("ex/keys/log.key"), stolen).unwrap();
    let before = std::fs::read(dir.join("ex/log/checkpoint")).unwrap();
    run(dir, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"])
        .failed(3, &["gave the log another key"]);
    assert_eq!(
        std::fs::read(dir.join("ex/log/checkpoint")).unwrap(),
        before
    );
    std::fs::write(dir.join("ex/keys/log.key"), current).unwrap();
    // Heads of both keys are heads of one log.
    let compared = good(run(
        dir,
        &[
            "journal",
            "compare",
            "earlier",
            "ex/log/checkpoint",
            "--data",
            "ex",
        ],
    ));
    assert!(compared.out.contains("grew from"), "{}", compared.out);
    good(run(dir, &["journal", "check", "--data", "ex"]));
    assert_eq!(Serving::start(dir, &[]).stop("-TERM").0, Some(0));
}

#[test]
fn row_33_a_lost_log_key_is_replaced_and_a_second_rotation_follows() {
    let dir = installed();
    let dir = dir.path();
    let root = declared(dir);
    let first = log_key(dir).key().to_string();
    append(dir, [1]);
    let size = published(dir).0.size();
    std::fs::create_dir(dir.join("ex/witness")).unwrap();
    std::fs::copy(
        dir.join("ex/log/checkpoint"),
        dir.join("ex/witness/a.checkpoint"),
    )
    .unwrap();
    std::fs::remove_file(dir.join("ex/keys/log.key")).unwrap();
    run(dir, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"]).failed(3, &["log.key"]);
    signed(dir);
    let one = good(rotate(dir)).json()["entry"].as_u64().unwrap();
    assert!(one >= size && published(dir).0.size() > one);
    let second = log_key(dir).key().to_string();
    // What a witness holds under the lost key still binds.
    assert_eq!(Serving::start(dir, &[]).stop("-TERM").0, Some(0));
    signed(dir);
    let two = good(rotate(dir)).json()["entry"].as_u64().unwrap();
    prove(dir, one, "one");
    prove(dir, two, "two");
    prove(dir, 1, "entry");
    std::fs::write(
        dir.join("trust"),
        format!("log {first}\nquorum none\nroot {root}\n"),
    )
    .unwrap();
    // Both are proven under the newest head, so whoever knows the first key only follows them together.
    let both = [
        "--rotation",
        "one.tlog-proof",
        "--rotation",
        "two.tlog-proof",
    ];
    good(verify(dir, "entry", "trust", &both));
    let said = good(verify(dir, "two", "trust", &both[..2])).out;
    assert!(said.contains(&format!("retired {second} {two}")), "{said}");
    assert_eq!(verify(dir, "one", "trust", &[]).code, 1);
    let refused = verify(dir, "entry", "trust", &["--rotation", "two.tlog-proof"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("in order"), "{}", refused.out);
    // A backup carries the history, and a restored installation goes on with it.
    good(run(
        dir,
        &["backup", "--data", "ex", "--to", "bak", "--with-keys"],
    ));
    good(run(
        dir,
        &["restore", "--from", "bak", "--data", "restored"],
    ));
    let keys = good(run(dir, &["journal", "vkey", "--data", "restored"])).out;
    assert!(keys.contains(&format!("retired {first} {one}")), "{keys}");
    assert!(keys.contains(&format!("retired {second} {two}")), "{keys}");
}

#[test]
fn row_33_rotations_that_the_root_key_did_not_sign_are_refused() {
    let dir = installed();
    let dir = dir.path();
    run(dir, &["key", "prepare", "--data", "ex", "--out", "text"])
        .failed(1, &["no root key is declared"]);
    declared(dir);
    let again = run(
        dir,
        &[
            "key",
            "declare",
            "--data",
            "ex",
            "--root",
            &declared_key(dir),
        ],
    );
    again.failed(1, &["already_registered"]);
    signed(dir);
    let note = std::fs::read_to_string(dir.join("note")).unwrap();
    let text = std::fs::read_to_string(dir.join("text")).unwrap();
    let before = Installation::open(&dir.join("ex"))
        .unwrap()
        .sequencer
        .head();
    let rotation = Rotation::parse_text(&text).unwrap();
    let thief = Ed25519Signer::new(ROOT, &[7; 32]).unwrap();
    let own = Ed25519Signer::new(ORIGIN, &[7; 32]).unwrap();
    let chosen = Rotation::new(1, rotation.old().clone(), own.key().clone()).unwrap();
    let stale = Rotation::new(2, rotation.old().clone(), rotation.new_key().clone()).unwrap();
    let root = keys::load_at(&dir.join("root.key"), ROOT).unwrap();
    let forged = [
        (
            rotation.sign(&thief).unwrap().to_string(),
            "not signed by the root key",
        ),
        (
            text.clone() + "\n" + note.rsplit_once("\n\n").unwrap().1.trim_end(),
            "no text, empty line",
        ),
        (
            note.replacen("\n1\n", "\n2\n", 1),
            "not signed by the root key",
        ),
        (
            chosen.sign(&root).unwrap().to_string(),
            "the prepared key is",
        ),
        (stale.sign(&root).unwrap().to_string(), "number"),
        (String::new(), "not signed by the root key"),
    ];
    for (forged, says) in forged {
        std::fs::write(dir.join("note"), &forged).unwrap();
        rotate(dir).json_failed(1, says);
        // The journal refuses it too, whoever hands it in.
        let mut open = Installation::open(&dir.join("ex")).unwrap();
        let told = Command {
            id: None,
            actor: None,
            body: Body::RotateLogKey {
                statement: forged.into_bytes(),
            },
        };
        let at = open.sequencer.state().at;
        if says != "the prepared key is" {
            let replies = open.sequencer.turn(at, &[told]).unwrap();
            assert_eq!(replies[0].answer.word(), "refused", "{says}");
            assert!(
                open.sequencer
                    .state()
                    .log_keys
                    .as_ref()
                    .unwrap()
                    .retired
                    .is_empty()
            );
        }
    }
    assert!(
        Installation::open(&dir.join("ex"))
            .unwrap()
            .sequencer
            .head()
            .size
            > before.size
    );
    std::fs::write(dir.join("note"), &note).unwrap();
    good(rotate(dir));
    // The same statement again, and after a further rotation, begins nothing.
    rotate(dir).json_failed(1, "already");
    let _removed = std::fs::remove_file(dir.join("text"));
    good(run(
        dir,
        &["key", "prepare", "--data", "ex", "--out", "text"],
    ));
    rotate(dir).json_failed(1, "already");
}

fn declared_key(dir: &Path) -> String {
    let root = keys::load_at(&dir.join("root.key"), ROOT).unwrap();
    root.key().to_string()
}

impl Ran {
    /// As `failed`, where the answer is JSON.
    #[track_caller]
    fn json_failed(&self, code: i32, says: &str) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        let message = self.json()["error"]["message"].to_string();
        assert!(message.contains(says), "`{says}` is missing in: {message}");
    }
}

#[test]
fn row_33_a_rotation_cut_short_is_finished_by_running_it_again() {
    let dir = installed();
    let dir = dir.path();
    declared(dir);
    signed(dir);
    copy(&dir.join("ex"), &dir.join("cut"));
    let mut open = Installation::open(&dir.join("cut")).unwrap();
    let told = Command {
        id: None,
        actor: None,
        body: Body::RotateLogKey {
            statement: std::fs::read(dir.join("note")).unwrap(),
        },
    };
    // Killed behind the entry: it is durable, the keys are as they were.
    let at = open.sequencer.state().at;
    let replies = open.sequencer.turn(at, &[told]).unwrap();
    assert_eq!(replies[0].answer.word(), "recorded");
    drop(open);
    std::fs::rename(dir.join("ex"), dir.join("whole")).unwrap();
    std::fs::rename(dir.join("cut"), dir.join("ex")).unwrap();
    run(dir, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"])
        .failed(3, &["keepwhole key rotate"]);
    let done = good(rotate(dir)).json();
    assert_eq!(done["finished"], true);
    assert_eq!(done["log"], log_key(dir).key().to_string());
    let bytes = std::fs::read(dir.join("ex/log/checkpoint")).unwrap();
    Checkpoint::verify(&bytes, &[log_key(dir).key().clone()]).unwrap();
    assert_eq!(Serving::start(dir, &[]).stop("-TERM").0, Some(0));
}

#[test]
fn row_33_a_witness_takes_the_new_key_and_keeps_what_a_thief_signs_with_the_old_one() {
    let dir = installed();
    let dir = dir.path();
    declared(dir);
    Witness::make(dir, "w1");
    let old = log_key(dir);
    signed(dir);
    let entry = good(rotate(dir)).json()["entry"].as_u64().unwrap();
    append(dir, 1..=5);
    let lines = format!(
        "log {}\nretired {} {entry}\n",
        log_key(dir).key(),
        old.key()
    );
    std::fs::write(dir.join("w1/logs.txt"), lines).unwrap();
    let witness = Witness::start(dir, "w1", "127.0.0.1:0");
    let mut known = 0;
    let mut sends = |size: u64, by: &Ed25519Signer| {
        let note = head(dir, size, by);
        send(&witness.url, &dir.join("ex"), (size, &note), &mut known)
    };
    assert_eq!(sends(entry, &old), 200);
    assert_eq!(sends(entry + 1, &old), 403);
    assert_eq!(sends(entry + 2, &log_key(dir)), 200);
    let shown = run(dir, &["witness", "show", "--dir", "w1"]);
    assert_eq!(shown.code, 1);
    assert!(
        shown.out.contains("RETIRED KEY") && shown.out.contains("--- sent head"),
        "{}",
        shown.out
    );
}
