//! The space of requests that a rule matches: an interval per number, a set per choice; and when one rule's space lies in
//! another's. Exact for what a rule can say.

use super::field::{Field, Members};
use super::rule::{Approvals, Condition, Outcome, Rule, Test};

/// Numbers from `from` on and, where there is an end, below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interval {
    from: u128,
    below: Option<u128>,
}

impl Interval {
    const ALL: Self = Self {
        from: 0,
        below: None,
    };

    /// The numbers that pass a test.
    const fn of(test: &Test) -> Self {
        match test {
            Test::AtLeast(from) => Self {
                from: *from,
                below: None,
            },
            Test::Below(below) => Self {
                from: 0,
                below: Some(*below),
            },
            Test::Equals(number) => Self {
                from: *number,
                below: number.checked_add(1),
            },
            Test::Is(_) | Test::In(_) => Self::ALL,
        }
    }

    /// What lies in both.
    fn and(self, other: Self) -> Self {
        let below = match (self.below, other.below) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self {
            from: self.from.max(other.from),
            below,
        }
    }

    fn is_empty(self) -> bool {
        self.below.is_some_and(|below| below <= self.from)
    }

    /// True if all of it lies in the other.
    fn within(self, other: Self) -> bool {
        let ends = match (self.below, other.below) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine <= theirs,
        };
        self.is_empty() || (self.from >= other.from && ends)
    }
}

/// The interval that all conditions on a number leave.
fn interval(when: &[Condition], field: Field) -> Interval {
    let on = when.iter().filter(|condition| condition.field == field);
    on.fold(Interval::ALL, |left, condition| {
        left.and(Interval::of(&condition.test))
    })
}

/// True if every member of the one is one of the other's.
fn one_in(these: &Members, those: &Members) -> bool {
    match (these, those) {
        (Members::Kinds(a), Members::Kinds(b)) => a.iter().all(|one| b.contains(one)),
        (Members::Assets(a), Members::Assets(b)) => a.iter().all(|one| b.contains(one)),
        (Members::Networks(a), Members::Networks(b))
        | (Members::Campaigns(a), Members::Campaigns(b)) => a.iter().all(|one| b.contains(one)),
        (Members::Wallets(a), Members::Wallets(b)) => a.iter().all(|one| b.contains(one)),
        (Members::Tiers(a), Members::Tiers(b)) => a.iter().all(|one| b.contains(one)),
        _ => false,
    }
}

/// True if whatever meets all of `when` meets `condition`. A set of several assets is met by any line of a batch, so sets
/// are compared condition by condition.
fn implied(when: &[Condition], condition: &Condition) -> bool {
    let field = condition.field;
    let mut on = when.iter().filter(|c| c.field == field);
    match &condition.test {
        Test::In(members) => on.any(|c| matches!(&c.test, Test::In(mine) if one_in(mine, members))),
        Test::Is(flag) => on.any(|c| c.test == Test::Is(*flag)),
        test => {
            // Without a condition the field may not apply, and then nothing is met.
            on.next().is_some() && interval(when, field).within(Interval::of(test))
        }
    }
}

/// True if whatever meets all of `narrow` meets all of `wide`.
pub(super) fn lies_in(narrow: &[Condition], wide: &[Condition]) -> bool {
    wide.iter().all(|condition| implied(narrow, condition))
}

impl Outcome {
    /// True if it restricts at least as much as the other. Of two that ask for different people neither may.
    #[must_use]
    pub fn as_strict_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Approve(a), Self::Approve(b)) => as_many(a, b),
            _ => self.strictness() >= other.strictness(),
        }
    }
}

fn as_many(first: &Approvals, second: &Approvals) -> bool {
    first.n >= second.n
        && first.delay_ms >= second.delay_ms
        && second.roles.iter().all(|role| first.roles.contains(role))
}

/// True if the rule can let something go.
pub(super) const fn allows(rule: &Rule) -> bool {
    matches!(rule.then, Outcome::Clear | Outcome::Approve(_))
}

/// True if the rule can stand in something's way.
pub(super) const fn restricts(rule: &Rule) -> bool {
    !matches!(rule.then, Outcome::Clear)
}
