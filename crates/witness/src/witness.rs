//! What a witness answers, and why: the checks of c2sp.org/tlog-witness in their order.

use crate::error::WitnessError;
use crate::evidence::{self, Kind};
use crate::files::make_folder;
use crate::key;
use crate::logs::{LOGS, TrustedLogs};
use crate::request::AddCheckpoint;
use crate::store::{self, Known, Lock, Store};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::cosignature::Witness as Cosigner;
use keepwhole_verify::note::{Note, Verified, VerifierKey, is_key_name};
use std::fs;
use std::path::{Path, PathBuf};

/// The answer to `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: the cosignature line, with its newline.
    Cosigned(String),
    /// 400: the body is malformed, or the old size is above the checkpoint's.
    Malformed(String),
    /// 403: no trusted key signed the checkpoint, or a signature under a trusted key's name is wrong.
    NotSigned,
    /// 404: the log is not one that this witness watches.
    UnknownLog,
    /// 409: the old size is not that of the newest cosigned checkpoint, which is this.
    OtherSize(u64),
    /// 422: the checkpoint does not grow from the newest cosigned one.
    Inconsistent(String),
}

/// A witness on its folder. One process at a time: the folder's lock is held until it is dropped.
#[derive(Debug)]
pub struct Witness {
    dir: PathBuf,
    cosigner: Cosigner,
    logs: TrustedLogs,
    store: Store,
    stopped: bool,
    _lock: Lock,
}

/// Makes a witness in a new or empty folder: its key, the list of trusted logs, an empty memory. Returns its key.
///
/// # Errors
/// [`WitnessError::Name`], [`WitnessError::NotEmpty`], [`WitnessError::File`] for a list that is wrong,
/// [`WitnessError::Io`].
pub fn create(dir: &Path, name: &str, list: &Path) -> Result<VerifierKey, WitnessError> {
    use crate::files::{failed, read_text, replace};
    if !is_key_name(name) {
        return Err(WitnessError::Name {
            name: name.to_owned(),
        });
    }
    TrustedLogs::load(list)?;
    if dir.exists() {
        let mut inside = fs::read_dir(dir).map_err(failed("read the folder", dir))?;
        if inside.next().is_some() {
            return Err(WitnessError::NotEmpty {
                dir: dir.to_path_buf(),
            });
        }
    }
    make_folder(dir)?;
    store::create(dir)?;
    evidence::create(dir)?;
    let text = read_text(list, u64::MAX >> 1)?.unwrap_or_default();
    replace(&dir.join(LOGS), text.as_bytes())?;
    // Last: a folder with a key is whole.
    Ok(key::create(dir, name)?.key().clone())
}

impl Witness {
    /// Takes the folder and reads what was cosigned before.
    ///
    /// # Errors
    /// [`WitnessError::NoWitness`], [`WitnessError::InUse`], [`WitnessError::File`], [`WitnessError::Io`].
    pub fn open(dir: &Path) -> Result<Self, WitnessError> {
        let cosigner = key::load(dir)?;
        let lock = store::lock(dir)?;
        let logs = TrustedLogs::load(&dir.join(LOGS))?;
        let store = Store::open(dir, cosigner.key())?;
        Ok(Self {
            dir: dir.to_path_buf(),
            cosigner,
            logs,
            store,
            stopped: false,
            _lock: lock,
        })
    }

