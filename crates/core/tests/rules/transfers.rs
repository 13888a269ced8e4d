//! Batches of transfers: packed forms, the simplest model of what they do, ids, stored bytes, and memory.

use crate::exchange::{Exchange, START};
use keepwhole_core::amount::Amount;
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::apply;
use keepwhole_core::book::{Movement, MovementKind};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::decide::decide;
use keepwhole_core::event::{Event, Record, encode_transfer};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Asset, AssetIx, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;
use keepwhole_core::transfer::{
    BATCH_ROWS, Fault, RECORD_MAX, RowField, Transfer, TransferBatch, TransferId, TransferRow,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const OWNERS: [&str; 4] = ["house", "outside", "alice", "bob"];
const ASSETS: [&str; 2] = ["KRW", "BTC"];

/// Four owners and two assets, nothing in the books, and the usual window of ids.
fn empty_books() -> Exchange {
    let mut exchange = Exchange::empty();
    exchange.state = State::default();
    for id in ASSETS {
        exchange.told(Body::RegisterAsset(Asset {
            id: id.into(),
            decimals: 0,
            network: None,
            confirmations: 0,
        }));
    }
    exchange.told(Body::RegisterOwners(
        ["house", "alice", "bob"].map(Into::into).to_vec(),
    ));
    exchange
}

/// A row as text, to be kept by a model.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    id: String,
    from: &'static str,
    to: &'static str,
    asset: &'static str,
    units: u128,
    effective: u64,
}

impl Row {
    fn told(&self) -> TransferRow<'_> {
        TransferRow {
            id: &self.id,
            from: self.from,
            to: self.to,
            asset: self.asset,
            units: self.units,
            kind: MovementKind::Trade,
            effective: self.effective,
        }
    }
}

fn row(id: &str, from: &'static str, to: &'static str, units: u128) -> Row {
    Row {
        id: id.into(),
        from,
        to,
        asset: "BTC",
        units,
        effective: START,
    }
}

fn packed(rows: &[Row]) -> TransferBatch {
    let mut batch = TransferBatch::new();
    for row in rows {
        batch.push(&row.told()).expect("a row");
    }
    batch
}

fn tell(exchange: &mut Exchange, rows: &[Row]) -> Reply {
    exchange.ask(None, None, Body::RecordTransfers(packed(rows)))
}

/// The plainest ledger: totals by owner and asset, and rows by id.
#[derive(Clone, Default)]
struct Model {
    totals: BTreeMap<(&'static str, &'static str), (u128, u128)>,
    rows: BTreeMap<String, Row>,
}

impl Model {
    /// Books a row: `Ok(false)` if it was booked before.
    fn book(&mut self, row: &Row) -> Result<bool, &'static str> {
        for owner in [row.from, row.to] {
            if !OWNERS.contains(&owner) {
                return Err("unknown_customer");
            }
        }
        if !ASSETS.contains(&row.asset) {
            return Err("unknown_asset");
        }
        if let Some(known) = self.rows.get(&row.id) {
            return if known == row {
                Ok(false)
            } else {
                Err("transfer_conflict")
            };
        }
        let from = self.totals.entry((row.from, row.asset)).or_default();
        if row.from != "outside" && from.0 - from.1 < row.units {
            return Err("insufficient_balance");
        }
        from.1 = from.1.checked_add(row.units).ok_or("invalid_amount")?;
        let to = self.totals.entry((row.to, row.asset)).or_default();
        to.0 = to.0.checked_add(row.units).ok_or("invalid_amount")?;
        self.rows.insert(row.id.clone(), row.clone());
        Ok(true)
    }

    /// All rows, or the first that is refused and why; how many were booked before.
    fn batch(&mut self, rows: &[Row]) -> Result<u32, (u32, &'static str)> {
        let mut after = self.clone();
        let mut repeated = 0;
        for (place, row) in (0u32..).zip(rows) {
            let new = after.book(row).map_err(|why| (place, why))?;
            repeated += u32::from(!new);
        }
        *self = after;
        Ok(repeated)
    }
}

