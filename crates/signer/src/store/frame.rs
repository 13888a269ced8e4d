//! Records in a file: what a crash leaves unfinished is told apart from what was damaged.
//!
//! ```text
//! file   = "keepwhole-signer/store/v1\n" record*
//! record = u32 length || u32 crc32c(length) || u32 crc32c(body) || body        numbers most significant first
//! ```
//!
//! A body is canonical JSON, so its last byte is never 0. One record is written and synced at a time. So after a crash at
//! most the last one is unfinished: cut off, or followed by zeros where the file grew before its content came. Everything
//! else that does not fit its checksums is damage, and a memory of money that is damaged is not used.

use core::fmt;

/// First bytes of the file.
pub(super) const MAGIC: &[u8] = b"keepwhole-signer/store/v1\n";
/// Bytes before a body.
pub(super) const HEADER: usize = 12;
/// Most bytes of a body.
pub(super) const MAX_BODY: usize = 1_048_576;

/// Damage, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte of the file at which the record begins.
    pub at: usize,
    /// What does not fit.
    pub what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record at byte `{}` {}", self.at, self.what)
    }
}

/// A record as it stands in the file; `None` for a body above [`MAX_BODY`].
pub(super) fn encode(body: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= MAX_BODY)?
        .to_be_bytes();
    let mut record = Vec::with_capacity(HEADER + body.len());
    record.extend_from_slice(&length);
    record.extend_from_slice(&crc32c::crc32c(&length).to_be_bytes());
    record.extend_from_slice(&crc32c::crc32c(body).to_be_bytes());
    record.extend_from_slice(body);
    Some(record)
}

/// The bodies of a file, and how many of its bytes hold whole records.
pub(super) fn decode(file: &[u8]) -> Result<(Vec<&[u8]>, usize), Damage> {
    // The file is put in place whole, with its first record: a part of these bytes is no crash of ours.
    if !file.starts_with(MAGIC) {
        let what = "is no store of a signer";
        return Err(Damage { at: 0, what });
    }
    let (mut bodies, mut at) = (Vec::new(), MAGIC.len());
    loop {
        let rest = file.get(at..).unwrap_or_default();
        match record(rest) {
            Found::End => return Ok((bodies, at)),
            Found::Unfinished => return Ok((bodies, at)),
            Found::Damaged(what) => return Err(Damage { at, what }),
            Found::Body(body) => {
                bodies.push(body);
                at = at.saturating_add(HEADER).saturating_add(body.len());
            }
        }
    }
}

enum Found<'f> {
    End,
    Unfinished,
    Damaged(&'static str),
    Body(&'f [u8]),
}

fn number(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk::<4>().copied()
}

fn record(rest: &[u8]) -> Found<'_> {
    if rest.is_empty() {
        return Found::End;
    }
    // A header whose bytes came in part; nothing but zeros may follow it.
    let torn = rest.iter().skip(HEADER).all(|byte| *byte == 0) && rest.last() == Some(&0);
    let (Some(length), Some(length_sum), Some(body_sum)) =
        (number(rest, 0), number(rest, 4), number(rest, 8))
    else {
        return Found::Unfinished;
    };
    if crc32c::crc32c(&length).to_be_bytes() != length_sum {
        return if torn {
            Found::Unfinished
        } else {
            Found::Damaged("has a length that does not fit its checksum")
        };
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_BODY {
        return Found::Damaged("is longer than a record may be");
    }
    let Some(body) = rest.get(HEADER..HEADER.saturating_add(length)) else {
        return Found::Unfinished;
    };
    if crc32c::crc32c(body).to_be_bytes() == body_sum && body.last().is_some_and(|byte| *byte != 0)
    {
        return Found::Body(body);
    }
    // Zeros in place of content are an unfinished write only where nothing follows but zeros.
    let after = rest
        .get(HEADER.saturating_add(length)..)
        .unwrap_or_default();
    if body.last() == Some(&0) && after.iter().all(|byte| *byte == 0) {
        Found::Unfinished
    } else {
        Found::Damaged("does not fit its checksum")
    }
}
