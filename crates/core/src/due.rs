//! Moments at which time alone changes something.

use crate::state::State;
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
}

/// The next moment at which time alone changes something, ms since the epoch. The caller sends
/// [`crate::command::Body::ObserveTime`] then; until then nothing changes without a command.
#[must_use]
pub fn next_due(state: &State) -> Option<u64> {
    state.timers.first().map(|(at, _)| *at)
}
