//! Puts a bundle's files together, lists and signs them.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_verify::archive as container;
use keepwhole_verify::bundle_manifest::{BundleManifest, FileEntry, MANIFEST, NOTE};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::manifest::Manifest;
use keepwhole_verify::note::{Note, NoteSigner};
use keepwhole_verify::tile::{TileHashes, TileId, TileKind, hashes_at, right_edge, width_of};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree::{prove_consistency, prove_inclusion};
use sha2::{Digest, Sha256};

use super::plan::{BundleError, BundlePlan};
use super::source::{LogSource, Reader, entry};

type Files = BTreeMap<String, Vec<u8>>;

/// The bytes of a `.kwb` file.
///
/// # Errors
/// A [`BundleError`] that names what is missing or wrong.
pub fn archive(
    plan: &BundlePlan,
    log: &dyn LogSource,
    signer: &dyn NoteSigner,
) -> Result<Vec<u8>, BundleError> {
    container::write(&files(plan, log, signer)?).map_err(BundleError::Container)
}

/// The files of a bundle by path, `manifest.json` and `manifest.note` included.
///
/// # Errors
/// A [`BundleError`] that names what is missing or wrong.
pub fn files(
    plan: &BundlePlan,
    log: &dyn LogSource,
    signer: &dyn NoteSigner,
) -> Result<Files, BundleError> {
    let checkpoint = read_checkpoint("log/checkpoint", &plan.checkpoint)?;
    let size = checkpoint.size();
    let (from, to) = (plan.scope.from, plan.scope.to);
    if from > to || to > size {
        return Err(BundleError::Scope { from, to, size });
    }
    let mut files = Files::new();
    files.insert("log/checkpoint".to_owned(), plan.checkpoint.clone());
    files.insert(
        "claimed/keys.txt".to_owned(),
        plan.claimed_keys.clone().into_bytes(),
    );
    files.insert("readme.txt".to_owned(), plan.readme.clone().into_bytes());
    add_redress(plan, &mut files)?;
    let mut alone: BTreeSet<u64> = plan.single_entries.iter().copied().collect();
    alone.extend(
        plan.redress
            .iter()
            .map(|part| part.entry)
            .chain(plan.decisions.entries.iter().copied())
            .filter(|entry| !(from..to).contains(entry)),
    );
    files.extend(plan.decisions.files.clone());
    add_range(plan, log, size, &mut alone, &mut files)?;
    for index in alone {
        let (proof, bytes) = prove(log, index, size, &plan.checkpoint)?;
        files.insert(format!("proofs/{index}.entry"), bytes);
        files.insert(format!("proofs/{index}.tlog-proof"), proof.into_bytes());
    }
    add_history(plan, log, &checkpoint, &mut files)?;
    sign(plan, &checkpoint, signer, files)
}

/// The C2SP proof file of one entry under `checkpoint` (a whole note), and the entry's bytes.
///
/// # Errors
/// A [`BundleError`] that names what is missing or wrong.
pub fn tlog_proof(
    log: &dyn LogSource,
    index: u64,
    checkpoint: &[u8],
) -> Result<(String, Vec<u8>), BundleError> {
    let size = read_checkpoint("given", checkpoint)?.size();
    prove(log, index, size, checkpoint)
}

fn prove(
    log: &dyn LogSource,
    index: u64,
    size: u64,
    checkpoint: &[u8],
) -> Result<(String, Vec<u8>), BundleError> {
    let store = TileHashes::new(Reader(log), size);
    let hashes = prove_inclusion(&store, index, size)
        .map_err(|error| BundleError::Source(error.to_string()))?;
    let text = String::from_utf8(checkpoint.to_vec());
    let checkpoint =
        text.map_err(|_| BundleError::Source("the checkpoint is not UTF-8".to_owned()))?;
    Ok((
        TlogProof {
            index,
            hashes,
            checkpoint,
        }
        .to_string(),
        entry(log, index, size)?,
    ))
}

fn read_checkpoint(name: &str, note: &[u8]) -> Result<Checkpoint, BundleError> {
    let fail = |cause: String| BundleError::Checkpoint {
        name: name.to_owned(),
        cause,
    };
    let note = Note::parse(note).map_err(|error| fail(error.to_string()))?;
    Checkpoint::parse_text(note.text()).map_err(|error| fail(error.to_string()))
}

