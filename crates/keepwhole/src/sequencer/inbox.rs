//! Who waits for the sequencer: one bounded lane for everybody, and one that is never full for what makes things safer.

use keepwhole_core::answer::Reply;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::SEALED_ROLE;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::Change;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest retry time that is ever named, ms.
const LONGEST_RETRY_MS: u64 = 60_000;
/// Retry time while nothing has been measured yet, ms.
const FIRST_RETRY_MS: u64 = 1_000;
/// How long one measurement of the drain rate lasts.
const WINDOW: Duration = Duration::from_secs(1);

/// Bytes of commands that are taken from the queue at once; they are decided even if the disk turns out full.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Why a caller got no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Too many callers wait.
    #[error(
        "busy: `{waiting}` commands of `{bytes}` bytes wait already; try again in {retry_ms} ms"
    )]
    Busy {
        /// Commands that wait.
        waiting: usize,
        /// Their bytes.
        bytes: usize,
        /// When to try again, ms: what waits, at the rate of the last seconds.
        retry_ms: u64,
    },
    /// The disk is full: halts and reading go on, nothing else is decided.
    #[error(
        "disk full: `{frame}` bytes did not fit and `{reserve}` bytes are kept for halts; make space, the service goes on by itself"
    )]
    DiskFull {
        /// Bytes of the last frame that did not fit.
        frame: u64,
        /// Bytes that are left in the reserve.
        reserve: u64,
    },
    /// The sequencer stopped; the command may or may not have been recorded. The same id is safe to send again.
    #[error(
        "stopped: the journal failed, nothing was acknowledged; start again and send the same id"
    )]
    Stopped,
}

/// Takes the reply, once it is durable, or why there is none. It runs on a thread of the service and must not wait.
pub type Answering = Box<dyn FnOnce(Result<Reply, ServiceError>) + Send>;

/// A command that waits.
pub(super) struct Asked {
    pub(super) command: Command,
    pub(super) since: Instant,
    pub(super) answer: Option<Answering>,
    pub(super) bytes: usize,
}

impl Asked {
    pub(super) fn new(command: Command, answer: Option<Answering>) -> Self {
        let bytes = borsh::object_length(&command).unwrap_or(usize::MAX);
        Self {
            command,
            since: Instant::now(),
            answer,
            bytes,
        }
    }

    /// Tells the caller why there is no reply.
    pub(super) fn refuse(self, why: ServiceError) {
        if let Some(answer) = self.answer {
            answer(Err(why));
        }
    }
}

/// True for commands that only make things safer: a halt, taking back rights or keys, cancelling a change, rejecting
/// anything, and what sealed keys say. They have a lane of their own and are taken first.
#[must_use]
pub fn lowers_risk(body: &Body) -> bool {
    match body {
        Body::ProposeChange(change) => matches!(
            change,
            Change::Halt { .. }
                | Change::Revoke { .. }
                | Change::RetireKey { .. }
                | Change::BreakGlass(_)
        ),
        Body::OfAuthority(AuthorityCommand::Decide { proof, .. }) => {
            // The role of sealed keys counts for their freeze and their sweep alone.
            proof.decision == Decision::Reject || proof.role == SEALED_ROLE
        }
        Body::CancelChange { .. } | Body::Reject { .. } => true,
        _ => false,
    }
}

/// How fast the lane of everybody empties.
struct Rate {
    since: Instant,
    commands: u64,
    bytes: u64,
    /// Commands and bytes a second in the last whole window.
    before: (u64, u64),
}

impl Rate {
    fn per_second(&self) -> (u64, u64) {
        let took = self.since.elapsed();
        let of = |count: u64| {
            let micros = took.as_micros().max(1);
            u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
        };
        if took < WINDOW && self.before != (0, 0) {
            self.before
        } else {
            (of(self.commands), of(self.bytes))
        }
    }

    fn start(&mut self) {
        (self.since, self.commands, self.bytes) = (Instant::now(), 0, 0);
    }

    fn drained(&mut self, commands: u64, bytes: usize) {
        self.commands += commands;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.since.elapsed() >= WINDOW {
            self.before = self.per_second();
            self.start();
        }
    }

    /// When all that waits will have gone, ms.
    fn retry_ms(&self, waiting: usize, bytes: usize) -> u64 {
        let (commands_rate, bytes_rate) = self.per_second();
        let ms = |left: usize, rate: u64| (left as u64).saturating_mul(1_000).checked_div(rate);
        match (ms(waiting, commands_rate), ms(bytes, bytes_rate)) {
            (Some(a), Some(b)) => a.max(b).clamp(1, LONGEST_RETRY_MS),
            _ => FIRST_RETRY_MS.max(
                u64::try_from(self.since.elapsed().as_millis())
                    .unwrap_or(LONGEST_RETRY_MS)
                    .min(LONGEST_RETRY_MS),
            ),
        }
    }
}

struct Lanes {
    halts: VecDeque<Asked>,
    everybody: VecDeque<Asked>,
    bytes: usize,
    rate: Rate,
    full: Option<ServiceError>,
    stopped: bool,
    closing: bool,
}

/// The two lanes.
pub(super) struct Inbox {
    lanes: Mutex<Lanes>,
    news: Condvar,
    /// Halts that wait, to be seen without the lock.
    halts: AtomicUsize,
    /// Only halts are taken, to be seen without the lock.
    is_full: AtomicBool,
    /// The thread that decides has nothing to do.
    pub(super) idle: AtomicBool,
    most_commands: usize,
    most_bytes: usize,
}

