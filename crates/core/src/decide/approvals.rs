//! Approvals of requests: who may stand for one, what they saw of it, and what follows when enough of them did.

use super::requests::{Ruled, asked, clear, judge, record, tell_alarm};
use super::turn::Turn;
use super::{Ruling, authority};
use crate::address::same;
use crate::answer::Answer;
use crate::command::Binds;
use crate::event::{Event, Judged};
use crate::guard::{Approval, Ask, Request, Standing};
use crate::incident::AlarmCode;
use crate::policy::ActionClass;
use crate::reason::{Effect, Reason};
use crate::registry::PersonIx;
use crate::state::State;
use alloc::borrow::Cow;
use alloc::string::String;

/// The person may stand for or against this request: not the requester's, and with the role.
fn approver(turn: &mut Turn<'_>, request: &Request) -> Result<PersonIx, Reason> {
    let (actor, person) = turn.needs_actor()?;
    let registry = &turn.state.registry;
    let asked_by = request.actor.and_then(|ix| registry.actors.get(ix.place()));
    let name = registry
        .persons
        .get(person.place())
        .cloned()
        .unwrap_or_default();
    if request.actor == Some(actor) {
        return Err(Reason::SelfApproval { person: name });
    }
    if asked_by.is_some_and(|by| by.person == person) {
        return Err(Reason::SamePerson { person: name });
    }
    if authority::rules(turn).is_some() {
        authority::may_speak(turn, request)?;
    } else {
        turn.needs_role(ActionClass::Approve)?;
    }
    Ok(person)
}

/// A nonce is what makes a repeat of an approval harmless: it can't be empty.
fn needs_nonce(turn: &Turn<'_>, nonce: &str) -> Result<(), Reason> {
    if nonce.is_empty() {
        return Err(turn.malformed("an approval needs a nonce that the person never used before"));
    }
    Ok(())
}

fn find<'a>(turn: &Turn<'a>, target: &str) -> Result<(u32, Cow<'a, Request>), Reason> {
    let found = turn.state.guard.request(target);
    let (number, request) = found.ok_or_else(|| Reason::UnknownTarget {
        target: String::from(target),
    })?;
    Ok((number, as_of_now(turn, number, request)))
}

/// The request with what is asked of people for it: where it waits to be judged again, by the policy in force.
pub(super) fn as_of_now<'a>(
    turn: &Turn<'a>,
    number: u32,
    request: &'a Request,
) -> Cow<'a, Request> {
    if !turn.state.guard.again.contains(&number) {
        return Cow::Borrowed(request);
    }
    let judged = rule(turn, number, request, true).judged;
    Cow::Owned(asking(request, judged.as_ref()))
}

/// All checks but approvals of a request that waits.
fn rule(turn: &Turn<'_>, number: u32, request: &Request, again: bool) -> Ruled {
    let least = least_approvals(turn, &request.ask);
    let mut ruled = judge(turn, number, &request.ask, request.actor, least);
    if again && ruled.judged.is_none() {
        // The policy has no rules any more; what they asked for falls away.
        ruled.judged = Some(Judged {
            request: number,
            version: turn.policy().version,
            needs: least,
            ..Judged::default()
        });
    }
    ruled
}

/// The request, asking of people what was judged.
fn asking(request: &Request, judged: Option<&Judged>) -> Request {
    let mut asked = request.clone();
    if let Some(judged) = judged {
        asked.needs = judged.needs;
        asked.roles.clone_from(&judged.roles);
        asked.delay_ms = judged.delay_ms;
    }
    asked
}

