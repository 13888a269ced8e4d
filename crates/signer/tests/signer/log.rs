//! A log in memory with its key and its witnesses, all in the test's hand.

use keepwhole_signer::heads::LogSource;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::cosignature::Witness;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use keepwhole_verify::tile::{TileId, TileKind};
use keepwhole_verify::{Digest, tree};
use std::sync::{Arc, Mutex};

pub(crate) const ORIGIN: &str = "exchange.example/keepwhole";

pub(crate) fn log_key() -> Ed25519Signer {
    Ed25519Signer::new(ORIGIN, &[1; 32]).unwrap()
}

pub(crate) fn witnesses() -> [Witness; 3] {
    [("w1", 21), ("w2", 22), ("w3", 23)]
        .map(|(name, seed)| Witness::new(&format!("{name}.example"), &[seed; 32]).unwrap())
}

/// Lines of the pinned policy: two of three witnesses.
pub(crate) fn policy() -> String {
    let mut text = format!("log {}\n", log_key().key());
    for (number, witness) in witnesses().iter().enumerate() {
        text.push_str(&format!("witness w{} {}\n", number + 1, witness.key()));
    }
    text + "group all 2 w1 w2 w3\nquorum all\n"
}

/// What is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    pub(crate) leaves: Vec<Digest>,
    pub(crate) note: String,
    pub(crate) is_down: bool,
    pub(crate) looks: u32,
}

/// A log that tests change while the signer looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestLog(pub(crate) Arc<Mutex<Served>>);

pub(crate) fn leaf(number: u64, fork: u8) -> Digest {
    tree::leaf_hash(&[&number.to_be_bytes()[..], &[fork]].concat())
}

/// The signed head of `leaves`, cosigned at `times` by the witnesses that have one.
pub(crate) fn head(leaves: &[Digest], times: &[Option<u64>]) -> String {
    let size = u64::try_from(leaves.len()).unwrap();
    let head = Checkpoint::new(ORIGIN, size, tree::root_of_leaves(leaves)).unwrap();
    let mut note = head.sign(&[&log_key()]).unwrap();
    for (witness, time) in witnesses().iter().zip(times) {
        if let Some(time) = time {
            note.add(witness.cosign(*time, &head.to_text()));
        }
    }
    note.to_string()
}

impl TestLog {
    /// Serves `size` honest entries, seen by two witnesses at `at`.
    pub(crate) fn grow(&self, size: u64, at: u64) {
        self.serve(size, 0, size, &[Some(at), Some(at), None]);
    }

    /// Serves `size` entries, those from `from` on of another history if `fork` is not 0.
    pub(crate) fn serve(&self, size: u64, fork: u8, from: u64, times: &[Option<u64>]) {
        let leaves: Vec<Digest> = (0..size)
            .map(|number| leaf(number, if number < from { 0 } else { fork }))
            .collect();
        let mut served = self.0.lock().unwrap();
        served.note = head(&leaves, times);
        served.leaves = leaves;
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    pub(crate) fn note(&self) -> String {
        self.0.lock().unwrap().note.clone()
    }
}

impl LogSource for TestLog {
    fn checkpoint(&self) -> Result<Vec<u8>, String> {
        let mut served = self.0.lock().unwrap();
        served.looks += 1;
        if served.is_down {
            return Err("connection refused".to_owned());
        }
        Ok(served.note.clone().into_bytes())
    }

    fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
        let served = self.0.lock().unwrap();
        let hashes: Vec<Digest> = match id.kind {
            TileKind::Hashes(0) => served.leaves.clone(),
            TileKind::Hashes(1) => {
                let full = served.leaves.chunks_exact(256);
                full.map(tree::root_of_leaves).collect()
            }
            _ => return Err("not there".to_owned()),
        };
        let first = usize::try_from(id.index).unwrap() * 256;
        let hashes = &hashes[first..first + usize::from(id.width)];
        Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }
}
