//! Tree hashing and proofs: published vectors, and agreement with two other implementations.

use keepwhole_verify::digest::{Digest, DigestError};
use keepwhole_verify::tree::{
    self, Frontier, StoredHashes, TreeError, hash_pairs, leaf_hash, prove_consistency,
    prove_inclusion, root_of_leaves, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Complete subtrees in memory, filled by a [`Frontier`].
#[derive(Default)]
pub(crate) struct Memory {
    hashes: BTreeMap<(u8, u64), Digest>,
    pub(crate) edge: Frontier,
    pub(crate) leaves: Vec<Digest>,
}

impl Memory {
    pub(crate) fn of(entries: &[Vec<u8>]) -> Self {
        let mut memory = Self::default();
        for entry in entries {
            let leaf = leaf_hash(entry);
            memory.leaves.push(leaf);
            let hashes = &mut memory.hashes;
            memory
                .edge
                .push_with(leaf, &mut |level, ix, hash| {
                    hashes.insert((level, ix), *hash);
                })
                .unwrap();
        }
        memory
    }
}

impl StoredHashes for Memory {
    type Error = String;

    fn hash(&self, level: u8, index: u64) -> Result<Digest, String> {
        self.hashes
            .get(&(level, index))
            .copied()
            .ok_or_else(|| format!("no hash {level}/{index}"))
    }
}

pub(crate) fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|ix| format!("entry {ix}").into_bytes())
        .collect()
}

#[test]
fn known_answers_of_rfc_6962() {
    let hex = |digest: Digest| digest.to_hex();
    assert_eq!(
        hex(tree::empty_root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(leaf_hash(b"")),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    // The reference inputs and roots of the certificate-transparency test suite.
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let unhex = |text: &str| {
        let pairs = text
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let mut edge = Frontier::new();
    for (input, root) in inputs.iter().zip(roots) {
        edge.push(leaf_hash(&unhex(input))).unwrap();
        assert_eq!(edge.root().to_hex(), root, "tree of {} leaves", edge.size());
    }
}

#[test]
fn roots_and_proofs_agree_with_tlog_tiles_and_ct_merkle() {
    let entries = entries(70);
    let memory = Memory::of(&entries);
    let mut oracle = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
    let stored = Oracle::of(&entries);
    for (count, entry) in entries.iter().enumerate() {
        oracle.push(entry.clone());
        let size = count as u64 + 1;
        let root = tree::root(&memory, size).unwrap();
        assert_eq!(root, root_of_leaves(&memory.leaves[..=count]));
        assert_eq!(
            root.as_bytes().as_slice(),
            oracle.root().as_bytes().as_slice(),
            "size {size}"
        );
        assert_eq!(
            root.as_bytes(),
            &tlog_tiles::tree_hash(size, &stored).unwrap().0
        );
        for index in 0..size {
            let proof = prove_inclusion(&memory, index, size).unwrap();
            let bytes: Vec<u8> = proof.iter().flat_map(|hash| *hash.as_bytes()).collect();
            assert_eq!(
                bytes,
                oracle.prove_inclusion(index as usize).as_bytes(),
                "inclusion {index} in {size}"
            );
            let theirs = tlog_tiles::prove_record(size, index, &stored).unwrap();
            assert!(
                theirs
                    .iter()
                    .map(|hash| &hash.0)
                    .eq(proof.iter().map(Digest::as_bytes))
            );
            let leaf = memory.leaves[index as usize];
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        }
        for old in 1..size {
            let proof = prove_consistency(&memory, old, size).unwrap();
            let bytes: Vec<u8> = proof.iter().flat_map(|hash| *hash.as_bytes()).collect();
            let additions = (size - old) as usize;
            assert_eq!(
                bytes,
                oracle.prove_consistency(additions).as_bytes(),
                "consistency {old} to {size}"
            );
            let old_root = root_of_leaves(&memory.leaves[..old as usize]);
            assert_eq!(
                verify_consistency(old, &old_root, size, &root, &proof),
                Ok(())
            );
        }
    }
}

/// The stored hashes of `tlog_tiles`, made by itself.
struct Oracle(Vec<tlog_tiles::Hash>);

impl Oracle {
    fn of(entries: &[Vec<u8>]) -> Self {
        let mut oracle = Self(Vec::new());
        for (ix, entry) in entries.iter().enumerate() {
            let hashes = tlog_tiles::stored_hashes(ix as u64, entry, &oracle).unwrap();
            oracle.0.extend(hashes);
        }
        oracle
    }
}

impl tlog_tiles::HashReader for Oracle {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|ix| self.0[*ix as usize]).collect())
    }
}

