//! The verbs of `policy` on a real installation: adopt, show, diff, explain, backtest, with their exit codes.

use std::fs;
use std::path::Path;

use keepwhole::console::ConsoleSource as _;
use keepwhole::installation::{Care, ConsoleFeed, Feed, Installation, Reading};
use keepwhole::sequencer::Until;
use keepwhole::views::{BacktestAsked, BacktestOutcome, Chosen, DAYS_MAX};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::registry::{Asset, Tier, Wallet};
use tempfile::TempDir;

use super::ready_text;
use crate::cli::{installed, run};

const DAY: u64 = 86_400_000;
const ADDRESS: &str = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq";

fn tell(dir: &Path, at_least: u64, bodies: Vec<(&str, Body)>) -> Vec<String> {
    let mut open = Installation::open(&dir.join("ex")).unwrap();
    let at = open.sequencer.state().at + at_least;
    let told: Vec<Command> = bodies
        .into_iter()
        .map(|(id, body)| Command {
            id: Some(id.to_owned()),
            actor: None,
            body,
        })
        .collect();
    let replies = open.sequencer.turn(at, &told).unwrap();
    open.publish().unwrap();
    replies
        .iter()
        .map(|reply| {
            let code = reply.answer.reason().map_or("", |reason| reason.code());
            format!("{} {code}", reply.answer.word()).trim().to_owned()
        })
        .collect()
}

/// An installation with assets, people, a wallet and one customer who has 10 BTC.
fn exchange() -> TempDir {
    let dir = installed();
    let asset = |id: &str, decimals, network: Option<&str>| {
        Body::RegisterAsset(Asset {
            id: id.to_owned(),
            decimals,
            network: network.map(str::to_owned),
            confirmations: 1,
        })
    };
    let actor = |id: &str, role: &str| Body::EnrolActor {
        id: id.to_owned(),
        person: format!("person-{id}"),
        roles: vec![role.to_owned()],
        expires: None,
    };
    let bodies = vec![
        ("a-1", asset("KRW", 0, None)),
        ("a-2", asset("BTC", 8, Some("bitcoin"))),
        ("a-3", asset("ETH", 18, Some("ethereum"))),
        ("a-4", asset("SOL", 9, Some("solana"))),
        ("a-5", asset("XRP", 6, Some("xrpl"))),
        ("a-6", asset("USDT", 6, Some("ethereum"))),
        (
            "o-1",
            Body::RegisterOwners(vec!["house".into(), "c-7".into()]),
        ),
        (
            "w-hot",
            Body::RegisterWallet(Wallet {
                id: "hot".into(),
                tier: Tier::Hot,
                address: "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh".into(),
            }),
        ),
        ("p-1", actor("kim", "admin")),
        ("p-2", actor("lee", "admin")),
        ("p-3", actor("ann", "approver")),
        ("p-4", actor("ben", "approver")),
        ("p-5", actor("cho", "approver")),
        ("p-6", actor("sec", "security")),
        (
            "h-1",
            Body::DeclareHoldings(vec![("hot".into(), "BTC".into(), 100_000_000_000)]),
        ),
        (
            "m-1",
            Body::RecordMovements(vec![NewMovement {
                from: "outside".into(),
                to: "c-7".into(),
                asset: "BTC".into(),
                units: 1_000_000_000,
                kind: MovementKind::Opening,
                reference: String::new(),
            }]),
        ),
    ];
    let answers = tell(dir.path(), 1, bodies);
    assert!(
        answers.iter().all(|answer| answer == "recorded"),
        "{answers:?}"
    );
    fs::write(dir.path().join("one.toml"), ready_text("small")).unwrap();
    dir
}

fn withdrawal(units: u128) -> Body {
    Body::RequestWithdrawal {
        customer: "c-7".into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units,
        to: ADDRESS.into(),
    }
}

/// The same with the small policy in force, and three requests: one cleared, one held by a rule, one without a price.
fn asked() -> TempDir {
    let dir = exchange();
    let adopted = run(
        dir.path(),
        &[
            "policy", "adopt", "one.toml", "--data", "ex", "--actor", "kim",
        ],
    );
    assert_eq!(adopted.code, 0, "{}{}", adopted.out, adopted.err);
    let now = Installation::open(&dir.path().join("ex")).unwrap();
    let as_of = now.sequencer.state().at + 10 * DAY;
    drop(now);
    let price = Body::RecordPrices(vec![NewPrice {
        base: "BTC".into(),
        quote: "KRW".into(),
        price: 100_000_000 * ONE,
        as_of,
        source: "test".into(),
    }]);
    let bodies = vec![
        ("price-1", price),
        ("r-small", withdrawal(500_000)),
        ("r-new", withdrawal(5_000_000)),
    ];
    let answers = tell(dir.path(), 10 * DAY, bodies);
    assert_eq!(answers, ["recorded", "cleared", "held rule_holds"]);
    let answers = tell(
        dir.path(),
        3_600_000,
        vec![("r-stale", withdrawal(500_000))],
    );
    assert_eq!(answers, ["held price_stale"]);
    dir
}

