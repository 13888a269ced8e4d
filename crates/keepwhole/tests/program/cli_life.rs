//! The real program's whole life: what `init`, `serve`, `status`, `balance`, `journal` and `export` say of one small story.

use serde_json::Value;

use crate::cli::{Serving, installed, run, tell_story};

#[test]
fn balances_are_exact_now_and_at_any_past_moment() {
    let dir = installed();
    tell_story(dir.path());
    let now = run(
        dir.path(),
        &["balance", "--data", "ex", "customer-7", "--json"],
    );
    assert_eq!(now.json()["balances"][0]["owed"], "1235000000000");
    assert_eq!(now.json()["balances"][0]["decimals"], 9);
    let text = run(dir.path(), &["balance", "--data", "ex", "customer-7"]);
    assert!(text.out.contains("1,235"), "{}", text.out);
    // The answer of the last command and its movement are the last two entries.
    let last = now.json()["as_of"]["entry"].as_u64().unwrap();
    let shown = run(dir.path(), &["journal", "show", "--data", "ex", "--json"]);
    let moved = shown
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["kind"] == "movement_recorded");
    let moved: Vec<Value> = moved.collect();
    assert_eq!(moved.len(), 2);
    assert_eq!(moved[1]["body"]["to"], "customer-7");
    assert_eq!(moved[1]["body"]["units"], "500000000");
    let second = moved[1]["index"].as_u64().unwrap();
    assert!(second <= last);
    let at = |moment: &str| {
        run(
            dir.path(),
            &[
                "balance",
                "--data",
                "ex",
                "customer-7",
                "--json",
                "--at",
                moment,
            ],
        )
    };
    let before = at(&(second - 1).to_string());
    assert_eq!(before.json()["balances"][0]["owed"], "1234500000000");
    assert_eq!(
        at(&second.to_string()).json()["balances"][0]["owed"],
        "1235000000000"
    );
    let time = now.json()["as_of"]["at"].as_str().unwrap().to_owned();
    assert_eq!(at(&time).json()["balances"], now.json()["balances"]);
    at("2001-01-01T00:00:00Z").failed(1, &["no customer `customer-7`", "empty journal"]);
    at("99999999").failed(
        1,
        &["no entry `99999999`", &format!("last entry is `{last}`")],
    );
    at("yesterday").failed(2, &["yesterday", "2025-11-27T04:42:00+09:00"]);
    at("2025-11-27 04:42").failed(2, &["time with its zone"]);
}

