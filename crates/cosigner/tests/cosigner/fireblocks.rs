//! Fireblocks' requests and answers: the samples, one change each, and the table of answers.

use crate::harness::{DEST, HOT, held, mapping, sample};
use keepwhole_cosigner::claims::{Claims, FormError, Stage, Unknown};
use keepwhole_cosigner::fireblocks::Mode;
use keepwhole_cosigner::fireblocks::answer::{Action, Approvals};
use keepwhole_cosigner::fireblocks::request::{Request, WithdrawalId, read};
use keepwhole_cosigner::guard::Verdict;
use keepwhole_cosigner::json::Json;
use keepwhole_cosigner::raw::{self, RawFault};
use serde_json::{Value, json};

fn read_value(value: &Value) -> Result<Request, FormError> {
    read(Json::parse(value.to_string().as_bytes()).unwrap(), false)
}

fn claims(value: &Value) -> Result<Claims, Unknown> {
    let request = read_value(value).unwrap();
    request.claims(&mapping(), WithdrawalId::External)
}

/// The transfer with one member changed; `Null` takes it away.
fn with(pointer: &str, value: Value) -> Value {
    let mut claims = sample("fireblocks-transfer");
    match claims.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            claims[pointer.trim_start_matches('/')] = value;
        }
    }
    claims
}

#[test]
fn the_sample_is_understood() {
    let request = read_value(&sample("fireblocks-transfer")).unwrap();
    assert_eq!(request.stage, Stage::Signing);
    let all: Value = serde_json::from_str(&request.all.spelled()).unwrap();
    assert_eq!(
        all,
        sample("fireblocks-transfer"),
        "unknown fields are kept"
    );
    let claims = request.claims(&mapping(), WithdrawalId::External).unwrap();
    assert_eq!(claims.withdrawal, "w-1");
    assert_eq!(claims.network, "eip155:1");
    assert_eq!(claims.asset, "eip155:1/slip44:60");
    assert_eq!((&*claims.wallet, &*claims.key), ("hot-1", "hot-1/2026-1"));
    assert_eq!(claims.from.as_deref(), Some(HOT));
    assert_eq!(claims.to, DEST);
    assert_eq!(claims.amount, 10_000_000_000_000_000);
    assert_eq!(claims.fee, Some(597_803_762_241_000));
    // The raw transaction and its hash are the vendor's own published example: chain, digest and transfer fit.
    let payload = raw::judge(claims.raw.as_ref().unwrap(), &claims, &mapping()).unwrap();
    assert_eq!(payload.outcome.conflict_key, format!("eip155:1/{HOT}/4"));

    let approval = read_value(&sample("fireblocks-approval")).unwrap();
    assert_eq!(approval.stage, Stage::Approval);
}

#[test]
fn the_withdrawal_id_may_stand_in_the_note() {
    let request = read_value(&with("/note", json!("w-9"))).unwrap();
    let claims = request.claims(&mapping(), WithdrawalId::Note).unwrap();
    assert_eq!(claims.withdrawal, "w-9");
    let spaced = read_value(&sample("fireblocks-transfer")).unwrap();
    let unknown = spaced.claims(&mapping(), WithdrawalId::Note).unwrap_err();
    assert_eq!(unknown.code, "withdrawal_unknown");
}

