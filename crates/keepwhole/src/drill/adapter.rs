//! Compiles `given` and events to commands of the core.
//!
//! This is the only place able to say that a control is off: an absent key of `given.policy` becomes a policy that
//! clears every amount and leaves that control out. No preset, file or flag of the product can express it.

use keepwhole_core::amount::parse_units;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{
    Binds, Body, Command, NewCreditLine, NewMovement, NewPriceDifference, Observation, Operation,
};
use keepwhole_core::custody::{Direction, NodeHealth};
use keepwhole_core::guard::Change;
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::{ActionClass, ApprovalTier, Budget, Cap, Clear, LossOrder, Policy};
use keepwhole_core::registry::{Asset, AssetIx, OUTSIDE_NAME, Tier, Wallet, WalletIx};
use keepwhole_core::state::State;

use super::scenario::code::{self, Code, NodeCondition, Outcome, PolicyKey, Reason, WalletKind};
use super::scenario::event::{self, Claim, EventKind, PayloadOp, Vote};
use super::scenario::scalar::{Hash, Written, duration};
use super::scenario::{self, ClockRule, Given};
use super::words::{A_DAY, Said, TEN_MINUTES};

/// The commands that set up `given`, each with its time, in order.
pub(super) fn given(given: &Given) -> Vec<(u64, Command)> {
    let mut prices: Vec<_> = given.prices.iter().collect();
    prices.sort_by_key(|price| price.at);
    let first = prices
        .first()
        .map_or(given.start, |price| price.at.min(given.start));
    let mut bodies = Vec::new();
    bodies.extend(
        given
            .assets
            .iter()
            .map(|asset| Body::RegisterAsset(new_asset(asset))),
    );
    let customers = given
        .customers
        .iter()
        .map(|customer| customer.id.clone())
        .filter(|id| *id != given.company);
    let owners = std::iter::once(given.company.clone())
        .chain(customers)
        .collect();
    bodies.push(Body::RegisterOwners(owners));
    bodies.extend(
        given
            .wallets
            .iter()
            .map(|wallet| Body::RegisterWallet(new_wallet(wallet))),
    );
    bodies.extend(given.actors.iter().map(|actor| {
        Body::EnrolActor {
            id: actor.id.clone(),
            person: actor.person.clone(),
            roles: actor
                .roles
                .iter()
                .map(|role| role.word().to_owned())
                .collect(),
            expires: actor.expires,
        }
    }));
    let holdings = given.wallets.iter().flat_map(|wallet| {
        wallet
            .balance
            .iter()
            .map(|(asset, units)| (wallet.id.clone(), asset.clone(), *units))
    });
    let holdings = holdings
        .filter(|(_, _, units)| *units > 0)
        .collect::<Vec<_>>();
    if !holdings.is_empty() {
        bodies.push(Body::DeclareHoldings(holdings));
    }
    let opening = opening(given);
    if !opening.is_empty() {
        bodies.push(Body::RecordMovements(opening));
    }
    bodies.push(Body::AdoptPolicy(Box::new(policy(given))));
    let duties: Vec<_> = given.clocks.iter().map(duty).collect();
    if !duties.is_empty() {
        bodies.push(Body::AdoptDuties(duties));
    }
    let setup = bodies.into_iter().map(|body| {
        (
            first,
            Command {
                id: None,
                actor: None,
                body,
            },
        )
    });
    let prices = prices.into_iter().map(|price| {
        let body = Body::RecordPrice {
            base: price.base.clone(),
            quote: price.quote.clone(),
            price: price.price,
            source: "given".to_owned(),
        };
        (
            price.at,
            Command {
                id: None,
                actor: None,
                body,
            },
        )
    });
    setup.chain(prices).collect()
}

fn new_asset(asset: &scenario::Asset) -> Asset {
    Asset {
        id: asset.id.clone(),
        decimals: asset.decimals,
        network: asset.chain.clone(),
        confirmations: asset.confirmations,
    }
}

fn new_wallet(wallet: &scenario::Wallet) -> Wallet {
    let tier = match wallet.kind {
        WalletKind::Hot => Tier::Hot,
        WalletKind::Warm => Tier::Warm,
        WalletKind::Cold => Tier::Cold,
        WalletKind::Deposit => Tier::Deposit,
        WalletKind::Operational => Tier::Operational,
    };
    Wallet {
        id: wallet.id.clone(),
        tier,
        address: wallet.address.clone(),
    }
}

fn opening(given: &Given) -> Vec<NewMovement> {
    let balances = given.customers.iter().flat_map(|customer| {
        customer
            .balance
            .iter()
            .map(|(asset, units)| (customer.id.clone(), asset.clone(), *units))
    });
    let movement = |(to, asset, units)| NewMovement {
        from: OUTSIDE_NAME.to_owned(),
        to,
        asset,
        units,
        kind: MovementKind::Opening,
        reference: "given".to_owned(),
    };
    balances
        .filter(|(_, _, units)| *units > 0)
        .map(movement)
        .collect()
}