#[test]
fn the_first_policy_is_adopted_and_shown_and_the_next_one_is_proposed() {
    let dir = exchange();
    let at = dir.path();
    let none = run(at, &["policy", "show", "--data", "ex"]);
    none.failed(1, &["no policy is in force", "keepwhole policy adopt FILE"]);
    let adopted = run(
        at,
        &[
            "policy", "adopt", "one.toml", "--data", "ex", "--actor", "kim", "--json",
        ],
    );
    assert_eq!(adopted.code, 0, "{}", adopted.err);
    assert_eq!(adopted.json()["answer"], "recorded");
    let shown = run(at, &["policy", "show", "--data", "ex", "--json"]);
    assert_eq!(shown.json()["sha256"], adopted.json()["sha256"]);
    let again = run(
        at,
        &[
            "policy", "adopt", "one.toml", "--data", "ex", "--actor", "kim",
        ],
    );
    again.failed(
        1,
        &[
            "one.toml:",
            "`version`: `1` does not follow version `1` of the journal; write `version = 2`",
        ],
    );
    let next = ready_text("small")
        .replacen("version = 1", "version = 2", 1)
        .replacen("value < 3,000,000 KRW", "value < 3,500,000 KRW", 1);
    fs::write(at.join("two.toml"), next).unwrap();
    let proposed = run(
        at,
        &[
            "policy", "adopt", "two.toml", "--data", "ex", "--actor", "kim", "--json",
        ],
    );
    assert_eq!(proposed.code, 0, "{}", proposed.err);
    assert_eq!(proposed.json()["answer"], "held");
    let told = run(
        at,
        &["policy", "diff", "1", "two.toml", "--data", "ex", "--json"],
    )
    .json();
    assert_eq!(told["at_once"], false);
    assert_eq!(told["approvals"], 2);
    assert_eq!(told["changes"][0]["field"], "rule.small-amount.when");
    assert_eq!(told["changes"][0]["direction"], "looser");
    let missing = run(at, &["policy", "show", "--data", "ex", "--version", "7"]);
    missing.failed(1, &["no version `7`"]);
}

#[test]
fn a_file_with_an_error_is_not_adopted() {
    let dir = exchange();
    let at = dir.path();
    let weak = ready_text("small").replacen("guard = true", "guard = false", 1);
    fs::write(at.join("weak.toml"), weak).unwrap();
    let refused = run(
        at,
        &[
            "policy",
            "adopt",
            "weak.toml",
            "--data",
            "ex",
            "--actor",
            "kim",
        ],
    );
    refused.failed(
        1,
        &[
            "the policy is not adopted",
            "holdings_unguarded",
            "weaker_than_law",
        ],
    );
    let none = run(at, &["policy", "show", "--data", "ex"]);
    assert_eq!(none.code, 1, "nothing was adopted");
    let checked = run(
        at,
        &["policy", "check", "weak.toml", "--data", "ex", "--json"],
    );
    assert_eq!(checked.code, 1);
    assert_eq!(checked.json()["compared_with"], "journal");
    assert_eq!(checked.json()["passes"], false);
    fs::write(at.join("wrong.toml"), "schema = 1\n").unwrap();
    let wrong = run(at, &["policy", "check", "wrong.toml"]);
    wrong.failed(
        2,
        &["wrong.toml:1: `schema`: `1` is a number without a unit"],
    );
    let absent = run(at, &["policy", "check", "absent.toml"]);
    absent.failed(2, &["can't read `absent.toml`"]);
    let fewer = ready_text("small").replacen("{ approve = 2 }", "{ approve = 3 }", 1);
    fs::write(at.join("three.toml"), fewer).unwrap();
    let three = run(at, &["policy", "check", "three.toml", "--data", "ex"]);
    assert_eq!(three.code, 1);
    assert!(three.out.contains("impossible_quorum"), "{}", three.out);
}

