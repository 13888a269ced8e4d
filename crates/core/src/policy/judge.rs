//! Judging: all rules run, the strictest outcome wins, and people's part of several rules adds up. Pure, and without
//! memory of its own on the way to a clearance.
//!
//! What can't be told counts against the request: a condition on it holds in a rule that restricts, fails in a rule that
//! clears, and where every other condition of that rule holds the request is held at least.

use super::field::{Field, Members, Unit};
use super::figures::{Figures, Input, Seen, Unknown};
use super::plan::Step;
use super::rule::{Outcome, Rule, Rules, Source, Test};
use super::vector::{Sort, Vector};
use crate::guard::Ask;
use crate::registry::{Tier, WalletIx};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;

/// A set of rules by their places.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Places([u64; 4]);

impl Places {
    fn insert(&mut self, place: u8) {
        if let Some(word) = self.0.get_mut(usize::from(place / 64)) {
            *word |= 1 << (place % 64);
        }
    }

    /// True if the rule of that place is in it.
    #[must_use]
    pub fn contains(&self, place: u8) -> bool {
        let word = self.0.get(usize::from(place / 64));
        word.is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    /// The places, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let mut words = [0u8, 64, 128, 192].into_iter().zip(&mut rest);
            let (first, word) = words.find(|(_, word)| **word != 0)?;
            let lowest = u8::try_from(word.trailing_zeros()).ok()?;
            *word &= word.wrapping_sub(1);
            first.checked_add(lowest)
        })
    }
}

/// What a rule's condition came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It holds.
    Yes,
    /// It does not, or does not apply.
    No,
    /// It can't be told.
    Unknown(Unknown),
}

/// What all rules together say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// Strictest outcome of a rule that matched ([`Outcome::strictness`]); zero where none matched.
    pub strictness: u8,
    /// Rules that matched.
    pub matched: Places,
    /// The first rule that led to the strictest outcome.
    pub decided: Option<u8>,
    /// The first rule in which something that can't be told came to matter, and what.
    pub unknown: Option<(u8, Field, Unknown)>,
    /// True if a rule clears, or asks for approvals and nothing else.
    pub allows: bool,
    /// Approvals that the rules need, distinct persons.
    pub needs: u32,
    /// Wait from the last approval on, ms.
    pub delay_ms: u64,
    /// Where every rule that holds does so because of an age: first moment at which none of them does, ms.
    pub until: Option<u64>,
}

/// One request before the rules of the policy in force.
pub struct Judging<'s> {
    state: &'s State,
    rules: &'s Rules,
    figures: Figures<'s>,
    /// The request's kind as a bit.
    kind: u8,
    seen: &'s mut Vector,
}

impl<'s> Judging<'s> {
    /// A request before the rules of the policy in force. What is in `seen` is taken from there, what is not is worked out
    /// and put there.
    #[must_use]
    #[inline]
    pub fn new(state: &'s State, input: Input<'s>, seen: &'s mut Vector) -> Self {
        Self::by(state, &state.guard.policy.rules, input, seen)
    }

    /// A request before other rules. Reference currency and greatest age of a price stay those of the policy in force.
    #[must_use]
    #[inline]
    pub const fn by(
        state: &'s State,
        rules: &'s Rules,
        input: Input<'s>,
        seen: &'s mut Vector,
    ) -> Self {
        Self {
            state,
            rules,
            figures: Figures::new(state, input),
            kind: input.kind().bit(),
            seen,
        }
    }

    /// What all rules together say.
    pub fn verdict(&mut self) -> Verdict {
        let rules = self.rules;
        let (matched, untold) = self.run();
        let mut verdict = Verdict {
            matched,
            unknown: untold.and_then(|(place, figure)| self.unknown(place, figure)),
            ..Verdict::default()
        };
        let mut until = Until::default();
        for place in matched.iter() {
            let Some(rule) = rules.get(usize::from(place)) else {
                continue;
            };
            let strictness = rule.then.strictness();
            if strictness > verdict.strictness {
                verdict.strictness = strictness;
                verdict.decided = Some(place);
            }
            match &rule.then {
                Outcome::Clear => verdict.allows = true,
                Outcome::Approve(approvals) => {
                    verdict.allows = true;
                    verdict.needs = verdict.needs.max(approvals.n);
                    verdict.delay_ms = verdict.delay_ms.max(approvals.delay_ms);
                }
                Outcome::Hold => until.and(self.ends(usize::from(place), rule)),
                Outcome::Deny => {}
            }
        }
        if verdict.strictness == 3 && verdict.unknown.is_none() {
            verdict.until = until.0.flatten();
        }
        verdict
    }

