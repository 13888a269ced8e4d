//! The verb `key`: the root key that is kept offline, and the rotation of the log's key that it signs.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{DataArgs, wall_clock};
use crate::installation::{self, InToken, Installation};
use crate::journal::keys;
use clap::{Args, Subcommand};
use keepwhole_verify::checkpoint::is_origin;
use keepwhole_verify::note::{NoteSigner as _, VerifierKey};
use keepwhole_verify::rotation::{Rotation, root_name};
use serde_json::json;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    verb: KeyVerb,
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Make a root key, on a machine that is never online.
    #[command(
        after_help = "Example:\n  keepwhole key root --origin exchange.example/keepwhole --out /mnt/stick/root.key"
    )]
    Root(RootArgs),
    /// Declare the root key in the journal, once; from then on it alone may rotate the log's key.
    #[command(
        after_help = "Example:\n  keepwhole key declare --data exchange --root exchange.example/keepwhole/root+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    )]
    Declare(DeclareArgs),
    /// Make the next log key and write what the root key is to sign.
    #[command(
        after_help = "Example:\n  keepwhole key prepare --data exchange --out /mnt/stick/rotation.txt"
    )]
    Prepare(PrepareArgs),
    /// Sign a rotation with the root key, on the machine that is never online.
    #[command(
        after_help = "Example:\n  keepwhole key sign /mnt/stick/rotation.txt --root root.key --out /mnt/stick/rotation.note"
    )]
    Sign(SignArgs),
    /// Record the signed rotation and sign on with the new key; the service must stand still.
    #[command(
        after_help = "Example:\n  keepwhole key rotate --data exchange --statement /mnt/stick/rotation.note"
    )]
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
struct RootArgs {
    /// Name of the log.
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// The file of the secret key; a new one.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DeclareArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The root's verifier key, as `keepwhole key root` printed it.
    #[arg(long, value_name = "KEY")]
    root: String,
    /// Account of the person who declares it; needed once a policy is in force.
    #[arg(long, value_name = "ACCOUNT")]
    actor: Option<String>,
}

#[derive(Debug, Args)]
struct PrepareArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Make it in the token of section `[log_key]` of `keepwhole.toml`, under this label, not in a file.
    #[arg(long, value_name = "LABEL")]
    key_label: Option<String>,
    /// The key lies in the token already, under that label; it was made for this log and signs nothing else.
    #[arg(long, requires = "key_label")]
    existing_key: bool,
    /// Where the text goes that the root key is to sign; a new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct SignArgs {
    /// What `keepwhole key prepare` wrote.
    #[arg(value_name = "FILE")]
    text: PathBuf,
    /// The file of the root's secret key.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// Where the signed rotation goes; a new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RotateArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The signed rotation.
    #[arg(long, value_name = "FILE")]
    statement: PathBuf,
}

impl KeyArgs {
    /// Whether the answer is JSON.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.verb {
            KeyVerb::Root(args) => args.json,
            KeyVerb::Declare(args) => args.data.json,
            KeyVerb::Prepare(args) => args.data.json,
            KeyVerb::Sign(args) => args.json,
            KeyVerb::Rotate(args) => args.data.json,
        }
    }
}

/// Runs it.
///
/// # Errors
/// [`Failure`] with exit 1 for what is refused, 2 for a file or key that can't be read, 3 for a damaged store.
pub fn run(args: &KeyArgs) -> Result<Exit, Failure> {
    match &args.verb {
        KeyVerb::Root(args) => root(args),
        KeyVerb::Declare(args) => declare(args),
        KeyVerb::Prepare(args) => prepare(args),
        KeyVerb::Sign(args) => sign(args),
        KeyVerb::Rotate(args) => rotate(args),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        let place = path.display();
        Failure::refused(
            "not_written",
            format!(
                "can't write `{place}`: {error}; give a new file in a folder that you may write"
            ),
        )
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let place = path.display();
        Failure::usage(
            "unreadable_file",
            format!("can't read `{place}`: {error}; give the path of a file that you may read"),
        )
    })
}

