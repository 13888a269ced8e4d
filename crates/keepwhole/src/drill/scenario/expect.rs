//! Everything a story can demand.

use std::collections::BTreeMap;

use super::code::{
    AlertCode, BreakerState, ClockState, JournalState, Outcome, Proof, Reason, ServiceState,
    Severity,
};
use super::event::Scope;

/// One demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The line of the file it starts on.
    pub line: usize,
    /// What must be true.
    pub kind: ExpectKind,
}

/// What must be true.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the keys of the scenario format, under their own names"
)]
pub enum ExpectKind {
    /// The reply to the `nth` sending of an event, or its state at the end.
    Outcome {
        event: String,
        result: Outcome,
        reason: Option<Reason>,
        nth: u32,
        at_end: bool,
    },
    /// Raised in `[after, after + within]`; with `count`, exactly that often over the whole file.
    Alert {
        code: AlertCode,
        after: String,
        within: u64,
        severity: Severity,
        count: Option<u64>,
    },
    /// Never raised.
    NoAlert { code: AlertCode },
    /// A breaker is in that state within that time.
    Breaker {
        scope: Scope,
        state: BreakerState,
        after: String,
        within: u64,
    },
    /// Exactly one incident, opened by that event.
    Incident {
        id: String,
        opened_by: String,
        count: Option<u64>,
    },
    /// Exact shares of a loss.
    Loss {
        incident: String,
        asset: String,
        total: u128,
        company: u128,
        customers: BTreeMap<String, u128>,
    },
    /// A ledger balance at the end.
    Balance {
        holder: String,
        asset: String,
        amount: u128,
    },
    /// What the chain is seen to hold at the end.
    Wallet {
        id: String,
        asset: String,
        amount: u128,
    },
    /// Where a clock stands at the end.
    Clock {
        clock: String,
        incident: String,
        due: u64,
        state: ClockState,
        met_at: Option<u64>,
    },
    /// What a claim got.
    Redress {
        claim: String,
        result: Outcome,
        asset: String,
        amount: u128,
        proof: Option<Proof>,
        reason: Option<Reason>,
    },
    /// Where a holder stands at the end.
    MadeWhole {
        incident: String,
        holder: String,
        asset: String,
        lost: u128,
        restored: u128,
        outstanding: u128,
    },
    /// The records read without or beyond right.
    Exposed { customers: Vec<String> },
    /// The tainted part of an address.
    Trace {
        address: String,
        asset: String,
        tainted: u128,
    },
    /// What a check of the journal finds.
    Journal {
        verify: JournalState,
        first_bad: Option<u64>,
        events_lost: Option<u64>,
        unacked_max: Option<u64>,
        duplicates: Option<u64>,
    },
    /// What the service can do after an event.
    Service {
        event: String,
        state: ServiceState,
        rss_max_bytes: Option<u64>,
        within: Option<u64>,
    },
    /// What an import did.
    Import {
        event: String,
        applied: u64,
        rejected: u64,
        bad_lines: Option<Vec<u64>>,
    },
}

/// Every kind of demand, in the order of [`ExpectKind`].
pub const EXPECT_KINDS: &[&str] = &[
    "outcome",
    "alert",
    "no_alert",
    "breaker",
    "incident",
    "loss",
    "balance",
    "wallet",
    "clock",
    "redress",
    "made_whole",
    "exposed",
    "trace",
    "journal",
    "service",
    "import",
];

impl ExpectKind {
    /// The word of `kind` in a file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Outcome { .. } => "outcome",
            Self::Alert { .. } => "alert",
            Self::NoAlert { .. } => "no_alert",
            Self::Breaker { .. } => "breaker",
            Self::Incident { .. } => "incident",
            Self::Loss { .. } => "loss",
            Self::Balance { .. } => "balance",
            Self::Wallet { .. } => "wallet",
            Self::Clock { .. } => "clock",
            Self::Redress { .. } => "redress",
            Self::MadeWhole { .. } => "made_whole",
            Self::Exposed { .. } => "exposed",
            Self::Trace { .. } => "trace",
            Self::Journal { .. } => "journal",
            Self::Service { .. } => "service",
            Self::Import { .. } => "import",
        }
    }
}
