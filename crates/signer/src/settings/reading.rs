//! From the file as written to values that can't be wrong.

use super::check::{address, digests};
use super::raw::{Raw, RawApprovals, RawAsset, RawGuard, RawLog, RawQuorum, RawRedemption, RawTls};
use super::{
    Approvals, Asset, Guard, Log, Redemption, RelyingParty, Settings, SettingsFault, accounts,
};
use crate::caps::Caps;
use crate::transport::TlsFiles;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_settings::{Check, Number, Text};
use keepwhole_verify::approval::Quorum;
use keepwhole_verify::clearance::guard_name;
use keepwhole_verify::note::{KeyKind, VerifierKey};
use keepwhole_verify::policy::Policy;
use keepwhole_verify::roster::{Credential, Person, Roster};
use keepwhole_verify::webauthn::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// The one version of the file's form.
const VERSION: i64 = 1;

const fn seconds(key: &'static str, default: u64, least: u64, most: u64) -> Number {
    Number {
        key,
        default,
        least,
        most,
        unit: "seconds",
    }
}

const fn hours(key: &'static str, default: u64, most: u64) -> Number {
    Number {
        key,
        default,
        least: 1,
        most,
        unit: "hours",
    }
}

const TOLERANCE: Number = seconds("guard.clock_tolerance_seconds", 5, 0, 60);
const CLEARANCE_MAX: Number = seconds("guard.clearance_max_seconds", 300, 1, 3_600);
const INTENT_MAX: Number = hours("guard.intent_max_hours", 72, 720);
const PATIENCE: Number = seconds("redemption.patience_seconds", 5, 1, 30);
const OFFLINE_MAX: Number = seconds("redemption.offline_max_seconds", 60, 1, 60);
const WITNESSED: Number = seconds("log.witnessed_within_seconds", 600, 10, 600);
const REFRESH: Number = seconds("log.refresh_seconds", 30, 0, 300);
const MAX_AGE: Number = hours("approvals.max_age_hours", 24, 48);

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
    let name = check.name(&raw.name, "name");
    let state = check.path(&raw.state, "state");
    let tls = raw.tls.as_ref().map(|raw| read_tls(check, raw));
    let log = read_log(check, &raw.log, tls.is_some());
    let guard = read_guard(check, &raw.guard, log.as_ref());
    let redemption = read_redemption(check, &raw.redemption, tls.is_some());
    let approvals = read_approvals(check, &raw.approvals);
    let approvers = read_approvers(check, raw);
    let quorums = read_quorums(check, &raw.quorums, &approvers);
    let mut assets = BTreeMap::new();
    for (asset, raw) in &raw.assets {
        assets.insert(asset.get_ref().clone(), read_asset(check, asset, raw));
        check_quorum_names(check, raw, &approvals, &quorums);
    }
    let keys = accounts::read_keys(check, &raw.keys, &assets);
    Some(Settings {
        name,
        state,
        guard: guard?,
        redemption: redemption?,
        tls,
        log: log?,
        approvals,
        approvers,
        quorums,
        assets,
        keys,
    })
}

fn read_tls(check: &mut Check<'_>, raw: &RawTls) -> TlsFiles {
    let mut file = |given: &Option<Text>, key: &str| {
        let given = given.as_ref();
        given.map(|given| check.path(given, key))
    };
    let certificate = file(&raw.certificate, "tls.certificate");
    let key = file(&raw.key, "tls.key");
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let what = "one of `certificate` and `key` is missing; give both or none".to_owned();
            check.wrong(&raw.authority, "tls", what);
            None
        }
    };
    TlsFiles {
        authority: check.path(&raw.authority, "tls.authority"),
        own,
    }
}

