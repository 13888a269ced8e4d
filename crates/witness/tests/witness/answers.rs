//! The answers of c2sp.org/tlog-witness in their order, and what is remembered and kept after each.

use crate::log::{Log, ORIGIN};
use keepwhole_verify::cosignature;
use keepwhole_verify::note::Note;
use keepwhole_witness::command::shown;
use keepwhole_witness::evidence::{Kind, list};
use keepwhole_witness::store::origin_hash;
use keepwhole_witness::witness::create;
use keepwhole_witness::{Answer, Witness, WitnessError};
use std::path::Path;
use std::time::{Duration, Instant};

const NOW: u64 = 1_800_000_000;

fn witness(dir: &Path, logs: &[&Log]) -> Witness {
    let list = dir.join("list");
    let keys: Vec<String> = logs.iter().map(|log| log.vkey()).collect();
    std::fs::write(&list, format!("# logs\n\n{}\n", keys.join("\n"))).unwrap();
    create(&dir.join("w"), "witness.example/w1", &list).unwrap();
    Witness::open(&dir.join("w")).unwrap()
}

fn ask(witness: &mut Witness, body: &str) -> Answer {
    witness.add_checkpoint(body.as_bytes(), NOW).unwrap()
}

/// Time of a cosignature that must verify over the note.
fn time_of(witness: &Witness, note: &str, answer: &Answer) -> u64 {
    let Answer::Cosigned(line) = answer else {
        panic!("{answer:?}")
    };
    let note = Note::parse(format!("{note}{line}").as_bytes()).unwrap();
    let ours = note.lines().last().unwrap();
    cosignature::verify(witness.key(), note.text(), &ours.blob).expect("cosignature verifies")
}

/// Opens a witness once more. A program that another test is just starting holds a copy of every handle, the lock's among
/// them, for a moment.
fn again(dir: &Path) -> Witness {
    let began = Instant::now();
    loop {
        match Witness::open(dir) {
            Err(WitnessError::InUse { .. }) if began.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn every_answer_of_the_protocol_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 40);
    let mut witness = witness(dir.path(), &[&log]);
    // The first head needs no proof, and an answer verifies.
    let first = ask(&mut witness, &log.request(0, 13));
    assert_eq!(time_of(&witness, &log.note(13), &first), NOW);
    // Growth with its proof, the same head again, and a size told to whoever is behind.
    assert!(matches!(
        ask(&mut witness, &log.request(13, 29)),
        Answer::Cosigned(_)
    ));
    assert!(matches!(
        ask(&mut witness, &log.request(29, 29)),
        Answer::Cosigned(_)
    ));
    assert_eq!(
        ask(&mut witness, &log.request(13, 40)),
        Answer::OtherSize(29)
    );
    assert_eq!(
        ask(&mut witness, &log.request(0, 40)),
        Answer::OtherSize(29)
    );
    // An unknown log, a stranger's key under a known name, and a broken signature.
    let other = Log::new("other.example/log", 1, 5);
    assert_eq!(ask(&mut witness, &other.request(0, 5)), Answer::UnknownLog);
    let stranger = Log::new(ORIGIN, 9, 40);
    assert_eq!(
        ask(&mut witness, &stranger.request(29, 40)),
        Answer::NotSigned
    );
    let forged = log.request(29, 40).replace("\n40\n", "\n39\n");
    assert_eq!(ask(&mut witness, &forged), Answer::NotSigned);
    // Old above new; a proof that does not lead there; a proof where none may be.
    let upside = log.request(29, 40).replace("old 29", "old 41");
    assert!(matches!(ask(&mut witness, &upside), Answer::Malformed(_)));
    let fork = Log::new(ORIGIN, 1, 40).forked_at(20);
    assert!(matches!(
        ask(&mut witness, &fork.request(29, 40)),
        Answer::Inconsistent(_)
    ));
    assert!(matches!(
        ask(&mut witness, &fork.request(29, 29)),
        Answer::Inconsistent(_)
    ));
    let padded = log.request(29, 29).replace(
        "old 29\n",
        &format!("old 29\n{}\n", log.leaves[0].to_base64()),
    );
    assert!(matches!(
        ask(&mut witness, &padded),
        Answer::Inconsistent(_)
    ));
    // Nothing of that moved the memory.
    assert_eq!(
        witness
            .newest(&origin_hash(ORIGIN))
            .unwrap()
            .checkpoint
            .size(),
        29
    );
    assert!(matches!(
        ask(&mut witness, &log.request(29, 40)),
        Answer::Cosigned(_)
    ));
}

#[test]
fn malformed_bodies_are_refused_whatever_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 9);
    let mut witness = witness(dir.path(), &[&log]);
    let good = log.request(0, 9);
    let many: String = (0..64)
        .map(|_| format!("{}\n", log.leaves[0].to_base64()))
        .collect();
    for bad in [
        String::new(),
        good.replace("old 0", "old 00"),
        good.replace("old 0", "old -1"),
        good.replace("old 0", "old  0"),
        good.replace("old 0", "Old 0"),
        good.replace("old 0", "old 9223372036854775808"),
        good.replace("old 0\n", "old 0\r\n"),
        good.replace("old 0\n", "old 0\nnot base64\n"),
        good.replace("old 0\n", "old 0\nAAAA\n"),
        good.replace("old 0\n", &format!("old 0\n{many}")),
        good.replace("old 0\n\n", "old 0\n"),
        good.trim_end().to_owned(),
        good.replace("\n9\n", "\n09\n"),
        good.replace("\n9\n", "\n9\nextension\n"),
    ] {
        assert!(
            matches!(ask(&mut witness, &bad), Answer::Malformed(_)),
            "{bad}"
        );
    }
    let not_text = witness.add_checkpoint(&[0xff, b'\n'], NOW).unwrap();
    assert!(matches!(not_text, Answer::Malformed(_)));
    assert!(witness.newest(&origin_hash(ORIGIN)).is_none());
    assert!(matches!(ask(&mut witness, &good), Answer::Cosigned(_)));
}

