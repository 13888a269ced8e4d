//! Transfers of an exchange's own ledger through the running service: rate, waiting, bytes on disk, memory; and
//! TigerBeetle's own benchmark with as many of them in the same rounds.

use super::contest::{Contest, Report, per_second, resident_kb, timed};
use super::journal::submit_all;
use super::ledger::{self, Draw, files_below};
use super::tigerbeetle::Program;
use super::{BenchError, Figure, Setup};
use crate::installation::Running;
use crate::journal::layout;
use keepwhole_core::transfer::BATCH_ROWS;
use std::path::Path;

/// Batches of all clients together a round.
const BATCHES: usize = 60;
const OURS: &str = "keepwhole";

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let mut notes = vec![
        format!(
            "{BATCH_ROWS} transfers a batch; each is looked for among the known ids, booked on two accounts, hashed into the \
             tree and on the disk before its batch is answered; tiles and checkpoints are published beside it; ids and \
             owners are UUIDs as text, 140 bytes a row as sent"
        ),
        "the clients are threads of this process, without a wire between; they, the service and the disk share the machine's \
         cores; batches are made before the clock starts"
            .to_owned(),
        "bytes on disk count segments (zeros laid ahead included) and hashes, and no snapshot; memory is what this process \
         holds more than before the ledger was made, batches that wait included"
            .to_owned(),
    ];
    let mut peer = Peer::reach(setup);
    let mut figures = Vec::new();
    for accounts in [10_000, 1_000_000] {
        figures.extend(of_accounts(setup, accounts, &mut peer)?);
    }
    notes.extend(peer.notes());
    Ok(Report {
        title: "transfers".to_owned(),
        figures,
        notes,
    })
}

/// TigerBeetle, or why it is not measured.
struct Peer(Result<Program, String>);

impl Peer {
    fn reach(setup: &Setup) -> Self {
        Self(match Program::reach(setup) {
            Ok(Some(program)) => Ok(program),
            Ok(None) => Err(
                "TigerBeetle was not measured in this run, so no ratio to it is claimed; give its program with \
                 `--tigerbeetle PATH`"
                    .to_owned(),
            ),
            Err(error) => Err(format!("TigerBeetle was not measured: {error}")),
        })
    }

    /// Runs its benchmark. Where that fails it is left out from then on, and the note says why.
    fn run(
        &mut self,
        accounts: u32,
        clients: u32,
        transfers: u64,
    ) -> Option<(String, super::tigerbeetle::Run)> {
        let program = self.0.as_ref().ok()?;
        match program.benchmark(accounts, clients, transfers) {
            Ok(run) => Some((program.name().to_owned(), run)),
            Err(error) => {
                self.0 = Err(format!("TigerBeetle was measured no further: {error}"));
                None
            }
        }
    }

    fn notes(self) -> Vec<String> {
        match self.0 {
            Ok(_) => vec![
                "TigerBeetle runs its own `benchmark --no-history --query-count=0`: a new replica and other processes over TCP \
                 in each round, 16-byte ids and accounts instead of texts, batches of its own largest size, as many \
                 transfers; it also keeps indexes for queries that keepwhole does not keep, and hashes into no tree"
                    .to_owned(),
                "its latencies come in whole milliseconds; its bytes on disk are the growth of its data file in one run with \
                 as many transfers as keepwhole was sent in all, without the 1.1 GB that an empty replica has; its memory is \
                 the most that its process held in that run"
                    .to_owned(),
            ],
            Err(note) => vec![note],
        }
    }
}

/// What is measured with one number of clients.
struct Case {
    rates: Contest,
    half: Contest,
    most: Contest,
}

impl Case {
    fn new(accounts: u32, clients: u32) -> Self {
        let word = if clients == 1 { "client" } else { "clients" };
        let case = format!("{accounts} accounts, {clients} {word}");
        Self {
            rates: Contest::new(case.clone(), "transfers/s"),
            half: Contest::new(format!("{case}, batch p50 (less is better)"), "µs"),
            most: Contest::new(format!("{case}, batch p99 (less is better)"), "µs"),
        }
    }

    fn add(&mut self, who: &str, rate: u64, half: u64, most: u64) {
        self.rates.add(who, rate);
        self.half.add(who, half);
        self.most.add(who, most);
    }

    fn figures(self) -> impl Iterator<Item = Figure> {
        let waits = self.half.figures().chain(self.most.figures());
        self.rates.figures().chain(waits)
    }
}

fn of_accounts(setup: &Setup, accounts: u32, peer: &mut Peer) -> Result<Vec<Figure>, BenchError> {
    let name = format!("transfers-{accounts}");
    let dir = setup.inside(&name);
    let before_kb = resident_kb();
    let mut made = ledger::made(setup, &name, accounts)?;
    made.publish()?;
    let opened_kb = resident_kb().saturating_sub(before_kb);
    let before = bytes_of(&dir)?;
    let served = ledger::served(made);
    let (mut figures, mut sent) = (Vec::new(), 0);
    for clients in [1_u32, 4] {
        let mut case = Case::new(accounts, clients);
        let mut draws: Vec<Draw> = (0..clients)
            .map(|n| Draw::new(accounts, clients * 16 + n))
            .collect();
        for round in 1..=setup.rounds {
            let words = format!("{accounts} accounts, clients: {clients}, round {round}");
            (setup.say)(&format!("transfers: {words}"));
            let count = one_round(&served, &mut draws, &mut case)?;
            sent += count;
            if let Some((who, run)) = peer.run(accounts, clients, count) {
                case.add(&who, run.rate, run.half, run.most);
            }
        }
        figures.extend(case.figures());
    }
    let after_kb = resident_kb().saturating_sub(before_kb);
    served.stop()?;
    let on_disk = bytes_of(&dir)?.saturating_sub(before) / sent.max(1);
    let after = format!("{accounts} accounts, after {sent} transfers");
    let mut disk = Contest::new(format!("{after}, on disk each (less is better)"), "bytes");
    let mut memory = Contest::new(format!("{after}, memory (less is better)"), "KiB");
    let mut opened = Contest::new(format!("{accounts} accounts, memory before any"), "KiB");
    disk.add(OURS, on_disk);
    memory.add(OURS, after_kb);
    opened.add(OURS, opened_kb);
    if let Some((who, run)) = peer.run(accounts, 1, sent) {
        disk.add(&who, run.grown / sent.max(1));
        memory.add(&who, run.resident_kb);
    }
    let sizes = disk.figures().chain(memory.figures());
    figures.extend(sizes.chain(opened.figures()));
    Ok(figures)
}

/// Bytes of the journal and of its published log.
fn bytes_of(dir: &Path) -> Result<u64, BenchError> {
    let folders = [layout::SEGMENTS, layout::LOG];
    let sizes = folders.iter().map(|folder| {
        let files = files_below(&dir.join(folder))?;
        Ok(files.iter().map(|(_, bytes)| bytes).sum::<u64>())
    });
    sizes.sum()
}

/// All clients send their batches; the number of transfers.
fn one_round(served: &Running, draws: &mut [Draw], case: &mut Case) -> Result<u64, BenchError> {
    let each = BATCHES / draws.len().max(1);
    let lists: Result<Vec<Vec<_>>, _> = draws
        .iter_mut()
        .map(|draw| (0..each).map(|_| draw.rows(BATCH_ROWS)).collect())
        .collect();
    let lists = lists?;
    let count = (lists.len() * each * BATCH_ROWS) as u64;
    let (mut waits, took) = timed(|| submit_all(served, lists))?;
    case.add(OURS, per_second(count, took), waits.at(500), waits.at(990));
    Ok(count)
}
