//! Chunks: the movements of up to 8,192 records, with bounds that depend on the file and the profile alone, so that a
//! second run cuts a file in the same places. Records of one transaction are never parted.

use crate::fault::Fault;
use crate::mapping::{Mapper, Movement, Operation, Rest, Said};
use crate::read::{Reader, Record};
use keepwhole_core::registry::{Asset, OUTSIDE_NAME};
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Rows that belong together: a row of transfers, a line of NDJSON, or all rows of one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its first row.
    pub first_row: u64,
    /// Its last row.
    pub last_row: u64,
    /// Line of its first row.
    pub line: u64,
    /// Its movements in the batch.
    pub movements: u32,
}

/// A part of a file.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Its first row, from 1.
    pub first_row: u64,
    /// Its last row.
    pub last_row: u64,
    /// Movements, in order; those of refused units are not in it.
    pub batch: TransferBatch,
    /// Which rows they are of, in order.
    pub units: Vec<Unit>,
    /// Units that were refused, with the fault.
    pub refused: Vec<(Unit, Fault)>,
    /// Assets to register, with row and line.
    pub assets: Vec<(Asset, Unit)>,
    /// Accounts to register: name, true for the house.
    pub accounts: Vec<(String, bool, Unit)>,
    /// Rows left out by rule.
    pub left_out: BTreeMap<usize, u64>,
    /// Rows that moved nothing between owners.
    pub nothing: u64,
    /// Earliest and latest date, ms since the epoch.
    pub times: Option<(u64, u64)>,
}

impl Chunk {
    /// Rows of the file in it.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        if self.first_row == 0 {
            0
        } else {
            self.last_row
                .saturating_sub(self.first_row)
                .saturating_add(1)
        }
    }

    fn cover(&mut self, unit: &Unit) {
        if self.first_row == 0 {
            self.first_row = unit.first_row;
        }
        self.last_row = self.last_row.max(unit.last_row);
    }

    /// Adds a movement; the ledger's own rule for rows has the last word.
    fn push(&mut self, movement: &Movement, line: u64) -> Result<(), Fault> {
        let row = TransferRow {
            id: &movement.id,
            from: &movement.from,
            to: &movement.to,
            asset: &movement.asset,
            units: movement.units,
            kind: movement.kind(),
            effective: movement.effective,
        };
        self.batch.push(&row).map_err(|fault| {
            let reason = format!("the ledger takes no such row: {}", fault.what_of());
            Fault::of_row("row", reason, "mend the row").at(line, 0)
        })?;
        let at = movement.effective;
        self.times = Some(
            self.times
                .map_or((at, at), |(first, last)| (first.min(at), last.max(at))),
        );
        Ok(())
    }
}

/// What a row's fault says, its place in a batch left out.
trait WhatOf {
    fn what_of(&self) -> String;
}

impl WhatOf for keepwhole_core::transfer::RowFault {
    fn what_of(&self) -> String {
        let said = self.to_string();
        said.split_once("): ")
            .map_or(said.clone(), |(_, what)| what.to_owned())
    }
}

/// One unit's records, while they are gathered.
#[derive(Default)]
struct Gathered {
    unit: Unit,
    weight: usize,
    said: Vec<Said>,
    movements: Vec<Movement>,
    fault: Option<Fault>,
}

/// Cuts a file into chunks.
#[derive(Debug)]
pub struct Chunker {
    reader: Reader,
    mapper: Mapper,
    /// First rows of units that were refused before: they are passed over.
    skip: BTreeSet<u64>,
    record: Record,
    /// True while `record` was read and not yet used.
    held: bool,
    held_fault: Option<Fault>,
    key: String,
    ready: Option<GatheredBox>,
    ended: bool,
}

#[derive(Default)]
struct GatheredBox(Box<Gathered>);

impl std::fmt::Debug for GatheredBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.unit.fmt(f)
    }
}

impl Chunker {
    /// Cuts what `reader` reads; units whose first row is in `skip` are passed over.
    #[must_use]
    pub fn new(reader: Reader, mapper: Mapper, skip: BTreeSet<u64>) -> Self {
        Self {
            reader,
            mapper,
            skip,
            record: Record::default(),
            held: false,
            held_fault: None,
            key: String::new(),
            ready: None,
            ended: false,
        }
    }

    /// The mapper.
    #[must_use]
    pub const fn mapper(&self) -> &Mapper {
        &self.mapper
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// A [`Fault`] of the whole file.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, Fault> {
        let mut chunk = Chunk::default();
        if self.mapper.is_plain() {
            self.fill_plain(&mut chunk)?;
        } else {
            self.fill_grouped(&mut chunk)?;
        }
        Ok((chunk.first_row > 0).then_some(chunk))
    }

