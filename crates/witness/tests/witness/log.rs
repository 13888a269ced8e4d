//! A log in memory that can be honest or not: it signs what it is told to.

use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use keepwhole_verify::tree::{StoredHashes, leaf_hash, prove_consistency, root_of_leaves};
use keepwhole_verify::{Digest, tree};
use keepwhole_witness::request::AddCheckpoint;
use std::convert::Infallible;

pub(crate) const ORIGIN: &str = "exchange.example/keepwhole";

pub(crate) struct Log {
    pub(crate) signer: Ed25519Signer,
    pub(crate) leaves: Vec<Digest>,
}

impl StoredHashes for &Log {
    type Error = Infallible;

    fn hash(&self, level: u8, index: u64) -> Result<Digest, Infallible> {
        let first = usize::try_from(index << level).unwrap();
        Ok(root_of_leaves(&self.leaves[first..first + (1 << level)]))
    }
}

impl Log {
    pub(crate) fn new(origin: &str, seed: u8, entries: usize) -> Self {
        let leaves = (0..entries).map(|entry| leaf_hash(format!("entry {entry}").as_bytes()));
        Self {
            signer: Ed25519Signer::new(origin, &[seed; 32]).unwrap(),
            leaves: leaves.collect(),
        }
    }

    /// The same beginning, then something else from `entry` on.
    pub(crate) fn forked_at(mut self, entry: usize) -> Self {
        for (place, leaf) in self.leaves.iter_mut().enumerate().skip(entry) {
            *leaf = leaf_hash(format!("other entry {place}").as_bytes());
        }
        self
    }

    pub(crate) fn vkey(&self) -> String {
        self.signer.key().to_string()
    }

    pub(crate) fn note(&self, size: usize) -> String {
        let root = tree::root(&self, size as u64).unwrap();
        let checkpoint = Checkpoint::new(self.signer.key().name(), size as u64, root).unwrap();
        checkpoint.sign(&[&self.signer]).unwrap().to_string()
    }

    /// The request by which a log that grew from `old` to `new` asks for a cosignature.
    pub(crate) fn request(&self, old: usize, new: usize) -> String {
        let proof = prove_consistency(&self, old as u64, new as u64).unwrap();
        let note = self.note(new);
        AddCheckpoint {
            old: old as u64,
            proof,
            note: &note,
        }
        .to_body()
    }
}
