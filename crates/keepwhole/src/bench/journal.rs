//! Durable movements: looked up, checked, folded, hashed and synced, beside stores that get the same bytes.

use super::contest::{Contest, Figure, Report, Waits, per_second, timed};
use super::ledger::{self, Draw};
use super::store::{Store, Zeros, stores};
use super::{BenchError, Setup};
use crate::installation::{Installation, Running};
use crate::journal::JournalError;
use keepwhole_core::command::Command;

/// Accounts of the ledger.
const ACCOUNTS: u32 = 10_000;
/// Rows a batch, and batches a round.
const CASES: [(usize, usize); 3] = [(1, 300), (100, 60), (8_000, 25)];
/// Clients that keep the service busy.
const FEEDERS: u32 = 2;

const OURS: &str = "keepwhole, one batch after the other";
const PUBLISHED: &str = "keepwhole, and tiles and checkpoint each round";
const SERVED: &str = "keepwhole as a service, 2 clients";

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let mut made = ledger::made(setup, "journal", ACCOUNTS)?;
    let served = ledger::served(ledger::made(setup, "served", ACCOUNTS)?);
    let mut draw = Draw::new(ACCOUNTS, 1);
    let row_bytes = record_bytes(&mut made, &mut draw)?;
    let row = vec![0x5A; row_bytes];
    let (mut others, mut notes) = stores(setup)?;
    let mut zeros = Zeros::new(setup)?;
    let mut feeders: Vec<Draw> = (0..FEEDERS).map(|n| Draw::new(ACCOUNTS, 10 + n)).collect();
    let mut stored = 0;
    let mut figures = Vec::new();
    for (rows, times) in CASES {
        let batch = vec![row.clone(); rows];
        let mut rates = Contest::new(format!("{rows} a batch"), "rows/s");
        let mut slow = Latencies::new(rows);
        for round in 1..=setup.rounds {
            (setup.say)(&format!("journal: {rows} a batch, round {round}"));
            let commands = drawn(&mut draw, rows, times)?;
            let count = (rows * times) as u64;
            let (waits, took) = timed(|| run(&mut made, commands))?;
            rates.add(OURS, per_second(count, took));
            slow.add(OURS, waits);
            let ((), publishing) = timed(|| made.publish())?;
            rates.add(PUBLISHED, per_second(count, took + publishing));
            if rows > 1 {
                let took = feed(&served, &mut feeders, rows, times)?;
                rates.add(SERVED, per_second(count, took));
            }
            for other in &mut others {
                let name = other.name();
                let (waits, took) = timed(|| append(other.as_mut(), &batch, times, &mut stored))?;
                rates.add(&name, per_second(count, took));
                slow.add(&name, waits);
            }
            if rows == 1 {
                let waits = sync_zeros(&mut zeros, times)?;
                slow.add("one 200-byte fdatasync over zeros", waits);
            }
        }
        figures.extend(rates.figures());
        figures.extend(slow.figures());
    }
    served.stop()?;
    notes.splice(..0, about(row_bytes));
    Ok(Report {
        title: "journal".to_owned(),
        figures,
        notes,
    })
}

fn about(row_bytes: usize) -> [String; 2] {
    [
        format!(
            "a row is a transfer between two of {ACCOUNTS} accounts: its id is looked for among those known, both balances \
             change, its record of {row_bytes} bytes becomes a leaf of the tree, and it is on the disk before it is answered"
        ),
        format!(
            "the other stores get rows of {row_bytes} bytes under rising numbers and make them as durable; they hash, check \
             and fold nothing"
        ),
    ]
}

/// Bytes of a transfer's record, prefix of its length included.
fn record_bytes(made: &mut Installation, draw: &mut Draw) -> Result<usize, BenchError> {
    let before = made.sequencer.head().size;
    ledger::turn(made, draw.rows(100)?)?;
    let (mut bytes, mut count) = (0, 0);
    made.sequencer
        .journal()
        .read::<JournalError>(before, &mut |_, record| {
            bytes += record.len() + 2;
            count += 1;
            Ok(())
        })?;
    Ok(bytes / count.max(1))
}

fn drawn(draw: &mut Draw, rows: usize, times: usize) -> Result<Vec<Command>, BenchError> {
    (0..times).map(|_| draw.rows(rows)).collect()
}

fn run(made: &mut Installation, commands: Vec<Command>) -> Result<Waits, BenchError> {
    let mut waits = Waits::default();
    for command in commands {
        let ((), took) = timed(|| ledger::turn(made, command))?;
        waits.add(took);
    }
    Ok(waits)
}

fn append(
    other: &mut dyn Store,
    batch: &[Vec<u8>],
    times: usize,
    stored: &mut u64,
) -> Result<Waits, BenchError> {
    let mut waits = Waits::default();
    for _ in 0..times {
        let ((), took) = timed(|| other.append(*stored, batch))?;
        waits.add(took);
        *stored += batch.len() as u64;
    }
    Ok(waits)
}

fn sync_zeros(zeros: &mut Zeros, times: usize) -> Result<Waits, BenchError> {
    let mut waits = Waits::default();
    for _ in 0..times {
        let ((), took) = timed(|| zeros.sync())?;
        waits.add(took);
    }
    Ok(waits)
}

/// Clients that each wait for their answer; the batches are made before the clock starts.
pub(super) fn feed(
    served: &Running,
    feeders: &mut [Draw],
    rows: usize,
    times: usize,
) -> Result<std::time::Duration, BenchError> {
    let share = times.div_ceil(feeders.len().max(1));
    let mut left = times;
    let mut batches = Vec::new();
    for feeder in feeders {
        let mine = share.min(left);
        left -= mine;
        batches.push(drawn(feeder, rows, mine)?);
    }
    let ((), took) = timed(|| submit_all(served, batches).map(|_| ()))?;
    Ok(took)
}

/// One thread for each list of commands; the times of all answers.
pub(super) fn submit_all(served: &Running, lists: Vec<Vec<Command>>) -> Result<Waits, BenchError> {
    std::thread::scope(|scope| {
        let running: Vec<_> = lists
            .into_iter()
            .map(|commands| {
                let handle = served.handle();
                scope.spawn(move || {
                    let mut waits = Waits::default();
                    for command in commands {
                        let (reply, took) = timed(|| handle.submit(command))?;
                        ledger::recorded(&reply.answer)?;
                        waits.add(took);
                    }
                    Ok(waits)
                })
            })
            .collect();
        let mut all = Waits::default();
        for one in running {
            let waits: Result<_, BenchError> = one
                .join()
                .unwrap_or(Err(BenchError::Wrong("a client panicked")));
            all.extend(waits?);
        }
        Ok(all)
    })
}

/// Half of the answers, and all but one of a hundred, came within so long.
struct Latencies {
    half: Contest,
    most: Contest,
    wanted: bool,
}

impl Latencies {
    fn new(rows: usize) -> Self {
        Self {
            half: Contest::new(format!("{rows} a batch, p50 (less is better)"), "µs"),
            most: Contest::new(format!("{rows} a batch, p99 (less is better)"), "µs"),
            wanted: rows == 1,
        }
    }

    fn add(&mut self, who: &str, mut waits: Waits) {
        if self.wanted {
            self.half.add(who, waits.at(500));
            self.most.add(who, waits.at(990));
        }
    }

    fn figures(self) -> impl Iterator<Item = Figure> {
        self.half.figures().chain(self.most.figures())
    }
}
