//! Every figure of "Money, in exact arithmetic" in `law/clocks.md`, in three columns.

use keepwhole_core::law::{
    Base, Column, ExposureInputs, Figure, Form, NoAmount, ReserveError, WhyZero, cold_requirement,
    exposure, hot_value_covered, required_reserve,
};

use super::files::{SET, day, rule};

const REVENUE: u128 = 1_730_000_000_000;
const HACKED: u128 = 44_480_594_889;
const CUSTOMERS: u128 = 38_600_000_000;

fn facts() -> ExposureInputs {
    ExposureInputs {
        annual_revenue: Some(REVENUE),
        total_revenue: Some(REVENUE),
        hacked_amount: Some(HACKED),
        customers_part: Some(CUSTOMERS),
        // The theft of 2019-11-27 lies six years back, to the day, whatever its fault; take the worst for both.
        fault_findings: vec![day("2019-11-27"), day("2025-11-27")],
        not_triggered: ["kr-na-late-report-fine", "kr-na-late-report-fine-2026"]
            .map(String::from)
            .into(),
        ..ExposureInputs::default()
    }
}

fn figures(inputs: &ExposureInputs) -> Vec<Figure> {
    exposure(&SET, "KR", day("2025-11-27"), inputs).unwrap()
}

fn one(inputs: &ExposureInputs, id: &str) -> Figure {
    figures(inputs)
        .into_iter()
        .find(|figure| figure.rule == id)
        .unwrap_or_else(|| panic!("no figure {id}"))
}

#[test]
fn the_three_columns_of_the_breach() {
    let from = |text: &str| Column::From(day(text));
    // column, rule, amount on the facts, ceiling
    let rows: &[(Column, &str, u128, u128)] = &[
        (
            Column::Today,
            "kr-vaupa-admin-fine",
            100_000_000,
            100_000_000,
        ),
        (Column::Today, "kr-na-late-report-fine", 0, 30_000_000),
        (
            Column::Today,
            "kr-pipa-surcharge-3pct",
            51_900_000_000,
            51_900_000_000,
        ),
        (
            from("2026-10-01"),
            "kr-na-late-report-fine-2026",
            0,
            50_000_000,
        ),
        (
            from("2026-10-01"),
            "kr-na-repeat-surcharge-2026",
            0,
            51_900_000_000,
        ),
        (
            from("2026-10-01"),
            "kr-na-coercive-fine-2026",
            1_421_917,
            1_421_917,
        ),
        (
            from("2026-09-11"),
            "kr-pipa-surcharge-10pct",
            173_000_000_000,
            173_000_000_000,
        ),
        (
            Column::Proposed,
            "kr-proposed-fine-3pct",
            51_900_000_000,
            51_900_000_000,
        ),
        (
            Column::Proposed,
            "kr-proposed-fine-10pct-hacked",
            4_448_059_488,
            4_448_059_488,
        ),
        (
            Column::Proposed,
            "kr-proposed-fine-10pct-revenue",
            173_000_000_000,
            173_000_000_000,
        ),
        (
            Column::Proposed,
            "kr-proposed-no-fault",
            CUSTOMERS,
            CUSTOMERS,
        ),
        (
            Column::Proposed,
            "kr-proposed-burden-shift",
            CUSTOMERS,
            CUSTOMERS,
        ),
    ];
    for (column, id, amount, ceiling) in rows {
        let figure = one(&facts(), id);
        assert_eq!(figure.column, *column, "column of {id}");
        assert_eq!(
            figure.amount,
            Some(*amount),
            "amount of {id}: {}",
            figure.formula
        );
        assert_eq!(
            figure.ceiling,
            Some(*ceiling),
            "ceiling of {id}: {}",
            figure.formula
        );
    }
    let columns: Vec<Column> = figures(&facts())
        .iter()
        .map(|figure| figure.column)
        .collect();
    assert!(columns.is_sorted(), "law today first, proposals last");
}

