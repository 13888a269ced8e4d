//! What staff proposes at the console: stops, what lifts them, people with the passkeys that were made or brought here, and
//! what files say that were brought.
//!
//! The journal keeps no assertion of a proposal, only those of its approvals. The console asks for one all the same: a
//! session can read and nothing else.

use keepwhole_core::authority::credential::{Enrolment, NewCredential};
use keepwhole_core::guard::Change;
use serde::Deserialize;

use super::ceremony::Purpose;
use super::passkey::Given;
use super::refusal::No;
use super::session::{random, random_hex};
use super::staff::{Prompt, Seat, Staff};
use crate::authority::Told;
use keepwhole_verify::digest::Digest;

/// What stands before a command's digest and random bytes when the challenge of a proposal is hashed.
const PROPOSAL_LABEL: &str = "keepwhole/proposal/v1\n";
/// One day, ms.
const DAY_MS: u64 = 86_400_000;
/// Longest life of a role, days.
const ROLE_DAYS_MAX: u64 = 90;

/// A proposal as the page's form posts it. Fields that a kind does not need are absent or empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostedProposal {
    /// `halt`, `resume`, `suspend`, `reinstate`, `enrol`, `reset`, `renew` or `file`.
    kind: String,
    /// The scope of a halt.
    #[serde(default)]
    scope: String,
    /// Account to suspend, to enrol, or whose roles are prolonged.
    #[serde(default)]
    account: String,
    /// Person to reinstate, to enrol, or whose keys are replaced.
    #[serde(default)]
    person: String,
    /// Roles, with commas or spaces between.
    #[serde(default)]
    roles: String,
    /// Days that the roles last.
    #[serde(default)]
    days: String,
    /// The passkey that was made or brought here.
    #[serde(default)]
    made: String,
    /// The file that was brought here.
    #[serde(default)]
    file: String,
}

fn named(text: &str) -> Result<String, No> {
    let text = text.trim();
    if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        return Err(No::key(400, "name", "propose-bad-name"));
    }
    Ok(text.to_owned())
}

impl Staff {
    fn change(&self, seat: &Seat, posted: &PostedProposal) -> Result<Change, No> {
        Ok(match posted.kind.as_str() {
            "halt" => Change::Halt {
                scope: named(&posted.scope)?,
            },
            "resume" => Change::Resume {
                scope: named(&posted.scope)?,
            },
            "suspend" => Change::Revoke {
                actor: named(&posted.account)?,
            },
            "reinstate" => Change::Reinstate {
                person: named(&posted.person)?,
            },
            "enrol" => Change::EnrolPerson(Box::new(self.enrolment(posted)?)),
            "reset" => Change::ResetCredentials {
                person: named(&posted.person)?,
                credential: Box::new(self.key(posted)?),
            },
            "renew" => Change::RenewRoles {
                actor: named(&posted.account)?,
                expires: self.end(posted)?,
            },
            "file" => {
                let file = self.file(seat, &posted.file);
                let gone = || No::key(409, "not_brought", "propose-gone");
                file.ok_or_else(gone)?.change
            }
            _ => return Err(No::malformed()),
        })
    }

    fn key(&self, posted: &PostedProposal) -> Result<NewCredential, No> {
        let made = self.made(&posted.made);
        let made = made.ok_or_else(|| No::key(409, "not_made", "enrol-gone"))?;
        Ok(made.key)
    }

    /// First moment without the roles, ms.
    fn end(&self, posted: &PostedProposal) -> Result<u64, No> {
        let days = posted.days.trim().parse().ok();
        let days = days.filter(|days| (1..=ROLE_DAYS_MAX).contains(days));
        let days: u64 = days.ok_or_else(|| No::key(400, "days", "propose-bad-days"))?;
        let now = self.desk.now();
        Ok(now.saturating_add(days.saturating_mul(DAY_MS)))
    }

    fn enrolment(&self, posted: &PostedProposal) -> Result<Enrolment, No> {
        let (key, expires) = (self.key(posted)?, self.end(posted)?);
        let parts = posted
            .roles
            .split([',', ' '])
            .filter(|role| !role.is_empty());
        let roles: Vec<String> = parts.map(str::to_owned).collect();
        if roles.is_empty() {
            return Err(No::key(400, "roles", "propose-no-roles"));
        }
        Ok(Enrolment {
            actor: named(&posted.account)?,
            person: named(&posted.person)?,
            roles,
            expires,
            credentials: vec![key],
        })
    }

    /// Begins a proposal: the challenge binds the exact command.
    pub(crate) fn begin_proposal(
        &self,
        seat: &Seat,
        posted: &PostedProposal,
    ) -> Result<Prompt, No> {
        let change = self.change(seat, posted)?;
        let id = format!("{}-{}", change.action(), random_hex::<4>()?);
        let digest = self.desk.digest_of(&id, &change, &seat.holder.person);
        let (digest, _) = digest.ok_or_else(No::unavailable)?;
        let fresh: [u8; 32] = random()?;
        let parts = [PROPOSAL_LABEL.as_bytes(), &digest, &fresh];
        let challenge = *Digest::of_parts(&parts).as_bytes();
        let purpose = Purpose::Propose {
            id,
            change: Box::new(change),
        };
        self.begin_seated(seat, purpose, challenge)
    }

    /// Finishes a proposal; gives its id.
    pub(crate) fn finish_proposal(
        &self,
        seat: &Seat,
        ticket: &str,
        given: &Given,
    ) -> Result<String, No> {
        let begun = self.of_seat(seat, ticket)?;
        let Purpose::Propose { id, change } = begun.purpose else {
            return Err(No::over());
        };
        let holder = self.desk.holder(&given.credential).map_err(No::of_holder)?;
        if holder.person != seat.holder.person {
            return Err(No::key(403, "credential_of_other", "propose-other"));
        }
        self.checked(&holder, &begun.challenge, given)?;
        match self.desk.proposed(&seat.holder.account, &id, *change)? {
            Told::Done => Ok(id),
            // It waits for its quorum, or was not recorded at all.
            Told::Waits(_) if self.desk.matter(&id).is_some() => Ok(id),
            Told::Waits(reason) | Told::Refused(reason) => Err(No::of_reason(reason)),
        }
    }
}
