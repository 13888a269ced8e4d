//! Would the ledger take it? The same rules as the ledger's own, asked of a copy of the balances that it touches, so
//! that a file can be refused whole before a row of it is recorded.

use crate::chunk::{Chunk, Unit};
use crate::fault::{Fault, shown};
use crate::ids::{Ids, Place};
use crate::names;
use crate::print::{PrintMap, Printer};
use crate::profile::UnknownOwners;
use keepwhole_core::registry::{Asset, OUTSIDE_NAME};
use keepwhole_core::transfer::TransferRow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;

/// A transfer may be dated this much later than now, ms; the ledger has the same rule.
const AHEAD_MS: u64 = 600_000;

/// Whether a transfer was recorded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// No.
    No,
    /// Yes, the same.
    Same,
    /// Its id was recorded with other content.
    Other,
}

/// What is asked of the ledger.
pub trait Ledger {
    /// Decimals of a registered asset.
    fn asset(&self, name: &str) -> Option<u8>;
    /// The exchange's own account, once it is registered.
    fn house(&self) -> Option<&str>;
    /// True for a registered owner.
    fn has_owner(&self, name: &str) -> bool;
    /// Balance in minor units; zero for what is not registered.
    fn balance(&self, owner: &str, asset: &str) -> u128;
    /// Whether the transfer was recorded before.
    fn recorded(&self, row: &TransferRow<'_>) -> Recorded;
    /// Transfers dated up to then are refused as too old, ms since the epoch; `None` while none is.
    fn forgotten(&self) -> Option<u64>;
}

/// What moved of one asset, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Movements.
    pub movements: u64,
    /// Into the books.
    pub incoming: u128,
    /// Out of the books.
    pub outgoing: u128,
    /// Between owners.
    pub between: u128,
}

/// What a run would do or did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Rows read.
    pub rows: u64,
    /// Movements that go in.
    pub movements: u64,
    /// Movements recorded before, or twice in the files: they are not booked again.
    pub repeated: u64,
    /// Rows that moved nothing between owners.
    pub nothing: u64,
    /// Rows left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Owners that were not registered.
    pub new_owners: u64,
    /// Assets that were not registered.
    pub new_assets: u64,
    /// By asset.
    pub assets: BTreeMap<String, Sums>,
    /// Earliest and latest date, ms since the epoch.
    pub times: Option<(u64, u64)>,
    /// Rows refused.
    pub refused: u64,
}

/// A unit that is refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Number of the file.
    pub file: u32,
    /// Its rows.
    pub unit: Unit,
    /// Why.
    pub fault: Fault,
}

/// What a first look at all ids said.
#[derive(Clone, Debug, Default)]
pub struct Duplicates {
    /// Movements that stand before with the same content.
    pub repeats: BTreeSet<(u32, u64, u32)>,
    /// Units with an id that stands before with other content, and the line of that one.
    pub conflicts: BTreeMap<(u32, u64), u64>,
}

impl Duplicates {
    /// True where no id stands twice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.repeats.is_empty() && self.conflicts.is_empty()
    }
}

/// An asset that is registered with other decimals.
#[must_use]
pub fn asset_differs(asset: &Asset, registered: u8) -> Fault {
    let (name, decimals) = (shown(&asset.id), asset.decimals);
    let reason = format!("asset `{name}` is registered with {registered} decimals, not {decimals}");
    let fix = "decimals never change; find out which of the two is wrong";
    Fault::of_row("asset_differs", reason, fix)
}

/// An account that the file calls the house and is not, or the other way round.
#[must_use]
pub fn house_differs(name: &str, house: &str) -> Fault {
    let (named, here) = (shown(name), shown(house));
    let reason = if name == house {
        format!("`{named}` is the house here, and the file calls it a customer")
    } else {
        format!("`{named}` is called the house, and the house here is `{here}`")
    };
    let fix = "name the house with `--house` on a new installation, or map the name in `[names]`";
    Fault::of_row("house_differs", reason, fix)
}

/// An owner that is not registered, where the profile registers none.
#[must_use]
pub fn unknown_owner(name: &str) -> Fault {
    let reason = format!("no account `{}` is registered", shown(name));
    let fix =
        "import the accounts first, or let the mapping register them (`owners = \"register\"`)";
    Fault::of_row("unknown_owner", reason, fix)
}

