//! Staff through the real program: three administrators begin, people are enrolled with keys, and what was approved is
//! checked offline from the two exported files.

use crate::cli::{Ran, installed, run};
use crate::staffed::{Answer, Office, SITE, credential_file};
use keepwhole::authority::{rules, rules_text};
use keepwhole_verify::approval::{ApprovalsFile, Command, Decision, Quorum, Rules, Seen, check};
use keepwhole_verify::roster::Roster;
use std::fs;
use std::path::Path;

fn staff(dir: &Path, arguments: &str) -> Ran {
    let mut words = vec!["staff"];
    words.extend(arguments.split_whitespace());
    words.extend(["--data", "ex", "--json"]);
    run(dir, &words)
}

fn done(ran: &Ran) -> serde_json::Value {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.json()
}

/// What the approver client does: reads the command, says yes in a role, and writes the answer.
fn answer(dir: &Path, proposal: &str, name: &str, role: &str, counter: u32) -> String {
    let shown = done(&staff(dir, &format!("show {proposal}")));
    let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
    assert_eq!(shown["digest"], command.digest().to_hex());
    let approval = Answer::yes(&command, (name, role), counter).text();
    let file = format!("{proposal}.{name}.json");
    fs::write(dir.join(&file), approval).unwrap();
    file
}

fn bootstrapped() -> tempfile::TempDir {
    let dir = installed();
    let at = dir.path();
    let mut arguments = format!("bootstrap --approver-site {SITE}=https://{SITE}");
    for name in ["ada", "bea", "cem"] {
        arguments.push_str(&format!(
            " --administrator {name}={}",
            credential_file(at, name)
        ));
    }
    done(&staff(at, &arguments));
    dir
}

