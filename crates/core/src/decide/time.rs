//! What time alone changes: clearances lapse, changes come into force, clocks warn and are missed.

use super::turn::Turn;
use super::{approvals, changes, requests};
use crate::amount::Amount;
use crate::answer::Answer;
use crate::due::Timer;
use crate::event::{AuthorityEvent, Event};
use crate::guard::Ask;
use crate::incident::AlarmCode;
use crate::incident::incident_id;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn clock_jump(turn: &mut Turn<'_>, by_ms: i64) -> Answer {
    turn.emit(Event::ClockJumped { by_ms });
    turn.alarm(AlarmCode::ClockJump, &format!("{by_ms} ms"));
    Answer::Recorded
}

pub(super) fn downtime(turn: &mut Turn<'_>, since: u64) -> Answer {
    turn.emit(Event::DowntimeSeen { since });
    Answer::Recorded
}

/// Moments that one turn lets happen at most: however many are due, their events fit a frame.
const MOST_DUE: usize = 256;

/// What is due by now, in order of its moment.
pub(super) fn observe(turn: &mut Turn<'_>) -> Answer {
    let state = turn.state;
    let all = state.timers.due(turn.at, MOST_DUE);
    if let Some(request) = to_judge(turn, &all) {
        approvals::judge_again(turn, request);
        return Answer::Recorded;
    }
    // So is each change: a key that ended or rules that came before it, if only by an outage, bear on it.
    if let Some(Timer::ChangeComesIntoForce(proposal)) = all.first() {
        let place = usize::try_from(*proposal).unwrap_or(usize::MAX);
        if let Some(row) = state.guard.proposals.get(place) {
            changes::due(turn, *proposal, &row.change);
        }
        return Answer::Recorded;
    }
    let change = |timer: &Timer| matches!(timer, Timer::ChangeComesIntoForce(_));
    let all: Vec<Timer> = all.into_iter().take_while(|timer| !change(timer)).collect();
    let known: BTreeSet<Timer> = all.iter().copied().collect();
    for timer in all {
        match timer {
            Timer::ClearanceLapses(request) => lapse(turn, request),
            Timer::ChangeComesIntoForce(_) | Timer::RequestJudged(_) => {}
            Timer::BootstrapEnds => turn.emit(AuthorityEvent::BootstrapCompleted),
            Timer::CollectionEnds(request) => approvals::collection_ends(turn, request),
            Timer::IntentEnds(request) if known.contains(&Timer::CollectionEnds(request)) => {}
            Timer::IntentEnds(request) => approvals::intent_ends(turn, request),
            Timer::ClockWarns(incident, clock) => {
                if !known.contains(&Timer::ClockMissed(incident, clock)) {
                    turn.emit(Event::ClockWarned { incident, clock });
                    let subject = name_of(turn, incident, clock);
                    turn.alarm(AlarmCode::ClockDueSoon, &subject);
                }
            }
            Timer::ClockMissed(incident, clock) => {
                turn.emit(Event::ClockMissed { incident, clock });
                let subject = name_of(turn, incident, clock);
                turn.alarm(AlarmCode::ClockMissed, &subject);
            }
        }
    }
    Answer::Recorded
}

/// The request that is judged again now, if one is. That happens one a turn and alone, so that each sees what the one
/// before it and whatever else was due changed. Time to collect approvals that ends is counted by the policy in force.
fn to_judge(turn: &Turn<'_>, due: &[Timer]) -> Option<u32> {
    let state = turn.state;
    let again = &state.guard.again;
    if due.is_empty() {
        let first = again.first().copied();
        return first.or_else(|| state.timers.judged_by(turn.at));
    }
    due.iter().find_map(|timer| match timer {
        Timer::CollectionEnds(request) if again.contains(request) => Some(*request),
        _ => None,
    })
}

pub(super) fn lapse(turn: &mut Turn<'_>, request: u32) {
    turn.emit(Event::ClearanceLapsed { request });
    give_back(turn, request);
}

/// Nothing will leave for the request: a withdrawal goes back.
pub(super) fn give_back(turn: &mut Turn<'_>, request: u32) {
    let state = turn.state;
    if let Some(Ask::Withdrawal {
        owner,
        asset,
        units,
        ..
    }) = state.guard.request_at(request).map(|r| &r.ask)
    {
        // It was taken when the clearance was issued, so it fits going back; were it not so, the withdrawal would
        // stay taken and show as a difference.
        let _fits = requests::give_back(turn, *owner, Amount::new(*asset, *units));
    }
}

fn name_of(turn: &Turn<'_>, incident: u32, clock: u32) -> String {
    let place = usize::try_from(incident).unwrap_or(usize::MAX);
    let number = usize::try_from(clock).unwrap_or(usize::MAX);
    let incidents = &turn.state.incidents;
    let row = incidents
        .cases
        .get(place)
        .and_then(|case| case.clocks.get(number));
    let duty = row
        .and_then(|c| usize::try_from(c.duty).ok())
        .and_then(|ix| incidents.duties.get(ix));
    format!(
        "{} of {}",
        duty.map_or("", |d| d.id.as_str()),
        incident_id(place)
    )
}
