//! Backup, restore, drill and repair with the real program, and every wrong folder they may be given.

use crate::cli::{Ran, installed, run, tell_story};
use crate::scrubs::made;
use crate::small_exchange::{AT, movement, told};
use keepwhole::installation::Installation;
use keepwhole_core::command::Body;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const SEGMENT: &str = "segments/00000000000000000000.kwj";

fn exchange() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    made(&dir.path().join("ex"));
    dir
}

fn good(ran: &Ran) -> serde_json::Value {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.json()
}

fn more(dir: &Path, id: &str) -> u64 {
    let mut open = Installation::open(&dir.join("ex")).unwrap();
    let body = Body::RecordMovements(vec![movement("customer-5", "customer-1", "SOL", 9)]);
    let at = open.sequencer.state().at.max(AT) + 1;
    open.sequencer.turn(at, &[told(id, body)]).unwrap();
    open.publish().unwrap();
    open.sequencer.head().size
}

fn digest(dir: &Path, data: &str) -> String {
    let checked = good(&run(dir, &["journal", "check", "--data", data, "--json"]));
    checked["state_digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_backup_restores_to_the_same_journal_and_state() {
    let dir = exchange();
    let path = dir.path();
    let first = good(&run(
        path,
        &["backup", "--data", "ex", "--to", "bak", "--json"],
    ));
    assert_eq!(
        (&first["segments_copied"], &first["keys"]),
        (&1.into(), &false.into())
    );
    assert!(
        !path.join("bak/keys").exists(),
        "no secret key without being asked for"
    );
    let size = more(path, "later");
    let second = good(&run(
        path,
        &["backup", "--data", "ex", "--to", "bak", "--json"],
    ));
    assert_eq!(second["size"], size);
    let drill = good(&run(
        path,
        &[
            "restore", "--from", "bak", "--drill", "--below", ".", "--json",
        ],
    ));
    assert_eq!(
        (&drill["size"], &drill["missing"]),
        (&size.into(), &0.into())
    );
    assert_eq!(drill["state_digest"], digest(path, "ex"));
    let left = fs::read_dir(path).unwrap().count();
    assert_eq!(left, 2, "the drill leaves nothing");
    let restored = good(&run(
        path,
        &[
            "restore", "--from", "bak", "--data", "new", "--keys", "ex", "--json",
        ],
    ));
    assert_eq!(restored["keys"], true);
    assert_eq!(digest(path, "new"), digest(path, "ex"));
    // It goes on where the old one stood.
    fs::rename(path.join("ex"), path.join("old")).unwrap();
    fs::rename(path.join("new"), path.join("ex")).unwrap();
    assert_eq!(more(path, "after"), size + 2);
}

#[test]
fn a_backup_with_keys_restores_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = exchange();
    good(&run(
        dir.path(),
        &[
            "backup",
            "--data",
            "ex",
            "--to",
            "bak",
            "--with-keys",
            "--json",
        ],
    ));
    let mode = |path: &str| {
        fs::metadata(dir.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("bak/keys"), mode("bak/keys/log.key")), (0o700, 0o600));
    let restored = good(&run(
        dir.path(),
        &["restore", "--from", "bak", "--data", "new", "--json"],
    ));
    assert_eq!(restored["keys"], true);
    assert_eq!(digest(dir.path(), "new"), digest(dir.path(), "ex"));
}

