//! Outside names and their dense numbers: texts one behind the other in pieces of memory, and the way back by hash.

use crate::index::{HashKey, Index};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes of a piece.
const PIECE: usize = 1 << 18;
/// Names begin at multiples of this, so that 32 bits reach 16 GiB.
const STEP: usize = 4;
/// Bytes before a name's text: its number and its length.
const NAME_AT: usize = 6;

/// Names by number, 0 first. Two are equal if their names are; what is derived does not count.
#[derive(Clone, Debug, Default)]
pub struct Names {
    key: HashKey,
    /// Each name behind its number (four bytes, little-endian) and its length (two).
    pieces: Vec<Vec<u8>>,
    /// Where each name lies, in steps from the first piece on.
    places: Vec<u32>,
    /// From a name's hash to where it lies.
    index: Index,
}

/// Bytes from there to the end of the piece.
fn bytes_at(pieces: &[Vec<u8>], place: u32) -> Option<&[u8]> {
    let at = usize::try_from(place).ok()?.checked_mul(STEP)?;
    pieces.get(at / PIECE)?.get(at % PIECE..)
}

/// The name that lies there, and its number.
fn name_at(pieces: &[Vec<u8>], place: u32) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes_at(pieces, place)?.split_first_chunk::<4>()?;
    let (length, text) = rest.split_first_chunk::<2>()?;
    let text = text.get(..usize::from(u16::from_le_bytes(*length)))?;
    Some((u32::from_le_bytes(*number), text))
}

impl Names {
    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True without names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The name of that number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&str> {
        let place = *self.places.get(usize::try_from(number).ok()?)?;
        core::str::from_utf8(name_at(&self.pieces, place)?.1).ok()
    }

    /// The number of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.find(self.hash(name.as_bytes()), name.as_bytes())
    }

    pub(crate) fn hash(&self, name: &[u8]) -> u64 {
        self.key.hash(name)
    }

    pub(crate) fn touch(&self, hash: u64) -> u32 {
        self.index.touch(hash)
    }

    /// Reads both ends of a name that probably has the hash, so that several reads can be under way at once.
    pub(crate) fn touch_text(&self, hash: u64, length: usize) -> u32 {
        let place = self.index.likely(hash);
        let bytes = place.and_then(|place| bytes_at(&self.pieces, place));
        let end = |at: usize| bytes.and_then(|bytes| bytes.get(at)).copied();
        let last = length.saturating_add(NAME_AT).saturating_sub(1);
        u32::from(end(0) == end(last))
    }

    pub(crate) fn find(&self, hash: u64, name: &[u8]) -> Option<u32> {
        let mut found = None;
        self.index.find(hash, |place| {
            let known = name_at(&self.pieces, place).filter(|(_, text)| *text == name);
            found = known.map(|(number, _)| number);
            found.is_some()
        });
        found
    }

    /// The key of the hash, for names that come from now on; set before the first.
    pub(crate) fn set_key(&mut self, key: HashKey) {
        if self.is_empty() {
            self.key = key;
        }
    }

    /// Adds a name under the next number; nothing for one that is known or no table holds.
    pub(crate) fn add(&mut self, name: &str) {
        let text = name.as_bytes();
        let hash = self.hash(text);
        let (Ok(number), Ok(length)) =
            (u32::try_from(self.places.len()), u16::try_from(text.len()))
        else {
            return;
        };
        let known = self.find(hash, text).is_some();
        let Some(place) = self.store(number, length, text) else {
            return;
        };
        self.places.push(place);
        if known {
            return;
        }
        self.index.insert(hash, place);
    }

    fn store(&mut self, number: u32, length: u16, text: &[u8]) -> Option<u32> {
        let bytes = text.len().checked_add(NAME_AT)?;
        let fits = self
            .pieces
            .last()
            .is_some_and(|piece| piece.len().next_multiple_of(STEP).saturating_add(bytes) <= PIECE);
        if !fits {
            self.pieces.push(Vec::new());
        }
        let before = self.pieces.len().checked_sub(1)?.checked_mul(PIECE)?;
        let piece = self.pieces.last_mut()?;
        let spare = piece.capacity().saturating_sub(piece.len());
        if spare < bytes.saturating_add(STEP) {
            // Twice as much as before, but never beyond a piece.
            let left = PIECE.saturating_sub(piece.len());
            piece.reserve_exact(piece.len().max(1_024).min(left));
        }
        piece.resize(piece.len().next_multiple_of(STEP), 0);
        let place = u32::try_from(before.checked_add(piece.len())? / STEP).ok()?;
        piece.extend_from_slice(&number.to_le_bytes());
        piece.extend_from_slice(&length.to_le_bytes());
        piece.extend_from_slice(text);
        Some(place)
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(Vec::capacity).sum();
        pieces
            .saturating_add(self.places.capacity().saturating_mul(4))
            .saturating_add(self.index.bytes())
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.places == other.places && self.pieces == other.pieces
    }
}

impl Eq for Names {}

/// Stored as the key and the names in order, each as borsh stores a text; the way back is built again when read.
impl BorshSerialize for Names {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.key.serialize(writer)?;
        let count = u32::try_from(self.len()).map_err(|_| borsh::io::ErrorKind::InvalidData)?;
        count.serialize(writer)?;
        for number in 0..count {
            self.get(number).unwrap_or("").serialize(writer)?;
        }
        Ok(())
    }
}

impl BorshDeserialize for Names {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let mut names = Self {
            key: HashKey::deserialize_reader(reader)?,
            ..Self::default()
        };
        for number in 0..u32::deserialize_reader(reader)? {
            names.add(&String::deserialize_reader(reader)?);
            if names.get(number).is_none() {
                return Err(borsh::io::ErrorKind::InvalidData.into());
            }
        }
        Ok(names)
    }
}
