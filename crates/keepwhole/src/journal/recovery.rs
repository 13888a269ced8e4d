//! Reading the journal back: what is whole, what a crash tore, what is damaged.
//!
//! The rules, in the order in which they are applied, stand in docs/journal-format.md under "Recovery".

use super::disk::Disk;
use super::error::{Fault, JournalError};
use super::frame::{self, Frame, FrameFault, HEADER_BYTES, Header};
use super::layout;
use super::segment::{self, Chunks, Segment, Window, read_ahead};
use super::snapshot::Mark;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::tree::{Frontier, leaf_hash};
use std::cmp::Ordering;

/// A frame that a crash left unfinished. It was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment file.
    pub segment: String,
    /// Number of the frame within it, from 0.
    pub frame: u64,
    /// Byte offset at which it begins.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub bytes: u64,
    /// Why it is no whole frame.
    pub fault: FrameFault,
}

/// What the segments hold.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) segments: Vec<Segment>,
    pub(crate) edge: Frontier,
    pub(crate) root: Digest,
    pub(crate) epoch: u64,
    /// Where the last whole frame begins, in the last segment that has one.
    pub(crate) last_frame: Option<(usize, u64)>,
    pub(crate) torn: Option<TornTail>,
    /// The first damage; everything before it is good.
    pub(crate) damage: Option<JournalError>,
}

/// A size and root that the journal must have: signed by the log and published, or held by a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Records.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// Where reading begins, and what the journal must agree with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// A snapshot that agrees with the journal; the frames before it are not read.
    pub base: Option<Mark>,
    /// Signed sizes and roots.
    pub known: Vec<Known>,
}

/// Called with every good frame, in order. An error is the journal's first damage.
pub(crate) type Seen<'a> = dyn FnMut(&Frame<'_>) -> Result<(), JournalError> + 'a;

enum Step {
    Frame(usize),
    End,
    Bad(FrameFault),
}

/// Reads the segments from `start` on and shows every good frame to `seen`.
pub(crate) fn scan<D: Disk>(
    disk: &D,
    start: &Start,
    seen: &mut Seen<'_>,
) -> Result<Scan, JournalError> {
    let segments = segment::list(disk)?;
    let base = start
        .base
        .as_ref()
        .filter(|mark| continues(mark, &segments));
    let mut scan = Scan::at(segments, base);
    if let Some(mark) = base
        && let Some(size) = fork_before(disk, mark, &start.known)?
    {
        // Read from the first record, the journal says whether it is another history or a damaged one, and where.
        let whole = Start {
            base: None,
            known: start.known.clone(),
        };
        let read = self::scan(disk, &whole, &mut |_| Ok(()))?;
        scan.damage = Some(read.damage.unwrap_or(JournalError::Forked { size }));
        return Ok(scan);
    }
    let first = base.map_or(0, |mark| mark.segments.len().saturating_sub(1));
    let ahead = scan.segments.get(first..).unwrap_or_default();
    let ahead: Vec<(String, u64, u64)> = ahead
        .iter()
        .map(|segment| (segment.path.clone(), segment.used, segment.length))
        .collect();
    read_ahead(disk, ahead, |mut chunks| {
        scan.read(disk, first, &mut chunks, &start.known, seen)
    })?;
    let wanted = start.known.iter().map(|known| known.size).max();
    if let (None, Some(published)) = (&scan.damage, wanted)
        && scan.edge.size() < published
    {
        scan.damage = Some(JournalError::Truncated {
            recovered: scan.edge.size(),
            published,
        });
    }
    Ok(scan)
}

/// Whether the segments on disk begin with those that the snapshot names.
fn continues(mark: &Mark, segments: &[Segment]) -> bool {
    mark.segments.len() <= segments.len()
        && mark
            .segments
            .iter()
            .zip(segments)
            .all(|(marked, found)| marked.first == found.first)
}

/// The size of a known checkpoint before the snapshot that the journal disagrees with. A checkpoint stands where a frame
/// ends; one that does not is of another history.
fn fork_before<D: Disk>(
    disk: &D,
    mark: &Mark,
    known: &[Known],
) -> Result<Option<u64>, JournalError> {
    for known in known.iter().filter(|known| known.size > 0) {
        let root = match known.size.cmp(&mark.position()) {
            Ordering::Greater => continue,
            Ordering::Equal => Some(mark.edge.root()),
            Ordering::Less => root_at(disk, mark, known.size)?,
        };
        if root != Some(known.root) {
            return Ok(Some(known.size));
        }
    }
    Ok(None)
}

