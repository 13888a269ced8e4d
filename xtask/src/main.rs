//! The project's own checks: `cargo xtask test` runs all of them, `cargo xtask tidy` and `cargo xtask readme` one each.

use std::path::PathBuf;
use std::process::ExitCode;

mod browser;
mod command;
mod generate;
mod prerequisites;
mod readme;
mod stages;
mod tidy;

const HELP: &str = "\
usage: cargo xtask test [STAGE...]   run every stage, or only those named, and count them
       cargo xtask tidy              run the project's own rules alone
       cargo xtask readme [FILE...]  run the `sh` blocks of README.md and docs/, or of the files named
       cargo xtask generate          write the documents that come from code (docs/events.md)
       cargo xtask --help            print this

example: cargo xtask test tidy lints

exit codes: 0 all passed or skipped by name, 1 a stage failed, 2 wrong usage

stages of `cargo xtask test`, in order:
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    match words.as_slice() {
        ["--help" | "-h" | "help"] => {
            print!("{HELP}{}", stages::described());
            ExitCode::SUCCESS
        }
        ["test", "--help" | "-h"] => {
            print!("{HELP}{}", stages::described());
            ExitCode::SUCCESS
        }
        ["test", chosen @ ..] => stages::run(&root, chosen),
        ["tidy"] => stages::run(&root, &["tidy"]),
        ["generate"] => generate::run(&root),
        ["readme", files @ ..] => readme::run_alone(&root, files),
        _ => {
            eprint!("{HELP}{}", stages::described());
            ExitCode::from(2)
        }
    }
}

/// The root of the project: the folder above this crate's, as cargo says when it runs this, else as it was built.
fn root() -> PathBuf {
    let said = std::env::var("CARGO_MANIFEST_DIR");
    let here = PathBuf::from(said.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned()));
    here.parent().unwrap_or(&here).to_path_buf()
}
