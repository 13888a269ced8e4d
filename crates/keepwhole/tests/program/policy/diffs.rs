//! Which way each field goes when it changes.

use keepwhole::policy::{Change, Direction, diff, read};

use super::{ready, ready_text};

/// The one change that follows from one edit of the large policy.
fn change(from: &str, to: &str) -> Vec<Change> {
    let text = ready_text("large");
    assert!(text.contains(from), "`{from}` is not in the file");
    let old = ready("large");
    let new = read("new.toml", &text.replacen(from, to, 1), Some(&old.names))
        .unwrap_or_else(|refused| panic!("{refused}"));
    diff(&old.policy, &new.policy, &new.names).changes
}

/// What is edited, the field that is told, and which way it goes; the reverse edit goes the other way.
const TABLE: &[(&str, &str, &str, &str)] = &[
    (
        "approve = [\"risk\", \"treasury\", \"executive\"]",
        "approve = [\"risk\", \"treasury\"]",
        "authority.approve",
        "tighter",
    ),
    (
        "lower_risk = [\"admin\", \"security\", \"compliance\"]",
        "lower_risk = [\"admin\"]",
        "authority.lower_risk",
        "looser",
    ),
    (
        "raise_risk = [\"admin\"]",
        "raise_risk = [\"admin\", \"risk\"]",
        "authority.raise_risk",
        "looser",
    ),
    (
        "raise_risk = [\"admin\"]",
        "raise_risk = [\"risk\"]",
        "authority.raise_risk",
        "unknown",
    ),
    (
        "approvals = 3\ncool_off",
        "approvals = 2\ncool_off",
        "changes.approvals",
        "looser",
    ),
    (
        "approvals = 3\ncool_off = \"24h\"",
        "approvals = 3\ncool_off = \"48h\"",
        "changes.cool_off",
        "tighter",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = \"2h\"",
        "approvals.valid_for",
        "tighter",
    ),
    (
        "collect_within = \"24h\"",
        "collect_within = \"48h\"",
        "approvals.collect_within",
        "looser",
    ),
    (
        "act_within = \"24h\"",
        "act_within = \"12h\"",
        "approvals.act_within",
        "tighter",
    ),
    (
        "valid_for = \"10m\"",
        "valid_for = \"20m\"",
        "clearances.valid_for",
        "looser",
    ),
    (
        "operations = [\"transfer\", \"multicall\"]",
        "operations = [\"transfer\"]",
        "clearances.operations",
        "tighter",
    ),
    (
        "only_listed = false",
        "only_listed = true",
        "destinations.only_listed",
        "tighter",
    ),
    (
        "only_listed = false\ncool_off = \"24h\"",
        "only_listed = false\ncool_off = \"1h\"",
        "destinations.cool_off",
        "looser",
    ),
    (
        "max_age = \"60s\"",
        "max_age = \"30s\"",
        "prices.max_age",
        "tighter",
    ),
    ("band = \"10%\"", "band = \"12%\"", "prices.band", "looser"),
    (", \"node-c\"", "", "nodes.trusted", "unknown"),
    ("agree = 2", "agree = 3", "nodes.agree", "tighter"),
    (
        "max_lag = \"60s\"",
        "max_lag = \"90s\"",
        "nodes.max_lag",
        "looser",
    ),
    ("guard = true", "guard = false", "holdings.guard", "looser"),
    (
        "reads_per_hour = 50",
        "reads_per_hour = 40",
        "personal_records.reads_per_hour",
        "tighter",
    ),
    (
        "reads_per_hour_all = 200",
        "reads_per_hour_all = 300",
        "personal_records.reads_per_hour_all",
        "looser",
    ),
    ("armed = true", "armed = false", "breaker.armed", "looser"),
    (
        "armed = true",
        "armed = true\nsweep_to = \"cold-1\"",
        "breaker.sweep_to",
        "unknown",
    ),
    (
        "first = \"house\"",
        "first = \"pro_rata\"",
        "losses.first",
        "unknown",
    ),
    ("share = \"5%\"", "share = \"4%\"", "cap.10m", "tighter"),
    ("window = \"1h\"", "window = \"2h\"", "cap.1h", "looser"),
    (
        "[[cap]]",
        "[[clear]]\nup_to = \"1 BTC\"\n\n[[cap]]",
        "clear.BTC",
        "looser",
    ),
    (
        "[[cap]]",
        "[[tier]]\nfrom = \"1 BTC\"\napprovals = 2\n\n[[cap]]",
        "tier.BTC",
        "tighter",
    ),
    (
        "[[cap]]",
        "[[auto_pay]]\nup_to = \"1 BTC\"\n\n[[cap]]",
        "auto_pay.BTC",
        "looser",
    ),
    (
        "total = \"50,000,000 KRW\"",
        "total = \"60,000,000 KRW\"",
        "budget.corrections.total",
        "looser",
    ),
    (
        "per_customer = \"500,000 KRW\"\napprovals = 2",
        "per_customer = \"500,000 KRW\"\napprovals = 3",
        "budget.corrections.approvals",
        "tighter",
    ),
    (
        "line_value = \"500,000 KRW\"",
        "line_value = \"400,000 KRW\"",
        "budget.corrections.line_value",
        "tighter",
    ),
    (
        "batch_value = \"20,000,000 KRW\"",
        "batch_value = \"20,000,001 KRW\"",
        "budget.corrections.batch_value",
        "looser",
    ),
    (
        "per_requester = \"20,000,000 KRW\"\n",
        "",
        "budget.corrections.per_requester",
        "looser",
    ),
    (
        "id = \"corrections\"",
        "id = \"refunds\"",
        "budget.corrections",
        "tighter",
    ),
    (
        "\"value < 50,000,000 KRW\"",
        "\"value < 60,000,000 KRW\"",
        "rule.small-amount.when",
        "looser",
    ),
    (
        "value.all.24h >= 100,000,000,000 KRW",
        "value.all.24h >= 90,000,000,000 KRW",
        "rule.house-day.when",
        "tighter",
    ),
    (
        "value.all.24h >= 100,000,000,000 KRW",
        "value.all.48h >= 100,000,000,000 KRW",
        "rule.house-day.when",
        "unknown",
    ),
    (
        "when = [\"value >= 300,000,000 KRW\"]",
        "when = [\"value >= 200,000,000 KRW\"]",
        "rule.from-300m.when",
        "unknown",
    ),
    (
        "then = { approve = 1 }",
        "then = { approve = 2 }",
        "rule.from-50m.then",
        "tighter",
    ),
    (
        "delay = \"1h\" }\nsays = \"Out of",
        "delay = \"30m\" }\nsays = \"Out of",
        "rule.cold-source.then",
        "looser",
    ),
    (
        "then = { approve = 1 }",
        "then = \"clear\"",
        "rule.from-50m.then",
        "looser",
    ),
    (
        "then = { approve = 1 }",
        "then = \"hold\"",
        "rule.from-50m.then",
        "tighter",
    ),
    (
        "then = \"hold\"",
        "then = \"deny\"",
        "rule.new-customer.then",
        "tighter",
    ),
    (
        "id = \"house-day\"",
        "id = \"all-day\"",
        "rule.house-day",
        "looser",
    ),
    (
        "id = \"small-amount\"",
        "id = \"small\"",
        "rule.small-amount",
        "tighter",
    ),
    (
        "says = \"One person approves\"",
        "says = \"Somebody approves\"",
        "rule.from-50m.says",
        "words",
    ),
];

