//! A back-test as a picture: one HTML file with bars of value for each pair of verdicts, and the table that says the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::backtest::{Backtest, Pair};
use crate::console::picture::place;
use crate::console::{Reader, STYLE};
use crate::text::{Lang, Words, count};

const WIDTH: u32 = 960;
const NAMES: u32 = 260;
const FIGURES: u32 = 260;
const INNER: u32 = WIDTH - NAMES - FIGURES;
const ROW: u32 = 28;

/// The whole file, in both languages; `first` is the one on top. `value` says an amount of the reference currency.
#[must_use]
pub fn page(found: &Backtest, file: &str, value: &dyn Fn(u128) -> String, first: Lang) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(STYLE.as_bytes()))
    );
    let others = Lang::ALL.into_iter().filter(|lang| *lang != first);
    let languages: Vec<Lang> = std::iter::once(first).chain(others).collect();
    html! {
        (DOCTYPE)
        html lang=(first.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (Words::key("backtest-title").with("file", file.to_owned()).say(first)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    @for lang in languages {
                        section lang=(lang.tag()) { (section(&Reader::of_file(lang), found, file, value)) }
                    }
                }
            }
        }
    }
    .into_string()
}

fn section(r: &Reader, found: &Backtest, file: &str, value: &dyn Fn(u128) -> String) -> Markup {
    html! {
        h1 { (Words::key("backtest-title").with("file", file.to_owned()).say(r.lang)) }
        p { (Words::key("backtest-count").with("count", found.requests).say(r.lang)) }
        (bars(r, found, value))
        table {
            thead { tr {
                th { (r.t("backtest-then")) }
                th { (r.t("backtest-now")) }
                th { (r.t("backtest-requests")) }
                th { (r.t("backtest-value")) }
                th { (r.t("backtest-examples")) }
            } }
            tbody {
                @for ((then, now), pair) in &found.pairs {
                    tr {
                        td { (verdict(r, then)) }
                        td { (verdict(r, now)) }
                        td { (count(pair.number.into())) }
                        td { (said(r, pair, value)) }
                        td { (pair.examples.join(", ")) }
                    }
                }
            }
        }
        @if !found.unknown.is_empty() {
            h2 { (r.t("backtest-unknown")) }
            ul {
                @for (field, number) in &found.unknown {
                    li { code { (field) } " " (count((*number).into())) }
                }
            }
        }
        p { (r.t("backtest-beside")) }
    }
}

fn verdict(r: &Reader, word: &str) -> String {
    r.t(match word {
        "cleared" => "backtest-cleared",
        "approvals" => "backtest-approvals",
        "held" => "backtest-held",
        _ => "backtest-denied",
    })
}

fn said(r: &Reader, pair: &Pair, value: &dyn Fn(u128) -> String) -> String {
    match pair.unvalued {
        0 => value(pair.value),
        unvalued => {
            let more = Words::key("backtest-unvalued").with("count", unvalued);
            format!("{} {}", value(pair.value), more.say(r.lang))
        }
    }
}

/// A bar of value for each pair of verdicts; one whose verdict changes is hatched, and its name says both.
fn bars(r: &Reader, found: &Backtest, value: &dyn Fn(u128) -> String) -> Markup {
    let largest = found
        .pairs
        .values()
        .map(|pair| pair.value)
        .max()
        .unwrap_or(0);
    let height = 8 + u32::try_from(found.pairs.len()).unwrap_or(0) * ROW;
    let name = r.id("backtest");
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t("backtest-picture")) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t("backtest-picture")) }
                    desc id=(format!("{name}-desc")) { (r.t("backtest-picture-desc")) }
                    (crate::console::picture::hatch(&format!("{name}-hatch")))
                    @for (row, ((then, now), pair)) in found.pairs.iter().enumerate() {
                        @let y = 4 + u32::try_from(row).unwrap_or(0) * ROW;
                        @let length = place(pair.value, largest, INNER).max(2);
                        @let changed = then != now;
                        text.lane x=(NAMES - 10) y=(y + 18) text-anchor="end" { (verdict(r, then)) " → " (verdict(r, now)) }
                        rect class=(if changed { "bar-assumed" } else { "bar" }) x=(NAMES) y=(y + 4) width=(length) height=(ROW - 8)
                            fill=[changed.then(|| format!("url(#{name}-hatch)"))] {}
                        text.figure x=(NAMES + length + 8) y=(y + 18) { (count(pair.number.into())) " · " (value(pair.value)) }
                    }
                }
            }
            figcaption { (r.t("backtest-caption")) }
        }
    }
}
