//! What the case could cost under each rule, and how the same times look under the rules of other places.

use super::facts::{Facts, Timeline};
use crate::text::{Amount, Words};
use crate::views::{
    ClockRow, ClockState, Done, FineColumn, FineRow, LawStatus, Mark, Marked, Value,
};
use keepwhole_core::law::{
    Calendar, ClockStart, Column, Due, ExposureInputs, Figure, LawSet, RuleRecord, Status, WhyZero,
    clock_of, due_at, exposure,
};

/// Annual revenue of the exchange: the operator's consolidated revenue of 2024 as reported, rounded, won.
pub const REVENUE: u128 = 1_730_000_000_000;

/// Rules for whose trigger no public fact was found: no personal data, no unfair trade, no order was published.
const NOT_TRIGGERED: &[&str] = &[
    "kr-aml-admin-fine",
    "kr-aml-admin-fine-30m",
    "kr-na-evidence-crime-2026",
    "kr-na-user-notice-fine-2026",
    "kr-pipa-punitive-damages",
    "kr-pipa-statutory-damages",
    "kr-vaupa-block-damages",
    "kr-vaupa-unfair-trade-crime",
    "kr-vaupa-unfair-trade-surcharge",
    "kr-na-late-report-fine",
    "kr-na-late-report-fine-2026",
    "kr-na-coercive-fine-2026",
    "kr-pipa-surcharge-3pct",
    "kr-pipa-surcharge-10pct",
];

/// One row per rule of the jurisdiction, for the day of the case.
#[must_use]
pub fn fines(law: &LawSet, facts: &Facts) -> Vec<FineRow> {
    let inputs = ExposureInputs {
        annual_revenue: Some(REVENUE),
        total_revenue: Some(REVENUE),
        hacked_amount: Some(facts.krw_total),
        customers_part: Some(facts.krw_customers),
        not_triggered: NOT_TRIGGERED.iter().map(|id| (*id).to_owned()).collect(),
        ..ExposureInputs::default()
    };
    // The columns are those of today's law data: a later law does not reach this case, which each row says.
    let Some(day) = law
        .rules()
        .values()
        .filter(|r| r.jurisdiction == "KR")
        .map(|r| r.as_of)
        .max()
    else {
        return Vec::new();
    };
    let figures = exposure(law, "KR", day, &inputs).unwrap_or_default();
    figures
        .iter()
        .filter_map(|figure| Some(row(law.get(&figure.rule)?, figure, facts)))
        .collect()
}

fn row(rule: &RuleRecord, figure: &Figure, facts: &Facts) -> FineRow {
    let amount = match figure.amount {
        Some(won) => Value::Amount(Amount::krw(won)),
        None => Value::Unknown(Words::both(
            "계산에 필요한 값이 없음",
            "an input is missing",
        )),
    };
    FineRow {
        rule: rule.id.clone(),
        title: title(rule),
        column: match figure.column {
            Column::Today => FineColumn::Today,
            Column::From(_) => FineColumn::FixedDate,
            Column::Proposed => FineColumn::Proposed,
        },
        status: status(rule.status),
        source: format!("{} {}", rule.instrument, rule.article),
        confidence: rule.confidence.name().to_owned(),
        formula: formula(&figure.formula),
        amount: Marked::new(amount, Mark::Derived),
        note: note(rule, figure, facts),
    }
}

fn title(rule: &RuleRecord) -> Words {
    match &rule.title_ko {
        Some(ko) => Words::both(ko, &rule.title_en),
        None => Words::plain(&rule.title_en),
    }
}

/// A formula with its inputs named in both languages and its numbers under separators.
fn formula(core: &str) -> Words {
    if core.is_empty() {
        return Words::both("법에 계산식이 없음", "the law gives no formula");
    }
    let grouped: Vec<String> = core
        .split(' ')
        .map(|word| {
            let digits = word.trim_matches(['(', ')', ',']);
            match digits.parse::<u128>() {
                Ok(number) => word.replace(digits, &crate::text::count(number)),
                Err(_) => word.to_owned(),
            }
        })
        .collect();
    let (mut ko, mut en) = (grouped.join(" "), grouped.join(" "));
    for (key, in_ko, in_en) in FORMULA_WORDS {
        ko = ko.replace(key, in_ko);
        en = en.replace(key, in_en);
    }
    Words::both(&ko.replace(" x ", " × "), &en.replace(" x ", " × "))
}

/// The inputs of a formula by their keys in the law's data; the longer key stands before one that it contains.
const FORMULA_WORDS: &[(&str, &str, &str)] = &[
    (
        "cap_if_base_unknown_krw",
        "기준 금액을 알 수 없을 때의 상한(원)",
        "cap where the base is not known (won)",
    ),
    (
        "daily_krw_if_no_revenue",
        "매출액이 없을 때의 1일 금액(원)",
        "a day where there is no revenue (won)",
    ),
    ("cap_krw", "법정 상한(원)", "cap (won)"),
    ("annual_revenue", "연 매출액", "annual revenue"),
    ("total_revenue", "전체 매출액", "total revenue"),
    ("related_revenue", "관련 매출액", "related revenue"),
    ("hacked_amount", "유출 총액", "amount taken"),
    ("damages", "이용자 몫의 손해", "customers' part"),
    ("unfair_profit", "부당이득", "unfair profit"),
    ("at least", "하한", "at least"),
    ("at most", "상한", "at most"),
];

