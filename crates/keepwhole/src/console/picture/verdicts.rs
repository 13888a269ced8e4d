//! What a back-test found, day by day: two columns each, as it was decided then and under the other policy, parted by
//! verdict. Verdicts differ by their pattern as well as by their place.

use maud::{Markup, html};

use super::scale::{place, round_step};
use crate::console::Reader;
use crate::policy::backtest::Sum;
use crate::text::{Amount, Words, count};
use crate::views::{BacktestShown, Column};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 340;
const LEFT: u32 = 150;
const RIGHT: u32 = 20;
const TOP: u32 = 20;
const BOTTOM: u32 = 44;
const INNER: u32 = WIDTH - LEFT - RIGHT;
const TALL: u32 = HEIGHT - TOP - BOTTOM;
/// Widest bar, so that few days do not become walls.
const BAR_MAX: u32 = 60;
/// A date below a column needs so much.
const DATE: u32 = 92;
/// Classes of the stylesheet, in the order of the verdicts.
const CLASSES: [&str; 4] = [
    "verdict-cleared",
    "verdict-approvals",
    "verdict-held",
    "verdict-denied",
];
/// Keys of the catalogues, in the order of the verdicts.
pub(crate) const NAMES: [&str; 4] = [
    "backtest-cleared",
    "backtest-approvals",
    "backtest-held",
    "backtest-denied",
];

/// What a column's height stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Value,
    Number,
}

impl Measure {
    /// Value, unless nothing has one.
    fn of(shown: &BacktestShown) -> Self {
        let sums = shown.columns.iter().flat_map(|one| one.day.then.iter());
        match sums.map(|sum| sum.value).max() {
            Some(most) if most > 0 && shown.asset.is_some() => Self::Value,
            _ => Self::Number,
        }
    }

    fn takes(self, sum: &Sum) -> u128 {
        match self {
            Self::Value => sum.value,
            Self::Number => u128::from(sum.number),
        }
    }
}

struct Scale<'s> {
    shown: &'s BacktestShown,
    measure: Measure,
    most: u128,
    wide: u32,
    name: String,
}

impl Scale<'_> {
    fn y(&self, sum: u128) -> u32 {
        TOP + TALL - place(sum, self.most, TALL)
    }

    /// Where a column begins.
    fn x(&self, column: usize) -> u32 {
        LEFT + u32::try_from(column).unwrap_or(0) * self.wide
    }

    /// An amount at the axis.
    fn tick(&self, r: &Reader, sum: u128) -> String {
        match (&self.shown.asset, self.measure) {
            (Some(asset), Measure::Value) => {
                let amount = Amount::new(sum, asset);
                amount.short(r.lang).unwrap_or_else(|| amount.exact())
            }
            _ => count(sum),
        }
    }
}

/// Draws the columns of a back-test.
pub(crate) fn verdict_columns(r: &Reader, shown: &BacktestShown) -> Markup {
    let measure = Measure::of(shown);
    let total = |sums: &[Sum; 4]| {
        sums.iter()
            .map(|sum| measure.takes(sum))
            .fold(0, u128::saturating_add)
    };
    let heights = shown
        .columns
        .iter()
        .map(|one| total(&one.day.then).max(total(&one.day.now)));
    let Some(most) = heights.max() else {
        return html! {};
    };
    let columns = u32::try_from(shown.columns.len()).unwrap_or(u32::MAX);
    let scale = Scale {
        shown,
        measure,
        most: most.max(1),
        wide: INNER.checked_div(columns).unwrap_or(INNER).max(1),
        name: r.id("verdicts"),
    };
    let name = &scale.name;
    let (title, caption) = match measure {
        Measure::Value => ("backtest-days", "backtest-days-caption"),
        Measure::Number => ("backtest-days-number", "backtest-days-number-caption"),
    };
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t(title)) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t(title)) }
                    desc id=(format!("{name}-desc")) { (r.t("backtest-days-desc")) }
                    (patterns(name))
                    (grid(r, &scale))
                    @for (place, column) in shown.columns.iter().enumerate() { (pair_of_bars(r, &scale, place, column)) }
                    line.axis x1=(LEFT) x2=(WIDTH - RIGHT) y1=(TOP + TALL) y2=(TOP + TALL) {}
                    (dates(&scale))
                }
            }
            figcaption { (r.t(caption)) }
            (legend(r, name))
        }
    }
}

