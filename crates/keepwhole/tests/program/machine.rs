//! The real program on a machine that fails it: memory that runs out, and a wall clock that jumps.

use crate::cli::{PROGRAM, installed, tell_story};
use crate::edges::{SETTINGS, Served, token};
use keepwhole::installation::Installation;
use keepwhole::journal::JournalError;
use keepwhole_core::command::{Body, Command as Told, Observation};
use keepwhole_core::custody::Direction;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::incident::clock::{Duty, Limit, Standing, Start};
use keepwhole_core::incident::{AlarmCode, Incident};
use keepwhole_core::registry::{Tier, Wallet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Owners of one request.
const OWNERS: usize = 8_000;
/// Requests after which the memory must have run out.
const REQUESTS: usize = 400;
const MIB: u64 = 1024 * 1024;
/// The term of the duty whose clock runs, ms.
const DAY_MS: u64 = 86_400_000;

/// An installation that serves its interface, and a token for it.
fn ready() -> (TempDir, String) {
    let dir = installed();
    tell_story(dir.path());
    fs::write(dir.path().join("ex/keepwhole.toml"), SETTINGS).unwrap();
    let token = token(dir.path());
    (dir, token)
}

/// Names that nobody has yet, 63 bytes each.
fn owners(request: usize) -> String {
    let name = |number: usize| format!("\"owner-{request:06}-{number:050}\"");
    let names: Vec<String> = (0..OWNERS).map(name).collect();
    format!("{{\"owners\":[{}]}}", names.join(","))
}

fn small_heap(mut command: Command) -> Command {
    // One heap for all threads: what is reserved for each counts as used under such a limit.
    command.env("MALLOC_ARENA_MAX", "1");
    command
}

/// Bytes of address space that the program takes once it listens.
fn address_space(dir: &Path) -> u64 {
    let served = Served::start_as(small_heap(Command::new(PROGRAM)), dir).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib * 1024
}

/// How a run under a limit ended: requests that were acknowledged, and whether the program died.
fn run_dry(dir: &Path, token: &str, limit: u64, first: usize) -> (Vec<usize>, bool) {
    let mut command = small_heap(Command::new("prlimit"));
    command.args([&format!("--as={limit}"), "--core=0", PROGRAM]);
    let Some(mut served) = Served::start_as(command, dir) else {
        return (Vec::new(), false);
    };
    let mut acknowledged = Vec::new();
    for request in first..first + REQUESTS {
        let body = owners(request);
        let answer = loop {
            match served.ask("/v1/owners", token, &format!("o-{request}"), &body) {
                Ok(answer) if answer.starts_with("HTTP/1.1 429 ") => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                other => break other.unwrap_or_default(),
            }
        };
        if !answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        acknowledged.push(request);
    }
    // One that refuses goes on; one that died ends.
    let began = Instant::now();
    let died = loop {
        match served.child.try_wait().unwrap() {
            Some(status) => break !status.success(),
            None if began.elapsed() > Duration::from_secs(5) => break false,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    (acknowledged, died)
}

/// The client's own list is the judge: each request that was answered is there after the next start, and once.
#[test]
fn row_13_a_program_out_of_memory_loses_nothing_it_acknowledged() {
    if !Command::new("prlimit")
        .arg("--version")
        .output()
        .is_ok_and(|ran| ran.status.success())
    {
        println!("SKIPPED: prlimit is not installed, so no memory was limited");
        return;
    }
    let (dir, token) = ready();
    let owned = || {
        let open = Installation::open(&dir.path().join("ex")).unwrap();
        open.sequencer.state().registry.owners.len()
    };
    let before = owned();
    let base = address_space(dir.path());
    let (mut all, mut deaths, mut first) = (Vec::new(), 0, 0);
    for more in [24, 36] {
        let (acknowledged, died) = run_dry(dir.path(), &token, base + more * MIB, first);
        println!(
            "{more} MiB more: {} requests, died: {died}",
            acknowledged.len()
        );
        first = acknowledged.last().map_or(first, |last| last + 1);
        deaths += usize::from(died && !acknowledged.is_empty());
        let served = Served::start_as(Command::new(PROGRAM), dir.path()).unwrap();
        for request in &acknowledged {
            let (key, body) = (format!("o-{request}"), owners(*request));
            let (status, told) = loop {
                let (status, told) = served.post("/v1/owners", &token, &key, &body);
                if status != 429 {
                    break (status, told);
                }
                std::thread::sleep(Duration::from_millis(50));
            };
            assert_eq!(
                (status, told["repeated"].as_bool()),
                (200, Some(true)),
                "{told}"
            );
        }
        all.extend(acknowledged);
        // The one that got no answer may be sent again, whatever became of it.
        let (status, told) =
            served.post("/v1/owners", &token, &format!("o-{first}"), &owners(first));
        assert_eq!(status, 200, "{told}");
        all.push(first);
        first += 1;
        drop(served);
        assert_eq!(owned(), before + all.len() * OWNERS);
    }
    assert!(
        deaths > 0,
        "the memory never ran out while requests were taken"
    );
}

/// A theft, so that the clocks of its duties run.
fn open_case(dir: &Path) {
    let mut open = Installation::open(&dir.join("ex")).unwrap();
    let wallet = Wallet {
        id: "hot".to_owned(),
        tier: Tier::Hot,
        address: "hot-address".to_owned(),
    };
    let outflow = Observation {
        node: "node-a".to_owned(),
        wallet: "hot".to_owned(),
        txid: "tx-1".to_owned(),
        direction: Direction::Out,
        asset: "SOL".to_owned(),
        units: 1_000,
        peer: "thief".to_owned(),
        height: 10,
        authority: false,
    };
    let holdings = vec![("hot".to_owned(), "SOL".to_owned(), 1_234_500_000_000)];
    let duty = Duty {
        id: "first-report".to_owned(),
        authority: "an authority".to_owned(),
        start: Start::Awareness(Limit::Ms(DAY_MS)),
        source: String::new(),
        status: "exercise".to_owned(),
        confidence: String::new(),
        holds_from: None,
        holds_until: None,
    };
    let bodies = [
        Body::AdoptDuties(vec![duty]),
        Body::RegisterWallet(wallet),
        Body::DeclareHoldings(holdings),
        Body::RecordObservation(outflow),
    ];
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    for body in bodies {
        let told = Told {
            id: None,
            actor: None,
            body,
        };
        let replies = open.sequencer.turn(now, &[told]).unwrap();
        assert_eq!(replies[0].answer.reason(), None);
    }
    open.publish().unwrap();
}

/// Due times and standings of all clocks.
fn clocks(case: &Incident) -> Vec<(Option<u64>, Standing)> {
    let clocks = case.clocks.iter();
    clocks
        .map(|clock| (clock.due, clock.standing.clone()))
        .collect()
}

fn libfaketime() -> Option<PathBuf> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu/faketime",
        "/usr/lib/aarch64-linux-gnu/faketime",
        "/usr/lib64/faketime",
        "/usr/lib/faketime",
    ];
    let found = folders
        .map(|folder| Path::new(folder).join("libfaketimeMT.so.1"))
        .into_iter()
        .find(|path| path.is_file());
    if found.is_none() {
        println!(
            "SKIPPED: libfaketime is not installed (`apt-get install faketime`), so no clock jumped"
        );
    }
    found
}

/// Moves the wall clock of a serving program and leaves its monotonic one alone.
fn the_wall_clock_jumps(by: &str, by_ms: i64) {
    let Some(library) = libfaketime() else { return };
    let (dir, token) = ready();
    open_case(dir.path());
    let ex = dir.path().join("ex");
    let before = Installation::open(&ex).unwrap();
    let (size, clocks_before) = (
        before.sequencer.head().size,
        clocks(&before.sequencer.state().incidents.cases[0]),
    );
    drop(before);
    assert!(
        clocks_before.iter().any(|(due, _)| due.is_some()),
        "no clock runs"
    );
    let offset = dir.path().join("offset");
    fs::write(&offset, "+0\n").unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let began = Instant::now();
    let served = Served::start_as(command, dir.path()).unwrap();
    let post = |key: &str| {
        let body = format!("{{\"owners\":[\"{key}\"]}}");
        assert_eq!(served.post("/v1/owners", &token, key, &body).0, 200);
    };
    post("before");
    let moved = dir.path().join("moved");
    fs::write(&moved, format!("{by}\n")).unwrap();
    fs::rename(&moved, &offset).unwrap();
    // It looks at both clocks many times a second.
    std::thread::sleep(Duration::from_secs(2));
    post("after");
    drop(served);
    let lasted = u64::try_from(began.elapsed().as_millis()).unwrap();
    let after = Installation::open(&ex).unwrap();
    let mut records = Vec::new();
    let journal = after.sequencer.journal();
    journal
        .read::<JournalError>(size, &mut |_, bytes| {
            records.push(Record::decode(bytes).unwrap());
            Ok(())
        })
        .unwrap();
    let jumps: Vec<i64> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::ClockJumped { by_ms } => Some(by_ms),
            _ => None,
        })
        .collect();
    assert_eq!(jumps.len(), 1, "{jumps:?}");
    assert!((jumps[0] - by_ms).abs() < 30_000, "{jumps:?}");
    // Time goes on as it did: never back, and no further than it took.
    assert!(records.is_sorted_by_key(|record| record.at));
    let (first, last) = (records.first().unwrap().at, records.last().unwrap().at);
    assert!(last - first <= lasted, "{first} to {last} in {lasted} ms");
    let state = after.sequencer.state();
    assert_eq!(clocks(&state.incidents.cases[0]), clocks_before);
    let alarms = state.incidents.alarms.iter();
    assert_eq!(
        alarms
            .filter(|alarm| alarm.code == AlarmCode::ClockJump)
            .count(),
        1
    );
}

#[test]
fn row_14_a_wall_clock_that_goes_back_moves_no_deadline() {
    the_wall_clock_jumps("-2h", -2 * 3_600_000);
}

#[test]
fn row_15_a_wall_clock_that_goes_forward_misses_no_deadline() {
    the_wall_clock_jumps("+26h", 26 * 3_600_000);
}
