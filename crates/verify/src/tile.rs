//! The files a log is published in: names, coordinates and contents of tiles and entry bundles (c2sp.org/tlog-tiles).
//!
//! A tile of level `l` holds up to 256 hashes; hash `i` of tile `n` covers the leaves
//! `(256 n + i) * 256^l .. (256 n + i + 1) * 256^l`. An entry bundle holds up to 256 entries, each behind a big-endian
//! `u16` length.

use crate::decimal;
use crate::digest::Digest;
use crate::tree::{StoredHashes, node_hash};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

/// Hashes in a full tile and entries in a full bundle.
pub const FULL_WIDTH: u16 = 256;
/// Highest tile level a tree below 2^63 leaves can have.
pub const MAX_LEVEL: u8 = 7;
/// Largest entry in bytes: the bundle's length prefix has 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// What a tile file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TileKind {
    /// Hashes of this level; level 0 holds leaf hashes.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// Name of one tile or entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    /// Hashes of a level, or entries.
    pub kind: TileKind,
    /// Number of the tile within its level.
    pub index: u64,
    /// Hashes or entries inside, 1 to 256; 256 is a full tile.
    pub width: u16,
}

/// Why a tile, a bundle or its name was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TileError {
    /// The path is not one that this log could have.
    Path(String),
    /// The file has another length than its width needs.
    Length {
        /// The tile's path.
        path: String,
        /// Bytes needed.
        wanted: usize,
        /// Bytes found.
        found: usize,
    },
    /// An entry bundle ends inside an entry or has bytes left over.
    Bundle {
        /// Which entry of the bundle, from 0.
        entry: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// A hash outside the tree was asked for.
    OutsideTree {
        /// Level of the subtree asked for.
        level: u8,
        /// Its index.
        index: u64,
    },
}

impl fmt::Display for TileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(
                f,
                "`{path}` is not the path of a tile (c2sp.org/tlog-tiles)"
            ),
            Self::Length {
                path,
                wanted,
                found,
            } => {
                write!(f, "tile `{path}` needs `{wanted}` bytes but has `{found}`")
            }
            Self::Bundle { entry, fault } => write!(f, "entry `{entry}` of the bundle {fault}"),
            Self::OutsideTree { level, index } => {
                write!(
                    f,
                    "no complete subtree at level `{level}`, index `{index}` in this tree"
                )
            }
        }
    }
}

impl core::error::Error for TileError {}

impl TileId {
    /// The path below the log's prefix, such as `tile/0/x001/x234/067.p/5` or `tile/entries/000`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::from("tile/");
        match self.kind {
            TileKind::Hashes(level) => path.push_str(&level.to_string()),
            TileKind::Entries => path.push_str("entries"),
        }
        let digits = self.index.to_string();
        let groups = digits.len().div_ceil(3);
        let padded = alloc::format!("{digits:0>width$}", width = groups * 3);
        for group in 0..groups {
            path.push_str(if group + 1 < groups { "/x" } else { "/" });
            path.push_str(padded.get(group * 3..group * 3 + 3).unwrap_or_default());
        }
        if self.width < FULL_WIDTH {
            path.push_str(".p/");
            path.push_str(&self.width.to_string());
        }
        path
    }

    /// Reads a path back; only the exact spelling that [`path`](Self::path) writes is accepted.
    ///
    /// # Errors
    /// [`TileError::Path`].
    pub fn parse(path: &str) -> Result<Self, TileError> {
        Self::parse_loosely(path)
            .filter(|tile| tile.path() == path)
            .ok_or_else(|| TileError::Path(String::from(path)))
    }

    fn parse_loosely(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = u8::try_from(decimal::parse_u64(level)?).ok()?;
                if level > 63 {
                    return None;
                }
                TileKind::Hashes(level)
            }
        };
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, FULL_WIDTH),
            Some((number, width)) => {
                let width = u16::try_from(decimal::parse_u64(width)?).ok()?;
                if width == 0 || width >= FULL_WIDTH {
                    return None;
                }
                (number, width)
            }
        };
        let digits: String = number.chars().filter(|c| !matches!(c, 'x' | '/')).collect();
        let trimmed = digits.trim_start_matches('0');
        let index = decimal::parse_u64(if trimmed.is_empty() { "0" } else { trimmed })?;
        Some(Self { kind, index, width })
    }

    /// The same tile at full width: where to look when a partial file is gone.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            width: FULL_WIDTH,
            ..self
        }
    }

    /// Checks the length of a hash tile's contents: 32 bytes a hash.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn check_hashes(&self, bytes: &[u8]) -> Result<(), TileError> {
        let wanted = usize::from(self.width) * 32;
        if bytes.len() == wanted {
            return Ok(());
        }
        Err(TileError::Length {
            path: self.path(),
            wanted,
            found: bytes.len(),
        })
    }
}

/// Number of hashes that a tree of `size` has at tile level `level`: `floor(size / 256^level)`.
#[must_use]
pub const fn hashes_at(size: u64, level: u8) -> u64 {
    if level > MAX_LEVEL {
        0
    } else {
        size >> (8 * level)
    }
}

/// Width of tile `index` of a level that holds `count` hashes, or `None` when the tile would be empty.
#[must_use]
pub fn width_of(index: u64, count: u64) -> Option<u16> {
    let first = index.checked_mul(u64::from(FULL_WIDTH))?;
    let inside = count.checked_sub(first)?.min(u64::from(FULL_WIDTH));
    u16::try_from(inside).ok().filter(|width| *width > 0)
}

