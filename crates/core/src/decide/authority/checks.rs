//! What a change of people, credentials, rules or wallets must be before it is proposed, and still when it comes into
//! force.

use super::super::turn::Turn;
use super::super::{changes, claims, clearances, custody, registering, subjects};
use crate::authority::credential::{
    DeviceKind, Enrolment, ID_MAX, KEY_MAX, NewCredential, SEALED_ROLE,
};
use crate::authority::people;
use crate::authority::rules::Rules;
use crate::breaker::scope_of;
use crate::guard::{BreakGlass, Change};
use crate::reason::Reason;
use crate::registry::PersonIx;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::webauthn::PublicKey;

/// Most credentials of one enrolment.
const CREDENTIALS_MAX: usize = 16;

pub(super) fn person(turn: &Turn<'_>, name: &str) -> Result<PersonIx, Reason> {
    let known = turn.state.registry.person(name);
    known.ok_or_else(|| Reason::UnknownActor {
        actor: String::from(name),
    })
}

/// A new account of a person known or new, with roles that end and credentials that nobody has.
pub(super) fn enrolment(turn: &Turn<'_>, rules: &Rules, new: &Enrolment) -> Result<(), Reason> {
    registering::name(turn, &new.actor)?;
    registering::name(turn, &new.person)?;
    let known = turn.state.registry.actor(&new.actor).is_some();
    registering::fresh(known, &new.actor)?;
    if new.roles.is_empty() {
        return Err(turn.malformed("an enrolment names at least one role"));
    }
    for role in &new.roles {
        registering::name(turn, role)?;
    }
    roles_end(turn, rules, &new.roles, Some(new.expires))?;
    if new.credentials.is_empty() || new.credentials.len() > CREDENTIALS_MAX {
        return Err(turn.malformed("an enrolment has 1 to 16 credentials"));
    }
    let mut ids = BTreeSet::new();
    for credential in &new.credentials {
        self::credential(turn, credential)?;
        if !ids.insert(&credential.id) {
            return Err(turn.malformed("one credential stands twice"));
        }
    }
    Ok(())
}

/// Readable, and nobody's yet: an id is never given twice, not even after its end.
pub(super) fn credential(turn: &Turn<'_>, new: &NewCredential) -> Result<(), Reason> {
    let sizes = (1..=ID_MAX).contains(&new.id.len()) && new.public_key.len() <= KEY_MAX;
    if !sizes || PublicKey::from_cose(&new.public_key).is_err() {
        return Err(turn.malformed(
            "a credential has an id of 1 to 1,023 bytes and a COSE key of ES256 (P-256) or EdDSA (Ed25519)",
        ));
    }
    if new.kind == DeviceKind::Sealed && !new.device_bound {
        return Err(turn.malformed("a sealed key is one that can't be copied"));
    }
    let authority = &turn.state.authority;
    let same_key =
        |known: &crate::authority::credential::Credential| known.key.public_key == new.public_key;
    let known =
        authority.credential(&new.id).is_some() || authority.credentials.iter().any(same_key);
    registering::fresh(known, &to_hex(&new.id))
}

/// Roles end, and not later than any may; sealed keys wait for longer.
fn roles_end(
    turn: &Turn<'_>,
    rules: &Rules,
    roles: &[String],
    until: Option<u64>,
) -> Result<(), Reason> {
    if roles.iter().all(|role| role == SEALED_ROLE) {
        return Ok(());
    }
    let latest = turn.at.saturating_add(rules.role_max_ms);
    if until.is_none_or(|until| until > latest) {
        return Err(Reason::RoleTooLong { until, latest });
    }
    if until.is_some_and(|until| until <= turn.at) {
        return Err(turn.malformed("roles end after now"));
    }
    Ok(())
}

