//! The process dies, or the power goes, at every changing step of every operation.

use crate::{made, opened, record};
use keepwhole_vault::{Account, Field, MemoryFiles, VaultError};

/// Runs `change` with a death at each step, before and after it is done, with and without the loss of power.
fn at_every_step(
    prepare: impl Fn(&MemoryFiles),
    change: impl Fn(&MemoryFiles) -> Result<(), VaultError>,
    check: impl Fn(&MemoryFiles, &str),
) {
    let files = MemoryFiles::default();
    prepare(&files);
    let before = files.steps();
    change(&files).unwrap();
    let steps = files.steps() - before;
    assert!(steps > 5, "{steps} steps are too few to be all");
    for step in 1..=steps {
        for done in [false, true] {
            for power in [false, true] {
                let files = MemoryFiles::default();
                prepare(&files);
                files.die_at(step, done);
                assert!(change(&files).is_err(), "step {step} must be felt");
                if power {
                    files.lose_power();
                } else {
                    files.restart();
                }
                check(
                    &files,
                    &format!("step {step} of {steps}, done {done}, power lost {power}"),
                );
            }
        }
    }
}

fn kept(files: &MemoryFiles, account: &str) {
    let mut vault = made(files).unwrap();
    let kept = vault.put(account, &record(account)).unwrap();
    vault.confirm(&kept).unwrap();
}

#[test]
fn a_put_that_was_cut_short_is_repeated_and_hurts_nobody_else() {
    at_every_step(
        |files| kept(files, "c1"),
        |files| {
            let mut vault = opened(files)?;
            let new = vault.put("c2", &record("c2"))?;
            vault.confirm(&new)
        },
        |files, place| {
            let mut vault = opened(files).unwrap();
            let first = vault.subject("c1").unwrap();
            let records = vault.records(&first).unwrap();
            assert!(vault.read(&first, &records[0]).is_ok(), "{place}");
            for pending in vault.pending().unwrap() {
                vault.confirm(&pending).unwrap();
            }
            let again = vault.put("c2", &record("c2")).unwrap();
            vault.confirm(&again).unwrap();
            assert!(vault.read(&again.subject, &again.record).is_ok(), "{place}");
            assert!(
                vault
                    .find(Field::Email, "c2@example.com")
                    .unwrap()
                    .contains(&again.subject),
                "{place}"
            );
        },
    );
}

#[test]
fn an_erasure_that_was_cut_short_is_finished_and_nothing_of_the_person_opens() {
    at_every_step(
        |files| {
            kept(files, "c1");
            kept(files, "c2");
        },
        |files| {
            let mut vault = opened(files)?;
            let Account::Subject(subject) = vault.account("c1")? else {
                return Ok(());
            };
            vault.erase(&subject).map(drop)
        },
        |files, place| {
            // The journal knows whom; here: whoever is not the other one.
            let mut vault = opened(files).unwrap();
            let other = vault.subject("c2").unwrap();
            let paths = files
                .copy("records/")
                .into_iter()
                .chain(files.copy("wrapped/subjects/"));
            let subjects: Vec<[u8; 16]> = paths.filter_map(|(path, _)| subject_of(&path)).collect();
            for subject in subjects.into_iter().filter(|subject| *subject != other) {
                vault.erase(&subject).unwrap();
                assert!(!vault.erase(&subject).unwrap(), "{place}: done once");
            }
            assert_eq!(vault.account("c1").unwrap(), Account::Erased, "{place}");
            assert!(vault.find(Field::Name, "c1").unwrap().is_empty(), "{place}");
            assert!(
                matches!(vault.put("c1", &record("c1")), Err(VaultError::Erased)),
                "{place}"
            );
            assert_eq!(vault.subjects().unwrap(), [other], "{place}");
            let records = vault.records(&other).unwrap();
            assert!(vault.read(&other, &records[0]).is_ok(), "{place}");
        },
    );
}

fn subject_of(path: &str) -> Option<[u8; 16]> {
    let name = path.split('/').find(|part| part.len() == 32)?;
    let bytes: Vec<u8> = (0..16)
        .filter_map(|at| u8::from_str_radix(&name[2 * at..2 * at + 2], 16).ok())
        .collect();
    bytes.try_into().ok()
}

#[test]
fn a_rewrap_that_was_cut_short_loses_no_key_and_ends_with_one_vault_key() {
    at_every_step(
        |files| {
            kept(files, "c1");
            kept(files, "c2");
        },
        |files| opened(files)?.rewrap().map(drop),
        |files, place| {
            for round in 0..2 {
                let mut vault = opened(files).unwrap();
                for account in ["c1", "c2"] {
                    let subject = vault.subject(account).unwrap();
                    let records = vault.records(&subject).unwrap();
                    assert!(
                        vault.read(&subject, &records[0]).is_ok(),
                        "{place}, round {round}"
                    );
                }
                vault.rewrap().unwrap();
                assert_eq!(files.copy("key/").len(), 1, "{place}, round {round}");
            }
        },
    );
}

#[test]
fn a_vault_whose_making_was_cut_short_is_made_by_the_next() {
    at_every_step(
        |_| {},
        |files| made(files).map(drop),
        |files, place| {
            kept(files, "c1");
            let vault = opened(files).unwrap();
            assert!(
                matches!(vault.account("c1"), Ok(Account::Subject(_))),
                "{place}"
            );
        },
    );
}
