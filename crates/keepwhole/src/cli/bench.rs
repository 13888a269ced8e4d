//! `keepwhole bench`: one table a subject, with the spread of each figure and what it is held against.

use super::exit::{Exit, Failure};
use super::output::{self, Output};
use crate::bench::{self, Figure, Report, Setup, Subject};
use crate::text::count;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of the verb.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure; everything if none is named
    pub subjects: Vec<Subject>,
    /// Folder on the disk to be measured (the system's temporary folder if absent)
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// PostgreSQL server to measure beside; a private one is started if absent and possible
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Server program of NATS, to be measured beside `journal`
    #[arg(long, value_name = "PATH")]
    pub nats: Option<PathBuf>,
    /// Program of TigerBeetle, to run its own benchmark beside `transfers`; it wants 3 GiB of memory
    #[arg(long, value_name = "PATH")]
    pub tigerbeetle: Option<PathBuf>,
    /// Rounds of each measurement
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// Events of the journal of `replay`, `asof` and `proof`; rows of the files of `import`
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(20_000..=1_000_000_000))]
    pub events: u64,
    /// Movements in the journal of `ready`; a hundred million take 16 GB of disk
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(20_000..=1_000_000_000))]
    pub movements: u64,
    /// Customers of `attribution`, and up to 1,000,000 of `guard`
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u32).range(24..=500_000_000))]
    pub customers: u32,
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// Runs the verb.
///
/// # Errors
/// A measurement that could not be made.
pub fn run(args: &BenchArgs) -> Result<Exit, Failure> {
    let base = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = base.join(format!("keepwhole-bench-{}", std::process::id()));
    let measured = run_in(args, &dir);
    // Our own folder, by a name that only this process uses.
    let _gone = std::fs::remove_dir_all(&dir);
    measured
}

fn run_in(args: &BenchArgs, dir: &std::path::Path) -> Result<Exit, Failure> {
    let subjects = if args.subjects.is_empty() {
        Subject::ALL.to_vec()
    } else {
        args.subjects.clone()
    };
    let mut out = Output::new(args.json);
    let mut all = Vec::new();
    for subject in subjects {
        let setup = Setup {
            dir: dir.join(format!("{subject:?}").to_lowercase()),
            postgres: args.postgres.clone(),
            nats: args.nats.clone(),
            tigerbeetle: args.tigerbeetle.clone(),
            rounds: usize::from(args.rounds),
            events: args.events,
            movements: args.movements,
            customers: args.customers,
            say: |what| eprintln!("bench: {what}"),
        };
        let report = bench::measure(subject, &setup)
            .map_err(|error| Failure::refused("bench", error.to_string()))?;
        if args.json {
            all.push(to_json(&report));
        } else {
            out.line(&to_text(&report))?;
        }
        let _gone = std::fs::remove_dir_all(&setup.dir);
    }
    if args.json {
        out.line(&Value::Array(all).to_string())?;
    }
    Ok(Exit::Done)
}

const HEADER: [&str; 7] = [
    "case",
    "who",
    "min",
    "median",
    "max",
    "unit",
    "keepwhole / it",
];

fn to_text(report: &Report) -> String {
    let mut last = "";
    let rows: Vec<Vec<String>> = report
        .figures
        .iter()
        .map(|figure| {
            let case = if figure.case == last {
                ""
            } else {
                figure.case.as_str()
            };
            last = &figure.case;
            row(case, figure)
        })
        .collect();
    let mut text = format!("{}\n", report.title);
    if !rows.is_empty() {
        text += &output::table(&HEADER, &[2, 3, 4, 6], &rows);
        text += "\n";
    }
    for note in &report.notes {
        text += &format!("  note: {note}\n");
    }
    text
}

fn row(case: &str, figure: &Figure) -> Vec<String> {
    let (low, middle, high) = figure.spread;
    let [low, middle, high] = [low, middle, high].map(|n| count(u128::from(n)));
    let ratio = figure.ours_to_it.map_or_else(String::new, |permille| {
        format!("{}.{:02}", permille / 1000, permille % 1000 / 10)
    });
    let unit = figure.unit.to_owned();
    vec![
        case.to_owned(),
        figure.who.clone(),
        low,
        middle,
        high,
        unit,
        ratio,
    ]
}

fn to_json(report: &Report) -> Value {
    let figures: Vec<Value> = report
        .figures
        .iter()
        .map(|figure| {
            let (low, middle, high) = figure.spread;
            json!({
                "case": figure.case,
                "who": figure.who,
                "unit": figure.unit,
                "min": low,
                "median": middle,
                "max": high,
                "keepwhole_to_it_permille": figure.ours_to_it,
            })
        })
        .collect();
    json!({ "subject": report.title, "figures": figures, "notes": report.notes })
}
