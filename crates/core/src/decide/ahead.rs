//! Reading ahead what commands will look up, before the first of them is decided. It changes no decision: whatever it
//! reads is read again.

use crate::command::{Body, Command};
use crate::guard::Ask;
use crate::index::STAGE;
use crate::registry::OwnerIx;
use crate::state::State;
use alloc::vec::Vec;
use core::hint::black_box;

/// A command that asks for a withdrawal: its id, the customer's name, and the destination.
type Named<'c> = (&'c str, &'c str, &'c str);

fn named(command: &Command) -> Option<Named<'_>> {
    match &command.body {
        Body::RequestWithdrawal { customer, to, .. } => {
            Some((command.id.as_deref()?, customer, to))
        }
        _ => None,
    }
}

/// Reads what requests for withdrawals among these commands will look at, a stage of them together, so that the processor
/// waits for memory once a step and not once a request.
pub fn read_ahead<'c>(state: &State, commands: impl IntoIterator<Item = &'c Command>) {
    let mut named = commands.into_iter().filter_map(named);
    let mut stage: Vec<Named<'c>> = Vec::new();
    let mut owners = Vec::new();
    loop {
        stage.clear();
        stage.extend(named.by_ref().take(STAGE));
        if stage.is_empty() {
            return;
        }
        find_owners(state, &stage, &mut owners);
        look_back(state, &owners);
    }
}

fn find_owners<'c>(state: &State, stage: &[Named<'c>], found: &mut Vec<(OwnerIx, &'c str)>) {
    let names = &state.registry.owners;
    let mut hashes = [0; STAGE];
    let mut asked = 0;
    for ((_, customer, _), hash) in stage.iter().zip(&mut hashes) {
        *hash = names.hash(customer.as_bytes());
        asked ^= names.touch(*hash);
    }
    for ((_, customer, _), hash) in stage.iter().zip(&hashes) {
        asked ^= names.touch_text(*hash, customer.len());
    }
    black_box(asked);
    found.clear();
    found.extend(
        stage
            .iter()
            .zip(&hashes)
            .filter_map(|((_, customer, to), hash)| {
                let owner = names.find(*hash, customer.as_bytes())?;
                Some((OwnerIx(owner), *to))
            }),
    );
}

/// The same of requests whose customers are known.
pub fn read_ahead_asked(state: &State, asks: &[Ask]) {
    for stage in asks.chunks(STAGE) {
        let mut known = [(OwnerIx(0), ""); STAGE];
        let mut held = 0usize;
        let withdrawals = stage.iter().filter_map(|ask| match ask {
            Ask::Withdrawal { owner, to, .. } => Some((*owner, to.as_str())),
            Ask::Transfer { .. } | Ask::Credit { .. } => None,
        });
        for (slot, one) in known.iter_mut().zip(withdrawals) {
            *slot = one;
            held = held.saturating_add(1);
        }
        judged(state, known.get(..held).unwrap_or(&[]));
    }
}

/// What judging looks back at.
fn judged(state: &State, of: &[(OwnerIx, &str)]) {
    if state.guard.policy.rules.look_back() {
        state.history.read_ahead(of);
    }
}

/// What judging and the check of the balance look back at.
fn look_back(state: &State, of: &[(OwnerIx, &str)]) {
    let book = &state.book;
    let mut asked = 0;
    for (owner, _) in of {
        asked ^= book.touch(*owner);
    }
    for (owner, _) in of {
        asked ^= book.touch_assets(*owner);
    }
    black_box(asked);
    judged(state, of);
}
