//! One run: a client that sends commands, a machine that fails, and the checks after every step.

use crate::draw::Draw;
use crate::workload;
use keepwhole::journal::sim_disk::{Faults, Kept};
use keepwhole::journal::{Journal, Options, SimDisk};
use keepwhole::sequencer::{Sequencer, Until, fold};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::due::next_due;
use keepwhole_core::registry::AssetIx;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps taken.
    pub steps: u64,
    /// Commands acknowledged.
    pub acknowledged: u64,
    /// Commands sent that got no answer.
    pub unanswered: u64,
    /// Recoveries.
    pub recoveries: u64,
    /// Entries in the journal at the end.
    pub entries: u64,
}

/// A broken promise, with the step at which it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// What was promised and not kept.
    pub what: String,
}

struct World {
    machine: SimDisk,
    sequencer: Sequencer<SimDisk>,
    draw: Draw,
    now: u64,
    sent: u64,
    acknowledged: Vec<(Command, Answer)>,
    tally: Tally,
}

/// Small segments, so that a short run rolls them.
fn options() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        zero_ahead: 4 * 1024,
        ..Options::default()
    }
}

fn open(machine: &SimDisk) -> Result<Sequencer<SimDisk>, String> {
    let (journal, _) =
        Journal::open(machine.another(), options()).map_err(|e| format!("can't recover: {e}"))?;
    Sequencer::open(journal).map_err(|e| format!("can't fold: {e}"))
}

/// Runs `steps` steps of a seed.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, steps: u64) -> Result<Tally, Broken> {
    let broken = |step: u64, what: String| Broken { seed, step, what };
    let machine = SimDisk::new();
    let sequencer = open(&machine).map_err(|what| broken(0, what))?;
    let mut world = World {
        machine,
        sequencer,
        draw: Draw::new(seed),
        now: 1_764_186_120_000,
        sent: 0,
        acknowledged: Vec::new(),
        tally: Tally::default(),
    };
    world.set_up().map_err(|what| broken(0, what))?;
    for step in 1..=steps {
        world
            .step()
            .and_then(|()| world.check())
            .map_err(|what| broken(step, what))?;
        world.tally.steps = step;
    }
    world.end().map_err(|what| broken(steps, what))?;
    world.tally.entries = world.sequencer.head().size;
    Ok(world.tally)
}

impl World {
    fn set_up(&mut self) -> Result<(), String> {
        let commands: Vec<Command> = workload::setup()
            .into_iter()
            .enumerate()
            .map(|(at, body)| Command {
                id: Some(format!("setup-{at}")),
                actor: None,
                body,
            })
            .collect();
        self.send(&commands)
    }

    /// Sends commands; notes what was acknowledged. A failed turn answers nobody.
    fn send(&mut self, commands: &[Command]) -> Result<(), String> {
        match self.sequencer.turn(self.now, commands) {
            Ok(replies) => {
                for (command, reply) in commands.iter().zip(replies) {
                    self.tally.acknowledged += 1;
                    if !matches!(reply.answer, Answer::Refused(_)) && !reply.repeated {
                        self.acknowledged.push((command.clone(), reply.answer));
                    }
                }
                Ok(())
            }
            Err(_) => {
                self.tally.unanswered += commands.len() as u64;
                self.recover()
            }
        }
    }

    fn step(&mut self) -> Result<(), String> {
        self.now += self.draw.below(20_000);
        match self.draw.below(20) {
            0 => self.recover(),
            1 => self.send_again(),
            2 | 3 => {
                let n = 1 + self.draw.below(6);
                let faults = match self.draw.below(3) {
                    0 => Faults {
                        fail_write: Some(n),
                        ..Faults::default()
                    },
                    1 => Faults {
                        fail_sync: Some(n),
                        ..Faults::default()
                    },
                    _ => Faults {
                        stop_before: Some(n),
                        ..Faults::default()
                    },
                };
                self.machine.set_faults(faults);
                self.send_new()
            }
            _ => self.send_new(),
        }
    }

