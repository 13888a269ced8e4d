//! EVM networks: unsigned transactions, and the one typed data that is signed, a Safe transaction.

mod abi;
mod calls;
mod rlp;
pub mod safe;
pub mod transaction;
pub mod typed;

pub use calls::selectors;

use crate::{Kind, Outcome, Refusal, ToSign};
use core::fmt;
use sha3::{Digest as _, Keccak256};
use transaction::Transaction;

/// Most bytes of a transaction; nodes take no more (128 KiB).
pub const MAX_BYTES: usize = 131_072;

/// An account or contract.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// No account; also the chain's own coin where a token is asked.
    pub const ZERO: Self = Self([0; 20]);

    /// Reads `0x` and 40 hexadecimal digits of any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?.to_ascii_lowercase();
        keepwhole_verify::json::parse_hex(&digits).map(Self)
    }
}

/// `0x` and 40 hexadecimal digits in lower case.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        f.write_str(&keepwhole_verify::json::to_hex(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the caller knows and the bytes must agree with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// EIP-155 chain id of the key.
    pub chain_id: u64,
    /// SLIP-44 number of the chain's own coin (60 for Ether).
    pub coin: u32,
    /// Address of the key. The bytes do not say it.
    pub sender: Address,
    /// Safes of version 1.3.0 or later; older ones sign without a chain id.
    pub safes: &'a [Address],
    /// `MultiSendCallOnly` contracts whose code was checked: the only code that a Safe may run as its own.
    pub multi_send: &'a [Address],
}

impl Context<'_> {
    pub(crate) fn network(&self) -> String {
        format!("eip155:{}", self.chain_id)
    }

    pub(crate) fn coin_asset(&self) -> String {
        format!("eip155:{}/slip44:{}", self.chain_id, self.coin)
    }
}

/// Keccak-256, as the EVM hashes.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// Decodes an unsigned transaction.
///
/// # Errors
/// Why it must not be signed.
pub fn transaction(bytes: &[u8], context: &Context<'_>) -> Result<Outcome, Refusal> {
    let transaction = Transaction::decode(bytes)?;
    if transaction.chain_id != context.chain_id {
        return Err(Refusal::WrongChain {
            found: format!("eip155:{}", transaction.chain_id),
            expected: context.network(),
        });
    }
    let mut calls = calls::Calls::new(context);
    calls.call(&calls::Call {
        from: context.sender,
        to: transaction.to,
        value: transaction.value,
        data: &transaction.data,
        at: transaction.data_at,
        depth: 0,
    })?;
    let digest = transaction.signing_digest();
    Ok(Outcome {
        kind: Kind::EvmTx,
        network: context.network(),
        payer: context.sender.to_string(),
        conflict_key: conflict_key(context, context.sender, &transaction.nonce),
        effects: calls.effects,
        fee_asset: context.coin_asset(),
        fee: transaction.greatest_fee()?,
        signing_digest: digest,
        to_sign: vec![ToSign {
            input: 0,
            bytes: digest.to_vec(),
        }],
    })
}

fn conflict_key(context: &Context<'_>, account: Address, nonce: &dyn fmt::Display) -> String {
    format!("eip155:{}/{account}/{nonce}", context.chain_id)
}
