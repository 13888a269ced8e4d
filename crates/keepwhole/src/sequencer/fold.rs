//! Folding a journal: the same records give the same state, on every machine, up to any point.

use crate::journal::{Disk, Journal, JournalError};
use keepwhole_core::apply::apply;
use keepwhole_core::event::{Record, RecordError};
use keepwhole_core::state::State;

/// How far to fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Everything.
    End,
    /// Records before that position.
    Position(u64),
    /// Records up to that time, ms since the epoch, inclusive.
    Time(u64),
}

/// Why a journal could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A newer program wrote the record.
    #[error(
        "entry `{position}` has form `{version}`, which this program does not know; use the program that wrote it or a newer one"
    )]
    UnknownVersion {
        /// Position of the record.
        position: u64,
        /// The version that it names.
        version: u8,
    },
    /// The record's bytes are not a record.
    #[error("entry `{position}` is not a record of this format; run `keepwhole journal check`")]
    NotARecord {
        /// Position of the record.
        position: u64,
    },
    /// Time falls from one record to the next.
    #[error("entry `{position}` is earlier than the one before it")]
    TimeFalls {
        /// Position of the record.
        position: u64,
    },
    /// The end that was asked for is reached; never leaves [`fold`].
    #[error("the end that was asked for is reached")]
    Reached,
}

/// Folds records in order, and shows each position to `progress` after it is folded.
///
/// # Errors
/// A journal that can't be read, or a record that can't be folded, with its position.
pub fn fold<D: Disk>(
    journal: &Journal<D>,
    until: Until,
    progress: &mut dyn FnMut(u64),
) -> Result<State, FoldError> {
    let mut state = State::default();
    let outcome = journal.read::<FoldError>(0, &mut |position, bytes| {
        if matches!(until, Until::Position(end) if position >= end) {
            return Err(FoldError::Reached);
        }
        let record = Record::decode(bytes).map_err(|error| match error {
            RecordError::UnknownVersion { version } => {
                FoldError::UnknownVersion { position, version }
            }
            RecordError::NotARecord => FoldError::NotARecord { position },
        })?;
        if record.at < state.at {
            return Err(FoldError::TimeFalls { position });
        }
        if matches!(until, Until::Time(end) if record.at > end) {
            return Err(FoldError::Reached);
        }
        apply(&mut state, &record);
        progress(position);
        Ok(())
    });
    match outcome {
        Ok(()) | Err(FoldError::Reached) => Ok(state),
        Err(error) => Err(error),
    }
}

/// Lower-case hex of the digest of a state.
#[must_use]
pub fn state_digest(state: &State) -> String {
    keepwhole_verify::digest::Digest::from_bytes(state.digest()).to_string()
}
