//! What may be credited without a deposit: within a budget of the same asset, and never beyond what is held.

use super::turn::Turn;
use super::{Ruling, requests, rules};
use crate::breaker::Touch;
use crate::command::NewCreditLine;
use crate::guard::{Ask, CreditLine};
use crate::policy::BudgetBand;
use crate::policy::figures::Unknown;
use crate::policy::value::value_now;
use crate::reason::Reason;
use crate::registry::{ActorIx, AssetIx, OwnerIx};
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
pub(super) fn judge(
    turn: &Turn<'_>,
    budget: &str,
    lines: &[CreditLine],
    actor: Option<ActorIx>,
) -> Result<(), Reason> {
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
    let asked = total.saturating_sub(used);
    within_holdings(turn, rule.asset, asked)?;
    match turn.policy().band(budget) {
        Some(band) => within_band(turn, band, (lines, asked), actor),
        None => Ok(()),
    }
}

/// What one person asked for, and the value of the lines and of the batch: a wrong unit is seen by its value.
fn within_band(
    turn: &Turn<'_>,
    band: &BudgetBand,
    (lines, asked): (&[CreditLine], u128),
    actor: Option<ActorIx>,
) -> Result<(), Reason> {
    let state = turn.state;
    let untold = |figure: &'static str| move |why| rules::untold(state, why, &band.budget, figure);
    if let Some(limit) = band.per_requester {
        let actor = actor.and_then(|ix| state.registry.actors.get(ix.place()));
        let person = actor
            .ok_or(Unknown::NotRecorded)
            .map_err(untold("requester"))?
            .person;
        let used = state.guard.budgets.get(&band.budget);
        let used = used.and_then(|used| used.by_person.get(&person)).copied();
        let total = used.unwrap_or(0).saturating_add(asked);
        if total > limit {
            let name = state.registry.persons.get(person.place()).cloned();
            return Err(Reason::RequesterExceeded {
                person: name.unwrap_or_default(),
                total,
                limit,
            });
        }
    }
    if band.line_value.is_none() && band.batch_value.is_none() {
        return Ok(());
    }
    let over = |of: &str, value: u128, limit: Option<u128>| match limit {
        Some(limit) if value > limit => Err(Reason::ValueBand {
            of: String::from(of),
            value,
            limit,
        }),
        _ => Ok(()),
    };
    let mut batch = 0u128;
    for line in lines {
        let value = value_now(state, line.asset, line.units, turn.at);
        let value = value.map_err(untold("value"))?;
        over("line", value, band.line_value)?;
        batch = batch.saturating_add(value);
    }
    over("batch", batch, band.batch_value)
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
    let custody = &turn.state.custody;
    let held = custody
        .held(asset)
        .saturating_sub(custody.unseen_of_all(asset));
    let owed = turn.state.book.owed(asset).saturating_add(units);
    if owed > held {
        Err(Reason::HoldingsExceeded { owed, held })
    } else {
        Ok(())
    }
}
