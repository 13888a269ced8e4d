//! What may leave and what may be credited, and who may say so.

use super::{alarms, check};
use crate::exchange::BTC;
use crate::exchange::DAY;
use crate::exchange::Exchange;
use crate::exchange::HOT;
use crate::exchange::KRW;
use crate::exchange::code;
use crate::exchange::policy;
use crate::script::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::Body;
use keepwhole_core::command::Operation;
use keepwhole_core::event::Event;
use keepwhole_core::guard::Change;
use keepwhole_core::guard::Standing;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::registry::Tier;
use keepwhole_core::registry::Wallet;

#[test]
fn a_withdrawal_is_approved_redeemed_once_and_leaves() {
    let mut r = Reader::new();
    check(&mut r, "
        withdraw id=w1 by=requester customer=alice wallet=hot asset=BTC units=1600 to=0xlistedlist01 -> approvals_short
        approve target=w1 nonce=a by=approver-1 binds=1600 seen=it -> recorded
        approve target=w1 nonce=b by=approver-1b -> recorded");
    assert_eq!(
        r.exchange.why("w1"),
        "approvals_short",
        "two accounts of one person count once"
    );
    check(
        &mut r,
        "approve target=w1 nonce=a by=approver-2 -> recorded",
    );
    assert_eq!(
        r.exchange.standing("w1"),
        &Standing::Cleared,
        "a nonce is one person's"
    );
    assert_eq!(
        r.exchange.balance("alice", BTC),
        58_400,
        "taken when the clearance is issued"
    );
    assert_eq!(r.exchange.state.custody.free(HOT, BTC), 8_400);
    check(&mut r, "
        sign target=w1 op=transfer to=0xlistedlist01 units=1599 attested=7 -> payload_mismatch
        sign target=w1 op=transfer to=0xlistedlist01 units=1600 attested=7 -> cleared
        sign target=w1 op=transfer to=0xlistedlist01 units=1600 attested=7 -> cleared
        sign target=w1 op=transfer to=0xlistedlist01 units=1600 attested=7 wrapped=yes -> clearance_used
        time wait=1900000 -> recorded
        see node=n1 wallet=hot dir=out txid=t1 units=1600 peer=0xlistedlist01 height=5 -> recorded");
    assert!(
        r.exchange.state.breaker.tripped.is_empty(),
        "explained by its clearance, however late"
    );
    assert_eq!(r.exchange.state.custody.free(HOT, BTC), 8_400);
    assert_eq!(
        r.exchange
            .count(|e| matches!(e, Event::ClearanceRedeemed { .. })),
        1
    );
}

#[test]
fn a_clearance_lapses_at_its_end_and_all_goes_back() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 -> cleared
        time wait=1799999 -> recorded",
    );
    assert_eq!(r.exchange.standing("w1"), &Standing::Cleared);
    check(&mut r, "time wait=1 -> recorded");
    assert_eq!(
        r.exchange.standing("w1"),
        &Standing::Lapsed,
        "the end is exclusive"
    );
    assert_eq!(r.exchange.balance("alice", BTC), 60_000);
    assert_eq!(
        r.exchange.state.custody.free(HOT, BTC),
        10_000,
        "nothing is cleared to leave any more"
    );
    check(
        &mut r,
        "
        sign target=w1 op=transfer to=0xlistedlist01 units=900 attested=7 -> clearance_expired
        see node=n1 wallet=hot dir=out txid=t1 units=900 peer=0xlistedlist01 height=5 -> recorded",
    );
    assert!(
        r.exchange
            .state
            .breaker
            .tripped
            .contains_key(&Scope::Wallet(HOT)),
        "it left without leave"
    );
}

