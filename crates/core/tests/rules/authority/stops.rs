//! What one person may stop, who lifts it, resets, findings and sealed keys.

use super::{halt, propose, resume, stands, withdraw};
use crate::exchange::{DAY, Exchange, HOUR, MINUTE, code};
use crate::staff::{Staff, credential, staffed};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::people;
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::{Body, Operation};
use keepwhole_core::event::{AuthorityEvent, Event};
use keepwhole_core::guard::{BreakGlass, Change, Standing};
use keepwhole_core::reason::Reason;

#[test]
fn one_person_stops_at_once_and_a_quorum_lifts_or_keeps_it() {
    let (mut exchange, mut staff) = staffed();
    assert_eq!(
        propose(&mut exchange, "h1", "ole", halt("hot")).answer,
        Answer::Cleared
    );
    exchange.ask(Some("w1"), None, withdraw(10));
    assert_eq!(exchange.why("w1"), "halted");
    // Two persons lift what one stopped, at once; the one who stopped can't cancel that.
    propose(&mut exchange, "r1", "ria", resume("hot"));
    let cancel = |target: &str| Body::CancelChange {
        target: target.into(),
    };
    assert_eq!(
        code(&exchange.ask(None, Some("ole"), cancel("r1"))),
        "self_approval"
    );
    staff.approve(&mut exchange, "r1", "ria", "risk");
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    assert_eq!(stands(&exchange, "r1"), Standing::Cleared);
    exchange.ask(Some("w2"), None, withdraw(10));
    assert_eq!(exchange.why("w2"), "cleared");
    // Kept by two, it takes three with security and an hour.
    propose(&mut exchange, "h2", "ole", halt("hot"));
    staff.approve(&mut exchange, "h2", "ole", "operations");
    staff.approve(&mut exchange, "h2", "sue", "security");
    assert_eq!(
        exchange.count(|e| matches!(e, Event::Authority(AuthorityEvent::StopKept { .. }))),
        1
    );
    propose(&mut exchange, "r2", "ria", resume("hot"));
    staff.approve(&mut exchange, "r2", "ria", "risk");
    staff.approve(&mut exchange, "r2", "tom", "treasury");
    staff.approve(&mut exchange, "r2", "rob", "risk");
    assert!(matches!(
        stands(&exchange, "r2"),
        Standing::Held(Reason::QuorumShort { .. })
    ));
    staff.approve(&mut exchange, "r2", "sue", "security");
    assert!(matches!(
        stands(&exchange, "r2"),
        Standing::Held(Reason::CoolOff { .. })
    ));
    exchange.pass(HOUR);
    assert_eq!(stands(&exchange, "r2"), Standing::Cleared);
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn a_thief_who_suspends_everybody_annoys_and_does_not_brick() {
    let (mut exchange, mut staff) = staffed();
    let suspend = |who: &str| Change::Revoke { actor: who.into() };
    for who in [
        "ada", "bea", "cem", "ria", "rob", "tom", "tia", "ole", "oda", "eva",
    ] {
        let id = format!("s-{who}");
        assert_eq!(
            propose(&mut exchange, &id, "sue", suspend(who)).answer,
            Answer::Cleared
        );
    }
    exchange.ask(Some("w1"), None, withdraw(1_600));
    let reply = staff.say(&mut exchange, "w1", ("ria", "risk"), |_| {});
    assert_eq!(code(&reply), "suspended");
    // The suspended stop the thief, and lift each other.
    assert_eq!(
        propose(&mut exchange, "s-sue", "ria", suspend("sue")).answer,
        Answer::Cleared
    );
    let more = propose(&mut exchange, "s-more", "sue", suspend("seal-1"));
    assert_eq!(code(&more), "suspended");
    let back = Change::Reinstate {
        person: "ria".into(),
    };
    assert_eq!(
        code(&propose(&mut exchange, "b0", "ria", back.clone())),
        "suspended"
    );
    propose(&mut exchange, "b1", "tom", back);
    let own = staff.say(&mut exchange, "b1", ("ria", "risk"), |_| {});
    assert_eq!(code(&own), "self_approval");
    staff.approve(&mut exchange, "b1", "tom", "treasury");
    staff.approve(&mut exchange, "b1", "bea", "administrator");
    assert_eq!(stands(&exchange, "b1"), Standing::Cleared);
    staff.approve(&mut exchange, "w1", "ria", "risk");
    assert_eq!(exchange.why("w1"), "quorum_short");
}

#[test]
fn a_suspension_that_a_quorum_keeps_ends_roles_and_credentials() {
    let (mut exchange, mut staff) = staffed();
    propose(
        &mut exchange,
        "s1",
        "sue",
        Change::Revoke {
            actor: "rob".into(),
        },
    );
    staff.approve(&mut exchange, "s1", "sue", "security");
    staff.approve(&mut exchange, "s1", "eva", "executive");
    let rob = exchange.state.registry.person("rob").unwrap();
    assert!(people::roles(&exchange.state, rob, exchange.at).is_empty());
    assert!(!people::has_credential(
        &exchange.state,
        rob,
        Class::Withdrawal
    ));
}

#[test]
fn credentials_are_reset_after_the_longest_wait_with_notice_and_not_while_a_finding_stands() {
    let (mut exchange, mut staff) = staffed();
    let mut new = credential("ria");
    new.id = b"ria's second".to_vec();
    new.public_key = credential("ria-2").public_key;
    let change = Change::ResetCredentials {
        person: "ria".into(),
        credential: Box::new(new),
    };
    propose(&mut exchange, "c1", "ada", change.clone());
    assert_eq!(
        exchange.count(|e| matches!(e, Event::Authority(AuthorityEvent::NoticeGiven { to, .. }) if to.len() > 10)),
        1
    );
    let own = staff.say(&mut exchange, "c1", ("ria", "risk"), |_| {});
    assert_eq!(code(&own), "self_approval");
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
    ] {
        staff.approve(&mut exchange, "c1", who, role);
    }
    assert!(matches!(
        stands(&exchange, "c1"),
        Standing::Held(Reason::CoolOff { .. })
    ));
    // Two places at once: it is held back until another person looks.
    let sign_in = |place: &str| {
        Body::OfAuthority(AuthorityCommand::RecordSignIn {
            credential: credential("ria").id,
            device: "laptop".into(),
            place: place.into(),
        })
    };
    exchange.ask(None, Some("ria"), sign_in("KR-11"));
    exchange.pass(10 * MINUTE);
    exchange.ask(None, Some("ria"), sign_in("BR-SP"));
    exchange.pass(7 * DAY);
    assert!(matches!(
        stands(&exchange, "c1"),
        Standing::Held(Reason::FindingStands { .. })
    ));
    let clear = |staff: &mut Staff, exchange: &mut Exchange, who: &str, role: &str| {
        let proof = Box::new(staff.proof(exchange, "finding-0", (who, role), |_| {}));
        exchange.ask(
            None,
            Some(who),
            Body::OfAuthority(AuthorityCommand::ClearFinding { finding: 0, proof }),
        )
    };
    assert_eq!(
        code(&clear(&mut staff, &mut exchange, "ria", "risk")),
        "self_approval"
    );
    assert_eq!(
        code(&clear(&mut staff, &mut exchange, "tom", "treasury")),
        "role_missing"
    );
    assert_eq!(
        clear(&mut staff, &mut exchange, "sue", "security").answer,
        Answer::Recorded
    );
    exchange.pass(0);
    assert_eq!(stands(&exchange, "c1"), Standing::Cleared);
    // The old key is nobody's any more.
    exchange.ask(Some("w1"), None, withdraw(1_600));
    let old = staff.say(&mut exchange, "w1", ("ria", "risk"), |_| {});
    assert_eq!(code(&old), "credential_inactive");
    // The new one counts, but for a large action so soon another person must look first.
    let new = |staff: &mut Staff, exchange: &mut Exchange| {
        let reply = staff.say(exchange, "w1", ("ria", "risk"), |draft| {
            draft.credential = b"ria's second".to_vec();
            draft.signer = "ria-2".into();
        });
        String::from(code(&reply))
    };
    assert_eq!(new(&mut staff, &mut exchange), "finding_stands");
    let proof = Box::new(staff.proof(&exchange, "finding-1", ("sue", "security"), |_| {}));
    exchange.ask(
        None,
        Some("sue"),
        Body::OfAuthority(AuthorityCommand::ClearFinding { finding: 1, proof }),
    );
    assert_eq!(new(&mut staff, &mut exchange), "recorded");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn anybody_who_approves_may_cancel_a_reset() {
    let (mut exchange, mut staff) = staffed();
    let mut new = credential("ria");
    new.id = b"a thief's".to_vec();
    new.public_key = credential("a thief").public_key;
    let change = Change::ResetCredentials {
        person: "ria".into(),
        credential: Box::new(new),
    };
    propose(&mut exchange, "c1", "ada", change);
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
    ] {
        staff.approve(&mut exchange, "c1", who, role);
    }
    let target = "c1".into();
    exchange.ask(None, Some("ria"), Body::CancelChange { target });
    exchange.pass(8 * DAY);
    assert!(matches!(stands(&exchange, "c1"), Standing::Denied(_)));
}

