//! Proposed changes of settings and rights in words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::guard::dead::Evidence;
use keepwhole_core::guard::{BreakGlass, Change, custody_change};
use keepwhole_verify::json::to_hex;
use keepwhole_verify::manifest::read_entry;

use crate::text::{Arg, Words, count};

/// What a change does.
pub(super) fn change_words(change: &Change) -> Words {
    match change {
        Change::AdoptPolicy(policy) => {
            Words::key("change-policy").with("version", count(u128::from(policy.version)))
        }
        Change::Grant {
            actor,
            role,
            expires: Some(until),
        } => Words::key("change-grant-until")
            .with("actor", actor.as_str())
            .with("role", role.as_str())
            .with("until", Arg::Time(*until)),
        Change::Grant { actor, role, .. } => Words::key("change-grant")
            .with("actor", actor.as_str())
            .with("role", role.as_str()),
        Change::Revoke { actor } => Words::key("change-revoke").with("actor", actor.as_str()),
        Change::DisableWatch => Words::key("change-disable-watch"),
        Change::ListDestination { address } => {
            Words::key("change-list").with("address", address.as_str())
        }
        Change::MoveAwareness { incident, to } => Words::key("change-awareness")
            .with("incident", incident.as_str())
            .with("to", Arg::Time(*to)),
        Change::RetireKey { wallet } => {
            Words::key("change-retire-key").with("wallet", wallet.as_str())
        }
        Change::Halt { scope } => Words::key("change-halt").with("scope", scope.as_str()),
        Change::Resume { scope } if !scope.is_empty() => {
            Words::key("change-resume").with("scope", scope.as_str())
        }
        other => of_authority(other),
    }
}

/// Changes of people, roles, passkeys, wallets and the rules themselves.
fn of_authority(change: &Change) -> Words {
    let id = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match change {
        Change::EnrolPerson(enrolment) => Words::key("change-enrol-person")
            .with("person", enrolment.person.as_str())
            .with("roles", enrolment.roles.join(", "))
            .with("until", Arg::Time(enrolment.expires)),
        Change::EnrolCredential { person, .. } => {
            Words::key("change-enrol-credential").with("person", person.as_str())
        }
        Change::EndCredential { credential } => {
            Words::key("change-end-credential").with("credential", id(credential))
        }
        Change::ResetCredentials { person, .. } => {
            Words::key("change-reset-credentials").with("person", person.as_str())
        }
        Change::AdoptAuthority(rules) => {
            Words::key("change-authority").with("version", count(u128::from(rules.version)))
        }
        Change::Reinstate { person } => {
            Words::key("change-reinstate").with("person", person.as_str())
        }
        Change::BreakGlass(BreakGlass::Freeze { scope }) => {
            Words::key("change-glass-freeze").with("scope", scope.as_str())
        }
        Change::BreakGlass(BreakGlass::Sweep { wallet }) => {
            Words::key("change-glass-sweep").with("wallet", wallet.as_str())
        }
        Change::RegisterWallet(wallet) => Words::key("change-wallet")
            .with("wallet", wallet.id.as_str())
            .with("address", wallet.address.as_str()),
        Change::RenewRoles { actor, expires } => Words::key("change-renew-roles")
            .with("actor", actor.as_str())
            .with("until", Arg::Time(*expires)),
        Change::NameAsset { asset, caip19 } => Words::key("change-name-asset")
            .with("asset", asset.as_str())
            .with("name", caip19.as_str()),
        Change::NameKey {
            wallet,
            key,
            network,
        } => Words::key("change-name-key")
            .with("wallet", wallet.as_str())
            .with("key", key.as_str())
            .with("network", network.as_str()),
        Change::ReleaseRedress { entry } => match read_entry(entry) {
            Some(set) => Words::key("change-release-redress")
                .with("set", to_hex(&set.set_id))
                .with("epoch", count(u128::from(set.epoch))),
            None => Words::key("change-other"),
        },
        Change::DestroyKey { subject, ground } => Words::key("change-destroy-key")
            .with("subject", to_hex(subject))
            .with("ground", ground.as_str()),
        Change::OfCustody(body) => of_custody(body),
        _ => Words::key("change-other"),
    }
}

/// The evidence of a death as its numbers; they read the same in every language.
pub(super) fn evidence_told(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Spent { txid } => txid.clone(),
        Evidence::Lapsed { last_valid, height } => format!("{last_valid} < {height}"),
        Evidence::NonceMoved { value } => value.clone(),
    }
}

/// What is registered that the exchange trusts on chains.
fn of_custody(body: &custody_change::Body) -> Words {
    match body {
        custody_change::Body::Asset(new) => match &new.caip19 {
            Some(name) => Words::key("change-asset")
                .with("asset", new.asset.id.as_str())
                .with("name", name.as_str()),
            None => Words::key("change-money").with("asset", new.asset.id.as_str()),
        },
        custody_change::Body::Safe(new) => Words::key("change-safe")
            .with("wallet", new.wallet.as_str())
            .with("address", new.address.as_str())
            .with("network", new.network.as_str()),
        custody_change::Body::BatchCode { network, address } => Words::key("change-batch-code")
            .with("address", address.as_str())
            .with("network", network.as_str()),
        custody_change::Body::Holdings { wallet, lines } => {
            let lines = u128::try_from(lines.len()).unwrap_or(u128::MAX);
            Words::key("change-holdings")
                .with("wallet", wallet.as_str())
                .with("lines", count(lines))
        }
        custody_change::Body::Dead(dead) => Words::key("change-dead")
            .with("request", dead.request.as_str())
            .with("key", dead.conflict_key.as_str())
            .with("evidence", evidence_told(&dead.evidence)),
    }
}
