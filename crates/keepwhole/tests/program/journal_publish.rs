//! What the outside sees: tiles and signed checkpoints that only ever grow, proofs made from them, keys kept private.

use keepwhole::journal::disk::Disk;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole::journal::layout::CHECKPOINT;
use keepwhole::journal::publish::check_tiles;
use keepwhole::journal::sim_disk::{Faults, Kept, SimDisk};
use keepwhole::journal::tiles::LogFiles;
use keepwhole::journal::{Head, Journal, JournalError, Options, Publisher, RealDisk};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use keepwhole_verify::policy::Policy;
use keepwhole_verify::tile::decode_bundle;
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree::{leaf_hash, root_of_leaves, verify_consistency};
use std::os::unix::fs::PermissionsExt as _;

const ORIGIN: &str = "exchange.example/keepwhole";

fn signer() -> Ed25519Signer {
    Ed25519Signer::new(ORIGIN, &[42; 32]).unwrap()
}

fn record(number: u64) -> Vec<u8> {
    format!("record {number}").into_bytes()
}

fn root(size: u64) -> Digest {
    root_of_leaves(
        &(0..size)
            .map(|number| leaf_hash(&record(number)))
            .collect::<Vec<_>>(),
    )
}

fn append<D: Disk>(journal: &mut Journal<D>, count: u64) {
    let from = journal.head().size;
    journal
        .append(&(from..from + count).map(record).collect::<Vec<_>>())
        .unwrap();
}

fn open(machine: &SimDisk) -> (Journal<SimDisk>, Publisher, bool) {
    let options = Options {
        log_key: Some(signer().key().clone()),
        ..Options::default()
    };
    let (mut journal, _) = Journal::open(machine.another(), options).unwrap();
    let (publisher, rebuilt) = Publisher::open(&mut journal, ORIGIN, Box::new(signer())).unwrap();
    (journal, publisher, rebuilt)
}

/// However long a segment has become, publishing costs what is new in it. What lies before is the scrub's to look at.
#[test]
fn publishing_reads_only_what_is_new() {
    let machine = SimDisk::new();
    let (mut journal, mut publisher, _) = open(&machine);
    for _ in 0..40 {
        append(&mut journal, 3);
    }
    publisher.publish(&mut journal).unwrap();
    let segment = journal.segments()[0].path.clone();
    machine.flip(&segment, 8 * 30).unwrap();
    append(&mut journal, 5);
    let size = publisher.publish(&mut journal).unwrap().size();
    assert_eq!((size, journal.head().size), (125, 125));
    assert_eq!(publisher.published().root(), root(125));
    assert!(matches!(journal.check(), Err(JournalError::Damaged { .. })));
}

/// A machine with checkpoints published at several sizes, the last one 800.
fn published() -> SimDisk {
    let machine = SimDisk::new();
    let (mut journal, mut publisher, _) = open(&machine);
    assert_eq!(
        publisher.published().size(),
        0,
        "the empty log is signed at the first start"
    );
    for count in [1, 200, 54, 1, 1, 255, 288] {
        append(&mut journal, count);
        publisher.publish(&mut journal).unwrap();
        assert_eq!(publisher.published().root(), root(journal.head().size));
        assert_eq!(check_tiles(&journal).unwrap(), journal.head().size);
    }
    machine
}

#[test]
fn every_entry_can_travel_alone_and_every_two_sizes_are_consistent() {
    let machine = published();
    let disk = machine.another();
    let log = LogFiles(&disk);
    let policy = Policy::of_log(signer().key().clone());
    for index in [0, 1, 255, 256, 511, 512, 798, 799] {
        assert_eq!(log.entry(index, 800).unwrap(), record(index));
        let text = log.tlog_proof(index).unwrap().to_string();
        let proof = TlogProof::parse(text.as_bytes()).unwrap();
        assert_eq!(
            proof
                .verify(&record(index), &policy)
                .unwrap()
                .checkpoint
                .size(),
            800
        );
        assert!(proof.verify(&record(index + 1), &policy).is_err());
    }
    for old in [0, 1, 255, 256, 257, 512, 799, 800] {
        let proof = log.prove_consistency(old, 800).unwrap();
        assert_eq!(
            verify_consistency(old, &root(old), 800, &root(800), &proof),
            Ok(()),
            "from {old}"
        );
    }
    assert!(matches!(
        log.tlog_proof(800),
        Err(JournalError::OutsideJournal {
            position: 800,
            size: 800
        })
    ));
    assert!(matches!(
        log.entry(800, 800),
        Err(JournalError::OutsideJournal { .. })
    ));
    assert!(matches!(
        log.prove_consistency(801, 800),
        Err(JournalError::OutsideJournal { .. })
    ));
}

