//! Proposed rules of authority beside those in force: whoever approves them sees what their digest stands for.

use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::finding::{FindingEffect, FindingRules};
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::rules::{RelyingParty, Rules, SeparateFrom};
use keepwhole_core::state::State;

use super::quorum::{effect_key, quorum_row};
use super::{QuorumRow, wording};
use crate::text::{Arg, Words, count};

/// How a part of the rules stands to the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It stays as it is.
    Same,
    /// It would be another one.
    Changed,
    /// It is not in force now.
    New,
    /// It would be in force no more: then nobody may.
    Gone,
}

/// The quorum of one class of action, now and as proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumChange {
    /// How it would change.
    pub turn: Turn,
    /// As proposed; as in force where it would be gone.
    pub row: QuorumRow,
    /// As in force, where it would change.
    pub before: Option<QuorumRow>,
}

/// One term of the rules, now and as proposed: a list of words each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermChange {
    /// The catalogue's key of the term.
    pub term: &'static str,
    /// As in force.
    pub before: Vec<Words>,
    /// As proposed.
    pub after: Vec<Words>,
}

/// Proposed rules of authority, whole, beside those in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesDifference {
    /// Version in force.
    pub before: u64,
    /// Version proposed.
    pub after: u64,
    /// Every class of action that either has, in the order of the classes.
    pub quorums: Vec<QuorumChange>,
    /// All other terms.
    pub terms: Vec<TermChange>,
}

impl RulesDifference {
    /// What `after` would change of the rules `before`.
    #[must_use]
    pub fn of(state: &State, before: &Rules, after: &Rules) -> Self {
        let classes = Class::ALL.iter();
        let quorums = classes.filter_map(|(class, _)| {
            quorum_change(state, before.quorum(*class), after.quorum(*class))
        });
        let terms = terms(state, before).into_iter().zip(terms(state, after));
        Self {
            before: u64::from(before.version),
            after: u64::from(after.version),
            quorums: quorums.collect(),
            terms: terms
                .map(|((term, before), (_, after))| TermChange {
                    term,
                    before,
                    after,
                })
                .collect(),
        }
    }
}

fn quorum_change(
    state: &State,
    before: Option<&Quorum>,
    after: Option<&Quorum>,
) -> Option<QuorumChange> {
    let turn = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => Turn::New,
        (Some(_), None) => Turn::Gone,
        (Some(before), Some(after)) if before == after => Turn::Same,
        (Some(_), Some(_)) => Turn::Changed,
    };
    let shown = |quorum| quorum_row(state, quorum);
    Some(QuorumChange {
        turn,
        row: shown(after.or(before)?),
        before: before.filter(|_| turn == Turn::Changed).map(shown),
    })
}

/// Every term beside the quorums; the same ones, in the same order, for any rules.
fn terms(state: &State, rules: &Rules) -> Vec<(&'static str, Vec<Words>)> {
    let sites = rules.relying_parties.iter().map(site);
    let separate = rules.separate_from.iter().map(|row| separate(state, row));
    let mut all = vec![
        ("rules-sites", sites.collect()),
        ("rules-separate-from", separate.collect()),
        ("rules-device-bound", names(&rules.device_bound_roles)),
        ("rules-proposers", names(&rules.proposers)),
        ("rules-clearers", names(&rules.clearers)),
    ];
    for (term, ms) in [
        ("rules-role-max", rules.role_max_ms),
        ("rules-touch", rules.touch_ms),
        ("rules-collection", rules.collection_ms),
        ("rules-session-idle", rules.sessions.idle_ms),
        ("rules-session-whole", rules.sessions.whole_ms),
        ("rules-break-glass", rules.break_glass_ms),
    ] {
        all.push((term, vec![span(ms)]));
    }
    all.extend(findings(&rules.findings));
    all
}

fn site(site: &RelyingParty) -> Words {
    let key = match site.separate {
        true => "rules-site-separate",
        false => "rules-site",
    };
    Words::key(key)
        .with("site", site.id.as_str())
        .with("origins", site.origins.join(", "))
}

fn separate(state: &State, row: &SeparateFrom) -> Words {
    let amount: Arg = match state.registry.asset(&row.asset) {
        Some(asset) => wording::amount(state, asset, row.from).number().into(),
        None => Words::key("rules-minor")
            .with("units", count(row.from))
            .into(),
    };
    Words::key("rules-separate-row")
        .with("asset", row.asset.as_str())
        .with("amount", amount)
}

fn names(list: &[String]) -> Vec<Words> {
    list.iter().map(|name| Words::plain(name)).collect()
}

fn span(ms: u64) -> Words {
    Words::key("rules-span").with("span", Arg::Span(ms))
}

fn findings(rules: &FindingRules) -> Vec<(&'static str, Vec<Words>)> {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let (from, until) = rules.usual_minutes;
    let hours = Words::key("rules-hours-are")
        .with("from", clock(from))
        .with("until", clock(until))
        .with("offset", clock(rules.utc_offset_minutes));
    let effect = |effect: FindingEffect| vec![Words::key(effect_key(effect))];
    vec![
        ("rules-hours", vec![hours]),
        ("rules-places", vec![span(rules.places_ms)]),
        ("rules-reset", vec![span(rules.reset_ms)]),
        ("finding-new-device", effect(rules.new_device)),
        ("finding-unusual-hours", effect(rules.unusual_hours)),
        ("finding-two-places", effect(rules.two_places)),
        ("finding-reset-then-large", effect(rules.reset_then_large)),
    ]
}
