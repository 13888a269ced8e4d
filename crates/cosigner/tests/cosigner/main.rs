//! The responder: tokens, requests, answers, memory, guard and program, against simulators of both vendors and the guard.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

#[path = "../../../signer/tests/signer/assertions.rs"]
mod assertions;
mod bitgo;
mod fireblocks;
mod flow;
mod guard;
mod guard_simulator;
mod harness;
mod people;
mod program;
mod settings;
mod simulator;
mod store;
mod tokens;
mod values;
