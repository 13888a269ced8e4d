//! Tiles and entry bundles below `log/`: derived from the frames, written for the outside and for making proofs.

use super::disk::{Disk, Naming as _, folder_of};
use super::error::JournalError;
use super::layout;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::Note;
use keepwhole_verify::tile::{
    FULL_WIDTH, TileHashes, TileId, TileKind, TileReader, decode_bundle, right_edge, tiles_between,
    width_of,
};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree::{self, Frontier, ProveError, leaf_hash};
use std::collections::BTreeSet;
use std::io;

/// Path of a tile below the installation.
fn path_of(tile: TileId) -> String {
    format!("{}/{}", layout::LOG, tile.path())
}

/// Takes a tile or bundle that is full.
type Full<'a> = dyn FnMut(TileId, &[u8]) -> Result<(), JournalError> + 'a;

/// Grows tiles record by record.
#[derive(Clone, Debug, Default)]
pub(crate) struct TileBuilder {
    edge: Frontier,
    /// Hashes of the last, unfinished tile of each level.
    levels: Vec<Vec<u8>>,
    /// Entries of the last, unfinished bundle, encoded.
    bundle: Vec<u8>,
}

impl TileBuilder {
    pub(crate) const fn edge(&self) -> &Frontier {
        &self.edge
    }

    pub(crate) const fn size(&self) -> u64 {
        self.edge.size()
    }

    pub(crate) fn root(&self) -> Digest {
        self.edge.root()
    }

    /// Takes the next record and hands over every tile and bundle it fills.
    pub(crate) fn push(&mut self, record: &[u8], full: &mut Full<'_>) -> Result<(), JournalError> {
        let mut fresh: Vec<(usize, u64, Digest)> = Vec::new();
        let mut keep = |level: u8, index: u64, hash: &Digest| {
            if level.is_multiple_of(8) {
                fresh.push((usize::from(level / 8), index, *hash));
            }
        };
        self.edge
            .push_with(leaf_hash(record), &mut keep)
            .map_err(|_| JournalError::Refused(super::frame::EncodeFault::TreeFull))?;
        let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
        self.bundle.extend_from_slice(&length.to_be_bytes());
        self.bundle.extend_from_slice(record);
        if self.edge.size().is_multiple_of(u64::from(FULL_WIDTH)) {
            let index = self.edge.size() / u64::from(FULL_WIDTH) - 1;
            full(
                TileId {
                    kind: TileKind::Entries,
                    index,
                    width: FULL_WIDTH,
                },
                &self.bundle,
            )?;
            self.bundle.clear();
        }
        for (level, index, hash) in fresh {
            if self.levels.len() <= level {
                self.levels.resize(level + 1, Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(level) else {
                continue;
            };
            hashes.extend_from_slice(hash.as_bytes());
            if hashes.len() == usize::from(FULL_WIDTH) * 32 {
                let kind = TileKind::Hashes(u8::try_from(level).unwrap_or(u8::MAX));
                full(
                    TileId {
                        kind,
                        index: index / u64::from(FULL_WIDTH),
                        width: FULL_WIDTH,
                    },
                    hashes,
                )?;
                hashes.clear();
            }
        }
        Ok(())
    }

    /// The unfinished tiles and the unfinished bundle.
    pub(crate) fn partial(&self) -> Vec<(TileId, &[u8])> {
        let size = self.edge.size();
        let mut tiles = Vec::new();
        let index = size / u64::from(FULL_WIDTH);
        if let Some(width) = width_of(index, size) {
            tiles.push((
                TileId {
                    kind: TileKind::Entries,
                    index,
                    width,
                },
                self.bundle.as_slice(),
            ));
        }
        for tile in right_edge(size) {
            let TileKind::Hashes(level) = tile.kind else {
                continue;
            };
            if let Some(hashes) = self.levels.get(usize::from(level)) {
                tiles.push((tile, hashes.as_slice()));
            }
        }
        tiles
    }

    /// Takes up where the published tiles of `size` end. `None` when one of them is missing, of a wrong length, or does
    /// not lead to `root`: then the tiles are built anew.
    pub(crate) fn resume<D: Disk>(disk: &D, size: u64, root: Digest) -> Option<Self> {
        let names: BTreeSet<String> = disk.list(layout::LOG).ok()?.into_iter().collect();
        let there =
            |tile: TileId| names.contains(&path_of(tile)) || names.contains(&path_of(tile.full()));
        if !tiles_between(0, size).into_iter().all(there) {
            return None;
        }
        let files = LogFiles(disk);
        let edge = tree::frontier(&TileHashes::new(files, size), size).ok()?;
        if edge.root() != root {
            return None;
        }
        let mut builder = Self {
            edge,
            levels: Vec::new(),
            bundle: Vec::new(),
        };
        for tile in right_edge(size) {
            let TileKind::Hashes(level) = tile.kind else {
                continue;
            };
            let level = usize::from(level);
            builder
                .levels
                .resize(builder.levels.len().max(level + 1), Vec::new());
            *builder.levels.get_mut(level)? = files.tile(tile).ok()?;
        }
        let index = size / u64::from(FULL_WIDTH);
        if let Some(width) = width_of(index, size) {
            let entries = files
                .entries(TileId {
                    kind: TileKind::Entries,
                    index,
                    width,
                })
                .ok()?;
            let leaves = entries
                .iter()
                .flat_map(|entry| *leaf_hash(entry).as_bytes());
            if !leaves.eq(builder.levels.first()?.iter().copied()) {
                return None;
            }
            builder.bundle = keepwhole_verify::tile::encode_bundle(&entries).ok()?;
        }
        Some(builder)
    }
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
        let mut bytes = self.file(tile)?;
        bytes.truncate(usize::from(tile.width) * 32);
        tile.check_hashes(&bytes)?;
        Ok(bytes)
    }
}

impl<D: Disk> LogFiles<'_, D> {
    /// Contents of a tile's file, or of the full tile's when the partial one is gone.
    fn file(&self, tile: TileId) -> Result<Vec<u8>, JournalError> {
        let path = path_of(tile);
        match self.0.read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tile.width < FULL_WIDTH => {
                let full = path_of(tile.full());
                Ok(self.0.read(&full).naming("read", &full)?)
            }
            bytes => Ok(bytes.naming("read", &path)?),
        }
    }

    /// Entries of a bundle.
    fn entries(&self, bundle: TileId) -> Result<Vec<Vec<u8>>, JournalError> {
        let bytes = self.file(bundle)?;
        let entries = decode_bundle(&bytes, bundle.width, false)?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
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
        let bundle = index / u64::from(FULL_WIDTH);
        let width = width_of(bundle, size).ok_or_else(outside)?;
        let entries = self.entries(TileId {
            kind: TileKind::Entries,
            index: bundle,
            width,
        })?;
        let place = usize::try_from(index % u64::from(FULL_WIDTH)).map_err(|_| outside())?;
        entries.into_iter().nth(place).ok_or_else(outside)
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
    /// [`JournalError::OutsideJournal`] for an entry not yet published; [`JournalError::TileDiffers`] when a tile or
    /// bundle has aged; as the others.
    pub fn tlog_proof(&self, index: u64) -> Result<TlogProof, JournalError> {
        let (checkpoint, note) = self.checkpoint()?;
        let size = checkpoint.size();
        let hashes = self.prove_inclusion(index, size)?;
        let leaf = leaf_hash(&self.entry(index, size)?);
        tree::verify_inclusion(&leaf, index, size, &hashes, &checkpoint.root())
            .map_err(|_| JournalError::TileDiffers(format!("{}/tile", layout::LOG)))?;
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
            let bytes = match tile.kind {
                TileKind::Hashes(_) => self.tile(tile)?,
                TileKind::Entries => keepwhole_verify::tile::encode_bundle(&self.entries(tile)?)?,
            };
            to.write_atomic(&tile.path(), &bytes)
                .naming("write", &tile.path())?;
            files += 1;
        }
        to.write_atomic("checkpoint", note.as_bytes())
            .naming("write", "checkpoint")?;
        Ok(files + 1)
    }
}

