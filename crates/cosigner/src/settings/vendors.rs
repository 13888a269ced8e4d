//! Checks what the file says of each vendor, and of the people whose approvals count.

use super::check::place;
use super::raw;
use super::{BitGo, Fireblocks, Keys, People};
use crate::bitgo::request::Amounts;
use crate::bitgo::{Carrier, Mode as BitGoMode, Names, key_ids};
use crate::fireblocks::Mode;
use crate::fireblocks::answer::Approvals;
use crate::fireblocks::request::WithdrawalId;
use keepwhole_settings::{Check, Number, Text, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use toml::Spanned;

const APPROVERS: Number = Number {
    key: "people.approvers",
    default: 1,
    least: 1,
    most: 64,
    unit: "people",
};
const TTL: Number = Number {
    key: "people.ttl_s",
    default: 3_600,
    least: 60,
    most: 86_400,
    unit: "seconds",
};

pub(super) fn fireblocks(check: &mut Check<'_>, raw: &raw::Fireblocks) -> Option<Fireblocks> {
    let number = *raw.mode.get_ref();
    let mode = Mode::of(number);
    if mode.is_none() {
        let what = format!(
            "`{number}` is no mode that is spoken here; use `1` (public keys) or `4` (public keys and a pinned certificate)"
        );
        check.wrong(&raw.mode, "fireblocks.mode", what);
    }
    let words = [
        ("externalTxId", WithdrawalId::External),
        ("note", WithdrawalId::Note),
    ];
    let withdrawal = raw
        .withdrawal_id
        .as_ref()
        .map_or(Some(WithdrawalId::External), |value| {
            check.one_of(value, "fireblocks.withdrawal_id", &words)
        });
    let words = [("ignore", Approvals::Ignore), ("answer", Approvals::Answer)];
    let approvals = raw
        .approvals
        .as_ref()
        .map_or(Some(Approvals::Ignore), |value| {
            check.one_of(value, "fireblocks.approvals", &words)
        });
    let words = [("required", true), ("optional", false)];
    let raw_required = raw.raw.as_ref().map_or(Some(true), |value| {
        check.one_of(value, "fireblocks.raw", &words)
    });
    let (cosigners, quiet) = cosigners(check, raw);
    let users = users(check, raw, &cosigners);
    let mut silent = BTreeMap::new();
    for (name, at) in quiet {
        let of: Vec<&String> = users
            .iter()
            .filter(|(_, (cosigners, _))| cosigners.contains(&name))
            .map(|(id, _)| id)
            .collect();
        if let [one] = of.as_slice() {
            silent.insert(name, (*one).clone());
        } else {
            let what = format!(
                "`{}` does not say for whom it asks and has `{}` users; it may have one",
                shown(&name),
                of.len()
            );
            check.fault(at, "fireblocks.cosigner.sends_signer_id", what);
        }
    }
    Some(Fireblocks {
        mode: mode?,
        withdrawal: withdrawal?,
        approvals: approvals?,
        raw_required: raw_required?,
        cosigners,
        silent,
        users,
    })
}

/// Co-signers with their files, and those that do not say for whom they ask.
fn cosigners(
    check: &mut Check<'_>,
    raw: &raw::Fireblocks,
) -> (BTreeMap<String, PathBuf>, Vec<(String, usize)>) {
    let (mut all, mut quiet) = (BTreeMap::new(), Vec::new());
    for cosigner in &raw.cosigner {
        let name = check.name(&cosigner.name, "fireblocks.cosigner.name");
        let at = cosigner.name.span().start;
        let file = check.path(&cosigner.public_key, "fireblocks.cosigner.public_key");
        if all.insert(name.clone(), file).is_some() {
            let what = format!("`{}` stands twice", shown(&name));
            check.fault(at, "fireblocks.cosigner.name", what);
        }
        if cosigner.sends_signer_id == Some(false) {
            quiet.push((name, at));
        }
    }
    (all, quiet)
}

fn users(
    check: &mut Check<'_>,
    raw: &raw::Fireblocks,
    cosigners: &BTreeMap<String, PathBuf>,
) -> BTreeMap<String, (BTreeSet<String>, PathBuf)> {
    let mut all = BTreeMap::new();
    for user in &raw.user {
        let id = check.name(&user.id, "fireblocks.user.id");
        let mut of = BTreeSet::new();
        for cosigner in &user.cosigners {
            let name = cosigner.get_ref();
            if !cosigners.contains_key(name) {
                let what = format!(
                    "`{}` is no `[[fireblocks.cosigner]]` of this file",
                    shown(name)
                );
                check.wrong(cosigner, "fireblocks.user.cosigners", what);
            }
            of.insert(name.clone());
        }
        if of.is_empty() {
            let what = "no co-signer may ask for this user";
            check.wrong(&user.id, "fireblocks.user.cosigners", what);
        }
        let file = check.path(&user.answer_key_file, "fireblocks.user.answer_key_file");
        if all.insert(id.clone(), (of, file)).is_some() {
            let what = format!("`{}` stands twice", shown(&id));
            check.wrong(&user.id, "fireblocks.user.id", what);
        }
    }
    if all.is_empty() {
        check.fault(
            raw.mode.span().start,
            "fireblocks.user",
            "no API user is set up",
        );
    }
    all
}

pub(super) fn bitgo(check: &mut Check<'_>, spanned: &Spanned<raw::BitGo>) -> Option<BitGo> {
    let raw = spanned.get_ref();
    let words = [("signed", BitGoMode::Signed), ("plain", BitGoMode::Plain)];
    let mode = check.one_of(&raw.mode, "bitgo.mode", &words);
    let path = check.name(&raw.path, "bitgo.path");
    if !path.starts_with('/') || path.contains(['{', '}', '*', '?']) || path.starts_with("/v2/") {
        let what = format!("`{}` is no path such as `/bitgo`", shown(&path));
        check.wrong(&raw.path, "bitgo.path", what);
    }
    let words = [
        ("text", Amounts::Texts),
        ("whole numbers", Amounts::WholeNumbers),
    ];
    let amounts = raw.amounts.as_ref().map_or(Some(Amounts::Texts), |value| {
        check.one_of(value, "bitgo.amounts", &words)
    });
    let carrier = raw
        .carrier
        .as_ref()
        .map_or(Some(Carrier::Body), |value| carrier(check, value));
    let names = names(check, raw);
    let (keys, answer) = match mode {
        Some(BitGoMode::Signed) => signed(check, spanned),
        _ => (None, None),
    };
    if mode == Some(BitGoMode::Signed) && (keys.is_none() || answer.is_none()) {
        return None;
    }
    Some(BitGo {
        mode: mode?,
        path,
        account: check.name(&raw.account, "bitgo.account"),
        carrier: carrier?,
        names,
        amounts: amounts?,
        fees_untold: raw.accept_untold_fees == Some(true),
        keys,
        answer,
    })
}

fn carrier(check: &mut Check<'_>, value: &Text) -> Option<Carrier> {
    let name = |name: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        ((1..=64).contains(&name.len()) && name.bytes().all(fits)).then(|| name.to_owned())
    };
    let given = value.get_ref();
    let read = match given.split_once(' ') {
        None if given == "body" => Some(Carrier::Body),
        Some(("header", rest)) => name(rest).map(|name| Carrier::Header(name.to_ascii_lowercase())),
        Some(("field", rest)) => name(rest).map(Carrier::Field),
        _ => None,
    };
    if read.is_none() {
        let what = format!(
            "`{}` is none of `body`, `header NAME`, `field NAME`",
            shown(given)
        );
        check.wrong(value, "bitgo.carrier", what);
    }
    read
}

