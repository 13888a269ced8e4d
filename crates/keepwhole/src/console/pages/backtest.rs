//! A back-test: what would another policy have decided? The same picture and tables stand in the console and in the file
//! that `keepwhole policy backtest --out` writes.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, columns};
use crate::console::frame::{Page, framed};
use crate::console::picture::{hatch, place, sum_words, verdict_columns};
use crate::text::{Words, count};
use crate::views::{
    BacktestOutcome, BacktestShown, BacktestView, Banner, Chosen, Column, DAYS_MAX, PairRow,
};

const WIDTH: u32 = 960;
const NAMES: u32 = 260;
const FIGURES: u32 = 260;
const INNER: u32 = WIDTH - NAMES - FIGURES;
const ROW: u32 = 28;

/// The page of a back-test.
pub(crate) fn backtest_page(r: &Reader, view: &BacktestView, banner: Option<&Banner>) -> String {
    let here = match &view.chosen {
        Some(chosen) => format!(
            "/policy/backtest?policy={}&from={}&to={}",
            crate::console::reader::segment(&chosen.word()),
            view.from,
            view.to
        ),
        None => "/policy/backtest".to_owned(),
    };
    let body = html! {
        p { (r.t("backtest-note")) }
        @if view.choices.is_empty() {
            p { (r.t("backtest-no-policies")) }
            p { (r.t("people-next")) " " code { "keepwhole policy adopt" } }
        } @else { (form(r, view)) }
        (outcome(r, view))
        p { a href=(r.href("/policy")) { (r.t("backtest-back")) } }
    };
    framed(
        r,
        &Page {
            heading: r.t("backtest-heading"),
            here: &here,
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

/// What to look at; it is a plain address.
fn form(r: &Reader, view: &BacktestView) -> Markup {
    let day = |name: &'static str, label: &'static str, value: &str| {
        html! {
            label for=(name) { (r.t(label)) }
            input id=(name) name=(name) type="date" value=(value) required;
        }
    };
    let limit = Words::key("backtest-limit").with("count", DAYS_MAX);
    html! {
        form.search method="get" action="/policy/backtest" aria-describedby="backtest-limit" {
            @if r.chosen { input type="hidden" name="lang" value=(r.lang.tag()); }
            label for="policy" { (r.t("backtest-policy")) }
            select id="policy" name="policy" {
                @for choice in &view.choices {
                    option value=(choice.word()) selected[Some(choice) == view.chosen.as_ref()] { (r.say(&choice.words())) }
                }
            }
            (day("from", "backtest-from", &view.from))
            (day("to", "backtest-to", &view.to))
            button type="submit" { (r.t("backtest-run")) }
        }
        p.quiet #backtest-limit { (r.say(&limit)) }
    }
}

fn outcome(r: &Reader, view: &BacktestView) -> Markup {
    let note = |words: Words| html! { p.note role="alert" { (r.say(&words)) } };
    match &view.outcome {
        BacktestOutcome::NotAsked => html! {},
        BacktestOutcome::Found(shown) => html! {
            section aria-labelledby="found" {
                h2 #found { (title(r, shown)) }
                (backtest_section(r, shown))
            }
        },
        BacktestOutcome::NoPolicy => {
            let id = view.chosen.as_ref().map(Chosen::word).unwrap_or_default();
            note(Words::key("backtest-no-policy").with("id", id))
        }
        BacktestOutcome::Backwards => note(Words::key("backtest-backwards")),
        BacktestOutcome::TooManyDays(days) => note(
            Words::key("backtest-too-many-days")
                .with("days", count(u128::from(*days)))
                .with("limit", count(u128::from(DAYS_MAX))),
        ),
        BacktestOutcome::Busy => note(Words::key("backtest-busy")),
        BacktestOutcome::Empty => note(Words::key("backtest-empty")),
        BacktestOutcome::TooLong => html! {
            (note(Words::key("backtest-too-long")))
            p { (r.t("people-next")) " " code { "keepwhole policy backtest FILE --out FILE.html" } }
        },
    }
}

/// What is tested, as a heading.
pub(crate) fn title(r: &Reader, shown: &BacktestShown) -> String {
    Words::key("backtest-title")
        .with("file", shown.policy.clone())
        .say(r.lang)
}

/// The pictures of a back-test and the tables that say the same.
pub(crate) fn backtest_section(r: &Reader, shown: &BacktestShown) -> Markup {
    html! {
        p { (Words::key("backtest-count").with("count", shown.requests).say(r.lang)) }
        p { (r.t("backtest-beside")) }
        (verdict_columns(r, shown))
        (days(r, shown))
        (bars(r, shown))
        (pairs(r, shown))
        @if !shown.rules.is_empty() { (rules(r, shown)) }
        @if !shown.unknown.is_empty() {
            h3 { (r.t("backtest-unknown")) }
            ul {
                @for (field, number) in &shown.unknown {
                    li { code { (field) } " " (count((*number).into())) }
                }
            }
        }
    }
}

fn days_table(r: &Reader, caption: &str, columns: Vec<String>, bodies: &Markup) -> Markup {
    let table = Table::new(r.t(caption), columns);
    table.class("days").bodies(r, bodies)
}

/// The picture's figures: two rows for each column, then and under the other policy.
fn days(r: &Reader, shown: &BacktestShown) -> Markup {
    let keys = [
        "backtest-day",
        "backtest-which",
        "backtest-cleared",
        "backtest-approvals",
        "backtest-held",
        "backtest-denied",
    ];
    let day = |column: &Column| match column.from == column.to {
        true => column.from.clone(),
        false => format!("{} ~ {}", column.from, column.to),
    };
    let rows = html! {
        @for column in &shown.columns {
            tbody {
                tr {
                    th scope="rowgroup" rowspan="2" { (day(column)) }
                    th scope="row" { (r.t("backtest-then")) }
                    @for sum in &column.day.then { td.number { (sum_words(r, shown, sum)) } }
                }
                tr {
                    th scope="row" { (r.t("backtest-now")) }
                    @for sum in &column.day.now { td.number { (sum_words(r, shown, sum)) } }
                }
            }
        }
    };
    days_table(r, "backtest-days-table", columns(r, keys), &rows)
}

fn pairs(r: &Reader, shown: &BacktestShown) -> Markup {
    let keys = [
        "backtest-then",
        "backtest-now",
        "backtest-examples",
        "backtest-sum",
    ];
    let rows = html! {
        tbody {
            @for pair in &shown.pairs {
                tr {
                    td { (verdict(r, pair.then)) }
                    td { (verdict(r, pair.now)) }
                    td { (pair.examples.join(", ")) }
                    td.number { (sum_words(r, shown, &pair.sum)) }
                }
            }
        }
    };
    days_table(r, "backtest-picture", columns(r, keys), &rows)
}

fn rules(r: &Reader, shown: &BacktestShown) -> Markup {
    let keys = ["policy-col-rule", "backtest-matched", "backtest-decided"];
    let rows = html! {
        tbody {
            @for rule in &shown.rules {
                tr {
                    th scope="row" { code { (rule.id) } }
                    td.number { (count(rule.matched.into())) }
                    td.number { (count(rule.decided.into())) }
                }
            }
        }
    };
    days_table(r, "backtest-rules", columns(r, keys), &rows)
}

fn verdict(r: &Reader, word: &str) -> String {
    r.t(match word {
        "cleared" => "backtest-cleared",
        "approvals" => "backtest-approvals",
        "held" => "backtest-held",
        _ => "backtest-denied",
    })
}

/// A bar of value for each pair of verdicts; one whose verdict changes is hatched, and its name says both.
fn bars(r: &Reader, shown: &BacktestShown) -> Markup {
    let largest = shown.pairs.iter().map(|pair| pair.sum.value).max();
    let height = 8 + u32::try_from(shown.pairs.len()).unwrap_or(0) * ROW;
    let name = r.id("backtest");
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t("backtest-picture")) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t("backtest-picture")) }
                    desc id=(format!("{name}-desc")) { (r.t("backtest-picture-desc")) }
                    (hatch(&format!("{name}-hatch")))
                    @for (row, pair) in shown.pairs.iter().enumerate() {
                        @let y = 4 + u32::try_from(row).unwrap_or(0) * ROW;
                        (bar(r, shown, (&name, y, largest.unwrap_or(0)), pair))
                    }
                }
            }
            figcaption { (r.t("backtest-caption")) }
        }
    }
}

fn bar(
    r: &Reader,
    shown: &BacktestShown,
    (name, y, largest): (&str, u32, u128),
    pair: &PairRow,
) -> Markup {
    let length = place(pair.sum.value, largest, INNER).max(2);
    let changed = pair.then != pair.now;
    html! {
        text.lane x=(NAMES - 10) y=(y + 18) text-anchor="end" { (verdict(r, pair.then)) " → " (verdict(r, pair.now)) }
        rect class=(if changed { "bar-assumed" } else { "bar" }) x=(NAMES) y=(y + 4) width=(length) height=(ROW - 8)
            fill=[changed.then(|| format!("url(#{name}-hatch)"))] {}
        text.figure x=(NAMES + length + 8) y=(y + 18) { (sum_words(r, shown, &pair.sum)) }
    }
}
