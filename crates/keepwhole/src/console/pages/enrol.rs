//! Making a passkey: a credential file comes out of it, and a quorum decides whether it is enrolled.

use maud::{Markup, html};

use super::sign_in::{Guest, obstacle, page, passkey_form, signed_in};
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
    let (account, named) = (word(name.clone()), word(format!("{name}.json")));
    let body = html! {
        p.lead { (r.t("made-lead")) }
        dl.summary {
            div { dt { (r.t("made-name")) } dd { (visible(name)) } }
            div { dt { (r.t("made-words")) } dd {
                strong.six { (credential_words(&key.id, &key.public_key)) }
                span.detail { (r.t("made-words-note")) }
            } }
            div { dt { (r.t("enrol-kind")) } dd { (r.t(kind_key(key.kind.code()))) } }
            div { dt { (r.t("made-bound")) } dd {
                @if key.device_bound { (r.t("made-is-bound")) } @else { (r.t("made-not-bound")) }
            } }
            div { dt { (r.t("made-file")) } dd {
                a href=(file) download=(format!("{name}.json")) { (visible(name)) ".json" }
                span.detail { (r.t("made-file-note")) }
            } }
        }
        pre tabindex="0" { (credential_text(key)) }
        h2 { (r.t("made-enrol")) }
        @match guest.seat {
            Some(seat) if guest.can_ask() => {
                (signed_in(r, seat))
                (propose_form(r, under, made))
            },
            _ => p { (r.t("made-sign-in")) },
        }
        h3 { (r.t("made-command-line")) }
        pre tabindex="0" {
            "keepwhole staff enrol " (account) " --data exchange --actor ada --id " (word(format!("enrol-{name}")))
            " --roles risk --credential " (named) "\n"
        }
        p { (r.t("made-bootstrap")) }
        pre tabindex="0" {
            "keepwhole staff bootstrap --data exchange --administrator " (word(format!("{name}={name}.json"))) " ..."
        }
    };
    page(
        r,
        guest,
        r.t("made-heading"),
        &format!("/enrol/{}", segment(under)),
        body,
    )
}

fn propose_form(r: &Reader, under: &str, made: &Made) -> Markup {
    let field = |name: &str, label: &'static str, value: &str| {
        html! { p {
            label for=(name) { (r.t(label)) }
            input id=(name) name=(name) value=(value) required maxlength="256" autocomplete="off";
        } }
    };
    let inner = html! {
        input type="hidden" name="kind" value="enrol";
        input type="hidden" name="made" value=(under);
        (field("person", "made-person", &made.name))
        (field("account", "made-account", &made.name))
        (field("roles", "made-roles", "risk"))
        (field("days", "made-days", "90"))
        p { button { (r.t("made-propose")) } }
    };
    html! {
        noscript { div.notice { p { (r.t("passkey-needs-script")) } } }
        (passkey_form(r, "get", ("/propose/begin", "/propose/finish"), &inner))
    }
}
