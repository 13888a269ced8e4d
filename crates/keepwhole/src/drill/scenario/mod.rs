//! A story in types: a small exchange, what happens at exact times, and what must then be true.
//!
//! The types mirror `keepwhole-scenario/1`. Times are milliseconds since 1970 (UTC), durations milliseconds, amounts
//! minor units of their asset, rates basis points.

pub mod code;
pub mod event;
pub mod expect;
pub mod scalar;

use std::collections::BTreeMap;

use code::{Category, LossOrder, Mode, Op, Role, Taint, WalletKind};
use event::Event;
use expect::Expect;
use scalar::Hash;

/// The value of `schema` in every file.
pub const SCHEMA: &str = "keepwhole-scenario/1";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The file's name without `.toml`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// The folder it belongs to.
    pub category: Category,
    /// Why the story matters.
    pub why: String,
    /// Free words; `raw-amounts` lets events carry bad amounts, assets and customers.
    pub tags: Vec<String>,
    /// The public case behind the story.
    pub inspired_by: Inspiration,
    /// The exchange before the first event.
    pub given: Given,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// What must be true.
    pub expect: Vec<Expect>,
}

/// The public case behind a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspiration {
    /// What happened, where, when.
    pub case: String,
    /// Where it can be read.
    pub source: String,
}

/// The exchange before the first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// When the virtual clock starts.
    pub start: u64,
    /// Whether the guard can refuse or only sees.
    pub mode: Mode,
    /// The ledger holder that is the exchange itself.
    pub company: String,
    /// Coins and money.
    pub assets: Vec<Asset>,
    /// Own wallets.
    pub wallets: Vec<Wallet>,
    /// Ledger holders.
    pub customers: Vec<Customer>,
    /// People and services that act.
    pub actors: Vec<Actor>,
    /// Prices known at the start.
    pub prices: Vec<Price>,
    /// Controls; an absent key means that control is off.
    pub policy: Policy,
    /// Notification clocks that run for every incident.
    pub clocks: Vec<Clock>,
}

/// A coin or a money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// For example `BTC`.
    pub id: String,
    /// Minor units of one whole: 10 to this power.
    pub decimals: u8,
    /// The chain it lives on; `None` for money.
    pub chain: Option<String>,
    /// Confirmations a deposit needs.
    pub confirmations: u32,
}

/// An own wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: WalletKind,
    /// Its address on the chain.
    pub address: String,
    /// What the chain is seen to hold, by asset.
    pub balance: BTreeMap<String, u128>,
}

/// A ledger holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: String,
    /// What is owed, by asset.
    pub balance: BTreeMap<String, u128>,
    /// When the relation ended.
    pub closed_at: Option<u64>,
}

/// An account that acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub id: String,
    /// The person behind it; two accounts may be one person.
    pub person: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// When all of that ends; at this instant it is over.
    pub expires: Option<u64>,
}

/// A price known at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// What is priced.
    pub base: String,
    /// In what.
    pub quote: String,
    /// Minor units of the quote for one whole base.
    pub price: u128,
    /// When it was true.
    pub at: u64,
}

/// Controls. `None`, an empty list or `false` means that the control is off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Outflow of a wallet per asset in any ten minutes, of its balance before the first.
    pub cap_10m_bps: Option<u16>,
    /// The same for any 24 hours.
    pub cap_24h_bps: Option<u16>,
    /// Whether destinations must be listed.
    pub allowlist: bool,
    /// How long a new destination waits.
    pub destination_cool_off: Option<u64>,
    /// How long an approval counts.
    pub approval_ttl: Option<u64>,
    /// How long a clearance may be redeemed.
    pub clearance_ttl: Option<u64>,
    /// How long a risk-raising change waits.
    pub cool_off: Option<u64>,
    /// How many administrators such a change needs.
    pub admin_approvals: Option<u32>,
    /// How long a customer's records are kept after the relation.
    pub retention: Option<u64>,
    /// Payload ops that may be signed; absent means `transfer`.
    pub ops_allowed: Option<Vec<Op>>,
    /// How old a price may be.
    pub price_max_age: Option<u64>,
    /// How far a price may lie from the last good one.
    pub price_band_bps: Option<u16>,
    /// Nodes that are asked.
    pub nodes: Vec<String>,
    /// How many of them must agree.
    pub node_quorum: Option<u32>,
    /// How far one may lie behind.
    pub node_max_lag: Option<u64>,
    /// Whether a credit may not make liabilities exceed verified holdings.
    pub holdings_guard: bool,
    /// Records one person may read in any hour.
    pub reads_per_hour: Option<u32>,
    /// Records all may read in any hour.
    pub reads_per_hour_all: Option<u32>,
    /// How soon an alert must be out; absent means ten seconds.
    pub alert_within: Option<u64>,
    /// The wallet that what is left is swept to.
    pub auto_sweep_to: Option<String>,
    /// How taint spreads.
    pub taint: Option<Taint>,
    /// From which tainted share a deposit is held.
    pub taint_hold_bps: Option<u16>,
    /// Who bears a loss first.
    pub loss_order: Option<LossOrder>,
    /// Largest claim a machine may pay.
    pub auto_pay_max: Option<u128>,
    /// The asset of that limit.
    pub auto_pay_asset: Option<String>,
    /// Largest request body.
    pub max_body_bytes: Option<u64>,
    /// The guard build and policy that the signer pins.
    pub attested: Option<Hash>,
    /// Approvals by amount.
    pub tiers: Vec<Tier>,
    /// Credit budgets.
    pub budgets: Vec<Budget>,
}

/// From an amount on, how many persons must approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Of what.
    pub asset: String,
    /// From this amount on.
    pub from: u128,
    /// Distinct persons, never the requester's.
    pub approvals: u32,
}

/// What may be credited for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its id.
    pub id: String,
    /// The only asset it pays.
    pub asset: String,
    /// In all.
    pub total: u128,
    /// To one customer.
    pub per_customer: u128,
    /// Distinct persons, never the requester's.
    pub approvals: u32,
}

/// A notification clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Its id.
    pub id: String,
    /// Who must be told.
    pub authority: String,
    /// From when it runs, and how long.
    pub rule: ClockRule,
}

/// From when a clock runs, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockRule {
    /// `d1` after awareness.
    FromAwareness {
        /// The term.
        d1: u64,
    },
    /// `d1` after classification, but at most `d2` after awareness.
    FromClassificationCapped {
        /// The term from classification.
        d1: u64,
        /// The cap from awareness.
        d2: u64,
    },
    /// `d1` after each new fact.
    FromSupplement {
        /// The term.
        d1: u64,
    },
    /// `d1` after the first accepted notification for another clock.
    FromInitial {
        /// The term.
        d1: u64,
        /// The other clock.
        of: String,
    },
}

impl Scenario {}