#[test]
fn people_are_enrolled_by_two_of_three_and_it_can_be_checked_offline() {
    let dir = bootstrapped();
    let at = dir.path();
    let kim = credential_file(at, "kim");
    let enrol =
        format!("enrol kim --actor ada --id enrol-kim --roles risk,finance --credential {kim}");
    let waits = done(&staff(at, &enrol));
    assert_eq!(waits["reason"], "quorum_short");
    let file = answer(at, "enrol-kim", "ada", "administrator", 1);
    let approve = |file: &str, who: &str| format!("approve enrol-kim {file} --actor {who}");
    // Another person's account can't carry it in.
    staff(at, &approve(&file, "bea")).failed(1, &["credential_of_other"]);
    let held = done(&staff(at, &approve(&file, "ada")));
    assert_eq!(
        (&held["stands"], &held["reason"]),
        (&"held".into(), &"quorum_short".into())
    );
    assert!(
        held["says"].as_str().unwrap().contains("1 persons of 2"),
        "{held}"
    );
    let file = answer(at, "enrol-kim", "bea", "administrator", 1);
    let stands = done(&staff(at, &approve(&file, "bea")));
    assert_eq!(stands["stands"], "cleared");
    assert!(stands["reason"].is_null() && stands["says"].is_null());
    let list = done(&staff(at, "list"));
    let people: Vec<&str> = list["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["account"].as_str().unwrap())
        .collect();
    assert_eq!(people, ["ada", "bea", "cem", "kim"]);
    assert!(list["authority"].as_str().unwrap().starts_with("bootstrap"));
    // The two files are enough for anybody.
    done(&staff(
        at,
        "export-approvals enrol-kim --out approvals.json",
    ));
    done(&staff(at, "export-roster --out roster.json"));
    let file =
        ApprovalsFile::read(&fs::read_to_string(at.join("approvals.json")).unwrap()).unwrap();
    let roster = Roster::read(&fs::read_to_string(at.join("roster.json")).unwrap()).unwrap();
    let checked = Rules {
        rp_ids: &[SITE.into()],
        origins: &[format!("https://{SITE}")],
        least: Some(&Quorum {
            n: 2,
            roles: Default::default(),
        }),
        administrative: true,
        timing: None,
    };
    let granted = check(&file, &roster, &checked, &mut Seen::default()).unwrap();
    assert_eq!(granted.voices.len(), 2);
    let mut forged = file;
    forged.approvals[0].assertion.signature[0] ^= 1;
    assert!(check(&forged, &roster, &checked, &mut Seen::default()).is_err());
}

#[test]
fn wrong_files_and_hasty_plans_are_refused_by_name() {
    let dir = installed();
    let at = dir.path();
    let file = credential_file(at, "ada");
    let one = format!("bootstrap --administrator ada={file} --site a=https://a");
    staff(at, &one).failed(1, &["exactly three administrators"]);
    staff(at, "bootstrap --administrator ada --site a=https://a").failed(2, &["`=` between"]);
    fs::write(
        at.join("bad.json"),
        r#"{"type":"keepwhole/credential/v1","id":"AA"}"#,
    )
    .unwrap();
    staff(
        at,
        "bootstrap --administrator ada=bad.json --site a=https://a",
    )
    .failed(2, &["bad.json", "public_key"]);
    fs::write(at.join("rules.toml"), "version = 1\ncolour = 1\n").unwrap();
    staff(at, &format!("{one} --rules rules.toml")).failed(2, &["rules.toml", "colour"]);
    let weak = "version = 1\n[[quorum]]\nclass = \"withdrawal\"\npersons = 1\namong = [\"risk\"]\n";
    fs::write(at.join("weak.toml"), weak).unwrap();
    staff(at, &format!("{one} --rules weak.toml"))
        .failed(2, &["`withdrawal` asks for 2 to 64 persons, not 1"]);
    let list = done(&staff(at, "list"));
    assert!(list["authority"].as_str().unwrap().starts_with("no rules"));
    staff(at, "show nothing").failed(1, &["nothing called `nothing`"]);
    let bootstrapped = bootstrapped();
    let at = bootstrapped.path();
    let kim = credential_file(at, "kim");
    let enrol = format!("enrol kim --actor nobody --id e1 --roles risk --credential {kim}");
    staff(at, &enrol).failed(1, &["unknown_actor"]);
    let listing = "revoke cem --actor ada --id r1";
    assert_eq!(done(&staff(at, listing))["answer"], "cleared");
    let list = done(&staff(at, "list"));
    assert!(list["people"][2]["suspended"].is_string());
}

/// No file and no flag lets an approval of what raises risk count without an assertion.
#[test]
fn no_file_of_rules_can_switch_assertions_off() {
    let text = "version = 1\n[[quorum]]\nclass = \"withdrawal\"\npersons = 2\namong = [\"risk\"]\nassertions = false\n";
    let refused = rules(text, Vec::new()).unwrap_err().to_string();
    assert!(refused.contains("assertions"), "{refused}");
    let usual = keepwhole_core::authority::rules::Rules::usual(Vec::new());
    for quorum in usual.quorums {
        let stop = quorum.class == keepwhole_core::authority::class::Class::LowerRisk;
        assert_eq!(quorum.assertions, !stop, "{}", quorum.class.code());
    }
}

/// A yes that comes too late says so by its exit code; a no that denies was heard.
#[test]
fn an_answer_that_comes_too_late_ends_with_one() {
    let dir = bootstrapped();
    let at = dir.path();
    let kim = credential_file(at, "kim");
    let enrol =
        format!("enrol kim --actor ada --id enrol-kim --roles risk,finance --credential {kim}");
    done(&staff(at, &enrol));
    let late = answer(at, "enrol-kim", "cem", "administrator", 1);
    let shown = done(&staff(at, "show enrol-kim"));
    assert!(shown["rules"].is_null());
    let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
    let no = Answer {
        decision: Decision::Reject,
        ..Answer::yes(&command, ("bea", "administrator"), 1)
    };
    fs::write(at.join("no.json"), no.text()).unwrap();
    let denied = done(&staff(at, "approve enrol-kim no.json --actor bea"));
    assert_eq!(
        (&denied["stands"], &denied["reason"]),
        (&"denied".into(), &"rejected_by_approver".into())
    );
    staff(at, &format!("approve enrol-kim {late} --actor cem"))
        .failed(1, &["rejected_by_approver"]);
}

/// Whoever approves rules of authority sees them whole, as the file has them.
#[test]
fn proposed_rules_are_shown_as_a_file_of_rules() {
    let dir = installed();
    let at = dir.path();
    crate::staffed::bootstrap(at);
    let office = Office::open(at, 0);
    let mut next = office.state().authority.rules.as_deref().unwrap().clone();
    office.close();
    next.version = 2;
    next.clearers.insert(0, "legal".to_owned());
    fs::write(at.join("next.toml"), rules_text(&next)).unwrap();
    let proposed = done(&staff(at, "rules next.toml --actor ada --id rules-2"));
    assert_eq!(proposed["answer"], "held", "{proposed}");
    let shown = done(&staff(at, "show rules-2"));
    let text = shown["rules"].as_str().unwrap();
    assert!(text.contains("clearers = [\"legal\", "), "{text}");
    assert_eq!(rules(text, Vec::new()).unwrap(), next);
}
