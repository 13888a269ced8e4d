//! Tests of the rules of the core: each module is one part.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test stops at the first thing that is not as it should be, and a table of cases is one function"
)]

mod ahead;
mod authority;
mod books;
mod denials;
mod directions;
mod exchange;
mod flows;
mod found_by_simulator;
mod found_by_stories;
mod ids;
mod judging;
mod law;
mod outflows;
mod records;
mod script;
mod splits;
mod staff;
mod storms;
mod transfers;
