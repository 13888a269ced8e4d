//! Unsigned transactions: legacy with a chain id (EIP-155), with an access list (EIP-2930), with a fee market (EIP-1559).

use super::rlp::{self, Items};
use super::{Address, MAX_BYTES, keccak256};
use crate::Refusal;

/// Addresses with their storage keys (EIP-2930).
pub type AccessList = Vec<(Address, Vec<[u8; 32]>)>;

/// The envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// EIP-155.
    Legacy,
    /// EIP-2930, type 1.
    AccessList,
    /// EIP-1559, type 2.
    FeeMarket,
}

/// A transaction that nobody has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its envelope.
    pub envelope: Envelope,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Number of the sender's transactions before it.
    pub nonce: u64,
    /// Wei a gas for the block's maker; the price in the two older envelopes.
    pub priority_fee: u128,
    /// Most wei a gas; the price in the two older envelopes.
    pub max_fee: u128,
    /// Most gas.
    pub gas: u64,
    /// Recipient.
    pub to: Address,
    /// Wei.
    pub value: u128,
    /// Input of the call.
    pub data: Vec<u8>,
    /// Where `data` begins in the bytes.
    pub data_at: usize,
    /// Addresses with their storage keys.
    pub access: AccessList,
}

impl Transaction {
    /// Reads the one form of an unsigned transaction.
    ///
    /// # Errors
    /// What else the bytes are, or what of them is not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::TooLarge {
                bytes: bytes.len(),
                limit: MAX_BYTES,
            });
        }
        let transaction = match bytes {
            [] => return Err(Refusal::Empty {}),
            // A transaction of this length begins with its own length and is decoded; nothing else of it is.
            [first, ..] if bytes.len() == 32 && *first != 0xdf => return Err(Refusal::RawHash {}),
            [0xc0..=0xff, ..] => Self::legacy(bytes)?,
            [1, ..] => Self::typed(bytes, Envelope::AccessList)?,
            [2, ..] => Self::typed(bytes, Envelope::FeeMarket)?,
            [3, ..] => return Err(Refusal::BlobTransaction {}),
            // Type 4, and 0x05 || rlp(…): an authorisation of EIP-7702.
            [4 | 5, ..] => return Err(Refusal::SetCodeTransaction {}),
            [0x19, 1, ..] => {
                return Err(Refusal::TypedData {
                    primary: "hashes only".to_owned(),
                });
            }
            [0x19, ..] => return Err(Refusal::EthMessage {}),
            [kind, ..] => return Err(Refusal::TransactionType { kind: *kind }),
        };
        if transaction.priority_fee > transaction.max_fee {
            return Err(Refusal::FeeOrder {
                priority: transaction.priority_fee,
                most: transaction.max_fee,
            });
        }
        // A second guard: what was read writes back to what was given.
        if transaction.encode() != bytes {
            return Err(Refusal::NotCanonical {
                at: 0,
                what: "the transaction does not write back to the bytes given",
            });
        }
        Ok(transaction)
    }

    fn legacy(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut items = Items::whole(bytes, 0)?;
        let fields = items.count()?;
        if fields == 6 {
            return Err(Refusal::PreEip155 { fields });
        }
        check_count(&items, fields, 9)?;
        let nonce = items.small()?;
        let price = items.amount()?;
        let gas = items.small()?;
        let (to, value, data_at, data) = call(&mut items)?;
        let chain_id = items.small()?;
        let at = items.at();
        let (r, s) = (items.word()?, items.word()?);
        if !r.is_zero() || !s.is_zero() {
            return Err(Refusal::AlreadySigned { at });
        }
        items.done()?;
        Ok(Self {
            envelope: Envelope::Legacy,
            chain_id,
            nonce,
            priority_fee: price,
            max_fee: price,
            gas,
            to,
            value,
            data,
            data_at,
            access: Vec::new(),
        })
    }

    fn typed(bytes: &[u8], envelope: Envelope) -> Result<Self, Refusal> {
        let mut items = Items::whole(bytes, 1)?;
        let fields = if envelope == Envelope::FeeMarket {
            9
        } else {
            8
        };
        check_count(&items, items.count()?, fields)?;
        let chain_id = items.small()?;
        let nonce = items.small()?;
        let priority_fee = items.amount()?;
        let max_fee = if envelope == Envelope::FeeMarket {
            items.amount()?
        } else {
            priority_fee
        };
        let gas = items.small()?;
        let (to, value, data_at, data) = call(&mut items)?;
        let access = access_list(&mut items)?;
        items.done()?;
        Ok(Self {
            envelope,
            chain_id,
            nonce,
            priority_fee,
            max_fee,
            gas,
            to,
            value,
            data,
            data_at,
            access,
        })
    }

    /// The bytes whose Keccak-256 is signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut items = Vec::new();
        let mut out = Vec::new();
        if self.envelope != Envelope::Legacy {
            rlp::write_number(&mut items, u128::from(self.chain_id));
        }
        rlp::write_number(&mut items, u128::from(self.nonce));
        rlp::write_number(&mut items, self.priority_fee);
        if self.envelope == Envelope::FeeMarket {
            rlp::write_number(&mut items, self.max_fee);
        }
        rlp::write_number(&mut items, u128::from(self.gas));
        rlp::write_bytes(&mut items, &self.to.0);
        rlp::write_number(&mut items, self.value);
        rlp::write_bytes(&mut items, &self.data);
        match self.envelope {
            Envelope::Legacy => {
                rlp::write_number(&mut items, u128::from(self.chain_id));
                rlp::write_number(&mut items, 0);
                rlp::write_number(&mut items, 0);
            }
            Envelope::AccessList => out.push(1),
            Envelope::FeeMarket => out.push(2),
        }
        if self.envelope != Envelope::Legacy {
            let mut list = Vec::new();
            for (address, keys) in &self.access {
                let mut written = Vec::new();
                keys.iter()
                    .for_each(|key| rlp::write_bytes(&mut written, key));
                let mut entry = Vec::new();
                rlp::write_bytes(&mut entry, &address.0);
                rlp::write_list(&mut entry, &written);
                rlp::write_list(&mut list, &entry);
            }
            rlp::write_list(&mut items, &list);
        }
        rlp::write_list(&mut out, &items);
        out
    }

    /// What the key signs.
    #[must_use]
    pub fn signing_digest(&self) -> [u8; 32] {
        keccak256(&self.encode())
    }

    /// Gas times the most that a gas may cost, in wei.
    ///
    /// # Errors
    /// Where 128 bits do not hold it.
    pub fn greatest_fee(&self) -> Result<u128, Refusal> {
        let units = u128::from(self.gas);
        units.checked_mul(self.max_fee).ok_or(Refusal::FeeTooLarge {
            units,
            price: self.max_fee,
        })
    }
}