#[test]
fn each_field_goes_the_way_it_should() {
    let mut wrong = Vec::new();
    for (from, to, field, direction) in TABLE {
        let found = change(from, to);
        match found.iter().find(|one| one.field == *field) {
            Some(one) if one.direction.word() == *direction => {}
            other => wrong.push(format!(
                "{from:?} -> {to:?}: expected {field} {direction}, found {other:?} in {found:?}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reverse_of_a_change_goes_the_other_way() {
    let (small, large) = (ready("small"), ready("large"));
    let there = diff(&small.policy, &large.policy, &large.names);
    let back = diff(&large.policy, &small.policy, &large.names);
    assert_eq!(there.changes.len(), back.changes.len());
    for one in &there.changes {
        let other = back
            .changes
            .iter()
            .find(|other| other.field == one.field)
            .unwrap();
        assert_eq!((&one.old, &one.new), (&other.new, &other.old));
        let expected = match one.direction {
            Direction::Tighter => Direction::Looser,
            Direction::Looser => Direction::Tighter,
            same => same,
        };
        assert_eq!(other.direction, expected, "{}", one.field);
    }
}

#[test]
fn what_adopting_needs_is_what_the_old_policy_says() {
    let large = ready("large");
    let same = diff(&large.policy, &large.policy, &large.names);
    assert!(same.changes.is_empty());
    let text = ready_text("large").replacen("share = \"5%\"", "share = \"4%\"", 1);
    let tighter = read("new.toml", &text, Some(&large.names)).unwrap();
    let found = diff(&large.policy, &tighter.policy, &tighter.names);
    assert!(found.at_once, "a smaller cap takes effect at once");
    let looser = diff(&tighter.policy, &large.policy, &large.names);
    assert!(!looser.at_once);
    assert_eq!((looser.approvals, looser.notice_ms), (3, 86_400_000));
}