#[test]
fn a_life_from_init_to_export() {
    let dir = installed();
    tell_story(dir.path());
    let serving = Serving::start(dir.path(), &[]);
    for path in [
        "/",
        "/incidents",
        "/customers",
        "/customers/customer-7",
        "/journal",
        "/log/checkpoint",
    ] {
        let (status, page) = serving.get(path);
        assert_eq!(status, 200, "{path}: {page}");
    }
    assert!(serving.get("/customers/customer-7").1.contains("1,235"));
    assert!(serving.get("/journal").1.contains("movement_recorded"));
    assert_eq!(serving.get("/customers/nobody").0, 404);
    let (code, err) = serving.stop("-TERM");
    assert_eq!((code, err.as_str()), (Some(0), ""));

    let checked = run(dir.path(), &["journal", "check", "--data", "ex", "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert_eq!(checked.json()["whole"], true);
    let status = run(dir.path(), &["status", "--data", "ex", "--json"]).json();
    assert_eq!(status["head"]["size"], checked.json()["size"]);
    assert_eq!(status["checkpoint"]["behind"], 0);
    assert_eq!(status["coverage"][0]["short"], "1235000000000");
    // She is owed what no wallet holds: a finding, and with `--check` an exit code.
    assert_eq!(run(dir.path(), &["status", "--data", "ex"]).code, 0);
    let check = run(dir.path(), &["status", "--data", "ex", "--check"]);
    assert_eq!(check.code, 1);
    assert!(
        check.out.contains("SOL is short by 1,235 SOL"),
        "{}",
        check.out
    );

    let export = &["journal", "export", "--data", "ex", "--tiles", "out"];
    assert_eq!(run(dir.path(), export).code, 0);
    let checkpoint = std::fs::read_to_string(dir.path().join("out/checkpoint")).unwrap();
    assert!(checkpoint.starts_with("exchange.example/keepwhole\n"));
    assert!(dir.path().join("out/tile/entries").is_dir());
    run(dir.path(), export).failed(1, &["`out` is not empty"]);
}

#[test]
fn keys_come_as_a_trust_file() {
    let dir = installed();
    let keys = run(dir.path(), &["journal", "vkey", "--data", "ex"]);
    let trust = keepwhole_verify::trust::Trust::parse("keys", &keys.out).unwrap();
    assert_eq!(trust.bundle_keys.len(), 1);
    assert_eq!(
        trust.bundle_keys[0].name(),
        "exchange.example/keepwhole/bundle"
    );
}

#[test]
fn every_kind_of_event_has_a_name_and_a_body() {
    let kinds = [
        include_str!("../../src/installation/record_json.rs"),
        include_str!("../../src/installation/record_case.rs"),
        include_str!("../../src/installation/record_clearance.rs"),
        include_str!("../../src/installation/record_authority.rs"),
        include_str!("../../src/installation/record_subject.rs"),
        include_str!("../../src/installation/record_door.rs"),
        include_str!("../../src/installation/record_price.rs"),
    ]
    .concat();
    let events = include_str!("../../../core/src/event.rs");
    let (_, events) = events.split_once("pub enum Event {").unwrap();
    let authority = include_str!("../../../core/src/event/authority.rs");
    let (_, authority) = authority.split_once("pub enum AuthorityEvent {").unwrap();
    let (authority, _) = authority.split_once("\n}").unwrap();
    let doors = include_str!("../../../core/src/door.rs");
    let (_, doors) = doors.split_once("pub enum DoorEvent {").unwrap();
    let (doors, _) = doors.split_once("\n}").unwrap();
    let prices = include_str!("../../../core/src/price.rs");
    let (_, prices) = prices.split_once("pub enum PriceEvent {").unwrap();
    let (prices, _) = prices.split_once("\n}").unwrap();
    let lines = [events, authority, doors].into_iter().flat_map(str::lines);
    let lines = lines.map(|line| ("", line));
    // Told and suspected say of what only within their list; kinds stand alone.
    let prices = prices.lines().map(|line| ("price_", line));
    let mut found = 0;
    for (of, line) in lines.chain(prices) {
        let Some(name) = line
            .strip_prefix("    ")
            .filter(|rest| rest.starts_with(char::is_uppercase))
        else {
            continue;
        };
        let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
        // It only holds the kinds of the other list.
        if ["Authority", "AtDoor", "OfPrice"].contains(&name.as_str()) {
            continue;
        }
        let snake: String = name
            .char_indices()
            .flat_map(|(at, c)| {
                let low = c.to_ascii_lowercase();
                if c.is_uppercase() && at > 0 {
                    vec!['_', low]
                } else {
                    vec![low]
                }
            })
            .collect();
        assert!(
            kinds.contains(&format!("=> \"{of}{snake}\""))
                || kinds.contains(&format!("=> Some(\"{of}{snake}\")")),
            "`{name}` has no kind"
        );
        let bodies = kinds.matches(&format!("Event::{name} ")).count()
            + kinds.matches(&format!("Event::{name}(")).count();
        // One that carries nothing is named once and has no members.
        let carries = line.contains(['(', '{']);
        assert!(bodies > usize::from(carries), "`{name}` has no body");
        found += 1;
    }
    assert!(found > 50, "the events were not found");
}

#[test]
fn init_says_what_it_made() {
    let dir = tempfile::tempdir().unwrap();
    let made = run(
        dir.path(),
        &[
            "init",
            "--data",
            "ex",
            "--origin",
            "exchange.example/keepwhole",
        ],
    );
    assert_eq!(
        masked(&made.out),
        include_str!("golden/init.txt").trim_end()
    );
}

#[test]
fn status_balance_and_check_say_this() {
    let dir = installed();
    tell_story(dir.path());
    let said = [
        &["status", "--data", "ex"][..],
        &["balance", "--data", "ex", "customer-7"],
        &["journal", "check", "--data", "ex"],
    ]
    .map(|verb| run(dir.path(), verb).out);
    let wanted = include_str!("golden/verbs.txt");
    assert_eq!(masked(&said.join("\n")), wanted.trim_end());
}

fn masked(said: &str) -> String {
    let lines: Vec<String> = said.lines().map(mask).collect();
    lines.join("\n")
}

/// Keys, roots and counts as letters, so that what is left is what the program says.
fn mask(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let (bracket, word) = word
            .strip_prefix('(')
            .map_or(("", word), |word| ("(", word));
        let hex = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let figure = |byte: u8| byte.is_ascii_digit() || b"-:.,".contains(&byte);
        let number = word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(figure);
        match word.split_once('+') {
            _ if hex => "ROOT".to_owned(),
            _ if number => format!("{bracket}N"),
            Some((name, _)) => format!("{name}+KEY"),
            None => format!("{bracket}{word}"),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
