//! Restoring: a backup becomes an installation again, after every byte of the copy is verified, and says exactly how much
//! of what witnesses know it does not have.

use super::backup::{BACKUP, Manifest, copy_keys, read_manifest, refused};
use super::{InstallationError, log_policy, make_empty_folder, of_fold, read_checkpoint};
use crate::journal::disk::{Disk, TEMPORARY};
use crate::journal::snapshot::Rules;
use crate::journal::{JournalError, Known, Options, RealDisk, attachments, layout};
use crate::sequencer::{self, Opening, Until, state_digest};
use keepwhole_core::state::State;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::parse_hex;
use keepwhole_verify::note::VerifierKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is restored, and from where.
#[derive(Clone, Debug)]
pub struct Source {
    /// Folder of the backup.
    pub from: PathBuf,
    /// Files with checkpoints that witnesses hold of this log.
    pub witness: Vec<PathBuf>,
    /// Folder with `keys/`, where the backup holds none.
    pub keys: Option<PathBuf>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself; the copy holds exactly this.
    pub manifest: Manifest,
    /// Digest of the state folded from it.
    pub state_digest: String,
    /// Owners registered in it.
    pub owners: usize,
    /// Assets registered in it.
    pub assets: usize,
    /// Entries that a witness knows and the backup does not hold.
    pub missing: u64,
    /// Whether the secret keys are there, without which it can only be read.
    pub keys: bool,
    /// How long it took.
    pub took: Duration,
}

/// Copies the backup to `to`, new or empty, and verifies the copy: every root, the checkpoint's signature, every document,
/// the fold. Where a witness knows more, its checkpoint is kept in the folder `witness`, so that the installation refuses
/// to go on writing and shows what it has.
///
/// # Errors
/// [`InstallationError::Backup`], [`InstallationError::Checkpoint`], [`InstallationError::NotEmpty`];
/// [`InstallationError::Journal`] where the backup is damaged or of another history than a witness knows. Then `to` holds
/// nothing.
pub fn restore(source: &Source, to: &Path) -> Result<Restored, InstallationError> {
    let began = Instant::now();
    let manifest = read_manifest(&source.from)?;
    let key = VerifierKey::parse(&manifest.log_key).map_err(|error| {
        refused(
            &source.from.join(BACKUP),
            format!("has a wrong `log_key`: {error}"),
        )
    })?;
    if key.name() != manifest.origin {
        return Err(refused(
            &source.from.join(BACKUP),
            "names another log than its key",
        ));
    }
    let witnessed = witnessed(source, &key)?;
    make_empty_folder(to)?;
    let restored = fill(source, to, manifest, &key, &witnessed);
    match restored {
        Ok(restored) => Ok(Restored {
            took: began.elapsed(),
            ..restored
        }),
        Err(error) => {
            // It was empty before: what lies there now is our own unverified copy.
            fs::remove_dir_all(to).map_err(InstallationError::io("remove", to))?;
            Err(error)
        }
    }
}

/// Restores into a new folder below `below`, verifies, and removes it again.
///
/// # Errors
/// As [`restore`].
pub fn drill(source: &Source, below: &Path) -> Result<Restored, InstallationError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| refused(below, error.to_string()))?;
    let to = below.join(format!(
        "keepwhole-drill-{:016x}",
        u64::from_be_bytes(random)
    ));
    let restored = restore(source, &to)?;
    fs::remove_dir_all(&to).map_err(InstallationError::io("remove", &to))?;
    Ok(restored)
}

/// Checkpoints that witnesses hold: those in the backup, and those that were given.
fn witnessed(source: &Source, key: &VerifierKey) -> Result<Vec<Known>, InstallationError> {
    super::known(
        &source.from,
        &log_policy(&source.from, key)?,
        &source.witness,
    )
}

fn fill(
    source: &Source,
    to: &Path,
    manifest: Manifest,
    key: &VerifierKey,
    witnessed: &[Known],
) -> Result<Restored, InstallationError> {
    let from = RealDisk::at(&source.from);
    let mut target = RealDisk::at(to);
    for entry in &manifest.segments {
        let path = layout::segment_path(entry.first);
        let found = from
            .len(&path)
            .map_err(InstallationError::io("measure", &source.from))?;
        if found != Some(entry.bytes) {
            let fault = match found {
                None => format!("lacks segment `{path}`"),
                Some(bytes) => format!(
                    "has `{bytes}` bytes in segment `{path}` instead of `{}`",
                    entry.bytes
                ),
            };
            return Err(refused(&source.from, fault));
        }
        copy(&source.from, to, &mut target, &path)?;
    }
    copy(&source.from, to, &mut target, layout::CHECKPOINT)?;
    if source.from.join(layout::KEY_HISTORY).exists() {
        copy(&source.from, to, &mut target, layout::KEY_HISTORY)?;
    }
    for folder in [layout::ATTACHMENTS, layout::WITNESS] {
        let listed = from
            .list(folder)
            .map_err(InstallationError::io("list", &source.from))?;
        for path in listed.iter().filter(|path| !path.ends_with(TEMPORARY)) {
            copy(&source.from, to, &mut target, path)?;
        }
    }
    let mut restored = verify(to, manifest, key, witnessed)?;
    keep_witnesses(source, to, key, &mut target)?;
    let keys = source
        .keys
        .as_deref()
        .or(restored.manifest.keys.then_some(source.from.as_path()));
    if let Some(keys) = keys {
        restored.keys = copy_keys(keys, to)?;
        super::check_key(to, &restored.manifest.origin, key)?;
    }
    // Last: without it the folder is no installation.
    let origin = format!("{}\n", restored.manifest.origin);
    target
        .write_atomic(layout::ORIGIN, origin.as_bytes())
        .map_err(InstallationError::io("write to", to))?;
    Ok(restored)
}

