//! `policy diff`: which way each field goes, and what adopting needs.

use super::super::exit::{Exit, Failure};
use super::super::output::{Output, table};
use super::super::wall_clock;
use super::read_file;
use super::show::find;
use crate::policy::{Difference, Direction, Names, diff};
use crate::text::{Lang, span};
use clap::Args;
use keepwhole_core::policy::Policy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments of `policy diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The old policy: a file, or the number of a version of the journal.
    #[arg(value_name = "OLD")]
    old: String,
    /// The new policy: a file, or the number of a version of the journal.
    #[arg(value_name = "NEW")]
    new: String,
    /// The installation whose versions and names are meant.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON for programs.
    #[arg(long)]
    pub(super) json: bool,
}

/// Compares; a difference is no failure.
pub(super) fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let (old, new, names) = both(args)?;
    let found = diff(&old, &new, &names);
    Output::new(args.json).answer(&text(args, &found), &value(args, &found))?;
    Ok(Exit::Done)
}

/// A number is a version of the journal; anything else is a file.
fn version(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn both(args: &DiffArgs) -> Result<(Policy, Policy, Names), Failure> {
    let Some(dir) = &args.data else {
        if let Some(number) = version(&args.old).or_else(|| version(&args.new)) {
            let message = format!(
                "version `{number}` is one of a journal; give its folder with `--data DIR`"
            );
            return Err(Failure::usage("data", message));
        }
        let old = read_file(Path::new(&args.old), None)?;
        let new = read_file(Path::new(&args.new), Some(&old.names))?;
        return Ok((old.policy, new.policy, new.names));
    };
    let names = match version(&args.old).or_else(|| version(&args.new)) {
        Some(number) => {
            let (_, state, _) = find(dir, Some(number))?;
            Names::of_registry(&state.registry, wall_clock()?)
        }
        None => super::check::names_of(dir)?,
    };
    let one = |text: &str| match version(text) {
        Some(number) => Ok(find(dir, Some(number))?.0.policy),
        None => Ok(read_file(Path::new(text), Some(&names))?.policy),
    };
    Ok((one(&args.old)?, one(&args.new)?, names))
}

fn shown(side: Option<&String>) -> String {
    side.map_or_else(|| String::from("-"), Clone::clone)
}

fn needs(found: &Difference) -> String {
    if found.changes.is_empty() {
        return String::from("nothing differs");
    }
    if found.at_once {
        return String::from(
            "adopting it needs one person who may lower risk, and takes effect at once",
        );
    }
    let wait = match found.notice_ms {
        0 => String::from("takes effect with the last of them: the old policy sets no wait"),
        millis => format!("then waits {}", span(millis, Lang::En)),
    };
    format!(
        "adopting it needs {} persons who may raise risk, the proposer among them, and {wait}",
        found.approvals
    )
}

fn text(args: &DiffArgs, found: &Difference) -> String {
    let rows: Vec<Vec<String>> = found
        .changes
        .iter()
        .map(|change| {
            vec![
                change.direction.word().to_owned(),
                change.field.clone(),
                shown(change.old.as_ref()),
                shown(change.new.as_ref()),
            ]
        })
        .collect();
    let head = format!("{} -> {}", args.old, args.new);
    if rows.is_empty() {
        return format!("{head}\n\n{}", needs(found));
    }
    let unknown = found
        .changes
        .iter()
        .any(|change| change.direction == Direction::Unknown);
    let note = match unknown {
        true => "\nunknown counts as looser",
        false => "",
    };
    format!(
        "{head}\n\n{}\n\n{}{note}",
        table(&["direction", "field", "old", "new"], &[], &rows),
        needs(found)
    )
}

fn value(args: &DiffArgs, found: &Difference) -> Value {
    let changes: Vec<Value> = found
        .changes
        .iter()
        .map(|change| {
            json!({
                "field": change.field,
                "old": change.old,
                "new": change.new,
                "direction": change.direction.word(),
            })
        })
        .collect();
    json!({
        "old": args.old,
        "new": args.new,
        "changes": changes,
        "at_once": found.at_once,
        "approvals": found.approvals,
        "notice_ms": found.notice_ms,
    })
}
