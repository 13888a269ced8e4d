//! What goes into a bundle, and why one can't be written.

use std::collections::BTreeMap;

use super::decisions::Decisions;
use keepwhole_verify::bundle_manifest::{Omitted, Scope, Tool};

/// Everything a bundle is made of besides the log itself.
#[derive(Debug, Clone)]
pub struct BundlePlan {
    /// Id of the bundle.
    pub bundle_id: String,
    /// RFC 3339, UTC, ends in `Z`.
    pub created: String,
    /// Entries to show, and what they are about.
    pub scope: Scope,
    /// Whether personal data may go in.
    pub confidential: bool,
    /// The program that writes.
    pub tool: Tool,
    /// What is left out, and why.
    pub omitted: Vec<Omitted>,
    /// The cosigned checkpoint the bundle rests on, verbatim.
    pub checkpoint: Vec<u8>,
    /// Earlier checkpoints, verbatim, in any order.
    pub history: Vec<Vec<u8>>,
    /// Entries to show alone, besides those of the scope.
    pub single_entries: Vec<u64>,
    /// Redress sets.
    pub redress: Vec<RedressPart>,
    /// Rosters, approvals and clearances.
    pub decisions: Decisions,
    /// The operator's keys and policy, in the form of a trust file.
    pub claimed_keys: String,
    /// What the bundle is, in plain words.
    pub readme: String,
}

/// One redress set of a bundle.
#[derive(Debug, Clone)]
pub struct RedressPart {
    /// The manifest's exact text.
    pub manifest: String,
    /// Index of the journal entry that commits it.
    pub entry: u64,
    /// The auditor's files by name; only in a confidential bundle.
    pub table: Option<BTreeMap<String, Vec<u8>>>,
}

/// Why no bundle was written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The log didn't give a tile or an entry.
    #[error("bundle: {0}")]
    Source(String),
    /// A checkpoint that can't be read.
    #[error("bundle: checkpoint `{name}`: {cause}")]
    Checkpoint {
        /// Which one.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// A scope that isn't inside the tree.
    #[error("bundle: the scope {from} to {to} is not inside the tree of {size} entries")]
    Scope {
        /// First entry.
        from: u64,
        /// One past the last.
        to: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// Personal data in a bundle that says it has none.
    #[error(
        "bundle: a redress table is personal data; mark the bundle confidential or leave the table out"
    )]
    NotConfidential,
    /// A redress manifest that can't be read.
    #[error("bundle: redress manifest: {0}")]
    Redress(String),
    /// The signer has another name than `<origin>/bundle`.
    #[error("bundle: the signer is `{found}`, a bundle is signed by `{wanted}`")]
    Signer {
        /// Its name.
        found: String,
        /// The name it needs.
        wanted: String,
    },
    /// A path or text that the container doesn't allow.
    #[error("bundle: {0}")]
    Container(String),
}
