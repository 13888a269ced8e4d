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

/// Rules whose trigger did not happen on the public facts.
const NOT_TRIGGERED: &[&str] = &[
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
        .filter_map(|figure| Some(row(law.get(&figure.rule)?, figure)))
        .collect()
}

fn row(rule: &RuleRecord, figure: &Figure) -> FineRow {
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
        formula: Words::plain(&figure.formula),
        amount: Marked::new(amount, Mark::Derived),
        note: note(figure),
    }
}

fn title(rule: &RuleRecord) -> Words {
    match &rule.title_ko {
        Some(ko) => Words::both(ko, &rule.title_en),
        None => Words::plain(&rule.title_en),
    }
}

fn note(figure: &Figure) -> Words {
    match &figure.zero {
        Some(WhyZero::NotTriggered) => Words::both(
            "공개된 사실로는 적용 요건이 생기지 않았음",
            "on the public facts its trigger did not happen",
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
        None => Words::plain(&figure.trigger),
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
        authority: Words::plain(&rule.to.join(", ")),
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
