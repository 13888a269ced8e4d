//! Where a bundle's tiles and entries come from: anything that can give the files of a C2SP tiled log.

use keepwhole_verify::Digest;
use keepwhole_verify::tile::{
    TileError, TileId, TileKind, TileReader, decode_bundle, encode_bundle, hashes_at, width_of,
};
use keepwhole_verify::tree::{Frontier, leaf_hash};

use super::plan::BundleError;
use crate::journal::Disk;
use crate::journal::tiles::LogFiles;

/// The files of a tiled log (c2sp.org/tlog-tiles): the journal's tile store, an exported folder, or memory.
pub trait LogSource {
    /// Contents of exactly this tile or entry bundle. A source that lacks a partial file cuts it out of the full one.
    ///
    /// # Errors
    /// Why it can't be had, in words that name the tile.
    fn tile(&self, id: TileId) -> Result<Vec<u8>, String>;
}

/// A log held in memory, for tests and for small journals.
#[derive(Debug, Default, Clone)]
pub struct MemoryLog {
    entries: Vec<Vec<u8>>,
    /// Hashes of complete subtrees: `levels[l][i]` covers `256^l` leaves.
    levels: Vec<Vec<Digest>>,
    frontier: Frontier,
}

impl MemoryLog {
    /// A log of these entries.
    ///
    /// # Errors
    /// An entry that no tile can hold.
    pub fn new(entries: Vec<Vec<u8>>) -> Result<Self, BundleError> {
        let mut log = Self::default();
        for entry in entries {
            log.push(entry)?;
        }
        Ok(log)
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// An entry that no tile can hold.
    pub fn push(&mut self, entry: Vec<u8>) -> Result<(), BundleError> {
        encode_bundle(&[&entry]).map_err(|error| BundleError::Source(error.to_string()))?;
        let levels = &mut self.levels;
        let mut keep = |level: u8, _: u64, hash: &Digest| {
            if level.is_multiple_of(8) {
                let level = usize::from(level / 8);
                levels.resize(levels.len().max(level.saturating_add(1)), Vec::new());
                if let Some(level) = levels.get_mut(level) {
                    level.push(*hash);
                }
            }
        };
        let pushed = self.frontier.push_with(leaf_hash(&entry), &mut keep);
        pushed.map_err(|error| BundleError::Source(error.to_string()))?;
        self.entries.push(entry);
        Ok(())
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root over all of them.
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }
}

impl LogSource for MemoryLog {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
        let missing = || format!("the log has no `{}`", id.path());
        let first = usize::try_from(id.index)
            .ok()
            .and_then(|index| index.checked_mul(256))
            .ok_or_else(missing)?;
        let range = first..first.saturating_add(usize::from(id.width));
        match id.kind {
            TileKind::Entries => {
                let entries = self.entries.get(range).ok_or_else(missing)?;
                encode_bundle(entries).map_err(|error| error.to_string())
            }
            TileKind::Hashes(level) => {
                let hashes = self
                    .levels
                    .get(usize::from(level))
                    .and_then(|level| level.get(range))
                    .ok_or_else(missing)?;
                Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
            }
        }
    }
}

impl<D: Disk> LogSource for LogFiles<'_, D> {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
        TileReader::tile(self, id).map_err(|error| error.to_string())
    }
}

/// A source as the tree's proofs want it.
pub(super) struct Reader<'a>(pub(super) &'a dyn LogSource);

impl TileReader for Reader<'_> {
    type Error = BundleError;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, BundleError> {
        self.0.tile(id).map_err(BundleError::Source)
    }
}

impl From<TileError> for BundleError {
    fn from(error: TileError) -> Self {
        Self::Source(error.to_string())
    }
}

/// One entry, cut out of its entry bundle in a log of `size` entries.
pub(super) fn entry(source: &dyn LogSource, index: u64, size: u64) -> Result<Vec<u8>, BundleError> {
    let outside = || BundleError::Source(format!("the log of {size} entries has no entry {index}"));
    let tile = index / 256;
    let width = width_of(tile, hashes_at(size, 0)).ok_or_else(outside)?;
    let bytes = source
        .tile(TileId {
            kind: TileKind::Entries,
            index: tile,
            width,
        })
        .map_err(BundleError::Source)?;
    let entries = decode_bundle(&bytes, width, true)?;
    let place = usize::try_from(index % 256).map_err(|_| outside())?;
    entries
        .get(place)
        .map(|entry| entry.to_vec())
        .ok_or_else(outside)
}
