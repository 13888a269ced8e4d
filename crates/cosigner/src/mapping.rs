//! What a vendor's names mean: assets, wallets and networks, pinned in the settings of this process.

use crate::amount::minor_units;
use crate::claims::{Unknown, Vendor};
use std::collections::BTreeMap;

/// An asset of a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// CAIP-19.
    pub asset: String,
    /// CAIP-2, the first part of it.
    pub network: String,
    /// Decimals of the vendor's decimal texts.
    pub decimals: u8,
    /// Most that this process ever approves in any hour, minor units.
    pub per_hour: u128,
    /// Above this, the approvers' own assertions are needed, minor units.
    pub automatic: u128,
    /// Above this, only assertions made in the separate client count, minor units.
    pub client: u128,
}

/// A wallet of a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Name in the books.
    pub name: String,
    /// Key id, as clearances name it.
    pub key: String,
    /// The vendor's id of its one asset, at a vendor whose wallets hold one (BitGo).
    pub asset: Option<String>,
    /// Its address by network (CAIP-2).
    pub addresses: BTreeMap<String, String>,
}

/// The coin in which a network's fees are paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Decimals of its coin.
    pub decimals: u8,
    /// SLIP-44 number of its coin.
    pub coin: u32,
    /// Greatest total fee of one transaction, minor units of its coin.
    pub fee_limit: u128,
}

/// All names.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mapping {
    /// By vendor and the vendor's asset id.
    pub assets: BTreeMap<(Vendor, String), Asset>,
    /// By vendor and the vendor's wallet id (a vault account, a wallet).
    pub wallets: BTreeMap<(Vendor, String), Wallet>,
    /// By CAIP-2.
    pub networks: BTreeMap<String, Network>,
}

impl Mapping {
    /// The asset of that name.
    ///
    /// # Errors
    /// `asset_unknown`.
    pub fn asset(&self, vendor: Vendor, code: &str) -> Result<&Asset, Unknown> {
        let found = self.assets.get(&(vendor, code.to_owned()));
        found.ok_or_else(|| Unknown::new("asset_unknown", "asset is not in the settings", code))
    }

    /// The wallet of that name.
    ///
    /// # Errors
    /// `wallet_unknown`.
    pub fn wallet(&self, vendor: Vendor, code: &str) -> Result<&Wallet, Unknown> {
        let found = self.wallets.get(&(vendor, code.to_owned()));
        found.ok_or_else(|| Unknown::new("wallet_unknown", "wallet is not in the settings", code))
    }

    /// The network of an asset.
    ///
    /// # Errors
    /// `network_unknown`.
    pub fn network(&self, id: &str) -> Result<&Network, Unknown> {
        let found = self.networks.get(id);
        found.ok_or_else(|| Unknown::new("network_unknown", "network is not in the settings", id))
    }

    /// A fee in a network's own coin, minor units.
    ///
    /// # Errors
    /// `network_unknown`, `amount_unreadable`.
    pub fn fee(&self, network: &str, text: &str) -> Result<u128, Unknown> {
        amount(text, self.network(network)?.decimals)
    }

    /// The asset of that CAIP-19 name, whoever's.
    #[must_use]
    pub fn limits(&self, asset: &str) -> Option<&Asset> {
        self.assets.values().find(|known| known.asset == asset)
    }
}

/// An amount, minor units.
///
/// # Errors
/// `amount_unreadable`.
pub fn amount(text: &str, decimals: u8) -> Result<u128, Unknown> {
    minor_units(text, decimals).map_err(|error| Unknown {
        code: "amount_unreadable",
        says: error.to_string(),
    })
}
