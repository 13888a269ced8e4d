//! Publishing: tiles first, synced, then the signed checkpoint over them, at most as often as the caller asks.

use super::disk::{Disk, Naming as _};
use super::error::JournalError;
use super::layout;
use super::tiles::{self, Comparison, LogFiles, TileBuilder};
use super::writer::{Head, Journal};
use keepwhole_verify::checkpoint::{Checkpoint, CheckpointError};
use keepwhole_verify::note::{Note, NoteSigner, VerifierKey};
use keepwhole_verify::tile::TileId;
use std::collections::BTreeSet;

/// Signs checkpoints and keeps `log/` up to date.
///
/// It never signs a tree smaller than, or inconsistent with, one it signed or published before.
pub struct Publisher {
    origin: String,
    signer: Box<dyn NoteSigner + Send>,
    builder: TileBuilder,
    /// Tiles that are full and not yet written.
    full: Vec<(TileId, Vec<u8>)>,
    /// Folders of written tiles whose names are not yet durable.
    folders: BTreeSet<String>,
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
    /// Takes up where the published checkpoint ends, rebuilds tiles that are missing or wrong, and publishes the
    /// journal's head. The second value says whether tiles were built anew from the first record.
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
        let resumed = TileBuilder::resume(journal.disk(), published.size(), published.root());
        let rebuilt = resumed.is_none();
        let builder = resumed.unwrap_or_default();
        let signed = Head {
            size: published.size(),
            root: published.root(),
        };
        let mut publisher = Self {
            origin: origin.to_owned(),
            signer,
            builder,
            full: Vec::new(),
            folders: BTreeSet::new(),
            signed,
            published,
            to,
        };
        publisher.publish(journal)?;
        Ok((publisher, rebuilt))
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

    /// Writes and syncs every tile up to the journal's head, checks that the tree only grew, then replaces
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
        if self.builder.size() != head.size || self.builder.root() != head.root {
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

    /// Reads what the tiles lack from the journal and writes it.
    fn catch_up<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), JournalError> {
        // Full tiles are handed over in batches, so that memory stays bounded however far behind the tiles are.
        const BATCH: u64 = 65_536;
        let head = journal.head();
        while self.builder.size() < head.size {
            let until = head.size.min(self.builder.size() + BATCH);
            let from = self.builder.size();
            let (builder, full) = (&mut self.builder, &mut self.full);
            let mut visit = |position: u64, record: &[u8]| {
                if position >= until {
                    return Err(Pause::Enough);
                }
                builder.push(record, &mut |tile, bytes| {
                    full.push((tile, bytes.to_vec()));
                    Ok(())
                })?;
                Ok(())
            };
            match journal.read::<Pause>(from, &mut visit) {
                Ok(()) | Err(Pause::Enough) => {}
                Err(Pause::Failed(error)) => return Err(error),
            }
            self.write_full(journal)?;
        }
        self.write_full(journal)?;
        for (tile, bytes) in self.builder.partial() {
            self.folders
                .insert(tiles::write(journal.disk_mut(), tile, bytes)?);
        }
        while let Some(folder) = self.folders.first() {
            journal.disk_mut().sync_dir(folder).naming("sync", folder)?;
            self.folders.pop_first();
        }
        Ok(())
    }

    /// Writes the tiles that are full, each forgotten only once it is written.
    fn write_full<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), JournalError> {
        self.full.reverse();
        let mut written = Ok(());
        while let Some((tile, bytes)) = self.full.last() {
            match tiles::write(journal.disk_mut(), *tile, bytes) {
                Ok(folder) => {
                    self.folders.insert(folder);
                    self.full.pop();
                }
                Err(error) => {
                    written = Err(error);
                    break;
                }
            }
        }
        self.full.reverse();
        written
    }
}

/// Why reading for the tiles ended early.
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

/// Verifies every published tile and bundle against the journal, byte for byte.
///
/// # Errors
/// [`JournalError::TileDiffers`] or [`JournalError::Disk`] for the first that differs or is missing.
pub fn check_tiles<D: Disk>(journal: &Journal<D>) -> Result<u64, JournalError> {
    let (checkpoint, _) = LogFiles(journal.disk()).checkpoint()?;
    let mut comparison = Comparison::new(journal.disk());
    let size = checkpoint.size();
    let visit = &mut |position: u64, record: &[u8]| {
        if position >= size {
            return Err(Pause::Enough);
        }
        Ok(comparison.push(record)?)
    };
    match journal.read::<Pause>(0, visit) {
        Ok(()) | Err(Pause::Enough) => {}
        Err(Pause::Failed(error)) => return Err(error),
    }
    comparison.finish()?;
    Ok(size)
}
