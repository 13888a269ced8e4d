//! Scrubbing: what lies on the disk is compared, again and again, with what was written.
//!
//! Two watches. [`Scrub::look`] asks the system in a moment which files are there, how long they are and when they last
//! changed, and reads the segment that is being written. [`Scrub::roll`] reads everything, a share at a time: every
//! checksum, every root, every hash. A file whose marks changed is read at once. docs/journal-format.md, "Scrub".

use super::disk::{Disk, Naming as _, Stamp};
use super::error::{Fault, JournalError};
use super::frame::{Frame, FrameFault, HEADER_BYTES, Header};
use super::layout;
use super::recovery::Known;
use super::segment::{self, Window};
use super::snapshot::{Place, SegmentMark};
use super::tiles::{Growth, LogFiles};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Note, VerifierKey};
use keepwhole_verify::tile::TileHashes;
use keepwhole_verify::tree;
use std::collections::BTreeMap;

/// Watches over the files of one installation while its writer runs.
#[derive(Debug)]
pub struct Scrub<D> {
    disk: D,
    key: Option<VerifierKey>,
    /// Marks of files that never change again: sealed segments.
    stamps: BTreeMap<String, Stamp>,
    /// Files of hashes, which only grow: the system's number of each, and how long it was.
    growing: BTreeMap<String, (i128, u64)>,
    /// The segment that is being written, and the system's number of its file.
    open: Option<(String, i128)>,
    walk: Walk,
    /// The tree and the epoch with which each segment begins, as far as they are known.
    starts: BTreeMap<u64, (Growth, u64)>,
    /// Marks changed, so the walk under way is not to wait.
    hurry: bool,
    passes: u64,
}

/// Bytes of hashes that are compared at once.
const COMPARED_AT_ONCE: usize = 1 << 20;

/// How far the reading of everything has come.
#[derive(Debug, Default)]
struct Walk {
    segment: usize,
    offset: u64,
    frame: u64,
    epoch: u64,
    tree: Growth,
    /// Hashes are compared up to what was published; once past it, not before the next pass.
    past_published: bool,
}

fn changed(path: &str, what: &'static str) -> JournalError {
    let path = path.to_owned();
    JournalError::Changed { path, what }
}

impl<D: Disk> Scrub<D> {
    /// Begins with nothing known. With `key`, the published checkpoint counts only if it signed it.
    #[must_use]
    pub fn new(disk: D, key: Option<VerifierKey>) -> Self {
        Self {
            disk,
            key,
            stamps: BTreeMap::new(),
            growing: BTreeMap::new(),
            open: None,
            walk: Walk::default(),
            starts: BTreeMap::new(),
            hurry: false,
            passes: 0,
        }
    }

    /// How often everything was read whole.
    #[must_use]
    pub const fn passes(&self) -> u64 {
        self.passes
    }

