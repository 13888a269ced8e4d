//! V10 and V12 of a bundle, and `keepwhole-verify approvals`: what people approved and what the guard cleared.

use std::collections::BTreeMap;
use std::process::Command as Process;

use keepwhole_verify::approval::ApprovalsFile;
use keepwhole_verify::archive::Limits;
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::bundle_manifest::{BundleManifest, FileEntry, Scope, Tool};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::clearance::{self, Clearance, PayloadKind, Redemption};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::json::Value;
use keepwhole_verify::note::{Ed25519Signer, Note, NoteSigner as _};
use keepwhole_verify::report::Outcome;
use keepwhole_verify::trust::Trust;

use crate::approvals::good;
use crate::authenticator::{ORIGIN, RP_ID, devices, draft, intent, roster};

const LOG: &str = "exchange.example/keepwhole";

fn key(role: &str, seed: u8) -> Ed25519Signer {
    Ed25519Signer::new(&format!("{LOG}{role}"), &[seed; 32]).unwrap()
}

type Files = BTreeMap<String, String>;

/// Outcome of the stage, and all it says.
fn stage(code: &str, files: &Files, lines: &str) -> (Outcome, String) {
    let (log, bundle) = (key("", 1), key("/bundle", 2));
    let head = Checkpoint::new(LOG, 1000, Digest::of(b"root")).unwrap();
    let mut all = files.clone();
    all.insert(
        "log/checkpoint".to_owned(),
        head.sign(&[&log]).unwrap().to_string(),
    );
    let manifest = BundleManifest {
        bundle_id: "b-1".to_owned(),
        origin: LOG.to_owned(),
        created: "2026-11-23T00:00:00Z".to_owned(),
        scope: Scope {
            from: 0,
            to: 0,
            subjects: Vec::new(),
        },
        confidential: false,
        tree_size: 1000,
        root: head.root(),
        tool: Tool {
            name: "test".to_owned(),
            version: "1".to_owned(),
            source_sha256: [0; 32],
        },
        omitted: Vec::new(),
        files: all
            .iter()
            .map(|(path, text)| FileEntry {
                path: path.clone(),
                size: u64::try_from(text.len()).unwrap(),
                sha256: *Digest::of(text.as_bytes()).as_bytes(),
            })
            .collect(),
    };
    let text = manifest.to_text();
    let note = Note::sign(&manifest.note_text(&text), &[&bundle]).unwrap();
    all.insert("manifest.note".to_owned(), note.to_string());
    all.insert("manifest.json".to_owned(), text);
    let trust = format!(
        "log {}\nquorum none\nbundle {}\n{lines}",
        log.key(),
        bundle.key()
    );
    let trust = Trust::parse("trust.txt", &trust).unwrap();
    let source = all
        .iter()
        .map(|(path, text)| (path.clone(), text.as_bytes()));
    let report = verify_bundle(
        &Source::Folder(source.collect()),
        Some(&trust),
        true,
        Limits::default(),
    );
    let stage = report
        .stages
        .iter()
        .find(|stage| stage.code == code)
        .unwrap();
    let finding = &stage.finding;
    let says = [&finding.says[..], &finding.not_proven].concat().join("\n");
    (finding.outcome, says)
}

fn approvals() -> ApprovalsFile {
    let [ana, bo, ..] = devices();
    good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)])
}

fn sites() -> String {
    let digest = roster().digest();
    format!("rp-id {RP_ID}\nweb-origin {ORIGIN}\nroster {digest}\n")
}

fn approved(file: &ApprovalsFile) -> Files {
    [
        ("approvals/500.json".to_owned(), file.to_text()),
        ("roster/100.json".to_owned(), roster().to_text()),
    ]
    .into()
}

