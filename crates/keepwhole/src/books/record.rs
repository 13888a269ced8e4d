//! Recording chunks: made into commands by the thread that reads, looked up by a second, decided by the one that asks,
//! written by a fourth. The next chunk is decided only where the one before it was not refused, so what is recorded is
//! always a prefix.

use super::import::{ImportError, Job, Read};
use crate::installation::Installation;
use crate::journal::{Disk, Journal, Publisher};
use crate::sequencer::{Ended, Sequencer, SequencerError, Turn, Turns};
use crate::text::Lang;
use crate::views::reason_line;
use keepwhole_books::check::{NewOwners, Refused, asset_differs, house_differs, unknown_owner};
use keepwhole_books::chunk::{Chunk, Unit};
use keepwhole_books::fault::Fault;
use keepwhole_books::print::{PrintSet, Printer};
use keepwhole_books::profile::UnknownOwners;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use keepwhole_core::transfer::TransferBatch;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

/// Turns between two published checkpoints: often enough that hardly anything is left for the end, when nobody decides.
const PUBLISH_EVERY: u64 = 16;

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Chunks recorded by this run.
    pub chunks: u64,
    /// Chunks passed over.
    pub chunks_before: u64,
    /// Movements sent by this run that were recorded before.
    pub repeated: u64,
}

/// Called on the writing thread behind each turn that became durable, with the number of rows of its file that are. It
/// may publish.
pub type After<'a, D> = dyn FnMut(&mut Journal<D>, u64) -> Result<(), SequencerError> + Send + 'a;

/// Publishes a checkpoint now and then.
pub(crate) fn publishing<D: Disk>(
    publisher: &mut Publisher,
) -> impl FnMut(&mut Journal<D>, u64) -> Result<(), SequencerError> + Send {
    let mut turns = 0u64;
    move |journal, _| {
        turns = turns.saturating_add(1);
        if turns.is_multiple_of(PUBLISH_EVERY) {
            publisher.publish(journal)?;
        }
        Ok(())
    }
}

/// Names that need not be registered any more, and what is refused of a file that nobody looked at before.
struct Registered {
    printer: Printer,
    /// Prints of owners' names.
    owners: PrintSet,
    /// With their decimals.
    assets: BTreeMap<String, u8>,
    house: String,
    unknown: UnknownOwners,
}

impl Registered {
    fn of(state: &State, job: &Job) -> Self {
        let owners = &state.registry.owners;
        let owners = (0u32..).map_while(|number| owners.get(number));
        let assets = &state.registry.assets;
        let printer = Printer::new();
        Self {
            owners: owners.map(|name| printer.of(name)).collect(),
            printer,
            assets: assets
                .iter()
                .map(|asset| (asset.id.clone(), asset.decimals))
                .collect(),
            house: job.house(state),
            unknown: job.profile.names.owners,
        }
    }

    fn note(&mut self, name: &str, new: &mut NewOwners) {
        if self.owners.insert(self.printer.of(name)) {
            new.push(name.to_owned());
        }
    }

