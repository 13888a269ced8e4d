//! The cookies: that of the session, and that by which a browser is known again.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use keepwhole_edge::console::PasskeySite;
use keepwhole_verify::digest::Digest;

use super::request::cookie;
use super::session::random_hex;

/// The cookies of the session and of the browser, each without and with HTTPS, where no other host can set them.
const SESSION: [&str; 2] = ["keepwhole-session", "__Host-keepwhole-session"];
const BROWSER: [&str; 2] = ["keepwhole-browser", "__Host-keepwhole-browser"];
/// How long a browser is remembered, seconds; browsers allow no more.
pub(super) const BROWSER_S: u64 = 400 * 86_400;

/// Cookies as the site allows them.
#[derive(Clone, Copy)]
pub(super) struct Jar {
    pub(super) session: &'static str,
    pub(super) browser: &'static str,
    secure: &'static str,
}

impl Jar {
    pub(super) fn of(site: Option<&PasskeySite>) -> Self {
        let ([plain, host], [browser, host_browser]) = (SESSION, BROWSER);
        if site.is_some_and(PasskeySite::is_https) {
            Self {
                session: host,
                browser: host_browser,
                secure: "; Secure",
            }
        } else {
            Self {
                session: plain,
                browser,
                secure: "",
            }
        }
    }

    /// Sets a cookie for `seconds`, or until the browser closes.
    pub(super) fn set(
        &self,
        response: &mut Response,
        name: &str,
        value: &str,
        seconds: Option<u64>,
    ) {
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let secure = self.secure;
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{age}{secure}");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }

    /// The browser's own cookie, made where there is none, and the code by which the journal knows it.
    pub(super) fn browser(self, headers: &HeaderMap) -> Result<(String, String), getrandom::Error> {
        let ours =
            |text: &&str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let held = cookie(headers, self.browser)
            .filter(ours)
            .map(str::to_owned);
        let held = match held {
            Some(held) => held,
            None => random_hex::<16>()?,
        };
        let digest = Digest::of(held.as_bytes()).to_hex();
        let code = format!("browser-{}", digest.get(..16).unwrap_or_default());
        Ok((held, code))
    }
}

#[cfg(test)]
mod tests {
    use super::Jar;
    use keepwhole_edge::console::PasskeySite;

    #[test]
    fn with_https_no_other_host_sets_a_cookie_of_ours() {
        let site = |origin: &str| PasskeySite {
            rp_id: "localhost".into(),
            origin: origin.into(),
        };
        let https = site("https://localhost");
        let jar = Jar::of(Some(&https));
        assert_eq!(jar.session, "__Host-keepwhole-session");
        assert_eq!(jar.browser, "__Host-keepwhole-browser");
        assert_eq!(jar.secure, "; Secure", "`__Host-` asks for it");
        for jar in [Jar::of(None), Jar::of(Some(&site("http://localhost:1")))] {
            assert_eq!(jar.session, "keepwhole-session");
            assert_eq!(jar.browser, "keepwhole-browser");
            assert_eq!(jar.secure, "");
        }
    }
}
