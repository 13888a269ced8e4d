//! One entry travelling alone (c2sp.org/tlog-proof@v1): its index, the path to the root and the signed checkpoint.

use crate::checkpoint::Checkpoint;
use crate::decimal;
use crate::digest::Digest;
use crate::note::Verified;
use crate::policy::{Policy, PolicyError};
use crate::tree::{self, TreeError};
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::fmt;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof, read but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Index of the entry in the log.
    pub index: u64,
    /// Hashes beside the path, the leaf's sibling first.
    pub hashes: Vec<Digest>,
    /// The cosigned checkpoint, verbatim.
    pub checkpoint: String,
}

/// Whether a file is such a proof, by its first line.
#[must_use]
pub fn is_tlog_proof(bytes: &[u8]) -> bool {
    bytes.starts_with(FIRST_LINE.as_bytes())
}

/// Checks a proof and says what it shows, in a sentence for people.
///
/// # Errors
/// What does not hold, as a sentence.
pub fn check(proof: &[u8], entry: &[u8], policy: &Policy) -> Result<String, String> {
    let included = TlogProof::parse(proof).and_then(|proof| proof.verify(entry, policy));
    let Included {
        index,
        checkpoint,
        verified,
    } = included.map_err(|error| alloc::format!("not proven: {error}"))?;
    let witnesses = verified
        .signed
        .iter()
        .filter(|signed| signed.time.is_some())
        .count();
    let quorum = if policy.requires_no_witness() {
        "your trust file asks for no witness"
    } else {
        "the quorum of witnesses is met"
    };
    Ok(alloc::format!(
        "proven: these {} bytes are entry {index} of `{}`, in the log of {} entries with root {}; {quorum}, {witnesses} co-signed",
        entry.len(),
        checkpoint.origin(),
        checkpoint.size(),
        checkpoint.root()
    ))
}

/// What a proof proves once it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Index of the entry.
    pub index: u64,
    /// The checkpoint the entry is in.
    pub checkpoint: Checkpoint,
    /// Who signed it.
    pub verified: Verified,
}

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlogProofError {
    /// Not UTF-8.
    NotUtf8,
    /// The first line is another one.
    FirstLine,
    /// The `extra` line is not canonical base64.
    Extra,
    /// The `index` line is missing or its number not plain decimal.
    Index,
    /// A hash line is not the canonical base64 of 32 bytes; its number among the hashes, from 1.
    Hash(usize),
    /// More than the 63 hashes a tree can need.
    TooManyHashes,
    /// No empty line with a checkpoint under it.
    NoCheckpoint,
    /// The checkpoint was refused.
    Policy(PolicyError),
    /// The path does not lead from the entry to the checkpoint's root.
    Tree(TreeError),
}

impl fmt::Display for TlogProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("proof is not UTF-8"),
            Self::FirstLine => write!(f, "proof does not begin with `{FIRST_LINE}`"),
            Self::Extra => f.write_str("line `extra` of the proof is not canonical base64"),
            Self::Index => f.write_str("proof has no line `index` with a plain decimal number"),
            Self::Hash(number) => write!(
                f,
                "hash `{number}` of the proof is not the canonical base64 of 32 bytes"
            ),
            Self::TooManyHashes => f.write_str("proof has more than 63 hashes"),
            Self::NoCheckpoint => f.write_str("proof has no empty line with a checkpoint under it"),
            Self::Policy(error) => error.fmt(f),
            Self::Tree(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TlogProofError {}

impl TlogProof {
    /// Reads a proof. An `extra` line is unauthenticated and ignored, but it must be well formed.
    ///
    /// # Errors
    /// A [`TlogProofError`] naming the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        let text = core::str::from_utf8(bytes).map_err(|_| TlogProofError::NotUtf8)?;
        let (first, mut rest) = text.split_once('\n').ok_or(TlogProofError::FirstLine)?;
        if first != FIRST_LINE {
            return Err(TlogProofError::FirstLine);
        }
        if let Some(after) = rest.strip_prefix("extra ") {
            let (extra, after) = after.split_once('\n').ok_or(TlogProofError::Extra)?;
            STANDARD.decode(extra).map_err(|_| TlogProofError::Extra)?;
            rest = after;
        }
        let (index, mut rest) = rest
            .strip_prefix("index ")
            .and_then(|rest| rest.split_once('\n'))
            .ok_or(TlogProofError::Index)?;
        let index = decimal::parse_u63(index).ok_or(TlogProofError::Index)?;
        let mut hashes = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(TlogProofError::NoCheckpoint)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if hashes.len() == 63 {
                return Err(TlogProofError::TooManyHashes);
            }
            hashes.push(
                Digest::from_base64(line).map_err(|_| TlogProofError::Hash(hashes.len() + 1))?,
            );
        }
        if rest.is_empty() {
            return Err(TlogProofError::NoCheckpoint);
        }
        Ok(Self {
            index,
            hashes,
            checkpoint: String::from(rest),
        })
    }

    /// Verifies that `entry` is in the log under a checkpoint that satisfies `policy`.
    ///
    /// # Errors
    /// [`TlogProofError::Policy`], [`TlogProofError::Tree`].
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Included, TlogProofError> {
        let (checkpoint, verified) = policy
            .verify(self.checkpoint.as_bytes())
            .map_err(TlogProofError::Policy)?;
        let leaf = tree::leaf_hash(entry);
        tree::verify_inclusion(
            &leaf,
            self.index,
            checkpoint.size(),
            &self.hashes,
            &checkpoint.root(),
        )
        .map_err(TlogProofError::Tree)?;
        Ok(Included {
            index: self.index,
            checkpoint,
            verified,
        })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}\nindex {}\n", self.index)?;
        self.hashes
            .iter()
            .try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
