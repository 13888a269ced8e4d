//! Keys that sign the log's heads, as the journal knows them: which one counts now, and up to where its predecessors did.
//!
//! The root key is kept offline and signs nothing but rotations ([`keepwhole_verify::rotation`]). Whoever steals the log's
//! key can therefore not sign on once it is rotated, and whoever steals only the machine can't rotate.

use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// A key that signed heads until another took its place.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct RetiredKey {
    /// Verifier key (c2sp.org/signed-note).
    pub key: String,
    /// Position of the entry that ended it: the largest size of a head that it may have signed.
    pub until: u64,
}

/// The keys that a declaration names.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct DeclaredKeys {
    /// Verifier key that signs heads, named as the origin.
    pub log: String,
    /// Verifier key of the root, kept offline, named `<origin>/root`.
    pub root: String,
}

/// The log's keys, once they are declared.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct LogKeys {
    /// Verifier key of the root, named `<origin>/root`.
    pub root: String,
    /// Verifier key that signs heads now, named as the origin.
    pub log: String,
    /// Former keys, oldest first; one for each rotation.
    pub retired: Vec<RetiredKey>,
}

impl LogKeys {
    /// Number of the next rotation.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.retired.len()).map_or(u32::MAX, |count| count.saturating_add(1))
    }
}
