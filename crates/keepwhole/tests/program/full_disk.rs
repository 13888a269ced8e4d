//! Row 11 of the fault matrix on a real file system that is really full: a small one in a mount namespace of our own.

use crate::rejudging::said;
use crate::turns::{clock, halt, open, options, received, unit};
use keepwhole::journal::RealDisk;
use keepwhole::sequencer::{Limits, Service, ServiceError};
use keepwhole_core::authority::matter::Decision;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Names the folder that [`inside`] works in.
const FOLDER: &str = "KEEPWHOLE_TEST_FULL";
const RESERVE: u64 = 1_000_000;

/// Fills the file system until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut chunk = 65_536;
    while chunk > 0 {
        if file.write_all(&vec![7; chunk]).is_err() {
            chunk /= 2;
        }
    }
}

/// The process under test, on a file system of 8 MiB.
#[test]
fn inside() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let data = folder.join("data");
    let limits = Limits {
        reserve_bytes: RESERVE,
        headroom_bytes: 200_000,
        ..Limits::default()
    };
    let sequencer = open(RealDisk::open(&data).unwrap(), options());
    let service = Service::start_with(sequencer, clock(), Box::new(|_| {}), &limits);
    let (handle, reader) = (service.handle(), service.reader());
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    wait("the reserve is made", &|| {
        std::fs::metadata(data.join("reserve")).is_ok_and(|file| file.len() == RESERVE)
    });
    fill(&folder.join("filler"));
    let mut acknowledged = 0;
    let refused = loop {
        match handle.submit(unit(acknowledged)) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, ServiceError::DiskFull { reserve, .. } if reserve > 0),
        "{refused:?}"
    );
    assert_eq!(handle.submit(halt("h")).unwrap().answer.word(), "cleared");
    // A proven rejection is decided too; who approves waits for space.
    let says = |decision| {
        handle.submit(keepwhole_core::command::Command {
            id: None,
            actor: Some("nobody".to_owned()),
            body: said("risk", decision),
        })
    };
    assert_eq!(says(Decision::Reject).unwrap().answer.word(), "refused");
    assert!(matches!(
        says(Decision::Approve),
        Err(ServiceError::DiskFull { .. })
    ));
    let checked = reader.moment(|state, journal| (received(state), journal.check().is_ok()));
    assert_eq!(checked.unwrap(), (u128::from(acknowledged), true));
    std::fs::remove_file(folder.join("filler")).unwrap();
    wait("it resumes by itself", &|| {
        handle.submit(unit(acknowledged)).is_ok()
    });
    assert!(service.stop().is_none());
    drop((handle, reader));
    let again = open(RealDisk::open(&data).unwrap(), options());
    assert_eq!(received(again.state()), u128::from(acknowledged) + 1);
    println!("KW full disk done");
}

#[test]
fn a_real_full_disk_takes_halts_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let mount = r#"mount -t tmpfs -o size=8m tmpfs "$1" || exit 77; shift; exec "$@""#;
    let program = std::env::current_exe().unwrap();
    let outcome = Command::new("unshare")
        .args(["-rm", "sh", "-c", mount, "sh"])
        .arg(folder.path())
        .arg(program)
        .args([
            "full_disk::inside",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder.path())
        .output();
    let Ok(output) = outcome else {
        println!("SKIPPED: `unshare` is not installed, so no real disk was filled");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let noise = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) || noise.starts_with("unshare:") {
        println!(
            "SKIPPED: no file system may be mounted here ({}), so no real disk was filled",
            noise.trim()
        );
        return;
    }
    assert!(
        output.status.success() && said.contains("KW full disk done"),
        "{said}\n{noise}"
    );
}