/// Checks chunk after chunk.
pub struct Checker<'a, L> {
    ledger: &'a L,
    now: u64,
    house: String,
    unknown: UnknownOwners,
    printer: Printer,
    /// Numbers of owners by the print of their name.
    owners: PrintMap<u32>,
    assets: HashMap<String, u32>,
    balances: HashMap<u64, u128, BuildHasherDefault<Spread>>,
    new_assets: BTreeMap<String, u8>,
    ids: Ids,
    duplicates: Duplicates,
    file: u32,
    undo: Vec<(u64, u128)>,
    /// What was found so far.
    pub summary: Summary,
    /// Units refused so far, by the ledger's rules and by the mapping.
    pub refused: Vec<Refused>,
}

/// Owner and asset in one number.
fn joined((owner, asset): (u32, u32)) -> u64 {
    u64::from(owner) << 32 | u64::from(asset)
}

/// Spreads numbers that we gave out ourselves, one after the other: nobody can choose them so that they collide.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio in 64 bits (Knuth, "Multiplicative hashing").
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ spread >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<L> std::fmt::Debug for Checker<'_, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// Owners to register before a chunk's movements.
pub type NewOwners = Vec<String>;

impl<'a, L: Ledger> Checker<'a, L> {
    /// Checks against `ledger` at `now` (ms since the epoch); `house` is the exchange's own account, registered or not.
    #[must_use]
    pub fn new(
        ledger: &'a L,
        now: u64,
        house: &str,
        unknown: UnknownOwners,
        duplicates: Duplicates,
    ) -> Self {
        Self {
            ledger,
            now,
            house: house.to_owned(),
            unknown,
            printer: Printer::new(),
            owners: PrintMap::default(),
            assets: HashMap::new(),
            balances: HashMap::default(),
            new_assets: BTreeMap::new(),
            ids: Ids::new(),
            duplicates,
            file: 0,
            undo: Vec::new(),
            summary: Summary::default(),
            refused: Vec::new(),
        }
    }

    /// Goes on with the file of that number.
    pub fn begin_file(&mut self, file: u32) {
        self.file = file;
    }

    /// Assets that the files register.
    #[must_use]
    pub const fn new_assets(&self) -> &BTreeMap<String, u8> {
        &self.new_assets
    }

    /// Counts a chunk that an earlier run recorded.
    pub fn pass(&mut self, chunk: &Chunk) {
        self.summary.rows = self.summary.rows.saturating_add(chunk.rows());
        let movements = u64::try_from(chunk.batch.len()).unwrap_or(u64::MAX);
        self.summary.repeated = self.summary.repeated.saturating_add(movements);
    }

    /// Checks a chunk and gives the owners that it brings.
    ///
    /// # Errors
    /// The temporary file of ids can't be written.
    pub fn check(&mut self, chunk: &Chunk, why_left_out: &[String]) -> io::Result<NewOwners> {
        let summary = &mut self.summary;
        summary.rows = summary.rows.saturating_add(chunk.rows());
        summary.nothing = summary.nothing.saturating_add(chunk.nothing);
        for (rule, count) in &chunk.left_out {
            let why = why_left_out.get(*rule).cloned().unwrap_or_default();
            let known = summary.left_out.entry(why).or_default();
            *known = known.saturating_add(*count);
        }
        if let Some((first, last)) = chunk.times {
            let times = summary
                .times
                .map_or((first, last), |(a, b)| (a.min(first), b.max(last)));
            summary.times = Some(times);
        }
        for (unit, fault) in &chunk.refused {
            self.refuse(*unit, fault.clone());
        }
        self.assets_of(chunk);
        let mut new = NewOwners::new();
        self.accounts_of(chunk, &mut new);
        let mut rows = chunk.batch.rows();
        let mut ours: Vec<TransferRow<'_>> = Vec::new();
        for unit in &chunk.units {
            let count = usize::try_from(unit.movements).unwrap_or(usize::MAX);
            ours.clear();
            ours.extend(rows.by_ref().take(count));
            self.unit(unit, &ours, &mut new)?;
        }
        Ok(new)
    }

