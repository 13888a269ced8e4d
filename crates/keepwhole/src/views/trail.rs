//! Where in the journal things stand: the positions that pages name as evidence, gathered while the journal is folded.
//!
//! The state says what is; the trail says which entries said so. A follower feeds both with the same records.

use std::collections::BTreeMap;

use keepwhole_core::breaker::Scope;
use keepwhole_core::custody::{Direction, Explained};
use keepwhole_core::event::{Event, Record};
use keepwhole_core::registry::{HOUSE, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;

use super::tally::Tally;

/// At most so many positions of one sort are kept as examples; their number is counted in full.
const EXAMPLES: usize = 16;

/// A trip of the breaker, or one that the policy did not arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripSeen {
    /// Position of the entry.
    pub position: u64,
    /// When, ms.
    pub at: u64,
    /// What it covers.
    pub scope: Scope,
    /// Why, in the journal's words.
    pub cause: String,
    /// False where the policy did not arm the breaker: nothing was halted.
    pub armed: bool,
    /// When it was reset, ms.
    pub reset: Option<u64>,
}

/// A policy that came into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySeen {
    /// Position of the entry.
    pub position: u64,
    /// When, ms.
    pub at: u64,
    /// Number of the version.
    pub version: u32,
    /// Number of the proposal that brought it, where one did.
    pub proposal: Option<u32>,
}

/// Positions of the entries about one case, in the order in which the state lists what they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseTrail {
    /// The entry that opened it.
    pub opened: u64,
    /// Entries of `Incident::awareness`.
    pub awareness: Vec<u64>,
    /// Entries of `Incident::classified`.
    pub classified: Vec<u64>,
    /// Entries of `Incident::facts`.
    pub facts: Vec<u64>,
    /// Entries that started `Incident::clocks`.
    pub clocks: Vec<u64>,
    /// Entries that told somebody, by number of the clock: the first one each.
    pub told: BTreeMap<u32, u64>,
    /// Entries of `Incident::freezes`.
    pub freezes: Vec<u64>,
    /// First and last entry that recognised a loss.
    pub losses: Option<(u64, u64)>,
    /// First and last entry that put something back.
    pub put_back: Option<(u64, u64)>,
}

/// Positions worth naming.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Records followed so far.
    pub size: u64,
    /// Position of the last law set adopted.
    pub law: Option<u64>,
    /// Position of the last policy adopted.
    pub policy: Option<u64>,
    /// Policies that came into force, in order.
    pub policies: Vec<PolicySeen>,
    /// Trips of the breaker, in order.
    pub trips: Vec<TripSeen>,
    /// Cases, in order.
    pub cases: Vec<CaseTrail>,
    /// First entries that saw an outflow which nothing explained at that moment.
    pub unexplained: Vec<u64>,
    /// First entries that proposed or approved something.
    pub approvals: Vec<u64>,
    /// First and last movement of the ledger.
    pub movements: Option<(u64, u64)>,
    statements: BTreeMap<OwnerIx, Vec<u64>>,
    requests: Vec<Vec<u64>>,
    tally: Tally,
    proposals: Vec<Vec<u64>>,
    /// The proposal that came into force in the entry before.
    in_force: Option<u32>,
}

