//! A file read value by value: what is taken, and every fault with its line, key, value, reason and fix.

use keepwhole_settings::{Check, Number, Text, Whole, read, shown};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Whole,
    name: Text,
    count: Option<Whole>,
    amount: Text,
    listen: Text,
    file: Text,
    below: Text,
    mode: Text,
    list: Vec<Text>,
}

#[derive(Debug, PartialEq)]
struct Settings {
    name: String,
    count: u64,
    amount: u128,
    listen: String,
    file: PathBuf,
    below: PathBuf,
    mode: u8,
    list: Vec<String>,
}

const COUNT: Number = Number {
    key: "count",
    default: 7,
    least: 2,
    most: 9,
    unit: "doors",
};

fn checked(check: &mut Check<'_>, raw: &Raw) -> Option<Settings> {
    let listen = check.address(&raw.listen, "listen", "127.0.0.1:1");
    let mode = check.one_of(&raw.mode, "mode", &[("open", 1), ("closed", 2)]);
    Some(Settings {
        name: check.name(&raw.name, "name"),
        count: check.number(raw.count.as_ref(), &COUNT),
        amount: check.amount(&raw.amount, "amount"),
        listen: listen?.to_string(),
        file: check.anywhere(&raw.file, "file", "keys/a"),
        below: check.inside(&raw.below, "below", "keys/b"),
        mode: mode?,
        list: check.names(&raw.list, "list").into_iter().collect(),
    })
}

fn parsed(text: &str) -> Result<Settings, String> {
    read(text, 1, |raw: &Raw| &raw.version, checked).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

const GOOD: &str = r#"version = 1
name = "desk"
count = 3
amount = "1500000"
listen = "127.0.0.1:8650"
file = "/run/key"
below = "keys/b"
mode = "closed"
list = ["a", "b"]
"#;

#[test]
fn a_good_file_gives_its_values() {
    let settings = parsed(GOOD).expect("good");
    assert_eq!(settings.name, "desk");
    assert_eq!((settings.count, settings.amount), (3, 1_500_000));
    assert_eq!(settings.listen, "127.0.0.1:8650");
    assert_eq!(settings.file, PathBuf::from("/run/key"));
    assert_eq!((settings.mode, settings.list.len()), (2, 2));
    let without = GOOD.replace("count = 3\n", "");
    assert_eq!(parsed(&without).expect("good").count, 7);
}

/// What is replaced, by what, and the fault that comes of it.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "version = 1",
        "version = 2",
        "line 1: `version`: `2` is not known; this program reads version `1`",
    ),
    (
        "\"desk\"",
        "\"two words\"",
        "line 2: `name`: `two words` is not 1 to 128 visible characters",
    ),
    (
        "\"desk\"",
        "\"\"",
        "line 2: `name`: `` is not 1 to 128 visible characters",
    ),
    (
        "count = 3",
        "count = 1",
        "line 3: `count`: `1` is outside `2` to `9` doors",
    ),
    (
        "count = 3",
        "count = 10",
        "line 3: `count`: `10` is outside `2` to `9` doors",
    ),
    (
        "count = 3",
        "count = -3",
        "line 3: `count`: `-3` is outside `2` to `9` doors",
    ),
    (
        "\"1500000\"",
        "\"1e6\"",
        "line 4: `amount`: `1e6` is not an amount in minor units such as `\"1500000\"`",
    ),
    (
        "127.0.0.1:8650",
        "localhost:8650",
        "line 5: `listen`: `localhost:8650` is not an address with a port such as `127.0.0.1:1`",
    ),
    (
        "/run/key",
        "../key",
        "line 6: `file`: `../key` is not a plain path inside the installation such as `keys/a`",
    ),
    (
        "/run/key",
        "/run/k\\u0000",
        "line 6: `file`: `/run/k\\0` is not a plain path inside the installation such as `keys/a`",
    ),
    (
        "\"keys/b\"",
        "\"/keys/b\"",
        "line 7: `below`: `/keys/b` is not a plain path inside the installation such as `keys/b`",
    ),
    (
        "\"closed\"",
        "\"ajar\"",
        "line 8: `mode`: `ajar` is none of `open`, `closed`",
    ),
    ("\"b\"]", "\"a\"]", "line 9: `list`: `a` stands twice"),
];

#[test]
fn each_fault_has_its_line_key_and_reason() {
    for (from, to, expected) in FAULTS {
        assert!(GOOD.contains(from), "{from}");
        assert_eq!(
            parsed(&GOOD.replace(from, to)),
            Err((*expected).to_owned()),
            "{to}"
        );
    }
}

#[test]
fn unknown_repeated_and_broken_keys_are_told_with_their_line() {
    for (text, expected) in [
        (
            format!("{GOOD}colour = \"red\"\n"),
            "line 10: unknown field `colour`",
        ),
        (format!("{GOOD}name = \"again\"\n"), "line 10: "),
        (
            GOOD.replace("count = 3", "count = \"3\""),
            "line 3: invalid type",
        ),
        (GOOD.replace("amount = \"1500000\"", "amount ="), "line 4: "),
    ] {
        let told = parsed(&text).expect_err("refused");
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn all_faults_come_at_once_in_the_order_of_lines() {
    let text = GOOD.replace("closed", "ajar").replace("\"desk\"", "\"\"");
    let told = parsed(&text).expect_err("refused");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("line 2") && lines[1].starts_with("line 8"));
}

#[test]
fn what_is_shown_is_short_and_escaped() {
    assert_eq!(shown("a\u{1b}[31m"), "a\\u{1b}[31m");
    assert_eq!(shown(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
}