    fn refuse(&mut self, unit: Unit, fault: Fault) {
        let rows = unit
            .last_row
            .saturating_sub(unit.first_row)
            .saturating_add(1);
        self.summary.refused = self.summary.refused.saturating_add(rows);
        self.refused.push(Refused {
            file: self.file,
            unit,
            fault,
        });
    }

    fn assets_of(&mut self, chunk: &Chunk) {
        for (asset, unit) in &chunk.assets {
            let known = self
                .ledger
                .asset(&asset.id)
                .or_else(|| self.new_assets.get(&asset.id).copied());
            match known {
                None => {
                    self.new_assets.insert(asset.id.clone(), asset.decimals);
                    self.summary.new_assets = self.summary.new_assets.saturating_add(1);
                }
                Some(decimals) if decimals == asset.decimals => {
                    self.summary.repeated = self.summary.repeated.saturating_add(1);
                }
                Some(decimals) => {
                    self.refuse(*unit, asset_differs(asset, decimals).at(unit.line, 0));
                }
            }
        }
    }

    fn accounts_of(&mut self, chunk: &Chunk, new: &mut NewOwners) {
        for (name, house, unit) in &chunk.accounts {
            if *house != (*name == self.house) {
                let fault = house_differs(name, &self.house);
                self.refuse(*unit, fault.at(unit.line, 0));
            } else if name != OUTSIDE_NAME {
                let before = new.len();
                self.owner(name, new);
                if new.len() == before {
                    self.summary.repeated = self.summary.repeated.saturating_add(1);
                }
            }
        }
    }

