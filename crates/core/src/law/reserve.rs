//! The reserve a rule requires against the value kept online, and the share it requires offline.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::day::Day;
use super::holds::{Standing, standing_on};
use super::record::{Area, Combine, Confidence, RuleRecord, Value};
use super::set::LawSet;

const PERMILLE: u128 = 1_000;

/// A floor that was taken into account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorApplied {
    /// Id of the rule that sets it.
    pub rule: String,
    /// The floor in whole units of the currency.
    pub amount: u128,
}

/// The reserve one rule requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveRequirement {
    /// Id of the rule.
    pub rule: String,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// The rate, in 1/1000 of the value kept online.
    pub rate_permille: u64,
    /// What the rate gives, rounded down.
    pub by_rate: u128,
    /// The floors that bind this operator.
    pub floors: Vec<FloorApplied>,
    /// What must be held: by rate or by floor, whichever is the greater.
    pub required: u128,
    /// The formula in words and numbers.
    pub formula: String,
    /// Id of the rule that says how the value is measured; it is not the spot value.
    pub valuation_rule: Option<String>,
    /// How the record was checked.
    pub confidence: Confidence,
}

/// The share of customers' value one rule requires offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdRequirement {
    /// Id of the rule.
    pub rule: String,
    /// The least share, in 1/1000 of the value.
    pub min_cold_permille: u64,
    /// Id of the rule that says how the value is measured; it is not the spot value.
    pub valuation_rule: Option<String>,
    /// Whether a supervisor may set another ratio for this operator after an incident: then that one binds.
    pub may_be_changed_for_operator: bool,
    /// How the record was checked.
    pub confidence: Confidence,
}

impl ColdRequirement {
    /// Whether a cold value meets the ratio of a total value, both by the rule's valuation. `None` on overflow.
    #[must_use]
    pub fn is_met(&self, cold: u128, total: u128) -> Option<bool> {
        Some(cold.checked_mul(PERMILLE)? >= total.checked_mul(u128::from(self.min_cold_permille))?)
    }

    /// The least cold value for a total value, rounded up. `None` on overflow.
    #[must_use]
    pub fn least_cold(&self, total: u128) -> Option<u128> {
        Some(
            total
                .checked_mul(u128::from(self.min_cold_permille))?
                .div_ceil(PERMILLE),
        )
    }
}

/// Why a reserve can't be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveError {
    /// No reserve rule with a rate on the value kept online binds on that day.
    NoRule {
        /// The jurisdiction asked for.
        jurisdiction: String,
        /// The day asked for.
        day: Day,
    },
    /// The rule joins rate and floor otherwise than by the greater.
    UnknownCombine {
        /// Id of the rule.
        rule: String,
    },
    /// A product does not fit 128 bits.
    Overflow {
        /// Id of the rule.
        rule: String,
    },
}

impl fmt::Display for ReserveError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule { jurisdiction, day } => {
                write!(
                    out,
                    "no reserve rule with a rate on online value binds in `{jurisdiction}` on `{day}`"
                )
            }
            Self::UnknownCombine { rule } => {
                write!(
                    out,
                    "rule `{rule}` has floors but does not say `combine = \"greater_of\"`; correct the record"
                )
            }
            Self::Overflow { rule } => {
                write!(
                    out,
                    "the reserve of rule `{rule}` does not fit 128 bits; give the value in whole units"
                )
            }
        }
    }
}

impl core::error::Error for ReserveError {}

/// The reserve an operator must hold on a day for a value kept online, in whole units of the currency.
///
/// `hot_value` is by the rule's own valuation, not spot. `roles` says what the operator is (`vasp_krw_market`): a floor
/// binds if its record obliges one of them.
///
/// # Errors
/// [`ReserveError`] if no such rule binds on that day, or the amounts don't fit.
pub fn required_reserve(
    set: &LawSet,
    jurisdiction: &str,
    day: Day,
    hot_value: u128,
    roles: &[&str],
) -> Result<ReserveRequirement, ReserveError> {
    let binding = |rule: &&RuleRecord| {
        rule.jurisdiction == jurisdiction
            && rule.area == Area::Reserve
            && rule.parameter("reserve_base").is_some()
            && standing_on(rule, day) == Standing::Binding
    };
    let found = set
        .rules()
        .values()
        .filter(binding)
        .find_map(|rule| Some((rule, rule.int("rate_permille")?)));
    let (rule, rate) = found.ok_or_else(|| ReserveError::NoRule {
        jurisdiction: String::from(jurisdiction),
        day,
    })?;
    let overflow = || ReserveError::Overflow {
        rule: rule.id.clone(),
    };
    let by_rate = hot_value
        .checked_mul(u128::from(rate))
        .ok_or_else(overflow)?
        / PERMILLE;
    let floors: Vec<FloorApplied> = rule
        .texts("floor_rules")
        .filter_map(|id| set.get(id))
        .filter(|floor| standing_on(floor, day) == Standing::Binding)
        .filter(|floor| {
            floor
                .obliged
                .iter()
                .any(|who| roles.contains(&who.as_str()))
        })
        .filter_map(|floor| {
            Some(FloorApplied {
                rule: floor.id.clone(),
                amount: floor_amount(floor)?,
            })
        })
        .collect();
    if !floors.is_empty()
        && rule.text("combine").and_then(Combine::parse) != Some(Combine::GreaterOf)
    {
        return Err(ReserveError::UnknownCombine {
            rule: rule.id.clone(),
        });
    }
    let required = floors
        .iter()
        .map(|floor| floor.amount)
        .fold(by_rate, u128::max);
    let mut formula = format!("{hot_value} x {rate} / {PERMILLE} = {by_rate}");
    for floor in &floors {
        formula = format!("{formula}, at least {} (`{}`)", floor.amount, floor.rule);
    }
    Ok(ReserveRequirement {
        rule: rule.id.clone(),
        currency: rule.currency.clone(),
        rate_permille: rate,
        by_rate,
        floors,
        required,
        formula,
        valuation_rule: rule.text("valuation_rule").map(String::from),
        confidence: rule.confidence,
    })
}

/// The least online value at which the rate alone covers an amount, rounded up. `None` on overflow or a rate of zero.
#[must_use]
pub fn hot_value_covered(rate_permille: u64, amount: u128) -> Option<u128> {
    let rate = u128::from(rate_permille);
    if rate == 0 {
        None
    } else {
        Some(amount.checked_mul(PERMILLE)?.div_ceil(rate))
    }
}

/// The share that must be offline on a day, if a rule of the jurisdiction that binds sets one.
#[must_use]
pub fn cold_requirement(set: &LawSet, jurisdiction: &str, day: Day) -> Option<ColdRequirement> {
    let binding = |rule: &&RuleRecord| {
        rule.jurisdiction == jurisdiction && standing_on(rule, day) == Standing::Binding
    };
    set.rules().values().filter(binding).find_map(|rule| {
        Some(ColdRequirement {
            rule: rule.id.clone(),
            min_cold_permille: rule.int("min_cold_permille")?,
            valuation_rule: rule.text("valuation_rule").map(String::from),
            may_be_changed_for_operator: rule.flag("fsc_may_set_other_ratio_after_incident")
                == Some(true),
            confidence: rule.confidence,
        })
    })
}

fn floor_amount(rule: &RuleRecord) -> Option<u128> {
    rule.parameters.iter().find_map(|(key, value)| match value {
        Value::Int(value) if key.starts_with("floor_") => Some(u128::from(*value)),
        _ => None,
    })
}