/// The change names what is known, gives nothing twice, and no rules that nobody could fill.
pub(super) fn change(turn: &Turn<'_>, rules: &Rules, change: &Change) -> Result<(), Reason> {
    match change {
        Change::EnrolPerson(new) => enrolment(turn, rules, new),
        Change::EnrolCredential {
            person: name,
            credential: new,
        }
        | Change::ResetCredentials {
            person: name,
            credential: new,
        } => {
            person(turn, name)?;
            credential(turn, new)
        }
        Change::EndCredential { credential } => active(turn, credential),
        Change::AdoptAuthority(next) => next_rules(turn, rules, next),
        Change::Reinstate { person: name } => {
            let person = person(turn, name)?;
            let suspended = turn.state.authority.suspended.contains_key(&person);
            if suspended {
                Ok(())
            } else {
                Err(turn.malformed("this person is not suspended"))
            }
        }
        Change::BreakGlass(BreakGlass::Freeze { scope }) => {
            let known = scope_of(turn.state, scope).map(|_| ());
            known.ok_or_else(|| Reason::UnknownTarget {
                target: scope.clone(),
            })
        }
        Change::BreakGlass(BreakGlass::Sweep { wallet }) => {
            turn.wallet(wallet)?;
            if turn.policy().sweep_to.is_none() {
                return Err(turn.malformed("the policy names no address to sweep to"));
            }
            Ok(())
        }
        Change::RegisterWallet(wallet) => registering::new_wallet(turn, wallet),
        Change::RenewRoles { actor, expires } => {
            let roles = account(turn, actor)?;
            roles_end(turn, rules, &roles, Some(*expires))
        }
        Change::Grant {
            actor,
            role,
            expires,
        } => {
            account(turn, actor)?;
            registering::name(turn, role)?;
            roles_end(turn, rules, core::slice::from_ref(role), *expires)
        }
        Change::NameAsset { asset, caip19 } => {
            clearances::new_asset_name(turn, asset, caip19).map(|_| ())
        }
        Change::NameKey {
            wallet,
            key,
            network,
        } => clearances::new_key_name(turn, wallet, key, network).map(|_| ()),
        Change::ReleaseRedress { entry } => claims::releasable(turn, entry),
        Change::DestroyKey { subject, ground } => subjects::destroyable(turn, subject, ground),
        Change::OfCustody(body) => custody::check(turn, body),
        other => changes::check_names(turn, other),
    }
}

/// A credential that has not ended.
fn active(turn: &Turn<'_>, credential: &[u8]) -> Result<(), Reason> {
    let found = turn.state.authority.credential(credential);
    let active = found.filter(|(_, row)| row.until.is_none());
    active.map(|_| ()).ok_or_else(|| Reason::CredentialUnknown {
        credential: to_hex(credential),
    })
}

fn account(turn: &Turn<'_>, name: &str) -> Result<Vec<String>, Reason> {
    let registry = &turn.state.registry;
    let known = registry.actor(name);
    let row = known.and_then(|ix| registry.actors.get(ix.place()));
    row.map(|row| row.roles.clone())
        .ok_or_else(|| Reason::UnknownActor {
            actor: String::from(name),
        })
}

/// The amounts from which on only the approver client counts are of assets that are registered: a name that is not would
/// bind nothing.
pub(super) fn assets_known(turn: &Turn<'_>, rules: &Rules) -> Result<(), Reason> {
    let mut rows = rules.separate_from.iter();
    rows.try_for_each(|row| turn.asset(&row.asset).map(|_| ()))
}

fn next_rules(turn: &Turn<'_>, rules: &Rules, next: &Rules) -> Result<(), Reason> {
    if rules.version.checked_add(1) != Some(next.version) {
        return Err(turn.malformed("the next rules' version is the present one's plus one"));
    }
    if let Err(slip) = next.check() {
        return Err(turn.malformed(&slip));
    }
    assets_known(turn, next)?;
    let empty = next.quorums.iter().find(|quorum| {
        let able = people::able(turn.state, quorum, turn.at);
        quorum.fillable(&able).is_err()
    });
    empty.map_or(Ok(()), |quorum| {
        Err(Reason::QuorumImpossible {
            class: String::from(quorum.class.code()),
        })
    })
}
