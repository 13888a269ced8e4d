//! Stories played through the real core, sequencer and journal: which hold, and that each demand can fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keepwhole::drill::scenario::Scenario;
use keepwhole::drill::scenario::code::{
    AlertCode, BreakerState, ClockState, JournalState, Outcome, Reason, ServiceState, Severity,
};
use keepwhole::drill::scenario::event::{EventKind, Scope};
use keepwhole::drill::scenario::expect::ExpectKind;
use keepwhole::drill::{Ending, drill, load, play};

use crate::drill::{files, folder};

/// Folders whose every story must hold.
const HELD: &[&str] = &["theft", "mis-credit", "notification", "redress", "insider"];

/// Stories that need what is not built yet, each with what.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("laundering-001", "policy taint"),
    ("laundering-002", "policy taint"),
];

/// Stories of millions of rows; a thousandth of them is played here.
const SLOW: &[&str] = &["fault-007"];

#[test]
fn every_story_of_five_folders_holds() {
    let Some(folder) = folder() else { return };
    let paths: Vec<PathBuf> = HELD.iter().map(|name| folder.join(name)).collect();
    let report = drill(&paths);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.passed() >= 22, "{report}");
    assert!(
        report
            .to_string()
            .ends_with(&format!("\n{} passed, 0 failed", report.passed()))
    );
    assert!(
        report
            .to_string()
            .starts_with("ok theft-001\nok theft-002\n")
    );
}

