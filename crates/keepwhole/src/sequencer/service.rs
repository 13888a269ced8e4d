//! The sequencer on threads of its own: one decides and folds, one hashes, writes and syncs what the first has folded
//! meanwhile, and one keeps house. Whoever waits is taken together, so that one sync serves all of them.

use super::inbox::{Answering, Asked, Inbox, ServiceError};
use super::keeper::{Bell, Beside, keep};
use super::pipeline::{Shared, held};
use super::prepare::{large_batch, look_up};
use super::reader::Reader;
use super::{Clock, Sequencer, SequencerError, TURN_COMMANDS};
use crate::journal::Disk;
use crate::journal::reserve::Reserve;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest sleep between two looks at the clock.
const TICK: Duration = Duration::from_millis(250);
/// Commands that are taken from the queue at once; halts are looked for before each of them.
const CHUNK: usize = 256;
/// With at most so many callers in a frame the deciding thread writes it itself, if the disk is idle.
const FEW: usize = 1;
/// Commands whose memory is read ahead together.
const AHEAD: usize = 64;

/// How much the service takes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Commands that may wait.
    pub commands: usize,
    /// Bytes of commands that may wait.
    pub bytes: usize,
    /// Bytes of disk kept for halts; 0 for none.
    pub reserve_bytes: u64,
    /// Bytes that must be free beside the reserve before a full disk counts as having space again.
    pub headroom_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commands: 4 * TURN_COMMANDS,
            bytes: 64 * 1024 * 1024,
            reserve_bytes: 0,
            headroom_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// With 64 MiB of disk kept for halts.
    #[must_use]
    pub fn with_reserve() -> Self {
        Self {
            reserve_bytes: 64 * 1024 * 1024,
            ..Self::default()
        }
    }
}

/// A running sequencer.
pub struct Service<D: Disk + 'static> {
    shared: Arc<Shared<D>>,
    bell: Arc<Bell>,
    /// The one that decides, the one that writes, the one that keeps house.
    threads: Vec<JoinHandle<()>>,
}

impl<D: Disk> std::fmt::Debug for Service<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// A way to ask the sequencer.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<dyn Put>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What a handle needs of the service, whatever its disk.
trait Put: Send + Sync {
    fn put(&self, asked: Asked);
}

impl<D: Disk> Put for Shared<D> {
    fn put(&self, mut asked: Asked) {
        if let Some(batch) = large_batch(&mut asked.command) {
            if let Some(why) = self.inbox.no_place_for(asked.bytes) {
                asked.refuse(why);
                return;
            }
            look_up(&self.state, batch, &self.inbox.idle);
        }
        self.inbox.put(asked);
    }
}

impl Handle {
    /// Sends a command and waits until its reply is durable.
    ///
    /// # Errors
    /// The queue or the disk is full, or the sequencer stopped.
    pub fn submit(&self, command: Command) -> Result<Reply, ServiceError> {
        let (answer, wait) = sync_channel(1);
        self.submit_async(
            command,
            Box::new(move |told| {
                // A caller that went away still has its command recorded; the same id gets the same answer.
                let _gone = answer.send(told);
            }),
        );
        wait.recv().unwrap_or(Err(ServiceError::Stopped))
    }

    /// Sends a command and returns at once; `answer` gets the reply once it is durable, or why there is none: at once, and
    /// on this thread, where the queue or the disk is full or the sequencer stopped.
    pub fn submit_async(&self, command: Command, answer: Answering) {
        self.inbox.put(Asked::new(command, Some(answer)));
    }
}

/// Ends the service when the thread that holds it ends, however it does.
struct EndMark<D: Disk>(Arc<Shared<D>>);

impl<D: Disk> Drop for EndMark<D> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(SequencerError::Stopped);
        }
    }
}

impl<D: Disk + 'static> Service<D> {
    /// Starts the threads, with [`Limits::default`]. `beside` is called on a thread of its own at least every quarter of
    /// a second, to publish what is durable.
    #[must_use]
    pub fn start(sequencer: Sequencer<D>, clock: Box<dyn Clock>, beside: Beside<D>) -> Self {
        Self::start_with(sequencer, clock, beside, &Limits::default())
    }

    /// Starts the threads with these limits.
    #[must_use]
    pub fn start_with(
        sequencer: Sequencer<D>,
        clock: Box<dyn Clock>,
        beside: Beside<D>,
        limits: &Limits,
    ) -> Self {
        let inbox = Inbox::new(limits.commands, limits.bytes);
        let reserve = Reserve::of(limits.reserve_bytes);
        let stopped = sequencer.stopped;
        let shared = Shared::new(sequencer.journal, sequencer.state, inbox, reserve);
        let (shared, bell) = (Arc::new(shared), Arc::new(Bell::default()));
        if stopped {
            shared.stop(SequencerError::Stopped);
        }
        let mark = || EndMark(Arc::clone(&shared));
        let (deciding, writing, keeping) = (mark(), mark(), mark());
        let (ending, headroom) = (Arc::clone(&bell), limits.headroom_bytes);
        let threads = vec![
            std::thread::spawn(move || run(&deciding.0, clock)),
            std::thread::spawn(move || writing.0.write_all()),
            std::thread::spawn(move || keep(&keeping.0, &ending, beside, headroom)),
        ];
        Self {
            shared,
            bell,
            threads,
        }
    }

    /// A way to ask.
    #[must_use]
    pub fn handle(&self) -> Handle {
        let shared: Arc<Shared<D>> = Arc::clone(&self.shared);
        Handle { inbox: shared }
    }

    /// A way to read what is durable.
    #[must_use]
    pub fn reader(&self) -> Reader<D> {
        Reader::new(Arc::clone(&self.shared))
    }

    /// True once the sequencer has stopped by itself.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        held(&self.shared.durable).stopped
    }

    /// Lets waiting callers finish and ends the threads; says what stopped it, if something did.
    #[must_use]
    pub fn stop(mut self) -> Option<SequencerError> {
        self.end();
        held(&self.shared.error).take()
    }

    fn end(&mut self) {
        self.shared.inbox.close();
        self.bell.ring();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.stop(SequencerError::Stopped);
            }
        }
    }
}

impl<D: Disk + 'static> Drop for Service<D> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The deciding thread, until nobody can ask any more.
fn run<D: Disk>(shared: &Shared<D>, mut clock: Box<dyn Clock>) {
    let mut taken = VecDeque::new();
    // Requests are left to be judged again: nobody is waited for, but whoever asks comes in between.
    let mut left = false;
    loop {
        let longest = if left { Duration::ZERO } else { TICK };
        if !shared.inbox.wait(longest, CHUNK, &mut taken) {
            break;
        }
        let now = clock.now();
        left = shared.pass_time(now);
        if let Some(shift) = clock.wall_shift() {
            let body = Body::RecordClockJump { by_ms: shift.by_ms };
            let command = Command {
                id: None,
                actor: None,
                body,
            };
            shared.note(command, now);
        }
        for turn in 0usize.. {
            if turn.is_multiple_of(AHEAD) {
                shared.read_ahead(taken.iter().take(AHEAD));
            }
            let next = shared.inbox.halt().or_else(|| taken.pop_front());
            let Some(asked) = next else { break };
            match shared.inbox.refusal(&asked) {
                Some(full) => asked.refuse(full),
                None => shared.decide(asked, clock.now()),
            }
        }
        if left {
            // The other thread writes it: this one goes on judging.
            shared.kick();
        } else {
            let few = if shared.inbox.is_empty() { FEW } else { 0 };
            shared.hand_over(few);
        }
    }
    shared.close();
}
