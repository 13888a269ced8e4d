//! Decimal texts of vendors as minor units: exact, no signs, no exponents, nothing rounded.

use crate::json::shown;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount with at most `{decimals}` decimals: {why}")]
pub struct AmountError {
    /// As shown.
    pub text: String,
    /// Decimals of the asset.
    pub decimals: u8,
    /// Why.
    pub why: &'static str,
}

/// Minor units of `text` for an asset of that many decimals (at most 36). Zeros beyond them are allowed, as vendors
/// pad; any other digit there is refused, because it would be rounded away.
///
/// # Errors
/// [`AmountError`].
pub fn minor_units(text: &str, decimals: u8) -> Result<u128, AmountError> {
    let refuse = |why| AmountError {
        text: shown(text),
        decimals,
        why,
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        return Err(refuse("digits and at most one point are needed"));
    }
    if text.len() > 120 {
        return Err(refuse("too long"));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(refuse("zeros before it"));
    }
    let kept = part.trim_end_matches('0');
    if kept.len() > usize::from(decimals) {
        return Err(refuse("more decimals than the asset has"));
    }
    let mut all = whole.to_owned();
    all.push_str(kept);
    for _ in kept.len()..usize::from(decimals) {
        all.push('0');
    }
    all.parse().map_err(|_| refuse("above 128 bits"))
}