/// Writes one finished tile and drops the partial ones it replaces. Its folder, which is returned, is to be synced before
/// the tile is relied upon.
pub(crate) fn write<D: Disk>(
    disk: &mut D,
    tile: TileId,
    bytes: &[u8],
) -> Result<String, JournalError> {
    let path = path_of(tile);
    let same = disk.len(&path).naming("measure", &path)? == Some(bytes.len() as u64)
        && disk.read(&path).naming("read", &path)? == bytes;
    if !same {
        disk.replace(&path, bytes).naming("write", &path)?;
    }
    if tile.width == FULL_WIDTH {
        let folder = format!("{path}.p");
        for partial in disk.list(&folder).naming("list", &folder)? {
            disk.remove(&partial).naming("remove", &partial)?;
        }
    }
    Ok(folder_of(&path).to_owned())
}

/// Compares every published hash tile and bundle with `records` read in order; used by a scrub.
pub(crate) struct Comparison<'d, D> {
    files: LogFiles<'d, D>,
    builder: TileBuilder,
}

impl<'d, D: Disk> Comparison<'d, D> {
    pub(crate) fn new(disk: &'d D) -> Self {
        Self {
            files: LogFiles(disk),
            builder: TileBuilder::default(),
        }
    }

    pub(crate) fn compare(
        files: LogFiles<'_, D>,
        tile: TileId,
        bytes: &[u8],
    ) -> Result<(), JournalError> {
        let mut found = files.file(tile)?;
        if tile.width < FULL_WIDTH {
            found.truncate(bytes.len());
        }
        if found == bytes {
            Ok(())
        } else {
            Err(JournalError::TileDiffers(path_of(tile)))
        }
    }

    pub(crate) fn push(&mut self, record: &[u8]) -> Result<(), JournalError> {
        let files = self.files;
        self.builder
            .push(record, &mut |tile, bytes| Self::compare(files, tile, bytes))
    }

    pub(crate) fn finish(&self) -> Result<(), JournalError> {
        self.builder
            .partial()
            .into_iter()
            .try_for_each(|(tile, bytes)| Self::compare(self.files, tile, bytes))
    }
}
