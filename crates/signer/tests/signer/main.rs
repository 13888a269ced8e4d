//! What the signer refuses, remembers and survives; what a thief gets who has everything on the main host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod assertions;
mod heads;
mod log;
mod people;
mod refusals;
mod settings;
mod stolen_host;
mod store;
mod world;
