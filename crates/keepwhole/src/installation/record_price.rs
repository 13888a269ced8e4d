//! The records of prices as canonical JSON.

use super::record_json::{Members, Names, number, time};
use keepwhole_core::event::Event;
use keepwhole_core::price::{PriceEvent, ToldPrice, text};
use keepwhole_core::registry::AssetIx;
use keepwhole_verify::json::Value;

/// The kind of an event of a price in lower snake case; `None` for any other.
pub(super) const fn kind(event: &Event) -> Option<&'static str> {
    match event {
        Event::PriceRecorded(_) => Some("price_recorded"),
        Event::OfPrice(PriceEvent::Told(_)) => Some("price_told"),
        Event::OfPrice(PriceEvent::Suspected { .. }) => Some("price_suspected"),
        _ => None,
    }
}

/// The members of an event of a price. Prices are in whole units of the quote asset, but for those of older journals, which
/// are in its minor units.
pub(super) fn price(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::PriceRecorded(old) => vec![
            ("base", names.asset(old.base)),
            ("price", Value::amount(old.price)),
            ("quote", names.asset(old.quote)),
            ("source", Value::text(old.source.as_str())),
        ],
        Event::OfPrice(PriceEvent::Told(row)) => told(names, row),
        Event::OfPrice(PriceEvent::Suspected {
            told: row,
            last,
            band_bps,
        }) => {
            let mut members = told(names, row);
            members.push(("band_bps", number(u64::from(*band_bps))));
            members.push(("last", whole(names, *last, row.quote)));
            members
        }
        _ => return None,
    })
}

fn told(names: &Names<'_>, row: &ToldPrice) -> Members {
    vec![
        ("as_of", time(row.as_of)),
        ("base", names.asset(row.base)),
        ("price", whole(names, row.price, row.quote)),
        ("quote", names.asset(row.quote)),
        ("source", Value::text(row.source.as_str())),
    ]
}

fn whole(names: &Names<'_>, price: u128, quote: AssetIx) -> Value {
    let row = names.0.registry.assets.get(quote.place());
    Value::Text(text(price, row.map_or(0, |row| row.decimals)))
}
