//! The verb `price`: prices from a file, and what is known of them.

use super::exit::{Exit, Failure};
use super::output::{Output, note, table};
use super::{DataArgs, wall_clock};
use crate::installation::{Installation, Reading, reason_json};
use crate::sequencer::Until;
use crate::text::{Lang, rfc3339, seoul};
use crate::views::{PriceRow, ToldRow, price_shown, reason_line};
use clap::{Args, Subcommand};
use keepwhole_books::fault::Fault;
use keepwhole_books::manifest::hex;
use keepwhole_books::prices::{Market, read_prices};
use keepwhole_books::read::digest_of;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Faults of a file that are shown.
const SHOWN: usize = 20;

/// Arguments of `price`.
#[derive(Debug, Args)]
pub struct PriceArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell the prices of a file: all of them or none. The service must stand still; beside it, use the HTTP interface.
    #[command(after_help = "Example:\n  keepwhole price tell prices.csv --data exchange")]
    Tell(TellArgs),
    /// List the last price of each asset: who told it, how old it is, and whether values rest on it.
    #[command(after_help = "Example:\n  keepwhole price list --data exchange")]
    List(DataArgs),
}

#[derive(Debug, Args)]
struct TellArgs {
    /// CSV, NDJSON or Parquet with `as_of`, `asset_id`, `quote`, `price`, `source` (docs/prices.md).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder and the form of the answer.
    #[command(flatten)]
    data: DataArgs,
}

impl PriceArgs {
    /// Whether JSON is asked for.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.what {
            What::Tell(args) => args.data.json,
            What::List(data) => data.json,
        }
    }
}

/// Does what is asked.
///
/// # Errors
/// [`Failure`] with exit 1 where a price is suspect or the journal refuses, 2 for a file with a fault, 3 for a damaged store.
pub fn run(args: &PriceArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::Tell(args) => tell(args),
        What::List(data) => list(data),
    }
}

/// What the journal knows, for a file to be held against.
struct Ground<'s> {
    state: &'s State,
    now: u64,
}

impl Market for Ground<'_> {
    fn decimals(&self, asset: &str) -> Option<u8> {
        let registry = &self.state.registry;
        let row = registry.assets.get(registry.asset(asset)?.place())?;
        Some(row.decimals)
    }
    fn reference(&self) -> Option<&str> {
        let reference = self.state.guard.policy.reference?;
        Some(self.state.registry.asset_id(reference))
    }
    fn newest(&self, base: &str, quote: &str) -> Option<u64> {
        let registry = &self.state.registry;
        let pair = (registry.asset(base)?, registry.asset(quote)?);
        self.state.prices.get(&pair)?.newest()
    }
    fn now(&self) -> u64 {
        self.now
    }
}

fn tell(args: &TellArgs) -> Result<Exit, Failure> {
    let (dir, file) = (&args.data.dir, args.file.display().to_string());
    let failed = |error| Failure::of_installation(dir, &error);
    let digest = digest_of(&args.file);
    let digest = digest.map_err(|fault| Failure::usage(fault.code, fault.in_file(&file)))?;
    let id = format!("prices/{}", hex(&digest));
    let mut opened = Installation::open(dir).map_err(failed)?;
    let now = wall_clock()?;
    let before = opened.sequencer.state().answers.get(&id);
    if let Some(before) = before.map(|known| known.answer.clone()) {
        return told(args, opened.sequencer.state(), &before, None);
    }
    let ground = Ground {
        state: opened.sequencer.state(),
        now: now.max(opened.sequencer.state().at),
    };
    let rows = read_prices(&args.file, &ground).map_err(|faults| refused(&file, &faults))?;
    let count = rows.len();
    let command = Command {
        id: Some(id),
        actor: None,
        body: Body::RecordPrices(rows),
    };
    let replies = opened.sequencer.turn(now, std::slice::from_ref(&command));
    let replies = replies.map_err(|error| failed(error.into()))?;
    opened.publish().map_err(failed)?;
    let Some(reply) = replies.first() else {
        return Err(Failure::fault("answer", "the sequencer gave no answer"));
    };
    told(args, opened.sequencer.state(), &reply.answer, Some(count))
}

