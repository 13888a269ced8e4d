//! Reads a settings file: as written first (unknown and repeated keys refused), then value by value into what can't be
//! wrong. Every fault is told at once, each with its line, key, value, reason and fix.

use core::fmt;
use keepwhole_verify::json::parse_amount;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

/// A text of the file.
pub type Text = Spanned<String>;
/// A whole number of the file.
pub type Whole = Spanned<i64>;

/// What is wrong in one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// Line, from 1.
    pub line: usize,
    /// Key, such as `api.listen`; empty for the file as a whole.
    pub key: String,
    /// Value, reason and fix.
    pub what: String,
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, key, what } = self;
        if key.is_empty() {
            write!(f, "line {line}: {what}")
        } else {
            write!(f, "line {line}: `{key}`: {what}")
        }
    }
}

/// A whole number of the file: its key, the one taken where it is absent, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Key.
    pub key: &'static str,
    /// Taken where the file does not say.
    pub default: u64,
    /// Least.
    pub least: u64,
    /// Most.
    pub most: u64,
    /// What is counted.
    pub unit: &'static str,
}

/// Reads the text of a file in its one `version`: `raw` tells the version as written, `check` makes the settings.
///
/// # Errors
/// Everything that is wrong, in the order of the lines; at least one fault.
pub fn read<R: DeserializeOwned, S>(
    text: &str,
    version: i64,
    raw: impl FnOnce(&R) -> &Whole,
    check: impl FnOnce(&mut Check<'_>, &R) -> Option<S>,
) -> Result<S, Vec<SettingsFault>> {
    let mut faults = Check::new(text);
    let file: R = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().trim().replace('\n', "; ");
            faults.fault(at, "", what);
            return Err(faults.faults);
        }
    };
    let given = raw(&file);
    if *given.get_ref() != version {
        let what = format!(
            "`{}` is not known; this program reads version `{version}`",
            given.get_ref()
        );
        faults.wrong(given, "version", what);
    }
    let settings = check(&mut faults, &file);
    let mut faults = faults.faults;
    faults.sort_by_key(|fault| fault.line);
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(faults),
    }
}

/// A foreign text as it is shown: control characters escaped, at most 60 characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
}

/// Collects faults while values are read. A wrong value gives something harmless back, so that reading goes on: nobody
/// sees it, because [`read`] then gives the faults.
#[derive(Debug)]
pub struct Check<'t> {
    text: &'t str,
    faults: Vec<SettingsFault>,
}

impl<'t> Check<'t> {
    /// Over the text of a file; without faults so far.
    #[must_use]
    pub const fn new(text: &'t str) -> Self {
        Self {
            text,
            faults: Vec::new(),
        }
    }

    /// A fault at a byte of the file.
    pub fn fault(&mut self, at: usize, key: &str, what: impl Into<String>) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        self.faults.push(SettingsFault {
            line: line.saturating_add(1),
            key: key.to_owned(),
            what: what.into(),
        });
    }

    /// A fault at a value.
    pub fn wrong<T>(&mut self, value: &Spanned<T>, key: &str, what: impl Into<String>) {
        self.fault(value.span().start, key, what);
    }

    /// A number, or its default where the file does not say.
    pub fn number(&mut self, value: Option<&Whole>, number: &Number) -> u64 {
        let Some(value) = value else {
            return number.default;
        };
        let given = *value.get_ref();
        match u64::try_from(given) {
            Ok(given) if (number.least..=number.most).contains(&given) => given,
            _ => {
                let Number {
                    key,
                    least,
                    most,
                    unit,
                    ..
                } = number;
                let what = format!("`{given}` is outside `{least}` to `{most}` {unit}");
                self.wrong(value, key, what);
                number.default
            }
        }
    }

    /// A name of 1 to 128 visible characters.
    pub fn name(&mut self, value: &Text, key: &str) -> String {
        let given = value.get_ref();
        let visible = given.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=128).contains(&given.len()) || !visible {
            let what = format!("`{}` is not 1 to 128 visible characters", shown(given));
            self.wrong(value, key, what);
        }
        given.clone()
    }

    /// The names of a list, each once.
    pub fn names(&mut self, list: &[Text], key: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for text in list {
            let name = self.name(text, key);
            if !names.insert(name.clone()) {
                self.wrong(text, key, format!("`{name}` stands twice"));
            }
        }
        names
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&mut self, value: &Text, key: &str, words: &[(&str, T)]) -> Option<T> {
        let given = value.get_ref();
        let found = words.iter().find(|(word, _)| word == given);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("`{}` is none of `{}`", shown(given), words.join("`, `"));
            self.wrong(value, key, what);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Minor units.
    pub fn amount(&mut self, value: &Text, key: &str) -> u128 {
        parse_amount(value.get_ref()).unwrap_or_else(|| {
            let what = format!(
                "`{}` is not an amount in minor units such as `\"1500000\"`",
                shown(value.get_ref())
            );
            self.wrong(value, key, what);
            0
        })
    }

    /// An address with a port.
    pub fn address(&mut self, value: &Text, key: &str, example: &str) -> Option<SocketAddr> {
        let given = value.get_ref();
        let address = given.parse::<SocketAddr>();
        if address.is_err() {
            let what = format!(
                "`{}` is not an address with a port such as `{example}`",
                shown(given)
            );
            self.wrong(value, key, what);
        }
        address.ok()
    }

    /// A path as the system takes it, relative to the file or not.
    pub fn path(&mut self, value: &Text, key: &str) -> PathBuf {
        let given = value.get_ref();
        if given.is_empty() || given.chars().any(char::is_control) {
            self.wrong(value, key, format!("`{}` is not a path", shown(given)));
        }
        PathBuf::from(given)
    }

    /// A path below the folder of the file, without `..`.
    pub fn inside(&mut self, value: &Text, key: &str, example: &str) -> PathBuf {
        let given = value.get_ref();
        let path = Path::new(given);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if given.is_empty() || !plain || given.chars().any(char::is_control) {
            let what = format!(
                "`{}` is not a plain path inside the installation such as `{example}`",
                shown(given)
            );
            self.wrong(value, key, what);
        }
        path.to_path_buf()
    }

    /// An absolute path, or one [`inside`](Self::inside).
    pub fn anywhere(&mut self, value: &Text, key: &str, example: &str) -> PathBuf {
        let given = value.get_ref();
        if Path::new(given).is_absolute() && !given.chars().any(char::is_control) {
            return PathBuf::from(given);
        }
        self.inside(value, key, example)
    }
}
