//! How a verb ends: four exit codes, and a message that names place, cause and fix.

use crate::installation::InstallationError;
use crate::journal::JournalError;
use crate::sequencer::FoldError;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes of every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused, failed, or something was found that calls for action.
    Refused = 1,
    /// Wrong usage, or input that can't be read.
    Usage = 2,
    /// Our own fault, or a damaged store.
    Fault = 3,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Fault => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a verb was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// Stable code for programs, lower snake case.
    pub code: &'static str,
    /// Place, cause and fix, in one sentence.
    pub message: String,
}

impl Failure {
    /// Refused or failed: exit 1.
    #[must_use]
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            code,
            message: message.into(),
        }
    }

    /// Wrong usage or unreadable input: exit 2.
    #[must_use]
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            code,
            message: message.into(),
        }
    }

    /// Our own fault or a damaged store: exit 3.
    #[must_use]
    pub fn fault(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Fault,
            code,
            message: message.into(),
        }
    }

    /// An installation in `dir` that could not be made, opened or run.
    #[must_use]
    pub fn of_installation(dir: &Path, error: &InstallationError) -> Self {
        if let Some(journal) = error.journal() {
            return Self::of_journal(dir, journal);
        }
        let message = error.to_string();
        match error {
            InstallationError::Missing { .. } => Self::usage("no_such_folder", message),
            InstallationError::NoInstallation { .. } => Self::usage("no_installation", message),
            InstallationError::Origin { .. } => Self::usage("origin", message),
            InstallationError::NotEmpty { .. } => Self::refused("not_empty", message),
            InstallationError::Io { .. } => Self::fault("io_error", message),
            InstallationError::Backup { .. } => Self::refused("backup", message),
            InstallationError::Checkpoint { .. } => Self::usage("checkpoint", message),
            InstallationError::Fold(
                FoldError::UnknownVersion { .. } | FoldError::UnknownKind { .. },
            ) => Self::fault("unknown_version", message),
            InstallationError::Fold(_) => Self::fault("not_folded", message),
            InstallationError::Rotation(_) => Self::refused("rotation", message),
            InstallationError::Law(_) => Self::fault("law", message),
            _ => Self::fault("stopped", message),
        }
    }

    /// The journal of the installation in `dir` refused.
    #[must_use]
    pub fn of_journal(dir: &Path, error: &JournalError) -> Self {
        let code = error.code();
        let place = dir.display();
        match error {
            JournalError::LockHeld => Self::refused(
                code,
                format!(
                    "`{place}` is in use by another keepwhole; stop it first, or only look with `keepwhole status --data {place}`"
                ),
            ),
            JournalError::Damaged { .. } => Self::fault(
                code,
                format!(
                    "the journal in `{place}` is damaged: {error}; `keepwhole serve --data {place} --read-only` shows what is \
                     good before it, `keepwhole journal check --data {place}` says it again"
                ),
            ),
            JournalError::Truncated { .. } | JournalError::Forked { .. } => Self::fault(
                code,
                format!(
                    "the journal in `{place}` is not the one that was published: {error}; restore `segments/` from a copy, \
                     `keepwhole serve --data {place} --read-only` shows what is there"
                ),
            ),
            _ => Self::fault(code, format!("installation `{place}`: {error}")),
        }
    }
}
