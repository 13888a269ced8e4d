//! Time is a number: a wall clock that can jump, and a counter that only runs; a process counts from where it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// By how much the wall may leave the counted time before it is said, ms; as the program's own clock has it.
const DEVIATION_MS: i64 = 5_000;

/// The machine's two clocks, in ms. Clones show the same time.
#[derive(Clone, Debug)]
pub struct MachineClock {
    wall: Arc<AtomicU64>,
    counter: Arc<AtomicU64>,
}

impl MachineClock {
    /// A machine at this wall time.
    #[must_use]
    pub fn at(wall: u64) -> Self {
        Self {
            wall: Arc::new(AtomicU64::new(wall)),
            counter: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Time passes on both clocks.
    pub fn pass(&self, ms: u64) {
        self.wall.fetch_add(ms, Ordering::Relaxed);
        self.counter.fetch_add(ms, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock.
    pub fn jump(&self, by_ms: i64) {
        let wall = self.wall.load(Ordering::Relaxed);
        self.wall
            .store(wall.saturating_add_signed(by_ms), Ordering::Relaxed);
    }

    fn wall(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }

    fn counter(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }
}

/// The clock of one process: the wall time at its start (or the journal's, where the wall is behind), plus what the
/// counter has counted since.
#[derive(Debug)]
pub struct ProcessClock {
    machine: MachineClock,
    start: u64,
    counted_from: u64,
    said_ms: i64,
}

impl ProcessClock {
    /// Starts at the wall time or at the journal's, whichever is later.
    #[must_use]
    pub fn start(machine: &MachineClock, last: u64) -> Self {
        Self {
            machine: machine.clone(),
            start: machine.wall().max(last),
            counted_from: machine.counter(),
            said_ms: 0,
        }
    }

    /// Now, ms since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        let counted = self.machine.counter().saturating_sub(self.counted_from);
        self.start.saturating_add(counted)
    }

    /// By how much the wall has newly left the counted time, ms.
    pub fn wall_shift(&mut self) -> Option<i64> {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let ahead = signed(self.machine.wall()) - signed(self.now());
        let by_ms = ahead - self.said_ms;
        if by_ms.abs() <= DEVIATION_MS {
            return None;
        }
        self.said_ms = ahead;
        Some(by_ms)
    }
}
