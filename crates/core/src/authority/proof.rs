//! The proof of an approval: the raw assertion of an authenticator over the exact command, and its check.
//!
//! The same checks run offline over an export (`docs/approvals.md`); here they run against the credential as it stands
//! and leave a reason of their own each.

use super::class::Class;
use super::credential::{DeviceKind, SEALED_ROLE};
use super::matter::{Decision, Matter};
use super::people;
use super::quorum::Quorum;
use super::rules::{RelyingParty, Rules};
use crate::reason::Reason;
use crate::registry::PersonIx;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use keepwhole_verify::approval;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::webauthn::{
    Assertion, Expected, PublicKey, Refusal, counter_follows, verify,
};

/// Longest `clientDataJSON`, bytes; authenticators' own are some 200.
pub const CLIENT_DATA_MAX: usize = 4_096;
/// Longest signature, bytes.
pub const SIGNATURE_MAX: usize = 256;

/// An approval as it is proven.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proof {
    /// Id of the credential.
    pub credential: Vec<u8>,
    /// Authenticator data.
    pub authenticator_data: Vec<u8>,
    /// Client data, as signed.
    pub client_data_json: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// A nonce that the person never used before.
    pub nonce: [u8; 16],
    /// When the challenge was made, Unix seconds.
    pub issued: u64,
    /// Last second at which it may be used, Unix seconds; the challenge binds it.
    pub expires: u64,
    /// The role in which the person speaks; the challenge binds it.
    pub role: String,
    /// Yes or no; the challenge binds it.
    pub decision: Decision,
}

/// What a proof is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The quorum that is asked.
    pub quorum: &'a Quorum,
    /// What is approved.
    pub matter: &'a Matter,
    /// True where the amount demands the approver client.
    pub separate: bool,
    /// True where approvals are collected for a limited time only.
    pub collects: bool,
    /// The person of the account that the command names.
    pub person: PersonIx,
    /// Now, ms.
    pub at: u64,
}

/// Checks a proof; what holds gives the number of the credential and its new counter.
///
/// # Errors
/// The reason of the first check that fails, in order: form, credential, times, role, site, authenticator, counter.
pub fn check(state: &State, proof: &Proof, against: &Against<'_>) -> Result<(u32, u32), Reason> {
    form(proof)?;
    let number = credential(state, proof, against)?;
    times(proof, against)?;
    role(state, proof, against)?;
    let counter = assertion(state, number, proof, against)?;
    Ok((number, counter))
}

fn malformed(what: &str) -> Reason {
    Reason::AssertionMalformed {
        what: String::from(what),
    }
}

fn form(proof: &Proof) -> Result<(), Reason> {
    if proof.client_data_json.len() > CLIENT_DATA_MAX || proof.signature.len() > SIGNATURE_MAX {
        return Err(malformed("client data or signature is too long"));
    }
    Ok(())
}

/// Enrolled, this person's, of the kind that the class asks, and active when the matter was asked and now.
fn credential(state: &State, proof: &Proof, against: &Against<'_>) -> Result<u32, Reason> {
    let found = state.authority.credential(&proof.credential);
    let (number, row) = found.ok_or_else(|| Reason::CredentialUnknown {
        credential: to_hex(&proof.credential),
    })?;
    if row.person != against.person {
        let person = String::from(people::name(state, row.person));
        return Err(Reason::CredentialOfOther { person });
    }
    let index = against.matter.index;
    if !row.active_at(index) || row.until.is_some() {
        return Err(Reason::CredentialInactive {
            index,
            from: row.from,
            until: row.until,
        });
    }
    let sealed = row.key.kind == DeviceKind::Sealed;
    if sealed != (against.quorum.class == Class::BreakGlass) {
        let needs = if sealed {
            against.quorum.among.join("|")
        } else {
            String::from(SEALED_ROLE)
        };
        return Err(Reason::RoleMissing { needs });
    }
    Ok(number)
}

/// The question <= `issued` <= now <= `expires` <= `issued` + the time for a touch, and within the time to collect.
fn times(proof: &Proof, against: &Against<'_>) -> Result<(), Reason> {
    let now = against.at / 1_000;
    let touch = against.rules.touch_ms / 1_000;
    let (issued, expires) = (proof.issued, proof.expires);
    let lasts = expires.checked_sub(issued);
    let early = issued < against.matter.at / 1_000;
    if early || issued > now || now > expires || lasts.is_none_or(|lasts| lasts > touch) {
        return Err(Reason::ApprovalUntimely {
            issued,
            expires,
            now,
        });
    }
    // The challenge binds its end and not its beginning, so that end may not be further away than a touch takes.
    if expires > now.saturating_add(touch) {
        return Err(Reason::ApprovalUntimely {
            issued,
            expires,
            now,
        });
    }
    let until = against
        .matter
        .at
        .saturating_add(against.rules.collection_ms);
    if against.collects && against.at > until {
        return Err(Reason::CollectionOver { until });
    }
    Ok(())
}

