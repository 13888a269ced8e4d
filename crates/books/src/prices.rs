//! Prices in a file: `as_of`, `asset_id`, `quote`, `price`, `source`, a row for each asset. All of it or nothing.

use crate::fault::{Fault, shown};
use crate::read::{Input, Progress, Reader, Record};
use crate::value::{TimeForm, rfc3339};
use keepwhole_core::price::{self, AHEAD_MAX_MS, BATCH_MAX, NewPrice, PriceFault, SOURCE_MAX};
use std::collections::BTreeMap;
use std::path::Path;

/// The columns, in the order in which rows are read here.
const COLUMNS: [&str; 5] = ["as_of", "asset_id", "quote", "price", "source"];
const AS_OF: usize = 0;
const ASSET: usize = 1;
const QUOTE: usize = 2;
const PRICE: usize = 3;
const SOURCE: usize = 4;

/// What rows are held against.
pub trait Market {
    /// Decimals of a registered asset.
    fn decimals(&self, asset: &str) -> Option<u8>;
    /// The currency in which the policy tells values, where one is in force and names one.
    fn reference(&self) -> Option<&str>;
    /// Of when the newest price that was told is, ms.
    fn newest(&self, base: &str, quote: &str) -> Option<u64>;
    /// Now, ms.
    fn now(&self) -> u64;
}

/// A file that is being read: its rows, and where the columns lie in them.
struct Rows {
    reader: Reader,
    places: Vec<usize>,
    record: Record,
}

/// Reads a whole file.
///
/// # Errors
/// Every row that is refused, with line, field, value, reason and fix; or the one fault of the whole file.
pub fn read_prices(path: &Path, market: &dyn Market) -> Result<Vec<NewPrice>, Vec<Fault>> {
    let mut rows = Rows::open(path).map_err(|fault| vec![fault])?;
    let (mut prices, mut faults) = (Vec::new(), Vec::new());
    let mut lines: BTreeMap<(String, String), u64> = BTreeMap::new();
    loop {
        let row = match rows.reader.next(&mut rows.record) {
            Ok(false) => break,
            Ok(true) => rows.row(market),
            Err(fault) if fault.whole_file => return Err(vec![fault]),
            Err(fault) => Err(fault),
        };
        let line = rows.record.line;
        let single = row.and_then(|row| {
            let before = lines.insert((row.base.clone(), row.quote.clone()), line);
            before.map_or(Ok(row), |before| Err(rows.twice(before)))
        });
        match single {
            Ok(row) => prices.push(row),
            Err(fault) => faults.push(fault),
        }
        if prices.len().max(faults.len()) > BATCH_MAX {
            let reason = format!("the file has more than {BATCH_MAX} prices");
            let fix = "tell the newest price of each asset, and split the file where there are more assets";
            return Err(vec![Fault::of_file("too_many_rows", reason, fix)]);
        }
    }
    if faults.is_empty() && prices.is_empty() {
        let fix = "write a row for each asset";
        faults.push(Fault::of_file("empty", "the file has no row", fix));
    }
    if faults.is_empty() {
        Ok(prices)
    } else {
        Err(faults)
    }
}

