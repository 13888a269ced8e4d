//! A line of running totals by time: the sum of any window that ends now is the difference of two of them.

use super::taken::Taken;
use crate::moments;
use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a window adds up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Sum {
    /// How many.
    pub count: u32,
    /// How many of them had no price; the value leaves them out.
    pub unpriced: u32,
    /// Minor units.
    pub units: u128,
    /// Value, minor units of the reference currency.
    pub value: u128,
}

impl Sum {
    /// One of them; `value` is `None` where no price was known.
    #[must_use]
    pub fn one(units: u128, value: Option<u128>) -> Self {
        Self {
            count: 1,
            unpriced: u32::from(value.is_none()),
            units,
            value: value.unwrap_or(0),
        }
    }

    /// Totals run modulo their width; the difference of two is exact as long as the window itself fits, which it does:
    /// what is cleared of an asset fits 128 bits together, and no single value is above 2^96.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            count: self.count.wrapping_add(other.count),
            unpriced: self.unpriced.wrapping_add(other.unpriced),
            units: self.units.wrapping_add(other.units),
            value: self.value.wrapping_add(other.value),
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            count: self.count.wrapping_sub(other.count),
            unpriced: self.unpriced.wrapping_sub(other.unpriced),
            units: self.units.wrapping_sub(other.units),
            value: self.value.wrapping_sub(other.value),
        }
    }

    /// It has no value any more.
    pub(super) const fn unprice(&mut self) {
        self.unpriced = self.count;
        self.value = 0;
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            units: self.units.saturating_add(other.units),
            value: self.value.saturating_add(other.value),
        }
    }
}

/// The totals up to a moment and with it; side by side they take a quarter less memory than in a [`Sum`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Entry {
    at: u64,
    count: u32,
    unpriced: u32,
    units: u128,
    value: u128,
}

impl Entry {
    const fn new(at: u64, upto: Sum) -> Self {
        Self {
            at,
            count: upto.count,
            unpriced: upto.unpriced,
            units: upto.units,
            value: upto.value,
        }
    }

    const fn upto(&self) -> Sum {
        Sum {
            count: self.count,
            unpriced: self.unpriced,
            units: self.units,
            value: self.value,
        }
    }

    const fn set(&mut self, upto: Sum) {
        *self = Self::new(self.at, upto);
    }

    const fn unprice(&mut self) {
        let mut upto = self.upto();
        upto.unprice();
        self.set(upto);
    }

    const fn is_old(&self, now: u64, kept: u64) -> bool {
        self.at.saturating_add(kept) <= now
    }
}

/// Running totals. Most lines have a single entry, and there are millions of lines: that entry lies in the line itself, where
/// it is found without another read of memory.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub(super) enum Line {
    #[default]
    Empty = 0,
    One(Entry) = 1,
    More(Box<Long>) = 2,
}

impl Line {
    /// Adds at a moment, which is mostly the latest.
    pub(super) fn add(&mut self, at: u64, one: Sum) {
        match self {
            Self::Empty => *self = Self::One(Entry::new(at, one)),
            Self::One(entry) if entry.at == at => entry.set(entry.upto().plus(one)),
            Self::One(entry) => {
                let mut long = Box::new(Long::of(*entry));
                long.add(at, one);
                *self = Self::More(long);
            }
            Self::More(long) => long.add(at, one),
        }
    }

    /// Takes back what was added at that moment; nothing where that moment is forgotten.
    pub(super) fn release(&mut self, at: u64, one: Sum) {
        match self {
            Self::One(entry) if entry.at == at => entry.set(entry.upto().minus(one)),
            Self::Empty | Self::One(_) => {}
            Self::More(long) => long.release(at, one),
        }
    }

    /// The sum of `(now - ms, now]`, for a `now` that is not before the last entry.
    #[inline]
    pub(super) fn sum(&self, now: u64, ms: u64) -> Sum {
        match self {
            Self::Empty => Sum::default(),
            Self::One(entry) if now.checked_sub(ms).is_some_and(|start| entry.at <= start) => {
                Sum::default()
            }
            Self::One(entry) => entry.upto(),
            Self::More(long) => long.sum(now, ms),
        }
    }

    /// Forgets what is older than `kept` once that is half of all or more, so that the work is shared out.
    pub(super) fn prune(&mut self, now: u64, kept: u64) {
        if let Self::More(long) = self {
            long.prune(now, kept);
        }
    }

    /// True if nothing in it is younger than `kept`.
    pub(super) fn is_old(&self, now: u64, kept: u64) -> bool {
        self.last().is_none_or(|entry| entry.is_old(now, kept))
    }

    fn last(&self) -> Option<&Entry> {
        match self {
            Self::Empty => None,
            Self::One(entry) => Some(entry),
            Self::More(long) => long.entries.last(),
        }
    }

    /// Nothing in it has a value any more, because values are told in another currency now.
    pub(super) fn unprice(&mut self) {
        match self {
            Self::Empty => {}
            Self::One(entry) => entry.unprice(),
            Self::More(long) => long.unprice(),
        }
    }

    /// Reads its last entry ahead.
    pub(super) fn touch(&self) -> u32 {
        self.last().map_or(0, |last| {
            u32::from(last.at == 0) ^ u32::from(last.value == 0)
        })
    }

    /// True without anything in it.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Gives its memory back.
    pub(super) fn clear(&mut self) {
        *self = Self::Empty;
    }

