//! What `policy check` finds: one change to a good policy, and the finding that follows.

use keepwhole::law::{SourceFile, load};
use keepwhole::policy::{Finding, Severity, check, fails, read};
use keepwhole_core::law::Day;

use super::{READY, ready, ready_text};

fn findings_of(text: &str) -> Vec<Finding> {
    let file = read("p.toml", text, None).unwrap_or_else(|refused| panic!("{refused}"));
    let law = load(&SourceFile::shipped(), None);
    check(&file, &law.set, Day::parse("2026-11-23").unwrap()).unwrap()
}

/// A ready policy with each change made once.
fn changed(name: &str, changes: &[(&str, &str)]) -> String {
    let mut text = ready_text(name);
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in `{name}`");
        text = text.replacen(from, to, 1);
    }
    text
}

fn rule(id: &str, when: &str, then: &str) -> String {
    format!(
        "\n[[rule]]\nid = \"{id}\"\nwhen = [{when}]\nthen = {then}\nground = \"processing\"\nsays = \"x\"\nsays_ko = \"가\"\n"
    )
}

#[test]
fn every_ready_policy_passes() {
    for name in READY {
        let found = findings_of(&ready_text(name));
        let text: Vec<String> = found.iter().map(|one| one.text(name)).collect();
        assert!(!fails(&found), "{}", text.join("\n"));
        let warned = |one: &Finding| one.severity == Severity::Warning;
        assert!(!found.iter().any(warned), "{}", text.join("\n"));
    }
}

#[test]
fn the_self_regulation_policy_does_all_that_is_announced_too() {
    let found = findings_of(&ready_text("kr-self-regulation"));
    let laws: Vec<&str> = found
        .iter()
        .filter(|one| one.what.contains("asks for more"))
        .map(|one| one.what.as_str())
        .collect();
    assert!(laws.is_empty(), "{laws:?}");
    for law in [
        "kr-daxa-delay-first-72h",
        "kr-daxa-delay-repeat-24h",
        "kr-selfreg-multi-approval",
        "kr-selfreg-high-risk-accounts",
        "kr-selfreg-kill-switch",
        "kr-selfreg-wallet-staff",
        "kr-vaupa-same-kind-quantity",
    ] {
        assert!(
            ready_text("kr-self-regulation").contains(law),
            "{law} is not cited"
        );
        let known = load(&SourceFile::shipped(), None);
        assert!(known.set.get(law).is_some(), "{law} is no law record");
    }
}

/// Changes to the small policy, rules added, and the finding: severity, code, key, a part of what it says.
type Row = (
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str, &'static str)],
    (&'static str, &'static str, &'static str, &'static str),
);

/// Small withdrawals of bitcoin go, and nothing is said of other small ones.
const SMALL_OF_BTC: (&str, &str) = (
    "[[rule]]\nid = \"small-amount\"\nwhen = [\"kind in [withdrawal]\", \"value",
    "[[clear]]\nup_to = \"0.1 BTC\"\n\n[[rule]]\nid = \"small-amount\"\nwhen = [\"kind in [withdrawal]\", \"asset in [BTC]\", \"value",
);

