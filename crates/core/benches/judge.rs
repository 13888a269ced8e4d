//! What a judgement, from the state and from figures told, and a decision of the guard cost on one core, over the world and
//! the thirty rules of `keepwhole bench guard`. `cargo bench -p keepwhole-core --bench judge -- [CUSTOMERS] [ROUNDS]`.

#![expect(clippy::disallowed_types, reason = "a measurement reads the clock")]

#[path = "../../keepwhole/src/bench/guard/rules.rs"]
mod rules;
#[path = "../../keepwhole/src/bench/guard/world.rs"]
#[expect(dead_code, reason = "the other measurement uses the rest")]
mod world;

use keepwhole_core::apply::apply_ref;
use keepwhole_core::command::Command;
use keepwhole_core::decide::{decide, read_ahead, read_ahead_asked};
use keepwhole_core::event::RecordRef;
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::figures::Input;
use keepwhole_core::policy::judge::Judging;
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::state::State;
use std::hint::black_box;
use std::time::Instant;
use world::World;

/// CPU time of this thread in ns, or time since `start`.
fn now(start: Instant) -> u128 {
    let cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = cpu.and_then(|text| text.split(' ').next()?.parse().ok());
    spent.unwrap_or_else(|| start.elapsed().as_nanos())
}

fn timed(what: &str, count: usize, work: impl FnOnce()) {
    let start = Instant::now();
    let before = now(start);
    work();
    let each = (now(start) - before) / count.max(1) as u128;
    println!("{what:<8} {each:>6} ns");
}

fn input<'s>(state: &State, ask: &'s Ask) -> Input<'s> {
    Input {
        ask,
        actor: None,
        at: state.at + 1,
        counted: false,
    }
}

fn judge_all(state: &State, asks: &[Ask]) {
    for some in asks.chunks(64) {
        read_ahead_asked(state, some);
        for ask in some {
            let mut seen = Vector::new();
            black_box(Judging::new(state, input(state, ask), &mut seen).verdict());
        }
    }
}

/// Judges all of them so many times from figures that lie ready.
fn judge_told(state: &State, asks: &[Ask], times: usize) {
    let told = asks.iter().map(|ask| {
        let mut seen = Vector::new();
        Judging::new(state, input(state, ask), &mut seen).see_all();
        (ask, seen)
    });
    let mut told: Vec<(&Ask, Vector)> = told.collect();
    timed("told", told.len() * times, || {
        for _ in 0..times {
            for (ask, seen) in &mut told {
                black_box(Judging::new(state, input(state, ask), seen).verdict());
            }
        }
    });
}

fn keep_all(world: &mut World, commands: &[Command]) {
    let began = world.state.at + 1;
    let mut stored = Vec::new();
    for (n, command) in (0u64..).zip(commands) {
        if n % 64 == 0 {
            let from = usize::try_from(n).unwrap_or(0);
            read_ahead(&world.state, commands.iter().skip(from).take(64));
        }
        let state = &mut world.state;
        let (at, turn) = (began + n / 10, state.turn + 1);
        let decision = decide(state, command, at);
        stored.clear();
        for event in &decision.events {
            let record = RecordRef { at, turn, event };
            if record.encode_into(&mut stored).is_ok() {
                apply_ref(state, record);
            }
        }
    }
}

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let customers: u32 = numbers.next().unwrap_or(1_000_000);
    let rounds = numbers.next().unwrap_or(3);
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut world = World::of_customers(customers);
    let count = customers.min(400_000);
    let asks: Vec<Ask> = (0..count).map(|n| world::ask(n, customers)).collect();
    println!("{} MiB of history", world.state.history.bytes() >> 20);
    for round in 0..rounds {
        let state = &world.state;
        timed("judged", asks.len(), || judge_all(state, &asks));
        judge_told(state, &asks[..asks.len().min(1_000)], 1_000);
        if only == "judged" {
            continue;
        }
        let lane = format!("{round:04x}");
        let commands = (0..)
            .zip(&asks)
            .filter_map(|(n, ask)| world::command(n, ask, &lane));
        let commands: Vec<Command> = commands.collect();
        timed("decided", asks.len(), || {
            for some in commands.chunks(64) {
                read_ahead(state, some);
                for command in some {
                    black_box(decide(state, command, state.at + 1));
                }
            }
        });
        if only == "decided" {
            continue;
        }
        timed("kept", asks.len(), || keep_all(&mut world, &commands));
    }
}
