//! A decoded payload against what was decided: each difference by its name, with both values.

use crate::evm::{OTHER, SENDER, TOKEN, address, call, decode, number};
use keepwhole_payload::evm::{Address, selectors};
use keepwhole_payload::{Expected, Mismatch, Outcome};

fn outcome() -> Outcome {
    let data = call(selectors::TRANSFER, &[&address(OTHER), &number(500)]);
    decode(TOKEN, 0, data).unwrap()
}

fn expected() -> Expected {
    Expected {
        network: "eip155:1".to_owned(),
        asset: format!("eip155:1/erc20:{TOKEN}"),
        from: Some(SENDER.to_string()),
        to: OTHER.to_string(),
        opens_account: false,
        amount: 500,
        memo: String::new(),
        max_fee: 2_000_000_000_000_000,
    }
}

#[test]
fn the_same_withdrawal_matches_in_any_case_of_letters() {
    assert_eq!(expected().matches(&outcome()), Ok(()));
    let mut mixed = Address([0xab; 20]).to_string().replace('a', "A");
    mixed = mixed.replace("0X", "0x");
    let data = call(
        selectors::TRANSFER,
        &[&address(Address([0xab; 20])), &number(500)],
    );
    let outcome = decode(TOKEN, 0, data).unwrap();
    let expected = Expected {
        to: mixed,
        ..expected()
    };
    assert_eq!(expected.matches(&outcome), Ok(()));
}

#[test]
fn each_difference_is_named_with_both_values() {
    let text = str::to_owned;
    let cases = [
        (
            Expected {
                network: text("eip155:5"),
                ..expected()
            },
            "network",
        ),
        (
            Expected {
                asset: text("eip155:1/slip44:60"),
                ..expected()
            },
            "asset",
        ),
        (
            Expected {
                from: Some(OTHER.to_string()),
                ..expected()
            },
            "from",
        ),
        (
            Expected {
                to: SENDER.to_string(),
                ..expected()
            },
            "to",
        ),
        (
            Expected {
                amount: 501,
                ..expected()
            },
            "amount",
        ),
        (
            Expected {
                memo: text("7"),
                ..expected()
            },
            "memo",
        ),
        (
            Expected {
                max_fee: 1_999_999_999_999_999,
                ..expected()
            },
            "fee",
        ),
    ];
    for (expected, field) in cases {
        let mismatch = expected.matches(&outcome()).unwrap_err();
        assert_eq!(mismatch.field, field);
        assert_ne!(mismatch.expected, mismatch.found);
    }
    let amount = Expected {
        amount: 501,
        ..expected()
    };
    assert_eq!(
        amount.matches(&outcome()).unwrap_err().to_string(),
        "`amount` was decided as `501`, the bytes say `500`"
    );
    assert_eq!(Mismatch::NAME, "payload_mismatch");
}

#[test]
fn an_effect_more_is_a_mismatch_whatever_it_is() {
    let data = call(selectors::TRANSFER, &[&address(OTHER), &number(500)]);
    let two = decode(TOKEN, 1, data).unwrap();
    let mismatch = expected().matches(&two).unwrap_err();
    assert_eq!(mismatch.field, "effects");
    assert!(mismatch.found.contains(&OTHER.to_string()), "{mismatch}");
    let grant = call(selectors::APPROVE, &[&address(OTHER), &number(500)]);
    let mismatch = expected().matches(&decode(TOKEN, 0, grant).unwrap());
    assert_eq!(mismatch.unwrap_err().field, "effects");
    let mut none = outcome();
    none.effects.clear();
    assert_eq!(expected().matches(&none).unwrap_err().found, "no effect");
}
