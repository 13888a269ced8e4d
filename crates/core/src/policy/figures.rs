//! Figures: the value of each field for one request, worked out when a rule first asks and once only.

use super::field::{Deposits, Field, Of, Per, RequestKind, Window};
use super::value::{price_of, value_now, valued};
pub use super::vector::{Seen, Unknown};
use crate::guard::{Ask, CreditLine};
use crate::history::{Destination, Lines, Sum};
use crate::registry::{ActorIx, AssetIx, OwnerIx, WalletIx};
use crate::split::mul_div;
use crate::state::State;
use alloc::collections::BTreeMap;

/// A request as the rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'r> {
    /// What is asked.
    pub ask: &'r Ask,
    /// The account that asks, where a person of ours does.
    pub actor: Option<ActorIx>,
    /// Now, ms; never before the state's time.
    pub at: u64,
    /// True once it is cleared: then it is in the windows and out of the balances already.
    pub counted: bool,
}

impl Input<'_> {
    /// The kind of the request.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self.ask {
            Ask::Withdrawal { .. } => RequestKind::Withdrawal,
            Ask::Transfer { .. } => RequestKind::Transfer,
            Ask::Credit { .. } => RequestKind::Credit,
        }
    }

    /// Its asset; of a batch of credits that of its first line.
    #[must_use]
    pub fn asset(&self) -> Option<AssetIx> {
        match self.ask {
            Ask::Withdrawal { asset, .. } | Ask::Transfer { asset, .. } => Some(*asset),
            Ask::Credit { lines, .. } => lines.first().map(|line| line.asset),
        }
    }

    /// The wallet that pays.
    #[must_use]
    pub const fn wallet(&self) -> Option<WalletIx> {
        match self.ask {
            Ask::Withdrawal { wallet, .. } | Ask::Transfer { wallet, .. } => Some(*wallet),
            Ask::Credit { .. } => None,
        }
    }

    fn lines(&self) -> &[CreditLine] {
        match self.ask {
            Ask::Credit { lines, .. } => lines,
            _ => &[],
        }
    }
}

/// Everything that one request's figures share, worked out once.
pub(super) struct Figures<'s> {
    state: &'s State,
    pub(super) input: Input<'s>,
    price: Option<Result<(u128, u64), Unknown>>,
    value: Option<Result<u128, Unknown>>,
    destination: Option<Option<u32>>,
}

impl<'s> Figures<'s> {
    pub(super) const fn new(state: &'s State, input: Input<'s>) -> Self {
        Self {
            state,
            input,
            price: None,
            value: None,
            destination: None,
        }
    }

    /// What is seen of a number or flag that the request has. Most figures are amounts of other assets and windows: what
    /// else there is stays out of their way.
    #[inline]
    pub(super) fn seen(&mut self, field: &Field) -> Seen {
        match *field {
            Field::Amount(asset) => self.amount(asset),
            Field::Window(window) => self.window(window),
            Field::Value => self.value().into(),
            _ => self.other(field),
        }
    }

    #[inline(never)]
    fn other(&mut self, field: &Field) -> Seen {
        match *field {
            Field::CustomerAge
            | Field::FirstDepositAge(_)
            | Field::LastDepositAge(_)
            | Field::DepositedValue { .. }
            | Field::DepositDrawn { .. } => self.of_customer(*field),
            Field::DestinationAge | Field::DestinationListed | Field::DestinationOwn => {
                self.of_destination(*field)
            }
            Field::FloatLeft(_) | Field::FloatLeftBps => self.float(*field),
            Field::Hour { offset_minutes } => Seen::Number(hour(self.input.at, offset_minutes)),
            Field::PriceAge => {
                let at = self.input.at;
                let age = |(_, as_of): (u128, u64)| u128::from(at.saturating_sub(as_of));
                self.price().map(age).into()
            }
            Field::PriceMove => self.price_move(),
            Field::LineAmount(asset) => {
                let lines = self.input.lines().iter();
                let of = lines.filter(|line| line.asset == asset);
                let most = of.map(|line| line.units).max();
                most.map_or(Seen::Absent, Seen::Number)
            }
            Field::LineValue => self.line_value().into(),
            Field::Kind
            | Field::Asset
            | Field::Network
            | Field::Wallet
            | Field::WalletTier
            | Field::Campaign
            | Field::Amount(_)
            | Field::Value
            | Field::Window(_) => Seen::Absent,
        }
    }

