//! `keepwhole-approver`: the approver's own client, delivered apart from keepwhole, so that a false page shows nobody's lie.
//!
//! It decodes command and bytes itself, says in words what would happen, makes the challenge itself and signs it with a key
//! that answers for a relying party of its own (docs/approver.md). It never talks to a network: requests come as files.

mod arguments;
mod bytes;
mod key;
mod request;
mod tell;

use std::fs;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_verify::approval::{Approval, Decision};
use keepwhole_verify::words;
use zeroize::Zeroizing;

use arguments::{Asked, HELP, SignArguments};
use key::KeyFile;
use request::Request;

/// Largest request, and largest payload, in bytes.
const MAX_INPUT: u64 = 1 << 20;

fn main() -> ExitCode {
    let outcome = arguments::parse(std::env::args_os().skip(1)).and_then(run);
    match outcome {
        Ok(text) => {
            let written = io::stdout().write_all(text.as_bytes());
            ExitCode::from(if written.is_ok() { 0 } else { 3 })
        }
        Err(message) => {
            let written = writeln!(io::stderr(), "keepwhole-approver: {message}");
            ExitCode::from(if written.is_ok() { 1 } else { 3 })
        }
    }
}

fn run(asked: Asked) -> Result<String, String> {
    match asked {
        Asked::Help => Ok(HELP.to_owned()),
        Asked::NewKey {
            path,
            kind,
            rp_id,
            passphrase_file,
        } => {
            let passphrase = passphrase(passphrase_file.as_deref(), true)?;
            let key = KeyFile::create(&path, kind, &rp_id, &passphrase)?;
            Ok(enrolment(&key))
        }
        Asked::ShowKey { path } => Ok(enrolment(&KeyFile::open(&path)?)),
        Asked::Credential { path } => {
            let key = KeyFile::open(&path)?;
            let words = words::of_credential(&key.credential_id, &key.public_key.to_cose());
            say(&format!("여섯 단어 / six words: {words}\n"))?;
            Ok(key.credential() + "\n")
        }
        Asked::Show(arguments) => {
            let request = read_request(&arguments)?;
            judge(&request, &arguments)
        }
        Asked::Sign {
            key,
            decision,
            yes,
            passphrase_file,
            out,
            arguments,
        } => {
            let request = read_request(&arguments)?;
            request.check_time(now()?)?;
            let text = judge(&request, &arguments)?;
            say(&text)?;
            if !yes {
                confirm(decision)?;
            }
            let mut file = KeyFile::open(&key)?;
            let passphrase = passphrase(passphrase_file.as_deref(), false)?;
            let challenge = request.challenge(decision)?;
            let assertion = file.sign(&key, &passphrase, &challenge)?;
            let approval = Approval {
                approver: request.approver,
                assertion,
                credential_id: file.credential_id,
                decision,
                expires: request.expires,
                issued: request.issued,
                nonce: request.nonce,
                received: now()?,
                role: request.role,
            };
            let text = approval.to_text() + "\n";
            match out {
                None => Ok(text),
                Some(path) => fs::File::create_new(&path)
                    .and_then(|mut file| file.write_all(text.as_bytes()))
                    .map(|()| String::new())
                    .map_err(|why| {
                        format!("can't write `{}` as a new file: {why}", path.display())
                    }),
            }
        }
    }
}

/// What an administrator enrols: credential id and COSE key.
fn enrolment(key: &KeyFile) -> String {
    format!(
        "credential id  {}\npublic key     {}\nrelying party  {}\norigin         https://{}\n",
        URL_SAFE_NO_PAD.encode(&key.credential_id),
        URL_SAFE_NO_PAD.encode(key.public_key.to_cose()),
        key.rp_id,
        key.rp_id
    )
}

/// Decodes, compares and tells; refuses where bytes, words and command are not one.
fn judge(request: &Request, arguments: &SignArguments) -> Result<String, String> {
    let outcome = match &arguments.payload {
        None if request.command.field("raw_tx_sha256").is_some() => {
            return Err("the command names bytes: give them with `--payload FILE`".to_owned());
        }
        None => None,
        Some(path) => {
            let bytes = read(path)?;
            let network = request
                .command
                .field("network")
                .ok_or("the command names no network, so its bytes can't be decoded")?;
            let outcome = bytes::decode(&bytes, network, &arguments.known)?;
            bytes::compare(&request.command, &bytes, &outcome, &arguments.known)?;
            Some(outcome)
        }
    };
    if let Some(other) = &arguments.words {
        let ours = words::phrase(&request.command.digest());
        let theirs: Vec<&str> = other.split_whitespace().collect();
        if theirs.join(" ") != ours {
            return Err(format!(
                "the other screen shows other words: this command's are `{ours}`; one of the two does not show what is to be signed"
            ));
        }
    }
    Ok(tell::tell(
        request,
        outcome.as_ref(),
        arguments.language,
        &arguments.units,
    ))
}

fn read_request(arguments: &SignArguments) -> Result<Request, String> {
    let bytes = read(&arguments.request)?;
    let text = String::from_utf8(bytes).map_err(|_| "the request is not UTF-8".to_owned())?;
    Request::read(text.trim_end()).map_err(|why| why.to_string())
}

/// A file, or standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().take(MAX_INPUT + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut bytes))
    };
    read.map_err(|why| format!("can't read `{name}`: {why}"))?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_INPUT) {
        return Err(format!("`{name}` has more than {MAX_INPUT} bytes"));
    }
    Ok(bytes)
}

fn say(text: &str) -> Result<(), String> {
    io::stderr()
        .write_all(text.as_bytes())
        .map_err(|why| format!("can't show what is to be signed: {why}"))
}

/// Asks on the terminal; anything but the decision's own word is a no.
fn confirm(decision: Decision) -> Result<(), String> {
    say(&format!(
        "서명하려면 `{decision}`(을)를 입력하십시오. / Type `{decision}` to sign: "
    ))?;
    let mut line = String::new();
    let terminal = fs::File::open("/dev/tty")
        .map_err(|why| format!("no terminal to ask on (`--yes` signs without asking): {why}"))?;
    io::BufReader::new(terminal)
        .read_line(&mut line)
        .map_err(|why| format!("can't read the answer: {why}"))?;
    if line.trim() == decision.name() {
        Ok(())
    } else {
        Err("nothing was signed".to_owned())
    }
}

fn passphrase(file: Option<&Path>, is_new: bool) -> Result<Zeroizing<String>, String> {
    if let Some(path) = file {
        let text = fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|why| format!("can't read `{}`: {why}", path.display()))?;
        return Ok(Zeroizing::new(
            text.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|why| format!("can't read the passphrase: {why}"))
    };
    let first = ask("암호문 / passphrase: ")?;
    if is_new && *ask("다시 / again: ")? != *first {
        return Err("the two passphrases differ".to_owned());
    }
    Ok(first)
}

fn now() -> Result<u64, String> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| since.as_secs())
        .map_err(|_| "this computer's clock is before 1970".to_owned())
}
