//! Shape: no empty files, files of a size that can be read, and a first sentence that says what a source file is.

use super::{Slip, Tree};

/// About what a reader can hold in mind of one file.
const LONGEST_FILE: usize = 600;

/// Files that may be longer, each with its reason. One that is short again is a slip, so the list never outgrows its use.
const MAY_BE_LONGER: &[(&str, &str)] = &[];

/// A file without content tells a reader nothing.
pub(super) fn empty_files(tree: &Tree, slips: &mut Vec<Slip>) {
    for (path, _) in tree.files.iter().filter(|(_, text)| text.trim().is_empty()) {
        slips.push(Slip {
            path: path.clone(),
            line: 1,
            what: "an empty file; delete it until it has content".into(),
        });
    }
}

/// Sources are at most 600 lines long. (Functions: clippy's `too_many_lines`.)
pub(super) fn long_files(tree: &Tree, slips: &mut Vec<Slip>) {
    judge_lengths(tree, MAY_BE_LONGER, slips);
}

fn judge_lengths(tree: &Tree, may_be_longer: &[(&str, &str)], slips: &mut Vec<Slip>) {
    let code = |path: &str| {
        [".rs", ".mjs", ".js", ".css", ".py", ".sh"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    for (path, text) in tree.files.iter().filter(|(path, _)| code(path)) {
        let length = text.lines().count();
        let excused = may_be_longer.iter().any(|(excused, _)| excused == path);
        let what = match (length > LONGEST_FILE, excused) {
            (true, false) => format!(
                "{length} lines, at most {LONGEST_FILE}; split it where a second idea begins"
            ),
            (false, true) => {
                "short again; take it out of the list of long files in `xtask/src/tidy/shape.rs`"
                    .to_owned()
            }
            _ => continue,
        };
        slips.push(Slip {
            path: path.clone(),
            line: LONGEST_FILE.min(length),
            what,
        });
    }
    for (path, _) in may_be_longer
        .iter()
        .filter(|(path, _)| !tree.files.contains_key(*path))
    {
        let what = "not there; take it out of the list of long files in `xtask/src/tidy/shape.rs`"
            .to_owned();
        slips.push(Slip {
            path: (*path).to_owned(),
            line: 1,
            what,
        });
    }
}

/// Each Rust source opens with `//!` and a sentence.
pub(super) fn opening_sentence(tree: &Tree, slips: &mut Vec<Slip>) {
    for (path, text) in tree.rust() {
        let first: Vec<&str> = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .collect();
        let paragraph = first
            .split(|line| line.is_empty())
            .next()
            .unwrap_or_default()
            .join(" ");
        let ends = ['.', ':', '?', '!']
            .iter()
            .any(|end| paragraph.ends_with(*end));
        if !ends || paragraph.split_whitespace().count() < 2 {
            let what = "open the file with `//!` and a sentence that says what it is".to_owned();
            slips.push(Slip {
                path: path.clone(),
                line: 1,
                what,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    #[test]
    fn an_empty_file_is_a_slip() {
        let said = said(empty_files, &[("a.md", " \n"), ("b.md", "text")]);
        assert_eq!(
            said,
            ["a.md:1: an empty file; delete it until it has content"]
        );
    }

    #[test]
    fn a_long_file_is_a_slip_and_so_is_an_excuse_that_nothing_needs() {
        let long = "x\n".repeat(601);
        let said = said(
            long_files,
            &[
                ("a.rs", long.as_str()),
                ("b.rs", "x\n"),
                ("c.toml", long.as_str()),
            ],
        );
        assert_eq!(
            said,
            ["a.rs:600: 601 lines, at most 600; split it where a second idea begins"]
        );

        let files = [
            ("a.rs".to_owned(), long),
            ("b.rs".to_owned(), "x\n".to_owned()),
        ]
        .into();
        let mut slips = Vec::new();
        judge_lengths(
            &Tree { files },
            &[("a.rs", "why"), ("b.rs", "why"), ("gone.rs", "why")],
            &mut slips,
        );
        let places: Vec<&str> = slips.iter().map(|slip| slip.path.as_str()).collect();
        assert_eq!(places, ["b.rs", "gone.rs"]);
    }

    #[test]
    fn a_source_without_an_opening_sentence_is_a_slip() {
        let good = "//! Says what\n//! it is.\n//!\n//! more\n";
        let said = said(
            opening_sentence,
            &[
                ("a.rs", good),
                ("b.rs", "use x;\n"),
                ("c.rs", "//! placeholder\n"),
            ],
        );
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("b.rs:1: open the file with"));
        assert!(said[1].starts_with("c.rs:1: open the file with"));
    }
}