#[test]
fn reasons_stand_beside_the_zeros() {
    let late = one(&facts(), "kr-na-late-report-fine");
    assert_eq!(late.zero, Some(WhyZero::NotTriggered));
    let repeat = one(&facts(), "kr-na-repeat-surcharge-2026");
    assert_eq!(
        repeat.zero,
        Some(WhyZero::TooFewFindings {
            found: 1,
            needed: 2
        })
    );
    assert_eq!(repeat.form, Some(Form::UpTo));
    assert_eq!(
        repeat.not_with,
        ["kr-pipa-surcharge-3pct", "kr-pipa-surcharge-10pct"]
    );
    // With two findings inside five years the rate applies.
    let twice = ExposureInputs {
        fault_findings: vec![day("2021-01-05"), day("2025-11-27")],
        ..facts()
    };
    assert_eq!(
        one(&twice, "kr-na-repeat-surcharge-2026").amount,
        Some(51_900_000_000)
    );
    // Burden shift: nothing if compliance is proved; no-fault does not care.
    let proved = ExposureInputs {
        compliance_proved: true,
        ..facts()
    };
    let shifted = one(&proved, "kr-proposed-burden-shift");
    assert_eq!(
        (shifted.amount, shifted.zero),
        (Some(0), Some(WhyZero::ComplianceProved))
    );
    assert_eq!(one(&proved, "kr-proposed-no-fault").amount, Some(CUSTOMERS));
    assert_eq!(
        one(&facts(), "kr-na-coercive-fine-2026").per.as_deref(),
        Some("day")
    );
}

#[test]
fn what_does_not_bind_is_not_there() {
    let all = figures(&facts());
    for id in ["kr-efta-46-cap", "kr-efta-9-model", "kr-proposed-efta-3pct"] {
        assert!(
            all.iter().all(|figure| figure.rule != id),
            "{id} does not bind an exchange"
        );
    }
}

#[test]
fn the_comparisons_of_the_worked_example() {
    let amount = |inputs: &ExposureInputs, id| one(inputs, id).amount.unwrap();
    let three = amount(&facts(), "kr-proposed-fine-3pct");
    assert_eq!(
        three + amount(&facts(), "kr-proposed-no-fault"),
        90_500_000_000
    );
    let audited = ExposureInputs {
        annual_revenue: Some(1_731_600_000_000),
        ..facts()
    };
    assert_eq!(amount(&audited, "kr-proposed-fine-3pct"), 51_948_000_000);
    // The two proposals meet at a loss of 519,000,000,000.
    for (loss, smaller) in [(518_999_999_999, true), (519_000_000_000, false)] {
        let inputs = ExposureInputs {
            hacked_amount: Some(loss),
            ..facts()
        };
        assert_eq!(
            amount(&inputs, "kr-proposed-fine-10pct-hacked") < three,
            smaller
        );
    }
}

#[test]
fn unknown_inputs_and_overflow_are_said() {
    let nothing = ExposureInputs::default();
    let hacked = one(&nothing, "kr-proposed-fine-10pct-hacked");
    assert_eq!(
        (hacked.amount, hacked.missing),
        (None, Some(NoAmount::Missing(Base::HackedAmount)))
    );
    // Two rules have an amount of their own for an unknown base.
    assert_eq!(
        one(&nothing, "kr-pipa-surcharge-3pct").amount,
        Some(2_000_000_000)
    );
    assert_eq!(
        one(&nothing, "kr-na-coercive-fine-2026").amount,
        Some(2_000_000)
    );
    assert_eq!(
        one(&nothing, "kr-pipa-surcharge-3pct").missing,
        Some(NoAmount::Missing(Base::TotalRevenue))
    );
    assert_eq!(one(&facts(), "kr-pipa-surcharge-3pct").missing, None);
    assert_eq!(
        one(&facts(), "kr-insurance-direct-claim").missing,
        Some(NoAmount::NoFormula)
    );
    let absurd = ExposureInputs {
        annual_revenue: Some(u128::MAX),
        ..facts()
    };
    assert!(exposure(&SET, "KR", day("2025-11-27"), &absurd).is_err());
}

