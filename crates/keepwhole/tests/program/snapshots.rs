//! Snapshots: a start from one gives the same state as from the first record, and none is ever believed over the journal.

use crate::small_exchange::exchange;
use keepwhole::journal::snapshot::{self, Place, Rules, SnapshotFault};
use keepwhole::journal::{Disk as _, Journal, JournalError, Known, Options, SimDisk, layout};
use keepwhole::sequencer::{
    FoldError, Folded, Opening, Sequencer, Until, fold, open, state_digest, write_snapshot,
};
use keepwhole_core::state::State;
use keepwhole_verify::digest::Digest;

/// Every snapshot is worth using, however short the journal.
pub(crate) const ALWAYS: Rules = Rules {
    every_bytes: 0,
    least_bytes: 0,
    keep: 2,
};

pub(crate) fn opening() -> Opening {
    Opening {
        options: options(),
        rules: ALWAYS,
        known: Vec::new(),
        until: Until::End,
        blank: State::default(),
    }
}

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 2_000,
        zero_ahead: 512,
        ..Options::default()
    }
}

type Opened = (Sequencer<SimDisk>, Folded);

pub(crate) fn resume(machine: &SimDisk, opening: Opening) -> Result<Opened, FoldError> {
    let (journal, _, mut folded) = open(machine.another(), opening)?;
    let state = std::mem::take(&mut folded.state);
    Ok((Sequencer::resume(journal, state), folded))
}

/// A machine whose journal tells a small exchange's story, with a snapshot after each of the given steps.
pub(crate) fn told(snapshots: &[usize]) -> SimDisk {
    let machine = SimDisk::new();
    let (mut sequencer, _) = resume(&machine, opening()).unwrap();
    for (step, (at, command)) in exchange().into_iter().enumerate() {
        sequencer.turn(at, &[command]).unwrap();
        if snapshots.contains(&step) {
            snap(&machine, &sequencer).unwrap();
        }
    }
    machine
}

pub(crate) fn snap(machine: &SimDisk, sequencer: &Sequencer<SimDisk>) -> Option<String> {
    let place = Place::of(sequencer.journal());
    write_snapshot(
        &mut machine.another(),
        &place,
        sequencer.state(),
        None,
        &ALWAYS,
    )
    .unwrap()
}

fn whole(machine: &SimDisk) -> String {
    let (journal, _) = Journal::open(machine.another(), options()).unwrap();
    state_digest(&fold(&journal, Until::End, &mut |_| {}).unwrap())
}

fn digest_of(machine: &SimDisk) -> (String, Option<u64>, usize) {
    let (sequencer, folded) = resume(machine, opening()).unwrap();
    (
        state_digest(sequencer.state()),
        folded.snapshot,
        folded.ignored.len(),
    )
}

#[test]
fn a_start_from_a_snapshot_gives_the_same_state_and_deleting_them_changes_nothing() {
    let steps = exchange().len();
    for snapshots in [vec![], vec![0], vec![3, 7], (0..steps).collect::<Vec<_>>()] {
        let machine = told(&snapshots);
        let kept = snapshot::list(&machine.another()).unwrap();
        assert_eq!(kept.len(), snapshots.len().min(2), "two are kept");
        let wanted = whole(&machine);
        let (digest, from, ignored) = digest_of(&machine);
        assert_eq!((digest, ignored), (wanted.clone(), 0));
        assert_eq!(from.is_some(), !snapshots.is_empty());
        for path in kept {
            machine.another().remove(&path).unwrap();
        }
        assert_eq!(digest_of(&machine), (wanted, None, 0));
    }
}

#[test]
fn writing_goes_on_after_a_start_from_a_snapshot() {
    let machine = told(&[4]);
    let (mut sequencer, folded) = resume(&machine, opening()).unwrap();
    assert!(folded.snapshot.is_some());
    let at = sequencer.state().at;
    for (_, command) in exchange().into_iter().take(3) {
        sequencer.turn(at, &[command]).unwrap();
    }
    let head = sequencer.head();
    let digest = state_digest(sequencer.state());
    drop(sequencer);
    let (journal, _) = Journal::open(machine.another(), options()).unwrap();
    assert_eq!(journal.check().unwrap(), head);
    drop(journal);
    assert_eq!(whole(&machine), digest);
}

