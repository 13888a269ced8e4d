//! One form of an address, by which it is found: some networks let one address be spelled in several ways.

use alloc::borrow::Cow;

/// Human-readable parts of Bitcoin's bech32 addresses, with the separator (BIP 173).
const BECH32: [&str; 3] = ["bc1", "tb1", "bcrt1"];

/// The address in small letters where the case of its letters says nothing: hexadecimal digits after `0x` (ERC-55 makes
/// a checksum of their case), and bech32, all of it in letters of one case. Any other address as it is.
#[must_use]
pub fn one_form(address: &str) -> Cow<'_, str> {
    // Not `any`, which looks at one byte after the other.
    let large = |any: bool, byte: u8| any | byte.is_ascii_uppercase();
    if address.bytes().fold(false, large) {
        let small = address.to_ascii_lowercase();
        let hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let one_case = !address.bytes().any(|byte| byte.is_ascii_lowercase());
        let bech32 = one_case && BECH32.iter().any(|start| small.starts_with(start));
        if bech32 || small.strip_prefix("0x").is_some_and(hex) {
            return Cow::Owned(small);
        }
    }
    Cow::Borrowed(address)
}

/// Two spellings of one address.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one_form(one) == one_form(other)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_letters_whose_case_says_nothing_are_one() {
        let hex = "0x00000000219ab540356cBB839Cbe05303d7705Fa";
        assert!(same(hex, &hex.to_lowercase()));
        assert!(same(hex, &hex.to_uppercase()));
        let segwit = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        assert!(same(segwit, &segwit.to_uppercase()));
        assert!(
            !same(segwit, &segwit.replace("bc1q", "bc1Q")),
            "BIP 173: never mixed"
        );
        for base58 in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "4Nd1mYQ2nB9zvYpTq1W6m6V7w4Q8n2mJ1yQmXh1sXvLk",
        ] {
            assert!(!same(base58, &base58.to_lowercase()));
        }
    }
}
