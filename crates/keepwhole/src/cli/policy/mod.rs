//! The verb `policy`: a policy as a file that is checked, shown, compared, explained, replayed and adopted.

mod adopt;
mod backtest;
mod check;
mod diff;
mod explain;
mod show;

use super::exit::{Exit, Failure};
use crate::installation::Reading;
use crate::policy::journal::WalkError;
use crate::policy::{Names, PolicyFile, Refused, read_bytes};
use clap::{Args, Subcommand};
use std::fs;
use std::path::Path;

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// Say what a policy contradicts, leaves open, can't fill, or does less than law asks.
    #[command(
        after_help = "Examples:\n  keepwhole policy check policies/small.toml\n  keepwhole policy check next.toml --data exchange --json"
    )]
    Check(check::CheckArgs),
    /// Write out the policy in force, or an earlier one, as a file.
    #[command(
        after_help = "Examples:\n  keepwhole policy show --data exchange\n  keepwhole policy show --data exchange --version 3"
    )]
    Show(show::ShowArgs),
    /// Say for each field whether it gets looser or tighter, and what adopting needs.
    #[command(
        after_help = "Examples:\n  keepwhole policy diff old.toml new.toml\n  keepwhole policy diff 3 new.toml --data exchange"
    )]
    Diff(diff::DiffArgs),
    /// Say why a request stands as it does: each rule, what it saw, what would release it.
    #[command(
        after_help = "Examples:\n  keepwhole policy explain w-1042 --data exchange\n  keepwhole policy explain request.toml --data exchange"
    )]
    Explain(explain::ExplainArgs),
    /// Put the requests of the journal before another policy and count what would have come out.
    #[command(
        after_help = "Examples:\n  keepwhole policy backtest next.toml --data exchange\n  keepwhole policy backtest next.toml --data exchange --from 2026-10-01T00:00:00+09:00 --out backtest.html"
    )]
    Backtest(backtest::BacktestArgs),
    /// Adopt the first policy of an installation, or propose the next one.
    #[command(
        after_help = "Example:\n  keepwhole policy adopt next.toml --data exchange --actor kim"
    )]
    Adopt(adopt::AdoptArgs),
}

impl PolicyArgs {
    /// Whether the answer is JSON.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.verb {
            PolicyVerb::Check(args) => args.json,
            PolicyVerb::Show(args) => args.data.json,
            PolicyVerb::Diff(args) => args.json,
            PolicyVerb::Explain(args) => args.data.json,
            PolicyVerb::Backtest(args) => args.data.json,
            PolicyVerb::Adopt(args) => args.data.json,
        }
    }
}

/// Runs it.
///
/// # Errors
/// [`Failure`] with exit 1 for what is refused, 2 for a file that can't be read, 3 for a damaged store.
pub fn run(args: &PolicyArgs) -> Result<Exit, Failure> {
    match &args.verb {
        PolicyVerb::Check(args) => check::run(args),
        PolicyVerb::Show(args) => show::run(args),
        PolicyVerb::Diff(args) => diff::run(args),
        PolicyVerb::Explain(args) => explain::run(args),
        PolicyVerb::Backtest(args) => backtest::run(args),
        PolicyVerb::Adopt(args) => adopt::run(args),
    }
}

/// The bytes of a file that was named.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let message = format!(
            "can't read `{}`: {error}; give the path of a file that you may read",
            path.display()
        );
        Failure::usage("unreadable_file", message)
    })
}

/// Reads a policy file.
fn read_file(path: &Path, known: Option<&Names>) -> Result<PolicyFile, Failure> {
    let place = path.display().to_string();
    let read = read_bytes(&place, &bytes_of(path)?, known);
    read.map_err(|refused| of_refused(&refused))
}

fn of_refused(refused: &Refused) -> Failure {
    let message = match refused.faults.len() {
        1 => refused.to_string(),
        many => format!("{many} faults\n{refused}"),
    };
    Failure::usage("policy_file", message)
}

fn of_walk(dir: &Path, error: &WalkError) -> Failure {
    match error {
        WalkError::Journal(journal) => Failure::of_journal(dir, journal),
        WalkError::NotARecord(_) | WalkError::Stopped => {
            Failure::fault("not_folded", format!("in `{}`: {error}", dir.display()))
        }
    }
}

fn open(dir: &Path) -> Result<Reading, Failure> {
    Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))
}
