//! V06 and V07: tiles and entries hash to the signed root, and entries that travel alone are in it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::bundle::Context;
use crate::decimal::parse_u63;
use crate::digest::Digest;
use crate::record;
use crate::report::Finding;
use crate::tile::{
    self, FULL_WIDTH, TileError, TileHashes, TileId, TileKind, TileReader, hashes_at, right_edge,
    width_of,
};
use crate::tlog_proof::TlogProof;
use crate::tree::{self, leaf_hash};

/// Tiles of the bundle by id.
struct Tiles<'a>(BTreeMap<TileId, &'a [u8]>);

struct MissingTile(String);

impl From<TileError> for MissingTile {
    fn from(error: TileError) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for MissingTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TileReader for &Tiles<'_> {
    type Error = MissingTile;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, MissingTile> {
        self.0
            .get(&id)
            .map(|bytes| bytes.to_vec())
            .ok_or_else(|| MissingTile(format!("`log/{}` is missing", id.path())))
    }
}

/// V06: from the right edge to the root, from full tiles to the tile above, from entries to their leaf hashes.
pub(crate) fn tiles_and_entries(context: &mut Context<'_>) -> Finding {
    let Some(checkpoint) = context.checkpoint.clone() else {
        return Finding::not_run("there is no signed root to compare with (V04).");
    };
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let tiles = match read_tiles(context, size) {
        Ok(tiles) => tiles,
        Err(reason) => return Finding::fail(reason),
    };
    let scope = &context.manifest.scope;
    if tiles.0.is_empty() && scope.from == scope.to {
        return Finding::not_present(
            "the bundle shows no tiles and no range of entries; see V07 for single entries.",
        );
    }
    match check_tiles(&tiles, size, root).and_then(|()| check_entries(context, &tiles)) {
        Err(reason) => Finding::fail(reason),
        Ok(shown) => {
            let (from, to) = (context.manifest.scope.from, context.manifest.scope.to);
            let finding = Finding::pass(format!(
                "{} tiles hash to the signed root; {shown} entries are exactly those the tree holds; the scope, entries \
                 {from} to {to} (exclusive), has no gap; record times and turns never fall.",
                tiles.0.len()
            ));
            finding.open(
                "What the entries mean: this verifier reads each record's envelope only; `keepwhole journal check` folds \
                 the event bodies.",
            )
        }
    }
}

fn read_tiles<'a>(context: &Context<'a>, size: u64) -> Result<Tiles<'a>, String> {
    let mut tiles = BTreeMap::new();
    for (path, bytes) in context
        .below("log/")
        .filter(|(path, _)| path.starts_with("tile/"))
    {
        let id = TileId::parse(path).map_err(|error| format!("`log/{path}`: {error}"))?;
        let count = match id.kind {
            TileKind::Hashes(level) => hashes_at(size, level),
            TileKind::Entries => size,
        };
        if width_of(id.index, count) != Some(id.width) {
            return Err(format!(
                "`log/{path}` is no tile of a tree of {size} entries"
            ));
        }
        if matches!(id.kind, TileKind::Hashes(_)) {
            id.check_hashes(bytes)
                .map_err(|error| format!("`log/{path}`: {error}"))?;
        }
        tiles.insert(id, bytes);
    }
    Ok(Tiles(tiles))
}

fn check_tiles(tiles: &Tiles<'_>, size: u64, root: Digest) -> Result<(), String> {
    for id in right_edge(size) {
        if !tiles.0.contains_key(&id) {
            return Err(format!("`log/{}` of the right edge is missing", id.path()));
        }
    }
    let found =
        tree::frontier(&TileHashes::new(tiles, size), size).map_err(|error| match error {
            tree::ProveError::Tree(error) => error.to_string(),
            tree::ProveError::Store(error) => error.to_string(),
        })?;
    if found.root() != root {
        return Err(
            "the tiles of the right edge lead to another root than the signed one".to_owned(),
        );
    }
    for (id, bytes) in &tiles.0 {
        let TileKind::Hashes(level) = id.kind else {
            continue;
        };
        if id.width < FULL_WIDTH {
            continue;
        }
        let above = hash_above(tiles, size, level, id.index)?;
        let hashes: Vec<Digest> = bytes
            .chunks_exact(32)
            .filter_map(Digest::from_slice)
            .collect();
        if tree::root_of_leaves(&hashes) != above {
            return Err(format!(
                "`log/{}` does not hash to its place in the tile above",
                id.path()
            ));
        }
    }
    Ok(())
}

