//! From an intent over the clearance of exact bytes to its redemption.

use super::check;
use crate::exchange::{BTC, HOT, MINUTE, policy};
use crate::judging::rule;
use crate::script::Reader;
use keepwhole_core::command::Body;
use keepwhole_core::decide::clearances::intent_of;
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::policy::{ApprovalTier, Policy};

/// An exchange whose asset and key have names, and one cleared intent over 900 with a fee of at most 5.
fn cleared() -> Reader {
    cleared_under(policy())
}

fn cleared_under(policy: Policy) -> Reader {
    let mut r = Reader::under(policy);
    check(
        &mut r,
        "
        name-asset asset=BTC caip19=eip155:1/slip44:0 by=admin-1 -> recorded
        name-key wallet=hot key=hot/1 network=eip155:1 by=admin-1 -> recorded
        intent id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 max_fee=5 -> cleared",
    );
    r
}

/// What an intent binds has one way to be redeemed: bytes told as operations are not decoded, and rules don't run again.
#[test]
fn a_withdrawal_with_an_intent_is_redeemed_by_an_issued_clearance_alone() {
    let mut r = cleared();
    check(
        &mut r,
        "
        sign target=w1 op=transfer to=0xlistedlist01 units=900 attested=7 -> clearance_missing
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=5 units=900 to=0xlistedlist01 -> cleared
        sign target=w1 op=transfer to=0xlistedlist01 units=900 attested=7 -> clearance_missing
        redeem target=w1 attempt=1 signer=signer-1 -> cleared",
    );
}

#[test]
fn a_clearance_is_issued_for_exact_bytes_and_redeemed_once() {
    let mut r = cleared();
    check(
        &mut r,
        "
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=5 units=900 to=0xLISTEDlist01 -> cleared
        issue id=x2 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=5 units=900 to=0xlistedlist01 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> cleared
        redeem target=w1 attempt=1 signer=signer-2 -> clearance_used
        redeem target=w1 attempt=2 signer=signer-1 -> clearance_missing
        issue id=x3 target=w1 key=hot/1 attempt=1 digest=2 nonce=7 fee=5 units=900 to=0xlistedlist01 -> attempt_out_of_turn
        time wait=3600000 -> recorded
        see node=n1 wallet=hot dir=out txid=t1 units=900 peer=0xlistedlist01 height=5 -> recorded",
    );
    assert_eq!(
        r.exchange
            .count(|e| matches!(e, Event::ClearanceIssued { .. })),
        1
    );
    assert_eq!(
        r.exchange
            .count(|e| matches!(e, Event::IssuedRedeemed { .. })),
        1
    );
    assert!(
        r.exchange.state.breaker.tripped.is_empty(),
        "explained, however late it is seen"
    );
    assert_eq!(
        r.exchange.standing("w1"),
        &Standing::Cleared,
        "what was redeemed does not lapse"
    );
    let (number, _) = r.exchange.state.guard.request("w1").expect("the request");
    let intent = intent_of(&r.exchange.state, number).expect("an intent");
    intent.check().expect("well formed");
    let issued = r.exchange.state.guard.clearances.of(number);
    let issued = issued.first().expect("one clearance");
    let read = keepwhole_verify::clearance::Clearance::read(&issued.text).expect("canonical");
    assert_eq!(read.intent, intent.digest());
    assert_eq!(read.digest().as_bytes(), &issued.digest);
    assert_eq!(
        (read.attempt, read.total_fee, read.key.as_str()),
        (1, 5, "hot/1")
    );
}

#[test]
fn bytes_that_do_anything_else_are_denied_and_open_a_case() {
    for (bytes, code) in [
        ("units=901 to=0xlistedlist01", "payload_mismatch"),
        ("units=900 to=0xlistedlist02", "payload_mismatch"),
        (
            "units=900 to=0xlistedlist01 asset=eip155:1/erc20:0xdac17f958d2ee523a2206206994597c13d831ec7",
            "payload_mismatch",
        ),
        ("units=900 to=0xlistedlist01 memo=other", "payload_mismatch"),
        ("units=900 to=0xlistedlist01 op=approve", "op_not_allowed"),
        (
            "units=900 to=0xlistedlist01 refusal=delegate_call",
            "undecodable",
        ),
    ] {
        let mut r = cleared();
        let step = format!(
            "issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=5 {bytes} -> {code}"
        );
        check(&mut r, &step);
        assert_eq!(
            r.exchange
                .count(|e| matches!(e, Event::ClearanceIssued { .. })),
            0,
            "{bytes}"
        );
        assert_eq!(
            r.exchange
                .count(|e| matches!(e, Event::IncidentOpened { .. })),
            1,
            "{bytes}"
        );
    }
}

