//! The exchange that is measured: a state folded from events, as the product's is. Every customer deposited money ten days
//! ago, holds coins, and withdrew some of them within the last day.

use keepwhole_core::amount::Amount;
use keepwhole_core::apply::apply;
use keepwhole_core::book::{Movement, MovementKind};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::Ask;
use keepwhole_core::price::{ONE, PriceEvent, ToldPrice};
use keepwhole_core::registry::{Asset, AssetIx, OUTSIDE, OwnerIx, Tier, Wallet, WalletIx};
use keepwhole_core::state::State;

/// Coins beside the money.
pub(super) const COINS: u16 = 8;
/// Customers that hold the coin of the first one as well.
const FEW: u32 = 10_000;
/// Wallets of ours.
const WALLETS: u32 = 64;
pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;
/// 2026-05-01T00:00:00Z.
const START: u64 = 1_777_593_600_000;
/// When the withdrawals of the history begin.
const LATELY: u64 = START + 10 * DAY;

/// A number that looks drawn, the same in every run.
fn drawn(n: u32, salt: u32) -> u32 {
    let mut word = n.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(0x9e37_79b9);
    word ^= word >> 15;
    word = word.wrapping_mul(0x85eb_ca6b);
    word ^ (word >> 13)
}

fn coin(n: u32) -> AssetIx {
    AssetIx(u16::try_from(1 + drawn(n, 1) % u32::from(COINS)).unwrap_or(1))
}

/// A customer's outside name: as long as a UUID.
pub(super) fn name(customer: u32) -> String {
    format!("{:08x}-0000-4000-8000-{customer:012x}", drawn(customer, 9))
}

/// An address as long as those of Ethereum.
pub(super) fn destination(customer: u32) -> String {
    let (first, last) = (drawn(customer, 2), drawn(customer, 10));
    format!("0x{first:08x}{customer:024x}{last:08x}")
}

/// Mostly small withdrawals to where the customer withdrew before.
pub(super) fn ask(n: u32, customers: u32) -> Ask {
    let customer = drawn(n, 3) % customers;
    let strange = drawn(n, 4).is_multiple_of(10);
    let large = drawn(n, 5).is_multiple_of(20);
    let units = u128::from(drawn(n, 6) % 90_000 + 1) * if large { 1_000 } else { 1 };
    let to = if strange {
        customer ^ 0x8000_0000
    } else {
        customer
    };
    Ask::Withdrawal {
        owner: OwnerIx(customer + 2),
        wallet: WalletIx(drawn(n, 7) % WALLETS),
        asset: coin(customer),
        units,
        to: destination(to),
    }
}

/// The command that asks for it, with an id of its own.
pub(super) fn command(n: u32, ask: &Ask, lane: &str) -> Option<Command> {
    let Ask::Withdrawal {
        owner,
        wallet,
        asset,
        units,
        to,
    } = ask
    else {
        return None;
    };
    Some(Command {
        id: Some(format!(
            "{lane}-{n:08x}-0000-4000-8000-{:012x}",
            drawn(n, 11)
        )),
        actor: None,
        body: Body::RequestWithdrawal {
            customer: name(owner.0.checked_sub(2)?),
            wallet: format!("hot-{}", wallet.0),
            asset: format!("A{}", asset.0),
            units: *units,
            to: to.clone(),
        },
    })
}

/// A state and how far it was told.
pub(super) struct World {
    pub(super) state: State,
    turn: u64,
}

impl World {
    fn tell(&mut self, at: u64, event: Event) {
        self.turn += 1;
        apply(&mut self.state, &Record::new(at, self.turn, event));
    }

    /// With a withdrawal of each customer, out of all wallets.
    pub(super) fn of_customers(customers: u32) -> Self {
        let mut world = Self::registered(customers);
        world.price(LATELY);
        for n in 0..customers {
            let at = LATELY + u64::from(n) * (DAY - HOUR) / u64::from(customers);
            let wallet = WalletIx(drawn(n, 7) % WALLETS);
            let units = u128::from(drawn(n, 8) % 10_000 + 1);
            world.withdrew(n, at, (n, wallet, coin(n)), units, None);
        }
        world.price(LATELY + DAY);
        world
    }

