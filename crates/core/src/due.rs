//! Moments at which time alone changes something.

use crate::state::State;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What happens at such a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Timer {
    /// A clearance lapses: number of the request.
    ClearanceLapses(u32) = 1,
    /// A change comes into force: number of the proposal.
    ChangeComesIntoForce(u32) = 2,
    /// A clock warns: place of the case, number of its clock.
    ClockWarns(u32, u32) = 3,
    /// A clock is missed: place of the case, number of its clock.
    ClockMissed(u32, u32) = 4,
    /// A held request is judged again: its number.
    RequestJudged(u32) = 5,
    /// The time to collect a request's approvals ends: its number.
    CollectionEnds(u32) = 6,
    /// Every enabled class of action can fill its quorum: the bootstrap ends.
    BootstrapEnds = 7,
    /// A request's intent ends: its number.
    IntentEnds(u32) = 8,
}

type Moments = BTreeSet<(u64, Timer)>;

/// All such moments to come. Those of requests, of which there may be very many, lie apart from the few others.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Timers {
    /// Requests that are judged again.
    judged: Moments,
    /// What else becomes of requests.
    requests: Moments,
    /// Changes, clocks and the end of the bootstrap.
    others: Moments,
}

impl Timers {
    const fn of(&mut self, timer: Timer) -> &mut Moments {
        match timer {
            Timer::RequestJudged(_) => &mut self.judged,
            Timer::ClearanceLapses(_) | Timer::CollectionEnds(_) | Timer::IntentEnds(_) => {
                &mut self.requests
            }
            Timer::ChangeComesIntoForce(_)
            | Timer::ClockWarns(..)
            | Timer::ClockMissed(..)
            | Timer::BootstrapEnds => &mut self.others,
        }
    }

    pub(crate) fn insert(&mut self, at: u64, timer: Timer) {
        self.of(timer).insert((at, timer));
    }

    /// Takes it away at that moment.
    pub(crate) fn remove(&mut self, at: u64, timer: Timer) {
        self.of(timer).remove(&(at, timer));
    }

    /// Takes a change's, a clock's or the bootstrap's away, whenever it is.
    pub(crate) fn forget(&mut self, timer: Timer) {
        self.others.retain(|(_, known)| *known != timer);
    }

    /// The first moment.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        let sets = [&self.judged, &self.requests, &self.others];
        let firsts = sets.into_iter().filter_map(|set| set.first());
        firsts.map(|(at, _)| *at).min()
    }

    /// The first request that is judged again by then.
    pub(crate) fn judged_by(&self, now: u64) -> Option<u32> {
        match self.judged.first() {
            Some((at, Timer::RequestJudged(request))) if *at <= now => Some(*request),
            _ => None,
        }
    }

    /// The first of all others that are due by then, in order; so many at most.
    pub(crate) fn due(&self, now: u64, most: usize) -> Vec<Timer> {
        let due = |set: &Moments| -> Vec<(u64, Timer)> {
            let due = set.iter().take_while(|(at, _)| *at <= now);
            due.take(most).copied().collect()
        };
        let mut all = due(&self.requests);
        all.extend(due(&self.others));
        all.sort_unstable();
        all.truncate(most);
        all.into_iter().map(|(_, timer)| timer).collect()
    }
}

/// The next moment at which time alone changes something, ms since the epoch. The caller sends
/// [`crate::command::Body::ObserveTime`] then, and again as long as a moment is due; until then nothing changes without
/// a command.
#[must_use]
pub fn next_due(state: &State) -> Option<u64> {
    let again = (!state.guard.again.is_empty()).then_some(state.at);
    state.timers.first().into_iter().chain(again).min()
}
