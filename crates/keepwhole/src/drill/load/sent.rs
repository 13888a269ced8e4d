//! Which events were sent so far, for the lines that refer to them.

use std::collections::{BTreeMap, BTreeSet};

/// Ids of events sent so far, each with how often and of what kind the first was.
#[derive(Debug, Default)]
pub(super) struct Sent {
    ids: BTreeSet<String>,
    times: BTreeMap<String, (u32, &'static str)>,
}

impl Sent {
    pub(super) fn add(&mut self, id: &str, kind: &'static str) {
        self.ids.insert(id.to_owned());
        let entry = self.times.entry(id.to_owned()).or_insert((0, kind));
        entry.0 = entry.0.saturating_add(1);
    }

    pub(super) const fn ids(&self) -> &BTreeSet<String> {
        &self.ids
    }

    pub(super) fn times(&self, id: &str) -> u32 {
        self.times.get(id).map_or(0, |(times, _)| *times)
    }

    pub(super) fn of_kind(&self, kind: &str) -> BTreeSet<String> {
        self.times
            .iter()
            .filter(|(_, (_, first))| *first == kind)
            .map(|(id, _)| id.clone())
            .collect()
    }
}
