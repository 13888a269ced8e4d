//! Files of an exchange into the journal, beside the same parser alone reading the same file.

use super::contest::{Contest, Report, per_second, timed};
use super::ledger::{self, Draw};
use super::{BenchError, Figure, Setup, of_folder};
use crate::books::import::{ImportError, Job};
use keepwhole_books::chunk::Chunker;
use keepwhole_books::fault::Fault;
use keepwhole_books::mapping::{Known, Mapper};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Format, Input, Progress, Reader, Record, digest_of};
use keepwhole_books::value::rfc3339;
use keepwhole_books::write::RowWriter;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Accounts between which the rows move.
const ACCOUNTS: u32 = 10_000;
/// The short form of the generic profile.
const COLUMNS: &[&str] = &["id", "from", "to", "asset", "amount", "time"];

/// A file to be imported.
struct Source {
    name: &'static str,
    path: PathBuf,
    rows: u64,
    profile: Profile,
}

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let mut figures = Vec::new();
    for (format, name) in [
        (Format::Csv, "CSV"),
        (Format::Ndjson, "NDJSON"),
        (Format::Parquet, "Parquet"),
    ] {
        (setup.say)(&format!("import: writing {} rows of {name}", setup.events));
        let source = Source::write(setup, format, name)?;
        figures.extend(source.contest(setup)?);
        std::fs::remove_file(&source.path).map_err(of_folder(&source.path))?;
    }
    Ok(Report {
        title: "import".to_owned(),
        figures,
        notes: notes(setup),
    })
}

fn notes(setup: &Setup) -> Vec<String> {
    let mut notes = vec![
        format!(
            "{} rows of the generic profile's short form between {ACCOUNTS} accounts, as `keepwhole import` takes them: the \
             file's SHA-256, every field checked, each row decided, hashed, folded and synced, tiles and checkpoint published",
            setup.events
        ),
        "two passes look at the whole file before a row of it is recorded; `--one-pass` records while it reads".to_owned(),
        "`parser alone` is the same code on one thread up to the rows that would be asked of the ledger; `fields alone` ends \
         before their meaning; the file is in the system's cache for all of them"
            .to_owned(),
    ];
    if cfg!(not(feature = "peers")) {
        notes.push(super::store::WITHOUT_PEERS.to_owned());
    }
    notes
}

impl Source {
    /// Writes a file of that form.
    fn write(setup: &Setup, format: Format, name: &'static str) -> Result<Self, BenchError> {
        let path = setup.inside(&format!("rows.{}", name.to_lowercase()));
        let failed = || of_folder(&path);
        let file = BufWriter::new(File::create(&path).map_err(failed())?);
        let mut out = RowWriter::new(file, format, COLUMNS).map_err(failed())?;
        let mut draw = Draw::new(ACCOUNTS, 1);
        let mut left = setup.events;
        while left > 0 {
            let count = left.min(BATCH_ROWS as u64);
            let batch = batch_of(draw.rows(usize::try_from(count).unwrap_or(BATCH_ROWS))?)?;
            for row in batch.rows() {
                let (units, time) = (row.units.to_string(), rfc3339(row.effective));
                out.row(&[row.id, row.from, row.to, row.asset, &units, &time])
                    .map_err(failed())?;
            }
            left -= count;
        }
        let (rows, _) = out.finish().map_err(failed())?;
        let profile = Profile::built_in("generic")
            .map_err(|_| BenchError::Wrong("there is no generic profile"))?;
        Ok(Self {
            name,
            path,
            rows,
            profile,
        })
    }

    fn contest(&self, setup: &Setup) -> Result<Vec<Figure>, BenchError> {
        let mut one = Contest::new(format!("{}, one pass", self.name), "rows/s");
        let mut two = Contest::new(format!("{}, two passes", self.name), "rows/s");
        for round in 1..=setup.rounds {
            (setup.say)(&format!("import: {}, round {round}", self.name));
            for (contest, passes) in [(&mut one, 1_u8), (&mut two, 2)] {
                let took = self.imported(setup, passes)?;
                contest.add("keepwhole", per_second(self.rows, took));
            }
            let mut beside = |who: &str, rows: u64, took| {
                if rows != self.rows {
                    return Err(BenchError::Wrong("a reader did not read all rows"));
                }
                one.add(who, per_second(rows, took));
                two.add(who, per_second(rows, took));
                Ok(())
            };
            let (rows, took) = timed(|| self.parsed())?;
            beside("parser alone", rows, took)?;
            let (rows, took) = timed(|| self.fields())?;
            beside("fields alone", rows, took)?;
            if let Some((who, rows, took)) = other(&self.path, self.name)? {
                beside(who, rows, took)?;
            }
        }
        Ok(one.figures().chain(two.figures()).collect())
    }