    /// Reads a record; a fault of it is returned inside.
    fn advance(&mut self) -> Result<Option<Result<(), Fault>>, Fault> {
        if self.held {
            self.held = false;
            return Ok(Some(self.held_fault.take().map_or(Ok(()), Err)));
        }
        if self.ended {
            return Ok(None);
        }
        match self.reader.next(&mut self.record) {
            Ok(true) => Ok(Some(Ok(()))),
            Ok(false) => {
                self.ended = true;
                Ok(None)
            }
            Err(fault) if fault.whole_file => Err(fault),
            Err(fault) => Ok(Some(Err(fault))),
        }
    }

    /// One record, one unit, one movement.
    fn fill_plain(&mut self, chunk: &mut Chunk) -> Result<(), Fault> {
        let mut count = 0usize;
        while count < BATCH_ROWS {
            let Some(read) = self.advance()? else {
                break;
            };
            count = count.saturating_add(1);
            let (row, line) = (self.record.row, self.record.line);
            let mut unit = Unit {
                first_row: row,
                last_row: row,
                line,
                movements: 0,
            };
            chunk.cover(&unit);
            if self.skip.contains(&row) {
                continue;
            }
            let said = read
                .and_then(|()| self.mapper.read(&self.record))
                .and_then(|said| {
                    if matches!(said, Said::Movement) {
                        chunk.push(&self.mapper.movement, line)?;
                        unit.movements = 1;
                    }
                    Ok(said)
                });
            match said {
                Ok(Said::Movement) => chunk.units.push(unit),
                Ok(Said::LeftOut(rule)) => add_one(chunk.left_out.entry(rule).or_default()),
                Ok(_) => add_one(&mut chunk.nothing),
                Err(fault) => chunk.refused.push((unit, fault)),
            }
        }
        Ok(())
    }

    fn fill_grouped(&mut self, chunk: &mut Chunk) -> Result<(), Fault> {
        let mut weight = 0usize;
        loop {
            let gathered = match self.ready.take() {
                Some(GatheredBox(gathered)) => Some(*gathered),
                None => self.gather()?,
            };
            let Some(gathered) = gathered else {
                return Ok(());
            };
            if weight > 0 && weight.saturating_add(gathered.weight) > BATCH_ROWS {
                self.ready = Some(GatheredBox(Box::new(gathered)));
                return Ok(());
            }
            weight = weight.saturating_add(gathered.weight);
            self.settle(gathered, chunk);
        }
    }

    /// All records of the next transaction.
    fn gather(&mut self) -> Result<Option<Gathered>, Fault> {
        let mut gathered = Gathered::default();
        let mut key = String::new();
        while let Some(read) = self.advance()? {
            match &read {
                Ok(()) => self.mapper.group_of(&self.record, &mut self.key),
                Err(_) => self.key = format!("row {}", self.record.row),
            }
            if gathered.weight == 0 {
                key.clone_from(&self.key);
                gathered.unit = Unit {
                    first_row: self.record.row,
                    last_row: self.record.row,
                    line: self.record.line,
                    movements: 0,
                };
            } else if key != self.key {
                self.held = true;
                self.held_fault = read.err();
                break;
            }
            gathered.unit.last_row = self.record.row;
            gathered.weight = gathered.weight.saturating_add(self.mapper.weight());
            if gathered.weight > BATCH_ROWS {
                let reason = format!("a transaction has more than {BATCH_ROWS} movements");
                let fix = "check the columns that name the transaction, or split it";
                return Err(
                    Fault::of_file("transaction_too_long", reason, fix).at(gathered.unit.line, 0)
                );
            }
            if gathered.fault.is_some() || self.skip.contains(&gathered.unit.first_row) {
                continue;
            }
            match read.and_then(|()| self.mapper.read(&self.record)) {
                Ok(Said::Movement) => gathered.movements.push(self.mapper.movement.clone()),
                Ok(said) => {
                    if let Said::Asset(asset) = &said {
                        self.mapper.learn_asset(asset);
                    }
                    gathered.said.push(said);
                }
                Err(fault) => gathered.fault = Some(fault),
            }
        }
        Ok((gathered.weight > 0).then_some(gathered))
    }

