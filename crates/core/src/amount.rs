//! Amounts: unsigned whole minor units of exactly one asset; two assets never meet in one operation.

use crate::registry::AssetIx;
use core::fmt;

/// An amount of one asset in its minor units (satoshi, wei, lamport; KRW has no decimals).
///
/// Sealed: the only way to a larger or smaller amount is a checked operation with an amount of the same asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Amount {
    asset: AssetIx,
    units: u128,
}

/// Why two amounts could not be combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AmountError {
    /// The operands are amounts of different assets.
    OtherAsset {
        /// Asset of the left operand.
        left: AssetIx,
        /// Asset of the right operand.
        right: AssetIx,
    },
    /// The result needs more than 128 bits.
    Overflow,
    /// The result would be below zero.
    BelowZero {
        /// What there was.
        has: u128,
        /// What was to be taken.
        takes: u128,
    },
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAsset { left, right } => {
                write!(
                    f,
                    "amounts of two assets (`{}` and `{}`) can't be combined",
                    left.0, right.0
                )
            }
            Self::Overflow => f.write_str("the sum needs more than 128 bits"),
            Self::BelowZero { has, takes } => write!(f, "`{takes}` can't be taken from `{has}`"),
        }
    }
}

impl Amount {
    /// `units` minor units of `asset`.
    #[must_use]
    pub const fn new(asset: AssetIx, units: u128) -> Self {
        Self { asset, units }
    }

    /// The asset that this is an amount of.
    #[must_use]
    pub const fn asset(self) -> AssetIx {
        self.asset
    }

    /// Whole minor units.
    #[must_use]
    pub const fn units(self) -> u128 {
        self.units
    }

    /// Nothing of that asset.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    fn same(self, other: Self) -> Result<(), AmountError> {
        if self.asset == other.asset {
            Ok(())
        } else {
            Err(AmountError::OtherAsset {
                left: self.asset,
                right: other.asset,
            })
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// Different assets, or more than 128 bits.
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.same(other)?;
        let units = self
            .units
            .checked_add(other.units)
            .ok_or(AmountError::Overflow)?;
        Ok(Self {
            asset: self.asset,
            units,
        })
    }

    /// The difference.
    ///
    /// # Errors
    /// Different assets, or a result below zero.
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.same(other)?;
        let units = self
            .units
            .checked_sub(other.units)
            .ok_or(AmountError::BelowZero {
                has: self.units,
                takes: other.units,
            })?;
        Ok(Self {
            asset: self.asset,
            units,
        })
    }
}

/// Reads an amount in minor units: digits only, no sign, no leading zero except `0` itself, below 2^128.
#[must_use]
pub fn parse_units(text: &str) -> Option<u128> {
    let digits = text.as_bytes();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !plain || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    text.parse().ok()
}
