//! The console over a real socket: what a reader gets, and what the server refuses.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keepwhole::console::{
    ConsoleError, ConsoleSource, SourceError, refuse_unless_loopback, serve, serve_until,
};
use keepwhole::views::{
    BacktestAsked, BacktestView, Compared, CustomerView, GuardView, IncidentLine, IncidentView,
    JournalView, Overview, PeopleView, PolicyView, RequestState, RequestView,
};

use crate::sample::{self, HOSTILE, SampleSource};

fn start(source: Arc<dyn ConsoleSource>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        serve_until(listener, source, std::future::pending::<()>()).unwrap()
    });
    address
}

/// One server for every test that only reads.
fn server() -> SocketAddr {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    *SERVER.get_or_init(|| start(Arc::new(SampleSource)))
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (held, value) = line.split_once(": ")?;
            held.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let headers = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    }
}

fn get_from(address: SocketAddr, path: &str, more: &str) -> Answer {
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\r\n"),
    )
}

fn get(path: &str) -> Answer {
    get_from(server(), path, "")
}

/// Compares with the file under `golden/`; rewrites it where `KEEPWHOLE_ACCEPT=1`. Tags stand on lines of their own, so
/// that a difference is one line.
fn golden(name: &str, html: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/program/golden")
        .join(name);
    let actual = html.replace("><", ">\n<");
    if std::env::var_os("KEEPWHOLE_ACCEPT").is_some_and(|value| value == "1") {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = actual
        .lines()
        .zip(expected.lines())
        .position(|(a, b)| a != b);
    assert!(
        actual == expected,
        "{name} differs from its golden file, first at line {:?}; look at it and set KEEPWHOLE_ACCEPT=1 if it is right",
        differing.map(|line| line + 1)
    );
}

#[test]
fn pages_are_as_accepted_in_both_languages() {
    for lang in ["ko", "en"] {
        for (name, path, status) in [
            ("overview", "/", 200),
            ("incidents", "/incidents", 200),
            ("incident", "/incidents/2025-11-27", 200),
            ("search", "/customers", 200),
            ("customer", "/customers/c-000042", 200),
            ("no-customer", "/customers/nobody", 404),
            ("journal", "/journal?from=40", 200),
            ("guard", "/guard", 200),
            ("guard-held", "/guard?state=held", 200),
            ("request", "/guard/credit-0206", 200),
            ("no-request", "/guard/nothing", 404),
            ("policy", "/policy", 200),
            ("policy-difference", "/policy?old=1&new=2", 200),
            ("policy-no-proposal", "/policy?proposal=nothing", 200),
            ("people", "/people", 200),
            (
                "backtest",
                "/policy/backtest?policy=version-2&from=2025-11-20&to=2025-11-27",
                200,
            ),
            ("backtest-choice", "/policy/backtest", 200),
            (
                "backtest-long",
                "/policy/backtest?policy=version-2&from=2025-01-01&to=2025-11-27",
                200,
            ),
            ("no-page", "/nowhere", 404),
        ] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let answer = get(&format!("{path}{joint}lang={lang}"));
            assert_eq!(answer.status, status, "{path}");
            assert!(
                answer.text().contains(&format!("<html lang=\"{lang}\">")),
                "{path}"
            );
            assert!(!answer.text().contains('⟦'), "a key is missing on {path}");
            golden(&format!("{name}.{lang}.html"), answer.text());
        }
    }
}

#[test]
fn report_is_as_accepted_and_loads_nothing() {
    let html = keepwhole::report::render(&sample::report(), keepwhole::text::Lang::Ko);
    assert!(!html.contains('⟦'), "a key is missing in the report");
    for loading in [
        "<script", "src=", "http://", "https://", "@import", "url(http",
    ] {
        assert!(!html.contains(loading), "the report holds `{loading}`");
    }
    let (before, rest) = html.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    assert!(before.contains("style-src 'sha256-"));
    let policy_at = before.find("style-src").unwrap();
    golden("report.html", &format!("{}{after}", &before[..policy_at]));
}