/// Row 38: an old backup against what a witness knows: the missing count is exact, and nothing is written any more.
#[test]
fn row_38_an_old_backup_says_exactly_what_is_missing_and_stays_read_only() {
    let dir = exchange();
    let path = dir.path();
    let old = good(&run(
        path,
        &[
            "backup",
            "--data",
            "ex",
            "--to",
            "bak",
            "--with-keys",
            "--json",
        ],
    ));
    let size = more(path, "one").max(more(path, "two"));
    fs::copy(path.join("ex/log/checkpoint"), path.join("witnessed")).unwrap();
    let missing = size - old["size"].as_u64().unwrap();
    let told = [
        "restore",
        "--from",
        "bak",
        "--data",
        "new",
        "--witness-checkpoint",
        "witnessed",
        "--json",
    ];
    let restored = run(path, &told);
    assert_eq!(
        (restored.code, &restored.json()["missing"]),
        (1, &missing.into()),
        "{}",
        restored.err
    );
    let refused = run(path, &["serve", "--data", "new", "--listen", "127.0.0.1:0"]);
    refused.failed(3, &[&format!("`{missing}` are missing")]);
    // The same with a plain copy of yesterday and the witness's checkpoint given to `serve`.
    good(&run(
        path,
        &["restore", "--from", "bak", "--data", "plain", "--json"],
    ));
    let refused = run(
        path,
        &[
            "serve",
            "--data",
            "plain",
            "--listen",
            "127.0.0.1:0",
            "--witness-checkpoint",
            "witnessed",
        ],
    );
    refused.failed(3, &[&format!("`{missing}` are missing")]);
    // An earlier witness is no reason for anything.
    fs::copy(path.join("bak/log/checkpoint"), path.join("earlier")).unwrap();
    let fine = [
        "restore",
        "--from",
        "bak",
        "--data",
        "fine",
        "--witness-checkpoint",
        "earlier",
        "--json",
    ];
    assert_eq!(good(&run(path, &fine))["missing"], 0);
}

/// Row 10: a disk that lied about its syncs lost what a witness knows.
#[test]
fn row_10_what_a_lying_sync_lost_is_counted_against_the_witness() {
    let dir = exchange();
    let path = dir.path();
    fs::create_dir(path.join("before")).unwrap();
    let copy = |from: &str, to: &str| fs::copy(path.join(from), path.join(to)).unwrap();
    copy(&format!("ex/{SEGMENT}"), "before/segment");
    copy("ex/log/checkpoint", "before/checkpoint");
    let before = fs::read(path.join("ex/log/checkpoint")).unwrap();
    let size = more(path, "one");
    fs::create_dir(path.join("ex/witness")).unwrap();
    copy("ex/log/checkpoint", "ex/witness/auditor.checkpoint");
    // The power goes: journal and checkpoint are as they were, the witness is elsewhere.
    copy("before/segment", &format!("ex/{SEGMENT}"));
    copy("before/checkpoint", "ex/log/checkpoint");
    let old: u64 = String::from_utf8(before)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let refused = run(path, &["serve", "--data", "ex", "--listen", "127.0.0.1:0"]);
    refused.failed(3, &[&format!("`{}` are missing", size - old)]);
    let status = run(path, &["status", "--data", "ex"]);
    status.failed(3, &[&format!("`{}` are missing", size - old)]);
}

#[test]
fn wrong_folders_and_files_are_refused_by_name() {
    let dir = exchange();
    let path = dir.path();
    run(path, &["backup", "--data", "none", "--to", "bak"]).failed(2, &["no folder `none`"]);
    run(path, &["backup", "--data", "ex", "--to", "ex/inside"])
        .failed(1, &["inside the installation"]);
    fs::create_dir(path.join("full")).unwrap();
    fs::write(path.join("full/notes"), "x").unwrap();
    run(path, &["backup", "--data", "ex", "--to", "full"]).failed(1, &["`full` holds other files"]);
    run(path, &["restore", "--from", "full", "--data", "new"])
        .failed(1, &["`backup.json` is missing"]);
    run(path, &["restore", "--from", "none", "--drill"]).failed(1, &["`backup.json` is missing"]);
    assert_eq!(run(path, &["restore", "--from", "full"]).code, 2);
    good(&run(
        path,
        &["backup", "--data", "ex", "--to", "bak", "--json"],
    ));
    run(path, &["restore", "--from", "bak", "--data", "full"]).failed(1, &["not empty"]);
    // Another installation's backup folder, and its checkpoint.
    let other = installed();
    tell_story(other.path());
    let there = other.path().join("ex");
    let there = there.to_str().unwrap();
    run(path, &["backup", "--data", there, "--to", "bak"]).failed(1, &["under another key"]);
    let foreign = format!("{there}/log/checkpoint");
    let told = [
        "restore",
        "--from",
        "bak",
        "--data",
        "new",
        "--witness-checkpoint",
        foreign.as_str(),
    ];
    run(path, &told).failed(2, &["no checkpoint of this log"]);
    run(
        path,
        &["restore", "--from", "bak", "--data", "new", "--keys", there],
    )
    .failed(3, &["another key"]);
    assert!(
        !path.join("new").exists(),
        "a refused restore leaves nothing"
    );
    run(
        path,
        &["journal", "repair", "--data", there, "--from", "bak"],
    )
    .failed(1, &["not of this log"]);
    // A witness whose file is not there.
    let told = [
        "serve",
        "--data",
        "ex",
        "--witness-checkpoint",
        "none",
        "--listen",
        "127.0.0.1:0",
    ];
    run(path, &told).failed(2, &["file `none` can't be read"]);
}

