//! Rotation of a log's key: a statement by the log's root key, which is kept offline, that an entry of the log records.
//!
//! The root key signs as `<origin>/root`, in a signed note whose text has five lines: `keepwhole log key rotation/v1`, the
//! origin, the number of the rotation (from 1), the key that ends, the key that begins. The entry that holds the note is
//! the boundary: a head that does not contain it may be signed by the key that ends, every larger one must be signed by
//! the key that begins (docs/journal-format.md, "Keys of the log").

use crate::decimal;
use crate::note::{KeyKind, Note, NoteError, NoteSigner, VerifierKey};
use crate::record;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;

/// First line of a statement.
pub const FIRST_LINE: &str = "keepwhole log key rotation/v1";
/// Tag of the event that records one (docs/events.md).
pub const EVENT_TAG: u8 = 131;

/// Name of the root key of a log.
#[must_use]
pub fn root_name(origin: &str) -> String {
    format!("{origin}/root")
}

/// One key of a log gives way to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    number: u32,
    old: VerifierKey,
    new: VerifierKey,
}

/// Why a statement was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationError {
    /// The note around it was refused.
    Note(NoteError),
    /// Not exactly the five lines.
    Lines,
    /// The number is not a plain decimal from 1 on.
    Number(String),
    /// The two keys are not two log keys of the origin.
    Keys,
    /// The key is not the root key of the log.
    NotRoot(String),
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => write!(f, "rotation is not signed by the root key: {error}"),
            Self::Lines => write!(
                f,
                "rotation has not exactly the five lines `{FIRST_LINE}`, origin, number, old key, new key"
            ),
            Self::Number(number) => {
                write!(
                    f,
                    "number `{number}` of the rotation is not a plain decimal from 1 on"
                )
            }
            Self::Keys => {
                f.write_str("rotation does not name two different Ed25519 keys of its origin")
            }
            Self::NotRoot(name) => write!(
                f,
                "key `{name}` is not an Ed25519 key named `<origin>/root` of this log"
            ),
        }
    }
}

impl core::error::Error for RotationError {}

impl From<NoteError> for RotationError {
    fn from(error: NoteError) -> Self {
        Self::Note(error)
    }
}

impl Rotation {
    /// The rotation with this number, from 1 on, from one key of a log to another.
    ///
    /// # Errors
    /// [`RotationError::Number`], [`RotationError::Keys`].
    pub fn new(number: u32, old: VerifierKey, new: VerifierKey) -> Result<Self, RotationError> {
        if number == 0 {
            return Err(RotationError::Number(number.to_string()));
        }
        let plain = old.kind() == KeyKind::Ed25519 && new.kind() == KeyKind::Ed25519;
        if !plain || old.name() != new.name() || old.public() == new.public() {
            return Err(RotationError::Keys);
        }
        Ok(Self { number, old, new })
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.old.name()
    }

    /// How many rotations the log has had with this one.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The key that ends.
    #[must_use]
    pub const fn old(&self) -> &VerifierKey {
        &self.old
    }

    /// The key that begins.
    #[must_use]
    pub const fn new_key(&self) -> &VerifierKey {
        &self.new
    }

    /// The text that the root key signs.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { number, old, new } = self;
        format!("{FIRST_LINE}\n{}\n{number}\n{old}\n{new}\n", old.name())
    }

    /// Reads the signed text.
    ///
    /// # Errors
    /// A [`RotationError`] unless it is exactly what [`to_text`](Self::to_text) writes.
    pub fn parse_text(text: &str) -> Result<Self, RotationError> {
        let body = text.strip_suffix('\n').ok_or(RotationError::Lines)?;
        let mut lines = body.split('\n');
        let (Some(FIRST_LINE), Some(origin), Some(number), Some(old), Some(new), None) = (
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
        ) else {
            return Err(RotationError::Lines);
        };
        let key = |text: &str| VerifierKey::parse(text).map_err(|_| RotationError::Keys);
        let number = decimal::parse_u63(number)
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| RotationError::Number(String::from(number)))?;
        let read = Self::new(number, key(old)?, key(new)?)?;
        if read.origin() == origin {
            Ok(read)
        } else {
            Err(RotationError::Keys)
        }
    }

    /// Signs the statement with the root key.
    ///
    /// # Errors
    /// [`RotationError::NotRoot`] for any other key.
    pub fn sign(&self, root: &dyn NoteSigner) -> Result<Note, RotationError> {
        is_root(root.key(), self.origin())?;
        Ok(Note::sign(&self.to_text(), &[root])?)
    }

    /// Reads a statement and verifies that the root key signed it.
    ///
    /// # Errors
    /// A [`RotationError`].
    pub fn verify(note: &[u8], root: &VerifierKey) -> Result<Self, RotationError> {
        let note = Note::parse(note)?;
        let read = Self::parse_text(note.text())?;
        is_root(root, read.origin())?;
        note.verify(core::slice::from_ref(root))?;
        Ok(read)
    }
}

/// Whether a key is the root key of the log with this origin.
///
/// # Errors
/// [`RotationError::NotRoot`].
pub fn is_root(key: &VerifierKey, origin: &str) -> Result<(), RotationError> {
    if key.kind() == KeyKind::Ed25519 && key.name() == root_name(origin) {
        Ok(())
    } else {
        Err(RotationError::NotRoot(String::from(key.name())))
    }
}

/// The statement that an entry of the journal records: event tag 131, a `u32` length and the note.
#[must_use]
pub fn recorded(entry: &[u8]) -> Option<&[u8]> {
    let envelope = record::read(entry).ok()?;
    let (length, note) = envelope.body.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    (envelope.tag == EVENT_TAG && note.len() == length).then_some(note)
}
