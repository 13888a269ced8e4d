//! What the witness remembers, on disk: per log the newest checkpoint it cosigned, and every cosignature it ever gave.
//!
//! ```text
//! LOCK                     held by the one process that runs on the folder
//! witness.key              the secret key
//! logs.txt                 the trusted logs
//! state/<hash>.checkpoint  newest cosigned checkpoint of a log, with the log's signature and ours; replaced in one step
//! state/<hash>.history     a line for each cosignature given: time, size, root, signature line; only ever appended
//! forks/                   see [`evidence`](crate::evidence)
//! ```
//!
//! `<hash>` is the SHA-256 of the log's origin in lower-case hex, as in c2sp.org/tlog-mirror.

use crate::error::WitnessError;
use crate::files::{append_line, failed, make_folder, read_text, replace};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{MAX_NOTE_BYTES, Note, SignatureLine, VerifierKey};
use keepwhole_verify::{Digest, cosignature};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

const STATE: &str = "state";
const LOCK: &str = "LOCK";

/// The newest checkpoint of a log that the witness cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Origin, size and root.
    pub checkpoint: Checkpoint,
    /// The checkpoint with the log's signatures and our cosignature, verbatim.
    pub note: String,
    /// When it was cosigned, seconds since the epoch.
    pub time: u64,
}

/// Holds the folder's lock until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "kept for its lock")] File);

/// Takes the folder for the one process that may cosign.
///
/// # Errors
/// [`WitnessError::InUse`], [`WitnessError::Io`].
pub fn lock(dir: &Path) -> Result<Lock, WitnessError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(WitnessError::InUse {
            dir: dir.to_path_buf(),
        }),
        Err(TryLockError::Error(cause)) => Err(failed("lock", &path)(cause)),
    }
}

/// SHA-256 of an origin in hex: the name of its files and of its place in the monitoring interface.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    Digest::of(origin.as_bytes()).to_string()
}

/// The memory of a witness.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    known: BTreeMap<String, Known>,
    /// Latest time in any cosignature, seconds since the epoch.
    latest: u64,
}

impl Store {
    /// Reads everything that `key` cosigned.
    ///
    /// # Errors
    /// [`WitnessError::File`] for a state file that is not what we wrote: the witness must then not run, because it
    /// can't know what it signed. [`WitnessError::Io`].
    pub fn open(dir: &Path, key: &VerifierKey) -> Result<Self, WitnessError> {
        let folder = dir.join(STATE);
        let mut store = Self {
            folder: folder.clone(),
            known: BTreeMap::new(),
            latest: 0,
        };
        let listed = fs::read_dir(&folder).map_err(failed("read the folder", &folder))?;
        for entry in listed {
            let path = entry.map_err(failed("read the folder", &folder))?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if ending != Some("checkpoint") {
                continue;
            }
            let known = read_known(&path, key)?;
            store.latest = store.latest.max(known.time);
            store
                .known
                .insert(known.checkpoint.origin().to_owned(), known);
        }
        Ok(store)
    }

    /// The newest checkpoint of a log.
    #[must_use]
    pub fn known(&self, origin: &str) -> Option<&Known> {
        self.known.get(origin)
    }

    /// Every log of which a checkpoint was cosigned, by origin.
    pub fn all(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// A time for the next cosignature that is not before any earlier one, seconds since the epoch.
    #[must_use]
    pub fn time_from(&self, now: u64) -> u64 {
        now.max(self.latest)
    }

    /// Remembers a cosigned checkpoint durably: first its line in the history, then the state, in one step.
    ///
    /// # Errors
    /// [`WitnessError::Io`]; whether it is remembered is then known only after opening again.
    pub fn remember(&mut self, known: Known, line: &SignatureLine) -> Result<(), WitnessError> {
        let origin = known.checkpoint.origin().to_owned();
        let name = origin_hash(&origin);
        let history = format!(
            "{} {} {} {}",
            known.time,
            known.checkpoint.size(),
            known.checkpoint.root().to_base64(),
            line.to_line()
        );
        append_line(&self.folder.join(format!("{name}.history")), &history)?;
        let state = self.folder.join(format!("{name}.checkpoint"));
        replace(&state, known.note.as_bytes())?;
        self.latest = self.latest.max(known.time);
        self.known.insert(origin, known);
        Ok(())
    }
}

/// Makes the folders of a new witness.
pub(crate) fn create(dir: &Path) -> Result<(), WitnessError> {
    make_folder(&dir.join(STATE))
}

fn read_known(path: &Path, key: &VerifierKey) -> Result<Known, WitnessError> {
    let fault = |fault: String| WitnessError::File {
        path: path.to_path_buf(),
        fault: format!("{fault}; restore it from a copy of the same moment or retire this witness"),
    };
    let text = read_text(path, MAX_NOTE_BYTES as u64)?.unwrap_or_default();
    let note = Note::parse(text.as_bytes()).map_err(|error| fault(error.to_string()))?;
    let checkpoint =
        Checkpoint::parse_text(note.text()).map_err(|error| fault(error.to_string()))?;
    let ours = note
        .lines()
        .iter()
        .filter(|line| line.name == key.name() && line.id == key.id());
    let time = ours
        .filter_map(|line| cosignature::verify(key, note.text(), &line.blob))
        .max()
        .ok_or_else(|| fault(String::from("does not hold a cosignature of this witness")))?;
    let named = path.file_stem().and_then(|name| name.to_str());
    if named != Some(origin_hash(checkpoint.origin()).as_str()) {
        return Err(fault(format!(
            "is of the log `{}`, not of the one its name says",
            checkpoint.origin()
        )));
    }
    Ok(Known {
        checkpoint,
        note: text,
        time,
    })
}
