//! Compiles `given` to commands of the core, and says what of a story can't be played yet.

use std::collections::BTreeMap;

use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::Policy;
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::registry::{Asset, OUTSIDE_NAME, Tier, Wallet};

use super::persons;
use super::policy::{policy, set_policy, words};
use super::scenario::code::{self, WalletKind};
use super::scenario::event::{self, EventKind};
use super::scenario::{self, ClockRule, Given};

/// The commands that set up `given`, each with its time, in order.
pub(super) fn given(given: &Given) -> Vec<(u64, Command)> {
    let mut prices: Vec<_> = given.prices.iter().collect();
    prices.sort_by_key(|price| price.at);
    let first = prices
        .first()
        .map_or(given.start, |price| price.at.min(given.start));
    let mut bodies = registrations(given);
    bodies.push(Body::AdoptPolicy(Box::new(policy(given))));
    let duties: Vec<_> = given.clocks.iter().map(duty).collect();
    if !duties.is_empty() {
        bodies.push(Body::AdoptDuties(duties));
    }
    let told = |body| Command {
        id: None,
        actor: None,
        body,
    };
    let kept = persons::given(given).into_iter();
    let setup = bodies.into_iter().map(told).chain(kept);
    let setup = setup.map(|command| (first, command));
    let prices = prices.into_iter().map(|price| {
        let (base, quote) = (price.base.clone(), price.quote.clone());
        let source = "given".to_owned();
        (
            price.at,
            told(Body::RecordPrices(vec![NewPrice {
                base,
                quote,
                price: price.price.saturating_mul(ONE),
                as_of: price.at,
                source,
            }])),
        )
    });
    setup.chain(prices).collect()
}

/// Assets, owners, wallets, people, and what everybody has.
fn registrations(given: &Given) -> Vec<Body> {
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
        .map(|customer| &customer.id)
        .filter(|id| **id != given.company);
    let owners = std::iter::once(&given.company)
        .chain(customers)
        .cloned()
        .collect();
    bodies.push(Body::RegisterOwners(owners));
    bodies.extend(
        given
            .wallets
            .iter()
            .map(|wallet| Body::RegisterWallet(new_wallet(wallet))),
    );
    bodies.extend(given.actors.iter().map(enrolment));
    let holdings: Vec<_> = given
        .wallets
        .iter()
        .flat_map(|wallet| positive(&wallet.id, &wallet.balance))
        .collect();
    if !holdings.is_empty() {
        bodies.push(Body::DeclareHoldings(holdings));
    }
    let opening: Vec<_> = given.customers.iter().flat_map(opening).collect();
    if !opening.is_empty() {
        bodies.push(Body::RecordMovements(opening));
    }
    bodies
}

/// Whose, which asset, how much: of every balance above zero.
fn positive<'b>(
    id: &'b str,
    balance: &'b BTreeMap<String, u128>,
) -> impl Iterator<Item = (String, String, u128)> + 'b {
    let above = balance.iter().filter(|(_, units)| **units > 0);
    above.map(move |(asset, units)| (id.to_owned(), asset.clone(), *units))
}

fn enrolment(actor: &scenario::Actor) -> Body {
    Body::EnrolActor {
        id: actor.id.clone(),
        person: actor.person.clone(),
        roles: words(&actor.roles),
        expires: actor.expires,
    }
}

fn opening(customer: &scenario::Customer) -> impl Iterator<Item = NewMovement> + '_ {
    positive(&customer.id, &customer.balance).map(|(to, asset, units)| NewMovement {
        from: OUTSIDE_NAME.to_owned(),
        to,
        asset,
        units,
        kind: MovementKind::Opening,
        reference: "given".to_owned(),
    })
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

/// The first thing of a story that this build can't play yet: an event kind, a policy key, a way to use either.
pub(super) fn unsupported(scenario: &scenario::Scenario) -> Option<String> {
    let policy = &scenario.given.policy;
    let keys = [
        ("taint", policy.taint.is_some()),
        ("taint_hold_bps", policy.taint_hold_bps.is_some()),
        ("retention", !persons::whole_days(&scenario.given)),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, given)| *given) {
        return Some(format!("policy {key}"));
    }
    scenario
        .events
        .iter()
        .find_map(|event| unsupported_event(scenario, &event.kind))
}

const PLAYED_FAULTS: &[code::FaultKind] = &[
    code::FaultKind::ClockJump,
    code::FaultKind::SecondWriter,
    code::FaultKind::FsyncEio,
    code::FaultKind::DiskFull,
];

fn unsupported_event(scenario: &scenario::Scenario, kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::TransferSeen { .. }
        | EventKind::FreezeRequest { .. }
        | EventKind::FreezeReply { .. } => Some(kind.word().to_owned()),
        EventKind::Tamper {
            target: code::TamperTarget::Journal,
            op: code::TamperOp::Flip | code::TamperOp::Truncate,
            seq: Some(_),
            seq2: None,
        } => None,
        EventKind::Tamper { target, op, .. } => Some(format!("tamper {op} of the {target}")),
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
