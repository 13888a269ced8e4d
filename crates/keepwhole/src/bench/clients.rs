//! Waiting clients, one transfer a command, each answered after the sync it shares with whoever waits beside it.

use super::contest::{Contest, Report, Waits, per_second, timed};
use super::journal::submit_all;
use super::ledger::{self, Draw};
use super::{BenchError, Setup};
use std::time::Duration;

/// Accounts of the ledger.
const ACCOUNTS: u32 = 10_000;
/// Clients, and commands of each a round.
const CASES: [(usize, usize); 3] = [(1, 400), (16, 200), (64, 100)];

/// Whose it is, the times of all answers, and of all together.
type Measured = (String, (Waits, Duration));

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let served = ledger::served(ledger::made(setup, "clients", ACCOUNTS)?);
    let (mut peer, mut notes) = (Peer::reach(setup)?, about());
    let mut figures = Vec::new();
    for (clients, each) in CASES {
        let case = if clients == 1 {
            "1 client".to_owned()
        } else {
            format!("{clients} clients")
        };
        let mut rates = Contest::new(case.clone(), "commands/s");
        let mut half = Contest::new(format!("{case}, p50 (less is better)"), "µs");
        let mut most = Contest::new(format!("{case}, p99 (less is better)"), "µs");
        let count = (clients * each) as u64;
        let mut add = |who: &str, (mut waits, took): (Waits, Duration)| {
            rates.add(who, per_second(count, took));
            half.add(who, waits.at(500));
            most.add(who, waits.at(990));
        };
        let mut draws: Vec<Draw> = (0_u32..)
            .zip(0..clients)
            .map(|(n, _)| Draw::new(ACCOUNTS, u32::try_from(clients).unwrap_or(0) * 1_000 + n))
            .collect();
        for round in 1..=setup.rounds {
            (setup.say)(&format!("clients: {case}, round {round}"));
            let lists: Result<Vec<Vec<_>>, _> = draws
                .iter_mut()
                .map(|draw| (0..each).map(|_| draw.rows(1)).collect())
                .collect();
            let lists = lists?;
            add("keepwhole", timed(|| submit_all(&served, lists))?);
            if let Some((who, measured)) = peer.run(clients, each)? {
                add(&who, measured);
            }
        }
        figures.extend(rates.figures().chain(half.figures()).chain(most.figures()));
    }
    served.stop()?;
    notes.extend(peer.missing());
    Ok(Report {
        title: "clients".to_owned(),
        figures,
        notes,
    })
}

fn about() -> Vec<String> {
    vec![
        "each client waits for its answer before it asks again; keepwhole's clients are threads of the same process, without \
         a network between; PostgreSQL's have a connection each over a unix socket (or as `--postgres` says), autocommit, a \
         prepared insert of one row of 140 bytes"
            .to_owned(),
    ]
}

#[cfg(feature = "peers")]
struct Peer(Result<super::postgres::Clients, String>);

#[cfg(feature = "peers")]
impl Peer {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same as without the feature `peers`"
    )]
    fn reach(setup: &Setup) -> Result<Self, BenchError> {
        let most = CASES.iter().map(|(clients, _)| *clients).max();
        let reached = super::postgres::Server::reach(setup)
            .and_then(|server| super::postgres::Clients::new(server, most.unwrap_or(1)));
        Ok(Self(reached.map_err(|error| error.to_string())))
    }

    fn run(&mut self, clients: usize, each: usize) -> Result<Option<Measured>, BenchError> {
        let Ok(peer) = &mut self.0 else {
            return Ok(None);
        };
        let measured = timed(|| peer.run(clients, each, &[0x5A; 140]))?;
        Ok(Some((peer.version.clone(), measured)))
    }

    fn missing(self) -> Option<String> {
        let error = self.0.err()?;
        Some(format!("PostgreSQL: not measured, {error}"))
    }
}

#[cfg(not(feature = "peers"))]
struct Peer;

#[cfg(not(feature = "peers"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same as with the feature `peers`"
)]
impl Peer {
    fn reach(_setup: &Setup) -> Result<Self, BenchError> {
        Ok(Self)
    }

    fn run(&mut self, _clients: usize, _each: usize) -> Result<Option<Measured>, BenchError> {
        Ok(None)
    }

    fn missing(self) -> Option<String> {
        Some(super::store::WITHOUT_PEERS.to_owned())
    }
}
