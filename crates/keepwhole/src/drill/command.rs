//! Compiles events to commands of the core.

use keepwhole_core::amount::parse_units;
use keepwhole_core::command::{
    Binds, Body, Command, NewCreditLine, NewPriceDifference, Observation, Operation,
};
use keepwhole_core::custody::{Direction, NodeHealth};
use keepwhole_core::guard::Change;
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::state::State;

use super::persons;
use super::policy::set_policy;
use super::scenario;
use super::scenario::code::{self, Code, NodeCondition, Outcome, Reason};
use super::scenario::event::{self, Claim, EventKind, PayloadOp, Vote};
use super::scenario::scalar::{Hash, Written};
use super::words::Said;

/// A reply of the edge: what can't be read as an amount never reaches the core.
type Edge<T> = Result<T, Said>;

fn units(written: &Written) -> Edge<u128> {
    parse_units(written.text()).ok_or(Said::because(Outcome::Rejected, Reason::InvalidAmount))
}

/// Who asks, and what.
type Asked<'e> = (Option<&'e String>, Body);

/// The command an event is; `None` for events of the machine, which are no commands.
///
/// # Errors
/// The edge's own refusal of an amount that can't be read.
pub(super) fn command(event: &scenario::event::Event, state: &State) -> Edge<Option<Command>> {
    let asked = match &event.kind {
        EventKind::InternalTransfer { .. }
        | EventKind::Credit { .. }
        | EventKind::WithdrawalRequest { .. } => request(&event.kind)?,
        EventKind::Approve(_)
        | EventKind::Reject(_)
        | EventKind::SignRequest { .. }
        | EventKind::AdminChange { .. }
        | EventKind::AdminApprove { .. }
        | EventKind::AdminCancel { .. }
        | EventKind::Read { .. } => guarded(&event.kind, state)?,
        EventKind::CustomerDeposit { .. }
        | EventKind::Trade { .. }
        | EventKind::LedgerObserved { .. }
        | EventKind::Recovered { .. } => (None, fact(&event.kind)?),
        EventKind::ChainObserved(_)
        | EventKind::ChainReorg { .. }
        | EventKind::NodeState { .. }
        | EventKind::Price { .. } => (None, sight(&event.kind, event.at)?),
        EventKind::Aware { .. }
        | EventKind::Classify { .. }
        | EventKind::NewFact { .. }
        | EventKind::Notify { .. } => case(&event.kind),
        EventKind::RedressClaim(claim) => (None, lodge(claim)?),
        EventKind::RedressPay { claim, actor, .. } => (
            Some(actor),
            Body::PayClaim {
                claim: claim.clone(),
            },
        ),
        EventKind::Fault {
            by: Some(by_ms), ..
        } => (None, Body::RecordClockJump { by_ms: *by_ms }),
        _ => return Ok(None),
    };
    let (actor, body) = asked;
    Ok(Some(Command {
        id: event.id.clone(),
        actor: actor.cloned(),
        body,
    }))
}

/// Requests for value.
fn request(kind: &EventKind) -> Edge<Asked<'_>> {
    Ok(match kind {
        EventKind::InternalTransfer {
            from,
            to,
            asset,
            amount,
        } => {
            let (from, to, asset) = (from.clone(), to.clone(), asset.clone());
            (
                None,
                Body::RequestTransfer {
                    from,
                    to,
                    asset,
                    units: units(amount)?,
                },
            )
        }
        EventKind::Credit {
            actor,
            reason,
            budget,
            lines,
        } => {
            let lines = lines.iter().map(credit_line).collect::<Edge<_>>()?;
            let (reason, budget) = (reason.clone(), budget.clone());
            (
                Some(actor),
                Body::RequestCredit {
                    reason,
                    budget,
                    lines,
                },
            )
        }
        EventKind::WithdrawalRequest {
            customer,
            wallet,
            asset,
            amount,
            to,
            actor,
        } => {
            let (customer, wallet, asset) = (customer.clone(), wallet.clone(), asset.clone());
            let (units, to) = (units(amount)?, to.clone());
            (
                actor.as_ref(),
                Body::RequestWithdrawal {
                    customer,
                    wallet,
                    asset,
                    units,
                    to,
                },
            )
        }
        _ => (None, Body::ObserveTime),
    })
}

