//! How a rule stands on a day: binding, dated, proposed, or no law at all.

use alloc::string::String;

use borsh::{BorshDeserialize, BorshSerialize};

use super::day::Day;
use super::record::{RuleRecord, Status};

/// How a rule stands on a civil day of its jurisdiction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Standing {
    /// Law in force on that day: enforce, start clocks, compute amounts.
    Binding = 0,
    /// Law that starts on this later day: show a countdown.
    EnactedFrom(Day) = 1,
    /// A bill or a regulator's draft: what-if figures only.
    Proposed = 2,
    /// Said publicly by a regulator, without legal text: readiness check only.
    Announced = 3,
    /// Binds members of an industry body, or a guideline without statutory penalty: check and report.
    SelfRegulation = 4,
    /// A supervisor said it would not act; the duty itself stands: a reason on record, never a permission.
    Forbearance = 5,
    /// Not law for the exchange on that day.
    NotLaw(NotLaw) = 6,
}

/// Why a record is not law for the exchange on a day.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum NotLaw {
    /// Ended on this day (its last day in force), with the record that took over, if any.
    Ended {
        /// Last day in force.
        on: Day,
        /// Id of the record that took over.
        superseded_by: Option<String>,
    } = 0,
    /// It does not bind a virtual asset service provider (`binds_vasp = false`).
    DoesNotBindVasp = 1,
    /// Court practice and not statute (`is_statute = false`).
    CourtPractice = 2,
    /// The record states that no rule was found (`deadline_exists = false`, `statutory_priority = false`).
    AbsenceOfRule = 3,
    /// Self-regulation or forbearance that starts on this later day.
    StartsOn(Day) = 4,
    /// The record has no first day though its status needs one.
    NoFirstDay = 5,
}

/// Whether a rule holds on a day, as `law/README.md` defines it: law by status, begun, and not ended.
#[must_use]
pub fn holds_on(rule: &RuleRecord, day: Day) -> bool {
    matches!(
        rule.status,
        Status::InForce | Status::EnactedNotYetInForce | Status::Superseded
    ) && rule.effective_from.is_some_and(|from| from <= day)
        && rule.effective_to.is_none_or(|to| to >= day)
}

/// Whether the record may enter an exposure: false where it says `binds_vasp = false`.
#[must_use]
pub fn binds_vasp(rule: &RuleRecord) -> bool {
    rule.flag("binds_vasp") != Some(false)
}

/// How a rule stands on a day.
///
/// The set of rules for an incident is chosen by the day the duty's trigger happened, not by the day of the question.
#[must_use]
pub fn standing_on(rule: &RuleRecord, day: Day) -> Standing {
    if !binds_vasp(rule) {
        return Standing::NotLaw(NotLaw::DoesNotBindVasp);
    }
    let begun = rule.effective_from.is_none_or(|from| from <= day);
    match rule.status {
        Status::Proposed => return Standing::Proposed,
        Status::Announced => return Standing::Announced,
        _ => {}
    }
    if let Some(to) = rule.effective_to.filter(|to| *to < day) {
        return Standing::NotLaw(NotLaw::Ended {
            on: to,
            superseded_by: rule.superseded_by.clone(),
        });
    }
    match (rule.status, rule.effective_from) {
        (Status::SelfRegulation, _) if begun => Standing::SelfRegulation,
        (Status::SupervisoryForbearance, _) if begun => Standing::Forbearance,
        (Status::SelfRegulation | Status::SupervisoryForbearance, Some(from)) => {
            Standing::NotLaw(NotLaw::StartsOn(from))
        }
        (_, None) => Standing::NotLaw(NotLaw::NoFirstDay),
        _ if rule.flag("is_statute") == Some(false) => Standing::NotLaw(NotLaw::CourtPractice),
        _ if rule.flag("deadline_exists") == Some(false)
            || rule.flag("statutory_priority") == Some(false) =>
        {
            Standing::NotLaw(NotLaw::AbsenceOfRule)
        }
        (_, Some(from)) if from > day => Standing::EnactedFrom(from),
        _ => Standing::Binding,
    }
}
