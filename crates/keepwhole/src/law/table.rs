//! Answers about the loaded law: a list, one rule in full, the rules of a day; as text and as JSON.

use std::fmt::Write as _;

use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use keepwhole_core::law::{Area, Day, LawSet, RuleRecord, Standing, Status, Value, standing_on};
use keepwhole_verify::json::to_hex;
use serde_json::json;

use super::load::Load;
use super::words;

/// Width of a text table in characters.
const WIDTH: u16 = 140;

/// Which rules to list. Nothing given means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LawFilter {
    /// Two letters, as in the files; case does not matter.
    pub jurisdiction: Option<String>,
    /// Part of the duties.
    pub area: Option<Area>,
    /// Status on the day of knowledge.
    pub status: Option<Status>,
}

impl LawFilter {
    fn takes(&self, rule: &RuleRecord) -> bool {
        self.jurisdiction
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(&rule.jurisdiction))
            && self.area.is_none_or(|wanted| wanted == rule.area)
            && self.status.is_none_or(|wanted| wanted == rule.status)
    }
}

/// One rule in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawRow {
    /// The rule itself.
    pub rule: RuleRecord,
    /// How it stands on the table's day.
    pub standing: Standing,
    /// Doubts about it.
    pub warnings: Vec<String>,
}

/// Rules on a day, with everything a reader needs to judge them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawTable {
    /// The day the standings are for.
    pub day: Day,
    /// SHA-256 that names the whole loaded set.
    pub set_digest: [u8; 32],
    /// The rules.
    pub rows: Vec<LawRow>,
    /// Reasons for refused files; empty if every file was accepted.
    pub refusals: Vec<String>,
    /// Doubts about whole files.
    pub file_warnings: Vec<String>,
    /// Whether every rule is shown in full.
    full: bool,
}

/// No rule has this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule `{id}`; {}", next_step(.nearest))]
pub struct UnknownRule {
    /// The id asked for.
    pub id: String,
    /// The nearest ids, best first.
    pub nearest: Vec<String>,
}

fn next_step(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "see `keepwhole law list`".into()
    } else {
        format!(
            "did you mean `{}`? see `keepwhole law list`",
            nearest.join("`, `")
        )
    }
}

/// Rules by filter, in the order of their ids, with their standing on a day.
#[must_use]
pub fn list(law: &Load, filter: &LawFilter, day: Day) -> LawTable {
    table(
        law,
        law.set.rules().values().filter(|rule| filter.takes(rule)),
        day,
        false,
    )
}

/// Every rule as it stands on a day, binding law first, then law from a later day, then what is no law.
#[must_use]
pub fn at(law: &Load, day: Day, jurisdiction: Option<&str>) -> LawTable {
    let filter = LawFilter {
        jurisdiction: jurisdiction.map(str::to_owned),
        ..LawFilter::default()
    };
    let mut found = list(law, &filter, day);
    found.rows.sort_by_key(|row| rank(&row.standing));
    found
}

/// One rule in full.
///
/// # Errors
/// [`UnknownRule`] with the nearest ids.
pub fn show(law: &Load, id: &str, day: Day) -> Result<LawTable, UnknownRule> {
    match law.set.get(id) {
        Some(rule) => Ok(table(law, std::iter::once(rule), day, true)),
        None => Err(UnknownRule {
            id: id.into(),
            nearest: nearest(&law.set, id),
        }),
    }
}

fn table<'a>(
    law: &Load,
    rules: impl Iterator<Item = &'a RuleRecord>,
    day: Day,
    full: bool,
) -> LawTable {
    let row = |rule: &RuleRecord| LawRow {
        rule: rule.clone(),
        standing: standing_on(rule, day),
        warnings: law
            .warnings_of(&rule.id)
            .map(|warning| warning.reason.clone())
            .collect(),
    };
    LawTable {
        day,
        set_digest: law.set.digest(),
        rows: rules.map(row).collect(),
        refusals: law.refusals.iter().map(ToString::to_string).collect(),
        file_warnings: law.warnings_of("").map(ToString::to_string).collect(),
        full,
    }
}

fn rank(standing: &Standing) -> u8 {
    match standing {
        Standing::Binding => 0,
        Standing::EnactedFrom(_) => 1,
        Standing::Forbearance => 2,
        Standing::SelfRegulation => 3,
        Standing::Announced => 4,
        Standing::Proposed => 5,
        Standing::NotLaw(_) => 6,
    }
}

/// Up to three ids near a mistyped one: those that contain it, then those few letters away.
fn nearest(set: &LawSet, id: &str) -> Vec<String> {
    let wanted = id.to_ascii_lowercase();
    let distance = |known: &str| {
        if !wanted.is_empty() && known.contains(&wanted) {
            0
        } else {
            edits(known.as_bytes(), wanted.as_bytes())
        }
    };
    let mut ids: Vec<(usize, &String)> = set
        .rules()
        .keys()
        .map(|known| (distance(known), known))
        .collect();
    ids.sort_unstable();
    let close = wanted.len() / 2;
    ids.into_iter()
        .take(3)
        .filter(|(away, _)| *away <= close)
        .map(|(_, known)| known.clone())
        .collect()
}

