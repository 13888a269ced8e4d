//! The journal itself: one writer that appends whole frames, and readers of what is synced.

use super::append::Times;
use super::disk::{Disk, Naming as _, TEMPORARY, folder_of};
use super::error::JournalError;
use super::frame::{Frame, FrameFault, HEADER_BYTES, Header};
use super::recovery::{self, Known, Scan, Start, TornTail};
use super::segment::{Segment, Window};
use super::{Fault, layout};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Note, VerifierKey};
use keepwhole_verify::tree::Frontier;

/// Size of the journal and root of its tree: what one number and one digest can say about all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Records in the journal.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Digest,
}

/// Called with the position and the bytes of each record; an error of its own ends the reading.
pub type Visit<'a, E> = dyn FnMut(u64, &[u8]) -> Result<(), E> + 'a;
/// Takes a frame and where it begins.
pub(crate) type VisitFrame<'a, E> = dyn FnMut(&Frame<'_>, Spot) -> Result<(), E> + 'a;

/// Where a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Position of its first record.
    pub(crate) first: u64,
    /// Frames before it in its segment.
    pub(crate) number: u64,
    /// Bytes before it in its segment.
    pub(crate) offset: u64,
}

impl Spot {
    /// Where the frame behind it begins, if that is in the same segment.
    pub(crate) fn behind(self, frame: &Frame<'_>) -> Self {
        Self {
            first: self.first.saturating_add(u64::from(frame.header.count)),
            number: self.number.saturating_add(1),
            offset: self.offset.saturating_add(frame.header.size() as u64),
        }
    }
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment is closed before a frame that would take it past this many bytes.
    pub segment_bytes: u64,
    /// Zeros are written ahead of small frames up to the next multiple of this many bytes; 0 writes none. A sync over
    /// bytes that exist costs less and varies less than one that also has to record a new length.
    pub zero_ahead: u64,
    /// With it, the published checkpoint counts only if this key signed it; else its text is believed.
    pub log_key: Option<VerifierKey>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 256 * 1024 * 1024,
            zero_ahead: 1024 * 1024,
            log_key: None,
        }
    }
}

/// What opening found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What the journal holds.
    pub head: Head,
    /// A frame that a crash left unfinished; cut off when opened for writing.
    pub torn_tail: Option<TornTail>,
    /// Half-written temporary files that were removed.
    pub removed: Vec<String>,
    /// Size of the published checkpoint, if there is a readable one.
    pub published: Option<u64>,
    /// Why the published checkpoint was not readable; it is then written anew.
    pub checkpoint_fault: Option<String>,
    /// Epoch of this start.
    pub epoch: u64,
}

/// Where opening begins, and who looks on while the frames are read.
pub trait Plan<D> {
    /// Chooses a snapshot to begin at and names what the journal must agree with, besides the published checkpoint.
    ///
    /// # Errors
    /// Whatever keeps the journal from being opened.
    fn start(&mut self, disk: &D) -> Result<Start, JournalError>;

    /// Takes a good frame; they come in order. Where opening ends with an error, what was shown is void.
    ///
    /// # Errors
    /// A frame that can't be taken counts as the journal's first damage.
    fn seen(&mut self, frame: &Frame<'_>) -> Result<(), JournalError>;
}

/// Begins at the first record.
#[derive(Debug)]
struct Whole;

impl<D> Plan<D> for Whole {
    fn start(&mut self, _: &D) -> Result<Start, JournalError> {
        Ok(Start::default())
    }

