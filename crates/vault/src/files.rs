//! What the vault needs of a folder: few steps, each of which can fail, so that a test can fail every one.

use crate::VaultError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Ending of a file that a crash left half written; it means nothing and is destroyed at the next opening.
pub const TEMPORARY: &str = ".tmp";

/// A folder of small files. A *written* byte or name is seen at once; it survives the loss of power after
/// [`sync`](Self::sync) of the file and [`sync_dir`](Self::sync_dir) of its folder.
pub trait Files {
    /// Every file below `folder`, as sorted paths.
    ///
    /// # Errors
    /// As the system reports.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// The whole file, `None` when there is none.
    ///
    /// # Errors
    /// As the system reports.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// The permission bits of a file, `None` when there is none.
    ///
    /// # Errors
    /// As the system reports.
    fn mode(&self, path: &str) -> io::Result<Option<u32>>;
    /// Creates a file that only its owner can read, and the folders above it.
    ///
    /// # Errors
    /// `AlreadyExists`, or as the system reports; then any part may be written.
    fn write_new(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Writes zeros over every byte of a file, in its place.
    ///
    /// # Errors
    /// As the system reports; then any part may be written.
    fn blank(&mut self, path: &str) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    ///
    /// # Errors
    /// As the system reports.
    fn sync(&mut self, path: &str) -> io::Result<()>;
    /// Puts `from` in the place of `to` in one step.
    ///
    /// # Errors
    /// As the system reports.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the system reports.
    fn remove(&mut self, path: &str) -> io::Result<()>;
    /// Makes names in the folder of `path` durable, and the folder itself.
    ///
    /// # Errors
    /// As the system reports.
    fn sync_dir(&mut self, path: &str) -> io::Result<()>;
}

fn named<T>(outcome: io::Result<T>, doing: &'static str, path: &str) -> Result<T, VaultError> {
    outcome.map_err(|cause| VaultError::Io {
        doing,
        path: path.to_owned(),
        cause,
    })
}

/// The whole file, `None` when there is none.
pub(crate) fn read<F: Files>(files: &F, path: &str) -> Result<Option<Vec<u8>>, VaultError> {
    named(files.read(path), "read", path)
}

/// Every file below a folder.
pub(crate) fn list<F: Files>(files: &F, folder: &str) -> Result<Vec<String>, VaultError> {
    named(files.list(folder), "list", folder)
}

/// Replaces or creates a file whole and durably: after a crash there is the old content or the new.
pub(crate) fn put<F: Files>(files: &mut F, path: &str, bytes: &[u8]) -> Result<(), VaultError> {
    let temporary = format!("{path}{TEMPORARY}");
    if read(files, &temporary)?.is_some() {
        destroy(files, &temporary)?;
    }
    named(files.write_new(&temporary, bytes), "write", &temporary)?;
    named(files.sync(&temporary), "sync", &temporary)?;
    named(files.rename(&temporary, path), "put in place", path)?;
    named(files.sync_dir(path), "sync the folder of", path)
}

/// Overwrites a file with zeros, durably, and removes it, durably. An absent one is fine.
pub(crate) fn destroy<F: Files>(files: &mut F, path: &str) -> Result<(), VaultError> {
    if read(files, path)?.is_none() {
        return Ok(());
    }
    blank(files, path)?;
    named(files.remove(path), "remove", path)?;
    named(files.sync_dir(path), "sync the folder of", path)
}

/// Overwrites a file with zeros, durably.
pub(crate) fn blank<F: Files>(files: &mut F, path: &str) -> Result<(), VaultError> {
    named(files.blank(path), "overwrite", path)?;
    named(files.sync(path), "sync", path)
}

/// Renames durably.
pub(crate) fn rename<F: Files>(files: &mut F, from: &str, to: &str) -> Result<(), VaultError> {
    named(files.rename(from, to), "put in place", to)?;
    named(files.sync_dir(to), "sync the folder of", to)
}

/// The permission bits.
pub(crate) fn mode<F: Files>(files: &F, path: &str) -> Result<Option<u32>, VaultError> {
    named(files.mode(path), "look at", path)
}

/// A folder of the machine's file system. Folders get mode 0700 and files 0600.
#[derive(Debug)]
pub struct RealFiles {
    root: PathBuf,
}

impl RealFiles {
    /// Works inside `root`, which need not be there yet.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
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

fn absent<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Files for RealFiles {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        self.collect(&self.root.join(folder), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        absent(fs::read(self.root.join(path)))
    }

    fn mode(&self, path: &str) -> io::Result<Option<u32>> {
        let found = absent(fs::metadata(self.root.join(path)))?;
        Ok(found.map(|metadata| metadata.permissions().mode() & 0o7777))
    }

    fn write_new(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let full = self.root.join(path);
        if let Some(folder) = full.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(full)?;
        file.write_all(bytes)
    }

    fn blank(&mut self, path: &str) -> io::Result<()> {
        let full = self.root.join(path);
        let length = usize::try_from(fs::metadata(&full)?.len()).map_err(io::Error::other)?;
        let mut file = OpenOptions::new().write(true).open(full)?;
        file.write_all(&vec![0; length])
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        File::open(self.root.join(path))?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        let mut folder = self.root.join(path);
        folder.pop();
        loop {
            File::open(&folder)?.sync_all()?;
            if folder == self.root || !folder.pop() {
                return Ok(());
            }
        }
    }
}
