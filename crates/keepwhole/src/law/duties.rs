//! From law records to duties that a case can start: the lengths come from the records, which records count comes from
//! `policy/duties.toml`.

use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::law::{
    ClockStart, Day, LawSet, Limit as LawLimit, RuleRecord, Span, clock_of, start_of_day,
};
use serde::Deserialize;

/// The file, as shipped.
const SHIPPED: &str = include_str!("../../../../policy/duties.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    theft: Rules,
    block: Rules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<String>,
}

/// Why duties could not be read from the law.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DutyError {
    /// The file is not what it should be.
    #[error("`policy/duties.toml`: {0}")]
    File(String),
    /// It names a record that the law set does not have.
    #[error(
        "`policy/duties.toml`: no law record has the id `{0}`; `keepwhole law list` shows them"
    )]
    NoRecord(String),
    /// A record that starts no clock that a case knows.
    #[error("`policy/duties.toml`: the law record `{0}` has no clock that a case can start")]
    NoClock(String),
}

/// The duties that a theft and a block start, by the shipped list.
///
/// # Errors
/// A list that the law set does not fit.
pub fn duties(law: &LawSet) -> Result<Vec<Duty>, DutyError> {
    let file: File = toml::from_str(SHIPPED).map_err(|e| DutyError::File(e.to_string()))?;
    if file.schema != "keepwhole-duties/1" {
        return Err(DutyError::File(format!(
            "unknown schema `{}`; this program reads `keepwhole-duties/1`",
            file.schema
        )));
    }
    let ids = file.theft.rules.iter().chain(&file.block.rules);
    ids.map(|id| duty(law.get(id).ok_or_else(|| DutyError::NoRecord(id.clone()))?))
        .collect()
}

fn duty(rule: &RuleRecord) -> Result<Duty, DutyError> {
    let none = || DutyError::NoClock(rule.id.clone());
    let clock = clock_of(rule).ok_or_else(none)?;
    let limit = limit(&clock.limit, rule).ok_or_else(none)?;
    let start = match clock.start {
        ClockStart::BecameAware => Start::Awareness(limit),
        ClockStart::MaterialFactConfirmed => Start::MaterialFact(limit),
        ClockStart::DecidedToBlock => Start::Block(limit),
        _ => return Err(none()),
    };
    let offset = rule.utc_offset_minutes.unwrap_or(0);
    let day = |day: Option<Day>| day.and_then(|day| start_of_day(day, offset));
    Ok(Duty {
        id: rule.id.clone(),
        authority: rule.to.join(", "),
        start,
        source: format!("{} {}", rule.instrument, rule.article),
        status: rule.status.name().to_owned(),
        confidence: rule.confidence.name().to_owned(),
        holds_from: day(rule.effective_from),
        // The last day counts in full.
        holds_until: day(rule.effective_to.and_then(|last| last.plus_days(1))),
    })
}

fn limit(limit: &LawLimit, rule: &RuleRecord) -> Option<Limit> {
    let business = |days: u32| {
        let offset_minutes = rule.utc_offset_minutes?;
        Some(Limit::BusinessDays {
            days,
            offset_minutes,
            holidays: Vec::new(),
        })
    };
    match limit {
        LawLimit::Within(Span::Millis(length)) => Some(Limit::Ms(*length)),
        LawLimit::BusinessDays { n, .. } => business(*n),
        LawLimit::NextBusinessDay { .. } => business(1),
        LawLimit::Form(form) => Some(Limit::Words(form.name().replace('_', " "))),
        _ => None,
    }
}
