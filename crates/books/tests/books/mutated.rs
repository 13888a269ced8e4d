//! Mutations of the corpus and of good files: whatever the bytes are, reading ends without a panic, in a message or in
//! movements that the ledger's own rules let through.

use crate::corpus::{folder, said_of};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| fs::metadata(path).unwrap().len() < 60_000);
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_a_reader_panic(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..8),
    ) {
        let files = files();
        let path = which.get(&files);
        let mut bytes = fs::read(path).unwrap();
        for (place, what, byte) in edits {
            if bytes.is_empty() {
                bytes.push(byte);
            }
            let at = place.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(path.file_name().unwrap());
        fs::write(&path, &bytes).unwrap();
        let said = said_of(&path);
        prop_assert!(said.len() < 2_000, "{}", said);
        prop_assert!(!said.chars().any(|c| c.is_control()), "{:?}", said);
    }
}
