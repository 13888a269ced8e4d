//! `keepwhole.toml`: where the edges listen and how they are bounded. What is allowed is policy, and stands in the journal.
//!
//! The file is read as written ([`toml`], unknown and repeated keys refused), then checked into values that can't be
//! wrong. All faults of a file are told at once, each with its line, key, value, reason and fix.

use crate::console::{self, ConsoleSettings, RawConsole};
use crate::rates::Limits;
use crate::tls::{CERTIFICATE, CLIENT_CA, ClientCertificates, KEY, TlsSettings};
use crate::{api, feed};
pub use keepwhole_settings::SettingsFault;
use keepwhole_settings::{Check, Number, Text, Whole};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Name of the file in an installation.
pub const FILE: &str = "keepwhole.toml";
/// The one version of the file's form.
const VERSION: i64 = 1;

/// Everything that the file can say, checked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// The console.
    pub console: ConsoleSettings,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Whole,
    console: Option<RawConsole>,
    api: Option<RawApi>,
    feed: Option<RawFeed>,
    peatio: Option<RawPeatio>,
    log_key: Option<RawLogKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApi {
    listen: Text,
    body_max_bytes: Option<Whole>,
    requests_per_second: Option<Whole>,
    requests_per_second_each: Option<Whole>,
    connections: Option<Whole>,
    tls: Option<RawTls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    certificate: Text,
    key: Text,
    client_ca: Text,
    client_certificates: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
    socket: Text,
    connections: Option<Whole>,
    in_flight: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeatio {
    uri_file: Text,
    queue: Option<Text>,
    keys: Spanned<BTreeMap<String, Text>>,
    signatures: Option<Whole>,
    house: Text,
    markets: Option<Vec<Text>>,
    assets: Option<BTreeMap<String, Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogKey {
    pkcs11_module: Text,
    token: Text,
    pin_file: Text,
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

/// A number that counts things of this machine; what does not fit was told already.
fn count(check: &mut Check<'_>, value: Option<&Whole>, number: &Number) -> usize {
    usize::try_from(check.number(value, number)).unwrap_or(0)
}

fn rate(check: &mut Check<'_>, value: Option<&Whole>, number: &Number) -> u32 {
    u32::try_from(check.number(value, number)).unwrap_or(0)
}

fn address(check: &mut Check<'_>, value: &Text, key: &str) -> Option<SocketAddr> {
    check.address(value, key, "127.0.0.1:8651")
}

pub(crate) fn loopback(check: &mut Check<'_>, value: &Text, key: &str) -> Option<SocketAddr> {
    let address = address(check, value, key)?;
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
    check.wrong(value, key, what);
    None
}

fn socket(check: &mut Check<'_>, value: &Text) -> PathBuf {
    let length = value.get_ref().len();
    if length > 80 {
        let what = format!(
            "`{length}` bytes; the system allows about 100 for the whole path of a socket, so use at most 80"
        );
        check.wrong(value, "feed.socket", what);
    }
    check.inside(value, "feed.socket", "feed.sock")
}

impl Settings {
    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines; at least one fault.
    pub fn parse(text: &str) -> Result<Self, Vec<SettingsFault>> {
        keepwhole_settings::read(text, VERSION, |raw: &Raw| &raw.version, read)
    }
}

fn read(check: &mut Check<'_>, raw: &Raw) -> Option<Settings> {
    let console = raw.console.as_ref();
    let console = console.map_or_else(ConsoleSettings::default, |raw| console::read(check, raw));
    let api = raw.api.as_ref().and_then(|raw| read_api(check, raw));
    let feed = raw.feed.as_ref().map(|raw| FeedSettings {
        socket: socket(check, &raw.socket),
        bounds: feed::Bounds {
            connections: count(check, raw.connections.as_ref(), &FEED_CONNECTIONS),
            in_flight: count(check, raw.in_flight.as_ref(), &IN_FLIGHT),
            patience: feed::PATIENCE,
        },
    });
    let peatio = raw.peatio.as_ref().map(|raw| read_peatio(check, raw));
    let log_key = raw.log_key.as_ref().map(|raw| read_log_key(check, raw));
    if let (Some(console), Some(api)) = (console.listen, &api)
        && console == api.listen
        && console.port() != 0
        && let Some(raw) = &raw.api
    {
        let what = format!("`{console}` is the console's address too; give each its own port");
        check.wrong(&raw.listen, "api.listen", what);
    }
    Some(Settings {
        console,
        api,
        feed,
        peatio,
        log_key,
    })
}

fn read_api(check: &mut Check<'_>, raw: &RawApi) -> Option<ApiSettings> {
    let tls = raw.tls.as_ref().map(|raw| read_tls(check, raw));
    let listen = match &tls {
        Some(_) => address(check, &raw.listen, "api.listen"),
        None => loopback(check, &raw.listen, "api.listen"),
    };
    let all = rate(check, raw.requests_per_second.as_ref(), &RATE);
    let each = rate(check, raw.requests_per_second_each.as_ref(), &RATE_EACH);
    if let Some(given) = &raw.requests_per_second_each
        && each > all
    {
        let what = format!("`{each}` for one is more than `{all}` for all together");
        check.wrong(given, RATE_EACH.key, what);
    }
    let bounds = api::Bounds {
        body_max: count(check, raw.body_max_bytes.as_ref(), &BODY),
        rates: Limits {
            all,
            each: each.min(all),
        },
        whole: api::WHOLE,
    };
    let connections = count(check, raw.connections.as_ref(), &API_CONNECTIONS);
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
        check.wrong(&raw.pkcs11_module, "log_key.pkcs11_module", what);
    }
    let token = raw.token.get_ref();
    if !(1..=32).contains(&token.len()) || token.chars().any(char::is_control) {
        let what = format!(
            "`{}` is no label of a token: 1 to 32 bytes, no control character",
            token.escape_debug()
        );
        check.wrong(&raw.token, "log_key.token", what);
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
        let key = "api.tls.client_certificates";
        clients = check
            .one_of(given, key, &ClientCertificates::ALL)
            .unwrap_or(clients);
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
    let signatures = count(check, raw.signatures.as_ref(), &SIGNATURES);
    if signatures > keys.len() {
        let what = format!(
            "`{signatures}` signatures are needed and `{}` keys are given; no message could ever have enough",
            keys.len()
        );
        check.wrong(&raw.keys, "peatio.keys", what);
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
