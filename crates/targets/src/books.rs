//! Targets over the files of an exchange's books, and over the profiles that say what their columns mean.

use keepwhole_books::chunk::Chunker;
use keepwhole_books::fault::Fault;
use keepwhole_books::mapping::{Known, Mapper};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Input, Progress, Reader};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Readers take files, as they read the end of one first or read it twice.
static FILES: AtomicU64 = AtomicU64::new(0);

/// A file of any form is refused with a message of one line, or its rows keep the rules of a row.
pub(crate) fn import(bytes: &[u8]) -> bool {
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("keepwhole-target-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    if std::fs::write(&path, bytes).is_err() {
        return false;
    }
    let outcome = read(&path);
    let _gone = std::fs::remove_file(&path);
    let Err(fault) = outcome else {
        return true;
    };
    let said = fault.in_file("books");
    assert!(said.len() < 2_000, "{said}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    false
}

fn read(path: &Path) -> Result<(), Fault> {
    let Ok(generic) = Profile::built_in("generic") else {
        panic!("the profile `generic` is not built in");
    };
    let mut reader = Reader::open(Input::open(path, Progress::default())?)?;
    let known = Known {
        assets: [("BTC".to_owned(), 8), ("KRW".to_owned(), 0)].into(),
        house: "house".to_owned(),
    };
    let mapper = Mapper::new(&generic, &mut reader, known)?;
    let mut chunker = Chunker::new(reader, mapper, BTreeSet::new());
    while let Some(chunk) = chunker.next_chunk()? {
        assert!(chunk.first_row <= chunk.last_row);
        assert!(chunk.batch.rows().all(|row| row.units > 0));
        assert_eq!(chunk.batch.rows().count(), chunk.batch.len());
    }
    Ok(())
}

/// A profile that is refused says why.
pub(crate) fn profile(bytes: &[u8]) -> bool {
    let Ok(given) = std::str::from_utf8(bytes) else {
        return false;
    };
    let read = Profile::parse(given);
    read.map_err(|error| assert!(!error.to_string().is_empty()))
        .is_ok()
}
