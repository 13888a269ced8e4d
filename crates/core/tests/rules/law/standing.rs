//! How a rule stands on a day: the day of the trigger chooses, and nothing but law binds.

use keepwhole_core::law::{NotLaw, Standing, holds_on, standing_on};

use super::files::{SET, day, rule};

#[test]
fn a_rule_stands_by_the_day_asked() {
    let ended = |on: &str, by: &str| {
        Standing::NotLaw(NotLaw::Ended {
            on: day(on),
            superseded_by: Some(by.into()),
        })
    };
    let rows: Vec<(&str, &str, Standing)> = vec![
        (
            "kr-na-late-report-fine",
            "2024-08-13",
            Standing::EnactedFrom(day("2024-08-14")),
        ),
        ("kr-na-late-report-fine", "2024-08-14", Standing::Binding),
        ("kr-na-late-report-fine", "2026-09-30", Standing::Binding),
        (
            "kr-na-late-report-fine",
            "2026-10-01",
            ended("2026-09-30", "kr-na-late-report-fine-2026"),
        ),
        (
            "kr-na-late-report-fine-2026",
            "2026-09-30",
            Standing::EnactedFrom(day("2026-10-01")),
        ),
        (
            "kr-na-late-report-fine-2026",
            "2026-10-01",
            Standing::Binding,
        ),
        ("kr-travel-rule-1m", "2027-02-18", Standing::Binding),
        (
            "kr-travel-rule-1m",
            "2027-02-19",
            ended("2027-02-18", "kr-travel-rule-all"),
        ),
        (
            "kr-travel-rule-all",
            "2027-02-18",
            Standing::EnactedFrom(day("2027-02-19")),
        ),
        ("kr-travel-rule-all", "2027-02-19", Standing::Binding),
        ("kr-proposed-fine-3pct", "2030-01-01", Standing::Proposed),
        ("kr-selfreg-kill-switch", "2030-01-01", Standing::Announced),
        (
            "kr-selfreg-wallet-staff",
            "2025-11-27",
            Standing::SelfRegulation,
        ),
        (
            "kr-selfreg-wallet-staff",
            "2024-09-11",
            Standing::NotLaw(NotLaw::StartsOn(day("2024-09-12"))),
        ),
        (
            "jp-jvcea-member-rules",
            "2025-11-27",
            Standing::SelfRegulation,
        ),
        (
            "kr-fss-noaction-block-first",
            "2025-11-27",
            Standing::Forbearance,
        ),
        (
            "kr-fss-noaction-block-first",
            "2024-11-17",
            Standing::NotLaw(NotLaw::StartsOn(day("2024-11-18"))),
        ),
        (
            "kr-efta-46-cap",
            "2025-11-27",
            Standing::NotLaw(NotLaw::DoesNotBindVasp),
        ),
        (
            "kr-proposed-efta-3pct",
            "2025-11-27",
            Standing::NotLaw(NotLaw::DoesNotBindVasp),
        ),
        (
            "kr-case-law-valuation",
            "2025-11-27",
            Standing::NotLaw(NotLaw::CourtPractice),
        ),
        (
            "kr-no-police-deadline",
            "2025-11-27",
            Standing::NotLaw(NotLaw::AbsenceOfRule),
        ),
        (
            "kr-insolvency-virtual-assets",
            "2025-11-27",
            Standing::NotLaw(NotLaw::AbsenceOfRule),
        ),
    ];
    for (id, on, expected) in rows {
        assert_eq!(standing_on(rule(id), day(on)), expected, "{id} on {on}");
    }
}

#[test]
fn one_of_a_chain_holds_on_every_day() {
    for (old, new) in [
        ("kr-na-late-report-fine", "kr-na-late-report-fine-2026"),
        ("kr-na-corrective-order", "kr-na-corrective-order-2026"),
        ("kr-travel-rule-1m", "kr-travel-rule-all"),
    ] {
        let mut on = rule(old).effective_from.unwrap();
        while on < day("2028-01-01") {
            assert!(
                holds_on(rule(old), on) != holds_on(rule(new), on),
                "{old} and {new} on {on}"
            );
            on = on.plus_days(1).unwrap();
        }
    }
}

#[test]
fn what_binds_also_holds() {
    for on in ["2019-11-27", "2025-11-27", "2026-11-22", "2027-04-01"].map(day) {
        let holding: Vec<&str> = SET.on(on).map(|rule| rule.id.as_str()).collect();
        for (rule, standing) in SET.standing(on) {
            if standing == Standing::Binding {
                assert!(holding.contains(&rule.id.as_str()), "{} on {on}", rule.id);
            }
        }
    }
    assert_eq!(SET.on(day("1960-01-01")).count(), 0);
}
