//! Changes of settings and rights: what lowers risk acts at once, what raises it needs others and time.

use super::{Account, Model, Proposal, Ruling, Waiting};
use keepwhole_core::answer::Answer;
use keepwhole_core::guard::Change;
use keepwhole_core::policy::{ActionClass, ApprovalTier, Policy};
use keepwhole_core::reason::Reason;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Risk {
    /// At once, by one person.
    Lower,
    /// Others, no wait.
    Resume,
    /// Others, and a wait.
    Raise,
}

fn malformed() -> Reason {
    Reason::Malformed {
        what: String::new(),
    }
}

/// Nowhere looser: caps and what clears may only be lower, approvals only more, the breaker may only be armed, everything
/// else is as it was.
fn tighter(old: &Policy, new: &Policy) -> bool {
    let caps = old.caps.iter().all(|a| {
        let same = new.caps.iter().filter(|b| b.window_ms == a.window_ms);
        same.map(|b| b.bps).any(|bps| bps <= a.bps)
    });
    let clears = new.clears.iter().all(|a| {
        let mut same = old.clears.iter().filter(|b| b.asset == a.asset);
        same.any(|b| a.up_to <= b.up_to)
    });
    let needs = |policy: &Policy, of: &ApprovalTier| {
        let reached = policy
            .tiers
            .iter()
            .filter(|tier| tier.asset == of.asset && tier.from <= of.from);
        reached
            .max_by_key(|tier| tier.from)
            .map_or(0, |tier| tier.approvals)
    };
    let mut tiers = old.tiers.iter().chain(&new.tiers);
    let tiers = tiers.all(|tier| needs(new, tier) >= needs(old, tier));
    let mut like = new.clone();
    like.caps.clone_from(&old.caps);
    like.clears.clone_from(&old.clears);
    like.tiers.clone_from(&old.tiers);
    like.version = old.version;
    like.breaker_armed = old.breaker_armed;
    caps && clears && tiers && like == *old && (new.breaker_armed || !old.breaker_armed)
}

impl Model {
    fn risk(&self, change: &Change) -> Risk {
        match change {
            Change::Halt { .. } | Change::Revoke { .. } | Change::RetireKey { .. } => Risk::Lower,
            Change::Resume { .. } => Risk::Resume,
            Change::AdoptPolicy(next) if tighter(&self.policy, next) => Risk::Lower,
            _ => Risk::Raise,
        }
    }

    fn known_names(&self, change: &Change) -> Result<(), Reason> {
        match change {
            Change::Revoke { actor } if !self.accounts.contains_key(actor) => {
                Err(Reason::UnknownActor {
                    actor: actor.clone(),
                })
            }
            Change::RetireKey { wallet } => self.needs_wallet(wallet),
            Change::Halt { scope } | Change::Resume { scope } if !self.is_scope(scope) => {
                Err(Reason::UnknownTarget {
                    target: scope.clone(),
                })
            }
            Change::AdoptPolicy(next) if next.version != self.policy.version + 1 => {
                Err(malformed())
            }
            _ => Ok(()),
        }
    }

    fn is_scope(&self, scope: &str) -> bool {
        match scope.strip_prefix("asset:") {
            Some(asset) => self.needs_asset(asset).is_ok(),
            None => matches!(scope, "all" | "trading") || self.needs_wallet(scope).is_ok(),
        }
    }

    fn class_held(&self, by: Option<&str>, class: ActionClass) -> Result<String, Reason> {
        let person = self.person_of(by)?;
        if let Some(account) = by.and_then(|name| self.accounts.get(name)) {
            self.may(account, class)?;
        }
        Ok(person)
    }

    pub(super) fn propose(
        &mut self,
        id: Option<&str>,
        by: Option<&str>,
        change: &Change,
    ) -> Ruling {
        let id = id.ok_or_else(malformed)?;
        self.known_names(change)?;
        let risk = self.risk(change);
        let class = if risk == Risk::Lower {
            ActionClass::LowerRisk
        } else {
            ActionClass::RaiseRisk
        };
        let person = self.class_held(by, class)?;
        let number = self.proposals.len();
        let needs = self.policy.change_approvals.max(1);
        self.proposals.push(Proposal {
            change: change.clone(),
            persons: vec![person],
            stands: Waiting::Person(needs),
        });
        self.proposal_of.insert(id.to_owned(), number);
        if risk == Risk::Lower {
            self.in_force(number);
            return Ok(Answer::Cleared);
        }
        if needs > 1 {
            let reason = Reason::NeedsSecondAdmin { valid: 1, needs };
            return Ok(Answer::Held(reason));
        }
        Ok(self.enough(number, risk))
    }

