//! What the rules of the policy say of a request, as a reason with its numbers, and the input vector that is recorded.

use super::turn::Turn;
use crate::event::Judged;
use crate::policy::figures::{Input, Seen, Unknown};
use crate::policy::judge::{Judging, Verdict};
use crate::policy::rule::{Source, Test};
use crate::policy::vector::Vector;
use crate::reason::{Effect, Reason};
use crate::registry::AssetIx;
use crate::state::State;
use alloc::string::String;

/// What the rules say.
#[derive(Default)]
pub(super) struct Said {
    /// Why not, if so.
    pub(super) reason: Option<Reason>,
    /// True if a rule clears, with approvals or without.
    pub(super) allows: bool,
    /// For the journal; `None` where the policy has no rules.
    pub(super) judged: Option<Judged>,
}

/// Asks the rules of the policy in force.
pub(super) fn ask(turn: &Turn<'_>, request: u32, input: Input<'_>) -> Said {
    let policy = turn.policy();
    if policy.rules.is_empty() {
        return Said::default();
    }
    let mut seen = Vector::new();
    let mut judging = Judging::new(turn.state, input, &mut seen);
    let verdict = judging.verdict();
    let reason = because(turn.state, &mut judging, &verdict);
    let roles = judging.roles(&verdict);
    let judged = Judged {
        request,
        version: policy.version,
        figures: seen.iter().collect(),
        matched: verdict.matched.iter().collect(),
        needs: verdict.needs,
        roles,
        delay_ms: verdict.delay_ms,
        until: verdict.until,
    };
    Said {
        reason,
        allows: verdict.allows,
        judged: Some(judged),
    }
}

/// The reason that a verdict gives.
fn because(state: &State, judging: &mut Judging<'_>, verdict: &Verdict) -> Option<Reason> {
    let rules = &state.guard.policy.rules;
    let named = |place: u8| rules.get(usize::from(place));
    if verdict.strictness < 4
        && let Some((place, field, why)) = verdict.unknown
    {
        let rule = named(place).map_or_else(String::new, |rule| rule.id.clone());
        return Some(untold(state, why, &rule, field.word()));
    }
    let place = verdict.decided?;
    let rule = named(place)?;
    if verdict.strictness < 3 {
        return None;
    }
    let (figure, value, limit) = judging.deciding(place);
    let (rule, figure) = (rule.id.clone(), String::from(figure));
    Some(if verdict.strictness == 4 {
        Reason::RuleDenies {
            rule,
            figure,
            value,
            limit,
        }
    } else {
        Reason::RuleHolds {
            rule,
            figure,
            value,
            limit,
            until: verdict.until,
        }
    })
}

/// The reason that a figure gives which can't be told.
pub(super) fn untold(state: &State, why: Unknown, rule: &str, figure: &str) -> Reason {
    let name = |asset: AssetIx| String::from(state.registry.asset_id(asset));
    match why {
        Unknown::PriceMissing { asset } => Reason::PriceMissing { asset: name(asset) },
        Unknown::PriceStale { age_ms, max_ms, .. } => Reason::PriceStale { age_ms, max_ms },
        Unknown::PriceSuspect {
            asset,
            price,
            last,
            band_bps,
        } => Reason::PriceBand {
            asset: name(asset),
            price,
            last,
            band_bps,
        },
        _ => Reason::FigureUnknown {
            rule: String::from(rule),
            figure: String::from(figure),
            why: String::from(why.word()),
        },
    }
}

/// The strictest reason so far; of several of one strictness the first in the order of reasons.
#[derive(Default)]
pub(super) struct Strictest(Option<Reason>);

impl Strictest {
    /// Takes what a check says.
    pub(super) fn take(&mut self, check: Result<(), Reason>) {
        let Err(reason) = check else { return };
        let rank = |reason: &Reason| {
            let holds = reason.effect() == Effect::Hold;
            (holds, reason.precedence())
        };
        match &self.0 {
            Some(known) if rank(known) <= rank(&reason) => {}
            _ => self.0 = Some(reason),
        }
    }

    /// What all checks together say.
    pub(super) fn said(self) -> Result<(), Reason> {
        self.0.map_or(Ok(()), Err)
    }
}

impl Judging<'_> {
    /// The last number that the rule at that place compares: its name, what was seen of it, and the limit. A rule without
    /// numbers gives its last condition's name and zeros.
    fn deciding(&mut self, place: u8) -> (&'static str, u128, u128) {
        // All of them are recorded with what is held or denied.
        self.see_all();
        let rules = self.rules();
        let Some(rule) = rules.get(usize::from(place)) else {
            return ("", 0, 0);
        };
        let mut last = ("", 0, 0);
        let mut told = false;
        let sources = rules.sources(usize::from(place));
        for (condition, source) in rule.when.iter().zip(sources) {
            let word = condition.field.word();
            let seen = match source {
                Source::Figure(place) => Some(self.figure(place)),
                Source::Choice => None,
            };
            match (&condition.test, seen) {
                (
                    Test::AtLeast(limit) | Test::Below(limit) | Test::Equals(limit),
                    Some(Seen::Number(value)),
                ) => {
                    last = (word, value, *limit);
                    told = true;
                }
                _ if !told => last = (word, 0, 0),
                _ => {}
            }
        }
        last
    }
}