impl Rows {
    fn open(path: &Path) -> Result<Self, Fault> {
        let mut reader = Reader::open(Input::open(path, Progress::default())?)?;
        let header = reader.header();
        let lacking: Vec<String> = COLUMNS
            .iter()
            .filter(|name| !header.iter().any(|known| known == *name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !lacking.is_empty() {
            let reason = format!("the header lacks {}", lacking.join(", "));
            let fix = "name the columns `as_of`, `asset_id`, `quote`, `price`, `source`";
            return Err(Fault::of_file("header", reason, fix).at(1, 0));
        }
        let places = reader.select(&COLUMNS.map(ToOwned::to_owned));
        Ok(Self {
            reader,
            places: places.into_iter().flatten().collect(),
            record: Record::default(),
        })
    }

    fn place(&self, column: usize) -> usize {
        self.places.get(column).copied().unwrap_or(usize::MAX)
    }

    fn field(&self, column: usize) -> &str {
        self.record.field(self.place(column)).unwrap_or_default()
    }

    /// A fault of this row's field.
    fn fault(&self, column: usize, code: &'static str, reason: &str, fix: &str) -> Fault {
        let name = COLUMNS.get(column).copied().unwrap_or_default();
        Fault::of_row(code, reason, fix)
            .at(self.record.line, self.record.column(self.place(column)))
            .field(name, self.field(column))
    }

    fn twice(&self, before: u64) -> Fault {
        let reason = format!("line {before} has a price of this asset already");
        self.fault(ASSET, "duplicate_row", &reason, "leave the older one out")
    }

    fn row(&self, market: &dyn Market) -> Result<NewPrice, Fault> {
        let (base, quote) = (self.field(ASSET), self.field(QUOTE));
        if market.decimals(base).is_none() {
            let fix = "register the asset first (docs/import.md, \"Assets\"), or mend its name";
            return Err(self.fault(ASSET, "unknown_asset", "no such asset", fix));
        }
        let Some(decimals) = market.decimals(quote) else {
            let fix = "name a registered currency";
            return Err(self.fault(QUOTE, "unknown_asset", "no such asset", fix));
        };
        if let Some(reference) = market.reference().filter(|known| *known != quote) {
            let reason = format!("the policy tells values in `{}`", shown(reference));
            let fix = "tell the price in that currency";
            return Err(self.fault(QUOTE, "price_quote", &reason, fix));
        }
        if base == quote {
            let fix = "leave the row out";
            return Err(self.fault(QUOTE, "price_quote", "an asset has no price in itself", fix));
        }
        let price = price::parse(self.field(PRICE), decimals).map_err(|fault| self.price(fault))?;
        let as_of = self.as_of(market, base, quote)?;
        let source = self.field(SOURCE);
        if source.is_empty() || source.len() > SOURCE_MAX {
            let reason = format!("a source has 1 to {SOURCE_MAX} bytes");
            let fix = "write who says so, such as the name of the market";
            return Err(self.fault(SOURCE, "source", &reason, fix));
        }
        Ok(NewPrice {
            base: base.to_owned(),
            quote: quote.to_owned(),
            price,
            as_of,
            source: source.to_owned(),
        })
    }

    fn price(&self, fault: PriceFault) -> Fault {
        let code = match fault {
            PriceFault::NotDecimal => "price",
            PriceFault::Negative => "negative_price",
            PriceFault::Zero => "zero_price",
            PriceFault::TooManyDecimals { .. } => "too_many_decimals",
            PriceFault::TooLarge => "price_too_large",
        };
        let said = fault.to_string();
        let (reason, fix) = said.split_once("; ").unwrap_or((&said, "mend it"));
        self.fault(PRICE, code, reason, fix)
    }

    fn as_of(&self, market: &dyn Market, base: &str, quote: &str) -> Result<u64, Fault> {
        let form = TimeForm::Rfc3339;
        let Some(as_of) = form.millis(self.field(AS_OF)) else {
            let fix = format!("write a time with its zone, such as {}", form.example());
            return Err(self.fault(AS_OF, "time", "not a time", &fix));
        };
        let now = market.now();
        if as_of > now.saturating_add(AHEAD_MAX_MS) {
            let reason = format!("it is {} here", rfc3339(now));
            let fix = "set the clock that wrote it, or tell the price when it is one";
            return Err(self.fault(AS_OF, "price_ahead", &reason, fix));
        }
        match market.newest(base, quote).filter(|newest| as_of < *newest) {
            Some(newest) => {
                let reason = format!("a price of {} was told already", rfc3339(newest));
                Err(self.fault(AS_OF, "price_older", &reason, "leave the row out"))
            }
            None => Ok(as_of),
        }
    }
}
