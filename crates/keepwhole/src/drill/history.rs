//! What happened while a story was played: replies, breakers and the service, in order.

use std::collections::BTreeSet;

use super::scenario::code::{JournalState, ServiceState};
use super::words::Said;

/// One sending of an event.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) id: Option<String>,
    pub(super) at: u64,
    /// What was answered; `None` when the process was killed before it could.
    pub(super) said: Option<Said>,
    /// What the service could do afterwards.
    pub(super) service: ServiceState,
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
