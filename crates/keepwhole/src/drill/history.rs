//! What happened while a story was played: replies, breakers and the service, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use super::imports::Imported;
use super::scenario::code::{JournalState, ServiceState};
use super::words::Said;
use crate::journal::AlarmCode;

/// One sending of an event.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) id: Option<String>,
    pub(super) at: u64,
    /// What was answered; `None` when the process was killed before it could.
    pub(super) said: Option<Said>,
    /// What the service could do afterwards.
    pub(super) service: ServiceState,
    /// Entries that it put into the journal.
    pub(super) entries: Range<u64>,
    /// How long it took on this machine, and the peak of resident memory meanwhile, where they are asked for.
    pub(super) took: Duration,
    pub(super) peak_bytes: Option<u64>,
}

/// The breakers after one step: an event, or a moment at which time alone changed something.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: u64,
    /// How many events had been sent by then.
    pub(super) sent: usize,
    pub(super) tripped: BTreeSet<String>,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) sendings: Vec<Sending>,
    pub(super) steps: Vec<Step>,
    /// Alarms about the journal, each with its time.
    pub(super) alarms: Vec<(u64, AlarmCode)>,
    /// What each import did; `None` where it was killed the last time.
    pub(super) imports: BTreeMap<String, Option<Imported>>,
}

impl History {
    /// The `nth` sending of an event, from 1, with its place.
    pub(super) fn sending(&self, event: &str, nth: u32) -> Option<(usize, &Sending)> {
        let skip = usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX);
        self.sendings
            .iter()
            .enumerate()
            .filter(|(_, sending)| sending.id.as_deref() == Some(event))
            .nth(skip)
    }

    /// Which event, from 1, put the entry at `position` into the journal or would have been the next to.
    pub(super) fn event_of(&self, position: u64) -> Option<u64> {
        let place = self
            .sendings
            .iter()
            .position(|sending| sending.entries.end > position)?;
        u64::try_from(place).ok()?.checked_add(1)
    }

    /// The last sending of an event.
    pub(super) fn last(&self, event: &str) -> Option<&Sending> {
        self.sendings
            .iter()
            .rfind(|sending| sending.id.as_deref() == Some(event))
    }
}

/// What a check of the journal on disk found at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JournalCheck {
    pub(super) state: JournalState,
    /// Which event's record is the first bad one, from 1.
    pub(super) first_bad: Option<u64>,
    /// Acknowledged events that are absent.
    pub(super) events_lost: u64,
    /// Events on disk whose reply never left.
    pub(super) unacked: u64,
    /// Commands with an id that were decided more than once.
    pub(super) duplicates: u64,
    /// Deposits that were credited at some time.
    pub(super) credited: BTreeSet<String>,
    /// Customers whose records were read without or beyond right.
    pub(super) exposed: BTreeSet<String>,
}

impl JournalCheck {
    /// Nothing could be read.
    pub(super) const fn broken() -> Self {
        Self {
            state: JournalState::Broken,
            first_bad: None,
            events_lost: 0,
            unacked: 0,
            duplicates: 0,
            credited: BTreeSet::new(),
            exposed: BTreeSet::new(),
        }
    }
}
