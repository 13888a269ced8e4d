//! Folds intents, clearances, and what is trusted on networks.

use crate::due::Timer;
use crate::event::Event;
use crate::guard::clearance::{Issued, Redeemed, SigningKey};
use crate::state::State;

/// Folds an event of this kind; any other changes nothing.
pub(super) fn apply(state: &mut State, at: u64, event: &Event) {
    let clearances = &mut state.guard.clearances;
    match event {
        Event::IntentBound { request, terms } => {
            clearances.terms.insert(*request, terms.clone());
            let timer = Timer::IntentEnds(*request);
            state.timers.insert(terms.expires, timer);
        }
        Event::ClearanceIssued {
            request,
            attempt,
            text,
            digest,
            signing_digest,
            conflict_key,
            until,
        } => clearances.issue(
            *request,
            Issued {
                attempt: *attempt,
                text: text.clone(),
                digest: *digest,
                signing_digest: *signing_digest,
                conflict_key: conflict_key.clone(),
                at,
                until: *until,
                redeemed: None,
            },
        ),
        Event::IssuedRedeemed {
            request,
            clearance,
            signer,
        } => {
            let signer = signer.clone();
            clearances.redeem(clearance, Redeemed { at, signer });
            // Signed but unseen value stays reserved: a redeemed verdict no longer lapses by itself.
            super::requests::lapses_no_more(state, *request);
        }
        Event::ClearancesDead(dead) => {
            clearances.dead.add(at, dead);
            super::requests::lapsed(state, dead.request);
        }
        Event::AssetNamed { asset, caip19 } => {
            clearances.assets.insert(*asset, caip19.clone());
        }
        Event::KeyNamed {
            wallet,
            key,
            network,
        } => {
            let (wallet, network) = (*wallet, network.clone());
            clearances
                .keys
                .insert(key.clone(), SigningKey { wallet, network });
        }
        Event::SafeRegistered(safe) => {
            clearances.safes.insert(safe.at.clone(), safe.wallet);
        }
        Event::BatchCodeRegistered(code) => {
            clearances.batch_code.insert(code.clone());
        }
        _ => {}
    }
}