    /// What a chunk asks: its new assets, its new owners, its movements. The last command bears the chunk's id.
    ///
    /// # Errors
    /// The first thing in it that is refused without asking the ledger. Where the files were looked at before, there is
    /// none.
    fn commands_of(&mut self, chunk: Chunk, id: &str) -> Result<Vec<Command>, Fault> {
        if let Some((_, fault)) = chunk.refused.into_iter().next() {
            return Err(fault);
        }
        let mut bodies = Vec::new();
        for (asset, unit) in chunk.assets {
            match self.assets.get(&asset.id) {
                None => {
                    self.assets.insert(asset.id.clone(), asset.decimals);
                    bodies.push(Body::RegisterAsset(asset));
                }
                Some(decimals) if *decimals == asset.decimals => {}
                Some(decimals) => return Err(asset_differs(&asset, *decimals).at(unit.line, 0)),
            }
        }
        let mut owners = NewOwners::new();
        for (name, house, unit) in &chunk.accounts {
            if *house != (*name == self.house) {
                return Err(house_differs(name, &self.house).at(unit.line, 0));
            }
            self.note(name, &mut owners);
        }
        let accounts = owners.len();
        for row in chunk.batch.rows() {
            self.note(row.from, &mut owners);
            self.note(row.to, &mut owners);
        }
        let unknown = owners.get(accounts..).and_then(|named| named.first());
        if let (UnknownOwners::Refuse, Some(name)) = (self.unknown, unknown) {
            return Err(unknown_owner(name).at(line_of(&chunk.batch, &chunk.units, name), 0));
        }
        if !owners.is_empty() {
            bodies.push(Body::RegisterOwners(owners));
        }
        if !chunk.batch.is_empty() {
            bodies.push(Body::RecordTransfers(chunk.batch));
        }
        let last = bodies.len().saturating_sub(1);
        let command = |(place, body)| Command {
            id: (place == last).then(|| id.to_owned()),
            actor: None,
            body,
        };
        Ok(bodies.into_iter().enumerate().map(command).collect())
    }
}

/// Line of the first movement that names the owner.
fn line_of(batch: &TransferBatch, units: &[Unit], name: &str) -> u64 {
    let place = batch
        .rows()
        .position(|row| row.from == name || row.to == name);
    let place = place.and_then(|place| u32::try_from(place).ok());
    place.map_or(0, |place| line_at(units, place))
}

/// Line of the movement at that place of a batch.
fn line_at(units: &[Unit], place: u32) -> u64 {
    let mut before = 0u32;
    let unit = units.iter().find(|unit| {
        before = before.saturating_add(unit.movements);
        before > place
    });
    unit.map_or(0, |unit| unit.line)
}

/// A chunk, ready to be asked.
struct Ready {
    id: String,
    commands: Vec<Command>,
    last_row: u64,
    /// Which rows its movements are of, in order.
    units: Vec<Unit>,
}

/// The chunks of one file as turns.
struct FileTurns<'a> {
    job: &'a Job,
    file: usize,
    clock: &'a mut dyn FnMut() -> u64,
    recorded: &'a mut Recorded,
    /// Rows of the file that are durable.
    durable: &'a AtomicU64,
    /// Last row of the chunks before the one that is asked.
    before: u64,
    /// Last row of the chunk that is asked.
    row: u64,
    units: Vec<Unit>,
    /// True once a turn was given.
    any: bool,
}

impl Turns for FileTurns<'_> {
    type Error = ImportError;

    type Ready = Read<Ready>;

    fn commands(ready: &mut Read<Ready>) -> &mut [Command] {
        match ready {
            Ok(ready) => &mut ready.commands,
            Err(_) => &mut [],
        }
    }

    fn turn(&mut self, state: &State, read: Read<Ready>) -> Result<Option<Turn>, ImportError> {
        let before = self.row;
        let ready = read.map_err(|fault| ImportError::Stopped {
            file: self.job.path(self.file),
            fault: Box::new(fault),
            done: self.job.done(self.file, before),
        })?;
        self.before = before;
        self.row = ready.last_row;
        if self.job.answered(state, &ready.id) {
            self.recorded.chunks_before = self.recorded.chunks_before.saturating_add(1);
            if !self.any {
                self.durable.store(ready.last_row, Ordering::SeqCst);
            }
            return Ok(None);
        }
        self.any = true;
        self.units = ready.units;
        Ok(Some(Turn {
            now: (self.clock)(),
            commands: ready.commands,
            mark: ready.last_row,
        }))
    }

    fn decided(&mut self, state: &State, replies: &[Reply]) -> Result<(), ImportError> {
        for reply in replies {
            let repeated = u64::from(reply.repeated_rows);
            self.recorded.repeated = self.recorded.repeated.saturating_add(repeated);
            if let Some(reason) = reply.answer.reason() {
                return Err(self.refusal(state, reason));
            }
        }
        self.recorded.chunks = self.recorded.chunks.saturating_add(1);
        Ok(())
    }
}

