//! Folds what concerns the guard: requests, approvals, clearances, changes, reads; and hands on what concerns subjects.

use super::{looking_back, push_outflow};
use crate::address::one_form;
use crate::custody::New;
use crate::due::Timer;
use crate::event::{Event, Judged};
use crate::guard::{Ask, Clearance, CreditLine, Proposal, Request, Standing};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::registry::{ActorIx, AssetIx, PersonIx};
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
            forget_waits(state, *request);
            holds_until_signed(state, *request);
            stand(state, *request, Standing::Denied(reason.clone()));
        }
        Event::RequestJudged(of) => judged(state, of.request, of),
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
            lapses_no_more(state, *request);
        }
        Event::ClearanceLapsed { request } => lapsed(state, *request),
        Event::DestinationListed { address } => {
            let listed = one_form(address).into_owned();
            state.guard.listed.entry(listed).or_insert(at);
            state.guard.alike.list(address);
            state.history.destination_listed(address, at);
        }
        Event::RolesRevoked { actor } => revoke(state, *actor),
        Event::RoleGranted {
            actor,
            role,
            expires,
        } => {
            grant(state, at, actor, role, *expires);
            super::authority::changed(state);
        }
        Event::RecordRead { person, owner, .. } => state.guard.reads.push((at, *person, *owner)),
        other => return changes(state, at, other),
    }
    true
}