#[test]
fn forms_are_refused_by_field() {
    let number = |field: &str| FormError::NumberAmount(field.to_owned());
    let kind = |field: &str, needs| FormError::Type {
        field: field.to_owned(),
        needs,
    };
    let rows = [
        ("/amountStr", json!(0.01), number("amountStr")),
        ("/amountStr", json!(1), number("amountStr")),
        (
            "/requestedAmountStr",
            json!(1),
            number("requestedAmountStr"),
        ),
        ("/fee", json!(0.1), number("fee")),
        (
            "/destinations/0/amountNativeStr",
            json!(0.01),
            number("destinations[0].amountNativeStr"),
        ),
        ("/amountStr", Value::Null, FormError::Missing("amountStr")),
        ("/amountStr", json!(["1"]), kind("amountStr", "a text")),
        ("/requestId", Value::Null, FormError::Missing("requestId")),
        ("/requestId", json!(7), kind("requestId", "a text")),
        ("/requestId", json!("a b"), FormError::Id("requestId")),
        (
            "/requestId",
            json!("a".repeat(129)),
            FormError::Id("requestId"),
        ),
        ("/signerId", json!("\u{e4}"), FormError::Id("signerId")),
        ("/txId", Value::Null, FormError::Missing("txId")),
        ("/asset", Value::Null, FormError::Missing("asset")),
        ("/sourceId", json!(0), kind("sourceId", "a text")),
        ("/sourceType", Value::Null, FormError::Missing("sourceType")),
        (
            "/operation",
            json!(["TRANSFER"]),
            kind("operation", "a text"),
        ),
        ("/destinations", json!({}), kind("destinations", "a list")),
        (
            "/destinations",
            json!(vec![json!({}); 65]),
            FormError::TooMany("destinations"),
        ),
        ("/rawTx", json!("02ef"), kind("rawTx", "a list")),
        (
            "/rawTx/0/rawTx",
            json!("02e"),
            FormError::Hex("rawTx.rawTx"),
        ),
        (
            "/rawTx/0/payload",
            json!("77"),
            FormError::Hex("rawTx.payload"),
        ),
    ];
    for (pointer, value, expected) in rows {
        let changed = with(pointer, value);
        assert_eq!(read_value(&changed), Err(expected), "{pointer}");
    }
    // The deprecated numbers are not read, whatever they say.
    for field in [
        "/amount",
        "/requestedAmount",
        "/destinations/0/amountNative",
    ] {
        assert_eq!(
            claims(&with(field, json!(1e30))).unwrap().amount,
            10_000_000_000_000_000
        );
    }
}

#[test]
fn what_is_not_known_here_is_held_by_name() {
    let two = json!([{ "displayDstAddress": DEST }, { "displayDstAddress": HOT }]);
    let rows = [
        ("/operation", json!("RAW"), "custody_change"),
        ("/operation", json!("TYPED_MESSAGE"), "custody_change"),
        ("/operation", json!("CONTRACT_CALL"), "custody_change"),
        ("/operation", json!("MINT"), "operation_unknown"),
        ("/operation", json!("transfer"), "operation_unknown"),
        ("/sourceType", json!("EXCHANGE"), "source_unknown"),
        ("/sourceId", json!("7"), "wallet_unknown"),
        ("/asset", json!("DOGE"), "asset_unknown"),
        ("/externalTxId", Value::Null, "withdrawal_unknown"),
        ("/externalTxId", json!(""), "withdrawal_unknown"),
        ("/externalTxId", json!("w 1"), "withdrawal_unknown"),
        ("/destinations", two, "destinations_many"),
        (
            "/destinations/0/displayDstAddress",
            json!(HOT),
            "destinations_differ",
        ),
        (
            "/destinations/0/amountNativeStr",
            json!("0.02"),
            "amounts_differ",
        ),
        ("/requestedAmountStr", json!("0.02"), "gross_amount"),
        ("/treatAsGrossAmount", json!(true), "gross_amount"),
        ("/amountStr", json!("1e-2"), "amount_unreadable"),
        (
            "/amountStr",
            json!("0.0000000000000000001"),
            "amount_unreadable",
        ),
        ("/fee", json!("much"), "amount_unreadable"),
    ];
    for (pointer, value, code) in rows {
        let unknown = claims(&with(pointer, value)).unwrap_err();
        assert_eq!(unknown.code, code, "{pointer}: {unknown}");
    }
    let mut nowhere = with("/destAddress", Value::Null);
    nowhere["destinations"] = json!([]);
    assert_eq!(claims(&nowhere).unwrap_err().code, "destination_unknown");
    let raw = sample("fireblocks-transfer")["rawTx"][0].clone();
    let many = with("/rawTx", json!([raw, raw]));
    assert_eq!(claims(&many).unwrap_err().code, "raw_many");

    let change = Json::parse(sample("fireblocks-configuration").to_string().as_bytes()).unwrap();
    let change = read(change, true).unwrap();
    assert_eq!(change.stage, Stage::Configuration);
    let unknown = change.claims(&mapping(), WithdrawalId::External);
    assert_eq!(unknown.unwrap_err().code, "custody_change");
    assert_eq!(
        claims(&sample("fireblocks-raw")).unwrap_err().code,
        "custody_change"
    );
}

