//! The sections of the report in their order, and those about what happened and what was due.

use maud::{Markup, html};

use super::outcome;
use crate::console::{
    Reader, Table, clock_table, columns, figures, freeze_table, mark_legend, marked_amount,
    picture, ten_answers, time, time_or, timeline_list,
};
use crate::text::Words;
use crate::views::{Hypothesis, ReportView, Run, RunMode};

/// Name of a section's heading in the file and the catalogue's key of its words.
const SECTIONS: [(&str, &str); 14] = [
    ("summary", "report-summary"),
    ("runs", "report-runs"),
    ("timeline", "report-timeline"),
    ("clocks", "report-clocks"),
    ("tokens", "report-tokens"),
    ("borne", "report-borne"),
    ("coverage", "report-coverage"),
    ("fines", "report-fines"),
    ("freezes", "report-freezes"),
    ("proof", "report-proof"),
    ("ten", "report-ten"),
    ("head", "report-head"),
    ("assumptions", "report-assumptions"),
    ("sources", "report-sources"),
];

/// The report in one language.
pub(super) fn all(r: &Reader, view: &ReportView) -> Markup {
    html! {
        h1 { (r.say(&view.title)) }
        div.notice role="note" {
            @for note in &view.notes { p { strong { (r.say(note)) } } }
        }
        p.as-of { (r.t("report-as-of")) " " (time(view.as_of)) }
        nav.contents aria-label=(r.t("report-contents")) {
            ol { @for (name, key) in SECTIONS { li { a href=(format!("#{}", r.id(name))) { (r.t(key)) } } } }
        }
        @for (name, key) in SECTIONS {
            @let id = r.id(name);
            section class={ "part-" (name) } aria-labelledby=(id) {
                h2 id=(id) { (r.t(key)) }
                (section(r, view, name))
            }
        }
    }
}

fn section(r: &Reader, view: &ReportView, name: &str) -> Markup {
    match name {
        "summary" => {
            html! { (figures(r, &view.summary)) h3 { (r.t("marks-heading")) } (mark_legend(r)) }
        }
        "runs" => runs(r, &view.runs),
        "timeline" => timeline(r, view),
        "clocks" => clocks(r, view),
        "tokens" => outcome::tokens(r, view),
        "borne" => html! { p { (r.t("redress-words")) } (figures(r, &view.borne)) },
        "coverage" => outcome::coverage(r, &view.coverage),
        "fines" => outcome::fines(r, &view.fines),
        "freezes" => freezes(r, view),
        "proof" => outcome::proof(r, view.proof.as_ref()),
        "ten" => html! { p { (r.t("overview-note")) } (ten_answers(r, &view.ten)) },
        "head" => outcome::head(r, view),
        "assumptions" => listed(r, &view.assumptions, "report-no-assumptions"),
        _ => listed(r, &view.sources, "report-no-sources"),
    }
}

/// A list of sentences, or the words under `none` where there are none.
pub(super) fn listed(r: &Reader, list: &[Words], none: &str) -> Markup {
    html! {
        @if list.is_empty() { p { (r.t(none)) } }
        @else { ul { @for words in list { li { (r.say(words)) } } } }
    }
}

/// The runs under letters, so that a picture can name them.
fn lettered(runs: &[Run]) -> Vec<(char, &Run)> {
    ('A'..='Z').zip(runs).collect()
}

fn runs(r: &Reader, runs: &[Run]) -> Markup {
    let lettered = lettered(runs);
    html! {
        p { (r.t("report-runs-note")) }
        (run_table(r, &lettered))
        @for hypothesis in Hypothesis::ALL {
            @let these: Vec<(char, &Run)> =
                lettered.iter().copied().filter(|(_, run)| run.hypothesis.is_none_or(|held| held == hypothesis)).collect();
            @let title = r.t(hypothesis.key());
            @if these.iter().any(|(_, run)| run.hypothesis.is_some()) {
                h3 { (title) }
                p { (r.t(match hypothesis {
                    Hypothesis::SignerAbused => "hypothesis-signer-abused-means",
                    Hypothesis::KeyKnownOutside => "hypothesis-key-outside-means",
                })) }
                (picture::courses(r, hypothesis.key(), &title, &these))
            }
        }
        p { (r.t("report-prevention")) }
    }
}

fn run_table(r: &Reader, lettered: &[(char, &Run)]) -> Markup {
    let keys = [
        "run-col-run",
        "run-col-taken",
        "run-col-kept",
        "run-col-stopped",
    ];
    let rows = html! { @for (letter, run) in lettered { (run_row(r, *letter, run)) } };
    let table = Table::new(r.t("run-caption"), columns(r, keys));
    table.class("runs").rows(r, &rows)
}

fn run_row(r: &Reader, letter: char, run: &Run) -> Markup {
    html! {
        tr class=[(run.mode == RunMode::AsItHappened).then_some("as-it-happened")] {
            th scope="row" {
                span.title { (letter) ". " (r.t(run.mode.key())) }
                @if let Some(hypothesis) = run.hypothesis { span.detail { (r.t(hypothesis.key())) } }
                @if let Some(curve) = &run.curve { span.detail { (r.t("run-curve")) " " (r.say(curve)) } }
                span.detail { (r.say(&run.sentence)) }
            }
            td { (marked_amount(r, &run.taken)) }
            td { (marked_amount(r, &run.kept)) }
            td { (time_or(r, run.stopped, "run-not-stopped")) }
        }
    }
}

fn timeline(r: &Reader, view: &ReportView) -> Markup {
    html! {
        p { (r.t("report-timeline-note")) }
        (picture::timeline(r, "report-picture", &view.events, &view.clocks, None))
        (timeline_list(r, &view.events))
    }
}

fn clocks(r: &Reader, view: &ReportView) -> Markup {
    html! {
        p { (r.t("report-clocks-note")) }
        (clock_table(r, &r.t("report-clocks-caption"), &view.clocks))
        @if !view.elsewhere.is_empty() {
            h3 { (r.t("report-elsewhere")) }
            p { (r.t("report-elsewhere-note")) }
            (clock_table(r, &r.t("report-elsewhere-caption"), &view.elsewhere))
        }
    }
}

fn freezes(r: &Reader, view: &ReportView) -> Markup {
    html! {
        @if view.freezes.is_empty() { p { (r.t("incident-no-freezes")) } }
        @else { (freeze_table(r, &r.t("report-freezes-caption"), &view.freezes)) }
        h3 { (r.t("report-not-public")) }
        (listed(r, &view.not_public, "report-no-sources"))
    }
}
