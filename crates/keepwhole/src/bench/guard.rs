//! The guard's rules: requests judged a second by a policy of thirty rules, with a history of every customer, on one core.
//!
//! What is measured is the verdict: every figure that a rule asks for is worked out from the state, and every rule runs.
//! Decoding a request and recording the decision are not in it.

use super::contest::{Contest, Report, per_second};
use super::{BenchError, Setup};
use keepwhole_core::amount::Amount;
use keepwhole_core::apply::apply;
use keepwhole_core::book::{Movement, MovementKind};
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Deposits, Field, Members, Of, Per, Window};
use keepwhole_core::policy::figures::Input;
use keepwhole_core::policy::judge::Judging;
use keepwhole_core::policy::rule::{Approvals, Condition, Outcome, Rule, Rules, Test};
use keepwhole_core::registry::{Asset, AssetIx, OUTSIDE, OwnerIx, Tier, Wallet, WalletIx};
use keepwhole_core::state::State;
use std::time::Instant;

/// Coins beside the money.
const COINS: u16 = 8;
const WALLETS: u32 = 512;
/// Requests of a round.
const REQUESTS: u32 = 400_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// 2026-05-01T00:00:00Z.
const START: u64 = 1_777_593_600_000;

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let customers = setup.customers.min(1_000_000);
    (setup.say)(&format!("guard: {customers} customers with a history"));
    let state = given(customers);
    let at = state.at + 1;
    let asks: Vec<Ask> = (0..REQUESTS).map(|n| ask(n, customers)).collect();
    let rules = state.guard.policy.rules.len();
    let case = format!("{customers} customers, {rules} rules");
    let mut contest = Contest::new(case, "decisions/s");
    let mut before = None;
    for round in 1..=setup.rounds {
        (setup.say)(&format!("guard: round {round}"));
        let began = Instant::now();
        let mut outcomes = [0u32; 5];
        for ask in &asks {
            let input = Input {
                ask,
                actor: None,
                at,
                counted: false,
            };
            let verdict = Judging::new(&state, input).verdict();
            let strictness = match verdict.unknown {
                Some(_) => verdict.strictness.max(3),
                None => verdict.strictness,
            };
            if let Some(count) = outcomes.get_mut(usize::from(strictness)) {
                *count += 1;
            }
        }
        contest.add(
            "keepwhole",
            per_second(u64::from(REQUESTS), began.elapsed()),
        );
        if before.is_some_and(|before| before != outcomes) {
            return Err(BenchError::Wrong("the same requests got other verdicts"));
        }
        before = Some(outcomes);
    }
    let [none, clear, approve, hold, deny] = before.unwrap_or_default();
    Ok(Report {
        title: "guard".to_owned(),
        figures: contest.figures().collect(),
        notes: vec![
            format!(
                "of {REQUESTS} requests {clear} cleared, {approve} for approval, {hold} held, {deny} denied, {none} without a \
                 rule; one core, in memory, the verdict alone"
            ),
            format!(
                "history in memory: {} MiB; goal: 1,000,000 decisions/s",
                state.history.bytes() >> 20
            ),
        ],
    })
}

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

fn destination(customer: u32) -> String {
    format!("0x{:08x}{customer:08x}c0ffee", drawn(customer, 2))
}

/// Mostly small withdrawals to where the customer withdrew before.
fn ask(n: u32, customers: u32) -> Ask {
    let customer = drawn(n, 3) % customers;
    let strange = drawn(n, 4) % 10 == 0;
    let large = drawn(n, 5) % 20 == 0;
    let units = u128::from(drawn(n, 6) % 90_000 + 1) * if large { 1_000 } else { 1 };
    Ask::Withdrawal {
        owner: OwnerIx(customer + 2),
        wallet: WalletIx(drawn(n, 7) % WALLETS),
        asset: coin(customer),
        units,
        to: destination(if strange {
            customer ^ 0x8000_0000
        } else {
            customer
        }),
    }
}

struct Journal {
    state: State,
    turn: u64,
}

impl Journal {
    fn tell(&mut self, at: u64, event: Event) {
        self.turn += 1;
        apply(&mut self.state, &Record::new(at, self.turn, event));
    }
}

/// Every customer deposited money ten days ago, holds coins, and withdrew some of them in the last day.
fn given(customers: u32) -> State {
    let mut journal = Journal {
        state: State::default(),
        turn: 0,
    };
    registered(&mut journal, customers);
    let now = START + 10 * DAY;
    for n in 0..customers {
        let at = now + u64::from(n) * (DAY - HOUR) / u64::from(customers);
        let ask = Ask::Withdrawal {
            owner: OwnerIx(n + 2),
            wallet: WalletIx(drawn(n, 7) % WALLETS),
            asset: coin(n),
            units: u128::from(drawn(n, 8) % 10_000 + 1),
            to: destination(n),
        };
        let request = Event::RequestMade {
            id: format!("w{n}"),
            ask,
            actor: None,
            needs: 0,
        };
        journal.tell(at, request);
        let cleared = Event::RequestCleared {
            request: n,
            until: None,
            before: 0,
        };
        journal.tell(at, cleared);
    }
    for price in [100_000_000, 100_500_000] {
        for coin in 1..=COINS {
            let event = Event::PriceRecorded {
                base: AssetIx(coin),
                quote: AssetIx(0),
                price,
                source: "bench".to_owned(),
            };
            journal.tell(now + DAY, event);
        }
    }
    journal.state
}

