//! Places numbers on an axis, in whole pixels, and finds round marks for it.

/// `part` of `whole` on a line of `length` pixels, cut off; never beyond the line. Very large numbers are halved together
/// first, which moves a mark by less than a pixel.
pub(crate) fn place(mut part: u128, mut whole: u128, length: u32) -> u32 {
    while whole > u128::from(u64::MAX) || part > u128::from(u64::MAX) {
        whole /= 2;
        part /= 2;
    }
    let placed = (part * u128::from(length)).checked_div(whole).unwrap_or(0);
    u32::try_from(placed).unwrap_or(length).min(length)
}

/// The smallest of 1, 2, 5 times a power of ten that cuts `whole` into at most `most` steps.
pub(crate) fn round_step(whole: u128, most: u128) -> u128 {
    let mut ten: u128 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = ten.saturating_mul(factor);
            if whole / step < most.max(1) {
                return step;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

/// A moment on a line of `length` pixels between two moments; moments outside lie at its ends.
pub(crate) fn place_time(at: u64, from: u64, until: u64, length: u32) -> u32 {
    place(
        u128::from(at.saturating_sub(from)),
        u128::from(until.saturating_sub(from)),
        length,
    )
}

/// Round moments between `from` and `until`: at most `most` of them, on whole minutes or hours of Asia/Seoul, whose
/// offset is a whole number of hours.
pub(crate) fn time_marks(from: u64, until: u64, most: u64) -> Vec<u64> {
    const MINUTE: u64 = 60_000;
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
    let length = until.saturating_sub(from);
    let step = steps
        .into_iter()
        .map(|step| step * MINUTE)
        .find(|step| length / step <= most)
        .unwrap_or(u64::MAX);
    let mut marks = Vec::new();
    let mut at = from.div_ceil(step).saturating_mul(step);
    while at <= until && marks.len() < 64 {
        marks.push(at);
        at = at.saturating_add(step);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::{place, round_step, time_marks};

    #[test]
    fn places_stay_on_the_line() {
        assert_eq!(place(0, 0, 100), 0);
        assert_eq!(place(1, 2, 100), 50);
        assert_eq!(place(3, 2, 100), 100);
        // Half of an odd number is cut off, and so is the place.
        assert_eq!(place(u128::MAX / 2, u128::MAX, 100), 49);
    }

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(round_step(44_480_594_889, 5), 10_000_000_000);
        assert_eq!(round_step(0, 5), 1);
        assert_eq!(round_step(10, 5), 5);
    }

    #[test]
    fn marks_fall_on_whole_minutes() {
        assert_eq!(time_marks(0, 54 * 60_000, 8).len(), 6);
        assert!(time_marks(1, 1, 8).is_empty());
    }
}
