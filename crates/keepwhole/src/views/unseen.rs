//! What was signed for, or may have been, and the chain does not show yet; each with the way to cancel it.

use keepwhole_core::guard::Ask;
use keepwhole_core::guard::dead::Unseen;
use keepwhole_core::state::State;

use super::wording;
use crate::text::{Amount, Words};

/// Most lines that a page lists.
pub const UNSEEN: usize = 100;

/// One request that a signer redeemed and the chain does not show yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnseenLine {
    /// Outside id.
    pub id: String,
    /// How much.
    pub amount: Amount,
    /// Where to.
    pub to: String,
    /// What its attempts spend.
    pub conflict_key: Option<String>,
    /// Since when it is redeemed, milliseconds since the epoch.
    pub since: Option<u64>,
    /// How it is cancelled.
    pub plan: Words,
}

/// All of them, the oldest request first.
pub fn unseen_lines(state: &State) -> impl Iterator<Item = UnseenLine> {
    state
        .guard
        .signed_unseen()
        .filter_map(|unseen| line(state, &unseen))
}

fn line(state: &State, unseen: &Unseen<'_>) -> Option<UnseenLine> {
    let (asset, units, to) = match &unseen.request.ask {
        Ask::Withdrawal {
            asset, units, to, ..
        } => (*asset, *units, to.as_str()),
        Ask::Transfer {
            to_wallet,
            asset,
            units,
            ..
        } => (*asset, *units, state.registry.wallet_id(*to_wallet)),
        Ask::Credit { .. } => return None,
    };
    Some(UnseenLine {
        id: unseen.request.id.clone(),
        amount: wording::amount(state, asset, units),
        to: to.to_owned(),
        conflict_key: unseen.conflict_key.map(str::to_owned),
        since: unseen.since,
        plan: plan(unseen.conflict_key),
    })
}

/// How what spends that conflict key is cancelled: something else spends it (docs/payloads.md, `conflict_key`).
fn plan(conflict_key: Option<&str>) -> Words {
    let unknown = || Words::key("plan-unknown");
    let Some((network, spent)) = conflict_key.and_then(|key| key.split_once('/')) else {
        return unknown();
    };
    let namespace = network.split(':').next().unwrap_or_default();
    match (namespace, spent.split_once('/')) {
        ("eip155", Some((account, nonce))) => Words::key("plan-evm")
            .with("account", account)
            .with("nonce", nonce),
        ("bip122", _) => Words::key("plan-bitcoin").with("input", spent),
        ("solana", Some((account, _))) => Words::key("plan-nonce-account").with("account", account),
        ("solana", None) => Words::key("plan-blockhash").with("blockhash", spent),
        _ => unknown(),
    }
}
