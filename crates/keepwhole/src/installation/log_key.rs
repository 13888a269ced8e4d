//! Where the log's key lies: in a file of the installation, or in a token that `[log_key]` of `keepwhole.toml` names.
//!
//! Either is opened as the same thing, a [`LogSigner`]; nothing else in the program asks which it is. docs/log-key.md.

use super::{InstallationError, read_origin};
use crate::edges::read_settings;
use crate::journal::JournalError;
use crate::journal::keys::{self, Kept, KeyFile, TokenKey};
use crate::journal::token::{TokenAccess, TokenError, TokenSigner};
use keepwhole_edge::settings::FILE;
use keepwhole_verify::note::{NoteError, NoteSigner, SignatureLine, VerifierKey};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Signs for the log, wherever the key lies; clones share one key.
#[derive(Clone)]
pub struct LogSigner(Arc<dyn NoteSigner + Send + Sync>);

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.key())
    }
}

impl NoteSigner for LogSigner {
    fn key(&self) -> &VerifierKey {
        self.0.key()
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        self.0.sign(text)
    }
}

/// A key that is to be made in a token, or that lies there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InToken {
    /// Its label.
    pub label: String,
    /// It lies there already.
    pub existing: bool,
}

/// Where a new log key is to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// In a file of the installation.
    File,
    /// In the token that is reached so.
    Token(TokenAccess, InToken),
}

fn fault(which: KeyFile, fault: impl Into<String>) -> InstallationError {
    let path = which.path().to_owned();
    let fault = fault.into();
    JournalError::Key { path, fault }.into()
}

fn of_token(which: KeyFile, error: &TokenError) -> InstallationError {
    fault(which, format!("names a key that can't be used: {error}"))
}

/// How the token of the installation in `dir` is reached; `None` where it has none.
///
/// # Errors
/// [`InstallationError::Settings`] for a wrong `keepwhole.toml`.
pub(super) fn access(dir: &Path) -> Result<Option<TokenAccess>, InstallationError> {
    let settings =
        read_settings(dir).map_err(|error| InstallationError::Settings(error.to_string()))?;
    Ok(settings.log_key.map(|found| TokenAccess {
        module: found.module,
        token: found.token,
        pin_file: dir.join(found.pin_file),
    }))
}

/// Opens a key of the log for signing.
///
/// # Errors
/// [`JournalError::Key`] for a file that is wrong or a token that can't be used; [`InstallationError::Settings`].
pub fn open(dir: &Path, which: KeyFile, origin: &str) -> Result<LogSigner, InstallationError> {
    match keys::kept(dir, which, origin)? {
        Kept::Secret(signer) => Ok(LogSigner(Arc::new(signer))),
        Kept::Token(key) => {
            let access = access(dir)?.ok_or_else(|| {
                fault(
                    which,
                    format!(
                        "names key `{}` of a token, and `{FILE}` has no section `[log_key]` that says how the token is reached",
                        key.label
                    ),
                )
            })?;
            let signer = TokenSigner::open(access, key).map_err(|error| of_token(which, &error))?;
            Ok(LogSigner(Arc::new(signer)))
        }
    }
}

/// Makes a new log key where `new` says, and writes into the installation which it is.
///
/// # Errors
/// As [`open`]; where there is one already.
pub(super) fn make(
    dir: &Path,
    which: KeyFile,
    origin: &str,
    new: &NewKey,
) -> Result<LogSigner, InstallationError> {
    match new {
        NewKey::File => Ok(LogSigner(Arc::new(keys::create(dir, which, origin)?))),
        NewKey::Token(access, key) => {
            let named = if key.existing {
                access.take(&key.label, &which.name(origin))
            } else {
                access.make(&key.label, &which.name(origin))
            };
            let named = named.map_err(|error| of_token(which, &error))?;
            keys::refer(dir, which, &named)?;
            open(dir, which, origin)
        }
    }
}

/// Where the next key of the log in `dir` is to lie: in the token where it is named, else in a file.
///
/// # Errors
/// [`InstallationError::Rotation`] where that would bring the key out of its token unsaid, or no token is known.
pub fn next(dir: &Path, key: Option<InToken>) -> Result<NewKey, InstallationError> {
    let origin = read_origin(dir)?;
    match key {
        Some(key) => match access(dir)? {
            Some(access) => Ok(NewKey::Token(access, key)),
            None => Err(InstallationError::Rotation(format!(
                "`{FILE}` has no section `[log_key]` that says how the token of key `{}` is reached",
                key.label
            ))),
        },
        None => match keys::kept(dir, KeyFile::Log, &origin) {
            Ok(Kept::Token(TokenKey { label, .. })) => Err(InstallationError::Rotation(format!(
                "the log's key `{label}` lies in a token; name the next one with `--key-label`"
            ))),
            // The key before may be lost.
            _ => Ok(NewKey::File),
        },
    }
}

/// Writes the section `[log_key]` into a new installation's `keepwhole.toml`.
pub(super) fn write_settings(dir: &Path, access: &TokenAccess) -> Result<(), InstallationError> {
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let text = format!(
        "version = 1\n\n# The token that holds the log's key: docs/log-key.md.\n[log_key]\npkcs11_module = {}\ntoken = {}\npin_file = {}\n",
        quoted(&access.module),
        toml::Value::String(access.token.clone()),
        quoted(&access.pin_file),
    );
    let path = dir.join(FILE);
    fs::write(&path, text).map_err(InstallationError::io("write", &path))?;
    // What was written is what will be read.
    match self::access(dir)? {
        Some(read) if read == *access => Ok(()),
        _ => Err(InstallationError::Settings(format!(
            "`{}` does not read back as it was written; give paths in UTF-8",
            path.display()
        ))),
    }
}
