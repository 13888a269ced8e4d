//! The ledger: what is owed, per owner and asset, in double entry.
//!
//! Every movement takes from one owner and gives to another, so each asset sums to zero over all owners, the outside
//! included. A balance is two running totals, in and out. Commands that we decide may not overdraw; recorded facts
//! always apply, and `out > in` is a finding.

use crate::amount::Amount;
use crate::pages::Pages;
use crate::registry::{AssetIx, HOUSE, OUTSIDE, OwnerIx};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Why value moved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum MovementKind {
    /// Opening balance.
    Opening = 1,
    /// A deposit seen on chain and credited.
    Deposit = 2,
    /// A cleared withdrawal.
    Withdrawal = 3,
    /// A clearance lapsed unused; the withdrawal goes back.
    WithdrawalReturned = 4,
    /// A trade of the matching engine.
    Trade = 5,
    /// A credit that no deposit backs.
    Credit = 6,
    /// A ledger row found without a decision of the guard.
    Observed = 7,
    /// The house's own part of a loss, written off.
    WrittenOff = 8,
    /// A claim paid to a customer.
    ClaimPaid = 9,
    /// The house puts its own assets into the customers' pool.
    Replenished = 10,
    /// Value that came back.
    Recovered = 11,
    /// A credited deposit that the chain took back.
    TakenBack = 12,
    /// A fee that a customer paid.
    Fee = 13,
    /// A transfer between owners that the exchange's ledger shows.
    Transfer = 14,
}

impl MovementKind {
    /// All kinds, in order of their numbers, which begin with 1.
    pub const ALL: [Self; 14] = [
        Self::Opening,
        Self::Deposit,
        Self::Withdrawal,
        Self::WithdrawalReturned,
        Self::Trade,
        Self::Credit,
        Self::Observed,
        Self::WrittenOff,
        Self::ClaimPaid,
        Self::Replenished,
        Self::Recovered,
        Self::TakenBack,
        Self::Fee,
        Self::Transfer,
    ];

    /// The number under which the kind is stored.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Opening => 1,
            Self::Deposit => 2,
            Self::Withdrawal => 3,
            Self::WithdrawalReturned => 4,
            Self::Trade => 5,
            Self::Credit => 6,
            Self::Observed => 7,
            Self::WrittenOff => 8,
            Self::ClaimPaid => 9,
            Self::Replenished => 10,
            Self::Recovered => 11,
            Self::TakenBack => 12,
            Self::Fee => 13,
            Self::Transfer => 14,
        }
    }

    /// Stable public code, lower snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::WithdrawalReturned => "withdrawal_returned",
            Self::Trade => "trade",
            Self::Credit => "credit",
            Self::Observed => "observed",
            Self::WrittenOff => "written_off",
            Self::ClaimPaid => "claim_paid",
            Self::Replenished => "replenished",
            Self::Recovered => "recovered",
            Self::TakenBack => "taken_back",
            Self::Fee => "fee",
            Self::Transfer => "transfer",
        }
    }

    /// The kind of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// One line of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Movement {
    /// Taken from.
    pub from: OwnerIx,
    /// Given to.
    pub to: OwnerIx,
    /// How much of what.
    pub amount: Amount,
    /// Why.
    pub kind: MovementKind,
    /// The caller's reference; may be empty.
    pub reference: String,
}

/// Running totals of one owner in one asset, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Totals {
    /// All that came in.
    pub incoming: u128,
    /// All that went out.
    pub outgoing: u128,
}

impl Totals {
    /// What is owed now; zero where more went out than came in.
    #[must_use]
    pub const fn balance(self) -> u128 {
        self.incoming.saturating_sub(self.outgoing)
    }
    /// By how much more went out than came in.
    #[must_use]
    pub const fn overdrawn(self) -> u128 {
        self.outgoing.saturating_sub(self.incoming)
    }
}

/// All balances: for each owner a short list of assets, in order of the asset's number.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Book {
    holdings: Pages,
    /// What all customers and the house are owed, per asset, in and out of the books.
    owed: Vec<Totals>,
}

impl Book {
    /// Running totals of an owner in an asset.
    #[must_use]
    pub fn totals(&self, owner: OwnerIx, asset: AssetIx) -> Totals {
        self.holdings.totals(owner, asset)
    }

    pub(crate) fn touch(&self, owner: OwnerIx) -> u32 {
        self.holdings.touch(owner)
    }

