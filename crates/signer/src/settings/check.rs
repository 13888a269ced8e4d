//! Collects faults while it reads values.

use super::SettingsFault;
use super::raw::{Text, Whole};
use keepwhole_verify::Digest;
use keepwhole_verify::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// A whole number of the file: its key, the one taken where it is absent, and what it may be.
pub(super) struct Number {
    pub(super) key: &'static str,
    pub(super) default: u64,
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) unit: &'static str,
}

pub(super) struct Check<'t> {
    pub(super) text: &'t str,
    pub(super) faults: Vec<SettingsFault>,
}

impl Check<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(super) fn fault(&mut self, at: usize, key: &str, what: String) {
        let (line, key) = (self.line(at), key.to_owned());
        self.faults.push(SettingsFault { line, key, what });
    }

    pub(super) fn wrong<T>(&mut self, value: &Spanned<T>, key: &str, what: String) {
        self.fault(value.span().start, key, what);
    }

    pub(super) fn number(&mut self, value: Option<&Whole>, number: &Number) -> u64 {
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

    /// 1 to 200 characters without controls.
    pub(super) fn name(&mut self, value: &Text, key: &str) -> String {
        let given = value.get_ref();
        let plain = given.chars().all(|c| !c.is_control());
        if given.is_empty() || given.len() > 200 || !plain {
            let what = format!(
                "`{}` is not 1 to 200 plain characters",
                given.escape_debug()
            );
            self.wrong(value, key, what);
        }
        given.clone()
    }

    pub(super) fn path(&mut self, value: &Text, key: &str) -> PathBuf {
        PathBuf::from(self.name(value, key))
    }

    pub(super) fn amount(&mut self, value: &Text, key: &str) -> u128 {
        json::parse_amount(value.get_ref()).unwrap_or_else(|| {
            let what = format!(
                "`{}` is not an amount in minor units such as `\"1500000\"`",
                value.get_ref().escape_debug()
            );
            self.wrong(value, key, what);
            0
        })
    }

    /// Digests; `None` for the one word `any`.
    pub(super) fn digests(
        &mut self,
        list: &Spanned<Vec<Text>>,
        key: &str,
    ) -> Option<BTreeSet<Digest>> {
        let texts = list.get_ref();
        if let [only] = texts.as_slice()
            && only.get_ref() == "any"
        {
            return None;
        }
        if texts.is_empty() {
            let what = "is empty, so nothing could be signed; list digests, or `\"any\"` alone to take all".to_owned();
            self.wrong(list, key, what);
        }
        let mut digests = BTreeSet::new();
        for text in texts {
            match Digest::from_hex(text.get_ref()) {
                Ok(digest) => {
                    digests.insert(digest);
                }
                Err(_) => {
                    let what = format!(
                        "`{}` is not a SHA-256 in 64 lower-case hexadecimal digits",
                        text.get_ref().escape_debug()
                    );
                    self.wrong(text, key, what);
                }
            }
        }
        Some(digests)
    }

    /// An address of this machine: what is said to other machines goes through a tunnel or a [`crate::Redeem`] of one's own.
    pub(super) fn local_url(&mut self, value: &Text, key: &str, example: &str) -> String {
        let given = value.get_ref();
        let rest = given.strip_prefix("http://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        let loopback = host
            .parse::<SocketAddr>()
            .is_ok_and(|address| address.ip().to_canonical().is_loopback());
        if !loopback || !path.bytes().all(plain) {
            let what = format!(
                "`{}` is not an address of this machine such as `{example}`; reach another machine through an encrypted tunnel that ends here",
                given.escape_debug()
            );
            self.wrong(value, key, what);
        }
        given.trim_end_matches('/').to_owned()
    }

    /// The names of a list, each once.
    pub(super) fn names(&mut self, list: &[Text], key: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for text in list {
            let name = self.name(text, key);
            if !names.insert(name.clone()) {
                self.wrong(text, key, format!("`{name}` stands twice"));
            }
        }
        names
    }
}
