//! Ids of recorded transfers, so that none is booked twice: exactly, as long as an id is remembered.
//!
//! An id is remembered as 128 bits and how they come from it: a UUID in its usual form, 32 hex digits, and a text of up to
//! 15 bytes are themselves; of any other the first 16 bytes of its SHA-256 (FIPS 180-4). Beside it are 30 bits of a keyed
//! hash of the transfer's content, so that the same id with other content is told from a repeat; one in 2^30 of such
//! conflicts is taken for a repeat, which books nothing.
//!
//! Two generations are kept. When the younger one is full the older one is forgotten, and with it all dates up to its
//! newest: a transfer dated so early is refused, because a repeat of one could no longer be told.

use crate::index::{HashKey, Index, STAGE, Sorted, UnbuiltPart};
use crate::transfer::Transfer;
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

/// One bit of each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The four bytes that eight lower-case hex digits say, if they are that and nothing else. All eight at once, a byte of the
/// word for each (Warren, Hacker's Delight, chapter 6).
fn four(digits: [u8; 8]) -> Option<[u8; 4]> {
    let word = u64::from_le_bytes(digits);
    let letters = (word >> 6) & EACH;
    // 0x30 to 0x39 and 0x61 to 0x66: the high half says which, the low half with nine more for letters is the value.
    let halves = (word & (EACH * 0xf0)) == (EACH * 0x30).wrapping_add(letters.wrapping_mul(0x30));
    let values = (word & (EACH * 0x0f)).wrapping_add(letters.wrapping_mul(9));
    let above_nine = (values.wrapping_add(EACH * 6) >> 4) & EACH;
    if !halves || values & (EACH * 0x10) != 0 || above_nine != letters {
        return None;
    }
    let [a, _, b, _, c, _, d, _] = ((values << 4) | (values >> 8)).to_le_bytes();
    Some([a, b, c, d])
}

/// The words that 32 digits say.
fn words(digits: &[u8; 32]) -> Option<[u32; 4]> {
    let (eights, _none) = digits.as_chunks::<8>();
    let mut words = [0; 4];
    for (word, eight) in words.iter_mut().zip(eights) {
        *word = u32::from_le_bytes(four(*eight)?);
    }
    Some(words)
}

/// The digits of a UUID in its usual form (RFC 9562, 4).
fn uuid(id: &[u8; 36]) -> Option<[u32; 4]> {
    if [8, 13, 18, 23].iter().any(|at| id.get(*at) != Some(&b'-')) {
        return None;
    }
    let mut digits = [0; 32];
    for (to, from) in [
        (0..8, 0..8),
        (8..12, 9..13),
        (12..16, 14..18),
        (16..20, 19..23),
        (20..32, 24..36),
    ] {
        digits.get_mut(to)?.copy_from_slice(id.get(from)?);
    }
    words(&digits)
}

/// How a transfer is remembered, worked out once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Keyed {
    pub(crate) key: IdKey,
    /// Of the key, where it is looked up.
    pub(crate) hash: u64,
    /// A short print of everything in the transfer, its id by its form only.
    pub(crate) print: u32,
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
            uuid(id).map(|words| Self { words, form: 1 })
        } else if let Ok(id) = <&[u8; 32]>::try_from(id) {
            words(id).map(|words| Self { words, form: 2 })
        } else {
            None
        };
        known.unwrap_or_else(|| {
            let digest = Digest::of(id);
            let first = digest.as_bytes().first_chunk::<16>().copied();
            Self::from_bytes(first.unwrap_or_default(), 0)
        })
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

