//! Builds redress sets: from plain rows of who lost and got what, to sum trees, a manifest and one package per customer.
//!
//! The bytes stand in docs/proof-formats.md; `keepwhole-verify` checks them. Read in this order: `rows` (what goes in),
//! `draw` (salts, order and cuts), `tree` (one asset), `set` (the whole, and what is handed out).

mod draw;
mod rows;
mod set;
mod tree;

pub use rows::{AssetRows, Entropy, Header, RedressError, Row, SnapshotRow};
pub use set::{RedressSet, build};

pub use keepwhole_verify::manifest::Kind;
pub use keepwhole_verify::statement::Payment;
