//! The envelope of a journal record: what a verifier reads of an entry without knowing the exchange's events.
//!
//! `u8 version (1) | u64 at | u64 turn | u8 event tag | event body`, little-endian as in docs/journal-format.md. The
//! bodies are folded by `keepwhole journal check`, not here.

use alloc::format;
use alloc::string::{String, ToString};

use crate::manifest::{ENTRY_TAG, EVENT_TAG, entry_payload};

/// The version of the envelope.
pub const VERSION: u8 = 1;

/// What stands before every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Milliseconds since the epoch.
    pub at: u64,
    /// Number of the command that caused the event.
    pub turn: u64,
    /// Kind of event, never 0.
    pub tag: u8,
    /// The event itself.
    pub body: &'a [u8],
}

/// Reads an envelope.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(entry: &[u8]) -> Result<Envelope<'_>, String> {
    let short = || {
        format!(
            "the record has {} bytes, its envelope alone needs 18",
            entry.len()
        )
    };
    let (version, rest) = entry.split_first().ok_or_else(short)?;
    let (at, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (turn, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (tag, body) = rest.split_first().ok_or_else(short)?;
    if *version != VERSION {
        return Err(format!(
            "the record's version is {version}, known is {VERSION}"
        ));
    }
    if *tag == 0 {
        return Err("the record's event tag is 0, which no event has".to_string());
    }
    Ok(Envelope {
        at: u64::from_le_bytes(*at),
        turn: u64::from_le_bytes(*turn),
        tag: *tag,
        body,
    })
}

/// Whether the record commits exactly this manifest: event tag 200, and a body that ends with its payload.
///
/// # Errors
/// What differs, in words.
pub fn commits_manifest(
    entry: &[u8],
    set_id: &[u8; 16],
    epoch: u64,
    manifest: &str,
) -> Result<(), String> {
    let envelope = read(entry)?;
    if envelope.tag != EVENT_TAG {
        return Err(format!(
            "the record's event tag is {}, a redress set has {EVENT_TAG}",
            envelope.tag
        ));
    }
    if envelope
        .body
        .ends_with(&entry_payload(set_id, epoch, manifest))
    {
        Ok(())
    } else {
        Err("the record commits another manifest: set, epoch, length or SHA-256 differ".to_string())
    }
}

/// The set id a redress-set record names, where the record is one.
pub fn redress_set_id(envelope: &Envelope<'_>) -> Option<[u8; 16]> {
    let length = ENTRY_TAG.len().checked_add(64)?;
    let payload = envelope
        .body
        .get(envelope.body.len().checked_sub(length)?..)?;
    if envelope.tag == EVENT_TAG {
        payload
            .strip_prefix(ENTRY_TAG)?
            .first_chunk::<16>()
            .copied()
    } else {
        None
    }
}
