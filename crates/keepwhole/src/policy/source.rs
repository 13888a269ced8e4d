//! The text of a policy file: where each value stands, and every fault with line, key, value and fix.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// Key, such as `rule.large.when`; empty for the file as a whole.
    pub key: String,
    /// The value and what is wrong with it.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.line)?;
        if !self.key.is_empty() {
            write!(out, ": `{}`", self.key)?;
        }
        write!(out, ": {}; {}", self.what, self.fix)
    }
}

/// A file that is refused, with all its faults in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// Name of the file as it was given.
    pub file: String,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            if place > 0 {
                writeln!(out)?;
            }
            write!(out, "{}:{fault}", self.file)?;
        }
        Ok(())
    }
}

/// A text of the file with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'t> {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) text: &'t str,
}

/// A whole number of the file with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) number: u32,
}

/// Collects faults while the file is read.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    starts: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    text: &'t str,
}

impl<'t> Reading<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self {
            starts,
            faults: Vec::new(),
            text,
        }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }

    pub(super) fn fault(&mut self, line: usize, key: &str, what: String, fix: impl Into<String>) {
        self.faults.push(Fault {
            line,
            key: key.to_owned(),
            what,
            fix: fix.into(),
        });
    }

    /// A fault of a text that was read.
    pub(super) fn refuse(&mut self, at: &Text<'_>, why: &str, fix: impl Into<String>) {
        let what = format!("`{}` {why}", at.text.escape_debug());
        self.fault(at.line, &at.key, what, fix);
    }

    /// The value as the file has it, cut where it is long.
    fn written(&self, value: &Spanned<DeValue<'_>>) -> String {
        let whole = self.text.get(value.span()).unwrap_or_default();
        let line = whole.lines().next().unwrap_or_default();
        let cut: String = line.chars().take(60).collect();
        cut.escape_debug().to_string()
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, want: &str) {
        let line = self.line(value.span().start);
        let (found, written) = (kind(value.as_ref()), self.written(value));
        self.fault(
            line,
            key,
            format!("`{written}` is {found}"),
            format!("write {want}"),
        );
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number without a unit",
        DeValue::Float(_) => "a number with a point and without a unit",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A table of the file and the name that its keys are told by.
#[derive(Debug, Clone)]
pub(super) struct Section<'t> {
    path: String,
    pub(super) line: usize,
    table: Option<&'t DeTable<'t>>,
}

impl<'t> Section<'t> {
    /// Takes a table; keys other than `known` are refused.
    pub(super) fn open(
        reading: &mut Reading<'_>,
        path: &str,
        line: usize,
        table: &'t DeTable<'t>,
        known: &[&str],
    ) -> Self {
        let section = Self {
            path: path.to_owned(),
            line,
            table: Some(table),
        };
        for key in table.keys() {
            let name = key.as_ref().as_ref();
            if !known.contains(&name) {
                let line = reading.line(key.span().start);
                let full = section.key(name);
                let fix = match nearest(name, known.iter().copied()) {
                    Some(near) => {
                        format!("did you mean `{near}`? known are `{}`", known.join("`, `"))
                    }
                    None => format!("known are `{}`", known.join("`, `")),
                };
                reading.fault(line, &full, String::from("no such key"), fix);
            }
        }
        section
    }

    const fn absent(path: String, line: usize) -> Self {
        Self {
            path,
            line,
            table: None,
        }
    }

    /// Names the section otherwise from now on.
    pub(super) fn rename(&mut self, path: String) {
        self.path = path;
    }

