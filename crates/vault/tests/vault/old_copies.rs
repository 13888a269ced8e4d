//! Old copies: what comes back with them, what is noticed, and what stays closed.

use crate::{made, opened, record};
use keepwhole_vault::{Account, MemoryFiles, VaultError};

fn world() -> (MemoryFiles, [u8; 16], [u8; 16]) {
    let files = MemoryFiles::default();
    let mut vault = made(&files).unwrap();
    let kept = vault.put("c1", &record("kim")).unwrap();
    vault.confirm(&kept).unwrap();
    (files, kept.subject, kept.record)
}

#[test]
fn an_old_copy_of_the_records_does_not_open_after_the_erasure() {
    let (files, subject, id) = world();
    let records = files.copy("records/");
    let mut vault = opened(&files).unwrap();
    assert!(vault.erase(&subject).unwrap());
    files.put_back("records/", &records);
    let mut vault = opened(&files).unwrap();
    assert!(matches!(vault.read(&subject, &id), Err(VaultError::Erased)));
    assert!(
        vault.erase(&subject).unwrap(),
        "the next opening destroys the copy too"
    );
    assert!(files.copy("records/").is_empty());
}

#[test]
fn an_old_copy_of_the_keys_is_known_by_its_generation_and_the_erased_are_erased_again() {
    let (files, subject, id) = world();
    let (keys, records) = (files.copy("wrapped/"), files.copy("records/"));
    let mut vault = opened(&files).unwrap();
    vault.erase(&subject).unwrap();
    let journaled = vault.generation();
    files.put_back("wrapped/", &keys);
    files.put_back("records/", &records);
    let mut vault = opened(&files).unwrap();
    assert!(vault.generation() < journaled, "an older store is noticed");
    assert!(
        vault.read(&subject, &id).is_ok(),
        "before the journal is asked, the copy opens"
    );
    assert!(vault.erase(&subject).unwrap());
    vault.advance_past(journaled).unwrap();
    let vault = opened(&files).unwrap();
    assert_eq!(vault.generation(), journaled + 1);
    assert_eq!(vault.account("c1").unwrap(), Account::Erased);
    assert!(matches!(
        vault.read(&subject, &id),
        Err(VaultError::UnknownRecord)
    ));
}

#[test]
fn an_old_copy_of_the_keys_does_not_open_once_the_vault_key_was_replaced() {
    let (files, _, _) = world();
    let keys = files.copy("wrapped/");
    let mut vault = opened(&files).unwrap();
    assert_eq!(
        vault.rewrap().unwrap(),
        2,
        "the person's key and the key of the hashes"
    );
    assert_eq!(vault.key_number(), 2);
    files.put_back("wrapped/", &keys);
    let refused = opened(&files).unwrap_err();
    assert_eq!(refused.code(), "not_opened", "{refused}");
}

#[test]
fn one_old_key_file_among_new_ones_does_not_open_and_is_still_erased() {
    let (files, subject, id) = world();
    let old = files.copy("wrapped/subjects/");
    let mut vault = opened(&files).unwrap();
    vault.rewrap().unwrap();
    files.put_back("wrapped/subjects/", &old);
    let mut vault = opened(&files).unwrap();
    assert!(matches!(
        vault.read(&subject, &id),
        Err(VaultError::NotOpened { .. })
    ));
    assert!(vault.erase(&subject).unwrap());
    assert_eq!(
        vault.account("c1").unwrap(),
        Account::Erased,
        "found by looking at all"
    );
    assert!(files.copy("wrapped/search/").is_empty());
}

#[test]
fn destroyed_bytes_are_overwritten_in_their_place() {
    let (files, subject, _) = world();
    let key = files.copy("wrapped/subjects/").remove(0).1;
    let sealed = files.copy("records/").remove(0).1;
    let mut vault = opened(&files).unwrap();
    vault.erase(&subject).unwrap();
    let name: String = subject.iter().map(|byte| format!("{byte:02x}")).collect();
    for bytes in files.raw() {
        assert!(bytes != key && bytes != sealed, "left on the disk");
        let holds = bytes
            .windows(name.len())
            .any(|part| part == name.as_bytes());
        assert!(!holds, "the way from the account is left on the disk");
    }
}
