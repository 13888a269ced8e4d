//! The bootstrap: three administrators who may enrol, halt and adopt the first policy, and nothing else, until people for
//! every enabled class of action are there.

use super::super::Ruling;
use super::super::turn::Turn;
use super::checks;
use crate::answer::Answer;
use crate::authority::asked::ADMINISTRATOR;
use crate::authority::credential::Enrolment;
use crate::authority::rules::Rules;
use crate::event::{AuthorityEvent, Event};
use crate::guard::Change;
use crate::reason::Reason;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;

/// Administrators of the bootstrap, and how many of them approve together.
const ADMINISTRATORS: usize = 3;

pub(super) fn begin(turn: &mut Turn<'_>, rules: &Rules, new: &[Enrolment]) -> Ruling {
    if turn.state.authority.rules.is_some() {
        return Err(turn.malformed("rules of authority are in force; propose a change of them"));
    }
    if rules.version != 1 {
        return Err(turn.malformed("the first version of the rules of authority is 1"));
    }
    if let Err(slip) = rules.check() {
        return Err(turn.malformed(&slip));
    }
    checks::assets_known(turn, rules)?;
    if new.len() != ADMINISTRATORS {
        return Err(turn.malformed("a bootstrap names exactly three administrators"));
    }
    let mut actors = BTreeSet::new();
    let mut persons = BTreeSet::new();
    let mut credentials = BTreeSet::new();
    for enrolment in new {
        checks::enrolment(turn, rules, enrolment)?;
        if turn.state.registry.person(&enrolment.person).is_some() {
            return Err(Reason::AlreadyRegistered {
                name: enrolment.person.clone(),
            });
        }
        let own = enrolment.roles.iter().any(|role| role == ADMINISTRATOR);
        let fresh = actors.insert(&enrolment.actor)
            && persons.insert(&enrolment.person)
            && enrolment
                .credentials
                .iter()
                .all(|key| credentials.insert(&key.id));
        if !own || !fresh {
            let what = "administrators are three persons with accounts and credentials of their own and the role `administrator`";
            return Err(turn.malformed(what));
        }
    }
    turn.emit(AuthorityEvent::AuthorityAdopted(Box::new(rules.clone())));
    for enrolment in new {
        enrol(turn, enrolment);
    }
    let administrators = new.iter().map(|new| new.person.clone()).collect();
    turn.emit(AuthorityEvent::AuthorityBootstrapped { administrators });
    Ok(Answer::Recorded)
}

/// An account, its person, and the person's credentials.
pub(super) fn enrol(turn: &mut Turn<'_>, new: &Enrolment) {
    turn.emit(Event::ActorEnrolled {
        id: new.actor.clone(),
        person: new.person.clone(),
        roles: new.roles.clone(),
        expires: Some(new.expires),
    });
    for credential in &new.credentials {
        turn.emit(AuthorityEvent::CredentialEnrolled {
            person: new.person.clone(),
            credential: Box::new(credential.clone()),
        });
    }
}

/// What administrators may do before the bootstrap is over.
pub(super) fn allows(turn: &Turn<'_>, change: &Change) -> bool {
    match change {
        Change::EnrolPerson(_)
        | Change::EnrolCredential { .. }
        | Change::Grant { .. }
        | Change::RenewRoles { .. }
        | Change::Halt { .. }
        | Change::Resume { .. }
        | Change::Revoke { .. }
        | Change::Reinstate { .. } => true,
        Change::AdoptPolicy(_) => turn.policy().version == 0,
        _ => false,
    }
}
