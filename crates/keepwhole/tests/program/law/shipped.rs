//! The shipped files: accepted whole, and read as `law/check.py` reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Zoned;
use keepwhole::law::{Load, SourceFile, load};
use keepwhole_core::law::{Confidence, Day, Status, holds_on};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../law")
}

fn shipped(today: Option<Day>) -> Load {
    load(&SourceFile::shipped(), today)
}

/// What `check.py` prints for the shipped files; `None`, said aloud, where there is no Python.
fn check_py(test: &str, arguments: &[&str]) -> Option<String> {
    match Command::new("python3")
        .arg(folder().join("check.py"))
        .args(arguments)
        .output()
    {
        Ok(run) => Some(String::from_utf8(run.stdout).unwrap()),
        Err(cause) => {
            println!("SKIPPED: {test} (python3: {cause})");
            None
        }
    }
}

#[test]
fn the_files_in_the_program_are_the_files_of_the_folder() {
    assert_eq!(
        SourceFile::folder(&folder()).unwrap(),
        SourceFile::shipped()
    );
}

#[test]
fn every_shipped_file_is_accepted_and_counted() {
    let law = shipped(Day::parse("2026-11-22"));
    assert_eq!(law.refusals, []);
    assert_eq!(law.set.rules().len(), 202);
    let mut by_status: BTreeMap<Status, usize> = BTreeMap::new();
    let mut by_confidence: BTreeMap<Confidence, usize> = BTreeMap::new();
    for rule in law
        .set
        .rules()
        .values()
        .filter(|rule| rule.jurisdiction == "KR")
    {
        *by_status.entry(rule.status).or_default() += 1;
        *by_confidence.entry(rule.confidence).or_default() += 1;
    }
    // The counts of "State of checking" in law/README.md.
    assert_eq!(
        by_status.into_values().collect::<Vec<_>>(),
        [93, 7, 11, 8, 11, 1, 2]
    );
    assert_eq!(
        by_confidence.into_values().collect::<Vec<_>>(),
        [1, 82, 46, 4]
    );
    let criteria: Vec<(&str, usize)> = law
        .criteria
        .iter()
        .map(|count| (count.standard.as_str(), count.entries))
        .collect();
    assert_eq!(criteria, [("CCSS", 10), ("ISMS-P", 101 + 25)]);
    assert!(law.files.iter().all(|file| file.accepted));
}

#[test]
fn our_loader_and_check_py_agree() {
    let test = "our_loader_and_check_py_agree";
    let now = Zoned::now().date();
    let today = Day::parse(&now.to_string()).unwrap();
    let law = shipped(Some(today));
    let Some(said) = check_py(test, &[]) else {
        return;
    };
    let last = said.lines().last().unwrap();
    let ours = format!(
        "{} records, {} rejections, {} warnings",
        law.set.rules().len(),
        law.refusals.len(),
        law.warnings.len()
    );
    assert_eq!(last, ours, "{said}");
    let warned = |text: &str| {
        text.split_whitespace()
            .nth(2)
            .unwrap()
            .trim_end_matches(':')
            .to_owned()
    };
    let theirs: BTreeSet<String> = said
        .lines()
        .filter(|line| line.starts_with("warn:"))
        .map(warned)
        .filter(|id| id.contains('-'))
        .collect();
    let ours: BTreeSet<String> = law
        .warnings
        .iter()
        .map(|warning| warning.record.clone())
        .filter(|id| !id.is_empty())
        .collect();
    assert_eq!(theirs, ours);
}

#[test]
fn the_same_rules_hold_on_a_day_as_check_py_says() {
    let law = shipped(None);
    let days = [
        "2019-11-27",
        "2025-11-27",
        "2026-09-30",
        "2026-10-01",
        "2026-11-22",
        "2027-02-18",
        "2027-02-19",
    ];
    for on in days {
        let Some(said) = check_py(
            "the_same_rules_hold_on_a_day_as_check_py_says",
            &["--on", on],
        ) else {
            return;
        };
        let day = Day::parse(on).unwrap();
        let holds = |id: &str| law.set.get(id).is_some_and(|rule| holds_on(rule, day));
        let theirs: Vec<&str> = said
            .lines()
            .filter(|line| law.set.get(line).is_some())
            .collect();
        let ours: Vec<&str> = law.set.on(day).map(|rule| rule.id.as_str()).collect();
        assert_eq!(theirs, ours, "{on}");
        assert!(theirs.iter().all(|id| holds(id)));
    }
}

#[test]
fn a_folder_that_cannot_be_read_says_what_to_give() {
    let empty = tempfile::tempdir().unwrap();
    let said = SourceFile::folder(empty.path()).unwrap_err().to_string();
    assert!(
        said.contains("give the folder that holds the law files"),
        "{said}"
    );
    let said = SourceFile::folder(&empty.path().join("none"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("give a readable folder"), "{said}");
}
