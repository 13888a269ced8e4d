//! What left, held against a plain list of it: sums, windows, moments to come and look-alikes, whatever comes in whatever
//! order.

use keepwhole_core::amount::Amount;
use keepwhole_core::apply::apply;
use keepwhole_core::custody::{Direction, Explained, Flow, Report};
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::{Cap, Policy};
use keepwhole_core::registry::{Asset, AssetIx, OwnerIx, Tier, Wallet, WalletIx};
use keepwhole_core::state::State;
use proptest::prelude::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

#[derive(Clone, Debug)]
enum Move {
    Clear {
        wallet: u32,
        asset: u16,
        units: u128,
        lapses: Option<u64>,
        own: bool,
    },
    Lapse(usize),
    Redeem(usize),
    See(usize),
    Stolen {
        wallet: u32,
        asset: u16,
        units: u128,
    },
    Hold {
        wallet: u32,
        asset: u16,
        units: u128,
    },
    Caps(u64),
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let units = prop_oneof![6 => 1u128..1_000, 1 => Just(1 << 127), 1 => Just(u128::MAX)];
    let of = || (0u32..2, 0u16..2, units.clone());
    let lapses = prop_oneof![1 => Just(None), 2 => (1..DAY).prop_map(Some)];
    let one = prop_oneof![
        8 => (of(), lapses, any::<bool>()).prop_map(|((wallet, asset, units), lapses, own)| {
            Move::Clear { wallet, asset, units, lapses, own }
        }),
        3 => (0usize..40).prop_map(Move::Lapse),
        1 => (0usize..40).prop_map(Move::Redeem),
        3 => (0usize..40).prop_map(Move::See),
        1 => of().prop_map(|(wallet, asset, units)| Move::Stolen { wallet, asset, units }),
        1 => of().prop_map(|(wallet, asset, units)| Move::Hold { wallet, asset, units }),
        1 => (1u64..4 * DAY).prop_map(Move::Caps),
        3 => (0u64..2 * HOUR).prop_map(Move::Pass),
        3 => (0u64..DAY).prop_map(Move::Pass),
    ];
    proptest::collection::vec(one, 1..80)
}

/// An outflow as a plain list keeps it.
#[derive(Clone, Debug)]
struct Outflow {
    of: (u32, u16),
    at: u64,
    units: u128,
    before: u128,
    request: Option<u32>,
    seen: bool,
    lapsed: bool,
}

/// A cleared request.
#[derive(Clone, Debug)]
struct Cleared {
    ask: Ask,
    until: Option<u64>,
    /// Counts in the windows of rules.
    counts: bool,
    /// Neither seen nor lapsed.
    open: bool,
    /// It may still lapse by itself.
    waits: bool,
}

/// The same, as plainly as it can be said.
#[derive(Default)]
struct Plain {
    state: State,
    at: u64,
    turn: u64,
    kept: u64,
    list: Vec<Outflow>,
    cleared: Vec<Cleared>,
    /// Uncleared ones, for the windows of rules.
    stolen: Vec<((u32, u16), u64, u128)>,
    cleared_at: Vec<u64>,
    flows: u32,
}

fn address(wallet: u32) -> String {
    format!("0xWallet{wallet}00000")
}

impl Plain {
    fn new() -> Self {
        let mut plain = Self {
            at: 100 * DAY,
            kept: DAY,
            ..Self::default()
        };
        for id in ["BTC", "ETH"] {
            plain.tell(Event::AssetRegistered(Asset {
                id: id.to_owned(),
                decimals: 8,
                network: Some(format!("net-{id}")),
                confirmations: 1,
            }));
        }
        for wallet in 0..2 {
            plain.tell(Event::WalletRegistered(Wallet {
                id: format!("hot-{wallet}"),
                tier: Tier::Hot,
                address: address(wallet),
            }));
        }
        plain
    }

    fn tell(&mut self, event: Event) {
        self.turn += 1;
        apply(&mut self.state, &Record::new(self.at, self.turn, event));
    }

    fn sum(&self, of: (u32, u16), counts: impl Fn(&Outflow) -> bool) -> u128 {
        let counted = self.list.iter().filter(|o| o.of == of && counts(o));
        counted.fold(0u128, |sum, o| sum.saturating_add(o.units))
    }

    fn push(&mut self, outflow: Outflow) {
        let (now, kept, of) = (self.at, self.kept, outflow.of);
        let open: Vec<u32> = (0..)
            .zip(&self.cleared)
            .filter(|(_, c)| c.open)
            .map(|(n, _)| n)
            .collect();
        self.list.retain(|o| {
            o.of != of
                || o.at.saturating_add(kept) > now
                || (!o.seen && o.request.is_some_and(|request| open.contains(&request)))
        });
        self.list.push(outflow);
    }

