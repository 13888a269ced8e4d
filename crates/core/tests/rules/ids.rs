//! Ids of transfers in a state that is read back.

use crate::exchange::START;
use keepwhole_core::apply::apply;
use keepwhole_core::book::MovementKind;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::registry::{AssetIx, OwnerIx};
use keepwhole_core::state::{State, UnbuiltPart, Unindexed};
use keepwhole_core::transfer::{Transfer, TransferId};
use keepwhole_core::transfer_ids::TransferIds;

fn transfer(id: &str) -> Transfer {
    Transfer {
        id: TransferId::new(id).unwrap(),
        from: OwnerIx(2),
        to: OwnerIx(3),
        asset: AssetIx(0),
        kind: MovementKind::Trade,
        units: 5,
        effective: START,
    }
}

/// Two generations behind a forgotten one, and the way to their ids built by nobody, by others backwards, and by both.
#[test]
fn ids_read_back_are_found_whoever_builds_the_way_to_them() {
    let fold = |state: &mut State, numbers: std::ops::Range<u32>| {
        for n in numbers {
            let event = Event::TransferRecorded(transfer(&format!("id-{n}")));
            apply(state, &Record::new(START, 1, event));
        }
    };
    let mut state = State {
        transfer_ids: TransferIds::remembering(3_000),
        ..State::default()
    };
    fold(&mut state, 0..8_000);
    let bytes = borsh::to_vec(&state).unwrap();
    let builds: [fn(&mut [UnbuiltPart<'_>]); 3] = [
        |_| {},
        |parts| {
            assert_eq!(parts.iter().map(UnbuiltPart::entries).sum::<usize>(), 5_000);
            parts.iter_mut().rev().for_each(UnbuiltPart::build);
        },
        |parts| parts.iter_mut().step_by(3).for_each(UnbuiltPart::build),
    ];
    for build in builds {
        let read: Unindexed = borsh::from_slice(&bytes).unwrap();
        let mut read = read.indexed(build);
        for n in 0..8_001 {
            let mut row = transfer(&format!("id-{n}"));
            let known = (3_000..8_000).contains(&n).then_some(true);
            assert_eq!(read.transfer_ids.recorded(&row), known, "{n}");
            row.units += 1;
            assert_eq!(
                read.transfer_ids.recorded(&row),
                known.map(|_| false),
                "{n}"
            );
        }
        assert_eq!(read, state);
        let mut other = state.clone();
        for state in [&mut read, &mut other] {
            fold(state, 8_000..9_500);
            let first = transfer("id-3000");
            assert_eq!(state.transfer_ids.recorded(&first), None);
        }
        assert_eq!(read.digest(), other.digest());
    }
    for cut in [1, 9, 10_000, 60_001, 100_000] {
        let short = &bytes[..bytes.len() - cut];
        assert!(borsh::from_slice::<State>(short).is_err(), "{cut} missing");
    }
}
