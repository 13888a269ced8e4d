//! Rules of the typed language: what each field sees, how outcomes combine, what people add, and what time changes.

mod adoption;
mod again;
mod credits;
mod prices;
mod properties;
mod times;

use crate::exchange::{BTC, DAY, ETH, Exchange, HOUR, KRW, MINUTE, policy};
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, NewMovement};
use keepwhole_core::event::Event;
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::field::{Deposits, Field, Of, Per, Type, Window};
use keepwhole_core::policy::figures::{Input, Seen, Unknown};
use keepwhole_core::policy::judge::Judging;
use keepwhole_core::policy::rule::{Approvals, Condition, Outcome, Rule, Rules, Test};
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::policy::{Budget, BudgetBand, Policy};
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::WalletIx;

pub(crate) fn rule(id: &str, when: Vec<(Field, Test)>, then: Outcome) -> Rule {
    let condition = |(field, test)| Condition { field, test };
    Rule {
        id: id.into(),
        when: when.into_iter().map(condition).collect(),
        then,
        says: format!("the rule {id}"),
    }
}

pub(crate) fn approve(n: u32, roles: &[&str], delay_ms: u64) -> Outcome {
    Outcome::Approve(Approvals {
        n,
        roles: roles.iter().map(|role| (*role).into()).collect(),
        delay_ms,
    })
}

const fn window(of: Of, per: Per, ms: u64) -> Field {
    Field::Window(Window { of, per, ms })
}

fn from_to(from: u128, to: u128) -> Vec<(Field, Test)> {
    let amount = Field::Amount(BTC);
    vec![(amount, Test::AtLeast(from)), (amount, Test::Below(to))]
}

/// The exchange's policy with rules in place of its typed limits; one satoshi is worth one won at a price of 100,000,000.
pub(crate) fn ruled() -> Policy {
    let mut policy = bare();
    policy.rules = Rules::new(vec![
        rule(
            "small",
            vec![(Field::Amount(BTC), Test::Below(2_000))],
            Outcome::Clear,
        ),
        rule("one", from_to(1_500, 1_700), approve(1, &[], HOUR)),
        rule(
            "admin-too",
            from_to(1_700, 1_900),
            approve(1, &["admin"], 0),
        ),
        rule(
            "calm-price",
            vec![
                (Field::Amount(BTC), Test::AtLeast(1_900)),
                (Field::PriceMove, Test::AtLeast(500)),
            ],
            Outcome::Hold,
        ),
        rule(
            "never",
            vec![(Field::Amount(BTC), Test::AtLeast(1_980))],
            Outcome::Deny,
        ),
        rule("wait", from_to(1_955, 1_980), Outcome::Hold),
    ]);
    policy.budgets.push(Budget {
        id: "banded".into(),
        asset: BTC,
        total: 10_000,
        per_customer: 10_000,
        approvals: 0,
    });
    policy.bands = vec![BudgetBand {
        budget: "banded".into(),
        line_value: Some(400),
        batch_value: Some(700),
        per_requester: Some(800),
    }];
    policy
}

/// No limit but the rules'.
fn bare() -> Policy {
    let mut policy = policy();
    policy.clears.clear();
    policy.tiers.clear();
    policy.caps.clear();
    policy.allowlist = false;
    policy.reference = Some(KRW);
    policy
}

fn under(rules: Vec<Rule>) -> Exchange {
    let mut policy = bare();
    policy.rules = Rules::new(rules);
    Exchange::under(policy)
}

fn clear_all() -> Rule {
    rule("all", vec![], Outcome::Clear)
}

fn price(exchange: &mut Exchange, price: u128) {
    let as_of = exchange.at;
    exchange.told(Body::RecordPrices(vec![NewPrice {
        base: "BTC".into(),
        quote: "KRW".into(),
        price: price * ONE,
        as_of,
        source: "exchange".into(),
    }]));
}

fn withdraw(exchange: &mut Exchange, id: &str, customer: &str, units: u128) -> Answer {
    let body = Body::RequestWithdrawal {
        customer: customer.into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units,
        to: "0xlistedlist01".into(),
    };
    exchange.ask(Some(id), Some("requester"), body).answer
}

fn rule_of(answer: &Answer) -> Option<(&'static str, String)> {
    let reason = answer.reason()?;
    match reason {
        Reason::RuleHolds { rule, .. }
        | Reason::RuleDenies { rule, .. }
        | Reason::FigureUnknown { rule, .. } => Some((reason.code(), rule.clone())),
        _ => Some((reason.code(), String::new())),
    }
}

