//! TigerBeetle, measured by its own `benchmark`: one replica that it starts itself, over TCP, on the disk to be measured.

use super::{BenchError, Setup, of_folder};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What one run of its benchmark says.
pub(super) struct Run {
    /// Transfers a second.
    pub(super) rate: u64,
    /// Half of the batches were answered within so many µs; it counts in whole milliseconds.
    pub(super) half: u64,
    /// All but one in a hundred were.
    pub(super) most: u64,
    /// Most memory that the replica held, KiB.
    pub(super) resident_kb: u64,
    /// Bytes by which its data file grew over that of an empty replica.
    pub(super) grown: u64,
}

/// A program that can be run.
pub(super) struct Program {
    path: PathBuf,
    dir: PathBuf,
    name: String,
}

fn failed(what: impl Into<String>) -> BenchError {
    BenchError::Peer {
        who: "TigerBeetle",
        what: what.into(),
    }
}

impl Program {
    /// The program of `--tigerbeetle`; `None` without that option.
    pub(super) fn reach(setup: &Setup) -> Result<Option<Self>, BenchError> {
        let Some(given) = &setup.tigerbeetle else {
            return Ok(None);
        };
        let shown = given.display();
        let path = std::path::absolute(given).map_err(|error| failed(error.to_string()))?;
        let dir = setup.inside("tigerbeetle");
        std::fs::create_dir_all(&dir).map_err(of_folder(&dir))?;
        let mut program = Self {
            path,
            dir,
            name: String::new(),
        };
        let said = program.run(&["version".to_owned()])?;
        let version = said
            .lines()
            .find_map(|line| line.strip_prefix("TigerBeetle version "))
            .ok_or_else(|| failed(format!("`{shown} version` does not name TigerBeetle")))?;
        program.name = format!("TigerBeetle {version} (1 replica, no history)");
        Ok(Some(program))
    }

    /// Its name and version.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes a new replica with so many accounts and has its clients send it so many transfers in batches of its own
    /// largest size.
    pub(super) fn benchmark(
        &self,
        accounts: u32,
        clients: u32,
        transfers: u64,
    ) -> Result<Run, BenchError> {
        let said = self.run(&[
            "benchmark".to_owned(),
            format!("--account-count={accounts}"),
            format!("--transfer-count={transfers}"),
            format!("--clients={clients}"),
            "--no-history".to_owned(),
            "--query-count=0".to_owned(),
        ])?;
        let number = |what: &str| {
            number_after(&said, what)
                .ok_or_else(|| failed(format!("its benchmark does not say `{what}`")))
        };
        let milliseconds = |what| Ok::<_, BenchError>(number(what)?.saturating_mul(1_000));
        let (empty, full) = (number("datafile empty")?, number("datafile ")?);
        Ok(Run {
            rate: number("load accepted")?,
            half: milliseconds("batch latency p50")?,
            most: milliseconds("batch latency p99")?,
            resident_kb: number("rss")? / 1_024,
            grown: full.saturating_sub(empty),
        })
    }

    fn run(&self, arguments: &[String]) -> Result<String, BenchError> {
        let ended = Command::new(&self.path)
            .args(arguments)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = ended.map_err(|error| failed(format!("`{}`: {error}", self.path.display())))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&stderr);
        let told = said.lines().find(|line| line.contains("error"));
        let told = told.or_else(|| said.lines().last()).unwrap_or("nothing");
        Err(failed(format!(
            "`{}` ended with {status}; it says `{told}`",
            arguments.join(" ")
        )))
    }
}

/// The number behind ` = ` in the line that begins with `what`.
fn number_after(said: &str, what: &str) -> Option<u64> {
    let line = said.lines().find(|line| {
        let after = line.strip_prefix(what);
        after.is_some_and(|after| after.trim_start().starts_with('='))
    })?;
    let (_, after) = line.split_once('=')?;
    after.split_whitespace().next()?.parse().ok()
}
