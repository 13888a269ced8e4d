//! Transfers of an exchange's own ledger through the running service: rate, waiting, bytes on disk, memory.

use super::contest::{Contest, Report, per_second, resident_kb, timed};
use super::journal::submit_all;
use super::ledger::{self, Draw, files_below};
use super::{BenchError, Figure, Setup};
use keepwhole_core::transfer::BATCH_ROWS;

/// Batches that each client sends a round.
const BATCHES: usize = 12;

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let mut figures = Vec::new();
    for accounts in [10_000, 1_000_000] {
        figures.extend(of_accounts(setup, accounts)?);
    }
    let notes = vec![
        format!(
            "{BATCH_ROWS} transfers a batch; each is looked for among the known ids, booked on two accounts, hashed into the \
             tree and on the disk before its batch is answered; tiles and checkpoints are published beside it"
        ),
        "the clients, the service and the disk share the machine's cores; batches are made before the clock starts".to_owned(),
        "bytes on disk count segments (zeros laid ahead included) and tiles; memory is what this process holds more than \
         before the ledger was made, batches that wait included"
            .to_owned(),
        "TigerBeetle was not measured in this run, so no ratio to it is claimed".to_owned(),
    ];
    Ok(Report {
        title: "transfers".to_owned(),
        figures,
        notes,
    })
}

fn of_accounts(setup: &Setup, accounts: u32) -> Result<Vec<Figure>, BenchError> {
    let name = format!("transfers-{accounts}");
    let dir = setup.inside(&name);
    let before_kb = resident_kb();
    let made = ledger::made(setup, &name, accounts)?;
    let opened_kb = resident_kb().saturating_sub(before_kb);
    let bytes = || Ok::<u64, BenchError>(files_below(&dir)?.iter().map(|(_, bytes)| bytes).sum());
    let before = bytes()?;
    let served = ledger::served(made);
    let case = |what: &str| format!("{accounts} accounts, {what}");
    let (mut figures, mut sent) = (Vec::new(), 0);
    for clients in [1_u32, 4] {
        let mut draws: Vec<Draw> = (0..clients)
            .map(|n| Draw::new(accounts, clients * 16 + n))
            .collect();
        let word = if clients == 1 { "client" } else { "clients" };
        let mut rates = Contest::new(case(&format!("{clients} {word}")), "transfers/s");
        let mut half = Contest::new(case(&format!("{clients} {word}, batch p50")), "µs");
        let mut most = Contest::new(case(&format!("{clients} {word}, batch p99")), "µs");
        for round in 1..=setup.rounds {
            (setup.say)(&format!(
                "transfers: {accounts} accounts, {clients} {word}, round {round}"
            ));
            let lists: Result<Vec<Vec<_>>, _> = draws
                .iter_mut()
                .map(|draw| (0..BATCHES).map(|_| draw.rows(BATCH_ROWS)).collect())
                .collect();
            let lists = lists?;
            let count = (lists.len() * BATCHES * BATCH_ROWS) as u64;
            sent += count;
            let (mut waits, took) = timed(|| submit_all(&served, lists))?;
            rates.add("keepwhole", per_second(count, took));
            half.add("keepwhole", waits.at(500));
            most.add("keepwhole", waits.at(990));
        }
        figures.extend(rates.figures().chain(half.figures()).chain(most.figures()));
    }
    let after_kb = resident_kb().saturating_sub(before_kb);
    served.stop()?;
    let on_disk = (bytes()? - before.min(bytes()?)) / sent.max(1);
    let single = |what: String, unit, value| Figure {
        case: case(&what),
        who: "keepwhole".to_owned(),
        unit,
        spread: (value, value, value),
        ours_to_it: None,
    };
    figures.push(single("on disk a transfer".to_owned(), "bytes", on_disk));
    figures.push(single("memory, opened".to_owned(), "KiB", opened_kb));
    figures.push(single(
        format!("memory, after {sent} transfers"),
        "KiB",
        after_kb,
    ));
    Ok(figures)
}