fn duty(clock: &scenario::Clock) -> Duty {
    let start = match &clock.rule {
        ClockRule::FromAwareness { d1 } => Start::Awareness(Limit::Ms(*d1)),
        ClockRule::FromClassificationCapped { d1, d2 } => Start::ClassificationCapped {
            limit_ms: *d1,
            cap_ms: *d2,
        },
        ClockRule::FromSupplement { d1 } => Start::MaterialFact(Limit::Ms(*d1)),
        ClockRule::FromInitial { d1, of } => Start::Notification {
            of: of.clone(),
            limit: Limit::Ms(*d1),
        },
    };
    Duty {
        id: clock.id.clone(),
        authority: clock.authority.clone(),
        start,
        source: String::new(),
        status: "exercise".to_owned(),
        confidence: String::new(),
        holds_from: None,
        holds_until: None,
    }
}

/// The number an asset gets: assets are registered in the order of the file.
fn asset_ix(given: &Given, id: &str) -> Option<AssetIx> {
    AssetIx::next(given.assets.iter().position(|asset| asset.id == id)?)
}

fn wallet_ix(given: &Given, id: &str) -> Option<WalletIx> {
    WalletIx::next(given.wallets.iter().position(|wallet| wallet.id == id)?)
}

/// The policy of `given`: every amount clears unless a control that is given says otherwise.
pub(super) fn policy(given: &Given) -> Policy {
    let rules = &given.policy;
    let assets = || {
        given
            .assets
            .iter()
            .filter_map(|asset| asset_ix(given, &asset.id))
    };
    let words = |roles: &[code::Role]| {
        roles
            .iter()
            .map(|role| role.word().to_owned())
            .collect::<Vec<_>>()
    };
    let caps = [(TEN_MINUTES, rules.cap_10m_bps), (A_DAY, rules.cap_24h_bps)];
    Policy {
        version: 1,
        authority: vec![
            (ActionClass::Approve, words(&[code::Role::Approver])),
            (
                ActionClass::LowerRisk,
                words(&[
                    code::Role::Admin,
                    code::Role::Security,
                    code::Role::Compliance,
                ]),
            ),
            (ActionClass::RaiseRisk, words(&[code::Role::Admin])),
        ],
        clears: assets()
            .map(|asset| Clear {
                asset,
                up_to: u128::MAX,
            })
            .collect(),
        caps: caps
            .into_iter()
            .filter_map(|(window_ms, bps)| bps.map(|bps| Cap { window_ms, bps }))
            .collect(),
        tiers: rules
            .tiers
            .iter()
            .filter_map(|tier| {
                let asset = asset_ix(given, &tier.asset)?;
                Some(ApprovalTier {
                    asset,
                    from: tier.from,
                    approvals: tier.approvals,
                })
            })
            .collect(),
        budgets: rules
            .budgets
            .iter()
            .filter_map(|budget| {
                let asset = asset_ix(given, &budget.asset)?;
                Some(Budget {
                    id: budget.id.clone(),
                    asset,
                    total: budget.total,
                    per_customer: budget.per_customer,
                    approvals: budget.approvals,
                })
            })
            .collect(),
        allowlist: rules.allowlist,
        destination_cool_off_ms: rules.destination_cool_off,
        approval_ttl_ms: rules.approval_ttl,
        clearance_ttl_ms: rules.clearance_ttl,
        change_cool_off_ms: rules.cool_off,
        change_approvals: rules.admin_approvals.unwrap_or(1),
        ops_allowed: rules.ops_allowed.as_ref().map_or_else(
            || vec![code::Op::Transfer.word().to_owned()],
            |ops| ops.iter().map(|op| op.word().to_owned()).collect(),
        ),
        attested: rules.attested.as_ref().map(Hash::bytes),
        price_max_age_ms: rules.price_max_age,
        price_band_bps: rules.price_band_bps,
        nodes: rules.nodes.clone(),
        node_quorum: rules.node_quorum.unwrap_or(1),
        node_max_lag_ms: rules.node_max_lag,
        holdings_guard: rules.holdings_guard,
        reads_per_hour: rules.reads_per_hour,
        reads_per_hour_all: rules.reads_per_hour_all,
        sweep_to: rules
            .auto_sweep_to
            .as_ref()
            .and_then(|wallet| wallet_ix(given, wallet)),
        loss_order: match rules.loss_order {
            Some(code::LossOrder::CompanyFirst) => LossOrder::HouseFirst,
            Some(code::LossOrder::ProRata) | None => LossOrder::ProRata,
        },
        breaker_armed: true,
        auto_pay: rules
            .auto_pay_asset
            .as_ref()
            .zip(rules.auto_pay_max)
            .and_then(|(asset, max)| Some((asset_ix(given, asset)?, max))),
    }
}

