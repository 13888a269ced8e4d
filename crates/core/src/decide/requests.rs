//! What may leave: withdrawals, transfers between own wallets, approvals. The order of checks is the order of
//! [`Reason`]; each check runs once, and the first that fails names the reason.

use super::turn::Turn;
use super::{Ruling, credits};
use crate::amount::Amount;
use crate::answer::Answer;
use crate::book::MovementKind;
use crate::breaker::Touch;
use crate::command::Binds;
use crate::event::Event;
use crate::guard::{Approval, Ask, Request, Standing};
use crate::incident::AlarmCode;
use crate::policy::ActionClass;
use crate::reason::{Effect, Reason};
use crate::registry::{AssetIx, OUTSIDE, OwnerIx, PersonIx, WalletIx};
use crate::split::mul_div;
use crate::state::State;
use alloc::string::String;

pub(super) fn withdrawal(
    turn: &mut Turn<'_>,
    customer: &str,
    wallet: &str,
    asset: &str,
    units: u128,
    to: &str,
) -> Ruling {
    turn.needs_id()?;
    if to.is_empty() {
        return Err(turn.malformed("a withdrawal needs a destination"));
    }
    if units == 0 {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let owner = turn.customer(customer)?;
    let wallet = turn.wallet(wallet)?;
    let ask = Ask::Withdrawal {
        owner,
        wallet,
        asset,
        units,
        to: String::from(to),
    };
    let needs = turn.policy().approvals(asset, units);
    ask_guard(turn, ask, needs)
}

pub(super) fn transfer(
    turn: &mut Turn<'_>,
    from: &str,
    to: &str,
    asset: &str,
    units: u128,
) -> Ruling {
    turn.needs_id()?;
    if units == 0 || from == to {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let ask = Ask::Transfer {
        wallet: turn.wallet(from)?,
        to_wallet: turn.wallet(to)?,
        asset,
        units,
    };
    let needs = turn.policy().approvals(asset, units);
    ask_guard(turn, ask, needs)
}

/// Records the request and what the guard says of it.
pub(super) fn ask_guard(turn: &mut Turn<'_>, ask: Ask, needs: u32) -> Ruling {
    let id = String::from(turn.needs_id()?);
    let request = u32::try_from(turn.state.guard.requests.len()).unwrap_or(u32::MAX);
    let verdict = judge(turn, &ask).and(if needs > 0 {
        Err(Reason::ApprovalsShort { valid: 0, needs })
    } else {
        Ok(())
    });
    let actor = turn.actor;
    turn.emit(Event::RequestMade {
        id,
        ask: ask.clone(),
        actor,
        needs,
    });
    match verdict {
        Ok(()) => clear(turn, request, &ask),
        Err(reason) => {
            tell_alarm(turn, &ask, &reason);
            let held = reason.effect() == Effect::Hold;
            let event_reason = reason.clone();
            turn.emit(if held {
                Event::RequestHeld {
                    request,
                    reason: event_reason,
                }
            } else {
                Event::RequestDenied {
                    request,
                    reason: event_reason,
                }
            });
            Ok(Answer::because(reason))
        }
    }
}

/// Alarms that a reason raises by itself.
fn tell_alarm(turn: &mut Turn<'_>, ask: &Ask, reason: &Reason) {
    let subject = String::from(turn.id.unwrap_or(""));
    match reason {
        Reason::CapReached { .. } => turn.alarm(AlarmCode::CapHit, &subject),
        Reason::AddressLookalike { .. } => turn.alarm(AlarmCode::Lookalike, &subject),
        Reason::Halted { .. } => {}
        _ if matches!(ask, Ask::Credit { .. }) && reason.effect() == Effect::Deny => {
            turn.alarm(AlarmCode::MisCredit, &subject);
        }
        _ => {}
    }
}

/// Issues the clearance and moves what moves with it.
fn clear(turn: &mut Turn<'_>, request: u32, ask: &Ask) -> Ruling {
    let terms = turn.state.guard.clearances.terms.get(&request);
    let ends = turn.ends.or(terms.map(|terms| terms.expires));
    if let Some(ended) = ends.filter(|ends| *ends <= turn.at) {
        let reason = Reason::ClearanceExpired { ended };
        turn.emit(Event::RequestDenied {
            request,
            reason: reason.clone(),
        });
        return Ok(Answer::because(reason));
    }
    let lasts = turn.policy().clearance_ttl_ms;
    let until = lasts.map(|ttl| turn.at.saturating_add(ttl));
    let until = until.into_iter().chain(ends).min();
    match ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            ..
        } => {
            let before = turn.state.custody.cap_base(*wallet, *asset);
            turn.emit(Event::RequestCleared {
                request,
                until,
                before,
            });
            let amount = Amount::new(*asset, *units);
            turn.movement(*owner, OUTSIDE, amount, MovementKind::Withdrawal, "")?;
        }
        Ask::Transfer { wallet, asset, .. } => {
            let before = turn.state.custody.cap_base(*wallet, *asset);
            turn.emit(Event::RequestCleared {
                request,
                until,
                before,
            });
        }
        Ask::Credit { lines, .. } => {
            turn.emit(Event::RequestCleared {
                request,
                until: None,
                before: 0,
            });
            for line in lines {
                let amount = Amount::new(line.asset, line.units);
                turn.movement(OUTSIDE, line.owner, amount, MovementKind::Credit, "")?;
            }
        }
    }
    Ok(Answer::Cleared)
}

