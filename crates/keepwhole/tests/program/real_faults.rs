//! Real processes on the real disk: killed in mid-write, given a failing `fdatasync`, and started all at once.
//!
//! The process under test is this test binary again, running [`writer`] on a folder named in its environment; one
//! place, [`command`], says so, and any program that speaks the same lines can stand there.

use crate::journal_records::{all, batch, head_of};
use keepwhole::journal::{Journal, Options, RealDisk};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Names the folder that [`writer`] works in.
const FOLDER: &str = "KEEPWHOLE_TEST_WRITER";
/// Starts every line of [`writer`], as the test harness prints lines of its own.
const LINE: &str = "KW ";
/// Processes started at once in one round.
const PROCESSES: usize = 8;

fn options() -> Options {
    Options {
        segment_bytes: 20_000,
        zero_ahead: 4_096,
        log_key: None,
    }
}

/// The process under test: prints `READY`, or `REFUSED <code>`, waits for a line, then appends and prints `ACK <size>`
/// after each acknowledgement. At a failure it prints `STOPPED <code>` and exits with status 3.
fn command(folder: &Path) -> Vec<String> {
    let program = std::env::current_exe()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let folder = format!("{FOLDER}={}", folder.to_str().unwrap());
    let test = [
        "real_faults::writer",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ];
    ["env".to_owned(), folder, program]
        .into_iter()
        .chain(test.map(str::to_owned))
        .collect()
}

#[test]
fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let say = |line: String| {
        let mut out = std::io::stdout();
        writeln!(out, "{LINE}{line}").unwrap();
        out.flush().unwrap();
    };
    let (mut journal, _) =
        match Journal::open(RealDisk::open(Path::new(&folder)).unwrap(), options()) {
            Ok(opened) => opened,
            Err(error) => {
                say(format!("REFUSED {}", error.code()));
                std::process::exit(3);
            }
        };
    say("READY".to_owned());
    let _ = std::io::stdin().read_line(&mut String::new());
    loop {
        let from = journal.head().size;
        match journal.append(&batch(from, 1 + from % 5)) {
            Ok(head) => say(format!("ACK {}", head.size)),
            Err(error) => {
                say(format!("STOPPED {}", error.code()));
                std::process::exit(3);
            }
        }
    }
}

/// A started process and its lines.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(words: &[String]) -> Self {
        let (program, arguments) = words.split_first().unwrap();
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line of the process under test; `None` when it has ended.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some((_, said)) = line.split_once(LINE) {
                return Some(said.trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    fn go(&mut self) {
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"go\n")
            .unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Opens the folder as a new start would and compares it with what was acknowledged; returns the size found.
fn reopen(folder: &Path, acknowledged: u64, at_most: u64) -> u64 {
    let (journal, recovery) = Journal::open(RealDisk::open(folder).unwrap(), options()).unwrap();
    let size = recovery.head.size;
    assert!(
        (acknowledged..=at_most).contains(&size),
        "{size} of {acknowledged} to {at_most}"
    );
    assert_eq!(recovery.head, head_of(&batch(0, size)));
    assert_eq!(all(&journal), batch(0, size));
    size
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut size = 0;
    for acks in [0, 1, 3, 7, 20, 2] {
        let mut running = Running::start(&command(folder.path()));
        assert_eq!(running.line().as_deref(), Some("READY"));
        running.go();
        for _ in 0..acks {
            let line = running.line().unwrap();
            size = line.strip_prefix("ACK ").unwrap().parse().unwrap();
        }
        running.kill();
        // It may have gone on for a while before the signal arrived.
        size = reopen(folder.path(), size, u64::MAX);
    }
}

/// Row 9 of the fault matrix on the real system: the n-th `fdatasync` answers EIO.
#[test]
fn a_failed_fdatasync_ends_the_process_at_once() {
    let strace = |n: u32| {
        let inject = format!("inject=fdatasync:error=EIO:when={n}");
        let words = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
            &inject,
        ];
        words.map(str::to_owned).to_vec()
    };
    let probe = Command::new("strace")
        .args(&strace(9)[1..])
        .arg("true")
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!(
            "SKIPPED: strace is not installed or not allowed here, so no fdatasync was made to fail"
        );
        return;
    }
    for n in 1..=12 {
        let folder = tempfile::tempdir().unwrap();
        let words = [strace(n), command(folder.path())].concat();
        let mut running = Running::start(&words);
        let mut acknowledged = 0;
        let mut last = String::new();
        while let Some(line) = running.line() {
            assert!(
                !last.starts_with("STOPPED"),
                "nothing is said after the failure, but `{line}` was"
            );
            match line.as_str() {
                "READY" => running.go(),
                _ => {
                    if let Some(size) = line.strip_prefix("ACK ") {
                        acknowledged = size.parse().unwrap();
                    }
                }
            }
            last = line;
        }
        let status = running.child.wait().unwrap();
        assert_eq!(status.code(), Some(3), "fdatasync {n}");
        assert!(
            ["STOPPED io_error", "REFUSED io_error"].contains(&last.as_str()),
            "fdatasync {n}: {last}"
        );
        reopen(
            folder.path(),
            acknowledged,
            acknowledged + 1 + acknowledged % 5,
        );
    }
}

/// Row 36: of many processes started together exactly one becomes ready; `KEEPWHOLE_ROUNDS` makes the run longer.
#[test]
fn of_processes_started_together_exactly_one_is_ready() {
    let rounds = std::env::var("KEEPWHOLE_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut size = 0;
    for round in 0..rounds {
        let mut all: Vec<Running> = (0..PROCESSES)
            .map(|_| Running::start(&command(folder.path())))
            .collect();
        let said: Vec<String> = all
            .iter_mut()
            .map(|running| running.line().unwrap_or_default())
            .collect();
        let ready: Vec<usize> = (0..PROCESSES).filter(|ix| said[*ix] == "READY").collect();
        assert_eq!(ready.len(), 1, "round {round}: {said:?}");
        assert_eq!(
            said.iter()
                .filter(|line| *line == "REFUSED lock_held")
                .count(),
            PROCESSES - 1,
            "round {round}: {said:?}"
        );
        for (ix, mut running) in all.into_iter().enumerate() {
            if ix == ready[0] {
                running.go();
                let ack = running.line().unwrap();
                size = ack.strip_prefix("ACK ").unwrap().parse().unwrap();
                running.kill();
            } else {
                assert_eq!(running.child.wait().unwrap().code(), Some(3));
                let mut noise = String::new();
                running
                    .child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut noise)
                    .unwrap();
                assert!(!noise.contains("panicked"), "{noise}");
            }
        }
        size = reopen(folder.path(), size, u64::MAX);
    }
}
