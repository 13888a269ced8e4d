//! Importing files: look at all of them first, then record them in chunks, each in one turn under an id of its own.
//!
//! A chunk's id is made of the file's SHA-256, its rows and its content, so that a run that was stopped is taken up by
//! running it again: chunks that the journal has answered are passed over, and the journal itself is the only memory.

use super::StateLedger;
use crate::journal::Disk;
use crate::sequencer::{Sequencer, SequencerError};
use keepwhole_books::check::{Checker, Duplicates, Ledger as _, NewOwners, Refused, Summary};
use keepwhole_books::chunk::{Chunk, Chunker};
use keepwhole_books::fault::Fault;
use keepwhole_books::manifest::hex;
use keepwhole_books::mapping::{Known, Mapper};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Input, Progress, Reader};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

/// Chunks that may wait between the reading and the recording thread.
const WAITING: usize = 2;

/// What is imported.
#[derive(Debug)]
pub struct Job {
    /// The profile.
    pub profile: Profile,
    /// The files, in order, each with the SHA-256 of its bytes.
    pub files: Vec<(PathBuf, [u8; 32])>,
    /// The exchange's own account, for an installation that has none yet.
    pub house: String,
    /// True where rows must be dated in order.
    pub ordered: bool,
    /// True to send all chunks again instead of passing over those that were answered.
    pub from_start: bool,
    /// Bytes read so far, over all passes.
    pub progress: Progress,
}

/// What a look at all files said.
#[derive(Debug)]
pub struct Checked {
    /// Counts and sums.
    pub summary: Summary,
    /// What is refused.
    pub refused: Vec<Refused>,
    /// Chunks that an earlier run recorded.
    pub chunks_before: u64,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file can't be read.
    #[error("{}", .fault.in_file(&.file.display().to_string()))]
    File {
        /// The file.
        file: PathBuf,
        /// The fault.
        fault: Box<Fault>,
    },
    /// The temporary file of ids failed.
    #[error("can't write the temporary file of ids in `{}`: {cause}; make room there or set TMPDIR", std::env::temp_dir().display())]
    Ids {
        /// What the system said.
        cause: std::io::Error,
    },
    /// The ledger refused a chunk that was found good.
    #[error("`{}` line {line}: the ledger refused the row: {reason}; {done}", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The reason's code and numbers.
        reason: String,
        /// What is recorded.
        done: String,
    },
    /// The sequencer stopped.
    #[error("{cause}; {done}")]
    Sequencer {
        /// Why.
        cause: Box<SequencerError>,
        /// What is recorded.
        done: String,
    },
}

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

/// Called with each chunk of a file and the reasons for its rows that were left out.
type Take<'t, E> = dyn FnMut(Chunk, &[String]) -> Result<(), E> + 't;

