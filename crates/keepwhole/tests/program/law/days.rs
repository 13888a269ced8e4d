//! Day arithmetic of the core against `jiff`, an independent calendar with the IANA time zone database.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use keepwhole_core::law::{Day, Weekday, day_at, end_of_day, offset_of_zone, start_of_day};
use proptest::prelude::*;

fn any_day() -> impl Strategy<Value = Day> {
    (Day::MIN.epoch_days()..=Day::MAX.epoch_days())
        .prop_map(|days| Day::from_epoch_days(days).unwrap())
}

fn theirs(day: Day) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    epoch
        .checked_add(Span::new().days(day.epoch_days()))
        .unwrap()
}

fn ours(date: Date) -> Option<Day> {
    let year = u32::try_from(date.year()).ok()?;
    Day::from_ymd(
        year,
        u32::try_from(date.month()).ok()?,
        u32::try_from(date.day()).ok()?,
    )
}

proptest! {
    #[test]
    fn days_agree(day in any_day()) {
        let date = theirs(day);
        prop_assert_eq!(ours(date), Some(day));
        prop_assert_eq!(date.to_string(), day.to_string());
        let weekdays = [
            Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday,
            Weekday::Saturday, Weekday::Sunday,
        ];
        let offset = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap();
        prop_assert_eq!(day.weekday(), weekdays[offset]);
    }

    #[test]
    fn months_agree(day in any_day(), months in 0_u32..2_000) {
        let date = theirs(day).checked_add(Span::new().months(months)).ok().and_then(ours);
        prop_assert_eq!(day.plus_months(months), date);
    }

    #[test]
    fn years_back_agree(day in any_day(), years in 0_u32..2_000) {
        let date = theirs(day).checked_sub(Span::new().years(years)).ok().and_then(ours);
        prop_assert_eq!(day.minus_years(years), date);
    }

    #[test]
    fn zones_without_daylight_saving_agree(ms in 946_684_800_000_u64..4_102_444_800_000) {
        let instant = Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap();
        for zone in ["Asia/Seoul", "Asia/Tokyo", "Asia/Hong_Kong", "Asia/Singapore"] {
            let offset = offset_of_zone(zone).unwrap();
            let local = instant.to_zoned(TimeZone::get(zone).unwrap());
            let day = day_at(ms, offset).unwrap();
            prop_assert_eq!(ours(local.date()), Some(day), "{}", zone);
            let start = local.start_of_day().unwrap().timestamp().as_millisecond();
            prop_assert_eq!(start_of_day(day, offset), u64::try_from(start).ok(), "{}", zone);
            let end = local.tomorrow().unwrap().start_of_day().unwrap().timestamp().as_millisecond();
            prop_assert_eq!(end_of_day(day, offset), u64::try_from(end).ok(), "{}", zone);
        }
    }
}

#[test]
fn zones_with_daylight_saving_have_no_fixed_offset() {
    for zone in ["Europe/Brussels", "America/New_York", "", "KST"] {
        assert_eq!(offset_of_zone(zone), None, "{zone}");
    }
}