    /// Imports the file into a new ledger; the time from the file's name to its last published row.
    fn imported(&self, setup: &Setup, passes: u8) -> Result<std::time::Duration, BenchError> {
        let name = format!("into-{passes}");
        let mut made = ledger::made(setup, &name, ACCOUNTS)?;
        let before = made.sequencer.head().size;
        let (recorded, took) = timed(|| {
            let digest = digest_of(&self.path).map_err(|fault| self.fault(fault))?;
            let job = Job {
                profile: self.profile.clone(),
                files: vec![(self.path.clone(), digest)],
                house: "house".to_owned(),
                ordered: false,
                from_start: false,
                progress: Progress::default(),
            };
            if passes > 1 {
                let checked = job.check(made.sequencer.state(), ledger::now())?;
                if !checked.refused.is_empty() {
                    return Err(BenchError::Wrong("a row of the file was refused"));
                }
            }
            let recorded = job.record_into(&mut made, &[], &mut ledger::now)?;
            made.publish()?;
            Ok::<_, BenchError>(recorded)
        })?;
        let written = made.sequencer.head().size.saturating_sub(before);
        if recorded.repeated > 0 || written < self.rows {
            return Err(BenchError::Wrong("not every row of the file was recorded"));
        }
        drop(made);
        let dir = setup.inside(&name);
        std::fs::remove_dir_all(&dir).map_err(of_folder(&dir))?;
        Ok(took)
    }

    fn reader(&self) -> Result<Reader, BenchError> {
        let reader = Input::open(&self.path, Progress::default()).and_then(Reader::open);
        reader.map_err(|fault| self.fault(fault))
    }

    /// Everything that an import does with a file before it asks the ledger.
    fn parsed(&self) -> Result<u64, BenchError> {
        let mut reader = self.reader()?;
        let known = Known {
            assets: BTreeMap::from([("KRW".to_owned(), 0)]),
            house: "house".to_owned(),
        };
        let mapper = Mapper::new(&self.profile, &mut reader, known);
        let mapper = mapper.map_err(|fault| self.fault(fault))?;
        let mut chunker = Chunker::new(reader, mapper, BTreeSet::new());
        let mut rows = 0_u64;
        while let Some(chunk) = chunker.next_chunk().map_err(|fault| self.fault(fault))? {
            rows += black_box(chunk.batch).len() as u64;
        }
        Ok(rows)
    }

    /// The same reader up to the texts of the fields.
    fn fields(&self) -> Result<u64, BenchError> {
        let mut reader = self.reader()?;
        let names: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        let places = reader.select(&names);
        let (mut record, mut rows) = (Record::default(), 0_u64);
        while reader
            .next(&mut record)
            .map_err(|fault| self.fault(fault))?
        {
            for place in places.iter().flatten() {
                black_box(record.field(*place));
            }
            rows += 1;
        }
        Ok(rows)
    }

    fn fault(&self, fault: Fault) -> BenchError {
        let file = self.path.clone();
        let fault = Box::new(fault);
        ImportError::File { file, fault }.into()
    }
}

fn batch_of(command: Command) -> Result<TransferBatch, BenchError> {
    match command.body {
        Body::RecordTransfers(batch) => Ok(batch),
        _ => Err(BenchError::Wrong("the draw gave no transfers")),
    }
}

/// Whose reader, how many rows it read, in what time.
type Read = (&'static str, u64, std::time::Duration);

/// What another reader takes to split the same file, checking nothing.
#[cfg(feature = "peers")]
fn other(path: &Path, name: &str) -> Result<Option<Read>, BenchError> {
    if name != "CSV" {
        return Ok(None);
    }
    let who = "csv 1.4, fields alone";
    let failed = |error: csv::Error| BenchError::Peer {
        who,
        what: error.to_string(),
    };
    let (rows, took) = timed(|| {
        let mut reader = csv::Reader::from_path(path).map_err(failed)?;
        let (mut record, mut rows) = (csv::ByteRecord::new(), 0_u64);
        while reader.read_byte_record(&mut record).map_err(failed)? {
            for field in &record {
                black_box(field);
            }
            rows += 1;
        }
        Ok::<_, BenchError>(rows)
    })?;
    Ok(Some((who, rows, took)))
}

#[cfg(not(feature = "peers"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same as with the feature `peers`"
)]
fn other(_path: &Path, _name: &str) -> Result<Option<Read>, BenchError> {
    Ok(None)
}
