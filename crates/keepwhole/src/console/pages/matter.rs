//! One matter: what exactly would be done, in words, whose word it needs, and the ways to give it.

use maud::{Markup, html};

use super::enrol::kind_key;
use super::guard::why;
use super::rules::rules_difference;
use super::sign_in::{Guest, obstacle, page, passkey_form, signed_in};
use crate::authority::{Behind, MatterView, Said, Stands, Waiting};
use crate::console::Reader;
use crate::console::fragment::{Table, amount, columns, shell_quoted, time};
use crate::console::reader::segment;
use crate::console::refusal::No;
use crate::text::{Words, count, span};
use keepwhole_core::authority::class::Class;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::visible::visible;
use keepwhole_verify::words::phrase;

/// Actions and fields of commands (docs/authority.md, "Commands") with the catalogue's keys.
const ACTIONS: [(&str, &str); 32] = [
    ("withdraw", "action-withdraw"),
    ("request-withdrawal", "action-withdraw"),
    ("transfer", "action-transfer"),
    ("credit", "action-credit"),
    ("adopt-policy", "action-adopt-policy"),
    ("adopt-authority", "action-adopt-authority"),
    ("grant", "action-grant"),
    ("renew-roles", "action-renew-roles"),
    ("revoke", "action-revoke"),
    ("reinstate", "action-reinstate"),
    ("enrol-person", "action-enrol-person"),
    ("enrol-credential", "action-enrol-credential"),
    ("reset-credentials", "action-reset-credentials"),
    ("end-credential", "action-end-credential"),
    ("list-destination", "action-list-destination"),
    ("register-wallet", "action-register-wallet"),
    ("name-asset", "action-name-asset"),
    ("name-key", "action-name-key"),
    ("register-asset", "action-register-asset"),
    ("register-safe", "action-register-safe"),
    ("register-batch-code", "action-register-batch-code"),
    ("declare-holdings", "action-declare-holdings"),
    ("halt", "action-halt"),
    ("resume", "action-resume"),
    ("break-glass-freeze", "action-break-glass"),
    ("break-glass-sweep", "action-break-glass"),
    ("break-glass", "action-break-glass"),
    ("retire-key", "action-retire-key"),
    ("disable-watch", "action-disable-watch"),
    ("clear-finding", "action-clear-finding"),
    ("move-awareness", "action-move-awareness"),
    ("", "action-other"),
];

const FIELDS: [(&str, &str); 28] = [
    ("account", "matter-field-account"),
    ("actor", "matter-field-account"),
    ("address", "matter-field-address"),
    ("amount", "matter-field-amount"),
    ("asset", "matter-field-asset"),
    ("at", "matter-field-at"),
    ("budget", "matter-field-budget"),
    ("confirmations", "matter-field-confirmations"),
    ("customer", "matter-field-customer"),
    ("decimals", "matter-field-decimals"),
    ("dest", "matter-field-dest"),
    ("expires", "matter-field-expires"),
    ("id", "matter-field-id"),
    ("key", "matter-field-key"),
    ("kind", "matter-field-kind"),
    ("lines", "matter-field-lines"),
    ("max_fee", "matter-field-max-fee"),
    ("memo", "matter-field-memo"),
    ("name", "matter-field-name"),
    ("network", "matter-field-network"),
    ("person", "matter-field-person"),
    ("proposer", "matter-field-proposer"),
    ("reason", "matter-field-reason"),
    ("role", "matter-field-roles"),
    ("roles", "matter-field-roles"),
    ("scope", "matter-field-scope"),
    ("version", "matter-field-version"),
    ("wallet", "matter-field-wallet"),
];

/// What an action does, in words.
pub(crate) fn action_words(r: &Reader, action: &str) -> String {
    let row = ACTIONS.iter().find(|(known, _)| *known == action);
    row.map_or_else(|| r.t("action-other"), |(_, key)| r.t(key))
}

/// How many spoke, of how many.
pub(crate) fn waits_for(r: &Reader, line: &Waiting) -> String {
    Words::key("guard-approvals")
        .with("valid", count(u128::from(line.valid)))
        .with("needs", count(u128::from(line.needs)))
        .say(r.lang)
}

/// Whether a word would still be heard: it waits, or one person stopped it and a quorum may keep it.
fn is_open(view: &MatterView) -> bool {
    let stopped = view.line.class == Class::LiftStop
        && ["halt", "revoke", "retire-key", "adopt-policy"].contains(&view.line.action.as_str());
    match view.stands {
        Stands::Waits(_) => true,
        Stands::Done => stopped,
        Stands::Denied(_) | Stands::Lapsed => false,
    }
}

