//! Whether people must approve, and whether the pinned ones did. The host's roster and quorum are not read.

use crate::refusal::Refusal;
use crate::request::Parts;
use crate::settings::{Asset, Settings};
use keepwhole_verify::approval::{Pinned, Unapproved, check_intent};

/// Whether the amount is above the automatic limit, and then whether the pinned people approved exactly this intent.
/// Gives whether people approved.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn check(
    parts: &Parts,
    asset: &Asset,
    settings: &Settings,
    now: u64,
) -> Result<bool, Refusal> {
    let approvals = &settings.approvals;
    let parties = || core::iter::once(&approvals.page).chain(&approvals.client);
    let rp_ids: Vec<String> = parties().map(|party| party.rp_id.clone()).collect();
    let origins = parties().flat_map(|party| party.origins.iter().cloned());
    let origins: Vec<String> = origins.collect();
    let named = |name: &Option<String>| settings.quorums.get(name.as_ref()?);
    let pinned = Pinned {
        automatic_limit: asset.automatic_limit,
        client_limit: asset.client_limit,
        people: &settings.approvers,
        quorum: named(&asset.quorum),
        client_quorum: named(&asset.client_quorum),
        rp_ids: &rp_ids,
        client_rp_id: approvals.client.as_ref().map(|client| &*client.rp_id),
        origins: &origins,
        approval_ttl: approvals.max_age,
    };
    let granted = check_intent(&parts.intent, parts.approvals.as_ref(), &pinned, now);
    granted
        .map(|granted| granted.is_some())
        .map_err(|why| refusal(why, parts))
}

fn refusal(why: Unapproved, parts: &Parts) -> Refusal {
    let intent = &parts.intent;
    match why {
        Unapproved::QuorumUnset { client } => Refusal::QuorumUnset {
            asset: intent.asset.clone(),
            key: if client { "client_quorum" } else { "quorum" },
        },
        Unapproved::Missing { amount, limit } => Refusal::ApprovalsMissing {
            amount,
            limit,
            asset: intent.asset.clone(),
        },
        Unapproved::OtherIntent { approved } => Refusal::CommandMismatch {
            approved,
            given: intent.to_text(),
        },
        Unapproved::Refused(refusal) => Refusal::ApprovalsRefused {
            cause: refusal.cause.name(),
            why: refusal.to_string(),
        },
        Unapproved::ClientRequired { approver, rp_id } => {
            Refusal::ClientRequired { approver, rp_id }
        }
    }
}
