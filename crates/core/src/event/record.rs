//! The stored form of an event.

use super::{Event, EventTooLarge, RecordError};
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
        match bytes.first() {
            Some(&RECORD_VERSION) => borsh::from_slice(bytes).map_err(|_| RecordError::NotARecord),
            Some(&version) => Err(RecordError::UnknownVersion { version }),
            None => Err(RecordError::NotARecord),
        }
    }
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
