//! The writing side of the journal: a sealed frame goes to the disk in one write and one sync, or the journal stops.
//!
//! A write that finds the disk full is the one failure whose outcome can be made certain: what was begun is cut off and
//! the cut is synced. Every other failure leaves it open what the disk holds, and ends the writing for good.

use super::batch::FrameBatch;
use super::disk::{Disk, DiskError, Naming as _};
use super::error::JournalError;
use super::layout;
use super::segment::Segment;
use super::writer::{Head, Journal, Options, read_epoch};
use keepwhole_verify::tree::Frontier;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// Frames below this size are written over zeros laid ahead of them; larger ones extend the file.
const SMALL_FRAME: usize = 256 * 1024;
/// A sync that takes longer than this is counted as slow.
pub const SLOW_SYNC: Duration = Duration::from_secs(1);

/// Where the time of appending went since the journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Frames made durable.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of these frames, without zeros ahead.
    pub bytes: u64,
    /// Hashing records and tree, and summing the frame.
    pub hash: Duration,
    /// Handing bytes to the system, zeros ahead and new segments included.
    pub write: Duration,
    /// Waiting for the disk.
    pub sync: Duration,
    /// The longest sync.
    pub slowest_sync: Duration,
    /// Syncs that took longer than [`SLOW_SYNC`].
    pub slow_syncs: u64,
}

/// How far a journal is durable: enough to read it through another handle while its writer goes on.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Size and root.
    pub head: Head,
    edge: Frontier,
    segments: Vec<Segment>,
    epoch: u64,
}

impl Extent {
    /// Refuses where a later start has written its epoch, as read through `disk`.
    ///
    /// # Errors
    /// [`JournalError::Fenced`], [`JournalError::Disk`].
    pub fn check_fence<D: Disk>(&self, disk: &D) -> Result<(), JournalError> {
        fence(self.epoch, disk)
    }
}

/// Refuses where another epoch than `ours` stands in the lock file.
fn fence<D: Disk>(ours: u64, disk: &D) -> Result<(), JournalError> {
    let found = read_epoch(disk)?;
    if found == ours {
        Ok(())
    } else {
        Err(JournalError::Fenced { ours, found })
    }
}

impl<D: Disk> Journal<D> {
    /// Appends all records as one frame: one write, one sync. They are durable, in order, when it returns.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); [`JournalError::Refused`] also for records of a wrong size.
    pub fn append<B: AsRef<[u8]>>(&mut self, records: &[B]) -> Result<Head, JournalError> {
        self.may_write()?;
        let mut batch = FrameBatch::new();
        for record in records {
            batch.push(record.as_ref()).map_err(JournalError::Refused)?;
        }
        self.commit(&mut batch)
    }

