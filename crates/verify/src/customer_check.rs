//! The nine steps by which a customer sees that her own figures are in the list everybody else sees.
//!
//! The steps and the only sentences they may end in stand in docs/proof-formats.md, "Customer package".

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::json::{FormatError, Value};
use crate::manifest::{Asset, Kind, Manifest, entry_payload};
use crate::package::{OpenedLeaf, Package};
use crate::record;
use crate::statement::{Line, Statement};
use crate::sum_tree::{self, Leaf, Node};
use crate::tlog_proof::TlogProof;
use crate::tree::{leaf_hash, verify_inclusion};
use crate::trust::Trust;
use crate::units::{grouped_units, whole_units};

/// How a package ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every step passed; the sentence of step 9.
    Counted(String),
    /// A step failed.
    DoesNotMatch {
        /// The first step that failed, 1 to 8.
        step: u8,
        /// Why.
        reason: String,
    },
    /// The file is no package, so no step could run.
    Unreadable(String),
}

/// The answer to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageAnswer {
    /// What was checked and what stands in her statement, in words.
    pub sentences: Vec<String>,
    /// How it ended.
    pub verdict: Verdict,
}

impl PackageAnswer {
    /// The last line, alone: exactly one of the sentences of docs/proof-formats.md.
    pub fn answer(&self) -> String {
        match &self.verdict {
            Verdict::Counted(sentence) => sentence.clone(),
            Verdict::DoesNotMatch { step, reason } => {
                format!("does not match: step {step}: {reason}")
            }
            Verdict::Unreadable(reason) => format!("unreadable: {reason}"),
        }
    }

    /// 0 counted, 1 does not match, 2 unreadable.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Counted(_) => 0,
            Verdict::DoesNotMatch { .. } => 1,
            Verdict::Unreadable(_) => 2,
        }
    }

    /// For people; the answer is the last line.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for sentence in &self.sentences {
            out.push_str(sentence);
            out.push('\n');
        }
        out.push_str(&self.answer());
        out.push('\n');
        out
    }

    /// For machines.
    pub fn to_json(&self) -> String {
        let step = match &self.verdict {
            Verdict::DoesNotMatch { step, .. } => Value::Integer(u64::from(*step)),
            _ => Value::Null,
        };
        Value::object(vec![
            ("answer", Value::Text(self.answer())),
            ("exit", Value::Integer(u64::from(self.exit_code()))),
            ("failed_step", step),
            (
                "sentences",
                Value::List(self.sentences.iter().map(|s| Value::text(&**s)).collect()),
            ),
            ("type", Value::text("keepwhole/package-answer/v1")),
        ])
        .to_canonical()
    }
}

type Step<T> = Result<T, (u8, String)>;

/// Checks a package in the nine steps of docs/proof-formats.md.
///
/// `trust` holds keys from a second source; `previous` is the package of the epoch before, if she has it.
pub fn verify_package(text: &str, trust: &Trust, previous: Option<&str>) -> PackageAnswer {
    let mut sentences = Vec::new();
    let verdict = match Package::read(text) {
        Err(error) => Verdict::Unreadable(error.to_string()),
        Ok(package) => match run_steps(&package, trust, previous, &mut sentences) {
            Ok(answer) => Verdict::Counted(answer),
            Err((step, reason)) => Verdict::DoesNotMatch { step, reason },
        },
    };
    PackageAnswer { sentences, verdict }
}

fn run_steps(
    package: &Package,
    trust: &Trust,
    previous: Option<&str>,
    say: &mut Vec<String>,
) -> Step<String> {
    let proof =
        TlogProof::parse(package.tlog_proof.as_bytes()).map_err(|error| (1, error.to_string()))?;
    let checkpoint = trust
        .check_log_note(proof.checkpoint.as_bytes())
        .map_err(|reason| (1, reason))?;
    say.push(format!(
        "1. The checkpoint of `{}` over {} entries is signed as your trust file asks ({}).",
        checkpoint.origin(),
        checkpoint.size(),
        trust.quorum_in_words()
    ));
    let manifest = Manifest::read(&package.manifest).map_err(|error| (2, error.to_string()))?;
    check_entry(package, &manifest).map_err(|reason| (2, reason))?;
    let entry = entry_of(package, &manifest);
    verify_inclusion(
        &leaf_hash(&entry),
        proof.index,
        checkpoint.size(),
        &proof.hashes,
        &checkpoint.root(),
    )
    .map_err(|error| (2, format!("the manifest is not in the checkpoint: {error}")))?;
    say.push(format!(
        "2. Entry {} of that journal commits this list: incident `{}`, epoch {}, as of {}.",
        proof.index, manifest.incident, manifest.epoch, manifest.as_of
    ));
    let statement = Statement::read(&package.statement).map_err(|error| (3, error.to_string()))?;
    check_statement(&statement, &manifest).map_err(|reason| (3, reason))?;
    say_statement(&statement, &manifest, say);
    let detail: [u8; 32] = Sha256::digest(package.statement.as_bytes()).into();
    check_leaves(package, &manifest, &statement, &detail)?;
    say.push(format!(
        "4-6. All {} leaves of these figures fold to the published totals; every share is there once.",
        package.leaves.len()
    ));
    check_closed_assets(package, &manifest).map_err(|reason| (7, reason))?;
    match previous {
        None => say.push(
            "8. No earlier package was given, so nothing was compared with an earlier epoch."
                .to_string(),
        ),
        Some(text) => {
            check_previous(text, &manifest, &statement, &package.manifest)
                .map_err(|reason| (8, reason))?;
            say.push(
                "8. Same account and contact as in the earlier package; no figure fell."
                    .to_string(),
            );
        }
    }
    say.push(
        "Not shown by this check: that everybody else is in the list too (each can only check her own line), and that \
         money arrived (your own account shows that)."
            .to_string(),
    );
    Ok(answer(&statement, &manifest))
}

