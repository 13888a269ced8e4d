//! The file `keys/tokens` of an installation: made, read, and changed whole.

use jiff::civil::Date;
use keepwhole_edge::tokens::{CERTIFICATES_MAX, TokenFault, Tokens};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Name of the file in an installation.
pub const TOKENS: &str = "keys/tokens";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Why the file could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// A file operation failed.
    #[error("can't {doing} `{}`: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others can read it.
    #[error("`{}` can be read by others (mode {mode:o}); `chmod 600 {}`", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line is wrong.
    #[error("`{}`, {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which, and what is wrong.
        fault: TokenFault,
    },
    /// There is an identity of that name.
    #[error("an identity `{name}` is there already; remove it first, or choose another name")]
    Known {
        /// The name.
        name: String,
    },
    /// There is no identity of that name.
    #[error("no identity `{name}`; `keepwhole token list` shows all")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

/// All identities of the installation in `dir`, and when the file was changed last; none where there is no file.
///
/// # Errors
/// [`TokenFileError`].
pub fn read_tokens(dir: &Path) -> Result<(Tokens, SystemTime), TokenFileError> {
    let path = dir.join(TOKENS);
    let (text, changed) = match read_text(&path)? {
        Some(read) => read,
        None => return Ok((Tokens::default(), SystemTime::UNIX_EPOCH)),
    };
    match Tokens::parse(&text) {
        Ok(tokens) => Ok((tokens, changed)),
        Err(fault) => Err(TokenFileError::Line { path, fault }),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TokenFileError {
    let path = path.to_path_buf();
    move |source| TokenFileError::Io {
        doing,
        path,
        source,
    }
}

fn read_text(path: &Path) -> Result<Option<(String, SystemTime)>, TokenFileError> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("look at", path)(error)),
    };
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_path_buf();
        return Err(TokenFileError::Open { path, mode });
    }
    let changed = about.modified().map_err(failed("look at", path))?;
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    Ok(Some((text, changed)))
}

/// An identity that is to be made.
#[derive(Clone, Debug)]
pub struct NewIdentity<'n> {
    /// Its name.
    pub name: &'n str,
    /// Word of its scope.
    pub scope: &'n str,
    /// First day, UTC, on which it no longer counts.
    pub until: Date,
    /// SHA-256 of the client certificate that it is bound to.
    pub certificate: Option<[u8; 32]>,
    /// Whether it has a token; without one the certificate alone identifies.
    pub token: bool,
}

/// Adds an identity and returns its token, which is kept nowhere, if it is to have one.
///
/// # Errors
/// [`TokenFileError`].
pub fn add_token(dir: &Path, new: &NewIdentity<'_>) -> Result<Option<String>, TokenFileError> {
    let (known, _) = read_tokens(dir)?;
    if known.all().iter().any(|token| token.name == new.name) {
        let name = new.name.to_owned();
        return Err(TokenFileError::Known { name });
    }
    let token = if new.token {
        Some(random_token()?)
    } else {
        None
    };
    let path = dir.join(TOKENS);
    let mut text = read_text(&path)?.map_or_else(String::new, |(text, _)| text);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let bound: Vec<[u8; 32]> = new.certificate.into_iter().collect();
    let line = Tokens::bound_line(new.name, new.scope, token.as_deref(), new.until, &bound);
    text.push_str(&line);
    replace(&path, &text)?;
    Ok(token)
}

fn random_token() -> Result<String, TokenFileError> {
    let mut random = [0; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(|_| TokenFileError::Random)?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("kw_{token}"))
}

/// Binds an identity to one more certificate; beyond the most that it may have, the oldest no longer counts.
///
/// # Errors
/// [`TokenFileError`].
pub fn bind_certificate(
    dir: &Path,
    name: &str,
    certificate: [u8; 32],
) -> Result<(), TokenFileError> {
    let path = dir.join(TOKENS);
    let (known, _) = read_tokens(dir)?;
    let Some(token) = known.all().iter().find(|token| token.name == name) else {
        let name = name.to_owned();
        return Err(TokenFileError::Unknown { name });
    };
    let mut bound = token.certificates().to_vec();
    bound.retain(|one| *one != certificate);
    bound.push(certificate);
    let more = bound.len().saturating_sub(CERTIFICATES_MAX);
    let line = token.line_with(bound.get(more..).unwrap_or_default());
    let text = read_text(&path)?.map_or_else(String::new, |(text, _)| text);
    let lines: String = text
        .lines()
        .map(|old| match is_of(old, name) {
            true => line.clone(),
            false => format!("{old}\n"),
        })
        .collect();
    replace(&path, &lines)
}

/// Whether a line of the file is that of an identity.
fn is_of(line: &str, name: &str) -> bool {
    !line.starts_with('#') && line.split_ascii_whitespace().next() == Some(name)
}

/// Removes an identity.
///
/// # Errors
/// [`TokenFileError`].
pub fn remove_token(dir: &Path, name: &str) -> Result<(), TokenFileError> {
    let path = dir.join(TOKENS);
    read_tokens(dir)?;
    let text = read_text(&path)?.map_or_else(String::new, |(text, _)| text);
    let of_it = |line: &str| is_of(line, name);
    if !text.lines().any(of_it) {
        let name = name.to_owned();
        return Err(TokenFileError::Unknown { name });
    }
    let rest: String = text
        .lines()
        .filter(|line| !of_it(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    replace(&path, &rest)
}

/// Puts the new file in the place of the old one, whole or not at all, and only if it can be read again.
fn replace(path: &Path, text: &str) -> Result<(), TokenFileError> {
    if let Err(fault) = Tokens::parse(text) {
        let path = path.to_path_buf();
        return Err(TokenFileError::Line { path, fault });
    }
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed("make", &beside))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed("write", &beside))?;
    fs::rename(&beside, path).map_err(failed("replace", path))?;
    if let Some(folder) = path.parent() {
        let folder = fs::File::open(folder).and_then(|folder| folder.sync_all());
        folder.map_err(failed("sync the folder of", path))?;
    }
    Ok(())
}