/// The root in the header of the frame that ends at `size`.
fn root_at<D: Disk>(disk: &D, mark: &Mark, size: u64) -> Result<Option<Digest>, JournalError> {
    let place = mark
        .segments
        .partition_point(|segment| segment.first < size);
    let Some(segment) = place.checked_sub(1).and_then(|at| mark.segments.get(at)) else {
        return Ok(None);
    };
    let path = layout::segment_path(segment.first);
    let mut window = Window::new(disk, &path);
    let mut offset = 0;
    while offset < segment.used {
        let Ok(header) = Header::decode(window.at(offset, HEADER_BYTES)?) else {
            return Ok(None);
        };
        let end = header.first.saturating_add(u64::from(header.count));
        if end >= size {
            return Ok((end == size).then_some(header.root));
        }
        offset = offset.saturating_add(header.size() as u64);
    }
    Ok(None)
}

impl Scan {
    fn at(segments: Vec<Segment>, base: Option<&Mark>) -> Self {
        let edge = base.map_or_else(Frontier::new, |mark| mark.edge.clone());
        let mut scan = Self {
            root: edge.root(),
            segments,
            edge,
            epoch: base.map_or(0, |mark| mark.epoch),
            last_frame: base.map(|mark| (mark.segments.len().saturating_sub(1), mark.last_frame)),
            torn: None,
            damage: None,
        };
        let marks = base.map_or(&[][..], |mark| &mark.segments);
        for (segment, mark) in scan.segments.iter_mut().zip(marks) {
            segment.frames = mark.frames;
            segment.used = mark.used;
        }
        scan
    }

    fn read<D: Disk>(
        &mut self,
        disk: &D,
        first: usize,
        chunks: &mut Chunks,
        known: &[Known],
        seen: &mut Seen<'_>,
    ) -> Result<(), JournalError> {
        for number in first..self.segments.len() {
            self.segment(disk, number, chunks, known, seen)?;
            if self.damage.is_some() {
                // What lies behind the damage is not read.
                self.segments.truncate(number + 1);
                break;
            }
        }
        Ok(())
    }

    fn segment<D: Disk>(
        &mut self,
        disk: &D,
        number: usize,
        chunks: &mut Chunks,
        known: &[Known],
        seen: &mut Seen<'_>,
    ) -> Result<(), JournalError> {
        let Some(mut segment) = self.segments.get(number).cloned() else {
            return Ok(());
        };
        let last = number + 1 == self.segments.len();
        let path = segment.path.clone();
        if segment.used == 0 && segment.first != self.edge.size() {
            let wanted = self.edge.size();
            self.damage = Some(damaged(&segment, Fault::Gap { wanted }));
            return Ok(());
        }
        let mut window = Window::fed(disk, &path, chunks);
        loop {
            match self.step(&mut window, &segment, known, seen)? {
                Step::End => break,
                Step::Frame(bytes) => {
                    self.last_frame = Some((number, segment.used));
                    segment.used += bytes as u64;
                    segment.frames += 1;
                }
                Step::Bad(fault) => {
                    self.bad(&mut window, &segment, last, fault)?;
                    break;
                }
            }
            if self.damage.is_some() {
                break;
            }
        }
        if let Some(place) = self.segments.get_mut(number) {
            *place = segment;
        }
        Ok(())
    }

    /// Bytes that are no frame of this tree: damage, or the tail that a crash left.
    fn bad<D: Disk>(
        &mut self,
        window: &mut Window<'_, D>,
        segment: &Segment,
        last: bool,
        fault: FrameFault,
    ) -> Result<(), JournalError> {
        let verdict = if last {
            self.judge_tail(window, segment, fault.clone())?
        } else {
            Some(Fault::Frame(fault.clone()))
        };
        match verdict {
            Some(fault) => self.damage = Some(damaged(segment, fault)),
            None => {
                self.torn = Some(TornTail {
                    segment: segment.path.clone(),
                    frame: segment.frames,
                    offset: segment.used,
                    bytes: segment.length.saturating_sub(segment.used),
                    fault,
                });
            }
        }
        Ok(())
    }

