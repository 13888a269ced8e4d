//! The frame: what one write and one sync make durable. Every byte is described in docs/journal-format.md.
//!
//! All numbers are big-endian. A frame carries its own place in the tree (first position, roots before and after), so
//! that a whole and honest file can be told from a torn, stale or changed one without any other file.

use super::batch::FrameBatch;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::tile::MAX_ENTRY_BYTES;
use keepwhole_verify::tree::{Frontier, TreeError};
use std::fmt;

/// First four bytes of every frame.
pub const MAGIC: [u8; 4] = *b"KWJF";
/// The only version there is.
pub const VERSION: u8 = 1;
/// Bytes before the first record.
pub const HEADER_BYTES: usize = 100;
/// Last four bytes of every frame. Several bits of each byte are set, so that an end that was never written (zeros)
/// can't be mistaken for one aged bit.
pub const END: [u8; 4] = *b"KWJE";
/// Bytes of a frame that are not records: header and end.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + END.len();
/// Largest frame, header and end included.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// What a frame's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whole frame in bytes.
    pub length: u32,
    /// CRC-32C (Castagnoli) over the frame without these four bytes.
    pub checksum: u32,
    /// Position of the first record in the journal.
    pub first: u64,
    /// Which start of the program wrote it; never falls.
    pub epoch: u64,
    /// Root of the tree before the first record.
    pub previous_root: Digest,
    /// Root of the tree after the last record.
    pub root: Digest,
    /// Number of records, at least one.
    pub count: u32,
}

/// What is wrong with bytes that should be a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// The file ends before the frame does.
    Short {
        /// Bytes that should be there.
        wanted: usize,
        /// Bytes that are.
        found: usize,
    },
    /// The first four bytes are others.
    Magic,
    /// A version that this program does not read.
    Version(u8),
    /// Reserved bytes that are not zero.
    Reserved,
    /// A length below one record's or above the limit.
    Length(u32),
    /// The checksum is that of other bytes.
    Checksum,
    /// Records that do not fill the frame exactly up to its end mark, are empty, or not as many as the header says.
    Records,
    /// The frame begins at another position than the one before it ended at.
    Position {
        /// Where it should begin.
        wanted: u64,
        /// Where it says it begins.
        found: u64,
    },
    /// The epoch is lower than that of the frame before.
    Epoch {
        /// Of the frame before.
        previous: u64,
        /// Of this one.
        found: u64,
    },
    /// The root before its records is not that of the frame before.
    PreviousRoot,
    /// The root after its records is not what they hash to.
    Root,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { wanted, found } => {
                write!(f, "frame needs `{wanted}` bytes but the file has `{found}`")
            }
            Self::Magic => f.write_str("frame does not begin with `KWJF`"),
            Self::Version(version) => {
                write!(
                    f,
                    "frame has version `{version}`, this program reads `{VERSION}`"
                )
            }
            Self::Reserved => f.write_str("frame has reserved bytes that are not zero"),
            Self::Length(length) => write!(f, "frame has the impossible length `{length}`"),
            Self::Checksum => f.write_str("frame's checksum is that of other bytes"),
            Self::Records => f.write_str("frame's records do not fill it exactly"),
            Self::Position { wanted, found } => {
                write!(
                    f,
                    "frame begins at position `{found}` instead of `{wanted}`"
                )
            }
            Self::Epoch { previous, found } => {
                write!(f, "frame's epoch `{found}` is below `{previous}`")
            }
            Self::PreviousRoot => {
                f.write_str("frame follows another history (previous root differs)")
            }
            Self::Root => f.write_str("frame's records do not hash to its root"),
        }
    }
}

