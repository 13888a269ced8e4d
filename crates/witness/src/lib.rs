//! A small witness for transparency logs: checks that each checkpoint grows from the last, remembers it, co-signs.
//!
//! Whoever runs one (an auditor, a regulator, a sister exchange) gets this from it: an exchange that shows two people two
//! different journals, or takes entries back, can't do so unnoticed. The witness holds no secrets of the exchange, only
//! the size and root of its journal.
//!
//! Read in this order: [`request`] (what a log sends, c2sp.org/tlog-witness), [`witness`] (what is answered and why),
//! [`store`] (what survives a crash), [`evidence`] (what is kept when a log contradicts itself), [`server`] (HTTP),
//! [`command`] (the program). docs/witness.md says how to run one.

pub mod command;
pub mod error;
pub mod evidence;
pub mod files;
pub mod key;
pub mod logs;
pub mod request;
pub mod server;
pub mod store;
pub mod witness;

pub use error::WitnessError;
pub use witness::{Answer, Witness};
