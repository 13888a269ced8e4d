//! Sign-ins and what they tell: findings are raised at once, and another person clears them.

use super::super::Ruling;
use super::super::turn::Turn;
use super::approvals::{self, Asked};
use super::{by_self, person_name, rules};
use crate::answer::Answer;
use crate::authority::SignIns;
use crate::authority::asked;
use crate::authority::class::Class;
use crate::authority::finding::{Finding, FindingEffect, FindingKind};
use crate::authority::matter::{Decision, Target};
use crate::authority::people;
use crate::authority::proof::Proof;
use crate::event::{AuthorityEvent, Event};
use crate::guard::Standing;
use crate::incident::AlarmCode;
use crate::reason::Reason;
use crate::registry::PersonIx;
use crate::subject::is_code;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use keepwhole_verify::json::to_hex;

/// A sign-in with an active credential of the actor's own; what it tells becomes findings.
pub(super) fn sign_in(turn: &mut Turn<'_>, credential: &[u8], device: &str, place: &str) -> Ruling {
    let (_, person) = turn.needs_actor()?;
    let Some(rules) = rules(turn) else {
        return Err(turn.malformed("no rules of authority are in force; bootstrap them first"));
    };
    if !is_code(device) || !is_code(place) {
        return Err(turn
            .malformed("a device and a place are codes of 1 to 64 letters, digits and `-._:/#`"));
    }
    let found = turn.state.authority.credential(credential);
    let (number, row) = found.ok_or_else(|| Reason::CredentialUnknown {
        credential: to_hex(credential),
    })?;
    if row.person != person {
        return Err(Reason::CredentialOfOther {
            person: person_name(turn, row.person),
        });
    }
    if row.until.is_some() {
        return Err(Reason::CredentialInactive {
            index: turn.state.position,
            from: row.from,
            until: row.until,
        });
    }
    turn.emit(AuthorityEvent::SignedIn {
        person,
        credential: number,
        device: String::from(device),
        place: String::from(place),
    });
    let none = SignIns::default();
    let seen = turn.state.authority.sign_ins.get(&person).unwrap_or(&none);
    for (kind, effect) in rules.findings.of_sign_in(seen, turn.at, device, place) {
        raise(turn, person, kind, effect);
    }
    Ok(Answer::Recorded)
}

/// Raises a finding and says its number.
fn raise(turn: &mut Turn<'_>, person: PersonIx, kind: FindingKind, effect: FindingEffect) -> u32 {
    let raised = |event: &&Event| {
        matches!(
            event,
            Event::Authority(AuthorityEvent::FindingRaised { .. })
        )
    };
    let here = turn.events.iter().filter(raised).count();
    let number = turn.state.authority.findings.len().saturating_add(here);
    let subject = format!("{} of {}", kind.code(), person_name(turn, person));
    let finding = Finding {
        person,
        at: turn.at,
        kind,
        effect,
        cleared: None,
    };
    turn.emit(AuthorityEvent::FindingRaised {
        finding: Box::new(finding),
        policy: turn.state.guard.policy_digest,
    });
    turn.alarm(AlarmCode::FindingRaised, &subject);
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn stands(turn: &Turn<'_>, finding: u32, kind: &FindingKind, person: PersonIx) -> Reason {
    Reason::FindingStands {
        finding,
        kind: String::from(kind.code()),
        person: person_name(turn, person),
    }
}

/// No finding about the person keeps the approval from counting.
pub(super) fn unsuspected(turn: &Turn<'_>, person: PersonIx) -> Result<(), Reason> {
    match turn.state.authority.blocking(person) {
        Some((number, finding)) => Err(stands(turn, number, &finding.kind, person)),
        None => Ok(()),
    }
}

/// A large action soon after a reset of the person's credentials raises a finding, once for each reset.
pub(super) fn after_reset(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    person: PersonIx,
) -> Result<(), Reason> {
    let large = !matches!(
        asked.matter.class,
        Class::LowerRisk | Class::LiftStop | Class::BreakGlass
    );
    let Some(reset) = turn.state.authority.resets.get(&person).copied() else {
        return Ok(());
    };
    let rules = &asked.rules.findings;
    if !large || turn.at >= reset.saturating_add(rules.reset_ms) {
        return Ok(());
    }
    let same = |finding: &Finding| {
        finding.person == person
            && matches!(&finding.kind, FindingKind::ResetThenLarge { reset: of, .. } if *of == reset)
    };
    if turn.state.authority.findings.iter().any(same) {
        return Ok(());
    }
    let kind = FindingKind::ResetThenLarge {
        reset,
        target: String::from(asked.id),
    };
    let effect = rules.reset_then_large;
    let number = raise(turn, person, kind.clone(), effect);
    if effect == FindingEffect::Blocks {
        return Err(stands(turn, number, &kind, person));
    }
    Ok(())
}

/// Another person, of a role that may, clears a finding with a proof. What was held back for it alone goes on.
pub(super) fn clear(turn: &mut Turn<'_>, number: u32, proof: &Proof) -> Ruling {
    let (_, person) = turn.needs_actor()?;
    let Some(rules) = rules(turn) else {
        return Err(turn.malformed("no rules of authority are in force; bootstrap them first"));
    };
    let id = format!("{}{number}", asked::FINDING);
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let found = turn.state.authority.findings.get(place);
    let finding = found.ok_or_else(|| Reason::UnknownTarget { target: id.clone() })?;
    if finding.person == person {
        return Err(by_self(turn, person));
    }
    approvals::not_suspended(turn, person)?;
    let target = Target::Finding(number);
    let matter = approvals::matter(turn, target, &id)?;
    let quorum = asked::of_finding(rules);
    let asked = Asked {
        rules,
        quorum: &quorum,
        matter,
        target,
        id: &id,
        separate: false,
        ttl: None,
        closed: finding
            .cleared
            .map(|(_, until)| Reason::CollectionOver { until }),
    };
    let Some(said) = approvals::voice(turn, &asked, proof)? else {
        return Ok(Answer::Recorded);
    };
    if said.decision == Decision::Reject {
        return Ok(Answer::Recorded);
    }
    turn.emit(AuthorityEvent::FindingCleared {
        finding: number,
        by: person,
    });
    release(turn, finding.person);
    Ok(Answer::Recorded)
}

/// Changes that were held back for a finding about this person are looked at again at once, as if their wait were over.
fn release(turn: &mut Turn<'_>, person: PersonIx) {
    let (state, until) = (turn.state, turn.at);
    let about = people::name(state, person);
    for (proposal, row) in (0_u32..).zip(&state.guard.proposals) {
        let held = matches!(
            &row.standing,
            Standing::Held(Reason::FindingStands { person, .. }) if person == about
        );
        if held {
            turn.emit(Event::ChangeWaits { proposal, until });
        }
    }
}
