//! Two interleaved lanes of SHA-256 with the SHA extensions of x86-64 (FIPS 180-4, section 6.2).
//!
//! The order of the words in the two registers of a state, and the five instructions of four rounds, are those of
//! Intel's "New Instructions Supporting the Secure Hash Algorithm on Intel Architecture Processors" (2013).

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi8, _mm_loadu_si128, _mm_or_si128,
    _mm_set_epi32, _mm_set_epi64x, _mm_setr_epi32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_storeu_si128,
    _mm_unpackhi_epi64, _mm_unpacklo_epi64,
};

/// Round constants of FIPS 180-4, section 4.2.2, four rounds a row.
const K: [[u32; 4]; 16] = [
    [0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5],
    [0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5],
    [0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3],
    [0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174],
    [0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC],
    [0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA],
    [0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7],
    [0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967],
    [0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13],
    [0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85],
    [0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3],
    [0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070],
    [0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5],
    [0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3],
    [0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208],
    [0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2],
];

/// Whether this processor has all that the functions of this module are compiled for.
pub(crate) fn usable() -> bool {
    std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("sse4.1")
        && std::arch::is_x86_feature_detected!("ssse3")
}

/// The eight working words of one message, in the two registers that the instructions want.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// The sixteen words of one block, already as numbers of the machine.
type Block = [__m128i; 4];

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference vouches for 16 readable bytes, and the instruction asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn store(value: __m128i) -> [u8; 16] {
    let mut bytes = [0; 16];
    // SAFETY: the array has 16 writable bytes, and the instruction asks for no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) };
    bytes
}

/// Swaps the bytes of each of four words: from the message's order to the machine's, and back.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn swap(words: __m128i) -> __m128i {
    _mm_shuffle_epi8(
        words,
        _mm_set_epi64x(0x0C0D_0E0F_0809_0A0B, 0x0405_0607_0001_0203),
    )
}

/// A word of a table as the intrinsics spell it: the same 32 bits.
const fn bits(word: u32) -> i32 {
    i32::from_ne_bytes(word.to_ne_bytes())
}

