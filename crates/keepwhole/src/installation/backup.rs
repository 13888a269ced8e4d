//! Backups: a folder with the journal up to a published checkpoint, verified frame by frame while it is copied.
//!
//! A backup has the layout of an installation, so whatever reads one reads the other; `backup.json` is written last and
//! names its head. Works beside a running writer. What is copied and what is not stands in docs/backup.md.

use super::{InstallationError, history, identity, log_policy, read_checkpoint, verifier_key};
use crate::journal::disk::{Disk, TEMPORARY};
use crate::journal::frame::{Frame, HEADER_BYTES, Header};
use crate::journal::keys::KeyFile;
use crate::journal::segment::{self, Segment, Window};
use crate::journal::{Fault, JournalError, Known, RealDisk, attachments, layout};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::parse_hex;
use keepwhole_verify::policy::Policy;
use keepwhole_verify::tree::Frontier;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// The file that names what a backup holds; written last.
pub(super) const BACKUP: &str = "backup.json";
/// The public keys, as a trust file.
const TRUST: &str = "trust.txt";
/// Form of [`Manifest`] that this program writes and reads.
const VERSION: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Form of this file.
    pub version: u32,
    /// Name of the log.
    pub origin: String,
    /// The key that verifies its checkpoints.
    pub log_key: String,
    /// Entries.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Segments in order.
    pub segments: Vec<SegmentEntry>,
    /// Documents beside the journal.
    pub documents: u64,
    /// Whether the secret keys are in it.
    pub keys: bool,
}

/// One segment of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// Position of its first entry.
    pub first: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// What a backup did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// What the backup now holds.
    pub manifest: Manifest,
    /// Segments that were copied now.
    pub copied: u64,
    /// Segments that were there from before and were verified again.
    pub kept: u64,
    /// Bytes of journal that were copied now.
    pub bytes: u64,
}

pub(super) fn refused(path: &Path, fault: impl Into<String>) -> InstallationError {
    InstallationError::Backup {
        path: path.to_path_buf(),
        fault: fault.into(),
    }
}

/// Reads the manifest of the backup in `from`.
///
/// # Errors
/// [`InstallationError::Backup`] for a folder that is no backup, or one of a newer program.
pub(super) fn read_manifest(from: &Path) -> Result<Manifest, InstallationError> {
    let path = from.join(BACKUP);
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused(
            from,
            format!("is no whole backup: `{BACKUP}` is missing; it is written last, run `keepwhole backup` again"),
        ),
        _ => refused(&path, format!("can't be read: {error}")),
    })?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        refused(
            &path,
            format!("is not what `keepwhole backup` writes: {error}"),
        )
    })?;
    if manifest.version != VERSION {
        let fault = format!(
            "has form `{}`, this program reads `{VERSION}`; a newer keepwhole is needed",
            manifest.version
        );
        return Err(refused(&path, fault));
    }
    Ok(manifest)
}

