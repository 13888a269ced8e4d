//! Batches of transfers: all or none, none may overdraw with the batch's earlier rows counted, and none is booked twice.

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::book::{Book, MovementKind, Totals};
use crate::index::STAGE;
use crate::lookup::{Assets, Located, locate};
use crate::reason::Reason;
use crate::registry::{AssetIx, OUTSIDE, OwnerIx};
use crate::transfer::{Booked, PackedRow, Transfer, TransferBatch, TransferId};
use crate::transfer_ids::{IdKey, Keyed, Seen};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::hint::black_box;

/// A transfer may be dated this much later than now, ms: clocks differ.
const AHEAD_MS: u64 = 600_000;

/// What an owner of a row holds of its asset.
#[derive(Clone, Copy, Default)]
struct Side {
    /// Where that is.
    place: Option<usize>,
    /// Before the batch.
    totals: Totals,
}

/// A row on its way to a transfer.
struct Staged<'b> {
    row: PackedRow<'b>,
    located: Located,
    from: Side,
    to: Side,
}

impl Staged<'_> {
    fn owners(&self) -> impl Iterator<Item = OwnerIx> {
        [self.located.from, self.located.to].into_iter().flatten()
    }
}

pub(super) fn record(turn: &mut Turn<'_>, batch: &TransferBatch) -> Ruling {
    if batch.is_empty() {
        return Err(turn.malformed("a batch of transfers has at least one row"));
    }
    turn.transfers.reserve_exact(batch.len());
    let mut changes = Changes::new(batch.len());
    let mut assets = Assets::new();
    let (mut packed, mut located) = (Vec::with_capacity(STAGE), Vec::with_capacity(STAGE));
    let mut stage = Vec::with_capacity(STAGE);
    let mut rows = batch.packed();
    let mut place = 0;
    loop {
        packed.clear();
        packed.extend(rows.by_ref().take(STAGE));
        if packed.is_empty() {
            return Ok(Answer::Recorded);
        }
        let ahead = batch.ahead();
        let found = ahead.and_then(|ahead| ahead.stage(turn.state, place, packed.len()));
        let found = found.unwrap_or_else(|| {
            located.clear();
            locate(turn.state, &mut assets, &packed, &mut located);
            &located
        });
        stage.clear();
        stage.extend(packed.iter().zip(found).map(|(row, located)| Staged {
            row: *row,
            located: *located,
            from: Side::default(),
            to: Side::default(),
        }));
        read_holdings(turn, &mut stage);
        for row in &stage {
            one(turn, &mut changes, row).map_err(|reason| Reason::Row {
                row: u32::try_from(place).unwrap_or(u32::MAX),
                reason: Box::new(reason),
            })?;
            place = place.saturating_add(1);
        }
    }
}

/// Reads what the owners of a stage hold, and asks for what their ids will need. Each pass reads one step further for all
/// rows, so that none waits for the one before it.
fn read_holdings(turn: &Turn<'_>, stage: &mut [Staged<'_>]) {
    let (book, ids) = (&turn.state.book, &turn.state.transfer_ids);
    let mut asked = 0;
    for row in stage.iter() {
        asked ^= ids.touch(row.located.id_hash);
        asked = row
            .owners()
            .fold(asked, |asked, owner| asked ^ book.touch(owner));
    }
    for owner in stage.iter().flat_map(Staged::owners) {
        asked ^= book.touch_assets(owner);
    }
    for row in stage.iter_mut() {
        let Some(asset) = row.located.asset else {
            continue;
        };
        let place = |owner: Option<OwnerIx>| owner.and_then(|owner| book.place(owner, asset));
        row.from.place = place(row.located.from);
        row.to.place = place(row.located.to);
    }
    for row in stage.iter_mut() {
        let at = |owner: Option<OwnerIx>, side: &mut Side| {
            if let (Some(owner), Some(place)) = (owner, side.place) {
                side.totals = book.at(owner, place);
            }
        };
        at(row.located.from, &mut row.from);
        at(row.located.to, &mut row.to);
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
        key: staged.located.key,
        hash: staged.located.id_hash,
        print: ids.print(&staged.located.key, &transfer),
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
    let Some(asset) = staged.located.asset else {
        return Err(Reason::UnknownAsset {
            asset: text(row.asset),
        });
    };
    let known = |owner: Option<OwnerIx>, name| {
        owner.ok_or_else(|| Reason::UnknownCustomer {
            customer: text(name),
        })
    };
    Ok(Transfer {
        from: known(staged.located.from, row.from)?,
        to: known(staged.located.to, row.to)?,
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
