//! What was redeemed and can't land any more: the declaration that a quorum stands behind, with its evidence.
//!
//! A redeemed clearance never lapses by itself: somebody may hold its signed bytes. It is dead only when its conflict key is
//! finally spent by something else, or the blockhash has finally lapsed (docs/clearances.md, "Dead").

use super::{Guard, Request};
use alloc::collections::BTreeMap;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// How whoever declares it knows.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Evidence {
    /// Another transaction spent the conflict key, finally.
    Spent {
        /// That transaction's id.
        txid: String,
    } = 1,
    /// The blockhash lapsed: its last valid block is final, without the transaction.
    Lapsed {
        /// Last block height at which the blockhash was valid.
        last_valid: u64,
        /// Height of the newest final block.
        height: u64,
    } = 2,
    /// The nonce account holds another value, finally.
    NonceMoved {
        /// The value that it holds now.
        value: String,
    } = 3,
}

impl Evidence {
    /// What it is, in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Spent { .. } => "spent",
            Self::Lapsed { .. } => "lapsed",
            Self::NonceMoved { .. } => "nonce_moved",
        }
    }
}

/// That what was redeemed of one withdrawal can't land any more, as it is proposed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Declared {
    /// Outside id of the withdrawal.
    pub request: String,
    /// What its attempts spend, as the journal has it.
    pub conflict_key: String,
    /// Network (CAIP-2) on which the evidence was seen.
    pub network: String,
    /// How it is known.
    pub evidence: Evidence,
}

/// The same in force.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Dead {
    /// Number of the request.
    pub request: u32,
    /// What its attempts would have spent.
    pub conflict_key: String,
    /// Network (CAIP-2) on which the evidence was seen.
    pub network: String,
    /// How it is known.
    pub evidence: Evidence,
}

/// What is dead.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Graves {
    /// By number of the request: since when, ms, and why.
    pub by_request: BTreeMap<u32, (u64, Dead)>,
    /// Conflict keys that are spent, each with a request that died of it.
    pub keys: BTreeMap<String, u32>,
}

impl Graves {
    pub(crate) fn add(&mut self, at: u64, dead: &Dead) {
        let key = dead.conflict_key.clone();
        self.keys.entry(key).or_insert(dead.request);
        self.by_request.insert(dead.request, (at, dead.clone()));
    }
}

/// What was signed for, or may have been, and the chain does not show yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unseen<'s> {
    /// Number of the request.
    pub number: u32,
    /// The request.
    pub request: &'s Request,
    /// When the first of its clearances was redeemed, ms; `None` where a drill redeemed it.
    pub since: Option<u64>,
    /// What its attempts spend; `None` where a drill redeemed it.
    pub conflict_key: Option<&'s str>,
}

impl Guard {
    /// What a signer redeemed and the chain does not show yet, by number. It holds its amount back and counts in every limit.
    pub fn signed_unseen(&self) -> impl Iterator<Item = Unseen<'_>> {
        self.open.requests().into_iter().filter_map(|number| {
            let request = self.request_at(number)?;
            let issued = self.clearances.of(number);
            let first = issued
                .iter()
                .find_map(|one| Some((one.redeemed.as_ref()?.at, one.conflict_key.as_str())));
            let drill = request.clearance.as_ref()?.redeemed.is_some();
            (first.is_some() || drill).then_some(Unseen {
                number,
                request,
                since: first.map(|(at, _)| at),
                conflict_key: first.map(|(_, key)| key),
            })
        })
    }
}
