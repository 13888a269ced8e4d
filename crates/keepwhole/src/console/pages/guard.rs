//! Requests to the guard: which movements wait for a decision, and why was this one held, denied or cleared?

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, amount, as_count, columns, evidence, time, time_or};
use crate::console::frame::{Page, framed};
use crate::console::reader::segment;
use crate::text::{Words, count};
use crate::views::{
    ApprovalRow, Banner, GuardView, PAGE, ReasonView, RequestLine, RequestState, RequestView, Step,
    UnseenLine,
};

/// The list of requests.
pub(crate) fn guard_page(r: &Reader, view: &GuardView, banner: Option<&Banner>) -> String {
    let body = html! {
        p { (r.t("guard-note")) }
        @if !view.unseen.is_empty() { (unseen(r, &view.unseen)) }
        (choices(r, view))
        @if view.lines.is_empty() {
            p { (r.t(if view.only.is_some() { "guard-none-so" } else { "guard-none" })) }
        } @else {
            (pager(r, view))
            (list(r, &view.lines))
            (pager(r, view))
        }
    };
    framed(
        r,
        &Page {
            heading: r.t("guard-heading"),
            here: &address(view.only, view.from),
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

/// What was signed for and is not seen yet: a halt does not stop it, so its way out stands beside it.
fn unseen(r: &Reader, lines: &[UnseenLine]) -> Markup {
    let keys = [
        "guard-col-id",
        "request-amount",
        "request-to",
        "unseen-col-key",
        "unseen-col-since",
        "unseen-col-plan",
    ];
    let unknown = "unseen-unknown";
    let rows = html! { @for line in lines {
        tr {
            th scope="row" { a href=(r.href(&format!("/guard/{}", segment(&line.id)))) { (line.id) } }
            td { (amount(r, &line.amount)) }
            td.particular { (line.to) }
            td.particular { @match &line.conflict_key {
                Some(key) => code { (key) },
                None => span.quiet { (r.t(unknown)) },
            } }
            td { (time_or(r, line.since, unknown)) }
            td { (r.say(&line.plan)) }
        }
    } };
    html! {
        section aria-labelledby="signed" {
            h2 #signed { (r.t("unseen-heading")) }
            p { (r.t("unseen-note")) }
            (Table::new(r.t("unseen-heading"), columns(r, keys)).heading_above().rows(r, &rows))
        }
    }
}

/// The list's address with this choice, without the newest `from`.
fn address(only: Option<RequestState>, from: u64) -> String {
    match (only, from) {
        (None, 0) => "/guard".to_owned(),
        (None, from) => format!("/guard?from={from}"),
        (Some(only), 0) => format!("/guard?state={}", only.word()),
        (Some(only), from) => format!("/guard?state={}&from={from}", only.word()),
    }
}

/// The choice of a state, as links: it works without a script and can be kept.
fn choices(r: &Reader, view: &GuardView) -> Markup {
    let all = view
        .counts
        .iter()
        .fold(0_u64, |sum, count| sum.saturating_add(*count));
    let here = |only| (view.only == only).then_some("true");
    html! {
        nav aria-label=(r.t("guard-choice")) {
            ul.tally {
                li {
                    a href=(r.href("/guard")) aria-current=[here(None)] { (r.t("guard-all")) }
                    " " (count(u128::from(all)))
                }
                @for (state, number) in RequestState::ALL.into_iter().zip(view.counts) {
                    li {
                        a href=(r.href(&address(Some(state), 0))) aria-current=[here(Some(state))] { (r.t(state.key())) }
                        " " (count(u128::from(number)))
                    }
                }
            }
        }
    }
}

fn pager(r: &Reader, view: &GuardView) -> Markup {
    let last = view.from.saturating_add(as_count(view.lines.len()));
    html! {
        p.pager {
            (Words::key("guard-range")
                .with("first", count(u128::from(view.from.saturating_add(1))))
                .with("last", count(u128::from(last)))
                .with("total", count(u128::from(view.total))).say(r.lang))
            " "
            @if view.from > 0 {
                a href=(r.href(&address(view.only, view.from.saturating_sub(PAGE)))) { (r.t("guard-newer")) } " "
            }
            @if last < view.total { a href=(r.href(&address(view.only, last))) { (r.t("guard-older")) } }
        }
    }
}

/// How a request stands: a symbol, a word, and a colour on top.
fn state_tag(r: &Reader, state: RequestState) -> Markup {
    let (class, symbol) = match state {
        RequestState::Held => ("unknown", "◔"),
        RequestState::Denied => ("attention", "■"),
        RequestState::Cleared | RequestState::Redeemed => ("whole", "○"),
        RequestState::Seen => ("whole", "✓"),
        RequestState::Lapsed | RequestState::Dead => ("not-built", "–"),
    };
    html! { span class={ "tag tag-" (class) } { span aria-hidden="true" { (symbol) } " " (r.t(state.key())) } }
}

fn list(r: &Reader, lines: &[RequestLine]) -> Markup {
    let keys = [
        "guard-col-id",
        "guard-col-what",
        "guard-col-state",
        "guard-col-approvals",
        "guard-col-deadline",
    ];
    let rows = html! { @for line in lines { (list_row(r, line)) } };
    let table = Table::new(r.t("guard-caption"), columns(r, keys));
    table.class("requests").rows(r, &rows)
}

fn list_row(r: &Reader, line: &RequestLine) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(r.href(&format!("/guard/{}", segment(&line.id)))) { (line.id) }
                span.detail { (time(line.at)) }
            }
            td { (r.say(&line.what)) }
            td {
                (state_tag(r, line.state))
                @if let Some(reason) = &line.reason { (why(r, reason)) }
            }
            td { (approvals_so_far(r, line)) }
            td { (deadline(r, line)) }
        }
    }
}

