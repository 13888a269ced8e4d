//! The verb `balance`: what one owner is owed, as of any moment, and whether it is covered.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::installation::Reading;
use crate::sequencer::Until;
use crate::text::{Amount, Asset, rfc3339, seoul};
use clap::Args;
use keepwhole_core::incident::incident_id;
use keepwhole_core::registry::{AssetIx, HOUSE, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;
use serde_json::{Value, json};
use std::path::Path;

/// Arguments of `balance`.
#[derive(Debug, Args)]
pub struct BalanceArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// The customer's id as the exchange gave it.
    #[arg(value_name = "CUSTOMER")]
    pub customer: String,
    /// As of a time (2025-11-27T04:42:00+09:00) or an entry of the journal (1234), both inclusive.
    #[arg(long, value_name = "TIME|ENTRY", value_parser = parse_moment)]
    pub at: Option<Until>,
    /// This asset only.
    #[arg(long, value_name = "ASSET")]
    pub asset: Option<String>,
}

/// One asset's line of the answer.
struct Line {
    asset: Asset,
    owed: u128,
    overdrawn: u128,
}

/// One shortfall behind the owner's claim: `short = replenished + outstanding`.
struct Short {
    case: String,
    asset: Asset,
    short: u128,
    replenished: u128,
    outstanding: u128,
}

/// Folds the journal up to the moment and answers from it.
///
/// # Errors
/// [`Failure`] with exit 1 for an unknown customer or asset and an entry that is not there, 2 for a folder that is no
/// installation, 3 for a damaged journal.
pub fn run(args: &BalanceArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let until = args.at.unwrap_or(Until::End);
    let (reading, state) = Reading::open_whole_at(dir, until).map_err(failed)?;
    refuse_beyond(dir, &reading, until)?;
    let owner = find(&state, &args.customer)?;
    let only = match &args.asset {
        None => None,
        Some(name) => Some(
            state
                .registry
                .asset(name)
                .ok_or_else(|| unknown_asset(&state, name))?,
        ),
    };
    let lines = lines(&state, owner, only);
    let shorts = shorts(&state, owner, only);
    let text = text(args, &state, &lines, &shorts);
    Output::new(args.data.json).answer(&text, &value(args, &state, &lines, &shorts))?;
    Ok(Exit::Done)
}

/// Refuses an entry that the journal does not have.
pub(super) fn refuse_beyond(dir: &Path, reading: &Reading, until: Until) -> Result<(), Failure> {
    let size = reading.journal.head().size;
    match until {
        Until::Position(end) if end > size => {
            let (entry, last) = (end.saturating_sub(1), size.saturating_sub(1));
            let message = format!(
                "no entry `{entry}` in the journal of `{}`: its last entry is `{last}`",
                dir.display()
            );
            Err(Failure::refused("no_such_entry", message))
        }
        _ => Ok(()),
    }
}

/// A moment: an entry's number (the state after it) or a time with its zone.
pub(super) fn parse_moment(text: &str) -> Result<Until, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let entry: Option<u64> = text.parse().ok();
        let end = entry.and_then(|entry| entry.checked_add(1));
        return end
            .map(Until::Position)
            .ok_or_else(|| format!("entry `{text}` is larger than any journal"));
    }
    let time: Option<jiff::Timestamp> = text.parse().ok();
    let millis = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    millis.map(Until::Time).ok_or_else(|| {
        String::from("neither a time with its zone, such as 2025-11-27T04:42:00+09:00, nor an entry's number, such as 1234")
    })
}

/// The owner of that name. Names near it are not given: who asks must know whom she asks about.
pub(super) fn find(state: &State, name: &str) -> Result<OwnerIx, Failure> {
    let known = state.registry.owner(name).filter(|owner| *owner != OUTSIDE);
    known.ok_or_else(|| {
        let as_of = moment(state);
        Failure::refused(
            "unknown_customer",
            format!(
                "no customer `{name}` is registered {as_of}; give the id exactly as the exchange registered it (letter case \
                 counts), or a later `--at`"
            ),
        )
    })
}

pub(super) fn unknown_asset(state: &State, name: &str) -> Failure {
    let known: Vec<&str> = state
        .registry
        .assets
        .iter()
        .map(|asset| asset.id.as_str())
        .collect();
    let known = match known.len() {
        0 => String::from("no asset is registered"),
        1..=40 => format!("registered are `{}`", known.join("`, `")),
        many => format!("{many} assets are registered; `keepwhole status` lists them"),
    };
    Failure::refused(
        "unknown_asset",
        format!("no asset `{name}` {}; {known}", moment(state)),
    )
}

