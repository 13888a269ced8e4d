//! The world of one story: a virtual clock, the service on its simulated disk, and what must hold after every event.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use keepwhole_core::answer::Reply;
use keepwhole_core::breaker::{Scope, scope_name};
use keepwhole_core::command::Command;
use keepwhole_core::due::next_due;
use keepwhole_core::state::State;
use keepwhole_edge::NoReply;

use super::history::{History, JournalCheck, Sending, Step};
use super::outsider::{Interface, Request};
use super::scenario::Scenario;
use super::scenario::code::{FaultKind, JournalState, Outcome, Reason, ServiceState, TamperOp};
use super::scenario::event::{Event, EventKind, Rows};
use super::scenario::expect::ExpectKind;
use super::service::{Sent, Service};
use super::survey::{Acknowledged, Survey};
use super::words::{self, Said};
use super::{adapter, command, imports, persons, resources};
use crate::journal::JournalError;

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
    /// The HTTP interface, once an outsider came.
    interface: Option<Interface>,
    /// Whether memory is measured, as something is demanded of it.
    weighed: bool,
    /// Whether somebody changed the journal's files: then the demands alone say what must hold of it.
    tampered: bool,
}

/// How many moments may fall due between two events before the drill calls it a loop.
const MANY_MOMENTS: usize = 10_000;

