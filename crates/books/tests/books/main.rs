//! What users of the books rely on, one module per part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod corpus;
mod foreign;
mod mutated;
mod paper;
mod prices;
mod profiles;
mod round;
