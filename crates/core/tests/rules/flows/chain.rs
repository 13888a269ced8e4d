//! What the chain shows: thefts, deposits, reorganisations, and who bears a loss.

use super::{alarms, check, loss};
use crate::exchange::BTC;
use crate::exchange::Exchange;
use crate::exchange::HOT;
use crate::exchange::observed;
use crate::exchange::policy;
use crate::script::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::Body;
use keepwhole_core::custody::Direction;
use keepwhole_core::event::Event;
use keepwhole_core::guard::Change;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::incident::Cause;
use keepwhole_core::policy::LossOrder;
use keepwhole_core::registry::WalletIx;

/// The theft of one transaction: nothing before it warns, so it is seen, halted and attributed, not prevented.
#[test]
fn a_theft_in_one_transaction_is_attributed_to_the_unit() {
    let mut r = Reader::new();
    check(
        &mut r,
        "see node=n1 wallet=hot dir=out txid=t1 units=10000 peer=0xthief height=10 -> recorded",
    );
    let exchange = &r.exchange;
    assert!(
        exchange
            .state
            .breaker
            .tripped
            .contains_key(&Scope::Wallet(HOT))
    );
    assert_eq!(
        exchange.count(|e| matches!(
            e,
            Event::SweepOrdered {
                to: WalletIx(1),
                ..
            }
        )),
        1
    );
    // 10,000 over 9,000 : 60,000 : 30,000 of 99,000: 909.09, 6060.60, 3030.30. The unit left goes to the largest rest.
    let parts: Vec<u128> = loss(exchange, "inc-1")
        .parts
        .iter()
        .map(|p| p.lost)
        .collect();
    assert_eq!(
        (loss(exchange, "inc-1").house, parts),
        (909, vec![6_061, 3_030])
    );
    assert_eq!(
        exchange.balance("alice", BTC),
        60_000,
        "what is owed to customers stays owed"
    );
    assert_eq!(
        exchange.balance("house", BTC),
        8_091,
        "the house's own part is written off"
    );
    check(
        &mut r,
        "
        replenish incident=inc-1 asset=BTC units=8000 -> recorded
        claim id=p1 customer=alice incident=inc-1 asset=BTC units=7000 -> exceeds_loss
        claim id=p2 customer=bob incident=inc-1 asset=BTC units=10 -> cleared
        pay claim=p2 -> cleared
        pay claim=p2 -> already_paid
        recover incident=inc-1 asset=BTC units=1500 -> recorded
        recover incident=inc-1 asset=BTC units=0 -> invalid_amount
        replenish incident=inc-1 asset=BTC units=1 -> restored_beyond_loss",
    );
    let loss = loss(&r.exchange, "inc-1");
    assert_eq!(loss.outstanding(), 0);
    assert_eq!(
        (loss.replenished, loss.recovered, loss.house_restored),
        (8_010, 1_500, 419)
    );
    assert_eq!(r.exchange.balance("house", BTC), 8_091 - 8_010 + 419);
}

#[test]
fn the_house_bears_first_where_the_policy_says_so() {
    let house_first = || {
        let mut policy = policy();
        policy.loss_order = LossOrder::HouseFirst;
        Exchange::under(policy)
    };
    let mut exchange = house_first();
    exchange.seen("n1", Direction::Out, "t1", 4_000, "0xthief", 10);
    exchange.seen("n1", Direction::Out, "t2", 6_000, "0xthief", 11);
    let row = loss(&exchange, "inc-1");
    assert_eq!(
        (row.house, row.total),
        (9_000, 10_000),
        "the house until its balance is used up"
    );
    assert_eq!(
        row.parts.iter().map(|p| p.lost).collect::<Vec<_>>(),
        [667, 333]
    );
    assert_eq!(exchange.balance("house", BTC), 0);
}

#[test]
fn shadow_mode_halts_nothing_and_says_what_it_would_halt() {
    let mut policy = policy();
    policy.breaker_armed = false;
    let mut exchange = Exchange::under(policy);
    exchange.seen("n1", Direction::Out, "t1", 100, "0xthief", 10);
    exchange.seen("n1", Direction::Out, "t2", 100, "0xthief", 11);
    assert!(exchange.state.breaker.tripped.is_empty());
    assert_eq!(exchange.state.breaker.shadowed.len(), 1, "once per scope");
    assert_eq!(
        exchange.count(|e| matches!(e, Event::SweepOrdered { .. })),
        0
    );
    assert_eq!(
        loss(&exchange, "inc-1").total,
        200,
        "the loss is the same in either mode"
    );
    let halt = Change::Halt {
        scope: "hot".into(),
    };
    exchange.ask(Some("h"), Some("security"), Body::ProposeChange(halt));
    assert_eq!(
        exchange.state.breaker.tripped.len(),
        1,
        "a person's halt halts in either mode"
    );
}