#[test]
fn a_held_request_is_explained_by_the_rule_that_held_it() {
    let dir = asked();
    let told = run(
        dir.path(),
        &["policy", "explain", "r-new", "--data", "ex", "--json"],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let told = told.json();
    assert_eq!(told["standing"], "held");
    assert_eq!(told["rules_say"], "held");
    assert_eq!(told["decided"], "new-destination");
    let rules = told["rules"].as_array().unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "new-destination")
        .unwrap();
    assert_eq!(rule["matched"], true);
    assert_eq!(rule["conditions"][0]["condition"], "value >= 1,000,000 KRW");
    assert_eq!(rule["conditions"][0]["seen"], "5,000,000 KRW");
    assert_eq!(rule["conditions"][1]["held"], "yes");
    let releases = told["releases"].to_string();
    assert!(releases.contains("destination_age < 24h"), "{releases}");
    let text = run(dir.path(), &["policy", "explain", "r-new", "--data", "ex"]);
    assert!(
        text.out.contains("decided first by rule `new-destination`")
            && text
                .out
                .contains("it is held: Rule new-destination holds it: ")
            && text.out.contains("(`rule_holds`)"),
        "{}",
        text.out
    );
    let none = run(dir.path(), &["policy", "explain", "r-none", "--data", "ex"]);
    none.failed(1, &["no request `r-none`"]);
}

#[test]
fn what_can_not_be_told_is_explained_as_unknown() {
    let dir = asked();
    let told = run(
        dir.path(),
        &["policy", "explain", "r-stale", "--data", "ex", "--json"],
    )
    .json();
    assert_eq!(told["reason"], "price_stale");
    assert!(told["unknown"].to_string().contains("value"), "{told}");
    let cleared = run(
        dir.path(),
        &["policy", "explain", "r-small", "--data", "ex", "--json"],
    )
    .json();
    assert_eq!(
        (&cleared["standing"], &cleared["rules_say"]),
        (&"lapsed".into(), &"cleared".into())
    );
    assert!(cleared["unknown"].as_array().unwrap().is_empty());
}

#[test]
fn a_described_request_is_explained_before_anybody_asks_it() {
    let dir = asked();
    let file = format!(
        "kind = \"transfer\"\nfrom = \"hot\"\nto = \"hot\"\namount = \"1 BTC\"\n# {ADDRESS}\n"
    );
    fs::write(dir.path().join("request.toml"), file).unwrap();
    let told = run(
        dir.path(),
        &[
            "policy",
            "explain",
            "request.toml",
            "--data",
            "ex",
            "--json",
        ],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.json()["asks"], "transfer of 1 BTC from `hot` to `hot`");
    fs::write(
        dir.path().join("bad.json"),
        "{\"kind\":\"transfer\",\"from\":\"hot\",\"to\":\"hot\",\"amount\":1}",
    )
    .unwrap();
    let bad = run(
        dir.path(),
        &["policy", "explain", "bad.json", "--data", "ex"],
    );
    bad.failed(2, &["`bad.json`", "invalid type"]);
}

