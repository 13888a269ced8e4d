//! Purity of the crates whose result must be the same on every machine, beyond what compiler and clippy see.
//!
//! Three slips that pass both, seen on Rust 1.95: `extern crate std` reopens the standard library inside a `no_std`
//! crate; floats whose type is inferred pass the float lints; a crate's own `clippy.toml` replaces the workspace's.

use super::rust_text::shipped_code;
use super::{Slip, Tree};

/// Folders of sources that are pure.
const PURE: &[&str] = &["crates/core/src/", "crates/verify/src/"];
/// Inside them, but programs: they read files and print.
const PROGRAMS: &[&str] = &[
    "crates/verify/src/main.rs",
    "crates/verify/src/main/",
    "crates/verify/src/bin/",
];
/// Number types that `as` may silently cut or re-sign into.
const NUMBERS: &[&str] = &[
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32",
    "f64",
];

/// The pure sources: path and shipped code, without test modules.
fn pure_sources(tree: &Tree) -> impl Iterator<Item = (&String, String)> {
    let pure = |path: &str| PURE.iter().any(|folder| path.starts_with(folder));
    let program = |path: &str| PROGRAMS.iter().any(|start| path.starts_with(start));
    let test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    let chosen = move |path: &str| pure(path) && !program(path) && !test(path);
    tree.rust()
        .filter(move |(path, _)| chosen(path))
        .map(|(path, text)| (path, shipped_code(text)))
}

/// The roots say `no_std`, and nothing reaches for `std`.
pub(super) fn no_std(tree: &Tree, slips: &mut Vec<Slip>) {
    for (path, code) in pure_sources(tree) {
        if path.ends_with("src/lib.rs") && !code.contains("#![no_std]") {
            let what = "a pure crate; say `#![no_std]` at its top".to_owned();
            slips.push(Slip {
                path: path.clone(),
                line: 1,
                what,
            });
        }
        for (number, line) in code.lines().enumerate() {
            let words = words(line);
            let path_to_std = words.windows(2).any(|pair| pair == ["std", "::"]);
            if path_to_std || words.windows(2).any(|pair| pair == ["crate", "std"]) {
                let what =
                    "`std` in a pure crate; use `core` or `alloc`, or take it as an argument"
                        .to_owned();
                slips.push(Slip {
                    path: path.clone(),
                    line: number + 1,
                    what,
                });
            }
        }
    }
}

/// No floats, no maps with an order of their own, no `as` between numbers.
pub(super) fn no_floats_maps_or_casts(tree: &Tree, slips: &mut Vec<Slip>) {
    for (path, code) in pure_sources(tree) {
        for (number, line) in code.lines().enumerate() {
            let words = words(line);
            let mut slip = |what: String| {
                slips.push(Slip {
                    path: path.clone(),
                    line: number + 1,
                    what,
                })
            };
            if let Some(float) = words.iter().find(|word| is_float(word)) {
                slip(format!("`{float}` is a float; use integers of minor units"));
            }
            if let Some(map) = words
                .iter()
                .find(|word| ["HashMap", "HashSet"].contains(word))
            {
                slip(format!(
                    "`{map}` has no order; use `BTreeMap`, `BTreeSet` or a vector"
                ));
            }
            if let Some(cast) = words
                .windows(2)
                .find(|pair| pair[0] == "as" && NUMBERS.contains(&pair[1]))
            {
                slip(format!(
                    "`as {0}` may cut a number; use `{0}::from` or `{0}::try_from`",
                    cast[1]
                ));
            }
        }
    }
}

/// Each pure crate repeats every setting of the workspace's `clippy.toml` in its own.
pub(super) fn own_clippy_file(tree: &Tree, slips: &mut Vec<Slip>) {
    let Some(workspace) = tree.files.get("clippy.toml") else {
        return;
    };
    for folder in PURE {
        let path = folder.replace("src/", "clippy.toml");
        let own = tree.files.get(&path).map_or("", String::as_str);
        for setting in workspace
            .lines()
            .filter(|line| line.contains('=') && !line.starts_with('#'))
        {
            if !own.lines().any(|line| line == setting) {
                let what = format!(
                    "`{setting}` of the workspace's clippy.toml is missing; repeat it, this file replaces that one"
                );
                slips.push(Slip {
                    path: path.clone(),
                    line: 1,
                    what,
                });
            }
        }
    }
}