    fn seen(&mut self, _: &Frame<'_>) -> Result<(), JournalError> {
        Ok(())
    }
}

fn start_of<D: Disk>(
    plan: &mut dyn Plan<D>,
    disk: &D,
    published: Option<(u64, Digest)>,
) -> Result<Start, JournalError> {
    let mut start = plan.start(disk)?;
    start
        .known
        .extend(published.map(|(size, root)| Known { size, root }));
    Ok(start)
}

/// A journal on a disk.
///
/// [`append`](Self::append) and [`commit`](Self::commit) are one write and one sync; what they returned is durable. After
/// a failure of unknown outcome every later one answers [`JournalError::Stopped`]: what reached the disk is only known
/// after opening it again. The one failure of known outcome is [`JournalError::DiskFull`].
#[derive(Debug)]
pub struct Journal<D> {
    pub(super) disk: D,
    pub(super) options: Options,
    pub(super) segments: Vec<Segment>,
    pub(super) edge: Frontier,
    pub(super) head: Head,
    pub(super) epoch: u64,
    pub(super) stopped: Option<String>,
    pub(super) read_only: bool,
    /// No zeros ahead: the last attempt to write some found the disk full.
    pub(super) sparing: bool,
    pub(super) times: Times,
}

impl<D: Disk> Journal<D> {
    /// Takes the lock, reads and verifies everything, cuts a torn tail and makes the journal ready to append.
    ///
    /// # Errors
    /// [`JournalError::LockHeld`]; [`JournalError::Damaged`], [`JournalError::Truncated`] or [`JournalError::Forked`]
    /// when the journal is not what it was; [`JournalError::Disk`]. Nothing is changed on disk in these cases, except
    /// that temporary files may be gone.
    pub fn open(disk: D, options: Options) -> Result<(Self, Recovery), JournalError> {
        Self::open_along(disk, options, &mut Whole)
    }

    /// As [`open`](Self::open), beginning where `plan` says and showing it every frame that is read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_along(
        mut disk: D,
        options: Options,
        plan: &mut dyn Plan<D>,
    ) -> Result<(Self, Recovery), JournalError> {
        if !disk.lock(layout::LOCK).naming("lock", layout::LOCK)? {
            return Err(JournalError::LockHeld);
        }
        let removed = remove_temporary(&mut disk)?;
        let (published, checkpoint_fault) = published(&disk, &options)?;
        let start = start_of(plan, &disk, published)?;
        let scan = recovery::scan(&disk, &start, &mut |frame| plan.seen(frame))?;
        if let Some(damage) = scan.damage {
            return Err(damage);
        }
        let last_frame = scan.last_frame;
        let epoch = raise_epoch(&mut disk, scan.epoch)?;
        let torn_tail = scan.torn.clone();
        let mut journal = Self::from_scan(disk, options, scan, epoch, false);
        journal.settle_tail(torn_tail.as_ref(), last_frame)?;
        let published = published.map(|(size, _)| size);
        let recovery = Recovery {
            head: journal.head,
            torn_tail,
            removed,
            published,
            checkpoint_fault,
            epoch,
        };
        Ok((journal, recovery))
    }

    /// Opens the verified part for reading, without lock and without changing anything. The third value is the first
    /// damage, behind which nothing is shown.
    ///
    /// # Errors
    /// [`JournalError::Disk`], [`JournalError::StrangeFile`].
    pub fn open_read_only(
        disk: D,
        options: Options,
    ) -> Result<(Self, Recovery, Option<JournalError>), JournalError> {
        Self::read_along(disk, options, &mut Whole)
    }

    /// As [`open_read_only`](Self::open_read_only), beginning where `plan` says and showing it every frame that is read.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only).
    pub fn read_along(
        disk: D,
        options: Options,
        plan: &mut dyn Plan<D>,
    ) -> Result<(Self, Recovery, Option<JournalError>), JournalError> {
        let (published, checkpoint_fault) = published(&disk, &options)?;
        let start = start_of(plan, &disk, published)?;
        let mut scan = recovery::scan(&disk, &start, &mut |frame| plan.seen(frame))?;
        let damage = scan.damage.take();
        let torn_tail = scan.torn.clone();
        let epoch = scan.epoch;
        let journal = Self::from_scan(disk, options, scan, epoch, true);
        let published = published.map(|(size, _)| size);
        let removed = Vec::new();
        let recovery = Recovery {
            head: journal.head,
            torn_tail,
            removed,
            published,
            checkpoint_fault,
            epoch,
        };
        Ok((journal, recovery, damage))
    }

    fn from_scan(disk: D, options: Options, scan: Scan, epoch: u64, read_only: bool) -> Self {
        let head = Head {
            size: scan.edge.size(),
            root: scan.root,
        };
        let Scan {
            mut segments,
            edge,
            last_frame,
            ..
        } = scan;
        // Put the segment of the last frame last: an empty one after it stays, it is the next to be written.
        if read_only && let Some((number, _)) = last_frame {
            segments.truncate(number + 1);
        }
        Self {
            disk,
            options,
            segments,
            edge,
            head,
            epoch,
            stopped: None,
            read_only,
            sparing: false,
            times: Times::default(),
        }
    }