/// The role in the challenge counts for the quorum, and the person has held it from the question until now: the roster of
/// the question says who may answer it (docs/approvals.md, "Check"), and who lost the role since may no longer.
fn role(state: &State, proof: &Proof, against: &Against<'_>) -> Result<(), Reason> {
    if !against.quorum.among.contains(&proof.role) {
        return Err(Reason::RoleMissing {
            needs: against.quorum.among.join("|"),
        });
    }
    if let Some(since) = people::role_since(state, against.person, &proof.role, against.at) {
        let index = against.matter.index;
        // A finding may be cleared by whoever is there to do it.
        if since <= index || !against.collects {
            return Ok(());
        }
        let role = proof.role.clone();
        return Err(Reason::RoleNotThen { role, index, since });
    }
    let accounts = state.registry.actors.iter();
    let mut ended = accounts
        .filter(|actor| actor.person == against.person && actor.roles.contains(&proof.role))
        .filter_map(|actor| actor.expires);
    Err(ended.next().map_or_else(
        || Reason::RoleMissing {
            needs: proof.role.clone(),
        },
        |ended| Reason::RoleExpired { ended },
    ))
}

/// What WebAuthn says, on a site that counts here, with a counter that rose.
fn assertion(
    state: &State,
    number: u32,
    proof: &Proof,
    against: &Against<'_>,
) -> Result<u32, Reason> {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let row = state.authority.credentials.get(place);
    let row = row.ok_or_else(|| Reason::CredentialUnknown {
        credential: to_hex(&proof.credential),
    })?;
    let key = PublicKey::from_cose(&row.key.public_key);
    let key = key.map_err(|_| malformed("the enrolled key can't be read"))?;
    let sites = &against.rules.relying_parties;
    let rp_ids: Vec<String> = sites.iter().map(|site| site.id.clone()).collect();
    let origins: Vec<String> = sites
        .iter()
        .flat_map(|s| s.origins.iter().cloned())
        .collect();
    let challenge = challenge(state, proof, against);
    let challenge = challenge.ok_or(Reason::ChallengeMismatch)?;
    let expected = Expected {
        challenge: &challenge,
        rp_ids: &rp_ids,
        origins: &origins,
        device_bound: row.key.device_bound
            || against.rules.device_bound_roles.contains(&proof.role),
    };
    let given = Assertion {
        authenticator_data: proof.authenticator_data.clone(),
        client_data_json: proof.client_data_json.clone(),
        signature: proof.signature.clone(),
    };
    let verified = verify(&given, &key, &expected);
    let verified = verified.map_err(|refusal| refused(&refusal, proof))?;
    let separate = |site: &RelyingParty| site.id == verified.rp_id && site.separate;
    if (against.separate || against.quorum.separate) && !sites.iter().any(separate) {
        return Err(Reason::SeparateClientNeeded {
            site: verified.rp_id,
        });
    }
    if !counter_follows(row.counter, verified.counter) {
        return Err(Reason::CounterNotRisen {
            seen: verified.counter,
            last: row.counter,
        });
    }
    Ok(verified.counter)
}

/// The challenge that the assertion must answer; nothing where a name is too long to be hashed.
#[must_use]
pub fn challenge(state: &State, proof: &Proof, against: &Against<'_>) -> Option<[u8; 32]> {
    let decision = match proof.decision {
        Decision::Approve => approval::Decision::Approve,
        Decision::Reject => approval::Decision::Reject,
    };
    let command = Digest::from_bytes(against.matter.command);
    let approver = people::name(state, against.person);
    let (nonce, role, expires) = (&proof.nonce, &proof.role, proof.expires);
    approval::challenge(&command, nonce, approver, role, decision, expires)
        .map(|digest| *digest.as_bytes())
}

fn refused(refusal: &Refusal, proof: &Proof) -> Reason {
    match refusal {
        Refusal::Challenge => Reason::ChallengeMismatch,
        Refusal::Origin(origin) => Reason::OriginNotAllowed {
            origin: origin.clone(),
        },
        Refusal::RpId | Refusal::OriginOutsideRpId => Reason::RelyingPartyUnknown,
        Refusal::UserNotPresent | Refusal::UserNotVerified => Reason::UserNotVerified,
        Refusal::NotDeviceBound => Reason::CredentialNotBound {
            role: proof.role.clone(),
        },
        Refusal::Signature => Reason::SignatureInvalid,
        other => malformed(other.name()),
    }
}
