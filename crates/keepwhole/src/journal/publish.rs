//! Publishing: the tree's hashes first, synced, then the signed checkpoint over them, at most as often as the caller asks.

use super::disk::{Disk, Naming as _};
use super::error::JournalError;
use super::frame::Frame;
use super::layout;
use super::tiles::{Growth, LogFiles, Piece};
use super::writer::{Head, Journal, Spot};
use keepwhole_verify::checkpoint::{Checkpoint, CheckpointError};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Note, NoteSigner, VerifierKey};

/// Signs checkpoints and keeps `log/` up to date.
///
/// It never signs a tree smaller than, or inconsistent with, one it signed or published before.
pub struct Publisher {
    origin: String,
    signer: Box<dyn NoteSigner + Send>,
    growth: Growth,
    /// Files were made whose names are not yet durable.
    new_files: bool,
    signed: Head,
    published: Checkpoint,
    to: &'static str,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("origin", &self.origin)
            .field("published", &self.published)
            .finish()
    }
}

impl Publisher {
    /// Takes up where the published checkpoint ends, builds hashes anew that are missing or wrong, and publishes the
    /// journal's head. The second value says whether they were built anew from the first record.
    ///
    /// # Errors
    /// [`JournalError::Truncated`], [`JournalError::Forked`] when the journal is not a continuation of what was
    /// published; [`JournalError::Checkpoint`]; [`JournalError::Disk`].
    pub fn open<D: Disk>(
        journal: &mut Journal<D>,
        origin: &str,
        signer: Box<dyn NoteSigner + Send>,
    ) -> Result<(Self, bool), JournalError> {
        Self::open_to(journal, origin, signer, layout::CHECKPOINT)
    }

    /// As [`open`](Self::open), but signed heads go to `log/pending`, where they wait for cosignatures; whoever collects
    /// these writes `log/checkpoint`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_pending<D: Disk>(
        journal: &mut Journal<D>,
        origin: &str,
        signer: Box<dyn NoteSigner + Send>,
    ) -> Result<(Self, bool), JournalError> {
        Self::open_to(journal, origin, signer, layout::PENDING)
    }

    fn open_to<D: Disk>(
        journal: &mut Journal<D>,
        origin: &str,
        signer: Box<dyn NoteSigner + Send>,
        to: &'static str,
    ) -> Result<(Self, bool), JournalError> {
        if signer.key().name() != origin {
            return Err(CheckpointError::NotSignedByLog(origin.to_owned()).into());
        }
        let empty = Checkpoint::new(origin, 0, keepwhole_verify::tree::empty_root())?;
        let published = read_published(journal.disk(), &*signer)?.unwrap_or(empty);
        if published.origin() != origin {
            let (first, second) = (published.origin().to_owned(), origin.to_owned());
            return Err(CheckpointError::OtherOrigin { first, second }.into());
        }
        let resumed = Growth::resume(journal.disk(), published.size(), published.root());
        let rebuilt = resumed.is_none();
        let signed = Head {
            size: published.size(),
            root: published.root(),
        };
        let mut publisher = Self {
            origin: origin.to_owned(),
            signer,
            growth: resumed.unwrap_or_default(),
            new_files: true,
            signed,
            published,
            to,
        };
        publisher.publish(journal)?;
        Ok((publisher, rebuilt))
    }

    /// Signs on with another key of the same log.
    ///
    /// # Errors
    /// [`JournalError::Checkpoint`] for a key of another log.
    pub fn sign_with(&mut self, signer: Box<dyn NoteSigner + Send>) -> Result<(), JournalError> {
        if signer.key().name() != self.origin {
            return Err(CheckpointError::NotSignedByLog(self.origin.clone()).into());
        }
        self.signer = signer;
        Ok(())
    }

    /// The key that verifies what is published.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    /// The file that signed heads go to.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.to
    }

    /// The newest head that was signed and written.
    #[must_use]
    pub const fn published(&self) -> &Checkpoint {
        &self.published
    }

    /// Signs the head without writing anything; for answers that carry a signed head.
    ///
    /// # Errors
    /// [`JournalError::Truncated`] for a smaller tree, [`JournalError::Forked`] for another root at the same size.
    pub fn sign(&mut self, head: Head) -> Result<Note, JournalError> {
        if head.size < self.signed.size {
            return Err(JournalError::Truncated {
                recovered: head.size,
                published: self.signed.size,
            });
        }
        if head.size == self.signed.size && head.root != self.signed.root {
            return Err(JournalError::Forked { size: head.size });
        }
        let note = Checkpoint::new(&self.origin, head.size, head.root)?.sign(&[&*self.signer])?;
        self.signed = head;
        Ok(note)
    }

    /// Writes and syncs every hash up to the journal's head, checks that the tree only grew, then replaces
    /// `log/checkpoint` in one step. Safe to repeat after a crash at any point.
    ///
    /// # Errors
    /// As [`open`](Self::open). After a full disk it may be repeated; after any other error the publisher must be opened
    /// again.
    pub fn publish<D: Disk>(
        &mut self,
        journal: &mut Journal<D>,
    ) -> Result<&Checkpoint, JournalError> {
        let head = journal.head();
        let before = Head {
            size: self.published.size(),
            root: self.published.root(),
        };
        if head.size < before.size {
            return Err(JournalError::Truncated {
                recovered: head.size,
                published: before.size,
            });
        }
        self.catch_up(journal)?;
        if self.growth.size() != head.size || self.growth.root() != head.root {
            return Err(JournalError::Forked { size: head.size });
        }
        let checkpoint = Checkpoint::new(&self.origin, head.size, head.root)?;
        let proof = LogFiles(journal.disk()).prove_consistency(before.size, head.size)?;
        self.published.check_grows_to(&checkpoint, &proof)?;
        let note = self.sign(head)?;
        let path = self.to;
        let disk = journal.disk_mut();
        let there = match disk.len(path).naming("measure", path)? {
            Some(_) => Note::parse(&disk.read(path).naming("read", path)?).ok(),
            None => None,
        };
        // One that also carries cosignatures says more than ours alone, and stays.
        let same = there.is_some_and(|there| {
            there.text() == note.text() && there.lines().starts_with(note.lines())
        });
        if !same {
            disk.write_atomic(path, note.to_string().as_bytes())
                .naming("write", path)?;
        }
        self.published = checkpoint;
        Ok(&self.published)
    }

    /// Reads what the hashes lack from the journal and writes it.
    fn catch_up<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), JournalError> {
        while self.growth.size() < journal.head().size {
            grow_on(journal, &mut self.growth)?;
            self.write(journal.disk_mut())?;
        }
        self.write(journal.disk_mut())
    }

    /// Appends to the files and makes them durable; what was not written before, as on a full disk, is written again.
    fn write<D: Disk>(&mut self, disk: &mut D) -> Result<(), JournalError> {
        let pieces = self.growth.pieces();
        for piece in &pieces {
            let path = &piece.path;
            if disk.len(path).naming("measure", path)?.is_none() {
                disk.create(path).naming("create", path)?;
                self.new_files = true;
            }
            disk.write_at(path, piece.offset, piece.bytes)
                .naming("write", path)?;
        }
        for Piece { path, .. } in &pieces {
            disk.sync(path).naming("sync", path)?;
        }
        if self.new_files && !pieces.is_empty() {
            for folder in [layout::LEVELS, layout::LOG] {
                disk.sync_dir(folder).naming("sync", folder)?;
            }
            self.new_files = false;
        }
        self.growth.written();
        Ok(())
    }
}

