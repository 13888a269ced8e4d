//! Prices: all of a batch or none, each compared with the last good one and with all good ones of the day.

use super::{Model, Ruling};
use keepwhole_core::answer::Answer;
use keepwhole_core::price::NewPrice;
use keepwhole_core::reason::Reason;

const HOUR_MS: u64 = 3_600_000;

/// What was told of one base in one quote.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Of when the newest is, good or not, ms.
    newest: u64,
    /// Every good one, with when it was recorded.
    good: Vec<(u64, u128)>,
}

fn far(price: u128, from: u128, bps: u128) -> bool {
    price.abs_diff(from) > from * bps / 10_000
}

fn malformed() -> Reason {
    Reason::Malformed {
        what: String::new(),
    }
}

impl Model {
    pub(super) fn prices(&mut self, rows: &[NewPrice]) -> Ruling {
        for (place, row) in rows.iter().enumerate() {
            self.sound(row)?;
            let pair = |row: &NewPrice| (row.base.clone(), row.quote.clone());
            if rows
                .iter()
                .take(place)
                .any(|before| pair(before) == pair(row))
            {
                return Err(malformed());
            }
        }
        let mut first = None;
        for row in rows {
            if let Some(why) = self.told(row) {
                first.get_or_insert(why);
            }
        }
        Ok(first.map_or(Answer::Recorded, Answer::Held))
    }

    fn sound(&self, row: &NewPrice) -> Result<(), Reason> {
        self.needs_asset(&row.base)?;
        self.needs_asset(&row.quote)?;
        if row.base == row.quote || row.source.is_empty() {
            return Err(malformed());
        }
        let asset = row.base.clone();
        let (as_of, now) = (row.as_of, self.at);
        if as_of > now + 5_000 {
            return Err(Reason::PriceAhead { asset, as_of, now });
        }
        let told = self.prices.get(&(row.base.clone(), row.quote.clone()));
        match told
            .map(|told| told.newest)
            .filter(|newest| as_of < *newest)
        {
            Some(newest) => Err(Reason::PriceOlder {
                asset,
                as_of,
                newest,
            }),
            None => Ok(()),
        }
    }

    /// Takes it; why it is only suspect, if so.
    fn told(&mut self, row: &NewPrice) -> Option<Reason> {
        let (at, band) = (self.at, self.policy.price_band_bps);
        let told = self
            .prices
            .entry((row.base.clone(), row.quote.clone()))
            .or_default();
        told.newest = row.as_of;
        let band_bps = band.unwrap_or(0);
        let bps = u128::from(band_bps);
        let last = told.good.last().map(|(_, price)| *price);
        let why = |last, band_bps| Reason::PriceBand {
            asset: row.base.clone(),
            price: row.price,
            last,
            band_bps,
        };
        if row.price == 0 {
            return Some(why(last.unwrap_or(0), band_bps));
        }
        if let (Some(last), Some(_)) = (last, band) {
            if far(row.price, last, bps) {
                return Some(why(last, band_bps));
            }
            let since = (at / HOUR_MS).saturating_sub(24);
            let day = told.good.iter().filter(|(then, _)| then / HOUR_MS >= since);
            if day.clone().any(|(_, one)| far(row.price, *one, 3 * bps)) {
                // The core names the end of the hour that it met first.
                let mut hours = day.map(|(then, _)| then / HOUR_MS).collect::<Vec<_>>();
                hours.dedup();
                for hour in hours {
                    let of = told.good.iter().filter(|(then, _)| then / HOUR_MS == hour);
                    let (low, high) = (of.clone().map(|o| o.1).min()?, of.map(|o| o.1).max()?);
                    if let Some(end) = [low, high]
                        .into_iter()
                        .find(|end| far(row.price, *end, 3 * bps))
                    {
                        return Some(why(end, band_bps * 3));
                    }
                }
            }
        }
        told.good.push((at, row.price));
        None
    }
}
