//! Registering: assets, owners, wallets, people, opening holdings, the first policy, duties and law.

use super::turn::Turn;
use super::{Ruling, authority};
use crate::answer::Answer;
use crate::authority::class::Class;
use crate::command::sha256_of;
use crate::event::Event;
use crate::incident::AlarmCode;
use crate::incident::clock::{BUSINESS_DAYS_MAX, Duty, Limit, Start};
use crate::law::RuleRecord;
use crate::policy::{ActionClass, Policy};
use crate::reason::Reason;
use crate::registry::{Asset, AssetIx, OUTSIDE_NAME, Tier, Wallet, WalletIx};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use keepwhole_verify::digest::Digest;

/// Longest outside name, bytes.
const NAME_MAX: usize = 64;

pub(super) fn name(turn: &Turn<'_>, id: &str) -> Result<(), Reason> {
    if id.is_empty() || id.len() > NAME_MAX || id.chars().any(char::is_control) {
        return Err(turn.malformed("a name has 1 to 64 bytes and no control characters"));
    }
    Ok(())
}

pub(super) fn fresh(known: bool, id: &str) -> Result<(), Reason> {
    if known {
        Err(Reason::AlreadyRegistered {
            name: String::from(id),
        })
    } else {
        Ok(())
    }
}

/// Once rules of authority and a policy are in force, or every quorum could be filled, custody changes by its quorum alone.
pub(super) fn not_by_quorum(turn: &Turn<'_>) -> Result<(), Reason> {
    let settled = turn.policy().version > 0 || turn.state.authority.completed.is_some();
    if settled && authority::rules(turn).is_some() {
        return Err(Reason::ProposalNeeded {
            class: String::from(Class::CustodyChange.code()),
        });
    }
    Ok(())
}

/// Once a policy is in force, what widens what the exchange trusts needs a person who may raise risk, and is loud.
pub(super) fn widens(turn: &mut Turn<'_>, what: &str) -> Result<(), Reason> {
    not_by_quorum(turn)?;
    if turn.policy().version == 0 {
        return Ok(());
    }
    turn.needs_role(ActionClass::RaiseRisk)?;
    turn.alarm(AlarmCode::AdminRiskChange, what);
    Ok(())
}

pub(super) fn asset(turn: &mut Turn<'_>, asset: &Asset) -> Ruling {
    not_by_quorum(turn)?;
    new_asset(turn, asset)?;
    turn.emit(Event::AssetRegistered(asset.clone()));
    Ok(Answer::Recorded)
}

/// A name that no asset has, and room for one more.
pub(super) fn new_asset(turn: &Turn<'_>, asset: &Asset) -> Result<(), Reason> {
    name(turn, &asset.id)?;
    if AssetIx::next(turn.state.registry.assets.len()).is_none() {
        return Err(turn.malformed("at most 65,536 assets can be registered"));
    }
    if asset.decimals > 38 {
        return Err(turn.malformed("an asset has at most 38 decimals"));
    }
    fresh(turn.state.registry.asset(&asset.id).is_some(), &asset.id)
}

pub(super) fn owners(turn: &mut Turn<'_>, ids: &[String]) -> Ruling {
    let mut seen = BTreeSet::new();
    let first = turn.state.registry.owners.is_empty();
    for (place, id) in ids.iter().enumerate() {
        name(turn, id)?;
        fresh(
            turn.state.registry.owner(id).is_some() || !seen.insert(id) || id == OUTSIDE_NAME,
            id,
        )?;
        turn.emit(Event::OwnerRegistered(id.clone()));
        if first && place == 0 {
            turn.emit(Event::OwnerRegistered(String::from(OUTSIDE_NAME)));
        }
    }
    Ok(Answer::Recorded)
}

/// A name and an address that no wallet of ours has.
pub(super) fn new_wallet(turn: &Turn<'_>, wallet: &Wallet) -> Result<(), Reason> {
    name(turn, &wallet.id)?;
    if matches!(wallet.id.as_str(), "all" | "trading") || wallet.id.starts_with("asset:") {
        return Err(
            turn.malformed("`all`, `trading` and `asset:` name other scopes of the breaker")
        );
    }
    if wallet.address.is_empty() {
        return Err(turn.malformed("a wallet needs an address"));
    }
    fresh(turn.state.registry.wallet(&wallet.id).is_some(), &wallet.id)?;
    fresh(
        turn.state.registry.wallet_at(&wallet.address).is_some(),
        &wallet.address,
    )
}

/// Wallets for deposits are registered by machines; they are never a destination. Any other needs no listing.
pub(super) fn wallet(turn: &mut Turn<'_>, wallet: &Wallet) -> Ruling {
    new_wallet(turn, wallet)?;
    if wallet.tier != Tier::Deposit {
        widens(turn, &wallet.id)?;
    }
    turn.emit(Event::WalletRegistered(wallet.clone()));
    Ok(Answer::Recorded)
}

