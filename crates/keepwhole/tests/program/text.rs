//! Both languages say everything, and numbers are said exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use keepwhole::text::{
    Amount, Asset, Lang, count, day_of_date, decimal, lookup, ratio_percent, rfc3339, seoul,
    seoul_date, seoul_day, seoul_day_start, short_krw, span,
};
use proptest::prelude::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Keys of one language with the variables that each uses.
fn catalogue(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&root().join("locales").join(lang.tag()), ".ftl") {
        let mut current = String::new();
        for line in fs::read_to_string(&file)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            if line.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                current = line.split(" =").next().unwrap().to_owned();
                assert!(
                    keys.insert(current.clone(), BTreeSet::new()).is_none(),
                    "`{current}` stands twice"
                );
            }
            for part in line.split('$').skip(1) {
                let name: String = part
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                // Plural forms are a matter of each language.
                if name != "form" {
                    keys.get_mut(&current).unwrap().insert(name);
                }
            }
        }
    }
    keys
}

#[test]
fn both_languages_have_every_key_with_the_same_variables() {
    let (korean, english) = (catalogue(Lang::Ko), catalogue(Lang::En));
    let keys =
        |held: &BTreeMap<String, BTreeSet<String>>| held.keys().cloned().collect::<BTreeSet<_>>();
    let (ko, en) = (keys(&korean), keys(&english));
    assert!(
        ko.is_subset(&en),
        "not in English: {:?}",
        ko.difference(&en).collect::<Vec<_>>()
    );
    assert!(
        en.is_subset(&ko),
        "not in Korean: {:?}",
        en.difference(&ko).collect::<Vec<_>>()
    );
    for (key, variables) in &korean {
        assert_eq!(
            Some(variables),
            english.get(key),
            "`{key}` uses other variables in the other language"
        );
    }
}

