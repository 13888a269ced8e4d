//! The first half of a turn: decide a command, encode its records into the frame in the making, fold them. The second
//! half is [`super::commit`]. Both the sequencer that waits and the service that overlaps go this one way; the service
//! hands a large frame over before it folds it.

use crate::journal::FrameBatch;
use crate::journal::frame::EncodeFault;
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::{apply_all, apply_transfers};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::decide::{Decision, decide};
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event, RecordRef, encode_transfer};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use keepwhole_core::transfer::{Booked, TransferBatch};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Where the time of preparing went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Commands decided.
    pub commands: u64,
    /// Deciding.
    pub decide: Duration,
    /// Encoding records.
    pub encode: Duration,
    /// Folding them.
    pub fold: Duration,
}

impl Prepared {
    pub(super) fn add(&mut self, more: Self) {
        self.commands += more.commands;
        self.decide += more.decide;
        self.encode += more.encode;
        self.fold += more.fold;
    }
}

/// What became of a command.
#[expect(
    clippy::large_enum_variant,
    reason = "one is on its way at a time, and boxing would allocate for each command"
)]
pub(super) enum Taken {
    /// Its records are in the frame; the reply may leave once the frame is durable.
    Decided(Decided),
    /// Its records do not fit behind those that are in the frame already; nothing was changed.
    NoRoom,
}

/// A command that is decided and not yet folded. Nothing else may be decided before.
#[must_use = "the state does not have it before it is folded"]
pub(super) struct Decided {
    pub(super) reply: Reply,
    at: u64,
    turn: u64,
    transfers: Vec<Booked>,
    events: Vec<Event>,
}

impl Decided {
    /// Decides one command at `at`.
    pub(super) fn of(state: &State, command: &Command, at: u64, spent: &mut Prepared) -> Self {
        let began = Instant::now();
        let Decision {
            reply,
            transfers,
            events,
        } = decide(state, command, at);
        spent.commands += 1;
        spent.decide += began.elapsed();
        Self {
            reply,
            at,
            turn: state.turn.saturating_add(1),
            transfers,
            events,
        }
    }

    /// Encodes its records into `frame`; false if they do not fit behind those that are in it.
    pub(super) fn encode(
        &mut self,
        command: &Command,
        frame: &mut FrameBatch,
        spent: &mut Prepared,
    ) -> bool {
        let began = Instant::now();
        let mark = frame.mark();
        if let Err(fault) = self.encode_into(frame) {
            frame.rewind(mark);
            if matches!(fault, EncodeFault::FrameSize(_)) && !frame.is_empty() {
                return false;
            }
            (self.reply, self.events) = too_large(command);
            self.transfers.clear();
            // The refusal is some hundred bytes, and the frame is empty.
            let _fits = self.encode_into(frame);
        }
        spent.encode += began.elapsed();
        true
    }

    fn encode_into(&self, frame: &mut FrameBatch) -> Result<(), EncodeFault> {
        let (at, turn) = (self.at, self.turn);
        for Booked { transfer, .. } in &self.transfers {
            frame.push_with(|bytes| encode_transfer(at, turn, transfer, bytes))?;
        }
        for event in &self.events {
            // A record that is too large adds nothing, and a record without bytes is a fault of its size.
            frame.push_with(|bytes| {
                let _too_large = RecordRef { at, turn, event }.encode_into(bytes);
            })?;
        }
        Ok(())
    }

    /// Requests that it judges.
    fn judged(&self) -> usize {
        let judged = |event: &&Event| matches!(event, Event::RequestJudged(_));
        self.events.iter().filter(judged).count()
    }

    /// Folds it; the reply stays.
    pub(super) fn fold(self, state: &mut State, spent: &mut Prepared) -> Reply {
        let began = Instant::now();
        let Self {
            reply,
            at,
            turn,
            transfers,
            events,
        } = self;
        apply_transfers(state, at, turn, &transfers);
        let records = events.iter().map(|event| RecordRef { at, turn, event });
        apply_all(state, records);
        spent.fold += began.elapsed();
        reply
    }
}

/// Batches with fewer rows are not worth looking up ahead.
const LOOK_UP_ROWS: usize = 64;

/// The batch of the command, if it is worth looking up ahead.
pub(super) fn large_batch(command: &mut Command) -> Option<&mut TransferBatch> {
    match &mut command.body {
        Body::RecordTransfers(batch) if batch.len() >= LOOK_UP_ROWS => Some(batch),
        _ => None,
    }
}

/// Finds what the rows of a batch name, so that the thread that decides need not, as long as that one is not `idle`. The
/// state is let go again and again: whoever changes it waits for a stage of rows at most.
pub(super) fn look_up(state: &RwLock<State>, batch: &mut TransferBatch, idle: &AtomicBool) {
    while !idle.load(Ordering::SeqCst)
        && batch.look_up(&state.read().unwrap_or_else(PoisonError::into_inner))
    {}
}

/// Decides one command at `at` and encodes its records into `frame`.
pub(super) fn take(
    state: &State,
    command: &Command,
    at: u64,
    frame: &mut FrameBatch,
    spent: &mut Prepared,
) -> Taken {
    let mut decided = Decided::of(state, command, at, spent);
    if decided.encode(command, frame, spent) {
        Taken::Decided(decided)
    } else {
        Taken::NoRoom
    }
}

/// Requests that are judged again between two looks at who asks. Very many may wait when a new policy comes into force
/// or a halt ends, and the next halt must not wait for all of them.
const JUDGED_MOST: usize = 256;

/// How far letting time pass came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// All that is due has happened.
    All,
    /// Requests are still to be judged again; whoever asks comes first.
    More,
    /// The frame has no room for what is due.
    NoRoom,
}

/// Lets happen what is due by `at`, but judges at most [`JUDGED_MOST`] requests again.
pub(super) fn pass_time(
    state: &mut State,
    at: u64,
    frame: &mut FrameBatch,
    spent: &mut Prepared,
) -> Passed {
    let tick = Command {
        id: None,
        actor: None,
        body: Body::ObserveTime,
    };
    let mut judged = 0;
    while next_due(state).is_some_and(|due| due <= at) {
        if judged >= JUDGED_MOST {
            return Passed::More;
        }
        let before = state.position;
        match take(state, &tick, at, frame, spent) {
            Taken::NoRoom => return Passed::NoRoom,
            Taken::Decided(decided) => {
                judged += decided.judged();
                let _nobody_asked = decided.fold(state, spent);
                if state.position == before {
                    break;
                }
            }
        }
    }
    Passed::All
}

/// The answer to a command whose events do not fit: it is refused by name, and the refusal is recorded.
fn too_large(command: &Command) -> (Reply, Vec<Event>) {
    let what = String::from(
        "the command leads to more than one frame holds; split it into several commands",
    );
    let answer = Answer::because(Reason::Malformed { what });
    let event = Event::Answered {
        id: None,
        content: command.content(),
        actor: None,
        kind: command.body.kind(),
        answer: answer.clone(),
    };
    let reply = Reply {
        answer,
        repeated: false,
        created: None,
        repeated_rows: 0,
    };
    (reply, vec![event])
}
