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
        return Some((product / c, product % c));
    }
    let (high, low) = wide_mul(a, b);
    (high < c).then(|| divide_wide(high, low, c))
}

const HALF: u32 = 64;
const MASK: u128 = (1 << HALF) - 1;

/// The 256-bit product of two numbers as (high, low) halves, schoolbook on 64-bit digits.
fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0) = (a >> HALF, a & MASK);
    let (b1, b0) = (b >> HALF, b & MASK);
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> HALF);
    let middle = a0 * b1 + (cross & MASK);
    let high = a1 * b1 + (cross >> HALF) + (middle >> HALF);
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
    let whole = sum(weights.iter().copied())?;
    if total == 0 {
        return Ok(weights.iter().map(|_| 0).collect());
    }
    if whole == 0 {
        return Err(SplitError::NoWeight);
    }
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
    give_remainders(&mut parts, remainders, left, keys);
    Ok(parts)
}

/// Gives `left` units (fewer than there are remainders) one each to the largest remainders.
fn give_remainders<K: Ord>(
    parts: &mut [u128],
    mut remainders: Vec<(u128, usize)>,
    left: u128,
    keys: &[K],
) {
    let count = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .min(remainders.len());
    if count == 0 {
        return;
    }
    let order = |a: &(u128, usize), b: &(u128, usize)| -> Ordering {
        b.0.cmp(&a.0)
            .then_with(|| keys.get(a.1).cmp(&keys.get(b.1)))
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
