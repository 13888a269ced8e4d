//! Amounts and times as they stand in files, read exactly: no floats, no guesses.

use keepwhole_core::amount::parse_units;

/// Why an amount is none. The words follow "the value is".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountFault {
    /// Nothing stands there.
    Empty,
    /// It has a minus sign where none may be.
    Negative,
    /// It is no number as this reads it.
    NotDigits,
    /// It has more decimal places than the asset.
    TooManyDecimals,
    /// It is larger than 2^128 - 1 minor units.
    TooLarge,
}

/// Reads minor units: digits only, no leading zero, at most 2^128 - 1.
///
/// # Errors
/// [`AmountFault`].
pub fn base_units(text: &str) -> Result<u128, AmountFault> {
    match parse_units(text) {
        Some(units) => Ok(units),
        None if text.is_empty() => Err(AmountFault::Empty),
        None if text.starts_with('-') => Err(AmountFault::Negative),
        None if text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') => {
            Err(AmountFault::TooLarge)
        }
        None => Err(AmountFault::NotDigits),
    }
}

/// Reads a decimal number of whole units of an asset with `decimals` places: digits, and after a point at least one
/// more digit. Places beyond the asset's may only be zeros. With `exponent`, a form like `1e-8` is read exactly, as
/// programs in JavaScript write small numbers.
///
/// # Errors
/// [`AmountFault`].
pub fn decimal_units(text: &str, decimals: u8, exponent: bool) -> Result<u128, AmountFault> {
    if text.is_empty() {
        return Err(AmountFault::Empty);
    }
    if text.starts_with('-') {
        return Err(AmountFault::Negative);
    }
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) if exponent => (number, power_of(power)?),
        _ => (text, 0),
    };
    let (whole, part) = match number.split_once('.') {
        Some((_, "")) => return Err(AmountFault::NotDigits),
        Some((whole, part)) => (whole, part),
        None => (number, ""),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let leading = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || leading || !digits(whole) || !digits(part) {
        return Err(AmountFault::NotDigits);
    }
    // Digits that count: the value is `whole.part * 10^(decimals + power)` minor units.
    let places = i64::try_from(part.len()).map_err(|_| AmountFault::TooLarge)?;
    let shift = i64::from(decimals)
        .saturating_add(i64::from(power))
        .saturating_sub(places);
    let mut units = 0u128;
    let count = whole.len().saturating_add(part.len());
    let dropped = usize::try_from(shift.saturating_neg()).unwrap_or(0);
    let kept = count.saturating_sub(dropped);
    for (at, digit) in whole.bytes().chain(part.bytes()).enumerate() {
        let digit = u128::from(digit.saturating_sub(b'0'));
        if at >= kept {
            if digit != 0 {
                return Err(AmountFault::TooManyDecimals);
            }
            continue;
        }
        units = times_ten(units)?
            .checked_add(digit)
            .ok_or(AmountFault::TooLarge)?;
    }
    for _ in 0..shift.max(0) {
        if units == 0 {
            break;
        }
        units = times_ten(units)?;
    }
    Ok(units)
}

fn times_ten(units: u128) -> Result<u128, AmountFault> {
    units.checked_mul(10).ok_or(AmountFault::TooLarge)
}

fn power_of(text: &str) -> Result<i32, AmountFault> {
    let power: i32 = text.parse().map_err(|_| AmountFault::NotDigits)?;
    if power.abs() > 100 {
        return Err(AmountFault::TooLarge);
    }
    Ok(power)
}

/// How a column says a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// RFC 3339 with its zone: `2025-11-27T04:42:00+09:00`.
    #[default]
    Rfc3339,
    /// The same without a zone, meant in UTC: `2025-11-26 19:42:00`.
    Utc,
    /// Seconds since the epoch.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
}

impl TimeForm {
    /// What a right value looks like.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Rfc3339 => "`2025-11-27T04:42:00+09:00`",
            Self::Utc => "`2025-11-26 19:42:00` (UTC)",
            Self::Seconds => "`1764186120` (seconds)",
            Self::Millis => "`1764186120000` (milliseconds)",
            Self::Micros => "`1764186120000000` (microseconds)",
            Self::Nanos => "`1764186120000000000` (nanoseconds)",
        }
    }

    /// Milliseconds since the epoch; finer parts are cut off. `None` where the text is no such moment, or one before
    /// 1970 or after 9999.
    #[must_use]
    pub fn millis(self, text: &str) -> Option<u64> {
        const YEAR_10000: u64 = 253_402_300_800_000;
        let millis = match self {
            Self::Rfc3339 => civil(text, true)?,
            Self::Utc => civil(text, false)?,
            Self::Seconds => whole(text)?.checked_mul(1_000)?,
            Self::Millis => whole(text)?,
            Self::Micros => whole(text)?.checked_div(1_000)?,
            Self::Nanos => whole(text)?.checked_div(1_000_000)?,
        };
        (millis < YEAR_10000).then_some(millis)
    }
}

fn whole(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let tens = bytes.get(at)?.checked_sub(b'0').filter(|d| *d < 10)?;
    let ones = bytes
        .get(at.checked_add(1)?)?
        .checked_sub(b'0')
        .filter(|d| *d < 10)?;
    Some(i64::from(tens) * 10 + i64::from(ones))
}

