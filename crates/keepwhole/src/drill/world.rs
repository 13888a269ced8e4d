//! The world of one story: a virtual clock, the service on its simulated disk, and what must hold after every event.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::apply;
use keepwhole_core::breaker::{Scope, scope_name};
use keepwhole_core::command::Command;
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event as Recorded, Record};
use keepwhole_core::registry::{AssetIx, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;

use super::history::{History, JournalCheck, Sending, Step};
use super::scenario::Scenario;
use super::scenario::code::{FaultKind, JournalState, Outcome, Reason, ServiceState};
use super::scenario::event::{Event, EventKind};
use super::service::{Sent, Service};
use super::words::{self, Said};
use super::{adapter, command, persons};
use crate::journal::JournalError;

/// A command whose reply left, as the journal must show it.
struct Acknowledged {
    content: [u8; 32],
    answer: Answer,
    /// The id whose first answer was given again.
    repeated: Option<String>,
}

/// An invariant that does not hold.
pub(super) struct Broken {
    pub(super) expected: String,
    pub(super) actual: String,
}

pub(super) struct World<'s> {
    scenario: &'s Scenario,
    service: Service,
    pub(super) history: History,
    acknowledged: Vec<Acknowledged>,
    /// Customers whose rows were changed without a decision; only they may be below zero.
    observed: BTreeSet<String>,
    /// Contents of commands that got no reply because the process was killed.
    silent: BTreeSet<[u8; 32]>,
}

/// How many moments may fall due between two events before the drill calls it a loop.
const MANY_MOMENTS: usize = 10_000;

impl<'s> World<'s> {
    /// Starts the service and registers what is `given`.
    ///
    /// # Errors
    /// What the service says when it can't start.
    pub(super) fn new(scenario: &'s Scenario) -> Result<Self, String> {
        let service = Service::start(&scenario.id)?;
        Ok(Self {
            scenario,
            service,
            history: History::default(),
            acknowledged: Vec::new(),
            observed: BTreeSet::new(),
            silent: BTreeSet::new(),
        })
    }

