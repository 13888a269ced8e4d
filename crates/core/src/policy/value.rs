//! Values now: an amount in the reference currency at a price that is fresh enough, or why there is none.

use super::figures::Unknown;
use crate::custody::value_of;
use crate::history::VALUE_MAX;
use crate::registry::AssetIx;
use crate::state::State;

/// Price of an asset in the reference currency that is fresh enough, and when it was recorded. The reference currency
/// itself has the price one, recorded now.
pub(super) fn price_of(state: &State, asset: AssetIx, at: u64) -> Result<(u128, u64), Unknown> {
    let policy = &state.guard.policy;
    let reference = policy.reference.ok_or(Unknown::NoReference)?;
    if asset == reference {
        return Ok((0, at));
    }
    let price = state.prices.get(&(asset, reference));
    let price = price.ok_or(Unknown::PriceMissing { asset })?;
    let age_ms = at.saturating_sub(price.at);
    match policy.price_max_age_ms {
        Some(max_ms) if age_ms > max_ms => Err(Unknown::PriceStale {
            asset,
            age_ms,
            max_ms,
        }),
        _ => Ok((price.price, price.at)),
    }
}

pub(super) fn valued(
    state: &State,
    asset: AssetIx,
    units: u128,
    price: u128,
) -> Result<u128, Unknown> {
    let value = if state.guard.policy.reference == Some(asset) {
        Some(units)
    } else {
        let row = state.registry.assets.get(asset.place());
        row.and_then(|row| value_of(units, price, row.decimals))
    };
    value
        .filter(|value| *value < VALUE_MAX)
        .ok_or(Unknown::TooLarge)
}

/// Value of an amount now, minor units of the reference currency.
///
/// # Errors
/// Why it can't be told.
pub fn value_now(state: &State, asset: AssetIx, units: u128, at: u64) -> Result<u128, Unknown> {
    let (price, _) = price_of(state, asset, at)?;
    valued(state, asset, units, price)
}
