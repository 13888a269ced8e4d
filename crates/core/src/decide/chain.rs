//! What the chain shows: each flow once, matched with what explains it; deposits with their proof.

use super::Ruling;
use super::turn::Turn;
use crate::amount::Amount;
use crate::answer::Answer;
use crate::book::MovementKind;
use crate::breaker::Scope;
use crate::command::Observation;
use crate::custody::{Direction, Explained, Flow, NodeHealth, Report};
use crate::event::Event;
use crate::incident::{AlarmCode, Cause};
use crate::reason::Reason;
use crate::registry::{AssetIx, OUTSIDE, OwnerIx, WalletIx};
use crate::state::{Deposit, State};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

/// What one report adds to the state before it, for judging deposits in the same turn.
struct Seen<'s> {
    report: &'s Observation,
    wallet: WalletIx,
    asset: AssetIx,
}

pub(super) fn observation(turn: &mut Turn<'_>, seen: &Observation) -> Ruling {
    known_node(turn, &seen.node)?;
    let (asset, wallet) = (turn.asset(&seen.asset)?, turn.wallet(&seen.wallet)?);
    if turn
        .state
        .custody
        .tips
        .get(&seen.node)
        .is_none_or(|tip| *tip < seen.height)
    {
        turn.emit(Event::TipMoved {
            node: seen.node.clone(),
            height: seen.height,
        });
    }
    if seen.units > 0 || seen.authority {
        let key = (wallet, asset, seen.direction, seen.txid.clone());
        match turn.state.custody.flow(&key) {
            Some((number, flow)) => again(turn, number, flow, seen),
            None => first(turn, wallet, asset, seen)?,
        }
    }
    let overlay = Seen {
        report: seen,
        wallet,
        asset,
    };
    settle_deposits(turn, Some(&overlay))?;
    Ok(Answer::Recorded)
}

fn known_node(turn: &Turn<'_>, node: &String) -> Result<(), Reason> {
    let nodes = &turn.policy().nodes;
    if nodes.is_empty() || nodes.contains(node) {
        Ok(())
    } else {
        Err(turn.malformed("the node is not one of the policy's"))
    }
}

/// A node that is known to report what is not so agrees with nobody.
fn lies(state: &State, node: &str) -> bool {
    state.custody.nodes.get(node) == Some(&NodeHealth::Lying)
}

fn report_of(seen: &Observation) -> Report {
    Report {
        node: seen.node.clone(),
        units: seen.units,
        height: seen.height,
    }
}

/// Another report of a known flow: more agreement, or a disagreement.
fn again(turn: &mut Turn<'_>, number: u32, flow: &Flow, seen: &Observation) {
    let (wallet, heard) = (
        flow.wallet,
        flow.reports.iter().any(|r| r.node == seen.node),
    );
    if seen.authority && !heard && !turn.would_halt(Scope::Wallet(wallet)) {
        power_given(turn, wallet);
    }
    if flow
        .reports
        .iter()
        .any(|r| r.node == seen.node && r.units == seen.units && r.height == seen.height)
    {
        return;
    }
    turn.emit(Event::FlowReported {
        flow: number,
        report: report_of(seen),
    });
    if seen.units != flow.amount.units() {
        turn.alarm(AlarmCode::NodeDisagreement, &seen.node);
        return;
    }
    if flow.direction == Direction::Out {
        return;
    }
    let agreeing = flow
        .reports
        .iter()
        .filter(|r| r.units == seen.units)
        .map(|r| r.node.as_str());
    let nodes: BTreeSet<&str> = agreeing
        .chain([seen.node.as_str()])
        .filter(|node| !lies(turn.state, node))
        .collect();
    let agree = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    if !flow.counted && agree >= turn.policy().node_quorum.max(1) {
        turn.emit(Event::InflowConfirmed { flow: number });
    }
}