#[test]
fn tiles_of_every_published_width_are_cut_from_one_file_a_level() {
    let machine = published();
    let disk = machine.another();
    assert_eq!(
        disk.list("log").unwrap(),
        ["log/checkpoint", "log/frames", "log/level/0", "log/level/1"]
    );
    let log = LogFiles(&disk);
    let hashes = |range: std::ops::Range<u64>| -> Vec<u8> {
        range
            .flat_map(|n| *leaf_hash(&record(n)).as_bytes())
            .collect()
    };
    let tile = |path: &str| log.served(path, false);
    assert_eq!(tile("tile/0/000"), Some(hashes(0..256)));
    assert_eq!(tile("tile/0/001.p/7"), Some(hashes(256..263)));
    assert_eq!(tile("tile/0/003.p/32"), Some(hashes(768..800)));
    assert_eq!(tile("tile/1/000.p/3").map(|bytes| bytes.len()), Some(96));
    for absent in [
        "tile/0/003.p/33",
        "tile/0/003",
        "tile/0/004",
        "tile/1/000.p/4",
        "tile/2/000.p/1",
        "tile/entries/000",
        "level/0",
        "../log/checkpoint",
    ] {
        assert_eq!(tile(absent), None, "{absent}");
    }
    let bundle = log.served("tile/entries/003.p/32", true).unwrap();
    let entries = decode_bundle(&bundle, 32, true).unwrap();
    assert!(
        (768..800)
            .map(record)
            .eq(entries.iter().map(|entry| entry.to_vec()))
    );
    assert_eq!(log.served("tile/entries/003.p/33", true), None);
}

#[test]
fn missing_or_damaged_hashes_are_built_anew() {
    let machine = published();
    let before: Vec<_> = contents(&machine);
    for (path, _) in before
        .iter()
        .filter(|(path, _)| path.starts_with("log/") && path != "log/checkpoint")
    {
        machine.another().remove(path).unwrap();
        drop(open(&machine));
        for (other, bytes) in &before {
            if other.starts_with("log/") {
                assert_eq!(
                    &machine.another().read(other).unwrap(),
                    bytes,
                    "{other} after {path} was removed"
                );
            }
        }
    }
    machine.flip("log/level/1", 77).unwrap();
    let (journal, _, rebuilt) = open(&machine);
    assert!(rebuilt, "the root is computed from this hash");
    assert_eq!(check_tiles(&journal).unwrap(), 800);
    // Older hashes are not read at the start: the check finds them, and no proof is made from them.
    machine.flip("log/level/0", 257 * 256).unwrap();
    assert!(
        matches!(check_tiles(&journal), Err(JournalError::TileDiffers(path)) if path == "log/level/0")
    );
    assert!(matches!(
        LogFiles(journal.disk()).tlog_proof(256),
        Err(JournalError::TileDiffers(_))
    ));
    machine.flip("log/level/0", 257 * 256).unwrap();
    // Where a frame begins is only a hint: a wrong one costs time, is found by the check, and misleads nobody.
    for bit in [64, 70, 127] {
        machine.flip("log/frames", bit).unwrap();
        assert!(
            matches!(check_tiles(&journal), Err(JournalError::TileDiffers(path)) if path == "log/frames")
        );
        let log = LogFiles(journal.disk());
        for index in [255, 256, 300, 511, 512] {
            assert_eq!(log.entry(index, 800).unwrap(), record(index));
        }
        machine.flip("log/frames", bit).unwrap();
    }
}

fn contents(machine: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let disk = machine.another();
    disk.list("")
        .unwrap()
        .into_iter()
        .map(|path| (path.clone(), disk.read(&path).unwrap()))
        .collect()
}

#[test]
fn an_unreadable_checkpoint_is_written_anew_and_a_lost_journal_is_reported() {
    let machine = published();
    let good = machine.another().read(CHECKPOINT).unwrap();
    for bit in (0..good.len() * 8).step_by(5) {
        machine.flip(CHECKPOINT, bit).unwrap();
        drop(open(&machine));
        assert_eq!(
            machine.another().read(CHECKPOINT).unwrap(),
            good,
            "bit {bit}"
        );
    }
    let segments: Vec<String> = machine.another().list("segments").unwrap();
    let bytes = machine.another().read(&segments[0]).unwrap();
    let first = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
    let mut disk = machine.another();
    disk.truncate(&segments[0], u64::from(first)).unwrap();
    let lost = Journal::open(machine.another(), Options::default()).unwrap_err();
    assert!(
        matches!(
            lost,
            JournalError::Truncated {
                recovered: 1,
                published: 800
            }
        ),
        "{lost}"
    );
    assert!(lost.to_string().contains("`799` are missing"));
    disk.remove(&segments[0]).unwrap();
    let lost = Journal::open(machine.another(), Options::default()).unwrap_err();
    assert!(
        matches!(
            lost,
            JournalError::Truncated {
                recovered: 0,
                published: 800
            }
        ),
        "{lost}"
    );
}

