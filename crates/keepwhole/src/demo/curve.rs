//! How the outflow may have run over the 54 minutes: the minute-by-minute course was not published, so three curves
//! are shown and never one number.

use keepwhole_core::split::mul_div;

/// An assumed course of the outflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The same amount every second.
    Even,
    /// Most of it early: what is left to come falls with the fourth power of the time left.
    FrontLoaded,
    /// Everything in the first transaction.
    OneTransaction,
}

impl Curve {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Even, Self::FrontLoaded, Self::OneTransaction];

    /// What has left after `second` of `seconds` (the second itself included), of `total`; exact, never falling, all of
    /// it at the end.
    #[must_use]
    pub fn gone(self, total: u128, second: u64, seconds: u64) -> u128 {
        let all = u128::from(seconds.max(1));
        let done = u128::from(second.saturating_add(1)).min(all);
        let (part, whole) = match self {
            Self::OneTransaction => (1, 1),
            Self::Even => (done, all),
            Self::FrontLoaded => {
                let power = |n: u128| n.saturating_mul(n).saturating_mul(n).saturating_mul(n);
                (power(all).saturating_sub(power(all - done)), power(all))
            }
        };
        mul_div(total, part, whole).map_or(total, |(gone, _)| gone)
    }
}
