//! The records of authority as canonical JSON: people, credentials, approvals with their assertions, stops, findings.

use super::record_json::{Members, Names, reason, texts, time};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::asked::FINDING;
use keepwhole_core::authority::credential::NewCredential;
use keepwhole_core::authority::finding::{Finding, FindingKind};
use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::command::sha256_of;
use keepwhole_core::event::{AuthorityEvent, Event};
use keepwhole_core::guard::{BreakGlass, Change, custody_change};
use keepwhole_core::registry::PersonIx;
use keepwhole_verify::json::{Value, to_hex};

/// The kind of an event of authority in lower snake case; empty for any other.
pub(super) const fn kind(event: &Event) -> &'static str {
    let Event::Authority(event) = event else {
        return "";
    };
    match event {
        AuthorityEvent::ApprovalAsked { .. } => "approval_asked",
        AuthorityEvent::ApprovalProven { .. } => "approval_proven",
        AuthorityEvent::AuthorityAdopted(_) => "authority_adopted",
        AuthorityEvent::AuthorityBootstrapped { .. } => "authority_bootstrapped",
        AuthorityEvent::BootstrapCompleted => "bootstrap_completed",
        AuthorityEvent::CredentialEnrolled { .. } => "credential_enrolled",
        AuthorityEvent::CredentialEnded { .. } => "credential_ended",
        AuthorityEvent::StopBegun { .. } => "stop_begun",
        AuthorityEvent::PersonSuspended { .. } => "person_suspended",
        AuthorityEvent::StopKept { .. } => "stop_kept",
        AuthorityEvent::PersonReinstated { .. } => "person_reinstated",
        AuthorityEvent::CredentialsReset { .. } => "credentials_reset",
        AuthorityEvent::NoticeGiven { .. } => "notice_given",
        AuthorityEvent::SignedIn { .. } => "signed_in",
        AuthorityEvent::FindingRaised { .. } => "finding_raised",
        AuthorityEvent::FindingCleared { .. } => "finding_cleared",
        AuthorityEvent::ChangeHeldBack { .. } => "change_held_back",
        AuthorityEvent::BreakGlassUsed { .. } => "break_glass_used",
        AuthorityEvent::MismatchCounted { .. } => "mismatch_counted",
        AuthorityEvent::RolesRenewed { .. } => "roles_renewed",
        AuthorityEvent::AuthorityDemanded => "authority_demanded",
    }
}

/// What a change of people, credentials, rules or wallets does, and on what.
pub(super) fn change(change: &Change) -> Value {
    let on = match change {
        Change::EnrolPerson(new) => format!("{} as {}", new.person, new.roles.join(", ")),
        Change::EnrolCredential { person, .. } | Change::ResetCredentials { person, .. } => {
            person.clone()
        }
        Change::EndCredential { credential } => URL_SAFE_NO_PAD.encode(credential),
        Change::AdoptAuthority(rules) => format!("version {}", rules.version),
        Change::Reinstate { person } => person.clone(),
        Change::BreakGlass(BreakGlass::Freeze { scope }) => scope.clone(),
        Change::BreakGlass(BreakGlass::Sweep { wallet }) => wallet.clone(),
        Change::RegisterWallet(wallet) => format!("{} at {}", wallet.id, wallet.address),
        Change::RenewRoles { actor, .. } => actor.clone(),
        Change::NameAsset { asset, caip19 } => format!("{asset} as {caip19}"),
        Change::NameKey {
            wallet,
            key,
            network,
        } => format!("{key} of {wallet} on {network}"),
        Change::OfCustody(body) => of_custody(body),
        _ => String::new(),
    };
    let what = change.action().replace('-', "_");
    Value::object(vec![("on", Value::Text(on)), ("what", Value::Text(what))])
}

fn of_custody(body: &custody_change::Body) -> String {
    match body {
        custody_change::Body::Asset(new) => match &new.caip19 {
            Some(name) => format!("{} as {name}", new.asset.id),
            None => new.asset.id.clone(),
        },
        custody_change::Body::Safe(new) => {
            format!("{} at {} on {}", new.wallet, new.address, new.network)
        }
        custody_change::Body::BatchCode { network, address } => format!("{address} on {network}"),
        custody_change::Body::Holdings { wallet, lines } => {
            let held = lines
                .iter()
                .map(|line| format!("{} {}", line.units, line.asset));
            format!("{wallet}: {}", held.collect::<Vec<_>>().join(", "))
        }
        custody_change::Body::Dead(dead) => format!("{} by {}", dead.request, dead.conflict_key),
    }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Text(URL_SAFE_NO_PAD.encode(bytes))
}

fn proposal(names: &Names<'_>, number: u32) -> Value {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let row = names.0.guard.proposals.get(place);
    Value::text(row.map_or("", |row| row.id.as_str()))
}

fn target(names: &Names<'_>, target: Target) -> Value {
    match target {
        Target::Request(number) => names.request(number),
        Target::Change(number) => proposal(names, number),
        Target::Finding(number) => Value::Text(format!("{FINDING}{number}")),
    }
}

fn person_or_null(names: &Names<'_>, person: Option<PersonIx>) -> Value {
    person.map_or(Value::Null, |person| names.person(person))
}

fn credential(key: &NewCredential) -> Value {
    Value::object(vec![
        ("device_bound", Value::Bool(key.device_bound)),
        ("id", bytes(&key.id)),
        ("kind", Value::text(key.kind.code())),
        ("public_key", bytes(&key.public_key)),
    ])
}

