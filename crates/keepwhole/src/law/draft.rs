//! Reads one `[[rule]]` table into typed parts, and those into a record once nothing speaks against it.

use std::collections::BTreeMap;

use keepwhole_core::law::{Area, Confidence, Day, Kind, RuleRecord, Status, Value, offset_of_zone};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::{Lines, Refusal};

/// The type a key of a record must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Day,
    List,
    Table,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Day => "a date such as 2026-11-22, without quotes",
            Self::List => "a list of texts",
            Self::Table => "a table",
        }
    }
}

/// The keys of a record: name, type, whether it must be there.
const KEYS: [(&str, Shape, bool); 18] = [
    ("id", Shape::Text, true),
    ("area", Shape::Text, true),
    ("kind", Shape::Text, true),
    ("title_en", Shape::Text, true),
    ("title_ko", Shape::Text, false),
    ("status", Shape::Text, true),
    ("effective_from", Shape::Day, false),
    ("effective_to", Shape::Day, false),
    ("superseded_by", Shape::Text, false),
    ("instrument", Shape::Text, true),
    ("article", Shape::Text, true),
    ("obliged", Shape::List, true),
    ("to", Shape::List, true),
    ("trigger", Shape::Text, true),
    ("source", Shape::Text, true),
    ("confidence", Shape::Text, true),
    ("note", Shape::Text, true),
    ("parameters", Shape::Table, false),
];

/// What stands at the top of a file and goes into each of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// Two letters.
    pub jurisdiction: String,
    /// IANA name.
    pub timezone: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Day of the state of knowledge.
    pub as_of: Day,
}

impl Top {
    /// Reads the top, or names every key that is missing or of another type.
    pub(super) fn read(table: &DeTable<'_>) -> Result<Self, Vec<&'static str>> {
        let mut missing = Vec::new();
        let mut text = |key: &'static str| {
            let text = table
                .get(key)
                .and_then(|value| value.as_ref().as_str())
                .unwrap_or_default();
            if text.is_empty() {
                missing.push(key);
            }
            text.to_owned()
        };
        let (jurisdiction, timezone, currency) =
            (text("jurisdiction"), text("timezone"), text("currency"));
        let as_of = table.get("as_of").and_then(|value| day(value.as_ref()));
        match as_of {
            Some(as_of) if missing.is_empty() => Ok(Self {
                jurisdiction,
                timezone,
                currency,
                as_of,
            }),
            Some(_) => Err(missing),
            None => {
                missing.push("as_of");
                Err(missing)
            }
        }
    }
}

/// A record as read, before the checks across records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The id, or nothing if it is missing.
    pub id: String,
    /// Line of the record, from 1.
    pub line: usize,
    /// Texts by key.
    pub texts: BTreeMap<&'static str, String>,
    /// Days by key.
    pub days: BTreeMap<&'static str, Day>,
    /// Lists of texts by key.
    pub lists: BTreeMap<&'static str, Vec<String>>,
    /// Parameters, sorted by key.
    pub parameters: BTreeMap<String, Value>,
    /// Line of each key and parameter.
    lines: BTreeMap<String, usize>,
}

impl Draft {
    /// The text of a key; empty if it is missing.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// The text of a parameter.
    #[must_use]
    pub fn parameter_text(&self, key: &str) -> Option<&str> {
        match self.parameters.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether a parameter is this yes or no.
    #[must_use]
    pub fn is(&self, key: &str, flag: bool) -> bool {
        self.parameters.get(key) == Some(&Value::Bool(flag))
    }

    /// Whether a key or parameter that starts so is written, readable or not.
    #[must_use]
    pub fn mentions(&self, start: &str) -> bool {
        self.lines.keys().any(|key| key.starts_with(start))
    }

    /// Line of a key or parameter, else of the record.
    #[must_use]
    pub fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }

