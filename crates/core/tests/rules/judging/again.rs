//! What a new policy, the end of a halt or of the bootstrap judges again: one request a turn, with anything in between,
//! and nothing gains by the order.

use super::{approve, bare, clear_all, from_to, rule, withdraw};
use crate::exchange::{BTC, DAY, Exchange, HOUR, MINUTE, code};
use keepwhole_core::command::Body;
use keepwhole_core::due::next_due;
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::policy::{Clear, Policy};
use keepwhole_core::reason::Reason;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Rules by amount: below `at[0]` goes, then one approver, then two, then never, then held.
fn by_amount(version: u32, at: [u128; 4]) -> Policy {
    let mut policy = bare();
    policy.version = version;
    policy.change_cool_off_ms = None;
    policy.approval_ttl_ms = None;
    policy.clearance_ttl_ms = None;
    policy.rules = Rules::new(vec![
        clear_all(),
        rule("one", from_to(at[0], at[1]), approve(1, &[], 0)),
        rule("two", from_to(at[1], at[2]), approve(2, &[], 0)),
        rule("never", from_to(at[2], at[3]), Outcome::Deny),
        rule(
            "hold",
            vec![(Field::Amount(BTC), Test::AtLeast(at[3]))],
            Outcome::Hold,
        ),
    ]);
    policy
}

/// Everything waits for two people, or is held.
fn strict() -> Policy {
    by_amount(1, [1, 1, 150, 150])
}

/// Adopts the policy as its next version, and judges nothing yet.
fn adopt(exchange: &mut Exchange, mut next: Policy) {
    next.version = exchange.state.guard.policy.version + 1;
    let (id, version) = (format!("adopt-{}", next.version), next.version);
    let change = Change::AdoptPolicy(Box::new(next));
    exchange.ask(Some(&id), Some("admin-1"), Body::ProposeChange(change));
    exchange.ask(None, Some("admin-2"), Body::ApproveChange { target: id });
    assert_eq!(exchange.state.guard.policy.version, version);
}

fn give(exchange: &mut Exchange, target: &str, nonce: &str, by: &str) -> &'static str {
    let body = Body::Approve {
        target: target.into(),
        nonce: nonce.into(),
        binds: None,
        seen: None,
    };
    code(&exchange.ask(None, Some(by), body))
}

fn halt(exchange: &mut Exchange, id: &str) {
    let change = Change::Halt {
        scope: "all".into(),
    };
    exchange.ask(Some(id), Some("security"), Body::ProposeChange(change));
}

fn resume(exchange: &mut Exchange, id: &str) {
    let change = Change::Resume {
        scope: "all".into(),
    };
    exchange.ask(Some(id), Some("admin-1"), Body::ProposeChange(change));
    let target = id.into();
    exchange.ask(None, Some("admin-2"), Body::ApproveChange { target });
}

fn tick(exchange: &mut Exchange) {
    exchange.ask(None, None, Body::ObserveTime);
}

/// Requests that the last turn judged.
fn judged(exchange: &Exchange) -> Vec<u32> {
    let last = exchange.records.last().map_or(0, |record| record.turn);
    let turn = exchange.records.iter().filter(|row| row.turn == last);
    let judged = turn.filter_map(|row| match &row.event {
        Event::RequestJudged(of) => Some(of.request),
        _ => None,
    });
    judged.collect()
}

#[test]
fn they_are_judged_one_a_turn_and_the_oldest_first() {
    let mut exchange = Exchange::under(strict());
    for number in 0..5 {
        withdraw(&mut exchange, &format!("w{number}"), "alice", 10);
    }
    adopt(&mut exchange, by_amount(2, [100, 100, 100, 100]));
    assert_eq!(exchange.state.guard.again.len(), 5);
    for number in 0..5u32 {
        assert_eq!(next_due(&exchange.state), Some(exchange.at));
        assert_eq!(exchange.why(&format!("w{number}")), "approvals_short");
        tick(&mut exchange);
        assert_eq!(judged(&exchange), [number]);
        assert_eq!(exchange.why(&format!("w{number}")), "cleared");
    }
    assert!(next_due(&exchange.state).is_none_or(|due| due > exchange.at));
    assert!(exchange.folded_again() == exchange.state);
}

