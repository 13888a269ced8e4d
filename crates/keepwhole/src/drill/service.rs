//! The service of one story: the real sequencer and journal over the story's disk, killed and started at will.

use std::sync::{Arc, Mutex, PoisonError};

use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::event::{Record, RecordError};
use keepwhole_core::state::State;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner, VerifierKey};
use sha2::{Digest as _, Sha256};

use super::disk::{DrillDisk, Folder, Machine, Medium, StopAt};
use super::report::Head;
use super::scenario::code::{CrashPoint, Reason};
use super::tamper;
use crate::journal::frame::Frame;
use crate::journal::sim_disk::{Faults, SimDisk};
use crate::journal::snapshot::Rules;
use crate::journal::{
    Alarm, Disk, Journal, JournalError, Known, Options, Plan, Publisher, Start, layout,
};
use crate::sequencer::{self, FoldError, Opening, Sequencer, SequencerError, Until};

/// What became of a command.
pub(super) enum Sent {
    /// Its reply left.
    Replied(Reply),
    /// The process was killed before the reply could leave.
    Silent,
    /// The process could not make it durable and said so.
    Failed(Reason),
    /// Nothing is decided, as the journal is open for reading only.
    ReadOnly,
    /// Nobody was there to take it.
    Stopped,
}

/// A running process.
struct Process {
    sequencer: Sequencer<DrillDisk>,
    /// Absent where the journal is open for reading only.
    publisher: Option<Publisher>,
}

/// The machine of one story, and the process on it while there is one.
pub(super) struct Service {
    machine: Machine,
    process: Option<Process>,
    /// The state when the process ended.
    last: State,
    armed: Option<CrashPoint>,
    stop_at: Arc<Mutex<Option<StopAt>>>,
    secret: [u8; 32],
    origin: String,
    head: Head,
    /// What a witness outside the machine holds of the log.
    witness: Option<Known>,
    /// Alarms about the journal, not yet taken.
    alarms: Vec<Alarm>,
}

/// What reading the whole journal found.
pub(super) struct Examined {
    /// Records that are good.
    pub(super) size: u64,
    /// The first thing that is wrong; behind it nothing is shown.
    pub(super) damage: Option<JournalError>,
}

/// Zeros ahead of frames: as in the product, but few, as a story is short.
const ZERO_AHEAD: u64 = 64 * 1024;

/// Called with each record, in order.
type Visit<'v> = dyn FnMut(Record) + 'v;

