//! What the signer refuses, remembers and survives; what a thief gets who has everything on the main host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

#[path = "../../examples/evm_signer/account.rs"]
mod account;
mod assertions;
mod chains;
mod guard_server;
mod heads;
mod log;
mod networks;
mod nodes;
mod people;
mod refusals;
mod settings;
mod stolen_host;
mod store;
mod world;
