//! The adopted rules together, with one digest over all of them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::clock::{ClockSpec, clock_of};
use super::day::Day;
use super::holds::{Standing, holds_on, standing_on};
use super::record::{ClockStart, RuleRecord};

/// Rules by id, and the digest that names exactly this set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawSet {
    rules: BTreeMap<String, RuleRecord>,
    digest: [u8; 32],
}

/// Two records carry the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRule {
    /// The id that came twice.
    pub id: String,
}

impl Default for LawSet {
    fn default() -> Self {
        Self::of(BTreeMap::new())
    }
}

impl LawSet {
    /// Builds a set.
    ///
    /// # Errors
    /// [`DuplicateRule`] if two records carry the same id.
    pub fn new(records: Vec<RuleRecord>) -> Result<Self, DuplicateRule> {
        let mut rules = BTreeMap::new();
        for record in records {
            let id = record.id.clone();
            if rules.insert(id.clone(), record).is_some() {
                return Err(DuplicateRule { id });
            }
        }
        Ok(Self::of(rules))
    }

    fn of(rules: BTreeMap<String, RuleRecord>) -> Self {
        let mut hash = Sha256::new();
        for rule in rules.values() {
            hash.update(rule.digest());
        }
        Self {
            rules,
            digest: hash.finalize().into(),
        }
    }

    /// SHA-256 over the record digests, concatenated in the order of the ids (bytewise).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Every rule, by id.
    #[must_use]
    pub fn rules(&self) -> &BTreeMap<String, RuleRecord> {
        &self.rules
    }

    /// The rule with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&RuleRecord> {
        self.rules.get(id)
    }

    /// The rules that hold on a day ([`holds_on`]), in the order of their ids.
    pub fn on(&self, day: Day) -> impl Iterator<Item = &RuleRecord> {
        self.rules.values().filter(move |rule| holds_on(rule, day))
    }

    /// Every rule with how it stands on a day, in the order of their ids.
    pub fn standing(&self, day: Day) -> impl Iterator<Item = (&RuleRecord, Standing)> {
        self.rules
            .values()
            .map(move |rule| (rule, standing_on(rule, day)))
    }

    /// The clocks that a fact starts on a day: rules of the jurisdiction that bind on that day and name this start.
    ///
    /// `day` is the civil day of the fact in the jurisdiction's own time zone.
    pub fn clocks(
        &self,
        jurisdiction: &str,
        day: Day,
        start: ClockStart,
    ) -> impl Iterator<Item = (&RuleRecord, ClockSpec)> {
        self.standing(day)
            .filter(move |(rule, standing)| {
                rule.jurisdiction == jurisdiction && *standing == Standing::Binding
            })
            .filter_map(|(rule, _)| clock_of(rule).map(|clock| (rule, clock)))
            .filter(move |(_, clock)| clock.start == start)
    }
}
