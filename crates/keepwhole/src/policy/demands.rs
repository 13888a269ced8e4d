//! What law records ask of a policy, and whether it does that: the mapping is data (`policy/law-demands.toml`), the numbers
//! come from the law records.

use keepwhole_core::law::{Day, LawSet, RuleRecord, Standing, standing_on};
use keepwhole_core::policy::field::{Deposits, Field, RequestKind};
use keepwhole_core::policy::rule::{Outcome, Rule};
use keepwhole_core::policy::{ActionClass, Policy};
use serde::Deserialize;

use super::extent::{Cover, Extent};
use super::file::LawScope;
use super::names::Names;
use super::unit::show_duration;

/// The mapping, as shipped.
const SHIPPED: &str = include_str!("../../../../policy/law-demands.toml");
const SCHEMA: &str = "keepwhole-law-demands/1";
const HOUR: u64 = 3_600_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    as_of: toml::value::Datetime,
    demand: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    law: String,
    asks: Asks,
    parameter: Option<String>,
}

/// What a record asks of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// Withdrawals wait after a customer's first deposit of money.
    FirstDepositDelay,
    /// The value of later deposits of money waits.
    LaterDepositDelay,
    /// A credit may not make us owe more than we hold.
    HoldingsGuard,
    /// A share of the value stands offline; no field of a policy speaks of it.
    ColdShare,
    /// Alarms halt by themselves.
    BreakerArmed,
    /// Manual credits need several persons.
    CreditApprovals,
    /// Manual credits come out of budgets with a checked value.
    CreditBudgets,
    /// Enough people may approve what leaves.
    SigningStaff,
}

/// Why the mapping can't be used: a fault of the program as shipped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DemandError {
    /// The file is not what it should be.
    #[error("`policy/law-demands.toml`: {0}")]
    File(String),
    /// It names a record that the law set does not have.
    #[error(
        "`policy/law-demands.toml`: no law record has the id `{0}`; `keepwhole law list` shows them"
    )]
    NoRecord(String),
    /// It names a parameter that is no whole number of the record.
    #[error("`policy/law-demands.toml`: the law record `{law}` has no number `{parameter}`")]
    NoNumber {
        /// The record.
        law: String,
        /// The parameter.
        parameter: String,
    },
}

/// How much a miss weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The policy may not be adopted.
    Error,
    /// It may, and is told.
    Warning,
    /// Announced or proposed, or not for a policy to do: shown.
    Shown,
}

/// What a record asks and what the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Id of the record.
    pub law: String,
    /// Its title.
    pub title: String,
    /// How it stands on the day: `in force`, `self-regulation`, `announced` …
    pub standing: &'static str,
    /// How much a miss weighs.
    pub weight: Weight,
    /// Whether the policy does what is asked; `None` where that can't be told.
    pub met: Option<bool>,
    /// What is asked, in words.
    pub asks: String,
}

/// Holds a policy against the records of its places, as they stand on `day`.
///
/// # Errors
/// [`DemandError`] where the shipped mapping does not fit the law.
pub fn judge(
    policy: &Policy,
    names: &Names,
    scope: &LawScope,
    law: &LawSet,
    day: Day,
) -> Result<Vec<Judged>, DemandError> {
    let file: File =
        toml::from_str(SHIPPED).map_err(|error| DemandError::File(error.to_string()))?;
    if file.schema != SCHEMA || file.as_of.date.is_none() {
        return Err(DemandError::File(format!(
            "its schema is not `{SCHEMA}`, or its day is missing"
        )));
    }
    let mut judged = Vec::new();
    for row in &file.demand {
        let record = law
            .get(&row.law)
            .ok_or_else(|| DemandError::NoRecord(row.law.clone()))?;
        let limit = limit(row, record)?;
        if !scope.places.contains(&record.jurisdiction) {
            continue;
        }
        if let Some((standing, weight)) = weigh(record, scope, day) {
            let (met, asks) = test(row.asks, limit, policy, names);
            judged.push(Judged {
                law: row.law.clone(),
                title: record.title_en.clone(),
                standing,
                weight: if row.asks == Asks::ColdShare {
                    Weight::Shown
                } else {
                    weight
                },
                met,
                asks,
            });
        }
    }
    Ok(judged)
}

fn limit(row: &Row, record: &RuleRecord) -> Result<Option<u64>, DemandError> {
    let Some(parameter) = &row.parameter else {
        return Ok(None);
    };
    let number = record.int(parameter);
    number.map(Some).ok_or_else(|| DemandError::NoNumber {
        law: row.law.clone(),
        parameter: parameter.clone(),
    })
}

/// How the record stands on the day; `None` where it is no law for the exchange then.
fn weigh(record: &RuleRecord, scope: &LawScope, day: Day) -> Option<(&'static str, Weight)> {
    match standing_on(record, day) {
        Standing::Binding => Some(("in force", Weight::Error)),
        Standing::SelfRegulation if scope.self_regulation => {
            Some(("self-regulation", Weight::Error))
        }
        Standing::SelfRegulation => Some(("self-regulation", Weight::Warning)),
        Standing::EnactedFrom(_) => Some(("enacted, not yet in force", Weight::Shown)),
        Standing::Announced => Some(("announced", Weight::Shown)),
        Standing::Proposed => Some(("proposed", Weight::Shown)),
        Standing::Forbearance | Standing::NotLaw(_) => None,
    }
}