    /// With so many withdrawals out of the first wallet, each with a clearance that may still lapse, of as many customers;
    /// and as many again who withdrew nothing yet.
    pub(super) fn of_one_wallet(customers: u32, withdrawals: u32) -> Self {
        let mut world = Self::registered(2 * customers);
        world.price(LATELY);
        let asset = coin(0);
        for n in 0..withdrawals {
            let at = LATELY + DAY - HOUR / 2 + u64::from(n) * (HOUR / 4) / u64::from(withdrawals);
            let until = Some(LATELY + 2 * DAY + u64::from(n));
            let units = u128::from(drawn(n, 8) % 10 + 1);
            world.withdrew(n, at, (n % customers, WalletIx(0), asset), units, until);
        }
        world.price(LATELY + DAY);
        world
    }

    /// A withdrawal out of the first wallet in the coin of its history, by one who withdrew nothing before.
    pub(super) fn ask_of_one_wallet(n: u32, customers: u32) -> Ask {
        let customer = customers + drawn(n, 3) % customers;
        Ask::Withdrawal {
            owner: OwnerIx(customer + 2),
            wallet: WalletIx(0),
            asset: coin(0),
            units: u128::from(drawn(n, 6) % 90 + 1),
            to: destination(customer),
        }
    }

    /// A price each, twice.
    fn price(&mut self, at: u64) {
        for price in [100_000_000, 100_500_000] {
            for coin in 1..=COINS {
                let told = ToldPrice {
                    base: AssetIx(coin),
                    quote: AssetIx(0),
                    price: price * ONE,
                    as_of: at,
                    source: "bench".to_owned(),
                };
                self.tell(at, Event::OfPrice(PriceEvent::Told(told)));
            }
        }
    }

    fn withdrew(
        &mut self,
        n: u32,
        at: u64,
        (customer, wallet, asset): (u32, WalletIx, AssetIx),
        units: u128,
        until: Option<u64>,
    ) {
        let ask = Ask::Withdrawal {
            owner: OwnerIx(customer + 2),
            wallet,
            asset,
            units,
            to: destination(customer),
        };
        let request = Event::RequestMade {
            id: format!("w{n}"),
            ask,
            actor: None,
            needs: 0,
        };
        self.tell(at, request);
        let before = self.state.custody.cap_base(wallet, asset);
        let cleared = Event::RequestCleared {
            request: n,
            until,
            before,
        };
        self.tell(at, cleared);
    }

    fn registered(customers: u32) -> Self {
        let mut world = Self {
            state: State::default(),
            turn: 0,
        };
        for number in 0..=COINS {
            let asset = Asset {
                id: format!("A{number}"),
                decimals: if number == 0 { 0 } else { 8 },
                network: (number > 0).then(|| format!("net-{}", number % 3)),
                confirmations: 1,
            };
            world.tell(START, Event::AssetRegistered(asset));
        }
        for number in 0..WALLETS {
            let wallet = Wallet {
                id: format!("hot-{number}"),
                tier: Tier::Hot,
                address: format!("0xwallet{number}"),
            };
            world.tell(START, Event::WalletRegistered(wallet));
            for coin in 1..=COINS {
                let event = Event::HoldingDeclared {
                    wallet: WalletIx(number),
                    asset: AssetIx(coin),
                    units: 1 << 60,
                };
                world.tell(START, event);
            }
        }
        let policy = Box::new(super::rules::policy());
        world.tell(START, Event::PolicyAdopted(policy));
        for id in ["house", "outside"] {
            world.tell(START, Event::OwnerRegistered(id.to_owned()));
        }
        for n in 0..customers {
            world.tell(START, Event::OwnerRegistered(name(n)));
            let came = |asset, units| {
                Event::MovementRecorded(Movement {
                    from: OUTSIDE,
                    to: OwnerIx(n + 2),
                    amount: Amount::new(asset, units),
                    kind: MovementKind::Deposit,
                    reference: String::new(),
                })
            };
            world.tell(START, came(AssetIx(0), 5_000_000));
            world.tell(START, came(coin(n), 1 << 40));
            // Those of the measurement out of one wallet hold its coin.
            if coin(n) != coin(0) && n < FEW {
                world.tell(START, came(coin(0), 1 << 40));
            }
        }
        world
    }
}
