//! What is wrong with a set of rules as a whole: rules that can't match or decide, ranges that no rule speaks of, and
//! outcomes that get looser where the risk grows. Intervals and sets are compared exactly.

use std::collections::BTreeSet;

use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Field, Of, RequestKind, Riskier, Window};
use keepwhole_core::policy::rule::{Outcome, Rule};
use keepwhole_core::registry::AssetIx;

use super::check::{Code, Finding, Severity};
use super::extent::{Cover, Extent};
use super::file::PolicyFile;
use super::wording::{field_text, number_text};

/// Finds what the rules of a file contradict, hide or leave open.
pub(super) fn lint(file: &PolicyFile, out: &mut Vec<Finding>) {
    let rules = &file.policy.rules;
    for (place, rule) in rules.iter().enumerate() {
        let cover = Cover::of(rule);
        if let Some(found) = impossible(file, rule, &cover) {
            out.push(found);
            continue;
        }
        if let Some(found) = covered(file, place, rule, &cover) {
            out.push(found);
        }
        if rule.then != Outcome::Clear {
            loosening(file, rule, &cover, out);
        }
    }
    gaps(file, out);
}

fn at(
    file: &PolicyFile,
    rule: &Rule,
    code: Code,
    severity: Severity,
    what: String,
    fix: &str,
) -> Finding {
    let key = format!("rule.{}", rule.id);
    Finding {
        code,
        severity,
        line: file.line(&key),
        key,
        what,
        fix: fix.to_owned(),
    }
}

/// A rule whose conditions leave nothing, or that no kind of request can meet.
fn impossible(file: &PolicyFile, rule: &Rule, cover: &Cover) -> Option<Finding> {
    if let Some(field) = cover.empty() {
        let what = format!("its conditions on `{}` leave no value", field_text(field));
        let fix = "correct one of the limits, or drop the rule";
        return Some(at(
            file,
            rule,
            Code::Contradictory,
            Severity::Error,
            what,
            fix,
        ));
    }
    if kinds(cover).is_empty() {
        let fields: Vec<String> = cover.0.keys().map(|field| field_text(*field)).collect();
        let what = format!("no kind of request has all of `{}`", fields.join("`, `"));
        let fix = "part it into a rule for each kind of request";
        return Some(at(
            file,
            rule,
            Code::NeverMatches,
            Severity::Error,
            what,
            fix,
        ));
    }
    let assets = assets(cover);
    if assets.as_ref().is_some_and(BTreeSet::is_empty) {
        let what = String::from("its amounts are of different assets, and a request has one");
        let fix = "part it into a rule for each asset, or compare values";
        return Some(at(
            file,
            rule,
            Code::NeverMatches,
            Severity::Error,
            what,
            fix,
        ));
    }
    None
}

/// Kinds of request that can meet it.
fn kinds(cover: &Cover) -> BTreeSet<&'static str> {
    let named = |kind: RequestKind| match cover.0.get(&Field::Kind) {
        Some(Extent::Members(kinds)) => kinds.contains(kind.word()),
        _ => true,
    };
    RequestKind::ALL
        .into_iter()
        .filter(|kind| named(*kind) && cover.0.keys().all(|field| field.applies_to(*kind)))
        .map(RequestKind::word)
        .collect()
}

/// Assets that can meet it; `None` where it names none. A batch of credits may hold several, so it is left out.
fn assets(cover: &Cover) -> Option<BTreeSet<String>> {
    if kinds(cover).contains(RequestKind::Credit.word()) {
        return None;
    }
    let mut found: Option<BTreeSet<String>> = None;
    for (field, extent) in &cover.0 {
        let own: BTreeSet<String> = match (field, extent) {
            (Field::Asset, Extent::Members(assets)) => assets.clone(),
            _ => match asset_of(*field) {
                Some(asset) => BTreeSet::from([asset.0.to_string()]),
                None => continue,
            },
        };
        found = Some(match found {
            Some(known) => &known & &own,
            None => own,
        });
    }
    found
}

const fn asset_of(field: Field) -> Option<AssetIx> {
    match field {
        Field::Amount(asset)
        | Field::FloatLeft(asset)
        | Field::LineAmount(asset)
        | Field::Window(Window {
            of: Of::Amount(asset),
            ..
        }) => Some(asset),
        _ => None,
    }
}

/// A rule that never makes a difference: another one covers all that it covers and is as strict.
fn covered(file: &PolicyFile, place: usize, rule: &Rule, cover: &Cover) -> Option<Finding> {
    for (other_place, other) in file.policy.rules.iter().enumerate() {
        let wide = Cover::of(other);
        if other_place == place || wide.empty().is_some() || !cover.within(&wide) {
            continue;
        }
        if !other.then.as_strict_as(&rule.then) {
            continue;
        }
        // Of two that are the same the later one is told.
        if wide.within(cover) && rule.then.as_strict_as(&other.then) && other_place > place {
            continue;
        }
        let id = &other.id;
        if other.then.strictness() > rule.then.strictness() {
            let what = format!("rule `{id}` covers all of it and is stricter, so it never decides");
            let fix = "narrow that rule, or drop this one";
            let weight = Severity::Warning;
            return Some(at(file, rule, Code::Unreachable, weight, what, fix));
        }
        let what = format!("rule `{id}` covers all of it and says as much");
        let fix = "drop one of the two";
        return Some(at(file, rule, Code::Shadowed, Severity::Warning, what, fix));
    }
    None
}