proptest! {
    #[test]
    fn a_changed_inclusion_proof_is_refused(size in 2_usize..300, at in any::<prop::sample::Index>(), bit in 0_usize..256, which in any::<prop::sample::Index>()) {
        let memory = Memory::of(&entries(size));
        let index = at.index(size);
        let (index, size) = (index as u64, size as u64);
        let root = memory.edge.root();
        let leaf = memory.leaves[index as usize];
        let proof = prove_inclusion(&memory, index, size).unwrap();
        let flipped = flip(&proof, which.index(proof.len()), bit);
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &flipped, &root), Err(TreeError::RootMismatch));
        let short = &proof[..proof.len() - 1];
        prop_assert!(verify_inclusion(&leaf, index, size, short, &root).is_err());
        let mut long = proof.clone();
        long.push(root);
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &long, &root), Err(TreeError::ProofTooLong));
        for other in 0..size {
            if other != index {
                prop_assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err(), "moved to {}", other);
            }
        }
        prop_assert_eq!(verify_inclusion(&leaf, size, size, &proof, &root), Err(TreeError::IndexOutsideTree { index: size, size }));
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(new in 2_usize..300, at in any::<prop::sample::Index>(), bit in 0_usize..256, which in any::<prop::sample::Index>()) {
        let memory = Memory::of(&entries(new));
        let old = at.index(new - 1) + 1;
        let (old_root, new_root) = (root_of_leaves(&memory.leaves[..old]), memory.edge.root());
        let (old, new) = (old as u64, new as u64);
        let proof = prove_consistency(&memory, old, new).unwrap();
        let flipped = flip(&proof, which.index(proof.len()), bit);
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &flipped).is_err());
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &proof[..proof.len() - 1]).is_err());
        let mut long = proof.clone();
        long.push(new_root);
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &long), Err(TreeError::ProofTooLong));
        let other = leaf_hash(b"another history");
        prop_assert!(verify_consistency(old, &other, new, &new_root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, new, &other, &proof).is_err());
        prop_assert_eq!(
            verify_consistency(new, &new_root, old, &old_root, &proof),
            Err(TreeError::OldLargerThanNew { old: new, new: old })
        );
    }

    #[test]
    fn an_edge_restored_from_the_store_grows_like_the_first(size in 0_usize..600) {
        let memory = Memory::of(&entries(size));
        let restored = tree::frontier(&memory, size as u64).unwrap();
        prop_assert_eq!(&restored, &memory.edge);
        prop_assert_eq!(restored.root(), root_of_leaves(&memory.leaves));
        let again = Frontier::from_parts(size as u64, memory.edge.peaks().to_vec());
        prop_assert_eq!(again, Ok(restored));
    }
}

fn flip(proof: &[Digest], which: usize, bit: usize) -> Vec<Digest> {
    let mut proof = proof.to_vec();
    let mut bytes = *proof[which].as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    proof[which] = Digest::from_bytes(bytes);
    proof
}

