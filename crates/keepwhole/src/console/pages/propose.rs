//! What a person may propose here beside stops: the next policy, rules of authority, keys, longer roles; and the page of a
//! file that was brought, with what it would change.

use maud::{Markup, html};

use super::policy::difference_of;
use super::rules::rules_difference;
use super::sign_in::{Guest, field, obstacle, page, proposal_form, seat_or_sign_in, signed_in};
use crate::authority::Offer;
use crate::console::Reader;
use crate::console::files::{Kind, Unfit};
use crate::console::reader::segment;
use crate::policy::{Fault, Finding};
use crate::text::Words;
use keepwhole_verify::visible::visible;

/// Heading, hint, label and button of a file's form.
const fn words_of(kind: Kind) -> [&'static str; 4] {
    match kind {
        Kind::Policy => [
            "action-adopt-policy",
            "propose-policy-hint",
            "propose-policy-file",
            "propose-look",
        ],
        Kind::Rules => [
            "action-adopt-authority",
            "propose-rules-hint",
            "propose-rules-file",
            "propose-look",
        ],
        Kind::Credential => [
            "propose-keys",
            "propose-keys-hint",
            "propose-keys-file",
            "propose-bring-key",
        ],
    }
}

/// The page of proposals; `unfit` is the file that was brought last and not taken.
pub(crate) fn propose_page(r: &Reader, guest: &Guest<'_>, unfit: Option<&Unfit>) -> String {
    let days = field(r, ("days", "days"), ("made-days", None), "90");
    let body = html! {
        p.lead { (r.t("propose-lead")) }
        (obstacle(r, guest, "/propose"))
        (seat_or_sign_in(r, guest, "/propose", "propose-sign-in"))
        @if guest.can_ask() && guest.seat.is_some() {
            @for kind in Kind::ALL { (file_form(r, kind, unfit.filter(|unfit| unfit.kind == kind))) }
            h2 { (r.t("action-renew-roles")) }
            noscript { div.notice { p { (r.t("passkey-needs-script")) } p { (r.t("sign-in-role")) } } }
            (proposal_form(r, "renew", &html! {
                (field(r, ("account", "account"), ("stop-account", Some("stop-account-hint")), ""))
                (days)
            }, "made-propose"))
        }
        h2 { (r.t("propose-elsewhere")) }
        ul {
            li { a href=(r.href("/stop")) { (r.t("stop-heading")) } }
            li { a href=(r.href("/enrol")) { (r.t("enrol-heading")) } }
        }
        p { (r.t("propose-command-line")) }
        pre tabindex="0" {
            "keepwhole staff register --help\n"
            "keepwhole staff release-redress --help\n"
            "keepwhole staff destroy-key --help"
        }
    };
    let heading = match unfit {
        Some(_) => format!("{}: {}", r.t("propose-error"), r.t("propose-heading")),
        None => r.t("propose-heading"),
    };
    page(r, guest, heading, "/propose", body)
}

/// A form that sends one file without script, with what is wrong with the file that was sent before.
fn file_form(r: &Reader, kind: Kind, unfit: Option<&Unfit>) -> Markup {
    let [heading, hint, label, button] = words_of(kind);
    let name = kind.field();
    let (hint_id, faults_id) = (format!("{name}-hint"), format!("{name}-faults"));
    let described = match unfit {
        Some(_) => format!("{hint_id} {faults_id}"),
        None => hint_id.clone(),
    };
    html! {
        h2 { (r.t(heading)) }
        p id=(hint_id) { (r.t(hint)) }
        @if let Some(unfit) = unfit { (refusal(r, unfit, &faults_id)) }
        form.plain method="post" enctype="multipart/form-data" action=(r.href(kind.path())) {
            p {
                label for=(name) { (r.t(label)) }
                input id=(name) type="file" name=(name) required aria-describedby=(described)
                    aria-invalid=[unfit.map(|_| "true")] autofocus[unfit.is_some()];
            }
            p { button { (r.t(button)) } }
        }
    }
}

fn refusal(r: &Reader, unfit: &Unfit, id: &str) -> Markup {
    let no = &unfit.no;
    html! {
        div.problem role="alert" id=(id) {
            p { strong { (r.t("propose-not-taken")) } " " (r.say(&no.words)) " " (r.say(&no.release)) }
            @if !unfit.faults.is_empty() { ul { @for fault in &unfit.faults { (fault_line(r, fault)) } } }
        }
    }
}

/// A fault in the words of the command line, which are English.
fn fault_line(r: &Reader, fault: &Fault) -> Markup {
    told(r, fault.line, &fault.key, (&fault.what, &fault.fix))
}

fn note_line(r: &Reader, note: &Finding) -> Markup {
    told(r, note.line, &note.key, (&note.what, &note.fix))
}

fn told(r: &Reader, line: usize, key: &str, (what, fix): (&str, &str)) -> Markup {
    let line = Words::key("propose-line").with("line", line.to_string());
    html! {
        li {
            (r.say(&line))
            @if !key.is_empty() { " " code { (visible(key)) } }
            span.detail lang="en" { (visible(what)) "; " (visible(fix)) }
        }
    }
}

/// The page of a file that was brought: what it would change, and the touch that proposes it.
pub(crate) fn file_page(
    r: &Reader,
    guest: &Guest<'_>,
    (under, notes): (&str, &[Finding]),
    offer: &Offer,
) -> String {
    let heading = match offer {
        Offer::Policy(_) => "propose-this-policy",
        Offer::Rules(_) => "propose-these-rules",
    };
    let inner = html! { input type="hidden" name="file" value=(under); };
    let body = html! {
        p.lead { (r.t("propose-file-lead")) }
        @match offer {
            Offer::Policy(difference) => (difference_of(r, difference)),
            Offer::Rules(difference) => (rules_difference(r, difference)),
        }
        @if !notes.is_empty() {
            h2 { (r.t("propose-notes")) }
            ul { @for note in notes { (note_line(r, note)) } }
        }
        h2 { (r.t("propose-now")) }
        (obstacle(r, guest, "/propose"))
        @if let Some(seat) = guest.seat { (signed_in(r, seat)) }
        @if guest.can_ask() {
            noscript { div.notice { p { (r.t("passkey-needs-script")) } p { (r.t("propose-without")) } } }
            (proposal_form(r, "file", &inner, "made-propose"))
        }
        p { a href=(r.href("/propose")) { (r.t("propose-heading")) } }
    };
    let here = format!("/propose/file/{}", segment(under));
    page(r, guest, r.t(heading), &here, body)
}
