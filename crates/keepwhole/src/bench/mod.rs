//! Measurements that a user can repeat: `keepwhole bench`. Figures are of this machine at this moment; the ratios beside
//! a plain file on the same disk, in the same run, say more. BENCHMARKS.md keeps them with method and machine.

use crate::demo::{self, DemoError, DemoOptions};
use crate::journal::{Journal, JournalError, Options, RealDisk};
use crate::sequencer::{Sequencer, SequencerError, Service, SystemClock, Until, fold};
use crate::text::Lang;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::redress::{Loss, Part, attribute};
use keepwhole_core::registry::{Asset, OwnerIx};
use keepwhole_core::state::State;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Customers of the ledger measurements.
const OWNERS: u32 = 10_000;
/// Rounds of each interleaved measurement.
const ROUNDS: usize = 5;
/// Waiting clients of the command measurement.
const CLIENTS: usize = 16;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Wall time of the whole demo with 100,000 customers.
    Demo,
    /// Durable movements a second, beside a plain file of the same bytes.
    Journal,
    /// Commands a second of waiting clients, each answered after it is durable.
    Commands,
    /// Events folded a second.
    Replay,
    /// Attribution of a shortfall over 1,000,000 customers and 24 assets.
    Attribution,
}

impl Subject {
    /// All, in the order of a full run.
    pub const ALL: [Self; 5] = [
        Self::Journal,
        Self::Commands,
        Self::Replay,
        Self::Attribution,
        Self::Demo,
    ];
}

/// One measured figure: minimum, median and maximum over the rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// Unit of the figure.
    pub unit: &'static str,
    /// Minimum, median, maximum.
    pub spread: (u64, u64, u64),
    /// What it is held against, in permille of that, where there is such a thing.
    pub ratio: Option<(String, u64)>,
}

/// Why a measurement ended early.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The sequencer stopped.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The demo ended early.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The folder for measurements failed.
    #[error("`{path}`: {source}; give a folder on the disk to be measured with `--dir`")]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A command of the measurement was not recorded.
    #[error("a command of the measurement was answered `{0}`; this is our fault, please report it")]
    Answered(String),
}

/// Measures one subject in `dir`, a folder of our own on the disk to be measured.
///
/// # Errors
/// See [`BenchError`].
pub fn measure(subject: Subject, dir: &Path) -> Result<Vec<Figure>, BenchError> {
    match subject {
        Subject::Demo => whole_demo(dir),
        Subject::Journal => durable_movements(dir),
        Subject::Commands => waiting_clients(dir),
        Subject::Replay => replay(dir),
        Subject::Attribution => Ok(attribution()),
    }
}

fn folder(path: &Path) -> Result<(), BenchError> {
    std::fs::create_dir_all(path).map_err(|source| BenchError::Folder {
        path: path.display().to_string(),
        source,
    })
}

