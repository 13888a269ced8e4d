//! The JSON of prices that are told: strict, and every fault names its field.

use crate::wire::{Fault, shown, syntax};
use jiff::Timestamp;
use keepwhole_core::price::{self, BATCH_MAX, NewPrice};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    prices: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    as_of: String,
    asset: String,
    quote: String,
    price: String,
    source: String,
}

fn fault(row: usize, field: &str, what: String) -> Fault {
    Fault {
        field: format!("prices[{row}].{field}"),
        what,
    }
}

/// Reads a body of `POST /v1/prices`. The decimals of the quote asset say what a price means.
pub(crate) fn prices(
    body: &[u8],
    decimals: &dyn Fn(&str) -> Option<u8>,
) -> Result<Vec<NewPrice>, Fault> {
    let batch: Batch = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    let count = batch.prices.len();
    if count == 0 || count > BATCH_MAX {
        return Err(Fault {
            field: "prices".to_owned(),
            what: format!("`{count}` rows; send 1 to {BATCH_MAX} in one request"),
        });
    }
    let rows = batch.prices.into_iter().enumerate();
    rows.map(|(at, row)| read(at, row, decimals)).collect()
}

fn read(at: usize, row: Row, decimals: &dyn Fn(&str) -> Option<u8>) -> Result<NewPrice, Fault> {
    let Some(places) = decimals(&row.quote) else {
        let what = format!(
            "`{}` is no registered asset; name the policy's reference currency",
            shown(&row.quote)
        );
        return Err(fault(at, "quote", what));
    };
    let price = price::parse(&row.price, places)
        .map_err(|why| fault(at, "price", format!("`{}` is {why}", shown(&row.price))))?;
    let as_of: Option<Timestamp> = row.as_of.parse().ok();
    let as_of = as_of.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    let as_of = as_of.ok_or_else(|| {
        let what = format!(
            "`{}` is not a time with a zone such as 2025-11-27T04:42:00+09:00",
            shown(&row.as_of)
        );
        fault(at, "as_of", what)
    })?;
    Ok(NewPrice {
        base: row.asset,
        quote: row.quote,
        price,
        as_of,
        source: row.source,
    })
}
