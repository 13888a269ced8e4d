//! What a redress set is built from, and why that can be refused.

use keepwhole_verify::json::FormatError;
use keepwhole_verify::manifest::Kind;
use keepwhole_verify::statement::Payment;
use keepwhole_verify::sum_tree::SumError;

/// Random bytes; the caller says where they come from (the system, or a seed in tests and drills).
pub trait Entropy {
    /// Fills all of `bytes` with bytes nobody can foretell.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// What is said about the set as a whole.
#[derive(Debug, Clone)]
pub struct Header {
    /// The incident's id.
    pub incident: String,
    /// RFC 3339, UTC, ends in `Z`.
    pub as_of: String,
    /// Shortfall of a pool, or claims for lost balances.
    pub kind: Kind,
    /// Exact text of the previous epoch's manifest; none makes this epoch 1.
    pub previous: Option<String>,
    /// Journal index of the record that fixed the balances from before the incident.
    pub snapshot_index: u64,
    /// SHA-256 of the rules of rounding, valuation and eligibility.
    pub rules: [u8; 32],
    /// Into how many leaves each line is cut, 1 to 16; 4 is usual.
    pub shares: u8,
}

/// One asset; amounts in its smallest unit.
#[derive(Debug, Clone)]
pub struct AssetRows {
    /// Number within the set; the same in every epoch.
    pub ix: u16,
    /// Name, such as `SOL`.
    pub asset: String,
    /// Decimals of the whole unit.
    pub decimals: u8,
    /// Taken on chain; 0 for claims.
    pub taken_on_chain: u128,
    /// Borne by the exchange's own holdings; 0 for claims.
    pub borne_by_house: u128,
    /// Recovered so far; 0 for claims.
    pub recovered: u128,
    /// One row per customer with a balance in the hit pool, 0/0 where nothing is attributed.
    pub rows: Vec<Row>,
}

/// One customer's line in one asset; amounts in minor units.
#[derive(Debug, Clone)]
pub struct Row {
    /// The exchange's number of the customer.
    pub account_id: String,
    /// Verified e-mail or phone; normalised here.
    pub contact: String,
    /// Made good so far.
    pub paid: u128,
    /// Still due.
    pub due: u128,
    /// They add up to `paid`.
    pub payments: Vec<Payment>,
}

/// One balance from before the incident, in a hit pool.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// The exchange's number of the customer.
    pub account_id: String,
    /// Name of the pool's asset.
    pub asset: String,
    /// Minor units.
    pub amount: u128,
}

/// Why no set was built.
#[derive(Debug, thiserror::Error)]
pub enum RedressError {
    /// A header value out of range.
    #[error("redress set: `shares` is {0}, allowed are 1 to 16")]
    Shares(u8),
    /// An account with two contacts.
    #[error("account `{account}` has the contacts `{first}` and `{second}`; give one")]
    TwoContacts {
        /// The account.
        account: String,
        /// One contact.
        first: String,
        /// The other one.
        second: String,
    },
    /// A contact with two accounts: neither could tell her line from the other's.
    #[error(
        "contact `{contact}` belongs to the accounts `{first}` and `{second}`; merge or correct them"
    )]
    SharedContact {
        /// The contact.
        contact: String,
        /// One account.
        first: String,
        /// The other one.
        second: String,
    },
    /// An account twice in one asset.
    #[error("account `{account}` has two rows for {asset}; add them up first")]
    TwoRows {
        /// The account.
        account: String,
        /// The asset.
        asset: String,
    },
    /// Payments that don't make up what is said to be paid.
    #[error("account `{account}`, {asset}: the payments do not add up to paid {paid}")]
    Payments {
        /// The account.
        account: String,
        /// The asset.
        asset: String,
        /// Minor units.
        paid: u128,
    },
    /// An account that held the asset before the incident but got no row.
    #[error(
        "account `{account}` held {asset} before the incident but has no row; give one, with 0 paid and 0 due if nothing is attributed"
    )]
    LeftOut {
        /// The account.
        account: String,
        /// The asset.
        asset: String,
    },
    /// A customer that the set doesn't know.
    #[error("account `{0}` is not in this redress set")]
    UnknownAccount(String),
    /// A sum out of range, or a text that is too long.
    #[error("{asset}: {cause}")]
    Tree {
        /// The asset.
        asset: String,
        /// What is wrong.
        cause: SumError,
    },
    /// The manifest or a statement would not be accepted by a verifier.
    #[error("the set would be refused: {0}")]
    Refused(#[from] FormatError),
    /// A worker thread ended without an answer.
    #[error("building the tree of {0} stopped unexpectedly; run it again and report this")]
    Worker(String),
}
