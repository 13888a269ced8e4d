//! Ids of recorded transfers, so that none is booked twice: exactly, as long as an id is remembered.
//!
//! An id is remembered as 128 bits and how they come from it: a UUID in its usual form, 32 hex digits, and a text of up to
//! 15 bytes are themselves; of any other the first 16 bytes of its SHA-256 (FIPS 180-4). Beside it are 30 bits of a keyed
//! hash of the transfer's content, so that the same id with other content is told from a repeat; one in 2^30 of such
//! conflicts is taken for a repeat, which books nothing.
//!
//! Two generations are kept. When the younger one is full the older one is forgotten, and with it all dates up to its
//! newest: a transfer dated so early is refused, because a repeat of one could no longer be told.

use crate::index::{HashKey, Index};
use crate::transfer::{Transfer, TransferId};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use keepwhole_verify::digest::Digest;

/// Ids of one generation at most, unless another number is set.
const GENERATION_IDS: u32 = 1 << 24;
/// Ids of a piece of memory.
const PIECE: usize = 1 << 16;
/// The bits of a print that say how the 128 bits come from the id.
const FORM: u32 = 0b11;

/// Whether a transfer's id was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// Not as far as is remembered.
    Never,
    /// With the same content.
    Same,
    /// With other content.
    Other,
}

/// An id as it is remembered: 128 bits, and in two bits how they come from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IdKey {
    words: [u32; 4],
    form: u32,
}

/// What a byte says as a lower-case digit; above 15 where it is none.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte.wrapping_sub(b'0'),
        b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
        _ => u8::MAX,
    }
}

/// The 16 bytes that lower-case digits say, if the pairs are that and nothing else.
fn sixteen(pairs: &[[u8; 2]; 16]) -> Option<[u8; 16]> {
    let (mut bytes, mut all) = ([0; 16], 0);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (digit(*high), digit(*low));
        all |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (all < 16).then_some(bytes)
}

fn uuid(id: &[u8; 36]) -> Option<[u8; 16]> {
    let in_place = [8, 13, 18, 23].iter().all(|at| id.get(*at) == Some(&b'-'));
    let pair = |at: usize| {
        let [a, b] = [id.get(at), id.get(at.saturating_add(1))];
        [a.copied().unwrap_or(0), b.copied().unwrap_or(0)]
    };
    const AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    in_place.then(|| sixteen(&AT.map(pair))).flatten()
}

impl IdKey {
    /// How an id is remembered.
    pub(crate) fn of(id: &[u8]) -> Self {
        if id.len() < 16 {
            let mut bytes = [0u8; 16];
            for (to, from) in bytes.iter_mut().zip(id) {
                *to = *from;
            }
            bytes[15] = u8::try_from(id.len()).unwrap_or(u8::MAX);
            return Self::from_bytes(bytes, 3);
        }
        let known = if let Ok(id) = <&[u8; 36]>::try_from(id) {
            uuid(id).map(|bytes| (bytes, 1))
        } else if let Ok(id) = <&[u8; 32]>::try_from(id) {
            let (pairs, _none) = id.as_chunks::<2>();
            let pairs = <&[[u8; 2]; 16]>::try_from(pairs).ok();
            pairs.and_then(sixteen).map(|bytes| (bytes, 2))
        } else {
            None
        };
        let (bytes, form) = known.unwrap_or_else(|| {
            let digest = Digest::of(id);
            let first = digest.as_bytes().first_chunk::<16>().copied();
            (first.unwrap_or_default(), 0)
        });
        Self::from_bytes(bytes, form)
    }

    fn from_bytes(bytes: [u8; 16], form: u32) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        let word = u32::from_le_bytes;
        let words = [
            word([a, b, c, d]),
            word([e, f, g, h]),
            word([i, j, k, l]),
            word([m, n, o, p]),
        ];
        Self { words, form }
    }

    fn hash(&self, key: HashKey) -> u64 {
        let [a, b, c, d] = self.words.map(u64::from);
        key.hash_words([a | (b << 32), c | (d << 32)])
    }
}

/// One remembered id: its 128 bits, and a print of 30 bits of the content above two of the form.
type Entry = [u32; 5];

const fn entry_key(entry: &Entry) -> IdKey {
    let [a, b, c, d, print] = *entry;
    IdKey {
        words: [a, b, c, d],
        form: print & FORM,
    }
}

#[derive(Clone, Debug, Default)]
struct Generation {
    /// In order of recording.
    pieces: Vec<Vec<Entry>>,
    count: u32,
    /// Newest date of its transfers, ms.
    newest: u64,
    /// Built again when read.
    index: Index,
}

fn entry_at(pieces: &[Vec<Entry>], number: u32) -> Option<&Entry> {
    let at = usize::try_from(number).ok()?;
    pieces.get(at / PIECE)?.get(at % PIECE)
}

impl Generation {
    fn find(&self, hash: u64, key: &IdKey) -> Option<u32> {
        let same =
            |number| entry_at(&self.pieces, number).is_some_and(|entry| entry_key(entry) == *key);
        let number = self.index.find(hash, same)?;
        entry_at(&self.pieces, number).map(|[_, _, _, _, print]| *print)
    }

    fn push(&mut self, hash: u64, entry: Entry) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(entry),
            _ => {
                let mut piece = Vec::new();
                if !self.pieces.is_empty() {
                    piece.reserve_exact(PIECE);
                }
                piece.push(entry);
                self.pieces.push(piece);
            }
        }
        self.index.insert(hash, self.count);
        self.count = self.count.saturating_add(1);
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().flatten()
    }

    fn bytes(&self) -> usize {
        let entries: usize = self.pieces.iter().map(Vec::capacity).sum();
        entries
            .saturating_mul(size_of::<Entry>())
            .saturating_add(self.index.bytes())
    }
}