#[test]
fn a_replacement_keeps_the_conflict_key_and_counts_on() {
    let mut r = cleared();
    check(
        &mut r,
        "
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> cleared
        issue id=x2 target=w1 key=hot/1 attempt=2 digest=2 nonce=8 fee=4 units=900 to=0xlistedlist01 -> conflict_key_changed
        issue id=x3 target=w1 key=hot/1 attempt=3 digest=2 nonce=7 fee=4 units=900 to=0xlistedlist01 -> attempt_out_of_turn
        issue id=x4 target=w1 key=hot/1 attempt=2 digest=2 nonce=7 fee=6 units=900 to=0xlistedlist01 -> fee_exceeded
        issue id=x5 target=w1 key=hot/1 attempt=2 digest=2 nonce=7 fee=4 units=900 to=0xlistedlist01 -> cleared
        redeem target=w1 attempt=2 signer=signer-1 -> cleared",
    );
    assert_eq!(
        r.exchange.balance("alice", BTC),
        59_100,
        "one reservation, however many attempts"
    );
}

#[test]
fn a_halt_between_issue_and_redemption_stops_it() {
    let mut r = cleared();
    check(
        &mut r,
        "
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01 -> cleared
        halt scope=hot id=h1 by=security -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> halted
        issue id=x2 target=w1 key=hot/1 attempt=2 digest=2 nonce=7 fee=2 units=900 to=0xlistedlist01 -> halted",
    );
    assert_eq!(
        r.exchange
            .count(|e| matches!(e, Event::IssuedRedeemed { .. })),
        0
    );
}

#[test]
fn nothing_is_issued_or_redeemed_after_the_end() {
    let mut r = cleared();
    let issue = "issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01";
    check(&mut r, &format!("{issue} -> cleared"));
    r.exchange.pass(30 * MINUTE);
    check(
        &mut r,
        "
        redeem target=w1 attempt=1 signer=signer-1 -> clearance_expired
        issue id=x2 target=w1 key=hot/1 attempt=2 digest=2 nonce=7 fee=2 units=900 to=0xlistedlist01 -> clearance_expired",
    );
    assert_eq!(r.exchange.balance("alice", BTC), 60_000, "all goes back");
    assert_eq!(r.exchange.state.custody.free(HOT, BTC), 10_000);
}

#[test]
fn what_ended_unredeemed_keeps_its_number_and_its_conflict_key() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        name-asset asset=BTC caip19=eip155:1/slip44:0 by=admin-1 -> recorded
        name-key wallet=hot key=hot/1 network=eip155:1 by=admin-1 -> recorded
        intent id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 max_fee=5 lasts=1200000 -> cleared
        issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01 -> cleared
        issue id=x2 target=w1 key=hot/1 attempt=2 digest=2 nonce=8 fee=2 units=900 to=0xlistedlist01 -> conflict_key_changed
        time wait=300000 -> recorded
        issue id=x3 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01 -> attempt_out_of_turn
        issue id=x4 target=w1 key=hot/1 attempt=2 digest=2 nonce=8 fee=2 units=900 to=0xlistedlist01 -> conflict_key_changed
        issue id=x5 target=w1 key=hot/1 attempt=2 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01 -> cleared
        redeem target=w1 attempt=1 signer=signer-1 -> clearance_expired
        redeem target=w1 attempt=2 signer=signer-1 -> cleared",
    );
    assert_eq!(r.exchange.balance("alice", BTC), 59_100);
}

