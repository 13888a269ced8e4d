//! Fines, surcharges and liability as formulas of the rules, split into law today, law from a fixed day, and proposed.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::day::Day;
use super::holds::{Standing, standing_on};
use super::record::{Base, Combine, Confidence, Form, Kind, RuleRecord, Value};
use super::set::LawSet;

const PERMILLE: u128 = 1_000;
const BASIS_POINTS: u128 = 10_000;
/// A daily rate applies to the mean daily revenue of a year of 365 days.
const DAYS_OF_YEAR: u128 = 365;

/// The facts an exposure is computed from, in whole units of the jurisdiction's currency. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExposureInputs {
    /// Revenue of the exchange in a year.
    pub annual_revenue: Option<u128>,
    /// Revenue of all its business in a year.
    pub total_revenue: Option<u128>,
    /// Revenue related to the breach.
    pub related_revenue: Option<u128>,
    /// Value of everything taken, at the price the law or the regulator uses.
    pub hacked_amount: Option<u128>,
    /// The customers' part of the loss, without customers found at fault.
    pub customers_part: Option<u128>,
    /// Profit made or loss avoided by a breach.
    pub unfair_profit: Option<u128>,
    /// Days of intrusions found to be caused by intent or gross negligence, this one included if it was so found.
    pub fault_findings: Vec<Day>,
    /// Ids of rules whose trigger did not happen on the facts: their amount is 0, the ceiling is still shown.
    pub not_triggered: BTreeSet<String>,
    /// Whether compliance at the time of the attack is proved.
    pub compliance_proved: bool,
}

impl ExposureInputs {
    fn amount(&self, base: Base) -> Option<u128> {
        match base {
            Base::AnnualRevenue | Base::DailyRevenue => self.annual_revenue,
            Base::TotalRevenue => self.total_revenue,
            Base::RelatedRevenue => self.related_revenue,
            Base::HackedAmount => self.hacked_amount,
            Base::Damages => self.customers_part,
            Base::UnfairProfit => self.unfair_profit,
            Base::Fixed => None,
        }
    }
}

/// The column of an exposure that a figure belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Law in force on the day.
    Today,
    /// Law that starts on this later day.
    From(Day),
    /// Not law: a what-if, always labelled so.
    Proposed,
}

/// Why the amount on the facts is 0 although the rule has a ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyZero {
    /// The trigger did not happen.
    NotTriggered,
    /// Too few findings of fault in the rule's window of years.
    TooFewFindings {
        /// Findings that count.
        found: u64,
        /// Findings the rule needs.
        needed: u64,
    },
    /// The rule exempts proved compliance, and it is proved.
    ComplianceProved,
}

/// What is missing for a full amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAmount {
    /// The amount the rate applies to is not known.
    Missing(Base),
    /// The record has no rate and no cap.
    NoFormula,
}

/// One amount by one rule. Where `form` is up-to, the amount is a ceiling set by law, not a forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Id of the rule.
    pub rule: String,
    /// English title of the rule.
    pub title: String,
    /// ISO 4217 code of the currency of the amounts.
    pub currency: String,
    /// How the rule stands on the day.
    pub standing: Standing,
    /// Where the figure belongs.
    pub column: Column,
    /// The amount on the facts; `None` if it can't be given.
    pub amount: Option<u128>,
    /// The amount if the rule applied; differs from `amount` only where `zero` says why.
    pub ceiling: Option<u128>,
    /// Why the amount is 0.
    pub zero: Option<WhyZero>,
    /// Why there is no amount, or why it rests on a cap alone (the base of the rate is not known).
    pub missing: Option<NoAmount>,
    /// The formula in words and numbers.
    pub formula: String,
    /// The cap or floor, if it decided the amount: its key in the rule.
    pub decided_by: Option<String>,
    /// Whether the amount is a ceiling.
    pub form: Option<Form>,
    /// How alternatives join.
    pub combine: Option<Combine>,
    /// What the amount is counted per (`breach`, `data_subject`), or `day` for a daily rate.
    pub per: Option<String>,
    /// Rules this one is not applied together with.
    pub not_with: Vec<String>,
    /// The fact that makes the rule live, in words.
    pub trigger: String,
    /// How the record was checked.
    pub confidence: Confidence,
    /// Limits, doubts, interpretation.
    pub note: String,
}

/// A figure can't be computed in 128 bits: an input is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposureError {
    /// Id of the rule.
    pub rule: String,
}

