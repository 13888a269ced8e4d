//! Files that survive the loss of power: written beside, synced, put in place in one step.

use crate::error::WitnessError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Ending of files that a crash may leave half written. They mean nothing and are overwritten.
pub const TEMPORARY: &str = "kwtmp";

/// Names the operation and the file of an I/O error.
pub(crate) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> WitnessError + 'a {
    move |cause| WitnessError::Io {
        doing,
        path: path.to_path_buf(),
        cause,
    }
}

/// Makes a folder that only its owner can look into, and makes its name durable.
pub(crate) fn make_folder(path: &Path) -> Result<(), WitnessError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("make the folder", path))?;
    sync_folder_of(path)
}

/// Makes creations and renames inside the folder of `path` durable.
fn sync_folder_of(path: &Path) -> Result<(), WitnessError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", folder))
}

/// Replaces or creates a file whole: after a crash there is the old content or the new, nothing else.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WitnessError> {
    let beside = path.with_added_extension(TEMPORARY);
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(failed("write", path))?;
    sync_folder_of(path)
}

/// Appends one line durably.
pub(crate) fn append_line(path: &Path, line: &str) -> Result<(), WitnessError> {
    let fresh = !path.exists();
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    };
    written().map_err(failed("write", path))?;
    if fresh { sync_folder_of(path) } else { Ok(()) }
}

/// The whole of a text file of at most `most` bytes; `None` where there is none.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<Option<String>, WitnessError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed("read", path))?,
    };
    let mut text = String::new();
    let read = file
        .take(most.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    if read as u64 > most {
        return Err(WitnessError::File {
            path: path.to_path_buf(),
            fault: format!("is larger than `{most}` bytes"),
        });
    }
    Ok(Some(text))
}
