//! What the edges tell of the doors: identities that came, changed and went, and who was turned away.

use crate::script::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::door::{
    Door, DoorCommand, DoorEvent, IDENTITIES_MAX, Identity, SORTS_MAX, TurnedAway,
};
use keepwhole_core::event::Event;
use keepwhole_core::reason::Reason;

fn tell(reader: &mut Reader, command: DoorCommand) -> Answer {
    let command = Command {
        id: None,
        actor: None,
        body: Body::OfDoor(command),
    };
    reader.exchange.send(&command).answer
}

fn identity(name: &str, line: u8) -> Identity {
    Identity {
        name: name.to_owned(),
        scope: "guard".to_owned(),
        until: "2027-01-01".to_owned(),
        fingerprint: [line; 32],
    }
}

fn turned_away(code: &str, who: &str, count: u64) -> TurnedAway {
    TurnedAway {
        door: Door::Api,
        code: code.to_owned(),
        who: who.to_owned(),
        count,
        since: 0,
    }
}

fn identities(reader: &Reader) -> Vec<(String, u8)> {
    let rows = reader.exchange.state.doors.identities.values();
    rows.map(|row| (row.name.clone(), row.fingerprint[0]))
        .collect()
}

#[test]
fn the_journal_tells_each_identity_that_comes_changes_and_goes_once() {
    let mut reader = Reader::new();
    let first = vec![identity("wallets", 1), identity("signer", 2)];
    for _ in 0..2 {
        let told = DoorCommand::TellIdentities(first.clone());
        assert_eq!(tell(&mut reader, told), Answer::Recorded);
    }
    let admitted = |event: &Event| matches!(event, Event::AtDoor(DoorEvent::IdentityAdmitted(_)));
    let ended = |event: &Event| matches!(event, Event::AtDoor(DoorEvent::IdentityEnded { .. }));
    assert_eq!(reader.exchange.count(admitted), 2, "told twice, once new");
    let minted = vec![identity("wallets", 3), identity("hers", 4)];
    tell(&mut reader, DoorCommand::TellIdentities(minted));
    assert_eq!(
        identities(&reader),
        [("hers".to_owned(), 4), ("wallets".to_owned(), 3)]
    );
    assert_eq!(reader.exchange.count(admitted), 4);
    assert_eq!(reader.exchange.count(ended), 1);
}

#[test]
fn a_list_that_is_none_changes_nothing() {
    let mut reader = Reader::new();
    let all = vec![identity("wallets", 1)];
    tell(&mut reader, DoorCommand::TellIdentities(all));
    let many = (0..=IDENTITIES_MAX).map(|number| identity(&format!("n{number}"), 1));
    for wrong in [
        vec![identity("", 1)],
        vec![identity("kim min", 1)],
        vec![identity(&"n".repeat(65), 1)],
        many.collect(),
    ] {
        let answer = tell(&mut reader, DoorCommand::TellIdentities(wrong));
        assert!(
            matches!(answer, Answer::Refused(Reason::Malformed { .. })),
            "{answer:?}"
        );
    }
    let twice = vec![identity("a", 1), identity("a", 2)];
    let answer = tell(&mut reader, DoorCommand::TellIdentities(twice));
    let name = "a".to_owned();
    assert_eq!(answer, Answer::Refused(Reason::AlreadyRegistered { name }));
    assert_eq!(identities(&reader), [("wallets".to_owned(), 1)]);
}

#[test]
fn attempts_are_summed_by_door_code_and_who() {
    let mut reader = Reader::new();
    for (code, who, count) in [
        ("unauthorised", "", 1),
        ("unauthorised", "", 41),
        ("scope", "wallets", 1),
    ] {
        let told = DoorCommand::TellTurnedAway(turned_away(code, who, count));
        assert_eq!(tell(&mut reader, told), Answer::Recorded);
    }
    let rows = &reader.exchange.state.doors.turned_away;
    let counts: Vec<_> = rows
        .iter()
        .map(|((_, code, who), row)| (code.as_str(), who.as_str(), row.count))
        .collect();
    assert_eq!(counts, [("scope", "wallets", 1), ("unauthorised", "", 42)]);
    for wrong in [
        turned_away("", "", 1),
        turned_away("scope", "", 0),
        turned_away("scope", "김 민지", 1),
        turned_away(&"c".repeat(65), "", 1),
    ] {
        let answer = tell(&mut reader, DoorCommand::TellTurnedAway(wrong));
        assert!(matches!(answer, Answer::Refused(Reason::Malformed { .. })));
    }
}

#[test]
fn a_moment_ahead_of_the_journal_counts_as_now_and_the_rows_are_bounded() {
    let mut reader = Reader::new();
    let mut ahead = turned_away("scope", "wallets", 1);
    ahead.since = u64::MAX;
    tell(&mut reader, DoorCommand::TellTurnedAway(ahead));
    let state = &reader.exchange.state;
    let row = state.doors.turned_away.values().next();
    assert_eq!(row.map(|row| row.first <= state.at), Some(true));
    for number in 0..SORTS_MAX.saturating_add(9) {
        let told = turned_away("scope", &format!("n{number}"), 1);
        tell(&mut reader, DoorCommand::TellTurnedAway(told));
    }
    assert_eq!(reader.exchange.state.doors.turned_away.len(), SORTS_MAX);
}
