//! How long a start takes, with a snapshot and without, and what a customer costs in memory.
//!
//! The run is small by default (so large that all threads of a start are used) and tests that both ways give the same
//! state, and so does a damaged snapshot; `KEEPWHOLE_MOVEMENTS` and `KEEPWHOLE_OWNERS` make it as large as the disk allows,
//! and `--nocapture` prints the figures.

use crate::small_exchange::{AT, told};
use keepwhole::installation::{Care, Installation};
use keepwhole::journal::RealDisk;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole::journal::snapshot::{Place, Rules, SnapshotFault};
use keepwhole::sequencer::{Sequencer, state_digest, write_snapshot};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::Body;
use keepwhole_core::registry::Asset;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use std::path::Path;
use std::time::Instant;

const ASSETS: [&str; 4] = ["KRW", "BTC", "ETH", "SOL"];

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Resident memory of this process, bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

fn register(sequencer: &mut Sequencer<RealDisk>, owners: u64) {
    for id in ASSETS {
        let asset = Asset {
            id: id.to_owned(),
            decimals: 8,
            network: None,
            confirmations: 1,
        };
        let command = told(&format!("asset-{id}"), Body::RegisterAsset(asset));
        sequencer.turn(AT, &[command]).unwrap();
    }
    for from in (0..owners).step_by(10_000) {
        let some = (from..owners.min(from + 10_000)).map(|number| format!("c{number:07}"));
        let command = told(
            &format!("owners-{from}"),
            Body::RegisterOwners(some.collect()),
        );
        sequencer.turn(AT, &[command]).unwrap();
    }
}

/// Movements that bring every owner all assets in turn, in batches as a feed sends them.
fn book(sequencer: &mut Sequencer<RealDisk>, owners: u64, from: u64, to: u64) {
    for first in (from..to).step_by(BATCH_ROWS) {
        let end = to.min(first + BATCH_ROWS as u64);
        let command = told(&format!("batch-{first}"), rows(owners, first..end));
        let replies = sequencer.turn(AT + 1, &[command]).unwrap();
        assert_eq!(replies[0].answer.word(), "recorded", "{:?}", replies[0]);
    }
}

fn rows(owners: u64, numbers: std::ops::Range<u64>) -> Body {
    let mut batch = TransferBatch::new();
    for number in numbers {
        let (id, owner) = (
            format!("t{number:012}"),
            format!("c{:07}", number / 4 % owners),
        );
        let row = TransferRow {
            id: &id,
            from: "outside",
            to: &owner,
            asset: ASSETS[usize::try_from(number % 4).unwrap()],
            units: 1_000 + u128::from(number),
            kind: MovementKind::Observed,
            effective: AT,
        };
        batch.push(&row).unwrap();
    }
    Body::RecordTransfers(batch)
}

/// Flips a bit in the middle of a file, which is one of a snapshot's ids.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn care(least_bytes: u64) -> Care {
    Care {
        snapshots: Rules {
            least_bytes,
            ..Rules::default()
        },
        ..Care::default()
    }
}

#[test]
fn a_start_from_a_snapshot_is_the_same_start() {
    let (movements, owners) = (
        number("KEEPWHOLE_MOVEMENTS", 125_000),
        number("KEEPWHOLE_OWNERS", 1_000),
    );
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ex");
    let mut open = Installation::create(&dir, "exchange.example/keepwhole").unwrap();
    let before = resident();
    register(&mut open.sequencer, owners);
    let began = Instant::now();
    book(&mut open.sequencer, owners, 0, movements * 9 / 10);
    println!(
        "wrote {movements} movements in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let key = keys::load(&dir, KeyFile::Log, "exchange.example/keepwhole").unwrap();
    let place = Place::of(open.sequencer.journal());
    let began = Instant::now();
    let rules = care(0).snapshots;
    let path = write_snapshot(
        &mut RealDisk::at(&dir),
        &place,
        open.sequencer.state(),
        Some(&key),
        &rules,
    );
    let path = path.unwrap().unwrap();
    let bytes = std::fs::metadata(dir.join(&path)).unwrap().len();
    println!(
        "snapshot of {bytes} bytes written in {:.2} s",
        began.elapsed().as_secs_f64()
    );
    book(&mut open.sequencer, owners, movements * 9 / 10, movements);
    open.publish().unwrap();
    let held = resident().saturating_sub(before);
    println!(
        "resident {} bytes for {owners} owners with 4 holdings: {} an owner, ids of {movements} transfers among them",
        held,
        held / owners
    );
    let (mut head, mut digest) = (open.sequencer.head(), state_digest(open.sequencer.state()));
    drop(open);
    let mut seconds = Vec::new();
    for (what, least) in [
        ("whole", u64::MAX),
        ("from the snapshot", 0),
        ("beside a damaged snapshot", 0),
    ] {
        let damaged = seconds.len() == 2;
        if damaged {
            flip(&dir.join(&path));
        }
        let began = Instant::now();
        let mut open = Installation::open_with(&dir, care(least)).unwrap();
        seconds.push(began.elapsed().as_secs_f64());
        println!("ready {what} in {:.2} s", began.elapsed().as_secs_f64());
        let used = least == 0 && !damaged;
        assert_eq!(open.snapshot.is_some(), used, "{:?}", open.ignored);
        let faults: Vec<_> = open.ignored.iter().map(|left| &left.fault).collect();
        let fault = SnapshotFault::Damaged("its state has other bytes");
        assert_eq!(faults, vec![&fault; usize::from(damaged)]);
        assert_eq!(
            (open.sequencer.head(), state_digest(open.sequencer.state())),
            (head, digest.clone())
        );
        // The oldest ids and the newest are known.
        for (id, numbers) in [("first", 0..500), ("last", movements - 500..movements)] {
            let command = told(&format!("{id} {what}"), rows(owners, numbers));
            let replies = open.sequencer.turn(AT + 1, &[command]).unwrap();
            assert_eq!(replies[0].repeated_rows, 500, "{id} {what}");
        }
        (head, digest) = (open.sequencer.head(), state_digest(open.sequencer.state()));
    }
    let journal: u64 = place.journal_bytes();
    println!(
        "{journal} bytes of journal before the snapshot, {:.2} s saved",
        seconds[0] - seconds[1]
    );
}
