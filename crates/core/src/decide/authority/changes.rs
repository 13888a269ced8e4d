//! Changes under rules of authority: a stop acts at once and a quorum keeps or lifts it; all else waits for its quorum,
//! then for its cool-off.

use super::super::turn::Turn;
use super::super::{Ruling, changes};
use super::approvals::{self, Asked, short};
use super::{bootstrap, by_self, checks, force, person_name, rules};
use crate::answer::Answer;
use crate::authority::asked;
use crate::authority::binding;
use crate::authority::class::Class;
use crate::authority::matter::{Decision, Matter, Target, Voice};
use crate::authority::people;
use crate::authority::proof::Proof;
use crate::authority::quorum::Quorum;
use crate::authority::rules::Rules;
use crate::authority::{Stopped, stopped_by};
use crate::breaker::{Scope, scope_of};
use crate::event::{AuthorityEvent, Event};
use crate::guard::{Change, Proposal, Standing};
use crate::incident::AlarmCode;
use crate::reason::Reason;
use crate::registry::PersonIx;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// The class of action of a change, as things stand.
fn class_of(turn: &Turn<'_>, change: &Change) -> Class {
    let (policy, authority) = (turn.policy(), &turn.state.authority);
    match change {
        Change::Halt { .. } | Change::Revoke { .. } | Change::RetireKey { .. } => Class::LowerRisk,
        Change::AdoptPolicy(next) if policy.only_tightened_by(next) => Class::LowerRisk,
        Change::AdoptPolicy(next) if authority.takes_back(next) => Class::LiftStop,
        Change::AdoptPolicy(_) | Change::DisableWatch | Change::MoveAwareness { .. } => {
            Class::LoosenPolicy
        }
        Change::Resume { scope } => {
            let stop = scope_of(turn.state, scope).and_then(|scope| authority.stops.get(&scope));
            match stop {
                Some(stop) if !stop.kept => Class::LiftStop,
                _ => Class::Resume,
            }
        }
        Change::Reinstate { person } => {
            let person = turn.state.registry.person(person);
            match person.and_then(|person| authority.suspended.get(&person)) {
                Some(stop) if !stop.kept => Class::LiftStop,
                _ => Class::RosterChange,
            }
        }
        Change::ListDestination { .. } => Class::ListDestination,
        Change::ResetCredentials { .. } => Class::CredentialReset,
        Change::BreakGlass(_) => Class::BreakGlass,
        Change::ReleaseRedress { .. } => Class::RedressRelease,
        Change::DestroyKey { .. } => Class::DestroyKey,
        Change::RegisterWallet(_)
        | Change::NameAsset { .. }
        | Change::NameKey { .. }
        | Change::OfCustody(_) => Class::CustodyChange,
        Change::Grant { .. }
        | Change::EnrolPerson(_)
        | Change::EnrolCredential { .. }
        | Change::EndCredential { .. }
        | Change::AdoptAuthority(_)
        | Change::RenewRoles { .. } => Class::RosterChange,
    }
}

/// The quorum of a change, as things stand.
fn quorum_of(
    turn: &mut Turn<'_>,
    rules: &Rules,
    class: Class,
    change: &Change,
) -> Result<Quorum, Reason> {
    if class != Class::LowerRisk {
        // The first turn that finds the bootstrap over says so.
        let _over = approvals::complete(turn);
    }
    let quorum = asked::of_change(turn.state, rules, class, change, turn.at);
    approvals::enabled(quorum, class)
}

/// Whom the change is about; that person's own approval does not count.
fn subject(turn: &Turn<'_>, change: &Change) -> Option<PersonIx> {
    let person = |name: &str| turn.state.registry.person(name);
    match change {
        Change::Reinstate { person: name }
        | Change::ResetCredentials { person: name, .. }
        | Change::EnrolCredential { person: name, .. } => person(name),
        Change::EnrolPerson(new) => person(&new.person),
        Change::Grant { actor, .. } | Change::RenewRoles { actor, .. } => of_account(turn, actor),
        _ => None,
    }
}

/// The person to whose keys the change adds one, or whose keys it replaces. Whoever brings the key speaks as that person
/// afterwards, so everybody is told, and a finding about the person holds it back. Before the bootstrap is over nobody's
/// keys are worth anything yet.
pub(super) fn rekeyed(turn: &Turn<'_>, change: &Change) -> Option<PersonIx> {
    let authority = &turn.state.authority;
    let has_keys = |person: &PersonIx| {
        let mut keys = authority.credentials.iter();
        authority.completed.is_some() && keys.any(|key| key.person == *person)
    };
    match change {
        Change::ResetCredentials { .. } => subject(turn, change),
        Change::EnrolCredential { .. } | Change::EnrolPerson(_) => {
            subject(turn, change).filter(has_keys)
        }
        _ => None,
    }
}

