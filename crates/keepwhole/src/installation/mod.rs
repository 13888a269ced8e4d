//! An installation: the one folder that holds an exchange's journal, keys, published log and documents.
//!
//! [`Installation::create`] makes one, [`Installation::open`] takes it for the one writer, [`Reading::open`] looks at it
//! beside a running writer. [`Installation::run`] puts the sequencer on its thread and keeps the checkpoint published;
//! [`ConsoleFeed`] answers the console from it. The files are those of docs/journal-format.md, "Files".

mod backtests;
mod backup;
mod log_key;
mod record_authority;
mod record_case;
mod record_clearance;
mod record_door;
mod record_json;
mod record_price;
mod record_subject;
mod repair;
mod restore;
mod rotation;
mod running;
mod snapshotter;
mod source;
mod witnessed;

pub use backup::{BackedUp, Manifest, backup};
pub use log_key::{InToken, LogSigner, NewKey, next, open as log_signer};
pub use record_json::{kind, reason_json, record_json};
pub use repair::{DAMAGED, Repaired, repair};
pub use restore::{Restored, Source, drill, restore};
pub use rotation::{Rotated, history, log_policy, prepare, rotate};
pub use running::{Running, ScrubPace, Tell};
pub use source::{ConsoleFeed, Feed};
pub use witnessed::{known, read_checkpoint};

use crate::journal::installation as files;
use crate::journal::keys::{self, KeyFile};
use crate::journal::snapshot::{Ignored, Rules};
use crate::journal::{
    Journal, JournalError, Options, Publisher, RealDisk, Recovery, layout, tiles::LogFiles,
};
use crate::law::{SourceFile, load};
use crate::sequencer::{self, FoldError, Folded, Opening, Sequencer, SequencerError, Until, fold};
use crate::text::Lang;
use crate::views::reason_line;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::law::{day_at, offset_of_zone};
use keepwhole_core::state::State;
use keepwhole_edge::settings::FILE;
use keepwhole_verify::checkpoint::{Checkpoint, is_origin};
use keepwhole_verify::note::{NoteSigner as _, VerifierKey};
use keepwhole_verify::policy::Policy;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The exchange's own report, where the folder holds one.
pub const REPORT: &str = "report.html";

/// Why an installation could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// There is no folder of that name.
    #[error("no folder `{}`; make an installation with `keepwhole init --data {}`", dir.display(), dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder is there and holds no installation.
    #[error(
        "`{}` holds no installation (file `{missing}` is missing); make one in an empty folder with `keepwhole init --data DIR`",
        dir.display()
    )]
    NoInstallation {
        /// The folder.
        dir: PathBuf,
        /// The file that every installation has.
        missing: &'static str,
    },
    /// Something lies in the folder already.
    #[error(
        "`{}` is not empty (it holds `{holds}`); an installation is made only in a new or empty folder",
        dir.display()
    )]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
        /// The first name in it.
        holds: String,
    },
    /// A name that no log can have.
    #[error(
        "origin `{origin}` can't name a log: no spaces, no `+`, no `://`; an example is `exchange.example/keepwhole`"
    )]
    Origin {
        /// The name.
        origin: String,
    },
    /// A file operation failed.
    #[error("can't {doing} `{}`: {cause}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A folder that should be a backup, or take one.
    #[error("`{}` {fault}", path.display())]
    Backup {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file that should be a checkpoint of this log.
    #[error("file `{}` {fault}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// `keepwhole.toml` is wrong.
    #[error("{0}")]
    Settings(String),
    /// The log's key can't be rotated so.
    #[error("{0}")]
    Rotation(String),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal could not be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The sequencer stopped.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The law shipped with the program, or its adoption, was refused: our own fault.
    #[error("the law shipped with this program was refused: {0}")]
    Law(String),
    /// The sequencer's thread ended without saying why: our own fault.
    #[error("the sequencer ended without a reason; nothing that was answered is lost, start again")]
    Ended,
}

impl InstallationError {
    fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |cause| Self::Io {
            doing,
            path: path.to_path_buf(),
            cause,
        }
    }

    /// The journal's own error, where it is one at the bottom.
    #[must_use]
    pub const fn journal(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error)
            | Self::Fold(FoldError::Journal(error))
            | Self::Sequencer(SequencerError::Journal(error))
            | Self::Sequencer(SequencerError::Fold(FoldError::Journal(error))) => Some(error),
            _ => None,
        }
    }
}

/// How an installation is looked after.
#[derive(Clone, Debug, Default)]
pub struct Care {
    /// When snapshots are written and used.
    pub snapshots: Rules,
    /// How much is scrubbed how often.
    pub scrub: ScrubPace,
    /// Files with checkpoints that witnesses hold of this log, besides those in its folder `witness`.
    pub witness: Vec<PathBuf>,
    /// Signed heads wait in `log/pending` for the cosignatures of witnesses; whoever collects these publishes them.
    pub pending: bool,
}