/// All tiles and entry bundles a log of `new` entries needs beyond those of `old` entries, lower levels first.
///
/// With `old = 0` these are all files of the log.
#[must_use]
pub fn tiles_between(old: u64, new: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    let mut add = |kind, old_count: u64, new_count: u64| {
        if old_count >= new_count {
            return;
        }
        let mut index = old_count / u64::from(FULL_WIDTH);
        while let Some(width) = width_of(index, new_count) {
            tiles.push(TileId { kind, index, width });
            index += 1;
        }
    };
    add(TileKind::Entries, old, new);
    for level in 0..=MAX_LEVEL {
        add(
            TileKind::Hashes(level),
            hashes_at(old, level),
            hashes_at(new, level),
        );
    }
    tiles
}

/// The partial tile of every level: the right edge from which the root of `size` is computed.
#[must_use]
pub fn right_edge(size: u64) -> Vec<TileId> {
    (0..=MAX_LEVEL)
        .filter_map(|level| {
            let count = hashes_at(size, level);
            let index = count / u64::from(FULL_WIDTH);
            width_of(index, count).map(|width| TileId {
                kind: TileKind::Hashes(level),
                index,
                width,
            })
        })
        .collect()
}

/// Reads hash tiles from wherever they are kept.
pub trait TileReader {
    /// Why a tile could not be read.
    type Error: From<TileError>;

    /// Contents of exactly this tile. A reader that lacks a partial tile answers with the first `width` hashes of the
    /// full one.
    ///
    /// # Errors
    /// Whatever keeps the reader from answering.
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Self::Error>;
}

/// The hashes of complete subtrees of a tree of `size` entries, computed from its tiles.
#[derive(Debug)]
pub struct TileHashes<R> {
    reader: R,
    size: u64,
}

impl<R: TileReader> TileHashes<R> {
    /// Answers for the tree of `size` entries.
    pub const fn new(reader: R, size: u64) -> Self {
        Self { reader, size }
    }
}

impl<R: TileReader> StoredHashes for TileHashes<R> {
    type Error = R::Error;

    fn hash(&self, level: u8, index: u64) -> Result<Digest, R::Error> {
        let outside = || R::Error::from(TileError::OutsideTree { level, index });
        let (tile_level, height) = (level / 8, level % 8);
        let first = index.checked_mul(1 << height).ok_or_else(outside)?;
        let tile_index = first / u64::from(FULL_WIDTH);
        let count = hashes_at(self.size, tile_level);
        let width = width_of(tile_index, count).ok_or_else(outside)?;
        let id = TileId {
            kind: TileKind::Hashes(tile_level),
            index: tile_index,
            width,
        };
        let bytes = self.reader.tile(id)?;
        id.check_hashes(&bytes)?;
        let start = usize::try_from(first % u64::from(FULL_WIDTH)).map_err(|_| outside())?;
        let end = start + (1 << height);
        let hashes = bytes.get(start * 32..end * 32).ok_or_else(outside)?;
        let leaves: Vec<Digest> = hashes
            .chunks_exact(32)
            .filter_map(Digest::from_slice)
            .collect();
        Ok(complete_root(&leaves))
    }
}

/// Root of a power of two of hashes, at least one.
fn complete_root(hashes: &[Digest]) -> Digest {
    match hashes {
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&complete_root(left), &complete_root(right))
        }
    }
}

/// Writes an entry bundle: each entry behind its big-endian `u16` length.
///
/// # Errors
/// [`TileError::Bundle`] for an empty entry, one above 65,535 bytes, or more than 256 of them.
pub fn encode_bundle<B: AsRef<[u8]>>(entries: &[B]) -> Result<Vec<u8>, TileError> {
    let mut bytes = Vec::new();
    for (ix, entry) in entries.iter().enumerate() {
        let fault = |fault| TileError::Bundle { entry: ix, fault };
        let entry = entry.as_ref();
        if ix >= usize::from(FULL_WIDTH) {
            return Err(fault("is one too many: a bundle holds 256"));
        }
        if entry.is_empty() {
            return Err(fault("is empty"));
        }
        let length =
            u16::try_from(entry.len()).map_err(|_| fault("is longer than 65,535 bytes"))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads the first `width` entries of a bundle; with `exact`, nothing may follow them.
///
/// # Errors
/// [`TileError::Bundle`] for an empty entry, an end inside an entry, or bytes left over.
pub fn decode_bundle(bytes: &[u8], width: u16, exact: bool) -> Result<Vec<&[u8]>, TileError> {
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(usize::from(width));
    for entry in 0..usize::from(width) {
        let fault = |fault| TileError::Bundle { entry, fault };
        let (length, after) = rest
            .split_first_chunk::<2>()
            .ok_or_else(|| fault("is missing"))?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 {
            return Err(fault("is empty"));
        }
        let body = after.get(..length).ok_or_else(|| fault("is cut short"))?;
        rest = after.get(length..).unwrap_or_default();
        entries.push(body);
    }
    if exact && !rest.is_empty() {
        return Err(TileError::Bundle {
            entry: entries.len(),
            fault: "is one too many for this width",
        });
    }
    Ok(entries)
}
