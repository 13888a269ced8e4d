//! Transactions of a Safe of version 1.3.0 or later: their call, their batch, their hash.
//!
//! The hash is that of EIP-712 with the domain `EIP712Domain(uint256 chainId,address verifyingContract)`; versions before
//! 1.3.0 leave the chain id out, so what they sign is valid on every chain.

use super::abi::Arguments;
use super::{Address, keccak256};
use crate::{Refusal, Word};

/// What the domain's type hash is made from.
pub const DOMAIN_TYPE: &str = "EIP712Domain(uint256 chainId,address verifyingContract)";

/// What the type hash is made from.
pub const SAFE_TX_TYPE: &str = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)";

/// What the owners of a Safe sign, without its number. The default is a call that does nothing, without a refund.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SafeTx {
    /// Whom it calls.
    pub to: Address,
    /// Wei.
    pub value: u128,
    /// Input of the call.
    pub data: Vec<u8>,
    /// Where `data` begins in the payload; 0 where it has no such place.
    pub data_at: usize,
    /// 0 call, 1 delegate call.
    pub operation: u8,
    /// Gas of the inner call.
    pub safe_tx_gas: Word,
    /// Gas beside it, for the refund.
    pub base_gas: Word,
    /// Price of the refund; only zero is signed.
    pub gas_price: Word,
    /// Token of the refund; only zero is signed.
    pub gas_token: Address,
    /// Who gets the refund; only zero is signed.
    pub refund_receiver: Address,
}

impl SafeTx {
    /// EIP-712 hash of the transaction for one Safe on one chain.
    #[must_use]
    pub fn hash(&self, chain_id: u64, safe: Address, nonce: Word) -> [u8; 32] {
        typed_digest(domain_hash(chain_id, safe), self.struct_hash(nonce))
    }

    /// EIP-712 hash of the struct.
    #[must_use]
    pub fn struct_hash(&self, nonce: Word) -> [u8; 32] {
        let words = [
            keccak256(SAFE_TX_TYPE.as_bytes()),
            padded(self.to),
            Word::from(self.value).0,
            keccak256(&self.data),
            Word::from(u128::from(self.operation)).0,
            self.safe_tx_gas.0,
            self.base_gas.0,
            self.gas_price.0,
            padded(self.gas_token),
            padded(self.refund_receiver),
            nonce.0,
        ];
        keccak256(&words.concat())
    }

    /// A Safe that pays back gas pays whoever submits: fee and recipient would be nobody's decision.
    pub(crate) fn check_no_refund(&self) -> Result<(), Refusal> {
        let zero = Address::ZERO;
        let found = if !self.gas_price.is_zero() {
            ("gasPrice", self.gas_price.to_string())
        } else if self.gas_token != zero {
            ("gasToken", self.gas_token.to_string())
        } else if self.refund_receiver != zero {
            ("refundReceiver", self.refund_receiver.to_string())
        } else {
            return Ok(());
        };
        Err(Refusal::SafeRefund {
            field: found.0,
            value: found.1,
        })
    }
}

fn padded(address: Address) -> [u8; 32] {
    Word::from_slice(&address.0).unwrap_or(Word::ZERO).0
}

/// EIP-712 hash of a Safe's domain.
#[must_use]
pub fn domain_hash(chain_id: u64, safe: Address) -> [u8; 32] {
    let words = [
        keccak256(DOMAIN_TYPE.as_bytes()),
        Word::from(u128::from(chain_id)).0,
        padded(safe),
    ];
    keccak256(&words.concat())
}

/// What is signed for typed data: Keccak-256 of `0x1901`, domain, struct (EIP-712).
#[must_use]
pub fn typed_digest(domain: [u8; 32], message: [u8; 32]) -> [u8; 32] {
    keccak256(&[[0x19, 0x01].as_slice(), &domain, &message].concat())
}

/// Reads the arguments of `execTransaction`. The signatures in it are the contract's to judge.
pub(crate) fn exec_transaction(arguments: &[u8], at: usize) -> Result<SafeTx, Refusal> {
    let mut read = Arguments::new(arguments, at, 10);
    let to = read.address()?;
    let value = read.amount()?;
    let (data_at, data) = read.bytes()?;
    let operation = read.word()?;
    let operation = operation
        .to_u128()
        .and_then(|operation| u8::try_from(operation).ok())
        .filter(|operation| *operation < 2)
        .ok_or(Refusal::NotCanonical {
            at: at.saturating_add(96),
            what: "the operation of a Safe is `0` or `1`",
        })?;
    let tx = SafeTx {
        to,
        value,
        data: data.to_vec(),
        data_at,
        operation,
        safe_tx_gas: read.word()?,
        base_gas: read.word()?,
        gas_price: read.word()?,
        gas_token: read.address()?,
        refund_receiver: read.address()?,
    };
    read.bytes()?;
    read.done()?;
    Ok(tx)
}

/// One call of a batch.
pub(crate) struct Part<'a> {
    pub(crate) to: Address,
    pub(crate) value: u128,
    pub(crate) data: &'a [u8],
    pub(crate) at: usize,
}

/// The calls of a batch, one after the other.
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    base: usize,
    at: usize,
}

/// Opens the one call that a Safe may run as its own: `multiSend(bytes)` without value.
pub(crate) fn batch(tx: &SafeTx) -> Result<Parts<'_>, Refusal> {
    let multi_send = super::selectors::MULTI_SEND.to_be_bytes();
    let Some(arguments) = tx.data.strip_prefix(multi_send.as_slice()) else {
        return Err(Refusal::DelegateCall {
            at: tx.data_at,
            to: tx.to.to_string(),
        });
    };
    if tx.value != 0 {
        return Err(Refusal::NotCanonical {
            at: tx.data_at,
            what: "a delegate call carries no value",
        });
    }
    let mut read = Arguments::new(arguments, tx.data_at.saturating_add(4), 1);
    let (base, bytes) = read.bytes()?;
    read.done()?;
    if bytes.is_empty() {
        return Err(Refusal::Empty {});
    }
    Ok(Parts { bytes, base, at: 0 })
}

impl<'a> Parts<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(Refusal::Truncated {
            at: self.base.saturating_add(self.at),
            needs: length,
        })?;
        self.at = self.at.saturating_add(length);
        Ok(taken)
    }

    /// The next call; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Part<'a>>, Refusal> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let start = self.base.saturating_add(self.at);
        let operation = self.take(1)?;
        let to = Address(self.take(20)?.try_into().unwrap_or_default());
        if operation != [0] {
            return Err(Refusal::DelegateCall {
                at: start,
                to: to.to_string(),
            });
        }
        let value_at = self.base.saturating_add(self.at);
        let value = Word::from_slice(self.take(32)?).unwrap_or(Word::ZERO);
        let value = value.to_u128().ok_or_else(|| Refusal::AmountTooLarge {
            at: value_at,
            amount: value.to_string(),
        })?;
        let length = Word::from_slice(self.take(32)?).and_then(Word::to_u128);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let at = self.base.saturating_add(self.at);
        let data = self.take(length.unwrap_or(usize::MAX))?;
        Ok(Some(Part {
            to,
            value,
            data,
            at,
        }))
    }
}
