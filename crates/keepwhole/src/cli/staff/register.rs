//! What custody changes: wallets, keys, assets, Safes, code for batches, opening holdings, each proposed as a change.

use super::super::exit::{Exit, Failure};
use super::super::guard::WalletTier;
use super::{By, pair, propose};
use clap::{Args, Subcommand};
use keepwhole_core::guard::Change;
use keepwhole_core::guard::custody_change::{Body, Holding, NewAsset, NewSafe};
use keepwhole_core::registry::{Asset, Wallet};

/// Arguments of `staff register`.
#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A wallet of ours.
    #[command(
        after_help = "Example:\n  keepwhole staff register wallet vault --tier cold --address 0x5afe00000000000000000000000000000000beef --data exchange --actor ada --id wallet-1"
    )]
    Wallet(WalletArgs),
    /// A signing key of a wallet, and the network that it is for (CAIP-2).
    #[command(
        after_help = "Example:\n  keepwhole staff register key vault vault/1 eip155:1 --data exchange --actor ada --id key-1"
    )]
    Key(KeyArgs),
    /// An asset with its name on its network (CAIP-19), or money, which has none.
    #[command(
        after_help = "Example:\n  keepwhole staff register asset USDC --decimals 6 --network eip155:1 --confirmations 12 --name eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48 --data exchange --actor ada --id asset-1"
    )]
    Asset(AssetArgs),
    /// A Safe of version 1.3.0 or later; its address is that of a registered wallet.
    #[command(
        after_help = "Example:\n  keepwhole staff register safe --network eip155:1 --address 0x5afe00000000000000000000000000000000beef --safe-version 1.4.1 --wallet vault --data exchange --actor ada --id safe-1"
    )]
    Safe(SafeArgs),
    /// A `MultiSendCallOnly` contract whose code was checked: the only code that a Safe may run as its own.
    #[command(
        after_help = "Example:\n  keepwhole staff register batch-code --network eip155:1 --address 0x9641d764fc13c8b624c04430c7356c1c7c8102e2 --data exchange --actor ada --id batch-1"
    )]
    BatchCode(BatchArgs),
    /// What a wallet holds at the start of watching, minor units.
    #[command(
        after_help = "Example:\n  keepwhole staff register holdings vault ETH=10000000000000000000 USDC=250000000 --data exchange --actor ada --id holdings-1"
    )]
    Holdings(HoldingsArgs),
}

#[derive(Debug, Args)]
struct Proposing {
    #[command(flatten)]
    by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
struct WalletArgs {
    #[command(flatten)]
    propose: Proposing,
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// How it signs.
    #[arg(long, value_name = "TIER")]
    tier: WalletTier,
    /// Its address.
    #[arg(long, value_name = "ADDRESS")]
    address: String,
}

#[derive(Debug, Args)]
struct KeyArgs {
    #[command(flatten)]
    propose: Proposing,
    /// The wallet.
    #[arg(value_name = "WALLET")]
    wallet: String,
    /// The key.
    #[arg(value_name = "KEY")]
    key: String,
    /// The network.
    #[arg(value_name = "CAIP-2")]
    network: String,
}

#[derive(Debug, Args)]
struct AssetArgs {
    #[command(flatten)]
    propose: Proposing,
    /// Its name in the exchange's books.
    #[arg(value_name = "ASSET")]
    asset: String,
    /// Minor units per whole unit are a ten to this power.
    #[arg(long, value_name = "NUMBER")]
    decimals: u8,
    /// Its network (CAIP-2); none for money.
    #[arg(long, value_name = "CAIP-2", requires = "name")]
    network: Option<String>,
    /// Confirmations after which a deposit counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    confirmations: u32,
    /// Its name on its network, with the contract of a token; none for money.
    #[arg(long, value_name = "CAIP-19", requires = "network")]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct SafeArgs {
    #[command(flatten)]
    propose: Proposing,
    /// Network.
    #[arg(long, value_name = "CAIP-2")]
    network: String,
    /// Address: lower-case hexadecimal, or with its checksum (EIP-55).
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// What the Safe's `VERSION()` says.
    #[arg(long, value_name = "VERSION")]
    safe_version: String,
    /// The wallet that it is.
    #[arg(long, value_name = "WALLET")]
    wallet: String,
}

#[derive(Debug, Args)]
struct BatchArgs {
    #[command(flatten)]
    propose: Proposing,
    /// Network.
    #[arg(long, value_name = "CAIP-2")]
    network: String,
    /// Address: lower-case hexadecimal, or with its checksum (EIP-55).
    #[arg(long, value_name = "ADDRESS")]
    address: String,
}

#[derive(Debug, Args)]
struct HoldingsArgs {
    #[command(flatten)]
    propose: Proposing,
    /// The wallet.
    #[arg(value_name = "WALLET")]
    wallet: String,
    /// Each asset with what the wallet holds of it.
    #[arg(value_name = "ASSET=UNITS", required = true)]
    lines: Vec<String>,
}

impl RegisterArgs {
    const fn propose(&self) -> &Proposing {
        match &self.what {
            What::Wallet(args) => &args.propose,
            What::Key(args) => &args.propose,
            What::Asset(args) => &args.propose,
            What::Safe(args) => &args.propose,
            What::BatchCode(args) => &args.propose,
            What::Holdings(args) => &args.propose,
        }
    }

    /// Who proposes.
    pub(super) const fn by(&self) -> &By {
        &self.propose().by
    }
}

/// Proposes the registration.
///
/// # Errors
/// [`Failure`] with exit 1 for what the rules refuse, 2 for an amount that is none.
pub(super) fn run(args: &RegisterArgs) -> Result<Exit, Failure> {
    let change = change(&args.what)?;
    propose(args.by(), &args.propose().id, change)
}

fn change(what: &What) -> Result<Change, Failure> {
    let body = match what {
        What::Wallet(args) => {
            return Ok(Change::RegisterWallet(Wallet {
                id: args.name.clone(),
                tier: args.tier.into(),
                address: args.address.clone(),
            }));
        }
        What::Key(args) => {
            return Ok(Change::NameKey {
                wallet: args.wallet.clone(),
                key: args.key.clone(),
                network: args.network.clone(),
            });
        }
        What::Asset(args) => Body::Asset(NewAsset {
            asset: Asset {
                id: args.asset.clone(),
                decimals: args.decimals,
                network: args.network.clone(),
                confirmations: args.confirmations,
            },
            caip19: args.name.clone(),
        }),
        What::Safe(args) => Body::Safe(NewSafe {
            network: args.network.clone(),
            address: args.address.clone(),
            version: args.safe_version.clone(),
            wallet: args.wallet.clone(),
        }),
        What::BatchCode(args) => Body::BatchCode {
            network: args.network.clone(),
            address: args.address.clone(),
        },
        What::Holdings(args) => {
            let lines: Result<Vec<Holding>, Failure> =
                args.lines.iter().map(|text| holding(text)).collect();
            Body::Holdings {
                wallet: args.wallet.clone(),
                lines: lines?,
            }
        }
    };
    Ok(Change::OfCustody(Box::new(body)))
}

/// `ASSET=UNITS`.
fn holding(text: &str) -> Result<Holding, Failure> {
    let (asset, units) = pair("holdings", text)?;
    let units = units.parse().map_err(|_| {
        Failure::usage(
            "amount",
            format!(
                "`{}` is no amount in minor units: digits alone",
                units.escape_debug()
            ),
        )
    })?;
    Ok(Holding {
        asset: asset.to_owned(),
        units,
    })
}
