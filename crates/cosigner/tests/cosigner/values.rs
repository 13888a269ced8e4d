//! JSON of others and amounts: what is read, what is refused.

use keepwhole_cosigner::amount::minor_units;
use keepwhole_cosigner::json::{DEPTH, Json, JsonError};
use proptest::prelude::*;

#[test]
fn json_is_refused_by_name() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(deep(DEPTH).as_bytes()).is_ok());
    assert_eq!(
        Json::parse(deep(DEPTH + 1).as_bytes()),
        Err(JsonError::TooDeep)
    );
    let many = format!("[{}1]", "1,".repeat(5_000));
    assert_eq!(Json::parse(many.as_bytes()), Err(JsonError::TooMany));
    let twice = r#"{"a":{"b":1,"c":2,"b":3}}"#;
    let repeated = Err(JsonError::RepeatedKey("b".to_owned()));
    assert_eq!(Json::parse(twice.as_bytes()), repeated);
    // Two spellings of one key are one key.
    let hidden = r#"{"amountStr":"1","amount\u0053tr":"2"}"#;
    let repeated = Err(JsonError::RepeatedKey("amountStr".to_owned()));
    assert_eq!(Json::parse(hidden.as_bytes()), repeated);
    for bad in ["", "{", "{}{}", "nul", "\"\u{1}\"", "{\"a\":1,}", "NaN"] {
        let read = Json::parse(bad.as_bytes());
        assert!(matches!(read, Err(JsonError::Syntax(_))), "{bad}");
    }
}

#[test]
fn two_spellings_of_one_document_are_hashed_alike() {
    let one = Json::parse(br#"{ "b": [1, "\u0041"], "a": null }"#).unwrap();
    let other = Json::parse(br#"{"a":null,"b":[1,"A"]}"#).unwrap();
    assert_eq!(one.spelled(), other.spelled());
    assert_eq!(one.spelled(), r#"{"a":null,"b":[1,"A"]}"#);
}

#[test]
fn amounts_are_exact_or_refused() {
    let good = [
        ("0.010000000000000000", 18, 10_000_000_000_000_000),
        ("0.01", 18, 10_000_000_000_000_000),
        ("1", 0, 1),
        ("1.0", 0, 1),
        ("12.345", 3, 12_345),
        ("0", 8, 0),
        ("340282366920938463463374607431768211455", 0, u128::MAX),
    ];
    for (text, decimals, units) in good {
        assert_eq!(minor_units(text, decimals), Ok(units), "{text}");
    }
    let bad = [
        ("", 18),
        (".5", 18),
        ("1.", 18),
        ("-1", 18),
        ("+1", 18),
        ("1e3", 18),
        ("0x10", 18),
        ("01", 18),
        ("1,5", 18),
        (" 1", 18),
        ("1 ", 18),
        ("0.0000000000000000001", 18),
        ("1.5", 0),
        ("1.2.3", 18),
        ("١", 18),
        ("NaN", 18),
        ("340282366920938463463374607431768211456", 0),
        ("340282366920938463463.374607431768211456", 18),
    ];
    for (text, decimals) in bad {
        assert!(minor_units(text, decimals).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn an_amount_written_with_any_decimals_reads_back(units in any::<u128>(), decimals in 0_u8..=36) {
        let digits = format!("{units:0>width$}", width = usize::from(decimals) + 1);
        let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
        let text = if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") };
        prop_assert_eq!(minor_units(&text, decimals), Ok(units));
    }

    #[test]
    fn what_is_read_is_spelled_in_one_way(text in r#"\{"[a-c]":(1|"[ -~]{0,9}"|\[null,true\])\}"#) {
        if let Ok(read) = Json::parse(text.as_bytes()) {
            let spelled = read.spelled();
            prop_assert_eq!(Json::parse(spelled.as_bytes()).unwrap(), read);
        }
    }
}
