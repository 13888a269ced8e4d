//! Loads law files: from the program itself or from a folder, each file whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use keepwhole_core::law::{Day, LawSet, RuleRecord};
use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use super::check::{self, Index};
use super::criteria::{self, CriteriaCount};
use super::draft::{self, Draft, Top};

/// Schema of a file of rules.
pub const RULES_SCHEMA: &str = "keepwhole-law/1";
/// Schema of a file of certification criteria.
pub const CRITERIA_SCHEMA: &str = "keepwhole-criteria/1";

/// A law file's name and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Name of the file, without its folder.
    pub name: String,
    /// The file as it stands.
    pub bytes: Vec<u8>,
}

/// A folder or file of law that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system refused.
    #[error("can't read law from `{path}`: {cause}; give a readable folder of law files")]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The folder holds no law file.
    #[error("no `*.toml` in `{path}`; give the folder that holds the law files")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

impl SourceFile {
    /// The files shipped inside the program, so that it runs without any folder.
    #[must_use]
    pub fn shipped() -> Vec<Self> {
        let files: [(&str, &str); 8] = [
            ("ccss.toml", include_str!("../../../../law/ccss.toml")),
            ("eu.toml", include_str!("../../../../law/eu.toml")),
            ("hk.toml", include_str!("../../../../law/hk.toml")),
            ("isms-p.toml", include_str!("../../../../law/isms-p.toml")),
            ("jp.toml", include_str!("../../../../law/jp.toml")),
            ("kr.toml", include_str!("../../../../law/kr.toml")),
            ("sg.toml", include_str!("../../../../law/sg.toml")),
            ("us.toml", include_str!("../../../../law/us.toml")),
        ];
        files
            .into_iter()
            .map(|(name, text)| Self {
                name: name.into(),
                bytes: text.into(),
            })
            .collect()
    }

    /// Every `*.toml` of a folder, by name.
    ///
    /// # Errors
    /// [`LoadError`] if the folder or one of its files can't be read, or if it holds none.
    pub fn folder(path: &Path) -> Result<Vec<Self>, LoadError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| LoadError::Unreadable { path, cause }
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable(path))? {
            let file = entry.map_err(unreadable(path))?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let name = file
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                files.push(Self {
                    name,
                    bytes: std::fs::read(&file).map_err(unreadable(&file))?,
                });
            }
        }
        if files.is_empty() {
            return Err(LoadError::Empty {
                path: path.to_owned(),
            });
        }
        files.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(files)
    }
}

/// Why a file is refused. A file with one refusal is refused whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Number of the reject rule of `law/README.md`, 1 to 11.
    pub rule: u8,
    /// Name of the file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Id of the record; empty for the file itself.
    pub record: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        if !self.record.is_empty() {
            write!(out, ": record `{}`", self.record)?;
        }
        write!(
            out,
            ": {} (reject rule {}); {}",
            self.reason, self.rule, self.fix
        )
    }
}

/// A doubt about a record or file that is loaded all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Name of the file.
    pub file: String,
    /// Id of the record; empty for the file itself.
    pub record: String,
    /// What is doubtful.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.record.is_empty() {
            write!(out, "{}: {}", self.file, self.reason)
        } else {
            write!(
                out,
                "{}: record `{}`: {}",
                self.file, self.record, self.reason
            )
        }
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// Name of the file.
    pub name: String,
    /// SHA-256 of its bytes, for the record of a decision.
    pub sha256: [u8; 32],
    /// Records in it, accepted or not.
    pub records: usize,
    /// Whether the whole file was accepted.
    pub accepted: bool,
}

/// The outcome of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// The rules of the accepted files.
    pub set: LawSet,
    /// What became of each file, in the order given.
    pub files: Vec<FileSummary>,
    /// Every reason for every refused file.
    pub refusals: Vec<Refusal>,
    /// Doubts about accepted files.
    pub warnings: Vec<Warning>,
    /// Counts of the accepted criteria files.
    pub criteria: Vec<CriteriaCount>,
}

impl Load {
    /// Warnings about one record.
    pub fn warnings_of(&self, record: &str) -> impl Iterator<Item = &Warning> {
        self.warnings
            .iter()
            .filter(move |warning| warning.record == record)
    }

    /// Whether every file was accepted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refusals.is_empty()
    }
}

/// A file's text with the means to name a line of it.
pub(super) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        Self {
            starts: text.match_indices('\n').map(|(at, _)| at + 1).collect(),
        }
    }

    /// The line of a byte, from 1.
    pub(super) fn at(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }
}

struct RulesFile {
    name: String,
    top: Option<Top>,
    drafts: Vec<Draft>,
}

