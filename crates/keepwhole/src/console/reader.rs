//! Who reads a page: her language, and whether links lead anywhere.

use std::fmt::Write as _;

use crate::text::{Lang, Words, lookup};

/// The reader of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The language of the page.
    pub lang: Lang,
    /// Whether she chose it by `?lang=`; links then keep it.
    pub chosen: bool,
    /// Whether links to other pages work: in the console they do, in a report on paper they don't.
    pub links: bool,
}

impl Reader {
    /// A reader of the console.
    #[must_use]
    pub fn of_console(lang: Lang, chosen: bool) -> Self {
        Self {
            lang,
            chosen,
            links: true,
        }
    }

    /// A reader of a file without a server behind it.
    #[must_use]
    pub fn of_file(lang: Lang) -> Self {
        Self {
            lang,
            chosen: false,
            links: false,
        }
    }

    /// The sentence under `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        lookup(self.lang, key, &[])
    }

    /// The words in her language.
    #[must_use]
    pub fn say(&self, words: &Words) -> String {
        words.say(self.lang)
    }

    /// A link to `path` (which may have a query) that keeps the chosen language.
    #[must_use]
    pub fn href(&self, path: &str) -> String {
        if !self.chosen {
            return path.to_owned();
        }
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}lang={}", self.lang.tag())
    }

    /// The name of an element that must be one of its kind in a file that holds both languages.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        if self.links {
            name.to_owned()
        } else {
            format!("{name}-{}", self.lang.tag())
        }
    }
}

/// Percent-encodes one segment of a path: everything but the unreserved characters of RFC 3986.
#[must_use]
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
