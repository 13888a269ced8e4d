//! Snapshots: the folded state at one position, kept beside the journal so that a start folds only what came after.
//!
//! A snapshot is a cache and never evidence: one that is damaged, of another fold, or of another history is left aside
//! with a note, and deleting all of them changes nothing but the time of the next start. Every byte is described in
//! docs/journal-format.md, "Snapshot". The state's own bytes are opaque here; who folds gives and takes them.

use super::disk::{Disk, Naming as _, TEMPORARY};
use super::error::JournalError;
use super::frame::{Frame, HEADER_BYTES, Header, Reader};
use super::layout;
use super::segment::{Segment, Window};
use super::state_bytes::{self, StateBytes};
use super::writer::Journal;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Note, NoteSigner, VerifierKey};
use keepwhole_verify::tree::Frontier;
use std::fmt;
use std::io::ErrorKind;

/// First four bytes of every snapshot.
pub const MAGIC: [u8; 4] = *b"KWJS";
/// The only version of the file that there is.
pub const VERSION: u8 = 1;
/// Largest header that is read: room for four million segments.
const MAX_HEADER: usize = 100 * 1024 * 1024;
/// Magic, version, reserved bytes and the header's length.
const PREFIX: usize = 12;
/// Bytes written at once.
const CHUNK: usize = 8 * 1024 * 1024;

/// When snapshots are written and used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A snapshot is written once the journal has grown by this many bytes since the last one.
    pub every_bytes: u64,
    /// A snapshot that stands for fewer bytes of journal than this is neither used nor written on stop: reading so
    /// little whole takes less than a second and verifies more.
    pub least_bytes: u64,
    /// How many are kept.
    pub keep: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            every_bytes: 1024 * 1024 * 1024,
            least_bytes: 64 * 1024 * 1024,
            keep: 2,
        }
    }
}

/// What a snapshot knows of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentMark {
    /// Position of its first record.
    pub first: u64,
    /// Frames before the snapshot's position.
    pub frames: u64,
    /// Bytes of these frames.
    pub used: u64,
}

/// The head of a snapshot: where in the journal it stands, and what its state must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Version of the fold that made the state.
    pub fold: u32,
    /// Time of the last folded record, ms since the epoch.
    pub at: u64,
    /// No frame after it has a lower epoch.
    pub epoch: u64,
    /// The tree's right edge; its size is the position, records folded.
    pub edge: Frontier,
    /// Byte offset of the last frame before the position, in the last of `segments`.
    pub last_frame: u64,
    /// Segments with frames before the position, in order.
    pub segments: Vec<SegmentMark>,
    /// SHA-256 of the state's bytes.
    pub state_digest: Digest,
    /// Length of the state's bytes.
    pub state_bytes: u64,
}

/// Why a snapshot is left aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// The file can't be read.
    Unreadable(String),
    /// It is cut short, or its bytes do not hash to what it says.
    Damaged(&'static str),
    /// A form of file that this program does not read.
    Version(u8),
    /// The log's key did not sign it.
    Foreign,
    /// Another fold made it.
    Fold {
        /// Which.
        found: u32,
        /// Ours.
        ours: u32,
    },
    /// The journal beside it is another one, or no longer what it was.
    Disagrees(String),
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "can't be read: {cause}"),
            Self::Damaged(what) => write!(f, "is damaged: {what}"),
            Self::Version(version) => {
                write!(f, "has form `{version}`, this program reads `{VERSION}`")
            }
            Self::Foreign => f.write_str("is not signed by this log's key"),
            Self::Fold { found, ours } => {
                write!(f, "was made by fold `{found}`, this program's is `{ours}`")
            }
            Self::Disagrees(what) => write!(f, "does not agree with the journal: {what}"),
        }
    }
}

impl std::error::Error for SnapshotFault {}

/// A snapshot that was not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The file.
    pub path: String,
    /// Why.
    pub fault: SnapshotFault,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "snapshot `{}` {}; it is left aside, the journal itself decides",
            self.path, self.fault
        )
    }
}

/// Path of the snapshot at `position`.
#[must_use]
pub fn path_at(position: u64) -> String {
    format!("{}/{position:020}.kws", layout::SNAPSHOTS)
}

fn position_of(path: &str) -> Option<u64> {
    let digits = path
        .strip_prefix(layout::SNAPSHOTS)?
        .strip_prefix('/')?
        .strip_suffix(".kws")?;
    let position = digits.parse().ok()?;
    (path_at(position) == path).then_some(position)
}