impl Header {
    /// Reads the fixed part; says nothing about the records.
    ///
    /// # Errors
    /// A [`FrameFault`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameFault> {
        let mut reader = Reader(bytes);
        let short = || FrameFault::Short {
            wanted: HEADER_BYTES,
            found: bytes.len(),
        };
        let magic = reader.take::<4>().ok_or_else(short)?;
        let [version, reserved @ ..] = reader.take::<4>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err(FrameFault::Magic);
        }
        if version != VERSION {
            return Err(FrameFault::Version(version));
        }
        if reserved != [0; 3] {
            return Err(FrameFault::Reserved);
        }
        let header = reader.header().ok_or_else(short)?;
        let size = usize::try_from(header.length).unwrap_or(usize::MAX);
        if !(OVERHEAD_BYTES + 3..=MAX_FRAME_BYTES).contains(&size) {
            return Err(FrameFault::Length(header.length));
        }
        Ok(header)
    }

    /// Whole frame in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }
}

/// Takes numbers and digests from the front of bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn header(&mut self) -> Option<Header> {
        Some(Header {
            length: u32::from_be_bytes(self.take()?),
            checksum: u32::from_be_bytes(self.take()?),
            first: u64::from_be_bytes(self.take()?),
            epoch: u64::from_be_bytes(self.take()?),
            previous_root: Digest::from_bytes(self.take()?),
            root: Digest::from_bytes(self.take()?),
            count: u32::from_be_bytes(self.take()?),
        })
    }
}

/// A frame whose checksum and records are right. Its place in the tree is for [`Frame::follow`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// The records, in order.
    pub records: Vec<&'a [u8]>,
}

/// CRC-32C of a frame, its own four bytes left out.
pub(crate) fn checksum(frame: &[u8]) -> u32 {
    let (before, after) = (
        frame.get(..12).unwrap_or_default(),
        frame.get(16..).unwrap_or_default(),
    );
    crc32c::crc32c_append(crc32c::crc32c(before), after)
}

impl<'a> Frame<'a> {
    /// Reads the frame that `bytes` begin with; bytes after it are left alone.
    ///
    /// # Errors
    /// A [`FrameFault`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameFault> {
        let header = Header::decode(bytes)?;
        let short = || FrameFault::Short {
            wanted: header.size(),
            found: bytes.len(),
        };
        let frame = bytes.get(..header.size()).ok_or_else(short)?;
        if checksum(frame) != header.checksum {
            return Err(FrameFault::Checksum);
        }
        let records = frame
            .get(HEADER_BYTES..)
            .and_then(|records| records.strip_suffix(&END));
        let mut rest = records.ok_or(FrameFault::Records)?;
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<2>().ok_or(FrameFault::Records)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 {
                return Err(FrameFault::Records);
            }
            records.push(after.get(..length).ok_or(FrameFault::Records)?);
            rest = after.get(length..).unwrap_or_default();
        }
        if u32::try_from(records.len()) != Ok(header.count) {
            return Err(FrameFault::Records);
        }
        Ok(Self { header, records })
    }

    /// Checks that the frame continues the tree, and grows the tree by it.
    ///
    /// # Errors
    /// A [`FrameFault`]; then `edge` may have grown and must not be used.
    pub fn follow(&self, edge: &mut Frontier, root: &Digest, epoch: u64) -> Result<(), FrameFault> {
        self.check_place(edge.size(), root, epoch)?;
        grow(edge, self.records.iter().copied()).map_err(|_| FrameFault::Root)?;
        if edge.root() == self.header.root {
            Ok(())
        } else {
            Err(FrameFault::Root)
        }
    }

    /// Checks only what the header says of its place: position, epoch, previous root.
    ///
    /// # Errors
    /// A [`FrameFault`].
    pub fn check_place(&self, size: u64, root: &Digest, epoch: u64) -> Result<(), FrameFault> {
        if self.header.first != size {
            return Err(FrameFault::Position {
                wanted: size,
                found: self.header.first,
            });
        }
        if self.header.epoch < epoch {
            return Err(FrameFault::Epoch {
                previous: epoch,
                found: self.header.epoch,
            });
        }
        if self.header.previous_root != *root {
            return Err(FrameFault::PreviousRoot);
        }
        Ok(())
    }
}

