//! `keepwhole.toml`: where the edges listen and how they are bounded. What is allowed is policy, and stands in the journal.
//!
//! The file is read as written ([`toml`], unknown and repeated keys refused), then checked into values that can't be
//! wrong. All faults of a file are told at once, each with its line, key, value, reason and fix.

use crate::rates::Limits;
use crate::tls::{CERTIFICATE, CLIENT_CA, ClientCertificates, KEY, TlsSettings};
use crate::{api, feed};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

/// Name of the file in an installation.
pub const FILE: &str = "keepwhole.toml";
/// The one version of the file's form.
const VERSION: i64 = 1;

/// Everything that the file can say, checked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// Where the console listens.
    pub console: Option<SocketAddr>,
    /// The HTTP interface; absent where it does not run.
    pub api: Option<ApiSettings>,
    /// The unix-socket feed; absent where it does not run.
    pub feed: Option<FeedSettings>,
    /// The events of a Peatio exchange; absent where they are not consumed.
    pub peatio: Option<PeatioSettings>,
    /// The token that holds the log's key; absent where no key lies in one.
    pub log_key: Option<LogKeySettings>,
}

/// The HTTP interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// Loopback address; any address with TLS.
    pub listen: SocketAddr,
    /// TLS; absent where the interface speaks plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Its bounds.
    pub bounds: api::Bounds,
    /// Connections at once.
    pub connections: usize,
}

/// The unix-socket feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSettings {
    /// The socket, relative to the installation.
    pub socket: PathBuf,
    /// Its bounds.
    pub bounds: feed::Bounds,
}

/// The events of a Peatio exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeatioSettings {
    /// File with the address of the message broker, its password included; relative to the installation.
    pub uri_file: PathBuf,
    /// Our queue.
    pub queue: String,
    /// Public keys that may sign: id and PEM file, relative to the installation.
    pub keys: Vec<(String, PathBuf)>,
    /// Distinct keys that must have signed a message.
    pub signatures: usize,
    /// The exchange's own owner in the books, to which fees go.
    pub house: String,
    /// Markets whose trades are booked, such as `btcusd`.
    pub markets: Vec<String>,
    /// Assets of the books by Peatio's currency code.
    pub assets: BTreeMap<String, String>,
}

/// How the token is reached that holds the log's key. Which of its keys that is stands in the installation's `keys/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKeySettings {
    /// The PKCS#11 module, a shared library; an absolute path.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// File with the user's PIN; absolute, or relative to the installation.
    pub pin_file: PathBuf,
}