    #[inline]
    fn amount(&self, asset: AssetIx) -> Seen {
        match self.input.ask {
            Ask::Withdrawal {
                asset: of, units, ..
            }
            | Ask::Transfer {
                asset: of, units, ..
            } => {
                if *of == asset {
                    Seen::Number(*units)
                } else {
                    Seen::Absent
                }
            }
            Ask::Credit { lines, .. } => credited(lines, asset),
        }
    }

    /// Price of the request's asset in the reference currency, and of when it is.
    fn price(&mut self) -> Result<(u128, u64), Unknown> {
        if let Some(known) = self.price {
            return known;
        }
        let told = match self.input.asset() {
            Some(asset) => price_of(self.state, asset, self.input.at),
            None => Err(Unknown::NotRecorded),
        };
        self.price = Some(told);
        told
    }

    #[inline]
    fn value(&mut self) -> Result<u128, Unknown> {
        match self.value {
            Some(Ok(value)) => Ok(value),
            _ => self.value_first(),
        }
    }

    #[inline(never)]
    fn value_first(&mut self) -> Result<u128, Unknown> {
        if let Some(known) = self.value {
            return known;
        }
        let told = match self.input.ask {
            Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => self
                .price()
                .and_then(|(price, _)| valued(self.state, *asset, *units, price)),
            Ask::Credit { lines, .. } => {
                let mut lines = lines.iter();
                lines.try_fold(0u128, |sum, line| {
                    let value = value_now(self.state, line.asset, line.units, self.input.at)?;
                    sum.checked_add(value).ok_or(Unknown::TooLarge)
                })
            }
        };
        self.value = Some(told);
        told
    }

    fn line_value(&self) -> Result<u128, Unknown> {
        let mut most = 0;
        for line in self.input.lines() {
            most = most.max(value_now(
                self.state,
                line.asset,
                line.units,
                self.input.at,
            )?);
        }
        Ok(most)
    }

    fn price_move(&mut self) -> Seen {
        let (Some(asset), Some(reference)) =
            (self.input.asset(), self.state.guard.policy.reference)
        else {
            return Seen::Unknown(Unknown::NoReference);
        };
        if asset == reference {
            return Seen::Number(0);
        }
        let (price, _) = match self.price() {
            Ok(price) => price,
            Err(why) => return Seen::Unknown(why),
        };
        let Some(earlier) = self.state.history.earlier_price(asset, reference) else {
            return Seen::Unknown(Unknown::NoEarlierPrice { asset });
        };
        let bps = mul_div(price.abs_diff(earlier), 10_000, earlier);
        bps.map_or(Seen::Unknown(Unknown::TooLarge), |(bps, _)| {
            Seen::Number(bps)
        })
    }

    fn of_customer(&mut self, field: Field) -> Seen {
        let Ask::Withdrawal { owner, .. } = self.input.ask else {
            return Seen::Absent;
        };
        let (history, at) = (&self.state.history, self.input.at);
        let age = |since: u64| Seen::Number(u128::from(at.saturating_sub(since)));
        match field {
            Field::CustomerAge => {
                let since = history.customer_since(*owner);
                since.map_or(Seen::Unknown(Unknown::NotRecorded), age)
            }
            Field::FirstDepositAge(_) | Field::LastDepositAge(_) if self.undated(*owner) => {
                Seen::Unknown(Unknown::NotRecorded)
            }
            Field::FirstDepositAge(of) => {
                history.first_deposit(*owner, of).map_or(Seen::Absent, age)
            }
            Field::LastDepositAge(of) => history.last_deposit(*owner, of).map_or(Seen::Absent, age),
            Field::DepositedValue { of, ms } => self.deposited(*owner, of, ms).into(),
            Field::DepositDrawn { of, ms } => self.drawn(*owner, of, ms).into(),
            _ => Seen::Absent,
        }
    }

    /// Has something, and nothing says since when.
    fn undated(&self, owner: OwnerIx) -> bool {
        let history = &self.state.history;
        history.first_deposit(owner, Deposits::Any).is_none()
            && self.state.book.balances(owner).any(|has| has.units() > 0)
    }

    fn deposited(&self, owner: OwnerIx, of: Deposits, ms: u64) -> Result<u128, Unknown> {
        if self.undated(owner) {
            return Err(Unknown::NotRecorded);
        }
        let sum = self.state.history.deposited(owner, of, self.input.at, ms);
        if self.state.guard.policy.reference.is_none() {
            return Err(Unknown::NoReference);
        }
        priced(sum)
    }

