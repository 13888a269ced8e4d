//! What the outside reads of the log. The tree's hashes lie in one growing file for each level of tiles, so that publishing
//! is a few appends however much was recorded; tiles are cut from them when asked for, and entry bundles from the frames.

use super::disk::{Disk, Naming as _};
use super::error::JournalError;
use super::frame::EncodeFault;
use super::layout;
use super::segment;
use super::writer::Spot;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::Note;
use keepwhole_verify::tile::{
    FULL_WIDTH, MAX_LEVEL, TileHashes, TileId, TileKind, TileReader, encode_bundle, hashes_at,
    tiles_between, width_of,
};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree::{self, Frontier, ProveError, leaf_hash};
use std::collections::BTreeMap;

/// Bytes of a hash.
const HASH: u64 = 32;
/// Bytes of a frame's place.
const PLACE: u64 = 8;
/// Entries of a bundle.
const BUNDLE: u64 = 256;

/// The tree as it grows, and what of it is not yet in the files: the hashes that tiles hold, and where frames begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    edge: Frontier,
    /// By level of tiles.
    fresh: Vec<Vec<u8>>,
    places: Vec<u8>,
    /// Where the frame of the next leaf begins, as far as it is known.
    pub(crate) next: Option<Spot>,
}

/// Bytes that belong into a file from an offset on.
pub(crate) struct Piece<'g> {
    pub(crate) path: String,
    pub(crate) offset: u64,
    pub(crate) bytes: &'g [u8],
}

impl Growth {
    pub(crate) const fn edge(&self) -> &Frontier {
        &self.edge
    }

    pub(crate) const fn size(&self) -> u64 {
        self.edge.size()
    }

    pub(crate) fn root(&self) -> Digest {
        self.edge.root()
    }

    /// Takes leaves that follow, as many as one likes: the more at once, the fewer waits for each other's hashes.
    pub(crate) fn extend(&mut self, leaves: Vec<Digest>) -> Result<(), JournalError> {
        let fresh = &mut self.fresh;
        let mut complete = |level: u8, _first: u64, hashes: &[Digest]| {
            if level.is_multiple_of(8) {
                let level = usize::from(level / 8);
                if fresh.len() <= level {
                    fresh.resize(level + 1, Vec::new());
                }
                if let Some(bytes) = fresh.get_mut(level) {
                    bytes.extend(hashes.iter().flat_map(|hash| hash.as_bytes()));
                }
            }
        };
        self.edge
            .extend_with(leaves, &mut keepwhole_lanes::node_hashes, &mut complete)
            .map_err(|_| JournalError::Refused(EncodeFault::TreeFull))
    }

    /// A frame of `count` records, the first of which is the entry `first`, begins at `offset` of its segment.
    pub(crate) fn framed(&mut self, first: u64, count: u64, offset: u64) {
        let bundles = |entries: u64| entries.div_ceil(BUNDLE);
        for _ in bundles(first)..bundles(first.saturating_add(count)) {
            self.places.extend_from_slice(&offset.to_be_bytes());
        }
    }

