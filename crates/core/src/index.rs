//! The one hash lookup of the core: from a hash to the dense numbers that have it. It can't be iterated, so that no order
//! of a table ever reaches an answer, and it is derived: it is not stored, and whoever reads a state builds it again.
//!
//! Numbers lie in buckets of one cache line, eight to a bucket with 32 bits of each one's hash, so that asking for what is
//! not there reads one line, and growing reads nothing but the table. A table is 256 parts, each of which grows alone and
//! at its own load: no growth copies more than a 256th. The hash is SipHash-1-3 under a key that the journal's first
//! record gives, so that names which customers choose can't be chosen to collide.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Numbers in a bucket.
const SLOTS: usize = 8;
/// Parts of a table.
const PARTS: usize = 256;

/// Lookups whose memory is asked for together, before any of it is used: the processor then waits once for all of them.
pub(crate) const STAGE: usize = 64;

/// Key of the hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct HashKey(u64, u64);

impl HashKey {
    /// The key that a digest gives.
    #[must_use]
    pub(crate) const fn of(digest: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *digest;
        Self(
            u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            u64::from_le_bytes([i, j, k, l, m, n, o, p]),
        )
    }

    /// SipHash-1-3 of the bytes (Aumasson and Bernstein, 2012, with one round a word and three at the end).
    #[must_use]
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let mut sip = Sip::new(self);
        let mut rest = bytes;
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            sip.word(u64::from_le_bytes(*word));
            rest = after;
        }
        let mut last = [0u8; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let [length, ..] = bytes.len().to_le_bytes();
        sip.end(u64::from_le_bytes(last) | (u64::from(length) << 56))
    }

    /// The same of words, whose number the caller fixes.
    #[must_use]
    pub(crate) fn hash_words<const N: usize>(self, words: [u64; N]) -> u64 {
        let mut sip = Sip::new(self);
        for word in words {
            sip.word(word);
        }
        sip.end(0)
    }
}

struct Sip(u64, u64, u64, u64);

impl Sip {
    const fn new(key: HashKey) -> Self {
        Self(
            key.0 ^ 0x736f_6d65_7073_6575,
            key.1 ^ 0x646f_7261_6e64_6f6d,
            key.0 ^ 0x6c79_6765_6e65_7261,
            key.1 ^ 0x7465_6462_7974_6573,
        )
    }

    const fn round(&mut self) {
        self.0 = self.0.wrapping_add(self.1);
        self.1 = self.1.rotate_left(13) ^ self.0;
        self.0 = self.0.rotate_left(32);
        self.2 = self.2.wrapping_add(self.3);
        self.3 = self.3.rotate_left(16) ^ self.2;
        self.0 = self.0.wrapping_add(self.3);
        self.3 = self.3.rotate_left(21) ^ self.0;
        self.2 = self.2.wrapping_add(self.1);
        self.1 = self.1.rotate_left(17) ^ self.2;
        self.2 = self.2.rotate_left(32);
    }

    const fn word(&mut self, word: u64) {
        self.3 ^= word;
        self.round();
        self.0 ^= word;
    }

    const fn end(mut self, last: u64) -> u64 {
        self.word(last);
        self.2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.0 ^ self.1 ^ self.2 ^ self.3
    }
}

/// Eight numbers and the place of each one's hash. They fill from the front; a free slot has no number.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    places: [u32; SLOTS],
    /// One more than the number; zero where there is none.
    numbers: [u32; SLOTS],
}

const EMPTY: Bucket = Bucket {
    places: [0; SLOTS],
    numbers: [0; SLOTS],
};

impl Bucket {
    const fn full(&self) -> bool {
        self.numbers[SLOTS - 1] != 0
    }

    fn find(&self, place: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut hits = 0u32;
        for (slot, known) in self.places.iter().enumerate() {
            hits |= u32::from(*known == place) << slot;
        }
        while hits != 0 {
            let slot = usize::try_from(hits.trailing_zeros()).unwrap_or(SLOTS);
            if let Some(number) = self.numbers.get(slot).and_then(|more| more.checked_sub(1))
                && same(number)
            {
                return Some(number);
            }
            hits &= hits.wrapping_sub(1);
        }
        None
    }

    /// Puts a number, given as one more, behind the others; false if there is no room.
    fn put(&mut self, place: u32, more: u32) -> bool {
        let slots = self.places.iter_mut().zip(self.numbers.iter_mut());
        for (known, number) in slots {
            if *number == 0 {
                (*known, *number) = (place, more);
                return true;
            }
        }
        false
    }
}

/// What a hash says: the part, and the place in it as a fraction of 2^32.
const fn split(hash: u64) -> (usize, u32) {
    let [a, b, c, d, _, _, _, part] = hash.to_le_bytes();
    let place = u32::from_le_bytes([a, b, c, d]);
    (usize::from_le_bytes([part, 0, 0, 0, 0, 0, 0, 0]), place)
}

