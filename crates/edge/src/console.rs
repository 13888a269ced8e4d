//! What `[console]` of `keepwhole.toml` says: where it listens, for which site passkeys are made, and who gets in.

use crate::settings::loopback;
use keepwhole_settings::{Check, Text, shown};
use serde::Deserialize;
use std::net::SocketAddr;

/// The console.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ConsoleSettings {
    /// Loopback address; absent where the program's own is taken.
    pub listen: Option<SocketAddr>,
    /// The site that passkeys are made for; absent where nobody signs in.
    pub site: Option<PasskeySite>,
    /// True where every page but those of the sign-in asks for a session.
    pub sign_in_required: bool,
    /// Header in which a proxy names the place that a request comes from, lower case.
    pub place_header: Option<String>,
}

/// The site that passkeys are made for (W3C Web Authentication Level 3, "relying party identifier" and "origin").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeySite {
    /// The relying party's id: a host name.
    pub rp_id: String,
    /// The one origin at which people open the console, as browsers write it.
    pub origin: String,
}

impl PasskeySite {
    /// True where the origin is HTTPS, so that cookies may be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Host, and port where one is written: what a browser sends as `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        let origin = self.origin.as_str();
        origin.split_once("://").map_or(origin, |(_, rest)| rest)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawConsole {
    listen: Option<Text>,
    rp_id: Option<Text>,
    origin: Option<Text>,
    sign_in: Option<Text>,
    place_header: Option<Text>,
}

/// Reads the table; every fault is told to `check`.
pub(crate) fn read(check: &mut Check<'_>, raw: &RawConsole) -> ConsoleSettings {
    let listen = raw.listen.as_ref();
    let listen = listen.and_then(|listen| loopback(check, listen, "console.listen"));
    let site = read_site(check, raw);
    let mut sign_in_required = false;
    if let Some(given) = &raw.sign_in {
        let words = [("optional", false), ("required", true)];
        sign_in_required = check
            .one_of(given, "console.sign_in", &words)
            .unwrap_or_default();
        if sign_in_required && raw.rp_id.is_none() {
            let what = "nobody could sign in; name `rp_id` and `origin` too".to_owned();
            check.wrong(given, "console.sign_in", what);
        }
    }
    let place_header = raw
        .place_header
        .as_ref()
        .map(|given| read_header(check, given));
    ConsoleSettings {
        listen,
        site,
        sign_in_required,
        place_header,
    }
}

fn read_site(check: &mut Check<'_>, raw: &RawConsole) -> Option<PasskeySite> {
    let (rp_id, origin) = match (&raw.rp_id, &raw.origin) {
        (Some(rp_id), Some(origin)) => (rp_id, origin),
        (Some(alone), None) => {
            let what = "stands without `origin`, at which people open the console".to_owned();
            check.wrong(alone, "console.rp_id", what);
            return None;
        }
        (None, Some(alone)) => {
            let what =
                "stands without `rp_id`, the host name that passkeys are made for".to_owned();
            check.wrong(alone, "console.origin", what);
            return None;
        }
        (None, None) => return None,
    };
    let (id, text) = (rp_id.get_ref(), origin.get_ref());
    if !is_host_name(id) {
        let what = format!(
            "`{}` is not a host name in lower case such as `console.exchange.example` or `localhost`; browsers make no passkey for an address",
            shown(id)
        );
        check.wrong(rp_id, "console.rp_id", what);
        return None;
    }
    if !is_origin_of(text, id) {
        let what = format!(
            "`{}` is not `https://` and `{id}` or a host below it, with a port where there is one and nothing after it; `http://` counts for `localhost` alone",
            shown(text)
        );
        check.wrong(origin, "console.origin", what);
        return None;
    }
    Some(PasskeySite {
        rp_id: id.clone(),
        origin: text.clone(),
    })
}

/// A name of letters, digits and hyphens between dots, not an address.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_origin_of(origin: &str, rp_id: &str) -> bool {
    let (authority, default_port) = match origin.strip_prefix("https://") {
        Some(authority) => (authority, "443"),
        None if rp_id == "localhost" => match origin.strip_prefix("http://") {
            Some(authority) => (authority, "80"),
            None => return false,
        },
        None => return false,
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    // Browsers leave the usual port out, so an origin that writes it is never met.
    let port = port.is_none_or(|port| {
        port != default_port && !port.starts_with('0') && port.parse::<u16>().is_ok()
    });
    let within = host == rp_id
        || host
            .strip_suffix(rp_id)
            .is_some_and(|below| below.ends_with('.'));
    port && is_host_name(host) && within
}

fn read_header(check: &mut Check<'_>, given: &Text) -> String {
    let name = given.get_ref();
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(letters) {
        let what = format!(
            "`{}` is not the name of a header in lower case such as `x-place`",
            shown(name)
        );
        check.wrong(given, "console.place_header", what);
    }
    name.clone()
}

#[cfg(test)]
mod tests {
    use super::is_origin_of;

    #[test]
    fn an_origin_is_what_a_browser_writes() {
        for (origin, rp_id, fits) in [
            (
                "https://console.exchange.example",
                "console.exchange.example",
                true,
            ),
            (
                "https://console.exchange.example:8443",
                "exchange.example",
                true,
            ),
            ("http://localhost:8650", "localhost", true),
            ("https://localhost", "localhost", true),
            (
                "http://console.exchange.example",
                "console.exchange.example",
                false,
            ),
            (
                "https://console.exchange.example/",
                "console.exchange.example",
                false,
            ),
            (
                "https://console.exchange.example:443",
                "console.exchange.example",
                false,
            ),
            ("https://evilexchange.example", "exchange.example", false),
            (
                "https://exchange.example@evil.example",
                "exchange.example",
                false,
            ),
            ("https://exchange.example:x", "exchange.example", false),
            ("https://EXCHANGE.example", "exchange.example", false),
            ("exchange.example", "exchange.example", false),
        ] {
            assert_eq!(is_origin_of(origin, rp_id), fits, "{origin}");
        }
    }
}
