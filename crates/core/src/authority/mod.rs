//! Authority: who may say yes to what. People with roles that end and keys of their own, classes of action with a quorum
//! each, stops that one person may make, findings about sign-ins, and the keys in sealed envelopes.
//!
//! Nothing here is in force before the first [`Rules`] are adopted, which a [`bootstrap`](command::AuthorityCommand::Bootstrap)
//! does. From then on an approval counts only with its proof, and the roles of the policy's classes of action bear on
//! personal records alone. Where authority is [demanded](command::AuthorityCommand::Demand), nothing is cleared before that.
//! `docs/authority.md` tells the whole.

pub mod asked;
pub mod binding;
pub mod class;
pub mod command;
pub mod credential;
pub mod finding;
pub mod matter;
pub mod people;
pub mod proof;
pub mod quorum;
pub mod rules;
pub mod session;

use crate::breaker::{Scope, scope_of};
use crate::guard::Change;
use crate::policy::Policy;
use crate::registry::{PersonIx, WalletIx};
use crate::state::State;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use credential::Credential;
use finding::Finding;
use matter::{Matter, Target};
use rules::Rules;

/// A stop that one person made: of a scope of the breaker, or of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Stop {
    /// Number of the proposal that made it.
    pub proposal: u32,
    /// Who made it.
    pub by: PersonIx,
    /// Since when, ms.
    pub since: u64,
    /// True once a quorum stands behind it.
    pub kept: bool,
}

/// One person stands behind the policy in force, or several, each of them alone: it is tighter than the last one that a
/// quorum stood behind.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Tightened {
    /// The last policy that a quorum stood behind.
    pub before: Box<Policy>,
    /// Who tightened it since, in order.
    pub by: Vec<PersonIx>,
    /// The last of them; its proposal made the policy in force.
    pub stop: Stop,
}

/// What one person may stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// A scope of the breaker.
    Scope(Scope),
    /// A person.
    Person(PersonIx),
    /// What the last policy that a quorum stood behind allows.
    Policy,
}

/// What a change stops; `None` if it stops nothing that is known.
pub(crate) fn stopped_by(state: &State, change: &Change) -> Option<Stopped> {
    let registry = &state.registry;
    match change {
        Change::Halt { scope } => scope_of(state, scope).map(Stopped::Scope),
        Change::RetireKey { wallet } => {
            let wallet = registry.wallet(wallet)?;
            Some(Stopped::Scope(Scope::Wallet(wallet)))
        }
        Change::Revoke { actor } => {
            let row = registry.actors.get(registry.actor(actor)?.place())?;
            Some(Stopped::Person(row.person))
        }
        Change::AdoptPolicy(policy) => {
            (policy.version == state.guard.policy.version).then_some(Stopped::Policy)
        }
        _ => None,
    }
}

/// What is known of a person's sign-ins.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct SignIns {
    /// Devices seen, by code.
    pub devices: BTreeSet<String>,
    /// The last one: when (ms), code of the place.
    pub last: Option<(u64, String)>,
}

/// Everything about authority.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Authority {
    /// The rules in force; without them nothing here is.
    pub rules: Option<Box<Rules>>,
    /// Administrators of the bootstrap, in the order given.
    pub administrators: Vec<PersonIx>,
    /// When every enabled class of action could first fill its quorum, ms.
    pub completed: Option<u64>,
    /// Credentials in order of enrolment.
    pub credentials: Vec<Credential>,
    /// From a credential's id to its number.
    pub by_credential: BTreeMap<Vec<u8>, u32>,
    /// What asked for approvals, and the approvals that it got.
    pub matters: BTreeMap<Target, Matter>,
    /// Nonces of approvals, per person, with what they were used for.
    pub nonces: BTreeMap<(PersonIx, [u8; 16]), Target>,
    /// Stops of one person that hold, by scope.
    pub stops: BTreeMap<Scope, Stop>,
    /// Suspended persons.
    pub suspended: BTreeMap<PersonIx, Stop>,
    /// While no quorum stands behind the policy in force.
    pub tightened: Option<Tightened>,
    /// Findings in order.
    pub findings: Vec<Finding>,
    /// Sign-ins by person.
    pub sign_ins: BTreeMap<PersonIx, SignIns>,
    /// When a person's credentials were last reset or added to, ms.
    pub resets: BTreeMap<PersonIx, u64>,
    /// First moment at which the use of sealed keys no longer closes everything else, ms.
    pub break_glass: Option<u64>,
    /// Bytes that were not the clearance's, per wallet: when, ms, in the last ten minutes before the newest.
    pub mismatches: BTreeMap<WalletIx, Vec<u64>>,
    /// Changes of people, roles and credentials so far: the version of the roster.
    pub roster_version: u64,
    /// Since when nothing is cleared without rules, ms.
    pub demanded: Option<u64>,
}

impl Authority {
    /// The credential of that id, with its number.
    #[must_use]
    pub fn credential(&self, id: &[u8]) -> Option<(u32, &Credential)> {
        let number = *self.by_credential.get(id)?;
        let row = self.credentials.get(usize::try_from(number).ok()?)?;
        Some((number, row))
    }

    /// The finding about a person that stands and stops the person's approvals, with its number.
    #[must_use]
    pub fn blocking(&self, person: PersonIx) -> Option<(u32, &Finding)> {
        let mut numbered = (0_u32..).zip(&self.findings);
        numbered.find(|(_, finding)| finding.person == person && finding.blocks())
    }

    /// One person tightened the policy, and this one is nowhere looser than the last that a quorum stood behind. So it
    /// gives nothing that did not have its quorum and its wait.
    #[must_use]
    pub fn takes_back(&self, next: &Policy) -> bool {
        let tightened = self.tightened.as_ref();
        tightened.is_some_and(|by_one| by_one.before.only_tightened_by(next))
    }

    /// True while the use of sealed keys closes everything else.
    #[must_use]
    pub fn glass_is_broken(&self, at: u64) -> bool {
        self.break_glass.is_some_and(|until| at < until)
    }
}
