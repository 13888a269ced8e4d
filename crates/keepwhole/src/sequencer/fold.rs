//! Folding a journal: the same records give the same state, on every machine, up to any point.

use crate::journal::{Disk, Journal, JournalError, Unknown};
use keepwhole_core::apply::apply_all;
use keepwhole_core::event::{Event, RECORD_VERSION, Record, RecordError};
use keepwhole_core::state::State;
use std::sync::OnceLock;

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
    /// A newer program wrote the event.
    #[error(
        "entry `{position}` has event kind `{kind}`, which this program does not know; use the program that wrote it or a newer one"
    )]
    UnknownKind {
        /// Position of the record.
        position: u64,
        /// The number of its kind.
        kind: u8,
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
    fold_on(journal, State::default(), until, progress)
}

/// As [`fold`], from a state that is folded up to its position.
///
/// # Errors
/// As [`fold`].
pub fn fold_on<D: Disk>(
    journal: &Journal<D>,
    mut state: State,
    until: Until,
    progress: &mut dyn FnMut(u64),
) -> Result<State, FoldError> {
    let from = state.position;
    let outcome = journal.read_frames::<FoldError>(from, None, &mut |frame, _| {
        let first = frame.header.first;
        let records = (first..).zip(frame.records.iter().copied());
        let (before, records) = (state.position, records.skip_while(|(at, _)| *at < from));
        let folded = fold_run(&mut state, until, records);
        (before..state.position).for_each(&mut *progress);
        folded
    });
    match outcome {
        Ok(()) | Err(FoldError::Reached) => Ok(state),
        Err(error) => Err(error),
    }
}

/// Records that are decoded before they are folded together.
const RUN: usize = 1_024;

/// Folds records in order, each with its position. What comes before a fault, or before the end that is asked for, is
/// folded.
pub(super) fn fold_run<'r>(
    state: &mut State,
    until: Until,
    records: impl Iterator<Item = (u64, &'r [u8])>,
) -> Result<(), FoldError> {
    let mut at = state.at;
    let mut records = records;
    loop {
        let run = Run::decode(until, &mut at, records.by_ref().take(RUN));
        let ends = run.records.len() < RUN;
        run.fold(state)?;
        if ends {
            return Ok(());
        }
    }
}

/// Records that are decoded and not yet folded, up to a fault or to the end that is asked for.
pub(super) struct Run {
    records: Vec<Record>,
    outcome: Result<(), FoldError>,
}

impl Run {
    /// Decodes records behind one of the time `at`, which goes on to the time of the last.
    pub(super) fn decode<'r>(
        until: Until,
        at: &mut u64,
        records: impl Iterator<Item = (u64, &'r [u8])>,
    ) -> Self {
        let mut run = Self {
            records: Vec::with_capacity(records.size_hint().1.unwrap_or(0)),
            outcome: Ok(()),
        };
        for (position, bytes) in records {
            match decode(until, *at, position, bytes) {
                Ok(record) => {
                    *at = record.at;
                    run.records.push(record);
                }
                Err(error) => {
                    run.outcome = Err(error);
                    break;
                }
            }
        }
        run
    }

    /// Folds what was decoded, and says what ended it.
    pub(super) fn fold(self, state: &mut State) -> Result<(), FoldError> {
        apply_all(state, self.records.iter().map(Record::as_ref));
        self.outcome
    }
}

/// Decodes a record behind one of the time `at`, or says that the end is reached.
fn decode(until: Until, at: u64, position: u64, bytes: &[u8]) -> Result<Record, FoldError> {
    if matches!(until, Until::Position(end) if position >= end) {
        return Err(FoldError::Reached);
    }
    let record = Record::decode(bytes).map_err(|error| match error {
        RecordError::UnknownVersion { version } => FoldError::UnknownVersion { position, version },
        RecordError::NotARecord => match unknown(bytes) {
            Some(Unknown::Kind(kind)) => FoldError::UnknownKind { position, kind },
            _ => FoldError::NotARecord { position },
        },
    })?;
    if record.at < at {
        return Err(FoldError::TimeFalls { position });
    }
    if matches!(until, Until::Time(end) if record.at > end) {
        return Err(FoldError::Reached);
    }
    Ok(record)
}

/// Byte of a record at which the kind of its event stands: behind version, time and turn.
const KIND_AT: usize = 17;

/// What of a record this program does not know: its form, or the kind of its event. `None` says nothing of the rest.
pub(super) fn unknown(record: &[u8]) -> Option<Unknown> {
    let version = *record.first()?;
    if version != RECORD_VERSION {
        return Some(Unknown::Version(version));
    }
    let kind = *record.get(KIND_AT)?;
    (!is_kind(kind)).then_some(Unknown::Kind(kind))
}

/// Whether there is an event of this kind. The tag alone is no whole event, so reading it always fails; how it fails
/// tells a kind that is there (more bytes are wanted) from one that is not.
fn is_kind(kind: u8) -> bool {
    static KINDS: OnceLock<[bool; 256]> = OnceLock::new();
    let kinds = KINDS.get_or_init(|| {
        std::array::from_fn(|kind| {
            let tag = [u8::try_from(kind).unwrap_or(u8::MAX)];
            match borsh::from_slice::<Event>(&tag) {
                Ok(_) => true,
                Err(error) => !error.to_string().contains("variant tag"),
            }
        })
    });
    kinds.get(usize::from(kind)).copied().unwrap_or(false)
}

/// Lower-case hex of the digest of a state.
#[must_use]
pub fn state_digest(state: &State) -> String {
    keepwhole_verify::digest::Digest::from_bytes(state.digest()).to_string()
}
