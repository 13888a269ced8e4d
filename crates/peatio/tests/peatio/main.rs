//! Peatio's events: signatures, rows, and the consumer against a real broker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod broker;
mod consuming;
mod events;
mod signing;