#[test]
fn approvals_of_a_bundle() {
    let all = approved(&approvals());
    let (outcome, says) = stage("V10", &all, &sites());
    assert_eq!(outcome, Outcome::Pass, "{says}");
    assert!(
        says.starts_with("1 proposals were approved by 2 assertions"),
        "{says}"
    );
    assert_eq!(stage("V10", &Files::new(), &sites()).0, Outcome::NotPresent);
    assert_eq!(stage("V10", &all, "").0, Outcome::NotRun, "whose site?");
    let no_roster = format!("rp-id {RP_ID}\nweb-origin {ORIGIN}\n");
    let (outcome, says) = stage("V10", &all, &no_roster);
    assert_eq!(outcome, Outcome::Pass);
    assert!(
        says.contains("That the rosters are the real ones"),
        "{says}"
    );

    type Edit = fn(&mut Files);
    let cases: [(&str, Edit, &str); 8] = [
        (
            "an answer for another command",
            |all| {
                edit(
                    all,
                    "approvals/500.json",
                    "\\\"memo\\\":\\\"\\\"",
                    "\\\"memo\\\":\\\"x\\\"",
                );
            },
            "`approvals/500.json`: `approvals[0]`: the challenge is not the one",
        ),
        (
            "an answer left out",
            |all| {
                let mut file = approvals();
                file.approvals.pop();
                all.insert("approvals/500.json".to_owned(), file.to_text());
            },
            "`too_few_people`",
        ),
        (
            "another name",
            |all| {
                rename(all, "approvals/501.json");
            },
            "is not called after the entry that asked, 500",
        ),
        (
            "the same command proposed again",
            |all| {
                let mut file = approvals();
                file.proposal = "p-2".to_owned();
                file.index = 501;
                all.insert("approvals/501.json".to_owned(), file.to_text());
            },
            "`approvals/501.json`: `approvals[0]`: the nonce was used",
        ),
        (
            "beyond the log",
            |all| {
                edit(all, "approvals/500.json", "\"index\":500", "\"index\":1000");
                rename(all, "approvals/1000.json");
            },
            "beyond the log",
        ),
        (
            "before the first roster",
            |all| {
                edit(all, "approvals/500.json", "\"index\":500", "\"index\":99");
                rename(all, "approvals/99.json");
            },
            "no roster was in force at entry 99",
        ),
        (
            "a roster that the reader does not know",
            |all| {
                edit(all, "roster/100.json", "\"version\":3", "\"version\":4");
            },
            "none of the rosters that the trust file names",
        ),
        (
            "not its format",
            |all| {
                edit(all, "approvals/500.json", "approvals/v1", "approvals/v0");
            },
            "must be `keepwhole/approvals/v1`",
        ),
    ];
    for (what, change, expected) in cases {
        let mut all = all.clone();
        change(&mut all);
        let (outcome, says) = stage("V10", &all, &sites());
        assert_eq!(outcome, Outcome::Fail, "{what}: {says}");
        assert!(says.contains(expected), "{what}: {says}");
    }
}

fn rename(all: &mut Files, to: &str) {
    let text = all.remove("approvals/500.json").unwrap();
    all.insert(to.to_owned(), text);
}

fn edit(all: &mut Files, path: &str, from: &str, to: &str) {
    let text = all.get_mut(path).unwrap();
    let new = text.replacen(from, to, 1);
    assert_ne!(new, *text, "`{from}` is not in `{path}`");
    *text = new;
}

/// A withdrawal's line of 2026-11-18 (UTC).
#[derive(Clone)]
struct Cleared {
    intent: Intent,
    clearance: Clearance,
    at: Option<u64>,
    guard: u8,
}

fn cleared() -> Cleared {
    Cleared {
        intent: intent(),
        clearance: Clearance {
            attempt: 1,
            build: Digest::from_bytes([0x22; 32]),
            conflict_key: "eip155:1/0x1111111111111111111111111111111111111111/7".to_owned(),
            expires: 1_795_000_060,
            intent: intent().digest(),
            key: "hot-1/2026-1".to_owned(),
            payload_kind: PayloadKind::EvmTx,
            policy: Digest::from_bytes([0x33; 32]),
            signing_digest: [0x44; 32],
            total_fee: 1_000_000_000_000_000,
        },
        at: Some(1_795_000_010),
        guard: 9,
    }
}

