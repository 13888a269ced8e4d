//! The target `credential_file` of `crates/targets` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwhole_targets::run("credential_file", bytes));
