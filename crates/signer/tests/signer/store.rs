//! The memory under cuts, torn writes, damage, locks and failing disks.

use crate::world::{Case, NOW, World, open_again};
use keepwhole_signer::Refusal;
use keepwhole_signer::caps::{Count, Window};
use keepwhole_signer::store::{MEMORY, Medium, Record, State, Store, StoreError};
use std::fs;
use std::io;
use std::path::Path;

const ETH: &str = "eip155:1/slip44:60";

fn begun(number: u8, at: u64, expires: u64) -> Record {
    Record::Begun {
        at,
        intent: [number; 32],
        intent_expires: expires,
        attempt: 1,
        clearance: [number; 32],
        spends: format!("eip155:1/0x11/{number}"),
        fee: 2,
        counts: vec![Count {
            asset: ETH.to_owned(),
            amount: 100 + u128::from(number),
            approved: number.is_multiple_of(2),
        }],
    }
}

fn records() -> Vec<Record> {
    let note = crate::log::head(&[crate::log::leaf(0, 0)], &[Some(NOW), Some(NOW), None]);
    let redeemed = |number: u8| Record::Redeemed {
        at: NOW + 3,
        intent: [number; 32],
        clearance: [number; 32],
    };
    vec![
        Record::Head {
            at: NOW,
            note: note.clone(),
        },
        begun(1, NOW + 1, NOW + 90),
        begun(2, NOW + 2, NOW + 90),
        redeemed(2),
        Record::Forked { at: NOW + 4, note },
        redeemed(1),
    ]
}

/// States after each record, and the length of the file then.
fn history(dir: &Path) -> Vec<(State, usize)> {
    let mut store = Store::create(dir, "signer-1", NOW).unwrap();
    let length = || fs::read(dir.join(MEMORY)).unwrap().len();
    let mut states = vec![(store.state().clone(), length())];
    for record in records() {
        store.remember(&record).unwrap();
        states.push((store.state().clone(), length()));
    }
    states
}

#[test]
fn every_cut_of_the_tail_leaves_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let states = history(folder.path());
    let path = folder.path().join(MEMORY);
    let whole = fs::read(&path).unwrap();
    assert_eq!(
        open_again(folder.path()).unwrap().state(),
        &states.last().unwrap().0
    );
    for (zeros, step) in [(0, 1), (1, 23), (700, 19)] {
        for cut in (0..whole.len()).step_by(step) {
            let mut torn = whole[..cut].to_vec();
            torn.resize(cut + zeros, 0);
            fs::write(&path, torn).unwrap();
            let before = states.iter().rev().find(|(_, length)| *length <= cut);
            match (open_again(folder.path()), before) {
                (Ok(store), Some((state, length))) => {
                    assert_eq!(store.state(), state, "cut at {cut}, {zeros} zeros");
                    drop(store);
                    let left = fs::read(&path).unwrap();
                    assert_eq!(left, whole[..*length], "the tail is cut off");
                }
                // The file is put in place with its first record: without it, it is not one of ours.
                (Err(StoreError::Foreign { .. } | StoreError::Damaged { .. }), None) => {}
                (Ok(store), None) => panic!("cut at {cut}: {:?}", store.state()),
                (Err(error), _) => panic!("cut at {cut}, {zeros} zeros: {error}"),
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_damage_or_seen() {
    let folder = tempfile::tempdir().unwrap();
    let states = history(folder.path());
    let path = folder.path().join(MEMORY);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, flipped).unwrap();
        match open_again(folder.path()) {
            Err(StoreError::Damaged { damage, .. }) => assert!(damage.at <= at),
            Err(error) => panic!("byte {at}: {error}"),
            Ok(store) => panic!("byte {at}: {}", store.state() == &states.last().unwrap().0),
        }
    }
}

#[test]
fn it_is_made_once_and_held_by_one() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        open_again(folder.path()),
        Err(StoreError::Absent { .. })
    ));
    let store = Store::create(folder.path(), "signer-1", NOW).unwrap();
    let beside = Store::open(folder.path(), "signer-1");
    assert!(matches!(beside, Err(StoreError::InUse { .. })));
    drop(store);
    drop(open_again(folder.path()).unwrap());
    let again = Store::create(folder.path(), "signer-1", NOW);
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    let other = Store::open(folder.path(), "signer-2");
    assert!(matches!(other, Err(StoreError::Foreign { .. })));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(folder.path().join(MEMORY))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_fact_that_cannot_follow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path(), "signer-1", NOW).unwrap();
    let before = store.state().clone();
    let orphan = Record::Redeemed {
        at: NOW,
        intent: [1; 32],
        clearance: [1; 32],
    };
    assert!(matches!(
        store.remember(&orphan),
        Err(StoreError::Unreadable { .. })
    ));
    assert_eq!(store.state(), &before);
    store.remember(&begun(1, NOW, NOW + 9)).unwrap();
    assert!(
        store.remember(&begun(1, NOW, NOW + 9)).is_err(),
        "the attempt is not after the one before"
    );
}

