//! What two policies differ in, field by field, in words of both languages; which way each field goes is the judgement of
//! [`crate::policy::diff`].

use keepwhole_core::authority::class::Class;
use keepwhole_core::policy::{LossOrder, Policy};
use keepwhole_core::state::State;

use super::condition::{self, joined};
use super::policy::{class_key, tier_words};
use crate::policy::file::CLASSES;
use crate::policy::{Change, Direction, Names, diff, rules};
use crate::text::{Arg, Words};

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Its key as the file has it, such as `rule.large.then`.
    pub field: String,
    /// What it is about.
    pub about: Words,
    /// Which way it goes.
    pub direction: Direction,
    /// What the older policy says; `None` where it says nothing.
    pub old: Option<Words>,
    /// What the newer policy says; `None` where it says nothing.
    pub new: Option<Words>,
}

/// What two policies differ in, and what adopting the newer one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDifference {
    /// Version of the older one.
    pub old: u64,
    /// Version of the newer one.
    pub new: u64,
    /// Id of the proposal that would bring the newer one into force; `None` where it was in force.
    pub proposal: Option<String>,
    /// Fields that differ, in the order of the file.
    pub changes: Vec<FieldChange>,
    /// True where the newer one only tightens; then one person may bring it into force at once.
    pub at_once: bool,
    /// Distinct persons that adopting it needs otherwise.
    pub persons: u64,
    /// How long it then waits, milliseconds.
    pub notice: u64,
}

impl PolicyDifference {
    /// Compares two policies of one journal.
    #[must_use]
    pub fn of(state: &State, old: &Policy, new: &Policy, proposal: Option<&str>) -> Self {
        let names = Names::of_registry(&state.registry, state.at);
        let found = diff(old, new, &names);
        let rules = state.authority.rules.as_deref();
        let now = old.version == state.guard.policy.version;
        let lifts = now && state.authority.takes_back(new);
        let class = if lifts {
            Class::LiftStop
        } else {
            Class::LoosenPolicy
        };
        let quorum = rules.and_then(|rules| rules.quorum(class));
        // Where there are rules of authority, both must be met; what one person tightened is taken back as a stop is.
        let (approvals, notice) = if lifts {
            (0, 0)
        } else {
            (found.approvals, found.notice_ms)
        };
        let changes = found.changes.iter();
        Self {
            old: u64::from(old.version),
            new: u64::from(new.version),
            proposal: proposal.map(str::to_owned),
            changes: changes
                .map(|change| field_change(state, old, new, change))
                .collect(),
            at_once: found.at_once,
            persons: u64::from(quorum.map_or(approvals, |of| of.persons.max(approvals))),
            notice: quorum.map_or(notice, |of| of.cool_off_ms.max(notice)),
        }
    }
}

fn field_change(state: &State, old: &Policy, new: &Policy, change: &Change) -> FieldChange {
    let side = |policy: &Policy, text: &Option<String>| {
        let text = text.as_deref()?;
        Some(value(state, policy, &change.field, text))
    };
    FieldChange {
        field: change.field.clone(),
        about: about(&change.field),
        direction: change.direction,
        old: side(old, &change.old),
        new: side(new, &change.new),
    }
}

/// How the value of a field is said.
enum Said {
    /// As the file has it: names, numbers with their unit.
    Text,
    /// A length of time.
    Span(fn(&Policy) -> Option<u64>),
    /// On or off.
    Flag(fn(&Policy) -> bool),
}

/// Fields of one name: key of the file, key of the catalogues, how the value is said.
const FIELDS: &[(&str, &str, Said)] = &[
    ("changes.approvals", "diff-change-persons", Said::Text),
    (
        "changes.cool_off",
        "diff-change-wait",
        Said::Span(|p| p.change_cool_off_ms),
    ),
    (
        "approvals.valid_for",
        "diff-approval-valid",
        Said::Span(|p| p.approval_ttl_ms),
    ),
    (
        "approvals.collect_within",
        "diff-approval-collect",
        Said::Span(|p| p.collection_ms),
    ),
    (
        "approvals.act_within",
        "diff-approval-act",
        Said::Span(|p| p.execution_ms),
    ),
    (
        "clearances.valid_for",
        "diff-clearance-valid",
        Said::Span(|p| p.clearance_ttl_ms),
    ),
    ("clearances.operations", "diff-operations", Said::Text),
    ("clearances.attested", "diff-attested", Said::Text),
    (
        "destinations.only_listed",
        "diff-only-listed",
        Said::Flag(|p| p.allowlist),
    ),
    (
        "destinations.cool_off",
        "diff-destination-wait",
        Said::Span(|p| p.destination_cool_off_ms),
    ),
    ("reference", "diff-reference", Said::Text),
    (
        "prices.max_age",
        "diff-price-age",
        Said::Span(|p| p.price_max_age_ms),
    ),
    ("prices.band", "diff-price-band", Said::Text),
    ("nodes.trusted", "diff-nodes", Said::Text),
    ("nodes.agree", "diff-node-quorum", Said::Text),
    (
        "nodes.max_lag",
        "diff-node-lag",
        Said::Span(|p| p.node_max_lag_ms),
    ),
    (
        "holdings.guard",
        "diff-holdings",
        Said::Flag(|p| p.holdings_guard),
    ),
    (
        "personal_records.reads_per_hour",
        "diff-reads-each",
        Said::Text,
    ),
    (
        "personal_records.reads_per_hour_all",
        "diff-reads-all",
        Said::Text,
    ),
    (
        "breaker.armed",
        "diff-armed",
        Said::Flag(|p| p.breaker_armed),
    ),
    ("breaker.sweep_to", "diff-sweep", Said::Text),
    ("losses.first", "diff-losses", Said::Text),
];

