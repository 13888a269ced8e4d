//! Runs the commands that the documents show: every `sh` block of README.md and docs/ against the release build.

mod blocks;
mod runner;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) use blocks::blocks;

use crate::command::pass_through;
use crate::stages::{Outcome, judge};

/// The stage `readme`: builds the program, then runs the blocks of each document in a folder of its own.
pub(crate) fn stage(root: &Path) -> Outcome {
    match documents(root) {
        Ok(files) => run_files(root, &files),
        Err(error) => Outcome::Failed(error),
    }
}

/// `cargo xtask readme [FILE...]`.
pub(crate) fn run_alone(root: &Path, files: &[&str]) -> ExitCode {
    let named: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let outcome = if named.is_empty() {
        stage(root)
    } else {
        run_files(root, &named)
    };
    match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Failed(why) | Outcome::Skipped(why) => {
            println!("FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

/// README.md and every Markdown file under docs/, sorted.
fn documents(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn run_files(root: &Path, files: &[PathBuf]) -> Outcome {
    if !pass_through(root, "cargo", &["build", "--release", "--quiet"]) {
        return Outcome::Failed("the release build failed".to_owned());
    }
    let (mut ran, mut failed) = (0, 0);
    for file in files {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                return Outcome::Failed(format!("cannot read {}: {error}", file.display()));
            }
        };
        let name = file
            .strip_prefix(root)
            .unwrap_or(file)
            .display()
            .to_string();
        match runner::run(root, &name, &blocks(&text), &root.join("target/release")) {
            Ok(count) => {
                ran += count.ran;
                failed += count.failed;
            }
            Err(error) => return Outcome::Failed(error),
        }
    }
    println!("{ran} blocks run, {failed} failed");
    judge(
        failed == 0 && ran > 0,
        "a command that the documents show does not work, see above",
    )
}
