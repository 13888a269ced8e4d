//! The policy: what are the rules, who changed them, and what is about to change?

use maud::{Markup, html};

use super::guard::why;
use super::prices::prices;
use crate::console::Reader;
use crate::console::fragment::{Table, columns, evidence, time};
use crate::console::frame::{Page, framed};
use crate::console::reader::segment;
use crate::policy::Direction;
use crate::text::{Arg, Words, count};
use crate::views::{
    Banner, ChangeRow, Compared, FieldChange, PolicyDifference, PolicyRow, PolicyView, RuleRow,
    Version, Voice,
};

/// The page of the policy.
pub(crate) fn policy_page(
    r: &Reader,
    view: &PolicyView,
    between: Option<&Compared>,
    banner: Option<&Banner>,
) -> String {
    let here = match between {
        None => "/policy".to_owned(),
        Some(Compared::Versions(old, new)) => format!("/policy?old={old}&new={new}"),
        Some(Compared::Proposal(id)) => format!("/policy?proposal={}", segment(id)),
    };
    let body = html! {
        p { (r.t("policy-note")) }
        section aria-labelledby="pending" {
            h2 #pending { (r.t("policy-pending")) }
            @if view.waiting.is_empty() { p { (r.t("policy-no-pending")) } }
            @else { (changes(r, &r.t("policy-pending-caption"), &view.waiting)) }
        }
        section aria-labelledby="in-force" {
            h2 #in-force {
                (Words::key("policy-in-force").with("version", count(u128::from(view.version))).say(r.lang))
            }
            @if view.versions.is_empty() { p { (r.t("policy-none")) } } @else { (in_words(r, &view.rows)) }
            @if !view.rules.is_empty() { (rules(r, &view.rules)) }
        }
        section aria-labelledby="prices" {
            h2 #prices { (r.t("price-heading")) }
            (prices(r, &view.prices))
        }
        section aria-labelledby="versions" {
            h2 #versions { (r.t("policy-versions")) }
            @if !view.versions.is_empty() { (versions(r, &view.versions)) }
            @if view.versions.len() > 1 { (compare(r, view, between)) }
            @match (&view.difference, between) {
                (Some(difference), _) => (difference_of(r, difference)),
                (None, Some(Compared::Versions(old, new))) => p.note role="alert" {
                    (Words::key("policy-no-versions").with("old", count(u128::from(*old)))
                        .with("new", count(u128::from(*new))).say(r.lang))
                },
                (None, Some(Compared::Proposal(id))) => p.note role="alert" {
                    (Words::key("policy-no-proposal-of").with("id", id.as_str()).say(r.lang))
                },
                (None, None) => {},
            }
        }
        section aria-labelledby="decided" {
            h2 #decided { (r.t("policy-decided")) }
            @if view.decided.is_empty() { p { (r.t("policy-no-decided")) } }
            @else { (changes(r, &r.t("policy-decided-caption"), &view.decided)) }
        }
    };
    framed(
        r,
        &Page {
            heading: r.t("policy-heading"),
            here: &here,
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

fn sentences(r: &Reader, list: &[Words]) -> Markup {
    html! {
        @match list {
            [one] => (r.say(one)),
            several => ul { @for one in several { li { (r.say(one)) } } },
        }
    }
}

fn in_words(r: &Reader, rows: &[PolicyRow]) -> Markup {
    html! {
        dl.summary.policy { @for row in rows { div { dt { (r.t(row.label)) } dd { (sentences(r, &row.says)) } } } }
    }
}

fn rules(r: &Reader, rules: &[RuleRow]) -> Markup {
    let keys = ["policy-col-rule", "policy-col-then", "policy-col-when"];
    let rows = html! { @for rule in rules { tr {
        th scope="row" { code { (rule.id) } span.detail { (r.say(&rule.says)) } }
        td { (r.say(&rule.then)) }
        td { (conditions(r, rule)) }
    } } };
    let table = Table::new(r.t("policy-rules"), columns(r, keys));
    table.class("rules").rows(r, &rows)
}

fn conditions(r: &Reader, rule: &RuleRow) -> Markup {
    html! {
        @if rule.when.is_empty() { (r.t("policy-always")) }
        @else { ul { @for one in &rule.when { li { (r.say(&one.says)) span.detail { code { (one.text) } } } } } }
    }
}

fn versions(r: &Reader, versions: &[Version]) -> Markup {
    let keys = [
        "policy-col-version",
        "policy-col-since",
        "policy-col-until",
        "policy-col-proposed",
        "policy-col-approved",
        "policy-col-entry",
    ];
    let rows = html! { @for version in versions { (version_row(r, version)) } };
    let table = Table::new(r.t("policy-versions-caption"), columns(r, keys));
    table.numbers(&[0]).rows(r, &rows)
}

fn version_row(r: &Reader, version: &Version) -> Markup {
    html! {
        tr {
            th.number scope="row" { (count(u128::from(version.version))) }
            td { (time(version.at)) }
            td {
                @match version.until {
                    Some(until) => (time(until)),
                    None => (r.t("policy-still")),
                }
            }
            td {
                @match &version.proposed {
                    Some(voice) => (voice_of(r, voice)),
                    None => span.quiet { (r.t("policy-no-proposal")) },
                }
            }
            td {
                @match version.approved.as_slice() {
                    [] if version.proposed.is_none() => {},
                    [] => span.quiet { (r.t("policy-nobody")) },
                    [one] => (voice_of(r, one)),
                    several => ul { @for one in several { li { (voice_of(r, one)) } } },
                }
            }
            td { (evidence(r, &[version.entry])) }
        }
    }
}

fn voice_of(r: &Reader, voice: &Voice) -> Markup {
    html! {
        (voice.person)
        @if !voice.role.is_empty() { " " span.quiet { (Words::key("policy-as").with("role", voice.role.as_str()).say(r.lang)) } }
        span.detail { (time(voice.at)) }
    }
}

/// A form that asks for the difference of two versions; it is a plain address.
fn compare(r: &Reader, view: &PolicyView, between: Option<&Compared>) -> Markup {
    let newest = view.versions.first().map_or(0, |version| version.version);
    let (old, new) = match between {
        Some(Compared::Versions(old, new)) => (*old, *new),
        _ => (newest.saturating_sub(1), newest),
    };
    let choice = |name: &'static str, chosen: u64, label: &'static str| {
        html! {
            label for=(name) { (r.t(label)) }
            select id=(name) name=(name) {
                @for version in &view.versions {
                    option value=(version.version) selected[version.version == chosen] { (version.version) }
                }
            }
        }
    };
    html! {
        form.search method="get" action="/policy" {
            @if r.chosen { input type="hidden" name="lang" value=(r.lang.tag()); }
            (choice("old", old, "policy-old"))
            (choice("new", new, "policy-new"))
            button type="submit" { (r.t("policy-compare")) }
        }
    }
}

pub(super) fn difference_of(r: &Reader, difference: &PolicyDifference) -> Markup {
    let versions = |key| {
        Words::key(key)
            .with("old", count(u128::from(difference.old)))
            .with("new", count(u128::from(difference.new)))
    };
    let caption = match &difference.proposal {
        Some(id) => versions("policy-difference-proposal").with("id", id.as_str()),
        None => versions("policy-difference"),
    };
    let caption = r.say(&caption);
    let keys = [
        "policy-col-what",
        "policy-col-way",
        "policy-col-before",
        "policy-col-after",
    ];
    let rows = html! { @for change in &difference.changes { (field_change(r, change)) } };
    html! {
        h3 #difference { (caption) }
        @if difference.changes.is_empty() { p { (r.t("policy-same")) } }
        @else {
            p { strong { (r.t(if difference.at_once { "policy-tightens" } else { "policy-loosens" })) } " " (needs(r, difference)) }
            (Table::new(caption, columns(r, keys)).rows(r, &rows))
        }
    }
}

/// What adopting the newer policy needs.
fn needs(r: &Reader, difference: &PolicyDifference) -> String {
    let words = match (difference.at_once, difference.notice) {
        (true, _) => Words::key("policy-needs-one"),
        (false, 0) => Words::key("policy-needs").with("count", difference.persons),
        (false, notice) => Words::key("policy-needs-waits")
            .with("span", Arg::Span(notice))
            .with("count", difference.persons),
    };
    r.say(&words)
}

fn field_change(r: &Reader, change: &FieldChange) -> Markup {
    let side = |side: &Option<Words>| {
        html! {
            @match side {
                Some(words) => (r.say(words)),
                None => span.quiet { (r.t("policy-no-rule")) },
            }
        }
    };
    let (class, mark, word) = match change.direction {
        Direction::Tighter => ("tag tag-whole", "▼", "policy-tighter"),
        Direction::Looser => ("tag tag-attention", "▲", "policy-looser"),
        Direction::Unknown => ("tag tag-unknown", "?", "policy-unknown-way"),
        Direction::Words => ("tag tag-not-built", "=", "policy-words-only"),
    };
    html! {
        tr {
            th scope="row" { (r.say(&change.about)) span.detail { code { (change.field) } } }
            td { span class=(class) { span aria-hidden="true" { (mark) } " " (r.t(word)) } }
            td { (side(&change.old)) }
            td { (side(&change.new)) }
        }
    }
}

/// Where a proposed policy can be looked at before anybody approves it.
fn looks(r: &Reader, id: &str) -> Markup {
    let id = segment(id);
    html! {
        span.detail {
            a href=(format!("{}#difference", r.href(&format!("/policy?proposal={id}")))) { (r.t("policy-see-difference")) }
            " · "
            a href=(r.href(&format!("/policy/backtest?policy=proposal-{id}"))) { (r.t("policy-see-backtest")) }
        }
    }
}

fn changes(r: &Reader, caption: &str, changes: &[ChangeRow]) -> Markup {
    let keys = ["policy-col-change", "policy-col-who", "policy-col-stands"];
    let rows = html! { @for change in changes { tr {
        th scope="row" {
            (r.say(&change.what)) span.detail { code { (change.id) } }
            @if change.policy && change.waits { (looks(r, &change.id)) }
        }
        td {
            (change.persons.join(", "))
            span.detail { (r.t("policy-last-approval")) " " (time(change.last)) }
        }
        td {
            @match &change.reason {
                Some(reason) => (why(r, reason)),
                None => (r.t("policy-change-in-force")),
            }
            " " (evidence(r, &change.entries))
        }
    } } };
    let table = Table::new(caption.to_owned(), columns(r, keys));
    table.class("requests").rows(r, &rows)
}
