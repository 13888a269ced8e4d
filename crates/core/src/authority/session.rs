//! Sessions: how long a sign-in lasts. A session can read and nothing else: every effect has an assertion of its own.

use super::rules::{HOUR_MS, MINUTE_MS};
use alloc::format;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// How long a session lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct SessionRules {
    /// Longest time without a request, ms.
    pub idle_ms: u64,
    /// Longest time in all, ms.
    pub whole_ms: u64,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEnd {
    /// Nothing was asked for so long: the moment, ms.
    Idle(u64),
    /// It lasted as long as any may: the moment, ms.
    Whole(u64),
    /// It begins in the future or was used before it began: a clock is wrong.
    Clock,
}

impl SessionRules {
    /// Fifteen minutes idle, eight hours in all.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            idle_ms: 15 * MINUTE_MS,
            whole_ms: 8 * HOUR_MS,
        }
    }

    /// Neither time is zero, above the usual ones, or the shorter above the longer.
    ///
    /// # Errors
    /// The slip, with its numbers.
    pub fn check(&self) -> Result<(), String> {
        let most = Self::usual();
        let fits = (1..=most.idle_ms).contains(&self.idle_ms)
            && (self.idle_ms..=most.whole_ms).contains(&self.whole_ms);
        if fits {
            return Ok(());
        }
        Err(format!(
            "a session is idle for at most {} ms and lasts at most {} ms, not {} and {}",
            most.idle_ms, most.whole_ms, self.idle_ms, self.whole_ms
        ))
    }

    /// Until when a session that began at `began` and was last used at `used` holds without another request, ms.
    ///
    /// # Errors
    /// Why it no longer holds at `now`. Ends are exclusive: at the instant itself it is over.
    pub const fn holds(&self, began: u64, used: u64, now: u64) -> Result<u64, SessionEnd> {
        if used < began || now < used {
            return Err(SessionEnd::Clock);
        }
        let idle = used.saturating_add(self.idle_ms);
        let whole = began.saturating_add(self.whole_ms);
        if now >= whole && whole <= idle {
            return Err(SessionEnd::Whole(whole));
        }
        if now >= idle {
            return Err(SessionEnd::Idle(idle));
        }
        Ok(if idle < whole { idle } else { whole })
    }
}
