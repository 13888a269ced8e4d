//! The vault key: what wraps the keys of persons. In a file today; behind a trait, so that a token can hold it.

use crate::files::{self, Files};
use crate::seal::{NONCE_BYTES, decrypt, encrypt};
use crate::{VaultError, vault::random};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// Folder of the vault keys.
pub const FOLDER: &str = "key";
/// Before number and key in a key file.
const WORD: &str = "keepwhole-vault-key/1";

/// Whoever holds the vault key. Keys have numbers; the largest is the current one.
pub trait VaultKeys {
    /// Number of the current key.
    fn current(&self) -> u64;
    /// Wraps a secret under the current key: nonce and ciphertext.
    ///
    /// # Errors
    /// [`VaultError`] as the holder reports.
    fn wrap(&self, secret: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, VaultError>;
    /// Opens what the key of that number wrapped; `None` where it does not open or that key is gone.
    fn unwrap(&self, number: u64, wrapped: &[u8], bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
    /// Makes a new key, durable, and the current one. Older ones stay until they are destroyed.
    ///
    /// # Errors
    /// [`VaultError`] as the holder reports.
    fn renew(&mut self) -> Result<u64, VaultError>;
    /// Destroys every key but the current one.
    ///
    /// # Errors
    /// [`VaultError`] as the holder reports.
    fn destroy_older(&mut self) -> Result<(), VaultError>;
}

/// Vault keys in files of mode 0600 or 0400.
pub struct FileKeys<F> {
    files: F,
    keys: BTreeMap<u64, Zeroizing<[u8; 32]>>,
}

impl<F> fmt::Debug for FileKeys<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileKeys({} keys)", self.keys.len())
    }
}

fn path_of(number: u64) -> String {
    format!("{FOLDER}/{number:020}")
}

fn parse(text: &[u8]) -> Option<(u64, Zeroizing<[u8; 32]>)> {
    let line = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let mut words = line.split(' ');
    if words.next() != Some(WORD) {
        return None;
    }
    let number = words.next()?.parse().ok()?;
    let hex = words.next()?;
    let mut key = Zeroizing::new([0; 32]);
    if hex.len() != 64 || words.next().is_some() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some((number, key))
}

impl<F: Files> FileKeys<F> {
    /// Loads all keys of the folder; none where there is none.
    ///
    /// # Errors
    /// [`VaultError::Key`] for a file that others can read or that is no key, with the repair.
    pub fn load(files: F) -> Result<Self, VaultError> {
        let mut keys = Self {
            files,
            keys: BTreeMap::new(),
        };
        for path in files::list(&keys.files, FOLDER)? {
            if path.ends_with(files::TEMPORARY) {
                files::destroy(&mut keys.files, &path)?;
                continue;
            }
            let fault = |fault: String| VaultError::Key {
                path: path.clone(),
                fault,
            };
            let mode = files::mode(&keys.files, &path)?.unwrap_or(0);
            if mode & !0o600 != 0 {
                let say = format!(
                    "has mode `{mode:04o}`; only its owner may read it, run `chmod 600` on it"
                );
                return Err(fault(say));
            }
            let text = Zeroizing::new(files::read(&keys.files, &path)?.unwrap_or_default());
            if text.iter().all(|byte| *byte == 0) {
                // Destroyed, and the process ended before the name was gone.
                files::destroy(&mut keys.files, &path)?;
                continue;
            }
            let (number, key) = parse(&text)
                .filter(|(number, _)| path_of(*number) == path)
                .ok_or_else(|| {
                    fault("is not a vault key; restore it from where you keep it".to_owned())
                })?;
            keys.keys.insert(number, key);
        }
        Ok(keys)
    }

    /// True where there is no key yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<F: Files> VaultKeys for FileKeys<F> {
    fn current(&self) -> u64 {
        self.keys.keys().next_back().copied().unwrap_or(0)
    }

    fn wrap(&self, secret: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.keys.values().next_back().ok_or(VaultError::NoVault)?;
        let nonce = random::<NONCE_BYTES>()?;
        let sealed = encrypt(key, &nonce, secret, bound_to);
        let sealed = sealed.ok_or(VaultError::Record("it is too large to be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unwrap(&self, number: u64, wrapped: &[u8], bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>()?;
        decrypt(self.keys.get(&number)?, nonce, sealed, bound_to)
    }

    fn renew(&mut self) -> Result<u64, VaultError> {
        let number = self.current().saturating_add(1);
        let key = random::<32>()?;
        let mut line = format!("{WORD} {number} ");
        for byte in key.iter() {
            line.push_str(&format!("{byte:02x}"));
        }
        line.push('\n');
        let written = files::put(&mut self.files, &path_of(number), line.as_bytes());
        line.zeroize();
        written?;
        self.keys.insert(number, key);
        Ok(number)
    }

    fn destroy_older(&mut self) -> Result<(), VaultError> {
        let current = self.current();
        let older: Vec<u64> = self
            .keys
            .keys()
            .copied()
            .filter(|number| *number < current)
            .collect();
        for number in older {
            files::destroy(&mut self.files, &path_of(number))?;
            self.keys.remove(&number);
        }
        Ok(())
    }
}
