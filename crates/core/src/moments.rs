//! Finding a moment in a list in order of time.

/// Up to so many are searched by halves only.
const FEW: usize = 8;

/// How many of `len` moments are not after `start`; `at` tells them by place, and none is before the one before it.
///
/// Where the moments would be if they were spread evenly is looked at first, and from there in steps that double: what is
/// near lies in few lines of memory. However they are spread, the work grows with the logarithm of `len`.
pub(crate) fn upto(len: usize, start: u64, at: impl Fn(usize) -> u64) -> usize {
    let Some(last) = len.checked_sub(1) else {
        return 0;
    };
    let (from, to) = (at(0), at(last));
    if start < from {
        return 0;
    }
    if to <= start {
        return len;
    }
    // Between them: a moment that is not after the start, and one that is.
    let (mut low, mut high) = (0, last);
    if len > FEW {
        let guess = share(start - from, to - from, last);
        let mut step = 1;
        if at(guess) <= start {
            low = guess;
            loop {
                let next = low.saturating_add(step);
                if next >= high || at(next) > start {
                    high = high.min(next);
                    break;
                }
                low = next;
                step = step.saturating_mul(2);
            }
        } else {
            high = guess;
            loop {
                let next = high.saturating_sub(step);
                if next <= low || at(next) <= start {
                    low = low.max(next);
                    break;
                }
                high = next;
                step = step.saturating_mul(2);
            }
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if at(middle) <= start {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// About `places * part / whole`, never above `places`; `part` is below `whole`.
fn share(part: u64, whole: u64, places: usize) -> usize {
    // With both below 2^32 the product fits where there are no more places than that.
    let shift = (u64::BITS - whole.leading_zeros()).saturating_sub(u32::BITS);
    let (part, whole) = (part >> shift, (whole >> shift).max(1));
    let wide = u64::try_from(places).unwrap_or(u64::MAX);
    let at = part.saturating_mul(wide) / whole;
    usize::try_from(at).unwrap_or(places).min(places)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::upto;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn check(moments: &[u64], start: u64) {
        let plain = moments.partition_point(|at| *at <= start);
        assert_eq!(upto(moments.len(), start, |place| moments[place]), plain);
    }

    proptest! {
        #[test]
        fn the_same_as_by_halves(
            mut moments in proptest::collection::vec(0u64..2_000, 0..200),
            start in 0u64..2_100,
            scale in 0u32..53,
        ) {
            moments.sort_unstable();
            let scaled: Vec<u64> = moments.iter().map(|at| at << scale).collect();
            check(&scaled, start << scale);
            check(&scaled, (start << scale).wrapping_add(1));
        }
    }

    #[test]
    fn at_both_ends_and_however_unevenly_spread() {
        let uneven: Vec<u64> = (0..64).map(|n| 1u64 << n).collect();
        for start in uneven.iter().flat_map(|at| [at - 1, *at, at + 1]) {
            check(&uneven, start);
            check(&[0, 1, 2, 3, 4, 5, 6, 7, 8, u64::MAX], start);
        }
        check(&[], 0);
        check(&[u64::MAX; 20], u64::MAX);
        check(&[u64::MAX; 20], 0);
    }
}
