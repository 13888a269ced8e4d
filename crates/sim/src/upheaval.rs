//! What happens to a world beside its commands: faults, restarts, publications, and its end.

use crate::adversary::Scene;
use crate::audit::Audit;
use crate::draw::Draw;
use crate::network::Message;
use crate::process::journal_error;
use crate::promise::{Broken, Promise};
use crate::swarm::{Fault, Swarm};
use crate::witness::Finding;
use crate::world::{Outcome, World};
use keepwhole::journal::disk::Disk as _;
use keepwhole::journal::publish::check_tiles;
use keepwhole::journal::sim_disk::{Faults, Kept};
use keepwhole::journal::{Head, Journal, JournalError};
use keepwhole::sequencer::{SequencerError, Until, fold_on};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::due::next_due;

/// Starts that may fail in a row before it counts as broken; each failure has a fault of its own.
const STARTS: u64 = 12;

impl World {
    /// One fault of the world's swarm.
    pub(crate) fn fault(&mut self, draw: &mut Draw) -> Outcome {
        let faults: Vec<Fault> = self.swarm.faults().collect();
        let Some(fault) = self.swarm.one_of(draw, &faults) else {
            self.clock.pass(draw.below(5_000));
            return Ok(());
        };
        self.note(|| format!("fault `{}`", fault.word()));
        *self.tally.faults.entry(fault).or_insert(0) += 1;
        let soon = |draw: &mut Draw, most| Some(1 + draw.below(most));
        match fault {
            Fault::Crash => self.orders().stop = soon(draw, 25),
            Fault::FailedWrite => self.orders().fail_write = soon(draw, 4),
            Fault::KeptWrite => self.orders().keep_write = soon(draw, 4),
            Fault::FailedSync => self.orders().fail_sync = soon(draw, 4),
            Fault::LyingSync => self.orders().lie_sync = soon(draw, 4),
            Fault::Restart | Fault::Torn | Fault::Names => return self.recover(),
            Fault::Slow => self.orders().sync_ms = draw.below(3_000),
            Fault::Full => self.fill(draw),
            Fault::ClockBack => {
                let by = i64::try_from(draw.below(4_000_000)).unwrap_or(0);
                self.clock.jump(-by);
            }
            Fault::ClockForward => {
                let by = i64::try_from(draw.below(400_000)).unwrap_or(0);
                self.clock.jump(by);
            }
            Fault::ClockStands => self.stands = !self.stands,
            Fault::SecondProcess => return self.second_process(),
            Fault::BrokenLock => return self.broken_lock(),
            Fault::RotSegment
            | Fault::RotTile
            | Fault::RotSnapshot
            | Fault::OldBackup
            | Fault::Truncate
            | Fault::Rewrite
            | Fault::Edit => return self.tamper(fault, draw),
            // These strike messages and commands, not this moment.
            Fault::Duplicate
            | Fault::Reorder
            | Fault::Delay
            | Fault::Drop
            | Fault::Loosen
            | Fault::TwoSessions
            | Fault::Theft => {}
        }
        Ok(())
    }

    /// Leaves little space on the disk, or gives it back.
    fn fill(&mut self, draw: &mut Draw) {
        self.full = !self.full;
        let capacity = self.full.then(|| self.used() + draw.below(6_000));
        self.orders().capacity = capacity;
        self.machine.set_faults(Faults {
            capacity,
            ..Faults::default()
        });
    }

    fn used(&self) -> u64 {
        let disk = self.disk();
        let files = disk.list("").unwrap_or_default();
        let lengths = files
            .iter()
            .filter_map(|path| disk.len(path).ok().flatten());
        lengths.sum()
    }

    /// Another process on the same machine must stop at the lock.
    fn second_process(&mut self) -> Outcome {
        if self.process.is_none() {
            return Ok(());
        }
        let orders = self.orders().clone();
        if orders.armed() {
            return Ok(());
        }
        match self.settings.start(self.disk(), &self.clock) {
            Err(error) if matches!(journal_error(&error), Some(JournalError::LockHeld)) => Ok(()),
            Err(error) => Err(Promise::OneWriter.failed("a second process was told", &error)),
            Ok(_) => Promise::OneWriter.broken("a second process started".to_owned()),
        }
    }

