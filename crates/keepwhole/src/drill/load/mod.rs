//! Reads scenario files strictly: what the format does not know makes a file invalid, with its line and the fix.

mod event;
mod expect;
mod given;
mod sent;
mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use toml::de::DeTable;

use super::scenario::code::{Category, Code};
use super::scenario::{Inspiration, SCHEMA, Scenario, scalar};
use table::{Slip, Table};

/// A file that is not a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// Place in the file, cause and fix.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// The first thing that is wrong, when the file can't be read or is not a scenario.
pub fn load(path: &Path) -> Result<Scenario, Invalid> {
    let file = path.display().to_string();
    let invalid = |line, message| Invalid {
        file: file.clone(),
        line,
        message,
    };
    let bytes =
        std::fs::read(path).map_err(|error| invalid(1, format!("can't be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or(&[]);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        invalid(
            line,
            "is not UTF-8 text here: save the file as UTF-8".to_owned(),
        )
    })?;
    parse(&file, text)
}

/// Reads `text`, which stands in the file called `file`; the file's name without `.toml` must be the scenario's id.
///
/// # Errors
/// The first thing that is wrong, when the text is not a scenario.
pub fn parse(file: &str, text: &str) -> Result<Scenario, Invalid> {
    let name = Path::new(file)
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    read(&name, text).map_err(|slip| Invalid {
        file: file.to_owned(),
        line: line_of(text, slip.offset),
        message: slip.message,
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

fn read(name: &str, text: &str) -> Result<Scenario, Slip> {
    let document = DeTable::parse(text).map_err(|error| Slip {
        offset: error.span().map_or(0, |span| span.start),
        message: format!("is no TOML here: {}", error.message()),
    })?;
    let mut top = Table::new("the file", 0, document.get_ref());
    top.need("schema", |schema| {
        if schema == SCHEMA {
            Ok(())
        } else {
            Err(format!("is not known: this build reads `{SCHEMA}`"))
        }
    })?;
    let id = top.need("id", |id| {
        if id == name {
            scalar::id(id)
        } else {
            Err(format!("is not the file's name: call it `{name}`"))
        }
    })?;
    let category: Category = top.need("category", |word| {
        let category = Category::from_word(word)?;
        if id.starts_with(word) {
            Ok(category)
        } else {
            Err(format!("does not begin the id `{id}`: make them agree"))
        }
    })?;
    let title = top.text("title")?;
    let why = top.text("why")?;
    let tags = top.list("tags", |tag| Ok(tag.to_owned()))?;
    let inspired_by = inspiration(top.table("inspired_by", "inspired_by")?)?;
    let raw = tags.iter().any(|tag| tag == "raw-amounts");
    let (given, names) = given::given(top.table("given", "given")?)?;
    let events = top.tables("events", "event")?;
    let expects = top.tables("expect", "expect")?;
    for (key, list) in [("events", &events), ("expect", &expects)] {
        if list.is_empty() {
            return Err(top.slip(0, &format!("`[[{key}]]` is missing: add at least one")));
        }
    }
    top.done()?;
    let line = |offset| line_of(text, offset);
    let (events, sent) = event::events(events, &given, &names, raw, &line)?;
    let expect = expect::expects(expects, &names, &sent, &line)?;
    Ok(Scenario {
        id,
        title,
        category,
        why,
        tags,
        inspired_by,
        given,
        events,
        expect,
    })
}

fn inspiration(mut table: Table<'_>) -> Result<Inspiration, Slip> {
    let inspired_by = Inspiration {
        case: table.text("case")?,
        source: table.text("source")?,
    };
    table.done()?;
    Ok(inspired_by)
}

/// A form that accepts only names in `known`.
fn among<'a>(
    what: &'a str,
    known: &'a BTreeSet<String>,
) -> impl Fn(&str) -> Result<String, String> + 'a {
    move |name| {
        if known.contains(name) {
            return Ok(name.to_owned());
        }
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let names = if names.is_empty() {
            "the file has none".to_owned()
        } else {
            format!("use {}", names.join(", "))
        };
        Err(format!("is no {what} of this file: {names}, or add it"))
    }
}
