//! The offline check of a bundle: one entry point, used by `keepwhole-verify` and by `keepwhole verify`.
//!
//! Format and stages stand in docs/proof-formats.md, "Bundle".

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::archive::{self, Files, Limits, check_path};
use crate::bundle_manifest::BundleManifest;
use crate::checkpoint::Checkpoint;
use crate::digest::Digest;
use crate::report::{Finding, Outcome, Report, Stage};
use crate::stages::{approvals, clearances, contents, entries, log, redress};
use crate::trust::Trust;

/// Where the operator's own keys stand; information, never trust.
pub const CLAIMED_KEYS: &str = "claimed/keys.txt";

/// A bundle as it comes: one archive, or the files of an unpacked folder.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// The bytes of a `.kwb` file.
    Archive(&'a [u8]),
    /// Files by path relative to the folder.
    Folder(Files<'a>),
}

/// What later stages build on.
pub(crate) struct Context<'a> {
    pub(crate) files: &'a Files<'a>,
    pub(crate) manifest: &'a BundleManifest,
    pub(crate) manifest_text: &'a str,
    pub(crate) trust: &'a Trust,
    pub(crate) claimed: Option<&'a Trust>,
    pub(crate) has_trust: bool,
    /// Set by V04.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Roots by size, proven to belong to the checkpoint's tree; set by V04 and V05.
    pub(crate) roots: BTreeMap<u64, Digest>,
    /// Entries by index, proven to be in the tree; set by V06 and V07.
    pub(crate) entries: BTreeMap<u64, &'a [u8]>,
}

impl<'a> Context<'a> {
    /// The files below a folder, with the rest of their path.
    pub(crate) fn below(&self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let files: &'a Files<'a> = self.files;
        files
            .iter()
            .filter_map(move |(path, bytes)| path.strip_prefix(folder).map(|rest| (rest, *bytes)))
    }

    /// A file as text.
    pub(crate) fn text(&self, path: &str) -> Result<&'a str, String> {
        let bytes = self
            .files
            .get(path)
            .copied()
            .ok_or_else(|| format!("`{path}` is missing"))?;
        core::str::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8"))
    }
}

/// Codes and names of the stages after V01, in order.
const STAGES: [(&str, &str); 16] = [
    ("V02", "files as listed"),
    ("V03", "manifest signature"),
    ("V04", "checkpoint"),
    ("V05", "history"),
    ("V06", "tiles and entries"),
    ("V07", "single proofs"),
    ("V08", "roster chain"),
    ("V09", "policy chain"),
    ("V10", "approvals"),
    ("V11", "decisions"),
    ("V12", "effects"),
    ("V13", "redress"),
    ("V14", "nonce monitor"),
    ("V15", "alarms and closures"),
    ("V16", "time tokens"),
    ("V17", "omissions"),
];

/// Checks a bundle.
///
/// Without `trust` the bundle's own keys are used, and the report says that the signer isn't established; with
/// `expect_trusted` that is a failure. With `trust` no key from the bundle is ever used.
pub fn verify_bundle(
    source: &Source<'_>,
    trust: Option<&Trust>,
    expect_trusted: bool,
    limits: Limits,
) -> Report {
    let opened = match source {
        Source::Archive(bytes) => archive::read(bytes, limits).map_err(|error| error.to_string()),
        Source::Folder(files) => check_folder(files, limits).map(|()| files.clone()),
    };
    let mut stages = Vec::new();
    match opened {
        Ok(files) => {
            let total: usize = files.values().map(|bytes| bytes.len()).sum();
            let says = format!("{} files, {total} bytes, in the strict form.", files.len());
            stages.push(Stage {
                code: "V01",
                name: "container",
                finding: Finding::pass(says),
            });
            run(&files, trust, &mut stages);
        }
        Err(reason) => {
            stages.push(Stage {
                code: "V01",
                name: "container",
                finding: Finding::fail(reason),
            });
            not_run(
                &mut stages,
                "the container is refused (V01), so nothing inside was read.",
            );
        }
    }
    Report {
        has_trust: trust.is_some(),
        expect_trusted,
        stages,
    }
}

fn not_run(stages: &mut Vec<Stage>, sentence: &str) {
    for (code, name) in STAGES {
        if !stages.iter().any(|stage| stage.code == code) {
            stages.push(Stage {
                code,
                name,
                finding: Finding::not_run(sentence),
            });
        }
    }
}

