//! Reading beside the service: nothing leaves before it is durable, though the fold runs ahead of the disk.

use super::inbox::ServiceError;
use super::pipeline::{Shared, held};
use super::prepare::Prepared;
use crate::journal::append::SLOW_SYNC;
use crate::journal::{Disk, Head, Journal, JournalError, Times};
use keepwhole_core::state::State;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A way to look at what is durable. Clones are cheap.
pub struct Reader<D> {
    shared: Arc<Shared<D>>,
}

impl<D> Clone for Reader<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<D> std::fmt::Debug for Reader<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// How the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Working,
    /// A frame has been on its way to the disk for so long already.
    Slow(Duration),
    /// The disk is full; only halts are taken.
    DiskFull(ServiceError),
    /// Entries are taken, but the log's key signs nothing, so that nothing is published. Said by whoever publishes.
    Unsigned(String),
    /// It has stopped.
    Stopped,
}

/// Where the time of the service went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting of all commands in the queue, up to their decision, summed.
    pub queue: Duration,
    /// Deciding, encoding and folding.
    pub prepared: Prepared,
    /// Hashing, writing and syncing.
    pub journal: Times,
}

impl<D: Disk> Reader<D> {
    pub(super) const fn new(shared: Arc<Shared<D>>) -> Self {
        Self { shared }
    }

    /// What `look` says of the state; it comes back once all that the state rests on is durable.
    ///
    /// # Errors
    /// The journal stopped before it was, or there is no space for it.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, ServiceError> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (position, seen) = (state.position, look(&state));
        drop(state);
        self.shared.wait_durable(position).map(|_| seen)
    }

    /// What `look` says of one moment: the state and the journal that leads to exactly this state, both durable. The
    /// sequencer decides nothing meanwhile; use [`read`](Self::read) or [`journal`](Self::journal) where either is
    /// enough.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn moment<T>(
        &self,
        look: impl FnOnce(&State, &Journal<D>) -> T,
    ) -> Result<T, ServiceError> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let extent = self.shared.wait_durable(state.position)?.extent.clone();
        let disk = held(&self.shared.disk).beside();
        let journal = Journal::view(disk, extent, self.shared.options.clone());
        Ok(look(&state, &journal))
    }

    /// The journal as far as it is durable now, through a handle of its own: reading it keeps nobody waiting.
    #[must_use]
    pub fn journal(&self) -> Journal<D> {
        let extent = held(&self.shared.durable).extent.clone();
        let disk = held(&self.shared.disk).beside();
        Journal::view(disk, extent, self.shared.options.clone())
    }

    /// Size and root of what is durable.
    #[must_use]
    pub fn durable(&self) -> Head {
        held(&self.shared.durable).extent.head
    }

    /// Stops the service for good, as after a failed write: what lies on the disk is no longer what was written.
    pub fn halt(&self, found: JournalError) {
        self.shared.stop(found.into());
    }

    /// How the service is now.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let full = self.shared.inbox.full();
        let durable = held(&self.shared.durable);
        let writing = durable.writing_since.map(|since| since.elapsed());
        match (full, writing) {
            _ if durable.stopped => Condition::Stopped,
            (Some(full), _) => Condition::DiskFull(full),
            (None, Some(took)) if took > SLOW_SYNC => Condition::Slow(took),
            _ => Condition::Working,
        }
    }

    /// Where the time went since the start.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let durable = held(&self.shared.durable);
        Spent {
            queue: durable.queued,
            prepared: durable.prepared,
            journal: durable.times,
        }
    }
}
