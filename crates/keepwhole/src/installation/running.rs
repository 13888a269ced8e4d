//! A running installation: the sequencer on its threads, its checkpoint published at most once a second, snapshots taken
//! as the journal grows, and a scrub that compares what lies on the disk with what was written.

use super::snapshotter::Snapshotter;
use super::{Installation, InstallationError};
use crate::journal::scrub::Scrub;
use crate::journal::snapshot::Place;
use crate::journal::{Alarm, JournalError, Known, Publisher, RealDisk};
use crate::sequencer::{Clock, Condition, Handle, Limits, Reader, Service};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Least time between two published checkpoints.
const PACE: Duration = Duration::from_secs(1);

/// Hears how the service is, at every change of it.
pub type Tell = Box<dyn FnMut(&Condition) + Send>;
/// How often the scrub reads a share.
const SHARE: Duration = Duration::from_millis(100);

/// How much is scrubbed how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubPace {
    /// Time between two looks at all files from outside and at the segment being written.
    pub look_every: Duration,
    /// Bytes of journal read, hashed and compared a second, over and over.
    pub bytes_per_second: u64,
}

impl Default for ScrubPace {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(20),
            bytes_per_second: 32 * 1024 * 1024,
        }
    }
}

/// A running installation; [`stop`](Self::stop) it to have its last head published.
#[derive(Debug)]
pub struct Running {
    service: Service<RealDisk>,
    keeper: Arc<Mutex<Keeper>>,
    ended: Arc<AtomicBool>,
    scrubber: Scrubber,
}

/// The thread that scrubs; it ends when its sender is dropped.
#[derive(Debug)]
struct Scrubber {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// Publishes when there is something new and the last time is long enough ago.
#[derive(Debug)]
struct Keeper {
    publisher: Publisher,
    last: Instant,
    fault: Option<JournalError>,
    /// The log's key signed nothing the last time.
    unsigned: Option<JournalError>,
    snapshotter: Snapshotter,
}

impl Keeper {
    /// Publishes what is durable, through handles of its own: nobody waits for it. A full disk is no fault, as nothing
    /// is said to the outside then; publishing goes on when there is space. Nor is a key in a token that does not sign:
    /// that is an alarm, nothing is published, and it is tried again.
    fn keep_up(&mut self, reader: &Reader<RealDisk>) {
        if self.fault.is_some() || reader.durable().size == self.publisher.published().size() {
            return;
        }
        match self.publisher.publish(&mut reader.journal()) {
            Ok(_) => self.unsigned = None,
            Err(fault) if fault.is_unsigned() => self.unsigned = Some(fault),
            Err(fault) if fault.code() == "disk_full" => {}
            Err(fault) => self.fault = Some(fault),
        }
        self.last = Instant::now();
    }

