//! The books under random batches of movements: double entry, all or none, never overdrawn.

use crate::exchange::Exchange;
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, NewMovement};
use keepwhole_core::registry::{Asset, AssetIx};
use proptest::prelude::*;
use std::collections::BTreeMap;

const OWNERS: [&str; 4] = ["house", "outside", "alice", "bob"];
const ASSETS: [&str; 2] = ["KRW", "BTC"];

/// An exchange with four owners and two assets, and nothing in its books.
fn empty_books() -> Exchange {
    let mut exchange = Exchange::empty();
    for id in ASSETS {
        let asset = Asset {
            id: id.into(),
            decimals: 0,
            network: None,
            confirmations: 0,
        };
        exchange.told(Body::RegisterAsset(asset));
    }
    exchange.told(Body::RegisterOwners(
        ["house", "alice", "bob"].map(Into::into).to_vec(),
    ));
    exchange
}

fn line() -> impl Strategy<Value = NewMovement> {
    let units = prop_oneof![8 => 0u128..50, 1 => (120u32..128).prop_map(|bit| 1u128 << bit)];
    (0usize..4, 0usize..4, 0usize..2, units).prop_map(|(from, to, asset, units)| NewMovement {
        from: OWNERS[from].into(),
        to: OWNERS[to].into(),
        asset: ASSETS[asset].into(),
        units,
        kind: MovementKind::Trade,
        reference: String::new(),
    })
}

/// Running totals by the plainest rule there is: (in, out) per owner and asset.
type Oracle = BTreeMap<(String, String), (u128, u128)>;

/// The batch, line by line; `None` if any line may not be.
fn applied(books: &Oracle, batch: &[NewMovement]) -> Option<Oracle> {
    let mut after = books.clone();
    for line in batch {
        if line.units == 0 || line.from == line.to {
            return None;
        }
        let from = after
            .entry((line.from.clone(), line.asset.clone()))
            .or_default();
        from.1 = from.1.checked_add(line.units)?;
        if line.from != "outside" && from.1 > from.0 {
            return None;
        }
        let to = after
            .entry((line.to.clone(), line.asset.clone()))
            .or_default();
        to.0 = to.0.checked_add(line.units)?;
    }
    Some(after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_batch_is_whole_or_nothing(batches in prop::collection::vec(prop::collection::vec(line(), 1..6), 1..12)) {
        let mut exchange = empty_books();
        let mut books = Oracle::new();
        for batch in batches {
            let before = exchange.state.book.clone();
            let may = applied(&books, &batch);
            let reply = exchange.ask(None, None, Body::RecordMovements(batch.clone()));
            if reply.answer != Answer::Recorded {
                prop_assert_eq!(&exchange.state.book, &before, "nothing moved");
                // Movements that leave no total beyond 128 bits must be taken.
                let large = batch.iter().any(|l| l.units >> 100 > 0) || books.values().any(|t| t.0 >> 100 > 0);
                prop_assert!(may.is_none() || large, "refused: {:?}", reply);
                continue;
            }
            prop_assert!(may.is_some(), "taken: {:?}", batch);
            books = may.unwrap_or_default();
            for ((owner, asset), (incoming, outgoing)) in &books {
                let owner_ix = exchange.state.registry.owner(owner).unwrap();
                let asset_ix = exchange.state.registry.asset(asset).unwrap();
                let totals = exchange.state.book.totals(owner_ix, asset_ix);
                prop_assert_eq!((totals.incoming, totals.outgoing), (*incoming, *outgoing));
                prop_assert!(owner == "outside" || totals.overdrawn() == 0);
            }
            for (at, asset) in ASSETS.iter().enumerate() {
                let owed = books.iter().filter(|((o, a), _)| o != "outside" && a == asset);
                let owed: u128 = owed.map(|(_, t)| t.0 - t.1).sum();
                prop_assert_eq!(exchange.state.book.owed(AssetIx::next(at).unwrap()), owed);
            }
        }
    }
}

/// Before, each line of a batch was measured against the books before the batch: together they passed 128 bits, and the
/// running totals stood still at the end of the range.
#[test]
fn lines_that_fit_alone_but_not_together_are_refused() {
    let mut exchange = empty_books();
    let line = |to: &str| NewMovement {
        from: "outside".into(),
        to: to.into(),
        asset: "BTC".into(),
        units: 1 << 127,
        kind: MovementKind::Trade,
        reference: String::new(),
    };
    let reply = exchange.ask(
        None,
        None,
        Body::RecordMovements(vec![line("alice"), line("bob")]),
    );
    assert!(matches!(reply.answer, Answer::Refused(_)), "{reply:?}");
    assert_eq!(exchange.balance("alice", AssetIx(1)), 0);
}
