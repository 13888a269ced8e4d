//! One broken file per reject rule and way to break it, and one doubtful file per warning; `law/check.py`, written
//! apart, must refuse the same files by the same rule.

use std::path::Path;
use std::process::Command;

use keepwhole::law::{Load, SourceFile, load};
use keepwhole_core::law::Day;

use super::broken::all;
use super::{GOOD, changed, file};

fn load_one(text: &str) -> Load {
    load(&[file(text)], Day::parse("2026-11-22"))
}

#[test]
fn the_unbroken_file_is_accepted_without_a_doubt() {
    let law = load_one(GOOD);
    assert_eq!((law.refusals, law.warnings), (vec![], vec![]));
    assert_eq!(law.set.rules().len(), 4);
}

#[test]
fn each_broken_file_is_refused_whole_by_its_rule() {
    for case in all() {
        let law = load_one(&case.text());
        let reasons: Vec<String> = law.refusals.iter().map(ToString::to_string).collect();
        let hit = law.refusals.iter().any(|refusal| {
            refusal.rule == case.rule
                && refusal.to_string().contains(case.says)
                && !refusal.fix.is_empty()
        });
        assert!(
            hit,
            "rule {} did not say `{}`: {reasons:#?}",
            case.rule, case.says
        );
        assert_eq!(
            law.set.rules().len(),
            0,
            "a refused file leaves no rule behind: {}",
            case.says
        );
        assert!(!law.files[0].accepted);
    }
    let covered: std::collections::BTreeSet<u8> = all().map(|case| case.rule).collect();
    assert!(
        covered.into_iter().eq(1..=11),
        "every reject rule has a case"
    );
}

#[test]
fn check_py_refuses_the_same_files_by_the_same_rule() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("SKIPPED: check_py_refuses_the_same_files_by_the_same_rule (no python3)");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../law/check.py");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&script, folder.path().join("check.py")).unwrap();
    let output = |text: &str| {
        std::fs::write(folder.path().join("kr.toml"), text).unwrap();
        let run = Command::new("python3")
            .arg(folder.path().join("check.py"))
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    let good = output(GOOD);
    assert!(good.contains("4 records, 0 rejections"), "{good}");
    for case in all().filter(|case| case.known_to_check_py) {
        let said = output(&case.text());
        assert!(
            said.contains(&format!("REJECT rule {}:", case.rule)),
            "{} `{}`: {said}",
            case.rule,
            case.says
        );
    }
}

#[test]
fn every_reason_is_listed_with_its_line_and_record() {
    let text = changed("area = \"fine\"", "area = \"fines\"").replacen(
        "rate_bp = 1_000",
        "rate_bp = 0.5",
        1,
    );
    let law = load_one(&text);
    let said: Vec<String> = law.refusals.iter().map(ToString::to_string).collect();
    let line = |needle: &str| text.lines().position(|line| line.contains(needle)).unwrap() + 1;
    assert_eq!(said.len(), 2, "one mistake, one reason: {said:#?}");
    let float = format!(
        "kr.toml:{}: record `kr-test-bill`: float `0.5` in `rate_bp` (reject rule 7); ",
        line("0.5")
    );
    assert!(
        said.iter().any(|reason| reason.starts_with(&float)),
        "{said:#?}"
    );
    let list = format!(
        "kr.toml:{}: record `kr-test-fine-old`: `area` = `fines`",
        line("\"fines\"")
    );
    assert!(
        said.iter().any(|reason| reason.starts_with(&list)),
        "{said:#?}"
    );
}

#[test]
fn a_refused_file_does_not_take_the_others_with_it() {
    let other = GOOD
        .replace("kr-test", "jp-test")
        .replace("\"KR\"", "\"JP\"")
        .replace("Seoul", "Tokyo");
    let other = SourceFile {
        name: "jp.toml".into(),
        bytes: other.into(),
    };
    let law = load(
        &[file(&changed("due_hours = 24", "due_hours = 2.4")), other],
        None,
    );
    assert_eq!(
        law.files
            .iter()
            .map(|file| file.accepted)
            .collect::<Vec<_>>(),
        [false, true]
    );
    assert!(law.set.rules().keys().all(|id| id.starts_with("jp-")));
    assert_eq!(law.set.rules().len(), 4);
    assert_eq!(
        law.refusals.len(),
        1,
        "one mistake, one reason: {:?}",
        law.refusals
    );
    // An id that two files use is refused where it comes the second time.
    let again = SourceFile {
        name: "zz.toml".into(),
        bytes: GOOD.into(),
    };
    let law = load(&[file(GOOD), again], None);
    assert_eq!(law.refusals.len(), 4);
    assert!(
        law.refusals
            .iter()
            .all(|refusal| refusal.file == "zz.toml" && refusal.rule == 3)
    );
    assert_eq!(law.set.rules().len(), 4);
}

#[test]
fn may_exceed_whole_is_honoured() {
    let law = load_one(&changed(
        "rate_permille = 30",
        "rate_permille = 1500\nmay_exceed_whole = true",
    ));
    assert_eq!(law.refusals, []);
}

#[test]
fn each_warning_is_given_and_loads_all_the_same() {
    let rows = [
        (
            "confidence = \"mirror\"",
            "confidence = \"not_rechecked\"",
            "not checked against a text",
        ),
        (
            "due_hours = 24",
            "due_hours = 24\neffective_day_checked = false",
            "first day was not seen",
        ),
        (
            "effective_to = 2026-09-30\nsuperseded_by = \"kr-test-fine-new\"",
            "effective_to = 2026-09-30",
            "nothing takes over",
        ),
    ];
    for (from, to, says) in rows {
        let law = load_one(&changed(from, to));
        assert_eq!(law.refusals, [], "{says}");
        assert_eq!(law.warnings.len(), 1, "{says}");
        assert!(law.warnings[0].reason.contains(says), "{}", law.warnings[0]);
        assert_eq!(law.set.rules().len(), 4);
    }
    let after = |day: &str| load(&[file(GOOD)], Day::parse(day)).warnings;
    assert_eq!(after("2027-05-21"), [], "180 days are not old");
    assert!(after("2027-05-22")[0].to_string().contains("181 days old"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let law = load(
        &[SourceFile {
            name: "kr.toml".into(),
            bytes: vec![0x66, 0xff],
        }],
        None,
    );
    assert_eq!(
        law.refusals[0].to_string(),
        "kr.toml: not UTF-8 at byte 1 (reject rule 1); save the file as UTF-8"
    );
}

#[test]
fn criteria_files_are_checked_lightly() {
    let good = "schema = \"keepwhole-criteria/1\"\nstandard = \"X\"\n[[criterion]]\nid = \"1\"\nevidence = \"manual\"\n";
    let rows = [
        (format!("{good}[[criterion]]\nid = \"1\"\n"), 3),
        (format!("{good}[[criterion]]\ntitle = \"no id\"\n"), 3),
        (format!("{good}weight = 0.5\n"), 7),
    ];
    for (text, rule) in rows {
        let law = load_one(&text);
        assert_eq!(
            law.refusals
                .iter()
                .map(|refusal| refusal.rule)
                .collect::<Vec<_>>(),
            [rule]
        );
        assert_eq!(law.criteria, []);
    }
    let law = load_one(&good.replace("[[", "[count]\nmanual = 2\n[["));
    assert_eq!(law.refusals, []);
    assert!(
        law.warnings[0].reason.contains("differs from the 1 listed"),
        "{}",
        law.warnings[0]
    );
}