    fn clear(&mut self, of: (u32, u16), units: u128, lapses: Option<u64>, own: bool) {
        let number = u32::try_from(self.cleared.len()).unwrap();
        let (wallet, asset) = (WalletIx(of.0), AssetIx(of.1));
        let ask = if own {
            Ask::Transfer {
                wallet,
                to_wallet: WalletIx(1 - of.0),
                asset,
                units,
            }
        } else {
            Ask::Withdrawal {
                owner: OwnerIx(2),
                wallet,
                asset,
                units,
                to: format!("0xto{}", number % 3),
            }
        };
        let before = self.state.custody.cap_base(wallet, asset);
        let until = lapses.map(|ms| self.at + ms);
        self.tell(Event::RequestMade {
            id: format!("w{number}"),
            ask: ask.clone(),
            actor: None,
            needs: 0,
        });
        self.tell(Event::RequestCleared {
            request: number,
            until,
            before,
        });
        self.cleared.push(Cleared {
            ask,
            until,
            counts: true,
            open: true,
            waits: until.is_some(),
        });
        self.cleared_at.push(self.at);
        self.push(Outflow {
            of,
            at: self.at,
            units,
            before,
            request: Some(number),
            seen: false,
            lapsed: false,
        });
    }

    fn flow(&mut self, of: (u32, u16), units: u128, peer: &str, explained: Explained) {
        let flow = self.flows;
        self.flows += 1;
        self.tell(Event::FlowSeen(Flow {
            wallet: WalletIx(of.0),
            direction: Direction::Out,
            amount: Amount::new(AssetIx(of.1), units),
            txid: format!("t{flow}"),
            peer: peer.to_owned(),
            at: self.at,
            reports: vec![Report {
                node: "n".to_owned(),
                units,
                height: 1,
            }],
            counted: true,
            explained: Explained::Not,
        }));
        self.tell(Event::OutflowExplained { flow, explained });
    }

    fn step(&mut self, one: &Move) {
        match *one {
            Move::Clear {
                wallet,
                asset,
                units,
                lapses,
                own,
            } => self.clear((wallet, asset), units, lapses, own),
            Move::Lapse(number) => {
                let Some(of) = self.cleared.get_mut(number).filter(|of| of.waits) else {
                    return;
                };
                (of.counts, of.open, of.waits) = (false, false, false);
                let request = u32::try_from(number).unwrap();
                for o in self.list.iter_mut().filter(|o| o.request == Some(request)) {
                    o.lapsed = true;
                }
                self.tell(Event::ClearanceLapsed { request });
            }
            Move::Redeem(number) => {
                let Some(of) = self.cleared.get_mut(number).filter(|of| of.waits) else {
                    return;
                };
                of.waits = false;
                let request = u32::try_from(number).unwrap();
                let payload = [1; 32];
                self.tell(Event::ClearanceRedeemed { request, payload });
            }
            Move::See(number) => {
                let Some(of) = self.cleared.get_mut(number).filter(|of| of.open) else {
                    return;
                };
                (of.open, of.waits) = (false, false);
                let request = u32::try_from(number).unwrap();
                let (ask, mut place) = (of.ask.clone(), (0, 0));
                for o in self.list.iter_mut().filter(|o| o.request == Some(request)) {
                    o.seen = true;
                    place = o.of;
                }
                let (Ask::Withdrawal { units, .. } | Ask::Transfer { units, .. }) = ask else {
                    return;
                };
                self.flow(place, units, "0xto", Explained::Clearance(request));
            }
            Move::Stolen {
                wallet,
                asset,
                units,
            } => {
                let of = (wallet, asset);
                let holding = self.state.custody.holding(WalletIx(wallet), AssetIx(asset));
                let cleared = self.sum(of, |o| !o.seen);
                let before = holding.saturating_sub(units).saturating_sub(cleared);
                self.flow(of, units, "0xthief", Explained::Not);
                self.stolen.push((of, self.at, units));
                self.push(Outflow {
                    of,
                    at: self.at,
                    units,
                    before: before.saturating_add(units),
                    request: None,
                    seen: true,
                    lapsed: false,
                });
            }
            Move::Hold {
                wallet,
                asset,
                units,
            } => self.tell(Event::HoldingDeclared {
                wallet: WalletIx(wallet),
                asset: AssetIx(asset),
                units,
            }),
            Move::Caps(window_ms) => {
                self.kept = window_ms.max(DAY);
                let caps = vec![Cap { window_ms, bps: 1 }];
                let policy = Policy {
                    version: 1,
                    caps,
                    ..Policy::default()
                };
                self.tell(Event::PolicyAdopted(Box::new(policy)));
            }
            Move::Pass(ms) => self.at += ms,
        }
    }

