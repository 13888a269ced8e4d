//! The books: movements, trades, rows found without a decision, and reads of personal records.

use super::Ruling;
use super::turn::Turn;
use crate::amount::Amount;
use crate::answer::Answer;
use crate::book::MovementKind;
use crate::breaker::Scope;
use crate::command::NewMovement;
use crate::custody::value_of;
use crate::event::Event;
use crate::incident::{AlarmCode, Cause};
use crate::reason::Reason;
use crate::registry::{AssetIx, OUTSIDE, OwnerIx};
use alloc::collections::BTreeMap;
use alloc::string::String;

/// A batch of movements: all or none, and none may overdraw, the batch's earlier lines counted.
pub(super) fn movements(turn: &mut Turn<'_>, lines: &[NewMovement]) -> Ruling {
    // What the batch itself adds and takes so far, for owners that it takes from.
    let mut change: BTreeMap<(OwnerIx, AssetIx), (u128, u128)> = BTreeMap::new();
    for line in lines {
        if line.units == 0 || line.from == line.to {
            return Err(Reason::InvalidAmount { asked: line.units });
        }
        let asset = turn.asset(&line.asset)?;
        let (from, to) = (turn.owner(&line.from)?, turn.owner(&line.to)?);
        let overflow = Reason::InvalidAmount { asked: line.units };
        let taken = change.entry((from, asset)).or_insert((0, 0));
        taken.1 = taken.1.checked_add(line.units).ok_or(overflow.clone())?;
        let (plus, minus) = *taken;
        let before = turn.state.book.totals(from, asset);
        let incoming = before.incoming.checked_add(plus);
        let outgoing = before.outgoing.checked_add(minus);
        let (incoming, outgoing) = incoming.zip(outgoing).ok_or(overflow.clone())?;
        // An owner whom a fact overdrew has nothing until the totals say so: what an earlier line gives first fills that.
        if from != OUTSIDE && outgoing > incoming {
            return Err(Reason::InsufficientBalance {
                has: incoming.saturating_sub(outgoing.saturating_sub(line.units)),
                asked: line.units,
            });
        }
        let given = change.entry((to, asset)).or_insert((0, 0));
        given.0 = given.0.checked_add(line.units).ok_or(overflow.clone())?;
        turn.state
            .book
            .totals(to, asset)
            .incoming
            .checked_add(given.0)
            .ok_or(overflow)?;
        let amount = Amount::new(asset, line.units);
        turn.movement(from, to, amount, line.kind, &line.reference)?;
    }
    Ok(Answer::Recorded)
}

/// A trade is a fact: it is always recorded, also where it overdraws.
pub(super) fn trade(
    turn: &mut Turn<'_>,
    buyer: &str,
    seller: &str,
    base: &str,
    quote: &str,
    units: u128,
    price: u128,
) -> Ruling {
    let (base, quote) = (turn.asset(base)?, turn.asset(quote)?);
    let (buyer, seller) = (turn.customer(buyer)?, turn.customer(seller)?);
    let decimals = turn
        .state
        .registry
        .assets
        .get(base.place())
        .map_or(0, |a| a.decimals);
    let paid = value_of(units, price, decimals).ok_or(Reason::InvalidAmount { asked: units })?;
    let reference = String::from(turn.id.unwrap_or(""));
    turn.movement(
        seller,
        buyer,
        Amount::new(base, units),
        MovementKind::Trade,
        &reference,
    )?;
    turn.movement(
        buyer,
        seller,
        Amount::new(quote, paid),
        MovementKind::Trade,
        &reference,
    )?;
    Ok(Answer::Recorded)
}

/// A ledger row without a decision of the guard: recorded as it is, and an alarm. Trading and the asset are halted.
pub(super) fn row(
    turn: &mut Turn<'_>,
    customer: &str,
    asset: &str,
    units: u128,
    credit: bool,
) -> Ruling {
    if units == 0 {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let owner = turn.customer(customer)?;
    let amount = Amount::new(asset, units);
    let reference = String::from(turn.id.unwrap_or(""));
    let (from, to) = if credit {
        (OUTSIDE, owner)
    } else {
        (owner, OUTSIDE)
    };
    turn.movement(from, to, amount, MovementKind::Observed, &reference)?;
    let row = turn.state.registry.assets.get(asset.place());
    let on_chain = row.is_some_and(|a| a.network.is_some());
    let owed = turn
        .state
        .book
        .owed(asset)
        .saturating_add(if credit { units } else { 0 });
    let gap = !credit || (on_chain && owed > turn.state.custody.held(asset));
    let subject = String::from(turn.state.registry.asset_id(asset));
    let mut incident = None;
    if credit {
        incident = Some(turn.alarm_of_case(AlarmCode::MisCredit, &subject, &Cause::Ledger));
    }
    if gap {
        incident = Some(turn.alarm_of_case(AlarmCode::ReconcileGap, &subject, &Cause::Ledger));
    }
    let why = "a ledger row without a decision of the guard";
    turn.trip(Scope::Trading, why, incident);
    turn.trip(Scope::Asset(asset), why, incident);
    Ok(Answer::Recorded)
}

/// A read of a personal record: with a purpose, within the person's and everybody's quota of the last hour.
pub(super) fn read(turn: &mut Turn<'_>, customer: &str, purpose: &str) -> Ruling {
    let owner = turn.customer(customer)?;
    let (_, person) = turn.needs_actor()?;
    if purpose.trim().is_empty() {
        return Err(Reason::PurposeMissing);
    }
    super::subjects::quota(turn, person)?;
    turn.emit(Event::RecordRead {
        person,
        owner,
        purpose: String::from(purpose),
    });
    Ok(Answer::Cleared)
}