/// Entries that are hashed at once: so many that the lanes are full, and so few that memory stays bounded however far
/// behind the files are.
const BATCH: usize = 65_536;

/// Grows by the next frames of the journal: about [`BATCH`] entries, or all that are left.
fn grow_on<D: Disk>(journal: &Journal<D>, growth: &mut Growth) -> Result<(), JournalError> {
    let from = growth.size();
    let mut leaves: Vec<Digest> = Vec::new();
    let near = growth.next;
    let mut visit = |frame: &Frame<'_>, spot: Spot| {
        if leaves.len() >= BATCH {
            return Err(Pause::Enough);
        }
        let known = from.saturating_sub(frame.header.first);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let fresh = frame.records.get(known..).unwrap_or_default();
        keepwhole_lanes::leaf_hashes(fresh.iter().copied(), &mut leaves);
        let first = frame.header.first.max(from);
        growth.framed(first, fresh.len() as u64, spot.offset);
        growth.next = Some(spot.behind(frame));
        Ok(())
    };
    match journal.read_frames::<Pause>(from, near, &mut visit) {
        Ok(()) | Err(Pause::Enough) => growth.extend(leaves),
        Err(Pause::Failed(error)) => Err(error),
    }
}

/// Why reading ended early.
enum Pause {
    Enough,
    Failed(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Failed(error)
    }
}

/// The published checkpoint if our own key signed it. One that is unreadable is written anew from the journal.
fn read_published<D: Disk>(
    disk: &D,
    signer: &dyn NoteSigner,
) -> Result<Option<Checkpoint>, JournalError> {
    let path = layout::CHECKPOINT;
    if disk.len(path).naming("measure", path)?.is_none() {
        return Ok(None);
    }
    let bytes = disk.read(path).naming("read", path)?;
    Ok(
        Checkpoint::verify(&bytes, std::slice::from_ref(signer.key()))
            .ok()
            .map(|(checkpoint, _)| checkpoint),
    )
}

/// Verifies every published hash against the journal, byte for byte, and says how many entries that were.
///
/// # Errors
/// [`JournalError::TileDiffers`] or [`JournalError::Disk`] for the first file that differs or is missing.
pub fn check_tiles<D: Disk>(journal: &Journal<D>) -> Result<u64, JournalError> {
    let (checkpoint, _) = LogFiles(journal.disk()).checkpoint()?;
    let size = checkpoint.size();
    let mut growth = Growth::default();
    while growth.size() < size {
        grow_on(journal, &mut growth)?;
        growth.compare(journal.disk(), size)?;
        growth.written();
    }
    Ok(size)
}