/// A list with three fields more than an unsigned one has its signature.
fn check_count(items: &Items<'_>, found: usize, needs: usize) -> Result<(), Refusal> {
    if found == needs {
        return Ok(());
    }
    let at = items.at();
    if found == needs.saturating_add(3) {
        return Err(Refusal::AlreadySigned { at });
    }
    Err(Refusal::NotCanonical {
        at,
        what: "the list has another number of fields than its type",
    })
}

type Call = (Address, u128, usize, Vec<u8>);

fn call(items: &mut Items<'_>) -> Result<Call, Refusal> {
    let at = items.at();
    let mut probe = items.clone();
    if probe.bytes()?.payload.is_empty() {
        return Err(Refusal::ContractCreation { at });
    }
    let to = Address(items.fixed::<20>()?);
    let value = items.amount()?;
    let data = items.bytes()?;
    Ok((to, value, data.at, data.payload.to_vec()))
}

fn access_list(items: &mut Items<'_>) -> Result<AccessList, Refusal> {
    let list = items.item()?;
    let mut entries = items.enter(&list)?;
    let mut access = Vec::new();
    while !entries.is_done() {
        let entry = entries.item()?;
        let mut fields = entries.enter(&entry)?;
        let address = Address(fields.fixed::<20>()?);
        let keys = fields.item()?;
        let mut inner = fields.enter(&keys)?;
        fields.done()?;
        let mut read = Vec::new();
        while !inner.is_done() {
            read.push(inner.fixed::<32>()?);
        }
        access.push((address, read));
    }
    Ok(access)
}