#[test]
fn another_history_is_never_signed() {
    let machine = published();
    let mut disk = machine.another();
    for path in disk.list("segments").unwrap() {
        disk.remove(&path).unwrap();
    }
    let checkpoint = disk.read(CHECKPOINT).unwrap();
    disk.remove(CHECKPOINT).unwrap();
    let (mut journal, _) = Journal::open(machine.another(), Options::default()).unwrap();
    journal
        .append(
            &(0..900)
                .map(|number| record(number + 1))
                .collect::<Vec<_>>(),
        )
        .unwrap();
    disk.write_atomic(CHECKPOINT, &checkpoint).unwrap();
    let refused = Publisher::open(&mut journal, ORIGIN, Box::new(signer())).unwrap_err();
    assert!(
        matches!(
            refused,
            JournalError::Checkpoint(_) | JournalError::Forked { .. }
        ),
        "{refused}"
    );
    assert_eq!(
        disk.read(CHECKPOINT).unwrap(),
        checkpoint,
        "what was published stands"
    );
    drop(journal);
    let forked = Journal::open(machine.another(), Options::default()).unwrap_err();
    assert!(
        matches!(forked, JournalError::Forked { size: 800 }),
        "{forked}"
    );
}

#[test]
fn nothing_smaller_or_different_is_signed() {
    let machine = published();
    let (journal, mut publisher, rebuilt) = open(&machine);
    assert!(!rebuilt);
    let head = journal.head();
    let note = publisher.sign(head).unwrap().to_string();
    let known = [signer().key().clone()];
    assert_eq!(
        Checkpoint::verify(note.as_bytes(), &known).unwrap().0,
        *publisher.published()
    );
    let smaller = publisher.sign(Head {
        size: 799,
        root: root(799),
    });
    assert!(matches!(
        smaller,
        Err(JournalError::Truncated {
            recovered: 799,
            published: 800
        })
    ));
    let other = publisher.sign(Head {
        size: 800,
        root: root(799),
    });
    assert!(matches!(other, Err(JournalError::Forked { size: 800 })));
    // A head signed in memory counts too, although nothing was written.
    publisher
        .sign(Head {
            size: 900,
            root: root(900),
        })
        .unwrap();
    assert!(publisher.sign(head).is_err());
    let mut journal = journal;
    let stranger = Publisher::open(&mut journal, "other.example", Box::new(signer()));
    assert!(matches!(stranger, Err(JournalError::Checkpoint(_))));
}

#[test]
fn power_lost_at_any_step_of_publishing_leaves_a_checkpoint_over_whole_tiles() {
    let start = |machine: &SimDisk| {
        let (mut journal, publisher, _) = open(machine);
        append(&mut journal, 300);
        (journal, publisher)
    };
    let whole = SimDisk::new();
    let (mut journal, mut publisher) = start(&whole);
    let before = whole.operations();
    publisher.publish(&mut journal).unwrap();
    let steps = whole.operations() - before;
    assert!(steps > 10);
    for step in 1..=steps {
        for (names, keep) in [
            (false, Kept::Nothing),
            (true, Kept::Nothing),
            (true, Kept::First(40)),
            (true, Kept::All),
        ] {
            let machine = SimDisk::new();
            let (mut journal, mut publisher) = start(&machine);
            machine.set_faults(Faults {
                stop_before: Some(step),
                ..Faults::default()
            });
            assert!(publisher.publish(&mut journal).is_err());
            machine.crash(names, &mut |_| keep.clone());
            let disk = machine.another();
            let (checkpoint, _) = LogFiles(&disk).checkpoint().unwrap();
            for index in 0..checkpoint.size() {
                LogFiles(&disk).tlog_proof(index).unwrap();
            }
            let (journal, publisher, _) = open(&machine);
            assert_eq!(
                (publisher.published().size(), publisher.published().root()),
                (300, root(300))
            );
            check_tiles(&journal).unwrap();
        }
    }
}

#[test]
fn an_exported_log_is_a_log() {
    let machine = published();
    let folder = tempfile::tempdir().unwrap();
    let disk = machine.another();
    let mut to = RealDisk::open(folder.path()).unwrap();
    let files = LogFiles(&disk).export(&mut to).unwrap();
    assert_eq!(to.list("").unwrap().len() as u64, files);
    assert!(
        folder.path().join("tile/0/003.p/32").exists() && folder.path().join("checkpoint").exists()
    );
    assert_eq!(
        to.read("tile/0/000").unwrap(),
        LogFiles(&disk).served("tile/0/000", false).unwrap()
    );
    assert_eq!(
        to.read("checkpoint").unwrap(),
        disk.read(CHECKPOINT).unwrap()
    );
}

