//! Which logs the witness speaks about: a text file with one verifier key a line, the key's name being the log's origin.

use crate::error::WitnessError;
use crate::files::read_text;
use keepwhole_verify::checkpoint::is_origin;
use keepwhole_verify::decimal::parse_u63;
use keepwhole_verify::note::{KeyKind, Verified, VerifierKey};
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
    /// Former keys, and the largest head that each may have signed.
    retired: Vec<(VerifierKey, u64)>,
}

impl TrustedLogs {
    /// Reads a list: a verifier key a line, optionally behind the word `log`, so that the first line of a trust file can
    /// stand here as it is, or `retired`, a former key and the largest size of a head that it may have signed; empty lines and
    /// lines that begin with `#` say nothing.
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
            let (key, until) = match line.strip_prefix("retired ") {
                None => (line.strip_prefix("log ").unwrap_or(line).trim(), None),
                Some(rest) => {
                    let told = rest.trim().rsplit_once(' ');
                    let told = told.and_then(|(key, size)| Some((key.trim(), parse_u63(size)?)));
                    let (key, until) = told.ok_or_else(|| {
                        format!("line `{number}`: `retired` takes a key and a size")
                    })?;
                    (key, Some(until))
                }
            };
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
            keys.push(key.clone());
            logs.retired.extend(until.map(|until| (key, until)));
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

    /// Whether a key that the log had at this size is among those that signed.
    #[must_use]
    pub fn count(&self, verified: &Verified, size: u64) -> bool {
        verified.signed.iter().any(|signed| {
            let retired = self.retired.iter().find(|(key, _)| *key == signed.key);
            retired.is_none_or(|(_, until)| size <= *until)
        })
    }

    /// The known origins in order.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}