#[test]
fn every_answer_carries_the_headers_that_protect_the_reader() {
    for path in [
        "/",
        "/nowhere",
        "/style.css",
        "/healthz",
        "/log/checkpoint",
        "/report",
    ] {
        let answer = get(path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'; style-src "),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        // The checkpoint is public and asked for anew each time (c2sp.org/tlog-tiles).
        let caching = if path == "/log/checkpoint" {
            "no-cache"
        } else {
            "no-store"
        };
        assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
        assert_eq!(
            answer.header("referrer-policy"),
            Some("same-origin"),
            "{path}"
        );
    }
}

#[test]
fn a_console_that_only_shows_leads_to_no_page_that_it_does_not_have() {
    for lang in ["ko", "en"] {
        let page = get(&format!("/people?lang={lang}")).text().to_owned();
        assert!(!page.contains("href=\"/approve/"), "{page}");
        let asks = "keepwhole staff ask finding-";
        assert!(page.contains(asks), "how it is done instead");
        let paths = page.split("href=\"").skip(1);
        for path in paths.filter_map(|rest| rest.split('"').next()) {
            if path.starts_with('/') {
                let path = path.replace("&amp;", "&");
                assert_eq!(get(&path).status, 200, "{path}");
            }
        }
    }
}

#[test]
fn no_page_holds_a_script_or_an_inline_style() {
    for path in [
        "/",
        "/incidents",
        "/incidents/2025-11-27",
        "/customers/c-000042",
        "/journal",
        "/customers",
        "/guard",
        "/guard/credit-0206",
        "/policy?old=1&new=2",
        "/people",
        "/policy/backtest?policy=proposal-change-7",
        "/nowhere",
    ] {
        let html = get(path).text().to_owned();
        for forbidden in ["<script", " style=\"", "javascript:", " onclick"] {
            assert!(!html.contains(forbidden), "{path} holds `{forbidden}`");
        }
    }
}

#[test]
fn unknown_ids_get_a_page_that_says_so() {
    for path in [
        "/incidents/none",
        "/customers/none",
        "/guard/none",
        "/nowhere",
        "/log/tile/0/999",
        "/log/tile/entries/000",
        "/log/x",
    ] {
        let answer = get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
        assert!(answer.text().contains("<main"), "{path}");
    }
}

#[test]
fn hostile_ids_are_text_wherever_they_are_shown() {
    let encoded: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [
        format!("/customers/{encoded}"),
        format!("/customers/x{encoded}"),
        format!("/incidents/{encoded}"),
        "/guard".to_owned(),
        format!("/guard/{encoded}"),
        format!("/guard/x{encoded}"),
        format!("/guard?state={encoded}"),
        format!("/policy?old={encoded}&new=1"),
        format!("/policy?proposal={encoded}"),
        format!("/policy/backtest?policy=proposal-{encoded}"),
        format!("/policy/backtest?from={encoded}"),
        "/people".to_owned(),
        format!("/journal?from={encoded}"),
        format!("/?lang={encoded}"),
    ] {
        let answer = get(&path);
        assert!(!answer.text().contains("<script"), "{path}");
        assert!(!answer.text().contains("alert(\"1\")"), "{path}");
    }
    let search = get(&format!("/customers?id={encoded}"));
    assert_eq!(search.status, 303);
    assert_eq!(
        search.header("location"),
        Some("/customers/%3Cscript%3Ealert%28%221%22%29%3C%2Fscript%3E%26%27")
    );
    assert_eq!(get(search.header("location").unwrap()).status, 200);
}

#[test]
fn only_hosts_of_this_machine_are_answered() {
    let address = server();
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1", ""] {
        let answer = send(
            address,
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        );
        assert_eq!(answer.status, 400, "{host}");
        assert!(!answer.text().contains("212,407"), "{host}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:80"] {
        let answer = send(
            address,
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        );
        assert_eq!(answer.status, 200, "{host}");
    }
    let absolute = send(
        address,
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(absolute.status, 400);
}

#[test]
fn malformed_requests_are_refused_with_a_reason() {
    for (path, status) in [
        ("/journal?from=-1", 400),
        ("/journal?from=abc", 400),
        ("/journal?from=%2B5", 400),
        ("/journal?from=18446744073709551616", 400),
        ("/journal?from=1&from=2", 400),
        ("/customers/%ff", 400),
        ("/guard?state=open", 400),
        ("/guard?from=-1", 400),
        ("/guard?state=held&state=held", 400),
        ("/guard/%ff", 400),
        ("/policy?old=1&new=x", 400),
        ("/policy?old=-1&new=1", 400),
        ("/policy/backtest?from=2025-13-01", 400),
        ("/policy/backtest?to=yesterday", 400),
        ("/policy/backtest?from=1969-12-31", 400),
        ("/policy/backtest?policy=two.toml", 400),
        ("/policy/backtest?policy=version--1", 400),
    ] {
        assert_eq!(get(path).status, status, "{path}");
    }
    assert_eq!(get(&format!("/{}", "a".repeat(2000))).status, 414);
    let address = server();
    let post = |more: &str| {
        send(
            address,
            &format!("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}"),
        )
    };
    assert_eq!(post("Content-Length: 0\r\n\r\n").status, 405);
    assert_eq!(post("Content-Length: 3\r\n\r\nabc").status, 413);
}

#[test]
fn language_follows_the_choice_then_the_browser_then_korean() {
    let lang_of = |path: &str, accept: &str| {
        let answer = get_from(server(), path, &format!("Accept-Language: {accept}\r\n"));
        answer.header("content-language").unwrap().to_owned()
    };
    assert_eq!(lang_of("/", "en-GB,en;q=0.9,ko;q=0.8"), "en");
    assert_eq!(lang_of("/", "fr"), "ko");
    assert_eq!(lang_of("/", "ko;q=0.1, en;q=0"), "ko");
    assert_eq!(lang_of("/?lang=ko", "en"), "ko");
    assert_eq!(lang_of("/?lang=xx", "en"), "en");
    assert!(
        get("/customers?lang=en")
            .text()
            .contains("href=\"/journal?lang=en\"")
    );
    assert!(
        get("/journal?from=40&lang=en")
            .text()
            .contains("href=\"/journal?from=40&amp;lang=ko\"")
    );
}

#[test]
fn public_log_serves_checkpoint_and_tiles_alone() {
    let checkpoint = get("/log/checkpoint");
    assert_eq!(
        (checkpoint.status, checkpoint.header("content-type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    let tile = get("/log/tile/0/000");
    assert_eq!((tile.status, tile.body.len()), (200, 32));
    assert_eq!(get("/log/tile/0/..%2fcheckpoint").status, 404);
}

#[test]
fn addresses_that_others_can_reach_are_refused() {
    for address in [
        "0.0.0.0:0",
        "[::]:0",
        "192.168.0.1:7717",
        "[::ffff:10.0.0.1]:1",
    ] {
        let refused = refuse_unless_loopback(address.parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("plain HTTP") && refused.contains("127.0.0.1"),
            "{refused}"
        );
    }
    for address in [
        "127.0.0.1:0",
        "[::1]:0",
        "127.3.4.5:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(
            refuse_unless_loopback(address.parse().unwrap()).is_ok(),
            "{address}"
        );
    }
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    assert!(matches!(
        serve(listener, Arc::new(SampleSource)),
        Err(ConsoleError::NotLoopback { .. })
    ));
}

#[test]
fn a_server_told_to_stop_ends_and_frees_its_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let stop = async move {
        while told.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let serving = std::thread::spawn(move || serve_until(listener, Arc::new(SampleSource), stop));
    assert_eq!(get_from(address, "/healthz", "").status, 200);
    tell.send(()).unwrap();
    serving.join().unwrap().unwrap();
    TcpListener::bind(address).unwrap();
}

/// A source whose journal cannot be read.
struct Broken;

impl ConsoleSource for Broken {
    fn overview(&self) -> Result<Overview, SourceError> {
        Err(SourceError::Unavailable(
            "frame 7 at offset 4096 is damaged".to_owned(),
        ))
    }
    fn incidents(&self) -> Result<Vec<IncidentLine>, SourceError> {
        Ok(Vec::new())
    }
    fn incident(&self, _: &str) -> Result<Option<IncidentView>, SourceError> {
        panic!("a fault of ours")
    }
    fn customer(&self, _: &str) -> Result<Option<CustomerView>, SourceError> {
        Ok(None)
    }
    fn journal(&self, _: Option<u64>) -> Result<JournalView, SourceError> {
        Err(SourceError::Unavailable(
            "frame 7 at offset 4096 is damaged".to_owned(),
        ))
    }
    fn guard(&self, _: Option<RequestState>, _: u64) -> Result<GuardView, SourceError> {
        Err(SourceError::Unavailable("frame 7 is damaged".to_owned()))
    }
    fn request(&self, _: &str) -> Result<Option<RequestView>, SourceError> {
        Ok(None)
    }
    fn policy(&self, _: Option<&Compared>) -> Result<PolicyView, SourceError> {
        Err(SourceError::Unavailable("frame 7 is damaged".to_owned()))
    }
    fn backtest(&self, _: &BacktestAsked) -> Result<BacktestView, SourceError> {
        Err(SourceError::Unavailable("frame 7 is damaged".to_owned()))
    }
    fn people(&self) -> Result<PeopleView, SourceError> {
        Err(SourceError::Unavailable("frame 7 is damaged".to_owned()))
    }
    fn log_file(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn report(&self) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_green() {
    let address = start(Arc::new(Broken));
    for path in [
        "/?lang=en",
        "/journal?lang=en",
        "/incidents/x?lang=en",
        "/guard?lang=en",
        "/policy?lang=en",
        "/people?lang=en",
        "/policy/backtest?lang=en",
    ] {
        let answer = get_from(address, path, "");
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.text().contains("The mode is unknown"), "{path}");
    }
    assert!(
        get_from(address, "/journal", "")
            .text()
            .contains("frame 7 at offset 4096 is damaged")
    );
    let list = get_from(address, "/incidents?lang=en", "");
    assert_eq!(list.status, 200);
    assert!(list.text().contains("The mode is unknown") && !list.text().contains("banner-normal"));
    assert_eq!(get_from(address, "/report", "").status, 404);
}