#[derive(Clone, Default)]
struct Part {
    buckets: Vec<Bucket>,
    held: usize,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

impl Part {
    fn first(&self, place: u32) -> usize {
        let buckets = u64::try_from(self.buckets.len()).unwrap_or(u64::MAX);
        let at = u64::from(place).wrapping_mul(buckets) >> 32;
        usize::try_from(at).unwrap_or(0)
    }

    fn find(&self, place: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let first = self.first(place);
        let (before, after) = self.buckets.split_at_checked(first)?;
        for bucket in after.iter().chain(before) {
            if let Some(number) = bucket.find(place, &mut same) {
                return Some(number);
            }
            if !bucket.full() {
                return None;
            }
        }
        None
    }

    fn put(&mut self, place: u32, more: u32) {
        let first = self.first(place);
        let (before, after) = self.buckets.split_at_mut(first);
        for bucket in after.iter_mut().chain(before) {
            if bucket.put(place, more) {
                self.held = self.held.saturating_add(1);
                return;
            }
        }
    }

    /// Puts a number, given as one more, where there is room: this is part `at` of its table.
    fn add(&mut self, at: usize, place: u32, more: u32) {
        if !self.roomy(at) {
            self.grow();
        }
        self.put(place, more);
    }

    /// Room for one more: between 70 and 77 of 100 slots are used at most, another bound in each part. Above that too many
    /// buckets are full, and whoever asks for what is not there reads a second one.
    fn roomy(&self, part: usize) -> bool {
        let slots = self.buckets.len().saturating_mul(SLOTS);
        let load = (part % 8).saturating_add(70);
        self.held.saturating_mul(100) < slots.saturating_mul(load)
    }

    fn grow(&mut self) {
        let buckets = self.buckets.len();
        self.grow_to(buckets.saturating_add(buckets / 4).saturating_add(1));
    }

    fn grow_to(&mut self, more: usize) {
        if more <= self.buckets.len() {
            return;
        }
        let old = core::mem::replace(&mut self.buckets, alloc::vec![EMPTY; more]);
        self.held = 0;
        for bucket in old {
            for (place, number) in bucket.places.into_iter().zip(bucket.numbers) {
                if number != 0 {
                    self.put(place, number);
                }
            }
        }
    }
}

/// What an index shall hold, sorted by its parts: the place of each hash, and one more than the number.
#[derive(Debug, Default)]
pub(crate) struct Sorted(Vec<Vec<(u32, u32)>>);

impl Sorted {
    /// Nothing yet, with room for about so many.
    pub(crate) fn with_room(numbers: usize) -> Self {
        let share = numbers / PARTS;
        // Hashes spread evenly: of many, hardly ever a part gets three of a hundred more than its share.
        let room = share.saturating_add(share / 32);
        let parts = core::iter::repeat_with(|| Vec::with_capacity(room));
        Self(parts.take(PARTS).collect())
    }

    /// Adds a number below `u32::MAX` that is not in it.
    pub(crate) fn push(&mut self, hash: u64, number: u32) {
        let (at, place) = split(hash);
        if let (Some(part), Some(more)) = (self.0.get_mut(at), number.checked_add(1)) {
            part.push((place, more));
        }
    }
}

/// A part of a lookup that is not built yet. It touches no other part, so that many can be built at once, and it is small
/// enough to lie in the processor's cache while it is built.
#[derive(Debug)]
pub struct UnbuiltPart<'i> {
    at: usize,
    part: &'i mut Part,
    entries: Vec<(u32, u32)>,
}

impl UnbuiltPart<'_> {
    /// How many entries it gets, the measure of the work.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Builds it; nothing the second time.
    pub fn build(&mut self) {
        let entries = core::mem::take(&mut self.entries);
        let held = self.part.held.saturating_add(entries.len());
        let load = (self.at % 8).saturating_add(69);
        self.part
            .grow_to(held.saturating_mul(100) / SLOTS.saturating_mul(load));
        for (place, more) in entries {
            self.part.add(self.at, place, more);
        }
    }
}

/// A lookup that can't be iterated.
#[derive(Clone, Default)]
pub(crate) struct Index {
    parts: Vec<Part>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index")
    }
}

impl Index {
    /// Reads what a search for that hash will read first, so that several can be under way at once.
    pub(crate) fn touch(&self, hash: u64) -> u32 {
        let (part, place) = split(hash);
        self.parts
            .get(part)
            .and_then(|part| part.buckets.get(part.first(place)))
            .map_or(0, |bucket| bucket.numbers[0])
    }

    /// A number that probably has that hash, to read ahead what will confirm it.
    pub(crate) fn likely(&self, hash: u64) -> Option<u32> {
        let (part, place) = split(hash);
        let part = self.parts.get(part)?;
        part.buckets.get(part.first(place))?.find(place, |_| true)
    }

    /// The number with that hash which `same` confirms.
    pub(crate) fn find(&self, hash: u64, same: impl FnMut(u32) -> bool) -> Option<u32> {
        let (part, place) = split(hash);
        self.parts.get(part)?.find(place, same)
    }