/// Loads files. `today` is the day for the warning about old files; without it that warning is not given.
#[must_use]
pub fn load(files: &[SourceFile], today: Option<Day>) -> Load {
    let mut out = Load::default();
    let mut rules = Vec::new();
    for file in files {
        let records = match read(file, &mut out) {
            Some(Read::Rules(read)) => {
                let count = read.drafts.len();
                rules.push(read);
                count
            }
            Some(Read::Criteria(count)) => {
                let records = count.entries;
                out.criteria.push(count);
                records
            }
            None => 0,
        };
        let sha256 = Sha256::digest(&file.bytes).into();
        out.files.push(FileSummary {
            name: file.name.clone(),
            sha256,
            records,
            accepted: true,
        });
    }
    check_all(&rules, today, &mut out);
    let refused: BTreeSet<&str> = out
        .refusals
        .iter()
        .map(|refusal| refusal.file.as_str())
        .collect();
    for file in &mut out.files {
        file.accepted = !refused.contains(file.name.as_str());
    }
    out.criteria
        .retain(|count| !refused.contains(count.file.as_str()));
    let accepted: Vec<RuleRecord> = rules
        .iter()
        .filter(|file| !refused.contains(file.name.as_str()))
        .filter_map(|file| Some((file.top.as_ref()?, &file.drafts)))
        .flat_map(|(top, drafts)| drafts.iter().filter_map(|draft| draft.record(top)))
        .collect();
    out.warnings
        .retain(|warning| !refused.contains(warning.file.as_str()));
    // Ids are unique: a file that uses one a second time was refused above.
    out.set = LawSet::new(accepted).unwrap_or_default();
    out
}

enum Read {
    Rules(RulesFile),
    Criteria(CriteriaCount),
}

fn read(file: &SourceFile, out: &mut Load) -> Option<Read> {
    let mut refuse = |line, reason: String, fix: &str| {
        let file = file.name.clone();
        out.refusals.push(Refusal {
            rule: 1,
            file,
            line,
            record: String::new(),
            reason,
            fix: fix.into(),
        });
    };
    let text = match std::str::from_utf8(&file.bytes) {
        Ok(text) => text,
        Err(cause) => {
            refuse(
                None,
                format!("not UTF-8 at byte {}", cause.valid_up_to()),
                "save the file as UTF-8",
            );
            return None;
        }
    };
    let lines = Lines::of(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(cause) => {
            let line = cause.span().map(|span| lines.at(span.start));
            refuse(
                line,
                format!("not TOML: {}", cause.message()),
                "correct the syntax of that line",
            );
            return None;
        }
    };
    match table
        .get("schema")
        .and_then(|schema| schema.as_ref().as_str())
    {
        Some(CRITERIA_SCHEMA) => Some(Read::Criteria(criteria::check(
            &file.name, &table, &lines, out,
        ))),
        Some(RULES_SCHEMA) => Some(Read::Rules(read_rules(file, &table, &lines, out))),
        found => {
            let reason = match found {
                Some(schema) => format!("unknown schema `{schema}`"),
                None => "no `schema`".into(),
            };
            refuse(
                None,
                reason,
                "write `schema = \"keepwhole-law/1\"` or `\"keepwhole-criteria/1\"` at the top",
            );
            None
        }
    }
}

fn read_rules(file: &SourceFile, table: &DeTable<'_>, lines: &Lines, out: &mut Load) -> RulesFile {
    let mut refuse = |rule, line, reason: String, fix: &str| {
        let file = file.name.clone();
        out.refusals.push(Refusal {
            rule,
            file,
            line,
            record: String::new(),
            reason,
            fix: fix.into(),
        });
    };
    for key in table.keys() {
        if !matches!(
            key.as_ref().as_ref(),
            "schema" | "jurisdiction" | "timezone" | "currency" | "as_of" | "rule"
        ) {
            let line = Some(lines.at(key.span().start));
            refuse(
                2,
                line,
                format!("unknown key `{}`", key.as_ref()),
                "remove it or correct its name",
            );
        }
    }
    let top = Top::read(table).map_err(|missing| {
        for key in missing {
            refuse(
                1,
                None,
                format!("`{key}` missing or not of its type"),
                "write it at the top of the file",
            );
        }
    });
    let mut drafts = Vec::new();
    match table
        .get("rule")
        .map(|rules| (rules.span(), rules.as_ref()))
    {
        None => {}
        Some((_, DeValue::Array(rules))) => {
            for rule in rules.iter() {
                let line = lines.at(rule.span().start);
                match rule.as_ref() {
                    DeValue::Table(rule) => drafts.push(draft::read(
                        &file.name,
                        rule,
                        line,
                        lines,
                        &mut out.refusals,
                    )),
                    _ => refuse_shape(&file.name, line, &mut out.refusals),
                }
            }
        }
        Some((span, _)) => refuse_shape(&file.name, lines.at(span.start), &mut out.refusals),
    }
    RulesFile {
        name: file.name.clone(),
        top: top.ok(),
        drafts,
    }
}

fn refuse_shape(file: &str, line: usize, refusals: &mut Vec<Refusal>) {
    refusals.push(Refusal {
        rule: 2,
        file: file.into(),
        line: Some(line),
        record: String::new(),
        reason: "`rule` is not an array of tables".into(),
        fix: "write each rule under its own `[[rule]]`".into(),
    });
}

fn check_all(files: &[RulesFile], today: Option<Day>, out: &mut Load) {
    let mut index: Index<'_> = BTreeMap::new();
    for file in files {
        for draft in &file.drafts {
            check::identity(&file.name, draft, &index, &mut out.refusals);
            index.entry(draft.id.as_str()).or_insert(draft);
        }
    }
    for file in files {
        if let (Some(top), Some(today)) = (&file.top, today) {
            check::age(&file.name, top, today, &mut out.warnings);
        }
        for draft in &file.drafts {
            let mut case = check::Case {
                file: &file.name,
                draft,
                as_of: file.top.as_ref().map(|top| top.as_of),
                index: &index,
                refusals: &mut out.refusals,
                warnings: &mut out.warnings,
            };
            case.check();
            if let Some(record) = file.top.as_ref().and_then(|top| draft.record(top)) {
                case.check_clock(&record);
            }
        }
    }
}
