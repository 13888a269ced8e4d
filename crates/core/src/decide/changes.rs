//! Changes of settings and rights: what lowers risk acts at once by one person; what raises it needs a quorum and a
//! cool-off.

use super::turn::Turn;
use super::{Ruling, authority};
use crate::answer::Answer;
use crate::breaker::{Scope, scope_of};
use crate::event::Event;
use crate::guard::{Change, Proposal, Standing};
use crate::incident::{AlarmCode, Cause};
use crate::policy::{ActionClass, Policy};
use crate::reason::Reason;
use crate::registry::PersonIx;
use alloc::boxed::Box;
use alloc::string::String;

/// How a change bears on risk.
enum Direction {
    /// At once, by one person.
    Lowers,
    /// A quorum, no cool-off.
    Resumes,
    /// A quorum and a cool-off.
    Raises,
}

fn direction(policy: &Policy, change: &Change) -> Direction {
    match change {
        Change::Halt { .. } | Change::Revoke { .. } | Change::RetireKey { .. } => Direction::Lowers,
        Change::Resume { .. } => Direction::Resumes,
        Change::AdoptPolicy(next) if policy.only_tightened_by(next) => Direction::Lowers,
        Change::AdoptPolicy(_)
        | Change::Grant { .. }
        | Change::DisableWatch
        | Change::ListDestination { .. }
        | Change::MoveAwareness { .. }
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
        | Change::OfCustody(_) => Direction::Raises,
    }
}

pub(super) fn propose(turn: &mut Turn<'_>, change: &Change) -> Ruling {
    if let Some(rules) = authority::rules(turn) {
        return authority::propose(turn, rules, change);
    }
    let id = String::from(turn.needs_id()?);
    check_names(turn, change)?;
    let direction = direction(turn.policy(), change);
    let class = if matches!(direction, Direction::Lowers) {
        ActionClass::LowerRisk
    } else {
        ActionClass::RaiseRisk
    };
    let (_, person) = turn.needs_role(class)?;
    let number = u32::try_from(turn.state.guard.proposals.len()).unwrap_or(u32::MAX);
    let mut proposal = Proposal {
        id,
        change: change.clone(),
        persons: alloc::vec![person],
        last_approval: turn.at,
        standing: Standing::Cleared,
    };
    if let Change::MoveAwareness { .. } = change {
        return propose_fixed(turn, proposal.id, change, person);
    }
    if matches!(direction, Direction::Lowers) {
        turn.emit(Event::ChangeProposed(Box::new(proposal)));
        in_force(turn, number, change);
        return Ok(Answer::Cleared);
    }
    if matches!(direction, Direction::Raises) {
        turn.alarm(AlarmCode::AdminRiskChange, &proposal.id);
    }
    let needs = turn.policy().change_approvals.max(1);
    let reason = Reason::NeedsSecondAdmin { valid: 1, needs };
    proposal.standing = Standing::Held(reason.clone());
    turn.emit(Event::ChangeProposed(Box::new(proposal)));
    if needs > 1 {
        return Ok(Answer::because(reason));
    }
    Ok(enough(turn, number, change))
}

/// A first awareness is never moved: the proposal is recorded and denied.
pub(super) fn propose_fixed(
    turn: &mut Turn<'_>,
    id: String,
    change: &Change,
    person: PersonIx,
) -> Ruling {
    let Change::MoveAwareness { incident, .. } = change else {
        return Err(turn.malformed("only the first awareness is fixed"));
    };
    let place = usize::try_from(turn.incident(incident)?).unwrap_or(usize::MAX);
    let case = turn.state.incidents.cases.get(place);
    let since = case
        .and_then(crate::incident::Incident::aware)
        .unwrap_or(turn.at);
    let reason = Reason::AwarenessIsFixed { since };
    turn.emit(Event::ChangeProposed(Box::new(Proposal {
        id,
        change: change.clone(),
        persons: alloc::vec![person],
        last_approval: turn.at,
        standing: Standing::Denied(reason.clone()),
    })));
    Ok(Answer::because(reason))
}

/// Names in the change are known.
pub(super) fn check_names(turn: &Turn<'_>, change: &Change) -> Result<(), Reason> {
    match change {
        Change::Revoke { actor } if turn.state.registry.actor(actor).is_none() => {
            Err(Reason::UnknownActor {
                actor: actor.clone(),
            })
        }
        Change::RetireKey { wallet } => turn.wallet(wallet).map(|_| ()),
        Change::Halt { scope } | Change::Resume { scope }
            if scope_of(turn.state, scope).is_none() =>
        {
            Err(Reason::UnknownTarget {
                target: scope.clone(),
            })
        }
        Change::AdoptPolicy(next) if !follows(turn.policy(), next) => {
            Err(turn.malformed("the next policy's version is the present one's plus one"))
        }
        Change::AdoptPolicy(next) => super::registering::sound(turn, next),
        Change::EnrolPerson(_)
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
        | Change::OfCustody(_) => {
            Err(turn.malformed("no rules of authority are in force; bootstrap them first"))
        }
        _ => Ok(()),
    }
}

/// One version after the other: a policy that was written against an older one would undo what came between.
fn follows(policy: &Policy, next: &Policy) -> bool {
    policy.version.checked_add(1) == Some(next.version)
}

/// Enough persons stand behind it: in force at once, or after the cool-off.
fn enough(turn: &mut Turn<'_>, number: u32, change: &Change) -> Answer {
    let wait = turn
        .policy()
        .change_cool_off_ms
        .filter(|_| matches!(direction(turn.policy(), change), Direction::Raises));
    match wait {
        Some(wait) if wait > 0 => {
            let until = turn.at.saturating_add(wait);
            turn.emit(Event::ChangeWaits {
                proposal: number,
                until,
            });
            Answer::Held(Reason::CoolOff { until })
        }
        _ => {
            in_force(turn, number, change);
            Answer::Cleared
        }
    }
}

