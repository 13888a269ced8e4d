//! Folds what concerns the guard: requests, approvals, clearances, changes, reads; and hands on what concerns subjects.

use super::push_outflow;
use crate::custody::Outflow;
use crate::due::Timer;
use crate::event::Event;
use crate::guard::{Ask, Clearance, CreditLine, Proposal, Request, Standing};
use crate::reason::Reason;
use crate::registry::{ActorIx, PersonIx};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;

/// Folds the event; false if it is another's.
pub(super) fn apply(state: &mut State, at: u64, event: &Event) -> bool {
    match event {
        Event::RequestMade {
            id,
            ask,
            actor,
            needs,
        } => request_made(state, at, id, ask, *actor, *needs),
        Event::RequestHeld { request, reason } => {
            stand(state, *request, Standing::Held(reason.clone()))
        }
        Event::RequestDenied { request, reason } => {
            stand(state, *request, Standing::Denied(reason.clone()))
        }
        Event::RequestCleared {
            request,
            until,
            before,
        } => cleared(state, at, *request, *until, *before),
        Event::ApprovalGiven { request, approval } => {
            state
                .guard
                .nonces
                .insert((approval.person, approval.nonce.clone()), *request);
            if let Some(row) = state.guard.request_mut(*request) {
                row.approvals.push(approval.clone());
            }
        }
        Event::ClearanceRedeemed { request, payload } => {
            if let Some(clearance) = state
                .guard
                .request_mut(*request)
                .and_then(|r| r.clearance.as_mut())
            {
                clearance.redeemed = Some(*payload);
            }
            state
                .timers
                .retain(|(_, timer)| *timer != Timer::ClearanceLapses(*request));
        }
        Event::ClearanceLapsed { request } => {
            stand(state, *request, Standing::Lapsed);
            // It stays in the window of the caps, but holds nothing back in the wallet any more.
            if let Some(Ask::Withdrawal { wallet, asset, .. } | Ask::Transfer { wallet, asset, .. }) =
                state.guard.request_at(*request).map(|row| &row.ask)
                && let Some(list) = state.custody.windows.get_mut(&(*wallet, *asset))
            {
                for outflow in list.iter_mut().filter(|o| o.request == Some(*request)) {
                    outflow.lapsed = true;
                }
            }
            state.guard.open.retain(|open| open != request);
            state
                .timers
                .retain(|(_, timer)| *timer != Timer::ClearanceLapses(*request));
        }
        Event::DestinationListed { address } => {
            state.guard.listed.entry(address.clone()).or_insert(at);
        }
        Event::RolesRevoked { actor } => revoke(state, *actor),
        Event::RoleGranted {
            actor,
            role,
            expires,
        } => grant(state, at, actor, role, *expires),
        Event::IntentBound { .. }
        | Event::ClearanceIssued { .. }
        | Event::IssuedRedeemed { .. }
        | Event::AssetNamed { .. }
        | Event::KeyNamed { .. } => super::clearances::apply(state, at, event),
        Event::RecordRead { person, owner, .. } => state.guard.reads.push((at, *person, *owner)),
        other => return changes(state, at, other),
    }
    true
}

fn changes(state: &mut State, at: u64, event: &Event) -> bool {
    match event {
        Event::ChangeProposed(proposal) => state.guard.proposals.push((**proposal).clone()),
        Event::ChangeApproved { proposal, person } => with(state, *proposal, |row| {
            row.persons.push(*person);
            row.last_approval = at;
        }),
        Event::ChangeWaits { proposal, until } => {
            state
                .timers
                .insert((*until, Timer::ChangeComesIntoForce(*proposal)));
            with(state, *proposal, |row| {
                row.standing = Standing::Held(Reason::CoolOff { until: *until })
            });
        }
        Event::ChangeInForce { proposal } => {
            end_wait(state, *proposal);
            with(state, *proposal, |row| row.standing = Standing::Cleared);
        }
        Event::ChangeOvertaken { proposal } => {
            end_wait(state, *proposal);
            with(state, *proposal, |row| row.standing = Standing::Lapsed);
        }
        Event::ChangeCancelled { proposal, person } => {
            end_wait(state, *proposal);
            let person = person_name(state, *person);
            with(state, *proposal, |row| {
                row.standing = Standing::Denied(Reason::RejectedByApprover { person })
            });
        }
        other => return crate::subject::apply(state, at, other),
    }
    true
}

