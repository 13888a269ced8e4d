//! Prices: the last that counts of each asset, who told it, how old it is, and whether values rest on it.

use keepwhole_core::price::{Known, Price, Suspect, Unusable, text};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use crate::text::count;

/// How a price stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceStanding {
    /// Values rest on it.
    Good,
    /// It is older than the policy lets it be: what needs a value is held.
    Stale,
    /// A newer one was told that is outside its band: what needs a value is held.
    Suspect,
}

impl PriceStanding {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Stale => "stale",
            Self::Suspect => "suspect",
        }
    }

    /// The catalogue's key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Good => "price-good",
            Self::Stale => "price-is-stale",
            Self::Suspect => "price-suspect",
        }
    }
}

/// A price that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRow {
    /// In whole units of the quote asset, as it was told.
    pub price: String,
    /// Of when it is, milliseconds since the epoch.
    pub as_of: u64,
    /// Who says so.
    pub source: String,
}

/// What is known of one asset in one other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// The asset.
    pub asset: String,
    /// What it is told in.
    pub quote: String,
    /// The last price that counts; `None` where none did yet.
    pub last: Option<ToldRow>,
    /// A newer one that is suspect.
    pub suspect: Option<ToldRow>,
    /// How it stands.
    pub standing: PriceStanding,
}

impl PriceRow {
    /// All prices at `at`, by asset.
    #[must_use]
    pub fn all(state: &State, at: u64) -> Vec<Self> {
        let rows = state.prices.iter();
        rows.map(|((base, quote), known)| Self::of(state, (*base, *quote), known, at))
            .collect()
    }

    fn of(state: &State, (base, quote): (AssetIx, AssetIx), known: &Known, at: u64) -> Self {
        let decimals = state.registry.assets.get(quote.place());
        let decimals = decimals.map_or(0, |row| row.decimals);
        let told = |price: &Price| ToldRow {
            price: text(price.price, decimals),
            as_of: price.as_of,
            source: price.source.clone(),
        };
        let usable = known.usable(at, state.guard.policy.price_max_age_ms);
        Self {
            asset: state.registry.asset_id(base).to_owned(),
            quote: state.registry.asset_id(quote).to_owned(),
            last: known.last.as_ref().map(told),
            suspect: known
                .suspect
                .as_ref()
                .map(|Suspect { price, .. }| told(price)),
            standing: match usable {
                Ok(_) => PriceStanding::Good,
                Err(Unusable::Suspected(_)) => PriceStanding::Suspect,
                Err(Unusable::Stale { .. } | Unusable::Missing) => PriceStanding::Stale,
            },
        }
    }
}

/// A price with its thousands parted: `152000000.5` as `152,000,000.5`.
#[must_use]
pub fn price_shown(price: &str) -> String {
    let (whole, part) = price.split_once('.').unwrap_or((price, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    match part {
        "" => whole,
        part => format!("{whole}.{part}"),
    }
}