/// The page of a matter; `refused` is why the last answer that was brought does not count.
pub(crate) fn matter_page(
    r: &Reader,
    guest: &Guest<'_>,
    view: &MatterView,
    refused: Option<&No>,
) -> String {
    let here = format!("/approve/{}", segment(&view.line.id));
    let body = html! {
        @if let Some(no) = refused { (refusal(r, no)) }
        p.lead { (action_words(r, &view.line.action)) }
        (summary(r, view))
        section aria-labelledby="command" {
            h2 #command { (r.t("matter-command")) }
            (command(r, view))
            (behind(r, view))
        }
        @if let Behind::Rules(rules) = &view.behind { (rules_difference(r, rules)) }
        section aria-labelledby="said" {
            h2 #said { (r.t("matter-said")) }
            @if view.said.is_empty() { p { (r.t("matter-nobody-said")) } } @else { (said(r, &view.said)) }
        }
        @if is_open(view) { (ways(r, guest, view, &here)) }
        p { a href=(r.href("/approve")) { (r.t("matter-back")) } }
    };
    let heading = Words::key("matter-heading").with("id", visible(&view.line.id));
    page(r, guest, heading.say(r.lang), &here, body)
}

fn refusal(r: &Reader, no: &No) -> Markup {
    html! {
        div.problem role="alert" {
            p { strong { (r.t("matter-refused")) } " " (r.say(&no.words)) }
            p.detail { (r.say(&no.release)) " " code { (no.code) } }
        }
    }
}

fn summary(r: &Reader, view: &MatterView) -> Markup {
    html! {
        dl.summary {
            div { dt { (r.t("matter-stands")) } dd {
                @match &view.stands {
                    Stands::Waits(reason) => { strong { (r.t("matter-waits")) } (why(r, reason)) },
                    Stands::Denied(reason) => { strong { (r.t("matter-denied")) } (why(r, reason)) },
                    Stands::Done => strong { (r.t("matter-done")) },
                    Stands::Lapsed => strong { (r.t("matter-lapsed")) },
                }
            } }
            div { dt { (r.t("matter-words")) } dd {
                strong.six { (phrase(&Digest::from_bytes(view.digest))) }
                span.detail { (r.t("matter-words-note")) }
            } }
            div { dt { (r.t("matter-asked")) } dd { (time(view.line.asked)) } }
            div { dt { (r.t("matter-needs")) } dd {
                (waits_for(r, &view.line))
                span.detail { (Words::key("matter-among").with("roles", visible(&view.roles.join(", "))).say(r.lang)) }
                @if !view.required.is_empty() {
                    span.detail { (Words::key("matter-required").with("roles", visible(&view.required.join(", "))).say(r.lang)) }
                }
                @if view.without_proposer { span.detail { (r.t("matter-without-proposer")) } }
                @if view.cool_off_ms > 0 {
                    span.detail { (Words::key("matter-cool-off").with("span", span(view.cool_off_ms, r.lang)).say(r.lang)) }
                }
            } }
        }
    }
}

/// The exact command: every field with its name in words, then the text whose digest is approved.
fn command(r: &Reader, view: &MatterView) -> Markup {
    html! {
        @if view.policy_changed { div.notice { p { (r.t("matter-policy-changed")) } } }
        dl.summary {
            @for (name, value) in &view.fields {
                @if name != "action" {
                    div {
                        dt {
                            @match FIELDS.iter().find(|(known, _)| known == name) {
                                Some((_, key)) => (r.t(key)),
                                None => code { (visible(name)) },
                            }
                        }
                        dd.particular { (field(r, view, name, value)) }
                    }
                }
            }
            @for key in &view.keys {
                div { dt { (r.t("matter-key")) } dd {
                    strong.six { (key.words) }
                    span.detail {
                        (r.t(kind_key(key.kind))) " · "
                        @if key.device_bound { (r.t("made-is-bound")) } @else { (r.t("made-not-bound")) }
                    }
                } }
            }
        }
        details {
            summary { (r.t("matter-text")) }
            pre tabindex="0" { (visible(&view.text)) }
            p.detail { "SHA-256 (keepwhole/command/v1) " code { (to_hex(&view.digest)) } }
        }
    }
}

/// Where people see whole what the command names by digest.
fn behind(r: &Reader, view: &MatterView) -> Markup {
    let id = segment(&view.line.id);
    html! {
        @match &view.behind {
            Behind::Nothing => {},
            Behind::Request => p { a href=(r.href(&format!("/guard/{id}"))) { (r.t("matter-see-request")) } },
            Behind::Policy => p {
                a href=(format!("{}#difference", r.href(&format!("/policy?proposal={id}")))) { (r.t("matter-see-difference")) }
            },
            Behind::Rules(_) => p { a href="#rules" { (r.t("matter-see-rules")) } },
        }
    }
}

