//! The disk of the machine, through `std::fs`.

use super::disk::{Disk, Stamp};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files that stay open between writes, at most; the journal appends to one file at a time.
const OPEN_FILES: usize = 4;
/// How long a lock that somebody holds is tried again. A program that was just started has copies of its starter's open
/// files until it runs (flock(2): the lock ends with the last copy), so a lock may outlive its holder by a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// How often.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// A folder of the machine's file system.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    open: BTreeMap<String, File>,
    /// Held locks; the open file is the lock.
    locks: BTreeMap<String, File>,
}

impl RealDisk {
    /// Works inside `root`, which is created when absent.
    ///
    /// # Errors
    /// As the system reports.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self::at(root))
    }

    /// Works inside `root` without creating it; for readers.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            open: BTreeMap::new(),
            locks: BTreeMap::new(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn full(&self, path: &str) -> io::Result<PathBuf> {
        let leaves = path.split('/').any(|name| name == ".." || name == ".");
        if leaves || path.starts_with('/') {
            let text = format!("path `{path}` leaves the installation");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(self.root.join(path))
    }

    fn writable(&mut self, path: &str) -> io::Result<&File> {
        let full = self.full(path)?;
        if !self.open.contains_key(path) {
            if self.open.len() >= OPEN_FILES {
                self.open.clear();
            }
            let file = OpenOptions::new().read(true).write(true).open(full)?;
            self.open.insert(path.to_owned(), file);
        }
        self.open
            .get(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn collect(&self, folder: &Path, found: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.collect(&entry.path(), found)?;
            } else if let Some(path) = entry
                .path()
                .strip_prefix(&self.root)
                .ok()
                .and_then(Path::to_str)
            {
                found.push(path.to_owned());
            }
        }
        Ok(())
    }
}

fn read_fully(file: &File, mut offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset) {
            Ok(0) => break,
            Ok(read) => {
                done += read;
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        self.collect(&self.full(folder)?, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.full(path)?) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn stamp(&self, path: &str) -> io::Result<Option<Stamp>> {
        let metadata = match fs::metadata(self.full(path)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Ok(Some(Stamp {
            length: metadata.len(),
            marks: [
                i128::from(metadata.ino()),
                nanos(metadata.mtime(), metadata.mtime_nsec()),
                nanos(metadata.ctime(), metadata.ctime_nsec()),
            ],
        }))
    }

    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // A file that is open costs one call of the system; the writer's fence reads its lock before every frame.
        match self.open.get(path).or_else(|| self.locks.get(path)) {
            Some(file) => read_fully(file, offset, buffer),
            None => read_fully(&File::open(self.full(path)?)?, offset, buffer),
        }
    }

    fn create(&mut self, path: &str) -> io::Result<()> {
        let full = self.full(path)?;
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(full)?;
        if self.open.len() >= OPEN_FILES {
            self.open.clear();
        }
        self.open.insert(path.to_owned(), file);
        Ok(())
    }

    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.writable(path)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.writable(path)?.sync_data()
    }

    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        self.writable(path)?.set_len(bytes)
    }

    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        let mut folder = self.full(folder)?;
        loop {
            File::open(&folder)?.sync_all()?;
            if folder == self.root || !folder.pop() {
                return Ok(());
            }
        }
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.open.remove(path);
        fs::remove_file(self.full(path)?)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.full(from)?, self.full(to)?)
    }

    fn lock(&mut self, path: &str) -> io::Result<bool> {
        let full = self.full(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(full)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    self.locks.insert(path.to_owned(), file);
                    return Ok(true);
                }
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(LOCK_RETRY);
                }
                Err(TryLockError::WouldBlock) => return Ok(false),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn beside(&self) -> Self {
        Self::at(&self.root)
    }
}
