//! One request before a policy, condition by condition, and the verdict that follows: what `explain` shows and what
//! `backtest` counts.

use keepwhole_core::event::Judged;
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Field, Unit, Window};
use keepwhole_core::policy::figures::{Input, Seen, Unknown};
use keepwhole_core::policy::judge::{Held, Judging, RuleSeen};
use keepwhole_core::policy::rule::Outcome;
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::state::State;

use super::wording::field_text;

/// How long every journal's state keeps what left and came in, whatever its policy looked at, ms.
const KEPT_MS: u64 = 86_400_000;

/// What a policy says of a request, the looser first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// It may go.
    Cleared,
    /// It may go once so many persons approved.
    Approvals(u32),
    /// It waits: a code, or the rules.
    Held(String),
    /// It is refused: a code, or the rules.
    Denied(String),
}

impl Said {
    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Approvals(_) => "approvals",
            Self::Held(_) => "held",
            Self::Denied(_) => "denied",
        }
    }
}

/// What one condition saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionView {
    /// Number or flag; `None` for a member of a closed set.
    pub seen: Option<Seen>,
    /// What it came to.
    pub held: Held,
}

/// What one rule saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    /// Whether it matched.
    pub matched: bool,
    /// Whether something that can't be told came to matter.
    pub unknown: bool,
    /// Its conditions, in order.
    pub conditions: Vec<ConditionView>,
}

impl RuleView {
    fn of(seen: &RuleSeen) -> Self {
        let conditions = seen.conditions.iter().map(|of| ConditionView {
            seen: of.seen,
            held: of.held,
        });
        Self {
            matched: seen.matched,
            unknown: seen.unknown.is_some(),
            conditions: conditions.collect(),
        }
    }
}

/// What all rules saw, and what they and the limits that clear say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// By rule, in order.
    pub rules: Vec<RuleView>,
    /// The verdict.
    pub said: Said,
    /// Place of the first rule that led to it.
    pub decided: Option<usize>,
    /// Fields that could not be told, as the file has them.
    pub unknown: Vec<String>,
}

/// Where the figures of a request come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'s> {
    /// The state just before the request was judged.
    pub state: &'s State,
    /// The policy that judged it, and the input vector that it left in the journal.
    pub recorded: Option<&'s Judged>,
    /// Whether a figure that the vector lacks may be worked out from the state although the state may have forgotten
    /// something that it needs: true for the policy that judged the request itself.
    pub own: bool,
}

impl Sources<'_> {
    /// A figure: as it was recorded, else as it was worked out where the journal still knows all of it, else unknown.
    fn figure(&self, field: Field, worked_out: Seen, policy: &Policy) -> Seen {
        let old = &self.state.guard.policy;
        if let Some(judged) = self.recorded.filter(|judged| judged.version == old.version) {
            let place = old.rules.figures().iter().position(|known| *known == field);
            let found = place.and_then(|place| {
                let mut rows = judged.figures.iter();
                rows.find(|(at, _)| usize::from(*at) == place)
            });
            if let Some((_, seen)) = found {
                return *seen;
            }
        }
        let same_money = old.reference == policy.reference || field.unit() != Unit::Reference;
        if self.own || (same_money && is_kept(field)) {
            worked_out
        } else {
            Seen::Unknown(Unknown::NotRecorded)
        }
    }
}

/// Whether every journal's state still knows all that the field needs.
const fn is_kept(field: Field) -> bool {
    match field {
        Field::Window(Window { ms, .. })
        | Field::DepositedValue { ms, .. }
        | Field::DepositDrawn { ms, .. } => ms <= KEPT_MS,
        _ => true,
    }
}

/// Puts a request before a policy.
#[must_use]
pub fn view(sources: Sources<'_>, policy: &Policy, input: Input<'_>) -> View {
    let (state, rules) = (sources.state, &policy.rules);
    let mut worked_out = Vector::new();
    Judging::by(state, rules, input, &mut worked_out).see_all();
    let mut seen = Vector::new();
    for (place, of) in worked_out.iter() {
        if let Some(field) = rules.figures().get(usize::from(place)) {
            seen.tell(place, sources.figure(*field, of, policy));
        }
    }
    let mut judging = Judging::by(state, rules, input, &mut seen);
    let rules: Vec<RuleView> = judging.explain().iter().map(RuleView::of).collect();
    let mut unknown = Vec::new();
    for (rule, view) in policy.rules.iter().zip(&rules) {
        if view.unknown {
            for (condition, of) in rule.when.iter().zip(&view.conditions) {
                let field = field_text(condition.field);
                if matches!(of.held, Held::Unknown(_)) && !unknown.contains(&field) {
                    unknown.push(field);
                }
            }
        }
    }
    let (said, decided) = verdict(policy, input.ask, &rules);
    View {
        rules,
        said,
        decided,
        unknown,
    }
}

/// The strictest outcome of the rules that matched, with the limits that clear and the approvals by amount.
fn verdict(policy: &Policy, ask: &Ask, rules: &[RuleView]) -> (Said, Option<usize>) {
    let strictest = policy
        .rules
        .iter()
        .zip(rules)
        .enumerate()
        .filter(|(_, (_, view))| view.matched)
        .map(|(place, (rule, _))| (rule.then.strictness(), place))
        // Of several as strict ones the first decides.
        .max_by_key(|(strictness, place)| (*strictness, std::cmp::Reverse(*place)));
    let decided = strictest.map(|(_, place)| place);
    let id = || {
        let rule = decided.and_then(|place| policy.rules.get(place));
        rule.map_or_else(String::new, |rule| format!("rule {}", rule.id))
    };
    let untold = rules.iter().position(|view| view.unknown);
    match strictest {
        Some((4, _)) => return (Said::Denied(id()), decided),
        _ if untold.is_some() => return (Said::Held(String::from("unknown figure")), untold),
        Some((3, _)) => return (Said::Held(id()), decided),
        _ => {}
    }
    let (allowed, needs) = people(policy, ask, strictest.is_some());
    let of_rules = policy
        .rules
        .iter()
        .zip(rules)
        .filter(|(_, view)| view.matched)
        .map(|(rule, _)| match &rule.then {
            Outcome::Approve(approvals) => approvals.n,
            _ => 0,
        });
    let needs = of_rules.max().unwrap_or(0).max(needs);
    match (allowed, needs) {
        (false, _) => (Said::Held(String::from("no_rule_clears")), None),
        (true, 0) => (Said::Cleared, decided),
        (true, needs) => (Said::Approvals(needs), decided),
    }
}

/// Whether a rule or a limit lets it go at all, and how many persons the tiers and budgets ask for.
fn people(policy: &Policy, ask: &Ask, by_rule: bool) -> (bool, u32) {
    match ask {
        Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
            let limit = policy.clears_up_to(*asset);
            let cleared = by_rule || limit.is_some_and(|limit| *units <= limit);
            (cleared, policy.approvals(*asset, *units))
        }
        Ask::Credit { budget, .. } => match policy.budget(budget) {
            Some(budget) => (true, budget.approvals),
            None => (false, 0),
        },
    }
}
