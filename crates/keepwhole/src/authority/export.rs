//! The roster and the approvals of one proposal out of a journal, in the forms that `keepwhole-verify` checks offline.

use crate::journal::{Disk, Journal, JournalError};
use keepwhole_core::authority::binding::{of_made, of_proposed};
use keepwhole_core::authority::matter::{Decision, Matter, Target};
use keepwhole_core::authority::people;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::event::{AuthorityEvent, Event, Record};
use keepwhole_core::registry::PersonIx;
use keepwhole_core::state::State;
use keepwhole_verify::approval::{self, Approval, ApprovalsFile, Command, Quorum};
use keepwhole_verify::json::FormatError;
use keepwhole_verify::roster::{Credential, Person, Roster};
use keepwhole_verify::webauthn::{Assertion, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why something can't be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// Nothing of that name asks for approvals.
    #[error("nothing called `{0}` asks for approvals; `keepwhole staff list` names what does")]
    Unknown(String),
    /// The journal can't be read.
    #[error("the journal can't be read: {0}")]
    Journal(#[from] JournalError),
    /// An entry is not the proof that the state says it is.
    #[error("entry `{0}` of the journal is not the approval that it should be")]
    Entry(u64),
    /// What was recorded does not fit the form.
    #[error("what was recorded does not fit its form: {0}")]
    Form(#[from] FormatError),
}

/// The roster as it stands at `at` (ms): all credentials ever, with the indexes between which they were active, and the
/// roles that people hold then.
///
/// # Errors
/// A key or a name that the form does not take.
pub fn roster(state: &State, at: u64) -> Result<Roster, ExportError> {
    let authority = &state.authority;
    let mut people: BTreeMap<PersonIx, Person> = BTreeMap::new();
    for credential in &authority.credentials {
        let public_key = PublicKey::from_cose(&credential.key.public_key)
            .map_err(|_| ExportError::Entry(credential.from))?;
        let who = credential.person;
        let person = people.entry(who).or_insert_with(|| Person {
            credentials: Vec::new(),
            id: people::name(state, who).to_owned(),
            roles: people::roles(state, who, at).into_iter().collect(),
        });
        person.credentials.push(Credential {
            from: credential.from,
            id: credential.key.id.clone(),
            public_key,
            until: credential.until,
        });
    }
    let rules = authority.rules.as_deref();
    let bound = rules.map(|rules| rules.device_bound_roles.iter().cloned().collect());
    let roster = Roster {
        device_bound_roles: bound.unwrap_or_default(),
        people: people.into_values().collect(),
        version: authority.roster_version,
    };
    roster.check()?;
    Ok(roster)
}

fn target(state: &State, id: &str) -> Option<Target> {
    let request = state.guard.request(id);
    let request = request.map(|(number, _)| Target::Request(number));
    let change = state.guard.proposal(id);
    request.or(change.map(|(number, _)| Target::Change(number)))
}

/// How many people a matter needs, and which roles: of its class, and for a request what its amount asks for; while the
/// bootstrap lasts, two administrators.
#[must_use]
pub fn quorum_of(state: &State, target: Target, matter: &Matter) -> Quorum {
    let completed = state.authority.completed;
    if completed.is_none_or(|done| matter.at < done) && matches!(target, Target::Change(_)) {
        return Quorum {
            n: 2,
            roles: BTreeSet::from(["administrator".to_owned()]),
        };
    }
    let rules = state.authority.rules.as_deref();
    let class = rules.and_then(|rules| rules.quorum(matter.class));
    let asked = match target {
        Target::Request(number) => state.guard.request_at(number).map_or(0, |row| row.needs),
        Target::Change(_) | Target::Finding(_) => 0,
    };
    let roles: BTreeSet<String> = class
        .map(|quorum| quorum.required.iter().cloned().collect())
        .unwrap_or_default();
    Quorum {
        n: class.map_or(1, |quorum| quorum.persons).max(asked),
        roles,
    }
}

/// All answers to one request or proposed change, with their raw assertions out of the journal.
///
/// # Errors
/// An unknown id, a journal that can't be read, or records that do not fit the form.
pub fn approvals<D: Disk>(
    state: &State,
    journal: &Journal<D>,
    id: &str,
) -> Result<ApprovalsFile, ExportError> {
    let unknown = || ExportError::Unknown(id.to_owned());
    let target = target(state, id).ok_or_else(unknown)?;
    let matter = state.authority.matters.get(&target).ok_or_else(unknown)?;
    let command = match target {
        Target::Request(number) => of_made(state, number),
        Target::Change(number) => of_proposed(state, number),
        Target::Finding(_) => None,
    };
    let command = command.ok_or_else(unknown)?;
    if command.digest() != matter.command {
        return Err(ExportError::Entry(matter.index));
    }
    let proofs = proofs(journal, matter)?;
    let mut approvals = Vec::new();
    for voice in &matter.voices {
        let proof = proofs.get(&voice.index);
        let proof = proof.ok_or(ExportError::Entry(voice.index))?;
        approvals.push(approval(
            people::name(state, voice.person),
            proof,
            voice.at / 1_000,
        ));
    }
    Ok(ApprovalsFile {
        approvals,
        command: Command::read(&command.to_text())?,
        index: matter.index,
        proposal: id.to_owned(),
        proposed_at: matter.at / 1_000,
        quorum: quorum_of(state, target, matter),
    })
}

fn approval(approver: &str, proof: &Proof, received: u64) -> Approval {
    Approval {
        approver: approver.to_owned(),
        assertion: Assertion {
            authenticator_data: proof.authenticator_data.clone(),
            client_data_json: proof.client_data_json.clone(),
            signature: proof.signature.clone(),
        },
        credential_id: proof.credential.clone(),
        decision: match proof.decision {
            Decision::Approve => approval::Decision::Approve,
            Decision::Reject => approval::Decision::Reject,
        },
        expires: proof.expires,
        issued: proof.issued,
        nonce: proof.nonce,
        received,
        role: proof.role.clone(),
    }
}

/// Why reading ended.
enum Pause {
    Enough,
    Entry(u64),
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// The proofs of a matter by their journal index.
fn proofs<D: Disk>(
    journal: &Journal<D>,
    matter: &Matter,
) -> Result<BTreeMap<u64, Proof>, ExportError> {
    let wanted: BTreeSet<u64> = matter.voices.iter().map(|voice| voice.index).collect();
    let mut found = BTreeMap::new();
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
        return Ok(found);
    };
    let told = journal.read::<Pause>(*first, &mut |position, bytes| {
        if position > *last {
            return Err(Pause::Enough);
        }
        if !wanted.contains(&position) {
            return Ok(());
        }
        match Record::decode(bytes).map(|record| record.event) {
            Ok(Event::Authority(AuthorityEvent::ApprovalProven { proof, .. })) => {
                found.insert(position, *proof);
                Ok(())
            }
            _ => Err(Pause::Entry(position)),
        }
    });
    match told {
        Ok(()) | Err(Pause::Enough) => Ok(found),
        Err(Pause::Entry(position)) => Err(ExportError::Entry(position)),
        Err(Pause::Journal(error)) => Err(error.into()),
    }
}
