//! Commitment and sealing: vectors made by another implementation, and what a changed bit does.

use keepwhole_vault::{commit_of, open, seal};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|at| from + u8::try_from(at).unwrap())
}

/// Computed in Python: SHA-256 of hashlib, HChaCha20 written out (checked with the vector of draft-irtf-cfrg-xchacha) and
/// ChaCha20-Poly1305 of OpenSSL. Per plaintext: the commitment, SHA-256 of the sealed bytes, their last sixteen.
const VECTORS: [[&str; 3]; 3] = [
    [
        "bf028a95a5a46945782ea08c323f69dfc7230dbd70e4fa51785f89be247fc918",
        "1e851764c845474962e60ba56565e13ca24bd99d0e19d867c908a9d7d5032e73",
        "8af32d9a7c8d169d74b7bb1bb4df3818",
    ],
    [
        "2c23200689a8c7ffcd101935477dbd12fd90bce8aea208f5b23b3df1dadf8a53",
        "4d1f31a9d31884419d9c08afdfe2dffea513d6a6f625bc9b2f9b04afa9d8a924",
        "3cbb1d156da21633354ce726bc2d7fcb",
    ],
    [
        "7babef7bc0cf01a51e42b6b081eaa8a09eb8488759fbce904c0d0b8933a91777",
        "87850a335438c752a0d3321ca36752df25e9b990b9db732682b2d6d6f9180aaf",
        "799462c83e2ad316a1a1bb81cb83006a",
    ],
];

#[test]
fn another_implementation_gives_the_same_bytes() {
    let long: Vec<u8> = (0..512_u32)
        .map(|at| u8::try_from(at % 256).unwrap())
        .collect();
    let plaintexts: [&[u8]; 3] = [b"", b"{\"name\":\"Hong\"}", &long];
    let (key, nonce, salt) = (run::<32>(0), run::<24>(200), run::<32>(100));
    for (plaintext, [commit, digest, tag]) in plaintexts.iter().zip(VECTORS) {
        assert_eq!(hex(&commit_of(&salt, plaintext)), commit);
        let sealed = seal(&key, &nonce, (&[1; 16], &[0xfe; 16]), &salt, plaintext).unwrap();
        assert_eq!(hex(&Sha256::digest(&sealed)), digest);
        assert_eq!(hex(sealed.last_chunk::<16>().unwrap()), tag);
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_any_changed_bit_is_refused(
        key: [u8; 32], nonce: [u8; 24], salt: [u8; 32], subject: [u8; 16], record: [u8; 16],
        plaintext in proptest::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, bit in 0..8_u8,
    ) {
        let ids = (&subject, &record);
        let commit = commit_of(&salt, &plaintext);
        let sealed = seal(&key, &nonce, ids, &salt, &plaintext).unwrap();
        let found = open(&key, &nonce, ids, &commit, &sealed);
        prop_assert_eq!(found.map(|found| found.to_vec()), Some(plaintext));
        let flip = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes
        };
        let part = |bytes: &[u8]| flip(bytes);
        prop_assert!(open(&key, &nonce, ids, &commit, &flip(&sealed)).is_none());
        prop_assert!(open(&part(&key).try_into().unwrap(), &nonce, ids, &commit, &sealed).is_none());
        prop_assert!(open(&key, &part(&nonce).try_into().unwrap(), ids, &commit, &sealed).is_none());
        prop_assert!(open(&key, &nonce, ids, &part(&commit).try_into().unwrap(), &sealed).is_none());
        let other: [u8; 16] = part(&subject).try_into().unwrap();
        prop_assert!(open(&key, &nonce, (&other, &record), &commit, &sealed).is_none());
        let other: [u8; 16] = part(&record).try_into().unwrap();
        prop_assert!(open(&key, &nonce, (&subject, &other), &commit, &sealed).is_none());
        for end in 0..sealed.len().min(60) {
            prop_assert!(open(&key, &nonce, ids, &commit, &sealed[..end]).is_none());
        }
    }
}
