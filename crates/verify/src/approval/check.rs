//! Whether the approvals of one file suffice: every answer is checked, one that does not hold fails them all.
//!
//! Rules and names of refusals: docs/approvals.md, "Check".

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Approval, ApprovalsFile, Command, Decision, Quorum};
use crate::digest::Digest;
use crate::roster::Roster;
use crate::webauthn::{self, Expected, counter_follows};

/// Longest time from challenge to answer, in seconds.
pub const MAX_TOUCH: u64 = 900;
/// Longest time from the proposal to an answer, in seconds.
pub const MAX_COLLECTION: u64 = 86_400;
/// Longest time in which an approved command may take effect once its delay is over, in seconds.
pub const MAX_EXECUTION: u64 = 86_400;

/// What the reader asks for.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Ids of relying parties that count.
    pub rp_ids: &'a [String],
    /// Web origins that count.
    pub origins: &'a [String],
    /// The reader's own quorum; the file's must ask for at least as much.
    pub least: Option<&'a Quorum>,
    /// The proposer may be one of the approvers, with an assertion of his own (administrative changes).
    pub administrative: bool,
    /// Where given: whether the approvals hold at a moment. Without it only the times inside the file are checked.
    pub timing: Option<Timing>,
}

/// The moment of use; seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Unix seconds.
    pub now: u64,
    /// How long an approval holds from its receipt.
    pub approval_ttl: u64,
    /// How long the command waits after the last approval.
    pub delay: u64,
}

/// Nonces and counters met so far: what keeps an answer from being used for a second proposal.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Challenge and proposal by nonce.
    nonces: BTreeMap<[u8; 16], (Digest, String)>,
    /// Times of receipt and counters by credential.
    counters: BTreeMap<Vec<u8>, BTreeSet<(u64, u32)>>,
}

/// What one answer added to [`Seen`].
type Added = ([u8; 16], Vec<u8>, Option<(u64, u32)>);

impl Seen {
    /// Takes note of an answer. The same answer to the same proposal may be shown again; another one with its nonce is
    /// refused, and so is a counter out of order.
    fn meet(
        &mut self,
        proposal: &str,
        approval: &Approval,
        challenge: Digest,
        counter: u32,
    ) -> Result<Option<Added>, Cause> {
        match self.nonces.get(&approval.nonce) {
            Some((met, of)) if *met == challenge && of == proposal => return Ok(None),
            Some(_) => return Err(Cause::NonceUsed),
            None => {}
        }
        let now = (approval.received, counter);
        let id = &approval.credential_id;
        let counters = self.counters.entry(id.clone()).or_default();
        let follows_last = counters
            .range(..=now)
            .next_back()
            .is_none_or(|(_, last)| counter_follows(*last, counter));
        let precedes_next = counters
            .range(now..)
            .next()
            .is_none_or(|(_, next)| counter_follows(counter, *next));
        if !follows_last || !precedes_next {
            return Err(Cause::Counter(counter));
        }
        // An authenticator without counter may have answered in this second already.
        let fresh = counters.insert(now);
        self.nonces
            .insert(approval.nonce, (challenge, proposal.to_owned()));
        Ok(Some((approval.nonce, id.clone(), fresh.then_some(now))))
    }

    fn forget(&mut self, added: Vec<Added>) {
        for (nonce, credential, now) in added {
            self.nonces.remove(&nonce);
            if let (Some(now), Some(counters)) = (now, self.counters.get_mut(&credential)) {
                counters.remove(&now);
            }
        }
    }
}

/// One person's approval that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The person.
    pub approver: String,
    /// The role that the approval counts for.
    pub role: String,
    /// Relying party of the assertion; it tells a separately delivered client from a web page.
    pub rp_id: String,
    /// Unix seconds.
    pub received: u64,
}

/// Approvals that suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What was approved.
    pub command: Command,
    /// Its digest.
    pub digest: Digest,
    /// Who approved, in order of receipt.
    pub voices: Vec<Voice>,
    /// Unix seconds of the last approval; a delay starts here.
    pub last: u64,
}

