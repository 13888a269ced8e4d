//! Certification criteria files (ISMS-P, CCSS): checked lightly and counted.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::{Lines, Load, Refusal, Warning};

/// How many entries a criteria file has, by the evidence that a journal gives for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CriteriaCount {
    /// Name of the file.
    pub file: String,
    /// Name of the standard, as the file gives it.
    pub standard: String,
    /// Entries with an id, in every list of the file.
    pub entries: usize,
    /// Entries and levels by `evidence`: `automatic`, `partial`, `manual`.
    pub by_evidence: BTreeMap<String, usize>,
}

/// Checks ids (each once) and numbers (no float), and that the file's own `[count]` agrees with what it lists.
pub(super) fn check(
    file: &str,
    table: &DeTable<'_>,
    lines: &Lines,
    out: &mut Load,
) -> CriteriaCount {
    let standard = table
        .get("standard")
        .and_then(|name| name.as_ref().as_str())
        .unwrap_or_default();
    let mut count = CriteriaCount {
        file: file.into(),
        standard: standard.into(),
        ..CriteriaCount::default()
    };
    let mut seen = BTreeSet::new();
    let mut criteria: BTreeMap<&str, u64> = BTreeMap::new();
    for (list, value) in table {
        for entry in value
            .as_ref()
            .as_array()
            .into_iter()
            .flat_map(|entries| entries.iter())
        {
            let Some(entry_table) = entry.as_ref().as_table() else {
                continue;
            };
            let id = entry_table
                .get("id")
                .and_then(|id| id.as_ref().as_str())
                .unwrap_or_default();
            count.entries += 1;
            count_evidence(entry_table, &mut count.by_evidence);
            if list.as_ref() == "criterion" {
                *criteria.entry("criteria").or_default() += 1;
                let evidence = entry_table
                    .get("evidence")
                    .and_then(|evidence| evidence.as_ref().as_str());
                *criteria.entry(evidence.unwrap_or_default()).or_default() += 1;
            }
            if id.is_empty() || !seen.insert(id.to_owned()) {
                let reason = if id.is_empty() {
                    "no `id`".into()
                } else {
                    format!("id `{id}` used twice")
                };
                let fix = "give each entry an id of its own";
                refuse(3, file, lines.at(entry.span().start), id, reason, fix, out);
            }
        }
        floats(file, list.as_ref(), value, lines, out);
    }
    compare(file, table, &criteria, out);
    count
}

fn refuse(
    rule: u8,
    file: &str,
    line: usize,
    record: &str,
    reason: String,
    fix: &str,
    out: &mut Load,
) {
    let (file, record) = (file.to_owned(), record.to_owned());
    out.refusals.push(Refusal {
        rule,
        file,
        line: Some(line),
        record,
        reason,
        fix: fix.into(),
    });
}

fn count_evidence(entry: &DeTable<'_>, by_evidence: &mut BTreeMap<String, usize>) {
    if let Some(evidence) = entry
        .get("evidence")
        .and_then(|evidence| evidence.as_ref().as_str())
    {
        *by_evidence.entry(evidence.to_owned()).or_default() += 1;
    }
    let levels = entry
        .get("level")
        .and_then(|levels| levels.as_ref().as_array());
    for level in levels.into_iter().flat_map(|levels| levels.iter()) {
        if let Some(level) = level.as_ref().as_table() {
            count_evidence(level, by_evidence);
        }
    }
}

fn floats(file: &str, key: &str, node: &Spanned<DeValue<'_>>, lines: &Lines, out: &mut Load) {
    match node.as_ref() {
        DeValue::Float(_) => {
            let line = lines.at(node.span().start);
            refuse(
                7,
                file,
                line,
                "",
                format!("float in `{key}`"),
                "write a whole number",
                out,
            );
        }
        DeValue::Array(items) => items
            .iter()
            .for_each(|item| floats(file, key, item, lines, out)),
        DeValue::Table(rows) => {
            for (key, item) in rows {
                floats(file, key.as_ref(), item, lines, out);
            }
        }
        _ => {}
    }
}

/// Warns where the file's `[count]` states another number of criteria than it lists.
fn compare(file: &str, table: &DeTable<'_>, found: &BTreeMap<&str, u64>, out: &mut Load) {
    let Some(stated) = table
        .get("count")
        .and_then(|count| count.as_ref().as_table())
    else {
        return;
    };
    for key in ["criteria", "automatic", "partial", "manual"] {
        let number = stated
            .get(key)
            .and_then(|number| number.as_ref().as_integer());
        let stated = number.and_then(|number| number.as_str().parse::<u64>().ok());
        let listed = found.get(key).copied().unwrap_or_default();
        if stated.is_some_and(|stated| stated != listed) {
            let reason = format!("`count.{key}` differs from the {listed} listed");
            out.warnings.push(Warning {
                file: file.into(),
                record: String::new(),
                reason,
            });
        }
    }
}
