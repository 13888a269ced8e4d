//! What was redeemed and can't land any more: who says so, what speaks against it, and what goes back, once.

use super::{alarms, check, loss};
use crate::exchange::{BTC, DAY, HOT};
use crate::script::Reader;
use keepwhole_core::book::MovementKind;
use keepwhole_core::event::Event;
use keepwhole_core::guard::Standing;
use keepwhole_core::guard::dead::Evidence;
use keepwhole_core::incident::AlarmCode;
use proptest::prelude::*;

const WINDOW: u64 = 30 * DAY;
const QUORUM: [(&str, &str); 4] = [
    ("ada", "administrator"),
    ("bea", "administrator"),
    ("sue", "security"),
    ("eva", "executive"),
];

/// A staffed exchange whose signer redeemed a clearance over 200 with nonce 7.
fn redeemed() -> Reader {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        name-asset asset=BTC caip19=eip155:1/slip44:0 by=admin-1 -> recorded
        name-key wallet=hot key=hot/1 network=eip155:1 by=admin-1 -> recorded
        staffed -> recorded
        intent id=w1 customer=alice wallet=hot asset=BTC units=200 to=0xlistedlist01 max_fee=5 -> cleared
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=200 to=0xlistedlist01 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> cleared",
    );
    r
}

fn propose(r: &mut Reader, id: &str) {
    let step = format!(
        "declare-dead id={id} by=ada target=w1 conflict=eip155:1/0xhot/7 txid=0xaa -> quorum_short"
    );
    check(r, &step);
}

fn approve(r: &mut Reader, id: &str) {
    for (who, role) in QUORUM {
        let step = format!("prove target={id} by={who} role={role} -> recorded");
        check(r, &step);
    }
}

fn proposal(r: &Reader, id: &str) -> Standing {
    let (_, row) = r.exchange.state.guard.proposal(id).expect("proposed");
    row.standing.clone()
}

/// What counts in the limits, what is free in the wallet, what the customer has.
fn told(r: &Reader) -> (u128, u128, u128) {
    let state = &r.exchange.state;
    let alice = state.registry.owner("alice").expect("alice");
    let left = state
        .history
        .of_customer(alice, Some(BTC))
        .sum(r.exchange.at, WINDOW);
    let balance = r.exchange.balance("alice", BTC);
    (left.units, state.custody.free(HOT, BTC), balance)
}

fn dead(r: &Reader) -> usize {
    r.exchange.count(|e| matches!(e, Event::ClearancesDead(_)))
}

fn returned(r: &Reader) -> usize {
    r.exchange.count(|event| {
        matches!(event, Event::MovementRecorded(m) if m.kind == MovementKind::WithdrawalReturned)
    })
}

#[test]
fn what_was_redeemed_goes_back_when_a_quorum_says_that_it_is_dead() {
    let mut r = redeemed();
    assert_eq!(told(&r), (200, 9_800, 59_800));
    r.exchange.pass(3 * DAY);
    assert_eq!(
        told(&r),
        (200, 9_800, 59_800),
        "it waits for good by itself"
    );
    let unseen: Vec<_> = r.exchange.state.guard.signed_unseen().collect();
    assert_eq!(unseen.len(), 1);
    assert_eq!(unseen[0].request.id, "w1");
    assert_eq!(unseen[0].conflict_key, Some("eip155:1/0xhot/7"));
    propose(&mut r, "p1");
    approve(&mut r, "p1");
    r.exchange.pass(2 * DAY - 1);
    assert_eq!(dead(&r), 0, "it waits for two days");
    r.exchange.pass(1);
    assert_eq!(proposal(&r, "p1"), Standing::Cleared);
    assert_eq!(told(&r), (0, 10_000, 60_000));
    assert_eq!(r.exchange.standing("w1"), &Standing::Lapsed);
    assert_eq!(r.exchange.state.guard.signed_unseen().count(), 0);
    let graves = &r.exchange.state.guard.clearances.dead;
    let (number, _) = r.exchange.state.guard.request("w1").expect("w1");
    let (since, row) = &graves.by_request[&number];
    assert_eq!(*since, r.exchange.at);
    let txid = "0xaa".into();
    assert_eq!(row.evidence, Evidence::Spent { txid });
    // Its bytes are never cleared again, nor are others on what is spent.
    check(
        &mut r,
        "
        redeem target=w1 attempt=1 signer=signer-1 -> conflict_key_spent
        issue id=x2 target=w1 key=hot/1 attempt=2 digest=2 nonce=7 fee=2 units=200 to=0xlistedlist01 -> clearance_expired
        intent id=w2 customer=alice wallet=hot asset=BTC units=200 to=0xlistedlist01 max_fee=5 -> cleared
        issue id=x3 target=w2 key=hot/1 attempt=1 digest=3 nonce=7 fee=2 units=200 to=0xlistedlist01 -> conflict_key_spent
        issue id=x4 target=w2 key=hot/1 attempt=1 digest=3 nonce=8 fee=2 units=200 to=0xlistedlist01 -> cleared
        redeem target=w2 attempt=1 signer=signer-1 -> cleared
        see node=n1 wallet=hot dir=out txid=0xcc units=200 peer=0xlistedlist01 height=5 -> recorded",
    );
    assert!(r.exchange.state.breaker.tripped.is_empty());
    assert_eq!(r.exchange.state, r.exchange.folded_again());
}

