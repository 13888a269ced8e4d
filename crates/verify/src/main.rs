//! `keepwhole-verify`: checks an evidence bundle or a customer's package offline and says in words what holds.

#[path = "main/approvals.rs"]
mod approvals;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keepwhole_verify::archive::{Files, Limits};
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::customer_check::verify_package;
use keepwhole_verify::tlog_proof;
use keepwhole_verify::trust::Trust;

const HELP: &str = "\
Checks a bundle (.kwb file or unpacked folder), a customer's package or the proof of one entry, offline.

Usage: keepwhole-verify BUNDLE_OR_PACKAGE [--trust FILE] [--expect trusted] [--previous PACKAGE] [--max-file-size BYTES] [--json]
       keepwhole-verify FILE.tlog-proof --entry FILE --trust FILE
  [--rotation FILE.tlog-proof]...
       keepwhole-verify approvals FILE --roster FILE --rp-id ID --web-origin ORIGIN   (see approvals --help)

  --trust FILE         keys you got from a second source (see docs/proof-formats.md, \"Trust file\");
                       without it a bundle's own keys are used and the signer is not established;
                       a package can't be checked without it
  --expect trusted     fail (exit 1) if no trust file was given
  --previous PACKAGE   your package of the epoch before, to see that no figure fell
  --entry FILE         the entry whose proof (c2sp.org/tlog-proof) is checked; of one that rotates the log's key it
                       says which lines the trust file has from then on
  --rotation FILE      proof of such an entry, which lies beside it with the ending `entry`: follows it before
                       anything is checked; may be given several times, in order
  --max-file-size N    bytes of the largest file accepted (default 4294967296)
  --json               answer as canonical JSON

Exit codes: 0 verified (package: counted), 1 something does not hold, 2 unreadable file or usage, 3 our own fault

Example:
  keepwhole-verify bundle.kwb --trust trust.txt --expect trusted
";

struct Request {
    subject: PathBuf,
    trust: Option<PathBuf>,
    previous: Option<PathBuf>,
    entry: Option<PathBuf>,
    rotations: Vec<PathBuf>,
    expect_trusted: bool,
    json: bool,
    limits: Limits,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let of_approvals = arguments.first().is_some_and(|first| first == "approvals");
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        return say(if of_approvals { approvals::HELP } else { HELP }, 0);
    }
    let outcome = if of_approvals {
        approvals::run(arguments.into_iter().skip(1))
    } else {
        parse(arguments).and_then(|request| check(&request))
    };
    match outcome {
        Ok((text, code)) => say(&text, code),
        Err(message) => {
            let written = writeln!(io::stderr(), "keepwhole-verify: {message}");
            ExitCode::from(if written.is_ok() { 2 } else { 3 })
        }
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(3),
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Request, String> {
    let mut subject = None;
    let mut request = Request {
        subject: PathBuf::new(),
        trust: None,
        previous: None,
        entry: None,
        rotations: Vec::new(),
        expect_trusted: false,
        json: false,
        limits: Limits::default(),
    };
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("`{}` needs a value; see --help", argument.display()))
        };
        match argument.to_str() {
            Some("--trust") => request.trust = Some(value()?.into()),
            Some("--previous") => request.previous = Some(value()?.into()),
            Some("--entry") => request.entry = Some(value()?.into()),
            Some("--rotation") => request.rotations.push(value()?.into()),
            Some("--json") => request.json = true,
            Some("--expect") => match value()?.to_str() {
                Some("trusted") => request.expect_trusted = true,
                _ => return Err("`--expect` knows `trusted` only".to_string()),
            },
            Some("--max-file-size") => {
                let size = value()?.to_str().and_then(|text| text.parse().ok());
                request.limits.file_size =
                    size.ok_or("`--max-file-size` needs a number of bytes")?;
            }
            Some(flag) if flag.starts_with('-') => {
                return Err(format!("unknown option `{flag}`; see --help"));
            }
            _ if subject.is_none() => subject = Some(PathBuf::from(argument)),
            _ => {
                return Err(format!(
                    "one bundle or package at a time; `{}` is a second one",
                    argument.display()
                ));
            }
        }
    }
    request.subject = subject.ok_or("name a bundle or a package; see --help")?;
    Ok(request)
}

