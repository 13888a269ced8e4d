//! The people: who can do what, until when, and where are too few of them?

use maud::{Markup, html};

use super::authority;
use super::doors::doors;
use crate::console::Reader;
use crate::console::fragment::{Table, as_count, columns, time};
use crate::console::frame::{Page, framed};
use crate::text::{Words, count};
use crate::views::{ActorRow, Banner, ClassRow, PeopleView};

/// The page of the people; `live` where people are asked for their word here.
pub(crate) fn people_page(
    r: &Reader,
    view: &PeopleView,
    live: bool,
    banner: Option<&Banner>,
) -> String {
    let body = html! {
        p { (r.t("people-note")) }
        (authority::bootstrap(r, &view.authority))
        @if !view.authority.quorums.is_empty() {
            section aria-labelledby="quorums" {
                h2 #quorums {
                    (Words::key("people-quorums").with("version", count(view.authority.rules.into())).say(r.lang))
                }
                (authority::quorums(r, &view.authority.quorums))
            }
        }
        section aria-labelledby="stops" {
            h2 #stops { (r.t("people-stops")) }
            (authority::stops(r, &view.authority))
        }
        section aria-labelledby="findings" {
            h2 #findings { (r.t("people-findings")) }
            (authority::findings(r, &view.authority, live))
        }
        section aria-labelledby="actors" {
            h2 #actors { (r.t("people-actors")) }
            @if view.actors.is_empty() { p { (r.t("people-none")) } } @else { (actors(r, &view.actors)) }
        }
        section aria-labelledby="credentials" {
            h2 #credentials { (r.t("people-credentials")) }
            (authority::credentials(r, &view.authority))
        }
        section aria-labelledby="doors" {
            h2 #doors { (r.t("doors-heading")) }
            (doors(r, &view.doors))
        }
        section aria-labelledby="classes" {
            h2 #classes { (r.t("people-classes")) }
            @if !view.authority.quorums.is_empty() { p { (r.t("people-classes-beside")) } }
            (classes(r, &view.classes))
        }
    };
    framed(
        r,
        &Page {
            heading: r.t("people-heading"),
            here: "/people",
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

fn classes(r: &Reader, classes: &[ClassRow]) -> Markup {
    let keys = [
        "people-col-class",
        "people-col-roles",
        "people-col-able",
        "people-col-filled",
    ];
    let rows = html! { @for class in classes { (class_row(r, class)) } };
    Table::new(r.t("people-classes-caption"), columns(r, keys)).rows(r, &rows)
}

fn class_row(r: &Reader, class: &ClassRow) -> Markup {
    let needs = if class.beside_requester {
        "people-needs-beside"
    } else {
        "people-needs"
    };
    html! {
        tr {
            th scope="row" { (r.t(class.class)) }
            td { @if class.roles.is_empty() { span.quiet { (r.t("people-no-roles")) } } @else { (class.roles.join(", ")) } }
            td {
                (count(u128::from(as_count(class.persons.len()))))
                @if !class.persons.is_empty() { span.detail { (class.persons.join(", ")) } }
            }
            td {
                @if class.filled {
                    span.tag.tag-whole { span aria-hidden="true" { "✓" } " " (r.t("people-filled")) }
                } @else {
                    span.tag.tag-attention { span aria-hidden="true" { "▲" } " " (r.t("people-unfilled")) }
                }
                span.detail { (Words::key(needs).with("count", class.needs).say(r.lang)) }
            }
        }
    }
}

fn actors(r: &Reader, actors: &[ActorRow]) -> Markup {
    let keys = [
        "people-col-account",
        "people-col-person",
        "people-col-roles",
        "people-col-until",
    ];
    let rows = html! { @for actor in actors { (actor_row(r, actor)) } };
    Table::new(r.t("people-actors-caption"), columns(r, keys)).rows(r, &rows)
}

fn actor_row(r: &Reader, actor: &ActorRow) -> Markup {
    html! {
        tr {
            th scope="row" { (actor.id) }
            td { (actor.person) }
            td {
                @if actor.roles.is_empty() { span.quiet { (r.t("people-no-roles")) } }
                @else { (actor.roles.join(", ")) }
            }
            td {
                @match actor.expires {
                    Some(at) => (time(at)),
                    None => span.quiet { (r.t("people-no-end")) },
                }
                @if !actor.counts && !actor.roles.is_empty() { " " strong { (r.t("people-ended")) } }
            }
        }
    }
}
