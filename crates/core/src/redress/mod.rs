//! Making customers whole, no fault asked: who bears a loss, what was put back, and claims.
//!
//! A custody loss never moves a customer's balance: what is owed stays owed. Its attribution says what the exchange
//! must put back: `short = replenished + outstanding`, per customer and asset, always. (In the fields here `lost` and
//! `restored` are those two sides.)

use crate::book::Book;
use crate::policy::LossOrder;
use crate::reason::Reason;
use crate::registry::{AssetIx, HOUSE, OwnerIx, Registry};
use crate::split;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::cmp::Ordering;

/// One holder's part of a loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Part {
    /// Who.
    pub owner: OwnerIx,
    /// Balance just before the first loss event of the asset, minor units.
    pub weight: u128,
    /// Attributed so far, minor units.
    pub lost: u128,
    /// Put back so far, minor units.
    pub restored: u128,
}

impl Part {
    /// What is still to be put back, minor units.
    #[must_use]
    pub const fn outstanding(&self) -> u128 {
        self.lost.saturating_sub(self.restored)
    }
}

/// The loss of one asset in one incident.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Loss {
    /// All loss events together, minor units.
    pub total: u128,
    /// Loss events: when (ms), how much (minor units).
    pub events: Vec<(u64, u128)>,
    /// The house's own part, minor units; written off at once.
    pub house: u128,
    /// What came back for the house's own part, minor units.
    pub house_restored: u128,
    /// Customers' parts, in order of owner number: everybody with a balance in the pool just before the first event.
    pub parts: Vec<Part>,
    /// The house's weight under pro rata, minor units.
    pub house_weight: u128,
    /// What came back, minor units.
    pub recovered: u128,
    /// What the house put in, minor units.
    pub replenished: u128,
}

impl Loss {
    /// No loss yet, with the weights of this moment: everybody's balance of the asset.
    #[must_use]
    pub fn before(book: &Book, asset: AssetIx) -> Self {
        let parts = book.holders(asset).filter(|(owner, _)| *owner != HOUSE);
        Self {
            parts: parts
                .map(|(owner, weight)| Part {
                    owner,
                    weight,
                    lost: 0,
                    restored: 0,
                })
                .collect(),
            house_weight: book.balance(HOUSE, asset),
            ..Self::default()
        }
    }

    /// The part of an owner.
    #[must_use]
    pub fn part(&self, owner: OwnerIx) -> Option<&Part> {
        self.parts
            .binary_search_by_key(&owner, |p| p.owner)
            .ok()
            .and_then(|at| self.parts.get(at))
    }
    /// What all customers are short, minor units.
    #[must_use]
    pub fn customers(&self) -> u128 {
        self.total.saturating_sub(self.house)
    }
    /// What is still to be put back to customers, minor units.
    #[must_use]
    pub fn outstanding(&self) -> u128 {
        self.parts
            .iter()
            .fold(0u128, |sum, p| sum.saturating_add(p.outstanding()))
    }
}

/// One loss event attributed: the house's part and each customer's, in the order of [`Loss::parts`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribution {
    /// The house's part, minor units.
    pub house: u128,
    /// Customers' parts, minor units.
    pub customers: Vec<u128>,
}

/// The order of ties: ascending bytes of the exchange's customer ids; the place behind the last part is the house's.
fn by_id(loss: &Loss, registry: &Registry, a: usize, b: usize) -> Ordering {
    let id = |place: usize| {
        let owner = loss.parts.get(place).map_or(HOUSE, |part| part.owner);
        registry.owner_id(owner)
    };
    id(a).cmp(id(b))
}

/// Attributes one loss event of `units` over the weights before the first event of the asset.
///
/// Each event is split by itself, so that nobody's part falls when the loss grows. Under [`LossOrder::HouseFirst`] the
/// house's present balance absorbs first. Where nobody has a weight, the house bears it all. Largest full remainder,
/// ties to the smaller customer id in byte order.
///
/// # Errors
/// Weights of more than 128 bits together.
pub fn attribute(
    loss: &Loss,
    units: u128,
    order: LossOrder,
    house_balance: u128,
    registry: &Registry,
) -> Result<Attribution, split::SplitError> {
    let first = if order == LossOrder::HouseFirst {
        units.min(house_balance)
    } else {
        0
    };
    let rest = units.saturating_sub(first);
    let mut weights = Vec::with_capacity(loss.parts.len().saturating_add(1));
    weights.extend(loss.parts.iter().map(|p| p.weight));
    if order == LossOrder::ProRata {
        weights.push(loss.house_weight);
    }
    if weights.iter().all(|w| *w == 0) {
        return Ok(Attribution {
            house: units,
            customers: loss.parts.iter().map(|_| 0).collect(),
        });
    }
    let weight = |place: usize| {
        let part = loss.parts.get(place);
        part.map_or(loss.house_weight, |part| part.weight)
    };
    let ties = |a, b| by_id(loss, registry, a, b);
    let mut customers = split::spread_in_place(rest, weights, weight, ties)?;
    let share = if order == LossOrder::ProRata {
        customers.pop().unwrap_or(0)
    } else {
        0
    };
    Ok(Attribution {
        house: first.saturating_add(share),
        customers,
    })
}