#[test]
fn what_lands_after_all_is_unauthorised() {
    let mut r = redeemed();
    propose(&mut r, "p1");
    approve(&mut r, "p1");
    r.exchange.pass(2 * DAY);
    assert_eq!(dead(&r), 1);
    check(
        &mut r,
        "see node=n1 wallet=hot dir=out txid=0xbb units=200 peer=0xlistedlist01 height=5 -> recorded",
    );
    assert_eq!(alarms(&r.exchange, AlarmCode::UnmatchedOutflow), 1);
    assert_eq!(r.exchange.state.breaker.tripped.len(), 1);
    assert_eq!(loss(&r.exchange, "inc-1").total, 200);
    assert_eq!(told(&r).1, 9_800, "it left, and is free no more");
}

/// What came in between is looked at again when it comes into force.
#[test]
fn what_lands_while_it_waits_is_not_given_back() {
    let see = "see node=n1 wallet=hot dir=out txid=0xbb units=200 peer=0xlistedlist01 height=5 -> recorded";
    let mut r = redeemed();
    propose(&mut r, "p1");
    approve(&mut r, "p1");
    r.exchange.pass(DAY);
    check(&mut r, see);
    r.exchange.pass(DAY);
    assert_eq!(proposal(&r, "p1"), Standing::Lapsed, "overtaken");
    assert_eq!((dead(&r), returned(&r)), (0, 0));
    assert_eq!(told(&r), (200, 9_800, 59_800));
}

/// The transaction named as evidence turns out to pay just what was asked.
#[test]
fn evidence_that_pays_a_twin_may_pay_this_one() {
    let mut r = redeemed();
    check(
        &mut r,
        "
        intent id=w2 customer=alice wallet=hot asset=BTC units=200 to=0xlistedlist01 max_fee=5 -> cleared
        issue id=x2 target=w2 key=hot/1 attempt=1 digest=2 nonce=7 fee=2 units=200 to=0xlistedlist01 -> cleared
        redeem target=w2 attempt=1 signer=signer-1 -> cleared",
    );
    propose(&mut r, "p1");
    let second =
        "declare-dead id=p2 by=ada target=w2 conflict=eip155:1/0xhot/7 txid=0xAA -> quorum_short";
    check(&mut r, second);
    approve(&mut r, "p1");
    approve(&mut r, "p2");
    // It is matched with the first of the two.
    check(
        &mut r,
        "see node=n1 wallet=hot dir=out txid=0xaa units=200 peer=0xlistedlist01 height=5 -> recorded",
    );
    r.exchange.pass(2 * DAY);
    assert_eq!(proposal(&r, "p1"), Standing::Lapsed);
    assert_eq!(proposal(&r, "p2"), Standing::Lapsed);
    assert_eq!(dead(&r), 0);
}

/// What is wrong with a declaration, by the reason and words of it.
#[test]
fn evidence_fits_the_conflict_key() {
    let cases = [
        (
            "target=ghost conflict=eip155:1/0xhot/7 txid=0xaa",
            "unknown_target",
            "ghost",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/8 txid=0xaa",
            "other_conflict_key",
            "0xhot/8",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 txid=0xaa network=eip155:10",
            "malformed",
            "begins with",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 txid=0xaa network=eip155",
            "malformed",
            "begins with",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 txid=0xaa network=eip155:1/0xhot",
            "malformed",
            "begins with",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 txid=0x_a",
            "malformed",
            "1 to 128",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 txid=0x.a",
            "malformed",
            "1 to 128",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 valid=10 height=20",
            "malformed",
            "only a blockhash",
        ),
        (
            "target=w1 conflict=eip155:1/0xhot/7 moved=Nonce2",
            "malformed",
            "only a nonce account",
        ),
    ];
    let mut r = redeemed();
    for (number, (step, wanted, says)) in cases.into_iter().enumerate() {
        let id = format!("p{number}");
        let (reply, _) = r.run(&format!("declare-dead id={id} by=ada {step}"));
        let told = format!("{:?}", reply.answer.reason());
        assert_eq!(crate::exchange::code(&reply), wanted, "{step}: {told}");
        assert!(told.contains(says), "{step}: {told}");
        assert!(r.exchange.state.guard.proposal(&id).is_none());
    }
}