/// Why approvals do not count, and at which answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Position in `approvals`; `None` where the whole file is meant.
    pub position: Option<usize>,
    /// Why.
    pub cause: Cause,
}

/// Why an answer, or all of them, do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The roster has no such credential.
    CredentialUnknown,
    /// The credential is another person's.
    CredentialOfOther,
    /// The credential did not count at the proposal's journal index.
    CredentialInactive,
    /// The person does not have the role.
    RoleNotHeld,
    /// The assertion does not hold.
    Assertion(webauthn::Refusal),
    /// The challenge was made before the proposal.
    IssuedBeforeProposal,
    /// Received before the challenge was made, or after it expired.
    ReceivedOutsideTouch,
    /// The challenge holds longer than [`MAX_TOUCH`].
    TouchTooLong,
    /// Received later than [`MAX_COLLECTION`] after the proposal.
    ReceivedTooLate,
    /// Received before the answer above it.
    OutOfOrder,
    /// The nonce was used for another challenge.
    NonceUsed,
    /// The signature counter is not greater than the last one.
    Counter(u32),
    /// The proposer approves a command that is not administrative.
    Proposer,
    /// The person has approved already.
    ApproverTwice,
    /// Somebody rejected; nothing after it counts.
    Rejected(String),
    /// The file asks for less than the reader does.
    QuorumBelowLeast,
    /// Too few people.
    TooFewPeople {
        /** Needed. */
        needs: u32,
        /** Counted. */
        has: u32,
    },
    /// Nobody in a role that must be filled.
    RoleMissing(String),
    /// Received after the moment of use.
    ReceivedInFuture,
    /// The delay is not over; Unix seconds at which it will be.
    Delay(u64),
    /// Too long after the delay; Unix seconds at which it ended.
    ExecutionTooLate(u64),
    /// The intent has expired.
    IntentExpired(u64),
}

impl Cause {
    /// A stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CredentialUnknown => "credential_unknown",
            Self::CredentialOfOther => "credential_of_other",
            Self::CredentialInactive => "credential_inactive",
            Self::RoleNotHeld => "role_not_held",
            Self::Assertion(refusal) => refusal.name(),
            Self::IssuedBeforeProposal => "issued_before_proposal",
            Self::ReceivedOutsideTouch => "received_outside_touch",
            Self::TouchTooLong => "touch_too_long",
            Self::ReceivedTooLate => "received_too_late",
            Self::OutOfOrder => "out_of_order",
            Self::NonceUsed => "nonce_used",
            Self::Counter(_) => "counter",
            Self::Proposer => "proposer",
            Self::ApproverTwice => "approver_twice",
            Self::Rejected(_) => "rejected",
            Self::QuorumBelowLeast => "quorum_below_least",
            Self::TooFewPeople { .. } => "too_few_people",
            Self::RoleMissing(_) => "role_missing",
            Self::ReceivedInFuture => "received_in_future",
            Self::Delay(_) => "delay",
            Self::ExecutionTooLate(_) => "execution_too_late",
            Self::IntentExpired(_) => "intent_expired",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CredentialUnknown => f.write_str("the roster has no such credential"),
            Self::CredentialOfOther => f.write_str("the credential is another person's"),
            Self::CredentialInactive => {
                f.write_str("the credential did not count at the proposal's journal index")
            }
            Self::RoleNotHeld => f.write_str("the person does not have the role"),
            Self::Assertion(refusal) => refusal.fmt(f),
            Self::IssuedBeforeProposal => f.write_str("the challenge is older than the proposal"),
            Self::ReceivedOutsideTouch => {
                f.write_str("received before the challenge was made or after it expired")
            }
            Self::TouchTooLong => write!(f, "the challenge holds longer than {MAX_TOUCH} s"),
            Self::ReceivedTooLate => {
                write!(
                    f,
                    "received more than {MAX_COLLECTION} s after the proposal"
                )
            }
            Self::OutOfOrder => f.write_str("received before the answer above it"),
            Self::NonceUsed => f.write_str("the nonce was used for another challenge"),
            Self::Counter(counter) => write!(
                f,
                "signature counter `{counter}` is out of order: the key may be cloned"
            ),
            Self::Proposer => f.write_str("the proposer may not approve this action"),
            Self::ApproverTwice => f.write_str("the person has approved already"),
            Self::Rejected(person) => write!(f, "`{person}` rejected it"),
            Self::QuorumBelowLeast => f.write_str("the file asks for less than you do"),
            Self::TooFewPeople { needs, has } => {
                write!(f, "`{needs}` people are needed, `{has}` approved")
            }
            Self::RoleMissing(role) => write!(f, "nobody approved as `{role}`"),
            Self::ReceivedInFuture => f.write_str("received after the moment of use"),
            Self::Delay(end) => write!(f, "the delay ends at `{end}` (Unix seconds)"),
            Self::ExecutionTooLate(end) => write!(
                f,
                "more than {MAX_EXECUTION} s after the delay ended at `{end}` (Unix seconds)"
            ),
            Self::IntentExpired(end) => {
                write!(f, "the intent expired at `{end}` (Unix seconds)")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "`approvals[{position}]`: ")?;
        }
        write!(f, "{} (`{}`)", self.cause, self.cause.name())
    }
}

