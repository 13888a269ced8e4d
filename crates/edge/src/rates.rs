//! Requests a second: one bucket for everybody and one for each identity.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests a second, of all identities together and of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all together.
    pub all: u32,
    /// Of each.
    pub each: u32,
}

/// The buckets: each holds one second's worth and fills evenly.
#[derive(Debug)]
pub(crate) struct Rates {
    limits: Limits,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    all: Bucket,
    each: BTreeMap<String, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Nanoseconds of credit, at most one second.
    credit: u64,
    seen: Instant,
}

const SECOND: u64 = 1_000_000_000;

impl Bucket {
    const fn full(now: Instant) -> Self {
        Self {
            credit: SECOND,
            seen: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.seen).as_nanos();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.credit = self.credit.saturating_add(passed).min(SECOND);
        self.seen = now;
    }

    /// How long until one more request fits; zero when it fits now.
    const fn wait(&self, price: u64) -> Duration {
        Duration::from_nanos(price.saturating_sub(self.credit))
    }
}

impl Rates {
    pub(crate) fn new(limits: Limits, now: Instant) -> Self {
        let buckets = Buckets {
            all: Bucket::full(now),
            each: BTreeMap::new(),
        };
        Self {
            limits,
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes one request of `identity`, or says how long to wait. Identities are those of the tokens file, so that their
    /// number is bounded.
    pub(crate) fn take(&self, identity: &str, now: Instant) -> Result<(), Duration> {
        let price = |limit: u32| SECOND / u64::from(limit.max(1));
        let (all, each) = (price(self.limits.all), price(self.limits.each));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.all.fill(now);
        let mut own = buckets
            .each
            .get(identity)
            .copied()
            .unwrap_or(Bucket::full(now));
        own.fill(now);
        let wait = buckets.all.wait(all).max(own.wait(each));
        if wait.is_zero() {
            buckets.all.credit = buckets.all.credit.saturating_sub(all);
            own.credit = own.credit.saturating_sub(each);
        }
        buckets.each.insert(identity.to_owned(), own);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_can_not_use_up_what_is_there_for_all() {
        let start = Instant::now();
        let rates = Rates::new(Limits { all: 30, each: 10 }, start);
        let taken = (0..20).filter(|_| rates.take("a", start).is_ok()).count();
        assert_eq!(taken, 10);
        let taken = (0..20).filter(|_| rates.take("b", start).is_ok()).count();
        assert_eq!(taken, 10);
        let wait = rates.take("a", start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(rates.take("a", start + wait).is_ok());
        for name in ["c", "d"] {
            for _ in 0..10 {
                let _ = rates.take(name, start);
            }
        }
        assert!(
            rates.take("e", start).is_err(),
            "all together are at the limit"
        );
    }
}
