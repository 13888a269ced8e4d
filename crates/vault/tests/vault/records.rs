//! Keeping, reading, finding, and what is refused.

use crate::{made, opened, record};
use keepwhole_vault::{Account, Field, MemoryFiles, PersonalRecord, VaultError};

#[test]
fn what_is_kept_is_read_and_found_after_opening_again() {
    let files = MemoryFiles::default();
    let mut vault = made(&files).unwrap();
    let kept = vault.put("c1", &record("kim")).unwrap();
    assert_eq!(vault.pending().unwrap(), [kept]);
    assert!(
        vault.records(&kept.subject).unwrap().is_empty(),
        "not before the journal has it"
    );
    vault.confirm(&kept).unwrap();
    let second = vault.put("c1", &record("kim")).unwrap();
    vault.confirm(&second).unwrap();
    assert_eq!(second.subject, kept.subject);
    assert_ne!(second.commit, kept.commit, "the salt is another");
    let other = vault.put("c2", &record("lee")).unwrap();
    vault.confirm(&other).unwrap();
    let vault = opened(&files).unwrap();
    assert!(vault.pending().unwrap().is_empty());
    assert_eq!(vault.subject("c1").unwrap(), kept.subject);
    assert_eq!(vault.records(&kept.subject).unwrap().len(), 2);
    let (found, personal) = vault.read(&kept.subject, &kept.record).unwrap();
    assert_eq!((found, personal.value(Field::Name)), (kept, Some("kim")));
    assert_eq!(
        vault.find(Field::Email, "KIM@ example.com").unwrap(),
        [kept.subject]
    );
    assert!(
        vault
            .find(Field::Name, "kim@example.com")
            .unwrap()
            .is_empty(),
        "fields do not mix"
    );
    assert!(
        vault
            .find(Field::Email, "park@example.com")
            .unwrap()
            .is_empty()
    );
    let wrong = vault.read(&other.subject, &kept.record);
    assert!(matches!(wrong, Err(VaultError::UnknownRecord)));
    assert_eq!(vault.account("c3").unwrap(), Account::Unknown);
}

#[test]
fn nothing_on_the_disk_says_who_anybody_is() {
    let files = MemoryFiles::default();
    let mut vault = made(&files).unwrap();
    let kept = vault.put("account-c1", &record("gildong")).unwrap();
    vault.confirm(&kept).unwrap();
    let mut all: Vec<u8> = files.raw().concat();
    for (path, _) in files.copy("") {
        all.extend(path.into_bytes());
    }
    for word in ["gildong", "example.com", "1990-01-02", "account-c1"] {
        assert!(
            !all.windows(word.len()).any(|part| part == word.as_bytes()),
            "{word}"
        );
    }
    let shown = format!("{vault:?} {:?}", record("gildong"));
    assert!(!shown.contains("gildong"), "{shown}");
}

#[test]
fn a_record_is_one_object_of_known_texts_and_a_refusal_repeats_nothing() {
    let long = format!(r#"{{"note":"{}"}}"#, "a".repeat(1024 * 1024));
    for bad in [
        "",
        "gildong",
        "[]",
        "{}",
        r#"{"name":""}"#,
        r#"{"name":7}"#,
        r#"{"gildong":"x"}"#,
        r#"{"name":"gildong","name":"y"}"#,
        r#"{"name":"gildong"} x"#,
        r#"{"name":"gildong"#,
        &long,
    ] {
        let refused = PersonalRecord::from_json(bad.as_bytes()).unwrap_err();
        assert_eq!(refused.code(), "malformed_record");
        assert!(!refused.to_string().contains("gildong"), "{refused}");
    }
    assert!(
        PersonalRecord::from_json(b"{\"name\":\"\xff\"}").is_err(),
        "not UTF-8"
    );
}

#[test]
fn a_key_that_others_can_read_is_refused_and_a_changed_file_does_not_open() {
    let files = MemoryFiles::default();
    let mut vault = made(&files).unwrap();
    let kept = vault.put("c1", &record("kim")).unwrap();
    vault.confirm(&kept).unwrap();
    let key = files.copy("key/").remove(0).0;
    for (mode, fine) in [
        (0o600, true),
        (0o400, true),
        (0o640, false),
        (0o604, false),
        (0o700, false),
    ] {
        files.set_mode(&key, mode);
        let outcome = opened(&files);
        assert_eq!(outcome.is_ok(), fine, "{mode:o}");
        if let Err(refused) = outcome {
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
    }
    files.set_mode(&key, 0o600);
    for folder in ["wrapped/subjects", "wrapped/index", "records"] {
        let before = files.copy(folder);
        let (path, bytes) = before[0].clone();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            files.put_back(folder, &[(path.clone(), changed)]);
            let outcome = opened(&files).and_then(|vault| vault.read(&kept.subject, &kept.record));
            assert!(outcome.is_err(), "byte {at} of {path}");
        }
        files.put_back(folder, &before);
    }
    assert!(
        opened(&files)
            .unwrap()
            .read(&kept.subject, &kept.record)
            .is_ok()
    );
}
