//! Policy: everything that changes a decision and is not law. It enters by a command and is versioned in the journal.
//!
//! There is no default that clears: a withdrawal or transfer is cleared only if a rule says so, which is a [`rule::Rule`]
//! that clears or asks for approvals, or its short form [`Clear`]. All rules run and the strictest outcome wins.

pub mod direction;
pub mod field;
pub mod figures;
pub mod judge;
mod plan;
pub mod rule;
mod space;
pub mod value;
pub mod vector;

use crate::registry::{AssetIx, OwnerIx, PersonIx, Registry, WalletIx};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use field::{Field, Members, Unit};
use rule::{Fault, Outcome, Rule, Rules, Test};

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

/// Limits of a budget beyond its own amounts: its sanity band in the reference currency, and what one person may ask for.
/// A value that can't be told holds the batch.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct BudgetBand {
    /// Name of the budget.
    pub budget: String,
    /// Greatest value of one line, minor units of the reference currency, inclusive.
    pub line_value: Option<u128>,
    /// Greatest value of one batch, minor units of the reference currency, inclusive.
    pub batch_value: Option<u128>,
    /// All credits that one person asked for together, minor units of the budget's asset, inclusive.
    pub per_requester: Option<u128>,
}

/// The rules in force.
///
/// Stored form: the fields in order up to `auto_pay`; where one of the later fields says something, the version's highest
/// bit is set and they follow. So a policy without them has the bytes that it always had.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
    /// Rules of the typed language, in order.
    pub rules: Rules,
    /// Currency in which values are told; rules and bands that look at a value need one.
    pub reference: Option<AssetIx>,
    /// Sanity bands of budgets.
    pub bands: Vec<BudgetBand>,
    /// How long a request collects its approvals, ms; then it is refused.
    pub collection_ms: Option<u64>,
    /// How long a clearance that needed approvals holds at most after the last approval and its delay, ms.
    pub execution_ms: Option<u64>,
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

    /// The largest amount of `asset` that a rule with a limit clears, with approvals or without; zero without one.
    #[must_use]
    pub fn largest_cleared(&self, asset: AssetIx) -> u128 {
        let limit = |rule: &Rule| {
            let of = rule.when.iter().find(|c| c.field == Field::Amount(asset));
            match of.map(|condition| &condition.test) {
                Some(Test::Below(limit)) => limit.saturating_sub(1),
                Some(Test::Equals(limit)) => *limit,
                _ => 0,
            }
        };
        let allow = |rule: &&Rule| matches!(rule.then, Outcome::Clear | Outcome::Approve(_));
        let by_rules = self.rules.iter().filter(allow).map(limit).max();
        let short = self.clears_up_to(asset).unwrap_or(0);
        by_rules.map_or(short, |most| most.max(short))
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

    /// The sanity band of the budget of that name.
    #[must_use]
    pub fn band(&self, budget: &str) -> Option<&BudgetBand> {
        self.bands.iter().find(|band| band.budget == budget)
    }

    /// What keeps the policy from being adopted; `None` where nothing does. It asks only what any policy must be to be
    /// judged by; what is unwise is not its matter.
    #[must_use]
    pub fn fault(&self, registry: &Registry) -> Option<Fault> {
        let known = |asset: AssetIx| asset.place() < registry.assets.len();
        for band in &self.bands {
            let same = self
                .bands
                .iter()
                .filter(|other| other.budget == band.budget);
            if self.budget(&band.budget).is_none() || same.count() > 1 {
                return Some(Fault::Band {
                    budget: band.budget.clone(),
                });
            }
        }
        if self.reference.is_some_and(|asset| !known(asset)) {
            return Some(Fault::Unregistered {
                rule: String::new(),
                field: "reference",
            });
        }
        let banded = |band: &BudgetBand| band.line_value.is_some() || band.batch_value.is_some();
        let valued = |field: &Field| {
            field.unit() == Unit::Reference || matches!(field, Field::PriceAge | Field::PriceMove)
        };
        if self.reference.is_none()
            && (self.bands.iter().any(banded) || self.rules.figures().iter().any(valued))
        {
            return Some(Fault::NoReference);
        }
        self.rules.fault().or_else(|| {
            self.rules
                .iter()
                .find_map(|rule| self.unregistered(rule, registry))
        })
    }

    fn unregistered(&self, rule: &Rule, registry: &Registry) -> Option<Fault> {
        let known = |asset: &AssetIx| asset.place() < registry.assets.len();
        let network = |name: &String| {
            let mut assets = registry.assets.iter();
            assets.any(|asset| asset.network.as_ref() == Some(name))
        };
        let stranger = rule.when.iter().find(|condition| {
            let unit_known = match condition.field.unit() {
                Unit::Minor(asset) => known(&asset),
                _ => true,
            };
            let members_known = match &condition.test {
                Test::In(Members::Assets(list)) => list.iter().all(known),
                Test::In(Members::Networks(list)) => list.iter().all(network),
                Test::In(Members::Wallets(list)) => list
                    .iter()
                    .all(|wallet| wallet.place() < registry.wallets.len()),
                Test::In(Members::Campaigns(list)) => {
                    list.iter().all(|name| self.budget(name).is_some())
                }
                _ => true,
            };
            !(unit_known && members_known)
        });
        stranger.map(|condition| Fault::Unregistered {
            rule: rule.id.clone(),
            field: condition.field.word(),
        })
    }

    /// True where one of the later fields says something.
    fn says_more(&self) -> bool {
        !(self.rules.is_empty()
            && self.reference.is_none()
            && self.bands.is_empty()
            && self.collection_ms.is_none()
            && self.execution_ms.is_none())
    }

    /// True if alarms trip the breaker: in a policy that says so, and before there is any policy at all.
    #[must_use]
    pub const fn trips(&self) -> bool {
        self.breaker_armed || self.version == 0
    }

    /// True if `next` is nowhere looser than this policy ([`direction::differences`]).
    #[must_use]
    pub fn only_tightened_by(&self, next: &Self) -> bool {
        let differ = direction::differences(self, next);
        differ.iter().all(|one| one.way == direction::Way::Tighter)
    }
}

