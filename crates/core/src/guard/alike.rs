//! Addresses by what people look at: the first six and the last four characters. Thieves make addresses that are alike.

use crate::registry::WalletIx;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Characters at the start and at the end.
const ENDS: (usize, usize) = (6, 4);

/// Known addresses of one look.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Same {
    /// Wallets of ours, by number, with their addresses.
    own: Vec<(WalletIx, String)>,
    listed: BTreeSet<String>,
}

/// Known addresses by their ends.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Alike(BTreeMap<String, Same>);

/// The address in small letters without a `0x` or `bc1` prefix.
fn bare(address: &str) -> String {
    let lower = address.to_lowercase();
    let rest = lower
        .strip_prefix("0x")
        .or_else(|| lower.strip_prefix("bc1"));
    rest.map_or_else(|| lower.clone(), String::from)
}

/// Both ends; none of an address that is too short to have two.
fn ends(bare: &str) -> Option<String> {
    let length = bare.chars().count();
    if length < ENDS.0.saturating_add(ENDS.1) {
        return None;
    }
    let last = bare.chars().skip(length.saturating_sub(ENDS.1));
    Some(bare.chars().take(ENDS.0).chain(last).collect())
}

impl Alike {
    pub(crate) fn add_own(&mut self, wallet: WalletIx, address: &str) {
        if let Some(ends) = ends(&bare(address)) {
            let same = self.0.entry(ends).or_default();
            same.own.push((wallet, String::from(address)));
        }
    }

    pub(crate) fn list(&mut self, address: &str) {
        if let Some(ends) = ends(&bare(address)) {
            let same = self.0.entry(ends).or_default();
            same.listed.insert(String::from(address));
        }
    }

    /// A known address that looks the same and is another: ours by number, then listed ones in order of their texts. An
    /// address in letters of another case is no other.
    #[must_use]
    pub fn of(&self, address: &str) -> Option<&str> {
        let bared = bare(address);
        let same = self.0.get(&ends(&bared)?)?;
        let own = same.own.iter().map(|(_, address)| address);
        let mut known = own.chain(&same.listed);
        known.find(|known| bare(known) != bared).map(String::as_str)
    }
}
