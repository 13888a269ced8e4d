//! Tables tied to code: every reason has its row, in order, and every event its entry.

use super::rust_text::code_only;
use super::{Slip, Tree};
use crate::generate::{CATALOGUE, EVENTS, catalogue, events};

const REASONS: &str = "crates/core/src/reason.rs";
const ROWS: &str = "crates/core/tests/rules/denials.txt";

/// Each variant of `Reason` has one row in the text table, in the order of the enum, which is the precedence.
///
/// A row begins with the variant's name or its code (the name in lower case with `_`); `#` begins a comment.
pub(super) fn reasons_have_rows(tree: &Tree, slips: &mut Vec<Slip>) {
    let Some(variants) = variants_of(tree, REASONS, "Reason", slips) else {
        return;
    };
    let Some(table) = tree.files.get(ROWS) else {
        slips.push(Slip {
            path: ROWS.to_owned(),
            line: 1,
            what: "not there; it has a row per reason".to_owned(),
        });
        return;
    };
    let cell = |line: &str| {
        line.split([' ', '\t', '|', ','])
            .find(|cell| !cell.is_empty())
            .map(str::to_owned)
    };
    let rows: Vec<(usize, String)> = table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .filter_map(|(number, line)| cell(line).map(|cell| (number + 1, cell)))
        .collect();
    let mut last = 0;
    for (line, name) in &variants {
        let places: Vec<usize> = rows
            .iter()
            .filter(|(_, cell)| names(cell, name))
            .map(|(row, _)| *row)
            .collect();
        match places.as_slice() {
            [] => {
                let what =
                    format!("reason `{name}` has no row in `{ROWS}`; add the case that ends in it");
                slips.push(Slip {
                    path: REASONS.to_owned(),
                    line: *line,
                    what,
                });
            }
            [row, ..] if *row < last => {
                let what = format!(
                    "row of `{name}` stands before one that wins over it; keep the order of the enum"
                );
                slips.push(Slip {
                    path: ROWS.to_owned(),
                    line: *row,
                    what,
                });
            }
            [row, ..] => last = *row,
        }
    }
}

/// Each variant of `Event` says what happened, and the catalogue of all of them is fresh.
pub(super) fn events_are_catalogued(tree: &Tree, slips: &mut Vec<Slip>) {
    let source = tree.files.get(EVENTS).map_or("", String::as_str);
    let Some(events) = events(source) else {
        let what =
            "`pub enum Event` is not there; if it moved, say where in `xtask/src/generate.rs`"
                .to_owned();
        slips.push(Slip {
            path: EVENTS.to_owned(),
            line: 1,
            what,
        });
        return;
    };
    for event in events.iter().filter(|event| event.says.is_empty()) {
        let what = format!("event `{}` has no comment; say what happened", event.name);
        slips.push(Slip {
            path: EVENTS.to_owned(),
            line: event.line,
            what,
        });
    }
    if tree.files.get(CATALOGUE) != catalogue(source).as_ref() {
        let what = format!("not what `{EVENTS}` says now; run `cargo xtask generate`");
        slips.push(Slip {
            path: CATALOGUE.to_owned(),
            line: 1,
            what,
        });
    }
}

fn names(cell: &str, variant: &str) -> bool {
    cell == variant || cell == code_of(variant)
}

/// `ApprovalExpired` as `approval_expired`.
fn code_of(variant: &str) -> String {
    let mut code = String::new();
    for (at, letter) in variant.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            code.push('_');
        }
        code.push(letter.to_ascii_lowercase());
    }
    code
}

/// The variants of an enum in a file, each with its line; a slip if file or enum is not there.
fn variants_of(
    tree: &Tree,
    path: &str,
    name: &str,
    slips: &mut Vec<Slip>,
) -> Option<Vec<(usize, String)>> {
    let found = tree
        .files
        .get(path)
        .and_then(|text| variants(&code_only(text), name));
    if found.is_none() {
        let what = format!(
            "`pub enum {name}` is not there; if it moved, say where in `xtask/src/tidy/tables.rs`"
        );
        slips.push(Slip {
            path: path.to_owned(),
            line: 1,
            what,
        });
    }
    found
}

