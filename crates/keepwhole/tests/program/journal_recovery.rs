//! The journal's promise under faults: what was acknowledged is there after any crash, and damage is named, never cut.

use keepwhole::journal::disk::Disk as _;
use keepwhole::journal::frame::{FrameFault, HEADER_BYTES, OVERHEAD_BYTES};
use keepwhole::journal::layout::{LOCK, segment_path};
use keepwhole::journal::sim_disk::{Faults, Kept, SimDisk};
use keepwhole::journal::{Fault, Head, Journal, JournalError, Options, RealDisk, Recovery};
use keepwhole_verify::tree::{leaf_hash, root_of_leaves};
use proptest::prelude::*;

/// Small segments and little zeroing, so that short tests roll and cross zeros often.
fn small() -> Options {
    Options {
        segment_bytes: 1_000,
        zero_ahead: 512,
        log_key: None,
    }
}

fn open(
    machine: &SimDisk,
    options: &Options,
) -> Result<(Journal<SimDisk>, Recovery), JournalError> {
    Journal::open(machine.another(), options.clone())
}

fn record(number: u64) -> Vec<u8> {
    format!("record {number} ")
        .repeat(1 + usize::try_from(number % 4).unwrap())
        .into_bytes()
}

fn batch(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(record).collect()
}

fn head_of(records: &[Vec<u8>]) -> Head {
    let leaves: Vec<_> = records.iter().map(|record| leaf_hash(record)).collect();
    Head {
        size: records.len() as u64,
        root: root_of_leaves(&leaves),
    }
}

fn all<D: keepwhole::journal::Disk>(journal: &Journal<D>) -> Vec<Vec<u8>> {
    from(journal, 0)
}

fn from<D: keepwhole::journal::Disk>(journal: &Journal<D>, start: u64) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut expected = start;
    journal
        .read::<JournalError>(start, &mut |position, record| {
            assert_eq!(position, expected);
            expected += 1;
            records.push(record.to_vec());
            Ok(())
        })
        .unwrap();
    records
}

/// A machine with `batches` appended, and all records.
fn filled(options: &Options, batches: &[u64]) -> (SimDisk, Vec<Vec<u8>>) {
    let machine = SimDisk::new();
    let (mut journal, _) = open(&machine, options).unwrap();
    let mut records = Vec::new();
    for count in batches {
        let new = batch(records.len() as u64, *count);
        records.extend(new.clone());
        assert_eq!(journal.append(&new).unwrap(), head_of(&records));
    }
    drop(journal);
    (machine, records)
}

#[test]
fn records_are_read_back_in_order_from_anywhere() {
    let (machine, records) = filled(&small(), &[1, 3, 2, 20, 1, 1, 7, 30]);
    let (journal, recovery) = open(&machine, &small()).unwrap();
    assert_eq!(
        (recovery.head, recovery.torn_tail.clone()),
        (head_of(&records), None)
    );
    assert_eq!(journal.check().unwrap(), head_of(&records));
    assert!(journal.segments().len() > 2, "the test must cross segments");
    for start in 0..=records.len() {
        assert_eq!(
            from(&journal, start as u64),
            records[start..],
            "from {start}"
        );
    }
    let beyond = journal.read::<JournalError>(records.len() as u64 + 1, &mut |_, _| Ok(()));
    assert!(matches!(beyond, Err(JournalError::OutsideJournal { .. })));
}

#[test]
fn the_real_disk_gives_the_same_bytes_as_the_simulated_one() {
    let folder = tempfile::tempdir().unwrap();
    let options = small();
    let (machine, records) = filled(&options, &[1, 3, 2, 20, 1]);
    let (mut journal, _) =
        Journal::open(RealDisk::open(folder.path()).unwrap(), options.clone()).unwrap();
    for (start, count) in [(0, 1), (1, 3), (4, 2), (6, 20), (26, 1)] {
        journal.append(&batch(start, count)).unwrap();
    }
    drop(journal);
    let (real, simulated) = (RealDisk::at(folder.path()), machine.another());
    assert_eq!(real.list("").unwrap(), simulated.list("").unwrap());
    for path in real.list("").unwrap() {
        assert_eq!(
            real.read(&path).unwrap(),
            simulated.read(&path).unwrap(),
            "{path}"
        );
    }
    let (journal, recovery) = Journal::open(real, options).unwrap();
    assert_eq!((all(&journal), recovery.epoch), (records, 2));
}

