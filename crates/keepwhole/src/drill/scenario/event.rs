//! Everything that can happen in a story.

use super::code::{
    Cause, CrashPoint, Direction, FaultKind, ImportFormat, NodeCondition, Op, Outcome, PolicyKey,
    Role, TamperOp, TamperTarget,
};
use super::scalar::{Hash, Written};

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The line of the file it starts on.
    pub line: usize,
    /// When.
    pub at: u64,
    /// Its id, where it has one; the same id again is a retry.
    pub id: Option<String>,
    /// What.
    pub kind: EventKind,
}

/// A movement to one customer, of a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLine {
    /// To whom.
    pub customer: String,
    /// What.
    pub asset: String,
    /// How much.
    pub amount: Written,
}

/// What an approver says the request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binds {
    /// The destination.
    pub to: String,
    /// The asset.
    pub asset: String,
    /// The amount.
    pub amount: Written,
}

/// An approval or a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The event that asked.
    pub target: String,
    /// Who answers.
    pub actor: String,
    /// Used once per person.
    pub nonce: String,
    /// What the answer is bound to.
    pub binds: Option<Binds>,
    /// What the screen showed.
    pub seen: Option<Hash>,
}

/// One operation of a payload to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadOp {
    /// What it does.
    pub op: Op,
    /// To whom.
    pub to: String,
    /// Of what.
    pub asset: String,
    /// How much.
    pub amount: Written,
    /// What a `multicall` carries.
    pub inner: Vec<PayloadOp>,
}

/// One node's report of a movement of one of our wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The reporting node.
    pub node: String,
    /// Our wallet.
    pub wallet: String,
    /// The transaction.
    pub txid: String,
    /// Into or out of the wallet.
    pub dir: Direction,
    /// What.
    pub asset: String,
    /// How much; `0` with peer `none` only moves the node's tip.
    pub amount: Written,
    /// The other side's address.
    pub peer: String,
    /// The block.
    pub height: u64,
    /// Whether the wallet's authority was changed.
    pub authority: bool,
}

/// A claim of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who claims.
    pub customer: String,
    /// For what incident.
    pub incident: String,
    /// The asset to be paid.
    pub asset: String,
    /// The amount claimed.
    pub amount: Written,
    /// What could not be traded.
    pub base: Option<String>,
    /// How much of it.
    pub qty: Option<Written>,
    /// At what price it would have been.
    pub wanted_price: Option<Written>,
    /// The ground of a claim for a lost balance.
    pub basis: Option<String>,
}

/// A step in administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A policy key gets another value.
    SetPolicy {
        /// Which key.
        key: PolicyKey,
        /// As text.
        value: String,
    },
    /// A role is given.
    Grant {
        /// Which role.
        role: Role,
        /// To which account.
        to: String,
        /// Until when.
        expires: u64,
    },
    /// All roles are taken.
    Revoke {
        /// From which account.
        to: String,
    },
    /// The watch is switched off.
    DisableWatch,
    /// A destination is added.
    AllowlistAdd {
        /// Its address.
        address: String,
    },
    /// Somebody tries to move the awareness of an incident.
    SetAwareness {
        /// Which incident.
        incident: String,
        /// To when.
        to: u64,
    },
    /// A wallet's key is known to others.
    KeyCompromised {
        /// Which wallet.
        wallet: String,
    },
    /// Nothing may leave a scope.
    Halt {
        /// Which scope.
        scope: Scope,
    },
    /// A halt ends.
    Resume {
        /// Which scope.
        scope: Scope,
    },
}

impl Change {
    /// The word of `change` in a file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SetPolicy { .. } => "set_policy",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
            Self::DisableWatch => "disable_watch",
            Self::AllowlistAdd { .. } => "allowlist_add",
            Self::SetAwareness { .. } => "set_awareness",
            Self::KeyCompromised { .. } => "key_compromised",
            Self::Halt { .. } => "halt",
            Self::Resume { .. } => "resume",
        }
    }
}

/// What a halt or breaker covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One wallet.
    Wallet(String),
    /// One asset (`asset:<id>`).
    Asset(String),
    /// Trading, credits and pays.
    Trading,
    /// Everything.
    All,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wallet(id) => f.write_str(id),
            Self::Asset(id) => write!(f, "asset:{id}"),
            Self::Trading => f.write_str("trading"),
            Self::All => f.write_str("all"),
        }
    }
}

