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
    if asked == 0 && matches!(target, Target::Request(_)) {
        // Whatever people said of it, no rule asks for anybody.
        return Quorum {
            n: 1,
            roles: BTreeSet::new(),
        };
    }
    let roles: BTreeSet<String> = class
        .map(|quorum| quorum.required.iter().cloned().collect())
        .unwrap_or_default();
    Quorum {
        n: class.map_or(1, |quorum| quorum.persons).max(asked),
        roles,
    }
}

/// What the state knows of the answers to one request or proposed change; the journal has their assertions.
#[derive(Clone, Debug)]
pub struct Recorded {
    file: ApprovalsFile,
    /// Of each answer: its place in the journal, who gave it, when it came (Unix seconds).
    voices: Vec<(u64, String, u64)>,
}

impl Recorded {
    /// What the state knows of them.
    ///
    /// # Errors
    /// An unknown id, or a command that does not fit its form.
    pub fn of(state: &State, id: &str) -> Result<Self, ExportError> {
        recorded(state, id)
    }

    /// As [`Recorded::of`], of a target that is found.
    ///
    /// # Errors
    /// A target that asks for no approvals, or a command that does not fit its form.
    pub fn of_target(state: &State, target: Target, id: &str) -> Result<Self, ExportError> {
        recorded_of(state, target, id)
    }

    /// Entry of the question.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.file.index
    }

    /// Entries of the question and of all answers.
    pub fn entries(&self) -> impl Iterator<Item = u64> {
        let answers = self.voices.iter().map(|(entry, ..)| *entry);
        std::iter::once(self.file.index).chain(answers)
    }

    /// True where nobody answered yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.voices.is_empty()
    }

    /// Reads the assertions.
    ///
    /// # Errors
    /// A journal that can't be read, or an entry that is no approval.
    pub fn read<D: Disk>(self, journal: &Journal<D>) -> Result<ApprovalsFile, ExportError> {
        let mut file = self.file;
        for (index, approver, received) in self.voices {
            let proof = proof_at(journal, index)?;
            file.approvals.push(approval(&approver, &proof, received));
        }
        Ok(file)
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
    recorded(state, id)?.read(journal)
}

fn recorded(state: &State, id: &str) -> Result<Recorded, ExportError> {
    let target = target(state, id).ok_or_else(|| ExportError::Unknown(id.to_owned()))?;
    recorded_of(state, target, id)
}

fn recorded_of(state: &State, target: Target, id: &str) -> Result<Recorded, ExportError> {
    let unknown = || ExportError::Unknown(id.to_owned());
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
    let voices = matter.voices.iter().map(|voice| {
        let approver = people::name(state, voice.person).to_owned();
        (voice.index, approver, voice.at / 1_000)
    });
    Ok(Recorded {
        voices: voices.collect(),
        file: ApprovalsFile {
            approvals: Vec::new(),
            command: Command::read(&command.to_text())?,
            index: matter.index,
            proposal: id.to_owned(),
            proposed_at: matter.at / 1_000,
            quorum: quorum_of(state, target, matter),
        },
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
    Found(Box<Proof>),
    Other,
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// The proof that is recorded at that place of the journal.
fn proof_at<D: Disk>(journal: &Journal<D>, index: u64) -> Result<Proof, ExportError> {
    let read = journal.read::<Pause>(index, &mut |_, bytes| {
        let event = Record::decode(bytes).map(|record| record.event);
        Err(match event {
            Ok(Event::Authority(AuthorityEvent::ApprovalProven { proof, .. })) => {
                Pause::Found(proof)
            }
            _ => Pause::Other,
        })
    });
    match read {
        Err(Pause::Found(proof)) => Ok(*proof),
        Err(Pause::Journal(error)) => Err(error.into()),
        Ok(()) | Err(Pause::Other) => Err(ExportError::Entry(index)),
    }
}