#[test]
fn bytes_that_are_not_what_is_said_are_a_mismatch() {
    let judged = |value: &Value| {
        let claims = claims(value).unwrap();
        raw::judge(claims.raw.as_ref().unwrap(), &claims, &mapping())
    };
    let mut amount = with("/amountStr", json!("0.011"));
    amount["requestedAmountStr"] = json!("0.011");
    amount["destinations"][0]["amountNativeStr"] = json!("0.011");
    let mut dest = with("/destAddress", json!(HOT));
    dest["destinations"][0]["displayDstAddress"] = json!(HOT);
    let hash = with("/rawTx/0/payload", json!("77".repeat(32)));
    let cut = with("/rawTx/0/rawTx", json!("02ef01"));
    let hashed = with("/rawTx/0/rawTx", json!("77".repeat(32)));
    for (value, says) in [
        (amount, "`amount` was decided as"),
        (dest, "`to` was decided as"),
        (hash, "the hash that the vendor would sign"),
        (cut, "truncated"),
        (hashed, "raw_hash"),
    ] {
        match judged(&value) {
            Err(RawFault::Mismatch { says: found, .. }) => {
                assert!(found.contains(says), "{found} is not {says}");
            }
            other => panic!("{says}: {other:?}"),
        }
    }
    // The bytes of another chain: the asset is on this one.
    let mut other_chain = sample("fireblocks-transfer");
    let bytes = other_chain["rawTx"][0]["rawTx"]
        .as_str()
        .unwrap()
        .replacen("02ef01", "02ef05", 1);
    other_chain["rawTx"][0]["rawTx"] = json!(bytes);
    assert!(
        matches!(judged(&other_chain), Err(RawFault::Mismatch { says, .. }) if says.contains("wrong_chain"))
    );
}

#[test]
fn the_table_of_answers() {
    let held = held().unwrap();
    let denied = Verdict::Denied {
        code: "limit".to_owned(),
    };
    let stages = [Stage::Signing, Stage::Approval, Stage::Configuration];
    for approvals in [Approvals::Ignore, Approvals::Answer] {
        for stage in stages {
            assert_eq!(Action::of(&held, stage, approvals).word(), "RETRY");
            assert_eq!(
                Action::of(&Verdict::held("x"), stage, approvals).word(),
                "RETRY"
            );
            assert_eq!(Action::of(&denied, stage, approvals).word(), "REJECT");
        }
        let cleared = |stage| Action::of(&Verdict::Cleared, stage, approvals).word();
        assert_eq!(cleared(Stage::Signing), "APPROVE");
        assert_eq!(cleared(Stage::Configuration), "RETRY");
        let approval = if approvals == Approvals::Ignore {
            "IGNORE"
        } else {
            "APPROVE"
        };
        assert_eq!(cleared(Stage::Approval), approval);
    }
    let reject = Action::of(&denied, Stage::Signing, Approvals::Ignore);
    let told: Value = serde_json::from_str(&reject.claims("r\"1")).unwrap();
    let expected =
        json!({ "action": "REJECT", "requestId": "r\"1", "rejectionReason": "denied: limit" });
    assert_eq!(told, expected);
    assert!(!Action::Retry.is_final() && reject.is_final());
}

#[test]
fn modes_have_their_paths() {
    assert_eq!(Mode::of(1).unwrap().paths()[0], "/v2/tx_sign_request");
    assert_eq!(
        Mode::of(4).unwrap().paths()[1],
        "/v2/config_change_sign_request"
    );
    assert_eq!(Mode::of(2).unwrap().paths()[0], "/tx_sign_request");
    assert_eq!((Mode::of(0), Mode::of(5), Mode::of(-1)), (None, None, None));
}