/// Whether the change lifts what this person stopped.
fn lifts_stop_of(turn: &Turn<'_>, change: &Change, person: PersonIx) -> bool {
    let authority = &turn.state.authority;
    let stop = match change {
        Change::Resume { scope } => {
            scope_of(turn.state, scope).and_then(|scope| authority.stops.get(&scope))
        }
        Change::Reinstate { .. } => {
            subject(turn, change).and_then(|who| authority.suspended.get(&who))
        }
        Change::AdoptPolicy(next) if authority.takes_back(next) => {
            let tightened = authority.tightened.as_ref();
            return tightened.is_some_and(|by_one| by_one.by.contains(&person));
        }
        _ => None,
    };
    stop.is_some_and(|stop| stop.by == person)
}

/// It was proposed to lift what one person stopped, and since then an alarm or a quorum stands behind the stop.
fn outgrown(turn: &Turn<'_>, matter: &Matter, change: &Change) -> bool {
    let lifts = matches!(
        change,
        Change::Resume { .. } | Change::Reinstate { .. } | Change::AdoptPolicy(_)
    );
    lifts && matter.class == Class::LiftStop && class_of(turn, change) != Class::LiftStop
}

/// The person of an account.
pub(super) fn of_account(turn: &Turn<'_>, actor: &str) -> Option<PersonIx> {
    let registry = &turn.state.registry;
    let row = registry.actors.get(registry.actor(actor)?.place())?;
    Some(row.person)
}

/// A suspended person may still ask to reinstate another, and stop whoever suspended him, until a quorum keeps it.
fn not_suspended(turn: &Turn<'_>, person: PersonIx, change: &Change) -> Result<(), Reason> {
    let Some(stop) = turn.state.authority.suspended.get(&person) else {
        return Ok(());
    };
    let may = match change {
        Change::Reinstate { .. } => subject(turn, change) != Some(person),
        Change::Revoke { actor } => of_account(turn, actor) == Some(stop.by),
        _ => false,
    };
    if may && !stop.kept {
        return Ok(());
    }
    Err(Reason::Suspended { since: stop.since })
}

pub(in crate::decide) fn propose(turn: &mut Turn<'_>, rules: &Rules, change: &Change) -> Ruling {
    let id = String::from(turn.needs_id()?);
    checks::change(turn, rules, change)?;
    let (_, person) = turn.needs_actor()?;
    if let Change::MoveAwareness { .. } = change {
        return changes::propose_fixed(turn, id, change, person);
    }
    not_suspended(turn, person, change)?;
    let class = class_of(turn, change);
    let open = approvals::complete(turn);
    if let Err(reason) = open
        && !bootstrap::allows(turn, change)
    {
        return Err(reason);
    }
    if !matches!(
        class,
        Class::LowerRisk | Class::LiftStop | Class::BreakGlass
    ) {
        approvals::glass(turn)?;
    }
    let quorum = quorum_of(turn, rules, class, change)?;
    let mut may = quorum.among.clone();
    if class != Class::LowerRisk {
        may.extend(rules.proposers.iter().cloned());
    }
    approvals::holds_one(turn, person, &may)?;
    record(turn, (id, person), (class, &quorum), change)
}

/// Records the proposal; a stop acts at once, all else waits for approvals.
fn record(
    turn: &mut Turn<'_>,
    (id, person): (String, PersonIx),
    (class, quorum): (Class, &Quorum),
    change: &Change,
) -> Ruling {
    let number = u32::try_from(turn.state.guard.proposals.len()).unwrap_or(u32::MAX);
    let policy = turn.state.guard.policy_digest;
    let digest = binding::of_change(turn.state, &id, change, Some(person), &policy).digest();
    let stops = class == Class::LowerRisk;
    let reason = Reason::QuorumShort {
        class: String::from(class.code()),
        valid: 0,
        needs: quorum.persons,
        missing: quorum.required.join("|"),
    };
    let proposal = Proposal {
        id: id.clone(),
        change: change.clone(),
        persons: alloc::vec![person],
        last_approval: turn.at,
        standing: if stops {
            Standing::Cleared
        } else {
            Standing::Held(reason.clone())
        },
    };
    turn.emit(Event::ChangeProposed(Box::new(proposal)));
    turn.emit(AuthorityEvent::ApprovalAsked {
        target: Target::Change(number),
        // A stop of one person is kept, as it is lifted, by a quorum of that class.
        class: if stops { Class::LiftStop } else { class },
        by: Some(person),
        command: digest,
        policy,
    });
    if stops {
        changes::in_force(turn, number, change);
        return Ok(Answer::Cleared);
    }
    match class {
        Class::CredentialReset => turn.alarm(AlarmCode::CredentialReset, &id),
        Class::LiftStop | Class::Resume => {}
        _ => turn.alarm(AlarmCode::AdminRiskChange, &id),
    }
    if rekeyed(turn, change).is_some() {
        let to = approvers(turn);
        turn.emit(AuthorityEvent::NoticeGiven {
            proposal: number,
            to,
        });
    }
    Ok(Answer::because(reason))
}