impl Job {
    fn house<'a>(&'a self, state: &'a State) -> String {
        StateLedger(state).house().unwrap_or(&self.house).to_owned()
    }

    fn chunker(&self, file: usize, known: Known, skip: BTreeSet<u64>) -> Result<Chunker, Fault> {
        let nothing = || Fault::of_file("unreadable", "no such file", "check its name");
        let (path, _) = self.files.get(file).ok_or_else(nothing)?;
        let mut reader = Reader::open(Input::open(path, self.progress.clone())?)?;
        let mut mapper = Mapper::new(&self.profile, &mut reader, known)?;
        if self.ordered {
            mapper.require_order();
        }
        Ok(Chunker::new(reader, mapper, skip))
    }

    fn known(&self, state: &State, more: &BTreeMap<String, u8>) -> Known {
        let registered = state
            .registry
            .assets
            .iter()
            .map(|asset| (asset.id.clone(), asset.decimals));
        let mut assets: BTreeMap<String, u8> = more.clone();
        assets.extend(registered);
        Known {
            assets,
            house: self.house(state),
        }
    }

    /// Reads a file on a thread of its own and shows each chunk to `take`, with the reasons for rows left out.
    fn each_chunk<E: From<ImportError>>(
        &self,
        file: usize,
        known: &Known,
        skip: &BTreeSet<u64>,
        take: &mut Take<'_, E>,
    ) -> Result<(), E> {
        let path = self
            .files
            .get(file)
            .map(|(path, _)| path.clone())
            .unwrap_or_default();
        let (send, receive) = sync_channel::<Result<(Chunk, Vec<String>), Fault>>(WAITING);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let outcome =
                    self.chunker(file, known.clone(), skip.clone())
                        .and_then(|mut chunker| {
                            let why = chunker.mapper().left_out();
                            while let Some(chunk) = chunker.next_chunk()? {
                                if send.send(Ok((chunk, why.clone()))).is_err() {
                                    break;
                                }
                            }
                            Ok(())
                        });
                if let Err(fault) = outcome {
                    // Where nobody takes it, the other side stopped for a reason of its own.
                    let _stopped = send.send(Err(fault));
                }
            });
            for chunk in receive {
                let (chunk, why) = chunk.map_err(|fault| {
                    let file = path.clone();
                    ImportError::File {
                        file,
                        fault: Box::new(fault),
                    }
                })?;
                take(chunk, &why)?;
            }
            Ok(())
        })
    }

    /// The id of a chunk.
    fn id_of(&self, file: usize, chunk: &Chunk) -> String {
        let digest = self
            .files
            .get(file)
            .map(|(_, digest)| *digest)
            .unwrap_or_default();
        let mut content = Sha256::new();
        content.update(chunk.batch.as_bytes());
        for (name, _, _) in &chunk.accounts {
            content.update(name.as_bytes());
            content.update([0]);
        }
        for (asset, _) in &chunk.assets {
            content.update(asset.id.as_bytes());
            content.update([0]);
        }
        let content: [u8; 32] = content.finalize().into();
        format!(
            "import:{}:{}-{}:{}",
            hex(digest.get(..16).unwrap_or_default()),
            chunk.first_row,
            chunk.last_row,
            hex(content.get(..8).unwrap_or_default()),
        )
    }

    fn answered(&self, state: &State, id: &str) -> bool {
        !self.from_start
            && state
                .answers
                .get(id)
                .is_some_and(|answered| answered.answer == Answer::Recorded)
    }

    /// Looks at all files against `state`, at `now` (ms since the epoch), and records nothing.
    ///
    /// # Errors
    /// [`ImportError::File`], [`ImportError::Ids`].
    pub fn check(&self, state: &State, now: u64) -> Result<Checked, ImportError> {
        let mut duplicates = Duplicates::default();
        loop {
            let ledger = StateLedger(state);
            let again = !duplicates.is_empty();
            let unknown = self.profile.names.owners;
            let mut checker = Checker::new(
                &ledger,
                now,
                &self.house(state),
                unknown,
                std::mem::take(&mut duplicates),
            );
            let mut chunks_before = 0u64;
            for file in 0..self.files.len() {
                checker.begin_file(u32::try_from(file).unwrap_or(u32::MAX));
                let known = self.known(state, checker.new_assets());
                self.each_chunk(file, &known, &BTreeSet::new(), &mut |chunk, why| {
                    if chunk.refused.is_empty() && self.answered(state, &self.id_of(file, &chunk)) {
                        chunks_before = chunks_before.saturating_add(1);
                        checker.pass(&chunk);
                        return Ok(());
                    }
                    checker
                        .check(&chunk, why)
                        .map(|_| ())
                        .map_err(|cause| ImportError::Ids { cause })
                })?;
            }
            let checked = Checked {
                summary: std::mem::take(&mut checker.summary),
                refused: std::mem::take(&mut checker.refused),
                chunks_before,
            };
            if again {
                return Ok(checked);
            }
            duplicates = checker
                .duplicates()
                .map_err(|cause| ImportError::Ids { cause })?;
            if duplicates.is_empty() {
                return Ok(checked);
            }
        }
    }

    /// Records all files but the refused units, a turn for each chunk. `clock` gives ms since the epoch; `after` runs
    /// behind each turn and may publish.
    ///
    /// # Errors
    /// [`ImportError`]; its message says how far the recording got.
    pub fn record<D: Disk>(
        &self,
        sequencer: &mut Sequencer<D>,
        refused: &[Refused],
        clock: &mut dyn FnMut() -> u64,
        after: &mut dyn FnMut(&mut Sequencer<D>) -> Result<(), SequencerError>,
    ) -> Result<Recorded, ImportError> {
        let mut recorded = Recorded::default();
        let mut known_owners: HashSet<String> = owners_of(sequencer.state()).collect();
        if known_owners.is_empty() {
            let house = Command {
                id: None,
                actor: None,
                body: Body::RegisterOwners(vec![self.house.clone()]),
            };
            sequencer
                .turn(clock(), &[house])
                .map_err(|cause| self.stopped(cause, 0, 0))?;
            known_owners.extend(owners_of(sequencer.state()));
        }
        for file in 0..self.files.len() {
            let skip = refused
                .iter()
                .filter(|r| usize::try_from(r.file) == Ok(file));
            let skip: BTreeSet<u64> = skip.map(|refused| refused.unit.first_row).collect();
            let known = self.known(sequencer.state(), &BTreeMap::new());
            let mut done = 0u64;
            self.each_chunk(
                file,
                &known,
                &skip,
                &mut |chunk, _| -> Result<(), ImportError> {
                    let id = self.id_of(file, &chunk);
                    if self.answered(sequencer.state(), &id) {
                        recorded.chunks_before = recorded.chunks_before.saturating_add(1);
                    } else {
                        let commands =
                            commands_of(&chunk, &id, &mut known_owners, sequencer.state());
                        let replies = sequencer
                            .turn(clock(), &commands)
                            .map_err(|cause| self.stopped(cause, file, done))?;
                        for reply in &replies {
                            recorded.repeated = recorded
                                .repeated
                                .saturating_add(u64::from(reply.repeated_rows));
                            if let Some(reason) = reply.answer.reason() {
                                return Err(self.refusal(file, done, &chunk, reason));
                            }
                        }
                        recorded.chunks = recorded.chunks.saturating_add(1);
                        after(sequencer).map_err(|cause| self.stopped(cause, file, done))?;
                    }
                    done = chunk.last_row;
                    Ok(())
                },
            )?;
        }
        Ok(recorded)
    }

    fn done(&self, file: usize, row: u64) -> String {
        let name = self
            .files
            .get(file)
            .map(|(path, _)| path.display().to_string())
            .unwrap_or_default();
        let again = "run the same command again to go on behind them";
        match (file, row) {
            (0, 0) => {
                String::from("no row is recorded; mend the cause and run the same command again")
            }
            (_, 0) => format!("the files before `{name}` are recorded and no row of it; {again}"),
            _ => {
                format!("rows 1 to {row} of `{name}` and the files before it are recorded; {again}")
            }
        }
    }

    fn stopped(&self, cause: SequencerError, file: usize, row: u64) -> ImportError {
        ImportError::Sequencer {
            cause: Box::new(cause),
            done: self.done(file, row),
        }
    }

    fn refusal(&self, file: usize, done: u64, chunk: &Chunk, reason: &Reason) -> ImportError {
        let (row, inner) = match reason {
            Reason::Row { row, reason } => (*row, reason.as_ref()),
            other => (0, other),
        };
        let mut before = 0u32;
        let unit = chunk.units.iter().find(|unit| {
            before = before.saturating_add(unit.movements);
            before > row
        });
        ImportError::Refused {
            file: self
                .files
                .get(file)
                .map(|(path, _)| path.clone())
                .unwrap_or_default(),
            line: unit.map_or(0, |unit| unit.line),
            reason: format!("`{}` ({inner:?})", inner.code()),
            done: self.done(file, done),
        }
    }
}

