//! The policies of a journal, and a walk over its records with the state just before each.

use keepwhole_core::apply::apply;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::policy::Policy;
use keepwhole_core::state::State;

use crate::installation::Reading;
use crate::journal::{Journal, JournalError, RealDisk};

/// Why a journal could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// It could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An entry is no record.
    #[error("entry `{0}` is not a record of this format; run `keepwhole journal check`")]
    NotARecord(u64),
    /// Whoever looked wanted to see no more.
    #[error("stopped before its end")]
    Stopped,
}

/// Shows each record with its position and the state just before it; returns the state at the end.
///
/// # Errors
/// [`WalkError`].
pub fn walk(
    reading: &Reading,
    look: &mut dyn FnMut(&State, u64, &Record),
) -> Result<State, WalkError> {
    walk_while(&reading.journal, &mut |state, position, record| {
        look(state, position, record);
        true
    })
}

/// As [`walk`], as long as `look` says to go on.
///
/// # Errors
/// [`WalkError`]; [`WalkError::Stopped`] where `look` says to stop.
pub fn walk_while(
    journal: &Journal<RealDisk>,
    look: &mut dyn FnMut(&State, u64, &Record) -> bool,
) -> Result<State, WalkError> {
    let mut state = State::default();
    journal.read::<WalkError>(0, &mut |position, bytes| {
        let record = Record::decode(bytes).map_err(|_| WalkError::NotARecord(position))?;
        if !look(&state, position, &record) {
            return Err(WalkError::Stopped);
        }
        apply(&mut state, &record);
        Ok(())
    })?;
    Ok(state)
}

/// A policy that came into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// Entry of the journal.
    pub entry: u64,
    /// When, ms since the epoch.
    pub at: u64,
    /// What it says.
    pub policy: Policy,
}

/// Every policy that came into force, in order, and the state at the end.
///
/// # Errors
/// [`WalkError`].
pub fn versions(reading: &Reading) -> Result<(Vec<Adopted>, State), WalkError> {
    let mut found = Vec::new();
    let state = walk(reading, &mut |_, entry, record| {
        if let Event::PolicyAdopted(policy) = &record.event {
            found.push(Adopted {
                entry,
                at: record.at,
                policy: (**policy).clone(),
            });
        }
    })?;
    Ok((found, state))
}
