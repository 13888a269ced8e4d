//! What is rejected after it was cleared gives back only what no signer may sign any more.

use super::{propose, stands};
use crate::exchange::{BTC, DAY, Exchange, HOT, MINUTE, code};
use crate::staff::{Staff, staffed};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::command::{
    Body, DecodedPayload, NewIntent, NewPayload, Operation, PayloadContent,
};
use keepwhole_core::custody::Direction;
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Change, Standing};

/// A withdrawal of 1,600 that two persons cleared, and whose bytes were issued.
fn issued() -> (Exchange, Staff) {
    let (mut exchange, mut staff) = staffed();
    let name = Change::NameAsset {
        asset: "BTC".into(),
        caip19: "eip155:1/slip44:0".into(),
    };
    let key = Change::NameKey {
        wallet: "hot".into(),
        key: "hot/1".into(),
        network: "eip155:1".into(),
    };
    for (id, change) in [("name", name), ("key", key)] {
        propose(&mut exchange, id, "ada", change);
        for (who, role) in [
            ("ada", "administrator"),
            ("sue", "security"),
            ("eva", "executive"),
            ("bea", "administrator"),
        ] {
            staff.approve(&mut exchange, id, who, role);
        }
        exchange.pass(2 * DAY);
        assert_eq!(stands(&exchange, id), Standing::Cleared, "{id}");
    }
    let intent = NewIntent {
        customer: "alice".into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units: 1_600,
        to: "0xlistedlist01".into(),
        memo: String::new(),
        max_fee: 5,
        expires: None,
    };
    exchange.ask(Some("w1"), None, Body::RequestIntent(Box::new(intent)));
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(issue(&mut exchange, 1).answer, Answer::Cleared);
    (exchange, staff)
}

fn issue(exchange: &mut Exchange, attempt: u32) -> Reply {
    let transfer = Operation {
        op: "transfer".into(),
        to: "0xlistedlist01".into(),
        asset: "eip155:1/slip44:0".into(),
        units: 1_600,
        inner: Vec::new(),
    };
    let payload = NewPayload {
        target: "w1".into(),
        attempt,
        key: "hot/1".into(),
        content: PayloadContent::Decoded(DecodedPayload {
            kind: "evm-tx".into(),
            network: "eip155:1".into(),
            signing_digest: [u8::try_from(attempt).unwrap(); 32],
            conflict_key: "eip155:1/0x/1".into(),
            total_fee: 0,
            memo: String::new(),
            safe: None,
            operations: vec![transfer],
        }),
        build: [7; 32],
    };
    let id = format!("issue-{attempt}");
    exchange.ask(Some(&id), None, Body::IssueClearance(Box::new(payload)))
}

fn reject(exchange: &mut Exchange, staff: &mut Staff) {
    let no = staff.say(exchange, "w1", ("rob", "risk"), |draft| {
        draft.decision = Decision::Reject;
    });
    assert_eq!(no.answer, Answer::Recorded);
    assert_eq!(exchange.why("w1"), "rejected_by_approver", "at once");
}

#[test]
fn nothing_goes_back_while_a_signer_may_sign() {
    let (mut exchange, mut staff) = issued();
    let (paid, free) = (
        exchange.balance("alice", BTC),
        exchange.state.custody.free(HOT, BTC),
    );
    exchange.pass(MINUTE);
    // The second attempt lasts longer than the first.
    assert_eq!(issue(&mut exchange, 2).answer, Answer::Cleared);
    exchange.pass(MINUTE);
    reject(&mut exchange, &mut staff);
    // Nothing of it is issued or redeemed any more.
    assert_eq!(code(&issue(&mut exchange, 3)), "clearance_missing");
    let redeem = Body::RedeemIssued {
        clearance: exchange.issued("w1", 1),
        signer: "signer-1".into(),
    };
    let late = exchange.ask(None, None, redeem);
    assert_eq!(code(&late), "clearance_missing");
    exchange.pass(5 * MINUTE - MINUTE - 1);
    assert_eq!(exchange.balance("alice", BTC), paid, "the second holds on");
    assert_eq!(exchange.state.custody.free(HOT, BTC), free);
    exchange.pass(1);
    assert_eq!(exchange.balance("alice", BTC), paid + 1_600);
    assert_eq!(exchange.state.custody.free(HOT, BTC), free + 1_600);
    assert_eq!(exchange.why("w1"), "rejected_by_approver", "and stays so");
    exchange.pass(2 * DAY);
    assert_eq!(exchange.balance("alice", BTC), paid + 1_600, "once");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn what_was_signed_before_the_rejection_came_is_no_theft_and_is_not_paid_back() {
    let (mut exchange, mut staff) = issued();
    let paid = exchange.balance("alice", BTC);
    reject(&mut exchange, &mut staff);
    for node in ["n1", "n2"] {
        exchange.seen(node, Direction::Out, "0xout", 1_600, "0xlistedlist01", 9);
    }
    assert!(exchange.state.breaker.tripped.is_empty());
    exchange.pass(2 * DAY);
    assert_eq!(exchange.balance("alice", BTC), paid);
    let lapsed = |e: &Event| matches!(e, Event::ClearanceLapsed { .. });
    assert_eq!(exchange.count(lapsed), 0);
    assert_eq!(exchange.why("w1"), "rejected_by_approver");
}

#[test]
fn it_goes_back_at_once_where_all_that_was_issued_ended() {
    let (mut exchange, mut staff) = issued();
    let paid = exchange.balance("alice", BTC);
    exchange.pass(5 * MINUTE);
    reject(&mut exchange, &mut staff);
    assert_eq!(exchange.balance("alice", BTC), paid + 1_600);
}
