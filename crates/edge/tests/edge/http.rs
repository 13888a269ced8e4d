//! Requests as programs send them, and the answers that they can rely on.

use crate::intake::{Mood, Watched};
use jiff::civil::date;
use keepwhole_core::command::Body;
use keepwhole_core::door::{Door, DoorCommand};
use keepwhole_edge::api::{Api, Bounds, WHOLE, router};
use keepwhole_edge::refusals::Refusals;
use keepwhole_edge::server::{serve, serve_tls};
use keepwhole_edge::tls::Tls;
use keepwhole_edge::tokens::Tokens;
use keepwhole_edge::{Intake, Limits};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Header lines of a request.
type Head<'h> = &'h [(&'h str, String)];

pub(crate) const TOKEN: &str = "kw_the-token-of-the-ledger";
const OLD: &str = "kw_a-token-whose-time-is-over";

/// A running interface; it stops when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) intake: Arc<Watched>,
    /// What the doors told.
    told: Arc<Watched>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(limits: Limits) -> Self {
        let lines = Tokens::line("ledger", "ledger", TOKEN, date(2199, 1, 1))
            + &Tokens::line("old", "ledger", OLD, date(2020, 1, 1));
        Self::start_as(limits, &lines, None)
    }

    /// With these identities, over TLS where there is one.
    pub(crate) fn start_as(limits: Limits, lines: &str, tls: Option<Arc<Tls>>) -> Self {
        let intake = Arc::new(Watched::new());
        let asked: Arc<dyn Intake> = Arc::clone(&intake) as _;
        let bounds = Bounds {
            body_max: 64 * 1024,
            rates: limits,
            whole: WHOLE,
        };
        let told = Arc::new(Watched::new());
        let refusals = Refusals::new(Arc::clone(&told) as Arc<dyn Intake>);
        let handshakes = Arc::clone(&refusals);
        let refused =
            Arc::new(move || handshakes.turned_away(Door::Api, "handshake", "", 1_800_000_000_000));
        let tokens = Tokens::parse(lines).unwrap();
        let api = Api::new(asked, None, tokens, bounds, Some(refusals));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let stop = async { drop(stopped.await) };
                match tls {
                    None => serve(listener, router(api), 64, stop).await.unwrap(),
                    Some(tls) => serve_tls(listener, tls, router(api), 64, refused, stop)
                        .await
                        .unwrap(),
                }
            });
        });
        Self {
            address,
            intake,
            told,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Code, identity and number of the attempts that were turned away so far, as they were told.
    pub(crate) fn turned_away(&self) -> Vec<(String, String, u64)> {
        let taken = self.told.taken.lock().unwrap();
        let told = taken.iter().filter_map(|command| match &command.body {
            Body::OfDoor(DoorCommand::TellTurnedAway(told)) => {
                Some((told.code.clone(), told.who.clone(), told.count))
            }
            _ => None,
        });
        told.collect()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(45)))
            .unwrap();
        stream
    }

    /// Sends bytes and reads the answer until the connection ends.
    pub(crate) fn raw(&self, request: &[u8]) -> String {
        String::from_utf8(self.raw_bytes(request)).unwrap()
    }

    pub(crate) fn raw_bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // The server may answer and close before all is sent.
        let _early = stream.write_all(request);
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        answer
    }

    fn post(&self, path: &str, key: &str, body: &str) -> String {
        let head = [
            ("authorization", format!("Bearer {TOKEN}")),
            ("idempotency-key", key.to_owned()),
        ];
        self.send("POST", path, &head, body)
    }

    fn send(&self, method: &str, path: &str, head: Head<'_>, body: &str) -> String {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        if !head.iter().any(|(name, _)| *name == "content-type") {
            request += "content-type: application/json\r\n";
        }
        for (name, value) in head.iter().filter(|(_, value)| !value.is_empty()) {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        self.raw(request.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

pub(crate) const WIDE: Limits = Limits {
    all: 100_000,
    each: 100_000,
};

pub(crate) fn row(id: &str, units: &str) -> String {
    format!(
        r#"{{"id":"{id}","from":"outside","to":"customer-1","asset":"BTC","units":"{units}","kind":"deposit","effective":"2026-01-02T03:04:05+09:00"}}"#
    )
}

pub(crate) fn batch(rows: &[String]) -> String {
    format!(r#"{{"transfers":[{}]}}"#, rows.join(","))
}

#[track_caller]
fn answered(answer: &str, status: &str, holds: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status}")),
        "{answer}"
    );
    assert!(answer.contains(holds), "{holds} is not in {answer}");
}

#[test]
fn a_batch_is_recorded_once_however_often_it_is_sent() {
    let server = Server::start(WIDE);
    let body = batch(&[row("t-1", "5"), row("t-2", "7")]);
    let first = server.post("/v1/transfers", "k-1", &body);
    answered(
        &first,
        "200 ",
        r#"{"outcome":"recorded","repeated":false,"rows":2}"#,
    );
    let again = server.post("/v1/transfers", "k-1", &body);
    answered(&again, "200 ", r#""repeated":true"#);
    let other = server.post("/v1/transfers", "k-1", &batch(&[row("t-3", "1")]));
    answered(
        &other,
        "422 ",
        r#""outcome":"refused","reason":{"code":"duplicate_id"}"#,
    );
    let taken = server.intake.taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].id.as_deref(), Some("api/ledger/k-1"));
    let Body::RecordTransfers(rows) = &taken[0].body else {
        panic!("{:?}", taken[0].body)
    };
    let rows: Vec<_> = rows
        .rows()
        .map(|row| (row.id.to_owned(), row.units, row.effective))
        .collect();
    let at = 1_767_290_645_000;
    assert_eq!(rows, [("t-1".to_owned(), 5, at), ("t-2".to_owned(), 7, at)]);
}