/// What a chunk asks: its new assets, its new owners, its movements. The last command bears the chunk's id.
fn commands_of(
    chunk: &Chunk,
    id: &str,
    known: &mut HashSet<String>,
    state: &State,
) -> Vec<Command> {
    let mut bodies = Vec::new();
    let mut assets = BTreeSet::new();
    for (asset, _) in &chunk.assets {
        if state.registry.asset(&asset.id).is_none() && assets.insert(&asset.id) {
            bodies.push(Body::RegisterAsset(asset.clone()));
        }
    }
    let mut owners = NewOwners::new();
    let accounts = chunk.accounts.iter().map(|(name, _, _)| name.as_str());
    for name in accounts {
        if !known.contains(name) {
            known.insert(name.to_owned());
            owners.push(name.to_owned());
        }
    }
    for row in chunk.batch.rows() {
        for name in [row.from, row.to] {
            if !known.contains(name) {
                known.insert(name.to_owned());
                owners.push(name.to_owned());
            }
        }
    }
    if !owners.is_empty() {
        bodies.push(Body::RegisterOwners(owners));
    }
    if !chunk.batch.is_empty() {
        bodies.push(Body::RecordTransfers(chunk.batch.clone()));
    }
    let last = bodies.len().saturating_sub(1);
    let command = |(place, body)| Command {
        id: (place == last).then(|| id.to_owned()),
        actor: None,
        body,
    };
    bodies.into_iter().enumerate().map(command).collect()
}

/// Names of all registered owners.
fn owners_of(state: &State) -> impl Iterator<Item = String> + '_ {
    let owners = &state.registry.owners;
    (0u32..)
        .map_while(|number| owners.get(number))
        .map(str::to_owned)
}
