//! The verb `import`: an exchange's books in, all of them or nothing.

use super::exit::{Exit, Failure};
use super::output::{Output, note, table};
use super::progress::Shown;
use super::{DataArgs, wall_clock};
use crate::books::import::{Checked, ImportError, Job};
use crate::books::record::Recorded;
use crate::installation::{Installation, Reading};
use crate::journal::JournalError;
use crate::sequencer::Until;
use crate::text::{count, decimal, seoul};
use clap::Args;
use keepwhole_books::check::{Refused, Summary};
use keepwhole_books::fault::Fault;
use keepwhole_books::manifest::{self, Manifest, hex};
use keepwhole_books::profile::Profile;
use keepwhole_books::quarantine;
use keepwhole_books::read::{Input, Progress, Reader, digest_of};
use keepwhole_core::state::State;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Refused rows that are shown one by one.
const SHOWN: usize = 20;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// What the columns mean: formance, generic, hollaex, peatio or tigerbeetle.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "mapping",
        conflicts_with = "mapping"
    )]
    pub profile: Option<String>,
    /// A mapping of your own, in the form of profiles (docs/import.md).
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Only look: say what would go in and what would be refused.
    #[arg(long)]
    pub dry_run: bool,
    /// Let good rows in and write refused ones with their reasons into this new file.
    #[arg(long, value_name = "FILE")]
    pub quarantine: Option<PathBuf>,
    /// Send every chunk again instead of passing over those that were recorded; nothing is booked twice.
    #[arg(long)]
    pub from_start: bool,
    /// Record while reading, without looking at everything first: faster, and the first bad row stops it half way.
    #[arg(long, conflicts_with_all = ["dry_run", "quarantine"])]
    pub one_pass: bool,
    /// Refuse rows that are dated before the row above them.
    #[arg(long)]
    pub ordered: bool,
    /// Name of the exchange's own account, where the installation has none yet.
    #[arg(long, value_name = "NAME", default_value = "house")]
    pub house: String,
    /// The files, in the order in which they are to be read.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Checks the files and records them.
///
/// # Errors
/// [`Failure`] with exit 1 where the installation is in use or the ledger refuses, 2 for malformed input (nothing is
/// recorded then), 3 for our own fault.
pub fn run(args: &ImportArgs) -> Result<Exit, Failure> {
    let job = job(args)?;
    if let Some(out) = args.quarantine.as_ref().filter(|out| out.exists()) {
        let message = format!(
            "`{}` is there already; give `--quarantine` a new file",
            out.display()
        );
        return Err(Failure::usage("quarantine_exists", message));
    }
    if args.dry_run {
        let failed = |error| Failure::of_installation(&args.data.dir, &error);
        let reading = Reading::open_whole(&args.data.dir).map_err(failed)?;
        let state = reading.state(Until::End).map_err(failed)?;
        let checked = check(args, &job, &state)?;
        return report(args, &job, &state, &checked, None);
    }
    let mut installation = open(&args.data.dir)?;
    let checked = if args.one_pass {
        None
    } else {
        let checked = check(args, &job, installation.sequencer.state())?;
        if !checked.refused.is_empty() && args.quarantine.is_none() {
            return report(args, &job, installation.sequencer.state(), &checked, None);
        }
        write_quarantine(args, &job, &checked.refused)?;
        Some(checked)
    };
    let recorded = record(
        args,
        &job,
        &mut installation,
        checked.as_ref().map_or(&[], |checked| &checked.refused),
    )?;
    let checked = checked.unwrap_or_else(|| Checked {
        summary: Summary::default(),
        refused: Vec::new(),
        chunks_before: 0,
    });
    report(
        args,
        &job,
        installation.sequencer.state(),
        &checked,
        Some(recorded),
    )
}

fn job(args: &ImportArgs) -> Result<Job, Failure> {
    let profile = match (&args.mapping, &args.profile) {
        (Some(path), _) => {
            let text = fs::read_to_string(path).map_err(|error| {
                Failure::usage(
                    "mapping",
                    format!("can't read the mapping `{}`: {error}", path.display()),
                )
            })?;
            Profile::parse(&text).map_err(|error| {
                Failure::usage("mapping", format!("mapping `{}`: {error}", path.display()))
            })?
        }
        (None, name) => Profile::built_in(name.as_deref().unwrap_or("generic"))
            .map_err(|error| Failure::usage("profile", error.to_string()))?,
    };
    let mut files = Vec::new();
    for path in &args.files {
        let in_file =
            |fault: Fault| Failure::usage(fault.code, fault.in_file(&path.display().to_string()));
        // Looked at before it is hashed, so that a wrong name or kind is said at once.
        Input::open(path, Progress::default()).map_err(in_file)?;
        let digest = digest_of(path).map_err(in_file)?;
        manifest_agrees(path, &digest)?;
        files.push((path.clone(), digest));
    }
    Ok(Job {
        profile,
        files,
        house: args.house.clone(),
        ordered: args.ordered,
        from_start: args.from_start,
        progress: Arc::new(AtomicU64::new(0)),
    })
}