    /// The record, if every part of it is there and in its closed list.
    #[must_use]
    pub fn record(&self, top: &Top) -> Option<RuleRecord> {
        let text = |key: &str| self.texts.get(key).cloned();
        Some(RuleRecord {
            id: text("id")?,
            jurisdiction: top.jurisdiction.clone(),
            timezone: top.timezone.clone(),
            utc_offset_minutes: offset_of_zone(&top.timezone),
            currency: top.currency.clone(),
            as_of: top.as_of,
            area: Area::parse(self.text("area"))?,
            kind: Kind::parse(self.text("kind"))?,
            title_en: text("title_en")?,
            title_ko: text("title_ko"),
            status: Status::parse(self.text("status"))?,
            effective_from: self.days.get("effective_from").copied(),
            effective_to: self.days.get("effective_to").copied(),
            superseded_by: text("superseded_by"),
            instrument: text("instrument")?,
            article: text("article")?,
            obliged: self.lists.get("obliged").cloned()?,
            to: self.lists.get("to").cloned()?,
            trigger: text("trigger")?,
            source: text("source")?,
            confidence: Confidence::parse(self.text("confidence"))?,
            note: text("note")?,
            parameters: self.parameters.clone().into_iter().collect(),
        })
    }
}

/// Reads one record, with the refusals of rules 2 (keys and types), 7 and 8 (numbers).
pub(super) fn read(
    file: &str,
    table: &DeTable<'_>,
    line: usize,
    lines: &Lines,
    refusals: &mut Vec<Refusal>,
) -> Draft {
    let id = table
        .get("id")
        .and_then(|id| id.as_ref().as_str())
        .unwrap_or_default()
        .to_owned();
    let mut draft = Draft {
        id: id.clone(),
        line,
        texts: BTreeMap::new(),
        days: BTreeMap::new(),
        lists: BTreeMap::new(),
        parameters: BTreeMap::new(),
        lines: BTreeMap::new(),
    };
    let mut reader = Reader {
        file,
        id,
        lines,
        may_exceed_whole: false,
        refusals,
    };
    for (key, value) in table {
        let name = key.as_ref().as_ref();
        let at = lines.at(key.span().start);
        draft.lines.insert(name.to_owned(), at);
        match KEYS.iter().find(|(known, ..)| *known == name) {
            Some((known, shape, _)) => reader.key(&mut draft, known, *shape, value, at),
            None => reader.refuse(
                2,
                at,
                format!("unknown key `{name}`"),
                "remove it or correct its name",
            ),
        }
    }
    for (name, shape, needed) in KEYS {
        if needed && table.get(name).is_none() {
            reader.refuse(
                2,
                line,
                format!("`{name}` missing"),
                &format!("write {}", shape.name()),
            );
        }
    }
    draft
}

struct Reader<'a> {
    file: &'a str,
    id: String,
    lines: &'a Lines,
    may_exceed_whole: bool,
    refusals: &'a mut Vec<Refusal>,
}

