//! What a change does once it is in force under rules of authority, and what a stop becomes that a quorum keeps.

use super::super::changes::{halt, trip_by_person};
use super::super::custody;
use super::super::turn::Turn;
use super::changes::{approvers, of_account, rekeyed};
use super::{bootstrap, checks, rules};
use crate::authority::matter::{Decision, Target};
use crate::authority::rules::Rules;
use crate::breaker::{Scope, scope_of};
use crate::event::{AuthorityEvent, Event};
use crate::guard::{BreakGlass, Change, Standing};
use crate::incident::AlarmCode;
use crate::registry::PersonIx;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What a change does under rules of authority; false if it does what it does without them.
pub(in crate::decide) fn in_force(
    turn: &mut Turn<'_>,
    rules: &Rules,
    number: u32,
    change: &Change,
) -> bool {
    let late =
        !matches!(change, Change::AdoptPolicy(_)) && checks::change(turn, rules, change).is_err();
    if late {
        turn.emit(Event::ChangeOvertaken { proposal: number });
        return true;
    }
    match change {
        Change::Revoke { .. }
        | Change::RetireKey { .. }
        | Change::EnrolPerson(_)
        | Change::EnrolCredential { .. }
        | Change::EndCredential { .. }
        | Change::ResetCredentials { .. }
        | Change::AdoptAuthority(_)
        | Change::Reinstate { .. }
        | Change::BreakGlass(_)
        | Change::RegisterWallet(_)
        | Change::RenewRoles { .. }
        | Change::NameAsset { .. }
        | Change::NameKey { .. }
        | Change::ReleaseRedress { .. }
        | Change::DestroyKey { .. }
        | Change::OfCustody(_) => {}
        _ => return false,
    }
    turn.emit(Event::ChangeInForce { proposal: number });
    match change {
        Change::Revoke { actor } => suspend(turn, number, actor),
        Change::RetireKey { wallet } => {
            if let Some(wallet) = turn.state.registry.wallet(wallet) {
                halt(turn, number, Scope::Wallet(wallet));
            }
        }
        Change::EnrolPerson(new) => {
            bootstrap::enrol(turn, new);
            mark_reset(turn, change);
        }
        Change::AdoptAuthority(next) => adopt(turn, number, next),
        Change::BreakGlass(use_of) => break_glass(turn, rules, number, use_of),
        Change::RenewRoles { actor, expires } => {
            if let Some(actor) = turn.state.registry.actor(actor) {
                turn.emit(AuthorityEvent::RolesRenewed {
                    actor,
                    expires: *expires,
                });
            }
        }
        Change::OfCustody(body) => custody::in_force(turn, body),
        Change::RegisterWallet(_) | Change::NameAsset { .. } | Change::NameKey { .. } => {
            of_custody(turn, change);
        }
        Change::ReleaseRedress { entry } => turn.emit(Event::RedressSetPublished {
            entry: entry.clone(),
        }),
        Change::DestroyKey { subject, ground } => {
            let approvals = stood_behind(turn, number);
            turn.emit(Event::SubjectErased {
                subject: *subject,
                ground: ground.clone(),
                approvals,
            });
        }
        other => of_person(turn, other),
    }
    true
}

/// Wallets, and names on networks.
fn of_custody(turn: &mut Turn<'_>, change: &Change) {
    match change {
        Change::RegisterWallet(wallet) => turn.emit(Event::WalletRegistered(wallet.clone())),
        Change::NameAsset { asset, caip19 } => {
            if let Some(asset) = turn.state.registry.asset(asset) {
                turn.emit(Event::AssetNamed {
                    asset,
                    caip19: caip19.clone(),
                });
            }
        }
        Change::NameKey {
            wallet,
            key,
            network,
        } => {
            if let Some(wallet) = turn.state.registry.wallet(wallet) {
                turn.emit(Event::KeyNamed {
                    wallet,
                    key: key.clone(),
                    network: network.clone(),
                });
            }
        }
        _ => {}
    }
}

/// The persons who approved a change, whoever of them did so in this turn too; each once.
fn stood_behind(turn: &Turn<'_>, number: u32) -> Vec<PersonIx> {
    let target = Target::Change(number);
    let matter = turn.state.authority.matters.get(&target);
    let before = matter.into_iter().flat_map(|matter| &matter.voices);
    let before = before.map(|voice| (voice.person, voice.decision));
    let now = turn.events.iter().filter_map(|event| match event {
        Event::Authority(AuthorityEvent::ApprovalProven {
            target: of,
            person,
            proof,
            ..
        }) if *of == target => Some((*person, proof.decision)),
        _ => None,
    });
    let approve = |(person, decision)| (decision == Decision::Approve).then_some(person);
    let mut persons: Vec<PersonIx> = before.chain(now).filter_map(approve).collect();
    persons.sort_unstable();
    persons.dedup();
    persons
}

