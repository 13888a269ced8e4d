//! Civil days: known days, the round trip over the whole range, and instants at an offset.

use keepwhole_core::law::{DAY_MS, Day, Weekday, day_at, end_of_day, start_of_day};
use proptest::prelude::*;

use super::files::day;

#[test]
fn known_days() {
    assert_eq!(Day::from_ymd(1970, 1, 1).unwrap().epoch_days(), 0);
    assert_eq!(Day::from_ymd(1, 1, 1), Some(Day::MIN));
    assert_eq!(Day::from_ymd(9999, 12, 31), Some(Day::MAX));
    assert_eq!(day("2000-03-01").epoch_days(), 11_017);
    assert_eq!(day("2025-11-27").weekday(), Weekday::Thursday);
    assert_eq!(day("2026-11-22").weekday(), Weekday::Sunday);
    assert_eq!(Day::MIN.weekday(), Weekday::Monday);
    for bad in [
        "2025-02-29",
        "1900-02-29",
        "2025-13-01",
        "2025-00-01",
        "2025-1-01",
        "25-01-01",
        "2025-01-01-1",
        "",
        "+025-01-01",
    ] {
        assert_eq!(Day::parse(bad), None, "{bad}");
    }
    assert!(Day::parse("2000-02-29").is_some());
    assert_eq!(day("2026-01-31").plus_months(1), Some(day("2026-02-28")));
    assert_eq!(day("2028-02-29").minus_years(5), Some(day("2023-02-28")));
    assert_eq!(Day::MAX.plus_days(1), None);
    assert_eq!(Day::MIN.minus_years(1), None);
}

#[test]
fn every_day_of_the_range_comes_back() {
    let mut expected = (1, 1, 1);
    for days in Day::MIN.epoch_days()..=Day::MAX.epoch_days() {
        let day = Day::from_epoch_days(days).unwrap();
        let (year, month, date) = day.ymd();
        assert_eq!((year, month, date), expected);
        assert_eq!(Day::from_ymd(year, month, date), Some(day));
        expected = if Day::from_ymd(year, month, date + 1).is_some() {
            (year, month, date + 1)
        } else if month < 12 {
            (year, month + 1, 1)
        } else {
            (year + 1, 1, 1)
        };
    }
    assert_eq!(expected, (10_000, 1, 1));
}

proptest! {
    #[test]
    fn an_instant_lies_in_its_day(ms in 0_u64..253_402_300_800_000, offset in -720_i16..=840) {
        let Some(day) = day_at(ms, offset) else { return Ok(()) };
        if let Some(start) = start_of_day(day, offset) {
            prop_assert!(start <= ms && ms < start + DAY_MS);
            prop_assert_eq!(end_of_day(day, offset), Some(start + DAY_MS));
        }
    }

    #[test]
    fn text_comes_back(days in Day::MIN.epoch_days()..=Day::MAX.epoch_days()) {
        let day = Day::from_epoch_days(days).unwrap();
        prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
    }
}
