//! Arguments of calls by the contract ABI, in the one form that encoders write: no gaps, no overlaps, zero padding.

use super::Address;
use crate::{Refusal, Word};

/// Arguments of one call, after the selector.
pub(crate) struct Arguments<'a> {
    bytes: &'a [u8],
    at: usize,
    head: usize,
    tail: usize,
}

impl<'a> Arguments<'a> {
    /// `words` is the number of words in the head.
    pub(crate) fn new(bytes: &'a [u8], at: usize, words: usize) -> Self {
        Self {
            bytes,
            at,
            head: 0,
            tail: words.saturating_mul(32),
        }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, Refusal> {
        Err(Refusal::NotCanonical {
            at: self.at.saturating_add(self.head.saturating_sub(32)),
            what,
        })
    }

    fn slice(&self, start: usize, length: usize) -> Result<&'a [u8], Refusal> {
        let end = start.checked_add(length);
        end.and_then(|end| self.bytes.get(start..end))
            .ok_or(Refusal::Truncated {
                at: self.at.saturating_add(start),
                needs: length,
            })
    }

    fn word_at(&self, start: usize) -> Result<Word, Refusal> {
        let bytes = self.slice(start, 32)?;
        Ok(Word::from_slice(bytes).unwrap_or(Word::ZERO))
    }

    pub(crate) fn word(&mut self) -> Result<Word, Refusal> {
        let word = self.word_at(self.head)?;
        self.head = self.head.saturating_add(32);
        Ok(word)
    }

    pub(crate) fn address(&mut self) -> Result<Address, Refusal> {
        let word = self.word()?;
        let (padding, address) = word.0.split_at(12);
        match <[u8; 20]>::try_from(address) {
            Ok(address) if padding.iter().all(|byte| *byte == 0) => Ok(Address(address)),
            _ => self.wrong("the padding of an address is not zero"),
        }
    }

    pub(crate) fn amount(&mut self) -> Result<u128, Refusal> {
        let at = self.at.saturating_add(self.head);
        let word = self.word()?;
        word.to_u128().ok_or_else(|| Refusal::AmountTooLarge {
            at,
            amount: word.to_string(),
        })
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Refusal> {
        match self.word()?.to_u128() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => self.wrong("a flag is `0` or `1`"),
        }
    }

    /// Bytes of any length: where they begin in the payload, and they.
    pub(crate) fn bytes(&mut self) -> Result<(usize, &'a [u8]), Refusal> {
        let offset = self.word()?;
        let expected = u128::try_from(self.tail).ok();
        if expected.is_none() || offset.to_u128() != expected {
            return self.wrong("the offset leaves a gap or overlaps");
        }
        let length = self.word_at(self.tail)?.to_u128();
        let start = self.tail.saturating_add(32);
        let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
            return Err(Refusal::Truncated {
                at: self.at.saturating_add(start),
                needs: usize::MAX,
            });
        };
        let content = self.slice(start, length)?;
        let padding = length.wrapping_neg() % 32;
        let end = start.saturating_add(length);
        if self.slice(end, padding)?.iter().any(|byte| *byte != 0) {
            return self.wrong("the padding of bytes is not zero");
        }
        self.tail = end.saturating_add(padding);
        Ok((self.at.saturating_add(start), content))
    }

    /// Nothing may follow.
    pub(crate) fn done(&self) -> Result<(), Refusal> {
        match self.bytes.len().checked_sub(self.tail) {
            Some(0) => Ok(()),
            Some(extra) => Err(Refusal::TrailingBytes {
                at: self.at.saturating_add(self.tail),
                extra,
            }),
            None => Err(Refusal::Truncated {
                at: self.at,
                needs: self.tail,
            }),
        }
    }
}
