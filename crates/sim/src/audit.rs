//! One reading of a journal from its first record: what was answered, which roots it had, what stands behind a point.

use crate::promise::{Broken, Promise};
use keepwhole::journal::disk::Disk;
use keepwhole::journal::{Journal, JournalError};
use keepwhole_core::answer::Answer;
use keepwhole_core::event::{Event, Record};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::tree::{Frontier, leaf_hash};
use std::collections::BTreeMap;

/// An answer as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub position: u64,
    /// Digest of the command.
    pub content: [u8; 32],
    /// The answer.
    pub answer: Answer,
}

/// What one reading found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Answers by id of the command.
    pub answered: BTreeMap<String, Found>,
    /// Roots at the sizes that were asked for.
    pub roots: BTreeMap<u64, Digest>,
    /// From the point asked for on, for every command in order: its answer, `None` where the first was repeated.
    pub tail: Vec<Option<Answer>>,
}

/// Why a reading stopped.
enum Stop {
    Journal(JournalError),
    Broken(Broken),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl Audit {
    /// Reads it all; `sizes` are those whose root is wanted, `from` is where the tail begins.
    ///
    /// # Errors
    /// [`Promise::Kept`] where the journal can't be read or an id stands in it twice, [`Promise::Invariant`] where time
    /// goes back.
    pub fn read<D: Disk>(journal: &Journal<D>, sizes: &[u64], from: u64) -> Result<Self, Broken> {
        let mut audit = Self::default();
        let mut edge = Frontier::new();
        let mut last = 0;
        let outcome = journal.read::<Stop>(0, &mut |position, bytes| {
            // The tree is computed here again, by itself, from the records' bytes.
            edge.push(leaf_hash(bytes))
                .map_err(|error| Stop::Broken(Promise::Kept.failed("tree", &error)))?;
            if sizes.contains(&edge.size()) {
                audit.roots.insert(edge.size(), edge.root());
            }
            let record = Record::decode(bytes).map_err(|_| {
                let what = format!("entry `{position}` is not a record");
                Stop::Broken(Broken {
                    promise: Promise::Kept,
                    what,
                })
            })?;
            if record.at < last {
                let what = format!("entry `{position}` is earlier than the one before it");
                return Err(Stop::Broken(Broken {
                    promise: Promise::Invariant,
                    what,
                }));
            }
            last = record.at;
            audit
                .note(position, record.event, from)
                .map_err(Stop::Broken)
        });
        match outcome {
            Ok(()) => Ok(audit),
            Err(Stop::Broken(broken)) => Err(broken),
            Err(Stop::Journal(error)) => Err(Promise::Kept.failed("reading the journal", &error)),
        }
    }

    fn note(&mut self, position: u64, event: Event, from: u64) -> Result<(), Broken> {
        match event {
            Event::Answered {
                id,
                content,
                answer,
                ..
            } => {
                if position >= from {
                    self.tail.push(Some(answer.clone()));
                }
                let Some(id) = id else {
                    return Ok(());
                };
                let found = Found {
                    position,
                    content,
                    answer,
                };
                if self.answered.insert(id.clone(), found).is_some() {
                    let what = format!("`{id}` is in the journal twice");
                    return Promise::Kept.broken(what);
                }
            }
            Event::AnswerRepeated { .. } if position >= from => self.tail.push(None),
            _ => {}
        }
        Ok(())
    }
}
