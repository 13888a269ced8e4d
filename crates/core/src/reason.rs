//! Why something was not done: one ordered list. The order is the precedence: of several reasons the first counts.
//!
//! Each reason carries the numbers that caused it, so that a reader needs no other record. Whether a reason holds,
//! denies or refuses stands in one place: [`Reason::effect`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::de::EnumExt as _;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a reason does to the request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effect {
    /// The request waits: for approvals, a time, fresh data, or a person.
    Hold,
    /// A rule says no.
    Deny,
    /// The command is not one that could be decided; it uses no id.
    Refuse,
    /// Only a part is granted; the rest is open to appeal.
    Reduce,
}

/// One number of a reason; its unit stands at the field of [`Reason`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told<'r> {
    /// A name, a code or words.
    Text(&'r str),
    /// A number in the field's unit.
    Number(u128),
    /// There is none.
    Absent,
    /// The reason of a row.
    Reason(&'r Reason),
}

impl<'r> From<&'r String> for Told<'r> {
    fn from(text: &'r String) -> Self {
        Self::Text(text)
    }
}
impl From<&u128> for Told<'_> {
    fn from(number: &u128) -> Self {
        Self::Number(*number)
    }
}
impl From<&u64> for Told<'_> {
    fn from(number: &u64) -> Self {
        Self::Number(u128::from(*number))
    }
}
impl From<&u32> for Told<'_> {
    fn from(number: &u32) -> Self {
        Self::Number(u128::from(*number))
    }
}
impl From<&u16> for Told<'_> {
    fn from(number: &u16) -> Self {
        Self::Number(u128::from(*number))
    }
}
impl From<&Option<u64>> for Told<'_> {
    fn from(number: &Option<u64>) -> Self {
        number.as_ref().map_or(Self::Absent, Self::from)
    }
}
impl<'r> From<&'r Box<Reason>> for Told<'r> {
    fn from(reason: &'r Box<Reason>) -> Self {
        Self::Reason(reason)
    }
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? })? = $tag:literal, $code:literal, $effect:ident; )*) => {
        /// A named reason with its numbers, in order of precedence.
        #[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
        #[borsh(use_discriminant = true)]
        #[repr(u8)]
        pub enum Reason {
            $( $(#[$doc])* $name $({ $($(#[$fdoc])* $field : $type),* })? = $tag, )*
        }
        impl Reason {
            /// Stable public code, lower snake case.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $( Self::$name { .. } => $code, )* }
            }
            /// What it does to the request: hold, deny, refuse or reduce.
            #[must_use]
            pub fn effect(&self) -> Effect {
                match self.inner() { $( Self::$name { .. } => Effect::$effect, )* }
            }
            /// Place in the order; smaller wins.
            #[must_use]
            pub fn precedence(&self) -> u8 {
                match self.inner() { $( Self::$name { .. } => $tag, )* }
            }
            /// Its numbers and names, in the order in which they are declared.
            #[must_use]
            pub fn numbers(&self) -> Vec<(&'static str, Told<'_>)> {
                match self { $( Self::$name { $($($field),*)? } => alloc::vec![$($((stringify!($field), Told::from($field))),*)?], )* }
            }
            /// All codes in order of precedence.
            pub const CODES: &'static [&'static str] = &[$($code),*];
        }
    };
}

impl Reason {
    /// The reason that decides: of a row, the row's.
    #[must_use]
    pub fn inner(&self) -> &Self {
        match self {
            Self::Row { reason, .. } => reason,
            other => other,
        }
    }
}

impl Reason {
    /// Whether a price that counts may release it.
    #[must_use]
    pub fn wants_price(&self) -> bool {
        match self {
            Self::PriceMissing { .. } | Self::PriceStale { .. } | Self::PriceBand { .. } => true,
            Self::FigureUnknown { why, .. } => why == "no_earlier_price",
            _ => false,
        }
    }
}

/// Tag of [`Reason::Row`].
const ROW: u8 = 15;