#[test]
fn who_speaks_for_one_before_its_turn_has_it_judged_by_the_new_policy() {
    let of = |next: Policy, voices: &[&str]| {
        let mut exchange = Exchange::under(by_amount(1, [1, 500, 600, 700]));
        withdraw(&mut exchange, "first", "alice", 10);
        withdraw(&mut exchange, "asked", "alice", 100);
        adopt(&mut exchange, next);
        for by in voices {
            give(&mut exchange, "asked", by, by);
        }
        assert!(exchange.state.guard.again.contains(&0), "not its turn yet");
        assert!(!exchange.state.guard.again.contains(&1));
        exchange
    };
    // One approver was enough by the old policy; by the new one it takes two, or nobody may.
    let short = of(by_amount(2, [1, 50, 200, 300]), &["approver-1"]);
    let reason = Reason::ApprovalsShort { valid: 1, needs: 2 };
    assert_eq!(short.standing("asked"), &Standing::Held(reason));
    let both = ["approver-1", "approver-2"];
    let enough = of(by_amount(2, [1, 50, 200, 300]), &both);
    assert_eq!(enough.why("asked"), "cleared");
    let never = of(by_amount(2, [1, 2, 50, 200]), &["approver-1"]);
    assert_eq!(never.why("asked"), "rule_denies");
    assert!(matches!(never.standing("asked"), Standing::Denied(_)));
    // A policy without rules asks no more than its own tiers.
    let mut plain = bare();
    plain.change_cool_off_ms = None;
    plain.clears.push(Clear {
        asset: BTC,
        up_to: 2_000,
    });
    assert_eq!(of(plain, &["approver-1"]).why("asked"), "cleared");
}

#[test]
fn a_halt_and_a_rejection_come_before_what_is_left_to_be_judged() {
    let mut exchange = Exchange::under(strict());
    for number in 0..4 {
        withdraw(&mut exchange, &format!("w{number}"), "alice", 10);
    }
    adopt(&mut exchange, by_amount(2, [100, 100, 100, 100]));
    tick(&mut exchange);
    halt(&mut exchange, "stop");
    let body = Body::Reject {
        target: "w3".into(),
        nonce: "no".into(),
    };
    exchange.ask(None, Some("approver-1"), body);
    assert!(exchange.state.breaker.tripped.len() == 1);
    exchange.pass(0);
    let whys = ["w0", "w1", "w2", "w3"].map(|id| exchange.why(id));
    let after = ["cleared", "halted", "halted", "rejected_by_approver"];
    assert_eq!(whys, after);
    resume(&mut exchange, "go-on");
    assert_eq!(exchange.why("w1"), "halted", "held until it is judged");
    exchange.pass(0);
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(exchange.why("w2"), "cleared");
    assert_eq!(exchange.why("w3"), "rejected_by_approver");
}

#[test]
fn time_to_collect_that_ends_meanwhile_is_counted_by_the_new_policy() {
    let with = |collection: u64| {
        let mut exchange = Exchange::under(Policy {
            collection_ms: Some(HOUR),
            ..strict()
        });
        withdraw(&mut exchange, "w0", "alice", 10);
        withdraw(&mut exchange, "w1", "alice", 10);
        exchange.pass(HOUR - 1);
        adopt(
            &mut exchange,
            Policy {
                collection_ms: Some(collection),
                ..strict()
            },
        );
        exchange.at += 1;
        tick(&mut exchange);
        exchange
    };
    let mut longer = with(DAY);
    assert_eq!(judged(&longer), [0]);
    longer.pass(MINUTE);
    assert_eq!(longer.why("w0"), "approvals_short");
    assert_eq!(longer.why("w1"), "approvals_short");
    longer.pass(DAY);
    assert_eq!(longer.why("w1"), "approval_expired");
    let mut shorter = with(MINUTE);
    shorter.pass(0);
    assert_eq!(shorter.why("w0"), "approval_expired");
    assert_eq!(shorter.why("w1"), "approval_expired");
}

/// Their events would not fit a frame otherwise, and a tick that is refused would come for ever.
#[test]
fn however_many_moments_are_due_a_turn_lets_a_bounded_number_happen() {
    let mut policy = by_amount(1, [1_000, 1_000, 1_000, 1_000]);
    policy.clearance_ttl_ms = Some(HOUR);
    let mut exchange = Exchange::under(policy);
    for number in 0..600 {
        withdraw(&mut exchange, &format!("w{number}"), "alice", 1);
    }
    exchange.at += HOUR;
    let mut turns = Vec::new();
    while next_due(&exchange.state).is_some_and(|due| due <= exchange.at) {
        let before = exchange.records.len();
        tick(&mut exchange);
        let made = exchange.records[before..].iter().map(|row| &row.event);
        let lapsed = |event: &&Event| matches!(event, Event::ClearanceLapsed { .. });
        turns.push(made.filter(lapsed).count());
    }
    assert_eq!(turns, [256, 256, 88]);
}

#[derive(Clone, Debug)]
enum Move {
    New(u128),
    Approve(usize, usize),
    Reject(usize),
    Halt,
    Resume,
    Pass(u64),
    Adopt([u128; 4]),
}

fn amounts() -> impl Strategy<Value = [u128; 4]> {
    proptest::collection::btree_set(1u128..160, 4).prop_map(|at| {
        let at: Vec<u128> = at.into_iter().collect();
        [at[0], at[1], at[2], at[3]]
    })
}

fn common() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (1u128..150).prop_map(Move::New),
        4 => (0usize..30, 0usize..2).prop_map(|(of, by)| Move::Approve(of, by)),
        1 => Just(Move::Halt),
        1 => Just(Move::Resume),
        1 => (0u64..MINUTE).prop_map(Move::Pass),
    ]
}

