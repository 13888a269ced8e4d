//! What bytes would do: known vectors, every refusal, and that no bytes make a decoder panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod bitcoin;
mod callback;
mod evm;
mod evm_refusals;
mod expected;
mod safe;
mod solana;

/// Bytes of hexadecimal text, with or without `0x`; white space is left out.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text
        .trim_start_matches("0x")
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    keepwhole_verify::json::to_hex(bytes)
}
