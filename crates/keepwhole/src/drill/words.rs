//! The one table from the product's words to the scenario format's closed codes.

use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::guard;
use keepwhole_core::incident::{self, AlarmCode, clock};
use keepwhole_core::reason::Reason as Product;
use keepwhole_core::redress::{Claim, ClaimStanding};

use super::scenario::code::{AlertCode, ClockState, Outcome, Reason, Severity};
use crate::journal;

/// A reply or standing in the format's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
}

impl Said {
    pub(super) const fn plain(outcome: Outcome) -> Self {
        Self {
            outcome,
            reason: None,
        }
    }

    pub(super) const fn because(outcome: Outcome, reason: Reason) -> Self {
        Self {
            outcome,
            reason: Some(reason),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reason {
            Some(reason) => write!(f, "{} {reason}", self.outcome),
            None => write!(f, "{}", self.outcome),
        }
    }
}

/// Ten minutes, the shorter of the format's two windows, in milliseconds.
pub(super) const TEN_MINUTES: u64 = 600_000;
/// The longer one, in milliseconds.
pub(super) const A_DAY: u64 = 86_400_000;

/// The reason code of a product reason.
pub(super) const fn reason(product: &Product) -> Reason {
    match product {
        Product::Row { reason: inner, .. } => reason(inner),
        Product::Malformed { .. }
        | Product::UnknownWallet { .. }
        | Product::UnknownActor { .. }
        | Product::UnknownIncident { .. }
        | Product::UnknownDuty { .. }
        | Product::TransferTooOld { .. }
        | Product::TransferTooNew { .. } => Reason::Malformed,
        Product::InvalidAmount { .. } => Reason::InvalidAmount,
        Product::UnknownAsset { .. } => Reason::UnknownAsset,
        Product::UnknownCustomer { .. } => Reason::UnknownCustomer,
        Product::UnknownTarget { .. } | Product::ClearanceMissing { .. } => {
            Reason::ClearanceMissing
        }
        Product::AlreadyRegistered { .. }
        | Product::DuplicateId { .. }
        | Product::TransferConflict { .. } => Reason::DuplicateId,
        Product::Halted { .. } => Reason::Halted,
        Product::KeyRevoked { .. } => Reason::KeyRevoked,
        Product::RetiredAddress { .. } => Reason::RetiredAddress,
        Product::OwnWalletSource { .. } => Reason::OwnWalletSource,
        Product::SelfApproval { .. } => Reason::SelfApproval,
        Product::SamePerson { .. } => Reason::SamePerson,
        Product::RoleExpired { .. } => Reason::RoleExpired,
        Product::RoleMissing { .. } => Reason::RoleMissing,
        Product::PurposeMissing => Reason::PurposeMissing,
        Product::ReadQuota { .. } => Reason::ReadQuota,
        Product::ReadQuotaAll { .. } => Reason::ReadQuotaAll,
        Product::Erased { .. } => Reason::Erased,
        Product::LegalHold { .. } | Product::RetentionRequired { .. } => Reason::RetentionRequired,
        Product::ApprovalMismatch { .. } => Reason::ApprovalMismatch,
        Product::SeenMismatch => Reason::SeenMismatch,
        Product::ApprovalReplayed { .. } => Reason::ApprovalReplayed,
        Product::GuardUnattested => Reason::GuardUnattested,
        Product::OpNotAllowed { .. } => Reason::OpNotAllowed,
        Product::PayloadMismatch { .. }
        | Product::UnknownKey { .. }
        | Product::Undecodable { .. }
        | Product::FeeExceeded { .. }
        | Product::ConflictKeyChanged { .. }
        | Product::AttemptOutOfTurn { .. } => Reason::PayloadMismatch,
        Product::ApprovalExpired { .. } => Reason::ApprovalExpired,
        Product::ClearanceUsed => Reason::ClearanceUsed,
        Product::ClearanceExpired { .. } => Reason::ClearanceExpired,
        other => of_amounts(other),
    }
}

/// Reasons with amounts, prices, nodes and approvals in them.
const fn of_amounts(product: &Product) -> Reason {
    match product {
        Product::InsufficientBalance { .. } | Product::HouseShort { .. } => {
            Reason::InsufficientBalance
        }
        Product::AddressLookalike { .. } => Reason::AddressLookalike,
        Product::DestinationCooling { .. } => Reason::DestinationCooling,
        Product::NotAllowlisted { .. } => Reason::NotAllowlisted,
        Product::UnknownBudget { .. } => Reason::UnknownBudget,
        Product::BudgetUnit { .. } => Reason::BudgetUnit,
        Product::PerCustomerExceeded { .. } => Reason::PerCustomerExceeded,
        Product::BudgetExceeded { .. }
        | Product::RequesterExceeded { .. }
        | Product::ValueBand { .. } => Reason::BudgetExceeded,
        Product::HoldingsExceeded { .. } => Reason::HoldingsExceeded,
        Product::WalletShort { .. } => Reason::WalletShort,
        Product::CapReached { window_ms, .. } if *window_ms <= TEN_MINUTES => Reason::Cap10m,
        Product::CapReached { .. } => Reason::Cap24h,
        Product::PriceMissing { .. } => Reason::PriceMissing,
        Product::PriceStale { .. } => Reason::PriceStale,
        Product::PriceBand { .. } => Reason::PriceBand,
        Product::NodesDisagree => Reason::NodesDisagree,
        Product::NodesLagging { .. } => Reason::NodesLagging,
        Product::Unconfirmed { .. } => Reason::Unconfirmed,
        Product::ApprovalsShort { .. }
        | Product::RoleShort { .. }
        | Product::RejectedByApprover { .. } => Reason::ApprovalsShort,
        Product::NeedsSecondAdmin { .. } => Reason::NeedsSecondAdmin,
        Product::CoolOff { .. } | Product::RuleDelay { .. } => Reason::CoolOff,
        Product::AwarenessIsFixed { .. } => Reason::AwarenessIsFixed,
        Product::AlreadyPaid => Reason::AlreadyPaid,
        // The adapter clears every amount, so that `no_rule_clears` would mean that it forgot an asset.
        // The other rules of the typed language are in no story.
        Product::NoRuleClears { .. }
        | Product::FigureUnknown { .. }
        | Product::RuleDenies { .. }
        | Product::RuleHolds { .. }
        | Product::NeedsHuman { .. } => Reason::NeedsHuman,
        Product::ExceedsLoss { .. } | Product::RestoredBeyondLoss { .. } => Reason::ExceedsLoss,
        other => of_authority(other),
    }
}

/// No scenario adopts rules of authority, without which none of these is given; the list stays whole all the same.
const fn of_authority(product: &Product) -> Reason {
    match product {
        Product::BootstrapIncomplete { .. }
        | Product::BreakGlassOpen { .. }
        | Product::Suspended { .. }
        | Product::AssertionMissing { .. }
        | Product::AssertionMalformed { .. }
        | Product::CredentialUnknown { .. }
        | Product::CredentialOfOther { .. }
        | Product::CredentialInactive { .. }
        | Product::ApprovalUntimely { .. }
        | Product::CollectionOver { .. }
        | Product::ChallengeMismatch
        | Product::OriginNotAllowed { .. }
        | Product::RelyingPartyUnknown
        | Product::UserNotVerified
        | Product::CredentialNotBound { .. }
        | Product::SignatureInvalid
        | Product::SeparateClientNeeded { .. }
        | Product::CounterNotRisen { .. }
        | Product::FindingStands { .. }
        | Product::RoleTooLong { .. }
        | Product::RoleNotThen { .. }
        | Product::ProposalNeeded { .. }
        | Product::QuorumImpossible { .. }
        | Product::QuorumShort { .. } => Reason::ApprovalsShort,
        _ => Reason::Malformed,
    }
}

/// What holds for want of approvals, confirmations or time is `pending` in the format, everything else `held`.
const fn held(product: &Product) -> Said {
    let reason = reason(product);
    let outcome = match reason {
        Reason::ApprovalsShort
        | Reason::Unconfirmed
        | Reason::NeedsSecondAdmin
        | Reason::CoolOff => Outcome::Pending,
        _ => Outcome::Held,
    };
    Said::because(outcome, reason)
}

/// An answer of the core.
pub(super) const fn answer(answer: &Answer) -> Said {
    match answer {
        Answer::Recorded => Said::plain(Outcome::Accepted),
        Answer::Cleared => Said::plain(Outcome::Allowed),
        Answer::Held(why) => held(why),
        Answer::Denied(why) => Said::because(Outcome::Denied, reason(why)),
        Answer::Refused(why) => Said::because(Outcome::Rejected, reason(why)),
        Answer::Reduced(why) => Said::because(Outcome::Partial, reason(why)),
    }
}

/// A reply of the core; a repeated one is `duplicate`, with the first decision's reason.
pub(super) const fn reply(reply: &Reply) -> Said {
    let said = answer(&reply.answer);
    if reply.repeated {
        Said {
            outcome: Outcome::Duplicate,
            ..said
        }
    } else {
        said
    }
}

/// Where a request to the guard stands.
pub(super) fn standing(standing: &guard::Standing) -> Said {
    match standing {
        guard::Standing::Held(why) => held(why),
        guard::Standing::Denied(why) => Said::because(Outcome::Denied, reason(why)),
        guard::Standing::Cleared => Said::plain(Outcome::Allowed),
        guard::Standing::Lapsed => Said::because(Outcome::Expired, Reason::ClearanceExpired),
    }
}

/// What a claim got when it was lodged.
pub(super) const fn claim(claim: &Claim) -> Said {
    match &claim.decided {
        ClaimStanding::Payable | ClaimStanding::Paid(..) => Said::plain(Outcome::Allowed),
        ClaimStanding::InPart(why) => Said::because(Outcome::Partial, reason(why)),
        ClaimStanding::Held(why) => Said::because(Outcome::Held, reason(why)),
    }
}

/// Where a clock stands.
pub(super) const fn clock(standing: &clock::Standing) -> ClockState {
    match standing {
        clock::Standing::Open => ClockState::Open,
        clock::Standing::Met => ClockState::Met,
        clock::Standing::Missed => ClockState::Missed,
    }
}

/// The alert code of an alarm.
pub(super) const fn alert(code: AlarmCode) -> AlertCode {
    match code {
        AlarmCode::UnmatchedOutflow => AlertCode::UnmatchedOutflow,
        AlarmCode::AuthorityChanged => AlertCode::AuthorityChanged,
        AlarmCode::PayloadMismatch => AlertCode::PayloadMismatch,
        AlarmCode::CapHit => AlertCode::CapHit,
        AlarmCode::MisCredit => AlertCode::MisCredit,
        AlarmCode::ReconcileGap => AlertCode::ReconcileGap,
        AlarmCode::NodeDisagreement => AlertCode::NodeDisagreement,
        AlarmCode::NodeLag => AlertCode::NodeLag,
        AlarmCode::ReorgLoss => AlertCode::ReorgLoss,
        AlarmCode::BulkRead => AlertCode::BulkRead,
        AlarmCode::GuardUnattested => AlertCode::GuardUnattested,
        AlarmCode::AdminRiskChange => AlertCode::AdminRiskChange,
        AlarmCode::RoleStale => AlertCode::RoleStale,
        AlarmCode::Lookalike => AlertCode::Lookalike,
        AlarmCode::ClockDueSoon => AlertCode::ClockDueSoon,
        AlarmCode::ClockMissed => AlertCode::ClockMissed,
        AlarmCode::ClockJump => AlertCode::ClockJump,
        AlarmCode::RetiredDeposit => AlertCode::RetiredDeposit,
        AlarmCode::PriceBad => AlertCode::PriceBad,
        // Raised under rules of authority only, which no scenario adopts.
        AlarmCode::BreakGlass
        | AlarmCode::CredentialReset
        | AlarmCode::FindingRaised
        | AlarmCode::PersonSuspended => AlertCode::AdminRiskChange,
    }
}

/// The alert code of an alarm about the journal itself.
pub(super) const fn journal_alert(code: journal::AlarmCode) -> AlertCode {
    match code {
        journal::AlarmCode::JournalBroken => AlertCode::JournalBroken,
        // A drill's key lies in a file, which signs or can't be read.
        journal::AlarmCode::IoError | journal::AlarmCode::LogKeyFault => AlertCode::IoError,
    }
}

/// How loud an alarm is.
pub(super) const fn severity(severity: incident::Severity) -> Severity {
    match severity {
        incident::Severity::Info => Severity::Info,
        incident::Severity::Warning => Severity::Warning,
        incident::Severity::Critical => Severity::Critical,
    }
}
