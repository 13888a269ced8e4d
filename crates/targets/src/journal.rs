//! Targets over what lies on our own disk: frames, whole journals, records.

use keepwhole::journal::frame::Frame;
use keepwhole::journal::{Disk as _, Journal, Options, SimDisk, layout};
use keepwhole_core::event::Record;

/// A frame that decodes is as long as it says, and every record of it lies inside.
pub(crate) fn frame(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::decode(bytes) else {
        return false;
    };
    assert!(frame.header.size() <= bytes.len());
    true
}

/// Opening a journal whose one segment holds any bytes ends, in a journal or in a named refusal; and what was opened
/// opens again with the same head.
pub(crate) fn journal(bytes: &[u8]) -> bool {
    let disk = || {
        let mut disk = SimDisk::new();
        let path = layout::segment_path(0);
        // Writing to a simulated disk without faults can't fail.
        let _ = disk.create(&path);
        let _ = disk.write_at(&path, 0, bytes);
        disk
    };
    let Ok((journal, _)) = Journal::open(disk(), Options::default()) else {
        return false;
    };
    let head = journal.head();
    let again = Journal::open_read_only(disk(), Options::default());
    let (again, ..) = again.unwrap_or_else(|error| panic!("opened once and not again: {error}"));
    assert_eq!(again.head(), head, "two openings of the same bytes differ");
    true
}

/// A record has exactly one form: what decodes encodes to the same bytes.
pub(crate) fn record(bytes: &[u8]) -> bool {
    let Ok(record) = Record::decode(bytes) else {
        return false;
    };
    let encoded = record.encode();
    assert_eq!(
        encoded.ok().as_deref(),
        Some(bytes),
        "two forms of one record"
    );
    true
}
