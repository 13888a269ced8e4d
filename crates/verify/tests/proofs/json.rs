//! Canonical JSON: the writer agrees with another implementation, the reader takes the canonical bytes only.

use keepwhole_verify::json::{Fields, Value, labelled_digest, parse, parse_amount, to_hex};
use proptest::prelude::*;

/// One flat document of texts, as commands, intents and clearances are.
fn document(members: &[(&str, &str)]) -> Value {
    Value::object(
        members
            .iter()
            .map(|(key, value)| (*key, Value::text(*value)))
            .collect(),
    )
}

#[test]
fn published_digests() {
    let command = document(&[
        ("action", "withdraw"),
        ("amount", "1250000000000000000"),
        ("asset", "ETH"),
        ("chain", "eip155:1"),
        ("dest", "0x00000000219ab540356cbb839cbe05303d7705fa"),
        (
            "raw_tx_sha256",
            "1b5b9ccb3e8d006a5230de9bda23ff91edc794d4f56410560830b418528e446c",
        ),
        ("wallet", "hot-1"),
    ]);
    assert_eq!(
        to_hex(&labelled_digest("keepwhole/command/v1\n", &command)),
        "6834c26683e8aa4407eb17e0a99320d6227030984f0c5586eb80536431ff96c2"
    );
    let intent = document(&[
        ("amount", "1250000000000000000"),
        ("asset", "eip155:1/slip44:60"),
        ("dest", "0x00000000219ab540356cbb839cbe05303d7705fa"),
        ("expires", "1795000000"),
        ("id", "w-1"),
        ("max_fee", "2000000000000000"),
        ("memo", ""),
        ("network", "eip155:1"),
        ("wallet", "hot-1"),
    ]);
    let intent = to_hex(&labelled_digest("keepwhole/intent/v1\n", &intent));
    assert_eq!(
        intent,
        "ae89509bb5044ca67d431bfd5bf641d17b519272af5ae18739fa807b1c6c03f3"
    );
    let (build, policy, signing) = (
        to_hex(&[0x22; 32]),
        to_hex(&[0x33; 32]),
        to_hex(&[0x44; 32]),
    );
    let clearance = document(&[
        ("attempt", "1"),
        ("build", &build),
        (
            "conflict_key",
            "eip155:1/0x1111111111111111111111111111111111111111/7",
        ),
        ("expires", "1795000060"),
        ("intent", &intent),
        ("key", "hot-1/2026-1"),
        ("payload_kind", "evm-tx"),
        ("policy", &policy),
        ("signing_digest", &signing),
        ("total_fee", "1000000000000000"),
    ]);
    let clearance = to_hex(&labelled_digest("keepwhole/clearance/v1\n", &clearance));
    assert_eq!(
        clearance,
        "6b3453e5a77217d46d57e2ed41425340897140ef425aa3a8f3ab7c941c5d2e60"
    );
    let redemption = document(&[
        ("at", "1795000010"),
        ("clearance", &clearance),
        ("signer", "signer-1"),
    ]);
    assert_eq!(
        to_hex(&labelled_digest("keepwhole/redemption/v1\n", &redemption)),
        "7bf2cc0fb4951d510267786e7da62d511d7de22b972e328e34d97005a4ae2793"
    );
}

#[test]
fn only_the_canonical_form_is_read() {
    let cases = [
        ("{\"a\":1,\"a\":2}", "key `a` is repeated"),
        ("{\"b\":1,\"a\":2}", "key `a` is out of order"),
        // UTF-16 order: U+1F600 (d83d de00) stands before U+FB33, though its UTF-8 bytes stand after.
        ("{\"\u{fb33}\":1,\"\u{1f600}\":2}", "is out of order"),
        ("{\"a\": 1}", "whitespace"),
        ("{\"a\":1} ", "more text after the end"),
        ("{\"a\":1,}", "expected `\"`"),
        ("[1,]", "not a JSON value"),
        ("01", "leading zeros"),
        ("-1", "not a JSON value"),
        ("1.0", "fraction or an exponent"),
        ("1e3", "fraction or an exponent"),
        ("9007199254740992", "above 2^53 - 1"),
        ("99999999999999999999999", "above 2^53 - 1"),
        (
            "\"\\u0041\"",
            "an escape that canonical JSON does not write",
        ),
        (
            "\"\\u000A\"",
            "an escape that canonical JSON does not write",
        ),
        (
            "\"\\u000a\"",
            "an escape that canonical JSON does not write",
        ),
        (
            "\"\\u001F\"",
            "an escape that canonical JSON does not write",
        ),
        ("\"\\/\"", "an escape that canonical JSON does not write"),
        ("\"\t\"", "control character inside a text"),
        ("\"abc", "text without an end"),
        ("\u{feff}{}", "not a JSON value"),
        ("", "ends too early"),
        ("nul", "expected `null`"),
    ];
    for (text, cause) in cases {
        let error = parse("doc", text).expect_err(text).to_string();
        assert!(error.contains(cause), "{text}: {error}");
    }
    let deep = "[".repeat(40) + &"]".repeat(40);
    assert!(
        parse("doc", &deep)
            .expect_err("deep")
            .to_string()
            .contains("nested too deeply")
    );
}

#[test]
fn unknown_and_missing_fields_are_named() {
    let value = parse("doc", "{\"amount\":\"007\",\"extra\":null,\"n\":300}").expect("canonical");
    let mut fields = Fields::of("doc", &value).expect("object");
    assert_eq!(
        fields.amount("amount").expect_err("zeros").place,
        "doc.amount"
    );
    assert_eq!(
        fields.small("n", 0, 255).expect_err("range").cause,
        "`300` is not within 0 to 255"
    );
    assert_eq!(fields.text("name").expect_err("absent").cause, "is missing");
    assert_eq!(fields.done().expect_err("extra").place, "doc.extra");
}

#[test]
fn amounts_have_one_form() {
    assert_eq!(
        parse_amount("340282366920938463463374607431768211455"),
        Some(u128::MAX)
    );
    for text in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        "1 ",
        "1_000",
        "340282366920938463463374607431768211456",
        "１",
    ] {
        assert_eq!(parse_amount(text), None, "{text}");
    }
}

/// Any value of our subset.
fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,8}",
        "[\u{0}-\u{2f}\"\\\\]{0,6}",
        "[\u{e000}-\u{ffff}\u{1f600}-\u{1f64f}]{0,3}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0u64..(1 << 53)).prop_map(Value::Integer),
        text.clone().prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let members = prop::collection::btree_map(text.clone(), inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::List),
            members.prop_map(|members| {
                Value::object(
                    members
                        .iter()
                        .map(|(key, value)| (key.as_str(), value.clone()))
                        .collect(),
                )
            }),
        ]
    })
}

/// The same value for the other implementation.
fn as_serde(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Integer(n) => (*n).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(as_serde).collect(),
        Value::Object(members) => serde_json::Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), as_serde(value)))
                .collect(),
        ),
    }
}

proptest! {
    #[test]
    fn writer_agrees_with_serde_jcs_and_reads_back(value in values()) {
        let ours = value.to_canonical();
        prop_assert_eq!(&ours, &serde_jcs::to_string(&as_serde(&value)).expect("serde_jcs"));
        prop_assert_eq!(parse("doc", &ours).expect("own output"), value);
    }

    #[test]
    fn what_is_read_is_written_back_byte_for_byte(text in "[\\[\\]{}\",:0-9a-c\\\\ntrue]{0,24}") {
        if let Ok(value) = parse("doc", &text) {
            prop_assert_eq!(value.to_canonical(), text);
        }
    }
}
