//! An administrator's stolen credentials, used as a thief would: over the interface, on the host's command line, with her
//! keys, against a real node. Nothing leaves the wallets, and docs/attackers-day.md says what each attempt was answered.

mod foreign;
mod host;
mod sealed;

use crate::cli::run;
use crate::nodes::ACCOUNT;
use crate::staffed::{Answer, DAY, Office, now, whole_staff};
use crate::walk::{ANN, CHAIN, ETH, FEE, SECOND, Walk, given, policy, transfer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole::installation::Installation;
use keepwhole_core::guard::Change;
use keepwhole_payload::evm::Address;
use keepwhole_signer::Signer;
use keepwhole_verify::approval::Command;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

const THIEF: &str = "0x3333333333333333333333333333333333333333";
/// As Ann's address at its first six and last four digits.
const ALIKE: &str = "0x2222223333333333333333333333333333332222";
/// The table of what was tried.
const TABLE: &str = include_str!("../../../../../docs/attackers-day.md");

/// Where an attempt shows afterwards.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shows {
    /// In the journal, with this answer.
    Journal,
    /// It never became a command: the door, the signer or the program refused it before.
    Nowhere,
}

/// What was tried and what came of it.
#[derive(Default)]
pub(crate) struct Day {
    wrong: Vec<String>,
    recorded: BTreeMap<String, usize>,
    /// Codes under which the journal must show that somebody was turned away, and how often.
    turned_away: BTreeMap<String, u64>,
}

impl Day {
    /// An attempt, the answer that docs/attackers-day.md has for it, and the answer that it got.
    pub(crate) fn tried(&mut self, what: &str, wanted: &str, got: &str, shows: Shows) {
        if wanted != got {
            self.wrong
                .push(format!("{what}: `{wanted}` was due, `{got}` came"));
        }
        if !TABLE.contains(&format!("| {what} | `{wanted}` |")) {
            self.wrong.push(format!(
                "docs/attackers-day.md lacks | {what} | `{wanted}` |"
            ));
        }
        if shows == Shows::Journal {
            *self.recorded.entry(got.to_owned()).or_default() += 1;
        }
    }
}

impl Day {
    /// The journal has every refusal that was given, as often as it was given, and nothing went otherwise than it should.
    pub(crate) fn ends(mut self, journal: &str) {
        for (code, times) in &self.recorded {
            let found = journal.matches(&format!("\"{code}\"")).count();
            if found < *times {
                self.wrong.push(format!(
                    "`{code}` was answered {times} times, and the journal shows it {found} times"
                ));
            }
        }
        for (code, times) in &self.turned_away {
            let found = turned_away(journal, code);
            if found < *times {
                self.wrong.push(format!(
                    "`{code}` turned her away {times} times, and the journal shows it {found} times"
                ));
            }
        }
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }

    /// Turned away at a door with this code, which the journal must show.
    pub(crate) fn at_the_door(&mut self, what: &str, wanted: &str, got: &str) {
        self.tried(what, wanted, got, Shows::Nowhere);
        *self.turned_away.entry(wanted.to_owned()).or_default() += 1;
    }
}