    /// What belongs into the files. All leaves and frames were given.
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        let size = self.edge.size();
        let levels = (0..=MAX_LEVEL).zip(&self.fresh).map(|(level, bytes)| {
            let end = hashes_at(size, level).saturating_mul(HASH);
            (layout::level_path(level), end, bytes)
        });
        let end = size.div_ceil(BUNDLE).saturating_mul(PLACE);
        let frames = (layout::FRAMES.to_owned(), end, &self.places);
        let all = levels
            .chain([frames])
            .filter(|(_, _, bytes)| !bytes.is_empty());
        all.map(|(path, end, bytes)| Piece {
            path,
            offset: end.saturating_sub(bytes.len() as u64),
            bytes,
        })
        .collect()
    }

    /// Bytes that are not yet in the files.
    pub(crate) fn pending(&self) -> usize {
        self.fresh.iter().map(Vec::len).sum::<usize>() + self.places.len()
    }

    /// Forgets what is in the files now, and keeps the memory.
    pub(crate) fn written(&mut self) {
        self.fresh.iter_mut().for_each(Vec::clear);
        self.places.clear();
    }

    /// Takes up where the files of the published `size` end. `None` when one of them is missing, too short, or does not
    /// lead to `root`: then they are built anew.
    pub(crate) fn resume<D: Disk>(disk: &D, size: u64, root: Digest) -> Option<Self> {
        let mut files = published_bytes(size).into_iter();
        let holds = |(path, bytes): (String, u64)| matches!(disk.len(&path), Ok(Some(length)) if length >= bytes);
        if !files.all(holds) {
            return None;
        }
        let edge = tree::frontier(&TileHashes::new(LogFiles(disk), size), size).ok()?;
        (edge.root() == root).then_some(Self {
            edge,
            ..Self::default()
        })
    }

    /// Compares what belongs into the files with what they hold, up to the published `size`.
    ///
    /// # Errors
    /// [`JournalError::TileDiffers`] for the first file that differs, [`JournalError::Disk`] for one that is missing.
    pub(crate) fn compare<D: Disk>(&self, disk: &D, size: u64) -> Result<(), JournalError> {
        let published = published_bytes(size);
        for piece in self.pieces() {
            let end = published.get(&piece.path).copied().unwrap_or(0);
            let length = usize::try_from(end.saturating_sub(piece.offset)).unwrap_or(usize::MAX);
            let wanted = piece.bytes.get(..length).unwrap_or(piece.bytes);
            let mut found = vec![0; wanted.len()];
            let read = disk
                .read_at(&piece.path, piece.offset, &mut found)
                .naming("read", &piece.path)?;
            if found.get(..read) != Some(wanted) {
                return Err(JournalError::TileDiffers(piece.path));
            }
        }
        Ok(())
    }
}

/// How long each file is that holds what is published of a tree of `size` entries; longer ones hold more than that.
pub(crate) fn published_bytes(size: u64) -> BTreeMap<String, u64> {
    let levels =
        (0..=MAX_LEVEL).map(|level| (layout::level_path(level), hashes_at(size, level) * HASH));
    let frames = (layout::FRAMES.to_owned(), size.div_ceil(BUNDLE) * PLACE);
    let all = levels.chain([frames]);
    all.filter(|(_, bytes)| *bytes > 0).collect()
}

/// The files below `log/` of an installation, read for proofs.
#[derive(Debug)]
pub struct LogFiles<'d, D>(pub &'d D);

impl<D> Clone for LogFiles<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for LogFiles<'_, D> {}

impl<D: Disk> TileReader for LogFiles<'_, D> {
    type Error = JournalError;

    fn tile(&self, tile: TileId) -> Result<Vec<u8>, JournalError> {
        let TileKind::Hashes(level) = tile.kind else {
            return Ok(encode_bundle(&self.entries(tile)?)?);
        };
        let path = layout::level_path(level);
        let mut bytes = vec![0; usize::from(tile.width) * 32];
        let offset = tile.index.saturating_mul(u64::from(FULL_WIDTH) * HASH);
        let read = self
            .0
            .read_at(&path, offset, &mut bytes)
            .naming("read", &path)?;
        bytes.truncate(read);
        tile.check_hashes(&bytes)?;
        Ok(bytes)
    }
}

