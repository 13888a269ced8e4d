//! RLP (Ethereum yellow paper, appendix B) in its one canonical form, read with offsets and written back.

use crate::{Refusal, Word};

/// A cursor over the items of one list.
#[derive(Clone)]
pub(crate) struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// One item: its payload and where that begins.
pub(crate) struct Item<'a> {
    pub(crate) list: bool,
    pub(crate) at: usize,
    pub(crate) payload: &'a [u8],
}

impl<'a> Items<'a> {
    /// Reads `bytes[start..]`, which must be exactly one list.
    pub(crate) fn whole(bytes: &'a [u8], start: usize) -> Result<Self, Refusal> {
        let mut outer = Self {
            bytes,
            at: start,
            end: bytes.len(),
        };
        let item = outer.item()?;
        outer.done()?;
        outer.enter(&item)
    }

    pub(crate) fn enter(&self, item: &Item<'a>) -> Result<Self, Refusal> {
        if !item.list {
            return Err(wrong(item.at, "a list is expected"));
        }
        Ok(Self {
            bytes: self.bytes,
            at: item.at,
            end: item.at.saturating_add(item.payload.len()),
        })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.end
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Nothing may follow.
    pub(crate) fn done(&self) -> Result<(), Refusal> {
        if self.is_done() {
            return Ok(());
        }
        Err(Refusal::TrailingBytes {
            at: self.at,
            extra: self.end.saturating_sub(self.at),
        })
    }

    /// How many items are left, each well formed.
    pub(crate) fn count(&self) -> Result<usize, Refusal> {
        let mut rest = self.clone();
        let mut count = 0_usize;
        while !rest.is_done() {
            rest.item()?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let truncated = Refusal::Truncated {
            at: self.at,
            needs: length,
        };
        let Some(end) = self.at.checked_add(length).filter(|end| *end <= self.end) else {
            return Err(truncated);
        };
        let taken = self.bytes.get(self.at..end).ok_or(truncated)?;
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn item(&mut self) -> Result<Item<'a>, Refusal> {
        let start = self.at;
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (list, length) = match first {
            0..0x80 => {
                self.at = start;
                (false, 1)
            }
            0x80..0xb8 => (false, usize::from(first - 0x80)),
            0xb8..0xc0 => (false, self.length(first - 0xb7)?),
            0xc0..0xf8 => (true, usize::from(first - 0xc0)),
            0xf8.. => (true, self.length(first - 0xf7)?),
        };
        let at = self.at;
        let payload = self.take(length)?;
        if first == 0x81 && payload.first().is_some_and(|byte| *byte < 0x80) {
            return Err(wrong(start, "a byte below `0x80` stands for itself"));
        }
        Ok(Item { list, at, payload })
    }

    fn length(&mut self, bytes: u8) -> Result<usize, Refusal> {
        let at = self.at;
        let digits = self.take(usize::from(bytes))?;
        let mut length = 0_usize;
        for digit in digits {
            length = length
                .checked_mul(256)
                .and_then(|length| length.checked_add(usize::from(*digit)))
                .ok_or(Refusal::Truncated {
                    at,
                    needs: usize::MAX,
                })?;
        }
        if digits.first() == Some(&0) || length < 56 {
            return Err(wrong(at, "a length is written as short as it goes"));
        }
        Ok(length)
    }

    pub(crate) fn bytes(&mut self) -> Result<Item<'a>, Refusal> {
        let item = self.item()?;
        if item.list {
            return Err(wrong(item.at, "bytes are expected"));
        }
        Ok(item)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let item = self.bytes()?;
        item.payload
            .try_into()
            .map_err(|_| wrong(item.at, "the field has a fixed length"))
    }

    pub(crate) fn word(&mut self) -> Result<Word, Refusal> {
        let item = self.bytes()?;
        if item.payload.first() == Some(&0) {
            return Err(wrong(item.at, "a number has no leading zero"));
        }
        Word::from_slice(item.payload).ok_or(wrong(item.at, "a number has at most `32` bytes"))
    }

    pub(crate) fn amount(&mut self) -> Result<u128, Refusal> {
        let at = self.at;
        let word = self.word()?;
        word.to_u128().ok_or_else(|| Refusal::AmountTooLarge {
            at,
            amount: word.to_string(),
        })
    }

    /// A number that a protocol bounds to 64 bits.
    pub(crate) fn small(&mut self) -> Result<u64, Refusal> {
        let at = self.at;
        let amount = self.amount()?;
        u64::try_from(amount).map_err(|_| Refusal::AmountTooLarge {
            at,
            amount: amount.to_string(),
        })
    }
}

fn wrong(at: usize, what: &'static str) -> Refusal {
    Refusal::NotCanonical { at, what }
}

/// Appends bytes as one item.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [byte] if *byte < 0x80 => out.push(*byte),
        _ => {
            write_head(out, 0x80, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

/// Appends a number without leading zeros.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u128) {
    let bytes = number.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    write_bytes(out, bytes.get(skip..).unwrap_or_default());
}

/// Appends a list around items that are already written.
pub(crate) fn write_list(out: &mut Vec<u8>, items: &[u8]) {
    write_head(out, 0xc0, items.len());
    out.extend_from_slice(items);
}

fn write_head(out: &mut Vec<u8>, base: u8, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 56 => out.push(base.saturating_add(short)),
        _ => {
            let digits = length.to_be_bytes();
            let skip = digits.iter().take_while(|byte| **byte == 0).count();
            let digits = digits.get(skip..).unwrap_or_default();
            let count = u8::try_from(digits.len()).unwrap_or(u8::MAX);
            out.push(base.saturating_add(55).saturating_add(count));
            out.extend_from_slice(digits);
        }
    }
}
