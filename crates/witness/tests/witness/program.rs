//! The real program: HTTP to the letter, two at once, and a kill at any moment.

use crate::log::{Log, ORIGIN};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::VerifierKey;
use keepwhole_witness::store::origin_hash;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn program(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepwhole-witness"));
    command.current_dir(dir).args(arguments);
    command
}

fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = program(dir, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(dir: &Path) -> Self {
        let arguments = [
            "serve",
            "--dir",
            "w",
            "--listen",
            "127.0.0.1:0",
            "--prefix",
            "/w1",
        ];
        let mut child = program(dir, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .expect("address")
            .to_owned();
        Self { child, url }
    }

    /// Status, content type and body.
    fn post(&self, body: &str) -> (u16, String, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent
            .post(format!("{}/add-checkpoint", self.url))
            .send(body)
            .unwrap();
        let kind = response
            .headers()
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        (
            response.status().as_u16(),
            kind,
            response.body_mut().read_to_string().unwrap(),
        )
    }

    fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent.get(format!("{}{path}", self.url)).call().unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Killed already, or killed now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn made(log: &Log) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("logs.txt"), format!("log {}\n", log.vkey())).unwrap();
    let init = [
        "init",
        "--dir",
        "w",
        "--name",
        "witness.example/w1",
        "--logs",
        "logs.txt",
    ];
    let (code, out, err) = run(dir.path(), &init);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("witness.example/w1+"), "{out}");
    let again = run(dir.path(), &init);
    assert_eq!(again.0, 3);
    assert!(again.2.contains("not empty"), "{}", again.2);
    dir
}

#[test]
fn http_is_to_the_letter() {
    let log = Log::new(ORIGIN, 1, 40);
    let dir = made(&log);
    let serving = Serving::start(dir.path());
    let page = format!("/{}/checkpoint", origin_hash(ORIGIN));
    assert_eq!(serving.get(&page).0, 404);
    let (status, _, line) = serving.post(&log.request(0, 13));
    assert_eq!(status, 200);
    assert!(
        line.starts_with("\u{2014} witness.example/w1 ") && line.ends_with('\n'),
        "{line}"
    );
    let conflict = serving.post(&log.request(0, 20));
    assert_eq!(
        conflict,
        (409, String::from("text/x.tlog.size"), String::from("13\n"))
    );
    assert_eq!(
        serving
            .post(&log.request(13, 20).replace("old 13", "old 21"))
            .0,
        400
    );
    assert_eq!(
        serving.post(&Log::new(ORIGIN, 7, 40).request(13, 20)).0,
        403
    );
    assert_eq!(
        serving
            .post(&Log::new("no.example/log", 1, 40).request(13, 20))
            .0,
        404
    );
    assert_eq!(
        serving
            .post(&Log::new(ORIGIN, 1, 40).forked_at(3).request(13, 20))
            .0,
        422
    );
    assert_eq!(serving.post(&"x".repeat(200_000)).0, 413);
    assert_eq!(serving.get("/add-checkpoint").0, 405);
    assert_eq!(serving.get("/").0, 404);
    // What it saw last, with both signatures.
    let (status, note) = serving.get(&page);
    assert_eq!(status, 200);
    let witness = VerifierKey::parse(run(dir.path(), &["vkey", "--dir", "w"]).1.trim()).unwrap();
    let keys = [VerifierKey::parse(&log.vkey()).unwrap(), witness.clone()];
    let (checkpoint, verified) = Checkpoint::verify(note.as_bytes(), &keys).unwrap();
    assert_eq!(checkpoint.size(), 13);
    assert!(verified.has(&witness));
}

#[test]
fn two_at_once_on_one_folder_are_refused() {
    let log = Log::new(ORIGIN, 1, 4);
    let dir = made(&log);
    let serving = Serving::start(dir.path());
    let (code, _, err) = run(
        dir.path(),
        &["serve", "--dir", "w", "--listen", "127.0.0.1:0"],
    );
    assert_eq!(code, 3);
    assert!(err.contains("in use by another witness"), "{err}");
    // Looking beside it is no harm.
    assert_eq!(run(dir.path(), &["show", "--dir", "w"]).0, 0);
    serving.kill();
    Serving::start(dir.path()).kill();
}

#[test]
fn a_cosignature_that_left_is_remembered_through_kill_9() {
    let log = Log::new(ORIGIN, 1, 200);
    let dir = made(&log);
    let mut known = 0;
    for round in 0..8 {
        let serving = Serving::start(dir.path());
        // Somebody floods it with the same growth while it is killed.
        let url = serving
            .url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let next = known + 7;
        let (status, _, _) = serving.post(&log.request(known, next));
        assert_eq!(status, 200, "round {round}");
        let body = log.request(next, next + 5);
        let mut stream = TcpStream::connect(url).unwrap();
        write!(
            stream,
            "POST /w1/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        std::thread::sleep(Duration::from_millis(round));
        serving.kill();
        let mut answered = Vec::new();
        // Cut off by the kill, perhaps.
        let _ = stream.read_to_end(&mut answered);
        let again = Serving::start(dir.path());
        let (_, size) = match again.post(&log.request(0, 1)) {
            (409, _, size) => (409, size.trim().parse::<usize>().unwrap()),
            other => panic!("{other:?}"),
        };
        let answered = String::from_utf8_lossy(&answered).starts_with("HTTP/1.1 200");
        assert!(
            size == next + 5 || (!answered && size == next),
            "{size} {next} {answered}"
        );
        known = size;
    }
}

#[test]
fn of_many_who_grow_from_one_size_each_cosigned_head_is_the_next() {
    let log = Log::new(ORIGIN, 1, 64);
    let dir = made(&log);
    let serving = Serving::start(dir.path());
    assert_eq!(serving.post(&log.request(0, 8)).0, 200);
    let asked: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (9..=24)
            .map(|size| {
                let (serving, log) = (&serving, &log);
                scope.spawn(move || serving.post(&log.request(8, size)).0)
            })
            .collect();
        asking
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    // One wins; the others are told to grow from there.
    assert_eq!(asked.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(asked.iter().filter(|status| **status == 409).count(), 15);
}

#[test]
fn it_stops_when_told_and_show_names_both_heads_of_a_fork() {
    let log = Log::new(ORIGIN, 1, 40);
    let thief = Log::new(ORIGIN, 1, 40).forked_at(5);
    let dir = made(&log);
    let mut serving = Serving::start(dir.path());
    assert_eq!(serving.post(&log.request(0, 30)).0, 200);
    assert_eq!(serving.post(&thief.request(30, 30)).0, 422);
    let told = Instant::now();
    let pid = serving.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(serving.child.wait().unwrap().success());
    assert!(told.elapsed() < Duration::from_secs(8));
    let (code, out, _) = run(dir.path(), &["show", "--dir", "w"]);
    assert_eq!(code, 1);
    assert!(
        out.contains(&log.note(30)) && out.contains(&thief.note(30)),
        "{out}"
    );
}
