//! What the service's threads share: the state that has folded ahead, the frame in the making, and what is durable.
//!
//! Locks are taken in this order: state, making, durable. Whoever waits for the disk holds at most the state to read;
//! the thread that writes never needs the state, so it always comes to an end.

use super::commit::commit;
use super::inbox::{Answering, Asked, Inbox, ServiceError};
use super::prepare::{Decided, Passed, Prepared, pass_time};
use super::{SequencerError, TURN_BYTES, TURN_COMMANDS};
use crate::journal::{
    Disk, Extent, FrameBatch, Journal, JournalError, Options, Times, reserve::Reserve,
};
use keepwhole_core::answer::Reply;
use keepwhole_core::command::Command;
use keepwhole_core::decide::read_ahead;
use keepwhole_core::due::next_due;
use keepwhole_core::state::State;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// A frame in the making of this size is offered to the disk although more commands wait.
const OFFER_BYTES: usize = 128 * 1024;
/// How often a frame that found no space at all is tried again.
const RETRY: Duration = Duration::from_millis(250);

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is kept here can be half changed by a thread that panics, but for the state, whose thread ends then.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A caller and what it will be told.
type Waiting = (Option<Answering>, Reply);

/// The frame in the making: decided and folded, not yet on its way to the disk.
#[derive(Default)]
pub(super) struct Making {
    frame: FrameBatch,
    waiting: Vec<Waiting>,
    spent: Prepared,
    queued: Duration,
    /// The writing thread shall take it.
    wanted: bool,
    /// Nothing more comes.
    closed: bool,
}

impl Making {
    fn is_empty(&self) -> bool {
        self.frame.is_empty() && self.waiting.is_empty()
    }

    fn is_full(&self) -> bool {
        self.frame.frame_bytes() >= TURN_BYTES || self.waiting.len() >= TURN_COMMANDS
    }
}

/// What is durable, and what became of the writing.
pub(super) struct Durable {
    pub(super) extent: Extent,
    pub(super) times: Times,
    pub(super) prepared: Prepared,
    pub(super) queued: Duration,
    /// Why nothing more will become durable.
    pub(super) stopped: bool,
    /// A frame waits for space although the reserve is used up.
    pub(super) stuck: Option<ServiceError>,
    /// Since when a frame is being written.
    pub(super) writing_since: Option<Instant>,
    readers_waiting: u32,
}

/// The half of the pipeline that owns the journal.
pub(super) struct Writer<D> {
    journal: Journal<D>,
    frame: FrameBatch,
    waiting: Vec<Waiting>,
}

/// All of it.
pub(super) struct Shared<D> {
    pub(super) inbox: Inbox,
    pub(super) state: RwLock<State>,
    making: Mutex<Making>,
    /// For the writing thread: there is something to take.
    offered: Condvar,
    /// For the sequencer's thread: it was taken.
    room: Condvar,
    writer: Mutex<Writer<D>>,
    pub(super) durable: Mutex<Durable>,
    pub(super) progress: Condvar,
    /// What stopped the service, for whoever stops it.
    pub(super) error: Mutex<Option<SequencerError>>,
    pub(super) disk: Mutex<D>,
    pub(super) options: Options,
    pub(super) reserve: Reserve,
    /// Held while the reserve's size is changed.
    pub(super) reserve_lock: Mutex<()>,
}

impl<D: Disk> Shared<D> {
    pub(super) fn new(journal: Journal<D>, state: State, inbox: Inbox, reserve: Reserve) -> Self {
        let durable = Durable {
            extent: journal.extent(),
            times: journal.times(),
            prepared: Prepared::default(),
            queued: Duration::ZERO,
            stopped: false,
            stuck: None,
            writing_since: None,
            readers_waiting: 0,
        };
        Self {
            inbox,
            state: RwLock::new(state),
            making: Mutex::default(),
            offered: Condvar::new(),
            room: Condvar::new(),
            durable: Mutex::new(durable),
            progress: Condvar::new(),
            error: Mutex::new(None),
            disk: Mutex::new(journal.disk().beside()),
            options: journal.options().clone(),
            writer: Mutex::new(Writer {
                journal,
                frame: FrameBatch::new(),
                waiting: Vec::new(),
            }),
            reserve,
            reserve_lock: Mutex::new(()),
        }
    }

