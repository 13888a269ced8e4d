//! `keepwhole bench` measures what it says, in a form that programs can read.

use crate::cli::run;
use serde_json::Value;

fn measured(subjects: &[&str]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let options = [
        "--dir",
        &place,
        "--rounds",
        "2",
        "--events",
        "20000",
        "--movements",
        "20000",
        "--customers",
        "2400",
        "--json",
    ];
    let done = run(
        dir.path(),
        &[&["bench"][..], subjects, &options[..]].concat(),
    );
    assert_eq!(done.code, 0, "{}", done.err);
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "the folder of the measurement is gone");
    let reports: Vec<Value> = serde_json::from_str(&done.out).unwrap();
    assert_eq!(reports.len(), subjects.len());
    reports
}

#[test]
fn every_figure_has_its_spread_and_others_are_held_against_ours() {
    let reports = measured(&["replay", "asof", "attribution", "proof", "ready"]);
    for report in &reports {
        let figures = report["figures"].as_array().unwrap();
        assert!(!figures.is_empty(), "{report}");
        for figure in figures {
            let [low, middle, high] =
                ["min", "median", "max"].map(|name| figure[name].as_u64().unwrap());
            assert!(low <= middle && middle <= high, "{figure}");
            let ours = figure["who"].as_str().unwrap().starts_with("keepwhole");
            assert_eq!(
                ours,
                figure["keepwhole_to_it_permille"].is_null(),
                "{figure}"
            );
        }
    }
    let extrapolated = reports[3]["figures"].to_string();
    assert!(extrapolated.contains("(extrapolated)"), "{extrapolated}");
}

#[test]
fn what_was_not_measured_is_said() {
    let reports = measured(&["import"]);
    assert_eq!(reports[0]["figures"].as_array().map(Vec::len), Some(0));
    assert!(
        reports[0]["notes"][0]
            .as_str()
            .unwrap()
            .starts_with("not measured")
    );
}
