//! The disk of a story: simulated, with more ways to fail, or a folder of this machine where the story is too large for
//! memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::sim_disk::{Faults, SimDisk};
use crate::journal::{Disk, RealDisk, layout};

/// Where the next write of the journal ends the process, or what every write meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopAt {
    /// Before any byte of the frame is written.
    Write,
    /// When the frame is written and not yet synced.
    Sync,
    /// Nothing ends; no write finds space, as on a full file system that never overwrites in place.
    Full,
}

/// A folder of this machine's file system that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one below the system's folder for temporary files.
    pub(super) fn make() -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("keepwhole-drill-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in the folder of temporary files; there is nobody to tell.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// The machine of a story: its disk outlives the processes on it.
#[derive(Debug)]
pub(super) enum Machine {
    /// In memory, with written and synced halves.
    Simulated(SimDisk),
    /// A real folder: a killed process leaves what it wrote.
    Real(Folder),
}

impl Machine {
    /// The disk as another process sees it.
    pub(super) fn medium(&self) -> Medium {
        match self {
            Self::Simulated(disk) => Medium::Simulated(disk.another()),
            Self::Real(folder) => Medium::Real(RealDisk::at(folder.path())),
        }
    }

    /// The disk as it would be if the power went now and nothing unsynced survived; a real one as it is.
    pub(super) fn after_power_loss(&self) -> Medium {
        match self {
            Self::Simulated(disk) => Medium::Simulated(disk.after_power_loss()),
            Self::Real(_) => self.medium(),
        }
    }

    /// Ends the processes. Those on a real folder have ended with their handles.
    pub(super) fn kill(&self) {
        if let Self::Simulated(disk) = self {
            disk.kill();
        }
    }

    /// The simulated disk, whose bytes can be changed and whose syncs can fail.
    pub(super) const fn simulated(&self) -> Option<&SimDisk> {
        match self {
            Self::Simulated(disk) => Some(disk),
            Self::Real(_) => None,
        }
    }
}

/// A handle on either.
#[derive(Debug)]
pub(super) enum Medium {
    /// On the simulated disk.
    Simulated(SimDisk),
    /// On the folder.
    Real(RealDisk),
}

macro_rules! either {
    ($medium:expr, $disk:ident => $act:expr) => {
        match $medium {
            Medium::Simulated($disk) => $act,
            Medium::Real($disk) => $act,
        }
    };
}

/// A process's handle on the disk.
#[derive(Debug)]
pub(super) struct DrillDisk {
    disk: Medium,
    stop_at: Arc<Mutex<Option<StopAt>>>,
}

impl DrillDisk {
    pub(super) const fn new(disk: Medium, stop_at: Arc<Mutex<Option<StopAt>>>) -> Self {
        Self { disk, stop_at }
    }

    /// Ends the process here, once, if this is the point that was named.
    fn pass(&self, point: StopAt, path: &str) -> io::Result<()> {
        let mut stop_at = self.stop_at.lock().unwrap_or_else(PoisonError::into_inner);
        if point == StopAt::Write && *stop_at == Some(StopAt::Full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if *stop_at == Some(point) && path.starts_with(layout::SEGMENTS) {
            *stop_at = None;
            match &self.disk {
                Medium::Simulated(disk) => disk.set_faults(Faults {
                    stop_before: Some(1),
                    ..Faults::default()
                }),
                Medium::Real(_) => return Err(io::Error::other("the process was killed")),
            }
        }
        Ok(())
    }
}

impl Disk for DrillDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        either!(&self.disk, disk => disk.list(folder))
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        either!(&self.disk, disk => disk.len(path))
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        either!(&self.disk, disk => disk.read_at(path, offset, buffer))
    }

    fn create(&mut self, path: &str) -> io::Result<()> {
        either!(&mut self.disk, disk => disk.create(path))
    }

    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.pass(StopAt::Write, path)?;
        either!(&mut self.disk, disk => disk.write_at(path, offset, bytes))
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.pass(StopAt::Sync, path)?;
        either!(&mut self.disk, disk => disk.sync(path))
    }

    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        either!(&mut self.disk, disk => disk.truncate(path, bytes))
    }

    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        either!(&mut self.disk, disk => disk.sync_dir(folder))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        either!(&mut self.disk, disk => disk.remove(path))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        either!(&mut self.disk, disk => disk.rename(from, to))
    }

    fn lock(&mut self, path: &str) -> io::Result<bool> {
        either!(&mut self.disk, disk => disk.lock(path))
    }

    fn beside(&self) -> Self {
        let disk = match &self.disk {
            Medium::Simulated(disk) => Medium::Simulated(disk.another()),
            Medium::Real(disk) => Medium::Real(disk.beside()),
        };
        Self::new(disk, Arc::clone(&self.stop_at))
    }
}
