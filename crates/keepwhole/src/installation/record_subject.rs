//! The records of personal data as canonical JSON: random numbers, codes and names of fields, nothing of a person.

use super::record_json::{Members, Names, texts, time};
use keepwhole_core::event::Event;
use keepwhole_core::registry::PersonIx;
use keepwhole_verify::json::{Value, to_hex};

/// The kind of an event of personal data in lower snake case; any other is of authority.
pub(super) const fn kind(event: &Event) -> &'static str {
    match event {
        Event::PersonalRecordKept { .. } => "personal_record_kept",
        Event::SubjectRead { .. } => "subject_read",
        Event::RelationEnded { .. } => "relation_ended",
        Event::SubjectActionAsked { .. } => "subject_action_asked",
        Event::SubjectErased { .. } => "subject_erased",
        Event::LegalHoldSet { .. } => "legal_hold_set",
        Event::LegalHoldReleased { .. } => "legal_hold_released",
        Event::KeyStoreRecorded { .. } => "key_store_recorded",
        Event::KeyStoreRestored { .. } => "key_store_restored",
        _ => super::record_authority::kind(event),
    }
}

fn id(bytes: &[u8]) -> Value {
    Value::Text(to_hex(bytes))
}

fn number(number: u64) -> Value {
    Value::amount(u128::from(number))
}

fn approvals(names: &Names<'_>, persons: &[PersonIx]) -> Value {
    Value::List(persons.iter().map(|who| names.person(*who)).collect())
}

/// The members of an event of personal data.
pub(super) fn subject(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::PersonalRecordKept {
            subject,
            record,
            commit,
        } => vec![
            ("commit", id(commit)),
            ("record", id(record)),
            ("subject", id(subject)),
        ],
        Event::SubjectRead {
            person,
            subject,
            record,
            purpose,
            fields,
        } => vec![
            ("fields", texts(fields)),
            ("person", names.person(*person)),
            ("purpose", Value::text(purpose.as_str())),
            ("record", id(record)),
            ("subject", id(subject)),
        ],
        Event::RelationEnded { subject, ended } => {
            vec![("ended", time(*ended)), ("subject", id(subject))]
        }
        Event::SubjectActionAsked {
            subject,
            action,
            person,
        } => vec![
            ("action", Value::text(action.word())),
            ("code", Value::text(action.code())),
            ("person", names.person(*person)),
            ("subject", id(subject)),
        ],
        Event::SubjectErased {
            subject,
            ground,
            approvals: by,
        } => vec![
            ("approvals", approvals(names, by)),
            ("ground", Value::text(ground.as_str())),
            ("subject", id(subject)),
        ],
        Event::LegalHoldSet {
            subject,
            reason,
            approvals: by,
        }
        | Event::LegalHoldReleased {
            subject,
            reason,
            approvals: by,
        } => vec![
            ("approvals", approvals(names, by)),
            ("reason", Value::text(reason.as_str())),
            ("subject", id(subject)),
        ],
        Event::KeyStoreRecorded { generation, key } => {
            vec![("generation", number(*generation)), ("key", number(*key))]
        }
        Event::KeyStoreRestored { expected, found } => {
            vec![("expected", number(*expected)), ("found", number(*found))]
        }
        _ => return None,
    })
}
