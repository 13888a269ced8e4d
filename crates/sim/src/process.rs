//! One run of the program over the world's disk: journal, publisher and sequencer, started as the program starts them.

use crate::clock::{MachineClock, ProcessClock};
use crate::disk::WorldDisk;
use crate::swarm::Swarm;
use keepwhole::journal::snapshot::{Ignored, Place, Rules};
use keepwhole::journal::{Disk as _, Journal, JournalError, Options, Publisher};
use keepwhole::sequencer::{
    FoldError, Opening, Sequencer, SequencerError, Until, open, write_snapshot,
};
use keepwhole_core::state::State;
use keepwhole_core::transfer_ids::TransferIds;
use keepwhole_verify::note::{Ed25519Signer, NoteError, NoteSigner, SignatureLine, VerifierKey};
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the log of every world.
pub const ORIGIN: &str = "simulated.example/log";

/// What a world's program is run with.
#[derive(Clone, Debug)]
pub struct Settings {
    signer: LogSigner,
    options: Options,
    rules: Rules,
    /// Ids of transfers that a generation has.
    transfer_ids: u32,
}

/// The log's key. The signature of a text is always the same one (RFC 8032), so the last is kept.
#[derive(Clone, Debug)]
struct LogSigner {
    signer: Arc<Ed25519Signer>,
    last: Arc<Mutex<Option<(String, SignatureLine)>>>,
}

impl NoteSigner for LogSigner {
    fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((signed, line)) if signed == text => Ok(line.clone()),
            _ => {
                let line = self.signer.sign(text)?;
                *last = Some((text.to_owned(), line.clone()));
                Ok(line)
            }
        }
    }
}

impl Settings {
    /// Settings with these sizes and the log's key.
    ///
    /// # Errors
    /// Never in practice: the name is a key name.
    pub fn new(swarm: &Swarm) -> Result<Self, NoteError> {
        let signer = LogSigner {
            signer: Arc::new(Ed25519Signer::new(ORIGIN, &[7; 32])?),
            last: Arc::default(),
        };
        let options = Options {
            segment_bytes: swarm.segment_bytes,
            zero_ahead: swarm.zero_ahead,
            log_key: Some(signer.key().clone()),
        };
        // Every snapshot is worth using here, however short the journal is.
        let rules = Rules {
            least_bytes: 0,
            ..Rules::default()
        };
        Ok(Self {
            signer,
            options,
            rules,
            transfer_ids: swarm.transfer_ids,
        })
    }

    /// The key that verifies what the world publishes.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    /// How the journal is kept.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The state before the first record: its window of transfer ids is small enough to run out of.
    #[must_use]
    pub fn blank(&self) -> State {
        State {
            transfer_ids: TransferIds::remembering(self.transfer_ids),
            ..State::default()
        }
    }

    /// Opens journal and publisher, as whoever has the disk and the log's key can.
    ///
    /// # Errors
    /// As [`Journal::open`] and [`Publisher::open`].
    pub fn open(&self, disk: WorldDisk) -> Result<(Journal<WorldDisk>, Publisher), JournalError> {
        let (mut journal, _) = Journal::open(disk, self.options.clone())?;
        let signer = Box::new(self.signer.clone());
        let (publisher, _) = Publisher::open(&mut journal, ORIGIN, signer)?;
        Ok((journal, publisher))
    }

    /// Starts the program: from the newest good snapshot on, as the program starts every day.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where the journal can't be folded.
    pub fn start(
        &self,
        disk: WorldDisk,
        machine: &MachineClock,
    ) -> Result<Process, SequencerError> {
        let opening = Opening {
            options: self.options.clone(),
            rules: self.rules,
            known: Vec::new(),
            until: Until::End,
            blank: self.blank(),
        };
        let (mut journal, _, folded) = open(disk, opening)?;
        let signer = Box::new(self.signer.clone());
        let (publisher, _) = Publisher::open(&mut journal, ORIGIN, signer)?;
        let sequencer = Sequencer::resume(journal, folded.state);
        let clock = ProcessClock::start(machine, sequencer.state().at);
        Ok(Process {
            sequencer,
            publisher,
            clock,
            snapshot: folded.snapshot,
            ignored: folded.ignored,
        })
    }

    /// Writes a snapshot of another state than the program has, which the log's key did not sign.
    ///
    /// # Errors
    /// As [`write_snapshot`].
    pub fn forged_snapshot(
        &self,
        process: &Process,
        disk: &mut WorldDisk,
    ) -> Result<Option<String>, JournalError> {
        let mut state = process.sequencer.state().clone();
        state.breaker.tripped.clear();
        state.answers.clear();
        let forger = Ed25519Signer::new(ORIGIN, &[8; 32])?;
        let place = Place::of(process.sequencer.journal());
        write_snapshot(disk, &place, &state, Some(&forger), &self.rules)
    }

    /// Writes a snapshot of a running program's state beside its journal.
    ///
    /// # Errors
    /// As [`write_snapshot`]; the snapshots that were there stay.
    pub fn snapshot(&self, process: &Process) -> Result<Option<String>, JournalError> {
        let journal = process.sequencer.journal();
        write_snapshot(
            &mut journal.disk().beside(),
            &Place::of(journal),
            process.sequencer.state(),
            Some(&self.signer),
            &self.rules,
        )
    }
}

/// The running program.
#[derive(Debug)]
pub struct Process {
    /// The one writer.
    pub sequencer: Sequencer<WorldDisk>,
    /// Publishes what is durable.
    pub publisher: Publisher,
    /// Its clock.
    pub clock: ProcessClock,
    /// Position of the snapshot that it began with.
    pub snapshot: Option<u64>,
    /// Snapshots that it left aside.
    pub ignored: Vec<Ignored>,
}

/// The error of the journal inside, if it is one.
#[must_use]
pub const fn journal_error(error: &SequencerError) -> Option<&JournalError> {
    match error {
        SequencerError::Journal(error) | SequencerError::Fold(FoldError::Journal(error)) => {
            Some(error)
        }
        _ => None,
    }
}
