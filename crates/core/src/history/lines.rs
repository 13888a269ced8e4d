//! Whose running totals a window looks at: found first, summed up once.

use super::line::{Line, Sum};
use super::rows::Rows;

/// The running totals of one thing: of one asset, or of all assets one beside the other.
#[derive(Clone, Copy)]
pub struct Lines<'h>(Kind<'h>);

#[derive(Clone, Copy)]
enum Kind<'h> {
    One(Option<&'h Line>),
    All(&'h Rows, u32),
}

impl<'h> Lines<'h> {
    pub(super) const fn one(line: Option<&'h Line>) -> Self {
        Self(Kind::One(line))
    }

    pub(super) const fn all(rows: &'h Rows, of: u32) -> Self {
        Self(Kind::All(rows, of))
    }

    /// Nothing.
    pub(crate) const NONE: Self = Self(Kind::One(None));

    /// The sum of `(now - ms, now]`, for a `now` that is not before the last event. Over several assets its units say
    /// nothing.
    #[must_use]
    pub fn sum(self, now: u64, ms: u64) -> Sum {
        match self.0 {
            Kind::One(line) => line.map_or_else(Sum::default, |line| line.sum(now, ms)),
            Kind::All(rows, of) => {
                let sums = rows.each(of).map(|line| line.sum(now, ms));
                sums.fold(Sum::default(), Sum::and)
            }
        }
    }
}
