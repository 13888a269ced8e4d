//! Approvals with proof: who may speak, whether the proof holds, and whether it is enough.

use super::super::turn::Turn;
use super::super::{Ruling, approvals as waiting, time};
use super::{by_self, changes, findings, person_name, rules};
use crate::answer::Answer;
use crate::authority::asked::{class_of, of_request as quorum_of, wants_separate};
use crate::authority::binding;
use crate::authority::class::Class;
use crate::authority::matter::{Decision, Matter, Target, Voice};
use crate::authority::people;
use crate::authority::proof::{self, Against, Proof};
use crate::authority::quorum::{Lack, Quorum};
use crate::authority::rules::Rules;
use crate::event::{AuthorityEvent, Event};
use crate::guard::{Approval, Ask, Request, Standing};
use crate::incident::AlarmCode;
use crate::reason::Reason;
use crate::registry::{ActorIx, PersonIx};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use keepwhole_verify::json::to_hex;

/// Nothing is closed by sealed keys, and every enabled class of action can fill its quorum, or could once. Without rules
/// of authority there is nothing to ask, unless they are demanded.
pub(in crate::decide) fn open(turn: &mut Turn<'_>) -> Result<(), Reason> {
    if rules(turn).is_none() {
        return match turn.state.authority.demanded {
            Some(_) => people::standing(turn.state, turn.at).map_err(incomplete),
            None => Ok(()),
        };
    }
    glass(turn)?;
    complete(turn)
}

/// Sealed keys in use close everything but what they may do.
pub(super) fn glass(turn: &Turn<'_>) -> Result<(), Reason> {
    let authority = &turn.state.authority;
    match authority.break_glass {
        Some(until) if authority.glass_is_broken(turn.at) => Err(Reason::BreakGlassOpen { until }),
        _ => Ok(()),
    }
}

/// The bootstrap is over; the first turn that finds it so says so.
pub(super) fn complete(turn: &mut Turn<'_>) -> Result<(), Reason> {
    if turn.state.authority.completed.is_some() {
        return Ok(());
    }
    if let Some((class, lack)) = people::unfillable(turn.state, turn.at) {
        return Err(incomplete((class.code(), lack)));
    }
    let said = Event::from(AuthorityEvent::BootstrapCompleted);
    if !turn.events.contains(&said) {
        turn.emit(said);
    }
    Ok(())
}

fn incomplete((class, lack): (&str, Lack)) -> Reason {
    let people = format!("{} of {} people", lack.valid, lack.needs);
    let lacks = if lack.missing.is_empty() {
        people
    } else {
        format!("{people}, nobody for {}", lack.missing)
    };
    let class = String::from(class);
    Reason::BootstrapIncomplete { class, lacks }
}

pub(super) fn short(class: Class, lack: Lack) -> Reason {
    Reason::QuorumShort {
        class: String::from(class.code()),
        valid: lack.valid,
        needs: lack.needs,
        missing: lack.missing,
    }
}

/// Persons that a request needs which the policy says needs `needs`: never fewer than its class of action does.
pub(in crate::decide) fn needs(turn: &Turn<'_>, ask: &Ask, needs: u32) -> u32 {
    let quorum = rules(turn).and_then(|rules| rules.quorum(class_of(ask)));
    match quorum {
        Some(quorum) if needs > 0 => needs.max(quorum.persons),
        _ => needs,
    }
}

/// Records that a request asks for approvals, once: `by` is the account that made it.
pub(in crate::decide) fn asks(
    turn: &mut Turn<'_>,
    number: u32,
    (id, ask): (&str, &Ask),
    by: Option<ActorIx>,
) {
    let (state, target) = (turn.state, Target::Request(number));
    if rules(turn).is_none() || state.authority.matters.contains_key(&target) {
        return;
    }
    let account = by.and_then(|by| state.registry.actors.get(by.place()));
    let by = account.map(|account| account.person);
    let policy = state.guard.policy_digest;
    let known = state.guard.clearances.terms.get(&number);
    let terms = turn.terms.as_ref().or(known);
    let command = binding::of_request(state, (id, ask), terms, by, &policy).digest();
    turn.emit(AuthorityEvent::ApprovalAsked {
        target,
        class: class_of(ask),
        by,
        command,
        policy,
    });
}

/// Why an approval without a proof does not count; nothing where no rules are in force or demanded.
pub(in crate::decide) fn unproven(turn: &Turn<'_>, ask: &Ask) -> Result<(), Reason> {
    if rules(turn).is_none() && turn.state.authority.demanded.is_none() {
        return Ok(());
    }
    Err(Reason::AssertionMissing {
        class: String::from(class_of(ask).code()),
    })
}

