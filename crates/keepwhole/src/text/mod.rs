//! Korean and English sentences from catalogues, and the numbers, amounts and times inside them.
//!
//! Nothing that people read stands in code: a page or a projection names a key ([`Words::key`]) and the catalogues under
//! `locales/` hold its Korean and its English. A key that is missing in either language fails a test; at run time it
//! shows as `⟦key⟧`, which the page tests look for.

mod amount;
mod catalogue;
mod format;
mod words;

pub use amount::{Amount, Asset};
pub use catalogue::{Lang, lookup};
pub use format::{
    count, day_of_date, decimal, ratio_percent, rfc3339, seoul, seoul_clock, seoul_date, seoul_day,
    seoul_day_start, short_krw, span,
};
pub use words::{Arg, Words};