/// A rule that restricts up to a limit beyond which the risk is greater, and nothing as strict beyond it.
fn loosening(file: &PolicyFile, rule: &Rule, cover: &Cover, out: &mut Vec<Finding>) {
    for (field, extent) in &cover.0 {
        let (Extent::Range(least, end), more) = (extent, field.riskier()) else {
            continue;
        };
        let open = match (more, end) {
            (Riskier::More, Some(end)) => Extent::Range(*end, None),
            (Riskier::Less, _) if *least > 0 => Extent::Range(0, Some(*least)),
            _ => continue,
        };
        let limit = match (&open, more) {
            (Extent::Range(_, Some(limit)), Riskier::Less) | (Extent::Range(limit, _), _) => *limit,
            _ => continue,
        };
        let mut beyond = cover.clone();
        beyond.0.insert(*field, open);
        let kept =
            file.policy.rules.iter().any(|other| {
                other.then.as_strict_as(&rule.then) && beyond.within(&Cover::of(other))
            });
        if !kept {
            let shown = number_text(*field, limit, &file.names, file.policy.reference);
            let side = match more {
                Riskier::Less => format!("below {shown}"),
                _ => format!("from {shown} on"),
            };
            let what = format!(
                "it restricts `{}` on the less risky side only: {side} no rule is as strict",
                field_text(*field)
            );
            let fix = "leave that limit out, or add a rule at least as strict for the riskier side";
            out.push(at(
                file,
                rule,
                Code::NonMonotone,
                Severity::Error,
                what,
                fix,
            ));
        }
    }
}

/// Values and amounts of which no rule speaks, and the missing default.
fn gaps(file: &PolicyFile, out: &mut Vec<Finding>) {
    let policy = &file.policy;
    for kind in [RequestKind::Withdrawal, RequestKind::Transfer] {
        let spoken = spoken(policy, kind);
        if spoken.always {
            continue;
        }
        let line = file.line("rule");
        let word = kind.word();
        if spoken.values.is_empty() && policy.clears.is_empty() {
            out.push(Finding {
                code: Code::MissingDefault,
                severity: Severity::Error,
                line,
                key: String::from("rule"),
                what: format!("no rule speaks of a {word} by its kind, value or amount alone, so every {word} is held for want of one"),
                fix: format!("add a rule such as `when = [\"kind in [{word}]\"]` that says what is to happen"),
            });
            continue;
        }
        for (from, to) in open_between(&spoken.values) {
            if policy.clears.is_empty() {
                let show = |units| number_text(Field::Value, units, &file.names, policy.reference);
                let range = match to {
                    Some(to) => format!("from {} to below {}", show(from), show(to)),
                    None => format!("from {} on", show(from)),
                };
                out.push(Finding {
                    code: Code::Gap,
                    severity: Severity::Error,
                    line,
                    key: String::from("rule"),
                    what: format!("no rule speaks of a {word} with a value {range}, so it is held for want of one"),
                    fix: String::from("add a rule for that range that says what is to happen"),
                });
            }
        }
    }
}

/// Of what the rules speak that look at the kind and the value alone.
struct Spoken {
    always: bool,
    values: Vec<(u128, Option<u128>)>,
}

fn spoken(policy: &Policy, kind: RequestKind) -> Spoken {
    let mut spoken = Spoken {
        always: false,
        values: Vec::new(),
    };
    for rule in policy.rules.iter() {
        let mut cover = Cover::of(rule);
        if cover.empty().is_some() {
            continue;
        }
        match cover.0.remove(&Field::Kind) {
            Some(Extent::Members(kinds)) if !kinds.contains(kind.word()) => continue,
            _ => {}
        }
        let mut rest = cover.0.into_iter();
        match (rest.next(), rest.next()) {
            (None, _) => spoken.always = true,
            (Some((Field::Value, Extent::Range(from, to))), None) => spoken.values.push((from, to)),
            _ => {}
        }
    }
    spoken
}

/// What lies between and behind the ranges, from zero on.
pub(super) fn open_between(ranges: &[(u128, Option<u128>)]) -> Vec<(u128, Option<u128>)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let (mut open, mut next) = (Vec::new(), Some(0));
    for (from, to) in sorted {
        let Some(reached) = next else { break };
        if from > reached {
            open.push((reached, Some(from)));
        }
        next = to.map(|to| reached.max(to));
    }
    if let Some(reached) = next {
        open.push((reached, None));
    }
    open
}