/// An installation, open for writing: its lock is held until this is dropped.
#[derive(Debug)]
pub struct Installation {
    /// The folder.
    pub dir: PathBuf,
    /// The name of the log.
    pub origin: String,
    /// The key that verifies checkpoints.
    pub log_key: VerifierKey,
    /// What opening found and did.
    pub recovery: Recovery,
    /// The state and its journal.
    pub sequencer: Sequencer<RealDisk>,
    /// What publishes checkpoint and tiles.
    pub publisher: Publisher,
    /// Position of the snapshot that opening began with.
    pub snapshot: Option<u64>,
    /// Snapshots that were left aside, and why.
    pub ignored: Vec<Ignored>,
    care: Care,
    snapshot_bytes: u64,
    /// Signs snapshots.
    signer: LogSigner,
}

impl Installation {
    /// Makes an installation with new keys and an empty journal in `dir`, which must be absent or empty.
    ///
    /// # Errors
    /// [`InstallationError::Origin`], [`InstallationError::NotEmpty`], [`InstallationError::Io`],
    /// [`InstallationError::Journal`].
    pub fn create(dir: &Path, origin: &str) -> Result<Self, InstallationError> {
        Self::create_with(dir, origin, &NewKey::File)
    }

    /// As [`create`](Self::create), with the log's key where `key` says. A token is asked before anything is written.
    ///
    /// # Errors
    /// As [`create`](Self::create); [`JournalError::Key`] for a token that can't be used.
    pub fn create_with(dir: &Path, origin: &str, key: &NewKey) -> Result<Self, InstallationError> {
        if !is_origin(origin) {
            return Err(InstallationError::Origin {
                origin: origin.to_owned(),
            });
        }
        make_empty_folder(dir)?;
        if let NewKey::Token(access, _) = key {
            log_key::write_settings(dir, access)?;
            let made = log_key::make(dir, KeyFile::Log, origin, key);
            // Nothing is left of a try that failed, so that the next one finds the folder empty.
            made.inspect_err(|_| drop(fs::remove_file(dir.join(FILE))))?;
        }
        files::make(dir, origin)?;
        let signer = log_key::open(dir, KeyFile::Log, origin)?;
        let opened = files::open_by::<_, FoldError>(
            dir,
            Options::default(),
            false,
            Box::new(signer.clone()),
            |disk, options| {
                let (journal, recovery) = Journal::open(disk, options)?;
                Ok((journal, recovery, ()))
            },
        );
        let (files, ()) = opened.map_err(of_fold)?;
        let care = Care::default();
        Ok(Self::of(dir, files, Folded::default(), signer, care))
    }

    /// Takes the lock, repairs what a crash left, verifies and folds the journal (from the newest good snapshot on), and
    /// publishes its head.
    ///
    /// # Errors
    /// [`InstallationError::Missing`], [`InstallationError::NoInstallation`]; [`InstallationError::Journal`] with
    /// [`JournalError::LockHeld`] beside another writer and [`JournalError::Damaged`] for a damaged journal;
    /// [`InstallationError::Fold`] for records of a newer program.
    pub fn open(dir: &Path) -> Result<Self, InstallationError> {
        Self::open_with(dir, Care::default())
    }

    /// As [`open`](Self::open), looked after as `care` says.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`InstallationError::Checkpoint`] for a witness's file that is none.
    pub fn open_with(dir: &Path, care: Care) -> Result<Self, InstallationError> {
        let origin = read_origin(dir)?;
        let key = keys::public(dir, KeyFile::Log, &origin)?;
        let policy = log_policy(dir, &key)?;
        Self::open_signing(dir, care, KeyFile::Log, &policy, true)
    }

    /// Opens with this key, which is checked against the one that the journal names unless that is about to change.
    fn open_signing(
        dir: &Path,
        care: Care,
        which: KeyFile,
        policy: &Policy,
        check: bool,
    ) -> Result<Self, InstallationError> {
        let origin = read_origin(dir)?;
        let signer = log_key::open(dir, which, &origin)?;
        let key = signer.key().clone();
        let known = known(dir, policy, &care.witness)?;
        let opener = |disk, options| {
            let opening = Opening {
                options,
                rules: care.snapshots,
                known,
                until: Until::End,
                blank: State::default(),
            };
            let (journal, recovery, folded) = sequencer::open(disk, opening)?;
            if check {
                rotation::check_named(&folded.state, &key)?;
            }
            Ok((journal, recovery, folded))
        };
        let (options, pending) = (Options::default(), care.pending);
        let shared = Box::new(signer.clone());
        let opened = files::open_by::<_, FoldError>(dir, options, pending, shared, opener);
        let (files, folded) = opened.map_err(of_fold)?;
        rotation::keep_history(dir, &folded.state)?;
        Ok(Self::of(dir, files, folded, signer, care))
    }

