//! Numbers of a policy file: each with its unit, exact, and refused where it can be read in two ways.

/// Milliseconds of the units of time, the largest first.
const TIMES: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Why a number is refused, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) fix: String,
}

fn wrong<T>(why: impl Into<String>, fix: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        why: why.into(),
        fix: fix.into(),
    })
}

/// Number and unit of a text such as `72h` or `1,000 KRW`.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == ',' || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// The digits of a whole number, thousands parted by commas or not at all.
fn digits(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split(',').collect();
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (first, rest) = groups.split_first()?;
    let grouped =
        rest.is_empty() || (first.len() <= 3 && rest.iter().all(|group| group.len() == 3));
    (grouped && all_digits(first) && rest.iter().all(|group| all_digits(group)))
        .then(|| groups.concat())
}

/// A length of time, ms: `72h`, `10m`, `90s`, `500ms`, `30d`.
pub(super) fn duration(text: &str) -> Result<u64, Wrong> {
    let example = "write a whole number with its unit: `72h`, `10m`, `90s`, `500ms`, `30d`";
    let (number, unit) = split(text);
    let Some((_, millis)) = TIMES.iter().find(|(name, _)| *name == unit) else {
        if unit.is_empty() && !number.is_empty() {
            return wrong("has no unit of time", example);
        }
        return wrong("is no length of time", example);
    };
    if number.contains('.') {
        return wrong(
            "is no whole number",
            "use a smaller unit, such as `90m` for an hour and a half",
        );
    }
    let Some(digits) = digits(number) else {
        return wrong("is no length of time", example);
    };
    let length = digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(*millis));
    match length.filter(|length| *length <= 3_660 * 86_400_000) {
        Some(length) => Ok(length),
        None => wrong(
            "is longer than ten years",
            "write a length that people live to see",
        ),
    }
}

/// A length of time as the file has it, in the largest unit that shows it exactly.
pub(super) fn show_duration(millis: u64) -> String {
    // Days only from three on: `24h` and `72h` are how the rules are spoken of.
    let fits = |(name, unit): &&(&str, u64)| {
        millis.is_multiple_of(*unit) && millis > 0 && (*name != "d" || millis > 3 * unit)
    };
    let (name, unit) = TIMES.iter().find(fits).copied().unwrap_or(("s", 1_000));
    format!("{}{name}", millis / unit)
}

/// A share in basis points: `20%`, `0.5%`, `150 bps`.
pub(super) fn share(text: &str) -> Result<u32, Wrong> {
    let example = "write a percentage such as `20%` or basis points such as `150 bps`";
    let (number, unit) = split(text);
    let points = match unit {
        "%" => decimal(number, 2),
        "bps" | "bp" => decimal(number, 0),
        "" if !number.is_empty() => return wrong("has no unit", example),
        _ => return wrong("is no share", example),
    };
    match points {
        Ok(points) => u32::try_from(points).or_else(|_| wrong("is no share", example)),
        Err(Digits::TooFine) => wrong(
            "is no whole number of basis points",
            "the finest share is `0.01%`, which is `1 bps`; round it yourself",
        ),
        Err(Digits::Other) => wrong("is no share", example),
    }
}

/// A share as the file has it.
pub(crate) fn show_share(points: u32) -> String {
    let (whole, part) = (points / 100, points % 100);
    match part {
        0 => format!("{whole}%"),
        part if part % 10 == 0 => format!("{whole}.{}%", part / 10),
        part => format!("{whole}.{part:02}%"),
    }
}

/// Why digits are no number of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    TooFine,
    Other,
}

/// A decimal number in units of ten to the minus `decimals`.
fn decimal(number: &str, decimals: u8) -> Result<u128, Digits> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole = digits(whole).ok_or(Digits::Other)?;
    if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Digits::Other);
    }
    let part = part.trim_end_matches('0');
    let places = usize::from(decimals);
    if part.len() > places {
        return Err(Digits::TooFine);
    }
    format!("{whole}{part:0<places$}")
        .parse()
        .map_err(|_| Digits::Other)
}

/// Number and asset of a text such as `1,000.5 BTC`.
pub(super) fn parts(text: &str) -> Result<(&str, &str), Wrong> {
    let example = "write the number and its asset, such as `1.5 BTC` or `50,000,000 KRW`";
    match split(text) {
        ("", _) => wrong("is no amount", example),
        (_, "") => wrong("has no unit", example),
        (number, asset) => Ok((number, asset)),
    }
}

/// Minor units of an asset's amount.
pub(super) fn units(number: &str, asset: &str, decimals: u8) -> Result<u128, Wrong> {
    decimal(number, decimals).or_else(|cause| match cause {
        Digits::TooFine => wrong(
            format!("is finer than the smallest unit of `{asset}`, which has `{decimals}` decimals"),
            "leave the digits behind out, rounded as you mean it",
        ),
        Digits::Other => wrong(
            "is no amount that can be held",
            "write digits with thousands parted by commas or not at all, such as `1.5 BTC` or `50,000,000 KRW`",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_carry_their_unit() {
        for (text, millis) in [
            ("72h", 259_200_000),
            ("10m", 600_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("30d", 2_592_000_000),
            ("0h", 0),
            (" 24 h ", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(millis), "{text}");
        }
        for text in [
            "72", "h", "1.5h", "-1h", "72 hours", "1,0h", "9999999d", "", "٣h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_show_as_they_are_read() {
        for text in ["72h", "10m", "90s", "500ms", "30d", "24h", "1h", "0s"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn shares_are_whole_basis_points() {
        for (text, points) in [
            ("20%", 2_000),
            ("0.5%", 50),
            ("12.34%", 1_234),
            ("150 bps", 150),
            ("1 bp", 1),
            ("100%", 10_000),
            ("2.50%", 250),
        ] {
            assert_eq!(share(text), Ok(points), "{text}");
        }
        for text in [
            "20",
            "0.125%",
            "1.5 bps",
            "-1%",
            "%",
            "1,00%",
            "20 percent",
            ".",
        ] {
            assert!(share(text).is_err(), "{text}");
        }
        for points in [0, 1, 10, 25, 50, 100, 1_234, 10_000] {
            assert_eq!(share(&show_share(points)), Ok(points));
        }
    }

    #[test]
    fn amounts_are_exact() {
        let read = |text: &str, decimals| {
            let (number, asset) = parts(text)?;
            units(number, asset, decimals)
        };
        for (text, decimals, expected) in [
            ("1.5 BTC", 8, 150_000_000),
            ("50,000,000 KRW", 0, 50_000_000),
            ("50000000 KRW", 0, 50_000_000),
            ("0.00000001 BTC", 8, 1),
            ("1.10 BTC", 1, 11),
            ("1BTC", 8, 100_000_000),
        ] {
            assert_eq!(read(text, decimals), Ok(expected), "{text}");
        }
        for (text, decimals) in [
            ("1.5 KRW", 0),
            ("50,00 KRW", 0),
            ("5,0000 KRW", 0),
            ("1_000 KRW", 0),
            ("1. KRW", 2),
            (".5 KRW", 2),
            ("1.2.3 KRW", 4),
            ("KRW", 0),
            ("50000000", 0),
            ("-1 KRW", 0),
            ("340282366920938463463374607431768211456 KRW", 0),
        ] {
            assert!(read(text, decimals).is_err(), "{text}");
        }
    }
}