/// Everybody who holds a role that any quorum counts.
pub(super) fn approvers(turn: &Turn<'_>) -> Vec<PersonIx> {
    let Some(rules) = rules(turn) else {
        return Vec::new();
    };
    let counts = |role: &String| rules.quorums.iter().any(|q| q.among.contains(role));
    let all = (0..turn.state.registry.persons.len()).filter_map(PersonIx::next);
    all.filter(|person| {
        people::roles(turn.state, *person, turn.at)
            .iter()
            .any(counts)
    })
    .collect()
}

/// Why an approval of a change without a proof does not count.
pub(in crate::decide) fn approve(turn: &Turn<'_>, number: u32) -> Reason {
    let matter = turn.state.authority.matters.get(&Target::Change(number));
    Reason::AssertionMissing {
        class: String::from(matter.map_or("", |matter| matter.class.code())),
    }
}

pub(super) fn decide(
    turn: &mut Turn<'_>,
    rules: &Rules,
    (number, proposal): (u32, &Proposal),
    proof: &Proof,
) -> Ruling {
    let (_, person) = turn.needs_actor()?;
    let target = Target::Change(number);
    let matter = approvals::matter(turn, target, &proposal.id)?;
    let rejects = proof.decision == Decision::Reject;
    if let Some(stop) = turn.state.authority.suspended.get(&person)
        && (stop.kept || rejects || matter.class != Class::LiftStop)
    {
        return Err(Reason::Suspended { since: stop.since });
    }
    if !matches!(matter.class, Class::LiftStop | Class::BreakGlass) {
        approvals::glass(turn)?;
    }
    let own = subject(turn, &proposal.change) == Some(person)
        || (rejects && lifts_stop_of(turn, &proposal.change, person));
    if own {
        return Err(by_self(turn, person));
    }
    let quorum = quorum_of(turn, rules, matter.class, &proposal.change)?;
    let asked = Asked {
        rules,
        quorum: &quorum,
        matter,
        target,
        id: &proposal.id,
        separate: false,
        ttl: None,
        closed: closed(turn, proposal),
    };
    let Some(said) = approvals::voice(turn, &asked, proof)? else {
        return Ok(Answer::Recorded);
    };
    if rejects {
        if matches!(proposal.standing, Standing::Held(_)) {
            turn.emit(Event::ChangeCancelled {
                proposal: number,
                person,
            });
        }
        return Ok(Answer::Recorded);
    }
    counted(turn, (number, proposal), (&quorum, matter), &said);
    Ok(Answer::Recorded)
}

/// What this proposal stopped, or found stopped, stands and no quorum stands behind it: it can be kept. Whoever stops
/// again what stands stopped asks anew, since one rejection ends a question and words end. A key is feared whatever halted
/// its wallet, until it is retired.
fn unkept(turn: &Turn<'_>, proposal: &Proposal) -> bool {
    let (state, asked) = (turn.state, proposal.last_approval);
    let authority = &state.authority;
    let Some(stopped) = stopped_by(state, &proposal.change) else {
        return false;
    };
    let stop = match stopped {
        Stopped::Scope(scope) => authority.stops.get(&scope),
        Stopped::Person(person) => authority.suspended.get(&person),
        Stopped::Policy => authority.tightened.as_ref().map(|by_one| &by_one.stop),
    };
    let feared = match (&proposal.change, stopped) {
        (Change::RetireKey { .. }, Stopped::Scope(scope @ Scope::Wallet(wallet))) => {
            let trip = state.breaker.tripped.get(&scope);
            let halted = trip.is_some_and(|trip| trip.since <= asked);
            halted && !state.custody.retired.contains_key(&wallet)
        }
        _ => false,
    };
    feared || stop.is_some_and(|stop| !stop.kept && stop.since <= asked)
}