impl<'s> World<'s> {
    /// Starts the service and registers what is `given`.
    ///
    /// # Errors
    /// What the service says when it can't start.
    pub(super) fn new(scenario: &'s Scenario) -> Result<Self, String> {
        let events = scenario.events.iter();
        let large = events
            .map(|event| &event.kind)
            .any(|kind| matches!(kind, EventKind::Import { rows, .. } if imports::is_large(rows)));
        let service = Service::start(&scenario.id, large)?;
        let weighed = scenario.expect.iter().any(|demand| {
            let kind = &demand.kind;
            matches!(
                kind,
                ExpectKind::Service {
                    rss_max_bytes: Some(_),
                    ..
                }
            )
        });
        Ok(Self {
            scenario,
            service,
            history: History::default(),
            acknowledged: Vec::new(),
            observed: BTreeSet::new(),
            silent: BTreeSet::new(),
            interface: None,
            weighed,
            tampered: false,
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
                _ => Said::because(Outcome::Rejected, Reason::IoError),
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
        if self.weighed {
            resources::reset_peak();
        }
        let (began, before) = (Instant::now(), self.service.head().size);
        let said = self.happen(event)?;
        let service = self.standing()?;
        let (took, after) = (began.elapsed(), self.service.head().size);
        let peak_bytes = self.weighed.then(resources::peak_bytes).flatten();
        let alarms = self.service.take_alarms().into_iter();
        let alarms = alarms.map(|alarm| (event.at, alarm.code));
        self.history.alarms.extend(alarms);
        self.history.sendings.push(Sending {
            id: event.id.clone(),
            at: event.at,
            said,
            service,
            entries: before..after.max(before),
            took,
            peak_bytes,
        });
        self.step(event.at);
        Ok(())
    }

    /// What the event does, and what was answered.
    fn happen(&mut self, event: &Event) -> Result<Option<Said>, Broken> {
        let accepted = Some(Said::plain(Outcome::Accepted));
        Ok(match &event.kind {
            EventKind::Crash { point: None } => {
                self.service.kill();
                accepted
            }
            EventKind::Crash { point: Some(point) } => {
                self.service.arm(*point);
                accepted
            }
            EventKind::Restart { .. } => Some(self.restart(event.at)?),
            EventKind::Advance | EventKind::Verify => accepted,
            EventKind::Export => {
                self.service.witness().map_err(cannot("a witnessed head"))?;
                accepted
            }
            EventKind::Fault { what, .. } if *what != FaultKind::ClockJump => {
                Some(self.fault(*what)?)
            }
            EventKind::Tamper { op, seq, .. } => {
                self.tamper(*op, seq.unwrap_or(0))?;
                accepted
            }
            EventKind::Import { rows, .. } => self.import(event, rows)?,
            EventKind::Http { .. } => Some(self.outsider(event)?),
            EventKind::Erase {
                customer,
                actor,
                approver,
            } => self.erase(event, customer, [actor, approver]),
            _ => self.send(event),
        })
    }

    fn fault(&self, what: FaultKind) -> Result<Said, Broken> {
        match what {
            FaultKind::SecondWriter => return Ok(self.second_writer()),
            FaultKind::FsyncEio => self.service.fail_sync().map_err(cannot("a failing sync"))?,
            FaultKind::DiskFull => self.service.fill_disk(),
            _ => return Err(broken("a fault that can be played", what.to_string())),
        }
        Ok(Said::plain(Outcome::Accepted))
    }

    /// Changes the journal's files at the entries of the story's event `seq`, counted from 1.
    fn tamper(&mut self, op: TamperOp, seq: u64) -> Result<(), Broken> {
        let place = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        let entries = place
            .and_then(|place| self.history.sendings.get(place))
            .map(|sending| sending.entries.clone())
            .filter(|entries: &Range<u64>| !entries.is_empty());
        let Some(entries) = entries else {
            let actual = format!("event {seq} put nothing into the journal");
            return Err(broken("an event to tamper with", actual));
        };
        self.tampered = true;
        match op {
            TamperOp::Flip => self.service.flip(entries.start),
            TamperOp::Truncate => self.service.truncate(entries.start),
            _ => Err(format!("{op} can't be played")),
        }
        .map_err(cannot("files that can be changed"))
    }

    /// An import, all of it or nothing; no reply where it was killed on the way.
    fn import(&mut self, event: &Event, rows: &Rows) -> Result<Option<Said>, Broken> {
        let id = event.id.as_deref().unwrap_or_default();
        if !self.service.is_up() || self.service.is_read_only() {
            return Ok(Some(Said::because(Outcome::Rejected, Reason::IoError)));
        }
        let given = &self.scenario.given;
        let did = imports::import(&mut self.service, given, (id, event.at), rows)
            .map_err(cannot("an import"))?;
        let said = did.as_ref().map(|did| match did.rejected {
            0 => Said::plain(Outcome::Accepted),
            _ => Said::because(Outcome::Rejected, Reason::Malformed),
        });
        self.history.imports.insert(id.to_owned(), did);
        Ok(said)
    }

    /// A raw request, over the real interface.
    fn outsider(&mut self, event: &Event) -> Result<Said, Broken> {
        let EventKind::Http {
            method,
            path,
            body_bytes,
            body,
            depth,
            slow_bps,
        } = &event.kind
        else {
            return Err(broken("a request", event.kind.word()));
        };
        let interface = match self.interface.take() {
            Some(interface) => interface,
            None => Interface::start(&self.scenario.given).map_err(cannot("an interface"))?,
        };
        let request = Request {
            id: event.id.as_deref().unwrap_or_default(),
            method,
            path,
            body_bytes: *body_bytes,
            body: body.as_deref(),
            depth: *depth,
            slow_bps: *slow_bps,
        };
        let mut serve = |command: &Command| match self.service.send(command, event.at) {
            Sent::Replied(reply) => {
                self.acknowledged.push(Acknowledged::of(command, &reply));
                Ok(reply)
            }
            _ => Err(NoReply::Stopped),
        };
        let said = interface.request(&request, &mut serve);
        self.interface = Some(interface);
        said.map_err(cannot("an answer"))
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
            Sent::Failed(reason) => {
                self.silent.insert(command.content());
                Some(Said::because(Outcome::Rejected, reason))
            }
            Sent::ReadOnly => Some(Said::because(Outcome::Denied, Reason::IoError)),
            Sent::Stopped => Some(Said::because(Outcome::Rejected, Reason::IoError)),
        }
    }

    fn acknowledge(&mut self, command: &Command, reply: &Reply) {
        self.acknowledged.push(Acknowledged::of(command, reply));
    }

    /// Runs every moment up to `until` at which time alone changes something: at its own time, or at `after_downtime`.
    fn moments(&mut self, until: u64, after_downtime: Option<u64>) -> Result<(), Broken> {
        for _ in 0..MANY_MOMENTS {
            let due = next_due(self.service.state()).filter(|due| *due <= until);
            let Some(due) = due.filter(|_| !self.service.is_read_only()) else {
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

    /// What the service can do now; where it has an interface, that is asked.
    fn standing(&self) -> Result<ServiceState, Broken> {
        let up = self.service.is_up();
        if let Some(interface) = &self.interface {
            let ready = interface.is_ready(up).map_err(cannot("an answer"))?;
            if ready != up {
                let said = |up: bool| if up { "ready" } else { "not ready" };
                return Err(broken(format!("{} over HTTP", said(up)), said(ready)));
            }
        }
        let tripped = &self.service.state().breaker.tripped;
        Ok(match up {
            false => ServiceState::Stopped,
            true if self.service.is_read_only() => ServiceState::Readonly,
            true if tripped.contains_key(&Scope::All) => ServiceState::Halted,
            true => ServiceState::Ready,
        })
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

    /// Checks what must hold after every event; names the first thing that does not. A journal that somebody changed is
    /// left to the demands, and a large one is checked at the end.
    pub(super) fn invariants(&self) -> Result<(), Broken> {
        if self.tampered || self.service.is_large() {
            return Ok(());
        }
        let survey = self
            .survey()
            .map_err(|why| broken("a journal that can be read", why))?;
        if self.service.is_up() && survey.state.digest() != self.service.state().digest() {
            return Err(broken(
                "the state that the durable journal folds to",
                "another state",
            ));
        }
        let lost = survey.lost(&self.acknowledged);
        if lost > 0 {
            return Err(broken(
                "every acknowledged answer in the durable journal",
                format!("{lost} are absent"),
            ));
        }
        survey
            .sums(&self.observed)
            .map_err(|(expected, actual)| broken(expected, actual))
    }

    /// All of a whole journal.
    fn survey(&self) -> Result<Survey, String> {
        let mut survey = Survey::default();
        let examined = self.service.examine(&mut |record| survey.take(record))?;
        examined
            .damage
            .map_or(Ok(survey), |damage| Err(damage.to_string()))
    }

    /// What a check of the journal finds at the end, against what the witness holds, and the state it folds to.
    pub(super) fn check_journal(&self) -> (JournalCheck, State) {
        let mut survey = Survey::default();
        let examined = self.service.examine(&mut |record| survey.take(record));
        let mut check = JournalCheck::broken();
        let Ok(examined) = examined else {
            check.events_lost = Survey::default().lost(&self.acknowledged);
            return (check, State::default());
        };
        check.state = match &examined.damage {
            None => JournalState::Ok,
            Some(JournalError::Truncated { .. }) => JournalState::Truncated,
            Some(JournalError::Forked { .. }) => JournalState::Forked,
            Some(_) => JournalState::Broken,
        };
        check.events_lost = survey.lost(&self.acknowledged);
        if let Some(damage) = &examined.damage {
            check.first_bad = self.history.event_of(examined.size);
            // What lies behind one flipped bit is not believed, and not lost: turned back, it is there.
            let mut mended = Survey::default();
            let read = self
                .service
                .examine_mended(damage, &mut |record| mended.take(record));
            if read.is_ok() {
                check.events_lost = mended.lost(&self.acknowledged);
            }
        }
        check.unacked = survey.unheard(&self.silent, &self.acknowledged);
        check.duplicates = survey.decided_again();
        check.credited = survey.credited();
        check.exposed = persons::exposed(&self.scenario.given, &survey.kept);
        self.compare_imports(&survey, &mut check);
        (check, survey.state)
    }

    /// Rows that imports said are in and are not count as lost; rows that are there beyond that, as booked again.
    fn compare_imports(&self, survey: &Survey, check: &mut JournalCheck) {
        let all = self.history.imports.values();
        let applied = all.flatten().map(|did| did.applied);
        let applied = applied.fold(0_u64, u64::saturating_add);
        let missing = applied.saturating_sub(survey.transfers);
        check.events_lost = check.events_lost.saturating_add(missing);
        let unfinished = self.history.imports.values().any(Option::is_none);
        // Requests of outsiders may book rows too.
        if !unfinished && self.interface.is_none() {
            let beyond = survey.transfers.saturating_sub(applied);
            check.duplicates = check.duplicates.saturating_add(beyond);
        }
    }
}

fn broken(expected: impl Into<String>, actual: impl Into<String>) -> Broken {
    Broken {
        expected: expected.into(),
        actual: actual.into(),
    }
}

/// What should have been possible, and why it was not.
fn cannot(expected: &'static str) -> impl Fn(String) -> Broken {
    move |why| broken(expected, why)
}
