//! The breaker: halts by scope. A trip is recorded in the same turn as what tripped it.

use crate::registry::{AssetIx, WalletIx};
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a halt covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Scope {
    /// Everything that leaves or is credited.
    All = 1,
    /// Credits and payments of the trading ledger.
    Trading = 2,
    /// One asset.
    Asset(AssetIx) = 3,
    /// One wallet.
    Wallet(WalletIx) = 4,
}

/// A tripped scope.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Trip {
    /// Since when, ms.
    pub since: u64,
    /// Why, in words.
    pub cause: String,
}

/// Tripped scopes.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Breaker {
    /// Scopes that are halted now.
    pub tripped: BTreeMap<Scope, Trip>,
    /// Scopes that would be halted now if the policy armed the breaker: when (ms), scope, why. Each scope once, until it
    /// is reset.
    pub shadowed: Vec<(u64, Scope, String)>,
}

/// What something touches, to find the halts that stop it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Touch {
    /// Its asset, if it has one.
    pub asset: Option<AssetIx>,
    /// Its wallet, if it has one.
    pub wallet: Option<WalletIx>,
    /// True for credits and payments, which a `trading` halt stops too.
    pub trading: bool,
}

impl Breaker {
    /// True if it is recorded already that the scope would be halted in an armed breaker.
    #[must_use]
    pub fn is_shadowed(&self, scope: Scope) -> bool {
        self.shadowed.iter().any(|(_, known, _)| *known == scope)
    }

    /// The first halted scope that covers it, widest first.
    #[must_use]
    pub fn halts(&self, touch: Touch) -> Option<Scope> {
        let scopes = [
            Some(Scope::All),
            touch.trading.then_some(Scope::Trading),
            touch.asset.map(Scope::Asset),
            touch.wallet.map(Scope::Wallet),
        ];
        scopes
            .into_iter()
            .flatten()
            .find(|scope| self.tripped.contains_key(scope))
    }
}

/// The name of a scope: wallet name, `asset:NAME`, `trading` or `all`.
#[must_use]
pub fn scope_name(state: &State, scope: Scope) -> String {
    match scope {
        Scope::All => String::from("all"),
        Scope::Trading => String::from("trading"),
        Scope::Asset(asset) => format!("asset:{}", state.registry.asset_id(asset)),
        Scope::Wallet(wallet) => String::from(state.registry.wallet_id(wallet)),
    }
}

/// The scope of that name, if it names something registered.
#[must_use]
pub fn scope_of(state: &State, name: &str) -> Option<Scope> {
    match name {
        "all" => Some(Scope::All),
        "trading" => Some(Scope::Trading),
        _ => match name.strip_prefix("asset:") {
            Some(asset) => state.registry.asset(asset).map(Scope::Asset),
            None => state.registry.wallet(name).map(Scope::Wallet),
        },
    }
}
