//! What is seen of a request's figures: its input vector.

use super::figures::{Seen, Unknown};
use super::rule::FIGURES_MAX;
use alloc::vec::Vec;

/// What sort of thing is seen of a figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub(super) enum Sort {
    /// It was not worked out yet.
    #[default]
    Unseen,
    Number,
    /// The number is one for true.
    Flag,
    Absent,
    Unknown,
}

/// What is seen of a request's figures, by place: its input vector. Sorts and numbers lie apart, so that comparing one reads
/// just what was written, and a new vector is zeros.
#[derive(Clone, Debug)]
pub struct Vector {
    sorts: [Sort; FIGURES_MAX],
    numbers: [u128; FIGURES_MAX],
    /// Of the figures that can't be told, why.
    untold: Vec<(u8, Unknown)>,
}

impl Vector {
    /// Nothing was seen yet.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self {
            sorts: [Sort::Unseen; FIGURES_MAX],
            numbers: [0; FIGURES_MAX],
            untold: Vec::new(),
        }
    }

    /// Of what sort it is; `None` for a place that no figure has: rules that look at more figures are not adopted.
    #[inline]
    pub(super) fn sort(&self, place: u8) -> Option<Sort> {
        self.sorts.get(usize::from(place)).copied()
    }

    #[inline]
    pub(super) fn flat(&self, place: u8) -> (Sort, u128) {
        let number = self.numbers.get(usize::from(place));
        (
            self.sort(place).unwrap_or(Sort::Absent),
            number.copied().unwrap_or(0),
        )
    }

    /// Takes a figure as it was seen before, instead of working it out.
    #[inline]
    pub fn tell(&mut self, place: u8, seen: Seen) {
        let (sort, number) = match seen {
            Seen::Number(number) => (Sort::Number, number),
            Seen::Flag(flag) => (Sort::Flag, u128::from(flag)),
            Seen::Absent => (Sort::Absent, 0),
            Seen::Unknown(why) => {
                self.untold.push((place, why));
                (Sort::Unknown, 0)
            }
        };
        let at = usize::from(place);
        if let (Some(of), Some(slot)) = (self.sorts.get_mut(at), self.numbers.get_mut(at)) {
            (*of, *slot) = (sort, number);
        }
    }

    /// What is seen at that place; `None` where it was not worked out yet.
    pub(super) fn get(&self, place: u8) -> Option<Seen> {
        let (sort, number) = self.flat(place);
        Some(match sort {
            Sort::Unseen => return None,
            Sort::Number => Seen::Number(number),
            Sort::Flag => Seen::Flag(number == 1),
            Sort::Absent => Seen::Absent,
            Sort::Unknown => Seen::Unknown(self.why(place)),
        })
    }

    pub(super) fn why(&self, place: u8) -> Unknown {
        let untold = self.untold.iter().rfind(|(of, _)| *of == place);
        untold.map_or(Unknown::NotRecorded, |(_, why)| *why)
    }

    /// What was seen so far, by place.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Seen)> + '_ {
        let places = (0..=u8::MAX).take(FIGURES_MAX);
        places.filter_map(|place| Some((place, self.get(place)?)))
    }
}

impl Default for Vector {
    fn default() -> Self {
        Self::new()
    }
}