fn root(args: &RootArgs) -> Result<Exit, Failure> {
    if !is_origin(&args.origin) {
        let message = format!(
            "origin `{}` can't name a log: no spaces, no `+`, no `://`; an example is `exchange.example/keepwhole`",
            args.origin
        );
        return Err(Failure::usage("origin", message));
    }
    let made = keys::create_at(&args.out, &root_name(&args.origin))
        .map_err(|error| Failure::refused("key", error.to_string()))?;
    let key = made.key().to_string();
    let text = format!(
        "made the root key `{}`\nroot {key}\n\n\
         Keep the file offline, in two places, away from `keys/` of the installation: who holds it can give the log another key.\n\
         Declare it: keepwhole key declare --data DIR --root {key}\n\
         Give the line `root …` to auditors and witnesses with the log's key, by a second way.",
        args.out.display()
    );
    Output::new(args.json).answer(&text, &json!({ "root": key }))?;
    Ok(Exit::Done)
}

fn declare(args: &DeclareArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let key = VerifierKey::parse(&args.root)
        .map_err(|error| Failure::usage("key", format!("`--root`: {error}")))?;
    let mut open = Installation::open(dir).map_err(failed)?;
    open.declare_root(&key, args.actor.clone(), wall_clock()?)
        .map_err(failed)?;
    let (log, head) = (open.log_key.to_string(), open.sequencer.head());
    let text = format!(
        "the journal names both keys from entry {} on\nlog {log}\nroot {key}",
        head.size.saturating_sub(2)
    );
    let value = json!({ "log": log, "root": key.to_string(), "size": head.size });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn prepare(args: &PrepareArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let key = args.key_label.clone().map(|label| InToken {
        label,
        existing: args.existing_key,
    });
    let new = installation::next(dir, key).map_err(failed)?;
    let rotation = installation::prepare(dir, &new).map_err(failed)?;
    write_new(&args.out, rotation.to_text().as_bytes())?;
    let (old, new) = (rotation.old().to_string(), rotation.new_key().to_string());
    let text = format!(
        "made the next log key and wrote `{}`\nnumber {}\nold    {old}\nnew    {new}\n\n\
         Have it signed offline: keepwhole key sign {} --root root.key --out rotation.note",
        args.out.display(),
        rotation.number(),
        args.out.display()
    );
    let value = json!({ "number": rotation.number(), "old": old, "new": new });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn sign(args: &SignArgs) -> Result<Exit, Failure> {
    let place = args.text.display();
    let rotation = Rotation::parse_text(&read(&args.text)?)
        .map_err(|error| Failure::usage("rotation", format!("`{place}`: {error}")))?;
    let root = keys::load_at(&args.root, &root_name(rotation.origin()))
        .map_err(|error| Failure::usage("key", error.to_string()))?;
    let note = rotation
        .sign(&root)
        .map_err(|error| Failure::usage("key", error.to_string()))?;
    write_new(&args.out, note.to_string().as_bytes())?;
    let (old, new) = (rotation.old().to_string(), rotation.new_key().to_string());
    let text = format!(
        "signed rotation {} of `{}` into `{}`\nold  {old}\nnew  {new}",
        rotation.number(),
        rotation.origin(),
        args.out.display()
    );
    let value = json!({ "number": rotation.number(), "old": old, "new": new });
    Output::new(args.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn rotate(args: &RotateArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let statement = read(&args.statement)?;
    let done = installation::rotate(dir, statement.as_bytes(), wall_clock()?)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let (entry, place) = (done.entry, dir.display());
    let text = format!(
        "entry {entry} records the rotation; heads that contain it are signed by the new key\n\
         log {}\nretired {} {entry}\n\n\
         Put these two lines in the place of the old `log` line of every trust file and witness list. Its proof, for whoever has the root key:\n  \
         keepwhole journal prove {entry} --data {place} --out rotation.tlog-proof\n  \
         keepwhole verify rotation.tlog-proof --entry rotation.entry --trust trust.txt",
        done.new, done.old
    );
    let value = json!({
        "entry": entry, "log": done.new.to_string(), "retired": done.old, "finished": done.finished,
    });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}