fn per_second(count: u64, took: Duration) -> u64 {
    let nanos = took.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

fn spread(mut values: Vec<u64>) -> (u64, u64, u64) {
    values.sort_unstable();
    let middle = values.get(values.len() / 2).copied().unwrap_or(0);
    (
        values.first().copied().unwrap_or(0),
        middle,
        values.last().copied().unwrap_or(0),
    )
}

fn permille(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

fn sequencer(dir: &Path) -> Result<Sequencer<RealDisk>, BenchError> {
    folder(dir)?;
    let disk = RealDisk::open(dir).map_err(|source| BenchError::Folder {
        path: dir.display().to_string(),
        source,
    })?;
    let (journal, _) = Journal::open(disk, Options::default())?;
    let mut sequencer = Sequencer::open(journal)?;
    let asset = Asset {
        id: "KRW".to_owned(),
        decimals: 0,
        network: None,
        confirmations: 0,
    };
    let owners = std::iter::once("house".to_owned())
        .chain((0..OWNERS).map(owner))
        .collect();
    let opening = (0..OWNERS)
        .map(|n| movement("outside".to_owned(), owner(n), 1_000_000))
        .collect();
    let bodies = [
        Body::RegisterAsset(asset),
        Body::RegisterOwners(owners),
        Body::RecordMovements(opening),
    ];
    for body in bodies {
        sequencer.turn(
            1,
            &[Command {
                id: None,
                actor: None,
                body,
            }],
        )?;
    }
    Ok(sequencer)
}

fn owner(number: u32) -> String {
    format!("customer-{number:06}")
}

fn movement(from: String, to: String, units: u128) -> NewMovement {
    NewMovement {
        from,
        to,
        asset: "KRW".to_owned(),
        units,
        kind: MovementKind::Trade,
        reference: String::new(),
    }
}

fn batch(lines: u32, round: u32) -> Command {
    let pair = |n: u32| {
        (
            owner((n * 7 + round) % OWNERS),
            owner((n * 13 + round + 1) % OWNERS),
        )
    };
    let moves = (0..lines).map(pair).filter(|(from, to)| from != to);
    let body = Body::RecordMovements(moves.map(|(from, to)| movement(from, to, 1)).collect());
    Command {
        id: Some(format!("b-{lines}-{round}")),
        actor: None,
        body,
    }
}

/// Movements made durable, by lines a command, interleaved with a plain file that gets the same bytes and syncs.
fn durable_movements(dir: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut figures = Vec::new();
    let mut sequencer = sequencer(&dir.join("journal"))?;
    let plain = dir.join("plain");
    let failed = |source| BenchError::Folder {
        path: plain.display().to_string(),
        source,
    };
    let mut file = File::create(&plain).map_err(failed)?;
    for (lines, times) in [(1u32, 200u32), (100, 100), (8_000, 10)] {
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let round = u32::try_from(round).unwrap_or(0);
            let commands: Vec<Command> = (0..times)
                .map(|n| batch(lines, round * times + n))
                .collect();
            let before = sequencer.head().size;
            let began = Instant::now();
            for command in &commands {
                sequencer.turn(2, std::slice::from_ref(command))?;
            }
            let records = sequencer.head().size - before;
            let moved = records.saturating_sub(u64::from(times));
            ours.push(per_second(moved, began.elapsed()));
            // A movement's record has about 75 bytes; the same number of bytes in the same number of syncs.
            let bytes = vec![7u8; usize::try_from(records * 80 / u64::from(times)).unwrap_or(0)];
            let began = Instant::now();
            for _ in 0..times {
                file.write_all(&bytes)
                    .and_then(|()| file.sync_data())
                    .map_err(failed)?;
            }
            raw.push(per_second(moved, began.elapsed()));
        }
        let (ours, raw) = (spread(ours), spread(raw));
        figures.push(Figure {
            what: format!("durable movements, {lines} a command"),
            unit: "movements/s",
            spread: ours,
            ratio: Some((
                "a plain file of the same bytes, synced as often".to_owned(),
                permille(ours.1, raw.1),
            )),
        });
    }
    Ok(figures)
}

/// Commands of waiting clients, one movement each, answered after the sync they share.
fn waiting_clients(dir: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut figures = Vec::new();
    for clients in [1, CLIENTS] {
        let sequencer = sequencer(&dir.join(format!("clients-{clients}")))?;
        let service = Service::start(sequencer, Box::new(SystemClock::start(0)), Box::new(|_| {}));
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let each = 400 / clients.min(4);
            let began = Instant::now();
            std::thread::scope(|scope| {
                for client in 0..clients {
                    let handle = service.handle();
                    scope.spawn(move || {
                        for n in 0..each {
                            let mut command =
                                batch(1, u32::try_from(n * clients + client).unwrap_or(0));
                            command.id = Some(format!("c-{round}-{client}-{n}"));
                            // A stopped service shows in the figure and in the next call.
                            let _stopped = handle.submit(command);
                        }
                    });
                }
            });
            rounds.push(per_second(
                u64::try_from(each * clients).unwrap_or(0),
                began.elapsed(),
            ));
        }
        if let Some(error) = service.stop() {
            return Err(error.into());
        }
        figures.push(Figure {
            what: format!("commands, {clients} waiting clients"),
            unit: "commands/s",
            spread: spread(rounds),
            ratio: None,
        });
    }
    Ok(figures)
}

/// Folding a journal from its first entry, frames verified on the way.
fn replay(dir: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut sequencer = sequencer(&dir.join("replay"))?;
    for round in 0..60 {
        sequencer.turn(2, &[batch(8_000, round)])?;
    }
    let size = sequencer.head().size;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let state: State =
            fold(sequencer.journal(), Until::End, &mut |_| {}).map_err(SequencerError::from)?;
        rounds.push(per_second(state.position, began.elapsed()));
    }
    let spread = spread(rounds);
    Ok(vec![Figure {
        what: format!("replay of {size} events"),
        unit: "events/s",
        spread,
        ratio: Some((
            "the goal of 400,000 a second".to_owned(),
            permille(spread.1, 400_000),
        )),
    }])
}

/// One loss event of each of 24 assets over 1,000,000 customers with a balance in it; sums are checked.
fn attribution() -> Vec<Figure> {
    let state = State::default();
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut took = Duration::ZERO;
        for asset in 0..24u128 {
            let part = |n: u32| Part {
                owner: OwnerIx(n + 2),
                weight: (u128::from(n) * 2_654_435_761 + asset * 97) % 1_000_000_007 * 1_000_000,
                lost: 0,
                restored: 0,
            };
            let loss = Loss {
                parts: (0..1_000_000).map(part).collect(),
                ..Loss::default()
            };
            let units =
                123_456_789_012_345_678 + asset * 1_000 + u128::try_from(round).unwrap_or(0);
            let began = Instant::now();
            let split = attribute(
                &loss,
                units,
                keepwhole_core::policy::LossOrder::ProRata,
                0,
                &state.registry,
            );
            took += began.elapsed();
            let sum: u128 = split.map_or(0, |a| a.customers.iter().sum::<u128>() + a.house);
            if sum != units {
                took = Duration::MAX;
                break;
            }
        }
        rounds.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
    vec![Figure {
        what: "attribution, 1,000,000 customers x 24 assets (dense)".to_owned(),
        unit: "ms",
        spread: spread(rounds),
        ratio: None,
    }]
}

fn whole_demo(dir: &Path) -> Result<Vec<Figure>, BenchError> {
    let options = DemoOptions {
        out: dir.join("demo"),
        customers: 100_000,
        seed: 20_251_127,
        lang: Lang::En,
    };
    let outcome = demo::run(&options, &mut |_| {})?;
    let took = outcome.took_ms;
    Ok(vec![Figure {
        what: format!("demo, 100,000 customers, {} entries", outcome.entries),
        unit: "ms",
        spread: (took, took, took),
        ratio: Some(("the goal of 60,000 ms".to_owned(), permille(took, 60_000))),
    }])
}
