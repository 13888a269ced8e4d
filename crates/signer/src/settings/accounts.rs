//! The keys to funds, and what decoding needs to know of each.

use super::raw::RawKey;
use super::{Account, Asset, FundsKey};
use keepwhole_payload::bitcoin::Chain;
use keepwhole_payload::evm::Address;
use keepwhole_payload::solana::{Cluster, Key as SolanaKey};
use keepwhole_settings::{Check, Number, Text};
use keepwhole_verify::decimal;
use std::collections::BTreeMap;

const CHAINS: [Chain; 5] = [
    Chain::Mainnet,
    Chain::Testnet3,
    Chain::Testnet4,
    Chain::Signet,
    Chain::Regtest,
];
const CLUSTERS: [Cluster; 3] = [Cluster::Mainnet, Cluster::Devnet, Cluster::Testnet];
const COIN: Number = Number {
    key: "keys.coin",
    default: 60,
    least: 0,
    most: 2_147_483_647,
    unit: "(SLIP-44)",
};

pub(super) fn read_keys(
    check: &mut Check<'_>,
    raw: &BTreeMap<Text, RawKey>,
    assets: &BTreeMap<String, Asset>,
) -> BTreeMap<String, FundsKey> {
    let mut keys = BTreeMap::new();
    for (id, raw) in raw {
        let key = format!("keys.{}", id.get_ref());
        let wallet = check.name(&raw.wallet, &key);
        let id = check.name(id, &key);
        let Some(account) = account(check, raw, &key) else {
            continue;
        };
        let coin = fee_asset(&account);
        if assets.get(&coin).is_none_or(|asset| asset.fee_limit == 0) {
            let what = format!(
                "its fees are paid in `{coin}`, which has no caps and `fee_limit` in `assets`: nothing could be signed"
            );
            check.wrong(&raw.network, &key, what);
        }
        keys.insert(id, FundsKey { wallet, account });
    }
    keys
}

/// CAIP-19 of what fees are paid in.
fn fee_asset(account: &Account) -> String {
    let network = account.network();
    let coin = match account {
        Account::Evm { coin, .. } => *coin,
        Account::Bitcoin { chain, .. } => u32::from(*chain != Chain::Mainnet),
        Account::Solana { .. } => 501,
    };
    format!("{network}/slip44:{coin}")
}

fn account(check: &mut Check<'_>, raw: &RawKey, key: &str) -> Option<Account> {
    let network = raw.network.get_ref().as_str();
    refuse_foreign_fields(check, raw, key);
    if let Some(chain_id) = network.strip_prefix("eip155:").and_then(decimal::parse_u64) {
        let coin = check.number(raw.coin.as_ref(), &COIN);
        return Some(Account::Evm {
            chain_id,
            coin: u32::try_from(coin).unwrap_or(0),
            address: evm_address(check, raw.address.as_ref(), raw, key)?,
            safes: evm_addresses(check, &raw.safes, raw, key),
            multi_send: evm_addresses(check, &raw.multi_send, raw, key),
        });
    }
    if let Some(chain) = CHAINS.into_iter().find(|chain| chain.network() == network) {
        if raw.scripts.is_empty() {
            let what =
                "needs `scripts`: without own scripts change could not be told from an outflow";
            check.wrong(&raw.network, key, what.to_owned());
        }
        let scripts = raw
            .scripts
            .iter()
            .filter_map(|text| script(check, text, key));
        return Some(Account::Bitcoin {
            chain,
            scripts: scripts.collect(),
        });
    }
    if let Some(cluster) = CLUSTERS
        .into_iter()
        .find(|cluster| cluster.network() == network)
    {
        let address = raw.address.as_ref();
        let Some(address) = address.and_then(|text| SolanaKey::parse(text.get_ref())) else {
            let what = "needs `address`, 32 bytes in base58".to_owned();
            check.wrong(address.unwrap_or(&raw.network), key, what);
            return None;
        };
        let rent = raw.account_rent.as_ref();
        return Some(Account::Solana {
            cluster,
            address,
            account_rent: rent.map(|rent| check.amount(rent, key)),
        });
    }
    let what = format!(
        "`{}` is no network that is decoded: `eip155:<chain id>`, or the CAIP-2 name of a chain of Bitcoin or cluster of Solana",
        network.escape_debug()
    );
    check.wrong(&raw.network, key, what);
    None
}

/// A field that means nothing on the key's network would look like protection and be none.
fn refuse_foreign_fields(check: &mut Check<'_>, raw: &RawKey, key: &str) {
    let network = raw.network.get_ref();
    let evm = network.starts_with("eip155:");
    let bitcoin = network.starts_with("bip122:");
    let solana = network.starts_with("solana:");
    for (given, fits, field) in [
        (raw.coin.is_some(), evm, "coin"),
        (!raw.safes.is_empty(), evm, "safes"),
        (!raw.multi_send.is_empty(), evm, "multi_send"),
        (!raw.scripts.is_empty(), bitcoin, "scripts"),
        (raw.account_rent.is_some(), solana, "account_rent"),
        (raw.address.is_some(), evm || solana, "address"),
    ] {
        if given && !fits {
            let what = format!("`{field}` means nothing on `{}`", network.escape_debug());
            check.wrong(&raw.network, key, what);
        }
    }
}

fn evm_address(
    check: &mut Check<'_>,
    text: Option<&Text>,
    raw: &RawKey,
    key: &str,
) -> Option<Address> {
    let address = text.and_then(|text| Address::parse(text.get_ref()));
    if address.is_none() {
        let what = "needs `address`, `0x` and 40 hexadecimal digits".to_owned();
        check.wrong(text.unwrap_or(&raw.network), key, what);
    }
    address
}

fn evm_addresses(check: &mut Check<'_>, texts: &[Text], raw: &RawKey, key: &str) -> Vec<Address> {
    let read = |text| evm_address(check, Some(text), raw, key);
    texts.iter().filter_map(read).collect()
}

fn script(check: &mut Check<'_>, text: &Text, key: &str) -> Option<Vec<u8>> {
    let digits = text.get_ref();
    let byte = |at: usize| {
        let pair = digits.get(at..at.saturating_add(2))?;
        keepwhole_verify::json::parse_hex::<1>(pair).map(|[byte]| byte)
    };
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let bytes = bytes.filter(|bytes| !bytes.is_empty());
    if bytes.is_none() {
        let what = format!(
            "`{}` is no output script in lower-case hexadecimal digits",
            digits.escape_debug()
        );
        check.wrong(text, key, what);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_whole_bytes() {
        let mut check = Check::new("");
        let mut read = |text: &str| {
            script(
                &mut check,
                &toml::Spanned::new(0..0, text.to_owned()),
                "keys.a",
            )
        };
        assert_eq!(read("0014ff"), Some(vec![0, 0x14, 0xff]));
        for bad in ["", "0", "001", "0G", "0014F"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