    fn send_new(&mut self) -> Result<(), String> {
        let mut commands = Vec::new();
        for _ in 0..=self.draw.below(6) {
            commands.push(workload::next(&mut self.draw, self.sent));
            self.sent += 1;
        }
        self.send(&commands)
    }

    /// The client retries something old: the answer must be the first one, and nothing may change.
    fn send_again(&mut self) -> Result<(), String> {
        let count = self.acknowledged.len() as u64;
        let place = usize::try_from(self.draw.below(count)).unwrap_or(0);
        match self.acknowledged.get(place).cloned() {
            Some((command, first)) => self.repeat(&command, &first),
            None => Ok(()),
        }
    }

    fn repeat(&mut self, command: &Command, first: &Answer) -> Result<(), String> {
        let Ok(replies) = self.sequencer.turn(self.now, std::slice::from_ref(command)) else {
            return self.recover();
        };
        match replies.first() {
            Some(reply) if reply.repeated && reply.answer == *first => Ok(()),
            other => Err(format!(
                "`{:?}` was answered {first:?}, then {other:?}",
                command.id
            )),
        }
    }

    /// The process ends, or the machine loses power with a part of what was not synced; then it starts again.
    fn recover(&mut self) -> Result<(), String> {
        let draw = &mut self.draw;
        match draw.below(3) {
            0 => self.machine.kill(),
            1 => self.machine.crash_hard(),
            _ => {
                let names = draw.once_in(2);
                self.machine
                    .crash(names, &mut |unsynced| match draw.below(3) {
                        0 => Kept::Nothing,
                        1 => Kept::All,
                        _ => Kept::First(
                            usize::try_from(draw.below(unsynced.bytes.unwrap_or(0) as u64 + 1))
                                .unwrap_or(0),
                        ),
                    });
            }
        }
        self.sequencer = open(&self.machine)?;
        self.tally.recoveries += 1;
        let state = self.sequencer.state();
        for (command, first) in &self.acknowledged {
            let known = command.id.as_ref().and_then(|id| state.answers.get(id));
            if known.map(|a| &a.answer) != Some(first) {
                return Err(format!(
                    "`{:?}` was acknowledged and is not in the journal",
                    command.id
                ));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let state = self.sequencer.state();
        for asset in [AssetIx(0), AssetIx(1)] {
            if !state.book.sums_to_zero(asset) {
                return Err(format!("movements of asset {} do not sum to zero", asset.0));
            }
        }
        for case in &state.incidents.cases {
            for loss in case.losses.values() {
                let customers: u128 = loss.parts.iter().map(|p| p.lost).sum();
                if customers + loss.house != loss.total {
                    return Err("parts of a loss do not add up to it".to_owned());
                }
                if loss.parts.iter().any(|p| p.restored > p.lost) {
                    return Err("more was put back than was short".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Faults stop: everything due happens, the whole journal verifies, and folding it again gives the same state.
    fn end(&mut self) -> Result<(), String> {
        self.machine.set_faults(Faults::default());
        self.recover()?;
        self.now += 3_600_000;
        self.send(&[Command {
            id: None,
            actor: None,
            body: Body::ObserveTime,
        }])?;
        if next_due(self.sequencer.state()).is_some_and(|due| due <= self.now) {
            return Err("something is due and did not happen".to_owned());
        }
        let head = self
            .sequencer
            .journal()
            .check()
            .map_err(|e| format!("the journal does not verify: {e}"))?;
        if head != self.sequencer.head() {
            return Err("the journal on disk is not the one in memory".to_owned());
        }
        let again =
            fold(self.sequencer.journal(), Until::End, &mut |_| {}).map_err(|e| e.to_string())?;
        if again.digest() != self.sequencer.state().digest() {
            return Err("folding the journal again gives another state".to_owned());
        }
        Ok(())
    }
}
