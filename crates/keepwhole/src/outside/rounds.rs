//! Rounds of asking: each sends the newest signed head to all witnesses at once and publishes it with their cosignatures
//! once the quorum is met.
//!
//! A witness that is slow or dead delays nobody: each has a thread of its own, and a round ends after a few seconds. Appends
//! to the journal never wait for a round. What stops the journal is only proof that it is not the one the witness saw.

use super::asking::{self, Said, WitnessAt};
use super::heads::holds;
use super::standing::{Standing, WitnessStanding};
use crate::journal::{Disk as _, JournalError, RealDisk, layout};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Note, SignatureLine, VerifierKey};
use keepwhole_verify::policy::Policy;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Least time between two rounds.
const PACE: Duration = Duration::from_secs(1);
/// How long a round waits for its slowest witness.
const ROUND: Duration = Duration::from_secs(6);
/// A head that is already co-signed is sent again after this time, so that the age of the last quorum says something.
const REFRESH: Duration = Duration::from_secs(60);
/// How often it is looked for a new head.
const LOOK: Duration = Duration::from_millis(100);

/// Which witnesses are asked, and how many are enough.
#[derive(Clone, Debug)]
pub struct WitnessPolicy {
    policy: Policy,
    witnesses: Vec<WitnessAt>,
}

impl WitnessPolicy {
    /// Reads a C2SP tlog-policy in which every witness has an address. `log_key` is the log's own key; where the policy
    /// names logs, it must be among them.
    ///
    /// # Errors
    /// What is wrong with the policy and how to repair it.
    pub fn parse(text: &str, log_key: &VerifierKey) -> Result<Self, String> {
        let policy = Policy::parse(text).map_err(|error| error.to_string())?;
        if !policy.logs().is_empty() && !policy.logs().iter().any(|log| log.key == *log_key) {
            return Err(format!(
                "its `log` lines don't name this log's key `{log_key}`"
            ));
        }
        let mut witnesses = Vec::new();
        for (name, key, url) in policy.witnesses() {
            let url = url.ok_or_else(|| {
                format!("witness `{name}` has no address; write it behind its key")
            })?;
            if !url.starts_with("http://") {
                return Err(format!(
                    "witness `{name}`: this version speaks `http://` only; for `{url}` run a TLS client such as stunnel beside \
                     it and give its address"
                ));
            }
            witnesses.push(WitnessAt {
                name: name.to_owned(),
                key: key.clone(),
                url: url.to_owned(),
            });
        }
        if witnesses.is_empty() || policy.requires_no_witness() {
            return Err(String::from(
                "it asks for no witness; leave `--witness-policy` out, or name witnesses and a `quorum`",
            ));
        }
        Ok(Self { policy, witnesses })
    }
}

/// Proof, or the word of a witness, that our journal is not the one that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Name of the witness.
    pub witness: String,
    /// Our head.
    pub ours: Checkpoint,
    /// The head that the witness holds, where it showed one that our key signed.
    pub theirs: Option<Checkpoint>,
    /// The size that it named.
    pub size: u64,
    /// Whether the journal goes another way (`true`) or only ends too early.
    pub forked: bool,
}

impl Alarm {
    /// The stable code for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        if self.forked { "forked" } else { "truncated" }
    }
}

impl std::fmt::Display for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ours = &self.ours;
        if self.forked {
            write!(
                f,
                "fork: this journal is not a continuation of what witness `{}` saw",
                self.witness
            )?;
        } else {
            let missing = self.size.saturating_sub(ours.size());
            write!(
                f,
                "truncated: witness `{}` saw `{}` entries, this journal holds `{}`; `{missing}` are missing",
                self.witness,
                self.size,
                ours.size()
            )?;
        }
        write!(
            f,
            "; our head: {} entries, root {}",
            ours.size(),
            ours.root()
        )?;
        match &self.theirs {
            Some(head) => write!(
                f,
                "; the witness's head, signed by our key: {} entries, root {}",
                head.size(),
                head.root()
            ),
            None => write!(
                f,
                "; the witness named {} entries and showed no head",
                self.size
            ),
        }
    }
}

/// A head for a witness's thread.
#[derive(Clone)]
struct Job {
    note: String,
    head: Checkpoint,
}

/// What a witness's thread answers.
struct Told {
    place: usize,
    job: Job,
    said: Said,
    theirs: Option<Checkpoint>,
}

