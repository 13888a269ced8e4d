//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root of a log in three lines, signed as a note.

use crate::decimal;
use crate::digest::Digest;
use crate::note::{Note, NoteError, NoteSigner, Verified, VerifierKey};
use crate::tree::{self, TreeError};
use alloc::string::String;
use core::fmt;

/// What a log says about itself at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Digest,
}

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// The origin is empty or holds a Unicode space, a plus, a control character or `://`.
    Origin(String),
    /// The size is not a decimal number below 2^63 that prints back to itself.
    Size(String),
    /// The root is not the canonical base64 of 32 bytes.
    Root(String),
    /// Size 0 with another root than that of the empty tree.
    EmptyRoot,
    /// Not exactly three lines, each with its newline; extension lines are refused.
    Lines,
    /// The note around it was refused.
    Note(NoteError),
    /// The log's own key did not sign.
    NotSignedByLog(String),
    /// Two checkpoints name different origins.
    OtherOrigin {
        /// Origin of the first.
        first: String,
        /// Origin of the second.
        second: String,
    },
    /// Two checkpoints of one origin can't belong to one tree.
    Inconsistent(TreeError),
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => {
                write!(
                    f,
                    "origin `{origin}` is empty or holds a space, a plus, a control character or `://`"
                )
            }
            Self::Size(size) => write!(
                f,
                "tree size `{size}` is not a plain decimal number below 2^63"
            ),
            Self::Root(root) => write!(f, "root `{root}` is not the canonical base64 of 32 bytes"),
            Self::EmptyRoot => f.write_str("size `0` needs the root of the empty tree"),
            Self::Lines => {
                f.write_str("checkpoint has not exactly the three lines origin, size and root")
            }
            Self::Note(error) => error.fmt(f),
            Self::NotSignedByLog(origin) => write!(
                f,
                "no known key of the log `{origin}` signed the checkpoint"
            ),
            Self::OtherOrigin { first, second } => {
                write!(
                    f,
                    "checkpoints are of different logs, `{first}` and `{second}`"
                )
            }
            Self::Inconsistent(error) => write!(f, "checkpoints are not of one tree: {error}"),
        }
    }
}

impl core::error::Error for CheckpointError {}

impl From<NoteError> for CheckpointError {
    fn from(error: NoteError) -> Self {
        Self::Note(error)
    }
}

/// Whether `origin` may name a log: a key name that is no address.
#[must_use]
pub fn is_origin(origin: &str) -> bool {
    crate::note::is_key_name(origin) && !origin.contains("://")
}

impl Checkpoint {
    /// Makes a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`], [`CheckpointError::Size`] from 2^63 on, [`CheckpointError::EmptyRoot`].
    pub fn new(origin: &str, size: u64, root: Digest) -> Result<Self, CheckpointError> {
        if !is_origin(origin) {
            return Err(CheckpointError::Origin(String::from(origin)));
        }
        if size >= 1 << 63 {
            return Err(CheckpointError::Size(alloc::format!("{size}")));
        }
        if size == 0 && root != tree::empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self {
            origin: String::from(origin),
            size,
            root,
        })
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Entries in the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// RFC 6962 root over them.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The three lines that get signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        alloc::format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }

    /// Reads the signed text.
    ///
    /// # Errors
    /// A [`CheckpointError`] unless it is exactly what [`to_text`](Self::to_text) writes.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Lines)?
            .split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let size =
            decimal::parse_u63(size).ok_or_else(|| CheckpointError::Size(String::from(size)))?;
        let root =
            Digest::from_base64(root).map_err(|_| CheckpointError::Root(String::from(root)))?;
        Self::new(origin, size, root)
    }

    /// Signs the checkpoint as a note.
    ///
    /// # Errors
    /// [`CheckpointError::NotSignedByLog`] unless a signer's key name is the origin; [`CheckpointError::Note`].
    pub fn sign(&self, signers: &[&dyn NoteSigner]) -> Result<Note, CheckpointError> {
        if !signers
            .iter()
            .any(|signer| signer.key().name() == self.origin)
        {
            return Err(CheckpointError::NotSignedByLog(self.origin.clone()));
        }
        Ok(Note::sign(&self.to_text(), signers)?)
    }

    /// Reads a note and verifies it against known keys, one of which must be the log's own: its name is the origin.
    ///
    /// # Errors
    /// A [`CheckpointError`]; whether enough witnesses signed is for [`crate::policy::Policy`] to say.
    pub fn verify(note: &[u8], known: &[VerifierKey]) -> Result<(Self, Verified), CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse_text(note.text())?;
        let verified = note.verify(known)?;
        let log = |key: &VerifierKey| {
            key.name() == checkpoint.origin && key.kind() == crate::note::KeyKind::Ed25519
        };
        if !verified.signed.iter().any(|signed| log(&signed.key)) {
            return Err(CheckpointError::NotSignedByLog(checkpoint.origin));
        }
        Ok((checkpoint, verified))
    }

    /// Checks that `self` and a later checkpoint belong to one tree, with the proof between their sizes.
    ///
    /// # Errors
    /// [`CheckpointError::OtherOrigin`], [`CheckpointError::Inconsistent`].
    pub fn check_grows_to(&self, later: &Self, proof: &[Digest]) -> Result<(), CheckpointError> {
        if self.origin != later.origin {
            return Err(CheckpointError::OtherOrigin {
                first: self.origin.clone(),
                second: later.origin.clone(),
            });
        }
        tree::verify_consistency(self.size, &self.root, later.size, &later.root, proof)
            .map_err(CheckpointError::Inconsistent)
    }
}
