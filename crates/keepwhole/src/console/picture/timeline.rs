//! The incident on one axis: events above, one lane per clock below.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::scale::{place_time, time_marks};
use crate::console::Reader;
use crate::console::fragment::{as_count, clock_words};
use crate::text::{Words, seoul, seoul_clock};
use crate::views::{ClockRow, EventKind, TimelineEvent};

const WIDTH: u32 = 960;
const LEFT: u32 = 24;
const RIGHT: u32 = 24;
const INNER: u32 = WIDTH - LEFT - RIGHT;
const MARKER: u32 = 26;
const EVENT_ROWS: usize = 8;
const LANE: u32 = 44;

/// The window of time drawn: from the first to the last thing that happened, with a little room. Clocks that are due
/// later run to the right edge and name their due time.
struct Window {
    from: u64,
    until: u64,
}

impl Window {
    fn around(events: &[TimelineEvent], clocks: &[ClockRow]) -> Option<Self> {
        let moments: BTreeSet<u64> = events
            .iter()
            .map(|event| event.at)
            .chain(
                clocks
                    .iter()
                    .filter_map(|clock| clock.done.as_ref().map(|done| done.at)),
            )
            .collect();
        let (first, last) = (*moments.first()?, *moments.last()?);
        let room = (last - first).max(60_000) / 24;
        Some(Self {
            from: first.saturating_sub(room),
            until: last.saturating_add(room),
        })
    }

    fn x(&self, at: u64) -> u32 {
        LEFT + place_time(at, self.from, self.until, INNER)
    }
}

/// Draws the events and the clocks that have started. `now` draws the moment of the page where it lies in the window.
pub(crate) fn timeline(
    r: &Reader,
    name: &str,
    events: &[TimelineEvent],
    clocks: &[ClockRow],
    now: Option<u64>,
) -> Markup {
    let lanes: Vec<&ClockRow> = clocks
        .iter()
        .filter(|clock| clock.started.is_some())
        .collect();
    let Some(window) = Window::around(events, clocks) else {
        return html! {};
    };
    let (marks, rows) = placed_events(events, &window);
    let axis_at = 8 + rows * MARKER;
    let height = axis_at + 40 + u32::try_from(lanes.len()).unwrap_or(0) * LANE;
    let name = r.id(name);
    html! {
        figure.picture {
            div.scroll role="region" aria-label=(r.t("picture-timeline")) tabindex="0" {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby=(format!("{name}-title {name}-desc")) {
                    title id=(format!("{name}-title")) { (r.t("picture-timeline")) }
                    desc id=(format!("{name}-desc")) {
                        (Words::key("picture-timeline-desc")
                            .with("events", as_count(events.len()).to_string())
                            .with("clocks", as_count(lanes.len()).to_string())
                            .with("from", seoul(window.from)).with("until", seoul(window.until)).say(r.lang))
                    }
                    (axis(&window, axis_at, height))
                    (event_marks(&marks, axis_at))
                    @for (row, clock) in lanes.iter().enumerate() {
                        (lane(r, clock, &window, now, axis_at + 36 + u32::try_from(row).unwrap_or(0) * LANE))
                    }
                }
            }
            figcaption { (r.t("picture-timeline-caption")) " " (legend(r)) }
        }
    }
}

fn axis(window: &Window, axis_at: u32, height: u32) -> Markup {
    html! {
        line.axis x1=(LEFT) x2=(WIDTH - RIGHT) y1=(axis_at) y2=(axis_at) {}
        @for at in time_marks(window.from, window.until, 12) {
            @let x = window.x(at);
            line.grid x1=(x) x2=(x) y1=(axis_at) y2=(height - 8) {}
            text.tick x=(x) y=(axis_at + 18) text-anchor="middle" { (seoul_clock(at)) }
        }
    }
}

/// An event's place above the axis.
struct EventMark {
    number: usize,
    kind: EventKind,
    x: u32,
    row: u32,
}

