//! Policy: everything that changes a decision and is not law. It enters by a command and is versioned in the journal.
//!
//! There is no default that clears: a request is cleared only if a [`Clear`] rule covers its amount.

use crate::registry::{AssetIx, OwnerIx, WalletIx};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Classes of action; which roles may take them is data of the policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ActionClass {
    /// Approve or reject a request.
    Approve = 1,
    /// Halt, revoke, retire a key, tighten: one person, at once.
    LowerRisk = 2,
    /// Any other change of settings or rights.
    RaiseRisk = 3,
    /// Keep, erase and hold personal records, and say when a relation ended.
    KeepPersonal = 4,
    /// Read personal records.
    ReadPersonal = 5,
}

/// A cap on what leaves one wallet of one asset in a rolling window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Cap {
    /// Length of the window, ms; it is half-open: `(now - window, now]`.
    pub window_ms: u64,
    /// Basis points of what the wallet held just before the first outflow in the window.
    pub bps: u16,
}

/// A rule that clears requests of one asset up to an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Clear {
    /// The asset.
    pub asset: AssetIx,
    /// Largest amount, minor units, inclusive.
    pub up_to: u128,
}

/// How many distinct persons must approve from an amount on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ApprovalTier {
    /// The asset.
    pub asset: AssetIx,
    /// First amount of the tier, minor units, inclusive.
    pub from: u128,
    /// Distinct persons, the requester's person never among them.
    pub approvals: u32,
}

/// A budget for credits that no deposit backs.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Budget {
    /// Name of the campaign or correction.
    pub id: String,
    /// The only asset it may credit.
    pub asset: AssetIx,
    /// All credits together, minor units.
    pub total: u128,
    /// All credits to one customer together, minor units.
    pub per_customer: u128,
    /// Distinct persons who must approve each batch.
    pub approvals: u32,
}

/// Who bears an unauthorised outflow first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum LossOrder {
    /// All owners of the pool, the house with its own balance among them, in proportion.
    #[default]
    ProRata = 1,
    /// The house until its balance in that asset is used up, then customers in proportion.
    HouseFirst = 2,
}

/// The rules in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Policy {
    /// Number of the version.
    pub version: u32,
    /// Who may do what.
    pub authority: Vec<(ActionClass, Vec<String>)>,
    /// Rules that clear; without one that covers the amount a request is held.
    pub clears: Vec<Clear>,
    /// Rolling caps on each wallet and asset.
    pub caps: Vec<Cap>,
    /// Approvals by amount.
    pub tiers: Vec<ApprovalTier>,
    /// Budgets of credits.
    pub budgets: Vec<Budget>,
    /// Only listed destinations may be paid.
    pub allowlist: bool,
    /// How long a listed destination waits, ms.
    pub destination_cool_off_ms: Option<u64>,
    /// How long an approval holds, ms.
    pub approval_ttl_ms: Option<u64>,
    /// How long a clearance holds, ms.
    pub clearance_ttl_ms: Option<u64>,
    /// How long a change that raises risk waits after its last approval, ms.
    pub change_cool_off_ms: Option<u64>,
    /// Distinct administrators for a change that raises risk, the proposer among them.
    pub change_approvals: u32,
    /// Operations that may be signed.
    pub ops_allowed: Vec<String>,
    /// Digest of the guard's build and policy that a signer must name.
    pub attested: Option<[u8; 32]>,
    /// Greatest age of a price, ms, inclusive.
    pub price_max_age_ms: Option<u64>,
    /// Greatest change from the last good price, basis points, inclusive.
    pub price_band_bps: Option<u16>,
    /// Nodes whose reports count; empty means any.
    pub nodes: Vec<String>,
    /// Nodes that must agree before value that came in counts; at least 1.
    pub node_quorum: u32,
    /// Greatest lag of a node, ms.
    pub node_max_lag_ms: Option<u64>,
    /// A credit may not make us owe more of an asset than we hold.
    pub holdings_guard: bool,
    /// Personal records one person may read an hour.
    pub reads_per_hour: Option<u32>,
    /// Personal records all may read an hour.
    pub reads_per_hour_all: Option<u32>,
    /// Where a tripped wallet is swept to.
    pub sweep_to: Option<WalletIx>,
    /// Who bears an outflow first.
    pub loss_order: LossOrder,
    /// True where alarms trip the breaker. False is shadow mode: what would have tripped is recorded and nothing is
    /// halted by itself; a person's halt halts in either mode.
    pub breaker_armed: bool,
    /// Up to which amount a machine may pay claims, per asset; without a rule for the asset a person decides.
    pub auto_pay: Vec<AutoPay>,
}