    /// Whether a change of marks asks for everything to be read at once.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        self.hurry
    }

    /// Looks at all segments and files of hashes from outside, and reads the segment being written up to `place`.
    ///
    /// # Errors
    /// [`JournalError::Changed`], [`JournalError::StrangeFile`], [`JournalError::Damaged`] for the first finding.
    pub fn look(&mut self, place: &Place) -> Result<(), JournalError> {
        segment::list(&self.disk)?;
        let marks = place.segments();
        for (number, mark) in marks.iter().enumerate() {
            let path = layout::segment_path(mark.first);
            let stamp = self.disk.stamp(&path).naming("measure", &path)?;
            let stamp = stamp.ok_or_else(|| changed(&path, "is missing"))?;
            if stamp.length < mark.used {
                return Err(changed(&path, "is shorter than what was written"));
            }
            if number + 1 == marks.len() {
                self.look_open(place, mark, path, stamp)?;
            } else if self.stamps.get(&path) != Some(&stamp) {
                if stamp.length != mark.used {
                    return Err(changed(&path, "is longer than what was written"));
                }
                if self.stamps.insert(path, stamp).is_some() {
                    self.read_segment(place, mark)?;
                    self.hurry = true;
                }
            }
        }
        self.look_hashes()
    }

    fn look_open(
        &mut self,
        place: &Place,
        mark: &SegmentMark,
        path: String,
        stamp: Stamp,
    ) -> Result<(), JournalError> {
        let [file, ..] = stamp.marks;
        if matches!(&self.open, Some((open, known)) if *open == path && *known != file) {
            return Err(changed(&path, "was replaced by another file"));
        }
        self.open = Some((path, file));
        self.read_segment(place, mark)
    }

    /// Files of hashes stay the same files and never shrink; what is in them is compared by [`roll`](Self::roll).
    fn look_hashes(&mut self) -> Result<(), JournalError> {
        let mut paths = self
            .disk
            .list(layout::LEVELS)
            .naming("list", layout::LEVELS)?;
        paths.extend(self.growing.keys().cloned());
        for path in paths {
            let stamp = self.disk.stamp(&path).naming("measure", &path)?;
            let stamp = stamp.ok_or_else(|| changed(&path, "is missing"))?;
            let [file, ..] = stamp.marks;
            match self.growing.insert(path.clone(), (file, stamp.length)) {
                Some((known, _)) if known != file => {
                    return Err(changed(&path, "was replaced by another file"));
                }
                Some((_, length)) if length > stamp.length => {
                    return Err(changed(&path, "is shorter than what was written"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Compares the signed head in `path` and the tiles of the tree's right edge with what was published there; where heads
    /// wait for cosignatures in a file of their own, `log/checkpoint` may be an earlier one. Nothing may be published
    /// meanwhile.
    ///
    /// # Errors
    /// [`JournalError::Changed`] for the file that differs.
    pub fn look_published(&self, path: &str, published: &Known) -> Result<(), JournalError> {
        let found = self.signed_head(path)?;
        if !found.is_some_and(|found| found == *published) {
            return Err(changed(path, "is not what was published"));
        }
        if self.root_at(published.size)? != published.root {
            return Err(changed(
                layout::LEVELS,
                "does not lead to the published root",
            ));
        }
        let path = layout::CHECKPOINT;
        let cosigned = self.signed_head(path)?;
        let cosigned = cosigned.filter(|known| known.size <= published.size);
        match cosigned {
            Some(known) if self.root_at(known.size)? == known.root => Ok(()),
            _ => Err(changed(path, "is not what was published")),
        }
    }

    /// The head in a file, where it is one that our key signed.
    fn signed_head(&self, path: &str) -> Result<Option<Known>, JournalError> {
        if self.disk.len(path).naming("measure", path)?.is_none() {
            return Err(changed(path, "is missing"));
        }
        let bytes = self.disk.read(path).naming("read", path)?;
        let found = match &self.key {
            Some(key) => Checkpoint::verify(&bytes, std::slice::from_ref(key))
                .ok()
                .map(|(found, _)| found),
            None => Note::parse(&bytes)
                .ok()
                .and_then(|note| Checkpoint::parse_text(note.text()).ok()),
        };
        Ok(found.map(|found| Known {
            size: found.size(),
            root: found.root(),
        }))
    }

    /// Root of the first `size` entries by the tiles.
    fn root_at(&self, size: u64) -> Result<Digest, JournalError> {
        let hashes = TileHashes::new(LogFiles(&self.disk), size);
        tree::root(&hashes, size).map_err(named)
    }

    /// Reads one segment up to its mark: checksums and places, and its roots where the tree before it is known.
    fn read_segment(&self, place: &Place, mark: &SegmentMark) -> Result<(), JournalError> {
        let path = layout::segment_path(mark.first);
        let mut window = Window::new(&self.disk, &path);
        let start = self.starts.get(&mark.first);
        let mut edge = start.map(|(tree, _)| tree.edge().clone());
        let mut root = edge.as_ref().map(tree::Frontier::root);
        let (mut offset, mut number, mut position) = (0, 0, mark.first);
        let mut epoch = start.map_or(0, |(_, epoch)| *epoch);
        while offset < mark.used {
            let damaged = |fault: FrameFault| JournalError::Damaged {
                segment: path.clone(),
                frame: number,
                offset,
                fault: Fault::Frame(fault),
            };
            let frame = frame_at(&mut window, offset)?.map_err(damaged)?;
            let before = root.unwrap_or(frame.header.previous_root);
            match &mut edge {
                Some(edge) => frame.follow(edge, &before, epoch).map_err(damaged)?,
                None => frame
                    .check_place(position, &before, epoch)
                    .map_err(damaged)?,
            }
            position = position.saturating_add(u64::from(frame.header.count));
            root = Some(frame.header.root);
            epoch = frame.header.epoch;
            offset = offset.saturating_add(frame.header.size() as u64);
            number += 1;
        }
        let ends = offset == mark.used && number == mark.frames;
        if !ends || (position == place.position() && root != Some(place.root())) {
            return Err(changed(&path, "holds other frames than were written"));
        }
        Ok(())
    }

    /// Begins the reading of everything anew.
    fn restart(&mut self) {
        self.walk = Walk::default();
    }

    /// Reads on, about `budget` bytes, and begins anew at the end; true when a pass has ended. Checksums, places, roots
    /// and, up to what is published, hashes are compared.
    ///
    /// # Errors
    /// The first damage, with segment, frame and byte offset, or the tile that differs.
    pub fn roll(
        &mut self,
        place: &Place,
        published: Option<&Known>,
        budget: u64,
    ) -> Result<bool, JournalError> {
        let mut left = budget;
        while let Some(mark) = place.segments().get(self.walk.segment) {
            if self.walk.offset == 0 {
                let start = (self.walk.tree.clone(), self.walk.epoch);
                self.starts.insert(mark.first, start);
            }
            let size = published.map_or(0, |known| known.size);
            if !self.walk.on(&self.disk, mark, size, &mut left)? {
                return Ok(false);
            }
            if self.walk.segment + 1 == place.segments().len() {
                break;
            }
            self.walk.segment += 1;
            self.walk.offset = 0;
            self.walk.frame = 0;
        }
        let tree = &self.walk.tree;
        if tree.size() == place.position() && tree.root() != place.root() {
            return Err(JournalError::Forked { size: tree.size() });
        }
        self.restart();
        self.hurry = false;
        self.passes = self.passes.saturating_add(1);
        Ok(true)
    }
}

impl Walk {
    /// Reads on in one segment; true at its mark.
    fn on<D: Disk>(
        &mut self,
        disk: &D,
        mark: &SegmentMark,
        published: u64,
        left: &mut u64,
    ) -> Result<bool, JournalError> {
        let path = layout::segment_path(mark.first);
        let mut window = Window::new(disk, &path);
        while self.offset < mark.used {
            if *left == 0 {
                self.settle(disk, published)?;
                return Ok(false);
            }
            let (number, offset) = (self.frame, self.offset);
            let damaged = |fault: FrameFault| JournalError::Damaged {
                segment: path.clone(),
                frame: number,
                offset,
                fault: Fault::Frame(fault),
            };
            let frame = frame_at(&mut window, offset)?.map_err(damaged)?;
            frame
                .check_place(self.tree.size(), &self.tree.root(), self.epoch)
                .map_err(damaged)?;
            let count = frame.records.len() as u64;
            if !self.past_published && self.tree.size().saturating_add(count) > published {
                // A frame that reaches beyond what is published is compared in the pass in which it is published.
                self.settle(disk, published)?;
                self.past_published = true;
            }
            let mut leaves = Vec::with_capacity(frame.records.len());
            keepwhole_lanes::leaf_hashes(frame.records.iter().copied(), &mut leaves);
            self.tree.framed(self.tree.size(), count, offset);
            self.tree.extend(leaves)?;
            if self.tree.root() != frame.header.root {
                return Err(damaged(FrameFault::Root));
            }
            self.epoch = frame.header.epoch;
            self.offset = offset.saturating_add(frame.header.size() as u64);
            self.frame = number.saturating_add(1);
            *left = left.saturating_sub(frame.header.size() as u64);
            if self.tree.pending() >= COMPARED_AT_ONCE {
                self.settle(disk, published)?;
            }
        }
        self.settle(disk, published)?;
        Ok(true)
    }

    /// Compares the hashes that have come together with what is published.
    fn settle<D: Disk>(&mut self, disk: &D, published: u64) -> Result<(), JournalError> {
        if !self.past_published {
            self.tree.compare(disk, published).map_err(named)?;
        }
        self.tree.written();
        Ok(())
    }
}

/// The frame at `offset`, or what is wrong with it.
fn frame_at<'w, D: Disk>(
    window: &'w mut Window<'_, D>,
    offset: u64,
) -> Result<Result<Frame<'w>, FrameFault>, JournalError> {
    let header = match Header::decode(window.at(offset, HEADER_BYTES)?) {
        Ok(header) => header,
        Err(fault) => return Ok(Err(fault)),
    };
    Ok(Frame::decode(window.at(offset, header.size())?))
}

/// A tile that is gone is named as a change.
fn named(error: JournalError) -> JournalError {
    match error {
        JournalError::Disk(disk) if disk.source.kind() == std::io::ErrorKind::NotFound => {
            changed(&disk.path, "is missing")
        }
        other => other,
    }
}
