//! Folds what concerns cases: alarms, halts, awareness, clocks, losses, claims.

use crate::breaker::{Scope, Trip};
use crate::due::Timer;
use crate::event::Event;
use crate::incident::clock::{Clock, Standing};
use crate::incident::{Alarm, Awareness, Cause, Incident};
use crate::redress::{Attribution, ClaimBasis, ClaimStanding, Loss, attribute, put_back};
use crate::registry::AssetIx;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What an alarm finds stopped by a person is the alarm's from then on.
fn tripped(state: &mut State, at: u64, scope: Scope, cause: &str) {
    let trip = state.breaker.tripped.entry(scope).or_insert(Trip {
        since: at,
        cause: String::new(),
    });
    trip.cause = String::from(cause);
    state.authority.stops.remove(&scope);
}

/// Folds the event.
pub(super) fn apply(state: &mut State, at: u64, event: &Event) {
    match event {
        Event::AlarmRaised { code, subject } => {
            state.incidents.alarms.push(Alarm {
                at,
                code: *code,
                subject: subject.clone(),
            });
        }
        Event::BreakerTripped { scope, cause } => tripped(state, at, *scope, cause),
        Event::BreakerReset { scope } => {
            state.breaker.tripped.remove(scope);
            state.authority.stops.remove(scope);
            state
                .breaker
                .shadowed
                .retain(|(_, known, _)| known != scope);
            super::requests::resumed(state);
        }
        Event::TripShadowed { scope, cause } => {
            state.breaker.shadowed.push((at, *scope, cause.clone()));
        }
        Event::DutyAdopted(duty) => state.incidents.duties.push(duty.clone()),
        Event::IncidentOpened { cause, opened_by } => opened(state, at, cause, opened_by),
        Event::AwarenessNamed { incident, by } => with(state, *incident, |case| {
            case.awareness.push(Awareness { at, by: *by });
        }),
        Event::IncidentClassified {
            incident,
            by,
            level,
        } => with(state, *incident, |case| {
            case.classified.push((at, *by, level.clone()));
        }),
        Event::FactRecorded { incident, fact } => {
            with(state, *incident, |case| case.facts.push(fact.clone()))
        }
        Event::FreezeRecorded { incident, freeze } => {
            with(state, *incident, |case| case.freezes.push(freeze.clone()))
        }
        Event::LossRecognised {
            incident,
            asset,
            units,
            house,
        } => loss(state, at, *incident, *asset, *units, *house),
        Event::RecoveryRecorded {
            incident,
            asset,
            units,
        } => recovered(state, *incident, *asset, *units),
        Event::PoolReplenished {
            incident,
            asset,
            units,
        } => replenished(state, *incident, *asset, *units),
        Event::ClaimLodged(claim) => state.claims.list.push((**claim).clone()),
        Event::ClaimPaid {
            claim,
            units,
            custody,
        } => claim_paid(state, at, *claim, *units, *custody),
        other => clocks(state, at, other),
    }
}

fn with(state: &mut State, incident: u32, change: impl FnOnce(&mut Incident)) {
    let place = usize::try_from(incident).unwrap_or(usize::MAX);
    if let Some(case) = state.incidents.cases.get_mut(place) {
        change(case);
    }
}

fn opened(state: &mut State, at: u64, cause: &Cause, opened_by: &str) {
    state.incidents.cases.push(Incident {
        opened: at,
        opened_by: String::from(opened_by),
        cause: cause.clone(),
        awareness: Vec::new(),
        classified: Vec::new(),
        facts: Vec::new(),
        clocks: Vec::new(),
        losses: BTreeMap::new(),
        freezes: Vec::new(),
    });
}

fn clocks(state: &mut State, at: u64, event: &Event) {
    match event {
        Event::ClockStarted {
            incident,
            duty,
            started,
            due,
        } => {
            let clock = Clock {
                duty: *duty,
                started: *started,
                due: *due,
                standing: Standing::Open,
                told: None,
                receipt: String::new(),
                warned: 0,
            };
            let place = usize::try_from(*incident).unwrap_or(usize::MAX);
            let Some(case) = state.incidents.cases.get_mut(place) else {
                return;
            };
            let number = u32::try_from(case.clocks.len()).unwrap_or(u32::MAX);
            case.clocks.push(clock);
            set_timers(state, *incident, number);
        }
        Event::ClockShortened {
            incident,
            clock,
            due,
        } => {
            on_clock(state, *incident, *clock, |row| row.due = Some(*due));
            set_timers(state, *incident, *clock);
        }
        Event::ClockWarned { incident, clock } => {
            on_clock(state, *incident, *clock, |row| {
                row.warned = row.warned.saturating_add(1)
            });
            set_timers(state, *incident, *clock);
        }
        Event::ClockMissed { incident, clock } => {
            on_clock(state, *incident, *clock, |row| {
                row.standing = Standing::Missed
            });
            set_timers(state, *incident, *clock);
        }
        Event::NotificationRecorded {
            incident,
            clock,
            receipt,
            ..
        } => {
            on_clock(state, *incident, *clock, |row| {
                if row.told.is_none() {
                    row.told = Some(at);
                    row.receipt.clone_from(receipt);
                }
                if row.standing == Standing::Open {
                    row.standing = if row.due.is_none_or(|due| at <= due) {
                        Standing::Met
                    } else {
                        Standing::Missed
                    };
                }
            });
            set_timers(state, *incident, *clock);
        }
        _ => {}
    }
}

