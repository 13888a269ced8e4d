//! Where authority is demanded nothing is cleared before there are rules and people for them, and nothing is denied either.

use super::{propose, withdraw};
use crate::exchange::{DAY, Exchange, code};
use crate::staff::{PEOPLE, Staff, bootstrap};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::matter::Target;
use keepwhole_core::command::{Body, NewCreditLine, Operation};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::reason::Reason;

fn demand() -> Body {
    Body::OfAuthority(AuthorityCommand::Demand)
}

fn credit(units: u128) -> Body {
    Body::RequestCredit {
        reason: "event".into(),
        budget: "promo".into(),
        lines: vec![NewCreditLine {
            customer: "alice".into(),
            asset: "BTC".into(),
            units,
        }],
    }
}

fn waits(exchange: &Exchange, id: &str, class: &str, lacks: &str) {
    let wanted = Reason::BootstrapIncomplete {
        class: class.into(),
        lacks: lacks.into(),
    };
    assert_eq!(*exchange.standing(id), Standing::Held(wanted), "{id}");
}

#[test]
fn nothing_is_cleared_where_no_rules_were_adopted() {
    let mut exchange = Exchange::new();
    exchange.ask(Some("before"), None, withdraw(10));
    assert_eq!(exchange.why("before"), "cleared", "not demanded");
    exchange.told(demand());
    assert!(exchange.ask(None, None, demand()).repeated, "once");
    let lacks = "0 of 3 people, nobody for administrator";
    for (id, body) in [
        ("small", withdraw(10)),
        ("large", withdraw(1_900)),
        ("fine", credit(3)),
        ("wrong", credit(620_000)),
    ] {
        let reply = exchange.ask(Some(id), None, body);
        assert!(matches!(reply.answer, Answer::Held(_)), "{id}: {reply:?}");
        waits(&exchange, id, "bootstrap", lacks);
    }
    // Nor is anything signed that was cleared before.
    let leave = Body::RedeemClearance {
        target: "before".into(),
        operations: vec![Operation {
            op: "transfer".into(),
            to: "0xlistedlist01".into(),
            asset: "BTC".into(),
            units: 10,
            inner: Vec::new(),
        }],
        attested: Some([7; 32]),
    };
    assert_eq!(
        code(&exchange.ask(None, None, leave.clone())),
        "bootstrap_incomplete"
    );
    // A bare name approves nothing, and time denies nothing.
    let approve = Body::Approve {
        target: "large".into(),
        nonce: "n".into(),
        binds: None,
        seen: None,
    };
    assert_eq!(
        code(&exchange.ask(None, Some("approver-1"), approve)),
        "assertion_missing"
    );
    exchange.pass(DAY / 48);
    waits(&exchange, "large", "bootstrap", lacks);
    exchange.told(bootstrap(exchange.at));
    exchange.ask(Some("during"), None, withdraw(10));
    waits(
        &exchange,
        "during",
        "withdrawal",
        "0 of 2 people, nobody for risk|treasury",
    );
}

/// The last person is enrolled: everything that waited gets its verdict, without anybody asking again.
#[test]
fn what_waited_is_judged_when_the_bootstrap_is_over() {
    let mut exchange = Exchange::new();
    exchange.told(demand());
    for (id, body) in [
        ("small", withdraw(10)),
        ("large", withdraw(1_200)),
        ("fine", credit(3)),
        ("wrong", credit(620_000)),
    ] {
        exchange.ask(Some(id), None, body);
    }
    let mut staff = Staff::default();
    exchange.told(bootstrap(exchange.at));
    for (name, roles) in PEOPLE {
        assert!(exchange.state.authority.completed.is_none(), "{name}");
        staff.enrol(&mut exchange, name, roles);
        exchange.pass(1);
    }
    assert!(exchange.state.authority.completed.is_some());
    exchange.pass(1);
    assert_eq!(exchange.why("small"), "cleared");
    assert_eq!(exchange.why("fine"), "cleared");
    let Standing::Denied(Reason::PerCustomerExceeded { .. }) = exchange.standing("wrong") else {
        panic!("{:?}", exchange.standing("wrong"));
    };
    let alarmed = exchange.records.iter().any(|record| {
        matches!(&record.event, keepwhole_core::event::Event::AlarmRaised { code: AlarmCode::MisCredit, subject } if subject == "wrong")
    });
    assert!(alarmed, "a blunder is told, if late");
    // What needs people asks them now, and their proofs count.
    let Standing::Held(Reason::QuorumShort { valid, needs, .. }) = exchange.standing("large")
    else {
        panic!("{:?}", exchange.standing("large"));
    };
    assert_eq!((*valid, *needs), (0, 2));
    let (number, _) = exchange.state.guard.request("large").unwrap();
    let asked = &exchange.state.authority.matters[&Target::Request(number)];
    assert_eq!(asked.by, None);
    staff.approve(&mut exchange, "large", "ria", "risk");
    staff.approve(&mut exchange, "large", "tom", "treasury");
    assert_eq!(exchange.why("large"), "cleared");
}

/// A suspended person fills no quorum; the bootstrap ends when he is reinstated.
#[test]
fn the_bootstrap_waits_for_whoever_is_suspended() {
    let mut exchange = Exchange::new();
    let mut staff = Staff::default();
    exchange.told(demand());
    exchange.told(bootstrap(exchange.at));
    let (last, others) = PEOPLE.split_last().unwrap();
    for (name, roles) in others {
        staff.enrol(&mut exchange, name, roles);
    }
    let revoke = Change::Revoke {
        actor: "eva".into(),
    };
    propose(&mut exchange, "r1", "ada", revoke);
    staff.enrol(&mut exchange, last.0, last.1);
    exchange.pass(DAY);
    exchange.ask(Some("w1"), None, withdraw(10));
    waits(
        &exchange,
        "w1",
        "loosen_policy",
        "3 of 3 people, nobody for executive",
    );
    let back = Change::Reinstate {
        person: "eva".into(),
    };
    propose(&mut exchange, "b1", "ada", back);
    staff.approve(&mut exchange, "b1", "ada", "administrator");
    staff.approve(&mut exchange, "b1", "bea", "administrator");
    exchange.pass(1);
    exchange.pass(1);
    assert_eq!(exchange.why("w1"), "cleared");
}
