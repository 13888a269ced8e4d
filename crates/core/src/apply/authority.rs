//! Folds what concerns authority: rules, credentials, matters and their voices, stops, sign-ins, findings, sealed keys.

use crate::authority::SignIns;
use crate::authority::Stop;
use crate::authority::credential::{Credential, NewCredential};
use crate::authority::finding::Finding;
use crate::authority::matter::{Matter, Target, Voice};
use crate::authority::people;
use crate::authority::proof::Proof;
use crate::authority::{Stopped, Tightened, stopped_by};
use crate::due::Timer;
use crate::event::{AuthorityEvent, Event};
use crate::guard::{Change, Standing};
use crate::registry::PersonIx;
use crate::state::State;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Mismatches are counted over this time, ms: ten minutes.
pub(crate) const MISMATCHES_MS: u64 = 600_000;

/// Folds the event; false if it is another's.
pub(super) fn apply(state: &mut State, at: u64, event: &Event) -> bool {
    let Event::Authority(event) = event else {
        return false;
    };
    let authority = &mut state.authority;
    match event {
        AuthorityEvent::AuthorityAdopted(rules) => {
            authority.rules = Some(rules.clone());
            may_complete(state);
        }
        AuthorityEvent::AuthorityDemanded => {
            authority.demanded.get_or_insert(at);
        }
        AuthorityEvent::AuthorityBootstrapped { administrators } => {
            let registry = &state.registry;
            let known = administrators
                .iter()
                .filter_map(|name| registry.person(name));
            authority.administrators = known.collect();
        }
        AuthorityEvent::BootstrapCompleted => {
            authority.completed.get_or_insert(at);
            may_complete(state);
            super::requests::judge_waiting(state);
        }
        AuthorityEvent::CredentialEnrolled { person, credential } => {
            enrolled(state, person, credential)
        }
        AuthorityEvent::CredentialEnded { credential } => ended(state, *credential),
        AuthorityEvent::PersonReinstated { person } => {
            authority.suspended.remove(person);
            may_complete(state);
        }
        AuthorityEvent::CredentialsReset { person } => {
            authority.resets.insert(*person, at);
        }
        AuthorityEvent::SignedIn {
            person,
            device,
            place,
            ..
        } => signed_in(
            authority.sign_ins.entry(*person).or_default(),
            at,
            device,
            place,
        ),
        AuthorityEvent::FindingCleared { finding, by } => {
            let place = usize::try_from(*finding).unwrap_or(usize::MAX);
            if let Some(row) = authority.findings.get_mut(place) {
                row.cleared = Some((*by, at));
            }
        }
        AuthorityEvent::BreakGlassUsed { until, .. } => authority.break_glass = Some(*until),
        AuthorityEvent::MismatchCounted { wallet } => {
            let times = authority.mismatches.entry(*wallet).or_default();
            times.retain(|seen| at < seen.saturating_add(MISMATCHES_MS));
            times.push(at);
        }
        AuthorityEvent::NoticeGiven { .. } => {}
        other => {
            if !stops(state, at, other) {
                matters(state, at, other);
            }
        }
    }
    true
}

/// Stops of one person, and changes that are held back.
fn stops(state: &mut State, at: u64, event: &AuthorityEvent) -> bool {
    let begun = |proposal: u32, by: PersonIx| Stop {
        proposal,
        by,
        since: at,
        kept: false,
    };
    match event {
        AuthorityEvent::StopBegun {
            scope,
            proposal,
            by,
        } => {
            let stop = begun(*proposal, *by);
            state.authority.stops.insert(*scope, stop);
        }
        AuthorityEvent::PersonSuspended {
            person,
            proposal,
            by,
        } => {
            let stop = begun(*proposal, *by);
            state.authority.suspended.entry(*person).or_insert(stop);
            may_complete(state);
        }
        AuthorityEvent::StopKept { proposal } => {
            let place = usize::try_from(*proposal).unwrap_or(usize::MAX);
            let change = state.guard.proposals.get(place).map(|row| &row.change);
            let stopped = change.and_then(|change| stopped_by(state, change));
            let authority = &mut state.authority;
            let stop = match stopped {
                Some(Stopped::Scope(scope)) => authority.stops.get_mut(&scope),
                Some(Stopped::Person(person)) => authority.suspended.get_mut(&person),
                Some(Stopped::Policy) => {
                    policy_kept(state);
                    return true;
                }
                None => None,
            };
            if let Some(stop) = stop {
                stop.kept = true;
                stop.proposal = *proposal;
            }
        }
        AuthorityEvent::RolesRenewed { actor, expires } => {
            let index = state.position;
            if let Some(row) = state.registry.actors.get_mut(actor.place()) {
                // Roles that had ended are held anew, not all along.
                if row.expires.is_some_and(|ended| ended <= at) {
                    row.since.fill(index);
                }
                row.expires = Some(*expires);
            }
            changed(state);
        }
        AuthorityEvent::ChangeHeldBack { proposal, reason } => {
            super::requests::end_wait(state, *proposal);
            let held = Standing::Held(reason.clone());
            super::requests::with(state, *proposal, |row| row.standing = held);
        }
        _ => return false,
    }
    true
}

