//! The running installation as the console's staff sees it: whose credential this is, what waits, and the one way in for
//! what a person says: a command to the sequencer.

use super::files::{Unbrought, answer, brought};
use super::matters::{MatterView, Waiting, matter, waiting};
use crate::journal::RealDisk;
use crate::policy::{Finding, Names, Unadoptable, adopt};
use crate::sequencer::{Handle, Reader, ServiceError};
use crate::views::{PolicyDifference, ReasonView, RulesDifference, reason_view};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::binding;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{Credential, DeviceKind};
use keepwhole_core::authority::people;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::authority::rules::RelyingParty;
use keepwhole_core::authority::session::SessionRules;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::Change;
use keepwhole_core::policy::Policy;
use keepwhole_core::registry::PersonIx;
use keepwhole_core::state::State;

/// Most lines of the list of what waits.
const WAITING_MAX: usize = 200;

/// A source of the present, ms since the epoch.
pub type Now = Box<dyn Fn() -> u64 + Send + Sync>;

/// Whose credential it is, and what that person may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Id of the credential.
    pub credential: Vec<u8>,
    /// Its public key, COSE.
    pub public_key: Vec<u8>,
    /// True if it can't be copied to another device.
    pub device_bound: bool,
    /// The last counter that the journal saw.
    pub counter: u32,
    /// The account in whose name commands are sent.
    pub account: String,
    /// The person.
    pub person: String,
    /// Roles held now, ascending.
    pub roles: Vec<String>,
    /// How long a session lasts.
    pub sessions: SessionRules,
    /// Findings about this person that stand: number and code.
    pub findings: Vec<(u32, &'static str)>,
}

/// Why nobody signs in with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHolder {
    /// No rules of authority are in force.
    #[error("no rules of authority are in force")]
    NoRules,
    /// Nobody has it.
    #[error("nobody has this passkey")]
    Unknown,
    /// It was ended.
    #[error("this passkey has ended")]
    Ended,
    /// It is a sealed key, which only breaks glass.
    #[error("sealed keys don't sign in")]
    Sealed,
    /// The person is suspended for good.
    #[error("this person is suspended")]
    Suspended,
    /// The person holds no role any more.
    #[error("this person holds no role")]
    NoRole,
    /// The journal can't be read now.
    #[error("the journal can't be read now")]
    Unavailable,
}

/// What the journal answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is recorded, or in force.
    Done,
    /// It is recorded and waits.
    Waits(ReasonView),
    /// A rule refused it.
    Refused(ReasonView),
}

/// What a change would bring, beside what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Another policy.
    Policy(Box<PolicyDifference>),
    /// Other rules of authority.
    Rules(Box<RulesDifference>),
}

/// The desk at which staff is served.
pub struct StaffDesk {
    reader: Reader<RealDisk>,
    handle: Handle,
    now: Now,
}

impl StaffDesk {
    /// Over a running sequencer.
    #[must_use]
    pub fn new(reader: Reader<RealDisk>, handle: Handle, now: Now) -> Self {
        Self {
            reader,
            handle,
            now,
        }
    }

    /// Now, ms since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        (self.now)()
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Option<T> {
        self.reader.read(look).ok()
    }

    /// Whose credential this is.
    ///
    /// # Errors
    /// Why nobody signs in with it.
    pub fn holder(&self, credential: &[u8]) -> Result<Holder, NoHolder> {
        let now = self.now();
        self.read(|state| holder(state, credential, now.max(state.at)))
            .ok_or(NoHolder::Unavailable)?
    }

    /// Ids of a person's credentials that count for approvals.
    #[must_use]
    pub fn credentials(&self, person: &str) -> Vec<Vec<u8>> {
        let look = self.read(|state| {
            let person = state.registry.person(person);
            let own = |row: &&Credential| Some(row.person) == person && counts(row);
            let rows = state.authority.credentials.iter().filter(own);
            rows.map(|row| row.key.id.clone()).collect()
        });
        look.unwrap_or_default()
    }

