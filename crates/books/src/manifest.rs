//! `manifest.json` beside files of books: what each holds, so that a lost or doubled row is noticed before anything is
//! recorded.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the file.
pub const NAME: &str = "manifest.json";
/// The form that this program writes and reads.
pub const SCHEMA: &str = "keepwhole-books/1";

/// What the files of a folder hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The files.
    pub files: Vec<FileTotals>,
}

/// What one file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTotals {
    /// Its name in the folder.
    pub file: String,
    /// Its rows, the header left out.
    pub rows: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Number of entries of the journal behind it, where it was written by an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_size: Option<u64>,
    /// Control totals by asset, minor units as text: the sum of debits and of credits, or of balances as credits.
    #[serde(default)]
    pub totals: BTreeMap<String, Totals>,
}

/// Control totals of an asset, minor units as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Sum of debits.
    pub debit: String,
    /// Sum of credits.
    pub credit: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if manifest.schema != SCHEMA {
            return Err(format!(
                "`schema` is `{}` and must be `{SCHEMA}`",
                manifest.schema
            ));
        }
        Ok(manifest)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|_| String::new(), |text| text + "\n")
    }
}

/// A digest in hexadecimal.
#[must_use]
pub fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
