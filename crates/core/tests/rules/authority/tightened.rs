//! A policy that one person tightened: it acts at once, ends nothing that waited, and a quorum takes it back at once or
//! keeps it.

use super::{propose, stands, withdraw};
use crate::exchange::{BTC, DAY, Exchange, HOUR, MINUTE, code, policy};
use crate::judging::{approve, rule};
use crate::staff::Staff;
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::command::Body;
use keepwhole_core::event::{AuthorityEvent, Event};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::rule::{Outcome, Rules as PolicyRules, Test};
use keepwhole_core::policy::{Cap, Policy};
use keepwhole_core::reason::Reason;
use proptest::prelude::*;

/// Everybody enrolled, and a policy whose rules ask two persons for every withdrawal.
fn ruled() -> (Exchange, Staff) {
    let mut policy = policy();
    policy.clears.clear();
    policy.tiers.clear();
    policy.collection_ms = Some(3 * DAY);
    let all = vec![(Field::Amount(BTC), Test::Below(u128::MAX))];
    policy.rules = PolicyRules::new(vec![
        rule("all", all.clone(), Outcome::Clear),
        rule("people", all, approve(2, &["risk"], 0)),
    ]);
    let mut exchange = Exchange::under(policy);
    let mut staff = Staff::default();
    staff.settle(&mut exchange);
    exchange.pass(0);
    (exchange, staff)
}

/// The policy in force, altered, one version on.
fn next(exchange: &Exchange, alter: impl FnOnce(&mut Policy)) -> Change {
    let mut next = exchange.state.guard.policy.clone();
    next.version += 1;
    alter(&mut next);
    Change::AdoptPolicy(Box::new(next))
}

fn deny_all(policy: &mut Policy) {
    let all = vec![(Field::Amount(BTC), Test::Below(u128::MAX))];
    let none = rule("none", all, Outcome::Deny);
    policy.rules = PolicyRules::new(policy.rules.iter().cloned().chain([none]).collect());
}

/// One person's tighter policy, in force at once.
fn tighten(exchange: &mut Exchange, id: &str, by: &str, alter: impl FnOnce(&mut Policy)) {
    let change = next(exchange, alter);
    assert_eq!(propose(exchange, id, by, change).answer, Answer::Cleared);
}

/// The rules of `before` under the next version.
fn back(exchange: &Exchange, before: &Policy) -> Change {
    next(exchange, |next| {
        *next = Policy {
            version: next.version,
            ..before.clone()
        };
    })
}

fn class(exchange: &Exchange, id: &str) -> Class {
    let (number, _) = exchange.state.guard.proposal(id).unwrap();
    exchange.state.authority.matters[&Target::Change(number)].class
}

fn two(exchange: &mut Exchange, staff: &mut Staff, id: &str) {
    staff.approve(exchange, id, "ria", "risk");
    staff.approve(exchange, id, "tom", "treasury");
}

