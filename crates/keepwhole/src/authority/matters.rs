//! What asks for approvals, as people see it: the exact command, its words, who may speak, who spoke, where it stands.

use crate::text::{Amount, Words};
use crate::views::{ReasonView, RulesDifference, amount as amount_of, reason_view};
use keepwhole_core::authority::asked::{AskedNow, FINDING, asked_of, sums};
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::credential::NewCredential;
use keepwhole_core::authority::finding::Finding;
use keepwhole_core::authority::matter::{Decision, Matter, Target};
use keepwhole_core::authority::people;
use keepwhole_core::guard::{Ask, Change, Proposal, Request, Standing};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;
use keepwhole_verify::words;

/// One person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub person: String,
    /// In which role.
    pub role: String,
    /// Yes or no.
    pub approves: bool,
    /// When, ms.
    pub at: u64,
}

/// Where a matter stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It waits.
    Waits(ReasonView),
    /// It is denied or was rejected.
    Denied(ReasonView),
    /// It is done.
    Done,
    /// It waited too long.
    Lapsed,
}

/// A line of the list of what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id, which approvals name.
    pub id: String,
    /// What would be done: the command's action.
    pub action: String,
    /// When it was asked, ms.
    pub asked: u64,
    /// Its class of action.
    pub class: Class,
    /// Approvals of different persons so far.
    pub valid: u64,
    /// Different persons needed.
    pub needs: u64,
}

/// A credential that a change would enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedKey {
    /// Its six words.
    pub words: String,
    /// On what it lives: a code of [`DeviceKind`](keepwhole_core::authority::credential::DeviceKind).
    pub kind: &'static str,
    /// True if it can't be copied to another device.
    pub device_bound: bool,
}

/// What the command names only by a digest or a number, and where people see it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Nothing: the command says all.
    Nothing,
    /// A request to the guard, lines of a credit among it.
    Request,
    /// A policy that is proposed.
    Policy,
    /// Rules of authority that are proposed.
    Rules(Box<RulesDifference>),
}

/// One matter, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatterView {
    /// What waits.
    pub line: Waiting,
    /// The command's fields, ascending by name.
    pub fields: Vec<(String, String)>,
    /// The command's canonical text.
    pub text: String,
    /// Its digest (docs/approvals.md, "Command").
    pub digest: [u8; 32],
    /// What stands behind the command's digests.
    pub behind: Behind,
    /// The amount, where one asset is moved.
    pub amount: Option<Amount>,
    /// Keys that it would enrol.
    pub keys: Vec<OfferedKey>,
    /// Roles whose holders count.
    pub roles: Vec<String>,
    /// Roles that must be filled.
    pub required: Vec<String>,
    /// Wait after the last approval, ms.
    pub cool_off_ms: u64,
    /// True where only the approver client's assertions count.
    pub separate: bool,
    /// True where the proposer's own word does not count.
    pub without_proposer: bool,
    /// Who proposed it, where a person of ours did.
    pub proposer: Option<String>,
    /// What people said, in order.
    pub said: Vec<Said>,
    /// Where it stands.
    pub stands: Stands,
    /// True where another policy is in force since it was asked.
    pub policy_changed: bool,
}

/// A matter with everything that it rests on.
struct Found<'s> {
    id: String,
    matter: &'s Matter,
    asked: AskedNow,
    of: Of<'s>,
}

enum Of<'s> {
    Request(&'s Request),
    Change(&'s Change, &'s Standing),
    Finding(&'s Finding),
}

fn find(state: &State, target: Target) -> Option<Found<'_>> {
    let row = |number: u32| usize::try_from(number).ok();
    let (id, of) = match target {
        Target::Request(number) => {
            let request = state.guard.request_at(number)?;
            (request.id.clone(), Of::Request(request))
        }
        Target::Change(number) => {
            let proposal = state.guard.proposals.get(row(number)?)?;
            let of = Of::Change(&proposal.change, &proposal.standing);
            (proposal.id.clone(), of)
        }
        Target::Finding(number) => {
            let finding = state.authority.findings.get(row(number)?)?;
            (format!("{FINDING}{number}"), Of::Finding(finding))
        }
    };
    Some(Found {
        id,
        matter: state.authority.matters.get(&target)?,
        asked: asked_of(state, target, state.at)?,
        of,
    })
}

fn line(state: &State, found: &Found<'_>) -> Waiting {
    let (quorum, matter) = (&found.asked.quorum, found.matter);
    let ttl = match found.of {
        Of::Request(_) => state.guard.policy.approval_ttl_ms,
        Of::Change(..) | Of::Finding(_) => None,
    };
    let (valid, needs) = match people::tally(state, quorum, matter, None, (state.at, ttl)) {
        Ok(()) => (quorum.persons, quorum.persons),
        Err(lack) => (lack.valid, lack.needs),
    };
    let action = found.asked.command.field("action");
    Waiting {
        id: found.id.clone(),
        action: action.unwrap_or_default().to_owned(),
        asked: matter.at,
        class: matter.class,
        valid: u64::from(valid),
        needs: u64::from(needs),
    }
}