    fn settle(&self, mut gathered: Gathered, chunk: &mut Chunk) {
        let mut unit = gathered.unit;
        chunk.cover(&unit);
        if self.skip.contains(&unit.first_row) {
            return;
        }
        if let Some(fault) = gathered.fault.take() {
            chunk.refused.push((unit, fault));
            return;
        }
        let mut operations = Vec::new();
        for said in gathered.said {
            match said {
                Said::Operation(op) => operations.push(*op),
                Said::LeftOut(rule) => add_one(chunk.left_out.entry(rule).or_default()),
                Said::Account { name, house } => chunk.accounts.push((name, house, unit)),
                Said::Asset(asset) => chunk.assets.push((asset, unit)),
                Said::Nothing | Said::Movement => add_one(&mut chunk.nothing),
            }
        }
        let any = !operations.is_empty();
        match paired(operations, self.mapper.house(), unit.line) {
            Ok(found) => gathered.movements.extend(found),
            Err(fault) => {
                chunk.refused.push((unit, fault));
                return;
            }
        }
        let before = chunk.batch.len();
        for movement in &gathered.movements {
            if let Err(fault) = chunk.push(movement, unit.line) {
                // Those pushed before are taken out with the unit.
                chunk.cut(before);
                chunk.refused.push((unit, fault));
                return;
            }
        }
        unit.movements = u32::try_from(gathered.movements.len()).unwrap_or(u32::MAX);
        if unit.movements > 0 {
            chunk.units.push(unit);
        } else if any {
            add_one(&mut chunk.nothing);
        }
    }
}

impl Chunk {
    fn cut(&mut self, length: usize) {
        let mut kept = TransferBatch::new();
        for row in self.batch.rows().take(length) {
            // What was in a batch goes into a batch.
            let _always = kept.push(&row);
        }
        self.batch = kept;
    }
}

fn add_one(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// Pairs debits with credits of the same asset, first with first; what is left open goes to the rest's account.
fn paired(operations: Vec<Operation>, house: &str, line: u64) -> Result<Vec<Movement>, Fault> {
    let Some(first) = operations.first() else {
        return Ok(Vec::new());
    };
    let id = first.id.clone();
    let mut found: Vec<Movement> = Vec::new();
    let mut fees = Vec::new();
    let mut assets: Vec<(String, VecDeque<Operation>, VecDeque<Operation>)> = Vec::new();
    for mut op in operations {
        fees.extend(op.fee.take());
        if !assets.iter().any(|(asset, _, _)| *asset == op.asset) {
            assets.push((op.asset.clone(), VecDeque::new(), VecDeque::new()));
        }
        if let Some((_, debits, credits)) =
            assets.iter_mut().find(|(asset, _, _)| *asset == op.asset)
        {
            if op.credit {
                credits.push_back(op)
            } else {
                debits.push_back(op)
            }
        }
    }
    for (_, mut debits, mut credits) in assets {
        while let (Some(debit), Some(credit)) = (debits.front_mut(), credits.front_mut()) {
            let units = debit.units.min(credit.units);
            if debit.account != credit.account {
                found.push(between(&debit.account, &credit.account, units, credit));
            }
            debit.units = debit.units.saturating_sub(units);
            credit.units = credit.units.saturating_sub(units);
            if debit.units == 0 {
                debits.pop_front();
            }
            if credits.front().is_some_and(|credit| credit.units == 0) {
                credits.pop_front();
            }
        }
        for op in debits.into_iter().chain(credits) {
            let other = match op.rest {
                Rest::Outside => OUTSIDE_NAME,
                Rest::House => house,
                Rest::Refuse => return Err(unbalanced(&op, line)),
            };
            if other == op.account {
                continue;
            }
            found.push(if op.credit {
                between(other, &op.account, op.units, &op)
            } else {
                between(&op.account, other, op.units, &op)
            });
        }
    }
    for (place, movement) in found.iter_mut().enumerate() {
        movement.id = match place {
            0 => id.clone(),
            place => format!("{id}/{}", place.saturating_add(1)),
        };
    }
    fees.retain(|fee| fee.from != fee.to);
    found.extend(fees);
    Ok(found)
}

fn between(from: &str, to: &str, units: u128, like: &Operation) -> Movement {
    Movement {
        id: String::new(),
        from: from.to_owned(),
        to: to.to_owned(),
        asset: like.asset.clone(),
        units,
        kind: like.kind,
        effective: like.effective,
    }
}

fn unbalanced(op: &Operation, line: u64) -> Fault {
    let side = if op.credit { "credits" } else { "debits" };
    let reason = format!(
        "the rows of the transaction do not cancel out: {side} of {} minor units of `{}` have no other side",
        op.units, op.asset
    );
    let fix = "keep all rows of a transaction together, or say where the rest belongs (`rest` in a mapping)";
    Fault::of_row("unbalanced", reason, fix).at(line, 0)
}
