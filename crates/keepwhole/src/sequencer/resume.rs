//! Opening a journal and its state together: from the newest good snapshot on, folding while the frames are read.

use super::fold::{FoldError, Until, fold_on, fold_run, unknown};
use crate::journal::frame::Frame;
use crate::journal::snapshot::{self, Ignored, Mark, Place, Rules, SnapshotFault};
use crate::journal::{Disk, Journal, JournalError, Known, Options, Plan, Recovery, Start};
use keepwhole_core::state::State;
use keepwhole_verify::note::{NoteSigner, VerifierKey};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Version of the fold. It rises with every change after which the same records give a state with other bytes; the
/// golden journal of the tests has its digest recorded and fails where that was forgotten.
pub const FOLD: u32 = 2;
/// Bytes of frames that are folded in place before a thread of its own is worth starting.
const INLINE: usize = 8 * 1024 * 1024;
/// Frames that may wait to be folded.
const WAITING: usize = 8;

/// A state folded from a journal, and where the fold began.
#[derive(Debug, Default)]
pub struct Folded {
    /// The state.
    pub state: State,
    /// Position of the snapshot that it began with.
    pub snapshot: Option<u64>,
    /// Bytes of journal that the snapshot stands for; 0 without one.
    pub snapshot_bytes: u64,
    /// Snapshots that were left aside, and why.
    pub ignored: Vec<Ignored>,
}

/// How to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// How the journal is kept.
    pub options: Options,
    /// Which snapshots are worth using.
    pub rules: Rules,
    /// What the journal must agree with, besides its own checkpoint.
    pub known: Vec<Known>,
    /// How far to fold.
    pub until: Until,
    /// The state before the first record; only tests and the simulator have another than the default.
    pub blank: State,
}

/// Opens for writing: as [`Journal::open`], but frames before the newest good snapshot are left to the scrub.
///
/// # Errors
/// As [`Journal::open`] and [`super::fold`].
pub fn open<D: Disk>(
    disk: D,
    opening: Opening,
) -> Result<(Journal<D>, Recovery, Folded), FoldError> {
    let options = opening.options.clone();
    let mut along = Along::new(opening);
    let opened = Journal::open_along(disk, options, &mut along);
    let folded = along.finish();
    let (journal, recovery) = opened?;
    let folded = complete(&journal, folded?)?;
    Ok((journal, recovery, folded))
}

/// Opens for reading: as [`Journal::open_read_only`], from the newest good snapshot before the moment that is asked for.
///
/// # Errors
/// As [`Journal::open_read_only`] and [`super::fold`].
pub fn read<D: Disk>(
    disk: D,
    opening: Opening,
) -> Result<(Journal<D>, Recovery, Option<JournalError>, Folded), FoldError> {
    let options = opening.options.clone();
    let mut along = Along::new(opening);
    let opened = Journal::read_along(disk, options, &mut along);
    let folded = along.finish();
    let (journal, recovery, damage) = opened?;
    Ok((journal, recovery, damage, folded?))
}

/// Where the fold did not see all frames (it always should), the rest is read from the journal.
fn complete<D: Disk>(journal: &Journal<D>, folded: Folded) -> Result<Folded, FoldError> {
    if folded.state.position >= journal.head().size {
        return Ok(folded);
    }
    let state = fold_on(journal, folded.state, Until::End, &mut |_| {})?;
    Ok(Folded { state, ..folded })
}

/// Records of a frame, on their way to be folded.
struct Load {
    first: u64,
    /// Each behind its length, as in the frame.
    records: Vec<u8>,
}

/// Chooses the snapshot and folds what follows it.
struct Along {
    opening: Opening,
    snapshot: Option<u64>,
    snapshot_bytes: u64,
    ignored: Vec<Ignored>,
    folder: Folder,
    bytes: usize,
}

enum Folder {
    Here(Box<State>, Option<FoldError>),
    There(SyncSender<Load>, JoinHandle<Result<State, FoldError>>),
}

impl Along {
    fn new(mut opening: Opening) -> Self {
        let blank = std::mem::take(&mut opening.blank);
        Self {
            opening,
            snapshot: None,
            snapshot_bytes: 0,
            ignored: Vec::new(),
            folder: Folder::Here(Box::new(blank), None),
            bytes: 0,
        }
    }

    fn fits(&self, mark: &Mark) -> bool {
        let worth = mark.journal_bytes() >= self.opening.rules.least_bytes;
        worth
            && match self.opening.until {
                Until::End => true,
                Until::Position(end) => mark.position() <= end,
                Until::Time(end) => mark.at <= end,
            }
    }

    /// Goes on folding on a thread of its own, if it does not yet and there is more to fold.
    fn move_out(&mut self) {
        let Folder::Here(state, None) = &mut self.folder else {
            return;
        };
        let state = std::mem::take(state);
        let until = self.opening.until;
        let (send, receive) = sync_channel::<Load>(WAITING);
        let thread = std::thread::spawn(move || {
            let mut state = *state;
            for load in receive {
                match load.fold(&mut state, until) {
                    Ok(()) => {}
                    Err(FoldError::Reached) => return Ok(state),
                    Err(error) => return Err(error),
                }
            }
            Ok(state)
        });
        self.folder = Folder::There(send, thread);
    }

