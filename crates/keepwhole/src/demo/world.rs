//! The world of the demo: the public totals to the unit, and around them what had to be assumed or made up.

use super::DemoError;
use super::draw::Draw;
use super::facts::Facts;
use keepwhole_core::split::{mul_div, split};

/// Permille of the pool that the taken amount is: assumed, since holdings were not published.
const POOL_TIMES_TAKEN: u128 = 6;

/// What is known of a figure, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// In a public source.
    Published,
    /// Computed from published figures.
    Derived,
    /// Assumed here.
    Assumed,
}

/// What was taken of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Symbol.
    pub symbol: String,
    /// Decimals (assumed from the token's public mint).
    pub decimals: u8,
    /// Taken, minor units.
    pub taken: u128,
    /// How the quantity is known.
    pub taken_known: Known,
    /// Value of what was taken, won.
    pub krw: u128,
    /// How the value is known.
    pub krw_known: Known,
    /// The exchange's own part of what was taken, minor units.
    pub house: u128,
    /// Value of that part, won.
    pub house_krw: u128,
    /// In the hot wallet before, minor units (assumed).
    pub hot: u128,
    /// In the cold wallet before, minor units (assumed).
    pub cold: u128,
}

impl Token {
    /// Behind customers' claims, minor units.
    #[must_use]
    pub fn customers(&self) -> u128 {
        self.taken.saturating_sub(self.house)
    }
    /// Owed to customers, minor units: what is held less the house's own.
    #[must_use]
    pub fn owed(&self) -> u128 {
        self.hot
            .saturating_add(self.cold)
            .saturating_sub(self.house)
    }
}

/// Assumptions for one token: symbol, decimals, weight of its share of the value that was not published by token, and
/// value of one coin in thousandths of a won.
struct Assumed(&'static str, u8, u128, u128);

/// The one token that takes up what the published sum of coins leaves over.
const RESIDUAL: &str = "MEW";

const ASSUMED: &[Assumed] = &[
    Assumed("2Z", 8, 300, 190_000),
    Assumed("ACS", 6, 180, 900),
    Assumed("BONK", 5, 0, 0),
    Assumed("DOOD", 9, 160, 7_500),
    Assumed("DRIFT", 6, 420, 290_000),
    Assumed("HUMA", 6, 380, 40_000),
    Assumed("IO", 8, 350, 380_000),
    Assumed("JTO", 9, 700, 680_000),
    Assumed("JUP", 6, 1_200, 350_000),
    Assumed("LAYER", 9, 2_650, 280_000),
    Assumed("ME", 6, 330, 480_000),
    Assumed(RESIDUAL, 5, 600, 0),
    Assumed("MOODENG", 6, 420, 110_000),
    Assumed("ORCA", 6, 650, 1_850_000),
    Assumed("PENGU", 6, 0, 17_500),
    Assumed("PYTH", 6, 800, 110_000),
    Assumed("RAY", 6, 1_150, 1_650_000),
    Assumed("RENDER", 8, 1_250, 2_600_000),
    Assumed("SOL", 9, 0, 205_000_000),
    Assumed("SONIC", 9, 280, 140_000),
    Assumed("SOON", 9, 300, 1_400_000),
    Assumed("TRUMP", 6, 0, 9_300_000),
    Assumed("USDC", 6, 1_700, 1_470_000),
    Assumed("W", 6, 520, 62_000),
];

fn off(what: &str) -> DemoError {
    DemoError::Facts(format!("the published figures can't be reproduced: {what}"))
}

/// All 24 tokens: the published sums of coins and of won come out exactly.
///
/// # Errors
/// Facts that the assumptions no longer fit.
pub fn tokens(facts: &Facts) -> Result<Vec<Token>, DemoError> {
    let values = values(facts)?;
    let coins = coins(facts, &values)?;
    let house_krw_total = facts
        .krw_total
        .checked_sub(facts.krw_customers)
        .ok_or_else(|| off("krw_customers"))?;
    let weights: Vec<u128> = values.clone();
    let names: Vec<&str> = facts.tokens.iter().map(|t| t.symbol.as_str()).collect();
    let house_values =
        split(house_krw_total, &weights, &names).map_err(|_| off("the house's part"))?;
    let mut tokens = Vec::new();
    for (((published, krw), whole), house_krw) in facts
        .tokens
        .iter()
        .zip(&values)
        .zip(&coins)
        .zip(house_values)
    {
        let assumed = assumed(&published.symbol)?;
        let unit = 10u128
            .checked_pow(u32::from(assumed.1))
            .ok_or_else(|| off("decimals"))?;
        let taken = whole.checked_mul(unit).ok_or_else(|| off("quantity"))?;
        let (house, _) = mul_div(taken, house_krw, *krw).ok_or_else(|| off("the house's part"))?;
        let pool = taken
            .checked_mul(POOL_TIMES_TAKEN)
            .ok_or_else(|| off("holdings"))?;
        let hot = taken
            .checked_mul(6)
            .map(|n| n / 5)
            .ok_or_else(|| off("holdings"))?;
        tokens.push(Token {
            symbol: published.symbol.clone(),
            decimals: assumed.1,
            taken,
            taken_known: if published.coins.is_some() {
                Known::Published
            } else {
                Known::Assumed
            },
            krw: *krw,
            krw_known: if published.krw.is_some() {
                Known::Published
            } else {
                Known::Assumed
            },
            house,
            house_krw,
            hot,
            cold: pool.saturating_sub(hot),
        });
    }
    Ok(tokens)
}

fn assumed(symbol: &str) -> Result<&'static Assumed, DemoError> {
    ASSUMED
        .iter()
        .find(|a| a.0 == symbol)
        .ok_or_else(|| off(symbol))
}

