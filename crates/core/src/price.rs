//! Prices: what the exchange tells, what of it counts, and what is only suspected.
//!
//! A price is an integer: [`ONE`]ths of a minor unit of the quote asset for one whole base asset, because a coin may be worth
//! less than the smallest unit of the money that it is told in (won have no decimals).
//!
//! A price counts while it lies within the policy's band of the last one that counted, and within [`DAY_BANDS`] bands of all
//! that counted in the last day. So whoever holds the feed can't walk a price down step by step. What lies outside is kept
//! as *suspect*: it is never used, it is never what the next price is compared with, and while it is the newest that was
//! told nothing is cleared by value.

use crate::custody::value_of;
use crate::registry::AssetIx;
use crate::split::mul_div;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Places of a price behind the minor unit of the quote asset.
pub const PLACES: u8 = 10;
/// A price of one minor unit.
pub const ONE: u128 = 10_000_000_000;
/// How far a clock that tells prices may be ahead of ours, ms.
pub const AHEAD_MAX_MS: u64 = 5_000;
/// Most prices of one command.
pub const BATCH_MAX: usize = 1_024;
/// Longest name of a source, bytes.
pub const SOURCE_MAX: usize = 64;
/// So many bands a price may move in a day.
pub const DAY_BANDS: u16 = 3;
/// The unit in which the day is kept, ms.
const HOUR_MS: u64 = 3_600_000;
/// Hours before the present one that count to the day.
const DAY_HOURS: u64 = 24;

/// A price as it is told.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewPrice {
    /// Base asset.
    pub base: String,
    /// Quote asset: the policy's reference currency, where it has one.
    pub quote: String,
    /// [`ONE`]ths of a minor unit of the quote asset for one whole base asset.
    pub price: u128,
    /// When it was the price, ms: its age counts from there.
    pub as_of: u64,
    /// Who says so.
    pub source: String,
}

/// A price as events carry it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ToldPrice {
    /// Base asset.
    pub base: AssetIx,
    /// Quote asset.
    pub quote: AssetIx,
    /// [`ONE`]ths of a minor unit of the quote asset for one whole base asset.
    pub price: u128,
    /// When it was the price, ms.
    pub as_of: u64,
    /// Who says so.
    pub source: String,
}

/// A price as journals had it before prices could be told from outside: in whole minor units, of when it was recorded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OldPrice {
    /// Base asset.
    pub base: AssetIx,
    /// Quote asset.
    pub quote: AssetIx,
    /// Minor units of quote for one whole base.
    pub price: u128,
    /// Source.
    pub source: String,
}

/// What happened to prices.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum PriceEvent {
    /// A price was told and counts.
    Told(ToldPrice) = 1,
    /// A price was told that is zero or outside its band; it is never used.
    Suspected {
        /// The price.
        told: ToldPrice,
        /// The price that it was compared with; zero where none counted yet.
        last: u128,
        /// The band, basis points.
        band_bps: u16,
    } = 2,
}

/// A price that is known.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Price {
    /// When it was the price, ms.
    pub as_of: u64,
    /// When it was recorded, ms.
    pub at: u64,
    /// [`ONE`]ths of a minor unit of the quote asset for one whole base asset.
    pub price: u128,
    /// Who says so.
    pub source: String,
}

/// A price that is only suspected, and what it was compared with.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Suspect {
    /// The price.
    pub price: Price,
    /// The price that it was compared with; zero where none counted yet.
    pub last: u128,
    /// The band, basis points.
    pub band_bps: u16,
}

/// The lowest and the highest price that counted in one hour of recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Hour {
    hour: u64,
    low: u128,
    high: u128,
}

/// What is known of one base asset in one quote asset.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Known {
    /// The last price that counted.
    pub last: Option<Price>,
    /// The newest that was told, where that one is suspect.
    pub suspect: Option<Suspect>,
    /// What counted in the last day, in order of time. By when it was recorded: who tells prices chooses what they are of.
    hours: Vec<Hour>,
}

/// What is known per base and quote.
pub type Prices = BTreeMap<(AssetIx, AssetIx), Known>;

/// Why a price can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable<'k> {
    /// None counted yet.
    Missing,
    /// It is too old.
    Stale {
        /// Its age, ms.
        age_ms: u64,
        /// Greatest age, ms, inclusive.
        max_ms: u64,
    },
    /// A newer one was told that is suspect.
    Suspected(&'k Suspect),
}

