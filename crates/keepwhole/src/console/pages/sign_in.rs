//! Sign-in, what waits for a person's word, and what one person may stop.

use maud::{Markup, html};

use super::matter::{action_words, waits_for};
use crate::authority::Waiting;
use crate::console::Reader;
use crate::console::fragment::{Table, columns, time};
use crate::console::frame::{Page, framed};
use crate::console::reader::segment;
use crate::console::staff::Seat;
use crate::text::Words;
use crate::views::{Banner, Head, finding_key};
use keepwhole_edge::console::PasskeySite;
use keepwhole_verify::visible::visible;

/// Who asks for a page of staff, and what the console can do for her.
pub(crate) struct Guest<'a> {
    /// False where the journal is only shown, and nothing is taken.
    pub(crate) live: bool,
    /// The site of passkeys, where one is set.
    pub(crate) site: Option<&'a PasskeySite>,
    /// Whether the browser is at that site.
    pub(crate) at_site: bool,
    /// Who is signed in.
    pub(crate) seat: Option<&'a Seat>,
    /// The mode line.
    pub(crate) banner: Option<&'a Banner>,
    /// The head.
    pub(crate) head: Option<&'a Head>,
}

impl Guest<'_> {
    /// Whether a passkey can be asked for.
    pub(crate) fn can_ask(&self) -> bool {
        self.live && self.site.is_some() && self.at_site
    }
}

/// Who is signed in; else the way to it, and under `key` what for.
pub(crate) fn seat_or_sign_in(
    r: &Reader,
    guest: &Guest<'_>,
    here: &str,
    key: &'static str,
) -> Markup {
    html! {
        @match guest.seat {
            Some(seat) => (signed_in(r, seat)),
            None => @if guest.live {
                p { a href=(r.href(&format!("/sign-in?next={}", segment(here)))) { (r.t("sign-in-heading")) } " · " (r.t(key)) }
            },
        }
    }
}

/// A line of a form: label, hint below it, field.
pub(crate) fn field(
    r: &Reader,
    (name, id): (&str, &str),
    (label, hint): (&'static str, Option<&'static str>),
    value: &str,
) -> Markup {
    let hint_id = hint.map(|_| format!("{id}-hint"));
    html! { p {
        label for=(id) { (r.t(label)) }
        @if let Some(hint) = hint { span.detail id=[hint_id.as_deref()] { (r.t(hint)) } }
        input id=(id) name=(name) value=[Some(value).filter(|value| !value.is_empty())] required maxlength="256"
            autocomplete="off" aria-describedby=[hint_id.as_deref()];
    } }
}

/// A form whose fields are proposed with a touch.
pub(crate) fn proposal_form(
    r: &Reader,
    kind: &str,
    inner: &Markup,
    button: &'static str,
) -> Markup {
    let inner = html! {
        input type="hidden" name="kind" value=(kind);
        (inner)
        p { button { (r.t(button)) } }
    };
    passkey_form(r, "get", ("/propose/begin", "/propose/finish"), &inner)
}

/// A form that asks the authenticator: shown by the script, since nothing works without.
pub(crate) fn passkey_form(r: &Reader, what: &str, paths: (&str, &str), inner: &Markup) -> Markup {
    html! {
        form.passkey method="post" hidden data-passkey=(what) data-begin=(r.href(paths.0)) data-finish=(r.href(paths.1))
            data-cancelled=(r.t("passkey-cancelled")) data-site=(r.t("passkey-wrong-site"))
            data-failed=(r.t("passkey-failed")) data-unsupported=(r.t("passkey-unsupported")) {
            (inner)
            p.said role="alert" {}
        }
        // A module runs once, however many forms a page has.
        script src="/passkey.js" type="module" {}
    }
}

/// Why no passkey can be asked for here, where it can't; then what does the same.
pub(crate) fn obstacle(r: &Reader, guest: &Guest<'_>, path: &str) -> Markup {
    html! {
        @if !guest.live {
            div.notice { p { (r.t("staff-read-only")) } }
        } @else if let Some(site) = guest.site {
            @if !guest.at_site {
                div.notice { p {
                    (r.t("staff-other-address")) " "
                    a href=(format!("{}{path}", site.origin)) { (site.origin) (path) }
                } }
            }
        } @else {
            div.notice {
                p { (r.t("staff-no-site")) }
                pre { "[console]\nrp_id = \"localhost\"\norigin = \"http://localhost:8650\"\n" }
            }
        }
    }
}

