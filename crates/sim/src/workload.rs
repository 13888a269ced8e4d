//! Plausible and hostile commands over a small exchange: two assets, two wallets, a handful of customers.

use crate::draw::Draw;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewCreditLine, NewMovement, Observation, Operation};
use keepwhole_core::custody::Direction;
use keepwhole_core::guard::Change;
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::{ActionClass, ApprovalTier, Budget, Cap, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet, WalletIx};

/// Customers of the small exchange.
pub const CUSTOMERS: u64 = 5;

fn text(name: &str) -> String {
    name.to_owned()
}

fn policy() -> Policy {
    let assets = [AssetIx(0), AssetIx(1)];
    Policy {
        version: 1,
        authority: vec![
            (ActionClass::Approve, vec![text("approver")]),
            (
                ActionClass::LowerRisk,
                vec![text("admin"), text("approver")],
            ),
            (ActionClass::RaiseRisk, vec![text("admin")]),
        ],
        clears: assets.map(|asset| Clear { asset, up_to: 500 }).to_vec(),
        caps: vec![Cap {
            window_ms: 60_000,
            bps: 5_000,
        }],
        tiers: vec![ApprovalTier {
            asset: AssetIx(0),
            from: 200,
            approvals: 1,
        }],
        budgets: vec![Budget {
            id: text("promo"),
            asset: AssetIx(0),
            total: 900,
            per_customer: 300,
            approvals: 0,
        }],
        approval_ttl_ms: Some(120_000),
        clearance_ttl_ms: Some(30_000),
        change_approvals: 1,
        ops_allowed: vec![text("transfer")],
        node_quorum: 1,
        holdings_guard: true,
        sweep_to: Some(WalletIx(1)),
        reads_per_hour: Some(3),
        breaker_armed: true,
        ..Policy::default()
    }
}

/// The commands that set the exchange up.
#[must_use]
pub fn setup() -> Vec<Body> {
    let asset = |id: &str| Asset {
        id: text(id),
        decimals: 2,
        network: Some(text("chain")),
        confirmations: 1,
    };
    let wallet = |id: &str, tier| Wallet {
        id: text(id),
        tier,
        address: format!("at-{id}"),
    };
    let actor = |id: &str, role: &str| Body::EnrolActor {
        id: text(id),
        person: text(id),
        roles: vec![text(role)],
        expires: None,
    };
    let duty = Duty {
        id: text("tell"),
        authority: text("supervisor"),
        start: Start::Awareness(Limit::Ms(300_000)),
        source: String::new(),
        status: text("in_force"),
        confidence: text("checked"),
        holds_from: None,
        holds_until: None,
    };
    let mut owners = vec![text("house")];
    owners.extend((0..CUSTOMERS).map(|n| format!("c{n}")));
    let opening = owners
        .iter()
        .flat_map(|owner| ["AAA", "BBB"].map(|asset| (owner.clone(), asset)));
    let lines = opening.map(|(to, asset)| NewMovement {
        from: text("outside"),
        to,
        asset: text(asset),
        units: 1_000,
        kind: MovementKind::Opening,
        reference: String::new(),
    });
    let lines = lines.collect();
    let hold = |wallet: &str| {
        [
            (text(wallet), text("AAA"), 10_000),
            (text(wallet), text("BBB"), 10_000),
        ]
    };
    vec![
        Body::RegisterAsset(asset("AAA")),
        Body::RegisterAsset(asset("BBB")),
        Body::RegisterOwners(owners),
        Body::RegisterWallet(wallet("hot", Tier::Hot)),
        Body::RegisterWallet(wallet("cold", Tier::Cold)),
        actor("ann", "approver"),
        actor("bo", "admin"),
        Body::DeclareHoldings(hold("hot").into_iter().chain(hold("cold")).collect()),
        Body::AdoptPolicy(Box::new(policy())),
        Body::AdoptDuties(vec![duty]),
        Body::RecordMovements(lines),
    ]
}

/// What the commands of one turn are drawn from.
struct Drawn {
    customer: String,
    asset: String,
    units: u128,
    /// The id of an earlier request.
    target: String,
    number: u64,
}

/// The next command; ids of earlier requests are among its targets.
pub fn next(draw: &mut Draw, number: u64) -> Command {
    let drawn = Drawn {
        customer: format!("c{}", draw.below(CUSTOMERS + 1)),
        asset: text(if draw.once_in(2) { "AAA" } else { "BBB" }),
        units: u128::from(draw.below(600)),
        target: format!("s-{}", draw.below(number.max(1))),
        number,
    };
    let body = match draw.below(13) {
        kind @ 0..=5 => outgoing(kind, drawn),
        6 => Body::RecordObservation(observation(draw, drawn)),
        kind @ 7..=11 => service(kind, drawn),
        _ => {
            let scope = text(if draw.once_in(2) { "hot" } else { "all" });
            Body::ProposeChange(if draw.once_in(3) {
                Change::Halt { scope }
            } else {
                Change::Resume { scope }
            })
        }
    };
    let actor = Some(text(if draw.once_in(2) { "ann" } else { "bo" }));
    Command {
        id: Some(format!("s-{number}")),
        actor,
        body,
    }
}

/// A request that lets value out, or a step towards it: 0 to 2 withdrawal, 3 approval, 4 clearance, else credit.
fn outgoing(kind: u64, drawn: Drawn) -> Body {
    let Drawn {
        customer,
        asset,
        units,
        target,
        number,
    } = drawn;
    match kind {
        0..=2 => Body::RequestWithdrawal {
            customer,
            wallet: text("hot"),
            asset,
            units,
            to: text("out"),
        },
        3 => Body::Approve {
            target,
            nonce: format!("n-{number}"),
            binds: None,
            seen: None,
        },
        4 => Body::RedeemClearance {
            target,
            operations: vec![Operation {
                op: text("transfer"),
                to: text("out"),
                asset,
                units,
                inner: Vec::new(),
            }],
            attested: None,
        },
        _ => Body::RequestCredit {
            reason: text("event"),
            budget: text("promo"),
            lines: vec![NewCreditLine {
                customer,
                asset,
                units,
            }],
        },
    }
}

/// A movement that a node saw on the chain.
fn observation(draw: &mut Draw, drawn: Drawn) -> Observation {
    Observation {
        node: text("node"),
        wallet: text(if draw.once_in(3) { "cold" } else { "hot" }),
        txid: format!("t-{}", draw.below(40)),
        direction: if draw.once_in(3) {
            Direction::In
        } else {
            Direction::Out
        },
        asset: drawn.asset,
        units: drawn.units / 20,
        peer: text(if draw.once_in(3) { "at-cold" } else { "out" }),
        height: drawn.number,
        authority: false,
    }
}

/// What the exchange does for its customers beside that: 7 trade, 8 reading, 9 notice, 10 claim, else its payment.
fn service(kind: u64, drawn: Drawn) -> Body {
    let Drawn {
        customer,
        asset,
        units,
        target,
        ..
    } = drawn;
    match kind {
        7 => Body::RecordTrade {
            buyer: customer,
            seller: text("c0"),
            base: text("AAA"),
            quote: text("BBB"),
            units,
            price: 100,
        },
        8 => Body::ReadRecord {
            customer,
            purpose: text("ticket"),
        },
        9 => Body::Notify {
            incident: text("inc-1"),
            duty: text("tell"),
            receipt: text("r"),
        },
        10 => Body::LodgeClaim {
            customer,
            incident: text("inc-1"),
            asset,
            units,
            price: None,
        },
        _ => Body::PayClaim { claim: target },
    }
}
