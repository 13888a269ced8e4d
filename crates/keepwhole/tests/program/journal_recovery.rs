//! Reading back: torn tails are cut, stale bytes are not believed, and damage is named and never cut.

use crate::journal_records::{all, batch, filled, frame_bytes, from, head_of, open, small};
use keepwhole::journal::disk::Disk as _;
use keepwhole::journal::frame::{self, FrameFault, HEADER_BYTES};
use keepwhole::journal::layout::{LOCK, segment_path};
use keepwhole::journal::sim_disk::SimDisk;
use keepwhole::journal::{Fault, Journal, JournalError, Options, RealDisk};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::tree::{Frontier, leaf_hash};

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
    disk.create("log/checkpoint.kwtmp").unwrap();
    let (_, recovery) = open(&machine, &small()).unwrap();
    assert_eq!(
        recovery.removed,
        ["log/checkpoint.kwtmp", "segments/half.kwtmp"]
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

/// The bytes were computed from docs/journal-format.md by another program, with another CRC-32C and another SHA-256.
#[test]
fn a_frame_has_exactly_the_documented_bytes() {
    let wanted = [
        "4b574a460100000000000077d17a774e00000000000000010000000000000007a1af030231ca2fd20ecf30c5",
        "294baf8f69321d09bb16ac53885ccd17a385280dc3651e541714c53d648ecc7baeca7fe2c36ef4fa65bcce24",
        "b1d71286437de5660000000200067365636f6e64000574686972644b574a45",
    ]
    .concat();
    let mut edge = Frontier::new();
    edge.push(leaf_hash(b"first")).unwrap();
    let mut after = edge.clone();
    let frame = frame::encode(&mut after, 7, &["second", "third"]).unwrap();
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, wanted);
    let read = frame::Frame::decode(&frame).unwrap();
    assert_eq!(read.records, [b"second".as_slice(), b"third"]);
    let (mut before, root) = (edge.clone(), edge.root());
    assert_eq!(read.follow(&mut before, &root, 7), Ok(()));
    assert_eq!(before, after);
    let other = leaf_hash(b"other");
    let refused = |edge: &Frontier, root: &Digest, epoch| {
        read.follow(&mut edge.clone(), root, epoch).unwrap_err()
    };
    assert_eq!(
        refused(&edge, &root, 8),
        FrameFault::Epoch {
            previous: 8,
            found: 7
        }
    );
    assert_eq!(refused(&edge, &other, 7), FrameFault::PreviousRoot);
    assert_eq!(
        refused(&Frontier::new(), &root, 7),
        FrameFault::Position {
            wanted: 0,
            found: 1
        }
    );
}
