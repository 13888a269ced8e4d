//! Approvals with proof, and what comes before anything is cleared.

use super::{halt, propose, withdraw};
use crate::exchange::{DAY, Exchange, code};
use crate::staff::{ADMINISTRATORS, Staff, bootstrap, enrolment, spoil, staffed};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::authority::people;
use keepwhole_core::authority::rules::ROLE_MAX_MS;
use keepwhole_core::command::Body;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Tier, Wallet};

#[test]
fn a_withdrawal_above_the_limit_clears_by_two_persons_in_two_roles() {
    let (mut exchange, mut staff) = staffed();
    exchange.ask(Some("w1"), Some("requester"), withdraw(1_600));
    assert_eq!(exchange.why("w1"), "approvals_short");
    staff.approve(&mut exchange, "w1", "ria", "risk");
    assert_eq!(exchange.why("w1"), "quorum_short");
    // A second word of the same person is none.
    for (role, says) in [("risk", "same_person"), ("finance", "role_missing")] {
        let again = staff.say(&mut exchange, "w1", ("ria", role), |_| {});
        assert_eq!(code(&again), says);
    }
    // The same role by another person fills nothing.
    staff.approve(&mut exchange, "w1", "rob", "risk");
    assert_eq!(exchange.why("w1"), "quorum_short");
    staff.approve(&mut exchange, "w1", "tom", "treasury");
    assert_eq!(exchange.why("w1"), "cleared");
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn the_order_of_approvals_makes_no_difference() {
    let voices = [("ria", "risk"), ("rob", "risk"), ("tom", "treasury")];
    for order in [
        &[0, 1, 2][..],
        &[1, 0, 2],
        &[0, 2],
        &[1, 2],
        &[2, 0],
        &[2, 1],
    ] {
        let (mut exchange, mut staff) = staffed();
        exchange.ask(Some("w1"), None, withdraw(1_600));
        for place in order {
            let (who, role) = voices[*place];
            staff.approve(&mut exchange, "w1", who, role);
        }
        assert_eq!(exchange.why("w1"), "cleared", "{order:?}");
    }
}

#[test]
fn one_rejection_ends_it_and_a_repeat_of_a_proof_changes_nothing() {
    let (mut exchange, mut staff) = staffed();
    exchange.ask(Some("w1"), None, withdraw(1_600));
    let proof = Box::new(staff.proof(&exchange, "w1", ("ria", "risk"), |_| {}));
    let body = Body::OfAuthority(AuthorityCommand::Decide {
        target: "w1".into(),
        proof,
    });
    assert!(!exchange.ask(None, Some("ria"), body.clone()).repeated);
    let before = exchange.records.len();
    assert!(exchange.ask(None, Some("ria"), body.clone()).repeated);
    assert_eq!(exchange.records.len(), before + 1, "only the answer");
    // The same proof on another request is another command.
    exchange.ask(Some("w2"), None, withdraw(1_600));
    let Body::OfAuthority(AuthorityCommand::Decide { proof, .. }) = body else {
        panic!("it is a decision");
    };
    let target = "w2".into();
    let reply = exchange.ask(
        None,
        Some("ria"),
        Body::OfAuthority(AuthorityCommand::Decide { target, proof }),
    );
    assert_eq!(code(&reply), "approval_replayed");
    staff.say(&mut exchange, "w1", ("tom", "treasury"), |draft| {
        draft.decision = Decision::Reject;
    });
    assert_eq!(exchange.why("w1"), "rejected_by_approver");
    let late = staff.say(&mut exchange, "w1", ("tia", "treasury"), |_| {});
    assert_eq!(code(&late), "rejected_by_approver");
    assert_eq!(exchange.why("w1"), "rejected_by_approver");
}

#[test]
fn the_requester_is_no_approver_and_a_thief_with_every_session_gets_nothing() {
    let (mut exchange, mut staff) = staffed();
    exchange.ask(Some("w1"), Some("ria"), withdraw(1_600));
    let reply = staff.say(&mut exchange, "w1", ("ria", "risk"), |_| {});
    assert_eq!(code(&reply), "self_approval");
    // Every account's name, and no key: whatever is tried leaves the request where it is.
    for by in [
        "ada",
        "ria",
        "rob",
        "tom",
        "tia",
        "sue",
        "eva",
        "approver-1",
        "admin-1",
    ] {
        let plain = Body::Approve {
            target: "w1".into(),
            nonce: by.into(),
            binds: None,
            seen: None,
        };
        assert_eq!(
            code(&exchange.ask(None, Some(by), plain)),
            "assertion_missing"
        );
        let change = Body::ApproveChange {
            target: "enrol-ria".into(),
        };
        assert_eq!(
            code(&exchange.ask(None, Some(by), change)),
            "assertion_missing"
        );
    }
    for wrong in [
        "tail", "unknown", "other", "old", "command", "origin", "site", "unseen", "forged",
    ] {
        let reply = staff.say(&mut exchange, "w1", ("tom", "treasury"), |draft| {
            spoil(draft, wrong);
        });
        assert!(
            matches!(reply.answer, Answer::Denied(_)),
            "{wrong}: {reply:?}"
        );
    }
    // Nor can wallets, people or policies be slipped in beside the quorum.
    let own = Wallet {
        id: "mine".into(),
        tier: Tier::Operational,
        address: "0xthiefthief1".into(),
    };
    let account = Body::EnrolActor {
        id: "mallory".into(),
        person: "mallory".into(),
        roles: Vec::new(),
        expires: None,
    };
    let policy = exchange.state.guard.policy.clone();
    let own = exchange.ask(None, Some("ada"), Body::RegisterWallet(own));
    assert_eq!(code(&own), "proposal_needed");
    for body in [
        account,
        Body::AdoptPolicy(Box::new(policy)),
        bootstrap(exchange.at),
    ] {
        assert_eq!(code(&exchange.ask(None, Some("ada"), body)), "malformed");
    }
    assert!(matches!(exchange.standing("w1"), Standing::Held(_)));
}

#[test]
fn nothing_is_cleared_before_every_quorum_can_be_filled() {
    let mut exchange = Exchange::new();
    let mut staff = Staff::default();
    exchange.told(bootstrap(exchange.at));
    exchange.ask(Some("w1"), None, withdraw(10));
    let Standing::Held(Reason::BootstrapIncomplete { class, lacks }) = exchange.standing("w1")
    else {
        panic!("{:?}", exchange.standing("w1"));
    };
    assert_eq!(
        (class.as_str(), lacks.as_str()),
        ("withdrawal", "0 of 2 people, nobody for risk|treasury")
    );
    // Administrators may enrol, halt and adopt the first policy, and nothing else.
    let listing = Change::ListDestination {
        address: "0xa".into(),
    };
    assert_eq!(
        code(&propose(&mut exchange, "l1", "ada", listing)),
        "bootstrap_incomplete"
    );
    assert_eq!(
        propose(&mut exchange, "h1", "ada", halt("trading")).answer,
        Answer::Cleared
    );
    let enrol = Change::EnrolPerson(Box::new(enrolment("ria", &["risk"], exchange.at + DAY)));
    propose(&mut exchange, "e1", "ada", enrol);
    staff.approve(&mut exchange, "e1", "ada", "administrator");
    assert!(
        exchange.state.registry.person("ria").is_none(),
        "one is not enough"
    );
    staff.approve(&mut exchange, "e1", "cem", "administrator");
    assert!(exchange.state.registry.person("ria").is_some());
    let (full, _) = staffed();
    assert_eq!(people::standing(&full.state, full.at), Ok(()));
    assert!(people::standing(&exchange.state, exchange.at).is_err());
    assert!(
        people::standing(&Exchange::new().state, 0).is_err(),
        "without rules nobody may"
    );
}

#[test]
fn a_bootstrap_is_three_persons_once() {
    let mut exchange = Exchange::new();
    let Body::OfAuthority(AuthorityCommand::Bootstrap {
        rules,
        administrators,
    }) = bootstrap(exchange.at)
    else {
        panic!("it is a bootstrap");
    };
    let with = |administrators| {
        Body::OfAuthority(AuthorityCommand::Bootstrap {
            rules: rules.clone(),
            administrators,
        })
    };
    let mut twice = administrators.clone();
    twice[1].person = twice[0].person.clone();
    let mut shared = administrators.clone();
    shared[1].credentials = shared[0].credentials.clone();
    let mut other = administrators.clone();
    other[2].roles = vec!["risk".into()];
    let mut long = administrators.clone();
    long[0].expires = exchange.at + ROLE_MAX_MS + 1;
    for (wrong, says) in [
        (administrators[..2].to_vec(), "malformed"),
        (twice, "malformed"),
        (shared, "malformed"),
        (other, "malformed"),
        (long, "role_too_long"),
    ] {
        assert_eq!(code(&exchange.ask(None, None, with(wrong))), says);
    }
    exchange.told(with(administrators.clone()));
    assert_eq!(
        code(&exchange.ask(None, None, with(administrators))),
        "malformed"
    );
    assert_eq!(
        exchange.state.authority.administrators.len(),
        ADMINISTRATORS.len()
    );
}

/// The roster of the question says who may answer it, and who lost the role since may no longer: `keepwhole-verify` says the
/// same of the same answers (docs/approvals.md, "Check").
#[test]
fn a_role_is_held_from_the_question_to_the_answer() {
    let (mut exchange, mut staff) = staffed();
    let grant = Change::Grant {
        actor: "ole".into(),
        role: "risk".into(),
        expires: Some(exchange.at + 30 * DAY),
    };
    propose(&mut exchange, "g1", "ada", grant);
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
    ] {
        staff.approve(&mut exchange, "g1", who, role);
    }
    exchange.pass(DAY - 60_000);
    exchange.ask(Some("w1"), Some("requester"), withdraw(1_600));
    let asked = exchange.state.position;
    exchange.pass(120_000);
    // `ole` has the role now, and had it not when it was asked.
    let reply = staff.say(&mut exchange, "w1", ("ole", "risk"), |_| {});
    let Some(Reason::RoleNotThen { role, index, since }) = reply.answer.reason() else {
        panic!("{reply:?}");
    };
    assert!(
        role == "risk" && *index < asked && asked <= *since,
        "{reply:?}"
    );
    // `ria` had it then; whoever loses it before the answer may not give it.
    let suspend = Change::Revoke {
        actor: "ria".into(),
    };
    assert_eq!(
        propose(&mut exchange, "r1", "sue", suspend).answer,
        Answer::Cleared
    );
    for (who, role) in [("bea", "administrator"), ("eva", "executive")] {
        staff.approve(&mut exchange, "r1", who, role);
    }
    let back = Change::Reinstate {
        person: "ria".into(),
    };
    propose(&mut exchange, "b1", "ada", back);
    let reply = staff.say(&mut exchange, "w1", ("ria", "risk"), |_| {});
    assert!(
        ["suspended", "role_missing", "credential_inactive"].contains(&code(&reply)),
        "{reply:?}"
    );
    // Asked anew, the new role counts.
    exchange.ask(Some("w2"), Some("requester"), withdraw(1_600));
    staff.approve(&mut exchange, "w2", "ole", "risk");
    staff.approve(&mut exchange, "w2", "tom", "treasury");
    assert_eq!(exchange.why("w2"), "cleared");
    assert_eq!(exchange.state, exchange.folded_again());
}