fn entry_of(package: &Package, manifest: &Manifest) -> Vec<u8> {
    match &package.entry {
        Some(entry) => entry.clone(),
        None => entry_payload(&manifest.set_id, manifest.epoch, &package.manifest),
    }
}

fn check_entry(package: &Package, manifest: &Manifest) -> Result<(), String> {
    match &package.entry {
        None => Ok(()),
        Some(entry) => {
            record::commits_manifest(entry, &manifest.set_id, manifest.epoch, &package.manifest)
        }
    }
}

fn check_statement(statement: &Statement, manifest: &Manifest) -> Result<(), String> {
    if statement.set_id != manifest.set_id || statement.incident != manifest.incident {
        return Err(
            "the statement belongs to another set or incident than the manifest".to_string(),
        );
    }
    for line in &statement.assets {
        match manifest.asset(line.ix) {
            Some(asset) if asset.asset == line.asset => {}
            _ => {
                return Err(format!(
                    "the statement's `{}` is not asset {} of the manifest",
                    line.asset, line.ix
                ));
            }
        }
    }
    if statement.assets.is_empty() {
        return Err("the statement names no asset".to_string());
    }
    Ok(())
}

fn say_statement(statement: &Statement, manifest: &Manifest, say: &mut Vec<String>) {
    say.push(format!(
        "3. Account `{}`, contact `{}`. Check that both are yours, and these figures:",
        statement.account_id, statement.contact
    ));
    for line in &statement.assets {
        let decimals = manifest.asset(line.ix).map_or(0, |asset| asset.decimals);
        say.push(format!(
            "   {}: {} made good, {} still due.",
            line.asset,
            grouped_units(line.paid, decimals),
            grouped_units(line.due, decimals)
        ));
        for payment in &line.payments {
            let at = payment
                .at
                .as_deref()
                .map_or(String::new(), |at| format!(" at {at}"));
            say.push(format!(
                "     {} by `{}`{at}.",
                grouped_units(payment.amount, decimals),
                payment.reference
            ));
        }
    }
}

fn check_leaves(
    package: &Package,
    manifest: &Manifest,
    statement: &Statement,
    detail: &[u8; 32],
) -> Step<()> {
    let mut roots = Vec::new();
    for opened in &package.leaves {
        let Some(asset) = manifest.asset(opened.ix) else {
            return Err((
                4,
                format!(
                    "a leaf names asset {}, which the manifest does not have",
                    opened.ix
                ),
            ));
        };
        let root = fold_leaf(opened, manifest, asset, statement, detail);
        roots.push((
            asset,
            root.map_err(|error| {
                (
                    4,
                    format!("{}, share {}: {error}", asset.asset, opened.share),
                )
            })?,
        ));
    }
    for (asset, root) in &roots {
        if *root != asset.root_node() {
            return Err((
                5,
                format!(
                    "a path of {} leads to another root or totals than the manifest's",
                    asset.asset
                ),
            ));
        }
    }
    if let Some(stray) = package
        .leaves
        .iter()
        .find(|leaf| statement.line(leaf.ix).is_none())
    {
        return Err((
            6,
            format!("a leaf of asset {} has no line in the statement", stray.ix),
        ));
    }
    for line in &statement.assets {
        let leaves: Vec<&OpenedLeaf> = package
            .leaves
            .iter()
            .filter(|leaf| leaf.ix == line.ix)
            .collect();
        check_shares(&leaves, line).map_err(|reason| (6, format!("{}: {reason}", line.asset)))?;
    }
    Ok(())
}

fn fold_leaf(
    opened: &OpenedLeaf,
    manifest: &Manifest,
    asset: &Asset,
    statement: &Statement,
    detail: &[u8; 32],
) -> Result<Node, sum_tree::SumError> {
    let holder = sum_tree::holder_hash(
        &opened.salt,
        &statement.account_id,
        &statement.contact,
        detail,
    )?;
    let leaf = Leaf {
        share: opened.share,
        shares: opened.shares,
        count: opened.count,
        paid: opened.paid,
        due: opened.due,
        holder,
    };
    sum_tree::fold(
        &leaf.node(&manifest.tree(asset.ix)),
        opened.index,
        &opened.path,
        asset.height,
    )
}