#[test]
fn a_long_file_is_written_anew_without_losing_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path(), "signer-1", NOW).unwrap();
    let live = NOW + 1_500;
    for number in 0..1_500_u64 {
        let mut record = begun(1, NOW + number, NOW + number + 30);
        if let Record::Begun { intent, spends, .. } = &mut record {
            intent[..8].copy_from_slice(&number.to_be_bytes());
            *spends = format!("eip155:1/0x11/{number}").repeat(150);
        }
        store.remember(&record).unwrap();
    }
    let length = fs::metadata(folder.path().join(MEMORY)).unwrap().len();
    assert!(length < 1_500 * 3_000, "{length} bytes");
    let used = store.state().used(ETH, Window::AutomaticDay, live);
    assert_eq!(used, 1_500 * 101);
    drop(store);
    let store = open_again(folder.path()).unwrap();
    assert_eq!(store.state().used(ETH, Window::AutomaticDay, live), used);
    assert_eq!(
        store.state().used(ETH, Window::AutomaticHour, live),
        1_500 * 101
    );
    assert!(
        store
            .state()
            .intent(&{
                let mut intent = [1; 32];
                intent[..8].copy_from_slice(&1_499_u64.to_be_bytes());
                intent
            })
            .is_some()
    );
}

/// Everything that carried the latest time is forgotten, and the time is not: else a clock that was set back would make
/// what has ended young again.
#[test]
fn a_file_that_is_written_anew_keeps_the_latest_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path(), "signer-1", NOW).unwrap();
    let ended = Record::Begun {
        at: NOW + 100,
        intent: [1; 32],
        intent_expires: NOW + 100,
        attempt: 1,
        clearance: [2; 32],
        spends: "eip155:1/0x11/7".to_owned(),
        fee: 0,
        counts: Vec::new(),
    };
    store.remember(&ended).unwrap();
    for _ in 0..5 {
        let note = "x".repeat(1_000_000);
        store.remember(&Record::Head { at: NOW, note }).unwrap();
    }
    let written = store.state().clone();
    assert_eq!((written.intents(), written.latest()), (0, NOW + 100));
    drop(store);
    assert_eq!(open_again(folder.path()).unwrap().state(), &written);
}

/// Writes some of it, or all, then fails.
struct Failing {
    written: usize,
}

impl Medium for Failing {
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.written += record.len();
        Err(io::Error::other("no space left on device"))
    }
}

#[test]
fn after_a_failed_write_nothing_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path(), "signer-1", NOW).unwrap();
    store.set_medium(Box::new(Failing { written: 0 }));
    let before = store.state().clone();
    assert!(matches!(
        store.remember(&begun(1, NOW, NOW + 9)),
        Err(StoreError::Io { .. })
    ));
    assert_eq!(store.state(), &before);
    assert!(matches!(
        store.remember(&begun(2, NOW, NOW + 9)),
        Err(StoreError::Failed)
    ));
    // The same through a signer.
    let mut world = World::new();
    world.signer = None;
    let mut store = open_again(&World::memory(world.folder.path())).unwrap();
    store.set_medium(Box::new(Failing { written: 0 }));
    let signer = keepwhole_signer::Signer::of_parts(
        world.settings.clone(),
        store,
        Box::new(world.clock.clone()),
        Box::new(world.log.clone()),
        Box::new(world.guard.clone()),
    );
    world.signer = Some(signer);
    for number in 0..2 {
        let case = Case::new(&format!("w-{number}"), number, 1, NOW);
        let refusal = world.sign(&case).unwrap_err();
        assert!(matches!(refusal, Refusal::StoreFailed { .. }), "{refusal}");
    }
    assert_eq!(
        world.asked(),
        0,
        "the guard is asked only after it was counted"
    );
    world.start();
    world.sign(&Case::new("w-0", 0, 1, NOW)).unwrap();
}

#[test]
fn a_signer_that_died_anywhere_counts_what_it_began() {
    let mut world = World::new();
    let case = world.case("w-1", 7, 500_000);
    world.sign(&case).unwrap();
    let path = World::memory(world.folder.path()).join(MEMORY);
    let whole = fs::read(&path).unwrap();
    world.signer = None;
    let (mut counted, mut redeemed) = (Vec::new(), Vec::new());
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let Ok(store) = open_again(path.parent().unwrap()) else {
            continue;
        };
        let used = store.state().used(ETH, Window::Hour, NOW);
        counted.push(used > 0);
        let seen = store.state().intent(case.clearance.intent.as_bytes());
        redeemed.push(seen.is_some_and(|seen| seen.redeemed));
        assert!(used == 0 || used == 542_000);
    }
    // First counted, only then redeemed, and neither undone later.
    assert!(counted.is_sorted() && redeemed.is_sorted());
    assert!(
        redeemed
            .iter()
            .zip(&counted)
            .all(|(redeemed, counted)| counted >= redeemed)
    );
    assert_eq!(
        (counted.last(), redeemed.last()),
        (Some(&true), Some(&true))
    );
}

/// What is behind the part that is read is the newest: counts and attempts.
#[test]
fn a_file_that_is_too_long_stops_the_start_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::create(folder.path(), "signer-1", NOW).unwrap());
    let path = folder.path().join(MEMORY);
    let long = (1 << 30) + 1;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(long).unwrap();
    drop(file);
    let refused = open_again(folder.path()).unwrap_err();
    assert!(
        matches!(refused, StoreError::TooLarge { bytes, .. } if bytes == long),
        "{refused}"
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), long);
}
