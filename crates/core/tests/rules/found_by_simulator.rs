//! Slips of the rules that the simulator's second model found: each test is one, so that it stays found.

use crate::exchange::{BTC, DAY, Exchange, START, code, observed, policy};
use crate::script::movement;
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, NewMovement, Observation};
use keepwhole_core::custody::Direction;
use keepwhole_core::event::Event;
use keepwhole_core::guard::Change;
use keepwhole_core::reason::Reason;
use keepwhole_core::transfer::{TransferBatch, TransferRow};

fn transfers(rows: &[(&str, &str, &str, &str, u128)]) -> Body {
    let mut batch = TransferBatch::new();
    for (id, from, to, asset, units) in rows {
        let row = TransferRow {
            id,
            from,
            to,
            asset,
            units: *units,
            kind: MovementKind::Trade,
            effective: START,
        };
        batch.push(&row).expect("a row");
    }
    Body::RecordTransfers(batch)
}

/// Before, each of the two was measured against the policy before the turn, and the second replaced the first.
#[test]
fn of_two_policies_due_at_once_the_first_comes_into_force() {
    let mut exchange = Exchange::new();
    for (id, approvals) in [("first", 3), ("second", 1)] {
        let mut next = policy();
        next.version = 2;
        next.change_approvals = approvals;
        // Looser in one thing, so that neither acts at once.
        next.reads_per_hour_all = None;
        let change = Body::ProposeChange(Change::AdoptPolicy(Box::new(next)));
        exchange.ask(Some(id), Some("admin-1"), change);
        let target = id.to_owned();
        exchange.ask(None, Some("admin-2"), Body::ApproveChange { target });
        exchange.at += 1;
    }
    // Both moments pass before anything is decided again.
    exchange.at += 2 * DAY;
    exchange.pass(0);
    let now = &exchange.state.guard.policy;
    assert_eq!((now.version, now.change_approvals), (2, 3));
    let adopted = exchange.count(|event| matches!(event, Event::PolicyAdopted(_)));
    let overtaken = exchange.count(|event| matches!(event, Event::ChangeOvertaken { .. }));
    assert_eq!(
        (adopted, overtaken),
        (2, 1),
        "the first policy and one more"
    );
}

/// Before, what an earlier line of a batch gave was counted as if the owner had owed nothing.
#[test]
fn an_overdrawn_owner_fills_the_gap_before_anything_can_be_spent() {
    let trade = |units| Body::RecordTrade {
        buyer: "alice".into(),
        seller: "bob".into(),
        base: "BTC".into(),
        quote: "KRW".into(),
        units,
        price: 1,
    };
    let lines = |given| {
        vec![
            movement("outside", "bob", given),
            movement("bob", "alice", 10),
        ]
    };
    let rows = |given| {
        transfers(&[
            ("t1", "outside", "bob", "BTC", given),
            ("t2", "bob", "alice", "BTC", 10),
        ])
    };
    // Bob has 30,000 and is 100 short after the trade.
    for (given, has) in [(50, 0), (105, 5), (109, 9)] {
        let short = Reason::InsufficientBalance { has, asked: 10 };
        let mut exchange = Exchange::new();
        exchange.told(trade(30_100));
        let reply = exchange.ask(None, None, Body::RecordMovements(lines(given)));
        assert_eq!(
            reply.answer.reason(),
            Some(&short),
            "{given} given by lines"
        );
        let reply = exchange.ask(None, None, rows(given));
        let inner = reply.answer.reason().map(Reason::inner);
        assert_eq!(inner, Some(&short), "{given} given by rows");
        assert_eq!(exchange.balance("bob", BTC), 0, "nothing of it is booked");
    }
    for body in [Body::RecordMovements(lines(110)), rows(110)] {
        let mut exchange = Exchange::new();
        exchange.told(trade(30_100));
        exchange.told(body);
        assert_eq!(exchange.balance("bob", BTC), 0, "110 less the gap less 10");
    }
}

/// Of several things that are wrong the one that stands first in docs/denials.md is named.
#[test]
fn what_is_named_is_what_stands_first_in_the_order_of_reasons() {
    let mut exchange = Exchange::new();
    let line = |units, asset: &str| {
        Body::RecordMovements(vec![NewMovement {
            asset: asset.into(),
            ..movement("nobody", "alice", units)
        }])
    };
    let Body::RecordObservation(seen) = observed("n1", "hot", Direction::In, "t", 1, "0xfriend", 1)
    else {
        panic!("an observation");
    };
    let seen = |wallet: &str, asset: &str| {
        Body::RecordObservation(Observation {
            wallet: wallet.into(),
            asset: asset.into(),
            ..seen.clone()
        })
    };
    let row = |asset| transfers(&[("t9", "nobody", "alice", asset, 1)]);
    let rows = [
        (line(0, "NONE"), "invalid_amount"),
        (line(1, "NONE"), "unknown_asset"),
        (line(1, "BTC"), "unknown_customer"),
        (seen("nowhere", "NONE"), "unknown_asset"),
        (seen("nowhere", "BTC"), "unknown_wallet"),
        (row("NONE"), "unknown_asset"),
        (row("BTC"), "unknown_customer"),
    ];
    for (body, wanted) in rows {
        let reply = exchange.ask(None, None, body.clone());
        let inner = reply.answer.reason().map(Reason::inner);
        assert_eq!(inner.map(Reason::code), Some(wanted), "{body:?}");
        assert!(
            matches!(reply.answer, Answer::Refused(_)),
            "{}",
            code(&reply)
        );
    }
}
