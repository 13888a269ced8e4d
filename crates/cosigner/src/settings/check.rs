//! Checks the file: every fault with line, key, value, reason and fix.

use super::raw::{self, Text};
use super::vendors::{bitgo, fireblocks, people};
use super::{Guard, Settings, SettingsFault, Tls};
use crate::claims::Vendor;
use crate::guard::client::Place;
use crate::json::shown;
use crate::mapping::{Asset, Mapping, Network, Wallet};
use keepwhole_verify::note::VerifierKey;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// The one version of the file's form.
const VERSION: i64 = 1;

/// Collects faults while it reads values.
pub(super) struct Check<'t> {
    text: &'t str,
    faults: Vec<SettingsFault>,
}

impl Check<'_> {
    pub(super) fn fault(&mut self, at: usize, key: &str, what: impl Into<String>) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        self.faults.push(SettingsFault {
            line: line.saturating_add(1),
            key: key.to_owned(),
            what: what.into(),
        });
    }

    pub(super) fn number(
        &mut self,
        value: &Spanned<i64>,
        key: &str,
        fits: RangeInclusive<u64>,
    ) -> u64 {
        let given = *value.get_ref();
        match u64::try_from(given)
            .ok()
            .filter(|number| fits.contains(number))
        {
            Some(number) => number,
            None => {
                let what = format!(
                    "`{given}` is outside `{}` to `{}`",
                    fits.start(),
                    fits.end()
                );
                self.fault(value.span().start, key, what);
                *fits.start()
            }
        }
    }

    pub(super) fn path(&mut self, value: &Text, key: &str) -> PathBuf {
        let given = value.get_ref();
        if given.is_empty() || given.chars().any(char::is_control) {
            let what = format!("`{}` is not a path", shown(given));
            self.fault(value.span().start, key, what);
        }
        PathBuf::from(given)
    }

    /// A name of 1 to 128 visible characters.
    pub(super) fn name(&mut self, value: &Text, key: &str) -> String {
        let given = value.get_ref();
        let visible = given.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=128).contains(&given.len()) || !visible {
            let what = format!("`{}` is not 1 to 128 visible characters", shown(given));
            self.fault(value.span().start, key, what);
        }
        given.clone()
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        value: &Text,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let given = value.get_ref();
        let found = words.iter().find(|(word, _)| word == given);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("`{}` is none of `{}`", shown(given), words.join("`, `"));
            self.fault(value.span().start, key, what);
        }
        found.map(|(_, meaning)| *meaning)
    }

    fn address(&mut self, value: &Text, key: &str) -> Option<SocketAddr> {
        let given = value.get_ref();
        let parsed = given.parse::<SocketAddr>().ok();
        if parsed.is_none() {
            let what = format!("`{}` is not an address with a port", shown(given));
            self.fault(value.span().start, key, what);
        }
        parsed
    }

    pub(super) fn place(&mut self, value: &Text, key: &str) -> Option<Place> {
        let given = value.get_ref();
        let parsed = Place::parse(given);
        parsed
            .map_err(|why| {
                let what = format!("`{}` {why}", shown(given));
                self.fault(value.span().start, key, what);
            })
            .ok()
    }

    /// Minor units in decimal digits.
    fn units(&mut self, value: &Text, key: &str) -> u128 {
        let given = value.get_ref();
        let parsed = keepwhole_verify::json::parse_amount(given);
        parsed.unwrap_or_else(|| {
            let what = format!("`{}` is not minor units in digits", shown(given));
            self.fault(value.span().start, key, what);
            0
        })
    }
}

/// Reads and checks a file.
pub(super) fn settings(text: &str) -> Result<Settings, Vec<SettingsFault>> {
    let mut check = Check {
        text,
        faults: Vec::new(),
    };
    let raw: raw::File = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().trim().replace('\n', "; ");
            check.fault(at, "", what);
            return Err(check.faults);
        }
    };
    let read = whole(&mut check, &raw);
    check.faults.sort_by_key(|fault| fault.line);
    match read {
        Some(settings) if check.faults.is_empty() => Ok(settings),
        _ => Err(check.faults),
    }
}

