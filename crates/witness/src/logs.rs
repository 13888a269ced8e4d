//! Which logs the witness speaks about: a text file with one verifier key a line, the key's name being the log's origin.

use crate::error::WitnessError;
use crate::files::read_text;
use keepwhole_verify::checkpoint::is_origin;
use keepwhole_verify::note::{KeyKind, VerifierKey};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the list in a witness's folder.
pub const LOGS: &str = "logs.txt";
/// Largest list that is read, bytes.
const MOST: u64 = 1024 * 1024;

/// The trusted keys of each origin. A log that rotated its key has more than one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedLogs {
    keys: BTreeMap<String, Vec<VerifierKey>>,
}

impl TrustedLogs {
    /// Reads a list: a verifier key a line, optionally behind the word `log`, so that the first line of a trust file can
    /// stand here as it is; empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// The line's number and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut logs = Self::default();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = line.strip_prefix("log ").unwrap_or(line).trim();
            let key =
                VerifierKey::parse(key).map_err(|error| format!("line `{number}`: {error}"))?;
            if key.kind() != KeyKind::Ed25519 || !is_origin(key.name()) {
                return Err(format!(
                    "line `{number}`: `{}` is no key that signs a log's checkpoints",
                    key.name()
                ));
            }
            let keys = logs.keys.entry(key.name().to_owned()).or_default();
            if keys.contains(&key) {
                return Err(format!("line `{number}` repeats a key"));
            }
            keys.push(key);
        }
        if logs.keys.is_empty() {
            return Err(String::from("names no log; write one verifier key a line"));
        }
        Ok(logs)
    }

    /// Reads the list from a file.
    ///
    /// # Errors
    /// [`WitnessError::File`] with line and cause, [`WitnessError::Io`].
    pub fn load(path: &Path) -> Result<Self, WitnessError> {
        let fault = |fault: String| WitnessError::File {
            path: path.to_path_buf(),
            fault,
        };
        let text = read_text(path, MOST)?
            .ok_or_else(|| fault(String::from("is missing; write one verifier key a line")))?;
        Self::parse(&text).map_err(fault)
    }

    /// The trusted keys of the log with this origin; `None` for a log that is not known.
    #[must_use]
    pub fn keys(&self, origin: &str) -> Option<&[VerifierKey]> {
        self.keys.get(origin).map(Vec::as_slice)
    }

    /// The known origins in order.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}
