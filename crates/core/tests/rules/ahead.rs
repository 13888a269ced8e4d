//! Reading ahead changes nothing: a batch that was read ahead gets the answers, the records and the state that it gets one by
//! one.

use crate::exchange::{BTC, DAY, Exchange, MINUTE};
use crate::judging::{rule, ruled};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::decide::{read_ahead, read_ahead_asked};
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Field, Of, Per, Window};
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::registry::{OwnerIx, WalletIx};
use proptest::prelude::*;

const CUSTOMERS: [&str; 6] = ["alice", "bob", "carol", "house", "ghost", ""];
const PLACES: [&str; 5] = [
    "0xlistedlist01",
    "0xlistedlist02",
    "0xthief",
    "0xcoldcold002",
    "",
];

/// Rules that look at what was cleared before.
fn looking_back() -> Policy {
    let mut policy = ruled();
    let within = |per| {
        Field::Window(Window {
            of: Of::Amount(BTC),
            per,
            ms: DAY,
        })
    };
    let much = |id, per, most| rule(id, vec![(within(per), Test::AtLeast(most))], Outcome::Hold);
    let mut rules: Vec<_> = policy.rules.iter().cloned().collect();
    rules.push(much("much-of-one", Per::Customer, 3_000));
    rules.push(much("much-to-one", Per::Destination, 4_000));
    policy.rules = Rules::new(rules);
    policy
}

/// A batch: withdrawals, and now and then something else, or one without an id.
fn batch() -> impl Strategy<Value = Vec<Command>> {
    let one = (0..12u32, 0..6usize, 0..5usize, 1..2_400u128, 0..300u32);
    let command = one.prop_map(|(kind, customer, place, units, id)| Command {
        id: (kind != 1).then(|| format!("w-{id}")),
        actor: (kind == 2).then(|| "requester".to_owned()),
        body: match kind {
            0 => Body::ObserveTime,
            _ => Body::RequestWithdrawal {
                customer: CUSTOMERS[customer].to_owned(),
                wallet: "hot".to_owned(),
                asset: if kind == 3 { "NONE" } else { "BTC" }.to_owned(),
                units,
                to: PLACES[place].to_owned(),
            },
        },
    });
    // More than one stage of what is read together.
    prop::collection::vec(command, 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_was_read_ahead_is_decided_as_it_is_one_by_one(
        batches in prop::collection::vec((batch(), 0..2 * DAY), 1..4),
    ) {
        let (mut plain, mut ahead) = (Exchange::under(looking_back()), Exchange::under(looking_back()));
        for (commands, wait) in &batches {
            for exchange in [&mut plain, &mut ahead] {
                exchange.pass(MINUTE + wait);
            }
            // Once for all of them, as the sequencer does, while the state moves on below.
            read_ahead(&ahead.state, commands);
            let asks: Vec<Ask> = commands.iter().enumerate().map(|(at, _)| Ask::Withdrawal {
                owner: OwnerIx(u32::try_from(at).unwrap()),
                wallet: WalletIx(0),
                asset: BTC,
                units: 1,
                to: "0xthief".to_owned(),
            }).collect();
            read_ahead_asked(&ahead.state, &asks);
            for command in commands {
                prop_assert_eq!(plain.send(command), ahead.send(command), "{:?}", command);
            }
        }
        prop_assert_eq!(&plain.records, &ahead.records);
        prop_assert!(plain.state == ahead.state);
        prop_assert!(plain.events().count() > 0);
    }
}
