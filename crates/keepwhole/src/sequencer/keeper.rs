//! What is done beside the turns, on a thread of its own: the fence, the reserve, publishing what is durable.

use super::pipeline::{Shared, held};
use super::reader::Reader;
use crate::journal::reserve::Kept;
use crate::journal::{Disk, JournalError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest sleep between two rounds.
const TICK: Duration = Duration::from_millis(250);
/// How often the fence is looked at by its name and space is looked for on a full disk.
const LOOK: Duration = Duration::from_secs(1);

/// What runs beside the turns: it may read and publish what is durable, and keeps nobody waiting.
pub type Beside<D> = Box<dyn FnMut(&Reader<D>) + Send>;

/// Says when the thread shall end.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    news: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *held(&self.rung) = true;
        self.news.notify_all();
    }

    fn wait(&self, longest: Duration) -> bool {
        let rung = held(&self.rung);
        if *rung {
            return true;
        }
        let waited = self.news.wait_timeout(rung, longest);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Runs until the bell rings.
pub(super) fn keep<D: Disk>(
    shared: &Arc<Shared<D>>,
    bell: &Bell,
    mut beside: Beside<D>,
    headroom: u64,
) {
    let reader = Reader::new(Arc::clone(shared));
    let mut disk = held(&shared.disk).beside();
    let mut looked: Option<Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            let first = looked.is_none();
            looked = Some(Instant::now());
            if let Err(error) = look(shared, &mut disk, first, headroom) {
                shared.stop(error.into());
            }
        }
        beside(&reader);
        if bell.wait(TICK) {
            return;
        }
    }
}

/// Looks at the fence through its name: where files come over a network, the open lock file may be an old copy.
fn look<D: Disk>(
    shared: &Shared<D>,
    disk: &mut D,
    first: bool,
    headroom: u64,
) -> Result<(), JournalError> {
    held(&shared.durable).extent.check_fence(disk)?;
    let full = shared.inbox.full().is_some();
    if !first && !full {
        return Ok(());
    }
    let stuck = held(&shared.durable).stuck.is_some();
    let kept = {
        let _changing = held(&shared.reserve_lock);
        shared.reserve.fill(disk, if full { headroom } else { 0 })?
    };
    match kept {
        Kept::Whole if full && !stuck => shared.space_returned(),
        Kept::Short(bytes) if !full => shared.short_reserve(bytes),
        _ => {}
    }
    Ok(())
}
