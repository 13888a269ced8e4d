//! One run of the program over the world's disk: journal, publisher and sequencer, started as the program starts them.

use crate::clock::{MachineClock, ProcessClock};
use crate::disk::WorldDisk;
use keepwhole::journal::{Journal, JournalError, Options, Publisher};
use keepwhole::sequencer::{Sequencer, SequencerError};
use keepwhole_verify::note::{Ed25519Signer, NoteError, NoteSigner as _, VerifierKey};

/// Name of the log of every world.
pub const ORIGIN: &str = "simulated.example/log";

/// What a world's program is run with.
#[derive(Clone, Debug)]
pub struct Settings {
    secret: [u8; 32],
    key: VerifierKey,
    options: Options,
}

impl Settings {
    /// Settings with these sizes and the log's key.
    ///
    /// # Errors
    /// Never in practice: the name is a key name.
    pub fn new(segment_bytes: u64, zero_ahead: u64) -> Result<Self, NoteError> {
        let secret = [7; 32];
        let key = Ed25519Signer::new(ORIGIN, &secret)?.key().clone();
        let options = Options {
            segment_bytes,
            zero_ahead,
            log_key: Some(key.clone()),
        };
        Ok(Self {
            secret,
            key,
            options,
        })
    }

    /// The key that verifies what the world publishes.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// How the journal is kept.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Opens journal and publisher, as whoever has the disk and the log's key can.
    ///
    /// # Errors
    /// As [`Journal::open`] and [`Publisher::open`].
    pub fn open(&self, disk: WorldDisk) -> Result<(Journal<WorldDisk>, Publisher), JournalError> {
        let (mut journal, _) = Journal::open(disk, self.options.clone())?;
        let signer = Ed25519Signer::new(ORIGIN, &self.secret)?;
        let (publisher, _) = Publisher::open(&mut journal, ORIGIN, Box::new(signer))?;
        Ok((journal, publisher))
    }

    /// Starts the program.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where the journal can't be folded.
    pub fn start(
        &self,
        disk: WorldDisk,
        machine: &MachineClock,
    ) -> Result<Process, SequencerError> {
        let (journal, publisher) = self.open(disk)?;
        let sequencer = Sequencer::open(journal)?;
        let clock = ProcessClock::start(machine, sequencer.state().at);
        Ok(Process {
            sequencer,
            publisher,
            clock,
        })
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
}

/// The error of the journal inside, if it is one.
#[must_use]
pub const fn journal_error(error: &SequencerError) -> Option<&JournalError> {
    match error {
        SequencerError::Journal(error) => Some(error),
        _ => None,
    }
}
