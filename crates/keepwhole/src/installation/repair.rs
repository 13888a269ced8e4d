//! Repair: a damaged segment is replaced by the copy of a backup, if the copy verifies against everything around it.

use super::backup::{read_manifest, refused};
use super::{InstallationError, identity, known, log_policy};
use crate::journal::disk::{Disk, Naming as _, TEMPORARY};
use crate::journal::{
    Fault, Journal, JournalError, Options, Plan, RealDisk, Start, frame::Frame, layout,
};
use std::fs;
use std::io;
use std::path::Path;

/// Where the damaged files are kept after a repair.
pub const DAMAGED: &str = "damaged";

/// What a repair did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Segments that were replaced, in order.
    pub segments: Vec<String>,
    /// Entries of the journal, which is whole now.
    pub size: u64,
}

/// The journal's disk with one segment of a backup in its place; only for reading.
#[derive(Debug)]
struct Overlay {
    disk: RealDisk,
    backup: RealDisk,
    segments: Vec<String>,
}

impl Overlay {
    fn of(&self, path: &str) -> &RealDisk {
        match self.segments.iter().any(|segment| segment == path) {
            true => &self.backup,
            false => &self.disk,
        }
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for Overlay {
    fn beside(&self) -> Self {
        Self {
            disk: self.disk.beside(),
            backup: self.backup.beside(),
            segments: self.segments.clone(),
        }
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut found = self.disk.list(folder)?;
        if folder == layout::SEGMENTS {
            found.extend(self.segments.iter().cloned());
            found.sort();
            found.dedup();
        }
        Ok(found)
    }
    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.of(path).len(path)
    }
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.of(path).read_at(path, offset, buffer)
    }
    fn create(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
    fn write_at(&mut self, _: &str, _: u64, _: &[u8]) -> io::Result<()> {
        read_only()
    }
    fn sync(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
    fn truncate(&mut self, _: &str, _: u64) -> io::Result<()> {
        read_only()
    }
    fn sync_dir(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
    fn remove(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
    fn rename(&mut self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }
    fn lock(&mut self, _: &str) -> io::Result<bool> {
        read_only()
    }
}

/// Replaces the damaged segments of the installation in `dir` by those of the backup in `from`. A segment is replaced only
/// if, with it in place, every frame of the journal follows the one before it up to the published checkpoint; else nothing
/// is changed. What was replaced is kept in the folder `damaged`.
///
/// # Errors
/// [`InstallationError::Journal`] with [`JournalError::LockHeld`] beside a writer, or with the damage that the backup can't
/// repair; [`InstallationError::Backup`].
pub fn repair(dir: &Path, from: &Path) -> Result<Repaired, InstallationError> {
    let (origin, log_key) = identity(dir)?;
    let manifest = read_manifest(from)?;
    if manifest.origin != origin || manifest.log_key != log_key.to_string() {
        return Err(refused(
            from,
            format!("is a backup of `{}`, not of this log", manifest.origin),
        ));
    }
    let mut disk = RealDisk::at(dir);
    if !disk
        .lock(layout::LOCK)
        .naming("lock", layout::LOCK)
        .map_err(JournalError::Disk)?
    {
        return Err(JournalError::LockHeld.into());
    }
    let options = Options {
        log_key: Some(log_key.clone()),
        ..Options::default()
    };
    let known = known(dir, &log_policy(dir, &log_key)?, &[])?;
    let mut segments: Vec<String> = Vec::new();
    let size = loop {
        let overlay = Overlay {
            disk: RealDisk::at(dir),
            backup: RealDisk::at(from),
            segments: segments.clone(),
        };
        let (journal, _, damage) =
            Journal::read_along(overlay, options.clone(), &mut Knowing(known.clone()))?;
        let Some(damage) = damage else {
            break journal.head().size;
        };
        let path = damaged_segment(
            &damage,
            journal
                .segments()
                .last()
                .map(|segment| segment.path.as_str()),
        );
        match path {
            Some(path) if !segments.contains(&path) && from.join(&path).is_file() => {
                segments.push(path)
            }
            _ => return Err(damage.into()),
        }
    };
    for path in &segments {
        replace(dir, from, path)?;
    }
    Ok(Repaired { segments, size })
}

/// The file that a damage asks to replace.
fn damaged_segment(damage: &JournalError, last: Option<&str>) -> Option<String> {
    match damage {
        // The segment that is missing is the one that should begin here.
        JournalError::Damaged {
            fault: Fault::Gap { wanted },
            ..
        } => Some(layout::segment_path(*wanted)),
        JournalError::Damaged { segment, .. } => Some(segment.clone()),
        JournalError::Truncated { recovered, .. } => {
            Some(last.map_or_else(|| layout::segment_path(*recovered), str::to_owned))
        }
        _ => None,
    }
}

fn replace(dir: &Path, from: &Path, path: &str) -> Result<(), InstallationError> {
    let place = dir.join(path);
    let name = place.file_name().map(Path::new).unwrap_or(Path::new(""));
    let aside = dir.join(DAMAGED);
    fs::create_dir_all(&aside).map_err(InstallationError::io("make the folder", &aside))?;
    let temporary = dir.join(format!("{path}{TEMPORARY}"));
    let put = || -> io::Result<()> {
        fs::copy(from.join(path), &temporary)?;
        fs::File::open(&temporary)?.sync_all()?;
        if place.exists() {
            // The old file stays under its own name until the new one takes its place in one step.
            fs::copy(&place, aside.join(name))?;
            fs::File::open(aside.join(name))?.sync_all()?;
        }
        fs::rename(&temporary, &place)?;
        fs::File::open(dir.join(layout::SEGMENTS))?.sync_all()
    };
    put().map_err(InstallationError::io("replace", &place))
}

/// Reads from the first record and compares with what witnesses know.
struct Knowing(Vec<crate::journal::Known>);

impl<D> Plan<D> for Knowing {
    fn start(&mut self, _: &D) -> Result<Start, JournalError> {
        Ok(Start {
            base: None,
            known: self.0.clone(),
        })
    }

    fn seen(&mut self, _: &Frame<'_>) -> Result<(), JournalError> {
        Ok(())
    }
}