    fn enough(&mut self, number: usize, risk: Risk) -> Answer {
        let wait = self.policy.change_cool_off_ms.unwrap_or(0);
        if risk == Risk::Raise && wait > 0 {
            let until = self.at + wait;
            if let Some(proposal) = self.proposals.get_mut(number) {
                proposal.stands = Waiting::Until(until);
            }
            return Answer::Held(Reason::CoolOff { until });
        }
        self.in_force(number);
        Answer::Cleared
    }

    fn proposal(&self, target: &str) -> Result<usize, Reason> {
        let found = self.proposal_of.get(target).copied();
        found.ok_or_else(|| Reason::UnknownTarget {
            target: target.to_owned(),
        })
    }

    pub(super) fn approve_change(&mut self, by: Option<&str>, target: &str) -> Ruling {
        let person = self.person_of(by)?;
        let number = self.proposal(target)?;
        let needs = match self.proposals.get(number) {
            Some(Proposal {
                stands: Waiting::Person(needs),
                persons,
                ..
            }) => {
                if persons.first() == Some(&person) {
                    return Err(Reason::SelfApproval { person });
                }
                if persons.contains(&person) {
                    return Err(Reason::SamePerson { person });
                }
                Some(*needs)
            }
            _ => None,
        };
        self.class_held(by, ActionClass::RaiseRisk)?;
        let proposal = self.proposals.get_mut(number);
        let (Some(needs), Some(proposal)) = (needs, proposal) else {
            return Ok(Answer::Recorded);
        };
        proposal.persons.push(person);
        let change = proposal.change.clone();
        if u32::try_from(proposal.persons.len()).unwrap_or(u32::MAX) >= needs {
            let risk = self.risk(&change);
            self.enough(number, risk);
        }
        Ok(Answer::Recorded)
    }

    pub(super) fn cancel_change(&mut self, by: Option<&str>, target: &str) -> Ruling {
        self.person_of(by)?;
        let number = self.proposal(target)?;
        self.class_held(by, ActionClass::RaiseRisk)?;
        if let Some(proposal) = self.proposals.get_mut(number) {
            proposal.stands = Waiting::Over;
        }
        Ok(Answer::Recorded)
    }

    /// The next change whose wait ends.
    pub(super) fn next_change(&self) -> Option<(u64, usize)> {
        let waiting = self.proposals.iter().enumerate();
        let waiting = waiting.filter_map(|(number, proposal)| match proposal.stands {
            Waiting::Until(until) => Some((until, number)),
            _ => None,
        });
        waiting.min()
    }

    /// The change acts; a policy that was written against an older one is overtaken and does nothing.
    pub(super) fn in_force(&mut self, number: usize) {
        let Some(proposal) = self.proposals.get_mut(number) else {
            return;
        };
        proposal.stands = Waiting::Over;
        match proposal.change.clone() {
            Change::AdoptPolicy(next) if next.version == self.policy.version + 1 => {
                self.policy = *next;
            }
            Change::Grant {
                actor,
                role,
                expires,
            } => self.grant(&actor, role, expires),
            Change::Revoke { actor } => {
                if let Some(account) = self.accounts.get_mut(&actor) {
                    account.roles.clear();
                }
            }
            Change::ListDestination { address } => {
                self.listed.entry(address).or_insert(self.at);
            }
            Change::RetireKey { wallet } => {
                self.retired.insert(wallet);
            }
            Change::Halt { scope } => {
                self.halts.insert(scope);
            }
            Change::Resume { scope } => {
                self.halts.remove(&scope);
            }
            // The rest needs rules of authority, which no workload adopts.
            _ => {}
        }
    }

    /// One end for all roles of an account: a new role never prolongs the others, and ended ones don't come back.
    fn grant(&mut self, actor: &str, role: String, ends: Option<u64>) {
        let at = self.at;
        let account = self.accounts.entry(actor.to_owned()).or_insert(Account {
            person: actor.to_owned(),
            roles: Vec::new(),
            ends: None,
        });
        if account.ends.is_some_and(|ended| ended <= at) {
            account.roles.clear();
        }
        let others = account.roles.iter().any(|known| *known != role);
        if !account.roles.contains(&role) {
            account.roles.push(role);
        }
        account.ends = match (account.ends, ends) {
            (_, new) if !others => new,
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
    }
}