#[test]
fn one_writer_at_a_time_and_the_epoch_rises() {
    let machine = SimDisk::new();
    let (mut first, recovery) = open(&machine, &small()).unwrap();
    assert_eq!(recovery.epoch, 1);
    let refused = open(&machine, &small()).unwrap_err();
    assert_eq!(
        (refused.code(), matches!(refused, JournalError::LockHeld)),
        ("lock_held", true)
    );
    // A reader needs no lock.
    assert!(Journal::open_read_only(machine.another(), small()).is_ok());
    // On a disk whose lock does not hold (a network disk), the later epoch ends the earlier writer.
    first.append(&batch(0, 1)).unwrap();
    let mut thief = machine.another();
    thief
        .write_at(LOCK, 0, format!("{:020}\n", 2).as_bytes())
        .unwrap();
    assert!(matches!(
        first.append(&batch(1, 1)),
        Err(JournalError::Fenced { ours: 1, found: 2 })
    ));
    assert!(matches!(
        first.append(&batch(1, 1)),
        Err(JournalError::Stopped(_))
    ));
    drop(first);
    let (second, recovery) = open(&machine, &small()).unwrap();
    assert_eq!((recovery.epoch, second.head().size), (3, 1));
}

#[test]
fn records_of_a_wrong_size_are_refused_and_change_nothing() {
    let (machine, records) = filled(&small(), &[2]);
    let (mut journal, _) = open(&machine, &small()).unwrap();
    let bad: [&[Vec<u8>]; 4] = [
        &[],
        &[vec![]],
        &[vec![1], vec![0; 65_536]],
        &vec![vec![7; 65_535]; 257],
    ];
    for records in bad {
        assert!(matches!(
            journal.append(records),
            Err(JournalError::Refused(_))
        ));
    }
    assert_eq!(journal.head(), head_of(&records));
    let largest = vec![vec![7; 65_535]; 255];
    journal.append(&largest).unwrap();
    drop(journal);
    assert_eq!(open(&machine, &small()).unwrap().0.head().size, 257);
}

/// Rows 1 and 2 of the fault matrix: power goes before any single step; row 3 is the step after the last sync.
#[test]
fn power_lost_before_any_step_loses_nothing_acknowledged() {
    let run = |machine: &SimDisk| -> (u64, Option<u64>) {
        let mut acknowledged = 0;
        let Ok((mut journal, _)) = open(machine, &small()) else {
            return (0, None);
        };
        for count in [1, 2, 9, 1, 4, 12, 1] {
            match journal.append(&batch(acknowledged, count)) {
                Ok(head) => acknowledged = head.size,
                Err(_) => return (acknowledged, Some(count)),
            }
        }
        (acknowledged, None)
    };
    let whole = SimDisk::new();
    assert_eq!(run(&whole), (30, None));
    let steps = whole.operations();
    assert!(steps > 20);
    for step in 1..=steps {
        for keep in [
            Kept::Nothing,
            Kept::All,
            Kept::First(1),
            Kept::First(99),
            Kept::First(101),
            Kept::Sectors(0b10),
        ] {
            for names in [true, false] {
                let machine = SimDisk::new();
                machine.set_faults(Faults {
                    stop_before: Some(step),
                    ..Faults::default()
                });
                let (acknowledged, in_flight) = run(&machine);
                machine.crash(names, &mut |_| keep.clone());
                let (mut journal, recovery) = open(&machine, &small()).unwrap_or_else(|error| {
                    panic!("step {step}, {keep:?}, names {names}: {error}")
                });
                let size = recovery.head.size;
                let possible = [acknowledged, acknowledged + in_flight.unwrap_or(0)];
                assert!(
                    possible.contains(&size),
                    "step {step}, {keep:?}: {size} of {possible:?}"
                );
                assert_eq!(recovery.head, head_of(&batch(0, size)));
                assert_eq!(all(&journal), batch(0, size));
                journal.append(&batch(size, 3)).unwrap();
                machine.crash_hard();
                assert_eq!(open(&machine, &small()).unwrap().0.head().size, size + 3);
            }
        }
    }
}

