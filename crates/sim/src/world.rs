//! One world: clients, network, program, machine and its clock, on one thread and from one seed.

use crate::audit::Audit;
use crate::checks;
use crate::client::Client;
use crate::clock::MachineClock;
use crate::disk::{Orders, WorldDisk};
use crate::draw::Draw;
use crate::exchange;
use crate::model::{Model, Said};
use crate::network::{Message, Network};
use crate::process::{Process, Settings};
use crate::promise::{Broken, Promise};
use crate::swarm::{Fault, Planted, Swarm};
use crate::witness::Witness;
use crate::workload::Workload;
use keepwhole::journal::{Head, SimDisk};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::{Body, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Wall time at which every world begins, ms.
pub const START: u64 = 1_764_186_120_000;

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Steps.
    pub steps: u64,
    /// Kinds of fault to leave out.
    pub without: BTreeSet<Fault>,
    /// Steps to leave out.
    pub skip: BTreeSet<u64>,
    /// What is wrong on purpose.
    pub planted: Option<Planted>,
    /// Whether to keep a line for each step.
    pub trace: bool,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps taken: a command that a client sends, a fault, a move of the clock, a publication or a restart.
    pub steps: u64,
    /// Commands that the sequencer decided and made durable, repeats counted.
    pub decided: u64,
    /// Of these, commands whose answer the second model predicted.
    pub predicted: u64,
    /// Commands acknowledged to the client, refusals not counted.
    pub acknowledged: u64,
    /// Turns: each at most one write and one sync.
    pub turns: u64,
    /// Restarts through recovery.
    pub recoveries: u64,
    /// Of these, restarts that began with a snapshot.
    pub from_snapshots: u64,
    /// Rows of transfers that were booked before and not again.
    pub repeated_rows: u64,
    /// Messages lost, doubled, delayed or in another order.
    pub disturbed: u64,
    /// Checkpoints that the witness saw.
    pub witnessed: u64,
    /// Times that a lying disk lost what was acknowledged, and it was found.
    pub losses_found: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Answers that the model predicted, by word and reason.
    pub answers: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.decided += other.decided;
        self.predicted += other.predicted;
        self.acknowledged += other.acknowledged;
        self.turns += other.turns;
        self.recoveries += other.recoveries;
        self.from_snapshots += other.from_snapshots;
        self.repeated_rows += other.repeated_rows;
        self.disturbed += other.disturbed;
        self.witnessed += other.witnessed;
        self.losses_found += other.losses_found;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_insert(0) += count;
        }
        for (word, count) in &other.answers {
            *self.answers.entry(word.clone()).or_insert(0) += count;
        }
    }
}

/// A turn that was handed to the sequencer and whose outcome is not known.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) at: u64,
    pub(crate) commands: Vec<Command>,
    /// Places in the client's list; none for what the program adds by itself.
    pub(crate) places: Vec<Option<usize>>,
}

/// How a step ended.
pub(crate) type Outcome = Result<(), Broken>;

/// A world.
#[derive(Debug)]
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) swarm: Swarm,
    pub(crate) settings: Settings,
    pub(crate) machine: SimDisk,
    pub(crate) orders: Arc<Mutex<Orders>>,
    pub(crate) clock: MachineClock,
    pub(crate) process: Option<Process>,
    pub(crate) client: Client,
    pub(crate) network: Network,
    pub(crate) model: Model,
    pub(crate) witness: Witness,
    pub(crate) inbox: Vec<usize>,
    pub(crate) pending: Option<Pending>,
    /// Size and root of what was acknowledged.
    pub(crate) acked: Head,
    pub(crate) audit: Audit,
    /// All sizes and roots that were acknowledged.
    pub(crate) heads: BTreeMap<u64, Head>,
    /// Time of the journal.
    pub(crate) at: u64,
    /// A lying disk lost something, which was found: the world ends.
    pub(crate) over: bool,
    pub(crate) stands: bool,
    pub(crate) full: bool,
    pub(crate) backup: Option<SimDisk>,
    pub(crate) step: u64,
    pub(crate) tally: Tally,
    /// One line a step, where they are kept.
    pub trace: Vec<String>,
}

