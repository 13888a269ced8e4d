//! An unsigned number of 256 bits as the EVM keeps it.

use core::fmt;

/// 32 bytes, most significant first.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(pub [u8; 32]);

impl Word {
    /// Nothing.
    pub const ZERO: Self = Self([0; 32]);

    /// The number, where 128 bits hold it.
    #[must_use]
    pub fn to_u128(self) -> Option<u128> {
        let (high, low) = self.0.split_at(16);
        let low: [u8; 16] = low.try_into().ok()?;
        high.iter()
            .all(|byte| *byte == 0)
            .then(|| u128::from_be_bytes(low))
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// Most significant bytes first, at most 32 of them.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; 32];
        let start = word.len().checked_sub(bytes.len())?;
        word.get_mut(start..)?.copy_from_slice(bytes);
        Some(Self(word))
    }
}

impl From<u128> for Word {
    fn from(number: u128) -> Self {
        let mut word = [0; 32];
        word[16..].copy_from_slice(&number.to_be_bytes());
        Self(word)
    }
}

/// In decimal digits.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut digits = Vec::new();
        loop {
            let mut carry = 0_u16;
            for byte in &mut rest {
                let part = carry * 256 + u16::from(*byte);
                // A remainder of ten is below ten, so the quotient is below 256.
                *byte = u8::try_from(part / 10).unwrap_or(u8::MAX);
                carry = part % 10;
            }
            digits.push(char::from(b'0' + u8::try_from(carry).unwrap_or(0)));
            if rest.iter().all(|byte| *byte == 0) {
                break;
            }
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
