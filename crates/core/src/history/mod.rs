//! History: what the figures of rules look back at. What left and was credited lately, per customer, destination, wallet,
//! asset, network, recipient, requester and campaign, as exact rolling sums; since when customers and destinations are
//! known; what was deposited lately. Folded from events alone.
//!
//! A request counts from its clearing on and leaves only when its clearance lapses unredeemed, or is dead. Its value is what it was
//! worth when it was cleared. What is older than the longest window of the policy, and than a day, is forgotten; a window
//! that becomes longer counts what is still known and grows with time.

mod ahead;
mod line;
mod lines;
mod rows;
mod taken;

pub use line::Sum;
pub use lines::Lines;

use crate::address::one_form;
use crate::guard::{Ask, CreditLine};
use crate::index::HashKey;
use crate::names::Names;
use crate::policy::Policy;
use crate::policy::field::Deposits;
use crate::price::{Prices, worth};
use crate::registry::{AssetIx, OwnerIx, PersonIx, Registry, WalletIx};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use line::{Line, Long};
use rows::Rows;

/// What left or was credited is remembered this long at least, ms.
const KEPT_MS: u64 = 86_400_000;
/// Greatest value that is added up, minor units of the reference currency; above it a value is *unknown*.
pub const VALUE_MAX: u128 = 1 << 96;
/// Stands for the asset in lines over all assets.
const EVERY: AssetIx = AssetIx(0);

/// Since when a destination is known, ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Destination {
    /// Since when it is listed.
    pub listed: Option<u64>,
    /// When it was first paid, or cleared to be.
    pub paid: Option<u64>,
}

/// A customer's deposits of one sort.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Deposited {
    first: Option<u64>,
    last: Option<u64>,
    /// Mostly none: those of most customers are long ago.
    lately: Long,
}

impl Deposited {
    fn sum(&self, now: u64, ms: u64) -> Sum {
        // Most deposits are long ago; then nobody needs to look at them one by one.
        let start = now.checked_sub(ms);
        if start.is_some_and(|start| self.last.is_none_or(|last| last <= start)) {
            return Sum::default();
        }
        self.lately.sum(now, ms)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Depositor {
    money: Deposited,
    other: Deposited,
}

/// A clearance that may still lapse or be declared dead: when it was cleared and what it was worth then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Open {
    at: u64,
    value: Option<u128>,
}

/// The history.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct History {
    /// When each owner was registered, ms, by number.
    registered: Vec<u64>,
    /// For each owner the place of its deposits plus one, or zero.
    depositor: Vec<u32>,
    depositors: Vec<Depositor>,
    destinations: Names,
    known: Vec<Destination>,
    by_customer: Rows,
    by_destination: Rows,
    by_wallet: Rows,
    by_wallet_all: Rows,
    by_asset: Rows,
    by_network: BTreeMap<String, Line>,
    all: Line,
    by_recipient: Rows,
    by_requester: Rows,
    by_campaign: BTreeMap<String, Rows>,
    credits: Rows,
    /// Cleared requests that nothing left for yet.
    open: BTreeMap<u32, Open>,
    /// The price before the last, per base and quote.
    earlier: BTreeMap<(AssetIx, AssetIx), u128>,
}

/// Value of an amount in the reference currency at the last price, whatever its age; `None` without a price, without a
/// reference currency, or above [`VALUE_MAX`].
#[must_use]
pub fn value_at(
    registry: &Registry,
    prices: &Prices,
    reference: Option<AssetIx>,
    asset: AssetIx,
    units: u128,
) -> Option<u128> {
    let reference = reference?;
    let value = if asset == reference {
        units
    } else {
        let last = prices.get(&(asset, reference))?.last.as_ref()?;
        worth(
            units,
            last.price,
            registry.assets.get(asset.place())?.decimals,
        )?
    };
    (value < VALUE_MAX).then_some(value)
}

impl History {
    pub(crate) fn set_key(&mut self, key: HashKey) {
        self.destinations.set_key(key);
    }

    /// When a customer became known, ms: registered, or the first deposit where that is dated earlier.
    #[must_use]
    pub fn customer_since(&self, owner: OwnerIx) -> Option<u64> {
        let registered = *self.registered.get(owner.place())?;
        let deposited = self.first_deposit(owner, Deposits::Any);
        Some(deposited.map_or(registered, |first| first.min(registered)))
    }

    fn depositor(&self, owner: OwnerIx) -> Option<&Depositor> {
        let link = *self.depositor.get(owner.place())?;
        let place = usize::try_from(link.checked_sub(1)?).ok()?;
        self.depositors.get(place)
    }

