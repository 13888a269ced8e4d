//! The records of the doors as canonical JSON: identities that count, attempts that were turned away.

use super::record_json::{Members, number, time};
use keepwhole_core::door::DoorEvent;
use keepwhole_core::event::Event;
use keepwhole_verify::json::{Value, to_hex};

/// The kind of an event at a door in lower snake case; `None` for any other.
pub(super) const fn kind(event: &Event) -> Option<&'static str> {
    match event {
        Event::AtDoor(DoorEvent::IdentityAdmitted(_)) => Some("identity_admitted"),
        Event::AtDoor(DoorEvent::IdentityEnded { .. }) => Some("identity_ended"),
        Event::AtDoor(DoorEvent::TurnedAway(_)) => Some("turned_away"),
        _ => None,
    }
}

/// The members of an event at a door.
pub(super) fn door(event: &Event) -> Option<Members> {
    let Event::AtDoor(event) = event else {
        return None;
    };
    Some(match event {
        DoorEvent::IdentityAdmitted(identity) => vec![
            ("fingerprint", Value::Text(to_hex(&identity.fingerprint))),
            ("identity", Value::text(identity.name.as_str())),
            ("scope", Value::text(identity.scope.as_str())),
            ("until", Value::text(identity.until.as_str())),
        ],
        DoorEvent::IdentityEnded { name } => vec![("identity", Value::text(name.as_str()))],
        DoorEvent::TurnedAway(told) => vec![
            ("code", Value::text(told.code.as_str())),
            ("count", number(told.count)),
            ("door", Value::text(told.door.code())),
            ("since", time(told.since)),
            ("who", Value::text(told.who.as_str())),
        ],
    })
}
