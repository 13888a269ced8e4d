//! The journal: has anything been changed after the fact?

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, columns, time};
use crate::console::frame::{Page, framed};
use crate::text::{Words, count};
use crate::views::{Banner, JournalView, Record};

/// One page of the journal.
pub(crate) fn journal_page(r: &Reader, view: &JournalView, banner: Option<&Banner>) -> String {
    let body = html! {
        p { (r.t("journal-note")) }
        dl.summary {
            div { dt { (r.t("footer-size")) } dd { (count(u128::from(view.head.size))) } }
            div { dt { (r.t("footer-root")) } dd { code { (view.head.root) } } }
            div { dt { (r.t("journal-vkey")) } dd { code { (view.vkey) } } }
        }
        h2 { (r.t("journal-checkpoint")) }
        @match &view.checkpoint {
            Some(text) => {
                pre tabindex="0" aria-label=(r.t("journal-checkpoint")) role="region" { code { (text) } }
                @if r.links { p { a href="/log/checkpoint" { (r.t("journal-checkpoint-raw")) } } }
            }
            None => p { (r.t("journal-no-checkpoint")) },
        }
        h2 #records { (r.t("journal-records")) }
        @if view.head.size == 0 { p { (r.t("journal-empty")) } }
        @else {
            (go_to(r, view))
            (pager(r, view))
            (records(r, &view.records))
            (pager(r, view))
        }
    };
    framed(
        r,
        &Page {
            heading: r.t("journal-heading"),
            here: &format!("/journal?from={}", view.from),
            banner,
            as_of: view.as_of,
            head: Some(&view.head),
            body,
        },
    )
}

fn go_to(r: &Reader, view: &JournalView) -> Markup {
    html! {
        form.search method="get" action="/journal" {
            @if r.chosen { input type="hidden" name="lang" value=(r.lang.tag()); }
            label for="from" { (r.t("journal-go-to")) }
            input #from name="from" type="text" inputmode="numeric" pattern="[0-9]{1,19}" maxlength="19" required
                autocomplete="off" value=(view.from);
            button type="submit" { (r.t("journal-go")) }
        }
    }
}

fn pager(r: &Reader, view: &JournalView) -> Markup {
    let shown = u64::try_from(view.records.len()).unwrap_or_default();
    let next = view.from.saturating_add(shown);
    html! {
        p.pager {
            (Words::key("journal-range")
                .with("first", count(u128::from(view.from)))
                .with("last", count(u128::from(next.saturating_sub(1))))
                .with("size", count(u128::from(view.head.size))).say(r.lang))
            " "
            @if view.from > 0 {
                a href=(r.href(&format!("/journal?from={}", view.from.saturating_sub(view.page)))) { (r.t("journal-earlier")) }
                " "
            }
            @if next < view.head.size { a href=(r.href(&format!("/journal?from={next}"))) { (r.t("journal-later")) } }
        }
    }
}

fn records(r: &Reader, records: &[Record]) -> Markup {
    let keys = [
        "journal-col-index",
        "journal-col-at",
        "journal-col-kind",
        "journal-col-json",
    ];
    let rows = html! { @for record in records { tr id=(format!("entry-{}", record.index)) {
        th.number scope="row" { (record.index) }
        td { (time(record.at)) }
        td { code { (record.kind) } }
        td.json { code { (record.json) } }
    } } };
    let table = Table::new(r.t("journal-caption"), columns(r, keys)).class("records");
    table.numbers(&[0]).rows(r, &rows)
}