/// What is wrong with a file, a line each.
fn refused(file: &str, faults: &[Fault]) -> Failure {
    let code = faults.first().map_or("prices", |fault| fault.code);
    let shown = faults.iter().take(SHOWN).map(|fault| fault.in_file(file));
    let more = faults.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more"));
    let end = "nothing was told".to_owned();
    let lines: Vec<String> = shown.chain(more).chain([end]).collect();
    Failure::usage(code, lines.join("\n"))
}

/// What became of a file; without a number of rows it was told before.
fn told(
    args: &TellArgs,
    state: &State,
    answer: &Answer,
    rows: Option<usize>,
) -> Result<Exit, Failure> {
    let Some(reason) = answer.reason() else {
        let text = match rows {
            Some(1) => "1 price told".to_owned(),
            Some(rows) => format!("{rows} prices told"),
            None => "nothing to do: this file was told before".to_owned(),
        };
        let value = json!({ "outcome": answer.word(), "rows": rows, "repeated": rows.is_none() });
        Output::new(args.data.json).answer(&text, &value)?;
        return Ok(Exit::Done);
    };
    let words = reason_line(state, None, reason, Lang::En);
    let kept = match reason {
        Reason::PriceBand { .. } => {
            "; it is kept as suspect and never used, the other prices of the file count"
        }
        _ => "",
    };
    if args.data.json {
        note(&reason_json(reason).to_string());
    }
    let message = format!("{}: {words}{kept}", answer.word());
    Err(Failure::refused(reason.code(), message))
}

fn list(data: &DataArgs) -> Result<Exit, Failure> {
    let state = state_of(&data.dir)?;
    let now = wall_clock()?.max(state.at);
    let shown = PriceRow::all(&state, now);
    let values: Vec<Value> = shown.iter().map(|row| value_of(row, now)).collect();
    let rows: Vec<Vec<String>> = shown.iter().flat_map(|row| rows_of(row, now)).collect();
    let text = if rows.is_empty() {
        "no price was told".to_owned()
    } else {
        let header = ["asset", "price", "in", "as of", "age", "source", "stands"];
        table(&header, &[1, 4], &rows)
    };
    Output::new(data.json).answer(&text, &json!({ "prices": values }))?;
    Ok(Exit::Done)
}

fn state_of(dir: &Path) -> Result<State, Failure> {
    let read = Reading::open_whole_at(dir, Until::End);
    let (_, state) = read.map_err(|error| Failure::of_installation(dir, &error))?;
    Ok(state)
}

fn rows_of(row: &PriceRow, now: u64) -> Vec<Vec<String>> {
    let line = |told: &ToldRow, stands: &str| {
        vec![
            row.asset.clone(),
            price_shown(&told.price),
            row.quote.clone(),
            seoul(told.as_of),
            format!("{} s", now.saturating_sub(told.as_of) / 1_000),
            told.source.clone(),
            stands.to_owned(),
        ]
    };
    let suspect = |told| line(told, "suspect, never used");
    let last = row.last.as_ref().map(|told| match &row.suspect {
        Some(_) => line(told, "not used while a newer one is suspect"),
        None => line(told, row.standing.word()),
    });
    last.into_iter()
        .chain(row.suspect.as_ref().map(suspect))
        .collect()
}

fn value_of(row: &PriceRow, now: u64) -> Value {
    let told = |told: &ToldRow| {
        json!({
            "price": told.price,
            "as_of": rfc3339(told.as_of),
            "age_ms": now.saturating_sub(told.as_of),
            "source": told.source,
        })
    };
    json!({
        "asset": row.asset,
        "quote": row.quote,
        "stands": row.standing.word(),
        "last": row.last.as_ref().map(told),
        "suspect": row.suspect.as_ref().map(told),
    })
}
