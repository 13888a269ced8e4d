//! The sequencer on a thread of its own: waiting callers are taken together, so that one sync serves all of them.

use super::{Clock, Sequencer, SequencerError, TURN_COMMANDS};
use crate::journal::Disk;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Callers that may wait; one more is told to come back.
const QUEUE: usize = 4 * TURN_COMMANDS;
/// Longest sleep between two looks at the clock.
const TICK: Duration = Duration::from_millis(250);

/// Why a caller got no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Too many callers wait.
    #[error("busy: `{waiting}` callers wait already; try again in {retry_ms} ms")]
    Busy {
        /// Callers that wait.
        waiting: usize,
        /// When to try again, ms.
        retry_ms: u64,
    },
    /// The sequencer stopped; the command may or may not have been recorded. The same id is safe to send again.
    #[error(
        "stopped: the journal failed, nothing was acknowledged; start again and send the same id"
    )]
    Stopped,
}

type Asked = (Command, SyncSender<Reply>);

/// What runs after each turn: it may look at the sequencer and publish what is durable.
type AfterTurn<D> = Box<dyn FnMut(&RwLock<Sequencer<D>>) + Send>;

/// A running sequencer.
#[derive(Debug)]
pub struct Service<D: Disk + 'static> {
    sequencer: Arc<RwLock<Sequencer<D>>>,
    inbox: SyncSender<Asked>,
    thread: Option<JoinHandle<Option<SequencerError>>>,
}

/// A way to ask the sequencer.
#[derive(Debug, Clone)]
pub struct Handle {
    inbox: SyncSender<Asked>,
}

impl Handle {
    /// Sends a command and waits until its reply is durable.
    ///
    /// # Errors
    /// The queue is full, or the sequencer stopped.
    pub fn submit(&self, command: Command) -> Result<Reply, ServiceError> {
        let (answer, wait) = sync_channel(1);
        self.inbox
            .try_send((command, answer))
            .map_err(|error| match error {
                TrySendError::Full(_) => ServiceError::Busy {
                    waiting: QUEUE,
                    retry_ms: 1_000,
                },
                TrySendError::Disconnected(_) => ServiceError::Stopped,
            })?;
        wait.recv().map_err(|_| ServiceError::Stopped)
    }
}

impl<D: Disk + Sync + 'static> Service<D> {
    /// Starts the thread. `after` is called after each turn and at least every quarter of a second, outside the lock
    /// on commands, to publish what is durable.
    #[must_use]
    pub fn start(
        sequencer: Sequencer<D>,
        mut clock: Box<dyn Clock>,
        mut after: AfterTurn<D>,
    ) -> Self {
        let sequencer = Arc::new(RwLock::new(sequencer));
        let (inbox, waiting) = sync_channel::<Asked>(QUEUE);
        let shared = Arc::clone(&sequencer);
        let thread = std::thread::spawn(move || {
            loop {
                let (commands, answers) = match next(&waiting) {
                    Some(taken) => taken,
                    None => return None,
                };
                if let Err(error) = run_turn(&shared, clock.as_mut(), commands, answers) {
                    return Some(error);
                }
                after(&shared);
            }
        });
        Self {
            sequencer,
            inbox,
            thread: Some(thread),
        }
    }

    /// A way to ask.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            inbox: self.inbox.clone(),
        }
    }

    /// What is durable, to read. Readers wait while a turn is being made durable.
    #[must_use]
    pub fn shared(&self) -> Arc<RwLock<Sequencer<D>>> {
        Arc::clone(&self.sequencer)
    }

    /// True once the sequencer has stopped by itself.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Lets waiting callers finish and ends the thread; says what stopped it, if something did.
    #[must_use]
    pub fn stop(mut self) -> Option<SequencerError> {
        let thread = self.thread.take();
        drop(self);
        thread.and_then(|thread| thread.join().ok().flatten())
    }
}

/// Takes all who wait; `None` when nobody can ask any more.
fn next(waiting: &Receiver<Asked>) -> Option<(Vec<Command>, Vec<SyncSender<Reply>>)> {
    let (mut commands, mut answers) = (Vec::new(), Vec::new());
    match waiting.recv_timeout(TICK) {
        Ok((command, answer)) => {
            commands.push(command);
            answers.push(answer);
        }
        Err(RecvTimeoutError::Timeout) => return Some((commands, answers)),
        Err(RecvTimeoutError::Disconnected) => return None,
    }
    while commands.len() < TURN_COMMANDS {
        let Ok((command, answer)) = waiting.try_recv() else {
            break;
        };
        commands.push(command);
        answers.push(answer);
    }
    Some((commands, answers))
}

fn run_turn<D: Disk>(
    shared: &RwLock<Sequencer<D>>,
    clock: &mut dyn Clock,
    mut commands: Vec<Command>,
    answers: Vec<SyncSender<Reply>>,
) -> Result<(), SequencerError> {
    if let Some(shift) = clock.wall_shift() {
        commands.push(Command {
            id: None,
            actor: None,
            body: Body::RecordClockJump { by_ms: shift.by_ms },
        });
    }
    // A reader that panicked can't have changed anything: only this thread writes.
    let mut sequencer = shared
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let now = clock.now();
    if commands.is_empty() && sequencer.next_due().is_none_or(|due| due > now) {
        return Ok(());
    }
    let replies = sequencer.turn(now, &commands)?;
    drop(sequencer);
    for (reply, answer) in replies.into_iter().zip(answers) {
        // A caller that went away still has its command recorded; the same id gets the same answer.
        let _gone = answer.send(reply);
    }
    Ok(())
}
