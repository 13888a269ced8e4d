//! The case: who became aware, how it was classified, facts, notifications, freezes.

use super::Ruling;
use super::turn::Turn;
use crate::amount::Amount;
use crate::answer::Answer;
use crate::event::Event;
use crate::incident::clock::{self, Clock, Standing, Start};
use crate::incident::{Cause, Fact, Freeze, incident_id};
use crate::reason::Reason;
use alloc::string::String;

pub(super) fn aware(turn: &mut Turn<'_>, incident: &str) -> Ruling {
    let (actor, _) = turn.needs_actor()?;
    let next = turn.state.incidents.cases.len();
    if let Ok(place) = turn.incident(incident) {
        turn.emit(Event::AwarenessNamed {
            incident: place,
            by: Some(actor),
        });
    } else if incident == incident_id(next) {
        turn.open_case(
            Cause::Person,
            u32::try_from(next).unwrap_or(u32::MAX),
            Some(actor),
        );
    } else {
        return Err(Reason::UnknownIncident {
            incident: String::from(incident),
        });
    }
    Ok(Answer::Recorded)
}

/// Classification brings the due time of capped duties nearer, never further away.
pub(super) fn classify(turn: &mut Turn<'_>, incident: &str, level: &str) -> Ruling {
    let (by, _) = turn.needs_actor()?;
    let place = turn.incident(incident)?;
    let state = turn.state;
    let case = state.incidents.case(incident);
    turn.emit(Event::IncidentClassified {
        incident: place,
        by,
        level: String::from(level),
    });
    for (number, row) in case
        .map_or(&[][..], |c| c.clocks.as_slice())
        .iter()
        .enumerate()
    {
        let duty = usize::try_from(row.duty)
            .ok()
            .and_then(|ix| state.incidents.duties.get(ix));
        let Some(Start::ClassificationCapped { limit_ms, .. }) = duty.map(|d| &d.start) else {
            continue;
        };
        let Some(due) = turn.at.checked_add(*limit_ms) else {
            continue;
        };
        if row.standing == Standing::Open && row.due.is_none_or(|old| due < old) {
            let clock = u32::try_from(number).unwrap_or(u32::MAX);
            turn.emit(Event::ClockShortened {
                incident: place,
                clock,
                due,
            });
        }
    }
    Ok(Answer::Recorded)
}

pub(super) fn fact(
    turn: &mut Turn<'_>,
    incident: &str,
    text: &str,
    occurred: Option<u64>,
    source: &str,
    material: bool,
) -> Ruling {
    let place = turn.incident(incident)?;
    let at = turn.at;
    let occurred = occurred.unwrap_or(at);
    let fact = Fact {
        at,
        occurred,
        text: String::from(text),
        source: String::from(source),
        material,
    };
    turn.emit(Event::FactRecorded {
        incident: place,
        fact,
    });
    if material {
        turn.start_clocks(place, |start| match start {
            Start::MaterialFact(limit) => Some(clock::due(limit, at)),
            _ => None,
        });
    }
    Ok(Answer::Recorded)
}

/// A submission ends the first clock of the duty that nobody answered yet. It is recorded however late it is.
pub(super) fn notify(turn: &mut Turn<'_>, incident: &str, duty: &str, receipt: &str) -> Ruling {
    let place = turn.incident(incident)?;
    let state = turn.state;
    let number = state.incidents.duties.iter().position(|d| d.id == duty);
    let number = number.ok_or_else(|| Reason::UnknownDuty {
        duty: String::from(duty),
    })?;
    let runs = |clock: &Clock| usize::try_from(clock.duty) == Ok(number) && clock.told.is_none();
    let clocks = state
        .incidents
        .case(incident)
        .map_or(&[][..], |case| case.clocks.as_slice());
    let Some(clock) = clocks
        .iter()
        .position(runs)
        .and_then(|at| u32::try_from(at).ok())
    else {
        return Err(turn.malformed("no clock of that duty runs in this case"));
    };
    let by = turn.actor;
    turn.emit(Event::NotificationRecorded {
        incident: place,
        clock,
        receipt: String::from(receipt),
        by,
    });
    let first = !clocks
        .iter()
        .any(|c| usize::try_from(c.duty) == Ok(number) && c.told.is_some());
    if first {
        let at = turn.at;
        turn.start_clocks(place, |start| match start {
            Start::Notification { of, limit } if of == duty => Some(clock::due(limit, at)),
            _ => None,
        });
    }
    Ok(Answer::Recorded)
}

pub(super) fn freeze(
    turn: &mut Turn<'_>,
    incident: &str,
    by: &str,
    asset: Option<&str>,
    (units, value): (Option<u128>, Option<u128>),
    source: &str,
) -> Ruling {
    let place = turn.incident(incident)?;
    let asset = asset.map(|id| turn.asset(id)).transpose()?;
    if let (Some(asset), Some(units)) = (asset, units) {
        let taken = turn
            .state
            .incidents
            .case(incident)
            .and_then(|c| c.losses.get(&asset))
            .map_or(0, |l| l.total);
        Amount::new(asset, taken)
            .minus(Amount::new(asset, units))
            .map_err(|_| Reason::InvalidAmount { asked: units })?;
    }
    let freeze = Freeze {
        at: turn.at,
        by: String::from(by),
        asset,
        units,
        value,
        source: String::from(source),
    };
    turn.emit(Event::FreezeRecorded {
        incident: place,
        freeze,
    });
    Ok(Answer::Recorded)
}
