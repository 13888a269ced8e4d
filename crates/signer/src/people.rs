//! Whether people must approve, and whether the pinned ones did. The host's roster and quorum are not read.

use crate::refusal::Refusal;
use crate::request::Parts;
use crate::settings::{Asset, Settings};
use keepwhole_verify::approval::{
    self, ApprovalsFile, Granted, Quorum, Rules, Seen, Timing, Voice,
};

/// Whether the amount is above the automatic limit, and then whether the pinned people approved exactly this intent.
/// Gives whether people approved: approvals that come along below the limit are not looked at.
///
/// The order in which the host says that challenge and answer came is its own word, but the end of the touch is signed: an
/// answer is at most as old as `approvals.max_age_hours`, counted from at most 15 minutes before that end.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn check(
    parts: &Parts,
    asset: &Asset,
    settings: &Settings,
    now: u64,
) -> Result<bool, Refusal> {
    let intent = &parts.intent;
    if intent.amount <= asset.automatic_limit {
        return Ok(false);
    }
    let approvals = &settings.approvals;
    let above_client = intent.amount > asset.client_limit;
    let (quorum, key) = if above_client {
        (&asset.client_quorum, "client_quorum")
    } else {
        (&asset.quorum, "quorum")
    };
    let quorum = quorum.as_ref().and_then(|name| settings.quorums.get(name));
    let quorum = quorum.ok_or_else(|| Refusal::QuorumUnset {
        asset: intent.asset.clone(),
        key,
    })?;
    let Some(file) = &parts.approvals else {
        return Err(Refusal::ApprovalsMissing {
            amount: intent.amount,
            limit: asset.automatic_limit,
            asset: intent.asset.clone(),
        });
    };
    let approved = file.command.intent();
    if approved.as_ref() != Some(intent) {
        return Err(Refusal::CommandMismatch {
            approved: approved.map(|intent| intent.to_text()).unwrap_or_default(),
            given: intent.to_text(),
        });
    }
    let granted = granted(file, quorum, settings, now)?;
    if above_client {
        let rp_id = approvals.client.as_ref().map(|client| &client.rp_id);
        let foreign = |voice: &&Voice| Some(&voice.rp_id) != rp_id;
        if let Some(voice) = granted.voices.iter().find(foreign) {
            return Err(Refusal::ClientRequired {
                approver: voice.approver.clone(),
                rp_id: rp_id.cloned().unwrap_or_default(),
            });
        }
    }
    Ok(true)
}

fn granted(
    file: &ApprovalsFile,
    quorum: &Quorum,
    settings: &Settings,
    now: u64,
) -> Result<Granted, Refusal> {
    let approvals = &settings.approvals;
    let parties = || core::iter::once(&approvals.page).chain(&approvals.client);
    let rp_ids: Vec<String> = parties().map(|party| party.rp_id.clone()).collect();
    let origins = parties().flat_map(|party| party.origins.iter().cloned());
    let origins: Vec<String> = origins.collect();
    let rules = Rules {
        rp_ids: &rp_ids,
        origins: &origins,
        least: Some(quorum),
        administrative: false,
        timing: Some(Timing {
            now,
            approval_ttl: approvals.max_age,
            delay: 0,
        }),
    };
    // Each intent is bound to one conflict key, so an answer shown again approves nothing more.
    approval::check(file, &settings.approvers, &rules, &mut Seen::default()).map_err(|refusal| {
        Refusal::ApprovalsRefused {
            cause: refusal.cause.name(),
            why: refusal.to_string(),
        }
    })
}
