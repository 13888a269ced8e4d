//! The edges over real sockets, with an intake that the test watches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod abuse;
mod certificates;
mod feeding;
mod http;
mod intake;
mod prices;
mod settings;
mod tls;
mod tokens;
