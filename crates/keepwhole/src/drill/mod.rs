//! Scenario files played on simulated time through the real core, sequencer and journal.
//!
//! A file is one story: a small exchange, things that happen at exact times, and what must then be true. [`load`]
//! reads it strictly into [`scenario`]; the adapter compiles it to commands of the core; the world feeds them to the
//! sequencer over a simulated disk with a virtual clock, kills and restarts it; then every demand is checked. Nothing
//! here takes time, randomness or a file's name into account: the same file gives the same journal head. Only demands on
//! memory and time are measured on the machine, and requests of outsiders go over a real socket.
//!
//! Absent on purpose: any second implementation of a rule. What a story demands is met by the product or not at all.

mod adapter;
mod command;
mod disk;
mod expect;
mod history;
mod imports;
pub mod load;
mod outsider;
mod persons;
mod policy;
mod proof;
mod report;
mod resources;
mod run;
pub mod scenario;
mod service;
mod survey;
mod tamper;
mod words;
mod world;

use std::path::{Path, PathBuf};

use scenario::Scenario;

pub use report::{DrillReport, Ending, Failure, FileReport, Head};

/// Plays every scenario file at `paths`, folders with everything below them, in order of path.
#[must_use]
pub fn drill(paths: &[PathBuf]) -> DrillReport {
    let mut report = DrillReport::default();
    for path in paths {
        let mut files = Vec::new();
        collect(path, &mut files);
        if files.is_empty() {
            report.missing.push(path.clone());
        }
        files.sort();
        report
            .files
            .extend(files.into_iter().map(|file| play_file(&file)));
    }
    report
}

/// Plays one story.
#[must_use]
pub fn play(scenario: &Scenario) -> Ending {
    run::play(scenario)
}

/// Adds the file at `path`, or the `.toml` files below the folder at `path`.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        // Links to folders are not followed: a folder may contain itself through one.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder
            || (path.is_file()
                && path
                    .extension()
                    .is_some_and(|extension| extension == "toml"))
        {
            collect(&path, files);
        }
    }
}

fn play_file(path: &Path) -> FileReport {
    let name = path
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let ending = match load::load(path) {
        Ok(scenario) => play(&scenario),
        Err(invalid) => Ending::Invalid(invalid),
    };
    FileReport {
        file: path.to_owned(),
        id: name,
        ending,
    }
}