impl State {
    /// The start of every message (FIPS 180-4, section 5.3.3).
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn new() -> Self {
        let word = |word: u32| bits(word);
        Self {
            abef: _mm_set_epi32(
                word(0x6A09_E667),
                word(0xBB67_AE85),
                word(0x510E_527F),
                word(0x9B05_688C),
            ),
            cdgh: _mm_set_epi32(
                word(0x3C6E_F372),
                word(0xA54F_F53A),
                word(0x1F83_D9AB),
                word(0x5BE0_CD19),
            ),
        }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn digest(self) -> [u8; 32] {
        let (abef, cdgh) = (
            _mm_shuffle_epi32(self.abef, 0x1B),
            _mm_shuffle_epi32(self.cdgh, 0x1B),
        );
        let mut digest = [0; 32];
        let (first, second) = digest.split_at_mut(16);
        first.copy_from_slice(&store(swap(_mm_unpacklo_epi64(abef, cdgh))));
        second.copy_from_slice(&store(swap(_mm_unpackhi_epi64(abef, cdgh))));
        digest
    }
}

/// Four rounds of each lane.
macro_rules! rounds {
    ($group:literal; $($state:ident $now:expr),+) => {
        let k = _mm_setr_epi32(
            bits(K[$group][0]),
            bits(K[$group][1]),
            bits(K[$group][2]),
            bits(K[$group][3]),
        );
        $(
            let words = _mm_add_epi32($now, k);
            $state.cdgh = _mm_sha256rnds2_epu32($state.cdgh, $state.abef, words);
            $state.abef = _mm_sha256rnds2_epu32($state.abef, $state.cdgh, _mm_shuffle_epi32(words, 0x0E));
        )+
    };
}

/// Four rounds of each lane, and the four words of the schedule that take the place of those just used.
macro_rules! rounds_and_schedule {
    ($group:literal, $a:literal, $b:literal, $c:literal, $d:literal; $($state:ident $block:ident),+) => {
        rounds!($group; $($state $block[$a]),+);
        $(
            $block[$a] = _mm_sha256msg2_epu32(
                _mm_add_epi32(
                    _mm_sha256msg1_epu32($block[$a], $block[$b]),
                    _mm_alignr_epi8($block[$d], $block[$c], 4),
                ),
                $block[$d],
            );
        )+
    };
}

/// The 64 rounds over one block of each lane.
macro_rules! compress {
    ($($state:ident $before:ident $block:ident),+) => {
        $(let $before = *$state;)+
        rounds_and_schedule!(0, 0, 1, 2, 3; $($state $block),+);
        rounds_and_schedule!(1, 1, 2, 3, 0; $($state $block),+);
        rounds_and_schedule!(2, 2, 3, 0, 1; $($state $block),+);
        rounds_and_schedule!(3, 3, 0, 1, 2; $($state $block),+);
        rounds_and_schedule!(4, 0, 1, 2, 3; $($state $block),+);
        rounds_and_schedule!(5, 1, 2, 3, 0; $($state $block),+);
        rounds_and_schedule!(6, 2, 3, 0, 1; $($state $block),+);
        rounds_and_schedule!(7, 3, 0, 1, 2; $($state $block),+);
        rounds_and_schedule!(8, 0, 1, 2, 3; $($state $block),+);
        rounds_and_schedule!(9, 1, 2, 3, 0; $($state $block),+);
        rounds_and_schedule!(10, 2, 3, 0, 1; $($state $block),+);
        rounds_and_schedule!(11, 3, 0, 1, 2; $($state $block),+);
        rounds!(12; $($state $block[0]),+);
        rounds!(13; $($state $block[1]),+);
        rounds!(14; $($state $block[2]),+);
        rounds!(15; $($state $block[3]),+);
        $(
            $state.abef = _mm_add_epi32($state.abef, $before.abef);
            $state.cdgh = _mm_add_epi32($state.cdgh, $before.cdgh);
        )+
    };
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress_two(one: &mut State, mut x: Block, two: &mut State, mut y: Block) {
    compress!(one one_before x, two two_before y);
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress_one(state: &mut State, mut block: Block) {
    compress!(state before block);
}

/// A record on its way through a lane.
struct Lane<'a> {
    state: State,
    record: &'a [u8],
    /// Blocks of the whole message, and how many are done.
    blocks: usize,
    done: usize,
    /// Where the hash goes.
    place: usize,
}

impl<'a> Lane<'a> {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn new(record: &'a [u8], place: usize) -> Self {
        // The prefix, the record, one byte that ends it and eight of its length.
        let blocks = (record.len() + 10).div_ceil(64);
        Self {
            state: State::new(),
            record,
            blocks,
            done: 0,
            place,
        }
    }

    /// The next block of `0x00 || record || padding`.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn take(&mut self) -> Block {
        let begin = self.done * 64;
        self.done += 1;
        if begin == 0 {
            if let Some(first) = self.record.first_chunk::<63>() {
                return first_block(first);
            }
        } else if let Some(whole) = self
            .record
            .get(begin - 1..)
            .and_then(|rest| rest.first_chunk::<64>())
        {
            return whole_block(whole);
        }
        self.last_blocks(begin)
    }

    /// A block in which the record ends or has ended.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn last_blocks(&self, begin: usize) -> Block {
        let mut bytes = [0; 64];
        // The prefix of a leaf is a zero byte: in the first block it is there already.
        let (from, room) = match begin {
            0 => (0, &mut bytes[1..]),
            begin => (begin - 1, &mut bytes[..]),
        };
        if let Some(rest) = self.record.get(from..) {
            let (text, after) = room.split_at_mut(rest.len().min(63));
            if let Some(rest) = rest.get(..text.len()) {
                text.copy_from_slice(rest);
            }
            if let Some(end) = after.first_mut() {
                *end = 0x80;
            }
        }
        if self.done == self.blocks {
            let bits = (self.record.len() as u64 + 1) << 3;
            bytes[56..].copy_from_slice(&bits.to_be_bytes());
        }
        whole_block(&bytes)
    }

    /// The hash of a record that nobody shares the time with.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn finish(&mut self) {
        while self.done < self.blocks {
            let block = self.take();
            compress_one(&mut self.state, block);
        }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn put<D: From<[u8; 32]>>(&self, out: &mut [D]) {
        if let Some(place) = out.get_mut(self.place) {
            *place = D::from(self.state.digest());
        }
    }
}

