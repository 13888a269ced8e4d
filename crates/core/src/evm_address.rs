//! Addresses of EVM networks as people write them: lower-case hexadecimal, or with the checksum of EIP-55.

use alloc::string::String;
use sha3::{Digest as _, Keccak256};

/// Why a text is no address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not `0x` and 40 hexadecimal digits.
    Form,
    /// Letters of both cases that are not those of EIP-55.
    Checksum {
        /// The address with its checksum.
        wanted: String,
    },
}

/// Reads an address; letters of both cases are a checksum and must be right.
///
/// # Errors
/// What is wrong with the text.
pub fn read(text: &str) -> Result<String, Fault> {
    let digits = text.strip_prefix("0x").ok_or(Fault::Form)?;
    if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Fault::Form);
    }
    let lower = text.to_ascii_lowercase();
    let wanted = with_checksum(&lower);
    if text != lower && text != wanted {
        return Err(Fault::Checksum { wanted });
    }
    Ok(lower)
}

/// A lower-case address with the checksum of EIP-55: a letter is large where the digit of the hash at its place is 8 or more.
fn with_checksum(lower: &str) -> String {
    let hash: [u8; 32] = Keccak256::digest(lower.trim_start_matches("0x").as_bytes()).into();
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let digits = lower.chars().skip(2).zip(nibbles);
    let mut text = String::from("0x");
    text.extend(digits.map(|(digit, nibble)| {
        if nibble >= 8 {
            digit.to_ascii_uppercase()
        } else {
            digit
        }
    }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    /// The examples of EIP-55.
    const WELL: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn a_checksum_is_right_or_not_there() {
        for text in WELL {
            let lower = text.to_ascii_lowercase();
            assert_eq!(read(text), Ok(lower.clone()));
            assert_eq!(read(&lower), Ok(lower.clone()));
            // One letter of the other case.
            let at = text.rfind(|c: char| c.is_ascii_alphabetic()).unwrap();
            let mut wrong = text.to_string().into_bytes();
            wrong[at] ^= 0x20;
            let wrong = String::from_utf8(wrong).unwrap();
            let wanted = text.to_string();
            assert_eq!(read(&wrong), Err(Fault::Checksum { wanted }), "{wrong}");
        }
    }

    #[test]
    fn other_texts_are_no_address() {
        let long = alloc::format!("0x{}", "a".repeat(41));
        for text in [
            "",
            "0x",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xg",
            &long,
        ] {
            assert_eq!(read(text), Err(Fault::Form), "{text}");
        }
    }
}