/// The rounds of one installation.
#[derive(Debug)]
pub struct Rounds {
    dir: PathBuf,
    policy: WitnessPolicy,
    log_keys: Policy,
    jobs: Vec<SyncSender<Job>>,
    told: Receiver<Told>,
    /// Head of the running or last round, with the lines collected for it.
    current: Option<(Checkpoint, Vec<SignatureLine>)>,
    standing: Standing,
    ended: Instant,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({})", self.head.size())
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

impl Rounds {
    /// Starts a thread for each witness. `log_keys` are the keys that may have signed heads of this log. The installation in `dir` must publish to `log/pending`.
    #[must_use]
    pub fn new(dir: &Path, policy: WitnessPolicy, log_keys: Policy) -> Self {
        let (answers, told) = channel();
        let mut jobs = Vec::new();
        for (place, witness) in policy.witnesses.iter().cloned().enumerate() {
            // A witness that is still busy is left out of the round.
            let (job, waiting) = sync_channel::<Job>(0);
            let (dir, keys, answers) = (dir.to_path_buf(), log_keys.clone(), answers.clone());
            std::thread::spawn(move || serve(&dir, place, &witness, &keys, &waiting, &answers));
            jobs.push(job);
        }
        let witnesses = policy.witnesses.iter().map(|witness| WitnessStanding {
            name: witness.name.clone(),
            url: witness.url.clone(),
            ..WitnessStanding::default()
        });
        let mut standing = Standing {
            witnesses: witnesses.collect(),
            ..Standing::default()
        };
        if let Some(before) = Standing::read(dir) {
            standing.quorum_at = before.quorum_at;
            standing.quorum_size = before.quorum_size;
            for row in &mut standing.witnesses {
                if let Some(known) = before.witnesses.iter().find(|known| known.name == row.name) {
                    *row = known.clone();
                }
            }
        }
        Self {
            dir: dir.to_path_buf(),
            policy,
            log_keys,
            jobs,
            told,
            current: None,
            standing,
            ended: Instant::now(),
        }
    }

    /// How the witnesses stand.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The head that waits for cosignatures.
    fn pending(&self) -> Option<Job> {
        let bytes = RealDisk::at(&self.dir).read(layout::PENDING).ok()?;
        let note = String::from_utf8(bytes).ok()?;
        let (head, _) = self.log_keys.verify_signature(note.as_bytes()).ok()?;
        Some(Job { note, head })
    }

    /// Whether there is something new to send, or the last time is long ago.
    fn is_due(&self) -> bool {
        let Some(job) = self.pending() else {
            return false;
        };
        let sent = self.current.as_ref().map(|(head, _)| head);
        let waits = self.standing.quorum_size != Some(job.head.size());
        sent != Some(&job.head) || self.ended.elapsed() >= if waits { 5 * PACE } else { REFRESH }
    }

