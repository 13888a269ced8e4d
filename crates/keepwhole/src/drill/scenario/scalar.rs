//! The format's scalars: amounts, instants, durations, ids and hashes, each read in one strict form.

use sha2::{Digest, Sha256};

/// An amount or price of an event, kept as written: a file tagged `raw-amounts` sends bad ones on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(String);

impl Written {
    /// Keeps `text` as it is.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text as it stands in the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The number of minor units, where the text is a good amount.
    #[must_use]
    pub fn value(&self) -> Option<u128> {
        amount(&self.0).ok()
    }
}

/// Reads an amount: digits of minor units without sign, separator or leading zero, below 2^128.
///
/// # Errors
/// The form an amount has.
pub fn amount(text: &str) -> Result<u128, String> {
    let form = || "is no amount: write minor units as digits, without sign, separator or leading zero, below 2^128";
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(form().to_owned());
    }
    text.parse().map_err(|_| form().to_owned())
}

/// Reads an instant (RFC 3339, UTC, `Z`, whole seconds or exactly three decimals) as milliseconds since 1970.
///
/// # Errors
/// The form an instant has.
pub fn instant(text: &str) -> Result<u64, String> {
    let wrong = || {
        "is no instant: write RFC 3339 in UTC like `2026-02-06T10:00:00Z`, with no or 3 decimals"
            .to_owned()
    };
    let pattern: &[u8] = match text.len() {
        20 => b"0000-00-00T00:00:00Z",
        24 => b"0000-00-00T00:00:00.000Z",
        _ => return Err(wrong()),
    };
    let fits = |(byte, want): (u8, &u8)| {
        if *want == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == *want
        }
    };
    // A leap second has no place on this scale, and the calendar library would quietly fold it into the 59th.
    if !text.bytes().zip(pattern).all(fits) || text.get(17..19) == Some("60") {
        return Err(wrong());
    }
    let stamp: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(stamp.as_millisecond())
        .map_err(|_| "lies before 1970: instants count from 1970".to_owned())
}

/// Shows milliseconds since 1970 in the form [`instant`] reads.
#[must_use]
pub fn show_instant(at: u64) -> String {
    let stamp = i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let Some(stamp) = stamp else {
        return format!("{at} ms");
    };
    if at.is_multiple_of(1000) {
        format!("{stamp:.0}")
    } else {
        format!("{stamp:.3}")
    }
}

/// Reads a duration (`PnDTnHnMnS`, whole numbers, each part optional but at least one) as milliseconds.
///
/// # Errors
/// The form a duration has.
pub fn duration(text: &str) -> Result<u64, String> {
    duration_millis(text).ok_or_else(|| {
        "is no duration: write ISO 8601 with whole numbers like `PT10S`, `PT1H30M` or `P30D`, no months, no years"
            .to_owned()
    })
}

fn duration_millis(text: &str) -> Option<u64> {
    let body = text.strip_prefix('P')?;
    let (days, clock) = match body.split_once('T') {
        Some((days, clock)) => (days, Some(clock)),
        None => (body, None),
    };
    if clock.is_some_and(str::is_empty) || (clock.is_none() && days.is_empty()) {
        return None;
    }
    let days = sum_parts(days, &[('D', 86_400_000)])?;
    let rest = sum_parts(
        clock.unwrap_or(""),
        &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)],
    )?;
    days.checked_add(rest)
}

/// Adds `<number><unit>` parts, which must follow each other in the order of `units`.
fn sum_parts(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    for (unit, millis) in units {
        let Some((number, after)) = rest.split_once(*unit) else {
            continue;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        rest = after;
    }
    rest.is_empty().then_some(total)
}

/// Reads a duration that may start with `-`, as signed milliseconds.
///
/// # Errors
/// The form a duration has.
pub fn signed_duration(text: &str) -> Result<i64, String> {
    let (sign, body) = text
        .strip_prefix('-')
        .map_or((1_i64, text), |body| (-1, body));
    let millis = duration(body)?;
    i64::try_from(millis)
        .ok()
        .and_then(|millis| millis.checked_mul(sign))
        .ok_or_else(|| "is too long a duration: stay below 292 million years".to_owned())
}

/// Reads an id: `[a-z0-9][a-z0-9_.-]{0,63}`.
///
/// # Errors
/// The form an id has.
pub fn id(text: &str) -> Result<String, String> {
    named(text, |byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit()
    })
    .ok_or_else(|| {
        "is no id: use 1 to 64 of `a-z 0-9 _ . -`, starting with a letter or digit".to_owned()
    })
}

/// Reads an asset's id: like [`id`], but capitals are allowed (`BTC`).
///
/// # Errors
/// The form an asset's id has.
pub fn asset_id(text: &str) -> Result<String, String> {
    named(text, |byte| byte.is_ascii_alphanumeric()).ok_or_else(|| {
        "is no asset id: use 1 to 64 of `A-Z a-z 0-9 _ . -`, starting with a letter or digit"
            .to_owned()
    })
}

fn named(text: &str, letter: impl Fn(u8) -> bool) -> Option<String> {
    let first = text.bytes().next().is_some_and(&letter);
    let rest = text
        .bytes()
        .all(|byte| letter(byte) || matches!(byte, b'_' | b'.' | b'-'));
    (first && rest && text.len() <= 64).then(|| text.to_owned())
}

/// A hash as a file writes it: bytes, or a name that stands for fixed bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// `sha256:<64 hex>`
    Bytes([u8; 32]),
    /// `h:<id>`: SHA-256 of the id.
    Name(String),
}

impl Hash {
    /// The 32 bytes it stands for.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        match self {
            Self::Bytes(bytes) => *bytes,
            Self::Name(name) => Sha256::digest(name.as_bytes()).into(),
        }
    }
}

/// Reads a hash.
///
/// # Errors
/// The forms a hash has.
pub fn hash(text: &str) -> Result<Hash, String> {
    let wrong = || {
        "is no hash: write `sha256:` and 64 lower-case hex digits, or a name like `h:w1`".to_owned()
    };
    if let Some(name) = text.strip_prefix("h:") {
        return id(name).map(Hash::Name).map_err(|_| wrong());
    }
    let hex = text.strip_prefix("sha256:").ok_or_else(wrong)?;
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let nibbles: Vec<u8> = hex
        .bytes()
        .map(nibble)
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let bytes: Vec<u8> = nibbles
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | half))
        .collect();
    (nibbles.len() == 64)
        .then_some(bytes)
        .and_then(|bytes| bytes.try_into().ok())
        .map(Hash::Bytes)
        .ok_or_else(wrong)
}
