//! From Peatio's documented events to rows.

use keepwhole_core::book::MovementKind;
use keepwhole_peatio::events::{Names, Reading, read};
use serde_json::{Value, json};

pub(crate) fn names() -> Names {
    Names {
        house: "house".to_owned(),
        assets: [("usd".to_owned(), "USDT".to_owned())].into(),
    }
}

fn decimals(asset: &str) -> Option<u8> {
    match asset {
        "BTC" | "ETH" => Some(8),
        "USDT" => Some(6),
        _ => None,
    }
}

/// The documented example of an accepted deposit.
pub(crate) fn deposit() -> Value {
    json!({ "name": "model.deposit.updated", "record": {
        "tid": "TID9493F6CD41", "user": { "uid": "ID092B2AF8E87", "email": "john@doe.com" }, "uid": "ID092B2AF8E87",
        "currency": "btc", "amount": "0.0855", "state": "accepted", "created_at": "2018-04-12T17:16:06+03:00",
        "updated_at": "2018-04-12T18:46:57+03:00", "completed_at": "2018-04-12T18:46:57+03:00",
        "blockchain_confirmations": 7 }, "changes": { "state": "submitted" } })
}

pub(crate) fn claims(event: &Value) -> Value {
    json!({ "iss": "peatio", "jti": "0a7f6f3e-0c1b-4f0e-9e43-0e1f6f4a2b11", "iat": 1_000, "exp": 1_060, "event": event })
}

type Row = (String, String, String, String, u128, MovementKind);

fn rows(event: &Value) -> (String, Vec<Row>) {
    match read(
        claims(event).to_string().as_bytes(),
        None,
        &names(),
        &decimals,
    )
    .unwrap()
    {
        Reading::Rows { id, batch } => {
            let own = str::to_owned;
            let rows = batch
                .rows()
                .map(|r| {
                    (
                        own(r.id),
                        own(r.from),
                        own(r.to),
                        own(r.asset),
                        r.units,
                        r.kind,
                    )
                })
                .collect();
            (id, rows)
        }
        Reading::Nothing(what) => panic!("{what}"),
    }
}

fn row(id: &str, from: &str, to: &str, asset: &str, units: u128, kind: MovementKind) -> Row {
    let own = str::to_owned;
    (own(id), own(from), own(to), own(asset), units, kind)
}

#[test]
fn a_deposit_is_booked_once_it_is_accepted_and_later_states_are_the_same_row() {
    let booked = row(
        "deposit:TID9493F6CD41",
        "outside",
        "ID092B2AF8E87",
        "BTC",
        8_550_000,
        MovementKind::Deposit,
    );
    let (id, given) = rows(&deposit());
    assert_eq!(
        (id.as_str(), given),
        ("peatio/deposit:TID9493F6CD41", vec![booked.clone()])
    );
    let mut later = deposit();
    later["record"]["state"] = json!("collected");
    later["record"]["updated_at"] = json!("2018-04-13T00:00:00+03:00");
    assert_eq!(rows(&later).1, [booked]);
    let mut early = deposit();
    early["record"]["state"] = json!("submitted");
    let reading = read(
        claims(&early).to_string().as_bytes(),
        None,
        &names(),
        &decimals,
    )
    .unwrap();
    assert_eq!(
        reading,
        Reading::Nothing("`model.deposit.updated` in state `submitted` moves nothing".to_owned())
    );
}

#[test]
fn a_withdrawal_takes_its_fee_too() {
    let event = json!({ "name": "model.withdraw.updated", "record": {
        "tid": "TID892F29F094", "uid": "ID092B2AF8E87", "rid": "0xdA35deE8EDDeAA556e4c26268463e26FB91ff74f", "currency": "eth",
        "amount": "4.5485", "fee": "0.0015", "state": "succeed", "created_at": "2018-04-12T18:52:16+03:00" } });
    let customer = "ID092B2AF8E87";
    assert_eq!(
        rows(&event).1,
        [
            row(
                "withdraw:TID892F29F094",
                customer,
                "outside",
                "ETH",
                454_850_000,
                MovementKind::Withdrawal
            ),
            row(
                "withdraw:TID892F29F094:fee",
                customer,
                "house",
                "ETH",
                150_000,
                MovementKind::Fee
            ),
        ]
    );
}