pub(super) fn moment(state: &State) -> String {
    match state.position.checked_sub(1) {
        Some(entry) => format!("as of entry {entry} ({})", seoul(state.at)),
        None => String::from("in an empty journal"),
    }
}

pub(super) fn assets(
    state: &State,
    only: Option<AssetIx>,
) -> impl Iterator<Item = (AssetIx, Asset)> + '_ {
    let numbered = state.registry.assets.iter().enumerate();
    numbered
        .filter_map(|(at, asset)| Some((AssetIx::next(at)?, Asset::new(&asset.id, asset.decimals))))
        .filter(move |(asset, _)| only.is_none_or(|only| only == *asset))
}

fn lines(state: &State, owner: OwnerIx, only: Option<AssetIx>) -> Vec<Line> {
    let rows = assets(state, only).filter_map(|(number, asset)| {
        let totals = state.book.totals(owner, number);
        let touched = totals.incoming != 0 || totals.outgoing != 0 || only.is_some();
        touched.then(|| Line {
            asset,
            owed: totals.balance(),
            overdrawn: totals.overdrawn(),
        })
    });
    rows.collect()
}

fn shorts(state: &State, owner: OwnerIx, only: Option<AssetIx>) -> Vec<Short> {
    let mut found = Vec::new();
    for (place, case) in state.incidents.cases.iter().enumerate() {
        for (number, asset) in assets(state, only) {
            let part = case.losses.get(&number).and_then(|loss| loss.part(owner));
            let Some(part) = part.filter(|part| part.lost > 0) else {
                continue;
            };
            found.push(Short {
                case: incident_id(place),
                asset,
                short: part.lost,
                replenished: part.restored,
                outstanding: part.outstanding(),
            });
        }
    }
    found
}

fn text(args: &BalanceArgs, state: &State, lines: &[Line], shorts: &[Short]) -> String {
    let who = match state.registry.owner(&args.customer) {
        Some(HOUSE) => "the exchange itself",
        _ => "customer",
    };
    let mut said = vec![
        format!("{who} `{}` {}", args.customer, moment(state)),
        String::new(),
    ];
    if lines.is_empty() {
        said.push(String::from("nothing was ever owed"));
    } else {
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                let finding = match line.overdrawn {
                    0 => String::new(),
                    units => format!("{} more went out than came in", number(units, &line.asset)),
                };
                vec![
                    line.asset.symbol.clone(),
                    number(line.owed, &line.asset),
                    finding,
                ]
            })
            .collect();
        said.push(table(&["asset", "owed", ""], &[1], &rows));
    }
    if !shorts.is_empty() {
        let rows: Vec<Vec<String>> = shorts
            .iter()
            .map(|row| {
                let shown = |units| number(units, &row.asset);
                vec![
                    row.case.clone(),
                    row.asset.symbol.clone(),
                    shown(row.short),
                    shown(row.replenished),
                    shown(row.outstanding),
                ]
            })
            .collect();
        said.push(String::from("\nwhat was missing behind these claims, which stay whole (short = replenished + outstanding):"));
        said.push(table(
            &["case", "asset", "short", "replenished", "outstanding"],
            &[2, 3, 4],
            &rows,
        ));
    }
    said.join("\n")
}

pub(super) fn number(units: u128, asset: &Asset) -> String {
    Amount::new(units, asset).number()
}

fn value(args: &BalanceArgs, state: &State, lines: &[Line], shorts: &[Short]) -> Value {
    let balances: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "asset": line.asset.symbol,
                "decimals": line.asset.decimals,
                "owed": line.owed.to_string(),
                "overdrawn": line.overdrawn.to_string(),
            })
        })
        .collect();
    let redress: Vec<Value> = shorts
        .iter()
        .map(|row| {
            json!({
                "case": row.case,
                "asset": row.asset.symbol,
                "decimals": row.asset.decimals,
                "short": row.short.to_string(),
                "replenished": row.replenished.to_string(),
                "outstanding": row.outstanding.to_string(),
            })
        })
        .collect();
    let entry = state.position.checked_sub(1);
    json!({
        "customer": args.customer,
        "as_of": { "entry": entry, "at": entry.map(|_| rfc3339(state.at)) },
        "balances": balances,
        "redress": redress,
    })
}
