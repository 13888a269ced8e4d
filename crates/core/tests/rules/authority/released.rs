//! What is done by quorum alone once rules of authority are in force: redress sets to customers, keys of persons.

use super::{propose, stands};
use crate::exchange::{DAY, Exchange, code};
use crate::staff::{Staff, staffed};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::authority::binding::of_proposed;
use keepwhole_core::command::Body;
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::subject::{SubjectAction, SubjectCommand};
use keepwhole_verify::manifest::entry_payload;

const SUBJECT: [u8; 16] = [7; 16];

fn release(epoch: u64) -> Change {
    Change::ReleaseRedress {
        entry: entry_payload(&[3; 16], epoch, "the manifest"),
    }
}

fn destroy() -> Change {
    Change::DestroyKey {
        subject: SUBJECT,
        ground: "pipa-36".into(),
    }
}

fn told(exchange: &mut Exchange, actor: &str, command: SubjectCommand) -> Reply {
    exchange.ask(None, Some(actor), Body::OfSubject(command))
}

fn act(exchange: &mut Exchange, actor: &str, action: SubjectAction) -> Reply {
    let subject = SUBJECT;
    told(exchange, actor, SubjectCommand::Act { subject, action })
}

fn erase() -> SubjectAction {
    SubjectAction::Erase {
        ground: "pipa-36".into(),
    }
}

/// An exchange with everybody, whose relation with the person ended.
fn ended() -> (Exchange, Staff) {
    let (mut exchange, staff) = staffed();
    let ended = SubjectCommand::EndRelation {
        subject: SUBJECT,
        ended: 5,
    };
    assert_eq!(
        told(&mut exchange, "security", ended).answer,
        Answer::Recorded
    );
    (exchange, staff)
}

#[test]
fn a_redress_set_is_released_by_finance_and_legal() {
    let (mut exchange, mut staff) = staffed();
    let Change::ReleaseRedress { entry } = release(1) else {
        panic!("it is a release");
    };
    let alone = Body::PublishRedressSet {
        entry: entry.clone(),
    };
    let needed = Reason::ProposalNeeded {
        class: "redress_release".into(),
    };
    let reply = exchange.ask(None, None, alone.clone());
    assert_eq!(reply.answer.reason(), Some(&needed));
    propose(&mut exchange, "s1", "ria", release(1));
    let command = of_proposed(
        &exchange.state,
        exchange.state.guard.proposal("s1").unwrap().0,
    );
    let text = command.unwrap().to_text();
    for words in [
        r#""action":"release-redress""#,
        r#""epoch":"1""#,
        r#""set":"03030303030303030303030303030303""#,
        r#""manifest_sha256":""#,
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // The proposer does not count, nor does anybody of other roles.
    assert_eq!(
        code(&staff.say(&mut exchange, "s1", ("ria", "finance"), |_| {})),
        "self_approval"
    );
    assert_eq!(
        code(&staff.say(&mut exchange, "s1", ("sue", "security"), |_| {})),
        "role_missing"
    );
    staff.approve(&mut exchange, "s1", "rob", "finance");
    assert!(exchange.state.sets.is_empty(), "one of two");
    staff.approve(&mut exchange, "s1", "tom", "legal");
    assert_eq!(
        exchange.state.sets.last().map(|set| &set.entry),
        Some(&entry)
    );
    assert_eq!(stands(&exchange, "s1"), Standing::Cleared);
    // Once is enough, and only what is the entry of a set.
    assert_eq!(
        code(&propose(&mut exchange, "s2", "ria", release(1))),
        "already_registered"
    );
    let other = Change::ReleaseRedress {
        entry: b"something else".to_vec(),
    };
    assert_eq!(
        code(&propose(&mut exchange, "s3", "ria", other)),
        "malformed"
    );
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn a_key_is_destroyed_by_privacy_and_security_after_seven_days() {
    let (mut exchange, mut staff) = ended();
    let reply = act(&mut exchange, "security", erase());
    assert_eq!(code(&reply), "proposal_needed");
    propose(&mut exchange, "d1", "oda", destroy());
    staff.approve(&mut exchange, "d1", "oda", "privacy");
    staff.approve(&mut exchange, "d1", "sue", "security");
    let Standing::Held(Reason::CoolOff { until }) = stands(&exchange, "d1") else {
        panic!("{:?}", stands(&exchange, "d1"));
    };
    assert_eq!(until, exchange.at + 7 * DAY);
    exchange.pass(7 * DAY - 1_000);
    assert!(exchange.state.subjects.erased.is_empty());
    exchange.pass(1_000);
    assert!(exchange.state.subjects.erased.contains_key(&SUBJECT));
    let persons = ["oda", "sue"].map(|name| exchange.state.registry.person(name).unwrap());
    let by = exchange
        .records
        .iter()
        .find_map(|record| match &record.event {
            Event::SubjectErased { approvals, .. } => Some(approvals.clone()),
            _ => None,
        });
    let mut persons = persons.to_vec();
    persons.sort_unstable();
    assert_eq!(by, Some(persons));
    assert_eq!(
        code(&propose(&mut exchange, "d2", "oda", destroy())),
        "erased"
    );
}

#[test]
fn a_hold_that_came_meanwhile_keeps_the_key() {
    let (mut exchange, mut staff) = ended();
    propose(&mut exchange, "d1", "oda", destroy());
    staff.approve(&mut exchange, "d1", "oda", "privacy");
    staff.approve(&mut exchange, "d1", "sue", "security");
    let hold = || SubjectAction::SetHold {
        reason: "court-7".into(),
    };
    for actor in ["security", "admin-1"] {
        act(&mut exchange, actor, hold());
    }
    assert!(exchange.state.subjects.hold(&SUBJECT).is_some());
    exchange.pass(8 * DAY);
    assert!(exchange.state.subjects.erased.is_empty());
    assert_eq!(stands(&exchange, "d1"), Standing::Lapsed);
    assert_eq!(
        code(&propose(&mut exchange, "d2", "oda", destroy())),
        "legal_hold"
    );
}

#[test]
fn without_rules_of_authority_both_go_on_as_before() {
    let mut exchange = Exchange::new();
    exchange.told(Body::PublishRedressSet {
        entry: entry_payload(&[3; 16], 1, "the manifest"),
    });
    assert_eq!(exchange.state.sets.len(), 1);
    for change in [release(2), destroy()] {
        let reply = propose(&mut exchange, "p1", "admin-1", change);
        assert_eq!(code(&reply), "malformed");
    }
    let ended = SubjectCommand::EndRelation {
        subject: SUBJECT,
        ended: 5,
    };
    told(&mut exchange, "security", ended);
    assert_eq!(
        code(&act(&mut exchange, "security", erase())),
        "approvals_short"
    );
    assert_eq!(
        act(&mut exchange, "admin-1", erase()).answer,
        Answer::Recorded
    );
    assert!(exchange.state.subjects.erased.contains_key(&SUBJECT));
}
