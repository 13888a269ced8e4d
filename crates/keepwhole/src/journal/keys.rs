//! Secret keys in files: created once with mode 0600, refused when anybody else can read them.
//!
//! A key file is one line, `PRIVATE+KEY+<name>+<key id>+<base64(0x01 || seed)>`, the form other signed-note tools use. The
//! log's key may lie in a token instead ([`super::token`]); its file then holds no secret but says which key of the token
//! it is: `PKCS11+KEY+<verifier key>` and `label <label>`. docs/log-key.md.

use super::error::JournalError;
use super::layout;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _, VerifierKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// What the first line of a file begins with whose key lies in a token.
const TOKEN_LINE: &str = "PKCS11+KEY+";
/// Longest label of a key in a token, in bytes.
const LABEL_MAX: usize = 64;
/// Longest file with a secret that is read, in bytes.
const PRIVATE_MAX: usize = 4_096;

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

/// A key that lies in a token, as its file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Its label in the token (`CKA_LABEL`).
    pub label: String,
    /// The public key that every one of its signatures must verify under.
    pub key: VerifierKey,
}

/// What a key's file holds.
#[derive(Debug)]
pub enum Kept {
    /// The secret key itself.
    Secret(Ed25519Signer),
    /// Which key of the token it is.
    Token(TokenKey),
}

impl Kept {
    /// The public side.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        match self {
            Self::Secret(signer) => signer.key(),
            Self::Token(key) => &key.key,
        }
    }
}

/// Whether `label` can be a key's label: 1 to 64 printable ASCII characters, no space at either end.
#[must_use]
pub fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX).contains(&label.len())
        && label.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && label.trim() == label
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
) -> Result<(Ed25519Signer, Zeroizing<String>), keepwhole_verify::note::NoteError> {
    let signer = Ed25519Signer::new(name, seed)?;
    let mut secret = Zeroizing::new([1; 33]);
    for (to, from) in secret.iter_mut().skip(1).zip(seed) {
        *to = *from;
    }
    let id = u32::from_be_bytes(signer.key().id());
    let secret = Zeroizing::new(STANDARD.encode(secret.as_slice()));
    let line = format!("PRIVATE+KEY+{name}+{id:08x}+{}\n", *secret);
    Ok((signer, Zeroizing::new(line)))
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
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| fault(said, format!("can't be made: {error}")))?;
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

/// Writes down which key of the token the installation's key is; never replaces a file.
///
/// # Errors
/// [`JournalError::Key`] when there is one already, or the system fails.
pub fn refer(root: &Path, which: KeyFile, to: &TokenKey) -> Result<(), JournalError> {
    let text = format!("{TOKEN_LINE}{}\nlabel {}\n", to.key, to.label);
    store(&root.join(which.path()), &text)
        .map_err(|error| fault(which.path(), format!("can't be written: {error}")))
}

/// What the file of a key holds, after a check that only its owner can read it and that it is of this origin.
///
/// # Errors
/// [`JournalError::Key`] naming what is wrong and how to repair it.
pub fn kept(root: &Path, which: KeyFile, origin: &str) -> Result<Kept, JournalError> {
    read(&root.join(which.path()), which.path(), &which.name(origin))
}

/// The public side of a key, wherever its secret lies.
///
/// # Errors
/// As [`kept`].
pub fn public(root: &Path, which: KeyFile, origin: &str) -> Result<VerifierKey, JournalError> {
    Ok(kept(root, which, origin)?.key().clone())
}

/// Loads a key whose secret lies in its file, checked as by [`kept`].
///
/// # Errors
/// As [`kept`]; [`JournalError::Key`] for a key that lies in a token.
pub fn load(root: &Path, which: KeyFile, origin: &str) -> Result<Ed25519Signer, JournalError> {
    in_file(kept(root, which, origin)?, which.path())
}

/// As [`load`], for a key of this name in a file anywhere.
///
/// # Errors
/// As [`load`].
pub fn load_at(path: &Path, name: &str) -> Result<Ed25519Signer, JournalError> {
    let said = path.display().to_string();
    in_file(read(path, &said, name)?, &said)
}

fn in_file(kept: Kept, said: &str) -> Result<Ed25519Signer, JournalError> {
    match kept {
        Kept::Secret(signer) => Ok(signer),
        Kept::Token(_) => Err(fault(
            said,
            "names a key in a token; here it must be in a file",
        )),
    }
}

/// The text of a file that holds a secret, which is refused when anybody but its owner may read or write it.
///
/// # Errors
/// What is wrong, in words that follow the file's name.
pub fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let unreadable = |error: io::Error| format!("can't be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "has mode `{mode:04o}`; only its owner may read it, run `chmod 600` on it"
        ));
    }
    // Made as large as it can become, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(PRIVATE_MAX));
    file.take(PRIVATE_MAX as u64)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

fn read(path: &Path, said: &str, name: &str) -> Result<Kept, JournalError> {
    let text = read_private(path).map_err(|what| fault(said, what))?;
    let kept = match text.strip_prefix(TOKEN_LINE) {
        Some(rest) => token_key(rest).map(Kept::Token),
        None => secret_key(&text, name).map(Kept::Secret),
    };
    let kept = kept.map_err(|what| fault(said, what))?;
    if kept.key().name() == name {
        Ok(kept)
    } else {
        Err(fault(said, format!("is not the key of `{name}`")))
    }
}

/// The key that a file names after `PKCS11+KEY+`.
fn token_key(rest: &str) -> Result<TokenKey, String> {
    let wrong = || {
        String::from(
            "is not `PKCS11+KEY+<verifier key>` with a line `label <1 to 64 printable characters>` under it",
        )
    };
    let (key, label) = rest
        .strip_suffix('\n')
        .and_then(|lines| lines.split_once("\nlabel "))
        .ok_or_else(wrong)?;
    if !is_label(label) {
        return Err(wrong());
    }
    let key = VerifierKey::parse(key).map_err(|error| error.to_string())?;
    let label = label.to_owned();
    Ok(TokenKey { label, key })
}

/// The secret key on the one line of `text`.
fn secret_key(text: &str, name: &str) -> Result<Ed25519Signer, String> {
    // The base64 may hold a plus, the name and the id may not.
    let fields = text
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix("PRIVATE+KEY+"));
    let seed = fields
        .and_then(|fields| fields.splitn(3, '+').nth(2))
        .and_then(|key| {
            let key = Zeroizing::new(STANDARD.decode(key).ok()?);
            Some(Zeroizing::new(
                <[u8; 32]>::try_from(key.strip_prefix(&[1])?).ok()?,
            ))
        });
    let seed = seed.ok_or("is not `PRIVATE+KEY+<name>+<id>+<base64>`")?;
    let (signer, line) = encode(name, &seed).map_err(|error| error.to_string())?;
    if *line == text {
        Ok(signer)
    } else {
        Err(format!("is not the key of `{name}`"))
    }
}