/// Row 5: the last frame is cut at every byte offset, with and without zeros behind the cut.
#[test]
fn a_torn_last_frame_is_cut_at_every_offset_and_only_it() {
    for zeros in [0, 4_096] {
        let options = Options {
            segment_bytes: 100_000,
            zero_ahead: zeros,
            log_key: None,
        };
        let (machine, records) = filled(&options, &[2, 3, 1, 4]);
        let path = segment_path(0);
        let (journal, _) = open(&machine, &options).unwrap();
        let end = journal.segments()[0].used;
        let whole = machine.another().read(&path).unwrap();
        drop(journal);
        let start = end - frame_bytes(&records[6..]);
        for cut in start..end {
            let torn = SimDisk::new();
            let mut disk = torn.another();
            disk.create(&path).unwrap();
            disk.write_at(&path, 0, &whole[..usize::try_from(cut).unwrap()])
                .unwrap();
            if zeros > 0 {
                disk.truncate(&path, whole.len() as u64).unwrap();
            }
            drop(disk);
            let (mut journal, recovery) = open(&torn, &options).unwrap();
            assert_eq!(all(&journal), records[..6], "cut at {cut}");
            match recovery.torn_tail {
                Some(tail) => assert_eq!(
                    (tail.segment, tail.frame, tail.offset),
                    (path.clone(), 3, start)
                ),
                None => assert_eq!(
                    cut, start,
                    "only a cut exactly between frames leaves no tail"
                ),
            }
            assert_eq!(journal.append(&records[6..]).unwrap(), head_of(&records));
            drop(journal);
            assert_eq!(
                open(&torn, &options).unwrap().1.torn_tail,
                None,
                "a tail is cut once"
            );
        }
    }
}

fn frame_bytes(records: &[Vec<u8>]) -> u64 {
    (OVERHEAD_BYTES + records.iter().map(|record| record.len() + 2).sum::<usize>()) as u64
}

/// Row 6: whole frames of an older file behind the end are not taken for new ones.
#[test]
fn stale_frames_behind_the_end_are_not_believed() {
    let options = Options {
        segment_bytes: 100_000,
        zero_ahead: 0,
        log_key: None,
    };
    let (machine, records) = filled(&options, &[2, 3, 1]);
    let path = segment_path(0);
    let whole = machine.another().read(&path).unwrap();
    let second = usize::try_from(frame_bytes(&records[..2])).unwrap();
    for stale in [&whole[..second], &whole[second..], &whole[..]] {
        let mut disk = machine.another();
        disk.truncate(&path, whole.len() as u64).unwrap();
        disk.write_at(&path, whole.len() as u64, stale).unwrap();
        drop(disk);
        let (journal, recovery) = open(&machine, &options).unwrap();
        assert_eq!(all(&journal), records);
        let tail = recovery.torn_tail.unwrap();
        assert_eq!(
            (tail.offset, tail.bytes),
            (whole.len() as u64, stale.len() as u64)
        );
        assert!(matches!(tail.fault, FrameFault::Position { wanted: 6, .. }));
    }
}

/// Row 7: every single bit of a small journal, in sealed segments, in the last frame and in the zeros behind it.
#[test]
fn every_flipped_bit_is_found_and_no_acknowledged_record_is_cut() {
    let options = Options {
        segment_bytes: 400,
        zero_ahead: 256,
        log_key: None,
    };
    let (machine, records) = filled(&options, &[1, 2, 1, 2]);
    let (journal, _) = open(&machine, &options).unwrap();
    let segments = journal.segments().to_vec();
    drop(journal);
    assert_eq!(segments.len(), 2);
    for (number, segment) in segments.iter().enumerate() {
        for bit in 0..usize::try_from(segment.length).unwrap() * 8 {
            machine.flip(&segment.path, bit).unwrap();
            let in_frames = (bit / 8) < usize::try_from(segment.used).unwrap();
            let (reader, recovery, damage) =
                Journal::open_read_only(machine.another(), options.clone()).unwrap();
            assert_eq!(
                all(&reader),
                records[..usize::try_from(reader.head().size).unwrap()]
            );
            if in_frames || number == 0 {
                match damage {
                    Some(JournalError::Damaged {
                        segment: path,
                        offset,
                        frame,
                        ..
                    }) => {
                        assert_eq!(path, segment.path);
                        assert!(
                            offset <= (bit / 8) as u64 && frame < segment.frames,
                            "bit {bit} named at {offset}"
                        );
                    }
                    other => panic!("segment {number}, bit {bit}: {other:?}"),
                }
                let refused = open(&machine, &options).unwrap_err();
                assert!(
                    matches!(refused.code(), "damaged" | "unknown_version"),
                    "{refused}"
                );
            } else {
                assert_eq!(
                    recovery.torn_tail.map(|tail| tail.offset),
                    Some(segment.used),
                    "bit {bit}"
                );
                assert_eq!(all(&reader), records);
            }
            machine.flip(&segment.path, bit).unwrap();
        }
    }
    assert_eq!(all(&open(&machine, &options).unwrap().0), records);
}