/// One thing that is wrong with the file.
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
        if self.key.is_empty() {
            write!(f, "line {}: {}", self.line, self.what)
        } else {
            write!(f, "line {}: `{}`: {}", self.line, self.key, self.what)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Spanned<i64>,
    console: Option<RawConsole>,
    api: Option<RawApi>,
    feed: Option<RawFeed>,
    peatio: Option<RawPeatio>,
    log_key: Option<RawLogKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConsole {
    listen: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApi {
    listen: Spanned<String>,
    body_max_bytes: Option<Spanned<i64>>,
    requests_per_second: Option<Spanned<i64>>,
    requests_per_second_each: Option<Spanned<i64>>,
    connections: Option<Spanned<i64>>,
    tls: Option<RawTls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    certificate: Spanned<String>,
    key: Spanned<String>,
    client_ca: Spanned<String>,
    client_certificates: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
    socket: Spanned<String>,
    connections: Option<Spanned<i64>>,
    in_flight: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeatio {
    uri_file: Spanned<String>,
    queue: Option<Spanned<String>>,
    keys: Spanned<BTreeMap<String, Spanned<String>>>,
    signatures: Option<Spanned<i64>>,
    house: Spanned<String>,
    markets: Option<Vec<Spanned<String>>>,
    assets: Option<BTreeMap<String, Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogKey {
    pkcs11_module: Spanned<String>,
    token: Spanned<String>,
    pin_file: Spanned<String>,
}

/// A whole number of the file: its key, the one taken where it is absent, and what it may be.
struct Number {
    key: &'static str,
    default: i64,
    least: i64,
    most: i64,
    unit: &'static str,
}

const BODY: Number = Number {
    key: "api.body_max_bytes",
    default: 1_048_576,
    least: 1_024,
    most: 8_388_608,
    unit: "bytes",
};
const RATE: Number = Number {
    key: "api.requests_per_second",
    default: 1_000,
    least: 1,
    most: 100_000,
    unit: "requests",
};
const RATE_EACH: Number = Number {
    key: "api.requests_per_second_each",
    default: 100,
    least: 1,
    most: 100_000,
    unit: "requests",
};
const API_CONNECTIONS: Number = Number {
    key: "api.connections",
    default: 128,
    least: 1,
    most: 1_024,
    unit: "connections",
};
const FEED_CONNECTIONS: Number = Number {
    key: "feed.connections",
    default: 8,
    least: 1,
    most: 64,
    unit: "connections",
};
const IN_FLIGHT: Number = Number {
    key: "feed.in_flight",
    default: 16,
    least: 1,
    most: 256,
    unit: "requests",
};

const SIGNATURES: Number = Number {
    key: "peatio.signatures",
    default: 1,
    least: 1,
    most: 16,
    unit: "signatures",
};

/// Collects faults while it reads values.
struct Check<'t> {
    text: &'t str,
    faults: Vec<SettingsFault>,
}

impl Check<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn fault(&mut self, at: usize, key: &str, what: String) {
        let line = self.line(at);
        let key = key.to_owned();
        self.faults.push(SettingsFault { line, key, what });
    }

    fn number(&mut self, value: Option<&Spanned<i64>>, number: &Number) -> i64 {
        let Some(value) = value else {
            return number.default;
        };
        let given = *value.get_ref();
        if !(number.least..=number.most).contains(&given) {
            let what = format!(
                "`{given}` is outside `{}` to `{}` {}",
                number.least, number.most, number.unit
            );
            self.fault(value.span().start, number.key, what);
        }
        given
    }

    fn count(&mut self, value: Option<&Spanned<i64>>, number: &Number) -> usize {
        usize::try_from(self.number(value, number)).unwrap_or(0)
    }

    fn rate(&mut self, value: Option<&Spanned<i64>>, number: &Number) -> u32 {
        u32::try_from(self.number(value, number)).unwrap_or(0)
    }

    fn loopback(&mut self, value: &Spanned<String>, key: &str) -> Option<SocketAddr> {
        let address = self.address(value, key)?;
        if address.ip().to_canonical().is_loopback() {
            return Some(address);
        }
        let fix = match key {
            "api.listen" => "add `[api.tls]`, or use",
            _ => "use",
        };
        let what = format!(
            "`{}` is reached from other machines, and what is said there is not encrypted; {fix} a loopback address such as `127.0.0.1:8651`",
            value.get_ref()
        );
        self.fault(value.span().start, key, what);
        None
    }

    fn address(&mut self, value: &Spanned<String>, key: &str) -> Option<SocketAddr> {
        let given = value.get_ref();
        let address = given.parse::<SocketAddr>();
        if address.is_err() {
            let what = format!("`{given}` is not an address with a port such as `127.0.0.1:8651`");
            self.fault(value.span().start, key, what);
        }
        address.ok()
    }

    /// A path inside the installation.
    fn inside(&mut self, value: &Spanned<String>, key: &str, example: &str) -> PathBuf {
        let given = value.get_ref();
        let path = Path::new(given);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let printable = given.chars().all(|c| !c.is_control());
        if given.is_empty() || !plain || !printable {
            let what = format!(
                "`{}` is not a plain path inside the installation such as `{example}`",
                given.escape_debug()
            );
            self.fault(value.span().start, key, what);
        }
        path.to_path_buf()
    }

    /// A path that may lie anywhere.
    fn anywhere(&mut self, value: &Spanned<String>, key: &str, example: &str) -> PathBuf {
        if Path::new(value.get_ref()).is_absolute() && !value.get_ref().contains('\0') {
            return PathBuf::from(value.get_ref());
        }
        self.inside(value, key, example)
    }

    fn socket(&mut self, value: &Spanned<String>) -> PathBuf {
        let length = value.get_ref().len();
        if length > 80 {
            let what = format!(
                "`{length}` bytes; the system allows about 100 for the whole path of a socket, so use at most 80"
            );
            self.fault(value.span().start, "feed.socket", what);
        }
        self.inside(value, "feed.socket", "feed.sock")
    }

    /// A name of 1 to 128 visible characters.
    fn name(&mut self, value: &Spanned<String>, key: &str) -> String {
        let given = value.get_ref();
        let visible = given.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=128).contains(&given.len()) || !visible {
            let what = format!(
                "`{}` is not 1 to 128 visible characters",
                given.escape_debug()
            );
            self.fault(value.span().start, key, what);
        }
        given.clone()
    }
}

impl Settings {
    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines; at least one fault.
    pub fn parse(text: &str) -> Result<Self, Vec<SettingsFault>> {
        let mut check = Check {
            text,
            faults: Vec::new(),
        };
        let raw: Raw = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let what = error.message().trim().replace('\n', "; ");
                check.fault(at, "", what);
                return Err(check.faults);
            }
        };
        if *raw.version.get_ref() != VERSION {
            let what = format!(
                "`{}` is not known; this program reads version `{VERSION}`",
                raw.version.get_ref()
            );
            check.fault(raw.version.span().start, "version", what);
        }
        let console = raw.console.as_ref().and_then(|console| {
            let listen = console.listen.as_ref()?;
            check.loopback(listen, "console.listen")
        });
        let api = raw.api.as_ref().and_then(|raw| read_api(&mut check, raw));
        let feed = raw.feed.as_ref().map(|raw| FeedSettings {
            socket: check.socket(&raw.socket),
            bounds: feed::Bounds {
                connections: check.count(raw.connections.as_ref(), &FEED_CONNECTIONS),
                in_flight: check.count(raw.in_flight.as_ref(), &IN_FLIGHT),
                patience: feed::PATIENCE,
            },
        });
        let peatio = raw.peatio.as_ref().map(|raw| read_peatio(&mut check, raw));
        let log_key = raw
            .log_key
            .as_ref()
            .map(|raw| read_log_key(&mut check, raw));
        if let (Some(console), Some(api)) = (console, &api)
            && console == api.listen
            && console.port() != 0
            && let Some(raw) = &raw.api
        {
            let what = format!("`{console}` is the console's address too; give each its own port");
            check.fault(raw.listen.span().start, "api.listen", what);
        }
        check.faults.sort_by_key(|fault| fault.line);
        if check.faults.is_empty() {
            Ok(Self {
                console,
                api,
                feed,
                peatio,
                log_key,
            })
        } else {
            Err(check.faults)
        }
    }
}