const TABLE: &[Row] = &[
    (
        &[],
        &[("x", "\"value >= 5 KRW\", \"value < 3 KRW\"", "\"hold\"")],
        (
            "error",
            "contradictory",
            "rule.x",
            "its conditions on `value` leave no value",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"kind == credit\", \"destination_age < 1h\"",
            "\"hold\"",
        )],
        (
            "error",
            "never_matches",
            "rule.x",
            "no kind of request has all of",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"wallet in [hot]\", \"line_value >= 1 KRW\"",
            "\"hold\"",
        )],
        (
            "error",
            "never_matches",
            "rule.x",
            "no kind of request has all of",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"kind in [withdrawal]\", \"asset in [ETH]\", \"amount >= 1 BTC\"",
            "\"hold\"",
        )],
        (
            "error",
            "never_matches",
            "rule.x",
            "its amounts are of different assets",
        ),
    ),
    (
        &[],
        &[("x", "\"value >= 40,000,000 KRW\"", "{ approve = 2 }")],
        (
            "warning",
            "shadowed",
            "rule.x",
            "rule `from-30m` covers all of it and says as much",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"kind in [withdrawal]\", \"customer_age < 2h\"",
            "{ approve = 1 }",
        )],
        (
            "warning",
            "unreachable",
            "rule.x",
            "rule `new-customer` covers all of it and is stricter",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"value >= 1,000,000 KRW\", \"value < 2,000,000 KRW\"",
            "\"hold\"",
        )],
        (
            "error",
            "non_monotone",
            "rule.x",
            "it restricts `value` on the less risky side only: from 2,000,000 KRW on no rule is as strict",
        ),
    ),
    (
        &[],
        &[(
            "x",
            "\"destination_age >= 24h\", \"value >= 1 KRW\"",
            "\"hold\"",
        )],
        (
            "error",
            "non_monotone",
            "rule.x",
            "it restricts `destination_age` on the less risky side only: below 24h no rule is as strict",
        ),
    ),
    (
        &[("value >= 3,000,000 KRW", "value >= 4,000,000 KRW")],
        &[],
        (
            "error",
            "gap",
            "rule",
            "no rule speaks of a withdrawal with a value from 3,000,000 KRW to below 4,000,000 KRW",
        ),
    ),
    (
        &[
            (
                "kind in [transfer]",
                "kind in [transfer]\", \"asset in [BTC]",
            ),
            (
                "value >= 3,000,000 KRW",
                "kind in [withdrawal]\", \"value >= 3,000,000 KRW",
            ),
            (
                "value >= 30,000,000 KRW",
                "kind in [withdrawal]\", \"value >= 30,000,000 KRW",
            ),
        ],
        &[],
        (
            "error",
            "missing_default",
            "rule",
            "no rule speaks of a transfer by its kind, value or amount alone",
        ),
    ),
    (
        &[("value.all.24h", "value.customer.7d")],
        &[],
        (
            "error",
            "cap_missing",
            "rule",
            "no rule holds once a value from the exchange has left within some time",
        ),
    ),
    (
        &[("value.network.24h", "value.customer.7d")],
        &[],
        (
            "error",
            "cap_missing",
            "rule",
            "no rule holds once a value on one network has left within some time",
        ),
    ),
    (
        &[("value.asset.24h", "value.customer.7d")],
        &[],
        (
            "error",
            "cap_missing",
            "rule",
            "no rule holds once a value of one asset has left within some time",
        ),
    ),
    (
        &[("guard = true", "guard = false")],
        &[],
        (
            "error",
            "holdings_unguarded",
            "holdings.guard",
            "a credit could make us owe more",
        ),
    ),
    (
        &[("guard = true", "guard = false")],
        &[],
        (
            "error",
            "weaker_than_law",
            "law.places",
            "law record `kr-vaupa-same-kind-quantity` (in force) asks for more",
        ),
    ),
    (
        &[("approvals = 2\ncool_off", "approvals = 1\ncool_off")],
        &[],
        (
            "error",
            "single_person",
            "changes.approvals",
            "one person alone could bring any other policy into force",
        ),
    ),
    (
        &[("approvals = 2\ncool_off", "approvals = 4\ncool_off")],
        &[],
        (
            "error",
            "impossible_quorum",
            "changes.approvals",
            "`4` persons must stand behind a change and `3` hold a role that may",
        ),
    ),
    (
        &[("{ approve = 2 }", "{ approve = 3 }")],
        &[],
        (
            "error",
            "impossible_quorum",
            "rule.from-30m",
            "`3` persons must approve and `2` can: `3` hold a role that may",
        ),
    ),
    (
        &[("{ approve = 2 }", "{ approve = 2, roles = [\"risk\"] }")],
        &[],
        (
            "error",
            "impossible_quorum",
            "rule.from-30m",
            "nobody is left for the role `risk`",
        ),
    ),
    (
        &[("approver = 3\n", "approver = 1\n")],
        &[],
        (
            "error",
            "impossible_quorum",
            "budget.corrections",
            "`2` persons must approve and `0` can",
        ),
    ),
    (
        &[(
            "first_deposit_age.money < 72h",
            "first_deposit_age.money < 48h",
        )],
        &[],
        (
            "error",
            "weaker_than_law",
            "law.places",
            "law record `kr-daxa-delay-first-72h` (self-regulation) asks for more: withdrawals wait for 72h",
        ),
    ),
    (
        &[
            (
                "first_deposit_age.money < 72h",
                "first_deposit_age.money < 48h",
            ),
            ("\nself_regulation = true", "\nself_regulation = false"),
        ],
        &[],
        (
            "warning",
            "weaker_than_law",
            "law.places",
            "law record `kr-daxa-delay-first-72h` (self-regulation) asks for more",
        ),
    ),
    (
        &[("deposit_drawn.money.24h", "deposit_drawn.virtual.24h")],
        &[],
        (
            "error",
            "weaker_than_law",
            "law.places",
            "law record `kr-daxa-delay-repeat-24h` (self-regulation) asks for more: the value of a deposit of money waits for 24h",
        ),
    ),
    (
        &[("armed = true", "armed = false")],
        &[],
        (
            "note",
            "law_shown",
            "law.places",
            "law record `kr-selfreg-kill-switch` (announced) asks for more",
        ),
    ),
    (
        &[(
            "per_customer = \"100,000 KRW\"\napprovals = 2",
            "per_customer = \"100,000 KRW\"\napprovals = 1",
        )],
        &[],
        (
            "note",
            "law_shown",
            "law.places",
            "law record `kr-selfreg-multi-approval` (announced) asks for more",
        ),
    ),
    (
        &[("ground = \"kr-daxa-delay-first-72h\"\n", "")],
        &[],
        (
            "error",
            "no_ground",
            "rule.first-deposit-72h",
            "it holds or refuses and does not say on what that rests",
        ),
    ),
    (
        &[(
            "ground = \"kr-daxa-delay-first-72h\"\n",
            "ground = \"kr-vaupa-cold-ratio\"\n",
        )],
        &[],
        (
            "error",
            "no_ground",
            "rule.first-deposit-72h",
            "`kr-vaupa-cold-ratio` is no record about blocking, delay or freezing",
        ),
    ),
    (
        &[(
            "ground = \"kr-daxa-delay-first-72h\"\n",
            "ground = \"kr-unheard-of\"\n",
        )],
        &[],
        (
            "error",
            "no_ground",
            "rule.first-deposit-72h",
            "no law record has the id `kr-unheard-of`",
        ),
    ),
    (
        &[SMALL_OF_BTC],
        &[],
        (
            "warning",
            "smaller_held",
            "rule.from-3m",
            "no rule and no `[[clear]]` speaks of one with `value` below 3,000,000 KRW: the smaller is held",
        ),
    ),
    (
        &[SMALL_OF_BTC],
        &[(
            "x",
            "\"kind in [withdrawal]\", \"amount >= 5 ETH\"",
            "{ approve = 2 }",
        )],
        (
            "warning",
            "smaller_held",
            "rule.x",
            "it lets a withdrawal of ETH go once people approved it, and no rule and no `[[clear]]` speaks of one with `amount` below 5 ETH",
        ),
    ),
    (
        &[("valid_for = \"4h\"", "valid_for = \"2h\"")],
        &[(
            "x",
            "\"value >= 50,000,000 KRW\"",
            "{ approve = 2, delay = \"2h\" }",
        )],
        (
            "error",
            "approval_lapses",
            "rule.x",
            "it waits 2h from the last approval on, and an approval holds for 2h: none of them holds any more",
        ),
    ),
    (
        &[(
            "[people]\nadmin = 3\napprover = 3\nsecurity = 1\ncompliance = 1\n",
            "",
        )],
        &[],
        ("note", "not_compared", "people", "no people are known"),
    ),
    (
        &[],
        &[],
        (
            "note",
            "law_shown",
            "law.places",
            "law record `kr-vaupa-cold-ratio` (in force) can't be compared: at least 80% of the value stands offline",
        ),
    ),
];