/// The actor may speak in the class of a request: for rejections, which need no proof because they only stop.
pub(in crate::decide) fn may_speak(turn: &mut Turn<'_>, request: &Request) -> Result<(), Reason> {
    let Some(rules) = rules(turn) else {
        return Ok(());
    };
    let (_, person) = turn.needs_actor()?;
    not_suspended(turn, person)?;
    let quorum = enabled(quorum_of(rules, request), class_of(&request.ask))?;
    holds_one(turn, person, &quorum.among)
}

pub(super) fn not_suspended(turn: &Turn<'_>, person: PersonIx) -> Result<(), Reason> {
    match turn.state.authority.suspended.get(&person) {
        Some(stop) => Err(Reason::Suspended { since: stop.since }),
        None => Ok(()),
    }
}

/// The person holds, now, one of these roles; one that ended is told apart, with an alarm.
pub(super) fn holds_one(
    turn: &mut Turn<'_>,
    person: PersonIx,
    among: &[String],
) -> Result<(), Reason> {
    let held = people::roles(turn.state, person, turn.at);
    if held.iter().any(|role| among.contains(role)) {
        return Ok(());
    }
    let accounts = turn.state.registry.actors.iter();
    let mut ended = accounts.filter(|account| {
        account.person == person && account.roles.iter().any(|role| among.contains(role))
    });
    if let Some((account, ended)) = ended.find_map(|row| Some((&row.id, row.expires?))) {
        turn.alarm(AlarmCode::RoleStale, account);
        return Err(Reason::RoleExpired { ended });
    }
    Err(Reason::RoleMissing {
        needs: among.join("|"),
    })
}

/// The quorum of a class that is enabled.
pub(super) fn enabled(quorum: Option<Quorum>, class: Class) -> Result<Quorum, Reason> {
    quorum.ok_or_else(|| Reason::QuorumImpossible {
        class: String::from(class.code()),
    })
}

pub(super) fn decide(turn: &mut Turn<'_>, target: &str, proof: &Proof) -> Ruling {
    turn.needs_actor()?;
    let Some(rules) = rules(turn) else {
        return Err(turn.malformed("no rules of authority are in force; bootstrap them first"));
    };
    if let Some((number, request)) = turn.state.guard.request(target) {
        let request = waiting::as_of_now(turn, number, request);
        return of_request(turn, rules, (number, &*request), proof);
    }
    match turn.state.guard.proposal(target) {
        Some((number, proposal)) => changes::decide(turn, rules, (number, proposal), proof),
        None => Err(Reason::UnknownTarget {
            target: String::from(target),
        }),
    }
}

/// A matter with its number.
pub(super) fn matter<'a>(turn: &Turn<'a>, target: Target, id: &str) -> Result<&'a Matter, Reason> {
    let found = turn.state.authority.matters.get(&target);
    found.ok_or_else(|| Reason::UnknownTarget {
        target: String::from(id),
    })
}

/// What is asked of a voice.
pub(super) struct Asked<'a> {
    pub(super) rules: &'a Rules,
    pub(super) quorum: &'a Quorum,
    pub(super) matter: &'a Matter,
    pub(super) target: Target,
    /// Id of what is approved.
    pub(super) id: &'a str,
    pub(super) separate: bool,
    /// How long an approval holds, ms.
    pub(super) ttl: Option<u64>,
    /// Why nothing can be said any more, if so.
    pub(super) closed: Option<Reason>,
}

/// Checks a proof and whoever gives it, and records it. `None` where the same proof was recorded before.
pub(super) fn voice(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    proof: &Proof,
) -> Result<Option<Voice>, Reason> {
    let (_, person) = turn.needs_actor()?;
    if !asked.quorum.administrative && asked.matter.by == Some(person) {
        return Err(by_self(turn, person));
    }
    findings::unsuspected(turn, person)?;
    let used = turn.state.authority.nonces.get(&(person, proof.nonce));
    match used {
        Some(target) if *target == asked.target => {
            turn.repeated = true;
            return Ok(None);
        }
        Some(_) => {
            return Err(Reason::ApprovalReplayed {
                nonce: to_hex(&proof.nonce),
            });
        }
        None => {}
    }
    if let Some(reason) = &asked.closed {
        return Err(reason.clone());
    }
    let against = Against {
        rules: asked.rules,
        quorum: asked.quorum,
        matter: asked.matter,
        separate: asked.separate,
        collects: !matches!(asked.target, Target::Finding(_)),
        person,
        at: turn.at,
    };
    let (credential, counter) = proof::check(turn.state, proof, &against)?;
    spoke_before(turn, asked, person, proof.decision)?;
    findings::after_reset(turn, asked, person)?;
    turn.emit(AuthorityEvent::ApprovalProven {
        target: asked.target,
        person,
        proof: Box::new(proof.clone()),
        counter,
    });
    Ok(Some(Voice {
        person,
        role: proof.role.clone(),
        credential,
        decision: proof.decision,
        at: turn.at,
        index: 0,
    }))
}

