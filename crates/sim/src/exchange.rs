//! The small exchange at its start: assets, owners, wallets, people, a drawn policy, opening balances.

use crate::draw::Draw;
use crate::workload::{ASSETS, CUSTOMERS, text};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, NewMovement};
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::{ActionClass, ApprovalTier, Budget, Cap, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet, WalletIx};

fn maybe<T>(draw: &mut Draw, value: T) -> Option<T> {
    draw.once_in(2).then_some(value)
}

fn policy(draw: &mut Draw) -> Policy {
    let assets = [AssetIx(0), AssetIx(1), AssetIx(2)];
    let roles = |names: &[&str]| names.iter().copied().map(text).collect::<Vec<_>>();
    let mut caps = vec![Cap {
        window_ms: 60_000,
        bps: 5_000,
    }];
    if draw.once_in(2) {
        caps.push(Cap {
            window_ms: 600_000,
            bps: 8_000,
        });
    }
    let tier = |asset, from, approvals| ApprovalTier {
        asset,
        from,
        approvals,
    };
    Policy {
        version: 1,
        authority: vec![
            (ActionClass::Approve, roles(&["approver"])),
            (ActionClass::LowerRisk, roles(&["admin", "approver"])),
            (ActionClass::RaiseRisk, roles(&["admin"])),
        ],
        clears: assets.map(|asset| Clear { asset, up_to: 500 }).to_vec(),
        caps: if draw.once_in(4) { Vec::new() } else { caps },
        tiers: vec![tier(AssetIx(0), 200, 1), tier(AssetIx(0), 400, 2)],
        budgets: vec![Budget {
            id: text("promo"),
            asset: AssetIx(0),
            total: 2_000,
            per_customer: 600,
            approvals: u32::from(draw.once_in(3)),
        }],
        allowlist: draw.once_in(3),
        destination_cool_off_ms: maybe(draw, 20_000),
        approval_ttl_ms: maybe(draw, 40_000),
        clearance_ttl_ms: maybe(draw, 30_000),
        change_cool_off_ms: maybe(draw, 25_000),
        change_approvals: if draw.once_in(4) { 1 } else { 2 },
        ops_allowed: roles(&["transfer", "unstake"]),
        node_quorum: 1,
        holdings_guard: draw.once_in(2),
        sweep_to: draw.once_in(2).then_some(WalletIx(1)),
        price_band_bps: maybe(draw, 1_000),
        reads_per_hour: maybe(draw, 3),
        reads_per_hour_all: maybe(draw, 7),
        breaker_armed: !draw.once_in(5),
        ..Policy::default()
    }
}

fn duty() -> Duty {
    Duty {
        id: text("tell"),
        authority: text("supervisor"),
        start: Start::Awareness(Limit::Ms(300_000)),
        source: String::new(),
        status: text("in_force"),
        confidence: text("checked"),
        holds_from: None,
        holds_until: None,
    }
}

/// The commands that set the exchange up.
#[must_use]
pub fn setup(draw: &mut Draw, start: u64) -> Vec<Body> {
    let asset = |id: &str, network: Option<&str>| {
        Body::RegisterAsset(Asset {
            id: text(id),
            decimals: 2,
            network: network.map(text),
            confirmations: 1,
        })
    };
    let wallet = |id: &str, tier| {
        Body::RegisterWallet(Wallet {
            id: text(id),
            tier,
            address: format!("at-{id}"),
        })
    };
    let actor = |id: &str, person: &str, role: &str, expires| Body::EnrolActor {
        id: text(id),
        person: text(person),
        roles: vec![text(role)],
        expires,
    };
    let mut owners = vec![text("house")];
    owners.extend((0..CUSTOMERS).map(|n| format!("c{n}")));
    let lines = owners.iter().flat_map(|owner| {
        ASSETS.map(|asset| NewMovement {
            from: text("outside"),
            to: owner.clone(),
            asset: text(asset),
            units: 5_000,
            kind: MovementKind::Opening,
            reference: String::new(),
        })
    });
    let lines = lines.collect();
    let hold = ["hot", "cold"]
        .iter()
        .flat_map(|wallet| ["AAA", "BBB"].map(|asset| (text(wallet), text(asset), 16_000)));
    let hold = hold.collect();
    vec![
        asset("AAA", Some("chain")),
        asset("BBB", Some("chain")),
        asset("WON", None),
        Body::RegisterOwners(owners),
        wallet("hot", Tier::Hot),
        wallet("cold", Tier::Cold),
        actor("ann", "ann", "approver", None),
        actor("ann2", "ann", "approver", None),
        actor("eve", "eve", "approver", Some(start + 300_000)),
        actor("bo", "bo", "admin", None),
        actor("bo2", "bo", "admin", None),
        actor("cy", "cy", "admin", None),
        Body::DeclareHoldings(hold),
        Body::AdoptPolicy(Box::new(policy(draw))),
        Body::AdoptDuties(vec![duty()]),
        Body::RecordMovements(lines),
    ]
}