    /// Where the lock does not hold, the later start takes over and the earlier one writes no more.
    fn broken_lock(&mut self) -> Outcome {
        if self.process.is_none() || self.orders().armed() || self.full {
            return Ok(());
        }
        self.orders().broken_lock = true;
        let second = self.settings.start(self.disk(), &self.clock);
        self.orders().broken_lock = false;
        let second = second.map_err(|e| Promise::Start.failed("a start beside another", &e))?;
        let Some(first) = &mut self.process else {
            return Ok(());
        };
        let now = first.clock.now();
        let command = Command {
            id: Some(format!("fenced-{}", self.step)),
            actor: None,
            body: Body::RecordClockJump { by_ms: 0 },
        };
        let told = first.sequencer.turn(now, &[command]);
        if !matches!(
            &told,
            Err(SequencerError::Journal(JournalError::Fenced { .. }))
        ) {
            let what = format!("two processes write: the earlier one was told {told:?}");
            return Promise::OneWriter.broken(what);
        }
        let head = second.sequencer.journal().check();
        drop(second);
        self.process = None;
        if !head.as_ref().is_ok_and(|head| *head == self.acked) {
            let what = format!("beside another process the journal is {head:?}");
            return Promise::OneWriter.broken(what);
        }
        self.recover()
    }

    /// Publishes, and the witness looks.
    pub(crate) fn publish(&mut self, draw: &mut Draw) -> Outcome {
        self.note(|| "publishes".to_owned());
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        let published = process.publisher.publish(process.sequencer.journal_mut());
        if let Err(error) = published {
            self.note(|| format!("publishing fails: {error}"));
            return self.recover();
        }
        if draw.once_in(3) {
            return Ok(());
        }
        self.show_witness()
    }

    /// Writes a snapshot; one that fails leaves the program running, if the machine still does.
    pub(crate) fn snapshot(&mut self, draw: &mut Draw) -> Outcome {
        self.note(|| "writes a snapshot".to_owned());
        let Some(process) = &self.process else {
            return Ok(());
        };
        let before = self.orders().fired;
        let Err(error) = self.settings.snapshot(process) else {
            return Ok(());
        };
        if self.orders().fired == before && !self.full {
            return Err(Promise::Start.failed("writing a snapshot", &error));
        }
        self.note(|| format!("the snapshot fails: {error}"));
        let stopped = self.disk().list("").is_err();
        if stopped || draw.once_in(2) {
            return self.recover();
        }
        Ok(())
    }

    fn show_witness(&mut self) -> Outcome {
        let Some(process) = &self.process else {
            return Ok(());
        };
        match self.witness.visit(process.sequencer.journal().disk()) {
            Finding::Grows => {
                self.tally.witnessed += 1;
                Ok(())
            }
            other => Promise::Grows.broken(format!("the witness says {other:?}")),
        }
    }

    /// An act of the administrator or of age, on a copy of the machine.
    fn tamper(&mut self, fault: Fault, draw: &mut Draw) -> Outcome {
        if self.orders().armed() || self.full || self.orders().lies > 0 {
            return Ok(());
        }
        self.publish(&mut Draw::new(1))?;
        self.show_witness()?;
        if fault == Fault::RotSnapshot {
            self.snapshot(draw)?;
        }
        let Some(process) = &self.process else {
            return Ok(());
        };
        if fault == Fault::OldBackup && self.backup.is_none() {
            self.backup = Some(self.machine.after_power_loss());
            return Ok(());
        }
        let copy = match (&self.backup, fault) {
            (Some(backup), Fault::OldBackup) => backup.after_power_loss(),
            _ => self.machine.after_power_loss(),
        };
        let scene = Scene {
            copy,
            settings: &self.settings,
            witness: &self.witness,
            truth: self.acked,
            running: process,
        };
        match fault {
            Fault::RotSegment => scene.rot_segment(draw),
            Fault::RotTile => scene.rot_tile(draw),
            Fault::RotSnapshot => scene.rot_snapshot(draw),
            Fault::OldBackup => scene.old_backup(),
            Fault::Truncate => scene.truncate(draw),
            Fault::Rewrite => scene.rewrite(draw),
            _ => scene.edit(draw),
        }
    }

    /// The process ends, or the machine loses power with a part of what was not synced; then it starts again.
    pub(crate) fn recover(&mut self) -> Outcome {
        let seed = self.scenario.seed.rotate_left(17) ^ self.step;
        let mut draw = Draw::new(seed);
        let clean = self.pending.is_none();
        let before = self.process.take().map(|process| {
            let state = process.sequencer.state();
            clean.then(|| state.digest())
        });
        self.inbox.clear();
        for attempt in 0..STARTS {
            self.fall(&mut draw);
            self.trouble_at_start(attempt, &mut draw);
            self.tally.recoveries += 1;
            match self.settings.start(self.disk(), &self.clock) {
                Ok(process) => {
                    self.tally.from_snapshots += u64::from(process.snapshot.is_some());
                    self.process = Some(process);
                    break;
                }
                Err(error) if self.explained(&error) => {
                    self.note(|| format!("the start fails: {error}"));
                }
                Err(error) => return self.refused_start(&error),
            }
        }
        self.orders().disarm();
        if self.process.is_none() {
            return Promise::Start.broken("no start came through".to_owned());
        }
        self.after_recovery()?;
        let (Some(Some(before)), Some(process)) = (before, &self.process) else {
            return Ok(());
        };
        if !self.over && process.sequencer.state().digest() != before {
            return Promise::Refold.broken("after a restart the state is another one".to_owned());
        }
        Ok(())
    }

