//! The closed lists of the scenario format: every code a file may use, and nothing else.

/// A closed list of words: what is not on it makes a file invalid.
pub trait Code: Copy + Eq + Ord + 'static {
    /// What the list is called in messages, for example `alert code`.
    const LIST: &'static str;
    /// Every member, in the order of the format's description.
    const ALL: &'static [Self];
    /// The word as it stands in a file.
    fn word(self) -> &'static str;

    /// Reads one word.
    ///
    /// # Errors
    /// What is wrong and which words exist, when `text` is not on the list.
    fn from_word(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.word() == text)
            .ok_or_else(|| {
                let words: Vec<_> = Self::ALL
                    .iter()
                    .map(|code| format!("`{}`", code.word()))
                    .collect();
                format!("is no {}: use {}", Self::LIST, words.join(", "))
            })
    }
}

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident, $list:literal: $($member:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $member,)+
        }

        impl Code for $name {
            const LIST: &'static str = $list;
            const ALL: &'static [Self] = &[$(Self::$member,)+];

            fn word(self) -> &'static str {
                match self { $(Self::$member => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

closed_list! {
    /// The twelve folders of stories.
    Category, "category":
    Theft = "theft", Insider = "insider", MisCredit = "mis-credit", SigningKey = "signing-key",
    AdminTakeover = "admin-takeover", SigningUi = "signing-ui", Laundering = "laundering",
    Notification = "notification", Redress = "redress", Audit = "audit", BadInput = "bad-input", Fault = "fault",
}

closed_list! {
    /// Whether the guard stands before the signer (`cosign`) or only sees (`watch`).
    Mode, "mode": Cosign = "cosign", Watch = "watch",
}

closed_list! {
    /// What a wallet is for.
    WalletKind, "wallet kind":
    Hot = "hot", Warm = "warm", Cold = "cold", Deposit = "deposit", Operational = "operational",
}

closed_list! {
    /// What an actor may do.
    Role, "role":
    Requester = "requester", Approver = "approver", Admin = "admin", Security = "security", Reader = "reader",
    Auditor = "auditor", Compliance = "compliance", Signer = "signer", Service = "service",
}

closed_list! {
    /// What a payload to be signed does.
    Op, "payload op":
    Transfer = "transfer", Unstake = "unstake", SetAuthority = "set_authority", Delegatecall = "delegatecall",
    Upgrade = "upgrade", Multicall = "multicall",
}

closed_list! {
    /// How tainted units leave a mixed address.
    Taint, "taint rule": Haircut = "haircut", Fifo = "fifo",
}

closed_list! {
    /// Who bears a loss first.
    LossOrder, "loss order": ProRata = "pro_rata", CompanyFirst = "company_first",
}

closed_list! {
    /// Into or out of one of our wallets.
    Direction, "direction": In = "in", Out = "out",
}

closed_list! {
    /// Which way an observed ledger row went.
    Cause, "cause": Credit = "credit", Debit = "debit",
}

closed_list! {
    /// How a node behaves.
    NodeCondition, "node state": Up = "up", Down = "down", Lagging = "lagging", Lying = "lying",
}

closed_list! {
    /// How rows arrive.
    ImportFormat, "import format": Csv = "csv",
}

closed_list! {
    /// Which file somebody changed while the service was stopped.
    TamperTarget, "tamper target":
    Journal = "journal", Checkpoint = "checkpoint", Policy = "policy", Binary = "binary",
}

closed_list! {
    /// How somebody changed it.
    TamperOp, "tamper op": Flip = "flip", Delete = "delete", Swap = "swap", Truncate = "truncate", Replace = "replace",
}

closed_list! {
    /// What breaks.
    FaultKind, "fault":
    DiskFull = "disk_full", FsyncEio = "fsync_eio", TornWrite = "torn_write", ClockJump = "clock_jump", Oom = "oom",
    SecondWriter = "second_writer",
}

closed_list! {
    /// The moment in the write path at which the process is killed.
    CrashPoint, "crash point":
    BeforeAppend = "before_append", AfterAppend = "after_append", AfterFsync = "after_fsync",
    BeforeReply = "before_reply", MidBatch = "mid_batch",
}

closed_list! {
    /// The reply to an event.
    Outcome, "result":
    Allowed = "allowed", Denied = "denied", Held = "held", Accepted = "accepted", Duplicate = "duplicate",
    Rejected = "rejected", Pending = "pending", Expired = "expired", Partial = "partial",
    RefusedStart = "refused_start",
}

closed_list! {
    /// How bad an alert is.
    Severity, "severity": Info = "info", Warning = "warning", Critical = "critical",
}

closed_list! {
    /// Whether a breaker holds.
    BreakerState, "breaker state": Tripped = "tripped", Closed = "closed",
}

closed_list! {
    /// Where a notification clock stands.
    ClockState, "clock state": Open = "open", Met = "met", Missed = "missed",
}

closed_list! {
    /// What a check of the journal against the last witnessed checkpoint finds.
    JournalState, "journal state": Ok = "ok", Broken = "broken", Truncated = "truncated", Forked = "forked",
}

closed_list! {
    /// What the service can do.
    ServiceState, "service state":
    Ready = "ready", Readonly = "readonly", Stopped = "stopped", Halted = "halted",
}

closed_list! {
    /// Whether a customer's proof checks offline.
    Proof, "proof result": Verifies = "verifies",
}

closed_list! {
    /// The keys of `given.policy` that one `set_policy` may name.
    PolicyKey, "policy key":
    Cap10mBps = "cap_10m_bps", Cap24hBps = "cap_24h_bps", Allowlist = "allowlist",
    DestinationCoolOff = "destination_cool_off", ApprovalTtl = "approval_ttl", ClearanceTtl = "clearance_ttl",
    CoolOff = "cool_off", AdminApprovals = "admin_approvals", Retention = "retention", OpsAllowed = "ops_allowed",
    PriceMaxAge = "price_max_age", PriceBandBps = "price_band_bps", Nodes = "nodes", NodeQuorum = "node_quorum",
    NodeMaxLag = "node_max_lag", HoldingsGuard = "holdings_guard", ReadsPerHour = "reads_per_hour",
    ReadsPerHourAll = "reads_per_hour_all", AlertWithin = "alert_within", AutoSweepTo = "auto_sweep_to",
    Taint = "taint", TaintHoldBps = "taint_hold_bps", LossOrder = "loss_order", AutoPayMax = "auto_pay_max",
    AutoPayAsset = "auto_pay_asset", MaxBodyBytes = "max_body_bytes", Attested = "attested",
}

closed_list! {
    /// Why a reply is what it is.
    Reason, "reason code":
    SelfApproval = "self_approval", SamePerson = "same_person", RoleMissing = "role_missing",
    RoleExpired = "role_expired", ApprovalsShort = "approvals_short", ApprovalExpired = "approval_expired",
    ApprovalMismatch = "approval_mismatch", ApprovalReplayed = "approval_replayed",
    ClearanceMissing = "clearance_missing", ClearanceExpired = "clearance_expired",
    PayloadMismatch = "payload_mismatch", OpNotAllowed = "op_not_allowed", KeyRevoked = "key_revoked",
    GuardUnattested = "guard_unattested", SeenMismatch = "seen_mismatch", Cap10m = "cap_10m", Cap24h = "cap_24h",
    NotAllowlisted = "not_allowlisted", DestinationCooling = "destination_cooling",
    AddressLookalike = "address_lookalike", BudgetExceeded = "budget_exceeded", BudgetUnit = "budget_unit",
    PerCustomerExceeded = "per_customer_exceeded", HoldingsExceeded = "holdings_exceeded",
    UnknownBudget = "unknown_budget", Halted = "halted", CoolOff = "cool_off",
    NeedsSecondAdmin = "needs_second_admin", AwarenessIsFixed = "awareness_is_fixed", ReadQuota = "read_quota",
    ReadQuotaAll = "read_quota_all", PurposeMissing = "purpose_missing", PriceMissing = "price_missing",
    PriceStale = "price_stale", PriceBand = "price_band", NodesDisagree = "nodes_disagree",
    NodesLagging = "nodes_lagging", Unconfirmed = "unconfirmed", OwnWalletSource = "own_wallet_source",
    RetiredAddress = "retired_address", TaintHold = "taint_hold", InsufficientBalance = "insufficient_balance",
    InvalidAmount = "invalid_amount", UnknownAsset = "unknown_asset", UnknownCustomer = "unknown_customer",
    DuplicateId = "duplicate_id", Malformed = "malformed", TooLarge = "too_large", TooDeep = "too_deep",
    TooSlow = "too_slow", UnknownVersion = "unknown_version", AlreadyPaid = "already_paid",
    NeedsHuman = "needs_human", ExceedsLoss = "exceeds_loss", RetentionRequired = "retention_required",
    ClearanceUsed = "clearance_used", WalletShort = "wallet_short", LockHeld = "lock_held", DiskFull = "disk_full",
    IoError = "io_error", Erased = "erased",
}

closed_list! {
    /// What was raised.
    AlertCode, "alert code":
    UnmatchedOutflow = "unmatched_outflow", AuthorityChanged = "authority_changed",
    PayloadMismatch = "payload_mismatch", CapHit = "cap_hit", MisCredit = "mis_credit",
    ReconcileGap = "reconcile_gap", NodeDisagreement = "node_disagreement", NodeLag = "node_lag",
    ReorgLoss = "reorg_loss", BulkRead = "bulk_read", GuardUnattested = "guard_unattested",
    AdminRiskChange = "admin_risk_change", RoleStale = "role_stale", Lookalike = "lookalike",
    ClockDueSoon = "clock_due_soon", ClockMissed = "clock_missed", JournalBroken = "journal_broken",
    IoError = "io_error", ClockJump = "clock_jump", RetiredDeposit = "retired_deposit", TaintIn = "taint_in",
    PriceBad = "price_bad",
}
