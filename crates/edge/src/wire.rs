//! The JSON of a request: strict, and every fault names its field.

use jiff::Timestamp;
use keepwhole_core::book::MovementKind;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use serde::Deserialize;
use std::borrow::Cow;

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field, such as `transfers[3].units`; empty for the body as a whole.
    pub(crate) field: String,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl Fault {
    fn at(row: usize, field: &str, what: String) -> Self {
        let field = if field.is_empty() {
            format!("transfers[{row}]")
        } else {
            format!("transfers[{row}].{field}")
        };
        Self { field, what }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    transfers: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    units: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    effective: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owners {
    owners: Vec<String>,
}

/// Kinds of movement that the exchange's own ledger may tell, by their names. The others are keepwhole's own decisions.
const KINDS: [(&str, MovementKind); 7] = [
    ("opening", MovementKind::Opening),
    ("deposit", MovementKind::Deposit),
    ("withdrawal", MovementKind::Withdrawal),
    ("trade", MovementKind::Trade),
    ("credit", MovementKind::Credit),
    ("fee", MovementKind::Fee),
    ("transfer", MovementKind::Transfer),
];

pub(crate) fn syntax(error: &serde_json::Error) -> Fault {
    // Serde's text repeats the place; the place is told first here, and once.
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    Fault {
        field: String::new(),
        what: format!("line {}, column {}: {what}", error.line(), error.column()),
    }
}

/// Reads a body of `POST /v1/transfers`.
pub(crate) fn transfers(body: &[u8]) -> Result<TransferBatch, Fault> {
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    if batch.transfers.is_empty() || batch.transfers.len() > BATCH_ROWS {
        let what = format!(
            "`{}` rows; send 1 to {BATCH_ROWS} in one request",
            batch.transfers.len()
        );
        let field = "transfers".to_owned();
        return Err(Fault { field, what });
    }
    let mut rows = TransferBatch::new();
    for (at, row) in batch.transfers.iter().enumerate() {
        let row = read_row(at, row)?;
        rows.push(&row)
            .map_err(|fault| Fault::at(at, "", fault.to_string()))?;
    }
    Ok(rows)
}

fn read_row<'a>(at: usize, row: &'a Row<'_>) -> Result<TransferRow<'a>, Fault> {
    let units = &row.units;
    let plain = units.bytes().all(|b| b.is_ascii_digit()) && !units.starts_with('0');
    let Some(units) = units.parse().ok().filter(|_| plain) else {
        let what = format!(
            "`{}` is not an amount: minor units as a decimal number above zero, in quotes, without sign, point or zeros before it",
            shown(units)
        );
        return Err(Fault::at(at, "units", what));
    };
    let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == row.kind) else {
        let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        let what = format!("`{}` is none of `{}`", shown(&row.kind), words.join("`, `"));
        return Err(Fault::at(at, "kind", what));
    };
    let effective: Option<Timestamp> = row.effective.parse().ok();
    let Some(effective) = effective.and_then(|time| u64::try_from(time.as_millisecond()).ok())
    else {
        let what = format!(
            "`{}` is not a time with a zone such as 2025-11-27T04:42:00+09:00",
            shown(&row.effective)
        );
        return Err(Fault::at(at, "effective", what));
    };
    Ok(TransferRow {
        id: &row.id,
        from: &row.from,
        to: &row.to,
        asset: &row.asset,
        units,
        kind: *kind,
        effective,
    })
}

/// Whether brackets and braces outside text nest deeper than `most`, whatever else the bytes are.
pub(crate) fn deeper_than(most: usize, body: &[u8]) -> bool {
    let (mut depth, mut text, mut escaped) = (0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => depth = depth.saturating_add(1),
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

/// Reads a body of `POST /v1/owners`.
pub(crate) fn owners(body: &[u8]) -> Result<Vec<String>, Fault> {
    let owners: Owners = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    if owners.owners.is_empty() || owners.owners.len() > BATCH_ROWS {
        return Err(Fault {
            field: "owners".to_owned(),
            what: format!(
                "`{}` names; send 1 to {BATCH_ROWS} in one request",
                owners.owners.len()
            ),
        });
    }
    Ok(owners.owners)
}

/// A value as it is shown: control characters escaped, at most 40 characters.
pub(crate) fn shown(value: &str) -> String {
    let mut out: String = value
        .chars()
        .take(40)
        .flat_map(char::escape_debug)
        .collect();
    if value.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}
