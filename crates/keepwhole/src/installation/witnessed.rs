//! Checkpoints that others hold of this log: the journal must have every entry that one of them names.

use super::InstallationError;
use crate::journal::{Known, layout};
use keepwhole_verify::policy::Policy;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Largest file that is read as a checkpoint: the limit of a signed note (<https://c2sp.org/signed-note>).
const MAX_BYTES: u64 = 131_072;

/// Reads one checkpoint that a key of the log signed while it counted.
///
/// # Errors
/// [`InstallationError::Checkpoint`] where the file can't be read, is no checkpoint, or no such key signed it.
pub fn read_checkpoint(path: &Path, keys: &Policy) -> Result<Known, InstallationError> {
    let wrong = |fault: String| InstallationError::Checkpoint {
        path: path.to_path_buf(),
        fault,
    };
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(format!("can't be read: {error}")))?;
    let (checkpoint, _) = keys
        .verify_signature(&bytes)
        .map_err(|error| wrong(format!("is no checkpoint of this log: {error}")))?;
    Ok(Known {
        size: checkpoint.size(),
        root: checkpoint.root(),
    })
}

/// All checkpoints that the journal in `dir` must agree with: those of its folder `witness`, those in `more`, and the head that
/// waits for cosignatures. A file of the folder that is no checkpoint of this log is refused like one that was named: it may
/// have been put there to hide one.
///
/// # Errors
/// [`InstallationError::Checkpoint`], [`InstallationError::Io`].
pub fn known(dir: &Path, keys: &Policy, more: &[PathBuf]) -> Result<Vec<Known>, InstallationError> {
    let folder = dir.join(layout::WITNESS);
    let mut paths = Vec::new();
    match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(InstallationError::io("read the folder", &folder)(error)),
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(InstallationError::io("read the folder", &folder))?;
                if entry
                    .path()
                    .extension()
                    .is_some_and(|ending| ending == "checkpoint")
                {
                    paths.push(entry.path());
                }
            }
        }
    }
    paths.sort();
    paths.extend(more.iter().cloned());
    let mut heads = paths
        .iter()
        .map(|path| read_checkpoint(path, keys))
        .collect::<Result<Vec<_>, _>>()?;
    // It was signed, and some witness may have it; one that is damaged is written anew.
    heads.extend(read_checkpoint(&dir.join(layout::PENDING), keys));
    if !keys.retired().is_empty() {
        // Between a rotation and the next publishing, the published one carries the signature of the key before.
        heads.extend(read_checkpoint(&dir.join(layout::CHECKPOINT), keys));
    }
    Ok(heads)
}