/// All checks but approvals, in order.
fn judge(turn: &Turn<'_>, ask: &Ask) -> Result<(), Reason> {
    match ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            to,
        } => {
            outgoing_open(turn, *wallet, *asset)?;
            let has = turn.state.book.balance(*owner, *asset);
            if has < *units {
                return Err(Reason::InsufficientBalance { has, asked: *units });
            }
            destination(turn.state, to, turn.at)?;
            wallet_limits(turn, *wallet, *asset, *units)
        }
        Ask::Transfer {
            wallet,
            asset,
            units,
            ..
        } => {
            outgoing_open(turn, *wallet, *asset)?;
            wallet_limits(turn, *wallet, *asset, *units)
        }
        Ask::Credit { budget, lines, .. } => credits::judge(turn, budget, lines),
    }
}

/// What is judged again when bytes are about to be signed: what the request itself moved counts already.
pub(super) fn judge_again(turn: &Turn<'_>, ask: &Ask) -> Result<(), Reason> {
    match ask {
        Ask::Withdrawal { to, .. } => destination(turn.state, to, turn.at),
        Ask::Transfer { .. } | Ask::Credit { .. } => Ok(()),
    }
}

pub(super) fn outgoing_open(
    turn: &Turn<'_>,
    wallet: WalletIx,
    asset: AssetIx,
) -> Result<(), Reason> {
    turn.not_halted(Touch {
        asset: Some(asset),
        wallet: Some(wallet),
        trading: false,
    })?;
    if turn.state.custody.retired.contains_key(&wallet) {
        return Err(Reason::KeyRevoked {
            wallet: String::from(turn.state.registry.wallet_id(wallet)),
        });
    }
    Ok(())
}

/// The address book: own wallets are always in it; a look-alike of a known address is caught first. A listed address
/// is known once its wait is over: else listing a look-alike would hide it.
fn destination(state: &State, to: &str, now: u64) -> Result<(), Reason> {
    let policy = &state.guard.policy;
    if !policy.allowlist || state.registry.wallet_at(to).is_some() {
        return Ok(());
    }
    let listed = state.guard.listed.get(to);
    let until =
        listed.map(|since| since.saturating_add(policy.destination_cool_off_ms.unwrap_or(0)));
    if until.is_some_and(|until| until <= now) {
        return Ok(());
    }
    let own = state.registry.wallets.iter().map(|w| w.address.as_str());
    let mut known = own.chain(state.guard.listed.keys().map(String::as_str));
    if let Some(like) = known.find(|address| looks_like(to, address)) {
        return Err(Reason::AddressLookalike {
            like: String::from(like),
        });
    }
    Err(until.map_or_else(
        || Reason::NotAllowlisted {
            to: String::from(to),
        },
        |until| Reason::DestinationCooling { until },
    ))
}