/// Solana: a blockhash lapses with time and nothing spends it, the value of a nonce account moves on or is spent.
#[test]
fn evidence_fits_a_blockhash_and_a_nonce_account_of_solana() {
    const NETWORK: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
    let cases: [(&str, &str, Option<&str>); 12] = [
        ("Hash1", "valid=10 height=11", None),
        ("Hash1", "valid=10 height=10", Some("valid up to block 10")),
        ("Hash1", "valid=10 height=9", Some("final block is 9")),
        ("Hash1", "txid=5sig", Some("no transaction spends")),
        ("Hash1", "moved=Value2", Some("only a nonce account")),
        ("Acc1/Value1", "moved=Value2", None),
        ("Acc1/Value1", "txid=5sig", None),
        ("Acc1/Value1", "moved=Value1", Some("still holds")),
        (
            "Acc1/Value1",
            "valid=10 height=99",
            Some("only a blockhash"),
        ),
        ("Acc1/Value1", "txid=5_sig", Some("1 to 128")),
        ("Acc1/Value1", "txid=LONG", Some("1 to 128")),
        ("Acc1/Value1", "moved=LONG", Some("still holds")),
    ];
    for (key, told, says) in cases {
        let told = told.replace("LONG", &"v".repeat(129));
        let mut r = Reader::new();
        check(
            &mut r,
            &format!(
                "
        name-asset asset=BTC caip19={NETWORK}/slip44:501 by=admin-1 -> recorded
        name-key wallet=hot key=hot/1 network={NETWORK} by=admin-1 -> recorded
        staffed -> recorded
        intent id=w1 customer=alice wallet=hot asset=BTC units=200 to=0xlistedlist01 max_fee=5 -> cleared
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 network={NETWORK} conflict={NETWORK}/{key} kind=solana-message fee=2 units=200 to=0xlistedlist01 asset={NETWORK}/slip44:501 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> cleared"
            ),
        );
        let step = format!(
            "declare-dead id=p1 by=ada target=w1 network={NETWORK} conflict={NETWORK}/{key} {told}"
        );
        let (reply, _) = r.run(&step);
        let Some(says) = says else {
            assert_eq!(crate::exchange::code(&reply), "quorum_short", "{step}");
            approve(&mut r, "p1");
            r.exchange.pass(2 * DAY);
            assert_eq!(proposal(&r, "p1"), Standing::Cleared, "{step}");
            assert_eq!((dead(&r), returned(&r)), (1, 1), "{step}");
            continue;
        };
        let why = format!("{:?}", reply.answer.reason());
        assert_eq!(crate::exchange::code(&reply), "malformed", "{step}: {why}");
        assert!(why.contains(says), "{step}: {why}");
        assert!(r.exchange.state.guard.proposal("p1").is_none());
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Propose(u8),
    Approve(u8),
    Wait(u8),
    Land,
    LandOtherwise,
    RedeemAgain,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..3u8).prop_map(Act::Propose),
        4 => (0..3u8).prop_map(Act::Approve),
        4 => (1..50u8).prop_map(Act::Wait),
        1 => Just(Act::Land),
        1 => Just(Act::LandOtherwise),
        1 => Just(Act::RedeemAgain),
    ];
    proptest::collection::vec(act, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes in whatever order: it is given back at most once, and never what the chain showed before.
    #[test]
    fn limits_and_balances_conserve(acts in acts()) {
        let mut r = redeemed();
        let (mut landed, mut landed_first) = (0_u128, false);
        for act in acts {
            let step = match act {
                Act::Propose(n) => format!(
                    "declare-dead id=p{n} by=ada target=w1 conflict=eip155:1/0xhot/7 txid=0xaa"
                ),
                Act::Approve(n) if r.exchange.state.guard.proposal(&format!("p{n}")).is_some() => {
                    let id = format!("p{n}");
                    for (who, role) in QUORUM {
                        let _reply = r.run(&format!("prove target={id} by={who} role={role}"));
                    }
                    continue;
                }
                Act::Approve(_) => continue,
                Act::Wait(hours) => format!("time wait={}", u64::from(hours) * 3_600_000),
                Act::Land => {
                    if dead(&r) == 0 {
                        landed_first = true;
                    }
                    landed = 200;
                    String::from("see node=n1 wallet=hot dir=out txid=0xbb units=200 peer=0xlistedlist01 height=5")
                }
                Act::LandOtherwise => String::from("see node=n2 wallet=hot dir=out txid=0xbb units=200 peer=0xlistedlist01 height=6"),
                Act::RedeemAgain => String::from("redeem target=w1 attempt=1 signer=signer-1"),
            };
            if matches!(act, Act::LandOtherwise) {
                if dead(&r) == 0 {
                    landed_first = true;
                }
                landed = 200;
            }
            let _reply = r.run(&step);
            let gone = dead(&r);
            prop_assert!(gone <= 1);
            prop_assert_eq!(returned(&r), gone);
            prop_assert!(!(landed_first && gone > 0), "seen first, and given back");
            let back = if gone == 1 { 200 } else { 0 };
            let (_, free, balance) = told(&r);
            prop_assert_eq!(balance, 59_800 + back);
            let held = if gone == 1 { landed } else { 200 };
            prop_assert_eq!(free, 10_000 - held);
            let open = r.exchange.state.guard.signed_unseen().count();
            prop_assert_eq!(open, usize::from(gone == 0 && landed == 0));
        }
        prop_assert_eq!(&r.exchange.state, &r.exchange.folded_again());
    }
}