    /// One round: sends the newest head to all witnesses that are free and waits until all have answered, at most a few
    /// seconds.
    ///
    /// # Errors
    /// The [`Alarm`], when a witness saw another journal than ours.
    pub fn run(&mut self) -> Result<(), Box<Alarm>> {
        let Some(job) = self.pending() else {
            return Ok(());
        };
        self.standing.sent = job.head.size();
        self.current = Some((job.head.clone(), Vec::new()));
        let mut waiting = 0_usize;
        for (place, jobs) in self.jobs.iter().enumerate() {
            // A rendezvous may need a moment until the thread is back at its door.
            let sent = (0..20).any(|_| {
                jobs.try_send(job.clone()).is_ok() || {
                    std::thread::sleep(Duration::from_millis(2));
                    false
                }
            });
            if sent {
                waiting += 1;
            } else if let Some(row) = self.standing.witnesses.get_mut(place) {
                row.fault = Some(String::from("still busy with an earlier head"));
            }
        }
        let end = Instant::now() + ROUND;
        let mut alarm = None;
        while waiting > 0 {
            let left = end.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok(told) => {
                    if told.job.head == job.head {
                        waiting -= 1;
                    }
                    alarm = self.take(told).or(alarm);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.ended = Instant::now();
        self.standing.alarm = alarm.as_ref().map(ToString::to_string);
        // What can't be written is seen by its age.
        let _unwritten = self.standing.write(&self.dir);
        alarm.map_or(Ok(()), |alarm| Err(Box::new(alarm)))
    }

    /// Takes one answer: a cosignature is added, a contradiction becomes an alarm.
    fn take(&mut self, told: Told) -> Option<Alarm> {
        let witness = self.policy.witnesses.get(told.place)?.clone();
        let row = self.standing.witnesses.get_mut(told.place)?;
        let alarm = |theirs: Option<Checkpoint>, size: u64, forked: bool| Alarm {
            witness: witness.name.clone(),
            ours: told.job.head.clone(),
            theirs,
            size,
            forked,
        };
        match told.said {
            Said::Cosigned { line, .. } => {
                row.size = Some(told.job.head.size());
                row.at = Some(now_ms());
                row.fault = None;
                self.add(&told.job, line);
                None
            }
            Said::Failed { why } => {
                row.fault = Some(why);
                None
            }
            Said::Ahead { size } => {
                row.fault = Some(format!(
                    "saw `{size}` entries, more than this journal holds"
                ));
                let forked = told
                    .theirs
                    .as_ref()
                    .is_some_and(|head| holds(&self.dir, head) == Some(false));
                Some(alarm(told.theirs, size, forked))
            }
            Said::Contradicts { why } => {
                row.fault = Some(format!("refused our head: {why}"));
                // The head that it holds is looked up in our own tiles: only another root there is a fork.
                let size = told.theirs.as_ref().map(Checkpoint::size);
                let same = told.theirs.as_ref().map(|head| holds(&self.dir, head));
                if same == Some(Some(true)) {
                    return None;
                }
                Some(alarm(
                    told.theirs,
                    size.unwrap_or(told.job.head.size()),
                    true,
                ))
            }
        }
    }

    /// Adds a cosignature and publishes the head, if that makes the quorum.
    fn add(&mut self, job: &Job, line: SignatureLine) {
        let Some((head, lines)) = &mut self.current else {
            return;
        };
        if *head != job.head {
            return;
        }
        lines.retain(|known| (&known.name, known.id) != (&line.name, line.id));
        lines.push(line);
        let Ok(mut note) = Note::parse(job.note.as_bytes()) else {
            return;
        };
        lines.iter().for_each(|line| note.add(line.clone()));
        let keys: Vec<VerifierKey> = self
            .policy
            .witnesses
            .iter()
            .map(|witness| witness.key.clone())
            .collect();
        let met = note
            .verify(&keys)
            .is_ok_and(|verified| self.policy.policy.check_quorum(&verified).is_ok());
        if met {
            let written = RealDisk::at(&self.dir)
                .write_atomic(layout::CHECKPOINT, note.to_string().as_bytes());
            if written.is_ok() {
                self.standing.quorum_at = Some(now_ms());
                self.standing.quorum_size = Some(job.head.size());
            }
        }
    }
}

/// A witness's thread: asks for each head, and where the witness disagrees, what it holds.
fn serve(
    dir: &Path,
    place: usize,
    witness: &WitnessAt,
    keys: &Policy,
    waiting: &Receiver<Job>,
    answers: &Sender<Told>,
) {
    let mut known = 0;
    while let Ok(job) = waiting.recv() {
        let said = asking::ask(witness, dir, &job.note, &job.head, &mut known);
        let theirs = match said {
            Said::Ahead { .. } | Said::Contradicts { .. } => {
                asking::newest(witness, job.head.origin(), keys)
            }
            _ => None,
        };
        let told = Told {
            place,
            job,
            said,
            theirs,
        };
        if answers.send(told).is_err() {
            return;
        }
    }
}

/// Remembers an alarm in the installation, so that a later start without that witness does not go on.
///
/// # Errors
/// [`JournalError::Disk`].
pub fn remember(dir: &Path, alarm: &Alarm) -> Result<(), JournalError> {
    use crate::journal::disk::DiskError;
    let text = format!("{alarm}\n");
    RealDisk::at(dir)
        .write_atomic(layout::ALARM, text.as_bytes())
        .map_err(|source| {
            JournalError::Disk(DiskError {
                doing: "write",
                path: layout::ALARM.to_owned(),
                source,
            })
        })
}

/// The alarm that an earlier run left, in words.
#[must_use]
pub fn remembered(dir: &Path) -> Option<String> {
    let bytes = RealDisk::at(dir).read(layout::ALARM).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Runs rounds on a thread of its own while the journal runs.
#[derive(Debug)]
pub struct Pusher {
    stop: Arc<AtomicBool>,
    alarm: Arc<Mutex<Option<Alarm>>>,
    thread: Option<JoinHandle<Rounds>>,
}

impl Pusher {
    /// Starts. At an alarm that is proven by a head that our own key signed, `ended` becomes true, which stops the journal;
    /// one that rests on the witness's word alone is shown by `status` and stops nothing.
    #[must_use]
    pub fn start(mut rounds: Rounds, ended: Arc<AtomicBool>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let alarm = Arc::new(Mutex::new(None));
        let (told, raised) = (Arc::clone(&stop), Arc::clone(&alarm));
        let thread = std::thread::spawn(move || {
            let mut last = Instant::now();
            while !told.load(Ordering::SeqCst) {
                std::thread::sleep(LOOK);
                if last.elapsed() < PACE || !rounds.is_due() {
                    continue;
                }
                last = Instant::now();
                let Err(found) = rounds.run() else { continue };
                if found.theirs.is_some() {
                    // An unwritten alarm still stops this run.
                    let _unwritten = remember(&rounds.dir, &found);
                    *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(*found);
                    ended.store(true, Ordering::SeqCst);
                    break;
                }
            }
            rounds
        });
        Self {
            stop,
            alarm,
            thread: Some(thread),
        }
    }

    /// Stops. Without an alarm the last head is sent once more. Returns the alarm, if there was one.
    #[must_use]
    pub fn stop(mut self) -> Option<Alarm> {
        self.stop.store(true, Ordering::SeqCst);
        let rounds = self.thread.take().and_then(|thread| thread.join().ok());
        let alarm = self
            .alarm
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match (alarm, rounds) {
            (None, Some(mut rounds)) if rounds.is_due() => rounds
                .run()
                .err()
                .map(|alarm| *alarm)
                .filter(|alarm| alarm.theirs.is_some()),
            (alarm, _) => alarm,
        }
    }
}
