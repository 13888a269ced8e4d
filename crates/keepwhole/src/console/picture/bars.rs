//! What was taken of each token, as bars of its value in won.

use maud::{Markup, html};

use super::scale::place;
use crate::console::Reader;
use crate::console::fragment::as_count;
use crate::text::{Amount, Words};
use crate::views::{Mark, TokenLoss};

const WIDTH: u32 = 960;
const NAMES: u32 = 96;
const FIGURES: u32 = 330;
const INNER: u32 = WIDTH - NAMES - FIGURES;
const ROW: u32 = 24;

/// Draws the tokens, the largest value first. A value that no source publishes is hatched.
pub(crate) fn token_bars(r: &Reader, name: &str, tokens: &[TokenLoss]) -> Markup {
    let mut tokens: Vec<&TokenLoss> = tokens.iter().collect();
    tokens.sort_by_key(|token| std::cmp::Reverse(token.krw.value.units));
    let Some(largest) = tokens.first().map(|token| token.krw.value.units) else {
        return html! {};
    };
    let height = 8 + u32::try_from(tokens.len()).unwrap_or(0) * ROW;
    let name = r.id(name);
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t("picture-tokens")) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t("picture-tokens")) }
                    desc id=(format!("{name}-desc")) {
                        (Words::key("picture-tokens-desc").with("count", as_count(tokens.len())).say(r.lang))
                    }
                    (hatch(&format!("{name}-hatch")))
                    @for (row, token) in tokens.iter().enumerate() {
                        @let y = 4 + u32::try_from(row).unwrap_or(0) * ROW;
                        @let length = place(token.krw.value.units, largest, INNER).max(2);
                        @let assumed = token.krw.mark == Mark::Assumed;
                        text.lane x=(NAMES - 10) y=(y + 16) text-anchor="end" { (token.taken.value.asset.symbol) }
                        rect class=(if assumed { "bar-assumed" } else { "bar" }) x=(NAMES) y=(y + 4) width=(length) height=(ROW - 8)
                            fill=[assumed.then(|| format!("url(#{name}-hatch)"))] {}
                        text.figure x=(NAMES + length + 8) y=(y + 16) { (figure(r, token)) }
                    }
                }
            }
            figcaption { (r.t("picture-tokens-caption")) }
        }
    }
}

fn figure(r: &Reader, token: &TokenLoss) -> String {
    let krw: &Amount = &token.krw.value;
    format!(
        "{} · {}",
        krw.short(r.lang).unwrap_or_else(|| krw.exact()),
        r.t(token.krw.mark.key())
    )
}

/// The hatch that stands for "not published".
pub(crate) fn hatch(id: &str) -> Markup {
    html! {
        defs {
            pattern id=(id) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.hatch-ground width="6" height="6" {}
                line.hatch-line x1="0" x2="0" y1="0" y2="6" {}
            }
        }
    }
}