#[test]
fn a_deposit_is_credited_once_by_a_quorum_that_is_deep_enough() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        see node=n1 wallet=hot dir=in txid=t1 units=70 peer=0xfriend height=100 -> recorded
        see node=n1 wallet=hot dir=in txid=t1 units=70 peer=0xfriend height=101 -> recorded
        deposit id=d1 customer=bob units=70 txid=t1 wallet=hot -> unconfirmed
        see node=n1 wallet=hot dir=in txid=none units=0 peer=none height=103 -> recorded",
    );
    assert_eq!(
        r.exchange.state.custody.holding(HOT, BTC),
        10_000,
        "one node twice is one node"
    );
    check(
        &mut r,
        "
        see node=n2 wallet=hot dir=in txid=t1 units=70 peer=0xfriend height=101 -> recorded",
    );
    assert_eq!(r.exchange.state.custody.holding(HOT, BTC), 10_070);
    assert_eq!(
        r.exchange.balance("bob", BTC),
        30_000,
        "not deep enough on the second"
    );
    check(
        &mut r,
        "see node=n2 wallet=hot dir=in txid=none units=0 peer=none height=103 -> recorded",
    );
    assert_eq!(r.exchange.balance("bob", BTC), 30_070);
    check(
        &mut r,
        "deposit id=d2 customer=alice units=70 txid=t1 wallet=hot -> duplicate_id",
    );
}

/// Two credited deposits of one customer, both taken back by one reorganisation: what she still has is taken back
/// once, and the rest is one loss, weighed by the balances before the taking back.
#[test]
fn a_reorganisation_takes_back_what_is_there_and_the_rest_is_a_loss() {
    let mut r = Reader::new();
    for (txid, units) in [("t1", 500), ("t2", 700)] {
        for node in ["n1", "n2"] {
            for height in [100, 102] {
                let shown = if height == 100 { txid } else { "none" };
                let units = if height == 100 { units } else { 0 };
                r.run(&format!("see node={node} wallet=hot dir=in txid={shown} units={units} peer=0xfriend height={height}"));
            }
        }
        r.run(&format!(
            "deposit id={txid} customer=carol units={units} txid={txid} wallet=hot"
        ));
    }
    assert_eq!(r.exchange.balance("carol", BTC), 1_200);
    check(
        &mut r,
        "move from=carol to=bob asset=BTC units=300 -> recorded",
    );
    let drop = |node: &str| Body::RecordReorganisation {
        node: node.into(),
        height: 99,
        dropped: vec!["t1".into(), "t2".into()],
    };
    r.exchange.told(drop("n1"));
    assert_eq!(
        r.exchange.balance("carol", BTC),
        900,
        "one node still shows them"
    );
    r.exchange.told(drop("n2"));
    assert_eq!(r.exchange.balance("carol", BTC), 0, "never below zero");
    let row = loss(&r.exchange, "inc-1");
    assert_eq!(row.total, 300);
    assert_eq!(
        row.parts.iter().map(|p| p.weight).collect::<Vec<_>>(),
        [60_000, 30_300, 900]
    );
    assert_eq!(r.exchange.state.custody.holding(HOT, BTC), 10_000);
    for node in ["n1", "n2"] {
        r.run(&format!(
            "see node={node} wallet=hot dir=in txid=t1 units=500 peer=0xfriend height=103"
        ));
        r.run(&format!(
            "see node={node} wallet=hot dir=in txid=none units=0 peer=none height=105"
        ));
    }
    assert_eq!(
        r.exchange.balance("carol", BTC),
        500,
        "seen again, credited again"
    );
}