    pub(crate) fn touch_assets(&self, owner: OwnerIx) -> u32 {
        self.holdings.touch_assets(owner)
    }

    pub(crate) fn place(&self, owner: OwnerIx, asset: AssetIx) -> Option<usize> {
        self.holdings.place(owner, asset)
    }

    pub(crate) fn at(&self, owner: OwnerIx, place: usize) -> Totals {
        self.holdings.at(owner, place)
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let owed = self.owed.capacity().saturating_mul(size_of::<Totals>());
        self.holdings.bytes().saturating_add(owed)
    }

    /// Balance of an owner in an asset, minor units.
    #[must_use]
    pub fn balance(&self, owner: OwnerIx, asset: AssetIx) -> u128 {
        self.totals(owner, asset).balance()
    }

    /// All balances of an owner above zero, by asset.
    pub fn balances(&self, owner: OwnerIx) -> impl Iterator<Item = Amount> + '_ {
        self.holdings
            .of(owner)
            .map(|(asset, totals)| Amount::new(asset, totals.balance()))
            .filter(|a| !a.is_zero())
    }

    /// What customers and the house together are owed of an asset, minor units.
    #[must_use]
    pub fn owed(&self, asset: AssetIx) -> u128 {
        self.owed
            .get(asset.place())
            .copied()
            .unwrap_or_default()
            .balance()
    }

    /// Running totals of what customers and the house together are owed of an asset.
    #[must_use]
    pub fn owed_totals(&self, asset: AssetIx) -> Totals {
        self.owed.get(asset.place()).copied().unwrap_or_default()
    }

    /// Owners with a balance of `asset` above zero (the house included, the outside left out), in order of number.
    pub fn holders(&self, asset: AssetIx) -> impl Iterator<Item = (OwnerIx, u128)> + '_ {
        self.holdings
            .in_asset(asset)
            .filter(|(owner, _)| *owner != OUTSIDE)
            .map(|(owner, totals)| (owner, totals.balance()))
            .filter(|(_, balance)| *balance > 0)
    }

    /// True if moving the amount leaves every total within 128 bits.
    #[must_use]
    pub fn fits(&self, from: OwnerIx, to: OwnerIx, amount: Amount) -> bool {
        let (asset, units) = (amount.asset(), amount.units());
        let owed = self.owed.get(asset.place()).copied().unwrap_or_default();
        let totals = [
            self.totals(from, asset).outgoing,
            self.totals(to, asset).incoming,
            owed.incoming,
            owed.outgoing,
        ];
        totals
            .into_iter()
            .all(|total| total.checked_add(units).is_some())
    }

    /// Per-asset sum of all totals, in minus out, the outside included: zero always (double entry).
    #[must_use]
    pub fn sums_to_zero(&self, asset: AssetIx) -> bool {
        let (mut incoming, mut outgoing) = (0u128, 0u128);
        for (_, totals) in self.holdings.in_asset(asset) {
            incoming = incoming.wrapping_add(totals.incoming);
            outgoing = outgoing.wrapping_add(totals.outgoing);
        }
        incoming == outgoing
    }

    /// Folds a movement. Totals saturate; [`Book::fits`] was asked before the movement was recorded.
    pub(crate) fn apply(&mut self, movement: &Movement) {
        let (asset, units) = (movement.amount.asset(), movement.amount.units());
        self.book(movement.from, movement.to, asset, units);
    }

    /// Folds a movement of `units` from one owner to another.
    pub(crate) fn book(&mut self, from: OwnerIx, to: OwnerIx, asset: AssetIx, units: u128) {
        if let Some(taken) = self.holdings.slot(from, asset) {
            taken.outgoing = taken.outgoing.saturating_add(units);
        }
        if let Some(given) = self.holdings.slot(to, asset) {
            given.incoming = given.incoming.saturating_add(units);
        }
        if self.owed.len() <= asset.place() {
            self.owed
                .resize(asset.place().saturating_add(1), Totals::default());
        }
        if let Some(owed) = self.owed.get_mut(asset.place()) {
            if to != OUTSIDE {
                owed.incoming = owed.incoming.saturating_add(units);
            }
            if from != OUTSIDE {
                owed.outgoing = owed.outgoing.saturating_add(units);
            }
        }
    }

    /// What customers alone (the house left out) are owed of an asset, minor units.
    #[must_use]
    pub fn owed_to_customers(&self, asset: AssetIx) -> u128 {
        self.owed(asset).saturating_sub(self.balance(HOUSE, asset))
    }
}
