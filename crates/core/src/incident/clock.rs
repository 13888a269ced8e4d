//! Duties and their clocks: when they start, when they are due, and how they ended.
//!
//! A duty's length is data. A duty whose rule gives no number has no computable deadline: its clock shows elapsed time
//! and is never late by a made-up margin.

use crate::law::{self, Calendar, ClockSpec, ClockStart, Day};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// How long a duty gives.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Limit {
    /// So many ms, through nights and weekends.
    Ms(u64) = 1,
    /// The end of the n-th business day after the start, in a zone with a fixed offset; holidays are days since the
    /// epoch.
    BusinessDays {
        /// How many.
        days: u32,
        /// Minutes east of UTC.
        offset_minutes: i16,
        /// Public holidays that are known, days since the epoch, ascending.
        holidays: alloc::vec::Vec<i32>,
    } = 2,
    /// Words in place of a number (`immediately`, `without delay`): no computable deadline.
    Words(String) = 3,
}

/// What starts a duty's clock.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Start {
    /// The first awareness.
    Awareness(Limit) = 1,
    /// Classification, yet never later than a limit from awareness: due = min(classified + limit, aware + cap).
    ClassificationCapped {
        /// From classification, ms.
        limit_ms: u64,
        /// From awareness, ms.
        cap_ms: u64,
    } = 2,
    /// Each newly confirmed material fact.
    MaterialFact(Limit) = 3,
    /// The first accepted notification for another duty.
    Notification {
        /// The other duty.
        of: String,
        /// From then on.
        limit: Limit,
    } = 4,
    /// The first halt of withdrawals in the case.
    Block(Limit) = 5,
}

/// A duty to tell somebody by a time.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Duty {
    /// Its name: the law record's id where it comes from one.
    pub id: String,
    /// Who must be told.
    pub authority: String,
    /// What starts it and how long it gives.
    pub start: Start,
    /// Where it stands, with its article; empty for an exercise.
    pub source: String,
    /// Status of the rule in the law data.
    pub status: String,
    /// How sure the data is.
    pub confidence: String,
    /// First moment at which the rule holds, ms; a case takes the rules of its own day.
    pub holds_from: Option<u64>,
    /// First moment at which it no longer holds, ms.
    pub holds_until: Option<u64>,
}

impl Duty {
    /// True if the rule holds at that moment, ms.
    #[must_use]
    pub fn holds(&self, at: u64) -> bool {
        self.holds_from.is_none_or(|from| from <= at)
            && self.holds_until.is_none_or(|until| at < until)
    }
}

/// How a clock stands.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Standing {
    /// Running.
    Open = 1,
    /// Told in time.
    Met = 2,
    /// The time is over; it stays missed, even when somebody is told later.
    Missed = 3,
}

/// A running or ended clock.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    /// Number of the duty.
    pub duty: u32,
    /// When it started, ms.
    pub started: u64,
    /// Last moment in time, ms, inclusive; `None` where the rule gives no number.
    pub due: Option<u64>,
    /// How it stands.
    pub standing: Standing,
    /// When somebody was told, ms, in time or not.
    pub told: Option<u64>,
    /// The receipt.
    pub receipt: String,
    /// How many of the three warnings were given.
    pub warned: u8,
}

impl Clock {
    /// When the next warning is due, ms: at half, three quarters and nine tenths of the time.
    #[must_use]
    pub fn next_warning(&self) -> Option<u64> {
        let length = self.due?.checked_sub(self.started)?;
        let part = match self.warned {
            0 => length / 2,
            1 => length / 4 * 3,
            2 => length / 10 * 9,
            _ => return None,
        };
        self.started.checked_add(part)
    }
}

/// The last moment in time of a duty that starts at `started` (ms since the epoch, inclusive); `None` where the rule
/// gives no number or the calendar does not reach so far.
#[must_use]
pub fn due(limit: &Limit, started: u64) -> Option<u64> {
    match limit {
        Limit::Ms(length) => started.checked_add(*length),
        Limit::Words(_) => None,
        Limit::BusinessDays {
            days,
            offset_minutes,
            holidays,
        } => end_of_business_day(started, *days, *offset_minutes, holidays),
    }
}

/// Most business days that a duty may give: about ten years. More is no deadline, and counting them takes time.
pub const BUSINESS_DAYS_MAX: u32 = 2_500;

/// The end (24:00 local) of the n-th business day after the local day of `started`, by the calendar of the law's rules.
fn end_of_business_day(
    started: u64,
    days: u32,
    offset_minutes: i16,
    holidays: &[i32],
) -> Option<u64> {
    if days > BUSINESS_DAYS_MAX {
        return None;
    }
    let closed = holidays.iter().filter_map(|day| Day::from_epoch_days(*day));
    let name = || String::from("recorded");
    let calendar = Calendar::new(name(), Day::MIN, Day::MAX, closed.collect());
    let clock = ClockSpec {
        start: ClockStart::BecameAware,
        limit: law::Limit::BusinessDays {
            n: days,
            calendar: name(),
        },
    };
    match law::due_at(&clock, started, Some(offset_minutes), &calendar) {
        law::Due::At { ms, .. } => Some(ms),
        law::Due::NoNumber(_) | law::Due::NotComputable(_) => None,
    }
}
