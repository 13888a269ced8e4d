//! From opening an installation to its first durable answer, with a snapshot and a long journal: after a clean stop, and
//! after a kill that leaves movements behind the snapshot and behind the published checkpoint.

use super::contest::{Contest, Report, timed};
use super::journal::submit_all;
use super::ledger::{self, Draw, files_below};
use super::replay::{forget, read_all};
use super::{BenchError, Figure, Setup};
use crate::installation::{Care, Installation};
use crate::journal::layout;
use crate::journal::snapshot::Rules;
use crate::sequencer::SystemClock;
use keepwhole_core::transfer::BATCH_ROWS;
use std::path::Path;
use std::time::Duration;

/// Accounts of the ledger: a tenth of its movements, within these.
const ACCOUNTS: (u64, u64) = (1_000, 1_000_000);
/// Most movements behind the snapshot: about as many as a journal takes before the next one is due.
const TAIL_MAX: u64 = 10_000_000;
/// Batches that each of two clients sends at once, at most, while the journal is filled.
const FILLED_AT_ONCE: u64 = 16;

const OURS: &str = "keepwhole: opened, and a first row durable";

/// Snapshots as by default, but also of a journal so short that none would be written.
fn care() -> Care {
    Care {
        snapshots: Rules {
            least_bytes: 1,
            ..Rules::default()
        },
        ..Care::default()
    }
}

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let movements = setup.movements;
    let accounts = (movements / 10).clamp(ACCOUNTS.0, ACCOUNTS.1);
    let accounts = u32::try_from(accounts).unwrap_or(u32::MAX);
    let dir = setup.inside("ready");
    drop(ledger::made(setup, "ready", accounts)?);
    let mut draws = [Draw::new(accounts, 1), Draw::new(accounts, 2)];
    fill(setup, &dir, &mut draws, movements)?;
    let mut draw = Draw::new(accounts, 3);
    let (mut figures, cold) = after_stop(setup, &dir, movements, &mut draw)?;
    figures.extend(after_kill(setup, &dir, movements, &mut draw)?);
    let mut notes = vec![
        format!(
            "{accounts} accounts; opening takes the lock, reads the newest snapshot, checks it against the journal and the \
             published checkpoint, folds what lies behind it, publishes the head; then one transfer is decided and synced"
        ),
        "what a start reads is the snapshot, the journal behind it and at most one segment before; the ids that a snapshot \
         holds are at most 33,554,432, so it grows no more with the journal after so many transfers"
            .to_owned(),
    ];
    if !cold {
        notes.push(
            "`dd` could not drop what the system had cached: all figures are warm".to_owned(),
        );
    }
    Ok(Report {
        title: "ready".to_owned(),
        figures,
        notes,
    })
}

/// Fills the journal through the running service, which writes its snapshots on the way and one when it stops.
fn fill(setup: &Setup, dir: &Path, draws: &mut [Draw], movements: u64) -> Result<(), BenchError> {
    let opened = Installation::open_with(dir, care())?;
    let end = opened.sequencer.head().size + movements;
    let running = opened.run(Box::new(SystemClock::start(0)), Box::new(|_| {}));
    let mut told = 0;
    loop {
        let done = running.reader().durable().size;
        if done >= end {
            break;
        }
        let left = movements.saturating_sub(end - done) * 10 / movements.max(1);
        if left >= told {
            (setup.say)(&format!("ready: {left} tenths of {movements} movements"));
            told = left + 1;
        }
        let batches = ((end - done) / (2 * BATCH_ROWS as u64)).clamp(1, FILLED_AT_ONCE);
        let lists: Result<Vec<Vec<_>>, BenchError> = draws
            .iter_mut()
            .map(|draw| (0..batches).map(|_| draw.rows(BATCH_ROWS)).collect())
            .collect();
        submit_all(&running, lists?)?;
    }
    running.stop()?;
    Ok(())
}

/// Opens and makes a first row durable; then, no longer timed, publishes.
fn open(dir: &Path, draw: &mut Draw) -> Result<Duration, BenchError> {
    let first = draw.rows(1)?;
    let (mut opened, took) = timed(|| {
        let mut opened = Installation::open_with(dir, care())?;
        ledger::turn(&mut opened, first)?;
        Ok::<_, BenchError>(opened)
    })?;
    if opened.snapshot.is_none() {
        return Err(BenchError::Wrong("it was opened without a snapshot"));
    }
    opened.publish()?;
    Ok(took)
}

fn after_stop(
    setup: &Setup,
    dir: &Path,
    movements: u64,
    draw: &mut Draw,
) -> Result<(Vec<Figure>, bool), BenchError> {
    let megabytes =
        |files: &[(_, u64)]| files.iter().map(|(_, bytes)| bytes).sum::<u64>() / 1_000_000;
    let segments = files_below(&dir.join(layout::SEGMENTS))?;
    let mut snapshots = files_below(&dir.join(layout::SNAPSHOTS))?;
    snapshots.sort();
    let newest = snapshots.split_off(snapshots.len().saturating_sub(1));
    let case = format!(
        "{movements} movements, {} MB of journal, {} MB of snapshot, after a stop",
        megabytes(&segments),
        megabytes(&newest)
    );
    let mut slow = Contest::new(format!("{case}, cold (less is better)"), "ms");
    let mut warm = Contest::new(format!("{case}, warm (less is better)"), "ms");
    let mut cold = true;
    for round in 1..=setup.rounds {
        (setup.say)(&format!("ready: after a stop, round {round}"));
        cold &= forget(dir)?;
        slow.add(OURS, millis(open(dir, draw)?));
        cold &= forget(dir)?;
        slow.add("reading the snapshot's bytes", millis(read_all(&newest)?));
        warm.add(OURS, millis(open(dir, draw)?));
        warm.add("reading the snapshot's bytes", millis(read_all(&newest)?));
    }
    Ok((slow.figures().chain(warm.figures()).collect(), cold))
}

/// As after a kill: movements are behind the snapshot, and some of them behind the published checkpoint.
fn after_kill(
    setup: &Setup,
    dir: &Path,
    movements: u64,
    draw: &mut Draw,
) -> Result<Vec<Figure>, BenchError> {
    let tail = (movements / 10).min(TAIL_MAX);
    let unpublished = tail / 20;
    (setup.say)(&format!("ready: {tail} movements behind the snapshot"));
    let mut opened = Installation::open_with(dir, care())?;
    let rows = BATCH_ROWS as u64;
    for batch in 0..tail.div_ceil(rows) {
        ledger::turn(&mut opened, draw.rows(BATCH_ROWS)?)?;
        if batch % 64 == 0 {
            opened.publish()?;
        }
    }
    opened.publish()?;
    drop(opened);
    let case = format!("after a kill, {tail} movements behind the snapshot, cold (less is better)");
    let mut slow = Contest::new(case, "ms");
    for round in 1..=setup.rounds {
        (setup.say)(&format!("ready: after a kill, round {round}"));
        let mut opened = Installation::open_with(dir, care())?;
        for _ in 0..unpublished.div_ceil(rows) {
            ledger::turn(&mut opened, draw.rows(BATCH_ROWS)?)?;
        }
        drop(opened);
        forget(dir)?;
        slow.add(OURS, millis(open(dir, draw)?));
    }
    Ok(slow.figures().collect())
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
