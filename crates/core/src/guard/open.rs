//! Cleared requests whose outflow is not seen yet, found by what their outflow would look like.

use super::Ask;
use crate::address::one_form;
use crate::registry::{AssetIx, WalletIx};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// Where it goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
enum To {
    /// To that address in its one form, as a withdrawal.
    Address(String) = 1,
    /// To a wallet of ours.
    Wallet(WalletIx) = 2,
}

/// From which wallet, which asset, how much, where to.
type Looks = (WalletIx, AssetIx, u128, To);

/// Cleared requests whose outflow is not seen yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Open(BTreeMap<Looks, BTreeSet<u32>>);

fn looks(ask: &Ask) -> Option<Looks> {
    match ask {
        Ask::Withdrawal {
            wallet,
            asset,
            units,
            to,
            ..
        } => Some((
            *wallet,
            *asset,
            *units,
            To::Address(one_form(to).into_owned()),
        )),
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => Some((*wallet, *asset, *units, To::Wallet(*to_wallet))),
        Ask::Credit { .. } => None,
    }
}

impl Open {
    /// All of them, by number.
    pub(super) fn requests(&self) -> BTreeSet<u32> {
        self.0.values().flatten().copied().collect()
    }

    pub(crate) fn add(&mut self, request: u32, ask: &Ask) {
        if let Some(looks) = looks(ask) {
            self.0.entry(looks).or_default().insert(request);
        }
    }

    pub(crate) fn remove(&mut self, request: u32, ask: &Ask) {
        let Some(looks) = looks(ask) else { return };
        let Some(alike) = self.0.get_mut(&looks) else {
            return;
        };
        alike.remove(&request);
        if alike.is_empty() {
            self.0.remove(&looks);
        }
    }

    /// Requests that an outflow of so much to that address fits, which is our wallet `own` or none of ours: withdrawals,
    /// then transfers, each by number.
    pub fn fitting(
        &self,
        (wallet, asset, units): (WalletIx, AssetIx, u128),
        address: &str,
        own: Option<WalletIx>,
    ) -> impl Iterator<Item = u32> {
        let there = To::Address(one_form(address).into_owned());
        let outside = self.0.get(&(wallet, asset, units, there));
        let own = own.and_then(|own| self.0.get(&(wallet, asset, units, To::Wallet(own))));
        outside.into_iter().chain(own).flatten().copied()
    }
}
