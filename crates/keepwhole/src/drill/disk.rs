//! The simulated disk with one more way to fail: it ends the process at a named point of the write path.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::sim_disk::{Faults, SimDisk};
use crate::journal::{Disk, layout};

/// Where the next write of the journal ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopAt {
    /// Before any byte of the frame is written.
    Write,
    /// When the frame is written and not yet synced.
    Sync,
}

/// A process's handle on the simulated disk.
#[derive(Debug)]
pub(super) struct DrillDisk {
    disk: SimDisk,
    stop_at: Arc<Mutex<Option<StopAt>>>,
}

impl DrillDisk {
    pub(super) const fn new(disk: SimDisk, stop_at: Arc<Mutex<Option<StopAt>>>) -> Self {
        Self { disk, stop_at }
    }

    /// Ends the process here, once, if this is the point that was named.
    fn pass(&self, point: StopAt, path: &str) {
        let mut stop_at = self.stop_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *stop_at == Some(point) && path.starts_with(layout::SEGMENTS) {
            *stop_at = None;
            self.disk.set_faults(Faults {
                stop_before: Some(1),
                ..Faults::default()
            });
        }
    }
}

impl Disk for DrillDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.disk.len(path)
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read_at(path, offset, buffer)
    }

    fn create(&mut self, path: &str) -> io::Result<()> {
        self.disk.create(path)
    }

    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.pass(StopAt::Write, path);
        self.disk.write_at(path, offset, bytes)
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.pass(StopAt::Sync, path);
        self.disk.sync(path)
    }

    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        self.disk.truncate(path, bytes)
    }

    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        self.disk.sync_dir(folder)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn lock(&mut self, path: &str) -> io::Result<bool> {
        self.disk.lock(path)
    }

    fn beside(&self) -> Self {
        Self::new(self.disk.another(), Arc::clone(&self.stop_at))
    }
}
