//! The first page: is every customer's asset whole right now?

use maud::html;

use crate::console::Reader;
use crate::console::fragment::{answer_tag, as_count, mark_legend, ten_answers};
use crate::console::frame::{Page, framed};
use crate::text::Words;
use crate::views::{AnswerState, Overview};

/// The overview with the ten answers.
pub(crate) fn overview_page(r: &Reader, view: &Overview) -> String {
    let states = [
        AnswerState::Attention,
        AnswerState::Unknown,
        AnswerState::Whole,
        AnswerState::NotBuilt,
    ];
    let body = html! {
        ul.tally aria-label=(r.t("overview-tally")) {
            @for state in states {
                @let number = as_count(view.ten.iter().filter(|answer| answer.state == state).count());
                li { (answer_tag(r, state)) " " (Words::key("overview-count").with("count", number).say(r.lang)) }
            }
        }
        p { (r.t("overview-note")) }
        h2 { (r.t("overview-ten")) }
        (ten_answers(r, &view.ten))
        h2 { (r.t("marks-heading")) }
        (mark_legend(r))
    };
    framed(
        r,
        &Page {
            heading: r.t("overview-heading"),
            here: "/",
            banner: Some(&view.banner),
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}
