//! Prices that are told: all of a batch or none. What is outside its band is recorded as suspect and never used.

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::event::Event;
use crate::incident::AlarmCode;
use crate::price::{AHEAD_MAX_MS, BATCH_MAX, NewPrice, PriceEvent, SOURCE_MAX, ToldPrice};
use crate::reason::Reason;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

/// Records prices. The answer is *held* where one of them is suspect, and names the first such.
pub(super) fn record(turn: &mut Turn<'_>, rows: &[NewPrice]) -> Ruling {
    if rows.is_empty() || rows.len() > BATCH_MAX {
        return Err(turn.malformed(&format!("a batch has 1 to {BATCH_MAX} prices")));
    }
    let mut seen = BTreeSet::new();
    let mut suspect = None;
    for row in rows {
        let told = sound(turn, row)?;
        if !seen.insert((told.base, told.quote)) {
            let what = format!(
                "`{}` has two prices in one batch; tell the newer one",
                row.base
            );
            return Err(turn.malformed(&what));
        }
        let known = turn.state.prices.get(&(told.base, told.quote));
        let band = turn.policy().price_band_bps;
        let outside = match known {
            Some(known) => known.outside(told.price, band, turn.at),
            None => (told.price == 0).then_some((0, band.unwrap_or(0))),
        };
        let Some((last, band_bps)) = outside else {
            turn.emit(Event::OfPrice(PriceEvent::Told(told)));
            continue;
        };
        turn.alarm(AlarmCode::PriceBad, &row.base);
        suspect.get_or_insert(Reason::PriceBand {
            asset: row.base.clone(),
            price: told.price,
            last,
            band_bps,
        });
        turn.emit(Event::OfPrice(PriceEvent::Suspected {
            told,
            last,
            band_bps,
        }));
    }
    Ok(suspect.map_or(Answer::Recorded, Answer::because))
}

/// A price whose names are known, whose currency is the policy's, and whose time is neither ahead nor before the newest.
fn sound(turn: &Turn<'_>, row: &NewPrice) -> Result<ToldPrice, Reason> {
    let (base, quote) = (turn.asset(&row.base)?, turn.asset(&row.quote)?);
    if base == quote {
        return Err(turn.malformed(&format!("`{}` has no price in itself", row.base)));
    }
    if row.source.is_empty() || row.source.len() > SOURCE_MAX {
        return Err(turn.malformed(&format!("a source has 1 to {SOURCE_MAX} bytes")));
    }
    if let Some(reference) = turn.policy().reference.filter(|asset| *asset != quote) {
        return Err(Reason::PriceQuote {
            quote: row.quote.clone(),
            reference: String::from(turn.state.registry.asset_id(reference)),
        });
    }
    if row.as_of > turn.at.saturating_add(AHEAD_MAX_MS) {
        return Err(Reason::PriceAhead {
            asset: row.base.clone(),
            as_of: row.as_of,
            now: turn.at,
        });
    }
    let known = turn.state.prices.get(&(base, quote));
    let newest = known.and_then(crate::price::Known::newest).unwrap_or(0);
    if row.as_of < newest {
        return Err(Reason::PriceOlder {
            asset: row.base.clone(),
            as_of: row.as_of,
            newest,
        });
    }
    Ok(ToldPrice {
        base,
        quote,
        price: row.price,
        as_of: row.as_of,
        source: row.source.clone(),
    })
}