fn proof(names: &Names<'_>, of: Target, who: PersonIx, proof: &Proof, counter: u32) -> Members {
    let decision = match proof.decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
    };
    vec![
        ("authenticator_data", bytes(&proof.authenticator_data)),
        ("client_data_json", bytes(&proof.client_data_json)),
        ("counter", Value::Integer(u64::from(counter))),
        ("credential_id", bytes(&proof.credential)),
        ("decision", Value::text(decision)),
        ("expires", Value::Integer(proof.expires)),
        ("issued", Value::Integer(proof.issued)),
        ("nonce", Value::Text(to_hex(&proof.nonce))),
        ("person", names.person(who)),
        ("role", Value::text(proof.role.as_str())),
        ("signature", bytes(&proof.signature)),
        ("target", target(names, of)),
    ]
}

fn finding(names: &Names<'_>, finding: &Finding) -> Members {
    let numbers = match &finding.kind {
        FindingKind::NewDevice { device, known } => format!("{device}, {known} known before"),
        FindingKind::UnusualHours {
            minute,
            from,
            until,
        } => format!("minute {minute} of the day, usual from {from} to {until}"),
        FindingKind::TwoPlaces {
            before,
            now,
            apart_ms,
        } => format!("{before}, then {now} {apart_ms} ms later"),
        FindingKind::ResetThenLarge { reset, target } => {
            format!("{target} after the reset at {reset} ms")
        }
    };
    vec![
        ("kind", Value::text(finding.kind.code())),
        ("numbers", Value::Text(numbers)),
        ("person", names.person(finding.person)),
    ]
}

/// The members of an event of authority.
pub(super) fn authority(names: &Names<'_>, event: &Event) -> Option<Members> {
    let Event::Authority(event) = event else {
        return None;
    };
    Some(match event {
        AuthorityEvent::ApprovalAsked {
            target: of,
            class,
            by,
            command,
            policy,
        } => vec![
            ("by", person_or_null(names, *by)),
            ("class", Value::text(class.code())),
            ("command", Value::Text(to_hex(command))),
            ("policy", Value::Text(to_hex(policy))),
            ("target", target(names, *of)),
        ],
        AuthorityEvent::ApprovalProven {
            target,
            person,
            proof: given,
            counter,
        } => proof(names, *target, *person, given, *counter),
        AuthorityEvent::AuthorityAdopted(rules) => vec![
            ("sha256", Value::Text(to_hex(&sha256_of(rules)))),
            ("version", Value::Integer(u64::from(rules.version))),
        ],
        AuthorityEvent::AuthorityBootstrapped { administrators } => {
            vec![("administrators", texts(administrators))]
        }
        AuthorityEvent::CredentialEnrolled {
            person,
            credential: key,
        } => vec![
            ("credential", credential(key)),
            ("person", Value::text(person.as_str())),
        ],
        AuthorityEvent::CredentialEnded { credential: number } => {
            let place = usize::try_from(*number).unwrap_or(usize::MAX);
            let row = names.0.authority.credentials.get(place);
            vec![(
                "credential",
                row.map_or(Value::Null, |row| bytes(&row.key.id)),
            )]
        }
        AuthorityEvent::FindingRaised { finding: of, .. } => finding(names, of),
        AuthorityEvent::FindingCleared { finding, by } => vec![
            ("by", names.person(*by)),
            ("finding", Value::Text(format!("{FINDING}{finding}"))),
        ],
        AuthorityEvent::SignedIn {
            person,
            device,
            place,
            ..
        } => vec![
            ("device", Value::text(device.as_str())),
            ("person", names.person(*person)),
            ("place", Value::text(place.as_str())),
        ],
        AuthorityEvent::RolesRenewed { actor, expires } => vec![
            ("actor", names.actor(Some(*actor))),
            ("expires", time(*expires)),
        ],
        other => return stops(names, other),
    })
}

fn stops(names: &Names<'_>, event: &AuthorityEvent) -> Option<Members> {
    Some(match event {
        AuthorityEvent::StopBegun {
            scope,
            proposal: number,
            by,
        } => vec![
            ("by", names.person(*by)),
            ("proposal", proposal(names, *number)),
            ("scope", names.scope(*scope)),
        ],
        AuthorityEvent::PersonSuspended {
            person,
            proposal: number,
            by,
        } => vec![
            ("by", names.person(*by)),
            ("person", names.person(*person)),
            ("proposal", proposal(names, *number)),
        ],
        AuthorityEvent::StopKept { proposal: number } => {
            vec![("proposal", proposal(names, *number))]
        }
        AuthorityEvent::PersonReinstated { person }
        | AuthorityEvent::CredentialsReset { person } => {
            vec![("person", names.person(*person))]
        }
        AuthorityEvent::NoticeGiven {
            proposal: number,
            to,
        } => vec![
            ("proposal", proposal(names, *number)),
            (
                "to",
                Value::List(to.iter().map(|who| names.person(*who)).collect()),
            ),
        ],
        AuthorityEvent::ChangeHeldBack {
            proposal: number,
            reason: why,
        } => vec![
            ("proposal", proposal(names, *number)),
            ("reason", reason(why)),
        ],
        AuthorityEvent::BreakGlassUsed {
            proposal: number,
            until,
        } => vec![
            ("proposal", proposal(names, *number)),
            ("until", time(*until)),
        ],
        AuthorityEvent::MismatchCounted { wallet } => vec![("wallet", names.wallet(*wallet))],
        _ => return None,
    })
}
