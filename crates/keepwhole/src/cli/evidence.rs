//! The verb `evidence`: the bundle that an auditor checks offline, with what people decided and the guard cleared.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::bundle::{self, BundlePlan, DecisionsError, Omitted, RedressPart, Scope, Tool};
use crate::installation::Reading;
use crate::journal::keys::{self, KeyFile};
use crate::journal::tiles::LogFiles;
use crate::journal::{Journal, JournalError, RealDisk};
use crate::sequencer::Until;
use crate::text::rfc3339;
use clap::Args;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::state::State;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::manifest::{Manifest, read_entry};
use keepwhole_verify::note::{Ed25519Signer, NoteSigner};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Arguments of `evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// First entry that is shown.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// First entry that is no longer shown; the end of the published log if absent.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// What the bundle is about, for its readers.
    #[arg(long = "subject", value_name = "TEXT")]
    subjects: Vec<String>,
    /// Manifest of a redress set that the entries commit to; sets without one are named as left out.
    #[arg(long = "redress", value_name = "FILE")]
    redress: Vec<PathBuf>,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const README: &str = "Evidence out of a keepwhole journal: entries with their proofs, and what people approved and the guard \
cleared in them. Check it offline with a trust file from a second source: keepwhole verify evidence.kwb --trust trust.txt\n";

/// Writes the bundle of the entries, signed with the bundle key, under the published checkpoint.
///
/// # Errors
/// [`Failure`] with exit 1 for entries that are not published, a missing key or a file that can't be written, 2 for a
/// manifest that can't be read, 3 for a damaged journal.
pub fn run(args: &EvidenceArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let of_journal = |error: JournalError| Failure::of_journal(dir, &error);
    let reading =
        Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    let log = LogFiles(reading.journal.disk());
    let (checkpoint, note) = log.checkpoint().map_err(of_journal)?;
    let scope = args.from..args.to.unwrap_or(checkpoint.size());
    if scope.start > scope.end || scope.end > checkpoint.size() {
        let message = format!(
            "entries `{}` to `{}` are not published: the checkpoint of `{}` holds {}; give `--from` and `--to` inside it",
            scope.start,
            scope.end,
            dir.display(),
            checkpoint.size()
        );
        return Err(Failure::refused("not_published", message));
    }
    let bundle_key = keys::load(dir, KeyFile::Bundle, &reading.origin).map_err(of_journal)?;
    let guard = guard_key(dir, &reading.origin)?;
    let signer = guard.as_ref().map(|key| key as &dyn NoteSigner);
    let decisions = bundle::collect(&reading.journal, &scope, signer);
    let decisions = decisions.map_err(|error| of_decisions(dir, &error))?;
    let state = reading
        .state(Until::Position(checkpoint.size()))
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let (redress, omitted) = redress(args, &reading.journal, &scope)?;
    let (approvals, clearances) = (decisions.approvals, decisions.clearances);
    let plan = BundlePlan {
        bundle_id: format!(
            "entries-{}-{}-of-{}",
            scope.start,
            scope.end,
            checkpoint.root()
        ),
        created: rfc3339(state.at),
        scope: Scope {
            from: scope.start,
            to: scope.end,
            subjects: args.subjects.clone(),
        },
        confidential: true,
        tool: Tool {
            name: "keepwhole".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source_sha256: [0; 32],
        },
        omitted,
        checkpoint: note.into_bytes(),
        history: Vec::new(),
        single_entries: Vec::new(),
        redress,
        decisions,
        claimed_keys: claimed(&reading, &bundle_key, signer, &state),
        readme: README.to_owned(),
    };
    let bytes = bundle::archive(&plan, &log, &bundle_key)
        .map_err(|error| Failure::refused("bundle", error.to_string()))?;
    write_new(&args.out, &bytes)?;
    said(args, &plan, (approvals, clearances))
}

/// Says what was written.
fn said(
    args: &EvidenceArgs,
    plan: &BundlePlan,
    (approvals, clearances): (usize, usize),
) -> Result<Exit, Failure> {
    let (out, from, to) = (args.out.display(), plan.scope.from, plan.scope.to);
    let text = format!(
        "wrote `{out}`: entries {from} to {to}, approvals of {approvals} proposals, {clearances} clearances\n\
         It names your staff, customers' numbers and destinations: give it to whom you would show these.\n\
         Whoever has a trust file checks it with\n  keepwhole verify {out} --trust trust.txt"
    );
    let omitted: Vec<&str> = plan.omitted.iter().map(|row| row.path.as_str()).collect();
    let value = json!({
        "out": out.to_string(), "from": from, "to": to, "approvals": approvals, "clearances": clearances,
        "omitted": omitted,
    });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut open = fs::OpenOptions::new();
    let file = open.write(true).create_new(true).open(path);
    file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
    .map_err(|error| {
        let message = format!(
            "can't write `{}`: {error}; give a new file in a folder that you may write",
            path.display()
        );
        Failure::refused("not_written", message)
    })
}

/// The guard's key, where the installation has one.
fn guard_key(dir: &Path, origin: &str) -> Result<Option<Ed25519Signer>, Failure> {
    match keys::public(dir, KeyFile::Guard, origin) {
        Err(_) => Ok(None),
        Ok(_) => keys::load(dir, KeyFile::Guard, origin)
            .map(Some)
            .map_err(|error| Failure::of_journal(dir, &error)),
    }
}

fn of_decisions(dir: &Path, error: &DecisionsError) -> Failure {
    match error {
        DecisionsError::NoGuardKey => Failure::refused("no_guard_key", error.to_string()),
        other => Failure::fault("decisions", format!("`{}`: {other}", dir.display())),
    }
}

/// Sets that the entries commit to, with the manifests that were given; the others are named as left out.
fn redress(
    args: &EvidenceArgs,
    journal: &Journal<RealDisk>,
    scope: &Range<u64>,
) -> Result<(Vec<RedressPart>, Vec<Omitted>), Failure> {
    let mut given = BTreeMap::new();
    for path in &args.redress {
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::usage("manifest", format!("`{}`: {error}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
        let manifest = Manifest::read(&text).map_err(|error| unreadable(&error))?;
        given.insert(manifest.set_id, text);
    }
    let (mut shown, mut omitted) = (Vec::new(), Vec::new());
    for (entry, set_id) in
        sets(journal, scope).map_err(|error| Failure::of_journal(&args.data.dir, &error))?
    {
        match given.remove(&set_id) {
            Some(manifest) => shown.push(RedressPart {
                manifest,
                entry,
                table: None,
            }),
            None => omitted.push(Omitted {
                path: format!("redress/{}/manifest.json", to_hex(&set_id)),
                reason: "its manifest was not given to whoever wrote this bundle".to_owned(),
            }),
        }
    }
    match given.keys().next() {
        None => Ok((shown, omitted)),
        Some(set_id) => Err(Failure::usage(
            "manifest",
            format!(
                "no entry of the scope commits the set `{}`; widen `--from` and `--to`",
                to_hex(set_id)
            ),
        )),
    }
}

/// Entries of the scope that commit redress sets.
fn sets(
    journal: &Journal<RealDisk>,
    scope: &Range<u64>,
) -> Result<Vec<(u64, [u8; 16])>, JournalError> {
    enum Pause {
        Enough,
        Journal(JournalError),
    }
    impl From<JournalError> for Pause {
        fn from(error: JournalError) -> Self {
            Self::Journal(error)
        }
    }
    let mut found = Vec::new();
    let read = journal.read::<Pause>(scope.start, &mut |entry, bytes| {
        if entry >= scope.end {
            return Err(Pause::Enough);
        }
        let record = Record::decode(bytes).map(|record| record.event);
        if let Ok(Event::RedressSetPublished { entry: payload }) = record
            && let Some(set) = read_entry(&payload)
        {
            found.push((entry, set.set_id));
        }
        Ok(())
    });
    match read {
        Err(Pause::Journal(error)) => Err(error),
        Ok(()) | Err(Pause::Enough) => Ok(found),
    }
}

/// The operator's own keys and sites, as a trust file: what a reader compares with the second source.
fn claimed(
    reading: &Reading,
    bundle: &dyn NoteSigner,
    guard: Option<&dyn NoteSigner>,
    state: &State,
) -> String {
    let mut text = format!(
        "log {}\nquorum none\nbundle {}\n",
        reading.log_key,
        bundle.key()
    );
    if let Some(guard) = guard {
        text.push_str(&format!("guard {}\n", guard.key()));
    }
    let rules = state.authority.rules.as_deref();
    for site in rules.iter().flat_map(|rules| &rules.relying_parties) {
        text.push_str(&format!("rp-id {}\n", site.id));
        for origin in &site.origins {
            text.push_str(&format!("web-origin {origin}\n"));
        }
    }
    text
}