impl fmt::Display for ExposureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "the amount of rule `{}` does not fit 128 bits; give revenue and loss in whole units",
            self.rule
        )
    }
}

impl core::error::Error for ExposureError {}

/// Every figure of a jurisdiction for an event on a day: penalties and liability that bind, that start later, and that
/// are proposed, in that order. Records that do not bind the exchange are left out.
///
/// # Errors
/// [`ExposureError`] if a product does not fit 128 bits.
pub fn exposure(
    set: &LawSet,
    jurisdiction: &str,
    day: Day,
    inputs: &ExposureInputs,
) -> Result<Vec<Figure>, ExposureError> {
    let mut figures = Vec::new();
    for rule in set
        .rules()
        .values()
        .filter(|rule| rule.jurisdiction == jurisdiction)
    {
        if let Some(figure) = figure(rule, day, inputs)? {
            figures.push(figure);
        }
    }
    figures.sort_by_key(|figure| figure.column);
    Ok(figures)
}

/// The figure of one rule for an event on a day; `None` if the rule is no penalty or liability, or no law for the
/// exchange, in force or proposed, on or after that day.
///
/// # Errors
/// [`ExposureError`] if a product does not fit 128 bits.
pub fn figure(
    rule: &RuleRecord,
    day: Day,
    inputs: &ExposureInputs,
) -> Result<Option<Figure>, ExposureError> {
    if !matches!(rule.kind, Kind::Penalty | Kind::Liability) {
        return Ok(None);
    }
    let Some(base) = rule.text("base").and_then(Base::parse) else {
        return Ok(None);
    };
    let standing = standing_on(rule, day);
    let column = match &standing {
        Standing::Binding => Column::Today,
        Standing::EnactedFrom(from) => Column::From(*from),
        Standing::Proposed => Column::Proposed,
        _ => return Ok(None),
    };
    let priced = price(rule, base, inputs).ok_or_else(|| ExposureError {
        rule: rule.id.clone(),
    })?;
    let zero = why_zero(rule, day, inputs);
    let missing =
        if base != Base::Fixed && rate(rule, base).is_some() && inputs.amount(base).is_none() {
            Some(NoAmount::Missing(base))
        } else {
            priced.amount.is_none().then_some(NoAmount::NoFormula)
        };
    Ok(Some(Figure {
        rule: rule.id.clone(),
        title: rule.title_en.clone(),
        currency: rule.currency.clone(),
        standing,
        column,
        amount: if zero.is_some() {
            Some(0)
        } else {
            priced.amount
        },
        ceiling: priced.amount,
        zero,
        missing,
        formula: priced.formula,
        decided_by: priced.decided_by,
        form: rule.text("form").and_then(Form::parse),
        combine: rule.text("combine").and_then(Combine::parse),
        per: rule
            .text("per")
            .or((base == Base::DailyRevenue).then_some("day"))
            .map(String::from),
        not_with: rule.texts("not_with").map(String::from).collect(),
        trigger: rule.trigger.clone(),
        confidence: rule.confidence,
        note: rule.note.clone(),
    }))
}

struct Priced {
    amount: Option<u128>,
    formula: String,
    decided_by: Option<String>,
}

/// The rate alternative, then caps and floors. `None` on overflow.
fn price(rule: &RuleRecord, base: Base, inputs: &ExposureInputs) -> Option<Priced> {
    let known = inputs.amount(base);
    let rated = match rate(rule, base) {
        Some(rate) => {
            let amount = match known {
                Some(known) if below_minimum(rule, known) => None,
                Some(known) => Some(rate.apply(known)?),
                None => None,
            };
            (amount, rate.words(base, known))
        }
        None => (None, String::new()),
    };
    let mut priced = Priced {
        amount: rated.0,
        formula: rated.1,
        decided_by: None,
    };
    if let (Some(times), Some(profit)) = (rule.int("profit_times"), inputs.unfair_profit) {
        let other = profit.checked_mul(u128::from(times))?;
        join(
            &mut priced,
            rule,
            "profit_times",
            other,
            &format!("unfair_profit x {times}"),
        );
    }
    if known.is_none() && base != Base::Fixed {
        let unknown =
            money(rule, "cap_if_base_unknown").or_else(|| money(rule, "daily_krw_if_no_revenue"));
        if let Some((key, cap)) = unknown {
            let formula = format!("{key} = {cap}");
            return Some(Priced {
                amount: Some(cap),
                formula,
                decided_by: Some(key),
            });
        }
    }
    if let Some((key, cap)) = money(rule, "cap") {
        let words = format!("{key} = {cap}");
        join(&mut priced, rule, &key, cap, &words);
    }
    for prefix in ["floor", "fine_ceiling_floor"] {
        if let (Some((key, floor)), Some(amount)) = (money(rule, prefix), priced.amount) {
            priced.formula = format!("{}, at least {key} = {floor}", priced.formula);
            if floor > amount {
                priced.amount = Some(floor);
                priced.decided_by = Some(key);
            }
        }
    }
    Some(priced)
}

