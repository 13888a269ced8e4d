//! What is decided about authority: the bootstrap, proven approvals, changes under quorum, sign-ins and findings.
//!
//! Nothing here is reached before rules of authority are in force, but the bootstrap that adopts the first ones.

mod approvals;
mod bootstrap;
mod changes;
mod checks;
mod findings;
mod force;

pub(super) use approvals::{asks, enough, may_speak, needs, open, unproven};
pub(super) use changes::{approve, cancel, due, propose};
pub(super) use force::{in_force, stop_begun};

use super::Ruling;
use super::turn::Turn;
use crate::answer::Answer;
use crate::apply::MISMATCHES_MS;
use crate::authority::class::Class;
use crate::authority::command::AuthorityCommand;
use crate::authority::people;
use crate::authority::rules::Rules;
use crate::breaker::Scope;
use crate::event::AuthorityEvent;
use crate::reason::Reason;
use crate::registry::{PersonIx, WalletIx};
use alloc::string::String;

/// So many mismatches within ten minutes halt a wallet.
const MISMATCHES: usize = 3;

/// The rules in force; nothing of this module bears on a turn without them.
pub(super) fn rules<'a>(turn: &Turn<'a>) -> Option<&'a Rules> {
    turn.state.authority.rules.as_deref()
}

/// What one person, or two by name, do without rules of authority; once they are in force it is proposed.
///
/// # Errors
/// The class whose quorum approves it.
pub(super) fn alone(turn: &Turn<'_>, class: Class) -> Result<(), Reason> {
    let Some(rules) = rules(turn) else {
        return Ok(());
    };
    let class_code = String::from(class.code());
    Err(match rules.quorum(class) {
        Some(_) => Reason::ProposalNeeded { class: class_code },
        None => Reason::QuorumImpossible { class: class_code },
    })
}

pub(super) fn route(turn: &mut Turn<'_>, command: &AuthorityCommand) -> Ruling {
    match command {
        AuthorityCommand::Bootstrap {
            rules,
            administrators,
        } => bootstrap::begin(turn, rules, administrators),
        AuthorityCommand::Decide { target, proof } => approvals::decide(turn, target, proof),
        AuthorityCommand::RecordSignIn {
            credential,
            device,
            place,
        } => findings::sign_in(turn, credential, device, place),
        AuthorityCommand::ClearFinding { finding, proof } => findings::clear(turn, *finding, proof),
        AuthorityCommand::Demand => {
            if turn.state.authority.demanded.is_none() {
                turn.emit(AuthorityEvent::AuthorityDemanded);
            } else {
                turn.repeated = true;
            }
            Ok(Answer::Recorded)
        }
    }
}

fn person_name(turn: &Turn<'_>, person: PersonIx) -> String {
    String::from(people::name(turn.state, person))
}

fn by_self(turn: &Turn<'_>, person: PersonIx) -> Reason {
    Reason::SelfApproval {
        person: person_name(turn, person),
    }
}

/// A signer was asked for bytes of this wallet that are not the clearance's: counted, and the third within ten minutes
/// halts the wallet.
pub(super) fn mismatch(turn: &mut Turn<'_>, wallet: WalletIx, incident: u32) {
    if rules(turn).is_none() {
        return;
    }
    turn.emit(AuthorityEvent::MismatchCounted { wallet });
    let at = turn.at;
    let seen = turn.state.authority.mismatches.get(&wallet);
    let recent = |when: &&u64| at < when.saturating_add(MISMATCHES_MS);
    let before = seen.map_or(0, |times| times.iter().filter(recent).count());
    if before.saturating_add(1) >= MISMATCHES {
        let cause = "three requests to sign other bytes than cleared within ten minutes";
        turn.trip(Scope::Wallet(wallet), cause, Some(incident));
    }
}
