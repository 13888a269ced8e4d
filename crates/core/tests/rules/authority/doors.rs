//! Ways around a quorum, each of them shut: what a review found and what must stay refused.

use super::{halt, propose, resume, stands, withdraw};
use crate::exchange::{BTC, DAY, Exchange, HOUR, MINUTE, code, policy};
use crate::judging::{approve, rule};
use crate::staff::{Draft, Staff, credential, enrolment, rules, spoil, staffed};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::asked::asked_of;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::NewCredential;
use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::authority::rules::{RelyingParty, Rules};
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::{Body, NewCreditLine};
use keepwhole_core::custody::Direction;
use keepwhole_core::event::{AuthorityEvent, Event};
use keepwhole_core::guard::{BreakGlass, Change, Standing};
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::rule::{Outcome, Rules as PolicyRules, Test};
use keepwhole_core::reason::Reason;

/// An exchange with everybody enrolled, whose policy asks three roles for every withdrawal.
fn under(roles: &[&str], needs: u32) -> (Exchange, Staff) {
    let mut policy = policy();
    policy.clears.clear();
    policy.tiers.clear();
    let small = vec![(Field::Amount(BTC), Test::Below(u128::MAX))];
    policy.rules = PolicyRules::new(vec![
        rule("all", small.clone(), Outcome::Clear),
        rule("people", small, approve(needs, roles, 0)),
    ]);
    let mut exchange = Exchange::under(policy);
    let mut staff = Staff::default();
    staff.settle(&mut exchange);
    (exchange, staff)
}

fn spare(name: &str) -> NewCredential {
    NewCredential {
        id: name.as_bytes().to_vec(),
        public_key: credential(name).public_key,
        ..credential("ria")
    }
}

fn three(staff: &mut Staff, exchange: &mut Exchange, id: &str) {
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
    ] {
        staff.approve(exchange, id, who, role);
    }
}

fn sign_in(exchange: &mut Exchange, who: &str, device: &str, place: &str) {
    let body = Body::OfAuthority(AuthorityCommand::RecordSignIn {
        credential: credential(who).id,
        device: device.into(),
        place: place.into(),
    });
    exchange.ask(None, Some(who), body);
}

fn clear(staff: &mut Staff, exchange: &mut Exchange, finding: u32) {
    let id = format!("finding-{finding}");
    let proof = Box::new(staff.proof(exchange, &id, ("sue", "security"), |_| {}));
    let body = Body::OfAuthority(AuthorityCommand::ClearFinding { finding, proof });
    assert_eq!(
        exchange.ask(None, Some("sue"), body).answer,
        Answer::Recorded
    );
}

fn rejects(draft: &mut Draft) {
    draft.decision = Decision::Reject;
}

/// An outflow that nothing explains, as two nodes see it.
fn drained(exchange: &mut Exchange, txid: &str) {
    for node in ["n1", "n2"] {
        exchange.seen(node, Direction::Out, txid, 500, "0xthief", 9);
    }
}

#[test]
fn a_rule_may_ask_for_a_role_that_the_class_does_not_count() {
    // As the shipped policy for large exchanges does under the usual rules.
    let (mut exchange, mut staff) = under(&["executive", "risk", "treasury"], 3);
    exchange.ask(Some("w1"), None, withdraw(900));
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_ne!(exchange.why("w1"), "cleared");
    staff.approve(&mut exchange, "w1", "eva", "executive");
    assert_eq!(exchange.why("w1"), "cleared");
    // A role beside the class's own two asks for a third person, whatever the rule's number.
    let (mut exchange, mut staff) = under(&["legal"], 1);
    exchange.ask(Some("w1"), None, withdraw(900));
    let asked = asked_of(&exchange.state, Target::Request(0), exchange.at).unwrap();
    assert_eq!(asked.quorum.persons, 3);
    assert!(asked.quorum.among.contains(&"legal".into()));
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "quorum_short");
    staff.approve(&mut exchange, "w1", "tia", "legal");
    assert_eq!(exchange.why("w1"), "cleared");
}