    /// The rules that match, and the first in which something that can't be told came to matter, with the place of its
    /// figure.
    fn run(&mut self) -> (Places, Option<(u8, u8)>) {
        let (steps, mut matched) = (self.rules.steps(), Places::default());
        for rule in self.rules.unconditional() {
            matched.insert(*rule);
        }
        // The first of the rule and the first of all.
        let (mut untold, mut first) = (None, None);
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at = at.wrapping_add(1);
            let seen = self.seen(step);
            if seen.0 == Sort::Unknown {
                untold = untold.or(Some(step.figure));
            } else if !step.meets(seen) {
                untold = None;
                at = step.next;
                continue;
            }
            if !step.last {
                continue;
            }
            if let Some(figure) = untold.take() {
                first = first.or(Some((step.rule, figure)));
                if !step.restricts {
                    continue;
                }
            }
            matched.insert(step.rule);
        }
        (matched, first)
    }

    /// What a condition looks at.
    #[inline]
    fn seen(&mut self, step: &Step) -> (Sort, u128) {
        match self.seen.sort(step.figure) {
            Some(Sort::Unseen) => self.see(step.figure),
            Some(_) => {}
            None => return (self.chosen(step), 0),
        }
        self.seen.flat(step.figure)
    }

    /// Roles each of which one of the approvers must hold: those of all rules that matched, ascending.
    #[must_use]
    pub fn roles(&self, verdict: &Verdict) -> Vec<String> {
        let mut roles: Vec<String> = Vec::new();
        for (place, rule) in (0..=u8::MAX).zip(self.rules.iter()) {
            if let (true, Outcome::Approve(approvals)) =
                (verdict.matched.contains(place), &rule.then)
            {
                roles.extend(approvals.roles.iter().cloned());
            }
        }
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// The rules that it is before.
    #[must_use]
    pub const fn rules(&self) -> &'s Rules {
        self.rules
    }

    /// What stood in the way of the rule at that place, and why.
    fn unknown(&self, rule: u8, figure: u8) -> Option<(u8, Field, Unknown)> {
        let field = self.rules.figures().get(usize::from(figure))?;
        Some((rule, *field, self.seen.why(figure)))
    }

    /// Works out all figures that the rules look at.
    pub fn see_all(&mut self) {
        for (place, _) in (0..=u8::MAX).zip(self.rules.figures()) {
            self.figure(place);
        }
    }

    /// The figure at that place, worked out once.
    pub(crate) fn figure(&mut self, place: u8) -> Seen {
        if self.seen.sort(place) == Some(Sort::Unseen) {
            self.see(place);
        }
        self.seen.get(place).unwrap_or(Seen::Absent)
    }

    /// Works out the figure at that place.
    #[inline(never)]
    fn see(&mut self, place: u8) {
        let field = self.rules.figure_of(usize::from(place), self.kind);
        let seen = field.map_or(Seen::Absent, |field| self.figures.seen(field));
        self.seen.tell(place, seen);
    }

    /// Whether the request is of the members that the condition names: of that condition's sort if so.
    #[inline(never)]
    fn chosen(&self, step: &Step) -> Sort {
        let rule = self.rules.get(usize::from(step.rule));
        let condition = rule.and_then(|rule| rule.when.get(usize::from(step.at)));
        if condition.is_some_and(|condition| self.within(&condition.test)) {
            Sort::Flag
        } else {
            Sort::Absent
        }
    }

    fn within(&self, test: &Test) -> bool {
        let Test::In(members) = test else {
            return false;
        };
        let input = &self.figures.input;
        let registry = &self.state.registry;
        match members {
            Members::Kinds(kinds) => kinds.contains(&input.kind()),
            Members::Assets(assets) => match input.ask {
                Ask::Credit { lines, .. } => lines.iter().any(|line| assets.contains(&line.asset)),
                _ => input.asset().is_some_and(|asset| assets.contains(&asset)),
            },
            Members::Networks(networks) => {
                let row = input
                    .asset()
                    .and_then(|asset| registry.assets.get(asset.place()));
                let network = row.and_then(|row| row.network.as_ref());
                network.is_some_and(|network| networks.contains(network))
            }
            Members::Wallets(wallets) => input
                .wallet()
                .is_some_and(|wallet| wallets.contains(&wallet)),
            Members::Tiers(tiers) => {
                let tier = input.wallet().and_then(|wallet| self.tier(wallet));
                tier.is_some_and(|tier| tiers.contains(&tier))
            }
            Members::Campaigns(budgets) => match input.ask {
                Ask::Credit { budget, .. } => budgets.contains(budget),
                _ => false,
            },
        }
    }

    fn tier(&self, wallet: WalletIx) -> Option<Tier> {
        let row = self.state.registry.wallets.get(wallet.place())?;
        Some(row.tier)
    }

    /// First moment at which a rule that matched matches no more because something grew old enough.
    fn ends(&mut self, place: usize, rule: &Rule) -> Option<u64> {
        let rules = self.rules;
        let mut first: Option<u64> = None;
        for (condition, source) in rule.when.iter().zip(rules.sources(place)) {
            let (Source::Figure(place), Test::Below(limit), Unit::Ms) =
                (source, &condition.test, condition.field.unit())
            else {
                continue;
            };
            // A destination that nobody listed or paid does not grow old.
            let seen = self.figure(place);
            let (Seen::Number(age), true) = (seen, condition.field != Field::PriceAge) else {
                continue;
            };
            if condition.field == Field::DestinationAge && age == 0 {
                continue;
            }
            let left = u64::try_from(limit.saturating_sub(age)).unwrap_or(u64::MAX);
            let ends = self.figures.input.at.saturating_add(left);
            first = Some(first.map_or(ends, |known| known.min(ends)));
        }
        first
    }

    /// What each rule came to, condition by condition.
    pub fn explain(&mut self) -> Vec<RuleSeen> {
        let rules = self.rules;
        let mut explained = Vec::with_capacity(rules.len());
        for (place, rule) in rules.iter().enumerate() {
            let steps = rules.steps_of(place).iter().zip(rules.sources(place));
            let conditions = steps.map(|(step, source)| {
                let seen = self.seen(step);
                let held = if seen.0 == Sort::Unknown {
                    Held::Unknown(self.seen.why(step.figure))
                } else if step.meets(seen) {
                    Held::Yes
                } else {
                    Held::No
                };
                let seen = match source {
                    Source::Figure(place) => Some(self.figure(place)),
                    Source::Choice => None,
                };
                ConditionSeen { seen, held }
            });
            let conditions: Vec<ConditionSeen> = conditions.collect();
            let possible = conditions.iter().all(|of| of.held != Held::No);
            let untold = rule
                .when
                .iter()
                .zip(&conditions)
                .find_map(|(of, seen)| match seen.held {
                    Held::Unknown(why) => Some((of.field, why)),
                    Held::Yes | Held::No => None,
                });
            explained.push(RuleSeen {
                matched: possible && (untold.is_none() || rule.then != Outcome::Clear),
                unknown: untold.filter(|_| possible),
                conditions,
            });
        }
        explained
    }
}

