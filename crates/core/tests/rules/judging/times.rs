//! What waits goes on by itself when its time has come, and what lapses counts no longer.

use super::{
    approve, bare, clear_all, code_of, deposit, from_to, price, rule, rule_of, ruled, under,
    window, withdraw,
};
use crate::exchange::{BTC, DAY, Exchange, HOUR, MINUTE, code};
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, NewMovement};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Deposits, Field, Of, Per};
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::reason::Reason;
use keepwhole_core::transfer::{TransferBatch, TransferRow};

#[test]
fn a_new_customer_waits_and_is_then_judged_again_by_itself() {
    let young = vec![(Field::CustomerAge, Test::Below(u128::from(3 * DAY)))];
    let mut exchange = under(vec![
        clear_all(),
        rule("new-customer", young, Outcome::Hold),
    ]);
    exchange.told(Body::RegisterOwners(vec!["dora".into()]));
    let joined = exchange.at;
    deposit(&mut exchange, "dora", "BTC", 900);
    exchange.pass(DAY);
    let answer = withdraw(&mut exchange, "w1", "dora", 100);
    let until = joined + 3 * DAY;
    assert_eq!(
        answer,
        Answer::Held(Reason::RuleHolds {
            rule: "new-customer".into(),
            figure: "customer_age".into(),
            value: u128::from(DAY),
            limit: u128::from(3 * DAY),
            until: Some(until),
        })
    );
    exchange.pass(2 * DAY - 1);
    assert_eq!(exchange.why("w1"), "rule_holds");
    exchange.pass(1);
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(exchange.balance("dora", BTC), 800);
}

/// The delay holds the value of the deposit, not the whole account (law id `kr-daxa-delay-repeat-24h`).
#[test]
fn the_delay_after_a_deposit_holds_its_value_only() {
    let drawn = Field::DepositDrawn {
        of: Deposits::Money,
        ms: DAY,
    };
    let mut policy = bare();
    policy.clearance_ttl_ms = None;
    policy.rules = Rules::new(vec![
        clear_all(),
        rule(
            "new-deposit",
            vec![(drawn, Test::AtLeast(1))],
            Outcome::Hold,
        ),
    ]);
    let mut exchange = Exchange::under(policy);
    price(&mut exchange, 100_000_000);
    exchange.told(Body::RegisterOwners(vec!["dora".into()]));
    deposit(&mut exchange, "dora", "BTC", 1_000);
    deposit(&mut exchange, "dora", "KRW", 600);
    // 1,600 in all, 600 of it deposited in money just now: 1,000 may go, in whatever asset.
    let answer = withdraw(&mut exchange, "w1", "dora", 1_000);
    assert_eq!(answer, Answer::Cleared);
    deposit(&mut exchange, "dora", "BTC", 500);
    exchange.pass(MINUTE);
    price(&mut exchange, 100_000_000);
    assert_eq!(withdraw(&mut exchange, "w2", "dora", 500), Answer::Cleared);
    deposit(&mut exchange, "dora", "KRW", 100);
    // She turns the money into coins and asks for them.
    exchange.told(Body::RecordMovements(vec![
        NewMovement {
            from: "dora".into(),
            to: "alice".into(),
            asset: "KRW".into(),
            units: 700,
            kind: MovementKind::Trade,
            reference: String::new(),
        },
        NewMovement {
            from: "alice".into(),
            to: "dora".into(),
            asset: "BTC".into(),
            units: 700,
            kind: MovementKind::Trade,
            reference: String::new(),
        },
    ]));
    let answer = withdraw(&mut exchange, "w3", "dora", 1);
    assert_eq!(rule_of(&answer), Some(("rule_holds", "new-deposit".into())));
    exchange.pass(DAY - MINUTE);
    price(&mut exchange, 100_000_000);
    // The first 600 are free again; the other 100 are not yet.
    assert_eq!(withdraw(&mut exchange, "w4", "dora", 600), Answer::Cleared);
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w5", "dora", 1)),
        "rule_holds"
    );
}

