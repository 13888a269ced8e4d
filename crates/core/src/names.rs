//! Outside names and their dense numbers: texts one behind the other in pieces of memory, and the way back by hash.

use crate::index::{HashKey, Index};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes of a piece.
const PIECE: usize = 1 << 18;
/// Names begin at multiples of this, so that 32 bits reach 16 GiB.
const STEP: usize = 4;

/// Names by number, 0 first. Two are equal if their names are; what is derived does not count.
#[derive(Clone, Debug, Default)]
pub struct Names {
    key: HashKey,
    /// Each name behind its length (two bytes, little-endian).
    pieces: Vec<Vec<u8>>,
    /// Where each name begins, in steps from the first piece on.
    places: Vec<u32>,
    index: Index,
}

fn text_at<'a>(pieces: &'a [Vec<u8>], places: &[u32], number: u32) -> Option<&'a [u8]> {
    let place = *places.get(usize::try_from(number).ok()?)?;
    let at = usize::try_from(place).ok()?.checked_mul(STEP)?;
    let piece = pieces.get(at / PIECE)?.get(at % PIECE..)?;
    let (length, text) = piece.split_first_chunk::<2>()?;
    text.get(..usize::from(u16::from_le_bytes(*length)))
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
        core::str::from_utf8(text_at(&self.pieces, &self.places, number)?).ok()
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

    /// A name that probably has the hash: where it lies, so that several reads can be under way at once.
    pub(crate) fn touch_place(&self, hash: u64) -> Option<u32> {
        let number = self.index.likely(hash)?;
        self.places.get(usize::try_from(number).ok()?).copied()
    }

    /// Reads the first bytes of the name that lies there.
    pub(crate) fn touch_text(&self, place: u32) -> u32 {
        let at = usize::try_from(place).map_or(0, |place| place.saturating_mul(STEP));
        let piece = self.pieces.get(at / PIECE);
        let byte = piece.and_then(|piece| piece.get(at % PIECE));
        byte.map_or(0, |byte| u32::from(*byte))
    }

    pub(crate) fn find(&self, hash: u64, name: &[u8]) -> Option<u32> {
        self.index.find(hash, |number| {
            text_at(&self.pieces, &self.places, number) == Some(name)
        })
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
        let Some(place) = self.store(length, text) else {
            return;
        };
        self.places.push(place);
        if known {
            return;
        }
        self.index.insert(hash, number);
    }

    fn store(&mut self, length: u16, text: &[u8]) -> Option<u32> {
        let bytes = text.len().checked_add(2)?;
        let fits = self
            .pieces
            .last()
            .is_some_and(|piece| piece.len().next_multiple_of(STEP).saturating_add(bytes) <= PIECE);
        if !fits {
            self.pieces.push(Vec::new());
        }
        let before = self.pieces.len().checked_sub(1)?.checked_mul(PIECE)?;
        let piece = self.pieces.last_mut()?;
        piece.resize(piece.len().next_multiple_of(STEP), 0);
        let place = u32::try_from(before.checked_add(piece.len())? / STEP).ok()?;
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
