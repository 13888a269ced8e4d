//! Every reason has one row in `denials.txt`, in the order in which reasons win, and is provoked there by commands.
//!
//! A row is `code | effect | story | steps`. All rows of one story happen to one exchange, one after the other: the first
//! asks for something with everything wrong with it, and each further row mends one thing and meets the next reason.

use crate::exchange::code;
use crate::judging::ruled;
use crate::script::Reader;
use keepwhole_core::guard::Standing;
use keepwhole_core::reason::{Effect, Reason};
use std::collections::BTreeMap;

const TABLE: &str = include_str!("denials.txt");

struct Row<'t> {
    line: usize,
    code: &'t str,
    effect: &'t str,
    story: &'t str,
    steps: &'t str,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let lines = table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    let read = lines.map(|(at, line)| {
        let cells: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
        let [code, effect, story, steps] = cells[..] else {
            panic!("denials.txt:{}: four cells are needed", at + 1);
        };
        Row {
            line: at + 1,
            code,
            effect,
            story,
            steps,
        }
    });
    read.collect()
}

#[test]
fn every_reason_has_one_row_in_order_of_precedence() {
    let codes: Vec<&str> = rows(TABLE).iter().map(|row| row.code).collect();
    assert_eq!(
        codes,
        Reason::CODES,
        "one row per reason, in the order of the enum"
    );
}

fn effect(of: Effect) -> &'static str {
    match of {
        Effect::Hold => "hold",
        Effect::Deny => "deny",
        Effect::Refuse => "refuse",
        Effect::Reduce => "reduce",
    }
}

/// `docs/denials.md` says the same of every reason as the enum does.
#[test]
fn the_page_of_reasons_has_each_with_its_effect() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/denials.md");
    let text = std::fs::read_to_string(path).unwrap();
    let on_page: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[2].trim_matches('`'), cells[3])
        })
        .collect();
    let in_table: Vec<(&str, &str)> = rows(TABLE)
        .iter()
        .map(|row| (row.code, row.effect))
        .collect();
    assert_eq!(on_page, in_table);
}

/// The reason of the last step: of its reply, or of the request that it named.
fn reason_of(
    reader: &Reader,
    reply: &keepwhole_core::answer::Reply,
    target: Option<&str>,
) -> Option<Reason> {
    reply.answer.reason().cloned().or_else(|| {
        let guard = &reader.exchange.state.guard;
        let request = guard.request(target?).map(|(_, request)| &request.standing);
        let change = guard.proposal(target?).map(|(_, change)| &change.standing);
        match request.or(change)? {
            Standing::Held(reason) | Standing::Denied(reason) => Some(reason.clone()),
            Standing::Cleared | Standing::Lapsed => None,
        }
    })
}

#[test]
fn every_reason_is_met_when_all_that_wins_over_it_is_mended() {
    let mut stories: BTreeMap<&str, Reader> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows(TABLE) {
        let reader = stories.entry(row.story).or_insert_with(|| match row.story {
            "rules" => Reader::under(ruled()),
            _ => Reader::new(),
        });
        let (reply, id) = reader.run(row.steps);
        let target = row.steps.rsplit(';').next().and_then(|step| {
            step.split_whitespace()
                .find_map(|word| word.strip_prefix("target="))
        });
        // A row's reason is met inside the row, but for the row itself.
        let reason = reason_of(reader, &reply, target.or(id.as_deref())).map(|reason| {
            if row.code == "row" {
                reason
            } else {
                reason.inner().clone()
            }
        });
        let got = reason.as_ref().map_or_else(|| code(&reply), Reason::code);
        let does = reason.as_ref().map_or("", |reason| effect(reason.effect()));
        if (got, does) != (row.code, row.effect) {
            wrong.push(format!(
                "denials.txt:{}: `{}` ({}) is meant, `{got}` ({does}) came: {reason:?}",
                row.line, row.code, row.effect
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
