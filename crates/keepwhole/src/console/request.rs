//! What a request may look like before a page looks at it: its host, its length, its language, its query.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use keepwhole_edge::console::PasskeySite;
use serde::Deserialize;

use super::Reader;
use super::pages::Problem;
use crate::text::{Lang, Words, day_of_date};
use crate::views::{BacktestAsked, Chosen, Compared, RequestState};

/// The longest path and query answered, in bytes.
const LONGEST: usize = 1024;
/// The longest body taken, in bytes: an answer of the approver client in its form.
const BODY_MAX: u64 = 65_536;

/// The query keys that pages know.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// The language chosen.
    pub(crate) lang: Option<String>,
    /// The first entry of a journal page, or the first day of a back-test.
    pub(crate) from: Option<String>,
    /// A customer's id.
    pub(crate) id: Option<String>,
    /// Only requests that stand so.
    pub(crate) state: Option<String>,
    /// The older of two versions of the policy.
    pub(crate) old: Option<String>,
    /// The newer of two versions of the policy.
    pub(crate) new: Option<String>,
    /// The last day of a back-test.
    pub(crate) to: Option<String>,
    /// The policy of a back-test.
    pub(crate) policy: Option<String>,
    /// A proposal whose policy is compared with the one in force.
    pub(crate) proposal: Option<String>,
    /// Where to go on after a sign-in.
    pub(crate) next: Option<String>,
    /// The role in which an approver would speak.
    pub(crate) role: Option<String>,
}

impl Asked {
    /// The reader: her choice, else what her browser prefers, else Korean.
    pub(crate) fn reader(&self, headers: &HeaderMap) -> Reader {
        reader_of(self.lang.as_deref(), headers)
    }

    /// The state asked for; every one where none is.
    ///
    /// # Errors
    /// [`Problem::Malformed`] for a word that names none.
    pub(crate) fn request_state(&self) -> Result<Option<RequestState>, Problem> {
        match self.state.as_deref().filter(|word| !word.is_empty()) {
            None => Ok(None),
            Some(word) => RequestState::of_word(word)
                .map(Some)
                .ok_or_else(|| Problem::Malformed(Words::key("problem-state").with("state", word))),
        }
    }

    /// The two policies asked for: two versions where both are named, else the one in force and a proposed one.
    ///
    /// # Errors
    /// [`Problem::Malformed`] for a version that is no number.
    pub(crate) fn compared(&self) -> Result<Option<Compared>, Problem> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse::<u64>().ok().filter(|_| digits);
            number.ok_or_else(|| {
                Problem::Malformed(Words::key("problem-version").with("version", text))
            })
        };
        match (self.old.as_deref(), self.new.as_deref()) {
            (Some(old), Some(new)) => Ok(Some(Compared::Versions(number(old)?, number(new)?))),
            _ => Ok(self.proposal.clone().map(Compared::Proposal)),
        }
    }

    /// The back-test asked for.
    ///
    /// # Errors
    /// [`Problem::Malformed`] for a policy that is named in no known way, and for a day that is no date.
    pub(crate) fn backtest(&self) -> Result<BacktestAsked, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let day = |text: Option<String>| {
            let told = text.map(|text| {
                let wrong =
                    || Problem::Malformed(Words::key("problem-day").with("day", text.as_str()));
                day_of_date(&text).ok_or_else(wrong)
            });
            told.transpose()
        };
        let policy = given(&self.policy).map(|word| {
            let wrong =
                || Problem::Malformed(Words::key("problem-policy").with("policy", word.as_str()));
            Chosen::of_word(&word).ok_or_else(wrong)
        });
        Ok(BacktestAsked {
            policy: policy.transpose()?,
            days: (day(given(&self.from))?, day(given(&self.to))?),
        })
    }

    /// The first entry asked for.
    ///
    /// # Errors
    /// [`Problem::Malformed`] if it is not a whole number.
    pub(crate) fn first_entry(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.from.as_deref() else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits => Ok(Some(number)),
            _ => Err(Problem::Malformed(
                Words::key("problem-from").with("from", text),
            )),
        }
    }
}

/// The reader of a request whose query could not be read as a whole.
pub(crate) fn reader_from(request: &Request) -> Reader {
    let query = request.uri().query().unwrap_or_default();
    let chosen = query.split('&').find_map(|pair| pair.strip_prefix("lang="));
    reader_of(chosen, request.headers())
}

fn reader_of(chosen: Option<&str>, headers: &HeaderMap) -> Reader {
    if let Some(lang) = chosen.and_then(Lang::from_tag) {
        return Reader::of_console(lang, true);
    }
    let accept = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Reader::of_console(Lang::from_accept(accept), false)
}

/// Whether a browser is at the site that passkeys are made for, by the host that it names.
pub(crate) fn at_site(headers: &HeaderMap, site: &PasskeySite) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(site.authority()))
}

/// The value of a cookie; nothing where it comes twice, since then somebody else set one of them.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    let pairs = pairs.flat_map(|line| line.split(';'));
    let mut own =
        pairs.filter_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name));
    let (_, value) = own.next()?;
    own.next().is_none().then_some(value)
}

