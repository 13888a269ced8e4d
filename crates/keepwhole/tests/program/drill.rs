//! Scenario files: what loads, what does not, and what the message says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keepwhole::drill::load;
use keepwhole::drill::scenario::code::{Code, Op};
use keepwhole::drill::scenario::event::{EVENT_KINDS, EventKind};
use keepwhole::drill::scenario::scalar;
use proptest::prelude::*;

/// The stories: beside the project's files, or in the folder shared beside the project.
pub(crate) fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = ["scenarios", "../shared/scenarios"]
        .map(|path| root.join(path))
        .into_iter()
        .find(|path| path.is_dir());
    if found.is_none() {
        println!("SKIPPED: no scenario folder beside the project");
    }
    found
}

pub(crate) fn files() -> Vec<PathBuf> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|path| {
            std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

/// A small good file that the table below breaks, one place at a time.
const GOOD: &str = r#"schema = "keepwhole-scenario/1"
id = "theft-900"
title = "A payment"
category = "theft"
why = "Because."
tags = []
[inspired_by]
case = "none"
source = "none"
[given]
start = "2026-02-06T10:00:00Z"
mode = "cosign"
company = "company"
[[given.assets]]
id = "BTC"
decimals = 8
chain = "bitcoin"
confirmations = 3
[[given.wallets]]
id = "hot"
kind = "hot"
address = "hotbtc"
balance = { BTC = "500" }
[[given.customers]]
id = "c1"
balance = { BTC = "100" }
[[given.actors]]
id = "ann"
person = "ann"
roles = ["approver"]
[[given.clocks]]
id = "first"
authority = "somebody"
rule = "from_awareness"
d1 = "PT24H"
[given.policy]
cap_10m_bps = 500
nodes = ["node-a"]
node_quorum = 1
[[events]]
at = "2026-02-06T10:00:00Z"
kind = "withdrawal_request"
id = "w1"
customer = "c1"
wallet = "hot"
asset = "BTC"
amount = "60"
to = "ext1"
[[events]]
at = "2026-02-06T10:00:01.500Z"
kind = "approve"
target = "w1"
actor = "ann"
nonce = "n1"
[[expect]]
kind = "outcome"
event = "w1"
result = "allowed"
[[expect]]
kind = "loss"
incident = "inc-1"
asset = "BTC"
total = "2"
company = "1"
customers = { c1 = "1" }
"#;

fn parse(text: &str) -> Result<load::Invalid, String> {
    match load::parse("theft-900.toml", text) {
        Ok(scenario) => Err(format!("{scenario:?}")),
        Err(invalid) => Ok(invalid),
    }
}

#[test]
fn the_small_file_is_good() {
    let scenario = load::parse("somewhere/theft-900.toml", GOOD).unwrap();
    assert_eq!(
        scenario
            .events
            .iter()
            .map(|event| (event.line, event.at))
            .collect::<Vec<_>>(),
        [(40, 1_770_372_000_000), (49, 1_770_372_001_500)]
    );
    assert_eq!(scenario.given.policy.cap_10m_bps, Some(500));
    assert_eq!(
        scenario.given.policy.cap_24h_bps, None,
        "an absent control is off"
    );
}

/// Each row: what is replaced by what, the line named, and words of the message.
#[test]
fn a_broken_file_is_refused_with_its_line_and_the_fix() {
    let rows: &[(&str, &str, usize, &str)] = &[
        (
            "keepwhole-scenario/1",
            "keepwhole-scenario/2",
            1,
            "this build reads `keepwhole-scenario/1`",
        ),
        (
            "id = \"theft-900\"",
            "id = \"theft-901\"",
            2,
            "is not the file's name: call it `theft-900`",
        ),
        (
            "category = \"theft\"",
            "category = \"thefts\"",
            4,
            "is no category: use `theft`, `insider`",
        ),
        (
            "category = \"theft\"",
            "category = \"audit\"",
            4,
            "does not begin the id",
        ),
        (
            "tags = []",
            "tags = []\nextra = 1",
            7,
            "`extra` is no key here: use `schema`, `id`",
        ),
        ("why = \"Because.\"\n", "", 1, "`why` is missing"),
        (
            "why = \"Because.\"",
            "why = 5",
            5,
            "`why` is of type integer: write text in quotes",
        ),
        ("tags = []", "tags = [", 8, "is no TOML here"),
        (
            "mode = \"cosign\"",
            "mode = \"sign\"",
            12,
            "`sign` is no mode: use `cosign`, `watch`",
        ),
        (
            "2026-02-06T10:00:00Z\"\nmode",
            "2026-02-06T10:00:00\"\nmode",
            11,
            "is no instant",
        ),
        (
            "decimals = 8",
            "decimals = 39",
            16,
            "write a whole number from 0 to 38",
        ),
        (
            "decimals = 8",
            "decimals = \"8\"",
            16,
            "write a whole number without quotes",
        ),
        (
            "decimals = 8",
            "decimals = 8\nsymbol = \"B\"",
            17,
            "given.assets 1: `symbol` is no key here",
        ),
        (
            "balance = { BTC = \"500\" }",
            "balance = { ETH = \"500\" }",
            23,
            "`ETH` is no asset of this file: use `BTC`",
        ),
        (
            "balance = { BTC = \"500\" }",
            "balance = { BTC = \"0500\" }",
            23,
            "`0500` is no amount",
        ),
        (
            "balance = { BTC = \"500\" }",
            "balance = { BTC = 500 }",
            23,
            "write text in quotes",
        ),
        ("id = \"c1\"\n", "id = \"C 1\"\n", 25, "`C 1` is no id"),
        (
            "[[given.actors]]",
            "[[given.customers]]\nid = \"c1\"\nbalance = {}\n[[given.actors]]",
            28,
            "was used before",
        ),
        (
            "roles = [\"approver\"]",
            "roles = [\"approver\",\n\"boss\"]",
            31,
            "`boss` is no role",
        ),
        ("d1 = \"PT24H\"", "d1 = \"P1M\"", 35, "`P1M` is no duration"),
        (
            "d1 = \"PT24H\"",
            "d1 = \"PT1H\"\nd2 = \"PT1H\"",
            36,
            "`d2` is no key here",
        ),
        (
            "rule = \"from_awareness\"",
            "rule = \"from_birth\"",
            34,
            "is no clock rule",
        ),
        (
            "cap_10m_bps = 500",
            "cap_10m_bps = 10001",
            37,
            "from 0 to 10000",
        ),
        (
            "cap_10m_bps = 500",
            "cap_10m_bps = -1",
            37,
            "from 0 to 10000",
        ),
        (
            "cap_10m_bps = 500",
            "cap_10_bps = 500",
            37,
            "`cap_10_bps` is no key here",
        ),
        (
            "kind = \"withdrawal_request\"",
            "kind = \"withdraw\"",
            42,
            "event 1: `kind`: `withdraw` is no kind of event",
        ),
        (
            "id = \"w1\"\n",
            "",
            40,
            "event 1 (withdrawal_request): `id` is missing",
        ),
        (
            "customer = \"c1\"",
            "customer = \"c2\"",
            44,
            "`c2` is no customer of this file: use `c1`",
        ),
        (
            "wallet = \"hot\"",
            "wallet = \"cold\"",
            45,
            "`cold` is no wallet",
        ),
        (
            "amount = \"60\"",
            "amount = \"-60\"",
            47,
            "`-60` is no amount",
        ),
        (
            "amount = \"60\"",
            "amount = \"340282366920938463463374607431768211456\"",
            47,
            "below 2^128",
        ),
        (
            "to = \"ext1\"",
            "to = \"ext1\"\nfee = \"1\"",
            49,
            "event 1 (withdrawal_request): `fee` is no key here",
        ),
        (
            "10:00:01.500Z",
            "09:59:59Z",
            50,
            "lies before 2026-02-06T10:00:00Z: keep time order",
        ),
        ("10:00:01.500Z", "10:00:01.5Z", 50, "is no instant"),
        ("10:00:01.500Z", "10:00:60Z", 50, "is no instant"),
        (
            "target = \"w1\"",
            "target = \"w2\"",
            52,
            "`w2` is no earlier event",
        ),
        ("actor = \"ann\"", "actor = \"bo\"", 53, "`bo` is no actor"),
        (
            "nonce = \"n1\"",
            "nonce = \"n1\"\nbinds = { to = \"a\", asset = \"BTC\", amount = \"1\", fee = \"1\" }",
            55,
            "binds: `fee`",
        ),
        (
            "nonce = \"n1\"",
            "nonce = \"n1\"\nseen = \"w1\"",
            55,
            "`w1` is no hash",
        ),
        (
            "kind = \"outcome\"",
            "kind = \"result\"",
            56,
            "is no kind of expectation",
        ),
        ("event = \"w1\"", "event = \"w9\"", 57, "`w9` is no event"),
        (
            "result = \"allowed\"",
            "result = \"cleared\"",
            58,
            "`cleared` is no result",
        ),
        (
            "result = \"allowed\"",
            "result = \"denied\"\nreason = \"because\"",
            59,
            "`because` is no reason code",
        ),
        (
            "result = \"allowed\"",
            "result = \"allowed\"\nnth = 2",
            55,
            "`w1` is sent 1 times",
        ),
        (
            "company = \"1\"\ncustomers",
            "company = \"2\"\ncustomers",
            59,
            "not the sum",
        ),
        (
            "customers = { c1",
            "customers = { c7",
            65,
            "`c7` is no customer",
        ),
    ];
    for (from, to, line, words) in rows {
        assert_eq!(
            GOOD.matches(from).count(),
            1,
            "`{from}` must stand once in the good file"
        );
        let invalid = parse(&GOOD.replacen(from, to, 1))
            .unwrap_or_else(|read| panic!("`{to}` was accepted: {read}"));
        assert!(
            invalid.message.contains(words),
            "`{to}`: {invalid}\nexpected: {words}"
        );
        assert_eq!(invalid.line, *line, "`{to}`: {invalid}");
        assert_eq!(
            invalid.to_string(),
            format!("theft-900.toml:{line}: {}", invalid.message)
        );
    }
}

#[test]
fn a_file_that_is_not_text_is_refused_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theft-900.toml");
    std::fs::write(&path, [b"schema = 1\n".as_slice(), &[0xff, 0xfe]].concat()).unwrap();
    let invalid = load::load(&path).unwrap_err();
    assert_eq!(invalid.line, 2, "{invalid}");
    assert!(
        load::load(&folder.path().join("none.toml"))
            .unwrap_err()
            .message
            .contains("can't be read")
    );
}

