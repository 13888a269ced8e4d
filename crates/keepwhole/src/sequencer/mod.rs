//! The one writer: commands are decided and folded in turn, all their records go to the journal in one write and one
//! sync, and only then is anybody answered.
//!
//! A turn has two halves: [`prepare`] decides, encodes and folds; [`commit`] makes the frame durable. [`Sequencer`] does
//! one after the other and shows its state to nobody in between. [`Service`] has two threads do them at once, so the
//! fold runs ahead of the sync, and [`Reader`] gives nothing out that is not durable. A failed commit stops the
//! sequencer for good: what reached the disk is only known after opening again, by the same code that opens every day.

mod clock;
mod commit;
mod fold;
mod inbox;
mod keeper;
mod overlap;
mod pipeline;
mod prepare;
mod reader;
mod resume;
mod service;

pub use clock::{Clock, SystemClock, TestClock, WallShift};
pub use fold::{FoldError, Until, fold, fold_on, state_digest};
pub use inbox::{Answering, ServiceError, lowers_risk};
pub use keeper::Beside;
pub use overlap::{Durable, Ended, Turn, Turns};
pub use prepare::Prepared;
pub use reader::{Condition, Reader, Spent};
pub use resume::{FOLD, Folded, Opening, open, read, snapshots, write_snapshot};
pub use service::{Handle, Limits, Service};

use crate::journal::{Disk, FrameBatch, Head, Journal, JournalError};
use commit::commit;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::Command;
use keepwhole_core::due::next_due;
use keepwhole_core::state::State;
use prepare::{Passed, Taken, pass_time, take};
use std::sync::Mutex;

/// Most commands that one turn takes.
pub const TURN_COMMANDS: usize = 8_000;
/// Once a frame in the making has this many bytes it takes no more commands. A frame may hold 16 MiB.
const TURN_BYTES: usize = 8 * 1024 * 1024;

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
    frame: FrameBatch,
    spent: Prepared,
}

impl<D: Disk> Sequencer<D> {
    /// Folds the whole journal.
    ///
    /// # Errors
    /// A journal that can't be read, or a record that this program does not know.
    pub fn open(journal: Journal<D>) -> Result<Self, SequencerError> {
        let state = fold(&journal, Until::End, &mut |_| {})?;
        Ok(Self::of(journal, state))
    }

    fn of(journal: Journal<D>, state: State) -> Self {
        Self {
            journal,
            state,
            stopped: false,
            frame: FrameBatch::new(),
            spent: Prepared::default(),
        }
    }

    /// Goes on from a state that was folded while the journal was opened.
    #[must_use]
    pub fn resume(journal: Journal<D>, state: State) -> Self {
        Self::of(journal, state)
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

    /// Where the time of preparing turns went; [`Journal::times`] says the same of the other half.
    #[must_use]
    pub const fn prepared(&self) -> Prepared {
        self.spent
    }

    /// Runs one turn at `now` (ms since the epoch; never earlier than the journal's time): first what is due by then, then
    /// the commands in order. Replies come back in the same order, after they are durable. Of requests that are judged
    /// again a turn takes at most 256; [`Self::next_due`] says whether more are left for the next.
    ///
    /// # Errors
    /// The journal failed. Nothing of the turn may be assumed; nothing was acknowledged.
    pub fn turn(&mut self, now: u64, commands: &[Command]) -> Result<Vec<Reply>, SequencerError> {
        if self.stopped {
            return Err(SequencerError::Stopped);
        }
        let at = now.max(self.state.at);
        let outcome = self.run(at, commands);
        if outcome.is_err() {
            self.stopped = true;
        }
        outcome
    }

    fn run(&mut self, at: u64, commands: &[Command]) -> Result<Vec<Reply>, SequencerError> {
        while pass_time(&mut self.state, at, &mut self.frame, &mut self.spent) == Passed::NoRoom {
            self.flush()?;
        }
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            loop {
                let (state, frame) = (&mut self.state, &mut self.frame);
                match take(state, command, at, frame, &mut self.spent) {
                    Taken::Decided(decided) => {
                        replies.push(decided.fold(state, &mut self.spent));
                        break;
                    }
                    Taken::NoRoom => self.flush()?,
                }
            }
            if self.frame.frame_bytes() >= TURN_BYTES {
                self.flush()?;
            }
        }
        self.flush()?;
        Ok(replies)
    }

    fn flush(&mut self) -> Result<(), SequencerError> {
        if !self.frame.is_empty() {
            commit(&mut self.journal, &mut self.frame, &Mutex::new(()))?;
            self.frame.clear();
        }
        Ok(())
    }
}
