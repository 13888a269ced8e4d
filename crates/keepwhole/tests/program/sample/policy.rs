//! Fixed views of the policy: two versions, their difference, a change that waits.

use super::guard::waits;
use super::{FIRST, HOUR, head};
use keepwhole::policy::Direction;
use keepwhole::text::{Amount, Arg, Words};
use keepwhole::views::{
    ChangeRow, Compared, ConditionRow, FieldChange, PolicyDifference, PolicyRow, PolicyView,
    PriceRow, PriceStanding, RuleRow, ToldRow, Version, Voice,
};

fn rule() -> RuleRow {
    RuleRow {
        id: "large".to_owned(),
        then: Words::key("rule-approve-roles-waits")
            .with("roles", "risk, treasury")
            .with("span", Arg::Span(HOUR))
            .with("count", 2_u64),
        when: vec![
            ConditionRow {
                says: Words::key("condition-in")
                    .with("field", Words::key("field-kind"))
                    .with("members", Words::key("kind-withdrawal")),
                text: "kind in [withdrawal]".to_owned(),
            },
            ConditionRow {
                says: Words::key("condition-at-least")
                    .with("field", Words::key("field-value"))
                    .with("limit", Amount::krw(50_000_000)),
                text: "value >= 50,000,000 KRW".to_owned(),
            },
        ],
        says: Words::both(
            "큰 출금은 두 사람이 봅니다.",
            "Two persons look at large withdrawals.",
        ),
    }
}

fn difference() -> PolicyDifference {
    let change = |field: &str, about, direction, old, new| FieldChange {
        field: field.to_owned(),
        about,
        direction,
        old,
        new,
    };
    let span = |ms| Some(Words::key("value-span").with("span", Arg::Span(ms)));
    let named = |key| Words::key(key).with("name", "large");
    PolicyDifference {
        old: 1,
        new: 2,
        proposal: None,
        changes: vec![
            change(
                "approvals.valid_for",
                Words::key("diff-approval-valid"),
                Direction::Looser,
                span(HOUR),
                span(4 * HOUR),
            ),
            change(
                "holdings.guard",
                Words::key("diff-holdings"),
                Direction::Tighter,
                Some(Words::key("value-off")),
                Some(Words::key("value-on")),
            ),
            change(
                "rule.large",
                named("diff-rule"),
                Direction::Unknown,
                None,
                Some(rule().then),
            ),
            change(
                "rule.large.says",
                named("diff-rule-says"),
                Direction::Words,
                Some(Words::both("전", "before")),
                Some(Words::both("후", "after")),
            ),
        ],
        at_once: false,
        persons: 3,
        notice: 24 * HOUR,
    }
}

fn versions() -> Vec<Version> {
    let voice = |person: &str, role: &str, at| Voice {
        person: person.to_owned(),
        role: role.to_owned(),
        at,
    };
    let first = Version {
        version: 1,
        at: FIRST - 48 * HOUR,
        until: Some(FIRST - HOUR),
        entry: 11,
        proposed: None,
        approved: Vec::new(),
    };
    let second = Version {
        version: 2,
        at: FIRST - HOUR,
        until: None,
        entry: 12,
        proposed: Some(voice("Kim", "", FIRST - 26 * HOUR)),
        approved: vec![
            voice("Kim", "risk", FIRST - 26 * HOUR),
            voice("Park", "security", FIRST - 25 * HOUR),
        ],
    };
    vec![second, first]
}

fn prices() -> Vec<PriceRow> {
    let told = |price: &str, minutes: u64, source: &str| ToldRow {
        price: price.to_owned(),
        as_of: FIRST + HOUR / 2 - minutes * HOUR / 60,
        source: source.to_owned(),
    };
    let row = |asset: &str, last, suspect, standing| PriceRow {
        asset: asset.to_owned(),
        quote: "KRW".to_owned(),
        last,
        suspect,
        standing,
    };
    vec![
        row(
            "BTC",
            Some(told("152000000", 0, "own market")),
            None,
            PriceStanding::Good,
        ),
        row(
            "SOL",
            Some(told("201350.5", 9, "own market")),
            None,
            PriceStanding::Stale,
        ),
        row(
            "BTT",
            Some(told("0.0008", 1, "own market")),
            Some(told("0.00001", 0, super::HOSTILE)),
            PriceStanding::Suspect,
        ),
    ]
}

pub(crate) fn policy(between: Option<&Compared>) -> PolicyView {
    let tier = Words::key("policy-tier")
        .with("amount", Amount::krw(50_000_000))
        .with("count", 2_u64);
    let change = ChangeRow {
        id: "change-7".to_owned(),
        what: Words::key("change-policy").with("version", "3"),
        persons: vec!["Kim".to_owned(), "Park".to_owned()],
        last: FIRST,
        reason: Some(waits()),
        waits: true,
        entries: vec![150, 151],
        policy: true,
    };
    let row = |label, says| PolicyRow { label, says };
    PolicyView {
        as_of: FIRST + HOUR / 2,
        head: head(),
        version: 2,
        rows: vec![
            row("policy-tiers", vec![tier]),
            row(
                "policy-destinations",
                vec![
                    Words::key("policy-only-listed"),
                    Words::key("policy-destination-waits").with("span", Arg::Span(24 * HOUR)),
                ],
            ),
            row("policy-signing", vec![Words::key("policy-nothing")]),
        ],
        rules: vec![rule()],
        versions: versions(),
        difference: (between == Some(&Compared::Versions(1, 2))).then(difference),
        waiting: vec![change.clone()],
        decided: vec![ChangeRow {
            id: "change-6".to_owned(),
            what: Words::key("change-halt").with("scope", "asset:SOL"),
            persons: vec!["Kim".to_owned()],
            reason: None,
            waits: false,
            policy: false,
            ..change
        }],
        prices: prices(),
    }
}
