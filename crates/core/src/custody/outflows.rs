//! What left one wallet lately, or was cleared to: running totals in order of time, so that the work of a look or a change
//! does not grow with the number of outflows.

use crate::moments;
use crate::wide::Wide;
use alloc::collections::{BTreeMap, VecDeque};
use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::Bound;

/// Where an outflow stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
enum Standing {
    /// Cleared, and the chain does not show it yet: number of the request.
    Open(u32) = 1,
    /// Its clearance lapsed unused: it holds nothing back, and still counts for the caps.
    Lapsed = 2,
    /// The chain shows it: the holding is already smaller.
    Seen = 3,
}

/// One outflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Outflow {
    at: u64,
    units: u128,
    /// What the caps took for the wallet's holding just before, minor units.
    before: u128,
    standing: Standing,
}

/// An outflow, and all that was added up to it and with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Entry {
    outflow: Outflow,
    upto: Wide,
}

/// Moment and number of an outflow: their order is that of time.
type Key = (u64, u64);

/// What is added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New {
    /// When it was cleared, or seen where nobody cleared it, ms; never before the one added last.
    pub(crate) at: u64,
    /// Minor units.
    pub(crate) units: u128,
    /// What the caps took for the wallet's holding just before, minor units.
    pub(crate) before: u128,
    /// The request that was cleared; none where the chain shows what nobody cleared.
    pub(crate) request: Option<u32>,
}

/// What left in a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// All of it, minor units.
    pub units: u128,
    /// What the caps took for the wallet's holding just before the first of it, minor units; none where nothing left.
    pub before: Option<u128>,
}

/// Outflows of one wallet in one asset.
///
/// An outflow is remembered as long as a cap may look back at it, and as long as its clearance is open. What is forgotten is
/// forgotten when the next one is added.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Outflows {
    /// Those of late, in order.
    recent: VecDeque<Entry>,
    /// Number of the first of them.
    first: u64,
    /// All that was added before the first of them.
    gone: Wide,
    /// Old ones that are remembered because their clearance was open when the last one was added.
    old: BTreeMap<Key, Outflow>,
    /// Those of the old ones whose clearance is open no longer.
    closed: BTreeMap<Key, ()>,
    /// Those whose clearance is open, by request.
    open: BTreeMap<u32, Key>,
    /// Sum of those.
    unseen: Wide,
    /// Sum of those that lapsed and are remembered.
    lapsed: Wide,
}

impl Outflows {
    /// Cleared to leave and not seen yet, minor units.
    pub(crate) const fn unseen(&self) -> Wide {
        self.unseen
    }

    /// Cleared to leave and not seen yet, used or not, minor units.
    pub(crate) const fn cleared(&self) -> u128 {
        self.unseen.and(self.lapsed).told()
    }

    /// What left in `(now - ms, now]`, for a `now` that is not before the last one added.
    pub(crate) fn left(&self, now: u64, ms: u64) -> Left {
        let start = now.checked_sub(ms);
        let from = start.map_or(Bound::Unbounded, |start| Bound::Excluded((start, u64::MAX)));
        let at = |place: usize| {
            let entry = self.recent.get(place);
            entry.map_or(u64::MAX, |entry| entry.outflow.at)
        };
        let place = start.map_or(0, |start| moments::upto(self.recent.len(), start, at));
        let upto = self.recent.back().map_or(self.gone, |entry| entry.upto);
        let mut sum = upto.without(self.upto(place));
        let mut before = self.recent.get(place).map(|entry| entry.outflow.before);
        for (_, outflow) in self.old.range((from, Bound::Unbounded)).rev() {
            sum = sum.plus(outflow.units);
            before = Some(outflow.before);
        }
        Left {
            units: sum.told(),
            before,
        }
    }

    /// All that was added before the recent one at that place.
    fn upto(&self, place: usize) -> Wide {
        let last = place.checked_sub(1).and_then(|last| self.recent.get(last));
        last.map_or(self.gone, |entry| entry.upto)
    }

    /// Adds one, and forgets what is older than `kept` and not open.
    pub(crate) fn push(&mut self, new: New, kept: u64) {
        self.forget(new.at, kept);
        let recent = u64::try_from(self.recent.len()).unwrap_or(u64::MAX);
        let number = self.first.saturating_add(recent);
        let standing = match new.request {
            Some(request) => {
                self.open.insert(request, (new.at, number));
                self.unseen = self.unseen.plus(new.units);
                Standing::Open(request)
            }
            None => Standing::Seen,
        };
        let upto = self.recent.back().map_or(self.gone, |entry| entry.upto);
        self.recent.push_back(Entry {
            outflow: Outflow {
                at: new.at,
                units: new.units,
                before: new.before,
                standing,
            },
            upto: upto.plus(new.units),
        });
    }

    fn forget(&mut self, now: u64, kept: u64) {
        let is_old = |at: u64| at.saturating_add(kept) <= now;
        while let Some((key, ())) = self.closed.first_key_value()
            && is_old(key.0)
        {
            let key = *key;
            self.closed.remove(&key);
            if let Some(outflow) = self.old.remove(&key) {
                self.forgotten(&outflow);
            }
        }
        while let Some(entry) = self.recent.front()
            && is_old(entry.outflow.at)
        {
            let Entry { outflow, upto } = *entry;
            self.recent.pop_front();
            self.gone = upto;
            if let Standing::Open(_) = outflow.standing {
                self.old.insert((outflow.at, self.first), outflow);
            } else {
                self.forgotten(&outflow);
            }
            self.first = self.first.saturating_add(1);
        }
    }

    const fn forgotten(&mut self, outflow: &Outflow) {
        if let Standing::Lapsed = outflow.standing {
            self.lapsed = self.lapsed.less(outflow.units);
        }
    }

    /// The chain shows it. Minor units that are no longer held back.
    pub(crate) fn seen(&mut self, request: u32) -> u128 {
        self.close(request, Standing::Seen)
    }

    /// Its clearance lapsed unused. Minor units that are no longer held back.
    pub(crate) fn lapsed(&mut self, request: u32) -> u128 {
        let units = self.close(request, Standing::Lapsed);
        self.lapsed = self.lapsed.plus(units);
        units
    }

    fn close(&mut self, request: u32, standing: Standing) -> u128 {
        let Some(key) = self.open.remove(&request) else {
            return 0;
        };
        let outflow = match self.old.get_mut(&key) {
            Some(outflow) => {
                self.closed.insert(key, ());
                Some(outflow)
            }
            None => {
                let place = usize::try_from(key.1.saturating_sub(self.first)).ok();
                let entry = place.and_then(|place| self.recent.get_mut(place));
                entry.map(|entry| &mut entry.outflow)
            }
        };
        let Some(outflow) = outflow else { return 0 };
        outflow.standing = standing;
        self.unseen = self.unseen.less(outflow.units);
        outflow.units
    }
}