#[test]
fn approvals_wait_their_delay_and_end_with_their_time() {
    let mut policy = ruled();
    policy.approval_ttl_ms = Some(3 * HOUR);
    policy.collection_ms = Some(DAY);
    policy.execution_ms = Some(2 * MINUTE);
    let mut exchange = Exchange::under(policy);
    let give = |exchange: &mut Exchange, target: &str, nonce: &str, by: &str| {
        let body = Body::Approve {
            target: target.into(),
            nonce: nonce.into(),
            binds: None,
            seen: None,
        };
        code(&exchange.ask(None, Some(by), body))
    };
    withdraw(&mut exchange, "w1", "alice", 1_600);
    assert_eq!(exchange.why("w1"), "approvals_short");
    give(&mut exchange, "w1", "n1", "approver-1");
    assert_eq!(exchange.why("w1"), "rule_delay");
    exchange.pass(HOUR - 1);
    assert_eq!(exchange.why("w1"), "rule_delay");
    exchange.pass(1);
    assert_eq!(exchange.why("w1"), "cleared");
    let (_, request) = exchange.state.guard.request("w1").unwrap();
    let clearance = request.clearance.as_ref().unwrap();
    assert_eq!(clearance.until, Some(exchange.at + 2 * MINUTE));
    // A later approval starts the delay anew.
    withdraw(&mut exchange, "w2", "alice", 1_600);
    give(&mut exchange, "w2", "n2", "approver-1");
    exchange.pass(30 * MINUTE);
    give(&mut exchange, "w2", "n3", "approver-2");
    exchange.pass(HOUR - 1);
    assert_eq!(exchange.why("w2"), "rule_delay");
    exchange.pass(1);
    assert_eq!(exchange.why("w2"), "cleared");
    // A role that nobody has: granted to an approver, it counts.
    withdraw(&mut exchange, "w3", "alice", 1_750);
    give(&mut exchange, "w3", "n4", "approver-1");
    assert_eq!(exchange.why("w3"), "role_short");
    // Nobody approves in time.
    withdraw(&mut exchange, "w4", "alice", 1_600);
    exchange.pass(DAY);
    assert_eq!(exchange.why("w4"), "approval_expired");
    assert!(exchange.folded_again() == exchange.state);
}

#[test]
fn a_new_policy_judges_again_what_waits_and_keeps_the_approvals() {
    let mut exchange = Exchange::under(ruled());
    withdraw(&mut exchange, "w1", "alice", 1_600);
    withdraw(&mut exchange, "w2", "alice", 1_960);
    withdraw(&mut exchange, "w3", "alice", 1_970);
    let body = Body::Approve {
        target: "w1".into(),
        nonce: "n1".into(),
        binds: None,
        seen: None,
    };
    exchange.ask(None, Some("approver-1"), body);
    assert_eq!(exchange.why("w1"), "rule_delay");
    let mut next = ruled();
    next.version = 2;
    next.rules = Rules::new(vec![
        clear_all(),
        rule("more", from_to(1_500, 1_700), approve(2, &[], 0)),
        rule("no", from_to(1_965, 1_980), Outcome::Deny),
    ]);
    adopt(&mut exchange, next);
    assert_eq!(
        exchange.standing("w1"),
        &Standing::Held(Reason::ApprovalsShort { valid: 0, needs: 2 }),
        "the approval was given longer ago than it holds"
    );
    let (_, request) = exchange.state.guard.request("w1").unwrap();
    assert_eq!(request.approvals.len(), 1);
    assert_eq!(exchange.why("w2"), "cleared");
    assert_eq!(exchange.why("w3"), "rule_denies");
    assert!(exchange.folded_again() == exchange.state);
}

#[test]
fn what_a_halt_holds_up_goes_on_when_it_is_over() {
    let mut policy = ruled();
    policy.approval_ttl_ms = None;
    let mut exchange = Exchange::under(policy);
    withdraw(&mut exchange, "w1", "alice", 1_600);
    let body = Body::Approve {
        target: "w1".into(),
        nonce: "n1".into(),
        binds: None,
        seen: None,
    };
    exchange.ask(None, Some("approver-1"), body);
    let scope = || "all".to_owned();
    let halt = Change::Halt { scope: scope() };
    exchange.ask(Some("h1"), Some("security"), Body::ProposeChange(halt));
    exchange.pass(HOUR);
    assert_eq!(exchange.why("w1"), "halted");
    assert!(matches!(exchange.standing("w1"), Standing::Held(_)));
    let resume = Change::Resume { scope: scope() };
    exchange.ask(Some("r1"), Some("admin-1"), Body::ProposeChange(resume));
    let target = "r1".into();
    exchange.ask(None, Some("admin-2"), Body::ApproveChange { target });
    exchange.pass(0);
    assert_eq!(exchange.why("w1"), "cleared");
}

fn adopt(exchange: &mut Exchange, next: Policy) {
    let change = Change::AdoptPolicy(Box::new(next));
    exchange.ask(Some("adopt"), Some("admin-1"), Body::ProposeChange(change));
    let target = "adopt".into();
    exchange.ask(None, Some("admin-2"), Body::ApproveChange { target });
    exchange.pass(DAY);
    assert_eq!(exchange.state.guard.policy.version, 2);
}

