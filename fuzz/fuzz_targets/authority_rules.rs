//! The target `authority_rules` of `crates/targets` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwhole_targets::run("authority_rules", bytes));