/// What a field is about.
fn about(field: &str) -> Words {
    if let Some((_, key, _)) = FIELDS.iter().find(|(known, ..)| *known == field) {
        return Words::key(key);
    }
    let (section, rest) = field.split_once('.').unwrap_or((field, ""));
    match section {
        "authority" => {
            let class = CLASSES.iter().find(|(key, _)| *key == rest);
            let class = class.map_or_else(
                || Words::plain(rest),
                |(_, class)| Words::key(class_key(*class)),
            );
            Words::key("diff-authority").with("class", class)
        }
        "cap" => Words::key("diff-cap").with("window", rest),
        "clear" => Words::key("diff-clear").with("asset", rest),
        "tier" => Words::key("diff-tier").with("asset", rest),
        "auto_pay" => Words::key("diff-auto-pay").with("asset", rest),
        "budget" => part_of(
            rest,
            "diff-budget",
            &[
                (".unit", "diff-budget-unit"),
                (".total", "diff-budget-total"),
                (".per_customer", "diff-budget-each"),
                (".approvals", "diff-budget-persons"),
                (".line_value", "diff-budget-line"),
                (".batch_value", "diff-budget-batch"),
                (".per_requester", "diff-budget-requester"),
            ],
        ),
        "rule" => part_of(
            rest,
            "diff-rule",
            &[
                (".when", "diff-rule-when"),
                (".then", "diff-rule-then"),
                (".says", "diff-rule-says"),
            ],
        ),
        _ => Words::plain(field),
    }
}

/// The words for a part of something named, or for the whole of it. Names hold no full stop.
fn part_of(rest: &str, whole: &'static str, parts: &[(&str, &'static str)]) -> Words {
    let found = parts.iter().find_map(|(end, key)| {
        let name = rest.strip_suffix(end)?;
        Some(Words::key(key).with("name", name))
    });
    found.unwrap_or_else(|| Words::key(whole).with("name", rest))
}

/// What one policy says in a field; `text` is what the file has.
fn value(state: &State, policy: &Policy, field: &str, text: &str) -> Words {
    let plain = || match text {
        "" => Words::key("policy-nothing"),
        text => Words::plain(text),
    };
    if let Some((_, _, said)) = FIELDS.iter().find(|(known, ..)| *known == field) {
        return match said {
            Said::Span(of) => of(policy).map_or_else(plain, |ms| {
                Words::key("value-span").with("span", Arg::Span(ms))
            }),
            Said::Flag(of) => Words::key(if of(policy) { "value-on" } else { "value-off" }),
            Said::Text if field == "losses.first" => Words::key(match policy.loss_order {
                LossOrder::ProRata => "policy-loss-pro-rata",
                LossOrder::HouseFirst => "policy-loss-house-first",
            }),
            Said::Text => plain(),
        };
    }
    if let Some(rest) = field.strip_prefix("rule.") {
        return rule_value(state, policy, rest).unwrap_or_else(plain);
    }
    if let Some(asset) = field
        .strip_prefix("tier.")
        .and_then(|id| state.registry.asset(id))
    {
        let tiers = policy.tiers.iter().filter(|tier| tier.asset == asset);
        let tiers: Vec<Words> = tiers.map(|tier| tier_words(state, tier)).collect();
        return joined(&tiers, "; ");
    }
    plain()
}

fn rule_value(state: &State, policy: &Policy, rest: &str) -> Option<Words> {
    let id = rest.split('.').next().unwrap_or(rest);
    let rule = policy.rules.iter().find(|rule| rule.id == id)?;
    let then = condition::outcome(&rule.then);
    let when = condition::conditions(state, policy, rule);
    Some(match rest.strip_prefix(id)? {
        ".then" => then,
        ".when" => when,
        ".says" => {
            let (english, korean) = rules::words(rule);
            Words::both(korean, english)
        }
        _ => Words::key("diff-rule-whole")
            .with("then", then)
            .with("when", when),
    })
}
