//! The witness as a log and its operator meet it: exact answers over HTTP, and a memory that survives being killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod log;
mod program;