#[test]
fn a_proof_before_a_request_is_judged_again_is_held_against_the_new_policy() {
    let (mut exchange, mut staff) = under(&["risk", "treasury"], 2);
    exchange.ask(Some("first"), None, withdraw(900));
    exchange.ask(Some("asked"), None, withdraw(900));
    let mut next = exchange.state.guard.policy.clone();
    next.version += 1;
    let all = vec![(Field::Amount(BTC), Test::Below(u128::MAX))];
    let more = rule("more", all, approve(3, &["executive"], 0));
    next.rules = PolicyRules::new(next.rules.iter().cloned().chain([more]).collect());
    let change = Change::AdoptPolicy(Box::new(next));
    let reply = propose(&mut exchange, "tighter", "sue", change);
    assert_eq!(reply.answer, Answer::Cleared);
    // The old policy did not ask for an executive, and two people were enough.
    staff.approve(&mut exchange, "asked", "eva", "executive");
    staff.approve(&mut exchange, "asked", "ria", "risk");
    assert_eq!(exchange.why("asked"), "quorum_short");
    staff.approve(&mut exchange, "asked", "tom", "treasury");
    assert_eq!(exchange.why("asked"), "cleared");
    assert!(exchange.state.guard.again.contains(&0), "not its turn yet");
    exchange.pass(0);
    let asked = asked_of(&exchange.state, Target::Request(0), exchange.at).unwrap();
    assert_eq!(asked.quorum.persons, 3);
    assert_eq!(exchange.why("first"), "quorum_short");
}

#[test]
fn all_lines_of_a_batch_count_towards_the_approver_client() {
    let mut policy = policy();
    policy.holdings_guard = false;
    for budget in &mut policy.budgets {
        (budget.total, budget.per_customer) = (10_000, 10_000);
    }
    let mut exchange = Exchange::under(policy);
    let mut staff = Staff::default();
    staff.settle(&mut exchange);
    let line = |customer: &str, units| NewCreditLine {
        customer: customer.into(),
        asset: "BTC".into(),
        units,
    };
    for (id, units, says) in [
        ("c1", 900, "approved"),
        ("c2", 1_000, "separate_client_needed"),
    ] {
        // Neither line alone reaches 1,900.
        let body = Body::RequestCredit {
            reason: "goodwill".into(),
            budget: "checked".into(),
            lines: vec![line("alice", 50), line("bob", units), line("carol", 900)],
        };
        exchange.ask(Some(id), None, body);
        let target = Target::of(&exchange.state, id).unwrap();
        let command = asked_of(&exchange.state, target, exchange.at)
            .unwrap()
            .command;
        let sum = (950 + units).to_string();
        assert_eq!(command.field("asset"), Some("BTC"));
        assert_eq!(command.field("amount"), Some(sum.as_str()));
        let reply = staff.say(&mut exchange, id, ("ria", "risk"), |draft| {
            spoil(draft, "console");
        });
        let said = if reply.answer == Answer::Recorded {
            "approved"
        } else {
            code(&reply)
        };
        assert_eq!(said, says, "{id}");
    }
    let mut next = rules();
    next.version = 2;
    next.separate_from[0].asset = "BITCOIN".into();
    let change = Change::AdoptAuthority(Box::new(next));
    assert_eq!(
        code(&propose(&mut exchange, "a1", "ada", change)),
        "unknown_asset"
    );
}

