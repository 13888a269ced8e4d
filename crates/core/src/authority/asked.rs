//! What is asked of people for one target as things stand: its quorum, its exact command, and whether only the approver
//! client counts. Deciding, the console, the command line and the exports all ask here.

use super::binding::{self, ActionCommand};
use super::class::Class;
use super::matter::{Matter, Target};
use super::people;
use super::quorum::Quorum;
use super::rules::Rules;
use crate::guard::{Ask, Change, Proposal, Request, Standing};
use crate::registry::AssetIx;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::String;

/// What stands before a finding's number where it is named like a request; no command's id begins so.
pub const FINDING: &str = "finding-";
/// The role of the bootstrap.
pub const ADMINISTRATOR: &str = "administrator";

impl Target {
    /// What an id means: a finding (`finding-7`), a request or a proposed change.
    #[must_use]
    pub fn of(state: &State, id: &str) -> Option<Self> {
        if let Some(Ok(number)) = id.strip_prefix(FINDING).map(str::parse) {
            let place = usize::try_from(number).ok()?;
            return (place < state.authority.findings.len()).then_some(Self::Finding(number));
        }
        let request = state.guard.request(id);
        let request = request.map(|(number, _)| Self::Request(number));
        request.or_else(|| Some(Self::Change(state.guard.proposal(id)?.0)))
    }
}

/// What is asked for a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedNow {
    /// Who must approve.
    pub quorum: Quorum,
    /// True where only the approver client's assertions count.
    pub separate: bool,
    /// What is approved, as approvals bind it.
    pub command: ActionCommand,
}

/// What is asked for a target at `at` (ms). `None` without rules of authority, for what asks for no approvals, and where
/// the command that was asked can't be told any more.
#[must_use]
pub fn asked_of(state: &State, target: Target, at: u64) -> Option<AskedNow> {
    let rules = state.authority.rules.as_deref()?;
    let matter = state.authority.matters.get(&target)?;
    // A class that was switched off since is nobody's.
    let nobody = || Quorum::plain(matter.class, 1, alloc::vec![]);
    let (quorum, separate, command) = match target {
        Target::Request(number) => {
            let request = state.guard.request_at(number)?;
            let quorum = of_request(rules, request).unwrap_or_else(nobody);
            let separate = wants_separate(state, rules, &request.ask);
            (quorum, separate, binding::of_made(state, number)?)
        }
        Target::Change(number) => {
            let place = usize::try_from(number).ok()?;
            let proposal = state.guard.proposals.get(place)?;
            let quorum = if by_administrators(state, matter, proposal) {
                Some(administrators(matter.class))
            } else {
                of_change(state, rules, matter.class, &proposal.change, at)
            };
            let command = binding::of_proposed(state, number)?;
            (quorum.unwrap_or_else(nobody), false, command)
        }
        Target::Finding(number) => {
            let place = usize::try_from(number).ok()?;
            let finding = state.authority.findings.get(place)?;
            let command = binding::of_finding(state, number, finding, &matter.policy);
            (of_finding(rules), false, command)
        }
    };
    Some(AskedNow {
        separate: separate || quorum.separate,
        quorum,
        command,
    })
}

/// The class of action of a request.
#[must_use]
pub const fn class_of(ask: &Ask) -> Class {
    match ask {
        Ask::Withdrawal { .. } | Ask::Transfer { .. } => Class::Withdrawal,
        Ask::Credit { .. } => Class::Credit,
    }
}

/// The quorum of a request: its class's, as many persons as the policy asks for if these are more, and the roles that
/// the policy's rules ask for, each filled by a person of its own. `None` where the class is not enabled.
#[must_use]
pub fn of_request(rules: &Rules, request: &Request) -> Option<Quorum> {
    let mut quorum = rules.quorum(class_of(&request.ask))?.clone();
    quorum.persons = quorum.persons.max(request.needs);
    quorum.requires(&request.roles);
    Some(quorum)
}

/// The quorum of a change of that class at `at` (ms): until the bootstrap is over, the administrators'; for new rules
/// also what they alter asks for, whichever is stricter. `None` where the class is not enabled.
#[must_use]
pub fn of_change(
    state: &State,
    rules: &Rules,
    class: Class,
    change: &Change,
    at: u64,
) -> Option<Quorum> {
    if class != Class::LowerRisk && people::bootstraps(state, at) {
        return Some(administrators(class));
    }
    let mut quorum = rules.quorum(class)?.clone();
    if let Change::AdoptAuthority(next) = change {
        let all = next.loosens_beside_quorums(rules);
        for old in &rules.quorums {
            let altered = next.quorum(old.class) != Some(old);
            if old.class == Class::BreakGlass || !(all || altered) {
                continue;
            }
            quorum.persons = quorum.persons.max(old.persons);
            quorum.cool_off_ms = quorum.cool_off_ms.max(old.cool_off_ms);
            quorum.distinct_roles = quorum.distinct_roles.max(old.distinct_roles);
            if altered {
                quorum.requires(&old.required);
            }
        }
    }
    Some(quorum)
}

/// One person of a role that may clears a finding.
#[must_use]
pub fn of_finding(rules: &Rules) -> Quorum {
    Quorum::plain(Class::LiftStop, 1, rules.clearers.clone())
}

/// Two of the three administrators, at once.
fn administrators(class: Class) -> Quorum {
    Quorum::plain(class, 2, alloc::vec![String::from(ADMINISTRATOR)])
}

/// The change is done, and its last approval came before the bootstrap was over.
fn by_administrators(state: &State, matter: &Matter, proposal: &Proposal) -> bool {
    let last = matter.voices.last().map(|voice| voice.at);
    let within = last.is_some_and(|last| state.authority.completed.is_none_or(|done| last <= done));
    within && proposal.standing == Standing::Cleared
}

/// What is moved of each asset, minor units, all lines of a batch together.
#[must_use]
pub fn sums(ask: &Ask) -> BTreeMap<AssetIx, u128> {
    let mut sums: BTreeMap<AssetIx, u128> = BTreeMap::new();
    match ask {
        Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
            sums.insert(*asset, *units);
        }
        Ask::Credit { lines, .. } => {
            for line in lines {
                let sum = sums.entry(line.asset).or_default();
                *sum = sum.saturating_add(line.units);
            }
        }
    }
    sums
}

/// True where so much of one asset is moved that only the approver client counts.
#[must_use]
pub fn wants_separate(state: &State, rules: &Rules, ask: &Ask) -> bool {
    let over = |(asset, units): (AssetIx, u128)| {
        rules.wants_separate(state.registry.asset_id(asset), units)
    };
    !rules.separate_from.is_empty() && sums(ask).into_iter().any(over)
}
