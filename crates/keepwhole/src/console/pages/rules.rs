//! Proposed rules of authority beside those in force.

use maud::{Markup, html};

use super::authority::{QUORUM_COLUMNS, quorum_row};
use crate::console::Reader;
use crate::console::fragment::{Table, columns};
use crate::text::{Words, count};
use crate::views::{RulesDifference, TermChange, Turn};
use keepwhole_verify::visible::visible;

/// Everything that the digest of proposed rules stands for, and what it would change.
pub(super) fn rules_difference(r: &Reader, rules: &RulesDifference) -> Markup {
    let quorums = html! {
        @for quorum in &rules.quorums {
            (quorum_row(r, &quorum.row, turn_key(quorum.turn)))
            @if let Some(before) = &quorum.before { (quorum_row(r, before, Some("rules-now"))) }
        }
    };
    let terms = html! { @for term in &rules.terms { (term_row(r, term)) } };
    html! {
        section aria-labelledby="rules" {
            h2 #rules {
                (Words::key("rules-heading").with("before", count(rules.before.into()))
                    .with("after", count(rules.after.into())).say(r.lang))
            }
            p { (r.t("rules-note")) }
            (Table::new(r.t("rules-quorums"), columns(r, QUORUM_COLUMNS)).class("authority").rows(r, &quorums))
            (Table::new(r.t("rules-terms"), columns(r, ["rules-col-term", "rules-now", "rules-proposed"])).rows(r, &terms))
        }
    }
}

/// The catalogue's key of how a quorum would change; nothing for one that stays.
fn turn_key(turn: Turn) -> Option<&'static str> {
    match turn {
        Turn::Same => None,
        Turn::Changed => Some("rules-changed"),
        Turn::New => Some("rules-new"),
        Turn::Gone => Some("rules-gone"),
    }
}

fn term_row(r: &Reader, term: &TermChange) -> Markup {
    let list = |words: &[Words]| {
        let said: Vec<String> = words.iter().map(|words| visible(&r.say(words))).collect();
        html! {
            @if said.is_empty() { span.quiet { (r.t("rules-none")) } }
            @for one in &said { span.detail { (one) } }
        }
    };
    html! {
        tr {
            th scope="row" {
                (r.t(term.term))
                @if term.before != term.after { " " strong { (r.t("rules-changed")) } }
            }
            td { (list(&term.before)) }
            td { (list(&term.after)) }
        }
    }
}
