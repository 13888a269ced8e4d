//! The signer's question where bytes are told as operations: may these be signed? A clearance serves one byte string, once.
//!
//! Drills, the demo and the simulator ask so, for withdrawals and transfers that no intent binds. What an intent binds is
//! redeemed in one way only, by an issued clearance ([`super::clearances`]).

use super::turn::Turn;
use super::{Ruling, authority, requests};
use crate::address::same;
use crate::answer::Answer;
use crate::command::{Operation, sha256_of};
use crate::event::Event;
use crate::guard::{Ask, Request, Standing};
use crate::incident::{AlarmCode, Cause};
use crate::reason::Reason;
use crate::registry::WalletIx;
use alloc::string::String;
use alloc::vec::Vec;

/// Deepest nesting of a `multicall`.
const DEPTH_MAX: usize = 8;

pub(super) fn redeem(
    turn: &mut Turn<'_>,
    target: &str,
    operations: &[Operation],
    attested: Option<&[u8; 32]>,
) -> Ruling {
    let flat = flatten(turn, operations)?;
    let found = turn.state.guard.request(target);
    let wallet = found.and_then(|(_, request)| wallet_of(&request.ask));
    if wallet.is_some() {
        payable(turn, target)?;
    }
    if turn.policy().attested.is_some() && turn.policy().attested.as_ref() != attested {
        turn.alarm_of_case(AlarmCode::GuardUnattested, target, &cause(wallet));
        return Err(Reason::GuardUnattested);
    }
    if let Some(other) = flat
        .iter()
        .find(|op| !turn.policy().ops_allowed.contains(&op.op))
    {
        // Bytes that nobody asked for, under a request of ours: somebody stands between the guard and the signer.
        if wallet.is_some() {
            mismatch(turn, target, wallet);
        }
        return Err(Reason::OpNotAllowed {
            op: other.op.clone(),
        });
    }
    let missing = || Reason::ClearanceMissing {
        target: String::from(target),
    };
    let (number, request) = found.ok_or_else(missing)?;
    if wallet.is_none() || turn.state.guard.clearances.terms.contains_key(&number) {
        return Err(missing());
    }
    if let Some(field) = differs(turn, &request.ask, &flat) {
        mismatch(turn, target, wallet);
        return Err(Reason::PayloadMismatch {
            field: String::from(field),
        });
    }
    redeemable(turn, number, request, sha256_of(&operations.to_vec()))
}

/// The request of that name and the wallet that pays it, if authority, its breaker and its key let anything leave.
pub(super) fn payable<'a>(
    turn: &mut Turn<'a>,
    target: &str,
) -> Result<(u32, &'a Request, WalletIx), Reason> {
    let missing = || Reason::ClearanceMissing {
        target: String::from(target),
    };
    authority::open(turn)?;
    let (number, request) = turn.state.guard.request(target).ok_or_else(missing)?;
    let wallet = wallet_of(&request.ask).ok_or_else(missing)?;
    let (_, asset, _) = requests::asked(turn.state, &request.ask);
    requests::outgoing_open(turn, wallet, asset)?;
    Ok((number, request, wallet))
}

/// Other bytes than cleared: an alarm of the wallet's case, and counted towards its halt.
pub(super) fn mismatch(turn: &mut Turn<'_>, target: &str, wallet: Option<WalletIx>) {
    let incident = turn.alarm_of_case(AlarmCode::PayloadMismatch, target, &cause(wallet));
    if let Some(wallet) = wallet {
        authority::mismatch(turn, wallet, incident);
    }
}

pub(super) fn cause(wallet: Option<WalletIx>) -> Cause {
    wallet.map_or(Cause::Signer, Cause::Signing)
}

fn wallet_of(ask: &Ask) -> Option<WalletIx> {
    match ask {
        Ask::Withdrawal { wallet, .. } | Ask::Transfer { wallet, .. } => Some(*wallet),
        Ask::Credit { .. } => None,
    }
}

/// All operations that do something: what a `multicall` carries, in its place.
fn flatten<'o>(turn: &Turn<'_>, operations: &'o [Operation]) -> Result<Vec<&'o Operation>, Reason> {
    let mut flat = Vec::new();
    let mut left: Vec<(&Operation, usize)> = operations.iter().rev().map(|op| (op, 0)).collect();
    while let Some((op, depth)) = left.pop() {
        if op.op != "multicall" {
            if !op.inner.is_empty() {
                return Err(turn.malformed("only a `multicall` carries other operations"));
            }
            flat.push(op);
            continue;
        }
        if depth >= DEPTH_MAX {
            return Err(turn.malformed("calls nested deeper than eight can't be judged"));
        }
        left.extend(
            op.inner
                .iter()
                .rev()
                .map(|inner| (inner, depth.saturating_add(1))),
        );
    }
    Ok(flat)
}

/// The field in which what moves value differs from the request; `None` if it is the request exactly. A staked coin
/// leaves by `unstake`.
fn differs(turn: &Turn<'_>, ask: &Ask, operations: &[&Operation]) -> Option<&'static str> {
    let (to, asset, units) = requests::asked(turn.state, ask);
    let asset = turn.state.registry.asset_id(asset);
    let mut sum = 0u128;
    let moves = |op: &&&Operation| matches!(op.op.as_str(), "transfer" | "unstake");
    for op in operations.iter().filter(moves) {
        if !same(&op.to, &to) {
            return Some("to");
        }
        if op.asset != asset {
            return Some("asset");
        }
        sum = sum.saturating_add(op.units);
    }
    (sum != units).then_some("amount")
}

fn redeemable(turn: &mut Turn<'_>, number: u32, request: &Request, payload: [u8; 32]) -> Ruling {
    let missing = || Reason::ClearanceMissing {
        target: request.id.clone(),
    };
    let valid = request.approvers(turn.policy(), turn.at, false);
    let Some(clearance) = &request.clearance else {
        let ever = request.approvers(turn.policy(), turn.at, true);
        return Err(
            if request.needs > 0 && ever >= request.needs && valid < request.needs {
                Reason::ApprovalExpired {
                    valid,
                    needs: request.needs,
                }
            } else {
                missing()
            },
        );
    };
    match clearance.redeemed {
        Some(bytes) if bytes == payload => {
            turn.repeated = true;
            return Ok(Answer::Cleared);
        }
        Some(_) => return Err(Reason::ClearanceUsed),
        None => {}
    }
    if valid < request.needs {
        return Err(Reason::ApprovalExpired {
            valid,
            needs: request.needs,
        });
    }
    let ended = clearance.until.filter(|until| *until <= turn.at);
    if ended.is_some() || request.standing == Standing::Lapsed {
        return Err(Reason::ClearanceExpired {
            ended: ended.unwrap_or(turn.at),
        });
    }
    turn.emit(Event::ClearanceRedeemed {
        request: number,
        payload,
    });
    Ok(Answer::Cleared)
}