impl Known {
    /// When the newest price that was told was the price, ms; suspect or not.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        let suspect = self.suspect.as_ref().map(|suspect| suspect.price.as_of);
        suspect.max(self.last.as_ref().map(|last| last.as_of))
    }

    /// The price to reckon with at `at`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn usable(&self, at: u64, max_age_ms: Option<u64>) -> Result<&Price, Unusable<'_>> {
        let suspected = self.suspect.as_ref().map(Unusable::Suspected);
        let Some(last) = &self.last else {
            return Err(suspected.unwrap_or(Unusable::Missing));
        };
        let age_ms = at.saturating_sub(last.as_of);
        match (max_age_ms, suspected) {
            (Some(max_ms), _) if age_ms > max_ms => Err(Unusable::Stale { age_ms, max_ms }),
            (_, Some(suspected)) => Err(suspected),
            _ => Ok(last),
        }
    }

    /// The price and the band, in basis points, that a price told at `at` lies outside of; `None` for one that counts.
    #[must_use]
    pub fn outside(&self, price: u128, band_bps: Option<u16>, at: u64) -> Option<(u128, u16)> {
        let last = self.last.as_ref().map(|last| last.price);
        if price == 0 {
            return Some((last.unwrap_or(0), band_bps.unwrap_or(0)));
        }
        let (last, band) = (last?, band_bps?);
        if beyond(price, last, band) {
            return Some((last, band));
        }
        let day = band.saturating_mul(DAY_BANDS);
        let since = (at / HOUR_MS).saturating_sub(DAY_HOURS);
        let lately = self.hours.iter().filter(|hour| hour.hour >= since);
        let ends = lately.flat_map(|hour| [hour.low, hour.high]);
        let mut ends = ends.filter(|end| beyond(price, *end, day));
        ends.next().map(|end| (end, day))
    }

    /// A price counts from now on. Returns the one before it.
    pub(crate) fn counts(&mut self, price: Price) -> Option<Price> {
        let hour = price.at / HOUR_MS;
        let since = hour.saturating_sub(DAY_HOURS);
        self.hours.retain(|known| known.hour >= since);
        match self.hours.last_mut() {
            Some(last) if last.hour == hour => {
                last.low = last.low.min(price.price);
                last.high = last.high.max(price.price);
            }
            _ => self.hours.push(Hour {
                hour,
                low: price.price,
                high: price.price,
            }),
        }
        self.suspect = None;
        self.last.replace(price)
    }
}

/// Whether a price differs from another by more than that share of the other.
fn beyond(price: u128, from: u128, bps: u16) -> bool {
    let allowed = mul_div(from, u128::from(bps), 10_000).map_or(0, |(floor, _)| floor);
    price.abs_diff(from) > allowed
}

/// Value of an amount of an asset with `decimals` at a price, rounded down, in minor units of the quote asset; `None` on
/// more than 128 bits.
#[must_use]
pub fn worth(units: u128, price: u128, decimals: u8) -> Option<u128> {
    let places = decimals.saturating_add(PLACES);
    // Powers of ten end at 38 places; what is beyond is divided off afterwards, which rounds down to the same.
    let beyond = places.saturating_sub(38);
    let value = value_of(units, price, places.saturating_sub(beyond))?;
    value_of(value, 1, beyond)
}

/// Why a text is no price. The words follow "the value is".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriceFault {
    /// Not digits with at most one point between them.
    NotDecimal,
    /// Below zero.
    Negative,
    /// Zero.
    Zero,
    /// More digits behind the point than a price in that asset has.
    TooManyDecimals {
        /// So many it has at most.
        most: u8,
    },
    /// Larger than any price.
    TooLarge,
}

impl core::fmt::Display for PriceFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotDecimal => f.write_str(
                "not a price; write digits, and behind a point further ones, such as `1500.25`, without sign, comma or exponent",
            ),
            Self::Negative => f.write_str("negative; a price is above zero"),
            Self::Zero => f.write_str("zero; a price is above zero, and one that is not known is left out"),
            Self::TooManyDecimals { most } => {
                write!(f, "finer than a price in that currency: at most {most} digits behind the point; round it yourself")
            }
            Self::TooLarge => f.write_str("larger than any price; look whether it is told in the right currency"),
        }
    }
}

/// Above all prices that are read, [`ONE`]ths of a minor unit: about 1.3 x 10^23 whole minor units. No price comes near it.
const MAX: u128 = 1 << 110;

/// Reads a price in whole units of a quote asset with `decimals`, as text: `150000000`, `0.0000412`.
///
/// # Errors
/// [`PriceFault`].
pub fn parse(text: &str, decimals: u8) -> Result<u128, PriceFault> {
    if text.starts_with('-') {
        return Err(PriceFault::Negative);
    }
    let (whole, part) = text
        .split_once('.')
        .map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || leading || part.is_some_and(|part| !digits(part)) {
        return Err(PriceFault::NotDecimal);
    }
    let most = decimals.saturating_add(PLACES);
    let part = part.unwrap_or("").trim_end_matches('0');
    if part.len() > usize::from(most) {
        return Err(PriceFault::TooManyDecimals { most });
    }
    let zeros = core::iter::repeat_n(b'0', usize::from(most).saturating_sub(part.len()));
    let mut price = 0u128;
    for digit in whole.bytes().chain(part.bytes()).chain(zeros) {
        let digit = u128::from(digit.saturating_sub(b'0'));
        let next = price
            .checked_mul(10)
            .and_then(|price| price.checked_add(digit));
        price = next
            .filter(|price| *price < MAX)
            .ok_or(PriceFault::TooLarge)?;
    }
    if price == 0 {
        return Err(PriceFault::Zero);
    }
    Ok(price)
}

/// A price in whole units of a quote asset with `decimals`, as [`parse`] reads it.
#[must_use]
pub fn text(price: u128, decimals: u8) -> String {
    let places = usize::from(decimals.saturating_add(PLACES));
    let digits = alloc::format!("{price:0>width$}", width = places.saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(places));
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        String::from(whole)
    } else {
        alloc::format!("{whole}.{part}")
    }
}