/// How often the journal shows under a code that somebody was turned away at a door.
fn turned_away(journal: &str, code: &str) -> u64 {
    let records = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let told =
        records.filter(|row: &Value| row["kind"] == "turned_away" && row["body"]["code"] == code);
    told.map(|row| {
        row["body"]["count"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    })
    .sum()
}

/// The code of a verdict: why not, or the outcome.
fn code(answer: &Value) -> String {
    let reason = &answer["reasons"][0]["code"];
    let fault = &answer["error"]["code"];
    let word = reason
        .as_str()
        .or(fault.as_str())
        .or(answer["outcome"].as_str());
    word.unwrap_or("no answer").to_owned()
}

/// Three days ago everything was set up as it should be: staff, policy, Ann's address in the book.
fn history(dir: &Path) {
    let at = (now() - 4 * 86_400) * 1_000;
    let mut made = Installation::create(&dir.join("ex"), "exchange.example/keepwhole").unwrap();
    made.adopt_shipped_law(at).unwrap();
    drop(made);
    let mut office = Office::open(dir, at);
    given(&mut office);
    whole_staff(&mut office, |office| {
        office.settle("policy-1", Change::AdoptPolicy(Box::new(policy(true))));
    });
    let listing = Change::ListDestination {
        address: ANN.into(),
    };
    office.propose("list-ann", "ole", listing);
    office.approve("list-ann", ("ria", "ria"), "risk");
    office.approve("list-ann", ("oda", "oda"), "operations");
    office.pass(2 * DAY);
    assert!(office.state().guard.listed.contains_key(ANN));
    assert_eq!(office.state().guard.policy.version, 1);
    office.close();
}

/// An answer of hers, with a key that the thief has.
fn hers(walk: &Walk<'_>, id: &str, change: impl FnOnce(&mut Answer<'_>)) -> Value {
    let shown = run(walk.dir, &["staff", "show", id, "--data", "ex", "--json"]).json();
    let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
    let counter = u32::try_from(now() % 1_000_000_000).unwrap();
    let mut answer = Answer {
        key: "ada-2",
        ..Answer::yes(&command, ("ada", "risk"), counter)
    };
    change(&mut answer);
    json!({ "target": id, "approval": answer.text() })
}

fn approvals(day: &mut Day, walk: &Walk<'_>) {
    let approve = |body: &Value| walk.ask("/v1/guard/approvals", body);
    let asked = walk.withdraw("large", 4 * ETH, ANN);
    day.tried(
        "withdraw 4 ETH to a customer's listed address",
        "approvals_short",
        &code(&asked),
        Shows::Journal,
    );
    let first = hers(walk, "large", |_| {});
    let once = approve(&first);
    day.tried(
        "approve it with her own key",
        "recorded",
        &code(&once),
        Shows::Nowhere,
    );
    let again = hers(walk, "large", |answer| {
        answer.role = "treasury";
        answer.counter += 1;
    });
    let twice = approve(&again);
    day.tried(
        "approve it once more in her second role",
        "same_person",
        &code(&twice),
        Shows::Journal,
    );
    let other = hers(walk, "large", |answer| {
        answer.key = "ada";
        answer.role = "administrator";
    });
    day.tried(
        "approve it as administrator, from her other account",
        "role_missing",
        &code(&approve(&other)),
        Shows::Journal,
    );
    let name = hers(walk, "large", |answer| answer.person = "tom");
    day.tried(
        "approve it under a colleague's name with her key",
        "credential_of_other",
        &code(&approve(&name)),
        Shows::Journal,
    );
    let page = hers(walk, "large", |answer| {
        answer.site = "approver.exchange.example.evil.example";
        answer.counter += 2;
    });
    day.tried(
        "approve it on a page of the thief's",
        "origin_not_allowed",
        &code(&approve(&page)),
        Shows::Journal,
    );
    walk.withdraw("large-2", 4 * ETH, ANN);
    let mut replayed = first.clone();
    replayed["target"] = json!("large-2");
    day.tried(
        "show her approval again for another withdrawal",
        "approval_replayed",
        &code(&approve(&replayed)),
        Shows::Journal,
    );
    let bytes = transfer(CHAIN, 0, ANN, 4 * ETH).encode();
    let early = walk.clearance("large", "evm-tx", &bytes);
    day.tried(
        "ask for a clearance of what is held",
        "clearance_missing",
        &code(&early),
        Shows::Journal,
    );
}