#[test]
fn a_policy_of_one_person_ends_nothing_that_waited_and_two_take_it_back_at_once() {
    let (mut exchange, mut staff) = ruled();
    exchange.ask(Some("w1"), None, withdraw(900));
    let before = exchange.state.guard.policy.clone();
    tighten(&mut exchange, "p1", "ole", |next| {
        deny_all(next);
        next.collection_ms = Some(MINUTE);
    });
    exchange.pass(HOUR);
    let Standing::Held(Reason::RuleDenies { rule, .. }) = exchange.standing("w1") else {
        panic!("{:?}", exchange.standing("w1"));
    };
    assert_eq!(rule, "none");
    exchange.ask(Some("w2"), None, withdraw(900));
    assert!(matches!(exchange.standing("w2"), Standing::Denied(_)));
    let change = back(&exchange, &before);
    propose(&mut exchange, "b1", "ria", change);
    assert_eq!(class(&exchange, "b1"), Class::LiftStop);
    // Whoever tightened it does not hinder that.
    let target = "b1".into();
    let own = exchange.ask(None, Some("ole"), Body::CancelChange { target });
    assert_eq!(code(&own), "self_approval");
    let no = staff.say(&mut exchange, "b1", ("ole", "operations"), |draft| {
        draft.decision = Decision::Reject;
    });
    assert_eq!(code(&no), "self_approval");
    staff.approve(&mut exchange, "b1", "ria", "risk");
    assert_eq!(exchange.state.guard.policy.version, 2, "one is not enough");
    staff.approve(&mut exchange, "b1", "tom", "treasury");
    assert_eq!(stands(&exchange, "b1"), Standing::Cleared);
    assert_eq!(exchange.state.authority.tightened, None);
    exchange.pass(0);
    two(&mut exchange, &mut staff, "w1");
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn what_a_quorum_keeps_denies_what_waited_and_is_loosened_like_any_policy() {
    let (mut exchange, mut staff) = ruled();
    exchange.ask(Some("w1"), None, withdraw(900));
    let before = exchange.state.guard.policy.clone();
    tighten(&mut exchange, "p1", "ole", deny_all);
    exchange.pass(MINUTE);
    let change = back(&exchange, &before);
    propose(&mut exchange, "b1", "ria", change.clone());
    staff.approve(&mut exchange, "b1", "ria", "risk");
    staff.approve(&mut exchange, "p1", "sue", "security");
    assert!(exchange.state.authority.tightened.is_some(), "one alone");
    staff.approve(&mut exchange, "p1", "eva", "executive");
    assert_eq!(stands(&exchange, "p1"), Standing::Cleared);
    assert_eq!(exchange.state.authority.tightened, None);
    let kept = |e: &Event| matches!(e, Event::Authority(AuthorityEvent::StopKept { .. }));
    assert_eq!(exchange.count(kept), 1);
    exchange.pass(0);
    assert!(matches!(exchange.standing("w1"), Standing::Denied(_)));
    // What was asked while it was one person's loosens nothing any more.
    staff.approve(&mut exchange, "b1", "tom", "treasury");
    assert_eq!(stands(&exchange, "b1"), Standing::Lapsed);
    propose(&mut exchange, "b2", "ria", change);
    assert_eq!(class(&exchange, "b2"), Class::LoosenPolicy);
    let late = staff.say(&mut exchange, "p1", ("rob", "risk"), |_| {});
    assert_eq!(code(&late), "collection_over");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn nobody_kept_it_within_a_day_and_it_is_adopted_anew() {
    let (mut exchange, mut staff) = ruled();
    let before = exchange.state.guard.policy.clone();
    tighten(&mut exchange, "p1", "ole", deny_all);
    exchange.pass(DAY + MINUTE);
    let late = staff.say(&mut exchange, "p1", ("sue", "security"), |_| {});
    assert_ne!(late.answer, Answer::Recorded, "{late:?}");
    // The way back does not end with that day.
    let change = back(&exchange, &before);
    propose(&mut exchange, "b1", "ria", change);
    assert_eq!(class(&exchange, "b1"), Class::LiftStop);
    // The same policy again, as the next version, asks anew, and overtakes what waits.
    tighten(&mut exchange, "p2", "oda", |_| {});
    let known = exchange.state.authority.tightened.clone().unwrap();
    assert_eq!(*known.before, before);
    assert_eq!(known.by.len(), 2);
    two(&mut exchange, &mut staff, "b1");
    assert_eq!(stands(&exchange, "b1"), Standing::Lapsed);
    let old = staff.say(&mut exchange, "p1", ("eva", "executive"), |_| {});
    assert_ne!(old.answer, Answer::Recorded, "another is in force");
    two(&mut exchange, &mut staff, "p2");
    assert_eq!(exchange.state.authority.tightened, None);
}

#[test]
fn two_loosen_nothing_but_what_one_tightened() {
    type Alter = fn(&mut Policy);
    let cases: [(&str, Alter, Class); 7] = [
        ("the same", |_| {}, Class::LiftStop),
        (
            "tighter elsewhere",
            |p| p.reads_per_hour = Some(1),
            Class::LiftStop,
        ),
        (
            "a longer approval",
            |p| p.approval_ttl_ms = Some(9 * DAY),
            Class::LoosenPolicy,
        ),
        ("no caps", |p| p.caps.clear(), Class::LoosenPolicy),
        (
            "no rules",
            |p| p.rules = PolicyRules::default(),
            Class::LoosenPolicy,
        ),
        (
            "no breaker",
            |p| p.breaker_armed = false,
            Class::LoosenPolicy,
        ),
        ("other sweep", |p| p.sweep_to = None, Class::LoosenPolicy),
    ];
    for (what, alter, expected) in cases {
        let (mut exchange, _) = ruled();
        let before = exchange.state.guard.policy.clone();
        let looser = next(&exchange, alter);
        tighten(&mut exchange, "p1", "ole", deny_all);
        // The second from another hand: what counts is the last that a quorum stood behind.
        tighten(&mut exchange, "p2", "oda", |next| {
            next.reads_per_hour = Some(0)
        });
        let Change::AdoptPolicy(looser) = looser else {
            unreachable!("a policy");
        };
        assert_eq!(
            *exchange.state.authority.tightened.clone().unwrap().before,
            before
        );
        let change = back(&exchange, &looser);
        propose(&mut exchange, "b1", "ria", change);
        assert_eq!(class(&exchange, "b1"), expected, "{what}");
    }
}

#[test]
fn what_a_quorum_loosens_meanwhile_is_what_counts_from_then_on() {
    let (mut exchange, mut staff) = ruled();
    let first = exchange.state.guard.policy.clone();
    tighten(&mut exchange, "p1", "ole", deny_all);
    let mut looser = first.clone();
    looser.approval_ttl_ms = Some(9 * DAY);
    let change = back(&exchange, &looser);
    propose(&mut exchange, "l1", "sue", change);
    for (who, role) in [("sue", "security"), ("eva", "executive"), ("ria", "risk")] {
        staff.approve(&mut exchange, "l1", who, role);
    }
    exchange.pass(DAY);
    assert_eq!(stands(&exchange, "l1"), Standing::Cleared);
    assert_eq!(exchange.state.authority.tightened, None);
    tighten(&mut exchange, "p2", "ole", deny_all);
    let known = exchange.state.authority.tightened.clone().unwrap();
    assert_eq!(known.before.approval_ttl_ms, Some(9 * DAY));
    assert_eq!(known.by.len(), 1);
    // A loosening that waited when one tightened again is overtaken as before.
    let change = back(&exchange, &looser);
    propose(&mut exchange, "b1", "ria", change);
    two(&mut exchange, &mut staff, "b1");
    assert_eq!(stands(&exchange, "b1"), Standing::Cleared);
    assert_eq!(exchange.state.guard.policy.approval_ttl_ms, Some(9 * DAY));
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn who_is_suspended_by_the_same_hand_helps_to_take_it_back() {
    let (mut exchange, mut staff) = ruled();
    let before = exchange.state.guard.policy.clone();
    tighten(&mut exchange, "p1", "ole", deny_all);
    for who in ["ria", "tom"] {
        let stop = Change::Revoke { actor: who.into() };
        propose(&mut exchange, &format!("s-{who}"), "ole", stop);
    }
    let stop = Change::Revoke {
        actor: "ole".into(),
    };
    propose(&mut exchange, "s-ole", "sue", stop);
    let again = next(&exchange, |_| {});
    let reply = propose(&mut exchange, "p2", "ole", again);
    assert_eq!(code(&reply), "suspended", "he overtakes nothing any more");
    let change = back(&exchange, &before);
    propose(&mut exchange, "b1", "sue", change);
    two(&mut exchange, &mut staff, "b1");
    assert_eq!(stands(&exchange, "b1"), Standing::Cleared);
}

/// A change of a policy, some tighter, some looser, some neither.
fn alter(policy: &mut Policy, which: u8, by: u64) {
    match which {
        0 => deny_all(policy),
        1 => policy.reads_per_hour = Some(u32::try_from(by).unwrap()),
        2 => policy.approval_ttl_ms = Some(by * MINUTE),
        3 => policy.caps.push(Cap {
            window_ms: by * HOUR,
            bps: 1_000,
        }),
        4 => policy.caps.clear(),
        5 => policy.collection_ms = Some(by * HOUR),
        6 => policy.clearance_ttl_ms = Some(by * MINUTE),
        7 => policy.rules = PolicyRules::default(),
        8 => policy.breaker_armed = by.is_multiple_of(2),
        _ => policy.price_band_bps = Some(u16::try_from(by * 50).unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever single persons tighten, and whatever two who lift stops bring or keep, never is a policy in force that is
    /// looser than the one that a quorum and its wait stood behind.
    #[test]
    fn two_never_give_what_no_quorum_gave(
        steps in proptest::collection::vec((0u8..10, 1u64..80, 0usize..3, 0u8..3), 1..12),
    ) {
        let (mut exchange, mut staff) = ruled();
        let first = exchange.state.guard.policy.clone();
        let mut kept = false;
        for (place, (which, by, who, how)) in steps.into_iter().enumerate() {
            let id = format!("p{place}");
            let from = if how == 0 {
                exchange.state.guard.policy.clone()
            } else {
                first.clone()
            };
            let mut wanted = from;
            // The very first under another number, at times.
            if how < 2 {
                alter(&mut wanted, which, by);
            }
            let change = back(&exchange, &wanted);
            let proposer = ["rob", "eva", "sue"][who];
            propose(&mut exchange, &id, proposer, change);
            if exchange.state.guard.proposal(&id).is_none() {
                continue;
            }
            let one = stands(&exchange, &id) == Standing::Cleared;
            if !one || by.is_multiple_of(4) {
                // Two of the three that loosening asks for, and no day.
                staff.approve(&mut exchange, &id, "ria", "risk");
                staff.approve(&mut exchange, &id, "sue", "security");
                kept |= one;
            }
            let now = &exchange.state.guard.policy;
            prop_assert!(first.only_tightened_by(now), "{id}: {now:?}");
            let known = &exchange.state.authority.tightened;
            if let Some(known) = known {
                prop_assert!(known.before.only_tightened_by(now));
                prop_assert!(kept || first.only_tightened_by(&known.before));
            }
            exchange.pass(MINUTE);
        }
        prop_assert_eq!(&exchange.state, &exchange.folded_again());
    }
}