/// Events in up to eight rows, so that numbers do not cover each other, and the number of rows used.
fn placed_events(events: &[TimelineEvent], window: &Window) -> (Vec<EventMark>, u32) {
    let mut ends = [0_u32; EVENT_ROWS];
    let mut marks = Vec::with_capacity(events.len());
    let mut rows = 1;
    for (index, event) in events.iter().enumerate() {
        let x = window.x(event.at);
        let row = ends.iter().position(|end| *end <= x).unwrap_or(0);
        if let Some(end) = ends.get_mut(row) {
            *end = x + MARKER + 18;
        }
        let row = u32::try_from(row).unwrap_or(0);
        rows = rows.max(row + 1);
        marks.push(EventMark {
            number: index + 1,
            kind: event.kind,
            x,
            row,
        });
    }
    (marks, rows)
}

fn event_marks(marks: &[EventMark], axis_at: u32) -> Markup {
    html! {
        @for mark in marks {
            @let y = axis_at.saturating_sub(14 + mark.row * MARKER);
            line.stem x1=(mark.x) x2=(mark.x) y1=(y) y2=(axis_at) {}
            (shape(mark.kind, mark.x, y))
            text.label x=(mark.x + 10) y=(y + 5) { (mark.number) }
        }
    }
}

/// The marker of a kind of event: each kind has its own shape.
fn shape(kind: EventKind, x: u32, y: u32) -> Markup {
    let points = |list: &[(u32, u32)]| {
        let list: Vec<String> = list.iter().map(|(x, y)| format!("{x},{y}")).collect();
        list.join(" ")
    };
    html! {
        @match kind {
            EventKind::Outflow => polygon.event.event-outflow points=(points(&[(x - 8, y - 6), (x + 8, y - 6), (x, y + 8)])) {},
            EventKind::Recovered => polygon.event.event-recovered points=(points(&[(x - 8, y + 6), (x + 8, y + 6), (x, y - 8)])) {},
            EventKind::Seen => polygon.event.event-seen points=(points(&[(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)])) {},
            EventKind::Stopped => rect.event.event-stopped x=(x - 7) y=(y - 7) width="14" height="14" {},
            EventKind::Told => circle.event.event-told cx=(x) cy=(y) r="7" {},
            EventKind::Decided => circle.event.event-decided cx=(x) cy=(y) r="6" {},
        }
    }
}

fn legend(r: &Reader) -> Markup {
    html! {
        @for kind in EventKind::ALL {
            span.key {
                svg.marker viewBox="0 0 20 20" aria-hidden="true" { (shape(kind, 10, 10)) }
                (r.t(kind.key()))
            } " "
        }
    }
}

/// One clock: its title, a bar of the time used, and a notch where it is due.
fn lane(r: &Reader, clock: &ClockRow, window: &Window, now: Option<u64>, top: u32) -> Markup {
    let Some(start) = clock.started else {
        return html! {};
    };
    let ended = clock
        .done
        .as_ref()
        .map(|done| done.at)
        .or(now)
        .unwrap_or(window.until);
    let (from, to) = (window.x(start), window.x(ended.max(start)));
    let (class, symbol, words) = clock_words(clock.state, r.lang);
    let beyond = clock.due.is_some_and(|due| due > window.until);
    html! {
        text.lane x=(LEFT) y=(top + 14) {
            (r.say(&clock.title))
            tspan.lane-state { "  " (symbol) " " (words) }
        }
        @match clock.due {
            Some(due) => {
                @let end = window.x(due);
                rect.allowed x=(from) y=(top + 21) width=(end.saturating_sub(from)) height="14" {}
                @if beyond {
                    text.due x=(WIDTH - RIGHT) y=(top + 14) text-anchor="end" { (r.t("picture-due")) " " (seoul(due)) " →" }
                } @else {
                    line.notch x1=(end) x2=(end) y1=(top + 17) y2=(top + 39) {}
                }
            }
            None => text.due x=(WIDTH - RIGHT) y=(top + 14) text-anchor="end" { (r.t("clock-no-due")) },
        }
        rect class={ "used used-" (class) } x=(from) y=(top + 23) width=(to.saturating_sub(from).max(2)) height="10" {}
    }
}
