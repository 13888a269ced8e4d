//! What the page of the people says of authority: bootstrap, quorums, what single persons stopped, findings, passkeys.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, as_count, columns, evidence, shell_quoted, time};
use crate::text::{Arg, Words, count};
use crate::views::{
    AuthorityView, Bootstrap, CredentialRow, FindingRow, QuorumRow, Recorded, StopRow,
};

/// How far the bootstrap is, and the next step.
pub(super) fn bootstrap(r: &Reader, view: &AuthorityView) -> Markup {
    html! {
        section aria-labelledby="bootstrap" {
            h2 #bootstrap { (r.t("people-bootstrap")) }
            @if let Some(until) = view.sealed_until {
                p.note role="alert" { (Words::key("people-sealed").with("until", Arg::Time(until)).say(r.lang)) }
            }
            @match &view.bootstrap {
                Bootstrap::NotBegun => {
                    p { (r.t("people-bootstrap-none")) }
                    p { (r.t("people-next")) " " code { "keepwhole staff bootstrap" } }
                }
                Bootstrap::Goes { administrators, filled, all } => {
                    p { strong {
                        (Words::key("people-bootstrap-goes").with("filled", count((*filled).into()))
                            .with("all", count((*all).into())).say(r.lang))
                    } }
                    p { (Words::key("people-administrators").with("names", administrators.join(", ")).say(r.lang)) }
                    p { (r.t("people-next")) " " code { "keepwhole staff enrol" } }
                }
                Bootstrap::Over(at) => p { (r.t("people-bootstrap-over")) " " (time(*at)) },
            }
        }
    }
}

/// What a table of quorums tells.
pub(super) const QUORUM_COLUMNS: [&str; 6] = [
    "people-col-class",
    "people-col-needed",
    "people-col-roles",
    "people-col-wait",
    "people-col-able",
    "people-col-filled",
];

/// Each class of action: M of N, roles, wait, and whether it can be filled now.
pub(super) fn quorums(r: &Reader, quorums: &[QuorumRow]) -> Markup {
    let rows = html! { @for quorum in quorums { (quorum_row(r, quorum, None)) } };
    let caption = r.t("people-quorums-caption");
    Table::new(caption, columns(r, QUORUM_COLUMNS))
        .class("authority")
        .rows(r, &rows)
}

/// One class; `mark` is the key of a word beside it.
pub(super) fn quorum_row(r: &Reader, quorum: &QuorumRow, mark: Option<&'static str>) -> Markup {
    let persons = if quorum.of > 0 {
        Words::key("people-m-of-n")
            .with("of", count(quorum.of.into()))
            .with("count", quorum.persons)
    } else {
        Words::key("people-m").with("count", quorum.persons)
    };
    let proposer = match quorum.proposer_counts {
        true => "people-proposer-counts",
        false => "people-proposer-apart",
    };
    html! {
        tr {
            th scope="row" {
                (r.t(quorum.class))
                @if let Some(mark) = mark { span.detail { strong { (r.t(mark)) } } }
            }
            td {
                (r.say(&persons))
                @if quorum.persons > 1 { span.detail { (r.t(proposer)) } }
                @if quorum.assertions { span.detail { (r.t("people-assertions")) } }
                @if quorum.separate { span.detail { (r.t("people-separate")) } }
            }
            td {
                (quorum.among.join(", "))
                @if !quorum.required.is_empty() {
                    span.detail { (Words::key("people-required").with("roles", quorum.required.join(", ")).say(r.lang)) }
                }
                @if quorum.distinct_roles > 1 {
                    span.detail { (Words::key("people-distinct").with("count", quorum.distinct_roles).say(r.lang)) }
                }
            }
            td {
                @match quorum.cool_off {
                    0 => span.quiet { (r.t("people-at-once")) },
                    span => (r.say(&Words::key("people-waits").with("span", Arg::Span(span)))),
                }
            }
            td {
                (count(as_count(quorum.able.len()).into()))
                @if !quorum.able.is_empty() { span.detail { (quorum.able.join(", ")) } }
            }
            td { (filled(r, quorum)) }
        }
    }
}

fn filled(r: &Reader, quorum: &QuorumRow) -> Markup {
    html! {
        @match &quorum.lack {
            None => span.tag.tag-whole { span aria-hidden="true" { "✓" } " " (r.t("people-filled")) },
            Some((valid, needs, missing)) => {
                span.tag.tag-attention { span aria-hidden="true" { "▲" } " " (r.t("people-unfilled")) }
                span.detail {
                    (Words::key("people-lack").with("valid", count((*valid).into()))
                        .with("needs", count((*needs).into())).say(r.lang))
                }
                @if let Some(missing) = missing {
                    span.detail { (Words::key("people-missing").with("roles", missing.clone()).say(r.lang)) }
                }
            }
        }
    }
}

