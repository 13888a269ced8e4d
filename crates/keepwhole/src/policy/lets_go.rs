//! Rules that let a request go once people approved it: what they leave held below, and whether their approvals last.

use std::collections::BTreeSet;

use keepwhole_core::policy::field::{Field, RequestKind};
use keepwhole_core::policy::rule::{Outcome, Rule};
use keepwhole_core::registry::AssetIx;

use super::check::{Code, Finding, Severity};
use super::extent::{Cover, Extent};
use super::file::PolicyFile;
use super::lint::open_between;
use super::unit::show_duration;
use super::wording::{field_text, number_text};

/// Finds approvals that say nothing of smaller requests, and approvals that lapse before their rule lets anything go.
pub(super) fn approvals(file: &PolicyFile, out: &mut Vec<Finding>) {
    for rule in file.policy.rules.iter() {
        let Outcome::Approve(approvals) = &rule.then else {
            continue;
        };
        if let Some(ttl) = file
            .policy
            .approval_ttl_ms
            .filter(|ttl| approvals.delay_ms > 0 && *ttl <= approvals.delay_ms)
        {
            out.push(lapses(file, rule, ttl, approvals.delay_ms));
        }
        if let Some(found) = smaller(file, rule) {
            out.push(found);
        }
    }
}

/// The wait begins with the last approval, which counts for less time than that: the quorum is gone when the wait is over.
fn lapses(file: &PolicyFile, rule: &Rule, ttl: u64, delay: u64) -> Finding {
    let key = format!("rule.{}", rule.id);
    Finding {
        code: Code::ApprovalLapses,
        severity: Severity::Error,
        line: file.line(&key),
        key,
        what: format!(
            "it waits {} from the last approval on, and an approval holds for {}: none of them holds any more when the wait is over",
            show_duration(delay),
            show_duration(ttl)
        ),
        fix: format!(
            "let `[approvals] valid_for` be longer than {}, or wait less",
            show_duration(delay)
        ),
    }
}

/// An approval from some size on lets the large go and says nothing of the small: what no other rule speaks of is held.
fn smaller(file: &PolicyFile, rule: &Rule) -> Option<Finding> {
    let FromASizeOn {
        kinds,
        assets,
        field,
        from,
    } = from_a_size_on(rule)?;
    // The gaps of a policy without `[[clear]]` are found for all values together.
    let of_values = matches!(field, Field::Value) && file.policy.clears.is_empty();
    if of_values && assets.is_none() {
        return None;
    }
    let known = || file.names.assets().filter_map(|id| file.names.asset(id));
    let meant: Vec<AssetIx> = match field {
        Field::Amount(asset) => vec![asset],
        _ => known()
            .map(|(ix, _)| ix)
            .filter(|ix| {
                assets
                    .as_ref()
                    .is_none_or(|set| set.contains(&ix.0.to_string()))
            })
            .collect(),
    };
    let (kind, asset, open) = kinds.iter().find_map(|kind| {
        meant.iter().find_map(|asset| {
            let open = open_below(file, *kind, *asset, field)?;
            (open.0 < from).then_some((kind.word(), *asset, open))
        })
    })?;
    let show = |units| number_text(field, units, &file.names, file.policy.reference);
    let until = open.1.map_or(from, |end| end.min(from));
    let range = match open.0 {
        0 => format!("below {}", show(until)),
        least => format!("from {} to below {}", show(least), show(until)),
    };
    let id = file.names.asset_id(asset);
    let key = format!("rule.{}", rule.id);
    Some(Finding {
        code: Code::SmallerHeld,
        severity: Severity::Warning,
        line: file.line(&key),
        key,
        what: format!(
            "it lets a {kind} of {id} go once people approved it, and no rule and no `[[clear]]` speaks of one with `{}` {range}: the smaller is held, and the larger goes",
            field_text(field)
        ),
        fix: format!(
            "add `[[clear]]` with `up_to` of {id}, or a rule with `then = \"clear\"` or its own approvals for what is smaller"
        ),
    })
}

/// A rule that looks at nothing but a size, from some number on.
struct FromASizeOn {
    kinds: Vec<RequestKind>,
    /// Numbers of the assets that it names; `None` for any.
    assets: Option<BTreeSet<String>>,
    field: Field,
    from: u128,
}

fn from_a_size_on(rule: &Rule) -> Option<FromASizeOn> {
    let mut cover = Cover::of(rule);
    if cover.empty().is_some() {
        return None;
    }
    let kinds = cover.0.remove(&Field::Kind);
    let kinds = [RequestKind::Withdrawal, RequestKind::Transfer]
        .into_iter()
        .filter(|kind| named(kinds.as_ref(), kind.word()))
        .collect();
    let assets = match cover.0.remove(&Field::Asset) {
        Some(Extent::Members(set)) => Some(set),
        _ => None,
    };
    let mut rest = cover.0.into_iter();
    let (Some((field, Extent::Range(from, _))), None) = (rest.next(), rest.next()) else {
        return None;
    };
    let sized = matches!(field, Field::Value | Field::Amount(_)) && from > 0;
    sized.then_some(FromASizeOn {
        kinds,
        assets,
        field,
        from,
    })
}

fn named(extent: Option<&Extent>, word: &str) -> bool {
    match extent {
        Some(Extent::Members(set)) => set.contains(word),
        _ => true,
    }
}

/// The first range of `field` of which nothing speaks for that kind and asset; `None` where there is none, or where it
/// can't be told because amounts and values are mixed.
fn open_below(
    file: &PolicyFile,
    kind: RequestKind,
    asset: AssetIx,
    field: Field,
) -> Option<(u128, Option<u128>)> {
    let policy = &file.policy;
    let mut ranges = Vec::new();
    if let Some(up_to) = policy.clears_up_to(asset) {
        match field {
            Field::Amount(_) => ranges.push((0, up_to.checked_add(1))),
            // How much an amount is worth stands in no file.
            _ => return None,
        }
    }
    for rule in policy.rules.iter() {
        let mut cover = Cover::of(rule);
        let kinds = cover.0.remove(&Field::Kind);
        let assets = cover.0.remove(&Field::Asset);
        let meant =
            named(kinds.as_ref(), kind.word()) && named(assets.as_ref(), &asset.0.to_string());
        if !meant || cover.empty().is_some() {
            continue;
        }
        let mut rest = cover.0.into_iter();
        match (rest.next(), rest.next()) {
            (None, _) => return None,
            (Some((own, Extent::Range(from, to))), None) if own == field => ranges.push((from, to)),
            // A size told otherwise: it may cover what is asked for, or not.
            (Some((Field::Value | Field::Amount(_), Extent::Range(0, _))), None) => return None,
            _ => {}
        }
    }
    open_between(&ranges).into_iter().next()
}