    /// When a customer first deposited, ms.
    #[must_use]
    pub fn first_deposit(&self, owner: OwnerIx, of: Deposits) -> Option<u64> {
        let row = self.depositor(owner)?;
        match of {
            Deposits::Money => row.money.first,
            Deposits::Virtual => row.other.first,
            Deposits::Any => match (row.money.first, row.other.first) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    /// When a customer last deposited, ms.
    #[must_use]
    pub fn last_deposit(&self, owner: OwnerIx, of: Deposits) -> Option<u64> {
        let row = self.depositor(owner)?;
        match of {
            Deposits::Money => row.money.last,
            Deposits::Virtual => row.other.last,
            Deposits::Any => row.money.last.max(row.other.last),
        }
    }

    /// What a customer deposited in `(now - ms, now]`; its units say nothing.
    #[must_use]
    pub fn deposited(&self, owner: OwnerIx, of: Deposits, now: u64, ms: u64) -> Sum {
        let Some(row) = self.depositor(owner) else {
            return Sum::default();
        };
        match of {
            Deposits::Money => row.money.sum(now, ms),
            Deposits::Virtual => row.other.sum(now, ms),
            Deposits::Any => row.money.sum(now, ms).and(row.other.sum(now, ms)),
        }
    }

    /// The number of a destination that was ever listed or paid.
    #[must_use]
    pub fn destination(&self, to: &str) -> Option<u32> {
        self.destinations.number(&one_form(to))
    }

    /// Since when the destination of that number is known.
    #[must_use]
    pub fn destination_known(&self, number: u32) -> Destination {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.known.get(place).copied().unwrap_or_default()
    }

    /// The price that counted before the last one, [`crate::price::ONE`]ths of a minor unit of the quote asset.
    #[must_use]
    pub fn earlier_price(&self, base: AssetIx, quote: AssetIx) -> Option<u128> {
        self.earlier.get(&(base, quote)).copied()
    }

    /// Withdrawals of a customer: of one asset, or of all.
    #[must_use]
    pub fn of_customer(&self, owner: OwnerIx, asset: Option<AssetIx>) -> Lines<'_> {
        self.by_customer.lines(owner.0, asset)
    }

    /// Withdrawals to a destination: of one asset, or of all.
    #[must_use]
    pub fn of_destination(&self, number: u32, asset: Option<AssetIx>) -> Lines<'_> {
        self.by_destination.lines(number, asset)
    }

    /// What left a wallet: of one asset, or of all.
    #[must_use]
    pub fn of_wallet(&self, wallet: WalletIx, asset: Option<AssetIx>) -> Lines<'_> {
        match asset {
            Some(_) => self.by_wallet.lines(wallet.0, asset),
            None => self.by_wallet_all.lines(wallet.0, Some(EVERY)),
        }
    }

    /// Withdrawals of an asset.
    #[must_use]
    pub fn of_asset(&self, asset: AssetIx) -> Lines<'_> {
        self.by_asset.lines(u32::from(asset.0), Some(EVERY))
    }

    /// Withdrawals on a network.
    #[must_use]
    pub fn of_network(&self, network: &str) -> Lines<'_> {
        Lines::one(self.by_network.get(network))
    }

    /// All withdrawals.
    #[must_use]
    pub const fn of_all(&self) -> Lines<'_> {
        Lines::one(Some(&self.all))
    }

    /// Credits to a customer: of one asset, or of all.
    #[must_use]
    pub fn of_recipient(&self, owner: OwnerIx, asset: Option<AssetIx>) -> Lines<'_> {
        self.by_recipient.lines(owner.0, asset)
    }

    /// Credits that a person asked for: of one asset, or of all.
    #[must_use]
    pub fn of_requester(&self, person: PersonIx, asset: Option<AssetIx>) -> Lines<'_> {
        self.by_requester.lines(person.0, asset)
    }

    /// Credits of a campaign: of one asset, or of all.
    #[must_use]
    pub fn of_campaign(&self, budget: &str, asset: Option<AssetIx>) -> Lines<'_> {
        let rows = self.by_campaign.get(budget);
        rows.map_or(Lines::NONE, |rows| rows.lines(0, asset))
    }

    /// All credits: of one asset, or of all.
    #[must_use]
    pub fn of_credits(&self, asset: Option<AssetIx>) -> Lines<'_> {
        self.credits.lines(0, asset)
    }

    /// Bytes of memory, without what maps take themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = [
            &self.by_customer,
            &self.by_destination,
            &self.by_wallet,
            &self.by_wallet_all,
            &self.by_asset,
            &self.by_recipient,
            &self.by_requester,
            &self.credits,
        ];
        let rows: usize = rows.iter().map(|rows| rows.bytes()).sum();
        let depositors = self.depositors.capacity();
        let owners = self.registered.capacity().saturating_mul(8);
        rows.saturating_add(owners)
            .saturating_add(self.depositor.capacity().saturating_mul(4))
            .saturating_add(depositors.saturating_mul(size_of::<Depositor>()))
            .saturating_add(self.destinations.bytes())
            .saturating_add(
                self.known
                    .capacity()
                    .saturating_mul(size_of::<Destination>()),
            )
            .saturating_add(self.all.bytes())
    }
}

