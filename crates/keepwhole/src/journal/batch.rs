//! The frame in the making: records are encoded straight into the bytes that will be written, then sealed in one go.

use super::frame::{
    END, EncodeFault, HEADER_BYTES, MAGIC, MAX_FRAME_BYTES, OVERHEAD_BYTES, VERSION, checksum, grow,
};
use keepwhole_verify::tile::MAX_ENTRY_BYTES;
use keepwhole_verify::tree::Frontier;

/// Bytes before each record: its length.
const LENGTH_BYTES: usize = 2;

/// Records of one frame, contiguous and in order, in one growing buffer that is used again and again.
///
/// The header's place is kept free in front, so that nothing is copied between encoding a record and writing the frame.
#[derive(Clone, Debug)]
pub struct FrameBatch {
    bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    ends: Vec<u32>,
    sealed: bool,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    bytes: usize,
    records: usize,
}

impl Default for FrameBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBatch {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
            ends: Vec::new(),
            sealed: false,
        }
    }

    /// Records in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of the frame that the records so far make, header and end included.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.body_end() + END.len()
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.ends.clear();
        self.sealed = false;
    }

    /// A place to come back to with [`rewind`](Self::rewind).
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            bytes: self.body_end(),
            records: self.ends.len(),
        }
    }

    /// Forgets what was added after `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.unseal();
        self.bytes.truncate(mark.bytes);
        self.ends.truncate(mark.records);
    }

    /// Adds a record as bytes.
    ///
    /// # Errors
    /// [`EncodeFault::RecordSize`], [`EncodeFault::FrameSize`]; then nothing was added.
    pub fn push(&mut self, record: &[u8]) -> Result<(), EncodeFault> {
        self.push_with(|bytes| bytes.extend_from_slice(record))
    }

    /// Adds what `write` appends to the buffer, as one record.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), EncodeFault> {
        self.unseal();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        write(&mut self.bytes);
        let length = self.bytes.len().saturating_sub(start + LENGTH_BYTES);
        let fits = u16::try_from(length).ok().filter(|length| *length > 0);
        let Some(short) = fits else {
            self.bytes.truncate(start);
            let record = self.ends.len();
            let bytes = length;
            return Err(EncodeFault::RecordSize { record, bytes });
        };
        let frame = self.frame_bytes();
        let end = u32::try_from(self.bytes.len())
            .ok()
            .filter(|_| frame <= MAX_FRAME_BYTES);
        let Some(end) = end else {
            self.bytes.truncate(start);
            return Err(EncodeFault::FrameSize(frame));
        };
        if let Some(place) = self.bytes.get_mut(start..start + LENGTH_BYTES) {
            place.copy_from_slice(&short.to_be_bytes());
        }
        self.ends.push(end);
        Ok(())
    }

    /// The records, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = HEADER_BYTES;
        self.ends.iter().map(move |end| {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            let record = self.bytes.get(start + LENGTH_BYTES..end);
            start = end;
            record.unwrap_or_default()
        })
    }

    fn body_end(&self) -> usize {
        let sealed = if self.sealed { END.len() } else { 0 };
        self.bytes.len().saturating_sub(sealed)
    }

    fn unseal(&mut self) {
        if self.sealed {
            self.bytes.truncate(self.body_end());
            self.sealed = false;
        }
    }

    /// Hashes all records as the next leaves of `edge`, and writes header and end around them. The bytes of the whole
    /// frame come back. A second sealing over another edge writes another header.
    ///
    /// # Errors
    /// [`EncodeFault::NoRecords`], [`EncodeFault::TreeFull`]; then `edge` is as it was.
    pub fn seal(&mut self, edge: &mut Frontier, epoch: u64) -> Result<&[u8], EncodeFault> {
        self.unseal();
        if self.ends.is_empty() {
            return Err(EncodeFault::NoRecords);
        }
        let (first, previous_root) = (edge.size(), edge.root());
        grow(edge, self.records()).map_err(|_| EncodeFault::TreeFull)?;
        let size = self.bytes.len() + END.len();
        let length = u32::try_from(size).map_err(|_| EncodeFault::FrameSize(size))?;
        let count = u32::try_from(self.ends.len()).map_err(|_| EncodeFault::FrameSize(size))?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&[VERSION, 0, 0, 0]);
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&first.to_be_bytes());
        header.extend_from_slice(&epoch.to_be_bytes());
        header.extend_from_slice(previous_root.as_bytes());
        header.extend_from_slice(edge.root().as_bytes());
        header.extend_from_slice(&count.to_be_bytes());
        if let Some(place) = self.bytes.get_mut(..HEADER_BYTES) {
            place.copy_from_slice(&header);
        }
        self.bytes.extend_from_slice(&END);
        self.sealed = true;
        let sum = checksum(&self.bytes);
        if let Some(place) = self.bytes.get_mut(12..16) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        Ok(&self.bytes)
    }

    /// The sealed frame with zeros behind it up to `length` bytes, for `write`; the zeros do not stay.
    pub(crate) fn padded<T>(&mut self, length: usize, write: impl FnOnce(&[u8]) -> T) -> T {
        let frame = self.bytes.len();
        self.bytes.resize(frame.max(length), 0);
        let done = write(&self.bytes);
        self.bytes.truncate(frame);
        done
    }
}

/// The largest record that fits, and what is around the records of a frame.
const _: () = assert!(MAX_ENTRY_BYTES + LENGTH_BYTES + OVERHEAD_BYTES < MAX_FRAME_BYTES);