fn whole(check: &mut Check<'_>, raw: &raw::File) -> Option<Settings> {
    let version = *raw.version.get_ref();
    if version != VERSION {
        let what = format!("`{version}` is not known; this program reads version `{VERSION}`");
        check.fault(raw.version.span().start, "version", what);
    }
    let listen = check.address(&raw.listen, "listen");
    let health = check.address(&raw.health, "health");
    if let Some(health) = health
        && !health.ip().to_canonical().is_loopback()
    {
        let what = format!(
            "`{health}` is reached from other machines; it speaks plain HTTP, so use `127.0.0.1`"
        );
        check.fault(raw.health.span().start, "health", what);
    }
    let state = check.path(&raw.state, "state");
    let budget = raw.budget_ms.as_ref();
    let budget = budget.map_or(5_000, |ms| check.number(ms, "budget_ms", 100..=5_000));
    let silence = raw.silence_s.as_ref();
    let silence = silence.map_or(3_600, |s| check.number(s, "silence_s", 60..=2_592_000));
    let tls = Tls {
        certificate: check.path(&raw.tls.certificate, "tls.certificate"),
        key: check.path(&raw.tls.key_file, "tls.key_file"),
        callers: raw
            .tls
            .callers
            .as_ref()
            .map(|path| check.path(path, "tls.callers")),
    };
    let guard = guard(check, &raw.guard);
    let mapping = mapping(check, raw);
    let fireblocks = raw
        .fireblocks
        .as_ref()
        .map(|raw| fireblocks(check, raw.get_ref()));
    let bitgo = raw.bitgo.as_ref().map(|raw| bitgo(check, raw));
    let people = raw.people.as_ref().map(|raw| people(check, raw));
    if raw.fireblocks.is_none() && raw.bitgo.is_none() {
        check.fault(0, "", "neither `[fireblocks]` nor `[bitgo]` is set up");
    }
    Some(Settings {
        listen: listen?,
        health: health?,
        state,
        budget: Duration::from_millis(budget),
        silence,
        tls,
        guard: guard?,
        fireblocks: lifted(fireblocks)?,
        bitgo: lifted(bitgo)?,
        people: lifted(people)?,
        mapping,
    })
}

/// Something that is absent, or there and without faults.
fn lifted<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn guard(check: &mut Check<'_>, raw: &raw::Guard) -> Option<Guard> {
    let place = check.place(&raw.url, "guard.url");
    let given = raw.vkey.get_ref();
    let key = VerifierKey::parse(given);
    let key = key
        .map_err(|error| {
            let what = format!("`{}`: {error}", shown(given));
            check.fault(raw.vkey.span().start, "guard.vkey", what);
        })
        .ok();
    if let Some(key) = &key
        && !key.name().ends_with("/guard")
    {
        let what = format!(
            "`{}` is not named `<origin>/guard`; a log's key never signs clearances",
            key.name()
        );
        check.fault(raw.vkey.span().start, "guard.vkey", what);
    }
    let authority = raw
        .authority
        .as_ref()
        .map(|path| check.path(path, "guard.authority"));
    if place.as_ref().is_some_and(|place| place.tls) && authority.is_none() {
        let what = "TLS without `guard.authority`: give the PEM of the authority that signed its certificate";
        check.fault(raw.url.span().start, "guard.url", what);
    }
    let identity = match (&raw.certificate, &raw.key_file) {
        (Some(certificate), Some(key)) => Some((
            check.path(certificate, "guard.certificate"),
            check.path(key, "guard.key_file"),
        )),
        (None, None) => None,
        (Some(half), None) | (None, Some(half)) => {
            let what = "`certificate` and `key_file` go together";
            check.fault(half.span().start, "guard.certificate", what);
            None
        }
    };
    let token = raw
        .token_file
        .as_ref()
        .map(|path| check.path(path, "guard.token_file"));
    let signer_token = raw
        .signer_token_file
        .as_ref()
        .map(|path| check.path(path, "guard.signer_token_file"));
    if token.is_some() != signer_token.is_some() {
        let what =
            "`token_file` (scope `guard`) and `signer_token_file` (scope `signer`) go together";
        check.fault(raw.url.span().start, "guard.token_file", what);
    }
    if token.is_none() && identity.is_none() {
        let what = "neither `token_file` nor a certificate: the guard answers nobody whom it does not know";
        check.fault(raw.url.span().start, "guard.url", what);
    }
    Some(Guard {
        place: place?,
        authority,
        identity,
        token,
        signer_token,
        key: key?,
        signer: check.name(&raw.signer, "guard.signer"),
    })
}