fn copy(
    from: &Path,
    to: &Path,
    target: &mut RealDisk,
    path: &str,
) -> Result<(), InstallationError> {
    let (source, place) = (from.join(path), to.join(path));
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(InstallationError::io("make the folder", folder))?;
    }
    fs::copy(&source, &place).map_err(InstallationError::io("copy", &source))?;
    target
        .sync(path)
        .map_err(InstallationError::io("sync", &place))?;
    target
        .sync_dir(crate::journal::disk::folder_of(path))
        .map_err(InstallationError::io("sync", to))
}

/// Verifies the copy as an opening would, and compares it with what the backup says of itself.
fn verify(
    to: &Path,
    manifest: Manifest,
    key: &VerifierKey,
    witnessed: &[Known],
) -> Result<Restored, InstallationError> {
    let opening = Opening {
        options: Options {
            log_key: Some(key.clone()),
            ..Options::default()
        },
        rules: Rules::default(),
        known: witnessed
            .iter()
            .filter(|known| known.size <= manifest.size)
            .cloned()
            .collect(),
        until: Until::End,
        blank: State::default(),
    };
    let (journal, recovery, damage, folded) =
        sequencer::read(RealDisk::at(to), opening).map_err(of_fold)?;
    if let Some(damage) = damage {
        return Err(damage.into());
    }
    let head = journal.head();
    if recovery.torn_tail.is_some()
        || (head.size, head.root.to_string()) != (manifest.size, manifest.root.clone())
    {
        let fault = format!(
            "names `{}` entries under another root than its segments hold (`{}`)",
            manifest.size, head.size
        );
        return Err(refused(Path::new(BACKUP), fault));
    }
    if recovery.published != Some(manifest.size) {
        let fault = recovery
            .checkpoint_fault
            .unwrap_or_else(|| String::from("is of another size"));
        return Err(InstallationError::Checkpoint {
            path: PathBuf::from(layout::CHECKPOINT),
            fault,
        });
    }
    let documents = documents(journal.disk())?;
    if documents != manifest.documents {
        return Err(refused(
            Path::new(BACKUP),
            format!(
                "names `{}` documents, there are `{documents}`",
                manifest.documents
            ),
        ));
    }
    let most = witnessed.iter().map(|known| known.size).max().unwrap_or(0);
    Ok(Restored {
        missing: most.saturating_sub(manifest.size),
        manifest,
        state_digest: state_digest(&folded.state),
        owners: folded.state.registry.owners.len(),
        assets: folded.state.registry.assets.len(),
        keys: false,
        took: Duration::ZERO,
    })
}

fn documents(disk: &RealDisk) -> Result<u64, InstallationError> {
    let listed = disk
        .list(layout::ATTACHMENTS)
        .map_err(InstallationError::io("list", disk.root()))?;
    let mut number = 0;
    for path in listed {
        let digest = path
            .rsplit('/')
            .next()
            .and_then(parse_hex::<32>)
            .map(Digest::from_bytes);
        let digest = digest.ok_or_else(|| JournalError::StrangeFile(path.clone()))?;
        attachments::read(disk, &digest)?;
        number += 1;
    }
    Ok(number)
}

/// Keeps the given checkpoints, so that the installation goes on comparing itself with them.
fn keep_witnesses(
    source: &Source,
    to: &Path,
    key: &VerifierKey,
    target: &mut RealDisk,
) -> Result<(), InstallationError> {
    let keys = log_policy(to, key)?;
    for path in &source.witness {
        let known = read_checkpoint(path, &keys)?;
        let bytes = fs::read(path).map_err(InstallationError::io("read", path))?;
        let root = known.root.to_string();
        let short = root.get(..16).unwrap_or_default();
        let name = format!("{}/{:020}-{short}.checkpoint", layout::WITNESS, known.size);
        target
            .write_atomic(&name, &bytes)
            .map_err(InstallationError::io("write to", to))?;
    }
    Ok(())
}
