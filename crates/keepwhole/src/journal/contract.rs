//! What every [`Disk`] must do, as one list of checks that tests run on each kind of disk.

use super::disk::Disk;
use std::io::{self, ErrorKind};

/// Runs every check on an empty disk. `another` opens the same disk as a second process would.
///
/// # Errors
/// The first promise that the disk does not keep, in words.
pub fn check<D: Disk>(mut disk: D, another: &dyn Fn() -> D) -> Result<(), String> {
    files(&mut disk).map_err(|error| format!("files: {error}"))?;
    names(&mut disk).map_err(|error| format!("names: {error}"))?;
    atomic(&mut disk).map_err(|error| format!("write_atomic: {error}"))?;
    locks(disk, another).map_err(|error| format!("lock: {error}"))
}

fn must(kept: bool, promise: &str) -> io::Result<()> {
    if kept {
        Ok(())
    } else {
        Err(io::Error::other(promise.to_owned()))
    }
}

fn fails<T>(answer: io::Result<T>, kind: ErrorKind, promise: &str) -> io::Result<()> {
    must(answer.is_err_and(|error| error.kind() == kind), promise)
}

fn files<D: Disk>(disk: &mut D) -> io::Result<()> {
    fails(
        disk.read("a/one"),
        ErrorKind::NotFound,
        "an absent file can't be read",
    )?;
    fails(
        disk.write_at("a/one", 0, b"x"),
        ErrorKind::NotFound,
        "an absent file can't be written",
    )?;
    must(disk.len("a/one")?.is_none(), "an absent file has no length")?;
    disk.create("a/one")?;
    fails(
        disk.create("a/one"),
        ErrorKind::AlreadyExists,
        "creating never overwrites",
    )?;
    must(disk.len("a/one")? == Some(0), "a new file is empty")?;
    disk.write_at("a/one", 0, b"hello")?;
    disk.write_at("a/one", 3, b"pad")?;
    disk.write_at("a/one", 8, b"end")?;
    must(
        disk.read("a/one")? == b"helpad\0\0end",
        "later writes win and a gap reads as zeros",
    )?;
    let mut buffer = [9; 4];
    must(
        disk.read_at("a/one", 8, &mut buffer)? == 3,
        "a read at the end is short",
    )?;
    must(
        buffer == *b"end\x09",
        "a short read leaves the rest of the buffer alone",
    )?;
    must(
        disk.read_at("a/one", 50, &mut buffer)? == 0,
        "a read beyond the end is empty",
    )?;
    disk.sync("a/one")?;
    disk.truncate("a/one", 3)?;
    must(disk.read("a/one")? == b"hel", "truncating cuts")?;
    disk.truncate("a/one", 5)?;
    must(
        disk.read("a/one")? == b"hel\0\0",
        "truncating extends with zeros",
    )?;
    disk.sync("a/one")?;
    disk.sync_dir("a")
}

fn names<D: Disk>(disk: &mut D) -> io::Result<()> {
    disk.create("a/deep/two")?;
    disk.create("a-file")?;
    must(
        disk.list("a")? == ["a/deep/two", "a/one"],
        "a list is sorted, deep, and of this folder only",
    )?;
    must(
        disk.list("")? == ["a-file", "a/deep/two", "a/one"],
        "the top lists everything",
    )?;
    must(disk.list("b")?.is_empty(), "an absent folder holds nothing")?;
    disk.write_at("a/deep/two", 0, b"two")?;
    disk.rename("a/deep/two", "a/one")?;
    must(disk.read("a/one")? == b"two", "a rename replaces")?;
    must(
        disk.len("a/deep/two")?.is_none(),
        "a renamed file has left its place",
    )?;
    disk.remove("a-file")?;
    fails(
        disk.remove("a-file"),
        ErrorKind::NotFound,
        "an absent file can't be removed",
    )?;
    must(disk.list("")? == ["a/one"], "a removed file is gone")?;
    disk.sync_dir("")
}

fn atomic<D: Disk>(disk: &mut D) -> io::Result<()> {
    disk.write_atomic("c/file", b"first")?;
    disk.write_atomic("c/file", b"second, longer")?;
    must(
        disk.read("c/file")? == b"second, longer",
        "the new content replaces the old",
    )?;
    must(disk.list("c")? == ["c/file"], "no temporary file is left")?;
    disk.create("c/file.kwtmp")?;
    disk.write_atomic("c/file", b"third")?;
    must(
        disk.read("c/file")? == b"third" && disk.list("c")?.len() == 1,
        "an old temporary file is no obstacle",
    )
}

fn locks<D: Disk>(mut disk: D, another: &dyn Fn() -> D) -> io::Result<()> {
    must(disk.lock("LOCK")?, "a free lock is taken")?;
    disk.write_at("LOCK", 0, b"7")?;
    let mut second = another();
    must(
        !second.lock("LOCK")?,
        "a held lock is not taken a second time",
    )?;
    must(
        second.read("LOCK")? == b"7",
        "a lock does not keep others from reading",
    )?;
    must(
        !another().lock("LOCK")?,
        "a refused lock leaves the first holder's in place",
    )?;
    disk.sync("LOCK")?;
    let beside = disk.beside();
    disk.write_at("a/one", 0, b"beside")?;
    must(
        beside.read("a/one")? == b"beside",
        "a handle beside reads what was written",
    )?;
    drop(beside);
    must(
        !another().lock("LOCK")?,
        "a handle beside that goes away takes no lock with it",
    )?;
    drop(disk);
    must(
        second.lock("LOCK")?,
        "the lock is free when its holder is gone",
    )
}
