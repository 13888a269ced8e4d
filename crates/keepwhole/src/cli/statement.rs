//! The verb `statement`: every change of one customer's balances between two moments, with the balance after each.

use super::DataArgs;
use super::balance::{assets, find, number, parse_moment, refuse_beyond};
use super::book::field;
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::installation::{Reading, kind};
use crate::journal::JournalError;
use crate::sequencer::Until;
use crate::text::{Amount, Asset, rfc3339, seoul};
use clap::Args;
use keepwhole_core::apply::apply;
use keepwhole_core::book::Totals;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::registry::{AssetIx, OwnerIx};
use keepwhole_core::state::State;
use serde_json::{Value, json};

/// Arguments of `statement`.
#[derive(Debug, Args)]
pub struct StatementArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// The customer's id as the exchange gave it.
    #[arg(value_name = "CUSTOMER")]
    pub customer: String,
    /// Changes after this time or entry; from the first if absent.
    #[arg(long, value_name = "TIME|ENTRY", value_parser = parse_moment)]
    pub from: Option<Until>,
    /// Changes up to this time or entry, inclusive; to the last if absent.
    #[arg(long, value_name = "TIME|ENTRY", value_parser = parse_moment)]
    pub to: Option<Until>,
    /// Print CSV: entry, time, kind, asset, in, out, balance, reference.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// One change of one balance.
struct Change {
    entry: u64,
    at: u64,
    kind: String,
    asset: AssetIx,
    incoming: u128,
    outgoing: u128,
    after: Totals,
    reference: String,
}

/// A customer's changes.
struct Statement {
    state: State,
    opening: Vec<(AssetIx, u128)>,
    changes: Vec<Change>,
    owner: OwnerIx,
}

/// Folds to the first moment, then follows the customer to the second.
///
/// # Errors
/// [`Failure`] with exit 1 for an unknown customer, an entry that is not there and an end before the beginning, 2 for a
/// folder that is no installation, 3 for a damaged journal.
pub fn run(args: &StatementArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let from = args.from.unwrap_or(Until::Position(0));
    let to = args.to.unwrap_or(Until::End);
    let (reading, state) = Reading::open_whole_at(dir, from).map_err(failed)?;
    refuse_beyond(dir, &reading, from)?;
    refuse_beyond(dir, &reading, to)?;
    let before = match to {
        Until::Position(end) => end < state.position,
        Until::Time(end) => state.position > 0 && end < state.at,
        Until::End => false,
    };
    if before {
        let message =
            "the statement ends before it begins; give a `--to` that is not before `--from`";
        return Err(Failure::refused("ends_before_it_begins", message));
    }
    let statement = follow(args, &reading, state, to)?;
    let mut output = Output::new(args.data.json);
    if args.csv {
        csv(&mut output, &statement)?;
        output.flush()?;
    } else {
        output.answer(&text(args, &statement), &value(args, &statement))?;
    }
    Ok(Exit::Done)
}