fn open(dir: &Path) -> Result<Installation, Failure> {
    Installation::open(dir).map_err(|error| match error.journal() {
        Some(JournalError::LockHeld) => Failure::refused(
            "lock_held",
            format!(
                "`{}` is being served or in use by another keepwhole; stop it, import, and start it again (`--dry-run` works beside it)",
                dir.display()
            ),
        ),
        _ => Failure::of_installation(dir, &error),
    })
}

/// A manifest in the file's folder that names the file must say its SHA-256.
fn manifest_agrees(path: &Path, digest: &[u8; 32]) -> Result<(), Failure> {
    let Some((found, totals)) = manifest_of(path)? else {
        return Ok(());
    };
    if totals.sha256 == hex(digest) {
        return Ok(());
    }
    let message = format!(
        "`{}`: SHA-256 is `{}` and `{}` says `{}`; copy the file again, or write the manifest anew if the file was mended",
        path.display(),
        hex(digest),
        found.display(),
        totals.sha256
    );
    Err(Failure::usage("manifest", message))
}

/// What the manifest in the file's folder says of it.
fn manifest_of(path: &Path) -> Result<Option<(PathBuf, manifest::FileTotals)>, Failure> {
    let found = path.with_file_name(manifest::NAME);
    let Ok(text) = fs::read_to_string(&found) else {
        return Ok(None);
    };
    let manifest = Manifest::parse(&text).map_err(|error| {
        Failure::usage(
            "manifest",
            format!(
                "`{}`: {error}; docs/import.md has the form",
                found.display()
            ),
        )
    })?;
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let totals = manifest.files.into_iter().find(|file| file.file == name);
    Ok(totals.map(|totals| (found, totals)))
}

fn of_import(error: &ImportError) -> Failure {
    let message = error.to_string();
    match error {
        ImportError::File { fault, .. } => Failure::usage(fault.code, message),
        ImportError::Ids { .. } => Failure::fault("temporary_file", message),
        ImportError::Refused { .. } => Failure::refused("ledger_refused", message),
        ImportError::Stopped { fault, .. } => Failure::refused(fault.code, message),
        ImportError::Sequencer { .. } => Failure::fault("stopped", message),
    }
}

fn check(args: &ImportArgs, job: &Job, state: &State) -> Result<Checked, Failure> {
    let now = wall_clock()?;
    let shown = Shown::start("checking", job);
    let checked = job.check(state, now);
    shown.stop();
    let checked = checked.map_err(|error| of_import(&error))?;
    totals_agree(args, &checked)?;
    Ok(checked)
}

/// Rows and control totals of a manifest, where one file is imported alone and nothing of it is recorded yet.
fn totals_agree(args: &ImportArgs, checked: &Checked) -> Result<(), Failure> {
    let [only] = args.files.as_slice() else {
        return Ok(());
    };
    let Some((found, said)) = manifest_of(only)? else {
        return Ok(());
    };
    let differ = |what: &str, here: &str, there: &str| {
        let message = format!(
            "`{}`: {what} is `{here}` and `{}` says `{there}`; nothing was recorded: get the whole file, or find the row that \
             differs",
            only.display(),
            found.display()
        );
        Err(Failure::usage("manifest", message))
    };
    let summary = &checked.summary;
    if said.rows != summary.rows {
        return differ(
            "the number of rows",
            &summary.rows.to_string(),
            &said.rows.to_string(),
        );
    }
    if summary.repeated > 0 || summary.refused > 0 {
        return Ok(());
    }
    for (asset, totals) in &said.totals {
        let sums = summary.assets.get(asset).copied().unwrap_or_default();
        let moved = sums
            .incoming
            .saturating_add(sums.outgoing)
            .saturating_add(sums.between)
            .to_string();
        if totals.credit != moved {
            return differ(
                &format!("the sum of credits of `{asset}`"),
                &moved,
                &totals.credit,
            );
        }
    }
    Ok(())
}

