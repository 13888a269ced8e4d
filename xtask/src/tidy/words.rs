//! Words that no committed file may hold: unfinished work, debugging, and places of one machine.

use super::{Slip, Tree};

/// Each word in two halves, so that this list does not find itself; and why not.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    (
        "TO",
        "DO",
        "unfinished; do it, or open an issue and name it",
    ),
    (
        "FIX",
        "ME",
        "unfinished; do it, or open an issue and name it",
    ),
    ("dbg", "!(", "debugging; take it out"),
    (
        "#[ig",
        "nore",
        "a test that never runs; run it or delete it",
    ),
    (
        "/wor",
        "k/",
        "a path of one machine; name it from the root of the project",
    ),
    (
        "/tm",
        "p/wt",
        "a path of one machine; name it from the root of the project",
    ),
    (
        "/roo",
        "t/",
        "a path of one machine; name it from the root of the project",
    ),
    (
        "/hom",
        "e/",
        "a path of one machine; name it from the root of the project",
    ),
    (
        "/Use",
        "rs/",
        "a path of one machine; name it from the root of the project",
    ),
    (
        ".lib",
        "rary/",
        "a path of one machine; name it from the root of the project",
    ),
];

/// No forbidden word stands in any file.
pub(super) fn forbidden(tree: &Tree, slips: &mut Vec<Slip>) {
    // Lock files hold checksums and addresses of others.
    let ours = |path: &str| !path.ends_with("Cargo.lock") && !path.ends_with("package-lock.json");
    for (path, text) in tree.files.iter().filter(|(path, _)| ours(path)) {
        for (front, back, why) in FORBIDDEN {
            let word = format!("{front}{back}");
            if !text.contains(&word) {
                continue;
            }
            for (number, _) in text
                .lines()
                .enumerate()
                .filter(|(_, line)| stands_alone(line, &word))
            {
                slips.push(Slip {
                    path: path.clone(),
                    line: number + 1,
                    what: format!("`{word}`: {why}"),
                });
            }
        }
    }
}

/// True if the word is in the line and is no part of a longer word or of a web address.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().unwrap_or(' ');
        let after = line[at + word.len()..].chars().next().unwrap_or(' ');
        let ends_in_letter = word.ends_with(|letter: char| letter.is_alphanumeric());
        !(before.is_alphanumeric() || ends_in_letter && after.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    #[test]
    fn each_forbidden_word_is_a_slip() {
        for (front, back, _) in FORBIDDEN {
            let text = format!("fine\nsome {front}{back} here\n");
            let said = said(forbidden, &[("a.md", text.as_str())]);
            assert_eq!(said.len(), 1, "{front}{back}");
            assert!(
                said[0].starts_with(&format!("a.md:2: `{front}{back}`: ")),
                "{}",
                said[0]
            );
        }
    }

    #[test]
    fn a_word_inside_another_is_fine() {
        let inside = format!(
            "MAS{}{} https://example.org{}{}x",
            "TO", "DOS", "/wor", "k/"
        );
        assert_eq!(
            said(forbidden, &[("a.md", inside.as_str())]),
            Vec::<String>::new()
        );
    }
}