/// The first thing of a story that this build can't play yet: an event kind, a policy key, a way to use either.
pub(super) fn unsupported(scenario: &scenario::Scenario) -> Option<String> {
    let policy = &scenario.given.policy;
    let keys = [
        ("taint", policy.taint.is_some()),
        ("taint_hold_bps", policy.taint_hold_bps.is_some()),
        ("retention", policy.retention.is_some()),
        ("max_body_bytes", policy.max_body_bytes.is_some()),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, given)| *given) {
        return Some(format!("policy {key}"));
    }
    scenario
        .events
        .iter()
        .find_map(|event| unsupported_event(scenario, &event.kind))
}

const PLAYED_FAULTS: &[code::FaultKind] =
    &[code::FaultKind::ClockJump, code::FaultKind::SecondWriter];

fn unsupported_event(scenario: &scenario::Scenario, kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::TransferSeen { .. }
        | EventKind::FreezeRequest { .. }
        | EventKind::FreezeReply { .. }
        | EventKind::Import { .. }
        | EventKind::Http { .. }
        | EventKind::Erase { .. }
        | EventKind::Tamper { .. } => Some(kind.word().to_owned()),
        EventKind::Fault { what, .. } if !PLAYED_FAULTS.contains(what) => {
            Some(format!("fault {what}"))
        }
        EventKind::Crash {
            point: Some(point @ code::CrashPoint::MidBatch),
        } => Some(format!("crash {point}")),
        EventKind::Restart { version: Some(_) } => Some("restart with a version".to_owned()),
        EventKind::SignRequest {
            clearance_of,
            key: Some(key),
            ..
        } => {
            let of_other_wallet = scenario.events.iter().any(|event| {
                event.id.as_ref() == Some(clearance_of)
                    && matches!(&event.kind, EventKind::WithdrawalRequest { wallet, .. } if wallet != key)
            });
            of_other_wallet.then(|| "sign_request with another wallet's key".to_owned())
        }
        EventKind::RedressClaim(claim) if claim.base.is_none() && claim.basis.is_some() => {
            Some("redress_claim with a basis and no base".to_owned())
        }
        EventKind::AdminChange {
            change: event::Change::SetPolicy { key, value },
            ..
        } => {
            let supported = set_policy(&Policy::default(), *key, value).is_some();
            (!supported).then(|| format!("set_policy {key}"))
        }
        _ => None,
    }
}

/// The policy with one key set to another value; `None` where this build can't set that key.
fn set_policy(policy: &Policy, key: PolicyKey, value: &str) -> Option<Policy> {
    let mut next = policy.clone();
    next.version = next.version.saturating_add(1);
    match key {
        PolicyKey::Cap10mBps | PolicyKey::Cap24hBps => {
            let window_ms = if key == PolicyKey::Cap10mBps {
                TEN_MINUTES
            } else {
                A_DAY
            };
            let bps = value.parse().ok().filter(|bps| *bps <= 10_000)?;
            next.caps.retain(|cap| cap.window_ms != window_ms);
            next.caps.push(Cap { window_ms, bps });
            next.caps.sort_by_key(|cap| cap.window_ms);
        }
        PolicyKey::Allowlist => next.allowlist = value.parse().ok()?,
        PolicyKey::HoldingsGuard => next.holdings_guard = value.parse().ok()?,
        PolicyKey::DestinationCoolOff => next.destination_cool_off_ms = Some(duration(value).ok()?),
        PolicyKey::ApprovalTtl => next.approval_ttl_ms = Some(duration(value).ok()?),
        PolicyKey::ClearanceTtl => next.clearance_ttl_ms = Some(duration(value).ok()?),
        PolicyKey::CoolOff => next.change_cool_off_ms = Some(duration(value).ok()?),
        PolicyKey::PriceMaxAge => next.price_max_age_ms = Some(duration(value).ok()?),
        PolicyKey::AdminApprovals => next.change_approvals = value.parse().ok()?,
        PolicyKey::ReadsPerHour => next.reads_per_hour = Some(value.parse().ok()?),
        PolicyKey::ReadsPerHourAll => next.reads_per_hour_all = Some(value.parse().ok()?),
        _ => return None,
    }
    Some(next)
}

/// A reply of the edge: what can't be read as an amount never reaches the core.
type Edge<T> = Result<T, Said>;

fn units(written: &Written) -> Edge<u128> {
    parse_units(written.text()).ok_or(Said::because(Outcome::Rejected, Reason::InvalidAmount))
}

