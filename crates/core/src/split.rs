//! Splitting an amount over weights with nothing lost and nothing made, in exact integers.
//!
//! Products of two 128-bit numbers are held in 256 bits. The rule of rounding is the largest remainder (Hamilton):
//! everyone gets the floor of the exact share, the missing units go one each to the largest full remainders, ties to
//! the smaller key in ascending byte order.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Why an amount could not be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SplitError {
    /// The weights add up to zero while there is something to split.
    NoWeight,
    /// The weights add up to more than 128 bits.
    Overflow,
    /// As many keys as weights are needed.
    KeysMissing,
}

/// `floor(a * b / c)` and the remainder, with a 256-bit product. `None` if `c` is zero or the quotient needs more
/// than 128 bits.
#[must_use]
pub fn mul_div(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    if c == 0 {
        return None;
    }
    if let Some(product) = a.checked_mul(b) {
        let quotient = product / c;
        // At most the product.
        return Some((quotient, product.wrapping_sub(quotient.wrapping_mul(c))));
    }
    let (high, low) = wide_mul(a, b);
    (high < c).then(|| divide_wide(high, low, c))
}

const HALF: u32 = 64;
const MASK: u128 = (1 << HALF) - 1;

/// The 256-bit product of two numbers as (high, low) halves, schoolbook on 64-bit digits.
#[inline]
fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0) = (a >> HALF, a & MASK);
    let (b1, b0) = (b >> HALF, b & MASK);
    // No sum overflows: a product of two digits plus two digits fits 128 bits.
    let low = a0.wrapping_mul(b0);
    let cross = a1.wrapping_mul(b0).wrapping_add(low >> HALF);
    let middle = a0.wrapping_mul(b1).wrapping_add(cross & MASK);
    let high = a1.wrapping_mul(b1).wrapping_add(cross >> HALF);
    let high = high.wrapping_add(middle >> HALF);
    (high, (middle << HALF) | (low & MASK))
}

/// Divides a 256-bit number by a 128-bit one; `high < divisor`. Knuth, TAOCP 2, 4.3.1 algorithm D with two 64-bit
/// digits (the form in Warren, Hacker's Delight, `divlu`).
fn divide_wide(high: u128, low: u128, divisor: u128) -> (u128, u128) {
    let shift = divisor.leading_zeros();
    let d = divisor << shift;
    let (d1, d0) = (d >> HALF, d & MASK);
    let top = if shift == 0 {
        high
    } else {
        (high << shift) | (low >> (128 - shift))
    };
    let rest = low << shift;
    let (q1, partial) = digit(top, rest >> HALF, d, d1, d0);
    let (q0, remainder) = digit(partial, rest & MASK, d, d1, d0);
    ((q1 << HALF) | q0, remainder >> shift)
}

/// One quotient digit of algorithm D: of `top * 2^64 + next` divided by `d = d1 * 2^64 + d0`, and what remains.
fn digit(top: u128, next: u128, d: u128, d1: u128, d0: u128) -> (u128, u128) {
    let mut q = top / d1;
    let mut r = top % d1;
    while q > MASK || q * d0 > ((r << HALF) | next) {
        q -= 1;
        r += d1;
        if r > MASK {
            break;
        }
    }
    // The true remainder fits 128 bits, so the wrapped difference is exact.
    let left = (top << HALF)
        .wrapping_add(next)
        .wrapping_sub(q.wrapping_mul(d));
    (q, left)
}

/// The sum of weights.
///
/// # Errors
/// [`SplitError::Overflow`] above 128 bits.
pub fn sum(weights: impl IntoIterator<Item = u128>) -> Result<u128, SplitError> {
    weights.into_iter().try_fold(0u128, |total, weight| {
        total.checked_add(weight).ok_or(SplitError::Overflow)
    })
}

/// Splits `total` over `weights`; the parts add up to `total` exactly. `keys` decide ties (smaller first).
///
/// # Errors
/// No weight at all, more than 128 bits of weight, or a number of keys that is not the number of weights.
pub fn split<K: Ord>(total: u128, weights: &[u128], keys: &[K]) -> Result<Vec<u128>, SplitError> {
    if keys.len() != weights.len() {
        return Err(SplitError::KeysMissing);
    }
    spread(total, weights, |a, b| keys.get(a).cmp(&keys.get(b)))
}