#[test]
fn owners_are_registered() {
    let server = Server::start(WIDE);
    let answer = server.post(
        "/v1/owners",
        "k-1",
        r#"{"owners":["customer-1","customer-2"]}"#,
    );
    answered(&answer, "200 ", r#""rows":2"#);
    let taken = server.intake.taken.lock().unwrap();
    assert_eq!(
        taken[0].body,
        Body::RegisterOwners(vec!["customer-1".to_owned(), "customer-2".to_owned()])
    );
}

/// Name, path, key, body, status, what the answer says.
const BODIES: &[(&str, &str, &str, &str)] = &[
    ("nothing", "", "400 ", "line 1, column 0"),
    ("not JSON", "{", "400 ", "line 1, column 1"),
    (
        "another field",
        r#"{"transfers":[],"more":1}"#,
        "400 ",
        "unknown field `more`",
    ),
    (
        "a field twice",
        r#"{"transfers":[],"transfers":[]}"#,
        "400 ",
        "duplicate field `transfers`",
    ),
    (
        "no rows",
        r#"{"transfers":[]}"#,
        "400 ",
        "send 1 to 8192 in one request",
    ),
    (
        "trailing text",
        r#"{"transfers":[]} x"#,
        "400 ",
        "trailing characters",
    ),
    (
        "a number for units",
        r#"{"transfers":[{"id":"a","from":"outside","to":"b","asset":"c","units":5,"kind":"deposit","effective":"2026-01-02T03:04:05Z"}]}"#,
        "400 ",
        "invalid type: integer `5`",
    ),
];

#[test]
fn a_malformed_body_is_refused_with_place_and_cause() {
    let server = Server::start(WIDE);
    for (name, body, status, says) in BODIES {
        let answer = server.post("/v1/transfers", "k-1", body);
        assert!(
            answer.contains(says) && answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{name}: {answer}"
        );
    }
    let fields = [
        (
            "units",
            r#""units":"5""#,
            r#""units":"0""#,
            "is not an amount",
        ),
        (
            "units",
            r#""units":"5""#,
            r#""units":"-5""#,
            "`-5` is not an amount",
        ),
        (
            "units",
            r#""units":"5""#,
            r#""units":"05""#,
            "is not an amount",
        ),
        (
            "units",
            r#""units":"5""#,
            r#""units":"5.0""#,
            "is not an amount",
        ),
        (
            "units",
            r#""units":"5""#,
            r#""units":"340282366920938463463374607431768211456""#,
            "is not an amount",
        ),
        (
            "kind",
            r#""kind":"deposit""#,
            r#""kind":"written_off""#,
            "is none of `opening`",
        ),
        (
            "effective",
            "2026-01-02T03:04:05+09:00",
            "2026-01-02T03:04:05",
            "is not a time with a zone",
        ),
        (
            "effective",
            "2026-01-02T03:04:05+09:00",
            "1969-01-02T03:04:05Z",
            "is not a time with a zone",
        ),
        (
            "effective",
            "2026-01-02T03:04:05+09:00",
            "2026-02-30T03:04:05Z",
            "is not a time with a zone",
        ),
    ];
    for (field, good, bad, says) in fields {
        let body = batch(&[row("t-0", "1"), row("t-1", "5").replace(good, bad)]);
        let answer = server.post("/v1/transfers", "k-1", &body);
        answered(&answer, "400 ", says);
        answered(
            &answer,
            "400 ",
            &format!(r#""field":"transfers[1].{field}""#),
        );
    }
    let same = batch(&[row("t-1", "5").replace("customer-1", "outside")]);
    answered(
        &server.post("/v1/transfers", "k-1", &same),
        "400 ",
        r#""field":"transfers[0]"#,
    );
    assert!(server.intake.taken.lock().unwrap().is_empty());
}

#[test]
fn who_asks_and_how_is_checked_before_anything_is_read() {
    let server = Server::start(WIDE);
    let body = batch(&[row("t-1", "5")]);
    let good = format!("Bearer {TOKEN}");
    let key = "k-1".to_owned();
    let long = "k".repeat(129);
    let cases: &[(&str, &str, Head<'_>)] = &[
        ("401 ", "unauthorised", &[("idempotency-key", key.clone())]),
        (
            "401 ",
            "unauthorised",
            &[
                ("idempotency-key", key.clone()),
                ("authorization", "Bearer nobody".to_owned()),
            ],
        ),
        (
            "401 ",
            "unauthorised",
            &[
                ("idempotency-key", key.clone()),
                ("authorization", format!("Bearer {OLD}")),
            ],
        ),
        (
            "401 ",
            "unauthorised",
            &[
                ("idempotency-key", key.clone()),
                ("authorization", format!("bearer {TOKEN}")),
            ],
        ),
        (
            "400 ",
            "idempotency_key",
            &[("authorization", good.clone())],
        ),
        (
            "400 ",
            "idempotency_key",
            &[("authorization", good.clone()), ("idempotency-key", long)],
        ),
        (
            "400 ",
            "idempotency_key",
            &[
                ("authorization", good.clone()),
                ("idempotency-key", "a b".to_owned()),
            ],
        ),
        (
            "400 ",
            "idempotency_key",
            &[
                ("authorization", good.clone()),
                ("idempotency-key", key.clone()),
                ("idempotency-key", "k-2".to_owned()),
            ],
        ),
        (
            "415 ",
            "content_type",
            &[
                ("authorization", good.clone()),
                ("idempotency-key", key.clone()),
                ("content-type", "text/csv".to_owned()),
            ],
        ),
    ];
    for (status, code, head) in cases {
        let answer = server.send("POST", "/v1/transfers", head, &body);
        answered(&answer, status, &format!(r#""code":"{code}""#));
        assert!(
            !answer.contains(TOKEN) && !answer.contains(OLD),
            "a token is told back: {answer}"
        );
    }
    let head = [("authorization", good)];
    answered(
        &server.send("GET", "/v1/transfers", &head, ""),
        "405 ",
        r#""code":"method""#,
    );
    answered(
        &server.send("POST", "/v1/withdraw", &head, ""),
        "404 ",
        r#""code":"no_such_address""#,
    );
    assert!(server.intake.taken.lock().unwrap().is_empty());
    // The first of each sort was told at once, with whose token it was; the others wait for their minute.
    let told = server.turned_away();
    let told: Vec<_> = told
        .iter()
        .map(|(code, who, count)| (code.as_str(), who.as_str(), *count))
        .collect();
    assert_eq!(
        told,
        [
            ("unauthorised", "", 1),
            ("idempotency_key", "ledger", 1),
            ("content_type", "ledger", 1),
            ("method", "", 1),
            ("no_such_address", "", 1),
        ]
    );
}

#[test]
fn an_identity_over_its_rate_is_told_when_to_come_back() {
    let server = Server::start(Limits {
        all: 1_000,
        each: 2,
    });
    let body = batch(&[row("t-1", "5")]);
    let answers: Vec<String> = (0..6)
        .map(|n| server.post("/v1/transfers", &format!("k-{n}"), &body))
        .collect();
    let late = answers
        .iter()
        .find(|answer| answer.starts_with("HTTP/1.1 429 "))
        .expect("none was refused");
    assert!(late.contains("retry-after: 1\r\n"), "{late}");
    assert!(answers[0].starts_with("HTTP/1.1 200 "), "{}", answers[0]);
}

#[test]
fn a_sequencer_that_can_not_answer_is_never_taken_for_a_yes() {
    let server = Server::start(WIDE);
    let body = batch(&[row("t-1", "5")]);
    server.intake.set(Mood::Busy);
    let busy = server.post("/v1/transfers", "k-1", &body);
    answered(&busy, "503 ", "retry-after: 3\r\n");
    server.intake.set(Mood::Stopped);
    answered(
        &server.post("/v1/transfers", "k-1", &body),
        "503 ",
        r#""code":"stopped""#,
    );
    answered(
        &server.send("GET", "/readyz", &[], ""),
        "503 ",
        "the journal stopped",
    );
    answered(&server.send("GET", "/livez", &[], ""), "200 ", "ok");
    server.intake.set(Mood::Recording);
    answered(
        &server.post("/v1/transfers", "k-1", &body),
        "200 ",
        r#""repeated":false"#,
    );
}
