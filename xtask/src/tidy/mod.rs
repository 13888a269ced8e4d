//! Tidy: the rules that protect readers and determinism and that no other tool checks.
//!
//! A rule is a function from the files to slips. It is added when it would have caught a real slip, and has a test in
//! which it catches one. Every message says where, what, and what to do instead.

mod documents;
mod purity;
mod rust_text;
mod shape;
mod tables;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::stages::Outcome;

/// Folders and files that hold nothing of ours.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "demo-out"];

/// The text files of the project, by their path from its root, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
}

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What it is, and what to do instead.
    pub(crate) what: String,
}

impl fmt::Display for Slip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

type Rule = fn(&Tree, &mut Vec<Slip>);

const RULES: &[Rule] = &[
    shape::empty_files,
    shape::long_files,
    shape::opening_sentence,
    purity::no_std,
    purity::no_floats_maps_or_casts,
    purity::own_clippy_file,
    documents::paths_exist,
    documents::blocks_are_run,
    documents::fault_tests_exist,
    tables::reasons_have_rows,
    tables::events_are_catalogued,
    words::forbidden,
];

/// The stage `tidy`.
pub(crate) fn stage(root: &Path) -> Outcome {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => return Outcome::Failed(error),
    };
    let slips = tree.slips();
    for slip in &slips {
        println!("{slip}");
    }
    println!(
        "{} files, {} rules, {} slips",
        tree.files.len(),
        RULES.len(),
        slips.len()
    );
    if slips.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{} slips, see above", slips.len()))
    }
}

impl Tree {
    /// Reads every text file below `root`. A file that is not UTF-8 is a picture or the like and is left out.
    fn read(root: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let failed =
                |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if NOT_OURS.contains(&name.as_str()) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                if let (Ok(text), Ok(inside)) = (String::from_utf8(bytes), path.strip_prefix(root))
                {
                    tree.files
                        .insert(inside.to_string_lossy().replace('\\', "/"), text);
                }
            }
        }
        Ok(tree)
    }

    /// Everything that is not as it should be, in order of path and line.
    fn slips(&self) -> Vec<Slip> {
        let mut slips = Vec::new();
        for rule in RULES {
            rule(self, &mut slips);
        }
        slips.sort_by(|left, right| (&left.path, left.line).cmp(&(&right.path, right.line)));
        slips
    }

    /// The Rust sources: their paths and texts.
    fn rust(&self) -> impl Iterator<Item = (&String, &String)> {
        self.files.iter().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// True if there is such a file, or a folder with a file in it.
    fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|known| known.starts_with(&folder))
    }
}

/// A tree of the files given, and what one rule says about it: for the tests of the rules.
#[cfg(test)]
fn said(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    let mut slips = Vec::new();
    rule(&Tree { files }, &mut slips);
    slips.iter().map(ToString::to_string).collect()
}
