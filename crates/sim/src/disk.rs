//! The disk of a world: the simulated disk, with faults that are counted down and seen to fire.

use crate::clock::MachineClock;
use crate::swarm::Planted;
use keepwhole::journal::disk::Disk;
use keepwhole::journal::layout;
use keepwhole::journal::sim_disk::{Faults, SimDisk};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the disk is told to do. Counts start at 1 and fire at 1.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// The n-th changing call from now finds the machine stopped.
    pub stop: Option<u64>,
    /// The n-th write fails after half of its bytes.
    pub fail_write: Option<u64>,
    /// The n-th write is whole and reported failed.
    pub keep_write: Option<u64>,
    /// The n-th sync of a file fails.
    pub fail_sync: Option<u64>,
    /// The n-th sync of a file reports success and keeps nothing, ever.
    pub lie_sync: Option<u64>,
    /// Bytes that all files together may take.
    pub capacity: Option<u64>,
    /// Every sync takes this long, ms.
    pub sync_ms: u64,
    /// The lock is given to everybody.
    pub broken_lock: bool,
    /// Syncs of segments are acknowledged and not done.
    pub planted: Option<Planted>,
    /// Orders that fired since they were last asked for.
    pub fired: u64,
    /// Syncs that lied since the world began.
    pub lies: u64,
}

impl Orders {
    /// Whether something is still to fire.
    #[must_use]
    pub const fn armed(&self) -> bool {
        self.stop.is_some()
            || self.fail_write.is_some()
            || self.keep_write.is_some()
            || self.fail_sync.is_some()
            || self.lie_sync.is_some()
    }

    /// Forgets what was to fire; what the machine is stays.
    pub const fn disarm(&mut self) {
        self.stop = None;
        self.fail_write = None;
        self.keep_write = None;
        self.fail_sync = None;
        self.lie_sync = None;
    }
}

/// A handle on the disk, as one process holds it.
#[derive(Debug)]
pub struct WorldDisk {
    inner: SimDisk,
    orders: Arc<Mutex<Orders>>,
    clock: MachineClock,
}

/// Counts down; true when it fires now.
const fn due(count: &mut Option<u64>) -> bool {
    match count {
        Some(left) if *left > 1 => {
            *left -= 1;
            false
        }
        Some(_) => {
            *count = None;
            true
        }
        None => false,
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl WorldDisk {
    /// A handle for a new process.
    #[must_use]
    pub fn new(machine: &SimDisk, orders: &Arc<Mutex<Orders>>, clock: &MachineClock) -> Self {
        Self {
            inner: machine.another(),
            orders: Arc::clone(orders),
            clock: clock.clone(),
        }
    }

    /// A handle on another machine, without faults; for copies that somebody holds.
    #[must_use]
    pub fn quiet(machine: &SimDisk) -> Self {
        Self {
            inner: machine.another(),
            orders: Arc::default(),
            clock: MachineClock::at(0),
        }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before each changing call: the machine stops here if it was told to.
    fn before(&self) {
        let mut orders = self.orders();
        if due(&mut orders.stop) {
            orders.fired += 1;
            let capacity = orders.capacity;
            self.inner.set_faults(Faults {
                stop_before: Some(1),
                capacity,
                ..Faults::default()
            });
        }
    }

    /// Tells the machine of a fault that is to strike the very next call.
    fn strike(&self, faults: Faults) {
        let capacity = self.orders().capacity;
        self.inner.set_faults(Faults { capacity, ..faults });
    }
}

impl Disk for WorldDisk {
    fn beside(&self) -> Self {
        Self {
            inner: self.inner.beside(),
            orders: Arc::clone(&self.orders),
            clock: self.clock.clone(),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.inner.len(path)
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(path, offset, buffer)
    }

    fn create(&mut self, path: &str) -> io::Result<()> {
        self.before();
        self.inner.create(path)
    }

    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.before();
        let (fails, kept) = {
            let mut orders = self.orders();
            let fails = due(&mut orders.fail_write);
            let kept = due(&mut orders.keep_write);
            orders.fired += u64::from(fails) + u64::from(kept);
            (fails, kept)
        };
        if fails {
            self.strike(Faults {
                fail_write: Some(1),
                ..Faults::default()
            });
        }
        self.inner.write_at(path, offset, bytes)?;
        if kept { Err(eio()) } else { Ok(()) }
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.before();
        let (fails, lies, planted) = {
            let mut orders = self.orders();
            self.clock.pass(orders.sync_ms);
            let fails = due(&mut orders.fail_sync);
            // Segments and snapshots: what is published can be made anew from them. A snapshot that is lost is no loss.
            let segment = path.starts_with(layout::SEGMENTS);
            let lies =
                (segment || path.starts_with(layout::SNAPSHOTS)) && due(&mut orders.lie_sync);
            orders.fired += u64::from(fails) + u64::from(lies);
            orders.lies += u64::from(lies && segment);
            let planted = orders.planted == Some(Planted::AckBeforeSync);
            (fails, lies, planted)
        };
        if planted && path.starts_with(layout::SEGMENTS) {
            return Ok(());
        }
        if fails || lies {
            self.strike(Faults {
                fail_sync: fails.then_some(1),
                lie_sync: lies.then_some(1),
                ..Faults::default()
            });
        }
        self.inner.sync(path)
    }

    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        self.before();
        self.inner.truncate(path, bytes)
    }

    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        self.before();
        self.inner.sync_dir(folder)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.before();
        self.inner.remove(path)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.before();
        self.inner.rename(from, to)
    }

    fn lock(&mut self, path: &str) -> io::Result<bool> {
        self.before();
        if self.orders().broken_lock {
            return Ok(true);
        }
        self.inner.lock(path)
    }
}
