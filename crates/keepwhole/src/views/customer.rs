//! One customer's page: what is owed to her, and whether she is whole.

use super::Head;
use crate::text::{Amount, Words};

/// What the exchange owes a customer of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The amount owed.
    pub owed: Amount,
    /// Part of it that lies in withdrawals not yet settled.
    pub reserved: Amount,
}

/// A shortfall attributed to the custody behind one customer's claim: `short = replenished + outstanding`. Her claim
/// itself never shrinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redress {
    /// Id of the loss, the same as in the incident.
    pub loss: String,
    /// What was missing behind her claim.
    pub short: Amount,
    /// What the exchange has put back.
    pub replenished: Amount,
    /// What it has still to put back.
    pub outstanding: Amount,
}

/// One movement of a customer's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// When it was recorded, milliseconds since the epoch.
    pub at: u64,
    /// The entry of the journal that records it.
    pub entry: u64,
    /// What moved, in words.
    pub what: Words,
    /// Whether the customer's balance grew.
    pub incoming: bool,
    /// The amount moved.
    pub amount: Amount,
    /// Her balance of the asset after it; `None` where the statement starts in the middle.
    pub balance: Option<Amount>,
}

/// A customer's package of proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLink {
    /// The package's file name.
    pub file: String,
    /// The command that checks it offline.
    pub command: String,
}

/// The page of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerView {
    /// The exchange's pseudonymous id of her.
    pub id: String,
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// Whether the customer is made up (demo, exercise).
    pub made_up: bool,
    /// What is owed to her, per asset.
    pub balances: Vec<Balance>,
    /// Shortfalls behind her claims, per loss and asset.
    pub redress: Vec<Redress>,
    /// The last movements, newest first.
    pub statement: Vec<StatementLine>,
    /// How many movements there are in all.
    pub statement_total: u64,
    /// Her package of proofs, where one was made.
    pub package: Option<PackageLink>,
}