/// Same first six and last four characters after a `0x` or `bc1` prefix, letters of either case, yet different.
fn looks_like(address: &str, known: &str) -> bool {
    let bare = |text: &str| -> alloc::vec::Vec<char> {
        let lower = text.to_lowercase();
        let rest = lower
            .strip_prefix("0x")
            .or_else(|| lower.strip_prefix("bc1"))
            .unwrap_or(&lower);
        rest.chars().collect()
    };
    let (a, b) = (bare(address), bare(known));
    if a.len() < 10 || b.len() < 10 || a == b {
        return false;
    }
    a.iter().take(6).eq(b.iter().take(6)) && a.iter().rev().take(4).eq(b.iter().rev().take(4))
}

/// What the wallet has free, its rolling caps, and the rule that clears.
fn wallet_limits(
    turn: &Turn<'_>,
    wallet: WalletIx,
    asset: AssetIx,
    units: u128,
) -> Result<(), Reason> {
    let custody = &turn.state.custody;
    let free = custody.free(wallet, asset);
    if free < units {
        return Err(Reason::WalletShort { free, asked: units });
    }
    let now = custody.cap_base(wallet, asset);
    let mut caps = turn.policy().caps.clone();
    caps.sort_by_key(|cap| cap.window_ms);
    for cap in caps {
        let mut inside = custody
            .window(wallet, asset, turn.at, cap.window_ms)
            .peekable();
        let base = inside.peek().map_or(now, |first| first.before);
        let used = inside.fold(0u128, |sum, o| sum.saturating_add(o.units));
        let limit = mul_div(base, u128::from(cap.bps), 10_000).map_or(0, |(floor, _)| floor);
        if used.saturating_add(units) > limit {
            return Err(Reason::CapReached {
                window_ms: cap.window_ms,
                used,
                asked: units,
                cap: limit,
            });
        }
    }
    let up_to = turn.policy().clears_up_to(asset).unwrap_or(0);
    if turn.policy().clears_up_to(asset).is_none() || units > up_to {
        return Err(Reason::NoRuleClears { up_to });
    }
    Ok(())
}

/// The person may stand for or against this request: not the requester's, and with the role.
fn approver(turn: &mut Turn<'_>, request: &Request) -> Result<PersonIx, Reason> {
    let (actor, person) = turn.needs_actor()?;
    let registry = &turn.state.registry;
    let asked_by = request.actor.and_then(|ix| registry.actors.get(ix.place()));
    let name = registry
        .persons
        .get(person.place())
        .cloned()
        .unwrap_or_default();
    if request.actor == Some(actor) {
        return Err(Reason::SelfApproval { person: name });
    }
    if asked_by.is_some_and(|by| by.person == person) {
        return Err(Reason::SamePerson { person: name });
    }
    turn.needs_role(ActionClass::Approve)?;
    Ok(person)
}

/// A nonce is what makes a repeat of an approval harmless: it can't be empty.
fn needs_nonce(turn: &Turn<'_>, nonce: &str) -> Result<(), Reason> {
    if nonce.is_empty() {
        return Err(turn.malformed("an approval needs a nonce that the person never used before"));
    }
    Ok(())
}

fn find<'a>(turn: &Turn<'a>, target: &str) -> Result<(u32, &'a Request), Reason> {
    turn.state
        .guard
        .request(target)
        .ok_or_else(|| Reason::UnknownTarget {
            target: String::from(target),
        })
}

