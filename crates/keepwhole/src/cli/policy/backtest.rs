//! `policy backtest`: the requests of the journal before another policy.

use super::super::exit::{Exit, Failure};
use super::super::output::{Output, table};
use super::super::{DataArgs, wall_clock};
use super::{of_walk, open, read_file};
use crate::policy::Names;
use crate::policy::backtest::{Backtest, backtest};
use crate::policy::picture::page;
use crate::sequencer::Until;
use crate::text::{Asset, Lang, Words, count, rfc3339, seoul};
use crate::views::BacktestShown;
use clap::Args;
use keepwhole_core::command::sha256_of;
use keepwhole_core::registry::AssetIx;
use keepwhole_verify::json::to_hex;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Arguments of `policy backtest`.
#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// The new policy.
    #[arg(value_name = "NEW")]
    file: PathBuf,
    /// Requests from this time on (2026-01-01T00:00:00+09:00); from the first if absent.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<u64>,
    /// Requests before this time; to the last if absent.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<u64>,
    /// Write the picture to this new file.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub(super) data: DataArgs,
}

fn parse_time(text: &str) -> Result<u64, String> {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    time.and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .ok_or_else(|| String::from("no time with its zone, such as 2026-01-01T00:00:00+09:00"))
}

/// What is told beside the counts.
struct About {
    file: String,
    version: u32,
    digest: String,
    from: u64,
    to: Option<u64>,
    names: Names,
    reference: Option<AssetIx>,
}

impl About {
    fn value(&self, units: u128) -> String {
        match self.reference {
            Some(asset) => self.names.amount(asset, units),
            None => count(units),
        }
    }
}

/// Replays; exit 1 where there is nothing to replay.
pub(super) fn run(args: &BacktestArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let reading = open(dir)?;
    let now = wall_clock()?;
    let state = reading
        .state(Until::End)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let names = Names::of_registry(&state.registry, now);
    let file = read_file(&args.file, Some(&names))?;
    let from = args.from.unwrap_or(0);
    let until = args.to.unwrap_or(u64::MAX);
    if until <= from {
        let message = "the time ends before it begins; give a `--to` that is after `--from`";
        return Err(Failure::usage("ends_before_it_begins", message));
    }
    let (found, state) =
        backtest(&reading, &file.policy, (from, until)).map_err(|error| of_walk(dir, &error))?;
    if found.requests == 0 {
        let message = format!(
            "no request was made in the journal of `{}` in that time, so there is nothing to test; give another `--from` and `--to`",
            dir.display()
        );
        return Err(Failure::refused("nothing_to_test", message));
    }
    let about = About {
        file: file.file.clone(),
        version: file.policy.version,
        digest: to_hex(&sha256_of(&file.policy)),
        from,
        to: args.to,
        names,
        reference: state.guard.policy.reference.or(file.policy.reference),
    };
    if let Some(out) = &args.out {
        let asset = about.reference.and_then(|asset| {
            let id = about.names.asset_id(asset);
            let (_, decimals) = about.names.asset(&id)?;
            Some(Asset::new(&id, decimals))
        });
        let shown = BacktestShown::of(&found, Words::plain(&about.file), asset);
        let written = fs::write(out, page(&shown, Lang::Ko));
        written.map_err(|error| {
            let message = format!(
                "can't write `{}`: {error}; give a file in a folder that you may write",
                out.display()
            );
            Failure::refused("not_written", message)
        })?;
    }
    Output::new(args.data.json).answer(&text(&about, &found), &value(&about, &found))?;
    Ok(Exit::Done)
}

fn text(about: &About, found: &Backtest) -> String {
    let rows: Vec<Vec<String>> = found
        .pairs
        .iter()
        .map(|((then, now), pair)| {
            let mut value = about.value(pair.value);
            if pair.unvalued > 0 {
                value = format!(
                    "{value} and {} without a value",
                    count(pair.unvalued.into())
                );
            }
            vec![
                (*then).to_owned(),
                (*now).to_owned(),
                count(pair.number.into()),
                value,
                pair.examples.join(", "),
            ]
        })
        .collect();
    let to = about.to.map_or_else(|| String::from("the end"), seoul);
    let mut said = vec![
        format!(
            "{} requests from {} to {to}, before version {} of {}",
            count(found.requests.into()),
            if about.from == 0 {
                String::from("the beginning")
            } else {
                seoul(about.from)
            },
            about.version,
            about.file
        ),
        String::new(),
        table(
            &["then", "new policy", "requests", "value", "examples"],
            &[2, 3],
            &rows,
        ),
    ];
    let rules: Vec<Vec<String>> = found
        .rules
        .iter()
        .map(|rule| {
            vec![
                rule.id.clone(),
                count(rule.matched.into()),
                count(rule.decided.into()),
            ]
        })
        .collect();
    if !rules.is_empty() {
        said.push(String::new());
        said.push(table(&["rule", "matched", "decided"], &[1, 2], &rules));
    }
    if !found.unknown.is_empty() {
        said.push(String::from(
            "\nunknown, never filled in, and counted against the request:",
        ));
        for (field, number) in &found.unknown {
            said.push(format!("  {field}: {} requests", count((*number).into())));
        }
    }
    said.push(String::from(
        "\nbalances, caps on wallets, halts and the other checks beside the rules stay as they were",
    ));
    said.join("\n")
}

fn value(about: &About, found: &Backtest) -> Value {
    let pairs: Vec<Value> = found
        .pairs
        .iter()
        .map(|((then, now), pair)| {
            json!({
                "then": then,
                "now": now,
                "requests": pair.number,
                "value": pair.value.to_string(),
                "without_value": pair.unvalued,
                "examples": pair.examples,
            })
        })
        .collect();
    let rules: Vec<Value> = found
        .rules
        .iter()
        .map(|rule| json!({ "id": rule.id, "matched": rule.matched, "decided": rule.decided }))
        .collect();
    json!({
        "new": about.file,
        "new_version": about.version,
        "new_sha256": about.digest,
        "from": (about.from > 0).then(|| rfc3339(about.from)),
        "to": about.to.map(rfc3339),
        "reference": about.reference.map(|asset| about.names.asset_id(asset)),
        "requests": found.requests,
        "pairs": pairs,
        "rules": rules,
        "unknown": found.unknown,
    })
}
