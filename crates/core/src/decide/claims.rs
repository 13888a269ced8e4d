//! Making whole: what comes back, what the house puts in, claims and their payment, published proofs.
//!
//! A machine may pay, pay a part, or hold; only people refuse.

use super::turn::Turn;
use super::{Ruling, authority, registering};
use crate::amount::Amount;
use crate::answer::Answer;
use crate::authority::class::Class;
use crate::book::MovementKind;
use crate::breaker::Touch;
use crate::command::NewPriceDifference;
use crate::event::Event;
use crate::price::{self, Unusable, worth};
use crate::reason::Reason;
use crate::redress::{Claim, ClaimBasis, ClaimStanding, Loss, PriceDifference, put_back};
use crate::registry::{AssetIx, HOUSE, OUTSIDE, OwnerIx};
use crate::state::State;
use alloc::boxed::Box;
use alloc::string::String;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::manifest;

/// The journal's entry of a redress set is at most this long, bytes (see docs/proof-formats.md).
const ENTRY_MAX: usize = 1024;

fn loss_of<'s>(state: &'s State, incident: &str, asset: AssetIx) -> Option<&'s Loss> {
    state.incidents.case(incident)?.losses.get(&asset)
}

/// Value that came back closes what customers are still owed first; the rest is the house's.
pub(super) fn recovery(turn: &mut Turn<'_>, incident: &str, asset: &str, units: u128) -> Ruling {
    if units == 0 {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let place = turn.incident(incident)?;
    let missing = Reason::RestoredBeyondLoss {
        outstanding: 0,
        offered: units,
    };
    let loss = loss_of(turn.state, incident, asset).ok_or(missing)?;
    let (_, left) = put_back(loss, units, &turn.state.registry)
        .map_err(|_| Reason::InvalidAmount { asked: units })?;
    turn.emit(Event::RecoveryRecorded {
        incident: place,
        asset,
        units,
    });
    if left > 0 {
        turn.movement(
            OUTSIDE,
            HOUSE,
            Amount::new(asset, left),
            MovementKind::Recovered,
            incident,
        )?;
    }
    Ok(Answer::Recorded)
}

/// The house puts its own assets into the customers' pool, at most what is outstanding. No halt stops it: it only ever
/// lowers what is missing.
pub(super) fn replenish(turn: &mut Turn<'_>, incident: &str, asset: &str, units: u128) -> Ruling {
    let asset = turn.asset(asset)?;
    let place = turn.incident(incident)?;
    let outstanding = loss_of(turn.state, incident, asset).map_or(0, Loss::outstanding);
    if units == 0 || units > outstanding {
        return Err(Reason::RestoredBeyondLoss {
            outstanding,
            offered: units,
        });
    }
    let has = turn.state.book.balance(HOUSE, asset);
    if has < units {
        return Err(Reason::HouseShort { has, needs: units });
    }
    turn.emit(Event::PoolReplenished {
        incident: place,
        asset,
        units,
    });
    turn.movement(
        HOUSE,
        OUTSIDE,
        Amount::new(asset, units),
        MovementKind::Replenished,
        incident,
    )?;
    Ok(Answer::Recorded)
}

pub(super) fn lodge(
    turn: &mut Turn<'_>,
    customer: &str,
    incident: &str,
    asset: &str,
    units: u128,
    price: Option<&NewPriceDifference>,
) -> Ruling {
    let id = String::from(turn.needs_id()?);
    // A difference in price may round down to nothing; anything else is a claim of something.
    if units == 0 && price.is_none() {
        return Err(Reason::InvalidAmount { asked: units });
    }
    let asset = turn.asset(asset)?;
    let owner = turn.customer(customer)?;
    let place = turn.incident(incident)?;
    let basis = match price {
        Some(p) => ClaimBasis::Price(PriceDifference {
            base: turn.asset(&p.base)?,
            qty: p.qty,
            wanted: p.wanted,
        }),
        None if loss_of(turn.state, incident, asset).is_some() => ClaimBasis::Custody,
        None => ClaimBasis::Balance,
    };
    let (payable, decided) = decide_claim(turn, incident, owner, asset, units, &basis)?;
    let answer = match &decided {
        ClaimStanding::Payable | ClaimStanding::Paid(..) => Answer::Cleared,
        ClaimStanding::InPart(reason) => Answer::Reduced(reason.clone()),
        ClaimStanding::Held(reason) => Answer::Held(reason.clone()),
    };
    turn.created = Some(id.clone());
    turn.emit(Event::ClaimLodged(Box::new(Claim {
        id,
        owner,
        incident: place,
        asset,
        claimed: units,
        basis,
        payable,
        decided: decided.clone(),
        standing: decided,
    })));
    Ok(answer)
}

/// What is payable, and how far a machine may decide it.
fn decide_claim(
    turn: &Turn<'_>,
    incident: &str,
    owner: OwnerIx,
    asset: AssetIx,
    claimed: u128,
    basis: &ClaimBasis,
) -> Result<(u128, ClaimStanding), Reason> {
    let owed = match basis {
        ClaimBasis::Custody => custody_owed(turn.state, incident, owner, asset),
        ClaimBasis::Balance => claimed,
        ClaimBasis::Price(difference) => match price_of(turn, difference.base, asset) {
            Ok(price) => {
                let decimals = turn
                    .state
                    .registry
                    .assets
                    .get(difference.base.place())
                    .map_or(0, |a| a.decimals);
                let too_much = Reason::InvalidAmount {
                    asked: difference.qty,
                };
                let wanted = difference.wanted.checked_mul(price::ONE);
                let missed = wanted.map(|wanted| wanted.saturating_sub(price));
                let value = missed.and_then(|missed| worth(difference.qty, missed, decimals));
                value.ok_or(too_much)?
            }
            Err(reason) => return Ok((0, ClaimStanding::Held(reason))),
        },
    };
    let payable = owed.min(claimed);
    let limit = turn.policy().auto_pay_up_to(asset);
    let standing = if payable > limit {
        ClaimStanding::Held(Reason::NeedsHuman { payable, limit })
    } else if claimed > owed {
        ClaimStanding::InPart(Reason::ExceedsLoss { claimed, payable })
    } else {
        ClaimStanding::Payable
    };
    Ok((payable, standing))
}

fn custody_owed(state: &State, incident: &str, owner: OwnerIx, asset: AssetIx) -> u128 {
    loss_of(state, incident, asset)
        .and_then(|loss| loss.part(owner))
        .map_or(0, crate::redress::Part::outstanding)
}

/// The last good price, if it is fresh enough.
fn price_of(turn: &Turn<'_>, base: AssetIx, quote: AssetIx) -> Result<u128, Reason> {
    let name = || String::from(turn.state.registry.asset_id(base));
    let known = turn.state.prices.get(&(base, quote));
    let known = known.ok_or_else(|| Reason::PriceMissing { asset: name() })?;
    match known.usable(turn.at, turn.policy().price_max_age_ms) {
        Ok(price) => Ok(price.price),
        Err(Unusable::Missing) => Err(Reason::PriceMissing { asset: name() }),
        Err(Unusable::Stale { age_ms, max_ms }) => Err(Reason::PriceStale { age_ms, max_ms }),
        Err(Unusable::Suspected(suspect)) => Err(Reason::PriceBand {
            asset: name(),
            price: suspect.price.price,
            last: suspect.last,
            band_bps: suspect.band_bps,
        }),
    }
}

/// Pays a claim once: for a custody loss the house's assets go into the pool and no balance moves; for a lost balance
/// the customer is credited from the house.
pub(super) fn pay(turn: &mut Turn<'_>, claim: &str) -> Ruling {
    let found = turn.state.claims.find(claim);
    let (number, row) = found.ok_or_else(|| Reason::UnknownTarget {
        target: String::from(claim),
    })?;
    turn.not_halted(Touch {
        asset: None,
        wallet: None,
        trading: true,
    })?;
    let limit = turn.policy().auto_pay_up_to(row.asset);
    match &row.standing {
        ClaimStanding::Paid(..) => return Err(Reason::AlreadyPaid),
        // A held claim is a person's to decide: paying it by machine is denied, not held once more.
        ClaimStanding::Held(_) => {
            return Ok(Answer::Denied(Reason::NeedsHuman {
                payable: row.payable,
                limit,
            }));
        }
        ClaimStanding::Payable | ClaimStanding::InPart(_) => {}
    }
    let custody = row.basis == ClaimBasis::Custody;
    let place = usize::try_from(row.incident).unwrap_or(usize::MAX);
    let units = if custody {
        let incident = crate::incident::incident_id(place);
        row.claimed
            .min(custody_owed(turn.state, &incident, row.owner, row.asset))
    } else {
        row.payable
    };
    // What is outstanding may have grown since the claim was lodged: the machine's limit holds for what it pays.
    if units > limit {
        return Ok(Answer::Denied(Reason::NeedsHuman {
            payable: units,
            limit,
        }));
    }
    let has = turn.state.book.balance(HOUSE, row.asset);
    if has < units {
        return Err(Reason::HouseShort { has, needs: units });
    }
    turn.emit(Event::ClaimPaid {
        claim: number,
        units,
        custody,
    });
    if units > 0 {
        let (to, kind) = if custody {
            (OUTSIDE, MovementKind::Replenished)
        } else {
            (row.owner, MovementKind::ClaimPaid)
        };
        turn.movement(HOUSE, to, Amount::new(row.asset, units), kind, claim)?;
    }
    Ok(Answer::Cleared)
}

/// The entry of a set that a quorum may release: of the known form, so that approvals bind its manifest, and new.
pub(super) fn releasable(turn: &Turn<'_>, entry: &[u8]) -> Result<(), Reason> {
    let Some(set) = manifest::read_entry(entry) else {
        return Err(turn.malformed(
            "what is released is the entry of a redress set: 95 bytes as in docs/proof-formats.md",
        ));
    };
    registering::fresh(
        turn.state.sets.iter().any(|known| known.entry == entry),
        &to_hex(&set.set_id),
    )
}

pub(super) fn publish(turn: &mut Turn<'_>, entry: &[u8]) -> Ruling {
    authority::alone(turn, Class::RedressRelease)?;
    if entry.is_empty() || entry.len() > ENTRY_MAX {
        return Err(turn.malformed("an entry of a redress set has 1 to 1024 bytes"));
    }
    turn.emit(Event::RedressSetPublished {
        entry: entry.to_vec(),
    });
    Ok(Answer::Recorded)
}
