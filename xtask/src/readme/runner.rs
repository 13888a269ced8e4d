//! Runs the `sh` blocks of one document, in order, in one empty folder, with the built program on the path.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::blocks::{Block, IN_CLONE, SERVES};
use crate::command::{capture, command};

/// Longest time for one block.
const LIMIT: Duration = Duration::from_secs(300);
/// Longest time from an interrupt to the end of the program.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// How many blocks ran, and how many of them failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) ran: usize,
    pub(super) failed: usize,
}

/// Runs the blocks of the document called `name`; `programs` comes first on the path.
///
/// # Errors
/// The folder for the blocks can't be made.
pub(super) fn run(
    root: &Path,
    name: &str,
    blocks: &[Block],
    programs: &Path,
) -> Result<Count, String> {
    let folder =
        new_folder(name).map_err(|error| format!("cannot make a folder for {name}: {error}"))?;
    let mut count = Count { ran: 0, failed: 0 };
    for block in blocks.iter().filter(|block| block.runs()) {
        let place = if block.says(IN_CLONE) { root } else { &folder };
        let started = Instant::now();
        let result = run_block(block, place, programs);
        let took = started.elapsed().as_millis();
        count.ran += 1;
        match result {
            Ok(()) => println!("ok      {name}:{} ({took} ms)", block.line),
            Err(why) => {
                count.failed += 1;
                println!(
                    "FAILED  {name}:{} ({took} ms)\n{}\n{why}",
                    block.line,
                    block.text.trim_end()
                );
            }
        }
    }
    // Only what the blocks wrote; if it stays, nothing depends on it.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(count)
}

/// An empty folder among the temporary ones, named for the document.
fn new_folder(name: &str) -> std::io::Result<PathBuf> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let plain = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("keepwhole-{plain}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn run_block(block: &Block, place: &Path, programs: &Path) -> Result<(), String> {
    let mut shell = command(
        place,
        "sh",
        &["-eu", "-c", &format!("exec 2>&1\n{}", block.text)],
    );
    shell.env("PATH", path_with(programs));
    if block.says(SERVES) {
        return serve(shell);
    }
    let ended = capture(shell, LIMIT);
    if ended.success {
        Ok(())
    } else {
        Err(ended.text)
    }
}

fn path_with(programs: &Path) -> OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> = std::iter::once(programs.to_path_buf())
        .chain(std::env::split_paths(&old))
        .collect();
    std::env::join_paths(all).unwrap_or(old)
}

/// Starts a program that serves, asks the address it prints for its first page, and interrupts it.
fn serve(mut shell: Command) -> Result<(), String> {
    // A group of its own, so that the interrupt reaches the shell and what it started, as Ctrl-C does.
    let spawned = shell.stdout(Stdio::piped()).process_group(0).spawn();
    let mut child = spawned.map_err(|error| format!("cannot start it: {error}"))?;
    let answer = match child.stdout.take() {
        Some(output) => first_address(output).and_then(|address| get(&address)),
        None => Err("its output can't be read".to_owned()),
    };
    let stopped = stop(&mut child);
    answer.and(stopped)
}

/// Reads lines until one names a loopback address; goes on reading after that, so that the program can go on printing.
fn first_address(output: impl Read + Send + 'static) -> Result<String, String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody listens any more once the address was found.
            let _ = send.send(line);
        }
    });
    let started = Instant::now();
    let mut printed = String::new();
    while let Ok(line) = receive.recv_timeout(LIMIT.saturating_sub(started.elapsed())) {
        if let Some((_, rest)) = line.split_once("http://127.0.0.1:") {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return Ok(format!("127.0.0.1:{port}"));
        }
        printed.push_str(&line);
        printed.push('\n');
    }
    Err(format!(
        "{printed}it printed no address `http://127.0.0.1:PORT`"
    ))
}

/// Asks for the first page; anything but 200 is a failure.
fn get(address: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("http://{address}/ does not answer: {error}");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .map_err(failed)?;
    stream
        .write_all(format!("GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .map_err(failed)?;
    let mut first = String::new();
    BufReader::new(stream)
        .read_line(&mut first)
        .map_err(failed)?;
    match first.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!(
            "http://{address}/ answers `{}`, expected 200",
            first.trim_end()
        )),
    }
}

/// Interrupts the group of `child` as Ctrl-C does; kills it if that does not end it.
fn stop(child: &mut Child) -> Result<(), String> {
    let group = format!("-{}", child.id());
    let here = Path::new("/");
    let _ = command(here, "kill", &["-s", "INT", "--", &group]).status();
    let started = Instant::now();
    while started.elapsed() < STOP_LIMIT {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(format!("cannot wait for it: {error}")),
        }
    }
    let _ = command(here, "kill", &["-s", "KILL", "--", &group]).status();
    let _ = child.wait();
    Err(format!(
        "it did not stop within {} s of an interrupt",
        STOP_LIMIT.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readme::blocks;

    fn count(markdown: &str) -> Count {
        let root = std::env::temp_dir();
        run(
            &root,
            "fixture.md",
            &blocks(markdown),
            Path::new("/nowhere"),
        )
        .unwrap()
    }

    #[test]
    fn blocks_share_one_folder_and_a_failing_one_is_counted() {
        let text = "```sh\necho 1 > left\n```\n```sh\ntest -f left\n```\n```sh\ntest -f right\n```\n```sh no-run\nfalse\n```\n";
        assert_eq!(count(text), Count { ran: 3, failed: 1 });
    }

    #[test]
    fn the_first_failing_line_of_a_block_fails_it() {
        assert_eq!(
            count("```sh\nfalse\ntrue\n```\n"),
            Count { ran: 1, failed: 1 }
        );
    }

    #[test]
    fn a_program_that_serves_must_answer() {
        let page = "import http.server as h\nclass P(h.BaseHTTPRequestHandler):\n  def do_GET(s):\n    s.send_response(CODE); s.end_headers()\ns=h.HTTPServer(('127.0.0.1',0),P)\nprint(f'listening on http://127.0.0.1:{s.server_port}/', flush=True)\ns.serve_forever()\n";
        if !crate::command::found("python3") {
            println!("SKIPPED: python3 is missing, no server to ask");
            return;
        }
        let block = |code: &str| {
            format!(
                "```sh serves\ncat > page.py <<'END'\n{}END\npython3 page.py\n```\n",
                page.replace("CODE", code)
            )
        };
        assert_eq!(count(&block("200")), Count { ran: 1, failed: 0 });
        assert_eq!(count(&block("500")), Count { ran: 1, failed: 1 });
        assert_eq!(
            count("```sh serves\necho no address\n```\n"),
            Count { ran: 1, failed: 1 }
        );
    }
}
