//! Prices on the page of the policy: who told them, of when they are, and whether values rest on them.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, columns, time};
use crate::views::{PriceRow, ToldRow, price_shown};

/// The table, or that there is nothing.
pub(super) fn prices(r: &Reader, rows: &[PriceRow]) -> Markup {
    let heads = columns(
        r,
        [
            "price-col-asset",
            "price-col-price",
            "price-col-as-of",
            "price-col-source",
            "price-col-stands",
        ],
    );
    let shown = html! {
        @for row in rows {
            @if let Some(last) = &row.last { (told(r, row, last, row.standing.key())) }
            @if let Some(suspect) = &row.suspect { (told(r, row, suspect, "price-never-used")) }
        }
    };
    html! {
        p { (r.t("price-note")) }
        @if rows.is_empty() { p { (r.t("price-none")) } }
        @else { (Table::new(r.t("price-caption"), heads).rows(r, &shown)) }
    }
}

fn told(r: &Reader, row: &PriceRow, told: &ToldRow, stands: &str) -> Markup {
    html! {
        tr {
            th scope="row" { (row.asset) }
            td.number { (price_shown(&told.price)) " " span.symbol { (row.quote) } }
            td { (time(told.as_of)) }
            td { (told.source) }
            td { (r.t(stands)) }
        }
    }
}
