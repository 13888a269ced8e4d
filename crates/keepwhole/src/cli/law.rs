//! The verb `law`: which rules there are, what one says, and which held on a day.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use keepwhole_core::law::{Area, Day, Status, day_at, offset_of_zone};

use crate::law::{LawFilter, LawTable, Load, SourceFile, at, list, load, show};

const DONE: u8 = 0;
const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const OUR_FAULT: u8 = 3;

/// Show the rules that bind an exchange, with source, status and confidence.
#[derive(Debug, Args)]
pub struct LawArgs {
    #[command(subcommand)]
    verb: LawVerb,
    /// Folder of law files to use instead of those shipped with the program.
    #[arg(long, global = true, value_name = "FOLDER")]
    law: Option<PathBuf>,
    /// Print JSON for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum LawVerb {
    /// List rules.
    List {
        /// Place, such as KR.
        #[arg(long)]
        jurisdiction: Option<String>,
        /// Area, such as incident-notification.
        #[arg(long, value_parser = parse_area)]
        area: Option<Area>,
        /// Status, such as in_force or proposed.
        #[arg(long, value_parser = parse_status)]
        status: Option<Status>,
    },
    /// Show one rule in full.
    Show {
        /// Id of the rule, such as kr-na-incident-24h.
        id: String,
    },
    /// Show how every rule stood or will stand on a day.
    At {
        /// Day, such as 2025-11-27.
        #[arg(value_parser = parse_day)]
        date: Day,
        /// Place, such as KR.
        #[arg(long)]
        jurisdiction: Option<String>,
    },
    /// Check the files against the reject rules and count them.
    Check,
}

/// Runs the verb: 0 done, 1 a law file was refused, 2 usage or unreadable input, 3 our fault.
#[must_use]
pub fn run(args: &LawArgs) -> u8 {
    let files = match args
        .law
        .as_deref()
        .map_or_else(|| Ok(SourceFile::shipped()), SourceFile::folder)
    {
        Ok(files) => files,
        Err(cause) => return usage(&cause.to_string()),
    };
    let Some(today) = today() else {
        eprintln!("error: the system clock is before 1970 or after 9999; set it");
        return OUR_FAULT;
    };
    let law = load(&files, Some(today));
    match &args.verb {
        LawVerb::Check => check(&law, args.json),
        LawVerb::Show { id } => match show(&law, id, today) {
            Ok(table) => print(&law, &table, args.json),
            Err(cause) => {
                eprint_refusals(&law);
                usage(&cause.to_string())
            }
        },
        LawVerb::List {
            jurisdiction,
            area,
            status,
        } => {
            let filter = LawFilter {
                jurisdiction: jurisdiction.clone(),
                area: *area,
                status: *status,
            };
            in_place(&law, jurisdiction.as_deref(), args.json, |law| {
                list(law, &filter, today)
            })
        }
        LawVerb::At { date, jurisdiction } => {
            let place = jurisdiction.as_deref();
            in_place(&law, place, args.json, |law| at(law, *date, place))
        }
    }
}

/// Answers for a place, if there is one of that name.
fn in_place(
    law: &Load,
    place: Option<&str>,
    json: bool,
    answer: impl FnOnce(&Load) -> LawTable,
) -> u8 {
    let mut known: Vec<&str> = law
        .set
        .rules()
        .values()
        .map(|rule| rule.jurisdiction.as_str())
        .collect();
    known.sort_unstable();
    known.dedup();
    match place.filter(|place| !known.iter().any(|known| known.eq_ignore_ascii_case(place))) {
        Some(place) => {
            eprint_refusals(law);
            usage(&format!(
                "no rules for `{place}`; there are rules for `{}`",
                known.join("`, `")
            ))
        }
        None => print(law, &answer(law), json),
    }
}

fn print(law: &Load, table: &LawTable, json: bool) -> u8 {
    emit(
        law,
        &if json {
            format!("{:#}\n", table.to_json())
        } else {
            table.to_text()
        },
    )
}

/// Writes the answer. A reader that stops early (`| head`) has what it wanted.
fn emit(law: &Load, text: &str) -> u8 {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("error: can't write the answer: {cause}");
            OUR_FAULT
        }
        _ if law.is_complete() => DONE,
        _ => REFUSED,
    }
}

fn check(law: &Load, json: bool) -> u8 {
    let refusals: Vec<String> = law.refusals.iter().map(ToString::to_string).collect();
    let warnings: Vec<String> = law.warnings.iter().map(ToString::to_string).collect();
    let records = law.set.rules().len();
    if json {
        let answer =
            serde_json::json!({ "records": records, "refusals": refusals, "warnings": warnings });
        return emit(law, &format!("{answer:#}\n"));
    }
    let mut out = String::new();
    for refusal in &refusals {
        let _ = writeln!(out, "refused: {refusal}");
    }
    for warning in &warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    for count in &law.criteria {
        let _ = writeln!(
            out,
            "{}: {} entries of {}",
            count.file, count.entries, count.standard
        );
    }
    let counts = (refusals.len(), warnings.len());
    let _ = writeln!(
        out,
        "{records} records, {} rejections, {} warnings",
        counts.0, counts.1
    );
    emit(law, &out)
}

fn eprint_refusals(law: &Load) {
    law.refusals
        .iter()
        .for_each(|refusal| eprintln!("refused: {refusal}"));
}

fn usage(message: &str) -> u8 {
    eprintln!("error: {message}");
    USAGE
}

/// The civil day in Seoul now.
fn today() -> Option<Day> {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    day_at(
        u64::try_from(elapsed.as_millis()).ok()?,
        offset_of_zone("Asia/Seoul")?,
    )
}

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text)
        .ok_or_else(|| format!("`{text}` is no day; write it as YYYY-MM-DD, such as 2025-11-27"))
}

fn parse_area(text: &str) -> Result<Area, String> {
    Area::parse(text).ok_or_else(|| one_of(text, Area::ALL.iter().map(|area| area.name())))
}

fn parse_status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| one_of(text, Status::ALL.iter().map(|status| status.name())))
}

fn one_of<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    format!(
        "`{text}` is not one of `{}`",
        known.collect::<Vec<_>>().join("`, `")
    )
}