/// Copies what is published of the installation in `dir` to the folder `to`, new or of an earlier backup. `now` is written
/// into the manifest, RFC 3339.
///
/// # Errors
/// [`InstallationError::Backup`] where nothing is published or `to` is something else;
/// [`InstallationError::Journal`] where the journal is not what was published; then nothing in `to` was replaced but
/// segments that are good.
pub fn backup(
    dir: &Path,
    to: &Path,
    with_keys: bool,
    now: String,
) -> Result<BackedUp, InstallationError> {
    let (origin, log_key) = identity(dir)?;
    let checkpoint = dir.join(layout::CHECKPOINT);
    if !checkpoint.exists() {
        return Err(refused(
            dir,
            "has published nothing yet; start it once with `keepwhole serve`",
        ));
    }
    let note = fs::read(&checkpoint).map_err(InstallationError::io("read", &checkpoint))?;
    let policy = log_policy(dir, &log_key)?;
    let head = read_checkpoint(&checkpoint, &policy)?;
    refuse_nested(dir, to)?;
    let earlier = earlier(to, &origin, &policy)?;
    if earlier
        .as_ref()
        .is_some_and(|earlier| earlier.size > head.size)
    {
        let fault = format!(
            "holds `{}` entries and `{}` has published only `{}`; the installation went back, restore it from this backup",
            earlier.map_or(0, |earlier| earlier.size),
            dir.display(),
            head.size
        );
        return Err(refused(to, fault));
    }
    let source = RealDisk::at(dir);
    let mut target = RealDisk::open(to).map_err(InstallationError::io("create", to))?;
    let io = |doing: &'static str| move |error| InstallationError::io(doing, to)(error);
    target
        .write_atomic(layout::ORIGIN, format!("{origin}\n").as_bytes())
        .map_err(io("write to"))?;
    let mut copy = Copy::new(&source, &mut target, head.clone());
    copy.segments()?;
    let (segments, copied, kept, bytes) = (copy.entries, copy.copied, copy.kept, copy.bytes);
    let documents = documents(&source, &mut target)?;
    witnesses(dir, &mut target, to)?;
    let keys = with_keys && copy_keys(dir, to)?;
    let bundle = verifier_key(dir, KeyFile::Bundle)?;
    let history = history(dir)?;
    let trust = format!("log {log_key}\nquorum none\n{history}bundle {bundle}\n");
    let manifest = Manifest {
        version: VERSION,
        origin,
        log_key: log_key.to_string(),
        size: head.size,
        root: head.root.to_string(),
        made: now,
        segments,
        documents,
        keys,
    };
    let text =
        serde_json::to_string_pretty(&manifest).map_err(|error| refused(to, error.to_string()))?;
    target
        .write_atomic(layout::CHECKPOINT, &note)
        .map_err(io("write to"))?;
    keep(&mut target, layout::KEY_HISTORY, &history).map_err(io("write to"))?;
    keep(&mut target, TRUST, &trust).map_err(io("write to"))?;
    keep(&mut target, BACKUP, &format!("{text}\n")).map_err(io("write to"))?;
    Ok(BackedUp {
        manifest,
        copied,
        kept,
        bytes,
    })
}

/// Writes a text that says something.
fn keep(target: &mut RealDisk, path: &str, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    target.write_atomic(path, text.as_bytes())
}

/// A backup inside what it is made of would be part of itself.
fn refuse_nested(dir: &Path, to: &Path) -> Result<(), InstallationError> {
    let full = |path: &Path| {
        let known = path.ancestors().find_map(|above| {
            above
                .canonicalize()
                .ok()
                .map(|full| (above.to_path_buf(), full))
        });
        known.map(|(above, full)| full.join(path.strip_prefix(above).unwrap_or(Path::new(""))))
    };
    match (full(dir), full(to)) {
        (Some(dir), Some(to)) if to.starts_with(&dir) => Err(refused(
            &to,
            "lies inside the installation; give a folder on another disk",
        )),
        _ => Ok(()),
    }
}

/// The manifest of an earlier backup in `to`; refuses a folder that holds something else.
fn earlier(to: &Path, origin: &str, keys: &Policy) -> Result<Option<Manifest>, InstallationError> {
    if !to.exists() {
        return Ok(None);
    }
    let mut inside = fs::read_dir(to).map_err(InstallationError::io("read the folder", to))?;
    if inside.next().is_none() {
        return Ok(None);
    }
    let named = crate::journal::installation::origin(&RealDisk::at(to));
    match named {
        Ok(found) if found == origin => {}
        Ok(found) => {
            return Err(refused(
                to,
                format!("holds a backup of `{found}`, not of `{origin}`; give another folder"),
            ));
        }
        Err(_) => {
            return Err(refused(
                to,
                "holds other files and no backup; give a new or empty folder",
            ));
        }
    }
    if to.join("LOCK").exists() {
        return Err(refused(
            to,
            "is an installation, not a backup; give another folder",
        ));
    }
    if !to.join(BACKUP).exists() {
        // The first backup into it was cut short.
        return Ok(None);
    }
    let manifest = read_manifest(to)?;
    let known = keys.keys();
    if !known.iter().any(|key| key.to_string() == manifest.log_key) {
        return Err(refused(
            to,
            "holds a backup under another key of the log; give another folder",
        ));
    }
    Ok(Some(manifest))
}