pub(super) fn actor(
    turn: &mut Turn<'_>,
    id: &str,
    person: &str,
    roles: &[String],
    expires: Option<u64>,
) -> Ruling {
    name(turn, id)?;
    name(turn, person)?;
    if authority::rules(turn).is_some() {
        return Err(turn.malformed("rules of authority are in force; propose to enrol the person"));
    }
    if turn.policy().version > 0 && !roles.is_empty() {
        return Err(
            turn.malformed("a policy is in force: enrol without roles, and propose to grant them")
        );
    }
    fresh(turn.state.registry.actor(id).is_some(), id)?;
    widens(turn, id)?;
    let (id, person) = (String::from(id), String::from(person));
    turn.emit(Event::ActorEnrolled {
        id,
        person,
        roles: roles.to_vec(),
        expires,
    });
    Ok(Answer::Recorded)
}

pub(super) fn holdings(turn: &mut Turn<'_>, lines: &[(String, String, u128)]) -> Ruling {
    not_by_quorum(turn)?;
    let named = lines.iter().map(|(wallet, asset, _)| (wallet, asset));
    let places = undeclared(turn, named)?;
    for ((wallet, asset), (_, _, units)) in places.into_iter().zip(lines) {
        turn.emit(Event::HoldingDeclared {
            wallet,
            asset,
            units: *units,
        });
    }
    widens(turn, "holdings")?;
    Ok(Answer::Recorded)
}

/// Known wallets and assets, each pair once, and nothing known of what it holds.
pub(super) fn undeclared<'l>(
    turn: &Turn<'_>,
    lines: impl Iterator<Item = (&'l String, &'l String)>,
) -> Result<Vec<(WalletIx, AssetIx)>, Reason> {
    let mut seen = BTreeSet::new();
    let mut places = Vec::new();
    for (wallet, asset) in lines {
        let (asset, wallet) = (turn.asset(asset)?, turn.wallet(wallet)?);
        let known = turn.state.custody.holdings().contains_key(&(wallet, asset));
        if known || !seen.insert((wallet, asset)) {
            let name = String::from(turn.state.registry.wallet_id(wallet));
            return Err(Reason::AlreadyRegistered { name });
        }
        places.push((wallet, asset));
    }
    Ok(places)
}

pub(super) fn policy(turn: &mut Turn<'_>, policy: &Policy) -> Ruling {
    if turn.policy().version > 0 || authority::rules(turn).is_some() {
        return Err(turn.malformed(
            "a policy or rules of authority are in force already; propose a change of it",
        ));
    }
    if policy.version != 1 {
        return Err(turn.malformed("the first version of a policy is 1"));
    }
    sound(turn, policy)?;
    turn.emit(Event::PolicyAdopted(Box::new(policy.clone())));
    Ok(Answer::Recorded)
}

/// The policy's rules can be judged by, and name what is registered.
pub(super) fn sound(turn: &Turn<'_>, policy: &Policy) -> Result<(), Reason> {
    match policy.fault(&turn.state.registry) {
        Some(fault) => Err(turn.malformed(&alloc::format!("{fault}"))),
        None => Ok(()),
    }
}

pub(super) fn duties(turn: &mut Turn<'_>, duties: &[Duty]) -> Ruling {
    let mut seen = BTreeSet::new();
    for duty in duties {
        countable(turn, &duty.start)?;
        let known = turn.state.incidents.duties.iter().any(|d| d.id == duty.id);
        fresh(known || !seen.insert(&duty.id), &duty.id)?;
        turn.emit(Event::DutyAdopted(duty.clone()));
    }
    Ok(Answer::Recorded)
}

/// A limit in business days can be counted: not too many, and holidays in ascending order.
fn countable(turn: &Turn<'_>, start: &Start) -> Result<(), Reason> {
    let limit = match start {
        Start::Awareness(limit)
        | Start::MaterialFact(limit)
        | Start::Notification { limit, .. }
        | Start::Block(limit) => limit,
        Start::ClassificationCapped { .. } => return Ok(()),
    };
    let Limit::BusinessDays { days, holidays, .. } = limit else {
        return Ok(());
    };
    if *days > BUSINESS_DAYS_MAX {
        return Err(turn.malformed("a duty gives at most 2,500 business days"));
    }
    if !holidays.is_sorted_by(|a, b| a < b) {
        return Err(turn.malformed("holidays stand once each and in ascending order"));
    }
    Ok(())
}

/// Adopts a law set: one event per rule that is new or changed, then the digest of the whole set. The digest is the
/// SHA-256 over the digests of all rules' canonical forms in ascending order of id.
pub(super) fn law(turn: &mut Turn<'_>, rules: &[RuleRecord], digest: [u8; 32]) -> Ruling {
    let mut sorted: Vec<&RuleRecord> = rules.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    if sorted
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.id == b.id))
    {
        return Err(turn.malformed("a set of law has each rule once"));
    }
    let mut digests = Vec::with_capacity(sorted.len().saturating_mul(32));
    for rule in &sorted {
        digests.extend_from_slice(&sha256_of(*rule));
    }
    if *Digest::of(&digests).as_bytes() != digest {
        return Err(turn.malformed("the digest is not that of the rules given"));
    }
    let count = u32::try_from(sorted.len()).map_err(|_| turn.malformed("too many rules"))?;
    for rule in sorted {
        if turn.state.law.rules.get(&rule.id) != Some(rule) {
            turn.emit(Event::RuleAdopted(Box::new(rule.clone())));
        }
    }
    turn.emit(Event::LawAdopted { digest, count });
    Ok(Answer::Recorded)
}