#[test]
fn a_trade_moves_both_sides_and_their_fees() {
    let event = json!({ "name": "market.btcusd.trade_completed", "market": "btcusd", "price": "0.03",
        "buyer_uid": "B", "buyer_income_unit": "btc", "buyer_income_amount": "14", "buyer_income_fee": "0.021",
        "buyer_outcome_unit": "usd", "buyer_outcome_amount": "0.42", "buyer_outcome_fee": "0.0",
        "seller_uid": "S", "seller_income_unit": "usd", "seller_income_amount": "0.42", "seller_income_fee": "0.00063",
        "seller_outcome_unit": "btc", "seller_outcome_amount": "14.0", "seller_outcome_fee": "0.0",
        "completed_at": "2018-05-07T17:32:09Z" });
    let (id, rows) = rows(&event);
    assert_eq!(id, "peatio/trade:0a7f6f3e-0c1b-4f0e-9e43-0e1f6f4a2b11");
    let moved: Vec<_> = rows
        .iter()
        .map(|r| (r.1.as_str(), r.2.as_str(), r.3.as_str(), r.4))
        .collect();
    assert_eq!(
        moved,
        [
            ("S", "B", "BTC", 1_400_000_000),
            ("B", "S", "USDT", 420_000),
            ("B", "house", "BTC", 2_100_000),
            ("S", "house", "USDT", 630)
        ]
    );
}

#[test]
fn what_can_not_be_booked_names_its_field() {
    let change = |path: &[&str], value: Value| {
        let mut claims = claims(&deposit());
        let mut at = &mut claims;
        for key in path {
            at = &mut at[*key];
        }
        *at = value;
        read(
            claims.to_string().as_bytes(),
            Some(1_050),
            &names(),
            &decimals,
        )
        .unwrap_err()
        .to_string()
    };
    let record = |key: &'static str| vec!["event", "record", key];
    let cases: Vec<(Vec<&str>, Value, &str)> = vec![
        (
            vec!["iss"],
            json!("barong"),
            "`iss`: `barong` is not `peatio`",
        ),
        (
            vec!["jti"],
            json!(""),
            "`jti`: not 1 to 48 visible characters",
        ),
        (
            vec!["exp"],
            json!(1_049),
            "`exp`: the message was over before it reached the broker",
        ),
        (
            vec!["event", "name"],
            Value::Null,
            "`event.name`: is missing",
        ),
        (vec!["event", "record"], Value::Null, "`event.record`: "),
        (
            record("amount"),
            json!(0.0855),
            "`event.record`: invalid type: floating point",
        ),
        (
            record("amount"),
            json!("-1"),
            "`event.record.amount`: `-1` is not a decimal amount with at most 8 decimals",
        ),
        (record("amount"), json!("1e3"), "is not a decimal amount"),
        (
            record("amount"),
            json!("0.123456789"),
            "is not a decimal amount with at most 8 decimals",
        ),
        (record("amount"), json!("1."), "is not a decimal amount"),
        (
            record("amount"),
            json!("400000000000000000000000000000000000000"),
            "is not a decimal amount",
        ),
        (
            record("currency"),
            json!("doge"),
            "asset `DOGE` (currency `doge`) is not registered",
        ),
        (
            record("created_at"),
            json!("yesterday"),
            "`event.record.created_at`: `yesterday` is not a time with a zone",
        ),
        (record("uid"), json!(""), "`event`: "),
    ];
    for (path, value, says) in cases {
        let told = change(&path, value);
        assert!(told.contains(says), "{says}\n{told}");
        assert!(!told.contains("john"), "personal data in {told}");
    }
}

#[test]
fn other_events_move_nothing() {
    for name in [
        "model.account.updated",
        "market.btcusd.order_created",
        "system.low_hot_wallet_balance",
    ] {
        let reading = read(
            claims(&json!({ "name": name })).to_string().as_bytes(),
            None,
            &names(),
            &decimals,
        )
        .unwrap();
        assert_eq!(reading, Reading::Nothing(format!("`{name}` moves nothing")));
    }
}
