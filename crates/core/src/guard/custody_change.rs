//! What a change may register that the exchange trusts on chains: assets with their contracts, Safes, code that a Safe may run
//! as its own, what wallets hold at the start of watching, and what signed value can't land any more. Wallets and keys have changes of their own
//! ([`Change::RegisterWallet`](super::Change::RegisterWallet), [`Change::NameKey`](super::Change::NameKey)).

use super::dead::Declared;
use crate::registry::Asset;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What is registered.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Body {
    /// An asset with its name on its network.
    Asset(NewAsset) = 1,
    /// A Safe whose transactions may be cleared.
    Safe(NewSafe) = 2,
    /// A `MultiSendCallOnly` contract whose code was checked: the only code that a Safe may run as its own.
    BatchCode {
        /// Network (CAIP-2).
        network: String,
        /// Its address.
        address: String,
    } = 3,
    /// What a wallet holds at the start of watching.
    Holdings {
        /// The wallet.
        wallet: String,
        /// Each asset once.
        lines: Vec<Holding>,
    } = 4,
    /// What was redeemed of a withdrawal can't land any more.
    Dead(Declared) = 5,
}

/// An asset to register.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewAsset {
    /// The asset.
    pub asset: Asset,
    /// CAIP-19, with the contract of a token; `None` for money, which has no network.
    pub caip19: Option<String>,
}

/// A Safe to register.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewSafe {
    /// Network (CAIP-2).
    pub network: String,
    /// Its address: lower-case hexadecimal, or with the checksum of EIP-55.
    pub address: String,
    /// What its `VERSION()` says, such as `1.4.1`.
    pub version: String,
    /// The wallet that it is; the wallet's address is the Safe's.
    pub wallet: String,
}

/// What a wallet holds of one asset.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Holding {
    /// The asset.
    pub asset: String,
    /// Minor units.
    pub units: u128,
}

impl Body {
    /// What it does, in one word: the `action` of the command that approvals bind.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Asset(_) => "register-asset",
            Self::Safe(_) => "register-safe",
            Self::BatchCode { .. } => "register-batch-code",
            Self::Holdings { .. } => "declare-holdings",
            Self::Dead(_) => "declare-dead",
        }
    }
}
