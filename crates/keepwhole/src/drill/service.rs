//! The service of one story: the real sequencer and journal over a simulated disk, killed and started at will.

use std::sync::{Arc, Mutex, PoisonError};

use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::event::Record;
use keepwhole_core::state::State;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner, VerifierKey};
use sha2::{Digest as _, Sha256};

use super::disk::{DrillDisk, StopAt};
use super::report::Head;
use super::scenario::code::CrashPoint;
use crate::journal::{Disk, Journal, JournalError, Options, Publisher, SimDisk, layout};
use crate::sequencer::Sequencer;

/// What became of a command.
pub(super) enum Sent {
    /// Its reply left.
    Replied(Reply),
    /// The process was killed before the reply could leave.
    Silent,
    /// Nobody was there to take it.
    Stopped,
}

/// A running process.
struct Process {
    sequencer: Sequencer<DrillDisk>,
    publisher: Publisher,
}

/// The machine of one story, and the process on it while there is one.
pub(super) struct Service {
    machine: SimDisk,
    process: Option<Process>,
    /// The state when the process ended.
    last: State,
    armed: Option<CrashPoint>,
    stop_at: Arc<Mutex<Option<StopAt>>>,
    secret: [u8; 32],
    origin: String,
    head: Head,
}

/// Zeros ahead of frames: as in the product, but few, as a story is short.
const ZERO_AHEAD: u64 = 64 * 1024;

impl Service {
    /// Starts on an empty disk. Keys derive from `id`, so that the same story gives the same bytes.
    ///
    /// # Errors
    /// What the journal says.
    pub(super) fn start(id: &str) -> Result<Self, String> {
        let mut service = Self {
            machine: SimDisk::new(),
            process: None,
            last: State::default(),
            armed: None,
            stop_at: Arc::default(),
            secret: Sha256::digest(format!("drill log key {id}").as_bytes()).into(),
            origin: format!("drill.example/{id}"),
            head: Head {
                size: 0,
                root: [0; 32],
            },
        };
        service.open()?;
        Ok(service)
    }

    fn signer(&self) -> Result<Ed25519Signer, String> {
        Ed25519Signer::new(&self.origin, &self.secret).map_err(|error| error.to_string())
    }

    fn options(key: VerifierKey) -> Options {
        Options {
            zero_ahead: ZERO_AHEAD,
            log_key: Some(key),
            ..Options::default()
        }
    }

    fn open(&mut self) -> Result<(), String> {
        let signer = self.signer()?;
        let disk = DrillDisk::new(self.machine.another(), Arc::clone(&self.stop_at));
        let (journal, _) =
            Journal::open(disk, Self::options(signer.key().clone())).map_err(|e| e.to_string())?;
        let mut sequencer = Sequencer::open(journal).map_err(|error| error.to_string())?;
        let opened = Publisher::open(sequencer.journal_mut(), &self.origin, Box::new(signer));
        let (publisher, _) = opened.map_err(|error| error.to_string())?;
        self.process = Some(Process {
            sequencer,
            publisher,
        });
        self.keep();
        Ok(())
    }

    /// Remembers state and head for the time when no process runs.
    fn keep(&mut self) {
        if let Some(process) = &self.process {
            let head = process.sequencer.head();
            self.head = Head {
                size: head.size,
                root: *head.root.as_bytes(),
            };
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// The state now, or when the process ended.
    pub(super) fn state(&self) -> &State {
        self.process
            .as_ref()
            .map_or(&self.last, |process| process.sequencer.state())
    }

    pub(super) const fn head(&self) -> Head {
        self.head
    }

    /// Kills the process; the machine goes on.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            self.last = process.sequencer.state().clone();
        }
        self.armed = None;
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.machine.kill();
    }

    /// Kills the process while the next command is processed.
    pub(super) const fn arm(&mut self, point: CrashPoint) {
        self.armed = Some(point);
    }

    /// Starts the process again and records that it was down.
    pub(super) fn restart(&mut self, at: u64) -> Result<(), String> {
        self.open()?;
        let since = self.state().at;
        let command = Command {
            id: None,
            actor: None,
            body: Body::RecordDowntime { since },
        };
        match self.send(&command, at) {
            Sent::Replied(_) => Ok(()),
            Sent::Silent | Sent::Stopped => {
                Err("the journal failed right after the start".to_owned())
            }
        }
    }

    /// Whether a second process could start now: it must be told that the lock is held.
    pub(super) fn second_writer(&self) -> Result<(), JournalError> {
        let signer = self.signer().map_err(JournalError::Stopped)?;
        Journal::open(self.machine.another(), Self::options(signer.key().clone())).map(drop)
    }

    /// Has the time pass until `at`; false when nobody was there.
    pub(super) fn pass(&mut self, at: u64) -> bool {
        self.turn(&[], at).is_ok()
    }

    pub(super) fn send(&mut self, command: &Command, at: u64) -> Sent {
        match self.turn(std::slice::from_ref(command), at) {
            Ok(Some(reply)) => Sent::Replied(reply),
            Ok(None) => Sent::Stopped,
            Err(sent) => sent,
        }
    }

    fn turn(&mut self, commands: &[Command], at: u64) -> Result<Option<Reply>, Sent> {
        let Some(process) = &mut self.process else {
            return Err(Sent::Stopped);
        };
        let armed = if commands.is_empty() {
            None
        } else {
            self.armed.take()
        };
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = match armed {
            Some(CrashPoint::BeforeAppend) => Some(StopAt::Write),
            Some(CrashPoint::AfterAppend) => Some(StopAt::Sync),
            _ => None,
        };
        let outcome = process.sequencer.turn(at, commands);
        let published = armed != Some(CrashPoint::AfterFsync)
            && outcome.is_ok()
            && process
                .publisher
                .publish(process.sequencer.journal_mut())
                .is_ok();
        self.keep();
        match outcome {
            Ok(replies) if armed.is_none() && published => Ok(replies.into_iter().next()),
            Ok(_) | Err(_) => {
                self.kill();
                Err(Sent::Silent)
            }
        }
    }

    /// The entries that would be there if the power went now and nothing unsynced survived.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub(super) fn entries(&self) -> Result<Vec<Vec<u8>>, String> {
        let key = self.signer()?.key().clone();
        let opened = Journal::open_read_only(self.machine.after_power_loss(), Self::options(key));
        let (journal, _, damage) = opened.map_err(|error| error.to_string())?;
        if let Some(damage) = damage {
            return Err(damage.to_string());
        }
        let mut entries = Vec::new();
        let read = journal.read::<JournalError>(0, &mut |_, bytes| {
            entries.push(bytes.to_vec());
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
        Ok(entries)
    }

    /// The same entries as records.
    ///
    /// # Errors
    /// What is wrong with the journal, or which entry is no record.
    pub(super) fn durable(&self) -> Result<Vec<Record>, String> {
        let entries = self.entries()?;
        let numbered = entries.iter().enumerate();
        let decode = |(position, bytes): (usize, &Vec<u8>)| {
            Record::decode(bytes)
                .map_err(|error| format!("entry `{position}` is no record: {error:?}"))
        };
        numbered.map(decode).collect()
    }

    /// The published checkpoint, and the key that a reader needs to check it.
    ///
    /// # Errors
    /// That none can be read.
    pub(super) fn checkpoint(&self) -> Result<(Vec<u8>, VerifierKey), String> {
        let note = self
            .machine
            .another()
            .read(layout::CHECKPOINT)
            .map_err(|error| error.to_string())?;
        Ok((note, self.signer()?.key().clone()))
    }
}
