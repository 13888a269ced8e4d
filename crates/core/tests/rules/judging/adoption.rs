//! Which policies can be adopted, and their stored form.

use super::{approve, bare, clear_all, rule, ruled};
use crate::exchange::{BTC, Exchange, policy};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Body;
use keepwhole_core::policy::field::{Field, Members};
use keepwhole_core::policy::rule::{Fault, Outcome, Rule, Rules, Test};
use keepwhole_core::policy::{BudgetBand, Policy};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Tier, WalletIx};

#[test]
fn what_can_not_be_judged_by_can_not_be_adopted() {
    let amount = Field::Amount(BTC);
    let mut rows: Vec<(Fault, Policy)> = Vec::new();
    let mut row = |fault: Fault, rules: Vec<Rule>| {
        let mut policy = bare();
        policy.rules = Rules::new(rules);
        rows.push((fault, policy));
    };
    let named = |rule: &str| rule.to_owned();
    row(
        Fault::SameId { rule: named("all") },
        vec![clear_all(), clear_all()],
    );
    row(
        Fault::BadId { rule: named("") },
        vec![rule("", vec![], Outcome::Clear)],
    );
    row(
        Fault::Mistyped {
            rule: named("r"),
            field: "amount",
        },
        vec![rule("r", vec![(amount, Test::Is(true))], Outcome::Clear)],
    );
    row(
        Fault::Mistyped {
            rule: named("r"),
            field: "asset",
        },
        vec![rule(
            "r",
            vec![(Field::Asset, Test::In(Members::Tiers(vec![Tier::Hot])))],
            Outcome::Clear,
        )],
    );
    row(
        Fault::NoMembers {
            rule: named("r"),
            field: "kind",
        },
        vec![rule(
            "r",
            vec![(Field::Kind, Test::In(Members::Kinds(vec![])))],
            Outcome::Clear,
        )],
    );
    row(
        Fault::NobodyApproves { rule: named("r") },
        vec![rule("r", vec![], approve(0, &[], 0))],
    );
    row(
        Fault::Unregistered {
            rule: named("r"),
            field: "wallet",
        },
        vec![rule(
            "r",
            vec![(
                Field::Wallet,
                Test::In(Members::Wallets(vec![WalletIx(99)])),
            )],
            Outcome::Clear,
        )],
    );
    row(
        Fault::TooManyRules,
        (0..257)
            .map(|n| rule(&format!("r{n}"), vec![], Outcome::Clear))
            .collect(),
    );
    let mut nameless = bare();
    nameless.reference = None;
    nameless.rules = Rules::new(vec![rule(
        "v",
        vec![(Field::Value, Test::AtLeast(1))],
        Outcome::Deny,
    )]);
    rows.push((Fault::NoReference, nameless));
    let mut homeless = bare();
    homeless.bands = vec![BudgetBand {
        budget: "none".into(),
        ..BudgetBand::default()
    }];
    rows.push((
        Fault::Band {
            budget: named("none"),
        },
        homeless,
    ));
    let mut exchange = Exchange::empty();
    for body in crate::exchange::registrations() {
        exchange.told(body);
    }
    for (fault, policy) in rows {
        assert_eq!(policy.fault(&exchange.state.registry), Some(fault.clone()));
        let reply = exchange.ask(None, None, Body::AdoptPolicy(Box::new(policy)));
        assert_eq!(
            reply.answer,
            Answer::Refused(Reason::Malformed {
                what: fault.to_string()
            })
        );
    }
    exchange.told(Body::AdoptPolicy(Box::new(ruled())));
}

#[test]
fn a_policy_without_rules_has_the_bytes_it_always_had() {
    let plain = policy();
    let bytes = borsh::to_vec(&plain).unwrap();
    assert_eq!(bytes[..4], [1, 0, 0, 0]);
    assert_eq!(borsh::from_slice::<Policy>(&bytes).unwrap(), plain);
    let ruled = ruled();
    let longer = borsh::to_vec(&ruled).unwrap();
    assert_eq!(longer[..4], [1, 0, 0, 128]);
    assert_eq!(borsh::from_slice::<Policy>(&longer).unwrap(), ruled);
    // The later fields may not follow and say nothing: a policy has one form.
    let mut empty = bytes;
    empty[3] = 128;
    empty.extend([0; 11]);
    assert!(borsh::from_slice::<Policy>(&empty).is_err());
}