#[test]
fn keys_are_private_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for which in [KeyFile::Log, KeyFile::Bundle] {
        let made = keys::create(root, which, ORIGIN).unwrap();
        assert_eq!(made.key().name(), which.name(ORIGIN));
        let path = root.join(if which == KeyFile::Log {
            "keys/log.key"
        } else {
            "keys/bundle.key"
        });
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(keys::load(root, which, ORIGIN).unwrap().key(), made.key());
        assert!(
            keys::create(root, which, ORIGIN).is_err(),
            "a key is never replaced"
        );
        assert!(
            keys::load(root, which, "other.example")
                .unwrap_err()
                .to_string()
                .contains("is not the key of")
        );
        for open in [0o640, 0o604, 0o660, 0o644, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
            let refused = keys::load(root, which, ORIGIN).unwrap_err();
            assert!(
                refused.to_string().contains("chmod 600"),
                "{open:o}: {refused}"
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        keys::load(root, which, ORIGIN).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "PRIVATE+KEY\n").unwrap();
        assert!(
            keys::load(root, which, ORIGIN)
                .unwrap_err()
                .to_string()
                .contains("is not `PRIVATE+KEY")
        );
    }
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = |root: &std::path::Path| {
        keys::create(root, KeyFile::Log, ORIGIN)
            .unwrap()
            .key()
            .clone()
    };
    assert_ne!(key(first.path()), key(second.path()), "keys are random");
}

#[test]
fn attachments_are_durable_before_they_can_be_named() {
    let machine = SimDisk::new();
    let (mut journal, _) = Journal::open(machine.another(), Options::default()).unwrap();
    let digest = journal.put_attachment(b"a contract").unwrap();
    assert_eq!(digest, Digest::of(b"a contract"));
    machine.crash_hard();
    let (mut journal, _) = Journal::open(machine.another(), Options::default()).unwrap();
    assert_eq!(journal.attachment(&digest).unwrap(), b"a contract");
    let steps = machine.operations();
    assert_eq!(journal.put_attachment(b"a contract").unwrap(), digest);
    assert_eq!(
        machine.operations(),
        steps,
        "storing it again writes nothing"
    );
    machine.flip(&format!("attachments/{digest}"), 3).unwrap();
    assert!(matches!(
        journal.attachment(&digest),
        Err(JournalError::Attachment(_))
    ));
    journal.put_attachment(b"a contract").unwrap();
    assert_eq!(journal.attachment(&digest).unwrap(), b"a contract");
    assert_eq!(
        journal
            .attachment(&Digest::of(b"absent"))
            .unwrap_err()
            .code(),
        "io_error"
    );
}

#[test]
fn an_installation_is_made_once_and_opened_often() {
    use keepwhole::journal::installation::{init, open};
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new");
    assert_eq!(
        open(&root, Options::default()).unwrap_err().code(),
        "origin"
    );
    for bad in ["", "a b", "a+b", "https://exchange.example"] {
        assert_eq!(
            init(&root, bad, Options::default()).unwrap_err().code(),
            "origin",
            "{bad}"
        );
    }
    assert!(!root.exists(), "a refused name leaves nothing behind");
    let made = init(&root, ORIGIN, Options::default()).unwrap();
    assert_eq!(
        (
            made.origin.as_str(),
            made.journal.head().size,
            made.publisher.published().size()
        ),
        (ORIGIN, 0, 0)
    );
    assert_eq!(
        open(&root, Options::default()).unwrap_err().code(),
        "lock_held"
    );
    let log_key = made.publisher.key().clone();
    drop(made);
    assert_eq!(
        init(&root, ORIGIN, Options::default()).unwrap_err().code(),
        "origin"
    );
    let mut opened = open(&root, Options::default()).unwrap();
    append(&mut opened.journal, 3);
    opened.publisher.publish(&mut opened.journal).unwrap();
    assert_eq!(
        (opened.publisher.key(), opened.tiles_rebuilt),
        (&log_key, false)
    );
    drop(opened);
    let disk = RealDisk::at(&root);
    let proof = LogFiles(&disk).tlog_proof(1).unwrap();
    assert!(proof.verify(&record(1), &Policy::of_log(log_key)).is_ok());
    std::fs::write(root.join("origin"), "two\nlines\n").unwrap();
    assert_eq!(
        open(&root, Options::default()).unwrap_err().code(),
        "origin"
    );
}
