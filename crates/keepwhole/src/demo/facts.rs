//! The public facts of 27 November 2025, as `cases/upbit-2025/facts.toml` has them.

use super::DemoError;
use jiff::Timestamp;
use toml::Value;
use toml::value::Datetime;

/// The file, as shipped.
const SHIPPED: &str = include_str!("../../../../cases/upbit-2025/facts.toml");

/// A dated step of the public timeline, ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// First abnormal outflow; the wallet team saw signs of it.
    pub detected: u64,
    /// Emergency meeting.
    pub meeting: u64,
    /// Deposits and withdrawals of the network paused.
    pub network_paused: u64,
    /// Last outflow.
    pub last_outflow: u64,
    /// All deposits and withdrawals halted.
    pub all_halted: u64,
    /// Financial supervisor told by telephone.
    pub fss_phone: u64,
    /// Financial supervisor told in writing.
    pub fss_writing: u64,
    /// Internet and security agency told.
    pub kisa: u64,
    /// Public notice.
    pub public_notice: u64,
    /// Police told.
    pub police: u64,
    /// Financial services commission told.
    pub fsc: u64,
}

/// What was published of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedToken {
    /// Symbol.
    pub symbol: String,
    /// Whole coins taken, where published.
    pub coins: Option<u128>,
    /// Value taken in won, where published.
    pub krw: Option<u128>,
}

/// The facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Coins taken, summed over all tokens.
    pub coins_total: u128,
    /// Value taken in won, at the time of the incident.
    pub krw_total: u128,
    /// Customers' part in won, rounded by the source.
    pub krw_customers: u128,
    /// Value frozen in won, as published.
    pub krw_frozen: u128,
    /// The first public figure in won.
    pub krw_first_announced: u128,
    /// All 24 tokens in the source's order, with what was published of each.
    pub tokens: Vec<PublishedToken>,
    /// Times.
    pub timeline: Timeline,
}

impl Facts {
    /// The shipped facts.
    ///
    /// # Errors
    /// A file that was edited into something else; the message names the key.
    pub fn shipped() -> Result<Self, DemoError> {
        Self::parse(SHIPPED)
    }

    fn parse(text: &str) -> Result<Self, DemoError> {
        let file: Value = toml::from_str(text).map_err(|e| DemoError::Facts(e.to_string()))?;
        let at = |key: &str| time(&file, "timeline", key);
        let published = file
            .get("asset")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let symbols = file
            .get("assets")
            .and_then(|a| a.get("symbols"))
            .and_then(Value::as_array);
        let symbols = symbols.ok_or_else(|| missing("assets", "symbols"))?;
        let mut tokens = Vec::new();
        for symbol in symbols.iter().filter_map(Value::as_str) {
            let row = published
                .iter()
                .find(|r| r.get("symbol").and_then(Value::as_str) == Some(symbol));
            tokens.push(PublishedToken {
                symbol: symbol.to_owned(),
                coins: row.and_then(|r| whole(r.get("units"))),
                krw: row.and_then(|r| whole(r.get("krw"))),
            });
        }
        Ok(Self {
            coins_total: number(&file, "units_total")?,
            krw_total: number(&file, "krw_total")?,
            krw_customers: number(&file, "krw_customers")?,
            krw_frozen: number(&file, "krw_frozen")?,
            krw_first_announced: number(&file, "krw_first_announced")?,
            tokens,
            timeline: Timeline {
                detected: at("detected")?,
                meeting: at("emergency_meeting")?,
                network_paused: at("solana_deposits_withdrawals_paused")?,
                last_outflow: at("last_outflow")?,
                all_halted: at("all_deposits_withdrawals_halted")?,
                fss_phone: at("fss_told_by_phone")?,
                fss_writing: at("fss_told_in_writing")?,
                kisa: at("kisa_told")?,
                public_notice: at("public_notice")?,
                police: at("police_told")?,
                fsc: at("fsc_told")?,
            },
        })
    }
}

fn missing(table: &str, key: &str) -> DemoError {
    DemoError::Facts(format!("`{table}.{key}` is missing or of another type"))
}

fn whole(value: Option<&Value>) -> Option<u128> {
    value
        .and_then(Value::as_integer)
        .and_then(|n| u128::try_from(n).ok())
}

fn number(file: &Value, key: &str) -> Result<u128, DemoError> {
    whole(file.get("incident").and_then(|t| t.get(key))).ok_or_else(|| missing("incident", key))
}

fn time(file: &Value, table: &str, key: &str) -> Result<u64, DemoError> {
    let stamp: Option<&Datetime> = file
        .get(table)
        .and_then(|t| t.get(key))
        .and_then(Value::as_datetime);
    let parsed = stamp.and_then(|s| s.to_string().parse::<Timestamp>().ok());
    parsed
        .and_then(|t| u64::try_from(t.as_millisecond()).ok())
        .ok_or_else(|| missing(table, key))
}
