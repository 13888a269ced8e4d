//! The ledger that is measured: a real installation with accounts that hold money, and transfers between them.

use super::{BenchError, Setup};
use crate::installation::{Installation, Running};
use crate::sequencer::SystemClock;
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::registry::Asset;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Owners of one registering command.
const OWNERS_A_COMMAND: u32 = 4_000;

/// What families of ids have before their number; transfers are of the family of their draw.
const OWNERS: u32 = 0xFF_FFFF;
const OPENINGS: u32 = 0xFF_FFFE;

/// How owners and the asset are called: owners by a UUID as text, and what the exchange writes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    before: &'static str,
    asset: &'static str,
}

impl Names {
    /// 36 bytes and 3, so that a row as it is sent has 140.
    pub(super) const PLAIN: Self = Self {
        before: "",
        asset: "KRW",
    };
    /// 64 bytes, the most that an owner's name may have, and 7, so that a row as it is sent has 200.
    pub(super) const LONG: Self = Self {
        before: "kr.exchange.example/account/",
        asset: "KRW-won",
    };

    fn owner(self, number: u64) -> String {
        format!("{}{}", self.before, uuid(OWNERS, number))
    }
}

/// Makes transfers, each with an id of its own.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    accounts: u32,
    names: Names,
    /// Distinguishes the ids of this draw from those of others.
    lane: u32,
    next: u64,
}

impl Draw {
    pub(super) const fn new(accounts: u32, lane: u32) -> Self {
        Self::with(Names::PLAIN, accounts, lane)
    }

    pub(super) const fn with(names: Names, accounts: u32, lane: u32) -> Self {
        Self {
            accounts,
            names,
            lane,
            next: 0,
        }
    }

    /// So many transfers of up to a thousand units between two accounts each, dated now.
    pub(super) fn rows(&mut self, count: usize) -> Result<Command, BenchError> {
        let mut batch = TransferBatch::new();
        let effective = now();
        for _ in 0..count {
            self.next += 1;
            let drawn = scatter(self.next ^ u64::from(self.lane) << 40);
            let from = drawn % u64::from(self.accounts);
            let step = 1 + (drawn >> 32) % u64::from(self.accounts - 1);
            let to = (from + step) % u64::from(self.accounts);
            batch.push(&TransferRow {
                id: &uuid(self.lane, self.next),
                from: &self.names.owner(from),
                to: &self.names.owner(to),
                asset: self.names.asset,
                units: u128::from(1 + drawn % 1_000),
                kind: MovementKind::Trade,
                effective,
            })?;
        }
        Ok(command(Body::RecordTransfers(batch)))
    }
}

/// Spreads neighbours over all numbers (the finalizer of splitmix64).
const fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ n >> 31
}

/// A UUID of version 4 (RFC 9562) in its usual form, the same for the same family and number.
fn uuid(family: u32, number: u64) -> String {
    let first = scatter(number ^ u64::from(family) << 40);
    let second = scatter(first);
    let (time, version) = (first >> 16, first & 0x0FFF | 0x4000);
    let rest = second & (u64::MAX >> 2) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{version:04x}-{:04x}-{:012x}",
        time >> 16,
        time & 0xFFFF,
        rest >> 48,
        rest & 0xFFFF_FFFF_FFFF
    )
}

pub(super) const fn command(body: Body) -> Command {
    Command {
        id: None,
        actor: None,
        body,
    }
}

/// Wall time, ms since the epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A new installation in `name` with an asset and accounts that hold a billion units each.
pub(super) fn made(setup: &Setup, name: &str, accounts: u32) -> Result<Installation, BenchError> {
    made_with(setup, name, accounts, Names::PLAIN)
}

/// As [`made`], with owners called so.
pub(super) fn made_with(
    setup: &Setup,
    name: &str,
    accounts: u32,
    names: Names,
) -> Result<Installation, BenchError> {
    (setup.say)(&format!("making a ledger of {accounts} accounts"));
    let mut made = Installation::create(&setup.inside(name), "keepwhole.local/bench")?;
    let asset = Asset {
        id: names.asset.to_owned(),
        decimals: 0,
        network: None,
        confirmations: 0,
    };
    turn(&mut made, command(Body::RegisterAsset(asset)))?;
    turn(
        &mut made,
        command(Body::RegisterOwners(vec!["house".to_owned()])),
    )?;
    for first in (0..accounts).step_by(usize::try_from(OWNERS_A_COMMAND).unwrap_or(1)) {
        let last = accounts.min(first + OWNERS_A_COMMAND);
        let owners = (first..last).map(|n| names.owner(u64::from(n))).collect();
        turn(&mut made, command(Body::RegisterOwners(owners)))?;
    }
    let numbers: Vec<u32> = (0..accounts).collect();
    let effective = now();
    for some in numbers.chunks(BATCH_ROWS) {
        let mut batch = TransferBatch::new();
        for number in some {
            batch.push(&TransferRow {
                id: &uuid(OPENINGS, u64::from(*number)),
                from: "outside",
                to: &names.owner(u64::from(*number)),
                asset: names.asset,
                units: 1_000_000_000,
                kind: MovementKind::Deposit,
                effective,
            })?;
        }
        turn(&mut made, command(Body::RecordTransfers(batch)))?;
    }
    Ok(made)
}

/// Starts its service, with checkpoints published beside it as in use.
pub(super) fn served(made: Installation) -> Running {
    made.run(Box::new(SystemClock::start(0)), Box::new(|_| {}))
}

/// One command, answered and durable.
pub(super) fn turn(made: &mut Installation, command: Command) -> Result<(), BenchError> {
    let replies = made.sequencer.turn(now(), &[command])?;
    replies.iter().try_for_each(|reply| recorded(&reply.answer))
}

/// Refuses to measure what was not done.
pub(super) fn recorded(answer: &Answer) -> Result<(), BenchError> {
    match answer.reason() {
        None => Ok(()),
        Some(reason) => Err(BenchError::Answered(format!("{reason:?}"))),
    }
}

/// Bytes of all files below a folder, and the files.
pub(super) fn files_below(dir: &Path) -> Result<Vec<(PathBuf, u64)>, BenchError> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(super::of_folder(&folder))? {
            let entry = entry.map_err(super::of_folder(&folder))?;
            let about = entry.metadata().map_err(super::of_folder(&folder))?;
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), about.len()));
            }
        }
    }
    Ok(found)
}