#[test]
fn equal_and_empty_trees_are_settled_without_hashes() {
    let (empty, root, other) = (tree::empty_root(), leaf_hash(b"a"), leaf_hash(b"b"));
    assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &empty, 9, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(9, &root, 9, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(9, &root, 9, &other, &[]),
        Err(TreeError::RootMismatch)
    );
    assert_eq!(
        verify_consistency(0, &root, 9, &root, &[]),
        Err(TreeError::OldRootMismatch)
    );
    assert_eq!(
        verify_consistency(0, &empty, 0, &root, &[]),
        Err(TreeError::RootMismatch)
    );
    assert_eq!(
        verify_consistency(0, &empty, 9, &root, &[other]),
        Err(TreeError::ProofTooLong)
    );
    assert_eq!(
        verify_consistency(9, &root, 9, &root, &[other]),
        Err(TreeError::ProofTooLong)
    );
    assert_eq!(
        verify_consistency(3, &root, 9, &root, &[]),
        Err(TreeError::ProofTooShort)
    );
    assert_eq!(
        verify_inclusion(&root, 0, 0, &[], &empty),
        Err(TreeError::IndexOutsideTree { index: 0, size: 0 })
    );
    assert_eq!(
        verify_inclusion(&root, 0, 2, &[], &root),
        Err(TreeError::ProofTooShort)
    );
    assert_eq!(
        Frontier::from_parts(3, vec![root]),
        Err(TreeError::PeaksDoNotFit)
    );
    let full = Frontier::from_parts((1 << 63) - 1, vec![root; 63]).unwrap();
    assert_eq!(full.clone().push(root), Err(TreeError::Full));
}

#[test]
fn digests_have_one_spelling() {
    let digest = Digest::of(b"keepwhole");
    assert_eq!(Digest::from_hex(&digest.to_hex()), Ok(digest));
    assert_eq!(Digest::from_base64(&digest.to_base64()), Ok(digest));
    for bad in [
        digest.to_hex().to_uppercase(),
        digest.to_hex()[1..].to_owned(),
        format!("{digest}0"),
        "g".repeat(64),
    ] {
        assert_eq!(Digest::from_hex(&bad), Err(DigestError::NotHex), "{bad}");
    }
    let zero = Digest::from_bytes([0; 32]).to_base64();
    for bad in [
        zero.replace('=', ""),
        zero.replace("A=", "B="),
        zero[4..].to_owned(),
        format!(" {zero}"),
    ] {
        assert_eq!(
            Digest::from_base64(&bad),
            Err(DigestError::NotBase64),
            "{bad}"
        );
    }
    assert_eq!(Digest::of_parts(&[b"keep", b"whole"]), digest);
    assert_eq!(Digest::from_slice(&[0; 31]), None);
}

#[test]
fn a_batch_that_does_not_fit_or_a_hasher_that_miscounts_is_refused() {
    let leaf = leaf_hash(b"x");
    let full = Frontier::from_parts((1 << 63) - 2, vec![leaf; 62]).unwrap();
    let mut edge = full.clone();
    assert_eq!(
        edge.extend(vec![leaf; 2], &mut hash_pairs),
        Err(TreeError::Full)
    );
    assert_eq!(edge, full, "a refused batch leaves no trace");
    assert_eq!(
        Frontier::new().extend(vec![leaf; 2], &mut |_, _| {}),
        Err(TreeError::PeaksDoNotFit)
    );
}

proptest! {
    #[test]
    fn batches_of_leaves_give_the_tree_of_one_by_one(sizes in prop::collection::vec(0..70_usize, 1..8)) {
        let entries = entries(sizes.iter().sum());
        let wanted = Memory::of(&entries);
        let mut batched = Memory::default();
        let mut rest = entries.as_slice();
        for size in sizes {
            let (batch, after) = rest.split_at(size);
            rest = after;
            let leaves = batch.iter().map(|entry| leaf_hash(entry)).collect();
            let hashes = &mut batched.hashes;
            batched.edge.extend_with(leaves, &mut hash_pairs, &mut |level, first, fresh| {
                hashes.extend((first..).zip(fresh).map(|(ix, hash)| ((level, ix), *hash)));
            }).unwrap();
        }
        prop_assert_eq!(batched.edge.root(), wanted.edge.root());
        prop_assert_eq!(batched.edge, wanted.edge);
        prop_assert_eq!(batched.hashes, wanted.hashes);
    }
}