    /// What waits for approvals, the newest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let look = self.read(|state| waiting(state, WAITING_MAX));
        look.unwrap_or_default()
    }

    /// The matter of that id.
    #[must_use]
    pub fn matter(&self, id: &str) -> Option<MatterView> {
        self.read(|state| matter(state, id)).flatten()
    }

    /// The longest time for a touch, seconds; 0 without rules.
    #[must_use]
    pub fn touch_seconds(&self) -> u64 {
        let rules = self.read(|state| state.authority.rules.as_ref().map(|rules| rules.touch_ms));
        rules.flatten().unwrap_or_default() / 1_000
    }

    /// Sites whose assertions count.
    #[must_use]
    pub fn sites(&self) -> Vec<RelyingParty> {
        let look = self.read(|state| {
            let rules = state.authority.rules.as_ref();
            rules.map_or_else(Vec::new, |rules| rules.relying_parties.clone())
        });
        look.unwrap_or_default()
    }

    /// The digest of the command that a proposal would make, as its approvals bind it.
    #[must_use]
    pub fn digest_of(&self, id: &str, change: &Change, person: &str) -> Option<([u8; 32], String)> {
        self.read(|state| {
            let person = state.registry.person(person)?;
            let policy = &state.guard.policy_digest;
            let command = binding::of_change(state, id, change, Some(person), policy);
            Some((command.digest(), command.to_text()))
        })
        .flatten()
    }

    /// Reads a file of TOML as the next policy; with what its check finds that is no error.
    ///
    /// # Errors
    /// The journal can't be read now, or why the file can't follow the policy in force.
    pub fn next_policy(
        &self,
        text: &str,
    ) -> Result<Result<(Policy, Vec<Finding>), Unadoptable>, ServiceError> {
        let (names, known, now) = self.reader.read(|state| {
            let now = self.now().max(state.at);
            let names = Names::of_registry(&state.registry, now);
            (names, state.guard.policy.version, now)
        })?;
        // The sequencer goes on while the file is looked at.
        let read = adopt::next("", text.as_bytes(), (&names, known), now);
        Ok(read.map(|(file, found)| (file.policy, found)))
    }

    /// What a policy or rules of authority would change now; nothing for other changes.
    #[must_use]
    pub fn offer(&self, change: &Change) -> Option<Offer> {
        let look = self.read(|state| match change {
            Change::AdoptPolicy(next) => {
                let policy = &state.guard.policy;
                let difference = PolicyDifference::of(state, policy, next, None);
                Some(Offer::Policy(Box::new(difference)))
            }
            Change::AdoptAuthority(next) => {
                let rules = state.authority.rules.as_deref()?;
                let difference = RulesDifference::of(state, rules, next);
                Some(Offer::Rules(Box::new(difference)))
            }
            _ => None,
        });
        look.flatten()
    }

    /// Records a sign-in whose assertion was checked.
    ///
    /// # Errors
    /// The journal takes nothing now.
    pub fn signed_in(
        &self,
        holder: &Holder,
        device: &str,
        place: &str,
    ) -> Result<Told, ServiceError> {
        let body = Body::OfAuthority(AuthorityCommand::RecordSignIn {
            credential: holder.credential.clone(),
            device: device.to_owned(),
            place: place.to_owned(),
        });
        self.send(&holder.account, None, body)
    }

    /// Sends an answer with its proof to a request, a proposal or a finding.
    ///
    /// # Errors
    /// The journal takes nothing now.
    pub fn answered(
        &self,
        account: &str,
        target: &str,
        proof: Proof,
    ) -> Result<Told, ServiceError> {
        self.send(account, None, answer(target, proof))
    }

    /// Sends an answer that the approver client made, whoever brings it.
    ///
    /// # Errors
    /// The journal takes nothing now, or why the answer is not taken.
    pub fn brought(
        &self,
        target: &str,
        text: &str,
    ) -> Result<Result<Told, Unbrought>, ServiceError> {
        let now = self.now();
        let read = self
            .reader
            .read(|state| brought(state, target, text, now.max(state.at)))?;
        match read {
            Ok((_, account, body)) => self.send(&account, None, body).map(Ok),
            Err(why) => Ok(Err(why)),
        }
    }

    /// Proposes a change; a stop acts at once.
    ///
    /// # Errors
    /// The journal takes nothing now.
    pub fn proposed(&self, account: &str, id: &str, change: Change) -> Result<Told, ServiceError> {
        self.send(account, Some(id), Body::ProposeChange(change))
    }

    fn send(&self, account: &str, id: Option<&str>, body: Body) -> Result<Told, ServiceError> {
        let command = Command {
            id: id.map(str::to_owned),
            actor: Some(account.to_owned()),
            body,
        };
        let reply = self.handle.submit(command)?;
        let shown = |reason| self.reader.read(|state| reason_view(state, None, reason));
        Ok(match &reply.answer {
            Answer::Recorded | Answer::Cleared => Told::Done,
            Answer::Held(reason) | Answer::Reduced(reason) => Told::Waits(shown(reason)?),
            Answer::Denied(reason) | Answer::Refused(reason) => Told::Refused(shown(reason)?),
        })
    }
}

fn counts(row: &Credential) -> bool {
    row.until.is_none() && row.key.kind != DeviceKind::Sealed
}

/// The first account of a person that has roles now.
pub(super) fn account(state: &State, person: PersonIx, now: u64) -> Option<String> {
    let mut accounts = state.registry.actors.iter();
    let active = accounts.find(|row| {
        row.person == person && !row.roles.is_empty() && row.expires.is_none_or(|ended| now < ended)
    });
    active.map(|row| row.id.clone())
}

fn holder(state: &State, credential: &[u8], now: u64) -> Result<Holder, NoHolder> {
    let authority = &state.authority;
    let rules = authority.rules.as_ref().ok_or(NoHolder::NoRules)?;
    let (_, row) = authority.credential(credential).ok_or(NoHolder::Unknown)?;
    if row.until.is_some() {
        return Err(NoHolder::Ended);
    }
    if !counts(row) {
        return Err(NoHolder::Sealed);
    }
    if authority.suspended.get(&row.person).is_some_and(|s| s.kept) {
        return Err(NoHolder::Suspended);
    }
    let account = account(state, row.person, now).ok_or(NoHolder::NoRole)?;
    let findings = (0_u32..).zip(&authority.findings);
    let about = findings.filter(|(_, finding)| finding.person == row.person && finding.stands());
    Ok(Holder {
        credential: credential.to_vec(),
        public_key: row.key.public_key.clone(),
        device_bound: row.key.device_bound,
        counter: row.counter,
        account,
        person: people::name(state, row.person).to_owned(),
        roles: people::roles(state, row.person, now),
        sessions: rules.sessions,
        findings: about
            .map(|(number, finding)| (number, finding.kind.code()))
            .collect(),
    })
}
