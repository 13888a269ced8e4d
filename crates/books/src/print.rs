//! Prints of texts: 128 bits under keys of this process, so that nobody can make two texts with one print, and sets of
//! them, which take 17 bytes a text however long it is. Among ten million texts two have one print by chance with a
//! probability of about 10^-25.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

/// Makes prints.
#[derive(Clone, Debug, Default)]
pub struct Printer {
    keys: [RandomState; 2],
}

impl Printer {
    /// With new keys.
    #[must_use]
    pub fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
        }
    }

    /// The print of a text.
    #[must_use]
    pub fn of(&self, text: &str) -> u128 {
        let [high, low] = &self.keys;
        u128::from(high.hash_one(text)) << 64 | u128::from(low.hash_one(text))
    }

    /// Half a print of anything: enough to tell two contents of one id apart.
    pub(crate) fn half_of(&self, content: impl std::hash::Hash) -> u64 {
        let [_, low] = &self.keys;
        low.hash_one(content)
    }
}

/// A set of prints.
pub type PrintSet = HashSet<u128, BuildHasherDefault<AsItIs>>;
/// Values by print.
pub type PrintMap<V> = HashMap<u128, V, BuildHasherDefault<AsItIs>>;

/// Takes a print's own bits: they are spread already.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // The last eight of a print's sixteen bytes, whatever the order of bytes is here.
        let last = bytes
            .last_chunk()
            .map_or(0, |last| u64::from_le_bytes(*last));
        self.0 ^= last;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_prints_and_others_have_others() {
        let printer = Printer::new();
        let mut set = PrintSet::default();
        for number in 0..100_000u32 {
            assert!(set.insert(printer.of(&number.to_string())));
        }
        assert!((0..100_000u32).all(|number| !set.insert(printer.of(&number.to_string()))));
        assert_ne!(Printer::new().of("1"), printer.of("1"), "keys differ");
    }
}