fn names(check: &mut Check<'_>, raw: &raw::BitGo) -> Names {
    let mut names = Names::default();
    for (field, value) in &raw.names {
        let name = check.name(value, "bitgo.names");
        let place = match field.as_str() {
            "evaluation" => &mut names.evaluation,
            "wallet" => &mut names.wallet,
            "withdrawal" => &mut names.withdrawal,
            "amount" => &mut names.amount,
            "outputs" => &mut names.outputs,
            "address" => &mut names.address,
            "value" => &mut names.value,
            "coin" => &mut names.coin,
            "transaction" => &mut names.transaction,
            _ => {
                let what = format!("`{}` is no field that is read", shown(field));
                check.wrong(value, "bitgo.names", what);
                continue;
            }
        };
        *place = name;
    }
    names
}

/// Keys of signed mode: theirs and ours.
fn signed(
    check: &mut Check<'_>,
    spanned: &Spanned<raw::BitGo>,
) -> (Option<Keys>, Option<(String, PathBuf)>) {
    let (raw, at) = (spanned.get_ref(), spanned.span().start);
    let keys = match (&raw.jwks_file, &raw.jwks_url, &raw.jwks_authority) {
        (Some(file), None, None) => Some(Keys::File(check.path(file, "bitgo.jwks_file"))),
        (None, Some(url), Some(authority)) => {
            let authority = check.path(authority, "bitgo.jwks_authority");
            let place = place(check, url, "bitgo.jwks_url");
            place.map(|place| Keys::Url(place, authority))
        }
        _ => {
            let what = "give `jwks_file`, or `jwks_url` with `jwks_authority`: BitGo's keys sign its requests";
            check.fault(at, "bitgo.jwks_file", what);
            None
        }
    };
    let answer = match (&raw.key_id, &raw.answer_key_file) {
        (Some(id), Some(file)) => {
            if let Err(error) = key_ids::check(id.get_ref()) {
                check.wrong(id, "bitgo.key_id", error.to_string());
            }
            let file = check.path(file, "bitgo.answer_key_file");
            Some((id.get_ref().clone(), file))
        }
        _ => {
            let what = "signed mode needs `key_id` and `answer_key_file`";
            check.fault(at, "bitgo.key_id", what);
            None
        }
    };
    (keys, answer)
}

pub(super) fn people(check: &mut Check<'_>, raw: &raw::People) -> Option<People> {
    let roles: Vec<&str> = raw
        .roles
        .iter()
        .map(|role| role.get_ref().as_str())
        .collect();
    let n = check.number(Some(&raw.approvers), &APPROVERS);
    let n = u32::try_from(n).unwrap_or(1);
    let quorum = keepwhole_verify::approval::quorum(n, &roles);
    let quorum = quorum
        .map_err(|error| {
            let at = raw.approvers.span().start;
            check.fault(at, "people.approvers", error.to_string());
        })
        .ok();
    let mut texts = |values: &[Text], key: &str| -> Vec<String> {
        if values.is_empty() {
            check.wrong(&raw.approvers, key, "is empty");
        }
        values.iter().map(|value| check.name(value, key)).collect()
    };
    let rp_ids = texts(&raw.rp_ids, "people.rp_ids");
    let origins = texts(&raw.origins, "people.origins");
    let client = raw.client_rp_id.as_ref();
    let client_rp_id = client.map(|id| check.name(id, "people.client_rp_id"));
    if let (Some(given), Some(id)) = (client, &client_rp_id)
        && !rp_ids.contains(id)
    {
        let what = format!("`{id}` is none of `rp_ids`");
        check.wrong(given, "people.client_rp_id", what);
    }
    Some(People {
        roster: check.path(&raw.roster, "people.roster"),
        quorum: quorum?,
        rp_ids,
        client_rp_id,
        origins,
        ttl: check.number(Some(&raw.ttl_s), &TTL),
    })
}
