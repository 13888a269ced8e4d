//! Books in and out of the real program: all or nothing, resumed after kills, quarantine, and back again.

use crate::cli::{PROGRAM, Ran, run};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const ASSETS: &str = "asset_id,decimals,network,confirmations\nBTC,8,bitcoin,3\nKRW,0,,0\n";
const HEAD: &str = "id,from,to,asset,amount,time,kind\n";

fn installation(dir: &Path, name: &str) {
    assert_eq!(run(dir, &["init", "--data", name]).code, 0);
    fs::write(dir.join("assets.csv"), ASSETS).unwrap();
    let ran = import(dir, name, &["assets.csv"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

fn import(dir: &Path, data: &str, rest: &[&str]) -> Ran {
    let mut arguments = vec!["import", "--data", data, "--profile", "generic", "--json"];
    arguments.extend(rest);
    run(dir, &arguments)
}

/// Deposits, then trades among 500 customers, in rows that never overdraw.
fn many(rows: usize) -> String {
    let mut text = String::from(HEAD);
    for row in 0..rows {
        let (a, b) = (row % 500, (row * 7 + 1) % 500);
        let from = if row < 500 || a == b {
            String::from("outside")
        } else {
            format!("c{a}")
        };
        let units = if row < 500 { 1_000_000 } else { 1 + row % 5 };
        let to = if row < 500 { a } else { b };
        text.push_str(&format!(
            "t{row},{from},c{to},BTC,{units},2025-11-27T04:42:00+09:00,\n"
        ));
    }
    text
}

/// All balances, without the line of the time.
fn balances(dir: &Path, data: &str, out: &str) -> Vec<String> {
    let ran = run(
        dir,
        &["export", "--data", data, "--what", "balances", "--out", out],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = fs::read_to_string(dir.join(out)).unwrap();
    let rows = text
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap().1.to_owned());
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

#[test]
fn a_bad_row_keeps_everything_out_and_quarantine_lets_the_others_in() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    installation(dir, "data");
    let good = "a,outside,alice,BTC,5,2025-11-27T04:42:00Z,deposit\n";
    let bad = "b,alice,bob,BTC,6,2025-11-27T04:43:00Z,trade\n";
    fs::write(dir.join("t.csv"), format!("{HEAD}{good}{bad}")).unwrap();
    let before = balances(dir, "data", "b0/balances.csv");
    for arguments in [&["t.csv"][..], &["--dry-run", "t.csv"]] {
        let ran = import(dir, "data", arguments);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        let said = ran.json();
        let refused = &said["refused"][0];
        assert_eq!(
            (&refused["line"], &refused["code"]),
            (&3.into(), &"overdraft".into())
        );
    }
    assert_eq!(balances(dir, "data", "b1/balances.csv"), before);
    let ran = import(dir, "data", &["t.csv", "--quarantine", "q.csv"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(balances(dir, "data", "b2/balances.csv"), ["alice,BTC,5,8"]);
    let kept = fs::read_to_string(dir.join("q.csv")).unwrap();
    assert!(
        kept.contains("b,alice,bob,BTC,6,2025-11-27T04:43:00Z,trade,3,overdraft,"),
        "{kept}"
    );
    fs::write(dir.join("mended.csv"), kept.replace(",6,2025", ",2,2025")).unwrap();
    assert_eq!(import(dir, "data", &["mended.csv"]).code, 0);
    assert_eq!(
        balances(dir, "data", "b3/balances.csv"),
        ["alice,BTC,3,8", "bob,BTC,2,8"]
    );
    // The same id with other content is refused for good, in whichever file it comes.
    fs::write(
        dir.join("again.csv"),
        format!("{HEAD}{}", good.replace(",5,", ",4,")),
    )
    .unwrap();
    let ran = import(dir, "data", &["again.csv"]);
    assert_eq!(
        (ran.code, &ran.json()["refused"][0]["code"]),
        (2, &"duplicate_id".into())
    );
}

/// Takes owners that are registered only.
const REGISTERED_ONLY: &str = r#"
schema = "keepwhole-profile/1"
name = "ours"
title = "ours"
[names]
owners = "refuse"
[[table]]
name = "rows"
holds = "transfers"
[table.columns]
id = "id"
from = "from"
to = "to"
asset = "asset"
amount = { column = "amount", unit = "base" }
time = { column = "time", form = "rfc3339" }
"#;

/// Without the first look the first bad row stops the recording, whatever is wrong with it; nothing is left out.
#[test]
fn one_pass_stops_at_the_first_bad_row_and_says_what_is_in() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    installation(dir, "whole");
    fs::write(dir.join("many.csv"), many(20_000)).unwrap();
    assert_eq!(import(dir, "whole", &["many.csv"]).code, 0);
    let whole = balances(dir, "whole", "b0/balances.csv");
    let line = |number: usize, change: &dyn Fn(&str) -> String| {
        let mut lines: Vec<String> = many(20_000).lines().map(str::to_owned).collect();
        lines[number - 1] = change(&lines[number - 1]);
        lines.join("\n") + "\n"
    };
    let two_chunks = "rows 1 to 16384 of `bad.csv`";
    let no_row = "no row is recorded";
    let late = line(18_000, &|row| row.replace(",BTC,", ",BTC,-"));
    let open = line(19_000, &|row| {
        row.replace("outside", "\"outside").replace(",c", ",\"c")
    });
    let broke = line(18_000, &|row| row.replace(",BTC,", ",BTC,99999999"));
    let decimals = ASSETS.replace("BTC,8", "BTC,7");
    let house = "account_id,customer_ref,kind,opened_at,status\nc1,,house,,\n".to_owned();
    let stranger = line(17_000, &|row| row.replace(",BTC,", "x,BTC,"));
    for (place, (text, why, at, done, mapped)) in [
        (
            late,
            "the amount is negative",
            "line 18000",
            two_chunks,
            false,
        ),
        (open, "quot", "line 19000", two_chunks, false),
        (
            broke,
            "insufficient_balance",
            "line 18000",
            two_chunks,
            false,
        ),
        (
            decimals,
            "is registered with 8 decimals",
            "line 2",
            no_row,
            false,
        ),
        (house, "is called the house", "line 2", no_row, false),
        (stranger, "no account `", "line 17000", two_chunks, true),
    ]
    .into_iter()
    .enumerate()
    {
        let data = format!("data-{place}");
        installation(dir, &data);
        fs::write(dir.join("bad.csv"), text).unwrap();
        let mut arguments = vec!["import", "--data", &data, "--one-pass"];
        if mapped {
            fs::write(dir.join("ours.toml"), REGISTERED_ONLY).unwrap();
            fs::write(dir.join("first.csv"), many(500)).unwrap();
            assert_eq!(import(dir, &data, &["first.csv"]).code, 0);
            arguments.extend(["--mapping", "ours.toml"]);
        } else {
            arguments.extend(["--profile", "generic"]);
        }
        arguments.push("bad.csv");
        let ran = run(dir, &arguments);
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, 1, "{why}: {said}");
        for wanted in [why, at, done] {
            assert!(said.contains(wanted), "{why}: {wanted} is not in {said}");
        }
        // The mended file goes in behind what is there, and nothing twice.
        assert_eq!(import(dir, &data, &["--one-pass", "many.csv"]).code, 0);
        let out = format!("b{}/balances.csv", place + 1);
        assert_eq!(balances(dir, &data, &out), whole, "{why}");
    }
}

#[test]
fn an_import_killed_at_twenty_points_ends_as_one_that_was_not() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    installation(dir, "calm");
    installation(dir, "killed");
    fs::write(dir.join("many.csv"), many(200_000)).unwrap();
    let started = std::time::Instant::now();
    assert_eq!(import(dir, "calm", &["many.csv"]).code, 0);
    let whole = started.elapsed();
    let mut kills = 0;
    for point in 1..=20u32 {
        let mut child = Command::new(PROGRAM)
            .args([
                "import",
                "--data",
                "killed",
                "--profile",
                "generic",
                "many.csv",
            ])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the run, the first look included; later runs have less to do.
        std::thread::sleep(whole * (point * 37 % 100) / 100 + Duration::from_millis(5));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills > 0);
    let ran = import(dir, "killed", &["many.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        balances(dir, "killed", "k/balances.csv"),
        balances(dir, "calm", "c/balances.csv")
    );
    let totals = |data: &str, out: &str| {
        let ran = run(
            dir,
            &[
                "export", "--data", data, "--what", "entries", "--json", "--out", out,
            ],
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        let written = ran.json()["written"].clone();
        (written["rows"].clone(), written["totals"].clone())
    };
    let calm = totals("calm", "c/entries.csv");
    assert_eq!(calm.0, 400_000);
    assert_eq!(totals("killed", "k/entries.csv"), calm);
    // Sent again from the start, every row is known.
    let ran = import(dir, "killed", &["--from-start", "many.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(totals("killed", "k2/entries.csv"), calm);
}

#[test]
fn an_export_goes_into_a_new_installation_with_the_same_balances() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    installation(dir, "old");
    fs::write(dir.join("many.csv"), many(3_000)).unwrap();
    assert_eq!(import(dir, "old", &["many.csv"]).code, 0);
    for format in ["csv", "ndjson", "parquet"] {
        let new = format!("new-{format}");
        assert_eq!(run(dir, &["init", "--data", &new]).code, 0);
        let mut files = Vec::new();
        for what in ["assets", "accounts", "entries"] {
            let out = format!("{format}/{what}.{format}");
            let ran = run(
                dir,
                &[
                    "export", "--data", "old", "--what", what, "--format", format, "--out", &out,
                ],
            );
            assert_eq!(ran.code, 0, "{}", ran.err);
            files.push(out);
        }
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let ran = import(dir, &new, &files);
        assert_eq!(ran.code, 0, "{format}: {}{}", ran.out, ran.err);
        let (old, now) = (format!("{format}/old/b.csv"), format!("{format}/new/b.csv"));
        assert_eq!(balances(dir, &new, &now), balances(dir, "old", &old));
        // A manifest that says something else stops it before a row is read.
        let entries = dir.join(format!("{format}/entries.{format}"));
        let mut bytes = fs::read(&entries).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        fs::write(&entries, bytes).unwrap();
        import(dir, &new, &[files[2]]).failed(2, &["SHA-256"]);
    }
}

#[test]
fn an_import_beside_a_writer_says_so_and_a_dry_run_works() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    installation(dir, "data");
    fs::write(
        dir.join("t.csv"),
        format!("{HEAD}a,outside,alice,BTC,5,2025-11-27T04:42:00Z,deposit\n"),
    )
    .unwrap();
    let held = keepwhole::installation::Installation::open(&dir.join("data")).unwrap();
    import(dir, "data", &["t.csv"]).failed(1, &["is being served or in use", "--dry-run"]);
    assert_eq!(import(dir, "data", &["--dry-run", "t.csv"]).code, 0);
    drop(held);
    assert_eq!(import(dir, "data", &["t.csv"]).code, 0);
    assert_eq!(run(dir, &["balance", "--data", "data", "alice"]).code, 0);
}
