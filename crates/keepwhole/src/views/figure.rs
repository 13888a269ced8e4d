//! A figure: what it is called, its value, how it is known, and the entries of the journal that it rests on.

use crate::text::{Amount, Lang, Words, count, ratio_percent, seoul, span};

/// How a figure is known. Shown beside every figure as a word, not as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Stands in a public source that is named.
    Published,
    /// Read from an entry of this journal.
    Recorded,
    /// Computed from other figures by a rule of this program.
    Derived,
    /// Chosen because no source has it; the assumption is listed.
    Assumed,
}

impl Mark {
    /// All marks, for the legend.
    pub const ALL: [Mark; 4] = [
        Mark::Published,
        Mark::Recorded,
        Mark::Derived,
        Mark::Assumed,
    ];

    /// The catalogue's key of the mark's name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Mark::Published => "mark-published",
            Mark::Recorded => "mark-recorded",
            Mark::Derived => "mark-derived",
            Mark::Assumed => "mark-assumed",
        }
    }

    /// The catalogue's key of what the mark means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Mark::Published => "mark-published-means",
            Mark::Recorded => "mark-recorded-means",
            Mark::Derived => "mark-derived-means",
            Mark::Assumed => "mark-assumed-means",
        }
    }
}

/// A value with its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// The value.
    pub value: T,
    /// How it is known.
    pub mark: Mark,
}

impl<T> Marked<T> {
    /// `value`, known in the way of `mark`.
    pub fn new(value: T, mark: Mark) -> Self {
        Self { value, mark }
    }
}

/// What a figure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A quantity of one asset.
    Amount(Amount),
    /// A count of things.
    Count(u64),
    /// A share, shown in percent with one decimal, cut off.
    Share {
        /// The part.
        part: u128,
        /// The whole.
        whole: u128,
    },
    /// A moment, milliseconds since the epoch.
    Time(u64),
    /// A duration in milliseconds.
    Span(u64),
    /// Something said in words.
    Words(Words),
    /// Not known, and why. Never shown as zero.
    Unknown(Words),
}

impl Value {
    /// The value in `lang`; an unknown one says so with its reason.
    #[must_use]
    pub fn say(&self, lang: Lang) -> String {
        match self {
            Value::Amount(amount) => amount.both(lang),
            Value::Count(number) => count(u128::from(*number)),
            Value::Share { part, whole } => ratio_percent(*part, *whole)
                .unwrap_or_else(|| Words::key("value-no-share").say(lang)),
            Value::Time(at) => seoul(*at),
            Value::Span(millis) => span(*millis, lang),
            Value::Words(words) => words.say(lang),
            Value::Unknown(why) => Words::key("value-unknown")
                .with("why", why.clone())
                .say(lang),
        }
    }
}

/// One labelled figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub label: Words,
    /// Its value.
    pub value: Value,
    /// How it is known.
    pub mark: Mark,
    /// Entries of the journal that it rests on; empty where it rests on the state as a whole.
    pub evidence: Vec<u64>,
}

impl Figure {
    /// A figure that rests on the state as a whole.
    #[must_use]
    pub fn new(label: Words, value: Value, mark: Mark) -> Self {
        Self {
            label,
            value,
            mark,
            evidence: Vec::new(),
        }
    }
}