/// By the built program, so that what a story demands of memory is measured of it alone.
#[test]
fn every_story_holds_or_says_what_is_not_built() {
    let files = files();
    if files.is_empty() {
        return;
    }
    let slow = |path: &PathBuf| SLOW.contains(&path.file_stem().unwrap().to_str().unwrap());
    let small = tempfile::tempdir().unwrap();
    let mut played: Vec<PathBuf> = files.iter().filter(|path| !slow(path)).cloned().collect();
    for path in files.iter().filter(|path| slow(path)) {
        let text = std::fs::read_to_string(path).unwrap();
        let less = text.replace("0000000", "0000").replace("6000000", "6000");
        assert!(less.contains("rows = 10000, bad_at = 0, kill_at = 6000"));
        let path = small.path().join(path.file_name().unwrap());
        std::fs::write(&path, less).unwrap();
        played.push(path);
    }
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_keepwhole"))
        .args(["drill", "--json"])
        .args(&played)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let unsupported: Vec<(&str, &str)> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["result"] == "unsupported")
        .map(|file| (file["id"].as_str().unwrap(), file["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(unsupported, UNSUPPORTED);
    assert_eq!(report["failed"], UNSUPPORTED.len(), "{report:#}");
    assert_eq!(report["passed"], files.len() - UNSUPPORTED.len());
    assert!(files.len() >= 49, "only {} files", files.len());
    assert_eq!(ended.status.code(), Some(1));
}

#[test]
fn the_same_story_gives_the_same_journal() {
    let mut heads = BTreeSet::new();
    for scenario in stories() {
        let Ending::Passed(head) = play(&scenario) else {
            continue;
        };
        assert_eq!(play(&scenario), Ending::Passed(head), "{}", scenario.id);
        assert!(
            head.size > 0 && heads.insert(head.root),
            "{} ends like another story",
            scenario.id
        );
    }
}

/// The stories that are not slow. Nothing is demanded of memory, as other tests run in this process.
fn stories() -> Vec<Scenario> {
    let files = files();
    let stories = files.iter().map(|path| load::load(path).unwrap());
    let mut stories: Vec<Scenario> = stories
        .filter(|story| !SLOW.contains(&story.id.as_str()))
        .collect();
    for demand in stories.iter_mut().flat_map(|story| &mut story.expect) {
        if let ExpectKind::Service { rss_max_bytes, .. } = &mut demand.kind {
            *rss_max_bytes = None;
        }
    }
    stories
}

/// A demand that says something else; `None` where nothing can be changed that must then fail.
fn another(kind: &ExpectKind) -> Option<ExpectKind> {
    let mut kind = kind.clone();
    match &mut kind {
        ExpectKind::Outcome { result, reason, .. } => match reason {
            Some(reason) => {
                *reason = if *reason == Reason::TooSlow {
                    Reason::TooDeep
                } else {
                    Reason::TooSlow
                }
            }
            None => {
                *result = if *result == Outcome::Expired {
                    Outcome::Held
                } else {
                    Outcome::Expired
                }
            }
        },
        ExpectKind::Alert {
            severity, count, ..
        } => match count {
            Some(count) => *count += 1,
            None => *severity = Severity::Info,
        },
        ExpectKind::NoAlert { .. } => return None,
        ExpectKind::Exposed { customers } => customers.push("nobody".to_owned()),
        ExpectKind::Breaker { scope, state, .. } => {
            (*scope, *state) = (Scope::Asset("none".to_owned()), BreakerState::Tripped);
        }
        ExpectKind::Incident { opened_by, .. } => opened_by.push('x'),
        ExpectKind::Loss { total, .. } => *total += 1,
        ExpectKind::Balance { amount, .. } | ExpectKind::Wallet { amount, .. } => *amount += 1,
        ExpectKind::Clock {
            state, due, met_at, ..
        } => match met_at {
            Some(met_at) => *met_at += 1,
            None if *state == ClockState::Open => *due += 1,
            None => *state = ClockState::Open,
        },
        ExpectKind::Redress { amount, .. } => *amount += 1,
        ExpectKind::MadeWhole {
            restored,
            outstanding,
            ..
        } => std::mem::swap(restored, outstanding),
        ExpectKind::Journal {
            verify,
            events_lost,
            ..
        } => match events_lost {
            Some(lost) => *lost += 1,
            None => *verify = JournalState::Forked,
        },
        ExpectKind::Service { state, .. } => {
            *state = if *state == ServiceState::Readonly {
                ServiceState::Halted
            } else {
                ServiceState::Readonly
            }
        }
        ExpectKind::Import { applied, .. } => *applied += 1,
        ExpectKind::Trace { .. } => return None,
    }
    Some(kind)
}

/// Every demand of every story that holds is turned into a false one, and exactly those must fail.
#[test]
fn a_false_demand_fails() {
    let mut changed = 0;
    for mut scenario in stories() {
        if !matches!(play(&scenario), Ending::Passed(_)) {
            continue;
        }
        let mut places = Vec::new();
        for (index, demand) in scenario.expect.iter_mut().enumerate() {
            if let Some(other) = another(&demand.kind) {
                demand.kind = other;
                places.push(format!("expect {}", index + 1));
            }
        }
        changed += places.len();
        let Ending::Failed(failures, _) = play(&scenario) else {
            panic!("{} holds with false demands", scenario.id)
        };
        assert_eq!(
            failures
                .iter()
                .map(|failure| failure.place.clone())
                .collect::<Vec<_>>(),
            places,
            "{failures:#?}"
        );
    }
    assert!(
        files().is_empty() || changed > 150,
        "only {changed} demands"
    );
}

/// What was raised is not said to be absent.
#[test]
fn an_alert_that_was_raised_breaks_no_alert() {
    let Some(mut scenario) = stories().into_iter().find(|story| story.id == "theft-001") else {
        return;
    };
    scenario.expect.truncate(1);
    scenario.expect[0].kind = ExpectKind::NoAlert {
        code: AlertCode::UnmatchedOutflow,
    };
    let Ending::Failed(failures, _) = play(&scenario) else {
        panic!("the theft raised nothing")
    };
    assert_eq!(
        failures[0].actual.matches("2025-11-26T19:42:").count(),
        6,
        "{failures:#?}"
    );
}

/// A kill at any point of the write path loses no answer and pays nobody twice.
#[test]
fn a_payment_survives_a_kill_at_every_point() {
    let Some(scenario) = stories()
        .into_iter()
        .find(|story| story.id == "redress-003")
    else {
        return;
    };
    use keepwhole::drill::scenario::code::CrashPoint;
    let rows = [
        (CrashPoint::BeforeAppend, Outcome::Allowed),
        (CrashPoint::AfterAppend, Outcome::Duplicate),
        (CrashPoint::AfterFsync, Outcome::Duplicate),
        (CrashPoint::BeforeReply, Outcome::Duplicate),
    ];
    for (point, second) in rows {
        let mut killed = scenario.clone();
        for event in &mut killed.events {
            if let EventKind::Crash { point: at } = &mut event.kind {
                *at = Some(point);
            }
        }
        for demand in &mut killed.expect {
            if let ExpectKind::Outcome {
                event,
                result,
                nth: 2,
                ..
            } = &mut demand.kind
                && event == "p1"
            {
                *result = second;
            }
        }
        let ending = play(&killed);
        assert!(matches!(ending, Ending::Passed(_)), "{point}: {ending:#?}");
    }
}

#[test]
fn the_report_says_what_is_wrong_and_the_exit_code_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let Some(theft) = files()
        .into_iter()
        .find(|path| path.ends_with("theft-002.toml"))
    else {
        return;
    };
    let text = std::fs::read_to_string(&theft).unwrap();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    write("theft-002.toml", &text);
    write("notes.md", "no story");
    let report = drill(&[path("theft-002.toml")]);
    assert_eq!(
        (report.to_string().as_str(), report.exit_code()),
        ("ok theft-002\n1 passed, 0 failed", 0)
    );
    let journal = &report.json()["files"][0]["journal"];
    assert!(
        journal["size"].as_u64() > Some(0) && journal["root"].as_str().map(str::len) == Some(64),
        "{journal}"
    );

    write(
        "theft-902.toml",
        &text
            .replace("theft-002", "theft-902")
            .replacen("\"denied\"", "\"held\"", 1),
    );
    write(
        "theft-903.toml",
        &text
            .replace("theft-002", "theft-903")
            .replacen("mode = \"watch\"", "mode = \"watc\"", 1),
    );
    let report = drill(&[folder.path().to_owned()]);
    let lines: Vec<String> = report.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines[..2],
        [
            "ok theft-002",
            "FAIL theft-902: expect 3 outcome: expected held halted, actual denied halted"
        ]
    );
    assert!(
        lines[2].starts_with("invalid ") && lines[2].contains("theft-903.toml:14: given: `mode`"),
        "{lines:?}"
    );
    assert_eq!(
        (lines[3].as_str(), report.exit_code()),
        ("1 passed, 2 failed", 1)
    );

    let report = drill(&[path("none.toml"), path("theft-002.toml")]);
    assert_eq!(report.exit_code(), 2);
    assert!(
        report.to_string().contains("none.toml`: name a .toml file"),
        "{report}"
    );
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(drill(&[empty.path().to_owned()]).exit_code(), 2);
    assert_eq!(
        drill(&[Path::new("Cargo.toml").to_owned()]).exit_code(),
        1,
        "a file that is no story is invalid"
    );
}