#[test]
fn every_key_is_compiled_in_and_says_something() {
    for lang in Lang::ALL {
        for (key, variables) in catalogue(lang) {
            let mut arguments: Vec<(&'static str, String)> = vec![("form", "other".to_owned())];
            for name in variables {
                arguments.push((Box::leak(name.into_boxed_str()), "7".to_owned()));
            }
            let said = lookup(lang, &key, &arguments);
            assert!(
                !said.contains('⟦') && !said.contains("{$") && !said.trim().is_empty(),
                "{} {key}: {said}",
                lang.tag()
            );
        }
    }
    assert_eq!(lookup(Lang::En, "no-such-key", &[]), "⟦no-such-key⟧");
}

#[test]
fn keys_of_the_sources_and_of_the_catalogues_are_the_same() {
    let sources: Vec<String> = files(&root().join("src"), ".rs")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let held = catalogue(Lang::Ko);
    for key in held.keys() {
        let quoted = format!("\"{key}\"");
        assert!(
            sources.iter().any(|text| text.contains(&quoted)),
            "no source uses `{key}`"
        );
    }
    let mut seen = 0;
    for text in &sources {
        for opening in [".t(\"", "Words::key(\"", "Words::key(\n"] {
            for rest in text.split(opening).skip(1) {
                let rest = rest.trim_start().trim_start_matches('"');
                let key = rest.split('"').next().unwrap();
                assert!(
                    held.contains_key(key),
                    "a source uses `{key}`, which no catalogue has"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "the search for keys finds only {seen}");
}

#[test]
fn amounts_are_exact_and_won_is_shortened_beside() {
    let sol = Asset::new("SOL", 9);
    for (units, said) in [
        (0, "0 SOL"),
        (1, "0.000000001 SOL"),
        (1_500_000_000, "1.5 SOL"),
        (1_234_567_000_000_001, "1,234,567.000000001 SOL"),
    ] {
        assert_eq!(Amount::new(units, &sol).exact(), said);
    }
    let taken = Amount::krw(44_480_594_889);
    assert_eq!(
        taken.both(Lang::Ko),
        "44,480,594,889 KRW (약 444억 8,059만 원)"
    );
    assert_eq!(
        taken.both(Lang::En),
        "44,480,594,889 KRW (about 44.48 bn KRW)"
    );
    for (won, ko, en) in [
        (999_999, None, None),
        (1_000_000, None, Some("1 m KRW")),
        (50_000_000, None, Some("50 m KRW")),
        (100_000_000, Some("1억 원"), Some("100 m KRW")),
        (2_300_000_000, Some("23억 원"), Some("2.3 bn KRW")),
        (
            1_730_000_000_000,
            Some("1조 7,300억 원"),
            Some("1,730 bn KRW"),
        ),
    ] {
        assert_eq!(short_krw(won, Lang::Ko).as_deref(), ko, "{won}");
        assert_eq!(short_krw(won, Lang::En).as_deref(), en, "{won}");
    }
    assert_eq!(
        Amount::new(5_000_000_000, &Asset::new("USDC", 6)).short(Lang::Ko),
        None
    );
}

#[test]
fn times_are_shown_in_seoul_with_the_zone() {
    assert_eq!(seoul(1_764_186_120_000), "2025-11-27 04:42:00 KST");
    assert_eq!(seoul(1_764_186_120_007), "2025-11-27 04:42:00.007 KST");
    assert_eq!(rfc3339(1_764_186_120_000), "2025-11-26T19:42:00Z");
    assert_eq!(seoul_date(seoul_day(1_764_186_120_000)), "2025-11-27");
    assert_eq!(seoul_date(seoul_day(1_764_169_199_999)), "2025-11-26");
    assert_eq!(seoul_date(seoul_day(1_764_169_200_000)), "2025-11-27");
    assert_eq!(
        seoul_day_start(seoul_day(1_764_186_120_000)),
        1_764_169_200_000
    );
    assert_eq!(
        day_of_date("2025-11-27"),
        Some(seoul_day(1_764_186_120_000))
    );
    for wrong in [
        "",
        "2025-11-31",
        "27-11-2025",
        "2025-1-1",
        "1969-12-31",
        "2025-11-27T00",
    ] {
        assert_eq!(day_of_date(wrong), None, "{wrong}");
    }
    assert_eq!(seoul(u64::MAX), format!("{} ms", u64::MAX));
    assert_eq!(span(435 * 60_000, Lang::Ko), "7시간 15분");
    assert_eq!(span(2_222 * 60_000, Lang::En), "37 h 2 min");
    assert_eq!(span(73 * 3_600_000, Lang::En), "3 d 1 h");
    assert_eq!(span(999, Lang::Ko), "0초");
    assert_eq!(ratio_percent(999_999, 1_000_000).as_deref(), Some("99.9%"));
    assert_eq!(ratio_percent(1, 0), None);
}

proptest! {
    /// Whatever the amount and the decimals: the digits read back are the units, and groups have three digits.
    #[test]
    fn a_decimal_reads_back_to_its_units(units: u128, decimals in 0_u8..=30) {
        let said = decimal(units, decimals);
        let (whole, part) = said.split_once('.').unwrap_or((&said, ""));
        let mut groups = whole.split(',');
        prop_assert!((1..=3).contains(&groups.next().unwrap().len()));
        prop_assert!(groups.all(|group| group.len() == 3));
        prop_assert!(!part.ends_with('0'));
        let digits = format!("{}{part:0<width$}", whole.replace(',', ""), width = usize::from(decimals));
        prop_assert_eq!(digits.parse::<u128>().unwrap(), units);
    }

    /// The short form never says more than there is, and less by under one of its last places.
    #[test]
    fn short_won_is_cut_off_never_rounded_up(won in 100_000_000_u128..1_000_000_000_000_000_000) {
        let said = short_krw(won, Lang::Ko).unwrap();
        let mut shown = 0;
        for part in said.trim_start_matches("약 ").trim_end_matches(" 원").split(' ') {
            let unit = match part.chars().next_back() {
                Some('조') => 1_000_000_000_000,
                Some('억') => 100_000_000,
                _ => 10_000,
            };
            shown += unit * part.trim_end_matches(['조', '억', '만']).replace(',', "").parse::<u128>().unwrap();
        }
        prop_assert!(shown <= won && won - shown < 10_000);
        prop_assert_eq!(said.starts_with('약'), shown != won);
    }

    #[test]
    fn counts_read_back(number: u64) {
        prop_assert_eq!(count(u128::from(number)).replace(',', "").parse::<u64>().unwrap(), number);
    }
}
