//! Batches of transfers: new rows, rows that came before, the same id with other content, dates at every edge.

use super::{Workload, pick, text};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::Body;
use keepwhole_core::transfer::{TransferBatch, TransferRow};

/// A row to be packed.
#[derive(Clone)]
struct Row {
    id: String,
    from: String,
    to: String,
    asset: String,
    units: u128,
    kind: MovementKind,
    effective: u64,
}

impl Row {
    fn of(row: &TransferRow<'_>) -> Self {
        Self {
            id: text(row.id),
            from: text(row.from),
            to: text(row.to),
            asset: text(row.asset),
            units: row.units,
            kind: row.kind,
            effective: row.effective,
        }
    }

    fn told(&self) -> TransferRow<'_> {
        TransferRow {
            id: &self.id,
            from: &self.from,
            to: &self.to,
            asset: &self.asset,
            units: self.units,
            kind: self.kind,
            effective: self.effective,
        }
    }
}

impl Workload<'_> {
    pub(super) fn transfers(&mut self) -> Body {
        let rows = match self.draw.below(30) {
            0 => 0,
            1 => 12,
            _ => 1 + self.draw.below(4),
        };
        let mut batch = TransferBatch::new();
        let mut last: Option<Row> = None;
        for place in 0..rows {
            let new = self.new_row(place);
            let row = match self.draw.below(40) {
                0..=3 => self.earlier_row().unwrap_or(new),
                4 => self.earlier_row().map_or(new, |mut row| {
                    row.units += 1;
                    row
                }),
                5 | 6 => last.clone().unwrap_or(new),
                7 => match &last {
                    Some(last) => Row {
                        id: last.id.clone(),
                        ..new
                    },
                    None => new,
                },
                _ => new,
            };
            // A row of nothing, or from somebody to himself, is refused before it is sent.
            if batch.push(&row.told()).is_ok() {
                last = Some(row);
            }
        }
        Body::RecordTransfers(batch)
    }

    fn new_row(&mut self, place: u64) -> Row {
        let step = self.step;
        let id = match self.draw.below(8) {
            0 => format!("{step:08x}-0000-4000-8000-{place:012x}"),
            1 => format!("{:032x}", (u128::from(step) << 64) | u128::from(place)),
            2 => format!("row {place} of the batch that step {step} sends"),
            _ => format!("t{step}.{place}"),
        };
        let (from, to) = match self.draw.below(8) {
            0 | 1 => (text("outside"), self.customer()),
            2 => (self.customer(), text("outside")),
            _ => (self.customer(), self.customer()),
        };
        let effective = match self.draw.below(60) {
            // Ten minutes ahead are taken, no more.
            0 => self.at + 599_000 + self.draw.below(3_000),
            1 => self.at.saturating_sub(self.draw.below(100_000_000)),
            _ => self.at.saturating_sub(self.draw.below(20_000)),
        };
        let kind = match pick(&mut self.draw, &["trade", "trade", "in", "out"]) {
            "in" => MovementKind::Deposit,
            "out" => MovementKind::Withdrawal,
            _ => MovementKind::Trade,
        };
        Row {
            id,
            from,
            to,
            asset: self.asset(),
            units: self.units(),
            kind,
            effective,
        }
    }

    /// A row of a batch that was sent before.
    fn earlier_row(&mut self) -> Option<Row> {
        let command = self.earlier(|body| matches!(body, Body::RecordTransfers(_)))?;
        let Body::RecordTransfers(batch) = command.body else {
            return None;
        };
        let rows: Vec<Row> = batch.rows().map(|row| Row::of(&row)).collect();
        let at = usize::try_from(self.draw.below(rows.len() as u64)).ok()?;
        rows.get(at).cloned()
    }
}
