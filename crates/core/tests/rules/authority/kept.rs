//! Stops that a quorum keeps although somebody rejected it, nobody came in time, or an alarm was first.

use super::{halt, propose, resume, stands};
use crate::exchange::{DAY, Exchange, HOT, HOUR, code};
use crate::staff::{Staff, staffed};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::authority::people;
use keepwhole_core::breaker::Scope;
use keepwhole_core::custody::Direction;
use keepwhole_core::guard::{BreakGlass, Change, Standing};

fn retire() -> Change {
    Change::RetireKey {
        wallet: "hot".into(),
    }
}

fn suspend(who: &str) -> Change {
    Change::Revoke { actor: who.into() }
}

/// Two who may keep a stop say so.
fn keep(exchange: &mut Exchange, staff: &mut Staff, id: &str) {
    staff.approve(exchange, id, "sue", "security");
    staff.approve(exchange, id, "eva", "executive");
}

fn retired(exchange: &Exchange) -> bool {
    exchange.state.custody.retired.contains_key(&HOT)
}

#[test]
fn one_rejection_does_not_save_a_feared_key_or_a_suspended_person() {
    let (mut exchange, mut staff) = staffed();
    for (id, change) in [("k1", retire()), ("s1", suspend("rob"))] {
        propose(&mut exchange, id, "sue", change.clone());
        let no = staff.say(&mut exchange, id, ("oda", "operations"), |draft| {
            draft.decision = Decision::Reject;
        });
        assert_eq!(no.answer, Answer::Recorded);
        keep(&mut exchange, &mut staff, id);
    }
    let rob = exchange.state.registry.person("rob").unwrap();
    assert!(!retired(&exchange), "one rejection ends that question");
    assert!(!exchange.state.authority.suspended[&rob].kept);
    // Stopped again it is asked anew, since when it is stopped does not change.
    let since = exchange.state.authority.suspended[&rob].since;
    exchange.pass(HOUR);
    for (id, change) in [("k2", retire()), ("s2", suspend("rob"))] {
        propose(&mut exchange, id, "sue", change.clone());
        keep(&mut exchange, &mut staff, id);
    }
    assert!(retired(&exchange));
    assert!(exchange.state.authority.stops[&Scope::Wallet(HOT)].kept);
    let stop = exchange.state.authority.suspended[&rob];
    assert!(stop.kept && stop.since == since);
    let kept_by = exchange.state.guard.proposals[stop.proposal as usize]
        .id
        .clone();
    assert_eq!(kept_by, "s2");
    assert!(people::roles(&exchange.state, rob, exchange.at).is_empty());
    assert!(!people::has_credential(
        &exchange.state,
        rob,
        Class::Withdrawal
    ));
    // It is kept once.
    let late = staff.say(&mut exchange, "k2", ("ada", "administrator"), |_| {});
    assert_eq!(code(&late), "collection_over");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn a_stop_that_nobody_kept_in_time_is_kept_by_stopping_again() {
    let (mut exchange, mut staff) = staffed();
    propose(&mut exchange, "h1", "ole", halt("hot"));
    exchange.pass(2 * DAY);
    let late = staff.say(&mut exchange, "h1", ("sue", "security"), |_| {});
    assert_ne!(late.answer, Answer::Recorded, "{late:?}");
    propose(&mut exchange, "k1", "ole", retire());
    keep(&mut exchange, &mut staff, "k1");
    assert!(retired(&exchange));
    assert!(exchange.state.authority.stops[&Scope::Wallet(HOT)].kept);
}

#[test]
fn what_was_lifted_keeps_no_later_stop() {
    let (mut exchange, mut staff) = staffed();
    propose(&mut exchange, "h1", "ole", halt("hot"));
    propose(&mut exchange, "k1", "ole", retire());
    propose(&mut exchange, "r1", "ria", resume("hot"));
    staff.approve(&mut exchange, "r1", "ria", "risk");
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    assert_eq!(stands(&exchange, "r1"), Standing::Cleared);
    exchange.pass(HOUR);
    propose(&mut exchange, "h2", "ole", halt("hot"));
    for old in ["h1", "k1"] {
        let late = staff.say(&mut exchange, old, ("sue", "security"), |_| {});
        assert_eq!(code(&late), "collection_over", "{old}");
    }
    assert!(!retired(&exchange));
}

#[test]
fn a_key_is_retired_whatever_halted_its_wallet() {
    // An alarm that was first, and a halt that a quorum keeps.
    for by_alarm in [true, false] {
        let (mut exchange, mut staff) = staffed();
        if by_alarm {
            for node in ["n1", "n2"] {
                exchange.seen(node, Direction::Out, "0xtheft", 500, "0xthief", 9);
            }
        } else {
            propose(&mut exchange, "h1", "ole", halt("hot"));
            keep(&mut exchange, &mut staff, "h1");
        }
        propose(&mut exchange, "k1", "ole", retire());
        keep(&mut exchange, &mut staff, "k1");
        assert!(retired(&exchange), "{by_alarm}");
        propose(&mut exchange, "r1", "ria", resume("hot"));
        let (number, _) = exchange.state.guard.proposal("r1").unwrap();
        let matter = &exchange.state.authority.matters[&Target::Change(number)];
        assert_eq!(matter.class, Class::Resume);
    }
}

#[test]
fn sealed_keys_freeze_what_one_person_stopped_for_the_quorum_of_an_alarm() {
    let (mut exchange, mut staff) = staffed();
    propose(&mut exchange, "h1", "ole", halt("hot"));
    propose(&mut exchange, "r1", "ria", resume("hot"));
    staff.approve(&mut exchange, "r1", "ria", "risk");
    let freeze = Change::BreakGlass(BreakGlass::Freeze {
        scope: "hot".into(),
    });
    propose(&mut exchange, "g1", "seal-1", freeze);
    for seal in ["seal-1", "seal-2", "seal-3"] {
        staff.approve(&mut exchange, "g1", seal, "sealed");
    }
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    assert_eq!(stands(&exchange, "r1"), Standing::Lapsed);
    let hot = Scope::Wallet(HOT);
    assert!(exchange.state.breaker.tripped.contains_key(&hot));
    assert!(!exchange.state.authority.stops.contains_key(&hot));
    assert_eq!(exchange.state, exchange.folded_again());
}
