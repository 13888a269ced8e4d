//! People: who has which role until when, and which classes of action have enough of them.

use std::collections::BTreeSet;

use keepwhole_core::event::Record;
use keepwhole_core::policy::{ActionClass, Policy};
use keepwhole_core::registry::{Actor, PersonIx};
use keepwhole_core::state::State;

use super::Head;
use super::door::DoorsView;
use super::policy::class_key;
use super::quorum::AuthorityView;

/// One account of a person or machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorRow {
    /// Account.
    pub id: String,
    /// Person.
    pub person: String,
    /// Roles.
    pub roles: Vec<String>,
    /// First moment without them, milliseconds since the epoch; `None` where no end is set.
    pub expires: Option<u64>,
    /// Whether the roles count now.
    pub counts: bool,
}

/// One class of action, and who can take it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRow {
    /// The catalogue's key of its name.
    pub class: &'static str,
    /// Roles one of which is needed.
    pub roles: Vec<String>,
    /// Distinct persons who could take part now.
    pub persons: Vec<String>,
    /// Distinct persons needed at most.
    pub needs: u64,
    /// Whether one more is needed because whoever asks never counts.
    pub beside_requester: bool,
    /// Whether that many are there.
    pub filled: bool,
}

/// The page of the people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleView {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// Accounts, in order of enrolment.
    pub actors: Vec<ActorRow>,
    /// Classes of action of the policy: all of them before there are rules of authority, then those of personal records.
    pub classes: Vec<ClassRow>,
    /// Quorums, passkeys, findings and stops.
    pub authority: AuthorityView,
    /// Identities of programs, and who was turned away.
    pub doors: DoorsView,
}

const CLASSES: [ActionClass; 5] = [
    ActionClass::Approve,
    ActionClass::LowerRisk,
    ActionClass::RaiseRisk,
    ActionClass::KeepPersonal,
    ActionClass::ReadPersonal,
];

impl PeopleView {
    /// The page at this state; `record` finds entries.
    #[must_use]
    pub fn of(state: &State, head: &Head, record: &dyn Fn(u64) -> Option<Record>) -> Self {
        let policy = &state.guard.policy;
        let actors = state.registry.actors.iter();
        Self {
            as_of: state.at,
            head: head.clone(),
            actors: actors
                .map(|actor| ActorRow {
                    id: actor.id.clone(),
                    person: person(state, actor.person).to_owned(),
                    roles: actor.roles.clone(),
                    expires: actor.expires,
                    counts: counts(state, actor) && !actor.roles.is_empty(),
                })
                .collect(),
            classes: CLASSES
                .into_iter()
                .filter(|class| state.authority.rules.is_none() || of_persons(*class))
                .map(|class| class_row(state, policy, class))
                .collect(),
            authority: AuthorityView::of(state, record),
            doors: DoorsView::of(state),
        }
    }
}

/// Classes that the policy's roles bear on even where there are rules of authority.
const fn of_persons(class: ActionClass) -> bool {
    matches!(class, ActionClass::KeepPersonal | ActionClass::ReadPersonal)
}

fn person(state: &State, person: PersonIx) -> &str {
    state
        .registry
        .persons
        .get(person.place())
        .map_or("", String::as_str)
}

fn counts(state: &State, actor: &Actor) -> bool {
    actor.expires.is_none_or(|ended| state.at < ended)
}

fn class_row(state: &State, policy: &Policy, class: ActionClass) -> ClassRow {
    let roles = policy.roles(class);
    let able: BTreeSet<PersonIx> = state
        .registry
        .actors
        .iter()
        .filter(|actor| counts(state, actor) && actor.roles.iter().any(|role| roles.contains(role)))
        .map(|actor| actor.person)
        .collect();
    let needs = most_needed(policy, class);
    let beside_requester = class == ActionClass::Approve && needs > 0;
    let wanted = needs.max(1).saturating_add(u64::from(beside_requester));
    ClassRow {
        class: class_key(class),
        roles: roles.to_vec(),
        persons: able
            .iter()
            .map(|one| person(state, *one).to_owned())
            .collect(),
        needs,
        beside_requester,
        filled: u64::try_from(able.len()).unwrap_or(u64::MAX) >= wanted,
    }
}

/// The most distinct persons that an action of this class can need.
fn most_needed(policy: &Policy, class: ActionClass) -> u64 {
    use keepwhole_core::policy::rule::Outcome;
    let most = match class {
        ActionClass::RaiseRisk => policy.change_approvals.max(1),
        ActionClass::Approve => {
            let tiers = policy.tiers.iter().map(|tier| tier.approvals);
            let budgets = policy.budgets.iter().map(|budget| budget.approvals);
            let rules = policy.rules.iter().filter_map(|rule| match &rule.then {
                Outcome::Approve(approvals) => Some(approvals.n),
                Outcome::Clear | Outcome::Hold | Outcome::Deny => None,
            });
            tiers.chain(budgets).chain(rules).max().unwrap_or(0)
        }
        ActionClass::LowerRisk | ActionClass::KeepPersonal | ActionClass::ReadPersonal => 1,
    };
    u64::from(most)
}
