//! What a drill found, for people and for programs.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::load::Invalid;

/// The journal's head after a story: the same file gives the same head on every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Leaves of the tree.
    pub size: u64,
    /// RFC 9162 root over them.
    pub root: [u8; 32],
}

/// One thing that is not as the story demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where: `expect 3`, `event 2`, `given`.
    pub place: String,
    /// The kind of demand or event there, or `invariant`.
    pub kind: String,
    /// The line of the file.
    pub line: usize,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
}

/// How one file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every demand and invariant holds.
    Passed(Head),
    /// Some do not.
    Failed(Vec<Failure>, Head),
    /// The format knows something that this build can't play yet.
    Unsupported(String),
    /// The file is no scenario.
    Invalid(Invalid),
    /// The drill itself broke.
    OurFault(String),
}

/// One file's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// Its scenario's id; the file's name where it is no scenario.
    pub id: String,
    /// How it ended.
    pub ending: Ending,
}

/// Every file's result, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrillReport {
    /// Files that were played.
    pub files: Vec<FileReport>,
    /// Paths that name no scenario file.
    pub missing: Vec<PathBuf>,
}

impl DrillReport {
    /// How many files passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.files
            .iter()
            .filter(|file| matches!(file.ending, Ending::Passed(_)))
            .count()
    }

    /// How many did not, for whatever reason.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.files.len().saturating_sub(self.passed())
    }

    /// 0 all passed; 1 failed, unsupported or invalid; 2 no such path; 3 our fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self
            .files
            .iter()
            .any(|file| matches!(file.ending, Ending::OurFault(_)))
        {
            3
        } else if !self.missing.is_empty() || self.files.is_empty() {
            2
        } else {
            u8::from(self.failed() > 0)
        }
    }

    /// The report for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema": "keepwhole-drill/1",
            "files": self.files.iter().map(FileReport::json).collect::<Vec<_>>(),
            "missing": self.missing.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "passed": self.passed(),
            "failed": self.failed(),
        })
    }
}

impl FileReport {
    fn json(&self) -> Value {
        let mut entry = json!({ "file": self.file.display().to_string(), "id": self.id });
        let (result, more) = match &self.ending {
            Ending::Passed(head) => ("passed", json!({ "journal": head.json() })),
            Ending::Failed(failures, head) => {
                let failures: Vec<_> = failures.iter().map(Failure::json).collect();
                (
                    "failed",
                    json!({ "journal": head.json(), "failures": failures }),
                )
            }
            Ending::Unsupported(what) => ("unsupported", json!({ "kind": what })),
            Ending::Invalid(invalid) => (
                "invalid",
                json!({ "line": invalid.line, "message": invalid.message }),
            ),
            Ending::OurFault(why) => ("fault", json!({ "message": why })),
        };
        entry["result"] = result.into();
        if let (Some(entry), Value::Object(more)) = (entry.as_object_mut(), more) {
            entry.extend(more);
        }
        entry
    }
}

impl Head {
    fn json(self) -> Value {
        let root: String = self.root.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "size": self.size, "root": root })
    }
}

impl Failure {
    fn json(&self) -> Value {
        json!({
            "place": self.place,
            "kind": self.kind,
            "line": self.line,
            "expected": self.expected,
            "actual": self.actual,
        })
    }
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FileReport { id, ending, .. } in &self.files {
            match ending {
                Ending::Passed(_) => writeln!(f, "ok {id}")?,
                Ending::Failed(failures, _) => {
                    for failure in failures {
                        let Failure {
                            place,
                            kind,
                            expected,
                            actual,
                            ..
                        } = failure;
                        writeln!(
                            f,
                            "FAIL {id}: {place} {kind}: expected {expected}, actual {actual}"
                        )?;
                    }
                }
                Ending::Unsupported(what) => writeln!(f, "unsupported {id}: {what}")?,
                Ending::Invalid(invalid) => writeln!(f, "invalid {invalid}")?,
                Ending::OurFault(why) => writeln!(f, "FAULT {id}: {why}")?,
            }
        }
        for path in &self.missing {
            writeln!(
                f,
                "no scenario file at `{}`: name a .toml file or a folder with some",
                path.display()
            )?;
        }
        write!(f, "{} passed, {} failed", self.passed(), self.failed())
    }
}
