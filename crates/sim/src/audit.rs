//! What the judge has read of a journal: what was answered, the tree over it, and the bytes themselves.
//!
//! It reads on from where it stopped, and holds the bytes that it read before against its own copy of them, so that a
//! restart costs what is new and still nothing that was read may change.

use crate::promise::{Broken, Promise};
use keepwhole::journal::disk::Disk;
use keepwhole::journal::{Head, Journal, JournalError};
use keepwhole_core::answer::Answer;
use keepwhole_core::event::{Event, Record};
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

/// What was read so far.
#[derive(Debug, Default)]
pub struct Audit {
    /// Answers by id of the command.
    pub answered: BTreeMap<String, Found>,
    /// The tree over what was read, computed here by itself.
    edge: Frontier,
    last: u64,
    /// Bytes of each segment that were read, by its path.
    copies: BTreeMap<String, Vec<u8>>,
}

/// For every command of a stretch in order: its answer, `None` where the first was repeated.
pub type Answers = Vec<Option<Answer>>;

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

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Audit {
    /// Reads on to the journal's end. At each size in `heads` the tree must have that root; the answers behind `from`
    /// are returned.
    ///
    /// # Errors
    /// [`Promise::Kept`] where the journal can't be read, what was read before has other bytes, a root is another one or
    /// an id stands in it twice; [`Promise::Invariant`] where time goes back.
    pub fn read_on<D: Disk>(
        &mut self,
        journal: &Journal<D>,
        heads: &BTreeMap<u64, Head>,
        from: u64,
    ) -> Result<Answers, Broken> {
        self.hold_copies(journal)?;
        let mut answers = Vec::new();
        let outcome = journal.read::<Stop>(self.edge.size(), &mut |position, bytes| {
            let answer = self.take(position, bytes)?;
            if position >= from {
                answers.extend(answer);
            }
            let known = heads.get(&self.edge.size());
            if known.is_some_and(|head| head.root != self.edge.root()) {
                let what = format!("the first {} records are other ones", self.edge.size());
                return Err(Promise::Kept.told(what).into());
            }
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(Stop::Broken(broken)) => return Err(broken),
            Err(Stop::Journal(error)) => {
                return Err(Promise::Kept.failed("reading the journal", &error));
            }
        }
        let head = journal.head();
        if (head.size, head.root) != (self.edge.size(), self.edge.root()) {
            let what = format!("{head:?} is not the head over the records that are there");
            return Promise::Kept.broken(what);
        }
        self.copy(journal)?;
        Ok(answers)
    }

    /// One record: the answer in it, if it has one.
    fn take(&mut self, position: u64, bytes: &[u8]) -> Result<Option<Option<Answer>>, Broken> {
        self.edge
            .push(leaf_hash(bytes))
            .map_err(|error| Promise::Kept.failed("tree", &error))?;
        let Ok(record) = Record::decode(bytes) else {
            let what = format!("entry `{position}` is not a record");
            return Promise::Kept.broken(what);
        };
        if record.at < self.last {
            let what = format!("entry `{position}` is earlier than the one before it");
            return Promise::Invariant.broken(what);
        }
        self.last = record.at;
        match record.event {
            Event::Answered {
                id,
                content,
                answer,
                ..
            } => {
                let Some(id) = id else {
                    return Ok(Some(Some(answer)));
                };
                let found = Found {
                    position,
                    content,
                    answer: answer.clone(),
                };
                if self.answered.insert(id.clone(), found).is_some() {
                    let what = format!("`{id}` is in the journal twice");
                    return Promise::Kept.broken(what);
                }
                Ok(Some(Some(answer)))
            }
            Event::AnswerRepeated { .. } => Ok(Some(None)),
            _ => Ok(None),
        }
    }

    /// What was read before still has the same bytes.
    fn hold_copies<D: Disk>(&self, journal: &Journal<D>) -> Result<(), Broken> {
        for (path, copy) in &self.copies {
            if !bytes_of(journal, path)?.starts_with(copy) {
                let what = format!("the bytes of `{path}` are no longer those that were read");
                return Promise::Kept.broken(what);
            }
        }
        Ok(())
    }

    fn copy<D: Disk>(&mut self, journal: &Journal<D>) -> Result<(), Broken> {
        for segment in journal.segments() {
            let known = self.copies.get(&segment.path).map_or(0, Vec::len);
            let used = usize::try_from(segment.used).unwrap_or(usize::MAX);
            if known != used {
                let mut bytes = bytes_of(journal, &segment.path)?;
                bytes.truncate(used);
                self.copies.insert(segment.path.clone(), bytes);
            }
        }
        Ok(())
    }
}

fn bytes_of<D: Disk>(journal: &Journal<D>, path: &str) -> Result<Vec<u8>, Broken> {
    let bytes = journal.disk().read(path);
    bytes.map_err(|error| Promise::Kept.failed(path, &error))
}