fn registered(journal: &mut Journal, customers: u32) {
    for number in 0..=COINS {
        let asset = Asset {
            id: format!("A{number}"),
            decimals: if number == 0 { 0 } else { 8 },
            network: (number > 0).then(|| format!("net-{}", number % 3)),
            confirmations: 1,
        };
        journal.tell(START, Event::AssetRegistered(asset));
    }
    for number in 0..WALLETS {
        let wallet = Wallet {
            id: format!("hot-{number}"),
            tier: Tier::Hot,
            address: format!("0xwallet{number}"),
        };
        journal.tell(START, Event::WalletRegistered(wallet));
        for coin in 1..=COINS {
            let event = Event::HoldingDeclared {
                wallet: WalletIx(number),
                asset: AssetIx(coin),
                units: 1 << 60,
            };
            journal.tell(START, event);
        }
    }
    let policy = Policy {
        version: 1,
        reference: Some(AssetIx(0)),
        price_max_age_ms: Some(HOUR),
        rules: rules(),
        ..Policy::default()
    };
    journal.tell(START, Event::PolicyAdopted(Box::new(policy)));
    for id in ["house", "outside"] {
        journal.tell(START, Event::OwnerRegistered(id.to_owned()));
    }
    for n in 0..customers {
        journal.tell(START, Event::OwnerRegistered(format!("c{n}")));
        let came = |asset, units| {
            Event::MovementRecorded(Movement {
                from: OUTSIDE,
                to: OwnerIx(n + 2),
                amount: Amount::new(asset, units),
                kind: MovementKind::Deposit,
                reference: String::new(),
            })
        };
        journal.tell(START, came(AssetIx(0), 5_000_000));
        journal.tell(START, came(coin(n), 1 << 40));
    }
}

fn rule(id: &str, when: Vec<(Field, Test)>, then: Outcome) -> Rule {
    let condition = |(field, test)| Condition { field, test };
    Rule {
        id: id.to_owned(),
        when: when.into_iter().map(condition).collect(),
        then,
        says: String::new(),
    }
}

/// Thirty rules of the sorts that an exchange has: by value, by amount of each asset, rolling windows of every key, ages of
/// customer, deposit and destination, float, price, hour, kind of wallet.
fn rules() -> Rules {
    let from = Test::AtLeast;
    let value = Field::Value;
    let approve = |n, delay_ms| {
        Outcome::Approve(Approvals {
            n,
            roles: Vec::new(),
            delay_ms,
        })
    };
    let mut rules = vec![
        rule(
            "small",
            vec![(value, Test::Below(1_000_000))],
            Outcome::Clear,
        ),
        rule(
            "middle",
            vec![(value, from(1_000_000)), (value, Test::Below(10_000_000))],
            approve(1, 0),
        ),
        rule("large", vec![(value, from(10_000_000))], approve(2, HOUR)),
        rule(
            "never",
            vec![(value, from(1_000_000_000_000))],
            Outcome::Deny,
        ),
    ];
    for coin in 1..=COINS {
        let amount = Field::Amount(AssetIx(coin));
        let limit = from(80_000_000 + u128::from(coin));
        rules.push(rule(
            &format!("amount-{coin}"),
            vec![(amount, limit)],
            Outcome::Hold,
        ));
    }
    let windows = [
        ("customer-count", Of::Count, Per::Customer, DAY, 20),
        ("customer-value", Of::Value, Per::Customer, DAY, 50_000_000),
        ("destination-count", Of::Count, Per::Destination, HOUR, 10),
        (
            "destination-value",
            Of::Value,
            Per::Destination,
            DAY,
            60_000_000,
        ),
        ("wallet-value", Of::Value, Per::Wallet, HOUR, 500_000_000),
        ("asset-value", Of::Value, Per::Asset, DAY, 90_000_000_000),
        (
            "network-value",
            Of::Value,
            Per::Network,
            HOUR,
            90_000_000_000,
        ),
        ("house-value", Of::Value, Per::All, DAY, 900_000_000_000),
        ("house-count", Of::Count, Per::All, 10 * 60_000, 1_000_000),
    ];
    for (id, of, per, ms, limit) in windows {
        let window = Field::Window(Window { of, per, ms });
        rules.push(rule(id, vec![(window, from(limit))], Outcome::Hold));
    }
    let below = |ms: u64| Test::Below(u128::from(ms));
    let drawn = Field::DepositDrawn {
        of: Deposits::Money,
        ms: DAY,
    };
    let seoul = Field::Hour {
        offset_minutes: 540,
    };
    let guarded = Test::In(Members::Tiers(vec![Tier::Cold, Tier::Warm]));
    rules.extend([
        rule(
            "new-customer",
            vec![(Field::CustomerAge, below(3 * DAY))],
            Outcome::Hold,
        ),
        rule(
            "first-deposit",
            vec![(Field::FirstDepositAge(Deposits::Money), below(3 * DAY))],
            Outcome::Hold,
        ),
        rule("later-deposit", vec![(drawn, from(1))], Outcome::Hold),
        rule(
            "new-destination",
            vec![(Field::DestinationAge, below(HOUR)), (value, from(50_000))],
            Outcome::Hold,
        ),
        rule(
            "not-listed",
            vec![
                (Field::DestinationListed, Test::Is(false)),
                (value, from(5_000_000)),
            ],
            approve(1, 0),
        ),
        rule(
            "price-moves",
            vec![(Field::PriceMove, from(1_000))],
            Outcome::Hold,
        ),
        rule(
            "night",
            vec![(seoul, Test::Below(6)), (value, from(1_000_000))],
            approve(2, 0),
        ),
        rule(
            "guarded-wallet",
            vec![(Field::WalletTier, guarded)],
            approve(3, HOUR),
        ),
        rule(
            "float",
            vec![(Field::FloatLeft(AssetIx(1)), Test::Below(1_000_000))],
            Outcome::Hold,
        ),
    ]);
    Rules::new(rules)
}
