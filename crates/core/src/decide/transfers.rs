//! Batches of transfers: all or none, none may overdraw with the batch's earlier rows counted, and none is booked twice.
//!
//! Rows are taken 64 at a time, in stages: all that a stage will read is asked for before any of it is used, so that the
//! processor waits for memory once a stage and not once a row.

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::book::{Book, MovementKind, Totals};
use crate::index::STAGE;
use crate::names::Names;
use crate::reason::Reason;
use crate::registry::{AssetIx, OUTSIDE, OwnerIx, Registry};
use crate::transfer::{Booked, PackedRow, Transfer, TransferBatch, TransferId};
use crate::transfer_ids::{IdKey, Keyed, Seen};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::hint::black_box;

/// A transfer may be dated this much later than now, ms: clocks differ.
const AHEAD_MS: u64 = 600_000;

/// An owner of a row on its way to a transfer.
#[derive(Clone, Copy)]
struct Side {
    hash: u64,
    owner: Option<OwnerIx>,
    /// Where the owner's holding of the asset is.
    place: Option<usize>,
    /// What it holds before the batch.
    totals: Totals,
}

impl Side {
    fn of(owners: &Names, name: &[u8]) -> Self {
        Self {
            hash: owners.hash(name),
            owner: None,
            place: None,
            totals: Totals::default(),
        }
    }
}

/// A row on its way to a transfer.
struct Staged<'b> {
    row: PackedRow<'b>,
    key: IdKey,
    id_hash: u64,
    from: Side,
    to: Side,
    asset: Option<AssetIx>,
}

pub(super) fn record(turn: &mut Turn<'_>, batch: &TransferBatch) -> Ruling {
    if batch.is_empty() {
        return Err(turn.malformed("a batch of transfers has at least one row"));
    }
    turn.transfers.reserve_exact(batch.len());
    let mut changes = Changes::new(batch.len());
    let mut assets = Assets::new();
    let mut stage = Vec::with_capacity(batch.len().min(STAGE));
    let mut rows = batch.packed();
    let mut place = 0u32;
    loop {
        stage.clear();
        stage.extend(rows.by_ref().take(STAGE).map(|row| staged(turn, row)));
        if stage.is_empty() {
            return Ok(Answer::Recorded);
        }
        resolve(turn, &mut assets, &mut stage);
        for row in &stage {
            one(turn, &mut changes, row).map_err(|reason| Reason::Row {
                row: place,
                reason: Box::new(reason),
            })?;
            place = place.saturating_add(1);
        }
    }
}

fn staged<'b>(turn: &Turn<'_>, row: PackedRow<'b>) -> Staged<'b> {
    let key = IdKey::of(row.id);
    let owners = &turn.state.registry.owners;
    Staged {
        key,
        id_hash: turn.state.transfer_ids.hash(&key),
        from: Side::of(owners, row.from),
        to: Side::of(owners, row.to),
        row,
        asset: None,
    }
}