/// The first report of a flow. What leaves counts at once; what comes in waits for a quorum of nodes.
fn first(
    turn: &mut Turn<'_>,
    wallet: WalletIx,
    asset: AssetIx,
    seen: &Observation,
) -> Result<(), Reason> {
    let number = u32::try_from(turn.state.custody.flows.len()).unwrap_or(u32::MAX);
    let out = seen.direction == Direction::Out;
    let flow = Flow {
        wallet,
        direction: seen.direction,
        amount: Amount::new(asset, seen.units),
        txid: seen.txid.clone(),
        peer: seen.peer.clone(),
        at: turn.at,
        reports: alloc::vec![report_of(seen)],
        counted: out || turn.policy().node_quorum <= 1,
        explained: if out {
            Explained::Not
        } else {
            Explained::Inflow
        },
    };
    turn.emit(Event::FlowSeen(flow));
    let subject = String::from(turn.state.registry.wallet_id(wallet));
    if seen.authority {
        power_given(turn, wallet);
    }
    if !out {
        if turn.state.custody.retired.contains_key(&wallet) {
            turn.alarm(AlarmCode::RetiredDeposit, &subject);
        }
        return Ok(());
    }
    if seen.units == 0 {
        return Ok(());
    }
    let explained = explain(turn.state, wallet, asset, seen);
    turn.emit(Event::OutflowExplained {
        flow: number,
        explained,
    });
    if explained == Explained::Not {
        let incident = turn.alarm_of_case(
            AlarmCode::UnmatchedOutflow,
            &subject,
            &Cause::Wallet(wallet),
        );
        turn.trip(
            Scope::Wallet(wallet),
            "value left without a clearance",
            Some(incident),
        );
        if turn.state.registry.own_destination(&seen.peer).is_none() {
            turn.lose(incident, Amount::new(asset, seen.units))?;
        }
    }
    Ok(())
}

fn power_given(turn: &mut Turn<'_>, wallet: WalletIx) {
    let subject = String::from(turn.state.registry.wallet_id(wallet));
    let cause = Cause::Wallet(wallet);
    let incident = turn.alarm_of_case(AlarmCode::AuthorityChanged, &subject, &cause);
    let why = "power over the wallet was given away";
    turn.trip(Scope::Wallet(wallet), why, Some(incident));
}

/// What explains an outflow: a clearance for exactly this (a redeemed one first), or a sweep that was ordered.
fn explain(state: &State, wallet: WalletIx, asset: AssetIx, seen: &Observation) -> Explained {
    let own = state.registry.wallet_at(&seen.peer);
    let looks = (wallet, asset, seen.units);
    let fitting = state.guard.open.fitting(looks, &seen.peer, own);
    let redeemed_first = fitting.map(|number| {
        let request = state.guard.request_at(number);
        let clearance = request.and_then(|request| request.clearance.as_ref());
        let mut issued = state.guard.clearances.of(number).iter();
        let redeemed = clearance.is_some_and(|clearance| clearance.redeemed.is_some())
            || issued.any(|issued| issued.redeemed.is_some());
        (!redeemed, number)
    });
    if let Some((_, number)) = redeemed_first.min() {
        return Explained::Clearance(number);
    }
    match own {
        Some(to) if state.custody.sweep_ordered(wallet, to) => Explained::Sweep,
        _ => Explained::Not,
    }
}