    /// Custody against the list.
    fn custody(&self, of: (u32, u16), ms: u64) {
        let custody = &self.state.custody;
        let (wallet, asset) = (WalletIx(of.0), AssetIx(of.1));
        assert_eq!(
            custody.unseen(wallet, asset),
            self.sum(of, |o| !o.seen && !o.lapsed)
        );
        let holding = custody.holding(wallet, asset);
        let gone = self.sum(of, |o| !o.seen);
        assert_eq!(
            custody.cap_base(wallet, asset),
            holding.saturating_sub(gone)
        );
        let inside = |o: &Outflow| o.at.saturating_add(ms) > self.at;
        let left = custody.left(wallet, asset, self.at, ms);
        assert_eq!(left.units, self.sum(of, inside), "{ms}");
        let first = self.list.iter().find(|o| o.of == of && inside(o));
        assert_eq!(left.before, first.map(|o| o.before), "{ms}");
    }

    fn all_wallets(&self, asset: u16) {
        let custody = &self.state.custody;
        let sum = |of: &dyn Fn(WalletIx) -> u128| {
            (0..2).fold(0u128, |sum, wallet| {
                sum.saturating_add(of(WalletIx(wallet)))
            })
        };
        let asset = AssetIx(asset);
        assert_eq!(
            custody.held(asset),
            sum(&|wallet| custody.holding(wallet, asset))
        );
        let unseen = |o: &Outflow| !o.seen && !o.lapsed;
        let both = [0, 1].map(|wallet| self.sum((wallet, asset.0), unseen));
        let both = both[0].saturating_add(both[1]);
        assert_eq!(custody.unseen_of_all(asset), both);
    }

    /// Windows of rules, of which no sum is above 128 bits here.
    fn history(&self, of: (u32, u16), ms: u64) {
        // What is older than that may be forgotten.
        let ms = ms.min(DAY);
        let inside = |at: u64| at.saturating_add(ms) > self.at;
        let place = |ask: &Ask| match ask {
            Ask::Withdrawal { wallet, asset, .. } | Ask::Transfer { wallet, asset, .. } => {
                (wallet.0, asset.0)
            }
            Ask::Credit { .. } => (u32::MAX, u16::MAX),
        };
        let cleared = self.cleared.iter().zip(&self.cleared_at);
        let cleared = cleared.filter(|(c, at)| c.counts && inside(**at) && place(&c.ask) == of);
        let cleared = cleared.map(|(c, _)| match c.ask {
            Ask::Withdrawal { units, .. } | Ask::Transfer { units, .. } => units,
            Ask::Credit { .. } => 0,
        });
        let stolen = self.stolen.iter();
        let stolen = stolen.filter(|(place, at, _)| *place == of && inside(*at));
        let all = cleared.chain(stolen.map(|(_, _, units)| *units));
        let plain = all.fold((0u32, 0u128), |(n, sum), units| {
            (n + 1, sum.wrapping_add(units))
        });
        let (wallet, asset) = (WalletIx(of.0), AssetIx(of.1));
        let told = self
            .state
            .history
            .of_wallet(wallet, Some(asset))
            .sum(self.at, ms);
        assert_eq!((told.count, told.units), plain, "{ms}");
    }

    /// The next moment is the first at which one may lapse.
    fn moments(&self) {
        let waiting = self.cleared.iter().filter(|c| c.waits);
        let next = waiting.filter_map(|c| c.until).min();
        assert_eq!(next_due(&self.state), next);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn running_sums_are_plain_sums(moves in moves(), ms in 1u64..5 * DAY) {
        let mut plain = Plain::new();
        for one in &moves {
            plain.step(one);
            for of in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                for ms in [1, HOUR, ms, DAY, u64::MAX] {
                    plain.custody(of, ms);
                    plain.history(of, ms);
                }
            }
            plain.all_wallets(0);
            plain.all_wallets(1);
            plain.moments();
        }
        let stored = borsh::to_vec(&plain.state).unwrap();
        let read: State = borsh::from_slice(&stored).unwrap();
        prop_assert!(read == plain.state);
    }

    /// As above, of one wallet that is so busy that its line has many pieces.
    #[test]
    fn what_lapsed_of_a_busy_wallet_is_in_no_window(
        steps in proptest::collection::vec((1u128..1_000, 1u64..5_000, any::<bool>(), 0usize..400), 150..400),
        ms in 1u64..2_000_000,
    ) {
        let mut plain = Plain::new();
        for (place, (units, wait, lapses, which)) in steps.into_iter().enumerate() {
            plain.step(&Move::Pass(wait));
            plain.step(&Move::Clear { wallet: 0, asset: 0, units, lapses: Some(DAY), own: false });
            if lapses {
                plain.step(&Move::Lapse(which % (place + 1)));
            }
            if place % 16 == 0 {
                for ms in [HOUR / 60, ms, DAY] {
                    plain.custody((0, 0), ms);
                    plain.history((0, 0), ms);
                }
            }
        }
        for ms in [1, HOUR / 60, ms, DAY] {
            plain.history((0, 0), ms);
        }
    }
}