pub(super) fn approve(
    turn: &mut Turn<'_>,
    target: &str,
    nonce: &str,
    binds: Option<&Binds>,
    seen: Option<&[u8; 32]>,
) -> Ruling {
    needs_nonce(turn, nonce)?;
    let (number, request) = find(turn, target)?;
    authority::unproven(turn, &request.ask)?;
    let person = approver(turn, &request)?;
    if let Some(binds) = binds {
        bound(turn.state, &request.ask, binds)?;
    }
    if seen.is_some_and(|seen| *seen != request.digest()) {
        // Somebody's screen shows another payment than the guard was asked for.
        turn.alarm(AlarmCode::PayloadMismatch, target);
        return Err(Reason::SeenMismatch);
    }
    match turn.state.guard.nonces.get(&(person, String::from(nonce))) {
        Some(used) if *used == number => {
            turn.repeated = true;
            return Ok(Answer::Recorded);
        }
        Some(_) => {
            return Err(Reason::ApprovalReplayed {
                nonce: String::from(nonce),
            });
        }
        None => {}
    }
    let Standing::Held(before) = &request.standing else {
        return Ok(Answer::Recorded);
    };
    let approval = Approval {
        person,
        at: turn.at,
        nonce: String::from(nonce),
    };
    let mut after = Request::clone(&request);
    after.approvals.push(approval.clone());
    turn.emit(Event::ApprovalGiven {
        request: number,
        approval,
    });
    let valid = after.approvers(turn.policy(), turn.at, false);
    let again = turn.state.guard.again.contains(&number);
    if again || valid >= request.needs || !turn.policy().rules.is_empty() {
        judge_now(turn, number, &after, again);
    } else if matches!(before, Reason::ApprovalsShort { .. }) {
        let reason = Reason::ApprovalsShort {
            valid,
            needs: request.needs,
        };
        turn.emit(Event::RequestHeld {
            request: number,
            reason,
        });
    }
    Ok(Answer::Recorded)
}

/// Judges a request that waits by the policy in force, with the approvals it has, and clears it if nothing stands in the
/// way. Approvals that it already needed stay needed unless rules say otherwise.
fn settle(turn: &mut Turn<'_>, number: u32, request: &Request, again: bool) -> Result<(), Reason> {
    let ruled = rule(turn, number, request, again);
    let asked = asking(request, ruled.judged.as_ref());
    let open = authority::open(turn);
    if asked.needs > 0 {
        authority::asks(turn, number, (&request.id, &request.ask), request.actor);
    }
    let quorum = authority::enough(turn, number, &asked);
    let verdict = open.and(ruled.verdict).and(quorum);
    let (verdict, mut judged) = (verdict.and(people(turn, &asked)), ruled.judged);
    if let (Err(Reason::RuleDelay { until }), Some(judged)) = (&verdict, &mut judged) {
        judged.until = Some(*until);
    }
    record(turn, judged);
    verdict?;
    let last = asked.approvals.iter().map(|approval| approval.at).max();
    let execution = turn.policy().execution_ms.filter(|_| asked.needs > 0);
    let latest = last.zip(execution).map(|(last, execution)| {
        last.saturating_add(asked.delay_ms)
            .saturating_add(execution)
    });
    clear(turn, number, &request.ask, latest).map(|_| ())
}

/// Approvals that the policy's tiers and budgets need, whatever its rules say.
fn least_approvals(turn: &Turn<'_>, ask: &Ask) -> u32 {
    match ask {
        Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
            turn.policy().approvals(*asset, *units)
        }
        Ask::Credit { budget, .. } => turn.policy().budget(budget).map_or(0, |b| b.approvals),
    }
}

/// Enough people approved, each role that is asked for is among them, and the wait since the last of them is over.
fn people(turn: &Turn<'_>, request: &Request) -> Result<(), Reason> {
    let policy = turn.policy();
    let (needs, valid) = (request.needs, request.approvers(policy, turn.at, false));
    if valid < needs {
        return Err(Reason::ApprovalsShort { valid, needs });
    }
    if needs == 0 {
        return Ok(());
    }
    let ttl = policy.approval_ttl_ms;
    let holds = |a: &&Approval| ttl.is_none_or(|ttl| turn.at < a.at.saturating_add(ttl));
    let held = |role: &String| {
        let mut valid = request.approvals.iter().filter(holds);
        valid.any(|approval| has_role(turn, approval.person, role))
    };
    if let Some(role) = request.roles.iter().find(|role| !held(role)) {
        return Err(Reason::RoleShort { role: role.clone() });
    }
    let last = request.approvals.iter().filter(holds).map(|a| a.at).max();
    let until = last.unwrap_or(0).saturating_add(request.delay_ms);
    if request.delay_ms > 0 && turn.at < until {
        return Err(Reason::RuleDelay { until });
    }
    Ok(())
}

