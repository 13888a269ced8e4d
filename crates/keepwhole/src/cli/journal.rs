//! The verb `journal`: check it, show its entries, print its keys, publish it as files.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use super::proof::{self, CompareArgs, ProveArgs};
use crate::installation::{self, Reading, record_json, verifier_key};
use crate::journal::keys::KeyFile;
use crate::journal::tiles::LogFiles;
use crate::journal::{Journal, JournalError, RealDisk, attachments, layout, publish};
use crate::sequencer::{self, FOLD, Until, state_digest};
use crate::text::{count, seoul};
use clap::{Args, Subcommand};
use keepwhole_core::event::Record;
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::parse_hex;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How often a check is begun anew because the journal grew under it.
const TRIES: usize = 10;

/// Arguments of `journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    verb: JournalVerb,
}

#[derive(Debug, Subcommand)]
enum JournalVerb {
    /// Verify every byte: frames, roots, checkpoint, tiles, fold, double entry, order of time.
    #[command(after_help = "Example:\n  keepwhole journal check --data exchange")]
    Check(CheckArgs),
    /// Print entries as canonical JSON, one line each.
    #[command(after_help = "Example:\n  keepwhole journal show --data exchange --from 0 --count 3")]
    Show(ShowArgs),
    /// Print the keys that verify checkpoints and bundles, as a trust file.
    #[command(after_help = "Example:\n  keepwhole journal vkey --data exchange")]
    Vkey(VkeyArgs),
    /// Write checkpoint, hash tiles and entry bundles as a C2SP tlog-tiles log.
    #[command(
        after_help = "Example:\n  keepwhole journal export --data exchange --tiles published"
    )]
    Export(ExportArgs),
    /// Replace a damaged segment by that of a backup, if the copy verifies against the journal around it.
    #[command(
        after_help = "Example:\n  keepwhole journal repair --data exchange --from /mnt/other-disk/exchange"
    )]
    Repair(RepairArgs),
    /// Write the proof of one entry, with the checkpoint and the entry, as files that travel alone.
    #[command(
        after_help = "Example:\n  keepwhole journal prove 7 --data exchange --out entry-7.tlog-proof"
    )]
    Prove(ProveArgs),
    /// Hold two signed heads against each other: the same, grown, gone back or forked.
    #[command(
        after_help = "Example:\n  keepwhole journal compare yesterday/checkpoint exchange/log/checkpoint --data exchange"
    )]
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
struct RepairArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Folder of a backup of this installation.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    /// First entry.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Number of entries; all if absent.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

#[derive(Debug, Args)]
struct VkeyArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// New or empty folder to write to.
    #[arg(long, value_name = "DIR")]
    tiles: PathBuf,
}