/// Row 8: every single bit of a snapshot.
#[test]
fn row_08_every_flipped_bit_of_a_snapshot_is_found_and_the_journal_decides() {
    let machine = told(&[6]);
    let wanted = whole(&machine);
    let path = snapshot::list(&machine.another()).unwrap().remove(0);
    let bits = machine.another().read(&path).unwrap().len() * 8;
    let step = (bits / 3_000).max(1) | 1;
    for bit in (0..bits).step_by(step) {
        machine.flip(&path, bit).unwrap();
        assert_eq!(
            digest_of(&machine),
            (wanted.clone(), None, 1),
            "bit {bit} of {bits}"
        );
        machine.flip(&path, bit).unwrap();
    }
    // Its own bytes: every bit, without the rest of a start.
    for bit in 0..bits {
        machine.flip(&path, bit).unwrap();
        let disk = machine.another();
        let read = snapshot::read_mark(&disk, &path, None)
            .and_then(|mark| snapshot::read_state(&disk, &path, &mark, |_| Some(())));
        // The length of an absent signature is not sealed; it moves the state, which then hashes to something else.
        assert!(read.is_err(), "bit {bit}");
        machine.flip(&path, bit).unwrap();
    }
    assert_eq!(digest_of(&machine).2, 0);
}

#[test]
fn snapshots_of_another_fold_form_or_journal_are_left_aside_by_name() {
    let machine = told(&[6]);
    let wanted = whole(&machine);
    let path = snapshot::list(&machine.another()).unwrap().remove(0);
    let good = machine.another().read(&path).unwrap();
    let faults = |machine: &SimDisk| {
        let (sequencer, folded) = resume(machine, opening()).unwrap();
        assert_eq!(state_digest(sequencer.state()), wanted);
        assert_eq!(folded.snapshot, None);
        let named: Vec<_> = folded
            .ignored
            .into_iter()
            .map(|left| (left.path, left.fault))
            .collect();
        named
    };
    let put = |bytes: &[u8]| {
        machine.another().write_atomic(&path, bytes).unwrap();
    };
    // A later form of the file.
    let mut bytes = good.clone();
    bytes[4] = 9;
    put(&bytes);
    assert_eq!(
        faults(&machine),
        [(path.clone(), SnapshotFault::Version(9))]
    );
    // Cut short, and empty.
    put(&good[..good.len() - 1]);
    assert!(matches!(faults(&machine)[0].1, SnapshotFault::Damaged(_)));
    put(b"");
    assert!(matches!(faults(&machine)[0].1, SnapshotFault::Damaged(_)));
    // Another fold: the head says so, under a right seal.
    let mut bytes = good.clone();
    let length = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    bytes[12..16].copy_from_slice(&77_u32.to_be_bytes());
    let seal = Digest::of(&bytes[..length - 32]);
    bytes[length - 32..length].copy_from_slice(seal.as_bytes());
    put(&bytes);
    assert!(matches!(
        faults(&machine)[0].1,
        SnapshotFault::Fold { found: 77, .. }
    ));
    // A good snapshot of another journal, under its own name.
    let other = SimDisk::new();
    let (mut sequencer, _) = resume(&other, opening()).unwrap();
    for (at, command) in exchange() {
        sequencer.turn(at + 1, &[command]).unwrap();
    }
    let foreign = snap(&other, &sequencer).unwrap();
    machine.another().remove(&path).unwrap();
    let bytes = other.another().read(&foreign).unwrap();
    machine.another().write_atomic(&foreign, &bytes).unwrap();
    assert!(
        matches!(&faults(&machine)[0], (path, SnapshotFault::Disagrees(_)) if *path == foreign)
    );
}

#[test]
fn a_snapshot_that_the_logs_key_did_not_sign_is_foreign() {
    use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
    let machine = told(&[]);
    let (sequencer, _) = resume(&machine, opening()).unwrap();
    let ours = Ed25519Signer::new("ex.example/log", &[7; 32]).unwrap();
    let theirs = Ed25519Signer::new("ex.example/log", &[8; 32]).unwrap();
    let place = Place::of(sequencer.journal());
    let write = |signer| {
        write_snapshot(
            &mut machine.another(),
            &place,
            sequencer.state(),
            signer,
            &ALWAYS,
        )
        .unwrap()
        .unwrap()
    };
    let key = Some(ours.key());
    for signer in [
        None,
        Some(&theirs as &dyn keepwhole_verify::note::NoteSigner),
    ] {
        let path = write(signer);
        assert_eq!(
            snapshot::read_mark(&machine.another(), &path, key),
            Err(SnapshotFault::Foreign)
        );
    }
    let path = write(Some(&ours));
    assert!(snapshot::read_mark(&machine.another(), &path, key).is_ok());
}

