//! Row 30 of the fault matrix: large, deep, endless and slow requests are refused, and the service stays ready.

use crate::http::{Server, TOKEN, WIDE, batch, row};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

fn head(length: &str) -> String {
    format!(
        "POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         idempotency-key: k\r\n{length}\r\n"
    )
}

/// Resident memory of this process, KiB: client and server are one here, and the client sends from small buffers.
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn row_30_a_body_of_one_gibibyte_is_refused_before_it_is_read() {
    let server = Server::start(WIDE);
    let before = resident_kib();
    let answer = server.raw(head("content-length: 1073741824\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains("has `1073741824` bytes and may have `65536`"),
        "{answer}"
    );
    let answer = server.raw(head("transfer-encoding: chunked\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(resident_kib() < before + 32 * 1024);
}

#[test]
fn row_30_json_ten_thousand_deep_is_refused() {
    let server = Server::start(WIDE);
    let quoted = format!("{{\"owners\":[\"{}\"]", "[".repeat(10_000));
    for (body, code) in [
        ("[".repeat(10_000), "too_deep"),
        ("[".repeat(33), "too_deep"),
        ("[".repeat(32), "malformed"),
        ("[]".repeat(5_000), "malformed"),
        (quoted, "malformed"),
    ] {
        let request = format!(
            "{}{body}",
            head(&format!("content-length: {}\r\n", body.len()))
        );
        let answer = server.raw(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    }
}

#[test]
fn row_30_a_million_header_lines_are_refused() {
    let server = Server::start(WIDE);
    let before = resident_kib();
    let mut stream = server.connect();
    stream
        .write_all(b"POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\n")
        .unwrap();
    let lines = "a: b\r\n".repeat(1_000);
    for _ in 0..1_000 {
        if stream.write_all(lines.as_bytes()).is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    assert!(resident_kib() < before + 32 * 1024);
    // A head that is too long, in one line, gets its answer for certain.
    let long = format!(
        "GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(20 * 1024)
    );
    let answer = server.raw(long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn row_30_slow_clients_do_not_slow_the_others() {
    let server = Server::start(WIDE);
    let ask = |n: usize| {
        let body = batch(&[row("t", "1")]);
        let head = head(&format!(
            "content-length: {}\r\nconnection: close\r\n",
            body.len()
        ));
        let request = format!("{head}{body}").replace(
            "idempotency-key: k\r\n",
            &format!("idempotency-key: k{n}\r\n"),
        );
        let start = Instant::now();
        let answer = server.raw(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        start.elapsed()
    };
    // Heads and bodies that come a byte at a time, or not at all.
    let mut slow: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        let start = if n % 2 == 0 {
            "POST /v1/tra".to_owned()
        } else {
            head("content-length: 900\r\n")
        };
        stream.write_all(start.as_bytes()).unwrap();
    }
    let worst = (0..50).map(ask).max().unwrap();
    assert!(
        worst < Duration::from_secs(2),
        "a quick client waited {worst:?} beside slow ones"
    );
}

#[test]
fn row_30_a_head_that_never_ends_is_given_up() {
    let server = Server::start(WIDE);
    let mut stream = server.connect();
    stream.write_all(b"GET /livez HT").unwrap();
    let start = Instant::now();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    let waited = start.elapsed();
    assert!(
        (8..30).contains(&waited.as_secs()),
        "given up after {waited:?}"
    );
}