fn deposit(exchange: &mut Exchange, to: &str, asset: &str, units: u128) {
    exchange.told(Body::RecordMovements(vec![NewMovement {
        from: "outside".into(),
        to: to.into(),
        asset: asset.into(),
        units,
        kind: MovementKind::Deposit,
        reference: String::new(),
    }]));
}

/// What one field sees of a withdrawal of alice's.
fn seen(exchange: &Exchange, field: Field, ask: &Ask) -> Seen {
    let test = match field.kind() {
        Type::Flag => Test::Is(true),
        _ => Test::AtLeast(0),
    };
    let rules = Rules::new(vec![rule("look", vec![(field, test)], Outcome::Hold)]);
    let input = Input {
        ask,
        actor: None,
        at: exchange.at,
        counted: false,
    };
    let mut seen = Vector::new();
    let mut judging = Judging::by(&exchange.state, &rules, input, &mut seen);
    let explained = judging.explain();
    explained[0].conditions[0].seen.expect("a figure")
}

fn alice(exchange: &Exchange, units: u128, to: &str) -> Ask {
    Ask::Withdrawal {
        owner: exchange.state.registry.owner("alice").expect("alice"),
        wallet: WalletIx(0),
        asset: BTC,
        units,
        to: to.into(),
    }
}

#[test]
fn each_field_sees_what_it_says() {
    let mut exchange = under(vec![clear_all()]);
    price(&mut exchange, 100_000_000);
    exchange.pass(MINUTE);
    price(&mut exchange, 101_000_000);
    withdraw(&mut exchange, "w1", "alice", 500);
    withdraw(&mut exchange, "w2", "bob", 300);
    deposit(&mut exchange, "alice", "KRW", 7_000);
    exchange.pass(10 * MINUTE);
    let ask = alice(&exchange, 1_000, "0xlistedlist01");
    let number = |field| match seen(&exchange, field, &ask) {
        Seen::Number(number) => number,
        other => panic!("{field:?} saw {other:?}"),
    };
    let day = |of, per| number(window(of, per, DAY));
    let rows: [(u128, u128); 20] = [
        (number(Field::Amount(BTC)), 1_000),
        (number(Field::Value), 1_010),
        (day(Of::Amount(BTC), Per::Customer), 1_500),
        (day(Of::Count, Per::Customer), 2),
        (day(Of::Value, Per::Customer), 1_515),
        (day(Of::Amount(BTC), Per::Destination), 1_800),
        (day(Of::Count, Per::Destination), 3),
        (day(Of::Amount(BTC), Per::Wallet), 1_800),
        (day(Of::Value, Per::Asset), 505 + 303 + 1_010),
        (day(Of::Count, Per::Network), 3),
        (day(Of::Value, Per::All), 505 + 303 + 1_010),
        (number(window(Of::Count, Per::All, 10 * MINUTE)), 1),
        (number(window(Of::Count, Per::All, 10 * MINUTE + 1)), 3),
        (
            number(Field::LastDepositAge(Deposits::Money)),
            u128::from(10 * MINUTE),
        ),
        (
            number(Field::DepositedValue {
                of: Deposits::Any,
                ms: DAY,
            }),
            7_000,
        ),
        (
            number(Field::DepositDrawn {
                of: Deposits::Money,
                ms: DAY,
            }),
            0,
        ),
        (number(Field::FloatLeft(BTC)), 10_000 - 800 - 1_000),
        (number(Field::FloatLeftBps), 820),
        (number(Field::PriceMove), 100),
        (number(Field::PriceAge), u128::from(10 * MINUTE)),
    ];
    for (row, (got, wanted)) in rows.into_iter().enumerate() {
        assert_eq!(got, wanted, "row {row}");
    }
    assert_eq!(
        seen(&exchange, Field::DestinationListed, &ask),
        Seen::Flag(true)
    );
    assert_eq!(
        seen(&exchange, Field::DestinationOwn, &ask),
        Seen::Flag(false)
    );
    assert_eq!(seen(&exchange, Field::Amount(ETH), &ask), Seen::Absent);
    assert_eq!(seen(&exchange, Field::LineValue, &ask), Seen::Absent);
    assert_eq!(
        seen(&exchange, Field::LastDepositAge(Deposits::Virtual), &ask),
        Seen::Number(u128::from(4 * DAY + 11 * MINUTE)),
        "her opening balance"
    );
    let strange = alice(&exchange, 1, "0xnobodyknows");
    assert_eq!(
        seen(&exchange, Field::DestinationAge, &strange),
        Seen::Number(0)
    );
    // 2026-05-05T00:11Z and later days: nine in the morning in Seoul.
    let seoul = Field::Hour {
        offset_minutes: 540,
    };
    assert_eq!(seen(&exchange, seoul, &ask), Seen::Number(9));
    let night = Field::Hour {
        offset_minutes: -12,
    };
    assert_eq!(seen(&exchange, night, &ask), Seen::Number(23));
}