#[test]
fn a_backtest_counts_what_would_have_come_out_otherwise() {
    let dir = asked();
    let at = dir.path();
    let looser = ready_text("small").replacen("version = 1", "version = 2", 1);
    let (before, rest) = looser
        .split_once("[[rule]]\nid = \"new-destination\"")
        .unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    fs::write(at.join("two.toml"), format!("{before}{after}")).unwrap();
    let told = run(
        at,
        &[
            "policy", "backtest", "two.toml", "--data", "ex", "--out", "b.html", "--json",
        ],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let told = told.json();
    assert_eq!(told["requests"], 3);
    let pair = |then: &str, now: &str| {
        let pairs = told["pairs"].as_array().unwrap();
        let found = pairs
            .iter()
            .find(|pair| pair["then"] == then && pair["now"] == now);
        found.map(|pair| {
            (
                pair["requests"].clone(),
                pair["value"].clone(),
                pair["examples"][0].clone(),
            )
        })
    };
    assert_eq!(
        pair("cleared", "cleared"),
        Some((1.into(), "500000".into(), "r-small".into()))
    );
    assert_eq!(
        pair("held", "approvals"),
        Some((1.into(), "5000000".into(), "r-new".into()))
    );
    assert_eq!(
        pair("held", "held"),
        Some((1.into(), "0".into(), "r-stale".into()))
    );
    assert!(told["unknown"].to_string().contains("value"), "{told}");
    let page = fs::read_to_string(at.join("b.html")).unwrap();
    assert!(
        page.contains("<svg") && page.contains("r-new") && !page.contains('⟦'),
        "{page}"
    );
    // Day by day in the picture, and the same figures in the table below it.
    assert!(page.contains("1 · 5,000,000 KRW"), "{page}");
    assert!(
        page.contains("verdict-approvals") && page.contains("(Seoul)"),
        "{page}"
    );
    let repeat = run(
        at,
        &["policy", "backtest", "two.toml", "--data", "ex", "--json"],
    )
    .json();
    assert_eq!(repeat["pairs"], told["pairs"]);
    assert_eq!(repeat["new_sha256"], told["new_sha256"]);
}

#[test]
fn the_console_works_out_the_same_backtest_within_its_bounds() {
    let dir = asked();
    let (reading, folded) =
        Reading::open_at(&dir.path().join("ex"), Until::End, &Care::default()).unwrap();
    let feed = Feed::Fixed(Box::new((folded.state, reading.journal)));
    let feed = ConsoleFeed::new(reading.dir, reading.log_key, feed);
    let version = |number| Some(Chosen::Version(number));
    let asked = |policy, days| feed.backtest(&BacktestAsked { policy, days }).unwrap();
    let choice = asked(None, (None, None));
    assert_eq!(choice.outcome, BacktestOutcome::NotAsked);
    assert_eq!(choice.choices, [Chosen::Version(1)]);
    assert_eq!(
        asked(version(9), (None, None)).outcome,
        BacktestOutcome::NoPolicy
    );
    let found = asked(version(1), (None, None));
    let BacktestOutcome::Found(shown) = &found.outcome else {
        panic!("{:?}", found.outcome);
    };
    // The policy that decided decides the same again.
    assert_eq!(shown.requests, 3);
    assert!(
        shown.pairs.iter().all(|pair| pair.then == pair.now),
        "{shown:?}"
    );
    let sums = shown.columns.iter().flat_map(|column| column.day.now);
    assert_eq!(sums.map(|sum| sum.number).sum::<u64>(), 3);
    assert!(
        shown
            .columns
            .iter()
            .all(|column| column.day.then == column.day.now)
    );
    // The last result is kept, and is the same.
    assert_eq!(asked(version(1), (None, None)), found);
    let last = keepwhole::text::day_of_date(&found.to).unwrap();
    let days = |from, to| asked(version(1), (Some(from), Some(to))).outcome;
    assert_eq!(days(last, last - 1), BacktestOutcome::Backwards);
    assert_eq!(
        days(last - DAYS_MAX, last),
        BacktestOutcome::TooManyDays(DAYS_MAX + 1)
    );
    assert_eq!(days(last - 300, last - 299), BacktestOutcome::Empty);
}

#[test]
fn a_window_that_the_journal_forgot_is_unknown_and_never_filled_in() {
    let dir = asked();
    let at = dir.path();
    let wide = ready_text("small")
        .replacen("version = 1", "version = 2", 1)
        .replacen("value.customer.24h", "value.customer.30d", 1);
    fs::write(at.join("wide.toml"), wide).unwrap();
    let told = run(
        at,
        &["policy", "backtest", "wide.toml", "--data", "ex", "--json"],
    )
    .json();
    assert_eq!(told["unknown"]["value.customer.30d"], 3);
    let cleared = told["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .any(|pair| pair["now"] == "cleared");
    assert!(!cleared, "unknown never clears: {told}");
}

#[test]
fn a_backtest_of_nothing_ends_with_one_and_its_digest_speaks_for_one_policy_only() {
    let dir = asked();
    let at = dir.path();
    let none = run(
        at,
        &[
            "policy",
            "backtest",
            "one.toml",
            "--data",
            "ex",
            "--to",
            "2020-01-01T00:00:00Z",
        ],
    );
    none.failed(1, &["no request was made in the journal"]);
    let two = ready_text("small").replacen("version = 1", "version = 2", 1);
    fs::write(at.join("two.toml"), &two).unwrap();
    let told = run(
        at,
        &["policy", "backtest", "two.toml", "--data", "ex", "--json"],
    );
    fs::write(at.join("backtest.json"), &told.out).unwrap();
    fs::write(
        at.join("other.toml"),
        two.replacen("share = \"20%\"", "share = \"30%\"", 1),
    )
    .unwrap();
    let adopt = |file| {
        let words = [
            "policy",
            "adopt",
            file,
            "--data",
            "ex",
            "--actor",
            "kim",
            "--backtest",
            "backtest.json",
            "--json",
        ];
        run(at, &words)
    };
    adopt("other.toml").failed(
        1,
        &["the back-test in `backtest.json` is of another policy"],
    );
    let id = adopt("two.toml").json()["id"].to_string();
    assert!(id.contains("-backtest-"), "{id}");
}
