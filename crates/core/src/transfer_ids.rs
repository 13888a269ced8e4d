//! Ids of recorded transfers, so that none is booked twice.

use crate::transfer::{Transfer, TransferId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Whether a transfer's id was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// Not as far as is remembered.
    Never,
    /// With the same content.
    Same,
    /// With other content.
    Other,
}

/// A short print of everything in a transfer but its id.
pub(crate) fn content_print(transfer: &Transfer) -> u32 {
    let digest = crate::command::sha256_of(&(
        transfer.from,
        transfer.to,
        transfer.asset,
        transfer.kind,
        transfer.units,
        transfer.effective,
    ));
    let [a, b, c, d, ..] = digest;
    u32::from_le_bytes([a, b, c, d])
}

/// Ids of one generation at most, unless another number is set.
const GENERATION_IDS: u32 = 1 << 24;

#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Generation {
    known: BTreeMap<Vec<u8>, u32>,
    newest: u64,
}

/// The ids that are remembered, with a print of each one's content: those of two generations. When the younger one is
/// full, the older one is forgotten, and with it every date up to its newest.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct TransferIds {
    ids: u32,
    younger: Generation,
    older: Generation,
    forgotten: Option<u64>,
}

impl Default for TransferIds {
    fn default() -> Self {
        Self::remembering(GENERATION_IDS)
    }
}

impl TransferIds {
    /// Generations of that many ids: at least so many of the newest are remembered, and at most twice as many.
    #[must_use]
    pub fn remembering(ids: u32) -> Self {
        Self {
            ids,
            younger: Generation::default(),
            older: Generation::default(),
            forgotten: None,
        }
    }

    /// Ids of transfers dated up to then may be forgotten, ms; `None` while none is.
    #[must_use]
    pub const fn forgotten(&self) -> Option<u64> {
        self.forgotten
    }

    pub(crate) fn look(&self, id: &TransferId, print: u32) -> Seen {
        let known = [&self.younger, &self.older]
            .into_iter()
            .find_map(|generation| generation.known.get(id.as_bytes()));
        match known {
            None => Seen::Never,
            Some(known) if *known == print => Seen::Same,
            Some(_) => Seen::Other,
        }
    }

    pub(crate) fn insert(&mut self, transfer: &Transfer) {
        if u32::try_from(self.younger.known.len()).unwrap_or(u32::MAX) >= self.ids {
            let older = core::mem::take(&mut self.younger);
            let gone = core::mem::replace(&mut self.older, older);
            if !gone.known.is_empty() {
                self.forgotten = Some(self.forgotten.unwrap_or(0).max(gone.newest));
            }
        }
        self.younger.newest = self.younger.newest.max(transfer.effective);
        self.younger
            .known
            .insert(Vec::from(transfer.id.as_bytes()), content_print(transfer));
    }
}