/// The least moment at which all of them ended; `None` inside where one never does.
#[derive(Default)]
struct Until(Option<Option<u64>>);

impl Until {
    fn and(&mut self, ends: Option<u64>) {
        self.0 = Some(match self.0 {
            None => ends,
            Some(known) => known.zip(ends).map(|(a, b)| a.max(b)),
        });
    }
}

/// What a condition saw; members of a closed set are told by the request itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConditionSeen {
    /// The figure; `None` for a member of a closed set.
    pub seen: Option<Seen>,
    /// What it came to.
    pub held: Held,
}

/// What a rule saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleSeen {
    /// True if it matched.
    pub matched: bool,
    /// What could not be told, where nothing else stood in the way.
    pub unknown: Option<(Field, Unknown)>,
    /// Its conditions, in order.
    pub conditions: Vec<ConditionSeen>,
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::Places;
    use std::vec::Vec;

    #[test]
    fn all_places_are_found_in_order() {
        for step in [1u8, 7, 63, 64, 65, 255] {
            let put: Vec<u8> = (0..=u8::MAX).step_by(step.into()).collect();
            let mut places = Places::default();
            put.iter().rev().for_each(|place| places.insert(*place));
            assert_eq!(places.iter().collect::<Vec<u8>>(), put);
            assert!((0..=u8::MAX).all(|place| places.contains(place) == put.contains(&place)));
        }
    }
}
