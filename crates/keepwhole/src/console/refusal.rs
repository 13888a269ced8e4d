//! Why the console does not do what was asked of it: a status, a stable code, and words.

use keepwhole_verify::webauthn::Refusal;

use crate::authority::{FileFault, NoHolder};
use crate::sequencer::ServiceError;
use crate::text::{Words, count};
use crate::views::ReasonView;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct No {
    /// The status code (RFC 9110, section 15).
    pub(crate) status: u16,
    /// Stable, lower snake case; that of docs/denials.md where a rule refused.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) words: Words,
    /// What to do.
    pub(crate) release: Box<Words>,
}

impl No {
    /// With the sentence under `key`.
    pub(crate) fn key(status: u16, code: &str, key: &'static str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            words: Words::key(key),
            release: Box::new(Words::plain("")),
        }
    }

    fn again(code: &str, words: Words) -> Self {
        Self {
            status: 403,
            code: code.to_owned(),
            words,
            release: Box::new(Words::key("staff-try-again")),
        }
    }

    /// The ceremony was finished before, took too long, or is another session's.
    pub(crate) fn over() -> Self {
        Self::key(409, "ceremony_over", "staff-over")
    }

    /// What was posted is not what the page's script posts.
    pub(crate) fn malformed() -> Self {
        Self::key(400, "malformed", "staff-malformed")
    }

    /// Nobody is signed in.
    pub(crate) fn nobody() -> Self {
        Self::key(401, "no_session", "staff-nobody")
    }

    /// A rule refused it.
    pub(crate) fn of_reason(reason: ReasonView) -> Self {
        Self {
            status: 409,
            code: reason.code,
            words: reason.words,
            release: Box::new(reason.release),
        }
    }

    /// Nobody signs in with this passkey.
    pub(crate) fn of_holder(why: NoHolder) -> Self {
        let (code, key) = match why {
            NoHolder::NoRules => ("no_rules", "sign-in-no-rules"),
            NoHolder::Unknown => ("credential_unknown", "sign-in-unknown"),
            NoHolder::Ended => ("credential_inactive", "sign-in-ended"),
            NoHolder::Sealed => ("credential_sealed", "sign-in-sealed"),
            NoHolder::Suspended => ("suspended", "sign-in-suspended"),
            NoHolder::NoRole => ("role_missing", "sign-in-no-role"),
            NoHolder::Unavailable => return Self::key(503, "unavailable", "staff-unavailable"),
        };
        Self::key(403, code, key)
    }

    /// An assertion does not hold. The codes are those of docs/denials.md.
    pub(crate) fn of_assertion(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Challenge => Self::again(
                "challenge_mismatch",
                Words::key("reason-challenge-mismatch"),
            ),
            Refusal::Origin(origin) => Self::again(
                "origin_not_allowed",
                Words::key("reason-origin-not-allowed").with("origin", origin.as_str()),
            ),
            Refusal::RpId | Refusal::OriginOutsideRpId => Self::again(
                "relying_party_unknown",
                Words::key("reason-relying-party-unknown"),
            ),
            Refusal::UserNotPresent | Refusal::UserNotVerified => {
                Self::again("user_not_verified", Words::key("reason-user-not-verified"))
            }
            Refusal::Signature => {
                Self::again("signature_invalid", Words::key("reason-signature-invalid"))
            }
            other => Self::of_form(other.name()),
        }
    }

    /// What the authenticator gave is not in its form.
    pub(crate) fn of_form(what: &'static str) -> Self {
        let words = Words::key("reason-assertion-malformed").with("what", what);
        Self::again("assertion_malformed", words)
    }

    /// The counter did not rise: there may be a copy of the authenticator.
    pub(crate) fn of_counter(seen: u32, last: u32) -> Self {
        let words = Words::key("reason-counter-not-risen")
            .with("seen", count(u128::from(seen)))
            .with("last", count(u128::from(last)));
        Self {
            release: Box::new(Words::key("release-person")),
            ..Self::again("counter_not_risen", words)
        }
    }

    /// A file that was brought can't be read.
    pub(crate) fn of_file(fault: &FileFault) -> Self {
        Self {
            status: 400,
            code: "file".to_owned(),
            words: Words::key("matter-bad-file").with("why", fault.to_string()),
            release: Box::new(Words::plain("")),
        }
    }
}

impl From<ServiceError> for No {
    fn from(error: ServiceError) -> Self {
        Self {
            status: 503,
            code: "unavailable".to_owned(),
            words: Words::key("problem-source").with("why", error.to_string()),
            release: Box::new(Words::plain("")),
        }
    }
}

impl From<getrandom::Error> for No {
    fn from(_: getrandom::Error) -> Self {
        Self::key(503, "no_random", "staff-no-random")
    }
}
