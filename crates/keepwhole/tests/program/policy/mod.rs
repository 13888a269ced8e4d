//! Policy as a file: each refusal with its words, the ready policies, and what the verbs of `policy` answer.

mod checks;
mod diffs;
mod refusals;
mod verbs;

use std::path::{Path, PathBuf};

use keepwhole::policy::render::render;
use keepwhole::policy::{PolicyFile, read};

/// The policies to start from.
pub(crate) const READY: [&str; 4] = ["small", "large", "watch-only", "kr-self-regulation"];

pub(crate) fn ready_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../policies")
        .join(format!("{name}.toml"))
}

pub(crate) fn ready_text(name: &str) -> String {
    std::fs::read_to_string(ready_path(name)).unwrap()
}

pub(crate) fn ready(name: &str) -> PolicyFile {
    read(&format!("{name}.toml"), &ready_text(name), None)
        .unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn every_ready_policy_is_read() {
    for name in READY {
        let found = ready(name);
        assert_eq!(found.policy.version, 1);
        assert!(!found.policy.rules.is_empty(), "{name}");
        assert!(found.policy.holdings_guard, "{name}");
    }
}

#[test]
fn a_policy_written_out_reads_as_itself() {
    for name in READY {
        let first = ready(name);
        let text = render(&first.policy, &first.names);
        let again =
            read("again.toml", &text, None).unwrap_or_else(|refused| panic!("{refused}\n{text}"));
        assert_eq!(again.policy, first.policy, "{text}");
    }
}

#[test]
fn a_rule_says_the_same_in_both_languages() {
    use keepwhole::policy::rules::words;
    for name in READY {
        for rule in ready(name).policy.rules.iter() {
            let (english, korean) = words(rule);
            assert!(english.is_ascii(), "{english}");
            assert!(!korean.is_ascii(), "{korean}");
        }
    }
}