fn check_folder(files: &Files<'_>, limits: Limits) -> Result<(), String> {
    if files.is_empty() {
        return Err("an empty bundle proves nothing".to_string());
    }
    if files.len() > limits.files {
        return Err(format!("more than {} files", limits.files));
    }
    for (path, bytes) in files {
        check_path(path)?;
        if u64::try_from(bytes.len()).map_or(true, |size| size > limits.file_size) {
            return Err(format!(
                "`{path}` is over the limit of {} bytes",
                limits.file_size
            ));
        }
    }
    Ok(())
}

fn run(files: &Files<'_>, trust: Option<&Trust>, stages: &mut Vec<Stage>) {
    let (finding, parsed) = contents::files_as_listed(files);
    stages.push(Stage {
        code: "V02",
        name: "files as listed",
        finding,
    });
    let Some((manifest_text, manifest)) = parsed else {
        not_run(
            stages,
            "`manifest.json` can't be read (V02), so nothing rests on anything.",
        );
        return;
    };
    let claimed = files
        .get(CLAIMED_KEYS)
        .map(|bytes| core::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string()))
        .map(|text| {
            text.and_then(|text| {
                Trust::parse(CLAIMED_KEYS, text).map_err(|error| error.to_string())
            })
        });
    let used = match (trust, &claimed) {
        (Some(trust), _) => trust,
        (None, Some(Ok(claimed))) => claimed,
        (None, Some(Err(cause))) => return no_keys(stages, &format!("`{CLAIMED_KEYS}`: {cause}")),
        (None, None) => {
            return no_keys(
                stages,
                "no trust file was given and the bundle claims no keys of its own",
            );
        }
    };
    let mut context = Context {
        files,
        manifest: &manifest,
        manifest_text,
        trust: used,
        claimed: claimed.as_ref().and_then(|claimed| claimed.as_ref().ok()),
        has_trust: trust.is_some(),
        checkpoint: None,
        roots: BTreeMap::new(),
        entries: BTreeMap::new(),
    };
    for (code, name) in STAGES.into_iter().skip(1) {
        let finding = run_stage(code, &mut context);
        stages.push(Stage {
            code,
            name,
            finding,
        });
    }
}

fn no_keys(stages: &mut Vec<Stage>, reason: &str) {
    stages.push(Stage {
        code: "V03",
        name: "manifest signature",
        finding: Finding::fail(reason),
    });
    not_run(stages, "there is no key to check signatures with (V03).");
}

fn run_stage(code: &str, context: &mut Context<'_>) -> Finding {
    match code {
        "V03" => contents::manifest_signature(context),
        "V04" => log::checkpoint(context),
        "V05" => log::history(context),
        "V06" => entries::tiles_and_entries(context),
        "V07" => entries::single_proofs(context),
        "V08" => later(context, "roster/", "the chain of rosters"),
        "V09" => later(context, "policy/", "the chain of policies"),
        "V10" => approvals::approvals(context),
        "V11" => later(context, "decisions/", "decisions of the guard"),
        "V12" => clearances::effects(context),
        "V13" => redress::redress_sets(context),
        "V14" => later(context, "nonce/", "the nonce monitor's coverage"),
        "V15" => Finding::not_run(
            "this version does not check effects between a closure and a reopening.",
        )
        .open("That nothing took effect while the exchange was halted: V15 is not built yet."),
        "V16" => later(context, "time/", "RFC 3161 time tokens"),
        _ => contents::omissions(context),
    }
}

/// A stage that this version doesn't have: says so, and that files for it were left unjudged.
fn later(context: &Context<'_>, folder: &str, what: &str) -> Finding {
    let present = context
        .files
        .keys()
        .filter(|path| path.starts_with(folder))
        .count();
    let sentence = if present == 0 {
        format!("this version does not check {what}; the bundle has no files in `{folder}`.")
    } else {
        format!(
            "this version does not check {what}; {present} files in `{folder}` were not judged."
        )
    };
    let mut finding = Finding::not_run(sentence);
    if present > 0 {
        finding = finding.open(format!("Anything about {what}."));
    }
    debug_assert!(finding.outcome == Outcome::NotRun);
    finding
}
