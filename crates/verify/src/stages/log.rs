//! V04 and V05: the checkpoint the bundle rests on, and that earlier ones grew into it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::bundle::Context;
use crate::checkpoint::Checkpoint;
use crate::decimal::parse_u63;
use crate::digest::Digest;
use crate::note::Verified;
use crate::report::Finding;
use crate::tile::{TileId, TileKind, hashes_at, width_of};
use crate::tree::Frontier;

/// V04: log key, witness quorum, exactly three lines.
pub(crate) fn checkpoint(context: &mut Context<'_>) -> Finding {
    let Some(note) = context.files.get("log/checkpoint") else {
        return Finding::fail("`log/checkpoint` is missing");
    };
    match context.trust.check_log_note(note) {
        Err(reason) => Finding::fail(format!("`log/checkpoint`: {reason}")),
        Ok(checkpoint) => {
            let mut finding = Finding::pass(format!(
                "`{}` signed a tree of {} entries with root {} ({}).",
                checkpoint.origin(),
                checkpoint.size(),
                checkpoint.root(),
                quorum_in_words(context)
            ));
            if context.trust.policy.requires_no_witness() {
                finding = finding.open(
                    "That everybody is shown the same journal: no witness was required, so only comparing checkpoints \
                     with others would show a second version.",
                );
            }
            context.roots.insert(checkpoint.size(), checkpoint.root());
            context.checkpoint = Some(checkpoint);
            finding
        }
    }
}

fn quorum_in_words(context: &Context<'_>) -> String {
    if context.has_trust {
        context.trust.quorum_in_words()
    } else if context.trust.policy.requires_no_witness() {
        "the bundle asks for no witnesses".to_string()
    } else {
        "with the quorum of witnesses that the bundle itself names".to_string()
    }
}

/// V05: earlier checkpoints, each signed, each consistent with the next.
pub(crate) fn history(context: &mut Context<'_>) -> Finding {
    let Some(last) = context.checkpoint.clone() else {
        return Finding::not_run("there is no checkpoint to compare with (V04).");
    };
    match check_history(context, &last) {
        Err(reason) => Finding::fail(reason),
        Ok(0) => Finding::not_present("the bundle holds no earlier checkpoint."),
        Ok(earlier) => Finding::pass(format!(
            "{earlier} earlier checkpoints are signed by the log, and each is a beginning of the next: nothing was rewritten."
        )),
    }
}

fn check_history(context: &mut Context<'_>, last: &Checkpoint) -> Result<usize, String> {
    let mut chain: Vec<(u64, Checkpoint, Verified)> = Vec::new();
    for (name, note) in context.below("log/history/") {
        let size = parse_u63(name)
            .ok_or_else(|| format!("`log/history/{name}` is not named by a tree size"))?;
        let (checkpoint, verified) = context
            .trust
            .check_log_signature(note)
            .map_err(|reason| format!("`log/history/{name}`: {reason}"))?;
        if checkpoint.size() != size || checkpoint.origin() != last.origin() {
            return Err(format!(
                "`log/history/{name}` is a checkpoint of `{}` over {} entries",
                checkpoint.origin(),
                checkpoint.size()
            ));
        }
        if size > last.size() {
            return Err(format!(
                "`log/history/{name}` is newer than `log/checkpoint` of {}: an older one is offered as newest",
                last.size()
            ));
        }
        chain.push((size, checkpoint, verified));
    }
    chain.sort_by_key(|(size, _, _)| *size);
    let count = chain.len();
    let note = context.files.get("log/checkpoint").copied().unwrap_or(&[]);
    let (_, verified) = context.trust.check_log_signature(note)?;
    chain.push((last.size(), last.clone(), verified));
    check_witness_times(&chain)?;
    check_neighbours(context, &chain)?;
    for (size, checkpoint, _) in &chain {
        context.roots.insert(*size, checkpoint.root());
    }
    Ok(count)
}

fn check_witness_times(chain: &[(u64, Checkpoint, Verified)]) -> Result<(), String> {
    let mut latest: BTreeMap<String, u64> = BTreeMap::new();
    for (size, _, verified) in chain {
        for signed in &verified.signed {
            let Some(time) = signed.time else { continue };
            let witness = signed.key.to_string();
            if latest.get(&witness).is_some_and(|before| *before > time) {
                return Err(format!(
                    "witness `{}` cosigned size {size} earlier than a smaller one",
                    signed.key.name()
                ));
            }
            latest.insert(witness, time);
        }
    }
    Ok(())
}