/// `0x00` and the first 63 bytes of a record.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn first_block(bytes: &[u8; 63]) -> Block {
    let [a, b, c, d] = [
        quarter::<0>(bytes),
        quarter::<15>(bytes),
        quarter::<31>(bytes),
        quarter::<47>(bytes),
    ];
    [swap(_mm_slli_si128(a, 1)), swap(b), swap(c), swap(d)]
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn whole_block(bytes: &[u8; 64]) -> Block {
    [
        swap(quarter::<0>(bytes)),
        swap(quarter::<16>(bytes)),
        swap(quarter::<32>(bytes)),
        swap(quarter::<48>(bytes)),
    ]
}

/// Sixteen bytes from `AT` on; both are known when compiled.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn quarter<const AT: usize>(bytes: &[u8]) -> __m128i {
    let quarter = bytes.get(AT..).and_then(|rest| rest.first_chunk::<16>());
    load(quarter.unwrap_or(&[0; 16]))
}

/// See [`leaf_hashes`](crate::leaf_hashes).
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(crate) fn leaf_hashes<'a, D>(mut records: impl Iterator<Item = &'a [u8]>, out: &mut Vec<D>)
where
    D: From<[u8; 32]>,
{
    let mut next = |out: &mut Vec<D>| {
        let lane = Lane::new(records.next()?, out.len());
        out.push(D::from([0; 32]));
        Some(lane)
    };
    let Some(mut one) = next(out) else {
        return;
    };
    let Some(mut two) = next(out) else {
        one.finish();
        return one.put(out);
    };
    let mut rest = loop {
        let (x, y) = (one.take(), two.take());
        compress_two(&mut one.state, x, &mut two.state, y);
        if one.done == one.blocks {
            one.put(out);
            match next(out) {
                Some(lane) => one = lane,
                None => break two,
            }
        }
        if two.done == two.blocks {
            two.put(out);
            match next(out) {
                Some(lane) => two = lane,
                None => break one,
            }
        }
    };
    rest.finish();
    rest.put(out);
}

/// The two blocks of `0x01 || left || right`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn node_blocks(left: &[u8; 32], right: &[u8; 32]) -> (Block, Block) {
    let (a, b) = (quarter::<0>(left), quarter::<16>(left));
    let (c, d) = (quarter::<0>(right), quarter::<16>(right));
    let first = [
        swap(_mm_or_si128(
            _mm_slli_si128(a, 1),
            _mm_setr_epi32(1, 0, 0, 0),
        )),
        swap(_mm_alignr_epi8(b, a, 15)),
        swap(_mm_alignr_epi8(c, b, 15)),
        swap(_mm_alignr_epi8(d, c, 15)),
    ];
    // The last byte, the bit that ends the message, and its length: 65 bytes are 520 bits.
    let end = _mm_extract_epi8(d, 15) << 24 | 0x0080_0000;
    let zero = _mm_setr_epi32(0, 0, 0, 0);
    let second = [
        _mm_setr_epi32(end, 0, 0, 0),
        zero,
        zero,
        _mm_setr_epi32(0, 0, 0, 520),
    ];
    (first, second)
}

/// See [`node_hashes`](crate::node_hashes).
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(crate) fn node_hashes<D>(children: &[D], out: &mut Vec<D>)
where
    D: From<[u8; 32]> + AsRef<[u8; 32]>,
{
    out.reserve(children.len() / 2);
    let (fours, rest) = children.as_chunks::<4>();
    for [a, b, c, d] in fours {
        let (mut one, mut two) = (State::new(), State::new());
        let (x, x_end) = node_blocks(a.as_ref(), b.as_ref());
        let (y, y_end) = node_blocks(c.as_ref(), d.as_ref());
        compress_two(&mut one, x, &mut two, y);
        compress_two(&mut one, x_end, &mut two, y_end);
        out.push(D::from(one.digest()));
        out.push(D::from(two.digest()));
    }
    if let [left, right, ..] = rest {
        let mut state = State::new();
        let (block, end) = node_blocks(left.as_ref(), right.as_ref());
        compress_one(&mut state, block);
        compress_one(&mut state, end);
        out.push(D::from(state.digest()));
    }
}
