//! What we hold: wallets as the chain shows them, each flow in or out once, and coverage of what we owe.

mod outflows;

pub use outflows::Left;
pub(crate) use outflows::New;

use crate::amount::Amount;
use crate::price::worth;
use crate::registry::{AssetIx, Tier, WalletIx};
use crate::state::State;
use crate::wide::Wide;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use outflows::Outflows;

/// Direction of a flow, seen from our wallet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Direction {
    /// Into our wallet.
    In = 1,
    /// Out of our wallet.
    Out = 2,
}

/// What explains an outflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Explained {
    /// Nothing does: nobody cleared it.
    Not = 1,
    /// The clearance of the request with that number.
    Clearance(u32) = 2,
    /// A sweep that the breaker ordered.
    Sweep = 3,
    /// It came in; only outflows need an explanation.
    Inflow = 4,
}

/// One node's report of a flow.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Report {
    /// The node.
    pub node: String,
    /// The amount it shows, minor units.
    pub units: u128,
    /// The block that it shows it in.
    pub height: u64,
}

/// One flow of one asset of one transaction in or out of one wallet.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Flow {
    /// Our wallet.
    pub wallet: WalletIx,
    /// In or out.
    pub direction: Direction,
    /// How much, by the first report.
    pub amount: Amount,
    /// Transaction id.
    pub txid: String,
    /// The other side's address.
    pub peer: String,
    /// When the journal first heard of it, ms.
    pub at: u64,
    /// Who reported what.
    pub reports: Vec<Report>,
    /// True once it moved the wallet's holding: outflows at the first report, inflows when a quorum of nodes agrees.
    pub counted: bool,
    /// What explains it.
    pub explained: Explained,
}

/// A sweep of a tripped wallet that the breaker ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Sweep {
    /// From.
    pub from: WalletIx,
    /// To.
    pub to: WalletIx,
    /// When it was ordered, ms.
    pub at: u64,
}

/// How a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum NodeHealth {
    /// Keeps up.
    Up = 1,
    /// Does not answer.
    Down = 2,
    /// Behind by so many ms.
    Lagging {
        /// Lag, ms.
        lag_ms: u64,
    } = 3,
    /// Known to report what is not so.
    Lying = 4,
}

/// A key of a flow: one transaction may move several assets of several wallets.
pub type FlowKey = (WalletIx, AssetIx, Direction, String);

/// Everything about what we hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Custody {
    /// What each wallet holds of each asset as the chain shows it, minor units.
    holdings: BTreeMap<(WalletIx, AssetIx), u128>,
    /// What all wallets together hold and have cleared to leave, per asset.
    together: BTreeMap<AssetIx, Together>,
    /// All flows, in order of first report.
    pub flows: Vec<Flow>,
    /// From key to number of a flow.
    pub by_key: BTreeMap<FlowKey, u32>,
    /// Highest block each node showed.
    pub tips: BTreeMap<String, u64>,
    /// Nodes that said how they are.
    pub nodes: BTreeMap<String, NodeHealth>,
    /// Ordered sweeps.
    pub sweeps: Vec<Sweep>,
    /// Recent outflows per wallet and asset, for the caps.
    outflows: BTreeMap<(WalletIx, AssetIx), Outflows>,
    /// Wallets whose key is known or feared outside, since when, ms.
    pub retired: BTreeMap<WalletIx, u64>,
}

/// Sums over all wallets of one asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Together {
    /// As the chain shows it.
    held: Wide,
    /// Cleared outflows that the chain does not show yet.
    unseen: Wide,
}

impl Custody {
    /// What each wallet holds of each asset as the chain shows it, minor units.
    #[must_use]
    pub const fn holdings(&self) -> &BTreeMap<(WalletIx, AssetIx), u128> {
        &self.holdings
    }

    /// What a wallet holds of an asset as the chain shows it, minor units.
    #[must_use]
    pub fn holding(&self, wallet: WalletIx, asset: AssetIx) -> u128 {
        self.holdings.get(&(wallet, asset)).copied().unwrap_or(0)
    }

