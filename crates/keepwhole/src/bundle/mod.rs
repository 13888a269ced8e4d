//! Writes the evidence bundle: the files that an outsider verifies offline with `keepwhole-verify`.
//!
//! The bytes stand in docs/proof-formats.md. The same plan over the same journal makes the same bytes.

mod decisions;
mod plan;
mod source;
mod write;

pub use decisions::{Decisions, DecisionsError, collect};
pub use plan::{BundleError, BundlePlan, RedressPart};
pub use source::{LogSource, MemoryLog};
pub use write::{archive, files, tlog_proof};

pub use keepwhole_verify::bundle_manifest::{Omitted, Scope, Tool};