impl JournalArgs {
    /// Whether programs read the answer.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.verb {
            JournalVerb::Check(args) => args.data.json,
            JournalVerb::Show(args) => args.data.json,
            JournalVerb::Vkey(args) => args.data.json,
            JournalVerb::Export(args) => args.data.json,
            JournalVerb::Repair(args) => args.data.json,
            JournalVerb::Prove(args) => args.data.json,
            JournalVerb::Compare(args) => args.json,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`] with exit 1 where something is refused, 2 for a folder that is no installation, 3 for a damaged journal
/// with segment, frame and byte offset.
pub fn run(args: &JournalArgs) -> Result<Exit, Failure> {
    match &args.verb {
        JournalVerb::Check(args) => check(&args.data),
        JournalVerb::Show(args) => show(args),
        JournalVerb::Vkey(args) => vkey(&args.data),
        JournalVerb::Export(args) => export(args),
        JournalVerb::Repair(args) => repair(args),
        JournalVerb::Prove(args) => proof::prove(args),
        JournalVerb::Compare(args) => proof::run_compare(args),
    }
}

fn repair(args: &RepairArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let done = installation::repair(dir, &args.from)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let text = match done.segments.as_slice() {
        [] => format!(
            "nothing to repair: the journal of {} entries is whole",
            done.size
        ),
        segments => format!(
            "replaced `{}` from `{}`; the journal of {} entries is whole, what was replaced lies in `{}`",
            segments.join("`, `"),
            args.from.display(),
            done.size,
            dir.join(installation::DAMAGED).display()
        ),
    };
    let value = json!({ "replaced": done.segments, "size": done.size });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn vkey(data: &DataArgs) -> Result<Exit, Failure> {
    let key = |which| {
        verifier_key(&data.dir, which).map_err(|error| Failure::of_installation(&data.dir, &error))
    };
    let (log, bundle) = (key(KeyFile::Log)?, key(KeyFile::Bundle)?);
    let history = installation::history(&data.dir)
        .map_err(|error| Failure::of_installation(&data.dir, &error))?;
    let value = json!({
        "log": log.to_string(), "bundle": bundle.to_string(), "history": history.lines().collect::<Vec<_>>(),
    });
    let text = format!("log {log}\nquorum none\n{history}bundle {bundle}");
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn export(args: &ExportArgs) -> Result<Exit, Failure> {
    let (dir, to) = (&args.data.dir, &args.tiles);
    let reading =
        Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    let checkpoint = reading
        .checkpoint()
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let Some(checkpoint) = checkpoint else {
        let message = format!(
            "nothing is published in `{}` yet; start it once with `keepwhole serve`",
            dir.display()
        );
        return Err(Failure::refused("not_published", message));
    };
    refuse_unless_empty(to)?;
    let unwritable = |error: &dyn std::fmt::Display| {
        Failure::refused(
            "not_written",
            format!(
                "can't write to `{}`: {error}; give a folder that you may write",
                to.display()
            ),
        )
    };
    let mut disk = RealDisk::open(to).map_err(|error| unwritable(&error))?;
    let files = LogFiles(reading.journal.disk())
        .export(&mut disk)
        .map_err(|error| unwritable(&error))?;
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let text = format!(
        "wrote {files} files to `{}`: the log of {size} entries, root {root}\n\
         The entry bundles hold every entry in full, customers' pseudonymous ids among them; publish only `checkpoint` and \
         the hash tiles `tile/0` and up.",
        to.display()
    );
    let value = json!({ "tiles": to.display().to_string(), "files": files, "size": size, "root": root.to_string() });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn refuse_unless_empty(dir: &Path) -> Result<(), Failure> {
    let mut inside = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let message = format!(
                "can't read the folder `{}`: {error}; give a new or empty folder",
                dir.display()
            );
            return Err(Failure::usage("unreadable_folder", message));
        }
        Ok(inside) => inside,
    };
    if inside.next().is_none() {
        return Ok(());
    }
    let message = format!(
        "`{}` is not empty; give a new or empty folder, so that no tile of another log stays",
        dir.display()
    );
    Err(Failure::refused("not_empty", message))
}

fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let reading = Reading::open_whole(dir).map_err(failed)?;
    let size = reading.journal.head().size;
    if args.from > size {
        let message = format!(
            "no entry `{}` in the journal of `{}`: it holds {size} entries",
            args.from,
            dir.display()
        );
        return Err(Failure::refused("no_such_entry", message));
    }
    let end = args
        .count
        .map_or(size, |count| args.from.saturating_add(count))
        .min(size);
    let state = reading.state(Until::End).map_err(failed)?;
    let mut output = Output::new(args.data.json);
    let told = reading
        .journal
        .read::<Pause>(args.from, &mut |position, bytes| {
            if position >= end || output.is_closed() {
                return Err(Pause::Enough);
            }
            let record = Record::decode(bytes).map_err(|_| Pause::NotARecord(position))?;
            output
                .line(&record_json(&state, position, &record).to_canonical())
                .map_err(Pause::Output)
        });
    match told {
        Ok(()) | Err(Pause::Enough) => {}
        Err(Pause::Output(failure)) => return Err(failure),
        Err(Pause::Journal(error)) => return Err(Failure::of_journal(dir, &error)),
        Err(Pause::NotARecord(position)) => {
            let message = format!("entry `{position}` is not a record of this format");
            return Err(Failure::fault("not_folded", message));
        }
    }
    output.flush()?;
    Ok(Exit::Done)
}

/// Why showing ended early.
enum Pause {
    Enough,
    NotARecord(u64),
    Output(Failure),
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// What a check found good, a sentence each.
struct Checked {
    says: Vec<String>,
    size: u64,
    root: String,
    digest: String,
}

fn check(data: &DataArgs) -> Result<Exit, Failure> {
    let dir = &data.dir;
    let mut reading =
        Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    for _ in 0..TRIES {
        // The published log may be ahead of what was read a moment ago; then it is read again.
        let ahead = LogFiles(reading.journal.disk())
            .checkpoint()
            .is_ok_and(|(found, _)| found.size() > reading.journal.head().size);
        if !ahead {
            break;
        }
        reading =
            Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    }
    let checked = check_all(dir, &reading)?;
    let mut text = checked
        .says
        .iter()
        .map(|sentence| format!("ok  {sentence}"))
        .collect::<Vec<_>>();
    text.push(String::from("the journal is whole"));
    let value = json!({
        "whole": true,
        "size": checked.size,
        "root": checked.root,
        "state_digest": checked.digest,
        "checked": checked.says.iter().map(|sentence| Value::from(sentence.as_str())).collect::<Vec<_>>(),
    });
    Output::new(data.json).answer(&text.join("\n"), &value)?;
    Ok(Exit::Done)
}

fn check_all(dir: &Path, reading: &Reading) -> Result<Checked, Failure> {
    let of_journal = |error| Failure::of_journal(dir, &error);
    let failed = |error| Failure::of_installation(dir, &error);
    let journal = &reading.journal;
    let head = journal.check().map_err(of_journal)?;
    let frames: u64 = journal
        .segments()
        .iter()
        .map(|segment| segment.frames)
        .sum();
    let mut says = vec![format!(
        "{} in {} of {}: every checksum, position and root is right, the root is {}",
        counted(journal.head().size, "entry", "entries"),
        counted(frames, "frame", "frames"),
        counted(journal.segments().len() as u64, "segment", "segments"),
        journal.head().root
    )];
    if let Some(torn) = &reading.recovery.torn_tail {
        says.push(format!(
            "behind them lies an unfinished frame (segment `{}`, frame `{}`, byte offset `{}`) that is being written now or that a crash left; nobody was told of it, and the next \
             start cuts it",
            torn.segment, torn.frame, torn.offset
        ));
    }
    match reading.checkpoint().map_err(failed)? {
        Some(checkpoint) => {
            says.push(format!(
                "the checkpoint over {} entries is signed by {} and is a prefix of the journal",
                checkpoint.size(),
                reading.log_key
            ));
            says.push(tiles(dir, journal)?);
        }
        None => says.push(String::from("no checkpoint is published")),
    }
    let first = reading.state(Until::End).map_err(failed)?;
    let digest = state_digest(&first);
    drop(first);
    let state = reading.state(Until::End).map_err(failed)?;
    if state_digest(&state) != digest {
        let message = format!(
            "two folds of the journal in `{}` differ; please report this with `keepwhole --version`",
            dir.display()
        );
        return Err(Failure::fault("fold_differs", message));
    }
    says.push(format!("two folds give the same state, digest {digest}"));
    says.extend(snapshots(dir, reading)?);
    says.push(double_entry(dir, &state)?);
    says.push(match state.position {
        0 => String::from("there is no entry whose time could fall"),
        _ => format!(
            "no entry is earlier than the one before it; the last is of {}",
            seoul(state.at)
        ),
    });
    says.push(documents(dir, reading)?);
    Ok(Checked {
        says,
        size: head.size.min(journal.head().size),
        root: journal.head().root.to_string(),
        digest,
    })
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        count(u128::from(number)),
        if number == 1 { one } else { many }
    )
}

/// The published hashes are those that the journal makes. An installation without any is a restored one: the next start
/// makes them, as they are derived.
fn tiles(dir: &Path, journal: &Journal<RealDisk>) -> Result<String, Failure> {
    use crate::journal::Disk as _;
    let folder = layout::LEVELS;
    let found = journal.disk().list(folder).map_err(|error| {
        let place = dir.display();
        Failure::fault(
            "io_error",
            format!("can't list `{place}/{folder}`: {error}"),
        )
    })?;
    if found.is_empty() && journal.head().size > 0 {
        return Ok(String::from(
            "there are no published hashes; they are derived, and the next start makes them",
        ));
    }
    let tiled = publish::check_tiles(journal).map_err(|error| Failure::of_journal(dir, &error))?;
    Ok(format!(
        "the published hashes of {tiled} entries are those of the journal"
    ))
}

/// Every good snapshot holds the state that folding from the first entry gives. One that is not good is no fault of the
/// journal: it is named and not used.
fn snapshots(dir: &Path, reading: &Reading) -> Result<Option<String>, Failure> {
    let (good, ignored) = sequencer::snapshots(reading.journal.disk(), Some(&reading.log_key))
        .map_err(|error| Failure::of_journal(dir, &error))?;
    for ignored in &ignored {
        note(&ignored.to_string());
    }
    for mark in good.iter().filter(|mark| mark.fold == FOLD) {
        let position = mark.position();
        let state = reading
            .state(Until::Position(position))
            .map_err(|error| Failure::of_installation(dir, &error))?;
        if state_digest(&state) != mark.state_digest.to_string() {
            let message = format!(
                "the snapshot at `{position}` in `{}` holds another state than the journal gives; remove the folder `{}` and \
                 start again, and please report this",
                dir.display(),
                layout::SNAPSHOTS
            );
            return Err(Failure::fault("snapshot_differs", message));
        }
    }
    Ok(match good.len() {
        0 => None,
        1 => Some(String::from(
            "1 snapshot holds the state that the journal gives",
        )),
        many => Some(format!(
            "{many} snapshots hold the state that the journal gives"
        )),
    })
}

fn double_entry(dir: &Path, state: &State) -> Result<String, Failure> {
    for (place, asset) in state.registry.assets.iter().enumerate() {
        if AssetIx::next(place).is_some_and(|number| !state.book.sums_to_zero(number)) {
            let message = format!(
                "the books of `{}` in `{}` don't sum to zero; please report this",
                asset.id,
                dir.display()
            );
            return Err(Failure::fault("books_differ", message));
        }
    }
    Ok(format!(
        "the books sum to zero over all owners in {}",
        counted(state.registry.assets.len() as u64, "asset", "assets")
    ))
}

/// Every document beside the journal holds the bytes that its name says.
fn documents(dir: &Path, reading: &Reading) -> Result<String, Failure> {
    use crate::journal::Disk as _;
    let disk = reading.journal.disk();
    let listed = disk.list(layout::ATTACHMENTS).map_err(|error| {
        Failure::fault(
            "io_error",
            format!(
                "can't list `{}/{}`: {error}",
                dir.display(),
                layout::ATTACHMENTS
            ),
        )
    })?;
    let mut good = 0_u64;
    for path in listed
        .iter()
        .filter(|path| !path.ends_with(crate::journal::disk::TEMPORARY))
    {
        let digest = path
            .rsplit('/')
            .next()
            .and_then(parse_hex::<32>)
            .map(Digest::from_bytes);
        let Some(digest) = digest else {
            return Err(Failure::of_journal(
                dir,
                &JournalError::StrangeFile(path.clone()),
            ));
        };
        attachments::read(disk, &digest).map_err(|error| Failure::of_journal(dir, &error))?;
        good += 1;
    }
    Ok(format!(
        "documents that hold the bytes that their names say: {good}"
    ))
}
