//! The verb `verify`: reads files and hands them to `keepwhole-verify`, whose small program gives the same answers.

use super::exit::{Exit, Failure};
use super::output::Output;
use clap::{Args, ValueEnum};
use keepwhole_verify::archive::{Files, Limits};
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::customer_check::verify_package;
use keepwhole_verify::tlog_proof;
use keepwhole_verify::trust::Trust;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A bundle (.kwb file or unpacked folder), a customer's package, or the proof of one entry (.tlog-proof).
    #[arg(value_name = "BUNDLE_OR_PACKAGE")]
    subject: PathBuf,
    /// Keys from a second source; without it a bundle's own keys are used and its signer is not established.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Fail if no trust file was given.
    #[arg(long, value_name = "WHAT")]
    expect: Option<Expect>,
    /// The customer's package of the epoch before, to see that no figure fell.
    #[arg(long, value_name = "PACKAGE")]
    previous: Option<PathBuf>,
    /// The entry whose proof is checked.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Proof of an entry that rotates the log's key, with the entry beside it (ending `entry`); it is followed before anything
    /// is checked. May be given several times, in order.
    #[arg(long, value_name = "FILE", requires = "trust")]
    rotation: Vec<PathBuf>,
    /// Bytes of the largest file accepted.
    #[arg(long, value_name = "BYTES")]
    max_file_size: Option<u64>,
    /// Print canonical JSON for programs.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Expect {
    Trusted,
}

/// Checks the subject: exit 0 it holds, 1 something does not.
///
/// # Errors
/// [`Failure`] with exit 2 for a file that can't be read or is neither bundle nor package.
pub fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let subject = &args.subject;
    let trust = match &args.trust {
        None => None,
        Some(path) => {
            let read = Trust::parse(&path.display().to_string(), &text_of(path)?);
            Some(
                read.map_err(|error| Failure::usage("trust_file", format!("trust file: {error}")))?,
            )
        }
    };
    let about = fs::symlink_metadata(subject).map_err(|error| unreadable(subject, &error))?;
    if about.is_dir() {
        let trust = trust.map(|trust| followed(trust, args)).transpose()?;
        let folder = read_folder(subject)?;
        let files: Files<'_> = folder
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.as_slice()))
            .collect();
        return bundle(args, &Source::Folder(files), trust.as_ref());
    }
    let bytes = fs::read(subject).map_err(|error| unreadable(subject, &error))?;
    if tlog_proof::is_tlog_proof(&bytes) {
        return entry_of_log(args, &bytes, trust);
    }
    let trust = trust.map(|trust| followed(trust, args)).transpose()?;
    if bytes.first() == Some(&b'{') {
        package(args, bytes, trust.as_ref())
    } else {
        bundle(args, &Source::Archive(&bytes), trust.as_ref())
    }
}

/// A proof and its entry.
type Pair = (Vec<u8>, Vec<u8>);

/// The rotations that were given.
fn rotations(paths: &[PathBuf]) -> Result<Vec<Pair>, Failure> {
    let read = |path: &Path| fs::read(path).map_err(|error| unreadable(path, &error));
    paths
        .iter()
        .map(|path| Ok((read(path)?, read(&path.with_extension("entry"))?)))
        .collect()
}

/// The trust that follows from the rotations that were given.
fn followed(mut trust: Trust, args: &VerifyArgs) -> Result<Trust, Failure> {
    trust
        .follow(&rotations(&args.rotation)?)
        .map_err(|why| Failure::refused("rotation", format!("`--rotation`: {why}")))?;
    Ok(trust)
}

fn entry_of_log(args: &VerifyArgs, proof: &[u8], trust: Option<Trust>) -> Result<Exit, Failure> {
    let (Some(path), Some(trust)) = (&args.entry, trust) else {
        let message = format!(
            "`{}` is the proof of one entry: give the entry with `--entry FILE` and keys from a second source with `--trust FILE`",
            args.subject.display()
        );
        return Err(Failure::usage("entry_needed", message));
    };
    let entry = fs::read(path).map_err(|error| unreadable(path, &error))?;
    match trust.check_entry(proof, &entry, &rotations(&args.rotation)?) {
        Ok(said) => ended(&said, 0),
        Err(said) => ended(&said, 1),
    }
}

fn bundle(args: &VerifyArgs, source: &Source<'_>, trust: Option<&Trust>) -> Result<Exit, Failure> {
    let mut limits = Limits::default();
    if let Some(bytes) = args.max_file_size {
        limits.file_size = bytes;
    }
    let report = verify_bundle(source, trust, args.expect == Some(Expect::Trusted), limits);
    let said = if args.json {
        report.to_json()
    } else {
        report.to_text()
    };
    ended(&said, report.exit_code())
}

fn package(args: &VerifyArgs, bytes: Vec<u8>, trust: Option<&Trust>) -> Result<Exit, Failure> {
    let name = args.subject.display();
    let Some(trust) = trust else {
        let message = format!(
            "`{name}` is a customer's package: give keys from a second source with `--trust FILE`, or its signer can't be known"
        );
        return Err(Failure::usage("trust_needed", message));
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage("not_text", format!("`{name}` is not UTF-8")))?;
    let previous = args.previous.as_deref().map(text_of).transpose()?;
    let answer = verify_package(&text, trust, previous.as_deref());
    let said = if args.json {
        answer.to_json()
    } else {
        answer.to_text()
    };
    ended(&said, answer.exit_code())
}

fn ended(said: &str, code: u8) -> Result<Exit, Failure> {
    let mut output = Output::new(false);
    output.line(said)?;
    output.flush()?;
    Ok(match code {
        0 => Exit::Done,
        1 => Exit::Refused,
        2 => Exit::Usage,
        _ => Exit::Fault,
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        "unreadable_file",
        format!(
            "can't read `{}`: {error}; give the path of a file that you may read",
            path.display()
        ),
    )
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// All regular files below `root` by relative path; anything else, such as a link, is refused.
fn read_folder(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    let mut open = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for item in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let item = item.map_err(|error| unreadable(&folder, &error))?;
            let path = item.path();
            let name = item.file_name();
            let Some(name) = name.to_str() else {
                return Err(Failure::usage(
                    "strange_file",
                    format!("`{}` has a name that is not UTF-8", path.display()),
                ));
            };
            let inside = format!("{prefix}{name}");
            let kind = item
                .file_type()
                .map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() {
                open.push((path, format!("{inside}/")));
            } else if kind.is_file() {
                files.insert(
                    inside,
                    fs::read(&path).map_err(|error| unreadable(&path, &error))?,
                );
            } else {
                let message = format!(
                    "`{}` is a link or device; a bundle has regular files only",
                    path.display()
                );
                return Err(Failure::usage("strange_file", message));
            }
        }
    }
    Ok(files)
}