/// A rule that lets a machine pay claims of one asset up to an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct AutoPay {
    /// The asset.
    pub asset: AssetIx,
    /// Largest payment, minor units, inclusive.
    pub up_to: u128,
}

impl Policy {
    /// Roles one of which an action of that class needs; empty when the policy names none (then nobody may).
    #[must_use]
    pub fn roles(&self, class: ActionClass) -> &[String] {
        self.authority
            .iter()
            .find(|(c, _)| *c == class)
            .map_or(&[], |(_, roles)| roles.as_slice())
    }

    /// Approvals that a withdrawal of `units` needs: those of the highest tier that it reaches.
    #[must_use]
    pub fn approvals(&self, asset: AssetIx, units: u128) -> u32 {
        let reached = self
            .tiers
            .iter()
            .filter(|t| t.asset == asset && t.from <= units);
        reached.max_by_key(|t| t.from).map_or(0, |t| t.approvals)
    }

    /// The largest amount of `asset` that a rule clears; `None` without a rule.
    #[must_use]
    pub fn clears_up_to(&self, asset: AssetIx) -> Option<u128> {
        self.clears
            .iter()
            .filter(|c| c.asset == asset)
            .map(|c| c.up_to)
            .max()
    }

    /// The largest payment of a claim in `asset` that a machine may make; zero without a rule.
    #[must_use]
    pub fn auto_pay_up_to(&self, asset: AssetIx) -> u128 {
        let rules = self.auto_pay.iter().filter(|rule| rule.asset == asset);
        rules.map(|rule| rule.up_to).max().unwrap_or(0)
    }

    /// The budget of that name.
    #[must_use]
    pub fn budget(&self, id: &str) -> Option<&Budget> {
        self.budgets.iter().find(|b| b.id == id)
    }

    /// The longest window of any cap, ms.
    #[must_use]
    pub fn longest_window_ms(&self) -> u64 {
        self.caps.iter().map(|c| c.window_ms).max().unwrap_or(0)
    }

    /// True if alarms trip the breaker: in a policy that says so, and before there is any policy at all.
    #[must_use]
    pub const fn trips(&self) -> bool {
        self.breaker_armed || self.version == 0
    }

    /// True if `next` is nowhere looser than this policy. Caps and the arming of the breaker are compared; any other
    /// difference counts as looser, because unknown is looser.
    #[must_use]
    pub fn only_tightened_by(&self, next: &Self) -> bool {
        if self.breaker_armed && !next.breaker_armed {
            return false;
        }
        let mut same = next.clone();
        same.caps.clone_from(&self.caps);
        same.version = self.version;
        same.breaker_armed = self.breaker_armed;
        let caps_kept = self.caps.iter().all(|old| {
            next.caps
                .iter()
                .any(|new| new.window_ms == old.window_ms && new.bps <= old.bps)
        });
        same == *self && caps_kept
    }
}

/// What a campaign's credits add up to so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct BudgetUse {
    /// All credits, minor units.
    pub total: u128,
    /// Credits by customer, minor units.
    pub by_customer: alloc::collections::BTreeMap<OwnerIx, u128>,
}
