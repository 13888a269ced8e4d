//! The memory: what survives a crash, and what stops the start.

use crate::harness::open_again;
use keepwhole_cosigner::store::{Answered, FILE, Spent, Store, StoreError};
use std::fs;
use std::io::Write as _;
use std::path::Path;

fn answered(key: &str) -> Answered {
    Answered {
        key: key.to_owned(),
        content: "c".to_owned(),
        at: 1,
        status: 200,
        body: "token".to_owned(),
        word: "approve".to_owned(),
        approves: Some(("w-1".to_owned(), "fireblocks/u/t-1".to_owned())),
    }
}

fn spent(withdrawal: &str, amount: u128, at: u64) -> Spent {
    Spent {
        withdrawal: withdrawal.to_owned(),
        by: "fireblocks/u/t".to_owned(),
        asset: "a".to_owned(),
        amount: amount.to_string(),
        at,
        coin: String::new(),
        fee: String::new(),
        conflict_key: String::new(),
    }
}

fn reopened(folder: &Path) -> Store {
    open_again(folder).unwrap()
}

#[test]
fn a_line_that_was_cut_off_at_any_byte_is_dropped_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut store = Store::open(folder.path()).unwrap();
    store.answer(answered("one")).unwrap();
    let whole = fs::read(&path).unwrap();
    store.answer(answered("two")).unwrap();
    let both = fs::read(&path).unwrap();
    drop(store);
    for length in whole.len()..both.len() {
        fs::write(&path, &both[..length]).unwrap();
        let mut store = reopened(folder.path());
        assert!(store.answered("one").is_some() && store.answered("two").is_none());
        assert_eq!(store.approved("w-1"), Some("fireblocks/u/t-1"));
        // It goes on behind what was whole.
        store.answer(answered("three")).unwrap();
        drop(store);
        let store = reopened(folder.path());
        assert!(store.answered("three").is_some(), "{length}");
    }
}

#[test]
fn a_damaged_line_stops_the_start_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut store = Store::open(folder.path()).unwrap();
    store.answer(answered("one")).unwrap();
    store.answer(answered("two")).unwrap();
    drop(store);
    let text = fs::read_to_string(&path).unwrap();
    for changed in [
        text.replacen("\"one\"", "\"eno\"", 1),
        text.replacen("approve", "reject!", 1),
        format!("junk\n{text}"),
        format!("0000000000000000 {{}}\n{text}"),
    ] {
        fs::write(&path, changed).unwrap();
        let refused = open_again(folder.path()).unwrap_err();
        assert!(
            matches!(refused, StoreError::Damaged { line: 1, .. }),
            "{refused}"
        );
    }
}

#[test]
fn one_process_has_the_folder_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let store = Store::open(&folder).unwrap();
    assert!(matches!(Store::open(&folder), Err(StoreError::InUse(_))));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    drop(store);
    assert!(open_again(&folder).is_ok());
}

#[test]
fn caps_count_an_hour_and_a_clock_that_was_set_back_frees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hour = 3_600_000;
    let mut store = Store::open(folder.path()).unwrap();
    store.spend(spent("w-1", 5, 10 * hour)).unwrap();
    store.spend(spent("w-2", u128::MAX, 10 * hour + 1)).unwrap();
    drop(store);
    let store = reopened(folder.path());
    assert_eq!(store.spent_in_hour("a", 10 * hour), u128::MAX);
    assert_eq!(store.spent_in_hour("a", 9 * hour), u128::MAX);
    assert_eq!(store.spent_in_hour("a", 11 * hour), u128::MAX);
    assert_eq!(store.spent_in_hour("a", 11 * hour + 1), 0);
    assert_eq!(store.spent_in_hour("b", 10 * hour), 0);
}

#[test]
fn a_key_id_belongs_to_one_key_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    assert!(store.claim_key_id("k-2026-11-23", "aa").unwrap());
    drop(store);
    let mut store = reopened(folder.path());
    assert!(store.claim_key_id("k-2026-11-23", "aa").unwrap());
    assert!(!store.claim_key_id("k-2026-11-23", "bb").unwrap());
    assert!(store.claim_key_id("k-2026-11-24", "bb").unwrap());
}

#[test]
fn what_others_append_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let path = folder.path().join(FILE);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"answered\":{}}\n").unwrap();
    assert!(matches!(
        open_again(folder.path()),
        Err(StoreError::Damaged { .. })
    ));
}

/// What is behind the part that is read is the newest: amounts that were counted, answers that were given.
#[test]
fn a_file_that_is_too_long_stops_the_start_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let path = folder.path().join(FILE);
    let long = (1 << 30) + 1;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(long).unwrap();
    drop(file);
    let refused = open_again(folder.path()).unwrap_err();
    assert!(
        matches!(refused, StoreError::TooLarge(_, bytes) if bytes == long),
        "{refused}"
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), long);
}
