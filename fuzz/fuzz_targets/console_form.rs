//! The target `console_form` of `crates/targets` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwhole_targets::run("console_form", bytes));
