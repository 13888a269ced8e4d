//! What the journal needs of a disk, in few words that a real and a simulated disk both keep.

use std::fmt;
use std::io;

/// Ending of files that a crash may leave half written. They are removed at the next start and mean nothing.
pub const TEMPORARY: &str = ".kwtmp";

/// What a file looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Length in bytes.
    pub length: u64,
    /// The system's marks: number of the file, when its content and when its entry last changed.
    pub marks: [i128; 3],
}

/// A folder of files with the durability rules of POSIX.
///
/// Paths are relative to the installation's folder, with `/` between names. What each call promises:
/// a *written* byte is seen by every later read, a *synced* one also survives the loss of power.
/// After a failed [`sync`](Disk::sync) nothing is known about bytes written since the last good one: the caller must
/// stop, because the system may drop them and report success the next time.
pub trait Disk: Send + Sync {
    /// Every file at or below `folder`, as sorted paths. An absent folder holds none. `""` is the whole installation.
    ///
    /// # Errors
    /// As the system reports.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Length of a file in bytes, `None` when there is no such file.
    ///
    /// # Errors
    /// As the system reports.
    fn len(&self, path: &str) -> io::Result<Option<u64>>;

    /// Reads into `buffer` from `offset` on; fewer bytes than asked for mean the end of the file.
    ///
    /// # Errors
    /// `NotFound` for an absent file.
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Creates an empty file and the folders above it.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one: nothing is ever overwritten by creating.
    fn create(&mut self, path: &str) -> io::Result<()>;

    /// Writes at `offset`; a file grows as needed and a gap reads as zeros. After an error any part may be written.
    ///
    /// # Errors
    /// `NotFound` for an absent file, `StorageFull`, or as the system reports.
    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes every written byte and the length of the file durable.
    ///
    /// # Errors
    /// As the system reports; see the trait's words on what that means.
    fn sync(&mut self, path: &str) -> io::Result<()>;

    /// Cuts (or extends with zeros) a file to `bytes`. Durable after [`sync`](Disk::sync).
    ///
    /// # Errors
    /// As the system reports.
    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()>;

    /// Makes creations, removals and renames directly inside `folder` durable, and the folder itself in its parents.
    ///
    /// # Errors
    /// As the system reports.
    fn sync_dir(&mut self, folder: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`sync_dir`](Disk::sync_dir) of its folder.
    ///
    /// # Errors
    /// As the system reports.
    fn remove(&mut self, path: &str) -> io::Result<()>;

    /// Puts `from` in the place of `to` in one step. Durable after [`sync_dir`](Disk::sync_dir) of its folder.
    ///
    /// # Errors
    /// As the system reports.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Takes the exclusive lock on `path`, creating it if needed; held until the disk is dropped or the process ends.
    /// `false` when somebody else holds it, and goes on holding it for a second.
    ///
    /// # Errors
    /// As the system reports.
    fn lock(&mut self, path: &str) -> io::Result<bool>;

    /// Another handle on the same folder for the same process: it reads what this one wrote, writes files that this one
    /// leaves alone, and holds no lock.
    #[must_use]
    fn beside(&self) -> Self
    where
        Self: Sized;

    /// What tells this file from another one, or from itself before a change, without reading it. `None` when there is no
    /// such file. A disk that keeps no such marks tells the length alone.
    ///
    /// # Errors
    /// As the system reports.
    fn stamp(&self, path: &str) -> io::Result<Option<Stamp>> {
        let stamp = |length| Stamp {
            length,
            marks: [0; 3],
        };
        Ok(self.len(path)?.map(stamp))
    }

    /// The whole file.
    ///
    /// # Errors
    /// `NotFound` for an absent file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let length = self.len(path)?.ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        let read = self.read_at(path, 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Replaces or creates a file whole and durably: after a crash there is the old content or the new, nothing else.
    ///
    /// # Errors
    /// As the system reports; then the old content stands, or the new.
    fn write_atomic(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.replace(path, bytes)?;
        self.sync_dir(folder_of(path))
    }

    /// As [`write_atomic`](Self::write_atomic), but the name is durable only after [`sync_dir`](Self::sync_dir) of its
    /// folder: many files of one folder share that.
    ///
    /// # Errors
    /// As the system reports; then the old content stands, or the new.
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{path}{TEMPORARY}");
        if self.len(&temporary)?.is_some() {
            self.remove(&temporary)?;
        }
        self.create(&temporary)?;
        self.write_at(&temporary, 0, bytes)?;
        self.sync(&temporary)?;
        self.rename(&temporary, path)
    }
}

/// The folder a path lies in; `""` for one at the top.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Which disk operation failed, on which file, and what the system said.
#[derive(Debug)]
pub struct DiskError {
    /// What was being done, such as `sync`.
    pub doing: &'static str,
    /// The file or folder.
    pub path: String,
    /// The system's answer.
    pub source: io::Error,
}

impl DiskError {
    /// True where the disk, or what may be used of it, is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {} `{}`: {}", self.doing, self.path, self.source)
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Names the operation and file of an I/O error.
pub(crate) trait Naming<T> {
    fn naming(self, doing: &'static str, path: &str) -> Result<T, DiskError>;
}

impl<T> Naming<T> for io::Result<T> {
    fn naming(self, doing: &'static str, path: &str) -> Result<T, DiskError> {
        self.map_err(|source| DiskError {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}