#[test]
fn the_strictest_outcome_wins_and_people_add_up() {
    let big = |field| vec![(field, Test::AtLeast(1_000))];
    let amount = Field::Amount(BTC);
    let mut exchange = under(vec![
        clear_all(),
        rule("a", big(amount), approve(1, &["security"], HOUR)),
        rule("b", big(amount), approve(3, &["admin"], MINUTE)),
        rule("c", vec![(amount, Test::AtLeast(2_000))], Outcome::Hold),
        rule("d", vec![(amount, Test::AtLeast(3_000))], Outcome::Deny),
        rule("e", vec![(amount, Test::AtLeast(2_000))], Outcome::Hold),
    ]);
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 999), Answer::Cleared);
    let answer = withdraw(&mut exchange, "w2", "alice", 1_000);
    assert_eq!(
        answer,
        Answer::Held(Reason::ApprovalsShort { valid: 0, needs: 3 })
    );
    let (_, request) = exchange.state.guard.request("w2").unwrap();
    assert_eq!(request.roles, ["admin", "security"]);
    assert_eq!(request.delay_ms, HOUR);
    let answer = withdraw(&mut exchange, "w3", "alice", 2_000);
    assert_eq!(rule_of(&answer), Some(("rule_holds", "c".into())));
    let answer = withdraw(&mut exchange, "w4", "alice", 3_000);
    assert_eq!(
        answer,
        Answer::Denied(Reason::RuleDenies {
            rule: "d".into(),
            figure: "amount".into(),
            value: 3_000,
            limit: 3_000
        })
    );
}

#[test]
fn without_a_rule_that_matches_a_request_is_held() {
    let mut exchange = under(vec![rule(
        "small",
        vec![(Field::Amount(BTC), Test::Below(101))],
        Outcome::Clear,
    )]);
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 100), Answer::Cleared);
    assert_eq!(
        withdraw(&mut exchange, "w2", "alice", 101),
        Answer::Held(Reason::NoRuleClears { up_to: 100 })
    );
}

#[test]
fn what_cannot_be_told_counts_against_the_request() {
    let worth = |test| vec![(Field::Value, test)];
    let both = || {
        vec![
            rule(
                "by-amount",
                vec![(Field::Amount(BTC), Test::Below(500))],
                Outcome::Clear,
            ),
            rule("by-value", worth(Test::Below(1_000)), Outcome::Clear),
            rule("too-much", worth(Test::AtLeast(2_000)), Outcome::Deny),
        ]
    };
    let mut exchange = under(both());
    // No price: the rule that restricts counts as matched, the one that clears by value does not.
    let answer = withdraw(&mut exchange, "w1", "alice", 100);
    assert_eq!(rule_of(&answer), Some(("rule_denies", "too-much".into())));
    price(&mut exchange, 100_000_000);
    assert_eq!(withdraw(&mut exchange, "w2", "alice", 100), Answer::Cleared);
    exchange.pass(HOUR);
    assert_eq!(withdraw(&mut exchange, "w3", "alice", 100), Answer::Cleared);
    // A price is too old one millisecond after its greatest age; a rule that only holds gives that as the reason.
    exchange.pass(1);
    let mut rules = both();
    rules.pop();
    let mut holding = under(rules);
    price(&mut holding, 100_000_000);
    holding.pass(HOUR + 1);
    assert_eq!(
        code_of(&withdraw(&mut holding, "w4", "alice", 100)),
        "price_stale"
    );
    price(&mut holding, 100_000_000);
    assert_eq!(withdraw(&mut holding, "w5", "alice", 100), Answer::Cleared);
}

fn code_of(answer: &Answer) -> &'static str {
    answer.reason().map_or(answer.word(), Reason::code)
}

#[test]
fn the_journal_keeps_the_input_vector_of_each_decision() {
    let mut exchange = Exchange::under(ruled());
    price(&mut exchange, 100_000_000);
    withdraw(&mut exchange, "w1", "alice", 1_950);
    let judged: Vec<_> = exchange
        .events()
        .filter_map(|event| match event {
            Event::RequestJudged(judged) => Some(judged.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(judged.len(), 1);
    let figures = exchange.state.guard.policy.rules.figures();
    assert_eq!(figures, [Field::Amount(BTC), Field::PriceMove]);
    let missing = Unknown::NoEarlierPrice { asset: BTC };
    assert_eq!(
        judged[0].figures,
        [(0, Seen::Number(1_950)), (1, Seen::Unknown(missing))]
    );
    assert_eq!(judged[0].matched, [0, 3]);
}
