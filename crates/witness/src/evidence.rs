//! What is kept when a log contradicts itself: both signed heads, side by side, in a folder of their own.
//!
//! `forks/<kind>-<origin hash, 16 digits>-<size>-<root, 16 digits>/` holds `known` (what this witness cosigned), `sent`
//! (what came now, signed by the log) and `request` (the old size and the proof that came with it). Each is kept once.
//! Anybody can check the two heads: the log's own signature is under both.

use crate::error::WitnessError;
use crate::files::{failed, make_folder, read_text, replace};
use crate::request::AddCheckpoint;
use crate::store::{Known, origin_hash};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{MAX_NOTE_BYTES, Note};
use std::fs;
use std::path::{Path, PathBuf};

const FORKS: &str = "forks";
/// Most that is kept of one kind and log. The first says it all; the limit keeps a flood from filling the disk.
const MOST: usize = 256;

/// In which way two heads don't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Two roots for one size, both signed by the log: proof of a fork.
    Fork,
    /// A larger head, signed by the log, with a proof that does not lead to it from the known one. Either a fork or
    /// somebody sent a wrong proof; the log must be asked for a right one.
    NoProof,
    /// A smaller head than the known one, signed by the log: it went back, or somebody sent an old head.
    Rollback,
    /// A head that only a key signed which had given way to another before the log was so large: somebody has a key that
    /// should be gone.
    Retired,
}

impl Kind {
    /// The word in the folder's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::NoProof => "noproof",
            Self::Rollback => "rollback",
            Self::Retired => "retired",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Fork, Self::NoProof, Self::Rollback, Self::Retired]
            .into_iter()
            .find(|kind| name.split('-').next() == Some(kind.word()))
    }

    /// What it means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fork => "FORK: the log signed two different roots for one size",
            Self::NoProof => {
                "NO PROOF: the log signed a larger head, and what was sent does not show that it grew from the known one"
            }
            Self::Rollback => {
                "ROLLBACK: a smaller head than the known one was sent, signed by the log"
            }
            Self::Retired => {
                "RETIRED KEY: a head that only a former key of the log signed, larger than it may sign"
            }
        }
    }
}

/// Two heads of one log that don't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// In which way.
    pub kind: Kind,
    /// The folder it lies in.
    pub folder: PathBuf,
    /// The head that the witness had cosigned, with its note.
    pub known: (Checkpoint, String),
    /// The head that was sent, with its note.
    pub sent: (Checkpoint, String),
}

/// Makes the folder of a new witness.
pub(crate) fn create(dir: &Path) -> Result<(), WitnessError> {
    make_folder(&dir.join(FORKS))
}

/// Keeps both heads. Returns whether this pair is new.
///
/// # Errors
/// [`WitnessError::Io`].
pub fn keep(
    dir: &Path,
    kind: Kind,
    known: &Known,
    sent: &Checkpoint,
    request: &AddCheckpoint<'_>,
) -> Result<bool, WitnessError> {
    let forks = dir.join(FORKS);
    let short = |hex: String| hex.chars().take(16).collect::<String>();
    let of_log = format!("{}-{}-", kind.word(), short(origin_hash(sent.origin())));
    let name = format!("{of_log}{}-{}", sent.size(), short(sent.root().to_string()));
    let folder = forks.join(name);
    if folder.join("request").exists() {
        return Ok(false);
    }
    let listed = fs::read_dir(&forks).map_err(failed("read the folder", &forks))?;
    let kept = listed
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&of_log));
    if kept.count() >= MOST {
        return Ok(false);
    }
    make_folder(&folder)?;
    replace(&folder.join("known"), known.note.as_bytes())?;
    replace(&folder.join("sent"), request.note.as_bytes())?;
    // Last, so that a folder with it is whole.
    let proof = AddCheckpoint {
        note: "",
        ..request.clone()
    };
    replace(&folder.join("request"), proof.to_body().as_bytes())?;
    Ok(true)
}

/// Everything kept, forks first. A folder that a crash left half made is passed over.
///
/// # Errors
/// [`WitnessError::Io`], [`WitnessError::File`].
pub fn list(dir: &Path) -> Result<Vec<Evidence>, WitnessError> {
    let forks = dir.join(FORKS);
    let mut found = Vec::new();
    for entry in fs::read_dir(&forks).map_err(failed("read the folder", &forks))? {
        let folder = entry.map_err(failed("read the folder", &forks))?.path();
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(kind) = name.and_then(Kind::of_name) else {
            continue;
        };
        if folder.join("request").exists() {
            found.push(Evidence {
                kind,
                known: head(&folder.join("known"))?,
                sent: head(&folder.join("sent"))?,
                folder,
            });
        }
    }
    found.sort_by(|a, b| (a.kind, &a.folder).cmp(&(b.kind, &b.folder)));
    Ok(found)
}

fn head(path: &Path) -> Result<(Checkpoint, String), WitnessError> {
    let fault = |fault: String| WitnessError::File {
        path: path.to_path_buf(),
        fault,
    };
    let text =
        read_text(path, MAX_NOTE_BYTES as u64)?.ok_or_else(|| fault(String::from("is missing")))?;
    let note = Note::parse(text.as_bytes()).map_err(|error| fault(error.to_string()))?;
    let checkpoint =
        Checkpoint::parse_text(note.text()).map_err(|error| fault(error.to_string()))?;
    Ok((checkpoint, text))
}
