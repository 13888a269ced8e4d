//! What may leave: withdrawals, transfers between own wallets, approvals. The order of checks is the order of
//! [`Reason`]; each check runs once, and the first that fails names the reason.

use super::rules::{Said, Strictest};
use super::turn::Turn;
use super::{Ruling, approvals, authority, credits, rules};
use crate::address::one_form;
use crate::amount::Amount;
use crate::answer::Answer;
use crate::book::MovementKind;
use crate::breaker::Touch;
use crate::event::{Event, Judged};
use crate::guard::{Ask, Request};
use crate::incident::AlarmCode;
use crate::policy::figures::Input;
use crate::reason::{Effect, Reason};
use crate::registry::{ActorIx, AssetIx, OUTSIDE, OwnerIx, WalletIx};
use crate::split::mul_div;
use crate::state::State;
use alloc::boxed::Box;
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
    let number = u32::try_from(turn.state.guard.requests.len()).unwrap_or(u32::MAX);
    let actor = turn.actor;
    let needs = authority::needs(turn, &ask, needs);
    let open = authority::open(turn);
    let ruled = judge(turn, number, &ask, actor, needs);
    let needs = ruled.judged.as_ref().map_or(needs, |judged| judged.needs);
    let needs = authority::needs(turn, &ask, needs);
    let verdict = open.and(ruled.verdict).and(if needs > 0 {
        Err(Reason::ApprovalsShort { valid: 0, needs })
    } else {
        Ok(())
    });
    turn.emit(Event::RequestMade {
        id: id.clone(),
        ask: ask.clone(),
        actor,
        needs,
    });
    record(turn, ruled.judged);
    if needs > 0 {
        authority::asks(turn, number, (&id, &ask), actor);
    }
    match verdict {
        Ok(()) => clear(turn, number, &ask, None),
        Err(reason) => {
            tell_alarm(turn, &id, &ask, &reason);
            let request = number;
            let event_reason = reason.clone();
            turn.emit(if reason.effect() == Effect::Hold {
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

pub(super) fn record(turn: &mut Turn<'_>, judged: Option<Judged>) {
    if let Some(judged) = judged {
        turn.emit(Event::RequestJudged(Box::new(judged)));
    }
}

/// Alarms that a reason raises by itself.
pub(super) fn tell_alarm(turn: &mut Turn<'_>, subject: &str, ask: &Ask, reason: &Reason) {
    match reason {
        Reason::CapReached { .. } => turn.alarm(AlarmCode::CapHit, subject),
        Reason::AddressLookalike { .. } => turn.alarm(AlarmCode::Lookalike, subject),
        Reason::Halted { .. } => {}
        _ if matches!(ask, Ask::Credit { .. }) && reason.effect() == Effect::Deny => {
            turn.alarm(AlarmCode::MisCredit, subject);
        }
        _ => {}
    }
}

/// Issues the clearance, which holds no longer than `latest`, and moves what moves with it.
pub(super) fn clear(turn: &mut Turn<'_>, request: u32, ask: &Ask, latest: Option<u64>) -> Ruling {
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
    let until = until.into_iter().chain(ends).chain(latest).min();
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

/// What all checks but approvals say of a request.
pub(super) struct Ruled {
    pub(super) verdict: Result<(), Reason>,
    pub(super) judged: Option<Judged>,
}

/// All checks but approvals. All of them run; the strictest says why, and of one strictness the first in the order.
pub(super) fn judge(
    turn: &Turn<'_>,
    request: u32,
    ask: &Ask,
    actor: Option<ActorIx>,
    needs: u32,
) -> Ruled {
    let input = Input {
        ask,
        actor,
        at: turn.at,
        counted: false,
    };
    let mut said = rules::ask(turn, request, input);
    if let Some(judged) = &mut said.judged {
        judged.needs = judged.needs.max(needs);
    }
    let mut strictest = Strictest::default();
    match ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            to,
        } => {
            strictest.take(outgoing_open(turn, *wallet, *asset));
            let has = turn.state.book.balance(*owner, *asset);
            if has < *units {
                strictest.take(Err(Reason::InsufficientBalance { has, asked: *units }));
            }
            strictest.take(destination(turn.state, to, turn.at));
            strictest.take(wallet_limits(turn, *wallet, *asset, *units));
            strictest.take(covered(turn, *asset, *units, &said));
        }
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => {
            strictest.take(outgoing_open(turn, *wallet, *asset));
            let wallet_at = turn.state.registry.wallets.get(to_wallet.place());
            let to = wallet_at.map_or("", |to| to.address.as_str());
            strictest.take(destination(turn.state, to, turn.at));
            strictest.take(wallet_limits(turn, *wallet, *asset, *units));
            strictest.take(covered(turn, *asset, *units, &said));
        }
        Ask::Credit { budget, lines, .. } => {
            strictest.take(credits::judge(turn, budget, lines, actor));
        }
    }
    strictest.take(said.reason.map_or(Ok(()), Err));
    Ruled {
        verdict: strictest.said(),
        judged: said.judged,
    }
}

/// A rule clears it, or says itself why not.
fn covered(turn: &Turn<'_>, asset: AssetIx, units: u128, said: &Said) -> Result<(), Reason> {
    let short = turn.policy().clears_up_to(asset);
    if said.allows || said.reason.is_some() || short.is_some_and(|up_to| units <= up_to) {
        return Ok(());
    }
    let up_to = turn.policy().largest_cleared(asset);
    Err(Reason::NoRuleClears { up_to })
}

/// What is judged again when bytes are about to be signed: what the request itself moved counts already.
pub(super) fn judge_again(turn: &Turn<'_>, number: u32, request: &Request) -> Result<(), Reason> {
    let input = Input {
        ask: &request.ask,
        actor: request.actor,
        at: turn.at,
        counted: true,
    };
    let said = rules::ask(turn, number, input);
    let mut strictest = Strictest::default();
    let (to, asset, units) = asked(turn.state, &request.ask);
    strictest.take(destination(turn.state, &to, turn.at));
    if let Some(wallet) = input.wallet() {
        strictest.take(caps(turn, wallet, asset, units, Some(request)));
    }
    strictest.take(covered(turn, asset, units, &said));
    strictest.take(said.reason.map_or(Ok(()), Err));
    strictest.said()?;
    approvals::still_enough(turn, number, request, said.judged)
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

/// The address book: own wallets are always in it, but those for deposits never; a look-alike of a known address is caught first. A listed address
/// is known once its wait is over: else listing a look-alike would hide it.
fn destination(state: &State, to: &str, now: u64) -> Result<(), Reason> {
    let policy = &state.guard.policy;
    if !policy.allowlist || state.registry.own_destination(to).is_some() {
        return Ok(());
    }
    let listed = state.guard.listed.get(&*one_form(to));
    let until =
        listed.map(|since| since.saturating_add(policy.destination_cool_off_ms.unwrap_or(0)));
    if until.is_some_and(|until| until <= now) {
        return Ok(());
    }
    if let Some(like) = state.guard.alike.of(to) {
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

/// What the wallet has free, and its rolling caps.
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
    caps(turn, wallet, asset, units, None)
}

/// The wallet's rolling caps. `cleared`: the request that asks, where it was cleared before and counts already.
fn caps(
    turn: &Turn<'_>,
    wallet: WalletIx,
    asset: AssetIx,
    units: u128,
    cleared: Option<&Request>,
) -> Result<(), Reason> {
    let custody = &turn.state.custody;
    let counted = cleared.and_then(|request| request.clearance.as_ref());
    let own = counted.map_or(0, |_| units);
    let now = custody.cap_base(wallet, asset).saturating_add(own);
    let mut caps = turn.policy().caps.clone();
    caps.sort_by_key(|cap| cap.window_ms);
    for cap in caps {
        let left = custody.left(wallet, asset, turn.at, cap.window_ms);
        let inside = counted.is_some_and(|own| turn.at < own.issued.saturating_add(cap.window_ms));
        let used = left.units.saturating_sub(if inside { own } else { 0 });
        let base = left.before.unwrap_or(now);
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
    Ok(())
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

/// Gives back what a lapsed withdrawal took.
pub(super) fn give_back(turn: &mut Turn<'_>, owner: OwnerIx, amount: Amount) -> Result<(), Reason> {
    turn.movement(OUTSIDE, owner, amount, MovementKind::WithdrawalReturned, "")
}