pub(super) fn deposit(
    turn: &mut Turn<'_>,
    customer: &str,
    asset: &str,
    units: u128,
    txid: &str,
    wallet: &str,
) -> Ruling {
    let id = String::from(turn.needs_id()?);
    if units == 0 {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let owner = turn.customer(customer)?;
    let wallet = turn.wallet(wallet)?;
    let standing = Answer::Held(Reason::Unconfirmed {
        nodes: 0,
        needs: turn.policy().node_quorum.max(1),
    });
    let mut deposit = Deposit {
        id,
        owner,
        asset,
        units,
        txid: String::from(txid),
        wallet,
        standing,
    };
    let verdict = judge(turn, &deposit, None);
    if let Err(reason @ Reason::DuplicateId { .. }) = verdict {
        return Err(reason);
    }
    deposit.standing = verdict
        .clone()
        .map_or_else(Answer::because, |()| Answer::Cleared);
    if verdict == Err(Reason::NodesDisagree) {
        turn.alarm(AlarmCode::NodeDisagreement, &deposit.txid);
    }
    let answer = deposit.standing.clone();
    let reference = deposit.id.clone();
    turn.emit(Event::DepositRecorded(deposit));
    if verdict.is_ok() {
        turn.movement(
            OUTSIDE,
            owner,
            Amount::new(asset, units),
            MovementKind::Deposit,
            &reference,
        )?;
    }
    Ok(answer)
}

/// What a deposit is credited for; nothing is credited twice for the same.
fn source_of(deposit: &Deposit) -> (WalletIx, AssetIx, &str) {
    (deposit.wallet, deposit.asset, &deposit.txid)
}

/// Whether a deposit may be credited: to a live wallet, from outside, by a transaction that is used once, with enough
/// confirmations on enough nodes that show the same amount.
fn judge(turn: &Turn<'_>, deposit: &Deposit, seen: Option<&Seen<'_>>) -> Result<(), Reason> {
    let state = turn.state;
    if state.custody.retired.contains_key(&deposit.wallet) {
        return Err(Reason::RetiredAddress {
            wallet: String::from(state.registry.wallet_id(deposit.wallet)),
        });
    }
    let needs = turn.policy().node_quorum.max(1);
    let key = (
        deposit.wallet,
        deposit.asset,
        Direction::In,
        deposit.txid.clone(),
    );
    let flow = state.custody.flow(&key).map(|(_, flow)| flow);
    let fresh = seen.filter(|s| {
        s.wallet == deposit.wallet
            && s.asset == deposit.asset
            && s.report.direction == Direction::In
            && s.report.txid == deposit.txid
    });
    let peer = flow
        .map(|f| f.peer.as_str())
        .or(fresh.map(|s| s.report.peer.as_str()));
    let Some(peer) = peer else {
        return Err(Reason::Unconfirmed { nodes: 0, needs });
    };
    if let Some(source) = state.registry.wallet_at(peer) {
        let out = (source, deposit.asset, Direction::Out, deposit.txid.clone());
        let cleared = state
            .custody
            .flow(&out)
            .is_some_and(|(_, f)| matches!(f.explained, Explained::Clearance(_)));
        if !cleared {
            return Err(Reason::OwnWalletSource {
                wallet: String::from(state.registry.wallet_id(source)),
            });
        }
    }
    let used = |d: &&Deposit| {
        d.standing == Answer::Cleared && d.id != deposit.id && source_of(d) == source_of(deposit)
    };
    if let Some(other) = state.deposits.iter().find(used) {
        return Err(Reason::DuplicateId {
            id: other.id.clone(),
        });
    }
    let stored = flow.map_or(&[][..], |f| f.reports.as_slice());
    let latest = fresh.map(|s| report_of(s.report));
    confirmations(turn, deposit, stored, latest.as_ref(), seen, needs)
}

fn confirmations(
    turn: &Turn<'_>,
    deposit: &Deposit,
    stored: &[Report],
    latest: Option<&Report>,
    seen: Option<&Seen<'_>>,
    needs: u32,
) -> Result<(), Reason> {
    let state = turn.state;
    let wanted = state
        .registry
        .assets
        .get(deposit.asset.place())
        .map_or(1, |a| u64::from(a.confirmations));
    let others = stored
        .iter()
        .filter(|r| latest.is_none_or(|l| l.node != r.node));
    let mut nodes: BTreeSet<&str> = BTreeSet::new();
    let mut mismatch = false;
    for report in others.chain(latest) {
        let known = state.custody.tips.get(&report.node).copied().unwrap_or(0);
        let moved = seen
            .filter(|s| s.report.node == report.node)
            .map_or(0, |s| s.report.height);
        let deep = known
            .max(moved)
            .saturating_add(1)
            .saturating_sub(report.height)
            >= wanted;
        mismatch |= report.units != deposit.units;
        if deep && report.units == deposit.units && !lies(state, &report.node) {
            nodes.insert(&report.node);
        }
    }
    let agree = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    if agree >= needs {
        return Ok(());
    }
    let live = live_nodes(turn);
    Err(
        if mismatch || quorum_out_of_reach(turn, stored, latest, needs) {
            Reason::NodesDisagree
        } else if let Some(live) = live.filter(|live| *live < needs) {
            Reason::NodesLagging { live, needs }
        } else {
            Reason::Unconfirmed {
                nodes: agree,
                needs,
            }
        },
    )
}

/// Nodes of the policy that keep up, as far as they said how they are; `None` where the policy names none.
fn live_nodes(turn: &Turn<'_>) -> Option<u32> {
    let policy = turn.policy();
    let keeps_up = |node: &&String| match turn.state.custody.nodes.get(*node) {
        None | Some(NodeHealth::Up) => true,
        Some(NodeHealth::Lagging { lag_ms }) => {
            policy.node_max_lag_ms.is_none_or(|max| *lag_ms <= max)
        }
        Some(NodeHealth::Down | NodeHealth::Lying) => false,
    };
    let live = policy.nodes.iter().filter(keeps_up).count();
    (!policy.nodes.is_empty()).then(|| u32::try_from(live).unwrap_or(u32::MAX))
}

/// Nodes that are past the block of a reported transaction without it, so many that a quorum can't be reached.
fn quorum_out_of_reach(
    turn: &Turn<'_>,
    stored: &[Report],
    latest: Option<&Report>,
    needs: u32,
) -> bool {
    let (state, nodes) = (turn.state, &turn.policy().nodes);
    let Some(height) = stored.iter().chain(latest).map(|r| r.height).min() else {
        return false;
    };
    let reported = |node: &String| stored.iter().chain(latest).any(|r| r.node == *node);
    let without = nodes.iter().filter(|node| {
        !reported(node)
            && state
                .custody
                .tips
                .get(*node)
                .is_some_and(|tip| *tip > height)
    });
    let left = nodes.len().saturating_sub(without.count());
    !nodes.is_empty() && u32::try_from(left).unwrap_or(u32::MAX) < needs
}

/// Judges waiting deposits again with what was just seen.
fn settle_deposits(turn: &mut Turn<'_>, seen: Option<&Seen<'_>>) -> Result<(), Reason> {
    let state = turn.state;
    let mut credited = BTreeSet::new();
    for (number, deposit) in state.deposits.iter().enumerate() {
        let waits = matches!(
            deposit.standing,
            Answer::Held(
                Reason::Unconfirmed { .. } | Reason::NodesDisagree | Reason::NodesLagging { .. }
            )
        );
        if !waits || judge(turn, deposit, seen).is_err() || !credited.insert(source_of(deposit)) {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        turn.emit(Event::DepositDecided {
            deposit: number,
            standing: Answer::Cleared,
        });
        let amount = Amount::new(deposit.asset, deposit.units);
        turn.movement(
            OUTSIDE,
            deposit.owner,
            amount,
            MovementKind::Deposit,
            &deposit.id,
        )?;
    }
    Ok(())
}

pub(super) fn node(turn: &mut Turn<'_>, node: &String, health: NodeHealth) -> Ruling {
    known_node(turn, node)?;
    turn.emit(Event::NodeSeen {
        node: node.clone(),
        health,
    });
    match health {
        NodeHealth::Up => {}
        NodeHealth::Lying => turn.alarm(AlarmCode::NodeDisagreement, node),
        NodeHealth::Down => turn.alarm(AlarmCode::NodeLag, node),
        NodeHealth::Lagging { lag_ms } => {
            if turn.policy().node_max_lag_ms.is_none_or(|max| lag_ms > max) {
                turn.alarm(AlarmCode::NodeLag, node);
            }
        }
    }
    Ok(Answer::Recorded)
}

/// Takes back what a reorganisation dropped. A credited deposit that no node shows any more is taken back as far as
/// the customer still has it; the rest is a loss.
pub(super) fn reorganisation(
    turn: &mut Turn<'_>,
    node: &String,
    height: u64,
    dropped: &[String],
) -> Ruling {
    known_node(turn, node)?;
    let state = turn.state;
    let dropped: BTreeSet<&str> = dropped.iter().map(String::as_str).collect();
    let mut taken = BTreeMap::new();
    for (number, flow) in state.custody.flows.iter().enumerate() {
        let reported = flow
            .reports
            .iter()
            .any(|r| r.node == *node && r.height > height);
        if !reported || !dropped.contains(flow.txid.as_str()) {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        turn.emit(Event::FlowWithdrawn {
            flow: number,
            node: node.clone(),
        });
        let gone = flow.reports.iter().all(|r| r.node == *node);
        if gone && flow.direction == Direction::In {
            take_back(turn, flow, &mut taken)?;
        }
    }
    Ok(Answer::Recorded)
}

/// `taken` is what this turn took back already, per customer and asset.
fn take_back(
    turn: &mut Turn<'_>,
    flow: &Flow,
    taken: &mut BTreeMap<(OwnerIx, AssetIx), u128>,
) -> Result<(), Reason> {
    let state = turn.state;
    let asset = flow.amount.asset();
    let credited = state.deposits.iter().enumerate().find(|(_, d)| {
        d.standing == Answer::Cleared && source_of(d) == (flow.wallet, asset, flow.txid.as_str())
    });
    let Some((number, deposit)) = credited else {
        return Ok(());
    };
    let needs = turn.policy().node_quorum.max(1);
    let standing = Answer::Held(Reason::Unconfirmed { nodes: 0, needs });
    turn.emit(Event::DepositDecided {
        deposit: u32::try_from(number).unwrap_or(u32::MAX),
        standing,
    });
    let before = taken.entry((deposit.owner, asset)).or_insert(0);
    let has = state.book.balance(deposit.owner, asset);
    let back = deposit.units.min(has.saturating_sub(*before));
    *before = before.saturating_add(back);
    let rest = deposit.units.saturating_sub(back);
    if rest > 0 {
        // The weights of the loss are those before the taking back, which is the last of the turn.
        let subject = String::from(state.registry.wallet_id(flow.wallet));
        let incident =
            turn.alarm_of_case(AlarmCode::ReorgLoss, &subject, &Cause::Wallet(flow.wallet));
        turn.lose(incident, Amount::new(asset, rest))?;
    }
    if back > 0 {
        let amount = Amount::new(asset, back);
        let (owner, id) = (deposit.owner, &deposit.id);
        let event = turn.moving(owner, OUTSIDE, amount, MovementKind::TakenBack, id)?;
        turn.late.push(event);
    }
    Ok(())
}