fn record(
    args: &ImportArgs,
    job: &Job,
    installation: &mut Installation,
    refused: &[Refused],
) -> Result<Recorded, Failure> {
    job.progress.store(0, Ordering::Relaxed);
    let shown = Shown::start("recording", job);
    let mut last = wall_clock()?;
    let mut clock = || {
        // A clock that fails in the middle stands still; the journal's time never goes back anyway.
        last = wall_clock().unwrap_or(last);
        last
    };
    let recorded = job.record_into(installation, refused, &mut clock);
    shown.stop();
    let published = installation.publish();
    let recorded = recorded.map_err(|error| of_import(&error))?;
    published.map_err(|error| Failure::of_installation(&args.data.dir, &error))?;
    Ok(recorded)
}

/// Writes the refused rows of all files, before anything is recorded, and makes sure that they are on disk.
fn write_quarantine(args: &ImportArgs, job: &Job, refused: &[Refused]) -> Result<(), Failure> {
    let Some(out) = &args.quarantine else {
        return Ok(());
    };
    if refused.is_empty() {
        return Ok(());
    }
    let failed = |error: &dyn std::fmt::Display| {
        Failure::refused(
            "not_written",
            format!(
                "can't write `{}`: {error}; nothing was recorded",
                out.display()
            ),
        )
    };
    let numbers: std::collections::BTreeSet<u32> =
        refused.iter().map(|refused| refused.file).collect();
    if numbers.len() > 1 {
        let message = "several files have refused rows and `--quarantine` keeps one header; import them one at a time";
        return Err(Failure::usage("quarantine_files", message));
    }
    let number = numbers
        .first()
        .and_then(|number| usize::try_from(*number).ok())
        .unwrap_or(0);
    let (path, _) = job
        .files
        .get(number)
        .ok_or_else(|| failed(&"no such input"))?;
    let rows: BTreeMap<u64, (u64, Fault)> = refused
        .iter()
        .map(|refused| {
            (
                refused.unit.first_row,
                (refused.unit.last_row, refused.fault.clone()),
            )
        })
        .collect();
    let in_file =
        |fault: Fault| Failure::usage(fault.code, fault.in_file(&path.display().to_string()));
    let mut reader = Input::open(path, Progress::default())
        .and_then(Reader::open)
        .map_err(in_file)?;
    let mut file = fs::File::create_new(out).map_err(|error| failed(&error))?;
    quarantine::write(&mut reader, &rows, &mut file).map_err(|error| failed(&error))?;
    file.flush()
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))
}

fn report(
    args: &ImportArgs,
    job: &Job,
    state: &State,
    checked: &Checked,
    recorded: Option<Recorded>,
) -> Result<Exit, Failure> {
    let refused = !checked.refused.is_empty();
    let exit = match (refused, &args.quarantine) {
        (false, _) => Exit::Done,
        (true, Some(_)) => Exit::Refused,
        (true, None) => Exit::Usage,
    };
    if refused {
        for one in checked.refused.iter().take(SHOWN) {
            note(&one.fault.in_file(&name_of(job, one.file)));
        }
        let more = checked.refused.len().saturating_sub(SHOWN);
        if more > 0 {
            note(&format!("and {more} more"));
        }
    }
    let output = &mut Output::new(args.data.json);
    output.answer(
        &text(args, state, checked, recorded),
        &value(args, job, state, checked, recorded),
    )?;
    Ok(exit)
}

fn name_of(job: &Job, file: u32) -> String {
    let file = usize::try_from(file)
        .ok()
        .and_then(|file| job.files.get(file));
    file.map(|(path, _)| path.display().to_string())
        .unwrap_or_default()
}

/// What became of it, in a sentence.
fn verdict(args: &ImportArgs, checked: &Checked, recorded: Option<Recorded>) -> String {
    let refused = count(u128::from(checked.summary.refused));
    match (recorded, checked.refused.is_empty(), &args.quarantine) {
        (None, true, _) => String::from("a dry run: nothing was recorded; all of it would go in"),
        (None, false, Some(_)) => {
            format!("a dry run: nothing was recorded; {refused} rows would go into quarantine")
        }
        (None, false, None) => format!(
            "nothing was recorded: {refused} rows are refused; mend them, or keep them apart with `--quarantine FILE`"
        ),
        (Some(done), true, _) if done.chunks == 0 => {
            String::from("nothing to do: all of it was recorded before")
        }
        (Some(_), true, _) => String::from("recorded"),
        (Some(_), false, out) => {
            let out = out
                .as_ref()
                .map(|out| out.display().to_string())
                .unwrap_or_default();
            format!("recorded, but for {refused} rows that are in `{out}` with their reasons")
        }
    }
}