fn field(r: &Reader, view: &MatterView, name: &str, value: &str) -> Markup {
    let value = visible(value);
    let seconds = || {
        let seconds = value.parse::<u64>().ok()?;
        seconds.checked_mul(1_000)
    };
    html! {
        @match (name, &view.amount) {
            ("amount", Some(moved)) => { (amount(r, moved)) span.detail { (r.t("matter-minor")) " " code { (value) } } },
            ("expires" | "at", _) => @match seconds() {
                Some(at) => { (time(at)) },
                None => code { (value) },
            },
            ("proposer", _) if value == "system" => (r.t("matter-by-program")),
            ("memo", _) if value.is_empty() => span.quiet { (r.t("matter-no-memo")) },
            ("policy", _) => { code { (value) } " " a href=(r.href("/policy")) { (r.t("matter-see-policy")) } },
            ("policy_sha256" | "public_key" | "credential" | "credentials_sha256" | "rules_sha256" | "lines_sha256", _) => code { (value) },
            _ => (value),
        }
    }
}

fn said(r: &Reader, rows: &[Said]) -> Markup {
    let keys = [
        "matter-col-who",
        "matter-col-role",
        "matter-col-word",
        "matter-col-at",
    ];
    let rows = html! { @for row in rows { tr {
        th scope="row" { (visible(&row.person)) }
        td { (visible(&row.role)) }
        td { @if row.approves { (r.t("matter-approved")) } @else { (r.t("matter-rejected")) } }
        td { (time(row.at)) }
    } } };
    Table::new(r.t("matter-said-caption"), columns(r, keys)).rows(r, &rows)
}

/// The ways to give one's word: the passkey, the approver client, the command line.
fn ways(r: &Reader, guest: &Guest<'_>, view: &MatterView, here: &str) -> Markup {
    html! {
        section aria-labelledby="speak" {
            h2 #speak { (r.t("matter-speak")) }
            (obstacle(r, guest, here))
            @match guest.seat {
                Some(seat) => {
                    (signed_in(r, seat))
                    @let own: Vec<&String> = seat.holder.roles.iter().filter(|role| view.roles.contains(role)).collect();
                    @if own.is_empty() { div.notice { p { (r.t("matter-no-role")) } } }
                    @else {
                        @if view.separate { div.notice { p { strong { (r.t("matter-separate")) } " " (r.t("matter-separate-note")) } } }
                        @else if guest.can_ask() { (by_passkey(r, view, &own)) }
                        (by_client(r, view, &own))
                    }
                },
                None => @if guest.live {
                    p { a href=(r.href(&format!("/sign-in?next={}", segment(here)))) { (r.t("sign-in-heading")) } " · " (r.t("matter-sign-in")) }
                },
            }
            h3 { (r.t("matter-command-line")) }
            p { (r.t("matter-command-line-note")) }
            pre tabindex="0" {
                "keepwhole-approver sign request.json --key ana.key --decision approve --out answer.json\n"
                "keepwhole staff approve " (visible(&shell_quoted(&view.line.id))) " answer.json --data exchange --actor ana"
            }
        }
    }
}

fn role_choice(r: &Reader, id: &str, own: &[&String]) -> Markup {
    html! { p {
        label for=(id) { (r.t("matter-as")) }
        select id=(id) name="role" { @for role in own { option value=(role) { (role) } } }
    } }
}

fn by_passkey(r: &Reader, view: &MatterView, own: &[&String]) -> Markup {
    let inner = html! {
        input type="hidden" name="target" value=(view.line.id);
        (role_choice(r, "role", own))
        p.buttons {
            button name="decision" value="approve" { (r.t("matter-approve")) } " "
            button.reject name="decision" value="reject" { (r.t("matter-reject")) }
        }
    };
    html! {
        h3 { (r.t("matter-by-passkey")) }
        p { (r.t("matter-by-passkey-note")) }
        noscript { div.notice { p { (r.t("passkey-needs-script")) } p { (r.t("matter-without")) } } }
        (passkey_form(r, "get", ("/answer/begin", "/answer/finish"), &inner))
    }
}

fn by_client(r: &Reader, view: &MatterView, own: &[&String]) -> Markup {
    let id = segment(&view.line.id);
    html! {
        h3 { (r.t("matter-by-client")) }
        p { (r.t("matter-by-client-note")) }
        form.plain method="get" action=(format!("/guard/{id}/approval-request.json")) {
            (role_choice(r, "client-role", own))
            p { button { (r.t("matter-download")) } }
        }
        form.plain method="post" enctype="multipart/form-data" action=(r.href(&format!("/approve/{id}/answer"))) {
            p {
                label for="answer" { (r.t("matter-upload-label")) }
                input #answer type="file" name="answer" accept=".json,application/json" required;
            }
            p { button { (r.t("matter-upload")) } }
        }
    }
}
