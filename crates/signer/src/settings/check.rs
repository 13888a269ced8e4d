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

/// An address of this machine: what is said to other machines goes through a tunnel or a [`crate::Redeem`] of one's own.
pub(super) fn local_url(check: &mut Check<'_>, value: &Text, key: &str, example: &str) -> String {
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
            shown(given)
        );
        check.wrong(value, key, what);
    }
    given.trim_end_matches('/').to_owned()
}
