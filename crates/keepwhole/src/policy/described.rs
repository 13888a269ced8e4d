//! A request that is only described, in TOML or JSON, so that it can be explained before anybody asks it.

use keepwhole_core::guard::{Ask, CreditLine};
use keepwhole_core::registry::{AssetIx, OwnerIx, Registry, WalletIx};
use serde::Deserialize;

use super::condition::amount;
use super::names::Names;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Raw {
    Withdrawal {
        customer: String,
        wallet: String,
        amount: String,
        to: String,
    },
    Transfer {
        from: String,
        to: String,
        amount: String,
    },
    Credit {
        budget: String,
        #[serde(default)]
        reason: String,
        lines: Vec<RawLine>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    customer: String,
    amount: String,
}

/// Reads a description; `json` says which form it has.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn described(
    text: &str,
    json: bool,
    registry: &Registry,
    names: &Names,
) -> Result<Ask, String> {
    let raw: Raw = match json {
        true => serde_json::from_str(text).map_err(|error| error.to_string()),
        false => toml::from_str(text).map_err(|error| error.message().replace('\n', "; ")),
    }
    .map_err(|cause| {
        format!("{cause}; write `kind = \"withdrawal\"` with `customer`, `wallet`, `amount = \"1.5 BTC\"` and `to`")
    })?;
    match raw {
        Raw::Withdrawal {
            customer,
            wallet,
            amount,
            to,
        } => {
            let (asset, units) = units(&amount, names)?;
            Ok(Ask::Withdrawal {
                owner: owner(&customer, registry)?,
                wallet: wallet_of(&wallet, registry)?,
                asset,
                units,
                to,
            })
        }
        Raw::Transfer { from, to, amount } => {
            let (asset, units) = units(&amount, names)?;
            Ok(Ask::Transfer {
                wallet: wallet_of(&from, registry)?,
                to_wallet: wallet_of(&to, registry)?,
                asset,
                units,
            })
        }
        Raw::Credit {
            budget,
            reason,
            lines,
        } => {
            let lines = lines.iter().map(|line| {
                let (asset, units) = units(&line.amount, names)?;
                let owner = owner(&line.customer, registry)?;
                Ok(CreditLine {
                    owner,
                    asset,
                    units,
                })
            });
            Ok(Ask::Credit {
                reason,
                budget,
                lines: lines.collect::<Result<_, String>>()?,
            })
        }
    }
}

fn units(text: &str, names: &Names) -> Result<(AssetIx, u128), String> {
    amount(text, names).map_err(|wrong| format!("`amount`: `{text}` {}; {}", wrong.why, wrong.fix))
}

fn owner(id: &str, registry: &Registry) -> Result<OwnerIx, String> {
    registry
        .owner(id)
        .ok_or_else(|| format!("`customer`: no customer `{id}` is registered"))
}

fn wallet_of(id: &str, registry: &Registry) -> Result<WalletIx, String> {
    registry
        .wallet(id)
        .ok_or_else(|| format!("`wallet`: no wallet `{id}` is registered"))
}
