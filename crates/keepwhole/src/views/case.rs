//! From the state to the page of one incident.

use keepwhole_core::incident::clock::{self, Clock, Standing, Start};
use keepwhole_core::incident::{Fact, Incident, incident_id};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use super::trail::{CaseTrail, Trail, ends};
use super::wording;
use super::{
    Awareness, ClockRow, ClockState, Done, EventKind, Freeze, Head, IncidentLine, IncidentView,
    LossRow, Mark, TimelineEvent, Trip, Value,
};
use crate::text::{Amount, Words};

impl IncidentLine {
    /// All incidents of the state, the newest first.
    #[must_use]
    pub fn all(state: &State) -> Vec<Self> {
        let lines = state
            .incidents
            .cases
            .iter()
            .enumerate()
            .map(|(place, case)| {
                let open = || case.clocks.iter().filter(|clock| clock.told.is_none());
                Self {
                    id: incident_id(place),
                    opened: case.opened,
                    title: wording::cause(state, case),
                    open: true,
                    next_due: open()
                        .filter_map(|clock| clock.due)
                        .filter(|due| *due >= state.at)
                        .min(),
                    overdue: u64::try_from(
                        open()
                            .filter(|clock| clock.due.is_some_and(|due| due < state.at))
                            .count(),
                    )
                    .unwrap_or(u64::MAX),
                }
            });
        let mut lines: Vec<Self> = lines.collect();
        lines.reverse();
        lines
    }
}

impl IncidentView {
    /// The incident of that name; `None` where there is none.
    #[must_use]
    pub fn of(state: &State, trail: &Trail, head: &Head, id: &str) -> Option<Self> {
        let place = state.incidents.place(id)?;
        let case = state.incidents.cases.get(place)?;
        let positions = trail.case(place);
        let trips = trips(state, trail, case);
        Some(Self {
            id: id.to_owned(),
            as_of: state.at,
            head: head.clone(),
            title: wording::cause(state, case),
            opened: case.opened,
            opened_by: Words::key("incident-by-command").with("id", case.opened_by.as_str()),
            closed: None,
            working_start: case.aware().unwrap_or(case.opened),
            awareness: awareness(state, case, &positions),
            events: events(state, trail, case, &positions),
            clocks: clocks(state, case, &positions),
            losses: case
                .losses
                .keys()
                .filter_map(|asset| loss(state, case, *asset))
                .collect(),
            trips,
            freezes: freezes(state, case, &positions),
            figures: Vec::new(),
        })
    }
}

fn awareness(state: &State, case: &Incident, positions: &CaseTrail) -> Vec<Awareness> {
    let dues = |at: u64| -> Vec<(Words, u64)> {
        let held = state
            .incidents
            .duties
            .iter()
            .filter(|duty| duty.holds(case.opened));
        held.filter_map(|duty| match &duty.start {
            Start::Awareness(limit) => {
                Some((wording::duty_title(state, duty), clock::due(limit, at)?))
            }
            _ => None,
        })
        .collect()
    };
    let rows =
        case.awareness
            .iter()
            .enumerate()
            .map(|(row, named)| Awareness {
                at: Some(named.at),
                reason: match named.by {
                    None => Words::key("awareness-by-alarm"),
                    Some(_) => Words::key("awareness-by-person")
                        .with("who", wording::actor(state, named.by)),
                },
                legal: false,
                mark: Mark::Recorded,
                evidence: at_row(&positions.awareness, row),
                dues: dues(named.at),
            });
    rows.collect()
}

fn at_row(positions: &[u64], row: usize) -> Vec<u64> {
    positions.get(row).copied().into_iter().collect()
}

/// The events of the case, oldest first: awareness, facts, halts, who was told, freezes, and the first and the last
/// outflow of all that were recognised.
fn events(
    state: &State,
    trail: &Trail,
    case: &Incident,
    positions: &CaseTrail,
) -> Vec<TimelineEvent> {
    let mut events = outflows(case, positions);
    events.extend(judged(state, case, positions));
    events.extend(halts(state, trail, case));
    events.extend(told(state, case, positions));
    for (row, fact) in case.facts.iter().enumerate() {
        let (mark, evidence) = (source_mark(&fact.source), at_row(&positions.facts, row));
        events.push(TimelineEvent {
            at: fact.occurred,
            kind: EventKind::Decided,
            what: fact_words(fact),
            mark,
            evidence,
        });
    }
    for (row, freeze) in case.freezes.iter().enumerate() {
        let what = Words::key("event-frozen").with("who", freeze.by.as_str());
        // The source vouches for the freeze, not for the moment: that is when it was put on record.
        let evidence = at_row(&positions.freezes, row);
        events.push(recorded(freeze.at, EventKind::Recovered, what, evidence));
    }
    events.sort_by_key(|event| event.at);
    events
}