    /// Balances without a price are taken to be worth nothing: then more is drawn, never less.
    fn drawn(&mut self, owner: OwnerIx, of: Deposits, ms: u64) -> Result<u128, Unknown> {
        let deposited = self.deposited(owner, of, ms)?;
        if deposited == 0 {
            return Ok(0);
        }
        let leaves = if self.input.counted { 0 } else { self.value()? };
        let balances = self.state.book.balances(owner);
        let worth = balances.fold(0u128, |sum, amount| {
            let value = value_now(self.state, amount.asset(), amount.units(), self.input.at);
            sum.saturating_add(value.unwrap_or(0))
        });
        Ok(deposited.saturating_sub(worth.saturating_sub(leaves)))
    }

    fn number(&mut self, to: &str) -> Option<u32> {
        *self
            .destination
            .get_or_insert_with(|| self.state.history.destination(to))
    }

    fn of_destination(&mut self, field: Field) -> Seen {
        let Ask::Withdrawal { to, .. } = self.input.ask else {
            return Seen::Absent;
        };
        if matches!(field, Field::DestinationOwn) {
            return Seen::Flag(self.state.registry.own_destination(to).is_some());
        }
        let number = self.number(to);
        let known = number.map_or_else(Destination::default, |number| {
            self.state.history.destination_known(number)
        });
        if matches!(field, Field::DestinationListed) {
            return Seen::Flag(known.listed.is_some());
        }
        let since = match (known.listed, known.paid) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let age = since.map_or(0, |since| self.input.at.saturating_sub(since));
        Seen::Number(u128::from(age))
    }

    fn float(&self, field: Field) -> Seen {
        let (Some(asset), Some(wallet)) = (self.input.asset(), self.input.wallet()) else {
            return Seen::Absent;
        };
        let custody = &self.state.custody;
        let leaves = match self.input.ask {
            Ask::Withdrawal { units, .. } | Ask::Transfer { units, .. } if !self.input.counted => {
                *units
            }
            _ => 0,
        };
        match field {
            Field::FloatLeft(of) if of != asset => Seen::Absent,
            Field::FloatLeft(_) => Seen::Number(custody.free(wallet, asset).saturating_sub(leaves)),
            _ => {
                let left = custody.free(wallet, asset).saturating_sub(leaves);
                let bps = mul_div(left, 10_000, custody.held(asset));
                Seen::Number(bps.map_or(0, |(bps, _)| bps))
            }
        }
    }

    #[inline(never)]
    fn window(&mut self, window: Window) -> Seen {
        if let Of::Amount(of) = window.of
            && !self.touches(of)
        {
            return Seen::Absent;
        }
        if window.of == Of::Value && self.state.guard.policy.reference.is_none() {
            return Seen::Unknown(Unknown::NoReference);
        }
        let lines = match self.input.ask {
            Ask::Credit { budget, lines, .. } => return self.of_credits(window, budget, lines),
            _ => self.left(window),
        };
        let Some(lines) = lines else {
            return Seen::Absent;
        };
        self.with_this(window, lines.sum(self.input.at, window.ms))
    }

    fn touches(&self, of: AssetIx) -> bool {
        match self.input.ask {
            Ask::Credit { lines, .. } => lines.iter().any(|line| line.asset == of),
            _ => self.input.asset() == Some(of),
        }
    }

