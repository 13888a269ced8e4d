//! The guard over HTTP, on the real program: from a withdrawal to a redeemed clearance, and what stands in the way.

use crate::cli::{PROGRAM, installed, run};
use crate::edges::{SETTINGS, Served};
use crate::small_exchange::{movement, told};
use crate::staffed::{Answer, bootstrap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole::installation::{Installation, verifier_key};
use keepwhole::journal::keys::KeyFile;
use keepwhole_core::command::Body;
use keepwhole_core::policy::{ApprovalTier, Budget, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use keepwhole_verify::approval::{self, ApprovalsFile, Command, Quorum, Seen, check};
use keepwhole_verify::clearance::{Clearance, Redemption};
use keepwhole_verify::intent::Intent;
use keepwhole_verify::roster::Roster;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process;

pub(crate) const HOT: &str = "0x71c7656ec7ab88b098defb751b7401b5f6d8976f";
pub(crate) const ANN: &str = "0x2222222222222222222222222222222222222222";

/// An exchange that holds 10 ETH in one wallet and owes a customer 5.
fn exchange(dir: &Path) {
    let asset = |id: &str, decimals: u8, network: Option<&str>| {
        Body::RegisterAsset(Asset {
            id: id.to_owned(),
            decimals,
            network: network.map(ToOwned::to_owned),
            confirmations: 1,
        })
    };
    let bodies = vec![
        asset("ETH", 18, Some("eip155:31337")),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        Body::RegisterWallet(Wallet {
            id: "hot-1".to_owned(),
            tier: Tier::Hot,
            address: HOT.to_owned(),
        }),
        Body::DeclareHoldings(vec![(
            "hot-1".to_owned(),
            "ETH".to_owned(),
            10_000_000_000_000_000_000,
        )]),
        Body::RecordMovements(vec![movement(
            "outside",
            "ann",
            "ETH",
            5_000_000_000_000_000_000,
        )]),
    ];
    tell(dir, "given", bodies);
    for args in [
        &[
            "guard",
            "name-asset",
            "ETH",
            "eip155:31337/slip44:60",
            "--data",
            "ex",
        ][..],
        &[
            "guard",
            "name-key",
            "hot-1",
            "hot-1/1",
            "eip155:31337",
            "--data",
            "ex",
        ][..],
    ] {
        let ran = run(dir, args);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    tell(dir, "policy", vec![Body::AdoptPolicy(Box::new(policy()))]);
    // From now on a person is needed.
    let ran = run(
        dir,
        &[
            "guard",
            "name-key",
            "hot-1",
            "hot-1/2",
            "eip155:31337",
            "--data",
            "ex",
        ],
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
}

pub(crate) fn tell(dir: &Path, what: &str, bodies: Vec<Body>) {
    let mut made = Installation::open(&dir.join("ex")).unwrap();
    let now = made.sequencer.state().at + 1;
    for (step, body) in bodies.into_iter().enumerate() {
        let replies = made
            .sequencer
            .turn(now, &[told(&format!("{what}-{step}"), body)])
            .unwrap();
        assert!(replies[0].answer.reason().is_none(), "{:?}", replies[0]);
    }
    made.publish().unwrap();
}

pub(crate) fn policy() -> Policy {
    Policy {
        version: 1,
        clears: vec![Clear {
            asset: AssetIx(0),
            up_to: 2_000_000_000_000_000_000,
        }],
        budgets: vec![Budget {
            id: "event".to_owned(),
            asset: AssetIx(0),
            total: 1_000,
            per_customer: 10,
            approvals: 0,
        }],
        tiers: vec![ApprovalTier {
            asset: AssetIx(0),
            from: 1_500_000_000_000_000_000,
            approvals: 2,
        }],
        ops_allowed: vec!["transfer".to_owned()],
        clearance_ttl_ms: Some(600_000),
        ..Policy::default()
    }
}

fn rlp(item: &[u8]) -> Vec<u8> {
    match item {
        [one] if *one < 0x80 => vec![*one],
        short if short.len() < 56 => [&[0x80 + short.len() as u8], short].concat(),
        long => [&[0xb8, long.len() as u8], long].concat(),
    }
}

fn number(mut value: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0 {
        bytes.insert(0, (value & 0xff) as u8);
        value >>= 8;
    }
    rlp(&bytes)
}

/// An unsigned EIP-1559 transaction that sends `wei` to `to` with a greatest fee of 21,000 times `price`.
fn transaction(chain: u128, nonce: u128, price: u128, to: &str, wei: u128) -> String {
    let to: Vec<u8> = (2..to.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&to[at..at + 2], 16).unwrap())
        .collect();
    let fields = [
        number(chain),
        number(nonce),
        number(1),
        number(price),
        number(21_000),
        rlp(&to),
        number(wei),
        rlp(&[]),
        vec![0xc0],
    ]
    .concat();
    let head = vec![0x02, 0xc0 + fields.len() as u8];
    assert!(fields.len() < 56, "a short list");
    STANDARD.encode([head, fields].concat())
}

pub(crate) struct Guard {
    pub(crate) served: Served,
    pub(crate) guard: String,
    pub(crate) signer: String,
}

impl Guard {
    pub(crate) fn start(dir: &Path) -> Self {
        fs::write(dir.join("ex/keepwhole.toml"), SETTINGS).unwrap();
        let token = |scope: &str| {
            // What an earlier start made gives way.
            run(dir, &["token", "remove", scope, "--data", "ex"]);
            let made = run(
                dir,
                &["token", "add", scope, "--scope", scope, "--data", "ex"],
            );
            assert_eq!(made.code, 0, "{}", made.err);
            made.out.trim().to_owned()
        };
        let (guard, signer) = (token("guard"), token("signer"));
        let served = Served::start_as(process::Command::new(PROGRAM), dir).unwrap();
        Self {
            served,
            guard,
            signer,
        }
    }

    pub(crate) fn ask(&self, what: &str, key: &str, body: &Value) -> (u16, Value) {
        let token = if what == "redemptions" {
            &self.signer
        } else {
            &self.guard
        };
        self.served
            .post(&format!("/v1/guard/{what}"), token, key, &body.to_string())
    }

    fn withdrawal(&self, id: &str, wei: &str) -> Value {
        let body = json!({ "id": id, "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": wei, "to": ANN, "max_fee": "2100000" });
        self.ask("withdrawals", id, &body).1
    }

    fn standing(&self, id: &str) -> String {
        let mut stream = std::net::TcpStream::connect(self.served.address()).unwrap();
        write!(
            stream,
            "GET /v1/guard/requests/{id} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            self.guard
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn clearance(&self, key: &str, id: &str, attempt: u32, bytes: &str) -> Value {
        let payload = json!({ "kind": "evm-tx", "bytes": bytes });
        let body =
            json!({ "withdrawal": id, "key": "hot-1/1", "attempt": attempt, "payload": payload });
        self.ask("clearances", key, &body).1
    }
}

fn ready() -> (tempfile::TempDir, Guard) {
    let dir = installed();
    exchange(dir.path());
    bootstrap(dir.path());
    let guard = Guard::start(dir.path());
    (dir, guard)
}

pub(crate) fn code(answer: &Value) -> &str {
    answer["reasons"][0]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_withdrawal_is_cleared_for_exact_bytes_and_redeemed_once() {
    let (dir, guard) = ready();
    let asked = guard.withdrawal("w-1", "1000000000000000000");
    assert_eq!(asked["outcome"], "cleared", "{asked}");
    assert_eq!(
        guard.withdrawal("w-1", "1000000000000000000")["repeated"],
        true,
        "one reservation"
    );
    assert_eq!(
        code(&guard.withdrawal("w-1", "1000000000000000001")),
        "duplicate_id"
    );
    let bytes = transaction(31_337, 0, 100, ANN, 1_000_000_000_000_000_000);
    let issued = guard.clearance("c-1", "w-1", 1, &bytes);
    assert_eq!(issued["outcome"], "cleared", "{issued}");
    let key = verifier_key(&dir.path().join("ex"), KeyFile::Guard).unwrap();
    let text = |name: &str| issued[name].as_str().unwrap().to_owned();
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    let intent = Intent::read(&text("intent")).unwrap();
    let clearance = Clearance::check(&text("clearance"), &text("signature"), &key, now).unwrap();
    clearance.check_intent(&intent).unwrap();
    assert_eq!(
        (intent.amount, intent.dest.as_str()),
        (1_000_000_000_000_000_000, ANN)
    );
    assert_eq!(
        guard.clearance("c-1", "w-1", 1, &bytes)["clearance"],
        issued["clearance"],
        "the same request again"
    );
    let body = json!({ "clearance": text("clearance"), "signature": text("signature"), "signer": "signer-1" });
    let (_, first) = guard.ask("redemptions", "r-1", &body);
    assert_eq!(first["outcome"], "redeemed", "{first}");
    let redemption = Redemption::check(
        first["redemption"].as_str().unwrap(),
        first["signature"].as_str().unwrap(),
        &key,
        &clearance,
        "signer-1",
    );
    redemption.unwrap();
    assert_eq!(
        guard.ask("redemptions", "r-2", &body).1["redemption"],
        first["redemption"]
    );
    let other = json!({ "clearance": text("clearance"), "signature": text("signature"), "signer": "signer-2" });
    assert_eq!(
        code(&guard.ask("redemptions", "r-3", &other).1),
        "clearance_used"
    );
}

#[test]
fn bytes_that_do_anything_else_get_no_clearance_and_are_recorded() {
    let (dir, guard) = ready();
    let wei = 1_000_000_000_000_000_000;
    guard.withdrawal("w-1", "1000000000000000000");
    let thief = "0x3333333333333333333333333333333333333333";
    let cases = [
        (transaction(31_337, 0, 100, thief, wei), "payload_mismatch"),
        (
            transaction(31_337, 0, 100, ANN, wei + 1),
            "payload_mismatch",
        ),
        (transaction(1, 0, 100, ANN, wei), "undecodable"),
        (transaction(31_337, 0, 101, ANN, wei), "fee_exceeded"),
        (STANDARD.encode([7; 32]), "undecodable"),
    ];
    for (at, (bytes, wanted)) in cases.iter().enumerate() {
        let answer = guard.clearance(&format!("c-{at}"), "w-1", 1, bytes);
        assert_eq!(
            (answer["outcome"].as_str(), code(&answer)),
            (Some("denied"), *wanted),
            "{answer}"
        );
        assert!(answer["clearance"].is_null());
    }
    drop(guard);
    let shown = run(dir.path(), &["journal", "show", "--data", "ex", "--json"]);
    for wanted in ["payload_mismatch", "undecodable", "fee_exceeded"] {
        assert!(
            shown.out.contains(wanted),
            "the journal shows every attempt: {wanted}"
        );
    }
    let listed = run(dir.path(), &["guard", "list", "--data", "ex", "--json"]);
    assert_eq!(listed.json()["requests"][0]["request"], "w-1");
}

/// The first verdicts of an exchange that nobody bootstrapped: all held with what is missing, none denied, and given by
/// themselves once people are there.
#[test]
fn everything_is_held_until_the_bootstrap_is_over() {
    let dir = installed();
    exchange(dir.path());
    let guard = Guard::start(dir.path());
    let eth = 1_000_000_000_000_000_000_u128;
    let held = |answer: &Value| {
        assert_eq!(answer["outcome"], "held", "{answer}");
        assert_eq!(code(answer), "bootstrap_incomplete", "{answer}");
        assert_eq!(
            answer["reasons"][0]["numbers"],
            "class: \"bootstrap\", lacks: \"0 of 3 people, nobody for administrator\""
        );
    };
    held(&guard.withdrawal("w-1", &eth.to_string()));
    let wrong = json!({ "id": "e-1", "reason": "event", "budget": "event",
        "lines": [{ "customer": "ann", "asset": "ETH", "amount": "620000000000000000000000" }] });
    held(&guard.ask("credits", "e-1", &wrong).1);
    let bytes = transaction(31_337, 0, 100, ANN, eth);
    held(&guard.clearance("c-1", "w-1", 1, &bytes));
    drop(guard);
    bootstrap(dir.path());
    let guard = Guard::start(dir.path());
    // Nobody asked again; each is judged in a turn of its own.
    let judged = |id: &str| {
        let start = std::time::Instant::now();
        loop {
            let asked = guard.standing(id);
            let waits = asked.contains("bootstrap_incomplete");
            if !waits || start.elapsed() > std::time::Duration::from_secs(30) {
                return asked;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let asked = judged("w-1");
    assert!(asked.contains("\"cleared\""), "{asked}");
    let asked = judged("e-1");
    assert!(
        asked.contains("\"denied\"") && asked.contains("per_customer_exceeded"),
        "{asked}"
    );
    assert_eq!(
        guard.clearance("c-2", "w-1", 1, &bytes)["outcome"],
        "cleared"
    );
}

/// Beside a clearance stand the raw assertions of those who approved, and who they are: enough for whoever signs.
#[test]
fn approvals_and_roster_come_with_the_clearance() {
    let (dir, guard) = ready();
    let eth = 1_000_000_000_000_000_000_u128;
    let small = guard.withdrawal("w-0", &eth.to_string());
    assert_eq!(small["outcome"], "cleared", "{small}");
    let alone = guard.clearance("c-0", "w-0", 1, &transaction(31_337, 0, 100, ANN, eth));
    assert!(
        alone["approvals"].is_null() && alone["roster"].is_null(),
        "{alone}"
    );
    let asked = guard.withdrawal("w-1", &(eth * 17 / 10).to_string());
    assert_eq!(code(&asked), "approvals_short", "{asked}");
    let shown = run(
        dir.path(),
        &["staff", "show", "w-1", "--data", "ex", "--json"],
    )
    .json();
    let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
    let say = |key: &str, answer: &Answer<'_>| {
        let body = json!({ "target": "w-1", "approval": answer.text() });
        guard.ask("approvals", key, &body)
    };
    let stolen = Answer {
        key: "ada",
        ..Answer::yes(&command, ("bea", "treasury"), 1)
    };
    assert_eq!(code(&say("a-0", &stolen).1), "credential_of_other");
    let (status, first) = say("a-1", &Answer::yes(&command, ("ada", "risk"), 1));
    assert_eq!(
        (status, first["request"]["outcome"].as_str()),
        (200, Some("held")),
        "{first}"
    );
    let nobody =
        json!({ "target": "w-1", "approval": Answer::yes(&command, ("eve", "risk"), 1).text() });
    let (status, answer) = guard.ask("approvals", "a-2", &nobody);
    assert_eq!(status, 400);
    assert!(
        answer
            .to_string()
            .contains("nobody called `eve` is enrolled"),
        "{answer}"
    );
    let second = say("a-3", &Answer::yes(&command, ("bea", "treasury"), 1)).1;
    assert_eq!(second["request"]["outcome"], "cleared", "{second}");
    let bytes = transaction(31_337, 0, 100, ANN, eth * 17 / 10);
    let issued = guard.clearance("c-1", "w-1", 1, &bytes);
    let text = |field: &str| issued[field].as_str().unwrap_or_default().to_owned();
    let intent = Intent::read(&text("intent")).unwrap();
    let roster = Roster::read(&text("roster")).unwrap();
    let file = ApprovalsFile::read(&text("approvals")).unwrap();
    assert_eq!(file.command.intent().as_ref(), Some(&intent));
    let rules = approval::Rules {
        rp_ids: &[crate::staffed::SITE.into()],
        origins: &[format!("https://{}", crate::staffed::SITE)],
        least: Some(&Quorum {
            n: 2,
            roles: ["risk", "treasury"].map(Into::into).into(),
        }),
        administrative: false,
        timing: None,
    };
    let granted = check(&file, &roster, &rules, &mut Seen::default()).unwrap();
    assert_eq!(granted.voices.len(), 2);
}

#[test]
fn what_is_no_request_gets_its_own_words() {
    let (_dir, guard) = ready();
    let plain = json!({ "id": "w-9", "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": "1", "to": ANN });
    let with = |field: &str, value: Value| {
        let mut body = plain.clone();
        body[field] = value;
        body
    };
    for (body, status, wanted) in [
        (with("amount", json!(1)), 400, "invalid type"),
        (with("amount", json!("01")), 400, "is not an amount"),
        (with("amount", json!("1.5")), 400, "is not an amount"),
        (with("more", json!("x")), 400, "unknown field"),
        (with("expires", json!("soon")), 400, "is not a time"),
        (with("id", json!("api/x")), 400, "is not an id"),
        (with("customer", json!("nobody")), 422, "unknown_customer"),
    ] {
        let (found, answer) = guard.ask("withdrawals", "k", &body);
        assert_eq!(found, status, "{answer}");
        assert!(answer.to_string().contains(wanted), "{answer}");
    }
    let twice = r#"{"id":"w-9","id":"w-8","customer":"ann","wallet":"hot-1","asset":"ETH","amount":"1","to":"x"}"#;
    let (status, answer) = guard
        .served
        .post("/v1/guard/withdrawals", &guard.guard, "k", twice);
    assert_eq!(status, 400);
    assert!(answer.to_string().contains("duplicate field"), "{answer}");
    let (status, _) = guard.served.post(
        "/v1/guard/withdrawals",
        &guard.signer,
        "k",
        &plain.to_string(),
    );
    assert_eq!(status, 403, "a signer's token asks for nothing");
    let (status, _) = guard
        .served
        .post("/v1/guard/redemptions", &guard.guard, "k", "{}");
    assert_eq!(status, 403, "a wallet service redeems nothing");
}

/// 620,000 in the wrong unit: the batch that an exchange booked in February 2026.
#[test]
fn a_batch_of_credits_is_all_or_nothing() {
    let (dir, guard) = ready();
    let credits = |id: &str, amounts: &[&str]| {
        let lines: Vec<Value> = amounts
            .iter()
            .map(|amount| json!({ "customer": "ann", "asset": "ETH", "amount": amount }))
            .collect();
        json!({ "id": id, "reason": "event", "budget": "event", "lines": lines })
    };
    let (_, answer) = guard.ask(
        "credits",
        "e-1",
        &credits("e-1", &["3", "620000000000000000000000"]),
    );
    assert_eq!(
        (answer["outcome"].as_str(), code(&answer)),
        (Some("denied"), "per_customer_exceeded")
    );
    let (_, answer) = guard.ask("credits", "e-2", &credits("e-2", &["3", "7"]));
    assert_eq!(answer["outcome"], "cleared", "{answer}");
    drop(guard);
    let file = dir.path().join("event.json");
    fs::write(&file, credits("e-3", &["1"]).to_string()).unwrap();
    let ran = run(
        dir.path(),
        &["guard", "credit", "event.json", "--data", "ex"],
    );
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("per_customer_exceeded"), "{}", ran.err);
    fs::write(&file, "{\"id\": 1}").unwrap();
    let ran = run(
        dir.path(),
        &["guard", "credit", "event.json", "--data", "ex"],
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("event.json") && ran.err.contains("line 1"),
        "{}",
        ran.err
    );
}

#[test]
fn where_a_request_stands_is_read_and_never_asked_for() {
    let (_dir, guard) = ready();
    guard.withdrawal("w-1", "3000000000000000000");
    let answer = guard.standing("w-1");
    assert!(
        answer.contains("\"held\"") && answer.contains("no_rule_clears"),
        "{answer}"
    );
}
