//! Whether people approved one withdrawal as far as its amount asks for it. Signers and responders pin people and limits by
//! themselves and ask here: the host's roster and quorum are not read.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::check::{Cause, Granted, Refusal, Rules, Seen, Timing, Voice, check};
use super::{Approval, ApprovalsFile, Quorum};
use crate::intent::Intent;
use crate::roster::Roster;

/// What the reader pins for withdrawals of one asset.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// Up to it nobody is asked, minor units.
    pub automatic_limit: u128,
    /// Above it every approval must be made for `client_rp_id`, minor units.
    pub client_limit: u128,
    /// Whose answers count. A credential with an end does not, whenever the host says that it was asked.
    pub people: &'a Roster,
    /// What is needed above `automatic_limit`; `None`: nothing is approved above it.
    pub quorum: Option<&'a Quorum>,
    /// What is needed above `client_limit`; `None`: nothing is approved above it.
    pub client_quorum: Option<&'a Quorum>,
    /// Ids of relying parties that count, that of the separate client among them.
    pub rp_ids: &'a [String],
    /// That of the separate client, which shows what it decoded itself; `None`: nothing is approved above `client_limit`.
    pub client_rp_id: Option<&'a str>,
    /// Web origins that count.
    pub origins: &'a [String],
    /// How long an approval holds from its receipt, seconds.
    pub approval_ttl: u64,
}

/// Why a withdrawal does not count as approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unapproved {
    /// No quorum is pinned for such an amount.
    QuorumUnset {
        /** Whether it is the one above `client_limit`. */
        client: bool,
    },
    /// No approvals came along.
    Missing {
        /** Minor units. */
        amount: u128,
        /** Minor units. */
        limit: u128,
    },
    /// What was approved is another withdrawal, or none.
    OtherIntent {
        /** Canonical text of the approved intent; empty if there is none. */
        approved: String,
    },
    /// The approvals do not hold, or do not suffice.
    Refused(Refusal),
    /// Above `client_limit`, and an approval was made for another relying party than the separate client's.
    ClientRequired {
        /** Whose. */
        approver: String,
        /** The separate client's; empty where none is pinned. */
        rp_id: String,
    },
}

impl fmt::Display for Unapproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QuorumUnset { client: false } => f.write_str("no quorum is pinned"),
            Self::QuorumUnset { client: true } => {
                f.write_str("no quorum is pinned for amounts above the client limit")
            }
            Self::Missing { amount, limit } => {
                write!(
                    f,
                    "`{amount}` is above `{limit}`, and no approvals came along"
                )
            }
            Self::OtherIntent { .. } => f.write_str("of another intent"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::ClientRequired { approver, rp_id } => write!(
                f,
                "above the client limit, and `{approver}` did not approve in the separate client (`{rp_id}`)"
            ),
        }
    }
}

impl core::error::Error for Unapproved {}

/// Whether the pinned people approved exactly `intent`, where its amount needs them; `None` where it does not: approvals that
/// come along below the limit are not looked at. `now` is in Unix seconds.
///
/// An answer shown again approves nothing more, as readers bind each intent to what it spends; so no nonces are kept from
/// file to file. The order in which the host says that challenge and answer came is its own word, but the end of the touch is
/// signed: an answer is at most as old as `approval_ttl`, counted from at most [`super::MAX_TOUCH`] before that end.
///
/// # Errors
/// The first thing that does not hold.
pub fn check_intent(
    intent: &Intent,
    file: Option<&ApprovalsFile>,
    pinned: &Pinned<'_>,
    now: u64,
) -> Result<Option<Granted>, Unapproved> {
    if intent.amount <= pinned.automatic_limit {
        return Ok(None);
    }
    let client = intent.amount > pinned.client_limit;
    let quorum = if client {
        pinned.client_quorum
    } else {
        pinned.quorum
    };
    let quorum = quorum.ok_or(Unapproved::QuorumUnset { client })?;
    let file = file.ok_or(Unapproved::Missing {
        amount: intent.amount,
        limit: pinned.automatic_limit,
    })?;
    let approved = file.command.intent();
    if approved.as_ref() != Some(intent) {
        return Err(Unapproved::OtherIntent {
            approved: approved.map(|other| other.to_text()).unwrap_or_default(),
        });
    }
    // The index of the proposal is the host's word: by it a key that has ended would count as it did once.
    let ended = |approval: &Approval| {
        let known = pinned.people.credential(&approval.credential_id);
        known.is_some_and(|(_, credential)| credential.until.is_some())
    };
    if let Some(position) = file.approvals.iter().position(ended) {
        return Err(Unapproved::Refused(Refusal {
            position: Some(position),
            cause: Cause::CredentialInactive,
        }));
    }
    let rules = Rules {
        rp_ids: pinned.rp_ids,
        origins: pinned.origins,
        least: Some(quorum),
        administrative: false,
        timing: Some(Timing {
            now,
            approval_ttl: pinned.approval_ttl,
            delay: 0,
        }),
    };
    let granted = check(file, pinned.people, &rules, &mut Seen::default());
    let granted = granted.map_err(Unapproved::Refused)?;
    let foreign = |voice: &&Voice| Some(voice.rp_id.as_str()) != pinned.client_rp_id;
    match granted.voices.iter().find(foreign) {
        Some(voice) if client => Err(Unapproved::ClientRequired {
            approver: voice.approver.clone(),
            rp_id: pinned.client_rp_id.unwrap_or_default().to_owned(),
        }),
        _ => Ok(Some(granted)),
    }
}
