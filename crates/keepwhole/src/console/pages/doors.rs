//! The doors: which programs may knock, and who was turned away at them.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, columns, time};
use crate::text::count;
use crate::views::{DoorsView, IdentityRow, TurnedAwayRow};

/// Both tables, or that there is nothing.
pub(super) fn doors(r: &Reader, view: &DoorsView) -> Markup {
    html! {
        p { (r.t("doors-note")) }
        @if view.turned_away.is_empty() { p { (r.t("doors-nobody-turned-away")) } } @else { (turned_away(r, &view.turned_away)) }
        @if view.identities.is_empty() { p { (r.t("doors-no-identities")) } } @else { (identities(r, &view.identities)) }
    }
}

fn turned_away(r: &Reader, rows: &[TurnedAwayRow]) -> Markup {
    let columns = columns(
        r,
        [
            "doors-col-door",
            "doors-col-code",
            "doors-col-who",
            "doors-col-count",
            "doors-col-first",
            "doors-col-last",
        ],
    );
    let rows = html! {
        @for row in rows {
            tr {
                th scope="row" { (r.t(row.door)) }
                td { code { (row.code) } }
                td { @if row.who.is_empty() { span.quiet { (r.t("doors-unknown")) } } @else { (row.who) } }
                td.number { (count(row.count.into())) }
                td { (time(row.first)) }
                td { (time(row.last)) }
            }
        }
    };
    Table::new(r.t("doors-turned-away-caption"), columns).rows(r, &rows)
}

fn identities(r: &Reader, rows: &[IdentityRow]) -> Markup {
    let columns = columns(
        r,
        ["doors-col-identity", "doors-col-scope", "doors-col-until"],
    );
    let rows = html! {
        @for row in rows {
            tr {
                th scope="row" { (row.name) }
                td { code { (row.scope) } }
                td { time datetime=(row.until) { (row.until) } }
            }
        }
    };
    Table::new(r.t("doors-identities-caption"), columns).rows(r, &rows)
}
