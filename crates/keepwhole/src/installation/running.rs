//! A running installation: the sequencer on its thread, and its checkpoint published at most once a second.

use super::{Installation, InstallationError};
use crate::journal::{JournalError, Publisher, RealDisk};
use crate::sequencer::{Clock, Handle, Sequencer, Service};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Least time between two published checkpoints.
const PACE: Duration = Duration::from_secs(1);

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
    fn keep_up(&mut self, shared: &RwLock<Sequencer<RealDisk>>) {
        // A reader that panicked can't have changed anything.
        let head = shared.read().unwrap_or_else(PoisonError::into_inner).head();
        if self.fault.is_some() || head.size == self.publisher.published().size() {
            return;
        }
        let mut sequencer = shared.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(fault) = self.publisher.publish(sequencer.journal_mut()) {
            self.fault = Some(fault);
        }
        self.last = Instant::now();
    }
}

/// Says that the sequencer's thread is over, however it ended.
struct EndMark(Arc<AtomicBool>);

impl Drop for EndMark {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn hold(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Installation {
    /// Starts the sequencer's thread with this clock.
    #[must_use]
    pub fn run(self, clock: Box<dyn Clock>) -> Running {
        let keeper = Keeper {
            publisher: self.publisher,
            last: Instant::now(),
            fault: None,
        };
        let keeper = Arc::new(Mutex::new(keeper));
        let ended = Arc::new(AtomicBool::new(false));
        let (mark, kept) = (EndMark(Arc::clone(&ended)), Arc::clone(&keeper));
        let after = move |shared: &RwLock<Sequencer<RealDisk>>| {
            let mut keeper = hold(&kept);
            if keeper.last.elapsed() >= PACE {
                keeper.keep_up(shared);
            }
            if keeper.fault.is_some() {
                mark.0.store(true, Ordering::SeqCst);
            }
        };
        let service = Service::start(self.sequencer, clock, Box::new(after));
        Running {
            service,
            keeper,
            ended,
        }
    }
}

impl Running {
    /// A way to ask. All of them must be dropped before [`stop`](Self::stop).
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.service.handle()
    }

    /// What is durable, to read.
    #[must_use]
    pub fn shared(&self) -> Arc<RwLock<Sequencer<RealDisk>>> {
        self.service.shared()
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
        let shared = service.shared();
        if let Some(error) = service.stop() {
            return Err(error.into());
        }
        let mut keeper = hold(&keeper);
        if early && keeper.fault.is_none() {
            return Err(InstallationError::Ended);
        }
        keeper.keep_up(&shared);
        match keeper.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}
