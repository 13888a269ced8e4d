//! Somebody changes the journal's files while the service is stopped: bytes of the real segments, not what reads them.

use crate::journal::frame::{HEADER_BYTES, Header};
use crate::journal::sim_disk::SimDisk;
use crate::journal::{Disk as _, Fault, JournalError, layout};

/// Where a record lies.
struct Place {
    segment: String,
    /// Byte offset of its frame in the segment.
    frame: u64,
    /// Byte offset of the record's first byte in the segment.
    record: u64,
    /// Bytes of the record.
    length: u64,
}

/// Bytes before each record in a frame that say its length.
const LENGTH: usize = 2;

/// Turns one bit over, in the middle of the record at `position`.
///
/// # Errors
/// That no record is there, or what the disk says.
pub(super) fn flip(disk: &SimDisk, position: u64) -> Result<(), String> {
    let place = find(disk, position)?;
    let middle = place.record.saturating_add(place.length / 2);
    let bit = usize::try_from(middle.saturating_mul(8)).map_err(|error| error.to_string())?;
    disk.flip(&place.segment, bit)
        .map_err(|error| error.to_string())
}

/// Cuts the frame with the record at `position` and everything after it, and takes away what the log published, so that
/// nothing on this machine says that more was there.
///
/// # Errors
/// That no record is there, or what the disk says.
pub(super) fn truncate(disk: &SimDisk, position: u64) -> Result<(), String> {
    let place = find(disk, position)?;
    let said = |error: std::io::Error| error.to_string();
    let mut hand = disk.another();
    hand.truncate(&place.segment, place.frame).map_err(said)?;
    hand.sync(&place.segment).map_err(said)?;
    let segments = hand.list(layout::SEGMENTS).map_err(said)?;
    let later = segments.into_iter().filter(|path| *path > place.segment);
    let published = hand.list(layout::LOG).map_err(said)?;
    for path in later.chain(published).collect::<Vec<_>>() {
        hand.remove(&path).map_err(said)?;
        hand.sync_dir(crate::journal::disk::folder_of(&path))
            .map_err(said)?;
    }
    Ok(())
}

/// Turns back the one bit that the damage names; false where it names none.
///
/// # Errors
/// What the disk says.
pub(super) fn mend(disk: &SimDisk, damage: &JournalError) -> Result<bool, String> {
    let JournalError::Damaged {
        segment,
        offset,
        fault: Fault::FlippedBit(bit),
        ..
    } = damage
    else {
        return Ok(false);
    };
    let before = usize::try_from(offset.saturating_mul(8)).map_err(|error| error.to_string())?;
    disk.flip(segment, before.saturating_add(*bit))
        .map_err(|error| error.to_string())?;
    Ok(true)
}

/// Walks the frames of all segments, as they lie.
fn find(disk: &SimDisk, position: u64) -> Result<Place, String> {
    let hand = disk.another();
    for segment in hand
        .list(layout::SEGMENTS)
        .map_err(|error| error.to_string())?
    {
        let bytes = hand.read(&segment).map_err(|error| error.to_string())?;
        let mut at = 0usize;
        while let Some(rest) = bytes.get(at..)
            && let Ok(header) = Header::decode(rest)
        {
            let last = header.first.saturating_add(u64::from(header.count));
            if (header.first..last).contains(&position) {
                return within(&segment, at, rest, position.saturating_sub(header.first));
            }
            at = at.saturating_add(header.size());
        }
    }
    Err(format!("the journal has no record `{position}`"))
}

/// The record that has `before` others before it in its frame, which begins at `at`.
fn within(segment: &str, at: usize, frame: &[u8], before: u64) -> Result<Place, String> {
    let mut record = HEADER_BYTES;
    for left in (0..=before).rev() {
        let length = frame
            .get(record..)
            .and_then(|rest| rest.first_chunk::<LENGTH>())
            .map(|length| usize::from(u16::from_be_bytes(*length)))
            .ok_or_else(|| "a frame ends before its records do".to_owned())?;
        record = record.saturating_add(LENGTH);
        if left == 0 {
            let number = |place: usize| u64::try_from(place).map_err(|error| error.to_string());
            return Ok(Place {
                segment: segment.to_owned(),
                frame: number(at)?,
                record: number(at.saturating_add(record))?,
                length: number(length)?,
            });
        }
        record = record.saturating_add(length);
    }
    Err("a frame ends before its records do".to_owned())
}