/// What the fold does.
impl History {
    pub(crate) fn owner_registered(&mut self, at: u64) {
        self.registered.push(at);
    }

    pub(crate) fn destination_listed(&mut self, to: &str, at: u64) {
        if let Some(known) = self.destination_mut(to) {
            known.listed.get_or_insert(at);
        }
    }

    fn destination_mut(&mut self, to: &str) -> Option<&mut Destination> {
        let to = &*one_form(to);
        let number = match self.destinations.number(to) {
            Some(number) => number,
            None => {
                self.destinations.add(to);
                self.known
                    .resize(self.destinations.len(), Destination::default());
                self.destinations.number(to)?
            }
        };
        self.known.get_mut(usize::try_from(number).ok()?)
    }

    pub(crate) fn price_replaced(&mut self, pair: (AssetIx, AssetIx), before: u128) {
        self.earlier.insert(pair, before);
    }

    /// A deposit into the books, dated `on`, recorded at `now`: under a policy it counts from `now` on.
    pub(crate) fn deposited_now(
        &mut self,
        owner: OwnerIx,
        money: bool,
        on: u64,
        one: Sum,
        (now, policy): (u64, &Policy),
    ) {
        let kept = policy.rules.longest_deposit_ms().max(KEPT_MS);
        let place = owner.place();
        if self.depositor.len() <= place {
            self.depositor.resize(place.saturating_add(1), 0);
        }
        let Some(link) = self.depositor.get_mut(place) else {
            return;
        };
        if *link == 0 {
            self.depositors.push(Depositor::default());
            *link = u32::try_from(self.depositors.len()).unwrap_or(0);
        }
        let row = usize::try_from(link.saturating_sub(1)).ok();
        let Some(row) = row.and_then(|row| self.depositors.get_mut(row)) else {
            return;
        };
        // An exchange brings its past along before its policy. From then on a date is only what somebody says.
        let on = if policy.version > 0 { now } else { on.min(now) };
        let deposits = if money {
            &mut row.money
        } else {
            &mut row.other
        };
        deposits.first = Some(deposits.first.map_or(on, |first| first.min(on)));
        deposits.last = deposits.last.max(Some(on));
        if on.saturating_add(kept) > now {
            deposits.lately.prune(now, kept);
            deposits.lately.add(on, one);
        }
    }

