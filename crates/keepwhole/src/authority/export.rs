//! The roster and the approvals of one proposal out of a journal, in the forms that `keepwhole-verify` checks offline.

use crate::journal::{Disk, Journal, JournalError};
use keepwhole_core::authority::asked::{AskedNow, asked_of};
use keepwhole_core::authority::matter::{Decision, Matter, Target, Voice};
use keepwhole_core::authority::people;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::authority::quorum::Quorum as AskedQuorum;
use keepwhole_core::event::{AuthorityEvent, Event, Record};
use keepwhole_core::guard::Standing;
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

/// How many people are asked for, and which roles; a class for which only one role counts asks for that one.
fn form_of(quorum: &AskedQuorum) -> Quorum {
    let only = quorum.among.iter().filter(|_| quorum.among.len() == 1);
    Quorum {
        n: quorum.persons,
        roles: quorum.required.iter().chain(only).cloned().collect(),
    }
}

/// Something may still be done by these approvals: it waits, or it is cleared and may be signed.
fn usable(state: &State, target: Target) -> bool {
    let held = |standing: &Standing| matches!(standing, Standing::Held(_));
    match target {
        Target::Request(number) => state.guard.request_at(number).is_some_and(|request| {
            let terms = state.guard.clearances.terms.get(&number);
            let clearance = request.clearance.as_ref();
            let ends = terms.map(|terms| terms.expires);
            let ends = ends.or(clearance.and_then(|clearance| clearance.until));
            let used = terms.is_none() && clearance.is_none_or(|row| row.redeemed.is_some());
            let cleared = request.standing == Standing::Cleared && !used;
            held(&request.standing) || (cleared && ends.is_none_or(|ends| state.at < ends))
        }),
        Target::Change(number) => {
            let row = usize::try_from(number).unwrap_or(usize::MAX);
            let proposal = state.guard.proposals.get(row);
            proposal.is_some_and(|proposal| held(&proposal.standing))
        }
        Target::Finding(_) => false,
    }
}

/// The answers that make up a file: all rejections, and of each person the newest approval. Whoever is to act by them now
/// gets only approvals that count now: one that does not would fail the whole file. What is shown of the past has them all:
/// one that is left out there fails.
fn spoken<'s>(
    state: &'s State,
    (target, usable): (Target, bool),
    (quorum, matter): (&AskedQuorum, &'s Matter),
) -> Vec<&'s Voice> {
    let ttl = match target {
        Target::Request(_) => state.guard.policy.approval_ttl_ms,
        Target::Change(_) | Target::Finding(_) => None,
    };
    let times = (state.at, ttl);
    let approves = |voice: &Voice| {
        voice.decision == Decision::Approve
            && (!usable || people::counts(state, quorum, matter, voice, times))
    };
    let kept = |(place, voice): &(usize, &Voice)| {
        let later = matter.voices.iter().skip(place.saturating_add(1));
        let mut newer = later.filter(|other| other.person == voice.person);
        voice.decision == Decision::Reject || (approves(voice) && !newer.any(approves))
    };
    let voices = matter.voices.iter().enumerate().filter(kept);
    voices.map(|(_, voice)| voice).collect()
}

/// What a file asks for: of a request that no rule asks anybody about, one person, whatever people said of it.
fn file_quorum(state: &State, target: Target, quorum: &AskedQuorum) -> Quorum {
    let asked = match target {
        Target::Request(number) => state.guard.request_at(number).map_or(0, |row| row.needs),
        Target::Change(_) | Target::Finding(_) => return form_of(quorum),
    };
    if asked > 0 {
        return form_of(quorum);
    }
    Quorum {
        n: 1,
        roles: BTreeSet::new(),
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

    /// What brought about an effect that was just folded: each person's newest approval, also one that counts no longer.
    ///
    /// # Errors
    /// A target that asks for no approvals, or a command that does not fit its form.
    pub fn of_effect(state: &State, target: Target, id: &str) -> Result<Self, ExportError> {
        recorded_of(state, (target, false), id)
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

/// The answers to one request or proposed change that a file holds, with their raw assertions out of the journal.
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
    let target = Target::of(state, id).ok_or_else(|| ExportError::Unknown(id.to_owned()))?;
    recorded_of(state, (target, usable(state, target)), id)
}

fn recorded_of(
    state: &State,
    (target, usable): (Target, bool),
    id: &str,
) -> Result<Recorded, ExportError> {
    let unknown = || ExportError::Unknown(id.to_owned());
    if matches!(target, Target::Finding(_)) {
        return Err(unknown());
    }
    let matter = state.authority.matters.get(&target).ok_or_else(unknown)?;
    let AskedNow {
        quorum, command, ..
    } = asked_of(state, target, state.at).ok_or_else(unknown)?;
    if command.digest() != matter.command {
        return Err(ExportError::Entry(matter.index));
    }
    let voices = spoken(state, (target, usable), (&quorum, matter));
    let voices = voices.into_iter().map(|voice| {
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
            quorum: file_quorum(state, target, &quorum),
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
