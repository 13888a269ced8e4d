//! The keepwhole program.

use std::process::ExitCode;

fn main() -> ExitCode {
    keepwhole::cli::run(std::env::args_os())
}