impl Trail {
    /// Positions of the movements that touch an owner's balance, oldest first.
    #[must_use]
    pub fn statement(&self, owner: OwnerIx) -> &[u64] {
        self.statements.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// Positions of the entries about the request of that number, oldest first.
    #[must_use]
    pub fn request(&self, number: u32) -> &[u64] {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.requests.get(place).map_or(&[], Vec::as_slice)
    }

    /// All requests by where they stand, as of the last [`settle`](Self::settle).
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Looks at the requests of which the records told, in the state that the same records led to.
    pub fn settle(&mut self, state: &State) {
        self.tally.settle(state);
    }

    fn told_of(&mut self, request: u32, position: u64) {
        numbered(&mut self.requests, request, position);
        self.tally.touch(request);
    }

    /// Positions of the entries about the proposal at that place, oldest first.
    #[must_use]
    pub fn proposal(&self, place: usize) -> &[u64] {
        self.proposals.get(place).map_or(&[], Vec::as_slice)
    }

    /// The trail of the case at that place; empty for one that was never opened.
    #[must_use]
    pub fn case(&self, place: usize) -> CaseTrail {
        self.cases.get(place).cloned().unwrap_or_default()
    }

    fn moved(&mut self, position: u64, from: OwnerIx, to: OwnerIx) {
        span(&mut self.movements, position);
        for owner in [from, to] {
            if owner != HOUSE && owner != OUTSIDE {
                self.statements.entry(owner).or_default().push(position);
            }
        }
    }

    /// Follows the record at `position`. Records come in order, each once.
    pub fn follow(&mut self, position: u64, record: &Record) {
        self.size = position.saturating_add(1);
        let in_force = self.in_force.take();
        self.follow_guard(position, &record.event);
        match &record.event {
            Event::LawAdopted { .. } => self.law = Some(position),
            Event::PolicyAdopted(policy) => {
                self.policy = Some(position);
                self.policies.push(PolicySeen {
                    position,
                    at: record.at,
                    version: policy.version,
                    proposal: in_force,
                });
            }
            Event::MovementRecorded(movement) => self.moved(position, movement.from, movement.to),
            Event::TransferRecorded(row) => self.moved(position, row.from, row.to),
            Event::FlowSeen(flow) => {
                if flow.direction == Direction::Out && flow.explained == Explained::Not {
                    example(&mut self.unexplained, position);
                }
            }
            Event::ApprovalGiven { .. }
            | Event::ChangeProposed(_)
            | Event::ChangeApproved { .. } => {
                example(&mut self.approvals, position);
            }
            Event::BreakerTripped { scope, cause } => {
                self.trip(position, record.at, *scope, cause, true)
            }
            Event::TripShadowed { scope, cause } => {
                self.trip(position, record.at, *scope, cause, false)
            }
            Event::BreakerReset { scope } => {
                for trip in self.trips.iter_mut().filter(|trip| trip.scope == *scope) {
                    trip.reset.get_or_insert(record.at);
                }
            }
            Event::IncidentOpened { .. } => {
                self.cases.push(CaseTrail {
                    opened: position,
                    ..CaseTrail::default()
                });
            }
            event => self.follow_case(position, event),
        }
    }

    /// Follows requests and proposals; both are numbered in the order in which they came.
    fn follow_guard(&mut self, position: u64, event: &Event) {
        match event {
            Event::RequestMade { .. } => {
                self.requests.push(vec![position]);
                self.tally.made();
            }
            Event::RequestHeld { request, .. }
            | Event::RequestDenied { request, .. }
            | Event::RequestCleared { request, .. }
            | Event::ApprovalGiven { request, .. }
            | Event::ClearanceRedeemed { request, .. }
            | Event::IntentBound { request, .. }
            | Event::ClearanceIssued { request, .. }
            | Event::IssuedRedeemed { request, .. }
            | Event::ClearanceLapsed { request } => self.told_of(*request, position),
            Event::ClearancesDead(dead) => self.told_of(dead.request, position),
            Event::RequestJudged(judged) => self.told_of(judged.request, position),
            Event::OutflowExplained {
                explained: Explained::Clearance(request),
                ..
            } => self.tally.touch(*request),
            Event::ChangeProposed(_) => self.proposals.push(vec![position]),
            Event::ChangeApproved { proposal, .. }
            | Event::ChangeWaits { proposal, .. }
            | Event::ChangeCancelled { proposal, .. }
            | Event::ChangeOvertaken { proposal } => {
                numbered(&mut self.proposals, *proposal, position);
            }
            Event::ChangeInForce { proposal } => {
                numbered(&mut self.proposals, *proposal, position);
                self.in_force = Some(*proposal);
            }
            _ => {}
        }
    }

    fn trip(&mut self, position: u64, at: u64, scope: Scope, cause: &str, armed: bool) {
        self.trips.push(TripSeen {
            position,
            at,
            scope,
            cause: cause.to_owned(),
            armed,
            reset: None,
        });
    }

    fn follow_case(&mut self, position: u64, event: &Event) {
        match event {
            Event::AwarenessNamed { incident, .. } => {
                self.of(*incident, |case| case.awareness.push(position))
            }
            Event::IncidentClassified { incident, .. } => {
                self.of(*incident, |case| case.classified.push(position))
            }
            Event::FactRecorded { incident, .. } => {
                self.of(*incident, |case| case.facts.push(position))
            }
            Event::ClockStarted { incident, .. } => {
                self.of(*incident, |case| case.clocks.push(position))
            }
            Event::NotificationRecorded {
                incident, clock, ..
            } => self.of(*incident, |case| {
                case.told.entry(*clock).or_insert(position);
            }),
            Event::FreezeRecorded { incident, .. } => {
                self.of(*incident, |case| case.freezes.push(position))
            }
            Event::LossRecognised { incident, .. } => {
                self.of(*incident, |case| span(&mut case.losses, position))
            }
            Event::PoolReplenished { incident, .. } | Event::RecoveryRecorded { incident, .. } => {
                self.of(*incident, |case| span(&mut case.put_back, position));
            }
            _ => {}
        }
    }

    fn of(&mut self, incident: u32, change: impl FnOnce(&mut CaseTrail)) {
        if let Some(case) = usize::try_from(incident)
            .ok()
            .and_then(|place| self.cases.get_mut(place))
        {
            change(case);
        }
    }
}

fn span(held: &mut Option<(u64, u64)>, position: u64) {
    *held = Some((held.map_or(position, |(first, _)| first), position));
}

fn numbered(held: &mut [Vec<u64>], number: u32, position: u64) {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(positions) = held.get_mut(place) {
        positions.push(position);
    }
}

fn example(held: &mut Vec<u64>, position: u64) {
    if held.len() < EXAMPLES {
        held.push(position);
    }
}

/// First and last position as evidence, once where they are the same.
pub(crate) fn ends(span: Option<(u64, u64)>) -> Vec<u64> {
    match span {
        None => Vec::new(),
        Some((first, last)) if first == last => vec![first],
        Some((first, last)) => vec![first, last],
    }
}