impl Cleared {
    fn line(&self) -> String {
        let guard = key("/guard", self.guard);
        let sign = |text: &str| Value::Text(clearance::sign(text, &guard).unwrap());
        let mut members = vec![
            ("clearance", Value::Text(self.clearance.to_text())),
            ("clearance_signature", sign(&self.clearance.sign_text())),
            ("intent", Value::Text(self.intent.to_text())),
        ];
        if let Some(at) = self.at {
            let redemption = Redemption {
                at,
                clearance: self.clearance.digest(),
                signer: "signer-1".to_owned(),
            };
            members.push(("redemption", Value::Text(redemption.to_text())));
            members.push(("redemption_signature", sign(&redemption.sign_text())));
        }
        Value::object(members).to_canonical() + "\n"
    }
}

const DAY: &str = "clearances/2026-11-18.jsonl";

fn day(lines: &[Cleared]) -> Files {
    let text: String = lines.iter().map(Cleared::line).collect();
    [(DAY.to_owned(), text)].into()
}

#[test]
fn clearances_of_a_bundle() {
    let guard = format!("guard {}\n", key("/guard", 9).key());
    let answer = |files: &Files| stage("V12", files, &guard);
    let (outcome, says) = answer(&day(&[cleared()]));
    assert_eq!(outcome, Outcome::Pass, "{says}");
    assert!(
        says.contains("the 1 withdrawals without an approvals file"),
        "{says}"
    );
    let mut both = day(&[cleared()]);
    both.extend(approved(&approvals()));
    let (outcome, says) = answer(&both);
    assert_eq!(outcome, Outcome::Pass, "{says}");
    assert!(
        says.contains("the 0 withdrawals without an approvals file"),
        "{says}"
    );
    assert_eq!(answer(&Files::new()).0, Outcome::NotPresent);
    let (outcome, says) = stage("V12", &day(&[cleared()]), "");
    assert_eq!(outcome, Outcome::NotRun);
    assert!(
        says.contains("has no line `guard exchange.example/keepwhole/guard+"),
        "{says}"
    );

    let with = |change: &dyn Fn(&mut Cleared)| {
        let mut line = cleared();
        change(&mut line);
        line
    };
    let second = |change: &dyn Fn(&mut Cleared)| {
        with(&|line| {
            line.clearance.attempt = 2;
            line.clearance.signing_digest = [0x45; 32];
            change(line);
        })
    };
    // A fee bump: the same conflict key.
    let (outcome, says) = answer(&day(&[cleared(), second(&|_| ())]));
    assert_eq!(outcome, Outcome::Pass, "{says}");
    let other = |line: &mut Cleared| {
        line.intent.id = "w-2".to_owned();
        line.clearance.intent = line.intent.digest();
    };
    let cases: Vec<(&str, Vec<Cleared>, &str)> = vec![
        (
            "another key",
            vec![with(&|line| line.guard = 8)],
            "(`other_key`)",
        ),
        (
            "another intent",
            vec![with(&|line| line.intent.amount += 1)],
            "(`other_intent`)",
        ),
        (
            "a fee above the cap",
            vec![with(&|line| line.clearance.total_fee = u128::MAX)],
            "(`fee_above_cap`)",
        ),
        (
            "redeemed after expiry",
            vec![with(&|line| line.at = Some(1_795_000_060))],
            "(`expired`)",
        ),
        (
            "another day",
            vec![with(&|line| {
                line.clearance.expires += 86_400;
                line.at = Some(1_795_046_400);
            })],
            "on another day",
        ),
        (
            "two intents",
            vec![
                cleared(),
                second(&|line| {
                    line.intent.amount = 1;
                    line.clearance.intent = line.intent.digest();
                }),
            ],
            "withdrawal `w-1` has two intents",
        ),
        (
            "an attempt twice",
            vec![cleared(), second(&|line| line.clearance.attempt = 1)],
            "attempt 1 of withdrawal `w-1` was cleared twice",
        ),
        (
            "an attempt twice, neither redeemed",
            vec![
                with(&|line| line.at = None),
                second(&|line| {
                    line.clearance.attempt = 1;
                    line.at = None;
                }),
            ],
            "attempt 1 of withdrawal `w-1` was cleared twice",
        ),
        (
            "a clearance twice",
            vec![cleared(), cleared()],
            "was cleared twice",
        ),
        (
            "two nonces",
            vec![
                cleared(),
                second(&|line| line.clearance.conflict_key += "8"),
            ],
            "both may land",
        ),
        (
            "one nonce for two",
            vec![cleared(), with(&other)],
            "was used for two withdrawals",
        ),
    ];
    for (what, lines, expected) in cases {
        let (outcome, says) = answer(&day(&lines));
        assert_eq!(outcome, Outcome::Fail, "{what}: {says}");
        assert!(says.contains(expected), "{what}: {says}");
    }
    let mut wrong = day(&[with(&|line| line.intent.amount += 1)]);
    edit(
        &mut wrong,
        DAY,
        "1250000000000000001",
        "1250000000000000000",
    );
    assert_eq!(answer(&wrong).0, Outcome::Pass, "edited back");
    let mut other_intent = day(&[with(&|line| {
        line.intent.amount = 1;
        line.clearance.intent = line.intent.digest();
    })]);
    other_intent.extend(approved(&approvals()));
    let (outcome, says) = answer(&other_intent);
    assert_eq!(outcome, Outcome::Fail);
    assert!(
        says.contains("another intent than the one that was approved"),
        "{says}"
    );
    for name in [
        "2026-11-31",
        "2026-02-29",
        "26-11-18",
        "2026-13-01",
        "1969-12-31",
        "2026-11-18-1",
    ] {
        let files = [(format!("clearances/{name}.jsonl"), cleared().line())].into();
        let (outcome, says) = answer(&files);
        assert_eq!(outcome, Outcome::Fail, "{name}");
        assert!(says.contains("is not named by a day"), "{name}: {says}");
    }
    let cut = [(DAY.to_owned(), cleared().line().trim_end().to_owned())].into();
    assert!(answer(&cut).1.contains("the last line has no end"));
}