impl Inbox {
    pub(super) fn new(most_commands: usize, most_bytes: usize) -> Self {
        let rate = Rate {
            since: Instant::now(),
            commands: 0,
            bytes: 0,
            before: (0, 0),
        };
        Self {
            lanes: Mutex::new(Lanes {
                halts: VecDeque::new(),
                everybody: VecDeque::new(),
                bytes: 0,
                rate,
                full: None,
                stopped: false,
                closing: false,
            }),
            news: Condvar::new(),
            halts: AtomicUsize::new(0),
            is_full: AtomicBool::new(false),
            idle: AtomicBool::new(true),
            most_commands,
            most_bytes,
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a command into its lane, or tells the caller at once why not.
    pub(super) fn put(&self, asked: Asked) {
        let mut lanes = self.lanes();
        let halts = lowers_risk(&asked.command.body);
        // Halts find a place while there is anyone to serve them.
        let refused = if halts {
            (lanes.stopped || lanes.closing).then_some(ServiceError::Stopped)
        } else {
            self.no_place(&lanes, asked.bytes)
        };
        if let Some(why) = refused {
            drop(lanes);
            asked.refuse(why);
            return;
        }
        if halts {
            lanes.halts.push_back(asked);
            self.halts.fetch_add(1, Ordering::SeqCst);
        } else {
            if lanes.everybody.is_empty() {
                lanes.rate.start();
            }
            lanes.bytes = lanes.bytes.saturating_add(asked.bytes);
            lanes.everybody.push_back(asked);
        }
        drop(lanes);
        self.news.notify_one();
    }

    /// Why a command of that size would be refused now, if so: for whoever spends time on it before it is put.
    pub(super) fn no_place_for(&self, bytes: usize) -> Option<ServiceError> {
        self.no_place(&self.lanes(), bytes)
    }

    /// Why a command can't be put into everybody's lane, if so.
    fn no_place(&self, lanes: &Lanes, bytes: usize) -> Option<ServiceError> {
        if lanes.stopped || lanes.closing {
            return Some(ServiceError::Stopped);
        }
        if let Some(full) = &lanes.full {
            return Some(full.clone());
        }
        let waiting = lanes.everybody.len();
        let bytes = lanes.bytes.saturating_add(bytes);
        let busy = waiting > 0 && (waiting >= self.most_commands || bytes > self.most_bytes);
        busy.then(|| ServiceError::Busy {
            waiting,
            bytes: lanes.bytes,
            retry_ms: lanes.rate.retry_ms(waiting, lanes.bytes),
        })
    }

    /// The next command of the halts' lane, if one waits.
    pub(super) fn halt(&self) -> Option<Asked> {
        if self.halts.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let asked = self.lanes().halts.pop_front()?;
        self.halts.fetch_sub(1, Ordering::SeqCst);
        Some(asked)
    }

    /// Waits for commands, at most so long, and moves up to `most` of everybody's lane into `taken`. False once nobody
    /// can ask any more and nothing waits. On a full disk those who wait are told so.
    pub(super) fn wait(&self, longest: Duration, most: usize, taken: &mut VecDeque<Asked>) -> bool {
        let mut lanes = self.lanes();
        if lanes.halts.is_empty() && lanes.everybody.is_empty() {
            if lanes.closing || lanes.stopped {
                return false;
            }
            self.idle.store(true, Ordering::SeqCst);
            let waited = self.news.wait_timeout(lanes, longest);
            self.idle.store(false, Ordering::SeqCst);
            lanes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if lanes.stopped {
            return false;
        }
        if let Some(full) = lanes.full.clone() {
            let refused = std::mem::take(&mut lanes.everybody);
            lanes.bytes = 0;
            drop(lanes);
            refused
                .into_iter()
                .for_each(|asked| asked.refuse(full.clone()));
            return true;
        }
        let (mut count, mut bytes) = (0, 0_usize);
        while count < most
            && bytes < CHUNK_BYTES
            && let Some(asked) = lanes.everybody.pop_front()
        {
            count += 1;
            bytes = bytes.saturating_add(asked.bytes);
            taken.push_back(asked);
        }
        lanes.bytes = lanes.bytes.saturating_sub(bytes);
        lanes.rate.drained(count as u64, bytes);
        true
    }

    /// True while nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        let lanes = self.lanes();
        lanes.everybody.is_empty() && lanes.halts.is_empty()
    }

    /// Takes no more commands; those that wait are still served.
    pub(super) fn close(&self) {
        self.lanes().closing = true;
        self.news.notify_all();
    }

    /// Takes no more commands, and tells all who wait.
    pub(super) fn stop(&self) {
        let mut lanes = self.lanes();
        lanes.stopped = true;
        let mut refused = std::mem::take(&mut lanes.everybody);
        refused.append(&mut lanes.halts);
        lanes.bytes = 0;
        drop(lanes);
        self.halts.store(0, Ordering::SeqCst);
        self.news.notify_all();
        refused
            .into_iter()
            .for_each(|asked| asked.refuse(ServiceError::Stopped));
    }

    /// From now on only halts are taken, or everybody again.
    pub(super) fn set_full(&self, full: Option<ServiceError>) {
        self.is_full.store(full.is_some(), Ordering::SeqCst);
        self.lanes().full = full;
        self.news.notify_all();
    }

    /// Why a command that was taken from the queue is not decided now.
    pub(super) fn refusal(&self, asked: &Asked) -> Option<ServiceError> {
        let refused = self.is_full.load(Ordering::SeqCst)
            && asked.answer.is_some()
            && !lowers_risk(&asked.command.body);
        if refused { self.full() } else { None }
    }

    /// True once it takes no more commands.
    pub(super) fn is_closing(&self) -> bool {
        self.lanes().closing
    }

    /// Why only halts are taken, if so.
    pub(super) fn full(&self) -> Option<ServiceError> {
        self.lanes().full.clone()
    }
}
