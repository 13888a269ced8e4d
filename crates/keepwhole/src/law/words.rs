//! Words for people: how a rule stands, how long its clock runs, what its parameters say.

use keepwhole_core::law::{
    ClockSpec, Limit, NotLaw, RuleRecord, Span, Standing, Value, clock_of, never_starts,
};

/// How a rule stands, in a few words. A proposal is never worded as law.
#[must_use]
pub fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Binding => "binding".into(),
        Standing::EnactedFrom(day) => format!("law from {day}"),
        Standing::Proposed => "proposed, not law".into(),
        Standing::Announced => "announced, no legal text".into(),
        Standing::SelfRegulation => "self-regulation, no statutory penalty".into(),
        Standing::Forbearance => "forbearance: the duty itself stands".into(),
        Standing::NotLaw(reason) => not_law(reason),
    }
}

fn not_law(reason: &NotLaw) -> String {
    match reason {
        NotLaw::Ended {
            on,
            superseded_by: Some(next),
        } => format!("ended {on}, then {next}"),
        NotLaw::Ended {
            on,
            superseded_by: None,
        } => format!("ended {on}"),
        NotLaw::DoesNotBindVasp => "does not bind an exchange".into(),
        NotLaw::CourtPractice => "court practice, not statute".into(),
        NotLaw::AbsenceOfRule => "no rule was found".into(),
        NotLaw::StartsOn(day) => format!("not law; starts {day}"),
        NotLaw::NoFirstDay => "no first day recorded".into(),
    }
}

/// The limit of a rule in words: its clock, its amount, or nothing.
#[must_use]
pub fn limit(rule: &RuleRecord) -> String {
    if never_starts(rule) {
        return "no clock: a text that fixes it is missing".into();
    }
    clock_of(rule).as_ref().map(clock).unwrap_or_default()
}

/// A clock in words.
#[must_use]
pub fn clock(clock: &ClockSpec) -> String {
    let start = clock.start.name().replace('_', " ");
    let of = |calendar: &str| {
        if calendar.is_empty() {
            String::new()
        } else {
            format!(" ({calendar} calendar)")
        }
    };
    match &clock.limit {
        Limit::Within(length) => format!("{} from {start}", span(*length)),
        Limit::BusinessDays { n, calendar } => {
            format!(
                "{} from {start}{}",
                plural(u64::from(*n), "business day"),
                of(calendar)
            )
        }
        Limit::NextBusinessDay { calendar } => {
            format!("next business day from {start}{}", of(calendar))
        }
        Limit::ByDate { month, day } => format!("by {month:02}-{day:02} after {start}"),
        Limit::Every(length) => format!("every {} from {start}", span(*length)),
        Limit::Form(form) => format!("{} from {start}, no number", form.name().replace('_', " ")),
    }
}

fn span(span: Span) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    match span {
        Span::Millis(ms) if ms.is_multiple_of(HOUR) => plural(ms / HOUR, "hour"),
        Span::Millis(ms) => plural(ms / MINUTE, "minute"),
        Span::Days(n) => plural(u64::from(n), "day"),
        Span::Months(n) => plural(u64::from(n), "month"),
        Span::Years(n) => plural(u64::from(n), "year"),
    }
}

fn plural(n: u64, unit: &str) -> String {
    if n == 1 {
        format!("1 {unit}")
    } else {
        format!("{n} {unit}s")
    }
}

/// A parameter's value in words: numbers with thousands separators.
#[must_use]
pub fn value(value_: &Value) -> String {
    match value_ {
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Int(number) => grouped(*number),
        Value::Text(text) => text.clone(),
        Value::Day(day) => day.to_string(),
        Value::List(items) => items.iter().map(value).collect::<Vec<_>>().join(", "),
        Value::Table(rows) => rows
            .iter()
            .map(|(key, item)| format!("{key} = {}", value(item)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