    pub(super) const fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// The full name of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table?.get(key)
    }

    /// Keys in the order of the file, with their lines.
    pub(super) fn keys(&self, reading: &Reading<'_>) -> Vec<(&'t str, usize)> {
        let Some(table) = self.table else {
            return Vec::new();
        };
        let mut keys: Vec<(&str, usize)> = table
            .keys()
            .map(|key| (key.as_ref().as_ref(), key.span().start))
            .collect();
        keys.sort_by_key(|(_, at)| *at);
        keys.into_iter()
            .map(|(key, at)| (key, reading.line(at)))
            .collect()
    }

    /// Says that a key is missing.
    pub(super) fn missing(&self, reading: &mut Reading<'_>, key: &str, example: &str) {
        let full = self.key(key);
        reading.fault(
            self.line,
            &full,
            String::from("is missing"),
            format!("write `{key} = {example}`"),
        );
    }

    pub(super) fn text(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        example: &str,
    ) -> Option<Text<'t>> {
        let value = self.value(key)?;
        let full = self.key(key);
        let example = example.trim_matches('"');
        let Some(text) = value.as_ref().as_str() else {
            reading.wrong_type(
                &full,
                value,
                &format!("a text in quotes such as `{example}`"),
            );
            return None;
        };
        let line = reading.line(value.span().start);
        if text.trim().is_empty() {
            reading.fault(
                line,
                &full,
                String::from("is empty"),
                format!("write a text such as `{example}`, or leave the key out"),
            );
            return None;
        }
        Some(Text {
            line,
            key: full,
            text,
        })
    }

    /// As [`text`](Self::text), missing being a fault.
    pub(super) fn need(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        example: &str,
    ) -> Option<Text<'t>> {
        if self.value(key).is_none() {
            self.missing(reading, key, example);
        }
        self.text(reading, key, example)
    }

    /// A list of texts, without repeats; `None` where the key is absent.
    pub(super) fn texts(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        example: &str,
    ) -> Option<Vec<Text<'t>>> {
        let value = self.value(key)?;
        let full = self.key(key);
        let DeValue::Array(items) = value.as_ref() else {
            reading.wrong_type(
                &full,
                value,
                &format!("a list of texts such as `{example}`"),
            );
            return None;
        };
        let mut out: Vec<Text<'t>> = Vec::new();
        for item in items.iter() {
            let Some(text) = item.as_ref().as_str() else {
                reading.wrong_type(&full, item, &format!("a list of texts such as `{example}`"));
                continue;
            };
            let line = reading.line(item.span().start);
            let found = Text {
                line,
                key: full.clone(),
                text,
            };
            if text.trim().is_empty() {
                reading.refuse(&found, "is empty", "remove it");
            } else if out.iter().any(|before| before.text == text) {
                reading.refuse(&found, "comes twice", "keep it once");
            } else {
                out.push(found);
            }
        }
        Some(out)
    }

    pub(super) fn flag(&self, reading: &mut Reading<'_>, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.as_ref().as_bool();
        if flag.is_none() {
            let full = self.key(key);
            reading.wrong_type(&full, value, "`true` or `false` without quotes");
        }
        flag
    }

    /// A whole number of things that the key names, such as persons.
    pub(super) fn count(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        (least, most): (u32, u32),
        of: &str,
    ) -> Option<Count> {
        let value = self.value(key)?;
        let full = self.key(key);
        let line = reading.line(value.span().start);
        let want = format!("a whole number of {of} from {least} to {most}, without quotes");
        let DeValue::Integer(number) = value.as_ref() else {
            reading.wrong_type(&full, value, &want);
            return None;
        };
        let parsed = (number.radix() == 10)
            .then(|| number.as_str().parse::<u32>().ok())
            .flatten();
        match parsed.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(Count {
                line,
                key: full,
                number,
            }),
            None => {
                let what = format!(
                    "`{}` is outside {least} to {most} {of}",
                    reading.written(value)
                );
                reading.fault(line, &full, what, format!("write {want}"));
                None
            }
        }
    }

    /// A table under a key; without it a section that has nothing.
    pub(super) fn section(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        known: &[&str],
    ) -> Section<'t> {
        let full = self.key(key);
        match self.value(key).map(|value| (value, value.as_ref())) {
            Some((value, DeValue::Table(table))) => {
                let line = reading.line(value.span().start);
                Section::open(reading, &full, line, table, known)
            }
            Some((value, _)) => {
                reading.wrong_type(&full, value, &format!("a section `[{full}]`"));
                Section::absent(full, reading.line(value.span().start))
            }
            None => Section::absent(full, self.line),
        }
    }

    /// The tables under `[[key]]`, in order.
    pub(super) fn rows(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        known: &[&str],
    ) -> Vec<Section<'t>> {
        let full = self.key(key);
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.as_ref() else {
            reading.wrong_type(
                &full,
                value,
                &format!("each one under its own `[[{full}]]`"),
            );
            return Vec::new();
        };
        let mut out = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let line = reading.line(item.span().start);
            match item.as_ref() {
                DeValue::Table(table) => {
                    let path = format!("{full}[{}]", place + 1);
                    out.push(Section::open(reading, &path, line, table, known));
                }
                _ => {
                    reading.wrong_type(&full, item, &format!("each one under its own `[[{full}]]`"))
                }
            }
        }
        out
    }
}

/// The known word that differs least from `word`: at most two letters put in, left out or changed.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.map(|known| (distance(word, known), known));
    near.filter(|(apart, _)| *apart <= 2)
        .min_by_key(|(apart, _)| *apart)
        .map(|(_, known)| known)
}

/// Levenshtein distance; words of more than 64 letters are far from everything.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    if left.chars().count() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, of_left) in left.chars().enumerate() {
        let mut diagonal = row.first().copied().unwrap_or(0);
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, of_right) in row.iter_mut().skip(1).zip(&right) {
            let changed = diagonal + usize::from(of_left != *of_right);
            diagonal = *cell;
            before = changed.min(before + 1).min(diagonal + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_two_letters_away_at_most() {
        let known = ["approvals", "cool_off", "window"];
        let found = |word| nearest(word, known.iter().copied());
        assert_eq!(found("aproval"), Some("approvals"));
        assert_eq!(found("cooloff"), Some("cool_off"));
        assert_eq!(found("widnow"), Some("window"));
        assert_eq!(found("asset"), None);
        assert_eq!(found(""), None);
    }
}