/// `YYYY-MM-DD`, `T`, `t` or a space, `HH:MM:SS`, a fraction, and the zone where there must be one (RFC 3339, 5.6).
fn civil(text: &str, zoned: bool) -> Option<u64> {
    let bytes = text.as_bytes();
    let year = two(bytes, 0)? * 100 + two(bytes, 2)?;
    let (month, day) = (two(bytes, 5)?, two(bytes, 8)?);
    let (hour, minute, second) = (two(bytes, 11)?, two(bytes, 14)?, two(bytes, 17)?);
    let marks = [(4, b"--"), (7, b"--"), (13, b"::"), (16, b"::")];
    let marked = marks
        .iter()
        .all(|(at, mark)| bytes.get(*at) == mark.first());
    if !marked || !matches!(bytes.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > last || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = fraction(bytes.get(19..)?)?;
    let offset = match (rest, zoned) {
        (b"Z" | b"z", _) => 0,
        (b"" | b" UTC", false) => 0,
        ([sign @ (b'+' | b'-'), zone @ ..], true)
            if zone.len() == 5 && zone.get(2) == Some(&b':') =>
        {
            let (hours, minutes) = (two(zone, 0)?, two(zone, 3)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + (minute - offset) * 60 + second;
    u64::try_from(seconds * 1_000 + fraction).ok()
}

/// Milliseconds of a fraction, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = rest.split_first() else {
        return Some((0, rest));
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let mut millis = 0;
    for place in 0..3 {
        let digit = if place < count {
            i64::from(digits.get(place)?.checked_sub(b'0')?)
        } else {
            0
        };
        millis = millis * 10 + digit;
    }
    Some((millis, digits.get(count..)?))
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar; years 0 to 9999.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted from a year that begins in March, so that the leap day is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn rfc3339(millis: u64) -> String {
    let stamp = i64::try_from(millis)
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    stamp.map_or_else(|| millis.to_string(), |stamp| format!("{stamp:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        let table = [
            ("1.5", 8, false, Ok(150_000_000)),
            ("0.0100000000000000", 8, false, Ok(1_000_000)),
            ("0.000000001", 8, false, Err(AmountFault::TooManyDecimals)),
            ("1e-8", 8, true, Ok(1)),
            ("1e-8", 8, false, Err(AmountFault::NotDigits)),
            ("1.25e3", 0, true, Ok(1_250)),
            ("1e-9", 8, true, Err(AmountFault::TooManyDecimals)),
            ("01", 8, false, Err(AmountFault::NotDigits)),
            (".5", 8, false, Err(AmountFault::NotDigits)),
            ("5.", 8, false, Err(AmountFault::NotDigits)),
            ("1,000", 0, false, Err(AmountFault::NotDigits)),
            ("-1", 0, false, Err(AmountFault::Negative)),
            ("", 0, false, Err(AmountFault::Empty)),
            (
                "340282366920938463463374607431768211455",
                0,
                false,
                Ok(u128::MAX),
            ),
            (
                "340282366920938463463374607431768211456",
                0,
                false,
                Err(AmountFault::TooLarge),
            ),
            ("1", 38, false, Ok(10u128.pow(38))),
            ("4", 38, false, Err(AmountFault::TooLarge)),
        ];
        for (text, decimals, exponent, expected) in table {
            assert_eq!(decimal_units(text, decimals, exponent), expected, "{text}");
        }
    }

    #[test]
    fn times_agree_with_a_second_implementation() {
        for (text, form) in [
            ("2025-11-27T04:42:00+09:00", TimeForm::Rfc3339),
            ("2024-02-29T23:59:59.9999Z", TimeForm::Rfc3339),
            ("1970-01-01T00:00:00Z", TimeForm::Rfc3339),
            ("2000-03-01t12:00:00-11:30", TimeForm::Rfc3339),
            ("9999-12-30T21:59:59Z", TimeForm::Rfc3339),
        ] {
            let other: jiff::Timestamp = text.parse().expect("jiff reads it");
            let floor = other.as_microsecond().div_euclid(1_000);
            assert_eq!(form.millis(text).map(|m| m as i64), Some(floor), "{text}");
        }
        for wrong in [
            "2025-11-27T04:42:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-11-27T24:00:00Z",
            "2025-11-27 04:42",
            "1969-12-31T23:59:59Z",
            "2025-11-27T04:42:00.Z",
            "2025-11-27T04:42:60Z",
            "",
            "2025-11-27T04:42:00+0900",
            "27/11/2025",
        ] {
            assert_eq!(TimeForm::Rfc3339.millis(wrong), None, "{wrong}");
        }
        assert_eq!(
            TimeForm::Utc.millis("2025-11-26 19:42:00"),
            Some(1_764_186_120_000)
        );
        assert_eq!(
            TimeForm::Seconds.millis("1764186120"),
            Some(1_764_186_120_000)
        );
        assert_eq!(rfc3339(1_764_186_120_000), "2025-11-26T19:42:00.000Z");
    }
}
