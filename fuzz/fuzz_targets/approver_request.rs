//! The target `approver_request` of `crates/targets` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwhole_targets::run("approver_request", bytes));