impl Mark {
    /// Records folded.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.edge.size()
    }

    /// Bytes of journal that the snapshot stands for.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.segments
            .iter()
            .fold(0, |sum, segment| sum.saturating_add(segment.used))
    }

    /// The head of a snapshot of `journal` as it stands, for a state whose bytes are `state`. `None` for an empty
    /// journal, which needs none.
    ///
    /// # Errors
    /// [`JournalError::Disk`], [`JournalError::Damaged`] where the last segment can't be read.
    pub fn of<D: Disk>(
        place: &Place,
        disk: &D,
        fold: u32,
        at: u64,
        state: &[u8],
    ) -> Result<Option<Self>, JournalError> {
        let Some(last) = place.segments.last() else {
            return Ok(None);
        };
        let path = layout::segment_path(last.first);
        let mut window = Window::new(disk, &path);
        let (mut offset, mut last_frame) = (0, 0);
        while offset < last.used {
            let header = Header::decode(window.at(offset, HEADER_BYTES)?).map_err(|fault| {
                JournalError::Damaged {
                    segment: path.clone(),
                    frame: 0,
                    offset,
                    fault: super::Fault::Frame(fault),
                }
            })?;
            last_frame = offset;
            offset = offset.saturating_add(header.size() as u64);
        }
        Ok(Some(Self {
            fold,
            at,
            epoch: place.epoch,
            edge: place.edge.clone(),
            last_frame,
            segments: place.segments.clone(),
            state_digest: Digest::of(state),
            state_bytes: state.len() as u64,
        }))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.fold.to_be_bytes());
        out.extend_from_slice(&self.position().to_be_bytes());
        out.extend_from_slice(self.edge.root().as_bytes());
        out.extend_from_slice(&self.at.to_be_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.last_frame.to_be_bytes());
        for peak in self.edge.peaks() {
            out.extend_from_slice(peak.as_bytes());
        }
        let count = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for segment in &self.segments {
            for number in [segment.first, segment.frames, segment.used] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        out.extend_from_slice(self.state_digest.as_bytes());
        out.extend_from_slice(&self.state_bytes.to_be_bytes());
        let length = u32::try_from(out.len() + 32).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(8..PREFIX) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        let seal = Digest::of(&out);
        out.extend_from_slice(seal.as_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, SnapshotFault> {
        let (sealed, seal) = bytes
            .len()
            .checked_sub(32)
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or(SnapshotFault::Damaged("its head is cut short"))?;
        if Digest::of(sealed).as_bytes() != seal {
            return Err(SnapshotFault::Damaged("its head has other bytes"));
        }
        let mut reader = Reader(sealed.get(PREFIX..).unwrap_or_default());
        let mark =
            Self::fields(&mut reader).ok_or(SnapshotFault::Damaged("its head does not fit"))?;
        if reader.0.is_empty() {
            Ok(mark)
        } else {
            Err(SnapshotFault::Damaged("its head does not fit"))
        }
    }

    fn fields(reader: &mut Reader<'_>) -> Option<Self> {
        let fold = u32::from_be_bytes(reader.take()?);
        let position = u64::from_be_bytes(reader.take()?);
        let root = Digest::from_bytes(reader.take()?);
        let at = u64::from_be_bytes(reader.take()?);
        let epoch = u64::from_be_bytes(reader.take()?);
        let last_frame = u64::from_be_bytes(reader.take()?);
        let mut peaks = Vec::new();
        for _ in 0..position.count_ones() {
            peaks.push(Digest::from_bytes(reader.take()?));
        }
        let edge = Frontier::from_parts(position, peaks).ok()?;
        if edge.root() != root {
            return None;
        }
        let count = u32::from_be_bytes(reader.take()?);
        let mut segments = Vec::new();
        for _ in 0..count {
            segments.push(SegmentMark {
                first: u64::from_be_bytes(reader.take()?),
                frames: u64::from_be_bytes(reader.take()?),
                used: u64::from_be_bytes(reader.take()?),
            });
        }
        Some(Self {
            fold,
            at,
            epoch,
            edge,
            last_frame,
            segments,
            state_digest: Digest::from_bytes(reader.take()?),
            state_bytes: u64::from_be_bytes(reader.take()?),
        })
    }

    /// Whether the journal on `disk` is the one that the snapshot was taken of: every segment before the position is
    /// there with its length, and the last frame before the position is whole and leads to the snapshot's root.
    ///
    /// # Errors
    /// [`SnapshotFault::Disagrees`] naming the segment.
    pub fn agrees_with<D: Disk>(&self, disk: &D) -> Result<(), SnapshotFault> {
        let unreadable = |error: &dyn fmt::Display| SnapshotFault::Disagrees(error.to_string());
        let wrong =
            |path: &str, what: &str| SnapshotFault::Disagrees(format!("segment `{path}` {what}"));
        for (number, segment) in self.segments.iter().enumerate() {
            let path = layout::segment_path(segment.first);
            let length = disk.len(&path).map_err(|error| unreadable(&error))?;
            let last = number + 1 == self.segments.len();
            match length {
                None => return Err(wrong(&path, "is missing")),
                Some(length) if length < segment.used || (!last && length > segment.used) => {
                    return Err(wrong(&path, "has another length"));
                }
                Some(_) => {}
            }
        }
        let Some(last) = self.segments.last() else {
            return Err(SnapshotFault::Damaged("it names no segment"));
        };
        let path = layout::segment_path(last.first);
        let mut window = Window::new(disk, &path);
        let other = || wrong(&path, "holds another history");
        let header = window
            .at(self.last_frame, HEADER_BYTES)
            .map_err(|error| unreadable(&error))?;
        let header = Header::decode(header).map_err(|_| other())?;
        let bytes = window
            .at(self.last_frame, header.size())
            .map_err(|error| unreadable(&error))?;
        let frame = Frame::decode(bytes).map_err(|_| other())?;
        let end = header.first.checked_add(u64::from(header.count));
        let ends = self.last_frame.checked_add(header.size() as u64) == Some(last.used);
        if ends && end == Some(self.position()) && frame.header.root == self.edge.root() {
            Ok(())
        } else {
            Err(other())
        }
    }
}

/// Where a journal stands: all that a snapshot says of it. Taken in a moment, while the writer waits.
#[derive(Clone, Debug)]
pub struct Place {
    edge: Frontier,
    epoch: u64,
    segments: Vec<SegmentMark>,
}

impl Place {
    /// Where `journal` stands now.
    #[must_use]
    pub fn of<D: Disk>(journal: &Journal<D>) -> Self {
        let mark = |segment: &Segment| SegmentMark {
            first: segment.first,
            frames: segment.frames,
            used: segment.used,
        };
        let segments = journal
            .segments()
            .iter()
            .filter(|segment| segment.frames > 0);
        Self {
            edge: journal.edge().clone(),
            epoch: journal.epoch(),
            segments: segments.map(mark).collect(),
        }
    }

    /// Records before it.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.edge.size()
    }

    /// Root over them.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.edge.root()
    }

    /// Segments with frames before it, in order.
    #[must_use]
    pub fn segments(&self) -> &[SegmentMark] {
        &self.segments
    }

    /// Bytes of all frames before it.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.segments
            .iter()
            .fold(0, |sum, segment| sum.saturating_add(segment.used))
    }
}