/// The hash of full tile `index` of `level`, as the tile above holds it.
fn hash_above(tiles: &Tiles<'_>, size: u64, level: u8, index: u64) -> Result<Digest, String> {
    let wide = u64::from(FULL_WIDTH);
    let level = level.saturating_add(1);
    let parent = index.checked_div(wide).unwrap_or(0);
    let missing = || {
        format!(
            "no tile above tile {index} of level {}",
            level.saturating_sub(1)
        )
    };
    let width = width_of(parent, hashes_at(size, level)).ok_or_else(missing)?;
    let id = TileId {
        kind: TileKind::Hashes(level),
        index: parent,
        width,
    };
    let bytes = tiles
        .0
        .get(&id)
        .ok_or_else(|| format!("`log/{}` above a full tile is missing", id.path()))?;
    let place = usize::try_from(index.checked_rem(wide).unwrap_or(0)).map_err(|_| missing())?;
    bytes
        .chunks_exact(32)
        .nth(place)
        .and_then(Digest::from_slice)
        .ok_or_else(missing)
}

fn check_entries<'a>(context: &mut Context<'a>, tiles: &Tiles<'a>) -> Result<u64, String> {
    let mut shown = 0u64;
    for (id, bytes) in &tiles.0 {
        if id.kind != TileKind::Entries {
            continue;
        }
        let path = id.path();
        let hashes = TileId {
            kind: TileKind::Hashes(0),
            ..*id
        };
        let leaves = tiles
            .0
            .get(&hashes)
            .ok_or_else(|| format!("`log/{}` for its entries is missing", hashes.path()))?;
        let entries = tile::decode_bundle(bytes, id.width, true)
            .map_err(|error| format!("`log/{path}`: {error}"))?;
        let first = id.index.saturating_mul(u64::from(FULL_WIDTH));
        for ((offset, entry), leaf) in (0u64..).zip(entries).zip(leaves.chunks_exact(32)) {
            let index = first.saturating_add(offset);
            if leaf_hash(entry).as_bytes().as_slice() != leaf {
                return Err(format!(
                    "entry {index} in `log/{path}` is not the one whose hash is in the tree"
                ));
            }
            context.entries.insert(index, entry);
            shown = shown.saturating_add(1);
        }
    }
    check_scope(context)?;
    check_envelopes(&context.entries)?;
    Ok(shown)
}

fn check_scope(context: &Context<'_>) -> Result<(), String> {
    let scope = &context.manifest.scope;
    let mut expected = scope.from;
    while expected < scope.to {
        let there = context.entries.contains_key(&expected)
            || context
                .files
                .contains_key(&format!("proofs/{expected}.tlog-proof"));
        if !there {
            return Err(format!("entry {expected} of the scope is missing"));
        }
        expected = expected.saturating_add(1);
    }
    Ok(())
}

/// Every envelope parses; times and turns don't fall. Names the first entry that breaks it.
fn check_envelopes(entries: &BTreeMap<u64, &[u8]>) -> Result<(), String> {
    let (mut at, mut turn) = (0u64, 0u64);
    for (index, entry) in entries {
        let envelope = record::read(entry).map_err(|cause| format!("entry {index}: {cause}"))?;
        if envelope.at < at {
            return Err(format!(
                "entry {index}: its time {} is before that of an earlier entry, {at}",
                envelope.at
            ));
        }
        if envelope.turn < turn {
            return Err(format!(
                "entry {index}: its turn {} is below that of an earlier entry, {turn}",
                envelope.turn
            ));
        }
        (at, turn) = (envelope.at, envelope.turn);
    }
    Ok(())
}