/// A person approves once; again only when the approval before counts no longer. A file with two would hold for nobody.
fn spoke_before(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    person: PersonIx,
    decision: Decision,
) -> Result<(), Reason> {
    let times = (turn.at, asked.ttl);
    let live = |voice: &Voice| {
        voice.person == person
            && people::counts(turn.state, asked.quorum, asked.matter, voice, times)
    };
    if decision == Decision::Approve && asked.matter.voices.iter().any(live) {
        let person = person_name(turn, person);
        return Err(Reason::SamePerson { person });
    }
    Ok(())
}

/// Why nothing can be said of a request any more: it is denied or over. What is cleared can be rejected until something
/// of it is redeemed or seen.
fn closed(turn: &Turn<'_>, number: u32, request: &Request, decision: Decision) -> Option<Reason> {
    let clearance = request.clearance.as_ref();
    let over = |until: Option<u64>| {
        let until = until.unwrap_or(request.at);
        Some(Reason::CollectionOver { until })
    };
    match &request.standing {
        Standing::Held(_) => None,
        Standing::Denied(reason) => Some(reason.clone()),
        Standing::Lapsed => over(clearance.and_then(|clearance| clearance.until)),
        Standing::Cleared => {
            let spent = clearance.is_none_or(|row| row.redeemed.is_some() || row.flow.is_some());
            let issued = turn.state.guard.clearances.of(number);
            let spent = spent || issued.iter().any(|issued| issued.redeemed.is_some());
            let credited = matches!(request.ask, Ask::Credit { .. });
            if decision == Decision::Reject && !spent && !credited {
                return None;
            }
            over(clearance.map(|clearance| clearance.issued))
        }
    }
}

fn of_request(
    turn: &mut Turn<'_>,
    rules: &Rules,
    (number, request): (u32, &Request),
    proof: &Proof,
) -> Ruling {
    let (_, person) = turn.needs_actor()?;
    not_suspended(turn, person)?;
    glass(turn)?;
    let target = Target::Request(number);
    let matter = matter(turn, target, &request.id)?;
    let quorum = enabled(quorum_of(rules, request), class_of(&request.ask))?;
    let asked = Asked {
        rules,
        quorum: &quorum,
        matter,
        target,
        id: &request.id,
        separate: wants_separate(turn.state, rules, &request.ask),
        ttl: turn.policy().approval_ttl_ms,
        closed: closed(turn, number, request, proof.decision),
    };
    let Some(said) = voice(turn, &asked, proof)? else {
        return Ok(Answer::Recorded);
    };
    if said.decision == Decision::Reject {
        let issued = turn.state.guard.clearances.last_end(number);
        let signable = issued.is_some_and(|ended| turn.at < ended);
        if request.standing == Standing::Cleared && !signable {
            // Nothing of it can be signed any more; what it took goes back. A signer that is not asked, as one without a
            // connection, may sign until what was issued ends; then it goes back by itself.
            time::lapse(turn, number);
        }
        let person = person_name(turn, said.person);
        turn.emit(Event::RequestDenied {
            request: number,
            reason: Reason::RejectedByApprover { person },
        });
        return Ok(Answer::Recorded);
    }
    let approval = Approval {
        person: said.person,
        at: turn.at,
        nonce: to_hex(&proof.nonce),
    };
    turn.emit(Event::ApprovalGiven {
        request: number,
        approval: approval.clone(),
    });
    turn.voice = Some(said);
    let mut after = request.clone();
    after.approvals.push(approval);
    let again = turn.state.guard.again.contains(&number);
    waiting::judge_now(turn, number, &after, again);
    Ok(Answer::Recorded)
}

/// The proven approvals of a request, that of this turn among them, fill the quorum of its class and what the policy's
/// rules ask beside it. Without rules of authority there is nothing to fill.
pub(in crate::decide) fn enough(
    turn: &Turn<'_>,
    number: u32,
    request: &Request,
) -> Result<(), Reason> {
    let Some(rules) = rules(turn).filter(|_| request.needs > 0) else {
        return Ok(());
    };
    let quorum = enabled(quorum_of(rules, request), class_of(&request.ask))?;
    let (voice, ttl) = (turn.voice.as_ref(), turn.policy().approval_ttl_ms);
    let Some(matter) = turn.state.authority.matters.get(&Target::Request(number)) else {
        // Nobody was asked yet: it was made before there were rules.
        let nobody = quorum.filled::<PersonIx>(&[], 0);
        return nobody.map_err(|lack| short(quorum.class, lack));
    };
    if let Some(person) = matter.rejected() {
        let person = person_name(turn, person);
        return Err(Reason::RejectedByApprover { person });
    }
    people::tally(turn.state, &quorum, matter, voice, (turn.at, ttl))
        .map_err(|lack| short(quorum.class, lack))
}