fn person_name(state: &State, person: PersonIx) -> String {
    state
        .registry
        .persons
        .get(person.place())
        .cloned()
        .unwrap_or_default()
}

fn end_wait(state: &mut State, proposal: u32) {
    state
        .timers
        .retain(|(_, timer)| *timer != Timer::ChangeComesIntoForce(proposal));
}

fn with(state: &mut State, proposal: u32, change: impl FnOnce(&mut Proposal)) {
    let place = usize::try_from(proposal).unwrap_or(usize::MAX);
    if let Some(row) = state.guard.proposals.get_mut(place) {
        change(row);
    }
}

fn stand(state: &mut State, request: u32, standing: Standing) {
    if let Some(row) = state.guard.request_mut(request) {
        row.standing = standing;
    }
}

fn request_made(
    state: &mut State,
    at: u64,
    id: &str,
    ask: &Ask,
    actor: Option<ActorIx>,
    needs: u32,
) {
    let number = u32::try_from(state.guard.requests.len()).unwrap_or(u32::MAX);
    state.guard.by_id.insert(String::from(id), number);
    state.guard.requests.push(Request {
        id: String::from(id),
        ask: ask.clone(),
        actor,
        at,
        needs,
        approvals: Vec::new(),
        standing: Standing::Held(Reason::ApprovalsShort { valid: 0, needs }),
        clearance: None,
    });
}

fn cleared(state: &mut State, at: u64, request: u32, until: Option<u64>, before: u128) {
    let Some(row) = state.guard.request_mut(request) else {
        return;
    };
    row.standing = Standing::Cleared;
    row.clearance = Some(Clearance {
        issued: at,
        until,
        redeemed: None,
        flow: None,
    });
    let ask = row.ask.clone();
    match ask {
        Ask::Withdrawal {
            wallet,
            asset,
            units,
            ..
        }
        | Ask::Transfer {
            wallet,
            asset,
            units,
            ..
        } => {
            state.guard.open.push(request);
            if let Some(until) = until {
                state
                    .timers
                    .insert((until, Timer::ClearanceLapses(request)));
            }
            push_outflow(
                state,
                wallet,
                asset,
                Outflow {
                    at,
                    units,
                    before,
                    request: Some(request),
                    seen: false,
                    lapsed: false,
                },
            );
        }
        Ask::Credit { budget, lines, .. } => use_budget(state, budget, &lines),
    }
}

fn use_budget(state: &mut State, budget: String, lines: &[CreditLine]) {
    let used = state.guard.budgets.entry(budget).or_default();
    for line in lines {
        used.total = used.total.saturating_add(line.units);
        let customer = used.by_customer.entry(line.owner).or_insert(0);
        *customer = customer.saturating_add(line.units);
    }
}

fn revoke(state: &mut State, actor: ActorIx) {
    if let Some(row) = state.registry.actors.get_mut(actor.place()) {
        row.roles.clear();
    }
}

/// An account has one end for all its roles: a new role never prolongs the others, and roles that ended don't come
/// back with it.
fn grant(state: &mut State, at: u64, actor: &str, role: &str, expires: Option<u64>) {
    let known = state.registry.actor(actor);
    let Some(row) = known.and_then(|ix| state.registry.actors.get_mut(ix.place())) else {
        let roles = alloc::vec![String::from(role)];
        state
            .registry
            .add_actor(String::from(actor), actor, roles, expires);
        return;
    };
    if row.expires.is_some_and(|ended| ended <= at) {
        row.roles.clear();
    }
    let others = row.roles.iter().any(|known| known != role);
    if !row.roles.iter().any(|known| known == role) {
        row.roles.push(String::from(role));
    }
    row.expires = match (row.expires, expires) {
        (Some(old), Some(new)) if others => Some(old.min(new)),
        (old, None) if others => old,
        (_, new) => new,
    };
}
