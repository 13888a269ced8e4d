//! `keepwhole-witness`: a small program that watches transparency logs for whoever must be sure of them.

use clap::Parser;
use keepwhole_witness::command::{self, Verb};
use std::process::ExitCode;

/// Watches transparency logs: checks that each new head grows from the last, remembers it, co-signs.
#[derive(Debug, Parser)]
#[command(name = "keepwhole-witness", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 a log contradicted itself, 2 usage, 3 refused or failed"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

fn main() -> ExitCode {
    match command::run(&Cli::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}
