//! Whether a policy file can follow the policy in force: read with the journal's names, checked by its own rules and the
//! shipped law, one version after the other. The command line and the console ask here alike.

use keepwhole_core::law::{day_at, offset_of_zone};

use super::check::{Finding, Severity, check, fails};
use super::demands::DemandError;
use super::file::{PolicyFile, read_bytes};
use super::names::Names;
use super::source::{Fault, Refused};
use crate::law::{SourceFile, load};

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unchecked {
    /// The clock is of no day.
    #[error("the system clock is before 1970 or after 9999; set it")]
    Clock,
    /// The shipped law can't be used.
    #[error("{0}")]
    Law(String),
    /// The shipped mapping from law to policy does not fit the law.
    #[error(transparent)]
    Demands(#[from] DemandError),
}

/// Why a file can't be adopted or proposed.
#[derive(Debug)]
pub enum Unadoptable {
    /// It can't be read.
    Unread(Refused),
    /// The check finds errors; all findings.
    Checked(Box<PolicyFile>, Vec<Finding>),
    /// It is not the version after the one in force.
    Version(Refused),
    /// The check could not be made.
    Unchecked(Unchecked),
}

impl Unadoptable {
    /// What must be mended, by line.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Unread(refused) | Self::Version(refused) => refused.faults.clone(),
            Self::Checked(_, found) => {
                let errors = found.iter().filter(|one| one.severity == Severity::Error);
                let fault = |one: &Finding| Fault {
                    line: one.line,
                    key: one.key.clone(),
                    what: one.what.clone(),
                    fix: one.fix.clone(),
                };
                errors.map(fault).collect()
            }
            Self::Unchecked(_) => Vec::new(),
        }
    }
}

/// What the check finds, against the shipped law as it stands in Seoul at `now`, ms since the epoch.
///
/// # Errors
/// The check could not be made.
pub fn findings(file: &PolicyFile, now: u64) -> Result<Vec<Finding>, Unchecked> {
    let day = offset_of_zone("Asia/Seoul").and_then(|offset| day_at(now, offset));
    let day = day.ok_or(Unchecked::Clock)?;
    let law = load(&SourceFile::shipped(), None);
    if let Some(refusal) = law.refusals.first() {
        return Err(Unchecked::Law(refusal.to_string()));
    }
    Ok(check(file, &law.set, day)?)
}

/// Reads the file called `file` as the policy after version `known`, with the journal's `names`, at `now` (ms since the
/// epoch); with what the check finds that is no error.
///
/// # Errors
/// Why it can't follow.
pub fn next(
    file: &str,
    bytes: &[u8],
    (names, known): (&Names, u32),
    now: u64,
) -> Result<(PolicyFile, Vec<Finding>), Unadoptable> {
    let read = read_bytes(file, bytes, Some(names)).map_err(Unadoptable::Unread)?;
    let found = findings(&read, now).map_err(Unadoptable::Unchecked)?;
    if fails(&found) {
        return Err(Unadoptable::Checked(Box::new(read), found));
    }
    let (version, after) = (read.policy.version, known.saturating_add(1));
    if version == after {
        return Ok((read, found));
    }
    Err(Unadoptable::Version(Refused {
        file: file.to_owned(),
        faults: vec![Fault {
            line: read.line("version"),
            key: "version".to_owned(),
            what: format!("`{version}` does not follow version `{known}` of the journal"),
            fix: format!("write `version = {after}`"),
        }],
    }))
}
