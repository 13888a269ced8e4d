//! Messages of Solana transactions, legacy and version 0, in their one form.

use super::{Context, Key};
use crate::Refusal;

/// Most bytes of a transaction with its signatures (one packet of IPv6).
const PACKET: usize = 1_232;

/// A message as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it is of version 0, which may have lookup tables.
    pub version_0: bool,
    /// How many keys sign.
    pub signatures: u8,
    /// How many of these are only read.
    pub read_only_signed: u8,
    /// How many of the other keys are only read.
    pub read_only_unsigned: u8,
    /// Keys that stand in the message.
    pub keys: Vec<Key>,
    /// Recent blockhash, or the value of a durable nonce.
    pub blockhash: [u8; 32],
    /// What is done, in order.
    pub instructions: Vec<Instruction>,
    /// Tables with the writable and the read-only places taken from them.
    pub lookups: Vec<(Key, Vec<u8>, Vec<u8>)>,
    /// Where the first lookup begins.
    lookups_at: usize,
}

/// One instruction: places in the list of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Place of the program.
    pub program: u8,
    /// Places of the accounts.
    pub accounts: Vec<u8>,
    /// Input of the program.
    pub data: Vec<u8>,
    /// Where the instruction begins in the bytes.
    pub at: usize,
    /// Where `data` begins in the bytes.
    pub data_at: usize,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(Refusal::Truncated {
            at: self.at,
            needs: length,
        })?;
        self.at = self.at.saturating_add(length);
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn key(&mut self) -> Result<[u8; 32], Refusal> {
        Ok(self.take(32)?.try_into().unwrap_or_default())
    }

    /// A length in one to three bytes of seven bits, lowest first, as short as it goes.
    fn length(&mut self) -> Result<usize, Refusal> {
        let at = self.at;
        let wrong = Refusal::NotCanonical {
            at,
            what: "a length is written as short as it goes and is at most `65535`",
        };
        let mut length = 0_u32;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            length |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if (byte == 0 && shift > 0) || length > 0xffff {
                    return Err(wrong);
                }
                return usize::try_from(length).map_err(|_| wrong);
            }
        }
        Err(wrong)
    }

    fn list(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.length()?;
        self.take(length)
    }
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// What else the bytes are, or what of them is not in its one form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > PACKET {
            return Err(Refusal::TooLarge {
                bytes: bytes.len(),
                limit: PACKET,
            });
        }
        let mut cursor = Cursor { bytes, at: 0 };
        let version_0 = match bytes {
            [] => return Err(Refusal::Empty {}),
            [0xff, b's', b'o', b'l', ..] => return Err(Refusal::OffchainMessage {}),
            [0x80, ..] => {
                cursor.at = 1;
                true
            }
            [marked @ 0x81..=0xff, ..] => {
                return Err(Refusal::MessageVersion {
                    version: marked & 0x7f,
                });
            }
            _ => false,
        };
        let mut message = Self::head(&mut cursor, version_0)?;
        for _ in 0..cursor.length()? {
            let at = cursor.at;
            let program = cursor.byte()?;
            let accounts = cursor.list()?.to_vec();
            let length = cursor.length()?;
            let data_at = cursor.at;
            let data = cursor.take(length)?.to_vec();
            message.instructions.push(Instruction {
                program,
                accounts,
                data,
                at,
                data_at,
            });
        }
        message.lookups_at = cursor.at;
        if version_0 {
            for _ in 0..cursor.length()? {
                let table = Key(cursor.key()?);
                let writable = cursor.list()?.to_vec();
                message
                    .lookups
                    .push((table, writable, cursor.list()?.to_vec()));
            }
        }
        let extra = bytes.len().saturating_sub(cursor.at);
        if extra > 0 {
            return Err(Refusal::TrailingBytes {
                at: cursor.at,
                extra,
            });
        }
        // A second guard: what was read writes back to what was given.
        if message.encode() != bytes {
            return Err(Refusal::NotCanonical {
                at: 0,
                what: "the message does not write back to the bytes given",
            });
        }
        Ok(message)
    }

    fn head(cursor: &mut Cursor<'_>, version_0: bool) -> Result<Self, Refusal> {
        let at = cursor.at;
        let signatures = cursor.byte()?;
        let read_only_signed = cursor.byte()?;
        let read_only_unsigned = cursor.byte()?;
        let count = cursor.length()?;
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(Key(cursor.key()?));
        }
        let named = usize::from(signatures).saturating_add(usize::from(read_only_unsigned));
        let wrong = |what| Err(Refusal::NotCanonical { at, what });
        if read_only_signed >= signatures || named > keys.len() || keys.len() > 256 {
            return wrong("the header does not fit the keys");
        }
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != keys.len() {
            return wrong("a key stands in the list twice");
        }
        let bytes = cursor.bytes.len();
        let limit = PACKET.saturating_sub(usize::from(signatures).saturating_mul(64));
        if bytes.saturating_add(1) > limit {
            return Err(Refusal::TooLarge {
                bytes,
                limit: limit.saturating_sub(1),
            });
        }
        Ok(Self {
            version_0,
            signatures,
            read_only_signed,
            read_only_unsigned,
            keys,
            blockhash: cursor.key()?,
            instructions: Vec::new(),
            lookups: Vec::new(),
            lookups_at: 0,
        })
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.version_0 {
            out.push(0x80);
        }
        out.extend([
            self.signatures,
            self.read_only_signed,
            self.read_only_unsigned,
        ]);
        write_length(&mut out, self.keys.len());
        self.keys.iter().for_each(|key| out.extend(key.0));
        out.extend(self.blockhash);
        write_length(&mut out, self.instructions.len());
        for instruction in &self.instructions {
            out.push(instruction.program);
            write_list(&mut out, &instruction.accounts);
            write_list(&mut out, &instruction.data);
        }
        if self.version_0 {
            write_length(&mut out, self.lookups.len());
            for (table, writable, read_only) in &self.lookups {
                out.extend(table.0);
                write_list(&mut out, writable);
                write_list(&mut out, read_only);
            }
        }
        out
    }

    /// All keys in the order in which instructions count them: in the message, then writable and read-only from tables.
    ///
    /// # Errors
    /// A table that the caller did not resolve.
    pub(crate) fn all_keys(&self, context: &Context<'_>) -> Result<Vec<Key>, Refusal> {
        let mut keys = self.keys.clone();
        let mut read_only = Vec::new();
        for (table, writable, read) in &self.lookups {
            let unknown = || Refusal::LookupUnknown {
                at: self.lookups_at,
                table: table.to_string(),
            };
            let content = context.tables.get(table).ok_or_else(unknown)?;
            for place in writable {
                keys.push(*content.get(usize::from(*place)).ok_or_else(unknown)?);
            }
            for place in read {
                read_only.push(*content.get(usize::from(*place)).ok_or_else(unknown)?);
            }
        }
        keys.extend(read_only);
        Ok(keys)
    }
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn write_list(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend_from_slice(bytes);
}
