//! Civil days and their limits in milliseconds, at a fixed offset from UTC.

use core::fmt;

use borsh::io::{Error, ErrorKind, Read, Result};
use borsh::{BorshDeserialize, BorshSerialize};

/// Milliseconds in a civil day of 24 hours.
pub const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar.
const EPOCH_SHIFT: i32 = 719_468;
const DAYS_IN_400_YEARS: u32 = 146_097;

/// A civil day of the Gregorian calendar, from 0001-01-01 to 9999-12-31, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
pub struct Day(i32);

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    /// The first day of the range, 0001-01-01.
    pub const MIN: Self = Self(-719_162);
    /// The last day of the range, 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// The day this many days after 1970-01-01; `None` outside the range.
    #[must_use]
    pub const fn from_epoch_days(days: i32) -> Option<Self> {
        if days < Self::MIN.0 || days > Self::MAX.0 {
            None
        } else {
            Some(Self(days))
        }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn epoch_days(self) -> i32 {
        self.0
    }

    /// The day with this year (1 to 9999), month (1 to 12) and day of the month; `None` if there is no such day.
    #[must_use]
    pub fn from_ymd(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || !(1..=days_in_month(year, month)).contains(&day)
        {
            return None;
        }
        // Count years from March, so that the leap day comes last (ranges above keep every product small).
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let in_year = (153 * month + 2) / 5 + day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + in_year;
        Self::from_epoch_days(i32::try_from(days).ok()? - EPOCH_SHIFT)
    }

    /// Year, month (1 to 12) and day of the month.
    #[must_use]
    pub fn ymd(self) -> (u32, u32, u32) {
        // Never negative: `MIN` is 306 days after 0000-03-01.
        let shifted = (self.0 + EPOCH_SHIFT).unsigned_abs();
        let era = shifted / DAYS_IN_400_YEARS;
        let in_era = shifted % DAYS_IN_400_YEARS;
        let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * in_year + 2) / 153;
        let day = in_year - (153 * month + 2) / 5 + 1;
        let year = era * 400 + year_of_era;
        if month < 10 {
            (year, month + 3, day)
        } else {
            (year + 1, month - 9, day)
        }
    }

    /// The day `days` later (or earlier, if negative); `None` outside the range.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Option<Self> {
        Self::from_epoch_days(self.0.checked_add(days)?)
    }

    /// The same day of the month `months` later, or that month's last day if it is shorter; `None` outside the range.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Option<Self> {
        let (year, month, day) = self.ymd();
        let count = (year * 12 + month - 1).checked_add(months)?;
        let (year, month) = (count / 12, count % 12 + 1);
        Self::from_ymd(year, month, day.min(days_in_month(year, month)))
    }

    /// The same day `years` earlier, 28 February for a leap day; `None` outside the range.
    #[must_use]
    pub fn minus_years(self, years: u32) -> Option<Self> {
        let (year, month, day) = self.ymd();
        let year = year.checked_sub(years)?;
        Self::from_ymd(year, month, day.min(days_in_month(year, month)))
    }

    /// The day of the week. 1970-01-01 was a Thursday.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        match (self.0 + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// Whether the day is a Saturday or a Sunday.
    #[must_use]
    pub fn is_weekend(self) -> bool {
        matches!(self.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// The day written as `YYYY-MM-DD`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |width: usize| -> Option<u32> {
            let digits = parts.next()?;
            let plain = digits.len() == width && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse().ok() } else { None }
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        if parts.next().is_some() {
            None
        } else {
            Self::from_ymd(year, month, day)
        }
    }
}

impl BorshDeserialize for Day {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        Self::from_epoch_days(i32::deserialize_reader(reader)?)
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "day outside the years 1 to 9999"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

/// The civil day at an instant.
///
/// `ms` counts from the epoch, `offset_minutes` is east of UTC. `None` after 9999-12-31.
#[must_use]
pub fn day_at(ms: u64, offset_minutes: i16) -> Option<Day> {
    let local = i64::try_from(ms)
        .ok()?
        .checked_add(i64::from(offset_minutes) * MINUTE_MS)?;
    let day_ms = i64::try_from(DAY_MS).ok()?;
    Day::from_epoch_days(i32::try_from(local.div_euclid(day_ms)).ok()?)
}

/// The first instant of a civil day in milliseconds since the epoch. `None` if it lies before the epoch.
#[must_use]
pub fn start_of_day(day: Day, offset_minutes: i16) -> Option<u64> {
    let day_ms = i64::try_from(DAY_MS).ok()?;
    let local = i64::from(day.0).checked_mul(day_ms)?;
    u64::try_from(local.checked_sub(i64::from(offset_minutes) * MINUTE_MS)?).ok()
}

/// 24:00 of a civil day in milliseconds since the epoch: the instant a period in days ends. `None` before the epoch.
#[must_use]
pub fn end_of_day(day: Day, offset_minutes: i16) -> Option<u64> {
    start_of_day(day, offset_minutes)?.checked_add(DAY_MS)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