/// What a campaign's credits add up to so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct BudgetUse {
    /// All credits, minor units.
    pub total: u128,
    /// Credits by customer, minor units.
    pub by_customer: alloc::collections::BTreeMap<OwnerIx, u128>,
    /// Credits by the person who asked, minor units.
    pub by_person: alloc::collections::BTreeMap<PersonIx, u128>,
}

/// Bit of the stored version that says that the later fields follow.
const EXTENDED: u32 = 1 << 31;

/// The later fields, as they are stored.
#[derive(PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
struct Extension {
    rules: Rules,
    reference: Option<AssetIx>,
    bands: Vec<BudgetBand>,
    collection_ms: Option<u64>,
    execution_ms: Option<u64>,
}

impl BorshSerialize for Policy {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        let later = self.says_more();
        let bit = if later { EXTENDED } else { 0 };
        ((self.version & !EXTENDED) | bit).serialize(writer)?;
        self.authority.serialize(writer)?;
        self.clears.serialize(writer)?;
        self.caps.serialize(writer)?;
        self.tiers.serialize(writer)?;
        self.budgets.serialize(writer)?;
        self.allowlist.serialize(writer)?;
        self.destination_cool_off_ms.serialize(writer)?;
        self.approval_ttl_ms.serialize(writer)?;
        self.clearance_ttl_ms.serialize(writer)?;
        self.change_cool_off_ms.serialize(writer)?;
        self.change_approvals.serialize(writer)?;
        self.ops_allowed.serialize(writer)?;
        self.attested.serialize(writer)?;
        self.price_max_age_ms.serialize(writer)?;
        self.price_band_bps.serialize(writer)?;
        self.nodes.serialize(writer)?;
        self.node_quorum.serialize(writer)?;
        self.node_max_lag_ms.serialize(writer)?;
        self.holdings_guard.serialize(writer)?;
        self.reads_per_hour.serialize(writer)?;
        self.reads_per_hour_all.serialize(writer)?;
        self.sweep_to.serialize(writer)?;
        self.loss_order.serialize(writer)?;
        self.breaker_armed.serialize(writer)?;
        self.auto_pay.serialize(writer)?;
        if later {
            self.rules.serialize(writer)?;
            self.reference.serialize(writer)?;
            self.bands.serialize(writer)?;
            self.collection_ms.serialize(writer)?;
            self.execution_ms.serialize(writer)?;
        }
        Ok(())
    }
}

impl BorshDeserialize for Policy {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        fn read<T: BorshDeserialize, R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<T> {
            T::deserialize_reader(reader)
        }
        let version: u32 = read(reader)?;
        let mut policy = Self {
            version: version & !EXTENDED,
            authority: read(reader)?,
            clears: read(reader)?,
            caps: read(reader)?,
            tiers: read(reader)?,
            budgets: read(reader)?,
            allowlist: read(reader)?,
            destination_cool_off_ms: read(reader)?,
            approval_ttl_ms: read(reader)?,
            clearance_ttl_ms: read(reader)?,
            change_cool_off_ms: read(reader)?,
            change_approvals: read(reader)?,
            ops_allowed: read(reader)?,
            attested: read(reader)?,
            price_max_age_ms: read(reader)?,
            price_band_bps: read(reader)?,
            nodes: read(reader)?,
            node_quorum: read(reader)?,
            node_max_lag_ms: read(reader)?,
            holdings_guard: read(reader)?,
            reads_per_hour: read(reader)?,
            reads_per_hour_all: read(reader)?,
            sweep_to: read(reader)?,
            loss_order: read(reader)?,
            breaker_armed: read(reader)?,
            auto_pay: read(reader)?,
            ..Self::default()
        };
        if version & EXTENDED != 0 {
            let later: Extension = read(reader)?;
            if later == Extension::default() {
                return Err(borsh::io::ErrorKind::InvalidData.into());
            }
            policy.rules = later.rules;
            policy.reference = later.reference;
            policy.bands = later.bands;
            policy.collection_ms = later.collection_ms;
            policy.execution_ms = later.execution_ms;
        }
        Ok(policy)
    }
}
