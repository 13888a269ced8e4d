//! Batches of transfers, as docs/journal-format.md says: all or none, and no id is booked twice while it is remembered.

use super::{Model, OUTSIDE, Ruling};
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::reason::Reason;
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use std::collections::BTreeMap;

/// A transfer may be dated this much later than now, ms.
const AHEAD_MS: u64 = 600_000;

/// What a row says beside its id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    from: String,
    to: String,
    asset: String,
    units: u128,
    kind: MovementKind,
    effective: u64,
}

impl Content {
    fn of(row: &TransferRow<'_>) -> Self {
        Self {
            from: row.from.to_owned(),
            to: row.to.to_owned(),
            asset: row.asset.to_owned(),
            units: row.units,
            kind: row.kind,
            effective: row.effective,
        }
    }
}

/// The ids that are remembered: two generations.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// Ids of a generation.
    pub(super) generation: usize,
    younger: BTreeMap<String, Content>,
    older: BTreeMap<String, Content>,
    forgotten: Option<u64>,
}

impl Ids {
    fn known(&self, id: &str) -> Option<&Content> {
        self.younger.get(id).or_else(|| self.older.get(id))
    }

    /// When the younger generation is full the older one is forgotten, with all dates up to its newest.
    fn insert(&mut self, id: String, content: Content) {
        if self.younger.len() >= self.generation {
            let full = std::mem::take(&mut self.younger);
            let gone = std::mem::replace(&mut self.older, full);
            let newest = gone.values().map(|content| content.effective).max();
            self.forgotten = self.forgotten.max(newest);
        }
        self.younger.insert(id, content);
    }
}

impl Model {
    pub(super) fn transfers(&mut self, batch: &TransferBatch) -> Ruling {
        self.repeated_rows = 0;
        if batch.is_empty() {
            let what = String::new();
            return Err(Reason::Malformed { what });
        }
        let mut booked: Vec<(String, Content)> = Vec::new();
        for (number, row) in (0u32..).zip(batch.rows()) {
            match self.transfer(&booked, &row) {
                Ok(true) => {
                    self.book(row.from, row.to, row.asset, row.units);
                    booked.push((row.id.to_owned(), Content::of(&row)));
                }
                Ok(false) => self.repeated_rows += 1,
                Err(reason) => {
                    for (_, row) in booked {
                        self.unbook(&row.from, &row.to, &row.asset, row.units);
                    }
                    return Err(Reason::Row {
                        row: number,
                        reason: Box::new(reason),
                    });
                }
            }
        }
        for (id, content) in booked {
            self.ids.insert(id, content);
        }
        Ok(Answer::Recorded)
    }

    /// Whether the row is to be booked; false where it was before.
    fn transfer(
        &self,
        booked: &[(String, Content)],
        row: &TransferRow<'_>,
    ) -> Result<bool, Reason> {
        self.needs_asset(row.asset)?;
        self.needs_owner(row.from)?;
        self.needs_owner(row.to)?;
        let here = booked.iter().find(|(id, _)| id == row.id);
        let known = here.map(|(_, content)| content);
        if let Some(known) = known.or_else(|| self.ids.known(row.id)) {
            let conflict = || Reason::TransferConflict {
                id: row.id.to_owned(),
            };
            let same = *known == Content::of(row);
            return if same { Ok(false) } else { Err(conflict()) };
        }
        let effective = row.effective;
        if let Some(forgotten) = self.ids.forgotten.filter(|end| effective <= *end) {
            return Err(Reason::TransferTooOld {
                effective,
                forgotten,
            });
        }
        let latest = self.at + AHEAD_MS;
        if effective > latest {
            return Err(Reason::TransferTooNew { effective, latest });
        }
        let (has, asked) = (self.balance(row.from, row.asset), row.units);
        if row.from != OUTSIDE && has < asked {
            return Err(Reason::InsufficientBalance { has, asked });
        }
        Ok(true)
    }
}