impl core::error::Error for Refusal {}

/// Checks all answers of a file against the roster in force at its proposal. `seen` carries nonces and counters from file
/// to file; it is left as it was where the file is refused.
///
/// # Errors
/// The first [`Refusal`]: answer by answer, then the whole.
pub fn check(
    file: &ApprovalsFile,
    roster: &Roster,
    rules: &Rules<'_>,
    seen: &mut Seen,
) -> Result<Granted, Refusal> {
    let mut added = Vec::new();
    let granted = check_file(file, roster, rules, seen, &mut added);
    if granted.is_err() {
        seen.forget(added);
    }
    granted
}

fn check_file(
    file: &ApprovalsFile,
    roster: &Roster,
    rules: &Rules<'_>,
    seen: &mut Seen,
    added: &mut Vec<Added>,
) -> Result<Granted, Refusal> {
    let whole = |cause| Refusal {
        position: None,
        cause,
    };
    let digest = file.command.digest();
    let (mut voices, mut rejected) = (Vec::new(), None);
    let mut last = 0;
    for (position, approval) in file.approvals.iter().enumerate() {
        let at = |cause| Refusal {
            position: Some(position),
            cause,
        };
        if approval.received < last {
            return Err(at(Cause::OutOfOrder));
        }
        last = approval.received;
        let (voice, challenge, counter) =
            check_answer(file, approval, &digest, roster, rules).map_err(at)?;
        let met = seen.meet(&file.proposal, approval, challenge, counter);
        added.extend(met.map_err(at)?);
        match approval.decision {
            Decision::Reject => {
                rejected.get_or_insert(at(Cause::Rejected(voice.approver)));
            }
            Decision::Approve => {
                check_person(file, &voice, &voices, rules).map_err(at)?;
                voices.push(voice);
            }
        }
    }
    if let Some(rejected) = rejected {
        return Err(rejected);
    }
    if rules.least.is_some_and(|least| !file.quorum.covers(least)) {
        return Err(whole(Cause::QuorumBelowLeast));
    }
    let voices = match rules.timing {
        None => voices,
        Some(timing) => still_holding(voices, timing).map_err(whole)?,
    };
    check_quorum(&file.quorum, &voices).map_err(whole)?;
    let last = voices.iter().map(|voice| voice.received).max().unwrap_or(0);
    if let Some(timing) = rules.timing {
        check_moment(file, last, timing).map_err(whole)?;
    }
    Ok(Granted {
        command: file.command.clone(),
        digest,
        voices,
        last,
    })
}