/// Copies segments and verifies every frame on the way.
struct Copy<'a> {
    source: &'a RealDisk,
    target: &'a mut RealDisk,
    head: Known,
    edge: Frontier,
    epoch: u64,
    entries: Vec<SegmentEntry>,
    copied: u64,
    kept: u64,
    bytes: u64,
}

/// Where the tree stood before a segment, to begin again there.
type Before = (Frontier, u64);

impl<'a> Copy<'a> {
    fn new(source: &'a RealDisk, target: &'a mut RealDisk, head: Known) -> Self {
        Self {
            source,
            target,
            head,
            edge: Frontier::new(),
            epoch: 0,
            entries: Vec::new(),
            copied: 0,
            kept: 0,
            bytes: 0,
        }
    }

    fn segments(&mut self) -> Result<(), InstallationError> {
        let found = segment::list(self.source)?;
        for (number, segment) in found.iter().enumerate() {
            if self.edge.size() >= self.head.size {
                break;
            }
            if segment.first != self.edge.size() {
                let wanted = self.edge.size();
                return Err(damaged(&segment.path, 0, 0, Fault::Gap { wanted }).into());
            }
            let sealed = number + 1 < found.len();
            if !(sealed && self.keep(segment)?) {
                self.copy(segment)?;
            }
        }
        if self.edge.size() < self.head.size {
            let (recovered, published) = (self.edge.size(), self.head.size);
            return Err(JournalError::Truncated {
                recovered,
                published,
            }
            .into());
        }
        if self.edge.root() != self.head.root {
            return Err(JournalError::Forked {
                size: self.head.size,
            }
            .into());
        }
        Ok(())
    }

    /// Whether the backup has this sealed segment already, whole and right.
    fn keep(&mut self, segment: &Segment) -> Result<bool, InstallationError> {
        let there = self
            .target
            .len(&segment.path)
            .map_err(|error| self.io("measure", segment, error))?;
        if there != Some(segment.length) {
            return Ok(false);
        }
        let before: Before = (self.edge.clone(), self.epoch);
        let target = RealDisk::at(self.target.root());
        let good = self.frames(&target, segment, &mut |_, _| Ok(()));
        match good {
            Ok(used) if used == segment.length => {
                self.entries.push(SegmentEntry {
                    first: segment.first,
                    bytes: used,
                });
                self.kept += 1;
                Ok(true)
            }
            _ => {
                (self.edge, self.epoch) = before;
                Ok(false)
            }
        }
    }

    fn copy(&mut self, segment: &Segment) -> Result<(), InstallationError> {
        let temporary = format!("{}{TEMPORARY}", segment.path);
        let io =
            |error| InstallationError::io("write the copy of", Path::new(&segment.path))(error);
        let mut target = RealDisk::at(self.target.root());
        if target.len(&temporary).map_err(io)?.is_some() {
            target.remove(&temporary).map_err(io)?;
        }
        target.create(&temporary).map_err(io)?;
        let source = RealDisk::at(self.source.root());
        let used = self.frames(&source, segment, &mut |offset, bytes| {
            target.write_at(&temporary, offset, bytes)
        })?;
        target.sync(&temporary).map_err(io)?;
        target.rename(&temporary, &segment.path).map_err(io)?;
        target.sync_dir(layout::SEGMENTS).map_err(io)?;
        self.entries.push(SegmentEntry {
            first: segment.first,
            bytes: used,
        });
        self.copied += 1;
        self.bytes = self.bytes.saturating_add(used);
        Ok(())
    }

