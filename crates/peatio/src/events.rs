//! From an event to rows of the books.
//!
//! A deposit counts once Peatio has accepted it, a withdrawal once it has succeeded, and a trade once it is completed.
//! Ids are those of Peatio (`tid`), so that later events of one deposit are the same transfer; a trade has none, and takes
//! its message's `jti`, which a redelivery repeats. Personal data of a record (`user.email`) is never kept.

use jiff::Timestamp;
use keepwhole_core::book::MovementKind;
use keepwhole_core::registry::OUTSIDE_NAME;
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use serde::Deserialize;
use std::collections::BTreeMap;

/// States of a deposit from the first in which it is the customer's.
const ACCEPTED: [&str; 5] = [
    "accepted",
    "processing",
    "fee_processing",
    "collected",
    "skipped",
];
/// The state of a withdrawal that left.
const SUCCEEDED: &str = "succeed";

/// How names of the exchange become names of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The exchange's own owner in the books; fees go to it.
    pub house: String,
    /// Assets by Peatio's currency code; a code that is not here is taken in capital letters.
    pub assets: BTreeMap<String, String>,
}

/// What an event comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Rows for the books, under this command id.
    Rows {
        /// Command id.
        id: String,
        /// Rows.
        batch: TransferBatch,
    },
    /// An event that moves nothing: which, in words.
    Nothing(String),
}

/// Why an event can't be booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {what}")]
pub struct EventError {
    /// The field.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub what: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    jti: String,
    exp: u64,
    event: serde_json::Value,
}

#[derive(Deserialize)]
struct Record {
    tid: String,
    uid: String,
    currency: String,
    amount: String,
    fee: Option<String>,
    state: String,
    created_at: String,
}

#[derive(Deserialize)]
struct Trade {
    buyer_uid: String,
    buyer_income_unit: String,
    buyer_income_amount: String,
    buyer_income_fee: String,
    buyer_outcome_unit: String,
    buyer_outcome_amount: String,
    buyer_outcome_fee: String,
    seller_uid: String,
    seller_income_fee: String,
    seller_outcome_fee: String,
    completed_at: String,
}

fn error(field: &'static str, what: impl Into<String>) -> EventError {
    let what = what.into();
    EventError { field, what }
}

/// Reads the payload of a message that arrived at the broker at `arrived` (Unix seconds), where the broker says so.
/// `decimals` tells those of an asset of the books.
///
/// # Errors
/// [`EventError`].
pub fn read(
    payload: &[u8],
    arrived: Option<u64>,
    names: &Names,
    decimals: &dyn Fn(&str) -> Option<u8>,
) -> Result<Reading, EventError> {
    let claims: Claims =
        serde_json::from_slice(payload).map_err(|e| error("payload", e.to_string()))?;
    if claims.iss != "peatio" {
        return Err(error("iss", format!("`{}` is not `peatio`", claims.iss)));
    }
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if claims.jti.is_empty() || claims.jti.len() > 48 || !visible(&claims.jti) {
        return Err(error("jti", "not 1 to 48 visible characters"));
    }
    // Against the broker's time and not ours: a message that waited for us while we were away is as good as ever.
    if arrived.is_some_and(|arrived| arrived > claims.exp) {
        return Err(error(
            "exp",
            "the message was over before it reached the broker",
        ));
    }
    let name = claims.event.get("name").and_then(|name| name.as_str());
    let name = name
        .ok_or_else(|| error("event.name", "is missing"))?
        .to_owned();
    let book = Book { names, decimals };
    match name.as_str() {
        "model.deposit.created" | "model.deposit.updated" => {
            book.deposit(record(&claims.event)?, &name)
        }
        "model.withdraw.created" | "model.withdraw.updated" => {
            book.withdrawal(record(&claims.event)?, &name)
        }
        other if other.starts_with("market.") && other.ends_with(".trade_completed") => {
            let trade: Trade =
                serde_json::from_value(claims.event).map_err(|e| error("event", e.to_string()))?;
            book.trade(&trade, &claims.jti)
        }
        other => Ok(Reading::Nothing(format!("`{other}` moves nothing"))),
    }
}

fn record(event: &serde_json::Value) -> Result<Record, EventError> {
    let record = event.get("record").cloned();
    let record = record.ok_or_else(|| error("event.record", "is missing"))?;
    serde_json::from_value(record).map_err(|e| error("event.record", e.to_string()))
}

/// Books events under the exchange's names.
struct Book<'n> {
    names: &'n Names,
    decimals: &'n dyn Fn(&str) -> Option<u8>,
}

/// One leg before it is a row.
struct Leg<'l> {
    id: String,
    from: &'l str,
    to: &'l str,
    asset: String,
    units: u128,
    kind: MovementKind,
}