/// The variants of `pub enum NAME { A, B }`, or of a macro that writes it: `names! { A = 1, ..; B = 2, ..; }`.
fn variants(code: &str, name: &str) -> Option<Vec<(usize, String)>> {
    let by_macro = format!("{}s! {{", name.to_lowercase());
    let plain = format!("pub enum {name} {{");
    let (opening, separator) = if code.contains(&by_macro) {
        (by_macro, ';')
    } else {
        (plain, ',')
    };
    let start = code.find(&opening)? + opening.len();
    let mut line = code[..start].matches('\n').count() + 1;
    let (mut depth, mut expected, mut word) = (0_usize, true, String::new());
    let mut found = Vec::new();
    for letter in code[start..].chars() {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let ended = std::mem::take(&mut word);
        if depth == 0 && expected && ended.starts_with(|first: char| first.is_ascii_uppercase()) {
            found.push((line, ended));
            expected = false;
        }
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 0 => return Some(found),
            '}' | ')' | ']' => depth -= 1,
            _ if letter == separator && depth == 0 => expected = true,
            '\n' => line += 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    const ENUM: &str = "/// A `Ghost` in words.\n#[derive(Debug)]\npub enum Reason {\n    /// One, first.\n    Halted = 1,\n    #[serde(rename = \"x\")]\n    CapPassed(Amount, Window),\n    NoSuch { Id: u8 },\n}\n";

    #[test]
    fn a_reason_without_a_row_is_a_slip() {
        let said = said(
            reasons_have_rows,
            &[
                (REASONS, ENUM),
                (ROWS, "# code | case\nhalted | x\nno_such | y\n"),
            ],
        );
        assert_eq!(said.len(), 1);
        assert!(
            said[0].starts_with("crates/core/src/reason.rs:7: reason `CapPassed` has no row in"),
            "{}",
            said[0]
        );
    }

    #[test]
    fn reasons_written_by_a_macro_are_found() {
        let code = "macro_rules! reasons { ($x:ident) => { pub enum Reason { $x } } }\nreasons! {\n    Halted { a: u8 } = 1, \"halted\", Deny;\n    NoSuch = 2, \"no_such\", Hold;\n}\n";
        let said = said(
            reasons_have_rows,
            &[(REASONS, code), (ROWS, "halted | x\n")],
        );
        assert_eq!(said.len(), 1);
        assert!(
            said[0].starts_with("crates/core/src/reason.rs:4: reason `NoSuch` has no row"),
            "{}",
            said[0]
        );
    }

    #[test]
    fn rows_out_of_order_are_a_slip() {
        let said = said(
            reasons_have_rows,
            &[(REASONS, ENUM), (ROWS, "CapPassed x\nHalted x\nNoSuch y\n")],
        );
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with(
            "crates/core/tests/rules/denials.txt:1: row of `CapPassed` stands before"
        ));
    }

    #[test]
    fn an_enum_that_moved_is_a_slip() {
        assert_eq!(said(reasons_have_rows, &[]).len(), 1);
        assert_eq!(
            said(events_are_catalogued, &[(EVENTS, "pub enum Other {}")]).len(),
            1
        );
    }

    #[test]
    fn an_event_without_a_comment_and_an_old_catalogue_are_slips() {
        let code = "pub enum Event {\n    /// It was opened.\n    Opened(Opened) = 1,\n    Closed = 2,\n}\n";
        let fresh = catalogue(code).unwrap();
        let slips = said(
            events_are_catalogued,
            &[(EVENTS, code), (CATALOGUE, fresh.as_str())],
        );
        assert_eq!(
            slips,
            ["crates/core/src/event.rs:4: event `Closed` has no comment; say what happened"]
        );
        let old = fresh.replace("opened", "open");
        let slips = said(
            events_are_catalogued,
            &[(EVENTS, code), (CATALOGUE, old.as_str())],
        );
        assert_eq!(slips.len(), 2);
        assert!(
            slips[1].starts_with("docs/events.md:1: not what `crates/core/src/event.rs` says now")
        );
    }
}
