//! The exchange's books in and out: CSV, NDJSON and Parquet, by profiles that are data.
//!
//! Read in this order: [`read`] (bytes to records, strictly), [`profile`] (what a file's columns mean, as TOML),
//! [`mapping`] (records to transfers), [`chunk`] (transfers in chunks whose bounds depend on the file alone), [`check`]
//! (would the ledger take them), [`quarantine`] (what was refused, ready to be mended), [`write`](mod@write) and
//! [`manifest`] (books out); [`prices`] stands for itself. The crate knows no journal: who drives it hands chunks to the ledger.

pub mod check;
pub mod chunk;
pub mod fault;
mod ids;
pub mod manifest;
pub mod mapping;
mod names;
pub mod prices;
pub mod print;
pub mod profile;
pub mod quarantine;
pub mod read;
pub mod value;
pub mod write;