fn requests(day: &mut Day, walk: &Walk<'_>) {
    let mut ask =
        |what: &str, wanted: &str, got: &Value| day.tried(what, wanted, &code(got), Shows::Journal);
    ask(
        "withdraw to the thief's address",
        "not_allowlisted",
        &walk.withdraw("t-1", ETH, THIEF),
    );
    ask(
        "withdraw to an address like a customer's",
        "address_lookalike",
        &walk.withdraw("t-2", ETH, ALIKE),
    );
    ask(
        "withdraw more than the customer has",
        "insufficient_balance",
        &walk.withdraw("t-3", 9 * ETH, ANN),
    );
    let first = walk.withdraw("ok", ETH, ANN);
    assert_eq!(code(&first), "cleared", "{first}");
    ask(
        "ask again under the same id with another destination",
        "duplicate_id",
        &walk.withdraw("ok", ETH, THIEF),
    );
    let credit = |id: &str, budget: &str, units: &str| {
        let lines = json!([{ "customer": "ann", "asset": "ETH", "amount": units }]);
        let body = json!({ "id": id, "reason": "event", "budget": budget, "lines": lines });
        walk.ask("/v1/guard/credits", &body)
    };
    ask(
        "credit 620,000 ETH where 620,000 wei were meant",
        "per_customer_exceeded",
        &credit("c-1", "event", "620000000000000000000000"),
    );
    ask(
        "credit from a budget that does not exist",
        "unknown_budget",
        &credit("c-2", "mine", "1"),
    );
    ask(
        "credit within the budget, which asks for two people",
        "approvals_short",
        &credit("c-3", "event", "3"),
    );
}