/// Reads the reason of a row: any but another row, so that no bytes nest deeper than this.
fn plain<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Box<Reason>> {
    let tag = u8::deserialize_reader(reader)?;
    if tag == ROW {
        return Err(borsh::io::ErrorKind::InvalidData.into());
    }
    Reason::deserialize_variant(reader, tag).map(Box::new)
}

reasons! {
    /// The command contradicts itself or leaves out what it needs.
    Malformed { /** What is wrong, in words. */ what: String } = 1, "malformed", Refuse;
    /// An amount that is zero or too large where it may not be.
    InvalidAmount { /** What was asked, minor units. */ asked: u128 } = 2, "invalid_amount", Refuse;
    /// No such asset.
    UnknownAsset { /** The name given. */ asset: String } = 3, "unknown_asset", Refuse;
    /// No such customer.
    UnknownCustomer { /** The name given. */ customer: String } = 4, "unknown_customer", Refuse;
    /// No such wallet.
    UnknownWallet { /** The name given. */ wallet: String } = 5, "unknown_wallet", Refuse;
    /// No such actor.
    UnknownActor { /** The name given. */ actor: String } = 6, "unknown_actor", Refuse;
    /// No such incident.
    UnknownIncident { /** The name given. */ incident: String } = 7, "unknown_incident", Refuse;
    /// No such duty.
    UnknownDuty { /** The name given. */ duty: String } = 8, "unknown_duty", Refuse;
    /// Nothing of that name waits for it.
    UnknownTarget { /** The name given. */ target: String } = 9, "unknown_target", Refuse;
    /// The thing is registered already with other content.
    AlreadyRegistered { /** The name given. */ name: String } = 10, "already_registered", Refuse;
    /// The same command id came before with other content.
    DuplicateId { /** The id. */ id: String } = 11, "duplicate_id", Refuse;
    /// A transfer of that id was recorded before with other content.
    TransferConflict { /** The id. */ id: String } = 12, "transfer_conflict", Refuse;
    /// A transfer is dated at or before the newest one whose id may be forgotten, so a repeat could not be told.
    TransferTooOld { /** Its date, ms. */ effective: u64, /** Ids of transfers dated up to then may be forgotten, ms. */ forgotten: u64 } = 13, "transfer_too_old", Refuse;
    /// A transfer is dated later than now.
    TransferTooNew { /** Its date, ms. */ effective: u64, /** Latest date that is taken now, ms. */ latest: u64 } = 14, "transfer_too_new", Refuse;
    /// One row stands in the way of its whole batch. Effect and place in the order are those of its reason.
    Row { /** Place of the row, counted from 0. */ row: u32, /** What is wrong with it. */ #[borsh(deserialize_with = "plain")] reason: Box<Reason> } = 15, "row", Deny;
    /// A breaker halts the scope.
    Halted { /** Wallet name, `asset:NAME`, `trading` or `all`. */ scope: String } = 20, "halted", Deny;
    /// The key of the wallet is known or feared outside; it never signs again.
    KeyRevoked { /** The wallet. */ wallet: String } = 21, "key_revoked", Deny;
    /// A deposit to a wallet that is retired.
    RetiredAddress { /** The wallet. */ wallet: String } = 22, "retired_address", Hold;
    /// A deposit that comes out of our own wallet.
    OwnWalletSource { /** The wallet it came from. */ wallet: String } = 23, "own_wallet_source", Hold;
    /// A class of action can't fill its quorum yet; until each can, nothing is cleared.
    BootstrapIncomplete { /** Code of the class, or `bootstrap`. */ class: String, /** People who could, of those needed, and roles that nobody fills. */ lacks: String } = 24, "bootstrap_incomplete", Hold;
    /// Sealed keys were used; everything else is closed.
    BreakGlassOpen { /** First moment at which it is over, ms. */ until: u64 } = 25, "break_glass_open", Hold;
    /// Somebody suspended this person.
    Suspended { /** Since when, ms. */ since: u64 } = 26, "suspended", Deny;
    /// The requester approves the own request.
    SelfApproval { /** The person. */ person: String } = 30, "self_approval", Deny;
    /// The requester's person approves under another account, or a person approves a second time.
    SamePerson { /** The person. */ person: String } = 31, "same_person", Deny;
    /// The actor's roles ended.
    RoleExpired { /** First moment without the roles, ms. */ ended: u64 } = 32, "role_expired", Deny;
    /// The actor has none of the roles that this needs.
    RoleMissing { /** Roles one of which is needed, joined by `|`. */ needs: String } = 33, "role_missing", Deny;
    /// A personal record is read without a purpose.
    PurposeMissing = 34, "purpose_missing", Deny;
    /// The person's reads of the last hour are used up.
    ReadQuota { /** Reads in the last hour. */ used: u32, /** Allowed an hour. */ limit: u32 } = 35, "read_quota", Deny;
    /// Everybody's reads of the last hour are used up.
    ReadQuotaAll { /** Reads in the last hour. */ used: u32, /** Allowed an hour. */ limit: u32 } = 36, "read_quota_all", Deny;
    /// The person was erased.
    Erased { /** When, ms. */ at: u64 } = 37, "erased", Deny;
    /// A legal hold keeps the person's records.
    LegalHold { /** Code of the order or case. */ reason: String, /** Since when, ms. */ since: u64 } = 38, "legal_hold", Deny;
    /// The law keeps the person's records.
    RetentionRequired { /** The rule, or `relation_goes_on`. */ rule: String, /** First moment without it, ms; `None` while the relation goes on. */ until: Option<u64> } = 39, "retention_required", Deny;
    /// What the approval binds is not what the request asks.
    ApprovalMismatch { /** The field that differs. */ field: String } = 40, "approval_mismatch", Deny;
    /// What the approver's screen showed is not the request.
    SeenMismatch = 41, "seen_mismatch", Deny;
    /// The nonce was used for another target.
    ApprovalReplayed { /** The nonce. */ nonce: String } = 42, "approval_replayed", Deny;
    /// The signer does not run the attested guard.
    GuardUnattested = 43, "guard_unattested", Deny;
    /// An operation that the policy does not allow to be signed.
    OpNotAllowed { /** The operation. */ op: String } = 44, "op_not_allowed", Deny;
    /// The bytes are not the clearance.
    PayloadMismatch { /** What differs. */ field: String } = 45, "payload_mismatch", Deny;
    /// Approvals came, but too few of them are still valid.
    ApprovalExpired { /** Valid now. */ valid: u32, /** Needed. */ needs: u32 } = 46, "approval_expired", Deny;
    /// There is no clearance to redeem.
    ClearanceMissing { /** What was named. */ target: String } = 47, "clearance_missing", Deny;
    /// The clearance was redeemed for other bytes.
    ClearanceUsed = 48, "clearance_used", Deny;
    /// The clearance lapsed, or the intent ended while it waited.
    ClearanceExpired { /** First moment without it, ms. */ ended: u64 } = 49, "clearance_expired", Deny;
    /// The account holds less than asked.
    InsufficientBalance { /** Balance, minor units. */ has: u128, /** Asked, minor units. */ asked: u128 } = 50, "insufficient_balance", Deny;
    /// The house holds less than must be paid.
    HouseShort { /** Balance of the house, minor units. */ has: u128, /** Needed, minor units. */ needs: u128 } = 51, "house_short", Hold;
    /// The address looks like a known one and is another.
    AddressLookalike { /** The known address. */ like: String } = 52, "address_lookalike", Hold;
    /// The destination was listed too short ago.
    DestinationCooling { /** First moment at which it may be used, ms. */ until: u64 } = 53, "destination_cooling", Hold;
    /// The destination is not in the address book.
    NotAllowlisted { /** The destination. */ to: String } = 54, "not_allowlisted", Hold;
    /// The signing key is not one of the wallet on that network.
    UnknownKey { /** The key named. */ key: String } = 55, "unknown_key", Deny;
    /// The bytes can't be decoded in full, or do what is never signed.
    Undecodable { /** Name of the refusal (docs/payloads.md). */ refusal: String } = 56, "undecodable", Deny;
    /// The bytes would cost more in fees than was decided.
    FeeExceeded { /** By the bytes, minor units. */ fee: u128, /** Decided, minor units. */ max: u128 } = 57, "fee_exceeded", Deny;
    /// A replacement that does not conflict with the attempt before: both could land.
    ConflictKeyChanged { /** Of the first attempt. */ was: String, /** Of the bytes. */ now: String } = 58, "conflict_key_changed", Deny;
    /// An attempt out of turn.
    AttemptOutOfTurn { /** The next attempt. */ next: u32, /** The attempt named. */ found: u32 } = 59, "attempt_out_of_turn", Deny;
    /// No budget of that name.
    UnknownBudget { /** The name given. */ budget: String } = 60, "unknown_budget", Deny;
    /// The budget is of another asset.
    BudgetUnit { /** Asset of the budget. */ budget: String, /** Asset of the line. */ line: String } = 61, "budget_unit", Deny;
    /// One customer would get more than the budget gives one.
    PerCustomerExceeded { /** The customer. */ customer: String, /** With this credit, minor units. */ total: u128, /** Allowed, minor units. */ limit: u128 } = 62, "per_customer_exceeded", Deny;
    /// The budget would be overdrawn.
    BudgetExceeded { /** With this credit, minor units. */ total: u128, /** The budget, minor units. */ limit: u128 } = 63, "budget_exceeded", Deny;
    /// We would owe more of the asset than we hold.
    HoldingsExceeded { /** Owed with this credit, minor units. */ owed: u128, /** Held, minor units. */ held: u128 } = 64, "holdings_exceeded", Deny;
    /// The wallet holds less than asked.
    WalletShort { /** Free in the wallet, minor units. */ free: u128, /** Asked, minor units. */ asked: u128 } = 65, "wallet_short", Hold;
    /// The rolling window of the wallet is full.
    CapReached { /** Window, ms. */ window_ms: u64, /** Left in the window so far, minor units. */ used: u128, /** Asked, minor units. */ asked: u128, /** Cap, minor units. */ cap: u128 } = 66, "cap_reached", Hold;
    /// No rule of the policy clears such a request.
    NoRuleClears { /** Largest amount that a rule clears, minor units. */ up_to: u128 } = 67, "no_rule_clears", Hold;
    /// One person would have asked for more of the budget than it lets one ask for.
    RequesterExceeded { /** The person. */ person: String, /** With this batch, minor units. */ total: u128, /** Allowed, minor units. */ limit: u128 } = 68, "requester_exceeded", Deny;
    /// A credit is worth more than the sanity band of its budget lets it be.
    ValueBand { /** `line` or `batch`. */ of: String, /** Value, minor units of the reference currency. */ value: u128, /** Greatest value, minor units of the reference currency. */ limit: u128 } = 69, "value_band", Deny;
    /// No price is known.
    PriceMissing { /** The asset without a price. */ asset: String } = 70, "price_missing", Hold;
    /// The price is too old.
    PriceStale { /** Age, ms. */ age_ms: u64, /** Greatest age, ms. */ max_ms: u64 } = 71, "price_stale", Hold;
    /// The newest price that was told is zero or outside its band; prices in 10^-10 minor units of the quote asset.
    PriceBand { /** The asset. */ asset: String, /** The price told. */ price: u128, /** The good price that it was compared with. */ last: u128, /** Band, basis points. */ band_bps: u16 } = 72, "price_band", Hold;
    /// Nodes report different things, or another amount than claimed.
    NodesDisagree = 73, "nodes_disagree", Hold;
    /// Too few nodes keep up.
    NodesLagging { /** Nodes that keep up. */ live: u32, /** Needed. */ needs: u32 } = 74, "nodes_lagging", Hold;
    /// Too few confirmations or nodes yet.
    Unconfirmed { /** Nodes that show enough confirmations. */ nodes: u32, /** Needed. */ needs: u32 } = 75, "unconfirmed", Hold;
    /// A figure that a rule looks at can't be told.
    FigureUnknown { /** The rule. */ rule: String, /** The figure. */ figure: String, /** Why, in one word. */ why: String } = 76, "figure_unknown", Hold;
    /// A rule of the policy denies it.
    RuleDenies { /** The rule. */ rule: String, /** The last figure that it compares. */ figure: String, /** What was seen, in the figure's unit. */ value: u128, /** What it was compared with. */ limit: u128 } = 77, "rule_denies", Deny;
    /// A rule of the policy holds it.
    RuleHolds { /** The rule. */ rule: String, /** The last figure that it compares. */ figure: String, /** What was seen, in the figure's unit. */ value: u128, /** What it was compared with. */ limit: u128, /** When it is judged again by itself, ms. */ until: Option<u64> } = 78, "rule_holds", Hold;
    /// Enough people approved; a rule lets it wait from the last approval on.
    RuleDelay { /** First moment at which it may go, ms. */ until: u64 } = 79, "rule_delay", Hold;
    /// Too few approvals yet.
    ApprovalsShort { /** Valid approvals of distinct persons. */ valid: u32, /** Needed. */ needs: u32 } = 80, "approvals_short", Hold;
    /// An approver rejected the request.
    RejectedByApprover { /** The person. */ person: String } = 81, "rejected_by_approver", Deny;
    /// A change that raises risk needs another administrator.
    NeedsSecondAdmin { /** Distinct administrators so far. */ valid: u32, /** Needed. */ needs: u32 } = 82, "needs_second_admin", Hold;
    /// A change that raises risk waits.
    CoolOff { /** First moment at which it is in force, ms. */ until: u64 } = 83, "cool_off", Hold;
    /// The first awareness is never moved.
    AwarenessIsFixed { /** The first awareness, ms. */ since: u64 } = 84, "awareness_is_fixed", Deny;
    /// The claim is paid.
    AlreadyPaid = 85, "already_paid", Deny;
    /// A person must decide it.
    NeedsHuman { /** Payable, minor units. */ payable: u128, /** A machine may pay up to, minor units. */ limit: u128 } = 86, "needs_human", Hold;
    /// More is claimed than is owed; the owed part is granted.
    ExceedsLoss { /** Claimed, minor units. */ claimed: u128, /** Payable, minor units. */ payable: u128 } = 87, "exceeds_loss", Reduce;
    /// More would be put back than is short.
    RestoredBeyondLoss { /** Outstanding, minor units. */ outstanding: u128, /** Offered, minor units. */ offered: u128 } = 88, "restored_beyond_loss", Deny;
    /// Enough people approved, but none of them holds a role that a rule asks for.
    RoleShort { /** The role. */ role: String } = 89, "role_short", Hold;
    /// Nothing of the withdrawal was redeemed: nothing can be dead.
    NothingRedeemed { /** Clearances issued for it. */ issued: u32, /** Of these redeemed. */ redeemed: u32 } = 90, "nothing_redeemed", Deny;
    /// The withdrawal was declared dead before.
    AlreadyDead { /** When, ms. */ since: u64 } = 91, "already_dead", Deny;
    /// Its attempts spend something else than was named.
    OtherConflictKey { /** In the journal. */ journal: String, /** Named. */ named: String } = 92, "other_conflict_key", Deny;
    /// The chain shows its outflow: it landed.
    OutflowSeen { /** The transaction. */ txid: String, /** What left, minor units. */ units: u128 } = 93, "outflow_seen", Deny;
    /// The transaction named as evidence paid just this.
    EvidencePays { /** The transaction. */ txid: String, /** What left in it to the destination, minor units. */ units: u128 } = 94, "evidence_pays", Deny;
    /// The bytes spend what is finally spent: they can't land.
    ConflictKeySpent { /** The conflict key. */ key: String, /** The request that died of it. */ request: String } = 95, "conflict_key_spent", Deny;
    /// An approval of this class of action counts only with an assertion.
    AssertionMissing { /** Code of the class. */ class: String } = 100, "assertion_missing", Deny;
    /// The proof can't be read without guessing.
    AssertionMalformed { /** What is wrong, in words. */ what: String } = 101, "assertion_malformed", Deny;
    /// Nobody has this credential.
    CredentialUnknown { /** Its id, hex. */ credential: String } = 102, "credential_unknown", Deny;
    /// The credential is another person's.
    CredentialOfOther { /** Whose. */ person: String } = 103, "credential_of_other", Deny;
    /// The credential was not active when it was asked, or is no longer.
    CredentialInactive { /** Journal index of the question. */ index: u64, /** First index at which it is active. */ from: u64, /** First index at which it is no longer. */ until: Option<u64> } = 104, "credential_inactive", Deny;
    /// The challenge is too old, too new, or lasts too long; all in Unix seconds.
    ApprovalUntimely { /** When it was made. */ issued: u64, /** Its last second. */ expires: u64, /** Now. */ now: u64 } = 105, "approval_untimely", Deny;
    /// Approvals of this are no longer collected.
    CollectionOver { /** Last moment, ms. */ until: u64 } = 106, "collection_over", Deny;
    /// The assertion answers another challenge: another command, nonce, person, role, decision or end.
    ChallengeMismatch = 107, "challenge_mismatch", Deny;
    /// The prompt was shown by a site that does not count.
    OriginNotAllowed { /** Its origin. */ origin: String } = 108, "origin_not_allowed", Deny;
    /// The assertion is for a site that does not count, or its origin is not that site's.
    RelyingPartyUnknown = 109, "relying_party_unknown", Deny;
    /// The authenticator did not see and verify its user.
    UserNotVerified = 110, "user_not_verified", Deny;
    /// The credential can be copied, and the role asks for one that can't.
    CredentialNotBound { /** The role. */ role: String } = 111, "credential_not_bound", Deny;
    /// The signature does not verify.
    SignatureInvalid = 112, "signature_invalid", Deny;
    /// For this amount or class only the approver client counts.
    SeparateClientNeeded { /** The site on which the assertion was made. */ site: String } = 113, "separate_client_needed", Deny;
    /// The authenticator's counter did not rise: a copy of its key may be in use.
    CounterNotRisen { /** The counter given. */ seen: u32, /** The last one seen. */ last: u32 } = 114, "counter_not_risen", Deny;
    /// A finding about the person stands; another person must clear it.
    FindingStands { /** Number of the finding. */ finding: u32, /** What was found. */ kind: String, /** About whom. */ person: String } = 115, "finding_stands", Hold;
    /// A role would last longer than any may.
    RoleTooLong { /** First moment without it, ms; `None` for never. */ until: Option<u64>, /** Latest moment allowed, ms. */ latest: u64 } = 116, "role_too_long", Deny;
    /// The class of action has no quorum, or nobody can fill it.
    QuorumImpossible { /** Code of the class. */ class: String } = 117, "quorum_impossible", Hold;
    /// Too few persons, or a role that nobody fills yet.
    QuorumShort { /** Code of the class. */ class: String, /** Distinct persons that count. */ valid: u32, /** Needed. */ needs: u32, /** Roles still to be filled, joined by `|`. */ missing: String } = 118, "quorum_short", Hold;
    /// Rules of authority are in force: this is proposed as a change, and its quorum approves it.
    ProposalNeeded { /** Code of the class. */ class: String } = 119, "proposal_needed", Refuse;
    /// An address has letters of both cases, and they are not its checksum (EIP-55).
    AddressChecksum { /** The address with its checksum. */ wanted: String } = 120, "address_checksum", Refuse;
    /// The person got the role after the question was asked.
    RoleNotThen { /** The role. */ role: String, /** Journal index of the question. */ index: u64, /** Journal index from which the person holds the role. */ since: u64 } = 121, "role_not_then", Deny;
    /// A price is told in another currency than the policy's.
    PriceQuote { /** The currency given. */ quote: String, /** The policy's. */ reference: String } = 122, "price_quote", Refuse;
    /// A price is of a moment that has not come yet.
    PriceAhead { /** The asset. */ asset: String, /** Of when the price is, ms. */ as_of: u64, /** Now, ms. */ now: u64 } = 123, "price_ahead", Refuse;
    /// A price is older than the newest that was told.
    PriceOlder { /** The asset. */ asset: String, /** Of when the price is, ms. */ as_of: u64, /** Of when the newest is, ms. */ newest: u64 } = 124, "price_older", Refuse;
}