/// Value taken per token: published where it was, the rest split by assumed weights.
fn values(facts: &Facts) -> Result<Vec<u128>, DemoError> {
    let published: u128 = facts.tokens.iter().filter_map(|t| t.krw).sum();
    let rest = facts
        .krw_total
        .checked_sub(published)
        .ok_or_else(|| off("krw_total"))?;
    let mut weights = Vec::new();
    for token in &facts.tokens {
        weights.push(if token.krw.is_some() {
            0
        } else {
            assumed(&token.symbol)?.2
        });
    }
    let names: Vec<&str> = facts.tokens.iter().map(|t| t.symbol.as_str()).collect();
    let parts = split(rest, &weights, &names).map_err(|_| off("krw_total"))?;
    Ok(facts
        .tokens
        .iter()
        .zip(parts)
        .map(|(token, part)| token.krw.unwrap_or(part))
        .collect())
}

/// Whole coins per token: published where they were, else value by assumed coin value; one token takes up the rest.
fn coins(facts: &Facts, values: &[u128]) -> Result<Vec<u128>, DemoError> {
    let mut coins = Vec::new();
    let mut sum = 0u128;
    for (token, krw) in facts.tokens.iter().zip(values) {
        let each = assumed(&token.symbol)?.3;
        let whole = match token.coins {
            Some(published) => published,
            None if each == 0 => 0,
            None => krw.saturating_mul(1000) / each,
        };
        sum = sum.saturating_add(whole);
        coins.push(whole);
    }
    let rest = facts
        .coins_total
        .checked_sub(sum)
        .filter(|rest| *rest > 0)
        .ok_or_else(|| off("units_total"))?;
    let place = facts
        .tokens
        .iter()
        .position(|t| t.symbol == RESIDUAL)
        .ok_or_else(|| off(RESIDUAL))?;
    if let Some(slot) = coins.get_mut(place) {
        *slot = slot.saturating_add(rest);
    }
    Ok(coins)
}

/// A made-up customer's name.
#[must_use]
pub fn customer(number: u32) -> String {
    format!("demo-{:06}", number.saturating_add(1))
}

/// Made-up balances: for each token a list of (customer number, minor units) that adds up to what is owed of it.
/// Customers hold one to eight tokens; a few hold much.
///
/// # Errors
/// More customers than units.
pub fn balances(
    tokens: &[Token],
    customers: u32,
    draw: &mut Draw,
) -> Result<Vec<Vec<(u32, u128)>>, DemoError> {
    let mut holders: Vec<Vec<(u32, u128)>> = tokens.iter().map(|_| Vec::new()).collect();
    let kinds = u64::try_from(tokens.len()).unwrap_or(1).max(1);
    for customer in 0..customers {
        let held = draw.below(8) + 1;
        let first = draw.below(kinds);
        for step in 0..held {
            let place = usize::try_from((first + step * 5) % kinds).unwrap_or(0);
            let size = u128::from(draw.below(1_000) + 1);
            if let Some(list) = holders.get_mut(place) {
                // The cube makes a few large holders and many small ones.
                list.push((customer, size * size * size));
            }
        }
    }
    let mut all = Vec::new();
    for (token, list) in tokens.iter().zip(holders) {
        let (keys, weights): (Vec<u32>, Vec<u128>) = list.into_iter().unzip();
        let parts = split(token.owed(), &weights, &keys).map_err(|_| DemoError::Customers {
            customers,
            token: token.symbol.clone(),
        })?;
        all.push(
            keys.into_iter()
                .zip(parts)
                .filter(|(_, units)| *units > 0)
                .collect(),
        );
    }
    Ok(all)
}