fn on_clock(state: &mut State, incident: u32, clock: u32, change: impl FnOnce(&mut Clock)) {
    let number = usize::try_from(clock).unwrap_or(usize::MAX);
    with(state, incident, |case| {
        if let Some(row) = case.clocks.get_mut(number) {
            change(row);
        }
    });
}

/// A running clock has a timer for its next warning and one for the first moment after its due time; an ended clock
/// has none.
fn set_timers(state: &mut State, incident: u32, clock: u32) {
    let warns = Timer::ClockWarns(incident, clock);
    let missed = Timer::ClockMissed(incident, clock);
    state.timers.forget(warns);
    state.timers.forget(missed);
    let place = usize::try_from(incident).unwrap_or(usize::MAX);
    let number = usize::try_from(clock).unwrap_or(usize::MAX);
    let row = state
        .incidents
        .cases
        .get(place)
        .and_then(|case| case.clocks.get(number));
    let Some(row) = row.filter(|row| row.standing == Standing::Open) else {
        return;
    };
    let (warning, due) = (row.next_warning(), row.due);
    if let Some(warning) = warning {
        state.timers.insert(warning, warns);
    }
    if let Some(due) = due {
        state.timers.insert(due.saturating_add(1), missed);
    }
}

/// Adds a loss event; the first one of an asset fixes the weights at the balances just before it.
fn loss(state: &mut State, at: u64, incident: u32, asset: AssetIx, units: u128, house: u128) {
    let place = usize::try_from(incident).unwrap_or(usize::MAX);
    let order = state.guard.policy.loss_order;
    let Some(case) = state.incidents.cases.get_mut(place) else {
        return;
    };
    let row = case
        .losses
        .entry(asset)
        .or_insert_with(|| Loss::before(&state.book, asset));
    // The house's part was decided and stands in the event. Where the rest could not be split, the house bears it.
    let attribution =
        attribute(row, units, order, house, &state.registry).unwrap_or_else(|_| Attribution {
            house: units,
            customers: Vec::new(),
        });
    row.total = row.total.saturating_add(units);
    row.house = row.house.saturating_add(house);
    row.events.push((at, units));
    for (part, share) in row.parts.iter_mut().zip(attribution.customers) {
        part.lost = part.lost.saturating_add(share);
    }
}

fn on_loss(
    state: &mut State,
    incident: u32,
    asset: AssetIx,
    units: u128,
) -> Option<(&mut Loss, u128)> {
    let place = usize::try_from(incident).ok()?;
    let row = state
        .incidents
        .cases
        .get_mut(place)?
        .losses
        .get_mut(&asset)?;
    let (shares, left) = put_back(row, units, &state.registry).ok()?;
    for (part, share) in row.parts.iter_mut().zip(shares) {
        part.restored = part.restored.saturating_add(share);
    }
    Some((row, left))
}

fn recovered(state: &mut State, incident: u32, asset: AssetIx, units: u128) {
    if let Some((row, left)) = on_loss(state, incident, asset, units) {
        row.recovered = row.recovered.saturating_add(units);
        row.house_restored = row.house_restored.saturating_add(left).min(row.house);
    }
}

fn replenished(state: &mut State, incident: u32, asset: AssetIx, units: u128) {
    if let Some((row, _)) = on_loss(state, incident, asset, units) {
        row.replenished = row.replenished.saturating_add(units);
    }
}

fn claim_paid(state: &mut State, at: u64, claim: u32, units: u128, custody: bool) {
    let place = usize::try_from(claim).unwrap_or(usize::MAX);
    let Some(row) = state.claims.list.get_mut(place) else {
        return;
    };
    row.standing = ClaimStanding::Paid(at, units);
    if !custody || row.basis != ClaimBasis::Custody {
        return;
    }
    let (owner, asset, incident) = (row.owner, row.asset, row.incident);
    with(state, incident, |case| {
        let Some(loss) = case.losses.get_mut(&asset) else {
            return;
        };
        loss.replenished = loss.replenished.saturating_add(units);
        if let Ok(at) = loss.parts.binary_search_by_key(&owner, |p| p.owner)
            && let Some(part) = loss.parts.get_mut(at)
        {
            part.restored = part.restored.saturating_add(units);
        }
    });
}