    fn of(
        dir: &Path,
        files: files::Installation,
        folded: Folded,
        signer: LogSigner,
        care: Care,
    ) -> Self {
        Self {
            dir: dir.to_path_buf(),
            log_key: files.publisher.key().clone(),
            origin: files.origin,
            recovery: files.recovery,
            sequencer: Sequencer::resume(files.journal, folded.state),
            publisher: files.publisher,
            snapshot: folded.snapshot,
            ignored: folded.ignored,
            care,
            snapshot_bytes: folded.snapshot_bytes,
            signer,
        }
    }

    /// Adopts the law shipped with the program at `now` (ms since the epoch) and publishes the head. Returns the number
    /// of rules.
    ///
    /// # Errors
    /// [`InstallationError::Law`] where the shipped law is refused; [`InstallationError::Sequencer`].
    pub fn adopt_shipped_law(&mut self, now: u64) -> Result<usize, InstallationError> {
        let today = offset_of_zone("Asia/Seoul").and_then(|offset| day_at(now, offset));
        let law = load(&SourceFile::shipped(), today);
        if let Some(refusal) = law.refusals.first() {
            return Err(InstallationError::Law(refusal.to_string()));
        }
        let rules: Vec<_> = law.set.rules().values().cloned().collect();
        let count = rules.len();
        let body = Body::AdoptLaw {
            rules,
            digest: law.set.digest(),
        };
        let command = Command {
            id: Some(String::from("init-law")),
            actor: None,
            body,
        };
        let replies = self.sequencer.turn(now, &[command])?;
        match replies.first().map(|reply| &reply.answer) {
            Some(Answer::Recorded) => {}
            other => {
                let state = self.sequencer.state();
                let reason = other.and_then(Answer::reason);
                let why = reason.map(|reason| reason_line(state, None, reason, Lang::En));
                let why = why.unwrap_or_else(|| String::from("the journal did not record it"));
                return Err(InstallationError::Law(format!("it is not adopted: {why}")));
            }
        }
        self.publish()?;
        Ok(count)
    }

    /// Publishes tiles and checkpoint of the journal's head.
    ///
    /// # Errors
    /// [`InstallationError::Journal`].
    pub fn publish(&mut self) -> Result<(), InstallationError> {
        self.publisher.publish(self.sequencer.journal_mut())?;
        Ok(())
    }
}

/// An installation, open for reading only: without its lock, beside a running writer, changing nothing.
#[derive(Debug)]
pub struct Reading {
    /// The folder.
    pub dir: PathBuf,
    /// The name of the log.
    pub origin: String,
    /// The key that verifies checkpoints.
    pub log_key: VerifierKey,
    /// What opening found.
    pub recovery: Recovery,
    /// The journal, up to the first damage.
    pub journal: Journal<RealDisk>,
    /// The first damage, behind which nothing is read.
    pub damage: Option<JournalError>,
}

impl Reading {
    /// Verifies every frame; a damaged journal opens with its verified part.
    ///
    /// # Errors
    /// As [`Installation::open`], without lock and damage.
    pub fn open(dir: &Path) -> Result<Self, InstallationError> {
        let (origin, log_key) = identity(dir)?;
        let options = Options {
            log_key: Some(log_key.clone()),
            ..Options::default()
        };
        let (journal, recovery, damage) = Journal::open_read_only(RealDisk::at(dir), options)?;
        let dir = dir.to_path_buf();
        Ok(Self {
            dir,
            origin,
            log_key,
            recovery,
            journal,
            damage,
        })
    }

    /// The state at `until`, folded from the nearest good snapshot before it while the frames behind that are verified.
    /// What lies before the snapshot is not read; [`open`](Self::open) reads it. A damaged journal opens with its verified
    /// part.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`state`](Self::state); [`InstallationError::Checkpoint`].
    pub fn open_at(
        dir: &Path,
        until: Until,
        care: &Care,
    ) -> Result<(Self, Folded), InstallationError> {
        let (origin, log_key) = identity(dir)?;
        let opening = Opening {
            options: Options {
                log_key: Some(log_key.clone()),
                ..Options::default()
            },
            rules: care.snapshots,
            known: known(dir, &log_policy(dir, &log_key)?, &care.witness)?,
            until,
            blank: State::default(),
        };
        let opened = sequencer::read(RealDisk::at(dir), opening);
        let (journal, recovery, damage, folded) = opened.map_err(of_fold)?;
        let dir = dir.to_path_buf();
        let reading = Self {
            dir,
            origin,
            log_key,
            recovery,
            journal,
            damage,
        };
        Ok((reading, folded))
    }

