//! The time that the journal gets: wall time at the start plus what a monotonic clock has counted since, so that a
//! wall clock that jumps moves no deadline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// By how much the wall clock may deviate before it is said, ms.
const DEVIATION_MS: i64 = 5_000;

/// A source of time.
pub trait Clock: Send {
    /// Now, ms since the epoch. Never falls while the program runs.
    fn now(&self) -> u64;
    /// By how much the wall clock has newly left the counted time, if it did.
    fn wall_shift(&mut self) -> Option<WallShift>;
}

/// A jump of the wall clock against the counted time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallShift {
    /// By how much it is ahead (positive) or behind, ms, since the last time it was said.
    pub by_ms: i64,
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: u64,
    counted: Instant,
    said_ms: i64,
}

fn wall() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl SystemClock {
    /// Starts at the wall time, or at `last` (the journal's time) where the wall clock is behind it.
    #[must_use]
    pub fn start(last: u64) -> Self {
        Self {
            start: wall().max(last),
            counted: Instant::now(),
            said_ms: 0,
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        let counted = u64::try_from(self.counted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.start.saturating_add(counted)
    }

    fn wall_shift(&mut self) -> Option<WallShift> {
        let ahead = i64::try_from(wall()).unwrap_or(i64::MAX)
            - i64::try_from(self.now()).unwrap_or(i64::MAX);
        let by_ms = ahead - self.said_ms;
        if by_ms.abs() <= DEVIATION_MS {
            return None;
        }
        self.said_ms = ahead;
        Some(WallShift { by_ms })
    }
}

/// A clock that stands where it is put; for tests and exercises.
#[derive(Debug, Default)]
pub struct TestClock(pub AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
    fn wall_shift(&mut self) -> Option<WallShift> {
        None
    }
}