    /// Registers what is `given`; says which of it the core refused.
    pub(super) fn set_up(&mut self) -> Result<(), Broken> {
        for (at, command) in adapter::given(&self.scenario.given) {
            let said = match self.service.send(&command, at) {
                Sent::Replied(reply) => {
                    let said = words::reply(&reply);
                    self.acknowledge(&command, &reply);
                    said
                }
                Sent::Silent | Sent::Stopped => Said::because(Outcome::Rejected, Reason::IoError),
            };
            if !matches!(said.outcome, Outcome::Accepted | Outcome::Allowed) {
                let kind = format!("{:?}", command.body);
                let kind = kind.split(['(', ' ', '{']).next().unwrap_or_default();
                return Err(Broken {
                    expected: format!("{kind} accepted"),
                    actual: said.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Lets time pass until the event, then sends it.
    pub(super) fn event(&mut self, event: &Event) -> Result<(), Broken> {
        if self.service.is_up() {
            self.moments(event.at, None)?;
        }
        let said = match &event.kind {
            EventKind::Crash { point: None } => {
                self.service.kill();
                Some(Said::plain(Outcome::Accepted))
            }
            EventKind::Crash { point: Some(point) } => {
                self.service.arm(*point);
                Some(Said::plain(Outcome::Accepted))
            }
            EventKind::Restart { .. } => Some(self.restart(event.at)?),
            EventKind::Advance | EventKind::Verify | EventKind::Export => {
                Some(Said::plain(Outcome::Accepted))
            }
            EventKind::Fault {
                what: FaultKind::SecondWriter,
                ..
            } => Some(self.second_writer()),
            EventKind::Erase {
                customer,
                actor,
                approver,
            } => self.erase(event, customer, [actor, approver]),
            _ => self.send(event),
        };
        self.history.sendings.push(Sending {
            id: event.id.clone(),
            at: event.at,
            said,
            service: self.standing(),
        });
        self.step(event.at);
        Ok(())
    }

    fn second_writer(&self) -> Said {
        match self.service.second_writer() {
            Err(JournalError::LockHeld) => Said::because(Outcome::RefusedStart, Reason::LockHeld),
            Err(_) => Said::because(Outcome::Rejected, Reason::IoError),
            Ok(()) => Said::plain(Outcome::Accepted),
        }
    }

    fn restart(&mut self, at: u64) -> Result<Said, Broken> {
        if self.service.is_up() {
            self.service.kill();
        }
        if let Err(why) = self.service.restart(at) {
            return Err(Broken {
                expected: "a restart".to_owned(),
                actual: why,
            });
        }
        self.moments(at, Some(at))?;
        Ok(Said::plain(Outcome::Accepted))
    }

    fn send(&mut self, event: &Event) -> Option<Said> {
        let command = match command::command(event, self.service.state()) {
            Ok(Some(command)) => command,
            Ok(None) => return Some(Said::plain(Outcome::Accepted)),
            Err(said) => return Some(said),
        };
        if let EventKind::LedgerObserved { customer, .. } = &event.kind {
            self.observed.insert(customer.clone());
        }
        self.send_command(&command, event.at)
    }

    /// Both persons ask, the second only where the first was not refused.
    fn erase(&mut self, event: &Event, customer: &str, persons: [&String; 2]) -> Option<Said> {
        let [actor, approver] = persons;
        let first = self.send_command(&persons::erase(customer, actor, None), event.at)?;
        if first.outcome != Outcome::Pending {
            return Some(first);
        }
        let second = persons::erase(customer, approver, event.id.clone());
        self.send_command(&second, event.at)
    }

    fn send_command(&mut self, command: &Command, at: u64) -> Option<Said> {
        match self.service.send(command, at) {
            Sent::Replied(reply) => {
                self.acknowledge(command, &reply);
                Some(words::reply(&reply))
            }
            Sent::Silent => {
                self.silent.insert(command.content());
                None
            }
            Sent::Stopped => Some(Said::because(Outcome::Rejected, Reason::IoError)),
        }
    }

    fn acknowledge(&mut self, command: &Command, reply: &Reply) {
        let repeated = command.id.clone().filter(|_| reply.repeated);
        self.acknowledged.push(Acknowledged {
            content: command.content(),
            answer: reply.answer.clone(),
            repeated,
        });
    }

    /// Runs every moment up to `until` at which time alone changes something: at its own time, or at `after_downtime`.
    fn moments(&mut self, until: u64, after_downtime: Option<u64>) -> Result<(), Broken> {
        for _ in 0..MANY_MOMENTS {
            let Some(due) = next_due(self.service.state()).filter(|due| *due <= until) else {
                return Ok(());
            };
            let at = after_downtime.unwrap_or(due);
            if !self.service.pass(at) {
                return Ok(());
            }
            self.step(at);
        }
        Err(broken(
            "time to pass",
            format!("{MANY_MOMENTS} moments fell due"),
        ))
    }

    fn standing(&self) -> ServiceState {
        match self.service.is_up() {
            false => ServiceState::Stopped,
            true if self
                .service
                .state()
                .breaker
                .tripped
                .contains_key(&Scope::All) =>
            {
                ServiceState::Halted
            }
            true => ServiceState::Ready,
        }
    }

    fn step(&mut self, at: u64) {
        let state = self.service.state();
        let tripped = state
            .breaker
            .tripped
            .keys()
            .map(|scope| scope_name(state, *scope))
            .collect();
        let sent = self.history.sendings.len();
        self.history.steps.push(Step { at, sent, tripped });
    }

    pub(super) const fn service(&mut self) -> &mut Service {
        &mut self.service
    }

    /// Checks what must hold after every event; names the first thing that does not.
    pub(super) fn invariants(&self) -> Result<(), Broken> {
        let records = self
            .service
            .durable()
            .map_err(|why| broken("a journal that can be read", why))?;
        let folded = fold(&records);
        if self.service.is_up() && folded.digest() != self.service.state().digest() {
            return Err(broken(
                "the state that the durable journal folds to",
                "another state",
            ));
        }
        if let Some(lost) = self.lost(&records) {
            return Err(broken(
                "every acknowledged answer in the durable journal",
                format!("{lost} are absent"),
            ));
        }
        self.sums(&records, &folded)
    }

    /// How many acknowledged answers the journal does not show.
    fn lost(&self, records: &[Record]) -> Option<u64> {
        let mut answered: BTreeMap<([u8; 32], Vec<u8>), u64> = BTreeMap::new();
        let mut repeated: BTreeMap<&str, u64> = BTreeMap::new();
        for record in records {
            match &record.event {
                Recorded::Answered {
                    content, answer, ..
                } => {
                    let key = (*content, borsh::to_vec(answer).unwrap_or_default());
                    *answered.entry(key).or_default() += 1;
                }
                Recorded::AnswerRepeated { id } => *repeated.entry(id).or_default() += 1,
                _ => {}
            }
        }
        let absent = self.acknowledged.iter().filter(|seen| {
            let left = match &seen.repeated {
                // Some rules repeat an answer under a new id: then the answer itself is recorded again.
                Some(id) if repeated.contains_key(id.as_str()) => repeated.get_mut(id.as_str()),
                _ => answered.get_mut(&(
                    seen.content,
                    borsh::to_vec(&seen.answer).unwrap_or_default(),
                )),
            };
            left.is_none_or(|left| {
                let none = *left == 0;
                *left = left.saturating_sub(1);
                none
            })
        });
        u64::try_from(absent.count()).ok().filter(|lost| *lost > 0)
    }

    /// The book is the sum of the recorded movements, and nobody is below zero who may not be.
    fn sums(&self, records: &[Record], state: &State) -> Result<(), Broken> {
        let mut shadow: BTreeMap<(OwnerIx, AssetIx), (u128, u128)> = BTreeMap::new();
        for record in records {
            let (from, to, asset, units) = match &record.event {
                Recorded::MovementRecorded(movement) => (
                    movement.from,
                    movement.to,
                    movement.amount.asset(),
                    movement.amount.units(),
                ),
                Recorded::TransferRecorded(row) => (row.from, row.to, row.asset, row.units),
                _ => continue,
            };
            let taken = &mut shadow.entry((from, asset)).or_default().1;
            *taken = taken.saturating_add(units);
            let given = &mut shadow.entry((to, asset)).or_default().0;
            *given = given.saturating_add(units);
        }
        let numbers = |rows: usize| (0..rows).filter_map(|row| u32::try_from(row).ok());
        for owner in numbers(state.registry.owners.len()).map(OwnerIx) {
            for asset in (0..state.registry.assets.len()).filter_map(AssetIx::next) {
                let totals = state.book.totals(owner, asset);
                let (incoming, outgoing) = shadow.get(&(owner, asset)).copied().unwrap_or_default();
                let name = format!(
                    "{} of {}",
                    state.registry.asset_id(asset),
                    state.registry.owner_id(owner)
                );
                if (totals.incoming, totals.outgoing) != (incoming, outgoing) {
                    let actual = format!("{} in, {} out", totals.incoming, totals.outgoing);
                    return Err(broken(
                        format!("{name} to be {incoming} in, {outgoing} out"),
                        actual,
                    ));
                }
                let may_be_below =
                    owner == OUTSIDE || self.observed.contains(state.registry.owner_id(owner));
                if totals.overdrawn() > 0 && !may_be_below {
                    return Err(broken(
                        format!("{name} not below zero"),
                        format!("-{}", totals.overdrawn()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What a check of the journal finds at the end, and the state it folds to.
    pub(super) fn check_journal(&self) -> (JournalCheck, State) {
        let broken = |records: &[Record]| JournalCheck {
            state: JournalState::Broken,
            first_bad: None,
            events_lost: self.lost(records).unwrap_or(0),
            unacked: 0,
            duplicates: 0,
            credited: BTreeSet::new(),
            exposed: BTreeSet::new(),
        };
        let Ok(records) = self.service.durable() else {
            return (broken(&[]), State::default());
        };
        let mut decided: BTreeMap<&str, u64> = BTreeMap::new();
        let mut unheard = 0_u64;
        for record in &records {
            if let Recorded::Answered { id, content, .. } = &record.event {
                if let Some(id) = id {
                    *decided.entry(id).or_default() += 1;
                }
                let heard =
                    |seen: &&Acknowledged| seen.content == *content && seen.repeated.is_none();
                if self.silent.contains(content)
                    && !self.acknowledged.iter().any(|seen| heard(&seen))
                {
                    unheard = unheard.saturating_add(1);
                }
            }
        }
        let check = JournalCheck {
            state: JournalState::Ok,
            first_bad: None,
            events_lost: self.lost(&records).unwrap_or(0),
            unacked: unheard,
            duplicates: decided.values().map(|times| times.saturating_sub(1)).sum(),
            credited: credited(&records),
            exposed: persons::exposed(&self.scenario.given, &records),
        };
        (check, fold(&records))
    }
}

fn broken(expected: impl Into<String>, actual: impl Into<String>) -> Broken {
    Broken {
        expected: expected.into(),
        actual: actual.into(),
    }
}

/// Deposits that were credited, whether or not a reorganisation took them back.
fn credited(records: &[Record]) -> BTreeSet<String> {
    let mut deposits = Vec::new();
    let mut credited = BTreeSet::new();
    for record in records {
        let id = match &record.event {
            Recorded::DepositRecorded(deposit) => {
                deposits.push(deposit.id.clone());
                deposits
                    .last()
                    .filter(|_| deposit.standing == Answer::Cleared)
            }
            Recorded::DepositDecided {
                deposit,
                standing: Answer::Cleared,
            } => usize::try_from(*deposit)
                .ok()
                .and_then(|place| deposits.get(place)),
            _ => None,
        };
        credited.extend(id.cloned());
    }
    credited
}

/// The state that records fold to.
fn fold(records: &[Record]) -> State {
    let mut state = State::default();
    for record in records {
        apply(&mut state, record);
    }
    state
}
