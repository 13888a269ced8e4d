//! V02, V03 and V17: the files are those the manifest lists, its signature, and what was left out.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::archive::Files;
use crate::bundle::Context;
use crate::bundle_manifest::{BundleManifest, MANIFEST, NOTE};
use crate::checkpoint::Checkpoint;
use crate::note::Note;
use crate::report::{Finding, Outcome};

/// Folders and files that some stage judges or that are information by definition.
const KNOWN: [&str; 8] = [
    "log/checkpoint",
    "log/history/",
    "log/tile/",
    "log/consistency/",
    "proofs/",
    "redress/",
    "claimed/keys.txt",
    "readme.txt",
];

/// V02. Also gives the manifest, where it could be read, with its exact text.
pub(crate) fn files_as_listed<'a>(
    files: &Files<'a>,
) -> (Finding, Option<(&'a str, BundleManifest)>) {
    let Some(bytes) = files.get(MANIFEST) else {
        return (Finding::fail(format!("`{MANIFEST}` is missing")), None);
    };
    let Ok(text) = core::str::from_utf8(bytes) else {
        return (Finding::fail(format!("`{MANIFEST}` is not UTF-8")), None);
    };
    let manifest = match BundleManifest::read(text) {
        Ok(manifest) => manifest,
        Err(error) => return (Finding::fail(error.to_string()), None),
    };
    let finding = match compare(files, &manifest) {
        Err(reason) => Finding::fail(reason),
        Ok(()) => listed(files),
    };
    (finding, Some((text, manifest)))
}

fn listed(files: &Files<'_>) -> Finding {
    let mut finding = Finding::pass(
        "The manifest is canonical; every file is listed, and every listed file is there with its size and SHA-256.",
    );
    let unjudged: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|path| {
            *path != MANIFEST && *path != NOTE && !KNOWN.iter().any(|known| path.starts_with(known))
        })
        .collect();
    if let Some(first) = unjudged.first() {
        finding = finding.open(format!(
            "The contents of {} files of kinds that this version does not judge, the first being `{first}`.",
            unjudged.len()
        ));
    }
    finding
}

fn compare(files: &Files<'_>, manifest: &BundleManifest) -> Result<(), String> {
    for listed in &manifest.files {
        let path = &listed.path;
        let bytes = files
            .get(path)
            .ok_or_else(|| format!("`{path}` is listed but missing"))?;
        if u64::try_from(bytes.len()) != Ok(listed.size) {
            return Err(format!(
                "`{path}` has {} bytes, listed are {}",
                bytes.len(),
                listed.size
            ));
        }
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        if sha256 != listed.sha256 {
            return Err(format!("`{path}` has another SHA-256 than listed"));
        }
    }
    let known = |path: &str| {
        manifest
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .is_ok()
    };
    match files
        .keys()
        .find(|path| *path != MANIFEST && *path != NOTE && !known(path))
    {
        Some(stranger) => Err(format!("`{stranger}` is not listed in `{MANIFEST}`")),
        None => Ok(()),
    }
}

/// V03: the note over the manifest, by a trusted bundle key, over the same tree as `log/checkpoint`.
pub(crate) fn manifest_signature(context: &Context<'_>) -> Finding {
    match check_note(context) {
        Err(reason) => Finding::fail(reason),
        Ok(key) => {
            let mut finding = Finding::pass(format!(
                "`{MANIFEST}` is signed by `{key}`; origin, size and root are those of `log/checkpoint`."
            ));
            if let Some(difference) = claimed_differs(context) {
                finding.says.push(difference);
            }
            if !context.has_trust {
                finding = finding.open("Who signed: the keys came out of the bundle itself.");
            }
            finding
        }
    }
}

fn check_note(context: &Context<'_>) -> Result<String, String> {
    let manifest = context.manifest;
    let bytes = context
        .files
        .get(NOTE)
        .ok_or_else(|| format!("`{NOTE}` is missing"))?;
    let note = Note::parse(bytes).map_err(|error| format!("`{NOTE}`: {error}"))?;
    let name = format!("{}/bundle", manifest.origin);
    let verified = note
        .verify(&context.trust.bundle_keys)
        .map_err(|error| format!("`{NOTE}` is not signed by a trusted bundle key: {error}"))?;
    if !verified
        .signed
        .iter()
        .any(|signed| signed.key.name() == name)
    {
        return Err(format!("`{NOTE}` is not signed by a key named `{name}`"));
    }
    if note.text() != manifest.note_text(context.manifest_text) {
        return Err(format!(
            "`{NOTE}` signs another origin, manifest, size or root than `{MANIFEST}` has"
        ));
    }
    let checkpoint = context
        .files
        .get("log/checkpoint")
        .ok_or("`log/checkpoint` is missing")?;
    let checkpoint =
        Note::parse(checkpoint).map_err(|error| format!("`log/checkpoint`: {error}"))?;
    let checkpoint = Checkpoint::parse_text(checkpoint.text())
        .map_err(|error| format!("`log/checkpoint`: {error}"))?;
    if checkpoint.origin() != manifest.origin {
        return Err(format!(
            "`log/checkpoint` is of `{}`, the manifest of `{}`",
            checkpoint.origin(),
            manifest.origin
        ));
    }
    if checkpoint.size() != manifest.tree_size || checkpoint.root() != manifest.root {
        return Err(format!(
            "`log/checkpoint` has size {}, the manifest {}; or their roots differ",
            checkpoint.size(),
            manifest.tree_size
        ));
    }
    Ok(name)
}

/// A sentence where the operator's claimed keys aren't those of the reader's trust file.
fn claimed_differs(context: &Context<'_>) -> Option<String> {
    if !context.has_trust {
        return None;
    }
    let Some(claimed) = context.claimed else {
        return Some(
            "The bundle claims no keys of its own that could be compared with your trust file."
                .to_string(),
        );
    };
    let mut ours = context.trust.policy.keys();
    let mut theirs = claimed.policy.keys();
    ours.extend(context.trust.bundle_keys.iter().cloned());
    theirs.extend(claimed.bundle_keys.iter().cloned());
    ours.sort();
    theirs.sort();
    (ours != theirs).then(|| {
        "The keys in `claimed/keys.txt` differ from your trust file; yours were used.".to_string()
    })
}

/// V17: what was left out, in full.
pub(crate) fn omissions(context: &Context<'_>) -> Finding {
    let omitted = &context.manifest.omitted;
    if omitted.is_empty() {
        return Finding::pass("The bundle says that nothing was left out.");
    }
    let mut finding = Finding {
        outcome: Outcome::Pass,
        says: Vec::new(),
        not_proven: Vec::new(),
    };
    finding
        .says
        .push(format!("{} things were left out:", omitted.len()));
    for item in omitted {
        finding.says.push(format!(
            "`{}`: {}",
            item.path.escape_debug(),
            item.reason.escape_debug()
        ));
    }
    finding
}
