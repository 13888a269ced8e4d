//! Both disks keep the same promises, and the simulated one fails exactly where it is told to.

use keepwhole::journal::contract;
use keepwhole::journal::disk::Disk as _;
use keepwhole::journal::real_disk::RealDisk;
use keepwhole::journal::sim_disk::{Faults, Kept, SimDisk, Unsynced};
use std::io::ErrorKind;
use std::time::Duration;

#[test]
fn the_real_disk_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(folder.path()).unwrap();
    contract::check(disk, &|| RealDisk::at(folder.path())).unwrap();
}

#[test]
fn the_simulated_disk_keeps_the_contract() {
    let machine = SimDisk::new();
    contract::check(machine.another(), &|| machine.another()).unwrap();
}

/// A program that is just being started holds a copy of its starter's lock until it runs.
#[test]
fn a_lock_that_outlives_its_holder_by_a_moment_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = RealDisk::open(folder.path()).unwrap();
    assert!(holder.lock("LOCK").unwrap());
    let gone = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(holder);
    });
    let mut next = RealDisk::at(folder.path());
    assert!(next.lock("LOCK").unwrap(), "it was free soon enough");
    gone.join().unwrap();
    assert!(!RealDisk::at(folder.path()).lock("LOCK").unwrap());
}

#[test]
fn the_real_disk_stays_inside_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = RealDisk::open(&folder.path().join("inside")).unwrap();
    for path in ["../outside", "a/../../outside", "/outside", "./x"] {
        assert_eq!(
            disk.create(path).unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{path}"
        );
    }
}

#[test]
fn a_crash_keeps_synced_bytes_and_of_the_others_what_is_chosen() {
    let machine = SimDisk::new();
    let prepare = || {
        let mut disk = machine.another();
        if disk.len("f").unwrap().is_some() {
            disk.remove("f").unwrap();
        }
        disk.create("f").unwrap();
        disk.write_at("f", 0, b"synced").unwrap();
        disk.sync("f").unwrap();
        disk.sync_dir("").unwrap();
        disk.write_at("f", 6, b" and not").unwrap();
        disk
    };
    for (kept, wanted) in [
        (Kept::Nothing, "synced"),
        (Kept::First(4), "synced and"),
        (Kept::All, "synced and not"),
        (Kept::Sectors(0), "synced"),
        (Kept::Sectors(1), "synced and not"),
    ] {
        let old = prepare();
        let mut asked = Vec::new();
        machine.crash(false, &mut |unsynced| {
            asked.push(unsynced.clone());
            kept.clone()
        });
        assert_eq!(
            asked,
            [Unsynced {
                path: "f".to_owned(),
                offset: 6,
                bytes: Some(8)
            }]
        );
        assert_eq!(machine.another().read("f").unwrap(), wanted.as_bytes());
        assert!(
            old.read("f").is_err(),
            "a process does not outlive its machine"
        );
    }
}

#[test]
fn a_name_survives_only_when_its_folder_was_synced() {
    let machine = SimDisk::new();
    let mut disk = machine.another();
    disk.create("d/kept").unwrap();
    disk.sync_dir("d").unwrap();
    disk.create("d/lost").unwrap();
    disk.write_at("d/lost", 0, b"x").unwrap();
    disk.sync("d/lost").unwrap();
    machine.crash_hard();
    assert_eq!(machine.another().list("").unwrap(), ["d/kept"]);
    let mut disk = machine.another();
    disk.remove("d/kept").unwrap();
    machine.crash_hard();
    assert_eq!(
        machine.another().list("").unwrap(),
        ["d/kept"],
        "an unsynced removal comes undone"
    );
}

#[test]
fn faults_happen_at_the_chosen_call_and_a_failed_sync_is_never_made_good() {
    let machine = SimDisk::new();
    let mut disk = machine.another();
    disk.create("f").unwrap();
    disk.sync_dir("").unwrap();
    machine.set_faults(Faults {
        fail_sync: Some(2),
        ..Faults::default()
    });
    disk.write_at("f", 0, b"one").unwrap();
    disk.sync("f").unwrap();
    disk.write_at("f", 3, b"two").unwrap();
    assert_eq!(disk.sync("f").unwrap_err().raw_os_error(), Some(5));
    disk.write_at("f", 6, b"six").unwrap();
    disk.sync("f").unwrap();
    assert_eq!(disk.read("f").unwrap(), b"onetwosix");
    machine.crash_hard();
    assert_eq!(
        machine.another().read("f").unwrap(),
        b"one\0\0\0six",
        "the second sync knew nothing of the first"
    );

    let mut disk = machine.another();
    machine.set_faults(Faults {
        fail_write: Some(1),
        ..Faults::default()
    });
    assert_eq!(
        disk.write_at("f", 0, b"ABCD").unwrap_err().raw_os_error(),
        Some(5)
    );
    assert_eq!(
        disk.read("f").unwrap(),
        b"ABe\0\0\0six",
        "half of it was written"
    );
    machine.set_faults(Faults {
        capacity: Some(12),
        ..Faults::default()
    });
    assert_eq!(
        disk.write_at("f", 9, b"wxyz").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(disk.len("f").unwrap(), Some(12));
    machine.set_faults(Faults {
        lie_sync: Some(1),
        ..Faults::default()
    });
    disk.write_at("f", 0, b"lie").unwrap();
    disk.sync("f").unwrap();
    machine.crash_hard();
    assert_eq!(machine.another().read("f").unwrap(), b"one\0\0\0six");
    machine.flip("f", 8).unwrap();
    assert_eq!(
        machine.another().read("f").unwrap(),
        b"ooe\0\0\0six",
        "bit 8 is the lowest of the second byte"
    );
}
