//! Thirty rules of the sorts that an exchange has: by value, by amount of each asset, rolling windows of every key, ages of
//! customer, deposit and destination, float, price, hour, kind of wallet.

use keepwhole_core::policy::field::{Deposits, Field, Members, Of, Per, Window};
use keepwhole_core::policy::rule::{Approvals, Condition, Outcome, Rule, Rules, Test};
use keepwhole_core::policy::{Cap, Policy};
use keepwhole_core::registry::{AssetIx, Tier};

use super::world::{COINS, DAY, HOUR};

/// The policy: those rules, and caps on each wallet.
pub(super) fn policy() -> Policy {
    Policy {
        version: 1,
        reference: Some(AssetIx(0)),
        price_max_age_ms: Some(2 * DAY),
        clearance_ttl_ms: Some(HOUR),
        caps: vec![cap(HOUR, 5_000), cap(DAY, 8_000)],
        rules: rules(),
        ..Policy::default()
    }
}

const fn cap(window_ms: u64, bps: u16) -> Cap {
    Cap { window_ms, bps }
}

fn rule(id: &str, when: Vec<(Field, Test)>, then: Outcome) -> Rule {
    let condition = |(field, test)| Condition { field, test };
    Rule {
        id: id.to_owned(),
        when: when.into_iter().map(condition).collect(),
        then,
        says: String::new(),
    }
}

const fn approve(n: u32, delay_ms: u64) -> Outcome {
    Outcome::Approve(Approvals {
        n,
        roles: Vec::new(),
        delay_ms,
    })
}

fn rules() -> Rules {
    let mut rules = by_size();
    rules.extend(by_window());
    rules.extend(by_age());
    rules.extend(by_place());
    Rules::new(rules)
}

fn by_size() -> Vec<Rule> {
    let (value, from) = (Field::Value, Test::AtLeast);
    let middle = vec![(value, from(1_000_000)), (value, Test::Below(10_000_000))];
    let mut rules = vec![
        rule(
            "small",
            vec![(value, Test::Below(1_000_000))],
            Outcome::Clear,
        ),
        rule("middle", middle, approve(1, 0)),
        rule("large", vec![(value, from(10_000_000))], approve(2, HOUR)),
        rule(
            "never",
            vec![(value, from(1_000_000_000_000))],
            Outcome::Deny,
        ),
    ];
    for coin in 1..=COINS {
        let limit = from(80_000_000 + u128::from(coin));
        let when = vec![(Field::Amount(AssetIx(coin)), limit)];
        rules.push(rule(&format!("amount-{coin}"), when, Outcome::Hold));
    }
    rules
}

fn by_window() -> Vec<Rule> {
    const MINUTES: u64 = 10 * 60_000;
    let windows = [
        ("customer-count", Of::Count, Per::Customer, DAY, 20),
        ("customer-value", Of::Value, Per::Customer, DAY, 50_000_000),
        ("to-count", Of::Count, Per::Destination, HOUR, 10),
        ("to-value", Of::Value, Per::Destination, DAY, 60_000_000),
        ("wallet-value", Of::Value, Per::Wallet, HOUR, 500_000_000),
        ("asset-value", Of::Value, Per::Asset, DAY, 90_000_000_000),
        (
            "network-value",
            Of::Value,
            Per::Network,
            HOUR,
            90_000_000_000,
        ),
        ("house-value", Of::Value, Per::All, DAY, 900_000_000_000),
        ("house-count", Of::Count, Per::All, MINUTES, 1_000_000),
    ];
    let of = |(id, of, per, ms, limit)| {
        let window = Field::Window(Window { of, per, ms });
        rule(id, vec![(window, Test::AtLeast(limit))], Outcome::Hold)
    };
    windows.into_iter().map(of).collect()
}

fn by_age() -> Vec<Rule> {
    let value = Field::Value;
    let below = |ms: u64| Test::Below(u128::from(ms));
    let money = Deposits::Money;
    let drawn = Field::DepositDrawn { of: money, ms: DAY };
    let first = Field::FirstDepositAge(money);
    let large_to_new = vec![
        (Field::DestinationAge, below(HOUR)),
        (value, Test::AtLeast(50_000)),
    ];
    let larger_unlisted = vec![
        (Field::DestinationListed, Test::Is(false)),
        (value, Test::AtLeast(5_000_000)),
    ];
    vec![
        rule(
            "new-customer",
            vec![(Field::CustomerAge, below(3 * DAY))],
            Outcome::Hold,
        ),
        rule(
            "first-deposit",
            vec![(first, below(3 * DAY))],
            Outcome::Hold,
        ),
        rule(
            "later-deposit",
            vec![(drawn, Test::AtLeast(1))],
            Outcome::Hold,
        ),
        rule("new-destination", large_to_new, Outcome::Hold),
        rule("not-listed", larger_unlisted, approve(1, 0)),
    ]
}

fn by_place() -> Vec<Rule> {
    let seoul = Field::Hour {
        offset_minutes: 540,
    };
    let guarded = Test::In(Members::Tiers(vec![Tier::Cold, Tier::Warm]));
    let night = vec![
        (seoul, Test::Below(6)),
        (Field::Value, Test::AtLeast(1_000_000)),
    ];
    let short = vec![(Field::FloatLeft(AssetIx(1)), Test::Below(1_000_000))];
    vec![
        rule(
            "price-moves",
            vec![(Field::PriceMove, Test::AtLeast(1_000))],
            Outcome::Hold,
        ),
        rule("night", night, approve(2, 0)),
        rule(
            "guarded-wallet",
            vec![(Field::WalletTier, guarded)],
            approve(3, HOUR),
        ),
        rule("float", short, Outcome::Hold),
    ]
}