/// Levenshtein distance.
fn edits(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, a) in left.iter().enumerate() {
        let mut next = vec![at + 1];
        for ((b, diagonal), above) in right.iter().zip(&row).zip(row.iter().skip(1)) {
            let before = next.last().copied().unwrap_or_default();
            next.push(
                (diagonal + usize::from(a != b))
                    .min(above + 1)
                    .min(before + 1),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

impl LawTable {
    /// Text for a terminal: a table, or the rule in full, then every doubt and refusal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        if self.full {
            self.rows
                .iter()
                .for_each(|row| out.push_str(&in_full(row, self.day)));
        } else {
            let binding = self
                .rows
                .iter()
                .filter(|row| row.standing == Standing::Binding)
                .count();
            let _ = writeln!(
                out,
                "{} rules, {binding} binding on {} (civil day of each place)",
                self.rows.len(),
                self.day
            );
            if !self.rows.is_empty() {
                let _ = writeln!(out, "{}", self.rows_as_table());
            }
            for row in &self.rows {
                for warning in &row.warnings {
                    let _ = writeln!(out, "warning: `{}`: {warning}", row.rule.id);
                }
            }
        }
        for warning in &self.file_warnings {
            let _ = writeln!(out, "warning: {warning}");
        }
        for refusal in &self.refusals {
            let _ = writeln!(out, "refused: {refusal}");
        }
        let _ = writeln!(out, "set {}", to_hex(&self.set_digest));
        out
    }

    fn rows_as_table(&self) -> Table {
        let mut table = Table::new();
        table
            .set_width(WIDTH)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header([
            "rule, area",
            "how it stands, limit",
            "title",
            "source, how it was checked",
        ]);
        for row in &self.rows {
            let rule = &row.rule;
            let checked = rule.confidence.name().replace('_', " ");
            table.add_row([
                format!("{}\n{}", rule.id, rule.area.name()),
                format!("{}\n{}", words::standing(&row.standing), words::limit(rule)),
                rule.title_en.clone(),
                format!("{}\n({checked})", rule.source),
            ]);
        }
        // An id broken over two lines could not be copied.
        if let Some(ids) = table.column_mut(0) {
            ids.set_constraint(ColumnConstraint::ContentWidth);
        }
        table
    }

    /// JSON for programs. Days are `YYYY-MM-DD`; numbers of a rule are decimal strings.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "day": self.day.to_string(),
            "set_sha256": to_hex(&self.set_digest),
            "rules": self.rows.iter().map(row_json).collect::<Vec<_>>(),
            "refusals": self.refusals,
            "warnings": self.file_warnings,
        })
    }
}

fn in_full(row: &LawRow, day: Day) -> String {
    let rule = &row.rule;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let date = |value: Option<Day>| value.map(|day| day.to_string()).unwrap_or_default();
    let lines = [
        ("rule", rule.id.clone()),
        ("title", rule.title_en.clone()),
        ("title, Korean", text(&rule.title_ko)),
        (
            "stands",
            format!("{} (on {day})", words::standing(&row.standing)),
        ),
        (
            "status",
            format!(
                "{} (as of {})",
                rule.status.name().replace('_', " "),
                rule.as_of
            ),
        ),
        ("in force from", date(rule.effective_from)),
        ("in force to", date(rule.effective_to)),
        ("then", text(&rule.superseded_by)),
        (
            "place",
            format!("{} ({})", rule.jurisdiction, rule.timezone),
        ),
        (
            "area, kind",
            format!("{}, {}", rule.area.name(), rule.kind.name()),
        ),
        ("instrument", rule.instrument.clone()),
        ("article", rule.article.clone()),
        ("who must act", rule.obliged.join(", ")),
        ("who receives", rule.to.join(", ")),
        ("trigger", rule.trigger.clone()),
        ("limit", words::limit(rule)),
        ("source", rule.source.clone()),
        ("checked", rule.confidence.name().replace('_', " ")),
        ("note", rule.note.clone()),
        ("record SHA-256", to_hex(&rule.digest())),
    ];
    let mut out = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "{name:<15} {value}");
    }
    for (key, value) in &rule.parameters {
        let _ = writeln!(out, "parameter       {key} = {}", words::value(value));
    }
    for warning in &row.warnings {
        let _ = writeln!(out, "warning         {warning}");
    }
    out
}

fn row_json(row: &LawRow) -> serde_json::Value {
    let rule = &row.rule;
    let parameters: serde_json::Map<String, serde_json::Value> = rule
        .parameters
        .iter()
        .map(|(key, value)| (key.clone(), value_json(value)))
        .collect();
    json!({
        "id": rule.id,
        "jurisdiction": rule.jurisdiction,
        "timezone": rule.timezone,
        "currency": rule.currency,
        "as_of": rule.as_of.to_string(),
        "area": rule.area.name(),
        "kind": rule.kind.name(),
        "title_en": rule.title_en,
        "title_ko": rule.title_ko,
        "status": rule.status.name(),
        "standing": words::standing(&row.standing),
        "binding": row.standing == Standing::Binding,
        "effective_from": rule.effective_from.map(|day| day.to_string()),
        "effective_to": rule.effective_to.map(|day| day.to_string()),
        "superseded_by": rule.superseded_by,
        "instrument": rule.instrument,
        "article": rule.article,
        "obliged": rule.obliged,
        "to": rule.to,
        "trigger": rule.trigger,
        "limit": words::limit(rule),
        "source": rule.source,
        "confidence": rule.confidence.name(),
        "note": rule.note,
        "parameters": parameters,
        "warnings": row.warnings,
        "sha256": to_hex(&rule.digest()),
    })
}

fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number.to_string()),
        Value::Text(text) => json!(text),
        Value::Day(day) => json!(day.to_string()),
        Value::List(items) => items.iter().map(value_json).collect(),
        Value::Table(rows) => serde_json::Value::Object(
            rows.iter()
                .map(|(key, item)| (key.clone(), value_json(item)))
                .collect(),
        ),
    }
}
