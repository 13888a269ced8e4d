//! What a withdrawal is bound to, and the clearances issued for it: each for one byte string, redeemed once.
//!
//! The texts are those of docs/clearances.md. A clearance is issued when the bytes are known, after all rules have run
//! again; a signer redeems it, and the redemption is durable before the signer hears of it.

use super::dead::Graves;
use crate::registry::{AssetIx, WalletIx};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// How long an intent without an end of its own may be executed, ms: 24 hours from its request.
pub const INTENT_LASTS_MS: u64 = 86_400_000;

/// How long a clearance lives at most, ms: five minutes. The bytes are known when it is issued, so nobody has to wait
/// with it, and what leaks is soon worth nothing.
pub const CLEARANCE_LASTS_MS: u64 = 300_000;

/// What an intent binds beside who, what, how much and where.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    /// Memo or tag of the destination; empty if none.
    pub memo: String,
    /// Greatest total fee, minor units of the network's own coin.
    pub max_fee: u128,
    /// First moment at which nothing of it may be signed any more, ms; a whole second.
    pub expires: u64,
}

/// A clearance for one byte string.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Issued {
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The canonical JSON that the guard's key signs.
    pub text: String,
    /// Its digest (docs/clearances.md).
    pub digest: [u8; 32],
    /// What is signed.
    pub signing_digest: [u8; 32],
    /// What at most one attempt can spend.
    pub conflict_key: String,
    /// When, ms.
    pub at: u64,
    /// First moment without it, ms.
    pub until: u64,
    /// Its redemption.
    pub redeemed: Option<Redeemed>,
}

/// A clearance was redeemed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Redeemed {
    /// When, ms.
    pub at: u64,
    /// By which signer.
    pub signer: String,
}

/// Intents and clearances, by number of the request.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Clearances {
    /// The rest of each intent.
    pub terms: BTreeMap<u32, Terms>,
    /// What was issued, in order of attempts.
    pub issued: BTreeMap<u32, Vec<Issued>>,
    /// From digest to request and place.
    pub by_digest: BTreeMap<[u8; 32], (u32, u32)>,
    /// Names of assets on their networks (CAIP-19).
    pub assets: BTreeMap<AssetIx, String>,
    /// Signing keys of wallets: the network (CAIP-2) that each is for.
    pub keys: BTreeMap<String, SigningKey>,
    /// Safes whose transactions may be cleared: the wallet that each is.
    pub safes: BTreeMap<Contract, WalletIx>,
    /// `MultiSendCallOnly` contracts: the only code that a Safe may run as its own.
    pub batch_code: BTreeSet<Contract>,
    /// What was redeemed and can't land any more.
    pub dead: Graves,
}

/// A contract on an EVM network.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Contract {
    /// Network (CAIP-2).
    pub network: String,
    /// Its address, lower-case hexadecimal.
    pub address: String,
}

/// A Safe as it was registered.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct RegisteredSafe {
    /// The wallet that it is.
    pub wallet: WalletIx,
    /// Where it is.
    pub at: Contract,
    /// What its `VERSION()` says.
    pub version: String,
}

/// A signing key of a wallet.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SigningKey {
    /// The wallet.
    pub wallet: WalletIx,
    /// Network (CAIP-2).
    pub network: String,
}

impl Clearances {
    /// Whether that wallet is a Safe on that network.
    #[must_use]
    pub fn is_safe(&self, network: &str, wallet: WalletIx) -> bool {
        let mut all = self.safes.iter();
        all.any(|(at, safe)| at.network == network && *safe == wallet)
    }

    /// The clearance of that digest, and the number of its request.
    #[must_use]
    pub fn find(&self, digest: &[u8; 32]) -> Option<(u32, &Issued)> {
        let (request, place) = *self.by_digest.get(digest)?;
        let list = self.issued.get(&request)?;
        Some((request, list.get(usize::try_from(place).ok()?)?))
    }

    /// What was issued for a request, in order.
    #[must_use]
    pub fn of(&self, request: u32) -> &[Issued] {
        self.issued.get(&request).map_or(&[], Vec::as_slice)
    }

    /// First moment at which nothing that was issued for a request may be signed any more, ms.
    #[must_use]
    pub fn last_end(&self, request: u32) -> Option<u64> {
        self.of(request).iter().map(|issued| issued.until).max()
    }

    pub(crate) fn issue(&mut self, request: u32, issued: Issued) {
        let list = self.issued.entry(request).or_default();
        let place = u32::try_from(list.len()).unwrap_or(u32::MAX);
        self.by_digest.insert(issued.digest, (request, place));
        list.push(issued);
    }

    pub(crate) fn redeem(&mut self, digest: &[u8; 32], redeemed: Redeemed) {
        let Some((request, place)) = self.by_digest.get(digest).copied() else {
            return;
        };
        let list = self.issued.get_mut(&request);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(issued) = list.and_then(|list| list.get_mut(place)) {
            issued.redeemed = Some(redeemed);
        }
    }
}