    /// A withdrawal or transfer was cleared.
    pub(crate) fn cleared(
        &mut self,
        request: u32,
        ask: &Ask,
        person: Option<PersonIx>,
        within: &Within<'_>,
    ) {
        let value = match ask {
            Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
                within.value(*asset, *units)
            }
            Ask::Credit { budget, lines, .. } => {
                self.credited(budget, lines, person, within);
                return;
            }
        };
        let at = within.at;
        self.open.insert(request, Open { at, value });
        if let Ask::Withdrawal { to, .. } = ask
            && let Some(known) = self.destination_mut(to)
        {
            known.paid.get_or_insert(at);
        }
        self.count(ask, at, value, within);
    }

    fn count(&mut self, ask: &Ask, at: u64, value: Option<u128>, within: &Within<'_>) {
        let times = (within.at, within.kept());
        match ask {
            Ask::Withdrawal {
                owner,
                wallet,
                asset,
                units,
                to,
            } => {
                let one = Sum::one(*units, value);
                self.by_customer.add((owner.0, *asset), at, one, times);
                if let Some(number) = self.destination(to) {
                    self.by_destination.add((number, *asset), at, one, times);
                }
                self.left_wallet((*wallet, *asset), at, one, times);
                self.left_house(*asset, at, one, within);
            }
            Ask::Transfer {
                wallet,
                asset,
                units,
                ..
            } => self.left_wallet((*wallet, *asset), at, Sum::one(*units, value), times),
            Ask::Credit { .. } => {}
        }
    }

    fn left_wallet(&mut self, of: (WalletIx, AssetIx), at: u64, one: Sum, times: (u64, u64)) {
        let (wallet, asset) = of;
        self.by_wallet.add((wallet.0, asset), at, one, times);
        self.by_wallet_all.add((wallet.0, EVERY), at, one, times);
    }

    fn left_house(&mut self, asset: AssetIx, at: u64, one: Sum, within: &Within<'_>) {
        let times = (within.at, within.kept());
        let number = u32::from(asset.0);
        self.by_asset.add((number, EVERY), at, one, times);
        if let Some(network) = within.network(asset) {
            let line = match self.by_network.get_mut(network) {
                Some(line) => line,
                None => self.by_network.entry(String::from(network)).or_default(),
            };
            line.prune(times.0, times.1);
            line.add(at, one);
        }
        self.all.prune(times.0, times.1);
        self.all.add(at, one);
    }

    /// Something left a wallet that nobody cleared; to an own wallet it counts only there.
    pub(crate) fn left_uncleared(
        &mut self,
        of: (WalletIx, AssetIx),
        units: u128,
        own: bool,
        within: &Within<'_>,
    ) {
        let one = Sum::one(units, within.value(of.1, units));
        self.left_wallet(of, within.at, one, (within.at, within.kept()));
        if !own {
            self.left_house(of.1, within.at, one, within);
        }
    }

    fn credited(
        &mut self,
        budget: &str,
        lines: &[CreditLine],
        person: Option<PersonIx>,
        within: &Within<'_>,
    ) {
        let times = (within.at, within.kept());
        let at = within.at;
        for line in lines {
            let one = Sum::one(line.units, within.value(line.asset, line.units));
            self.by_recipient
                .add((line.owner.0, line.asset), at, one, times);
            if let Some(person) = person {
                self.by_requester
                    .add((person.0, line.asset), at, one, times);
            }
            let rows = match self.by_campaign.get_mut(budget) {
                Some(rows) => rows,
                None => self.by_campaign.entry(String::from(budget)).or_default(),
            };
            rows.add((0, line.asset), at, one, times);
            self.credits.add((0, line.asset), at, one, times);
        }
    }

    /// It left: it counts for good.
    pub(crate) fn left(&mut self, request: u32) {
        self.open.remove(&request);
    }

    /// Nothing will leave for it: the request counts no longer.
    pub(crate) fn lapsed(&mut self, request: u32, ask: &Ask, within: &Within<'_>) {
        let Some(Open { at, value }) = self.open.remove(&request) else {
            return;
        };
        match ask {
            Ask::Withdrawal {
                owner,
                wallet,
                asset,
                units,
                to,
            } => {
                let one = Sum::one(*units, value);
                self.by_customer.release(owner.0, *asset, at, one);
                if let Some(number) = self.destination(to) {
                    self.by_destination.release(number, *asset, at, one);
                }
                self.release_wallet(*wallet, *asset, at, one);
                self.by_asset.release(u32::from(asset.0), EVERY, at, one);
                let network = within.network(*asset);
                if let Some(line) = network.and_then(|name| self.by_network.get_mut(name)) {
                    line.release(at, one);
                }
                self.all.release(at, one);
            }
            Ask::Transfer {
                wallet,
                asset,
                units,
                ..
            } => self.release_wallet(*wallet, *asset, at, Sum::one(*units, value)),
            Ask::Credit { .. } => {}
        }
    }

    fn release_wallet(&mut self, wallet: WalletIx, asset: AssetIx, at: u64, one: Sum) {
        self.by_wallet.release(wallet.0, asset, at, one);
        self.by_wallet_all.release(wallet.0, EVERY, at, one);
    }

    /// Values are told in another currency from now on: what was priced in the old one has no value.
    pub(crate) fn reference_changed(&mut self) {
        for rows in [
            &mut self.by_customer,
            &mut self.by_destination,
            &mut self.by_wallet,
            &mut self.by_wallet_all,
            &mut self.by_asset,
            &mut self.by_recipient,
            &mut self.by_requester,
            &mut self.credits,
        ] {
            rows.unprice();
        }
        self.by_campaign.values_mut().for_each(Rows::unprice);
        self.by_network.values_mut().for_each(Line::unprice);
        self.all.unprice();
        for row in &mut self.depositors {
            row.money.lately.unprice();
            row.other.lately.unprice();
        }
        for open in self.open.values_mut() {
            open.value = None;
        }
    }
}

/// What the fold of an event may look at beside the history.
pub(crate) struct Within<'s> {
    pub(crate) at: u64,
    pub(crate) registry: &'s Registry,
    pub(crate) prices: &'s Prices,
    pub(crate) policy: &'s Policy,
}

impl Within<'_> {
    pub(crate) fn value(&self, asset: AssetIx, units: u128) -> Option<u128> {
        value_at(
            self.registry,
            self.prices,
            self.policy.reference,
            asset,
            units,
        )
    }

    fn kept(&self) -> u64 {
        self.policy.rules.longest_window_ms().max(KEPT_MS)
    }

    fn network(&self, asset: AssetIx) -> Option<&str> {
        let row = self.registry.assets.get(asset.place())?;
        row.network.as_deref()
    }
}