/// Why records can't become a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeFault {
    /// There are none.
    NoRecords,
    /// A record is empty or above 65,535 bytes.
    RecordSize {
        /// Which one, from 0.
        record: usize,
        /// Its bytes.
        bytes: usize,
    },
    /// Together they pass [`MAX_FRAME_BYTES`].
    FrameSize(usize),
    /// The tree is full.
    TreeFull,
}

impl fmt::Display for EncodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecords => f.write_str("no record to append"),
            Self::RecordSize { record, bytes } => {
                write!(
                    f,
                    "record `{record}` has `{bytes}` bytes; a record has 1 to {MAX_ENTRY_BYTES}"
                )
            }
            Self::FrameSize(bytes) => {
                write!(
                    f,
                    "frame would have `{bytes}` bytes; at most {MAX_FRAME_BYTES} are allowed, send less at once"
                )
            }
            Self::TreeFull => f.write_str("journal holds 2^63 - 1 records and can't grow"),
        }
    }
}

/// Grows the tree by all records at once: leaves and then each level of nodes, in as many lanes as the machine has.
///
/// # Errors
/// The tree is full; then it is as it was.
pub(crate) fn grow<'a>(
    edge: &mut Frontier,
    records: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<(), TreeError> {
    let mut leaves = Vec::with_capacity(records.len());
    keepwhole_lanes::leaf_hashes(records, &mut leaves);
    edge.extend(leaves, &mut keepwhole_lanes::node_hashes)
}

/// Writes a frame that continues `edge`, and grows `edge` by it.
///
/// # Errors
/// An [`EncodeFault`]; `edge` is then as it was.
pub fn encode<B: AsRef<[u8]>>(
    edge: &mut Frontier,
    epoch: u64,
    records: &[B],
) -> Result<Vec<u8>, EncodeFault> {
    let mut batch = FrameBatch::new();
    for record in records {
        batch.push(record.as_ref())?;
    }
    Ok(batch.seal(edge, epoch)?.to_vec())
}

/// The one bit of `bytes` whose flip makes a right frame that continues the tree, if there is one.
///
/// Torn writes never look like this: checksum *and* tree root must come out right. So a last frame with such a bit was
/// whole once and has aged; it must not be cut off as if it had never been acknowledged.
#[must_use]
pub fn one_flipped_bit(bytes: &[u8], edge: &Frontier, root: &Digest, epoch: u64) -> Option<usize> {
    let mut copy = bytes
        .get(..bytes.len().min(MAX_FRAME_BYTES))
        .unwrap_or_default()
        .to_vec();
    let mut right = |bit: usize| {
        *copy.get_mut(bit / 8)? ^= 1 << (bit % 8);
        let found = Frame::decode(&copy)
            .is_ok_and(|frame| frame.follow(&mut edge.clone(), root, epoch).is_ok());
        *copy.get_mut(bit / 8)? ^= 1 << (bit % 8);
        found.then_some(bit)
    };
    // In magic, version, length or checksum a flip changes what is summed or compared: try each.
    if let Some(bit) = (0..16 * 8).find_map(&mut right) {
        return Some(bit);
    }
    let header = Header::decode(bytes).ok()?;
    let frame = bytes.get(..header.size())?;
    // Elsewhere the difference of the sums names the bit: walk it back from the last byte (reflected polynomial).
    let mut difference = 1_u32;
    let wanted = checksum(frame) ^ header.checksum;
    for byte in (16..frame.len()).rev() {
        for bit in (0..8).rev() {
            difference = step(difference);
            if difference == wanted
                && let Some(found) = right(byte * 8 + bit)
            {
                return Some(found);
            }
        }
    }
    None
}

/// One zero bit more after the flipped one: one step of the CRC-32C register.
const fn step(register: u32) -> u32 {
    if register & 1 == 1 {
        register >> 1 ^ 0x82F6_3B78
    } else {
        register >> 1
    }
}