fn recorded(at: u64, kind: EventKind, what: Words, evidence: Vec<u64>) -> TimelineEvent {
    TimelineEvent {
        at,
        kind,
        what,
        mark: Mark::Recorded,
        evidence,
    }
}

/// Who became aware, and who classified.
fn judged(state: &State, case: &Incident, positions: &CaseTrail) -> Vec<TimelineEvent> {
    let aware = case.awareness.iter().enumerate().map(|(row, named)| {
        let what = Words::key("event-aware").with("who", wording::actor(state, named.by));
        recorded(
            named.at,
            EventKind::Seen,
            what,
            at_row(&positions.awareness, row),
        )
    });
    let classified = case
        .classified
        .iter()
        .enumerate()
        .map(|(row, (at, who, level))| {
            let who = wording::actor(state, Some(*who));
            let what = Words::key("event-classified")
                .with("level", level.as_str())
                .with("who", who);
            recorded(
                *at,
                EventKind::Decided,
                what,
                at_row(&positions.classified, row),
            )
        });
    aware.chain(classified).collect()
}

/// Halts, and those that the policy did not arm.
fn halts(state: &State, trail: &Trail, case: &Incident) -> Vec<TimelineEvent> {
    let since = trail.trips.iter().filter(|trip| trip.at >= case.opened);
    since
        .map(|trip| {
            let (key, kind) = match trip.armed {
                true => ("event-tripped", EventKind::Stopped),
                false => ("event-shadowed", EventKind::Seen),
            };
            let what = Words::Key(key, Vec::new()).with("scope", wording::scope(state, trip.scope));
            recorded(trip.at, kind, what, vec![trip.position])
        })
        .collect()
}

fn told(state: &State, case: &Incident, positions: &CaseTrail) -> Vec<TimelineEvent> {
    let clocks = case.clocks.iter().enumerate();
    clocks
        .filter_map(|(number, clock)| {
            let duty = duty_of(state, clock)?;
            let what = Words::key("event-told-duty")
                .with("who", wording::authority(&duty.authority))
                .with("duty", wording::duty_title(state, duty));
            let entry = u32::try_from(number)
                .ok()
                .and_then(|number| positions.told.get(&number));
            Some(recorded(
                clock.told?,
                EventKind::Told,
                what,
                entry.copied().into_iter().collect(),
            ))
        })
        .collect()
}

fn outflows(case: &Incident, positions: &CaseTrail) -> Vec<TimelineEvent> {
    let moments = || {
        case.losses
            .values()
            .flat_map(|loss| loss.events.iter().map(|(at, _)| *at))
    };
    let (Some(first), Some(last)) = (moments().min(), moments().max()) else {
        return Vec::new();
    };
    let count = u64::try_from(moments().count()).unwrap_or(u64::MAX);
    let entry = |at: usize| {
        ends(positions.losses)
            .get(at)
            .copied()
            .into_iter()
            .collect()
    };
    let row = |at, what, evidence| recorded(at, EventKind::Outflow, what, evidence);
    let mut rows = vec![row(first, Words::key("event-first-outflow"), entry(0))];
    if count > 1 {
        rows.push(row(
            last,
            Words::key("event-last-outflow").with("count", count),
            entry(1),
        ));
    }
    rows
}

fn fact_words(fact: &Fact) -> Words {
    if fact.source.is_empty() {
        Words::plain(&fact.text)
    } else {
        Words::key("event-fact")
            .with("text", fact.text.as_str())
            .with("source", fact.source.as_str())
    }
}

/// What somebody else says is published; what the exchange itself recorded is recorded.
fn source_mark(source: &str) -> Mark {
    if source.is_empty() {
        Mark::Recorded
    } else {
        Mark::Published
    }
}