impl Service {
    /// Starts on an empty disk. Keys derive from `id`, so that the same story gives the same bytes. A `large` story has
    /// its journal in a folder of this machine.
    ///
    /// # Errors
    /// What the journal or the system says.
    pub(super) fn start(id: &str, large: bool) -> Result<Self, String> {
        let machine = if large {
            Machine::Real(Folder::make().map_err(|error| error.to_string())?)
        } else {
            Machine::Simulated(SimDisk::new())
        };
        let mut service = Self {
            machine,
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
            witness: None,
            alarms: Vec::new(),
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

    /// As an installation opens its journal: with what witnesses hold of it.
    fn opening(&self, key: VerifierKey) -> Opening {
        Opening {
            options: Self::options(key),
            rules: Rules::default(),
            known: self.witness.iter().cloned().collect(),
            until: Until::End,
            blank: State::default(),
        }
    }

    fn hand(&self) -> DrillDisk {
        DrillDisk::new(self.machine.medium(), Arc::clone(&self.stop_at))
    }

    /// Opens for writing; a journal that is not whole raises its alarm and is opened for reading only.
    fn open(&mut self) -> Result<(), String> {
        let signer = self.signer()?;
        let opening = self.opening(signer.key().clone());
        let (sequencer, publisher) = match sequencer::open(self.hand(), opening.clone()) {
            Ok((journal, _, folded)) => {
                let mut sequencer = Sequencer::resume(journal, folded.state);
                let opened =
                    Publisher::open(sequencer.journal_mut(), &self.origin, Box::new(signer));
                let (publisher, _) = opened.map_err(|error| error.to_string())?;
                (sequencer, Some(publisher))
            }
            Err(FoldError::Journal(error)) => {
                let Some(alarm) = Alarm::of(&error) else {
                    return Err(error.to_string());
                };
                self.alarms.push(alarm);
                (self.read_only(opening)?, None)
            }
            Err(error) => return Err(error.to_string()),
        };
        self.process = Some(Process {
            sequencer,
            publisher,
        });
        self.keep();
        Ok(())
    }

    fn read_only(&self, opening: Opening) -> Result<Sequencer<DrillDisk>, String> {
        let read = sequencer::read(self.hand(), opening);
        let (journal, _, _, folded) = read.map_err(|error| error.to_string())?;
        Ok(Sequencer::resume(journal, folded.state))
    }

    /// Remembers the head for the time when no process runs.
    pub(super) fn keep(&mut self) {
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

    /// Whether a process runs that only shows what is there.
    pub(super) fn is_read_only(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| process.publisher.is_none())
    }

    /// Whether the journal is too large to be looked at after every event.
    pub(super) const fn is_large(&self) -> bool {
        self.machine.simulated().is_none()
    }

    /// The alarms raised since they were last taken.
    pub(super) fn take_alarms(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms)
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
        if let Some(process) = self.process.take()
            && !self.is_large()
        {
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

    fn simulated(&self) -> Result<&SimDisk, String> {
        let why =
            "the journal of this story is on a real disk, which is neither broken nor changed";
        self.machine.simulated().ok_or_else(|| why.to_owned())
    }

    /// Has the next sync fail, as a disk does that lost what it was given.
    ///
    /// # Errors
    /// That the disk is a real one.
    pub(super) fn fail_sync(&self) -> Result<(), String> {
        self.simulated()?.set_faults(Faults {
            fail_sync: Some(1),
            ..Faults::default()
        });
        Ok(())
    }

    /// Leaves no space for any write.
    pub(super) fn fill_disk(&self) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(StopAt::Full);
    }

    /// Turns over a bit of the record at `position`.
    ///
    /// # Errors
    /// That it runs, or what can't be done.
    pub(super) fn flip(&self, position: u64) -> Result<(), String> {
        tamper::flip(self.stopped_disk()?, position)
    }

    /// Cuts the journal before the record at `position`.
    ///
    /// # Errors
    /// That it runs, or what can't be done.
    pub(super) fn truncate(&self, position: u64) -> Result<(), String> {
        tamper::truncate(self.stopped_disk()?, position)
    }

    fn stopped_disk(&self) -> Result<&SimDisk, String> {
        if self.is_up() {
            return Err("the files are changed while the service is stopped".to_owned());
        }
        self.simulated()
    }

    /// Hands the published checkpoint to the witness, which checks the log's signature.
    ///
    /// # Errors
    /// That there is none, or that it is not the log's.
    pub(super) fn witness(&mut self) -> Result<(), String> {
        let (note, key) = self.checkpoint()?;
        let verified = Checkpoint::verify(&note, std::slice::from_ref(&key));
        let (checkpoint, _) = verified.map_err(|error| error.to_string())?;
        self.witness = Some(Known {
            size: checkpoint.size(),
            root: checkpoint.root(),
        });
        Ok(())
    }

    /// Starts the process again and records that it was down, where it may record.
    pub(super) fn restart(&mut self, at: u64) -> Result<(), String> {
        self.open()?;
        if self.is_read_only() {
            return Ok(());
        }
        let since = self.state().at;
        let command = Command {
            id: None,
            actor: None,
            body: Body::RecordDowntime { since },
        };
        match self.send(&command, at) {
            Sent::Replied(_) => Ok(()),
            _ => Err("the journal failed right after the start".to_owned()),
        }
    }

    /// Whether a second process could start now: it must be told that the lock is held.
    pub(super) fn second_writer(&self) -> Result<(), JournalError> {
        let signer = self.signer().map_err(JournalError::Stopped)?;
        Journal::open(self.hand(), Self::options(signer.key().clone())).map(drop)
    }

    /// Has the time pass until `at`; false when nobody was there to see it.
    pub(super) fn pass(&mut self, at: u64) -> bool {
        !self.is_read_only() && self.turn(&[], at).is_ok()
    }

    pub(super) fn send(&mut self, command: &Command, at: u64) -> Sent {
        match self.turn(std::slice::from_ref(command), at) {
            Ok(Some(reply)) => Sent::Replied(reply),
            Ok(None) => Sent::Stopped,
            Err(sent) => sent,
        }
    }

    #[expect(
        clippy::result_large_err,
        reason = "a reply is as large where it is no error, and a drill sends few"
    )]
    fn turn(&mut self, commands: &[Command], at: u64) -> Result<Option<Reply>, Sent> {
        let Some(process) = &mut self.process else {
            return Err(Sent::Stopped);
        };
        let armed = if commands.is_empty() {
            None
        } else {
            self.armed.take()
        };
        {
            let mut stop_at = self.stop_at.lock().unwrap_or_else(PoisonError::into_inner);
            match armed {
                Some(CrashPoint::BeforeAppend) => *stop_at = Some(StopAt::Write),
                Some(CrashPoint::AfterAppend) => *stop_at = Some(StopAt::Sync),
                _ => {}
            }
        }
        let outcome = process.sequencer.turn(at, commands);
        let published = match (&mut process.publisher, &outcome) {
            (Some(publisher), Ok(_)) if armed != Some(CrashPoint::AfterFsync) => {
                publisher.publish(process.sequencer.journal_mut()).is_ok()
            }
            _ => false,
        };
        self.keep();
        match outcome {
            Ok(replies) if armed.is_none() && published => Ok(replies.into_iter().next()),
            Err(error) if armed.is_none() => Err(self.failed(&error)),
            Ok(_) | Err(_) => {
                self.kill();
                Err(Sent::Silent)
            }
        }
    }