impl World {
    /// A new world, set up.
    ///
    /// # Errors
    /// A promise that is broken already.
    pub fn new(scenario: &Scenario) -> Result<Self, Broken> {
        let swarm = Swarm::draw(scenario.seed, &scenario.without);
        let settings =
            Settings::new(&swarm).map_err(|error| Promise::Start.failed("settings", &error))?;
        let orders = Orders {
            planted: scenario.planted,
            ..Orders::default()
        };
        let empty = Head {
            size: 0,
            root: keepwhole_verify::tree::empty_root(),
        };
        let mut world = Self {
            witness: Witness::new(settings.key().clone()),
            machine: SimDisk::new(),
            orders: Arc::new(Mutex::new(orders)),
            clock: MachineClock::at(START),
            process: None,
            client: Client::default(),
            network: Network::default(),
            model: Model::remembering(swarm.transfer_ids),
            inbox: Vec::new(),
            pending: None,
            acked: empty,
            audit: Audit::default(),
            heads: BTreeMap::new(),
            at: 0,
            over: false,
            stands: false,
            full: false,
            backup: None,
            step: 0,
            tally: Tally::default(),
            trace: Vec::new(),
            scenario: scenario.clone(),
            swarm,
            settings,
        };
        world.launch()?;
        let mut draw = Draw::new(scenario.seed);
        for (place, body) in exchange::setup(&mut draw, START).into_iter().enumerate() {
            let command = Command {
                id: Some(format!("setup-{place}")),
                actor: None,
                body,
            };
            let place = world.client.new_command(command, 0);
            world.inbox.push(place);
        }
        world.turn()?;
        Ok(world)
    }

    pub(crate) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn disk(&self) -> WorldDisk {
        WorldDisk::new(&self.machine, &self.orders, &self.clock)
    }

    /// The first start, on an empty disk.
    fn launch(&mut self) -> Outcome {
        let process = self.settings.start(self.disk(), &self.clock);
        self.process = Some(process.map_err(|e| Promise::Start.failed("the first start", &e))?);
        Ok(())
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.scenario.trace {
            self.trace.push(format!("step {}: {}", self.step, line()));
        }
    }

