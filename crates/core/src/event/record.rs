//! The stored form of an event.

use super::{Event, EventTooLarge, RecordError};
use crate::transfer::Transfer;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Version of the stored form that this program writes.
pub const RECORD_VERSION: u8 = 1;

/// An event as it is stored: one leaf of the journal's tree.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// Version of the stored form.
    pub version: u8,
    /// When the journal recorded it, ms since the epoch; never falls.
    pub at: u64,
    /// Number of the turn: all events of one command have the same.
    pub turn: u64,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// The record of an event.
    #[must_use]
    pub const fn new(at: u64, turn: u64, event: Event) -> Self {
        Self {
            version: RECORD_VERSION,
            at,
            turn,
            event,
        }
    }

    /// The record, its event borrowed.
    #[must_use]
    pub const fn as_ref(&self) -> RecordRef<'_> {
        RecordRef {
            at: self.at,
            turn: self.turn,
            event: &self.event,
        }
    }

    /// The bytes that the journal stores.
    ///
    /// # Errors
    /// An event whose form has more than 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EventTooLarge> {
        let mut bytes = Vec::new();
        self.as_ref().encode_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads stored bytes strictly: all of them, and of a version that is known.
    ///
    /// # Errors
    /// An unknown version, or bytes that are not a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if let Some(record) = transfer(bytes) {
            return Ok(record);
        }
        match bytes.first() {
            Some(&RECORD_VERSION) => borsh::from_slice(bytes).map_err(|_| RecordError::NotARecord),
            Some(&version) => Err(RecordError::UnknownVersion { version }),
            None => Err(RecordError::NotARecord),
        }
    }
}

/// Number of the event of a transfer.
const TRANSFER: u8 = 11;
/// Bytes before an event's body: version, time, turn, number of the event.
const HEAD: usize = 18;

fn head(at: u64, turn: u64, event: u8) -> [u8; HEAD] {
    let mut head = [RECORD_VERSION; HEAD];
    let (_, rest) = head.split_at_mut(1);
    let (first, rest) = rest.split_at_mut(8);
    let (second, last) = rest.split_at_mut(8);
    first.copy_from_slice(&at.to_le_bytes());
    second.copy_from_slice(&turn.to_le_bytes());
    last.copy_from_slice(&[event]);
    head
}

/// The record of a transfer, read without a detour: a journal is mostly these. Nothing for any other bytes.
fn transfer(bytes: &[u8]) -> Option<Record> {
    let (head, body) = bytes.split_first_chunk::<HEAD>()?;
    let [RECORD_VERSION, times @ .., TRANSFER] = head else {
        return None;
    };
    let (at, turn) = times.split_first_chunk()?;
    let transfer = Transfer::from_stored(body)?;
    Some(Record::new(
        u64::from_le_bytes(*at),
        u64::from_le_bytes(*turn.first_chunk()?),
        Event::TransferRecorded(transfer),
    ))
}

/// Appends the bytes that the journal stores of a transfer: a [`Record`] of it, at most
/// [`RECORD_MAX`](crate::transfer::RECORD_MAX).
pub fn encode_transfer(at: u64, turn: u64, transfer: &Transfer, out: &mut Vec<u8>) {
    out.extend_from_slice(&head(at, turn, TRANSFER));
    // Writing into memory can't fail.
    let _written = transfer.serialize(out);
}

/// A [`Record`] of the version that this program writes, its event borrowed: one is folded and stored without a copy.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'e> {
    /// When the journal recorded it, ms since the epoch; never falls.
    pub at: u64,
    /// Number of the turn.
    pub turn: u64,
    /// What happened.
    pub event: &'e Event,
}

impl RecordRef<'_> {
    /// Appends the bytes that the journal stores, and says how many they are.
    ///
    /// # Errors
    /// An event whose form has more than 65,535 bytes; `out` is then as it was.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<usize, EventTooLarge> {
        let before = out.len();
        let head = (RECORD_VERSION, self.at, self.turn);
        let written = borsh::to_writer(&mut *out, &head)
            .and_then(|()| borsh::to_writer(&mut *out, self.event));
        let bytes = out.len().saturating_sub(before);
        if written.is_ok() && bytes <= usize::from(u16::MAX) {
            return Ok(bytes);
        }
        out.truncate(before);
        Err(EventTooLarge {
            bytes: if written.is_ok() { bytes } else { usize::MAX },
        })
    }
}