fn grid(r: &Reader, scale: &Scale<'_>) -> Markup {
    let step = round_step(scale.most, 5);
    html! {
        @for number in 0..=scale.most / step {
            @let sum = step.saturating_mul(number);
            @let y = scale.y(sum);
            line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
            text.tick x=(LEFT - 8) y=(y + 4) text-anchor="end" { (scale.tick(r, sum)) }
        }
    }
}

fn pair_of_bars(r: &Reader, scale: &Scale<'_>, place: usize, column: &Column) -> Markup {
    // A third of the column parts it from the next one.
    let bar = (scale.wide / 3).clamp(2, BAR_MAX);
    let first = scale.x(place) + scale.wide.saturating_sub(2 * bar + 2) / 2;
    html! {
        (bar_of(r, scale, (first, bar), "backtest-then", column, &column.day.then))
        (bar_of(r, scale, (first + bar + 2, bar), "backtest-now", column, &column.day.now))
    }
}

/// One bar, its verdicts one upon the other.
fn bar_of(
    r: &Reader,
    scale: &Scale<'_>,
    (x, width): (u32, u32),
    which: &'static str,
    column: &Column,
    sums: &[Sum; 4],
) -> Markup {
    let mut below = 0_u128;
    let stacked: Vec<(u32, u32)> = sums
        .iter()
        .map(|sum| {
            let low = scale.y(below);
            below = below.saturating_add(scale.measure.takes(sum));
            (low, scale.y(below))
        })
        .collect();
    html! {
        @for (place, (sum, (low, high))) in sums.iter().zip(stacked).enumerate() {
            @if low > high {
                rect class=(CLASSES.get(place).copied().unwrap_or_default()) x=(x) y=(high) width=(width) height=(low - high)
                    fill=(format!("url(#{}-{place})", scale.name)) {
                    title {
                        (column.from) ", " (r.t(which)) ", " (r.t(NAMES.get(place).copied().unwrap_or_default())) ": "
                        (count(sum.number.into()))
                    }
                }
            }
        }
    }
}

/// Dates below the columns: as many as have room.
fn dates(scale: &Scale<'_>) -> Markup {
    let step = usize::try_from(DATE.div_ceil(scale.wide))
        .unwrap_or(1)
        .max(1);
    html! {
        @for (place, column) in scale.shown.columns.iter().enumerate().step_by(step) {
            text.tick x=(scale.x(place) + scale.wide / 2) y=(HEIGHT - BOTTOM + 20) text-anchor="middle" { (column.from) }
        }
    }
}

/// A pattern for each verdict: open ground, dots, diagonal lines, full.
fn patterns(name: &str) -> Markup {
    html! {
        defs {
            @for place in 0..4_u32 {
                pattern id=(format!("{name}-{place}")) width="6" height="6" patternUnits="userSpaceOnUse" {
                    rect.hatch-ground width="6" height="6" {}
                    @match place {
                        0 => {}
                        1 => circle.verdict-mark cx="3" cy="3" r="1.5" {},
                        2 => path.verdict-line d="M0 6L6 0M-1 1L1 -1M5 7L7 5" {},
                        _ => rect.verdict-mark width="6" height="6" {},
                    }
                }
            }
        }
    }
}

fn legend(r: &Reader, name: &str) -> Markup {
    html! {
        ul.verdicts {
            @for (place, key) in NAMES.iter().enumerate() {
                li {
                    svg width="20" height="14" viewBox="0 0 20 14" aria-hidden="true" {
                        rect class=(CLASSES.get(place).copied().unwrap_or_default()) x="1" y="1" width="18" height="12"
                            fill=(format!("url(#{name}-{place})")) {}
                    }
                    " " (r.t(key))
                }
            }
        }
    }
}

/// Number and value of a sum in words: `12 · 3,400,000 KRW`.
pub(crate) fn sum_words(r: &Reader, shown: &BacktestShown, sum: &Sum) -> String {
    let number = count(sum.number.into());
    if sum.number == 0 {
        return number;
    }
    let value = match &shown.asset {
        Some(asset) => Amount::new(sum.value, asset).exact(),
        None => r.t("backtest-no-value"),
    };
    match sum.unvalued {
        0 => format!("{number} · {value}"),
        unvalued => {
            let more = Words::key("backtest-unvalued").with("count", unvalued);
            format!("{number} · {value} {}", r.say(&more))
        }
    }
}