    /// What the process does when its journal fails: it ends, unless it only shows what is there.
    fn failed(&mut self, error: &SequencerError) -> Sent {
        let journal = match error {
            SequencerError::Journal(error) | SequencerError::Fold(FoldError::Journal(error)) => {
                Some(error)
            }
            _ => None,
        };
        if let Some(JournalError::ReadOnly) = journal {
            // What was decided and could not be written is forgotten.
            self.process = None;
            let opened = self.signer().and_then(|signer| {
                let opening = self.opening(signer.key().clone());
                self.read_only(opening)
            });
            self.process = opened.ok().map(|sequencer| Process {
                sequencer,
                publisher: None,
            });
            return Sent::ReadOnly;
        }
        self.alarms.extend(journal.and_then(Alarm::of));
        self.kill();
        let full = journal.is_some_and(|error| error.code() == "disk_full");
        Sent::Failed(if full {
            Reason::DiskFull
        } else {
            Reason::IoError
        })
    }

    /// The sequencer and its publisher, to import with; `None` while nothing can be written.
    pub(super) fn writing(&mut self) -> Option<(&mut Sequencer<DrillDisk>, &mut Publisher)> {
        let process = self.process.as_mut()?;
        Some((&mut process.sequencer, process.publisher.as_mut()?))
    }

    /// Reads what would be there if the power went now and nothing unsynced survived, against what the witness holds,
    /// and shows every good entry.
    fn read(
        &self,
        medium: Medium,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Examined, String> {
        let key = self.signer()?.key().clone();
        let disk = DrillDisk::new(medium, Arc::default());
        let mut plan = Against(self.witness.clone());
        let opened = Journal::read_along(disk, Self::options(key), &mut plan);
        let (journal, _, damage) = opened.map_err(|error| error.to_string())?;
        let mut stopped = Ok(());
        let read = journal.read::<JournalError>(0, &mut |_, bytes| {
            if stopped.is_ok() {
                stopped = visit(bytes);
            }
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
        stopped?;
        let size = journal.head().size;
        Ok(Examined { size, damage })
    }

    /// Reads the durable journal as records.
    ///
    /// # Errors
    /// What keeps it from being read, or that an entry is no record.
    pub(super) fn examine(&self, visit: &mut Visit<'_>) -> Result<Examined, String> {
        self.read(self.machine.after_power_loss(), &mut |bytes| {
            visit(Record::decode(bytes).map_err(no_record)?);
            Ok(())
        })
    }

    /// As [`examine`](Self::examine), of a copy in which the one bit that `damage` names is turned back, where it names one.
    ///
    /// # Errors
    /// As [`examine`](Self::examine).
    pub(super) fn examine_mended(
        &self,
        damage: &JournalError,
        visit: &mut Visit<'_>,
    ) -> Result<Examined, String> {
        let copy = self.machine.after_power_loss();
        if let Medium::Simulated(disk) = &copy {
            tamper::mend(disk, damage)?;
        }
        self.read(copy, &mut |bytes| {
            visit(Record::decode(bytes).map_err(no_record)?);
            Ok(())
        })
    }

    /// The entries of a whole journal.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub(super) fn entries(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut entries = Vec::new();
        let examined = self.read(self.machine.after_power_loss(), &mut |bytes| {
            entries.push(bytes.to_vec());
            Ok(())
        })?;
        match examined.damage {
            None => Ok(entries),
            Some(damage) => Err(damage.to_string()),
        }
    }

    /// The same entries as records.
    ///
    /// # Errors
    /// What is wrong with the journal, or that an entry is no record.
    pub(super) fn durable(&self) -> Result<Vec<Record>, String> {
        let mut records = Vec::new();
        let examined = self.examine(&mut |record| records.push(record))?;
        match examined.damage {
            None => Ok(records),
            Some(damage) => Err(damage.to_string()),
        }
    }

    /// The published checkpoint, and the key that a reader needs to check it.
    ///
    /// # Errors
    /// That none can be read.
    pub(super) fn checkpoint(&self) -> Result<(Vec<u8>, VerifierKey), String> {
        let note = self
            .hand()
            .read(layout::CHECKPOINT)
            .map_err(|error| error.to_string())?;
        Ok((note, self.signer()?.key().clone()))
    }
}

/// Reads from the first record on, against what a witness holds.
struct Against(Option<Known>);

impl<D> Plan<D> for Against {
    fn start(&mut self, _: &D) -> Result<Start, JournalError> {
        Ok(Start {
            base: None,
            known: self.0.iter().cloned().collect(),
        })
    }

    fn seen(&mut self, _: &Frame<'_>) -> Result<(), JournalError> {
        Ok(())
    }
}

/// What is wrong with the bytes of an entry.
fn no_record(error: RecordError) -> String {
    match error {
        RecordError::UnknownVersion { version } => {
            format!("an entry is of version {version}, which this program does not know")
        }
        RecordError::NotARecord => "an entry is no record".to_owned(),
    }
}
