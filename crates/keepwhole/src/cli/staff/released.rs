//! Proposals of what only a quorum does: release a redress set to customers, destroy the key of a person's records.

use super::super::exit::{Exit, Failure};
use super::{By, of_file, propose, read};
use clap::Args;
use keepwhole_core::guard::Change;
use keepwhole_verify::json::parse_hex;
use keepwhole_verify::manifest::{Manifest, entry_payload};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    pub(super) by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
    /// The set's manifest (docs/proof-formats.md).
    #[arg(value_name = "MANIFEST")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DestroyArgs {
    #[command(flatten)]
    pub(super) by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
    /// Code of the legal ground.
    #[arg(long, value_name = "CODE")]
    code: String,
    /// Number of the person in the journal, 32 hex digits.
    #[arg(value_name = "PERSON")]
    subject: String,
}

impl ReleaseArgs {
    /// Proposes the entry that commits to the manifest, which must pass its own checks.
    pub(super) fn propose(&self) -> Result<Exit, Failure> {
        let text = read(&self.file)?;
        let set = Manifest::read(&text).map_err(|error| of_file(&self.file, &error))?;
        let entry = entry_payload(&set.set_id, set.epoch, &text);
        propose(&self.by, &self.id, Change::ReleaseRedress { entry })
    }
}

impl DestroyArgs {
    /// Proposes it by the person's number.
    pub(super) fn propose(&self) -> Result<Exit, Failure> {
        let subject = parse_hex(&self.subject).ok_or_else(|| {
            let message = "`PERSON` is a number of 32 hex digits; `keepwhole person list` shows it";
            Failure::usage("person", message)
        })?;
        let ground = self.code.clone();
        propose(&self.by, &self.id, Change::DestroyKey { subject, ground })
    }
}