/// Whether what is posted comes from a page of the site itself: the browser says so in `Origin`, which a page can't
/// choose, and in `Sec-Fetch-Site` (W3C Fetch Metadata) where it sends that.
fn from_own_page(headers: &HeaderMap, site: &PasskeySite) -> bool {
    let said = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next();
        (
            first.and_then(|value| value.to_str().ok()),
            values.next().is_none(),
        )
    };
    let (origin, once) = said("origin");
    let own = origin == Some(site.origin.as_str()) && at_site(headers, site);
    let fetched = headers.contains_key("sec-fetch-site");
    own && once && (!fetched || said("sec-fetch-site") == (Some("same-origin"), true))
}

/// Refuses what no page is for, before any page runs. `site` is that of passkeys, whose host counts beside this
/// machine's names, and from whose pages alone anything is posted.
///
/// # Errors
/// The problem to show: a foreign host (which a browser sends when another site's name was pointed at this machine), a
/// request that is too long, one with a body where none is due, one posted from elsewhere.
pub(crate) fn admit(request: &Request, site: Option<&PasskeySite>) -> Result<(), Problem> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let authority = request
        .uri()
        .authority()
        .map(axum::http::uri::Authority::as_str);
    let ours = |host: &str| {
        is_loopback_host(host)
            || site.is_some_and(|site| host.eq_ignore_ascii_case(site.authority()))
    };
    if !host.is_some_and(ours) || !authority.is_none_or(ours) {
        return Err(Problem::ForeignHost);
    }
    if request
        .uri()
        .path_and_query()
        .is_some_and(|whole| whole.as_str().len() > LONGEST)
    {
        return Err(Problem::TooLong);
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    // Without a site nobody signs in, so that nothing is taken anyway.
    if let (&Method::POST, Some(site)) = (request.method(), site) {
        if !from_own_page(request.headers(), site) {
            return Err(Problem::ForeignPage);
        }
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let whole = !request.headers().contains_key(header::TRANSFER_ENCODING);
        return if whole && length.is_some_and(|length| length <= BODY_MAX) {
            Ok(())
        } else {
            Err(Problem::TooLarge)
        };
    }
    if length.is_some_and(|value| value.as_bytes() != b"0")
        || request.headers().contains_key(header::TRANSFER_ENCODING)
    {
        return Err(Problem::Body);
    }
    Ok(())
}

/// Whether a `Host` value names this machine: `localhost`, `127.x.y.z` or `[::1]`, with or without a port.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => (
                name,
                port.strip_prefix(':').or(port.is_empty().then_some("")),
            ),
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("")),
        },
    };
    let port_fits = port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    let bracketed = host.starts_with('[');
    let here = if bracketed {
        name.parse::<std::net::Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
    } else {
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<std::net::Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback())
    };
    port_fits && here
}

/// Whether `path` is a tile of the public log (C2SP tlog-tiles): `tile/<level>/<index>`, the index in groups of three
/// digits with `x` before all but the last, and `.p/<width>` after a partial one. Entry bundles are not public.
pub(crate) fn is_tile_path(path: &str) -> bool {
    let Some((level, index)) = path
        .strip_prefix("tile/")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let (index, width) = match index.split_once(".p/") {
        Some((index, width)) => (index, Some(width)),
        None => (index, None),
    };
    let group = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = index.split('/').rev();
    let last = groups.next().is_some_and(group);
    let earlier = groups.all(|text| text.strip_prefix('x').is_some_and(group));
    let small = |text: &str, most: u16| {
        !text.starts_with("00")
            && text.len() <= 3
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u16>().is_ok_and(|number| number <= most)
    };
    let partial = width.is_none_or(|width| small(width, 255) && !width.starts_with('0'));
    small(level, 63) && last && earlier && partial && index.len() <= 32
}

/// Whether a path is that of an entry bundle. Whether bundles are public is the source's to say.
pub(crate) fn is_bundle_path(path: &str) -> bool {
    keepwhole_verify::tile::TileId::parse(path)
        .is_ok_and(|tile| tile.kind == keepwhole_verify::tile::TileKind::Entries)
}

#[cfg(test)]
mod tests {
    use super::{is_loopback_host, is_tile_path};

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1",
            "127.0.0.1:7717",
            "127.9.9.9",
            "[::1]",
            "[::1]:7717",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "[::1",
            "::1",
            "[::1]x",
            "localhost:99999",
            "localhost:x",
            "[127.0.0.1]",
            "0.0.0.0",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn only_tiles_are_public() {
        for path in [
            "tile/0/000",
            "tile/0/x001/067",
            "tile/1/000.p/5",
            "tile/0/x001/x234/067.p/255",
            "tile/63/000",
        ] {
            assert!(is_tile_path(path), "{path}");
        }
        for path in [
            "tile/entries/000",
            "tile/0/../checkpoint",
            "tile/0/00",
            "tile/0/x001",
            "tile/64/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/067/x001",
            "checkpoint",
            "tile/0/000/",
            "tile//000",
            "tile/0/%2e",
            "tile/00/000",
        ] {
            assert!(!is_tile_path(path), "{path}");
        }
    }
}
