//! `keepwhole bench`: figures of this machine, with their spread and what they are held against.

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::bench::{self, Figure, Subject};
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
    let subjects = if args.subjects.is_empty() {
        Subject::ALL.to_vec()
    } else {
        args.subjects.clone()
    };
    let mut out = Output::new(args.json);
    let mut all = Vec::new();
    let mut failed = None;
    for subject in subjects {
        match bench::measure(subject, &dir.join(format!("{subject:?}").to_lowercase())) {
            Ok(figures) => {
                for figure in figures {
                    if !args.json {
                        out.line(&to_text(&figure))?;
                    }
                    all.push(to_json(&figure));
                }
            }
            Err(error) => {
                failed = Some(Failure::refused("bench", error.to_string()));
                break;
            }
        }
    }
    // Our own folder, by a name that only this process uses.
    let _gone = std::fs::remove_dir_all(&dir);
    if let Some(failure) = failed {
        return Err(failure);
    }
    if args.json {
        out.line(&Value::Array(all).to_string())?;
    }
    Ok(Exit::Done)
}

fn to_text(figure: &Figure) -> String {
    let (low, middle, high) = figure.spread;
    let [low, middle, high] = [low, middle, high].map(|n| count(u128::from(n)));
    let against = figure
        .ratio
        .as_ref()
        .map_or_else(String::new, |(what, permille)| {
            format!(
                "  {}.{:02} of {what}",
                permille / 1000,
                permille % 1000 / 10
            )
        });
    format!(
        "{:<52} {low} / {middle} / {high} {}{against}",
        figure.what, figure.unit
    )
}

fn to_json(figure: &Figure) -> Value {
    let (low, middle, high) = figure.spread;
    json!({
        "what": figure.what,
        "unit": figure.unit,
        "min": low,
        "median": middle,
        "max": high,
        "held_against": figure.ratio.as_ref().map(|(what, _)| what),
        "permille_of_it": figure.ratio.as_ref().map(|(_, permille)| permille),
    })
}
