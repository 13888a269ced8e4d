//! Documents: the paths that ARCHITECTURE.md names exist, and shell blocks are either run or say that they are not.

use super::{Slip, Tree};
use crate::readme::blocks;

/// Every path in backticks in ARCHITECTURE.md is a file or folder of the project.
///
/// A path is a word with a `/` whose first folder is one of ours, or that ends like a source or document.
pub(super) fn paths_exist(tree: &Tree, slips: &mut Vec<Slip>) {
    let path = "ARCHITECTURE.md";
    let Some(text) = tree.files.get(path) else {
        slips.push(Slip {
            path: path.to_owned(),
            line: 1,
            what: "not there; it is the map of the project".to_owned(),
        });
        return;
    };
    for (number, line) in text.lines().enumerate() {
        for word in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| looks_like_a_path(tree, word))
        {
            if !tree.has(word) {
                let what =
                    format!("`{word}` is not there; name the path from the root of the project");
                slips.push(Slip {
                    path: path.to_owned(),
                    line: number + 1,
                    what,
                });
            }
        }
    }
}

fn looks_like_a_path(tree: &Tree, word: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let Some((first, _)) = word.split_once('/') else {
        return false;
    };
    let source = [".rs", ".md", ".toml", ".txt", ".mjs", ".py"]
        .iter()
        .any(|end| word.ends_with(end));
    word.chars().all(plain)
        && !first.is_empty()
        && !first.starts_with('.')
        && (source || tree.has(first))
}

/// Shell blocks of README.md and docs/ are fenced as `sh`, with words that the runner knows after it.
pub(super) fn blocks_are_run(tree: &Tree, slips: &mut Vec<Slip>) {
    let document =
        |path: &str| path == "README.md" || (path.starts_with("docs/") && path.ends_with(".md"));
    for (path, text) in tree.files.iter().filter(|(path, _)| document(path)) {
        for block in blocks(text) {
            let Some((language, words)) = block.info.split_first() else {
                continue;
            };
            let unknown = words
                .iter()
                .find(|word| !["no-run", "serves", "in-clone"].contains(&word.as_str()));
            let what = match (language.as_str(), unknown) {
                ("bash" | "shell" | "console" | "zsh", _) => {
                    format!("a `{language}` block is not run; fence it as `sh`, or `sh no-run`")
                }
                ("sh", Some(word)) => format!(
                    "`{word}` says nothing about a block; use `no-run`, `serves` or `in-clone`"
                ),
                _ => continue,
            };
            slips.push(Slip {
                path: path.clone(),
                line: block.line,
                what,
            });
        }
    }
}

/// Every test that docs/faults.md names is there: a row of the matrix without its test would be a promise only.
pub(super) fn fault_tests_exist(tree: &Tree, slips: &mut Vec<Slip>) {
    let path = "docs/faults.md";
    let Some(text) = tree.files.get(path) else {
        return;
    };
    let sources = tree.files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let sources: Vec<&str> = sources.map(|(_, text)| text.as_str()).collect();
    for (number, line) in text.lines().enumerate() {
        let words = line.split('`').skip(1).step_by(2);
        let named = |word: &&str| word.matches('_').count() > 2 && !word.contains(['/', '.', '=']);
        for word in words.filter(named) {
            let function = format!("fn {word}(");
            if !sources.iter().any(|text| text.contains(&function)) {
                let what = format!("no test `{word}`; name the test that shows this row");
                slips.push(Slip {
                    path: path.to_owned(),
                    line: number + 1,
                    what,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    #[test]
    fn a_path_that_is_not_there_is_a_slip() {
        let map = "see `crates/core/src/a.rs`, `crates/core`, `gone/b.rs`, `crates/gone/`,\n`text/html`, `init`, `a / b`, `/journal`\n";
        let said = said(
            paths_exist,
            &[("ARCHITECTURE.md", map), ("crates/core/src/a.rs", "x")],
        );
        assert_eq!(
            said,
            [
                "ARCHITECTURE.md:1: `gone/b.rs` is not there; name the path from the root of the project",
                "ARCHITECTURE.md:1: `crates/gone/` is not there; name the path from the root of the project",
            ]
        );
    }

    #[test]
    fn a_missing_map_is_a_slip() {
        assert_eq!(
            said(paths_exist, &[]),
            ["ARCHITECTURE.md:1: not there; it is the map of the project"]
        );
    }

    #[test]
    fn a_shell_block_that_nobody_runs_is_a_slip() {
        let text = "```bash\nx\n```\n```sh norun\nx\n```\n```sh no-run\nx\n```\n```text\nx\n```\n```\nx\n```\n";
        let said = said(
            blocks_are_run,
            &[("docs/a.md", text), ("CONTRIBUTING.md", text)],
        );
        assert_eq!(
            said,
            [
                "docs/a.md:1: a `bash` block is not run; fence it as `sh`, or `sh no-run`",
                "docs/a.md:4: `norun` says nothing about a block; use `no-run`, `serves` or `in-clone`",
            ]
        );
    }

    #[test]
    fn a_fault_without_its_test_is_a_slip() {
        let files = [
            (
                "docs/faults.md",
                "| 7 | `row_07_it_is_found` |\n| 8 | `row_08_nobody_wrote_it` |\n",
            ),
            ("crates/a/tests/a/main.rs", "fn row_07_it_is_found() {}"),
        ];
        assert_eq!(
            said(fault_tests_exist, &files),
            [
                "docs/faults.md:2: no test `row_08_nobody_wrote_it`; name the test that shows this row"
            ]
        );
    }
}