fn check_neighbours(
    context: &Context<'_>,
    chain: &[(u64, Checkpoint, Verified)],
) -> Result<(), String> {
    let pairs: Vec<(&Checkpoint, &Checkpoint)> = chain
        .iter()
        .zip(chain.iter().skip(1))
        .map(|((_, earlier, _), (_, later, _))| (earlier, later))
        .collect();
    let names: Vec<String> = pairs
        .iter()
        .map(|(earlier, later)| format!("{}-{}", earlier.size(), later.size()))
        .collect();
    if let Some((stray, _)) = context
        .below("log/consistency/")
        .find(|(name, _)| !names.iter().any(|known| known == name))
    {
        return Err(format!(
            "`log/consistency/{stray}` is not between two neighbouring checkpoints"
        ));
    }
    let sizes: Vec<u64> = chain.iter().map(|(size, _, _)| *size).collect();
    let mut from_leaves: Option<BTreeMap<u64, Digest>> = None;
    for ((earlier, later), name) in pairs.into_iter().zip(&names) {
        let path = format!("log/consistency/{name}");
        if context.files.contains_key(&path) {
            let proof =
                read_hashes(context.text(&path)?).map_err(|cause| format!("`{path}`: {cause}"))?;
            earlier
                .check_grows_to(later, &proof)
                .map_err(|error| fork(earlier, later, &error.to_string()))?;
        } else if earlier.size() == 0 || earlier.size() == later.size() {
            earlier
                .check_grows_to(later, &[])
                .map_err(|error| fork(earlier, later, &error.to_string()))?;
        } else {
            if from_leaves.is_none() {
                from_leaves = Some(
                    roots_from_leaves(context, &sizes)
                        .map_err(|cause| format!("no `{path}`, and {cause}"))?,
                );
            }
            let roots = from_leaves.as_ref().ok_or("no roots")?;
            for checkpoint in [earlier, later] {
                if roots.get(&checkpoint.size()) != Some(&checkpoint.root()) {
                    return Err(fork(
                        earlier,
                        later,
                        "the leaves of the tiles lead to another root",
                    ));
                }
            }
        }
    }
    Ok(())
}

fn fork(earlier: &Checkpoint, later: &Checkpoint, cause: &str) -> String {
    format!(
        "the history forks: the checkpoint of {} entries is no beginning of that of {}: {cause}",
        earlier.size(),
        later.size()
    )
}

/// Base64 hashes, one a line, every line with its newline.
fn read_hashes(text: &str) -> Result<Vec<Digest>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let lines = text
        .strip_suffix('\n')
        .ok_or("the last line has no newline")?;
    lines
        .split('\n')
        .map(|line| Digest::from_base64(line).map_err(|error| error.to_string()))
        .collect()
}

/// Roots at `sizes` (ascending), from complete level-0 tiles.
fn roots_from_leaves(
    context: &Context<'_>,
    sizes: &[u64],
) -> Result<BTreeMap<u64, Digest>, String> {
    let tree_size = context.manifest.tree_size;
    let mut frontier = Frontier::new();
    let mut roots = BTreeMap::new();
    let mut index = 0u64;
    roots.insert(0, frontier.root());
    while let Some(width) = width_of(index, hashes_at(tree_size, 0)) {
        let id = TileId {
            kind: TileKind::Hashes(0),
            index,
            width,
        };
        let path = format!("log/{}", id.path());
        let bytes = context
            .files
            .get(&path)
            .copied()
            .ok_or_else(|| format!("`{path}` is missing too"))?;
        id.check_hashes(bytes).map_err(|error| error.to_string())?;
        for leaf in bytes.chunks_exact(32).filter_map(Digest::from_slice) {
            frontier.push(leaf).map_err(|error| error.to_string())?;
            if sizes.binary_search(&frontier.size()).is_ok() {
                roots.insert(frontier.size(), frontier.root());
            }
        }
        index = index.saturating_add(1);
    }
    Ok(roots)
}