    /// Cuts a torn tail and makes sure that everything found is durable: the last frame may only be in the system's
    /// cache, and the last segment's name may not have been synced.
    fn settle_tail(
        &mut self,
        torn: Option<&TornTail>,
        last_frame: Option<(usize, u64)>,
    ) -> Result<(), JournalError> {
        if let Some(torn) = torn {
            self.disk
                .truncate(&torn.segment, torn.offset)
                .naming("cut the torn tail of", &torn.segment)?;
            self.disk
                .sync(&torn.segment)
                .naming("sync", &torn.segment)?;
            if let Some(segment) = self.segments.last_mut() {
                segment.length = torn.offset;
            }
        }
        if let Some(segment) = self.segments.last() {
            self.disk
                .sync(&segment.path)
                .naming("sync", &segment.path)?;
            self.disk
                .sync_dir(layout::SEGMENTS)
                .naming("sync", layout::SEGMENTS)?;
        }
        let Some((segment, last)) =
            last_frame.and_then(|(number, last)| Some((self.segments.get(number)?, last)))
        else {
            return Ok(());
        };
        // A sync that failed may have left bytes that read well and are not on the disk. Only the last frame can be
        // such, as the writer stops at the first failure; writing the same bytes again makes them dirty again.
        let mut window = Window::new(&self.disk, &segment.path);
        let length = usize::try_from(segment.used.saturating_sub(last)).unwrap_or(0);
        let bytes = window.at(last, length)?;
        let bytes = bytes.get(..length).unwrap_or_default().to_vec();
        let path = segment.path.clone();
        self.disk
            .write_at(&path, last, &bytes)
            .naming("write", &path)?;
        Ok(self.disk.sync(&path).naming("sync", &path)?)
    }

    /// Size and root of what is durable.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Epoch of this start; it is in every frame this journal writes.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The right edge of the tree: all that a proof maker needs to go on.
    #[must_use]
    pub const fn edge(&self) -> &Frontier {
        &self.edge
    }

    /// The disk, for reading.
    #[must_use]
    pub const fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk, for files other than segments.
    pub(crate) const fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// The segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Why the journal stopped, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// Calls `visit(position, record)` for every record from `from` on, in order. Checksums and the chain of roots
    /// between frames are verified on the way; [`check`](Self::check) also recomputes every root.
    ///
    /// # Errors
    /// [`JournalError::OutsideJournal`] beyond the end, [`JournalError::Damaged`], or the visitor's own.
    pub fn read<E: From<JournalError>>(
        &self,
        from: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        self.read_frames(from, None, &mut |frame, _| {
            for (position, record) in (frame.header.first..).zip(&frame.records) {
                if position >= from {
                    visit(position, record)?;
                }
            }
            Ok(())
        })
    }