#[test]
fn a_damaged_newest_snapshot_gives_way_to_the_one_before() {
    let machine = told(&[3, 7]);
    let wanted = whole(&machine);
    let kept = snapshot::list(&machine.another()).unwrap();
    machine.flip(&kept[0], 900).unwrap();
    let (digest, from, ignored) = digest_of(&machine);
    assert_eq!((digest, ignored), (wanted, 1));
    assert_eq!(kept[1], snapshot::path_at(from.unwrap()));
}

#[test]
fn damage_behind_a_snapshot_is_found_at_open_and_a_checkpoint_ahead_is_truncation() {
    let machine = told(&[3]);
    let (sequencer, folded) = resume(&machine, opening()).unwrap();
    let (head, from) = (sequencer.head(), folded.snapshot.unwrap());
    let last = sequencer.journal().segments().last().unwrap().clone();
    drop(sequencer);
    assert!(last.first > from, "the damage must lie behind the snapshot");
    machine.flip(&last.path, 8 * 150).unwrap();
    assert!(matches!(
        resume(&machine, opening()),
        Err(FoldError::Journal(JournalError::Damaged { .. }))
    ));
    machine.flip(&last.path, 8 * 150).unwrap();
    for (size, code, root) in [
        (head.size + 5, "truncated", head.root),
        (head.size, "forked", Digest::of(b"other")),
        (from, "forked", Digest::of(b"other")),
        (1, "forked", Digest::of(b"other")),
    ] {
        let known = vec![Known { size, root }];
        let refused = resume(&machine, Opening { known, ..opening() });
        match refused {
            Err(FoldError::Journal(error)) => assert_eq!(error.code(), code, "size {size}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(machine.another().list(layout::SNAPSHOTS).unwrap().len(), 1);
}

/// Before, a start from a snapshot called it another history when the frame of a published checkpoint was unreadable.
#[test]
fn damage_before_a_snapshot_that_hides_a_checkpoint_is_called_damage_and_placed() {
    let machine = SimDisk::new();
    let (mut sequencer, _) = resume(&machine, opening()).unwrap();
    let mut heads = Vec::new();
    for (at, command) in exchange() {
        sequencer.turn(at, &[command]).unwrap();
        heads.push(sequencer.head());
    }
    snap(&machine, &sequencer).unwrap();
    let first = sequencer.journal().segments()[0].clone();
    drop(sequencer);
    let head = heads[1];
    assert!(first.frames >= 3, "the checkpoint's frame must stand alone");
    let known = vec![Known {
        size: head.size,
        root: head.root,
    }];
    let opening = || Opening {
        known: known.clone(),
        ..opening()
    };
    assert!(resume(&machine, opening()).is_ok());
    machine.flip(&first.path, 3).unwrap();
    match resume(&machine, opening()) {
        Err(FoldError::Journal(JournalError::Damaged {
            segment, offset, ..
        })) => assert_eq!((segment, offset), (first.path, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_crash_at_any_step_of_writing_a_snapshot_leaves_a_good_start() {
    use keepwhole::journal::sim_disk::Faults;
    for stop in 1.. {
        let machine = told(&[3]);
        let (sequencer, _) = resume(&machine, opening()).unwrap();
        let digest = state_digest(sequencer.state());
        let place = Place::of(sequencer.journal());
        machine.another().set_faults(Faults {
            stop_before: Some(stop),
            ..Faults::default()
        });
        let written = write_snapshot(
            &mut machine.another(),
            &place,
            sequencer.state(),
            None,
            &ALWAYS,
        );
        drop(sequencer);
        machine.crash_hard();
        let (found, from, ignored) = digest_of(&machine);
        assert_eq!((found, ignored), (digest, 0), "stop {stop}");
        assert!(from.is_some(), "stop {stop}");
        if written.is_ok() {
            return;
        }
    }
}