/// Credentials and suspensions of a person who is known.
fn of_person(turn: &mut Turn<'_>, change: &Change) {
    match change {
        Change::EnrolCredential { person, credential } => {
            turn.emit(AuthorityEvent::CredentialEnrolled {
                person: person.clone(),
                credential: credential.clone(),
            });
            mark_reset(turn, change);
        }
        Change::EndCredential { credential } => {
            if let Some((credential, _)) = turn.state.authority.credential(credential) {
                turn.emit(AuthorityEvent::CredentialEnded { credential });
            }
        }
        Change::ResetCredentials { person, credential } => {
            let Some(who) = turn.state.registry.person(person) else {
                return;
            };
            end_credentials(turn, who);
            turn.emit(AuthorityEvent::CredentialEnrolled {
                person: person.clone(),
                credential: credential.clone(),
            });
            mark_reset(turn, change);
        }
        Change::Reinstate { person } => {
            if let Some(person) = turn.state.registry.person(person) {
                turn.emit(AuthorityEvent::PersonReinstated { person });
            }
        }
        _ => {}
    }
}

/// Somebody may speak as this person now who could not before: large actions are looked at for some days.
fn mark_reset(turn: &mut Turn<'_>, change: &Change) {
    if let Some(person) = rekeyed(turn, change) {
        turn.emit(AuthorityEvent::CredentialsReset { person });
    }
}

fn suspend(turn: &mut Turn<'_>, number: u32, actor: &str) {
    let person = of_account(turn, actor);
    let by = turn.needs_actor().ok().map(|(_, person)| person);
    if let (Some(person), Some(by)) = (person, by) {
        turn.emit(AuthorityEvent::PersonSuspended {
            person,
            proposal: number,
            by,
        });
        turn.alarm(AlarmCode::PersonSuspended, actor);
    }
}

/// A halt that a person made under rules of authority can be kept or lifted by a quorum.
pub(in crate::decide) fn stop_begun(turn: &mut Turn<'_>, number: u32, scope: Scope) {
    let by = turn.needs_actor().ok().map(|(_, person)| person);
    if let (Some(by), Some(_)) = (by, rules(turn)) {
        turn.emit(AuthorityEvent::StopBegun {
            scope,
            proposal: number,
            by,
        });
    }
}

/// New rules void every proposal that waits under the old ones.
fn adopt(turn: &mut Turn<'_>, number: u32, next: &Rules) {
    let state = turn.state;
    for (other, row) in (0_u32..).zip(&state.guard.proposals) {
        if other != number && matches!(row.standing, Standing::Held(_)) {
            turn.emit(Event::ChangeOvertaken { proposal: other });
        }
    }
    turn.emit(AuthorityEvent::AuthorityAdopted(Box::new(next.clone())));
}

/// Halts or sweeps, closes everything else, and wakes everybody.
fn break_glass(turn: &mut Turn<'_>, rules: &Rules, number: u32, use_of: &BreakGlass) {
    match use_of {
        BreakGlass::Freeze { scope } => {
            if let Some(scope) = scope_of(turn.state, scope) {
                trip_by_person(turn, scope, "frozen with sealed keys");
            }
        }
        BreakGlass::Sweep { wallet } => {
            let from = turn.state.registry.wallet(wallet);
            if let (Some(from), Some(to)) = (from, turn.policy().sweep_to) {
                turn.emit(Event::SweepOrdered { from, to });
            }
        }
    }
    turn.emit(AuthorityEvent::BreakGlassUsed {
        proposal: number,
        until: turn.at.saturating_add(rules.break_glass_ms),
    });
    turn.alarm(AlarmCode::BreakGlass, "sealed keys");
    let to = approvers(turn);
    turn.emit(AuthorityEvent::NoticeGiven {
        proposal: number,
        to,
    });
}

/// What a stop becomes when a quorum keeps it: roles and credentials end, a feared key is retired.
pub(super) fn keep(turn: &mut Turn<'_>, change: &Change) {
    match change {
        Change::Revoke { actor } => {
            let Some(person) = of_account(turn, actor) else {
                return;
            };
            let state = turn.state;
            for (place, row) in state.registry.actors.iter().enumerate() {
                if row.person == person
                    && let Some(actor) = crate::registry::ActorIx::next(place)
                {
                    turn.emit(Event::RolesRevoked { actor });
                }
            }
            end_credentials(turn, person);
        }
        Change::RetireKey { wallet } => {
            if let Some(wallet) = turn.state.registry.wallet(wallet) {
                turn.emit(Event::KeyRetired { wallet });
            }
        }
        _ => {}
    }
}

fn end_credentials(turn: &mut Turn<'_>, person: PersonIx) {
    let state = turn.state;
    for (credential, row) in (0_u32..).zip(&state.authority.credentials) {
        if row.person == person && row.until.is_none() {
            turn.emit(AuthorityEvent::CredentialEnded { credential });
        }
    }
}