#[test]
fn unusual_hours_ask_for_one_approval_more() {
    let (mut exchange, mut staff) = staffed();
    exchange.ask(Some("w1"), None, withdraw(1_600));
    let mut quiet = exchange.state.authority.rules.clone().unwrap();
    quiet.findings.usual_minutes = (10 * 60, 18 * 60);
    let found = quiet
        .findings
        .of_sign_in(&Default::default(), exchange.at, "d", "KR");
    assert_eq!(
        found.len(),
        1,
        "midnight in UTC is nine in the morning in Seoul: {found:?}"
    );
    // Under rules with such hours.
    exchange.state.authority.rules = Some(quiet);
    let body = Body::OfAuthority(AuthorityCommand::RecordSignIn {
        credential: credential("ria").id,
        device: "laptop".into(),
        place: "KR".into(),
    });
    exchange.ask(None, Some("ria"), body);
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "quorum_short");
    staff.approve(&mut exchange, "w1", "tia", "treasury");
    assert_eq!(exchange.why("w1"), "cleared");
}

#[test]
fn sealed_keys_freeze_and_sweep_and_close_everything_else_for_four_hours() {
    let (mut exchange, mut staff) = staffed();
    let sweep = Change::BreakGlass(BreakGlass::Sweep {
        wallet: "hot".into(),
    });
    propose(&mut exchange, "g1", "seal-1", sweep);
    // No other key counts for them, and they count for nothing else.
    let reply = staff.say(&mut exchange, "g1", ("ada", "administrator"), |_| {});
    assert_eq!(code(&reply), "role_missing");
    exchange.ask(Some("w0"), None, withdraw(1_600));
    let reply = staff.say(&mut exchange, "w0", ("seal-1", "sealed"), |_| {});
    assert_eq!(code(&reply), "role_missing");
    for seal in ["seal-1", "seal-2", "seal-3"] {
        staff.approve(&mut exchange, "g1", seal, "sealed");
    }
    let swept = |e: &Event| matches!(e, Event::SweepOrdered { to, .. } if Some(*to) == crate::exchange::policy().sweep_to);
    assert_eq!(exchange.count(swept), 1, "to the registered cold wallet");
    exchange.ask(Some("w1"), None, withdraw(10));
    assert_eq!(exchange.why("w1"), "break_glass_open");
    let listing = Change::ListDestination {
        address: "0xb".into(),
    };
    assert_eq!(
        code(&propose(&mut exchange, "l1", "ole", listing)),
        "break_glass_open"
    );
    assert_eq!(
        propose(&mut exchange, "h1", "ole", halt("all")).answer,
        Answer::Cleared
    );
    propose(&mut exchange, "r1", "ria", resume("all"));
    staff.approve(&mut exchange, "r1", "ria", "risk");
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    exchange.pass(4 * HOUR);
    exchange.ask(Some("w2"), None, withdraw(10));
    assert_eq!(exchange.why("w2"), "cleared");
}

#[test]
fn three_mismatches_within_ten_minutes_halt_the_wallet() {
    for (apart, halted) in [(4 * MINUTE, true), (5 * MINUTE, false)] {
        let (mut exchange, _) = staffed();
        exchange.ask(Some("w1"), None, withdraw(10));
        let other = |units| Body::RedeemClearance {
            target: "w1".into(),
            operations: vec![Operation {
                op: "transfer".into(),
                to: "0xlistedlist01".into(),
                asset: "BTC".into(),
                units,
                inner: Vec::new(),
            }],
            attested: Some([7; 32]),
        };
        for units in 11..14 {
            assert_eq!(
                code(&exchange.ask(None, None, other(units))),
                "payload_mismatch"
            );
            exchange.pass(apart);
        }
        let hot = exchange.state.registry.wallet("hot").unwrap();
        assert_eq!(
            exchange
                .state
                .breaker
                .tripped
                .contains_key(&Scope::Wallet(hot)),
            halted
        );
    }
}
