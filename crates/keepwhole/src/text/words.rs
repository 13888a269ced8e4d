//! A sentence that is chosen now and said later, in whichever language the reader wants.

use super::{Amount, Lang, count, lookup, seoul, span};

/// Text for people, not yet in one language: projections and the demo build it, pages say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// A key of the catalogues with its arguments.
    Key(&'static str, Vec<(&'static str, Arg)>),
    /// Text that comes in both languages from elsewhere, such as the titles of the law's records.
    Both {
        /// The Korean text.
        ko: String,
        /// The English text.
        en: String,
    },
    /// Text that is the same in both languages: an id, a name, a quotation.
    Plain(String),
}

/// One argument of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Text as it is.
    Text(String),
    /// A count. The catalogue chooses the plural by `$form`, which is `one` or `other` for the last count given.
    Count(u64),
    /// An amount, said exactly, with the short form of large amounts of won.
    Amount(Amount),
    /// A moment in milliseconds since the epoch, said in Asia/Seoul.
    Time(u64),
    /// A duration in milliseconds.
    Span(u64),
    /// Other words.
    Words(Box<Words>),
}

impl Words {
    /// The sentence under `key`, without arguments.
    #[must_use]
    pub fn key(key: &'static str) -> Self {
        Words::Key(key, Vec::new())
    }

    /// The same sentence with one more argument.
    #[must_use]
    pub fn with(self, name: &'static str, arg: impl Into<Arg>) -> Self {
        match self {
            Words::Key(key, mut args) => {
                args.push((name, arg.into()));
                Words::Key(key, args)
            }
            other => other,
        }
    }

    /// Text that exists in both languages already.
    #[must_use]
    pub fn both(ko: &str, en: &str) -> Self {
        Words::Both {
            ko: ko.to_owned(),
            en: en.to_owned(),
        }
    }

    /// Text that is the same in both languages.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Words::Plain(text.to_owned())
    }

    /// The text in `lang`.
    #[must_use]
    pub fn say(&self, lang: Lang) -> String {
        match self {
            Words::Key(key, args) => {
                let mut said = Vec::with_capacity(args.len());
                for (name, arg) in args {
                    said.push((*name, arg.say(lang)));
                    if let Arg::Count(number) = arg {
                        said.push((
                            "form",
                            if *number == 1 { "one" } else { "other" }.to_owned(),
                        ));
                    }
                }
                lookup(lang, key, &said)
            }
            Words::Both { ko, en } => match lang {
                Lang::Ko => ko.clone(),
                Lang::En => en.clone(),
            },
            Words::Plain(text) => text.clone(),
        }
    }
}

impl Arg {
    fn say(&self, lang: Lang) -> String {
        match self {
            Arg::Text(text) => text.clone(),
            Arg::Count(number) => count(u128::from(*number)),
            Arg::Amount(amount) => amount.both(lang),
            Arg::Time(at) => seoul(*at),
            Arg::Span(millis) => span(*millis, lang),
            Arg::Words(words) => words.say(lang),
        }
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Arg::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Arg::Text(text)
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Arg::Count(number)
    }
}

impl From<Amount> for Arg {
    fn from(amount: Amount) -> Self {
        Arg::Amount(amount)
    }
}

impl From<Words> for Arg {
    fn from(words: Words) -> Self {
        Arg::Words(Box::new(words))
    }
}