/// Before, a cleared withdrawal that a reorganisation moved to another block was taken for a second, stolen one.
#[test]
fn an_outflow_that_shows_again_after_a_reorganisation_is_the_same_one() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 -> cleared
        see node=n1 wallet=hot dir=out txid=t1 units=900 peer=0xlistedlist01 height=5 -> recorded",
    );
    let drop = Body::RecordReorganisation {
        node: "n1".into(),
        height: 4,
        dropped: vec!["t1".into()],
    };
    r.exchange.told(drop);
    assert_eq!(r.exchange.state.custody.holding(HOT, BTC), 10_000);
    check(
        &mut r,
        "see node=n1 wallet=hot dir=out txid=t1 units=900 peer=0xlistedlist01 height=6 -> recorded",
    );
    assert_eq!(r.exchange.state.custody.holding(HOT, BTC), 9_100);
    assert!(
        r.exchange.state.breaker.tripped.is_empty() && r.exchange.state.incidents.cases.is_empty()
    );
}

/// Before, two wallets whose deposits one reorganisation took back were put into one case under two causes.
#[test]
fn one_reorganisation_may_open_two_cases() {
    let mut policy = policy();
    (policy.loss_order, policy.holdings_guard) = (LossOrder::HouseFirst, false);
    let mut exchange = Exchange::under(policy);
    for (wallet, txid) in [("hot", "t1"), ("cold", "t2")] {
        for node in ["n1", "n2"] {
            exchange.told(observed(
                node,
                wallet,
                Direction::In,
                txid,
                6_000,
                "0xfriend",
                100,
            ));
            exchange.told(observed(
                node,
                wallet,
                Direction::In,
                "none",
                0,
                "none",
                102,
            ));
        }
        let deposit = Body::RecordDeposit {
            customer: "carol".into(),
            asset: "BTC".into(),
            units: 6_000,
            txid: txid.into(),
            wallet: wallet.into(),
        };
        assert_eq!(
            exchange.ask(Some(txid), None, deposit).answer,
            Answer::Cleared
        );
    }
    let spend = crate::script::movement("carol", "bob", 12_000);
    exchange.told(Body::RecordMovements(vec![spend]));
    for node in ["n1", "n2"] {
        let dropped = vec!["t1".into(), "t2".into()];
        exchange.told(Body::RecordReorganisation {
            node: node.into(),
            height: 99,
            dropped,
        });
    }
    let cases = &exchange.state.incidents.cases;
    let causes: Vec<&Cause> = cases.iter().map(|case| &case.cause).collect();
    assert_eq!(
        causes,
        [&Cause::Wallet(WalletIx(0)), &Cause::Wallet(WalletIx(1))]
    );
    assert_eq!(
        (
            loss(&exchange, "inc-1").house,
            loss(&exchange, "inc-2").house
        ),
        (6_000, 3_000)
    );
    assert_eq!(
        exchange.balance("house", BTC),
        0,
        "the house bears its balance once"
    );
}

#[test]
fn power_given_away_is_heard_from_any_node() {
    let mut e = Exchange::new();
    let seen = |node: &str, authority| {
        let mut body = observed(node, "hot", Direction::In, "t1", 5, "0xfriend", 10);
        if let Body::RecordObservation(seen) = &mut body {
            seen.authority = authority;
        }
        body
    };
    e.told(seen("n1", false));
    e.told(seen("n2", true));
    e.told(seen("n3", true));
    assert!(e.state.breaker.tripped.contains_key(&Scope::Wallet(HOT)));
    assert_eq!(alarms(&e, AlarmCode::AuthorityChanged), 1);
}

#[test]
fn of_two_alike_the_redeemed_one_gets_the_outflow() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        name-asset asset=BTC caip19=eip155:1/slip44:0 by=admin-1 -> recorded
        name-key wallet=hot key=hot/1 network=eip155:1 by=admin-1 -> recorded
        intent id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 max_fee=5 -> cleared
        intent id=w2 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 max_fee=5 -> cleared
        issue id=x1 target=w2 key=hot/1 attempt=1 digest=1 nonce=7 fee=5 units=900 to=0xlistedlist01 -> cleared
        redeem target=w2 attempt=1 signer=signer-1 -> cleared
        see node=n1 wallet=hot dir=out txid=t1 units=900 peer=0xlistedlist01 height=5 -> recorded
        time wait=3600000 -> recorded",
    );
    let flow = |id: &str| {
        r.exchange
            .state
            .guard
            .request(id)
            .unwrap()
            .1
            .clearance
            .clone()
    };
    assert_eq!(flow("w2").unwrap().flow, Some(0));
    assert_eq!(flow("w1").unwrap().flow, None);
    assert_eq!(r.exchange.why("w1"), "lapsed");
    assert_eq!(r.exchange.balance("alice", BTC), 59_100, "one was paid");
}
