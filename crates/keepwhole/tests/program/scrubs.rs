//! What a scrub notices while the program runs: deleted, shrunk, replaced and edited files, and every single flipped bit.

use crate::journal_records::{filled, open as open_raw, small};
use crate::small_exchange::{AT, exchange, movement, told as command};
use crate::snapshots::{ALWAYS, opening, resume, snap};
use keepwhole::installation::{Care, Installation, Running, ScrubPace};
use keepwhole::journal::scrub::Scrub;
use keepwhole::journal::snapshot::Place;
use keepwhole::journal::{Disk as _, Journal, JournalError, SimDisk};
use keepwhole::sequencer::{FoldError, SystemClock};
use keepwhole_core::command::Body;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// About 64 KiB of journal in sealed segments and one being written, with two snapshots.
fn busy() -> SimDisk {
    let machine = SimDisk::new();
    let (mut sequencer, _) = resume(&machine, opening()).unwrap();
    for (at, command) in exchange() {
        sequencer.turn(at, &[command]).unwrap();
    }
    for step in 0..45_u64 {
        let rows = (0..16).map(|row| movement("customer-5", "customer-1", "SOL", 1 + row));
        let body = Body::RecordMovements(rows.collect());
        let told = command(&format!("busy-{step}"), body);
        sequencer.turn(AT + 10_000_000 + step, &[told]).unwrap();
        if step == 10 || step == 20 {
            snap(&machine, &sequencer).unwrap();
        }
    }
    machine
}

/// Row 7: every single bit of a journal of 64 KiB. A scrub finds all of them; a start finds those behind its snapshot at
/// once, and without a snapshot all.
#[test]
fn row_07_every_flipped_bit_is_found_by_open_or_scrub_with_snapshots_present() {
    let machine = busy();
    let (sequencer, folded) = resume(&machine, opening()).unwrap();
    let from = folded.snapshot.unwrap();
    let place = Place::of(sequencer.journal());
    drop(sequencer);
    let bytes = place.journal_bytes();
    assert!((60_000..90_000).contains(&bytes), "{bytes} bytes");
    assert!(place.segments().len() > 10);
    let mut scrub = Scrub::new(machine.another(), None);
    let (mut at_open, mut number) = (0, 0_u64);
    for segment in place.segments() {
        let path = keepwhole::journal::layout::segment_path(segment.first);
        let bytes = machine.another().read(&path).unwrap();
        let mut offset = 0;
        while offset < usize::try_from(segment.used).unwrap() {
            let length = u32::from_be_bytes(bytes[offset + 8..offset + 12].try_into().unwrap());
            let first = u64::from_be_bytes(bytes[offset + 16..offset + 24].try_into().unwrap());
            for bit in offset * 8..(offset + length as usize) * 8 {
                machine.flip(&path, bit).unwrap();
                match scrub.roll(&place, None, 1) {
                    Err(JournalError::Damaged {
                        segment,
                        offset: named,
                        ..
                    }) => {
                        assert_eq!((segment.as_str(), named), (path.as_str(), offset as u64));
                    }
                    other => panic!("{path}, bit {bit}: {other:?}"),
                }
                number += 1;
                if number % 641 == 0 {
                    let behind = first >= from;
                    let found = resume(&machine, opening());
                    let damaged = matches!(&found, Err(FoldError::Journal(error)) if error.code() != "io_error");
                    assert!(damaged || !behind, "{path}, bit {bit} of frame at {first}");
                    at_open += u64::from(damaged);
                    drop(found);
                    assert!(
                        open_raw(&machine, &opening().options).is_err(),
                        "{path}, bit {bit}"
                    );
                }
                machine.flip(&path, bit).unwrap();
            }
            scrub.roll(&place, None, 1).unwrap();
            offset += length as usize;
        }
    }
    assert_eq!(number, place.journal_bytes() * 8);
    assert!(at_open > 0);
    assert_eq!(scrub.passes(), 1, "the undamaged journal passes");
}

/// Row 35 on sealed segments.
#[test]
fn row_35_a_missing_shrunk_or_longer_sealed_segment_is_named() {
    let (machine, _) = filled(&small(), &[20, 20, 20, 20]);
    let (journal, _) = open_raw(&machine, &small()).unwrap();
    let place = Place::of(&journal);
    let path = journal.segments()[0].path.clone();
    let bytes = machine.another().read(&path).unwrap();
    let mut scrub = Scrub::new(machine.another(), None);
    scrub.look(&place).unwrap();
    let mut disk = machine.another();
    let named = |scrub: &mut Scrub<SimDisk>, says: &str| match scrub.look(&place) {
        Err(JournalError::Changed { path: found, what }) => {
            assert_eq!((found.as_str(), what), (path.as_str(), says));
        }
        other => panic!("{other:?}"),
    };
    disk.truncate(&path, bytes.len() as u64 - 1).unwrap();
    named(&mut scrub, "is shorter than what was written");
    disk.truncate(&path, bytes.len() as u64 + 1).unwrap();
    named(&mut scrub, "is longer than what was written");
    disk.remove(&path).unwrap();
    named(&mut scrub, "is missing");
    disk.write_atomic(&path, &bytes).unwrap();
    scrub.look(&place).unwrap();
    disk.create("segments/notes.txt").unwrap();
    assert!(matches!(
        scrub.look(&place),
        Err(JournalError::StrangeFile(_))
    ));
}

