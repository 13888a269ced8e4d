//! What had left by when, run by run, under one hypothesis: each run a letter, a dash of its own and a line.

use maud::{Markup, html};

use super::scale::{place, place_time, round_step, time_marks};
use crate::console::Reader;
use crate::console::fragment::as_count;
use crate::text::{Amount, Words, seoul_clock};
use crate::views::Run;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 380;
const LEFT: u32 = 150;
const RIGHT: u32 = 90;
const TOP: u32 = 20;
const BOTTOM: u32 = 44;
const INNER: u32 = WIDTH - LEFT - RIGHT;
const TALL: u32 = HEIGHT - TOP - BOTTOM;
/// The largest number of runs that get a dash of their own; `run-0` to `run-7` of the stylesheet.
const DASHES: usize = 8;

struct Axes {
    from: u64,
    until: u64,
    most: u128,
}

impl Axes {
    fn of(runs: &[(char, &Run)]) -> Option<Self> {
        let points = || runs.iter().flat_map(|(_, run)| run.course.iter());
        let from = points().map(|(at, _)| *at).min()?;
        let until = points().map(|(at, _)| *at).max()?;
        let most = points().map(|(_, krw)| *krw).max()?.max(1);
        Some(Self { from, until, most })
    }

    fn x(&self, at: u64) -> u32 {
        LEFT + place_time(at, self.from, self.until, INNER)
    }

    fn y(&self, krw: u128) -> u32 {
        TOP + TALL - place(krw, self.most, TALL)
    }
}

/// Draws the runs, each under the letter by which the table names it.
pub(crate) fn courses(r: &Reader, name: &str, title: &str, runs: &[(char, &Run)]) -> Markup {
    let Some(axes) = Axes::of(runs) else {
        return html! {};
    };
    let name = r.id(name);
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(title) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (title) }
                    desc id=(format!("{name}-desc")) {
                        (Words::key("picture-course-desc").with("count", as_count(runs.len())).say(r.lang))
                    }
                    (grid(r, &axes))
                    @for (index, (_, run)) in runs.iter().enumerate() {
                        path class={ "run run-" (index.min(DASHES - 1)) } d=(line(run, &axes)) {}
                    }
                    (letters(runs, &axes))
                }
            }
            figcaption { (r.t("picture-course-caption")) }
        }
    }
}

fn grid(r: &Reader, axes: &Axes) -> Markup {
    let step = round_step(axes.most, 6);
    let steps = axes.most / step;
    html! {
        @for number in 0..=steps {
            @let krw = step.saturating_mul(number);
            @let y = axes.y(krw);
            line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
            text.tick x=(LEFT - 8) y=(y + 4) text-anchor="end" {
                (Amount::krw(krw).short(r.lang).unwrap_or_else(|| Amount::krw(krw).exact()))
            }
        }
        @for at in time_marks(axes.from, axes.until, 10) {
            @let x = axes.x(at);
            text.tick x=(x) y=(TOP + TALL + 20) text-anchor="middle" { (seoul_clock(at)) }
            line.axis x1=(x) x2=(x) y1=(TOP + TALL) y2=(TOP + TALL + 5) {}
        }
        line.axis x1=(LEFT) x2=(WIDTH - RIGHT) y1=(TOP + TALL) y2=(TOP + TALL) {}
        text.tick x=(WIDTH - RIGHT) y=(HEIGHT - 6) text-anchor="end" { (r.t("picture-course-axis")) }
    }
}

/// The run as a path; after its last point the amount stays as it is until the right edge.
fn line(run: &Run, axes: &Axes) -> String {
    let mut path = String::new();
    for (index, (at, krw)) in run.course.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{command}{} {} ", axes.x(*at), axes.y(*krw)));
    }
    path.push_str(&format!("H{}", WIDTH - RIGHT));
    path
}

/// The letters at the right end, moved apart where runs end at the same amount: those share one line of letters.
fn letters(runs: &[(char, &Run)], axes: &Axes) -> Markup {
    let mut ends: Vec<(u32, String)> = Vec::new();
    for (letter, run) in runs {
        let y = run
            .course
            .last()
            .map_or(TOP + TALL, |(_, krw)| axes.y(*krw));
        match ends.iter_mut().find(|(held, _)| held.abs_diff(y) < 15) {
            Some((_, text)) => {
                text.push(' ');
                text.push(*letter);
            }
            None => ends.push((y, letter.to_string())),
        }
    }
    html! {
        @for (y, text) in ends { text.label x=(WIDTH - RIGHT + 8) y=(y + 4) { (text) } }
    }
}
