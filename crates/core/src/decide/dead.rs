//! What was redeemed and can't land any more: a quorum says so on evidence, and the withdrawal goes back. Whatever speaks
//! against it is looked at when it is proposed and again when it comes into force, since money that still lands would be
//! paid twice.

use super::{time, turn::Turn};
use crate::address::same;
use crate::custody::Direction;
use crate::event::Event;
use crate::guard::dead::{Dead, Declared, Evidence};
use crate::guard::{Ask, Request};
use crate::reason::Reason;
use alloc::boxed::Box;
use alloc::string::String;

/// Longest id of a transaction, bytes.
const TXID_MAX: usize = 128;

/// It was redeemed, nothing of it is seen, and the evidence is of its conflict key and speaks of another transaction.
/// Number of the request.
pub(super) fn check(turn: &Turn<'_>, declared: &Declared) -> Result<u32, Reason> {
    let (guard, target) = (&turn.state.guard, &declared.request);
    let found = guard.request(target);
    let (number, request) = found.ok_or_else(|| Reason::UnknownTarget {
        target: target.clone(),
    })?;
    let issued = guard.clearances.of(number);
    let mut redeemed = issued.iter().filter(|one| one.redeemed.is_some());
    let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    let first = redeemed.next().ok_or_else(|| Reason::NothingRedeemed {
        issued: count(issued.len()),
        redeemed: 0,
    })?;
    if let Some((since, _)) = guard.clearances.dead.by_request.get(&number) {
        return Err(Reason::AlreadyDead { since: *since });
    }
    if first.conflict_key != declared.conflict_key {
        return Err(Reason::OtherConflictKey {
            journal: first.conflict_key.clone(),
            named: declared.conflict_key.clone(),
        });
    }
    evidence(turn, declared)?;
    of_safe(turn, request, declared)?;
    unseen(turn, request)?;
    if let Evidence::Spent { txid } = &declared.evidence {
        pays_otherwise(turn, request, txid)?;
    }
    Ok(number)
}

/// The evidence is of that network, and such as its conflict keys can be spent by (docs/payloads.md, "conflict_key").
fn evidence(turn: &Turn<'_>, declared: &Declared) -> Result<(), Reason> {
    // Whole, or a network that is too long would hide a Safe or pass a nonce account off as a blockhash.
    let parts = declared.conflict_key.split_once('/');
    let Some((_, spent)) = parts.filter(|(network, _)| *network == declared.network) else {
        return Err(turn.malformed(
            "the evidence is of the conflict key's network, which the key begins with",
        ));
    };
    let solana = declared.network.starts_with("solana:");
    let nonce = spent.split_once('/').filter(|_| solana);
    match &declared.evidence {
        Evidence::Spent { txid } => {
            if solana && nonce.is_none() {
                return Err(turn.malformed(
                    "no transaction spends a blockhash: name its last valid block height and the height of a final block after it",
                ));
            }
            let plain = |byte: u8| byte.is_ascii_alphanumeric();
            if txid.is_empty() || txid.len() > TXID_MAX || !txid.bytes().all(plain) {
                return Err(
                    turn.malformed("a transaction's id has 1 to 128 letters and digits, no spaces")
                );
            }
            Ok(())
        }
        Evidence::Lapsed { last_valid, height } => {
            if !solana || nonce.is_some() {
                return Err(turn.malformed(
                    "only a blockhash of Solana lapses with time: name what spent the conflict key",
                ));
            }
            if height <= last_valid {
                let words = alloc::format!(
                    "the blockhash is valid up to block {last_valid}, and the newest final block is {height}: wait until it has passed"
                );
                return Err(turn.malformed(&words));
            }
            Ok(())
        }
        Evidence::NonceMoved { value } => match nonce {
            None => Err(turn.malformed(
                "only a nonce account of Solana holds another value: name what spent the conflict key",
            )),
            Some((_, was)) if value.is_empty() || value.len() > TXID_MAX || value == was => {
                Err(turn.malformed(
                    "the nonce account still holds the value that the transaction spends, or none is named",
                ))
            }
            Some(_) => Ok(()),
        },
    }
}

/// Whoever has the signatures of a Safe's owners can send them from any account until the Safe's own nonce is spent.
fn of_safe(turn: &Turn<'_>, request: &Request, declared: &Declared) -> Result<(), Reason> {
    let Ask::Withdrawal { wallet, .. } = &request.ask else {
        return Ok(());
    };
    let mut safes = turn.state.guard.clearances.safes.iter();
    let safe = safes.find(|(at, safe)| *safe == wallet && at.network == declared.network);
    let own = |address: &str| {
        let mut parts = declared.conflict_key.rsplit('/');
        parts.next();
        let account = parts.next();
        account.is_some_and(|account| account.eq_ignore_ascii_case(address))
    };
    match safe {
        Some((at, _)) if !own(&at.address) => Err(turn.malformed(
            "what a Safe's owners signed can be sent from any account: it is dead with the Safe's own nonce alone",
        )),
        _ => Ok(()),
    }
}

/// The chain shows nothing of it.
fn unseen(turn: &Turn<'_>, request: &Request) -> Result<(), Reason> {
    let flow = request.clearance.as_ref().and_then(|one| one.flow);
    let Some(flow) = flow else { return Ok(()) };
    let place = usize::try_from(flow).unwrap_or(usize::MAX);
    let row = turn.state.custody.flows.get(place);
    Err(Reason::OutflowSeen {
        txid: row.map_or_else(String::new, |row| row.txid.clone()),
        units: row.map_or(0, |row| row.amount.units()),
    })
}

/// The transaction that is named as evidence did not pay what was asked: of two requests that look the same, the chain's
/// outflow was matched with one, and may be the other's.
fn pays_otherwise(turn: &Turn<'_>, request: &Request, txid: &str) -> Result<(), Reason> {
    let (
        Ask::Withdrawal {
            wallet, asset, to, ..
        },
        state,
    ) = (&request.ask, turn.state)
    else {
        return Ok(());
    };
    let mut flows = state.custody.flows.iter();
    let paid = flows.find(|flow| {
        flow.direction == Direction::Out
            && flow.wallet == *wallet
            && flow.amount.asset() == *asset
            && same(&flow.peer, to)
            && bare(&flow.txid).eq_ignore_ascii_case(bare(txid))
    });
    paid.map_or(Ok(()), |flow| {
        Err(Reason::EvidencePays {
            txid: flow.txid.clone(),
            units: flow.amount.units(),
        })
    })
}

fn bare(txid: &str) -> &str {
    txid.strip_prefix("0x").unwrap_or(txid)
}

/// The quorum stands and its wait is over.
pub(super) fn in_force(turn: &mut Turn<'_>, declared: &Declared) {
    let Ok(request) = check(turn, declared) else {
        return;
    };
    turn.emit(Event::ClearancesDead(Box::new(Dead {
        request,
        conflict_key: declared.conflict_key.clone(),
        network: declared.network.clone(),
        evidence: declared.evidence.clone(),
    })));
    time::give_back(turn, request);
}

/// The conflict key is not one that is finally spent.
pub(super) fn lands(turn: &Turn<'_>, conflict_key: &str) -> Result<(), Reason> {
    let guard = &turn.state.guard;
    let Some(by) = guard.clearances.dead.keys.get(conflict_key) else {
        return Ok(());
    };
    let request = guard.request_at(*by);
    Err(Reason::ConflictKeySpent {
        key: String::from(conflict_key),
        request: request.map_or_else(String::new, |request| request.id.clone()),
    })
}
