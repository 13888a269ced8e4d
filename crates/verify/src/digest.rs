//! A SHA-256 digest as a type of its own, with its two spellings: lower-case hex and canonical base64.

use alloc::string::String;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// 32 bytes of SHA-256 (FIPS 180-4). Prints as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// Not exactly 64 lower-case hex digits.
    NotHex,
    /// Not the canonical padded base64 of exactly 32 bytes.
    NotBase64,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHex => "a digest in hex is exactly 64 lower-case hex digits",
            Self::NotBase64 => {
                "a digest in base64 is the canonical padded form of exactly 32 bytes"
            }
        })
    }
}

impl core::error::Error for DigestError {}

impl Digest {
    /// Takes 32 bytes that already are a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes a slice that must hold exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// SHA-256 of all parts, one after the other, as if they were one string of bytes.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        alloc::format!("{self}")
    }

    /// Reads exactly 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`DigestError::NotHex`] for upper case, another length or any other character.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(DigestError::NotHex),
        };
        if text.len() != 64 {
            return Err(DigestError::NotHex);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            if let [high, low] = pair {
                *byte = digit(*high)? << 4 | digit(*low)?;
            }
        }
        Ok(Self(bytes))
    }

    /// Standard padded base64, 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads canonical padded base64 of exactly 32 bytes.
    ///
    /// # Errors
    /// [`DigestError::NotBase64`] for another length, missing padding or leftover bits.
    pub fn from_base64(text: &str) -> Result<Self, DigestError> {
        let bytes = STANDARD.decode(text).map_err(|_| DigestError::NotBase64)?;
        Self::from_slice(&bytes).ok_or(DigestError::NotBase64)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8; 32]> for Digest {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
