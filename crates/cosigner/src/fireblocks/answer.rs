//! How a Fireblocks co-signer is answered: `APPROVE`, `REJECT`, `RETRY`, `IGNORE`.

use crate::claims::Stage;
use crate::guard::Verdict;
use crate::json::Json;

/// What the co-signer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Goes on.
    Approve,
    /// Fails for good: no other signer is asked. Only where a rule denies.
    Reject {
        /// Short, without thresholds: the vendor shows it to its console's users.
        reason: String,
    },
    /// Asks again later with the same request.
    Retry,
    /// Leaves an approval to the other approvers; never for signing.
    Ignore,
}

/// What a cleared request of the approval stage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approvals {
    /// `IGNORE`: this process signs off on signing only.
    Ignore,
    /// `APPROVE`.
    Answer,
}

impl Action {
    /// The action for a verdict. Held is `RETRY` whatever the stage: `REJECT` is final at this vendor.
    #[must_use]
    pub fn of(verdict: &Verdict, stage: Stage, approvals: Approvals) -> Self {
        match verdict {
            Verdict::Held { .. } => Self::Retry,
            Verdict::Denied { code } => Self::Reject {
                reason: format!("denied: {code}"),
            },
            Verdict::Cleared => match (stage, approvals) {
                (Stage::Signing, _) | (Stage::Approval, Approvals::Answer) => Self::Approve,
                (Stage::Approval, Approvals::Ignore) => Self::Ignore,
                // No path of this process clears a custody change; if one were handed in, it waits.
                (Stage::Configuration, _) => Self::Retry,
            },
        }
    }

    /// The vendor's word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve => "APPROVE",
            Self::Reject { .. } => "REJECT",
            Self::Retry => "RETRY",
            Self::Ignore => "IGNORE",
        }
    }

    /// Whether the same request gets this answer again: everything but `RETRY`, which asks to be asked again.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Retry)
    }

    /// The claims of the answer: the action, the request's own id, and why where it is rejected.
    #[must_use]
    pub fn claims(&self, request_id: &str) -> String {
        let text = |value: &str| Json::Text(value.to_owned()).spelled();
        let reason = match self {
            Self::Reject { reason } => format!(r#","rejectionReason":{}"#, text(reason)),
            _ => String::new(),
        };
        let (action, id) = (self.word(), text(request_id));
        format!(r#"{{"action":"{action}","requestId":{id}{reason}}}"#)
    }
}
