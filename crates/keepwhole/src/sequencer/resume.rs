//! Opening a journal and its state together: from the newest good snapshot on, folding while the frames are read.

use super::fold::{FoldError, Run, Until, fold_on, fold_run, unknown};
use crate::journal::frame::Frame;
use crate::journal::snapshot::{self, Ignored, Mark, Place, Rules, SnapshotFault};
use crate::journal::state_bytes::StateBytes;
use crate::journal::{Disk, Journal, JournalError, Known, Options, Plan, Recovery, Start};
use keepwhole_core::state::{State, UnbuiltPart, Unindexed};
use keepwhole_verify::note::{NoteSigner, VerifierKey};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Version of the fold. It rises with every change after which the same records give a state with other bytes; the
/// golden journal of the tests has its digest recorded and fails where that was forgotten.
pub const FOLD: u32 = 13;
/// Bytes of frames that are folded in place before a thread of its own is worth starting.
const INLINE: usize = 8 * 1024 * 1024;
/// Ids whose way is built in place before threads of their own are worth starting.
const WORTH_THREADS: usize = 100_000;
/// Frames whose records may wait to be folded.
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
    /// With the time of the last record that was sent.
    There(SyncSender<Run>, JoinHandle<Result<State, FoldError>>, u64),
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
        let at = state.at;
        let (send, receive) = sync_channel::<Run>(WAITING);
        let thread = std::thread::spawn(move || {
            let mut state = *state;
            for run in receive {
                match run.fold(&mut state) {
                    Ok(()) => {}
                    Err(FoldError::Reached) => return Ok(state),
                    Err(error) => return Err(error),
                }
            }
            Ok(state)
        });
        self.folder = Folder::There(send, thread, at);
    }

    fn finish(self) -> Result<Folded, FoldError> {
        let state = match self.folder {
            Folder::Here(state, None | Some(FoldError::Reached)) => *state,
            Folder::Here(_, Some(error)) => return Err(error),
            Folder::There(send, thread, _) => {
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
        let until = self.opening.until;
        let records = (first..).zip(frame.records.iter().copied());
        match &mut self.folder {
            Folder::Here(state, fault @ None) => {
                *fault = fold_run(state, until, records).err();
            }
            Folder::There(send, _, at) => {
                // A thread that ended early has its end or its error; both are told when it is joined.
                let _ended = send.send(Run::decode(until, at, records));
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
            let state = snapshot::read_state(disk, &path, &mark, decode)?;
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
fn decode(bytes: &mut StateBytes) -> Option<State> {
    let read: Unindexed = borsh::from_reader(bytes).ok()?;
    Some(read.indexed(build))
}

/// Builds the parts on as many threads as the machine runs at once, each a like share.
fn build(parts: &mut [UnbuiltPart<'_>]) {
    let entries: usize = parts.iter().map(UnbuiltPart::entries).sum();
    if entries < WORTH_THREADS {
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<&mut UnbuiltPart<'_>>> = Vec::new();
    shares.resize_with(threads, Vec::new);
    for (number, part) in parts.iter_mut().enumerate() {
        if let Some(share) = shares.get_mut(number % threads) {
            share.push(part);
        }
    }
    std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| share.into_iter().for_each(UnbuiltPart::build));
        }
    });
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
            snapshot::read_state(disk, &path, &mark, |_| Some(()))?;
            Ok(mark)
        });
        match looked {
            Ok(mark) => good.push(mark),
            Err(fault) => ignored.push(Ignored { path, fault }),
        }
    }
    good.reverse();
    Ok((good, ignored))
}