    /// How the process ends: killed, or with the power gone and any part of what was not synced.
    fn fall(&mut self, draw: &mut Draw) {
        let torn = self.swarm.has(Fault::Torn);
        let names = self.swarm.has(Fault::Names) && draw.once_in(2);
        let ways = if self.swarm.has(Fault::Crash) || torn {
            3
        } else {
            1
        };
        match draw.below(ways) {
            0 => self.machine.kill(),
            1 => self.machine.crash(names, &mut |_| Kept::Nothing),
            _ if torn => self
                .machine
                .crash(names, &mut |unsynced| match draw.below(4) {
                    0 => Kept::Nothing,
                    1 => Kept::All,
                    2 => Kept::Sectors(draw.next()),
                    _ => {
                        let bytes = unsynced.bytes.unwrap_or(0) as u64;
                        Kept::First(usize::try_from(draw.below(bytes + 1)).unwrap_or(0))
                    }
                }),
            _ => self.machine.crash(names, &mut |_| Kept::All),
        }
    }

    /// Faults may strike the recovery too.
    fn trouble_at_start(&mut self, attempt: u64, draw: &mut Draw) {
        if attempt > 2 && self.full {
            self.full = false;
            self.orders().capacity = None;
        }
        let crash = self.swarm.has(Fault::Crash) && attempt < 4 && draw.once_in(4);
        let sync = self.swarm.has(Fault::FailedSync) && attempt < 4 && draw.once_in(8);
        let capacity = {
            let mut orders = self.orders();
            orders.disarm();
            orders.fired = 0;
            orders.stop = crash.then(|| 1 + draw.below(14));
            orders.fail_sync = sync.then(|| 1 + draw.below(4));
            orders.capacity
        };
        self.machine.set_faults(Faults {
            capacity,
            ..Faults::default()
        });
    }

    /// A start may fail by a fault that struck it, or for want of space.
    fn explained(&self, error: &SequencerError) -> bool {
        let full = journal_error(error).is_some_and(|error| error.code() == "disk_full");
        self.orders().fired > 0 || (self.full && full)
    }

    /// A start that refuses: right only where a lying disk lost something, and then with the right numbers.
    fn refused_start(&mut self, error: &SequencerError) -> Outcome {
        if self.orders().lies == 0 {
            return Err(Promise::Start.failed("the start", error));
        }
        let options = self.settings.options().clone();
        let (journal, recovery, _) = Journal::open_read_only(self.disk(), options)
            .map_err(|error| Promise::Found.failed("reading what the disk left", &error))?;
        let head = journal.head();
        self.was_true(head)?;
        let right = match journal_error(error) {
            Some(JournalError::Truncated {
                recovered,
                published,
            }) => {
                // A snapshot may stand behind what the disk lost; then the start reads on from there.
                let known = *recovered > head.size && self.heads.contains_key(recovered);
                (known || *recovered == head.size) && Some(*published) == recovery.published
            }
            Some(JournalError::Damaged { .. }) => true,
            _ => false,
        };
        if !right {
            let what = format!("a lying disk left {head:?}, the start says {error}");
            return Promise::Found.broken(what);
        }
        self.note(|| format!("what the disk lost is found: {error}"));
        self.tally.losses_found += 1;
        self.over = true;
        Ok(())
    }

    /// The head is one that was acknowledged.
    fn was_true(&self, head: Head) -> Outcome {
        let known = head.size == 0 || self.heads.get(&head.size) == Some(&head);
        if known || head.size > self.acked.size {
            return Ok(());
        }
        let what = format!("{head:?} was never a head of this journal");
        Promise::Kept.broken(what)
    }

    /// After a start: everything acknowledged is there, and what was under way is either wholly there or not at all.
    fn after_recovery(&mut self) -> Outcome {
        let Some(process) = &self.process else {
            return Ok(());
        };
        let head = process.sequencer.head();
        if head.size < self.acked.size {
            return self.lost(head);
        }
        let journal = process.sequencer.journal();
        if self.orders().lies > 0 && process.snapshot.is_some() {
            // What lies before the snapshot is left to the scrub, which must find what the disk lost of it.
            if let Err(JournalError::Damaged { .. }) = journal.check() {
                self.tally.losses_found += 1;
                self.over = true;
                return Ok(());
            }
        }
        let tail = self.audit.read_on(journal, &self.heads, self.acked.size)?;
        let known = self.heads.get(&self.witness.size()).map(|head| head.root);
        if self.witness.root() != known {
            return Promise::Grows.broken("the journal left what the witness saw".to_owned());
        }
        self.client.judge(&self.audit)?;
        let pending = self.pending.take();
        if head.size == self.acked.size {
            return Ok(());
        }
        let Some(pending) = pending else {
            let what = format!(
                "records appeared from nowhere: {} to {}",
                self.acked.size, head.size
            );
            return Promise::Kept.broken(what);
        };
        if tail.len() != pending.commands.len() {
            let what = format!(
                "of a turn of {} commands {} are there",
                pending.commands.len(),
                tail.len()
            );
            return Promise::Kept.broken(what);
        }
        self.note(|| "the turn that failed is there".to_owned());
        self.judge(&pending, &tail, None)
    }