fn credit_line(line: &event::CreditLine) -> Edge<NewCreditLine> {
    let units = units(&line.amount)?;
    Ok(NewCreditLine {
        customer: line.customer.clone(),
        asset: line.asset.clone(),
        units,
    })
}

/// What people and signers do with requests, changes and records.
fn guarded<'e>(kind: &'e EventKind, state: &State) -> Edge<Asked<'e>> {
    Ok(match kind {
        EventKind::Approve(vote) => (Some(&vote.actor), approve(vote, state)?),
        EventKind::Reject(vote) => {
            let (target, nonce) = (vote.target.clone(), vote.nonce.clone());
            (Some(&vote.actor), Body::Reject { target, nonce })
        }
        EventKind::SignRequest {
            clearance_of,
            ops,
            attested,
            ..
        } => {
            let operations = ops.iter().map(operation).collect::<Edge<_>>()?;
            let (target, attested) = (clearance_of.clone(), attested.as_ref().map(Hash::bytes));
            (
                None,
                Body::RedeemClearance {
                    target,
                    operations,
                    attested,
                },
            )
        }
        EventKind::AdminChange { actor, change } => {
            (Some(actor), Body::ProposeChange(new_change(change, state)))
        }
        EventKind::AdminApprove { target, actor } => (
            Some(actor),
            Body::ApproveChange {
                target: target.clone(),
            },
        ),
        EventKind::AdminCancel { target, actor } => (
            Some(actor),
            Body::CancelChange {
                target: target.clone(),
            },
        ),
        EventKind::Read {
            actor,
            customer,
            purpose,
        } => {
            let kept = state.subjects.kept > 0;
            (Some(actor), persons::read(customer, purpose, kept))
        }
        _ => (None, Body::ObserveTime),
    })
}

/// What the exchange says happened in its books.
fn fact(kind: &EventKind) -> Edge<Body> {
    Ok(match kind {
        EventKind::CustomerDeposit {
            customer,
            asset,
            amount,
            txid,
            wallet,
        } => {
            let (customer, asset, txid) = (customer.clone(), asset.clone(), txid.clone());
            Body::RecordDeposit {
                customer,
                asset,
                units: units(amount)?,
                txid,
                wallet: wallet.clone(),
            }
        }
        EventKind::Trade {
            buyer,
            seller,
            base,
            quote,
            amount,
            price,
        } => {
            let (buyer, seller, base, quote) =
                (buyer.clone(), seller.clone(), base.clone(), quote.clone());
            Body::RecordTrade {
                buyer,
                seller,
                base,
                quote,
                units: units(amount)?,
                price: units(price)?,
            }
        }
        EventKind::LedgerObserved {
            customer,
            asset,
            amount,
            cause,
        } => {
            let (customer, asset, credit) = (
                customer.clone(),
                asset.clone(),
                *cause == code::Cause::Credit,
            );
            Body::RecordLedgerRow {
                customer,
                asset,
                units: units(amount)?,
                credit,
            }
        }
        EventKind::Recovered {
            incident,
            asset,
            amount,
        } => {
            let (incident, asset) = (incident.clone(), asset.clone());
            Body::RecordRecovery {
                incident,
                asset,
                units: units(amount)?,
            }
        }
        _ => Body::ObserveTime,
    })
}

fn approve(vote: &Vote, state: &State) -> Edge<Body> {
    let binds = match &vote.binds {
        None => None,
        Some(binds) => Some(Binds {
            to: binds.to.clone(),
            asset: binds.asset.clone(),
            units: units(&binds.amount)?,
        }),
    };
    let seen = vote.seen.as_ref().map(|seen| seen_digest(seen, state));
    Ok(Body::Approve {
        target: vote.target.clone(),
        nonce: vote.nonce.clone(),
        binds,
        seen,
    })
}

/// What a screen showed: `h:<request>` stands for the guard's own digest of that request.
fn seen_digest(seen: &Hash, state: &State) -> [u8; 32] {
    let request = match seen {
        Hash::Name(name) => state.guard.request(name),
        Hash::Bytes(_) => None,
    };
    request.map_or_else(|| seen.bytes(), |(_, request)| request.digest())
}

fn operation(op: &PayloadOp) -> Edge<Operation> {
    Ok(Operation {
        op: op.op.word().to_owned(),
        to: op.to.clone(),
        asset: op.asset.clone(),
        units: units(&op.amount)?,
        inner: op.inner.iter().map(operation).collect::<Edge<_>>()?,
    })
}

