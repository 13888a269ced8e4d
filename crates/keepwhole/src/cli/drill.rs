//! The verb `drill`: play scenario files and say which hold.

use std::path::PathBuf;

use clap::Args;

use crate::drill::drill;

/// Play scenario files on simulated time through the real guard and journal.
///
/// Example: keepwhole drill scenarios/theft
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Scenario files, or folders with some below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

/// Runs the verb: 0 all passed; 1 some failed, are unsupported or invalid; 2 no such path; 3 our fault.
#[must_use]
pub fn run(args: &DrillArgs) -> u8 {
    let report = drill(&args.paths);
    if args.json {
        println!("{:#}", report.json());
    } else {
        println!("{report}");
    }
    report.exit_code()
}
