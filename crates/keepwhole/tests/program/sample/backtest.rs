//! A fixed back-test: eight days, one of them without a request, before the second version of the policy.

use super::{FIRST, HOUR, head};
use keepwhole::policy::backtest::{Day, RuleCount, Sum};
use keepwhole::text::{Asset, seoul_date, seoul_day};
use keepwhole::views::{
    BacktestAsked, BacktestOutcome, BacktestShown, BacktestView, Chosen, Column, DAYS_MAX, PairRow,
};

const fn sum(number: u64, value: u128) -> Sum {
    Sum {
        number,
        value,
        unvalued: 0,
    }
}

fn shown(chosen: &Chosen, from: u64, to: u64) -> BacktestShown {
    let column = |day: u64| {
        let most = u128::from(to - day) * 12_345_678;
        let none = sum(0, 0);
        let empty = day == from + 2;
        let sums = |then: [Sum; 4]| if empty { [none; 4] } else { then };
        Column {
            from: seoul_date(day),
            to: seoul_date(day),
            day: Day {
                then: sums([sum(40, 2 * most + 5), sum(3, most), sum(1, 9_000_000), none]),
                now: sums([
                    sum(38, 2 * most),
                    sum(2, most / 2),
                    sum(3, most / 2),
                    sum(1, 9_000_005),
                ]),
            },
        }
    };
    let pair = |then, now, sum, example: &str| PairRow {
        then,
        now,
        sum,
        examples: vec![example.to_owned()],
    };
    BacktestShown {
        policy: chosen.words(),
        asset: Some(Asset::krw()),
        requests: 308,
        columns: (from..=to).map(column).collect(),
        pairs: vec![
            pair("cleared", "cleared", sum(266, 4_000_000_000), "w-1"),
            pair("approvals", "held", sum(14, 172_839_492), super::HOSTILE),
            pair(
                "held",
                "denied",
                Sum {
                    unvalued: 2,
                    ..sum(9, 9_000_005)
                },
                "w-3",
            ),
        ],
        rules: vec![RuleCount {
            id: "large".to_owned(),
            matched: 1_204,
            decided: 23,
        }],
        unknown: vec![("value.customer.30d".to_owned(), 2)],
    }
}

pub(crate) fn backtest(asked: &BacktestAsked) -> BacktestView {
    let to = asked.days.1.unwrap_or(seoul_day(FIRST));
    let from = asked.days.0.unwrap_or(to - 6);
    let outcome = match &asked.policy {
        None => BacktestOutcome::NotAsked,
        Some(_) if to - from >= DAYS_MAX => BacktestOutcome::TooManyDays(to - from + 1),
        Some(chosen) => BacktestOutcome::Found(Box::new(shown(chosen, from, to))),
    };
    BacktestView {
        as_of: FIRST + HOUR / 2,
        head: head(),
        choices: vec![
            Chosen::Proposal("change-7".to_owned()),
            Chosen::Version(2),
            Chosen::Version(1),
        ],
        chosen: asked.policy.clone(),
        from: seoul_date(from),
        to: seoul_date(to),
        outcome,
    }
}
