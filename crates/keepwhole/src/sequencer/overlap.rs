//! Turns whose writing overlaps the deciding of the next ones, for a caller that has all of its commands ready and needs
//! no answer before the next, such as an import. The frames, their bounds and their order are those of
//! [`Sequencer::turn`]; the only difference is who waits for the disk.

use super::commit::commit;
use super::prepare::{Decided, Passed, Prepared, large_batch, look_up, pass_time};
use super::{Sequencer, SequencerError, TURN_BYTES};
use crate::journal::{Disk, FrameBatch, Journal};
use keepwhole_core::answer::Reply;
use keepwhole_core::command::Command;
use keepwhole_core::state::State;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Frames that may wait while one is being written, and turns while one is being decided.
const WAITING: usize = 1;

/// A turn that is to be run.
#[derive(Debug)]
pub struct Turn {
    /// When, ms since the epoch.
    pub now: u64,
    /// What is asked, in order.
    pub commands: Vec<Command>,
    /// Told to whoever hears that the turn is durable.
    pub mark: u64,
}

/// Makes turns, one after the other, of what comes ready from another thread.
pub trait Turns {
    /// Why there are no more, before their end.
    type Error;
    /// What a turn is made of.
    type Ready: Send;

    /// Its commands: what their rows name is looked up while earlier turns are decided.
    fn commands(ready: &mut Self::Ready) -> &mut [Command];

    /// The turn that is made of it; `None` to pass it over. `state` has folded all turns before it, durable or not:
    /// nothing of it may leave.
    ///
    /// # Errors
    /// Ends the run; what was decided before becomes durable.
    fn turn(&mut self, state: &State, ready: Self::Ready) -> Result<Option<Turn>, Self::Error>;

    /// Hears the replies of the turn given last, and what the `state` is behind them. They are not durable yet: nothing of
    /// them may leave.
    ///
    /// # Errors
    /// Ends the run; what was decided, this turn included, becomes durable.
    fn decided(&mut self, state: &State, replies: &[Reply]) -> Result<(), Self::Error>;
}

/// Why a run ended early.
#[derive(Debug)]
pub enum Ended<E> {
    /// The one that gives turns ended it; everything decided is durable.
    Turns(E),
    /// The journal failed: of the turns that were not told durable nothing may be assumed.
    Sequencer(SequencerError),
}

/// Called on the writing thread behind each turn that became durable, with its mark. It may publish.
pub type Durable<'a, D> = dyn FnMut(&mut Journal<D>, u64) -> Result<(), SequencerError> + Send + 'a;

/// A full frame, and the mark of the turn that ends with it, if one does.
type Full = (FrameBatch, Option<u64>);

impl<D: Disk> Sequencer<D> {
    /// Runs the turns that `turns` makes of what comes `ready`, until there is no more; a turn is written while the next
    /// ones are looked up and decided.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn overlap<T: Turns>(
        &mut self,
        ready: impl Iterator<Item = T::Ready> + Send,
        turns: &mut T,
        durable: &mut Durable<'_, D>,
    ) -> Result<(), Ended<T::Error>> {
        if self.stopped {
            return Err(Ended::Sequencer(SequencerError::Stopped));
        }
        // Until all is written the state runs ahead of the journal.
        self.stopped = true;
        let state = RwLock::new(std::mem::take(&mut self.state));
        let idle = AtomicBool::new(true);
        let (looked_up, to_decide) = sync_channel(WAITING);
        let (full, to_write) = sync_channel(WAITING);
        let (give_back, spare) = channel();
        let journal = &mut self.journal;
        let (outcome, written) = std::thread::scope(|scope| {
            let writing = scope.spawn(move || write_all(journal, &to_write, &give_back, durable));
            scope.spawn(|| look_up_all::<T>(&state, &idle, ready, looked_up));
            let mut deciding = Deciding {
                state: &state,
                idle: &idle,
                frame: std::mem::take(&mut self.frame),
                spent: &mut self.spent,
                full,
                spare,
            };
            let outcome = deciding.run(turns, to_decide);
            self.frame = std::mem::take(&mut deciding.frame);
            drop(deciding);
            // A panic of the writing thread leaves what it did unknown.
            (
                outcome,
                writing.join().unwrap_or(Err(SequencerError::Stopped)),
            )
        });
        self.state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        written.map_err(Ended::Sequencer)?;
        self.stopped = false;
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Turns(error)) => Err(Ended::Turns(error)),
            Err(Stop::Writer) => Err(Ended::Sequencer(SequencerError::Stopped)),
        }
    }
}

