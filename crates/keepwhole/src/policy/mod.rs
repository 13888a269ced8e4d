//! Policy as a file and a command: reads TOML into the typed policy of the core, writes it back, and answers questions
//! about it.
//!
//! Read in this order: [`file`] (the form, every fault at once), [`condition`] and [`wording`] (one comparison, read and
//! written), [`render`] (a policy as
//! a file), [`check`] (whether it can be adopted), [`diff`] (which way it goes), [`explain`] and [`backtest`]
//! (requests of the journal before a policy). The language is described in
//! `docs/policy.md`.

pub mod adopt;
mod amounts;
pub mod backtest;
pub mod check;
pub mod condition;
pub mod demands;
pub mod described;
pub mod diff;
pub mod explain;
pub mod extent;
pub mod file;
pub mod journal;
mod lets_go;
mod lint;
pub mod names;
pub mod picture;
mod quorum;
pub mod render;
pub mod replay;
pub mod rules;
mod sections;
mod source;
pub(crate) mod unit;
pub mod wording;

pub use adopt::{Unadoptable, Unchecked};
pub use check::{Finding, Severity, check, fails};
pub use diff::{Change, Difference, Direction, diff};
pub use file::{LawScope, PolicyFile, SCHEMA, read, read_bytes};
pub use names::Names;
pub use source::{Fault, Refused};