    /// Verifies the frames of a segment up to the published head and hands them over; returns their bytes.
    fn frames(
        &mut self,
        disk: &RealDisk,
        segment: &Segment,
        take: &mut dyn FnMut(u64, &[u8]) -> std::io::Result<()>,
    ) -> Result<u64, InstallationError> {
        let mut window = Window::new(disk, &segment.path);
        let (mut offset, mut number) = (0, 0);
        while self.edge.size() < self.head.size {
            let start = window
                .at(offset, HEADER_BYTES)
                .map_err(JournalError::Disk)?;
            if start.is_empty() || start.starts_with(&[0]) {
                break;
            }
            let wrong = |fault| damaged(&segment.path, number, offset, Fault::Frame(fault));
            let header = Header::decode(start).map_err(wrong)?;
            let bytes = window
                .at(offset, header.size())
                .map_err(JournalError::Disk)?;
            let frame = Frame::decode(bytes).map_err(wrong)?;
            let root = self.edge.root();
            frame
                .follow(&mut self.edge, &root, self.epoch)
                .map_err(wrong)?;
            self.epoch = header.epoch;
            let bytes = bytes.get(..header.size()).unwrap_or_default();
            take(offset, bytes).map_err(InstallationError::io(
                "write the copy of",
                Path::new(&segment.path),
            ))?;
            offset = offset.saturating_add(header.size() as u64);
            number += 1;
        }
        Ok(offset)
    }

    fn io(
        &self,
        doing: &'static str,
        segment: &Segment,
        error: std::io::Error,
    ) -> InstallationError {
        InstallationError::io(doing, &self.target.root().join(&segment.path))(error)
    }
}

fn damaged(segment: &str, frame: u64, offset: u64, fault: Fault) -> JournalError {
    JournalError::Damaged {
        segment: segment.to_owned(),
        frame,
        offset,
        fault,
    }
}

/// Copies documents that are not there yet; each is verified against its name. Returns how many there are.
fn documents(source: &RealDisk, target: &mut RealDisk) -> Result<u64, InstallationError> {
    let folder = source.root().join(layout::ATTACHMENTS);
    let listed = source
        .list(layout::ATTACHMENTS)
        .map_err(InstallationError::io("list", &folder))?;
    let mut number = 0;
    for path in listed.iter().filter(|path| !path.ends_with(TEMPORARY)) {
        let digest = path
            .rsplit('/')
            .next()
            .and_then(parse_hex::<32>)
            .map(Digest::from_bytes);
        let digest = digest.ok_or_else(|| JournalError::StrangeFile(path.clone()))?;
        number += 1;
        if attachments::read(target, &digest).is_ok() {
            continue;
        }
        let bytes = attachments::read(source, &digest)?;
        let place = target.root().join(path);
        target
            .write_atomic(path, &bytes)
            .map_err(InstallationError::io("write", &place))?;
    }
    Ok(number)
}

/// Copies the checkpoints that witnesses hold.
fn witnesses(dir: &Path, target: &mut RealDisk, to: &Path) -> Result<(), InstallationError> {
    let source = RealDisk::at(dir);
    let listed = source
        .list(layout::WITNESS)
        .map_err(InstallationError::io("list", dir))?;
    for path in listed.iter().filter(|path| !path.ends_with(TEMPORARY)) {
        let bytes = source
            .read(path)
            .map_err(InstallationError::io("read", dir))?;
        target
            .write_atomic(path, &bytes)
            .map_err(InstallationError::io("write to", to))?;
    }
    Ok(())
}

/// Copies the secret keys, readable by their owner alone.
pub(super) fn copy_keys(from: &Path, to: &Path) -> Result<bool, InstallationError> {
    for which in [KeyFile::Log, KeyFile::Bundle, KeyFile::Guard] {
        let (source, place) = (from.join(which.path()), to.join(which.path()));
        // An installation of before there was a guard gets its key at the next start.
        if which == KeyFile::Guard && !source.exists() {
            continue;
        }
        let bytes = fs::read(&source).map_err(InstallationError::io("read", &source))?;
        if let Some(folder) = place.parent()
            && !folder.exists()
        {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(InstallationError::io("make the folder", folder))?;
        }
        let write = || -> std::io::Result<()> {
            fs::write(&place, b"")?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o600))?;
            fs::write(&place, &bytes)?;
            fs::File::open(&place)?.sync_all()
        };
        write().map_err(InstallationError::io("write", &place))?;
    }
    Ok(true)
}
