//! Strict decimal numbers: the only spelling C2SP texts allow for sizes, indexes and times.

/// Reads a number that prints back to itself: digits only, no sign, no leading zero, at most `u64::MAX`.
///
/// Returns `None` for anything else, so that one number has exactly one spelling in signed text.
#[must_use]
pub fn parse_u64(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.is_empty() && !text.starts_with('0'));
    if !canonical || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a number below 2^63, the bound for tree sizes and cosignature times (see docs/journal-format.md).
#[must_use]
pub fn parse_u63(text: &str) -> Option<u64> {
    parse_u64(text).filter(|number| *number < 1 << 63)
}