/// Each with so many turns behind it in which something is judged again.
fn steps(one: impl Strategy<Value = Move>) -> impl Strategy<Value = Vec<(Move, usize)>> {
    proptest::collection::vec((one, 0usize..3), 1..25)
}

const APPROVERS: [&str; 2] = ["approver-1", "approver-2"];

fn make(exchange: &mut Exchange, step: usize, one: &Move) {
    let requests = exchange.state.guard.requests.len();
    let target = |of: usize| format!("w{}", of % requests.max(1));
    match one {
        Move::New(units) => {
            withdraw(exchange, &format!("w{requests}"), "alice", *units);
        }
        Move::Approve(of, by) => {
            give(exchange, &target(*of), &format!("n{step}"), APPROVERS[*by]);
        }
        Move::Reject(of) => {
            let (target, nonce) = (target(*of), format!("n{step}"));
            let body = Body::Reject { target, nonce };
            exchange.ask(None, Some("approver-1"), body);
        }
        Move::Halt => halt(exchange, &format!("halt-{step}")),
        Move::Resume => resume(exchange, &format!("resume-{step}")),
        Move::Pass(ms) => exchange.at += ms,
        Move::Adopt(at) => adopt(exchange, by_amount(0, *at)),
    }
}

fn standings(exchange: &Exchange) -> Vec<Standing> {
    let requests = exchange.state.guard.requests.iter();
    requests.map(|request| request.standing.clone()).collect()
}

/// What is cleared was judged in that very turn, by the policy in force.
fn cleared_by_the_policy_in_force(exchange: &Exchange, from: usize, version: u32) {
    let made = &exchange.records[from..];
    let judged: BTreeSet<(u64, u32)> = made
        .iter()
        .filter_map(|row| match &row.event {
            Event::RequestJudged(of) if of.version == version => Some((row.turn, of.request)),
            _ => None,
        })
        .collect();
    for row in made {
        if let Event::RequestCleared { request, .. } = &row.event {
            assert!(judged.contains(&(row.turn, *request)), "{request}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// New requests, approvals, halts and time between two judgements: in the end all stand as if everything had been
    /// judged again before the first of them.
    #[test]
    fn in_pieces_comes_to_the_same_as_at_once(
        waiting in proptest::collection::vec(1u128..150, 1..30),
        at in amounts(),
        steps in steps(common()),
    ) {
        let mut begun = Exchange::under(strict());
        for (number, units) in waiting.iter().enumerate() {
            withdraw(&mut begun, &format!("w{number}"), "alice", *units);
        }
        adopt(&mut begun, by_amount(0, at));
        let (records, time) = (begun.records.clone(), begun.at);
        let mut at_once = Exchange { state: begun.state.clone(), records, at: time };
        at_once.pass(0);
        for (step, (one, turns)) in steps.iter().enumerate() {
            make(&mut begun, step, one);
            for _ in 0..*turns {
                tick(&mut begun);
            }
            make(&mut at_once, step, one);
            at_once.pass(0);
        }
        for exchange in [&mut begun, &mut at_once] {
            resume(exchange, "in-the-end");
            exchange.pass(0);
            prop_assert!(exchange.state.guard.again.is_empty());
        }
        prop_assert_eq!(standings(&begun), standings(&at_once));
        prop_assert_eq!(begun.balance("alice", BTC), at_once.balance("alice", BTC));
        prop_assert!(begun.folded_again() == begun.state);
    }

    /// Whatever comes between, rejections and further policies too: nothing is cleared but by a judgement of that turn and
    /// the policy in force, and when all are judged, judging all of them once more changes nothing.
    #[test]
    fn nothing_gains_by_an_old_judgement(
        waiting in proptest::collection::vec(1u128..150, 1..30),
        steps in steps(prop_oneof![
            6 => common(),
            1 => (0usize..30).prop_map(Move::Reject),
            2 => amounts().prop_map(Move::Adopt),
        ]),
    ) {
        let mut exchange = Exchange::under(strict());
        for (number, units) in waiting.iter().enumerate() {
            withdraw(&mut exchange, &format!("w{number}"), "alice", *units);
        }
        for (step, (one, turns)) in steps.iter().enumerate() {
            let (from, version) = (exchange.records.len(), exchange.state.guard.policy.version);
            make(&mut exchange, step, one);
            cleared_by_the_policy_in_force(&exchange, from, version);
            let (from, version) = (exchange.records.len(), exchange.state.guard.policy.version);
            for _ in 0..*turns {
                tick(&mut exchange);
            }
            cleared_by_the_policy_in_force(&exchange, from, version);
        }
        resume(&mut exchange, "in-the-end");
        exchange.pass(0);
        let settled = standings(&exchange);
        let same = exchange.state.guard.policy.clone();
        adopt(&mut exchange, same);
        exchange.pass(0);
        prop_assert_eq!(standings(&exchange), settled);
    }
}