    /// A start with less than was acknowledged: only after a disk that lied, and the witness says how much is missing.
    fn lost(&mut self, head: Head) -> Outcome {
        if self.orders().lies == 0 {
            let what = format!("{} records are left of {}", head.size, self.acked.size);
            return Promise::Kept.broken(what);
        }
        self.was_true(head)?;
        let Some(process) = &self.process else {
            return Ok(());
        };
        let finding = self.witness.judge(process.sequencer.journal().disk());
        let missing = self.witness.size().saturating_sub(head.size);
        let right = match finding {
            Finding::RolledBack { missing: said } => said == missing,
            Finding::Grows => missing == 0,
            _ => false,
        };
        if !right {
            let what = format!("{missing} records are missing, the witness says {finding:?}");
            return Promise::Found.broken(what);
        }
        self.tally.losses_found += 1;
        self.over = true;
        Ok(())
    }

    /// Folds the journal again and compares.
    pub(crate) fn refold(&mut self) -> Outcome {
        let Some(process) = &self.process else {
            return Ok(());
        };
        let blank = self.settings.blank();
        let again = fold_on(process.sequencer.journal(), blank, Until::End, &mut |_| {});
        let again = again.map_err(|error| Promise::Refold.failed("folding again", &error))?;
        if again.digest() != process.sequencer.state().digest() {
            let what = "folding the journal again gives another state".to_owned();
            return Promise::Refold.broken(what);
        }
        Ok(())
    }

    /// Faults stop: everybody is answered, everything due happens, and the whole journal verifies.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn end(&mut self) -> Result<(), Broken> {
        self.step += 1;
        self.orders().disarm();
        self.orders().capacity = None;
        (self.full, self.stands) = (false, false);
        let batch = self.swarm.batch;
        self.swarm = Swarm::quiet();
        self.swarm.batch = batch;
        self.recover()?;
        for _ in 0..4 {
            if self.over {
                return Ok(());
            }
            for place in self.client.retries(u64::MAX, self.step) {
                self.inbox.push(place);
            }
            self.drain()?;
        }
        self.client.all_answered()?;
        self.clock.pass(3_600_000);
        let tick = Command {
            id: None,
            actor: None,
            body: Body::ObserveTime,
        };
        // A turn judges some of those again that wait; as many turns as it could take.
        let state = self
            .process
            .as_ref()
            .map(|process| process.sequencer.state());
        let turns = state.map_or(0, |state| state.guard.waiting.len()) / 256 + 1;
        for _ in 0..turns {
            self.hand_over(vec![tick.clone()], vec![None])?;
        }
        let Some(process) = &self.process else {
            return Ok(());
        };
        if next_due(process.sequencer.state()).is_some_and(|due| due <= self.at) {
            let what = "something is due and did not happen".to_owned();
            return Promise::Answered.broken(what);
        }
        self.last_look()
    }

    /// All messages arrive, and all that wait are answered.
    fn drain(&mut self) -> Outcome {
        loop {
            for message in self.network.drain() {
                match message {
                    Message::Request(place) => self.inbox.push(place),
                    Message::Answer(place, answer) => {
                        self.client.hears(place, answer)?;
                    }
                }
            }
            if self.inbox.is_empty() || self.over {
                return Ok(());
            }
            self.turn()?;
        }
    }

    fn last_look(&mut self) -> Outcome {
        self.publish(&mut Draw::new(1))?;
        self.show_witness()?;
        self.refold()?;
        let Some(process) = &self.process else {
            return Ok(());
        };
        let journal = process.sequencer.journal();
        let head = journal
            .check()
            .map_err(|error| Promise::Kept.failed("checking the journal", &error))?;
        if head != self.acked {
            let what = format!("the disk has {head:?}, acknowledged is {:?}", self.acked);
            return Promise::Kept.broken(what);
        }
        check_tiles(journal).map_err(|error| Promise::Grows.failed("checking tiles", &error))?;
        // Once more from the first record, by a judge that has seen nothing yet.
        let mut audit = Audit::default();
        audit.read_on(journal, &self.heads, head.size)?;
        self.client.judge(&audit)?;
        self.client.judge_order(&audit)
    }
}
