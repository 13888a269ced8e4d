//! Segments: the files that hold frames one behind the other, and a window to read them through.

use super::disk::{Disk, DiskError, Naming as _, TEMPORARY};
use super::error::JournalError;
use super::layout;

/// Bytes read ahead at once.
const WINDOW: usize = 4 * 1024 * 1024;

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Position of its first record.
    pub first: u64,
    /// Its path.
    pub path: String,
    /// Frames that were found good.
    pub frames: u64,
    /// Bytes of these frames; what follows is zeros written ahead.
    pub used: u64,
    /// Length of the file.
    pub length: u64,
}

/// The segments of an installation in order of their first position.
pub(crate) fn list<D: Disk>(disk: &D) -> Result<Vec<Segment>, JournalError> {
    let mut segments = Vec::new();
    for path in disk
        .list(layout::SEGMENTS)
        .naming("list", layout::SEGMENTS)?
    {
        if path.ends_with(TEMPORARY) {
            continue;
        }
        let Some(first) = layout::segment_first(&path) else {
            return Err(JournalError::StrangeFile(path));
        };
        let length = disk.len(&path).naming("measure", &path)?.unwrap_or(0);
        segments.push(Segment {
            first,
            path,
            frames: 0,
            used: 0,
            length,
        });
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// Reads a file in large steps.
pub(crate) struct Window<'d, D> {
    disk: &'d D,
    path: &'d str,
    start: u64,
    bytes: Vec<u8>,
}

impl<'d, D: Disk> Window<'d, D> {
    pub(crate) const fn new(disk: &'d D, path: &'d str) -> Self {
        Self {
            disk,
            path,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// At least `wanted` bytes from `offset` on, fewer only at the end of the file.
    pub(crate) fn at(&mut self, offset: u64, wanted: usize) -> Result<&[u8], DiskError> {
        let inside = offset
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok());
        let skip = match inside.filter(|skip| self.bytes.len().saturating_sub(*skip) >= wanted) {
            Some(skip) => skip,
            None => {
                self.bytes.resize(wanted.max(WINDOW), 0);
                let read = self
                    .disk
                    .read_at(self.path, offset, &mut self.bytes)
                    .naming("read", self.path)?;
                self.bytes.truncate(read);
                self.start = offset;
                0
            }
        };
        Ok(self.bytes.get(skip..).unwrap_or_default())
    }

    /// Everything from `offset` to the end of the file.
    pub(crate) fn rest(&mut self, offset: u64, length: u64) -> Result<&[u8], DiskError> {
        let wanted = length.saturating_sub(offset);
        let wanted = usize::try_from(wanted)
            .map_err(std::io::Error::other)
            .naming("read", self.path)?;
        self.at(offset, wanted)
    }

    /// Whether only zeros follow from `offset` on.
    pub(crate) fn only_zeros(&mut self, mut offset: u64) -> Result<bool, DiskError> {
        loop {
            let bytes = self.at(offset, 1)?;
            if bytes.is_empty() {
                return Ok(true);
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            offset += bytes.len() as u64;
        }
    }
}