/// The change of that name. An actor that nobody knows is said before a target that nobody knows, and that before a role
/// that is missing.
fn proposed<'s>(turn: &Turn<'s>, target: &str) -> Result<(u32, &'s Proposal), Reason> {
    turn.needs_actor()?;
    let found = turn.state.guard.proposal(target);
    found.ok_or_else(|| Reason::UnknownTarget {
        target: String::from(target),
    })
}

pub(super) fn approve(turn: &mut Turn<'_>, target: &str) -> Ruling {
    let (number, proposal) = proposed(turn, target)?;
    if authority::rules(turn).is_some() {
        return Err(authority::approve(turn, number));
    }
    let (_, approver) = turn.needs_actor()?;
    let needs = match proposal.standing {
        Standing::Held(Reason::NeedsSecondAdmin { needs, .. }) => Some(needs),
        _ => None,
    };
    if needs.is_some() && proposal.persons.contains(&approver) {
        let persons = &turn.state.registry.persons;
        let person = persons.get(approver.place()).cloned().unwrap_or_default();
        let proposer = proposal.persons.first() == Some(&approver);
        return Err(if proposer {
            Reason::SelfApproval { person }
        } else {
            Reason::SamePerson { person }
        });
    }
    turn.needs_role(ActionClass::RaiseRisk)?;
    let Some(needs) = needs else {
        return Ok(Answer::Recorded);
    };
    turn.emit(Event::ChangeApproved {
        proposal: number,
        person: approver,
    });
    let valid = u32::try_from(proposal.persons.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    if valid >= needs {
        enough(turn, number, &proposal.change);
    }
    Ok(Answer::Recorded)
}

pub(super) fn cancel(turn: &mut Turn<'_>, target: &str) -> Ruling {
    let (number, proposal) = proposed(turn, target)?;
    if let Some(rules) = authority::rules(turn) {
        return authority::cancel(turn, rules, (number, proposal));
    }
    let (_, person) = turn.needs_role(ActionClass::RaiseRisk)?;
    if matches!(proposal.standing, Standing::Held(_)) {
        turn.emit(Event::ChangeCancelled {
            proposal: number,
            person,
        });
    }
    Ok(Answer::Recorded)
}

/// The change and what it does.
pub(super) fn in_force(turn: &mut Turn<'_>, number: u32, change: &Change) {
    if let Change::AdoptPolicy(next) = change
        && !follows(turn.policy(), next)
    {
        turn.emit(Event::ChangeOvertaken { proposal: number });
        return;
    }
    if let Some(rules) = authority::rules(turn)
        && authority::in_force(turn, rules, number, change)
    {
        return;
    }
    turn.emit(Event::ChangeInForce { proposal: number });
    match change {
        Change::AdoptPolicy(next) => turn.emit(Event::PolicyAdopted(next.clone())),
        Change::Grant {
            actor,
            role,
            expires,
        } => {
            let (actor, role, expires) = (actor.clone(), role.clone(), *expires);
            turn.emit(Event::RoleGranted {
                actor,
                role,
                expires,
            });
        }
        Change::Revoke { actor } => {
            if let Some(actor) = turn.state.registry.actor(actor) {
                turn.emit(Event::RolesRevoked { actor });
            }
        }
        Change::ListDestination { address } => turn.emit(Event::DestinationListed {
            address: address.clone(),
        }),
        Change::RetireKey { wallet } => {
            if let Some(wallet) = turn.state.registry.wallet(wallet) {
                turn.emit(Event::KeyRetired { wallet });
            }
        }
        Change::Halt { scope } => {
            if let Some(scope) = scope_of(turn.state, scope) {
                halt(turn, number, scope);
            }
        }
        Change::Resume { scope } => {
            if let Some(scope) = scope_of(turn.state, scope) {
                turn.emit(Event::BreakerReset { scope });
            }
        }
        _ => {}
    }
}

/// The moment of a change that waited.
pub(super) fn due(turn: &mut Turn<'_>, number: u32, change: &Change) {
    if authority::rules(turn).is_some() {
        authority::due(turn, number, change);
    } else {
        in_force(turn, number, change);
    }
}

/// A person's halt: no sweep, since nothing says that the key is gone. It is a block of the case about that wallet, else
/// of the latest case.
pub(super) fn halt(turn: &mut Turn<'_>, number: u32, scope: Scope) {
    if turn.state.breaker.tripped.contains_key(&scope) {
        return;
    }
    trip_by_person(turn, scope, "halted by a person");
    authority::stop_begun(turn, number, scope);
}

/// Trips a scope, whatever the policy arms. What one person stopped before is tripped all the same: it takes another
/// quorum to resume it then.
pub(super) fn trip_by_person(turn: &mut Turn<'_>, scope: Scope, cause: &str) {
    let by_one = turn.state.authority.stops.contains_key(&scope);
    if turn.state.breaker.tripped.contains_key(&scope) && !by_one {
        return;
    }
    let cause = String::from(cause);
    turn.emit(Event::BreakerTripped { scope, cause });
    let cases = &turn.state.incidents.cases;
    let about = |cause: &Cause| match (cause, scope) {
        (Cause::Wallet(of) | Cause::Signing(of), Scope::Wallet(wallet)) => *of == wallet,
        _ => false,
    };
    let place = cases
        .iter()
        .rposition(|case| about(&case.cause))
        .or(cases.len().checked_sub(1));
    if let Some(incident) = place.and_then(|place| u32::try_from(place).ok()) {
        turn.start_block_clocks(incident);
    }
}
