//! The conditions of all rules as they are judged: one behind the other, each a comparison with two bounds.

use super::field::Field;
use super::rule::{Outcome, Rule, Source, Test};
use super::vector::Sort;
use alloc::vec::Vec;
use core::ops::Range;

/// In place of a figure, where the condition asks for a member of a closed set.
const CHOICE: u8 = u8::MAX;

/// A condition. Every comparison of a number or a flag is whether it lies between two bounds, so that judging does not branch
/// on the operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    low: u128,
    /// From the least to the greatest number that holds.
    span: u128,
    sort: Sort,
    /// The place of its figure; of one that asks for a member none that a figure has.
    pub(super) figure: u8,
    /// The place of its rule.
    pub(super) rule: u8,
    /// Its place in the rule.
    pub(super) at: u8,
    /// True for the last of its rule.
    pub(super) last: bool,
    /// True if its rule does anything but clear.
    pub(super) restricts: bool,
    /// Where the next rule's conditions begin.
    pub(super) next: usize,
}

impl Step {
    /// Whether the condition holds where that is seen, which is told.
    #[inline]
    pub(super) fn meets(&self, (sort, number): (Sort, u128)) -> bool {
        (sort == self.sort) & (number.wrapping_sub(self.low) <= self.span)
    }

    pub(super) const fn source(&self) -> Source {
        match self.figure {
            CHOICE => Source::Choice,
            figure => Source::Figure(figure),
        }
    }
}

/// What a test compares: sort, least and greatest number.
const fn bounds(test: &Test) -> (Sort, u128, u128) {
    match test {
        Test::AtLeast(limit) => (Sort::Number, *limit, u128::MAX),
        // Nothing is below zero, and nothing that is compared is unseen.
        Test::Below(0) => (Sort::Unseen, 0, 0),
        Test::Below(limit) => (Sort::Number, 0, limit.wrapping_sub(1)),
        Test::Equals(limit) => (Sort::Number, *limit, *limit),
        Test::Is(true) => (Sort::Flag, 1, 1),
        // A member of a closed set is seen as a flag of zero.
        Test::Is(false) | Test::In(_) => (Sort::Flag, 0, 0),
    }
}

/// The conditions of all rules, and where each rule's are.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
    of: Vec<Range<usize>>,
    unconditional: Vec<u8>,
}

/// No policy has more rules, and no rule more conditions, than that tells.
fn small(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}

impl Plan {
    /// Of rules, where `source` tells where a field's value is found.
    pub(super) fn new(rules: &[Rule], mut source: impl FnMut(Field) -> Source) -> Self {
        let mut plan = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            let first = plan.steps.len();
            let next = first.saturating_add(rule.when.len());
            for (at, condition) in rule.when.iter().enumerate() {
                let (sort, low, high) = bounds(&condition.test);
                plan.steps.push(Step {
                    low,
                    span: high.wrapping_sub(low),
                    sort,
                    figure: match source(condition.field) {
                        Source::Figure(figure) => figure,
                        Source::Choice => CHOICE,
                    },
                    rule: small(place),
                    at: small(at),
                    last: at.saturating_add(1) == rule.when.len(),
                    restricts: rule.then != Outcome::Clear,
                    next,
                });
            }
            if rule.when.is_empty() {
                plan.unconditional.push(small(place));
            }
            plan.of.push(first..next);
        }
        plan
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The conditions of the rule at that place.
    pub(super) fn of(&self, rule: usize) -> &[Step] {
        let range = self.of.get(rule).cloned();
        range.and_then(|range| self.steps.get(range)).unwrap_or(&[])
    }

    /// The places of rules without conditions.
    pub(super) fn unconditional(&self) -> &[u8] {
        &self.unconditional
    }
}