fn mapping(check: &mut Check<'_>, raw: &raw::File) -> Mapping {
    let mut mapping = Mapping::default();
    for network in &raw.network {
        let id = check.name(&network.id, "network.id");
        let decimals = check.number(&network.decimals, "network.decimals", 0..=36);
        let coin = check.number(&network.coin, "network.coin", 0..=0x7fff_ffff);
        let value = Network {
            decimals: u8::try_from(decimals).unwrap_or(0),
            coin: u32::try_from(coin).unwrap_or(0),
        };
        if mapping.networks.insert(id.clone(), value).is_some() {
            let what = format!("`{}` stands twice", shown(&id));
            check.fault(network.id.span().start, "network.id", what);
        }
    }
    for asset in &raw.asset {
        take_asset(check, &mut mapping, asset);
    }
    for wallet in &raw.wallet {
        take_wallet(check, &mut mapping, wallet);
    }
    mapping
}

fn vendor(check: &mut Check<'_>, value: &Text, key: &str) -> Option<Vendor> {
    let words = [("fireblocks", Vendor::Fireblocks), ("bitgo", Vendor::BitGo)];
    check.one_of(value, key, &words)
}

fn take_asset(check: &mut Check<'_>, mapping: &mut Mapping, raw: &raw::Asset) {
    let vendor = vendor(check, &raw.vendor, "asset.vendor");
    let code = check.name(&raw.code, "asset.code");
    let asset = check.name(&raw.asset, "asset.asset");
    let at = raw.asset.span().start;
    let network = asset.split('/').next().unwrap_or("").to_owned();
    if !mapping.networks.contains_key(&network) {
        let what = format!("`{}` is on no `[[network]]` of this file", shown(&asset));
        check.fault(at, "asset.asset", what);
    }
    // Two spellings of one token would be two assets with a cap each.
    if asset.starts_with("eip155:") && asset.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let what = format!(
            "`{}` has capital letters; assets of EVM networks are written in small ones",
            shown(&asset)
        );
        check.fault(at, "asset.asset", what);
    }
    let decimals = check.number(&raw.decimals, "asset.decimals", 0..=36);
    let value = Asset {
        asset: asset.clone(),
        network,
        decimals: u8::try_from(decimals).unwrap_or(0),
        per_hour: check.units(&raw.per_hour, "asset.per_hour"),
        automatic: check.units(&raw.automatic, "asset.automatic"),
    };
    // Two vendors may hold one asset; the caps are those of the asset, so they must be the same.
    if let Some(other) = mapping.limits(&asset)
        && (other.per_hour, other.automatic) != (value.per_hour, value.automatic)
    {
        let what = format!(
            "`{}` has other limits above; an asset has one pair",
            shown(&asset)
        );
        check.fault(at, "asset.asset", what);
    }
    if let Some(vendor) = vendor
        && mapping
            .assets
            .insert((vendor, code.clone()), value)
            .is_some()
    {
        let what = format!("`{}` stands twice", shown(&code));
        check.fault(raw.code.span().start, "asset.code", what);
    }
}

fn take_wallet(check: &mut Check<'_>, mapping: &mut Mapping, raw: &raw::Wallet) {
    let vendor = vendor(check, &raw.vendor, "wallet.vendor");
    let code = check.name(&raw.code, "wallet.code");
    let mut addresses = BTreeMap::new();
    for (network, address) in &raw.addresses {
        if !mapping.networks.contains_key(network) {
            let what = format!("`{}` is no `[[network]]` of this file", shown(network));
            check.fault(address.span().start, "wallet.addresses", what);
        }
        addresses.insert(network.clone(), check.name(address, "wallet.addresses"));
    }
    let asset = raw
        .asset
        .as_ref()
        .map(|asset| check.name(asset, "wallet.asset"));
    if vendor == Some(Vendor::BitGo) && asset.is_none() {
        let what = "a wallet of BitGo holds one asset; name it";
        check.fault(raw.code.span().start, "wallet.asset", what);
    }
    let value = Wallet {
        name: check.name(&raw.name, "wallet.name"),
        key: check.name(&raw.key, "wallet.key"),
        asset,
        addresses,
    };
    if let Some(vendor) = vendor
        && mapping
            .wallets
            .insert((vendor, code.clone()), value)
            .is_some()
    {
        let what = format!("`{}` stands twice", shown(&code));
        check.fault(raw.code.span().start, "wallet.code", what);
    }
}
