//! Caps per asset over rolling windows: how much may leave, whoever asks.
//!
//! A count is made durably when signing starts and is never given back. One withdrawal counts once, however many
//! attempts it has: all its attempts spend the same conflict key, so at most one of them lands. A later attempt counts
//! only what its fee is above the fee that is counted already.

use std::collections::VecDeque;

/// Seconds of an hour.
pub const HOUR: u64 = 3_600;
/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// The windows of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Without people, in an hour.
    AutomaticHour,
    /// Without people, in a day.
    AutomaticDay,
    /// All, in an hour.
    Hour,
}

impl Window {
    /// All windows.
    pub const ALL: [Self; 3] = [Self::AutomaticHour, Self::AutomaticDay, Self::Hour];

    /// The key of its cap in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AutomaticHour => "automatic_hour_cap",
            Self::AutomaticDay => "automatic_day_cap",
            Self::Hour => "hour_cap",
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::AutomaticHour | Self::Hour => HOUR,
            Self::AutomaticDay => DAY,
        }
    }

    /// Whether it holds for what people approved too.
    #[must_use]
    pub const fn counts_approved(self) -> bool {
        matches!(self, Self::Hour)
    }
}

/// The caps of one asset, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Without people, in any hour.
    pub automatic_hour: u128,
    /// Without people, in any day.
    pub automatic_day: u128,
    /// All, in any hour.
    pub hour: u128,
}

impl Caps {
    /// The cap of a window.
    #[must_use]
    pub const fn of(&self, window: Window) -> u128 {
        match window {
            Window::AutomaticHour => self.automatic_hour,
            Window::AutomaticDay => self.automatic_day,
            Window::Hour => self.hour,
        }
    }
}

/// Value that left or may have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// CAIP-19.
    pub asset: String,
    /// Minor units.
    pub amount: u128,
    /// Whether people approved it.
    pub approved: bool,
}

/// What was counted of one asset, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    entries: VecDeque<(u64, u128, bool)>,
}

impl Counted {
    /// Adds a count made at `at`, seconds since the epoch; times never fall.
    pub fn add(&mut self, at: u64, amount: u128, approved: bool) {
        if amount > 0 {
            self.entries.push_back((at, amount, approved));
        }
    }

    /// What counts in `window` at `now`. Clocks are in whole seconds, so a count leaves a window one second late rather
    /// than early.
    #[must_use]
    pub fn used(&self, window: Window, now: u64) -> u128 {
        let counts = |at: u64, approved: bool| {
            now.saturating_sub(at) <= window.seconds() && (window.counts_approved() || !approved)
        };
        self.entries
            .iter()
            .filter(|(at, _, approved)| counts(*at, *approved))
            .fold(0, |sum, (_, amount, _)| sum.saturating_add(*amount))
    }

    /// Every count: when, how much, whether approved.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u128, bool)> {
        self.entries.iter().copied()
    }

    /// Forgets what no window counts any more.
    pub fn prune(&mut self, now: u64) {
        while self
            .entries
            .front()
            .is_some_and(|(at, ..)| now.saturating_sub(*at) > DAY)
        {
            self.entries.pop_front();
        }
    }
}