/// Roles that ended and are prolonged afterwards are held anew.
#[test]
fn a_role_that_had_ended_is_not_held_all_along() {
    let (mut exchange, mut staff) = staffed();
    let ends = exchange.state.registry.actors.iter();
    let ends = ends.filter_map(|actor| actor.expires).min().unwrap();
    let person = exchange.state.registry.person("ria").unwrap();
    let since = people::role_since(&exchange.state, person, "risk", exchange.at).unwrap();
    assert_eq!(
        people::role_since(&exchange.state, person, "legal", exchange.at),
        None
    );
    exchange.pass(DAY);
    let renew = |expires| Change::RenewRoles {
        actor: "ria".into(),
        expires,
    };
    let approve = |exchange: &mut Exchange, staff: &mut Staff, id: &str| {
        for (who, role) in [
            ("ada", "administrator"),
            ("sue", "security"),
            ("eva", "executive"),
        ] {
            staff.approve(exchange, id, who, role);
        }
        exchange.pass(DAY);
    };
    let until = exchange.at + 80 * DAY;
    propose(&mut exchange, "n1", "ada", renew(until));
    approve(&mut exchange, &mut staff, "n1");
    assert_eq!(
        people::role_since(&exchange.state, person, "risk", exchange.at),
        Some(since),
        "prolonged in time"
    );
    assert_eq!(
        people::role_since(&exchange.state, person, "risk", until),
        None
    );
    assert!(ends < exchange.at + 90 * DAY);
}