/// Step 6: distinct indexes, shares complete, one count, sums as in the statement.
fn check_shares(leaves: &[&OpenedLeaf], line: &Line) -> Result<(), String> {
    let Some(first) = leaves.first() else {
        return Err("the package has no leaf for it".to_string());
    };
    let indexes: BTreeSet<u64> = leaves.iter().map(|leaf| leaf.index).collect();
    if indexes.len() != leaves.len() {
        return Err("the same index stands twice".to_string());
    }
    let found: BTreeSet<u8> = leaves.iter().map(|leaf| leaf.share).collect();
    let wanted: BTreeSet<u8> = (0..first.shares).collect();
    if found != wanted
        || leaves.len() != wanted.len()
        || leaves.iter().any(|leaf| leaf.shares != first.shares)
    {
        return Err(format!(
            "{} leaves are not exactly the shares 0 to {}",
            leaves.len(),
            first.shares.saturating_sub(1)
        ));
    }
    if leaves
        .iter()
        .any(|leaf| (leaf.share == 0) != (leaf.count == 1))
    {
        return Err("the count is not 1 in share 0 and 0 elsewhere".to_string());
    }
    let paid = leaves
        .iter()
        .try_fold(0u128, |sum, leaf| sum.checked_add(leaf.paid));
    let due = leaves
        .iter()
        .try_fold(0u128, |sum, leaf| sum.checked_add(leaf.due));
    if paid != Some(line.paid) || due != Some(line.due) {
        return Err("the shares do not add up to the statement".to_string());
    }
    Ok(())
}

/// Step 7: an asset whose published `due` is 0 has no node with `due` anywhere on a path.
fn check_closed_assets(package: &Package, manifest: &Manifest) -> Result<(), String> {
    for leaf in &package.leaves {
        let closed = manifest.asset(leaf.ix).filter(|asset| asset.due == 0);
        if let Some(asset) =
            closed.filter(|_| leaf.due != 0 || leaf.path.iter().any(|node| node.due != 0))
        {
            return Err(format!(
                "{} is published as fully made good, but a path shows something due",
                asset.asset
            ));
        }
    }
    Ok(())
}

/// Step 8: against the package of an earlier epoch.
fn check_previous(
    text: &str,
    manifest: &Manifest,
    statement: &Statement,
    manifest_text: &str,
) -> Result<(), String> {
    let unreadable = |error: FormatError| format!("the earlier package: {error}");
    let previous = Package::read(text).map_err(unreadable)?;
    let before = Statement::read(&previous.statement).map_err(unreadable)?;
    let older = Manifest::read(&previous.manifest).map_err(unreadable)?;
    if previous.manifest == manifest_text {
        return Err(
            "the earlier package is of the same epoch; give the one of an epoch before".to_string(),
        );
    }
    if older.incident != manifest.incident
        || older.kind != manifest.kind
        || older.epoch >= manifest.epoch
    {
        return Err("the earlier package is not of an earlier epoch of this incident".to_string());
    }
    if before.account_id != statement.account_id {
        return Err(format!(
            "the account was `{}` and is now `{}`",
            before.account_id, statement.account_id
        ));
    }
    if before.contact != statement.contact
        && statement.contact_before.as_ref() != Some(&before.contact)
    {
        return Err(format!(
            "the contact was `{}` and is now `{}`",
            before.contact, statement.contact
        ));
    }
    for old in &before.assets {
        let Some(new) = statement.line(old.ix) else {
            return Err(format!("{} disappeared", old.asset));
        };
        if new.paid < old.paid {
            return Err(format!(
                "{}: made good falls from {} to {} minor units",
                old.asset, old.paid, new.paid
            ));
        }
        let (was, is) = (
            old.paid.saturating_add(old.due),
            new.paid.saturating_add(new.due),
        );
        if is < was {
            return Err(format!(
                "{}: made good and due together fall from {was} to {is} minor units",
                old.asset
            ));
        }
    }
    Ok(())
}

fn answer(statement: &Statement, manifest: &Manifest) -> String {
    let open: Vec<String> = statement
        .assets
        .iter()
        .filter(|line| line.due > 0)
        .map(|line| {
            let decimals = manifest.asset(line.ix).map_or(0, |asset| asset.decimals);
            format!("{} {}", whole_units(line.due, decimals), line.asset)
        })
        .collect();
    let open = open.join(", ");
    match (manifest.kind, open.is_empty()) {
        (Kind::Shortfall, true) => "counted, shortfall closed".to_string(),
        (Kind::Shortfall, false) => format!("counted, {open} still to be replenished"),
        (Kind::Claims, true) => "counted and paid".to_string(),
        (Kind::Claims, false) => format!("counted, still owed {open}"),
    }
}
