//! Judging: all rules run, the strictest outcome wins, and people's part of several rules adds up. Pure, and without
//! memory of its own on the way to a clearance.
//!
//! What can't be told counts against the request: a condition on it holds in a rule that restricts, fails in a rule that
//! clears, and where every other condition of that rule holds the request is held at least.

use super::field::{Field, Members, Unit};
use super::figures::{Figures, Input, Seen, Unknown};
use super::rule::{Condition, FIGURES_MAX, Outcome, Rule, Rules, Source, Step, Test};
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
        (0..=u8::MAX).filter(|place| self.contains(*place))
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

/// What is seen of a field, laid out so that comparing it reads what was written in the same steps: the processor hands
/// the bytes on then, and waits where they are copied together between.
#[derive(Clone, Copy)]
pub(super) struct Flat {
    pub(super) number: u128,
    pub(super) sort: Sort,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Unseen,
    Number,
    /// The number is one for true.
    Flag,
    Absent,
    Unknown,
}

impl Flat {
    const UNSEEN: Self = Self::of(Sort::Unseen, 0);

    const fn of(sort: Sort, number: u128) -> Self {
        Self { number, sort }
    }
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
    seen: [Flat; FIGURES_MAX],
    /// Of the figures that can't be told, why.
    untold: Vec<(u8, Unknown)>,
}

impl<'s> Judging<'s> {
    /// A request before the rules of the policy in force.
    #[must_use]
    #[inline]
    pub fn new(state: &'s State, input: Input<'s>) -> Self {
        Self::by(state, &state.guard.policy.rules, input)
    }

    /// A request before other rules. Reference currency and greatest age of a price stay those of the policy in force.
    #[must_use]
    #[inline]
    pub const fn by(state: &'s State, rules: &'s Rules, input: Input<'s>) -> Self {
        Self {
            state,
            rules,
            figures: Figures::new(state, input),
            seen: [Flat::UNSEEN; FIGURES_MAX],
            untold: Vec::new(),
        }
    }

    /// What all rules together say.
    pub fn verdict(&mut self) -> Verdict {
        let rules = self.rules;
        let mut verdict = Verdict::default();
        let mut until = Until::default();
        for (place, (steps, restricts)) in (0..=u8::MAX).zip(rules.judged()) {
            let (matches, unknown) = self.matches(usize::from(place), steps, restricts);
            if let Some((field, why)) = unknown {
                verdict.unknown.get_or_insert((place, field, why));
            }
            if !matches {
                continue;
            }
            let Some(rule) = rules.get(usize::from(place)) else {
                continue;
            };
            verdict.matched.insert(place);
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

    /// The figures that were worked out so far, by place.
    pub fn vector(&self) -> impl Iterator<Item = (u8, Seen)> + '_ {
        let told = (0..=u8::MAX).zip(&self.seen);
        told.filter_map(|(place, flat)| Some((place, self.told(place, flat)?)))
    }

    /// True if all conditions of the rule at that place hold; what can't be told stands in the way where nothing else does.
    fn matches(
        &mut self,
        rule: usize,
        steps: &[Step],
        restricts: bool,
    ) -> (bool, Option<(Field, Unknown)>) {
        let mut unknown = None;
        for (at, step) in steps.iter().enumerate() {
            match self.holds(rule, at, step) {
                Held::Yes => {}
                Held::No => return (false, None),
                Held::Unknown(why) => {
                    if unknown.is_none() {
                        unknown = self.condition(rule, at).map(|of| (of.field, why));
                    }
                }
            }
        }
        (restricts || unknown.is_none(), unknown)
    }

    fn condition(&self, rule: usize, at: usize) -> Option<&'s Condition> {
        self.rules.get(rule)?.when.get(at)
    }

    /// What the condition at that place of the rule comes to.
    fn holds(&mut self, rule: usize, at: usize, step: &Step) -> Held {
        match step.source {
            Source::Figure(place) => match step.meets(self.flat(place)) {
                Some(true) => Held::Yes,
                Some(false) => Held::No,
                None => Held::Unknown(self.why(place)),
            },
            Source::Choice => match self.condition(rule, at) {
                Some(condition) => self.chosen(&condition.test),
                None => Held::No,
            },
        }
    }

    /// Works out all figures that the rules look at.
    pub fn see_all(&mut self) {
        for (place, _) in (0..=u8::MAX).zip(self.rules.figures()) {
            self.figure(place);
        }
    }

    /// Takes a figure as it was seen before, instead of working it out.
    pub fn tell(&mut self, place: u8, seen: Seen) {
        let Some(slot) = self.seen.get_mut(usize::from(place)) else {
            return;
        };
        // Nearly all are numbers.
        *slot = if let Seen::Number(number) = seen {
            Flat::of(Sort::Number, number)
        } else if let Seen::Flag(flag) = seen {
            Flat::of(Sort::Flag, u128::from(flag))
        } else if let Seen::Unknown(why) = seen {
            self.untold.push((place, why));
            Flat::of(Sort::Unknown, 0)
        } else {
            Flat::of(Sort::Absent, 0)
        };
    }

    /// The figure at that place, worked out once.
    pub(crate) fn figure(&mut self, place: u8) -> Seen {
        let flat = *self.flat(place);
        self.told(place, &flat).unwrap_or(Seen::Absent)
    }

    /// `None` where it was not worked out yet.
    fn told(&self, place: u8, flat: &Flat) -> Option<Seen> {
        Some(match flat.sort {
            Sort::Unseen => return None,
            Sort::Number => Seen::Number(flat.number),
            Sort::Flag => Seen::Flag(flat.number == 1),
            Sort::Absent => Seen::Absent,
            Sort::Unknown => Seen::Unknown(self.why(place)),
        })
    }

    fn flat(&mut self, place: u8) -> &Flat {
        let at = usize::from(place);
        let unseen = |flat: &Flat| flat.sort == Sort::Unseen;
        if self.seen.get(at).is_some_and(unseen) {
            let field = self.rules.figure_of(at, self.figures.input.kind());
            let seen = field.map_or(Seen::Absent, |field| self.figures.seen(field));
            self.tell(place, seen);
        }
        // Rules that look at more figures are not adopted.
        self.seen.get(at).unwrap_or(&Flat::UNSEEN)
    }

    fn why(&self, place: u8) -> Unknown {
        let untold = self.untold.iter().rfind(|(of, _)| *of == place);
        untold.map_or(Unknown::NotRecorded, |(_, why)| *why)
    }

    fn chosen(&self, test: &Test) -> Held {
        let Test::In(members) = test else {
            return Held::No;
        };
        let input = &self.figures.input;
        let registry = &self.state.registry;
        let within = match members {
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
        };
        if within { Held::Yes } else { Held::No }
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
        for (place, (steps, restricts)) in rules.judged().enumerate() {
            let conditions = steps.iter().enumerate().map(|(at, step)| {
                let held = self.holds(place, at, step);
                let seen = match step.source {
                    Source::Figure(place) => Some(self.figure(place)),
                    Source::Choice => None,
                };
                ConditionSeen { seen, held }
            });
            let conditions: Vec<ConditionSeen> = conditions.collect();
            let (matched, unknown) = self.matches(place, steps, restricts);
            explained.push(RuleSeen {
                matched,
                unknown,
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
