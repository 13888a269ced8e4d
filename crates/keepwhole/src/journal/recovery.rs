//! Reading the journal back: what is whole, what a crash tore, what is damaged.
//!
//! The rules, in the order in which they are applied, stand in docs/journal-format.md under "Recovery".

use super::disk::Disk;
use super::error::{Fault, JournalError};
use super::frame::{self, Frame, FrameFault, HEADER_BYTES, Header};
use super::segment::{self, Segment, Window};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::tree::{Frontier, leaf_hash};

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

enum Step {
    Frame(usize),
    End,
    Bad(FrameFault),
}

/// Reads all segments. `published` is the size and root of a checkpoint that must be of this journal.
pub(crate) fn scan<D: Disk>(
    disk: &D,
    published: Option<(u64, Digest)>,
) -> Result<Scan, JournalError> {
    let edge = Frontier::new();
    let root = edge.root();
    let segments = segment::list(disk)?;
    let mut scan = Scan {
        segments,
        edge,
        root,
        epoch: 0,
        last_frame: None,
        torn: None,
        damage: None,
    };
    for number in 0..scan.segments.len() {
        scan.segment(disk, number, published)?;
        if scan.damage.is_some() {
            // What lies behind the damage is not read.
            scan.segments.truncate(number + 1);
            break;
        }
    }
    if let (None, Some((size, _))) = (&scan.damage, published)
        && scan.edge.size() < size
    {
        scan.damage = Some(JournalError::Truncated {
            recovered: scan.edge.size(),
            published: size,
        });
    }
    Ok(scan)
}

impl Scan {
    fn segment<D: Disk>(
        &mut self,
        disk: &D,
        number: usize,
        published: Option<(u64, Digest)>,
    ) -> Result<(), JournalError> {
        let Some(mut segment) = self.segments.get(number).cloned() else {
            return Ok(());
        };
        let last = number + 1 == self.segments.len();
        let path = segment.path.clone();
        let damaged = |segment: &Segment, fault| JournalError::Damaged {
            segment: segment.path.clone(),
            frame: segment.frames,
            offset: segment.used,
            fault,
        };
        if segment.first != self.edge.size() {
            self.damage = Some(damaged(
                &segment,
                Fault::Gap {
                    wanted: self.edge.size(),
                },
            ));
            return Ok(());
        }
        let mut window = Window::new(disk, &path);
        loop {
            match self.step(&mut window, &segment, published)? {
                Step::End => break,
                Step::Frame(bytes) => {
                    self.last_frame = Some((number, segment.used));
                    segment.used += bytes as u64;
                    segment.frames += 1;
                }
                Step::Bad(fault) => {
                    let verdict = if last {
                        self.judge_tail(&mut window, &segment, fault.clone())?
                    } else {
                        Some(Fault::Frame(fault.clone()))
                    };
                    match verdict {
                        Some(fault) => self.damage = Some(damaged(&segment, fault)),
                        None => {
                            self.torn = Some(TornTail {
                                segment: path.clone(),
                                frame: segment.frames,
                                offset: segment.used,
                                bytes: segment.length.saturating_sub(segment.used),
                                fault,
                            });
                        }
                    }
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

    /// Reads the next frame of a segment and grows the tree by it.
    fn step<D: Disk>(
        &mut self,
        window: &mut Window<'_, D>,
        segment: &Segment,
        published: Option<(u64, Digest)>,
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
        if let Some((size, root)) = published
            && self.edge.size() < size
            && size <= edge.size()
            && root_within(&self.edge, &frame, size) != Some(root)
        {
            self.damage = Some(JournalError::Forked { size });
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
