//! Prices on the real program: told over HTTP and from a file, seen, and what a withdrawal gets while they are missing, good,
//! suspect and too old.

use crate::cli::{PROGRAM, installed, run};
use crate::edges::{SETTINGS, Served};
use crate::guard_api::{ANN, HOT, code, tell};
use crate::small_exchange::movement;
use crate::staffed::bootstrap;
use keepwhole_core::command::Body;
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::rule::{Condition, Outcome, Rule, Rules, Test};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

const ETH: u128 = 1_000_000_000_000_000_000;

fn rule(id: &str, test: Test, then: Outcome) -> Rule {
    Rule {
        id: id.to_owned(),
        when: vec![Condition {
            field: Field::Value,
            test,
        }],
        then,
        says: id.to_owned(),
    }
}

/// Below 10 million won nobody is asked, from there on it waits; a price holds a minute and moves by 10 %.
fn policy() -> Policy {
    let limit = 10_000_000;
    Policy {
        version: 1,
        reference: Some(AssetIx(1)),
        price_max_age_ms: Some(60_000),
        price_band_bps: Some(1_000),
        rules: Rules::new(vec![
            rule("small", Test::Below(limit), Outcome::Clear),
            rule("large", Test::AtLeast(limit), Outcome::Hold),
        ]),
        ops_allowed: vec!["transfer".to_owned()],
        ..Policy::default()
    }
}

/// An exchange that holds 10 ETH and owes a customer 9, with the policy in force and its people there.
fn exchange(dir: &Path) {
    let asset = |id: &str, decimals, network: Option<&str>| {
        Body::RegisterAsset(Asset {
            id: id.to_owned(),
            decimals,
            network: network.map(ToOwned::to_owned),
            confirmations: 1,
        })
    };
    let bodies = vec![
        asset("ETH", 18, Some("eip155:31337")),
        asset("KRW", 0, None),
        asset("BTT", 6, Some("eip155:31337")),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        Body::RegisterWallet(Wallet {
            id: "hot-1".to_owned(),
            tier: Tier::Hot,
            address: HOT.to_owned(),
        }),
        Body::DeclareHoldings(vec![("hot-1".to_owned(), "ETH".to_owned(), 10 * ETH)]),
        Body::RecordMovements(vec![movement("outside", "ann", "ETH", 9 * ETH)]),
        Body::NameAsset {
            asset: "ETH".to_owned(),
            caip19: "eip155:31337/slip44:60".to_owned(),
        },
        Body::AdoptPolicy(Box::new(policy())),
    ];
    tell(dir, "given", bodies);
    bootstrap(dir);
}

struct Market {
    served: Served,
    feed: String,
    guard: String,
}

impl Market {
    fn start(dir: &Path) -> Self {
        fs::write(dir.join("ex/keepwhole.toml"), SETTINGS).unwrap();
        let token = |scope: &str| {
            let made = run(
                dir,
                &["token", "add", scope, "--scope", scope, "--data", "ex"],
            );
            assert_eq!(made.code, 0, "{}", made.err);
            made.out.trim().to_owned()
        };
        let (feed, guard) = (token("prices"), token("guard"));
        let served = Served::start_as(process::Command::new(PROGRAM), dir).unwrap();
        Self {
            served,
            feed,
            guard,
        }
    }

    /// Tells one price of so many seconds ago; status and answer.
    fn tell(&self, key: &str, asset: &str, quote: &str, price: &str, ago: i64) -> (u16, Value) {
        let body = json!({ "prices": [{
            "as_of": of(ago), "asset": asset, "quote": quote, "price": price, "source": "own market",
        }]});
        self.served
            .post("/v1/prices", &self.feed, key, &body.to_string())
    }

    fn withdraw(&self, id: &str, wei: u128) -> Value {
        let body = json!({ "id": id, "customer": "ann", "wallet": "hot-1", "asset": "ETH",
            "amount": wei.to_string(), "to": ANN });
        let path = "/v1/guard/withdrawals";
        self.served.post(path, &self.guard, id, &body.to_string()).1
    }