    /// Reads the next frame of a segment and grows the tree by it.
    fn step<D: Disk>(
        &mut self,
        window: &mut Window<'_, D>,
        segment: &Segment,
        known: &[Known],
        seen: &mut Seen<'_>,
    ) -> Result<Step, JournalError> {
        let start = window.at(segment.used, HEADER_BYTES)?;
        if start.is_empty() || (start.starts_with(&[0]) && window.only_zeros(segment.used)?) {
            return Ok(Step::End);
        }
        let header = match Header::decode(window.at(segment.used, HEADER_BYTES)?) {
            Ok(header) => header,
            Err(fault) => return Ok(Step::Bad(fault)),
        };
        let frame = match Frame::decode(window.at(segment.used, header.size())?) {
            Ok(frame) => frame,
            Err(fault) => return Ok(Step::Bad(fault)),
        };
        let mut edge = self.edge.clone();
        if let Err(fault) = frame.follow(&mut edge, &self.root, self.epoch) {
            return Ok(Step::Bad(fault));
        }
        let inside = |known: &&Known| self.edge.size() < known.size && known.size <= edge.size();
        for known in known.iter().filter(inside) {
            if root_within(&self.edge, &frame, known.size) != Some(known.root) {
                self.damage = Some(JournalError::Forked { size: known.size });
                return Ok(Step::End);
            }
        }
        if let Err(error) = seen(&frame) {
            self.damage = Some(error);
            return Ok(Step::End);
        }
        self.edge = edge;
        self.root = header.root;
        self.epoch = header.epoch;
        Ok(Step::Frame(header.size()))
    }

    /// Whether bytes at the end of the last segment are damage (`Some`) or what a crash left (`None`).
    fn judge_tail<D: Disk>(
        &self,
        window: &mut Window<'_, D>,
        segment: &Segment,
        fault: FrameFault,
    ) -> Result<Option<Fault>, JournalError> {
        match fault {
            // Whole by its checksum, so no crash made it. An earlier position is left over from an older file.
            FrameFault::Position { wanted, found } if found < wanted => {}
            FrameFault::Position { .. }
            | FrameFault::Epoch { .. }
            | FrameFault::PreviousRoot
            | FrameFault::Root
            | FrameFault::Records => return Ok(Some(Fault::Frame(fault))),
            FrameFault::Version(version) if version != 0 => return Ok(Some(Fault::Frame(fault))),
            _ => {}
        }
        let rest = window.rest(segment.used, segment.length)?;
        if let Some(bit) = frame::one_flipped_bit(rest, &self.edge, &self.root, self.epoch) {
            return Ok(Some(Fault::FlippedBit(bit)));
        }
        if self.newer_frame_behind(rest) {
            return Ok(Some(Fault::Frame(fault)));
        }
        Ok(None)
    }

    /// Whether a whole frame of this or a later position follows the bad bytes: then these are a hole, not a tail.
    fn newer_frame_behind(&self, rest: &[u8]) -> bool {
        let whole = |bytes: &[u8]| {
            Frame::decode(bytes).is_ok_and(|frame| frame.header.first >= self.edge.size())
        };
        if let Ok(header) = Header::decode(rest)
            && header.first == self.edge.size()
            && header.previous_root == self.root
        {
            // The header is the right one, so the next frame can only begin where this one ends.
            return rest.get(header.size()..).is_some_and(whole);
        }
        let mut at = rest.get(1..).unwrap_or_default();
        while let Some(next) = at.windows(4).position(|bytes| bytes == frame::MAGIC) {
            at = at.get(next..).unwrap_or_default();
            if whole(at) {
                return true;
            }
            at = at.get(1..).unwrap_or_default();
        }
        false
    }
}

fn damaged(segment: &Segment, fault: Fault) -> JournalError {
    JournalError::Damaged {
        segment: segment.path.clone(),
        frame: segment.frames,
        offset: segment.used,
        fault,
    }
}

/// Root of the first `size` records, the last of which are in `frame`.
fn root_within(edge: &Frontier, frame: &Frame<'_>, size: u64) -> Option<Digest> {
    let mut edge = edge.clone();
    for record in &frame.records {
        if edge.size() == size {
            break;
        }
        edge.push(leaf_hash(record)).ok()?;
    }
    (edge.size() == size).then(|| edge.root())
}
