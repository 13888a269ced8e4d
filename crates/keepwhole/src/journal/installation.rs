//! A whole installation on the real disk: its origin, keys, journal and published log, made once and opened often.

use super::disk::{Disk, Naming as _};
use super::error::JournalError;
use super::keys::{self, KeyFile};
use super::layout;
use super::publish::Publisher;
use super::real_disk::RealDisk;
use super::writer::{Journal, Options, Recovery};
use keepwhole_verify::checkpoint::is_origin;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner};
use std::path::Path;

/// Everything a running program needs of an installation.
#[derive(Debug)]
pub struct Installation {
    /// Name of the log.
    pub origin: String,
    /// The journal, open for writing.
    pub journal: Journal<RealDisk>,
    /// What opening the journal found.
    pub recovery: Recovery,
    /// Publishes to `log/`.
    pub publisher: Publisher,
    /// Whether the tiles had to be built anew.
    pub tiles_rebuilt: bool,
    /// Signs evidence bundles.
    pub bundle_key: Ed25519Signer,
}

/// The origin of the installation on `disk`.
///
/// # Errors
/// [`JournalError::Origin`] when the file is missing or is not one line with an origin.
pub fn origin<D: Disk>(disk: &D) -> Result<String, JournalError> {
    if disk
        .len(layout::ORIGIN)
        .naming("measure", layout::ORIGIN)?
        .is_none()
    {
        return Err(JournalError::Origin(
            "is missing; run `keepwhole init` first".to_owned(),
        ));
    }
    let bytes = disk.read(layout::ORIGIN).naming("read", layout::ORIGIN)?;
    let line = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n'));
    let line = line.filter(|line| is_origin(line));
    line.map(str::to_owned)
        .ok_or_else(|| JournalError::Origin("is not one line with the name of a log".to_owned()))
}

/// Makes an installation in `root`: keys, origin, an empty journal and the signed checkpoint of the empty tree.
///
/// # Errors
/// As [`make`] and [`open`].
pub fn init(root: &Path, origin: &str, options: Options) -> Result<Installation, JournalError> {
    make(root, origin)?;
    open(root, options)
}

/// Makes what an installation in `root` begins with: its keys, where they are not there yet, and its origin.
///
/// A run that was cut short can be repeated; keys it made are kept.
///
/// # Errors
/// [`JournalError::Origin`] when there is one already or the name can't be an origin; [`JournalError::Key`].
pub fn make(root: &Path, origin: &str) -> Result<(), JournalError> {
    if !is_origin(origin) {
        let rule = "a space, a plus, a control character or `://`";
        return Err(JournalError::Origin(format!(
            "can't hold `{origin}`: it is empty or has {rule}"
        )));
    }
    let mut disk = RealDisk::open(root).naming("create", ".")?;
    if disk
        .len(layout::ORIGIN)
        .naming("measure", layout::ORIGIN)?
        .is_some()
    {
        return Err(JournalError::Origin(
            "is there already; an installation is made once".to_owned(),
        ));
    }
    for which in [KeyFile::Log, KeyFile::Bundle, KeyFile::Guard] {
        if disk
            .len(which.path())
            .naming("measure", which.path())?
            .is_none()
        {
            keys::create(root, which, origin)?;
        }
    }
    disk.write_atomic(layout::ORIGIN, format!("{origin}\n").as_bytes())
        .naming("write", layout::ORIGIN)?;
    Ok(())
}

/// Opens an installation for writing whose keys lie in files: takes the lock, recovers the journal and publishes its head.
///
/// `options.log_key` is set from the installation's own key.
///
/// # Errors
/// As [`Journal::open`], [`Publisher::open`] and [`keys::load`].
pub fn open(root: &Path, options: Options) -> Result<Installation, JournalError> {
    let log_key = keys::load(root, KeyFile::Log, &origin(&RealDisk::at(root))?)?;
    let (installation, ()) =
        open_by::<(), JournalError>(root, options, false, Box::new(log_key), |disk, options| {
            let (journal, recovery) = Journal::open(disk, options)?;
            Ok((journal, recovery, ()))
        })?;
    Ok(installation)
}

/// A journal that was opened, what was found, and what the opener made of it.
type Opened<T> = (Journal<RealDisk>, Recovery, T);

/// As [`open`], with a journal that `opener` opens. With `pending`, signed heads wait in `log/pending` for the
/// cosignatures of witnesses.
///
/// # Errors
/// As [`open`], or the opener's own.
pub fn open_by<T, E: From<JournalError>>(
    root: &Path,
    options: Options,
    pending: bool,
    log_key: Box<dyn NoteSigner + Send>,
    opener: impl FnOnce(RealDisk, Options) -> Result<Opened<T>, E>,
) -> Result<(Installation, T), E> {
    let disk = RealDisk::at(root);
    let origin = origin(&disk)?;
    let bundle_key = keys::load(root, KeyFile::Bundle, &origin)?;
    let options = Options {
        log_key: Some(log_key.key().clone()),
        ..options
    };
    let (mut journal, recovery, made) = opener(disk, options)?;
    let (publisher, tiles_rebuilt) = if pending {
        Publisher::open_pending(&mut journal, &origin, log_key)?
    } else {
        Publisher::open(&mut journal, &origin, log_key)?
    };
    let installation = Installation {
        origin,
        journal,
        recovery,
        publisher,
        tiles_rebuilt,
        bundle_key,
    };
    Ok((installation, made))
}
