//! Amounts for people: minor units written in whole units of the asset.

use alloc::format;
use alloc::string::{String, ToString};

/// `amount` in whole units: no trailing zeros, no grouping, such as `0.0003`.
pub fn whole_units(amount: u128, decimals: u8) -> String {
    let digits = amount.to_string();
    let decimals = usize::from(decimals);
    let padded = format!("{digits:0>width$}", width = decimals.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(decimals));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// [`whole_units`] with a comma after every three digits of the whole part.
pub fn grouped_units(amount: u128, decimals: u8) -> String {
    let plain = whole_units(amount, decimals);
    let (whole, fraction) = plain
        .split_once('.')
        .map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut out = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && whole.len().saturating_sub(position) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}