    /// Calls `visit(frame, spot)` for every frame that holds records from `from` on, in order. With the spot of a frame
    /// at or before `from` those before it are not looked at; one in another segment is of no use and does no harm.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn read_frames<E: From<JournalError>>(
        &self,
        from: u64,
        near: Option<Spot>,
        visit: &mut VisitFrame<'_, E>,
    ) -> Result<(), E> {
        if from > self.head.size {
            return Err(JournalError::OutsideJournal {
                position: from,
                size: self.head.size,
            }
            .into());
        }
        let start = self
            .segments
            .partition_point(|segment| segment.first <= from)
            .saturating_sub(1);
        for segment in self.segments.get(start..).unwrap_or_default() {
            self.read_segment(segment, from, near, visit)?;
        }
        Ok(())
    }

    fn read_segment<E: From<JournalError>>(
        &self,
        segment: &Segment,
        from: u64,
        near: Option<Spot>,
        visit: &mut VisitFrame<'_, E>,
    ) -> Result<(), E> {
        let mut window = Window::new(&self.disk, &segment.path);
        let begin = Spot {
            first: segment.first,
            number: 0,
            offset: 0,
        };
        let near = near.filter(|near| near.first > segment.first && near.first <= from);
        let Spot {
            first: mut position,
            number,
            mut offset,
        } = near.unwrap_or(begin);
        let mut root: Option<Digest> = None;
        for number in number..segment.frames {
            let damaged = |fault: FrameFault| JournalError::Damaged {
                segment: segment.path.clone(),
                frame: number,
                offset,
                fault: Fault::Frame(fault),
            };
            let bytes = window
                .at(offset, HEADER_BYTES)
                .map_err(JournalError::Disk)?;
            let header = Header::decode(bytes).map_err(damaged)?;
            let end = position + u64::from(header.count);
            if end > from {
                let bytes = window
                    .at(offset, header.size())
                    .map_err(JournalError::Disk)?;
                let frame = Frame::decode(bytes).map_err(damaged)?;
                let before = root.unwrap_or(frame.header.previous_root);
                frame.check_place(position, &before, 0).map_err(damaged)?;
                let spot = Spot {
                    first: position,
                    number,
                    offset,
                };
                visit(&frame, spot)?;
            }
            position = end;
            root = Some(header.root);
            offset += header.size() as u64;
        }
        Ok(())
    }

    /// Verifies every byte of every segment again, as opening does, and that it still is this journal.
    ///
    /// # Errors
    /// The first damage, with segment, frame and byte offset.
    pub fn check(&self) -> Result<Head, JournalError> {
        let (size, root) = (self.head.size, self.head.root);
        let start = Start {
            base: None,
            known: vec![Known { size, root }],
        };
        let scan = recovery::scan(&self.disk, &start, &mut |_| Ok(()))?;
        if let Some(damage) = scan.damage {
            return Err(damage);
        }
        if let Some(torn) = scan.torn.filter(|_| !self.read_only) {
            // Opening cut every torn tail and appending writes whole frames, so this is damage.
            let TornTail {
                segment,
                frame,
                offset,
                fault,
                ..
            } = torn;
            return Err(JournalError::Damaged {
                segment,
                frame,
                offset,
                fault: Fault::Frame(fault),
            });
        }
        Ok(Head {
            size: scan.edge.size(),
            root: scan.root,
        })
    }
}

/// Removes what a crash left half written. Such files are known by their name alone and mean nothing.
fn remove_temporary<D: Disk>(disk: &mut D) -> Result<Vec<String>, JournalError> {
    let files = disk.list("").naming("list", ".")?;
    let temporary: Vec<String> = files
        .into_iter()
        .filter(|path| path.ends_with(TEMPORARY))
        .collect();
    for path in &temporary {
        disk.remove(path).naming("remove", path)?;
        disk.sync_dir(folder_of(path))
            .naming("sync", folder_of(path))?;
    }
    Ok(temporary)
}

type Published = (Option<(u64, Digest)>, Option<String>);

/// Size and root of the published checkpoint, or why it can't be read.
fn published<D: Disk>(disk: &D, options: &Options) -> Result<Published, JournalError> {
    let path = layout::CHECKPOINT;
    if disk.len(path).naming("measure", path)?.is_none() {
        return Ok((None, None));
    }
    let bytes = disk.read(path).naming("read", path)?;
    let checkpoint = match &options.log_key {
        Some(key) => {
            Checkpoint::verify(&bytes, std::slice::from_ref(key)).map(|(checkpoint, _)| checkpoint)
        }
        None => Note::parse(&bytes)
            .map_err(Into::into)
            .and_then(|note| Checkpoint::parse_text(note.text())),
    };
    Ok(match checkpoint {
        Ok(checkpoint) => (Some((checkpoint.size(), checkpoint.root())), None),
        Err(error) => (None, Some(error.to_string())),
    })
}

/// Bytes of the lock file: 20 digits and a newline.
const EPOCH_BYTES: usize = 21;

/// The epoch in the lock file; 0 when it is empty or torn, as every frame also carries its epoch.
pub(super) fn read_epoch<D: Disk>(disk: &D) -> Result<u64, JournalError> {
    let mut bytes = [0; EPOCH_BYTES + 1];
    let read = disk
        .read_at(layout::LOCK, 0, &mut bytes)
        .naming("read", layout::LOCK)?;
    let text = bytes
        .get(..read)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.strip_suffix('\n'));
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Takes the next epoch, above every one seen, and writes it where a slower writer will see it.
fn raise_epoch<D: Disk>(disk: &mut D, seen: u64) -> Result<u64, JournalError> {
    let epoch = read_epoch(disk)?.max(seen).saturating_add(1);
    disk.write_at(layout::LOCK, 0, format!("{epoch:020}\n").as_bytes())
        .naming("write", layout::LOCK)?;
    disk.sync(layout::LOCK).naming("sync", layout::LOCK)?;
    disk.sync_dir("").naming("sync", ".")?;
    Ok(epoch)
}
