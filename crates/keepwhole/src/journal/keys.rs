//! Secret keys in files: created once with mode 0600, refused when anybody else can read them.
//!
//! A key file is one line, `PRIVATE+KEY+<name>+<key id>+<base64(0x01 || seed)>`, the form other signed-note tools use.

use super::error::JournalError;
use super::layout;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Which key of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// Signs checkpoints; named as the origin.
    Log,
    /// The log's next key, prepared for a rotation.
    NextLog,
    /// Signs evidence bundles; named `<origin>/bundle`.
    Bundle,
    /// Signs clearances and redemptions; named `<origin>/guard`.
    Guard,
}

impl KeyFile {
    /// Where its file lies in an installation.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Log => layout::LOG_KEY,
            Self::NextLog => layout::NEXT_LOG_KEY,
            Self::Bundle => layout::BUNDLE_KEY,
            Self::Guard => layout::GUARD_KEY,
        }
    }

    /// The key's name in an installation with this origin.
    #[must_use]
    pub fn name(self, origin: &str) -> String {
        match self {
            Self::Log | Self::NextLog => origin.to_owned(),
            Self::Bundle => format!("{origin}/bundle"),
            Self::Guard => keepwhole_verify::clearance::guard_name(origin),
        }
    }
}

fn fault(path: &str, fault: impl std::fmt::Display) -> JournalError {
    JournalError::Key {
        path: path.to_owned(),
        fault: fault.to_string(),
    }
}

fn encode(
    name: &str,
    seed: &[u8; 32],
) -> Result<(Ed25519Signer, String), keepwhole_verify::note::NoteError> {
    let signer = Ed25519Signer::new(name, seed)?;
    let mut secret = vec![1];
    secret.extend_from_slice(seed);
    let id = u32::from_be_bytes(signer.key().id());
    let line = format!("PRIVATE+KEY+{name}+{id:08x}+{}\n", STANDARD.encode(secret));
    Ok((signer, line))
}

/// Makes a new key from the system's randomness and stores it durably; never replaces one.
///
/// # Errors
/// [`JournalError::Key`] when there is one already, the name is no key name, or the system fails.
pub fn create(root: &Path, which: KeyFile, origin: &str) -> Result<Ed25519Signer, JournalError> {
    make(&root.join(which.path()), which.path(), &which.name(origin))
}

/// As [`create`], for a key of this name in a file anywhere.
///
/// # Errors
/// As [`create`].
pub fn create_at(path: &Path, name: &str) -> Result<Ed25519Signer, JournalError> {
    make(path, &path.display().to_string(), name)
}

fn make(path: &Path, said: &str, name: &str) -> Result<Ed25519Signer, JournalError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| fault(said, format!("can't be made: {error}")))?;
    let (signer, line) = encode(name, &seed).map_err(|error| fault(said, error))?;
    store(path, &line).map_err(|error| fault(said, format!("can't be written: {error}")))?;
    Ok(signer)
}

fn store(path: &Path, line: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if !folder.exists() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Loads a key and checks that only its owner can read it and that it is the key of this origin.
///
/// # Errors
/// [`JournalError::Key`] naming what is wrong and how to repair it.
pub fn load(root: &Path, which: KeyFile, origin: &str) -> Result<Ed25519Signer, JournalError> {
    read(&root.join(which.path()), which.path(), &which.name(origin))
}

/// As [`load`], for a key of this name in a file anywhere.
///
/// # Errors
/// As [`load`].
pub fn load_at(path: &Path, name: &str) -> Result<Ed25519Signer, JournalError> {
    read(path, &path.display().to_string(), name)
}

fn read(path: &Path, said: &str, name: &str) -> Result<Ed25519Signer, JournalError> {
    let unreadable = |error: io::Error| fault(said, format!("can't be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(fault(
            said,
            format!("has mode `{mode:04o}`; only its owner may read it, run `chmod 600` on it"),
        ));
    }
    let mut text = String::new();
    file.take(4_096)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    // The base64 may hold a plus, the name and the id may not.
    let fields = text
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix("PRIVATE+KEY+"));
    let seed = fields
        .and_then(|fields| fields.splitn(3, '+').nth(2))
        .and_then(|key| {
            let key = STANDARD.decode(key).ok()?;
            <[u8; 32]>::try_from(key.strip_prefix(&[1])?).ok()
        });
    let seed = seed.ok_or_else(|| fault(said, "is not `PRIVATE+KEY+<name>+<id>+<base64>`"))?;
    let (signer, line) = encode(name, &seed).map_err(|error| fault(said, error))?;
    if line == text {
        Ok(signer)
    } else {
        Err(fault(said, format!("is not the key of `{name}`")))
    }
}