    fn finish(self) -> Result<Folded, FoldError> {
        let state = match self.folder {
            Folder::Here(state, None | Some(FoldError::Reached)) => *state,
            Folder::Here(_, Some(error)) => return Err(error),
            Folder::There(send, thread) => {
                drop(send);
                match thread.join() {
                    Ok(state) => state?,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        };
        Ok(Folded {
            state,
            snapshot: self.snapshot,
            snapshot_bytes: self.snapshot_bytes,
            ignored: self.ignored,
        })
    }
}

impl Load {
    fn fold(&self, state: &mut State, until: Until) -> Result<(), FoldError> {
        let mut rest = self.records.as_slice();
        let records = std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (record, after) = after.split_at_checked(length).unwrap_or((after, &[]));
            rest = after;
            Some(record)
        });
        fold_run(state, until, (self.first..).zip(records))
    }
}

impl<D: Disk> Plan<D> for Along {
    fn start(&mut self, disk: &D) -> Result<Start, JournalError> {
        let mut ignored = Vec::new();
        let chosen = choose(
            disk,
            self.opening.options.log_key.as_ref(),
            &|mark| self.fits(mark),
            &mut ignored,
        )?;
        self.ignored = ignored;
        let base = chosen.map(|(mark, state)| {
            self.snapshot = Some(mark.position());
            self.snapshot_bytes = mark.journal_bytes();
            self.folder = Folder::Here(Box::new(state), None);
            mark
        });
        Ok(Start {
            base,
            known: self.opening.known.clone(),
        })
    }

    fn seen(&mut self, frame: &Frame<'_>) -> Result<(), JournalError> {
        let first = frame.header.first;
        for (position, record) in (first..).zip(&frame.records) {
            if let Some(what) = unknown(record) {
                return Err(JournalError::UnknownRecord { position, what });
            }
        }
        let size = frame.header.size();
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > INLINE {
            self.move_out();
        }
        match &mut self.folder {
            Folder::Here(state, fault @ None) => {
                let records = (first..).zip(frame.records.iter().copied());
                *fault = fold_run(state, self.opening.until, records).err();
            }
            Folder::There(send, _) => {
                let mut records = Vec::with_capacity(size);
                for record in &frame.records {
                    let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
                    records.extend_from_slice(&length.to_be_bytes());
                    records.extend_from_slice(record);
                }
                // A thread that ended early has its end or its error; both are told when it is joined.
                let _ended = send.send(Load { first, records });
            }
            Folder::Here(_, Some(_)) => {}
        }
        Ok(())
    }
}

/// Chooses the newest snapshot that is whole, of this fold, agrees with the journal, and that `fits`. Those that are not good are told; `None` where there is none.
///
/// # Errors
/// [`JournalError::Disk`] where the folder can't be listed.
fn choose<D: Disk>(
    disk: &D,
    key: Option<&VerifierKey>,
    fits: &dyn Fn(&Mark) -> bool,
    ignored: &mut Vec<Ignored>,
) -> Result<Option<(Mark, State)>, JournalError> {
    for path in snapshot::list(disk)? {
        let looked = snapshot::read_mark(disk, &path, key).and_then(|mark| {
            if mark.fold != FOLD {
                let (found, ours) = (mark.fold, FOLD);
                return Err(SnapshotFault::Fold { found, ours });
            }
            if !fits(&mark) {
                return Ok(None);
            }
            mark.agrees_with(disk)?;
            let state = snapshot::read_state(disk, &path, &mark)?;
            let state = decode(&state)
                .ok_or(SnapshotFault::Damaged("its state is none of this program"))?;
            Ok(Some((mark, state)))
        });
        match looked {
            Ok(Some(chosen)) => return Ok(Some(chosen)),
            Ok(None) => {}
            Err(fault) => ignored.push(Ignored { path, fault }),
        }
    }
    Ok(None)
}

/// A state from a snapshot's bytes; `None` for bytes of another form.
fn decode(bytes: &[u8]) -> Option<State> {
    borsh::from_slice(bytes).ok()
}

/// Writes a snapshot of `state`, which is that of the journal at `place`. Returns its path; `None` for an empty journal.
///
/// # Errors
/// [`JournalError::Disk`]; the snapshots that were there stay.
pub fn write_snapshot<D: Disk>(
    disk: &mut D,
    place: &Place,
    state: &State,
    signer: Option<&dyn NoteSigner>,
    rules: &Rules,
) -> Result<Option<String>, JournalError> {
    if state.position != place.position() {
        return Ok(None);
    }
    // Writing into a vector can't fail; an empty form would be refused when it is read.
    let bytes = borsh::to_vec(state).unwrap_or_default();
    match Mark::of(place, disk, FOLD, state.at, &bytes)? {
        Some(mark) => snapshot::write(disk, &mark, &bytes, signer, rules.keep).map(Some),
        None => Ok(None),
    }
}

/// Positions and state digests of the snapshots that agree with the journal, oldest first, and those that do not.
///
/// # Errors
/// [`JournalError::Disk`].
pub fn snapshots<D: Disk>(
    disk: &D,
    key: Option<&VerifierKey>,
) -> Result<(Vec<Mark>, Vec<Ignored>), JournalError> {
    let (mut good, mut ignored) = (Vec::new(), Vec::new());
    for path in snapshot::list(disk)? {
        let looked = snapshot::read_mark(disk, &path, key).and_then(|mark| {
            mark.agrees_with(disk)?;
            snapshot::read_state(disk, &path, &mark).map(|_| mark)
        });
        match looked {
            Ok(mark) => good.push(mark),
            Err(fault) => ignored.push(Ignored { path, fault }),
        }
    }
    good.reverse();
    Ok((good, ignored))
}
