//! The witness's secret key: made once, stored with mode 0600, refused when others can read it.
//!
//! The file is one line, `PRIVATE+KEY+<name>+<key id>+<base64(0x04 || seed)>`, the form other witnesses use.

use crate::error::WitnessError;
use crate::files::{failed, read_text, replace};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_verify::cosignature::Witness as Cosigner;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Name of the key file in a witness's folder.
pub const KEY: &str = "witness.key";
/// The type byte of Ed25519 cosignatures (c2sp.org/tlog-cosignature).
const KIND: u8 = 4;

fn path_in(dir: &Path) -> PathBuf {
    dir.join(KEY)
}

fn encode(name: &str, seed: &[u8; 32]) -> Option<(Cosigner, String)> {
    let cosigner = Cosigner::new(name, seed).ok()?;
    let mut secret = vec![KIND];
    secret.extend_from_slice(seed);
    let id = u32::from_be_bytes(cosigner.key().id());
    let line = format!("PRIVATE+KEY+{name}+{id:08x}+{}\n", STANDARD.encode(secret));
    Some((cosigner, line))
}

/// Makes a new key from the system's randomness and stores it durably.
///
/// # Errors
/// [`WitnessError::Name`], [`WitnessError::Io`].
pub fn create(dir: &Path, name: &str) -> Result<Cosigner, WitnessError> {
    let path = path_in(dir);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| WitnessError::File {
        path: path.clone(),
        fault: format!("can't be made, the system gives no randomness: {error}"),
    })?;
    let (cosigner, line) = encode(name, &seed).ok_or_else(|| WitnessError::Name {
        name: name.to_owned(),
    })?;
    replace(&path, line.as_bytes())?;
    Ok(cosigner)
}

/// Loads the key.
///
/// # Errors
/// [`WitnessError::NoWitness`]; [`WitnessError::File`] for a key that others can read or that is no key.
pub fn load(dir: &Path) -> Result<Cosigner, WitnessError> {
    let path = path_in(dir);
    let fault = |fault: String| WitnessError::File {
        path: path.clone(),
        fault,
    };
    let text = read_text(&path, 4_096)?.ok_or_else(|| WitnessError::NoWitness {
        dir: dir.to_path_buf(),
    })?;
    let mode = fs::metadata(&path)
        .map_err(failed("read", &path))?
        .permissions()
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(fault(format!(
            "has mode `{mode:04o}`; only its owner may read it, run `chmod 600` on it"
        )));
    }
    // The base64 may hold a plus, the name and the id may not.
    let mut fields = text
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix("PRIVATE+KEY+"))
        .unwrap_or_default()
        .splitn(3, '+');
    let (name, secret) = (fields.next().unwrap_or_default(), fields.nth(1));
    let seed = secret
        .and_then(|secret| STANDARD.decode(secret).ok())
        .and_then(|secret| <[u8; 32]>::try_from(secret.strip_prefix(&[KIND])?).ok());
    let made = seed.and_then(|seed| encode(name, &seed));
    match made {
        Some((cosigner, line)) if line == text => Ok(cosigner),
        _ => Err(fault(String::from(
            "is not `PRIVATE+KEY+<name>+<id>+<base64>` of a witness; restore it from a copy",
        ))),
    }
}
