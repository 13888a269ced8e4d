//! Windows against a plain sum, and verdicts under greater amounts.

use super::{alice, approve, bare, clear_all, price, rule, under, window, withdraw};
use crate::exchange::{BTC, DAY, Exchange, MINUTE};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Body;
use keepwhole_core::guard::Standing;
use keepwhole_core::policy::field::{Field, Of, Per};
use keepwhole_core::policy::figures::{Input, Seen};
use keepwhole_core::policy::judge::{Held, Judging};
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::registry::WalletIx;
use proptest::prelude::*;

const CUSTOMERS: [&str; 2] = ["alice", "bob"];

#[derive(Clone, Debug)]
enum Move {
    Withdraw(usize, u128),
    Redeem(usize),
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0usize..2, 1u128..400).prop_map(|(who, units)| Move::Withdraw(who, units)),
        1 => (0usize..20).prop_map(Move::Redeem),
        3 => (0u64..40 * MINUTE).prop_map(Move::Pass),
        1 => (0u64..2 * DAY).prop_map(Move::Pass),
    ];
    proptest::collection::vec(one, 1..50)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Windows are the plain sum over what was cleared in `(now - ms, now]` and did not lapse unredeemed.
    #[test]
    fn windows_equal_a_plain_sum(moves in moves(), ms in 1u64..DAY) {
        let mut exchange = under(vec![clear_all()]);
        price(&mut exchange, 100_000_000);
        let mut log: Vec<(u64, usize, u128, String)> = Vec::new();
        for (step, one) in moves.into_iter().enumerate() {
            match one {
                Move::Withdraw(who, units) => {
                    let id = format!("w{step}");
                    if withdraw(&mut exchange, &id, CUSTOMERS[who], units) == Answer::Cleared {
                        log.push((exchange.at, who, units, id));
                    }
                }
                Move::Redeem(which) => {
                    let Some((_, _, units, target)) = log.get(which).cloned() else { continue };
                    let operations = vec![keepwhole_core::command::Operation {
                        op: "transfer".into(),
                        to: "0xlistedlist01".into(),
                        asset: "BTC".into(),
                        units,
                        inner: vec![],
                    }];
                    let body = Body::RedeemClearance { target, operations, attested: Some([7; 32]) };
                    exchange.ask(Some(&format!("s{step}")), None, body);
                }
                Move::Pass(ms) => exchange.pass(ms),
            }
            let counts = |at: u64, id: &str| {
                at + ms > exchange.at && *exchange.standing(id) != Standing::Lapsed
            };
            let of = |who: Option<usize>| log.iter()
                .filter(|(at, by, _, id)| counts(*at, id) && who.is_none_or(|who| who == *by))
                .fold((0u32, 0u128), |(n, sum), (_, _, units, _)| (n + 1, sum + units));
            let history = &exchange.state.history;
            let now = exchange.at;
            let told = |sum: keepwhole_core::history::Sum| (sum.count, sum.units);
            for (who, name) in CUSTOMERS.iter().enumerate() {
                let owner = exchange.state.registry.owner(name).unwrap();
                prop_assert_eq!(told(history.of_customer(owner, Some(BTC)).sum(now, ms)), of(Some(who)));
                prop_assert_eq!(told(history.of_customer(owner, None).sum(now, ms)), of(Some(who)));
            }
            prop_assert_eq!(told(history.of_asset(BTC).sum(now, ms)), of(None));
            prop_assert_eq!(told(history.of_wallet(WalletIx(0), None).sum(now, ms)), of(None));
            prop_assert_eq!(told(history.of_network("bitcoin").sum(now, ms)), of(None));
            let all = history.of_all().sum(now, ms);
            prop_assert_eq!(told(all), of(None));
            prop_assert_eq!((all.unpriced, all.value), (0, of(None).1));
            let number = history.destination("0xlistedlist01").unwrap();
            prop_assert_eq!(told(history.of_destination(number, None).sum(now, ms)), of(None));
        }
        prop_assert!(exchange.folded_again() == exchange.state);
        let stored = borsh::to_vec(&exchange.state).unwrap();
        let read: keepwhole_core::state::State = borsh::from_slice(&stored).unwrap();
        prop_assert!(read == exchange.state);
    }

    /// Explaining says what judging says, and a greater amount is never judged more loosely where rules clear only below
    /// a limit and restrict only from one on.
    #[test]
    fn a_greater_amount_is_never_judged_more_loosely(
        limits in proptest::collection::vec((0u8..4, 0usize..5, 1u128..3_000), 1..12),
        (small, more) in (1u128..3_000, 0u128..3_000),
        priced in any::<bool>(),
    ) {
        let fields = [
            Field::Amount(BTC),
            Field::Value,
            window(Of::Amount(BTC), Per::Customer, DAY),
            window(Of::Value, Per::All, DAY),
            window(Of::Count, Per::Destination, DAY),
        ];
        let rules = limits.iter().enumerate().map(|(n, (then, field, limit))| {
            let (test, then) = match then {
                0 => (Test::Below(*limit), Outcome::Clear),
                1 => (Test::AtLeast(*limit), approve(1 + u32::try_from(n).unwrap(), &[], 0)),
                2 => (Test::AtLeast(*limit), Outcome::Hold),
                _ => (Test::AtLeast(*limit), Outcome::Deny),
            };
            rule(&format!("r{n}"), vec![(fields[*field], test)], then)
        });
        let mut exchange = Exchange::under(bare());
        if priced {
            price(&mut exchange, 100_000_000);
        }
        // No gap: without it a small amount that no rule covers is held, and a greater one may be approved.
        let rules = Rules::new(rules.chain([clear_all()]).collect());
        let judge = |units: u128| {
            let ask = alice(&exchange, units, "0xlistedlist01");
            let input = Input { ask: &ask, actor: None, at: exchange.at, counted: false };
            let mut seen = Vector::new();
            let mut judging = Judging::by(&exchange.state, &rules, input, &mut seen);
            let verdict = judging.verdict();
            let explained = judging.explain();
            for (place, seen) in (0u8..).zip(&explained) {
                assert_eq!(seen.matched, verdict.matched.contains(place));
                let sure = seen.conditions.iter().all(|of| of.held == Held::Yes);
                assert!(!sure || seen.matched);
            }
            let held = verdict.unknown.is_some() && verdict.strictness < 3;
            let strict = if held { 3 } else { verdict.strictness };
            // Without a rule that allows it, it is held.
            if strict < 3 && !verdict.allows { (3, 0) } else { (strict, verdict.needs) }
        };
        let (a, b) = (judge(small), judge(small + more));
        prop_assert!(b.0 >= a.0, "{a:?} of {small}, {b:?} of {}", small + more);
        prop_assert!(b.0 > a.0 || b.1 >= a.1);
    }

    /// What the rules say is what a plain reading of them says, and the same where the figures are handed over.
    #[test]
    fn judging_is_a_plain_reading_of_the_rules(
        shapes in proptest::collection::vec(
            (0u8..4, proptest::collection::vec((0usize..7, 0u8..4, 0u128..1_500), 0..4)),
            1..12,
        ),
        units in 1u128..1_500,
        priced in any::<bool>(),
    ) {
        let fields = [
            Field::Amount(BTC),
            Field::Value,
            window(Of::Count, Per::Customer, DAY),
            window(Of::Value, Per::All, DAY),
            Field::DestinationListed,
            Field::PriceMove,
            Field::LineValue,
        ];
        let rules = shapes.iter().enumerate().map(|(n, (then, when))| {
            let when = when.iter().map(|(field, test, limit)| {
                let flag = fields[*field] == Field::DestinationListed;
                let test = match test {
                    _ if flag => Test::Is(limit % 2 == 0),
                    0 => Test::AtLeast(*limit),
                    1 => Test::Below(*limit),
                    2 => Test::Equals(limit % 3),
                    _ => Test::Equals(units),
                };
                (fields[*field], test)
            });
            let then = match then {
                0 => Outcome::Clear,
                1 => approve(1 + u32::try_from(n).unwrap(), &[], 0),
                2 => Outcome::Hold,
                _ => Outcome::Deny,
            };
            rule(&format!("r{n}"), when.collect(), then)
        });
        let rules = Rules::new(rules.collect());
        let mut exchange = Exchange::under(bare());
        if priced {
            price(&mut exchange, 100_000_000);
        }
        let ask = alice(&exchange, units, "0xlistedlist01");
        let input = Input { ask: &ask, actor: None, at: exchange.at, counted: false };
        let mut seen = Vector::new();
        let mut judging = Judging::by(&exchange.state, &rules, input, &mut seen);
        let verdict = judging.verdict();
        let explained = judging.explain();
        judging.see_all();
        let figures: Vec<(u8, Seen)> = seen.iter().collect();
        prop_assert_eq!(figures.len(), rules.figures().len());
        let of = |field: Field| figures[rules.figures().iter().position(|known| *known == field).unwrap()].1;
        let (mut strictness, mut decided, mut needs, mut unknown) = (0, None, 0, None);
        for (place, rule) in (0u8..).zip(rules.iter()) {
            let held: Vec<Held> = rule.when.iter().map(|one| plainly(of(one.field), &one.test)).collect();
            if held.contains(&Held::No) {
                prop_assert!(!verdict.matched.contains(place));
                continue;
            }
            let untold = held.iter().position(|held| *held != Held::Yes);
            if let (None, Some(first)) = (unknown, untold) {
                unknown = Some((place, rule.when[first].field));
            }
            let matches = untold.is_none() || rule.then != Outcome::Clear;
            prop_assert_eq!(verdict.matched.contains(place), matches);
            if matches && rule.then.strictness() > strictness {
                (strictness, decided) = (rule.then.strictness(), Some(place));
            }
            if let (true, Outcome::Approve(approvals)) = (matches, &rule.then) {
                needs = needs.max(approvals.n);
            }
        }
        prop_assert_eq!((verdict.strictness, verdict.decided, verdict.needs), (strictness, decided, needs));
        prop_assert_eq!(verdict.unknown.map(|(place, field, _)| (place, field)), unknown);
        let first = (0u8..).zip(&explained).find_map(|(place, of)| of.unknown.map(|(field, _)| (place, field)));
        prop_assert_eq!(first, unknown);
        let matched: Vec<bool> = explained.iter().map(|of| of.matched).collect();
        let plain: Vec<bool> = (0u8..).zip(&explained).map(|(place, _)| verdict.matched.contains(place)).collect();
        prop_assert_eq!(matched, plain);
        let mut again = Vector::new();
        for (place, seen) in figures {
            again.tell(place, seen);
        }
        prop_assert_eq!(Judging::by(&exchange.state, &rules, input, &mut again).verdict(), verdict);
    }
}

fn plainly(seen: Seen, test: &Test) -> Held {
    let holds = match (seen, test) {
        (Seen::Unknown(why), _) => return Held::Unknown(why),
        (Seen::Number(number), Test::AtLeast(limit)) => number >= *limit,
        (Seen::Number(number), Test::Below(limit)) => number < *limit,
        (Seen::Number(number), Test::Equals(limit)) => number == *limit,
        (Seen::Flag(flag), Test::Is(wanted)) => flag == *wanted,
        _ => false,
    };
    if holds { Held::Yes } else { Held::No }
}