fn test(asks: Asks, limit: Option<u64>, policy: &Policy, names: &Names) -> (Option<bool>, String) {
    let hours = limit.unwrap_or(1).saturating_mul(HOUR);
    let length = match limit {
        Some(_) => show_duration(hours),
        None => String::from("some time"),
    };
    match asks {
        Asks::FirstDepositDelay => (
            Some(holds_for(policy, |cover| first_deposit(cover, hours))),
            format!(
                "withdrawals wait for {length} after a customer's first deposit of money: `first_deposit_age.money < {length}` then hold"
            ),
        ),
        Asks::LaterDepositDelay => (
            Some(holds_for(policy, |cover| later_deposit(cover, hours))),
            format!(
                "the value of a deposit of money waits for {length}: `deposit_drawn.money.{length} >= 1 KRW` then hold"
            ),
        ),
        Asks::HoldingsGuard => (
            Some(policy.holdings_guard),
            String::from(
                "a credit never makes us owe more of an asset than we hold: `holdings.guard = true`",
            ),
        ),
        Asks::ColdShare => (None, cold_share(limit)),
        Asks::BreakerArmed => (
            Some(policy.breaker_armed),
            String::from("an alarm halts by itself: `breaker.armed = true`"),
        ),
        Asks::CreditApprovals => {
            let n = limit.unwrap_or(2);
            (
                Some(credits_need(policy, n)),
                format!(
                    "{n} persons stand behind every manual credit: `approvals` of each budget, or a rule for `kind in [credit]`"
                ),
            )
        }
        Asks::CreditBudgets => (
            Some(policy.budgets.iter().all(|budget| {
                let band = policy.band(&budget.id);
                band.is_some_and(|band| band.line_value.is_some() && band.batch_value.is_some())
            })),
            String::from(
                "manual credits come out of a budget of their own, whose lines and batches have a greatest value",
            ),
        ),
        Asks::SigningStaff => {
            let n = limit.unwrap_or(1);
            let roles = policy.roles(ActionClass::Approve);
            let people = names.people().iter();
            let staff = people
                .filter(|held| roles.iter().any(|role| held.contains(role)))
                .count();
            let told = !names.people().is_empty();
            (
                told.then(|| u64::try_from(staff).is_ok_and(|staff| staff >= n)),
                format!(
                    "at least {n} persons may approve what leaves; the policy's roles have {staff}"
                ),
            )
        }
    }
}

fn cold_share(permille: Option<u64>) -> String {
    let share = permille.map_or_else(
        || String::from("a share"),
        |permille| format!("at least {}%", permille / 10),
    );
    format!(
        "{share} of the value stands offline; no field of a policy limits it, so it is not covered here"
    )
}

/// Whether a rule that holds or refuses covers what `wanted` says, for every withdrawal.
fn holds_for(policy: &Policy, wanted: impl Fn(&Cover) -> bool) -> bool {
    policy
        .rules
        .iter()
        .any(|rule| restricts(rule) && wanted(&withdrawals(rule)))
}

const fn restricts(rule: &Rule) -> bool {
    matches!(rule.then, Outcome::Hold | Outcome::Deny)
}

/// What a rule covers, a condition left out that every withdrawal meets.
pub(super) fn withdrawals(rule: &Rule) -> Cover {
    let mut cover = Cover::of(rule);
    let all = |extent: &Extent| match extent {
        Extent::Members(kinds) => kinds.contains(RequestKind::Withdrawal.word()),
        _ => false,
    };
    if cover.0.get(&Field::Kind).is_some_and(all) {
        cover.0.remove(&Field::Kind);
    }
    cover
}

/// Only an age of the first deposit, from zero up to the limit at least.
fn first_deposit(cover: &Cover, ms: u64) -> bool {
    let mut rows = cover.0.iter();
    let (Some((field, extent)), None) = (rows.next(), rows.next()) else {
        return cover.0.is_empty();
    };
    let money = matches!(
        field,
        Field::FirstDepositAge(Deposits::Money | Deposits::Any)
    );
    money && from_zero_to(extent, ms)
}

fn from_zero_to(extent: &Extent, ms: u64) -> bool {
    match extent {
        Extent::Range(0, end) => end.is_none_or(|end| end >= u128::from(ms)),
        _ => false,
    }
}

/// Only what is drawn of the deposits of so long, from the first unit on; or every withdrawal of that time.
fn later_deposit(cover: &Cover, ms: u64) -> bool {
    let mut rows = cover.0.iter();
    let (Some((field, extent)), None) = (rows.next(), rows.next()) else {
        return cover.0.is_empty();
    };
    match field {
        Field::DepositDrawn {
            of: Deposits::Money | Deposits::Any,
            ms: window,
        } => *window >= ms && matches!(extent, Extent::Range(0 | 1, None)),
        Field::LastDepositAge(Deposits::Money | Deposits::Any) => from_zero_to(extent, ms),
        _ => false,
    }
}

fn credits_need(policy: &Policy, n: u64) -> bool {
    let enough = |approvals: u32| u64::from(approvals) >= n;
    let of_credits = |rule: &Rule| {
        let mut cover = Cover::of(rule);
        let credits = |extent: &Extent| match extent {
            Extent::Members(kinds) => kinds.contains(RequestKind::Credit.word()),
            _ => false,
        };
        let kind = cover.0.remove(&Field::Kind);
        kind.as_ref().is_none_or(credits) && cover.0.is_empty()
    };
    let by_rule = policy.rules.iter().any(|rule| match &rule.then {
        Outcome::Approve(approvals) => enough(approvals.n) && of_credits(rule),
        Outcome::Hold | Outcome::Deny => of_credits(rule),
        Outcome::Clear => false,
    });
    by_rule || policy.budgets.iter().all(|budget| enough(budget.approvals))
}
