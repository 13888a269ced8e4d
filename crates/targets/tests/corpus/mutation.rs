//! Mutations of a corpus from a seed: flips, cuts, repeats, numbers at their edges, and pieces of other files.

/// Makes one mutated input after the other.
pub(crate) struct Mutator<'c> {
    state: u64,
    corpus: &'c [Vec<u8>],
}

const EDGES: [u64; 8] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff_ffff,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX,
];
const PIECES: [&[u8]; 12] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\"",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\xff\xfe",
    b"-1",
    b"1e309",
    b"+",
    b"\xe2\x80\x94 ",
];

impl<'c> Mutator<'c> {
    pub(crate) fn new(seed: u64, corpus: &'c [Vec<u8>]) -> Self {
        Self {
            state: seed,
            corpus,
        }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(below.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let at = self.draw(self.corpus.len());
        let mut bytes = self.corpus[at].clone();
        for _ in 0..=self.draw(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.draw(bytes.len() + 1);
        match self.draw(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.draw(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(self.draw(256)).unwrap(),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + self.draw(64)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            4 => {
                let end = (at + self.draw(64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            5 => {
                let edge = EDGES[self.draw(EDGES.len())];
                let width = [1, 2, 4, 8][self.draw(4)];
                let number = if self.draw(2) == 0 {
                    edge.to_le_bytes()
                } else {
                    edge.to_be_bytes()
                };
                let end = (at + width).min(bytes.len());
                drop(bytes.splice(at..end, number[..width].iter().copied()));
            }
            6 => {
                let piece = PIECES[self.draw(PIECES.len())];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            _ => {
                let other = &self.corpus[self.draw(self.corpus.len())];
                let from = self.draw(other.len() + 1);
                let to = (from + self.draw(128)).min(other.len());
                drop(bytes.splice(at..at, other[from..to].iter().copied()));
            }
        }
    }
}
