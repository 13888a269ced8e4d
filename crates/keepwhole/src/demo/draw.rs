//! Seeded numbers: the same seed gives the same made-up customers and, in the demo only, the same salts.

use crate::redress::Entropy;
use sha2::{Digest, Sha256};

/// A stream of numbers from SHA-256 in counter mode over the seed.
#[derive(Clone, Debug)]
pub struct Draw {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    left: usize,
}

impl Draw {
    /// A stream for a purpose; streams of two purposes are unrelated.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"keepwhole/demo/v1\0");
        hash.update(seed.to_be_bytes());
        hash.update(purpose.as_bytes());
        Self {
            seed: hash.finalize().into(),
            counter: 0,
            block: [0; 32],
            left: 0,
        }
    }

    fn byte(&mut self) -> u8 {
        if self.left == 0 {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.counter.to_be_bytes());
            self.block = hash.finalize().into();
            self.counter += 1;
            self.left = self.block.len();
        }
        self.left -= 1;
        self.block.get(self.left).copied().unwrap_or(0)
    }

    /// A number below `bound` (0 where the bound is 0). The bias of the remainder is of no matter for made-up data.
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut number = 0u64;
        for _ in 0..8 {
            number = (number << 8) | u64::from(self.byte());
        }
        if bound == 0 { 0 } else { number % bound }
    }
}

impl Entropy for Draw {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.byte();
        }
    }
}