/// The words of a line: names, numbers with their point, and `::`.
fn words(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut length = rest
            .find(|letter: char| !name(letter))
            .unwrap_or(rest.len());
        if first.is_ascii_digit() && length < rest.len() {
            // A point belongs to a number unless a range or a method follows it.
            let after = rest[length..].strip_prefix('.');
            if let Some(digits) = after.filter(|after| {
                !after.starts_with(|letter: char| letter == '.' || letter.is_alphabetic())
            }) {
                length += 1 + digits
                    .find(|letter: char| !name(letter))
                    .unwrap_or(digits.len());
            }
        } else if length == 0 {
            length = if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
        }
        let (word, after) = rest.split_at(length);
        found.push(word);
        // `a.0.1` is a field of a field, not a number with a point.
        rest = match after
            .strip_prefix('.')
            .filter(|_| word == ")" || word == "]" || name(first))
        {
            Some(field) if field.starts_with(|letter: char| letter.is_ascii_digit()) => {
                field.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.')
            }
            _ => after,
        }
        .trim_start();
    }
    found
}

fn is_float(word: &str) -> bool {
    let number =
        word.starts_with(|letter: char| letter.is_ascii_digit()) && !word.starts_with("0x");
    let typed = word.ends_with("f32") || word.ends_with("f64");
    let exponent = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    let exponent = exponent
        .strip_prefix(['e', 'E'])
        .is_some_and(|digits| digits.starts_with(|d: char| d.is_ascii_digit()));
    word == "f32" || word == "f64" || (number && (word.contains('.') || typed || exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    #[test]
    fn std_in_a_pure_crate_is_a_slip() {
        let lib = "//! x\nextern crate std;\nuse std::fs;\n// std::fs in words is fine\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let said = said(
            no_std,
            &[
                ("crates/core/src/lib.rs", lib),
                ("crates/keepwhole/src/lib.rs", "use std::fs;"),
            ],
        );
        assert_eq!(said.len(), 3);
        assert!(said[0].starts_with("crates/core/src/lib.rs:1: a pure crate; say `#![no_std]`"));
        assert!(said[1].starts_with("crates/core/src/lib.rs:2: `std` in a pure crate"));
        assert!(said[2].starts_with("crates/core/src/lib.rs:3: `std` in a pure crate"));
    }

    #[test]
    fn the_program_beside_the_pure_library_may_use_std() {
        assert!(said(no_std, &[("crates/verify/src/main.rs", "use std::fs;")]).is_empty());
    }

    #[test]
    fn floats_maps_and_casts_are_slips() {
        let slip = |line: &str| said(no_floats_maps_or_casts, &[("crates/verify/src/a.rs", line)]);
        for line in [
            "let x = 1.5;",
            "let x: f64;",
            "if a > 2. {",
            "let x = 1e9;",
            "let x = 3f32;",
            "f(x.1, 0.5)",
        ] {
            assert!(slip(line)[0].contains("is a float"), "{line}");
        }
        assert_eq!(
            slip("use HashMap;"),
            [
                "crates/verify/src/a.rs:1: `HashMap` has no order; use `BTreeMap`, `BTreeSet` or a vector"
            ]
        );
        assert_eq!(
            slip("x as u32"),
            [
                "crates/verify/src/a.rs:1: `as u32` may cut a number; use `u32::from` or `u32::try_from`"
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_float_is_fine() {
        let fine = "0..5 1..=2 x.0.1 y().0.1 z[1].0 1_000u64 0x1e5 2.pow(3) \"1.5\" 1.max(2) use a as b; tuple.0 .5";
        assert_eq!(
            said(no_floats_maps_or_casts, &[("crates/core/src/a.rs", fine)]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_setting_that_a_pure_crate_does_not_repeat_is_a_slip() {
        let said = said(
            own_clippy_file,
            &[
                ("clippy.toml", "# note\na = 1\nb = 2\n"),
                ("crates/core/clippy.toml", "a = 1\nb = 2\nc = 3\n"),
                ("crates/verify/clippy.toml", "a = 1\n"),
            ],
        );
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with(
            "crates/verify/clippy.toml:1: `b = 2` of the workspace's clippy.toml is missing"
        ));
    }
}
