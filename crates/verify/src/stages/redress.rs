//! V13: redress sets: manifests, their entries in the journal, the chain of epochs and, where present, the whole table.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::bundle::Context;
use crate::json::{parse_hex, to_hex};
use crate::manifest::{Kind, Manifest};
use crate::record;
use crate::report::{Finding, Outcome};
use crate::table::{TableFiles, TableSummary, check_table};
use crate::units::grouped_units;

const TABLE_FILES: [&str; 4] = [
    "table.jsonl",
    "statements.jsonl",
    "payments.jsonl",
    "snapshot.jsonl",
];

/// A set of the bundle, its manifest read and found in the journal.
struct Set<'a> {
    text: &'a str,
    manifest: Manifest,
    entry: u64,
}

/// V13.
pub(crate) fn redress_sets(context: &mut Context<'_>) -> Finding {
    if context.checkpoint.is_none() {
        return Finding::not_run("there is no signed root that a redress set could be in (V04).");
    }
    match check_sets(context) {
        Err(reason) => Finding::fail(reason),
        Ok(finding) => finding,
    }
}

fn check_sets(context: &Context<'_>) -> Result<Finding, String> {
    let committed = committed_sets(context)?;
    let mut sets: BTreeMap<[u8; 16], Set<'_>> = BTreeMap::new();
    for (path, _) in context.below("redress/") {
        let (folder, name) = path
            .split_once('/')
            .ok_or_else(|| format!("`redress/{path}` is in no set's folder"))?;
        let id = parse_hex::<16>(folder)
            .ok_or_else(|| format!("`redress/{folder}` is not named by a set id"))?;
        if name != "manifest.json" && !TABLE_FILES.contains(&name) {
            return Err(format!("`redress/{path}` is no file of a redress set"));
        }
        if name != "manifest.json" && !context.manifest.confidential {
            return Err(format!(
                "`redress/{path}` holds personal data, but the bundle says it is not confidential"
            ));
        }
        if let alloc::collections::btree_map::Entry::Vacant(place) = sets.entry(id) {
            place.insert(read_set(context, folder, id, &committed)?);
        }
    }
    let left_out = |id: &[u8; 16]| {
        context
            .manifest
            .omitted
            .iter()
            .any(|o| o.path == format!("redress/{}/manifest.json", to_hex(id)))
    };
    if let Some((id, index)) = committed
        .iter()
        .find(|(id, _)| !sets.contains_key(*id) && !left_out(id))
    {
        return Err(format!(
            "entry {index} commits redress set {}, whose manifest is neither here nor named as omitted",
            to_hex(id)
        ));
    }
    if sets.is_empty() {
        return Ok(Finding::not_present("the bundle shows no redress set."));
    }
    let mut finding = Finding {
        outcome: Outcome::Pass,
        says: Vec::new(),
        not_proven: Vec::new(),
    };
    check_epochs(&sets, &mut finding)?;
    for set in sets.values() {
        say_totals(set, &mut finding);
        check_set_table(context, set, &mut finding)?;
    }
    Ok(finding.open(
        "That corrections of a redress set were approved: this version reads none, so any figure that falls between \
         epochs fails.",
    ))
}

/// Set ids that proven entries commit, with the entry's index.
fn committed_sets(context: &Context<'_>) -> Result<BTreeMap<[u8; 16], u64>, String> {
    let mut committed = BTreeMap::new();
    for (index, entry) in &context.entries {
        let envelope = record::read(entry).map_err(|cause| format!("entry {index}: {cause}"))?;
        let Some(id) = record::redress_set_id(&envelope) else {
            continue;
        };
        if let Some(first) = committed.insert(id, *index) {
            return Err(format!(
                "entries {first} and {index} both commit redress set {}",
                to_hex(&id)
            ));
        }
    }
    Ok(committed)
}

fn read_set<'a>(
    context: &Context<'a>,
    folder: &str,
    id: [u8; 16],
    committed: &BTreeMap<[u8; 16], u64>,
) -> Result<Set<'a>, String> {
    let path = format!("redress/{folder}/manifest.json");
    let text = context.text(&path)?;
    let manifest = Manifest::read(text).map_err(|error| format!("`{path}`: {error}"))?;
    if manifest.set_id != id {
        return Err(format!(
            "`{path}` is the manifest of set {}",
            to_hex(&manifest.set_id)
        ));
    }
    let entry = committed.get(&id).copied();
    let entry = entry.ok_or_else(|| {
        format!("`{path}`: no entry of the bundle commits this set to the journal")
    })?;
    let bytes = context.entries.get(&entry).copied().unwrap_or(&[]);
    record::commits_manifest(bytes, &id, manifest.epoch, text)
        .map_err(|cause| format!("`{path}`, entry {entry}: {cause}"))?;
    if manifest.snapshot_index >= entry {
        return Err(format!(
            "`{path}`: its balance snapshot, entry {}, is not before entry {entry}",
            manifest.snapshot_index
        ));
    }
    Ok(Set {
        text,
        manifest,
        entry,
    })
}

