//! What a vendor says that it would sign, in our own terms: one form for both vendors.

use crate::json::shown;
use std::fmt;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vendor {
    /// A Fireblocks co-signer.
    Fireblocks,
    /// BitGo's policy engine.
    BitGo,
}

impl Vendor {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fireblocks => "fireblocks",
            Self::BitGo => "bitgo",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an approval would do at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The key signs.
    Signing,
    /// One approver of the vendor's own policy says yes; signing is asked later.
    Approval,
    /// A setting of the vendor's workspace changes.
    Configuration,
}

impl Stage {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Approval => "approval",
            Self::Configuration => "configuration",
        }
    }
}

/// A transfer as the vendor tells it, with the names of the settings in place of the vendor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Withdrawal id of the exchange.
    pub withdrawal: String,
    /// CAIP-2.
    pub network: String,
    /// CAIP-19.
    pub asset: String,
    /// Wallet of the books.
    pub wallet: String,
    /// Key id of the wallet, as a clearance names it.
    pub key: String,
    /// Address of the wallet on that network; `None` where a wallet is many addresses.
    pub from: Option<String>,
    /// Who gets it, in the network's own form.
    pub to: String,
    /// Empty if none.
    pub memo: String,
    /// Minor units.
    pub amount: u128,
    /// Greatest fee that the vendor estimates, minor units of the network's own coin.
    pub fee: Option<u128>,
    /// The vendor's id of the transaction.
    pub transaction: String,
    /// The bytes to be signed, where the vendor shows them.
    pub raw: Option<Raw>,
}

impl Claims {
    /// The one request that a withdrawal is approved for: vendor, account, the vendor's transaction and request. Parts of
    /// a batched transaction share the transaction's id and not the request's.
    #[must_use]
    pub fn paid_by(&self, vendor: Vendor, account: &str, request: &str) -> String {
        format!("{vendor}/{account}/{}/{request}", self.transaction)
    }
}

/// Bytes to be signed as a vendor shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The hash that the vendor says is signed, where it says one.
    pub hash: Option<[u8; 32]>,
}

/// Why a well-formed request can't be judged here: it is held, never denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Stable name.
    pub code: &'static str,
    /// In words, with the values.
    pub says: String,
}

impl Unknown {
    /// Of a code and a value that is shown.
    #[must_use]
    pub fn new(code: &'static str, what: &str, value: &str) -> Self {
        Self {
            code,
            says: format!("{what}: `{}`", shown(value)),
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.says)
    }
}

/// Why a request is refused outright, before anybody is asked: its form can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A field that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field of another type.
    #[error("`{field}` must be {needs}")]
    Type {
        /// Which.
        field: String,
        /// What it must be.
        needs: &'static str,
    },
    /// An amount as a JSON number where a text form exists.
    #[error("`{0}` is a JSON number; amounts are texts")]
    NumberAmount(String),
    /// An id that is empty, too long or not visible ASCII.
    #[error("`{0}` is not 1 to 128 visible characters")]
    Id(&'static str),
    /// A list that is too long.
    #[error("`{0}` has more items than are read")]
    TooMany(&'static str),
    /// Hexadecimal bytes that are not.
    #[error("`{0}` is not hexadecimal bytes")]
    Hex(&'static str),
}