/// The approvals of a request that was cleared are enough for what the rules say now.
pub(super) fn still_enough(
    turn: &Turn<'_>,
    number: u32,
    request: &Request,
    judged: Option<Judged>,
) -> Result<(), Reason> {
    let judged = judged.unwrap_or_default();
    let mut asked = request.clone();
    asked.needs = judged.needs.max(least_approvals(turn, &request.ask));
    asked.roles = judged.roles;
    asked.delay_ms = judged.delay_ms;
    authority::enough(turn, number, &asked)?;
    people(turn, &asked)
}

/// One of the person's accounts has the role now.
fn has_role(turn: &Turn<'_>, person: PersonIx, role: &String) -> bool {
    let mut accounts = turn.state.registry.actors.iter();
    accounts.any(|actor| {
        let ended = actor.expires.is_some_and(|ended| ended <= turn.at);
        actor.person == person && !ended && actor.roles.contains(role)
    })
}

/// Judges a request again because time passed or the policy changed.
pub(super) fn judge_again(turn: &mut Turn<'_>, number: u32) {
    if let Some(request) = turn.state.guard.request_at(number) {
        judge_now(turn, number, request, true);
    }
}

/// Judges a request that waits, and clears it or says why not. `again`: because time passed or the policy changed, not
/// only because somebody approved.
pub(super) fn judge_now(turn: &mut Turn<'_>, number: u32, request: &Request, again: bool) {
    // What came before the bootstrap was over gets its first verdict now.
    let first = again
        && matches!(
            request.standing,
            Standing::Held(Reason::BootstrapIncomplete { .. })
        );
    if let Err(reason) = settle(turn, number, request, again) {
        let denied = first && reason.effect() == Effect::Deny;
        // What one person tightened ends nothing that waited: a quorum may take it back.
        let ruled_out = again
            && matches!(reason, Reason::RuleDenies { .. })
            && turn.state.authority.tightened.is_none();
        if first {
            tell_alarm(turn, &request.id, &request.ask, &reason);
        }
        let request = number;
        // Else only a rule ends it: a halt or a balance that is short may pass, and the approvals stay.
        turn.emit(if denied || ruled_out {
            Event::RequestDenied { request, reason }
        } else {
            Event::RequestHeld { request, reason }
        });
    }
}

/// The time to collect approvals is over and they are too few.
pub(super) fn collection_ends(turn: &mut Turn<'_>, number: u32) {
    let Some(request) = turn.state.guard.request_at(number) else {
        return;
    };
    let valid = request.approvers(turn.policy(), turn.at, false);
    turn.emit(Event::RequestDenied {
        request: number,
        reason: Reason::ApprovalExpired {
            valid,
            needs: request.needs,
        },
    });
}

/// It waited until nothing of it may be signed any more.
pub(super) fn intent_ends(turn: &mut Turn<'_>, request: u32) {
    let terms = turn.state.guard.clearances.terms.get(&request);
    let ended = terms.map_or(turn.at, |terms| terms.expires);
    let reason = Reason::ClearanceExpired { ended };
    turn.emit(Event::RequestDenied { request, reason });
}

/// What the approver says it is must be what it is.
fn bound(state: &State, ask: &Ask, binds: &Binds) -> Result<(), Reason> {
    let (to, asset, units) = asked(state, ask);
    let differs = if !same(&binds.to, &to) {
        "to"
    } else if binds.asset != state.registry.asset_id(asset) {
        "asset"
    } else if binds.units != units {
        "amount"
    } else {
        return Ok(());
    };
    Err(Reason::ApprovalMismatch {
        field: String::from(differs),
    })
}

pub(super) fn reject(turn: &mut Turn<'_>, target: &str, nonce: &str) -> Ruling {
    needs_nonce(turn, nonce)?;
    let (number, request) = find(turn, target)?;
    let person = approver(turn, &request)?;
    match turn.state.guard.nonces.get(&(person, String::from(nonce))) {
        Some(used) if *used != number => {
            return Err(Reason::ApprovalReplayed {
                nonce: String::from(nonce),
            });
        }
        _ => {}
    }
    if matches!(request.standing, Standing::Held(_)) {
        let person = turn
            .state
            .registry
            .persons
            .get(person.place())
            .cloned()
            .unwrap_or_default();
        let reason = Reason::RejectedByApprover { person };
        turn.emit(Event::RequestDenied {
            request: number,
            reason,
        });
    }
    Ok(Answer::Recorded)
}