#[test]
fn the_small_program_checks_one_file() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../targets/corpus");
    let (file, people) = (
        format!("{corpus}/approvals_file/good-two-people"),
        format!("{corpus}/roster/good-five-people"),
    );
    let run = |arguments: &[&str]| {
        let base = [
            "approvals",
            &file,
            "--roster",
            &people,
            "--rp-id",
            RP_ID,
            "--web-origin",
            ORIGIN,
        ];
        let output = Process::new(env!("CARGO_BIN_EXE_keepwhole-verify"))
            .args(base)
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("APPROVED\n"), "{text}");
    for words in [
        "4904fefbfee26892bce604e7b1ffbaea586892a15beec2ec2d85e3cec7caefc8",
        "approved by ana as risk",
        "approved by bo as treasury",
        "give `--now` and `--ttl`",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let moment = ["--now", "1794990140", "--ttl", "3600"];
    assert_eq!(run(&moment).0, Some(0));
    let (code, text) = run(&["--now", "1794993740", "--ttl", "3600"]);
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("NOT APPROVED: `2` people are needed, `0` approved"),
        "{text}"
    );
    let (code, text) = run(&["--least", "3:risk", "--json"]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains(r#""approved":false"#) && text.contains("quorum_below_least"),
        "{text}"
    );
    for (arguments, says) in [
        (&["--now", "1"][..], "`--now` and `--ttl` stand together"),
        (&["--now", "soon"], "`soon` is no number of seconds"),
        (&["--least", "two"], "`two` is no quorum"),
        (&["--sure"], "unknown option `--sure`"),
        (&["again"], "`again` is a second one"),
        (&["--roster", "none.json"], "can't read `none.json`"),
    ] {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(says), "{says}: {text}");
    }
}