fn read_api(check: &mut Check<'_>, raw: &RawApi) -> Option<ApiSettings> {
    let tls = raw.tls.as_ref().map(|raw| read_tls(check, raw));
    let listen = match &tls {
        Some(_) => check.address(&raw.listen, "api.listen"),
        None => check.loopback(&raw.listen, "api.listen"),
    };
    let all = check.rate(raw.requests_per_second.as_ref(), &RATE);
    let each = check.rate(raw.requests_per_second_each.as_ref(), &RATE_EACH);
    if let Some(given) = &raw.requests_per_second_each
        && each > all
    {
        let what = format!("`{each}` for one is more than `{all}` for all together");
        check.fault(given.span().start, RATE_EACH.key, what);
    }
    let bounds = api::Bounds {
        body_max: check.count(raw.body_max_bytes.as_ref(), &BODY),
        rates: Limits {
            all,
            each: each.min(all),
        },
        whole: api::WHOLE,
    };
    let connections = check.count(raw.connections.as_ref(), &API_CONNECTIONS);
    Some(ApiSettings {
        listen: listen?,
        tls,
        bounds,
        connections,
    })
}

fn read_log_key(check: &mut Check<'_>, raw: &RawLogKey) -> LogKeySettings {
    let module = Path::new(raw.pkcs11_module.get_ref());
    if !module.is_absolute() {
        let what = format!(
            "`{}` is no absolute path of a shared library such as `/usr/lib/softhsm/libsofthsm2.so`",
            raw.pkcs11_module.get_ref().escape_debug()
        );
        let at = raw.pkcs11_module.span().start;
        check.fault(at, "log_key.pkcs11_module", what);
    }
    let token = raw.token.get_ref();
    if !(1..=32).contains(&token.len()) || token.chars().any(char::is_control) {
        let what = format!(
            "`{}` is no label of a token: 1 to 32 bytes, no control character",
            token.escape_debug()
        );
        check.fault(raw.token.span().start, "log_key.token", what);
    }
    LogKeySettings {
        module: module.to_path_buf(),
        token: token.clone(),
        pin_file: check.anywhere(&raw.pin_file, "log_key.pin_file", "keys/token-pin"),
    }
}

