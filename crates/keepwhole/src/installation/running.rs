//! A running installation: the sequencer on its threads, and its checkpoint published at most once a second.

use super::{Installation, InstallationError};
use crate::journal::{JournalError, Publisher, RealDisk};
use crate::sequencer::{Clock, Condition, Handle, Limits, Reader, Service};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two published checkpoints.
const PACE: Duration = Duration::from_secs(1);

/// Hears how the service is, at every change of it.
pub type Tell = Box<dyn FnMut(&Condition) + Send>;

/// A running installation; [`stop`](Self::stop) it to have its last head published.
#[derive(Debug)]
pub struct Running {
    service: Service<RealDisk>,
    keeper: Arc<Mutex<Keeper>>,
    ended: Arc<AtomicBool>,
}

/// Publishes when there is something new and the last time is long enough ago.
#[derive(Debug)]
struct Keeper {
    publisher: Publisher,
    last: Instant,
    fault: Option<JournalError>,
}

impl Keeper {
    /// Publishes what is durable, through handles of its own: nobody waits for it. A full disk is no fault, as nothing
    /// is said to the outside then; publishing goes on when there is space.
    fn keep_up(&mut self, reader: &Reader<RealDisk>) {
        if self.fault.is_some() || reader.durable().size == self.publisher.published().size() {
            return;
        }
        match self.publisher.publish(&mut reader.journal()) {
            Ok(_) => {}
            Err(fault) if fault.code() == "disk_full" => {}
            Err(fault) => self.fault = Some(fault),
        }
        self.last = Instant::now();
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
        let keeper = Keeper {
            publisher: self.publisher,
            last: Instant::now(),
            fault: None,
        };
        let keeper = Arc::new(Mutex::new(keeper));
        let ended = Arc::new(AtomicBool::new(false));
        let (mark, kept) = (Arc::clone(&ended), Arc::clone(&keeper));
        let beside = move |reader: &Reader<RealDisk>| {
            let mut keeper = hold(&kept);
            if keeper.last.elapsed() >= PACE {
                keeper.keep_up(reader);
            }
            drop(keeper);
            let condition = reader.condition();
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
        Running {
            service,
            keeper,
            ended,
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
        } = self;
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
        match keeper.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}