impl Reader<'_> {
    fn refuse(&mut self, rule: u8, line: usize, reason: String, fix: &str) {
        let (file, record) = (self.file.to_owned(), self.id.clone());
        self.refusals.push(Refusal {
            rule,
            file,
            line: Some(line),
            record,
            reason,
            fix: fix.into(),
        });
    }

    fn key(
        &mut self,
        draft: &mut Draft,
        key: &'static str,
        shape: Shape,
        node: &Spanned<DeValue<'_>>,
        line: usize,
    ) {
        match (shape, node.as_ref()) {
            (Shape::Text, DeValue::String(text)) => {
                draft.texts.insert(key, text.clone().into_owned());
            }
            (Shape::Day, value) if day(value).is_some() => {
                draft.days.extend(day(value).map(|day| (key, day)));
            }
            (Shape::List, DeValue::Array(items))
                if items.iter().all(|item| item.as_ref().is_str()) =>
            {
                let texts = items
                    .iter()
                    .filter_map(|item| item.as_ref().as_str())
                    .map(str::to_owned);
                draft.lists.insert(key, texts.collect());
            }
            (Shape::Table, DeValue::Table(table)) => self.parameters(draft, table),
            (_, DeValue::Float(_)) => {
                self.refuse(
                    7,
                    line,
                    format!("float in `{key}`"),
                    &format!("write {}", shape.name()),
                );
            }
            _ => self.refuse(
                2,
                line,
                format!("`{key}` has the wrong type"),
                &format!("write {}", shape.name()),
            ),
        }
    }

    fn parameters(&mut self, draft: &mut Draft, table: &DeTable<'_>) {
        self.may_exceed_whole = table
            .get("may_exceed_whole")
            .and_then(|flag| flag.as_ref().as_bool())
            == Some(true);
        for (key, node) in table {
            let name = key.as_ref().as_ref();
            draft
                .lines
                .insert(name.to_owned(), self.lines.at(key.span().start));
            if let Some(value) = self.value(name, node, Value::MAX_DEPTH) {
                draft.parameters.insert(name.to_owned(), value);
            }
        }
    }

    /// A parameter's value. `None` after a refusal.
    fn value(&mut self, key: &str, node: &Spanned<DeValue<'_>>, depth: u8) -> Option<Value> {
        let line = self.lines.at(node.span().start);
        match node.as_ref() {
            DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
            DeValue::String(text) => Some(Value::Text(text.clone().into_owned())),
            DeValue::Integer(number) => self.integer(key, number, line),
            DeValue::Float(number) => {
                let fix =
                    "write a whole number in a smaller unit, for example `_permille` or `_bp`";
                self.refuse(
                    7,
                    line,
                    format!("float `{}` in `{key}`", number.as_str()),
                    fix,
                );
                None
            }
            value @ DeValue::Datetime(_) => {
                let found = day(value).map(Value::Day);
                if found.is_none() {
                    self.refuse(
                        2,
                        line,
                        format!("`{key}` is not a civil day"),
                        "write a date without a time of day",
                    );
                }
                found
            }
            DeValue::Array(_) | DeValue::Table(_) if depth == 0 => {
                self.refuse(
                    2,
                    line,
                    format!("`{key}` is nested too deeply"),
                    "write flat parameters",
                );
                None
            }
            DeValue::Array(items) => {
                let values = items
                    .iter()
                    .filter_map(|item| self.value(key, item, depth - 1))
                    .collect();
                Some(Value::List(values))
            }
            DeValue::Table(table) => {
                let mut rows = Vec::new();
                for (name, node) in table {
                    let name = name.as_ref().as_ref();
                    rows.extend(
                        self.value(name, node, depth - 1)
                            .map(|value| (name.to_owned(), value)),
                    );
                }
                rows.sort_by(|left, right| left.0.cmp(&right.0));
                Some(Value::Table(rows))
            }
        }
    }

    fn integer(
        &mut self,
        key: &str,
        number: &toml::de::DeInteger<'_>,
        line: usize,
    ) -> Option<Value> {
        let written = number.as_str();
        if written.starts_with('-') {
            self.refuse(
                7,
                line,
                format!("negative number `{written}` in `{key}`"),
                "write a number of 0 or more",
            );
            return None;
        }
        let Ok(value) = u64::from_str_radix(written, number.radix()) else {
            let reason = format!("number `{written}` in `{key}` does not fit 64 bits");
            self.refuse(7, line, reason, "write a smaller number in a larger unit");
            return None;
        };
        if !has_unit(key) {
            let fix =
                "end the key with the unit: `_hours`, `_days`, `_permille`, `_krw`, `_count`, ...";
            self.refuse(7, line, format!("no unit in the numeric key `{key}`"), fix);
        }
        let whole = match () {
            () if key.ends_with("_permille") => Some(1_000),
            () if key.ends_with("_bp") => Some(10_000),
            () => None,
        };
        if whole.is_some_and(|whole| value > whole) && !self.may_exceed_whole {
            let fix = "correct the number, or state `may_exceed_whole = true` if it is meant";
            self.refuse(
                8,
                line,
                format!("`{key}` = {value} is above the whole"),
                fix,
            );
        }
        Some(Value::Int(value))
    }
}

/// Whether a numeric key ends with a unit of `law/README.md`.
fn has_unit(key: &str) -> bool {
    const UNITS: [&str; 16] = [
        "minutes",
        "hours",
        "days",
        "business_days",
        "months",
        "years",
        "permille",
        "bp",
        "krw",
        "jpy",
        "eur",
        "usd",
        "hkd",
        "sgd",
        "count",
        "times",
    ];
    UNITS.iter().any(|unit| {
        key.strip_suffix(unit)
            .is_some_and(|rest| rest.ends_with('_'))
    })
}

/// A civil day: a date with neither time nor offset.
fn day(value: &DeValue<'_>) -> Option<Day> {
    match value {
        DeValue::Datetime(moment) if moment.time.is_none() && moment.offset.is_none() => {
            let date = moment.date?;
            Day::from_ymd(
                u32::from(date.year),
                u32::from(date.month),
                u32::from(date.day),
            )
        }
        _ => None,
    }
}