impl Book<'_> {
    fn deposit(&self, record: Record, name: &str) -> Result<Reading, EventError> {
        if !ACCEPTED.contains(&record.state.as_str()) {
            let what = format!("`{name}` in state `{}` moves nothing", record.state);
            return Ok(Reading::Nothing(what));
        }
        let (asset, units) =
            self.amount("event.record.amount", &record.currency, &record.amount)?;
        let id = format!("deposit:{}", record.tid);
        let leg = Leg {
            id: id.clone(),
            from: OUTSIDE_NAME,
            to: &record.uid,
            asset,
            units,
            kind: MovementKind::Deposit,
        };
        self.rows(
            id,
            &[leg],
            time("event.record.created_at", &record.created_at)?,
        )
    }

    fn withdrawal(&self, record: Record, name: &str) -> Result<Reading, EventError> {
        if record.state != SUCCEEDED {
            let what = format!("`{name}` in state `{}` moves nothing", record.state);
            return Ok(Reading::Nothing(what));
        }
        let (asset, units) =
            self.amount("event.record.amount", &record.currency, &record.amount)?;
        let fee = record.fee.as_deref().unwrap_or("0");
        let (_, fee) = self.amount("event.record.fee", &record.currency, fee)?;
        let id = format!("withdraw:{}", record.tid);
        let leg = |suffix: &str, to, units, kind| Leg {
            id: format!("{id}{suffix}"),
            from: record.uid.as_str(),
            to,
            asset: asset.clone(),
            units,
            kind,
        };
        let legs = [
            leg("", OUTSIDE_NAME, units, MovementKind::Withdrawal),
            leg(":fee", &self.names.house, fee, MovementKind::Fee),
        ];
        self.rows(
            id.clone(),
            &legs,
            time("event.record.created_at", &record.created_at)?,
        )
    }

    fn trade(&self, trade: &Trade, jti: &str) -> Result<Reading, EventError> {
        let (base, quote) = (&trade.buyer_income_unit, &trade.buyer_outcome_unit);
        let (buyer, seller, house) = (
            trade.buyer_uid.as_str(),
            trade.seller_uid.as_str(),
            self.names.house.as_str(),
        );
        let legs = [
            (
                "event.buyer_income_amount",
                base,
                &trade.buyer_income_amount,
                seller,
                buyer,
            ),
            (
                "event.buyer_outcome_amount",
                quote,
                &trade.buyer_outcome_amount,
                buyer,
                seller,
            ),
            (
                "event.buyer_income_fee",
                base,
                &trade.buyer_income_fee,
                buyer,
                house,
            ),
            (
                "event.buyer_outcome_fee",
                quote,
                &trade.buyer_outcome_fee,
                buyer,
                house,
            ),
            (
                "event.seller_income_fee",
                quote,
                &trade.seller_income_fee,
                seller,
                house,
            ),
            (
                "event.seller_outcome_fee",
                base,
                &trade.seller_outcome_fee,
                seller,
                house,
            ),
        ];
        let id = format!("trade:{jti}");
        let mut all = Vec::new();
        for (at, (field, unit, amount, from, to)) in legs.into_iter().enumerate() {
            let (asset, units) = self.amount(field, unit, amount)?;
            all.push(Leg {
                id: format!("{id}:{at}"),
                from,
                to,
                asset,
                units,
                kind: if to == house {
                    MovementKind::Fee
                } else {
                    MovementKind::Trade
                },
            });
        }
        self.rows(id, &all, time("event.completed_at", &trade.completed_at)?)
    }

    /// Name of the asset in the books and minor units of a decimal amount.
    fn amount(
        &self,
        field: &'static str,
        currency: &str,
        text: &str,
    ) -> Result<(String, u128), EventError> {
        let named = self.names.assets.get(currency).cloned();
        let asset = named.unwrap_or_else(|| currency.to_uppercase());
        let decimals = (self.decimals)(&asset).ok_or_else(|| {
            let what = format!("asset `{asset}` (currency `{currency}`) is not registered; register it, or name it under `[peatio.assets]`");
            error(field, what)
        })?;
        match minor_units(text, decimals) {
            Some(units) => Ok((asset, units)),
            None => Err(error(
                field,
                format!("`{text}` is not a decimal amount with at most {decimals} decimals"),
            )),
        }
    }

    fn rows(&self, id: String, legs: &[Leg<'_>], effective: u64) -> Result<Reading, EventError> {
        let mut batch = TransferBatch::new();
        for leg in legs.iter().filter(|leg| leg.units > 0) {
            let row = TransferRow {
                id: &leg.id,
                from: leg.from,
                to: leg.to,
                asset: &leg.asset,
                units: leg.units,
                kind: leg.kind,
                effective,
            };
            batch
                .push(&row)
                .map_err(|fault| error("event", fault.to_string()))?;
        }
        if batch.is_empty() {
            return Ok(Reading::Nothing(format!("`{id}` moves no amount")));
        }
        Ok(Reading::Rows {
            id: format!("peatio/{id}"),
            batch,
        })
    }
}

fn time(field: &'static str, text: &str) -> Result<u64, EventError> {
    let time = text.parse::<Timestamp>().ok();
    time.and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .ok_or_else(|| error(field, format!("`{text}` is not a time with a zone")))
}

/// Minor units of a plain decimal: digits, at most one point, no sign and no exponent; `None` where digits below the
/// smallest unit are not zero.
fn minor_units(text: &str, decimals: u8) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let decimals = usize::from(decimals);
    let (kept, cut) = part.split_at(part.len().min(decimals));
    if cut.bytes().any(|byte| byte != b'0') {
        return None;
    }
    format!("{whole}{kept:0<decimals$}").parse().ok()
}