pub(super) fn approve(
    turn: &mut Turn<'_>,
    target: &str,
    nonce: &str,
    binds: Option<&Binds>,
    seen: Option<&[u8; 32]>,
) -> Ruling {
    needs_nonce(turn, nonce)?;
    let (number, request) = find(turn, target)?;
    let person = approver(turn, request)?;
    if let Some(binds) = binds {
        bound(turn.state, &request.ask, binds)?;
    }
    if seen.is_some_and(|seen| *seen != request.digest()) {
        // Somebody's screen shows another payment than the guard was asked for.
        turn.alarm(AlarmCode::PayloadMismatch, target);
        return Err(Reason::SeenMismatch);
    }
    match turn.state.guard.nonces.get(&(person, String::from(nonce))) {
        Some(used) if *used == number => {
            turn.repeated = true;
            return Ok(Answer::Recorded);
        }
        Some(_) => {
            return Err(Reason::ApprovalReplayed {
                nonce: String::from(nonce),
            });
        }
        None => {}
    }
    let Standing::Held(before) = &request.standing else {
        return Ok(Answer::Recorded);
    };
    let approval = Approval {
        person,
        at: turn.at,
        nonce: String::from(nonce),
    };
    let mut after = request.clone();
    after.approvals.push(approval.clone());
    turn.emit(Event::ApprovalGiven {
        request: number,
        approval,
    });
    let valid = after.approvers(turn.policy(), turn.at, false);
    if valid >= request.needs {
        match judge(turn, &request.ask) {
            Ok(()) => {
                clear(turn, number, &request.ask)?;
            }
            Err(reason) => turn.emit(Event::RequestHeld {
                request: number,
                reason,
            }),
        }
    } else if matches!(before, Reason::ApprovalsShort { .. }) {
        let reason = Reason::ApprovalsShort {
            valid,
            needs: request.needs,
        };
        turn.emit(Event::RequestHeld {
            request: number,
            reason,
        });
    }
    Ok(Answer::Recorded)
}

/// What the approver says it is must be what it is.
fn bound(state: &State, ask: &Ask, binds: &Binds) -> Result<(), Reason> {
    let (to, asset, units) = asked(state, ask);
    let differs = if binds.to != to {
        "to"
    } else if binds.asset != state.registry.asset_id(asset) {
        "asset"
    } else if binds.units != units {
        "amount"
    } else {
        return Ok(());
    };
    Err(Reason::ApprovalMismatch {
        field: String::from(differs),
    })
}

/// Destination, asset and amount of a request; a batch of credits has the first line's.
pub(super) fn asked(state: &State, ask: &Ask) -> (String, AssetIx, u128) {
    match ask {
        Ask::Withdrawal {
            asset, units, to, ..
        } => (to.clone(), *asset, *units),
        Ask::Transfer {
            to_wallet,
            asset,
            units,
            ..
        } => {
            let to = state
                .registry
                .wallets
                .get(to_wallet.place())
                .map_or("", |w| w.address.as_str());
            (String::from(to), *asset, *units)
        }
        Ask::Credit { lines, .. } => lines
            .first()
            .map_or((String::new(), AssetIx(0), 0), |line| {
                (
                    String::from(state.registry.owner_id(line.owner)),
                    line.asset,
                    line.units,
                )
            }),
    }
}

pub(super) fn reject(turn: &mut Turn<'_>, target: &str, nonce: &str) -> Ruling {
    needs_nonce(turn, nonce)?;
    let (number, request) = find(turn, target)?;
    let person = approver(turn, request)?;
    match turn.state.guard.nonces.get(&(person, String::from(nonce))) {
        Some(used) if *used != number => {
            return Err(Reason::ApprovalReplayed {
                nonce: String::from(nonce),
            });
        }
        _ => {}
    }
    if matches!(request.standing, Standing::Held(_)) {
        let person = turn
            .state
            .registry
            .persons
            .get(person.place())
            .cloned()
            .unwrap_or_default();
        let reason = Reason::RejectedByApprover { person };
        turn.emit(Event::RequestDenied {
            request: number,
            reason,
        });
    }
    Ok(Answer::Recorded)
}

/// Gives back what a lapsed withdrawal took.
pub(super) fn give_back(turn: &mut Turn<'_>, owner: OwnerIx, amount: Amount) -> Result<(), Reason> {
    turn.movement(OUTSIDE, owner, amount, MovementKind::WithdrawalReturned, "")
}
