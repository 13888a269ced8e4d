//! Personal records: keeping, reading, erasing and holding, by the numbers of subjects alone.

use super::turn::Turn;
use super::{Ruling, authority};
use crate::answer::Answer;
use crate::authority::class::Class;
use crate::event::Event;
use crate::incident::AlarmCode;
use crate::policy::ActionClass;
use crate::reason::Reason;
use crate::registry::PersonIx;
use crate::subject::{
    FIELDS_MAX, READS_KEPT_MS, RecordId, SubjectAction, SubjectCommand, SubjectId, is_code,
    retention,
};
use alloc::string::String;
use alloc::vec::Vec;

/// Persons who must ask for the same before a subject is erased, held or released.
const PERSONS: u32 = 2;

pub(super) fn route(turn: &mut Turn<'_>, command: &SubjectCommand) -> Ruling {
    match command {
        SubjectCommand::Keep {
            subject,
            record,
            commit,
        } => keep(turn, subject, record, commit),
        SubjectCommand::Read {
            subject,
            record,
            purpose,
            fields,
        } => read(turn, subject, record, purpose, fields),
        SubjectCommand::EndRelation { subject, ended } => end_relation(turn, subject, *ended),
        SubjectCommand::Act { subject, action } => act(turn, subject, action),
        SubjectCommand::RecordKeyStore { generation, key } => key_store(turn, *generation, *key),
    }
}

fn not_erased(turn: &Turn<'_>, subject: &SubjectId) -> Result<(), Reason> {
    match turn.state.subjects.erased.get(subject) {
        Some(at) => Err(Reason::Erased { at: *at }),
        None => Ok(()),
    }
}

fn code(turn: &Turn<'_>, text: &str) -> Result<(), Reason> {
    if is_code(text) {
        return Ok(());
    }
    // The text itself is not repeated: it may be prose about a person, and a refusal is recorded.
    Err(turn
        .malformed("a purpose, ground or reason is a code of 1 to 64 letters, digits and `-._:/#`"))
}

fn keep(turn: &mut Turn<'_>, subject: &SubjectId, record: &RecordId, commit: &[u8; 32]) -> Ruling {
    turn.needs_role(ActionClass::KeepPersonal)?;
    not_erased(turn, subject)?;
    turn.emit(Event::PersonalRecordKept {
        subject: *subject,
        record: *record,
        commit: *commit,
    });
    Ok(Answer::Recorded)
}

/// With a purpose, within the person's and everybody's quota of the last hour, reads of both forms counted.
fn read(
    turn: &mut Turn<'_>,
    subject: &SubjectId,
    record: &RecordId,
    purpose: &str,
    fields: &[String],
) -> Ruling {
    let (_, person) = turn.needs_role(ActionClass::ReadPersonal)?;
    if purpose.is_empty() {
        return Err(Reason::PurposeMissing);
    }
    code(turn, purpose)?;
    if fields.is_empty() || fields.len() > FIELDS_MAX || !fields.iter().all(|name| is_code(name)) {
        return Err(turn.malformed("a read names 1 to 32 fields by their codes"));
    }
    quota(turn, person)?;
    not_erased(turn, subject)?;
    turn.emit(Event::SubjectRead {
        person,
        subject: *subject,
        record: *record,
        purpose: String::from(purpose),
        fields: fields.to_vec(),
    });
    Ok(Answer::Cleared)
}

/// The reads of the last hour leave room for one more; else an alarm and the limit that is reached.
pub(super) fn quota(turn: &mut Turn<'_>, person: PersonIx) -> Result<(), Reason> {
    let recent = |at: u64| at.saturating_add(READS_KEPT_MS) > turn.at;
    let of_owners = turn.state.guard.reads.iter().rev();
    let of_owners = of_owners.map(|(at, who, _)| (*at, *who));
    let of_subjects = turn.state.subjects.reads.iter().rev().copied();
    let (mut all, mut own) = (0_u32, 0_u32);
    for (_, who) in of_owners
        .take_while(|(at, _)| recent(*at))
        .chain(of_subjects.take_while(|(at, _)| recent(*at)))
    {
        all = all.saturating_add(1);
        if who == person {
            own = own.saturating_add(1);
        }
    }
    let policy = turn.policy();
    let refused = match (policy.reads_per_hour, policy.reads_per_hour_all) {
        (Some(limit), _) if own >= limit => Some(Reason::ReadQuota { used: own, limit }),
        (_, Some(limit)) if all >= limit => Some(Reason::ReadQuotaAll { used: all, limit }),
        _ => None,
    };
    let Some(reason) = refused else {
        return Ok(());
    };
    let persons = &turn.state.registry.persons;
    let who = persons.get(person.place()).map_or("", String::as_str);
    turn.alarm(AlarmCode::BulkRead, who);
    Err(reason)
}

