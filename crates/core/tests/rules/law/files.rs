//! Reads the shipped law files into records, without the checks of the real loader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use keepwhole_core::law::{
    Area, Confidence, Day, Kind, LawSet, RuleRecord, Status, Value, offset_of_zone,
};

/// Every rule of the shipped files.
pub(super) static SET: LazyLock<LawSet> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../law");
    let mut records = Vec::new();
    for name in ["eu", "hk", "jp", "kr", "sg", "us"] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let file: toml::Table = text.parse().unwrap();
        let rules = file["rule"].as_array().unwrap();
        records.extend(
            rules
                .iter()
                .map(|rule| record(&file, rule.as_table().unwrap())),
        );
    }
    LawSet::new(records).unwrap()
});

/// Every rule.
pub(crate) fn all() -> impl Iterator<Item = &'static RuleRecord> {
    SET.rules().values()
}

/// The rule with this id.
pub(crate) fn rule(id: &str) -> &'static RuleRecord {
    SET.get(id).unwrap_or_else(|| panic!("no rule {id}"))
}

/// The day written `YYYY-MM-DD`.
pub(super) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn record(file: &toml::Table, rule: &toml::Table) -> RuleRecord {
    let text = |table: &toml::Table, key: &str| table[key].as_str().unwrap().to_owned();
    let texts = |key: &str| -> Vec<String> {
        rule[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    let some_day = |key: &str| rule.get(key).map(|value| day(&value.to_string()));
    let some_text = |key: &str| {
        rule.get(key)
            .map(|value| value.as_str().unwrap().to_owned())
    };
    let parameters: BTreeMap<String, Value> = rule
        .get("parameters")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
        .map(|(key, parameter)| (key.clone(), value(parameter)))
        .collect();
    RuleRecord {
        id: text(rule, "id"),
        jurisdiction: text(file, "jurisdiction"),
        timezone: text(file, "timezone"),
        utc_offset_minutes: offset_of_zone(&text(file, "timezone")),
        currency: text(file, "currency"),
        as_of: day(&file["as_of"].to_string()),
        area: Area::parse(&text(rule, "area")).unwrap(),
        kind: Kind::parse(&text(rule, "kind")).unwrap(),
        title_en: text(rule, "title_en"),
        title_ko: some_text("title_ko"),
        status: Status::parse(&text(rule, "status")).unwrap(),
        effective_from: some_day("effective_from"),
        effective_to: some_day("effective_to"),
        superseded_by: some_text("superseded_by"),
        instrument: text(rule, "instrument"),
        article: text(rule, "article"),
        obliged: texts("obliged"),
        to: texts("to"),
        trigger: text(rule, "trigger"),
        source: text(rule, "source"),
        confidence: Confidence::parse(&text(rule, "confidence")).unwrap(),
        note: text(rule, "note"),
        parameters: parameters.into_iter().collect(),
    }
}

fn value(value_: &toml::Value) -> Value {
    match value_ {
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Integer(number) => Value::Int(u64::try_from(*number).unwrap()),
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Datetime(date) => Value::Day(day(&date.to_string())),
        toml::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        other => panic!("no law file has {other}"),
    }
}
