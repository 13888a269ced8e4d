//! Rotation of a log's key: followed where the root key signed it and the log holds it, refused in every other case.

use crate::note::signer;
use crate::tree::{Memory, entries};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Ed25519Signer, KeyKind, NoteError, NoteSigner as _, VerifierKey};
use keepwhole_verify::policy::PolicyError;
use keepwhole_verify::rotation::{EVENT_TAG, Rotation, RotationError, recorded};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree;
use keepwhole_verify::trust::Trust;

const ORIGIN: &str = "exchange.example/keepwhole";

fn root() -> Ed25519Signer {
    signer("exchange.example/keepwhole/root", 9)
}

fn log(seed: u8) -> Ed25519Signer {
    signer(ORIGIN, seed)
}

fn rotation(number: u32, old: u8, new: u8) -> Rotation {
    Rotation::new(number, log(old).key().clone(), log(new).key().clone()).unwrap()
}

/// An entry as the journal stores it.
fn entry(note: &str) -> Vec<u8> {
    let mut entry = vec![1];
    entry.extend_from_slice(&[0; 16]);
    entry.push(EVENT_TAG);
    entry.extend_from_slice(&u32::try_from(note.len()).unwrap().to_le_bytes());
    entry.extend_from_slice(note.as_bytes());
    entry
}

/// A log of `size` entries with this one at `index`, and its proof under a head that `by` signed.
fn proof(entry: &[u8], index: u64, size: usize, by: &Ed25519Signer) -> String {
    let mut all = entries(size);
    all[usize::try_from(index).unwrap()] = entry.to_vec();
    let memory = Memory::of(&all);
    let head = Checkpoint::new(ORIGIN, size as u64, memory.edge.root()).unwrap();
    let proof = TlogProof {
        index,
        hashes: tree::prove_inclusion(&memory, index, size as u64).unwrap(),
        checkpoint: head.sign(&[by]).unwrap().to_string(),
    };
    proof.to_string()
}

fn head(size: u64, by: &Ed25519Signer) -> String {
    let root = tree::leaf_hash(&size.to_le_bytes());
    let head = Checkpoint::new(ORIGIN, size, root).unwrap();
    head.sign(&[by]).unwrap().to_string()
}

fn trust() -> Trust {
    let (log, root) = (log(1).key().to_string(), root().key().to_string());
    Trust::parse("t", &format!("log {log}\nquorum none\nroot {root}\n")).unwrap()
}

#[test]
fn a_statement_reads_back_and_is_one_note_of_five_lines() {
    let statement = rotation(1, 1, 2);
    let note = statement.sign(&root()).unwrap().to_string();
    assert_eq!(
        note.lines().take(3).collect::<Vec<_>>(),
        ["keepwhole log key rotation/v1", ORIGIN, "1"]
    );
    assert_eq!(
        Rotation::verify(note.as_bytes(), root().key()),
        Ok(statement)
    );
    assert_eq!(recorded(&entry(&note)), Some(note.as_bytes()));
}

#[test]
fn statements_that_the_root_key_did_not_sign_are_refused() {
    let good = rotation(1, 1, 2).sign(&root()).unwrap().to_string();
    let refused = |note: &str| Rotation::verify(note.as_bytes(), root().key()).unwrap_err();
    // Another key under the root's name, the log's own key, another log's root.
    let thief = signer("exchange.example/keepwhole/root", 8);
    let forged = rotation(1, 1, 2).sign(&thief).unwrap().to_string();
    assert_eq!(
        refused(&forged),
        RotationError::Note(NoteError::NoKnownSignature)
    );
    assert!(matches!(
        rotation(1, 1, 2).sign(&log(1)),
        Err(RotationError::NotRoot(_))
    ));
    let other = signer("other.example/root", 9);
    assert!(matches!(
        rotation(1, 1, 2).sign(&other),
        Err(RotationError::NotRoot(_))
    ));
    // Every line of the text counts.
    let keys = |seed: u8| log(seed).key().to_string();
    for (from, to) in [
        ("\n1\n", "\n2\n".to_owned()),
        (&*keys(1), keys(3)),
        (&*keys(2), keys(3)),
    ] {
        let changed = good.replacen(from, &to, 1);
        assert_ne!(changed, good);
        assert!(
            matches!(
                refused(&changed),
                RotationError::Note(NoteError::BadSignature(_))
            ),
            "{changed}"
        );
    }
    for (from, to, why) in [
        ("/v1\n", "/v2\n", RotationError::Lines),
        ("\n1\n", "\n01\n", RotationError::Number("01".into())),
        ("\n1\n", "\n0\n", RotationError::Number("0".into())),
        (
            "\n1\n",
            "\n4294967296\n",
            RotationError::Number("4294967296".into()),
        ),
        (ORIGIN, "other.example/log", RotationError::Keys),
        (&*keys(2), &keys(1), RotationError::Keys),
        ("\n1\n", "\n1\nmore\n", RotationError::Lines),
    ] {
        assert_eq!(refused(&good.replacen(from, to, 1)), why, "{from} to {to}");
    }
    let witness = VerifierKey::new(ORIGIN, KeyKind::CosignatureEd25519, log(2).key().public());
    assert_eq!(
        Rotation::new(1, log(1).key().clone(), witness.unwrap()),
        Err(RotationError::Keys)
    );
}