fn any_row() -> impl Strategy<Value = Row> {
    let id = prop_oneof![
        (0u32..40).prop_map(|n| format!("{n}")),
        (0u128..20).prop_map(|n| format!("{n:032x}")),
        (0u32..20).prop_map(|n| format!("00000000-0000-0000-0000-{n:012x}")),
        (0u32..20).prop_map(|n| format!("an id of more than fifteen bytes {n}")),
    ];
    let owner =
        prop_oneof![6 => Just("outside"), 4 => Just("alice"), 4 => Just("bob"), 2 => Just("house")];
    let other = (0usize..4, 0u8..60);
    let units = prop_oneof![9 => 1u128..40, 1 => Just(u128::MAX / 3)];
    (id, owner, other, 0usize..2, units, 0u64..2).prop_map(
        |(id, from, (to, odd), asset, units, later)| {
            let to = if OWNERS[to] == from {
                OWNERS[(to + 1) % 4]
            } else {
                OWNERS[to]
            };
            Row {
                id,
                from,
                to: if odd == 0 { "nobody" } else { to },
                asset: if odd == 1 { "XRP" } else { ASSETS[asset] },
                units,
                effective: START - later,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn batches_do_what_the_simplest_ledger_does(
        batches in prop::collection::vec(prop::collection::vec(any_row(), 1..8), 1..14),
    ) {
        let mut exchange = empty_books();
        let mut model = Model::default();
        let mut large = false;
        for rows in batches {
            large |= rows.iter().any(|row| row.units > 40);
            let before = exchange.state.clone();
            let meant = model.batch(&rows);
            let reply = tell(&mut exchange, &rows);
            match (meant, reply.answer.reason()) {
                (Ok(repeated), None) => prop_assert_eq!(reply.repeated_rows, repeated),
                // What all are owed together may pass 128 bits before any account does.
                (_, Some(Reason::Row { row, reason })) if reason.code() == "invalid_amount" => {
                    prop_assert!(large, "row {row} of small amounts only");
                    prop_assert_eq!(&exchange.state.book, &before.book);
                    return Ok(());
                }
                (Err((place, why)), Some(Reason::Row { row, reason })) => {
                    prop_assert_eq!((*row, reason.code()), (place, why));
                    prop_assert_eq!(&exchange.state.book, &before.book);
                    prop_assert_eq!(&exchange.state.transfer_ids, &before.transfer_ids);
                }
                (meant, got) => prop_assert!(false, "{meant:?} is meant, {got:?} came"),
            }
            for ((owner, asset), totals) in &model.totals {
                let registry = &exchange.state.registry;
                let (owner, asset) = (registry.owner(owner).unwrap(), registry.asset(asset).unwrap());
                let booked = exchange.state.book.totals(owner, asset);
                prop_assert_eq!((booked.incoming, booked.outgoing), *totals);
            }
        }
        let bytes = borsh::to_vec(&exchange.state).unwrap();
        let read: State = borsh::from_slice(&bytes).unwrap();
        prop_assert_eq!(&read, &exchange.state);
        prop_assert_eq!(read.digest(), exchange.state.digest());
    }

    /// Looked up in any earlier state of the journal, or in another journal: deciding says the same.
    #[test]
    fn what_was_found_ahead_changes_no_answer(
        batches in prop::collection::vec(
            (prop::collection::vec(any_row(), 1..200), any::<prop::sample::Index>(), 0u8..4),
            1..8,
        ),
    ) {
        let mut exchange = empty_books();
        let mut foreign = Exchange::empty();
        foreign.state = State::default();
        foreign.told(Body::RegisterOwners(["bob", "alice", "nobody"].map(Into::into).to_vec()));
        let mut states = vec![State::default(), foreign.state, exchange.state.clone()];
        for (rows, place, stages) in batches {
            let plain = packed(&rows);
            let mut ahead = plain.clone();
            let state = place.get(&states);
            for _ in 0..stages {
                let _more = ahead.look_up(state);
            }
            let [plain, ahead] = [plain, ahead].map(|batch| Command {
                id: None,
                actor: None,
                body: Body::RecordTransfers(batch),
            });
            let plain = decide(&exchange.state, &plain, START);
            prop_assert_eq!(&plain, &decide(&exchange.state, &ahead, START));
            tell(&mut exchange, &rows);
            states.push(exchange.state.clone());
            exchange.ask(None, None, Body::RegisterOwners(vec![String::from("nobody")]));
            states.push(exchange.state.clone());
        }
    }

    #[test]
    fn a_batch_reads_back_from_its_bytes(rows in prop::collection::vec(any_row(), 0..20)) {
        let batch = packed(&rows);
        let read = TransferBatch::from_bytes(batch.as_bytes().to_vec()).unwrap();
        prop_assert_eq!(&read, &batch);
        let told: Vec<TransferRow<'_>> = rows.iter().map(Row::told).collect();
        prop_assert_eq!(read.rows().collect::<Vec<_>>(), told);
    }

    #[test]
    fn no_bytes_bring_a_batch_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(batch) = TransferBatch::from_bytes(bytes.clone()) {
            prop_assert_eq!(batch.as_bytes(), &bytes);
            prop_assert_eq!(batch.rows().count(), batch.len());
        }
    }
}

/// Many rows of many accounts: stages, tables and pages beyond their first sizes.
#[test]
fn a_full_batch_does_what_its_rows_do() {
    let mut exchange = empty_books();
    let names: Vec<String> = (0..500).map(|n| format!("customer-{n}")).collect();
    exchange.told(Body::RegisterOwners(names.clone()));
    for round in 0..3 {
        let mut batch = TransferBatch::new();
        for n in 0..BATCH_ROWS {
            let id = format!("{round}-{n}");
            batch
                .push(&TransferRow {
                    id: &id,
                    from: "outside",
                    to: &names[(n * 7 + round) % names.len()],
                    asset: ASSETS[n % 2],
                    units: 1 + n as u128,
                    kind: MovementKind::Deposit,
                    effective: START,
                })
                .unwrap();
        }
        let body = Body::RecordTransfers(batch.clone());
        assert_eq!(exchange.ask(None, None, body.clone()).repeated_rows, 0);
        let again = exchange.ask(None, None, body);
        assert_eq!(
            (again.answer, again.repeated_rows),
            (Answer::Recorded, 8_192)
        );
        let one = batch.push(&row("x", "alice", "bob", 1).told()).unwrap_err();
        assert_eq!(one.what, Fault::TooMany);
    }
    let owed: u128 = (1..=8_192u128).sum::<u128>() * 3;
    let both = [AssetIx(0), AssetIx(1)].map(|asset| exchange.state.book.owed(asset));
    assert_eq!(both[0] + both[1], owed);
}

#[test]
fn what_is_wrong_with_a_row_is_named() {
    let good = row("t", "alice", "bob", 1);
    let long = "x".repeat(129);
    let length = |field, bytes| Fault::Length { field, bytes };
    let told = good.told();
    let table = [
        (TransferRow { id: "", ..told }, length(RowField::Id, 0)),
        (
            TransferRow {
                id: &long[..65],
                ..told
            },
            length(RowField::Id, 65),
        ),
        (TransferRow { from: "", ..told }, length(RowField::From, 0)),
        (TransferRow { to: &long, ..told }, length(RowField::To, 129)),
        (
            TransferRow {
                asset: &long[..65],
                ..told
            },
            length(RowField::Asset, 65),
        ),
        (
            TransferRow { id: "a\nb", ..told },
            Fault::NotText {
                field: RowField::Id,
            },
        ),
        (TransferRow { units: 0, ..told }, Fault::NoUnits),
        (
            TransferRow {
                to: "alice",
                ..told
            },
            Fault::ToItself,
        ),
    ];
    for (row, fault) in table {
        let mut batch = packed(std::slice::from_ref(&good));
        let wrong = batch.push(&row).unwrap_err();
        assert_eq!((wrong.row, wrong.what), (1, fault));
        assert_eq!(batch, packed(std::slice::from_ref(&good)), "as it was");
    }
    let bytes = packed(&[good]).as_bytes().to_vec();
    let fault = |bytes: Vec<u8>| TransferBatch::from_bytes(bytes).unwrap_err().what;
    assert_eq!(fault(bytes[..bytes.len() - 1].to_vec()), Fault::CutShort);
    let mut kind = bytes.clone();
    kind[0] = 99;
    assert_eq!(fault(kind), Fault::UnknownKind { number: 99 });
}

/// Ids that look alike, or are one another's digest, are different ids.
#[test]
fn ids_of_every_form_are_told_apart() {
    let mut exchange = empty_books();
    let digest = "ba7816bf8f01cfea414140de5dae2223";
    let ids = [
        "abc",
        "abc\u{a0}",
        digest,
        "ba7816bf-8f01-cfea-4141-40de5dae2223",
        "BA7816BF8F01CFEA414140DE5DAE2223",
        "ba7816bf-8f01-cfea-4141-40de5dae222g",
        "fifteen bytes!!",
        "sixteen bytes!!!",
        "000000000000000000000000000000000000",
    ];
    let rows: Vec<Row> = ids.iter().map(|id| row(id, "outside", "bob", 1)).collect();
    assert_eq!(tell(&mut exchange, &rows).repeated_rows, 0);
    assert_eq!(tell(&mut exchange, &rows).repeated_rows, 9);
    assert_eq!(exchange.balance("bob", AssetIx(1)), 9);
}

/// A refusal says which row, what there is and what was asked, with the rows before it counted.
#[test]
fn an_overdraft_names_row_balance_and_amount() {
    let mut exchange = empty_books();
    let rows = [
        row("1", "outside", "alice", 10),
        row("2", "alice", "bob", 4),
        row("3", "alice", "bob", 7),
    ];
    let reply = tell(&mut exchange, &rows);
    let reason = Reason::Row {
        row: 2,
        reason: Box::new(Reason::InsufficientBalance { has: 6, asked: 7 }),
    };
    assert_eq!(reply.answer, Answer::Denied(reason));
    assert_eq!(exchange.balance("alice", AssetIx(1)), 0);
}

/// The oldest ids are forgotten by generations, and then their dates are refused.
#[test]
fn what_is_forgotten_is_refused_and_never_booked_twice() {
    let mut exchange = Exchange::new();
    let told = |n: u64| Row {
        effective: START + n,
        ..row(&format!("{n}"), "outside", "bob", 1)
    };
    for n in 1..=5 {
        assert_eq!(tell(&mut exchange, &[told(n)]).answer, Answer::Recorded);
    }
    let before = exchange.balance("bob", AssetIx(1));
    for n in 1..=5 {
        let reply = tell(&mut exchange, &[told(n)]);
        let code = reply.answer.reason().map(|reason| reason.inner().code());
        let meant = if n <= 2 {
            Some("transfer_too_old")
        } else {
            None
        };
        assert_eq!(code, meant, "{n}");
    }
    assert_eq!(exchange.balance("bob", AssetIx(1)), before);
}

fn transfer(id: &str) -> Transfer {
    Transfer {
        id: TransferId::new(id).unwrap(),
        from: OwnerIx(2),
        to: OwnerIx(0x0102_0304),
        asset: AssetIx(5),
        kind: MovementKind::Fee,
        units: 0x0a0b,
        effective: 0x11_2233,
    }
}

/// Every byte of a stored transfer.
#[test]
fn the_stored_form_of_a_transfer_is_this() {
    let record = Record::new(0x01, 0x02, Event::TransferRecorded(transfer("t-1")));
    let meant = [
        &[1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 11][..],
        &[3, b't', b'-', b'1'],
        &[2, 0, 0, 0, 4, 3, 2, 1, 5, 0, 13],
        &[0x0b, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x33, 0x22, 0x11, 0, 0, 0, 0, 0],
    ];
    let mut bytes = vec![9];
    assert_eq!(record.as_ref().encode_into(&mut bytes), Ok(57));
    assert_eq!(bytes[1..], meant.concat());
    let mut at_once = vec![];
    encode_transfer(0x01, 0x02, &transfer("t-1"), &mut at_once);
    assert_eq!(at_once, meant.concat());
    let longest = Record::new(0, 0, Event::TransferRecorded(transfer(&"x".repeat(64))));
    assert_eq!(longest.encode().unwrap().len(), RECORD_MAX);
}

proptest! {
    /// Transfers are read on a way of their own: whatever the bytes, with the outcome of the general one.
    #[test]
    fn stored_transfers_are_read_as_all_records_are(
        id in "[ -~가-힣]{0,40}",
        numbers in any::<(u32, u32, u16, u128, u64)>(),
        change in proptest::option::of((0usize..118, any::<u8>())),
        cut in proptest::option::of(0usize..118),
    ) {
        let mut row = transfer("t-1");
        row.id = TransferId::new(&id).unwrap_or(row.id);
        (row.from, row.to, row.asset) = (OwnerIx(numbers.0), OwnerIx(numbers.1), AssetIx(numbers.2));
        (row.units, row.effective) = (numbers.3, numbers.4);
        let mut bytes = vec![];
        encode_transfer(numbers.4, 7, &row, &mut bytes);
        if let Some((at, byte)) = change {
            let at = at % bytes.len();
            // Other versions are named, which borsh alone does not do.
            if at > 0 {
                bytes[at] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(1 + cut);
        }
        prop_assert_eq!(Record::decode(&bytes).ok(), borsh::from_slice::<Record>(&bytes).ok());
    }

    /// Ids that differ are told apart, and the same id is known again, in whatever form it comes.
    #[test]
    fn ids_of_every_form_are_known_again(
        a in "[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[ -~]{1,40}",
        at in any::<prop::sample::Index>(),
        other in "[ -~]",
    ) {
        let mut state = State::default();
        let mut row = transfer(&a);
        apply(&mut state, &Record::new(START, 1, Event::OwnerRegistered("house".into())));
        apply(&mut state, &Record::new(START, 1, Event::TransferRecorded(row)));
        prop_assert_eq!(state.transfer_ids.recorded(&row), Some(true));
        let at = at.index(a.len());
        let b = [&a[..at], &other, &a[at + 1..]].concat();
        row.id = TransferId::new(&b).unwrap();
        prop_assert_eq!(state.transfer_ids.recorded(&row), (a == b).then_some(true));
    }
}

/// The reason of a row is not a row again, however often the bytes say so.
#[test]
fn reasons_do_not_nest() {
    let inner = Reason::Row {
        row: 1,
        reason: Box::new(Reason::PurposeMissing),
    };
    let bytes = borsh::to_vec(&inner).unwrap();
    assert_eq!(borsh::from_slice::<Reason>(&bytes).unwrap(), inner);
    let twice = Reason::Row {
        row: 1,
        reason: Box::new(inner),
    };
    assert!(borsh::from_slice::<Reason>(&borsh::to_vec(&twice).unwrap()).is_err());
}

/// A state that was stored and read goes on as the one that was not.
#[test]
fn a_state_read_back_goes_on_alike() {
    let mut exchange = empty_books();
    let rows = [
        row("1", "outside", "alice", 10),
        row("2", "alice", "bob", 4),
    ];
    tell(&mut exchange, &rows);
    exchange.state = borsh::from_slice(&borsh::to_vec(&exchange.state).unwrap()).unwrap();
    assert_eq!(tell(&mut exchange, &rows).repeated_rows, 2);
    let new = tell(&mut exchange, &[row("3", "alice", "bob", 6)]);
    assert_eq!((new.answer, new.repeated_rows), (Answer::Recorded, 0));
    assert_eq!(exchange.balance("bob", AssetIx(1)), 10);
}

/// What a customer with four assets and what an id costs in memory; the sizes are those of the layout, not of a moment.
#[test]
fn memory_of_customers_and_ids_is_bounded() {
    let mut state = State::default();
    let tell = |state: &mut State, event| apply(state, &Record::new(START, 1, event));
    for n in 0..20_000u32 {
        tell(
            &mut state,
            Event::OwnerRegistered(format!("customer-{n:08}")),
        );
    }
    for n in 2..20_000 {
        for asset in 0..4 {
            let movement = Movement {
                from: OUTSIDE,
                to: OwnerIx(n),
                amount: Amount::new(AssetIx(asset), 5),
                kind: MovementKind::Opening,
                reference: String::new(),
            };
            tell(&mut state, Event::MovementRecorded(movement));
        }
    }
    for n in 0..131_000 {
        let mut row = transfer(&format!("{n:032x}"));
        (row.from, row.to, row.asset) = (OwnerIx(2), OwnerIx(3), AssetIx(0));
        tell(&mut state, Event::TransferRecorded(row));
    }
    let holdings = state.book.bytes() / 20_000;
    assert!(holdings <= 150, "{holdings} bytes a customer");
    let names = state.registry.owners.bytes() / 20_000;
    assert!(names <= 45, "{names} bytes a name of 17");
    let id = state.transfer_ids.bytes() / 131_000;
    assert!(id <= 32, "{id} bytes an id");
}