/// A reason in words, what would release it, and its code.
pub(super) fn why(r: &Reader, reason: &ReasonView) -> Markup {
    html! {
        p.why { (r.say(&reason.words)) }
        p.detail {
            (r.say(&reason.release))
            @if let Some(until) = reason.until { " " (time(until)) }
            " " code { (reason.code) }
        }
    }
}

fn approvals_so_far(r: &Reader, line: &RequestLine) -> Markup {
    html! {
        @if line.needs == 0 && line.valid == 0 { span.quiet { (r.t("guard-no-approvals")) } }
        @else {
            (Words::key("guard-approvals").with("valid", count(u128::from(line.valid)))
                .with("needs", count(u128::from(line.needs))).say(r.lang))
        }
    }
}

fn deadline(r: &Reader, line: &RequestLine) -> Markup {
    html! {
        @match &line.deadline {
            Some((what, at)) => { (time(*at)) span.detail { (r.say(what)) } }
            None => span.quiet { (r.t("guard-no-deadline")) },
        }
    }
}

/// One request; `asks` where people are asked for their word on it here.
pub(crate) fn request_page(
    r: &Reader,
    view: &RequestView,
    asks: bool,
    banner: Option<&Banner>,
) -> String {
    let line = &view.line;
    let body = html! {
        p.lead { (r.say(&line.what)) }
        dl.summary {
            div { dt { (r.t("guard-col-state")) } dd {
                (state_tag(r, line.state))
                @if let Some(reason) = &line.reason { (why(r, reason)) }
            } }
            div { dt { (r.t("guard-col-approvals")) } dd {
                (approvals_so_far(r, line))
                @if asks {
                    span.detail { a href=(r.href(&format!("/approve/{}", segment(&line.id)))) { (r.t("matter-speak")) } }
                }
            } }
            div { dt { (r.t("guard-col-deadline")) } dd { (deadline(r, line)) } }
            div { dt { (r.t("guard-col-at")) } dd { (time(line.at)) } }
            @for (label, value) in &view.particulars { div { dt { (r.t(label)) } dd.particular { (r.say(value)) } } }
            div { dt { (r.t("request-digest")) } dd { code { (view.digest) } span.detail { (r.t("request-digest-note")) } } }
        }
        @if view.credits_total > 0 { (credit_lines(r, view)) }
        section aria-labelledby="approvals" {
            h2 #approvals { (r.t("request-approvals")) }
            @if view.approvals.is_empty() { p { (r.t("request-no-approvals")) } }
            @else { (approvals(r, &view.approvals)) }
        }
        section aria-labelledby="history" {
            h2 #history { (r.t("request-history")) }
            ol.timeline { @for step in &view.steps { (one_step(r, step)) } }
        }
        p { a href=(r.href("/guard")) { (r.t("request-back")) } }
    };
    framed(
        r,
        &Page {
            heading: Words::key("request-heading")
                .with("id", line.id.as_str())
                .say(r.lang),
            here: &format!("/guard/{}", segment(&line.id)),
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

fn credit_lines(r: &Reader, view: &RequestView) -> Markup {
    let headings = columns(r, ["request-customer", "request-amount"]);
    let rows = html! { @for (customer, credited) in &view.credits {
        tr { th scope="row" { (customer) } td.number { (amount(r, credited)) } }
    } };
    let table = Table::new(r.t("request-lines"), headings).numbers(&[1]);
    html! {
        (table.rows(r, &rows))
        @if as_count(view.credits.len()) < view.credits_total {
            p.quiet { (Words::key("request-lines-more").with("count", view.credits_total).say(r.lang)) }
        }
    }
}

fn approvals(r: &Reader, rows: &[ApprovalRow]) -> Markup {
    let keys = ["request-col-who", "request-col-at", "request-col-until"];
    let rows = html! { @for row in rows {
        tr {
            th scope="row" { (row.person) }
            td { (time(row.at)) }
            td {
                @match row.until {
                    Some(until) => (time(until)),
                    None => span.quiet { (r.t("request-no-end")) },
                }
                @if !row.counts { " " strong { (r.t("request-ended")) } }
            }
        }
    } };
    Table::new(r.t("request-approvals-caption"), columns(r, keys)).rows(r, &rows)
}

fn one_step(r: &Reader, step: &Step) -> Markup {
    html! {
        li {
            div {
                (time(step.at)) " "
                span.kind { (evidence(r, &[step.entry])) } " "
                div {
                    span.what { (r.say(&step.what)) }
                    @if let Some(reason) = &step.reason { (why(r, reason)) }
                }
            }
        }
    }
}