/// The asset and amount, where one asset is moved.
fn moved(ask: &Ask) -> Option<(AssetIx, u128)> {
    let mut sums = sums(ask).into_iter();
    let first = sums.next()?;
    sums.next().is_none().then_some(first)
}

fn offered(change: &Change) -> Vec<OfferedKey> {
    let key = |key: &NewCredential| OfferedKey {
        words: words::of_credential(&key.id, &key.public_key),
        kind: key.kind.code(),
        device_bound: key.device_bound,
    };
    match change {
        Change::EnrolPerson(new) => new.credentials.iter().map(key).collect(),
        Change::EnrolCredential { credential, .. }
        | Change::ResetCredentials { credential, .. } => {
            vec![key(credential)]
        }
        _ => Vec::new(),
    }
}

fn stands(state: &State, found: &Found<'_>) -> Stands {
    let (standing, asset) = match &found.of {
        Of::Request(request) => {
            let asset = moved(&request.ask).map(|(asset, _)| asset);
            (&request.standing, asset)
        }
        Of::Change(_, standing) => (*standing, None),
        Of::Finding(finding) if finding.stands() => {
            let words = Words::key("matter-finding-stands");
            return Stands::Waits(ReasonView {
                code: finding.kind.code().to_owned(),
                words,
                release: Words::key("release-finding"),
                until: None,
            });
        }
        Of::Finding(_) => return Stands::Done,
    };
    match standing {
        Standing::Held(reason) => Stands::Waits(reason_view(state, asset, reason)),
        Standing::Denied(reason) => Stands::Denied(reason_view(state, asset, reason)),
        Standing::Cleared => Stands::Done,
        Standing::Lapsed => Stands::Lapsed,
    }
}

fn behind(state: &State, of: &Of<'_>) -> Behind {
    match of {
        Of::Request(_) => Behind::Request,
        Of::Change(Change::AdoptPolicy(_), _) => Behind::Policy,
        Of::Change(Change::AdoptAuthority(next), _) => {
            let rules = state.authority.rules.as_deref();
            rules.map_or(Behind::Nothing, |rules| {
                Behind::Rules(Box::new(RulesDifference::of(state, rules, next)))
            })
        }
        Of::Change(..) | Of::Finding(_) => Behind::Nothing,
    }
}

/// The matter of that id.
#[must_use]
pub fn matter(state: &State, id: &str) -> Option<MatterView> {
    let found = find(state, Target::of(state, id)?)?;
    let moved = match &found.of {
        Of::Request(request) => moved(&request.ask),
        _ => None,
    };
    let keys = match &found.of {
        Of::Change(change, _) => offered(change),
        _ => Vec::new(),
    };
    let said = found.matter.voices.iter().map(|voice| Said {
        person: people::name(state, voice.person).to_owned(),
        role: voice.role.clone(),
        approves: voice.decision == Decision::Approve,
        at: voice.at,
    });
    let by = found.matter.by;
    let (command, quorum) = (&found.asked.command, &found.asked.quorum);
    let fields = command.fields();
    Some(MatterView {
        line: line(state, &found),
        fields: fields
            .map(|(k, text)| (k.to_owned(), text.to_owned()))
            .collect(),
        text: command.to_text(),
        digest: command.digest(),
        behind: behind(state, &found.of),
        amount: moved.map(|(asset, units)| amount_of(state, asset, units)),
        keys,
        separate: found.asked.separate,
        without_proposer: !quorum.administrative,
        required: quorum.required.clone(),
        cool_off_ms: quorum.cool_off_ms,
        roles: quorum.among.clone(),
        proposer: by.map(|by| people::name(state, by).to_owned()),
        said: said.collect(),
        stands: stands(state, &found),
        policy_changed: found.matter.policy != state.guard.policy_digest,
    })
}

/// What waits for approvals, the newest first, at most `most`.
pub(super) fn waiting(state: &State, most: usize) -> Vec<Waiting> {
    let guard = &state.guard;
    let asks = |number: &u32| guard.request_at(*number).is_some_and(|row| row.needs > 0);
    let requests = guard.waiting.iter().rev().copied().filter(asks);
    let held = |(_, row): &(u32, &Proposal)| matches!(row.standing, Standing::Held(_));
    let proposals: Vec<u32> = (0..)
        .zip(&guard.proposals)
        .filter(held)
        .map(|row| row.0)
        .collect();
    let stands = |(_, row): &(u32, &Finding)| row.stands();
    let findings = (0..)
        .zip(&state.authority.findings)
        .filter(stands)
        .map(|row| row.0);
    let mut targets: Vec<Target> = requests.take(most).map(Target::Request).collect();
    targets.extend(proposals.into_iter().rev().take(most).map(Target::Change));
    targets.extend(findings.take(most).map(Target::Finding));
    let asked = |target: &Target| {
        let matter = state.authority.matters.get(target);
        std::cmp::Reverse(matter.map_or(0, |matter| matter.at))
    };
    targets.sort_by_key(asked);
    targets.truncate(most);
    let found = targets.into_iter().filter_map(|target| find(state, target));
    found.map(|found| line(state, &found)).collect()
}
