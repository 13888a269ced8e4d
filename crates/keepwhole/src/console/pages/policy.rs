//! The policy: what are the rules, who changed them, and what is about to change?

use maud::{Markup, html};

use super::guard::why;
use crate::console::Reader;
use crate::console::fragment::{evidence, time};
use crate::console::frame::{Page, framed};
use crate::text::{Words, count};
use crate::views::{Banner, ChangeRow, PolicyDifference, PolicyRow, PolicyView, RuleRow, Version};

/// The page of the policy.
pub(crate) fn policy_page(
    r: &Reader,
    view: &PolicyView,
    between: Option<(u64, u64)>,
    banner: Option<&Banner>,
) -> String {
    let here = between.map_or_else(
        || "/policy".to_owned(),
        |(old, new)| format!("/policy?old={old}&new={new}"),
    );
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
        section aria-labelledby="versions" {
            h2 #versions { (r.t("policy-versions")) }
            @if !view.versions.is_empty() { (versions(r, &view.versions)) }
            @if view.versions.len() > 1 { (compare(r, view, between)) }
            @match (&view.difference, between) {
                (Some(difference), _) => (difference_of(r, difference)),
                (None, Some((old, new))) => p.note role="alert" {
                    (Words::key("policy-no-versions").with("old", count(u128::from(old)))
                        .with("new", count(u128::from(new))).say(r.lang))
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
    let caption = r.t("policy-rules");
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table.rules {
                caption { (caption) }
                thead { tr {
                    th scope="col" { (r.t("policy-col-rule")) }
                    th scope="col" { (r.t("policy-col-then")) }
                    th scope="col" { (r.t("policy-col-when")) }
                } }
                tbody {
                    @for rule in rules {
                        tr {
                            th scope="row" { code { (rule.id) } span.detail { (rule.says) } }
                            td { (r.say(&rule.then)) }
                            td { (conditions(r, rule)) }
                        }
                    }
                }
            }
        }
    }
}

fn conditions(r: &Reader, rule: &RuleRow) -> Markup {
    html! {
        @if rule.when.is_empty() { (r.t("policy-always")) }
        @else { ul { @for one in &rule.when { li { code { (one) } } } } }
    }
}

fn versions(r: &Reader, versions: &[Version]) -> Markup {
    let caption = r.t("policy-versions-caption");
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" .number { (r.t("policy-col-version")) }
                    th scope="col" { (r.t("policy-col-since")) }
                    th scope="col" { (r.t("policy-col-who")) }
                    th scope="col" { (r.t("policy-col-entry")) }
                } }
                tbody {
                    @for version in versions {
                        tr {
                            th.number scope="row" { (count(u128::from(version.version))) }
                            td { (time(version.at)) }
                            td {
                                @if version.persons.is_empty() { span.quiet { (r.t("policy-no-proposal")) } }
                                @else { (version.persons.join(", ")) }
                            }
                            td { (evidence(r, &[version.entry])) }
                        }
                    }
                }
            }
        }
    }
}

/// A form that asks for the difference of two versions; it is a plain address.
fn compare(r: &Reader, view: &PolicyView, between: Option<(u64, u64)>) -> Markup {
    let newest = view.versions.first().map_or(0, |version| version.version);
    let (old, new) = between.unwrap_or((newest.saturating_sub(1), newest));
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

fn difference_of(r: &Reader, difference: &PolicyDifference) -> Markup {
    let caption = Words::key("policy-difference")
        .with("old", count(u128::from(difference.old)))
        .with("new", count(u128::from(difference.new)))
        .say(r.lang);
    let same = difference.rows.is_empty() && difference.rules.is_empty();
    html! {
        h3 #difference { (caption) }
        @if same { p { (r.t("policy-same")) } }
        @else {
            p { strong { (r.t(if difference.tightens { "policy-tightens" } else { "policy-loosens" })) } }
            div.scroll role="region" aria-label=(caption) tabindex="0" {
                table {
                    caption { (caption) }
                    thead { tr {
                        th scope="col" { (r.t("policy-col-what")) }
                        th scope="col" { (r.t("policy-col-before")) }
                        th scope="col" { (r.t("policy-col-after")) }
                    } }
                    tbody {
                        @for (label, before, after) in &difference.rows {
                            tr {
                                th scope="row" { (r.t(label)) }
                                td { (sentences(r, before)) }
                                td { (sentences(r, after)) }
                            }
                        }
                        @for (id, before, after) in &difference.rules {
                            tr {
                                th scope="row" { (r.t("policy-col-rule")) " " code { (id) } }
                                td { (one_rule(r, before.as_ref())) }
                                td { (one_rule(r, after.as_ref())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn one_rule(r: &Reader, rule: Option<&RuleRow>) -> Markup {
    html! {
        @match rule {
            Some(rule) => { (r.say(&rule.then)) " " (conditions(r, rule)) span.detail { (rule.says) } }
            None => span.quiet { (r.t("policy-no-rule")) },
        }
    }
}

fn changes(r: &Reader, caption: &str, changes: &[ChangeRow]) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table.requests {
                caption { (caption) }
                thead { tr {
                    th scope="col" { (r.t("policy-col-change")) }
                    th scope="col" { (r.t("policy-col-who")) }
                    th scope="col" { (r.t("policy-col-stands")) }
                } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" { (r.say(&change.what)) span.detail { code { (change.id) } } }
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
                        }
                    }
                }
            }
        }
    }
}