#[test]
fn a_clearance_that_lapses_leaves_the_windows_and_a_redeemed_one_does_not() {
    let day = window(Of::Amount(BTC), Per::All, DAY);
    let mut exchange = under(vec![
        clear_all(),
        rule("day", vec![(day, Test::AtLeast(1_001))], Outcome::Hold),
    ]);
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 600), Answer::Cleared);
    assert_eq!(withdraw(&mut exchange, "w2", "alice", 400), Answer::Cleared);
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w3", "alice", 1)),
        "rule_holds"
    );
    let body = Body::RedeemClearance {
        target: "w1".into(),
        operations: vec![keepwhole_core::command::Operation {
            op: "transfer".into(),
            to: "0xlistedlist01".into(),
            asset: "BTC".into(),
            units: 600,
            inner: vec![],
        }],
        attested: Some([7; 32]),
    };
    assert_eq!(exchange.ask(Some("s1"), None, body).answer, Answer::Cleared);
    exchange.pass(30 * MINUTE);
    assert_eq!(exchange.why("w2"), "lapsed");
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w4", "alice", 401)),
        "rule_holds"
    );
    assert_eq!(withdraw(&mut exchange, "w5", "alice", 400), Answer::Cleared);
}

/// Whatever an exchange's ledger calls it, and however it dates it: value that was not in the books waits.
#[test]
fn no_booking_of_the_ledger_goes_round_the_wait_of_new_value() {
    let below = |field| vec![(field, Test::Below(u128::from(3 * DAY)))];
    let drawn = Field::DepositDrawn {
        of: Deposits::Any,
        ms: DAY,
    };
    let first = Field::FirstDepositAge(Deposits::Any);
    let last = Field::LastDepositAge(Deposits::Any);
    for wait in [
        rule("age", below(Field::CustomerAge), Outcome::Hold),
        rule("first", below(first), Outcome::Hold),
        rule("last", below(last), Outcome::Hold),
        rule("drawn", vec![(drawn, Test::AtLeast(1))], Outcome::Hold),
    ] {
        for kind in [
            MovementKind::Opening,
            MovementKind::Deposit,
            MovementKind::Credit,
            MovementKind::Transfer,
            MovementKind::Trade,
        ] {
            let mut exchange = under(vec![clear_all(), wait.clone()]);
            price(&mut exchange, 100_000_000);
            exchange.told(Body::RegisterOwners(vec!["dora".into()]));
            let mut batch = TransferBatch::new();
            let row = TransferRow {
                id: "t-1",
                from: "outside",
                to: "dora",
                asset: "BTC",
                units: 900,
                kind,
                effective: exchange.at - 360 * DAY,
            };
            batch.push(&row).unwrap();
            exchange.told(Body::RecordTransfers(batch));
            let answer = withdraw(&mut exchange, "w1", "dora", 100);
            let id = wait.id.clone();
            assert_eq!(rule_of(&answer), Some(("rule_holds", id)), "{kind:?}");
        }
    }
}

/// Before the first policy an exchange brings its past along, with its dates.
#[test]
fn a_past_that_was_imported_before_the_policy_keeps_its_dates() {
    let mut exchange = Exchange::empty();
    for body in crate::exchange::registrations() {
        exchange.told(body);
    }
    let mut batch = TransferBatch::new();
    let row = TransferRow {
        id: "t-1",
        from: "outside",
        to: "alice",
        asset: "BTC",
        units: 900,
        kind: MovementKind::Opening,
        effective: exchange.at - 360 * DAY,
    };
    batch.push(&row).unwrap();
    exchange.told(Body::RecordTransfers(batch));
    let alice = exchange.state.registry.owner("alice").unwrap();
    let first = exchange.state.history.first_deposit(alice, Deposits::Any);
    assert_eq!(first, Some(exchange.at - 360 * DAY));
}

/// What another customer gave has no date: the wait can't be told, so it holds.
#[test]
fn a_balance_without_a_deposit_is_unknown() {
    let first = Field::FirstDepositAge(Deposits::Any);
    let young = vec![(first, Test::Below(u128::from(DAY)))];
    let mut exchange = under(vec![clear_all(), rule("first", young, Outcome::Hold)]);
    exchange.told(Body::RegisterOwners(vec!["dora".into()]));
    exchange.told(Body::RecordMovements(vec![NewMovement {
        from: "alice".into(),
        to: "dora".into(),
        asset: "BTC".into(),
        units: 900,
        kind: MovementKind::Transfer,
        reference: String::new(),
    }]));
    let answer = withdraw(&mut exchange, "w1", "dora", 100);
    assert_eq!(code_of(&answer), "figure_unknown");
}
