//! What asks for approvals, and the approvals that it got. The raw assertions stand in the journal, at the indexes that
//! voices name.

use super::class::Class;
use crate::registry::PersonIx;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What is approved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Target {
    /// Number of a request.
    Request(u32) = 1,
    /// Number of a proposed change.
    Change(u32) = 2,
    /// Number of a finding that is cleared.
    Finding(u32) = 3,
}

/// Yes or no.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Decision {
    /// Yes.
    Approve = 1,
    /// No; one ends it.
    Reject = 2,
}

/// One person's word, in one role.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Voice {
    /// Who.
    pub person: PersonIx,
    /// In which role; it counts for no other.
    pub role: String,
    /// Number of the credential that it was given with.
    pub credential: u32,
    /// What.
    pub decision: Decision,
    /// When it was recorded, ms.
    pub at: u64,
    /// Journal index of its proof.
    pub index: u64,
}

/// Something that asks for approvals.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Matter {
    /// Its class of action.
    pub class: Class,
    /// Journal index at which it was asked; credentials active there may speak.
    pub index: u64,
    /// When, ms.
    pub at: u64,
    /// Who proposed it, where a person of ours did.
    pub by: Option<PersonIx>,
    /// Digest of the exact command that is approved.
    pub command: [u8; 32],
    /// Digest of the policy in force then.
    pub policy: [u8; 32],
    /// Words, in order.
    pub voices: Vec<Voice>,
}

impl Matter {
    /// Who rejected it first; one rejection ends it.
    #[must_use]
    pub fn rejected(&self) -> Option<PersonIx> {
        let mut said = self.voices.iter();
        let no = said.find(|voice| voice.decision == Decision::Reject);
        no.map(|voice| voice.person)
    }
}