/// Joins an alternative by the rule's `combine`; without one, a cap limits a rate, and stands alone without a rate.
fn join(priced: &mut Priced, rule: &RuleRecord, key: &str, other: u128, words: &str) {
    let combine = rule.text("combine").and_then(Combine::parse);
    let name = combine.map_or("at most", Combine::name);
    priced.formula = if priced.formula.is_empty() {
        words.to_string()
    } else {
        format!("{}, {name} {words}", priced.formula)
    };
    let takes = match (priced.amount, combine) {
        // A ceiling that needs an unknown rate to be the greater is still a ceiling of its own.
        (None, _) => true,
        (Some(amount), Some(Combine::GreaterOf | Combine::Either)) => other > amount,
        (Some(amount), Some(Combine::LesserOf) | None) => other < amount,
    };
    if takes {
        priced.amount = Some(other);
        priced.decided_by = Some(key.to_string());
    }
}

struct Rate {
    times: u128,
    per: u128,
}

impl Rate {
    /// Multiplies before it divides and rounds down once.
    fn apply(&self, base: u128) -> Option<u128> {
        base.checked_mul(self.times)?.checked_div(self.per)
    }

    fn words(&self, base: Base, known: Option<u128>) -> String {
        let name = if base == Base::DailyRevenue {
            "annual_revenue"
        } else {
            base.name()
        };
        let amount = known.map(|known| format!(" ({known})")).unwrap_or_default();
        match self.per {
            1 => format!("{name}{amount} x {}", self.times),
            per => format!("{name}{amount} x {} / {per}", self.times),
        }
    }
}

fn rate(rule: &RuleRecord, base: Base) -> Option<Rate> {
    let rate = |key: &str, per: u128| {
        rule.int(key).map(|times| Rate {
            times: u128::from(times),
            per,
        })
    };
    if base == Base::DailyRevenue {
        return rate("daily_rate_bp", BASIS_POINTS * DAYS_OF_YEAR);
    }
    rate("rate_permille", PERMILLE)
        .or_else(|| rate("rate_bp", BASIS_POINTS))
        .or_else(|| rate("rate_times", 1))
}

fn below_minimum(rule: &RuleRecord, base: u128) -> bool {
    money(rule, "base_min").is_some_and(|(_, minimum)| base < minimum)
}

/// The amount of money with this key, its unit (the record's currency) left out.
fn money(rule: &RuleRecord, prefix: &str) -> Option<(String, u128)> {
    rule.parameters.iter().find_map(|(key, value)| {
        let unit = key.strip_prefix(prefix)?.strip_prefix('_')?;
        match value {
            Value::Int(value) if unit.eq_ignore_ascii_case(&rule.currency) => {
                Some((key.clone(), u128::from(*value)))
            }
            _ => None,
        }
    })
}

fn why_zero(rule: &RuleRecord, day: Day, inputs: &ExposureInputs) -> Option<WhyZero> {
    if inputs.not_triggered.contains(&rule.id) {
        return Some(WhyZero::NotTriggered);
    }
    if let (Some(needed), Some(years)) = (rule.int("min_incidents_count"), rule.int("window_years"))
    {
        let opens = u32::try_from(years)
            .ok()
            .and_then(|years| day.minus_years(years))
            .unwrap_or(Day::MIN);
        let counted = inputs
            .fault_findings
            .iter()
            .filter(|found| opens < **found && **found <= day)
            .count();
        let found = u64::try_from(counted).unwrap_or(u64::MAX);
        if found < needed {
            return Some(WhyZero::TooFewFindings { found, needed });
        }
    }
    let exempts = rule
        .text("exception")
        .is_some_and(|words| words.ends_with("proven_compliance"));
    (exempts && inputs.compliance_proved).then_some(WhyZero::ComplianceProved)
}