/// Only the adapter of the drill can leave a control out: a policy of the product that says nothing clears nothing.
#[test]
fn no_policy_of_the_product_clears_by_saying_nothing() {
    use keepwhole_core::answer::Answer;
    use keepwhole_core::command::{Body, Command, NewMovement};
    use keepwhole_core::event::Record;
    use keepwhole_core::policy::Policy;
    use keepwhole_core::registry::{Asset, OUTSIDE_NAME, Tier, Wallet};
    let mut state = keepwhole_core::state::State::default();
    let mut send = |id: Option<&str>, body: Body| {
        let command = Command {
            id: id.map(str::to_owned),
            actor: None,
            body,
        };
        let decision = keepwhole_core::decide::decide(&state, &command, 1_000);
        let answer = decision.reply.answer.clone();
        for event in decision.into_events() {
            keepwhole_core::apply::apply(&mut state, &Record::new(1_000, 1, event));
        }
        answer
    };
    let text = str::to_owned;
    send(
        None,
        Body::RegisterAsset(Asset {
            id: text("BTC"),
            decimals: 8,
            network: Some(text("bitcoin")),
            confirmations: 3,
        }),
    );
    send(None, Body::RegisterOwners(vec![text("house"), text("c1")]));
    send(
        None,
        Body::RegisterWallet(Wallet {
            id: text("hot"),
            tier: Tier::Hot,
            address: text("addr"),
        }),
    );
    send(
        None,
        Body::DeclareHoldings(vec![(text("hot"), text("BTC"), 10)]),
    );
    send(
        None,
        Body::RecordMovements(vec![NewMovement {
            from: text(OUTSIDE_NAME),
            to: text("c1"),
            asset: text("BTC"),
            units: 10,
            kind: keepwhole_core::book::MovementKind::Opening,
            reference: String::new(),
        }]),
    );
    send(
        None,
        Body::AdoptPolicy(Box::new(Policy {
            version: 1,
            ..Policy::default()
        })),
    );
    let answer = send(
        Some("w1"),
        Body::RequestWithdrawal {
            customer: text("c1"),
            wallet: text("hot"),
            asset: text("BTC"),
            units: 1,
            to: text("ext"),
        },
    );
    assert!(
        matches!(&answer, Answer::Held(reason) if reason.code() == "no_rule_clears"),
        "{answer:?}"
    );
}
