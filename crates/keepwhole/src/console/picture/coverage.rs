//! Held against owed of each asset: before the theft, after it, and once the exchange had put back what was missing.

use maud::{Markup, html};

use super::bars::hatch;
use super::scale::place;
use crate::console::Reader;
use crate::console::fragment::as_count;
use crate::text::{Words, ratio_percent};
use crate::views::CoverageRow;

const WIDTH: u32 = 960;
const NAMES: u32 = 96;
const FIGURES: u32 = 400;
const INNER: u32 = WIDTH - NAMES - FIGURES;
const ROW: u32 = 26;
const TOP: u32 = 26;

/// Draws one bar per asset; the line that crosses them all is what is owed.
pub(crate) fn coverage_bars(r: &Reader, name: &str, rows: &[CoverageRow]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let height = TOP + 8 + u32::try_from(rows.len()).unwrap_or(0) * ROW;
    let name = r.id(name);
    // The axis ends at 125% of what is owed, so that a surplus shows.
    let owed_at = NAMES + INNER * 4 / 5;
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t("picture-coverage")) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t("picture-coverage")) }
                    desc id=(format!("{name}-desc")) {
                        (Words::key("picture-coverage-desc").with("count", as_count(rows.len())).say(r.lang))
                    }
                    (hatch(&format!("{name}-hatch")))
                    text.tick x=(owed_at) y="16" text-anchor="middle" { (r.t("picture-owed")) " 100%" }
                    @for (index, row) in rows.iter().enumerate() {
                        (bar(r, row, &name, TOP + u32::try_from(index).unwrap_or(0) * ROW))
                    }
                    line.notch x1=(owed_at) x2=(owed_at) y1=(TOP - 4) y2=(height - 4) {}
                }
            }
            figcaption { (r.t("picture-coverage-caption")) }
        }
    }
}

fn bar(r: &Reader, row: &CoverageRow, name: &str, y: u32) -> Markup {
    let length = |held: u128| {
        place(
            held,
            row.owed.units.saturating_add(row.owed.units / 4),
            INNER,
        )
    };
    let (before, after, restored) = (
        length(row.before.units),
        length(row.after.units),
        length(row.restored.units),
    );
    let percent =
        |held: u128| ratio_percent(held, row.owed.units).unwrap_or_else(|| r.t("value-no-share"));
    html! {
        text.lane x=(NAMES - 10) y=(y + 17) text-anchor="end" { (row.owed.asset.symbol) }
        rect.bar x=(NAMES) y=(y + 5) width=(after) height="14" {}
        rect.put-back x=(NAMES + after) y=(y + 5) width=(restored.saturating_sub(after)) height="14" fill=(format!("url(#{name}-hatch)")) {}
        line.before x1=(NAMES + before) x2=(NAMES + before) y1=(y + 2) y2=(y + 22) {}
        text.figure x=(NAMES + INNER + 12) y=(y + 17) {
            (Words::key("picture-coverage-row").with("before", percent(row.before.units))
                .with("after", percent(row.after.units)).with("restored", percent(row.restored.units)).say(r.lang))
        }
    }
}
