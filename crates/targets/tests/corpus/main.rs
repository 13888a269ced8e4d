//! Every target over its committed corpus and over mutations of it, with a fixed seed, on the stable toolchain.
//!
//! `KEEPWHOLE_FUZZ=1000000` sets how many mutations each target gets. A failure names target, seed and round, and leaves the
//! bytes in the system's temporary folder; they then go into `crates/targets/corpus/TARGET/` with the mending.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

mod mutation;

use keepwhole_targets::{TARGETS, Target};
use mutation::Mutator;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Mutations of each target in an ordinary run.
const ROUNDS: u64 = 3_000;

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name)
}

fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|_| panic!("no corpus in {}", folder.display()));
    let mut all: Vec<(String, Vec<u8>)> = files
        .map(|file| file.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    all.sort();
    assert!(
        !all.is_empty(),
        "{}: an empty corpus shows nothing",
        target.name
    );
    all
}

fn rounds() -> u64 {
    std::env::var("KEEPWHOLE_FUZZ").map_or(ROUNDS, |text| {
        text.parse().expect("KEEPWHOLE_FUZZ is a number")
    })
}

/// `fuzz/` runs the same targets under libFuzzer: one binary each, and no other.
#[test]
fn every_target_has_a_binary_of_its_own_in_fuzz() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let files = fs::read_dir(fuzz.join("fuzz_targets")).unwrap();
    assert_eq!(files.count(), TARGETS.len());
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    for Target { name, .. } in TARGETS {
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs")));
        let call = format!("keepwhole_targets::run(\"{name}\", bytes)");
        assert!(source.unwrap().contains(&call), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
}

/// What a file is called says what its reader makes of it: a seed that is refused at the first byte would test only that.
#[test]
fn every_target_takes_its_good_files_and_refuses_its_bad_ones() {
    let mut wrong = Vec::new();
    for target in TARGETS {
        for (name, bytes) in corpus(target) {
            let taken = catch_unwind(|| (target.run)(&bytes));
            let Ok(taken) = taken else {
                panic!("target {} on corpus file {name}", target.name);
            };
            let (good, bad) = (name.starts_with("good"), name.starts_with("bad-"));
            if !(good || bad) || taken != good {
                wrong.push(format!("{}/{name}: taken: {taken}", target.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_target_keeps_its_promise_over_mutations() {
    for target in TARGETS {
        let corpus: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, bytes)| bytes).collect();
        let mut mutator = Mutator::new(0x6b65_6570, &corpus);
        for round in 0..rounds() {
            let bytes = mutator.next();
            let kept = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes)));
            if kept.is_err() {
                let left = std::env::temp_dir().join(format!("keepwhole-{}-{round}", target.name));
                fs::write(&left, &bytes).unwrap();
                panic!(
                    "target {} in round {round}; the bytes are in {}",
                    target.name,
                    left.display()
                );
            }
        }
    }
}

/// A corpus that no reader accepts would only test the first check: of each, something must be taken.
#[test]
fn every_corpus_has_a_file_without_a_fault_and_no_file_is_large() {
    for target in TARGETS {
        let files = corpus(target);
        assert!(
            files.iter().any(|(name, _)| name.starts_with("good")),
            "{}: no file named good*",
            target.name
        );
        assert!(
            files.iter().all(|(_, bytes)| bytes.len() <= 64 * 1024),
            "{}",
            target.name
        );
    }
}

#[test]
fn every_folder_of_the_corpus_is_a_target() {
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
        let name = folder.unwrap().file_name().to_string_lossy().into_owned();
        assert!(keepwhole_targets::target(&name).is_some(), "{name}");
    }
}
