//! Making a passkey: a credential file comes out of it, and a quorum decides whether it is enrolled.

use maud::{Markup, html};

use super::sign_in::{Guest, field, obstacle, page, passkey_form, proposal_form, signed_in};
use crate::authority::{credential_text, credential_words};
use crate::console::Reader;
use crate::console::fragment::shell_quoted;
use crate::console::reader::segment;
use crate::console::staff::Made;
use keepwhole_verify::visible::visible;

const KINDS: [(&str, &str); 3] = [
    ("security_key", "device-security-key"),
    ("platform", "device-platform"),
    ("phone", "device-phone"),
];

/// The catalogue's key of what a key lives on.
pub(crate) fn kind_key(code: &str) -> &'static str {
    let row = KINDS.iter().find(|(known, _)| *known == code);
    row.map_or("device-sealed", |(_, key)| key)
}

/// The page on which a passkey is made.
pub(crate) fn enrol_page(r: &Reader, guest: &Guest<'_>) -> String {
    let inner = html! {
        p {
            label for="name" { (r.t("enrol-name")) }
            span.detail #name-hint { (r.t("enrol-name-hint")) }
            input #name name="name" required maxlength="64" autocomplete="off" aria-describedby="name-hint";
        }
        fieldset {
            legend { (r.t("enrol-kind")) }
            @for (place, (code, key)) in KINDS.iter().enumerate() {
                p.choice {
                    input type="radio" name="kind" id=(format!("kind-{code}")) value=(code) checked[place == 0];
                    label for=(format!("kind-{code}")) { (r.t(key)) }
                }
            }
        }
        p { button { (r.t("enrol-button")) } }
    };
    let body = html! {
        p.lead { (r.t("enrol-lead")) }
        (obstacle(r, guest, "/enrol"))
        @if guest.can_ask() {
            noscript { div.notice { p { (r.t("passkey-needs-script")) } p { (r.t("enrol-without")) } } }
            (passkey_form(r, "create", ("/enrol/begin", "/enrol/finish"), &inner))
        }
        h2 { (r.t("enrol-then")) }
        ol {
            li { (r.t("enrol-then-words")) }
            li { (r.t("enrol-then-propose")) }
            li { (r.t("enrol-then-quorum")) }
        }
    };
    page(r, guest, r.t("enrol-heading"), "/enrol", body)
}

/// The page of a passkey that was made and is enrolled nowhere yet.
pub(crate) fn made_page(r: &Reader, guest: &Guest<'_>, under: &str, made: &Made) -> String {
    let key = &made.key;
    let file = format!("/enrol/{}/credential.json", segment(under));
    let name = &made.name;
    let word = |text: String| visible(&shell_quoted(&text));
    // A credential that was brought has no name here.
    let called = if name.is_empty() { "kim" } else { name };
    let (account, named) = (word(called.to_owned()), word(format!("{called}.json")));
    let body = html! {
        p.lead { (r.t(if name.is_empty() { "brought-lead" } else { "made-lead" })) }
        dl.summary {
            @if !name.is_empty() { div { dt { (r.t("made-name")) } dd { (visible(name)) } } }
            div { dt { (r.t("made-words")) } dd {
                strong.six { (credential_words(&key.id, &key.public_key)) }
                span.detail { (r.t("made-words-note")) }
            } }
            div { dt { (r.t("enrol-kind")) } dd { (r.t(kind_key(key.kind.code()))) } }
            div { dt { (r.t("made-bound")) } dd {
                @if key.device_bound { (r.t("made-is-bound")) } @else { (r.t("made-not-bound")) }
            } }
            div { dt { (r.t("made-file")) } dd {
                a href=(file) download=(format!("{called}.json")) { (visible(called)) ".json" }
                span.detail { (r.t("made-file-note")) }
            } }
        }
        pre tabindex="0" { (credential_text(key)) }
        h2 { (r.t("made-enrol")) }
        @match guest.seat {
            Some(seat) if guest.can_ask() => {
                (signed_in(r, seat))
                noscript { div.notice { p { (r.t("passkey-needs-script")) } } }
                (enrol_form(r, under, name))
                h2 { (r.t("made-reset")) }
                p { (r.t("made-reset-note")) }
                (reset_form(r, under, name))
            },
            _ => p { (r.t("made-sign-in")) },
        }
        h3 { (r.t("made-command-line")) }
        pre tabindex="0" {
            "keepwhole staff enrol " (account) " --data exchange --actor ada --id " (word(format!("enrol-{called}")))
            " --roles risk --credential " (named) "\n"
            "keepwhole staff reset " (account) " --data exchange --actor ada --id " (word(format!("reset-{called}")))
            " --credential " (named) "\n"
        }
        p { (r.t("made-bootstrap")) }
        pre tabindex="0" {
            "keepwhole staff bootstrap --data exchange --administrator " (word(format!("{called}={called}.json"))) " ..."
        }
    };
    page(
        r,
        guest,
        r.t(if name.is_empty() {
            "brought-heading"
        } else {
            "made-heading"
        }),
        &format!("/enrol/{}", segment(under)),
        body,
    )
}

fn enrol_form(r: &Reader, under: &str, name: &str) -> Markup {
    let inner = html! {
        input type="hidden" name="made" value=(under);
        (field(r, ("person", "person"), ("made-person", None), name))
        (field(r, ("account", "account"), ("made-account", None), name))
        (field(r, ("roles", "roles"), ("made-roles", None), "risk"))
        (field(r, ("days", "days"), ("made-days", None), "90"))
    };
    proposal_form(r, "enrol", &inner, "made-propose")
}

fn reset_form(r: &Reader, under: &str, name: &str) -> Markup {
    let inner = html! {
        input type="hidden" name="made" value=(under);
        (field(r, ("person", "reset-person"), ("made-person", Some("made-reset-hint")), name))
    };
    proposal_form(r, "reset", &inner, "made-reset-button")
}