/// Where the rows of an import come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// They stand in the file.
    Text(String),
    /// They are made.
    Generate {
        /// How many.
        rows: u64,
        /// Which one is bad; 0 for none.
        bad_at: u64,
        /// At which one the process is killed; 0 for never.
        kill_at: u64,
    },
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the keys of the scenario format, under their own names"
)]
pub enum EventKind {
    /// The exchange claims that a deposit arrived.
    CustomerDeposit {
        customer: String,
        asset: String,
        amount: Written,
        txid: String,
        wallet: String,
    },
    /// Between own wallets.
    InternalTransfer {
        from: String,
        to: String,
        asset: String,
        amount: Written,
    },
    /// A fact from the matching engine.
    Trade {
        buyer: String,
        seller: String,
        base: String,
        quote: String,
        amount: Written,
        price: Written,
    },
    /// A ledger credit: all lines or none.
    Credit {
        actor: String,
        reason: String,
        budget: String,
        lines: Vec<CreditLine>,
    },
    /// A ledger row found without a decision.
    LedgerObserved {
        customer: String,
        asset: String,
        amount: Written,
        cause: Cause,
    },
    /// A customer, or the company, wants to withdraw.
    WithdrawalRequest {
        customer: String,
        wallet: String,
        asset: String,
        amount: Written,
        to: String,
        actor: Option<String>,
    },
    /// Somebody approves.
    Approve(Vote),
    /// Somebody refuses to.
    Reject(Vote),
    /// The signer asks whether it may sign.
    SignRequest {
        clearance_of: String,
        ops: Vec<PayloadOp>,
        key: Option<String>,
        attested: Option<Hash>,
    },
    /// A node reports a movement.
    ChainObserved(Observation),
    /// A node replaced blocks.
    ChainReorg {
        node: String,
        height: u64,
        dropped: Vec<String>,
    },
    /// A node changes its ways.
    NodeState {
        node: String,
        state: NodeCondition,
        lag: Option<u64>,
    },
    /// A price is seen.
    Price {
        base: String,
        quote: String,
        price: Written,
        source: String,
    },
    /// Somebody wants to change the administration.
    AdminChange { actor: String, change: Change },
    /// A second administrator agrees.
    AdminApprove { target: String, actor: String },
    /// An administrator takes it back.
    AdminCancel { target: String, actor: String },
    /// Somebody reads a personal record.
    Read {
        actor: String,
        customer: String,
        purpose: String,
    },
    /// A person becomes aware of an incident.
    Aware { incident: String, actor: String },
    /// An incident is given its level.
    Classify {
        incident: String,
        actor: String,
        level: String,
    },
    /// Something new is known.
    NewFact { incident: String, fact: String },
    /// Proof that an authority was told.
    Notify {
        incident: String,
        clock: String,
        actor: String,
        receipt: String,
    },
    /// A movement outside our wallets.
    TransferSeen {
        txid: String,
        from: String,
        to: String,
        asset: String,
        amount: Written,
    },
    /// Another exchange is asked to freeze.
    FreezeRequest {
        address: String,
        asset: String,
        amount: Written,
        to: String,
    },
    /// It answers.
    FreezeReply {
        of: String,
        result: Outcome,
        amount: Written,
    },
    /// Value came back.
    Recovered {
        incident: String,
        asset: String,
        amount: Written,
    },
    /// A customer claims.
    RedressClaim(Claim),
    /// A claim is paid.
    RedressPay {
        claim: String,
        actor: String,
        nonce: String,
    },
    /// Rows arrive.
    Import { format: ImportFormat, rows: Rows },
    /// An outsider's raw request.
    Http {
        method: String,
        path: String,
        body_bytes: u64,
        body: Option<String>,
        depth: Option<u64>,
        slow_bps: Option<u64>,
    },
    /// A customer's records are to be erased.
    Erase {
        customer: String,
        actor: String,
        approver: String,
    },
    /// Files were changed while the service was stopped.
    Tamper {
        target: TamperTarget,
        op: TamperOp,
        seq: Option<u64>,
        seq2: Option<u64>,
    },
    /// Something breaks.
    Fault {
        what: FaultKind,
        by: Option<i64>,
        point: Option<CrashPoint>,
    },
    /// The process is killed, now or at a point of the next event.
    Crash { point: Option<CrashPoint> },
    /// It starts again.
    Restart { version: Option<String> },
    /// The journal is checked against the last witnessed checkpoint.
    Verify,
    /// The evidence bundle is written.
    Export,
    /// Time passes.
    Advance,
}

/// Every kind of event, in the order of [`EventKind`].
pub const EVENT_KINDS: &[&str] = &[
    "customer_deposit",
    "internal_transfer",
    "trade",
    "credit",
    "ledger_observed",
    "withdrawal_request",
    "approve",
    "reject",
    "sign_request",
    "chain_observed",
    "chain_reorg",
    "node_state",
    "price",
    "admin_change",
    "admin_approve",
    "admin_cancel",
    "read",
    "aware",
    "classify",
    "new_fact",
    "notify",
    "transfer_seen",
    "freeze_request",
    "freeze_reply",
    "recovered",
    "redress_claim",
    "redress_pay",
    "import",
    "http",
    "erase",
    "tamper",
    "fault",
    "crash",
    "restart",
    "verify",
    "export",
    "advance",
];

impl EventKind {
    /// The word of `kind` in a file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::CustomerDeposit { .. } => "customer_deposit",
            Self::InternalTransfer { .. } => "internal_transfer",
            Self::Trade { .. } => "trade",
            Self::Credit { .. } => "credit",
            Self::LedgerObserved { .. } => "ledger_observed",
            Self::WithdrawalRequest { .. } => "withdrawal_request",
            Self::Approve(_) => "approve",
            Self::Reject(_) => "reject",
            Self::SignRequest { .. } => "sign_request",
            Self::ChainObserved(_) => "chain_observed",
            Self::ChainReorg { .. } => "chain_reorg",
            Self::NodeState { .. } => "node_state",
            Self::Price { .. } => "price",
            Self::AdminChange { .. } => "admin_change",
            Self::AdminApprove { .. } => "admin_approve",
            Self::AdminCancel { .. } => "admin_cancel",
            Self::Read { .. } => "read",
            Self::Aware { .. } => "aware",
            Self::Classify { .. } => "classify",
            Self::NewFact { .. } => "new_fact",
            Self::Notify { .. } => "notify",
            Self::TransferSeen { .. } => "transfer_seen",
            Self::FreezeRequest { .. } => "freeze_request",
            Self::FreezeReply { .. } => "freeze_reply",
            Self::Recovered { .. } => "recovered",
            Self::RedressClaim(_) => "redress_claim",
            Self::RedressPay { .. } => "redress_pay",
            Self::Import { .. } => "import",
            Self::Http { .. } => "http",
            Self::Erase { .. } => "erase",
            Self::Tamper { .. } => "tamper",
            Self::Fault { .. } => "fault",
            Self::Crash { .. } => "crash",
            Self::Restart { .. } => "restart",
            Self::Verify => "verify",
            Self::Export => "export",
            Self::Advance => "advance",
        }
    }
}
