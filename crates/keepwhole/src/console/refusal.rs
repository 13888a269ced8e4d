//! Why the console does not do what was asked of it: a status, a stable code, and words.

use keepwhole_verify::webauthn::Refusal;

use super::pages::Problem;
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

    /// With what to do, under `key`.
    fn release(self, key: &'static str) -> Self {
        Self {
            release: Box::new(Words::key(key)),
            ..self
        }
    }

    /// A request that no page answers.
    pub(crate) fn of_problem(problem: &Problem) -> Self {
        Self {
            status: problem.status(),
            code: problem.code().to_owned(),
            words: problem.sentence(),
            release: Box::new(Words::plain("")),
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

    /// The journal can't be read now.
    pub(crate) fn unavailable() -> Self {
        Self::key(503, "unavailable", "staff-unavailable").release("staff-try-again")
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
        let (code, key, release) = match why {
            NoHolder::NoRules => ("no_rules", "sign-in-no-rules", "sign-in-bootstrap"),
            NoHolder::Unknown => ("credential_unknown", "sign-in-unknown", "sign-in-enrol"),
            NoHolder::Ended => ("credential_inactive", "sign-in-ended", "sign-in-other"),
            NoHolder::Sealed => ("credential_sealed", "sign-in-sealed", "sign-in-other"),
            NoHolder::Suspended => ("suspended", "sign-in-suspended", "sign-in-reinstate"),
            NoHolder::NoRole => ("role_missing", "sign-in-no-role", "sign-in-role"),
            NoHolder::Unavailable => return Self::unavailable(),
        };
        Self::key(403, code, key).release(release)
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
    pub(crate) fn file(words: Words) -> Self {
        Self {
            status: 400,
            code: "file".to_owned(),
            words,
            release: Box::new(Words::plain("")),
        }
    }

    /// An answer that was brought can't be read.
    pub(crate) fn of_file(fault: &FileFault) -> Self {
        Self::file(Words::key("matter-bad-file").with("why", fault.to_string()))
    }
}

impl From<ServiceError> for No {
    fn from(error: ServiceError) -> Self {
        let (code, key, release) = match error {
            ServiceError::Busy { .. } => ("busy", "staff-not-recorded", "staff-try-again"),
            ServiceError::DiskFull { .. } => ("disk_full", "staff-not-recorded", "staff-disk-full"),
            // It may have been written before the sequencer stopped.
            ServiceError::Stopped => ("stopped", "staff-perhaps-recorded", "staff-look-again"),
        };
        Self::key(503, code, key).release(release)
    }
}

impl From<getrandom::Error> for No {
    fn from(_: getrandom::Error) -> Self {
        Self::key(503, "no_random", "staff-no-random")
    }
}

#[cfg(test)]
mod tests {
    use super::No;
    use crate::authority::NoHolder;
    use crate::sequencer::ServiceError;
    use crate::text::Lang;

    #[test]
    fn what_was_not_recorded_is_not_called_unread() {
        let busy = ServiceError::Busy {
            waiting: 1,
            bytes: 1,
            retry_ms: 1,
        };
        let full = ServiceError::DiskFull {
            frame: 1,
            reserve: 1,
        };
        for (error, code, words, release) in [
            (busy, "busy", "Nothing was recorded", "Try again"),
            (full, "disk_full", "Nothing was recorded", "space"),
            (ServiceError::Stopped, "stopped", "may be recorded", "Load"),
        ] {
            let no = No::from(error);
            assert_eq!((no.status, no.code.as_str()), (503, code));
            let said = no.words.say(Lang::En);
            assert!(said.contains(words), "{said}");
            let said = no.release.say(Lang::En);
            assert!(said.contains(release), "{said}");
        }
    }

    #[test]
    fn whoever_does_not_get_in_is_told_what_would_help() {
        for why in [
            NoHolder::NoRules,
            NoHolder::Unknown,
            NoHolder::Ended,
            NoHolder::Sealed,
            NoHolder::Suspended,
            NoHolder::NoRole,
            NoHolder::Unavailable,
        ] {
            let no = No::of_holder(why);
            for lang in Lang::ALL {
                assert!(!no.release.say(lang).is_empty(), "{why}");
            }
        }
    }
}