#[test]
fn a_flipped_bit_is_found_by_a_check_while_running() {
    let (machine, records) = filled(&small(), &[3, 3, 3]);
    let (journal, _) = open(&machine, &small()).unwrap();
    for bit in (0..usize::try_from(journal.segments()[0].used).unwrap() * 8).step_by(7) {
        machine.flip(&segment_path(0), bit).unwrap();
        assert!(journal.check().is_err(), "bit {bit}");
        machine.flip(&segment_path(0), bit).unwrap();
    }
    assert_eq!(journal.check().unwrap(), head_of(&records));
}

#[test]
fn missing_segments_and_strange_files_are_named() {
    let (machine, _) = filled(&small(), &[20, 20, 20, 20]);
    let paths: Vec<String> = machine.another().list("segments").unwrap();
    assert!(paths.len() >= 3);
    let bytes = machine.another().read(&paths[1]).unwrap();
    machine.another().remove(&paths[1]).unwrap();
    match open(&machine, &small()).unwrap_err() {
        JournalError::Damaged {
            segment,
            frame: 0,
            offset: 0,
            fault: Fault::Gap { wanted },
        } => {
            assert_eq!(
                (segment, segment_path(wanted)),
                (paths[2].clone(), paths[1].clone())
            );
        }
        other => panic!("{other}"),
    }
    let mut disk = machine.another();
    disk.write_atomic(&paths[1], &bytes).unwrap();
    disk.write_atomic("segments/notes.txt", b"x").unwrap();
    assert!(
        matches!(open(&machine, &small()), Err(JournalError::StrangeFile(path)) if path == "segments/notes.txt")
    );
    disk.remove("segments/notes.txt").unwrap();
    disk.create("segments/half.kwtmp").unwrap();
    disk.create("log/tile/0/000.kwtmp").unwrap();
    let (_, recovery) = open(&machine, &small()).unwrap();
    assert_eq!(
        recovery.removed,
        ["log/tile/0/000.kwtmp", "segments/half.kwtmp"]
    );
}

#[test]
fn a_changed_record_with_a_right_checksum_is_found_by_its_root() {
    let (machine, _) = filled(&small(), &[2, 2]);
    let path = segment_path(0);
    let mut disk = machine.another();
    let mut bytes = disk.read(&path).unwrap();
    let (length, place) = (
        u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize,
        HEADER_BYTES + 3,
    );
    bytes[place] ^= 1;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..length]);
    bytes[12..16].copy_from_slice(&sum.to_be_bytes());
    disk.write_at(&path, 0, &bytes).unwrap();
    match open(&machine, &small()).unwrap_err() {
        JournalError::Damaged {
            frame: 0,
            offset: 0,
            fault: Fault::Frame(FrameFault::Root),
            ..
        } => {}
        other => panic!("{other}"),
    }
}

/// Row 9: the n-th sync fails, for every n. The journal stops for good, and reopening finds all that was acknowledged.
#[test]
fn a_failed_sync_or_write_stops_the_journal_for_every_n() {
    let whole = SimDisk::new();
    let steps = [1, 2, 9, 1, 4, 12, 1];
    let run = |machine: &SimDisk| {
        let mut acknowledged = 0;
        let (mut journal, _) = open(machine, &small())?;
        for count in steps {
            match journal.append(&batch(acknowledged, count)) {
                Ok(head) => acknowledged = head.size,
                Err(error) => {
                    assert_eq!(error.code(), "io_error", "{error}");
                    assert_eq!(
                        journal.head(),
                        head_of(&batch(0, acknowledged)),
                        "the head is what is durable"
                    );
                    for _ in 0..3 {
                        let again = journal.append(&batch(acknowledged, 1)).unwrap_err();
                        assert_eq!(again.code(), "stopped", "no retry after a failed sync");
                    }
                    return Ok((acknowledged, count, journal));
                }
            }
        }
        Ok::<_, JournalError>((acknowledged, 0, journal))
    };
    let total = run(&whole).unwrap().0;
    let syncs = whole.syncs();
    assert!(syncs >= 7);
    let sync = |n| Faults {
        fail_sync: Some(n),
        ..Faults::default()
    };
    let write = |n| Faults {
        fail_write: Some(n),
        ..Faults::default()
    };
    for (n, faults) in (1..=syncs).flat_map(|n| [(n, sync(n)), (n, write(n))]) {
        for power_lost in [false, true] {
            let machine = SimDisk::new();
            machine.set_faults(faults.clone());
            let (acknowledged, in_flight) = match run(&machine) {
                Ok((acknowledged, in_flight, _)) => (acknowledged, in_flight),
                Err(_) => (0, 0),
            };
            assert!(
                in_flight > 0 || acknowledged == 0 || acknowledged == total,
                "fault {n} must stop the run"
            );
            if power_lost {
                machine.crash_hard();
            } else {
                machine.kill();
            }
            let (mut journal, recovery) = open(&machine, &small()).unwrap();
            let size = recovery.head.size;
            assert!(
                size == acknowledged || size == acknowledged + in_flight,
                "{faults:?}: {size}"
            );
            assert_eq!(all(&journal), batch(0, size));
            // What reopening took for good must also outlive the power, although its first sync failed.
            machine.crash_hard();
            drop(journal);
            (journal, _) = open(&machine, &small()).unwrap();
            assert_eq!(
                journal.head().size,
                size,
                "{faults:?}, power lost {power_lost}"
            );
        }
    }
}