    /// The key that verifies its cosignatures.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        self.cosigner.key()
    }

    /// The logs it watches.
    #[must_use]
    pub const fn logs(&self) -> &TrustedLogs {
        &self.logs
    }

    /// The newest cosigned checkpoint of the log whose origin has this hash, with its signatures.
    #[must_use]
    pub fn newest(&self, origin_hash: &str) -> Option<&Known> {
        self.store
            .all()
            .find(|known| store::origin_hash(known.checkpoint.origin()) == origin_hash)
    }

    /// Judges a request at `now` (seconds since the epoch). A cosignature is given out only after the checkpoint is
    /// remembered durably; the caller must let no two calls overlap, which `&mut` sees to.
    ///
    /// # Errors
    /// [`WitnessError::Io`] when the memory could not be written, and [`WitnessError::Stopped`] ever after.
    pub fn add_checkpoint(&mut self, body: &[u8], now: u64) -> Result<Answer, WitnessError> {
        if self.stopped {
            return Err(WitnessError::Stopped);
        }
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(fault) => return Ok(Answer::Malformed(fault)),
        };
        let (note, sent, verified) = match self.signed(&request) {
            Ok(signed) => signed,
            Err(answer) => return Ok(answer),
        };
        if !self.logs.count(&verified, sent.size()) {
            if let Some(known) = self.store.known(sent.origin()) {
                evidence::keep(&self.dir, Kind::Retired, known, &sent, &request)?;
            }
            return Ok(Answer::NotSigned);
        }
        let answered = self.judge(&request, &note, &sent, now);
        self.stopped = answered.is_err();
        answered
    }

    /// The checkpoint, if a trusted key of its log signed it.
    fn signed(&self, request: &AddCheckpoint<'_>) -> Result<(Note, Checkpoint, Verified), Answer> {
        let malformed = |error: &dyn std::fmt::Display| Answer::Malformed(error.to_string());
        let note = Note::parse(request.note.as_bytes()).map_err(|error| malformed(&error))?;
        let sent = match Checkpoint::parse_text(note.text()) {
            Ok(sent) => sent,
            Err(error @ keepwhole_verify::checkpoint::CheckpointError::EmptyRoot) => {
                return Err(Answer::Inconsistent(error.to_string()));
            }
            Err(error) => return Err(malformed(&error)),
        };
        let keys = self.logs.keys(sent.origin()).ok_or(Answer::UnknownLog)?;
        let verified = note.verify(keys).map_err(|_| Answer::NotSigned)?;
        Ok((note, sent, verified))
    }

    fn judge(
        &mut self,
        request: &AddCheckpoint<'_>,
        note: &Note,
        sent: &Checkpoint,
        now: u64,
    ) -> Result<Answer, WitnessError> {
        if request.old > sent.size() {
            return Ok(Answer::Malformed(format!(
                "the old size `{}` is above the checkpoint's `{}`",
                request.old,
                sent.size()
            )));
        }
        let empty = Checkpoint::new(sent.origin(), 0, keepwhole_verify::tree::empty_root());
        let known = self.store.known(sent.origin()).cloned();
        if let Some(known) = &known {
            let (before, size) = (&known.checkpoint, known.checkpoint.size());
            if sent.size() == size && sent.root() != before.root() {
                evidence::keep(&self.dir, Kind::Fork, known, sent, request)?;
            } else if sent.size() < size {
                evidence::keep(&self.dir, Kind::Rollback, known, sent, request)?;
            }
        }
        let before = match (&known, empty) {
            (Some(known), _) => known.checkpoint.clone(),
            (None, Ok(empty)) => empty,
            (None, Err(error)) => return Ok(Answer::Malformed(error.to_string())),
        };
        if request.old != before.size() {
            return Ok(Answer::OtherSize(before.size()));
        }
        if let Err(error) = before.check_grows_to(sent, &request.proof) {
            if let Some(known) = known.filter(|known| known.checkpoint.size() < sent.size()) {
                evidence::keep(&self.dir, Kind::NoProof, &known, sent, request)?;
            }
            return Ok(Answer::Inconsistent(error.to_string()));
        }
        let time = self.store.time_from(now);
        let line = self.cosigner.cosign(time, note.text());
        let keys = self.logs.keys(sent.origin()).unwrap_or_default();
        let known = Known {
            checkpoint: sent.clone(),
            note: remembered(note, keys, &line),
            time,
        };
        self.store.remember(known, &line)?;
        Ok(Answer::Cosigned(line.to_line()))
    }
}

/// The checkpoint with the signatures of trusted keys and ours; lines of unknown keys are not kept.
fn remembered(
    note: &Note,
    keys: &[VerifierKey],
    line: &keepwhole_verify::note::SignatureLine,
) -> String {
    let mut text = format!("{}\n", note.text());
    let trusted = note.lines().iter().filter(|line| {
        keys.iter()
            .any(|key| key.name() == line.name && key.id() == line.id)
    });
    for line in trusted.chain([line]) {
        text.push_str(&line.to_line());
    }
    text
}