/// The snapshots on `disk`, newest first. Files of another name are not looked at.
///
/// # Errors
/// [`JournalError::Disk`].
pub fn list<D: Disk>(disk: &D) -> Result<Vec<String>, JournalError> {
    let found = disk
        .list(layout::SNAPSHOTS)
        .naming("list", layout::SNAPSHOTS)?;
    let mut found: Vec<String> = found
        .into_iter()
        .filter(|path| position_of(path).is_some())
        .collect();
    found.reverse();
    Ok(found)
}

/// What the log's key signs of a snapshot. Its first line can't be the origin of a log, so it is no checkpoint.
fn signed_text(head: &[u8]) -> String {
    format!("keepwhole snapshot\n{}\n", Digest::of(head))
}

/// Reads the head of a snapshot and verifies its own seal and, with `key`, that the log's key signed it.
///
/// # Errors
/// A [`SnapshotFault`].
pub fn read_mark<D: Disk>(
    disk: &D,
    path: &str,
    key: Option<&VerifierKey>,
) -> Result<Mark, SnapshotFault> {
    let prefix: [u8; PREFIX] = exact(disk, path, 0, PREFIX)?
        .try_into()
        .map_err(|_| SnapshotFault::Damaged("it is cut short"))?;
    let [m0, m1, m2, m3, version, _, _, _, l0, l1, l2, l3] = prefix;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(SnapshotFault::Damaged("it does not begin with `KWJS`"));
    }
    if version != VERSION {
        return Err(SnapshotFault::Version(version));
    }
    let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    if !(PREFIX..=MAX_HEADER).contains(&length) {
        return Err(SnapshotFault::Damaged("its head has an impossible length"));
    }
    let head = exact(disk, path, 0, length)?;
    let mark = Mark::decode(&head)?;
    let note = note_of(disk, path, head.len() as u64)?;
    let before = (head.len() as u64).saturating_add(2 + note.len() as u64);
    if before.checked_add(mark.state_bytes) != length_of(disk, path)? {
        return Err(SnapshotFault::Damaged("it has another length than it says"));
    }
    if position_of(path) != Some(mark.position()) {
        return Err(SnapshotFault::Damaged(
            "its name is that of another position",
        ));
    }
    let signed = |key: &VerifierKey| {
        let note = Note::parse(&note).ok()?;
        let verified = note.verify(std::slice::from_ref(key));
        (note.text() == signed_text(&head) && verified.is_ok()).then_some(())
    };
    match key.map(signed) {
        Some(None) => Err(SnapshotFault::Foreign),
        Some(Some(())) | None => Ok(mark),
    }
}

