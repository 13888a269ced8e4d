//! Durable movements: looked up, checked, folded, hashed and synced, beside stores that get the same rows.

use super::contest::{Contest, Figure, Report, Waits, per_second, timed};
use super::ledger::{self, Draw, Names};
use super::store::{Store, Zeros, stores};
use super::{BenchError, Setup};
use crate::installation::{Installation, Running};
use crate::journal::JournalError;
use keepwhole_core::command::{Body, Command};

/// Accounts of the ledger.
const ACCOUNTS: u32 = 10_000;
/// Rows a batch, and batches a round.
type Sizes = &'static [(usize, usize)];
/// How owners are called, the bytes of a row then, and what is sent.
const CASES: [(Names, usize, Sizes); 2] = [
    (Names::PLAIN, 140, &[(1, 300), (100, 60), (8_000, 25)]),
    (Names::LONG, 200, &[(100, 60), (8_000, 25)]),
];
/// Clients that keep the service busy.
const FEEDERS: u32 = 2;

const OURS: &str = "keepwhole, one batch after the other";
const PUBLISHED: &str = "keepwhole, and tiles and checkpoint each round";
const SERVED: &str = "keepwhole as a service, 2 clients";

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let mut figures = Vec::new();
    let mut notes = about();
    for (names, row_bytes, sizes) in CASES {
        let setup = Setup {
            dir: setup.inside(&format!("rows-{row_bytes}")),
            ..setup.clone()
        };
        let mut field = Field::new(&setup, names, row_bytes)?;
        for (rows, times) in sizes {
            figures.extend(field.case(&setup, *rows, *times)?);
        }
        notes.extend(field.stop()?);
    }
    let mut told = std::collections::BTreeSet::new();
    notes.retain(|note| told.insert(note.clone()));
    Ok(Report {
        title: "journal".to_owned(),
        figures,
        notes,
    })
}

fn about() -> Vec<String> {
    [
        "a row is a transfer as an exchange sends it: a UUID as its id, two owners, asset, units, kind, date; owners are \
         UUIDs, with 28 bytes before each where the row has 200; everybody gets the same rows in the same batches"
            .to_owned(),
        format!(
            "keepwhole looks for the id among those known, finds both of {ACCOUNTS} owners and the asset by name, checks the \
             balance, books both sides, makes the record a leaf of the tree, and has it on the disk before it answers"
        ),
        "the other stores keep each row whole under a rising number and make it as durable; they look nothing up, and hash, \
         check and fold nothing; the plain file does not even number it"
            .to_owned(),
        "PostgreSQL gets a single row by a prepared insert, more of them by a binary copy; the others in one transaction or \
         batch; NATS, where it is measured, in atomic batches of at most 1,000 that are sent together"
            .to_owned(),
    ]
    .to_vec()
}

/// All that take turns with rows of one size, each on files of its own.
struct Field {
    row_bytes: usize,
    stored_bytes: usize,
    made: Installation,
    served: Running,
    draw: Draw,
    feeders: Vec<Draw>,
    others: Vec<Box<dyn Store>>,
    missing: Vec<String>,
    zeros: Zeros,
    /// Rows that the others hold.
    count: u64,
}

impl Field {
    fn new(setup: &Setup, names: Names, row_bytes: usize) -> Result<Self, BenchError> {
        std::fs::create_dir_all(&setup.dir).map_err(super::of_folder(&setup.dir))?;
        let mut made = ledger::made_with(setup, "journal", ACCOUNTS, names)?;
        let served = ledger::served(ledger::made_with(setup, "served", ACCOUNTS, names)?);
        let mut draw = Draw::with(names, ACCOUNTS, 1);
        let stored_bytes = record_bytes(&mut made, &mut draw)?;
        let (others, missing) = stores(setup)?;
        Ok(Self {
            row_bytes,
            stored_bytes,
            made,
            served,
            draw,
            feeders: (0..FEEDERS)
                .map(|n| Draw::with(names, ACCOUNTS, 10 + n))
                .collect(),
            others,
            missing,
            zeros: Zeros::new(setup)?,
            count: 0,
        })
    }

    fn case(
        &mut self,
        setup: &Setup,
        rows: usize,
        times: usize,
    ) -> Result<Vec<Figure>, BenchError> {
        let case = format!("{rows} a batch, rows of {} bytes", self.row_bytes);
        let mut rates = Contest::new(case.clone(), "rows/s");
        let mut slow = Latencies::new(&case, rows);
        let count = (rows * times) as u64;
        for round in 1..=setup.rounds {
            (setup.say)(&format!("journal: {case}, round {round}"));
            let commands = drawn(&mut self.draw, rows, times)?;
            let sent = sent(&commands);
            let (waits, took) = timed(|| run(&mut self.made, commands))?;
            rates.add(OURS, per_second(count, took));
            slow.add(OURS, waits);
            let ((), publishing) = timed(|| self.made.publish())?;
            rates.add(PUBLISHED, per_second(count, took + publishing));
            if rows > 1 {
                let took = feed(&self.served, &mut self.feeders, rows, times)?;
                rates.add(SERVED, per_second(count, took));
            }
            let batches: Vec<Vec<&[u8]>> = sent
                .iter()
                .map(|bytes| bytes.chunks_exact(self.row_bytes).collect())
                .collect();
            if batches.iter().any(|batch| batch.len() != rows) {
                return Err(BenchError::Wrong("rows have another size than it is said"));
            }
            for other in &mut self.others {
                let (waits, took) = timed(|| append(other.as_mut(), &batches, self.count))?;
                rates.add(&other.name(), per_second(count, took));
                slow.add(&other.name(), waits);
            }
            self.count += count;
            if rows == 1 {
                let waits = sync_zeros(&mut self.zeros, times)?;
                slow.add("one 200-byte fdatasync over zeros", waits);
            }
        }
        Ok(rates.figures().chain(slow.figures()).collect())
    }

    /// Ends the service, and says what is to be known.
    fn stop(self) -> Result<Vec<String>, BenchError> {
        self.served.stop()?;
        let mut notes = vec![format!(
            "of a row of {} bytes keepwhole keeps a record of {}: its owners and asset are numbers there; beside it are \
             hashes of the tree, 32 bytes a row and one in 256 more",
            self.row_bytes, self.stored_bytes
        )];
        notes.extend(self.missing);
        Ok(notes)
    }
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

/// The rows of each command as they are sent.
fn sent(commands: &[Command]) -> Vec<Vec<u8>> {
    let batches = commands.iter().filter_map(|command| match &command.body {
        Body::RecordTransfers(batch) => Some(batch.as_bytes().to_vec()),
        _ => None,
    });
    batches.collect()
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
    batches: &[Vec<&[u8]>],
    mut first: u64,
) -> Result<Waits, BenchError> {
    let mut waits = Waits::default();
    for batch in batches {
        let ((), took) = timed(|| other.append(first, batch))?;
        waits.add(took);
        first += batch.len() as u64;
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
    fn new(case: &str, rows: usize) -> Self {
        Self {
            half: Contest::new(format!("{case}, p50 (less is better)"), "µs"),
            most: Contest::new(format!("{case}, p99 (less is better)"), "µs"),
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