#[test]
fn after_a_rotation_the_old_key_counts_up_to_the_entry_and_the_new_one_from_there() {
    let mut trust = trust();
    let note = rotation(1, 1, 2).sign(&root()).unwrap().to_string();
    let entry = entry(&note);
    assert!(trust.check_log_note(head(7, &log(2)).as_bytes()).is_err());
    let said = trust
        .follow(&[(proof(&entry, 5, 7, &log(2)).as_bytes(), &entry)])
        .unwrap()
        .remove(0);
    assert_eq!(said.entry, 5);
    for size in [1, 4, 5] {
        trust
            .check_log_note(head(size, &log(1)).as_bytes())
            .unwrap();
    }
    // What the thief of the old key signs beyond the entry is refused, with or without it, and says why.
    for size in [6, 7, 1_000_000] {
        let stolen = head(size, &log(1));
        assert_eq!(
            trust.policy.verify(stolen.as_bytes()),
            Err(PolicyError::Retired { size, until: 5 })
        );
        trust
            .check_log_note(head(size, &log(2)).as_bytes())
            .unwrap();
        assert!(trust.check_log_signature(stolen.as_bytes()).is_err());
    }
    // What was followed stands as two lines in a trust file that needs no proof any more.
    let lines = said.to_string();
    let told: Vec<&str> = lines.lines().skip(1).collect();
    let text = format!("{}\nquorum none\n{}\n", told[0], told[1]);
    let written = Trust::parse("t", &text).unwrap();
    assert_eq!(written.policy, trust.policy);
    // The next rotation follows from there, and from nowhere else.
    let next = rotation(2, 2, 3).sign(&root()).unwrap().to_string();
    let next_entry = self::entry(&next);
    let next_proof = proof(&next_entry, 20, 30, &log(3));
    let out_of_order = self::trust().follow(&[(next_proof.as_bytes(), &next_entry)]);
    assert!(out_of_order.unwrap_err().contains("in order"));
    trust
        .follow(&[(next_proof.as_bytes(), &next_entry)])
        .unwrap();
    trust.check_log_note(head(20, &log(2)).as_bytes()).unwrap();
    assert!(trust.check_log_note(head(21, &log(2)).as_bytes()).is_err());
    assert!(trust.check_log_note(head(6, &log(1)).as_bytes()).is_err());
    assert!(
        trust
            .follow(&[(next_proof.as_bytes(), &next_entry)])
            .is_err()
    );
}

#[test]
fn forged_rotations_change_nothing() {
    let good = rotation(1, 1, 2).sign(&root()).unwrap().to_string();
    let thief = signer("exchange.example/keepwhole/root", 8);
    let forged = rotation(1, 1, 2).sign(&thief).unwrap().to_string();
    let foreign = rotation(1, 4, 2).sign(&root()).unwrap().to_string();
    let (good_entry, plain) = (entry(&good), b"entry 5".to_vec());
    let mut other_tag = good_entry.clone();
    other_tag[17] = 200;
    let mut longer = good_entry.clone();
    longer.push(0);
    for (entry, by, says) in [
        (entry(&forged), log(2), "root"),
        (entry(&foreign), log(2), "not a log key"),
        // Recorded in a log that the old key signed on: whoever stole it can't rotate to his own.
        (good_entry.clone(), log(1), "ended at `5`"),
        (good_entry.clone(), log(3), "no known key"),
        (plain, log(2), "no rotation"),
        (other_tag, log(2), "no rotation"),
        (longer, log(2), "no rotation"),
    ] {
        let mut trust = trust();
        let before = trust.policy.clone();
        let refused = trust.follow(&[(proof(&entry, 5, 7, &by).as_bytes(), &entry)]);
        let why = refused.unwrap_err();
        assert!(why.contains(says), "{says}: {why}");
        assert_eq!(trust.policy, before);
    }
    // The statement alone, which is public, shows nothing: the log must hold it.
    let elsewhere = proof(b"another entry", 5, 7, &log(2));
    assert!(
        trust()
            .follow(&[(elsewhere.as_bytes(), &good_entry)])
            .is_err()
    );
    let mut without = trust();
    without.roots.clear();
    let refused = without.follow(&[(proof(&good_entry, 5, 7, &log(2)).as_bytes(), &good_entry)]);
    assert!(refused.unwrap_err().contains("no line `root"));
}

#[test]
fn lines_of_a_trust_file_that_contradict_each_other_are_refused() {
    let key = |seed: u8| log(seed).key().to_string();
    let log_line = format!("log {}\nquorum none\n", key(1));
    for (more, says) in [
        (
            format!("retired {} 5\n", key(1)),
            "`log` line names this key too",
        ),
        (
            format!("retired {} 5\nretired {} 6\n", key(2), key(2)),
            "repeats",
        ),
        (format!("retired {}\n", key(2)), "takes a key and a size"),
        (format!("retired {} 05\n", key(2)), "plain decimal"),
        ("retired x 5\n".to_owned(), "malformed"),
        (format!("root {}\n", key(2)), "root"),
    ] {
        let refused = Trust::parse("t", &format!("{log_line}{more}")).unwrap_err();
        assert!(refused.to_string().contains(says), "{more}: {refused}");
    }
}