fn sight(kind: &EventKind, at: u64) -> Edge<Body> {
    Ok(match kind {
        EventKind::ChainObserved(seen) => Body::RecordObservation(Observation {
            node: seen.node.clone(),
            wallet: seen.wallet.clone(),
            txid: seen.txid.clone(),
            direction: match seen.dir {
                code::Direction::In => Direction::In,
                code::Direction::Out => Direction::Out,
            },
            asset: seen.asset.clone(),
            units: units(&seen.amount)?,
            peer: seen.peer.clone(),
            height: seen.height,
            authority: seen.authority,
        }),
        EventKind::ChainReorg {
            node,
            height,
            dropped,
        } => Body::RecordReorganisation {
            node: node.clone(),
            height: *height,
            dropped: dropped.clone(),
        },
        EventKind::NodeState { node, state, lag } => {
            let health = match state {
                NodeCondition::Up => NodeHealth::Up,
                NodeCondition::Down => NodeHealth::Down,
                NodeCondition::Lagging => NodeHealth::Lagging {
                    lag_ms: lag.unwrap_or(u64::MAX),
                },
                NodeCondition::Lying => NodeHealth::Lying,
            };
            Body::RecordNode {
                node: node.clone(),
                health,
            }
        }
        EventKind::Price {
            base,
            quote,
            price,
            source,
        } => Body::RecordPrices(vec![NewPrice {
            base: base.clone(),
            quote: quote.clone(),
            price: units(price)?.saturating_mul(ONE),
            as_of: at,
            source: source.clone(),
        }]),
        _ => Body::ObserveTime,
    })
}

fn new_change(change: &event::Change, state: &State) -> Change {
    match change {
        event::Change::SetPolicy { key, value } => {
            let policy = &state.guard.policy;
            Change::AdoptPolicy(Box::new(
                set_policy(policy, *key, value).unwrap_or_else(|| policy.clone()),
            ))
        }
        event::Change::Grant { role, to, expires } => Change::Grant {
            actor: to.clone(),
            role: role.word().to_owned(),
            expires: Some(*expires),
        },
        event::Change::Revoke { to } => Change::Revoke { actor: to.clone() },
        event::Change::DisableWatch => Change::DisableWatch,
        event::Change::AllowlistAdd { address } => Change::ListDestination {
            address: address.clone(),
        },
        event::Change::SetAwareness { incident, to } => Change::MoveAwareness {
            incident: incident.clone(),
            to: *to,
        },
        event::Change::KeyCompromised { wallet } => Change::RetireKey {
            wallet: wallet.clone(),
        },
        event::Change::Halt { scope } => Change::Halt {
            scope: scope.to_string(),
        },
        event::Change::Resume { scope } => Change::Resume {
            scope: scope.to_string(),
        },
    }
}

fn case(kind: &EventKind) -> Asked<'_> {
    match kind {
        EventKind::Aware { incident, actor } => (
            Some(actor),
            Body::BecomeAware {
                incident: incident.clone(),
            },
        ),
        EventKind::Classify {
            incident,
            actor,
            level,
        } => (
            Some(actor),
            Body::Classify {
                incident: incident.clone(),
                level: level.clone(),
            },
        ),
        EventKind::NewFact { incident, fact } => (
            None,
            Body::RecordFact {
                incident: incident.clone(),
                text: fact.clone(),
                occurred: None,
                source: String::new(),
                material: true,
            },
        ),
        EventKind::Notify {
            incident,
            clock,
            actor,
            receipt,
        } => (
            Some(actor),
            Body::Notify {
                incident: incident.clone(),
                duty: clock.clone(),
                receipt: receipt.clone(),
            },
        ),
        _ => (None, Body::ObserveTime),
    }
}

fn lodge(claim: &Claim) -> Edge<Body> {
    let price = match (&claim.base, &claim.qty, &claim.wanted_price) {
        (Some(base), Some(qty), Some(wanted)) => Some(NewPriceDifference {
            base: base.clone(),
            qty: units(qty)?,
            wanted: units(wanted)?,
        }),
        _ => None,
    };
    Ok(Body::LodgeClaim {
        customer: claim.customer.clone(),
        incident: claim.incident.clone(),
        asset: claim.asset.clone(),
        units: units(&claim.amount)?,
        price,
    })
}
