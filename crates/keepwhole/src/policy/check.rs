//! Whether a policy can be adopted: what its rules contradict or leave open, quorums that nobody can fill, caps that must
//! be there, and what law asks.

use keepwhole_core::law::{Area, Day, LawSet};
use keepwhole_core::policy::field::{Field, Of, Per};
use keepwhole_core::policy::rule::Outcome;
use keepwhole_core::policy::{ActionClass, Policy};
use serde_json::{Value, json};

use super::demands::{self, DemandError, Judged, Weight};
use super::extent::Extent;
use super::file::PolicyFile;
use super::quorum;
use super::{lets_go, lint};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Conditions of one rule leave no value.
    Contradictory,
    /// No request can meet all conditions of a rule.
    NeverMatches,
    /// A stricter rule covers all that a rule covers.
    Unreachable,
    /// A rule as strict covers all that a rule covers.
    Shadowed,
    /// No rule speaks of a kind of request.
    MissingDefault,
    /// No rule speaks of a range.
    Gap,
    /// A restricting rule ends where the risk is greater.
    NonMonotone,
    /// Approvals let the large go, and nothing speaks of the small.
    SmallerHeld,
    /// Approvals lapse before their rule lets anything go.
    ApprovalLapses,
    /// A quorum that the people can't fill.
    ImpossibleQuorum,
    /// One person alone may change everything.
    SinglePerson,
    /// A cap that every policy must have is missing.
    CapMissing,
    /// Credits could make us owe more than we hold.
    HoldingsUnguarded,
    /// A hold or refusal does not say on what it rests.
    NoGround,
    /// A law record in force asks for more.
    WeakerThanLaw,
    /// A law record that is not binding asks for more, or no field of a policy covers it.
    LawShown,
    /// Something could not be compared.
    NotCompared,
}

impl Code {
    /// Stable word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contradictory => "contradictory",
            Self::NeverMatches => "never_matches",
            Self::Unreachable => "unreachable",
            Self::Shadowed => "shadowed",
            Self::MissingDefault => "missing_default",
            Self::Gap => "gap",
            Self::NonMonotone => "non_monotone",
            Self::SmallerHeld => "smaller_held",
            Self::ApprovalLapses => "approval_lapses",
            Self::ImpossibleQuorum => "impossible_quorum",
            Self::SinglePerson => "single_person",
            Self::CapMissing => "cap_missing",
            Self::HoldingsUnguarded => "holdings_unguarded",
            Self::NoGround => "no_ground",
            Self::WeakerThanLaw => "weaker_than_law",
            Self::LawShown => "law_shown",
            Self::NotCompared => "not_compared",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy is not adopted.
    Error,
    /// It may be adopted; look at it.
    Warning,
    /// Shown only.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What about.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// Line of the file, from 1.
    pub line: usize,
    /// Key, such as `rule.large`.
    pub key: String,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    /// One line for people.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        format!(
            "{} {}: {file}:{}: `{}`: {}; {}",
            self.severity.word(),
            self.code.word(),
            self.line,
            self.key,
            self.what,
            self.fix
        )
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "severity": self.severity.word(),
            "code": self.code.word(),
            "line": self.line,
            "key": self.key,
            "what": self.what,
            "fix": self.fix,
        })
    }
}

/// Findings of a file, errors first, then by line.
///
/// # Errors
/// [`DemandError`] where the shipped mapping from law to policy does not fit the law.
pub fn check(file: &PolicyFile, law: &LawSet, day: Day) -> Result<Vec<Finding>, DemandError> {
    let mut out = Vec::new();
    lint::lint(file, &mut out);
    lets_go::approvals(file, &mut out);
    caps(file, &mut out);
    quorum::quorums(file, &mut out);
    if file.law.places.contains("KR") {
        grounds(file, law, &mut out);
    }
    for judged in demands::judge(&file.policy, &file.names, &file.law, law, day)? {
        out.extend(of_law(file, &judged));
    }
    out.sort_by(|left, right| {
        let key = |found: &Finding| (found.severity, found.line, found.code);
        key(left)
            .cmp(&key(right))
            .then_with(|| left.what.cmp(&right.what))
    });
    Ok(out)
}

/// Whether any of them keeps the policy from being adopted.
#[must_use]
pub fn fails(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|found| found.severity == Severity::Error)
}

