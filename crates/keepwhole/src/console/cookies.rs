//! The cookies: that of the session, and that by which a browser is known again.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use keepwhole_verify::digest::Digest;

use super::request::cookie;
use super::session::random_hex;
use super::staff::Staff;

/// The cookie of the session, and that of the browser; with HTTPS no other host can set the first.
const SESSION: &str = "keepwhole-session";
const SESSION_HTTPS: &str = "__Host-keepwhole-session";
pub(super) const BROWSER: &str = "keepwhole-browser";
/// How long a browser is remembered, seconds; browsers allow no more.
pub(super) const BROWSER_S: u64 = 400 * 86_400;
/// The name of the session's cookie.
pub(crate) fn session_cookie(staff: &Staff) -> &'static str {
    match staff.site() {
        Some(site) if site.is_https() => SESSION_HTTPS,
        _ => SESSION,
    }
}

/// Cookies as the site allows them.
#[derive(Clone, Copy)]
pub(super) struct Jar {
    pub(super) session: &'static str,
    secure: &'static str,
}

impl Jar {
    pub(super) fn of(staff: &Staff) -> Self {
        let https = staff.site().is_some_and(|site| site.is_https());
        Self {
            session: session_cookie(staff),
            secure: if https { "; Secure" } else { "" },
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
}

/// The browser's own cookie, made where there is none, and the code by which the journal knows it.
pub(super) fn browser(headers: &HeaderMap) -> Result<(String, String), getrandom::Error> {
    let ours = |text: &&str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let held = cookie(headers, BROWSER).filter(ours).map(str::to_owned);
    let held = match held {
        Some(held) => held,
        None => random_hex::<16>()?,
    };
    let digest = Digest::of(held.as_bytes()).to_hex();
    let code = format!("browser-{}", digest.get(..16).unwrap_or_default());
    Ok((held, code))
}