#[test]
fn caps_roll_and_pass_at_their_edge() {
    let mut r = Reader::new();
    check(&mut r, "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 -> cleared
        withdraw id=w2 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 -> cleared
        withdraw id=w3 customer=alice wallet=hot asset=BTC units=900 to=0xlistedlist01 -> cleared
        withdraw id=w4 customer=alice wallet=hot asset=BTC units=301 to=0xlistedlist01 -> cap_reached
        withdraw id=w5 customer=alice wallet=hot asset=BTC units=300 to=0xlistedlist01 -> cleared
        withdraw id=w6 customer=alice wallet=hot asset=BTC units=1 to=0xlistedlist01 wait=599999 -> cap_reached
        withdraw id=w7 customer=alice wallet=hot asset=BTC units=1 to=0xlistedlist01 wait=1 -> cleared");
    assert_eq!(alarms(&r.exchange, AlarmCode::CapHit), 2);
}

#[test]
fn a_held_request_is_judged_again_when_approvals_are_complete() {
    let mut r = Reader::new();
    check(&mut r, "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=1200 to=0xlistedlist01 -> approvals_short
        halt id=h1 by=security scope=wallet -> unknown_target
        halt id=h2 by=security scope=hot -> cleared
        approve target=w1 nonce=a by=approver-1 -> recorded");
    assert_eq!(
        r.exchange.why("w1"),
        "halted",
        "approvals finish nothing while halted"
    );
    check(
        &mut r,
        "
        resume id=r1 by=security scope=hot -> role_missing
        resume id=r2 by=admin-1 scope=hot -> needs_second_admin
        stand-behind target=r2 by=admin-1 -> self_approval
        stand-behind target=r2 by=admin-2 -> recorded
        approve target=w1 nonce='' by=approver-2 -> malformed
        approve target=w1 nonce=b by=approver-2 -> recorded",
    );
    assert_eq!(r.exchange.standing("w1"), &Standing::Cleared);
}

#[test]
fn halts_stop_what_lies_in_their_scope_and_nothing_else() {
    let ask = [
        (
            "withdraw customer=alice wallet=hot asset=BTC units=1 to=0xlistedlist01",
            [true, true, true, false],
        ),
        (
            "transfer from=hot to=cold asset=BTC units=1",
            [true, true, true, false],
        ),
        (
            "transfer from=hot to=cold asset=ETH units=1",
            [true, false, true, false],
        ),
        (
            "credit budget=promo customer=alice asset=BTC units=1",
            [true, true, false, true],
        ),
    ];
    for (at, scope) in ["all", "asset:BTC", "hot", "trading"].iter().enumerate() {
        let mut r = Reader::new();
        check(
            &mut r,
            &format!("halt id=h by=security scope={scope} -> cleared"),
        );
        for (number, (step, stopped)) in ask.iter().enumerate() {
            let (reply, _) = r.run(&format!("{step} id=x{number}"));
            let wanted = if stopped[at] { "halted" } else { "cleared" };
            assert_eq!(code(&reply), wanted, "`{step}` under a halt of `{scope}`");
        }
    }
}

#[test]
fn credits_stay_within_budgets_and_holdings() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        credit id=c1 budget=promo customer=alice asset=BTC units=60 -> cleared
        credit id=c2 budget=promo customer=alice asset=BTC units=1 -> per_customer_exceeded
        credit id=c3 budget=promo customer=bob asset=BTC units=41 -> budget_exceeded
        credit id=c4 budget=promo customer=bob asset=BTC units=40 -> cleared
        credit id=c5 budget=large customer=bob asset=BTC units=901 -> holdings_exceeded
        credit id=c6 budget=large customer=bob asset=BTC units=900 -> cleared
        credit id=c7 budget=checked by=requester customer=bob asset=BTC units=1 -> holdings_exceeded
        credit id=c8 budget=large customer=outside asset=BTC units=1 -> unknown_customer",
    );
    assert_eq!(
        r.exchange.state.book.owed(BTC),
        100_000,
        "owed to the unit what is held"
    );
    assert_eq!(
        alarms(&r.exchange, AlarmCode::MisCredit),
        4,
        "each refusal by a rule is told"
    );
}

#[test]
fn bytes_hidden_inside_a_plain_operation_are_refused() {
    let mut r = Reader::new();
    check(
        &mut r,
        "withdraw id=w1 customer=alice wallet=hot asset=BTC units=10 to=0xlistedlist01 -> cleared",
    );
    let plain = |op: &str, inner| Operation {
        op: op.into(),
        to: "0xlistedlist01".into(),
        asset: "BTC".into(),
        units: 10,
        inner,
    };
    let hidden = plain("transfer", vec![plain("delegatecall", Vec::new())]);
    let sign = Body::RedeemClearance {
        target: "w1".into(),
        operations: vec![hidden],
        attested: Some([7; 32]),
    };
    assert_eq!(code(&r.exchange.ask(None, None, sign)), "malformed");
}