    /// What left before this request, where the window looks.
    fn left(&mut self, window: Window) -> Option<Lines<'s>> {
        let history = &self.state.history;
        let of = match window.of {
            Of::Amount(asset) => Some(asset),
            _ => None,
        };
        let (Ask::Withdrawal { asset, wallet, .. } | Ask::Transfer { asset, wallet, .. }) =
            self.input.ask
        else {
            return None;
        };
        match (window.per, self.input.ask) {
            (Per::Wallet, _) => Some(history.of_wallet(*wallet, of)),
            (Per::Customer, Ask::Withdrawal { owner, .. }) => Some(history.of_customer(*owner, of)),
            (Per::Destination, Ask::Withdrawal { to, .. }) => {
                let number = self.number(to);
                Some(number.map_or(Lines::NONE, |number| history.of_destination(number, of)))
            }
            (Per::Asset, _) => Some(history.of_asset(*asset)),
            (Per::Network, _) => {
                let row = self.state.registry.assets.get(asset.place())?;
                let network = row.network.as_deref()?;
                Some(match of {
                    Some(of) => history.of_asset(of),
                    None => history.of_network(network),
                })
            }
            (Per::All, _) => Some(match of {
                Some(of) => history.of_asset(of),
                None => history.of_all(),
            }),
            _ => None,
        }
    }

    fn with_this(&mut self, window: Window, before: Sum) -> Seen {
        let units = match self.input.ask {
            Ask::Withdrawal { units, .. } | Ask::Transfer { units, .. } => *units,
            Ask::Credit { .. } => 0,
        };
        let more = !self.input.counted;
        match window.of {
            Of::Count => Seen::Number(u128::from(before.count).saturating_add(u128::from(more))),
            Of::Amount(_) => {
                let units = if more { units } else { 0 };
                let sum = before.units.checked_add(units);
                sum.map_or(Seen::Unknown(Unknown::TooLarge), Seen::Number)
            }
            Of::Value => {
                let this = if more { self.value() } else { Ok(0) };
                let add = |sum: u128| {
                    let this = this?;
                    sum.checked_add(this).ok_or(Unknown::TooLarge)
                };
                priced(before).and_then(add).into()
            }
        }
    }

    /// A window of credits, with this batch; of recipients the greatest.
    #[inline(never)]
    fn of_credits(&mut self, window: Window, budget: &str, lines: &[CreditLine]) -> Seen {
        let (history, at, ms) = (&self.state.history, self.input.at, window.ms);
        let of = match window.of {
            Of::Amount(asset) => Some(asset),
            _ => None,
        };
        let all = match window.per {
            Per::Requester => {
                let actor = self.input.actor;
                let actor = actor.and_then(|ix| self.state.registry.actors.get(ix.place()));
                let Some(actor) = actor else {
                    return Seen::Unknown(Unknown::NotRecorded);
                };
                history.of_requester(actor.person, of).sum(at, ms)
            }
            Per::Campaign => history.of_campaign(budget, of).sum(at, ms),
            Per::Credits => history.of_credits(of).sum(at, ms),
            Per::Recipient => return self.of_recipients(window, of, lines),
            _ => return Seen::Absent,
        };
        let this = lines.iter().try_fold(0u128, |sum, line| {
            sum.checked_add(self.line(window.of, line)?)
                .ok_or(Unknown::TooLarge)
        });
        let before = told(window.of, all);
        before
            .and_then(|before| before.checked_add(this?).ok_or(Unknown::TooLarge))
            .into()
    }

    fn of_recipients(&self, window: Window, of: Option<AssetIx>, lines: &[CreditLine]) -> Seen {
        let mut each: BTreeMap<OwnerIx, u128> = BTreeMap::new();
        for line in lines {
            let more = match self.line(window.of, line) {
                Ok(more) => more,
                Err(why) => return Seen::Unknown(why),
            };
            let sum = each.entry(line.owner).or_insert(0);
            *sum = sum.saturating_add(more);
        }
        let mut most = 0;
        for (owner, more) in each {
            let (at, ms) = (self.input.at, window.ms);
            let before = self.state.history.of_recipient(owner, of).sum(at, ms);
            match told(window.of, before) {
                Ok(before) => most = most.max(before.saturating_add(more)),
                Err(why) => return Seen::Unknown(why),
            }
        }
        Seen::Number(most)
    }

    /// What one line adds to a window of credits.
    fn line(&self, of: Of, line: &CreditLine) -> Result<u128, Unknown> {
        if self.input.counted {
            return Ok(0);
        }
        match of {
            Of::Count => Ok(1),
            Of::Amount(asset) => Ok(if line.asset == asset { line.units } else { 0 }),
            Of::Value => value_now(self.state, line.asset, line.units, self.input.at),
        }
    }
}

/// What a batch credits of an asset.
#[inline(never)]
fn credited(lines: &[CreditLine], asset: AssetIx) -> Seen {
    let of = || lines.iter().filter(|line| line.asset == asset);
    if of().next().is_none() {
        return Seen::Absent;
    }
    let sum = of().try_fold(0u128, |sum, line| sum.checked_add(line.units));
    sum.map_or(Seen::Unknown(Unknown::TooLarge), Seen::Number)
}

fn told(of: Of, sum: Sum) -> Result<u128, Unknown> {
    match of {
        Of::Count => Ok(u128::from(sum.count)),
        Of::Amount(_) => Ok(sum.units),
        Of::Value => priced(sum),
    }
}

const fn priced(sum: Sum) -> Result<u128, Unknown> {
    if sum.unpriced > 0 {
        return Err(Unknown::Unpriced {
            count: sum.unpriced,
        });
    }
    Ok(sum.value)
}

/// Hour of the day, so many minutes east of UTC.
fn hour(at: u64, offset_minutes: i16) -> u128 {
    // Below 2^49, as milliseconds are below 2^64.
    let minutes = i64::try_from(at / 60_000).unwrap_or(0);
    let minutes = minutes.saturating_add(i64::from(offset_minutes));
    u128::try_from(minutes.rem_euclid(24 * 60) / 60).unwrap_or(0)
}