fn check_answer(
    file: &ApprovalsFile,
    approval: &Approval,
    command: &Digest,
    roster: &Roster,
    rules: &Rules<'_>,
) -> Result<(Voice, Digest, u32), Cause> {
    let (person, credential) = roster
        .credential(&approval.credential_id)
        .ok_or(Cause::CredentialUnknown)?;
    if person.id != approval.approver {
        return Err(Cause::CredentialOfOther);
    }
    if !credential.is_active(file.index) {
        return Err(Cause::CredentialInactive);
    }
    if !person.roles.contains(&approval.role) {
        return Err(Cause::RoleNotHeld);
    }
    check_times(file, approval)?;
    let challenge = approval
        .challenge(command)
        .ok_or(Cause::Assertion(webauthn::Refusal::Challenge))?;
    let expected = Expected {
        challenge: challenge.as_bytes(),
        rp_ids: rules.rp_ids,
        origins: rules.origins,
        device_bound: roster.device_bound_roles.contains(&approval.role),
    };
    let verified = webauthn::verify(&approval.assertion, &credential.public_key, &expected)
        .map_err(Cause::Assertion)?;
    let voice = Voice {
        approver: approval.approver.clone(),
        role: approval.role.clone(),
        rp_id: verified.rp_id,
        received: approval.received,
    };
    Ok((voice, challenge, verified.counter))
}

fn check_times(file: &ApprovalsFile, approval: &Approval) -> Result<(), Cause> {
    let Approval {
        issued,
        received,
        expires,
        ..
    } = *approval;
    if issued < file.proposed_at {
        return Err(Cause::IssuedBeforeProposal);
    }
    if received < issued || expires < received {
        return Err(Cause::ReceivedOutsideTouch);
    }
    if expires > issued.saturating_add(MAX_TOUCH) {
        return Err(Cause::TouchTooLong);
    }
    if received > file.proposed_at.saturating_add(MAX_COLLECTION) {
        return Err(Cause::ReceivedTooLate);
    }
    Ok(())
}

/// Rules on people that a rejection is exempt from: anybody, the proposer too, may stop a proposal.
fn check_person(
    file: &ApprovalsFile,
    voice: &Voice,
    before: &[Voice],
    rules: &Rules<'_>,
) -> Result<(), Cause> {
    if !rules.administrative && voice.approver == file.command.proposer() {
        return Err(Cause::Proposer);
    }
    if before.iter().any(|other| other.approver == voice.approver) {
        return Err(Cause::ApproverTwice);
    }
    Ok(())
}

/// The approvals whose time to live is not over; the second at which it ends is too late.
fn still_holding(voices: Vec<Voice>, timing: Timing) -> Result<Vec<Voice>, Cause> {
    if voices.iter().any(|voice| voice.received > timing.now) {
        return Err(Cause::ReceivedInFuture);
    }
    let holds = |voice: &Voice| timing.now < voice.received.saturating_add(timing.approval_ttl);
    Ok(voices.into_iter().filter(holds).collect())
}

fn check_quorum(quorum: &Quorum, voices: &[Voice]) -> Result<(), Cause> {
    let has = u32::try_from(voices.len()).unwrap_or(u32::MAX);
    if has < quorum.n {
        return Err(Cause::TooFewPeople {
            needs: quorum.n,
            has,
        });
    }
    // People differ already, and each speaks in one role: a role that is filled is filled by somebody of its own.
    match quorum
        .roles
        .iter()
        .find(|role| !voices.iter().any(|voice| voice.role == **role))
    {
        Some(role) => Err(Cause::RoleMissing(role.to_owned())),
        None => Ok(()),
    }
}

fn check_moment(file: &ApprovalsFile, last: u64, timing: Timing) -> Result<(), Cause> {
    let end = last.saturating_add(timing.delay);
    if timing.now < end {
        return Err(Cause::Delay(end));
    }
    if timing.now > end.saturating_add(MAX_EXECUTION) {
        return Err(Cause::ExecutionTooLate(end));
    }
    match file.command.intent() {
        Some(intent) if intent.is_expired(timing.now) => Err(Cause::IntentExpired(intent.expires)),
        _ => Ok(()),
    }
}
