//! Six words for a digest: what an approver compares between two screens that were built and delivered separately.
//!
//! The words are those of the English list of BIP 39 (Bitcoin Improvement Proposal 39; `data/bip39-english.txt`, from the
//! `bitcoin/bips` repository, MIT licence, SHA-256 `2f5eed53…3b24dbda`). The first 66 bits of the digest are cut into six
//! numbers of 11 bits, most significant bit first; each is the line of a word, counted from 0.

use crate::digest::Digest;

/// One word a line, 2,048 lines.
const LIST: &str = include_str!("../data/bip39-english.txt");

/// How many words.
pub const WORDS: usize = 6;

/// The six words of a digest.
#[must_use]
pub fn words(digest: &Digest) -> [&'static str; WORDS] {
    let mut bits = digest
        .as_bytes()
        .iter()
        .flat_map(|byte| (0..8u8).rev().map(move |bit| (byte >> bit) & 1));
    core::array::from_fn(|_| {
        let number = bits
            .by_ref()
            .take(11)
            .fold(0usize, |number, bit| (number << 1) | usize::from(bit));
        LIST.lines().nth(number).unwrap_or_default()
    })
}

/// What stands before a credential's id and key when they are hashed for its six words.
const CREDENTIAL_LABEL: &[u8] = b"keepwhole/credential/v1\n";

/// The six words of a credential, which two people compare before it is enrolled: of
/// `H("keepwhole/credential/v1\n" || u16 length of the id || id || COSE key)` (docs/sign-in.md).
#[must_use]
pub fn of_credential(id: &[u8], public_key: &[u8]) -> alloc::string::String {
    let length = u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes();
    phrase(&Digest::of_parts(&[
        CREDENTIAL_LABEL,
        &length,
        id,
        public_key,
    ]))
}

/// The six words with spaces between them.
#[must_use]
pub fn phrase(digest: &Digest) -> alloc::string::String {
    words(digest).join(" ")
}