    /// Seals the records of `batch` and makes them durable as one frame. The batch keeps them, so that the caller can
    /// try again after [`JournalError::DiskFull`]; clear it for the next frame.
    ///
    /// # Errors
    /// [`JournalError::Refused`] for no records and [`JournalError::DiskFull`] change nothing. Any other error stops the
    /// journal, and whether the records are durable is known only after opening it again.
    pub fn commit(&mut self, batch: &mut FrameBatch) -> Result<Head, JournalError> {
        self.may_write()?;
        let began = Instant::now();
        let mut edge = self.edge.clone();
        batch
            .seal(&mut edge, self.epoch)
            .map_err(JournalError::Refused)?;
        self.times.hash += began.elapsed();
        match self.write(batch) {
            Ok(()) => {
                self.head = Head {
                    size: edge.size(),
                    root: edge.root(),
                };
                self.edge = edge;
                self.times.frames += 1;
                self.times.records += batch.len() as u64;
                self.times.bytes += batch.frame_bytes() as u64;
                Ok(self.head)
            }
            Err(error @ JournalError::DiskFull { .. }) => Err(error),
            Err(error) => {
                self.stopped = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn may_write(&self) -> Result<(), JournalError> {
        match &self.stopped {
            _ if self.read_only => Err(JournalError::ReadOnly),
            Some(reason) => Err(JournalError::Stopped(reason.clone())),
            None => Ok(()),
        }
    }

    fn write(&mut self, batch: &mut FrameBatch) -> Result<(), JournalError> {
        let began = Instant::now();
        // The lock file is open already, so this is one small read from the system's cache.
        fence(self.epoch, &self.disk)?;
        let frame = batch.frame_bytes();
        self.roll(frame as u64)?;
        let zeros = self.zeros_after(frame);
        match self.put(batch, zeros) {
            Ok(()) => {}
            Err(error) if error.is_full() => self.put_bare(batch, zeros > 0)?,
            Err(error) => return Err(error.into()),
        }
        let written = Instant::now();
        let Some(segment) = self.segments.last_mut() else {
            return Err(JournalError::Stopped("no segment to sync".to_owned()));
        };
        let synced = self.disk.sync(&segment.path);
        let took = written.elapsed();
        self.times.write += written.duration_since(began);
        self.times.sync += took;
        self.times.slowest_sync = self.times.slowest_sync.max(took);
        self.times.slow_syncs += u64::from(took > SLOW_SYNC);
        synced.naming("sync", &segment.path)?;
        segment.used += frame as u64;
        segment.frames += 1;
        Ok(())
    }

    /// Zeros to be written behind a small frame that reaches the end of the file.
    fn zeros_after(&self, frame: usize) -> usize {
        let Some(segment) = self.segments.last() else {
            return 0;
        };
        let end = segment.used.saturating_add(frame as u64);
        let ahead = self.options.zero_ahead;
        if end <= segment.length || frame >= SMALL_FRAME || ahead == 0 || self.sparing {
            return 0;
        }
        usize::try_from(end.next_multiple_of(ahead) - end).unwrap_or(0)
    }

    fn put(&mut self, batch: &mut FrameBatch, zeros: usize) -> Result<(), DiskError> {
        let Some(segment) = self.segments.last_mut() else {
            return Ok(());
        };
        let length = batch.frame_bytes().saturating_add(zeros);
        let disk = &mut self.disk;
        batch
            .padded(length, |bytes| {
                disk.write_at(&segment.path, segment.used, bytes)
            })
            .naming("write", &segment.path)?;
        segment.length = segment
            .length
            .max(segment.used.saturating_add(length as u64));
        Ok(())
    }

    /// After a write that found the disk full: cuts off what was begun, then writes without zeros ahead if there were
    /// some.
    fn put_bare(&mut self, batch: &mut FrameBatch, had_zeros: bool) -> Result<(), JournalError> {
        self.cut()?;
        let outcome = if had_zeros {
            self.sparing = true;
            self.put(batch, 0)
        } else {
            Err(self.full())
        };
        match outcome {
            Err(error) if error.is_full() => {
                self.cut()?;
                Err(JournalError::DiskFull {
                    frame: batch.frame_bytes() as u64,
                    path: error.path,
                })
            }
            other => Ok(other?),
        }
    }

    fn full(&self) -> DiskError {
        let path = self.segments.last().map(|segment| segment.path.clone());
        DiskError {
            doing: "write",
            path: path.unwrap_or_default(),
            source: ErrorKind::StorageFull.into(),
        }
    }

    /// Makes it certain that nothing lies behind the last whole frame.
    fn cut(&mut self) -> Result<(), JournalError> {
        let Some(segment) = self.segments.last_mut() else {
            return Ok(());
        };
        self.disk
            .truncate(&segment.path, segment.used)
            .naming("cut", &segment.path)?;
        self.disk
            .sync(&segment.path)
            .naming("sync", &segment.path)?;
        segment.length = segment.used;
        Ok(())
    }

    /// Writes zeros ahead again, after a full disk has got space.
    pub fn space_returned(&mut self) {
        self.sparing = false;
    }

    /// Opens the next segment if there is none or the frame does not fit. The old one loses its zeros and is synced
    /// first, so that a segment that is not the last is always whole.
    fn roll(&mut self, frame: u64) -> Result<(), JournalError> {
        if let Some(segment) = self.segments.last_mut() {
            if segment.used == 0 || segment.used.saturating_add(frame) <= self.options.segment_bytes
            {
                return Ok(());
            }
            if segment.length > segment.used {
                self.cut()?;
            }
        }
        let first = self.head.size;
        let path = layout::segment_path(first);
        match self.disk.create(&path).naming("create", &path) {
            Ok(()) => {}
            // Nothing was created, so nothing has changed.
            Err(error) if error.is_full() => return Err(JournalError::DiskFull { frame, path }),
            Err(error) => return Err(error.into()),
        }
        self.disk.sync(&path).naming("sync", &path)?;
        self.disk
            .sync_dir(layout::SEGMENTS)
            .naming("sync", layout::SEGMENTS)?;
        self.segments.push(Segment {
            first,
            path,
            frames: 0,
            used: 0,
            length: 0,
        });
        Ok(())
    }

    /// Where the time went since opening.
    #[must_use]
    pub const fn times(&self) -> Times {
        self.times
    }

    /// How far it is durable now.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent {
            head: self.head,
            edge: self.edge.clone(),
            segments: self.segments.clone(),
            epoch: self.epoch,
        }
    }

    /// Brings an extent of this journal up to now; cheaper than a new one.
    pub fn extend(&self, extent: &mut Extent) {
        extent.head = self.head;
        extent.edge.clone_from(&self.edge);
        let same = extent.segments.len() == self.segments.len();
        match (extent.segments.last_mut(), self.segments.last()) {
            (Some(theirs), Some(ours)) if same && theirs.first == ours.first => {
                theirs.frames = ours.frames;
                theirs.used = ours.used;
                theirs.length = ours.length;
            }
            _ => extent.segments.clone_from(&self.segments),
        }
    }

    /// The journal as far as `extent`, through another handle on its folder, for reading and for files derived from it.
    #[must_use]
    pub fn view(disk: D, extent: Extent, options: Options) -> Self {
        Self {
            disk,
            options,
            segments: extent.segments,
            edge: extent.edge,
            head: extent.head,
            epoch: extent.epoch,
            stopped: None,
            read_only: true,
            sparing: false,
            times: Times::default(),
        }
    }

    /// How it is kept.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }
}
