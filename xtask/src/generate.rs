//! Documents that are written from code: `cargo xtask generate` writes them, tidy fails while one is not fresh.

use std::path::Path;
use std::process::ExitCode;

/// Where the events are defined.
pub(crate) const EVENTS: &str = "crates/core/src/event.rs";
/// Their catalogue.
pub(crate) const CATALOGUE: &str = "docs/events.md";

const HEAD: &str = "\
# Events

What a journal can say. Each event is one fact in the past tense; events alone change the state, and each is one leaf of the
tree. The number is the tag under which the event is stored: it is never given twice. Times are milliseconds since the
epoch, amounts are minor units of one asset; `docs/journal-format.md` has the bytes.

Written from `crates/core/src/event.rs` by `cargo xtask generate`; change the comments there.

| number | event | what happened | holds |
|---|---|---|---|
";

/// One event as its definition says it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Line of its name, counted from 1.
    pub(crate) line: usize,
    pub(crate) name: String,
    number: String,
    /// What its comment says.
    pub(crate) says: String,
    /// Field name (empty for a body without names), type, comment.
    fields: Vec<(String, String, String)>,
}

/// Writes every generated document.
pub(crate) fn run(root: &Path) -> ExitCode {
    let written = std::fs::read_to_string(root.join(EVENTS))
        .map_err(|error| format!("cannot read `{EVENTS}`: {error}"))
        .and_then(|source| {
            catalogue(&source).ok_or_else(|| format!("no `pub enum Event` in `{EVENTS}`"))
        })
        .and_then(|text| {
            std::fs::write(root.join(CATALOGUE), text)
                .map_err(|error| format!("cannot write `{CATALOGUE}`: {error}"))
        });
    match written {
        Ok(()) => {
            println!("wrote {CATALOGUE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The catalogue of the events that a source defines; none if it defines none.
pub(crate) fn catalogue(source: &str) -> Option<String> {
    let mut text = HEAD.to_owned();
    for event in events(source)? {
        let holds: Vec<String> = event.fields.iter().map(held).collect();
        let row = [
            event.number,
            format!("`{}`", event.name),
            event.says,
            holds.join("<br>"),
        ];
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&format!(
            "| {}\n",
            cells
                .iter()
                .map(|cell| format!("{cell} |"))
                .collect::<Vec<_>>()
                .join(" ")
        ));
    }
    Some(text)
}

fn held((name, kind, says): &(String, String, String)) -> String {
    match (name.is_empty(), says.is_empty()) {
        (true, _) => format!("`{kind}`"),
        (false, true) => format!("`{name}`: `{kind}`"),
        (false, false) => format!("`{name}`: `{kind}`. {says}"),
    }
}

/// The events of `pub enum Event`, read line by line in the form that rustfmt gives them.
pub(crate) fn events(source: &str) -> Option<Vec<Event>> {
    let mut lines = source
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != "pub enum Event {");
    lines.next()?;
    let (mut found, mut says, mut open) = (Vec::new(), Vec::new(), None::<Event>);
    for (number, line) in lines.take_while(|(_, line)| *line != "}") {
        let words = line.trim();
        if let Some(comment) = words.strip_prefix("///") {
            says.push(comment.trim());
            continue;
        }
        if words.starts_with("#[") {
            continue;
        }
        let comment = says.join(" ");
        if let Some(event) = open.as_mut() {
            if let Some(tag) = words.strip_prefix("} = ") {
                event.number = tag.trim_end_matches(',').to_owned();
                found.extend(open.take());
            } else if let Some((name, kind)) = words.trim_end_matches(',').split_once(": ") {
                event
                    .fields
                    .push((name.to_owned(), kind.to_owned(), comment));
            }
        } else if words.starts_with(|first: char| first.is_ascii_uppercase()) {
            let name: String = words
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            let (body, tag) = words
                .trim_end_matches(',')
                .rsplit_once(" = ")
                .unwrap_or((words, ""));
            let mut event = Event {
                line: number + 1,
                name,
                says: comment,
                ..Event::default()
            };
            if words.ends_with('{') {
                open = Some(event);
            } else {
                let inner = body
                    .split_once('(')
                    .map(|(_, inner)| inner.trim_end_matches(')').to_owned());
                event
                    .fields
                    .extend(inner.map(|kind| (String::new(), kind, String::new())));
                event.number = tag.to_owned();
                found.push(event);
            }
        }
        says.clear();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "use x;\n/// What happened.\npub enum Event {\n    /// An asset\n    /// was registered.\n    AssetRegistered(Asset) = 1,\n    /// Opened.\n    #[x]\n    Opened {\n        /// Its number | id.\n        id: Option<u32>,\n    } = 20,\n    Bare = 21,\n}\nOther = 3,\n";

    #[test]
    fn the_catalogue_says_what_the_comments_say() {
        let text = catalogue(SOURCE).unwrap();
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .collect();
        assert_eq!(
            rows,
            [
                "| 1 | `AssetRegistered` | An asset was registered. | `Asset` |",
                "| 20 | `Opened` | Opened. | `id`: `Option<u32>`. Its number \\| id. |",
                "| 21 | `Bare` |  |  |",
            ]
        );
    }

    #[test]
    fn a_source_without_events_has_no_catalogue() {
        assert_eq!(catalogue("pub enum Other {\n}\n"), None);
    }
}