    /// How the service is, as far as publishing goes.
    fn condition(&self, service: Condition) -> Condition {
        match (&self.unsigned, service) {
            (Some(fault), Condition::Working) => {
                let alarm = Alarm::of(fault).map(|alarm| format!("; {alarm}"));
                Condition::Unsigned(format!(
                    "{fault}; entries are taken and nothing is published until it signs{}",
                    alarm.unwrap_or_default()
                ))
            }
            (_, service) => service,
        }
    }
}

fn hold(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Installation {
    /// Starts the sequencer's threads with this clock. `tell` hears of every change of how the service is.
    #[must_use]
    pub fn run(self, clock: Box<dyn Clock>, mut tell: Tell) -> Running {
        let mut told = Condition::Working;
        let snapshotter = Snapshotter::new(
            self.dir.clone(),
            self.care.snapshots,
            self.signer,
            self.snapshot_bytes,
        );
        let keeper = Keeper {
            publisher: self.publisher,
            last: Instant::now(),
            fault: None,
            unsigned: None,
            snapshotter,
        };
        let keeper = Arc::new(Mutex::new(keeper));
        let ended = Arc::new(AtomicBool::new(false));
        let (mark, kept) = (Arc::clone(&ended), Arc::clone(&keeper));
        let beside = move |reader: &Reader<RealDisk>| {
            let mut keeper = hold(&kept);
            if keeper.last.elapsed() >= PACE {
                keeper.keep_up(reader);
                keeper.snapshotter.keep_up(reader);
            }
            let condition = keeper.condition(reader.condition());
            drop(keeper);
            if std::mem::discriminant(&condition) != std::mem::discriminant(&told) {
                tell(&condition);
                told = condition;
            }
            if hold(&kept).fault.is_some() || told == Condition::Stopped {
                mark.store(true, Ordering::SeqCst);
            }
        };
        let limits = Limits::with_reserve();
        let service = Service::start_with(self.sequencer, clock, Box::new(beside), &limits);
        let (stop, stopped) = channel();
        let round = Round {
            scrub: Scrub::new(RealDisk::at(&self.dir), Some(self.log_key)),
            reader: service.reader(),
            keeper: Arc::clone(&keeper),
            ended: Arc::clone(&ended),
            pace: self.care.scrub,
        };
        let thread = std::thread::spawn(move || round.run(&stopped));
        Running {
            service,
            keeper,
            ended,
            scrubber: Scrubber { stop, thread },
        }
    }
}

impl Running {
    /// A way to ask.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.service.handle()
    }

    /// A way to read what is durable.
    #[must_use]
    pub fn reader(&self) -> Reader<RealDisk> {
        self.service.reader()
    }

    /// Becomes true when the sequencer or the publishing has stopped by itself.
    #[must_use]
    pub fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    /// Lets waiting callers finish, publishes the last head and ends the thread.
    ///
    /// # Errors
    /// What stopped the sequencer or the publishing before, or now.
    pub fn stop(self) -> Result<(), InstallationError> {
        let Self {
            service,
            keeper,
            ended,
            scrubber,
        } = self;
        drop(scrubber.stop);
        if scrubber.thread.join().is_err() {
            return Err(InstallationError::Ended);
        }
        let early = ended.load(Ordering::SeqCst);
        let reader = service.reader();
        if let Some(error) = service.stop() {
            return Err(error.into());
        }
        let mut keeper = hold(&keeper);
        if early && keeper.fault.is_none() {
            return Err(InstallationError::Ended);
        }
        keeper.keep_up(&reader);
        match keeper.fault.take().or(keeper.unsigned.take()) {
            Some(fault) => Err(fault.into()),
            None => {
                keeper.snapshotter.stop(&reader);
                Ok(())
            }
        }
    }

    /// Why the last snapshot could not be written, where that is so. The journal goes on without it.
    #[must_use]
    pub fn snapshot_fault(&self) -> Option<String> {
        hold(&self.keeper).snapshotter.fault().map(str::to_owned)
    }
}

/// All that the scrubbing thread works on.
struct Round {
    scrub: Scrub<RealDisk>,
    reader: Reader<RealDisk>,
    keeper: Arc<Mutex<Keeper>>,
    ended: Arc<AtomicBool>,
    pace: ScrubPace,
}

impl Round {
    /// Scrubs until the sender is gone or something is found; then nothing more is written.
    fn run(mut self, stopped: &Receiver<()>) {
        let mut looked: Option<Instant> = None;
        loop {
            match stopped.recv_timeout(SHARE) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let due = looked.is_none_or(|at| at.elapsed() >= self.pace.look_every);
            if let Err(found) = self.share(due) {
                self.reader.halt(found);
                self.ended.store(true, Ordering::SeqCst);
                return;
            }
            if due {
                looked = Some(Instant::now());
            }
        }
    }

    /// Where the journal stands now.
    fn place(&self) -> Place {
        Place::of(&self.reader.journal())
    }

    fn share(&mut self, look: bool) -> Result<(), JournalError> {
        if look {
            self.scrub.look(&self.place())?;
            // Nothing is published while the keeper is held.
            let keeper = hold(&self.keeper);
            let published = published(&keeper.publisher);
            self.scrub
                .look_published(keeper.publisher.path(), &published)?;
        }
        let published = published(&hold(&self.keeper).publisher);
        let share = self
            .pace
            .bytes_per_second
            .saturating_mul(SHARE.as_millis().try_into().unwrap_or(u64::MAX))
            / 1_000;
        let budget = if self.scrub.is_urgent() {
            u64::MAX
        } else {
            share
        };
        let place = self.place();
        self.scrub.roll(&place, Some(&published), budget)?;
        Ok(())
    }
}

fn published(publisher: &Publisher) -> Known {
    let checkpoint = publisher.published();
    Known {
        size: checkpoint.size(),
        root: checkpoint.root(),
    }
}
