//! Credits: sanity bands and windows of their own.

use super::{bare, clear_all, price, rule, rule_of, window};
use crate::exchange::{BTC, DAY, Exchange, code};
use keepwhole_core::command::{Body, NewCreditLine};
use keepwhole_core::policy::field::{Field, Of, Per};
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::policy::{Budget, BudgetBand, Policy};

/// 620,000 whole units were credited where 620,000 of the smallest were meant (6 February 2026, Korea): three limits each
/// refuse it alone.
#[test]
fn a_wrong_unit_is_refused_by_its_amount_by_what_is_held_and_by_its_value() {
    let given = |change: fn(&mut Policy)| {
        let mut policy = bare();
        policy.rules = Rules::new(vec![clear_all()]);
        policy.holdings_guard = false;
        policy.budgets = vec![Budget {
            id: "event".into(),
            asset: BTC,
            total: u128::MAX,
            per_customer: u128::MAX,
            approvals: 0,
        }];
        change(&mut policy);
        let mut exchange = Exchange::under(policy);
        price(&mut exchange, 100_000_000);
        let line = |customer: &str| NewCreditLine {
            customer: customer.into(),
            asset: "BTC".into(),
            units: 200_000 * 100_000_000,
        };
        let body = Body::RequestCredit {
            reason: "event".into(),
            budget: "event".into(),
            lines: vec![line("alice"), line("bob"), line("carol")],
        };
        let before = exchange.balance("alice", BTC);
        let reply = exchange.ask(Some("c1"), Some("requester"), body);
        let moved = exchange.balance("alice", BTC) != before;
        (code(&reply), moved)
    };
    assert_eq!(given(|_| {}), ("cleared", true), "without a limit");
    assert_eq!(
        given(|policy| policy.budgets[0].total = 620_000),
        ("budget_exceeded", false)
    );
    assert_eq!(
        given(|policy| policy.holdings_guard = true),
        ("holdings_exceeded", false)
    );
    let band = |policy: &mut Policy| {
        policy.bands = vec![BudgetBand {
            budget: "event".into(),
            line_value: None,
            batch_value: Some(1_000_000),
            per_requester: None,
        }];
    };
    assert_eq!(given(band), ("value_band", false));
}

#[test]
fn credits_have_windows_of_their_own() {
    let per = |per, limit| vec![(window(Of::Value, per, DAY), Test::AtLeast(limit))];
    let mut policy = bare();
    policy.budgets = vec![Budget {
        id: "event".into(),
        asset: BTC,
        total: 900,
        per_customer: 900,
        approvals: 0,
    }];
    policy.rules = Rules::new(vec![
        rule("recipient", per(Per::Recipient, 101), Outcome::Deny),
        rule("requester", per(Per::Requester, 251), Outcome::Hold),
        rule(
            "line",
            vec![(Field::LineAmount(BTC), Test::AtLeast(90))],
            Outcome::Hold,
        ),
    ]);
    let mut exchange = Exchange::under(policy);
    price(&mut exchange, 100_000_000);
    let mut ask = |id: &str, by: &str, lines: &[(&str, u128)]| {
        let line = |(customer, units): &(&str, u128)| NewCreditLine {
            customer: (*customer).into(),
            asset: "BTC".into(),
            units: *units,
        };
        let body = Body::RequestCredit {
            reason: "event".into(),
            budget: "event".into(),
            lines: lines.iter().map(line).collect(),
        };
        rule_of(&exchange.ask(Some(id), Some(by), body).answer)
    };
    assert_eq!(ask("c1", "requester", &[("alice", 80), ("bob", 80)]), None);
    assert_eq!(
        ask("c2", "requester", &[("alice", 11), ("alice", 11)]),
        Some(("rule_denies", "recipient".into()))
    );
    assert_eq!(ask("c3", "rita-approves", &[("carol", 85)]), None);
    assert_eq!(
        ask("c4", "rita-approves", &[("carol", 6)]),
        Some(("rule_holds", "requester".into())),
        "two accounts of one person"
    );
    assert_eq!(ask("c5", "admin-1", &[("bob", 15)]), None);
    assert_eq!(
        ask("c6", "admin-1", &[("house", 95)]),
        Some(("rule_holds", "line".into()))
    );
}