fn unreadable(error: &std::io::Error) -> SnapshotFault {
    SnapshotFault::Unreadable(error.to_string())
}

fn length_of<D: Disk>(disk: &D, path: &str) -> Result<Option<u64>, SnapshotFault> {
    disk.len(path).map_err(|error| unreadable(&error))
}

/// Exactly `length` bytes from `offset` on. A length beyond the file's end is refused before room is made for it.
fn exact<D: Disk>(
    disk: &D,
    path: &str,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, SnapshotFault> {
    let short = || SnapshotFault::Damaged("it is cut short");
    let end = offset.checked_add(length as u64).ok_or_else(short)?;
    if length_of(disk, path)?.is_none_or(|length| length < end) {
        return Err(short());
    }
    let mut bytes = vec![0; length];
    let read = disk
        .read_at(path, offset, &mut bytes)
        .map_err(|error| unreadable(&error))?;
    if read == length {
        Ok(bytes)
    } else {
        Err(short())
    }
}

/// The signed note behind the head; empty where nobody signed.
fn note_of<D: Disk>(disk: &D, path: &str, offset: u64) -> Result<Vec<u8>, SnapshotFault> {
    let length = exact(disk, path, offset, 2)?;
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    exact(disk, path, offset.saturating_add(2), length)
}

/// What `take` makes of the state's bytes, if they are those that the head names and `take` makes something of them. It
/// takes them while they are read; what it makes of other bytes is dropped.
///
/// # Errors
/// A [`SnapshotFault`].
pub fn read_state<D: Disk, T>(
    disk: &D,
    path: &str,
    mark: &Mark,
    take: impl FnOnce(&mut StateBytes) -> Option<T>,
) -> Result<T, SnapshotFault> {
    let short = || SnapshotFault::Damaged("it is cut short");
    let end = length_of(disk, path)?.unwrap_or(0);
    let offset = end.checked_sub(mark.state_bytes).ok_or_else(short)?;
    let (taken, digest) = match state_bytes::read(disk, path, (offset, end), take) {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(short()),
        Err(error) => return Err(unreadable(&error)),
    };
    if digest != mark.state_digest {
        return Err(SnapshotFault::Damaged("its state has other bytes"));
    }
    taken.ok_or(SnapshotFault::Damaged("its state is none of this program"))
}

/// Writes a snapshot durably and drops older ones but the newest `keep`. Returns its path.
///
/// # Errors
/// [`JournalError::Disk`]; the snapshots that were there stay.
pub fn write<D: Disk>(
    disk: &mut D,
    mark: &Mark,
    state: &[u8],
    signer: Option<&dyn NoteSigner>,
    keep: usize,
) -> Result<String, JournalError> {
    let path = path_at(mark.position());
    let temporary = format!("{path}{TEMPORARY}");
    if disk
        .len(&temporary)
        .naming("measure", &temporary)?
        .is_some()
    {
        disk.remove(&temporary).naming("remove", &temporary)?;
    }
    disk.create(&temporary).naming("create", &temporary)?;
    let mut head = mark.encode();
    let note = match signer {
        Some(signer) => Note::sign(&signed_text(&head), &[signer])?.to_string(),
        None => String::new(),
    };
    head.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
    head.extend_from_slice(note.as_bytes());
    disk.write_at(&temporary, 0, &head)
        .naming("write", &temporary)?;
    let mut offset = head.len() as u64;
    for chunk in state.chunks(CHUNK) {
        disk.write_at(&temporary, offset, chunk)
            .naming("write", &temporary)?;
        offset += chunk.len() as u64;
    }
    disk.sync(&temporary).naming("sync", &temporary)?;
    disk.rename(&temporary, &path)
        .naming("rename", &temporary)?;
    disk.sync_dir(layout::SNAPSHOTS)
        .naming("sync", layout::SNAPSHOTS)?;
    for old in list(disk)?.into_iter().skip(keep.max(1)) {
        disk.remove(&old).naming("remove", &old)?;
    }
    Ok(path)
}