impl PartialEq for Generation {
    fn eq(&self, other: &Self) -> bool {
        self.newest == other.newest && self.pieces == other.pieces
    }
}

impl Eq for Generation {}

/// The ids that are remembered, with a print of each one's content: those of two generations.
///
/// Stored are the ids in order of recording; the way from an id to its place is derived, and built again when read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferIds {
    key: HashKey,
    ids: u32,
    younger: Generation,
    older: Generation,
    forgotten: Option<u64>,
}

impl Default for TransferIds {
    fn default() -> Self {
        Self::remembering(GENERATION_IDS)
    }
}

impl TransferIds {
    /// Generations of that many ids: at least so many of the newest are remembered, and at most twice as many.
    #[must_use]
    pub fn remembering(ids: u32) -> Self {
        Self {
            key: HashKey::default(),
            ids,
            younger: Generation::default(),
            older: Generation::default(),
            forgotten: None,
        }
    }

    /// Ids of transfers dated up to then may be forgotten, ms; `None` while none is.
    #[must_use]
    pub const fn forgotten(&self) -> Option<u64> {
        self.forgotten
    }

    /// Number of ids that are remembered.
    #[must_use]
    pub fn remembered(&self) -> u64 {
        u64::from(self.younger.count).saturating_add(u64::from(self.older.count))
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.younger.bytes().saturating_add(self.older.bytes())
    }

    pub(crate) fn set_key(&mut self, key: HashKey) {
        if self.remembered() == 0 {
            self.key = key;
        }
    }

    pub(crate) fn hash(&self, key: &IdKey) -> u64 {
        key.hash(self.key)
    }

    pub(crate) fn touch(&self, hash: u64) -> u32 {
        self.younger.index.touch(hash) ^ self.older.index.touch(hash)
    }

    /// A short print of everything in a transfer, its id by its form only.
    pub(crate) fn print(&self, key: &IdKey, transfer: &Transfer) -> u32 {
        let (from, to) = (u64::from(transfer.from.0), u64::from(transfer.to.0));
        let kind = u64::from(transfer.asset.0) | (u64::from(transfer.kind.number()) << 16);
        let units = transfer.units.to_le_bytes();
        let [a, b, c, d, e, f, g, h, high @ ..] = units;
        let hash = self.key.hash_words([
            from | (to << 32),
            kind,
            u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            u64::from_le_bytes(high),
            transfer.effective,
        ]);
        let [a, b, c, d, ..] = hash.to_le_bytes();
        (u32::from_le_bytes([a, b, c, d]) & !FORM) | key.form
    }

    /// Whether that transfer was recorded, as far as ids are remembered: `Some(true)` with the same content,
    /// `Some(false)` with other content under its id.
    #[must_use]
    pub fn recorded(&self, transfer: &Transfer) -> Option<bool> {
        let key = IdKey::of(transfer.id.as_bytes());
        match self.look(self.hash(&key), &key, self.print(&key, transfer)) {
            Seen::Never => None,
            Seen::Same => Some(true),
            Seen::Other => Some(false),
        }
    }

    /// Whether an id with that hash was recorded, and with that print.
    pub(crate) fn look(&self, hash: u64, key: &IdKey, print: u32) -> Seen {
        let known = self.younger.find(hash, key);
        match known.or_else(|| self.older.find(hash, key)) {
            None => Seen::Never,
            Some(known) if known == print => Seen::Same,
            Some(_) => Seen::Other,
        }
    }

    /// An id as it is remembered, and its hash.
    pub(crate) fn keyed(&self, id: &TransferId) -> (IdKey, u64) {
        let key = IdKey::of(id.as_bytes());
        (key, self.hash(&key))
    }

    /// Remembers a transfer under its id, given as [`keyed`](Self::keyed) says.
    pub(crate) fn insert(&mut self, transfer: &Transfer, (key, hash): (IdKey, u64)) {
        if self.younger.count >= self.ids {
            let older = core::mem::take(&mut self.younger);
            let gone = core::mem::replace(&mut self.older, older);
            if gone.count > 0 {
                self.forgotten = Some(self.forgotten.unwrap_or(0).max(gone.newest));
            }
        }
        let [a, b, c, d] = key.words;
        let print = self.print(&key, transfer);
        self.younger.newest = self.younger.newest.max(transfer.effective);
        self.younger.push(hash, [a, b, c, d, print]);
    }
}

impl BorshSerialize for TransferIds {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        (self.key, self.ids, self.forgotten).serialize(writer)?;
        for generation in [&self.younger, &self.older] {
            (generation.newest, generation.count).serialize(writer)?;
            for entry in generation.entries() {
                let mut bytes = [0u8; 20];
                for (to, word) in bytes.chunks_exact_mut(4).zip(entry) {
                    to.copy_from_slice(&word.to_le_bytes());
                }
                writer.write_all(&bytes)?;
            }
        }
        Ok(())
    }
}

impl BorshDeserialize for TransferIds {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let (key, ids, forgotten) = <(HashKey, u32, Option<u64>)>::deserialize_reader(reader)?;
        let mut read = || -> borsh::io::Result<Generation> {
            let (newest, count) = <(u64, u32)>::deserialize_reader(reader)?;
            let mut generation = Generation {
                newest,
                ..Generation::default()
            };
            for _ in 0..count {
                let entry = Entry::deserialize_reader(reader)?;
                generation.push(entry_key(&entry).hash(key), entry);
            }
            Ok(generation)
        };
        Ok(Self {
            key,
            ids,
            forgotten,
            younger: read()?,
            older: read()?,
        })
    }
}