    /// Reads what these commands will look up, before the first of them is decided.
    pub(super) fn read_ahead<'c>(&self, asked: impl Iterator<Item = &'c Asked>) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        read_ahead(&state, asked.map(|asked| &asked.command));
    }

    /// Decides one command at `at` and puts its records into the frame in the making. Waits while that is full.
    pub(super) fn decide(&self, asked: Asked, at: u64) {
        self.wait_for_room(|making| !making.is_full());
        let mut spent = Prepared::default();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let at = at.max(state.at);
        let mut decided = Decided::of(&state, &asked.command, at, &mut spent);
        drop(state);
        loop {
            // Nobody else changes the state: it is still the one that was decided on.
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let mut making = held(&self.making);
            if making.closed {
                drop((state, making));
                asked.refuse(ServiceError::Stopped);
                return;
            }
            if decided.encode(&asked.command, &mut making.frame, &mut spent) {
                making.queued += asked.since.elapsed();
                making.waiting.push((asked.answer, decided.reply.clone()));
                if making.frame.frame_bytes() >= OFFER_BYTES {
                    self.offer(&mut making);
                }
                drop(making);
                // The disk works meanwhile. Nobody reads the state before it is folded: its lock is held.
                let _in_the_list = decided.fold(&mut state, &mut spent);
                held(&self.making).spent.add(spent);
                return;
            }
            drop((state, making));
            self.wait_for_room(Making::is_empty);
        }
    }

    /// Lets happen what is due by `at`; true if requests are left that are judged again after whoever asks.
    pub(super) fn pass_time(&self, at: u64) -> bool {
        let due = next_due(&self.state.read().unwrap_or_else(PoisonError::into_inner));
        if due.is_none_or(|due| due > at) {
            return false;
        }
        loop {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let at = at.max(state.at);
            let mut making = held(&self.making);
            let Making {
                frame,
                spent,
                closed,
                ..
            } = &mut *making;
            if *closed {
                return false;
            }
            match pass_time(&mut state, at, frame, spent) {
                Passed::All => return false,
                Passed::More => return true,
                Passed::NoRoom => {}
            }
            drop((state, making));
            self.wait_for_room(Making::is_empty);
        }
    }

    fn wait_for_room(&self, has_room: impl Fn(&Making) -> bool) {
        let mut making = held(&self.making);
        while !has_room(&making) && !making.closed {
            self.offer(&mut making);
            making = self
                .room
                .wait(making)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn offer(&self, making: &mut Making) {
        if !making.wanted {
            making.wanted = true;
            self.offered.notify_one();
        }
    }

    /// Has what is in the making written: by the writing thread, or here and now where only `few` wait for it and the
    /// disk is idle. Two threads fewer to wake is what a lone caller gains.
    pub(super) fn hand_over(&self, few: usize) {
        let mut making = held(&self.making);
        if making.is_empty() {
            return;
        }
        if making.waiting.len() <= few
            && making.frame.frame_bytes() < OFFER_BYTES
            && !making.wanted
            && let Ok(mut writer) = self.writer.try_lock()
        {
            drop(making);
            self.write(&mut writer);
            return;
        }
        self.offer(&mut making);
    }

    /// Has what is in the making written soon, whoever asks.
    pub(super) fn kick(&self) {
        let mut making = held(&self.making);
        if !making.is_empty() {
            self.offer(&mut making);
        }
    }

    /// Nothing more comes; what is in the making is still written.
    pub(super) fn close(&self) {
        held(&self.making).closed = true;
        self.offered.notify_all();
        self.room.notify_all();
    }

    /// The writing thread: takes whatever waits when the last sync returned, until there is nothing more to come.
    pub(super) fn write_all(&self) {
        loop {
            let mut making = held(&self.making);
            while making.is_empty() || !(making.wanted || making.closed) {
                if making.closed {
                    return;
                }
                making = self
                    .offered
                    .wait(making)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            drop(making);
            self.write(&mut held(&self.writer));
        }
    }

    /// Takes what is in the making, makes it durable and tells the callers.
    fn write(&self, writer: &mut Writer<D>) {
        let (spent, queued) = {
            let mut making = held(&self.making);
            std::mem::swap(&mut making.frame, &mut writer.frame);
            std::mem::swap(&mut making.waiting, &mut writer.waiting);
            making.wanted = false;
            self.room.notify_one();
            (making.spent, making.queued)
        };
        let stopped = {
            let mut durable = held(&self.durable);
            durable.writing_since = Some(Instant::now());
            durable.stopped
        };
        let outcome = if stopped {
            Err(SequencerError::Stopped)
        } else {
            self.make_durable(writer)
        };
        let mut durable = held(&self.durable);
        durable.writing_since = None;
        durable.stuck = None;
        (durable.prepared, durable.queued) = (spent, queued);
        durable.times = writer.journal.times();
        // Whatever stopped the service meanwhile: nobody is answered any more.
        let outcome = match outcome {
            Ok(()) if durable.stopped => Err(SequencerError::Stopped),
            outcome => outcome,
        };
        if let Err(error) = outcome {
            drop(durable);
            self.stop(error);
            let untold = writer.waiting.drain(..).filter_map(|(answer, _)| answer);
            untold.for_each(|answer| answer(Err(ServiceError::Stopped)));
        } else {
            writer.journal.extend(&mut durable.extent);
            let awaited = durable.readers_waiting > 0;
            drop(durable);
            if awaited {
                self.progress.notify_all();
            }
            for (answer, reply) in writer.waiting.drain(..) {
                if let Some(answer) = answer {
                    answer(Ok(reply));
                }
            }
        }
        writer.frame.clear();
    }

    /// Makes the writer's frame durable. Where there is no space at all, callers are told and the frame waits for some:
    /// it is decided and folded, so nothing else could go before it.
    fn make_durable(&self, writer: &mut Writer<D>) -> Result<(), SequencerError> {
        if writer.frame.is_empty() {
            return Ok(());
        }
        loop {
            let outcome = commit(&mut writer.journal, &mut writer.frame, &self.reserve_lock);
            let (frame, done) = match outcome {
                Ok(committed) => match committed.did_not_fit {
                    None => return Ok(()),
                    Some(frame) => (frame, true),
                },
                Err(JournalError::DiskFull { frame, .. }) => (frame, false),
                Err(error) => return Err(error.into()),
            };
            let reserve = Reserve::held(writer.journal.disk()).unwrap_or(0);
            let full = ServiceError::DiskFull { frame, reserve };
            self.inbox.set_full(Some(full.clone()));
            if done {
                return Ok(());
            }
            let untold = writer
                .waiting
                .iter_mut()
                .filter_map(|(answer, _)| answer.take());
            untold.for_each(|answer| answer(Err(full.clone())));
            let mut durable = held(&self.durable);
            durable.stuck = Some(full);
            self.progress.notify_all();
            let stops = durable.stopped;
            drop(durable);
            if stops || self.inbox.is_closing() {
                let path = String::from("segments");
                return Err(JournalError::DiskFull { frame, path }.into());
            }
            std::thread::sleep(RETRY);
        }
    }

    /// Takes the journal's word that there is space again.
    pub(super) fn space_returned(&self) {
        held(&self.writer).journal.space_returned();
        self.inbox.set_full(None);
    }

    /// The reserve could not be made whole at the start: with so little space only halts are taken.
    pub(super) fn short_reserve(&self, bytes: u64) {
        let frame = self.reserve.bytes().saturating_sub(bytes);
        self.inbox.set_full(Some(ServiceError::DiskFull {
            frame,
            reserve: bytes,
        }));
    }

    /// Nothing more is decided, written or answered.
    pub(super) fn stop(&self, error: SequencerError) {
        held(&self.error).get_or_insert(error);
        held(&self.durable).stopped = true;
        self.progress.notify_all();
        self.inbox.stop();
        let mut making = held(&self.making);
        making.closed = true;
        let untold = std::mem::take(&mut making.waiting);
        making.frame.clear();
        drop(making);
        self.offered.notify_all();
        self.room.notify_all();
        let untold = untold.into_iter().filter_map(|(answer, _)| answer);
        untold.for_each(|answer| answer(Err(ServiceError::Stopped)));
    }

    /// Waits until everything before `position` is durable.
    pub(super) fn wait_durable(
        &self,
        position: u64,
    ) -> Result<MutexGuard<'_, Durable>, ServiceError> {
        let mut durable = held(&self.durable);
        if durable.extent.head.size < position {
            drop(durable);
            self.kick();
            durable = held(&self.durable);
        }
        while durable.extent.head.size < position {
            if durable.stopped {
                return Err(ServiceError::Stopped);
            }
            if let Some(stuck) = &durable.stuck {
                return Err(stuck.clone());
            }
            durable.readers_waiting += 1;
            durable = self
                .progress
                .wait(durable)
                .unwrap_or_else(PoisonError::into_inner);
            durable.readers_waiting = durable.readers_waiting.saturating_sub(1);
        }
        Ok(durable)
    }

    /// A command of nobody's, such as a clock jump.
    pub(super) fn note(&self, command: Command, at: u64) {
        self.decide(Asked::new(command, None), at);
    }
}