/// Finds the owners and assets of a stage, and what the owners hold. Each pass reads one step further for all rows, so that
/// none waits for the one before it.
fn resolve<'b>(turn: &Turn<'_>, assets: &mut Assets<'b>, stage: &mut [Staged<'b>]) {
    let (owners, ids) = (&turn.state.registry.owners, &turn.state.transfer_ids);
    let book = &turn.state.book;
    let mut asked = 0;
    for row in stage.iter() {
        asked ^= owners.touch(row.from.hash) ^ owners.touch(row.to.hash) ^ ids.touch(row.id_hash);
    }
    for row in stage.iter() {
        asked ^= owners.touch_text(row.from.hash, row.row.from.len());
        asked ^= owners.touch_text(row.to.hash, row.row.to.len());
    }
    for row in stage.iter_mut() {
        row.asset = assets.find(&turn.state.registry, row.row.asset);
        for (side, name) in [(&mut row.from, row.row.from), (&mut row.to, row.row.to)] {
            side.owner = owners.find(side.hash, name).map(OwnerIx);
            asked ^= side.owner.map_or(0, |owner| book.touch(owner));
        }
    }
    let of_row = |row: &Staged<'_>| [row.from.owner, row.to.owner];
    for owner in stage.iter().flat_map(of_row).flatten() {
        asked ^= book.touch_assets(owner);
    }
    for row in stage.iter_mut() {
        let Some(asset) = row.asset else { continue };
        for side in [&mut row.from, &mut row.to] {
            side.place = side.owner.and_then(|owner| book.place(owner, asset));
        }
    }
    for side in stage
        .iter_mut()
        .flat_map(|row| [&mut row.from, &mut row.to])
    {
        if let (Some(owner), Some(place)) = (side.owner, side.place) {
            side.totals = book.at(owner, place);
        }
    }
    black_box(asked);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn one(turn: &mut Turn<'_>, changes: &mut Changes, staged: &Staged<'_>) -> Result<(), Reason> {
    let transfer = transfer(turn, staged)?;
    let ids = &turn.state.transfer_ids;
    let keyed = Keyed {
        key: staged.key,
        hash: staged.id_hash,
        print: ids.print(&staged.key, &transfer),
    };
    let seen = match changes.first_print(&keyed) {
        Some(known) if known == keyed.print => Seen::Same,
        Some(_) => Seen::Other,
        None => ids.look(&keyed),
    };
    match seen {
        Seen::Never => {}
        Seen::Same => {
            turn.repeated_rows = turn.repeated_rows.saturating_add(1);
            return Ok(());
        }
        Seen::Other => {
            let id = text(staged.row.id);
            return Err(Reason::TransferConflict { id });
        }
    }
    dated(turn, transfer.effective)?;
    changes.book(
        &turn.state.book,
        &transfer,
        [staged.from.totals, staged.to.totals],
    )?;
    turn.transfers.push(Booked { transfer, keyed });
    Ok(())
}

/// The row under numbers instead of names.
fn transfer(turn: &Turn<'_>, staged: &Staged<'_>) -> Result<Transfer, Reason> {
    let row = &staged.row;
    let broken = || turn.malformed("the batch is not in its packed form");
    let Some(asset) = staged.asset else {
        return Err(Reason::UnknownAsset {
            asset: text(row.asset),
        });
    };
    let known = |side: &Side, name| {
        side.owner.ok_or_else(|| Reason::UnknownCustomer {
            customer: text(name),
        })
    };
    Ok(Transfer {
        from: known(&staged.from, row.from)?,
        to: known(&staged.to, row.to)?,
        asset,
        id: TransferId::of_checked(row.id).ok_or_else(broken)?,
        kind: MovementKind::from_number(row.kind).ok_or_else(broken)?,
        units: row.units,
        effective: row.effective,
    })
}

/// Not so old that its id may be forgotten, and not later than now.
fn dated(turn: &Turn<'_>, effective: u64) -> Result<(), Reason> {
    if let Some(forgotten) = turn.state.transfer_ids.forgotten()
        && effective <= forgotten
    {
        return Err(Reason::TransferTooOld {
            effective,
            forgotten,
        });
    }
    let latest = turn.at.saturating_add(AHEAD_MS);
    if effective > latest {
        return Err(Reason::TransferTooNew { effective, latest });
    }
    Ok(())
}

/// The assets that the batch named last, so that few rows ask the registry.
struct Assets<'b> {
    last: [Option<(&'b [u8], AssetIx)>; STAGE],
}

impl<'b> Assets<'b> {
    const fn new() -> Self {
        Self {
            last: [None; STAGE],
        }
    }

    fn find(&mut self, registry: &Registry, name: &'b [u8]) -> Option<AssetIx> {
        let ends = name.first().zip(name.last()).zip(name.get(1));
        let place = ends.map_or(0, |((first, last), second)| {
            let mixed = usize::from(*first)
                .wrapping_add(usize::from(*last).wrapping_mul(7))
                .wrapping_add(usize::from(*second).wrapping_mul(29));
            mixed % STAGE
        });
        if let Some(Some((known, asset))) = self.last.get(place)
            && *known == name
        {
            return Some(*asset);
        }
        let asset = registry.asset(core::str::from_utf8(name).ok()?)?;
        if let Some(slot) = self.last.get_mut(place) {
            *slot = Some((name, asset));
        }
        Some(asset)
    }
}

/// An account as the batch leaves it so far.
struct Account {
    owner: OwnerIx,
    asset: AssetIx,
    totals: Totals,
}

/// What the batch itself changes so far: accounts, the room left per asset, and its own ids. Two small open tables whose
/// slots hold a place plus one; a batch has at most 8,192 rows, so both stay in the processor's cache.
struct Changes {
    accounts: Vec<Account>,
    account_slots: Vec<u16>,
    ids: Vec<(IdKey, u32)>,
    id_slots: Vec<u16>,
    /// By which amount the totals owed of an asset may still grow.
    room: Vec<Option<u128>>,
}

/// Goes through the slots from the one that the hash says until `found` says a slot is the one or is free.
fn slot(slots: &[u16], hash: u64, mut same: impl FnMut(usize) -> bool) -> (usize, Option<usize>) {
    let mask = slots.len().saturating_sub(1);
    let mut at = usize::try_from(hash >> 32).unwrap_or(0) & mask;
    loop {
        let place = usize::from(slots.get(at).copied().unwrap_or(0));
        match place.checked_sub(1) {
            None => return (at, None),
            Some(place) if same(place) => return (at, Some(place)),
            Some(_) => at = at.wrapping_add(1) & mask,
        }
    }
}

impl Changes {
    fn new(rows: usize) -> Self {
        // Two accounts a row at most; a quarter of the slots at least stays free.
        let slots = rows.saturating_mul(2).next_power_of_two().saturating_mul(2);
        Self {
            accounts: Vec::with_capacity(rows.saturating_mul(2)),
            account_slots: alloc::vec![0; slots],
            ids: Vec::with_capacity(rows),
            id_slots: alloc::vec![0; slots],
            room: Vec::new(),
        }
    }

    /// The print under which an earlier row of the batch has the id; if none has, the id is noted with this one.
    fn first_print(&mut self, keyed: &Keyed) -> Option<u32> {
        let ids = &self.ids;
        let same = |place: usize| ids.get(place).is_some_and(|(known, _)| *known == keyed.key);
        let (at, found) = slot(&self.id_slots, keyed.hash, same);
        if let Some(place) = found {
            return self.ids.get(place).map(|(_, print)| *print);
        }
        self.ids.push((keyed.key, keyed.print));
        if let Some(slot) = self.id_slots.get_mut(at) {
            *slot = u16::try_from(self.ids.len()).unwrap_or(0);
        }
        None
    }

    /// Place of the account, with its totals before the batch if it is new.
    fn account(&mut self, owner: OwnerIx, asset: AssetIx, before: Totals) -> usize {
        let both = u64::from(owner.0) | (u64::from(asset.0) << 32);
        // Fibonacci hashing (Knuth, TAOCP 3, 6.4): the high half is well mixed.
        let hash = both.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let accounts = &self.accounts;
        let same = |place: usize| {
            accounts
                .get(place)
                .is_some_and(|known| known.owner == owner && known.asset == asset)
        };
        let (at, found) = slot(&self.account_slots, hash, same);
        if let Some(place) = found {
            return place;
        }
        self.accounts.push(Account {
            owner,
            asset,
            totals: before,
        });
        if let Some(slot) = self.account_slots.get_mut(at) {
            *slot = u16::try_from(self.accounts.len()).unwrap_or(0);
        }
        self.accounts.len().saturating_sub(1)
    }

    /// Books a transfer, given what its two owners held before the batch.
    fn book(
        &mut self,
        book: &Book,
        transfer: &Transfer,
        [from, to]: [Totals; 2],
    ) -> Result<(), Reason> {
        let (asset, asked) = (transfer.asset, transfer.units);
        let overflow = Reason::InvalidAmount { asked };
        let from = self.account(transfer.from, asset, from);
        let to = self.account(transfer.to, asset, to);
        let Some(Account { totals: taken, .. }) = self.accounts.get_mut(from) else {
            return Err(overflow);
        };
        let has = taken.balance();
        if transfer.from != OUTSIDE && has < asked {
            return Err(Reason::InsufficientBalance { has, asked });
        }
        let Some(outgoing) = taken.outgoing.checked_add(asked) else {
            return Err(overflow);
        };
        taken.outgoing = outgoing;
        let Some(Account { totals: given, .. }) = self.accounts.get_mut(to) else {
            return Err(overflow);
        };
        let Some(incoming) = given.incoming.checked_add(asked) else {
            return Err(overflow);
        };
        given.incoming = incoming;
        self.take_room(book, asset, asked).ok_or(overflow)
    }

    /// What is owed of an asset altogether stays within 128 bits.
    fn take_room(&mut self, book: &Book, asset: AssetIx, asked: u128) -> Option<()> {
        if self.room.len() <= asset.place() {
            self.room.resize(asset.place().saturating_add(1), None);
        }
        let room = self.room.get_mut(asset.place())?;
        let left = room.unwrap_or_else(|| {
            let all = book.owed_totals(asset);
            u128::MAX.saturating_sub(all.incoming.max(all.outgoing))
        });
        *room = Some(left.checked_sub(asked)?);
        Some(())
    }
}