    /// Adds a number below `u32::MAX` that is not in it.
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        if self.parts.is_empty() {
            self.parts.resize(PARTS, Part::default());
        }
        let (at, place) = split(hash);
        if let (Some(part), Some(more)) = (self.parts.get_mut(at), number.checked_add(1)) {
            part.add(at, place, more);
        }
    }

    /// The parts of this index, each with what `sorted` says that it shall hold besides what it holds.
    pub(crate) fn unbuilt(&mut self, sorted: Sorted) -> impl Iterator<Item = UnbuiltPart<'_>> {
        self.parts.resize(PARTS, Part::default());
        let parts = self.parts.iter_mut().zip(sorted.0).enumerate();
        parts.map(|(at, (part, entries))| UnbuiltPart { at, part, entries })
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let buckets: usize = self.parts.iter().map(|part| part.buckets.capacity()).sum();
        let parts = self.parts.capacity();
        buckets
            .saturating_mul(size_of::<Bucket>())
            .saturating_add(parts.saturating_mul(size_of::<Part>()))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{HashKey, Index, Sorted, UnbuiltPart};
    use core::hash::Hasher as _;
    use std::collections::hash_map::DefaultHasher;

    /// The standard library's default is SipHash-1-3 with a key of zeros.
    #[test]
    fn the_hash_is_siphash_1_3() {
        let text: std::vec::Vec<u8> = (0u8..=70).collect();
        for length in 0..text.len() {
            let mut known = DefaultHasher::new();
            known.write(&text[..length]);
            assert_eq!(HashKey::default().hash(&text[..length]), known.finish());
        }
    }

    #[test]
    fn what_was_put_in_is_found_and_nothing_else() {
        let key = HashKey(1, 2);
        let hash = |number: u32| key.hash(&number.to_le_bytes());
        let mut index = Index::default();
        for number in 0..20_000 {
            assert_eq!(index.find(hash(number), |n| n == number), None);
            index.insert(hash(number), number);
        }
        for number in 0..20_000 {
            assert_eq!(index.find(hash(number), |n| n == number), Some(number));
        }
        assert!(index.bytes() < 20_000 * 16, "{}", index.bytes());
    }

    /// All hashes alike is the worst there is: slow, but right.
    #[test]
    fn equal_hashes_are_told_apart() {
        let mut index = Index::default();
        for number in 0..500 {
            index.insert(7, number);
        }
        assert!((0..500).all(|number| index.find(7, |n| n == number) == Some(number)));
        assert_eq!(index.find(7, |n| n == 500), None);
    }
    /// An index of these, built one by one, and one built at once behind the first `before`.
    fn both_ways(hashes: &[u64], before: usize) -> [Index; 2] {
        let (mut single, mut bulk) = (Index::default(), Index::default());
        let mut sorted = Sorted::with_room(hashes.len());
        for (number, hash) in (0..).zip(hashes) {
            single.insert(*hash, number);
            if usize::try_from(number).unwrap() < before {
                bulk.insert(*hash, number);
            } else {
                sorted.push(*hash, number);
            }
        }
        let mut parts: std::vec::Vec<UnbuiltPart<'_>> = bulk.unbuilt(sorted).collect();
        // Any order, and twice: the second time there is nothing left to do.
        for part in parts.iter_mut().rev() {
            part.build();
            part.build();
        }
        drop(parts);
        [single, bulk]
    }

    #[test]
    fn an_index_built_at_once_answers_as_one_built_one_by_one() {
        let key = HashKey(3, 4);
        let hash = |number: u32| key.hash(&number.to_le_bytes());
        let spread: std::vec::Vec<u64> = (0..60_000).map(hash).collect();
        // All hashes alike, and all in one part: parts far beyond the share that room is made for.
        let alike = [7; 700];
        let one_part: std::vec::Vec<u64> =
            spread.iter().map(|hash| hash >> 8).take(9_000).collect();
        for (hashes, before) in [
            (&spread[..], 0),
            (&spread, 1_000),
            (&alike, 0),
            (&alike, 20),
            (&one_part, 0),
            (&[], 0),
        ] {
            for mut index in both_ways(hashes, before) {
                let known = |index: &Index| {
                    let mut found = (0..).zip(hashes);
                    found.all(|(number, hash)| index.find(*hash, |n| n == number) == Some(number))
                };
                assert!(known(&index));
                assert_eq!(index.find(hash(60_000), |n| n == 60_000), None);
                assert_eq!(index.find(7, |n| n == 700), None);
                index.insert(hash(60_000), 60_000);
                assert!(known(&index));
                assert_eq!(index.find(hash(60_000), |n| n == 60_000), Some(60_000));
            }
        }
        let [single, bulk] = both_ways(&spread, 0);
        assert!(bulk.bytes() <= single.bytes(), "no growing by quarters");
    }
}
