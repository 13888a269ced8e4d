//! The target `signer_memory` of `crates/targets` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwhole_targets::run("signer_memory", bytes));