/// The end that is known may be moved to a later moment only: moving it nearer would shorten what the law keeps.
fn end_relation(turn: &mut Turn<'_>, subject: &SubjectId, ended: u64) -> Ruling {
    turn.needs_role(ActionClass::KeepPersonal)?;
    if ended > turn.at {
        return Err(turn.malformed("a relation that ended did so before now"));
    }
    let known = turn.state.subjects.ended.get(subject).copied();
    if known.is_some_and(|known| ended < known) {
        return Err(turn.malformed(
            "the end of this relation is recorded with a later moment, and never moves back",
        ));
    }
    not_erased(turn, subject)?;
    turn.emit(Event::RelationEnded {
        subject: *subject,
        ended,
    });
    Ok(Answer::Recorded)
}

/// The first person's asking is recorded and waits; a second person who asks for the same does it.
fn act(turn: &mut Turn<'_>, subject: &SubjectId, action: &SubjectAction) -> Ruling {
    if matches!(action, SubjectAction::Erase { .. }) {
        authority::alone(turn, Class::DestroyKey)?;
    }
    code(turn, action.code())?;
    let (_, person) = turn.needs_role(ActionClass::KeepPersonal)?;
    allowed(turn, subject, action)?;
    let asked = turn.state.subjects.asked.get(&(*subject, action.clone()));
    let ttl = turn.policy().approval_ttl_ms;
    let first = asked.filter(|(at, _)| ttl.is_none_or(|ttl| at.saturating_add(ttl) > turn.at));
    let Some((_, first)) = first.copied() else {
        turn.emit(Event::SubjectActionAsked {
            subject: *subject,
            action: action.clone(),
            person,
        });
        return Ok(Answer::Held(Reason::ApprovalsShort {
            valid: 1,
            needs: PERSONS,
        }));
    };
    if first == person {
        let name = turn.state.registry.persons.get(person.place()).cloned();
        return Err(Reason::SamePerson {
            person: name.unwrap_or_default(),
        });
    }
    turn.emit(done(*subject, action.clone(), alloc::vec![first, person]));
    Ok(Answer::Recorded)
}

fn done(subject: SubjectId, action: SubjectAction, approvals: Vec<PersonIx>) -> Event {
    match action {
        SubjectAction::Erase { ground } => Event::SubjectErased {
            subject,
            ground,
            approvals,
        },
        SubjectAction::SetHold { reason } => Event::LegalHoldSet {
            subject,
            reason,
            approvals,
        },
        SubjectAction::ReleaseHold { reason } => Event::LegalHoldReleased {
            subject,
            reason,
            approvals,
        },
    }
}

/// A key that a quorum may destroy: nothing keeps the records.
pub(super) fn destroyable(
    turn: &Turn<'_>,
    subject: &SubjectId,
    ground: &str,
) -> Result<(), Reason> {
    code(turn, ground)?;
    let ground = String::from(ground);
    allowed(turn, subject, &SubjectAction::Erase { ground })
}

/// Erased once is erased; a hold, a relation that goes on and a retention rule that runs each keep what there is.
fn allowed(turn: &Turn<'_>, subject: &SubjectId, action: &SubjectAction) -> Result<(), Reason> {
    let subjects = &turn.state.subjects;
    let held = |reason: &String| subjects.holds.contains_key(&(*subject, reason.clone()));
    match action {
        SubjectAction::SetHold { reason } if held(reason) => {
            return Err(Reason::AlreadyRegistered {
                name: reason.clone(),
            });
        }
        SubjectAction::ReleaseHold { reason } if !held(reason) => {
            return Err(Reason::UnknownTarget {
                target: reason.clone(),
            });
        }
        _ => {}
    }
    not_erased(turn, subject)?;
    if !matches!(action, SubjectAction::Erase { .. }) {
        return Ok(());
    }
    if let Some((reason, since)) = subjects.hold(subject) {
        return Err(Reason::LegalHold {
            reason: String::from(reason),
            since,
        });
    }
    let Some(ended) = subjects.ended.get(subject).copied() else {
        return Err(Reason::RetentionRequired {
            rule: String::from("relation_goes_on"),
            until: None,
        });
    };
    match retention(turn.state.law.rules.values(), ended, turn.at) {
        Some(kept) if kept.until > turn.at => Err(Reason::RetentionRequired {
            rule: kept.rule,
            until: Some(kept.until),
        }),
        _ => Ok(()),
    }
}

/// An older store than the one recorded is a copy that somebody put back: recorded as that, with an alarm to people.
fn key_store(turn: &mut Turn<'_>, generation: u64, key: u64) -> Ruling {
    if let Some((expected, _)) = turn.state.subjects.key_store
        && generation < expected
    {
        turn.emit(Event::KeyStoreRestored {
            expected,
            found: generation,
        });
        return Ok(Answer::Recorded);
    }
    turn.emit(Event::KeyStoreRecorded { generation, key });
    Ok(Answer::Recorded)
}
