//! The case: awareness, facts, duties and their clocks.
//!
//! Two moments are kept apart. The *working start* is the first awareness recorded and never moves; it drives the
//! clocks here. Every later awareness is one more candidate with its own due times beside the first.

pub mod clock;

use crate::redress::Loss;
use crate::registry::{ActorIx, AssetIx, WalletIx};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use clock::{Clock, Duty};

/// What an alarm is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AlarmCode {
    /// Value left without a clearance.
    UnmatchedOutflow = 1,
    /// Power over a wallet was given away.
    AuthorityChanged = 2,
    /// A signer was asked for bytes that are not the clearance.
    PayloadMismatch = 3,
    /// A cap held a request.
    CapHit = 4,
    /// Something was credited, or was about to be, without entitlement.
    MisCredit = 5,
    /// The books owe more than the wallets hold.
    ReconcileGap = 6,
    /// Nodes report different things.
    NodeDisagreement = 7,
    /// A node falls behind.
    NodeLag = 8,
    /// A reorganisation took back a credited deposit that was spent.
    ReorgLoss = 9,
    /// Personal records are read in bulk.
    BulkRead = 10,
    /// A signer asks that does not run the attested guard.
    GuardUnattested = 11,
    /// A change that raises risk was proposed.
    AdminRiskChange = 12,
    /// Somebody used a role that ended.
    RoleStale = 13,
    /// A destination looks like a known address.
    Lookalike = 14,
    /// A duty's clock is past half, three quarters or nine tenths of its time.
    ClockDueSoon = 15,
    /// A duty's time is over.
    ClockMissed = 16,
    /// The wall clock jumped.
    ClockJump = 17,
    /// Somebody pays into a retired wallet.
    RetiredDeposit = 18,
    /// A price is zero or outside its band.
    PriceBad = 19,
    /// Sealed keys were used.
    BreakGlass = 20,
    /// Somebody asks to replace a person's credentials.
    CredentialReset = 21,
    /// A sign-in or an approval looks wrong.
    FindingRaised = 22,
    /// One person suspended another.
    PersonSuspended = 23,
}

/// How loud an alarm is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Severity {
    /// To be looked at.
    Info = 1,
    /// To be looked at today.
    Warning = 2,
    /// Wakes people; counts as awareness by itself.
    Critical = 3,
}

impl AlarmCode {
    /// How loud it is; fixed by kind, never by amount: one stolen unit is as loud as a million.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::UnmatchedOutflow
            | Self::AuthorityChanged
            | Self::PayloadMismatch
            | Self::MisCredit
            | Self::ReconcileGap
            | Self::ReorgLoss
            | Self::BulkRead
            | Self::GuardUnattested
            | Self::AdminRiskChange
            | Self::ClockMissed
            | Self::RetiredDeposit
            | Self::BreakGlass
            | Self::CredentialReset
            | Self::PersonSuspended => Severity::Critical,
            Self::CapHit
            | Self::NodeDisagreement
            | Self::NodeLag
            | Self::RoleStale
            | Self::Lookalike
            | Self::ClockDueSoon
            | Self::ClockJump
            | Self::PriceBad
            | Self::FindingRaised => Severity::Warning,
        }
    }

    /// Stable public code, lower snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnmatchedOutflow => "unmatched_outflow",
            Self::AuthorityChanged => "authority_changed",
            Self::PayloadMismatch => "payload_mismatch",
            Self::CapHit => "cap_hit",
            Self::MisCredit => "mis_credit",
            Self::ReconcileGap => "reconcile_gap",
            Self::NodeDisagreement => "node_disagreement",
            Self::NodeLag => "node_lag",
            Self::ReorgLoss => "reorg_loss",
            Self::BulkRead => "bulk_read",
            Self::GuardUnattested => "guard_unattested",
            Self::AdminRiskChange => "admin_risk_change",
            Self::RoleStale => "role_stale",
            Self::Lookalike => "lookalike",
            Self::ClockDueSoon => "clock_due_soon",
            Self::ClockMissed => "clock_missed",
            Self::ClockJump => "clock_jump",
            Self::RetiredDeposit => "retired_deposit",
            Self::PriceBad => "price_bad",
            Self::BreakGlass => "break_glass",
            Self::CredentialReset => "credential_reset",
            Self::FindingRaised => "finding_raised",
            Self::PersonSuspended => "person_suspended",
        }
    }
}

