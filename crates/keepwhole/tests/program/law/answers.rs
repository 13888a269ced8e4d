//! What `law list`, `law show` and `law at` answer, and their exit codes.

use clap::Parser;
use keepwhole::cli::law::{LawArgs, run};
use keepwhole::law::{LawFilter, Load, SourceFile, at, list, load, show};
use keepwhole_core::law::{Area, Day, Standing, Status};

use super::changed;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    law: LawArgs,
}

fn shipped() -> Load {
    load(&SourceFile::shipped(), None)
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn exit(arguments: &[&str]) -> u8 {
    let all = std::iter::once("law").chain(arguments.iter().copied());
    match Cli::try_parse_from(all) {
        Ok(cli) => run(&cli.law),
        Err(cause) => u8::try_from(cause.exit_code()).unwrap(),
    }
}

#[test]
fn a_list_is_filtered_and_shows_source_status_and_confidence() {
    let law = shipped();
    let filter = LawFilter {
        jurisdiction: Some("kr".into()),
        area: Some(Area::Fine),
        status: Some(Status::Proposed),
    };
    let found = list(&law, &filter, day("2026-11-22"));
    let ids: Vec<&str> = found.rows.iter().map(|row| row.rule.id.as_str()).collect();
    assert!(
        ids.contains(&"kr-proposed-fine-3pct") && ids.contains(&"kr-proposed-fine-10pct-hacked"),
        "{ids:?}"
    );
    assert!(
        found
            .rows
            .iter()
            .all(|row| row.rule.area == Area::Fine && row.rule.jurisdiction == "KR")
    );
    let text = found.to_text();
    assert!(
        text.starts_with(&format!("{} rules, 0 binding on 2026-11-22", ids.len())),
        "{text}"
    );
    for word in [
        "proposed, not law",
        "(press)",
        "Chosun",
        "| kr-proposed-fine-10pct-hacked ",
    ] {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    let json = found.to_json();
    for rule in json["rules"].as_array().unwrap() {
        assert_eq!(rule["binding"], false);
        assert_eq!(rule["status"], "proposed");
        assert!(!rule["source"].as_str().unwrap().is_empty());
        assert!(!rule["confidence"].as_str().unwrap().is_empty());
    }
    let all = list(&law, &LawFilter::default(), day("2026-11-22"));
    assert_eq!(all.rows.len(), 202);
    assert!(
        all.to_text()
            .lines()
            .all(|line| line.chars().count() <= 140 || line.starts_with("warning"))
    );
}

#[test]
fn one_rule_is_shown_in_full() {
    let law = shipped();
    let text = show(&law, "kr-fss-incident-report", day("2026-11-22"))
        .unwrap()
        .to_text();
    for part in [
        "stands          binding (on 2026-11-22)",
        "limit           1 business day from became aware (kr calendar)",
        "checked         press",
        "parameter       due_business_days = 1",
        "warning         live clock whose first day was not seen in the law",
        "record SHA-256  ",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let fine = show(&law, "kr-vaupa-admin-fine", day("2026-11-22")).unwrap();
    assert!(fine.to_text().contains("cap_krw = 100,000,000"));
    let rule = &fine.to_json()["rules"][0];
    assert_eq!(
        rule["parameters"]["cap_krw"], "100000000",
        "amounts are decimal strings"
    );
    assert_eq!(rule["sha256"].as_str().unwrap().len(), 64);
    let form = show(&law, "kr-vaupa-block-fsc-report", day("2026-11-22"))
        .unwrap()
        .to_text();
    assert!(
        form.contains("immediately from decided to block, no number"),
        "{form}"
    );
    let missing = show(&law, "kr-na-user-notice-2026", day("2026-11-22"))
        .unwrap()
        .to_text();
    assert!(
        missing.contains("no clock: a text that fixes it is missing"),
        "{missing}"
    );
}

#[test]
fn an_unknown_id_names_the_nearest() {
    let law = shipped();
    let nearest = |id: &str| show(&law, id, day("2026-11-22")).unwrap_err();
    assert_eq!(
        nearest("kr-na-incident-24").nearest[0],
        "kr-na-incident-24h"
    );
    assert_eq!(
        nearest("KR-NA-INCIDENT-24H").nearest[0],
        "kr-na-incident-24h"
    );
    assert_eq!(
        nearest("kr-na-inciednt-24h").nearest[0],
        "kr-na-incident-24h"
    );
    assert_eq!(
        nearest("zzz").to_string(),
        "no rule `zzz`; see `keepwhole law list`"
    );
    let said = nearest("reserve-floor").to_string();
    assert!(
        said.contains("did you mean `kr-vaupa-reserve-floor-coin`, `kr-vaupa-reserve-floor-krw`"),
        "{said}"
    );
}

#[test]
fn a_day_has_its_own_law() {
    let law = shipped();
    let stands = |on: &str, id: &str| {
        let found = at(&law, day(on), Some("KR"));
        assert_eq!(found.rows.len(), 133);
        found
            .rows
            .into_iter()
            .find(|row| row.rule.id == id)
            .unwrap()
            .standing
    };
    let relief = "kr-na-user-relief-2026";
    assert_eq!(
        stands("2025-11-27", relief),
        Standing::EnactedFrom(day("2026-10-01"))
    );
    assert_eq!(stands("2026-10-01", relief), Standing::Binding);
    let found = at(&law, day("2025-11-27"), Some("KR"));
    let binding = found
        .rows
        .iter()
        .take_while(|row| row.standing == Standing::Binding)
        .count();
    assert!(binding > 50, "binding law comes first");
    assert!(
        found.rows[binding..]
            .iter()
            .all(|row| row.standing != Standing::Binding)
    );
    let json = found.to_json();
    let proposed = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["status"] == "proposed");
    assert!(
        proposed.clone().count() == 11 && proposed.clone().all(|rule| rule["binding"] == false)
    );
}

#[test]
fn exit_codes_say_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::write(
        folder.path().join("kr.toml"),
        changed("due_hours = 24", "due_hours = 2.4"),
    )
    .unwrap();
    let rows: Vec<(Vec<&str>, u8)> = vec![
        (vec!["show", "kr-na-incident-24h"], 0),
        (vec!["show", "kr-na-incident-24h", "--json"], 0),
        (vec!["list", "--jurisdiction", "sg", "--area", "records"], 0),
        (vec!["at", "2025-11-27", "--jurisdiction", "HK"], 0),
        (vec!["check"], 0),
        (vec!["check", "--law", path], 1),
        (vec!["list", "--law", path], 1),
        (vec!["show", "kr-na-incident"], 2),
        (vec!["show"], 2),
        (vec!["at", "2025-02-29"], 2),
        (vec!["at", "27.11.2025"], 2),
        (vec!["list", "--jurisdiction", "XX"], 2),
        (vec!["list", "--area", "fines"], 2),
        (vec!["list", "--status", "draft"], 2),
        (vec!["check", "--law", "no such folder"], 2),
    ];
    for (arguments, expected) in rows {
        assert_eq!(exit(&arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_refused_file_is_said_in_every_answer() {
    let broken = SourceFile {
        name: "kr.toml".into(),
        bytes: changed("due_hours = 24", "due_hours = 2.4").into(),
    };
    let law = load(&[broken], None);
    let text = list(&law, &LawFilter::default(), day("2026-11-22")).to_text();
    assert!(text.contains("refused: kr.toml:"), "{text}");
    assert!(text.contains("0 rules"), "{text}");
}