#[test]
fn policies_come_into_force_one_after_the_other() {
    let mut e = Exchange::new();
    let change = |version, edit: fn(&mut keepwhole_core::policy::Policy)| {
        let mut next = policy();
        next.version = version;
        edit(&mut next);
        Body::ProposeChange(Change::AdoptPolicy(Box::new(next)))
    };
    let tighter: fn(&mut keepwhole_core::policy::Policy) = |p| p.caps[0].bps = 1;
    let looser: fn(&mut keepwhole_core::policy::Policy) = |p| p.caps[0].bps = 10_000;
    // One person may lower a cap, but not by a version that no later policy could follow.
    let jump = e.ask(Some("p0"), Some("security"), change(u32::MAX, tighter));
    assert_eq!(code(&jump), "malformed");
    e.ask(Some("p1"), Some("admin-1"), change(2, looser));
    e.ask(
        None,
        Some("admin-2"),
        Body::ApproveChange {
            target: "p1".into(),
        },
    );
    let lowered = e.ask(Some("p2"), Some("security"), change(2, tighter));
    assert_eq!(lowered.answer, Answer::Cleared, "at once, by one person");
    e.pass(2 * DAY);
    assert_eq!(
        e.state.guard.policy.caps[0].bps, 1,
        "the waiting change would have undone it"
    );
    assert_eq!(
        e.count(|event| matches!(event, Event::ChangeOvertaken { .. })),
        1
    );
    let disarm: fn(&mut keepwhole_core::policy::Policy) =
        |p| (p.caps[0].bps, p.breaker_armed) = (1, false);
    assert_eq!(
        code(&e.ask(Some("p3"), Some("security"), change(3, disarm))),
        "role_missing"
    );
}

#[test]
fn nobody_widens_alone_what_the_exchange_trusts() {
    let mut e = Exchange::new();
    let enrol = |roles: &[&str]| Body::EnrolActor {
        id: "eve-again".into(),
        person: "eve-again".into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        expires: None,
    };
    assert_eq!(code(&e.ask(None, None, enrol(&["approver"]))), "malformed");
    assert_eq!(
        code(&e.ask(None, Some("requester"), enrol(&[]))),
        "role_missing"
    );
    assert_eq!(code(&e.ask(None, Some("admin-1"), enrol(&[]))), "recorded");
    let wallet = |tier, id: &str| {
        Body::RegisterWallet(Wallet {
            id: id.into(),
            tier,
            address: format!("0xaddress-{id}"),
        })
    };
    assert_eq!(
        code(&e.ask(None, Some("requester"), wallet(Tier::Warm, "mine"))),
        "role_missing"
    );
    assert_eq!(
        code(&e.ask(None, None, wallet(Tier::Deposit, "for-dave"))),
        "recorded"
    );
    assert_eq!(
        code(&e.ask(None, Some("admin-1"), wallet(Tier::Warm, "all"))),
        "malformed"
    );
    let more = Body::DeclareHoldings(vec![("for-dave".into(), "BTC".into(), 1_000_000)]);
    assert_eq!(code(&e.ask(None, Some("requester"), more)), "role_missing");
}

#[test]
fn a_new_role_prolongs_no_other() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        grant id=g1 by=admin-1 actor=stale role=auditor -> needs_second_admin
        stand-behind target=g1 by=admin-2 -> recorded
        time wait=86400000 -> recorded",
    );
    let row = |r: &Reader, id: &str| {
        let ix = r.exchange.state.registry.actor(id).unwrap();
        r.exchange.state.registry.actors[ix.place()].clone()
    };
    let stale = row(&r, "stale");
    assert_eq!(
        (stale.roles, stale.expires),
        (vec!["auditor".to_owned()], None),
        "roles that ended stay ended"
    );
    let end = r.exchange.at + 10 * DAY;
    check(
        &mut r,
        &format!(
            "
        grant id=g2 by=admin-1 actor=stale role=approver expires={end} -> needs_second_admin
        stand-behind target=g2 by=admin-2 -> recorded
        time wait=86400000 -> recorded
        grant id=g3 by=admin-1 actor=stale role=reader -> needs_second_admin
        stand-behind target=g3 by=admin-2 -> recorded
        time wait=86400000 -> recorded"
        ),
    );
    assert_eq!(row(&r, "stale").expires, Some(end));
}