    /// The number of an owner, who is noted as new the first time.
    fn owner(&mut self, name: &str, new: &mut NewOwners) -> u32 {
        let number = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        match self.owners.entry(self.printer.of(name)) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(free) => free.insert(number),
        };
        let registered = name == OUTSIDE_NAME || name == self.house || self.ledger.has_owner(name);
        if !registered {
            new.push(name.to_owned());
            self.summary.new_owners = self.summary.new_owners.saturating_add(1);
        }
        number
    }

    fn asset(&mut self, name: &str) -> u32 {
        if let Some(number) = self.assets.get(name) {
            return *number;
        }
        let number = u32::try_from(self.assets.len()).unwrap_or(u32::MAX);
        self.assets.insert(name.to_owned(), number);
        number
    }

    fn unit(
        &mut self,
        unit: &Unit,
        rows: &[TransferRow<'_>],
        new: &mut NewOwners,
    ) -> io::Result<()> {
        if let Some(line) = self.duplicates.conflicts.get(&(self.file, unit.first_row)) {
            let reason = format!("its id stands in line {line} with other content");
            let fix = "find out which of the two is right, and give each movement an id of its own";
            let fault = Fault::of_row("duplicate_id", reason, fix).at(unit.line, 0);
            self.refuse(*unit, fault);
            return Ok(());
        }
        self.undo.clear();
        let summary_before = (self.summary.movements, self.summary.repeated);
        for (part, row) in rows.iter().enumerate() {
            let part = u32::try_from(part).unwrap_or(u32::MAX);
            let place = Place {
                file: self.file,
                row: unit.first_row,
                part,
                line: unit.line,
            };
            let content = (
                row.from,
                row.to,
                row.asset,
                row.units,
                names::word_of(row.kind),
                row.effective,
            );
            self.ids.add(row.id, content, place)?;
            if let Err(fault) = self.row(row, (unit.first_row, part), new) {
                for (key, balance) in self.undo.drain(..).rev() {
                    self.balances.insert(key, balance);
                }
                (self.summary.movements, self.summary.repeated) = summary_before;
                self.refuse(*unit, fault.at(unit.line, 0));
                return Ok(());
            }
        }
        for row in rows {
            self.sum(row);
        }
        Ok(())
    }

    fn row(
        &mut self,
        row: &TransferRow<'_>,
        place: (u64, u32),
        new: &mut NewOwners,
    ) -> Result<(), Fault> {
        if self
            .duplicates
            .repeats
            .contains(&(self.file, place.0, place.1))
        {
            self.summary.repeated = self.summary.repeated.saturating_add(1);
            return Ok(());
        }
        match self.ledger.recorded(row) {
            Recorded::Same => {
                self.summary.repeated = self.summary.repeated.saturating_add(1);
                return Ok(());
            }
            Recorded::Other => {
                let reason = format!(
                    "id `{}` was recorded before with other content",
                    shown(row.id)
                );
                let fix = "correct a recorded movement by another one with an id of its own";
                return Err(Fault::of_row("duplicate_id", reason, fix));
            }
            Recorded::No => {}
        }
        self.dated(row)?;
        if self.unknown == UnknownOwners::Refuse {
            for name in [row.from, row.to] {
                let known =
                    name == OUTSIDE_NAME || name == self.house || self.ledger.has_owner(name);
                if !known {
                    return Err(unknown_owner(name));
                }
            }
        }
        let (from, to, asset) = (
            self.owner(row.from, new),
            self.owner(row.to, new),
            self.asset(row.asset),
        );
        if row.from != OUTSIDE_NAME {
            let has = self.balance((from, asset), row.from, row.asset);
            let Some(left) = has.checked_sub(row.units) else {
                let reason = format!(
                    "`{}` has {has} minor units of `{}` at that row and is to give {}",
                    shown(row.from),
                    shown(row.asset),
                    row.units
                );
                let fix = "import what came before (opening balances, deposits), or put the rows in the order in which they happened";
                return Err(Fault::of_row("overdraft", reason, fix));
            };
            self.set((from, asset), has, left);
        }
        let has = self.balance((to, asset), row.to, row.asset);
        let Some(more) = has.checked_add(row.units) else {
            let reason = "the balance would not fit in 128 bits";
            return Err(Fault::of_row(
                "amount_too_large",
                reason,
                "check the amounts",
            ));
        };
        self.set((to, asset), has, more);
        self.summary.movements = self.summary.movements.saturating_add(1);
        Ok(())
    }

    fn dated(&self, row: &TransferRow<'_>) -> Result<(), Fault> {
        let said = || crate::value::rfc3339(row.effective);
        if row.effective > self.now.saturating_add(AHEAD_MS) {
            let reason = format!("it is dated `{}`, which is later than now", said());
            return Err(Fault::of_row(
                "in_the_future",
                reason,
                "check the time column, its unit and the clock",
            ));
        }
        if self
            .ledger
            .forgotten()
            .is_some_and(|forgotten| row.effective <= forgotten)
        {
            let reason = format!(
                "it is dated `{}`, so old that its id can't be told from a repeated one any more",
                said()
            );
            return Err(Fault::of_row(
                "too_old",
                reason,
                "import old books first, into a new installation",
            ));
        }
        Ok(())
    }

    fn balance(&mut self, key: (u32, u32), owner: &str, asset: &str) -> u128 {
        let ledger = self.ledger;
        *self
            .balances
            .entry(joined(key))
            .or_insert_with(|| ledger.balance(owner, asset))
    }

    fn set(&mut self, key: (u32, u32), before: u128, after: u128) {
        let key = joined(key);
        self.undo.push((key, before));
        self.balances.insert(key, after);
    }

    fn sum(&mut self, row: &TransferRow<'_>) {
        let sums = match self.summary.assets.get_mut(row.asset) {
            Some(sums) => sums,
            None => self.summary.assets.entry(row.asset.to_owned()).or_default(),
        };
        sums.movements = sums.movements.saturating_add(1);
        let sum = match (row.from, row.to) {
            (OUTSIDE_NAME, _) => &mut sums.incoming,
            (_, OUTSIDE_NAME) => &mut sums.outgoing,
            _ => &mut sums.between,
        };
        *sum = sum.saturating_add(row.units);
    }

    /// Ids that stand twice in what was checked. Where there are any, everything is to be checked again with them.
    ///
    /// # Errors
    /// The temporary file of ids can't be read.
    pub fn duplicates(self) -> io::Result<Duplicates> {
        let mut found = Duplicates::default();
        for twice in self.ids.finish()? {
            let Place {
                file, row, part, ..
            } = twice.again;
            if twice.same {
                found.repeats.insert((file, row, part));
            } else {
                found.conflicts.insert((file, row), twice.first.line);
            }
        }
        Ok(found)
    }
}