impl<D: Disk> LogFiles<'_, D> {
    /// Entries of a bundle, from the frames that hold them.
    fn entries(&self, bundle: TileId) -> Result<Vec<Vec<u8>>, JournalError> {
        self.entries_from(bundle.index.saturating_mul(BUNDLE), bundle.width.into())
    }

    /// So many entries from `first` on. Where their frame begins is looked up; what is found there counts only if it is
    /// a good frame of that place.
    fn entries_from(&self, first: u64, count: u64) -> Result<Vec<Vec<u8>>, JournalError> {
        let mut place = [0; 8];
        let at = (first / BUNDLE).saturating_mul(PLACE);
        let read = self.0.read_at(layout::FRAMES, at, &mut place);
        let hint = matches!(read, Ok(8)).then(|| u64::from_be_bytes(place));
        segment::entries(self.0, first, count, hint)
    }

    /// What the outside gets for a path below the log's prefix (c2sp.org/tlog-tiles): the checkpoint, a tile of the
    /// published tree, or, only where `entries` says so, a bundle. `None` where there is no such thing.
    #[must_use]
    pub fn served(&self, path: &str, entries: bool) -> Option<Vec<u8>> {
        if path == "checkpoint" {
            return self.0.read(layout::CHECKPOINT).ok();
        }
        let tile = TileId::parse(path).ok()?;
        let (checkpoint, _) = self.checkpoint().ok()?;
        let count = match tile.kind {
            TileKind::Hashes(level) => hashes_at(checkpoint.size(), level),
            TileKind::Entries if entries => checkpoint.size(),
            TileKind::Entries => return None,
        };
        let there = width_of(tile.index, count)?;
        if tile.width > there {
            return None;
        }
        self.tile(tile).ok()
    }

    /// The published checkpoint and the note it came in. Its signature is not verified here: it is our own file.
    ///
    /// # Errors
    /// [`JournalError::Disk`], [`JournalError::Checkpoint`].
    pub fn checkpoint(&self) -> Result<(Checkpoint, String), JournalError> {
        let bytes = self
            .0
            .read(layout::CHECKPOINT)
            .naming("read", layout::CHECKPOINT)?;
        let note = Note::parse(&bytes)?;
        Ok((Checkpoint::parse_text(note.text())?, note.to_string()))
    }

    /// The entry at `index` of the tree of `size`.
    ///
    /// # Errors
    /// [`JournalError::OutsideJournal`], [`JournalError::Tile`], [`JournalError::Disk`].
    pub fn entry(&self, index: u64, size: u64) -> Result<Vec<u8>, JournalError> {
        let outside = || JournalError::OutsideJournal {
            position: index,
            size,
        };
        if index >= size {
            return Err(outside());
        }
        let mut entries = self.entries_from(index, 1)?;
        entries.pop().ok_or_else(outside)
    }

    /// Inclusion proof of the entry `index` in the published tree of `size`.
    ///
    /// # Errors
    /// [`JournalError::OutsideJournal`], [`JournalError::Tile`], [`JournalError::Disk`].
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, JournalError> {
        tree::prove_inclusion(&TileHashes::new(*self, size), index, size).map_err(|error| {
            match error {
                ProveError::Store(error) => error,
                ProveError::Tree(_) => JournalError::OutsideJournal {
                    position: index,
                    size,
                },
            }
        })
    }

    /// Consistency proof from the tree of `old` to the published tree of `new` entries.
    ///
    /// # Errors
    /// [`JournalError::OutsideJournal`], [`JournalError::Tile`], [`JournalError::Disk`].
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, JournalError> {
        tree::prove_consistency(&TileHashes::new(*self, new), old, new).map_err(|error| match error
        {
            ProveError::Store(error) => error,
            ProveError::Tree(_) => JournalError::OutsideJournal {
                position: old,
                size: new,
            },
        })
    }

    /// The proof with which the entry `index` can travel alone, under the published checkpoint. It is verified before
    /// it is given out.
    ///
    /// # Errors
    /// [`JournalError::OutsideJournal`] for an entry not yet published; [`JournalError::TileDiffers`] when a file of
    /// hashes has aged, [`JournalError::Damaged`] when the entry's frame has; as the others.
    pub fn tlog_proof(&self, index: u64) -> Result<TlogProof, JournalError> {
        let (checkpoint, note) = self.checkpoint()?;
        let size = checkpoint.size();
        let hashes = self.prove_inclusion(index, size)?;
        let leaf = leaf_hash(&self.entry(index, size)?);
        tree::verify_inclusion(&leaf, index, size, &hashes, &checkpoint.root())
            .map_err(|_| JournalError::TileDiffers(layout::LEVELS.to_owned()))?;
        Ok(TlogProof {
            index,
            hashes,
            checkpoint: note,
        })
    }

    /// Copies everything published to another disk, as a log that any C2SP tlog-tiles client can read: tiles, entry
    /// bundles and, last, the checkpoint. Returns the number of files.
    ///
    /// # Errors
    /// As reading and writing report.
    pub fn export<T: Disk>(&self, to: &mut T) -> Result<u64, JournalError> {
        let (checkpoint, note) = self.checkpoint()?;
        let mut files = 0;
        for tile in tiles_between(0, checkpoint.size()) {
            let bytes = self.tile(tile)?;
            to.write_atomic(&tile.path(), &bytes)
                .naming("write", &tile.path())?;
            files += 1;
        }
        to.write_atomic("checkpoint", note.as_bytes())
            .naming("write", "checkpoint")?;
        Ok(files + 1)
    }
}
