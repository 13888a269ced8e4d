//! What a reader sees when a page cannot be shown: what is wrong, and what to do next.

use maud::html;

use crate::console::Reader;
use crate::console::frame::{Page, framed};
use crate::console::refusal::No;
use crate::text::Words;

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No page has this address.
    NoPage,
    /// No incident has this id.
    NoIncident(String),
    /// No request to the guard has this id.
    NoRequest(String),
    /// The installation holds no report.
    NoReport,
    /// A part of the request is malformed: which, and what would be right.
    Malformed(Words),
    /// The `Host` header names another place than this machine.
    ForeignHost,
    /// The address is too long.
    TooLong,
    /// The request carries a body.
    Body,
    /// The body is too large, or its length is not told.
    TooLarge,
    /// Something was posted from another page than the console's own.
    ForeignPage,
    /// Staff is refused something.
    Refused(Box<No>),
    /// Another method than the page knows.
    Method,
    /// The source cannot answer now, and why.
    Unavailable(String),
    /// The answer took too long.
    Slow,
}

impl Problem {
    /// The status code (RFC 9110, section 15).
    pub(crate) fn status(&self) -> u16 {
        match self {
            Problem::NoPage
            | Problem::NoIncident(_)
            | Problem::NoRequest(_)
            | Problem::NoReport => 404,
            Problem::Malformed(_) | Problem::ForeignHost => 400,
            Problem::TooLong => 414,
            Problem::Body | Problem::TooLarge => 413,
            Problem::ForeignPage => 403,
            Problem::Refused(no) => no.status,
            Problem::Method => 405,
            Problem::Unavailable(_) | Problem::Slow => 503,
        }
    }

    fn heading(&self) -> &'static str {
        match self.status() {
            404 => "problem-not-found",
            503 => "problem-unavailable",
            _ => "problem-bad-request",
        }
    }

    /// Its stable code for programs, lower snake case.
    pub(crate) fn code(&self) -> &str {
        match self {
            Problem::NoPage
            | Problem::NoIncident(_)
            | Problem::NoRequest(_)
            | Problem::NoReport => "not_found",
            Problem::Malformed(_) => "malformed",
            Problem::ForeignHost => "foreign_host",
            Problem::TooLong | Problem::TooLarge => "too_large",
            Problem::Body => "body",
            Problem::ForeignPage => "foreign_page",
            Problem::Refused(no) => &no.code,
            Problem::Method => "method",
            Problem::Unavailable(_) | Problem::Slow => "unavailable",
        }
    }

    pub(crate) fn sentence(&self) -> Words {
        match self {
            Problem::NoPage => Words::key("problem-no-page"),
            Problem::NoIncident(id) => Words::key("problem-no-incident").with("id", id.as_str()),
            Problem::NoRequest(id) => Words::key("problem-no-request").with("id", id.as_str()),
            Problem::NoReport => Words::key("problem-no-report"),
            Problem::Malformed(words) => words.clone(),
            Problem::ForeignHost => Words::key("problem-foreign-host"),
            Problem::TooLong => Words::key("problem-too-long"),
            Problem::Body => Words::key("problem-body"),
            Problem::TooLarge => Words::key("problem-too-large"),
            Problem::ForeignPage => Words::key("staff-foreign"),
            Problem::Refused(no) => no.words.clone(),
            Problem::Method => Words::key("problem-method"),
            Problem::Unavailable(why) => Words::key("problem-source").with("why", why.as_str()),
            Problem::Slow => Words::key("problem-slow"),
        }
    }
}

/// The page that says what is wrong.
pub(crate) fn problem_page(r: &Reader, problem: &Problem) -> String {
    let body = html! {
        div.problem role="alert" {
            p { (r.say(&problem.sentence())) }
            @if let Problem::Refused(no) = problem { p.detail { (r.say(&no.release)) " " code { (no.code) } } }
        }
        p { a href=(r.href("/")) { (r.t("problem-home")) } }
    };
    framed(
        r,
        &Page {
            heading: r.t(problem.heading()),
            here: "",
            banner: None,
            as_of: None,
            head: None,
            body,
        },
    )
}