impl FileTurns<'_> {
    fn refusal(&self, state: &State, reason: &Reason) -> ImportError {
        let (row, inner) = match reason {
            Reason::Row { row, reason } => (*row, reason.as_ref()),
            other => (0, other),
        };
        ImportError::Refused {
            file: self.job.path(self.file),
            line: line_at(&self.units, row),
            reason: reason_line(state, None, inner, Lang::En),
            done: self.job.done(self.file, self.before),
        }
    }
}

impl Job {
    /// Records all files but the refused units into an installation, and publishes a checkpoint now and then; the last
    /// one is left to the caller.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_into(
        &self,
        installation: &mut Installation,
        refused: &[Refused],
        clock: &mut dyn FnMut() -> u64,
    ) -> Result<Recorded, ImportError> {
        let Installation {
            sequencer,
            publisher,
            ..
        } = installation;
        self.record(sequencer, refused, clock, &mut publishing(publisher))
    }

    /// Records all files but the refused units, a turn for each chunk. `clock` gives ms since the epoch; `after` runs
    /// behind each turn that is durable.
    ///
    /// # Errors
    /// [`ImportError`]; its message says how far the recording got.
    pub fn record<D: Disk>(
        &self,
        sequencer: &mut Sequencer<D>,
        refused: &[Refused],
        clock: &mut dyn FnMut() -> u64,
        after: &mut After<'_, D>,
    ) -> Result<Recorded, ImportError> {
        let mut recorded = Recorded::default();
        let mut registered = Registered::of(sequencer.state(), self);
        if registered.owners.is_empty() {
            let house = Command {
                id: None,
                actor: None,
                body: Body::RegisterOwners(vec![self.house.clone()]),
            };
            sequencer
                .turn(clock(), &[house])
                .map_err(|cause| self.stopped(cause, 0, 0))?;
            registered = Registered::of(sequencer.state(), self);
        }
        for file in 0..self.files.len() {
            let of_it = refused
                .iter()
                .filter(|r| usize::try_from(r.file) == Ok(file));
            let skip = of_it.map(|refused| refused.unit.first_row).collect();
            self.record_file(
                file,
                skip,
                (sequencer, &mut registered),
                (clock, after),
                &mut recorded,
            )?;
        }
        Ok(recorded)
    }

    fn record_file<D: Disk>(
        &self,
        file: usize,
        skip: BTreeSet<u64>,
        (sequencer, registered): (&mut Sequencer<D>, &mut Registered),
        (clock, after): (&mut dyn FnMut() -> u64, &mut After<'_, D>),
        recorded: &mut Recorded,
    ) -> Result<(), ImportError> {
        let known = self.known(sequencer.state(), &BTreeMap::new());
        let durable = AtomicU64::new(0);
        let (send, ready) = sync_channel(super::import::WAITING);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                self.read(file, (known, skip), &send, &mut |chunk: Chunk, _| {
                    let id = self.id_of(file, &chunk);
                    Ok(Ready {
                        last_row: chunk.last_row,
                        units: chunk.units.clone(),
                        commands: registered.commands_of(chunk, &id)?,
                        id,
                    })
                });
            });
            let mut turns = FileTurns {
                job: self,
                file,
                clock,
                recorded,
                durable: &durable,
                before: 0,
                row: 0,
                units: Vec::new(),
                any: false,
            };
            let outcome = sequencer.overlap(ready.into_iter(), &mut turns, &mut |journal, rows| {
                durable.store(rows, Ordering::SeqCst);
                after(journal, rows)
            });
            outcome.map_err(|ended| match ended {
                Ended::Turns(error) => error,
                Ended::Sequencer(cause) => {
                    self.stopped(cause, file, durable.load(Ordering::SeqCst))
                }
            })
        })
    }
}
