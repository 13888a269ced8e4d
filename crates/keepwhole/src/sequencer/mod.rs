//! The one writer: commands are decided and folded in turn, all their records go to the journal in one write and one
//! sync, and only then is anybody answered.
//!
//! The fold runs ahead of the sync inside a turn; nobody outside can see it, because a turn holds the sequencer until
//! the journal has answered. A failed append stops the sequencer for good: what reached the disk is only known after
//! opening again, by the same code that opens every day.

mod clock;
mod fold;
mod service;

pub use clock::{Clock, SystemClock, TestClock, WallShift};
pub use fold::{FoldError, Until, fold, state_digest};
pub use service::{Handle, Service, ServiceError};

use crate::journal::{Disk, Head, Journal, JournalError};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::apply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::decide::{Decision, decide};
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;

/// Most commands that one turn takes.
pub const TURN_COMMANDS: usize = 8_000;
/// Once a turn has gathered this many bytes of records it appends them before it goes on. A frame may hold 16 MiB.
const TURN_BYTES: usize = 8 * 1024 * 1024;
/// Most bytes of records that one command may lead to: all of them lie in one frame.
const COMMAND_BYTES: usize = 15 * 1024 * 1024;

/// Why a turn was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// The journal failed; the sequencer stands still until it is opened again.
    #[error("the journal stopped: {0}")]
    Journal(#[from] JournalError),
    /// The journal could not be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// An earlier failure stopped the sequencer.
    #[error("stopped by an earlier failure; start again so that the journal is read anew")]
    Stopped,
}

/// The sequencer over its journal.
#[derive(Debug)]
pub struct Sequencer<D> {
    journal: Journal<D>,
    state: State,
    stopped: bool,
}

impl<D: Disk> Sequencer<D> {
    /// Folds the whole journal.
    ///
    /// # Errors
    /// A journal that can't be read, or a record that this program does not know.
    pub fn open(journal: Journal<D>) -> Result<Self, SequencerError> {
        let state = fold(&journal, Until::End, &mut |_| {})?;
        Ok(Self {
            journal,
            state,
            stopped: false,
        })
    }

    /// The state as of the last durable record.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal<D> {
        &self.journal
    }

    /// The journal, to publish its checkpoint and write its tiles.
    pub fn journal_mut(&mut self) -> &mut Journal<D> {
        &mut self.journal
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// The next moment at which time alone changes something, ms since the epoch.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        next_due(&self.state)
    }

    /// Runs one turn at `now` (ms since the epoch; never earlier than the journal's time): first everything that is due
    /// by then, then the commands in order. Replies come back in the same order, after they are durable.
    ///
    /// # Errors
    /// The journal failed. Nothing of the turn may be assumed; nothing was acknowledged.
    pub fn turn(&mut self, now: u64, commands: &[Command]) -> Result<Vec<Reply>, SequencerError> {
        if self.stopped {
            return Err(SequencerError::Stopped);
        }
        let at = now.max(self.state.at);
        let mut batch = Batch::default();
        let outcome = self.run(at, commands, &mut batch);
        if outcome.is_err() {
            self.stopped = true;
        }
        outcome
    }

    fn run(
        &mut self,
        at: u64,
        commands: &[Command],
        batch: &mut Batch,
    ) -> Result<Vec<Reply>, SequencerError> {
        let tick = Command {
            id: None,
            actor: None,
            body: Body::ObserveTime,
        };
        while next_due(&self.state).is_some_and(|due| due <= at) {
            let before = self.state.position;
            self.take(&tick, at, batch)?;
            if self.state.position == before {
                break;
            }
        }
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            replies.push(self.take(command, at, batch)?);
        }
        self.flush(batch)?;
        Ok(replies)
    }

    /// Decides one command, encodes its records and folds them.
    fn take(
        &mut self,
        command: &Command,
        at: u64,
        batch: &mut Batch,
    ) -> Result<Reply, SequencerError> {
        let turn = self.state.turn.saturating_add(1);
        let Decision { reply, events } = decide(&self.state, command, at);
        let (reply, records, encoded) = match encode(at, turn, events) {
            Some((records, encoded)) => (reply, records, encoded),
            None => too_large(command, at, turn),
        };
        let size = encoded.iter().map(Vec::len).sum::<usize>();
        if batch.bytes.saturating_add(size) > TURN_BYTES && batch.bytes > 0 {
            self.flush(batch)?;
        }
        for record in &records {
            apply(&mut self.state, record);
        }
        batch.bytes = batch.bytes.saturating_add(size);
        batch.records.extend(encoded);
        Ok(reply)
    }

    fn flush(&mut self, batch: &mut Batch) -> Result<(), SequencerError> {
        if !batch.records.is_empty() {
            self.journal.append(&batch.records)?;
            batch.records.clear();
            batch.bytes = 0;
        }
        Ok(())
    }
}

/// Records of a turn that are folded and not yet durable.
#[derive(Default)]
struct Batch {
    records: Vec<Vec<u8>>,
    bytes: usize,
}

/// The records of a command and their bytes; `None` if one is larger than a leaf or all are larger than a frame.
fn encode(at: u64, turn: u64, events: Vec<Event>) -> Option<(Vec<Record>, Vec<Vec<u8>>)> {
    let records: Vec<Record> = events
        .into_iter()
        .map(|event| Record::new(at, turn, event))
        .collect();
    let mut total = 0usize;
    let mut encoded = Vec::with_capacity(records.len());
    for record in &records {
        let bytes = record.encode().ok()?;
        total = total.saturating_add(bytes.len());
        if total > COMMAND_BYTES {
            return None;
        }
        encoded.push(bytes);
    }
    Some((records, encoded))
}

/// The answer to a command whose events do not fit: it is refused by name, and the refusal is recorded.
fn too_large(command: &Command, at: u64, turn: u64) -> (Reply, Vec<Record>, Vec<Vec<u8>>) {
    let what = String::from(
        "the command leads to more than one frame holds; split it into several commands",
    );
    let answer = Answer::because(Reason::Malformed { what });
    let event = Event::Answered {
        id: None,
        content: command.content(),
        actor: None,
        kind: command.body.kind(),
        answer: answer.clone(),
    };
    let (records, encoded) = encode(at, turn, vec![event]).unwrap_or_default();
    (
        Reply {
            answer,
            repeated: false,
            created: None,
            repeated_rows: 0,
        },
        records,
        encoded,
    )
}
