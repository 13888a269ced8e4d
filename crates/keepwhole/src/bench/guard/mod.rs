//! The guard: requests decided a second by a policy of thirty rules, with a history of every customer; how the cost grows
//! with what left a wallet before; and the guard's route over HTTP.
//!
//! Three parts of the work are measured, each holding the one before it:
//!
//! - *judged*: every figure that a rule asks for is worked out from the state, rolling windows among them, and every rule
//!   runs ([`Judging::verdict`]). As in the service, memory is read ahead for 64 requests at once.
//! - *decided*: a command becomes its reply and its events ([`decide`]): id, customer, wallet and asset are looked up by
//!   name, halts, balance, float and caps are checked, and the figures that the rules saw are recorded.
//! - *kept*: the events are encoded as the journal stores them and folded into the state. Only hashing and the disk are
//!   missing.

#[cfg(feature = "peers")]
mod engines;
mod growth;
mod http;
mod rules;
mod world;

use super::contest::{Contest, Report, per_second};
use super::{BenchError, Figure, Setup};
use keepwhole_core::apply::apply_ref;
use keepwhole_core::command::Command;
use keepwhole_core::decide::{decide, read_ahead, read_ahead_asked};
use keepwhole_core::event::RecordRef;
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::figures::Input;
use keepwhole_core::policy::judge::{Judging, Verdict};
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::state::State;
use std::fs;
use std::slice;
use std::time::{Duration, Instant};
use world::World;

/// Most customers with a history.
const CUSTOMERS: u32 = 1_000_000;
/// Requests of a round at that many customers.
const REQUESTS: u32 = 400_000;
/// Decisions a millisecond of the state's time, where they are kept.
const EACH_MS: u32 = 10;
/// Requests whose memory is read ahead together, as the service does with those that wait.
const AHEAD: usize = 64;

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let customers = setup.customers.min(CUSTOMERS);
    (setup.say)(&format!("guard: {customers} customers with a history"));
    let world = World::of_customers(customers);
    let requests = REQUESTS.min(customers);
    let asks: Vec<Ask> = (0..requests).map(|n| world::ask(n, customers)).collect();
    let mut notes = about(&world.state, requests);
    let mut figures = in_memory(setup, world, &asks, &mut notes)?;
    figures.extend(growth::measure(setup, customers)?);
    figures.extend(http::measure(setup, &mut notes)?);
    Ok(Report {
        title: "guard".to_owned(),
        figures,
        notes,
    })
}

fn about(state: &State, requests: u32) -> Vec<String> {
    let rules = &state.guard.policy.rules;
    vec![
        format!(
            "{} rules that look at {} figures; a round of {requests} requests of drawn customers, on one core, by the time \
             that the thread had a processor; its history takes {} MiB",
            rules.len(),
            rules.figures().len(),
            state.history.bytes() >> 20
        ),
        "judged: all figures from the state, all rules; decided: from the command to its reply and events, with names, \
         balance, float and caps; kept: encoded as the journal stores them and folded as well; without hashing and disk"
            .to_owned(),
    ]
}

/// Times of single decisions by a clock that costs some 25 ns itself.
struct Singles {
    half: Contest,
    most: Contest,
}

impl Singles {
    fn new(case: &str) -> Self {
        Self {
            half: Contest::new(format!("{case}, p50 (less is better)"), "ns"),
            most: Contest::new(format!("{case}, p99 (less is better)"), "ns"),
        }
    }

    fn add(&mut self, mut times: Vec<u64>) {
        times.sort_unstable();
        let at = |permille: usize| times.get(times.len() * permille / 1000).copied();
        self.half.add("keepwhole", at(500).unwrap_or(0));
        self.most.add("keepwhole", at(990).unwrap_or(0));
    }

    fn figures(self) -> impl Iterator<Item = Figure> {
        self.half.figures().chain(self.most.figures())
    }
}

fn in_memory(
    setup: &Setup,
    mut world: World,
    asks: &[Ask],
    notes: &mut Vec<String>,
) -> Result<Vec<Figure>, BenchError> {
    let mut judged = Contest::new("judged", "decisions/s");
    let mut decided = Contest::new("decided", "decisions/s");
    let mut kept = Contest::new("kept", "decisions/s");
    let (mut judging, mut deciding) = (Singles::new("judged"), Singles::new("decided"));
    let mut outcomes = None;
    let count = asks.len() as u64;
    #[cfg(feature = "peers")]
    let mut engines = {
        (setup.say)("guard: engines for policies answer as we do");
        engines::Engines::new(&world.state, asks)?
    };
    for round in 1..=setup.rounds {
        (setup.say)(&format!("guard: round {round}"));
        let (told, took) = on_one_core(|| judge_all(&world.state, asks));
        judged.add("keepwhole", per_second(count, took));
        #[cfg(feature = "peers")]
        engines.round(&world.state, per_second(count, took))?;
        // Later ones differ: what was kept since then is in the windows.
        outcomes.get_or_insert(told);
        judging.add(single_judgements(&world.state, asks));
        let commands = commands(asks, &format!("{round:04x}"))?;
        let (events, took) = on_one_core(|| decide_all(&world.state, &commands));
        decided.add("keepwhole", per_second(count, took));
        if events < count * 2 {
            return Err(BenchError::Wrong("a request left no record"));
        }
        deciding.add(single_decisions(&world.state, &commands));
        let (bytes, took) = on_one_core(|| keep_all(&mut world, &commands));
        kept.add("keepwhole", per_second(count, took));
        let each = bytes? / count.max(1);
        if round == 1 {
            notes.push(format!("a decision leaves {each} bytes in the journal"));
        }
    }
    notes.push(in_words(outcomes.unwrap_or_default(), count));
    let all = judged.figures().chain(judging.figures());
    let all = all.chain(decided.figures()).chain(deciding.figures());
    let all = all.chain(kept.figures());
    #[cfg(feature = "peers")]
    let all = all.chain(engines.figures());
    Ok(all.collect())
}

