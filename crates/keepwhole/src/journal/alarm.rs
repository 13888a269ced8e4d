//! Alarms about the journal itself. They can't stand in it, as nothing can be written then: they are told beside it.

use super::error::JournalError;
use std::fmt;

/// What is wrong with the journal. Each is critical: no decision is given, or nothing of it is published, until a person
/// has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmCode {
    /// What lies on the disk is not what was written, or not all of it.
    JournalBroken,
    /// The disk refused to write, sync or read.
    IoError,
    /// The log's key signs nothing, or nothing that verifies. Entries are taken, and nothing is published.
    LogKeyFault,
}

impl AlarmCode {
    /// The stable code for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::JournalBroken => "journal_broken",
            Self::IoError => "io_error",
            Self::LogKeyFault => "log_key_fault",
        }
    }
}

/// An alarm about the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Which.
    pub code: AlarmCode,
    /// Place, cause and fix, in the journal's words.
    pub what: String,
}

impl Alarm {
    /// The alarm that an error of the journal is; `None` for one that a person need not look into at once, such as a
    /// lock that is held or a disk that is full.
    #[must_use]
    pub fn of(error: &JournalError) -> Option<Self> {
        let code = match error {
            JournalError::Damaged { .. }
            | JournalError::Changed { .. }
            | JournalError::StrangeFile(_)
            | JournalError::Truncated { .. }
            | JournalError::Forked { .. }
            | JournalError::Tile(_)
            | JournalError::TileDiffers(_)
            | JournalError::Attachment(_) => AlarmCode::JournalBroken,
            JournalError::Disk(error) if !error.is_full() => AlarmCode::IoError,
            error if error.is_unsigned() => AlarmCode::LogKeyFault,
            _ => return None,
        };
        let what = error.to_string();
        Some(Self { code, what })
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alarm `{}`, critical", self.code.code())
    }
}