fn check(request: &Request) -> Result<(String, u8), String> {
    let trust = match &request.trust {
        None => None,
        Some(path) => Some(
            Trust::parse(&path.display().to_string(), &read_text(path)?)
                .map_err(|error| error.to_string())?,
        ),
    };
    if trust.is_none() && !request.rotations.is_empty() {
        return Err("`--rotation` needs `--trust FILE` with a line `root`".to_owned());
    }
    let subject = &request.subject;
    let about = fs::symlink_metadata(subject)
        .map_err(|error| format!("can't open `{}`: {error}", subject.display()))?;
    if about.is_dir() {
        let trust = trust.map(|trust| followed(trust, request)).transpose()?;
        let folder = read_folder(subject)?;
        let files: Files<'_> = folder
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.as_slice()))
            .collect();
        return Ok(bundle_report(
            &Source::Folder(files),
            trust.as_ref(),
            request,
        ));
    }
    let bytes = fs::read(subject)
        .map_err(|error| format!("can't read `{}`: {error}", subject.display()))?;
    if tlog_proof::is_tlog_proof(&bytes) {
        return entry_answer(&bytes, trust, request);
    }
    let trust = trust.map(|trust| followed(trust, request)).transpose()?;
    if bytes.first() == Some(&b'{') {
        package_answer(bytes, trust.as_ref(), request)
    } else {
        Ok(bundle_report(
            &Source::Archive(&bytes),
            trust.as_ref(),
            request,
        ))
    }
}

/// A proof and its entry.
type Pair = (Vec<u8>, Vec<u8>);

/// The rotations that were given.
fn rotations(paths: &[PathBuf]) -> Result<Vec<Pair>, String> {
    let read = |path: &Path| {
        fs::read(path).map_err(|error| format!("can't read `{}`: {error}", path.display()))
    };
    paths
        .iter()
        .map(|path| Ok((read(path)?, read(&path.with_extension("entry"))?)))
        .collect()
}

/// The trust that follows from the rotations that were given.
fn followed(mut trust: Trust, request: &Request) -> Result<Trust, String> {
    trust
        .follow(&rotations(&request.rotations)?)
        .map_err(|why| format!("rotation: {why}"))?;
    Ok(trust)
}

fn entry_answer(
    proof: &[u8],
    trust: Option<Trust>,
    request: &Request,
) -> Result<(String, u8), String> {
    let (Some(entry), Some(trust)) = (&request.entry, trust) else {
        return Err(format!(
            "`{}` is the proof of one entry: give the entry with `--entry FILE` and keys from a second source with `--trust FILE`",
            request.subject.display()
        ));
    };
    let entry =
        fs::read(entry).map_err(|error| format!("can't read `{}`: {error}", entry.display()))?;
    let pairs = rotations(&request.rotations)?;
    Ok(match trust.check_entry(proof, &entry, &pairs) {
        Ok(said) => (said + "\n", 0),
        Err(said) => (said + "\n", 1),
    })
}

fn bundle_report(source: &Source<'_>, trust: Option<&Trust>, request: &Request) -> (String, u8) {
    let report = verify_bundle(source, trust, request.expect_trusted, request.limits);
    let text = if request.json {
        report.to_json() + "\n"
    } else {
        report.to_text()
    };
    (text, report.exit_code())
}

fn package_answer(
    bytes: Vec<u8>,
    trust: Option<&Trust>,
    request: &Request,
) -> Result<(String, u8), String> {
    let name = request.subject.display();
    let trust = trust.ok_or_else(|| {
        format!("`{name}` is a customer's package: give keys from a second source with `--trust FILE`, or its signer can't be known")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))?;
    let previous = match &request.previous {
        None => None,
        Some(path) => Some(read_text(path)?),
    };
    let answer = verify_package(&text, trust, previous.as_deref());
    let text = if request.json {
        answer.to_json() + "\n"
    } else {
        answer.to_text()
    };
    Ok((text, answer.exit_code()))
}

fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("can't read `{}`: {error}", path.display()))
}

/// All regular files below `root` by relative path; anything else, such as a link, is refused.
fn read_folder(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        let fail = |error: io::Error| format!("can't read `{}`: {error}", folder.display());
        for item in fs::read_dir(&folder).map_err(fail)? {
            let item = item.map_err(fail)?;
            let name = item.file_name();
            let name = name.to_str().ok_or_else(|| {
                format!("`{}` has a name that is not UTF-8", item.path().display())
            })?;
            let path = format!("{prefix}{name}");
            let kind = item.file_type().map_err(fail)?;
            if kind.is_dir() {
                open.push((item.path(), format!("{path}/")));
            } else if kind.is_file() {
                files.insert(path, fs::read(item.path()).map_err(fail)?);
            } else {
                return Err(format!(
                    "`{}` is a link or device; a bundle has regular files only",
                    item.path().display()
                ));
            }
        }
    }
    Ok(files)
}