fn duty_of<'a>(state: &'a State, clock: &Clock) -> Option<&'a clock::Duty> {
    state
        .incidents
        .duties
        .get(usize::try_from(clock.duty).ok()?)
}

/// The clocks that started, in order, and then the duties of that day that nothing has started.
fn clocks(state: &State, case: &Incident, positions: &CaseTrail) -> Vec<ClockRow> {
    let mut rows: Vec<ClockRow> = Vec::new();
    for clock in &case.clocks {
        let Some(duty) = duty_of(state, clock) else {
            continue;
        };
        rows.push(ClockRow {
            started: Some(clock.started),
            due: clock.due,
            done: clock.told.map(|at| Done {
                at,
                receipt: (!clock.receipt.is_empty()).then(|| Words::plain(&clock.receipt)),
            }),
            state: clock_state(clock, state.at),
            ..idle(state, duty)
        });
    }
    for (row, entry) in rows.iter_mut().zip(&positions.clocks) {
        row.evidence.push(*entry);
    }
    for (number, duty) in state.incidents.duties.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if duty.holds(case.opened) && case.clocks.iter().all(|clock| clock.duty != number) {
            rows.push(idle(state, duty));
        }
    }
    rows
}

/// The row of a duty that nothing has started.
fn idle(state: &State, duty: &clock::Duty) -> ClockRow {
    ClockRow {
        duty: duty.id.clone(),
        title: wording::duty_title(state, duty),
        authority: wording::authority(&duty.authority),
        source: duty.source.clone(),
        status: wording::law_status(&duty.status),
        confidence: duty.confidence.clone(),
        trigger: wording::trigger(duty),
        started: None,
        due: None,
        done: None,
        state: ClockState::NotStarted,
        evidence: Vec::new(),
    }
}

fn clock_state(clock: &Clock, now: u64) -> ClockState {
    let until = clock.told.unwrap_or(now);
    match clock.due {
        None => ClockState::NoNumber {
            elapsed: until.saturating_sub(clock.started),
            done: clock.told.is_some(),
        },
        Some(due) if clock.told.is_some() && clock.standing == Standing::Met => {
            ClockState::DoneInTime {
                left: due.saturating_sub(until),
            }
        }
        Some(due) if clock.told.is_some() => ClockState::DoneLate {
            late: until.saturating_sub(due),
        },
        Some(due) if now > due => ClockState::Overdue {
            late: now.saturating_sub(due),
        },
        Some(due) => ClockState::Running {
            left: due.saturating_sub(now),
        },
    }
}

fn loss(state: &State, case: &Incident, asset: AssetIx) -> Option<LossRow> {
    let loss = case.losses.get(&asset)?;
    let amount = |units| wording::amount(state, asset, units);
    let outstanding = loss.outstanding();
    Some(LossRow {
        taken: amount(loss.total),
        house: amount(loss.house),
        customers: amount(loss.customers()),
        replenished: amount(loss.customers().saturating_sub(outstanding)),
        outstanding: amount(outstanding),
        mark: Mark::Derived,
    })
}

fn trips(state: &State, trail: &Trail, case: &Incident) -> Vec<Trip> {
    let since = trail.trips.iter().filter(|trip| trip.at >= case.opened);
    since
        .map(|trip| Trip {
            scope: wording::scope(state, trip.scope),
            cause: wording::trip_cause(&trip.cause),
            at: trip.at,
            armed: trip.armed,
            reset: trip.reset,
            entry: trip.position,
        })
        .collect()
}

fn freezes(state: &State, case: &Incident, positions: &CaseTrail) -> Vec<Freeze> {
    let rows = case.freezes.iter().enumerate().map(|(row, freeze)| Freeze {
        holder: Words::plain(&freeze.by),
        amount: match (freeze.asset, freeze.units, freeze.value) {
            (Some(asset), Some(units), _) => Value::Amount(wording::amount(state, asset, units)),
            // The journal values what only a source values in won.
            (_, _, Some(value)) => Value::Amount(Amount::krw(value)),
            _ => Value::Unknown(Words::key("freeze-no-amount")),
        },
        at: Some(freeze.at),
        state: if freeze.source.is_empty() {
            Words::key("freeze-frozen")
        } else {
            Words::key("freeze-according").with("source", freeze.source.as_str())
        },
        mark: source_mark(&freeze.source),
        evidence: at_row(&positions.freezes, row),
    });
    rows.collect()
}