/// The house's part of one loss event, as [`attribute`] gives it; `known` is the loss so far, if this is not its first
/// event. Under [`LossOrder::HouseFirst`] nothing is split for it.
#[must_use]
pub fn house_part(
    known: Option<&Loss>,
    units: u128,
    order: LossOrder,
    house_balance: u128,
    state: &State,
    asset: AssetIx,
) -> u128 {
    if order == LossOrder::HouseFirst {
        let shared = match known {
            Some(loss) => loss.parts.iter().any(|part| part.weight > 0),
            None => state.book.holders(asset).any(|(owner, _)| owner != HOUSE),
        };
        return if shared {
            units.min(house_balance)
        } else {
            units
        };
    }
    let fresh;
    let loss = match known {
        Some(loss) => loss,
        None => {
            fresh = Loss::before(&state.book, asset);
            &fresh
        }
    };
    attribute(loss, units, order, house_balance, &state.registry)
        .map_or(units, |attribution| attribution.house)
}

/// What each customer gets of value that is put back: in proportion to what is outstanding, never more than that.
/// Returns the parts in the order of [`Loss::parts`] and what is left over.
///
/// # Errors
/// Weights of more than 128 bits together.
pub fn put_back(
    loss: &Loss,
    units: u128,
    registry: &Registry,
) -> Result<(Vec<u128>, u128), split::SplitError> {
    let weights: Vec<u128> = loss.parts.iter().map(Part::outstanding).collect();
    let outstanding = split::sum(weights.iter().copied())?;
    let given = units.min(outstanding);
    if given == 0 {
        return Ok((loss.parts.iter().map(|_| 0).collect(), units));
    }
    Ok((
        split::spread(given, &weights, |a, b| by_id(loss, registry, a, b))?,
        units.saturating_sub(given),
    ))
}

/// On what a claim for a lost balance is computed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PriceDifference {
    /// The asset that could not be traded.
    pub base: AssetIx,
    /// How much of it, minor units.
    pub qty: u128,
    /// The price that was wanted, minor units of the claimed asset for one whole base asset.
    pub wanted: u128,
}

/// What a claim is for.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ClaimBasis {
    /// The customer's part of a custody loss.
    Custody = 1,
    /// A lost balance, as claimed.
    Balance = 2,
    /// A trade that the exchange's outage made impossible, by the difference in price.
    Price(PriceDifference) = 3,
}

/// How a claim stands.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ClaimStanding {
    /// May be paid.
    Payable = 1,
    /// May be paid in part; the reason says why, and the rest is open to appeal.
    InPart(Reason) = 2,
    /// Waits.
    Held(Reason) = 3,
    /// Paid: when (ms), how much (minor units).
    Paid(u64, u128) = 4,
}

/// A claim of a customer.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// Outside id.
    pub id: String,
    /// Whose.
    pub owner: OwnerIx,
    /// In which case (its place).
    pub incident: u32,
    /// Asset claimed.
    pub asset: AssetIx,
    /// Claimed, minor units.
    pub claimed: u128,
    /// For what.
    pub basis: ClaimBasis,
    /// Payable when it was lodged, minor units.
    pub payable: u128,
    /// Where it stood when it was lodged.
    pub decided: ClaimStanding,
    /// Where it stands.
    pub standing: ClaimStanding,
}

/// All claims.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Claims {
    /// In order of lodging.
    pub list: Vec<Claim>,
}

impl Claims {
    /// The claim of that outside id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(u32, &Claim)> {
        let at = self.list.iter().position(|c| c.id == id)?;
        Some((u32::try_from(at).ok()?, self.list.get(at)?))
    }
}
