//! Values that only this file has: digests, and addresses of this machine.

use keepwhole_settings::{Check, Text, shown};
use keepwhole_verify::Digest;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use toml::Spanned;

/// Digests; `None` for the one word `any`.
pub(super) fn digests(
    check: &mut Check<'_>,
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
        let what =
            "is empty, so nothing could be signed; list digests, or `\"any\"` alone to take all"
                .to_owned();
        check.wrong(list, key, what);
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
                    shown(text.get_ref())
                );
                check.wrong(text, key, what);
            }
        }
    }
    Some(digests)
}

/// An address of this machine in the clear, or any over TLS, for which `tls` must be there.
pub(super) fn address(
    check: &mut Check<'_>,
    value: &Text,
    (key, example): (&str, &str),
    tls: bool,
) -> String {
    let given = value.get_ref();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    let clear = given.strip_prefix("http://");
    let rest = given.strip_prefix("https://").or(clear).unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let loopback = host
        .parse::<SocketAddr>()
        .is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    let reached = match clear {
        Some(_) => loopback,
        None => !host.is_empty() && host.bytes().all(named),
    };
    if !reached || !path.bytes().all(plain) {
        let what = format!(
            "`{}` is neither an address of this machine such as `{example}` nor one that begins with `https://`",
            shown(given)
        );
        check.wrong(value, key, what);
    } else if clear.is_none() && !tls {
        let what = "needs `[tls]` with `authority` beside it".to_owned();
        check.wrong(value, key, what);
    }
    given.trim_end_matches('/').to_owned()
}
