//! The verb `book`: what everybody is owed, as of any moment.

use super::DataArgs;
use super::balance::{assets, moment, number, parse_moment, refuse_beyond, unknown_asset};
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::installation::Reading;
use crate::sequencer::Until;
use crate::text::{Asset, count, rfc3339};
use clap::Args;
use keepwhole_core::registry::{AssetIx, HOUSE};
use keepwhole_core::state::State;
use serde_json::json;

/// Arguments of `book`.
#[derive(Debug, Args)]
pub struct BookArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// As of a time (2025-11-27T04:42:00+09:00) or an entry of the journal (1234), both inclusive.
    #[arg(long, value_name = "TIME|ENTRY", value_parser = parse_moment)]
    pub at: Option<Until>,
    /// As of this entry of the journal; the same as `--at ENTRY`.
    #[arg(long, value_name = "ENTRY", value_parser = parse_moment, conflicts_with = "at")]
    pub entry: Option<Until>,
    /// Every owner's balance of this asset; without it, one line an asset.
    #[arg(long, value_name = "ASSET")]
    pub asset: Option<String>,
    /// Every owner's balance as CSV: asset, owner, units.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// Folds the journal up to the moment and answers from it.
///
/// # Errors
/// [`Failure`] with exit 1 for an unknown asset and an entry that is not there, 2 for a folder that is no installation, 3
/// for a damaged journal.
pub fn run(args: &BookArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let until = args.at.or(args.entry).unwrap_or(Until::End);
    let (reading, state) = Reading::open_whole_at(dir, until)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    refuse_beyond(dir, &reading, until)?;
    let only = match &args.asset {
        None => None,
        Some(name) => Some(
            state
                .registry
                .asset(name)
                .ok_or_else(|| unknown_asset(&state, name))?,
        ),
    };
    if args.csv {
        return csv(&state, only);
    }
    if args.data.json {
        return json_lines(&state, only);
    }
    match only {
        None => totals(&state),
        Some(asset) => holders(&state, asset),
    }
}

/// Owners with a balance, in order of their ids.
fn rows(state: &State, asset: AssetIx) -> Vec<(&str, u128)> {
    let mut rows: Vec<(&str, u128)> = state
        .book
        .holders(asset)
        .map(|(owner, units)| (state.registry.owner_id(owner), units))
        .collect();
    rows.sort_unstable();
    rows
}

fn totals(state: &State) -> Result<Exit, Failure> {
    let mut lines = Vec::new();
    for (asset, shown) in assets(state, None) {
        let (mut owners, mut house) = (0_u128, 0_u128);
        for (owner, units) in state.book.holders(asset) {
            match owner {
                HOUSE => house = units,
                _ => owners += 1,
            }
        }
        lines.push(vec![
            shown.symbol.clone(),
            count(owners),
            number(state.book.owed_to_customers(asset), &shown),
            number(house, &shown),
            number(state.book.owed(asset), &shown),
        ]);
    }
    let header = ["asset", "customers", "owed to customers", "house", "all"];
    let text = match lines.is_empty() {
        true => format!("book {}\n\nno asset is registered", moment(state)),
        false => format!(
            "book {}\n\n{}",
            moment(state),
            table(&header, &[1, 2, 3, 4], &lines)
        ),
    };
    Output::new(false).answer(&text, &json!(null))?;
    Ok(Exit::Done)
}

fn holders(state: &State, asset: AssetIx) -> Result<Exit, Failure> {
    let shown = assets(state, Some(asset))
        .next()
        .map_or_else(|| Asset::new("", 0), |(_, shown)| shown);
    let rows = rows(state, asset);
    let mut sum = 0_u128;
    let mut lines = Vec::new();
    for (owner, units) in &rows {
        sum = sum.saturating_add(*units);
        lines.push(vec![(*owner).to_owned(), number(*units, &shown)]);
    }
    lines.push(vec![
        format!("all {} owners", count(rows.len() as u128)),
        number(sum, &shown),
    ]);
    let text = format!(
        "{} {}\n\n{}",
        shown.symbol,
        moment(state),
        table(&["owner", "owed"], &[1], &lines)
    );
    Output::new(false).answer(&text, &json!(null))?;
    Ok(Exit::Done)
}

fn json_lines(state: &State, only: Option<AssetIx>) -> Result<Exit, Failure> {
    let entry = state.position.checked_sub(1);
    let mut all = Vec::new();
    for (asset, shown) in assets(state, only) {
        let owners: Vec<_> = rows(state, asset)
            .into_iter()
            .map(|(owner, units)| json!({ "owner": owner, "owed": units.to_string() }))
            .collect();
        all.push(json!({
            "asset": shown.symbol,
            "decimals": shown.decimals,
            "owed": state.book.owed(asset).to_string(),
            "owed_to_customers": state.book.owed_to_customers(asset).to_string(),
            "owners": owners,
        }));
    }
    let as_of = json!({ "entry": entry, "at": entry.map(|_| rfc3339(state.at)) });
    Output::new(true).answer("", &json!({ "as_of": as_of, "book": all }))?;
    Ok(Exit::Done)
}

fn csv(state: &State, only: Option<AssetIx>) -> Result<Exit, Failure> {
    let mut output = Output::new(false);
    output.line("asset,owner,units")?;
    for (asset, shown) in assets(state, only) {
        for (owner, units) in rows(state, asset) {
            output.line(&format!(
                "{},{},{units}",
                field(&shown.symbol),
                field(owner)
            ))?;
        }
    }
    output.flush()?;
    Ok(Exit::Done)
}

/// A text as a field of CSV (RFC 4180): in quotes where it holds a comma, a quote or a line end. A text that a
/// spreadsheet would take for a formula gets no protection here: the file is for programs.
pub(super) fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