#[test]
fn an_alarm_takes_over_what_a_person_stopped() {
    let (mut exchange, mut staff) = staffed();
    propose(&mut exchange, "h1", "ole", halt("hot"));
    // Proposed while it was one person's; approved by one.
    propose(&mut exchange, "r1", "ria", resume("hot"));
    staff.approve(&mut exchange, "r1", "ria", "risk");
    drained(&mut exchange, "0xfirst");
    drained(&mut exchange, "0xsecond");
    assert_eq!(
        exchange.count(|e| matches!(e, Event::SweepOrdered { .. })),
        1
    );
    // The clock that a block of the wallet starts, fifth of the duties.
    assert_eq!(
        exchange.count(|e| matches!(e, Event::ClockStarted { duty: 4, .. })),
        1
    );
    let hot = Scope::Wallet(exchange.state.registry.wallet("hot").unwrap());
    assert!(!exchange.state.authority.stops.contains_key(&hot));
    // The old proposal lifts nothing any more.
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    assert_eq!(stands(&exchange, "r1"), Standing::Lapsed);
    assert!(exchange.state.breaker.tripped.contains_key(&hot));
    propose(&mut exchange, "r2", "ria", resume("hot"));
    let (number, _) = exchange.state.guard.proposal("r2").unwrap();
    let matter = &exchange.state.authority.matters[&Target::Change(number)];
    assert_eq!(matter.class, Class::Resume);
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn an_old_proposal_to_reinstate_is_overtaken_by_the_quorum_that_kept_it() {
    let (mut exchange, mut staff) = staffed();
    let suspend = Change::Revoke {
        actor: "rob".into(),
    };
    propose(&mut exchange, "s1", "sue", suspend);
    let back = Change::Reinstate {
        person: "rob".into(),
    };
    propose(&mut exchange, "b1", "tom", back);
    staff.approve(&mut exchange, "b1", "tom", "treasury");
    staff.approve(&mut exchange, "s1", "sue", "security");
    staff.approve(&mut exchange, "s1", "eva", "executive");
    staff.approve(&mut exchange, "b1", "tia", "treasury");
    assert_eq!(stands(&exchange, "b1"), Standing::Lapsed);
    let rob = exchange.state.registry.person("rob").unwrap();
    assert!(exchange.state.authority.suspended.contains_key(&rob));
}

#[test]
fn nothing_is_said_after_the_verdict_but_one_rejection_before_it_is_used() {
    let (mut exchange, mut staff) = staffed();
    let before = exchange.balance("alice", BTC);
    exchange.ask(Some("w1"), None, withdraw(1_600));
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(exchange.balance("alice", BTC), before - 1_600);
    for (who, role) in [("rob", "risk"), ("ria", "finance"), ("tia", "treasury")] {
        let late = staff.say(&mut exchange, "w1", (who, role), |_| {});
        assert_eq!(code(&late), "collection_over", "{who}");
    }
    let no = staff.say(&mut exchange, "w1", ("rob", "risk"), rejects);
    assert_eq!(no.answer, Answer::Recorded);
    assert_eq!(exchange.why("w1"), "rejected_by_approver");
    assert_eq!(exchange.balance("alice", BTC), before);
    let late = staff.say(&mut exchange, "w1", ("tia", "treasury"), rejects);
    assert_eq!(code(&late), "rejected_by_approver");
    exchange.pass(DAY);
    assert_eq!(exchange.balance("alice", BTC), before, "given back once");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn an_approval_that_ended_may_be_given_again_and_a_voice_ends_with_its_key_or_role() {
    let (mut exchange, mut staff) = staffed();
    exchange.ask(Some("w1"), None, withdraw(1_600));
    staff.approve(&mut exchange, "w1", "ria", "risk");
    exchange.pass(HOUR);
    staff.approve(&mut exchange, "w1", "ria", "risk");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "cleared");
    // A key that ends takes the words along that were given with it.
    let end = Change::EndCredential {
        credential: credential("rob").id,
    };
    propose(&mut exchange, "e1", "ada", end);
    three(&mut staff, &mut exchange, "e1");
    exchange.pass(HOUR);
    let next = Change::ListDestination {
        address: "0xnext".into(),
    };
    propose(&mut exchange, "l1", "ole", next);
    staff.approve(&mut exchange, "l1", "rob", "risk");
    staff.approve(&mut exchange, "l1", "oda", "operations");
    assert!(matches!(
        stands(&exchange, "l1"),
        Standing::Held(Reason::CoolOff { .. })
    ));
    exchange.pass(DAY);
    let ended = exchange.state.authority.credential(&credential("rob").id);
    assert!(ended.unwrap().1.until.is_some());
    let Standing::Held(Reason::QuorumShort { missing, .. }) = stands(&exchange, "l1") else {
        panic!("{:?}", stands(&exchange, "l1"));
    };
    assert_eq!(missing, "risk");
}

#[test]
fn a_second_key_is_a_reset_in_all_but_the_old_keys_end() {
    let (mut exchange, mut staff) = staffed();
    // The end of the bootstrap is recorded; before it keys are given without notice.
    exchange.pass(0);
    assert!(exchange.state.authority.completed.is_some());
    let told = |exchange: &Exchange| {
        exchange.count(|e| matches!(e, Event::Authority(AuthorityEvent::NoticeGiven { .. })))
    };
    let enrol = Change::EnrolCredential {
        person: "ria".into(),
        credential: Box::new(spare("ria-2")),
    };
    propose(&mut exchange, "k1", "ada", enrol);
    assert_eq!(told(&exchange), 1);
    three(&mut staff, &mut exchange, "k1");
    exchange.pass(DAY);
    assert_eq!(stands(&exchange, "k1"), Standing::Cleared);
    exchange.ask(Some("w1"), None, withdraw(1_600));
    let reply = staff.say(&mut exchange, "w1", ("ria", "risk"), |_| {});
    assert_eq!(code(&reply), "finding_stands");
    // An account more of somebody known is the same door.
    let mut second = enrolment("tom-2", &["risk"], exchange.at + DAY * 30);
    second.person = "tom".into();
    propose(
        &mut exchange,
        "k2",
        "ada",
        Change::EnrolPerson(Box::new(second)),
    );
    assert_eq!(told(&exchange), 2);
    let own = staff.say(&mut exchange, "k2", ("tom", "treasury"), |_| {});
    assert_eq!(code(&own), "self_approval");
    // Somebody new is not.
    let new = enrolment("kim", &["risk"], exchange.at + DAY * 30);
    propose(
        &mut exchange,
        "k3",
        "ada",
        Change::EnrolPerson(Box::new(new)),
    );
    assert_eq!(told(&exchange), 2);
}

#[test]
fn soon_after_a_reset_all_but_stops_are_looked_at() {
    let (mut exchange, mut staff) = staffed();
    exchange.pass(0);
    let enrol = Change::EnrolCredential {
        person: "ria".into(),
        credential: Box::new(spare("ria-2")),
    };
    propose(&mut exchange, "k1", "ada", enrol);
    three(&mut staff, &mut exchange, "k1");
    exchange.pass(DAY);
    propose(&mut exchange, "h1", "ole", halt("hot"));
    propose(&mut exchange, "r1", "ole", resume("hot"));
    staff.approve(&mut exchange, "r1", "ria", "risk");
    let listing = Change::ListDestination {
        address: "0xnext".into(),
    };
    propose(&mut exchange, "l1", "ole", listing);
    let reply = staff.say(&mut exchange, "l1", ("ria", "risk"), |_| {});
    assert_eq!(code(&reply), "finding_stands");
}

#[test]
fn nobody_approves_what_gives_himself_roles() {
    let (mut exchange, mut staff) = staffed();
    let grant = Change::Grant {
        actor: "sue".into(),
        role: "executive".into(),
        expires: Some(exchange.at + DAY),
    };
    let renew = Change::RenewRoles {
        actor: "sue".into(),
        expires: exchange.at + 80 * DAY,
    };
    for (id, change) in [("g1", grant), ("g2", renew)] {
        propose(&mut exchange, id, "ada", change);
        let own = staff.say(&mut exchange, id, ("sue", "security"), |_| {});
        assert_eq!(code(&own), "self_approval", "{id}");
        staff.approve(&mut exchange, id, "ada", "administrator");
    }
}

#[test]
fn whoever_stopped_or_is_suspended_does_not_reject_the_lifting() {
    let (mut exchange, mut staff) = staffed();
    propose(&mut exchange, "h1", "ole", halt("hot"));
    propose(&mut exchange, "r1", "ria", resume("hot"));
    let own = staff.say(&mut exchange, "r1", ("ole", "operations"), rejects);
    assert_eq!(code(&own), "self_approval");
    let suspend = Change::Revoke {
        actor: "rob".into(),
    };
    propose(&mut exchange, "s1", "sue", suspend);
    let out = staff.say(&mut exchange, "r1", ("rob", "risk"), rejects);
    assert_eq!(code(&out), "suspended");
    // He may help to lift it.
    staff.approve(&mut exchange, "r1", "rob", "risk");
    staff.approve(&mut exchange, "r1", "tom", "treasury");
    assert_eq!(stands(&exchange, "r1"), Standing::Cleared);
}

#[test]
fn a_matured_change_waits_for_the_glass_and_for_every_finding() {
    // Sealed keys are used in its last hour: it comes into force when they close nothing any more.
    let (mut exchange, mut staff) = staffed();
    let listing = Change::ListDestination {
        address: "0xnext".into(),
    };
    propose(&mut exchange, "l1", "ole", listing);
    staff.approve(&mut exchange, "l1", "ria", "risk");
    staff.approve(&mut exchange, "l1", "oda", "operations");
    exchange.pass(DAY - HOUR);
    let freeze = Change::BreakGlass(BreakGlass::Freeze {
        scope: "hot".into(),
    });
    propose(&mut exchange, "g1", "seal-1", freeze);
    for seal in ["seal-1", "seal-2", "seal-3"] {
        staff.approve(&mut exchange, "g1", seal, "sealed");
    }
    exchange.pass(2 * HOUR);
    assert!(matches!(stands(&exchange, "l1"), Standing::Held(_)));
    exchange.pass(2 * HOUR);
    assert_eq!(stands(&exchange, "l1"), Standing::Cleared);
    // Two findings, cleared in either order; with the quorum gone meanwhile it stays out.
    for (order, gone) in [([0, 1], false), ([1, 0], false), ([0, 1], true)] {
        let (mut exchange, mut staff) = staffed();
        let reset = Change::ResetCredentials {
            person: "ria".into(),
            credential: Box::new(spare("ria-2")),
        };
        propose(&mut exchange, "c1", "ada", reset);
        three(&mut staff, &mut exchange, "c1");
        sign_in(&mut exchange, "ria", "laptop", "KR-11");
        exchange.pass(10 * MINUTE);
        sign_in(&mut exchange, "ria", "phone", "BR-SP");
        assert_eq!(exchange.state.authority.findings.len(), 2);
        exchange.pass(7 * DAY);
        if gone {
            let stop = Change::Revoke {
                actor: "eva".into(),
            };
            propose(&mut exchange, "s1", "ada", stop);
        }
        clear(&mut staff, &mut exchange, order[0]);
        exchange.pass(0);
        assert!(matches!(
            stands(&exchange, "c1"),
            Standing::Held(Reason::FindingStands { .. } | Reason::QuorumShort { .. })
        ));
        clear(&mut staff, &mut exchange, order[1]);
        exchange.pass(0);
        assert_eq!(
            stands(&exchange, "c1") == Standing::Cleared,
            !gone,
            "{order:?}"
        );
        assert_eq!(exchange.state, exchange.folded_again());
    }
}

#[test]
fn looser_rules_beside_quorums_ask_for_the_most_of_any_class() {
    type Loosen = fn(&mut Rules);
    let cases: [(Loosen, bool); 8] = [
        (
            |r| {
                r.relying_parties.push(RelyingParty {
                    id: "thief.example".into(),
                    origins: vec!["https://thief.example".into()],
                    separate: false,
                });
            },
            true,
        ),
        (|r| r.separate_from.clear(), true),
        (|r| r.separate_from[0].from += 1, true),
        (|r| r.separate_from[0].from -= 1, false),
        (|r| r.device_bound_roles.clear(), true),
        (|r| r.clearers.push("risk".into()), true),
        (|r| r.proposers.clear(), false),
        (|r| r.touch_ms -= 1, false),
    ];
    let (mut exchange, _) = staffed();
    for (place, (loosen, looser)) in cases.into_iter().enumerate() {
        let mut next = rules();
        next.version = 2;
        loosen(&mut next);
        let id = format!("a{place}");
        let change = Change::AdoptAuthority(Box::new(next));
        propose(&mut exchange, &id, "ada", change);
        let target = Target::of(&exchange.state, &id).unwrap();
        let quorum = asked_of(&exchange.state, target, exchange.at)
            .unwrap()
            .quorum;
        let most = (quorum.persons, quorum.distinct_roles, quorum.cool_off_ms);
        let expected = if looser { (4, 3, 7 * DAY) } else { (3, 0, DAY) };
        assert_eq!(most, expected, "{id}");
    }
    // An altered class hands on its roles.
    let mut next = rules();
    next.version = 2;
    next.quorums[0].persons = 3;
    let change = Change::AdoptAuthority(Box::new(next));
    propose(&mut exchange, "b1", "ada", change);
    let target = Target::of(&exchange.state, "b1").unwrap();
    let quorum = asked_of(&exchange.state, target, exchange.at)
        .unwrap()
        .quorum;
    assert_eq!(
        quorum.required,
        ["security", "executive", "risk", "treasury"]
    );
    assert_eq!(quorum.persons, 4);
}

#[test]
fn no_request_is_called_like_a_finding_and_a_name_on_a_network_changes_no_question() {
    let (mut exchange, mut staff) = staffed();
    let reply = exchange.ask(Some("finding-0"), None, withdraw(10));
    assert_eq!(code(&reply), "malformed");
    assert_eq!(Target::of(&exchange.state, "finding-0"), None);
    sign_in(&mut exchange, "ria", "laptop", "KR-11");
    sign_in(&mut exchange, "ria", "phone", "KR-11");
    assert_eq!(
        Target::of(&exchange.state, "finding-0"),
        Some(Target::Finding(0))
    );
    // A withdrawal with terms, whose asset is named while it waits.
    let intent = keepwhole_core::command::NewIntent {
        customer: "alice".into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units: 1_600,
        to: "0xlistedlist01".into(),
        memo: String::new(),
        max_fee: 10,
        expires: None,
    };
    exchange.ask(Some("w1"), None, Body::RequestIntent(Box::new(intent)));
    let (number, _) = exchange.state.guard.request("w1").unwrap();
    let asked = |exchange: &Exchange| {
        let asked = asked_of(&exchange.state, Target::Request(number), exchange.at);
        asked.expect("it can be told").command
    };
    let before = asked(&exchange);
    assert_eq!(before.field("action"), Some("request-withdrawal"));
    let name = Change::NameAsset {
        asset: "BTC".into(),
        caip19: "bip122:000000000019d6689c085ae165831e93/slip44:0".into(),
    };
    propose(&mut exchange, "n1", "ada", name);
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
        ("ole", "operations"),
    ] {
        staff.approve(&mut exchange, "n1", who, role);
    }
    exchange.pass(2 * DAY);
    assert_eq!(stands(&exchange, "n1"), Standing::Cleared);
    assert_eq!(asked(&exchange), before);
}
