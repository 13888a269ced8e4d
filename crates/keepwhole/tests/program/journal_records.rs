//! Records, journals and heads that the journal's tests share.

use keepwhole::journal::frame::OVERHEAD_BYTES;
use keepwhole::journal::sim_disk::SimDisk;
use keepwhole::journal::{Head, Journal, JournalError, Options, Recovery};
use keepwhole_verify::tree::{leaf_hash, root_of_leaves};

/// Small segments and little zeroing, so that short tests roll and cross zeros often.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 1_000,
        zero_ahead: 512,
        log_key: None,
    }
}

pub(crate) fn open(
    machine: &SimDisk,
    options: &Options,
) -> Result<(Journal<SimDisk>, Recovery), JournalError> {
    Journal::open(machine.another(), options.clone())
}

pub(crate) fn record(number: u64) -> Vec<u8> {
    format!("record {number} ")
        .repeat(1 + usize::try_from(number % 4).unwrap())
        .into_bytes()
}

pub(crate) fn batch(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(record).collect()
}

pub(crate) fn head_of(records: &[Vec<u8>]) -> Head {
    let leaves: Vec<_> = records.iter().map(|record| leaf_hash(record)).collect();
    Head {
        size: records.len() as u64,
        root: root_of_leaves(&leaves),
    }
}

pub(crate) fn all<D: keepwhole::journal::Disk>(journal: &Journal<D>) -> Vec<Vec<u8>> {
    from(journal, 0)
}

pub(crate) fn from<D: keepwhole::journal::Disk>(journal: &Journal<D>, start: u64) -> Vec<Vec<u8>> {
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
pub(crate) fn filled(options: &Options, batches: &[u64]) -> (SimDisk, Vec<Vec<u8>>) {
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

pub(crate) fn frame_bytes(records: &[Vec<u8>]) -> u64 {
    (OVERHEAD_BYTES + records.iter().map(|record| record.len() + 2).sum::<usize>()) as u64
}
