//! A disk in memory that keeps written and synced bytes apart and fails exactly where it is told to.
//!
//! It is deterministic: the same calls and the same choices give the same bytes. The drill and the simulator run the
//! real journal on it; tests cut its power at any step and choose what of the unsynced bytes survives.

use super::disk::Disk;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A write that was not synced when the power went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsynced {
    /// The file.
    pub path: String,
    /// Where the write began.
    pub offset: u64,
    /// How many bytes it had; `None` for a truncation to `offset`.
    pub bytes: Option<usize>,
}

/// How much of an unsynced write survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    All,
    /// Nothing.
    Nothing,
    /// Its first bytes; the file ends there if it grew.
    First(usize),
    /// Those of its 512-byte sectors whose bit is set, the first sector being the lowest bit.
    Sectors(u64),
}

/// Faults to come. Counts start at 1 and count down with each operation of the kind.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The n-th write from now fails with EIO after half of its bytes.
    pub fail_write: Option<u64>,
    /// The n-th sync from now fails with EIO; what it should have kept stays readable until the power goes, and no
    /// later sync keeps it.
    pub fail_sync: Option<u64>,
    /// The n-th sync from now reports success but keeps nothing, ever.
    pub lie_sync: Option<u64>,
    /// Power goes before the n-th changing operation from now.
    pub stop_before: Option<u64>,
    /// Bytes all files together may take.
    pub capacity: Option<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate { bytes: u64 },
}