#[test]
fn alternatives_join_as_the_record_says() {
    let eu = |inputs: &ExposureInputs, id: &str| {
        let all = exposure(&SET, "EU", day("2026-11-22"), inputs).unwrap();
        all.into_iter().find(|figure| figure.rule == id).unwrap()
    };
    // 5% of revenue or 5,000,000, whichever is the greater; twice the profit if that is more.
    let small = ExposureInputs {
        annual_revenue: Some(10_000_000),
        ..ExposureInputs::default()
    };
    assert_eq!(eu(&small, "eu-mica-111-fine").amount, Some(5_000_000));
    assert_eq!(
        eu(&small, "eu-mica-111-fine").decided_by.as_deref(),
        Some("cap_eur")
    );
    let large = ExposureInputs {
        annual_revenue: Some(1_000_000_000),
        ..ExposureInputs::default()
    };
    assert_eq!(eu(&large, "eu-mica-111-fine").amount, Some(50_000_000));
    let profit = ExposureInputs {
        unfair_profit: Some(40_000_000),
        ..large
    };
    assert_eq!(eu(&profit, "eu-mica-111-fine").amount, Some(80_000_000));
    // Singapore: the rate counts only above a revenue of 10,000,000.
    let sg = |revenue| {
        let inputs = ExposureInputs {
            total_revenue: Some(revenue),
            ..ExposureInputs::default()
        };
        let all = exposure(&SET, "SG", day("2026-11-22"), &inputs).unwrap();
        all.into_iter()
            .find(|figure| figure.rule == "sg-pdpa-fine")
            .unwrap()
            .amount
    };
    assert_eq!(
        (sg(9_999_999), sg(20_000_000)),
        (Some(1_000_000), Some(2_000_000))
    );
}

#[test]
fn the_reserve_of_the_worked_example() {
    let on = day("2025-11-27");
    let krw = ["vasp", "vasp_krw_market"];
    let small = required_reserve(&SET, "KR", on, HACKED, &krw).unwrap();
    assert_eq!(
        (small.rule.as_str(), small.by_rate, small.required),
        ("kr-vaupa-reserve", 2_224_029_744, 3_000_000_000)
    );
    assert_eq!(
        small.required * 1_000 / HACKED,
        67,
        "the floor in permille of the loss"
    );
    let coin = required_reserve(&SET, "KR", on, 0, &["vasp", "vasp_coin_market"]).unwrap();
    assert_eq!(coin.required, 500_000_000);
    let enough = hot_value_covered(small.rate_permille, HACKED).unwrap();
    assert_eq!(enough, 889_611_897_780);
    assert_eq!(
        required_reserve(&SET, "KR", on, enough, &krw)
            .unwrap()
            .required,
        HACKED
    );
    assert!(
        required_reserve(&SET, "KR", on, enough - 20, &krw)
            .unwrap()
            .required
            < HACKED
    );
    let before = required_reserve(&SET, "KR", day("2024-07-18"), enough, &krw);
    assert!(
        matches!(before, Err(ReserveError::NoRule { .. })),
        "the duty began on 2024-07-19"
    );
    assert!(matches!(
        required_reserve(&SET, "KR", on, u128::MAX, &krw),
        Err(ReserveError::Overflow { .. })
    ));
}

#[test]
fn the_cold_ratio_comes_from_the_record() {
    let cold = cold_requirement(&SET, "KR", day("2025-11-27")).unwrap();
    assert_eq!(cold.rule, "kr-vaupa-cold-ratio");
    assert_eq!(
        Some(cold.min_cold_permille),
        rule("kr-vaupa-cold-ratio").int("min_cold_permille")
    );
    assert!(cold.may_be_changed_for_operator);
    assert_eq!(
        (cold.is_met(80, 100), cold.is_met(79, 100)),
        (Some(true), Some(false))
    );
    assert_eq!(cold.least_cold(101), Some(81));
    assert_eq!(cold_requirement(&SET, "KR", day("2024-07-18")), None);
}
