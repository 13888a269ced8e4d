//! Finding what the rows of a batch name: where their ids are looked up, and their owners and assets.
//!
//! Rows are taken 64 at a time, in stages: all that a stage will read is asked for before any of it is used, so that the
//! processor waits for memory once a stage and not once a row.
//!
//! It may be done ahead of deciding, by whoever sends the batch: a name keeps its number for good and an id its hash, so
//! what was found stays right, and what was not found is looked for again.

use crate::index::{HashKey, STAGE};
use crate::registry::{AssetIx, OwnerIx, Registry};
use crate::state::State;
use crate::transfer::{PackedRow, unpack};
use crate::transfer_ids::IdKey;
use alloc::vec::Vec;
use core::hint::black_box;

/// A row's id and what its names are known under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Located {
    pub(crate) key: IdKey,
    pub(crate) id_hash: u64,
    pub(crate) from: Option<OwnerIx>,
    pub(crate) to: Option<OwnerIx>,
    pub(crate) asset: Option<AssetIx>,
}

impl Located {
    const fn is_whole(&self) -> bool {
        self.from.is_some() && self.to.is_some() && self.asset.is_some()
    }
}

/// What the rows of a batch name, as far as it was found ahead of deciding.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Of the journal whose numbers they are.
    journal: HashKey,
    /// Owners that it had.
    owners: usize,
    rows: Vec<Located>,
    /// Bytes of the batch that these rows are.
    bytes: usize,
}

impl Ahead {
    /// Of no rows yet; `None` for a state without records, whose key says nothing.
    pub(crate) fn of(state: &State, rows: usize) -> Option<Self> {
        let journal = state.transfer_ids.key();
        (journal != HashKey::default()).then(|| Self {
            journal,
            owners: 0,
            rows: Vec::with_capacity(rows),
            bytes: 0,
        })
    }

    /// Locates the next stage of the batch; false at its end.
    pub(crate) fn extend(&mut self, state: &State, batch: &[u8]) -> bool {
        let mut rest = batch.get(self.bytes..).unwrap_or(&[]);
        let mut rows = Vec::with_capacity(STAGE);
        while rows.len() < STAGE
            && let Some((row, after)) = unpack(rest)
        {
            rows.push(row);
            rest = after;
        }
        locate(state, &mut Assets::new(), &rows, &mut self.rows);
        self.owners = state.registry.owners.len();
        self.bytes = batch.len().saturating_sub(rest.len());
        !rest.is_empty() && !rows.is_empty()
    }

    /// So many rows from `place` on, if all that they name was found, and in the journal of this state.
    pub(crate) fn stage(&self, state: &State, place: usize, rows: usize) -> Option<&[Located]> {
        let same =
            self.journal == state.transfer_ids.key() && self.owners <= state.registry.owners.len();
        let found = self.rows.get(place..)?.get(..rows)?;
        (same && found.iter().all(Located::is_whole)).then_some(found)
    }
}

/// Locates the rows of one stage, behind those that `found` has already. Each pass reads one step further for all rows, so
/// that none waits for the one before it.
pub(crate) fn locate<'b>(
    state: &State,
    assets: &mut Assets<'b>,
    rows: &[PackedRow<'b>],
    found: &mut Vec<Located>,
) {
    let (owners, ids) = (&state.registry.owners, &state.transfer_ids);
    let mut hashes = [[0; 2]; STAGE];
    let mut asked = 0;
    for (row, hashes) in rows.iter().zip(&mut hashes) {
        *hashes = [owners.hash(row.from), owners.hash(row.to)];
        let [from, to] = *hashes;
        asked ^= owners.touch(from) ^ owners.touch(to);
    }
    for (row, [from, to]) in rows.iter().zip(&hashes) {
        asked ^= owners.touch_text(*from, row.from.len()) ^ owners.touch_text(*to, row.to.len());
    }
    black_box(asked);
    let owner = |hash, name| owners.find(hash, name).map(OwnerIx);
    found.extend(rows.iter().zip(&hashes).map(|(row, [from, to])| {
        let key = IdKey::of(row.id);
        Located {
            key,
            id_hash: ids.hash(&key),
            from: owner(*from, row.from),
            to: owner(*to, row.to),
            asset: assets.find(&state.registry, row.asset),
        }
    }));
}

/// The assets that the batch named last, so that few rows ask the registry.
pub(crate) struct Assets<'b> {
    last: [Option<(&'b [u8], AssetIx)>; STAGE],
}

impl<'b> Assets<'b> {
    pub(crate) const fn new() -> Self {
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
