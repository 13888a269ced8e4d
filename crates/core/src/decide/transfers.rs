//! Batches of transfers: all or none, none may overdraw with the batch's earlier rows counted, and none is booked twice.

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::event::Event;
use crate::reason::Reason;
use crate::registry::{AssetIx, OUTSIDE, OwnerIx};
use crate::transfer::{PackedRow, Transfer, TransferBatch, TransferId};
use crate::transfer_ids::{Seen, content_print};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;

/// A transfer may be dated this much later than now, ms: clocks differ.
pub(crate) const AHEAD_MS: u64 = 600_000;

/// What the batch itself adds to and takes from an account so far.
type Changes = BTreeMap<(OwnerIx, AssetIx), (u128, u128)>;

pub(super) fn record(turn: &mut Turn<'_>, batch: &TransferBatch) -> Ruling {
    if batch.is_empty() {
        return Err(turn.malformed("a batch of transfers has at least one row"));
    }
    let mut changes = Changes::new();
    let mut owed = BTreeMap::new();
    let mut ids: BTreeMap<&[u8], u32> = BTreeMap::new();
    for (place, row) in batch.packed().enumerate() {
        let of_row = |reason| Reason::Row {
            row: u32::try_from(place).unwrap_or(u32::MAX),
            reason: Box::new(reason),
        };
        let transfer = resolved(turn, &row).map_err(of_row)?;
        let print = content_print(&transfer);
        let earlier = ids.get(row.id).copied();
        let seen = match earlier {
            Some(known) if known == print => Seen::Same,
            Some(_) => Seen::Other,
            None => turn.state.transfer_ids.look(&transfer.id, print),
        };
        match seen {
            Seen::Same => {
                turn.repeated_rows = turn.repeated_rows.saturating_add(1);
                continue;
            }
            Seen::Other => {
                let id = String::from(transfer.id.as_str());
                return Err(of_row(Reason::TransferConflict { id }));
            }
            Seen::Never => {}
        }
        dated(turn, transfer.effective).map_err(of_row)?;
        ids.insert(row.id, print);
        book(turn, &mut changes, &transfer).map_err(of_row)?;
        fits_owed(turn, &mut owed, &transfer).map_err(of_row)?;
        turn.emit(Event::TransferRecorded(transfer));
    }
    Ok(Answer::Recorded)
}

fn resolved(turn: &Turn<'_>, row: &PackedRow<'_>) -> Result<Transfer, Reason> {
    let text = |bytes| core::str::from_utf8(bytes).unwrap_or("");
    let (from, to, asset) = (
        turn.owner(text(row.from))?,
        turn.owner(text(row.to))?,
        turn.asset(text(row.asset))?,
    );
    let broken = || turn.malformed("the batch is not in its packed form");
    Ok(Transfer {
        id: TransferId::of_checked(row.id).ok_or_else(broken)?,
        from,
        to,
        asset,
        kind: crate::book::MovementKind::from_number(row.kind).ok_or_else(broken)?,
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

fn book(turn: &Turn<'_>, changes: &mut Changes, transfer: &Transfer) -> Result<(), Reason> {
    let (asset, asked) = (transfer.asset, transfer.units);
    let overflow = || Reason::InvalidAmount { asked };
    let taken = changes.entry((transfer.from, asset)).or_insert((0, 0));
    let before = turn.state.book.totals(transfer.from, asset);
    let incoming = before.incoming.checked_add(taken.0).ok_or_else(overflow)?;
    let outgoing = before.outgoing.checked_add(taken.1).ok_or_else(overflow)?;
    outgoing.checked_add(asked).ok_or_else(overflow)?;
    let has = incoming.saturating_sub(outgoing);
    if transfer.from != OUTSIDE && has < asked {
        return Err(Reason::InsufficientBalance { has, asked });
    }
    taken.1 = taken.1.checked_add(asked).ok_or_else(overflow)?;
    let given = changes.entry((transfer.to, asset)).or_insert((0, 0));
    given.0 = given.0.checked_add(asked).ok_or_else(overflow)?;
    let before = turn.state.book.totals(transfer.to, asset);
    before
        .incoming
        .checked_add(given.0)
        .ok_or_else(overflow)
        .map(|_| ())
}

/// What is owed of the asset altogether stays within 128 bits too.
fn fits_owed(
    turn: &Turn<'_>,
    owed: &mut BTreeMap<AssetIx, u128>,
    transfer: &Transfer,
) -> Result<(), Reason> {
    let asked = transfer.units;
    let moved = owed.entry(transfer.asset).or_insert(0);
    let together = moved.checked_add(asked);
    let fits = together.filter(|units| {
        let all = turn.state.book.owed_totals(transfer.asset);
        all.incoming.checked_add(*units).is_some() && all.outgoing.checked_add(*units).is_some()
    });
    *moved = fits.ok_or(Reason::InvalidAmount { asked })?;
    Ok(())
}
