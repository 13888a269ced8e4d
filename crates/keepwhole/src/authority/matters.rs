//! What asks for approvals, as people see it: the exact command, its words, who may speak, who spoke, where it stands.

use crate::text::{Amount, Words};
use crate::views::{ReasonView, RulesDifference, amount as amount_of, reason_view};
use keepwhole_core::authority::binding::{self, ActionCommand};
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::credential::NewCredential;
use keepwhole_core::authority::finding::Finding;
use keepwhole_core::authority::matter::{Decision, Matter, Target};
use keepwhole_core::authority::people;
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::rules::Rules;
use keepwhole_core::guard::{Ask, Change, Request, Standing};
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
    command: ActionCommand,
    of: Of<'s>,
}

enum Of<'s> {
    Request(&'s Request),
    Change(&'s Change, &'s Standing),
    Finding(&'s Finding),
}

fn find<'s>(state: &'s State, id: &str) -> Option<Found<'s>> {
    let matters = &state.authority.matters;
    let found = |target, command, of| {
        Some(Found {
            id: id.to_owned(),
            matter: matters.get(&target)?,
            command,
            of,
        })
    };
    if let Some((number, request)) = state.guard.request(id) {
        let command = binding::of_made(state, number)?;
        return found(Target::Request(number), command, Of::Request(request));
    }
    if let Some((number, proposal)) = state.guard.proposal(id) {
        let command = binding::of_proposed(state, number)?;
        let of = Of::Change(&proposal.change, &proposal.standing);
        return found(Target::Change(number), command, of);
    }
    let number: u32 = id.strip_prefix("finding-")?.parse().ok()?;
    let row = usize::try_from(number).ok()?;
    let finding = state.authority.findings.get(row)?;
    let target = Target::Finding(number);
    let policy = matters.get(&target)?.policy;
    let command = binding::of_finding(state, number, finding, &policy);
    found(target, command, Of::Finding(finding))
}

/// The quorum that is asked now: of the class, of the two administrators during the bootstrap, or of one who may clear
/// findings.
fn quorum(state: &State, rules: &Rules, found: &Found<'_>) -> Quorum {
    let plain = |persons, among: Vec<String>| Quorum {
        class: found.matter.class,
        persons,
        of: 0,
        among,
        required: Vec::new(),
        distinct_roles: 0,
        cool_off_ms: 0,
        administrative: true,
        assertions: true,
        separate: false,
    };
    let of_class = || {
        let quorum = rules.quorum(found.matter.class).cloned();
        quorum.unwrap_or_else(|| plain(1, Vec::new()))
    };
    match &found.of {
        Of::Finding(_) => plain(1, rules.clearers.clone()),
        Of::Request(request) => {
            let mut quorum = of_class();
            quorum.persons = quorum.persons.max(request.needs);
            quorum
        }
        Of::Change(..) => {
            let bootstrap = state.authority.completed.is_none()
                && people::unfillable(state, state.at).is_some();
            if bootstrap {
                plain(2, vec!["administrator".to_owned()])
            } else {
                of_class()
            }
        }
    }
}

fn line(state: &State, found: &Found<'_>, quorum: &Quorum) -> Waiting {
    let (valid, needs) = match people::tally(state, quorum, found.matter, None, (state.at, None)) {
        Ok(()) => (quorum.persons, quorum.persons),
        Err(lack) => (lack.valid, lack.needs),
    };
    let fields = fields(&found.command);
    let action = fields.iter().find(|(name, _)| name == "action");
    Waiting {
        id: found.id.clone(),
        action: action.map_or_else(String::new, |(_, action)| action.clone()),
        asked: found.matter.at,
        class: found.matter.class,
        valid: u64::from(valid),
        needs: u64::from(needs),
    }
}

fn fields(command: &ActionCommand) -> Vec<(String, String)> {
    let text = command.to_text();
    let read: Result<std::collections::BTreeMap<String, String>, _> = serde_json::from_str(&text);
    read.unwrap_or_default().into_iter().collect()
}

fn asset_of(ask: &Ask) -> Option<(AssetIx, u128)> {
    match ask {
        Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
            Some((*asset, *units))
        }
        Ask::Credit { lines, .. } => {
            let asset = lines.first()?.asset;
            let one = lines.iter().all(|line| line.asset == asset);
            let units = lines
                .iter()
                .try_fold(0_u128, |sum, line| sum.checked_add(line.units));
            one.then_some((asset, units?))
        }
    }
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
            let asset = asset_of(&request.ask).map(|(asset, _)| asset);
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

fn behind(state: &State, rules: &Rules, of: &Of<'_>) -> Behind {
    match of {
        Of::Request(_) => Behind::Request,
        Of::Change(Change::AdoptPolicy(_), _) => Behind::Policy,
        Of::Change(Change::AdoptAuthority(next), _) => {
            Behind::Rules(Box::new(RulesDifference::of(state, rules, next)))
        }
        Of::Change(..) | Of::Finding(_) => Behind::Nothing,
    }
}

/// The matter of that id.
#[must_use]
pub fn matter(state: &State, id: &str) -> Option<MatterView> {
    let rules = state.authority.rules.as_deref()?;
    let found = find(state, id)?;
    let quorum = quorum(state, rules, &found);
    let moved = match &found.of {
        Of::Request(request) => asset_of(&request.ask),
        _ => None,
    };
    let separate = quorum.separate
        || moved.is_some_and(|(asset, units)| {
            rules.wants_separate(state.registry.asset_id(asset), units)
        });
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
    Some(MatterView {
        line: line(state, &found, &quorum),
        fields: fields(&found.command),
        text: found.command.to_text(),
        digest: found.command.digest(),
        behind: behind(state, rules, &found.of),
        amount: moved.map(|(asset, units)| amount_of(state, asset, units)),
        keys,
        separate,
        without_proposer: !quorum.administrative,
        required: quorum.required,
        cool_off_ms: quorum.cool_off_ms,
        roles: quorum.among,
        proposer: by.map(|by| people::name(state, by).to_owned()),
        said: said.collect(),
        stands: stands(state, &found),
        policy_changed: found.matter.policy != binding::policy_digest(state),
    })
}

/// What waits for approvals, the newest first, at most `most`.
pub(super) fn waiting(state: &State, most: usize) -> Vec<Waiting> {
    let Some(rules) = state.authority.rules.as_deref() else {
        return Vec::new();
    };
    let held = |standing: &Standing| matches!(standing, Standing::Held(_));
    let requests = state.guard.requests.iter().rev();
    let requests = requests.filter(|row| row.needs > 0 && held(&row.standing));
    let proposals = state.guard.proposals.iter().rev();
    let proposals = proposals.filter(|row| held(&row.standing));
    let findings = (0_u32..).zip(&state.authority.findings);
    let findings = findings.filter(|(_, row)| row.stands());
    let mut ids: Vec<String> = requests.take(most).map(|row| row.id.clone()).collect();
    ids.extend(proposals.take(most).map(|row| row.id.clone()));
    ids.extend(
        findings
            .take(most)
            .map(|(number, _)| format!("finding-{number}")),
    );
    let found = ids.iter().filter_map(|id| find(state, id));
    let mut lines: Vec<Waiting> = found
        .map(|found| line(state, &found, &quorum(state, rules, &found)))
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.asked));
    lines.truncate(most);
    lines
}