fn text(args: &ImportArgs, state: &State, checked: &Checked, recorded: Option<Recorded>) -> String {
    let summary = &checked.summary;
    let number = |number: u64| count(u128::from(number));
    let mut said = vec![verdict(args, checked, recorded)];
    if args.one_pass {
        let head = recorded.unwrap_or_default();
        said.push(format!(
            "{} chunks recorded, {} were recorded before",
            number(head.chunks),
            number(head.chunks_before)
        ));
        return said.join("\n");
    }
    let mut lines = vec![
        ("rows read", number(summary.rows)),
        ("movements", number(summary.movements)),
        ("recorded before, or twice", number(summary.repeated)),
        ("moved nothing between owners", number(summary.nothing)),
        ("owners new", number(summary.new_owners)),
        ("assets new", number(summary.new_assets)),
        ("refused", number(summary.refused)),
    ];
    for (why, rows) in &summary.left_out {
        lines.push((why.as_str(), format!("{} left out", number(*rows))));
    }
    if let Some((first, last)) = summary.times {
        lines.push(("first dated", seoul(first)));
        lines.push(("last dated", seoul(last)));
    }
    said.extend(
        lines
            .iter()
            .filter(|(_, value)| value != "0")
            .map(|(what, value)| format!("  {what:<30}{value}")),
    );
    if !summary.assets.is_empty() {
        let rows: Vec<Vec<String>> = summary
            .assets
            .iter()
            .map(|(asset, sums)| {
                let decimals = state
                    .registry
                    .asset(asset)
                    .and_then(|ix| state.registry.assets.get(ix.place()));
                let shown = |units| match decimals {
                    Some(asset) => decimal(units, asset.decimals),
                    None => count(units),
                };
                vec![
                    asset.clone(),
                    number(sums.movements),
                    shown(sums.incoming),
                    shown(sums.outgoing),
                    shown(sums.between),
                ]
            })
            .collect();
        said.push(String::new());
        said.push(table(
            &["asset", "movements", "in", "out", "between owners"],
            &[1, 2, 3, 4],
            &rows,
        ));
    }
    said.join("\n")
}

fn value(
    args: &ImportArgs,
    job: &Job,
    state: &State,
    checked: &Checked,
    recorded: Option<Recorded>,
) -> Value {
    let summary = &checked.summary;
    let assets: BTreeMap<&String, Value> = summary
        .assets
        .iter()
        .map(|(asset, sums)| {
            let sums = json!({
                "movements": sums.movements, "in": sums.incoming.to_string(), "out": sums.outgoing.to_string(),
                "between": sums.between.to_string(),
            });
            (asset, sums)
        })
        .collect();
    let refused: Vec<Value> = checked
        .refused
        .iter()
        .take(1_000)
        .map(|one| {
            let fault = &one.fault;
            json!({
                "file": name_of(job, one.file), "line": fault.line, "column": fault.column, "field": fault.field,
                "value": fault.value, "code": fault.code, "reason": fault.reason, "fix": fault.fix,
            })
        })
        .collect();
    let files: Vec<Value> = job
        .files
        .iter()
        .map(|(path, digest)| json!({ "file": path.display().to_string(), "sha256": hex(digest) }))
        .collect();
    json!({
        "profile": job.profile.name,
        "files": files,
        "dry_run": args.dry_run,
        "recorded": recorded.map(|done| json!({
            "chunks": done.chunks, "chunks_before": done.chunks_before, "repeated_rows": done.repeated,
        })),
        "rows": summary.rows,
        "movements": summary.movements,
        "repeated": summary.repeated,
        "nothing": summary.nothing,
        "left_out": summary.left_out,
        "new_owners": summary.new_owners,
        "new_assets": summary.new_assets,
        "first": summary.times.map(|(first, _)| crate::text::rfc3339(first)),
        "last": summary.times.map(|(_, last)| crate::text::rfc3339(last)),
        "assets": assets,
        "refused_rows": summary.refused,
        "refused": refused,
        "entries": state.position,
    })
}
