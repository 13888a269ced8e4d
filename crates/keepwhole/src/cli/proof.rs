//! `journal prove` and `journal compare`: one entry that travels alone, and two heads held against each other.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::installation::{Reading, log_policy, verifier_key};
use crate::journal::keys::KeyFile;
use crate::journal::tiles::LogFiles;
use crate::outside::{Comparison, compare};
use clap::Args;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::Note;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `journal prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// Number of the entry.
    #[arg(value_name = "N")]
    entry: u64,
    /// Where the proof goes; the entry's bytes go beside it, with the ending `entry`. Made from the number if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `journal compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The head that was seen first.
    #[arg(value_name = "CHECKPOINT_A")]
    first: PathBuf,
    /// The head that was seen later.
    #[arg(value_name = "CHECKPOINT_B")]
    second: PathBuf,
    /// Folder of the installation, to tell whether one grew from the other, and whose key must be under both.
    #[arg(long = "data", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON for programs.
    #[arg(long)]
    pub json: bool,
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(
        "not_written",
        format!(
            "can't write `{}`: {error}; give a new file in a folder that you may write",
            path.display()
        ),
    )
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| unwritten(path, &error))
}

/// Writes the proof of one entry under the published checkpoint (c2sp.org/tlog-proof@v1), and the entry.
///
/// # Errors
/// [`Failure`] with exit 1 for an entry that is not published or a file that is there already, 3 for damaged tiles.
pub fn prove(args: &ProveArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let reading =
        Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    let of_journal = |error| Failure::of_journal(dir, &error);
    let log = LogFiles(reading.journal.disk());
    let (checkpoint, note) = log.checkpoint().map_err(of_journal)?;
    if args.entry >= checkpoint.size() {
        let message = format!(
            "entry `{}` is not published: the checkpoint of `{}` holds {} entries, the journal {}",
            args.entry,
            dir.display(),
            checkpoint.size(),
            reading.journal.head().size
        );
        return Err(Failure::refused("not_published", message));
    }
    let proof = log.tlog_proof(args.entry).map_err(of_journal)?;
    let entry = log
        .entry(args.entry, checkpoint.size())
        .map_err(of_journal)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.tlog-proof", args.entry)));
    let beside = out.with_extension("entry");
    write_new(&out, proof.to_string().as_bytes())?;
    write_new(&beside, &entry)?;
    let cosigned =
        Note::parse(note.as_bytes()).map_or(0, |note| note.lines().len().saturating_sub(1));
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let text = format!(
        "wrote `{}` and `{}`: entry {} is in the log of {size} entries, root {root}, with {cosigned} signatures of others\n\
         The second file is the entry itself: it may say whose it is. Whoever has both and a trust file checks them with\n  \
         keepwhole verify {} --entry {} --trust trust.txt",
        out.display(),
        beside.display(),
        args.entry,
        out.display(),
        beside.display()
    );
    let value = json!({
        "entry": args.entry, "proof": out.display().to_string(), "bytes": beside.display().to_string(),
        "size": size, "root": root.to_string(), "cosignatures": cosigned,
    });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// A head from a file, and its note.
struct Head {
    checkpoint: Checkpoint,
    text: String,
}

fn read_head(path: &Path) -> Result<Head, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(
            "checkpoint",
            format!(
                "`{}` is no signed checkpoint: {error}; give a file such as `log/checkpoint`",
                path.display()
            ),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let note = Note::parse(text.as_bytes()).map_err(|error| wrong(&error))?;
    let checkpoint = Checkpoint::parse_text(note.text()).map_err(|error| wrong(&error))?;
    Ok(Head { checkpoint, text })
}

/// Compares two heads of one log: exit 1 for a fork, a rollback or what can't be decided.
///
/// # Errors
/// [`Failure`] with exit 1 where the installation's key is not under both, 2 for a file that is no checkpoint or heads of
/// different logs.
pub fn run_compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let (first, second) = (read_head(&args.first)?, read_head(&args.second)?);
    let (a, b) = (&first.checkpoint, &second.checkpoint);
    if a.origin() != b.origin() {
        let message = format!(
            "the heads are of different logs, `{}` and `{}`",
            a.origin(),
            b.origin()
        );
        return Err(Failure::usage("other_log", message));
    }
    if let Some(dir) = &args.dir {
        let key = verifier_key(dir, KeyFile::Log)
            .map_err(|error| Failure::of_installation(dir, &error))?;
        let keys = log_policy(dir, &key).map_err(|error| Failure::of_installation(dir, &error))?;
        for (head, path) in [(&first, &args.first), (&second, &args.second)] {
            keys.verify_signature(head.text.as_bytes()).map_err(
                |error| {
                    let message = format!(
                        "`{}` is not signed by the key of `{}`: {error}; it shows nothing about this log",
                        path.display(),
                        dir.display()
                    );
                    Failure::refused("not_signed", message)
                },
            )?;
        }
    }
    let found = compare(a, b, args.dir.as_deref());
    let (word, says) = in_words(&found, a, b);
    let signed = if args.dir.is_some() {
        ""
    } else {
        "\nthe signatures were not checked: give `--data DIR` to do so"
    };
    let text = format!(
        "{says}\n\nfirst head   {} entries, root {}\nsecond head  {} entries, root {}{signed}",
        a.size(),
        a.root(),
        b.size(),
        b.root()
    );
    let head = |head: &Checkpoint| json!({ "size": head.size(), "root": head.root().to_string() });
    let value = json!({
        "verdict": word, "says": says, "origin": a.origin(), "first": head(a), "second": head(b),
        "signatures_checked": args.dir.is_some(),
    });
    Output::new(args.json).answer(&text, &value)?;
    let good = matches!(found, Comparison::Same | Comparison::Grown);
    Ok(if good { Exit::Done } else { Exit::Refused })
}

fn in_words(found: &Comparison, a: &Checkpoint, b: &Checkpoint) -> (&'static str, String) {
    match found {
        Comparison::Same => (
            "same",
            String::from("both heads are the same: one history, nothing added"),
        ),
        Comparison::Grown => (
            "grown",
            format!(
                "the second head grew from the first: one history, {} entries added",
                b.size() - a.size()
            ),
        ),
        Comparison::Back { missing, beginning } => {
            let shown = match beginning {
                Some(_) => {
                    "the second is a beginning of the first, so nothing was rewritten, and the last"
                }
                None => "whether anything was rewritten can't be told without `--data`; at least",
            };
            (
                "rollback",
                format!(
                    "ROLLBACK: the second head is smaller than the first, which was seen before it; {shown} {missing} \
                     entries are missing in it"
                ),
            )
        }
        Comparison::Fork { held } => {
            let ours = match held {
                None => String::new(),
                Some((true, false)) => String::from("; the journal in `--data` is the first"),
                Some((false, true)) => String::from("; the journal in `--data` is the second"),
                Some(_) => String::from("; the journal in `--data` is neither"),
            };
            (
                "fork",
                format!("FORK: there are two histories, no continuation joins these heads{ours}"),
            )
        }
        Comparison::Unknown { held } => {
            let why = match held {
                None => String::from("give the installation with `--data DIR`"),
                Some(size) => {
                    format!("the journal in `--data` is published up to {size} entries only")
                }
            };
            (
                "unknown",
                format!(
                    "not decided: sizes differ, and only the journal's tiles can tell whether one grew from the other; {why}"
                ),
            )
        }
    }
}