fn add_redress(plan: &BundlePlan, files: &mut Files) -> Result<(), BundleError> {
    for part in &plan.redress {
        let manifest = Manifest::read(&part.manifest)
            .map_err(|error| BundleError::Redress(error.to_string()))?;
        let folder = format!("redress/{}", to_hex(&manifest.set_id));
        files.insert(
            format!("{folder}/manifest.json"),
            part.manifest.clone().into_bytes(),
        );
        let Some(table) = &part.table else { continue };
        if !plan.confidential {
            return Err(BundleError::NotConfidential);
        }
        for (name, bytes) in table {
            files.insert(format!("{folder}/{name}"), bytes.clone());
        }
    }
    Ok(())
}

/// Right edge, entry bundles that lie wholly in the scope with their tiles and those above, the rest of the scope alone.
fn add_range(
    plan: &BundlePlan,
    log: &dyn LogSource,
    size: u64,
    alone: &mut BTreeSet<u64>,
    files: &mut Files,
) -> Result<(), BundleError> {
    let (from, to) = (plan.scope.from, plan.scope.to);
    let mut wanted: BTreeSet<TileId> = right_edge(size).into_iter().collect();
    let mut index = from;
    while index < to {
        let tile = index / 256;
        let first = tile.saturating_mul(256);
        let Some(width) = width_of(tile, size) else {
            break;
        };
        let end = first.saturating_add(u64::from(width));
        if index == first && end <= to {
            wanted.insert(TileId {
                kind: TileKind::Entries,
                index: tile,
                width,
            });
            wanted.extend(upwards(tile, size));
        } else {
            alone.extend(index..end.min(to));
        }
        index = end;
    }
    for id in wanted {
        files.insert(
            format!("log/{}", id.path()),
            log.tile(id).map_err(BundleError::Source)?,
        );
    }
    Ok(())
}

/// The level-0 tile `index` and, for each full tile, the tile above it.
fn upwards(index: u64, size: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    let (mut index, mut level) = (index, 0u8);
    while let Some(width) = width_of(index, hashes_at(size, level)) {
        tiles.push(TileId {
            kind: TileKind::Hashes(level),
            index,
            width,
        });
        if width < 256 {
            break;
        }
        (index, level) = (index / 256, level.saturating_add(1));
    }
    tiles
}

fn add_history(
    plan: &BundlePlan,
    log: &dyn LogSource,
    last: &Checkpoint,
    files: &mut Files,
) -> Result<(), BundleError> {
    let mut sizes = BTreeSet::from([last.size()]);
    for note in &plan.history {
        let checkpoint = read_checkpoint("of the history", note)?;
        sizes.insert(checkpoint.size());
        files.insert(format!("log/history/{}", checkpoint.size()), note.clone());
    }
    let store = TileHashes::new(Reader(log), last.size());
    for (earlier, later) in sizes.iter().zip(sizes.iter().skip(1)) {
        let proof = prove_consistency(&store, *earlier, *later);
        let proof = proof.map_err(|error| BundleError::Source(error.to_string()))?;
        let text: String = proof.iter().map(|hash| hash.to_base64() + "\n").collect();
        files.insert(
            format!("log/consistency/{earlier}-{later}"),
            text.into_bytes(),
        );
    }
    Ok(())
}

fn sign(
    plan: &BundlePlan,
    checkpoint: &Checkpoint,
    signer: &dyn NoteSigner,
    mut files: Files,
) -> Result<Files, BundleError> {
    let wanted = format!("{}/bundle", checkpoint.origin());
    if signer.key().name() != wanted {
        return Err(BundleError::Signer {
            found: signer.key().name().to_owned(),
            wanted,
        });
    }
    let list = files.iter().map(|(path, bytes)| FileEntry {
        path: path.clone(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: Sha256::digest(bytes).into(),
    });
    let manifest = BundleManifest {
        bundle_id: plan.bundle_id.clone(),
        origin: checkpoint.origin().to_owned(),
        created: plan.created.clone(),
        scope: plan.scope.clone(),
        confidential: plan.confidential,
        tree_size: checkpoint.size(),
        root: checkpoint.root(),
        tool: plan.tool.clone(),
        omitted: plan.omitted.clone(),
        files: list.collect(),
    };
    let text = manifest.to_text();
    BundleManifest::read(&text).map_err(|error| BundleError::Container(error.to_string()))?;
    let note = Note::sign(&manifest.note_text(&text), &[signer]);
    let note = note.map_err(|error| BundleError::Container(error.to_string()))?;
    files.insert(MANIFEST.to_owned(), text.into_bytes());
    files.insert(NOTE.to_owned(), note.to_string().into_bytes());
    Ok(files)
}