    /// What all wallets hold of an asset as the chain shows it, minor units.
    #[must_use]
    pub fn held(&self, asset: AssetIx) -> u128 {
        let together = self.together.get(&asset);
        together.map_or(0, |together| together.held.told())
    }

    /// Cleared outflows of all wallets that the chain does not show yet, minor units.
    #[must_use]
    pub fn unseen_of_all(&self, asset: AssetIx) -> u128 {
        let together = self.together.get(&asset);
        together.map_or(0, |together| together.unseen.told())
    }

    /// Cleared outflows of a wallet that the chain does not show yet, minor units.
    #[must_use]
    pub fn unseen(&self, wallet: WalletIx, asset: AssetIx) -> u128 {
        let outflows = self.outflows.get(&(wallet, asset));
        outflows.map_or(0, |outflows| outflows.unseen().told())
    }

    /// What the caps take for the holding of a wallet, minor units: whatever was cleared counts as gone, used or not,
    /// so that clearances that lapse never raise a cap.
    #[must_use]
    pub fn cap_base(&self, wallet: WalletIx, asset: AssetIx) -> u128 {
        let outflows = self.outflows.get(&(wallet, asset));
        let cleared = outflows.map_or(0, Outflows::cleared);
        self.holding(wallet, asset).saturating_sub(cleared)
    }

    /// What a wallet holds less what is cleared to leave it, minor units.
    #[must_use]
    pub fn free(&self, wallet: WalletIx, asset: AssetIx) -> u128 {
        self.holding(wallet, asset)
            .saturating_sub(self.unseen(wallet, asset))
    }

    /// What left a wallet in the window `(now - window, now]`, or was cleared to.
    #[must_use]
    pub fn left(&self, wallet: WalletIx, asset: AssetIx, now: u64, window_ms: u64) -> Left {
        let outflows = self.outflows.get(&(wallet, asset));
        let nothing = Left {
            units: 0,
            before: None,
        };
        outflows.map_or(nothing, |outflows| outflows.left(now, window_ms))
    }

    /// The flow of that key.
    #[must_use]
    pub fn flow(&self, key: &FlowKey) -> Option<(u32, &Flow)> {
        let ix = *self.by_key.get(key)?;
        Some((ix, self.flows.get(usize::try_from(ix).ok()?)?))
    }

    /// True if the breaker ordered a sweep from one wallet to the other.
    #[must_use]
    pub fn sweep_ordered(&self, from: WalletIx, to: WalletIx) -> bool {
        self.sweeps.iter().any(|s| s.from == from && s.to == to)
    }
}

/// What the fold does.
impl Custody {
    /// Changes what a wallet holds, from what it held.
    pub(crate) fn hold(
        &mut self,
        wallet: WalletIx,
        asset: AssetIx,
        change: impl FnOnce(u128) -> u128,
    ) {
        let held = self.holdings.entry((wallet, asset)).or_insert(0);
        let before = *held;
        *held = change(before);
        let together = self.together.entry(asset).or_default();
        together.held = together.held.less(before).plus(*held);
    }

    /// Adds what left a wallet or was cleared to, and forgets what no cap that looks back no longer than `kept` and no
    /// open clearance needs any more.
    pub(crate) fn add_outflow(&mut self, of: (WalletIx, AssetIx), new: New, kept: u64) {
        self.outflows.entry(of).or_default().push(new, kept);
        if new.request.is_some() {
            let together = self.together.entry(of.1).or_default();
            together.unseen = together.unseen.plus(new.units);
        }
    }

    /// The chain shows what was cleared.
    pub(crate) fn outflow_seen(&mut self, of: (WalletIx, AssetIx), request: u32) {
        if let Some(outflows) = self.outflows.get_mut(&of) {
            let units = outflows.seen(request);
            self.no_longer_unseen(of.1, units);
        }
    }

    /// A clearance lapsed: it holds nothing back in the wallet any more, and stays in the window of the caps.
    pub(crate) fn outflow_lapsed(&mut self, of: (WalletIx, AssetIx), request: u32) {
        if let Some(outflows) = self.outflows.get_mut(&of) {
            let units = outflows.lapsed(request);
            self.no_longer_unseen(of.1, units);
        }
    }