#[test]
fn time_never_falls_not_even_over_a_restart_with_a_clock_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 9);
    let other = Log::new("other.example/log", 2, 9);
    let mut first = witness(dir.path(), &[&log, &other]);
    let answer = first
        .add_checkpoint(log.request(0, 3).as_bytes(), NOW)
        .unwrap();
    assert_eq!(time_of(&first, &log.note(3), &answer), NOW);
    let early = first
        .add_checkpoint(log.request(3, 5).as_bytes(), NOW - 100)
        .unwrap();
    assert_eq!(time_of(&first, &log.note(5), &early), NOW);
    drop(first);
    let mut again = again(&dir.path().join("w"));
    let early = again
        .add_checkpoint(other.request(0, 2).as_bytes(), 5)
        .unwrap();
    assert_eq!(time_of(&again, &other.note(2), &early), NOW);
}

#[test]
fn logs_are_remembered_apart_and_an_empty_one_may_be_first() {
    let dir = tempfile::tempdir().unwrap();
    let logs = [
        Log::new("a.example/x", 1, 20),
        Log::new("b.example/x", 2, 20),
    ];
    let mut witness = witness(dir.path(), &[&logs[0], &logs[1]]);
    assert!(matches!(
        ask(&mut witness, &logs[0].request(0, 0)),
        Answer::Cosigned(_)
    ));
    assert!(matches!(
        ask(&mut witness, &logs[0].request(0, 7)),
        Answer::Cosigned(_)
    ));
    assert!(matches!(
        ask(&mut witness, &logs[1].request(0, 20)),
        Answer::Cosigned(_)
    ));
    assert!(matches!(
        ask(&mut witness, &logs[0].request(7, 8)),
        Answer::Cosigned(_)
    ));
    drop(witness);
    let again = again(&dir.path().join("w"));
    let size = |origin: &str| {
        again
            .newest(&origin_hash(origin))
            .unwrap()
            .checkpoint
            .size()
    };
    assert_eq!((size("a.example/x"), size("b.example/x")), (8, 20));
    let history = dir
        .path()
        .join("w/state")
        .join(format!("{}.history", origin_hash("a.example/x")));
    assert_eq!(std::fs::read_to_string(history).unwrap().lines().count(), 3);
}