/// As [`split`], with the order of ties as a comparison of two places; equal places never meet in it.
///
/// # Errors
/// No weight at all, or more than 128 bits of weight.
pub fn spread(
    total: u128,
    weights: &[u128],
    order: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<u128>, SplitError> {
    let weight = |place: usize| weights.get(place).copied().unwrap_or(0);
    spread_in_place(total, weights.to_vec(), weight, order)
}

/// As [`spread`], of weights that are given up: their memory is that of the parts. `weight` gives the weight of a place
/// once more.
///
/// Millions of weights are the case it is made for: one division for all of them, no list of remainders, and no fresh
/// memory, which the system clears at first sight and takes back as soon as it is let go.
///
/// # Errors
/// No weight at all, or more than 128 bits of weight.
pub fn spread_in_place(
    total: u128,
    mut weights: Vec<u128>,
    weight: impl Fn(usize) -> u128,
    order: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<u128>, SplitError> {
    let whole = sum(weights.iter().copied())?;
    if total == 0 {
        weights.fill(0);
        return Ok(weights);
    }
    if whole == 0 {
        return Err(SplitError::NoWeight);
    }
    match Reciprocal::of(total, whole) {
        Some(reciprocal) => Ok(reciprocal.spread(weights, weight, order)),
        None => spread_by_division(total, whole, &weights, order),
    }
}

/// Buckets of remainders, each an equal part of the way from zero to the whole.
const BUCKETS: usize = 2_048;
/// What turns 128 binary places of a remainder into the number of its bucket.
const TO_BUCKET: u32 = 128 - 11;

/// `total / whole` to 128 binary places, for exact parts without a division each.
struct Reciprocal {
    total: u128,
    whole: u128,
    /// `floor(total * 2^128 / whole)`.
    places: u128,
}

impl Reciprocal {
    /// `None` where the whole is not larger than the total or needs all 128 bits: then the remainders may not fit.
    fn of(total: u128, whole: u128) -> Option<Self> {
        (total < whole && whole <= 1 << 127).then(|| Self {
            total,
            whole,
            places: divide_wide(total, 0, whole).0,
        })
    }

    /// The remainder that a part leaves. True remainders and those of a part that is one too small are below twice the
    /// whole, so within 128 bits: the wrapped difference is exact.
    const fn left(&self, weight: u128, part: u128) -> u128 {
        let product = self.total.wrapping_mul(weight);
        product.wrapping_sub(part.wrapping_mul(self.whole))
    }

    /// Floor of the exact share, and the bucket of its remainder.
    ///
    /// The places left out of the reciprocal are below one, so the exact product lies between the estimate and the
    /// estimate plus the weight. Where both have the same floor and the same bucket, so has what is between them.
    #[inline]
    fn part(&self, weight: u128) -> (u128, u16) {
        let (floor, places) = wide_mul(weight, self.places);
        let bucket = places >> TO_BUCKET;
        match places.checked_add(weight) {
            Some(most) if most >> TO_BUCKET == bucket => {
                (floor, u16::try_from(bucket).unwrap_or(u16::MAX))
            }
            _ => self.exact(weight, floor),
        }
    }

    /// The same where the estimate, which is at most one too small, does not tell.
    #[cold]
    fn exact(&self, weight: u128, estimate: u128) -> (u128, u16) {
        let mut part = estimate;
        let mut left = self.left(weight, part);
        if left >= self.whole {
            (part, left) = (part.wrapping_add(1), left.wrapping_sub(self.whole));
        }
        let buckets = u128::try_from(BUCKETS).unwrap_or(u128::MAX);
        let bucket = mul_div(left, buckets, self.whole).map_or(0, |(bucket, _)| bucket);
        (part, u16::try_from(bucket).unwrap_or(u16::MAX))
    }

    fn spread(
        &self,
        weights: Vec<u128>,
        weight: impl Fn(usize) -> u128,
        order: impl Fn(usize, usize) -> Ordering,
    ) -> Vec<u128> {
        let mut counts = alloc::vec![0u64; BUCKETS];
        let mut given = 0u128;
        let mut buckets = alloc::vec![0u16; weights.len()];
        let mut parts = weights;
        for (part, slot) in parts.iter_mut().zip(&mut buckets) {
            let (floor, bucket) = self.part(*part);
            given = given.wrapping_add(floor);
            if let Some(count) = counts.get_mut(usize::from(bucket)) {
                *count = count.wrapping_add(1);
            }
            (*part, *slot) = (floor, bucket);
        }
        // Fewer units are missing than there are weights.
        let mut missing = u64::try_from(self.total.wrapping_sub(given)).unwrap_or(u64::MAX);
        let mut cut = BUCKETS;
        while let Some(next) = cut.checked_sub(1) {
            let count = counts.get(next).copied().unwrap_or(0);
            if missing == 0 || count > missing {
                break;
            }
            missing = missing.saturating_sub(count);
            cut = next;
        }
        // Every remainder in the buckets from `cut` on gets a unit, of the bucket below it the largest.
        let mut rest = Vec::new();
        for (place, (part, bucket)) in parts.iter_mut().zip(&buckets).enumerate() {
            let bucket = usize::from(*bucket);
            if missing > 0 && bucket.wrapping_add(1) == cut {
                rest.push((self.left(weight(place), *part), place));
            }
            *part = part.wrapping_add(u128::from(bucket >= cut));
        }
        give_remainders(&mut parts, rest, u128::from(missing), order);
        parts
    }
}

/// The plain way: a division a weight, and a list of remainders.
fn spread_by_division(
    total: u128,
    whole: u128,
    weights: &[u128],
    order: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<u128>, SplitError> {
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
    let mut left = total;
    for (place, &weight) in weights.iter().enumerate() {
        let (part, remainder) = mul_div(total, weight, whole).ok_or(SplitError::Overflow)?;
        left = left.checked_sub(part).ok_or(SplitError::Overflow)?;
        parts.push(part);
        if remainder > 0 {
            remainders.push((remainder, place));
        }
    }
    give_remainders(&mut parts, remainders, left, order);
    Ok(parts)
}

/// Gives `left` units (fewer than there are remainders) one each to the largest remainders.
fn give_remainders(
    parts: &mut [u128],
    mut remainders: Vec<(u128, usize)>,
    left: u128,
    ties: impl Fn(usize, usize) -> Ordering,
) {
    let count = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .min(remainders.len());
    if count == 0 {
        return;
    }
    let order = |a: &(u128, usize), b: &(u128, usize)| -> Ordering {
        b.0.cmp(&a.0).then_with(|| ties(a.1, b.1))
    };
    if count < remainders.len() {
        remainders.select_nth_unstable_by(count - 1, order);
    }
    for (_, place) in remainders.iter().take(count) {
        if let Some(part) = parts.get_mut(*place) {
            *part = part.saturating_add(1);
        }
    }
}
