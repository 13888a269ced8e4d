//! A quantity of one asset as people read it: exact, grouped by thousands, with its symbol.

use super::{Lang, decimal, short_krw};

/// The asset that an amount counts: what follows the number and how many decimals its unit has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asset {
    /// The symbol printed after every amount, such as `SOL` or `KRW`.
    pub symbol: String,
    /// Decimal places between the minor unit and the unit people speak of; 9 for `SOL`, 0 for `KRW`.
    pub decimals: u8,
}

impl Asset {
    /// An asset by symbol and decimals.
    #[must_use]
    pub fn new(symbol: &str, decimals: u8) -> Self {
        Self {
            symbol: symbol.to_owned(),
            decimals,
        }
    }

    /// The Korean won: no decimals.
    #[must_use]
    pub fn krw() -> Self {
        Self::new("KRW", 0)
    }

    /// Whether large amounts get the addition in 억/만 or bn/m.
    #[must_use]
    pub fn is_krw(&self) -> bool {
        self.symbol == "KRW" && self.decimals == 0
    }
}

/// An amount in minor units of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// Minor units: lamports, satoshi, won.
    pub units: u128,
    /// The asset counted.
    pub asset: Asset,
}

impl Amount {
    /// `units` minor units of `asset`.
    #[must_use]
    pub fn new(units: u128, asset: &Asset) -> Self {
        Self {
            units,
            asset: asset.clone(),
        }
    }

    /// An amount of Korean won.
    #[must_use]
    pub fn krw(won: u128) -> Self {
        Self {
            units: won,
            asset: Asset::krw(),
        }
    }

    /// The number alone: exact, grouped by thousands, without the symbol.
    #[must_use]
    pub fn number(&self) -> String {
        decimal(self.units, self.asset.decimals)
    }

    /// The exact amount with its symbol, such as `1,234.5 SOL`.
    #[must_use]
    pub fn exact(&self) -> String {
        format!("{} {}", self.number(), self.asset.symbol)
    }

    /// The shortened form of a large amount of won (`444억 8,059만 원`, `44.48 bn KRW`), an addition to the exact one and
    /// never in its place. `None` for other assets and for small amounts.
    #[must_use]
    pub fn short(&self, lang: Lang) -> Option<String> {
        if self.asset.is_krw() {
            short_krw(self.units, lang)
        } else {
            None
        }
    }

    /// The exact amount and, for large amounts of won, its short form in parentheses.
    #[must_use]
    pub fn both(&self, lang: Lang) -> String {
        match self.short(lang) {
            Some(short) => format!("{} ({short})", self.exact()),
            None => self.exact(),
        }
    }
}