#[test]
fn every_story_loads() {
    let files = files();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for path in &files {
        let scenario = load::load(path).unwrap_or_else(|invalid| panic!("{invalid}"));
        let parent = path
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert_eq!(scenario.category.word(), parent, "{}", path.display());
        for event in &scenario.events {
            *kinds.entry(event.kind.word()).or_default() += 1;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let starts = |mark: &str| {
            let lines = text.lines().enumerate().filter(|(_, line)| *line == mark);
            lines.map(|(index, _)| index + 1).collect::<Vec<_>>()
        };
        assert_eq!(
            scenario
                .events
                .iter()
                .map(|event| event.line)
                .collect::<Vec<_>>(),
            starts("[[events]]")
        );
        assert_eq!(
            scenario
                .expect
                .iter()
                .map(|expect| expect.line)
                .collect::<Vec<_>>(),
            starts("[[expect]]")
        );
    }
    if !files.is_empty() {
        assert!(files.len() >= 49, "only {} files", files.len());
        assert!(kinds.keys().all(|kind| EVENT_KINDS.contains(kind)));
    }
}

#[test]
fn bad_amounts_stay_text_where_the_file_says_so() {
    let text = GOOD
        .replace("tags = []", "tags = [\"raw-amounts\"]")
        .replace("amount = \"60\"", "amount = \"１２\"");
    let scenario = load::parse("theft-900.toml", &text).unwrap();
    let EventKind::WithdrawalRequest { amount, .. } = &scenario.events[0].kind else {
        panic!("{scenario:?}")
    };
    assert_eq!((amount.text(), amount.value()), ("１２", None));
}

#[test]
fn a_multicall_carries_what_it_hides() {
    let ops = r#"[[events]]
at = "2026-02-06T10:00:02Z"
kind = "sign_request"
id = "s1"
clearance_of = "w1"
ops = [{ op = "multicall", to = "x", asset = "BTC", amount = "0", inner = [{ op = "upgrade", to = "y", asset = "BTC", amount = "0" }] }]
[[expect]]
"#;
    let scenario = load::parse("theft-900.toml", &GOOD.replacen("[[expect]]\n", ops, 1)).unwrap();
    let EventKind::SignRequest { ops, .. } = &scenario.events[2].kind else {
        panic!("{scenario:?}")
    };
    assert_eq!(
        (ops[0].op, ops[0].inner[0].op),
        (Op::Multicall, Op::Upgrade)
    );
}

#[test]
fn scalars_have_one_form() {
    for (text, millis) in [
        ("PT10S", 10_000),
        ("PT1H30M", 5_400_000),
        ("P30D", 2_592_000_000),
        ("P1DT1S", 86_401_000),
    ] {
        assert_eq!(scalar::duration(text), Ok(millis), "{text}");
    }
    for text in [
        "",
        "P",
        "PT",
        "P1DT",
        "10S",
        "PT1.5H",
        "PT1M1H",
        "P1W",
        "P1M",
        "-PT1S",
        "PT-1S",
        "PT18446744073709551616S",
    ] {
        assert!(scalar::duration(text).is_err(), "{text}");
    }
    assert_eq!(scalar::signed_duration("-PT2H"), Ok(-7_200_000));
    for text in [
        "2026-02-30T10:00:00Z",
        "2026-02-06t10:00:00Z",
        "2026-02-06T10:00:00+09:00",
        "1969-12-31T23:59:59Z",
    ] {
        assert!(scalar::instant(text).is_err(), "{text}");
    }
    assert_eq!(
        scalar::show_instant(1_770_372_000_000),
        "2026-02-06T10:00:00Z"
    );
    assert_eq!(
        scalar::show_instant(1_770_372_000_050),
        "2026-02-06T10:00:00.050Z"
    );
    let hex = "ab".repeat(32);
    assert_eq!(
        scalar::hash(&format!("sha256:{hex}")).unwrap().bytes(),
        [0xab; 32]
    );
    assert_eq!(
        scalar::hash("h:w1").unwrap().bytes(),
        scalar::hash("h:w1").unwrap().bytes()
    );
    assert_ne!(
        scalar::hash("h:w1").unwrap().bytes(),
        scalar::hash("h:w2").unwrap().bytes()
    );
    assert!(scalar::hash(&format!("sha256:{}", "AB".repeat(32))).is_err());
    assert!(scalar::hash("sha256:abc").is_err());
}

proptest! {
    /// However a file is damaged, reading it ends in a scenario or in a line of that file, never in a panic.
    #[test]
    fn a_damaged_file_never_panics(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4, any::<char>()), 1..6),
    ) {
        let mut texts: Vec<(String, String)> = files()
            .iter()
            .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
            .collect();
        texts.push(("theft-900.toml".to_owned(), GOOD.to_owned()));
        let (name, text) = pick.get(&texts);
        let mut chars: Vec<char> = text.chars().collect();
        for (from, to, how, with) in edits {
            if chars.is_empty() { break }
            let (at, other) = (from.index(chars.len()), to.index(chars.len()));
            match how {
                0 => chars.insert(at, with),
                1 => { chars.remove(at); }
                2 => chars.swap(at, other),
                _ => { chars.drain(at.min(other)..at.max(other)); }
            }
        }
        let text: String = chars.into_iter().collect();
        if let Err(invalid) = load::parse(name, &text) {
            prop_assert!(invalid.line >= 1 && invalid.line <= text.matches('\n').count() + 1);
        }
    }
}
