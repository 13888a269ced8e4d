//! What may be credited without a deposit: within a budget of the same asset, and never beyond what is held.

use super::turn::Turn;
use super::{Ruling, requests};
use crate::breaker::Touch;
use crate::command::NewCreditLine;
use crate::guard::{Ask, CreditLine};
use crate::reason::Reason;
use crate::registry::{AssetIx, OwnerIx, WalletIx};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn request(
    turn: &mut Turn<'_>,
    reason: &str,
    budget: &str,
    lines: &[NewCreditLine],
) -> Ruling {
    turn.needs_id()?;
    if lines.is_empty() {
        return Err(turn.malformed("a batch of credits needs at least one line"));
    }
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        if line.units == 0 {
            return Err(Reason::InvalidAmount { asked: line.units });
        }
        let asset = turn.asset(&line.asset)?;
        rows.push(CreditLine {
            owner: turn.customer(&line.customer)?,
            asset,
            units: line.units,
        });
    }
    let needs = turn.policy().budget(budget).map_or(0, |b| b.approvals);
    let ask = Ask::Credit {
        reason: String::from(reason),
        budget: String::from(budget),
        lines: rows,
    };
    requests::ask_guard(turn, ask, needs)
}

/// All checks of a batch but approvals, in order.
pub(super) fn judge(turn: &Turn<'_>, budget: &str, lines: &[CreditLine]) -> Result<(), Reason> {
    for line in lines {
        turn.not_halted(Touch {
            asset: Some(line.asset),
            wallet: None,
            trading: true,
        })?;
    }
    let registry = &turn.state.registry;
    let rule = turn.policy().budget(budget);
    let rule = rule.ok_or_else(|| Reason::UnknownBudget {
        budget: String::from(budget),
    })?;
    if let Some(line) = lines.iter().find(|line| line.asset != rule.asset) {
        return Err(Reason::BudgetUnit {
            budget: String::from(registry.asset_id(rule.asset)),
            line: String::from(registry.asset_id(line.asset)),
        });
    }
    let (used, by_customer) = turn.state.guard.budget_used(budget);
    let mut each: BTreeMap<OwnerIx, u128> = BTreeMap::new();
    let mut total = used;
    for line in lines {
        let before = by_customer
            .and_then(|m| m.get(&line.owner))
            .copied()
            .unwrap_or(0);
        let sum = each.entry(line.owner).or_insert(before);
        *sum = sum.saturating_add(line.units);
        total = total.saturating_add(line.units);
    }
    if let Some((owner, sum)) = each.iter().find(|(_, sum)| **sum > rule.per_customer) {
        let customer = String::from(registry.owner_id(*owner));
        return Err(Reason::PerCustomerExceeded {
            customer,
            total: *sum,
            limit: rule.per_customer,
        });
    }
    if total > rule.total {
        return Err(Reason::BudgetExceeded {
            total,
            limit: rule.total,
        });
    }
    within_holdings(turn, rule.asset, total.saturating_sub(used))
}

/// With the credit we may not owe more of an asset on a chain than we hold, less what is cleared to leave.
fn within_holdings(turn: &Turn<'_>, asset: AssetIx, units: u128) -> Result<(), Reason> {
    let on_chain = turn
        .state
        .registry
        .assets
        .get(asset.place())
        .is_some_and(|a| a.network.is_some());
    if !turn.policy().holdings_guard || !on_chain {
        return Ok(());
    }
    let wallets = (0..turn.state.registry.wallets.len()).filter_map(WalletIx::next);
    let unseen = wallets.fold(0u128, |sum, w| {
        sum.saturating_add(turn.state.custody.unseen(w, asset))
    });
    let held = turn.state.custody.held(asset).saturating_sub(unseen);
    let owed = turn.state.book.owed(asset).saturating_add(units);
    if owed > held {
        Err(Reason::HoldingsExceeded { owed, held })
    } else {
        Ok(())
    }
}
