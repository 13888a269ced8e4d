//! Segments: the files that hold frames one behind the other, and a window to read them through.

use super::disk::{Disk, DiskError, Naming as _, TEMPORARY};
use super::error::{Fault, JournalError};
use super::frame::{Frame, HEADER_BYTES, Header};
use super::layout;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

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

/// `count` entries from `first` on, cut from their frames. `hint` is where the frame of the first, or one before it, may
/// begin in its segment; what is not a good frame there, or one behind the entry, makes the segment be read from its start.
///
/// # Errors
/// [`JournalError::OutsideJournal`] where the segments end before, [`JournalError::Damaged`], [`JournalError::Disk`].
pub(crate) fn entries<D: Disk>(
    disk: &D,
    first: u64,
    count: u64,
    hint: Option<u64>,
) -> Result<Vec<Vec<u8>>, JournalError> {
    let segments = list(disk)?;
    let end = first.saturating_add(count);
    let start = segments
        .partition_point(|segment| segment.first <= first)
        .saturating_sub(1);
    let mut found = Vec::new();
    let mut next = first;
    let mut hint = hint;
    for segment in segments.get(start..).unwrap_or_default() {
        let mut window = Window::new(disk, &segment.path);
        let mut offset = hint.take().unwrap_or(0);
        if offset > 0 && !good_frame(&mut window, offset, first)? {
            offset = 0;
        }
        while next < end {
            let damaged = |fault| JournalError::Damaged {
                segment: segment.path.clone(),
                frame: 0,
                offset,
                fault: Fault::Frame(fault),
            };
            let bytes = window.at(offset, HEADER_BYTES)?;
            // At zeros ahead, or the end of the file, the next segment goes on.
            if bytes.first().is_none_or(|byte| *byte == 0) {
                break;
            }
            let header = Header::decode(bytes).map_err(damaged)?;
            let after = header.first.saturating_add(u64::from(header.count));
            if after > next {
                let frame = Frame::decode(window.at(offset, header.size())?);
                let frame = frame.map_err(damaged)?;
                for (position, record) in (header.first..).zip(&frame.records) {
                    if position == next && next < end {
                        found.push(record.to_vec());
                        next += 1;
                    }
                }
            }
            offset = offset.saturating_add(header.size() as u64);
        }
    }
    if next < end {
        return Err(JournalError::OutsideJournal {
            position: next,
            size: next,
        });
    }
    Ok(found)
}

/// Whether a good frame begins at `offset` that does not lie behind the entry `first`.
fn good_frame<D: Disk>(
    window: &mut Window<'_, D>,
    offset: u64,
    first: u64,
) -> Result<bool, JournalError> {
    let Ok(header) = Header::decode(window.at(offset, HEADER_BYTES)?) else {
        return Ok(false);
    };
    Ok(header.first <= first && Frame::decode(window.at(offset, header.size())?).is_ok())
}

/// Files shorter than this together are not worth a thread that reads ahead.
const WORTH_AHEAD: u64 = 16 * 1024 * 1024;
/// Chunks that wait for the one who looks at them.
const CHUNKS_AHEAD: usize = 4;

/// Bytes of a file, read ahead.
pub(crate) struct Chunk {
    path: Arc<str>,
    offset: u64,
    bytes: Vec<u8>,
}

/// What a reading thread hands over, in order; nothing where none reads ahead.
pub(crate) struct Chunks {
    from: Option<Receiver<Chunk>>,
    waiting: Option<Chunk>,
}

impl Chunks {
    /// The next chunk if it is that of `path` at `offset`. Chunks of files that are done with are dropped.
    fn next(&mut self, path: &str, offset: u64) -> Option<Vec<u8>> {
        loop {
            let chunk = match self.waiting.take() {
                Some(chunk) => chunk,
                None => match self.from.as_ref()?.recv() {
                    Ok(chunk) => chunk,
                    Err(_) => {
                        self.from = None;
                        return None;
                    }
                },
            };
            if &*chunk.path == path && chunk.offset == offset {
                return Some(chunk.bytes);
            }
            if &*chunk.path > path || (&*chunk.path == path && chunk.offset > offset) {
                self.waiting = Some(chunk);
                return None;
            }
        }
    }
}

