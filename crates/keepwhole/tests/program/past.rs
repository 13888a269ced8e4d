//! The past: balances, books and statements as of any entry or time, the same with snapshots and without.

use crate::cli::run;
use crate::scrubs::made;
use crate::small_exchange::AT;
use crate::snapshots::ALWAYS;
use keepwhole::installation::{Care, Installation, Reading};
use keepwhole::journal::RealDisk;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole::journal::snapshot::Place;
use keepwhole::sequencer::{Until, state_digest, write_snapshot};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::registry::Asset;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use std::path::Path;

fn json(dir: &Path, words: &[&str]) -> serde_json::Value {
    let ran = run(dir, words);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.json()
}

#[test]
fn any_moment_is_the_same_from_a_snapshot_and_from_the_first_entry() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ex");
    made(&dir);
    let reading = Reading::open_whole(&dir).unwrap();
    let last = reading.state(Until::End).unwrap();
    let key = keys::load(&dir, KeyFile::Log, &reading.origin).unwrap();
    let place = Place::of(&reading.journal);
    write_snapshot(&mut RealDisk::at(&dir), &place, &last, Some(&key), &ALWAYS).unwrap();
    let care = Care {
        snapshots: ALWAYS,
        ..Care::default()
    };
    let size = last.position;
    let times = [AT - 1, AT, AT + 600_000, last.at - 1, last.at];
    let moments = (0..=size).step_by(7).chain([size]).map(Until::Position);
    for until in moments.chain(times.map(Until::Time)).chain([Until::End]) {
        let (_, folded) = Reading::open_at(&dir, until, &care).unwrap();
        let plain = reading.state(until).unwrap();
        assert_eq!(
            state_digest(&folded.state),
            state_digest(&plain),
            "{until:?}"
        );
        let from_end = plain.position == size;
        assert_eq!(
            folded.snapshot.is_some(),
            from_end,
            "{until:?}: nearest before, never after"
        );
    }
}

/// Frames behind the snapshot are folded on a thread of their own once they are more than a few megabytes.
#[test]
fn a_long_journal_gives_the_same_state_however_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ex");
    let mut open = Installation::create(&dir, "long.example/log").unwrap();
    let asset = Asset {
        id: "KRW".to_owned(),
        decimals: 0,
        network: None,
        confirmations: 0,
    };
    let owners = ["ana", "ben"].map(str::to_owned).to_vec();
    let mut tell = |body| {
        let (id, actor) = (None, None);
        let replies = open.sequencer.turn(AT, &[Command { id, actor, body }]);
        assert_eq!(replies.unwrap()[0].answer.reason(), None);
    };
    tell(Body::RegisterAsset(asset));
    tell(Body::RegisterOwners(owners));
    for round in 0..12 {
        let mut batch = TransferBatch::new();
        for number in 0..BATCH_ROWS {
            let row = TransferRow {
                id: &format!("{round:032}{number:032}"),
                from: "outside",
                to: ["ana", "ben"][number % 2],
                asset: "KRW",
                units: 1 + number as u128,
                kind: MovementKind::Deposit,
                effective: AT,
            };
            batch.push(&row).unwrap();
        }
        tell(Body::RecordTransfers(batch));
    }
    let wanted = state_digest(open.sequencer.state());
    let size = open.sequencer.head().size;
    drop(open);
    let reading = Reading::open_whole(&dir).unwrap();
    for until in [Until::End, Until::Position(size - 1), Until::Position(9)] {
        let (_, folded) = Reading::open_at(&dir, until, &Care::default()).unwrap();
        let plain = reading.state(until).unwrap();
        assert_eq!(folded.state.position, plain.position, "{until:?}");
        assert_eq!(state_digest(&folded.state), state_digest(&plain));
    }
    let open = Installation::open(&dir).unwrap();
    assert_eq!(state_digest(open.sequencer.state()), wanted);
}

#[test]
fn the_book_and_a_statement_add_up_at_every_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    made(&path.join("ex"));
    let book = json(path, &["book", "--data", "ex", "--json"]);
    let entry = book["as_of"]["entry"].as_u64().unwrap();
    let units = |value: &serde_json::Value| value.as_str().unwrap().parse::<u128>().unwrap();
    for asset in book["book"].as_array().unwrap() {
        let sum: u128 = asset["owners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| units(&row["owed"]))
            .sum();
        assert_eq!(sum, units(&asset["owed"]), "{asset}");
    }
    assert_eq!(units(&book["book"][0]["owed"]), 15_000_000_000);
    for at in [0, 4, 20, entry / 2, entry] {
        let at = at.to_string();
        let words = [
            "book",
            "--data",
            "ex",
            "--entry",
            at.as_str(),
            "--asset",
            "SOL",
            "--json",
        ];
        let then = json(path, &words);
        for row in then["book"][0]["owners"].as_array().unwrap() {
            let owner = row["owner"].as_str().unwrap();
            let said = json(
                path,
                &[
                    "statement",
                    "--data",
                    "ex",
                    owner,
                    "--to",
                    at.as_str(),
                    "--json",
                ],
            );
            let mut balance = 0;
            for change in said["changes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| row["asset"] == "SOL")
            {
                balance = balance + units(&change["in"]) - units(&change["out"]);
                assert_eq!(balance, units(&change["balance"]));
            }
            assert_eq!(balance, units(&row["owed"]), "{owner} at {at}");
        }
    }
    let half = (entry / 2).to_string();
    let (early, late) = (
        json(
            path,
            &[
                "statement",
                "--data",
                "ex",
                "customer-5",
                "--to",
                &half,
                "--json",
            ],
        ),
        json(
            path,
            &[
                "statement",
                "--data",
                "ex",
                "customer-5",
                "--from",
                &half,
                "--json",
            ],
        ),
    );
    let whole = json(path, &["statement", "--data", "ex", "customer-5", "--json"]);
    let changes = |value: &serde_json::Value| value["changes"].as_array().unwrap().len();
    assert_eq!(changes(&early) + changes(&late), changes(&whole));
    assert_eq!(early["closing"], late["opening"]);
    let csv = run(path, &["statement", "--data", "ex", "customer-5", "--csv"]);
    assert_eq!(csv.out.lines().count(), changes(&whole) + 1);
    assert!(
        csv.out
            .starts_with("entry,time,kind,asset,in,out,balance,reference\n")
    );
    let csv = run(path, &["book", "--data", "ex", "--csv"]);
    assert!(csv.out.contains("SOL,customer-5,"), "{}", csv.out);
}

#[test]
fn questions_that_have_no_answer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    made(&path.join("ex"));
    run(path, &["book", "--data", "ex", "--entry", "99999"]).failed(1, &["no entry `99999`"]);
    run(path, &["book", "--data", "ex", "--asset", "XXX"]).failed(1, &["no asset `XXX`"]);
    run(path, &["book", "--data", "none"]).failed(2, &["no folder `none`"]);
    run(path, &["statement", "--data", "ex", "nobody"]).failed(1, &["no customer `nobody`"]);
    run(
        path,
        &["statement", "--data", "ex", "customer-1", "--to", "99999"],
    )
    .failed(1, &["no entry `99999`"]);
    let words = [
        "statement",
        "--data",
        "ex",
        "customer-1",
        "--from",
        "20",
        "--to",
        "5",
    ];
    run(path, &words).failed(1, &["ends before it begins"]);
    let early = ["book", "--data", "ex", "--at", "1999-01-01T00:00:00Z"];
    assert!(run(path, &early).out.contains("no asset is registered"));
    assert_eq!(
        run(path, &["book", "--data", "ex", "--at", "yesterday"]).code,
        2
    );
}
