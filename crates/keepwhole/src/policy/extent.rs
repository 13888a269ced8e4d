//! What a rule covers, field by field: exact intervals and sets, to compare one rule with another.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::policy::field::{Field, Members};
use keepwhole_core::policy::rule::{Condition, Rule, Test};

/// The values of one field for which all conditions on it hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// From the first number to before the second; without a second there is no end.
    Range(u128, Option<u128>),
    /// These of yes and no.
    Flags(BTreeSet<bool>),
    /// These members, each as a word that no other has.
    Members(BTreeSet<String>),
}

impl Extent {
    fn of(test: &Test) -> Self {
        match test {
            Test::AtLeast(least) => Self::Range(*least, None),
            Test::Below(end) => Self::Range(0, Some(*end)),
            Test::Equals(number) => Self::Range(*number, number.checked_add(1)),
            Test::Is(flag) => Self::Flags(BTreeSet::from([*flag])),
            Test::In(members) => Self::Members(words(members)),
        }
    }

    fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Range(left, left_end), Self::Range(right, right_end)) => {
                let end = match (left_end, right_end) {
                    (Some(left), Some(right)) => Some(*left.min(right)),
                    (end, None) | (None, end) => *end,
                };
                Self::Range(*left.max(right), end)
            }
            (Self::Flags(left), Self::Flags(right)) => Self::Flags(left & right),
            (Self::Members(left), Self::Members(right)) => Self::Members(left & right),
            _ => Self::Members(BTreeSet::new()),
        }
    }

    /// Whether no value is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Range(least, end) => end.is_some_and(|end| end <= *least),
            Self::Flags(flags) => flags.is_empty(),
            Self::Members(members) => members.is_empty(),
        }
    }

    /// Whether every value of it is in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        match (self, other) {
            _ if self.is_empty() => true,
            (Self::Range(left, left_end), Self::Range(right, right_end)) => {
                let ends = match (left_end, right_end) {
                    (_, None) => true,
                    (None, Some(_)) => false,
                    (Some(left), Some(right)) => left <= right,
                };
                left >= right && ends
            }
            (Self::Flags(left), Self::Flags(right)) => left.is_subset(right),
            (Self::Members(left), Self::Members(right)) => left.is_subset(right),
            _ => false,
        }
    }
}

/// Members as words of their own: numbers of assets and wallets, names of the rest.
fn words(members: &Members) -> BTreeSet<String> {
    match members {
        Members::Kinds(list) => list.iter().map(|kind| kind.word().to_owned()).collect(),
        Members::Assets(list) => list.iter().map(|asset| asset.0.to_string()).collect(),
        Members::Networks(list) | Members::Campaigns(list) => list.iter().cloned().collect(),
        Members::Wallets(list) => list.iter().map(|wallet| wallet.0.to_string()).collect(),
        Members::Tiers(list) => list.iter().map(|tier| tier.code().to_owned()).collect(),
    }
}

/// What a rule covers. A field that is not in it may have any value, or not apply at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cover(pub BTreeMap<Field, Extent>);

impl Cover {
    /// What a rule covers.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        Self::of_conditions(&rule.when)
    }

    /// What conditions cover together.
    #[must_use]
    pub fn of_conditions(when: &[Condition]) -> Self {
        let mut cover: BTreeMap<Field, Extent> = BTreeMap::new();
        for condition in when {
            let extent = Extent::of(&condition.test);
            let both = match cover.get(&condition.field) {
                Some(known) => known.and(&extent),
                None => extent,
            };
            cover.insert(condition.field, both);
        }
        Self(cover)
    }

    /// The first field for which no value is left.
    #[must_use]
    pub fn empty(&self) -> Option<Field> {
        let mut rows = self.0.iter();
        rows.find(|(_, extent)| extent.is_empty())
            .map(|(field, _)| *field)
    }

    /// Whether every request that it covers is covered by `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.empty().is_some()
            || other
                .0
                .iter()
                .all(|(field, wide)| self.0.get(field).is_some_and(|own| own.within(wide)))
    }
}