fn read_log(check: &mut Check<'_>, raw: &RawLog, tls: bool) -> Option<Log> {
    let url = address(
        check,
        &raw.url,
        ("log.url", "http://127.0.0.1:8650/log"),
        tls,
    );
    let witnessed_within = check.number(raw.witnessed_within_seconds.as_ref(), &WITNESSED);
    let refresh = check.number(raw.refresh_seconds.as_ref(), &REFRESH);
    let policy = match Policy::parse(raw.policy.get_ref()) {
        Ok(policy) => policy,
        Err(error) => {
            check.wrong(&raw.policy, "log.policy", error.to_string());
            return None;
        }
    };
    if policy.requires_no_witness() {
        let what = "asks for no witness: a host that signs anything could show a log of its own; name witnesses and a quorum";
        check.wrong(&raw.policy, "log.policy", what.to_owned());
    }
    let names = policy.logs().iter().map(|log| log.key.name().to_owned());
    let mut origins = names.collect::<BTreeSet<String>>().into_iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        let what = "must name one log".to_owned();
        check.wrong(&raw.policy, "log.policy", what);
        return None;
    };
    Some(Log {
        policy,
        origin,
        url,
        witnessed_within,
        refresh,
    })
}

fn read_guard(check: &mut Check<'_>, raw: &RawGuard, log: Option<&Log>) -> Option<Guard> {
    let policies = digests(check, &raw.policies, "guard.policies");
    let builds = digests(check, &raw.builds, "guard.builds");
    let clock_tolerance = check.number(raw.clock_tolerance_seconds.as_ref(), &TOLERANCE);
    let clearance_max = check.number(raw.clearance_max_seconds.as_ref(), &CLEARANCE_MAX);
    let intent_max = check.number(raw.intent_max_hours.as_ref(), &INTENT_MAX);
    let key = match VerifierKey::parse(raw.key.get_ref()) {
        Ok(key) => key,
        Err(error) => {
            check.wrong(&raw.key, "guard.key", error.to_string());
            return None;
        }
    };
    let name = log.map(|log| guard_name(&log.origin));
    if key.kind() != KeyKind::Ed25519 || name.is_some_and(|name| name != key.name()) {
        let what = format!(
            "`{}` is no Ed25519 key with the name of the log and `/guard`",
            key.name()
        );
        check.wrong(&raw.key, "guard.key", what);
    }
    Some(Guard {
        key,
        policies,
        builds,
        clock_tolerance,
        clearance_max,
        intent_max: intent_max.saturating_mul(3_600),
    })
}

fn read_redemption(check: &mut Check<'_>, raw: &RawRedemption, tls: bool) -> Option<Redemption> {
    let patience = check.number(raw.patience_seconds.as_ref(), &PATIENCE);
    let most = check.number(raw.offline_max_seconds.as_ref(), &OFFLINE_MAX);
    match raw.mode.get_ref().as_str() {
        "online" => {
            let Some(url) = &raw.url else {
                let what = "is missing: online, every clearance is redeemed there".to_owned();
                check.wrong(&raw.mode, "redemption.url", what);
                return None;
            };
            let url = address(check, url, ("redemption.url", "http://127.0.0.1:8651"), tls);
            let token_file = raw.token_file.as_ref();
            let token_file = token_file.map(|file| check.path(file, "redemption.token_file"));
            Some(Redemption::Online {
                url,
                token_file,
                patience,
            })
        }
        "offline" => {
            if let Some(url) = &raw.url {
                let what = "is not asked offline; leave it out, or set `mode` to `online`";
                check.wrong(url, "redemption.url", what.to_owned());
            }
            Some(Redemption::Offline { most })
        }
        other => {
            let what = format!(
                "`{}` is neither `online` nor `offline` (the weaker one: what is cleared can't be stopped)",
                other.escape_debug()
            );
            check.wrong(&raw.mode, "redemption.mode", what);
            None
        }
    }
}

