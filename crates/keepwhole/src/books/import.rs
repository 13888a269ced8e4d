//! Importing files: look at all of them first, then record them in chunks ([`record`](super::record)), each in one turn
//! under an id of its own.
//!
//! A chunk's id is made of the file's SHA-256, its rows and its content, so that a run that was stopped is taken up by
//! running it again: chunks that the journal has answered are passed over, and the journal itself is the only memory.

use super::StateLedger;
use crate::sequencer::SequencerError;
use keepwhole_books::check::{Checker, Duplicates, Ledger as _, Refused, Summary};
use keepwhole_books::chunk::{Chunk, Chunker};
use keepwhole_books::fault::Fault;
use keepwhole_books::manifest::hex;
use keepwhole_books::mapping::{Known, Mapper};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Input, Progress, Reader};
use keepwhole_core::answer::Answer;
use keepwhole_core::state::State;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Chunks that may wait between the thread that reads and the one that checks or decides.
pub(super) const WAITING: usize = 2;

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
        /// The reason in words, with its code.
        reason: String,
        /// What is recorded.
        done: String,
    },
    /// Something is refused in a file that was not looked at before it was recorded, or that changed since.
    #[error("{}; {done}", fault.in_file(&file.display().to_string()))]
    Stopped {
        /// The file.
        file: PathBuf,
        /// The first fault.
        fault: Box<Fault>,
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

/// What the reading thread made of a chunk, or why it ended.
pub(super) type Read<T> = Result<T, Fault>;

/// A chunk that is to be checked.
struct Looked {
    chunk: Chunk,
    id: String,
    why_left_out: Vec<String>,
}

impl Job {
    pub(super) fn house<'a>(&'a self, state: &'a State) -> String {
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

    pub(super) fn known(&self, state: &State, more: &BTreeMap<String, u8>) -> Known {
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

    /// Reads a file and sends what `make` makes of each chunk and of the reasons for rows left out, until the end, a
    /// fault, or nobody takes it any more.
    pub(super) fn read<T>(
        &self,
        file: usize,
        (known, skip): (Known, BTreeSet<u64>),
        send: &SyncSender<Read<T>>,
        make: &mut dyn FnMut(Chunk, &[String]) -> Read<T>,
    ) {
        let outcome = self.chunker(file, known, skip).and_then(|mut chunker| {
            let why = chunker.mapper().left_out();
            while let Some(chunk) = chunker.next_chunk()? {
                if send.send(Ok(make(chunk, &why)?)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(fault) = outcome {
            // Where nobody takes it, the other side stopped for a reason of its own.
            let _stopped = send.send(Err(fault));
        }
    }

    pub(super) fn path(&self, file: usize) -> PathBuf {
        let file = self.files.get(file);
        file.map(|(path, _)| path.clone()).unwrap_or_default()
    }

    pub(super) fn of_file(&self, file: usize, fault: Fault) -> ImportError {
        ImportError::File {
            file: self.path(file),
            fault: Box::new(fault),
        }
    }

    /// The id of a chunk.
    pub(super) fn id_of(&self, file: usize, chunk: &Chunk) -> String {
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

    pub(super) fn answered(&self, state: &State, id: &str) -> bool {
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
                self.check_file(file, state, &mut checker, &mut chunks_before)?;
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

    fn check_file(
        &self,
        file: usize,
        state: &State,
        checker: &mut Checker<'_, StateLedger<'_>>,
        chunks_before: &mut u64,
    ) -> Result<(), ImportError> {
        let known = self.known(state, checker.new_assets());
        let (send, looked) = sync_channel::<Read<Looked>>(WAITING);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                self.read(file, (known, BTreeSet::new()), &send, &mut |chunk, why| {
                    Ok(Looked {
                        id: self.id_of(file, &chunk),
                        chunk,
                        why_left_out: why.to_vec(),
                    })
                });
            });
            for looked in looked {
                let looked = looked.map_err(|fault| self.of_file(file, fault))?;
                let chunk = &looked.chunk;
                if chunk.refused.is_empty() && self.answered(state, &looked.id) {
                    *chunks_before = chunks_before.saturating_add(1);
                    checker.pass(chunk);
                    continue;
                }
                checker
                    .check(chunk, &looked.why_left_out)
                    .map_err(|cause| ImportError::Ids { cause })?;
            }
            Ok(())
        })
    }

    pub(super) fn done(&self, file: usize, row: u64) -> String {
        let name = self.path(file).display().to_string();
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

    pub(super) fn stopped(&self, cause: SequencerError, file: usize, row: u64) -> ImportError {
        ImportError::Sequencer {
            cause: Box::new(cause),
            done: self.done(file, row),
        }
    }
}
