//! Folding a journal again, opening it after a stop, and the state at an earlier point.

use super::contest::{Contest, Report, per_second, timed};
use super::ledger::{self, Draw, files_below};
use super::{BenchError, Figure, Setup, of_folder};
use crate::installation::{Installation, Reading};
use crate::journal::layout;
use crate::sequencer::{Until, fold};
use keepwhole_core::transfer::BATCH_ROWS;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Accounts of the ledger.
const ACCOUNTS: u32 = 10_000;

/// An installation with so many events; published, closed.
pub(super) fn filled(setup: &Setup, name: &str) -> Result<u64, BenchError> {
    let mut made = ledger::made(setup, name, ACCOUNTS)?;
    (setup.say)(&format!("filling it up to {} events", setup.events));
    let mut draw = Draw::new(ACCOUNTS, 1);
    while made.sequencer.head().size < setup.events {
        ledger::turn(&mut made, draw.rows(BATCH_ROWS)?)?;
    }
    made.publish()?;
    Ok(made.sequencer.head().size)
}

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let size = filled(setup, "replay")?;
    let dir = setup.inside("replay");
    let segments = files_below(&dir.join(layout::SEGMENTS))?;
    let megabytes = segments.iter().map(|(_, bytes)| bytes).sum::<u64>() / 1_000_000;
    let mut rates = Contest::new(format!("fold of {size} events"), "events/s");
    let mut opening = Contest::new(format!("open {megabytes} MB, cold (less is better)"), "µs");
    let mut warm = Contest::new(format!("open {megabytes} MB, warm (less is better)"), "µs");
    let mut cold = true;
    for round in 1..=setup.rounds {
        (setup.say)(&format!("replay: round {round}"));
        let reading = Reading::open_whole(&dir)?;
        let (state, took) = timed(|| fold(&reading.journal, Until::End, &mut |_| {}))?;
        rates.add("keepwhole", per_second(state.position, took));
        drop((reading, state));
        cold &= forget(&dir)?;
        opening.add(
            "keepwhole: verified, folded, ready to append",
            micros(open(&dir)?),
        );
        cold &= forget(&dir)?;
        opening.add("reading the same segments", micros(read_all(&segments)?));
        warm.add(
            "keepwhole: verified, folded, ready to append",
            micros(open(&dir)?),
        );
        warm.add("reading the same segments", micros(read_all(&segments)?));
    }
    let mut notes = vec![
        "a fold verifies frames, decodes every record and applies it to the state".to_owned(),
        "for milliseconds a GB divide µs by MB".to_owned(),
    ];
    if !cold {
        notes.push(
            "`dd` could not drop what the system had cached: the cold figures are warm ones"
                .to_owned(),
        );
    }
    Ok(Report {
        title: "replay".to_owned(),
        figures: rates
            .figures()
            .chain(opening.figures())
            .chain(warm.figures())
            .collect(),
        notes,
    })
}

pub(super) fn measure_as_of(setup: &Setup) -> Result<Report, BenchError> {
    let size = filled(setup, "as-of")?;
    let dir = setup.inside("as-of");
    let mut figures: Vec<Figure> = Vec::new();
    for (words, position) in [
        ("a tenth", size / 10),
        ("the middle", size / 2),
        ("the end", size),
    ] {
        let mut contest = Contest::new(format!("the state at {words} of {size} events"), "ms");
        for round in 1..=setup.rounds {
            (setup.say)(&format!("as of {words}: round {round}"));
            let state = |position| {
                let reading = Reading::open_whole(&dir)?;
                Ok::<_, BenchError>(reading.state(Until::Position(position))?)
            };
            let (state, took) = timed(|| state(position))?;
            if state.position != position {
                return Err(BenchError::Wrong("the state is of another position"));
            }
            contest.add("keepwhole, opening included", millis(took));
        }
        figures.extend(contest.figures());
    }
    Ok(Report {
        title: "as-of".to_owned(),
        figures,
        notes: vec!["files are in the system's cache".to_owned()],
    })
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn open(dir: &Path) -> Result<Duration, BenchError> {
    let (opened, took) = timed(|| Installation::open(dir))?;
    drop(opened);
    Ok(took)
}

pub(super) fn read_all(files: &[(std::path::PathBuf, u64)]) -> Result<Duration, BenchError> {
    let mut room = vec![0; 1024 * 1024];
    let mut read = || {
        for (path, _) in files {
            let mut file = File::open(path).map_err(of_folder(path))?;
            while file.read(&mut room).map_err(of_folder(path))? > 0 {}
        }
        Ok::<(), BenchError>(())
    };
    let ((), took) = timed(&mut read)?;
    Ok(took)
}

/// Asks the system to drop the cached bytes of all files below `dir`; false where that can't be asked. `dd` of the GNU
/// coreutils does it with `posix_fadvise(POSIX_FADV_DONTNEED)`, which the standard library does not offer.
pub(super) fn forget(dir: &Path) -> Result<bool, BenchError> {
    for (path, _) in files_below(dir)? {
        let mut file = std::ffi::OsString::from("if=");
        file.push(&path);
        let asked = Command::new("dd")
            .arg(file)
            .args(["iflag=nocache", "count=0", "status=none"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !asked.is_ok_and(|ended| ended.success()) {
            return Ok(false);
        }
    }
    Ok(true)
}