/// A quorum stands behind the policy in force: what waited although its rules deny it is judged again.
fn policy_kept(state: &mut State) {
    state.authority.tightened = None;
    if !state.guard.policy.rules.is_empty() {
        super::requests::judge_waiting(state);
    }
}

/// A change comes into force. If it is a policy that one person adopts, the one that the last quorum stood behind stays
/// known until a quorum says which of them holds. One person's proposal is recorded as cleared, a quorum's waits.
pub(super) fn policy_comes(state: &mut State, at: u64, proposal: u32) {
    let place = usize::try_from(proposal).unwrap_or(usize::MAX);
    let row = state.guard.proposals.get(place);
    let Some(row) = row.filter(|row| matches!(row.change, Change::AdoptPolicy(_))) else {
        return;
    };
    let alone = row.standing == Standing::Cleared && state.authority.rules.is_some();
    let before = &state.guard.policy;
    let by = row.persons.first().copied();
    let Some(by) = by.filter(|_| alone && before.version > 0) else {
        state.authority.tightened = None;
        return;
    };
    let stop = Stop {
        proposal,
        by,
        since: at,
        kept: false,
    };
    let tightened = state.authority.tightened.get_or_insert_with(|| Tightened {
        before: Box::new(before.clone()),
        by: Vec::new(),
        stop,
    });
    tightened.by.push(by);
    tightened.stop = stop;
}

/// What asks for approvals, and what people say.
fn matters(state: &mut State, at: u64, event: &AuthorityEvent) {
    let index = state.position;
    match event {
        AuthorityEvent::ApprovalAsked {
            target,
            class,
            by,
            command,
            policy,
        } => {
            let matter = Matter {
                class: *class,
                index,
                at,
                by: *by,
                command: *command,
                policy: *policy,
                voices: Vec::new(),
            };
            state.authority.matters.insert(*target, matter);
        }
        AuthorityEvent::ApprovalProven {
            target,
            person,
            proof,
            counter,
        } => proven(state, at, (*target, *person), proof, *counter),
        AuthorityEvent::FindingRaised { finding, policy } => raised(state, at, finding, policy),
        _ => {}
    }
}

fn proven(
    state: &mut State,
    at: u64,
    (target, person): (Target, PersonIx),
    proof: &Proof,
    counter: u32,
) {
    let index = state.position;
    let authority = &mut state.authority;
    authority.nonces.insert((person, proof.nonce), target);
    let number = authority.by_credential.get(&proof.credential).copied();
    let place = number.and_then(|number| usize::try_from(number).ok());
    let credential = number.unwrap_or(u32::MAX);
    if let Some(row) = place.and_then(|place| authority.credentials.get_mut(place)) {
        row.counter = counter;
    }
    if let Some(matter) = authority.matters.get_mut(&target) {
        matter.voices.push(Voice {
            person,
            role: proof.role.clone(),
            credential,
            decision: proof.decision,
            at,
            index,
        });
    }
}

/// A finding is a matter of its own: another person's proof clears it.
fn raised(state: &mut State, at: u64, finding: &Finding, policy: &[u8; 32]) {
    let index = state.position;
    let number = u32::try_from(state.authority.findings.len()).unwrap_or(u32::MAX);
    let command = crate::authority::binding::of_finding(state, number, finding, policy);
    let matter = Matter {
        class: crate::authority::class::Class::LiftStop,
        index,
        at,
        by: None,
        command: command.digest(),
        policy: *policy,
        voices: Vec::new(),
    };
    let authority = &mut state.authority;
    authority.matters.insert(Target::Finding(number), matter);
    authority.findings.push(finding.clone());
}

fn enrolled(state: &mut State, person: &str, credential: &NewCredential) {
    let Some(person) = state.registry.person(person) else {
        return;
    };
    let number = u32::try_from(state.authority.credentials.len()).unwrap_or(u32::MAX);
    let from = state.position;
    let authority = &mut state.authority;
    authority
        .by_credential
        .insert(credential.id.clone(), number);
    authority.credentials.push(Credential {
        key: credential.clone(),
        person,
        from,
        until: None,
        counter: 0,
    });
    changed(state);
}

fn ended(state: &mut State, credential: u32) {
    let until = state.position;
    let place = usize::try_from(credential).unwrap_or(usize::MAX);
    if let Some(row) = state.authority.credentials.get_mut(place) {
        row.until.get_or_insert(until);
    }
    changed(state);
}

/// The roster is another one.
pub(super) fn changed(state: &mut State) {
    let version = &mut state.authority.roster_version;
    *version = version.saturating_add(1);
    may_complete(state);
}

/// The bootstrap ends as soon as time is observed, if the people there are can fill every quorum now.
fn may_complete(state: &mut State) {
    if state.authority.rules.is_none() {
        return;
    }
    state.timers.forget(Timer::BootstrapEnds);
    let waits = state.authority.completed.is_none();
    if waits && people::unfillable(state, state.at).is_none() {
        state.timers.insert(state.at, Timer::BootstrapEnds);
    }
}

fn signed_in(seen: &mut SignIns, at: u64, device: &str, place: &str) {
    seen.devices.insert(String::from(device));
    seen.last = Some((at, String::from(place)));
}