#[test]
fn half_and_damaged_backups_are_refused_and_leave_nothing() {
    let dir = exchange();
    let path = dir.path();
    good(&run(
        path,
        &["backup", "--data", "ex", "--to", "bak", "--json"],
    ));
    let place = path.join("bak").join(SEGMENT);
    let bytes = fs::read(&place).unwrap();
    let restore = ["restore", "--from", "bak", "--data", "new"];
    let mut flipped = bytes.clone();
    flipped[300] ^= 4;
    for (content, code, says) in [
        (&flipped[..], 3, "damaged"),
        (&bytes[..bytes.len() - 1], 1, "bytes in segment"),
    ] {
        fs::write(&place, content).unwrap();
        run(path, &restore).failed(code, &[says]);
        assert!(!path.join("new").exists());
    }
    fs::remove_file(&place).unwrap();
    run(path, &restore).failed(1, &["lacks segment"]);
    fs::write(&place, &bytes).unwrap();
    let manifest = fs::read_to_string(path.join("bak/backup.json")).unwrap();
    for (from, to, says) in [
        ("\"version\": 1", "\"version\": 2", "form `2`"),
        (
            "\"documents\": 0",
            "\"documents\": 5",
            "names `5` documents",
        ),
        ("\"made\"", "\"maed\"", "not what `keepwhole backup` writes"),
    ] {
        fs::write(path.join("bak/backup.json"), manifest.replace(from, to)).unwrap();
        run(path, &restore).failed(1, &[says]);
    }
    fs::write(path.join("bak/backup.json"), &manifest).unwrap();
    good(&run(
        path,
        &["restore", "--from", "bak", "--data", "new", "--json"],
    ));
}

/// Rows 7 and 35: a damaged or deleted segment comes back from a backup, only if it verifies.
#[test]
fn row_07_a_damaged_segment_is_repaired_from_a_backup_that_verifies() {
    let dir = exchange();
    let path = dir.path();
    good(&run(
        path,
        &["backup", "--data", "ex", "--to", "bak", "--json"],
    ));
    let whole = digest(path, "ex");
    let place = path.join("ex").join(SEGMENT);
    let bytes = fs::read(&place).unwrap();
    let repair = [
        "journal", "repair", "--data", "ex", "--from", "bak", "--json",
    ];
    let fine = good(&run(path, &repair));
    assert_eq!(fine["replaced"], serde_json::json!([]));
    let mut flipped = bytes.clone();
    flipped[300] ^= 4;
    for content in [Some(&flipped[..]), Some(&bytes[..700]), Some(b""), None] {
        match content {
            Some(content) => fs::write(&place, content).unwrap(),
            None => fs::remove_file(&place).unwrap(),
        }
        assert_eq!(run(path, &["journal", "check", "--data", "ex"]).code, 3);
        let fixed = good(&run(path, &repair));
        assert_eq!(fixed["replaced"], serde_json::json!([SEGMENT]), "{fixed}");
        assert_eq!(digest(path, "ex"), whole);
    }
    // A backup that is older than what was published can't take the place of it.
    more(path, "later");
    fs::write(&place, &flipped).unwrap();
    let refused = run(path, &repair);
    refused.failed(3, &["are missing"]);
    assert_eq!(fs::read(&place).unwrap(), flipped, "nothing is changed");
}
