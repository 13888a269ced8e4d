//! How the witnesses stand: written by the running program to `log/witnesses.json`, read by `status`.

use crate::journal::{Disk as _, RealDisk};
use crate::text::{Lang, span};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Where it lies in an installation.
pub const STANDING: &str = "log/witnesses.json";
/// Above this age the last quorum is a finding, ms.
const OLD_MS: u64 = 10 * 60 * 1_000;

/// How one witness stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessStanding {
    /// Its name in the policy.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Entries of the last head that it co-signed.
    pub size: Option<u64>,
    /// When, ms since the epoch.
    pub at: Option<u64>,
    /// Why it did not co-sign the last time it was asked.
    pub fault: Option<String>,
}

/// How all of them stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries of the last head that was sent to the witnesses.
    pub sent: u64,
    /// When the quorum was last met, ms since the epoch.
    pub quorum_at: Option<u64>,
    /// Entries of the head that it was met for.
    pub quorum_size: Option<u64>,
    /// The witnesses, in the order of the policy.
    pub witnesses: Vec<WitnessStanding>,
    /// The alarm, in words.
    pub alarm: Option<String>,
}

impl Standing {
    /// Reads it; `None` where the program never ran with witnesses.
    #[must_use]
    pub fn read(dir: &Path) -> Option<Self> {
        let bytes = RealDisk::at(dir).read(STANDING).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes it in one step.
    ///
    /// # Errors
    /// As the system reports.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        RealDisk::at(dir).write_atomic(STANDING, &bytes)
    }

    /// Lines for `status` at `now` (ms since the epoch).
    #[must_use]
    pub fn lines(&self, now: u64) -> Vec<String> {
        let ago = |at: u64| span(now.saturating_sub(at), Lang::En);
        let mut lines = vec![match (self.quorum_at, self.quorum_size) {
            (Some(at), Some(size)) => {
                format!(
                    "witnesses     quorum met {} ago for {size} of {} entries",
                    ago(at),
                    self.sent
                )
            }
            _ => String::from("witnesses     quorum never met"),
        }];
        for witness in &self.witnesses {
            let name = &witness.name;
            let last = match (witness.size, witness.at) {
                (Some(size), Some(at)) => format!(
                    "{} behind, co-signed {} ago",
                    self.sent.saturating_sub(size),
                    ago(at)
                ),
                _ => String::from("never co-signed"),
            };
            let fault = witness
                .fault
                .as_ref()
                .map_or_else(String::new, |fault| format!("; {fault}"));
            lines.push(format!("  {name}: {last}{fault}"));
        }
        lines
    }

    /// What calls for action at `now`, a sentence each.
    #[must_use]
    pub fn findings(&self, now: u64) -> Vec<String> {
        let mut found: Vec<String> = self.alarm.iter().cloned().collect();
        match self.quorum_at {
            None => found.push(String::from("the quorum of witnesses was never met")),
            Some(at) if now.saturating_sub(at) > OLD_MS => found.push(format!(
                "the quorum of witnesses was last met {} ago",
                span(now.saturating_sub(at), Lang::En)
            )),
            Some(_) => {}
        }
        found
    }
}
