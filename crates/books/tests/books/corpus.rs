//! The table of bad inputs: each file of `tests/corpus` gets exactly the message that stands in `messages.txt`, and
//! nothing of it would be recorded (row 31 of the faults).

use crate::paper::{Paper, look};
use keepwhole_books::profile::Profile;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// What is said of a file of the corpus; a part of its name may name the profile or ask for order.
pub(crate) fn said_of(path: &Path) -> String {
    let paper = Paper::with(&[("BTC", 8), ("KRW", 0)]);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let parts: Vec<&str> = name.split('.').collect();
    let profile = ["peatio", "hollaex"]
        .into_iter()
        .find(|known| parts.contains(known))
        .unwrap_or("generic");
    let profile = Profile::built_in(profile).unwrap();
    match look(&paper, &profile, path, parts.contains(&"ordered")) {
        Err(fault) => fault.in_file(&name),
        Ok(came) => match came.refused.first() {
            Some(fault) => fault.in_file(&name),
            None => format!("`{name}` accepted"),
        },
    }
}

#[test]
fn each_bad_file_is_refused_with_its_exact_message() {
    let listed = fs::read_to_string(folder().with_file_name("messages.txt")).unwrap();
    let expected: BTreeMap<&str, &str> = listed
        .lines()
        .filter_map(|line| line.split_once("` ").map(|(name, _)| (name, line)))
        .collect();
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 60, "{} files", files.len());
    let found: Vec<String> = files.iter().map(|path| said_of(path)).collect();
    // The list that the messages now make, to compare and to replace the file by.
    let list = std::env::temp_dir().join("keepwhole-books-messages.txt");
    fs::write(list, found.join("\n") + "\n").unwrap();
    for said in &found {
        let name = said.split_once("` ").unwrap().0;
        assert_eq!(Some(said.as_str()), expected.get(name).copied());
        assert!(!said.ends_with("accepted"), "{said}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Files without a word in them; they can't lie in the corpus, where an empty file is taken for a forgotten one.
#[test]
fn files_of_nothing_are_refused_too() {
    for (content, says) in [
        ("", "the file is empty"),
        ("\n\n\n", "only blanks"),
        ("   \n", "only blanks"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nothing.csv");
        fs::write(&path, content).unwrap();
        let said = said_of(&path);
        assert!(
            said.starts_with("`nothing.csv` ") && said.contains(says),
            "{said}"
        );
    }
}
