//! Numbers, times and durations as people read them: exact, integer arithmetic only, in Asia/Seoul with the zone.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Lang;

/// The zone in which every time is shown.
const ZONE: &str = "Asia/Seoul";
const JO: u128 = 1_000_000_000_000;
const EOK: u128 = 100_000_000;
const MAN: u128 = 10_000;

/// A whole number grouped by thousands: `104,064,704,384`.
#[must_use]
pub fn count(number: u128) -> String {
    group(&number.to_string())
}

/// Minor units as a decimal number with `decimals` places: exact, grouped by thousands, without trailing zeros.
#[must_use]
pub fn decimal(units: u128, decimals: u8) -> String {
    let places = usize::from(decimals);
    let digits = format!("{units:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        group(whole)
    } else {
        format!("{}.{part}", group(whole))
    }
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Won in 조, 억 and 만, or in bn and m, for amounts of at least 100,000,000 (Korean) or 1,000,000 (English); cut off, not rounded, and then marked
/// as `약` or `about`. `None` where the exact number is short enough.
#[must_use]
pub fn short_krw(won: u128, lang: Lang) -> Option<String> {
    match lang {
        Lang::Ko => {
            if won < EOK {
                return None;
            }
            let about = if won.is_multiple_of(MAN) { "" } else { "약 " };
            let parts = [
                (won / JO, "조"),
                (won % JO / EOK, "억"),
                (won % EOK / MAN, "만"),
            ];
            let said: Vec<String> = parts
                .iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, name)| format!("{}{name}", count(*number)))
                .collect();
            Some(format!("{about}{} 원", said.join(" ")))
        }
        Lang::En => {
            let (unit, name) = match won {
                0..1_000_000 => return None,
                1_000_000..1_000_000_000 => (1_000_000, "m"),
                _ => (1_000_000_000, "bn"),
            };
            let hundredths = won / (unit / 100);
            let about = if won.is_multiple_of(unit / 100) {
                ""
            } else {
                "about "
            };
            Some(format!("{about}{} {name} KRW", decimal(hundredths, 2)))
        }
    }
}

/// `part` of `whole` in percent with one decimal, cut off, so that 999 of 1,000 never reads as 100%. `None` if `whole`
/// is zero or the product leaves 128 bits.
#[must_use]
pub fn ratio_percent(part: u128, whole: u128) -> Option<String> {
    let permille = part.checked_mul(1000)?.checked_div(whole)?;
    Some(format!("{}.{}%", count(permille / 10), permille % 10))
}

fn zoned(at: u64) -> Option<jiff::Zoned> {
    let at = Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(at.to_zoned(TimeZone::get(ZONE).ok()?))
}

/// A moment (milliseconds since the epoch) in Asia/Seoul with the zone: `2025-11-27 04:42:00 KST`; milliseconds only
/// where they are not zero. A moment outside the calendar is shown as its number.
#[must_use]
pub fn seoul(at: u64) -> String {
    let Some(time) = zoned(at) else {
        return format!("{at} ms");
    };
    match at % 1000 {
        0 => time.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        millis => format!(
            "{}.{millis:03} {}",
            time.strftime("%Y-%m-%d %H:%M:%S"),
            time.strftime("%Z")
        ),
    }
}

/// The time of day alone, without the zone: for marks in pictures, whose axis names date and zone.
#[must_use]
pub fn seoul_clock(at: u64) -> String {
    zoned(at).map_or_else(|| at.to_string(), |time| time.strftime("%H:%M").to_string())
}

/// The civil day in Asia/Seoul of a moment, as a number of days since 1970-01-01. Korea is nine hours ahead of UTC
/// without summer time, in every year that a journal can hold.
#[must_use]
pub const fn seoul_day(at: u64) -> u64 {
    at.saturating_add(9 * 3_600_000) / 86_400_000
}

/// The first moment of a day that [`seoul_day`] counts, milliseconds since the epoch.
#[must_use]
pub const fn seoul_day_start(day: u64) -> u64 {
    day.saturating_mul(86_400_000).saturating_sub(9 * 3_600_000)
}

/// The date of a day that [`seoul_day`] counts: `2025-11-27`.
#[must_use]
pub fn seoul_date(day: u64) -> String {
    // Noon stands in the middle of the day, whatever the first one lacks.
    let noon = seoul_day_start(day).saturating_add(12 * 3_600_000);
    zoned(noon).map_or_else(
        || day.to_string(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// The day of a date `2025-11-27`, as [`seoul_day`] counts it; `None` for what is no date from 1970 on.
#[must_use]
pub fn day_of_date(text: &str) -> Option<u64> {
    let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let noon = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?;
    u64::try_from(noon.timestamp().as_millisecond())
        .ok()
        .map(|ms| ms / 86_400_000)
}

/// A moment in RFC 3339, UTC, for `datetime` attributes and machine-readable output.
#[must_use]
pub fn rfc3339(at: u64) -> String {
    i64::try_from(at)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .map_or_else(|| at.to_string(), |time| time.to_string())
}

/// A duration (milliseconds) in days, hours, minutes and seconds, the largest two or three that are not zero; whole
/// seconds, cut off. Under three days hours are not folded into days, as the law's clocks are counted in hours.
#[must_use]
pub fn span(millis: u64, lang: Lang) -> String {
    let total = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).as_secs();
    let (days, hours) = match total / 3600 {
        hours if hours >= 72 => (hours / 24, hours % 24),
        hours => (0, hours),
    };
    let parts = [
        (days, "일", "d"),
        (hours, "시간", "h"),
        (total / 60 % 60, "분", "min"),
        (total % 60, "초", "s"),
    ];
    let mut said: Vec<String> = Vec::new();
    for (number, ko, en) in parts {
        if number > 0 {
            said.push(match lang {
                Lang::Ko => format!("{number}{ko}"),
                Lang::En => format!("{number} {en}"),
            });
        }
    }
    if said.is_empty() {
        said.push(if lang == Lang::Ko { "0초" } else { "0 s" }.to_owned());
    }
    said.join(" ")
}