/// Neighbouring epochs of one incident and kind; a missing epoch is said.
fn check_epochs(sets: &BTreeMap<[u8; 16], Set<'_>>, finding: &mut Finding) -> Result<(), String> {
    let mut chains: BTreeMap<(&str, &str), BTreeMap<u64, &Set<'_>>> = BTreeMap::new();
    for set in sets.values() {
        let chain = chains
            .entry((set.manifest.incident.as_str(), set.manifest.kind.name()))
            .or_default();
        if chain.insert(set.manifest.epoch, set).is_some() {
            return Err(format!(
                "incident `{}` has two sets of epoch {}",
                set.manifest.incident, set.manifest.epoch
            ));
        }
    }
    for ((incident, kind), chain) in &chains {
        for (epoch, set) in chain {
            let before = epoch.checked_sub(1).filter(|before| *before > 0);
            let Some(before) = before else { continue };
            let Some(previous) = chain.get(&before) else {
                finding.not_proven.push(format!(
                    "That epoch {epoch} of incident `{incident}` ({kind}) takes nothing back: epoch {before} is not in the bundle."
                ));
                continue;
            };
            set.manifest
                .check_follows(&previous.manifest, previous.text, &[])
                .map_err(|error| format!("incident `{incident}`, epoch {epoch}: {error}"))?;
            if previous.entry >= set.entry {
                return Err(format!(
                    "incident `{incident}`: epoch {epoch} stands before epoch {before} in the journal"
                ));
            }
            finding.says.push(format!(
                "Incident `{incident}`: epoch {epoch} takes nothing back that epoch {before} gave."
            ));
        }
    }
    Ok(())
}

fn say_totals(set: &Set<'_>, finding: &mut Finding) {
    let manifest = &set.manifest;
    finding.says.push(format!(
        "Set {} (incident `{}`, epoch {}, {}) is committed by entry {}.",
        to_hex(&manifest.set_id),
        manifest.incident,
        manifest.epoch,
        manifest.kind.name(),
        set.entry
    ));
    for asset in &manifest.assets {
        let units = |amount| grouped_units(amount, asset.decimals);
        let mut sentence = format!(
            "{}: {} holders, {} made good, {} still due",
            asset.asset,
            asset.count,
            units(asset.paid),
            units(asset.due)
        );
        if manifest.kind == Kind::Shortfall {
            sentence.push_str(&format!(
                ", {} borne by the exchange: together {}, exactly what was taken",
                units(asset.borne_by_house),
                units(asset.taken_on_chain)
            ));
        }
        sentence.push('.');
        finding.says.push(sentence);
    }
}

fn check_set_table(
    context: &Context<'_>,
    set: &Set<'_>,
    finding: &mut Finding,
) -> Result<(), String> {
    let folder = format!("redress/{}", to_hex(&set.manifest.set_id));
    let path = |name: &str| format!("{folder}/{name}");
    if !TABLE_FILES
        .iter()
        .any(|name| context.files.contains_key(&path(name)))
    {
        finding.not_proven.push(
            "That the list of holders is complete and its lines are right: the table is personal data and not in this \
             bundle. Each customer checks her own line with her package; an auditor gets the table."
                .to_owned(),
        );
        return Ok(());
    }
    let files = TableFiles {
        table: context.text(&path("table.jsonl"))?,
        statements: context.text(&path("statements.jsonl"))?,
        payments: context.text(&path("payments.jsonl"))?,
        snapshot: context.text(&path("snapshot.jsonl"))?,
    };
    let tree_size = context.manifest.tree_size;
    let summary = check_table(&set.manifest, &files, &|index| index < tree_size)
        .map_err(|cause| format!("{folder}: {cause}"))?;
    say_table(&set.manifest, &summary, finding);
    Ok(())
}

fn say_table(manifest: &Manifest, summary: &TableSummary, finding: &mut Finding) {
    finding.says.push(format!(
        "The table of {} accounts and {} leaves rebuilds every tree; each account has one contact and one statement, and \
         every statement and payment agrees with it.",
        summary.accounts, summary.leaves
    ));
    if manifest.kind == Kind::Shortfall {
        finding.says.push(
            "Every account with a balance in the hit pools before the incident has a line."
                .to_string(),
        );
    }
    for (asset, reference, count, sum) in &summary.shared {
        let decimals = manifest
            .assets
            .iter()
            .find(|known| known.asset == *asset)
            .map_or(0, |known| known.decimals);
        finding.not_proven.push(format!(
            "That `{reference}` moved at least {} {asset}, the sum of the {count} lines that name it: compare it with that \
             record.",
            grouped_units(*sum, decimals)
        ));
    }
    if summary.external > 0 {
        finding.not_proven.push(format!(
            "That the {} transactions named as payments are on their chains.",
            summary.external
        ));
    }
    finding.not_proven.push(
        "The order of the leaves: its key was destroyed after the positions were stored, so it can't be computed again."
            .to_owned(),
    );
}