/// What one person stopped and whom one person suspended.
pub(super) fn stops(r: &Reader, view: &AuthorityView) -> Markup {
    let columns = columns(
        r,
        ["people-col-stopped", "people-col-by", "people-col-kept"],
    );
    let rows = html! { @for stop in &view.stops { (stop_row(r, stop)) } };
    html! {
        @if view.stops.is_empty() { p { (r.t("people-no-stops")) } }
        @else { (Table::new(r.t("people-stops-caption"), columns).class("authority").rows(r, &rows)) }
    }
}

fn stop_row(r: &Reader, stop: &StopRow) -> Markup {
    html! {
        tr {
            th scope="row" { (r.say(&stop.what)) @if !stop.proposal.is_empty() { span.detail { code { (stop.proposal) } } } }
            td { (stop.by) span.detail { (time(stop.since)) } }
            td { (r.t(stop.stands)) }
        }
    }
}

/// Findings, the newest first: what, when, what it does to quorums, and how it is closed; here where `live`, else on the
/// command line alone.
pub(super) fn findings(r: &Reader, view: &AuthorityView, live: bool) -> Markup {
    let columns = columns(
        r,
        [
            "people-col-person",
            "people-col-found",
            "people-col-effect",
            "people-col-closed",
        ],
    );
    let rows = html! { @for finding in &view.findings { (finding_row(r, view, finding, live)) } };
    html! {
        @if view.findings.is_empty() { p { (r.t("people-no-findings")) } }
        @else {
            (Table::new(r.t("people-findings-caption"), columns).class("authority").rows(r, &rows))
            @if !live { (cleared_elsewhere(r, view)) }
        }
    }
}

/// How a finding is cleared where nobody gives a word on the console.
fn cleared_elsewhere(r: &Reader, view: &AuthorityView) -> Markup {
    let standing = view.findings.iter().find(|row| row.cleared.is_none());
    let role = view.clearers.first().map_or("security", String::as_str);
    html! {
        @if let Some(finding) = standing {
            p { (r.t("people-clears-by")) }
            pre tabindex="0" role="region" aria-label=(r.t("people-clears-by")) {
                "keepwhole staff ask " (finding.id) " --data exchange --approver bea --role " (shell_quoted(role)) " --out request.json\n"
                "keepwhole-approver sign request.json --key bea.key --decision approve --out answer.json\n"
                "keepwhole staff approve " (finding.id) " answer.json --data exchange --actor bea"
            }
        }
    }
}

fn finding_row(r: &Reader, view: &AuthorityView, finding: &FindingRow, live: bool) -> Markup {
    let id = &finding.id;
    html! {
        tr {
            th scope="row" { (finding.person) }
            td {
                (r.t(finding.kind))
                span.detail { (r.say(&finding.numbers)) }
                span.detail { (time(finding.at)) }
            }
            td { (r.t(finding.effect)) }
            td {
                @match &finding.cleared {
                    Some((by, at)) => {
                        (Words::key("people-cleared-by").with("person", by.as_str()).say(r.lang))
                        span.detail { (time(*at)) }
                    }
                    None => {
                        strong { (r.t("people-stands")) }
                        span.detail {
                            (Words::key("people-clears").with("roles", view.clearers.join(", ")).say(r.lang))
                        }
                        @if live {
                            span.detail { a href=(r.href(&format!("/approve/{id}"))) { (r.t("matter-speak")) } }
                            span.detail { code { "keepwhole staff approve " (id) " answer.json" } }
                        } @else { span.detail { code { (id) } } }
                    }
                }
            }
        }
    }
}

/// Passkeys: whose, what kind, enrolled when, ended when.
pub(super) fn credentials(r: &Reader, view: &AuthorityView) -> Markup {
    let columns = columns(
        r,
        [
            "people-col-person",
            "people-col-kind",
            "people-col-enrolled",
            "people-col-state",
        ],
    );
    let rows = html! { @for credential in &view.credentials { (credential_row(r, credential)) } };
    html! {
        @if view.credentials.is_empty() { p { (r.t("people-no-credentials")) } }
        @else { (Table::new(r.t("people-credentials-caption"), columns).class("authority").rows(r, &rows)) }
    }
}

fn credential_row(r: &Reader, credential: &CredentialRow) -> Markup {
    let bound = match credential.device_bound {
        true => "people-bound",
        false => "people-not-bound",
    };
    html! {
        tr {
            th scope="row" { (credential.person) span.detail { code { (credential.id) "…" } } }
            td { (r.t(credential.kind)) span.detail { (r.t(bound)) } }
            td { (told(r, credential.from)) }
            td {
                @match credential.until {
                    None => span.tag.tag-whole { span aria-hidden="true" { "✓" } " " (r.t("people-active")) },
                    Some(until) => { (r.t("people-key-ended")) " " (told(r, until)) }
                }
            }
        }
    }
}

fn told(r: &Reader, told: Recorded) -> Markup {
    html! {
        @if let Some(at) = told.at { (time(at)) " " }
        (evidence(r, &[told.entry]))
    }
}