/// Caps on the value that leaves, per asset, per network and in all, are mandatory; so is the guard of holdings.
fn caps(file: &PolicyFile, out: &mut Vec<Finding>) {
    let wanted = [
        (Per::Asset, "of one asset"),
        (Per::Network, "on one network"),
        (Per::All, "from the exchange"),
    ];
    for (per, words) in wanted {
        if !capped(&file.policy, per) {
            out.push(Finding {
                code: Code::CapMissing,
                severity: Severity::Error,
                line: file.line("rule"),
                key: String::from("rule"),
                what: format!("no rule holds once a value {words} has left within some time"),
                fix: format!(
                    "add one: `when = [\"value.{}.24h >= ...\"]`, `then = \"hold\"`",
                    per.word()
                ),
            });
        }
    }
    if !file.policy.holdings_guard {
        out.push(Finding {
            code: Code::HoldingsUnguarded,
            severity: Severity::Error,
            line: file.line("holdings.guard"),
            key: String::from("holdings.guard"),
            what: String::from("a credit could make us owe more of an asset than we hold"),
            fix: String::from("write `guard = true`"),
        });
    }
}

/// A rule that holds whatever leaves caps it as well.
fn capped(policy: &Policy, per: Per) -> bool {
    policy.rules.iter().any(|rule| {
        let cover = demands::withdrawals(rule);
        let mut rows = cover.0.iter();
        let caps = match (rows.next(), rows.next()) {
            (None, _) => true,
            (Some((Field::Window(window), Extent::Range(_, None))), None) => {
                window.of == Of::Value && window.per == per
            }
            _ => false,
        };
        caps && matches!(rule.then, Outcome::Hold | Outcome::Deny)
    })
}

/// In Korea a hold of withdrawals needs a ground that the law lists (`kr-vaupa-no-arbitrary-block`), or is no more than
/// processing.
fn grounds(file: &PolicyFile, law: &LawSet, out: &mut Vec<Finding>) {
    for rule in file.policy.rules.iter() {
        if !matches!(rule.then, Outcome::Hold | Outcome::Deny) {
            continue;
        }
        let key = format!("rule.{}", rule.id);
        let (line, what) = match file.grounds.get(&rule.id) {
            None => (
                file.line(&key),
                String::from(
                    "it holds or refuses and does not say on what that rests (`kr-vaupa-no-arbitrary-block`)",
                ),
            ),
            Some((ground, _)) if ground == "processing" => continue,
            Some((ground, line)) => match law.get(ground).map(|record| record.area) {
                Some(
                    Area::Blocking
                    | Area::WithdrawalDelay
                    | Area::Freeze
                    | Area::Sanctions
                    | Area::SuspiciousActivity
                    | Area::TravelRule,
                ) => continue,
                Some(_) => (
                    *line,
                    format!("`{ground}` is no record about blocking, delay or freezing"),
                ),
                None => (*line, format!("no law record has the id `{ground}`")),
            },
        };
        out.push(Finding {
            code: Code::NoGround,
            severity: Severity::Error,
            line,
            key,
            what,
            fix: String::from(
                "write `ground` with the id of a record (`keepwhole law list --area blocking`), or `ground = \"processing\"` where it ends by itself or by a person's look",
            ),
        });
    }
}

fn of_law(file: &PolicyFile, judged: &Judged) -> Option<Finding> {
    let (law, standing) = (&judged.law, judged.standing);
    let told = match judged.met {
        Some(true) => return None,
        Some(false) => format!(
            "law record `{law}` ({standing}) asks for more: {}",
            judged.asks
        ),
        None => format!(
            "law record `{law}` ({standing}) can't be compared: {}",
            judged.asks
        ),
    };
    let (code, severity) = match (judged.weight, judged.met) {
        (Weight::Error, Some(_)) => (Code::WeakerThanLaw, Severity::Error),
        (Weight::Warning, Some(_)) => (Code::WeakerThanLaw, Severity::Warning),
        (Weight::Shown, Some(_)) => (Code::LawShown, Severity::Note),
        (_, None) => (Code::LawShown, Severity::Note),
    };
    Some(Finding {
        code,
        severity,
        line: file.line("law"),
        key: String::from("law.places"),
        what: told,
        fix: format!("see `keepwhole law show {law}`"),
    })
}

/// Classes of action whose quorums are compared with the people.
pub(super) const APPROVING: ActionClass = ActionClass::Approve;
