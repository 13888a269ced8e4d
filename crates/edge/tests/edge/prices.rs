//! Prices over HTTP: who may tell them, what a body may say, and what reaches the sequencer.

use crate::http::{Server, WIDE, batch, row};
use jiff::civil::date;
use keepwhole_core::command::Body;
use keepwhole_core::price::ONE;
use keepwhole_edge::tokens::Tokens;

const FEED: &str = "kw_the-token-of-the-price-feed";
const LEDGER: &str = "kw_the-token-of-the-ledger-here";
const GUARD: &str = "kw_the-token-of-the-wallet-service";

fn server() -> Server {
    let line =
        |name: &str, scope: &str, token: &str| Tokens::line(name, scope, token, date(2199, 1, 1));
    let lines = line("feed", "prices", FEED)
        + &line("ledger", "ledger", LEDGER)
        + &line("wallets", "guard", GUARD);
    Server::start_as(WIDE, &lines, None)
}

fn post(server: &Server, token: &str, path: &str, key: &str, body: &str) -> (u16, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {token}\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = server.raw(request.as_bytes());
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

const GOOD: &str = r#"{"as_of":"2026-11-22T09:00:00+09:00","asset":"BTC","quote":"KRW","price":"152000000.5","source":"own market"}"#;

fn told(rows: &[&str]) -> String {
    format!(r#"{{"prices":[{}]}}"#, rows.join(","))
}

#[test]
fn prices_are_told_once_with_a_token_of_their_own() {
    let server = server();
    let body = told(&[
        GOOD,
        &GOOD.replace("BTC", "BTT").replace("152000000.5", "0.0008"),
    ]);
    let (status, first) = post(&server, FEED, "/v1/prices", "k-1", &body);
    assert_eq!(status, 200, "{first}");
    assert!(
        first.contains(r#"{"outcome":"recorded","repeated":false,"rows":2}"#),
        "{first}"
    );
    let (_, again) = post(&server, FEED, "/v1/prices", "k-1", &body);
    assert!(again.contains(r#""repeated":true"#), "{again}");
    let (status, other) = post(&server, FEED, "/v1/prices", "k-1", &told(&[GOOD]));
    assert_eq!(status, 422, "{other}");
    assert!(other.contains("duplicate_id"), "{other}");
    let taken = server.intake.taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(
        (taken[0].id.as_deref(), taken[0].actor.as_deref()),
        (Some("api/feed/k-1"), None)
    );
    let Body::RecordPrices(rows) = &taken[0].body else {
        panic!("{:?}", taken[0].body)
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.base.as_str(), row.price, row.as_of))
        .collect();
    let at = 1_795_305_600_000;
    assert_eq!(
        rows,
        [
            ("BTC", 152_000_000 * ONE + ONE / 2, at),
            ("BTT", 8 * ONE / 10_000, at)
        ]
    );
}

#[test]
fn a_price_token_does_nothing_else_and_no_other_tells_prices() {
    let server = server();
    let prices = told(&[GOOD]);
    let transfers = batch(&[row("t-1", "5")]);
    for (token, path, body) in [
        (LEDGER, "/v1/prices", prices.as_str()),
        (GUARD, "/v1/prices", &prices),
        (FEED, "/v1/transfers", &transfers),
        (FEED, "/v1/owners", r#"{"owners":["c"]}"#),
    ] {
        let (status, answer) = post(&server, token, path, "k-1", body);
        assert_eq!(status, 403, "{path}: {answer}");
        assert!(answer.contains(r#""code":"scope""#), "{answer}");
    }
    let (status, _) = post(&server, "kw_nobody", "/v1/prices", "k-1", &prices);
    assert_eq!(status, 401);
    assert!(server.intake.taken.lock().unwrap().is_empty());
    let turned = server.turned_away();
    let scopes: Vec<_> = turned.iter().filter(|(code, ..)| code == "scope").collect();
    assert_eq!(scopes.len(), 3, "the doors tell each identity: {turned:?}");
}

#[test]
fn a_body_of_prices_is_read_strictly() {
    let server = server();
    let cases = [
        ("price", r#""152000000.5""#, r#""0""#, "`0` is zero"),
        ("price", r#""152000000.5""#, r#""-1""#, "`-1` is negative"),
        (
            "price",
            r#""152000000.5""#,
            r#""1e9""#,
            "`1e9` is not a price",
        ),
        (
            "price",
            r#""152000000.5""#,
            r#""1,5""#,
            "`1,5` is not a price",
        ),
        ("price", r#""152000000.5""#, r#""""#, "`` is not a price"),
        (
            "price",
            r#""152000000.5""#,
            r#""1.00000000001""#,
            "at most 10 digits behind the point",
        ),
        (
            "price",
            r#""152000000.5""#,
            r#""99999999999999999999999999""#,
            "is larger than any price",
        ),
        (
            "quote",
            r#""KRW""#,
            r#""EUR""#,
            "`EUR` is no registered asset",
        ),
        (
            "as_of",
            "2026-11-22T09:00:00+09:00",
            "2026-11-22T09:00:00",
            "is not a time with a zone",
        ),
        (
            "as_of",
            "2026-11-22T09:00:00+09:00",
            "1969-01-01T00:00:00Z",
            "is not a time with a zone",
        ),
    ];
    for (field, good, bad, says) in cases {
        let body = told(&[GOOD, &GOOD.replace(good, bad)]);
        let (status, answer) = post(&server, FEED, "/v1/prices", "k-1", &body);
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer.contains(&format!(r#""field":"prices[1].{field}""#)),
            "{answer}"
        );
        assert!(answer.contains(says), "{says}: {answer}");
    }
    let many = vec![GOOD; 1_025];
    let deep = format!(r#"{{"prices":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    for (body, says) in [
        (GOOD.to_owned(), "unknown field `as_of`"),
        (told(&[]), "`0` rows"),
        (told(&many), "too_large"),
        (
            told(&[&GOOD.replace(r#""152000000.5""#, "152000000.5")]),
            "invalid type",
        ),
        (
            told(&[&GOOD.replace(r#""asset""#, r#""price":"1","asset""#)]),
            "duplicate field `price`",
        ),
        (
            told(&[&GOOD.replace(r#""asset""#, r#""by":"me","asset""#)]),
            "unknown field `by`",
        ),
        (told(&[r#"{"asset":"BTC"}"#]), "missing field"),
        (deep, "too_deep"),
        ("{".to_owned(), "malformed"),
    ] {
        let (status, answer) = post(&server, FEED, "/v1/prices", "k-1", &body);
        assert!(status == 400 || status == 413, "{answer}");
        assert!(answer.contains(says), "{says}: {answer}");
    }
    assert!(server.intake.taken.lock().unwrap().is_empty());
}