/// Runs `work` while another thread reads `files` (path, first byte, length) ahead of it, in order. The thread ends when
/// the work does. What it can't read the work reads itself, and meets the error there.
pub(crate) fn read_ahead<D: Disk, T>(
    disk: &D,
    files: Vec<(String, u64, u64)>,
    work: impl FnOnce(Chunks) -> T,
) -> T {
    let bytes = files.iter().fold(0_u64, |sum, (_, from, length)| {
        sum.saturating_add(length.saturating_sub(*from))
    });
    if bytes < WORTH_AHEAD {
        return work(Chunks {
            from: None,
            waiting: None,
        });
    }
    std::thread::scope(|scope| {
        let (send, from) = sync_channel(CHUNKS_AHEAD);
        scope.spawn(move || {
            for (path, mut offset, length) in files {
                let path: Arc<str> = path.into();
                while offset < length {
                    let mut bytes = vec![0; WINDOW];
                    let Ok(read) = disk.read_at(&path, offset, &mut bytes) else {
                        return;
                    };
                    if read == 0 {
                        break;
                    }
                    bytes.truncate(read);
                    let chunk = Chunk {
                        path: Arc::clone(&path),
                        offset,
                        bytes,
                    };
                    offset = offset.saturating_add(read as u64);
                    if send.send(chunk).is_err() {
                        return;
                    }
                }
            }
        });
        work(Chunks {
            from: Some(from),
            waiting: None,
        })
    })
}

/// Reads a file in large steps.
pub(crate) struct Window<'d, D> {
    disk: &'d D,
    path: &'d str,
    start: u64,
    bytes: Vec<u8>,
    chunks: Option<&'d mut Chunks>,
}

impl<'d, D: Disk> Window<'d, D> {
    pub(crate) const fn new(disk: &'d D, path: &'d str) -> Self {
        Self {
            disk,
            path,
            start: 0,
            bytes: Vec::new(),
            chunks: None,
        }
    }

    /// A window that takes what was read ahead.
    pub(crate) const fn fed(disk: &'d D, path: &'d str, chunks: &'d mut Chunks) -> Self {
        Self {
            disk,
            path,
            start: 0,
            bytes: Vec::new(),
            chunks: Some(chunks),
        }
    }

    /// At least `wanted` bytes from `offset` on, fewer only at the end of the file.
    pub(crate) fn at(&mut self, offset: u64, wanted: usize) -> Result<&[u8], DiskError> {
        let held = |window: &Self| {
            let skip = usize::try_from(offset.checked_sub(window.start)?).ok()?;
            (window.bytes.len().saturating_sub(skip) >= wanted).then_some(skip)
        };
        if held(self).is_none() {
            self.fill(offset, wanted)?;
        }
        let skip = held(self).or_else(|| usize::try_from(offset.checked_sub(self.start)?).ok());
        Ok(skip
            .and_then(|skip| self.bytes.get(skip..))
            .unwrap_or_default())
    }

    /// Takes chunks read ahead as long as they continue what is held, and reads itself where they don't.
    fn fill(&mut self, offset: u64, wanted: usize) -> Result<(), DiskError> {
        let held = offset
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| *skip <= self.bytes.len());
        match held {
            Some(skip) => drop(self.bytes.drain(..skip)),
            None => self.bytes.clear(),
        }
        self.start = offset;
        while self.bytes.len() < wanted {
            let end = offset.saturating_add(self.bytes.len() as u64);
            let next = self
                .chunks
                .as_mut()
                .and_then(|chunks| chunks.next(self.path, end));
            match next {
                Some(chunk) if self.bytes.is_empty() => self.bytes = chunk,
                Some(chunk) => self.bytes.extend_from_slice(&chunk),
                None => {
                    // No more room than the file has bytes: making room costs as much as reading.
                    let length = self.disk.len(self.path).naming("measure", self.path)?;
                    let rest = length.unwrap_or(0).saturating_sub(offset);
                    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
                    self.bytes.resize(wanted.max(WINDOW).min(rest), 0);
                    let read = self
                        .disk
                        .read_at(self.path, offset, &mut self.bytes)
                        .naming("read", self.path)?;
                    self.bytes.truncate(read);
                    break;
                }
            }
        }
        Ok(())
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