/// Bytes are shared between a machine and its copies until one of them changes them.
#[derive(Clone, Debug, Default)]
struct Contents {
    synced: Arc<Vec<u8>>,
    written: Arc<Vec<u8>>,
    /// Changes since the last good sync.
    pending: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
struct Machine {
    contents: BTreeMap<u64, Contents>,
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    next: u64,
    locks: BTreeMap<String, u64>,
    handles: u64,
    /// Handles opened before the last crash belong to dead processes.
    oldest_alive: u64,
    faults: Faults,
    stopped: bool,
    operations: u64,
    syncs: u64,
}

/// A handle on a simulated disk, as one process holds it. [`another`](Self::another) opens a second one.
#[derive(Debug)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
    handle: u64,
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for SimDisk {
    fn drop(&mut self) {
        let handle = self.handle;
        self.machine().locks.retain(|_, holder| *holder != handle);
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

fn put(target: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let start = to_usize(offset)?;
    let end = start
        .checked_add(bytes.len())
        .ok_or_else(|| io::Error::other("offset overflows"))?;
    if target.len() < end {
        target.resize(end, 0);
    }
    if let Some(place) = target.get_mut(start..end) {
        place.copy_from_slice(bytes);
    }
    Ok(())
}

/// Counts a fault down; true when it is due now.
fn due(count: &mut Option<u64>) -> bool {
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

impl Machine {
    fn file(&self, path: &str) -> io::Result<&Contents> {
        self.names
            .get(path)
            .and_then(|id| self.contents.get(id))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file_mut(&mut self, path: &str) -> io::Result<&mut Contents> {
        let id = self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.contents
            .get_mut(id)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        let live: BTreeSet<&u64> = self.names.values().collect();
        live.iter()
            .filter_map(|id| self.contents.get(id))
            .map(|file| file.written.len() as u64)
            .sum()
    }

    fn survive(path: &str, file: &mut Contents, keep: &mut dyn FnMut(&Unsynced) -> Kept) {
        let mut after = std::mem::take(&mut file.synced);
        for change in std::mem::take(&mut file.pending) {
            let (offset, length) = match &change {
                Change::Write { offset, bytes } => (*offset, Some(bytes.len())),
                Change::Truncate { bytes } => (*bytes, None),
            };
            let question = Unsynced {
                path: path.to_owned(),
                offset,
                bytes: length,
            };
            let kept = keep(&question);
            // Offsets here were checked when the change was made.
            let _ = apply(Arc::make_mut(&mut after), &change, &kept);
        }
        file.written = Arc::clone(&after);
        file.synced = after;
    }
}

fn apply(target: &mut Vec<u8>, change: &Change, kept: &Kept) -> io::Result<()> {
    match (change, kept) {
        (_, Kept::Nothing) => Ok(()),
        (Change::Truncate { bytes }, _) => {
            target.resize(to_usize(*bytes)?, 0);
            Ok(())
        }
        (Change::Write { offset, bytes }, Kept::All) => put(target, *offset, bytes),
        (Change::Write { offset, bytes }, Kept::First(count)) => {
            put(target, *offset, bytes.get(..*count).unwrap_or(bytes))
        }
        (Change::Write { offset, bytes }, Kept::Sectors(mask)) => {
            let mut at = *offset;
            let mut rest = bytes.as_slice();
            let mut sector = 0;
            while !rest.is_empty() {
                // Sectors are those of the disk, not of the write.
                let length = rest.len().min(512 - to_usize(at % 512)?);
                let (part, after) = rest.split_at(length);
                if mask >> sector.min(63) & 1 == 1 {
                    put(target, at, part)?;
                }
                at += length as u64;
                rest = after;
                sector += 1;
            }
            Ok(())
        }
    }
}

impl SimDisk {
    /// A new machine with an empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine::default())),
            handle: 0,
        }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle for another process on the same machine. After a [`crash`](Self::crash) only new handles work.
    #[must_use]
    pub fn another(&self) -> Self {
        let mut machine = self.machine();
        machine.handles += 1;
        let handle = machine.handles;
        drop(machine);
        Self {
            machine: Arc::clone(&self.machine),
            handle,
        }
    }

    /// Sets the faults to come, in place of earlier ones.
    pub fn set_faults(&self, faults: Faults) {
        self.machine().faults = faults;
    }

    /// Changing operations so far; the range over which a test can stop the machine.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.machine().operations
    }

    /// Syncs of files so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.machine().syncs
    }

    /// Cuts the power and starts the machine again. `keep` says for every unsynced change how much survives; names not
    /// yet made durable survive when `keep_names` is true. Locks are free, faults are forgotten, old handles are dead.
    pub fn crash(&self, keep_names: bool, keep: &mut dyn FnMut(&Unsynced) -> Kept) {
        let mut guard = self.machine();
        let machine = &mut *guard;
        if keep_names {
            machine.synced_names.clone_from(&machine.names);
        } else {
            machine.names.clone_from(&machine.synced_names);
        }
        let live: BTreeSet<u64> = machine.names.values().copied().collect();
        machine.contents.retain(|id, _| live.contains(id));
        for (path, id) in &machine.names {
            if let Some(file) = machine.contents.get_mut(id) {
                Machine::survive(path, file, keep);
            }
        }
        machine.locks.clear();
        machine.faults = Faults::default();
        machine.stopped = false;
        machine.oldest_alive = machine.handles + 1;
    }

    /// Another machine with what this one would keep if the power went now and nothing unsynced survived. This one
    /// goes on.
    #[must_use]
    pub fn after_power_loss(&self) -> Self {
        let copy = Self {
            machine: Arc::new(Mutex::new(self.machine().clone())),
            handle: 0,
        };
        copy.crash_hard();
        copy.another()
    }

    /// Cuts the power; nothing unsynced survives.
    pub fn crash_hard(&self) {
        self.crash(false, &mut |_| Kept::Nothing);
    }

    /// Ends the process but not the machine: every written byte is still there, synced or not.
    pub fn kill(&self) {
        let mut machine = self.machine();
        machine.locks.clear();
        machine.faults = Faults::default();
        machine.stopped = false;
        machine.oldest_alive = machine.handles + 1;
    }

    /// Flips one bit on the platter, as ageing does.
    ///
    /// # Errors
    /// `NotFound` for an absent file or a bit beyond its end.
    pub fn flip(&self, path: &str, bit: usize) -> io::Result<()> {
        let mut machine = self.machine();
        let file = machine.file_mut(path)?;
        for bytes in [&mut file.synced, &mut file.written] {
            *Arc::make_mut(bytes)
                .get_mut(bit / 8)
                .ok_or(io::ErrorKind::NotFound)? ^= 1 << (bit % 8);
        }
        Ok(())
    }

    fn read_only<T>(&self, act: impl FnOnce(&Machine) -> io::Result<T>) -> io::Result<T> {
        let machine = self.machine();
        if machine.stopped || self.handle < machine.oldest_alive {
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        act(&machine)
    }

    fn change<T>(&self, act: impl FnOnce(&mut Machine) -> io::Result<T>) -> io::Result<T> {
        let mut machine = self.machine();
        if due(&mut machine.faults.stop_before) {
            machine.stopped = true;
        }
        if machine.stopped || self.handle < machine.oldest_alive {
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        machine.operations += 1;
        act(&mut machine)
    }
}

impl Disk for SimDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let below = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.read_only(|machine| {
            Ok(machine
                .names
                .keys()
                .filter(|path| path.starts_with(&below))
                .cloned()
                .collect())
        })
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.read_only(|machine| {
            Ok(machine
                .file(path)
                .ok()
                .map(|file| file.written.len() as u64))
        })
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_only(|machine| {
            let rest = machine
                .file(path)?
                .written
                .get(to_usize(offset)?..)
                .unwrap_or_default();
            let length = rest.len().min(buffer.len());
            if let Some((to, from)) = buffer.get_mut(..length).zip(rest.get(..length)) {
                to.copy_from_slice(from);
            }
            Ok(length)
        })
    }

    fn create(&mut self, path: &str) -> io::Result<()> {
        self.change(|machine| {
            if machine.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let id = machine.next;
            machine.next += 1;
            machine.contents.insert(id, Contents::default());
            machine.names.insert(path.to_owned(), id);
            Ok(())
        })
    }

    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(|machine| {
            let mut part = bytes;
            let mut answer = Ok(());
            if due(&mut machine.faults.fail_write) {
                part = bytes.get(..bytes.len() / 2).unwrap_or_default();
                answer = Err(eio());
            }
            let length = machine.file(path)?.written.len() as u64;
            if let Some(capacity) = machine.faults.capacity {
                let room = length.saturating_add(capacity.saturating_sub(machine.used()));
                let fits = to_usize(room.saturating_sub(offset))?;
                if part.len() > fits {
                    part = part.get(..fits).unwrap_or_default();
                    answer = Err(io::ErrorKind::StorageFull.into());
                }
            }
            let file = machine.file_mut(path)?;
            put(Arc::make_mut(&mut file.written), offset, part)?;
            file.pending.push(Change::Write {
                offset,
                bytes: part.to_vec(),
            });
            answer
        })
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.change(|machine| {
            machine.syncs += 1;
            let (fails, lies) = (
                due(&mut machine.faults.fail_sync),
                due(&mut machine.faults.lie_sync),
            );
            let file = machine.file_mut(path)?;
            // As on Linux: a failed sync forgets what it could not keep, and the next one knows nothing of it.
            let pending = std::mem::take(&mut file.pending);
            if fails {
                return Err(eio());
            }
            if lies {
                return Ok(());
            }
            pending
                .iter()
                .try_for_each(|change| apply(Arc::make_mut(&mut file.synced), change, &Kept::All))
        })
    }

    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        self.change(|machine| {
            let file = machine.file_mut(path)?;
            Arc::make_mut(&mut file.written).resize(to_usize(bytes)?, 0);
            file.pending.push(Change::Truncate { bytes });
            Ok(())
        })
    }

    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        self.change(|machine| {
            let inside = |path: &String| super::disk::folder_of(path) == folder;
            machine.synced_names.retain(|path, _| !inside(path));
            let now = machine.names.iter().filter(|(path, _)| inside(path));
            machine
                .synced_names
                .extend(now.map(|(path, id)| (path.clone(), *id)));
            Ok(())
        })
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.change(|machine| {
            machine
                .names
                .remove(path)
                .map(drop)
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|machine| {
            let id = machine.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            machine.names.insert(to.to_owned(), id);
            Ok(())
        })
    }

    fn lock(&mut self, path: &str) -> io::Result<bool> {
        let handle = self.handle;
        self.change(|machine| {
            if machine
                .locks
                .get(path)
                .is_some_and(|holder| *holder != handle)
            {
                return Ok(false);
            }
            machine.locks.insert(path.to_owned(), handle);
            if !machine.names.contains_key(path) {
                let id = machine.next;
                machine.next += 1;
                machine.contents.insert(id, Contents::default());
                machine.names.insert(path.to_owned(), id);
            }
            Ok(true)
        })
    }

    fn beside(&self) -> Self {
        self.another()
    }
}