#[test]
fn row_34_a_second_history_is_kept_with_both_heads() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 40);
    // Whoever stole the key signs another history with it.
    let thief = Log::new(ORIGIN, 1, 40).forked_at(20);
    let mut witness = witness(dir.path(), &[&log]);
    ask(&mut witness, &log.request(0, 30));
    // Of the same size: a fork, whichever old size it claims.
    assert!(matches!(
        ask(&mut witness, &thief.request(30, 30)),
        Answer::Inconsistent(_)
    ));
    assert_eq!(
        ask(&mut witness, &thief.request(0, 30)),
        Answer::OtherSize(30)
    );
    // Longer, with the thief's own proof: refused, kept as not proven.
    assert!(matches!(
        ask(&mut witness, &thief.request(30, 40)),
        Answer::Inconsistent(_)
    ));
    let found = list(&dir.path().join("w")).unwrap();
    let kinds: Vec<Kind> = found.iter().map(|evidence| evidence.kind).collect();
    assert_eq!(kinds, [Kind::Fork, Kind::NoProof]);
    assert_eq!(found[0].sent.1, thief.note(30));
    assert!(found[0].known.1.starts_with(&log.note(30)));
    let (text, contradicted) = shown(&dir.path().join("w")).unwrap();
    assert!(contradicted);
    assert!(
        text.contains("FORK") && text.contains(&log.note(30)) && text.contains(&thief.note(30)),
        "{text}"
    );
}

#[test]
fn rows_10_and_38_a_log_that_went_back_is_told_the_size_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 40);
    let mut witness = witness(dir.path(), &[&log]);
    ask(&mut witness, &log.request(0, 40));
    assert_eq!(
        ask(&mut witness, &log.request(25, 25)),
        Answer::OtherSize(40)
    );
    assert_eq!(
        ask(&mut witness, &log.request(25, 25)),
        Answer::OtherSize(40)
    );
    let found = list(&dir.path().join("w")).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].kind,
            found[0].known.0.size(),
            found[0].sent.0.size()
        ),
        (Kind::Rollback, 40, 25)
    );
    let (text, _) = shown(&dir.path().join("w")).unwrap();
    assert!(
        text.contains("ROLLBACK") && text.contains("missing  15 entries"),
        "{text}"
    );
}

#[test]
fn row_33_a_rotated_key_is_trusted_beside_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let old = Log::new(ORIGIN, 1, 40);
    let new = Log::new(ORIGIN, 2, 40);
    let mut witness = witness(dir.path(), &[&old, &new]);
    ask(&mut witness, &old.request(0, 20));
    assert!(matches!(
        ask(&mut witness, &new.request(20, 40)),
        Answer::Cosigned(_)
    ));
}

#[test]
fn a_damaged_memory_stops_the_witness_and_a_half_made_folder_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(ORIGIN, 1, 9);
    let mut made = witness(dir.path(), &[&log]);
    ask(&mut made, &log.request(0, 9));
    let folder = dir.path().join("w");
    assert!(matches!(
        Witness::open(&folder),
        Err(WitnessError::InUse { .. })
    ));
    drop(made);
    drop(again(&folder));
    let state = folder
        .join("state")
        .join(format!("{}.checkpoint", origin_hash(ORIGIN)));
    let good = std::fs::read(&state).unwrap();
    std::fs::write(&state, log.note(8)).unwrap();
    assert!(matches!(
        Witness::open(&folder),
        Err(WitnessError::File { .. })
    ));
    std::fs::write(&state, &good[..good.len() - 1]).unwrap();
    assert!(matches!(
        Witness::open(&folder),
        Err(WitnessError::File { .. })
    ));
    std::fs::write(&state, &good).unwrap();
    // What a crash left beside means nothing.
    std::fs::write(state.with_added_extension("kwtmp"), b"half").unwrap();
    drop(again(&folder));
    assert!(matches!(
        Witness::open(dir.path()),
        Err(WitnessError::NoWitness { .. })
    ));
    let list = dir.path().join("list");
    assert!(matches!(
        create(&folder, "w", &list),
        Err(WitnessError::NotEmpty { .. })
    ));
    assert!(matches!(
        create(&dir.path().join("v"), "a b", &list),
        Err(WitnessError::Name { .. })
    ));
    std::fs::write(&list, "log nonsense\n").unwrap();
    assert!(
        create(&dir.path().join("v"), "w", &list)
            .unwrap_err()
            .to_string()
            .contains("line `1`")
    );
}
