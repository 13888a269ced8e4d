//! Imports of a story: its rows as a file, through the real reader, checker and recorder of books.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Progress, digest_of};

use super::disk::Folder;
use super::scenario::Given;
use super::scenario::event::Rows;
use super::scenario::scalar::show_instant;
use super::service::Service;
use crate::books::import::{ImportError, Job};
use crate::books::record::publishing;
use crate::sequencer::SequencerError;

/// What the columns mean: those of the format, behind the id and the date that it leaves out and every ledger has.
const PROFILE: &str = r#"
schema = "keepwhole-profile/1"
name = "scenario"
title = "rows of a story: what is given to customers from outside"
[names]
owners = "refuse"
[[table]]
name = "rows"
holds = "transfers"
[table.columns]
id = "row"
time = { column = "time", form = "rfc3339" }
from = { constant = "$outside" }
to = "customer"
asset = "asset"
amount = { column = "amount", unit = "base" }
"#;

/// Rows above which a story's journal is no longer kept in memory.
const LARGE: u64 = 100_000;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Imported {
    /// Rows of the file that are in the books.
    pub(super) applied: u64,
    /// Rows refused.
    pub(super) rejected: u64,
    /// Their lines, from 1.
    pub(super) bad_lines: Vec<u64>,
}

/// Whether the journal must lie on a real disk: the rows are too many for memory, or the process is killed among them,
/// when its state is ahead of what is durable.
pub(super) const fn is_large(rows: &Rows) -> bool {
    matches!(rows, Rows::Generate { rows, kill_at, .. } if *rows > LARGE || *kill_at > 0)
}

/// Imports the rows of the event called `id` at `at`; `None` when the process was killed on the way.
///
/// # Errors
/// What the import says, or that nothing can be written now.
pub(super) fn import(
    service: &mut Service,
    given: &Given,
    (id, at): (&str, u64),
    rows: &Rows,
) -> Result<Option<Imported>, String> {
    let folder = Folder::make().map_err(|error| error.to_string())?;
    let path = folder.path().join("rows.csv");
    write(&path, given, id, rows).map_err(|error| format!("can't write the rows: {error}"))?;
    let job = job(path, given)?;
    let Some((sequencer, publisher)) = service.writing() else {
        return Err("nothing can be written now".to_owned());
    };
    let checked = job.check(sequencer.state(), at);
    let checked = checked.map_err(|error| error.to_string())?;
    let summary = &checked.summary;
    if !checked.refused.is_empty() {
        let mut bad_lines: Vec<u64> = checked.refused.iter().map(|one| one.fault.line).collect();
        bad_lines.sort_unstable();
        return Ok(Some(Imported {
            applied: 0,
            rejected: summary.refused,
            bad_lines,
        }));
    }
    let kill_at = match rows {
        Rows::Generate { kill_at, .. } if *kill_at > 0 => Some(*kill_at),
        _ => None,
    };
    let mut publish = publishing(publisher);
    let recorded = job.record(sequencer, &[], &mut || at, &mut |journal, rows| {
        publish(journal, rows)?;
        if kill_at.is_some_and(|kill_at| rows >= kill_at) {
            return Err(SequencerError::Stopped);
        }
        Ok(())
    });
    drop(publish);
    match recorded {
        Ok(_) => {
            publisher
                .publish(sequencer.journal_mut())
                .map_err(|error| error.to_string())?;
            service.keep();
            Ok(Some(Imported {
                applied: summary.movements.saturating_add(summary.repeated),
                rejected: summary.refused,
                bad_lines: Vec::new(),
            }))
        }
        Err(ImportError::Sequencer { cause, .. })
            if kill_at.is_some() && matches!(*cause, SequencerError::Stopped) =>
        {
            service.keep();
            service.kill();
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}

fn job(path: PathBuf, given: &Given) -> Result<Job, String> {
    let digest = digest_of(&path).map_err(|fault| fault.to_string())?;
    Ok(Job {
        profile: Profile::parse(PROFILE).map_err(|error| error.to_string())?,
        files: vec![(path, digest)],
        house: given.company.clone(),
        ordered: false,
        from_start: false,
        progress: Progress::default(),
    })
}

/// Writes the rows, each line behind its id and date; line numbers and line ends stay as they are.
fn write(path: &Path, given: &Given, id: &str, rows: &Rows) -> io::Result<()> {
    let time = show_instant(given.start);
    let mut file = BufWriter::new(std::fs::File::create_new(path)?);
    match rows {
        Rows::Text(text) => {
            for (number, line) in text.split_inclusive('\n').enumerate() {
                if number == 0 {
                    write!(file, "row,time,{line}")?;
                } else {
                    write!(file, "{id}-{number},{time},{line}")?;
                }
            }
        }
        Rows::Generate { rows, bad_at, .. } => {
            let none = || io::Error::other("made rows need a customer and an asset");
            let customer = given.customers.first().ok_or_else(none)?;
            let asset = given.assets.first().ok_or_else(none)?;
            writeln!(file, "row,time,customer,asset,amount")?;
            for number in 1..=*rows {
                let amount = if number == *bad_at { "one" } else { "1" };
                let (customer, asset) = (&customer.id, &asset.id);
                writeln!(file, "{id}-{number},{time},{customer},{asset},{amount}")?;
            }
        }
    }
    file.flush()
}