#[test]
fn a_command_too_large_for_a_leaf_is_refused_and_leaves_a_small_record() {
    let mut e = Exchange::new();
    let body = Body::RequestCredit {
        reason: "x".repeat(70_000),
        budget: "promo".into(),
        lines: vec![keepwhole_core::command::NewCreditLine {
            customer: "alice".into(),
            asset: "BTC".into(),
            units: 1,
        }],
    };
    assert_eq!(code(&e.ask(Some("c1"), None, body)), "malformed");
    let name = "n".repeat(70_000);
    let body = Body::ReadRecord {
        customer: name.clone(),
        purpose: "case".into(),
    };
    assert_eq!(
        code(&e.ask(None, Some("security"), body.clone())),
        "malformed",
        "the reason would repeat the name"
    );
    assert_eq!(code(&e.ask(Some(&name), None, body.clone())), "malformed");
    assert_eq!(code(&e.ask(None, Some(&name), body)), "malformed");
    assert_eq!(e.balance("alice", BTC), 60_000);
}

#[test]
fn the_outside_is_nobodys_customer() {
    let mut r = Reader::new();
    check(&mut r, "
        withdraw id=w1 customer=outside wallet=hot asset=BTC units=1 to=0xlistedlist01 -> unknown_customer
        deposit id=d1 customer=outside units=1 txid=t1 wallet=hot -> unknown_customer
        read customer=outside purpose=case by=security -> unknown_customer
        aware incident=inc-1 by=security -> recorded
        claim id=p1 customer=outside incident=inc-1 asset=KRW units=1 -> unknown_customer
        claim id=p2 customer=alice incident=inc-1 asset=KRW units=0 -> invalid_amount
        transfer id=t1 from=hot to=hot asset=BTC units=1 -> invalid_amount");
    assert_eq!(r.exchange.balance("house", KRW), 1_000_000);
}

#[test]
fn a_wallet_for_deposits_is_no_destination() {
    let mut e = Exchange::new();
    e.told(Body::RegisterWallet(Wallet {
        id: "theirs".into(),
        tier: Tier::Deposit,
        address: "0xthiefthief05".into(),
    }));
    let mut r = Reader::over(e);
    check(
        &mut r,
        "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=10 to=0xthiefthief05 -> not_allowlisted
        transfer id=t1 from=hot to=theirs asset=BTC units=10 -> not_allowlisted
        transfer id=t2 from=hot to=cold asset=BTC units=10 -> cleared
        see node=n1 wallet=hot dir=out txid=t1 units=25 peer=0xthiefthief05 height=5 -> recorded",
    );
    let lost = |event: &Event| matches!(event, Event::LossRecognised { .. });
    assert_eq!(r.exchange.count(lost), 1, "what went there is gone");
}

#[test]
fn spellings_of_one_address_are_one_destination() {
    let (checksum, small) = (
        "0x5dC69B1Fbb13Bafd09af88a782F0F285772Ad5f8",
        "0x5dc69b1fbb13bafd09af88a782f0f285772ad5f8",
    );
    let mut e = Exchange::new();
    e.list(checksum);
    let mut r = Reader::over(e);
    check(
        &mut r,
        &format!(
            "
        withdraw id=w1 customer=alice wallet=hot asset=BTC units=10 to={checksum} wait=3600000 -> cleared
        withdraw id=w2 customer=alice wallet=hot asset=BTC units=10 to={small} -> cleared
        see node=n1 wallet=hot dir=out txid=t1 units=10 peer={small} height=5 -> recorded
        see node=n1 wallet=hot dir=out txid=t2 units=10 peer={checksum} height=5 -> recorded"
        ),
    );
    assert!(
        r.exchange.state.breaker.tripped.is_empty(),
        "both explained"
    );
    let history = &r.exchange.state.history;
    assert_eq!(history.destination(small), history.destination(checksum));
    let number = history.destination(small).unwrap();
    let day = history
        .of_destination(number, Some(BTC))
        .sum(r.exchange.at, DAY);
    assert_eq!((day.count, day.units), (2, 20), "one window");
}
