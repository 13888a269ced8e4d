//! What the edges tell of the doors: facts of their own, which no role is asked for and which change no verdict.

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::door::{DoorCommand, DoorEvent, IDENTITIES_MAX, Identity, NAME_MAX, TurnedAway};
use crate::event::Event;
use crate::reason::Reason;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

pub(super) fn route(turn: &mut Turn<'_>, command: &DoorCommand) -> Ruling {
    match command {
        DoorCommand::TellIdentities(all) => identities(turn, all),
        DoorCommand::TellTurnedAway(told) => turned_away(turn, told),
    }
}

/// One to 64 visible characters of ASCII: nothing that a caller chose freely gets into a record.
fn visible(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What changed against the identities of before: those that are new or other, then those that are gone.
fn identities(turn: &mut Turn<'_>, all: &[Identity]) -> Ruling {
    if all.len() > IDENTITIES_MAX {
        let what = format!(
            "{} identities, and at most {IDENTITIES_MAX} may be",
            all.len()
        );
        return Err(Reason::Malformed { what });
    }
    let mut told: BTreeMap<&str, &Identity> = BTreeMap::new();
    for identity in all {
        let fits = [&identity.name, &identity.scope, &identity.until];
        if !fits.into_iter().all(|text| visible(text)) {
            return Err(turn
                .malformed("a name, scope or end of an identity has 1 to 64 visible characters"));
        }
        if told.insert(&identity.name, identity).is_some() {
            return Err(Reason::AlreadyRegistered {
                name: identity.name.clone(),
            });
        }
    }
    let known = &turn.state.doors.identities;
    let mut changes = Vec::new();
    for (name, identity) in &told {
        if known.get(*name) != Some(*identity) {
            changes.push(DoorEvent::IdentityAdmitted((*identity).clone()));
        }
    }
    for name in known
        .keys()
        .filter(|name| !told.contains_key(name.as_str()))
    {
        changes.push(DoorEvent::IdentityEnded { name: name.clone() });
    }
    for change in changes {
        turn.emit(Event::AtDoor(change));
    }
    Ok(Answer::Recorded)
}

fn turned_away(turn: &mut Turn<'_>, told: &TurnedAway) -> Ruling {
    if !visible(&told.code) || !(told.who.is_empty() || visible(&told.who)) || told.count == 0 {
        return Err(turn.malformed("attempts are told with a code, a name of at most 64 visible characters or none, and their number"));
    }
    // The edge's clock may be a moment ahead of the journal's.
    let since = told.since.min(turn.at);
    turn.emit(Event::AtDoor(DoorEvent::TurnedAway(TurnedAway {
        since,
        ..told.clone()
    })));
    Ok(Answer::Recorded)
}