    /// Bytes of memory behind it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Empty | Self::One(_) => 0,
            Self::More(long) => long.bytes().saturating_add(size_of::<Long>()),
        }
    }
}

/// Entries in order of their moments, each moment once.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Long {
    entries: Vec<Entry>,
    /// What was taken back from pieces that others follow: no entry's total has what was taken in its own piece up to it,
    /// and it has what was taken in earlier pieces.
    taken: Option<Box<Taken>>,
}

/// Entries of a piece: few enough to be changed one by one.
const PIECE: usize = 64;

impl Long {
    fn of(first: Entry) -> Self {
        Self {
            entries: Vec::from([first]),
            taken: None,
        }
    }

    /// The total of the first so many entries.
    fn upto(&self, places: usize) -> Sum {
        let last = places.checked_sub(1).and_then(|at| self.entries.get(at));
        let upto = last.map_or_else(Sum::default, Entry::upto);
        match &self.taken {
            Some(taken) => upto.minus(taken.upto(places.saturating_sub(1) / PIECE)),
            None => upto,
        }
    }

    /// Adds at a moment, which is mostly the latest.
    pub(super) fn add(&mut self, at: u64, one: Sum) {
        if self.entries.last().is_some_and(|last| at < last.at) {
            self.add_before(at, one);
            return;
        }
        let upto = match self.entries.last_mut() {
            Some(last) if last.at == at => {
                last.set(last.upto().plus(one));
                return;
            }
            Some(last) => last.upto(),
            None => Sum::default(),
        };
        let len = self.entries.len();
        if len == self.entries.capacity() {
            // Many lines have an entry or two, and there are millions of lines.
            self.entries.reserve_exact(len.max(1));
        }
        self.entries.push(Entry::new(at, upto.plus(one)));
        if let Some(taken) = &mut self.taken
            && len.is_multiple_of(PIECE)
        {
            taken.grow();
        }
    }

    fn add_before(&mut self, at: u64, one: Sum) {
        self.settle();
        let place = self.entries.partition_point(|entry| entry.at < at);
        if self.entries.get(place).is_none_or(|entry| entry.at != at) {
            let upto = self.upto(place);
            self.entries.insert(place, Entry::new(at, upto));
        }
        for entry in self.entries.iter_mut().skip(place) {
            entry.set(entry.upto().plus(one));
        }
    }

    /// Takes back what was added at that moment; nothing where that moment is forgotten.
    fn release(&mut self, at: u64, one: Sum) {
        let Ok(place) = self.entries.binary_search_by_key(&at, |entry| entry.at) else {
            return;
        };
        let piece = place / PIECE;
        let after = piece.saturating_add(1).saturating_mul(PIECE);
        let places = self.entries.len();
        let upto_after = after.saturating_sub(place);
        for entry in self.entries.iter_mut().skip(place).take(upto_after) {
            entry.set(entry.upto().minus(one));
        }
        // Pieces that come later begin with what is left.
        if places > after {
            let nothing = || Box::new(Taken::nothing(places.div_ceil(PIECE)));
            self.taken.get_or_insert_with(nothing).take(piece, one);
        }
    }

    /// Puts what was taken back into the totals.
    fn settle(&mut self) {
        if let Some(taken) = self.taken.take() {
            for (place, entry) in self.entries.iter_mut().enumerate() {
                entry.set(entry.upto().minus(taken.upto(place / PIECE)));
            }
        }
    }

    /// The sum of `(now - ms, now]`, for a `now` that is not before the last entry.
    #[inline]
    pub(super) fn sum(&self, now: u64, ms: u64) -> Sum {
        let Some(last) = self.entries.last() else {
            return Sum::default();
        };
        let all = || self.upto(self.entries.len());
        let Some(start) = now.checked_sub(ms) else {
            return all();
        };
        if last.at <= start {
            return Sum::default();
        }
        let at = |place: usize| self.entries.get(place).map_or(u64::MAX, |entry| entry.at);
        match moments::upto(self.entries.len(), start, at) {
            0 => all(),
            place => all().minus(self.upto(place)),
        }
    }

    /// Forgets what is older than `kept` once that is half of all or more, so that the work is shared out.
    pub(super) fn prune(&mut self, now: u64, kept: u64) {
        let old = |entry: &Entry| entry.is_old(now, kept);
        let half = self.entries.get(self.entries.len() / 2);
        if self.entries.len() < 4 || !half.is_some_and(old) {
            return;
        }
        self.settle();
        let gone = self.entries.partition_point(old);
        let before = self.upto(gone);
        self.entries.drain(..gone);
        for entry in &mut self.entries {
            entry.set(entry.upto().minus(before));
        }
        let len = self.entries.len();
        self.entries.shrink_to(len.saturating_mul(2));
    }

    /// Nothing in it has a value any more, because values are told in another currency now.
    pub(super) fn unprice(&mut self) {
        self.entries.iter_mut().for_each(Entry::unprice);
        if let Some(taken) = &mut self.taken {
            taken.unprice();
        }
    }

    /// Bytes of memory behind it.
    fn bytes(&self) -> usize {
        let taken = self.taken.as_ref().map_or(0, |taken| taken.bytes());
        let entries = self.entries.capacity().saturating_mul(size_of::<Entry>());
        entries.saturating_add(taken)
    }
}