/// What must be said of a row before its amount is read.
fn note(rule: &RuleRecord, figure: &Figure, facts: &Facts) -> Words {
    let day = keepwhole_core::law::day_at(facts.timeline.detected, 9 * 60);
    let later = rule
        .effective_from
        .zip(day)
        .is_some_and(|(from, day)| from > day);
    if later && figure.column != Column::Proposed {
        return Words::both(
            "사고 이후에 시행된 법이며, 소급 규정이 없는 한 이 사건에는 미치지 않음",
            "in force only after the incident; without a retroactive rule it does not reach this case",
        );
    }
    match &figure.zero {
        Some(WhyZero::NotTriggered) => Words::both(
            "적용 요건에 해당하는 공개된 사실을 찾지 못함",
            "no public fact was found that would trigger it",
        ),
        Some(WhyZero::TooFewFindings { found, needed }) => Words::both(
            &format!("고의·중과실로 인정된 침해 {found}건, {needed}건부터 적용"),
            &format!(
                "{found} intrusions found to be by intent or gross negligence; it takes {needed}"
            ),
        ),
        Some(WhyZero::ComplianceProved) => Words::both("준수가 증명됨", "compliance is proved"),
        None if figure.column == Column::Proposed => Words::both(
            "제안일 뿐이며, 경과 규정이 없는 한 이 사건에는 미치지 않음",
            "a proposal; without a transitional rule a later law would not reach this case",
        ),
        None => Words::both(
            &format!("요건(법 자료의 영문 요약): {}", figure.trigger),
            &format!("if: {}", figure.trigger),
        ),
    }
}

/// The status of a record as pages show it.
#[must_use]
pub fn status(status: Status) -> LawStatus {
    match status {
        Status::InForce => LawStatus::InForce,
        Status::Superseded => LawStatus::Superseded,
        Status::EnactedNotYetInForce => LawStatus::EnactedNotYetInForce,
        Status::Proposed => LawStatus::Proposed,
        Status::Announced => LawStatus::Announced,
        Status::SelfRegulation => LawStatus::SelfRegulation,
        Status::SupervisoryForbearance => LawStatus::SupervisoryForbearance,
    }
}

/// Rules of other places for the same times; none of them bound the exchange.
const ELSEWHERE: &[&str] = &[
    "sg-trm-1h",
    "eu-dora-initial-24h",
    "us-ny-500-17-72h",
    "jp-fsa-incident-immediate",
    "hk-vatp-incident-notice",
];

/// The same day under rules of other places, to compare: first contact with a supervisor against each clock.
#[must_use]
pub fn elsewhere(law: &LawSet, times: &Timeline) -> Vec<ClockRow> {
    let rules = ELSEWHERE.iter().filter_map(|id| law.get(id));
    rules.filter_map(|rule| compared(rule, times)).collect()
}

fn compared(rule: &RuleRecord, times: &Timeline) -> Option<ClockRow> {
    let clock = clock_of(rule)?;
    let (started, trigger) = match clock.start {
        ClockStart::BecameAware => (
            times.detected,
            Words::both("첫 이상 유출", "the first abnormal outflow"),
        ),
        ClockStart::Determined => (
            times.meeting,
            Words::both(
                "긴급회의(가장 이른 판단 시점)",
                "the emergency meeting, at the earliest",
            ),
        ),
        _ => return None,
    };
    let done = times.fss_phone;
    let due = match due_at(
        &clock,
        started,
        rule.utc_offset_minutes,
        &Calendar::weekends_only(),
    ) {
        Due::At { ms, .. } => Some(ms),
        _ => None,
    };
    let state = match due {
        Some(due) if done <= due => ClockState::DoneInTime { left: due - done },
        Some(due) => ClockState::DoneLate { late: done - due },
        None => ClockState::NoNumber {
            elapsed: done.saturating_sub(started),
            done: true,
        },
    };
    Some(ClockRow {
        duty: rule.id.clone(),
        title: title(rule),
        authority: crate::views::authority(&rule.to.join(",")),
        source: format!("{} {}", rule.instrument, rule.article),
        status: status(rule.status),
        confidence: rule.confidence.name().to_owned(),
        trigger,
        started: Some(started),
        due,
        done: Some(Done {
            at: done,
            receipt: Some(Words::both(
                "감독당국 첫 연락",
                "first contact with a supervisor",
            )),
        }),
        state,
        evidence: Vec::new(),
    })
}