/// Why nothing can be said of a change any more: it was cancelled, overtaken, or is in force and no stop to be kept.
fn closed(turn: &Turn<'_>, proposal: &Proposal) -> Option<Reason> {
    match &proposal.standing {
        Standing::Held(_) => None,
        Standing::Denied(reason) => Some(reason.clone()),
        Standing::Cleared if unkept(turn, proposal) => None,
        Standing::Cleared | Standing::Lapsed => Some(Reason::CollectionOver {
            until: proposal.last_approval,
        }),
    }
}

/// The new voice among the others: enough, or still short.
fn counted(
    turn: &mut Turn<'_>,
    (number, proposal): (u32, &Proposal),
    (quorum, matter): (&Quorum, &Matter),
    said: &Voice,
) {
    let kept = proposal.standing == Standing::Cleared;
    if !kept && outgrown(turn, matter, &proposal.change) {
        turn.emit(Event::ChangeOvertaken { proposal: number });
        return;
    }
    let tally = people::tally(turn.state, quorum, matter, Some(said), (turn.at, None));
    if kept && matter.rejected().is_some() {
        return;
    }
    if kept {
        if tally.is_ok() && unkept(turn, proposal) {
            turn.emit(AuthorityEvent::StopKept { proposal: number });
            force::keep(turn, &proposal.change);
        }
        return;
    }
    let Standing::Held(Reason::QuorumShort { .. }) = &proposal.standing else {
        return;
    };
    turn.emit(Event::ChangeApproved {
        proposal: number,
        person: said.person,
    });
    match tally {
        Err(lack) => turn.emit(AuthorityEvent::ChangeHeldBack {
            proposal: number,
            reason: short(quorum.class, lack),
        }),
        Ok(()) if quorum.cool_off_ms > 0 => turn.emit(Event::ChangeWaits {
            proposal: number,
            until: turn.at.saturating_add(quorum.cool_off_ms),
        }),
        Ok(()) => come(turn, number, &proposal.change),
    }
}

/// Who may approve anything, or propose, may cancel what waits; not what lifts his own stop.
pub(in crate::decide) fn cancel(
    turn: &mut Turn<'_>,
    rules: &Rules,
    (number, proposal): (u32, &Proposal),
) -> Ruling {
    let (_, person) = turn.needs_actor()?;
    approvals::not_suspended(turn, person)?;
    if lifts_stop_of(turn, &proposal.change, person) {
        return Err(by_self(turn, person));
    }
    let mut may = rules.proposers.clone();
    may.extend(rules.quorums.iter().flat_map(|q| q.among.iter().cloned()));
    may.sort_unstable();
    may.dedup();
    approvals::holds_one(turn, person, &may)?;
    if matches!(proposal.standing, Standing::Held(_)) {
        turn.emit(Event::ChangeCancelled {
            proposal: number,
            person,
        });
    }
    Ok(Answer::Recorded)
}

/// Its cool-off is over: in force if the quorum still stands and nothing speaks against it. While sealed keys close
/// everything it waits on.
pub(in crate::decide) fn due(turn: &mut Turn<'_>, number: u32, change: &Change) {
    let matter = turn.state.authority.matters.get(&Target::Change(number));
    if let (Some(matter), Some(rules)) = (matter, rules(turn)) {
        if outgrown(turn, matter, change) {
            turn.emit(Event::ChangeOvertaken { proposal: number });
            return;
        }
        if let Err(Reason::BreakGlassOpen { until }) = approvals::glass(turn) {
            turn.emit(Event::ChangeWaits {
                proposal: number,
                until,
            });
            return;
        }
        let quorum = quorum_of(turn, rules, matter.class, change);
        let tally = quorum.and_then(|quorum| {
            people::tally(turn.state, &quorum, matter, None, (turn.at, None))
                .map_err(|lack| short(matter.class, lack))
        });
        if let Err(reason) = tally {
            turn.emit(AuthorityEvent::ChangeHeldBack {
                proposal: number,
                reason,
            });
            return;
        }
    }
    come(turn, number, change);
}

/// In force, unless a finding about the person whose credentials it adds to or replaces stands.
fn come(turn: &mut Turn<'_>, number: u32, change: &Change) {
    let held = rekeyed(turn, change)
        .and_then(|person| Some((person, turn.state.authority.blocking(person)?)));
    if let Some((person, (finding, row))) = held {
        let reason = Reason::FindingStands {
            finding,
            kind: String::from(row.kind.code()),
            person: person_name(turn, person),
        };
        turn.emit(AuthorityEvent::ChangeHeldBack {
            proposal: number,
            reason,
        });
        return;
    }
    changes::in_force(turn, number, change);
}