/// The page on which people sign in.
pub(crate) fn sign_in_page(r: &Reader, guest: &Guest<'_>, next: &str) -> String {
    let inner = html! {
        input type="hidden" name="next" value=(next);
        p { button { (r.t("sign-in-button")) } }
    };
    let body = html! {
        p.lead { (r.t("sign-in-lead")) }
        (obstacle(r, guest, "/sign-in"))
        @if let Some(seat) = guest.seat { (signed_in(r, seat)) }
        @if guest.can_ask() {
            noscript { div.notice { p { (r.t("passkey-needs-script")) } p { (r.t("sign-in-without")) } } }
            (passkey_form(r, "get", ("/sign-in/begin", "/sign-in/finish"), &inner))
        }
        h2 { (r.t("sign-in-rules")) }
        ul {
            li { (r.t("sign-in-rule-read")) }
            li { (r.t("sign-in-rule-ends")) }
            li { (r.t("sign-in-rule-recorded")) }
        }
        p { (r.t("sign-in-no-passkey")) " " a href=(r.href("/enrol")) { (r.t("enrol-heading")) } }
    };
    page(r, guest, r.t("sign-in-heading"), "/sign-in", body)
}

/// Puts a page of staff into the frame.
pub(crate) fn page(
    r: &Reader,
    guest: &Guest<'_>,
    heading: String,
    here: &str,
    body: Markup,
) -> String {
    framed(
        r,
        &Page {
            heading,
            here,
            banner: guest.banner,
            as_of: None,
            head: guest.head,
            body,
        },
    )
}

/// Who is signed in, until when, and the way out.
pub(crate) fn signed_in(r: &Reader, seat: &Seat) -> Markup {
    let holder = &seat.holder;
    html! {
        section.seat aria-label=(r.t("seat-label")) {
            dl.summary {
                div { dt { (r.t("seat-person")) } dd { (holder.person) } }
                div { dt { (r.t("seat-roles")) } dd { (holder.roles.join(", ")) } }
                div { dt { (r.t("seat-until")) } dd { (time(seat.until)) } }
            }
            @for (number, kind) in &holder.findings {
                div.problem { p {
                    (r.t("seat-finding")) " " strong { (r.t(finding_key(kind).unwrap_or("finding-other"))) } ". "
                    (Words::key("seat-finding-id").with("id", format!("finding-{number}")).say(r.lang))
                } }
            }
            form method="post" action=(r.href("/sign-out")) { button { (r.t("sign-out")) } }
        }
    }
}

/// What waits for people's word.
pub(crate) fn waiting_page(r: &Reader, guest: &Guest<'_>, lines: &[Waiting]) -> String {
    let body = html! {
        (obstacle(r, guest, "/approve"))
        (seat_or_sign_in(r, guest, "/approve", "waiting-sign-in"))
        @if lines.is_empty() { p { (r.t("waiting-none")) } } @else { (waiting_table(r, lines)) }
        h2 { (r.t("waiting-also")) }
        ul {
            li { a href=(r.href("/propose")) { (r.t("propose-heading")) } }
            li { a href=(r.href("/stop")) { (r.t("stop-heading")) } }
            li { a href=(r.href("/enrol")) { (r.t("enrol-heading")) } }
        }
    };
    page(r, guest, r.t("waiting-heading"), "/approve", body)
}

fn waiting_table(r: &Reader, lines: &[Waiting]) -> Markup {
    let keys = ["waiting-col-what", "waiting-col-asked", "waiting-col-said"];
    let rows = html! { @for line in lines { tr {
        th scope="row" {
            a href=(r.href(&format!("/approve/{}", segment(&line.id)))) { (visible(&line.id)) }
            span.detail { (action_words(r, &line.action)) }
        }
        td { (time(line.asked)) }
        td { (waits_for(r, line)) }
    } } };
    Table::new(r.t("waiting-caption"), columns(r, keys)).rows(r, &rows)
}

/// What one person may stop at once.
pub(crate) fn stop_page(r: &Reader, guest: &Guest<'_>) -> String {
    let form =
        |kind: &str, inner: Markup, button: &'static str| proposal_form(r, kind, &inner, button);
    let field = |name: &str, id: &str, label: &'static str, hint: &'static str| {
        field(r, (name, id), (label, Some(hint)), "")
    };
    let body = html! {
        p.lead { (r.t("stop-lead")) }
        (obstacle(r, guest, "/stop"))
        (seat_or_sign_in(r, guest, "/stop", "stop-sign-in"))
        @if guest.can_ask() && guest.seat.is_some() {
            noscript { div.notice { p { (r.t("passkey-needs-script")) } } }
            h2 { (r.t("stop-halt-heading")) }
            (form("halt", field("scope", "scope", "stop-scope", "stop-scope-hint"), "stop-halt-button"))
            h2 { (r.t("stop-suspend")) }
            (form("suspend", field("account", "account", "stop-account", "stop-account-hint"), "stop-suspend-button"))
            h2 { (r.t("stop-lift")) }
            p { (r.t("stop-lift-note")) }
            (form("resume", field("scope", "resume-scope", "stop-scope", "stop-scope-hint"), "stop-resume-button"))
            (form("reinstate", field("person", "person", "stop-person", "stop-person-hint"), "stop-reinstate-button"))
        }
        h2 { (r.t("stop-without")) }
        p { (r.t("stop-without-note")) }
        pre { "keepwhole staff revoke kim --data exchange --actor sue --id revoke-kim" }
    };
    page(r, guest, r.t("stop-heading"), "/stop", body)
}