fn doors(day: &mut Day, walk: &Walk<'_>, console: &str) {
    let body = r#"{"owners":["mallory"]}"#;
    let mut door = |what: &str, wanted: &str, got: &str| {
        day.tried(what, wanted, got, Shows::Nowhere);
        let told = match wanted {
            "no connection" => "handshake",
            "refused" => "body",
            code => code,
        };
        *day.turned_away.entry(told.to_owned()).or_default() += 1;
    };
    let (_, answer) = walk.ask_as(None, &walk.token, "/v1/owners", body);
    door(
        "register a customer with the wallet service's token",
        "scope",
        &code(&answer),
    );
    let row = r#"{"transfers":[{"id":"d-1","from":"outside","to":"ann","asset":"ETH","units":"1","kind":"deposit","effective":"2026-01-02T03:04:05+09:00"}]}"#;
    let (_, answer) = walk.ask_as(None, &walk.token, "/v1/transfers", row);
    door(
        "book a deposit with the wallet service's token",
        "scope",
        &code(&answer),
    );
    let (_, answer) = walk.ask_as(None, &walk.token, "/v1/guard/redemptions", "{}");
    door(
        "redeem with the wallet service's token",
        "scope",
        &code(&answer),
    );
    let (_, answer) = walk.ask_as(None, "kw_guessed", "/v1/guard/withdrawals", "{}");
    door("ask with a guessed token", "unauthorised", &code(&answer));
    let stranger = crate::tls::Authority::new().sign("wallet-service", 2190);
    let (status, _) = walk.ask_as(Some(&stranger), &walk.token, "/v1/guard/requests/ok", "");
    door(
        "ask with a token and a certificate of the thief's own authority",
        "no connection",
        if status == 0 {
            "no connection"
        } else {
            "heard"
        },
    );
    let posted = {
        let mut stream = TcpStream::connect(console).unwrap();
        write!(stream, "POST /propose/begin HTTP/1.1\r\nhost: {console}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if status >= 400 { "refused" } else { "heard" }
    };
    door("post to the console without a session", "refused", posted);
}

/// The bytes under a withdrawal that was cleared, and clearances in the wrong hands.
fn bytes(day: &mut Day, walk: &Walk<'_>, signer: &Signer, tokens: [&str; 2]) {
    let redeem = |token: &str, body: &Value| {
        walk.ask_as(None, token, "/v1/guard/redemptions", &body.to_string())
            .1
    };
    let honest = transfer(CHAIN, 0, ANN, ETH).encode();
    let answer = walk.cleared("ok", &honest);
    let taken = json!({ "clearance": answer.clearance, "signature": answer.signature, "signer": "signer-1" });
    let with = |field: &str, from: &str, to: &str| {
        let mut body = taken.clone();
        let text = body[field].as_str().unwrap();
        assert!(text.contains(from), "{text}");
        body[field] = json!(text.replace(from, to));
        body
    };
    let edited = with("clearance", "\"attempt\":\"1\"", "\"attempt\":\"2\"");
    day.tried(
        "redeem an edited clearance",
        "clearance_missing",
        &code(&redeem(tokens[0], &edited)),
        Shows::Journal,
    );
    let edited = keepwhole_signer::request::ClearanceAnswer {
        clearance: edited["clearance"].as_str().map(ToOwned::to_owned),
        ..answer.clone()
    };
    let refusal = walk.sends(signer, &edited, &honest).unwrap_err();
    day.tried(
        "show the signer an edited clearance",
        "not_by_guard",
        refusal.name(),
        Shows::Nowhere,
    );
    let stolen = transfer(CHAIN, 0, THIEF, ETH).encode();
    let refusal = walk.sends(signer, &answer, &stolen).unwrap_err();
    day.tried(
        "show the signer a good clearance with the thief's bytes",
        "digest_mismatch",
        refusal.name(),
        Shows::Nowhere,
    );
    // The customer gets her money all the same.
    walk.sends(signer, &answer, &honest).unwrap();
    assert_eq!(walk.node.balance(ANN), ETH);
    let mut other = taken.clone();
    other["signer"] = json!("mallory");
    day.tried(
        "redeem a clearance again, as another signer",
        "clearance_used",
        &code(&redeem(tokens[1], &other)),
        Shows::Journal,
    );
    foreign::tries(day, walk, signer, (&answer, &honest), &|body| {
        redeem(tokens[1], body)
    });
    short(day, walk, &redeem, tokens[1]);
    forged(day, walk);
}

/// Bytes that nobody asked for: the third within ten minutes halts their wallet.
fn forged(day: &mut Day, walk: &Walk<'_>) {
    let tenth = ETH / 10;
    let mut call = transfer(CHAIN, 0, THIEF, 0);
    // approve(address,uint256)
    call.data = [vec![0x09, 0x5e, 0xa7, 0xb3], vec![0; 64]].concat();
    let mut safe = transfer(CHAIN, 0, SECOND, 0);
    // execTransaction(address,uint256,bytes,uint8,…), by delegate call
    safe.data = [vec![0x6a, 0x76, 0x12, 0x02], vec![0; 320]].concat();
    let mut dear = transfer(CHAIN, 1, ANN, tenth);
    dear.max_fee = 3;
    let honest = transfer(CHAIN, 1, ANN, tenth).encode();
    let to_thief = transfer(CHAIN, 1, THIEF, tenth).encode();
    let larger = transfer(CHAIN, 1, ANN, ETH).encode();
    let elsewhere = transfer(1, 1, ANN, tenth).encode();
    let cases: [(&str, &str, &str, &str, Vec<u8>); 9] = [
        (
            "sign the transfer with a fee above what was asked",
            "fee_exceeded",
            "hot-1/1",
            "evm-tx",
            dear.encode(),
        ),
        (
            "sign it with a key of another wallet",
            "unknown_key",
            "hot-2/1",
            "evm-tx",
            honest.clone(),
        ),
        (
            "sign a transfer to the thief instead",
            "payload_mismatch",
            "hot-1/1",
            "evm-tx",
            to_thief,
        ),
        (
            "sign a larger transfer",
            "payload_mismatch",
            "hot-1/1",
            "evm-tx",
            larger,
        ),
        (
            "sign the transfer for another chain",
            "undecodable",
            "hot-1/1",
            "evm-tx",
            elsewhere,
        ),
        (
            "sign what was asked, after three other byte strings",
            "halted",
            "hot-1/1",
            "evm-tx",
            honest,
        ),
        (
            "sign an allowance",
            "op_not_allowed",
            "hot-2/1",
            "evm-tx",
            call.encode(),
        ),
        (
            "sign a Safe's transaction with a delegate call",
            "undecodable",
            "hot-2/1",
            "safe-tx",
            safe.encode(),
        ),
        (
            "sign a bare hash",
            "undecodable",
            "hot-2/1",
            "evm-tx",
            vec![7; 32],
        ),
    ];
    for wallet in ["hot-1", "hot-2"] {
        let body = json!({"id": format!("small-{wallet}"), "customer": "ann", "wallet": wallet, "asset": "ETH",
            "amount": tenth.to_string(), "to": ANN, "max_fee": FEE.to_string()});
        assert_eq!(code(&walk.ask("/v1/guard/withdrawals", &body)), "cleared");
    }
    for (number, (what, wanted, key, kind, bytes)) in cases.into_iter().enumerate() {
        let withdrawal = if number < 6 {
            "small-hot-1"
        } else {
            "small-hot-2"
        };
        let payload = json!({ "kind": kind, "bytes": STANDARD.encode(bytes) });
        let body =
            json!({ "withdrawal": withdrawal, "key": key, "attempt": 1, "payload": payload });
        let got = code(&walk.ask("/v1/guard/clearances", &body));
        day.tried(what, wanted, &got, Shows::Journal);
    }
}

/// A clearance whose time is over.
fn short(day: &mut Day, walk: &Walk<'_>, redeem: &dyn Fn(&str, &Value) -> Value, token: &str) {
    let ends = jiff::Timestamp::from_second(i64::try_from(now() + 3).unwrap()).unwrap();
    let body = json!({"id": "brief", "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": "1",
        "to": ANN, "max_fee": "42000", "expires": ends.to_string()});
    assert_eq!(code(&walk.ask("/v1/guard/withdrawals", &body)), "cleared");
    let answer = walk.cleared("brief", &transfer(CHAIN, 1, ANN, 1).encode());
    std::thread::sleep(std::time::Duration::from_secs(4));
    let body = json!({ "clearance": answer.clearance, "signature": answer.signature, "signer": "signer-1" });
    day.tried(
        "redeem a clearance that has expired",
        "clearance_expired",
        &code(&redeem(token, &body)),
        Shows::Journal,
    );
}

#[test]
fn an_administrators_stolen_credentials_move_nothing() {
    let name = "an_administrators_stolen_credentials_move_nothing";
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    history(dir);
    let Some(mut walk) = Walk::start(dir, name) else {
        return;
    };
    let before = walk.node.balance(ACCOUNT);
    let signer = walk.signer("signer", &[("ria", "risk"), ("tom", "treasury")]);
    // She has a shell: she mints tokens of her own; they count once the journal has them.
    let minted = [
        walk.new_token("mallory-1", "signer"),
        walk.new_token("mallory-2", "signer"),
    ];
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let mut day = Day::default();
    day.tried(
        "mint tokens of her own on the host",
        "done",
        "done",
        Shows::Nowhere,
    );
    let console = walk.console().to_owned();
    doors(&mut day, &walk, &console);
    requests(&mut day, &walk);
    approvals(&mut day, &walk);
    bytes(&mut day, &walk, &signer, [&minted[0], &minted[1]]);
    host::host(&mut day, &mut walk);

    assert_eq!(
        walk.node
            .balance(&Address::parse(THIEF).unwrap().to_string()),
        0
    );
    assert_eq!(
        walk.sent(),
        "0x1",
        "the customer's own withdrawal, and nothing else"
    );
    let left = before - walk.node.balance(ACCOUNT);
    assert!((ETH..ETH + 50_000).contains(&left), "{left}");
    let shown = run(dir, &["journal", "show", "--data", "ex", "--json"]).out;
    for minted in ["mallory-1", "mallory-2"] {
        let told = format!("\"identity\":\"{minted}\"");
        assert!(
            shown.contains(&told),
            "the journal does not show the token `{minted}`"
        );
    }
    for kind in ["break_glass_used", "notice_given"] {
        assert!(shown.contains(kind), "the journal does not show `{kind}`");
    }
    day.ends(&shown);
}