#[test]
fn each_weakness_is_found_by_its_name() {
    let mut missing = Vec::new();
    for (changes, rules, (severity, code, key, says)) in TABLE {
        let mut text = changed("small", changes);
        for (id, when, then) in *rules {
            text.push_str(&rule(id, when, then));
        }
        let found = findings_of(&text);
        let hit = found.iter().any(|one| {
            one.severity.word() == *severity
                && one.code.word() == *code
                && one.key == *key
                && one.what.contains(says)
        });
        if !hit {
            let told: Vec<String> = found.iter().map(|one| one.text("p")).collect();
            missing.push(format!(
                "{code} {key} {says}\n  found {}",
                told.join("\n        ")
            ));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn approvals_that_last_and_speak_of_all_sizes_are_not_found() {
    let codes = |text: &str| -> Vec<&str> {
        let found = findings_of(text);
        found.iter().map(|one| one.code.word()).collect()
    };
    let delayed = |delay: &str| {
        let then = format!("{{ approve = 2, delay = \"{delay}\" }}");
        ready_text("small") + &rule("x", "\"value >= 50,000,000 KRW\"", &then)
    };
    // Approvals of this policy hold for four hours.
    assert!(!codes(&delayed("3h")).contains(&"approval_lapses"));
    assert!(codes(&delayed("4h")).contains(&"approval_lapses"));
    // What is smaller is spoken of: by a rule of its own, or by a limit that clears.
    let small = changed("small", &[SMALL_OF_BTC]);
    let x = rule("x", "\"amount >= 5 ETH\"", "{ approve = 2 }");
    let with = |more: &str| {
        let found = findings_of(&format!("{small}{x}{more}"));
        let mut found = found.iter();
        found.any(|one| one.code.word() == "smaller_held" && one.key == "rule.x")
    };
    assert!(with("") && with("\n[[clear]]\nup_to = \"4 ETH\"\n"));
    assert!(!with("\n[[clear]]\nup_to = \"5 ETH\"\n"));
    let less = rule("y", "\"amount < 5 ETH\"", "{ approve = 1 }");
    assert!(!with(&less));
}

#[test]
fn a_finding_names_the_line_it_is_about() {
    let text = changed("small", &[("{ approve = 2 }", "{ approve = 3 }")]);
    let found = findings_of(&text);
    let quorum = found.iter().find(|one| one.key == "rule.from-30m").unwrap();
    assert_eq!(text.lines().nth(quorum.line - 1), Some("id = \"from-30m\""));
}

#[test]
fn the_people_of_a_role_are_matched_to_persons_and_not_counted_twice() {
    // Two persons may approve; each required role takes another of them, and one may be who asks.
    let roles = "{ approve = 2, roles = [\"risk\", \"treasury\"] }";
    let people = |risk: u32, treasury: u32| {
        let with = format!("risk = {risk}\ntreasury = {treasury}\n");
        let text = changed("small", &[("{ approve = 2 }", roles)])
            .replacen("approver = 3\n", &with, 1)
            .replacen(
                "approve = [\"approver\"]",
                "approve = [\"risk\", \"treasury\"]",
                1,
            );
        findings_of(&text)
            .iter()
            .any(|one| one.code.word() == "impossible_quorum" && one.key == "rule.from-30m")
    };
    assert!(people(1, 3), "the only risk person may be who asks");
    assert!(people(3, 1), "the only treasury person may be who asks");
    assert!(!people(2, 2));
}

#[test]
fn the_law_of_other_places_is_not_asked() {
    let small = ready("small");
    let law = load(&SourceFile::shipped(), None);
    let mut other = small.clone();
    other.law.places = ["HK".to_owned()].into();
    let found = check(&other, &law.set, Day::parse("2026-11-23").unwrap()).unwrap();
    assert!(found.iter().any(|one| one.what.contains("hk-vatp-cold-98")));
    assert!(found.iter().all(|one| !one.what.contains("`kr-")));
}

#[test]
fn law_that_is_not_yet_there_on_a_day_is_not_asked() {
    let mut early = ready("small");
    early.policy.holdings_guard = false;
    let law = load(&SourceFile::shipped(), None);
    let weaker = |day: &str| {
        let found = check(&early, &law.set, Day::parse(day).unwrap()).unwrap();
        found.iter().any(|one| {
            one.what.contains("kr-vaupa-same-kind-quantity") && one.severity == Severity::Error
        })
    };
    assert!(weaker("2024-07-19"));
    assert!(!weaker("2024-07-18"));
}