fn read_tls(check: &mut Check<'_>, raw: &RawTls) -> TlsSettings {
    let certificate = check.anywhere(&raw.certificate, CERTIFICATE, "keys/api.pem");
    let key = check.anywhere(&raw.key, KEY, "keys/api.key");
    let client_ca = check.anywhere(&raw.client_ca, CLIENT_CA, "keys/clients-ca.pem");
    let mut clients = ClientCertificates::Required;
    if let Some(given) = &raw.client_certificates {
        let word = given.get_ref();
        let known = ClientCertificates::ALL
            .iter()
            .find(|(name, _)| name == word);
        match known {
            Some((_, known)) => clients = *known,
            None => {
                let words = ClientCertificates::ALL.map(|(name, _)| name).join("` or `");
                let what = format!("`{}` is not `{words}`", word.escape_debug());
                check.fault(given.span().start, "api.tls.client_certificates", what);
            }
        }
    }
    TlsSettings {
        certificate,
        key,
        client_ca,
        clients,
    }
}

fn read_peatio(check: &mut Check<'_>, raw: &RawPeatio) -> PeatioSettings {
    let uri_file = check.inside(&raw.uri_file, "peatio.uri_file", "keys/broker-uri");
    let mut keys = Vec::new();
    for (id, file) in raw.keys.get_ref() {
        let file = check.inside(file, "peatio.keys", "keys/peatio.pem");
        keys.push((id.clone(), file));
    }
    let signatures = check.count(raw.signatures.as_ref(), &SIGNATURES);
    if signatures > keys.len() {
        let what = format!(
            "`{signatures}` signatures are needed and `{}` keys are given; no message could ever have enough",
            keys.len()
        );
        check.fault(raw.keys.span().start, "peatio.keys", what);
    }
    let queue = match &raw.queue {
        Some(queue) => check.name(queue, "peatio.queue"),
        None => "keepwhole".to_owned(),
    };
    let house = check.name(&raw.house, "peatio.house");
    let markets = raw.markets.iter().flatten();
    let markets = markets
        .map(|market| check.name(market, "peatio.markets"))
        .collect();
    let assets = raw.assets.iter().flatten();
    let assets = assets
        .map(|(code, asset)| (code.clone(), check.name(asset, "peatio.assets")))
        .collect();
    PeatioSettings {
        uri_file,
        queue,
        keys,
        signatures,
        house,
        markets,
        assets,
    }
}