#[test]
fn a_full_disk_stops_the_journal_and_loses_nothing() {
    for capacity in (100..2_000).step_by(37) {
        let machine = SimDisk::new();
        let mut acknowledged = 0;
        let opened = open(&machine, &small());
        let (mut journal, _) = opened.unwrap();
        machine.set_faults(Faults {
            capacity: Some(capacity),
            ..Faults::default()
        });
        let error = loop {
            match journal.append(&batch(acknowledged, 3)) {
                Ok(head) => acknowledged = head.size,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), "disk_full");
        machine.kill();
        let (mut journal, recovery) = open(&machine, &small()).unwrap();
        let size = recovery.head.size;
        assert!(
            size == acknowledged || size == acknowledged + 3,
            "capacity {capacity}: {size}"
        );
        assert_eq!(all(&journal), batch(0, size));
        journal.append(&batch(size, 3)).unwrap();
    }
}

/// One step of a random life: append so many records, or crash keeping so much.
#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Crash { names: bool, kept: Vec<Kept> },
    Kill,
    FailSync(u64),
    StopBefore(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kept = prop_oneof![
        Just(Kept::All),
        Just(Kept::Nothing),
        (0_usize..1_500).prop_map(Kept::First),
        any::<u64>().prop_map(Kept::Sectors),
    ];
    let step = prop_oneof![
        6 => (1_u64..20).prop_map(Step::Append),
        2 => (any::<bool>(), prop::collection::vec(kept, 1..4)).prop_map(|(names, kept)| Step::Crash { names, kept }),
        1 => Just(Step::Kill),
        1 => (1_u64..4).prop_map(Step::FailSync),
        1 => (1_u64..12).prop_map(Step::StopBefore),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever happens: every acknowledged record is there, in order, once; the recovered head is that of a prefix of
    /// what was asked for and extends every acknowledged head.
    #[test]
    fn any_crash_keeps_every_acknowledged_record(steps in steps(), segment_bytes in 200_u64..3_000, zero_ahead in prop_oneof![Just(0_u64), Just(512), Just(1_000)]) {
        let options = Options { segment_bytes, zero_ahead, log_key: None };
        let machine = SimDisk::new();
        let mut acknowledged = 0;
        let mut possible = 0;
        let mut journal = Some(open(&machine, &options).unwrap().0);
        let last = Step::Crash { names: false, kept: vec![Kept::Nothing] };
        for step in steps.iter().chain([&last]) {
            match step {
                Step::Append(count) => {
                    let Some(open) = journal.as_mut() else { continue };
                    match open.append(&batch(acknowledged, *count)) {
                        Ok(head) => {
                            acknowledged = head.size;
                            possible = head.size;
                        }
                        Err(JournalError::Stopped(_)) => {}
                        Err(_) => possible = acknowledged + count,
                    }
                    continue;
                }
                Step::FailSync(n) => {
                    machine.set_faults(Faults { fail_sync: Some(*n), ..Faults::default() });
                    continue;
                }
                Step::StopBefore(n) => {
                    machine.set_faults(Faults { stop_before: Some(*n), ..Faults::default() });
                    continue;
                }
                Step::Kill => machine.kill(),
                Step::Crash { names, kept } => {
                    let mut choices = kept.iter().cycle();
                    machine.crash(*names, &mut |_| choices.next().cloned().unwrap_or(Kept::Nothing));
                }
            }
            drop(journal.take());
            let (opened, recovery) = open(&machine, &options).unwrap();
            let size = recovery.head.size;
            prop_assert!(size == acknowledged || size == possible, "{} of {} or {}", size, acknowledged, possible);
            prop_assert_eq!(recovery.head, head_of(&batch(0, size)));
            prop_assert_eq!(all(&opened), batch(0, size));
            acknowledged = size;
            possible = size;
            journal = Some(opened);
        }
    }
}
