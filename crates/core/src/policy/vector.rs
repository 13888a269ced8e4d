//! What is seen of a request's figures: its input vector.

use super::rule::FIGURES_MAX;
use crate::registry::AssetIx;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Why a figure can't be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Unknown {
    /// The policy names no reference currency.
    NoReference = 1,
    /// No price of the asset is known.
    PriceMissing {
        /// The asset.
        asset: AssetIx,
    } = 2,
    /// The price of the asset is too old.
    PriceStale {
        /// The asset.
        asset: AssetIx,
        /// Its age, ms.
        age_ms: u64,
        /// Greatest age, ms, inclusive.
        max_ms: u64,
    } = 3,
    /// Something in the window had no price when it was cleared or came.
    Unpriced {
        /// How many.
        count: u32,
    } = 4,
    /// The value is too large to be told.
    TooLarge = 5,
    /// No price was recorded before the last one.
    NoEarlierPrice {
        /// The asset.
        asset: AssetIx,
    } = 6,
    /// Nothing is recorded of it.
    NotRecorded = 7,
    /// A newer price of the asset was told that is outside its band.
    PriceSuspect {
        /// The asset.
        asset: AssetIx,
        /// The price told, in the unit of [`crate::price`].
        price: u128,
        /// The price that it was compared with.
        last: u128,
        /// Band, basis points.
        band_bps: u16,
    } = 8,
}

impl Unknown {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoReference => "no_reference",
            Self::PriceMissing { .. } => "price_missing",
            Self::PriceStale { .. } => "price_stale",
            Self::Unpriced { .. } => "unpriced",
            Self::TooLarge => "too_large",
            Self::NoEarlierPrice { .. } => "no_earlier_price",
            Self::NotRecorded => "not_recorded",
            Self::PriceSuspect { .. } => "price_band",
        }
    }
}

/// What is seen of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Seen {
    /// A number, in the field's unit.
    Number(u128) = 1,
    /// True or false.
    Flag(bool) = 2,
    /// The field does not apply to the request.
    Absent = 3,
    /// It applies and can't be told.
    Unknown(Unknown) = 4,
}

impl From<Result<u128, Unknown>> for Seen {
    fn from(told: Result<u128, Unknown>) -> Self {
        match told {
            Ok(number) => Self::Number(number),
            Err(why) => Self::Unknown(why),
        }
    }
}

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