    /// Where a request stands once it is no longer held for `reason`, or after twenty seconds.
    fn after(&self, id: &str, reason: &str) -> String {
        let start = Instant::now();
        loop {
            let mut stream = std::net::TcpStream::connect(self.served.address()).unwrap();
            write!(
                stream,
                "GET /v1/guard/requests/{id} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
                self.guard
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            if !answer.contains(reason) || start.elapsed() > Duration::from_secs(20) {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn of(ago: i64) -> String {
    let now = jiff::Timestamp::now();
    (now - jiff::SignedDuration::from_secs(ago)).to_string()
}

#[test]
fn a_withdrawal_waits_for_a_price_goes_with_it_and_waits_again_when_it_is_old() {
    let dir = installed();
    exchange(dir.path());
    let market = Market::start(dir.path());
    let held = market.withdraw("w-1", ETH);
    assert_eq!(
        (held["outcome"].as_str(), code(&held)),
        (Some("held"), "price_missing"),
        "{held}"
    );
    // A price of 35 seconds ago is good for 25 more.
    let (status, told) = market.tell("p-1", "ETH", "KRW", "5000000.5", 35);
    assert_eq!(
        (status, told["outcome"].as_str()),
        (200, Some("recorded")),
        "{told}"
    );
    let stands = market.after("w-1", "price_missing");
    assert!(stands.contains(r#""outcome":"cleared""#), "{stands}");
    let large = market.withdraw("w-2", 2 * ETH);
    assert_eq!(code(&large), "rule_holds", "10,000,001 won: {large}");
    let listed = run(dir.path(), &["price", "list", "--data", "ex", "--json"]).json();
    let row = &listed["prices"][0];
    assert_eq!(
        (
            row["asset"].as_str(),
            row["stands"].as_str(),
            row["last"]["price"].as_str()
        ),
        (Some("ETH"), Some("good"), Some("5000000.5")),
        "{listed}"
    );
    assert_eq!(row["last"]["source"], "own market");
    assert!(
        row["last"]["age_ms"].as_u64().unwrap() >= 35_000,
        "{listed}"
    );
    // Nobody tells another one, and the same amount that went before waits.
    let start = Instant::now();
    let mut asked = 0;
    let old = loop {
        asked += 1;
        let answer = market.withdraw(&format!("w-old-{asked}"), 1_000);
        if answer["outcome"] != "cleared" || start.elapsed() > Duration::from_secs(60) {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(
        (old["outcome"].as_str(), code(&old)),
        (Some("held"), "price_stale"),
        "{old}"
    );
    let listed = run(dir.path(), &["price", "list", "--data", "ex"]);
    assert!(
        listed.out.contains("5,000,000.5") && listed.out.contains("stale"),
        "{}",
        listed.out
    );
}

#[test]
fn a_thief_with_the_price_token_lowers_no_ceiling_and_is_seen() {
    let dir = installed();
    exchange(dir.path());
    let market = Market::start(dir.path());
    assert_eq!(market.tell("p-0", "ETH", "KRW", "5000000", 30).0, 200);
    assert_eq!(
        code(&market.withdraw("w-1", 8 * ETH)),
        "rule_holds",
        "40 million won"
    );
    // A tenth of the price at once; then in small steps, as fast as the door lets them in.
    let (status, told) = market.tell("p-1", "ETH", "KRW", "500000", 29);
    assert_eq!(
        (status, told["outcome"].as_str()),
        (200, Some("held")),
        "{told}"
    );
    assert_eq!(told["reason"]["code"], "price_band", "{told}");
    let waits = market.withdraw("w-2", 1_000);
    assert_eq!(
        code(&waits),
        "price_band",
        "nothing goes by value while it is the newest: {waits}"
    );
    let mut price = 5_000_000_u64;
    for step in 0..20 {
        let next = price / 100 * 91;
        let text = next.to_string();
        let (_, told) = market.tell(&format!("s-{step}"), "ETH", "KRW", &text, 28 - step);
        if told["outcome"] == "recorded" {
            price = next;
        }
    }
    assert!(price >= 3_500_000, "three bands in a day: {price}");
    assert_ne!(market.withdraw("w-3", 8 * ETH)["outcome"], "cleared");
    // What else the door and the core turn away.
    for (key, asset, quote, price, ago, status, wanted) in [
        ("r-1", "ETH", "BTT", "1", 0, 422, "price_quote"),
        ("r-2", "ETH", "KRW", "5000000", -60, 422, "price_ahead"),
        ("r-3", "ETH", "KRW", "5000000", 600, 422, "price_older"),
        ("r-4", "DOGE", "KRW", "1", 0, 422, "unknown_asset"),
        ("r-5", "KRW", "KRW", "1", 0, 422, "malformed"),
        ("r-6", "ETH", "KRW", "0", 0, 400, "malformed"),
    ] {
        let (got, answer) = market.tell(key, asset, quote, price, ago);
        assert_eq!(got, status, "{key}: {answer}");
        let code = answer["reason"]["code"]
            .as_str()
            .or(answer["error"]["code"].as_str());
        assert_eq!(code, Some(wanted), "{key}: {answer}");
    }
    let body = json!({ "id": "w-9", "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": "1", "to": ANN });
    for path in ["/v1/guard/withdrawals", "/v1/transfers", "/v1/owners"] {
        let (status, answer) = market
            .served
            .post(path, &market.feed, "x-1", &body.to_string());
        assert_eq!(status, 403, "{path}: {answer}");
    }
    assert_eq!(
        market
            .served
            .post("/v1/prices", &market.guard, "x-2", "{}")
            .0,
        403
    );
    drop(market);
    let shown = run(dir.path(), &["journal", "show", "--data", "ex", "--json"]);
    for wanted in ["price_told", "price_suspected", "price_bad", "scope"] {
        assert!(shown.out.contains(wanted), "the journal shows it: {wanted}");
    }
    let listed = run(dir.path(), &["price", "list", "--data", "ex", "--json"]).json();
    assert_eq!(listed["prices"][0]["stands"], "suspect", "{listed}");
}

#[test]
fn a_file_of_prices_is_told_whole_or_not_at_all() {
    let dir = installed();
    exchange(dir.path());
    let at = dir.path();
    let file = |name: &str, rows: &[String]| {
        let text = format!("as_of,asset_id,quote,price,source\n{}\n", rows.join("\n"));
        fs::write(at.join(name), text).unwrap();
    };
    let row =
        |ago: i64, asset: &str, price: &str| format!("{},{asset},KRW,{price},own market", of(ago));
    file(
        "wrong.csv",
        &[
            row(30, "ETH", "5000000"),
            row(30, "BTT", "0"),
            row(-600, "ETH", "1"),
        ],
    );
    let ran = run(at, &["price", "tell", "wrong.csv", "--data", "ex"]);
    ran.failed(
        2,
        &[
            "`wrong.csv` line 3, column ",
            "field `price`, value `0`: zero",
            "line 4",
            "field `as_of`",
            "set the clock",
            "nothing was told",
        ],
    );
    let listed = run(at, &["price", "list", "--data", "ex"]);
    assert_eq!(listed.out.trim(), "no price was told");
    file(
        "good.csv",
        &[row(30, "ETH", "5000000"), row(30, "BTT", "0.0008")],
    );
    for says in ["2 prices told", "told before"] {
        let ran = run(at, &["price", "tell", "good.csv", "--data", "ex"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.contains(says), "{}", ran.out);
    }
    file(
        "jump.csv",
        &[row(20, "ETH", "9000000"), row(20, "BTT", "0.00081")],
    );
    for _ in 0..2 {
        let ran = run(at, &["price", "tell", "jump.csv", "--data", "ex"]);
        ran.failed(
            1,
            &[
                "held: ",
                "ETH",
                "9,000,000 KRW",
                "5,000,000 KRW",
                "(`price_band`)",
                "never used",
            ],
        );
    }
    let listed = run(at, &["price", "list", "--data", "ex", "--json"]).json();
    let rows = listed["prices"].as_array().unwrap();
    let told = |row: &Value| (row["last"]["price"].clone(), row["stands"].clone());
    assert_eq!(told(&rows[0]), (json!("5000000"), json!("suspect")));
    assert_eq!(
        told(&rows[1]),
        (json!("0.00081"), json!("good")),
        "the others of the file count"
    );
    file("old.csv", &[row(40, "BTT", "0.0008")]);
    let ran = run(at, &["price", "tell", "old.csv", "--data", "ex"]);
    ran.failed(2, &["was told already", "leave the row out"]);
}