fn changes(state: &mut State, at: u64, event: &Event) -> bool {
    match event {
        Event::IntentBound { .. }
        | Event::ClearanceIssued { .. }
        | Event::IssuedRedeemed { .. }
        | Event::ClearancesDead(_)
        | Event::AssetNamed { .. }
        | Event::KeyNamed { .. }
        | Event::SafeRegistered(_)
        | Event::BatchCodeRegistered(_) => super::clearances::apply(state, at, event),
        Event::ChangeProposed(proposal) => state.guard.proposals.push((**proposal).clone()),
        Event::ChangeApproved { proposal, person } => with(state, *proposal, |row| {
            row.persons.push(*person);
            row.last_approval = at;
        }),
        Event::ChangeWaits { proposal, until } => {
            end_wait(state, *proposal);
            let timer = Timer::ChangeComesIntoForce(*proposal);
            state.timers.insert(*until, timer);
            with(state, *proposal, |row| {
                row.standing = Standing::Held(Reason::CoolOff { until: *until })
            });
        }
        Event::ChangeInForce { proposal } => {
            end_wait(state, *proposal);
            super::authority::policy_comes(state, at, *proposal);
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
        other => {
            return super::authority::apply(state, at, other)
                || crate::subject::apply(state, at, other);
        }
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

pub(super) fn end_wait(state: &mut State, proposal: u32) {
    state.timers.forget(Timer::ChangeComesIntoForce(proposal));
}

pub(super) fn with(state: &mut State, proposal: u32, change: impl FnOnce(&mut Proposal)) {
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
    state.guard.waiting.insert(number);
    state.guard.requests.push(Request {
        id: String::from(id),
        ask: ask.clone(),
        actor,
        at,
        needs,
        approvals: Vec::new(),
        roles: Vec::new(),
        delay_ms: 0,
        judge_at: None,
        collect_until: None,
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
    let actor = row
        .actor
        .and_then(|actor| state.registry.actors.get(actor.place()));
    let person = actor.map(|actor| actor.person);
    forget_waits(state, request);
    let (history, within) = looking_back(state);
    history.cleared(request, &ask, person, &within);
    state.guard.open.add(request, &ask);
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
            if let Some(until) = until {
                let timer = Timer::ClearanceLapses(request);
                state.timers.insert(until, timer);
            }
            let new = New {
                at,
                units,
                before,
                request: Some(request),
            };
            push_outflow(state, (wallet, asset), new);
        }
        Ask::Credit { budget, lines, .. } => use_budget(state, budget, &lines, person),
    }
}

/// Nothing will leave for it: it holds nothing back any more, and its limits are free.
pub(super) fn lapsed(state: &mut State, request: u32) {
    release(state, request);
    // What was denied meanwhile stays so.
    if let Some(row) = state.guard.request_mut(request)
        && row.standing == Standing::Cleared
    {
        row.standing = Standing::Lapsed;
    }
    // It stays in the window of the caps, but holds nothing back in the wallet any more.
    if let Some(Ask::Withdrawal { wallet, asset, .. } | Ask::Transfer { wallet, asset, .. }) =
        state.guard.request_at(request).map(|row| &row.ask)
    {
        state.custody.outflow_lapsed((*wallet, *asset), request);
    }
    no_longer_open(state, request);
}

/// Its outflow is seen, or won't be.
pub(super) fn no_longer_open(state: &mut State, request: u32) {
    let guard = &mut state.guard;
    let place = usize::try_from(request).unwrap_or(usize::MAX);
    if let Some(row) = guard.requests.get(place) {
        guard.open.remove(request, &row.ask);
    }
    lapses_no_more(state, request);
}

/// Its clearance never lapses by itself from now on.
pub(super) fn lapses_no_more(state: &mut State, request: u32) {
    let row = state.guard.request_at(request);
    let clearance = row.and_then(|row| row.clearance.as_ref());
    if let Some(until) = clearance.and_then(|clearance| clearance.until) {
        let timer = Timer::ClearanceLapses(request);
        state.timers.remove(until, timer);
    }
}

/// It is denied after it was cleared, while a signer may still sign what was issued: what it took goes back when the last
/// of that ended.
fn holds_until_signed(state: &mut State, request: u32) {
    let ended = state.guard.clearances.last_end(request);
    let row = state.guard.request_at(request);
    let cleared = row.is_some_and(|row| row.standing == Standing::Cleared);
    let Some(ended) = ended.filter(|_| cleared) else {
        return;
    };
    lapses_no_more(state, request);
    if let Some(row) = state.guard.request_mut(request)
        && let Some(clearance) = &mut row.clearance
    {
        clearance.until = Some(ended);
        state.timers.insert(ended, Timer::ClearanceLapses(request));
    }
}

/// A request whose clearance lapsed or is dead counts in no window any more.
fn release(state: &mut State, request: u32) {
    let Some(ask) = state.guard.request_at(request).map(|row| row.ask.clone()) else {
        return;
    };
    let (history, within) = looking_back(state);
    history.lapsed(request, &ask, &within);
}

/// A policy came into force: what waits is judged by it, as soon as time is observed.
pub(super) fn policy_adopted(state: &mut State, policy: &Policy) {
    let before = core::mem::replace(&mut state.guard.policy, policy.clone());
    if before.reference != policy.reference {
        state.history.reference_changed();
    }
    state.guard.policy_digest = crate::command::sha256_of(policy);
    if !before.rules.is_empty() || !policy.rules.is_empty() {
        judge_waiting(state);
    }
}

/// A halt is over: what waits is judged again, where rules do that.
pub(super) fn resumed(state: &mut State) {
    if !state.guard.policy.rules.is_empty() {
        judge_waiting(state);
    }
}

/// A price of the asset counts after there was none to reckon with: what waits for it is judged again, where rules do that.
pub(super) fn priced(state: &mut State, base: AssetIx) {
    if state.guard.policy.rules.is_empty() {
        return;
    }
    let guard = &state.guard;
    let waits = |request: &u32| {
        guard.request_at(*request).is_some_and(|row| {
            let of = match &row.ask {
                Ask::Withdrawal { asset, .. } | Ask::Transfer { asset, .. } => *asset == base,
                Ask::Credit { lines, .. } => lines.iter().any(|line| line.asset == base),
            };
            of && matches!(&row.standing, Standing::Held(reason) if reason.wants_price())
        })
    };
    let waiting: Vec<u32> = guard.waiting.iter().copied().filter(waits).collect();
    state.guard.again.extend(waiting);
}

/// All that waits is judged again. Nothing more happens here, however many they are.
pub(super) fn judge_waiting(state: &mut State) {
    state.guard.again.clone_from(&state.guard.waiting);
}

/// When the request is judged again by itself.
fn judge_at(state: &mut State, request: u32, at: Option<u64>) {
    let Some(row) = state.guard.request_mut(request) else {
        return;
    };
    let before = core::mem::replace(&mut row.judge_at, at);
    if let Some(before) = before {
        state.timers.remove(before, Timer::RequestJudged(request));
    }
    if let Some(at) = at {
        state.timers.insert(at, Timer::RequestJudged(request));
    }
}

/// When the time to collect its approvals ends.
fn collect_until(state: &mut State, request: u32, until: Option<u64>) {
    let Some(row) = state.guard.request_mut(request) else {
        return;
    };
    let before = core::mem::replace(&mut row.collect_until, until);
    if let Some(before) = before {
        state.timers.remove(before, Timer::CollectionEnds(request));
    }
    if let Some(until) = until {
        state.timers.insert(until, Timer::CollectionEnds(request));
    }
}

/// It waits for nothing any more.
fn forget_waits(state: &mut State, request: u32) {
    judge_at(state, request, None);
    collect_until(state, request, None);
    if let Some(terms) = state.guard.clearances.terms.get(&request) {
        let timer = Timer::IntentEnds(request);
        state.timers.remove(terms.expires, timer);
    }
    state.guard.waiting.remove(&request);
    state.guard.again.remove(&request);
}

/// The rules were asked: what they need of people, and when to ask them again.
fn judged(state: &mut State, request: u32, judged: &Judged) {
    // What one person tightened ends nothing that waits.
    let by_one = state.authority.tightened.as_ref();
    let collection = by_one.map_or(&state.guard.policy, |by_one| &by_one.before);
    let collection = collection.collection_ms;
    let (policy, at) = (&state.guard.policy, state.at);
    let Some(row) = state.guard.request_at(request) else {
        return;
    };
    let short = row.approvers(policy, at, false) < judged.needs;
    // Nobody can be asked before the bootstrap is over; the time to collect begins then.
    let authority = &state.authority;
    let bootstraps = authority.rules.is_some() || authority.demanded.is_some();
    let waits = bootstraps && authority.completed.is_none();
    let from = row.at.max(authority.completed.unwrap_or(0));
    let until = collection
        .filter(|_| short && !waits)
        .map(|ms| from.saturating_add(ms));
    if let Some(row) = state.guard.request_mut(request) {
        row.needs = judged.needs;
        row.roles.clone_from(&judged.roles);
        row.delay_ms = judged.delay_ms;
    }
    state.guard.again.remove(&request);
    judge_at(state, request, judged.until);
    collect_until(state, request, until);
}

fn use_budget(state: &mut State, budget: String, lines: &[CreditLine], person: Option<PersonIx>) {
    let used = state.guard.budgets.entry(budget).or_default();
    for line in lines {
        used.total = used.total.saturating_add(line.units);
        let customer = used.by_customer.entry(line.owner).or_insert(0);
        *customer = customer.saturating_add(line.units);
        if let Some(person) = person {
            let asked = used.by_person.entry(person).or_insert(0);
            *asked = asked.saturating_add(line.units);
        }
    }
}

fn revoke(state: &mut State, actor: ActorIx) {
    if let Some(row) = state.registry.actors.get_mut(actor.place()) {
        row.roles.clear();
        row.since.clear();
    }
    super::authority::changed(state);
}

/// An account has one end for all its roles: a new role never prolongs the others, and roles that ended don't come
/// back with it.
fn grant(state: &mut State, at: u64, actor: &str, role: &str, expires: Option<u64>) {
    let index = state.position;
    let known = state.registry.actor(actor);
    let Some(row) = known.and_then(|ix| state.registry.actors.get_mut(ix.place())) else {
        let roles = alloc::vec![String::from(role)];
        state
            .registry
            .add_actor(String::from(actor), actor, roles, expires, index);
        return;
    };
    if row.expires.is_some_and(|ended| ended <= at) {
        row.roles.clear();
        row.since.clear();
    }
    let others = row.roles.iter().any(|known| known != role);
    if !row.roles.iter().any(|known| known == role) {
        row.roles.push(String::from(role));
        row.since.push(index);
    }
    row.expires = match (row.expires, expires) {
        (Some(old), Some(new)) if others => Some(old.min(new)),
        (old, None) if others => old,
        (_, new) => new,
    };
}
