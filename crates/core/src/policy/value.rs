//! Values now: an amount in the reference currency at a price that is fresh enough, or why there is none.

use super::figures::Unknown;
use crate::history::VALUE_MAX;
use crate::price::{Unusable, worth};
use crate::registry::AssetIx;
use crate::state::State;

/// Price of an asset in the reference currency that is good and fresh enough, and of when it is. The reference currency
/// itself has the price one, of now.
pub(super) fn price_of(state: &State, asset: AssetIx, at: u64) -> Result<(u128, u64), Unknown> {
    let policy = &state.guard.policy;
    let reference = policy.reference.ok_or(Unknown::NoReference)?;
    if asset == reference {
        return Ok((0, at));
    }
    let known = state.prices.get(&(asset, reference));
    let known = known.ok_or(Unknown::PriceMissing { asset })?;
    match known.usable(at, policy.price_max_age_ms) {
        Ok(price) => Ok((price.price, price.as_of)),
        Err(Unusable::Missing) => Err(Unknown::PriceMissing { asset }),
        Err(Unusable::Stale { age_ms, max_ms }) => Err(Unknown::PriceStale {
            asset,
            age_ms,
            max_ms,
        }),
        Err(Unusable::Suspected(suspect)) => Err(Unknown::PriceSuspect {
            asset,
            price: suspect.price.price,
            last: suspect.last,
            band_bps: suspect.band_bps,
        }),
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
        row.and_then(|row| worth(units, price, row.decimals))
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
