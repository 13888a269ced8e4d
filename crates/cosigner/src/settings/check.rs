//! Checks the file: every fault with line, key, value, reason and fix.

use super::raw;
use super::vendors::{bitgo, fireblocks, people};
use super::{Guard, Settings, SettingsFault, Tls};
use crate::claims::Vendor;
use crate::guard::client::Place;
use crate::mapping::{Asset, Mapping, Network, Wallet};
use keepwhole_settings::{Check, Number, Text, shown};
use keepwhole_verify::note::VerifierKey;
use std::collections::BTreeMap;
use std::time::Duration;

/// The one version of the file's form.
const VERSION: i64 = 1;

const BUDGET: Number = Number {
    key: "budget_ms",
    default: 5_000,
    least: 100,
    most: 5_000,
    unit: "milliseconds",
};
const SILENCE: Number = Number {
    key: "silence_s",
    default: 3_600,
    least: 60,
    most: 2_592_000,
    unit: "seconds",
};
const DECIMALS: Number = Number {
    key: "network.decimals",
    default: 0,
    least: 0,
    most: 36,
    unit: "digits",
};
const COIN: Number = Number {
    key: "network.coin",
    default: 0,
    least: 0,
    most: 0x7fff_ffff,
    unit: "of SLIP-44",
};
const ASSET_DECIMALS: Number = Number {
    key: "asset.decimals",
    ..DECIMALS
};

/// Where something is reached by HTTP.
pub(super) fn place(check: &mut Check<'_>, value: &Text, key: &str) -> Option<Place> {
    let given = value.get_ref();
    let parsed = Place::parse(given);
    parsed
        .map_err(|why| check.wrong(value, key, format!("`{}` {why}", shown(given))))
        .ok()
}

/// Reads and checks a file.
pub(super) fn settings(text: &str) -> Result<Settings, Vec<SettingsFault>> {
    keepwhole_settings::read(text, VERSION, |raw: &raw::File| &raw.version, whole)
}

fn whole(check: &mut Check<'_>, raw: &raw::File) -> Option<Settings> {
    let listen = check.address(&raw.listen, "listen", "0.0.0.0:8660");
    let health = check.address(&raw.health, "health", "127.0.0.1:8661");
    if let Some(health) = health
        && !health.ip().to_canonical().is_loopback()
    {
        let what = format!(
            "`{health}` is reached from other machines; it speaks plain HTTP, so use `127.0.0.1`"
        );
        check.wrong(&raw.health, "health", what);
    }
    let state = check.path(&raw.state, "state");
    let budget = check.number(raw.budget_ms.as_ref(), &BUDGET);
    let silence = check.number(raw.silence_s.as_ref(), &SILENCE);
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
    let place = place(check, &raw.url, "guard.url");
    let given = raw.vkey.get_ref();
    let key = VerifierKey::parse(given);
    let key = key
        .map_err(|error| {
            let what = format!("`{}`: {error}", shown(given));
            check.wrong(&raw.vkey, "guard.vkey", what);
        })
        .ok();
    if let Some(key) = &key
        && !key.name().ends_with("/guard")
    {
        let what = format!(
            "`{}` is not named `<origin>/guard`; a log's key never signs clearances",
            key.name()
        );
        check.wrong(&raw.vkey, "guard.vkey", what);
    }
    let authority = raw
        .authority
        .as_ref()
        .map(|path| check.path(path, "guard.authority"));
    if place.as_ref().is_some_and(|place| place.tls) && authority.is_none() {
        let what = "TLS without `guard.authority`: give the PEM of the authority that signed its certificate";
        check.wrong(&raw.url, "guard.url", what);
    }
    let identity = match (&raw.certificate, &raw.key_file) {
        (Some(certificate), Some(key)) => Some((
            check.path(certificate, "guard.certificate"),
            check.path(key, "guard.key_file"),
        )),
        (None, None) => None,
        (Some(half), None) | (None, Some(half)) => {
            let what = "`certificate` and `key_file` go together";
            check.wrong(half, "guard.certificate", what);
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
        check.wrong(&raw.url, "guard.token_file", what);
    }
    if token.is_none() && identity.is_none() {
        let what = "neither `token_file` nor a certificate: the guard answers nobody whom it does not know";
        check.wrong(&raw.url, "guard.url", what);
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
        let decimals = check.number(Some(&network.decimals), &DECIMALS);
        let coin = check.number(Some(&network.coin), &COIN);
        let value = Network {
            decimals: u8::try_from(decimals).unwrap_or(0),
            coin: u32::try_from(coin).unwrap_or(0),
            fee_limit: check.amount(&network.fee_limit, "network.fee_limit"),
        };
        if mapping.networks.insert(id.clone(), value).is_some() {
            let what = format!("`{}` stands twice", shown(&id));
            check.wrong(&network.id, "network.id", what);
        }
    }
    for asset in &raw.asset {
        take_asset(check, &mut mapping, asset);
    }
    for network in &raw.network {
        let id = network.id.get_ref();
        let coin = mapping.networks.get(id).map_or(0, |known| known.coin);
        let coin = format!("{id}/slip44:{coin}");
        if mapping.limits(&coin).is_none() {
            let what = format!(
                "no `[[asset]]` is `{}`, so fees would count under no `per_hour`; add the network's coin",
                shown(&coin)
            );
            check.wrong(&network.id, "network.id", what);
        }
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
    let decimals = check.number(Some(&raw.decimals), &ASSET_DECIMALS);
    let automatic = check.amount(&raw.automatic, "asset.automatic");
    let client = raw.client_limit.as_ref();
    let client = client.map_or(automatic, |limit| check.amount(limit, "asset.client_limit"));
    if client < automatic {
        let what = format!("`{client}` is below `automatic`, `{automatic}`");
        check.fault(at, "asset.client_limit", what);
    }
    let value = Asset {
        asset: asset.clone(),
        network,
        decimals: u8::try_from(decimals).unwrap_or(0),
        per_hour: check.amount(&raw.per_hour, "asset.per_hour"),
        automatic,
        client,
    };
    // Two vendors may hold one asset; the caps are those of the asset, so they must be the same.
    if let Some(other) = mapping.limits(&asset)
        && (other.per_hour, other.automatic, other.client)
            != (value.per_hour, value.automatic, value.client)
    {
        let what = format!(
            "`{}` has other limits above; an asset has one set",
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
        check.wrong(&raw.code, "asset.code", what);
    }
}

fn take_wallet(check: &mut Check<'_>, mapping: &mut Mapping, raw: &raw::Wallet) {
    let vendor = vendor(check, &raw.vendor, "wallet.vendor");
    let code = check.name(&raw.code, "wallet.code");
    let mut addresses = BTreeMap::new();
    for (network, address) in &raw.addresses {
        if !mapping.networks.contains_key(network) {
            let what = format!("`{}` is no `[[network]]` of this file", shown(network));
            check.wrong(address, "wallet.addresses", what);
        }
        addresses.insert(network.clone(), check.name(address, "wallet.addresses"));
    }
    let asset = raw
        .asset
        .as_ref()
        .map(|asset| check.name(asset, "wallet.asset"));
    if vendor == Some(Vendor::BitGo) && asset.is_none() {
        let what = "a wallet of BitGo holds one asset; name it";
        check.wrong(&raw.code, "wallet.asset", what);
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
        check.wrong(&raw.code, "wallet.code", what);
    }
}