    /// As [`open_at`](Self::open_at), refusing a damaged journal, and the state alone.
    ///
    /// # Errors
    /// As [`open_at`](Self::open_at).
    pub fn open_whole_at(dir: &Path, until: Until) -> Result<(Self, State), InstallationError> {
        let (mut reading, folded) = Self::open_at(dir, until, &Care::default())?;
        match reading.damage.take() {
            Some(damage) => Err(damage.into()),
            None => Ok((reading, folded.state)),
        }
    }

    /// As [`open`](Self::open), refusing a damaged journal.
    ///
    /// # Errors
    /// As [`Installation::open`], without lock.
    pub fn open_whole(dir: &Path) -> Result<Self, InstallationError> {
        let mut reading = Self::open(dir)?;
        match reading.damage.take() {
            Some(damage) => Err(damage.into()),
            None => Ok(reading),
        }
    }

    /// The state up to `until`.
    ///
    /// # Errors
    /// [`InstallationError::Fold`].
    pub fn state(&self, until: Until) -> Result<State, InstallationError> {
        Ok(fold(&self.journal, until, &mut |_| {})?)
    }

    /// The published checkpoint; `None` where none is published.
    ///
    /// # Errors
    /// [`InstallationError::Journal`] where it can't be read or our key did not sign it.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, InstallationError> {
        published(&self.dir, &self.journal, &self.log_key)
    }
}

/// A journal's own error stays one, so that its code and place are told.
fn of_fold(error: FoldError) -> InstallationError {
    match error {
        FoldError::Journal(error) => InstallationError::Journal(error),
        error => InstallationError::Fold(error),
    }
}

/// The secret key in `dir` is the one whose public half is `key`.
fn check_key(dir: &Path, origin: &str, key: &VerifierKey) -> Result<(), InstallationError> {
    if keys::public(dir, KeyFile::Log, origin)? == *key {
        return Ok(());
    }
    let path = String::from(KeyFile::Log.path());
    let fault = String::from("is another key than the one that signed the checkpoint");
    Err(JournalError::Key { path, fault }.into())
}

/// Origin and public log key of the installation in `dir`.
fn identity(dir: &Path) -> Result<(String, VerifierKey), InstallationError> {
    let origin = read_origin(dir)?;
    let log_key = keys::public(dir, KeyFile::Log, &origin)?;
    Ok((origin, log_key))
}

/// The published checkpoint, verified with `key`.
fn published(
    dir: &Path,
    journal: &Journal<RealDisk>,
    key: &VerifierKey,
) -> Result<Option<Checkpoint>, InstallationError> {
    if !dir.join(layout::CHECKPOINT).exists() {
        return Ok(None);
    }
    let (_, note) = LogFiles(journal.disk()).checkpoint()?;
    let (checkpoint, _) = Checkpoint::verify(note.as_bytes(), std::slice::from_ref(key))
        .map_err(JournalError::Checkpoint)?;
    Ok(Some(checkpoint))
}

/// The origin of the installation in `dir`.
///
/// # Errors
/// [`InstallationError::Missing`], [`InstallationError::NoInstallation`], [`InstallationError::Io`];
/// [`JournalError::Origin`] where the file does not hold exactly one line with a log's name.
pub fn read_origin(dir: &Path) -> Result<String, InstallationError> {
    if !dir.is_dir() {
        return Err(InstallationError::Missing {
            dir: dir.to_path_buf(),
        });
    }
    if !dir.join(layout::ORIGIN).exists() {
        let dir = dir.to_path_buf();
        return Err(InstallationError::NoInstallation {
            dir,
            missing: layout::ORIGIN,
        });
    }
    Ok(files::origin(&RealDisk::at(dir))?)
}

/// The public half of a key of the installation in `dir`.
///
/// # Errors
/// As [`read_origin`]; [`JournalError::Key`].
pub fn verifier_key(dir: &Path, which: KeyFile) -> Result<VerifierKey, InstallationError> {
    let origin = read_origin(dir)?;
    Ok(keys::public(dir, which, &origin)?)
}

/// Makes `dir`, which others can't look into, or finds it empty.
fn make_empty_folder(dir: &Path) -> Result<(), InstallationError> {
    if dir.exists() {
        let mut inside =
            fs::read_dir(dir).map_err(InstallationError::io("read the folder", dir))?;
        return match inside.next() {
            None => Ok(()),
            Some(found) => {
                let found = found.map_err(InstallationError::io("read the folder", dir))?;
                let holds = found.file_name().to_string_lossy().into_owned();
                Err(InstallationError::NotEmpty {
                    dir: dir.to_path_buf(),
                    holds,
                })
            }
        };
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(InstallationError::io("make the folder", dir))
}
