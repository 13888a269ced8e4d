//! The incidents and one incident: what happened, what is due, what was taken, and who bears it.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{
    Table, as_count, clock_table, columns, evidence, figures, freeze_table, mark_legend, mark_tag,
    time, time_or, timeline_list,
};
use crate::console::frame::{Page, framed};
use crate::console::picture;
use crate::console::reader::segment;
use crate::text::Words;
use crate::views::{Awareness, Banner, Head, IncidentLine, IncidentView, LossRow, Trip};

/// The list of incidents.
pub(crate) fn incident_list(
    r: &Reader,
    lines: &[IncidentLine],
    banner: Option<&Banner>,
    head: Option<&Head>,
) -> String {
    let keys = [
        "incidents-col-id",
        "incidents-col-title",
        "incidents-col-opened",
        "incidents-col-state",
        "incidents-col-due",
    ];
    let table = Table::new(r.t("incidents-caption"), columns(r, keys));
    let rows = html! { @for line in lines { (incident_line(r, line)) } };
    let body = html! {
        @if lines.is_empty() { p { (r.t("incidents-none")) } } @else { (table.rows(r, &rows)) }
    };
    framed(
        r,
        &Page {
            heading: r.t("incidents-heading"),
            here: "/incidents",
            banner,
            as_of: None,
            head,
            body,
        },
    )
}

fn incident_line(r: &Reader, line: &IncidentLine) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(r.href(&format!("/incidents/{}", segment(&line.id)))) { (line.id) } }
            td { (r.say(&line.title)) }
            td { (time(line.opened)) }
            td { (r.t(if line.open { "incident-open" } else { "incident-closed" })) }
            td {
                (time_or(r, line.next_due, "incidents-no-due"))
                @if line.overdue > 0 {
                    span.clock.clock-late { "▲ " (Words::key("incidents-overdue").with("count", line.overdue).say(r.lang)) }
                }
            }
        }
    }
}

/// One incident.
pub(crate) fn incident_page(r: &Reader, view: &IncidentView, banner: Option<&Banner>) -> String {
    let body = html! {
        p.lead { (r.say(&view.title)) }
        (summary(r, view))
        (figures(r, &view.figures))
        section aria-labelledby="timeline" {
            h2 #timeline { (r.t("incident-timeline")) }
            (picture::timeline(r, "incident-picture", &view.events, &view.clocks, Some(view.as_of)))
            (timeline_list(r, &view.events))
        }
        section aria-labelledby="clocks" {
            h2 #clocks { (r.t("incident-clocks")) }
            p { (r.t("incident-clocks-note")) }
            @if view.clocks.is_empty() { p { (r.t("incident-no-clocks")) } }
            @else { (clock_table(r, &r.t("incident-clocks-caption"), &view.clocks)) }
        }
        section aria-labelledby="losses" {
            h2 #losses { (r.t("incident-losses")) }
            p { (r.t("redress-words")) }
            @if view.losses.is_empty() { p { (r.t("incident-no-losses")) } } @else { (loss_table(r, &view.losses)) }
        }
        section aria-labelledby="stops" {
            h2 #stops { (r.t("incident-trips")) }
            @if view.trips.is_empty() { p { (r.t("incident-no-trips")) } } @else { (trip_table(r, &view.trips)) }
        }
        section aria-labelledby="freezes" {
            h2 #freezes { (r.t("incident-freezes")) }
            @if view.freezes.is_empty() { p { (r.t("incident-no-freezes")) } }
            @else { (freeze_table(r, &r.t("incident-freezes-caption"), &view.freezes)) }
        }
        h2 { (r.t("marks-heading")) }
        (mark_legend(r))
    };
    framed(
        r,
        &Page {
            heading: Words::key("incident-heading")
                .with("id", view.id.as_str())
                .say(r.lang),
            here: &format!("/incidents/{}", segment(&view.id)),
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

fn summary(r: &Reader, view: &IncidentView) -> Markup {
    html! {
        dl.summary {
            div { dt { (r.t("incident-state")) } dd { (r.t(if view.closed.is_none() { "incident-open" } else { "incident-closed" })) } }
            div { dt { (r.t("incident-opened")) } dd { (time(view.opened)) } }
            div { dt { (r.t("incident-opened-by")) } dd { (r.say(&view.opened_by)) } }
            div { dt { (r.t("incident-working-start")) } dd { (time(view.working_start)) span.detail { (r.t("incident-working-note")) } } }
            div {
                dt { (r.t("incident-awareness")) }
                dd {
                    @if view.awareness.is_empty() { span.unknown { (r.t("incident-no-awareness")) } }
                    @else { ol.candidates { @for candidate in &view.awareness { li { (awareness(r, candidate)) } } } }
                }
            }
        }
    }
}

fn awareness(r: &Reader, candidate: &Awareness) -> Markup {
    html! {
        (time_or(r, candidate.at, "incident-awareness-no-time")) " · "
        (r.say(&candidate.reason)) " "
        @if candidate.legal { strong { (r.t("incident-awareness-legal")) } " " }
        (mark_tag(r, candidate.mark)) " "
        (evidence(r, &candidate.evidence))
        @for (duty, due) in &candidate.dues {
            span.detail { (r.say(duty)) ": " (r.t("picture-due")) " " (time(*due)) }
        }
    }
}

fn loss_table(r: &Reader, losses: &[LossRow]) -> Markup {
    let keys = [
        "loss-col-asset",
        "loss-col-taken",
        "loss-col-house",
        "loss-col-customers",
        "loss-col-replenished",
        "loss-col-outstanding",
    ];
    let rows = html! { @for loss in losses { tr {
        th scope="row" { (loss.taken.asset.symbol) " " (mark_tag(r, loss.mark)) }
        @for part in [&loss.taken, &loss.house, &loss.customers, &loss.replenished, &loss.outstanding] {
            td.number { (part.number()) }
        }
    } } };
    let table = Table::new(r.t("loss-caption"), columns(r, keys)).numbers(&[1, 2, 3, 4, 5]);
    html! {
        (table.rows(r, &rows))
        p.quiet { (Words::key("loss-rows").with("count", as_count(losses.len())).say(r.lang)) }
    }
}

fn trip_table(r: &Reader, trips: &[Trip]) -> Markup {
    let keys = [
        "trip-col-scope",
        "trip-col-cause",
        "trip-col-at",
        "trip-col-reset",
    ];
    let rows = html! { @for trip in trips { tr {
        th scope="row" { (r.say(&trip.scope)) }
        td { (r.say(&trip.cause)) " " (evidence(r, &[trip.entry])) }
        td { (time(trip.at)) }
        td { (time_or(r, trip.reset, if trip.armed { "trip-stands" } else { "trip-not-armed" })) }
    } } };
    Table::new(r.t("trip-caption"), columns(r, keys)).rows(r, &rows)
}
