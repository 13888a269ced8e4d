//! The two catalogues, compiled into the program, and the choice between them.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, langid, static_loader};

static_loader! {
    static CATALOGUES = {
        locales: "./locales",
        fallback_language: "ko",
        // Isolation marks would end up in figures that people copy out of a page.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

const KOREAN: LanguageIdentifier = langid!("ko");
const ENGLISH: LanguageIdentifier = langid!("en");

/// A language that every page and message exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Korean: the first language, used when nothing else is asked for.
    #[default]
    Ko,
    /// English.
    En,
}

impl Lang {
    /// Both languages, Korean first.
    pub const ALL: [Lang; 2] = [Lang::Ko, Lang::En];

    /// The tag for HTML `lang` attributes and the `lang` query key.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Ko => "ko",
            Lang::En => "en",
        }
    }

    /// The language's name in itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Lang::Ko => "한국어",
            Lang::En => "English",
        }
    }

    /// The other language.
    #[must_use]
    pub fn other(self) -> Lang {
        match self {
            Lang::Ko => Lang::En,
            Lang::En => Lang::Ko,
        }
    }

    /// The language of a tag such as `ko`, `en` or `en-GB`.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Lang> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Lang::ALL
            .into_iter()
            .find(|lang| primary.eq_ignore_ascii_case(lang.tag()))
    }

    /// The first of our languages that an `Accept-Language` header prefers (RFC 9110, section 12.5.4); Korean if none.
    #[must_use]
    pub fn from_accept(header: &str) -> Lang {
        let mut best: Option<(u16, Lang)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';');
            let Some(lang) = parts.next().and_then(|tag| Lang::from_tag(tag.trim())) else {
                continue;
            };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1000, quality);
            if weight > 0 && best.is_none_or(|(held, _)| weight > held) {
                best = Some((weight, lang));
            }
        }
        best.map_or(Lang::Ko, |(_, lang)| lang)
    }

    fn id(self) -> LanguageIdentifier {
        match self {
            Lang::Ko => KOREAN,
            Lang::En => ENGLISH,
        }
    }
}

/// A quality value in thousandths; anything malformed counts as 0, so that it is never preferred.
fn quality(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 {
        return 0;
    }
    format!("{whole}{part:0<3}")
        .parse::<u16>()
        .ok()
        .filter(|weight| *weight <= 1000)
        .unwrap_or(0)
}

/// The sentence under `key` in `lang`, with its arguments filled in; `⟦key⟧` if the catalogue lacks it.
///
/// Arguments are strings already written for people: Fluent itself formats no number here.
#[must_use]
pub fn lookup(lang: Lang, key: &str, args: &[(&'static str, String)]) -> String {
    let args: HashMap<Cow<'static, str>, FluentValue<'_>> = args
        .iter()
        .map(|(name, text)| (Cow::Borrowed(*name), FluentValue::from(text.as_str())))
        .collect();
    match CATALOGUES.lookup_single_language(&lang.id(), key, Some(&args)) {
        Ok(text) => text,
        Err(_) => format!("⟦{key}⟧"),
    }
}