fn relying_party(
    check: &mut Check<'_>,
    rp_id: &Text,
    origins: &Spanned<Vec<Text>>,
    keys: [&'static str; 2],
) -> RelyingParty {
    let [rp_key, origins_key] = keys;
    if origins.get_ref().is_empty() {
        let what = "is empty, so no assertion could hold".to_owned();
        check.wrong(origins, origins_key, what);
    }
    let listed = check.names(origins.get_ref(), origins_key);
    RelyingParty {
        rp_id: check.name(rp_id, rp_key),
        origins: listed.into_iter().collect(),
    }
}

fn read_approvals(check: &mut Check<'_>, raw: &RawApprovals) -> Approvals {
    let keys = ["approvals.rp_id", "approvals.origins"];
    let page = relying_party(check, &raw.rp_id, &raw.origins, keys);
    let keys = ["approvals.client_rp_id", "approvals.client_origins"];
    let client = match (&raw.client_rp_id, &raw.client_origins) {
        (Some(rp_id), Some(origins)) => {
            let client = relying_party(check, rp_id, origins, keys);
            if client.rp_id == page.rp_id {
                let what = format!(
                    "`{}` is the page's too; the program of its own needs an id of its own",
                    client.rp_id
                );
                check.wrong(rp_id, "approvals.client_rp_id", what);
            }
            Some(client)
        }
        (Some(given), None) => {
            let what = "needs `client_origins` beside it".to_owned();
            check.wrong(given, "approvals.client_rp_id", what);
            None
        }
        (None, Some(given)) => {
            let what = "needs `client_rp_id` beside it".to_owned();
            check.wrong(given, "approvals.client_origins", what);
            None
        }
        (None, None) => None,
    };
    let max_age = check.number(raw.max_age_hours.as_ref(), &MAX_AGE);
    Approvals {
        page,
        client,
        max_age: max_age.saturating_mul(3_600),
    }
}

/// The pinned people. The position in the log means nothing here, so every credential counts at every one.
fn read_approvers(check: &mut Check<'_>, raw: &Raw) -> Roster {
    let device_bound = &raw.approvals.device_bound_roles;
    let mut roster = Roster {
        device_bound_roles: check.names(device_bound, "approvals.device_bound_roles"),
        people: Vec::new(),
        version: 1,
    };
    let mut seen = BTreeSet::new();
    for (id, raw) in &raw.approvers {
        let key = format!("approvers.{}", id.get_ref());
        let id = check.name(id, &key);
        let roles = check.names(raw.roles.get_ref(), &key);
        if roles.is_empty() {
            check.wrong(&raw.roles, &key, "has no role".to_owned());
        }
        let mut credentials = Vec::new();
        for given in raw.credentials.get_ref() {
            let Some(id) = base64url(check, &given.id, &key) else {
                continue;
            };
            if !seen.insert(id.clone()) {
                let what = "this credential stands twice; one belongs to one person".to_owned();
                check.wrong(&given.id, &key, what);
            }
            let Some(cose) = base64url(check, &given.public_key, &key) else {
                continue;
            };
            match PublicKey::from_cose(&cose) {
                Ok(public_key) => credentials.push(Credential {
                    from: 0,
                    id,
                    public_key,
                    until: None,
                }),
                Err(error) => check.wrong(&given.public_key, &key, error.to_string()),
            }
        }
        if raw.credentials.get_ref().is_empty() {
            let what = "has no credential".to_owned();
            check.wrong(&raw.credentials, &key, what);
        }
        roster.people.push(Person {
            credentials,
            id,
            roles,
        });
    }
    roster
}

fn base64url(check: &mut Check<'_>, text: &Text, key: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.get_ref()).ok();
    let bytes = bytes.filter(|bytes| !bytes.is_empty());
    if bytes.is_none() {
        let what = format!(
            "`{}` is not base64url without padding",
            text.get_ref().escape_debug()
        );
        check.wrong(text, key, what);
    }
    bytes
}

fn read_quorums(
    check: &mut Check<'_>,
    raw: &BTreeMap<Text, RawQuorum>,
    approvers: &Roster,
) -> BTreeMap<String, Quorum> {
    let mut quorums = BTreeMap::new();
    for (name, raw) in raw {
        let key = format!("quorums.{}", name.get_ref());
        let roles = check.names(raw.roles.get_ref(), &key);
        let given = *raw.people.get_ref();
        let people = usize::try_from(given).unwrap_or(0);
        let n = u32::try_from(given).unwrap_or(0);
        if !(1..=16).contains(&people) || people < roles.len() {
            let what = format!(
                "`{given}` people cannot be: 1 to 16, and at least as many as roles (`{}`)",
                roles.len()
            );
            check.wrong(&raw.people, &key, what);
        }
        if people > approvers.people.len() {
            let what = format!(
                "`{people}` people are asked and `{}` are pinned in `approvers`",
                approvers.people.len()
            );
            check.wrong(&raw.people, &key, what);
        }
        for role in &roles {
            if !approvers
                .people
                .iter()
                .any(|person| person.roles.contains(role))
            {
                let what = format!("nobody in `approvers` has the role `{role}`");
                check.wrong(&raw.roles, &key, what);
            }
        }
        let name = check.name(name, &key);
        quorums.insert(name, Quorum { n, roles });
    }
    quorums
}

fn read_asset(check: &mut Check<'_>, asset: &Text, raw: &RawAsset) -> Asset {
    let key = |field: &str| format!("assets.{}.{field}", asset.get_ref());
    let automatic_limit = check.amount(&raw.automatic_limit, &key("automatic_limit"));
    let automatic_hour = check.amount(&raw.automatic_hour_cap, &key("automatic_hour_cap"));
    let automatic_day = check.amount(&raw.automatic_day_cap, &key("automatic_day_cap"));
    let hour = check.amount(&raw.hour_cap, &key("hour_cap"));
    let fee_limit = raw.fee_limit.as_ref();
    let fee_limit = fee_limit.map_or(0, |value| check.amount(value, &key("fee_limit")));
    let client_limit = match &raw.client_limit {
        Some(value) => check.amount(value, &key("client_limit")),
        None => automatic_limit,
    };
    if client_limit < automatic_limit {
        let what = format!("`{client_limit}` is below the automatic limit `{automatic_limit}`");
        check.wrong(
            raw.client_limit.as_ref().unwrap_or(&raw.automatic_limit),
            &key("client_limit"),
            what,
        );
    }
    if automatic_limit > automatic_hour {
        let what = format!("`{automatic_hour}` is below one withdrawal of `{automatic_limit}`");
        check.wrong(&raw.automatic_hour_cap, &key("automatic_hour_cap"), what);
    }
    if automatic_hour > automatic_day {
        let what = format!("`{automatic_day}` is below the cap of an hour, `{automatic_hour}`");
        check.wrong(&raw.automatic_day_cap, &key("automatic_day_cap"), what);
    }
    if automatic_hour > hour {
        let what = format!("`{hour}` is below what leaves without people, `{automatic_hour}`");
        check.wrong(&raw.hour_cap, &key("hour_cap"), what);
    }
    if let Some(quorum) = raw.quorum.as_ref().filter(|_| raw.client_limit.is_none()) {
        let what =
            "needs `client_limit` beside it: above that only the approver's own program counts";
        check.wrong(quorum, &key("quorum"), what.to_owned());
    }
    Asset {
        automatic_limit,
        client_limit,
        caps: Caps {
            automatic_hour,
            automatic_day,
            hour,
        },
        fee_limit,
        quorum: raw.quorum.as_ref().map(|name| name.get_ref().clone()),
        client_quorum: raw
            .client_quorum
            .as_ref()
            .map(|name| name.get_ref().clone()),
    }
}

/// Each quorum that an asset names exists, and the program that it needs is pinned.
fn check_quorum_names(
    check: &mut Check<'_>,
    raw: &RawAsset,
    approvals: &Approvals,
    quorums: &BTreeMap<String, Quorum>,
) {
    for (name, key) in [
        (&raw.quorum, "assets.quorum"),
        (&raw.client_quorum, "assets.client_quorum"),
    ] {
        let Some(name) = name else { continue };
        if !quorums.contains_key(name.get_ref()) {
            let what = format!("`{}` is not among `quorums`", name.get_ref().escape_debug());
            check.wrong(name, key, what);
        }
    }
    if let Some(name) = raw
        .client_quorum
        .as_ref()
        .filter(|_| approvals.client.is_none())
    {
        let what = "needs `approvals.client_rp_id`: no program of the approvers is pinned";
        check.wrong(name, "assets.client_quorum", what.to_owned());
    }
}