/// The part that looks up what rows name, until nothing more comes or nobody takes it.
fn look_up_all<T: Turns>(
    state: &RwLock<State>,
    idle: &AtomicBool,
    all: impl Iterator<Item = T::Ready>,
    looked_up: SyncSender<T::Ready>,
) {
    for mut ready in all {
        for batch in T::commands(&mut ready).iter_mut().filter_map(large_batch) {
            look_up(state, batch, idle);
        }
        if looked_up.send(ready).is_err() {
            return;
        }
    }
}

/// Why deciding stopped.
enum Stop<E> {
    Turns(E),
    /// The writing thread takes no more.
    Writer,
}

/// The part that decides, encodes and folds. Nobody else changes the state.
struct Deciding<'a> {
    state: &'a RwLock<State>,
    /// It waits for something to decide.
    idle: &'a AtomicBool,
    frame: FrameBatch,
    spent: &'a mut Prepared,
    full: SyncSender<Full>,
    spare: Receiver<FrameBatch>,
}

impl<'a> Deciding<'a> {
    fn read(&self) -> RwLockReadGuard<'a, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'a, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T: Turns>(
        &mut self,
        turns: &mut T,
        to_decide: Receiver<T::Ready>,
    ) -> Result<(), Stop<T::Error>> {
        loop {
            self.idle.store(true, Ordering::SeqCst);
            let Ok(ready) = to_decide.recv() else {
                return Ok(());
            };
            self.idle.store(false, Ordering::SeqCst);
            let turn = turns.turn(&self.read(), ready).map_err(Stop::Turns)?;
            let Some(turn) = turn else { continue };
            let at = turn.now.max(self.read().at);
            loop {
                let mut state = self.write();
                let passed = pass_time(&mut state, at, &mut self.frame, self.spent);
                if passed != Passed::NoRoom {
                    break;
                }
                drop(state);
                self.hand_over(None)?;
            }
            let mut replies = Vec::with_capacity(turn.commands.len());
            for command in &turn.commands {
                replies.push(self.decide(command, at)?);
            }
            self.hand_over(Some(turn.mark))?;
            let heard = turns.decided(&self.read(), &replies);
            heard.map_err(Stop::Turns)?;
        }
    }

    fn decide<E>(&mut self, command: &Command, at: u64) -> Result<Reply, Stop<E>> {
        let mut spent = Prepared::default();
        let mut decided = Decided::of(&self.read(), command, at, &mut spent);
        while !decided.encode(command, &mut self.frame, &mut spent) {
            self.hand_over(None)?;
        }
        let reply = decided.fold(&mut self.write(), &mut spent);
        self.spent.add(spent);
        if self.frame.frame_bytes() >= TURN_BYTES {
            self.hand_over(None)?;
        }
        Ok(reply)
    }

    /// Gives the frame to the writing thread and takes one that it is done with.
    fn hand_over<E>(&mut self, mark: Option<u64>) -> Result<(), Stop<E>> {
        if self.frame.is_empty() && mark.is_none() {
            return Ok(());
        }
        let next = self.spare.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.frame, next);
        self.full.send((full, mark)).map_err(|_| Stop::Writer)
    }
}

/// The part that hashes, writes and syncs, until nothing more comes.
fn write_all<D: Disk>(
    journal: &mut Journal<D>,
    to_write: &Receiver<Full>,
    give_back: &Sender<FrameBatch>,
    durable: &mut Durable<'_, D>,
) -> Result<(), SequencerError> {
    for (mut frame, mark) in to_write {
        if !frame.is_empty() {
            commit(journal, &mut frame, &Mutex::new(()))?;
            frame.clear();
        }
        // At the end nobody needs it any more.
        let _ended = give_back.send(frame);
        if let Some(mark) = mark {
            durable(journal, mark)?;
        }
    }
    Ok(())
}
