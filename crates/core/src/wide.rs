//! Sums of amounts that never overflow and can be taken apart again.

use borsh::{BorshDeserialize, BorshSerialize};

/// A sum of up to 2^32 amounts, exact; what does not fit 128 bits is told as the greatest number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Wide {
    high: u32,
    low: u128,
}

impl Wide {
    /// With that much more.
    pub(crate) const fn plus(self, units: u128) -> Self {
        self.and(Self {
            high: 0,
            low: units,
        })
    }

    /// With that much less, which is part of it.
    pub(crate) const fn less(self, units: u128) -> Self {
        self.without(Self {
            high: 0,
            low: units,
        })
    }

    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        let (low, over) = self.low.overflowing_add(other.low);
        let high = self.high.wrapping_add(other.high);
        Self {
            high: high.wrapping_add(if over { 1 } else { 0 }),
            low,
        }
    }

    /// Without the other, which is part of it.
    pub(crate) const fn without(self, other: Self) -> Self {
        let (low, under) = self.low.overflowing_sub(other.low);
        let high = self.high.wrapping_sub(other.high);
        Self {
            high: high.wrapping_sub(if under { 1 } else { 0 }),
            low,
        }
    }

    /// The sum, or the greatest number if it is above.
    pub(crate) const fn told(self) -> u128 {
        if self.high == 0 { self.low } else { u128::MAX }
    }
}