    /// What this world did so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.acknowledged = self.client.acknowledged() as u64;
        tally.disturbed = self.network.disturbed;
        tally
    }

    /// Whether the world has ended before its last step.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Takes one step. Each has numbers of its own, so that leaving one out changes no other's.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn step(&mut self, number: u64) -> Outcome {
        self.step = number;
        let seed = Draw::new(self.scenario.seed).next();
        let mut draw = Draw::new(seed ^ number.wrapping_mul(0xD134_2543_DE82_EF95));
        if !self.stands {
            self.clock.pass(draw.below(1_500));
        }
        if draw.below(1_000) < self.swarm.permille {
            self.fault(&mut draw)?;
        } else {
            match draw.below(80) {
                0 | 1 => {
                    self.note(|| "the clock moves".to_owned());
                    self.clock.pass(draw.below(40_000));
                }
                2..=4 => self.publish(&mut draw)?,
                5 => self.snapshot(&mut draw)?,
                _ => self.commands(&mut draw)?,
            }
        }
        self.tally.steps += 1;
        if self.over {
            return Ok(());
        }
        self.deliver(&mut draw)?;
        Ok(())
    }

    /// The client sends something new, and again what got no answer.
    fn commands(&mut self, draw: &mut Draw) -> Outcome {
        let mut workload = Workload {
            draw: draw.clone(),
            step: self.step,
            sent: self.client.commands(),
            at: self.at,
            policy: self.model.policy(),
        };
        let commands = workload.next(&self.swarm);
        // The workload drew from a copy; go on where it stopped.
        *draw = workload.draw;
        for command in commands {
            self.note(|| {
                format!(
                    "{:?} sends {:?} {:?}",
                    command.actor, command.id, command.body
                )
            });
            let place = self.client.new_command(command, self.step);
            let message = Message::Request(place);
            self.network.send(message, self.step, &self.swarm, draw);
        }
        let mut again = self.client.retries(self.step.saturating_sub(25), self.step);
        if draw.once_in(30) {
            again.extend(self.client.acknowledged_place(draw.next()));
        }
        for place in again {
            let message = Message::Request(place);
            self.network.send(message, self.step, &self.swarm, draw);
        }
        Ok(())
    }

    /// What is under way arrives; the program takes a turn when enough waits.
    fn deliver(&mut self, draw: &mut Draw) -> Outcome {
        for message in self.network.arrivals(self.step, &self.swarm, draw) {
            match message {
                Message::Request(place) => self.inbox.push(place),
                Message::Answer(place, answer) => {
                    self.client.hears(place, answer)?;
                }
            }
        }
        let enough = self.swarm.batch.max(1);
        while self.inbox.len() as u64 >= enough || (!self.inbox.is_empty() && draw.once_in(3)) {
            let before = self.inbox.len();
            self.turn()?;
            if self.over || self.inbox.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Hands what waits to the sequencer: at most a batch, and nothing behind a command that the model has no rule for.
    pub(crate) fn turn(&mut self) -> Outcome {
        if self.process.is_none() {
            self.inbox.clear();
            return Ok(());
        }
        let mut most = self.inbox.len();
        if self.step > 0 {
            most = most.min(usize::try_from(self.swarm.batch).unwrap_or(1));
        }
        let facts = self.inbox.iter().take(most).position(|place| {
            let command = self.client.command(*place);
            command.is_some_and(|command| !Model::predicts(&command.body))
        });
        most = facts.map_or(most, |at| at + 1);
        let places: Vec<usize> = self.inbox.drain(..most).collect();
        let mut commands: Vec<Command> = Vec::with_capacity(places.len() + 1);
        commands.extend(
            places
                .iter()
                .filter_map(|p| self.client.command(*p).cloned()),
        );
        self.hand_over(commands, places.into_iter().map(Some).collect())
    }

    /// Gives commands to the sequencer at this moment.
    pub(crate) fn hand_over(
        &mut self,
        mut commands: Vec<Command>,
        places: Vec<Option<usize>>,
    ) -> Outcome {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        if let Some(by_ms) = process.clock.wall_shift() {
            commands.push(Command {
                id: None,
                actor: None,
                body: Body::RecordClockJump { by_ms },
            });
        }
        let now = process.clock.now();
        let at = now.max(self.at);
        let outcome = planted_turn(self.scenario.planted, process, now, &commands);
        self.pending = Some(Pending {
            at,
            commands,
            places,
        });
        self.tally.turns += 1;
        match outcome {
            Ok(replies) => self.settle(replies),
            Err(error) => {
                self.note(|| format!("the turn fails: {error}"));
                self.recover()
            }
        }
    }

    /// The turn is durable: the model judges its answers, and they go out.
    fn settle(&mut self, replies: Vec<Reply>) -> Outcome {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let answers: Vec<Option<Answer>> = replies
            .iter()
            .map(|reply| (!reply.repeated).then(|| reply.answer.clone()))
            .collect();
        // A redemption repeated under another id says so, and is recorded as an answer of its own.
        self.judge(&pending, &answers, Some(&replies))?;
        let mut draw = Draw::new(self.scenario.seed ^ self.step.rotate_left(32));
        let told = pending.places.iter().zip(&pending.commands).zip(replies);
        for ((place, command), reply) in told {
            let Some(place) = *place else { continue };
            if self.scenario.planted == Some(Planted::DroppedAnswer) && is_marked(command) {
                continue;
            }
            let message = Message::Answer(place, reply.answer);
            if self.step == 0 {
                self.network.send(message, 0, &Swarm::quiet(), &mut draw);
            } else {
                let swarm = &self.swarm;
                self.network.send(message, self.step, swarm, &mut draw);
            }
        }
        Ok(())
    }

    /// Holds the answers of a turn that is durable against the model, and the state against the invariants.
    pub(crate) fn judge(
        &mut self,
        pending: &Pending,
        answers: &[Option<Answer>],
        replies: Option<&[Reply]>,
    ) -> Outcome {
        self.model.pass(pending.at);
        for (number, command) in pending.commands.iter().enumerate() {
            let repeats = self.model.answered(command);
            let said = self.model.decide(command);
            self.tally.decided += 1;
            let told = match replies.and_then(|replies| replies.get(number)) {
                Some(reply) => Some(&reply.answer),
                None => answers.get(number).and_then(Option::as_ref),
            };
            match (said, told) {
                (Said::Answer(ours), Some(theirs)) => {
                    if !same(&ours, theirs) {
                        let what = format!(
                            "{:?} {:?} was answered {theirs:?}, the model says {ours:?}",
                            command.id, command.body
                        );
                        return Promise::Verdict.broken(what);
                    }
                    if let Some(reply) = replies.and_then(|replies| replies.get(number)) {
                        self.judge_rows(command, reply)?;
                    }
                    self.tally.predicted += 1;
                    if !repeats {
                        *self.tally.answers.entry(word_of(theirs)).or_insert(0) += 1;
                    }
                }
                (Said::NoRule, Some(theirs)) => self.model.remember(command, theirs),
                // The journal alone does not say which answer was repeated; that it was, the model must say too.
                (_, None) if repeats => {}
                (_, None) => {
                    let what = format!("{:?} was taken for a repeat and is new", command.id);
                    return Promise::SameAnswer.broken(what);
                }
            }
        }
        let Some(process) = &self.process else {
            return Ok(());
        };
        let state = process.sequencer.state();
        self.model.take_facts(state);
        if let Some(what) = self.model.differs(state) {
            return Promise::Books.broken(what);
        }
        checks::invariants(state, self.at)?;
        self.at = state.at;
        self.acked = process.sequencer.head();
        self.heads.insert(self.acked.size, self.acked);
        Ok(())
    }
}

impl World {
    /// How many rows of a recorded batch were booked before.
    fn judge_rows(&mut self, command: &Command, reply: &Reply) -> Outcome {
        let recorded = reply.answer == Answer::Recorded && !reply.repeated;
        if !recorded || !matches!(command.body, Body::RecordTransfers(_)) {
            return Ok(());
        }
        let (ours, theirs) = (self.model.repeated_rows(), reply.repeated_rows);
        self.tally.repeated_rows += u64::from(theirs);
        if ours == theirs {
            return Ok(());
        }
        let id = &command.id;
        let what = format!("of {id:?} {theirs} rows are called repeated, the model says {ours}");
        Promise::Verdict.broken(what)
    }
}

/// Equal, but for the words of what is malformed.
fn same(ours: &Answer, theirs: &Answer) -> bool {
    let code = |answer: &Answer| answer.reason().map(|reason| reason.code());
    ours == theirs || (code(ours) == Some("malformed") && code(theirs) == Some("malformed"))
}

fn word_of(answer: &Answer) -> String {
    match answer.reason() {
        Some(reason) => format!("{} {}", answer.word(), reason.code()),
        None => answer.word().to_owned(),
    }
}

/// One command in about 130 that a planted defect strikes.
fn is_marked(command: &Command) -> bool {
    let id = command.id.as_deref().unwrap_or("");
    id.starts_with("s-") && id.bytes().map(u64::from).sum::<u64>() % 131 == 7
}

/// A turn of the sequencer, wrong where a defect is planted.
fn planted_turn(
    planted: Option<Planted>,
    process: &mut Process,
    now: u64,
    commands: &[Command],
) -> Result<Vec<Reply>, keepwhole::sequencer::SequencerError> {
    match planted {
        Some(Planted::Unrecorded) => {
            let whole: Vec<Command> = commands.iter().filter(|c| !is_marked(c)).cloned().collect();
            let mut replies = process.sequencer.turn(now, &whole)?.into_iter();
            let told = commands.iter().map(|command| {
                let invented = Reply {
                    answer: Answer::Recorded,
                    repeated: false,
                    repeated_rows: 0,
                    created: None,
                };
                if is_marked(command) {
                    Some(invented)
                } else {
                    replies.next()
                }
            });
            Ok(told.flatten().collect())
        }
        Some(Planted::ForgetsIds) => {
            let mut forgotten = commands.to_vec();
            for command in &mut forgotten {
                let known = command.id.as_ref();
                let known =
                    known.is_some_and(|id| process.sequencer.state().answers.contains_key(id));
                if known {
                    command.id = command.id.as_ref().map(|id| format!("{id}-{now}"));
                }
            }
            process.sequencer.turn(now, &forgotten)
        }
        _ => process.sequencer.turn(now, commands),
    }
}
