//! Classes of action: what asks for a quorum. The quorum of each is policy; the usual one stands in
//! [`Rules::usual`](super::rules::Rules::usual).

use borsh::{BorshDeserialize, BorshSerialize};

/// A class of action with a quorum of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Class {
    /// A withdrawal or an own transfer above what a rule clears by itself.
    Withdrawal = 1,
    /// A batch of credits whose budget asks for approvals.
    Credit = 2,
    /// A destination into the address book.
    ListDestination = 3,
    /// A policy that is anywhere looser, and whatever else raises risk.
    LoosenPolicy = 4,
    /// A stop: halt, suspend a person, feared key, a tighter policy. One person, at once.
    LowerRisk = 5,
    /// Lift a halt that an alarm brought or a quorum stands behind.
    Resume = 6,
    /// Lift what one person stopped and no quorum stands behind.
    LiftStop = 7,
    /// People, roles, credentials, and these rules themselves.
    RosterChange = 8,
    /// Wallets, keys, owners and code of contracts.
    CustodyChange = 9,
    /// Release a redress set to customers.
    RedressRelease = 10,
    /// Destroy the key of a person's records.
    DestroyKey = 11,
    /// Give a person, whose keys are gone, another one.
    CredentialReset = 12,
    /// Use the sealed keys.
    BreakGlass = 13,
}

impl Class {
    /// All classes with their codes.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Withdrawal, "withdrawal"),
        (Self::Credit, "credit"),
        (Self::ListDestination, "list_destination"),
        (Self::LoosenPolicy, "loosen_policy"),
        (Self::LowerRisk, "lower_risk"),
        (Self::Resume, "resume"),
        (Self::LiftStop, "lift_stop"),
        (Self::RosterChange, "roster_change"),
        (Self::CustodyChange, "custody_change"),
        (Self::RedressRelease, "redress_release"),
        (Self::DestroyKey, "destroy_key"),
        (Self::CredentialReset, "credential_reset"),
        (Self::BreakGlass, "break_glass"),
    ];

    /// Stable public code, lower snake case.
    #[must_use]
    pub fn code(self) -> &'static str {
        let row = Self::ALL.iter().find(|(class, _)| *class == self);
        row.map_or("", |(_, code)| code)
    }

    /// The class of that code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(_, known)| *known == code);
        row.map(|(class, _)| *class)
    }
}
