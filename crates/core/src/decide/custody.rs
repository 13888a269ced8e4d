//! What a change may register that the exchange trusts on chains: known names, nothing twice, no address with a slip.

use super::turn::Turn;
use super::{clearances, dead, registering};
use crate::event::Event;
use crate::evm_address::{self, Fault};
use crate::guard::clearance::{Contract, RegisteredSafe};
use crate::guard::custody_change::{Body, Holding, NewAsset, NewSafe};
use crate::reason::Reason;
use crate::registry::{AssetIx, WalletIx};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Most lines of one change of holdings: a person reads them all.
const LINES_MAX: usize = 32;

/// The first version of a Safe whose transactions are hashed with the chain's id.
const SAFE_FROM: [u32; 3] = [1, 3, 0];

/// It names what is known, registers nothing twice, and every address is right.
pub(super) fn check(turn: &Turn<'_>, body: &Body) -> Result<(), Reason> {
    match body {
        Body::Asset(new) => asset(turn, new).map(|_| ()),
        Body::Safe(new) => safe(turn, new).map(|_| ()),
        Body::BatchCode { network, address } => {
            let code = contract(turn, network, address)?;
            let known = &turn.state.guard.clearances.batch_code;
            registering::fresh(known.contains(&code), &code.address)
        }
        Body::Holdings { wallet, lines } => holdings(turn, wallet, lines).map(|_| ()),
        Body::Dead(declared) => dead::check(turn, declared).map(|_| ()),
    }
}

/// The quorum stands and its wait is over.
pub(super) fn in_force(turn: &mut Turn<'_>, body: &Body) {
    match body {
        Body::Asset(new) => {
            let Ok(caip19) = asset(turn, new) else { return };
            let rows = turn.state.registry.assets.len();
            turn.emit(Event::AssetRegistered(new.asset.clone()));
            if let (Some(asset), Some(caip19)) = (AssetIx::next(rows), caip19) {
                turn.emit(Event::AssetNamed { asset, caip19 });
            }
        }
        Body::Safe(new) => {
            if let Ok((wallet, at)) = safe(turn, new) {
                let version = new.version.clone();
                let safe = RegisteredSafe {
                    wallet,
                    at,
                    version,
                };
                turn.emit(Event::SafeRegistered(Box::new(safe)));
            }
        }
        Body::BatchCode { network, address } => {
            if let Ok(code) = contract(turn, network, address) {
                turn.emit(Event::BatchCodeRegistered(code));
            }
        }
        Body::Holdings { wallet, lines } => {
            let places = holdings(turn, wallet, lines).unwrap_or_default();
            for ((wallet, asset), line) in places.into_iter().zip(lines) {
                turn.emit(Event::HoldingDeclared {
                    wallet,
                    asset,
                    units: line.units,
                });
            }
        }
        Body::Dead(declared) => dead::in_force(turn, declared),
    }
}

/// A new asset, and its name on its network with the address of a token in lower case.
fn asset(turn: &Turn<'_>, new: &NewAsset) -> Result<Option<String>, Reason> {
    registering::new_asset(turn, &new.asset)?;
    let (network, name) = match (&new.asset.network, &new.caip19) {
        (None, None) => return Ok(None),
        (Some(network), Some(name)) => (network, name),
        _ => {
            return Err(turn.malformed(
                "an asset of a network has a name there (CAIP-19), and money has neither",
            ));
        }
    };
    let Some(on) = name
        .strip_prefix(network.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return Err(turn.malformed(
            "the asset's name begins with its network, such as `eip155:1/erc20:0x…` on `eip155:1`",
        ));
    };
    let name = match on.strip_prefix("erc20:") {
        Some(token) => alloc::format!(
            "{network}/erc20:{}",
            contract(turn, network, token)?.address
        ),
        None => name.clone(),
    };
    clearances::fresh_asset_name(turn, &name)?;
    Ok(Some(name))
}

/// A Safe that can be told from the same one on another chain, and the wallet whose address it has.
fn safe(turn: &Turn<'_>, new: &NewSafe) -> Result<(WalletIx, Contract), Reason> {
    let at = contract(turn, &new.network, &new.address)?;
    let version = version(&new.version).ok_or_else(|| {
        turn.malformed("a Safe's version is three numbers with points between, such as `1.4.1`")
    })?;
    if version < SAFE_FROM {
        return Err(turn.malformed(
            "a Safe before 1.3.0 signs without the chain's id: what it signs holds on every chain",
        ));
    }
    let wallet = turn.wallet(&new.wallet)?;
    let row = turn.state.registry.wallets.get(wallet.place());
    if !row.is_some_and(|row| row.address.eq_ignore_ascii_case(&at.address)) {
        return Err(turn.malformed("a Safe's address is that of its wallet"));
    }
    let known = turn.state.guard.clearances.safes.contains_key(&at);
    registering::fresh(known, &at.address)?;
    Ok((wallet, at))
}

fn holdings(
    turn: &Turn<'_>,
    wallet: &String,
    lines: &[Holding],
) -> Result<Vec<(WalletIx, AssetIx)>, Reason> {
    if lines.is_empty() || lines.len() > LINES_MAX {
        return Err(turn.malformed("holdings have 1 to 32 lines"));
    }
    registering::undeclared(turn, lines.iter().map(|line| (wallet, &line.asset)))
}

/// A contract whose network is one of EVM.
fn contract(turn: &Turn<'_>, network: &str, address: &str) -> Result<Contract, Reason> {
    let chain = network.strip_prefix("eip155:").and_then(plain_number);
    if chain.is_none() {
        return Err(
            turn.malformed("Safes and tokens of contracts are on networks such as `eip155:1`")
        );
    }
    match evm_address::read(address) {
        Ok(address) => Ok(Contract {
            network: String::from(network),
            address,
        }),
        Err(Fault::Form) => Err(turn.malformed("an address is `0x` and 40 hexadecimal digits")),
        Err(Fault::Checksum { wanted }) => Err(Reason::AddressChecksum { wanted }),
    }
}

/// Digits without zeros before them.
fn plain_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    (plain && shortest).then(|| text.parse().ok()).flatten()
}

fn version(text: &str) -> Option<[u32; 3]> {
    let mut parts = text
        .split('.')
        .map(|part| plain_number(part).and_then(|number| u32::try_from(number).ok()));
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}
