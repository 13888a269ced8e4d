//! What must hold in every state: sums, parts of losses, coverage, time.

use crate::promise::{Broken, Promise};
use keepwhole_core::custody::coverage;
use keepwhole_core::registry::{AssetIx, HOUSE};
use keepwhole_core::state::State;

/// Checks the invariants of a state whose time was `before` at the last look.
///
/// # Errors
/// [`Promise::Invariant`].
pub fn invariants(state: &State, before: u64) -> Result<(), Broken> {
    if state.at < before {
        let what = format!("time went back from {before} to {}", state.at);
        return Promise::Invariant.broken(what);
    }
    let assets = (0..state.registry.assets.len()).filter_map(AssetIx::next);
    for asset in assets {
        if !state.book.sums_to_zero(asset) {
            let what = format!("movements of asset {} do not sum to zero", asset.0);
            return Promise::Invariant.broken(what);
        }
    }
    for row in coverage(state) {
        let customers = state.registry.customers().chain([HOUSE]);
        let (mut owed, mut overdrawn) = (0u128, 0u128);
        for owner in customers {
            let totals = state.book.totals(owner, row.asset);
            owed += totals.balance();
            overdrawn += totals.overdrawn();
        }
        if row.owed != owed.saturating_sub(overdrawn) || row.held != state.custody.held(row.asset) {
            let what = format!(
                "coverage of asset {} is {row:?}, owed are {owed}",
                row.asset.0
            );
            return Promise::Invariant.broken(what);
        }
    }
    losses(state)
}

/// `short = replenished + outstanding` for every customer, and all parts add up to the loss.
fn losses(state: &State) -> Result<(), Broken> {
    for case in &state.incidents.cases {
        for loss in case.losses.values() {
            let customers: u128 = loss.parts.iter().map(|part| part.lost).sum();
            if customers + loss.house != loss.total {
                let what = format!(
                    "parts of {customers} and the house's {} are not the loss of {}",
                    loss.house, loss.total
                );
                return Promise::Invariant.broken(what);
            }
            let wrong = loss
                .parts
                .iter()
                .find(|part| part.lost != part.restored + part.outstanding());
            if let Some(part) = wrong {
                let what = format!(
                    "{} short are not {} put back and {} outstanding",
                    part.lost,
                    part.restored,
                    part.outstanding()
                );
                return Promise::Invariant.broken(what);
            }
        }
    }
    Ok(())
}