#[test]
fn an_intent_ends_by_itself_while_it_waits_for_approvals() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        intent id=w1 by=requester customer=alice wallet=hot asset=BTC units=1200 to=0xlistedlist01 max_fee=5 lasts=60000 -> approvals_short
        intent id=w2 customer=alice wallet=hot asset=BTC units=10 to=0xlistedlist01 lasts=999 -> malformed
        time wait=60000 -> recorded
        approve target=w1 nonce=n1 by=approver-1 -> recorded",
    );
    assert!(matches!(r.exchange.standing("w1"), Standing::Denied(_)));
    assert_eq!(r.exchange.balance("alice", BTC), 60_000);
}

/// A policy that one person may adopt, as it only tightens; in force at once.
fn tighten(r: &mut Reader, change: impl FnOnce(&mut Policy)) {
    let mut next = r.exchange.state.guard.policy.clone();
    next.version += 1;
    change(&mut next);
    let change = Change::AdoptPolicy(Box::new(next));
    let body = Body::ProposeChange(change);
    r.exchange.ask(Some("tighter"), Some("admin-1"), body);
    assert_eq!(r.exchange.state.guard.policy.version, 2, "in force");
}

#[test]
fn all_that_a_new_policy_asks_is_asked_again_when_bytes_are_signed() {
    let issue = "issue id=x1 target=w1 key=hot/1 attempt=1 digest=1 nonce=7 fee=2 units=900 to=0xlistedlist01";
    let rules = || {
        let when = vec![(Field::Amount(BTC), Test::AtLeast(1))];
        Rules::new(vec![rule("all", when, Outcome::Clear)])
    };
    let tier = |next: &mut Policy| {
        next.tiers.push(ApprovalTier {
            asset: BTC,
            from: 500,
            approvals: 2,
        });
    };
    let cap = |next: &mut Policy| next.caps[0].bps = 800;
    let limit = |next: &mut Policy| next.clears[0].up_to = 899;
    for (ruled, code) in [(true, "approvals_short"), (false, "approvals_short")] {
        let mut given = policy();
        if ruled {
            given.rules = rules();
        }
        let mut r = cleared_under(given);
        tighten(&mut r, tier);
        check(&mut r, &format!("{issue} -> {code}"));
    }
    for (change, code) in [
        (&cap as &dyn Fn(&mut Policy), "cap_reached"),
        (&limit, "no_rule_clears"),
    ] {
        let mut r = cleared_under(policy());
        tighten(&mut r, change);
        check(&mut r, &format!("{issue} -> {code}"));
    }
    // 900 of 10,000 stay within 9 %: the request itself counts once.
    let mut r = cleared_under(policy());
    tighten(&mut r, |next| next.caps[0].bps = 900);
    check(&mut r, &format!("{issue} -> cleared"));
}

#[test]
fn an_intent_that_nobody_may_execute_ends_by_itself() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        intent id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xnobodyknows1 max_fee=5 lasts=60000 -> not_allowlisted",
    );
    r.exchange.pass(59_999);
    assert_eq!(r.exchange.why("w1"), "not_allowlisted");
    r.exchange.pass(1);
    assert_eq!(r.exchange.why("w1"), "clearance_expired");
    assert!(matches!(r.exchange.standing("w1"), Standing::Denied(_)));
    assert!(r.exchange.state.guard.waiting.is_empty());
    assert!(r.exchange.folded_again() == r.exchange.state);
}

#[test]
fn names_on_the_network_are_given_once_and_by_people_who_may() {
    let mut r = cleared();
    check(
        &mut r,
        "
        name-asset asset=BTC caip19=eip155:1/slip44:1 by=admin-1 -> already_registered
        name-asset asset=ETH caip19=eip155:1/slip44:0 by=admin-1 -> already_registered
        name-asset asset=ETH caip19=ether by=admin-1 -> malformed
        name-asset asset=ETH caip19=eip155:1/slip44:60 by=security -> role_missing
        name-key wallet=hot key=hot/1 network=eip155:1 by=admin-1 -> already_registered
        name-key wallet=hot key=hot/2 network=ethereum by=admin-1 -> malformed
        name-key wallet=hot key=hot/2 network=eip155:1 by=security -> role_missing",
    );
}