fn in_words([none, clear, approve, hold, deny]: [u32; 5], count: u64) -> String {
    format!(
        "of {count} requests the rules clear {clear}, ask for approvals of {approve}, hold {hold}, deny {deny}, and say \
         nothing of {none}"
    )
}

const fn input(ask: &Ask, at: u64) -> Input<'_> {
    Input {
        ask,
        actor: None,
        at,
        counted: false,
    }
}

/// What a verdict comes to: nothing, clear, approve, hold, deny. What can't be told holds.
const fn strictness(verdict: &Verdict) -> u8 {
    match verdict.unknown {
        Some(_) if verdict.strictness < 3 => 3,
        _ => verdict.strictness,
    }
}

fn judge_all(state: &State, asks: &[Ask]) -> [u32; 5] {
    let at = state.at + 1;
    let mut outcomes = [0; 5];
    for some in asks.chunks(AHEAD) {
        read_ahead_asked(state, some);
        for ask in some {
            let mut seen = Vector::new();
            let verdict = Judging::new(state, input(ask, at), &mut seen).verdict();
            if let Some(count) = outcomes.get_mut(usize::from(strictness(&verdict))) {
                *count += 1;
            }
        }
    }
    outcomes
}

fn single_judgements(state: &State, asks: &[Ask]) -> Vec<u64> {
    let at = state.at + 1;
    singles(asks, |ask| {
        read_ahead_asked(state, slice::from_ref(ask));
        let mut seen = Vector::new();
        Judging::new(state, input(ask, at), &mut seen).verdict();
    })
}

fn single_decisions(state: &State, commands: &[Command]) -> Vec<u64> {
    let at = state.at + 1;
    singles(commands, |command| {
        read_ahead(state, [command]);
        let _decision = decide(state, command, at);
    })
}

/// The time of each, ns.
fn singles<T>(all: &[T], mut one: impl FnMut(&T)) -> Vec<u64> {
    let times = all.iter().map(|of| {
        let began = Instant::now();
        one(of);
        u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    });
    times.collect()
}

fn commands(asks: &[Ask], lane: &str) -> Result<Vec<Command>, BenchError> {
    let commands = (0..).zip(asks).map(|(n, ask)| world::command(n, ask, lane));
    let commands: Option<Vec<Command>> = commands.collect();
    commands.ok_or(BenchError::Wrong("only withdrawals are asked for"))
}

fn decide_all(state: &State, commands: &[Command]) -> u64 {
    let at = state.at + 1;
    let decided = commands.chunks(AHEAD).map(|some| {
        read_ahead(state, some);
        let decisions = some.iter().map(|command| decide(state, command, at));
        decisions
            .map(|decision| decision.events.len() as u64)
            .sum::<u64>()
    });
    decided.sum()
}

/// Bytes of all records.
fn keep_all(world: &mut World, commands: &[Command]) -> Result<u64, BenchError> {
    let began = world.state.at + 1;
    let mut stored = Vec::new();
    let mut all = 0;
    let mut numbered = (0u32..).zip(commands);
    for some in commands.chunks(AHEAD) {
        read_ahead(&world.state, some);
        for (n, command) in numbered.by_ref().take(AHEAD) {
            let at = began + u64::from(n / EACH_MS);
            all += keep(&mut world.state, command, at, &mut stored)?;
        }
    }
    Ok(all)
}

/// Decides, encodes and folds; bytes of the records.
fn keep(
    state: &mut State,
    command: &Command,
    at: u64,
    stored: &mut Vec<u8>,
) -> Result<u64, BenchError> {
    let turn = state.turn + 1;
    let decision = decide(state, command, at);
    stored.clear();
    for event in &decision.events {
        let record = RecordRef { at, turn, event };
        record
            .encode_into(stored)
            .map_err(|_| BenchError::Wrong("an event is too large"))?;
        apply_ref(state, record);
    }
    Ok(stored.len() as u64)
}

/// Does the work, and tells how long this thread had a processor for it; where the system does not say, how long it took.
fn on_one_core<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (before, began) = (processor_time(), Instant::now());
    let given = work();
    let took = began.elapsed();
    let used = processor_time().zip(before).map(|(now, then)| now - then);
    (given, used.unwrap_or(took))
}

/// How long this thread ran so far.
fn processor_time() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = told.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