fn read_stage<R: borsh::io::Read>(stage: &mut [Entry], reader: &mut R) -> borsh::io::Result<()> {
    let mut bytes = [[0u8; 20]; STAGE];
    let bytes = bytes.get_mut(..stage.len()).unwrap_or_default();
    reader.read_exact(bytes.as_flattened_mut())?;
    for (entry, bytes) in stage.iter_mut().zip(bytes.iter()) {
        let (words, _none) = bytes.as_chunks::<4>();
        for (to, from) in entry.iter_mut().zip(words) {
            *to = u32::from_le_bytes(*from);
        }
    }
    Ok(())
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

    /// Reads a generation; the way to its entries is left to be built from `sorted`.
    fn read<R: borsh::io::Read>(
        key: HashKey,
        sorted: &mut Sorted,
        reader: &mut R,
    ) -> borsh::io::Result<Self> {
        let (newest, count) = <(u64, u32)>::deserialize_reader(reader)?;
        let mut generation = Self {
            newest,
            count,
            ..Self::default()
        };
        // No more room at once than a generation has, whatever the bytes say.
        let room = count.min(GENERATION_IDS);
        *sorted = Sorted::with_room(usize::try_from(room).unwrap_or(0));
        let mut numbers = 0..count;
        while !numbers.is_empty() {
            let mut piece = alloc::vec![[0; 5]; numbers.len().min(PIECE)];
            for stage in piece.chunks_mut(STAGE) {
                read_stage(stage, reader)?;
                for (entry, number) in stage.iter().zip(&mut numbers) {
                    sorted.push(entry_key(entry).hash(key), number);
                }
            }
            generation.pieces.push(piece);
        }
        Ok(generation)
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

    pub(crate) const fn key(&self) -> HashKey {
        self.key
    }

    /// Reads the ids; the way to them is left to be built with [`index`](Self::index) from `sorted`.
    pub(crate) fn read<R: borsh::io::Read>(
        sorted: &mut [Sorted; 2],
        reader: &mut R,
    ) -> borsh::io::Result<Self> {
        let (key, ids, forgotten) = <(HashKey, u32, Option<u64>)>::deserialize_reader(reader)?;
        let [younger, older] = sorted;
        Ok(Self {
            key,
            ids,
            forgotten,
            younger: Generation::read(key, younger, reader)?,
            older: Generation::read(key, older, reader)?,
        })
    }

    /// Builds the way to the ids. `build` may build the parts, in any order and many at once; the others are built here.
    pub(crate) fn index(
        &mut self,
        [younger, older]: [Sorted; 2],
        build: impl FnOnce(&mut [UnbuiltPart<'_>]),
    ) {
        let younger = self.younger.index.unbuilt(younger);
        let older = self.older.index.unbuilt(older);
        let mut parts: Vec<UnbuiltPart<'_>> = younger.chain(older).collect();
        build(&mut parts);
        parts.iter_mut().for_each(UnbuiltPart::build);
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

    /// As [`touch`](Self::touch), of what remembering one more reads.
    pub(crate) fn touch_younger(&self, hash: u64) -> u32 {
        self.younger.index.touch(hash)
    }

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
        match self.look(&self.keyed(transfer)) {
            Seen::Never => None,
            Seen::Same => Some(true),
            Seen::Other => Some(false),
        }
    }

    /// Whether a transfer was recorded under its id, and with the same content.
    pub(crate) fn look(&self, keyed: &Keyed) -> Seen {
        let known = self.younger.find(keyed.hash, &keyed.key);
        match known.or_else(|| self.older.find(keyed.hash, &keyed.key)) {
            None => Seen::Never,
            Some(known) if known == keyed.print => Seen::Same,
            Some(_) => Seen::Other,
        }
    }

    /// How a transfer is remembered.
    pub(crate) fn keyed(&self, transfer: &Transfer) -> Keyed {
        let key = IdKey::of(transfer.id.as_bytes());
        Keyed {
            key,
            hash: self.hash(&key),
            print: self.print(&key, transfer),
        }
    }

    /// Remembers a transfer of that date, given as [`keyed`](Self::keyed) says.
    pub(crate) fn insert(&mut self, effective: u64, keyed: &Keyed) {
        if self.younger.count >= self.ids {
            let older = core::mem::take(&mut self.younger);
            let gone = core::mem::replace(&mut self.older, older);
            if gone.count > 0 {
                self.forgotten = Some(self.forgotten.unwrap_or(0).max(gone.newest));
            }
        }
        let [a, b, c, d] = keyed.key.words;
        self.younger.newest = self.younger.newest.max(effective);
        self.younger.push(keyed.hash, [a, b, c, d, keyed.print]);
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
        let mut sorted = <[Sorted; 2]>::default();
        let mut ids = Self::read(&mut sorted, reader)?;
        ids.index(sorted, |_| {});
        Ok(ids)
    }
}