/// V07: entries shown alone.
pub(crate) fn single_proofs(context: &mut Context<'_>) -> Finding {
    if context.checkpoint.is_none() {
        return Finding::not_run("there is no signed root to compare with (V04).");
    }
    let mut unlinked = 0u64;
    match check_proofs(context, &mut unlinked) {
        Err(reason) => Finding::fail(reason),
        Ok(0) => Finding::not_present("the bundle shows no entry alone."),
        Ok(count) => {
            let finding = Finding::pass(format!(
                "{count} single entries are in the signed tree at their index."
            ));
            if unlinked == 0 {
                return finding;
            }
            finding.open(format!(
                "That {unlinked} single proofs, which rest on a smaller checkpoint not in `log/history/`, belong to the \
                 same tree as `log/checkpoint`."
            ))
        }
    }
}

fn check_proofs(context: &mut Context<'_>, unlinked: &mut u64) -> Result<usize, String> {
    let mut proven: BTreeMap<u64, &[u8]> = BTreeMap::new();
    let mut names: Vec<u64> = Vec::new();
    for (name, bytes) in context.below("proofs/") {
        if let Some(stem) = name.strip_suffix(".entry") {
            let index = parse_u63(stem)
                .ok_or_else(|| format!("`proofs/{name}` is not named by an index"))?;
            names.push(index);
            continue;
        }
        let stem = name.strip_suffix(".tlog-proof").and_then(parse_u63);
        let index = stem.ok_or_else(|| {
            format!("`proofs/{name}` is neither a proof nor an entry named by its index")
        })?;
        let place = |cause: String| format!("`proofs/{name}`: {cause}");
        let proof = TlogProof::parse(bytes).map_err(|error| place(error.to_string()))?;
        if proof.index != index {
            return Err(place(format!("proves entry {}", proof.index)));
        }
        let entry = context.files.get(&format!("proofs/{index}.entry")).copied();
        let entry = entry.ok_or_else(|| place(format!("`proofs/{index}.entry` is missing")))?;
        let included = proof
            .verify(entry, &context.trust.policy)
            .map_err(|error| place(error.to_string()))?;
        check_rest(context, &included.checkpoint, unlinked).map_err(place)?;
        record::read(entry).map_err(place)?;
        proven.insert(index, entry);
    }
    if let Some(index) = names.iter().find(|index| !proven.contains_key(index)) {
        return Err(format!("`proofs/{index}.entry` has no proof beside it"));
    }
    let count = proven.len();
    for (index, entry) in proven {
        if context
            .entries
            .get(&index)
            .is_some_and(|shown| *shown != entry)
        {
            return Err(format!("entry {index} is shown twice with different bytes"));
        }
        context.entries.insert(index, entry);
    }
    check_envelopes(&context.entries)?;
    Ok(count)
}

/// The checkpoint inside a proof is `log/checkpoint` or of a smaller size, and not of another tree.
fn check_rest(
    context: &Context<'_>,
    inside: &crate::Checkpoint,
    unlinked: &mut u64,
) -> Result<(), String> {
    let Some(last) = &context.checkpoint else {
        return Err("there is no checkpoint".to_owned());
    };
    if inside.origin() != last.origin() || inside.size() > last.size() {
        return Err(format!(
            "rests on `{}` at size {}, newer or of another log",
            inside.origin(),
            inside.size()
        ));
    }
    match context.roots.get(&inside.size()) {
        Some(root) if *root == inside.root() => Ok(()),
        Some(_) => Err(format!(
            "rests on another tree of {} entries than the bundle's checkpoint",
            inside.size()
        )),
        None => {
            *unlinked = unlinked.saturating_add(1);
            Ok(())
        }
    }
}