    fn no_longer_unseen(&mut self, asset: AssetIx, units: u128) {
        if let Some(together) = self.together.get_mut(&asset) {
            together.unseen = together.unseen.less(units);
        }
    }
}

/// Held against owed of one asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// The asset.
    pub asset: AssetIx,
    /// Owed to customers and the house together, minor units.
    pub owed: u128,
    /// Held in our wallets as the chain shows them, minor units.
    pub held: u128,
}

impl Coverage {
    /// What is missing: owed minus held, minor units.
    #[must_use]
    pub const fn shortfall(self) -> u128 {
        self.owed.saturating_sub(self.held)
    }
    /// What is held above what is owed, minor units.
    #[must_use]
    pub const fn surplus(self) -> u128 {
        self.held.saturating_sub(self.owed)
    }
    /// Held per owed in basis points, rounded down; `None` where nothing is owed.
    #[must_use]
    pub fn bps(self) -> Option<u128> {
        crate::split::mul_div(self.held, 10_000, self.owed).map(|(bps, _)| bps)
    }
}

/// Coverage of every asset that lies on a chain, same kind and same quantity (law id `kr-vaupa-same-kind-quantity`).
#[must_use]
pub fn coverage(state: &State) -> Vec<Coverage> {
    let numbered = state.registry.assets.iter().enumerate();
    let on_chain = numbered.filter(|(_, asset)| asset.network.is_some());
    let rows = on_chain.filter_map(|(at, _)| {
        let asset = AssetIx::next(at)?;
        Some(Coverage {
            asset,
            owed: state.book.owed(asset),
            held: state.custody.held(asset),
        })
    });
    rows.collect()
}

/// Value of what is held in cold wallets and in all wallets, in minor units of the quote asset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColdShare {
    /// Value in cold wallets.
    pub cold: u128,
    /// Value in all wallets.
    pub all: u128,
    /// Value on line: all that is not cold. The base of the reserve (law id `kr-vaupa-reserve`).
    pub online: u128,
    /// Assets that are held but have no price; the share says nothing about them.
    pub unpriced: Vec<AssetIx>,
}

impl ColdShare {
    /// Cold per all in permille, rounded down; `None` where nothing priced is held.
    #[must_use]
    pub fn permille(&self) -> Option<u128> {
        crate::split::mul_div(self.cold, 1000, self.all).map(|(permille, _)| permille)
    }
}

/// Cold share by value at the prices given, in the unit of [`crate::price`].
///
/// Which prices count is law data (Korea: the mean of daily prices over a year, law id `kr-vaupa-cold-valuation`); the
/// caller names them. Value is floored per wallet and asset. `None` on more than 128 bits.
#[must_use]
pub fn cold_share(state: &State, prices: &BTreeMap<AssetIx, u128>) -> Option<ColdShare> {
    let mut share = ColdShare::default();
    for ((wallet, asset), units) in &state.custody.holdings {
        let row = state.registry.assets.get(asset.place())?;
        if row.network.is_none() || *units == 0 {
            continue;
        }
        let Some(price) = prices.get(asset) else {
            if !share.unpriced.contains(asset) {
                share.unpriced.push(*asset);
            }
            continue;
        };
        let value = worth(*units, *price, row.decimals)?;
        share.all = share.all.checked_add(value)?;
        if state
            .registry
            .wallets
            .get(wallet.place())
            .is_some_and(|w| w.tier == Tier::Cold)
        {
            share.cold = share.cold.checked_add(value)?;
        } else {
            share.online = share.online.checked_add(value)?;
        }
    }
    Some(share)
}

/// The powers of ten that fit 128 bits.
const POWERS: [u128; 39] = {
    let mut powers = [1; 39];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};

/// `units x price / 10^decimals`, rounded down, in minor units of the quote asset; `None` on more than 128 bits.
#[must_use]
pub fn value_of(units: u128, price: u128, decimals: u8) -> Option<u128> {
    let whole = *POWERS.get(usize::from(decimals))?;
    crate::split::mul_div(units, price, whole).map(|(value, _)| value)
}
