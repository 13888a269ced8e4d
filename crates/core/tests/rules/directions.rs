//! Each change of a field of the policy goes its way: tighter, or looser where nobody can tell.

use crate::exchange::{BTC, DAY, ETH, HOUR, KRW, policy};
use crate::judging::rule;
use keepwhole_core::policy::direction::{Way, differences};
use keepwhole_core::policy::field::{Field, Of, Per, Window};
use keepwhole_core::policy::rule::{Approvals, Outcome, Rule, Rules, Test};
use keepwhole_core::policy::{ApprovalTier, AutoPay, BudgetBand, Cap, Clear, LossOrder, Policy};

const fn day(of: Of, per: Per) -> Field {
    Field::Window(Window { of, per, ms: DAY })
}

fn approve(n: u32, roles: &[&str]) -> Outcome {
    Outcome::Approve(Approvals {
        n,
        roles: roles.iter().map(|role| (*role).into()).collect(),
        delay_ms: 0,
    })
}

fn cap(id: &str, per: Per) -> Rule {
    rule(
        id,
        vec![(day(Of::Value, per), Test::AtLeast(9_000))],
        Outcome::Hold,
    )
}

/// A policy with a rule of each outcome.
fn sound() -> Policy {
    let value = Field::Value;
    let mut policy = policy();
    policy.clears.clear();
    policy.tiers.clear();
    policy.reference = Some(KRW);
    policy.rules = Rules::new(vec![
        rule("small", vec![(value, Test::Below(100))], Outcome::Clear),
        rule(
            "middle",
            vec![(value, Test::AtLeast(100)), (value, Test::Below(1_000))],
            approve(1, &[]),
        ),
        rule(
            "large",
            vec![(value, Test::AtLeast(1_000))],
            approve(2, &["approver"]),
        ),
        cap("house", Per::All),
        cap("network", Per::Network),
        cap("asset", Per::Asset),
        rule(
            "young",
            vec![(Field::CustomerAge, Test::Below(5))],
            Outcome::Hold,
        ),
    ]);
    for budget in &policy.budgets {
        policy.bands.push(BudgetBand {
            budget: budget.id.clone(),
            batch_value: Some(1),
            ..BudgetBand::default()
        });
    }
    policy
}

#[test]
fn each_change_goes_its_way() {
    type Change = fn(&mut Policy);
    let tighter: [(&str, Change); 14] = [
        ("caps", |p| p.caps[0].bps = 1),
        ("caps", |p| {
            p.caps.push(Cap {
                window_ms: HOUR,
                bps: 1,
            })
        }),
        ("tiers", |p| {
            p.tiers.push(ApprovalTier {
                asset: BTC,
                from: 5,
                approvals: 3,
            })
        }),
        ("budgets", |p| p.budgets[0].total = 1),
        ("bands", |p| p.bands[0].line_value = Some(1)),
        ("destination_cool_off_ms", |p| {
            p.destination_cool_off_ms = Some(DAY)
        }),
        ("approval_ttl_ms", |p| p.approval_ttl_ms = Some(1)),
        ("ops_allowed", |p| p.ops_allowed.clear()),
        ("price_max_age_ms", |p| p.price_max_age_ms = Some(1)),
        ("auto_pay", |p| p.auto_pay.clear()),
        ("collection_ms", |p| p.collection_ms = Some(DAY)),
        ("rules", |p| {
            change_rule(p, "house", |r| r.when[0].test = Test::AtLeast(8_000))
        }),
        ("rules", |p| {
            change_rule(p, "house", |r| r.then = Outcome::Deny)
        }),
        ("rules", |p| {
            change_rule(p, "small", |r| r.when[0].test = Test::Below(50))
        }),
    ];
    let looser: [(&str, Change); 16] = [
        ("authority", |p| p.authority.clear()),
        ("caps", |p| p.caps[0].bps += 1),
        ("caps", |p| p.caps.clear()),
        ("clears", |p| {
            p.clears.push(Clear {
                asset: BTC,
                up_to: 1,
            })
        }),
        ("budgets", |p| p.budgets[0].per_customer += 1),
        ("bands", |p| p.bands[0].batch_value = None),
        ("allowlist", |p| p.allowlist = false),
        ("change_approvals", |p| p.change_approvals = 99),
        ("attested", |p| p.attested = Some([8; 32])),
        ("breaker_armed", |p| p.breaker_armed = false),
        ("loss_order", |p| p.loss_order = LossOrder::HouseFirst),
        ("auto_pay", |p| {
            p.auto_pay.push(AutoPay {
                asset: ETH,
                up_to: 1,
            })
        }),
        ("rules", |p| {
            change_rule(p, "house", |r| r.when[0].test = Test::AtLeast(9_001))
        }),
        ("rules", |p| {
            change_rule(p, "large", |r| r.then = approve(1, &["approver"]))
        }),
        ("rules", |p| {
            change_rule(p, "small", |r| r.when[0].test = Test::Below(101))
        }),
        ("rules", |p| {
            p.rules = Rules::new(p.rules.iter().take(6).cloned().collect())
        }),
    ];
    let rows = tighter.iter().map(|row| (row, Way::Tighter));
    for ((field, change), way) in rows.chain(looser.iter().map(|row| (row, Way::Looser))) {
        let old = sound();
        let mut new = sound();
        new.version = 2;
        change(&mut new);
        let differ = differences(&old, &new);
        assert!(
            !differ.is_empty() && differ.iter().all(|one| one.field == *field),
            "{differ:?}"
        );
        let worst = differ.iter().map(|one| one.way).max();
        assert_eq!(worst, Some(way), "{field}: {differ:?}");
        assert_eq!(old.only_tightened_by(&new), way == Way::Tighter);
    }
    let mut renamed = sound();
    change_rule(&mut renamed, "house", |rule| rule.id = "whole-house".into());
    assert_eq!(differences(&sound(), &renamed), []);
}

fn change_rule(policy: &mut Policy, id: &str, change: impl FnOnce(&mut Rule)) {
    let mut rules = policy.rules.to_vec();
    change(rules.iter_mut().find(|rule| rule.id == id).expect("a rule"));
    policy.rules = Rules::new(rules);
}

/// A band refuses new prices: without a limit on a price's age one person could keep an old price counting.
#[test]
fn a_smaller_price_band_is_tighter_only_where_old_prices_end() {
    for (max_age, tighter) in [(Some(HOUR), true), (None, false)] {
        let mut old = sound();
        old.price_max_age_ms = max_age;
        let mut new = old.clone();
        new.version = 2;
        new.price_band_bps = Some(0);
        assert_eq!(old.only_tightened_by(&new), tighter, "{max_age:?}");
    }
}
