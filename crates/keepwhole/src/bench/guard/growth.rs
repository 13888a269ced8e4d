//! Whether a decision costs more the more left a wallet before: one wallet with 1,000 to 1,000,000 withdrawals within the
//! last hour, each with a clearance that is still open.

use super::world::World;
use super::{keep, singles};
use crate::bench::contest::{Contest, spread};
use crate::bench::{BenchError, Figure, Setup};
use crate::text::count;
use keepwhole_core::apply::apply;
use keepwhole_core::decide::read_ahead;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::Ask;

/// Earlier withdrawals.
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Customers who share them, and customers who ask.
const CUSTOMERS: u32 = 4_000;
/// Requests of a round.
const REQUESTS: u32 = 2_000;
/// Clearances that lapse in a round; so many of the fewest are there for several rounds.
const LAPSES: u32 = 40;
/// Rounds at most, for as long as clearances last.
const ROUNDS: usize = 10;

pub(super) fn measure(setup: &Setup, most: u32) -> Result<Vec<Figure>, BenchError> {
    let mut figures = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        (setup.say)(&format!("guard: one wallet with {size} withdrawals"));
        figures.extend(of_size(setup, size)?);
    }
    Ok(figures)
}

fn of_size(setup: &Setup, size: u32) -> Result<Vec<Figure>, BenchError> {
    let mut world = World::of_one_wallet(CUSTOMERS, size);
    let earlier = count(u128::from(size));
    let case = |what: &str| format!("{what}, after {earlier} of one wallet (less is better)");
    let mut judged = Contest::new(case("judged"), "ns");
    let mut kept = Contest::new(case("kept"), "ns");
    let mut lapsed = Contest::new(case("a clearance lapsed"), "ns");
    let asks: Vec<Ask> = (0..REQUESTS)
        .map(|n| World::ask_of_one_wallet(n, CUSTOMERS))
        .collect();
    let mut first = size / 2;
    for round in 0..setup.rounds.min(ROUNDS) {
        let at = world.state.at + 1;
        judged.add(
            "keepwhole",
            half(super::single_judgements(&world.state, &asks)),
        );
        let commands = super::commands(&asks, &format!("{round:04x}"))?;
        let (mut stored, mut outcome) = (Vec::new(), Ok(0));
        let times = singles(&commands, |command| {
            read_ahead(&world.state, [command]);
            let done = keep(&mut world.state, command, at, &mut stored);
            if done.is_err() {
                outcome = done;
            }
        });
        outcome?;
        kept.add("keepwhole", half(times));
        // Those in the middle of what is remembered.
        let requests: Vec<u32> = (first..first + LAPSES).collect();
        first += LAPSES;
        let times = singles(&requests, |request| lapse(&mut world, at, *request));
        lapsed.add("keepwhole", half(times));
    }
    let all = judged.figures().chain(kept.figures());
    Ok(all.chain(lapsed.figures()).collect())
}

fn lapse(world: &mut World, at: u64, request: u32) {
    let turn = world.state.turn + 1;
    let event = Event::ClearanceLapsed { request };
    apply(&mut world.state, &Record::new(at, turn, event));
}

/// What half of them did not pass.
fn half(times: Vec<u64>) -> u64 {
    spread(times).1
}
