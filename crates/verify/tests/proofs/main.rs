//! What an auditor or customer relies on: proofs that are right are accepted, everything else is refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test stops at the first surprise, and a table of cases is one function"
)]

mod approval_forms;
mod approval_intents;
mod approval_times;
mod approvals;
mod authenticator;
mod checkpoint;
mod clearances;
mod guard_stages;
mod json;
mod manifest;
mod note;
mod policy;
mod program;
mod rotation;
mod sum_tree;
mod tile;
mod tlog_proof;
mod tree;
mod webauthn;