/// A history that was rewritten with right checksums is found by its roots.
#[test]
fn row_35_a_rewritten_history_with_right_checksums_is_found() {
    let (machine, _) = filled(&small(), &[3, 3, 3]);
    let (journal, _) = open_raw(&machine, &small()).unwrap();
    let place = Place::of(&journal);
    drop(journal);
    let other = SimDisk::new();
    let (mut journal, _) = open_raw(&other, &small()).unwrap();
    for number in [3_u64, 3, 3] {
        let rows: Vec<Vec<u8>> = (0..number)
            .map(|row| format!("forged {row} ").repeat(2).into_bytes())
            .collect();
        journal.append(&rows).unwrap();
    }
    drop(journal);
    for path in other.another().list("segments").unwrap() {
        let bytes = other.another().read(&path).unwrap();
        machine.another().write_atomic(&path, &bytes).unwrap();
    }
    let mut scrub = Scrub::new(machine.another(), None);
    let found = scrub
        .look(&place)
        .and_then(|()| scrub.roll(&place, None, u64::MAX));
    assert!(found.is_err(), "{found:?}");
    // An opening by itself can't know: only a checkpoint that somebody else holds tells the two apart.
    assert!(Journal::open(machine.another(), small()).is_ok());
}

fn care() -> Care {
    Care {
        snapshots: ALWAYS,
        scrub: ScrubPace {
            look_every: Duration::from_millis(50),
            bytes_per_second: u64::MAX / 1_000,
        },
        ..Care::default()
    }
}

/// An installation with more than 256 entries, so that there are full tiles.
pub(crate) fn made(dir: &Path) {
    let mut open = Installation::create(dir, "exchange.example/keepwhole").unwrap();
    for (at, told) in exchange() {
        open.sequencer.turn(at, &[told]).unwrap();
    }
    let rows = (0..300).map(|row| movement("customer-5", "customer-1", "SOL", 1 + row));
    let told = command("many", Body::RecordMovements(rows.collect()));
    open.sequencer.turn(AT + 10_000_000, &[told]).unwrap();
    open.publish().unwrap();
}

fn run(dir: &Path) -> Running {
    let open = Installation::open_with(dir, care()).unwrap();
    let last = open.sequencer.state().at;
    open.run(Box::new(SystemClock::start(last)), Box::new(|_| {}))
}

fn wait_until_ended(running: &Running) {
    let began = Instant::now();
    while !running.ended().load(Ordering::SeqCst) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "not noticed within a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Row 35 on a running installation: each of these is noticed, named, and ends the writing.
#[test]
fn row_35_a_running_installation_notices_changed_files_names_them_and_stops() {
    let segment = "segments/00000000000000000000.kwj";
    let flip = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len().min(2_000) / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let replace = |path: &Path| {
        let copy = path.with_extension("copy");
        std::fs::copy(path, &copy).unwrap();
        // A file in `segments/` that is no segment is itself noticed, so the copy waits beside.
        std::fs::rename(&copy, path).unwrap();
    };
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let shrink = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(1_000).unwrap();
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);
    let cases: [Case<'_>; 8] = [
        (segment, &remove, "segments/"),
        (segment, &shrink, "segments/"),
        (segment, &flip, "segments/"),
        (segment, &replace, "segments/"),
        ("log/checkpoint", &remove, "log/checkpoint"),
        ("log/checkpoint", &flip, "log/checkpoint"),
        ("log/level/0", &remove, "log/level/0"),
        ("log/level/0", &flip, "log/level"),
    ];
    for (number, (path, tamper, named)) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("ex");
        made(&dir);
        let running = run(&dir);
        std::thread::sleep(Duration::from_millis(200));
        tamper(&dir.join(path));
        wait_until_ended(&running);
        let error = running.stop().unwrap_err();
        let code = error.journal().unwrap().code();
        assert!(
            ["changed", "damaged", "tile", "strange_file"].contains(&code),
            "{number}: {error}"
        );
        assert!(error.to_string().contains(named), "{number}: {error}");
    }
}

#[test]
fn an_untouched_installation_runs_on_and_leaves_a_signed_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ex");
    made(&dir);
    let running = run(&dir);
    std::thread::sleep(Duration::from_millis(400));
    assert!(!running.ended().load(Ordering::SeqCst));
    let handle = running.handle();
    let row = vec![movement("customer-5", "customer-1", "SOL", 7)];
    handle
        .submit(command("later", Body::RecordMovements(row)))
        .unwrap();
    drop(handle);
    assert_eq!(running.snapshot_fault(), None);
    running.stop().unwrap();
    let open = Installation::open_with(&dir, care()).unwrap();
    assert_eq!(
        open.snapshot,
        Some(open.sequencer.head().size),
        "{:?}",
        open.ignored
    );
    assert_eq!(open.ignored, []);
}