/// The command an event is; `None` for events of the machine, which are no commands.
///
/// # Errors
/// The edge's own refusal of an amount that can't be read.
pub(super) fn command(event: &scenario::event::Event, state: &State) -> Edge<Option<Command>> {
    let (actor, body) = match &event.kind {
        EventKind::CustomerDeposit { .. }
        | EventKind::InternalTransfer { .. }
        | EventKind::Trade { .. }
        | EventKind::Credit { .. }
        | EventKind::LedgerObserved { .. }
        | EventKind::WithdrawalRequest { .. } => movement(&event.kind)?,
        EventKind::Approve(vote) => (Some(&vote.actor), approve(vote, state)?),
        EventKind::Reject(vote) => (
            Some(&vote.actor),
            Body::Reject {
                target: vote.target.clone(),
                nonce: vote.nonce.clone(),
            },
        ),
        EventKind::SignRequest {
            clearance_of,
            ops,
            attested,
            ..
        } => {
            let operations = ops.iter().map(operation).collect::<Edge<_>>()?;
            let attested = attested.as_ref().map(Hash::bytes);
            (
                None,
                Body::RedeemClearance {
                    target: clearance_of.clone(),
                    operations,
                    attested,
                },
            )
        }
        EventKind::ChainObserved(_)
        | EventKind::ChainReorg { .. }
        | EventKind::NodeState { .. }
        | EventKind::Price { .. } => (None, sight(&event.kind)?),
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
        } => (
            Some(actor),
            Body::ReadRecord {
                customer: customer.clone(),
                purpose: purpose.clone(),
            },
        ),
        EventKind::Aware { .. }
        | EventKind::Classify { .. }
        | EventKind::NewFact { .. }
        | EventKind::Notify { .. } => case(&event.kind),
        EventKind::Recovered {
            incident,
            asset,
            amount,
        } => {
            let units = units(amount)?;
            (
                None,
                Body::RecordRecovery {
                    incident: incident.clone(),
                    asset: asset.clone(),
                    units,
                },
            )
        }
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
    Ok(Some(Command {
        id: event.id.clone(),
        actor: actor.cloned(),
        body,
    }))
}

type Asked<'e> = (Option<&'e String>, Body);

fn movement(kind: &EventKind) -> Edge<Asked<'_>> {
    Ok(match kind {
        EventKind::CustomerDeposit {
            customer,
            asset,
            amount,
            txid,
            wallet,
        } => (
            None,
            Body::RecordDeposit {
                customer: customer.clone(),
                asset: asset.clone(),
                units: units(amount)?,
                txid: txid.clone(),
                wallet: wallet.clone(),
            },
        ),
        EventKind::InternalTransfer {
            from,
            to,
            asset,
            amount,
        } => (
            None,
            Body::RequestTransfer {
                from: from.clone(),
                to: to.clone(),
                asset: asset.clone(),
                units: units(amount)?,
            },
        ),
        EventKind::Trade {
            buyer,
            seller,
            base,
            quote,
            amount,
            price,
        } => (
            None,
            Body::RecordTrade {
                buyer: buyer.clone(),
                seller: seller.clone(),
                base: base.clone(),
                quote: quote.clone(),
                units: units(amount)?,
                price: units(price)?,
            },
        ),
        EventKind::Credit {
            actor,
            reason,
            budget,
            lines,
        } => {
            let lines = lines.iter().map(|line| {
                let units = units(&line.amount)?;
                Ok(NewCreditLine {
                    customer: line.customer.clone(),
                    asset: line.asset.clone(),
                    units,
                })
            });
            let lines = lines.collect::<Edge<_>>()?;
            (
                Some(actor),
                Body::RequestCredit {
                    reason: reason.clone(),
                    budget: budget.clone(),
                    lines,
                },
            )
        }
        EventKind::LedgerObserved {
            customer,
            asset,
            amount,
            cause,
        } => (
            None,
            Body::RecordLedgerRow {
                customer: customer.clone(),
                asset: asset.clone(),
                units: units(amount)?,
                credit: *cause == code::Cause::Credit,
            },
        ),
        EventKind::WithdrawalRequest {
            customer,
            wallet,
            asset,
            amount,
            to,
            actor,
        } => (
            actor.as_ref(),
            Body::RequestWithdrawal {
                customer: customer.clone(),
                wallet: wallet.clone(),
                asset: asset.clone(),
                units: units(amount)?,
                to: to.clone(),
            },
        ),
        _ => (None, Body::ObserveTime),
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

fn sight(kind: &EventKind) -> Edge<Body> {
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
        } => Body::RecordPrice {
            base: base.clone(),
            quote: quote.clone(),
            price: units(price)?,
            source: source.clone(),
        },
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
