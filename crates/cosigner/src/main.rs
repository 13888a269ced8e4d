//! `keepwhole-responder`: answers the approval callbacks of custody vendors with keys that live only here.

use clap::Parser;
use keepwhole_cosigner::command::{self, Verb};
use std::process::ExitCode;

/// Answers Fireblocks' co-signer callback and BitGo's policy webhook; the verdicts come from keepwhole's guard.
#[derive(Debug, Parser)]
#[command(name = "keepwhole-responder", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 2 usage, 3 refused or failed")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

fn main() -> ExitCode {
    match command::run(&Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}
