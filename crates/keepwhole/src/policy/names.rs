//! The names that a policy speaks of and their numbers: assets, wallets, networks, people. They come from the journal's
//! registry, or, for a file that is looked at alone, from the file itself.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::registry::{AssetIx, Registry, WalletIx};

use crate::text::decimal;

/// Names and numbers of what a policy speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    assets: Vec<(String, u8)>,
    wallets: Vec<String>,
    networks: BTreeSet<String>,
    people: Vec<BTreeSet<String>>,
    registered: bool,
}

impl Names {
    /// The names of a journal, and who holds which role at `now` (ms since the epoch).
    #[must_use]
    pub fn of_registry(registry: &Registry, now: u64) -> Self {
        let mut people: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for actor in &registry.actors {
            if actor.expires.is_none_or(|end| now < end) {
                let roles = people.entry(actor.person.place()).or_default();
                roles.extend(actor.roles.iter().cloned());
            }
        }
        Self {
            assets: registry
                .assets
                .iter()
                .map(|asset| (asset.id.clone(), asset.decimals))
                .collect(),
            wallets: registry
                .wallets
                .iter()
                .map(|wallet| wallet.id.clone())
                .collect(),
            networks: registry
                .assets
                .iter()
                .filter_map(|asset| asset.network.clone())
                .collect(),
            people: people
                .into_values()
                .filter(|roles| !roles.is_empty())
                .collect(),
            registered: true,
        }
    }

    /// Whether the names come from a journal.
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        self.registered
    }

    /// Persons, each with the roles that the person holds.
    #[must_use]
    pub fn people(&self) -> &[BTreeSet<String>] {
        &self.people
    }

    /// Where the names come from, in words.
    pub(super) const fn source(&self) -> &'static str {
        match self.registered {
            true => "the journal",
            false => "the other file",
        }
    }

    /// The people of another file are not those of this one; a journal's are.
    pub(super) fn forget_people(&mut self) {
        if !self.registered {
            self.people.clear();
        }
    }

    pub(super) fn add_people(&mut self, role: &str, count: u32) {
        for _ in 0..count {
            self.people.push(BTreeSet::from([role.to_owned()]));
        }
    }

    pub(super) fn add_asset(&mut self, id: &str, decimals: u8) {
        self.assets.push((id.to_owned(), decimals));
    }

    /// Names of all assets.
    pub fn assets(&self) -> impl Iterator<Item = &str> {
        self.assets.iter().map(|(id, _)| id.as_str())
    }

    /// Number and decimals of an asset.
    #[must_use]
    pub fn asset(&self, id: &str) -> Option<(AssetIx, u8)> {
        let place = self.assets.iter().position(|(known, _)| known == id)?;
        let (_, decimals) = self.assets.get(place)?;
        Some((AssetIx::next(place)?, *decimals))
    }

    /// Name of an asset; its number where nothing has it.
    #[must_use]
    pub fn asset_id(&self, asset: AssetIx) -> String {
        match self.assets.get(asset.place()) {
            Some((id, _)) => id.clone(),
            None => format!("asset-{}", asset.0),
        }
    }

    /// An amount as the file has it: `1.5 BTC`.
    #[must_use]
    pub fn amount(&self, asset: AssetIx, units: u128) -> String {
        let decimals = self
            .assets
            .get(asset.place())
            .map_or(0, |(_, decimals)| *decimals);
        format!("{} {}", decimal(units, decimals), self.asset_id(asset))
    }

    /// Number of a wallet. A file that is looked at alone may name any; the first one gets the first number.
    pub(super) fn wallet(&mut self, id: &str) -> Option<WalletIx> {
        let known = self.wallets.iter().position(|known| known == id);
        match known {
            Some(place) => WalletIx::next(place),
            None if self.registered => None,
            None => {
                self.wallets.push(id.to_owned());
                WalletIx::next(self.wallets.len().checked_sub(1)?)
            }
        }
    }

    /// Names of all wallets.
    pub(super) fn wallets(&self) -> &[String] {
        &self.wallets
    }

    /// Name of a wallet; its number where nothing has it.
    #[must_use]
    pub fn wallet_id(&self, wallet: WalletIx) -> String {
        match self.wallets.get(wallet.place()) {
            Some(id) => id.clone(),
            None => format!("wallet-{}", wallet.0),
        }
    }

    /// Networks of the registered assets; empty where a file is looked at alone.
    pub(super) const fn networks(&self) -> &BTreeSet<String> {
        &self.networks
    }
}