/// Why following ended early.
enum Pause {
    Reached,
    NotARecord(u64),
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

fn follow(
    args: &StatementArgs,
    reading: &Reading,
    state: State,
    to: Until,
) -> Result<Statement, Failure> {
    let dir = &args.data.dir;
    let mut state = state;
    let mut owner = state.registry.owner(&args.customer);
    let mut last = owner.map(|owner| totals(&state, owner)).unwrap_or_default();
    let opening = last
        .iter()
        .map(|(asset, totals)| (*asset, totals.balance()))
        .filter(|(_, units)| *units > 0)
        .collect();
    let mut changes = Vec::new();
    let told = reading
        .journal
        .read::<Pause>(state.position, &mut |position, bytes| {
            if matches!(to, Until::Position(end) if position >= end) {
                return Err(Pause::Reached);
            }
            let record = Record::decode(bytes).map_err(|_| Pause::NotARecord(position))?;
            if matches!(to, Until::Time(end) if record.at > end) {
                return Err(Pause::Reached);
            }
            apply(&mut state, &record);
            if owner.is_none() {
                owner = state.registry.owner(&args.customer);
            }
            if let Some(owner) = owner {
                note_changes(&state, owner, position, &record, &mut last, &mut changes);
            }
            Ok(())
        });
    match told {
        Ok(()) | Err(Pause::Reached) => {}
        Err(Pause::NotARecord(position)) => {
            let message = format!(
                "entry `{position}` in `{}` is not a record of this format",
                dir.display()
            );
            return Err(Failure::fault("not_folded", message));
        }
        Err(Pause::Journal(error)) => return Err(Failure::of_journal(dir, &error)),
    }
    let owner = find(&state, &args.customer)?;
    Ok(Statement {
        state,
        opening,
        changes,
        owner,
    })
}

fn totals(state: &State, owner: OwnerIx) -> Vec<(AssetIx, Totals)> {
    (0..state.registry.assets.len())
        .filter_map(AssetIx::next)
        .map(|asset| (asset, state.book.totals(owner, asset)))
        .collect()
}

/// Whatever kind of entry it was: what it did to the owner's totals is what the statement shows.
fn note_changes(
    state: &State,
    owner: OwnerIx,
    entry: u64,
    record: &Record,
    last: &mut Vec<(AssetIx, Totals)>,
    changes: &mut Vec<Change>,
) {
    let known = last.len();
    last.extend(
        (known..state.registry.assets.len())
            .filter_map(AssetIx::next)
            .map(|asset| (asset, Totals::default())),
    );
    for (asset, before) in last {
        let after = state.book.totals(owner, *asset);
        if after == *before {
            continue;
        }
        let (word, reference) = told(&record.event);
        changes.push(Change {
            entry,
            at: record.at,
            kind: word,
            asset: *asset,
            incoming: after.incoming.saturating_sub(before.incoming),
            outgoing: after.outgoing.saturating_sub(before.outgoing),
            after,
            reference,
        });
        *before = after;
    }
}

/// The entry's kind and the reference it carries.
fn told(event: &Event) -> (String, String) {
    match event {
        Event::MovementRecorded(movement) => {
            (movement.kind.code().to_owned(), movement.reference.clone())
        }
        Event::TransferRecorded(transfer) => {
            (transfer.kind.code().to_owned(), transfer.id.to_string())
        }
        other => (kind(other).to_owned(), String::new()),
    }
}

fn shown(state: &State, asset: AssetIx) -> Asset {
    assets(state, Some(asset))
        .next()
        .map_or_else(|| Asset::new("", 0), |(_, shown)| shown)
}

fn text(args: &StatementArgs, statement: &Statement) -> String {
    let state = &statement.state;
    let mut said = vec![format!("statement of `{}`", args.customer), String::new()];
    let opening: Vec<String> = statement
        .opening
        .iter()
        .map(|(asset, units)| Amount::new(*units, &shown(state, *asset)).exact())
        .collect();
    said.push(match opening.is_empty() {
        true => String::from("opening: nothing"),
        false => format!("opening: {}", opening.join(", ")),
    });
    if statement.changes.is_empty() {
        said.push(String::from("no change in this time"));
    } else {
        let rows: Vec<Vec<String>> = statement
            .changes
            .iter()
            .map(|change| {
                let asset = shown(state, change.asset);
                let part = |units| {
                    if units == 0 {
                        String::new()
                    } else {
                        number(units, &asset)
                    }
                };
                vec![
                    change.entry.to_string(),
                    seoul(change.at),
                    change.kind.clone(),
                    asset.symbol.clone(),
                    part(change.incoming),
                    part(change.outgoing),
                    number(change.after.balance(), &asset),
                    change.reference.clone(),
                ]
            })
            .collect();
        let header = [
            "entry",
            "time",
            "kind",
            "asset",
            "in",
            "out",
            "balance",
            "reference",
        ];
        said.push(table(&header, &[0, 4, 5, 6], &rows));
    }
    let closing: Vec<String> = totals(state, statement.owner)
        .into_iter()
        .filter(|(_, totals)| totals.balance() > 0)
        .map(|(asset, totals)| Amount::new(totals.balance(), &shown(state, asset)).exact())
        .collect();
    said.push(match closing.is_empty() {
        true => String::from("closing: nothing"),
        false => format!("closing: {}", closing.join(", ")),
    });
    said.join("\n")
}

fn value(args: &StatementArgs, statement: &Statement) -> Value {
    let state = &statement.state;
    let opening: Vec<Value> = statement
        .opening
        .iter()
        .map(|(asset, units)| json!({ "asset": shown(state, *asset).symbol, "owed": units.to_string() }))
        .collect();
    let changes: Vec<Value> = statement
        .changes
        .iter()
        .map(|change| {
            json!({
                "entry": change.entry,
                "at": rfc3339(change.at),
                "kind": change.kind,
                "asset": shown(state, change.asset).symbol,
                "decimals": shown(state, change.asset).decimals,
                "in": change.incoming.to_string(),
                "out": change.outgoing.to_string(),
                "balance": change.after.balance().to_string(),
                "overdrawn": change.after.overdrawn().to_string(),
                "reference": change.reference,
            })
        })
        .collect();
    let closing: Vec<Value> = totals(state, statement.owner)
        .into_iter()
        .filter(|(_, totals)| totals.incoming > 0 || totals.outgoing > 0)
        .map(|(asset, totals)| json!({ "asset": shown(state, asset).symbol, "owed": totals.balance().to_string() }))
        .collect();
    let entry = state.position.checked_sub(1);
    json!({
        "customer": args.customer,
        "as_of": { "entry": entry, "at": entry.map(|_| rfc3339(state.at)) },
        "opening": opening,
        "changes": changes,
        "closing": closing,
    })
}

fn csv(output: &mut Output, statement: &Statement) -> Result<(), Failure> {
    output.line("entry,time,kind,asset,in,out,balance,reference")?;
    for change in &statement.changes {
        let asset = shown(&statement.state, change.asset);
        output.line(&format!(
            "{},{},{},{},{},{},{},{}",
            change.entry,
            rfc3339(change.at),
            field(&change.kind),
            field(&asset.symbol),
            change.incoming,
            change.outgoing,
            change.after.balance(),
            field(&change.reference)
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::told;
    use keepwhole_core::amount::Amount;
    use keepwhole_core::book::{Movement, MovementKind};
    use keepwhole_core::event::Event;
    use keepwhole_core::registry::{AssetIx, OwnerIx};

    #[test]
    fn a_statement_names_kinds_as_the_journal_does() {
        for kind in MovementKind::ALL {
            let movement = Event::MovementRecorded(Movement {
                from: OwnerIx(0),
                to: OwnerIx(1),
                amount: Amount::new(AssetIx(0), 1),
                kind,
                reference: "r".to_owned(),
            });
            let snake = format!("{kind:?}")
                .chars()
                .fold(String::new(), |mut all, letter| {
                    if letter.is_uppercase() && !all.is_empty() {
                        all.push('_');
                    }
                    all.extend(letter.to_lowercase());
                    all
                });
            assert_eq!(told(&movement), (snake, "r".to_owned()));
        }
    }
}
