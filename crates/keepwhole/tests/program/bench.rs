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
fn an_import_is_held_against_its_parser_and_a_batch_against_single_requests() {
    let reports = measured(&["import", "feed"]);
    let ratios = |report: &Value| -> Vec<(String, String, u64)> {
        let figures = report["figures"].as_array().unwrap().iter();
        let text = |figure: &Value, name: &str| figure[name].as_str().unwrap().to_owned();
        figures
            .filter_map(|figure| {
                let ratio = figure["keepwhole_to_it_permille"].as_u64()?;
                Some((text(figure, "case"), text(figure, "who"), ratio))
            })
            .collect()
    };
    for form in ["CSV", "NDJSON", "Parquet"] {
        for passes in ["one pass", "two passes"] {
            let case = format!("{form}, {passes}");
            let alone = ratios(&reports[0])
                .into_iter()
                .find(|(found, who, _)| *found == case && who == "parser alone");
            assert!(alone.is_some_and(|(_, _, ratio)| ratio > 0), "{case}");
        }
    }
    // What was not measured is said.
    let said = reports[0]["notes"].to_string();
    let without = said.contains("without other stores");
    assert_eq!(without, cfg!(not(feature = "peers")), "{said}");
    // Here it is compiled for tests, on a machine that does other things: only that batches help is certain.
    for case in [
        "HTTP, 1,000 a request",
        "feed, 1,000 a request, 16 on the way",
    ] {
        let held = ratios(&reports[1])
            .into_iter()
            .find(|(found, who, _)| found == case && who == "HTTP, 1 a request");
        assert!(held.is_some_and(|(_, _, ratio)| ratio > 1_000), "{case}");
    }
}

#[test]
fn the_guard_is_measured_in_memory_after_a_busy_wallet_and_over_http() {
    let reports = measured(&["guard"]);
    let figures = reports[0]["figures"].as_array().unwrap();
    let of = |case: &str, who: &str| {
        let found = figures.iter().find(|figure| {
            figure["case"] == case && figure["who"].as_str().unwrap().starts_with(who)
        });
        found.map(|figure| figure["median"].as_u64().unwrap())
    };
    for case in [
        "judged",
        "judged, p50 (less is better)",
        "judged, p99 (less is better)",
        "decided",
        "decided, p99 (less is better)",
        "kept",
        "judged, after 1,000 of one wallet (less is better)",
        "kept, after 1,000 of one wallet (less is better)",
        "a clearance lapsed, after 1,000 of one wallet (less is better)",
        "HTTP, 64 clients",
        "HTTP, 64 clients, p99 (less is better)",
    ] {
        assert!(
            of(case, "keepwhole").is_some_and(|figure| figure > 0),
            "{case}"
        );
    }
    let constant = "the same server, a constant";
    assert!(of("HTTP, 64 clients", constant).is_some());
    // Each of the four outcomes is among the answers that are counted, but the one that nothing asks for.
    let said = reports[0]["notes"].to_string();
    assert!(said.contains("the rules clear"), "{said}");
}