/// An alarm as it was raised.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Alarm {
    /// When, ms.
    pub at: u64,
    /// What about.
    pub code: AlarmCode,
    /// What it names: a wallet, a request, a node.
    pub subject: String,
}

/// What an incident is about; a new alarm of the same cause joins the open one.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Cause {
    /// A wallet of ours.
    Wallet(WalletIx) = 1,
    /// The ledger was changed behind the guard.
    Ledger = 2,
    /// The signer of a request.
    Signing(WalletIx) = 3,
    /// A person opened it; no alarm joins it.
    Person = 4,
    /// A signer that named no wallet of ours.
    Signer = 5,
}

/// One candidate for awareness.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Awareness {
    /// When, ms.
    pub at: u64,
    /// Who; `None` is the system itself, by a critical alarm.
    pub by: Option<ActorIx>,
}

/// A fact of the case.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Fact {
    /// When the journal heard of it, ms.
    pub at: u64,
    /// When it is said to have happened, ms.
    pub occurred: u64,
    /// The fact in words.
    pub text: String,
    /// Who says so; empty where the exchange itself does.
    pub source: String,
    /// True for a newly confirmed material fact: it starts the clocks of supplements.
    pub material: bool,
}

/// Stolen value that somebody froze.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Freeze {
    /// When the journal heard of it, ms.
    pub at: u64,
    /// Who froze it.
    pub by: String,
    /// The asset, where it is known.
    pub asset: Option<AssetIx>,
    /// How much of it, minor units, where it is known.
    pub units: Option<u128>,
    /// Its value in minor units of the quote asset at the source's price, where only that is known.
    pub value: Option<u128>,
    /// Who says so.
    pub source: String,
}

/// A case.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Incident {
    /// When it was opened, ms.
    pub opened: u64,
    /// The command (its outside id) that opened it.
    pub opened_by: String,
    /// What it is about.
    pub cause: Cause,
    /// Awareness, the first one first; it never moves.
    pub awareness: Vec<Awareness>,
    /// Classifications: when (ms), who, level.
    pub classified: Vec<(u64, ActorIx, String)>,
    /// Facts in order of record.
    pub facts: Vec<Fact>,
    /// Clocks in order of start.
    pub clocks: Vec<Clock>,
    /// Losses by asset.
    pub losses: BTreeMap<AssetIx, Loss>,
    /// What was frozen.
    pub freezes: Vec<Freeze>,
}

impl Incident {
    /// The first awareness, ms: the working start.
    #[must_use]
    pub fn aware(&self) -> Option<u64> {
        self.awareness.first().map(|a| a.at)
    }
}

/// All cases, the duties that they start, and all alarms.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Incidents {
    /// Duties that a case starts clocks for.
    pub duties: Vec<Duty>,
    /// Cases in order of opening: `inc-1`, `inc-2`, ...
    pub cases: Vec<Incident>,
    /// Alarms in order.
    pub alarms: Vec<Alarm>,
}

/// The name of a case by its place.
#[must_use]
pub fn incident_id(place: usize) -> String {
    format!("inc-{}", place.saturating_add(1))
}

impl Incidents {
    /// Place of the case of that name.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<usize> {
        let number: usize = id.strip_prefix("inc-")?.parse().ok()?;
        let place = number.checked_sub(1)?;
        (place < self.cases.len() && incident_id(place) == id).then_some(place)
    }
    /// The case of that name.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&Incident> {
        self.cases.get(self.place(id)?)
    }
    /// The open case with that cause.
    #[must_use]
    pub fn open_for(&self, cause: &Cause) -> Option<usize> {
        self.cases.iter().position(|c| c.cause == *cause)
    }
}
