//! Back-tests for readers of the console: one at a time, for no longer than a page may take, and the last one kept.

use crate::journal::{Journal, RealDisk};
use crate::policy::backtest::{Backtest, backtest_while};
use crate::policy::journal::WalkError;
use keepwhole_core::policy::Policy;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

/// Longest work for one page; a page may take ten seconds in all.
const BUDGET: Duration = Duration::from_secs(8);
/// Entries between two looks at the clock.
const LOOK_EVERY: u64 = 256;

/// What is tested: size of the journal, SHA-256 of the policy, from and until (ms since the epoch).
pub(super) type Job = (u64, [u8; 32], (u64, u64));

/// Why there is no result.
pub(super) enum Unworked {
    /// Another one is being worked out.
    Busy,
    /// It took longer than a page may.
    TooLong,
    /// The journal can't be read.
    Journal(WalkError),
}

/// The last back-test; whoever works out the next one holds it.
#[derive(Default)]
pub(super) struct Backtests(Mutex<Option<(Job, Arc<Backtest>)>>);

impl Backtests {
    /// The result of a job, worked out here unless it was the last one.
    pub(super) fn work(
        &self,
        job: Job,
        journal: &Journal<RealDisk>,
        policy: &Policy,
    ) -> Result<Arc<Backtest>, Unworked> {
        let mut last = match self.0.try_lock() {
            Ok(last) => last,
            Err(TryLockError::WouldBlock) => return Err(Unworked::Busy),
            // A job that panicked left the last result as it was.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        if let Some((_, found)) = last.as_ref().filter(|(known, _)| *known == job) {
            return Ok(Arc::clone(found));
        }
        let began = Instant::now();
        let mut seen = 0_u64;
        let mut go_on = || {
            seen = seen.wrapping_add(1);
            !seen.is_multiple_of(LOOK_EVERY) || began.elapsed() < BUDGET
        };
        let found = backtest_while(journal, policy, job.2, &mut go_on);
        let found = Arc::new(found.map_err(|error| match error {
            WalkError::Stopped => Unworked::TooLong,
            error => Unworked::Journal(error),
        })?);
        *last = Some((job, Arc::clone(&found)));
        Ok(found)
    }
}
