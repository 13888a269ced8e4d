//! `policy check`: whether a file can be adopted.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::wall_clock;
use super::{open, read_file};
use crate::policy::{Finding, Names, PolicyFile, Severity, Unchecked, adopt, fails};
use crate::sequencer::Until;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments of `policy check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The policy file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Compare with the assets, wallets, networks and people of this installation.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON for programs.
    #[arg(long)]
    pub(super) json: bool,
}

/// Checks the file; errors are exit 1.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let names = match &args.data {
        None => None,
        Some(dir) => Some(names_of(dir)?),
    };
    let file = read_file(&args.file, names.as_ref())?;
    let findings = findings(&file)?;
    Output::new(args.json).answer(&text(&file, &findings), &value(&file, &findings))?;
    Ok(if fails(&findings) {
        Exit::Refused
    } else {
        Exit::Done
    })
}

/// The names of an installation as they stand now.
pub(super) fn names_of(dir: &Path) -> Result<Names, Failure> {
    let state = open(dir)?
        .state(Until::End)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    Ok(Names::of_registry(&state.registry, wall_clock()?))
}

/// What the check finds, against the shipped law as it stands today.
pub(super) fn findings(file: &PolicyFile) -> Result<Vec<Finding>, Failure> {
    adopt::findings(file, wall_clock()?).map_err(|why| of_unchecked(&why))
}

/// The check could not be made.
pub(super) fn of_unchecked(why: &Unchecked) -> Failure {
    match why {
        Unchecked::Clock => Failure::fault("clock", why.to_string()),
        Unchecked::Law(_) => Failure::fault("law", why.to_string()),
        Unchecked::Demands(_) => Failure::fault("law_demands", why.to_string()),
    }
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings
        .iter()
        .filter(|found| found.severity == severity)
        .count()
}

fn plural(count: usize, word: &str) -> String {
    match count {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    }
}

/// Findings for people.
pub(super) fn text(file: &PolicyFile, findings: &[Finding]) -> String {
    let policy = &file.policy;
    let mut said: Vec<String> = findings
        .iter()
        .map(|found| found.text(&file.file))
        .collect();
    said.push(format!(
        "{}: version {}, {}, {}: {}, {}, {}",
        file.file,
        policy.version,
        plural(policy.rules.len(), "rule"),
        plural(policy.budgets.len(), "budget"),
        plural(count(findings, Severity::Error), "error"),
        plural(count(findings, Severity::Warning), "warning"),
        plural(count(findings, Severity::Note), "note"),
    ));
    said.join("\n")
}

fn value(file: &PolicyFile, findings: &[Finding]) -> Value {
    json!({
        "file": file.file,
        "version": file.policy.version,
        "rules": file.policy.rules.len(),
        "budgets": file.policy.budgets.len(),
        "compared_with": if file.names.is_registered() { "journal" } else { "file" },
        "passes": !fails(findings),
        "findings": findings.iter().map(Finding::json).collect::<Vec<_>>(),
    })
}
